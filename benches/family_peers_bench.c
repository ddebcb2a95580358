/* benches/family_peers_bench.c: the family next to others' read-write locks, channels, barriers and the like.
 *
 * W9rwlock read, write: a pair, uncontended. For comparison the backend's own semaphore pair, as X:pair.
 * W9channel now: an element in and out again, one thread, nobody waits. For comparison two semaphore pairs,
 * as X:2pairs. W9channel C: a task sends, another receives, one thread, a channel of C places. Charged per
 * element.
 * W9once: a look at what has been done.
 * W9oneshot: an object is made, a task waits for the one value in it, the value comes, the object goes. One
 * thread. W9barrier N: N tasks of one thread arrive. Charged per arrival.
 * W9condvar tasks: lock, wait, woken with the mutex, unlock; the other side locks, signals, unlocks. One
 * thread. W9condvar threads: two plain threads take turns. Charged per round trip.
 * W9any: a wait for either of two empty semaphores, and a release to one of them. For comparison a wait
 * for one, as X:one. */
#include FAMILY_ADAPTER

#include <pthread.h>
#include <stdlib.h>

enum { BATCH = 1000 };

#ifdef F_RWLOCK
static void read_pairs(bench_state *state, const void *context) {
    void *const l = f_rwlock_new();
    (void)context;
    while (bench_keep_running(state, BATCH)) {
        f_read_pairs(l, BATCH);
    }
}
static void write_pairs(bench_state *state, const void *context) {
    void *const l = f_rwlock_new();
    (void)context;
    while (bench_keep_running(state, BATCH)) {
        f_write_pairs(l, BATCH);
    }
}
#endif

#ifdef F_ONCE
static void once_looks(bench_state *state, const void *context) {
    void *const o = f_once_new();
    (void)context;
    while (bench_keep_running(state, BATCH)) {
        f_once_looks(o, BATCH);
    }
}
#endif

#ifdef ROUSE_BACKEND
/* What a primitive's call is measured by: `context` pairs of a semaphore for one turn. */
static void semaphore_pairs(bench_state *state, const void *context) {
    const int pairs = *(const int *)context;
    rouse_semaphore *const s = bench_alloc(sizeof *s);
    rouse_waiter w;
    rouse_waiter_init(&w, NULL, NULL);
    (void)rouse_semaphore_init(s, 1);
    while (bench_keep_running(state, BATCH)) {
        for (int i = 0; i < BATCH * pairs; i++) {
            if (!f_over(rouse_semaphore_acquire(s, &w, 1))) {
                bench_die("an uncontended acquire was not had");
            }
            (void)rouse_semaphore_release(s, 1);
        }
    }
    rouse_semaphore_destroy(s);
    free(s);
}
#endif

#if defined F_CHANNEL || defined F_ONESHOT || defined F_BARRIER || defined F_CONDVAR || defined F_ANY
typedef struct party {
    task task;
    bool waits;
    f_wait wait;
} party;
#endif

#if defined F_ONESHOT || defined F_BARRIER || defined F_CONDVAR || defined F_ANY
static party *parties_new(executor *ex, int64_t n, task_fn *run) {
    party *const p = bench_alloc((size_t)n * sizeof *p);
    for (int64_t i = 0; i < n; i++) {
        task_init(&p[i].task, ex, run);
        f_wait_init(&p[i].wait, &p[i].task);
    }
    return p;
}

static void never_run(task *t) {
    (void)t;
    bench_die("a task is taken from the run queue, not run");
}

/* Takes from the run queue, as often as it has been woken, the task that waits. */
static inline void finish(executor *ex, party *p) {
    do {
        if (executor_pop(ex) != &p->task) {
            bench_die("a waiter was not woken, or out of turn");
        }
    } while (!f_resume(&p->wait));
}
#endif

#ifdef F_CHANNEL
static void channel_pairs(bench_state *state, const void *context) {
    void *const ch = f_channel_new(16);
    (void)context;
    while (bench_keep_running(state, BATCH)) {
        f_channel_pairs(ch, BATCH);
    }
}

typedef struct end {
    party party; /* first */
    void *channel;
    int64_t left;
    uint64_t element;
    uint64_t sum;
} end;

