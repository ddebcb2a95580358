/* rouse/mutex.h: a fair mutex whose lock never blocks.
 *
 * The holder is a task, not a thread: any thread may unlock. unlock hands the mutex to the oldest waiter, so
 * a newcomer never overtakes (throughput mode, below, lets it, up to a bound). What came before an unlock
 * happens before what comes after the lock that it satisfied. A policy over rouse_waiter_queue: a balance of
 * 1 (free) or less, with cap 1. */
#ifndef ROUSE_MUTEX_H
#define ROUSE_MUTEX_H

#include "waiter_queue.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct rouse_mutex {
    rouse_waiter_queue queue_;
} rouse_mutex;

#define ROUSE_MUTEX_INIT \
    { ROUSE_WAITER_QUEUE_INIT(1) }

ROUSE_INLINE_ void rouse_mutex_init(rouse_mutex *m) {
    ROUSE_CHECK_OBJECT_(m);
    rouse_waiter_queue_init(&m->queue_, 1);
}

/* Nobody waits and nobody is calling; an unlock that has handed the mutex over may still be returning.
 * LOCKFREE gives its heap memory back. */
ROUSE_INLINE_ void rouse_mutex_destroy(rouse_mutex *m) {
    ROUSE_CHECK_USE_(m, &m->queue_);
    ROUSE_CHECK_(rouse_backend_waiter_count_(&m->queue_) == 0, m, "waiters are queued");
    rouse_waiter_queue_destroy(&m->queue_);
}

/* ROUSE_OK: held. ROUSE_PENDING: held when wake runs. ROUSE_NOMEM, ROUSE_OVERFLOW: see
 * rouse_waiter_queue_wait. */
ROUSE_NODISCARD_
ROUSE_INLINE_ rouse_status rouse_mutex_lock(rouse_mutex *m, rouse_waiter *w) {
    rouse_status status;
    ROUSE_CHECK_USE_(m, &m->queue_);
    ROUSE_CHECK_IDLE_(w, m);
    ROUSE_CHECK_HELD_(&m->queue_, w->data_, m);
    status = rouse_queue_wait_(&m->queue_, w, 1);
    if (status == ROUSE_OK) {
        ROUSE_HELD_BY_(&m->queue_, w->data_);
    }
    return status;
}

ROUSE_NODISCARD_
ROUSE_INLINE_ bool rouse_mutex_try_lock(rouse_mutex *m) {
    ROUSE_CHECK_USE_(m, &m->queue_);
    return rouse_queue_try_wait_(&m->queue_, 1);
}

/* ROUSE_INVALID: it was not locked; nothing changed (ROUSE_DEBUG aborts). Of unlocks that race, those that
 * are too many get it, whichever comes first. */
ROUSE_INLINE_ rouse_status rouse_mutex_unlock(rouse_mutex *m) {
    rouse_status status;
    ROUSE_CHECK_USE_(m, &m->queue_);
    ROUSE_HELD_BY_(&m->queue_, NULL); /* before the next one has it */
    status = rouse_queue_unlock_(&m->queue_);
    ROUSE_CHECK_(status == ROUSE_OK, m, "the mutex is not locked");
    return status;
}

/* Takes `w` out of the queue: true, and its wake will never run. False: it holds the mutex, or is about
 * to. */
ROUSE_NODISCARD_
ROUSE_INLINE_ bool rouse_mutex_cancel(rouse_mutex *m, rouse_waiter *w) {
    ROUSE_CHECK_USE_(m, &m->queue_);
    ROUSE_CHECK_OWNED_(w, &m->queue_, m);
    return rouse_backend_cancel_(&m->queue_, w);
}

/* A snapshot. */
ROUSE_INLINE_ bool rouse_mutex_is_locked(const rouse_mutex *m) {
    ROUSE_CHECK_LOOK_(m, &m->queue_);
    return rouse_waiter_queue_balance(&m->queue_) <= 0;
}

