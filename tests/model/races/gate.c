/* gate.c: the last one out wakes the waiter, once, and that waiter may free the gate at once. The gate is
 * on the heap, so a late access is use after free. */
#include "support.h"

static rouse_gate *gate;
static int inside[3]; /* plain data of those inside */

static void destroy(guest *g) {
    (void)g;
    mc_assert(inside[0] == 0 && inside[1] == 0 && inside[2] == 0);
    rouse_gate_destroy(gate);
    free(gate);
    gate = NULL;
}
static void start(uint32_t count, void (*then)(guest *)) {
    guests_init(then);
    gate = malloc(sizeof *gate);
    rouse_gate_init(gate, count);
    mc_name(gate, sizeof *gate, "gate");
    mc_assert(rouse_gate_reserve(gate, 2) == ROUSE_OK);
    for (uint32_t i = 0; i < 3; i++) {
        inside[i] = i < count ? 1 : 0;
    }
}
static void leave(void *mine) {
    *(int *)mine = 0;
    mc_assert(rouse_gate_leave(gate, 1) == ROUSE_OK);
}
static void close_gate(void *unused) {
    (void)unused;
    (void)rouse_gate_close(gate);
}
static void gate_wait(void *arg) {
    guest *const g = arg;
    g->answer = rouse_gate_wait(gate, &g->waiter);
    if (g->answer == ROUSE_OK && g->then != NULL) {
        g->then(g);
    }
}
static void close_and_wait(void *g) {
    close_gate(NULL);
    gate_wait(g);
}
static void enter_and_leave(void *arg) {
    int *const mine = arg;
    if (rouse_gate_enter(gate)) {
        *mine = 1;
        leave(mine);
    }
}

/* Trap: close, wait and the last leave on three threads. */
static void close_wait_leave(void) {
    start(1, destroy);
    run(close_gate, NULL, gate_wait, A, leave, &inside[0]);
    mc_assert(granted(A) && gate == NULL);
}
static void close_leave_queued(void) {
    start(1, destroy);
    gate_wait(A);
    run(close_gate, NULL, leave, &inside[0], ONLY_TWO);
    mc_assert(granted(A) && gate == NULL);
}
static void two_leave_one_waits(void) {
    start(2, destroy);
    run(close_and_wait, A, leave, &inside[0], leave, &inside[1]);
    mc_assert(granted(A) && gate == NULL);
}
static void two_wait_one_leaves(void) {
    start(1, NULL);
    close_gate(NULL);
    run(gate_wait, A, gate_wait, B, leave, &inside[0]);
    mc_assert(granted(A) && granted(B));
    destroy(A);
}
/* Trap: add racing wait at zero. It is inside before the wait is satisfied, or it is refused. */
static void enter_close_wait(void) {
    start(0, NULL);
    run(enter_and_leave, &inside[0], close_and_wait, A, ONLY_TWO);
    mc_assert(granted(A) && rouse_gate_count(gate) == 0);
    destroy(A);
}
static void enter_leave_close(void) {
    start(1, NULL);
    gate_wait(A);
    run(enter_and_leave, &inside[1], leave, &inside[0], close_gate, NULL);
    mc_assert(granted(A) && rouse_gate_count(gate) == 0);
    destroy(A);
}
/* Trap: close twice. */
static void close_twice_leave(void) {
    start(1, NULL);
    gate_wait(A);
    run(close_gate, NULL, close_gate, NULL, leave, &inside[0]);
    mc_assert(granted(A));
    destroy(A);
}
static void close_cancel(void) {
    start(0, NULL);
    gate_wait(A);
    gate_wait(B);
    mc_thread(close_gate, NULL);
    A->cancelled = rouse_gate_cancel(gate, &A->waiter) ? 1 : 0;
    mc_join_all();
    mc_assert(granted(B) && granted(A) != (A->cancelled != 0));
    destroy(A);
}
/* Trap: drain with a time-out. The first wait is cancelled, then the second gets its answer at once. */
static void give_up(guest *g) {
    gate_wait(g);
    mc_assert(g->answer == ROUSE_PENDING && rouse_gate_cancel(gate, &g->waiter));
    g->cancelled = true;
}
static void leave_after_time_out(void) {
    start(1, destroy);
    close_gate(NULL);
    give_up(A);
    run(leave, &inside[0], gate_wait, B, ONLY_TWO);
    mc_assert(granted(B) && gate == NULL);
}
static void time_out_and_wait(void *unused) {
    (void)unused;
    A->cancelled = rouse_gate_cancel(gate, &A->waiter);
    if (A->cancelled) {
        gate_wait(B);
    }
}
static void leave_against_time_out(void) {
    start(1, destroy);
    guest_init(A, NULL);
    close_gate(NULL);
    gate_wait(A);
    run(leave, &inside[0], time_out_and_wait, NULL, ONLY_TWO);
    mc_assert(granted(A) != granted(B) && granted(B) == (gate == NULL));
    if (granted(A)) {
        destroy(A);
    }
}
static int told_by_closer;
static void write_and_close(void *unused) {
    told_by_closer = 1;
    close_gate(unused);
}
static void refused_and_read(void *unused) {
    (void)unused;
    if (!rouse_gate_enter(gate)) {
        mc_assert(told_by_closer == 1);
    }
}
static void closed_and_read(void *unused) {
    (void)unused;
    if (rouse_gate_is_closed(gate)) {
        mc_assert(told_by_closer == 1);
    }
}
static void close_orders_enter(void) {
    start(1, NULL);
    told_by_closer = 0;
    run(write_and_close, NULL, refused_and_read, NULL, ONLY_TWO);
    rouse_gate_destroy(gate);
    free(gate);
}
static void close_orders_is_closed(void) {
    start(1, NULL);
    told_by_closer = 0;
    run(write_and_close, NULL, closed_and_read, NULL, ONLY_TWO);
    rouse_gate_destroy(gate);
    free(gate);
}

const mc_scenario mc_scenarios[] = {
    {.name = "close, wait, the last leave",
     .body = close_wait_leave,
     .bound = LOCKFREE_BOUND(3),
     .soak_bound = MC_NO_BOUND},
    {.name = "close, leave, one queued", .body = close_leave_queued},
    {.name = "two leave, one closes and waits",
     .body = two_leave_one_waits,
     .bound = LOCKFREE_BOUND(3),
     .soak_bound = MC_NO_BOUND},
    {.name = "two wait, one leaves",
     .body = two_wait_one_leaves,
     .bound = LOCKFREE_BOUND(2),
     .soak_bound = MC_NO_BOUND},
    {.name = "enter, close and wait", .body = enter_close_wait},
    {.name = "enter, leave, close",
     .body = enter_leave_close,
     .bound = LOCKFREE_BOUND(3),
     .soak_bound = MC_NO_BOUND},
    {.name = "close twice, leave", .body = close_twice_leave},
    {.name = "close, cancel", .body = close_cancel},
    {.name = "leave after a time-out", .body = leave_after_time_out},
    {.name = "leave against a time-out", .body = leave_against_time_out},
    {.name = "close orders enter", .body = close_orders_enter},
    {.name = "close orders is_closed", .body = close_orders_is_closed},
    {0},
};
