/* The contract of semaphore.h: permits, handed over in the order of asking. */
#include <rouse/semaphore.h>

#include "script.h"

#include <sched.h>
#include <stdatomic.h>

static rouse_semaphore fixed = ROUSE_SEMAPHORE_INIT(10);
static rouse_semaphore most = ROUSE_SEMAPHORE_INIT(ROUSE_MAX_PERMITS);
static rouse_semaphore too_many = ROUSE_SEMAPHORE_INIT(UINT32_MAX);

#define expect_semaphore(s, permits, waiters)                               \
    do {                                                                    \
        cr_assert_eq(rouse_semaphore_available(s), (uint32_t)(permits));    \
        cr_assert_eq(rouse_semaphore_waiter_count(s), (uint32_t)(waiters)); \
    } while (0)

static void must_queue(rouse_semaphore *s, probe *p, uint32_t n) {
    cr_assert_eq(rouse_semaphore_acquire(s, &p->waiter, n), ROUSE_PENDING);
    cr_assert_eq(rouse_waiter_status(&p->waiter), ROUSE_PENDING);
}

/* ---- scripts (script.h) ---------------------------------------------------------------------------------------------- */

static rouse_status semaphore_wait(void *s, rouse_waiter *w, uint32_t n) {
    return rouse_semaphore_acquire((rouse_semaphore *)s, w, n);
}
static bool semaphore_try(void *s, uint32_t n) {
    return rouse_semaphore_try_acquire((rouse_semaphore *)s, n);
}
static rouse_status semaphore_release(void *s, uint32_t n, uint32_t cap) {
    cr_assert_eq(cap, (uint32_t)ROUSE_MAX_PERMITS);
    return rouse_semaphore_release((rouse_semaphore *)s, n);
}
static bool semaphore_cancel(void *s, rouse_waiter *w) {
    return rouse_semaphore_cancel((rouse_semaphore *)s, w);
}
static uint32_t semaphore_close(void *s) {
    return rouse_semaphore_close((rouse_semaphore *)s);
}
static uint32_t semaphore_reduce(void *s, uint32_t n) {
    return rouse_semaphore_reduce((rouse_semaphore *)s, n);
}
static int64_t semaphore_available(const void *s) {
    return rouse_semaphore_available((const rouse_semaphore *)s);
}
static uint32_t semaphore_waiters(const void *s) {
    return rouse_semaphore_waiter_count((const rouse_semaphore *)s);
}
static void run(uint32_t permits, const char *script) {
    static const script_verbs verbs = {
        .wait = semaphore_wait,
        .try = semaphore_try,
        .wake = semaphore_release,
        .cancel = semaphore_cancel,
        .close = semaphore_close,
        .reduce = semaphore_reduce,
        .balance = semaphore_available,
        .waiters = semaphore_waiters,
    };
    rouse_semaphore s;
    rouse_semaphore_init(&s, permits);
    script_run(&verbs, &s, script);
    rouse_semaphore_destroy(&s);
}

Test(semaphore, static_initialiser) {
    probe p;
    probe_init(&p, 1);
    expect_semaphore(&fixed, 10, 0);
    cr_assert_not(rouse_semaphore_is_closed(&fixed));
    cr_assert(rouse_semaphore_try_acquire(&fixed, 10));
    must_queue(&fixed, &p, 1);
    cr_assert_eq(rouse_semaphore_release(&fixed, 1), ROUSE_OK);
    expect_wakes(1);
    rouse_semaphore_destroy(&fixed);
}

Test(semaphore, init_takes_zero_to_the_limit) {
    const uint32_t permits[] = {0, 1, ROUSE_MAX_PERMITS};
    for (int i = 0; i < 3; i++) {
        rouse_semaphore s;
        rouse_semaphore_init(&s, permits[i]);
        expect_semaphore(&s, permits[i], 0);
        cr_assert(rouse_semaphore_try_acquire(&s, permits[i]));
        expect_semaphore(&s, 0, 0);
        rouse_semaphore_destroy(&s);
    }
}

