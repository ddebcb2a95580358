/* rouse/event.h: a manual-reset event: set lets everybody through until reset.
 *
 *     static rouse_event ready = ROUSE_EVENT_INIT;
 *     ...
 *     switch (rouse_event_wait(&ready, &request->waiter)) {
 *     case ROUSE_OK:      start(request); break;          // it was set
 *     case ROUSE_PENDING: break;                          // wake will call start
 *     default:            refuse(request); break;         // out of memory (LOCKFREE)
 *     }
 *     ...
 *     rouse_event_set(&ready);                            // wakes all of them
 *
 * Use an event for "started", for "stop now" (a cancellation token that is never reset) and for a result that
 * is delivered once. It remembers that it was set, not how often.
 *
 * Guarantees. set marks the event and wakes exactly those who wait, in one step: after `set; reset` every
 * earlier waiter is through, and no later one. wait checks the event and queues in one step, so it misses no
 * set. reset drops no waiter. What a thread did before a set happens before whatever follows a wait that this
 * set let through, and before whatever follows the reset that undid it.
 *
 * While an event stays set, a loop that waits for it never sleeps. So wait, reset, look at the work, and wait
 * again; or use notify.h, where a wait consumes the notification.
 *
 * With LOCKFREE a signal handler may call set and reset.
 *
 * The all-zero object is an event that is not set. Cost: wait when set, one acquire load; set with nobody
 * waiting and reset, one atomic read-modify-write each. */
#ifndef ROUSE_EVENT_H
#define ROUSE_EVENT_H

#include "config.h"
#include "detail/base/check.h"
#include "detail/wake/outcome.h"
#include "waiter.h"
#include "waiter_queue.h"
#if ROUSE_BACKEND != ROUSE_BACKEND_LOCAL
#    include "blocking.h"
#endif

#include <stdbool.h>
#include <stdint.h>

typedef struct rouse_event {
    rouse_waiter_queue queue_; /* closed: the event is set */
} rouse_event;

/* The queue inside, for the headers that wait on it or look at it. */
#define ROUSE_EVENT_QUEUE_(e) (&(e)->queue_)

/* An event that is not set. */
#define ROUSE_EVENT_INIT \
    { ROUSE_WAITER_QUEUE_INIT(0) }

/* Initialises an event that is not set. */
ROUSE_INLINE_ void rouse_event_init(rouse_event *e) {
    ROUSE_CHECK_OBJECT_(e);
    (void)rouse_queue_init_(&e->queue_, 0);
}

/* Ends the object. LOCKFREE frees its heap memory.
 * Requires that no waiter is queued and no call is in progress, except a set that has woken its last waiter
 * and is still returning. */
ROUSE_INLINE_ void rouse_event_destroy(rouse_event *e) {
    ROUSE_CHECK_USE_(e, &e->queue_);
    ROUSE_CHECK_(rouse_backend_waiter_count_(&e->queue_) == 0, e, "waiters are queued");
    rouse_backend_destroy_(&e->queue_);
}

/* Returns whether the event is set. What came before the set happens before whatever follows a true
 * answer. */
ROUSE_INLINE_ bool rouse_event_is_set(const rouse_event *e) {
    ROUSE_CHECK_LOOK_(e, &e->queue_);
    return rouse_queue_closed_(&e->queue_);
}

/* Sets the event and wakes all waiters with ROUSE_OK, in one step. Returns how many it woke; 0 if the event
 * was set already. Their wakes run on this thread. */
ROUSE_INLINE_ uint32_t rouse_event_set(rouse_event *e) {
    ROUSE_CHECK_USE_(e, &e->queue_);
    return rouse_queue_set_(&e->queue_);
}

/* Makes later waits wait. Returns whether the event was set. Queued waiters continue to wait. */
ROUSE_INLINE_ bool rouse_event_reset(rouse_event *e) {
    ROUSE_CHECK_USE_(e, &e->queue_);
    return rouse_queue_reset_(&e->queue_);
}

