/* benches/counts.c: makes each call once, or in a steady state, and reads the counters. Compiled per backend. */
#include "counts.h"

#define ROUSE_MALLOC(size)  counted_malloc(size)
#define ROUSE_FREE(pointer) free(pointer)
#include <stdlib.h>

#include <pthread.h>
#include <string.h>
#include <rouse/rouse.h>

#define JOIN_(a, b) a##b
#define JOIN(a, b)  JOIN_(a, b)
#define STRING_(x)  #x
#define STRING(x)   STRING_(x)

enum { MOST_ROWS = 96, CROWD = 1000 };

/* The limits of the sizes. A primitive may have the platform's mutex on top. LOCKFREE's heap is segments
 * of 32 cells, and the pool may hold a quarter more than it needs. */
#if ROUSE_BACKEND == ROUSE_BACKEND_MUTEX
#    define PLATFORM_MUTEX sizeof(pthread_mutex_t)
#    define MOST_HEAP      0
#elif ROUSE_BACKEND == ROUSE_BACKEND_SPIN
#    define PLATFORM_MUTEX 0
#    define MOST_HEAP      0
#elif ROUSE_BACKEND == ROUSE_BACKEND_LOCAL
#    define PLATFORM_MUTEX 0
#    define MOST_HEAP      0
#    define MOST_SIZE      40
#else
#    define PLATFORM_MUTEX 0
#    define MOST_HEAP      24
#endif

#ifndef MOST_SIZE
#    define MOST_SIZE (48 + PLATFORM_MUTEX)
#endif

static count_row rows[MOST_ROWS];
static size_t row_count;
static op_counts before;

static void begin(void) {
    before = op_count;
}

/* Adds what has been counted since begin to a row. */
static void add_to(count_row *row) {
    op_counts *const sum = &row->counts;
    sum->rmw += op_count.rmw - before.rmw;
    sum->load += op_count.load - before.load;
    sum->store += op_count.store - before.store;
    sum->fence += op_count.fence - before.fence;
    sum->lock += op_count.lock - before.lock;
    sum->heap += op_count.heap - before.heap;
    sum->line += op_count.line - before.line;
    sum->serial += op_count.serial - before.serial;
}

static count_row *row_new(const char *what, bool gated, uint32_t per) {
    count_row *const row = &rows[row_count++];
    memset(row, 0, sizeof *row);
    row->what = what;
    row->gated = gated;
    row->per = per;
    return row;
}