/* How many wait for the mutex; a snapshot. */
ROUSE_INLINE_ uint32_t rouse_mutex_waiter_count(const rouse_mutex *m) {
    ROUSE_CHECK_LOOK_(m, &m->queue_);
    return rouse_backend_waiter_count_(&m->queue_);
}

/* Wakes all waiters with ROUSE_CLOSED; returns how many. From then on lock is ROUSE_CLOSED and try_lock
 * false. The holder, if there is one, keeps the mutex and unlocks as ever. */
ROUSE_INLINE_ uint32_t rouse_mutex_close(rouse_mutex *m) {
    ROUSE_CHECK_USE_(m, &m->queue_);
    return rouse_backend_close_(&m->queue_);
}

ROUSE_INLINE_ bool rouse_mutex_is_closed(const rouse_mutex *m) {
    ROUSE_CHECK_LOOK_(m, &m->queue_);
    return rouse_queue_closed_(&m->queue_);
}

/* From now on so many waiters at a time queue without allocating (LOCKFREE; ROUSE_NOMEM). */
ROUSE_INLINE_ rouse_status rouse_mutex_reserve(rouse_mutex *m, uint32_t waiters) {
    ROUSE_CHECK_USE_(m, &m->queue_);
    return rouse_backend_reserve_(&m->queue_, waiters);
}

/* Asks ROUSE_DEBUG to tell of a task that waits for itself: from now on rouse_mutex_lock and
 * rouse_mutex_lock_until abort when the waiter has the data (rouse_waiter_init) with which m is held. Without
 * ROUSE_DEBUG it does nothing.
 *
 * Ask only where one data means one task, which unlocks before it locks again; so not where coroutines
 * (rouse.hpp) lock m, or threads wait with it by rouse_condvar_wait_blocking: their data are addresses that
 * others use later. The data of whoever holds m by try_lock, an any or another blocking call is not known,
 * nor is data that is NULL.
 * Requires that no other call on m is in progress and nobody holds it or waits: after its init, before others
 * know it. */
ROUSE_INLINE_ void rouse_mutex_check_relock(rouse_mutex *m) {
    ROUSE_CHECK_USE_(m, &m->queue_);
    ROUSE_ASK_HOLDER_(&m->queue_);
    (void)m;
}

/* ---- throughput mode: semaphore.h says what it is, how to choose the bound, and what a waiter sees ----- */

#define ROUSE_MUTEX_INIT_THROUGHPUT(bypass) \
    { ROUSE_QUEUE_INIT_THROUGHPUT_(1, bypass) }

ROUSE_INLINE_ void rouse_mutex_init_throughput(rouse_mutex *m, uint32_t bypass) {
    ROUSE_CHECK_OBJECT_(m);
    rouse_queue_init_throughput_(&m->queue_, 1, bypass);
}

/* The answer to ROUSE_RETRY. ROUSE_OK: held, and w is out of the queue. ROUSE_PENDING: somebody was quicker;
 * w waits on, before all others. For a waiter whose wake said anything else: that outcome. As
 * rouse_semaphore_resume. */
ROUSE_NODISCARD_ ROUSE_INLINE_ rouse_status rouse_mutex_resume(rouse_mutex *m, rouse_waiter *w) {
    ROUSE_CHECK_USE_(m, &m->queue_);
    ROUSE_CHECK_OWNED_(w, &m->queue_, m);
    return rouse_queue_resume_(&m->queue_, w);
}

/* The other answer: w is yours again, and the turn goes to the next. */
ROUSE_INLINE_ void rouse_mutex_decline(rouse_mutex *m, rouse_waiter *w) {
    ROUSE_CHECK_USE_(m, &m->queue_);
    ROUSE_CHECK_OWNED_(w, &m->queue_, m);
    rouse_queue_decline_(&m->queue_, w);
}

#endif /* ROUSE_MUTEX_H */
