/* benches/cancel_bench.c: W7: registering and cancelling.
 *
 * W7 N: N waiters register on an empty semaphore and are cancelled in the order they came, in the reverse
 * order, in a random order. Charged per waiter, registering included.
 * W7sizes: the same for N = 10 ... 10,000, as many waiters of each N, in turn within each repetition. The
 * counters say what a waiter of each N took, and "growth" is the slowest over the fastest. Other load on the
 * machine then affects all N alike, which it does not where each N is a separate group.
 * W7storm: one waiter stays at the head while a million others register and cancel, one after the other.
 * The counters say by how many bytes the heap has grown after that many of them. */
#include BENCH_ADAPTER

#include <stdio.h>
#include <stdlib.h>

typedef struct sleeper {
    task task;
    c_wait wait;
} sleeper;

typedef enum order { FIFO, LIFO, RANDOM, ORDERS } order;
static const char *const order_names[ORDERS] = {"fifo", "lifo", "random"};

typedef struct crowd {
    int n;
    order order;
} crowd;

static void never_run(task *t) {
    (void)t;
    bench_die("a waiter of an empty semaphore was woken");
}

static sleeper *sleepers_new(executor *ex, int64_t n) {
    sleeper *const sleepers = bench_alloc((size_t)n * sizeof *sleepers);
    for (int64_t i = 0; i < n; i++) {
        task_init(&sleepers[i].task, ex, never_run);
        c_wait_init(&sleepers[i].wait, &sleepers[i].task);
    }
    return sleepers;
}

static void sleepers_free(sleeper *sleepers, int64_t n) {
    for (int64_t i = 0; i < n; i++) {
        c_wait_destroy(&sleepers[i].wait);
    }
    free(sleepers);
}

static inline void enter(c_sem *sem, sleeper *s) {
    if (c_sem_acquire(sem, &s->wait, 1)) {
        bench_die("an empty semaphore gave a permit");
    }
}

static inline void leave(c_sem *sem, sleeper *s) {
    if (!c_sem_cancel(sem, &s->wait)) {
        bench_die("a cancel came too late on an empty semaphore");
    }
}

/* The order in which they cancel. */
static int *cancel_order(int n, order o) {
    int *const at = bench_alloc((size_t)n * sizeof *at);
    uint32_t seed = 2463534242u;
    for (int i = 0; i < n; i++) {
        at[i] = o == LIFO ? n - 1 - i : i;
    }
    for (int i = n - 1; o == RANDOM && i > 0; i--) {
        const int j = (int)(bench_random(&seed) % (uint32_t)(i + 1));
        const int swapped = at[i];
        at[i] = at[j];
        at[j] = swapped;
    }
    return at;
}

static inline void all_come_and_go(c_sem *sem, sleeper *sleepers, const int *at, int n) {
    for (int i = 0; i < n; i++) {
        enter(sem, &sleepers[i]);
    }
    for (int i = 0; i < n; i++) {
        leave(sem, &sleepers[at[i]]);
    }
}

static void register_cancel(bench_state *state, const void *context) {
    const crowd *const c = context;
    executor ex;
    c_sem *const sem = bench_alloc(sizeof *sem);
    int *const at = cancel_order(c->n, c->order);
    sleeper *sleepers;
    executor_init(&ex, false, IDLE_SPIN);
    sleepers = sleepers_new(&ex, c->n);
    c_sem_init(sem, 0);
    while (bench_keep_running(state, c->n)) {
        all_come_and_go(sem, sleepers, at, c->n);
    }
    c_sem_destroy(sem);
    sleepers_free(sleepers, c->n);
    executor_destroy(&ex);
    free(at);
    free(sem);
}

static void register_cancel_sizes(bench_state *state, const void *context) {
    enum { SIZES = 4, MOST = 10000 };
    const order o = *(const order *)context;
    executor ex;
    c_sem *const sem = bench_alloc(sizeof *sem);
    int *at[SIZES];
    double took[SIZES] = {0};
    double fastest = 0;
    double slowest = 0;
    double waiters = 0; /* of each size */
    sleeper *sleepers;
    executor_init(&ex, false, IDLE_SPIN);
    sleepers = sleepers_new(&ex, MOST);
    c_sem_init(sem, 0);
    for (int size = 0, n = 10; size < SIZES; size++, n *= 10) {
        at[size] = cancel_order(n, o);
        all_come_and_go(sem, sleepers, at[size], n); /* memory is mapped, and heaps have grown */
    }
    while (bench_keep_running(state, SIZES * MOST)) {
        waiters += MOST;
        for (int size = 0, n = 10; size < SIZES; size++, n *= 10) {
            const double start = bench_thread_cpu();
            for (int done = 0; done < MOST; done += n) {
                all_come_and_go(sem, sleepers, at[size], n);
            }
            took[size] += bench_cpu_span(start, bench_thread_cpu());
        }
    }
    for (int size = 0, n = 10; size < SIZES; size++, n *= 10) {
        const double ns = took[size] * 1e9 / waiters;
        char name[16];
        snprintf(name, sizeof name, "ns_%d", n);
        bench_counter(state, name, ns);
        fastest = size == 0 || ns < fastest ? ns : fastest;
        slowest = ns > slowest ? ns : slowest;
        free(at[size]);
    }
    bench_counter(state, "growth", slowest / fastest);
    c_sem_destroy(sem);
    sleepers_free(sleepers, MOST);
    executor_destroy(&ex);
    free(sem);
}

static void storm(bench_state *state, const void *context) {
    const int64_t others = bench_iterations(state);
    executor ex;
    c_sem *const sem = bench_alloc(sizeof *sem);
    sleeper *sleepers;
    (void)context;
    executor_init(&ex, false, IDLE_SPIN);
    sleepers = sleepers_new(&ex, 2);
    c_sem_init(sem, 0);
    while (bench_keep_running(state, others)) {
        int64_t done = 0;
        bench_heap_watch(true);
        enter(sem, &sleepers[0]);
        for (int64_t stage = 1000; done < others; stage *= 10) {
            char name[32];
            for (; done < stage && done < others; done++) {
                enter(sem, &sleepers[1]);
                leave(sem, &sleepers[1]);
            }
            snprintf(name, sizeof name, "heap_after_%lld", (long long)done);
            bench_counter(state, name, (double)bench_heap_bytes());
        }
        bench_heap_watch(false);
        leave(sem, &sleepers[0]);
    }
    c_sem_destroy(sem);
    sleepers_free(sleepers, 2);
    executor_destroy(&ex);
    free(sem);
}

static void register_all(void) {
    static crowd crowds[ORDERS * 4];
    static const order orders[ORDERS] = {FIFO, LIFO, RANDOM};
    crowd *c = crowds;
    for (int n = 10; n <= 10000; n *= 10) {
        for (order o = FIFO; o < ORDERS; o++, c++) {
            c->n = n;
            c->order = o;
            bench_add(BENCH_CONTENDER, register_cancel, c, BENCH_CPU, 0, "W7/%d/%s", n, order_names[o]);
        }
    }
    for (order o = FIFO; o < ORDERS && !bench_quick; o++) {
        bench_add(BENCH_CONTENDER, register_cancel_sizes, &orders[o], BENCH_CPU, 0, "W7sizes/%s",
                  order_names[o]);
    }
    bench_add(BENCH_CONTENDER, storm, NULL, BENCH_CPU, 1000000, "W7storm");
}
BENCH_UNIT(register_all)
