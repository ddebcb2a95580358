/* rouse/once.h: the task that comes first does something once; the others wait for it, and nobody blocks.
 *
 *     static rouse_once loaded = ROUSE_ONCE_INIT;
 *     ...
 *     switch (rouse_once_begin(&loaded, &task->waiter)) {
 *     case ROUSE_CLOSED:  use(task); break;                  // somebody has done it
 *     case ROUSE_OK:      start_loading(task); break;        // it is yours to do
 *     case ROUSE_PENDING: break;                             // wake will say which of the two
 *     default:            refuse(task); break;               // no memory
 *     }
 *     ...
 *     rouse_once_done(&loaded);                              // or rouse_once_failed: the next one tries
 *
 * The work may take any time and may end on any thread. rouse_once_done wakes all waiters with ROUSE_CLOSED,
 * and every later begin returns that. rouse_once_failed wakes only the oldest waiter, with ROUSE_OK; if
 * nobody waits, the next begin gets it.
 *
 * Ordering: what a thread did before rouse_once_done (or _failed) happens before whatever follows the
 * ROUSE_CLOSED (or ROUSE_OK) that this call led to.
 *
 * With LOCKFREE a signal handler may call rouse_once_done and rouse_once_failed.
 *
 * Cost: once the work is done, begin is one acquire load. */
#ifndef ROUSE_ONCE_H
#define ROUSE_ONCE_H

#include "waiter_queue.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct rouse_once {
    rouse_waiter_queue queue_; /* balance 1: nobody is doing it; closed: it is done */
} rouse_once;

/* The queue inside, for the headers that wait on it or look at it. */
#define ROUSE_ONCE_QUEUE_(o) (&(o)->queue_)

#define ROUSE_ONCE_INIT \
    { ROUSE_WAITER_QUEUE_INIT(1) }

/* Initialises a once that nobody has begun. */
ROUSE_INLINE_ void rouse_once_init(rouse_once *o) {
    ROUSE_CHECK_OBJECT_(o);
    (void)rouse_queue_init_(&o->queue_, 1);
}

/* Ends the object. LOCKFREE frees its heap memory.
 * Requires that no waiter is queued and no call is in progress, except the one that has woken the last waiter
 * and is still returning. */
ROUSE_INLINE_ void rouse_once_destroy(rouse_once *o) {
    ROUSE_CHECK_USE_(o, &o->queue_);
    ROUSE_CHECK_(rouse_backend_waiter_count_(&o->queue_) == 0, o, "waiters are queued");
    rouse_backend_destroy_(&o->queue_);
}

/* Returns whether the work is done. What came before rouse_once_done happens before whatever follows a true
 * answer. Cost: one acquire load. */
ROUSE_INLINE_ bool rouse_once_is_done(const rouse_once *o) {
    ROUSE_CHECK_LOOK_(o, &o->queue_);
    return rouse_queue_closed_(&o->queue_);
}

/* rouse_once_begin without checks. */
ROUSE_INLINE_ rouse_status rouse_once_begin_(rouse_once *o, rouse_waiter *w) {
    if (rouse_queue_closed_(&o->queue_)) {
        return ROUSE_CLOSED;
    }
    return rouse_queue_wait_(&o->queue_, w, 1);
}

/* Takes the work if nobody has begun it; waits if somebody else is doing it.
 * Returns
 *   ROUSE_CLOSED    the work is done
 *   ROUSE_OK        the work is yours; you must call rouse_once_done or rouse_once_failed
 *   ROUSE_PENDING   somebody else is doing it; wake will be called with ROUSE_CLOSED or ROUSE_OK
 *   ROUSE_OVERFLOW  16,777,215 wait already (MUTEX, SPIN)
 *   ROUSE_NOMEM     no memory to queue w (LOCKFREE only, unless reserved)
 * Wakes: w's wake runs on the thread that calls rouse_once_done or rouse_once_failed, or in its mailbox's
 * drain. */
ROUSE_NODISCARD_
ROUSE_INLINE_ rouse_status rouse_once_begin(rouse_once *o, rouse_waiter *w) {
    ROUSE_CHECK_USE_(o, &o->queue_);
    ROUSE_CHECK_IDLE_(w, o);
    return rouse_once_begin_(o, w);
}

/* Returns whether somebody is doing it. (If nobody is, it takes the turn and gives it back.) */
ROUSE_INLINE_ bool rouse_once_is_running_(rouse_once *o) {
    if (rouse_queue_closed_(&o->queue_)) {
        return false;
    }
    if (rouse_queue_try_wait_(&o->queue_, 1)) {
        (void)rouse_queue_give_back_(&o->queue_, 1, 1);
        return false;
    }
    return true;
}

/* Reports that the work is done, and wakes all waiters with ROUSE_CLOSED, on this thread.
 *   ROUSE_OK        reported
 *   ROUSE_INVALID   nobody is doing it, or it is done already; nothing changed, and ROUSE_DEBUG aborts
 * Requires that begin gave the work to the caller's task. */
ROUSE_INLINE_ rouse_status rouse_once_done(rouse_once *o) {
    bool running;
    ROUSE_CHECK_USE_(o, &o->queue_);
    running = rouse_once_is_running_(o);
    ROUSE_CHECK_(running, o, "nobody has begun it");
    if (!running) {
        return ROUSE_INVALID;
    }
    (void)rouse_backend_close_(&o->queue_);
    return ROUSE_OK;
}

/* Reports that the work failed: the oldest waiter, or else the next begin, gets ROUSE_OK and tries again. The
 * wake runs on this thread. Returns the same statuses as rouse_once_done. */
ROUSE_INLINE_ rouse_status rouse_once_failed(rouse_once *o) {
    rouse_status status = ROUSE_INVALID;
    ROUSE_CHECK_USE_(o, &o->queue_);
    if (!rouse_queue_closed_(&o->queue_)) {
        status = rouse_queue_give_back_(&o->queue_, 1, 1);
    }
    ROUSE_CHECK_(status == ROUSE_OK, o, "nobody has begun it");
    return status;
}

/* Takes `w` out of the queue.
 * Returns true: w is yours again, and its wake will never run. False: w has been woken or is being woken. If
 * its outcome is ROUSE_OK, the work is w's: do it, or hand it on with rouse_once_failed.
 * Requires that w was last queued on this once. */
ROUSE_NODISCARD_
ROUSE_INLINE_ bool rouse_once_cancel(rouse_once *o, rouse_waiter *w) {
    ROUSE_CHECK_USE_(o, &o->queue_);
    ROUSE_CHECK_OWNED_(w, &o->queue_, o);
    return rouse_backend_cancel_(&o->queue_, w);
}

/* Returns how many waiters are queued; a snapshot. */
ROUSE_INLINE_ uint32_t rouse_once_waiter_count(const rouse_once *o) {
    ROUSE_CHECK_LOOK_(o, &o->queue_);
    return rouse_backend_waiter_count_(&o->queue_);
}

/* Reserves memory so that up to `waiters` waits can queue at the same time without allocating. Returns
 * ROUSE_OK, or ROUSE_NOMEM (LOCKFREE only) if it could not get the memory; then it has reserved none. */
ROUSE_INLINE_ rouse_status rouse_once_reserve(rouse_once *o, uint32_t waiters) {
    ROUSE_CHECK_USE_(o, &o->queue_);
    return rouse_backend_reserve_(&o->queue_, waiters);
}

#endif /* ROUSE_ONCE_H */
