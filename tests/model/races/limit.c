/* limit.c: one word and a list that one call at a time holds. Never more than the limit, nothing lost, and
 * the bound on waiters met, whatever other threads change at the same time. */
#include "support.h"

static rouse_limit limit;
static rouse_limit *l = &limit;

static void start(uint32_t permits, uint32_t in_use, uint32_t most_waiting) {
    guests_init(NULL);
    l = &limit;
    mc_assert(rouse_limit_init(l, permits, most_waiting) == ROUSE_OK);
    mc_name(&limit, sizeof limit, "limit");
    mc_assert(rouse_limit_set(l, in_use > permits ? in_use : permits) == ROUSE_OK);
    mc_assert(rouse_limit_try_acquire(l, in_use));
    mc_assert(rouse_limit_set(l, permits) == ROUSE_OK);
}
static void acquire_n(guest *g, uint32_t n) {
    g->answer = rouse_limit_acquire(l, &g->waiter, n);
}
static void acquire(void *g) {
    acquire_n(g, 1);
}
static void acquire_2(void *g) {
    acquire_n(g, 2);
}
static void try_it(void *g) {
    ((guest *)g)->answer = rouse_limit_try_acquire(l, 1) ? ROUSE_OK : NOT_CALLED;
}
static void back(void *unused) {
    (void)unused;
    mc_assert(rouse_limit_give_back(l, 1) == ROUSE_OK);
}
static uint32_t one = 1, two = 2, three = 3;
static void set(void *permits) {
    mc_assert(rouse_limit_set(l, *(uint32_t *)permits) == ROUSE_OK);
}
static void leave(void *arg) {
    guest *const g = arg;
    if (g->answer == ROUSE_PENDING && rouse_limit_cancel(l, &g->waiter)) {
        memset(&g->waiter, 0, sizeof g->waiter);
        rouse_waiter_init(&g->waiter, guest_wake, g);
        g->cancelled = 1;
    }
}
static void acquire_and_leave(void *g) {
    acquire(g);
    leave(g);
}
static void close_limit(void *unused) {
    (void)unused;
    woken_by_close += rouse_limit_close(l);
}
static bool full(const guest *g) {
    return g->answer == ROUSE_FULL;
}

/* At rest: that many in use, and a guest that waits has a reason, because with `head` permits the oldest
 * does not fit. */
static void finish(uint32_t in_use, uint32_t head) {
    const uint32_t permits = rouse_limit_permits(l);
    mc_assert(rouse_limit_in_use(l) == in_use);
    mc_assert(rouse_limit_waiter_count(l) == (uint32_t)count(waiting));
    mc_assert(count(waiting) == 0 || in_use + head > permits);
    for (int i = 0; i < GUESTS; i++) {
        if (waiting(&guests[i])) {
            mc_assert(rouse_limit_cancel(l, &guests[i].waiter));
            guests[i].cancelled = 1;
        }
    }
    mc_assert(rouse_limit_give_back(l, in_use) == ROUSE_OK);
    mc_assert(rouse_limit_give_back(l, 1) == ROUSE_OVERFLOW);
    mc_assert(rouse_limit_waiter_count(l) == 0);
    rouse_limit_destroy(l);
}

