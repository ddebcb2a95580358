/* rouse/mutex.h: a fair mutex whose lock never blocks.
 *
 *     switch (rouse_mutex_lock(&m, &task->waiter)) {
 *     case ROUSE_OK:      run(task); break;               // it holds the mutex
 *     case ROUSE_PENDING: break;                          // it holds it when wake runs
 *     default:            refuse(task); break;            // closed, out of memory
 *     }
 *     ...
 *     rouse_mutex_unlock(&m);                             // on any thread
 *
 * The holder is a task, not a thread: any thread may unlock.
 *
 * Order: unlock hands the mutex to the oldest waiter, so a newcomer never overtakes. Throughput mode (below)
 * lets newcomers overtake, up to a bound.
 *
 * Memory ordering: what a thread did before an unlock happens before whatever follows the lock that it
 * satisfied.
 *
 * Threads: any thread may call anything at any time, except init and destroy; waiter_queue.h has the table.
 *
 * Cost: one atomic read-modify-write for lock and for unlock when nobody waits. */
#ifndef ROUSE_MUTEX_H
#define ROUSE_MUTEX_H

#include "waiter_queue.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct rouse_mutex {
    rouse_waiter_queue queue_;
} rouse_mutex;

/* The queue inside, for the headers that wait on it or look at it. */
#define ROUSE_MUTEX_QUEUE_(m) (&(m)->queue_)

#define ROUSE_MUTEX_INIT \
    { ROUSE_WAITER_QUEUE_INIT(1) }

/* Initialises an unlocked mutex. */
ROUSE_INLINE_ void rouse_mutex_init(rouse_mutex *m) {
    ROUSE_CHECK_OBJECT_(m);
    (void)rouse_queue_init_(&m->queue_, 1);
}

/* Ends the mutex. LOCKFREE frees its heap memory.
 * Requires that no waiter is queued and no call is in progress, except an unlock that has handed the mutex
 * over and is still returning. */
ROUSE_INLINE_ void rouse_mutex_destroy(rouse_mutex *m) {
    ROUSE_CHECK_USE_(m, &m->queue_);
    ROUSE_CHECK_(rouse_backend_waiter_count_(&m->queue_) == 0, m, "waiters are queued");
    rouse_backend_destroy_(&m->queue_);
}

/* rouse_mutex_lock without checks. */
ROUSE_INLINE_ rouse_status rouse_mutex_lock_(rouse_mutex *m, rouse_waiter *w) {
    const rouse_status status = rouse_queue_wait_(&m->queue_, w, 1);
    if (status == ROUSE_OK) {
        ROUSE_HELD_BY_(&m->queue_, rouse_waiter_data_(w));
    }
    return status;
}

/* Locks the mutex if it is free and nobody waits; otherwise queues `w` for it. Never blocks.
 * Returns
 *   ROUSE_OK        you hold it; w was not queued
 *   ROUSE_PENDING   w is queued; you hold the mutex when wake is called with ROUSE_OK
 *   ROUSE_CLOSED    the mutex is closed
 *   ROUSE_OVERFLOW  16,777,215 wait already (MUTEX, SPIN)
 *   ROUSE_NOMEM     no memory to queue w (LOCKFREE only)
 * Requires that w is initialised and not queued; after ROUSE_PENDING it is the library's until its wake has
 * been called or cancel has returned true.
 * Wakes: w's wake runs on the thread that unlocks, cancels or closes, or in its mailbox's drain. */
ROUSE_NODISCARD_
ROUSE_INLINE_ rouse_status rouse_mutex_lock(rouse_mutex *m, rouse_waiter *w) {
    ROUSE_CHECK_USE_(m, &m->queue_);
    ROUSE_CHECK_IDLE_(w, m);
    ROUSE_CHECK_HELD_(&m->queue_, rouse_waiter_data_(w), m);
    return rouse_mutex_lock_(m, w);
}

/* Locks the mutex if it is free and nobody waits. Returns whether it did. Never queues. */
ROUSE_NODISCARD_
ROUSE_INLINE_ bool rouse_mutex_try_lock(rouse_mutex *m) {
    ROUSE_CHECK_USE_(m, &m->queue_);
    return rouse_queue_try_wait_(&m->queue_, 1);
}

/* rouse_mutex_unlock without checks. */
ROUSE_INLINE_ rouse_status rouse_mutex_unlock_(rouse_mutex *m) {
    ROUSE_HELD_BY_(&m->queue_, NULL); /* before the next one has it */
    return rouse_queue_unlock_(&m->queue_);
}

/* Unlocks the mutex, or hands it to the oldest waiter. That waiter's wake runs on this thread, after the
 * current wake if there is one. If the waiter is on a mailbox, its wake runs in the drain.
 *   ROUSE_OK        done
 *   ROUSE_INVALID   the mutex was not locked; nothing changed (ROUSE_DEBUG aborts). If unlocks race, each one
 *                   too many gets this (throughput mode: see below) */
ROUSE_INLINE_ rouse_status rouse_mutex_unlock(rouse_mutex *m) {
    rouse_status status;
    ROUSE_CHECK_USE_(m, &m->queue_);
    status = rouse_mutex_unlock_(m);
    ROUSE_CHECK_(status == ROUSE_OK, m, "the mutex is not locked");
    return status;
}

/* Takes `w` out of the queue.
 * Returns true: w is yours again, and its wake will never run. False: w has been woken or is being woken; if
 * its outcome is ROUSE_OK it holds the mutex, and you must unlock it.
 * Requires that w was last queued on this mutex. */