static void send_run(task *t) {
    end *const e = (end *)t;
    while (e->left != 0) {
        e->element = (uint64_t)e->left;
        if (!(e->party.waits ? f_resume(&e->party.wait) : f_send(e->channel, &e->party.wait, &e->element))) {
            e->party.waits = true;
            return;
        }
        e->party.waits = false;
        e->left--;
    }
}
static void receive_run(task *t) {
    end *const e = (end *)t;
    while (e->left != 0) {
        if (!(e->party.waits ? f_resume(&e->party.wait)
                             : f_receive(e->channel, &e->party.wait, &e->element))) {
            e->party.waits = true;
            return;
        }
        e->party.waits = false;
        e->sum += e->element;
        e->left--;
    }
}

static void channel_tasks(bench_state *state, const void *context) {
    executor ex;
    end *const sender = bench_alloc(sizeof *sender);
    end *const receiver = bench_alloc(sizeof *receiver);
    executor_init(&ex, false, IDLE_SPIN);
    task_init(&sender->party.task, &ex, send_run);
    task_init(&receiver->party.task, &ex, receive_run);
    f_wait_init(&sender->party.wait, &sender->party.task);
    f_wait_init(&receiver->party.wait, &receiver->party.task);
    sender->channel = receiver->channel = f_channel_new((uint32_t) * (const int *)context);
    while (bench_keep_running(state, BATCH)) {
        sender->left = receiver->left = BATCH;
        receiver->sum = 0;
        task_yield(&sender->party.task);
        task_yield(&receiver->party.task);
        executor_run(&ex);
        if (receiver->sum != (uint64_t)BATCH * (BATCH + 1) / 2) {
            bench_die("an element was lost");
        }
    }
    executor_destroy(&ex);
    free(sender);
    free(receiver);
}
#endif

#ifdef F_ONESHOT
static void oneshot(bench_state *state, const void *context) {
    executor ex;
    void *const place = f_oneshot_place();
    party *p;
    (void)context;
    executor_init(&ex, false, IDLE_SPIN);
    p = parties_new(&ex, 1, never_run);
    while (bench_keep_running(state, BATCH)) {
        for (uint64_t i = 0; i < BATCH; i++) {
            uint64_t value = 0;
            f_oneshot_make(place);
            if (f_oneshot_wait(place, &p->wait, &value)) {
                bench_die("nothing has been sent");
            }
            f_oneshot_send(place, i);
            finish(&ex, p);
            if (f_oneshot_end(place, value) != i) {
                bench_die("another value came than was sent");
            }
        }
    }
    executor_destroy(&ex);
    free(p);
}
#endif

#ifdef F_BARRIER
static void barrier(bench_state *state, const void *context) {
    const int n = *(const int *)context;
    executor ex;
    void *const b = f_barrier_new((uint32_t)n);
    party *p;
    executor_init(&ex, false, IDLE_SPIN);
    p = parties_new(&ex, n, never_run);
    while (bench_keep_running(state, n)) {
        for (int i = 0; i < n; i++) {
            if (f_arrive(b, &p[i].wait) != (i == n - 1)) {
                bench_die("a barrier let through too early, or too late");
            }
        }
        for (task *t; (t = executor_pop(&ex)) != NULL;) {
            (void)f_resume(&((party *)t)->wait);
        }
    }
    executor_destroy(&ex);
    free(p);
}
#endif

#ifdef F_CONDVAR
static void condvar_tasks(bench_state *state, const void *context) {
    executor ex;
    void *const c = f_condvar_new();
    party *p;
    (void)context;
    executor_init(&ex, false, IDLE_SPIN);
    p = parties_new(&ex, 1, never_run);
    while (bench_keep_running(state, BATCH)) {
        for (int i = 0; i < BATCH; i++) {
            if (f_wait_change(c, &p->wait)) {
                bench_die("nobody has signalled");
            }
            f_signal(c);
            finish(&ex, p);
        }
    }
    executor_destroy(&ex);
    free(p);
}
#endif

#ifdef F_ANY
static void wait_one(bench_state *state, const void *context) {
    executor ex;
    void *const sems = f_sems_new();
    party *p;
    (void)context;
    executor_init(&ex, false, IDLE_SPIN);
    p = parties_new(&ex, 1, never_run);
    while (bench_keep_running(state, BATCH)) {
        for (int i = 0; i < BATCH; i++) {
            if (f_wait_first(sems, &p->wait)) {
                bench_die("an empty semaphore gave a permit");
            }
            f_release(sems, 0);
            finish(&ex, p);
        }
    }
    executor_destroy(&ex);
    free(p);
}

