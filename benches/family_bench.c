/* benches/family_bench.c: W9: what came on top of the primitives, one thread.
 *
 * W9limit: acquire + give back of a limit, nobody else. Charged per pair.
 * W9limit_handoff: two waiters take turns: give back to the one that waits, queue again. Charged per hand-off.
 * W9gate: enter + leave. Charged per pair.
 * W9event N: N wait, set wakes them, reset. Charged per waiter.
 * W9deadline N: N waits begin with deadlines in random order, half are granted, half time out. Charged per wait.
 * W9post: a second thread posts to this one's mailbox, which is drained without a kick. Charged per post. */
#include BENCH_ADAPTER

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>

#include <rouse/deadline.h>
#include <rouse/event.h>
#include <rouse/gate.h>
#include <rouse/limit.h>
#include <rouse/mailbox.h>

enum { BATCH = 1000 };

static void on_wake(rouse_waiter *w, rouse_status status) {
    (void)w, (void)status;
}
static void on_timed(rouse_timed *t, rouse_status status) {
    (void)t, (void)status;
}

static void limit_pairs(bench_state *state, const void *context) {
    rouse_limit *const l = bench_alloc(sizeof *l);
    rouse_waiter w;
    (void)context;
    rouse_waiter_init(&w, on_wake, NULL);
    (void)rouse_limit_init(l, 1, UINT32_MAX);
    while (bench_keep_running(state, BATCH)) {
        for (int i = 0; i < BATCH; i++) {
            if (rouse_limit_acquire(l, &w, 1) != ROUSE_OK) {
                bench_die("limit: no permit");
            }
            (void)rouse_limit_give_back(l, 1);
        }
    }
    rouse_limit_destroy(l);
    free(l);
}

static void limit_handoff(bench_state *state, const void *context) {
    rouse_limit *const l = bench_alloc(sizeof *l);
    rouse_waiter *const w = bench_alloc(2 * sizeof *w);
    (void)context;
    rouse_waiter_init(&w[0], on_wake, NULL);
    rouse_waiter_init(&w[1], on_wake, NULL);
    (void)rouse_limit_init(l, 1, UINT32_MAX);
    if (!rouse_limit_try_acquire(l, 1)) {
        bench_die("limit: no permit");
    }
    while (bench_keep_running(state, BATCH)) {
        for (int i = 0; i < BATCH; i++) {
            if (rouse_limit_acquire(l, &w[i % 2], 1) != ROUSE_PENDING) {
                bench_die("limit: a permit");
            }
            (void)rouse_limit_give_back(l, 1);
        }
    }
    rouse_limit_destroy(l);
    free(w);
    free(l);
}

static void gate_pairs(bench_state *state, const void *context) {
    rouse_gate *const g = bench_alloc(sizeof *g);
    (void)context;
    rouse_gate_init(g, 0);
    while (bench_keep_running(state, BATCH)) {
        for (int i = 0; i < BATCH; i++) {
            if (!rouse_gate_enter(g)) {
                bench_die("gate: closed");
            }
            (void)rouse_gate_leave(g, 1);
        }
    }
    rouse_gate_destroy(g);
    free(g);
}

static void event_set(bench_state *state, const void *context) {
    const int64_t n = *(const int *)context;
    rouse_event *const e = bench_alloc(sizeof *e);
    rouse_waiter *const w = bench_alloc((size_t)n * sizeof *w);
    rouse_event_init(e);
    for (int64_t i = 0; i < n; i++) {
        rouse_waiter_init(&w[i], on_wake, NULL);
    }
    while (bench_keep_running(state, n)) {
        for (int64_t i = 0; i < n; i++) {
            if (rouse_event_wait(e, &w[i]) != ROUSE_PENDING) {
                bench_die("event: not queued");
            }
        }
        (void)rouse_event_set(e);
        (void)rouse_event_reset(e);
    }
    rouse_event_destroy(e);
    free(w);
    free(e);
}

