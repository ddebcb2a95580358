/* stats.h under 16 threads: every wait is counted once, by how it ended; looking for the oldest waiter loses no wake and
 * touches no waiter that has gone.
 *
 *   14 workers   acquire (polled, on the heap; cancelled, or blocking), release
 *    2 watchers  look for the oldest waiter and read the numbers, all the time */
#include "stress.h"

enum { WORKERS = THREADS - 2 };

static rouse_semaphore permits = ROUSE_SEMAPHORE_INIT(3);
static rouse_stats stats = ROUSE_STATS_INIT("permits");
static atomic_ullong queued, cancelled;
static atomic_int working;
static uint64_t begun;

/* True: it has n. */
static bool polled(dice *d, uint32_t n) {
    rouse_waiter *const w = must_alloc(sizeof *w);
    rouse_status status;
    rouse_waiter_init(w, NULL, NULL);
    status = rouse_semaphore_acquire(&permits, w, n);
    if (status == ROUSE_PENDING) {
        (void)atomic_fetch_add_explicit(&queued, 1, memory_order_relaxed);
        dawdle(d);
        if (rouse_semaphore_cancel(&permits, w)) {
            (void)atomic_fetch_add_explicit(&cancelled, 1, memory_order_relaxed);
            free(w);
            return false;
        }
        status = rouse_waiter_status(w);
    }
    CHECK(status == ROUSE_OK);
    free(w);
    return true;
}

static void *work(void *arg) {
    dice d;
    dice_init(&d, (uint64_t)(uintptr_t)arg);
    while (!time_is_up()) {
        const uint32_t n = 1 + roll(&d, 2);
        bool has = true;
        if (roll(&d, 4) != 0) {
            has = polled(&d, n);
        } else {
            CHECK(rouse_semaphore_acquire_blocking(&permits, n) == ROUSE_OK);
        }
        if (has) {
            dawdle(&d);
            CHECK(rouse_semaphore_release(&permits, n) == ROUSE_OK);
        }
    }
    (void)atomic_fetch_sub_explicit(&working, 1, memory_order_relaxed);
    return NULL;
}

static void *watch(void *unused) {
    while (atomic_load_explicit(&working, memory_order_relaxed) != 0) {
        rouse_stats now;
        CHECK(rouse_semaphore_oldest_ns(&permits, rouse_stats_now()) <= rouse_stats_now() - begun);
        rouse_stats_read(&stats, &now);
        CHECK(now.most <= WORKERS && now.waiting <= WORKERS);
        CHECK(rouse_stats_quantile(&now, 1) / 2 <= rouse_stats_now() - begun);
        (void)sched_yield();
    }
    return unused;
}

static void *either(void *number) {
    return (uintptr_t)number < WORKERS ? work(number) : watch(NULL);
}

int main(int argc, char **argv) {
    stress_begin(argc, argv);
    begun = rouse_stats_now();
    CHECK(rouse_semaphore_attach_stats(&permits, &stats) == ROUSE_OK);
    atomic_store(&working, WORKERS);
    run_threads(either);
    CHECK(rouse_semaphore_available(&permits) == 3 && rouse_semaphore_waiter_count(&permits) == 0);
    CHECK(rouse_semaphore_oldest_ns(&permits, rouse_stats_now()) == 0);
    CHECK(stats.waiting == 0 && stats.timed_out == 0 && stats.closed == 0 && stats.refused == 0);
    CHECK(stats.cancelled == cancelled);
    /* And those that blocked, or were served while they queued. */
    CHECK(rouse_stats_count(&stats) >= queued - cancelled);
    printf("%llu waits, %llu cancelled, at most %llu at a time; p50 %llu ns, p99 %llu ns\n",
           (unsigned long long)rouse_stats_count(&stats), (unsigned long long)stats.cancelled,
           (unsigned long long)stats.most, (unsigned long long)rouse_stats_quantile(&stats, 0.5),
           (unsigned long long)rouse_stats_quantile(&stats, 0.99));
    rouse_semaphore_destroy(&permits);
    return 0;
}
