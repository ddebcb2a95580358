/* batch.c: requests for two permits, which get them one by one, against gives, cancels and those behind them. */
#include "support.h"

static void start(uint32_t credit, int passed) {
    guests_init(NULL);
    queue_start(credit, passed);
}

/* Permits are conserved: A's request is for two, the others' for one. Ends the scenario. */
static void conserved_batch(int put_in) {
    const int held = (granted(A) ? 2 : 0) + count(granted) - (granted(A) ? 1 : 0);
    int queued = 0;
    for (int i = 0; i < GUESTS; i++) {
        if (waiting(&guests[i])) {
            queued++;
            mc_assert(rouse_waiter_queue_cancel(&queue, &guests[i].waiter));
            guests[i].cancelled = 1;
        }
    }
    mc_assert(queued == 0 || put_in - held <= 1);
    mc_assert(rouse_waiter_queue_balance(&queue) == put_in - held);
    queue_finish();
}

static void wait_2_two_give(void) {
    start(0, 0);
    run(wait_2, A, give_1, NULL, give_1, NULL);
    mc_assert(granted(A));
    conserved_batch(2);
}
static void queued_2_two_give(void) {
    start(0, 1);
    enqueue(A, 2);
    run(give_1, NULL, give_1, NULL, ONLY_TWO);
    mc_assert(granted(A));
    conserved_batch(2);
}
static void queued_2_give_2(void) {
    start(0, 0);
    enqueue(A, 2);
    run(give_2, NULL, wait_1, B, ONLY_TWO);
    mc_assert(granted(A));
    conserved_batch(2);
}
static void wait_2_takes_stored(void) {
    start(1, 0);
    run(wait_2, A, give_1, NULL, ONLY_TWO);
    mc_assert(granted(A));
    conserved_batch(2);
}
static void cancel_2_give(void) {
    start(0, 0);
    enqueue(A, 2);
    run(cancel, A, give_1, NULL, ONLY_TWO);
    mc_assert(A->cancelled);
    conserved_batch(1);
}
static void cancel_2_give_2(void) {
    start(0, 1);
    enqueue(A, 2);
    run(cancel, A, give_2, NULL, ONLY_TWO);
    conserved_batch(2);
}
static void cancel_2_two_give(void) {
    start(0, 0);
    enqueue(A, 2);
    run(cancel, A, give_1, NULL, give_1, NULL);
    conserved_batch(2);
}
/* The big request at the head leaves with one permit of two: the one behind it must have that. */
static void cancel_2_serves_behind(void) {
    start(1, 0);
    enqueue(A, 2);
    enqueue(B, 1);
    run(cancel, A, wait_1, C, ONLY_TWO);
    mc_assert(A->cancelled && granted(B));
    conserved_batch(1);
}
/* And its wake calls the library: no lock is held then. */
static void give_back(guest *g) {
    (void)g;
    give(1);
}
static void cancel_2_wakes_behind(void) {
    start(1, 0);
    B->then = give_back;
    enqueue(A, 2);
    enqueue(B, 1);
    run(cancel, A, wait_1, C, ONLY_TWO);
    mc_assert(A->cancelled && granted(B) && granted(C));
    queue_finish();
}
static void cancel_2_give_behind(void) {
    start(1, 0);
    enqueue(A, 2);
    enqueue(B, 1);
    run(cancel, A, give_1, NULL, ONLY_TWO);
    mc_assert(granted(A) || granted(B));
    conserved_batch(2);
}
static void cancel_2_cancel_behind(void) {
    start(1, 0);
    enqueue(A, 2);
    enqueue(B, 1);
    run(cancel, A, cancel, B, ONLY_TWO);
    mc_assert(A->cancelled);
    conserved_batch(1);
}
static void wait_and_cancel_2(void *g) {
    enqueue(g, 2);
    take_out(g);
}
static void wait_cancel_2_give(void) {
    start(0, 1);
    run(wait_and_cancel_2, A, give_1, NULL, ONLY_TWO);
    conserved_batch(1);
}
static void wait_cancel_2_give_2(void) {
    start(0, 0);
    run(wait_and_cancel_2, A, give_2, NULL, ONLY_TWO);
    conserved_batch(2);
}
static void polled_cancel_2_give_2(void) {
    start(0, 0);
    guest_init_polled(A);
    enqueue(A, 2);
    run(cancel, A, give_2, NULL, ONLY_TWO);
    conserved_batch(2);
}

