/* The contract of waiter_queue.h: a balance and a first-in first-out queue of waiters. */
#include <rouse/waiter_queue.h>

#include "script.h"

static rouse_waiter_queue zeroed;
static rouse_waiter_queue with_credit = ROUSE_WAITER_QUEUE_INIT(3);

/* ---- scripts (script.h) --------------------------------------------------------------------------------- */

static rouse_status queue_wait(void *q, rouse_waiter *w, uint32_t n) {
    return rouse_waiter_queue_wait((rouse_waiter_queue *)q, w, n);
}
static bool queue_try(void *q, uint32_t n) {
    return rouse_waiter_queue_try_wait((rouse_waiter_queue *)q, n);
}
static rouse_status queue_wake(void *q, uint32_t n, uint32_t cap) {
    return rouse_waiter_queue_wake((rouse_waiter_queue *)q, n, cap);
}
static bool queue_cancel(void *q, rouse_waiter *w) {
    return rouse_waiter_queue_cancel((rouse_waiter_queue *)q, w);
}
static uint32_t queue_close(void *q) {
    return rouse_waiter_queue_close((rouse_waiter_queue *)q);
}
static bool queue_wake_one(void *q) {
    return rouse_waiter_queue_wake_one((rouse_waiter_queue *)q);
}
static uint32_t queue_wake_all(void *q) {
    return rouse_waiter_queue_wake_all((rouse_waiter_queue *)q);
}
static int64_t queue_balance(const void *q) {
    return rouse_waiter_queue_balance((const rouse_waiter_queue *)q);
}
static uint32_t queue_waiters(const void *q) {
    return rouse_waiter_queue_waiter_count((const rouse_waiter_queue *)q);
}
static void run(uint32_t credit, const char *script) {
    static const script_verbs verbs = {
        .wait = queue_wait,
        .try = queue_try,
        .wake = queue_wake,
        .cancel = queue_cancel,
        .close = queue_close,
        .wake_one = queue_wake_one,
        .wake_all = queue_wake_all,
        .balance = queue_balance,
        .waiters = queue_waiters,
    };
    rouse_waiter_queue q;
    rouse_waiter_queue_init(&q, credit);
    script_run(&verbs, &q, script);
    rouse_waiter_queue_destroy(&q);
}

/* ---- starting values ------------------------------------------------------------------------------------- */

Test(waiter_queue, zero_initialised_is_valid) {
    probe p;
    probe_init(&p, 1);
    expect_queue(&zeroed, 0, 0);
    cr_assert_not(rouse_waiter_queue_is_closed(&zeroed));
    cr_assert_not(rouse_waiter_queue_try_wait(&zeroed, 1));
    cr_assert_eq(rouse_waiter_queue_wait(&zeroed, &p.waiter, 1), ROUSE_PENDING);
    expect_queue(&zeroed, -1, 1);
    cr_assert(rouse_waiter_queue_wake_one(&zeroed));
    expect_wakes(1);
    expect_queue(&zeroed, 0, 0);
    rouse_waiter_queue_destroy(&zeroed);
}

Test(waiter_queue, static_initialiser_gives_credit) {
    probe p;
    probe_init(&p, 1);
    expect_queue(&with_credit, 3, 0);
    cr_assert(rouse_waiter_queue_try_wait(&with_credit, 3));
    cr_assert_eq(rouse_waiter_queue_wait(&with_credit, &p.waiter, 1), ROUSE_PENDING);
    cr_assert(rouse_waiter_queue_cancel(&with_credit, &p.waiter));
    rouse_waiter_queue_destroy(&with_credit);
}

Test(waiter_queue, init_gives_credit_up_to_the_limit) {
    rouse_waiter_queue q;
    cr_assert_eq(rouse_waiter_queue_init(&q, ROUSE_MAX_PERMITS), ROUSE_OK);
    expect_queue(&q, ROUSE_MAX_PERMITS, 0);
    rouse_waiter_queue_destroy(&q);
    cr_assert_eq(rouse_waiter_queue_init(&q, 1u << 30), ROUSE_INVALID);
    expect_queue(&q, ROUSE_MAX_PERMITS, 0);
    rouse_waiter_queue_destroy(&q);
    cr_assert_eq(rouse_waiter_queue_init(&q, 0), ROUSE_OK);
    expect_queue(&q, 0, 0);
    rouse_waiter_queue_destroy(&q);
}

/* ---- wait and try_wait ------------------------------------------------------------------------------------- */

Test(waiter_queue, wait_takes_credit_that_is_there) {
    run(5, "W2! =3/0 T2! =1/0 T2- =1/0 W1! =0/0");
}

Test(waiter_queue, wait_for_nothing_is_ok_always) {
    run(0, "W0! T0! W2? W0! T0! =-2/1 X1 >1x W0! T0!");
}

static void check_wait_refuses(rouse_waiter_queue *q, uint32_t n) {
    probe p;
    const int64_t balance = rouse_waiter_queue_balance(q);
    const uint32_t waiters = rouse_waiter_queue_waiter_count(q);
    probe_init(&p, 99);
    cr_assert_eq(rouse_waiter_queue_wait(q, &p.waiter, n), ROUSE_INVALID);
    cr_assert_not(rouse_waiter_queue_try_wait(q, n));
    expect_queue(q, balance, waiters);
    cr_assert_eq(p.wakes, 0u);
}

