/* cancel.c: cancel against wake, wait and other cancels. A wake is never spent on a cancelled waiter, and
 * granted and cancelled exclude each other. */
#include "support.h"

static void start(int passed) {
    guests_init(NULL);
    queue_start(0, passed);
}

/* ---- one waiter ------------------------------------------------------------------------------------------------ */

static void cancel_give(void) {
    start(0);
    enqueue(A, 1);
    run(cancel, A, give_1, NULL, ONLY_TWO);
    mc_reached(A->cancelled ? 0 : 1);
    conserved(1);
}
static void cancel_give_last_cell(void) {
    start(1);
    enqueue(A, 1);
    run(cancel, A, give_1, NULL, ONLY_TWO);
    conserved(1);
}
static void wait_cancel_give(void) {
    start(0);
    run(wait_and_cancel, A, give_1, NULL, ONLY_TWO);
    conserved(1);
}
static void wait_cancel_give_last_cell(void) {
    start(1);
    run(wait_and_cancel, A, give_1, NULL, ONLY_TWO);
    conserved(1);
}
/* A polled waiter is its owner's again when cancel has returned, whatever it returned: here it is written to. */
static void cancel_and_reuse(void *arg) {
    guest *const g = arg;
    take_out(g);
    mc_assert(g->cancelled || rouse_waiter_status(&g->waiter) == ROUSE_OK);
    g->waiter.next_ = NULL;
    g->waiter.data_ = NULL;
}
static void polled_cancel_give(void) {
    start(0);
    guest_init_polled(A);
    enqueue(A, 1);
    run(cancel_and_reuse, A, give_1, NULL, ONLY_TWO);
    conserved(1);
}
static void polled_wait_cancel_give(void) {
    start(1);
    guest_init_polled(A);
    run(wait_and_cancel, A, give_1, NULL, ONLY_TWO);
    conserved(1);
}

/* ---- behind another -------------------------------------------------------------------------------------------- */

static void cancel_first_give(void) {
    start(0);
    enqueue(A, 1);
    enqueue(B, 1);
    run(cancel, A, give_1, NULL, ONLY_TWO);
    mc_assert(granted(A) || granted(B));
    conserved(1);
}
static void cancel_second_give(void) {
    start(0);
    enqueue(A, 1);
    enqueue(B, 1);
    run(cancel, B, give_1, NULL, ONLY_TWO);
    mc_assert(granted(A));
    conserved(1);
}
static void cancel_second_give_two(void) {
    start(1);
    enqueue(A, 1);
    enqueue(B, 1);
    run(cancel, B, give_2, NULL, ONLY_TWO);
    mc_assert(granted(A));
    conserved(2);
}
/* Three wait, two cancel, two permits come: the third must have one. */
static void two_cancel_give_two(void) {
    start(0);
    enqueue(A, 1);
    enqueue(B, 1);
    enqueue(C, 1);
    run(cancel, A, cancel, B, give_2, NULL);
    mc_assert(granted(C) || (granted(A) && granted(B)));
    mc_assert(count(granted) == 2 || !waiting(C));
    conserved(2);
}
static void two_cancel_give_one(void) {
    start(1);
    enqueue(A, 1);
    enqueue(B, 1);
    enqueue(C, 1);
    run(cancel, A, cancel, C, give_1, NULL);
    conserved(1);
}
static void cancel_both_sides(void) {
    start(0);
    enqueue(A, 1);
    enqueue(B, 1);
    enqueue(C, 1);
    run(cancel, A, cancel, B, ONLY_TWO);
    mc_assert(A->cancelled && B->cancelled && waiting(C));
    mc_assert(rouse_waiter_queue_waiter_count(&queue) == 1);
    give(1);
    mc_assert(granted(C));
    conserved(1);
}
static void cancel_two_gives(void) {
    start(0);
    enqueue(A, 1);
    enqueue(B, 1);
    run(cancel, A, give_1, NULL, give_1, NULL);
    mc_assert(granted(B));
    conserved(2);
}
static void cancel_against_wait(void) {
    start(0);
    enqueue(A, 1);
    run(cancel, A, wait_1, B, ONLY_TWO);
    mc_assert(A->cancelled && waiting(B));
    give(1);
    mc_assert(granted(B));
    conserved(1);
}
static void cancel_wait_give(void) {
    start(0);
    enqueue(A, 1);
    run(cancel, A, wait_1, B, give_1, NULL);
    conserved(1);
}
static void wait_cancel_against_wait_give(void) {
    start(0);
    run(wait_and_cancel, A, wait_1, B, give_1, NULL);
    mc_assert(granted(A) || granted(B));
    conserved(1);
}

