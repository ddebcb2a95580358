/* rouse/notify.h: wake one waiter, or all; remember one notification when nobody waits.
 *
 * notify_one wakes the oldest waiter; with nobody waiting, the next wait returns at once (one such permit is
 * kept, not more). notify_all wakes exactly those who wait at that moment, stores nothing and takes nothing
 * stored. What came before a notify happens before what comes after the wait that it ended.
 * The all-zero object is valid. A policy over rouse_waiter_queue: a balance with cap 1. */
#ifndef ROUSE_NOTIFY_H
#define ROUSE_NOTIFY_H

#include "waiter_queue.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct rouse_notify {
    rouse_waiter_queue queue_;
} rouse_notify;

#define ROUSE_NOTIFY_INIT \
    { ROUSE_WAITER_QUEUE_INIT(0) }

ROUSE_INLINE_ void rouse_notify_init(rouse_notify *n) {
    ROUSE_CHECK_OBJECT_(n);
    rouse_waiter_queue_init(&n->queue_, 0);
}

/* Nobody waits and nobody is calling; a notify that has woken its last waiter may still be returning.
 * LOCKFREE gives its heap memory back. */
ROUSE_INLINE_ void rouse_notify_destroy(rouse_notify *n) {
    ROUSE_CHECK_USE_(n, &n->queue_);
    ROUSE_CHECK_(rouse_backend_waiter_count_(&n->queue_) == 0, n, "waiters are queued");
    rouse_waiter_queue_destroy(&n->queue_);
}

/* ROUSE_OK: a notification was stored, and is yours. ROUSE_PENDING: queued. ROUSE_NOMEM, ROUSE_OVERFLOW: see
 * rouse_waiter_queue_wait. */
ROUSE_NODISCARD_
ROUSE_INLINE_ rouse_status rouse_notify_wait(rouse_notify *n, rouse_waiter *w) {
    ROUSE_CHECK_USE_(n, &n->queue_);
    ROUSE_CHECK_IDLE_(w, n);
    if (rouse_queue_take_(&n->queue_, 1)) {
        rouse_outcome_at_once_(w, 0);
        return ROUSE_OK;
    }
    return rouse_backend_wait_(&n->queue_, w, 1, NULL, NULL);
}

/* Waits for a condition of your own that a notification announces. ready(arg) true: ROUSE_OK, nothing queued,
 * closed or not. Otherwise it is rouse_notify_wait, and no notification that follows the change which makes
 * `ready` true can be missed: the condition is looked at again after `w` can be seen. ROUSE_OK and a wake
 * mean: look again. `ready` may be called twice and under an internal lock, and must not call the library. A
 * notification that reached `w` while its second look said yes is passed on. */
ROUSE_NODISCARD_
ROUSE_INLINE_ rouse_status rouse_notify_wait_if(rouse_notify *n, rouse_waiter *w, bool (*ready)(void *arg),
                                                void *arg) {
    ROUSE_CHECK_USE_(n, &n->queue_);
    ROUSE_CHECK_(ready != NULL, n, "ready is NULL");
    ROUSE_CHECK_IDLE_(w, n);
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

/* Wakes the oldest waiter; with nobody waiting, the next wait returns at once (one such permit is kept). One
 * step: others see it done or not begun. */
ROUSE_INLINE_ void rouse_notify_one(rouse_notify *n) {
    uint32_t woken = 0;
    ROUSE_CHECK_USE_(n, &n->queue_);
    (void)rouse_queue_wake_(&n->queue_, 1, 1, &woken);
}

/* Wakes the k oldest waiters, or all if fewer wait; stores nothing and takes nothing stored. Returns how
 * many. Until it returns, others may see a part of it: some woken, the rest not yet. */
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

/* How many were woken. */
ROUSE_INLINE_ uint32_t rouse_notify_all(rouse_notify *n) {
    ROUSE_CHECK_USE_(n, &n->queue_);
    return rouse_backend_wake_all_(&n->queue_);
}

/* Takes `w` out of the queue: true, and its wake will never run. False: it has been, or is being, woken; if
 * you then do not want the notification, rouse_notify_pass_on: in w's wake, or at once if it is polled. */
ROUSE_NODISCARD_
ROUSE_INLINE_ bool rouse_notify_cancel(rouse_notify *n, rouse_waiter *w) {
    ROUSE_CHECK_USE_(n, &n->queue_);
    ROUSE_CHECK_OWNED_(w, &n->queue_, n);
    return rouse_backend_cancel_(&n->queue_, w);
}

/* w was satisfied with ROUSE_OK, by its wake or by the answer of its wait, and does not want it. If
 * notify_one or notify_n did that, or a stored notification, the next waiter (or the stored permit) gets the
 * notification. If notify_all did, or the condition of wait_if held, nothing happens. At once after a wait
 * that answered ROUSE_OK; else in w's wake or later, since the outcome may not be stored before; of a polled
 * waiter, once cancel has returned false or its status is ROUSE_OK. Before w waits again. */
ROUSE_INLINE_ void rouse_notify_pass_on(rouse_notify *n, const rouse_waiter *w) {
    ROUSE_CHECK_USE_(n, &n->queue_);
    ROUSE_CHECK_(w != NULL, n, "the waiter is NULL");
    /* E1: acquire, so that who is notified in turn sees what came before the first notification. */
    if ((rouse_u32_load_acquire_(&w->status_) & (ROUSE_OUTCOME_BY_ALL_ | 0xffu)) == (uint32_t)ROUSE_OK) {
        rouse_notify_one(n);
    }
}

/* How many wait; a snapshot. */
ROUSE_INLINE_ uint32_t rouse_notify_waiter_count(const rouse_notify *n) {
    ROUSE_CHECK_LOOK_(n, &n->queue_);
    return rouse_backend_waiter_count_(&n->queue_);
}

/* Wakes all waiters with ROUSE_CLOSED; returns how many. From then on a wait is ROUSE_CLOSED, notification
 * stored or not. */
ROUSE_INLINE_ uint32_t rouse_notify_close(rouse_notify *n) {
    ROUSE_CHECK_USE_(n, &n->queue_);
    return rouse_backend_close_(&n->queue_);
}

ROUSE_INLINE_ bool rouse_notify_is_closed(const rouse_notify *n) {
    ROUSE_CHECK_LOOK_(n, &n->queue_);
    return rouse_queue_closed_(&n->queue_);
}

/* From now on so many waiters at a time queue without allocating (LOCKFREE; ROUSE_NOMEM). So with reserve(n,
 * 1) the one wait of a per-request completion cannot fail. */
ROUSE_INLINE_ rouse_status rouse_notify_reserve(rouse_notify *n, uint32_t waiters) {
    ROUSE_CHECK_USE_(n, &n->queue_);
    return rouse_backend_reserve_(&n->queue_, waiters);
}

#endif /* ROUSE_NOTIFY_H */
