/* benches/mixed_bench.c: what a server does. Of 100 operations 80 acquire, yield and release, 10 try, 5
 * register and cancel, 5 take a batch of three. 16 tasks a thread, 4 permits; on one thread and on two.
 * Charged per operation. */
#include BENCH_ADAPTER

#include <pthread.h>
#include <stdlib.h>

enum { TASKS = 16, PERMITS = 4, BATCH_PERMITS = 3, MOST_THREADS = 2 };

typedef enum operation { ACQUIRE, TRY, CANCEL, BATCH } operation;
typedef enum step { START, WAITING, HELD } step;

typedef struct job {
    task task;
    struct shop *shop;
    step step;
    uint32_t holds; /* asked for, or held */
    uint32_t seed;
    int64_t *left; /* operations that its thread is still to do */
    int *alive;    /* tasks of its thread */
    c_wait wait;
} job;

typedef struct shop {
    c_sem sem;
    int64_t operations; /* of each thread */
    pthread_barrier_t ready;
} shop;

static operation draw(job *j) {
    const uint32_t percent = bench_random(&j->seed) % 100;
    return percent < 80 ? ACQUIRE : percent < 90 ? TRY : percent < 95 ? CANCEL : BATCH;
}

static void finish(job *j) {
    if (--*j->alive == 0) {
        j->task.home->stop = true;
    }
}

/* Starts an operation. True: it is over or holds permits, and continues after a yield. */
static bool begin(job *j) {
    c_sem *const sem = &j->shop->sem;
    const operation op = draw(j);
    if (op == TRY) {
        if (c_sem_try(sem)) {
            c_sem_release(sem, 1);
        }
        return true;
    }
    j->holds = op == BATCH ? BATCH_PERMITS : 1;
    if (c_sem_acquire(sem, &j->wait, j->holds)) {
        j->step = HELD;
        return true;
    }
    if (op == CANCEL && c_sem_cancel(sem, &j->wait)) {
        return true;
    }
    j->step = WAITING;
    return false;
}

static void job_run(task *t) {
    job *const j = (job *)t;
    if (j->step == WAITING) {
        if (!c_sem_resume(&j->shop->sem, &j->wait)) {
            return;
        }
        j->step = HELD;
        task_yield(t);
        return;
    }
    if (j->step == HELD) {
        c_sem_release(&j->shop->sem, j->holds);
        j->step = START;
    }
    if (--*j->left <= 0) {
        finish(j);
    } else if (begin(j)) {
        task_yield(t);
    }
}

typedef struct crew {
    shop *shop;
    uint32_t number;
} crew;

static void *crew_run(void *arg) {
    crew *const c = arg;
    executor *const ex = bench_alloc(sizeof *ex);
    job *const jobs = bench_alloc(TASKS * sizeof *jobs);
    int64_t left = c->shop->operations;
    int alive = TASKS;
    executor_init(ex, true, IDLE_SPIN);
    for (uint32_t i = 0; i < TASKS; i++) {
        job *const j = &jobs[i];
        task_init(&j->task, ex, job_run);
        c_wait_init(&j->wait, &j->task);
        j->shop = c->shop;
        j->seed = 2463534242u + 7919u * (i + TASKS * c->number);
        j->left = &left;
        j->alive = &alive;
        task_yield(&j->task);
    }
    (void)pthread_barrier_wait(&c->shop->ready);
    executor_run_shared(ex);
    (void)pthread_barrier_wait(&c->shop->ready);
    for (int i = 0; i < TASKS; i++) {
        c_wait_destroy(&jobs[i].wait);
    }
    executor_destroy(ex);
    free(jobs);
    free(ex);
    return NULL;
}

/* Seconds for that many operations, the start of the threads included. */
static double trade(int threads, int64_t operations) {
    shop *const s = bench_alloc(sizeof *s);
    crew crews[MOST_THREADS];
    pthread_t ids[MOST_THREADS];
    double start;
    double seconds;
    c_sem_init(&s->sem, PERMITS);
    s->operations = operations / threads + TASKS;
    (void)pthread_barrier_init(&s->ready, NULL, (unsigned)threads);
    start = bench_wall();
    for (int i = 0; i < threads; i++) {
        crews[i].shop = s;
        crews[i].number = (uint32_t)i;
        if (i > 0 && pthread_create(&ids[i], NULL, crew_run, &crews[i]) != 0) {
            bench_die("no thread");
        }
    }
    (void)crew_run(&crews[0]);
    for (int i = 1; i < threads; i++) {
        (void)pthread_join(ids[i], NULL);
    }
    seconds = bench_wall() - start;
    (void)pthread_barrier_destroy(&s->ready);
    c_sem_destroy(&s->sem);
    free(s);
    return seconds;
}

static void mixed(bench_state *state, const void *context) {
    const int threads = (int)(intptr_t)context;
    const int64_t n = bench_iterations(state);
    while (bench_keep_running(state, n)) {
        bench_set_seconds(state, trade(threads, n));
    }
}

static void register_all(void) {
    bench_add(BENCH_CONTENDER, mixed, (const void *)(intptr_t)1, BENCH_MANUAL, 0, "mixed/1");
#ifndef C_ONE_THREAD
    bench_add(BENCH_CONTENDER, mixed, (const void *)(intptr_t)2, BENCH_MANUAL, 0, "mixed/2");
#endif
}
BENCH_UNIT(register_all)