static void back_acquire(void) {
    start(1, 1, 8);
    run(back, NULL, acquire, A, ONLY_TWO);
    mc_assert(granted(A));
    finish(1, 1);
}
static void back_two_acquire(void) {
    start(1, 1, 8);
    run(back, NULL, acquire, A, acquire, B);
    mc_assert(count(granted) == 1 && count(waiting) == 1);
    finish(1, 1);
}
static void two_back_one_queued(void) {
    start(2, 2, 8);
    acquire_n(A, 2);
    run(back, NULL, back, NULL, ONLY_TWO);
    mc_assert(granted(A));
    finish(2, 1);
}
static void two_back_acquire_2(void) {
    start(2, 2, 8);
    run(back, NULL, back, NULL, acquire_2, A);
    mc_assert(granted(A));
    finish(2, 1);
}
static void back_try(void) {
    start(1, 1, 8);
    acquire(A);
    run(back, NULL, try_it, B, ONLY_TWO);
    mc_assert(granted(A) && !granted(B));
    finish(1, 1);
}
/* One is free, but the head wants two: the newcomer keeps out. */
static void back_try_behind_2(void) {
    start(2, 1, 8);
    acquire_n(A, 2);
    run(back, NULL, try_it, B, ONLY_TWO);
    mc_assert(granted(A) && !granted(B));
    finish(2, 1);
}
static void back_try_free(void) {
    start(2, 1, 8);
    run(back, NULL, try_it, A, acquire, B);
    mc_assert(granted(B));
    finish(granted(A) ? 2 : 1, 1);
}
static void back_cancel(void) {
    start(1, 1, 8);
    acquire(A);
    acquire(B);
    run(back, NULL, leave, A, ONLY_TWO);
    mc_assert(granted(A) != (A->cancelled != 0) && granted(B) == (A->cancelled != 0));
    finish(1, 1);
}
/* The head wants 2 and leaves; the one behind it fits, with what is free or with what comes back. */
static void back_cancel_head_of_2(void) {
    start(2, 2, 8);
    acquire_n(A, 2);
    acquire(B);
    run(back, NULL, leave, A, ONLY_TWO);
    mc_assert(A->cancelled && granted(B));
    finish(2, 1);
}
static void back_acquire_cancel(void) {
    start(1, 1, 8);
    run(back, NULL, acquire_and_leave, A, acquire, B);
    mc_assert(granted(A) != (A->cancelled != 0));
    mc_assert(granted(B) != granted(A));
    finish(1, 1);
}

/* ---- set ------------------------------------------------------------------------------------------------------------ */

static void grow_acquire(void) {
    start(1, 1, 8);
    run(set, &two, acquire, A, ONLY_TWO);
    mc_assert(granted(A));
    finish(2, 1);
}
/* Trap: reduce finds 0, others give back, then the debt is raised. */
static void shrink_back_queued(void) {
    start(2, 2, 8);
    acquire(A);
    run(set, &one, back, NULL, ONLY_TWO);
    /* The permit came back before the limit fell, and went to A, or it has paid. */
    finish(granted(A) ? 2 : 1, 1);
}
static void shrink_two_back_queued(void) {
    start(2, 2, 8);
    acquire(A);
    run(set, &one, back, NULL, back, NULL);
    mc_assert(granted(A));
    finish(1, 1);
}
/* Trap: grow racing shrink. */
static void grow_shrink(void) {
    start(1, 1, 8);
    acquire(A);
    acquire(B);
    run(set, &two, set, &one, ONLY_TWO);
    mc_assert(!granted(B));
    mc_assert(rouse_limit_permits(l) == 1 || granted(A));
    finish(granted(A) ? 2 : 1, 1);
}
static void grow_shrink_back(void) {
    start(1, 1, 8);
    acquire_n(A, 2);
    run(set, &three, set, &one, back, NULL);
    mc_assert(rouse_limit_permits(l) == 1 || granted(A));
    finish(granted(A) ? 2 : 0, 2);
}
static void grow_cancel(void) {
    start(1, 1, 8);
    acquire_n(A, 2);
    acquire(B);
    run(set, &two, leave, A, ONLY_TWO);
    mc_assert(A->cancelled && granted(B));
    finish(2, 1);
}

/* ---- how many wait -------------------------------------------------------------------------------------------------- */

static void full_two_acquire(void) {
    start(1, 1, 1);
    run(acquire, A, acquire, B, ONLY_TWO);
    mc_assert(count(waiting) == 1 && count(full) == 1);
    finish(1, 1);
}
static void full_back_two_acquire(void) {
    start(1, 1, 1);
    run(back, NULL, acquire, A, acquire, B);
    mc_assert(count(granted) == 1 && count(full) + count(waiting) == 1);
    finish(1, 1);
}
static void full_cancel_acquire(void) {
    start(1, 1, 1);
    acquire(A);
    run(leave, A, acquire, B, acquire, C);
    mc_assert(A->cancelled && count(waiting) <= 1 && count(full) + count(waiting) == 2);
    finish(1, 1);
}

/* ---- close ---------------------------------------------------------------------------------------------------------- */