Test(semaphore, init_cuts_to_the_limit) {
    const uint32_t permits[] = {(uint32_t)ROUSE_MAX_PERMITS + 1, 1u << 31, UINT32_MAX};
    expect_semaphore(&most, ROUSE_MAX_PERMITS, 0);
    expect_semaphore(&too_many, ROUSE_MAX_PERMITS, 0);
    for (int i = 0; i < 3; i++) {
        rouse_semaphore s;
        rouse_semaphore_init(&s, permits[i]);
        expect_semaphore(&s, ROUSE_MAX_PERMITS, 0);
        cr_assert_eq(rouse_semaphore_release(&s, 1), ROUSE_OVERFLOW);
        rouse_semaphore_destroy(&s);
    }
}

Test(semaphore, acquire_and_release_count) {
    run(3, "W2! =1/0 T2- T1! =0/0 T1- R1 R2 =3/0");
}

Test(semaphore, nothing_is_always_granted) {
    run(0, "W0! T0! R0 W1? W0! T0! R0 =0/1 X1 >1x W0! T0!");
}

static void check_refuses_past_the_limit(rouse_semaphore *s) {
    const uint32_t past[] = {(uint32_t)ROUSE_MAX_PERMITS + 1, 1u << 30, 1u << 31, UINT32_MAX};
    const uint32_t available = rouse_semaphore_available(s);
    const uint32_t waiters = rouse_semaphore_waiter_count(s);
    for (int i = 0; i < 4; i++) {
        probe p;
        probe_init(&p, 99);
        cr_assert_eq(rouse_semaphore_acquire(s, &p.waiter, past[i]), ROUSE_INVALID);
        cr_assert_not(rouse_semaphore_try_acquire(s, past[i]));
        cr_assert_eq(rouse_semaphore_release(s, past[i]), ROUSE_INVALID);
        cr_assert_eq(p.wakes, 0u);
        expect_semaphore(s, available, waiters);
    }
}

Test(semaphore, past_the_limit_is_invalid_closed_or_not) {
    rouse_semaphore s;
    probe p;
    rouse_semaphore_init(&s, ROUSE_MAX_PERMITS);
    probe_init(&p, 1);
    check_refuses_past_the_limit(&s);
    cr_assert(rouse_semaphore_try_acquire(&s, ROUSE_MAX_PERMITS));
    must_queue(&s, &p, 1);
    check_refuses_past_the_limit(&s);
    cr_assert_eq(rouse_semaphore_close(&s), 1u);
    check_refuses_past_the_limit(&s);
    rouse_semaphore_destroy(&s);
}

Test(semaphore, release_past_the_limit_of_the_count_is_overflow) {
    rouse_semaphore s;
    rouse_semaphore_init(&s, ROUSE_MAX_PERMITS - 1);
    cr_assert_eq(rouse_semaphore_release(&s, 2), ROUSE_OVERFLOW);
    cr_assert_eq(rouse_semaphore_release(&s, ROUSE_MAX_PERMITS), ROUSE_OVERFLOW);
    expect_semaphore(&s, ROUSE_MAX_PERMITS - 1, 0);
    cr_assert_eq(rouse_semaphore_release(&s, 1), ROUSE_OK);
    expect_semaphore(&s, ROUSE_MAX_PERMITS, 0);
    for (int i = 0; i < 100; i++) { /* refused calls leave nothing behind */
        cr_assert_eq(rouse_semaphore_release(&s, 1), ROUSE_OVERFLOW);
        cr_assert_eq(rouse_semaphore_release(&s, ROUSE_MAX_PERMITS), ROUSE_OVERFLOW);
    }
    expect_semaphore(&s, ROUSE_MAX_PERMITS, 0);
    cr_assert(rouse_semaphore_try_acquire(&s, ROUSE_MAX_PERMITS));
    cr_assert_not(rouse_semaphore_try_acquire(&s, 1));
    rouse_semaphore_destroy(&s);
}

