/* condition.c: add_waiter_if. "Publish me, then look" and "change it, then wake" never miss each other,
 * and a wake that was not needed is passed on. */
#include "support.h"

#include <stdatomic.h>

static atomic_int ready_flag;

/* Relaxed on purpose: the ordering must come from the queue. */
static bool left_by_look[GUESTS];
static bool is_ready(void *g) {
    const bool ready = atomic_load_explicit(&ready_flag, memory_order_relaxed) != 0;
    left_by_look[(guest *)g - guests] = ready;
    return ready;
}
static void add(void *g) {
    ((guest *)g)->answer = rouse_waiter_queue_add_waiter_if(&queue, &((guest *)g)->waiter, is_ready, g);
}
static void set_ready(void) {
    atomic_store_explicit(&ready_flag, 1, memory_order_relaxed);
}
static uint32_t woken_one;
static void change_wake_one(void *arg) {
    (void)arg;
    set_ready();
    woken_one += rouse_waiter_queue_wake_one(&queue) ? 1 : 0;
}
static void change_wake_all(void *arg) {
    (void)arg;
    set_ready();
    woken_by_all += rouse_waiter_queue_wake_all(&queue);
}
static void change_notify(void *arg) {
    (void)arg;
    set_ready();
    mc_assert(rouse_waiter_queue_wake(&queue, 1, 1) == ROUSE_OK);
}
static void start(int passed) {
    guests_init(NULL);
    queue_start(0, passed);
}

static void wake_one_add(void) {
    start(0);
    run(add, A, change_wake_one, NULL, ONLY_TWO);
    mc_assert(granted(A));
    mc_assert(rouse_waiter_queue_balance(&queue) == 0);
    queue_finish();
}
static void wake_one_add_last_cell(void) {
    start(1);
    run(add, A, change_wake_one, NULL, ONLY_TWO);
    mc_assert(granted(A));
    queue_finish();
}
static void wake_all_add(void) {
    start(0);
    run(add, A, change_wake_all, NULL, ONLY_TWO);
    mc_assert(granted(A));
    queue_finish();
}
static void wake_all_two_add(void) {
    start(1);
    run(add, A, add, B, change_wake_all, NULL);
    mc_assert(granted(A) && granted(B));
    queue_finish();
}
/* The notification is stored or used, not lost: A either was woken by it or left it behind. */
static void notify_add(void) {
    start(0);
    run(add, A, change_notify, NULL, ONLY_TWO);
    mc_assert(granted(A));
    mc_assert(rouse_waiter_queue_balance(&queue) == (left_by_look[0] ? 1 : 0));
    queue_finish();
}
/* The one wake goes to the guest that came first; with A's second look it is passed on. */
static void wake_is_passed_on(void) {
    start(0);
    run(add, A, change_wake_one, NULL, wait_1, B);
    mc_assert(granted(A) || granted(B)); /* B may have been the older one */
    mc_assert(!granted(B) || woken_one == 1 || A->answer == ROUSE_OK);
    queue_finish();
}
/* A is ahead in the queue only until its second look: B, queued behind it, must get the wake that A did not need. */
static void wait_after_add(void *g) {
    add(g);
    enqueue(B, 1);
}
static void behind_a_withdrawal(void) {
    start(0);
    run(wait_after_add, A, change_wake_one, NULL, ONLY_TWO);
    mc_assert(granted(A));
    queue_finish();
}
static void queued_before(void) {
    start(0);
    enqueue(B, 1);
    run(add, A, change_wake_one, NULL, ONLY_TWO);
    /* B is the older one: the one wake is its own, unless A saw the change A is still queued. */
    mc_assert(granted(B));
    mc_assert(A->answer == ROUSE_OK || waiting(A));
    queue_finish();
}
static void queued_before_all(void) {
    start(0);
    enqueue(B, 1);
    run(add, A, change_wake_all, NULL, ONLY_TWO);
    mc_assert(granted(A) && granted(B));
    queue_finish();
}
/* A comes when B has been woken, so the change was before: A must see it, though the wake was not A's. */
static atomic_int b_is_up;
static void say_up(guest *g) {
    (void)g;
    atomic_store_explicit(&b_is_up, 1, memory_order_relaxed);
}
static void add_if_up(void *g) {
    if (atomic_load_explicit(&b_is_up, memory_order_relaxed) != 0) {
        add(g);
    }
}
static void add_behind_a_wake(void) {
    start(0);
    B->then = say_up;
    enqueue(B, 1);
    run(add_if_up, A, change_wake_one, NULL, ONLY_TWO);
    mc_assert(granted(B) && !waiting(A));
    queue_finish();
}
static void add_behind_a_notification(void) {
    start(0);
    B->then = say_up;
    enqueue(B, 1);
    go_the_short_way();
    run(add_if_up, A, change_notify, NULL, ONLY_TWO);
    mc_assert(granted(B) && !waiting(A));
    queue_finish();
}
static void add_behind_a_wake_all(void) {
    start(0);
    B->then = say_up;
    enqueue(B, 1);
    go_the_short_way();
    run(add_if_up, A, change_wake_all, NULL, ONLY_TWO);
    mc_assert(granted(B) && !waiting(A));
    queue_finish();
}
/* give brings permits, which must not be lost when A leaves by its second look. */
static void set_and_give(void *arg) {
    (void)arg;
    set_ready();
    give(1);
}
static void credit_is_conserved(void) {
    start(0);
    run(add, A, set_and_give, NULL, wait_1, B);
    mc_assert(granted(A) || granted(B));
    mc_assert(!waiting(B) || A->wakes == 1 || A->answer == ROUSE_OK);
    mc_assert(rouse_waiter_queue_balance(&queue) <= 1 && (!waiting(A) || !waiting(B)));
    queue_finish();
}
/* Two permits, one waiter that leaves by its second look: neither is lost with it. */
static void set_and_give_2(void *arg) {
    (void)arg;
    set_ready();
    give(2);
}
static void both_are_kept(void) {
    start(0);
    run(add, A, set_and_give_2, NULL, ONLY_TWO);
    mc_assert(granted(A));
    mc_assert(rouse_waiter_queue_balance(&queue) == (left_by_look[0] && A->answer == ROUSE_OK ? 2 : 1));
    queue_finish();
}
/* What A has given back, it does not give back when it leaves another time. */
static bool at_second_look(void *looks) {
    return (*(int *)looks)++ > 0;
}
static void given_back_once(void) {
    start(0);
    run(add, A, set_and_give, NULL, ONLY_TWO);
    if (A->answer == ROUSE_OK && rouse_waiter_queue_try_wait(&queue, 1)) {
        int looks = 0;
        mc_assert(rouse_waiter_queue_add_waiter_if(&queue, &A->waiter, at_second_look, &looks) == ROUSE_OK);
        mc_assert(rouse_waiter_queue_balance(&queue) == 0);
    }
    queue_finish();
}
static void ready_early(void) {
    start(0);
    run(add, A, give_1, NULL, ONLY_TWO);
    mc_assert(granted(A));
    conserved(1);
}
static void cancel_after_add(void *g) {
    add(g);
    take_out(g);
}
static void add_cancel_wake(void) {
    start(0);
    run(cancel_after_add, A, change_wake_one, NULL, ONLY_TWO);
    mc_assert(granted(A) || A->cancelled);
    queue_finish();
}
static void add_close(void) {
    start(0);
    run(add, A, close_queue, NULL, ONLY_TWO);
    mc_assert(closed(A));
    queue_finish();
}
static void add_close_ready(void) {
    start(0);
    run(add, A, close_queue, NULL, change_wake_one, NULL);
    mc_assert(closed(A) || granted(A));
    queue_finish();
}
/* What the waker did before is known when the second look has said yes because of that wake. */
static void publish_wake(void *arg) {
    (void)arg;
    shared = 1;
    set_ready();
    (void)rouse_waiter_queue_wake_one(&queue);
}
static void add_and_look(void *g) {
    add(g);
}
static void look(guest *g) {
    (void)g;
    mc_assert(shared == 1);
}
static void wake_publishes(void) {
    start(0);
    A->then = look;
    run(add_and_look, A, publish_wake, NULL, ONLY_TWO);
    mc_assert(granted(A));
    queue_finish();
}

