/* benches/family_rouse.h: how family_peers_bench.c calls rouse. Also the place that says what such an adapter
 * provides; each part is left out where its macro is not defined:
 *
 *   F_RWLOCK    f_rwlock_new, f_read_pairs, f_write_pairs     uncontended pairs in a loop
 *   F_ONCE      f_once_new (done already), f_once_looks
 *   F_ONESHOT   f_oneshot_place, where f_oneshot_make makes one; f_oneshot_wait, _send, and _end, which ends it and
 *               returns the value, given what the wait has stored
 *   F_CHANNEL   f_channel_new, f_channel_pairs (one element in, the same out), f_send, f_receive
 *   F_BARRIER   f_barrier_new, f_arrive
 *   F_CONDVAR   f_condvar_new, f_wait (locks, waits; the mutex is not held when it is over), f_signal (lock, signal,
 *               unlock)
 *   F_ANY       f_sems_new: two empty semaphores; f_wait_first, f_wait_either, f_release (which)
 *   F_BLOCKING  f_condvar_new, f_lock, f_unlock, f_wait_here, f_signal_here: for plain threads
 *
 * What may wait takes an f_wait and returns true if it is over at once; when its task has been woken f_resume says
 * whether it is over now. The objects live as long as the program. */
#ifndef ROUSE_BENCH_FAMILY_ADAPTER_H
#define ROUSE_BENCH_FAMILY_ADAPTER_H

#include "bench.h"
#include "executor.h"

#include <rouse/any.h>
#include <rouse/barrier.h>
#include <rouse/channel.h>
#include <rouse/condvar.h>
#include <rouse/event.h>
#include <rouse/once.h>
#include <rouse/rwlock.h>
#if ROUSE_BACKEND != ROUSE_BACKEND_LOCAL
#    include <rouse/blocking.h>
#    define F_BLOCKING 1
#endif

#define F_RWLOCK  1
#define F_ONCE    1
#define F_ONESHOT 1
#define F_CHANNEL 1
#define F_BARRIER 1
#define F_CONDVAR 1
#define F_ANY     1

enum { F_ARMS = 2 };

typedef struct f_condvar {
    rouse_mutex mutex;
    rouse_condvar changed;
} f_condvar;

typedef struct f_wait {
    rouse_waiter waiter;
    rouse_transfer transfer;
    rouse_condvar_waiter changed;
    rouse_any any;
    rouse_arm arms[F_ARMS];
    const void *prepared; /* the condition variable or semaphores that `changed` or `any` was prepared for */
    rouse_mutex *held;    /* to be unlocked when the wait is over */
} f_wait;

static inline void f_on_wake(rouse_waiter *w, rouse_status status) {
    (void)status;
    task_wake((task *)rouse_waiter_data(w));
}
static inline void f_on_transfer(rouse_transfer *t, rouse_status status) {
    (void)status;
    task_wake((task *)rouse_transfer_data(t));
}
static inline void f_on_change(rouse_condvar_waiter *w, rouse_status status) {
    (void)status;
    task_wake((task *)rouse_condvar_waiter_data(w));
}
static inline void f_on_any(rouse_any *any, int index, rouse_status status) {
    (void)index, (void)status;
    task_wake((task *)rouse_any_data(any));
}

static inline bool f_over(rouse_status status) {
    if (status < 0) {
        bench_die(rouse_status_string(status));
    }
    return status == ROUSE_OK;
}

static inline void f_wait_init(f_wait *w, task *t) {
    rouse_waiter_init(&w->waiter, f_on_wake, t);
    rouse_transfer_init(&w->transfer, NULL, f_on_transfer, t);
    w->prepared = NULL;
    w->held = NULL;
}
static inline bool f_resume(f_wait *w) {
    if (w->held != NULL) {
        (void)rouse_mutex_unlock(w->held);
        w->held = NULL;
    }
    return true;
}

static inline void *f_rwlock_new(void) {
    rouse_rwlock *const l = bench_alloc(sizeof *l);
    (void)rouse_rwlock_init(l, ROUSE_MAX_PERMITS);
    return l;
}
static inline void f_read_pairs(void *rwlock, int64_t n) {
    rouse_rwlock *const l = rwlock;
    rouse_waiter w;
    rouse_waiter_init(&w, NULL, NULL);
    for (int64_t i = 0; i < n; i++) {
        if (!f_over(rouse_rwlock_read(l, &w))) {
            bench_die("an uncontended lock was not had");
        }
        (void)rouse_rwlock_end_read(l);
    }
}
static inline void f_write_pairs(void *rwlock, int64_t n) {
    rouse_rwlock *const l = rwlock;
    rouse_waiter w;
    rouse_waiter_init(&w, NULL, NULL);
    for (int64_t i = 0; i < n; i++) {
        if (!f_over(rouse_rwlock_write(l, &w))) {
            bench_die("an uncontended lock was not had");
        }
        (void)rouse_rwlock_end_write(l);
    }
}

static inline void *f_once_new(void) {
    rouse_once *const o = bench_alloc(sizeof *o);
    rouse_waiter w;
    rouse_waiter_init(&w, NULL, NULL);
    rouse_once_init(o);
    if (!f_over(rouse_once_begin(o, &w)) || rouse_once_done(o) != ROUSE_OK) {
        bench_die("it could not be done");
    }
    return o;
}
static inline void f_once_looks(void *once, int64_t n) {
    rouse_waiter w;
    rouse_waiter_init(&w, NULL, NULL);
    for (int64_t i = 0; i < n; i++) {
        if (rouse_once_begin(once, &w) != ROUSE_CLOSED) {
            bench_die("it is not done");
        }
    }
}