ROUSE_NODISCARD_
ROUSE_INLINE_ bool rouse_mutex_cancel(rouse_mutex *m, rouse_waiter *w) {
    ROUSE_CHECK_USE_(m, &m->queue_);
    ROUSE_CHECK_OWNED_(w, &m->queue_, m);
    return rouse_backend_cancel_(&m->queue_, w);
}

/* Returns whether anybody holds the mutex; a snapshot. */
ROUSE_INLINE_ bool rouse_mutex_is_locked(const rouse_mutex *m) {
    ROUSE_CHECK_LOOK_(m, &m->queue_);
    return rouse_backend_balance_(&m->queue_) <= 0;
}

/* Returns how many waiters are queued; a snapshot. */
ROUSE_INLINE_ uint32_t rouse_mutex_waiter_count(const rouse_mutex *m) {
    ROUSE_CHECK_LOOK_(m, &m->queue_);
    return rouse_backend_waiter_count_(&m->queue_);
}

/* Closes the mutex: wakes all waiters with ROUSE_CLOSED, on this thread; from then on lock returns
 * ROUSE_CLOSED and try_lock false. A holder keeps the mutex and unlocks it as before. Returns how many it
 * woke. */
ROUSE_INLINE_ uint32_t rouse_mutex_close(rouse_mutex *m) {
    ROUSE_CHECK_USE_(m, &m->queue_);
    return rouse_backend_close_(&m->queue_);
}

/* Returns whether the mutex is closed. */
ROUSE_INLINE_ bool rouse_mutex_is_closed(const rouse_mutex *m) {
    ROUSE_CHECK_LOOK_(m, &m->queue_);
    return rouse_queue_closed_(&m->queue_);
}

/* Reserves memory so that up to `waiters` waits can queue at the same time without allocating. Returns
 * ROUSE_OK, or ROUSE_NOMEM (LOCKFREE only) if it could not get the memory; then it has reserved none. */
ROUSE_INLINE_ rouse_status rouse_mutex_reserve(rouse_mutex *m, uint32_t waiters) {
    ROUSE_CHECK_USE_(m, &m->queue_);
    return rouse_backend_reserve_(&m->queue_, waiters);
}

/* Makes ROUSE_DEBUG detect a task that waits for itself. From now on rouse_mutex_lock and
 * rouse_mutex_lock_until abort if the waiter's data (rouse_waiter_init) is that of the waiter which holds m.
 * Without ROUSE_DEBUG it does nothing.
 *
 * Use it only where each data pointer identifies one task, which unlocks before it locks again. So do not use
 * it where coroutines (rouse.hpp) lock m, or threads wait with it by rouse_condvar_wait_blocking: their data
 * are addresses that others use later. The check does not know holders that got the lock with try_lock, an
 * any or another blocking call, nor those whose data is NULL.
 * Requires that no other call on m is in progress and nobody holds it or waits: call it after init, before
 * other threads know m. */
ROUSE_INLINE_ void rouse_mutex_check_relock(rouse_mutex *m) {
    ROUSE_CHECK_USE_(m, &m->queue_);
    ROUSE_ASK_HOLDER_(&m->queue_);
    (void)m;
}

/* ---- throughput mode: semaphore.h says what it is, how to choose the bound, and what a waiter sees -----
 *
 * Only its holder may unlock a mutex in throughput mode. With MUTEX and LOCKFREE a call that ends an invited
 * waiter's wait without a grant (decline, cancel, close, or resume after close) may have the mutex in its
 * hands for a few instructions. An unlock too many at that moment gets ROUSE_OK, and then two tasks may hold
 * the mutex. At any other moment it gets ROUSE_INVALID. */

#define ROUSE_MUTEX_INIT_THROUGHPUT(bypass) \
    { ROUSE_QUEUE_INIT_THROUGHPUT_(1, bypass) }

/* Initialises an unlocked mutex in throughput mode. */
ROUSE_INLINE_ void rouse_mutex_init_throughput(rouse_mutex *m, uint32_t bypass) {
    ROUSE_CHECK_OBJECT_(m);
    rouse_queue_init_throughput_(&m->queue_, 1, bypass);
}

/* Asks for the mutex after a wake with ROUSE_RETRY, as rouse_semaphore_resume.
 *   ROUSE_OK        you hold it; w is out of the queue
 *   ROUSE_PENDING   a newcomer was quicker; w keeps its place, before all others, and will be woken again
 *   ROUSE_CLOSED    the mutex was closed; w is out of the queue
 * If w's wake got any other status, it returns that status and changes nothing. */
ROUSE_NODISCARD_ ROUSE_INLINE_ rouse_status rouse_mutex_resume(rouse_mutex *m, rouse_waiter *w) {
    ROUSE_CHECK_USE_(m, &m->queue_);
    ROUSE_CHECK_OWNED_(w, &m->queue_, m);
    return rouse_queue_resume_(&m->queue_, w);
}

/* Gives up after a wake with ROUSE_RETRY: w is yours again, and the turn goes to the next waiter. */
ROUSE_INLINE_ void rouse_mutex_decline(rouse_mutex *m, rouse_waiter *w) {
    ROUSE_CHECK_USE_(m, &m->queue_);
    ROUSE_CHECK_OWNED_(w, &m->queue_, m);
    rouse_queue_decline_(&m->queue_, w);
}

#endif /* ROUSE_MUTEX_H */
