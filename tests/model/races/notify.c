/* notify.c: notify_one, notify_all and pass_on. One notification is kept and never two; "all" means the
 * waiters of this moment. */
#include "support.h"

#define NOTIFY ((rouse_notify *)&queue)

static void start(int passed) {
    guests_init(NULL);
    queue_start(0, passed);
}
static void notify_one(void *arg) {
    (void)arg;
    rouse_notify_one(NOTIFY);
}
static void notify_all(void *count) {
    *(count == NULL ? &woken_by_all : (uint32_t *)count) += rouse_notify_all(NOTIFY);
}
static void notify_wait(void *g) {
    ((guest *)g)->answer = rouse_notify_wait(NOTIFY, &((guest *)g)->waiter);
}
static int stored(void) {
    const int64_t balance = rouse_waiter_queue_balance(&queue);
    return balance > 0 ? (int)balance : 0;
}

static void one_wait(void) {
    start(0);
    run(notify_one, NULL, notify_wait, A, ONLY_TWO);
    mc_assert(granted(A) && stored() == 0);
    queue_finish();
}
/* Two notifications with nobody there may become one; a waiter gets at most one of them. */
static void two_one_wait(void) {
    start(0);
    run(notify_one, NULL, notify_one, NULL, notify_wait, A);
    mc_assert(granted(A) && stored() <= 1);
    queue_finish();
}
static void one_two_wait(void) {
    start(1);
    run(notify_one, NULL, notify_wait, A, notify_wait, B);
    mc_assert(count(granted) == 1 && stored() == 0);
    queue_finish();
}
static void two_one_two_queued(void) {
    start(1);
    enqueue(A, 1);
    enqueue(B, 1);
    run(notify_one, NULL, notify_one, NULL, ONLY_TWO);
    mc_assert(granted(A) && granted(B) && stored() == 0);
    queue_finish();
}
static void all_wait(void) {
    start(0);
    run(notify_all, NULL, notify_wait, A, ONLY_TWO);
    mc_assert(granted(A) == (woken_by_all == 1) && granted(A) != waiting(A) && stored() == 0);
    queue_finish();
}
static void all_wait_queued(void) {
    start(1);
    enqueue(A, 1);
    run(notify_all, NULL, notify_wait, B, ONLY_TWO);
    mc_assert(granted(A) && woken_by_all == (granted(B) ? 2u : 1u));
    queue_finish();
}
static void all_one(void) {
    start(0);
    enqueue(A, 1);
    run(notify_all, NULL, notify_one, NULL, ONLY_TWO);
    mc_assert(granted(A) && stored() == (int)woken_by_all);
    queue_finish();
}
static void all_one_two(void) {
    start(1);
    enqueue(A, 1);
    enqueue(B, 1);
    run(notify_all, NULL, notify_one, NULL, ONLY_TWO);
    mc_assert(granted(A) && granted(B));
    mc_assert(stored() == (woken_by_all == 2 ? 1 : 0));
    queue_finish();
}
static void all_all(void) {
    start(0);
    enqueue(A, 1);
    run(notify_all, NULL, notify_all, &woken_by_second, ONLY_TWO);
    mc_assert(granted(A) && woken_by_all + woken_by_second == 1 && stored() == 0);
    queue_finish();
}
static void all_cancel(void) {
    start(0);
    enqueue(A, 1);
    enqueue(B, 1);
    run(notify_all, NULL, cancel, A, ONLY_TWO);
    mc_assert(granted(B) && granted(A) != (A->cancelled != 0) && stored() == 0);
    mc_assert(woken_by_all == (A->cancelled ? 1u : 2u));
    queue_finish();
}
/* The same, and LOCKFREE wakes the one waiter as by a wake. */
static void alone_start(void) {
    start(0);
    enqueue(A, 1);
    go_the_short_way();
}
static void alone_wait(void) {
    alone_start();
    run(notify_all, NULL, notify_wait, B, ONLY_TWO);
    mc_assert(granted(A) && woken_by_all == (granted(B) ? 2u : 1u));
    queue_finish();
}
static void alone_one(void) {
    alone_start();
    run(notify_all, NULL, notify_one, NULL, ONLY_TWO);
    mc_assert(granted(A) && stored() == (int)woken_by_all);
    queue_finish();
}
static void alone_all(void) {
    alone_start();
    run(notify_all, NULL, notify_all, &woken_by_second, ONLY_TWO);
    mc_assert(granted(A) && woken_by_all + woken_by_second == 1 && stored() == 0);
    queue_finish();
}
static void alone_cancel(void) {
    alone_start();
    run(notify_all, NULL, cancel, A, ONLY_TWO);
    mc_assert(granted(A) != (A->cancelled != 0) && woken_by_all == (granted(A) ? 1u : 0u));
    queue_finish();
}
/* If the one takes the waiter from the all, B waits already: then that is woken by all. */
static void wait_then_one(void *g) {
    notify_wait(g);
    rouse_notify_one(NOTIFY);
}
static void alone_wait_then_one(void) {
    alone_start();
    run(notify_all, NULL, wait_then_one, B, ONLY_TWO);
    mc_assert(granted(A) && granted(B) && stored() == (woken_by_all == 2 ? 1 : 0));
    queue_finish();
}
static void two_are_not_alone(void) {
    start(0);
    enqueue(A, 1);
    enqueue(B, 1);
    go_the_short_way();
    run(notify_all, NULL, cancel, A, ONLY_TWO);
    mc_assert(granted(B) && granted(A) != (A->cancelled != 0));
    queue_finish();
}
static void all_stored(void) {
    start(0);
    rouse_notify_one(NOTIFY);
    run(notify_all, NULL, notify_wait, A, ONLY_TWO);
    mc_assert(A->answer == ROUSE_OK && woken_by_all == 0 && stored() == 0);
    queue_finish();
}
/* What wake_all gives comes from nowhere, and goes nowhere if its waiter is cancelled. */
static void all_cancel_batch(void) {
    start(0);
    enqueue(A, 2);
    run(notify_all, NULL, cancel, A, ONLY_TWO);
    mc_assert(granted(A) != (A->cancelled != 0) && stored() == 0);
    queue_finish();
}
static void all_batch(void) {
    start(0);
    enqueue(A, 2);
    run(notify_all, NULL, notify_one, NULL, ONLY_TWO);
    mc_assert(granted(A) && woken_by_all + (uint32_t)stored() <= 2);
    queue_finish();
}

