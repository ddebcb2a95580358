/* benches/handoff_bench.c: W3handoff, W3pass and W3spawn: tasks of one thread that contend for permits.
 *
 * W3handoff K: K tasks, one permit, held over one yield, and one more yield after the release: from K = 2 on
 * every acquire has to wait for its turn. Charged per acquire.
 * W3pass: of ten waiters the oldest is handed the permit, and queues again. Charged per hand-over.
 * W3spawn N: N tasks are spawned, each takes one of 10 permits, yields, releases and ends. Charged per task. */
#include BENCH_ADAPTER

#include <stdlib.h>

enum { SPAWN_PERMITS = 10 };

typedef enum step { START, WAITING, HELD } step;

typedef struct contest {
    executor ex;
    c_sem sem;
    int64_t left; /* acquires until the executor is to stop */
    bool ending;
} contest;

typedef struct job {
    task task;
    contest *contest;
    step step;
    c_wait wait;
} job;

static contest *contest_new(uint32_t permits) {
    contest *const c = bench_alloc(sizeof *c);
    executor_init(&c->ex, false, IDLE_SPIN);
    c_sem_init(&c->sem, permits);
    return c;
}

static void contest_free(contest *c) {
    c_sem_destroy(&c->sem);
    executor_destroy(&c->ex);
    free(c);
}

static job *jobs_new(contest *c, int64_t n, task_fn *run) {
    job *const jobs = bench_alloc((size_t)n * sizeof *jobs);
    for (int64_t i = 0; i < n; i++) {
        task_init(&jobs[i].task, &c->ex, run);
        jobs[i].contest = c;
        jobs[i].step = START;
        c_wait_init(&jobs[i].wait, &jobs[i].task);
    }
    return jobs;
}

static void jobs_free(job *jobs, int64_t n) {
    for (int64_t i = 0; i < n; i++) {
        c_wait_destroy(&jobs[i].wait);
    }
    free(jobs);
}

/* Takes the job to where it holds the permit. False: it waits. */
static inline bool reach(job *j) {
    contest *const c = j->contest;
    const bool held =
        j->step == START ? c_sem_acquire(&c->sem, &j->wait, 1) : c_sem_resume(&c->sem, &j->wait);
    j->step = held ? HELD : WAITING;
    return held;
}

#ifndef C_SPAWN_ONLY
static void handoff_run(task *t) {
    job *const j = (job *)t;
    contest *const c = j->contest;
    if (j->step == HELD) {
        c_sem_release(&c->sem, 1);
        j->step = START;
        task_yield(t);
    } else if (j->step == START && c->ending) {
        return;
    } else if (reach(j)) {
        if (--c->left == 0) {
            c->ex.stop = true;
        }
        task_yield(t);
    }
}

static void handoff(bench_state *state, const void *context) {
    const int64_t k = (int64_t)(intptr_t)context;
    const int64_t batch = k < 500 ? 1000 : 2 * k;
    contest *const c = contest_new(1);
    job *const jobs = jobs_new(c, k, handoff_run);
    for (int64_t i = 0; i < k; i++) {
        task_yield(&jobs[i].task);
    }
    while (bench_keep_running(state, batch)) {
        c->left = batch;
        executor_run(&c->ex);
    }
    c->ending = true;
    c->left = INT64_MAX;
    executor_run(&c->ex);
    jobs_free(jobs, k);
    contest_free(c);
}
#endif

#ifndef C_NEVER_WAITS
static void pass_run(task *t) {
    (void)t;
    bench_die("a waiter's task is taken from the run queue, not run");
}

static void pass(bench_state *state, const void *context) {
    enum { WAITERS = 10, BATCH = 1000 };
    contest *const c = contest_new(0);
    job *const jobs = jobs_new(c, WAITERS, pass_run);
    (void)context;
    for (int i = 0; i < WAITERS; i++) {
        (void)reach(&jobs[i]);
    }
    while (bench_keep_running(state, BATCH)) {
        for (int i = 0; i < BATCH; i++) {
            job *j;
            c_sem_release(&c->sem, 1);
            j = (job *)executor_pop(&c->ex);
            if (j == NULL || !reach(j)) {
                bench_die("a release woke nobody");
            }
            j->step = START;
            (void)reach(j);
        }
    }
    c_sem_release(&c->sem, WAITERS);
    for (task *t; (t = executor_pop(&c->ex)) != NULL;) {
        (void)reach((job *)t);
    }
    jobs_free(jobs, WAITERS);
    contest_free(c);
}
#endif

#ifndef C_ALWAYS_WAITS
static void spawn_run(task *t) {
    job *const j = (job *)t;
    contest *const c = j->contest;
    if (j->step == HELD) {
        c_sem_release(&c->sem, 1);
        c->left--;
    } else if (reach(j)) {
        task_yield(t);
    }
}

static void spawn(bench_state *state, const void *context) {
    const int64_t n = (int64_t)(intptr_t)context;
    contest *const c = contest_new(SPAWN_PERMITS);
    job *const jobs = jobs_new(c, n, spawn_run);
    while (bench_keep_running(state, n)) {
        c->left = n;
        for (int64_t i = 0; i < n; i++) {
            jobs[i].step = START;
            task_yield(&jobs[i].task);
        }
        executor_run(&c->ex);
        if (c->left != 0) {
            bench_die("a spawned task did not end");
        }
    }
    jobs_free(jobs, n);
    contest_free(c);
}
#endif

static void register_all(void) {
#if defined C_SPAWN_ONLY
    static const int spawned[] = {SPAWN_PERMITS};
#elif defined C_ALWAYS_WAITS
    static const int tasks[] = {10, 100, 1000};
#else
    static const int tasks[] = {1, 10, 100, 1000};
    static const int spawned[] = {SPAWN_PERMITS, 50, 100, 500};
#endif
#ifndef C_SPAWN_ONLY
    for (size_t i = 0; i < sizeof tasks / sizeof *tasks; i++) {
        bench_add(BENCH_CONTENDER, handoff, (const void *)(intptr_t)tasks[i], BENCH_CPU, 0, "W3handoff/%d",
                  tasks[i]);
    }
#endif
#ifndef C_NEVER_WAITS
    bench_add(BENCH_CONTENDER, pass, NULL, BENCH_CPU, 0, "W3pass");
#endif
#ifndef C_ALWAYS_WAITS
    for (size_t i = 0; i < sizeof spawned / sizeof *spawned; i++) {
        bench_add(BENCH_CONTENDER, spawn, (const void *)(intptr_t)spawned[i], BENCH_CPU, 0, "W3spawn/%d",
                  spawned[i]);
    }
#endif
}
BENCH_UNIT(register_all)