static void wait_either(bench_state *state, const void *context) {
    executor ex;
    void *const sems = f_sems_new();
    party *p;
    (void)context;
    executor_init(&ex, false, IDLE_SPIN);
    p = parties_new(&ex, 1, never_run);
    while (bench_keep_running(state, BATCH)) {
        for (int i = 0; i < BATCH; i++) {
            if (f_wait_either(sems, &p->wait)) {
                bench_die("an empty semaphore gave a permit");
            }
            f_release(sems, i % 2);
            finish(&ex, p);
        }
    }
    executor_destroy(&ex);
    free(p);
}
#endif

#ifdef F_BLOCKING
typedef struct court {
    void *condvar;
    int64_t turns;
    int64_t turn; /* whose it is: even, odd; under the mutex */
} court;

static void play(court *c, int64_t parity) {
    for (int64_t i = 0; i < c->turns; i++) {
        f_lock(c->condvar);
        while (c->turn % 2 != parity) {
            f_wait_here(c->condvar);
        }
        c->turn++;
        f_signal_here(c->condvar);
        f_unlock(c->condvar);
    }
}
static void *partner(void *arg) {
    play(arg, 1);
    return NULL;
}

static void condvar_threads(bench_state *state, const void *context) {
    court c = {f_condvar_new(), bench_iterations(state), 0};
    (void)context;
    while (bench_keep_running(state, c.turns)) {
        pthread_t thread;
        double start;
        if (pthread_create(&thread, NULL, partner, &c) != 0) {
            bench_die("no thread");
        }
        start = bench_wall();
        play(&c, 0);
        (void)pthread_join(thread, NULL);
        bench_set_seconds(state, bench_wall() - start);
    }
}
#endif

static const int one = 1;
static const int two = 2;
static const int capacities[] = {1, 16};
static const int crowds[] = {10, 100};

static void register_all(void) {
    (void)one, (void)two, (void)capacities, (void)crowds;
#ifdef F_RWLOCK
    bench_add(BENCH_CONTENDER, read_pairs, NULL, BENCH_CPU, 0, "W9rwlock/read");
    bench_add(BENCH_CONTENDER, write_pairs, NULL, BENCH_CPU, 0, "W9rwlock/write");
#endif
#ifdef ROUSE_BACKEND
    bench_add(BENCH_CONTENDER ":pair", semaphore_pairs, &one, BENCH_CPU, 0, "W9rwlock/read");
    bench_add(BENCH_CONTENDER ":2pairs", semaphore_pairs, &two, BENCH_CPU, 0, "W9channel/now");
#endif
#ifdef F_ONCE
    bench_add(BENCH_CONTENDER, once_looks, NULL, BENCH_CPU, 0, "W9once");
#endif
#ifdef F_ONESHOT
    bench_add(BENCH_CONTENDER, oneshot, NULL, BENCH_CPU, 0, "W9oneshot");
#endif
#ifdef F_CHANNEL
    bench_add(BENCH_CONTENDER, channel_pairs, NULL, BENCH_CPU, 0, "W9channel/now");
    for (int i = 0; i < 2; i++) {
        bench_add(BENCH_CONTENDER, channel_tasks, &capacities[i], BENCH_CPU, 0, "W9channel/%d",
                  capacities[i]);
    }
#endif
#ifdef F_BARRIER
    for (int i = 0; i < 2; i++) {
        bench_add(BENCH_CONTENDER, barrier, &crowds[i], BENCH_CPU, 0, "W9barrier/%d", crowds[i]);
    }
#endif
#ifdef F_CONDVAR
    bench_add(BENCH_CONTENDER, condvar_tasks, NULL, BENCH_CPU, 0, "W9condvar/tasks");
#endif
#ifdef F_BLOCKING
    bench_add(BENCH_CONTENDER, condvar_threads, NULL, BENCH_MANUAL, bench_quick ? 2000 : 10000,
              "W9condvar/threads");
#endif
#ifdef F_ANY
    bench_add(BENCH_CONTENDER, wait_either, NULL, BENCH_CPU, 0, "W9any");
    bench_add(BENCH_CONTENDER ":one", wait_one, NULL, BENCH_CPU, 0, "W9any");
#endif
}
BENCH_UNIT(register_all)
