/* rouse/detail/wake/outcome.h: what a waiter's members hold while it is queued, due and delivered. Internal.
 *
 *   member      while                       upper 32 bits           lower 32 bits
 *   account_    queued                      n that it asked for     what it still lacks of n
 *               due                         0                       the outcome: bits 0-7 the rouse_status,
 *                                                                   above them the bits listed below
 *   status_     from PENDING to the outcome                         the same
 *
 *   PENDING -> outcome    the thread that serves, closes or sweeps it (rouse_outcome_store_)
 *   MAILED -> not         the loop's thread, before it calls the wake or when it revokes
 *   PENDING -> INVALID    the canceller that has taken it out (rouse_waiter_release_) */
#ifndef ROUSE_DETAIL_WAKE_OUTCOME_H
#define ROUSE_DETAIL_WAKE_OUTCOME_H

#include "../../waiter.h"
#include "../base/atomic.h"
#include "../base/check.h"
#include "../base/platform.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bits above the status, in rouse_waiter.account_ while the outcome is due and in status_ once it is stored.
 *
 *   bit         account_  status_
 *   BY_ALL      yes       yes       woken by a wake_all
 *   ARRIVED     yes       -         the loop's thread has taken it out of the mailbox: its wake runs next
 *   COUNTED     yes       -         with ARRIVED: one drain has counted it, another call runs its wake
 *   INVITED     yes       -         throughput mode: drain has to ask for it (asker.h)
 *   ASKER       yes       -         with INVITED: times its index in the table of askers
 *   MAILED      -         yes       on its way to or in a mailbox; cleared when its wake begins, or by revoke
 *   OWED        -         PENDING   a cancel came too late: the outcome is about to be stored */
enum {
    ROUSE_OUTCOME_BY_ALL_ = 0x100,
    ROUSE_OUTCOME_ARRIVED_ = 0x200,
    ROUSE_MAILED_ = 0x400,
    ROUSE_OWED_ = 0x800,
    ROUSE_COUNTED_ = 0x1000,
    ROUSE_OUTCOME_INVITED_ = 0x2000,
    ROUSE_OUTCOME_ASKER_ = 0x10000
};

ROUSE_INLINE_ uint32_t rouse_outcome_(rouse_status status, uint32_t bits) {
    return ((uint32_t)status & 0xffu) | bits;
}
ROUSE_INLINE_ rouse_status rouse_outcome_status_(uint32_t outcome) {
    return (rouse_status)(int8_t)(uint8_t)(outcome & 0xffu);
}

/* A queued waiter's account. The thread that writes it owns the waiter: before it is queued, under the lock,
 * or (LOCKFREE, by read-modify-write) after it has won the waiter's cell. So the orders here are relaxed, and
 * the edges are elsewhere. */
ROUSE_INLINE_ uint64_t rouse_account_make_(uint32_t n, uint32_t lacks) {
    return (uint64_t)n * ((uint64_t)UINT32_MAX + 1) + lacks;
}
ROUSE_INLINE_ uint32_t rouse_account_asked_(const rouse_waiter *w) {
    return (uint32_t)(rouse_u64_load_relaxed_(&w->account_) >> 32);
}
ROUSE_INLINE_ uint32_t rouse_account_lacks_(const rouse_waiter *w) {
    return (uint32_t)rouse_u64_load_relaxed_(&w->account_);
}
ROUSE_INLINE_ void rouse_account_set_lacks_(rouse_waiter *w, uint32_t lacks) {
    rouse_u64_store_relaxed_(&w->account_, rouse_account_make_(rouse_account_asked_(w), lacks));
}
/* Returns a due waiter's outcome. Only this thread uses it. */
ROUSE_INLINE_ uint32_t rouse_outcome_due_(const rouse_waiter *w) {
    return (uint32_t)rouse_u64_load_relaxed_(&w->account_);
}
/* Does the outcome tell the waiter, or its mailbox, to ask? */
ROUSE_INLINE_ bool rouse_outcome_invites_(uint32_t outcome) {
    return (outcome & 0xffu) == (uint32_t)ROUSE_RETRY;
}
/* account_: (n, lacks) -> (0, outcome). Only the thread that has taken w out calls it. */
ROUSE_INLINE_ void rouse_outcome_set_due_(rouse_waiter *w, uint32_t outcome) {
    rouse_u64_store_relaxed_(&w->account_, outcome);
}

/* ROUSE_DEBUG: what a waiter is queued on (owner.h). */
#ifdef ROUSE_DEBUG
#    define ROUSE_OWN_(w, q)         rouse_owner_set_((w), (q), 0)
#    define ROUSE_OWN_QUEUED_(w, q)  rouse_owner_queued_((w), (q))
#    define ROUSE_OWN_MAILED_(w, mb) rouse_owner_set_((w), (mb), 1)
#    define ROUSE_HELD_(w, data)     rouse_owner_held_((w), (data))
#    define ROUSE_DISOWN_(w)         rouse_owner_clear_(w)
#    define ROUSE_CHECK_DUE_(w)      rouse_owner_check_due_(w)
#    define ROUSE_CHECK_IDLE_(w, object)                          \
        (ROUSE_CHECK_((w) != NULL, object, "the waiter is NULL"), \
         rouse_owner_check_idle_((w), __func__, (object)))
#    define ROUSE_CHECK_OWNED_(w, q, object)                      \
        (ROUSE_CHECK_((w) != NULL, object, "the waiter is NULL"), \
         rouse_owner_check_on_((w), (q), __func__, (object)))