/* Queues itself again in its own wake: that waits for the next notification. */
static void again(guest *g) {
    g->then = NULL;
    C->answer = rouse_notify_wait(NOTIFY, &C->waiter);
}
static void all_again(void) {
    start(0);
    A->then = again;
    enqueue(A, 1);
    enqueue(B, 1);
    run(notify_all, NULL, notify_wait, D, ONLY_TWO);
    mc_assert(granted(A) && granted(B) && waiting(C));
    queue_finish();
}

/* Cancel that comes too late: the notification goes to the next. */
static void cancel_or_pass_on(void *arg) {
    guest *const g = arg;
    take_out(g);
    if (!g->cancelled) {
        rouse_notify_pass_on(NOTIFY, &g->waiter);
    }
}
static void pass_on_polled(void) {
    start(0);
    guest_init_polled(A);
    enqueue(A, 1);
    enqueue(B, 1);
    run(cancel_or_pass_on, A, notify_one, NULL, ONLY_TWO);
    mc_assert(granted(B) && stored() == 0);
    queue_finish();
}
static void pass_on_all(void) {
    start(0);
    guest_init_polled(A);
    enqueue(A, 1);
    run(cancel_or_pass_on, A, notify_all, NULL, notify_wait, B);
    mc_assert(stored() == 0);
    mc_assert(granted(B) || waiting(B));
    queue_finish();
}
static void pass_on_to_newcomer(void) {
    start(0);
    guest_init_polled(A);
    enqueue(A, 1);
    run(cancel_or_pass_on, A, notify_one, NULL, notify_wait, B);
    mc_assert(granted(B) && stored() == 0);
    queue_finish();
}

