/* rouse/waiter.h: the contract with your scheduler.
 *
 * A waiter is your memory: a member of your task, your request, your stack frame. You hand it to a call that
 * may have to wait. When the call returns ROUSE_PENDING the library keeps a pointer to it until exactly one
 * of two things has happened:
 *
 *   1. It is woken. The library stores the outcome and then, if the waiter has a wake function, calls wake(w,
 *      outcome) once. After that it never touches *w again, so wake may free the waiter or queue it again.
 *      A waiter without a wake function is yours as soon as the outcome is stored.
 *   2. A cancel function returned true. wake will never run; the library never touches *w again.
 *
 * If the call returns anything but ROUSE_PENDING, the library keeps no pointer to the waiter.
 *
 * If cancel returns false, 1 has happened or is happening. The outcome ROUSE_OK means that you own what you
 * asked for (give it back if you no longer want it); ROUSE_CLOSED means that you own nothing. A waiter
 * without a wake function ("polled") has its outcome by then, and you may free it. A waiter with a wake
 * function stays the library's until wake has been called: reading a final status is not enough. Cancel also
 * returns false for a waiter that is not queued; then no wake follows.
 *
 * Where wake runs: on the thread whose call (release, unlock, notify, close, cancel) woke the waiter. A
 * waiter initialised with rouse_waiter_init_on (mailbox.h) always runs wake on the thread that drains its
 * mailbox, which is what an event loop needs. wake runs with no internal lock held, and may call every
 * function of the library, on every object. It may run before the call that queued the waiter has returned on
 * its own thread.
 *
 * Nested wakes: if a wake function wakes another waiter on the same thread, the second wake runs after the
 * first has returned. So a chain of hand-overs does not grow the stack. All wakes have run when the outermost
 * call returns, in the order in which their waiters were woken. A call that wakes several waiters stores all
 * their outcomes before it runs the first wake. If a signal handler interrupts a wake, the interrupted call
 * runs the handler's wakes.
 *
 * No spurious wake-ups: ROUSE_OK means that you have what you asked for. (The exceptions are
 * rouse_waiter_queue_add_waiter_if and rouse_notify_wait_if: there ROUSE_OK means that you should check your
 * condition again. An object in throughput mode adds ROUSE_RETRY, see below.)
 *
 * An object in throughput mode (semaphore.h) adds two statuses. wake(w, ROUSE_RETRY) is not an outcome: w is
 * still queued, it is w's turn to ask, and you must call resume or decline. Until then cancel returns false.
 * Only waiters with a wake function and without a mailbox get ROUSE_RETRY. ROUSE_CANCELLED is the outcome of
 * a waiter that was cancelled in its mailbox: cancel returned false, the wake will run, and nothing is yours.
 *
 * Ordering: everything that a thread did before the release (unlock, notify) that woke the waiter happens
 * before its wake, and before whatever follows a read of its outcome.
 *
 * It is misuse to queue a waiter that is queued, to cancel it on an object that it is not queued on, or to
 * pass NULL. Inside wake it is misuse to block, to end the thread, or to leave by longjmp or an exception.
 * ROUSE_DEBUG aborts where it can detect it.
 *
 * Cost: 56 bytes on 64-bit targets (8 more with ROUSE_DEBUG, 8 more with ROUSE_STATS), no allocation. */
#ifndef ROUSE_WAITER_H
#define ROUSE_WAITER_H

#include "config.h"
#include "detail/base/atomic.h"
#include "detail/base/check.h"
#include "detail/base/platform.h"

#include <stddef.h>
#include <stdint.h>

/* What a call returns, and what a waiter is woken with. A negative status grants nothing. */
typedef enum rouse_status {
    ROUSE_OK = 0,        /* it is yours now                                                                 */
    ROUSE_PENDING = 1,   /* queued: wake will be called exactly once                                        */
    ROUSE_RETRY = 2,     /* throughput mode: it is your turn to ask; answer with resume or decline          */
    ROUSE_CLOSED = -1,   /* the object is closed                                                            */
    ROUSE_TIMEDOUT = -2, /* the time was up (timed variants only)                                           */
    ROUSE_NOMEM = -3,    /* no memory to queue the waiter; nothing changed (LOCKFREE only)                  */
    ROUSE_OVERFLOW = -4, /* a count would leave its range; nothing changed                                  */
    ROUSE_INVALID = -5,  /* an argument or state that makes no sense; nothing changed                       */
    ROUSE_CANCELLED = -6, /* throughput mode: cancelled while it was in its mailbox; nothing is yours       */
    ROUSE_FULL = -7 /* limit.h: as many as may wait are waiting already; nothing changed               */
} rouse_status;

