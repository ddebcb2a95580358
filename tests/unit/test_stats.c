/* The contract of stats.h: every wait is counted once, by its length and by how it ended; the oldest is found. The
 * clock is the test's own, so every number is exact. */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

static uint64_t clock_now = 1000;
#define ROUSE_STATS_NOW() clock_now
static bool no_memory;
#define ROUSE_MALLOC(size)  (no_memory ? NULL : malloc(size))
#define ROUSE_FREE(pointer) free(pointer)
#include <rouse/rouse.h>

#include "support.h"

static rouse_stats stats = ROUSE_STATS_INIT("tested");

static void after(uint64_t ns) {
    clock_now += ns;
}
static uint64_t ended(void) {
    return rouse_stats_count(&stats) + stats.cancelled + stats.timed_out + stats.closed;
}

/* granted, cancelled, timed out, closed, refused, waiting now, most */
static void check_stats(int line, const uint64_t expected[7]) {
    const uint64_t have[7] = {rouse_stats_count(&stats),
                              stats.cancelled,
                              stats.timed_out,
                              stats.closed,
                              stats.refused,
                              stats.waiting,
                              stats.most};
    for (int i = 0; i < 7; i++) {
        cr_assert_eq(have[i], expected[i], "line %d: number %d is %llu, not %llu", line, i,
                     (unsigned long long)have[i], (unsigned long long)expected[i]);
    }
}
#define expect_stats(...) check_stats(__LINE__, (const uint64_t[7]){__VA_ARGS__})

Test(stats, a_waiter_has_64_bytes_and_a_queue_8_more) {
#ifdef ROUSE_DEBUG
    const size_t more = 8;
#else
    const size_t more = 0;
#endif
    if (sizeof(void *) == 8) {
        cr_assert_eq(sizeof(rouse_waiter), 64 + more);
        cr_assert_eq(sizeof(rouse_stats), 568u);
        if (ROUSE_BACKEND == ROUSE_BACKEND_SPIN || ROUSE_BACKEND == ROUSE_BACKEND_LOCKFREE) {
            cr_assert_eq(sizeof(rouse_waiter_queue), 56u + 2 * more);
        }
    }
}

Test(stats, a_clock_that_goes_back_makes_a_wait_short) {
    rouse_semaphore s = ROUSE_SEMAPHORE_INIT(0);
    probe p;
    probe_init(&p, 0);
    cr_assert_eq(rouse_semaphore_attach_stats(&s, &stats), ROUSE_OK);
    cr_assert_eq(rouse_semaphore_acquire(&s, &p.waiter, 1), ROUSE_PENDING);
    clock_now -= 100;
    rouse_semaphore_release(&s, 1);
    cr_assert_eq(stats.waits[0], 1u);
    rouse_semaphore_destroy(&s);
}

Test(stats, zero_static_and_init_are_alike_and_empty) {
    static rouse_stats zeroed;
    rouse_stats made;
    rouse_stats copy;
    rouse_stats *const all[] = {&zeroed, &stats, &made};
    rouse_stats_init(&made, "made");
    cr_assert_str_eq(made.name, "made");
    cr_assert_str_eq(stats.name, "tested");
    for (int i = 0; i < 3; i++) {
        rouse_stats_read(all[i], &copy);
        cr_assert_eq(copy.name, all[i]->name);
        cr_assert_eq(rouse_stats_count(&copy), 0u);
        cr_assert_eq(rouse_stats_quantile(&copy, 0.5), 0u);
        cr_assert_eq(copy.waiting + copy.most + copy.cancelled + copy.timed_out + copy.closed + copy.refused,
                     0u);
    }
}