Test(semaphore, try_acquire_never_overtakes_a_waiter) {
    run(4, "W5? T1- =0/1 C0! =4/0 T1!");
}

Test(semaphore, a_large_request_is_served_before_smaller_ones_behind_it) {
    run(0, "W3? W1? W2? R1 R1 R2 >01 R1 R3 >2 =2/0");
}

/* Trap: N permits returned at once, one waiter woken. */
Test(semaphore, n_permits_at_once_wake_n_waiters) {
    run(0, "W1? W1? W1? R5 >012 =2/0");
}

Test(semaphore, a_thousand_waiters_on_one_permit_one_at_a_time) {
    enum { COUNT = 1000 };
    rouse_semaphore s;
    probe *const p = must_alloc(COUNT * sizeof *p);
    rouse_semaphore_init(&s, 1);
    probes_init(p, COUNT);
    cr_assert(rouse_semaphore_try_acquire(&s, 1));
    for (int i = 0; i < COUNT; i++) {
        must_queue(&s, &p[i], 1);
    }
    for (int i = 0; i < COUNT; i++) {
        expect_semaphore(&s, 0, COUNT - i);
        cr_assert_eq(rouse_semaphore_release(&s, 1), ROUSE_OK);
        expect_wakes(i);
        cr_assert_not(rouse_semaphore_try_acquire(&s, 1));
    }
    expect_semaphore(&s, 0, 0);
    cr_assert_eq(rouse_semaphore_release(&s, 1), ROUSE_OK);
    expect_semaphore(&s, 1, 0);
    rouse_semaphore_destroy(&s);
    free(p);
}

static void release_in_turn(probe *p) {
    cr_assert_eq(rouse_semaphore_release((rouse_semaphore *)p->arg, 1), ROUSE_OK);
}

Test(semaphore, one_release_runs_through_a_thousand_waiters_that_release_in_their_wake) {
    enum { COUNT = 1000 };
    rouse_semaphore s;
    probe *const p = must_alloc(COUNT * sizeof *p);
    rouse_semaphore_init(&s, 0);
    probes_init(p, COUNT);
    for (int i = 0; i < COUNT; i++) {
        p[i].then = release_in_turn;
        p[i].arg = &s;
        must_queue(&s, &p[i], 1);
    }
    cr_assert_eq(rouse_semaphore_release(&s, 1), ROUSE_OK);
    for (int i = 0; i < COUNT; i++) {
        cr_assert_eq(wake_log[i], i);
    }
    cr_assert_eq(wake_log_length, (size_t)COUNT);
    expect_semaphore(&s, 1, 0);
    rouse_semaphore_destroy(&s);
    free(p);
}

/* ---- cancel ------------------------------------------------------------------------------------------------------ */

/* Trap: a wake spent on a cancelled waiter is lost. */
Test(semaphore, permits_are_not_spent_on_cancelled_waiters) {
    run(0, "W1? W1? W1? C0! C1! =0/1 R1 >2 R1 =1/0");
}

/* Trap: a big request at the head is cancelled, and the waiters behind it, which could now be served, are
 * not looked at. */
Test(semaphore, cancel_of_a_big_head_serves_those_behind) {
    run(2, "W5? W1? W1? C0! >12 =0/0");
}

/* Trap: granted and cancelled at the same moment. Here both are in one thread, so that the answer is
 * known. */
Test(semaphore, cancel_after_the_grant_is_false_and_the_permit_is_owned) {
    run(0, "W2? R2 >0 C0- =0/0 R2 =2/0");
}

/* ---- reduce --------------------------------------------------------------------------------------------------------- */

Test(semaphore, reduce_forgets_free_permits_and_no_more) {
    run(5, "D0/0 D2/2 =3/0 D3/3 =0/0 D1/0 R4 D4294967295/4 W2? R1 D1/0 =0/1 R1 >0");
}

