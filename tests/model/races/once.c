/* once.c: one task does it, the others see what it did; after a failure exactly one more tries. */
#include "support.h"

static rouse_once once;

static void start(void) {
    guests_init(NULL);
    rouse_once_init(&once);
    mc_name(&once, sizeof once, "once");
    mc_assert(rouse_once_reserve(&once, 2) == ROUSE_OK);
}
static void finish(void) {
    mc_assert(rouse_once_waiter_count(&once) == 0);
    rouse_once_destroy(&once);
}
static int does;
static void make(guest *g) {
    (void)g;
    does++; /* plain: two that do it at a time are a data race */
    shared = 1;
    mc_assert(rouse_once_done(&once) == ROUSE_OK);
}
/* The first try fails. */
static void make_or_fail(guest *g) {
    if (does == 0) {
        does++;
        mc_assert(rouse_once_failed(&once) == ROUSE_OK);
    } else {
        make(g);
    }
}
static void look(rouse_waiter *w, rouse_status status) {
    if (status == ROUSE_CLOSED) {
        mc_assert(shared == 1);
    }
    guest_wake(w, status);
}
static void begin_with(guest *g, void (*then)(guest *)) {
    g->then = then;
    rouse_waiter_init(&g->waiter, look, g);
    g->answer = rouse_once_begin(&once, &g->waiter);
    if (g->answer == ROUSE_OK) {
        then(g);
    } else if (g->answer == ROUSE_CLOSED) {
        mc_assert(shared == 1);
    }
}
static void begin(void *g) {
    begin_with(g, make);
}
static void begin_failing(void *g) {
    begin_with(g, make_or_fail);
}
static void see(void *g) {
    if (rouse_once_is_done(&once)) {
        mc_assert(shared == 1);
        ((guest *)g)->answer = ROUSE_CLOSED;
    }
}
static void nothing(guest *g) {
    (void)g;
}
static rouse_status ended, ended_too;
static void fail(void *status) {
    *(rouse_status *)status = rouse_once_failed(&once);
}
static void finish_it(void *status) {
    shared = 1;
    *(rouse_status *)status = rouse_once_done(&once);
}
static void cancel_it(void *arg) {
    guest *const g = arg;
    if (g->answer == ROUSE_PENDING) {
        g->cancelled = rouse_once_cancel(&once, &g->waiter);
    }
}
static void begin_only(void *g) {
    begin_with(g, nothing);
}

static void two_begin(void) {
    start();
    run(begin, A, begin, B, ONLY_TWO);
    mc_assert(does == 1 && granted(A) != granted(B) && closed(A) != closed(B));
    finish();
}
static void three_begin(void) {
    start();
    run(begin, A, begin, B, begin, C);
    mc_assert(does == 1 && count(granted) == 1 && count(closed) == 2);
    finish();
}
static void begin_and_look(void) {
    start();
    run(begin, A, see, B, ONLY_TWO);
    mc_assert(does == 1 && granted(A));
    finish();
}
static void two_begin_one_fails(void) {
    start();
    run(begin_failing, A, begin_failing, B, ONLY_TWO);
    mc_assert(does <= 2 && count(granted) == does);
    finish();
}
static void fail_and_begin(void) {
    start();
    begin_only(A);
    run(fail, &ended, begin_only, B, ONLY_TWO);
    mc_assert(ended == ROUSE_OK && granted(B));
    mc_assert(rouse_once_done(&once) == ROUSE_OK);
    finish();
}
static void fail_cancel_begin(void) {
    start();
    begin_only(A);
    begin_only(B);
    run(fail, &ended, cancel_it, B, begin_only, C);
    mc_assert(ended == ROUSE_OK && granted(B) != (B->cancelled != 0));
    mc_assert(granted(C) == (B->cancelled != 0));
    shared = 1;
    mc_assert(rouse_once_done(&once) == ROUSE_OK);
    mc_assert(granted(C) || closed(C));
    finish();
}
static void done_cancel_begin(void) {
    start();
    begin_only(A);
    begin_only(B);
    run(finish_it, &ended, cancel_it, B, begin_only, C);
    mc_assert(ended == ROUSE_OK && closed(B) != (B->cancelled != 0) && closed(C));
    finish();
}
static void failed_twice(void) {
    start();
    begin_only(A);
    run(fail, &ended, fail, &ended_too, ONLY_TWO);
    mc_assert((ended == ROUSE_OK) != (ended_too == ROUSE_OK));
    mc_assert(rouse_once_begin(&once, &B->waiter) == ROUSE_OK);
    mc_assert(rouse_once_begin(&once, &C->waiter) == ROUSE_PENDING);
    mc_assert(rouse_once_cancel(&once, &C->waiter));
    finish();
}

const mc_scenario mc_scenarios[] = {
    {.name = "two begin", .body = two_begin},
    {.name = "three begin", .body = three_begin, .bound = 2, .soak_bound = MC_NO_BOUND},
    {.name = "begin, look", .body = begin_and_look},
    {.name = "two begin, the first fails", .body = two_begin_one_fails},
    {.name = "failed, begin", .body = fail_and_begin},
    {.name = "failed, cancel, begin",
     .body = fail_cancel_begin,
     .bound = LOCKFREE_BOUND(2),
     .soak_bound = MC_NO_BOUND},
    {.name = "done, cancel, begin",
     .body = done_cancel_begin,
     .bound = LOCKFREE_BOUND(2),
     .soak_bound = MC_NO_BOUND},
    {.name = "failed twice", .body = failed_twice},
    {0},
};