Test(stats, a_wait_falls_into_the_bucket_of_its_length) {
    rouse_semaphore s = ROUSE_SEMAPHORE_INIT(0);
    cr_assert_eq(rouse_semaphore_attach_stats(&s, &stats), ROUSE_OK);
    for (uint32_t k = 1; k < 62; k++) {
        probe p[2];
        probes_init(p, 2);
        cr_assert_eq(rouse_semaphore_acquire(&s, &p[0].waiter, 1), ROUSE_PENDING);
        cr_assert_eq(rouse_semaphore_acquire(&s, &p[1].waiter, 2), ROUSE_PENDING);
        after((uint64_t)1 << k);
        rouse_semaphore_release(&s, 1);
        after(((uint64_t)1 << k) - 1);
        rouse_semaphore_release(&s, 2);
        cr_assert_eq(stats.waits[k], 2u, "2^%u ns", k);
        stats.waits[k] = 0;
        cr_assert_eq(rouse_stats_count(&stats), 0u, "in no other");
        clock_now = 1000;
    }
    cr_assert_eq(stats.most, 2u);
    rouse_semaphore_destroy(&s);
}

Test(stats, what_does_not_queue_is_not_counted) {
    rouse_semaphore s = ROUSE_SEMAPHORE_INIT(3);
    probe p;
    probe_init(&p, 0);
    cr_assert_eq(rouse_semaphore_attach_stats(&s, &stats), ROUSE_OK);
    cr_assert_eq(rouse_semaphore_acquire(&s, &p.waiter, 2), ROUSE_OK);
    cr_assert(rouse_semaphore_try_acquire(&s, 1));
    cr_assert_not(rouse_semaphore_try_acquire(&s, 1));
    rouse_semaphore_release(&s, 3);
    expect_stats(0, 0, 0, 0, 0, 0, 0);
    rouse_semaphore_destroy(&s);
}

Test(stats, a_quantile_is_not_below_the_true_one_and_less_than_twice_it) {
    rouse_stats s = ROUSE_STATS_INIT(NULL);
    s.waits[10] = 98; /* 1024 ... 2047 */
    s.waits[20] = 1;
    s.waits[63] = 1;
    cr_assert_eq(rouse_stats_count(&s), 100u);
    cr_assert_eq(rouse_stats_quantile(&s, -1), 2047u);
    cr_assert_eq(rouse_stats_quantile(&s, 0), 2047u);
    cr_assert_eq(rouse_stats_quantile(&s, 0.5), 2047u);
    cr_assert_eq(rouse_stats_quantile(&s, 0.98), 2047u);
    cr_assert_eq(rouse_stats_quantile(&s, 0.985), (UINT64_C(1) << 21) - 1);
    cr_assert_eq(rouse_stats_quantile(&s, 0.99), (UINT64_C(1) << 21) - 1);
    cr_assert_eq(rouse_stats_quantile(&s, 1), UINT64_MAX);
    cr_assert_eq(rouse_stats_quantile(&s, 7), UINT64_MAX);
}

/* Trap: the histogram of what is over looks well while somebody is stuck. */
Test(stats, the_oldest_is_told_while_it_waits_alone_and_among_others) {
    rouse_semaphore s = ROUSE_SEMAPHORE_INIT(0);
    probe p[40];
    probes_init(p, 40);
    cr_assert_eq(rouse_semaphore_oldest_ns(&s, clock_now), 0u, "nobody waits");
    for (int i = 0; i < 40; i++) {
        cr_assert_eq(rouse_semaphore_acquire(&s, &p[i].waiter, 1), ROUSE_PENDING);
        cr_assert_eq(rouse_semaphore_oldest_ns(&s, clock_now), (uint64_t)i * 10);
        cr_assert_eq(rouse_semaphore_waiter_count(&s), (uint32_t)i + 1);
        after(10);
    }
    cr_assert_eq(rouse_semaphore_oldest_ns(&s, clock_now), 400u);
    cr_assert_eq(rouse_semaphore_oldest_ns(&s, 500), 0u, "before it began");
    cr_assert(rouse_semaphore_cancel(&s, &p[0].waiter));
    cr_assert_eq(rouse_semaphore_oldest_ns(&s, clock_now), 390u);
    cr_assert(rouse_semaphore_cancel(&s, &p[20].waiter));
    cr_assert_eq(rouse_semaphore_oldest_ns(&s, clock_now), 390u);
    rouse_semaphore_release(&s, 30);
    expect_wakes(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 21, 22, 23, 24, 25, 26,
                 27, 28, 29, 30, 31);
    cr_assert_eq(rouse_semaphore_oldest_ns(&s, clock_now), 80u);
    (void)rouse_semaphore_close(&s);
    cr_assert_eq(rouse_semaphore_oldest_ns(&s, clock_now), 0u);
    rouse_semaphore_destroy(&s);
}

