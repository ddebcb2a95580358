/* benches/uncontended_bench.c: W1 acquire + release and W2 try_acquire + release, one thread, nobody else. */
#include BENCH_ADAPTER

#include <stdlib.h>

enum { BATCH = 1000 };

static void pairs(bench_state *state, const void *context) {
    c_sem *const s = bench_alloc(sizeof *s);
    (void)context;
    c_sem_init(s, 1);
    while (bench_keep_running(state, BATCH)) {
        c_sem_pairs(s, BATCH);
    }
    c_sem_destroy(s);
    free(s);
}

static void try_pairs(bench_state *state, const void *context) {
    c_sem *const s = bench_alloc(sizeof *s);
    (void)context;
    c_sem_init(s, 1);
    while (bench_keep_running(state, BATCH)) {
        c_sem_try_pairs(s, BATCH);
    }
    c_sem_destroy(s);
    free(s);
}

static void register_all(void) {
    bench_add(BENCH_CONTENDER, pairs, NULL, BENCH_CPU, 0, "W1");
    bench_add(BENCH_CONTENDER, try_pairs, NULL, BENCH_CPU, 0, "W2");
}
BENCH_UNIT(register_all)
