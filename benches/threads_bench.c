/* benches/threads_bench.c: W4: OS threads that contend for one permit.
 *
 * W4 T/k/work/idle: T threads with k tasks each; a task acquires the permit, touches what it protects,
 * releases, works for `work` nanoseconds on its own, yields, and starts over. `idle` says what a thread does
 * that has no task to run: it spins or it sleeps. Primitives that block threads run with k = 1, a plain loop
 * in each thread.
 * A contest lasts a fixed time after a warm-up, and is charged per section. The counters share_min and
 * share_max say how many sections the unluckiest and the luckiest task had; 1 is a fair share. (A primitive
 * that lets newcomers overtake looks fast when no other task runs.) switches: task switches per section,
 * voluntary or not.
 * A contest in which the processors were slow does not count: it is held again, three times at most, and the
 * least slow one counts. On a virtual machine the same work takes up to four times as long at times. A fixed
 * piece of work is timed before and after the contest. If each thread has a processor, so is one in 256 of the
 * private works. (With more threads that time includes what the kernel does when it switches.)
 * Shares are those of every fifth contest, which lasts four times as long and counts as it is. A rotation of
 * eight threads that pass each other 4096 times takes some 10 ms. So less than a tenth of a second says more
 * about which thread came first than about which is starved. Shares are left out where the threads are too
 * many for each to have had the processor several times.
 * After such a contest the same threads continue and watch what a wait is like, which takes two looks at a
 * clock per section and so is not timed. passed_by: the most sections that others had while one task
 * waited; in strict order they are those that were before it. wait_max_us: the longest wait. A task waits
 * from the moment when it has queued. A thread that blocks waits from its call, because no other thread
 * can see when it queues. So many others pass one that loses its processor in between, whatever the
 * primitive promises. */
#include BENCH_ADAPTER

#include "executor.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

typedef struct setting {
    int threads;
    int tasks;
    uint32_t work;
    executor_idle idle;
    int contests; /* that have counted so far */
} setting;

enum { WATCHED_ONE_IN = 5, WATCHED_TIMES = 4, TRIES = 3, SAMPLED_ONE_IN = 256 };

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
    /* The private work, its thread's too: how often; of the samples, how often and for how many seconds. */
    uint32_t works;
    uint32_t samples;
    double sampled;
    /* The watching, its thread's too. */
    bool waits; /* it has begun to wait since the watching began, then and at that section */
    double waits_since;
    int64_t waits_from;
    double longest;
    int64_t passed;
#if C_TASKS
    int *left_here; /* tasks of its thread that are not over */
    _Alignas(64) c_wait wait;
#endif
} job;

typedef enum phase { WARM_UP, COUNTING, WATCHING, OVER } phase;

struct arena {
    const setting *set;
    job *jobs;
    pthread_barrier_t ready;
    _Alignas(64) atomic_int phase; /* set by the thread that holds the contest, which sleeps meanwhile */
    double watched_since;          /* set before the phase WATCHING begins */
    int64_t watched_from;
    _Alignas(64) c_sem sem;
    _Alignas(64) int64_t inside; /* protected by the permit */
    _Atomic int64_t sections;    /* written by its holder alone */
};

static inline int64_t sections_of(const job *j) {
    return atomic_load_explicit(&j->sections, memory_order_relaxed);
}

static inline int64_t sections_so_far(const arena *a) {
    return atomic_load_explicit(&a->sections, memory_order_relaxed);
}

/* It waits for the permit from now on. */
static inline void begins_to_wait(job *j) {
    const arena *const a = j->arena;
    if (atomic_load_explicit(&a->phase, memory_order_acquire) >= WATCHING) {
        j->waits = true;
        j->waits_since = bench_wall();
        j->waits_from = sections_so_far(a);
    }
}

/* It has the permit. A wait that began before the watching is charged from then on. */
static void waited(job *j) {
    const arena *const a = j->arena;
    const double wait = bench_wall() - (j->waits ? j->waits_since : a->watched_since);
    const int64_t passed = sections_so_far(a) - (j->waits ? j->waits_from : a->watched_from);
    j->longest = wait > j->longest ? wait : j->longest;
    j->passed = passed > j->passed ? passed : j->passed;
}

/* Holding the permit. */
static inline void section(job *j, bool waits) {
    arena *const a = j->arena;
    const int now = atomic_load_explicit(&a->phase, memory_order_acquire);
    if (++a->inside != 1) {
        bench_die("two tasks in one section");
    }
    if (now == WARM_UP) {
        atomic_store_explicit(&j->begun, true, memory_order_relaxed);
    } else if (now == COUNTING) {
        atomic_store_explicit(&j->sections, sections_of(j) + 1, memory_order_relaxed);
    } else if (a->watched_since > 0 && waits) {
        waited(j);
    }
    atomic_store_explicit(&a->sections, sections_so_far(a) + 1, memory_order_relaxed);
    j->over = now == OVER;
    a->inside--;
}