/* rouse_event_wait without checks. */
ROUSE_INLINE_ rouse_status rouse_event_wait_(rouse_event *e, rouse_waiter *w) {
    rouse_status status;
    if (rouse_queue_closed_(&e->queue_)) {
        return ROUSE_OK;
    }
    status = rouse_queue_wait_(&e->queue_, w, 1);
    return status == ROUSE_CLOSED ? ROUSE_OK : status; /* set since the look */
}

/* Waits until the event is set.
 *   ROUSE_OK        it is set
 *   ROUSE_PENDING   queued; the next set wakes w with ROUSE_OK
 *   ROUSE_OVERFLOW  16,777,215 wait already (MUTEX, SPIN)
 *   ROUSE_NOMEM     no memory to queue w (LOCKFREE only); nothing changed
 * Wakes: w's wake runs on the thread that sets the event, or in its mailbox's drain. */
ROUSE_NODISCARD_
ROUSE_INLINE_ rouse_status rouse_event_wait(rouse_event *e, rouse_waiter *w) {
    ROUSE_CHECK_USE_(e, &e->queue_);
    ROUSE_CHECK_IDLE_(w, e);
    return rouse_event_wait_(e, w);
}

/* Takes `w` out of the queue.
 * Returns true: w is yours again, and its wake will never run. False: w has been woken or is being woken.
 * Requires that w was last queued on this event. */
ROUSE_NODISCARD_
ROUSE_INLINE_ bool rouse_event_cancel(rouse_event *e, rouse_waiter *w) {
    ROUSE_CHECK_USE_(e, &e->queue_);
    ROUSE_CHECK_OWNED_(w, &e->queue_, e);
    return rouse_backend_cancel_(&e->queue_, w);
}

/* Returns how many waiters are queued; a snapshot. */
ROUSE_INLINE_ uint32_t rouse_event_waiter_count(const rouse_event *e) {
    ROUSE_CHECK_LOOK_(e, &e->queue_);
    return rouse_backend_waiter_count_(&e->queue_);
}

/* Reserves memory so that up to `waiters` waits can queue at the same time without allocating. Returns
 * ROUSE_OK, or ROUSE_NOMEM (LOCKFREE only) if it could not get the memory; then it has reserved none. */
ROUSE_INLINE_ rouse_status rouse_event_reserve(rouse_event *e, uint32_t waiters) {
    ROUSE_CHECK_USE_(e, &e->queue_);
    return rouse_backend_reserve_(&e->queue_, waiters);
}

#if ROUSE_BACKEND != ROUSE_BACKEND_LOCAL
ROUSE_INLINE_ rouse_status rouse_event_block_(rouse_event *e, uint64_t timeout_ns) {
    rouse_status status = ROUSE_OK;
    if (!rouse_queue_closed_(&e->queue_)) {
        status = rouse_block_on_queue_(&e->queue_, 1, timeout_ns, NULL);
    }
    return status == ROUSE_CLOSED ? ROUSE_OK : status;
}

/* Block a plain thread until the event is set, _timed for at most timeout_ns (blocking.h says what both
 * promise).
 *   ROUSE_OK         the event was set
 *   ROUSE_TIMEDOUT   the time was up; nothing changed
 *   ROUSE_NOMEM      no memory to queue (LOCKFREE only); nothing changed */
ROUSE_NODISCARD_
ROUSE_INLINE_ rouse_status rouse_event_wait_timed(rouse_event *e, uint64_t timeout_ns) {
    ROUSE_CHECK_USE_(e, &e->queue_);
    ROUSE_CHECK_(!rouse_deliver_inside_(), e, "blocking inside a wake");
    return rouse_event_block_(e, timeout_ns);
}
ROUSE_NODISCARD_
ROUSE_INLINE_ rouse_status rouse_event_wait_blocking(rouse_event *e) {
    ROUSE_CHECK_USE_(e, &e->queue_);
    ROUSE_CHECK_(!rouse_deliver_inside_(), e, "blocking inside a wake");
    return rouse_event_block_(e, UINT64_MAX);
}
#endif

#endif /* ROUSE_EVENT_H */
