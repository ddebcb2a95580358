/* benches/notify_bench.c: W5 and W6: notifications.
 *
 * W5: two tasks notify each other in turn, on one thread and on two. Charged per round trip.
 * W6cycle N: N tasks wait, notify_all wakes them, each runs and waits again. Charged per waiter.
 * W6call N: the notify_all calls alone. Charged per waiter. */
#include BENCH_ADAPTER

#include <pthread.h>
#include <stdlib.h>

typedef struct player {
    task task;
    c_note note; /* it is notified here */
    struct player *other;
    int64_t left; /* round trips to go; the starter counts */
    bool starter;
    bool waiting;
    bool *over;
    _Alignas(64) c_wait wait;
} player;

/* Waits for its own note. False: suspended. */
static inline bool player_hears(player *p) {
    const bool heard = p->waiting ? c_note_resume(&p->note, &p->wait) : c_note_wait(&p->note, &p->wait);
    p->waiting = !heard;
    return heard;
}

/* Heard: answer, then wait for the next. */
static void player_run(task *t) {
    player *const p = (player *)t;
    while (player_hears(p)) {
        if (p->starter && --p->left == 0) {
            *p->over = true;
            c_note_one(&p->other->note);
            p->task.home->stop = true;
            return;
        }
        if (!p->starter && *p->over) {
            p->task.home->stop = true;
            return;
        }
        c_note_one(&p->other->note);
    }
}

static void player_init(player *p, player *other, executor *home, bool starter, bool *over) {
    task_init(&p->task, home, player_run);
    c_note_init(&p->note);
    c_wait_init(&p->wait, &p->task);
    p->other = other;
    p->starter = starter;
    p->over = over;
}

static void player_end(player *p) {
    c_note_destroy(&p->note);
    c_wait_destroy(&p->wait);
}

static void one_thread(bench_state *state, const void *context) {
    enum { BATCH = 1000 };
    executor *const ex = bench_alloc(sizeof *ex);
    player *const a = bench_alloc(sizeof *a);
    player *const b = bench_alloc(sizeof *b);
    bool over = false;
    (void)context;
    executor_init(ex, false, IDLE_SPIN);
    player_init(a, b, ex, true, &over);
    player_init(b, a, ex, false, &over);
    while (bench_keep_running(state, BATCH)) {
        over = false;
        a->left = BATCH;
        player_run(&a->task);
        player_run(&b->task);
        c_note_one(&a->note);
        executor_run(ex); /* until the starter has had its last answer */
        executor_run(ex); /* and the other has heard that it is over */
    }
    player_end(a);
    player_end(b);
    executor_destroy(ex);
    free(a);
    free(b);
    free(ex);
}

#ifndef C_ONE_THREAD
static void *partner(void *arg) {
    player *const b = arg;
    task_yield(&b->task);
    executor_run_shared(b->task.home);
    return NULL;
}

static void two_threads(bench_state *state, const void *context) {
    executor *const ex = bench_alloc(2 * sizeof *ex);
    player *const a = bench_alloc(sizeof *a);
    player *const b = bench_alloc(sizeof *b);
    bool over = false;
    (void)context;
    while (bench_keep_running(state, bench_iterations(state))) {
        pthread_t thread;
        double start;
        executor_init(&ex[0], true, IDLE_SPIN);
        executor_init(&ex[1], true, IDLE_SPIN);
        player_init(a, b, &ex[0], true, &over);
        player_init(b, a, &ex[1], false, &over);
        a->left = bench_iterations(state);
        if (pthread_create(&thread, NULL, partner, b) != 0) {
            bench_die("no thread");
        }
        start = bench_wall();
        c_note_one(&b->note);
        task_yield(&a->task);
        executor_run_shared(&ex[0]);
        bench_set_seconds(state, bench_wall() - start);
        (void)pthread_join(thread, NULL);
        player_end(a);
        player_end(b);
        executor_destroy(&ex[0]);
        executor_destroy(&ex[1]);
    }
    free(a);
    free(b);
    free(ex);
}
#endif