Test(stats, every_way_to_end_is_counted_once) {
    rouse_semaphore s = ROUSE_SEMAPHORE_INIT(0);
    probe p[6];
    probes_init(p, 6);
    cr_assert_eq(rouse_semaphore_attach_stats(&s, &stats), ROUSE_OK);
    for (int i = 0; i < 6; i++) {
        cr_assert_eq(rouse_semaphore_acquire(&s, &p[i].waiter, 1), ROUSE_PENDING);
    }
    expect_stats(0, 0, 0, 0, 0, 6, 6);
    cr_assert(rouse_semaphore_cancel(&s, &p[3].waiter));
    cr_assert_not(rouse_semaphore_cancel(&s, &p[3].waiter));
    expect_stats(0, 1, 0, 0, 0, 5, 6);
    rouse_semaphore_release(&s, 2);
    expect_stats(2, 1, 0, 0, 0, 3, 6);
    cr_assert_eq(rouse_semaphore_close(&s), 3u);
    expect_stats(2, 1, 0, 3, 0, 0, 6);
    cr_assert_eq(ended(), 6u);
    rouse_semaphore_destroy(&s);
}

Test(stats, a_lone_waiter_is_counted_as_well) {
    rouse_waiter_queue q = ROUSE_WAITER_QUEUE_INIT(0);
    probe p;
    probe_init(&p, 0);
    cr_assert_eq(rouse_waiter_queue_attach_stats(&q, &stats), ROUSE_OK);
    cr_assert_eq(rouse_waiter_queue_wait(&q, &p.waiter, 1), ROUSE_PENDING);
    cr_assert(rouse_waiter_queue_wake_one(&q));
    cr_assert_eq(rouse_waiter_queue_wait(&q, &p.waiter, 1), ROUSE_PENDING);
    cr_assert(rouse_waiter_queue_cancel(&q, &p.waiter));
    cr_assert_eq(rouse_waiter_queue_wait(&q, &p.waiter, 1), ROUSE_PENDING);
    cr_assert_eq(rouse_waiter_queue_wake_all(&q), 1u);
    cr_assert_eq(rouse_waiter_queue_wait(&q, &p.waiter, 2), ROUSE_PENDING);
    cr_assert_eq(rouse_waiter_queue_close(&q), 1u);
    expect_stats(2, 1, 0, 1, 0, 0, 1);
    rouse_waiter_queue_destroy(&q);
}

static bool second_look(void *looks) {
    return ++*(int *)looks == 2;
}
Test(stats, a_waiter_that_changes_its_mind_is_not_counted) {
    rouse_waiter_queue q = ROUSE_WAITER_QUEUE_INIT(0);
    int looks = 0;
    probe p;
    probe_init(&p, 0);
    cr_assert_eq(rouse_waiter_queue_attach_stats(&q, &stats), ROUSE_OK);
    cr_assert_eq(rouse_waiter_queue_add_waiter_if(&q, &p.waiter, second_look, &looks), ROUSE_OK);
    cr_assert_eq(ended() + stats.waiting, 0u);
    rouse_waiter_queue_destroy(&q);
}

