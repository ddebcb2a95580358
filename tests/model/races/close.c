/* close.c: close against everything. Every waiter gets its outcome, no permit is lost, and no waiter
 * queues after close's sweep. */
#include "support.h"

static void start(uint32_t credit, int passed) {
    guests_init(NULL);
    queue_start(credit, passed);
}

/* Closed, everybody told once, permits conserved (all requests but A's, if `a_wants` is 2, are for one). */
static void ends_closed(int put_in, int a_wants) {
    const int held = count(granted) + (granted(A) ? a_wants - 1 : 0);
    mc_assert(rouse_waiter_queue_is_closed(&queue));
    mc_assert(count(waiting) == 0);
    mc_assert(rouse_waiter_queue_balance(&queue) == put_in - held);
    mc_assert(!rouse_waiter_queue_try_wait(&queue, 1));
    queue_finish();
}

static void close_wait(void) {
    start(0, 0);
    run(close_queue, NULL, wait_1, A, ONLY_TWO);
    mc_assert(closed(A));
    mc_assert(woken_by_close == (uint32_t)A->wakes || A->answer == ROUSE_CLOSED);
    ends_closed(0, 1);
}
static void close_wait_last_cell(void) {
    start(0, 1);
    run(close_queue, NULL, wait_1, A, wait_1, B);
    mc_assert(closed(A) && closed(B));
    ends_closed(0, 1);
}
static void close_wait_stored(void) {
    start(1, 0);
    run(close_queue, NULL, wait_1, A, ONLY_TWO);
    mc_assert(closed(A) || granted(A));
    ends_closed(1, 1);
}
static void close_give(void) {
    start(0, 0);
    enqueue(A, 1);
    run(close_queue, NULL, give_1, NULL, ONLY_TWO);
    mc_assert(closed(A) != granted(A));
    ends_closed(1, 1);
}
static void close_give_wait(void) {
    start(0, 0);
    run(close_queue, NULL, give_1, NULL, wait_1, A);
    mc_assert(closed(A) != granted(A));
    ends_closed(1, 1);
}
static void close_cancel(void) {
    start(0, 1);
    enqueue(A, 1);
    enqueue(B, 1);
    run(close_queue, NULL, cancel, A, ONLY_TWO);
    mc_assert(closed(B) && closed(A) != (A->cancelled != 0));
    ends_closed(0, 1);
}
static void close_close(void) {
    start(0, 0);
    enqueue(A, 1);
    run(close_queue, NULL, close_queue, &woken_by_second, ONLY_TWO);
    mc_assert(closed(A) && woken_by_close + woken_by_second == 1);
    ends_closed(0, 1);
}
static void close_all(void) {
    start(0, 0);
    enqueue(A, 1);
    enqueue(B, 1);
    run(close_queue, NULL, wake_all, NULL, ONLY_TWO);
    mc_assert(closed(A) == closed(B) && granted(A) == granted(B));
    mc_assert(woken_by_close + woken_by_all == 2);
    /* wake_all gives what it takes from nowhere. */
    mc_assert(rouse_waiter_queue_balance(&queue) == 0);
    queue_finish();
}
static void close_try(void) {
    start(1, 0);
    run(close_queue, NULL, try_1, D, ONLY_TWO);
    ends_closed(1, 1);
}
static void close_partial(void) {
    start(1, 0);
    enqueue(A, 2);
    run(close_queue, NULL, give_1, NULL, ONLY_TWO);
    mc_assert(closed(A) != granted(A));
    ends_closed(2, 2);
}
/* The give takes the first of A's tickets, close the others; the last of the two gives back what A had. */
static void close_give_queued_2(void) {
    start(0, 0);
    enqueue(A, 2);
    run(close_queue, NULL, give_1, NULL, ONLY_TWO);
    mc_assert(closed(A));
    ends_closed(1, 2);
}
static void close_cancel_3(void) {
    start(0, 0);
    enqueue(A, 3);
    run(close_queue, NULL, cancel, A, ONLY_TWO);
    mc_assert(closed(A) != (A->cancelled != 0));
    ends_closed(0, 3);
}
static void close_wait_2(void) {
    start(1, 0);
    run(close_queue, NULL, wait_2, A, ONLY_TWO);
    mc_assert(closed(A));
    ends_closed(1, 2);
}
static void close_wait_2_give(void) {
    start(0, 1);
    run(close_queue, NULL, wait_2, A, give_1, NULL);
    mc_assert(closed(A));
    ends_closed(1, 2);
}
static void close_cancel_2(void) {
    start(1, 1);
    enqueue(A, 2);
    run(close_queue, NULL, cancel, A, ONLY_TWO);
    mc_assert(closed(A) != (A->cancelled != 0));
    ends_closed(1, 2);
}
static void close_cancel_give_2(void) {
    start(0, 0);
    enqueue(A, 2);
    run(close_queue, NULL, cancel, A, give_1, NULL);
    mc_assert(closed(A) != (A->cancelled != 0));
    ends_closed(1, 2);
}

