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
 * Fairness (throughput mode, below, is an exception with a bound): strictly first-in first-out, try_acquire
 * included; a large request at the head is served before smaller ones behind it. A policy over
 * rouse_waiter_queue, whose header has the table of calls that may run at the same time; cost: one atomic
 * read-modify-write when nobody waits. */
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
ROUSE_INLINE_ rouse_status rouse_semaphore_init(rouse_semaphore *s, uint32_t permits) {
    ROUSE_CHECK_OBJECT_(s);
    return rouse_waiter_queue_init(&s->queue_, permits);
}

/* Nobody waits and nobody is calling; a release that has granted its last waiter may still be returning.
 * LOCKFREE gives its heap memory back. */
ROUSE_INLINE_ void rouse_semaphore_destroy(rouse_semaphore *s) {
    ROUSE_CHECK_USE_(s, &s->queue_);
    ROUSE_CHECK_(rouse_backend_waiter_count_(&s->queue_) == 0, s, "waiters are queued");
    rouse_waiter_queue_destroy(&s->queue_);
}

/* Takes n permits, or queues `w` for them. ROUSE_OK, ROUSE_PENDING, ROUSE_CLOSED, ROUSE_INVALID
 * (n > ROUSE_MAX_PERMITS), ROUSE_OVERFLOW, ROUSE_NOMEM: see rouse_waiter_queue_wait. */
ROUSE_NODISCARD_
ROUSE_INLINE_ rouse_status rouse_semaphore_acquire(rouse_semaphore *s, rouse_waiter *w, uint32_t n) {
    ROUSE_CHECK_USE_(s, &s->queue_);
    ROUSE_CHECK_IDLE_(w, s);
    return rouse_queue_wait_(&s->queue_, w, n);
}

/* Takes n permits if they are there and nobody waits. */
ROUSE_NODISCARD_
ROUSE_INLINE_ bool rouse_semaphore_try_acquire(rouse_semaphore *s, uint32_t n) {
    ROUSE_CHECK_USE_(s, &s->queue_);
    return rouse_queue_try_wait_(&s->queue_, n);
}

/* Gives n permits, to the oldest waiters first. ROUSE_OVERFLOW: more than ROUSE_MAX_PERMITS would be free, so
 * nothing changed. ROUSE_INVALID: n > ROUSE_MAX_PERMITS. Any thread may release, not only who acquired. Until
 * a release of several that meets waiters returns, others may see a part of it: some waiters granted, the
 * rest not free yet. */
ROUSE_INLINE_ rouse_status rouse_semaphore_release(rouse_semaphore *s, uint32_t n) {
    ROUSE_CHECK_USE_(s, &s->queue_);
    return rouse_queue_release_(&s->queue_, n);
}

/* Takes `w` out of the queue: true, and its wake will never run. False: it has been, or is being, woken. */
ROUSE_NODISCARD_
ROUSE_INLINE_ bool rouse_semaphore_cancel(rouse_semaphore *s, rouse_waiter *w) {
    ROUSE_CHECK_USE_(s, &s->queue_);
    ROUSE_CHECK_OWNED_(w, &s->queue_, s);
    return rouse_backend_cancel_(&s->queue_, w);
}

/* Forgets up to n free permits, closed or not; returns how many. While anybody waits there are none: what is
 * released goes to the waiters. To lower a limit that is in use, take rouse_limit_set (limit.h). */
ROUSE_INLINE_ uint32_t rouse_semaphore_reduce(rouse_semaphore *s, uint32_t n) {
    ROUSE_CHECK_USE_(s, &s->queue_);
    return rouse_queue_reduce_(&s->queue_, n);
}

/* Free permits; a snapshot. */
ROUSE_INLINE_ uint32_t rouse_semaphore_available(const rouse_semaphore *s) {
    int64_t balance;
    ROUSE_CHECK_LOOK_(s, &s->queue_);
    balance = rouse_waiter_queue_balance(&s->queue_);
    if (balance < 0) {
        return 0;
    }
    return (uint32_t)balance;
}

/* How many wait; a snapshot. */
ROUSE_INLINE_ uint32_t rouse_semaphore_waiter_count(const rouse_semaphore *s) {
    ROUSE_CHECK_LOOK_(s, &s->queue_);
    return rouse_backend_waiter_count_(&s->queue_);
}

/* Wakes all waiters with ROUSE_CLOSED; how many. Later acquires are ROUSE_CLOSED, permits free or not.
 * Release still works. */
ROUSE_INLINE_ uint32_t rouse_semaphore_close(rouse_semaphore *s) {
    ROUSE_CHECK_USE_(s, &s->queue_);
    return rouse_backend_close_(&s->queue_);
}

ROUSE_INLINE_ bool rouse_semaphore_is_closed(const rouse_semaphore *s) {
    ROUSE_CHECK_LOOK_(s, &s->queue_);
    return rouse_waiter_queue_is_closed(&s->queue_);
}

/* From now on so many waiters at a time queue for one permit each without allocating (LOCKFREE;
 * ROUSE_NOMEM). */
ROUSE_INLINE_ rouse_status rouse_semaphore_reserve(rouse_semaphore *s, uint32_t waiters) {
    ROUSE_CHECK_USE_(s, &s->queue_);
    return rouse_backend_reserve_(&s->queue_, waiters);
}