static void deadline_queue(bench_state *state, const void *context) {
    const int64_t n = *(const int *)context;
    rouse_semaphore *const s = bench_alloc(sizeof *s);
    rouse_timed *const t = bench_alloc((size_t)n * sizeof *t);
    rouse_deadlines d;
    uint32_t random = 1;
    (void)rouse_semaphore_init(s, 0);
    rouse_deadlines_init(&d);
    for (int64_t i = 0; i < n; i++) {
        rouse_timed_init(&t[i], &d, NULL, on_timed, NULL);
    }
    while (bench_keep_running(state, n)) {
        for (int64_t i = 0; i < n; i++) {
            if (rouse_semaphore_acquire_until(s, &t[i], 1, bench_random(&random)) != ROUSE_PENDING) {
                bench_die("deadline: not queued");
            }
        }
        (void)rouse_semaphore_release(s, (uint32_t)(n / 2));
        while (rouse_deadlines_next(&d) != UINT64_MAX) {
            (void)rouse_deadlines_run(&d, rouse_deadlines_next(&d));
        }
    }
    rouse_deadlines_destroy(&d);
    rouse_semaphore_destroy(s);
    free(t);
    free(s);
}

typedef struct poster {
    rouse_mailbox mailbox;
    rouse_waiter works[BATCH];
    atomic_int asked; /* how many batches; below 0: end */
    int64_t ran;      /* on the loop's thread */
} poster;

static void on_posted(rouse_waiter *w, rouse_status status) {
    poster *const p = rouse_waiter_data(w);
    (void)status;
    p->ran++;
}

static void *post_batches(void *arg) {
    poster *const p = arg;
    int done = 0;
    int asked;
    while ((asked = atomic_load_explicit(&p->asked, memory_order_acquire)) >= 0) {
        if (asked == done) {
            (void)sched_yield();
            continue;
        }
        for (int i = 0; i < BATCH; i++) {
            rouse_mailbox_post(&p->mailbox, &p->works[i], ROUSE_OK);
        }
        done++;
    }
    return NULL;
}

static void posts(bench_state *state, const void *context) {
    poster *const p = bench_alloc(sizeof *p);
    pthread_t thread;
    int64_t wanted = 0;
    (void)context;
    rouse_mailbox_init(&p->mailbox, NULL, NULL);
    for (int i = 0; i < BATCH; i++) {
        rouse_waiter_init(&p->works[i], on_posted, p);
    }
    if (pthread_create(&thread, NULL, post_batches, p) != 0) {
        bench_die("post: no thread");
    }
    while (bench_keep_running(state, BATCH)) {
        wanted += BATCH;
        (void)atomic_fetch_add_explicit(&p->asked, 1, memory_order_release);
        while (p->ran != wanted) {
            if (rouse_mailbox_drain(&p->mailbox) == 0) {
                (void)sched_yield();
            }
        }
    }
    atomic_store_explicit(&p->asked, -1, memory_order_release);
    (void)pthread_join(thread, NULL);
    rouse_mailbox_destroy(&p->mailbox);
    free(p);
}

static const int sizes[] = {10, 1000};
static const int deadlines[] = {1000, 100000};

static void register_all(void) {
    bench_add(BENCH_CONTENDER, limit_pairs, NULL, BENCH_CPU, 0, "W9limit");
    bench_add(BENCH_CONTENDER, limit_handoff, NULL, BENCH_CPU, 0, "W9limit_handoff");
    bench_add(BENCH_CONTENDER, gate_pairs, NULL, BENCH_CPU, 0, "W9gate");
    bench_add(BENCH_CONTENDER, posts, NULL, BENCH_WALL, 0, "W9post");
    for (int i = 0; i < 2; i++) {
        bench_add(BENCH_CONTENDER, event_set, &sizes[i], BENCH_CPU, 0, "W9event/%d", sizes[i]);
        bench_add(BENCH_CONTENDER, deadline_queue, &deadlines[i], BENCH_CPU, 0, "W9deadline/%d",
                  deadlines[i]);
    }
}
BENCH_UNIT(register_all)