/* An event next to the value, as in guide.md. */
typedef struct f_oneshot {
    rouse_event sent;
    uint64_t value;
} f_oneshot;

static inline void *f_oneshot_place(void) {
    return bench_alloc(sizeof(f_oneshot));
}
static inline void f_oneshot_make(void *place) {
    rouse_event_init(&((f_oneshot *)place)->sent);
}
static inline bool f_oneshot_wait(void *place, f_wait *w, uint64_t *value) {
    (void)value;
    return f_over(rouse_event_wait(&((f_oneshot *)place)->sent, &w->waiter));
}
static inline void f_oneshot_send(void *place, uint64_t value) {
    f_oneshot *const o = place;
    o->value = value;
    (void)rouse_event_set(&o->sent);
}
static inline uint64_t f_oneshot_end(void *place, uint64_t value) {
    f_oneshot *const o = place;
    (void)value;
    rouse_event_destroy(&o->sent);
    return o->value;
}

static inline void *f_channel_new(uint32_t capacity) {
    rouse_channel *const ch = bench_alloc(sizeof *ch);
    if (rouse_channel_init(ch, bench_alloc(capacity * sizeof(uint64_t)), capacity, sizeof(uint64_t)) !=
        ROUSE_OK) {
        bench_die("no channel");
    }
    return ch;
}
static inline void f_channel_pairs(void *channel, int64_t n) {
    for (int64_t i = 0; i < n; i++) {
        const uint64_t in = (uint64_t)i;
        uint64_t out;
        if (!rouse_channel_try_send(channel, &in) || !rouse_channel_try_receive(channel, &out) || out != in) {
            bench_die("an element was lost");
        }
    }
}
static inline bool f_send(void *channel, f_wait *w, uint64_t *element) {
    return f_over(rouse_channel_send(channel, &w->transfer, element));
}
static inline bool f_receive(void *channel, f_wait *w, uint64_t *to) {
    return f_over(rouse_channel_receive(channel, &w->transfer, to));
}

static inline void *f_barrier_new(uint32_t parties) {
    rouse_barrier *const b = bench_alloc(sizeof *b);
    if (rouse_barrier_init(b, parties) != ROUSE_OK) {
        bench_die("no barrier");
    }
    return b;
}
static inline bool f_arrive(void *barrier, f_wait *w) {
    return f_over(rouse_barrier_arrive(barrier, &w->waiter));
}

static inline void *f_condvar_new(void) {
    f_condvar *const c = bench_alloc(sizeof *c);
    rouse_mutex_init(&c->mutex);
    rouse_condvar_init(&c->changed);
    return c;
}
static inline bool f_wait_change(void *condvar, f_wait *w) {
    f_condvar *const c = condvar;
    if (w->prepared != condvar) {
        rouse_condvar_waiter_init(&w->changed, &c->mutex, NULL, f_on_change, rouse_waiter_data(&w->waiter));
        w->prepared = condvar;
    }
    if (!f_over(rouse_mutex_lock(&c->mutex, &w->waiter))) {
        bench_die("an uncontended mutex was not had");
    }
    w->held = &c->mutex;
    return f_over(rouse_condvar_wait(&c->changed, &w->changed));
}
static inline void f_signal(void *condvar) {
    f_condvar *const c = condvar;
    if (!rouse_mutex_try_lock(&c->mutex)) {
        bench_die("an uncontended mutex was not had");
    }
    (void)rouse_condvar_signal(&c->changed);
    (void)rouse_mutex_unlock(&c->mutex);
}

#ifdef F_BLOCKING
static inline void f_lock(void *condvar) {
    (void)rouse_mutex_lock_blocking(&((f_condvar *)condvar)->mutex);
}
static inline void f_unlock(void *condvar) {
    (void)rouse_mutex_unlock(&((f_condvar *)condvar)->mutex);
}
static inline void f_wait_here(void *condvar) {
    f_condvar *const c = condvar;
    (void)rouse_condvar_wait_blocking(&c->changed, &c->mutex);
}
static inline void f_signal_here(void *condvar) {
    (void)rouse_condvar_signal(&((f_condvar *)condvar)->changed);
}
#endif

static inline void *f_sems_new(void) {
    rouse_semaphore *const s = bench_alloc(F_ARMS * sizeof *s);
    for (int i = 0; i < F_ARMS; i++) {
        (void)rouse_semaphore_init(&s[i], 0);
    }
    return s;
}
static inline bool f_wait_first(void *sems, f_wait *w) {
    return f_over(rouse_semaphore_acquire(sems, &w->waiter, 1));
}
static inline bool f_wait_either(void *sems, f_wait *w) {
    if (w->prepared != sems) {
        for (int i = 0; i < F_ARMS; i++) {
            rouse_arm_semaphore(&w->arms[i], (rouse_semaphore *)sems + i, 1);
        }
        rouse_any_init(&w->any, w->arms, F_ARMS, NULL, f_on_any, rouse_waiter_data(&w->waiter));
        w->prepared = sems;
    }
    return f_over(rouse_any_wait(&w->any));
}
static inline void f_release(void *sems, int which) {
    (void)rouse_semaphore_release((rouse_semaphore *)sems + which, 1);
}

#endif /* ROUSE_BENCH_FAMILY_ADAPTER_H */