/* What came before close is known to the waiter it wakes, to the one it refuses, and to a thread that sees
 * the queue closed. */
static void publish_and_close(void *arg) {
    (void)arg;
    shared = 1;
    (void)rouse_waiter_queue_close(&queue);
}
static void look(guest *g) {
    (void)g;
    mc_assert(shared == 1);
}
static void told_closed(rouse_waiter *w, rouse_status status) {
    guest_wake(w, status);
    look(rouse_waiter_data(w));
}
static void seen_closed(void *arg) {
    (void)arg;
    if (rouse_waiter_queue_is_closed(&queue)) {
        mc_assert(shared == 1);
    }
}
static void wait_then_look(void *g) {
    enqueue(g, 1);
    mc_assert(((guest *)g)->answer != ROUSE_CLOSED || shared == 1);
}
static void close_publishes_to_the_refused(void) {
    start(0, 0);
    run(publish_and_close, NULL, wait_then_look, A, ONLY_TWO);
    mc_assert(closed(A));
    ends_closed(0, 1);
}
/* A comes while B is being told. */
static void close_publishes_while_told(void) {
    start(0, 0);
    enqueue(B, 1);
    run(publish_and_close, NULL, wait_then_look, A, ONLY_TWO);
    mc_assert(closed(A) && closed(B));
    ends_closed(0, 1);
}
/* A is refused when it looks again, having got no memory. */
static void close_publishes_no_memory(void) {
    guests_init(NULL);
    rouse_waiter_queue_init(&queue, 0);
    run(publish_and_close, NULL, wait_then_look, A, ONLY_TWO);
    mc_assert(A->answer == ROUSE_NOMEM || closed(A));
    queue_finish();
}
static void close_publishes(void) {
    start(0, 0);
    rouse_waiter_init(&A->waiter, told_closed, A);
    run(publish_and_close, NULL, wait_1, A, seen_closed, NULL);
    mc_assert(closed(A));
    ends_closed(0, 1);
}

const mc_scenario mc_scenarios[] = {
    {.name = "close, wait", .body = close_wait},
    {.name = "close, two wait", .body = close_wait_last_cell},
    {.name = "close, wait, a permit stored", .body = close_wait_stored},
    {.name = "close, give", .body = close_give},
    {.name = "close, give, wait", .body = close_give_wait},
    {.name = "close, cancel", .body = close_cancel},
    {.name = "close, close", .body = close_close},
    {.name = "close, wake all", .body = close_all},
    {.name = "close, try", .body = close_try},
    {.name = "close, give, one of two given", .body = close_partial},
    {.name = "close, give, queued for 2", .body = close_give_queued_2},
    {.name = "close, cancel 3", .body = close_cancel_3},
    {.name = "close, wait for 2", .body = close_wait_2},
    {.name = "close, wait for 2, give",
     .body = close_wait_2_give,
     .bound = LOCKFREE_BOUND(3),
     .soak_bound = MC_NO_BOUND},
    {.name = "close, cancel 2", .body = close_cancel_2},
    {.name = "close, cancel 2, give",
     .body = close_cancel_give_2,
     .bound = LOCKFREE_BOUND(1),
     .soak_bound = MC_NO_BOUND},
    {.name = "close publishes", .body = close_publishes},
    {.name = "close publishes to the refused, one queued", .body = close_publishes_while_told},
    {.name = "close publishes to the refused, no memory",
     .body = close_publishes_no_memory,
     .flags = MC_NOMEM},
    {.name = "close publishes to the refused", .body = close_publishes_to_the_refused},
    {0},
};