static void close_back(void) {
    start(1, 1, 8);
    woken_by_close = 0;
    acquire(A);
    acquire(B);
    run(close_limit, NULL, back, NULL, ONLY_TWO);
    mc_assert(granted(A) != closed(A) && closed(B));
    mc_assert(woken_by_close == (closed(A) ? 2u : 1u));
    finish(granted(A) ? 1 : 0, 1);
}
static void close_acquire(void) {
    start(1, 1, 8);
    woken_by_close = 0;
    run(close_limit, NULL, acquire, A, ONLY_TWO);
    mc_assert(closed(A) && woken_by_close == (A->answer == ROUSE_PENDING ? 1u : 0u));
    finish(1, 1);
}
static void close_cancel(void) {
    start(1, 1, 8);
    acquire(A);
    run(close_limit, NULL, leave, A, ONLY_TWO);
    mc_assert(closed(A) != (A->cancelled != 0));
    finish(1, 1);
}
static void close_set(void) {
    start(1, 1, 8);
    acquire(A);
    run(close_limit, NULL, set, &two, ONLY_TWO);
    mc_assert(closed(A) != granted(A));
    finish(granted(A) ? 2 : 1, 1);
}
static void close_acquire_back(void) {
    start(1, 1, 8);
    run(close_limit, NULL, acquire, A, back, NULL);
    mc_assert(closed(A) != granted(A));
    finish(granted(A) ? 1 : 0, 1);
}
static void write_and_close(void *unused) {
    shared = 1;
    close_limit(unused);
}
static void refused_and_read(void *g) {
    acquire(g);
    if (((guest *)g)->answer == ROUSE_CLOSED || rouse_limit_is_closed(l)) {
        mc_assert(shared == 1);
    }
}
static void close_orders_acquire(void) {
    start(1, 1, 8);
    shared = 0;
    run(write_and_close, NULL, refused_and_read, A, ONLY_TWO);
    finish(1, 1);
}
static void closed_and_read(void *unused) {
    (void)unused;
    if (rouse_limit_is_closed(l)) {
        mc_assert(shared == 1);
    }
}
static void close_orders_is_closed(void) {
    start(1, 1, 8);
    shared = 0;
    run(write_and_close, NULL, closed_and_read, NULL, ONLY_TWO);
    finish(1, 1);
}

/* ---- what came before give_back --------------------------------------------------------------------------------------- */

static void use(guest *g) {
    (void)g;
    shared++;
    mc_assert(rouse_limit_give_back(l, 1) == ROUSE_OK);
}
static void use_it(void *arg) {
    guest *const g = arg;
    acquire(g);
    if (g->answer == ROUSE_OK) {
        use(g);
    }
}
static void try_use_it(void *unused) {
    (void)unused;
    if (rouse_limit_try_acquire(l, 1)) {
        use(NULL);
    }
}
static void hold(void) {
    start(1, 0, 8);
    guests_init(use);
    shared = 0;
    run(use_it, A, use_it, B, ONLY_TWO);
    mc_assert(shared == 2);
    finish(0, 1);
}
static void hold_try(void) {
    start(1, 0, 8);
    guests_init(use);
    shared = 0;
    run(use_it, A, try_use_it, NULL, ONLY_TWO);
    finish(0, 1);
}
static void hold_three(void) {
    start(1, 0, 8);
    guests_init(use);
    shared = 0;
    run(use_it, A, use_it, B, use_it, C);
    mc_assert(shared == 3);
    finish(0, 1);
}

/* ---- grant is the last touch -------------------------------------------------------------------------------------------- */

