/* rouse/semaphore.h: a fair counting semaphore whose acquire never blocks.
 *
 * Limits how many may do a thing at once.
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
 * Guarantees.
 *   Order    Waiters are served strictly first-in first-out, and try_acquire never overtakes them: a large
 *            request at the head is served before smaller ones behind it. Throughput mode (below) lets
 *            newcomers overtake, up to a bound.
 *   Memory   What a thread did before a release happens before what follows the acquire that the release
 *            satisfied.
 *   Threads  Any thread may call anything at any time, except init and destroy; waiter_queue.h has the table.
 *   Cost     One atomic read-modify-write for acquire and for release when nobody waits. */
#ifndef ROUSE_SEMAPHORE_H
#define ROUSE_SEMAPHORE_H

#include "waiter_queue.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct rouse_semaphore {
    rouse_waiter_queue queue_;
} rouse_semaphore;

/* The queue inside, for the headers that wait on it or look at it. */
#define ROUSE_SEMAPHORE_QUEUE_(s) (&(s)->queue_)

/* A semaphore with `permits` free. More than ROUSE_MAX_PERMITS is cut to that; only init can report it. */
#define ROUSE_SEMAPHORE_INIT(permits) \
    { ROUSE_WAITER_QUEUE_INIT(permits) }

/* Initialises the semaphore with `permits` free. It may be used whatever this returns.
 *   ROUSE_OK        it has them
 *   ROUSE_INVALID   permits > ROUSE_MAX_PERMITS; it has ROUSE_MAX_PERMITS */
ROUSE_INLINE_ rouse_status rouse_semaphore_init(rouse_semaphore *s, uint32_t permits) {
    ROUSE_CHECK_OBJECT_(s);
    return rouse_waiter_queue_init(&s->queue_, permits);
}

/* Ends the semaphore. LOCKFREE frees its heap memory.
 * Requires that no waiter is queued and no call is in progress, except a release that has granted its last
 * waiter and is still returning. */
ROUSE_INLINE_ void rouse_semaphore_destroy(rouse_semaphore *s) {
    ROUSE_CHECK_USE_(s, &s->queue_);
    ROUSE_CHECK_(rouse_backend_waiter_count_(&s->queue_) == 0, s, "waiters are queued");
    rouse_backend_destroy_(&s->queue_);
}

/* Takes n permits if they are free and nobody waits; otherwise queues `w` for them. Never blocks.
 * Returns
 *   ROUSE_OK        the n permits are yours; w was not queued (n == 0: always)
 *   ROUSE_PENDING   w is queued behind all earlier waiters; its wake gets the outcome: ROUSE_OK once it has
 *                   all n, or ROUSE_CLOSED
 *   ROUSE_CLOSED    the semaphore is closed
 *   ROUSE_INVALID   n > ROUSE_MAX_PERMITS
 *   ROUSE_OVERFLOW  too many wait: 16,777,215, or together for 2^40 permits (not LOCKFREE)
 *   ROUSE_NOMEM     no memory to queue w (LOCKFREE only)
 * Requires that w is initialised and not queued. After ROUSE_PENDING w must stay where it is until its wake
 * has been called or cancel has returned true; any other answer leaves w yours.
 * Wakes: w's wake runs on the thread whose release, cancel or close makes it due, perhaps before this call
 * returns; or in its mailbox's drain. No wake runs inside this call.
 * Cost: one atomic read-modify-write when the permits are free; queueing allocates only with LOCKFREE. */
ROUSE_NODISCARD_
ROUSE_INLINE_ rouse_status rouse_semaphore_acquire(rouse_semaphore *s, rouse_waiter *w, uint32_t n) {
    ROUSE_CHECK_USE_(s, &s->queue_);
    ROUSE_CHECK_IDLE_(w, s);
    return rouse_queue_wait_(&s->queue_, w, n);
}

/* Takes n permits if they are free and nobody waits. Returns whether it took them; n == 0: true. Never
 * queues. Cost: one atomic read-modify-write. */
ROUSE_NODISCARD_
ROUSE_INLINE_ bool rouse_semaphore_try_acquire(rouse_semaphore *s, uint32_t n) {
    ROUSE_CHECK_USE_(s, &s->queue_);
    return rouse_queue_try_wait_(&s->queue_, n);
}

/* Gives n permits: to the oldest waiters first, and the rest become free. Any thread may release, whether or
 * not it acquired.
 * Returns
 *   ROUSE_OK        done
 *   ROUSE_OVERFLOW  more than ROUSE_MAX_PERMITS would be free; nothing changed
 *   ROUSE_INVALID   n > ROUSE_MAX_PERMITS; nothing changed
 * Wakes: the waiters that it grants, on this thread, before it returns; in a wake, after that wake; those of
 * a mailbox in its drain. The semaphore may be destroyed as soon as its last waiter has been granted.
 * While a release of several permits that meets waiters is in progress, other threads may see a part of it:
 * some waiters granted, the rest not free yet.
 * Cost: one atomic read-modify-write when nobody waits. */