Test(waiter_queue, wait_past_the_limit_is_invalid_closed_or_not) {
    rouse_waiter_queue q;
    probe p;
    rouse_waiter_queue_init(&q, ROUSE_MAX_PERMITS);
    probe_init(&p, 1);
    check_wait_refuses(&q, (uint32_t)ROUSE_MAX_PERMITS + 1);
    check_wait_refuses(&q, UINT32_MAX);
    cr_assert(rouse_waiter_queue_try_wait(&q, ROUSE_MAX_PERMITS));
    check_wait_refuses(&q, (uint32_t)ROUSE_MAX_PERMITS + 1);
    cr_assert_eq(rouse_waiter_queue_wait(&q, &p.waiter, 1), ROUSE_PENDING);
    check_wait_refuses(&q, (uint32_t)ROUSE_MAX_PERMITS + 1);
    check_wait_refuses(&q, UINT32_MAX);
    cr_assert_eq(rouse_waiter_queue_close(&q), 1u);
    check_wait_refuses(&q, (uint32_t)ROUSE_MAX_PERMITS + 1);
    check_wait_refuses(&q, UINT32_MAX);
    rouse_waiter_queue_destroy(&q);
}

Test(waiter_queue, wait_at_the_limit_takes_all_credit_at_once) {
    rouse_waiter_queue q;
    probe p;
    rouse_waiter_queue_init(&q, ROUSE_MAX_PERMITS);
    probe_init(&p, 1);
    cr_assert_eq(rouse_waiter_queue_wait(&q, &p.waiter, ROUSE_MAX_PERMITS), ROUSE_OK);
    expect_queue(&q, 0, 0);
    rouse_waiter_queue_destroy(&q);
}

#if ROUSE_BACKEND != ROUSE_BACKEND_LOCKFREE /* there such a request takes a cell for each permit: gigabytes */
/* 2,000 that ask for all there can be lack 1.07 * 10^12 together; 2^40 is the end. */
Test(waiter_queue, waiters_may_lack_far_more_than_one_may_ask_for) {
    enum { WAITERS = 2000 };
    static probe p[WAITERS];
    rouse_waiter_queue q;
    rouse_waiter_queue_init(&q, 0);
    for (int i = 0; i < WAITERS; i++) {
        probe_init(&p[i], i);
        cr_assert_eq(rouse_waiter_queue_wait(&q, &p[i].waiter, ROUSE_MAX_PERMITS), ROUSE_PENDING);
    }
    expect_queue(&q, -(int64_t)WAITERS * ROUSE_MAX_PERMITS, WAITERS);
    for (int i = 0; i < 3; i++) {
        cr_assert_eq(rouse_waiter_queue_wake(&q, ROUSE_MAX_PERMITS - 1, ROUSE_MAX_PERMITS), ROUSE_OK);
        expect_no_wakes();
        cr_assert_eq(rouse_waiter_queue_wake(&q, 1, ROUSE_MAX_PERMITS), ROUSE_OK);
        expect_wakes(i);
    }
    expect_queue(&q, -(int64_t)(WAITERS - 3) * ROUSE_MAX_PERMITS, WAITERS - 3);
    cr_assert(rouse_waiter_queue_cancel(&q, &p[WAITERS - 1].waiter));
    cr_assert(rouse_waiter_queue_cancel(&q, &p[3].waiter));
    expect_queue(&q, -(int64_t)(WAITERS - 5) * ROUSE_MAX_PERMITS, WAITERS - 5);
    cr_assert_eq(rouse_waiter_queue_wake_all(&q), (uint32_t)WAITERS - 5);
    expect_queue(&q, 0, 0);
    rouse_waiter_queue_destroy(&q);
}

#endif

Test(waiter_queue, large_request_is_served_whole) {
    run(1, "W100001? =-100000/1 R99999 =-1/1 R3 >0 =2/0");
}

Test(waiter_queue, newcomers_do_not_overtake_a_head_that_lacks) {
    run(2, "W3? =-1/1 T1- W1? W1? =-3/3 R2,0 >01 O! >2");
}

Test(waiter_queue, waiters_are_served_first_in_first_out) {
    enum { COUNT = 1000 };
    rouse_waiter_queue q;
    probe *const p = must_alloc(COUNT * sizeof *p);
    rouse_waiter_queue_init(&q, 0);
    probes_init(p, COUNT);
    for (int i = 0; i < COUNT; i++) {
        cr_assert_eq(rouse_waiter_queue_wait(&q, &p[i].waiter, 1 + (uint32_t)i % 3), ROUSE_PENDING);
    }
    for (int i = 0; i < COUNT; i++) {
        cr_assert_eq(rouse_waiter_queue_wake(&q, 1 + (uint32_t)i % 3, 0), ROUSE_OK);
        expect_wakes(i);
        cr_assert_eq(rouse_waiter_queue_waiter_count(&q), (uint32_t)(COUNT - 1 - i));
    }
    expect_queue(&q, 0, 0);
    rouse_waiter_queue_destroy(&q);
    free(p);
}

/* ---- wake ----------------------------------------------------------------------------------------------------- */