/* Cancelled and queued again at once, by its owner. */
static void requeue(void *arg) {
    guest *const g = arg;
    take_out(g);
    if (g->cancelled) {
        g->cancelled = 0;
        enqueue(g, 1);
    }
}
static void requeue_give(void) {
    start(0);
    enqueue(A, 1);
    run(requeue, A, give_1, NULL, ONLY_TWO);
    mc_assert(granted(A));
    conserved(1);
}
static void requeue_behind(void) {
    start(1);
    enqueue(A, 1);
    enqueue(B, 1);
    run(requeue, A, give_1, NULL, ONLY_TWO);
    mc_assert(granted(A) || granted(B));
    conserved(1);
}

/* Granted by the same call: cancel inside the first wake says no to the second waiter. */
static void cancel_b(guest *g) {
    (void)g;
    take_out(B);
}
static void cancel_in_wake(void) {
    start(0);
    A->then = cancel_b;
    enqueue(A, 1);
    enqueue(B, 1);
    run(give_2, NULL, give_1, NULL, ONLY_TWO);
    mc_assert(granted(A) && (granted(B) || B->cancelled));
    conserved(3);
}

/* Two threads cancel the same waiter: one of them has it. Meanwhile the head comes to it, and its segment goes. */
static bool both[2];
static void give_2_cancel_first(void *g) {
    give(2);
    both[0] = rouse_waiter_queue_cancel(&queue, &((guest *)g)->waiter);
}
static void cancel_second(void *g) {
    both[1] = rouse_waiter_queue_cancel(&queue, &((guest *)g)->waiter);
}
static void two_cancel_one(void) {
    guests_init(NULL);
    queue_start(0, 0);
    for (int i = 0; i < 5; i++) {
        enqueue(&guests[i], 1);
    }
    take_out(D);
    run(give_2_cancel_first, C, cancel_second, C, ONLY_TWO);
    mc_assert(both[0] != both[1]);
    mc_assert(rouse_waiter_queue_waiter_count(&queue) == 1 && rouse_waiter_queue_balance(&queue) == -1);
    give(1);
    mc_assert(granted(A) && granted(B) && granted(E));
    rouse_waiter_queue_destroy(&queue);
}

const mc_scenario mc_scenarios[] = {
    {.name = "cancel, give", .body = cancel_give},
    {.name = "cancel, give: the last cell", .body = cancel_give_last_cell},
    {.name = "wait and cancel, give", .body = wait_cancel_give},
    {.name = "wait and cancel, give: the last cell", .body = wait_cancel_give_last_cell},
    {.name = "polled: cancel, give", .body = polled_cancel_give},
    {.name = "polled: wait and cancel, give", .body = polled_wait_cancel_give},
    {.name = "cancel the first of two, give", .body = cancel_first_give},
    {.name = "cancel the second of two, give", .body = cancel_second_give},
    {.name = "cancel the second of two, give 2", .body = cancel_second_give_two},
    {.name = "two of three cancel, give 2",
     .body = two_cancel_give_two,
     .bound = LOCKFREE_BOUND(1),
     .soak_bound = MC_NO_BOUND},
    {.name = "two of three cancel, give 1",
     .body = two_cancel_give_one,
     .bound = LOCKFREE_BOUND(2),
     .soak_bound = MC_NO_BOUND},
    {.name = "two of three cancel", .body = cancel_both_sides},
    {.name = "cancel, two give", .body = cancel_two_gives},
    {.name = "cancel, wait", .body = cancel_against_wait},
    {.name = "cancel, wait, give", .body = cancel_wait_give},
    {.name = "wait and cancel, wait, give",
     .body = wait_cancel_against_wait_give,
     .bound = 2,
     .soak_bound = MC_NO_BOUND},
    {.name = "cancel and queue again, give", .body = requeue_give},
    {.name = "cancel and queue again, two wait, give", .body = requeue_behind},
    {.name = "cancel in a wake", .body = cancel_in_wake},
    {.name = "two cancel the same", .body = two_cancel_one, .bound = 2, .soak_bound = MC_NO_BOUND},
    {0},
};