/* An answer at once: what notify_all gave is not handed on, a notification is. */
static void wait_and_pass_on(void *arg) {
    guest *const g = arg;
    notify_wait(g);
    if (g->answer == ROUSE_OK) {
        rouse_notify_pass_on(NOTIFY, &g->waiter);
    }
}
static void pass_on_at_once_all(void) {
    start(0);
    run(wait_and_pass_on, A, notify_all, NULL, ONLY_TWO);
    mc_assert(stored() == 0);
    queue_finish();
}
static void pass_on_at_once_one(void) {
    start(0);
    enqueue(A, 1);
    mc_assert(rouse_waiter_queue_cancel(&queue, &A->waiter)); /* leaves another status than ROUSE_OK */
    run(wait_and_pass_on, A, notify_one, NULL, ONLY_TWO);
    mc_assert(granted(A) && stored() == (A->answer == ROUSE_OK ? 1 : 0));
    queue_finish();
}
static void pass_on_at_once_to_newcomer(void) {
    start(0);
    run(wait_and_pass_on, A, notify_one, NULL, notify_wait, B);
    mc_assert(A->answer == ROUSE_OK ? granted(B) != (stored() == 1) : granted(A) != granted(B));
    queue_finish();
}
/* A's condition holds: the notification has gone on already, and pass_on has nothing to add. */
static _Atomic int condition;
static bool condition_holds(void *arg) {
    (void)arg;
    return __atomic_load_n((int *)&condition, __ATOMIC_RELAXED) != 0;
}
static void change_notify_one(void *arg) {
    (void)arg;
    __atomic_store_n((int *)&condition, 1, __ATOMIC_RELAXED);
    rouse_notify_one(NOTIFY);
}
static void wait_if_and_pass_on(void *arg) {
    guest *const g = arg;
    g->answer = rouse_notify_wait_if(NOTIFY, &g->waiter, condition_holds, NULL);
    notify_wait(B);
    if (g->answer == ROUSE_OK) {
        rouse_notify_pass_on(NOTIFY, &g->waiter);
    }
}
static void pass_on_condition(void) {
    start(0);
    run(wait_if_and_pass_on, A, change_notify_one, NULL, ONLY_TWO);
    mc_assert(A->answer != ROUSE_OK || (granted(B) ? 1 : 0) + stored() == 1);
    queue_finish();
}
/* A stored notification that A did not need goes back: one is kept and never two. */
static void wait_if(void *arg) {
    guest *const g = arg;
    g->answer = rouse_notify_wait_if(NOTIFY, &g->waiter, condition_holds, NULL);
}
static void back_under_the_cap(void) {
    start(0);
    run(wait_if, A, change_notify_one, NULL, notify_one, NULL);
    mc_assert(granted(A) && stored() <= 1);
    queue_finish();
}
/* Up to two of those who wait, in their order, and nothing stored. */
static uint32_t woken_by_n;
static void notify_two(void *arg) {
    (void)arg;
    woken_by_n = rouse_notify_n(NOTIFY, 2);
}
static void n_wait(void) {
    start(1);
    enqueue(A, 1);
    run(notify_two, NULL, notify_wait, B, ONLY_TWO);
    mc_assert(granted(A) && woken_by_n == (uint32_t)count(granted) && stored() == 0);
    queue_finish();
}
static void n_one(void) {
    start(0);
    enqueue(A, 1);
    enqueue(B, 1);
    enqueue(C, 1);
    run(notify_two, NULL, notify_one, NULL, ONLY_TWO);
    mc_assert(woken_by_n == 2 && count(granted) == 3 && stored() == 0);
    queue_finish();
}
static void n_cancel(void) {
    start(1);
    enqueue(A, 1);
    enqueue(B, 1);
    run(notify_two, NULL, cancel, A, ONLY_TWO);
    mc_assert(granted(B) && granted(A) != (A->cancelled != 0) && stored() == 0);
    mc_assert(woken_by_n == (uint32_t)count(granted));
    queue_finish();
}
static void n_all(void) {
    start(0);
    enqueue(A, 1);
    enqueue(B, 1);
    enqueue(C, 1);
    run(notify_two, NULL, notify_all, NULL, ONLY_TWO);
    mc_assert(count(granted) == 3 && woken_by_n + woken_by_all == 3 && stored() == 0);
    queue_finish();
}