ROUSE_INLINE_ rouse_status rouse_semaphore_release(rouse_semaphore *s, uint32_t n) {
    ROUSE_CHECK_USE_(s, &s->queue_);
    return rouse_queue_release_(&s->queue_, n);
}

/* Takes `w` out of the queue. Permits that it had been given go to the waiters behind it, whose wakes may run
 * on this thread.
 * Returns true: w is yours again, and its wake will never run. False: w has been woken or is being woken
 * (waiter.h says when w is yours again); if its outcome is ROUSE_OK, the permits are yours to release.
 * Requires that w was last queued on this semaphore. */
ROUSE_NODISCARD_
ROUSE_INLINE_ bool rouse_semaphore_cancel(rouse_semaphore *s, rouse_waiter *w) {
    ROUSE_CHECK_USE_(s, &s->queue_);
    ROUSE_CHECK_OWNED_(w, &s->queue_, s);
    return rouse_backend_cancel_(&s->queue_, w);
}

/* Removes up to n free permits, closed or not. Returns how many. While anybody waits no permit is free, so it
 * removes none. To lower a limit that is in use, take rouse_limit_set (limit.h). */
ROUSE_INLINE_ uint32_t rouse_semaphore_reduce(rouse_semaphore *s, uint32_t n) {
    ROUSE_CHECK_USE_(s, &s->queue_);
    return rouse_queue_reduce_(&s->queue_, n);
}

/* Returns how many permits are free; a snapshot. */
ROUSE_INLINE_ uint32_t rouse_semaphore_available(const rouse_semaphore *s) {
    int64_t balance;
    ROUSE_CHECK_LOOK_(s, &s->queue_);
    balance = rouse_waiter_queue_balance(&s->queue_);
    if (balance < 0) {
        return 0;
    }
    return (uint32_t)balance;
}

/* Returns how many waiters are queued; a snapshot. */
ROUSE_INLINE_ uint32_t rouse_semaphore_waiter_count(const rouse_semaphore *s) {
    ROUSE_CHECK_LOOK_(s, &s->queue_);
    return rouse_backend_waiter_count_(&s->queue_);
}

/* Closes the semaphore: wakes all waiters with ROUSE_CLOSED, on this thread, and makes every later acquire
 * return ROUSE_CLOSED, whether or not permits are free. Release still works. Returns how many it woke. */
ROUSE_INLINE_ uint32_t rouse_semaphore_close(rouse_semaphore *s) {
    ROUSE_CHECK_USE_(s, &s->queue_);
    return rouse_backend_close_(&s->queue_);
}

/* Returns whether the semaphore is closed. What came before the close happens before what follows a true
 * answer. */
ROUSE_INLINE_ bool rouse_semaphore_is_closed(const rouse_semaphore *s) {
    ROUSE_CHECK_LOOK_(s, &s->queue_);
    return rouse_queue_closed_(&s->queue_);
}

/* Reserves memory so that up to `waiters` single-permit waits can queue at the same time without allocating.
 * Returns ROUSE_OK, or ROUSE_NOMEM (LOCKFREE only): it could not have the memory, and has kept none. */
ROUSE_INLINE_ rouse_status rouse_semaphore_reserve(rouse_semaphore *s, uint32_t waiters) {
    ROUSE_CHECK_USE_(s, &s->queue_);
    return rouse_backend_reserve_(&s->queue_, waiters);
}

