/* benches/threads_bench.c: W4: OS threads that contend for one permit.
 *
 * W4 T/k/work/idle: T threads with k tasks each; a task acquires the permit, touches what it protects, releases,
 * works for `work` nanoseconds on its own, yields, and starts over. `idle` says what a thread does that has no task
 * to run: it spins or it sleeps. Primitives that block threads run with k = 1, a plain loop in each thread.
 * A contest lasts a fixed time after a warm-up, and is charged per section. The counters share_min and share_max say
 * how many sections the unluckiest and the luckiest task had, 1 being its fair share (a primitive that lets newcomers
 * overtake looks fast when nobody else runs); they are left out where the threads are too many for each to have had
 * the processor several times. */
#include BENCH_ADAPTER

#include "executor.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

typedef struct setting {
    int threads;
    int tasks;
    uint32_t work;
    executor_idle idle;
} setting;

static int contest_ms(void) {
    return bench_quick ? 60 : 80;
}

static void sleep_ms(int ms) {
    const struct timespec t = {0, (long)ms * 1000000};
    (void)nanosleep(&t, NULL);
}

typedef struct arena arena;

typedef struct job {
#if C_TASKS
    task task;
    enum { START, WAITING } step;
#endif
    _Alignas(64) arena *arena;
    _Atomic int64_t sections; /* written by its thread alone */
    atomic_bool begun;        /* it has been served once before the counting */
    bool over;
#if C_TASKS
    int *left_here; /* tasks of its thread that are not over */
    _Alignas(64) c_wait wait;
#endif
} job;

typedef enum phase { WARM_UP, COUNTING, OVER } phase;

struct arena {
    const setting *set;
    job *jobs;
    pthread_barrier_t ready;
    _Alignas(64) atomic_int phase; /* set by the thread that holds the contest, which sleeps meanwhile */
    _Alignas(64) c_sem sem;
    _Alignas(64) int64_t inside; /* protected by the permit */
};

static inline int64_t sections_of(const job *j) {
    return atomic_load_explicit(&j->sections, memory_order_relaxed);
}

/* Holding the permit. */
static inline void section(job *j) {
    arena *const a = j->arena;
    const int now = atomic_load_explicit(&a->phase, memory_order_relaxed);
    if (++a->inside != 1) {
        bench_die("two tasks in one section");
    }
    if (now == WARM_UP) {
        atomic_store_explicit(&j->begun, true, memory_order_relaxed);
    } else if (now == COUNTING) {
        atomic_store_explicit(&j->sections, sections_of(j) + 1, memory_order_relaxed);
    }
    j->over = now == OVER;
    a->inside--;
}

#if C_TASKS
static void job_run(task *t) {
    job *const j = (job *)t;
    arena *const a = j->arena;
    const bool held =
        j->step == START ? c_sem_acquire(&a->sem, &j->wait, 1) : c_sem_resume(&a->sem, &j->wait);
    if (!held) {
        j->step = WAITING;
        return;
    }
    j->step = START;
    section(j);
    c_sem_release(&a->sem, 1);
    if (!j->over) {
        bench_work(a->set->work);
        task_yield(t);
    } else if (--*j->left_here == 0) {
        t->home->stop = true;
    }
}

static void *thread_run(void *arg) {
    job *const jobs = arg; /* those of this thread */
    arena *const a = jobs[0].arena;
    executor *const ex = bench_alloc(sizeof *ex);
    int left = a->set->tasks;
    executor_init(ex, true, a->set->idle);
    for (int i = 0; i < a->set->tasks; i++) {
        task_init(&jobs[i].task, ex, job_run);
        c_wait_init(&jobs[i].wait, &jobs[i].task);
        jobs[i].left_here = &left;
        task_yield(&jobs[i].task);
    }
    (void)pthread_barrier_wait(&a->ready);
    executor_run_shared(ex);
    (void)pthread_barrier_wait(&a->ready); /* a waker may still be in the queue of this thread */
    for (int i = 0; i < a->set->tasks; i++) {
        c_wait_destroy(&jobs[i].wait);
    }
    executor_destroy(ex);
    free(ex);
    return NULL;
}
#else
static void *thread_run(void *arg) {
    job *const j = arg;
    arena *const a = j->arena;
    (void)pthread_barrier_wait(&a->ready);
    while (!j->over) {
        c_sem_block(&a->sem);
        section(j);
        c_sem_unblock(&a->sem);
        bench_work(a->set->work);
    }
    (void)pthread_barrier_wait(&a->ready);
    return NULL;
}
#endif

/* A thread that has used up its turn on the processor has it back after about so long, for each thread before it. */
enum { TURN_MS = 3, TURNS = 4 };

static inline bool has_begun(const job *j) {
    return atomic_load_explicit(&j->begun, memory_order_relaxed);
}
static int not_begun(const arena *a) {
    int count = 0;
    for (int i = 0; i < a->set->threads * a->set->tasks; i++) {
        count += !has_begun(&a->jobs[i]);
    }
    return count;
}