Test(waiter_queue, credit_goes_to_the_head_until_it_has_all) {
    run(0, "W3? W1? R1,0 =-3/2 R1,0 =-2/2 R1,0 >0 =-1/1 R1,0 >1 =0/0");
}

Test(waiter_queue, wake_of_nothing_changes_nothing) {
    const uint32_t caps[] = {0, 1, ROUSE_MAX_PERMITS};
    for (size_t i = 0; i < 3; i++) {
        rouse_waiter_queue q;
        probe p;
        rouse_waiter_queue_init(&q, 4);
        probe_init(&p, 1);
        cr_assert_eq(rouse_waiter_queue_wake(&q, 0, caps[i]), ROUSE_OK);
        expect_queue(&q, 4, 0);
        cr_assert_eq(rouse_waiter_queue_wait(&q, &p.waiter, 5), ROUSE_PENDING);
        cr_assert_eq(rouse_waiter_queue_wake(&q, 0, caps[i]), ROUSE_OK);
        expect_queue(&q, -1, 1);
        expect_no_wakes();
        cr_assert(rouse_waiter_queue_cancel(&q, &p.waiter));
        rouse_waiter_queue_destroy(&q);
    }
}

static void check_wake_refuses(rouse_waiter_queue *q, uint32_t n, uint32_t cap) {
    const int64_t balance = rouse_waiter_queue_balance(q);
    const uint32_t waiters = rouse_waiter_queue_waiter_count(q);
    cr_assert_eq(rouse_waiter_queue_wake(q, n, cap), ROUSE_INVALID);
    expect_queue(q, balance, waiters);
    expect_no_wakes();
}

Test(waiter_queue, wake_past_a_limit_is_invalid) {
    const uint32_t past = (uint32_t)ROUSE_MAX_PERMITS + 1;
    rouse_waiter_queue q;
    probe p;
    rouse_waiter_queue_init(&q, 0);
    probe_init(&p, 1);
    for (int round = 0; round < 2; round++) {
        check_wake_refuses(&q, past, 0);
        check_wake_refuses(&q, past, ROUSE_MAX_PERMITS);
        check_wake_refuses(&q, UINT32_MAX, 1);
        check_wake_refuses(&q, 1, past);
        check_wake_refuses(&q, 1, UINT32_MAX);
        check_wake_refuses(&q, 0, past);
        if (round == 0) {
            cr_assert_eq(rouse_waiter_queue_wait(&q, &p.waiter, 1), ROUSE_PENDING);
        }
    }
    cr_assert(rouse_waiter_queue_cancel(&q, &p.waiter));
    rouse_waiter_queue_destroy(&q);
}

static void check_stored(uint32_t credit, uint32_t n, uint32_t cap, int64_t expected) {
    rouse_waiter_queue q;
    rouse_waiter_queue_init(&q, credit);
    cr_assert_eq(rouse_waiter_queue_wake(&q, n, cap), ROUSE_OK);
    cr_assert_eq(rouse_waiter_queue_balance(&q), expected, "credit %u, wake(%u, %u)", credit, n, cap);
    rouse_waiter_queue_destroy(&q);
}

Test(waiter_queue, stored_credit_is_capped) {
    check_stored(0, 1, 0, 0);
    check_stored(0, 1, 1, 1);
    check_stored(0, 2, 1, 1);
    check_stored(1, 1, 1, 1);
    check_stored(0, 7, 5, 5);
    check_stored(3, 2, 5, 5);
    check_stored(3, 3, 5, 5);
    check_stored(0, ROUSE_MAX_PERMITS, 1, 1);
    check_stored(0, ROUSE_MAX_PERMITS, ROUSE_MAX_PERMITS - 1, ROUSE_MAX_PERMITS - 1);
    check_stored(ROUSE_MAX_PERMITS - 1, 5, ROUSE_MAX_PERMITS - 1, ROUSE_MAX_PERMITS - 1);
    check_stored(0, ROUSE_MAX_PERMITS, ROUSE_MAX_PERMITS, ROUSE_MAX_PERMITS);
}

Test(waiter_queue, credit_above_the_cap_stays) {
    check_stored(5, 1, 0, 5);
    check_stored(5, 1, 2, 5);
    check_stored(5, ROUSE_MAX_PERMITS, 4, 5);
    check_stored(5, 3, 6, 6);
    check_stored(ROUSE_MAX_PERMITS, 1, 0, ROUSE_MAX_PERMITS);
    check_stored(ROUSE_MAX_PERMITS, ROUSE_MAX_PERMITS, ROUSE_MAX_PERMITS - 1, ROUSE_MAX_PERMITS);
}

static void check_rest_stored(uint32_t cap, int64_t expected) {
    rouse_waiter_queue q;
    probe p[2];
    rouse_waiter_queue_init(&q, 0);
    probes_init(p, 2);
    cr_assert_eq(rouse_waiter_queue_wait(&q, &p[0].waiter, 2), ROUSE_PENDING);
    cr_assert_eq(rouse_waiter_queue_wait(&q, &p[1].waiter, 1), ROUSE_PENDING);
    cr_assert_eq(rouse_waiter_queue_wake(&q, 8, cap), ROUSE_OK);
    expect_wakes(0, 1);
    expect_queue(&q, expected, 0);
    rouse_waiter_queue_destroy(&q);
}

