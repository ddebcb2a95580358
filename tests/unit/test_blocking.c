/* The contract of blocking.h: plain threads that wait by blocking. */
#include <rouse/blocking.h>

#include "support.h"

#include <sched.h>
#include <stdatomic.h>
#include <time.h>

#define MILLISECOND UINT64_C(1000000)

static uint64_t now_ns(void) {
    struct timespec t;
    cr_assert_eq(clock_gettime(CLOCK_MONOTONIC, &t), 0);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* A thread that makes one blocking call on a semaphore. */
typedef struct blocker {
    rouse_semaphore *semaphore;
    uint32_t n;
    uint64_t timeout; /* 0: the call without one */
    rouse_status status;
    pthread_t thread;
} blocker;

static void *block(void *arg) {
    blocker *const b = (blocker *)arg;
    b->status = b->timeout == 0 ? rouse_semaphore_acquire_blocking(b->semaphore, b->n)
                                : rouse_semaphore_acquire_timed(b->semaphore, b->n, b->timeout);
    return NULL;
}

/* Starts it, and returns once it is queued as the `place`-th waiter. */
static void start_blocker(blocker *b, rouse_semaphore *s, uint32_t n, uint64_t timeout, uint32_t place) {
    b->semaphore = s;
    b->n = n;
    b->timeout = timeout;
    b->status = ROUSE_PENDING;
    cr_assert_eq(pthread_create(&b->thread, NULL, block, b), 0);
    while (rouse_semaphore_waiter_count(s) != place) {
        sched_yield();
    }
}

static rouse_status end_of(blocker *b) {
    cr_assert_eq(pthread_join(b->thread, NULL), 0);
    return b->status;
}

/* ---- what can be had at once --------------------------------------------------------------------------------------- */

Test(blocking, what_is_there_is_had_whatever_the_timeout) {
    rouse_semaphore s = ROUSE_SEMAPHORE_INIT(4);
    rouse_notify n = ROUSE_NOTIFY_INIT;
    rouse_mutex m = ROUSE_MUTEX_INIT;
    const uint64_t timeouts[] = {0, 1, UINT64_MAX};
    cr_assert_eq(rouse_semaphore_acquire_blocking(&s, 1), ROUSE_OK);
    for (int i = 0; i < 3; i++) {
        cr_assert_eq(rouse_semaphore_acquire_timed(&s, 1, timeouts[i]), ROUSE_OK);
        rouse_notify_one(&n);
        cr_assert_eq(rouse_notify_wait_timed(&n, timeouts[i]), ROUSE_OK);
        cr_assert_eq(rouse_mutex_lock_timed(&m, timeouts[i]), ROUSE_OK);
        cr_assert_eq(rouse_mutex_unlock(&m), ROUSE_OK);
    }
    rouse_notify_one(&n);
    cr_assert_eq(rouse_notify_wait_blocking(&n), ROUSE_OK);
    cr_assert_eq(rouse_mutex_lock_blocking(&m), ROUSE_OK);
    cr_assert_eq(rouse_semaphore_available(&s), 0u);
    cr_assert(rouse_mutex_is_locked(&m));
    rouse_semaphore_destroy(&s);
    rouse_notify_destroy(&n);
    rouse_mutex_destroy(&m);
}

Test(blocking, a_timeout_of_zero_never_waits_and_changes_nothing, .timeout = 30) {
    rouse_semaphore s = ROUSE_SEMAPHORE_INIT(1);
    rouse_notify n = ROUSE_NOTIFY_INIT;
    rouse_mutex m = ROUSE_MUTEX_INIT;
    cr_assert_eq(rouse_semaphore_acquire_timed(&s, 2, 0), ROUSE_TIMEDOUT);
    cr_assert_eq(rouse_semaphore_available(&s), 1u);
    cr_assert_eq(rouse_semaphore_waiter_count(&s), 0u);
    cr_assert_eq(rouse_notify_wait_timed(&n, 0), ROUSE_TIMEDOUT);
    cr_assert_eq(rouse_notify_all(&n), 0u);
    cr_assert(rouse_mutex_try_lock(&m));
    cr_assert_eq(rouse_mutex_lock_timed(&m, 0), ROUSE_TIMEDOUT);
    cr_assert_eq(rouse_mutex_unlock(&m), ROUSE_OK);
    cr_assert_not(rouse_mutex_is_locked(&m));
    rouse_semaphore_destroy(&s);
    rouse_notify_destroy(&n);
    rouse_mutex_destroy(&m);
}

Test(blocking, nothing_is_always_granted_and_too_much_is_invalid) {
    rouse_semaphore s = ROUSE_SEMAPHORE_INIT(0);
    const uint64_t timeouts[] = {0, MILLISECOND, UINT64_MAX};
    for (int closed = 0; closed < 2; closed++) {
        for (int i = 0; i < 3; i++) {
            cr_assert_eq(rouse_semaphore_acquire_timed(&s, 0, timeouts[i]), ROUSE_OK);
            cr_assert_eq(rouse_semaphore_acquire_timed(&s, (uint32_t)ROUSE_MAX_PERMITS + 1, timeouts[i]),
                         ROUSE_INVALID);
        }
        cr_assert_eq(rouse_semaphore_acquire_blocking(&s, 0), ROUSE_OK);
        cr_assert_eq(rouse_semaphore_acquire_blocking(&s, UINT32_MAX), ROUSE_INVALID);
        cr_assert_eq(rouse_semaphore_close(&s), 0u);
    }
    rouse_semaphore_destroy(&s);
    rouse_semaphore_init(&s, ROUSE_MAX_PERMITS);
    cr_assert_eq(rouse_semaphore_acquire_timed(&s, ROUSE_MAX_PERMITS, 0), ROUSE_OK);
    rouse_semaphore_destroy(&s);
}

Test(blocking, closed_is_closed_whatever_the_timeout_and_the_permits) {
    rouse_semaphore s = ROUSE_SEMAPHORE_INIT(3);
    cr_assert_eq(rouse_semaphore_close(&s), 0u);
    cr_assert_eq(rouse_semaphore_acquire_timed(&s, 1, 0), ROUSE_CLOSED);
    cr_assert_eq(rouse_semaphore_acquire_timed(&s, 1, MILLISECOND), ROUSE_CLOSED);
    cr_assert_eq(rouse_semaphore_acquire_timed(&s, 1, UINT64_MAX), ROUSE_CLOSED);
    cr_assert_eq(rouse_semaphore_acquire_blocking(&s, 1), ROUSE_CLOSED);
    cr_assert_eq(rouse_semaphore_available(&s), 3u);
    rouse_semaphore_destroy(&s);
}

/* ---- time-outs ------------------------------------------------------------------------------------------------------- */

Test(blocking, a_timeout_is_not_early_and_changes_nothing, .timeout = 30) {
    rouse_semaphore s = ROUSE_SEMAPHORE_INIT(1);
    rouse_notify n = ROUSE_NOTIFY_INIT;
    rouse_mutex m = ROUSE_MUTEX_INIT;
    uint64_t start = now_ns();
    cr_assert_eq(rouse_semaphore_acquire_timed(&s, 2, 20 * MILLISECOND), ROUSE_TIMEDOUT);
    cr_assert_geq(now_ns() - start, 20 * MILLISECOND);
    cr_assert_eq(rouse_semaphore_available(&s), 1u);
    cr_assert_eq(rouse_semaphore_waiter_count(&s), 0u);
    start = now_ns();
    cr_assert_eq(rouse_notify_wait_timed(&n, 20 * MILLISECOND), ROUSE_TIMEDOUT);
    cr_assert_geq(now_ns() - start, 20 * MILLISECOND);
    rouse_notify_one(&n);
    cr_assert_eq(rouse_notify_wait_timed(&n, 0), ROUSE_OK, "the waiter that timed out took nothing");
    cr_assert(rouse_mutex_try_lock(&m));
    start = now_ns();
    cr_assert_eq(rouse_mutex_lock_timed(&m, 20 * MILLISECOND), ROUSE_TIMEDOUT);
    cr_assert_geq(now_ns() - start, 20 * MILLISECOND);
    cr_assert_eq(rouse_mutex_unlock(&m), ROUSE_OK);
    cr_assert_not(rouse_mutex_is_locked(&m));
    rouse_semaphore_destroy(&s);
    rouse_notify_destroy(&n);
    rouse_mutex_destroy(&m);
}

Test(blocking, the_longest_timeouts_do_not_wrap, .timeout = 60) {
    const uint64_t timeouts[] = {UINT64_MAX, UINT64_MAX - 1, UINT64_MAX / 2, (uint64_t)INT64_MAX + 1};
    for (int i = 0; i < 4; i++) {
        rouse_semaphore s = ROUSE_SEMAPHORE_INIT(0);
        blocker b;
        uint64_t start;
        start_blocker(&b, &s, 1, timeouts[i], 1);
        start = now_ns();
        while (now_ns() - start < 20 * MILLISECOND) {
            cr_assert_eq(rouse_semaphore_waiter_count(&s), 1u, "it has given up already");
            sched_yield();
        }
        cr_assert_eq(rouse_semaphore_release(&s, 1), ROUSE_OK);
        cr_assert_eq(end_of(&b), ROUSE_OK);
        rouse_semaphore_destroy(&s);
    }
}

/* Trap: a big request at the head gives up, and the waiters behind it, which could now be served, are not
 * looked at. */
Test(blocking, a_big_head_that_times_out_lets_those_behind_it_pass, .timeout = 60) {
    rouse_semaphore s = ROUSE_SEMAPHORE_INIT(1);
    probe p;
    blocker b;
    probe_init(&p, 1);
    start_blocker(&b, &s, 2, 200 * MILLISECOND, 1);
    cr_assert_eq(rouse_semaphore_acquire(&s, &p.waiter, 1), ROUSE_PENDING, "behind the thread, in order");
    cr_assert_eq(end_of(&b), ROUSE_TIMEDOUT);
    expect_wakes(1);
    cr_assert_eq(rouse_semaphore_available(&s), 0u);
    rouse_semaphore_destroy(&s);
}

/* Trap: granted and cancelled at the same moment. Each release is had by exactly one: by the thread if it says OK, by
 * nobody if it says TIMEDOUT. */
enum { RACES = 3000 };

/* Releases once the other side is queued and has slept for a while of about its time-out. */
static void *release_many(void *arg) {
    rouse_semaphore *const s = (rouse_semaphore *)arg;
    for (unsigned i = 0; i < RACES; i++) {
        uint64_t start;
        while (rouse_semaphore_waiter_count(s) == 0) {
            sched_yield();
        }
        start = now_ns();
        while (now_ns() - start < 40000 + i % 100 * 1000) {
        }
        cr_assert_eq(rouse_semaphore_release(s, 1), ROUSE_OK);
        while (rouse_semaphore_available(s) != 0) {
            sched_yield();
        }
    }
    return NULL;
}

Test(blocking, a_timeout_that_loses_to_a_grant_reports_the_grant, .timeout = 120) {
    rouse_semaphore s = ROUSE_SEMAPHORE_INIT(0);
    pthread_t releaser;
    uint32_t had = 0;
    cr_assert_eq(pthread_create(&releaser, NULL, release_many, &s), 0);
    while (had < RACES) {
        const rouse_status status = rouse_semaphore_acquire_timed(&s, 1, 30000);
        had += status == ROUSE_OK;
        cr_assert(status == ROUSE_OK || status == ROUSE_TIMEDOUT);
    }
    cr_assert_eq(pthread_join(releaser, NULL), 0);
    cr_assert_eq(rouse_semaphore_available(&s), 0u);
    cr_assert_eq(rouse_semaphore_waiter_count(&s), 0u);
    rouse_semaphore_destroy(&s);
}

/* ---- woken ------------------------------------------------------------------------------------------------------------- */

Test(blocking, threads_queue_in_order_with_the_other_waiters, .timeout = 60) {
    rouse_semaphore s = ROUSE_SEMAPHORE_INIT(0);
    probe p;
    blocker first;
    blocker last;
    probe_init(&p, 1);
    start_blocker(&first, &s, 1, 0, 1);
    cr_assert_eq(rouse_semaphore_acquire(&s, &p.waiter, 1), ROUSE_PENDING);
    start_blocker(&last, &s, 2, 0, 3);
    cr_assert_eq(rouse_semaphore_release(&s, 1), ROUSE_OK);
    cr_assert_eq(end_of(&first), ROUSE_OK);
    expect_no_wakes();
    cr_assert_eq(rouse_semaphore_release(&s, 1), ROUSE_OK);
    expect_wakes(1);
    cr_assert_eq(rouse_semaphore_waiter_count(&s), 1u);
    cr_assert_eq(rouse_semaphore_release(&s, 2), ROUSE_OK);
    cr_assert_eq(end_of(&last), ROUSE_OK);
    rouse_semaphore_destroy(&s);
}

Test(blocking, close_ends_the_wait_of_every_thread, .timeout = 60) {
    rouse_semaphore s = ROUSE_SEMAPHORE_INIT(0);
    blocker b[3];
    for (uint32_t i = 0; i < 3; i++) {
        start_blocker(&b[i], &s, 1, i == 1 ? UINT64_MAX : 0, i + 1);
    }
    cr_assert_eq(rouse_semaphore_close(&s), 3u);
    for (int i = 0; i < 3; i++) {
        cr_assert_eq(end_of(&b[i]), ROUSE_CLOSED);
    }
    rouse_semaphore_destroy(&s);
}

static void *wait_for_notification(void *arg) {
    cr_assert_eq(rouse_notify_wait_blocking((rouse_notify *)arg), ROUSE_OK);
    return NULL;
}

Test(blocking, notify_wakes_a_blocked_thread, .timeout = 60) {
    rouse_notify n = ROUSE_NOTIFY_INIT;
    pthread_t thread;
    cr_assert_eq(pthread_create(&thread, NULL, wait_for_notification, &n), 0);
    while (rouse_notify_all(&n) == 0) { /* stores nothing: one of them finds it waiting */
        sched_yield();
    }
    cr_assert_eq(pthread_join(thread, NULL), 0);
    cr_assert_eq(pthread_create(&thread, NULL, wait_for_notification, &n), 0);
    rouse_notify_one(&n); /* waiting already or not */
    cr_assert_eq(pthread_join(thread, NULL), 0);
    rouse_notify_destroy(&n);
}

/* ---- the mutex among threads ---------------------------------------------------------------------------------------------- */

enum { THREADS = 6, ROUNDS = 2000 };
static rouse_mutex contended = ROUSE_MUTEX_INIT;
static long guarded; /* plain */
static atomic_long timed_out;

static void *lock_and_count(void *arg) {
    const bool timed = arg != NULL;
    for (int i = 0; i < ROUNDS; i++) {
        const rouse_status status =
            timed ? rouse_mutex_lock_timed(&contended, 20000) : rouse_mutex_lock_blocking(&contended);
        if (status == ROUSE_TIMEDOUT) {
            cr_assert(timed);
            atomic_fetch_add(&timed_out, 1);
            continue;
        }
        cr_assert_eq(status, ROUSE_OK);
        guarded++;
        cr_assert_eq(rouse_mutex_unlock(&contended), ROUSE_OK);
    }
    return NULL;
}

Test(blocking, threads_share_a_mutex_some_with_timeouts, .timeout = 120) {
    pthread_t threads[THREADS];
    int timed = 0;
    for (int i = 0; i < THREADS; i++) {
        cr_assert_eq(pthread_create(&threads[i], NULL, lock_and_count, i % 2 == 0 ? &timed : NULL), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        cr_assert_eq(pthread_join(threads[i], NULL), 0);
    }
    cr_assert_eq(guarded + atomic_load(&timed_out), (long)THREADS * ROUNDS);
    cr_assert_not(rouse_mutex_is_locked(&contended));
    rouse_mutex_destroy(&contended);
}

/* ---- a thread as a waiter ---------------------------------------------------------------------------------------------- */

/* Makes one call due on another thread, once somebody waits for it. */
typedef struct helper {
    rouse_waiter_queue *queue; /* whose waiter it waits for */
    void (*act)(void *object);
    void *object;
    pthread_t thread;
} helper;

static void *help(void *arg) {
    const helper *const h = (const helper *)arg;
    while (rouse_waiter_queue_waiter_count(h->queue) == 0) {
        sched_yield();
    }
    h->act(h->object);
    return NULL;
}

static void start_helper(helper *h, rouse_waiter_queue *queue, void (*act)(void *object), void *object) {
    h->queue = queue;
    h->act = act;
    h->object = object;
    cr_assert_eq(pthread_create(&h->thread, NULL, help, h), 0);
}

static void end_helper(helper *h) {
    cr_assert_eq(pthread_join(h->thread, NULL), 0);
}

static void release_two(void *semaphore) {
    cr_assert_eq(rouse_semaphore_release((rouse_semaphore *)semaphore, 2), ROUSE_OK);
}
static void notify_everybody(void *notify) {
    cr_assert_eq(rouse_notify_all((rouse_notify *)notify), 1u);
}
static void unlock(void *mutex) {
    cr_assert_eq(rouse_mutex_unlock((rouse_mutex *)mutex), ROUSE_OK);
}
static void close_queue(void *queue) {
    cr_assert_eq(rouse_waiter_queue_close((rouse_waiter_queue *)queue), 1u);
}
static void wake_three(void *queue) {
    cr_assert_eq(rouse_waiter_queue_wake((rouse_waiter_queue *)queue, 3, 0), ROUSE_OK);
}

Test(blocking, a_thread_waiter_waits_for_any_call_and_again, .timeout = 60) {
    rouse_semaphore s = ROUSE_SEMAPHORE_INIT(0);
    rouse_notify n = ROUSE_NOTIFY_INIT;
    rouse_mutex m = ROUSE_MUTEX_INIT;
    rouse_waiter_queue q = ROUSE_WAITER_QUEUE_INIT(0);
    rouse_thread_waiter t;
    helper h;
    rouse_thread_waiter_init(&t);
    for (int i = 0; i < 20; i++) {
        start_helper(&h, &s.queue_, release_two, &s);
        cr_assert_eq(rouse_thread_waiter_await(&t, rouse_semaphore_acquire(&s, &t.waiter, 2)), ROUSE_OK);
        end_helper(&h);
        start_helper(&h, &n.queue_, notify_everybody, &n);
        cr_assert_eq(rouse_thread_waiter_await(&t, rouse_notify_wait(&n, &t.waiter)), ROUSE_OK);
        end_helper(&h);
        cr_assert_eq(rouse_thread_waiter_await(&t, rouse_mutex_lock(&m, &t.waiter)), ROUSE_OK, "at once");
        start_helper(&h, &m.queue_, unlock, &m);
        cr_assert_eq(rouse_thread_waiter_await(&t, rouse_mutex_lock(&m, &t.waiter)), ROUSE_OK);
        end_helper(&h);
        cr_assert_eq(rouse_mutex_unlock(&m), ROUSE_OK);
    }
    start_helper(&h, &q, close_queue, &q);
    cr_assert_eq(rouse_thread_waiter_await(&t, rouse_waiter_queue_wait(&q, &t.waiter, 1)), ROUSE_CLOSED);
    end_helper(&h);
    rouse_thread_waiter_destroy(&t);
    rouse_semaphore_destroy(&s);
    rouse_notify_destroy(&n);
    rouse_mutex_destroy(&m);
    rouse_waiter_queue_destroy(&q);
}

Test(blocking, await_returns_an_answer_that_is_final_as_it_is) {
    const rouse_status answers[] = {ROUSE_OK,    ROUSE_CLOSED,   ROUSE_TIMEDOUT,
                                    ROUSE_NOMEM, ROUSE_OVERFLOW, ROUSE_INVALID};
    rouse_thread_waiter t;
    rouse_thread_waiter_init(&t);
    for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
        cr_assert_eq(rouse_thread_waiter_await(&t, answers[i]), answers[i]);
    }
    rouse_thread_waiter_destroy(&t);
}

Test(blocking, await_until_leaves_the_waiter_queued_when_time_is_up, .timeout = 60) {
    rouse_semaphore s = ROUSE_SEMAPHORE_INIT(0);
    rouse_thread_waiter t;
    rouse_status outcome = ROUSE_INVALID;
    uint64_t deadline;
    rouse_thread_waiter_init(&t);
    cr_assert_eq(rouse_semaphore_acquire(&s, &t.waiter, 1), ROUSE_PENDING);
    cr_assert_not(rouse_thread_waiter_await_until(&t, 0, &outcome), "a deadline in the past");
    deadline = rouse_now_ns() + 10 * MILLISECOND;
    cr_assert_not(rouse_thread_waiter_await_until(&t, deadline, &outcome));
    cr_assert_geq(rouse_now_ns(), deadline);
    cr_assert_eq(outcome, ROUSE_INVALID, "it is left alone");
    cr_assert_eq(rouse_semaphore_waiter_count(&s), 1u);
    cr_assert(rouse_semaphore_cancel(&s, &t.waiter));
    cr_assert_eq(rouse_semaphore_waiter_count(&s), 0u);
    /* Once more, with the same one: granted after a time-out. */
    cr_assert_eq(rouse_semaphore_acquire(&s, &t.waiter, 1), ROUSE_PENDING);
    cr_assert_not(rouse_thread_waiter_await_until(&t, rouse_now_ns() + MILLISECOND, &outcome));
    cr_assert_eq(rouse_semaphore_release(&s, 1), ROUSE_OK);
    cr_assert_not(rouse_semaphore_cancel(&s, &t.waiter));
    cr_assert_eq(rouse_thread_waiter_await(&t, ROUSE_PENDING), ROUSE_OK);
    /* What has been granted already is found without sleeping, whatever the deadline. */
    cr_assert_eq(rouse_semaphore_acquire(&s, &t.waiter, 1), ROUSE_PENDING);
    cr_assert_eq(rouse_semaphore_release(&s, 1), ROUSE_OK);
    cr_assert(rouse_thread_waiter_await_until(&t, 0, &outcome));
    cr_assert_eq(outcome, ROUSE_OK);
    cr_assert_eq(rouse_semaphore_available(&s), 0u);
    rouse_thread_waiter_destroy(&t);
    rouse_semaphore_destroy(&s);
}

Test(blocking, the_clock_is_the_monotonic_one) {
    const uint64_t before = now_ns();
    const uint64_t between = rouse_now_ns();
    cr_assert(before <= between && between <= now_ns());
}

Test(blocking, a_waiter_queue_has_blocking_waits_too, .timeout = 60) {
    rouse_waiter_queue q = ROUSE_WAITER_QUEUE_INIT(2);
    helper h;
    uint64_t start = now_ns();
    cr_assert_eq(rouse_waiter_queue_wait_timed(&q, 3, 10 * MILLISECOND), ROUSE_TIMEDOUT);
    cr_assert_geq(now_ns() - start, 10 * MILLISECOND);
    cr_assert_eq(rouse_waiter_queue_balance(&q), 2);
    cr_assert_eq(rouse_waiter_queue_wait_timed(&q, 3, 0), ROUSE_TIMEDOUT);
    cr_assert_eq(rouse_waiter_queue_wait_timed(&q, 1, 0), ROUSE_OK);
    cr_assert_eq(rouse_waiter_queue_wait_blocking(&q, 1), ROUSE_OK);
    cr_assert_eq(rouse_waiter_queue_wait_blocking(&q, 0), ROUSE_OK);
    cr_assert_eq(rouse_waiter_queue_wait_blocking(&q, UINT32_MAX), ROUSE_INVALID);
    start_helper(&h, &q, wake_three, &q);
    cr_assert_eq(rouse_waiter_queue_wait_blocking(&q, 3), ROUSE_OK);
    end_helper(&h);
    start_helper(&h, &q, wake_three, &q);
    cr_assert_eq(rouse_waiter_queue_wait_timed(&q, 3, UINT64_MAX), ROUSE_OK);
    end_helper(&h);
    start_helper(&h, &q, close_queue, &q);
    cr_assert_eq(rouse_waiter_queue_wait_blocking(&q, 1), ROUSE_CLOSED);
    end_helper(&h);
    cr_assert_eq(rouse_waiter_queue_wait_timed(&q, 1, UINT64_MAX), ROUSE_CLOSED);
    rouse_waiter_queue_destroy(&q);
}
