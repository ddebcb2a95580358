/* benches/floor_bench.c: the floors of W1 and W2: what the processor charges for the atomic operations that no
 * such primitive can do without. */
#include "bench.h"

#include <stdatomic.h>

enum { BATCH = 1000 };

static _Alignas(64) _Atomic uint64_t word;

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

static void register_all(void) {
    static const char *const groups[] = {"W1", "W2"};
    for (int i = 0; i < 2; i++) {
        bench_add("floor:two-rmw", two_rmw, NULL, BENCH_CPU, 0, "%s", groups[i]);
        bench_add("floor:one-rmw", one_rmw, NULL, BENCH_CPU, 0, "%s", groups[i]);
        bench_add("floor:load-cas-xadd", load_cas_xadd, NULL, BENCH_CPU, 0, "%s", groups[i]);
    }
}
BENCH_UNIT(register_all)
