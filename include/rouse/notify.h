/* rouse/notify.h: wake one waiter, or all; remember one notification when nobody waits.
 *
 *     switch (rouse_notify_wait(&changed, &task->waiter)) {
 *     case ROUSE_OK:      look(task); break;              // a notification was stored
 *     case ROUSE_PENDING: break;                          // wake will call look
 *     default:            refuse(task); break;            // closed, out of memory
 *     }
 *     ...
 *     rouse_notify_one(&changed);                         // wakes one, or the next wait returns at once
 *
 * one: wakes the oldest waiter. If nobody waits it stores one notification, and the next wait takes it and
 * returns at once. It never stores a second one.
 *
 * all: wakes exactly the waiters that wait at that moment. It neither stores nor takes a notification.
 *
 * Memory ordering: what a thread did before a notify happens before whatever follows the wait that the notify
 * ended.
 *
 * Threads: any thread may call anything at any time, except init and destroy; waiter_queue.h has the table.
 *
 * Cost: one atomic read-modify-write when nobody waits.
 *
 * The all-zero object is valid. */
#ifndef ROUSE_NOTIFY_H
#define ROUSE_NOTIFY_H

#include "waiter_queue.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct rouse_notify {
    rouse_waiter_queue queue_;
} rouse_notify;

/* The queue inside, for the headers that wait on it or look at it. */
#define ROUSE_NOTIFY_QUEUE_(n) (&(n)->queue_)

#define ROUSE_NOTIFY_INIT \
    { ROUSE_WAITER_QUEUE_INIT(0) }

/* Initialises the object, with no notification stored. */
ROUSE_INLINE_ void rouse_notify_init(rouse_notify *n) {
    ROUSE_CHECK_OBJECT_(n);
    (void)rouse_queue_init_(&n->queue_, 0);
}

/* Ends the object. LOCKFREE frees its heap memory.
 * Requires that no waiter is queued and no call is in progress, except a notify that has woken its last
 * waiter and is still returning. */
ROUSE_INLINE_ void rouse_notify_destroy(rouse_notify *n) {
    ROUSE_CHECK_USE_(n, &n->queue_);
    ROUSE_CHECK_(rouse_backend_waiter_count_(&n->queue_) == 0, n, "waiters are queued");
    rouse_backend_destroy_(&n->queue_);
}

/* rouse_notify_wait and rouse_notify_wait_if without checks. */
ROUSE_INLINE_ rouse_status rouse_notify_wait_(rouse_notify *n, rouse_waiter *w) {
    if (rouse_queue_take_(&n->queue_, 1)) {
        rouse_outcome_at_once_(w, 0);
        return ROUSE_OK;
    }
    return rouse_backend_wait_(&n->queue_, w, 1, NULL, NULL);
}
ROUSE_INLINE_ rouse_status rouse_notify_wait_if_(rouse_notify *n, rouse_waiter *w, bool (*ready)(void *arg),
                                                 void *arg) {
    rouse_waiter_release_(w); /* a condition that holds is no notification to pass on */
    if (ready(arg)) {
        return ROUSE_OK;
    }
    if (rouse_queue_take_(&n->queue_, 1)) {
        rouse_outcome_at_once_(w, 0);
        return ROUSE_OK;
    }
    return rouse_queue_looked_(&n->queue_, w, rouse_backend_wait_(&n->queue_, w, 1, ready, arg), 1);
}

/* Takes the stored notification, or queues `w` for the next one. Never blocks.
 * Returns
 *   ROUSE_OK        a notification was stored, and is yours; w was not queued
 *   ROUSE_PENDING   w is queued; wake is called with ROUSE_OK by a notify, with ROUSE_CLOSED by close
 *   ROUSE_CLOSED    the object is closed
 *   ROUSE_OVERFLOW  16,777,215 wait already (MUTEX, SPIN)
 *   ROUSE_NOMEM     no memory to queue w (LOCKFREE only)
 * Requires that w is initialised and not queued; after ROUSE_PENDING it is the library's until its wake has
 * been called or cancel has returned true.
 * Wakes: w's wake runs on the thread that notifies or closes, or in its mailbox's drain. */
ROUSE_NODISCARD_
ROUSE_INLINE_ rouse_status rouse_notify_wait(rouse_notify *n, rouse_waiter *w) {
    ROUSE_CHECK_USE_(n, &n->queue_);
    ROUSE_CHECK_IDLE_(w, n);
    return rouse_notify_wait_(n, w);
}

/* Waits for a condition of your own that a notification announces. If ready(arg) is true it returns ROUSE_OK
 * and queues nothing, even if the object is closed. Otherwise it is rouse_notify_wait. It misses no
 * notification that follows the change which makes `ready` true, because it calls `ready` again once `w` is
 * queued.
 * Returns the same statuses as rouse_notify_wait. ROUSE_OK and a wake both mean: check the condition again.
 * Requires that `ready` does not call the library. It may be called twice, and under an internal lock.
 * If a notification reaches `w` during a second check that succeeds, the next waiter gets it. */