const mc_scenario mc_scenarios[] = {
    {.name = "wake one, add", .body = wake_one_add},
    {.name = "wake one, add: the last cell", .body = wake_one_add_last_cell},
    {.name = "wake all, add", .body = wake_all_add},
    {.name = "wake all, two add",
     .body = wake_all_two_add,
     .bound = LOCKFREE_BOUND(2),
     .soak_bound = MC_NO_BOUND},
    {.name = "notify, add", .body = notify_add},
    {.name = "wake one, add, wait",
     .body = wake_is_passed_on,
     .bound = LOCKFREE_BOUND(1),
     .soak_bound = MC_NO_BOUND},
    {.name = "wake one, add, behind a withdrawal", .body = behind_a_withdrawal},
    {.name = "wake one, add, one queued before", .body = queued_before},
    {.name = "wake all, add, one queued before", .body = queued_before_all},
    {.name = "wake one, add behind it", .body = add_behind_a_wake},
    {.name = "notify, add behind it", .body = add_behind_a_notification},
    {.name = "wake all, add behind it", .body = add_behind_a_wake_all},
    {.name = "give, add, wait",
     .body = credit_is_conserved,
     .bound = LOCKFREE_BOUND(2),
     .soak_bound = MC_NO_BOUND},
    {.name = "give 2, add", .body = both_are_kept},
    {.name = "give, add, add again", .body = given_back_once},
    {.name = "give, add, never ready", .body = ready_early},
    {.name = "wake one, add and cancel", .body = add_cancel_wake},
    {.name = "close, add", .body = add_close},
    {.name = "close, add, wake one", .body = add_close_ready},
    {.name = "wake publishes", .body = wake_publishes},
    {0},
};