Test(waiter_queue, wake_serves_waiters_first_and_stores_the_rest_up_to_the_cap) {
    check_rest_stored(0, 0);
    check_rest_stored(1, 1);
    check_rest_stored(4, 4);
    check_rest_stored(5, 5);
    check_rest_stored(6, 5);
    check_rest_stored(ROUSE_MAX_PERMITS, 5);
}

static void check_overflow(uint32_t credit, uint32_t n) {
    rouse_waiter_queue q;
    rouse_waiter_queue_init(&q, credit);
    cr_assert_eq(rouse_waiter_queue_wake(&q, n, ROUSE_MAX_PERMITS), ROUSE_OVERFLOW, "credit %u, wake(%u)",
                 credit, n);
    expect_queue(&q, credit, 0);
    cr_assert(rouse_waiter_queue_try_wait(&q, 1));
    expect_queue(&q, (int64_t)credit - 1, 0);
    rouse_waiter_queue_destroy(&q);
}

Test(waiter_queue, overflow_changes_nothing) {
    check_stored(ROUSE_MAX_PERMITS - 1, 1, ROUSE_MAX_PERMITS, ROUSE_MAX_PERMITS);
    check_stored(1, ROUSE_MAX_PERMITS - 1, ROUSE_MAX_PERMITS, ROUSE_MAX_PERMITS);
    check_overflow(ROUSE_MAX_PERMITS, 1);
    check_overflow(ROUSE_MAX_PERMITS - 1, 2);
    check_overflow(1, ROUSE_MAX_PERMITS);
    check_overflow(ROUSE_MAX_PERMITS, ROUSE_MAX_PERMITS);
}

Test(waiter_queue, no_overflow_while_waiters_take_the_excess) {
    rouse_waiter_queue q;
    probe p;
    rouse_waiter_queue_init(&q, 0);
    probe_init(&p, 1);
    cr_assert_eq(rouse_waiter_queue_wait(&q, &p.waiter, 1), ROUSE_PENDING);
    cr_assert_eq(rouse_waiter_queue_wake(&q, ROUSE_MAX_PERMITS, ROUSE_MAX_PERMITS), ROUSE_OK);
    expect_wakes(1);
    expect_queue(&q, ROUSE_MAX_PERMITS - 1, 0);
    cr_assert_eq(rouse_waiter_queue_wake(&q, 2, ROUSE_MAX_PERMITS), ROUSE_OVERFLOW);
    expect_queue(&q, ROUSE_MAX_PERMITS - 1, 0);
    cr_assert_eq(rouse_waiter_queue_wake(&q, 1, ROUSE_MAX_PERMITS), ROUSE_OK);
    expect_queue(&q, ROUSE_MAX_PERMITS, 0);
    rouse_waiter_queue_destroy(&q);
}

Test(waiter_queue, wake_one_stores_nothing) {
    run(0, "O- =0/0");
    run(3, "O- =3/0");
}

Test(waiter_queue, wake_one_on_a_head_that_lacks_two_gives_it_one_and_is_false) {
    run(0, "W2? W1? O- =-2/2 O! >0 O! >1 O- =0/0");
}

/* Trap: N permits returned at once, one waiter woken. */
Test(waiter_queue, n_permits_at_once_wake_n_waiters) {
    run(0, "W1? W1? W1? W1? W1? R4 >0123 =-1/1 C4!");
}

/* ---- wake_all --------------------------------------------------------------------------------------------------- */

Test(waiter_queue, wake_all_gives_each_waiter_all_that_it_lacks) {
    run(2, "W5? W1? W7? =-11/3 A3 >012 =0/0 A0");
}

Test(waiter_queue, wake_all_leaves_stored_credit) {
    run(2, "A0 =2/0");
}

static void queue_again(probe *p) {
    if (p->wakes == 1) {
        cr_assert_eq(rouse_waiter_queue_wait((rouse_waiter_queue *)p->arg, &p->waiter, 1), ROUSE_PENDING);
    }
}

/* Trap: wake_all with more waiters than its batch, and some that queue again between batches. */
Test(waiter_queue, wake_all_wakes_exactly_those_waiting_though_they_queue_again) {
    enum { COUNT = 1000 };
    rouse_waiter_queue q;
    probe *const p = must_alloc(COUNT * sizeof *p);
    rouse_waiter_queue_init(&q, 0);
    probes_init(p, COUNT);
    for (int i = 0; i < COUNT; i++) {
        p[i].then = queue_again;
        p[i].arg = &q;
        cr_assert_eq(rouse_waiter_queue_wait(&q, &p[i].waiter, 1), ROUSE_PENDING);
    }
    cr_assert_eq(rouse_waiter_queue_wake_all(&q), (uint32_t)COUNT);
    for (int i = 0; i < COUNT; i++) {
        cr_assert_eq(wake_log[i], i);
        cr_assert_eq(p[i].wakes, 1u, "it waits for the next wake_all");
    }
    cr_assert_eq(wake_log_length, (size_t)COUNT);
    expect_queue(&q, -COUNT, COUNT);
    cr_assert_eq(rouse_waiter_queue_wake_all(&q), (uint32_t)COUNT);
    for (int i = 0; i < COUNT; i++) {
        cr_assert_eq(p[i].wakes, 2u);
    }
    expect_queue(&q, 0, 0);
    rouse_waiter_queue_destroy(&q);
    free(p);
}