ROUSE_NODISCARD_
ROUSE_INLINE_ rouse_status rouse_notify_wait_if(rouse_notify *n, rouse_waiter *w, bool (*ready)(void *arg),
                                                void *arg) {
    ROUSE_CHECK_USE_(n, &n->queue_);
    ROUSE_CHECK_(ready != NULL, n, "ready is NULL");
    ROUSE_CHECK_IDLE_(w, n);
    return rouse_notify_wait_if_(n, w, ready, arg);
}

/* Wakes the oldest waiter, on this thread. If nobody waits it stores one notification, unless one is already
 * stored. The call is atomic: other threads see all of it or nothing.
 * Cost: one atomic read-modify-write when nobody waits. */
ROUSE_INLINE_ void rouse_notify_one(rouse_notify *n) {
    uint32_t woken = 0;
    ROUSE_CHECK_USE_(n, &n->queue_);
    (void)rouse_queue_wake_(&n->queue_, 1, 1, &woken);
}

/* Wakes the k oldest waiters, or all if fewer wait, on this thread. It neither stores nor takes a
 * notification. Returns how many it woke. Until it returns other threads may see it half done: some woken,
 * the rest not yet. */
ROUSE_INLINE_ uint32_t rouse_notify_n(rouse_notify *n, uint32_t k) {
    uint32_t woken = 0;
    ROUSE_CHECK_USE_(n, &n->queue_);
    while (k != 0) {
        const uint32_t most = k < ROUSE_MAX_PERMITS ? k : ROUSE_MAX_PERMITS;
        uint32_t now = 0;
        (void)rouse_queue_wake_(&n->queue_, most, 0, &now);
        woken += now;
        k = now < most ? 0 : k - most;
    }
    return woken;
}

/* Wakes all waiters, on this thread. It neither stores nor takes a notification. Returns how many it woke. */
ROUSE_INLINE_ uint32_t rouse_notify_all(rouse_notify *n) {
    ROUSE_CHECK_USE_(n, &n->queue_);
    return rouse_backend_wake_all_(&n->queue_);
}

/* Takes `w` out of the queue.
 * Returns true: w is yours again, and its wake will never run. False: w has been woken or is being woken. If
 * you then do not want the notification, call rouse_notify_pass_on: in w's wake, or at once if w is polled.
 * Requires that w was last queued on this object. */
ROUSE_NODISCARD_
ROUSE_INLINE_ bool rouse_notify_cancel(rouse_notify *n, rouse_waiter *w) {
    ROUSE_CHECK_USE_(n, &n->queue_);
    ROUSE_CHECK_OWNED_(w, &n->queue_, n);
    return rouse_backend_cancel_(&n->queue_, w);
}

/* rouse_notify_pass_on without checks. */
ROUSE_INLINE_ void rouse_notify_pass_on_(rouse_notify *n, const rouse_waiter *w) {
    if (rouse_outcome_is_ones_(w)) {
        uint32_t woken = 0;
        (void)rouse_queue_wake_(&n->queue_, 1, 1, &woken);
    }
}

/* Passes on a notification that w received and does not want. If it came from notify_one or notify_n, or had
 * been stored, the next waiter gets it; if nobody waits it is stored again. If it came from notify_all, or
 * the condition of wait_if held, nothing happens.
 * Requires that w has received ROUSE_OK and has not been queued again. That is the case right after a wait
 * that returned ROUSE_OK, and from w's wake on. For a polled w it is the case once cancel has returned false
 * or its status is ROUSE_OK.
 * Wakes: the next waiter's wake runs on this thread. */
ROUSE_INLINE_ void rouse_notify_pass_on(rouse_notify *n, const rouse_waiter *w) {
    ROUSE_CHECK_USE_(n, &n->queue_);
    ROUSE_CHECK_(w != NULL, n, "the waiter is NULL");
    rouse_notify_pass_on_(n, w);
}

/* Returns how many waiters are queued; a snapshot. */
ROUSE_INLINE_ uint32_t rouse_notify_waiter_count(const rouse_notify *n) {
    ROUSE_CHECK_LOOK_(n, &n->queue_);
    return rouse_backend_waiter_count_(&n->queue_);
}

/* Closes the object: wakes all waiters with ROUSE_CLOSED, on this thread; from then on a wait returns
 * ROUSE_CLOSED, whether or not a notification is stored. Returns how many it woke. */
ROUSE_INLINE_ uint32_t rouse_notify_close(rouse_notify *n) {
    ROUSE_CHECK_USE_(n, &n->queue_);
    return rouse_backend_close_(&n->queue_);
}

/* Returns whether the object is closed. */
ROUSE_INLINE_ bool rouse_notify_is_closed(const rouse_notify *n) {
    ROUSE_CHECK_LOOK_(n, &n->queue_);
    return rouse_queue_closed_(&n->queue_);
}

/* Reserves memory so that up to `waiters` waits can queue at the same time without allocating. Returns
 * ROUSE_OK, or ROUSE_NOMEM (LOCKFREE only) if it could not get the memory; then it has reserved none. After
 * reserve(n, 1) the single wait of a per-request completion cannot fail. */
ROUSE_INLINE_ rouse_status rouse_notify_reserve(rouse_notify *n, uint32_t waiters) {
    ROUSE_CHECK_USE_(n, &n->queue_);
    return rouse_backend_reserve_(&n->queue_, waiters);
}

#endif /* ROUSE_NOTIFY_H */