static void end(const char *what, bool gated, uint32_t per) {
    add_to(row_new(what, gated, per));
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

/* The family. */
static void count_event_gate_limit(rouse_waiter *w) {
    rouse_event e;
    rouse_gate g;
    rouse_limit l;
    rouse_event_init(&e);
    rouse_gate_init(&g, 0);
    (void)rouse_limit_init(&l, 1, 8);
    COUNT("event set, nobody waits", true, rouse_event_set(&e));
    COUNT("event wait, set", false, rouse_event_wait(&e, w));
    COUNT("event reset", true, rouse_event_reset(&e));
    COUNT("gate enter", true, rouse_gate_enter(&g));
    COUNT("gate leave", true, rouse_gate_leave(&g, 1));
    COUNT("limit acquire", true, rouse_limit_acquire(&l, w, 1));
    COUNT("limit give_back", true, rouse_limit_give_back(&l, 1));
    COUNT("limit try_acquire", true, rouse_limit_try_acquire(&l, 1));
    COUNT("limit set", true, rouse_limit_set(&l, 2));
    (void)rouse_limit_set(&l, 1);
    (void)rouse_limit_acquire(&l, w, 1);
    COUNT("limit give_back to a waiter", false, rouse_limit_give_back(&l, 1));
    rouse_event_destroy(&e);
    rouse_gate_destroy(&g);
    rouse_limit_destroy(&l);
}

/* With MUTEX a channel and a condition variable take the platform's mutex. */
#define GUARD_COUNTS (ROUSE_BACKEND != ROUSE_BACKEND_MUTEX)

static void count_rwlock_once_channel_condvar(rouse_waiter *w) {
    static int slots[4];
    static rouse_condvar_waiter waiter;
    int value = 1;
    rouse_rwlock l;
    rouse_once o;
    rouse_channel ch;
    rouse_transfer t;
    rouse_mutex m;
    rouse_condvar c;
    (void)rouse_rwlock_init(&l, 8);
    rouse_once_init(&o);
    (void)rouse_channel_init(&ch, slots, 4, sizeof slots[0]);
    rouse_transfer_init(&t, NULL, NULL, NULL);
    rouse_mutex_init(&m);
    rouse_condvar_init(&c);
    rouse_condvar_waiter_init(&waiter, &m, NULL, NULL, NULL);
    COUNT("rwlock read", true, rouse_rwlock_read(&l, w));
    COUNT("rwlock try_upgrade", true, rouse_rwlock_try_upgrade(&l));
    COUNT("rwlock downgrade", true, rouse_rwlock_downgrade(&l));
    COUNT("rwlock end_read", true, rouse_rwlock_end_read(&l));
    COUNT("rwlock write", true, rouse_rwlock_write(&l, w));
    COUNT("rwlock end_write", true, rouse_rwlock_end_write(&l));
    COUNT("once begin, nobody before", true, rouse_once_begin(&o, w));
    (void)rouse_once_done(&o);
    COUNT("once begin, done", false, rouse_once_begin(&o, w));
    COUNT("channel send, room", GUARD_COUNTS, rouse_channel_send(&ch, &t, &value));
    COUNT("channel receive", GUARD_COUNTS, rouse_channel_receive(&ch, &t, &value));
    COUNT("condvar signal, nobody waits", GUARD_COUNTS, rouse_condvar_signal(&c));
    (void)rouse_mutex_reserve(&m, 8);
    (void)rouse_mutex_try_lock(&m);
    COUNT("condvar wait, with its unlock", false, rouse_condvar_wait(&c, &waiter));
    COUNT("condvar signal, the mutex is free", false, rouse_condvar_signal(&c));
    (void)rouse_condvar_wait(&c, &waiter);
    (void)rouse_mutex_try_lock(&m);
    COUNT("condvar signal, the mutex is held", false, rouse_condvar_signal(&c));
    (void)rouse_mutex_unlock(&m);
    (void)rouse_mutex_unlock(&m);
    rouse_rwlock_destroy(&l);
    rouse_once_destroy(&o);
    rouse_channel_destroy(&ch);
    rouse_condvar_destroy(&c);
    rouse_mutex_destroy(&m);
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

#if ROUSE_BACKEND != ROUSE_BACKEND_LOCAL
/* Throughput mode: w[0] is invited and on its way; w[1] is a newcomer. */
static void count_throughput(rouse_waiter *w) {
    rouse_semaphore s;
    rouse_mutex m;
    rouse_semaphore_init_throughput(&s, 0, 8);
    rouse_mutex_init_throughput(&m, 8);
    (void)rouse_semaphore_acquire(&s, w, 1);
    COUNT("release that invites", false, rouse_semaphore_release(&s, 1));
    COUNT("acquire past an invited waiter", true, rouse_semaphore_acquire(&s, w + 1, 1));
    COUNT("release past an invited waiter", true, rouse_semaphore_release(&s, 1));
    COUNT("try_acquire past an invited waiter", true, rouse_semaphore_try_acquire(&s, 1));
    COUNT("resume of a beaten waiter", false, rouse_semaphore_resume(&s, w));
    (void)rouse_semaphore_release(&s, 1);
    COUNT("resume", false, rouse_semaphore_resume(&s, w));
    (void)rouse_mutex_try_lock(&m);
    (void)rouse_mutex_lock(&m, w);
    (void)rouse_mutex_unlock(&m);
    COUNT("mutex lock past an invited waiter", true, rouse_mutex_lock(&m, w + 1));
    COUNT("mutex unlock past an invited waiter", true, rouse_mutex_unlock(&m));
    (void)rouse_mutex_resume(&m, w);
    (void)rouse_mutex_unlock(&m);
    rouse_semaphore_destroy(&s);
    rouse_mutex_destroy(&m);
}
#else
static void count_throughput(rouse_waiter *w) {
    (void)w;
}
#endif

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

/* A wake that releases to the next: that wake is deferred, and run by the outermost call. */
static rouse_semaphore passed_on;
static void pass_on(rouse_waiter *w, rouse_status status) {
    (void)status;
    if (rouse_waiter_data(w) != NULL) {
        (void)rouse_semaphore_release(&passed_on, 1);
    }
}
static void count_deferred(void) {
    rouse_waiter two[2];
    rouse_semaphore_init(&passed_on, 0);
    rouse_waiter_init(&two[0], pass_on, two);
    rouse_waiter_init(&two[1], pass_on, NULL);
    (void)rouse_semaphore_acquire(&passed_on, &two[0], 1);
    (void)rouse_semaphore_acquire(&passed_on, &two[1], 1);
    COUNT("release to a waiter that releases to another", false, rouse_semaphore_release(&passed_on, 1));
    rouse_semaphore_destroy(&passed_on);
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

static void count_several(rouse_waiter *w) {
    rouse_semaphore s;
    rouse_semaphore_init(&s, 0);
    begin();
    for (int i = 0; i < CROWD; i++) {
        (void)rouse_semaphore_acquire(&s, &w[i], 5000);
    }
    end("wait for 5,000 in a crowd of 1000", false, CROWD);
    begin();
    for (int i = 0; i < CROWD; i++) {
        (void)rouse_semaphore_release(&s, 5000);
    }
    end("release of 5,000 that grants", false, CROWD);
    rouse_semaphore_destroy(&s);
}

#if ROUSE_BACKEND != ROUSE_BACKEND_LOCAL /* which stays on one core */
#    if ROUSE_BACKEND == ROUSE_BACKEND_SPIN
static const rouse_semaphore *watched;

static bool spin_locked(void) {
    const uint64_t word = watched->queue_.word_.value_;
    return rouse_word_multi_(word) && word != ROUSE_WORD_MULTI_;
}
#    endif

/* From here on lines are kept book of; NULL: not any more. */
static void watch(const rouse_semaphore *s) {
    op_lines_watch_(s, s == NULL ? NULL : rouse_inbox_mine_());
#    if ROUSE_BACKEND == ROUSE_BACKEND_SPIN
    watched = s;
    op_locked = s == NULL ? NULL : spin_locked;
#    elif ROUSE_BACKEND == ROUSE_BACKEND_MUTEX
    op_locked = s == NULL ? NULL : counted_mutex_held;
#    endif
}

enum { LINE = 64, MOST_CORES = 64 };

static void *lines_new(size_t count) {
    void *const memory = aligned_alloc(LINE, count * LINE);
    if (memory == NULL) {
        abort();
    }
    return memory;
}

/* One permit goes round among this many cores. The holder releases, which grants the permit to the next,
 * and the core that released before queues again (with two cores: the one that has just released). So the
 * queue's word goes from core to core. */
static void count_cores(unsigned cores, const char *release, const char *wait) {
    enum { SEMAPHORE_LINES = 4 };
    _Static_assert(sizeof(rouse_semaphore) <= SEMAPHORE_LINES * LINE && sizeof(rouse_waiter) <= LINE,
                   "lines");
    count_row *const releases = row_new(release, false, CROWD);
    count_row *const waits = row_new(wait, false, CROWD);
    rouse_semaphore *const s = lines_new(SEMAPHORE_LINES);
    rouse_waiter *w[MOST_CORES];
    const unsigned late = cores == 2 ? 0 : 1;
    rouse_semaphore_init(s, 1);
    watch(s);
    for (unsigned i = 0; i < cores; i++) {
        op_core = i;
        w[i] = lines_new(1);
        rouse_waiter_init(w[i], on_wake, NULL);
        if (i + late < cores) {
            (void)rouse_semaphore_acquire(s, w[i], 1);
        }
    }
    for (unsigned i = 0; i < 2 * CROWD; i++) {
        op_core = i % cores;
        begin();
        (void)rouse_semaphore_release(s, 1);
        if (i >= CROWD) { /* in its steady state by now */
            add_to(releases);
        }
        op_core = (i + cores - late) % cores;
        begin();
        (void)rouse_semaphore_acquire(s, w[op_core], 1);
        if (i >= CROWD) {
            add_to(waits);
        }
    }
    watch(NULL);
    while (rouse_semaphore_waiter_count(s) != 0) {
        (void)rouse_semaphore_release(s, 1);
    }
    op_core = 0;
    rouse_semaphore_destroy(s);
    for (unsigned i = 0; i < cores; i++) {
        free(w[i]);
    }
    free(s);
}

/* Two cores take turns with a permit. */
static void count_turns(rouse_semaphore *s, rouse_waiter *w, const char *what) {
    watch(s);
    (void)rouse_semaphore_acquire(s, w, 1);
    (void)rouse_semaphore_release(s, 1);
    begin();
    for (unsigned i = 1; i <= CROWD; i++) {
        op_core = i % 2;
        (void)rouse_semaphore_acquire(s, w, 1);
        (void)rouse_semaphore_release(s, 1);
    }
    end(what, false, CROWD);
    watch(NULL);
    op_core = 0;
}

/* Nobody waits; or (throughput mode) one waiter is invited and has not answered. */
static void count_visits(rouse_waiter *w) {
    rouse_semaphore *const s = lines_new(4);
    rouse_semaphore_init(s, 1);
    count_turns(s, w, "acquire + release, nobody waits, another core before");
    rouse_semaphore_destroy(s);
    rouse_semaphore_init_throughput(s, 0, 2 * CROWD);
    (void)rouse_semaphore_acquire(s, w + 1, 1);
    (void)rouse_semaphore_release(s, 1);
    count_turns(s, w, "acquire + release past an invited waiter, another core before");
    (void)rouse_semaphore_resume(s, w + 1);
    rouse_semaphore_destroy(s);
    free(s);
}
#endif

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
    enum { MOST = MOST_SIZE };
    static size_row sizes[] = {{"semaphore", sizeof(rouse_semaphore), MOST},
                               {"notify", sizeof(rouse_notify), MOST},
                               {"mutex", sizeof(rouse_mutex), MOST},
                               {"waiter", sizeof(rouse_waiter), 56},
                               {"heap per waiter, 1000 waiting", 0, MOST_HEAP}};
    rouse_waiter *const w = crowd_new();
    backend_counts result = {STRING(COUNT_BACKEND), 0, rows, sizeof sizes / sizeof *sizes, sizes};
    count_uncontended(w);
    count_event_gate_limit(w);
    count_rwlock_once_channel_condvar(w);
    count_one_waiter(w);
    count_throughput(w);
    count_queue(w);
    count_deferred();
    count_crowd(w);
    count_several(w);
#if ROUSE_BACKEND != ROUSE_BACKEND_LOCAL
    count_visits(w);
    count_cores(2, "release that grants, 2 cores", "wait, 2 cores");
    count_cores(4, "release that grants, 4 cores", "wait, 4 cores");
    count_cores(16, "release that grants, 16 cores", "wait, 16 cores");
    count_cores(64, "release that grants, 64 cores", "wait, 64 cores");
#endif
    sizes[result.sizes - 1].bytes = heap_per_waiter(w);
    free(w);
    result.rows = row_count;
    return result;
}