Test(semaphore, reduce_at_the_limits) {
    rouse_semaphore s;
    rouse_semaphore_init(&s, ROUSE_MAX_PERMITS);
    cr_assert_eq(rouse_semaphore_reduce(&s, 1), 1u);
    expect_semaphore(&s, ROUSE_MAX_PERMITS - 1, 0);
    cr_assert_eq(rouse_semaphore_reduce(&s, (uint32_t)ROUSE_MAX_PERMITS + 1),
                 (uint32_t)ROUSE_MAX_PERMITS - 1);
    expect_semaphore(&s, 0, 0);
    rouse_semaphore_destroy(&s);
}

/* ---- close, reserve ----------------------------------------------------------------------------------------------- */

Test(semaphore, close_wakes_all_and_refuses_later_acquires) {
    rouse_semaphore s;
    probe p[3];
    rouse_semaphore_init(&s, 1);
    probes_init(p, 3);
    must_queue(&s, &p[0], 2);
    must_queue(&s, &p[1], 1);
    cr_assert_not(rouse_semaphore_is_closed(&s));
    cr_assert_eq(rouse_semaphore_close(&s), 2u);
    expect_wakes(0, 1);
    cr_assert_eq(p[0].outcome, ROUSE_CLOSED);
    cr_assert_eq(p[1].outcome, ROUSE_CLOSED);
    cr_assert(rouse_semaphore_is_closed(&s));
    expect_semaphore(&s, 1, 0);
    cr_assert_eq(rouse_semaphore_acquire(&s, &p[2].waiter, 1), ROUSE_CLOSED);
    cr_assert_not(rouse_semaphore_try_acquire(&s, 1));
    cr_assert_eq(rouse_semaphore_release(&s, 2), ROUSE_OK);
    expect_semaphore(&s, 3, 0);
    cr_assert_eq(rouse_semaphore_close(&s), 0u);
    cr_assert_eq(rouse_semaphore_release(&s, ROUSE_MAX_PERMITS), ROUSE_OVERFLOW);
    expect_semaphore(&s, 3, 0);
    expect_no_wakes();
    rouse_semaphore_destroy(&s);
}

Test(semaphore, reserve) {
    rouse_semaphore s;
    probe p[20];
    rouse_semaphore_init(&s, 0);
    probes_init(p, 20);
    cr_assert_eq(rouse_semaphore_reserve(&s, 20), ROUSE_OK);
    expect_semaphore(&s, 0, 0);
    for (int i = 0; i < 20; i++) {
        must_queue(&s, &p[i], 1);
    }
    cr_assert_eq(rouse_semaphore_release(&s, 20), ROUSE_OK);
    expect_semaphore(&s, 0, 0);
    rouse_semaphore_destroy(&s);
}

static void destroy_semaphore(probe *p) {
    rouse_semaphore_destroy((rouse_semaphore *)p->arg);
    free(p->arg);
}

Test(semaphore, the_granted_may_destroy_it_in_its_wake) {
    rouse_semaphore *const s = must_alloc(sizeof *s);
    probe p;
    rouse_semaphore_init(s, 0);
    probe_init(&p, 1);
    p.then = destroy_semaphore;
    p.arg = s;
    must_queue(s, &p, 1);
    cr_assert_eq(rouse_semaphore_release(s, 1), ROUSE_OK);
    expect_wakes(1);
}

/* ---- many threads --------------------------------------------------------------------------------------------------- */

/* High contention with exact counts, and cancels in mid-flight. tests/stress has the storms. */
enum { THREADS = 8, ROUNDS = 4000, PERMITS = 3 };

typedef struct contention {
    rouse_semaphore semaphore;
    atomic_uint held;      /* permits in use at this moment               */
    atomic_uint granted;   /* how often permits were had                  */
    atomic_uint withdrawn; /* how often a cancel took the waiter out      */
    atomic_uint wakes;     /* wakes that ran                              */
} contention;

typedef struct contender {
    contention *shared;
    rouse_waiter waiter;
    atomic_bool woken;
    unsigned seed;
    bool cancels;
} contender;

