/* benches/counts.c: makes each call once, or in a steady state, and reads the counters. Compiled per backend. */
#include "counts.h"

#define ROUSE_MALLOC(size)  counted_malloc(size)
#define ROUSE_FREE(pointer) free(pointer)
#include <stdlib.h>

#include <rouse/rouse.h>

#define JOIN_(a, b) a##b
#define JOIN(a, b)  JOIN_(a, b)
#define STRING_(x)  #x
#define STRING(x)   STRING_(x)

enum { MOST_ROWS = 32, CROWD = 1000 };

static count_row rows[MOST_ROWS];
static size_t row_count;
static op_counts before;

static void begin(void) {
    before = op_count;
}

static void end(const char *what, bool gated, uint32_t per) {
    count_row *const row = &rows[row_count++];
    row->what = what;
    row->gated = gated;
    row->per = per;
    row->counts.rmw = op_count.rmw - before.rmw;
    row->counts.load = op_count.load - before.load;
    row->counts.store = op_count.store - before.store;
    row->counts.fence = op_count.fence - before.fence;
    row->counts.lock = op_count.lock - before.lock;
    row->counts.heap = op_count.heap - before.heap;
}

/* A row for one call. */
#define COUNT(what, gated, call) \
    do {                         \
        begin();                 \
        (void)(call);            \
        end((what), (gated), 1); \
    } while (0)

static void on_wake(rouse_waiter *w, rouse_status status) {
    (void)w;
    (void)status;
}

static rouse_waiter *crowd_new(void) {
    rouse_waiter *const w = calloc(CROWD, sizeof *w);
    if (w == NULL) {
        abort();
    }
    for (int i = 0; i < CROWD; i++) {
        rouse_waiter_init(&w[i], on_wake, NULL);
    }
    return w;
}

static void count_uncontended(rouse_waiter *w) {
    rouse_semaphore s;
    rouse_mutex m;
    rouse_notify n;
    rouse_semaphore_init(&s, 1);
    rouse_mutex_init(&m);
    rouse_notify_init(&n);
    COUNT("semaphore acquire", true, rouse_semaphore_acquire(&s, w, 1));
    COUNT("semaphore release", true, rouse_semaphore_release(&s, 1));
    COUNT("semaphore try_acquire", true, rouse_semaphore_try_acquire(&s, 1));
    (void)rouse_semaphore_release(&s, 1);
    COUNT("mutex lock", true, rouse_mutex_lock(&m, w));
    COUNT("mutex unlock", true, rouse_mutex_unlock(&m));
    COUNT("mutex try_lock", true, rouse_mutex_try_lock(&m));
    (void)rouse_mutex_unlock(&m);
    begin();
    rouse_notify_one(&n);
    end("notify_one, nobody waits", true, 1);
    COUNT("notify wait, permit stored", true, rouse_notify_wait(&n, w));
    rouse_semaphore_destroy(&s);
    rouse_mutex_destroy(&m);
    rouse_notify_destroy(&n);
}

static void count_one_waiter(rouse_waiter *w) {
    rouse_semaphore s;
    rouse_semaphore_init(&s, 0);
    (void)rouse_semaphore_reserve(&s, 2);
    COUNT("acquire that waits, first", false, rouse_semaphore_acquire(&s, w, 1));
    COUNT("release to the only waiter", false, rouse_semaphore_release(&s, 1));
    (void)rouse_semaphore_acquire(&s, w, 1);
    COUNT("cancel of the only waiter", false, rouse_semaphore_cancel(&s, w));
    rouse_semaphore_destroy(&s);
}

/* The steady state of W3handoff: ten waiters, each release wakes one, and one queues again. */
static void count_queue(rouse_waiter *w) {
    enum { WAITING = 10 };
    rouse_semaphore s;
    rouse_semaphore_init(&s, 0);
    for (int i = 0; i < WAITING; i++) {
        (void)rouse_semaphore_acquire(&s, &w[i], 1);
    }
    begin();
    for (int i = 0; i < CROWD; i++) {
        (void)rouse_semaphore_acquire(&s, &w[(i + WAITING) % CROWD], 1);
        (void)rouse_semaphore_release(&s, 1);
    }
    end("hand-over in a queue of ten: wait + release", false, CROWD);
    while (rouse_semaphore_waiter_count(&s) != 0) {
        (void)rouse_semaphore_release(&s, 1);
    }
    rouse_semaphore_destroy(&s);
}

static void count_crowd(rouse_waiter *w) {
    rouse_notify n;
    rouse_notify_init(&n);
    begin();
    for (int i = 0; i < CROWD; i++) {
        (void)rouse_notify_wait(&n, &w[i]);
    }
    end("wait in a crowd of 1000", false, CROWD);
    begin();
    (void)rouse_notify_all(&n);
    end("notify_all to 1000, per waiter", false, CROWD);
    for (int i = 0; i < CROWD; i++) {
        (void)rouse_notify_wait(&n, &w[i]);
    }
    begin();
    for (int i = 0; i < CROWD; i++) {
        (void)rouse_notify_cancel(&n, &w[i]);
    }
    end("cancel in a crowd of 1000, oldest first", false, CROWD);
    for (int i = 0; i < CROWD; i++) {
        (void)rouse_notify_wait(&n, &w[i]);
    }
    begin();
    for (int i = CROWD - 1; i >= 0; i--) {
        (void)rouse_notify_cancel(&n, &w[i]);
    }
    end("cancel in a crowd of 1000, newest first", false, CROWD);
    rouse_notify_destroy(&n);
}

static double heap_per_waiter(rouse_waiter *w) {
    rouse_semaphore s;
    uint64_t heap = op_count.heap;
    rouse_semaphore_init(&s, 0);
    for (int i = 0; i < CROWD; i++) {
        (void)rouse_semaphore_acquire(&s, &w[i], 1);
    }
    heap = op_count.heap - heap;
    (void)rouse_semaphore_close(&s);
    rouse_semaphore_destroy(&s);
    return (double)heap / CROWD;
}

backend_counts JOIN(count_, COUNT_BACKEND)(void) {
    static size_row sizes[] = {{"semaphore", sizeof(rouse_semaphore)},
                               {"notify", sizeof(rouse_notify)},
                               {"mutex", sizeof(rouse_mutex)},
                               {"waiter", sizeof(rouse_waiter)},
                               {"heap per waiter, 1000 waiting", 0}};
    rouse_waiter *const w = crowd_new();
    backend_counts result = {STRING(COUNT_BACKEND), 0, rows, sizeof sizes / sizeof *sizes, sizes};
    count_uncontended(w);
    count_one_waiter(w);
    count_queue(w);
    count_crowd(w);
    sizes[result.sizes - 1].bytes = heap_per_waiter(w);
    free(w);
    result.rows = row_count;
    return result;
}
