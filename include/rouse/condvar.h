/* rouse/condvar.h: wait, with a mutex, until somebody has changed something; waiting never blocks.
 *
 * As with pthread_cond_t, check and change the condition with a mutex held:
 *
 *     static rouse_mutex mutex = ROUSE_MUTEX_INIT;
 *     static rouse_condvar changed = ROUSE_CONDVAR_INIT;
 *     rouse_condvar_waiter_init(&task->waiter, &mutex, NULL, on_change, task);    // once for each task
 *     ...
 *     if (!ready) {                                           // the mutex is held
 *         status = rouse_condvar_wait(&changed, &task->waiter);   // ROUSE_PENDING: now it is not
 *     }
 *     ...
 *     on_change: the mutex is held again (ROUSE_OK): check again, continue or wait again, unlock
 *     ...
 *     ready = true;                                           // with the mutex held
 *     rouse_condvar_signal(&changed);
 *
 * A signal moves the oldest waiter to the queue of the mutex, in one step and without waking it. The waiter's
 * wake runs when it has the mutex. So a broadcast to a thousand waiters wakes one, and each of the others
 * when the one before it unlocks. Waiters are signalled in the order in which they came, and then get the
 * mutex in the order of its queue. A signal that finds no waiter is lost.
 *
 * Ordering: what a thread did before a signal happens before the wake of the waiter that it signalled. The
 * mutex orders its holders.
 *
 * Memory, LOCKFREE. wait allocates what the mutex's queue will need, so that a signal need not: with W
 * waiters on this condition variable, 4 W + 5 segments. A segment serves ROUSE_SEGMENT_CELLS waiters that
 * queue one after the other, but only one in the worst case that cancels can leave. All waiters of the mutex
 * share these segments, including those of its other condition variables. If more than 4 W + 5 waiters are in
 * the mutex's queue, almost each alone in its segment, the segments can run out. Then the signalled waiter is
 * woken with ROUSE_NOMEM. To rule that out, call rouse_mutex_reserve for all that may wait for the mutex and
 * its condition variables together.
 *
 * Cost with SPIN and LOCKFREE: wait takes one atomic read-modify-write and the unlock; signal takes one if
 * nobody waits, else two (LOCKFREE: one and those of rouse_mutex_lock). Only wait allocates, and only with
 * LOCKFREE. With every backend each call takes a lock for a few instructions, so none may be called in a
 * signal handler. */
#ifndef ROUSE_CONDVAR_H
#define ROUSE_CONDVAR_H

#include "config.h"
#include "detail/base/atomic.h"
#include "detail/base/check.h"
#include "detail/base/platform.h"
#include "detail/queue/guard.h"
#include "detail/queue/list.h"
#include "detail/wake/chain.h"
#include "detail/wake/deliver.h"
#include "mailbox.h"
#include "mutex.h"
#include "waiter.h"
#include "waiter_queue.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ---- a waiter ------------------------------------------------------------------------------------------ */

typedef struct rouse_condvar_waiter rouse_condvar_waiter;
typedef void rouse_condvar_wake_fn(rouse_condvar_waiter *waiter, rouse_status status);

/* Your memory, as a rouse_waiter is. For one wait at a time, on any condition variable. */
struct rouse_condvar_waiter {
    rouse_waiter waiter;  /* first; its status is the waiter's, for one that is polled   */
    rouse_waiter joined_; /* stands in for it in the mutex's queue (wake/outcome.h)      */
    rouse_condvar_wake_fn *wake_;
    rouse_mutex *mutex_;
    uint32_t stage_; /* under the guard: how far it has come, below                  */
    bool signalled_; /* under the guard: by signal, which a cancel passes on         */
};

ROUSE_INLINE_ rouse_mutex *rouse_condvar_waiter_mutex_(const rouse_condvar_waiter *w) {
    return w->mutex_;
}

ROUSE_INLINE_ void rouse_condvar_waiter_wake_(rouse_waiter *w, rouse_status status) {
    rouse_condvar_waiter *const waiter = (rouse_condvar_waiter *)(void *)w;
    waiter->wake_(waiter, status);
}

/* Prepares a waiter for waits with `mutex` held; it may then wait any number of times. wake runs in the
 * drain of `mailbox`, or, if that is NULL, on the thread that unlocks the mutex, signals or closes. It is
 * called once for each ROUSE_PENDING. If wake is NULL, poll the waiter with
 * rouse_waiter_status(&w->waiter). `data` is for rouse_condvar_waiter_data. */