/* Trap: the object, and the statistics in it, are freed by the first that is woken. */
typedef struct freed {
    rouse_semaphore s;
    rouse_stats stats;
} freed;
static void free_it(probe *p) {
    freed *const f = p->arg;
    if (f != NULL) {
        rouse_semaphore_destroy(&f->s);
        free(f);
    }
}
Test(stats, they_may_be_freed_with_the_object_by_who_is_granted) {
    for (int how = 0; how < 4; how++) {
        freed *const f = must_alloc(sizeof *f);
        probe p[3];
        probes_init(p, 3);
        rouse_semaphore_init(&f->s, 0);
        rouse_stats_init(&f->stats, "freed");
        cr_assert_eq(rouse_semaphore_attach_stats(&f->s, &f->stats), ROUSE_OK);
        for (int i = 0; i < (how < 3 ? 3 : 1); i++) {
            cr_assert_eq(rouse_semaphore_acquire(&f->s, &p[i].waiter, 1), ROUSE_PENDING);
            p[i].then = free_it;
        }
        p[0].arg = f;
        switch (how) {
        case 0:
            rouse_semaphore_release(&f->s, 3);
            break;
        case 1:
            (void)rouse_waiter_queue_wake_all(&f->s.queue_);
            break;
        case 2:
            (void)rouse_semaphore_close(&f->s);
            break;
        default:
            rouse_semaphore_release(&f->s, 1);
            break;
        }
    }
}

static void nothing(rouse_timed *t, rouse_status status) {
    *(rouse_status *)rouse_timed_data(t) = status;
}
Test(stats, a_time_out_is_told_from_a_cancel) {
    rouse_semaphore s = ROUSE_SEMAPHORE_INIT(0);
    rouse_status outcome = ROUSE_PENDING;
    rouse_deadlines d;
    rouse_timed t;
    rouse_deadlines_init(&d);
    rouse_timed_init(&t, &d, NULL, nothing, &outcome);
    cr_assert_eq(rouse_semaphore_attach_stats(&s, &stats), ROUSE_OK);
    cr_assert_eq(rouse_semaphore_acquire_until(&s, &t, 1, 50), ROUSE_PENDING);
    cr_assert_eq(rouse_deadlines_run(&d, 50), 1u);
    cr_assert_eq(outcome, ROUSE_TIMEDOUT);
    expect_stats(0, 0, 1, 0, 0, 0, 1);
    cr_assert_eq(rouse_semaphore_acquire_until(&s, &t, 1, 50), ROUSE_PENDING);
    cr_assert(rouse_timed_cancel(&t));
    expect_stats(0, 1, 1, 0, 0, 0, 1);
#if ROUSE_BACKEND != ROUSE_BACKEND_LOCAL
    cr_assert_eq(rouse_semaphore_acquire_timed(&s, 1, 1000), ROUSE_TIMEDOUT);
    expect_stats(0, 1, 2, 0, 0, 0, 1);
    cr_assert_eq(rouse_semaphore_acquire_timed(&s, 1, 0), ROUSE_TIMEDOUT, "it does not wait");
    expect_stats(0, 1, 2, 0, 0, 0, 1);
#endif
    rouse_semaphore_destroy(&s);
}

Test(stats, a_limit_counts_what_it_refuses) {
    rouse_limit l = ROUSE_LIMIT_INIT(1, 2);
    probe p[4];
    probes_init(p, 4);
    cr_assert_eq(rouse_limit_attach_stats(&l, &stats), ROUSE_OK);
    cr_assert_eq(rouse_limit_acquire(&l, &p[0].waiter, 1), ROUSE_OK);
    cr_assert_eq(rouse_limit_acquire(&l, &p[1].waiter, 1), ROUSE_PENDING);
    after(100);
    cr_assert_eq(rouse_limit_acquire(&l, &p[2].waiter, 1), ROUSE_PENDING);
    cr_assert_eq(rouse_limit_acquire(&l, &p[3].waiter, 1), ROUSE_FULL);
    expect_stats(0, 0, 0, 0, 1, 2, 2);
    cr_assert_eq(rouse_limit_oldest_ns(&l, clock_now), 100u);
    cr_assert_eq(rouse_limit_give_back(&l, 1), ROUSE_OK);
    cr_assert_eq(stats.waits[6], 1u);
    cr_assert_eq(rouse_limit_oldest_ns(&l, clock_now), 0u, "the other has just come");
    cr_assert_eq(rouse_limit_acquire(&l, &p[3].waiter, 1), ROUSE_PENDING);
    cr_assert(rouse_limit_cancel(&l, &p[3].waiter));
    cr_assert_eq(rouse_limit_close(&l), 1u);
    expect_stats(1, 1, 0, 1, 1, 0, 2);
    rouse_limit_destroy(&l);
    cr_assert_eq(rouse_limit_init(&l, 0, 0), ROUSE_OK);
    cr_assert_eq(rouse_limit_acquire(&l, &p[0].waiter, 1), ROUSE_FULL, "nobody counts");
    rouse_limit_destroy(&l);
}