/* What came before a notification is known to the waiter, the stored one included, though an earlier one was there. */
extern int other;
int other;
static void publish_shared(void *arg) {
    (void)arg;
    shared = 1;
    rouse_notify_one(NOTIFY);
}
static void publish_other(void *arg) {
    (void)arg;
    other = 1;
    rouse_notify_one(NOTIFY);
}
static _Atomic int told_shared, told_other;
static void publish_shared_told(void *arg) {
    publish_shared(arg);
    __atomic_store_n((int *)&told_shared, 1, __ATOMIC_RELAXED);
}
static void publish_other_told(void *arg) {
    publish_other(arg);
    __atomic_store_n((int *)&told_other, 1, __ATOMIC_RELAXED);
}
/* Both have notified: the one permit carries what either did. */
static void take_when_told(void *arg) {
    (void)arg;
    if (__atomic_load_n((int *)&told_shared, __ATOMIC_RELAXED) &&
        __atomic_load_n((int *)&told_other, __ATOMIC_RELAXED) && rouse_waiter_queue_try_wait(&queue, 1)) {
        mc_assert(shared == 1 && other == 1);
    }
}
static void merged_notifications(void) {
    start(0);
    run(publish_shared_told, NULL, publish_other_told, NULL, take_when_told, NULL);
    queue_finish();
}

const mc_scenario mc_scenarios[] = {
    {.name = "one, wait", .body = one_wait},
    {.name = "two one, wait", .body = two_one_wait},
    {.name = "one, two wait", .body = one_two_wait, .bound = LOCKFREE_BOUND(2), .soak_bound = MC_NO_BOUND},
    {.name = "two one, two queued", .body = two_one_two_queued},
    {.name = "all, wait", .body = all_wait},
    {.name = "all, one queued, one waits", .body = all_wait_queued},
    {.name = "all, one", .body = all_one},
    {.name = "all, one, two queued", .body = all_one_two},
    {.name = "all, all", .body = all_all},
    {.name = "all, cancel", .body = all_cancel},
    {.name = "all, alone, one waits", .body = alone_wait},
    {.name = "all, alone, one", .body = alone_one},
    {.name = "all, alone, all", .body = alone_all},
    {.name = "all, alone, cancel", .body = alone_cancel},
    {.name = "all, alone, wait and one", .body = alone_wait_then_one},
    {.name = "all, not alone, cancel", .body = two_are_not_alone},
    {.name = "all, a stored one", .body = all_stored},
    {.name = "all, one, queued for 2", .body = all_batch},
    {.name = "all, cancel 2", .body = all_cancel_batch},
    {.name = "all, queue again in the wake",
     .body = all_again,
     .bound = LOCKFREE_BOUND(2),
     .soak_bound = MC_NO_BOUND},
    {.name = "pass on: polled", .body = pass_on_polled},
    {.name = "pass on: woken by all",
     .body = pass_on_all,
     .bound = LOCKFREE_BOUND(2),
     .soak_bound = MC_NO_BOUND},
    {.name = "pass on: to a newcomer",
     .body = pass_on_to_newcomer,
     .bound = LOCKFREE_BOUND(2),
     .soak_bound = MC_NO_BOUND},
    {.name = "merged notifications", .body = merged_notifications},
    {.name = "pass on: at once, all", .body = pass_on_at_once_all},
    {.name = "pass on: at once, one", .body = pass_on_at_once_one},
    {.name = "pass on: at once, to a newcomer",
     .body = pass_on_at_once_to_newcomer,
     .bound = LOCKFREE_BOUND(2),
     .soak_bound = MC_NO_BOUND},
    {.name = "pass on: the condition holds", .body = pass_on_condition},
    {.name = "two one, wait for a condition",
     .body = back_under_the_cap,
     .bound = LOCKFREE_BOUND(2),
     .soak_bound = MC_NO_BOUND},
    {.name = "n, wait", .body = n_wait},
    {.name = "n, one", .body = n_one},
    {.name = "n, cancel", .body = n_cancel},
    {.name = "n, all", .body = n_all},
    {0},
};