/* ---- throughput mode --------------------------------------------------------------------------------------
 *
 * Newcomers may overtake waiters, up to a bound.
 *
 * A strict semaphore gives a released permit to the oldest waiter, whose thread may be asleep: where threads
 * contend, every section costs a task switch. In throughput mode a released permit stays free for whichever
 * thread comes first, while the oldest waiter is on its way, so running threads do not wait for a sleeping
 * one.
 *
 * The bound: while anybody waits, newcomers (acquire, try_acquire) take at most `bypass` permits in a row.
 * Then they queue, and the next permit is the oldest waiter's. A newcomer that asks for n counts n, and takes
 * only if that keeps the count at or below the bound. The count returns to 0 when the oldest waiter has got
 * in, and when nobody waits. So a waiter with p others before it is overtaken by at most (p + 1) * bypass
 * permits.
 *
 * How to choose the bound: divide the longest that the oldest waiter may be kept waiting by the length of a
 * section; or take ROUSE_BYPASS. 0 is strict. More than ROUSE_MAX_PERMITS is cut to that. Strict mode is the
 * better choice where the longest wait counts: with a bound of 1000, one acquire in a thousand waits as long
 * as a thousand sections take.
 *
 * What a waiter sees:
 *   on a mailbox     drain asks for the permit, and calls the wake with the outcome, as in strict mode.
 *   a blocked thread asks for itself: use acquire_blocking and acquire_timed as in strict mode.
 *   without a wake   (polled): it is not invited but granted in its turn.
 *   any other        wake(w, ROUSE_RETRY): nothing is yours yet; w is still queued, before all others. Call
 *                    rouse_semaphore_resume where the work would begin (in a run queue: when the task's turn
 *                    comes), or rouse_semaphore_decline. You must call one of them, as you must release after
 *                    ROUSE_OK: until then the turn is w's, and after `bypass` permits nobody gets in.
 *
 * A waiter that asks for several permits is given them as they come, and nobody overtakes it meanwhile; it is
 * invited for the last one. With several permits free, as many waiters are invited, oldest first: at most 14
 * at a time, each with a wake and asking for one permit. Whichever asks first gets in first; one that finds
 * nothing free waits on before all that came after it. LOCKFREE invites one at a time: when that one has
 * taken, it invites the next, so a burst of releases wakes sleeping threads one after another.
 *
 * Cancel:
 *   w is queued              true. Its wake will never run; what it had been given goes to the next waiter
 *   w is told ROUSE_RETRY    (or about to be) false. After its wake, call decline or resume
 *   w is in its mailbox      false, and its status is ROUSE_CANCELLED at once; its wake says ROUSE_CANCELLED
 *                            in the next drain. The turn has gone to the next; the semaphore may be
 *                            destroyed at once
 *   drain is asking for w    waits for those few instructions; then true as if queued, or false with the
 *                            outcome in its status
 * Close wakes the queued waiters. An invited waiter learns from resume or from drain that the semaphore is
 * closed, and close does not count it in what it returns. waiter_count counts it; available is what the next
 * newcomer could take.
 *
 * A waiter for more than ROUSE_MAX_PERMITS - 14 is not invited but granted, in its turn.
 *
 * LOCAL ignores the bound and is strict. LOCKFREE has the mode, with these differences: the bound is at most
 * 8191; a waiter for several permits is not invited but granted, in its turn; once more than 65,535 permits
 * are free newcomers take none until the invited waiter has answered; waiter_count does not count an invited
 * waiter after close. */

/* A semaphore in throughput mode with `permits` free. More than ROUSE_MAX_PERMITS is cut to that. */
#define ROUSE_SEMAPHORE_INIT_THROUGHPUT(permits, bypass) \
    { ROUSE_QUEUE_INIT_THROUGHPUT_(permits, bypass) }

/* Initialises the semaphore in throughput mode. Returns as rouse_semaphore_init. */
ROUSE_INLINE_ rouse_status rouse_semaphore_init_throughput(rouse_semaphore *s, uint32_t permits,
                                                           uint32_t bypass) {
    ROUSE_CHECK_OBJECT_(s);
    rouse_queue_init_throughput_(&s->queue_, permits, bypass);
    return permits <= ROUSE_MAX_PERMITS ? ROUSE_OK : ROUSE_INVALID;
}

/* Asks for the permits after a wake with ROUSE_RETRY. Call it once for each ROUSE_RETRY, on any thread; the
 * wake itself may call it.
 * Returns
 *   ROUSE_OK       the permits are yours; w is out of the queue
 *   ROUSE_PENDING  others were quicker; w still waits, before all others, and wake will be called again
 *   ROUSE_CLOSED   the semaphore was closed; w is out of the queue
 * For a waiter whose wake had any other outcome it returns that outcome and changes nothing.
 * Wakes of other waiters may run on this thread.
 * Cost: one atomic read-modify-write and a store (MUTEX: under the mutex). */
ROUSE_NODISCARD_ ROUSE_INLINE_ rouse_status rouse_semaphore_resume(rouse_semaphore *s, rouse_waiter *w) {
    ROUSE_CHECK_USE_(s, &s->queue_);
    ROUSE_CHECK_OWNED_(w, &s->queue_, s);
    return rouse_queue_resume_(&s->queue_, w);
}

/* Gives up after a wake with ROUSE_RETRY: w is yours again, and the turn goes to the next waiter, whose wake
 * may run on this thread. */
ROUSE_INLINE_ void rouse_semaphore_decline(rouse_semaphore *s, rouse_waiter *w) {
    ROUSE_CHECK_USE_(s, &s->queue_);
    ROUSE_CHECK_OWNED_(w, &s->queue_, s);
    rouse_queue_decline_(&s->queue_, w);
}

#endif /* ROUSE_SEMAPHORE_H */