#if ROUSE_BACKEND == ROUSE_BACKEND_SPIN || ROUSE_BACKEND == ROUSE_BACKEND_MUTEX
Test(stats, the_oldest_of_a_limit_in_throughput_mode_leaves_the_invited_its_turn) {
    rouse_limit l = ROUSE_LIMIT_INIT_THROUGHPUT(1, 9, 1);
    probe p[2];
    probes_init(p, 2);
    cr_assert(rouse_limit_try_acquire(&l, 1));
    cr_assert_eq(rouse_limit_acquire(&l, &p[0].waiter, 1), ROUSE_PENDING);
    cr_assert_eq(rouse_limit_acquire(&l, &p[1].waiter, 1), ROUSE_PENDING);
    after(7);
    cr_assert_eq(rouse_limit_give_back(&l, 1), ROUSE_OK);
    cr_assert_eq(rouse_waiter_status(&p[0].waiter), ROUSE_RETRY);
    cr_assert_eq(rouse_limit_oldest_ns(&l, clock_now), 7u, "the invited one is not looked at");
    cr_assert_eq(rouse_waiter_status(&p[1].waiter), ROUSE_PENDING);
    cr_assert(rouse_limit_cancel(&l, &p[1].waiter));
    cr_assert_eq(rouse_limit_oldest_ns(&l, clock_now), 0u);
    cr_assert(rouse_limit_try_acquire(&l, 1), "the bound allows one");
    cr_assert_eq(rouse_limit_give_back(&l, 1), ROUSE_OK);
    cr_assert_not(rouse_limit_try_acquire(&l, 1), "and no more: somebody waits still");
    cr_assert_eq(rouse_limit_resume(&l, &p[0].waiter), ROUSE_OK);
    cr_assert_eq(rouse_limit_give_back(&l, 1), ROUSE_OK);
    rouse_limit_destroy(&l);
}
#endif