/* ---- cancel ------------------------------------------------------------------------------------------------------ */

Test(waiter_queue, cancel_takes_a_waiter_out_for_good) {
    run(0, "W1? C0! =0/0 O- A0 X0");
}

Test(waiter_queue, cancel_is_false_once_granted_or_closed) {
    run(0, "W1? W1? O! >0 C0- X1 >1x C1- =0/0");
}

Test(waiter_queue, a_cancelled_waiter_may_queue_again_without_init) {
    rouse_waiter_queue q;
    rouse_waiter_queue other;
    probe p;
    rouse_waiter_queue_init(&q, 0);
    rouse_waiter_queue_init(&other, 0);
    probe_init(&p, 1);
    for (int i = 0; i < 100; i++) {
        cr_assert_eq(rouse_waiter_queue_wait(&q, &p.waiter, 2), ROUSE_PENDING);
        cr_assert(rouse_waiter_queue_cancel(&q, &p.waiter));
    }
    cr_assert_eq(rouse_waiter_queue_wait(&other, &p.waiter, 1), ROUSE_PENDING);
    cr_assert(rouse_waiter_queue_wake_one(&other));
    expect_wakes(1);
    expect_queue(&q, 0, 0);
    rouse_waiter_queue_destroy(&q);
    rouse_waiter_queue_destroy(&other);
}

Test(waiter_queue, balance_and_count_are_exact_after_cancels_from_everywhere) {
    enum { COUNT = 64 };
    rouse_waiter_queue q;
    probe p[COUNT];
    int64_t lack = 0;
    int waiters = COUNT;
    rouse_waiter_queue_init(&q, 0);
    probes_init(p, COUNT);
    for (int i = 0; i < COUNT; i++) {
        cr_assert_eq(rouse_waiter_queue_wait(&q, &p[i].waiter, 1 + (uint32_t)i % 4), ROUSE_PENDING);
        lack += 1 + i % 4;
    }
    for (int step = 0; step < COUNT; step++) { /* 29 is prime to 64: visits all, in no order */
        const int i = (step * 29 + 17) % COUNT;
        expect_queue(&q, -lack, waiters);
        cr_assert(rouse_waiter_queue_cancel(&q, &p[i].waiter));
        lack -= 1 + i % 4;
        waiters--;
    }
    expect_queue(&q, 0, 0);
    expect_no_wakes();
    rouse_waiter_queue_destroy(&q);
}

/* Trap: a wake spent on a cancelled waiter is lost. */
Test(waiter_queue, wakes_are_not_spent_on_cancelled_waiters) {
    run(0, "W1? W1? W1? C1! C2! R1 >0 R1 =1/0");
    run(0, "W1? W1? W1? C0! C2! R1 >1 R1 =1/0");
    run(0, "W1? W1? W1? C0! C1! R1 >2 R1 =1/0");
}

Test(waiter_queue, cancel_stores_partial_credit_when_nobody_is_behind) {
    run(1, "W5? R2 =-2/1 C0! =3/0 T3! T1-");
}

/* Trap: a big request at the head is cancelled, and the waiters behind it, which could now be served, are
 * not looked at. */
Test(waiter_queue, cancel_of_the_head_serves_those_behind_before_it_returns) {
    run(3, "W10? W1? W1? W2? C0! >12 =-1/1 C3! =1/0");
}

Test(waiter_queue, cancel_of_a_head_with_partial_credit_hands_it_on) {
    run(0, "W4? W2? O- O- O- =-3/2 C0! >1 =1/0");
}

Test(waiter_queue, cancel_in_the_middle_serves_nobody_too_early) {
    run(1, "W2? W5? W1? C1! =-2/2 R2,0 >02 =0/0");
}

/* Trap: tombstones of cancelled waiters grow without bound behind a waiter that stays. (The bound on memory itself
 * is checked in stress/memory.c.) */
Test(waiter_queue, a_million_cancels_behind_a_waiter_that_stays) {
    rouse_waiter_queue q;
    probe head;
    probe p;
    rouse_waiter_queue_init(&q, 0);
    probe_init(&head, 1);
    probe_init(&p, 2);
    cr_assert_eq(rouse_waiter_queue_wait(&q, &head.waiter, 1), ROUSE_PENDING);
    for (int i = 0; i < 1000000; i++) {
        cr_assert_eq(rouse_waiter_queue_wait(&q, &p.waiter, 1), ROUSE_PENDING);
        cr_assert(rouse_waiter_queue_cancel(&q, &p.waiter));
    }
    expect_queue(&q, -1, 1);
    cr_assert_eq(rouse_waiter_queue_wait(&q, &p.waiter, 1), ROUSE_PENDING);
    cr_assert_eq(rouse_waiter_queue_wake(&q, 2, 0), ROUSE_OK);
    expect_wakes(1, 2);
    expect_queue(&q, 0, 0);
    rouse_waiter_queue_destroy(&q);
}

/* ---- add_waiter_if ------------------------------------------------------------------------------------------------ */

typedef struct condition {
    int looks;
    int true_from; /* the look that first finds it true; 0: never */
} condition;

static bool look(void *arg) {
    condition *const c = (condition *)arg;
    c->looks++;
    return c->true_from != 0 && c->looks >= c->true_from;
}