/* What two givers did before is known to the one who needed both. */
extern int other;
int other;
static void give_after_shared(void *arg) {
    (void)arg;
    shared = 1;
    give(1);
}
static void give_after_other(void *arg) {
    (void)arg;
    other = 1;
    give(1);
}
/* One of two permits is given, then the request is cancelled. The thread that takes the permit knows what
 * its giver did. */
static void try_and_look(void *g) {
    try_1(g);
    mc_assert(!granted(g) || shared == 1);
}
static void cancelled_credit_carries(void) {
    start(0, 0);
    enqueue(A, 2);
    run(give_after_shared, NULL, cancel, A, try_and_look, D);
    mc_assert(A->cancelled);
    conserved_batch(1);
}
static void look(guest *g) {
    (void)g;
    mc_assert(shared == 1 && other == 1);
}
static void both_givers_are_seen(void) {
    start(0, 0);
    A->then = look;
    enqueue(A, 2);
    run(give_after_shared, NULL, give_after_other, NULL, ONLY_TWO);
    mc_assert(granted(A));
    conserved_batch(2);
}
/* By wakes that may store one: these go another way than a release of 1. */
static void wake_after(void *arg) {
    *(int *)arg = 1;
    mc_assert(rouse_waiter_queue_wake(&queue, 1, 1) == ROUSE_OK);
}
static void both_wakers_are_seen(void) {
    start(0, 0);
    A->then = look;
    enqueue(A, 2);
    run(wake_after, &shared, wake_after, &other, ONLY_TWO);
    mc_assert(granted(A));
    conserved_batch(2);
}
static void wait_2_and_look(void *g) {
    enqueue(g, 2);
    if (((guest *)g)->answer == ROUSE_OK) {
        look(g);
    }
}
static void both_givers_are_seen_at_once(void) {
    start(0, 0);
    A->then = look;
    run(wait_2_and_look, A, give_after_shared, NULL, give_after_other, NULL);
    mc_assert(granted(A));
    conserved_batch(2);
}

const mc_scenario mc_scenarios[] = {
    {.name = "wait for 2, two give 1",
     .body = wait_2_two_give,
     .bound = LOCKFREE_BOUND(2),
     .soak_bound = MC_NO_BOUND},
    {.name = "queued for 2, two give 1", .body = queued_2_two_give},
    {.name = "queued for 2, give 2, one waits", .body = queued_2_give_2},
    {.name = "wait for 2 takes the stored one", .body = wait_2_takes_stored},
    {.name = "cancel 2, give 1", .body = cancel_2_give},
    {.name = "cancel 2, give 2", .body = cancel_2_give_2},
    {.name = "cancel 2, two give 1",
     .body = cancel_2_two_give,
     .bound = LOCKFREE_BOUND(2),
     .soak_bound = MC_NO_BOUND},
    {.name = "cancel 2 serves the one behind", .body = cancel_2_serves_behind},
    {.name = "cancel 2 wakes the one behind", .body = cancel_2_wakes_behind},
    {.name = "cancel 2, give 1, one behind", .body = cancel_2_give_behind},
    {.name = "cancel 2, cancel the one behind", .body = cancel_2_cancel_behind},
    {.name = "wait for 2 and cancel, give 1",
     .body = wait_cancel_2_give,
     .bound = LOCKFREE_BOUND(2),
     .soak_bound = MC_NO_BOUND},
    {.name = "wait for 2 and cancel, give 2", .body = wait_cancel_2_give_2},
    {.name = "polled: cancel 2, give 2", .body = polled_cancel_2_give_2},
    {.name = "credit of a cancelled request", .body = cancelled_credit_carries},
    {.name = "both givers are seen", .body = both_givers_are_seen},
    {.name = "both wakers are seen", .body = both_wakers_are_seen},
    {.name = "both givers are seen at once",
     .body = both_givers_are_seen_at_once,
     .bound = LOCKFREE_BOUND(2),
     .soak_bound = MC_NO_BOUND},
    {0},
};