ROUSE_INLINE_ void rouse_condvar_waiter_init(rouse_condvar_waiter *w, rouse_mutex *mutex,
                                             rouse_mailbox *mailbox, rouse_condvar_wake_fn *wake,
                                             void *data) {
    ROUSE_CHECK_OBJECT_(w);
    ROUSE_CHECK_(mutex != NULL, w, "the mutex is NULL");
    ROUSE_CHECK_MADE_ON_(mailbox);
    rouse_mailbox_prepare_(mailbox, &w->waiter, wake == NULL ? NULL : rouse_condvar_waiter_wake_, data);
    rouse_standin_init_(&w->joined_);
    w->wake_ = wake;
    w->mutex_ = mutex;
    w->stage_ = 0;
    w->signalled_ = false;
}

/* Returns the `data` given to rouse_condvar_waiter_init. */
ROUSE_INLINE_ void *rouse_condvar_waiter_data(const rouse_condvar_waiter *w) {
    ROUSE_CHECK_OBJECT_(w);
    return rouse_waiter_data_(&w->waiter);
}

/* ---- the condition variable ---------------------------------------------------------------------------- */

typedef struct rouse_condvar {
    rouse_guard_ guard_;       /* for all that follows                 */
    rouse_atomic_u32_ waits_;  /* in the list; read without the guard  */
    rouse_atomic_u32_ closed_; /* 1: closed; read without the guard    */
    rouse_list_ waiting_;      /* not yet signalled, oldest first      */
} rouse_condvar;

#if defined(ROUSE_GUARD_INIT_)
#    define ROUSE_CONDVAR_INIT                                                 \
        {                                                                      \
            ROUSE_GUARD_INIT_, ROUSE_ATOMIC_INIT_(0), ROUSE_ATOMIC_INIT_(0), { \
                NULL, NULL                                                     \
            }                                                                  \
        }
#endif

/* Initialises a condition variable on which nobody waits. */
ROUSE_INLINE_ void rouse_condvar_init(rouse_condvar *c) {
    ROUSE_CHECK_OBJECT_(c);
    rouse_guard_init_(&c->guard_);
    rouse_u32_init_(&c->waits_, 0);
    rouse_u32_init_(&c->closed_, 0);
    c->waiting_.oldest = NULL;
    c->waiting_.newest = NULL;
}

/* Ends the condition variable. Waiters that have been signalled and wait for the mutex are not affected.
 * Requires that nobody waits to be signalled and no call is in progress. One exception: destroy waits for the
 * last few instructions of a signal or broadcast that has moved the last waiter. */
ROUSE_INLINE_ void rouse_condvar_destroy(rouse_condvar *c) {
    ROUSE_CHECK_GUARDED_(c);
    rouse_guard_take_(&c->guard_);
    ROUSE_CHECK_(c->waiting_.oldest == NULL, c, "waiters are queued");
    rouse_guard_drop_(&c->guard_);
    rouse_guard_destroy_(&c->guard_);
}

/* A waiter's stage. WAITING: in the list. JOINED: in the mutex's queue, or granted from there. DUE: out of
 * both; the call that took it out is about to wake it. */
enum { ROUSE_CONDVAR_WAITING_ = 1, ROUSE_CONDVAR_JOINED_ = 2, ROUSE_CONDVAR_DUE_ = 3 };

/* Relaxed, twice: under the guard; others take snapshots. */
ROUSE_INLINE_ void rouse_condvar_waits_(rouse_condvar *c, uint32_t by) {
    rouse_u32_store_relaxed_(&c->waits_, rouse_u32_load_relaxed_(&c->waits_) + by);
}

/* LOCKFREE: reserves memory for the waiters that will join the mutex's queue, so that a signal never needs
 * any. It reserves twice as much as this condition variable needs, for others on the same mutex. */
ROUSE_INLINE_ rouse_status rouse_condvar_provide_(const rouse_condvar *c, rouse_mutex *mutex) {
    /* Relaxed: a guess; a waiter that comes meanwhile reserves for itself. */
    return rouse_mutex_reserve(mutex, 2 * rouse_u32_load_relaxed_(&c->waits_) + 2);
}