Test(stats, every_object_that_has_one_queue_can_be_counted) {
    rouse_mutex m = ROUSE_MUTEX_INIT;
    rouse_notify n = ROUSE_NOTIFY_INIT;
    rouse_event e = ROUSE_EVENT_INIT;
    rouse_gate g = ROUSE_GATE_INIT(1);
    rouse_rwlock l = ROUSE_RWLOCK_INIT(4);
    rouse_once o = ROUSE_ONCE_INIT;
    rouse_barrier b;
    probe p[8];
    probes_init(p, 8);
    cr_assert_eq(rouse_barrier_init(&b, 2), ROUSE_OK);
    cr_assert_eq(rouse_mutex_attach_stats(&m, &stats), ROUSE_OK);
    cr_assert_eq(rouse_notify_attach_stats(&n, &stats), ROUSE_OK);
    cr_assert_eq(rouse_event_attach_stats(&e, &stats), ROUSE_OK);
    cr_assert_eq(rouse_gate_attach_stats(&g, &stats), ROUSE_OK);
    cr_assert_eq(rouse_rwlock_attach_stats(&l, &stats), ROUSE_OK);
    cr_assert_eq(rouse_once_attach_stats(&o, &stats), ROUSE_OK);
    cr_assert_eq(rouse_barrier_attach_stats(&b, &stats), ROUSE_OK);
    cr_assert(rouse_mutex_try_lock(&m));
    cr_assert(rouse_rwlock_try_write(&l));
    cr_assert_eq(rouse_once_begin(&o, &p[7].waiter), ROUSE_OK);
    cr_assert_eq(rouse_mutex_lock(&m, &p[0].waiter), ROUSE_PENDING);
    cr_assert_eq(rouse_notify_wait(&n, &p[1].waiter), ROUSE_PENDING);
    cr_assert_eq(rouse_event_wait(&e, &p[2].waiter), ROUSE_PENDING);
    cr_assert_eq(rouse_gate_wait(&g, &p[3].waiter), ROUSE_PENDING);
    cr_assert_eq(rouse_rwlock_read(&l, &p[4].waiter), ROUSE_PENDING);
    cr_assert_eq(rouse_once_begin(&o, &p[5].waiter), ROUSE_PENDING);
    cr_assert_eq(rouse_barrier_arrive(&b, &p[6].waiter), ROUSE_PENDING);
    expect_stats(0, 0, 0, 0, 0, 7, 7);
    after(64);
    cr_assert_eq(rouse_mutex_oldest_ns(&m, rouse_stats_now()), 64u);
    cr_assert_eq(rouse_notify_oldest_ns(&n, clock_now), 64u);
    cr_assert_eq(rouse_event_oldest_ns(&e, clock_now), 64u);
    cr_assert_eq(rouse_gate_oldest_ns(&g, clock_now), 64u);
    cr_assert_eq(rouse_rwlock_oldest_ns(&l, clock_now), 64u);
    cr_assert_eq(rouse_once_oldest_ns(&o, clock_now), 64u);
    cr_assert_eq(rouse_barrier_oldest_ns(&b, clock_now), 64u);
    cr_assert_eq(rouse_mutex_unlock(&m), ROUSE_OK);
    (void)rouse_notify_all(&n);
    cr_assert_eq(rouse_event_set(&e), 1u);
    (void)rouse_gate_close(&g);
    (void)rouse_gate_leave(&g, 1);
    (void)rouse_rwlock_end_write(&l);
    (void)rouse_once_failed(&o);
    cr_assert_eq(rouse_barrier_arrive(&b, &p[7].waiter), ROUSE_OK);
    cr_assert_eq(stats.waits[6], 7u);
    expect_stats(7, 0, 0, 0, 0, 0, 7);
    cr_assert_eq(rouse_barrier_arrive(&b, &p[6].waiter), ROUSE_PENDING, "the other gate");
    after(10);
    cr_assert_eq(rouse_barrier_oldest_ns(&b, clock_now), 10u);
    cr_assert_eq(rouse_barrier_arrive(&b, &p[7].waiter), ROUSE_OK);
    rouse_mutex_destroy(&m);
    rouse_notify_destroy(&n);
    rouse_event_destroy(&e);
    rouse_gate_destroy(&g);
    rouse_rwlock_destroy(&l);
    rouse_once_destroy(&o);
    rouse_barrier_destroy(&b);
}

#if ROUSE_BACKEND != ROUSE_BACKEND_LOCAL
static void keep(rouse_waiter *w, rouse_status status) {
    *(rouse_status *)rouse_waiter_data(w) = status;
}
Test(stats, throughput_mode_counts_from_queueing_to_the_answer) {
    rouse_semaphore s;
    rouse_status told[2] = {ROUSE_PENDING, ROUSE_PENDING};
    rouse_waiter w[2];
    rouse_semaphore_init_throughput(&s, 0, ROUSE_BYPASS);
    cr_assert_eq(rouse_semaphore_attach_stats(&s, &stats), ROUSE_OK);
    for (int i = 0; i < 2; i++) {
        rouse_waiter_init(&w[i], keep, &told[i]);
        cr_assert_eq(rouse_semaphore_acquire(&s, &w[i], 1), ROUSE_PENDING);
    }
    after(100);
    cr_assert_eq(rouse_semaphore_oldest_ns(&s, clock_now), 100u);
    rouse_semaphore_release(&s, 1);
    cr_assert_eq(told[0], ROUSE_RETRY);
    cr_assert(rouse_semaphore_try_acquire(&s, 1));
    cr_assert_eq(rouse_semaphore_resume(&s, &w[0]), ROUSE_PENDING, "beaten");
    expect_stats(0, 0, 0, 0, 0, 2, 2);
    after(100);
    rouse_semaphore_release(&s, 1);
    cr_assert_eq(rouse_semaphore_resume(&s, &w[0]), ROUSE_OK);
    cr_assert_eq(stats.waits[7], 1u, "200 ns");
    rouse_semaphore_release(&s, 1);
    cr_assert_eq(told[1], ROUSE_RETRY);
    cr_assert_eq(rouse_semaphore_oldest_ns(&s, clock_now), 0u, "it is invited");
    rouse_semaphore_decline(&s, &w[1]);
    expect_stats(1, 1, 0, 0, 0, 0, 2);
    cr_assert_eq(rouse_semaphore_available(&s), 1u);
    cr_assert_eq(rouse_semaphore_oldest_ns(&s, clock_now), 0u, "nobody waits");
    rouse_semaphore_destroy(&s);
}
#endif