/* The name of a status, "ROUSE_OK" and so on; "unknown rouse_status" for any other value. Never NULL. */
ROUSE_INLINE_ const char *rouse_status_string(rouse_status status) {
    switch ((int)status) {
    case ROUSE_OK:
        return "ROUSE_OK";
    case ROUSE_PENDING:
        return "ROUSE_PENDING";
    case ROUSE_RETRY:
        return "ROUSE_RETRY";
    case ROUSE_CLOSED:
        return "ROUSE_CLOSED";
    case ROUSE_TIMEDOUT:
        return "ROUSE_TIMEDOUT";
    case ROUSE_NOMEM:
        return "ROUSE_NOMEM";
    case ROUSE_OVERFLOW:
        return "ROUSE_OVERFLOW";
    case ROUSE_INVALID:
        return "ROUSE_INVALID";
    case ROUSE_CANCELLED:
        return "ROUSE_CANCELLED";
    case ROUSE_FULL:
        return "ROUSE_FULL";
    default:
        return "unknown rouse_status";
    }
}

typedef struct rouse_waiter rouse_waiter;
/* Wakes a waiter: called once, with the outcome, after each ROUSE_PENDING. */
typedef void rouse_wake_fn(rouse_waiter *waiter, rouse_status status);

/* One layout for every backend. The members are the library's; use the functions below. */
struct rouse_waiter {
    rouse_wake_fn *wake_;           /* NULL: polled                                                      */
    void *data_;                    /* the caller's                                                      */
    struct rouse_mailbox *mailbox_; /* NULL: wake runs on the waking thread                              */
    rouse_waiter *next_;            /* behind it in a list, in a chain of due wakes, or in a mailbox     */
    rouse_atomic_ptr_ place_;       /* lists: the waiter before it (under the lock); LOCKFREE: its last
                                       ticket's segment                                                  */
    rouse_atomic_u64_ account_;     /* queued: n asked for * 2^32 + permits lacked; due: the outcome      */
    rouse_atomic_u32_ status_;      /* bits 0-7 the rouse_status; bit 8: woken by a wake_all             */
    rouse_atomic_u32_ ticket_;      /* LOCKFREE: its last ticket; lists: their mark while it is listed   */
#ifdef ROUSE_STATS
    rouse_atomic_u64_ since_; /* when it queued (detail/wake/stats.h)                               */
#endif
#ifdef ROUSE_DEBUG
    rouse_atomic_u64_ owner_; /* what it is queued on (detail/wake/owner.h)                          */
#endif
};

#ifdef ROUSE_DEBUG
#    include "detail/wake/owner.h"
#else
#    define ROUSE_CHECK_NEW_(w) ((void)0)
#endif
#include "detail/wake/stats.h"

/* rouse_waiter_init without the check of the pointer. */
ROUSE_INLINE_ void rouse_waiter_prepare_(rouse_waiter *w, rouse_wake_fn *wake, void *data) {
    ROUSE_CHECK_NEW_(w);
    w->wake_ = wake;
    w->data_ = data;
    w->mailbox_ = NULL;
    w->next_ = NULL;
    rouse_ptr_init_(&w->place_, NULL);
    rouse_u32_init_(&w->status_, (uint32_t)ROUSE_OK);
    rouse_u32_init_(&w->ticket_, 0);
    rouse_u64_init_(&w->account_, 0);
#ifdef ROUSE_STATS
    rouse_u64_init_(&w->since_, 0);
#endif
#ifdef ROUSE_DEBUG
    rouse_u64_init_(&w->owner_, ROUSE_OWNER_NONE_);
#endif
}
ROUSE_INLINE_ void *rouse_waiter_data_(const rouse_waiter *w) {
    return w->data_;
}
ROUSE_INLINE_ rouse_status rouse_waiter_status_(const rouse_waiter *w) {
    /* E1: partner is the release store of the outcome in detail/wake/deliver.h. Acquire, because a polled
     * waiter's owner has no other edge to what the releaser did; nothing is written here, so nothing to
     * release. */
    return (rouse_status)(int8_t)(uint8_t)(rouse_u32_load_acquire_(&w->status_) & 0xffu);
}

/* Prepares a waiter, which may then be queued any number of times. `wake` is called once for each
 * ROUSE_PENDING; if it is NULL, poll the waiter with rouse_waiter_status. `data` is yours: rouse_waiter_data
 * returns it. To run wake on your loop's thread use rouse_waiter_init_on (mailbox.h).
 * Requires that the waiter is not queued. */
ROUSE_INLINE_ void rouse_waiter_init(rouse_waiter *w, rouse_wake_fn *wake, void *data) {
    ROUSE_CHECK_OBJECT_(w);
    rouse_waiter_prepare_(w, wake, data);
}

/* Returns the `data` given to rouse_waiter_init. */
ROUSE_INLINE_ void *rouse_waiter_data(const rouse_waiter *w) {
    ROUSE_CHECK_OBJECT_(w);
    return rouse_waiter_data_(w);
}

/* Returns ROUSE_PENDING while the waiter is queued, then its outcome. A thread that reads ROUSE_OK sees
 * everything that happened before the release that granted it. The status is meaningful from the call that
 * returned ROUSE_PENDING until the waiter is queued again; after cancel has returned true it is not. Cost:
 * one acquire load. */
ROUSE_INLINE_ rouse_status rouse_waiter_status(const rouse_waiter *w) {
    ROUSE_CHECK_OBJECT_(w);
    return rouse_waiter_status_(w);
}

#endif /* ROUSE_WAITER_H */
