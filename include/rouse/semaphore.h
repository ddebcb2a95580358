/* rouse/semaphore.h: a fair counting semaphore whose acquire never blocks.
 *
 * Limits how many may do a thing at once. What came before a release, in the thread that called it, happens
 * before what comes after the acquire that it satisfied.
 *
 *     static rouse_semaphore limit = ROUSE_SEMAPHORE_INIT(10);
 *     ...
 *     switch (rouse_semaphore_acquire(&limit, &request->waiter, 1)) {
 *     case ROUSE_OK:      start(request); break;          // it had a permit
 *     case ROUSE_PENDING: break;                          // wake will call start
 *     default:            refuse(request); break;         // closed, out of range, out of memory
 *     }
 *     ...
 *     rouse_semaphore_release(&limit, 1);                 // in start's completion
 *
 * Fairness: strictly first-in first-out, try_acquire included; a large request at the head is served before
 * smaller ones behind it. A policy over rouse_waiter_queue, whose header has the table of calls that may run
 * at the same time; cost: one atomic read-modify-write when nobody waits. */
#ifndef ROUSE_SEMAPHORE_H
#define ROUSE_SEMAPHORE_H

#include "waiter_queue.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct rouse_semaphore {
    rouse_waiter_queue queue_;
} rouse_semaphore;

/* Start with `permits` (at most ROUSE_MAX_PERMITS; more is cut to that, which only init can tell). */
#define ROUSE_SEMAPHORE_INIT(permits) \
    { ROUSE_WAITER_QUEUE_INIT(permits) }

/* ROUSE_OK; or ROUSE_INVALID for more than ROUSE_MAX_PERMITS, and then the semaphore has ROUSE_MAX_PERMITS.
 * Either way it may be used. */
static inline rouse_status rouse_semaphore_init(rouse_semaphore *s, uint32_t permits) {
    ROUSE_CHECK_OBJECT_(s);
    rouse_waiter_queue_init(&s->queue_, permits);
    return permits <= ROUSE_MAX_PERMITS ? ROUSE_OK : ROUSE_INVALID;
}

/* Nobody waits and nobody is calling; a release that has granted its last waiter may still be returning.
 * LOCKFREE gives its heap memory back. */
static inline void rouse_semaphore_destroy(rouse_semaphore *s) {
    ROUSE_CHECK_USE_(s, &s->queue_);
    ROUSE_CHECK_(rouse_backend_waiter_count_(&s->queue_) == 0, s, "waiters are queued");
    rouse_waiter_queue_destroy(&s->queue_);
}

/* Takes n permits, or queues `w` for them. ROUSE_OK, ROUSE_PENDING, ROUSE_CLOSED, ROUSE_INVALID
 * (n > ROUSE_MAX_PERMITS), ROUSE_OVERFLOW, ROUSE_NOMEM: see rouse_waiter_queue_wait. */
ROUSE_NODISCARD_
static inline rouse_status rouse_semaphore_acquire(rouse_semaphore *s, rouse_waiter *w, uint32_t n) {
    ROUSE_CHECK_USE_(s, &s->queue_);
    ROUSE_CHECK_IDLE_(w, s);
    return rouse_queue_wait_(&s->queue_, w, n);
}

/* Takes n permits if they are there and nobody waits. */
ROUSE_NODISCARD_
static inline bool rouse_semaphore_try_acquire(rouse_semaphore *s, uint32_t n) {
    ROUSE_CHECK_USE_(s, &s->queue_);
    return rouse_queue_try_wait_(&s->queue_, n);
}

/* Gives n permits, to the oldest waiters first. ROUSE_OVERFLOW: more than ROUSE_MAX_PERMITS would be free, so
 * nothing changed. ROUSE_INVALID: n > ROUSE_MAX_PERMITS. Any thread may release, not only who acquired. Until
 * a release of several that meets waiters returns, others may see a part of it: some waiters granted, the
 * rest not free yet. */
static inline rouse_status rouse_semaphore_release(rouse_semaphore *s, uint32_t n) {
    ROUSE_CHECK_USE_(s, &s->queue_);
    return rouse_queue_release_(&s->queue_, n);
}

/* Takes `w` out of the queue: true, and its wake will never run. False: it has been, or is being, woken. */
ROUSE_NODISCARD_
static inline bool rouse_semaphore_cancel(rouse_semaphore *s, rouse_waiter *w) {
    ROUSE_CHECK_USE_(s, &s->queue_);
    ROUSE_CHECK_OWNED_(w, &s->queue_, s);
    return rouse_backend_cancel_(&s->queue_, w);
}

/* Forgets up to n free permits, closed or not; returns how many. While anybody waits there are none: what is
 * released goes to the waiters. To lower a limit that is in use, take rouse_limit_set (limit.h). */
static inline uint32_t rouse_semaphore_reduce(rouse_semaphore *s, uint32_t n) {
    ROUSE_CHECK_USE_(s, &s->queue_);
    return rouse_queue_reduce_(&s->queue_, n);
}

/* Free permits; a snapshot. */
static inline uint32_t rouse_semaphore_available(const rouse_semaphore *s) {
    int64_t balance;
    ROUSE_CHECK_LOOK_(s, &s->queue_);
    balance = rouse_waiter_queue_balance(&s->queue_);
    if (balance < 0) {
        return 0;
    }
    return (uint32_t)balance;
}

/* How many wait; a snapshot. */
static inline uint32_t rouse_semaphore_waiter_count(const rouse_semaphore *s) {
    ROUSE_CHECK_LOOK_(s, &s->queue_);
    return rouse_backend_waiter_count_(&s->queue_);
}

/* Wakes all waiters with ROUSE_CLOSED; how many. Later acquires are ROUSE_CLOSED, permits free or not.
 * Release still works. */
static inline uint32_t rouse_semaphore_close(rouse_semaphore *s) {
    ROUSE_CHECK_USE_(s, &s->queue_);
    return rouse_backend_close_(&s->queue_);
}

static inline bool rouse_semaphore_is_closed(const rouse_semaphore *s) {
    ROUSE_CHECK_LOOK_(s, &s->queue_);
    return rouse_waiter_queue_is_closed(&s->queue_);
}

/* From now on so many waiters at a time queue for one permit each without allocating (LOCKFREE; ROUSE_NOMEM).
 */
static inline rouse_status rouse_semaphore_reserve(rouse_semaphore *s, uint32_t waiters) {
    ROUSE_CHECK_USE_(s, &s->queue_);
    return rouse_backend_reserve_(&s->queue_, waiters);
}

#endif /* ROUSE_SEMAPHORE_H */