#if ROUSE_BACKEND == ROUSE_BACKEND_SPIN || ROUSE_BACKEND == ROUSE_BACKEND_MUTEX
Test(stats, a_limit_in_throughput_mode_counts_from_queueing_to_the_answer) {
    rouse_limit l = ROUSE_LIMIT_INIT_THROUGHPUT(1, 2, 5);
    rouse_status told[3] = {ROUSE_PENDING, ROUSE_PENDING, ROUSE_PENDING};
    rouse_waiter w[3];
    cr_assert_eq(rouse_limit_attach_stats(&l, &stats), ROUSE_OK);
    cr_assert(rouse_limit_try_acquire(&l, 1));
    for (int i = 0; i < 3; i++) {
        rouse_waiter_init(&w[i], keep, &told[i]);
        cr_assert_eq(rouse_limit_acquire(&l, &w[i], 1), i < 2 ? ROUSE_PENDING : ROUSE_FULL);
        after(10);
    }
    expect_stats(0, 0, 0, 0, 1, 2, 2);
    after(70);
    cr_assert_eq(rouse_limit_oldest_ns(&l, clock_now), 100u);
    cr_assert_eq(rouse_limit_give_back(&l, 1), ROUSE_OK);
    cr_assert_eq(told[0], ROUSE_RETRY);
    cr_assert_eq(rouse_limit_oldest_ns(&l, clock_now), 90u, "the invited one is not looked at");
    cr_assert(rouse_limit_try_acquire(&l, 1));
    cr_assert_eq(rouse_limit_resume(&l, &w[0]), ROUSE_PENDING, "beaten");
    expect_stats(0, 0, 0, 0, 1, 2, 2);
    cr_assert_eq(rouse_limit_oldest_ns(&l, clock_now), 100u, "as long as ever");
    after(100);
    cr_assert_eq(rouse_limit_give_back(&l, 1), ROUSE_OK);
    cr_assert_eq(rouse_limit_resume(&l, &w[0]), ROUSE_OK);
    cr_assert_eq(stats.waits[7], 1u, "200 ns");
    cr_assert_eq(rouse_limit_give_back(&l, 1), ROUSE_OK);
    cr_assert_eq(told[1], ROUSE_RETRY);
    rouse_limit_decline(&l, &w[1]);
    expect_stats(1, 1, 0, 0, 1, 0, 2);
    cr_assert_eq(rouse_limit_oldest_ns(&l, clock_now), 0u);
    cr_assert(rouse_limit_try_acquire(&l, 1), "at rest it is free");
    cr_assert_eq(rouse_limit_acquire(&l, &w[2], 1), ROUSE_PENDING);
    cr_assert_eq(rouse_limit_close(&l), 1u);
    expect_stats(1, 1, 0, 1, 1, 0, 2);
    cr_assert_eq(rouse_limit_give_back(&l, 1), ROUSE_OK);
    rouse_limit_destroy(&l);
}
#endif

