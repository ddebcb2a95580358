/* benches/floor_bench.c: the processor's price for what every such primitive needs. These are atomic
 * operations (W1 and W2), two critical sections (W7/100/fifo), and a cache line that goes to another core and back (W5
 * with two threads). */
#include "bench.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

enum { BATCH = 1000 };

static _Alignas(64) _Atomic uint64_t word;

/* A lock, and what it covers, on one line; on the next lines what a waiter is, and what a call stores. */
static struct {
    _Alignas(64) _Atomic uint64_t lock;
    volatile uint64_t list[4];
    _Alignas(64) volatile uint64_t waiter[4];
    _Alignas(64) volatile uint64_t frame;
} locked;

static void two_rmw(bench_state *state, const void *context) {
    (void)context;
    while (bench_keep_running(state, BATCH)) {
        for (int i = 0; i < BATCH; i++) {
            (void)atomic_fetch_add_explicit(&word, 1, memory_order_acq_rel);
            (void)atomic_fetch_add_explicit(&word, UINT64_MAX, memory_order_acq_rel);
        }
    }
}

static void one_rmw(bench_state *state, const void *context) {
    (void)context;
    while (bench_keep_running(state, BATCH)) {
        for (int i = 0; i < BATCH; i++) {
            (void)atomic_fetch_add_explicit(&word, 1, memory_order_acq_rel);
        }
    }
}

static void load_cas_xadd(bench_state *state, const void *context) {
    (void)context;
    while (bench_keep_running(state, BATCH)) {
        for (int i = 0; i < BATCH; i++) {
            uint64_t seen = atomic_load_explicit(&word, memory_order_relaxed);
            while (!atomic_compare_exchange_strong_explicit(&word, &seen, seen - 1, memory_order_acquire,
                                                            memory_order_relaxed)) {
            }
            (void)atomic_fetch_add_explicit(&word, 1, memory_order_acq_rel);
        }
    }
}

/* What a list under a lock takes at least: a compare-and-swap takes the lock, eight stores change a waiter and the list,
 * a store drops the lock. */
static inline void section(uint64_t i) {
    uint64_t seen = 0;
    if (!atomic_compare_exchange_strong_explicit(&locked.lock, &seen, 1, memory_order_acquire,
                                                 memory_order_relaxed)) {
        bench_die("a lock was taken");
    }
    for (int k = 0; k < 4; k++) {
        locked.waiter[k] = i;
    }
    for (int k = 0; k < 4; k++) {
        locked.list[k] = i;
    }
    atomic_store_explicit(&locked.lock, 0, memory_order_release);
}
static void two_locks(bench_state *state, const void *context) {
    (void)context;
    while (bench_keep_running(state, BATCH)) {
        for (uint64_t i = 0; i < BATCH; i++) {
            section(i);
            section(i);
        }
    }
}
/* The same with a store to another line before each, as a call stores its return address. */
static void two_locks_called(bench_state *state, const void *context) {
    (void)context;
    while (bench_keep_running(state, BATCH)) {
        for (uint64_t i = 0; i < BATCH; i++) {
            locked.frame = i;
            section(i);
            locked.frame = i;
            section(i);
        }
    }
}

/* Two threads in turn add 1 to a word: one waits for odd numbers, the other for even ones. */
static void await_parity(unsigned parity, int64_t turns) {
    enum { LOOKS_BEFORE_YIELD = 1000 }; /* the other may be without a processor */
    for (int64_t i = 0; i < turns; i++) {
        for (int looks = 0; (atomic_load_explicit(&word, memory_order_acquire) & 1) != parity; looks++) {
            if (looks > LOOKS_BEFORE_YIELD) {
                sched_yield();
            }
        }
        (void)atomic_fetch_add_explicit(&word, 1, memory_order_acq_rel);
    }
}

static void *returner(void *turns) {
    await_parity(1, *(const int64_t *)turns);
    return NULL;
}

static void line(bench_state *state, const void *context) {
    int64_t turns = bench_iterations(state);
    (void)context;
    while (bench_keep_running(state, turns)) {
        pthread_t thread;
        double start;
        atomic_store_explicit(&word, 0, memory_order_relaxed);
        if (pthread_create(&thread, NULL, returner, &turns) != 0) {
            bench_die("no thread");
        }
        start = bench_wall();
        await_parity(0, turns);
        (void)pthread_join(thread, NULL);
        bench_set_seconds(state, bench_wall() - start);
    }
}

static void register_all(void) {
    static const char *const groups[] = {"W1", "W2"};
    for (int i = 0; i < 2; i++) {
        bench_add("floor:two-rmw", two_rmw, NULL, BENCH_CPU, 0, "%s", groups[i]);
        bench_add("floor:one-rmw", one_rmw, NULL, BENCH_CPU, 0, "%s", groups[i]);
        bench_add("floor:load-cas-xadd", load_cas_xadd, NULL, BENCH_CPU, 0, "%s", groups[i]);
    }
    bench_add("floor:two-locks", two_locks, NULL, BENCH_CPU, 0, "W7/100/fifo");
    bench_add("floor:two-locks-called", two_locks_called, NULL, BENCH_CPU, 0, "W7/100/fifo");
    bench_add("floor:line", line, NULL, BENCH_MANUAL, 0, "W5/two-threads");
}
BENCH_UNIT(register_all)