/* Unlocks the mutex and waits to be signalled. Misses no signal that follows the unlock.
 * Returns
 *   ROUSE_PENDING   the mutex has been unlocked; wake will be called with
 *                     ROUSE_OK        signalled; the mutex is held again, so check the condition again
 *                     ROUSE_CLOSED    the condition variable or the mutex was closed; the mutex is not held
 *                     ROUSE_NOMEM     signalled, but the mutex is not held (LOCKFREE only; see Memory above)
 *                     ROUSE_OVERFLOW  the same: 16,777,215 wait for the mutex (MUTEX, SPIN)
 *                   Unless it is ROUSE_OK, keep the mutex until this call has returned: the wake may come
 *                   before the unlock
 *   ROUSE_CLOSED    closed; nothing changed, the mutex is still held
 *   ROUSE_NOMEM     LOCKFREE only; nothing changed, the mutex is still held
 * Requires that the mutex is held, and that w is initialised and not queued.
 * Wakes: w's wake runs on the thread that unlocks the mutex, signals or closes, perhaps before this call
 * returns; or in its mailbox's drain. */
ROUSE_NODISCARD_
ROUSE_INLINE_ rouse_status rouse_condvar_wait(rouse_condvar *c, rouse_condvar_waiter *w) {
    rouse_mutex *mutex;
    rouse_status status;
    ROUSE_CHECK_GUARDED_(c);
    ROUSE_CHECK_(w != NULL, c, "the waiter is NULL");
    ROUSE_CHECK_IDLE_(&w->waiter, c);
    ROUSE_CHECK_(rouse_mutex_is_locked(w->mutex_), c, "the mutex is not locked");
    mutex = w->mutex_;                           /* once w is queued it may be woken, and freed */
    rouse_standin_set_(&w->joined_, &w->waiter); /* here: w may have been copied since it was prepared */
    status = rouse_condvar_provide_(c, mutex);
    if (status != ROUSE_OK) {
        return status;
    }
    rouse_guard_take_(&c->guard_);
    if (rouse_u32_load_relaxed_(&c->closed_) != 0) { /* relaxed: under the guard */
        rouse_guard_drop_(&c->guard_);
        return ROUSE_CLOSED;
    }
    w->stage_ = ROUSE_CONDVAR_WAITING_;
    rouse_guarded_add_(&c->waiting_, &w->waiter, 1, c);
    rouse_condvar_waits_(c, 1);
    rouse_guard_drop_(&c->guard_);
    (void)rouse_mutex_unlock(mutex); /* after queueing, so that no signal can come in between */
    return ROUSE_PENDING;
}

/* Under the guard: moves the oldest waiter to the mutex's queue. If the mutex answers at once, the waiter
 * goes into the chain `due`, to be woken when the guard has been dropped; otherwise it may be freed before
 * this returns. */
ROUSE_INLINE_ void rouse_condvar_move_(rouse_condvar *c, bool by_signal, rouse_chain_ *due) {
    rouse_condvar_waiter *const w = (rouse_condvar_waiter *)(void *)c->waiting_.oldest;
    rouse_status status;
    rouse_guarded_pop_(&c->waiting_, &w->waiter);
    rouse_condvar_waits_(c, (uint32_t)-1);
    ROUSE_TRACE("move", c, &w->waiter);
    w->stage_ = ROUSE_CONDVAR_JOINED_;
    w->signalled_ = by_signal;
    status = rouse_queue_join_(ROUSE_MUTEX_QUEUE_(w->mutex_), &w->joined_);
    if (status != ROUSE_PENDING) {
        if (status == ROUSE_OK) {
            ROUSE_HELD_BY_(ROUSE_MUTEX_QUEUE_(w->mutex_), rouse_waiter_data_(&w->waiter));
        }
        w->stage_ = ROUSE_CONDVAR_DUE_;
        rouse_chain_add_(due, &w->waiter, rouse_outcome_(status, 0));
    }
}

ROUSE_INLINE_ bool rouse_condvar_signal_(rouse_condvar *c) {
    rouse_chain_ due = {NULL, NULL};
    bool any;
    rouse_guard_take_(&c->guard_);
    any = c->waiting_.oldest != NULL;
    if (any) {
        rouse_condvar_move_(c, true, &due);
    }
    rouse_guard_drop_(&c->guard_);
    rouse_deliver_(&due);
    return any;
}

/* Signals the oldest waiter. Returns whether there was one. The mutex need not be held. If the mutex is free
 * the waiter gets it, and its wake runs on this thread. */
ROUSE_INLINE_ bool rouse_condvar_signal(rouse_condvar *c) {
    ROUSE_CHECK_GUARDED_(c);
    return rouse_condvar_signal_(c);
}

/* Signals exactly those that wait at that moment. Returns how many. They get the mutex one after the other.
 * If it is free, the first one's wake runs on this thread. */