Test(waiter_queue, add_waiter_if_ready_queues_nothing_closed_or_not) {
    rouse_waiter_queue q;
    probe p;
    rouse_waiter_queue_init(&q, 1);
    probe_init(&p, 1);
    for (int closed = 0; closed < 2; closed++) {
        condition c = {0, 1};
        cr_assert_eq(rouse_waiter_queue_add_waiter_if(&q, &p.waiter, look, &c), ROUSE_OK);
        cr_assert_eq(c.looks, 1);
        expect_queue(&q, 1, 0);
        cr_assert_eq(rouse_waiter_queue_close(&q), 0u);
    }
    expect_no_wakes();
    rouse_waiter_queue_destroy(&q);
}

Test(waiter_queue, add_waiter_if_not_ready_waits_for_one) {
    rouse_waiter_queue q;
    probe p[2];
    condition c = {0, 0};
    rouse_waiter_queue_init(&q, 0);
    probes_init(p, 2);
    cr_assert_eq(rouse_waiter_queue_add_waiter_if(&q, &p[0].waiter, look, &c), ROUSE_PENDING);
    cr_assert_geq(c.looks, 2, "it looks again once the waiter is visible");
    expect_queue(&q, -1, 1);
    cr_assert_eq(rouse_waiter_queue_wait(&q, &p[1].waiter, 1), ROUSE_PENDING);
    cr_assert(rouse_waiter_queue_wake_one(&q));
    expect_wakes(0);
    cr_assert_eq(rouse_waiter_queue_add_waiter_if(&q, &p[0].waiter, look, &c), ROUSE_PENDING);
    cr_assert_eq(rouse_waiter_queue_wake_all(&q), 2u);
    expect_wakes(1, 0);
    cr_assert_eq(rouse_waiter_queue_add_waiter_if(&q, &p[0].waiter, look, &c), ROUSE_PENDING);
    cr_assert(rouse_waiter_queue_cancel(&q, &p[0].waiter));
    expect_queue(&q, 0, 0);
    rouse_waiter_queue_destroy(&q);
}

Test(waiter_queue, add_waiter_if_ready_at_its_second_look_is_taken_out_again) {
    rouse_waiter_queue q;
    probe p[3];
    condition c = {0, 2};
    rouse_waiter_queue_init(&q, 0);
    probes_init(p, 3);
    cr_assert_eq(rouse_waiter_queue_add_waiter_if(&q, &p[0].waiter, look, &c), ROUSE_OK);
    cr_assert_eq(c.looks, 2);
    expect_queue(&q, 0, 0);
    cr_assert_eq(rouse_waiter_queue_wait(&q, &p[1].waiter, 3), ROUSE_PENDING);
    c = (condition){0, 2};
    cr_assert_eq(rouse_waiter_queue_add_waiter_if(&q, &p[0].waiter, look, &c), ROUSE_OK);
    expect_queue(&q, -3, 1);
    cr_assert_eq(rouse_waiter_queue_wait(&q, &p[2].waiter, 1), ROUSE_PENDING);
    cr_assert_eq(rouse_waiter_queue_wake(&q, 4, 0), ROUSE_OK);
    expect_wakes(1, 2);
    rouse_waiter_queue_destroy(&q);
}

Test(waiter_queue, add_waiter_if_takes_stored_credit_and_sees_closed) {
    rouse_waiter_queue q;
    probe p;
    condition c = {0, 0};
    rouse_waiter_queue_init(&q, 2);
    probe_init(&p, 1);
    cr_assert_eq(rouse_waiter_queue_add_waiter_if(&q, &p.waiter, look, &c), ROUSE_OK);
    expect_queue(&q, 1, 0);
    cr_assert_eq(rouse_waiter_queue_close(&q), 0u);
    cr_assert_eq(rouse_waiter_queue_add_waiter_if(&q, &p.waiter, look, &c), ROUSE_CLOSED);
    expect_queue(&q, 1, 0);
    expect_no_wakes();
    rouse_waiter_queue_destroy(&q);
}

/* ---- close ---------------------------------------------------------------------------------------------------------- */

Test(waiter_queue, close_wakes_every_waiter_with_closed) {
    rouse_waiter_queue q;
    probe p[3];
    rouse_waiter_queue_init(&q, 0);
    probes_init(p, 3);
    for (int i = 0; i < 3; i++) {
        cr_assert_eq(rouse_waiter_queue_wait(&q, &p[i].waiter, 1 + (uint32_t)i), ROUSE_PENDING);
    }
    cr_assert_not(rouse_waiter_queue_is_closed(&q));
    cr_assert_eq(rouse_waiter_queue_close(&q), 3u);
    expect_wakes(0, 1, 2);
    for (int i = 0; i < 3; i++) {
        cr_assert_eq(p[i].outcome, ROUSE_CLOSED);
        cr_assert_eq(p[i].wakes, 1u);
    }
    cr_assert(rouse_waiter_queue_is_closed(&q));
    expect_queue(&q, 0, 0);
    cr_assert_eq(rouse_waiter_queue_close(&q), 0u);
    cr_assert(rouse_waiter_queue_is_closed(&q));
    rouse_waiter_queue_destroy(&q);
}

