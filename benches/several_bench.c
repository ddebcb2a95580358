/* benches/several_bench.c: W9 n: a waiter that asks for n permits at once.
 *
 * W9 n: acquire(n) on an empty semaphore queues, and a release(n) gives it all of them. Charged per wait. What a
 * waiter costs should not depend on n. */
#include BENCH_ADAPTER

#include <stdlib.h>

typedef struct asker {
    task task;
    c_wait wait;
} asker;

static void asker_run(task *t) {
    (void)t;
    bench_die("a waiter's task is taken from the run queue, not run");
}

static void ask(bench_state *state, const void *context) {
    enum { BATCH = 32 };
    const uint32_t n = *(const uint32_t *)context;
    executor ex;
    c_sem *const sem = bench_alloc(sizeof *sem);
    asker *const a = bench_alloc(sizeof *a);
    executor_init(&ex, false, IDLE_SPIN);
    task_init(&a->task, &ex, asker_run);
    c_wait_init(&a->wait, &a->task);
    c_sem_init(sem, 0);
    while (bench_keep_running(state, BATCH)) {
        for (int i = 0; i < BATCH; i++) {
            if (c_sem_acquire(sem, &a->wait, n)) {
                bench_die("an empty semaphore gave permits");
            }
            c_sem_release(sem, n);
            if (executor_pop(&ex) != &a->task || !c_sem_resume(sem, &a->wait)) {
                bench_die("a release woke nobody");
            }
        }
    }
    c_wait_destroy(&a->wait);
    c_sem_destroy(sem);
    executor_destroy(&ex);
    free(a);
    free(sem);
}

static void register_all(void) {
    static const uint32_t most[] = {1, 4, 4096, 1 << 20};
    for (size_t i = 0; i < sizeof most / sizeof *most; i++) {
        bench_add(BENCH_CONTENDER, ask, &most[i], BENCH_CPU, 0, "W9/%u", most[i]);
    }
}
BENCH_UNIT(register_all)