static void private_work(job *j) {
    const uint32_t work = j->arena->set->work;
    double start;
    if (work == 0 || ++j->works % SAMPLED_ONE_IN != 0) {
        bench_work(work);
        return;
    }
    start = bench_thread_cpu();
    bench_work(work);
    j->sampled += bench_cpu_span(start, bench_thread_cpu());
    j->samples++;
}

#if C_TASKS
static void job_run(task *t) {
    job *const j = (job *)t;
    arena *const a = j->arena;
    const bool waits = j->step == WAITING;
    const bool held = !waits ? c_sem_acquire(&a->sem, &j->wait, 1) : c_sem_resume(&a->sem, &j->wait);
    if (!held) {
        j->step = WAITING;
        if (!waits) {
            begins_to_wait(j);
        }
        return;
    }
    j->step = START;
    section(j, waits);
    c_sem_release(&a->sem, 1);
    if (!j->over) {
        private_work(j);
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
#    ifdef C_MAILBOX
    c_mailbox_init(ex);
#    endif
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
#    ifdef C_MAILBOX
    c_mailbox_destroy(ex);
#    endif
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
        begins_to_wait(j);
        c_sem_block(&a->sem);
        section(j, true);
        c_sem_unblock(&a->sem);
        private_work(j);
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
    for (int i = 0; i < jobs; i++) {
        const int64_t mine = sections_of(&a->jobs[i]);
        if (!has_begun(&a->jobs[i])) {
            continue;
        }
        least = mine < least ? mine : least;
        most = mine > most ? mine : most;
    }
    if (TURN_MS * TURNS * a->set->threads / processors <= contest_ms() * WATCHED_TIMES) {
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

/* The warm-up ends when every task has been served once, or after this many contests. */
enum { WARM_UP_MOST = 10 };

static int64_t switches(void) {
    struct rusage usage;
    (void)getrusage(RUSAGE_SELF, &usage);
    return usage.ru_nvcsw + usage.ru_nivcsw;
}

static void watch(arena *a) {
    a->watched_from = sections_so_far(a);
    a->watched_since = bench_wall();
    atomic_store_explicit(&a->phase, WATCHING, memory_order_release);
    sleep_ms(contest_ms());
}

static void report_waits(bench_state *state, const arena *a, int jobs) {
    double longest = 0;
    int64_t passed = 0;
    for (int i = 0; i < jobs; i++) {
        longest = a->jobs[i].longest > longest ? a->jobs[i].longest : longest;
        passed = a->jobs[i].passed > passed ? a->jobs[i].passed : passed;
    }
    bench_counter(state, "passed_by", (double)passed);
    bench_counter(state, "wait_max_us", longest * 1e6);
}

/* How a contest went. Times are in seconds. */
typedef struct outcome {
    double section;  /* time per section */
    double switches; /* per section */
    double slowness; /* the most of bench_slowness before and after, and slow_by */
    int not_begun;
} outcome;

/* Lets them contend, longer than usual if a busy machine has not let one of them run. */
static void time_contest(arena *a, bool watched, outcome *o) {
    double start;
    double end;
    int64_t switched;
    (void)pthread_barrier_wait(&a->ready);
    start = bench_wall();
    do {
        sleep_ms(contest_ms() / 5);
    } while (not_begun(a) != 0 && (bench_wall() - start) * 1000 < WARM_UP_MOST * contest_ms());
    switched = switches();
    start = bench_wall();
    atomic_store_explicit(&a->phase, COUNTING, memory_order_relaxed);
    do {
        sleep_ms(watched ? contest_ms() * WATCHED_TIMES : contest_ms());
    } while (sections_in(a) == 0);
    end = bench_wall();
    switched = switches() - switched;
    if (watched) {
        watch(a);
    }
    atomic_store_explicit(&a->phase, OVER, memory_order_release);
    o->switches = (double)switched / (double)sections_in(a);
    o->section = end - start;
}

/* Above this the processors are slow (bench_slowness). They may slow each other down by BOTH while both work. */
#define SLOW 1.12
#define BOTH 1.12

/* By how much the private work has taken longer than it should; 0: unknown. */
static double slow_by(const arena *a) {
    const bool alone = a->set->threads <= sysconf(_SC_NPROCESSORS_ONLN);
    double seconds = 0;
    double samples = 0;
    for (int i = 0; i < a->set->threads * a->set->tasks; i++) {
        seconds += a->jobs[i].sampled;
        samples += a->jobs[i].samples;
    }
    return !alone || samples == 0 ? 0 : seconds * 1e9 / (samples * a->set->work) / BOTH;
}

static outcome contest(bench_state *state, setting *set, bool watched) {
    arena *const a = bench_alloc(sizeof *a);
    pthread_t *const threads = bench_alloc((size_t)set->threads * sizeof *threads);
    const int jobs = set->threads * set->tasks;
    const double before = bench_slowness();
    outcome o;
    double after;
    a->set = set;
    a->jobs = bench_alloc((size_t)jobs * sizeof *a->jobs);
    atomic_init(&a->phase, WARM_UP);
    c_sem_init(&a->sem, 1);
    (void)pthread_barrier_init(&a->ready, NULL, (unsigned)set->threads + 1);
    for (int i = 0; i < jobs; i++) {
        a->jobs[i].arena = a;
        a->jobs[i].works = (uint32_t)i * 97; /* not all sample at once */
    }
    for (int i = 0; i < set->threads; i++) {
        if (pthread_create(&threads[i], NULL, thread_run, &a->jobs[i * set->tasks]) != 0) {
            bench_die("no thread");
        }
    }
    time_contest(a, watched, &o);
    (void)pthread_barrier_wait(&a->ready);
    for (int i = 0; i < set->threads; i++) {
        (void)pthread_join(threads[i], NULL);
    }
    after = bench_slowness();
    o.section /= (double)sections_in(a);
    o.not_begun = not_begun(a);
    o.slowness = slow_by(a);
    o.slowness = before > o.slowness ? before : o.slowness;
    o.slowness = after > o.slowness ? after : o.slowness;
    if (watched) {
        report_shares(state, a, jobs, sections_in(a));
        report_waits(state, a, jobs);
    }
    (void)pthread_barrier_destroy(&a->ready);
    c_sem_destroy(&a->sem);
    free(a->jobs);
    free(threads);
    free(a);
    return o;
}

/* For the life of the program. */
enum { MOST_SETTINGS = 64 };
static setting settings[MOST_SETTINGS];
static int setting_count;

static void threads(bench_state *state, const void *context) {
    setting *const set = &settings[(intptr_t)context];
    while (bench_keep_running(state, 1)) {
        const bool watched = set->contests++ % WATCHED_ONE_IN == 0;
        outcome best = contest(state, set, watched);
        for (int tries = 1; !watched && best.slowness > SLOW && tries < TRIES; tries++) {
            const outcome other = contest(state, set, watched);
            best = other.slowness < best.slowness ? other : best;
        }
        bench_set_seconds(state, best.section);
        bench_counter(state, "switches", best.switches);
        bench_counter(state, "not_begun", best.not_begun);
        bench_counter(state, "slowness", best.slowness);
#ifdef BENCH_BYPASS
        bench_counter(state, "bypass", BENCH_BYPASS);
#endif
    }
}

static void add(int t, int k, uint32_t work, executor_idle idle) {
    setting *const set = &settings[setting_count];
    if (setting_count == MOST_SETTINGS) {
        bench_die("too many settings");
    }
    set->threads = t;
    set->tasks = k;
    set->work = work;
    set->idle = idle;
    bench_add(BENCH_CONTENDER, threads, (const void *)(intptr_t)setting_count++, BENCH_MANUAL, 1,
              "W4/%d/%d/%u/%s", t, k, work, idle == IDLE_SPIN ? "spin" : "sleep");
}

/* The variants of rouse's own do not run everywhere, for time's sake. */
#ifdef BENCH_VARIANT
enum { VARIANT = true };
#else
enum { VARIANT = false };
#endif

static void register_all(void) {
    static const int all_threads[] = {2, 4, 8, 16, 64};
    static const int quick_threads[] = {2, 8};
    const int *const t = bench_quick ? quick_threads : all_threads;
    const int most_tasks = !C_TASKS ? 1 : bench_quick || VARIANT ? 10 : 100;
    for (int i = 0; i < (bench_quick ? 2 : 5); i++) {
        for (int k = 1; k <= most_tasks; k *= 10) {
            for (uint32_t work = bench_quick ? 500 : 0; work <= 500; work += 500) {
                if (!bench_quick || !VARIANT) {
                    add(t[i], k, work, IDLE_SPIN);
                }
                add(t[i], k, work, IDLE_SLEEP);
            }
        }
    }
}
BENCH_UNIT(register_all)