#else
#    define ROUSE_OWN_(w, q)                 ((void)0)
#    define ROUSE_OWN_QUEUED_(w, q)          ((void)0)
#    define ROUSE_OWN_MAILED_(w, mb)         ((void)0)
#    define ROUSE_HELD_(w, data)             ((void)0)
#    define ROUSE_DISOWN_(w)                 ((void)0)
#    define ROUSE_CHECK_DUE_(w)              ((void)0)
#    define ROUSE_CHECK_IDLE_(w, object)     ((void)0)
#    define ROUSE_CHECK_OWNED_(w, q, object) ((void)0)
#endif

/* Gives w back to its owner without a wake. Its status is not PENDING, so that cancelling it (again) is false
 * at once. It is not OK either, so that nobody takes it for granted. Relaxed: it says nothing about anything
 * else. */
ROUSE_INLINE_ void rouse_waiter_release_(rouse_waiter *w) {
    ROUSE_DISOWN_(w);
    rouse_u32_store_relaxed_(&w->status_, rouse_outcome_(ROUSE_INVALID, 0));
}

/* Make a stand-in, and say for which waiter. It is queued in that waiter's place, and its outcome goes to
 * that waiter, as if it had been queued itself. So a condition variable can move a waiter to the queue of a
 * mutex while other threads may look at its status. A stand-in has no wake, like a polled waiter, and it
 * keeps the other waiter where its mailbox would be. */
ROUSE_INLINE_ void rouse_standin_init_(rouse_waiter *standin) {
    rouse_waiter_prepare_(standin, NULL, NULL);
}
ROUSE_INLINE_ void rouse_standin_set_(rouse_waiter *standin, rouse_waiter *w) {
    standin->mailbox_ = (struct rouse_mailbox *)(void *)w;
}
ROUSE_INLINE_ bool rouse_standin_is_(const rouse_waiter *w) {
    return w->wake_ == NULL && w->mailbox_ != NULL;
}
ROUSE_INLINE_ rouse_waiter *rouse_standin_for_(const rouse_waiter *standin) {
    return (rouse_waiter *)(void *)standin->mailbox_;
}

/* Stores the outcome. From here on a polled waiter belongs to its owner. */
ROUSE_INLINE_ void rouse_outcome_store_(rouse_waiter *w, uint32_t outcome) {
    ROUSE_CHECK_DUE_(w);
    if (rouse_outcome_status_(outcome) == ROUSE_OK) {
        ROUSE_HELD_(w, w->data_);
    }
    if (w->wake_ == NULL) {
        ROUSE_DISOWN_(w);
    }
    /* E1: release. The partner is the acquire load in rouse_waiter_status. A thread that reads the outcome
     * sees all that this thread did, or has acquired, before it (the release that it serves). */
    rouse_u32_store_release_(&w->status_, outcome);
}

/* Notes that a call answers ROUSE_OK to w at once, for rouse_notify_pass_on. `bits`: BY_ALL if a wake_all did
 * it. Relaxed: only this thread reads it. */
ROUSE_INLINE_ void rouse_outcome_at_once_(rouse_waiter *w, uint32_t bits) {
    rouse_u32_store_relaxed_(&w->status_, rouse_outcome_(ROUSE_OK, bits));
}

/* Did a notification for one waiter satisfy w, and not a wake_all? E1: acquire. The next waiter, to which it
 * is passed on, then sees what came before the notification. */
ROUSE_INLINE_ bool rouse_outcome_is_ones_(const rouse_waiter *w) {
    return (rouse_u32_load_acquire_(&w->status_) & (ROUSE_OUTCOME_BY_ALL_ | 0xffu)) == (uint32_t)ROUSE_OK;
}

/* Has w its outcome, and is it neither in a mailbox nor on its way to one? E1: acquire; the partner is the
 * release in rouse_outcome_store_. */
ROUSE_INLINE_ bool rouse_outcome_is_in_(const rouse_waiter *w) {
    const uint32_t status = rouse_u32_load_acquire_(&w->status_);
    return (status & 0xffu) != (uint32_t)ROUSE_PENDING && (status & ROUSE_MAILED_) == 0;
}
/* Does w's wake run in a mailbox's drain? */
ROUSE_INLINE_ bool rouse_outcome_has_mailbox_(const rouse_waiter *w) {
    return w->mailbox_ != NULL;
}

/* Ends a cancel that came too late: another thread is granting w, and is about to store the outcome. For a
 * polled waiter this call waits for that store. For a waiter on a mailbox it leaves a note, so that revoke
 * waits for the store. */
ROUSE_INLINE_ void rouse_outcome_await_(rouse_waiter *w) {
    uint32_t step = 1;
    if (rouse_standin_is_(w)) {
        w = rouse_standin_for_(w);
    }
    if (w->wake_ != NULL) {
        uint32_t pending = (uint32_t)ROUSE_PENDING;
        if (w->mailbox_ != NULL) {
            /* Relaxed: only this thread reads the note. If it fails, the outcome is stored. */
            (void)rouse_u32_cas_relaxed_(&w->status_, &pending, pending | ROUSE_OWED_);
        }
        return;
    }
    while (rouse_waiter_status_(w) == ROUSE_PENDING) {
        rouse_platform_back_off_(&step);
    }
}

#endif /* ROUSE_DETAIL_WAKE_OUTCOME_H */
