/* rouse/blocking.h: for plain threads: wait by blocking. The only header that may park a thread.
 *
 * The thread queues like any other waiter, in the same order, and sleeps until it is woken. Time-outs are
 * relative, in nanoseconds: 0 is "OK if it can be had at once, else ROUSE_TIMEDOUT", UINT64_MAX is "for
 * ever". A time-out that loses to a grant reports the grant. ROUSE_TIMEDOUT changes nothing.
 *
 * May return ROUSE_NOMEM with LOCKFREE unless reserved; ROUSE_CLOSED, ROUSE_INVALID, ROUSE_OVERFLOW as the
 * call that does not block. Not inside a wake (ROUSE_DEBUG aborts): the thread would sleep on what only it
 * can deliver. */
#ifndef ROUSE_BLOCKING_H
#define ROUSE_BLOCKING_H

#include "detail/base/park.h"
#include "mutex.h"
#include "notify.h"
#include "semaphore.h"
#include "waiter_queue.h"

#include <stdint.h>

static inline void rouse_unpark_waiter_(rouse_waiter *w, rouse_status status) {
    (void)status;
    rouse_unpark_((rouse_parker_ *)rouse_waiter_data(w));
}

/* Queues, sleeps, and on a time-out takes itself out again. */
static ROUSE_SLOW_ rouse_status rouse_block_(rouse_waiter_queue *q, uint32_t n, uint64_t timeout_ns) {
    rouse_parker_ parker;
    rouse_waiter w;
    rouse_status status;
    if (timeout_ns == 0) {
        return rouse_waiter_queue_is_closed(q) ? ROUSE_CLOSED : ROUSE_TIMEDOUT;
    }
    rouse_parker_init_(&parker);
    rouse_waiter_init(&w, rouse_unpark_waiter_, &parker);
    status = rouse_waiter_queue_wait(q, &w, n);
    if (status == ROUSE_PENDING) {
        const uint64_t deadline =
            timeout_ns == ROUSE_FOREVER_ ? ROUSE_FOREVER_ : rouse_sum_(rouse_now_(), timeout_ns);
        if (rouse_park_(&parker, deadline)) {
            status = rouse_waiter_status(&w);
        } else if (rouse_waiter_queue_cancel(q, &w)) {
            status = ROUSE_TIMEDOUT;
        } else {
            /* The grant won: the waiter and the parker are in use until its wake has run. */
            (void)rouse_park_(&parker, ROUSE_FOREVER_);
            status = rouse_waiter_status(&w);
        }
    }
    rouse_parker_destroy_(&parker);
    return status;
}

static inline rouse_status rouse_wait_for_(rouse_waiter_queue *q, uint32_t n, uint64_t timeout_ns) {
    if (n > ROUSE_MAX_PERMITS) {
        return ROUSE_INVALID;
    }
    return rouse_waiter_queue_try_wait(q, n) ? ROUSE_OK : rouse_block_(q, n, timeout_ns);
}

static inline rouse_status rouse_semaphore_acquire_timed(rouse_semaphore *s, uint32_t n,
                                                         uint64_t timeout_ns) {
    ROUSE_CHECK_OBJECT_(s);
    ROUSE_CHECK_(!rouse_deliver_inside_(), s, "blocking inside a wake");
    return rouse_wait_for_(&s->queue_, n, timeout_ns);
}
static inline rouse_status rouse_semaphore_acquire_blocking(rouse_semaphore *s, uint32_t n) {
    ROUSE_CHECK_OBJECT_(s);
    ROUSE_CHECK_(!rouse_deliver_inside_(), s, "blocking inside a wake");
    return rouse_wait_for_(&s->queue_, n, ROUSE_FOREVER_);
}

static inline rouse_status rouse_notify_wait_timed(rouse_notify *n, uint64_t timeout_ns) {
    ROUSE_CHECK_OBJECT_(n);
    ROUSE_CHECK_(!rouse_deliver_inside_(), n, "blocking inside a wake");
    return rouse_wait_for_(&n->queue_, 1, timeout_ns);
}
static inline rouse_status rouse_notify_wait_blocking(rouse_notify *n) {
    ROUSE_CHECK_OBJECT_(n);
    ROUSE_CHECK_(!rouse_deliver_inside_(), n, "blocking inside a wake");
    return rouse_wait_for_(&n->queue_, 1, ROUSE_FOREVER_);
}

static inline rouse_status rouse_mutex_lock_timed(rouse_mutex *m, uint64_t timeout_ns) {
    ROUSE_CHECK_OBJECT_(m);
    ROUSE_CHECK_(!rouse_deliver_inside_(), m, "blocking inside a wake");
    return rouse_wait_for_(&m->queue_, 1, timeout_ns);
}
static inline rouse_status rouse_mutex_lock_blocking(rouse_mutex *m) {
    ROUSE_CHECK_OBJECT_(m);
    ROUSE_CHECK_(!rouse_deliver_inside_(), m, "blocking inside a wake");
    return rouse_wait_for_(&m->queue_, 1, ROUSE_FOREVER_);
}

#endif /* ROUSE_BLOCKING_H */