static void destroy(guest *g) {
    (void)g;
    rouse_limit_destroy(l);
    free(l);
    l = NULL;
}
static void acquire_destroy(void *arg) {
    guest *const g = arg;
    acquire(g);
    if (g->answer == ROUSE_OK || g->answer == ROUSE_CLOSED) {
        destroy(g);
    }
}
static void heap_start(void) {
    start(1, 1, 8);
    guests_init(destroy);
    l = malloc(sizeof *l);
    mc_assert(rouse_limit_init(l, 1, 8) == ROUSE_OK && rouse_limit_try_acquire(l, 1));
}
static void told_by_back_destroys(void) {
    heap_start();
    run(back, NULL, acquire_destroy, A, ONLY_TWO);
    mc_assert(granted(A) && l == NULL);
}
static void told_by_set_destroys(void) {
    heap_start();
    run(set, &two, acquire_destroy, A, ONLY_TWO);
    mc_assert(granted(A) && l == NULL);
}
/* B leaves, A takes what came back and destroys: the call that gave it back may still be returning. */
static void leave_acquire_destroy(void *arg) {
    leave(B);
    if (B->cancelled) {
        acquire_destroy(arg);
    }
}
static void back_to_nobody_destroys(void) {
    heap_start();
    B->then = NULL;
    acquire(B);
    run(back, NULL, leave_acquire_destroy, A, ONLY_TWO);
    if (granted(B)) {
        destroy(B);
    }
    mc_assert(l == NULL);
}
static void polled_destroys(void *arg) {
    guest *const g = arg;
    acquire(g);
    while (g->answer == ROUSE_PENDING && rouse_waiter_status(&g->waiter) == ROUSE_PENDING) {
        sched_yield();
    }
    destroy(g);
}
static void polled_told_destroys(void) {
    heap_start();
    guest_init_polled(A);
    run(back, NULL, polled_destroys, A, ONLY_TWO);
}
static void cancelled_polled(void *arg) {
    guest *const g = arg;
    acquire(g);
    if (g->answer == ROUSE_PENDING && rouse_limit_cancel(l, &g->waiter)) {
        g->cancelled = 1;
    }
    memset(&g->waiter, 0x55, sizeof g->waiter);
}
static void polled_cancel_frees(void) {
    start(1, 1, 8);
    guest_init_polled(A);
    run(back, NULL, cancelled_polled, A, ONLY_TWO);
    guest_init(A, NULL);
    finish(rouse_limit_in_use(l), 1);
}

/* Four threads' worth of list surgery: two in the list, one comes, one leaves, a permit comes back. */
static void busy(void) {
    start(1, 1, 8);
    acquire(A);
    acquire(B);
    run(back, NULL, leave, B, acquire, C);
    mc_assert(granted(A) && B->cancelled && waiting(C));
    finish(1, 1);
}

#define MEETS(bound_) .bound = LOCKFREE_BOUND(bound_), .soak_bound = MC_NO_BOUND

const mc_scenario mc_scenarios[] = {
    {.name = "back, acquire", .body = back_acquire},
    {.name = "back, two acquire", .body = back_two_acquire, MEETS(4)},
    {.name = "two back, queued for 2", .body = two_back_one_queued},
    {.name = "two back, acquire 2", .body = two_back_acquire_2, MEETS(4)},
    {.name = "back, try", .body = back_try},
    {.name = "back, try, queued for 2", .body = back_try_behind_2},
    {.name = "back, try and acquire", .body = back_try_free, MEETS(4)},
    {.name = "back, cancel", .body = back_cancel},
    {.name = "back, cancel the head of 2", .body = back_cancel_head_of_2},
    {.name = "back, acquire and cancel, acquire", .body = back_acquire_cancel, MEETS(3)},
    {.name = "grow, acquire", .body = grow_acquire},
    {.name = "shrink, back, one queued", .body = shrink_back_queued},
    {.name = "shrink, two back, one queued", .body = shrink_two_back_queued, MEETS(4)},
    {.name = "grow, shrink, two queued", .body = grow_shrink},
    {.name = "grow, shrink, back, queued for 2", .body = grow_shrink_back, MEETS(4)},
    {.name = "grow, cancel the head of 2", .body = grow_cancel},
    {.name = "full: two acquire", .body = full_two_acquire},
    {.name = "full: back, two acquire", .body = full_back_two_acquire, MEETS(4)},
    {.name = "full: cancel, two acquire", .body = full_cancel_acquire, MEETS(3)},
    {.name = "close, back", .body = close_back},
    {.name = "close, acquire", .body = close_acquire},
    {.name = "close, cancel", .body = close_cancel},
    {.name = "close, set", .body = close_set},
    {.name = "close, acquire, back", .body = close_acquire_back, MEETS(4)},
    {.name = "close orders acquire", .body = close_orders_acquire},
    {.name = "close orders is_closed", .body = close_orders_is_closed},
    {.name = "hold", .body = hold},
    {.name = "hold, try", .body = hold_try},
    {.name = "hold: three", .body = hold_three, .bound = 2, .soak_bound = 5},
    {.name = "told by back destroys", .body = told_by_back_destroys},
    {.name = "told by set destroys", .body = told_by_set_destroys},
    {.name = "back to one who leaves, destroys", .body = back_to_nobody_destroys},
    {.name = "polled: told destroys", .body = polled_told_destroys},
    {.name = "polled: cancel frees", .body = polled_cancel_frees},
    {.name = "back, cancel, acquire", .body = busy, MEETS(3)},
    {0},
};