Test(waiter_queue, closed_refuses_waits_though_credit_is_stored) {
    run(2, "X0 W1x W536870911x T1- =2/0");
}

Test(waiter_queue, close_returns_partial_credit_to_the_balance) {
    run(2, "W5? W1? R1 X2 >01x =3/0");
}

Test(waiter_queue, wake_works_and_stores_on_a_closed_queue) {
    rouse_waiter_queue q;
    rouse_waiter_queue_init(&q, 0);
    cr_assert_eq(rouse_waiter_queue_close(&q), 0u);
    cr_assert_eq(rouse_waiter_queue_wake(&q, 3, ROUSE_MAX_PERMITS), ROUSE_OK);
    expect_queue(&q, 3, 0);
    cr_assert_eq(rouse_waiter_queue_wake(&q, 3, 4), ROUSE_OK);
    expect_queue(&q, 4, 0);
    cr_assert_not(rouse_waiter_queue_wake_one(&q));
    cr_assert_eq(rouse_waiter_queue_wake_all(&q), 0u);
    expect_queue(&q, 4, 0);
    cr_assert_eq(rouse_waiter_queue_wake(&q, ROUSE_MAX_PERMITS - 3, ROUSE_MAX_PERMITS), ROUSE_OVERFLOW);
    cr_assert_eq(rouse_waiter_queue_wake(&q, (uint32_t)ROUSE_MAX_PERMITS + 1, 0), ROUSE_INVALID);
    expect_queue(&q, 4, 0);
    cr_assert_eq(rouse_waiter_queue_wake(&q, ROUSE_MAX_PERMITS - 4, ROUSE_MAX_PERMITS), ROUSE_OK);
    expect_queue(&q, ROUSE_MAX_PERMITS, 0);
    cr_assert_not(rouse_waiter_queue_try_wait(&q, 1));
    cr_assert(rouse_waiter_queue_is_closed(&q), "no count of credit reopens it");
    rouse_waiter_queue_destroy(&q);
}

static void wait_when_closed(probe *p) {
    rouse_waiter_queue *const q = (rouse_waiter_queue *)p->arg;
    cr_assert_eq(rouse_waiter_queue_wait(q, &p->waiter, 1), ROUSE_CLOSED);
    cr_assert_eq(rouse_waiter_queue_close(q), 0u);
    cr_assert_eq(rouse_waiter_queue_wake(q, 1, ROUSE_MAX_PERMITS), ROUSE_OK);
}

/* Trap: a callback calls the library from a wake made under an internal lock. */
Test(waiter_queue, a_wake_of_close_may_call_everything) {
    rouse_waiter_queue q;
    probe p[2];
    rouse_waiter_queue_init(&q, 0);
    probes_init(p, 2);
    for (int i = 0; i < 2; i++) {
        p[i].then = wait_when_closed;
        p[i].arg = &q;
        cr_assert_eq(rouse_waiter_queue_wait(&q, &p[i].waiter, 1), ROUSE_PENDING);
    }
    cr_assert_eq(rouse_waiter_queue_close(&q), 2u);
    expect_wakes(0, 1);
    expect_queue(&q, 2, 0);
    rouse_waiter_queue_destroy(&q);
}

/* Trap: one stage keeps a flag that another clears. Closed must survive every later transition. */
Test(waiter_queue, closed_stays_closed_through_every_call) {
    rouse_waiter_queue q;
    probe p;
    condition c = {0, 0};
    rouse_waiter_queue_init(&q, 1);
    probe_init(&p, 1);
    cr_assert_eq(rouse_waiter_queue_wait(&q, &p.waiter, 2), ROUSE_PENDING);
    cr_assert_eq(rouse_waiter_queue_close(&q), 1u);
    for (int i = 0; i < 10; i++) {
        cr_assert_eq(rouse_waiter_queue_wake(&q, 1, (uint32_t)i), ROUSE_OK);
        cr_assert_not(rouse_waiter_queue_wake_one(&q));
        cr_assert_eq(rouse_waiter_queue_wake_all(&q), 0u);
        cr_assert_not(rouse_waiter_queue_cancel(&q, &p.waiter));
        cr_assert_not(rouse_waiter_queue_try_wait(&q, 1));
        cr_assert_eq(rouse_waiter_queue_add_waiter_if(&q, &p.waiter, look, &c), ROUSE_CLOSED);
        cr_assert(rouse_waiter_queue_is_closed(&q));
    }
    expect_queue(&q, 9, 0);
    rouse_waiter_queue_destroy(&q);
}

/* ---- reserve ------------------------------------------------------------------------------------------------------- */

Test(waiter_queue, reserve_is_ok_and_changes_nothing_to_see) {
    rouse_waiter_queue q;
    probe p[40];
    rouse_waiter_queue_init(&q, 1);
    probes_init(p, 40);
    cr_assert_eq(rouse_waiter_queue_reserve(&q, 0), ROUSE_OK);
    cr_assert_eq(rouse_waiter_queue_reserve(&q, 40), ROUSE_OK);
    cr_assert_eq(rouse_waiter_queue_reserve(&q, 3), ROUSE_OK);
    expect_queue(&q, 1, 0);
    cr_assert(rouse_waiter_queue_try_wait(&q, 1));
    for (int i = 0; i < 40; i++) {
        cr_assert_eq(rouse_waiter_queue_wait(&q, &p[i].waiter, 1), ROUSE_PENDING);
    }
    cr_assert_eq(rouse_waiter_queue_reserve(&q, 100), ROUSE_OK);
    expect_queue(&q, -40, 40);
    cr_assert_eq(rouse_waiter_queue_wake_all(&q), 40u);
    rouse_waiter_queue_destroy(&q);
}