typedef struct listener {
    task task;
    c_note *note;
    bool waiting;
    c_wait wait;
} listener;

static void listener_run(task *t) {
    listener *const l = (listener *)t;
    while (l->waiting ? c_note_resume(l->note, &l->wait) : c_note_wait(l->note, &l->wait)) {
        l->waiting = false;
    }
    l->waiting = true;
}

typedef struct hall {
    executor ex;
    c_note *notes;
    listener *listeners;
    int64_t halls;
    int64_t each;
} hall;

static void hall_init(hall *h, int64_t halls, int64_t each) {
    executor_init(&h->ex, false, IDLE_SPIN);
    h->halls = halls;
    h->each = each;
    h->notes = bench_alloc((size_t)halls * sizeof *h->notes);
    h->listeners = bench_alloc((size_t)(halls * each) * sizeof *h->listeners);
    for (int64_t i = 0; i < halls; i++) {
        c_note_init(&h->notes[i]);
    }
    for (int64_t i = 0; i < halls * each; i++) {
        listener *const l = &h->listeners[i];
        task_init(&l->task, &h->ex, listener_run);
        l->note = &h->notes[i / each];
        c_wait_init(&l->wait, &l->task);
        task_yield(&l->task);
    }
    executor_run(&h->ex);
}

static void hall_notify(hall *h) {
    for (int64_t i = 0; i < h->halls; i++) {
        c_note_all(&h->notes[i]);
    }
}

/* Wakes all, but runs no task that would wait again. */
static void hall_end(hall *h) {
    hall_notify(h);
    for (int64_t i = 0; i < h->halls * h->each; i++) {
        c_wait_destroy(&h->listeners[i].wait);
    }
    for (int64_t i = 0; i < h->halls; i++) {
        c_note_destroy(&h->notes[i]);
    }
    executor_destroy(&h->ex);
    free(h->notes);
    free(h->listeners);
}

static void cycle(bench_state *state, const void *context) {
    const int64_t n = (int64_t)(intptr_t)context;
    hall *const h = bench_alloc(sizeof *h);
    hall_init(h, 1, n);
    while (bench_keep_running(state, n)) {
        hall_notify(h);
        executor_run(&h->ex);
    }
    hall_end(h);
    free(h);
}

static void call(bench_state *state, const void *context) {
    enum { WAITERS_AT_LEAST = 1000 }; /* so that reading the clock does not count */
    const int64_t n = (int64_t)(intptr_t)context;
    const int64_t halls = (WAITERS_AT_LEAST + n - 1) / n;
    hall *const h = bench_alloc(sizeof *h);
    hall_init(h, halls, n);
    while (bench_keep_running(state, halls * n)) {
        const double start = bench_thread_cpu();
        hall_notify(h);
        bench_set_seconds(state, bench_cpu_span(start, bench_thread_cpu()));
        executor_run(&h->ex);
    }
    hall_end(h);
    free(h);
}

static void register_all(void) {
    static const int waiters[] = {1, 10, 100, 1000, 10000};
    bench_add(BENCH_CONTENDER, one_thread, NULL, BENCH_CPU, 0, "W5/one-thread");
#ifndef C_ONE_THREAD
    bench_add(BENCH_CONTENDER, two_threads, NULL, BENCH_MANUAL, 0, "W5/two-threads");
#endif
    for (size_t i = 0; i < sizeof waiters / sizeof *waiters; i++) {
        bench_add(BENCH_CONTENDER, cycle, (const void *)(intptr_t)waiters[i], BENCH_CPU, 0, "W6cycle/%d",
                  waiters[i]);
        bench_add(BENCH_CONTENDER, call, (const void *)(intptr_t)waiters[i], BENCH_MANUAL, 0, "W6call/%d",
                  waiters[i]);
    }
}
BENCH_UNIT(register_all)