/* ---- throughput mode --------------------------------------------------------------------------------------
 *
 * Newcomers may overtake waiters, up to a bound.
 *
 * A strict semaphore gives a released permit to the oldest waiter, whose thread may be asleep: where threads
 * contend, every section costs a task switch. In throughput mode a released permit stays there for whoever
 * comes first, while the oldest waiter is on its way; threads that are running need not wait for one that
 * sleeps. It is bounded: while anybody waits, newcomers (acquire, try_acquire) take at most `bypass` permits
 * in a row, then they queue, and the next permit is the oldest waiter's. A newcomer that asks for n counts n,
 * and takes only if that keeps the count at or below the bound; the count is 0 again when a waiter has got
 * in, and when nobody waits. So a waiter with p others before it is overtaken by (p + 1) * bypass permits at
 * most.
 *
 * How to choose the bound: the longest that the oldest waiter may be kept waiting, over the length of a
 * section; or ROUSE_BYPASS. 0 is strict. More than ROUSE_MAX_PERMITS is cut to that. Strict is the better
 * choice where the longest wait counts: with a bound of 1000, one acquire in a thousand waits as long as a
 * thousand sections take.
 *
 * What a waiter sees:
 *   of a mailbox     drain asks for it, and calls its wake with the outcome, as in strict mode.
 *   a blocked thread asks for itself: acquire_blocking and acquire_timed are used as in strict mode.
 *   without a wake   (polled) is not invited: it is granted in its turn.
 *   any other        wake(w, ROUSE_RETRY): nothing is yours yet; w is still queued, before all others. Call
 *                    rouse_semaphore_resume where the work would begin (in a run queue: when the task's turn
 *                    comes), or rouse_semaphore_decline. One of them is owed, as a release is owed after
 *                    ROUSE_OK: until then the turn is w's, and after `bypass` permits nobody gets in.
 *
 * A waiter that asks for several permits is given them as they come, and nobody overtakes it meanwhile; it is
 * invited for the last one. With several permits free, one waiter is invited at a time: when it has taken, it
 * invites the next, so that a burst of releases wakes sleeping threads one after another.
 *
 * Cancel:
 *   w is queued              true. Its wake will never run; what it had been given goes on
 *   w is told ROUSE_RETRY    (or about to be) false. After its wake: decline, or resume
 *   w is in its mailbox      false, and its status is ROUSE_CANCELLED at once; its wake says ROUSE_CANCELLED
 *                            in the next drain. The turn has gone to the next; the semaphore may be
 *                            destroyed at once
 *   drain is asking for w    waits for those few instructions; then true as if queued, or false with the
 *                            outcome in its status
 * Close wakes the queued waiters. A waiter that is invited learns it from resume or from drain, and is not
 * counted in what close returns. waiter_count counts it; available is what is free for the next to come.
 *
 * LOCAL takes the bound for 0: it is strict. LOCKFREE has the mode, with these differences: the bound is at
 * most 8191; a waiter for several permits is not invited but granted, in its turn; past 65,535 free permits
 * one is kept for the invited waiter; waiter_count does not count an invited waiter after close. */

/* Start with `permits` (at most ROUSE_MAX_PERMITS; more is cut to that), in throughput mode. */
#define ROUSE_SEMAPHORE_INIT_THROUGHPUT(permits, bypass) \
    { ROUSE_QUEUE_INIT_THROUGHPUT_(permits, bypass) }

/* As rouse_semaphore_init. */
ROUSE_INLINE_ rouse_status rouse_semaphore_init_throughput(rouse_semaphore *s, uint32_t permits,
                                                           uint32_t bypass) {
    ROUSE_CHECK_OBJECT_(s);
    rouse_queue_init_throughput_(&s->queue_, permits, bypass);
    return permits <= ROUSE_MAX_PERMITS ? ROUSE_OK : ROUSE_INVALID;
}

/* The answer to ROUSE_RETRY, once for each, on any thread, inside the wake too.
 *   ROUSE_OK       it is yours; w is out of the queue
 *   ROUSE_PENDING  somebody was quicker; w waits on, before all others, and wake will be called again
 *   ROUSE_CLOSED   the semaphore was closed; w is out of the queue
 * For a waiter whose wake said anything but ROUSE_RETRY it returns that outcome and changes nothing. Others'
 * wakes may run inside. Cost: one atomic read-modify-write and a store (MUTEX: under the mutex). */
ROUSE_NODISCARD_ ROUSE_INLINE_ rouse_status rouse_semaphore_resume(rouse_semaphore *s, rouse_waiter *w) {
    ROUSE_CHECK_USE_(s, &s->queue_);
    ROUSE_CHECK_OWNED_(w, &s->queue_, s);
    return rouse_queue_resume_(&s->queue_, w);
}

/* The other answer: w is yours again, and the turn goes to the next, whose wake may run inside. */
ROUSE_INLINE_ void rouse_semaphore_decline(rouse_semaphore *s, rouse_waiter *w) {
    ROUSE_CHECK_USE_(s, &s->queue_);
    ROUSE_CHECK_OWNED_(w, &s->queue_, s);
    rouse_queue_decline_(&s->queue_, w);
}

#endif /* ROUSE_SEMAPHORE_H */