/* Throughput mode on a loop: the deadline's own waiter is asked by the library, and its time may run out. */
Test(stats, a_time_out_in_throughput_mode_is_told_from_a_grant) {
    rouse_semaphore s;
    rouse_status outcome[2] = {ROUSE_PENDING, ROUSE_PENDING};
    rouse_deadlines d;
    rouse_timed t[2];
    rouse_semaphore_init_throughput(&s, 0, ROUSE_BYPASS);
    cr_assert_eq(rouse_semaphore_attach_stats(&s, &stats), ROUSE_OK);
    rouse_deadlines_init(&d);
    for (int i = 0; i < 2; i++) {
        rouse_timed_init(&t[i], &d, NULL, nothing, &outcome[i]);
        cr_assert_eq(rouse_semaphore_acquire_until(&s, &t[i], 1, 50 + (uint64_t)i), ROUSE_PENDING);
    }
    after(64);
    cr_assert_eq(rouse_deadlines_run(&d, 50), 1u);
    cr_assert_eq(outcome[0], ROUSE_TIMEDOUT);
    cr_assert_eq(rouse_semaphore_release(&s, 1), ROUSE_OK);
    cr_assert_eq(outcome[1], ROUSE_OK);
    cr_assert_eq(stats.waits[6], 1u);
    expect_stats(1, 0, 1, 0, 0, 0, 2);
    rouse_deadlines_destroy(&d);
    rouse_semaphore_destroy(&s);
}

Test(stats, the_oldest_of_a_plain_queue) {
    rouse_waiter_queue q;
    probe p;
    rouse_waiter_queue_init(&q, 0);
    probes_init(&p, 1);
    cr_assert_eq(rouse_waiter_queue_oldest_ns(&q, clock_now), 0u, "nobody waits");
    cr_assert_eq(rouse_waiter_queue_wait(&q, &p.waiter, 1), ROUSE_PENDING);
    after(30);
    cr_assert_eq(rouse_waiter_queue_oldest_ns(&q, clock_now), 30u);
    cr_assert(rouse_waiter_queue_cancel(&q, &p.waiter));
    cr_assert_eq(rouse_waiter_queue_oldest_ns(&q, clock_now), 0u);
    rouse_waiter_queue_destroy(&q);
}

Test(stats, a_wait_for_which_there_is_no_memory_is_refused,
     .disabled = ROUSE_BACKEND != ROUSE_BACKEND_LOCKFREE) {
    rouse_semaphore s = ROUSE_SEMAPHORE_INIT(0);
    probe p;
    probe_init(&p, 0);
    no_memory = true;
    cr_assert_eq(rouse_semaphore_attach_stats(&s, &stats), ROUSE_OK);
    cr_assert_eq(rouse_semaphore_acquire(&s, &p.waiter, 1), ROUSE_NOMEM);
    expect_stats(0, 0, 0, 0, 1, 0, 0);
    rouse_semaphore_destroy(&s);
}

/* A queue under a lock counts what its waiters lack, together, in 40 bits. */
Test(stats, a_wait_for_which_the_list_has_no_room_is_refused) {
    for (uint32_t bound = 0; bound < 2; bound++) {
        enum { MOST = 4096 };
        rouse_waiter *const w = must_alloc(MOST * sizeof *w);
        rouse_status status = ROUSE_PENDING;
        rouse_semaphore s;
        uint64_t queued = 0;
        stats.refused = 0;
        rouse_semaphore_init_throughput(&s, 0, bound);
        cr_assert_eq(rouse_semaphore_attach_stats(&s, &stats), ROUSE_OK);
        for (int i = 0; i < MOST && status == ROUSE_PENDING; i++) {
            rouse_waiter_init(&w[i], NULL, NULL);
            status = rouse_semaphore_acquire(&s, &w[i], ROUSE_MAX_PERMITS);
            queued += status == ROUSE_PENDING ? 1 : 0;
        }
        cr_assert(status == ROUSE_OVERFLOW || queued == MOST, "LOCKFREE's waiters count for themselves");
        cr_assert_eq(stats.refused, status == ROUSE_OVERFLOW ? 1u : 0u);
        cr_assert_eq(stats.waiting, queued);
        cr_assert_eq(rouse_semaphore_close(&s), (uint32_t)queued);
        rouse_semaphore_destroy(&s);
        free(w);
    }
}