/* LOCKFREE cannot have that many cells, and says so before it asks for memory. */
Test(waiter_queue, reserve_of_too_many_is_refused_and_changes_nothing) {
    rouse_waiter_queue q;
    probe p;
    rouse_waiter_queue_init(&q, 0);
    probe_init(&p, 1);
    cr_assert_eq(rouse_waiter_queue_reserve(&q, UINT32_MAX),
                 ROUSE_BACKEND == ROUSE_BACKEND_LOCKFREE ? ROUSE_NOMEM : ROUSE_OK);
    expect_queue(&q, 0, 0);
    cr_assert_eq(rouse_waiter_queue_wait(&q, &p.waiter, 1), ROUSE_PENDING);
    cr_assert(rouse_waiter_queue_wake_one(&q));
    expect_wakes(1);
    rouse_waiter_queue_destroy(&q);
}

/* ---- grant is the last touch ------------------------------------------------------------------------------------------ */

static void destroy_queue(probe *p) {
    rouse_waiter_queue *const q = (rouse_waiter_queue *)p->arg;
    rouse_waiter_queue_destroy(q);
    free(q);
}

enum grant_by { BY_WAKE, BY_WAKE_ONE, BY_WAKE_ALL, BY_CANCEL, GRANT_WAYS };

/* Trap: the granted waiter destroys the object while the releaser is still inside (here: in its own wake; the races
 * are in stress/destroy_on_grant.c). */
Test(waiter_queue, a_granted_waiter_may_destroy_the_queue_in_its_wake) {
    for (int way = 0; way < GRANT_WAYS; way++) {
        rouse_waiter_queue *const q = must_alloc(sizeof *q);
        probe head;
        probe p;
        rouse_waiter_queue_init(q, 0);
        probe_init(&head, 0);
        probe_init(&p, 1);
        p.then = destroy_queue;
        p.arg = q;
        if (way == BY_CANCEL) {
            cr_assert_eq(rouse_waiter_queue_wait(q, &head.waiter, 2), ROUSE_PENDING);
            cr_assert_not(rouse_waiter_queue_wake_one(q));
        }
        cr_assert_eq(rouse_waiter_queue_wait(q, &p.waiter, 1), ROUSE_PENDING);
        switch (way) {
        case BY_WAKE:
            cr_assert_eq(rouse_waiter_queue_wake(q, 1, ROUSE_MAX_PERMITS), ROUSE_OK);
            break;
        case BY_WAKE_ONE:
            cr_assert(rouse_waiter_queue_wake_one(q));
            break;
        case BY_WAKE_ALL:
            cr_assert_eq(rouse_waiter_queue_wake_all(q), 1u);
            break;
        default:
            cr_assert(rouse_waiter_queue_cancel(q, &head.waiter));
            break;
        }
        expect_wakes(1);
    }
}

/* Two queues of one thread keep apart. */
Test(waiter_queue, queues_are_independent) {
    rouse_waiter_queue a;
    rouse_waiter_queue b;
    probe p[2];
    rouse_waiter_queue_init(&a, 0);
    rouse_waiter_queue_init(&b, 0);
    probes_init(p, 2);
    cr_assert_eq(rouse_waiter_queue_wait(&a, &p[0].waiter, 1), ROUSE_PENDING);
    cr_assert_eq(rouse_waiter_queue_wait(&b, &p[1].waiter, 1), ROUSE_PENDING);
    cr_assert_eq(rouse_waiter_queue_close(&b), 1u);
    expect_wakes(1);
    cr_assert_not(rouse_waiter_queue_is_closed(&a));
    cr_assert(rouse_waiter_queue_wake_one(&a));
    expect_wakes(0);
    rouse_waiter_queue_destroy(&a);
    rouse_waiter_queue_destroy(&b);
}

/* Inside a wake, too, rouse_signal_prepare leaves everything as it was: the other wake is still deferred. */
static rouse_waiter_queue prepared;
static void prepare_and_wake(rouse_waiter *w, rouse_status status) {
    (void)w;
    cr_assert_eq(status, ROUSE_OK);
    rouse_signal_prepare();
    cr_assert(rouse_waiter_queue_wake_one(&prepared));
    expect_no_wakes();
}
Test(waiter_queue, a_thread_prepares_itself_for_signals) {
    rouse_waiter first;
    probe p;
    rouse_signal_prepare();
    rouse_waiter_queue_init(&prepared, 0);
    rouse_waiter_init(&first, prepare_and_wake, NULL);
    probes_init(&p, 1);
    cr_assert_eq(rouse_waiter_queue_wait(&prepared, &first, 1), ROUSE_PENDING);
    cr_assert_eq(rouse_waiter_queue_wait(&prepared, &p.waiter, 1), ROUSE_PENDING);
    cr_assert(rouse_waiter_queue_wake_one(&prepared));
    expect_wakes(0);
    rouse_waiter_queue_destroy(&prepared);
}
