/* examples/primitives/condvar.h: a condition variable whose wait never blocks.
 *
 * As with pthread_cond_t, a condition is looked at and changed with a mutex held:
 *
 *     who waits      looks; if it is not ready, condvar_wait(&c, &w); w.wake runs with the mutex held
 *                    again, and looks again
 *     who changes    ready = true; condvar_signal(&c);
 *
 * Built on rouse_waiter_queue with balance 0 and cap 0: a signal that finds nobody is forgotten. */
#ifndef EXAMPLE_CONDVAR_H
#define EXAMPLE_CONDVAR_H

#include <rouse/mutex.h>
#include <rouse/waiter_queue.h>

typedef struct condvar {
    rouse_waiter_queue queue;
} condvar;

#define CONDVAR_INIT \
    { ROUSE_WAITER_QUEUE_INIT(0) }

/* One who waits; the caller's memory until wake has been called. */
typedef struct condvar_waiter condvar_waiter;
struct condvar_waiter {
    rouse_waiter signalled; /* in the condition's queue  */
    rouse_waiter locked;    /* then in the mutex's queue */
    rouse_mutex *mutex;
    void (*wake)(condvar_waiter *w, rouse_status status); /* ROUSE_OK: signalled, and the mutex is held */
};

static inline void condvar_on_locked_(rouse_waiter *locked, rouse_status status) {
    condvar_waiter *const w = (condvar_waiter *)rouse_waiter_data(locked);
    w->wake(w, status);
}

static inline void condvar_on_signal_(rouse_waiter *signalled, rouse_status status) {
    condvar_waiter *const w = (condvar_waiter *)rouse_waiter_data(signalled);
    if (status == ROUSE_OK) {
        status = rouse_mutex_lock(w->mutex, &w->locked);
    }
    if (status != ROUSE_PENDING) {
        w->wake(w, status);
    }
}

/* wake's status is ROUSE_CLOSED after condvar_close; with LOCKFREE it is ROUSE_NOMEM if the mutex, unless
 * reserved, cannot queue w, which has spent its signal then. The mutex is not held in either case. */
static inline void condvar_waiter_init(condvar_waiter *w, rouse_mutex *mutex,
                                       void (*wake)(condvar_waiter *w, rouse_status status)) {
    rouse_waiter_init(&w->signalled, condvar_on_signal_, w);
    rouse_waiter_init(&w->locked, condvar_on_locked_, w);
    w->mutex = mutex;
    w->wake = wake;
}

/* snippet: wait */
/* The mutex is held. ROUSE_PENDING: it has been unlocked, and wake will be called. Anything else: nothing
 * happened. */
static inline rouse_status condvar_wait(condvar *c, condvar_waiter *w) {
    rouse_mutex *const mutex = w->mutex; /* once w queues, it may be woken, and gone */
    const rouse_status status = rouse_waiter_queue_wait(&c->queue, &w->signalled, 1);
    if (status == ROUSE_PENDING) {
        (void)rouse_mutex_unlock(mutex); /* after queueing: no signal can slip in between */
    }
    return status;
}
/* end snippet */

/* Wakes the oldest waiter; whether there was one. The mutex need not be held. */
static inline bool condvar_signal(condvar *c) {
    return rouse_waiter_queue_wake_one(&c->queue);
}

/* Wakes those who wait now, each with the mutex, one after the other; how many. */
static inline uint32_t condvar_broadcast(condvar *c) {
    return rouse_waiter_queue_wake_all(&c->queue);
}

/* True: w's wake will not be called; the mutex is not held. False: it has been signalled, and perhaps waits
 * for the mutex: wake is called, or owed. */
static inline bool condvar_cancel(condvar *c, condvar_waiter *w) {
    return rouse_waiter_queue_cancel(&c->queue, &w->signalled);
}

/* Wakes those who wait with ROUSE_CLOSED, and refuses later ones; how many. Who has been signalled and waits
 * for the mutex gets it. */
static inline uint32_t condvar_close(condvar *c) {
    return rouse_waiter_queue_close(&c->queue);
}

/* Nobody waits, and no call is in progress. */
static inline void condvar_destroy(condvar *c) {
    rouse_waiter_queue_destroy(&c->queue);
}

#endif /* EXAMPLE_CONDVAR_H */