/* The shares of those that had begun when the counting did: nobody else can be said to have been starved. */
static void report_shares(bench_state *state, const arena *a, int jobs, int64_t sections) {
    const long processors = sysconf(_SC_NPROCESSORS_ONLN);
    int64_t least = INT64_MAX;
    int64_t most = 0;
    bench_counter(state, "not_begun", (double)not_begun(a));
    for (int i = 0; i < jobs; i++) {
        const int64_t mine = sections_of(&a->jobs[i]);
        if (!has_begun(&a->jobs[i])) {
            continue;
        }
        least = mine < least ? mine : least;
        most = mine > most ? mine : most;
    }
    if (TURN_MS * TURNS * a->set->threads / processors <= contest_ms()) {
        bench_counter(state, "share_min", (double)least * jobs / (double)sections);
        bench_counter(state, "share_max", (double)most * jobs / (double)sections);
    }
}

static int64_t sections_in(const arena *a) {
    int64_t sum = 0;
    for (int i = 0; i < a->set->threads * a->set->tasks; i++) {
        sum += sections_of(&a->jobs[i]);
    }
    return sum;
}

/* The warm-up ends when everybody has been served once, or after so many contests. */
enum { WARM_UP_MOST = 10 };

/* Lets them contend, longer than usual if a busy machine has not let one of them run; seconds. */
static double time_contest(arena *a) {
    double start;
    double end;
    (void)pthread_barrier_wait(&a->ready);
    start = bench_wall();
    do {
        sleep_ms(contest_ms() / 5);
    } while (not_begun(a) != 0 && (bench_wall() - start) * 1000 < WARM_UP_MOST * contest_ms());
    start = bench_wall();
    atomic_store_explicit(&a->phase, COUNTING, memory_order_relaxed);
    do {
        sleep_ms(contest_ms());
    } while (sections_in(a) == 0);
    end = bench_wall();
    atomic_store_explicit(&a->phase, OVER, memory_order_relaxed);
    return end - start;
}

/* Seconds per section. */
static double contest(bench_state *state, const setting *set) {
    arena *const a = bench_alloc(sizeof *a);
    pthread_t *const threads = bench_alloc((size_t)set->threads * sizeof *threads);
    const int jobs = set->threads * set->tasks;
    int64_t sections;
    double seconds;
    a->set = set;
    a->jobs = bench_alloc((size_t)jobs * sizeof *a->jobs);
    atomic_init(&a->phase, WARM_UP);
    c_sem_init(&a->sem, 1);
    (void)pthread_barrier_init(&a->ready, NULL, (unsigned)set->threads + 1);
    for (int i = 0; i < jobs; i++) {
        a->jobs[i].arena = a;
    }
    for (int i = 0; i < set->threads; i++) {
        if (pthread_create(&threads[i], NULL, thread_run, &a->jobs[i * set->tasks]) != 0) {
            bench_die("no thread");
        }
    }
    seconds = time_contest(a);
    (void)pthread_barrier_wait(&a->ready);
    for (int i = 0; i < set->threads; i++) {
        (void)pthread_join(threads[i], NULL);
    }
    sections = sections_in(a);
    report_shares(state, a, jobs, sections);
    (void)pthread_barrier_destroy(&a->ready);
    c_sem_destroy(&a->sem);
    free(a->jobs);
    free(threads);
    free(a);
    return seconds / (double)sections;
}

static void threads(bench_state *state, const void *context) {
    const setting *const set = context;
    while (bench_keep_running(state, 1)) {
        bench_set_seconds(state, contest(state, set));
    }
}

static void add(int t, int k, uint32_t work, executor_idle idle) {
    setting *const set = bench_alloc(sizeof *set); /* for the life of the program */
    set->threads = t;
    set->tasks = k;
    set->work = work;
    set->idle = idle;
    bench_add(BENCH_CONTENDER, threads, set, BENCH_MANUAL, 1, "W4/%d/%d/%u/%s", t, k, work,
              idle == IDLE_SPIN ? "spin" : "sleep");
}

static void register_all(void) {
    static const int all_threads[] = {2, 4, 8, 16, 64};
    static const int quick_threads[] = {2, 8};
    const int *const t = bench_quick ? quick_threads : all_threads;
    const int most_tasks = !C_TASKS ? 1 : bench_quick ? 10 : 100;
    for (int i = 0; i < (bench_quick ? 2 : 5); i++) {
        for (int k = 1; k <= most_tasks; k *= 10) {
            if (!bench_quick) {
                add(t[i], k, 0, IDLE_SPIN);
                add(t[i], k, 0, IDLE_SLEEP);
            }
            add(t[i], k, 500, IDLE_SPIN);
            add(t[i], k, 500, IDLE_SLEEP);
        }
    }
}
BENCH_UNIT(register_all)
