/* rouse/semaphore.h: a fair counting semaphore whose acquire never blocks.
 *
 * It limits how many tasks may do something at the same time.
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
 * Order: waiters are served strictly first-in first-out, and try_acquire never overtakes them: a large
 * request at the head is served before smaller ones behind it. Throughput mode (below) lets newcomers
 * overtake, up to a bound.
 *
 * Memory ordering: what a thread did before a release happens before whatever follows the acquire that the
 * release satisfied.
 *
 * Threads: any thread may call anything at any time, except init and destroy; waiter_queue.h has the table.
 *
 * Cost: one atomic read-modify-write for acquire and for release when nobody waits. */
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

/* A semaphore with `permits` free permits, at most ROUSE_MAX_PERMITS. Only init can report that there were
 * more. */
#define ROUSE_SEMAPHORE_INIT(permits) \
    { ROUSE_WAITER_QUEUE_INIT(permits) }

/* Initialises the semaphore with `permits` free permits. It is usable whatever this returns.
 *   ROUSE_OK        done
 *   ROUSE_INVALID   permits > ROUSE_MAX_PERMITS; the semaphore has ROUSE_MAX_PERMITS */
ROUSE_INLINE_ rouse_status rouse_semaphore_init(rouse_semaphore *s, uint32_t permits) {
    ROUSE_CHECK_OBJECT_(s);
    return rouse_queue_init_(&s->queue_, permits);
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
 *   ROUSE_OVERFLOW  16,777,215 waiters are queued, or all of them would lack 2^40 permits (MUTEX, SPIN)
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
 * Wakes: the wakes of the waiters that it grants run on this thread before it returns; inside a wake, after
 * that wake; for waiters on a mailbox, in its drain. You may destroy the semaphore as soon as its last waiter
 * has been granted. While a release of several permits serves waiters, other threads may see it half done:
 * some waiters granted, the rest not free yet.
 * Limit (LOCKFREE): keep the permits that are free, held and given to waiters at ROUSE_MAX_PERMITS or fewer.
 * With more, calls under way at the same time may bring back more than there is room for, when it is too late
 * to refuse them: what would make more than 2^30 - 1 free (throughput mode: 2^29 - 1) is dropped.
 * Cost: one atomic read-modify-write when nobody waits. */
ROUSE_INLINE_ rouse_status rouse_semaphore_release(rouse_semaphore *s, uint32_t n) {
    ROUSE_CHECK_USE_(s, &s->queue_);
    return rouse_queue_release_(&s->queue_, n);
}

/* Takes `w` out of the queue. Permits that w had been given go to the waiters behind it, whose wakes may run
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

/* Removes up to n free permits, even if the semaphore is closed. Returns how many. While anybody waits no
 * permit is free, so it removes none. To lower a limit below what is in use, call rouse_limit_set
 * (limit.h). */
ROUSE_INLINE_ uint32_t rouse_semaphore_reduce(rouse_semaphore *s, uint32_t n) {
    ROUSE_CHECK_USE_(s, &s->queue_);
    return rouse_queue_reduce_(&s->queue_, n);
}

/* Returns how many permits are free; a snapshot. */
ROUSE_INLINE_ uint32_t rouse_semaphore_available(const rouse_semaphore *s) {
    int64_t balance;
    ROUSE_CHECK_LOOK_(s, &s->queue_);
    balance = rouse_queue_balance_(&s->queue_);
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
 * Returns ROUSE_OK, or ROUSE_NOMEM (LOCKFREE only) if it could not get the memory; then it has reserved
 * none. */
ROUSE_INLINE_ rouse_status rouse_semaphore_reserve(rouse_semaphore *s, uint32_t waiters) {
    ROUSE_CHECK_USE_(s, &s->queue_);
    return rouse_backend_reserve_(&s->queue_, waiters);
}

/* ---- throughput mode --------------------------------------------------------------------------------------
 *
 * Newcomers may overtake waiters, up to a bound.
 *
 * A strict semaphore gives a released permit to the oldest waiter, whose thread may be asleep. So where
 * threads contend, every section costs a task switch. In throughput mode a released permit stays free for
 * whichever thread comes first while the oldest waiter wakes up, so running threads do not wait for a
 * sleeping one.
 *
 * The bound: while anybody waits, newcomers (acquire, try_acquire) take at most `bypass` permits in a row.
 * Then they queue, and the next permit goes to the oldest waiter. A newcomer that asks for n adds n to the
 * count, and takes them only if the count stays within the bound. The count returns to 0 when the oldest
 * waiter gets its permit, and when nobody waits. So at most (p + 1) * bypass permits overtake a waiter with p
 * others before it.
 *
 * How to choose the bound: divide the longest time that you can let the oldest waiter wait by the length of a
 * section; or take ROUSE_BYPASS. 0 is strict. The largest bound is ROUSE_MAX_PERMITS. Strict mode is the
 * better choice where the longest wait matters: with a bound of 1000, one acquire in a thousand waits as long
 * as a thousand sections take.
 *
 * What a waiter sees:
 *   on a mailbox     drain asks for the permit and calls wake with the outcome, as in strict mode.
 *   a blocked thread asks for itself: use acquire_blocking and acquire_timed as in strict mode.
 *   without a wake   (polled) it is granted in its turn and never invited.
 *   any other        wake(w, ROUSE_RETRY), an invitation: nothing is yours yet, and w is still queued, before
 *                    all others. Call rouse_semaphore_resume where the work would begin (in a run queue: when
 *                    the task's turn comes), or rouse_semaphore_decline. You must call one of them, just as
 *                    you must release after ROUSE_OK: until then the turn is w's, and after bypass permits
 *                    nobody gets in.
 *
 * A waiter that asks for several permits gets them as they come, and nobody overtakes it meanwhile; it is
 * invited for the last one. If several permits are free, several waiters are invited, oldest first: at most
 * 14 at a time, each with a wake and asking for one permit. Whichever asks first gets in first. One that
 * finds nothing free keeps its place, before all that came after it. LOCKFREE invites one waiter at a time
 * and the next when that one has taken its permit, so a burst of releases wakes sleeping threads one after
 * another.
 *
 * Acquire and resume linger before they queue w: they look again after 16 pauses. So a thread that comes
 * while another is in a short section need not sleep. If nothing has changed by then, the holder of the
 * permit probably has no processor, so the call yields its own, up to 4 times, and looks again 16 pauses
 * after each yield. So it does at the bound, where the permit waits for the invited waiter's thread. It
 * yields only where lingering has paid: one of the last 17 threads that lingered saw a change. Cost: 16
 * pauses each time that w queues (0.25 us where a pause is 15 ns, up to 1 us where it is long), at most 80
 * and 4 yields where it yields. Where lingering keeps failing, the semaphore does it less often, down to one
 * time in 65; on one thread it always fails, so these calls never yield there. A polled waiter and
 * try_acquire do not linger. Below 16, ROUSE_SPIN_LIMIT is the number of pauses, and no call yields.
 *
 * Cancel:
 *   w is queued              true: its wake will never run; what it had been given goes to the next waiter
 *   w gets ROUSE_RETRY       or is about to: false. Once its wake has begun, call decline or resume
 *   w is in its mailbox      false: its status is ROUSE_CANCELLED at once, and its wake gets ROUSE_CANCELLED
 *                            in the next drain. The turn has gone to the next waiter, and you may destroy
 *                            the semaphore at once; so may that wake, while cancel is still returning
 *   drain is asking for w    waits for those few instructions; then true as if queued, or false with the
 *                            outcome in its status
 * Close wakes the queued waiters. An invited waiter learns from resume or from drain that the semaphore is
 * closed; the number that close returns does not include it. waiter_count includes invited waiters; available
 * is what the next newcomer could take. Until an invited waiter resumes, its permit counts as free, for
 * ROUSE_OVERFLOW too.
 *
 * A waiter for more than ROUSE_MAX_PERMITS - 14 permits is granted in its turn and never invited.
 *
 * With MUTEX and LOCKFREE the call with which the last waiter gets in or gives up has what else is free in
 * its hands for a few instructions. A newcomer that comes then queues, and is granted when they are over; its
 * try_acquire returns false.
 *
 * LOCAL ignores the bound and is strict. LOCKFREE differs in four ways. The bound is at most 8191. A waiter
 * for several permits is granted in its turn and never invited. While more than 65,535 permits are free,
 * newcomers take none until the invited waiter has answered. After close, waiter_count does not include an
 * invited waiter. */

/* A semaphore in throughput mode with `permits` free permits, at most ROUSE_MAX_PERMITS. */
#define ROUSE_SEMAPHORE_INIT_THROUGHPUT(permits, bypass) \
    { ROUSE_QUEUE_INIT_THROUGHPUT_(permits, bypass) }

/* Initialises the semaphore in throughput mode. Returns the same statuses as rouse_semaphore_init. */
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
 *   ROUSE_PENDING  others were quicker; w keeps its place, before all others, and will be woken again
 *   ROUSE_CLOSED   the semaphore was closed; w is out of the queue
 * If w's wake got any other status, it returns that status and changes nothing.
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