static void contender_wake(rouse_waiter *w, rouse_status status) {
    contender *const me = (contender *)rouse_waiter_data(w);
    cr_assert_eq(status, ROUSE_OK);
    atomic_fetch_add(&me->shared->wakes, 1);
    atomic_store(&me->woken, true);
}

static void use_and_release(contention *shared, uint32_t n) {
    cr_assert_leq(atomic_fetch_add(&shared->held, n) + n, (unsigned)PERMITS);
    atomic_fetch_add(&shared->granted, 1);
    atomic_fetch_sub(&shared->held, n);
    cr_assert_eq(rouse_semaphore_release(&shared->semaphore, n), ROUSE_OK);
}

static void *contend(void *arg) {
    contender *const me = (contender *)arg;
    contention *const shared = me->shared;
    rouse_waiter_init(&me->waiter, contender_wake, me);
    for (int i = 0; i < ROUNDS; i++) {
        const uint32_t n = 1 + (uint32_t)rand_r(&me->seed) % PERMITS;
        rouse_status status;
        atomic_store(&me->woken, false);
        status = rouse_semaphore_acquire(&shared->semaphore, &me->waiter, n);
        if (status == ROUSE_PENDING && me->cancels &&
            rouse_semaphore_cancel(&shared->semaphore, &me->waiter)) {
            atomic_fetch_add(&shared->withdrawn, 1);
            continue;
        }
        if (status == ROUSE_PENDING) {
            while (!atomic_load(&me->woken)) {
                sched_yield();
            }
            status = rouse_waiter_status(&me->waiter);
        }
        cr_assert_eq(status, ROUSE_OK);
        use_and_release(shared, n);
    }
    return NULL;
}

static void run_contention(bool cancels) {
    static contention shared;
    contender contenders[THREADS];
    pthread_t threads[THREADS];
    rouse_semaphore_init(&shared.semaphore, PERMITS);
    for (int i = 0; i < THREADS; i++) {
        contenders[i].shared = &shared;
        contenders[i].seed = 1 + (unsigned)i;
        contenders[i].cancels = cancels && i % 2 == 0;
        cr_assert_eq(pthread_create(&threads[i], NULL, contend, &contenders[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        cr_assert_eq(pthread_join(threads[i], NULL), 0);
    }
    cr_assert_eq(atomic_load(&shared.held), 0u);
    cr_assert_eq(atomic_load(&shared.granted) + atomic_load(&shared.withdrawn), (unsigned)(THREADS * ROUNDS));
    cr_assert_leq(atomic_load(&shared.wakes), atomic_load(&shared.granted), "a wake for each grant at most");
    cr_assert_eq(cancels || atomic_load(&shared.withdrawn) == 0, true);
    expect_semaphore(&shared.semaphore, PERMITS, 0);
    rouse_semaphore_destroy(&shared.semaphore);
}

SHARED_TEST(semaphore, high_contention_keeps_exact_counts) {
    run_contention(false);
}

SHARED_TEST(semaphore, cancellation_mid_flight_loses_no_permit) {
    run_contention(true);
}

Test(semaphore, init_tells_that_it_was_given_too_many) {
    rouse_semaphore s;
    cr_assert_eq(rouse_semaphore_init(&s, 3), ROUSE_OK);
    rouse_semaphore_destroy(&s);
    cr_assert_eq(rouse_semaphore_init(&s, ROUSE_MAX_PERMITS), ROUSE_OK);
    rouse_semaphore_destroy(&s);
    cr_assert_eq(rouse_semaphore_init(&s, ROUSE_MAX_PERMITS + 1u), ROUSE_INVALID);
    cr_assert_eq(rouse_semaphore_available(&s), (uint32_t)ROUSE_MAX_PERMITS, "it may be used");
    cr_assert(rouse_semaphore_try_acquire(&s, 1));
    rouse_semaphore_destroy(&s);
}