ROUSE_INLINE_ uint32_t rouse_condvar_broadcast(rouse_condvar *c) {
    rouse_chain_ due = {NULL, NULL};
    uint32_t all = 0;
    ROUSE_CHECK_GUARDED_(c);
    rouse_guard_take_(&c->guard_);
    for (; c->waiting_.oldest != NULL; all++) {
        rouse_condvar_move_(c, false, &due);
    }
    rouse_guard_drop_(&c->guard_);
    rouse_deliver_(&due);
    return all;
}

/* Takes `w` out of the condition variable, or out of the mutex's queue.
 * Returns true: w is yours again, its wake will never run, and it does not hold the mutex; if it had been
 * signalled, the signal goes to the next waiter. False: w has been woken or is being woken; if its outcome is
 * ROUSE_OK it holds the mutex.
 * Requires that w last waited on this condition variable. */
ROUSE_NODISCARD_
ROUSE_INLINE_ bool rouse_condvar_cancel(rouse_condvar *c, rouse_condvar_waiter *w) {
    rouse_mutex *mutex;
    uint32_t stage;
    bool signalled;
    ROUSE_CHECK_GUARDED_(c);
    ROUSE_CHECK_(w != NULL, c, "the waiter is NULL");
    ROUSE_CHECK_OWNED_(&w->waiter, c, c);
    if (rouse_waiter_status_(&w->waiter) != ROUSE_PENDING) {
        return false;
    }
    rouse_guard_take_(&c->guard_);
    stage = w->stage_;
    mutex = w->mutex_;
    signalled = w->signalled_;
    if (stage == ROUSE_CONDVAR_WAITING_) {
        rouse_guarded_remove_(&c->waiting_, &w->waiter);
        rouse_condvar_waits_(c, (uint32_t)-1);
        ROUSE_TRACE("cancel", c, &w->waiter);
    }
    rouse_guard_drop_(&c->guard_);
    if (stage != ROUSE_CONDVAR_WAITING_ &&
        (stage != ROUSE_CONDVAR_JOINED_ || !rouse_backend_cancel_(ROUSE_MUTEX_QUEUE_(mutex), &w->joined_))) {
        rouse_outcome_await_(&w->waiter);
        return false;
    }
    rouse_waiter_release_(&w->waiter);
    if (stage == ROUSE_CONDVAR_JOINED_ && signalled) {
        (void)rouse_condvar_signal_(c); /* last: a wake that it runs may free w, and the condition variable */
    }
    return true;
}

/* Closes the condition variable: wakes those that wait to be signalled with ROUSE_CLOSED, without the mutex.
 * Later waits return ROUSE_CLOSED. Waiters that have been signalled still get the mutex. Returns how many it
 * woke. */
ROUSE_INLINE_ uint32_t rouse_condvar_close(rouse_condvar *c) {
    rouse_waiter *first;
    uint32_t all;
    ROUSE_CHECK_GUARDED_(c);
    ROUSE_TRACE("close", c, NULL);
    rouse_guard_take_(&c->guard_);
    rouse_u32_store_release_(&c->closed_, 1);  /* E48: partner is the load in rouse_condvar_is_closed */
    all = rouse_u32_load_relaxed_(&c->waits_); /* relaxed, twice: under the guard */
    rouse_u32_store_relaxed_(&c->waits_, 0);
    first = rouse_guarded_take_all_(&c->waiting_);
    for (rouse_waiter *w = first; w != NULL; w = w->next_) {
        ((rouse_condvar_waiter *)(void *)w)->stage_ = ROUSE_CONDVAR_DUE_;
    }
    rouse_guard_drop_(&c->guard_);
    rouse_deliver_chain_(c, first, rouse_outcome_(ROUSE_CLOSED, 0));
    return all;
}

/* Returns whether the condition variable is closed. */
ROUSE_INLINE_ bool rouse_condvar_is_closed(const rouse_condvar *c) {
    ROUSE_CHECK_GUARDED_(c);
    /* E48: acquire. A thread that sees it closed sees what came before close. */
    return rouse_u32_load_acquire_(&c->closed_) != 0;
}

/* Returns how many wait to be signalled; a snapshot. */
ROUSE_INLINE_ uint32_t rouse_condvar_waiter_count(const rouse_condvar *c) {
    ROUSE_CHECK_GUARDED_(c);
    return rouse_u32_load_relaxed_(&c->waits_); /* relaxed: a snapshot */
}

#endif /* ROUSE_CONDVAR_H */
