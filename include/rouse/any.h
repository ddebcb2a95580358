/* rouse/any.h: wait for the first of several objects, with exactly one winner.
 *
 *     static rouse_arm arms[2];                                  // yours until wake runs; may be on a stack
 *     rouse_arm_semaphore(&arms[0], &permits, 1);
 *     rouse_arm_event(&arms[1], &stopping);
 *     rouse_any_init(&any, arms, 2, mailbox, wake, task);
 *     switch (rouse_any_wait(&any)) {
 *     case ROUSE_OK:      run(rouse_any_index(&any)); break;     // this arm had it at once
 *     case ROUSE_PENDING: break;                                 // wake(&any, index, status) will be called
 *     default:            ...                                    // closed, out of range, out of memory
 *     }
 *
 * Guarantees
 *   One winner. The any keeps exactly one arm's grant. If another arm is granted as well, the any hands that
 *   grant on (releases, unlocks, passes on) before the call that made it returns; inside a wake, when that
 *   wake has returned.
 *   Nothing is left behind. When wake runs, or rouse_any_wait returns anything but ROUSE_PENDING, every
 *   arm is out of its queue: you may free arms and objects.
 *   Ties go to the first arm in the array. A closed object wins with ROUSE_CLOSED; a set event and a drained
 *   gate win with ROUSE_OK, as always.
 *   What a thread did before the release that made the winner happens before wake.
 *
 * Cost: that of the arms' own calls, one more read-modify-write for each, and two or three for the any. If
 * the first arm answers at once: that of its call alone. It allocates nothing itself. Not for signal
 * handlers. */
#ifndef ROUSE_ANY_H
#define ROUSE_ANY_H

#include "detail/base/atomic.h"
#include "detail/base/check.h"
#include "detail/base/platform.h"
#include "detail/wake/deliver.h"
#include "event.h"
#include "gate.h"
#include "limit.h"
#include "mailbox.h"
#include "mutex.h"
#include "notify.h"
#include "semaphore.h"
#include "waiter.h"
#include "waiter_queue.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The most arms that one any may have. */
#define ROUSE_MAX_ARMS 32767

typedef struct rouse_any rouse_any;
typedef void rouse_any_wake_fn(rouse_any *any, int index, rouse_status status);

typedef struct rouse_arm_verbs_ {
    rouse_status (*wait)(void *object, rouse_waiter *w, uint32_t n);
    bool (*cancel)(void *object, rouse_waiter *w);
    void (*hand_on)(void *object, rouse_waiter *w,
                    uint32_t n);                           /* NULL: a grant is nothing that one could have */
    rouse_status (*resume)(void *object, rouse_waiter *w); /* NULL: there is no throughput mode */
    void (*decline)(void *object, rouse_waiter *w);
} rouse_arm_verbs_;

/* One object of an any. Its members are the library's. */
typedef struct rouse_arm {
    rouse_waiter waiter_;
    const rouse_arm_verbs_ *verbs_;
    void *object_;
    rouse_any *any_;
    uint32_t n_;
    uint32_t index_; /* in the any's array */
} rouse_arm;

/* state_    bits 0-15   how many still hold the any: each arm whose leg is to come, and the deciding thread
 *           bit  16     DECIDING: a thread is queueing or cancelling the arms; then it looks at the winner
 *           bits 17-32  the winner's index + 1; 0: nobody has won
 *           bit  33     LEAVING: cancelled, or refused at a later arm. No arm asks any more
 *   A leg is the wake of one arm. Only the thread that takes DECIDING may cancel arms. A leg that wins while
 *   DECIDING is set leaves the cancelling to its holder; one that wins while it is clear takes it in the same
 *   step. The thread that lets the last hold go delivers. */
struct rouse_any {
    rouse_waiter waiter_;
    rouse_any_wake_fn *wake_;
    void *data_;
    rouse_arm *arms_;
    uint32_t count_;
    rouse_status status_;  /* the winner's */
    rouse_status refused_; /* the outcome if nobody wins although rouse_any_wait has answered ROUSE_PENDING */
    rouse_atomic_u64_ state_;
};

#define ROUSE_ANY_HOLD_     ((uint64_t)1)
#define ROUSE_ANY_HOLDS_    ((uint64_t)0xffff)
#define ROUSE_ANY_DECIDING_ ((uint64_t)1 << 16)
#define ROUSE_ANY_WINNER_   ((uint64_t)1 << 17)
#define ROUSE_ANY_LEAVING_  ((uint64_t)1 << 33)

/* ---- the arms ----------------------------------------------------------------------------------- */

#define ROUSE_ARM_VERBS_(kind, type, wait_call, hand_on_call)                                        \
    ROUSE_INLINE_ rouse_status rouse_arm_##kind##_wait_(void *object, rouse_waiter *w, uint32_t n) { \
        type *const o = (type *)object;                                                              \
        (void)n;                                                                                     \
        return wait_call;                                                                            \
    }                                                                                                \
    ROUSE_INLINE_ bool rouse_arm_##kind##_cancel_(void *object, rouse_waiter *w) {                   \
        return rouse_##kind##_cancel((type *)object, w);                                             \
    }                                                                                                \
    ROUSE_INLINE_ void rouse_arm_##kind##_hand_on_(void *object, rouse_waiter *w, uint32_t n) {      \
        type *const o = (type *)object;                                                              \
        (void)o, (void)w, (void)n;                                                                   \
        hand_on_call;                                                                                \
    }

/* What a wake_all gave is not handed on, because it was not for later waiters. (The status that this reads is
 * always that of this wait, even if the call answered at once.) */
ROUSE_INLINE_ void rouse_arm_give_to_queue_(rouse_waiter_queue *q, const rouse_waiter *w, uint32_t n) {
    if (rouse_outcome_is_ones_(w)) {
        (void)rouse_queue_release_(q, n);
    }
}
ROUSE_ARM_VERBS_(semaphore, rouse_semaphore, rouse_semaphore_acquire(o, w, n),
                 (void)rouse_semaphore_release(o, n))
ROUSE_ARM_VERBS_(limit, rouse_limit, rouse_limit_acquire(o, w, n), (void)rouse_limit_give_back(o, n))
ROUSE_ARM_VERBS_(mutex, rouse_mutex, rouse_mutex_lock(o, w), (void)rouse_mutex_unlock(o))
ROUSE_ARM_VERBS_(notify, rouse_notify, rouse_notify_wait(o, w), rouse_notify_pass_on(o, w))
ROUSE_ARM_VERBS_(event, rouse_event, rouse_event_wait(o, w), (void)0)
ROUSE_ARM_VERBS_(gate, rouse_gate, rouse_gate_wait(o, w), (void)0)
ROUSE_ARM_VERBS_(waiter_queue, rouse_waiter_queue,
                 (rouse_outcome_at_once_(w, 0), rouse_waiter_queue_wait(o, w, n)),
                 rouse_arm_give_to_queue_(o, w, n))
#undef ROUSE_ARM_VERBS_

/* The arm answers the invitation of an object in throughput mode. */
ROUSE_INLINE_ rouse_status rouse_arm_semaphore_resume_(void *object, rouse_waiter *w) {
    return rouse_semaphore_resume((rouse_semaphore *)object, w);
}
ROUSE_INLINE_ void rouse_arm_semaphore_decline_(void *object, rouse_waiter *w) {
    rouse_semaphore_decline((rouse_semaphore *)object, w);
}
ROUSE_INLINE_ rouse_status rouse_arm_limit_resume_(void *object, rouse_waiter *w) {
    return rouse_limit_resume((rouse_limit *)object, w);
}
ROUSE_INLINE_ void rouse_arm_limit_decline_(void *object, rouse_waiter *w) {
    rouse_limit_decline((rouse_limit *)object, w);
}
ROUSE_INLINE_ rouse_status rouse_arm_mutex_resume_(void *object, rouse_waiter *w) {
    return rouse_mutex_resume((rouse_mutex *)object, w);
}
ROUSE_INLINE_ void rouse_arm_mutex_decline_(void *object, rouse_waiter *w) {
    rouse_mutex_decline((rouse_mutex *)object, w);
}

#define ROUSE_ARM_TABLE_(kind, hand_on, resume, decline)                                             \
    ROUSE_INLINE_ const rouse_arm_verbs_ *rouse_arm_##kind##_verbs_(void) {                          \
        static const rouse_arm_verbs_ verbs = {rouse_arm_##kind##_wait_, rouse_arm_##kind##_cancel_, \
                                               hand_on, resume, decline};                            \
        return &verbs;                                                                               \
    }
ROUSE_ARM_TABLE_(semaphore, rouse_arm_semaphore_hand_on_, rouse_arm_semaphore_resume_,
                 rouse_arm_semaphore_decline_)
ROUSE_ARM_TABLE_(limit, rouse_arm_limit_hand_on_, rouse_arm_limit_resume_, rouse_arm_limit_decline_)
ROUSE_ARM_TABLE_(mutex, rouse_arm_mutex_hand_on_, rouse_arm_mutex_resume_, rouse_arm_mutex_decline_)
ROUSE_ARM_TABLE_(notify, rouse_arm_notify_hand_on_, NULL, NULL)
ROUSE_ARM_TABLE_(event, rouse_arm_event_hand_on_, NULL, NULL)
ROUSE_ARM_TABLE_(gate, rouse_arm_gate_hand_on_, NULL, NULL)
ROUSE_ARM_TABLE_(waiter_queue, rouse_arm_waiter_queue_hand_on_, NULL, NULL)
#undef ROUSE_ARM_TABLE_

ROUSE_INLINE_ void rouse_arm_set_(rouse_arm *arm, const rouse_arm_verbs_ *verbs, void *object, uint32_t n) {
    arm->verbs_ = verbs;
    arm->object_ = object;
    arm->n_ = n;
}

#define ROUSE_CHECK_ARM_(arm, object) \
    (ROUSE_CHECK_OBJECT_(arm), ROUSE_CHECK_((object) != NULL, (arm), "the arm's object is NULL"))

/* Each makes `arm` wait for one object: for n permits, the mutex, a notification, the event to be set, or the
 * gate to drain. The object must outlive the wait. While its any does not wait, an arm may be set again,
 * without a new rouse_any_init. */
ROUSE_INLINE_ void rouse_arm_semaphore(rouse_arm *arm, rouse_semaphore *s, uint32_t n) {
    ROUSE_CHECK_ARM_(arm, s);
    rouse_arm_set_(arm, rouse_arm_semaphore_verbs_(), s, n);
}
ROUSE_INLINE_ void rouse_arm_limit(rouse_arm *arm, rouse_limit *l, uint32_t n) {
    ROUSE_CHECK_ARM_(arm, l);
    rouse_arm_set_(arm, rouse_arm_limit_verbs_(), l, n);
}
ROUSE_INLINE_ void rouse_arm_mutex(rouse_arm *arm, rouse_mutex *m) {
    ROUSE_CHECK_ARM_(arm, m);
    rouse_arm_set_(arm, rouse_arm_mutex_verbs_(), m, 1);
}
ROUSE_INLINE_ void rouse_arm_notify(rouse_arm *arm, rouse_notify *n) {
    ROUSE_CHECK_ARM_(arm, n);
    rouse_arm_set_(arm, rouse_arm_notify_verbs_(), n, 1);
}
ROUSE_INLINE_ void rouse_arm_event(rouse_arm *arm, rouse_event *e) {
    ROUSE_CHECK_ARM_(arm, e);
    rouse_arm_set_(arm, rouse_arm_event_verbs_(), e, 1);
}
ROUSE_INLINE_ void rouse_arm_gate(rouse_arm *arm, rouse_gate *g) {
    ROUSE_CHECK_ARM_(arm, g);
    rouse_arm_set_(arm, rouse_arm_gate_verbs_(), g, 1);
}
ROUSE_INLINE_ void rouse_arm_queue(rouse_arm *arm, rouse_waiter_queue *q, uint32_t n) {
    ROUSE_CHECK_ARM_(arm, q);
    rouse_arm_set_(arm, rouse_arm_waiter_queue_verbs_(), q, n);
}

/* ---- the decision ------------------------------------------------------------------------------- */

ROUSE_INLINE_ uint32_t rouse_any_winner_(uint64_t state) {
    return (uint32_t)(state / ROUSE_ANY_WINNER_) & 0xffff; /* index + 1, or 0 */
}
/* Once this is true an invited arm need not ask any more. */
ROUSE_INLINE_ bool rouse_any_decided_(uint64_t state) {
    return state >= ROUSE_ANY_WINNER_;
}

/* What the any's waiter is woken with when nobody holds the any any more. */
ROUSE_INLINE_ uint32_t rouse_any_outcome_(const rouse_any *a, uint64_t state) {
    return rouse_outcome_(rouse_any_winner_(state) != 0 ? a->status_ : a->refused_, 0);
}

/* The end of a leg: lets go of `holds`, and of DECIDING if that is added to them. The thread that lets the
 * last one go wakes the waiter. */
ROUSE_SLOW_ void rouse_any_let_go_(rouse_any *a, uint64_t holds) {
    /* E50: release, for status_ and all that this arm's releaser did; acquire, in case this is the last one,
     * which tells of the winner. */
    const uint64_t before = rouse_u64_add_acq_rel_(&a->state_, 0 - holds);
    if (((before - holds) & ROUSE_ANY_HOLDS_) == 0) {
        rouse_deliver_last_(&a->waiter_, rouse_any_outcome_(a, before));
    }
}

/* Makes arm i the winner, if nobody has won. *deciding: whether another thread decides, or else this one does
 * now. */
ROUSE_INLINE_ bool rouse_any_win_(rouse_any *a, uint32_t i, rouse_status status, bool *deciding) {
    uint64_t seen = rouse_u64_load_relaxed_(&a->state_); /* relaxed: a guess for the CAS */
    do {
        *deciding = (seen & (ROUSE_ANY_DECIDING_ | ROUSE_ANY_LEAVING_)) != 0;
        if (rouse_any_winner_(seen) != 0) {
            return false;
        }
        /* E50: acquire, so that the thread that decides sees every arm as rouse_any_wait has queued it. */
    } while (!rouse_u64_cas_acquire_(
        &a->state_, &seen, (*deciding ? seen : seen + ROUSE_ANY_DECIDING_) + (i + 1) * ROUSE_ANY_WINNER_));
    a->status_ = status;
    return true;
}

/* By the thread that has DECIDING: takes the first `count` arms out of their queues. Returns how many holds
 * have become free: those of arms whose legs will not come. The winner's cancel is false. */
ROUSE_INLINE_ uint64_t rouse_any_cancel_arms_(rouse_any *a, uint32_t count, const rouse_arm *except) {
    uint64_t holds = 0;
    rouse_arm *arm = a->arms_;
    for (uint32_t left = count; left != 0; left--, arm++) {
        if (arm != except && arm->verbs_->cancel(arm->object_, &arm->waiter_)) {
            holds += ROUSE_ANY_HOLD_;
        }
    }
    return holds;
}

/* An arm is invited (throughput mode). Returns its outcome, and has taken one more hold; or ROUSE_PENDING:
 * the arm still waits, or is out of its queue.
 *
 * While the arm asks, a cancel of it returns false. If others were quicker it is queued again, so it checks
 * once more whether it has to leave. The hold keeps the any alive for that check: by then another thread may
 * have invited the arm again and granted it. */
ROUSE_INLINE_ rouse_status rouse_any_ask_(rouse_any *a, rouse_arm *arm) {
    rouse_status status;
    /* E50: acquire, so that this thread sees every arm as rouse_any_wait has queued it. */
    if (rouse_any_decided_(rouse_u64_add_acq_rel_(&a->state_, ROUSE_ANY_HOLD_))) {
        arm->verbs_->decline(arm->object_, &arm->waiter_);
        rouse_any_let_go_(a, 2 * ROUSE_ANY_HOLD_);
        return ROUSE_PENDING;
    }
    status = arm->verbs_->resume(arm->object_, &arm->waiter_);
    if (status == ROUSE_PENDING) {
        uint64_t holds = ROUSE_ANY_HOLD_;
        /* E50: a read-modify-write, because the arm is queued before it. Either it sees the decision, or the
         * deciding thread finds the arm in its queue. */
        if (rouse_any_decided_(rouse_u64_add_acq_rel_(&a->state_, 0)) &&
            arm->verbs_->cancel(arm->object_, &arm->waiter_)) {
            holds += ROUSE_ANY_HOLD_;
        }
        rouse_any_let_go_(a, holds);
    }
    return status;
}

/* Ends the wait. The calling thread has made `arm` the winner, and has DECIDING and the arm's `holds`. */
ROUSE_INLINE_ void rouse_any_decide_(rouse_any *a, const rouse_arm *arm, uint64_t holds) {
    uint64_t seen;
    holds += rouse_any_cancel_arms_(a, a->count_, arm);
    /* E50: acquire; the partners are the threads that gave up their holds. No thread without a hold takes
     * one, so if this thread has the only ones, it need not give them up: the next wait starts again. */
    seen = rouse_u64_load_acquire_(&a->state_);
    if (ROUSE_LIKELY_((seen & ROUSE_ANY_HOLDS_) == holds)) {
        rouse_deliver_last_(&a->waiter_, rouse_outcome_(a->status_, 0));
    } else {
        rouse_any_let_go_(a, holds + ROUSE_ANY_DECIDING_);
    }
}

/* The wake of an arm that is invited, or comes after another leg, or before rouse_any_wait has ended. The arm
 * wins, or hands on what it was given. */
ROUSE_SLOW_ void rouse_any_leg_other_(rouse_any *a, rouse_arm *arm, rouse_status status) {
    uint64_t holds = ROUSE_ANY_HOLD_;
    bool deciding;
    if (status == ROUSE_RETRY) {
        status = rouse_any_ask_(a, arm);
        if (status == ROUSE_PENDING) {
            return;
        }
        holds += ROUSE_ANY_HOLD_;
    }
    if (!rouse_any_win_(a, arm->index_, status, &deciding)) {
        if (status == ROUSE_OK) {
            arm->verbs_->hand_on(arm->object_, &arm->waiter_, arm->n_);
        }
    } else if (!deciding) {
        rouse_any_decide_(a, arm, holds);
        return;
    }
    rouse_any_let_go_(a, holds);
}

/* The wake of every arm. The usual case: the any waits, and this is the first leg. */
ROUSE_INLINE_ void rouse_any_leg_(rouse_waiter *w, rouse_status status) {
    rouse_arm *const arm = (rouse_arm *)w;
    rouse_any *const a = arm->any_;
    uint64_t seen = a->count_ * ROUSE_ANY_HOLD_;
    const uint64_t won = seen + ROUSE_ANY_DECIDING_ + (arm->index_ + 1) * ROUSE_ANY_WINNER_;
    /* E50: acquire, so that this thread sees every arm as rouse_any_wait has queued it. */
    if (ROUSE_LIKELY_(status != ROUSE_RETRY) &&
        ROUSE_LIKELY_(rouse_u64_cas_acquire_(&a->state_, &seen, won))) {
        a->status_ = status;
        rouse_any_decide_(a, arm, ROUSE_ANY_HOLD_);
    } else {
        rouse_any_leg_other_(a, arm, status);
    }
}

ROUSE_INLINE_ void rouse_any_tell_(rouse_waiter *w, rouse_status status) {
    rouse_any *const a = (rouse_any *)w;
    /* Relaxed: the winner was decided before the delivery. */
    a->wake_(a, (int)rouse_any_winner_(rouse_u64_load_relaxed_(&a->state_)) - 1, status);
}

/* ---- the public calls --------------------------------------------------------------------------- */

/* Prepares an any over `count` arms, at most ROUSE_MAX_ARMS. wake: called once for each ROUSE_PENDING, in the
 * mailbox's drain or, if mailbox is NULL, on the thread whose call decided; if wake is NULL, poll the any
 * with rouse_any_status. data: for rouse_any_data. */
ROUSE_INLINE_ void rouse_any_init(rouse_any *a, rouse_arm *arms, uint32_t count, rouse_mailbox *mailbox,
                                  rouse_any_wake_fn *wake, void *data) {
    ROUSE_CHECK_OBJECT_(a);
    ROUSE_CHECK_(arms != NULL || count == 0, a, "the arms are NULL");
    ROUSE_CHECK_MADE_ON_(mailbox);
    rouse_mailbox_prepare_(mailbox, &a->waiter_, wake != NULL ? rouse_any_tell_ : NULL, data);
    a->wake_ = wake;
    a->data_ = data;
    a->arms_ = arms;
    a->count_ = count;
    a->status_ = ROUSE_INVALID;
    a->refused_ = ROUSE_INVALID;
    rouse_u64_init_(&a->state_, 0);
    for (uint32_t i = 0; i < count && count <= ROUSE_MAX_ARMS; i++) {
        arms[i].any_ = a;
        arms[i].index_ = i;
        rouse_waiter_prepare_(&arms[i].waiter_, rouse_any_leg_, NULL);
    }
}

/* Returns the `data` given to rouse_any_init. */
ROUSE_INLINE_ void *rouse_any_data(const rouse_any *a) {
    ROUSE_CHECK_OBJECT_(a);
    return a->data_;
}

/* The first arm has answered `status` at once. No other arm is queued, so no other thread changes the any,
 * and its state needs no read-modify-write. */
ROUSE_SLOW_ rouse_status rouse_any_had_at_once_(rouse_any *a, rouse_status status) {
    const bool wins = status == ROUSE_OK || status == ROUSE_CLOSED;
    /* Relaxed, both: this thread's. */
    rouse_u64_store_relaxed_(&a->state_, wins ? ROUSE_ANY_WINNER_ : ROUSE_ANY_LEAVING_);
    rouse_u32_store_relaxed_(&a->waiter_.status_, rouse_outcome_(status, 0));
    return status;
}

/* Arm i has answered `status` at once: a grant or a closed object wins, or is handed on; an error ends the
 * wait. */
ROUSE_INLINE_ void rouse_any_answered_(rouse_any *a, uint32_t i, rouse_status status) {
    if (status == ROUSE_OK || status == ROUSE_CLOSED) {
        bool deciding;
        rouse_arm *const arm = &a->arms_[i];
        if (!rouse_any_win_(a, i, status, &deciding) && status == ROUSE_OK) {
            arm->verbs_->hand_on(arm->object_, &arm->waiter_, arm->n_);
        }
    } else {
        a->refused_ = status;
        /* E50: a read-modify-write, like that of rouse_any_ask_; no arm asks after it. */
        (void)rouse_u64_add_acq_rel_(&a->state_, ROUSE_ANY_LEAVING_);
    }
}

/* Ends rouse_any_wait, where `queued` arms are queued, and the last call returned `answer`. If the wait is
 * decided, it cancels those arms. It gives up DECIDING, and the holds of the thread and of the arms that are
 * out. */
ROUSE_SLOW_ rouse_status rouse_any_let_legs_come_(rouse_any *a, uint32_t queued, rouse_status answer) {
    uint64_t holds = ROUSE_ANY_HOLD_ + ROUSE_ANY_DECIDING_ + (a->count_ - queued) * ROUSE_ANY_HOLD_;
    bool cancelled = false;
    rouse_status status;
    uint64_t seen;
    if (answer != ROUSE_PENDING) {
        rouse_any_answered_(a, queued, answer);
    }
    /* E50: acquire, so that this thread sees every arm as it is queued. */
    seen = rouse_u64_load_acquire_(&a->state_);
    do {
        if (!cancelled && rouse_any_decided_(seen)) {
            const uint32_t winner = rouse_any_winner_(seen);
            holds += rouse_any_cancel_arms_(a, queued, winner != 0 ? &a->arms_[winner - 1] : NULL);
            cancelled = true;
        }
        /* E50: release, for the arms as they are queued now. Acquire, for a winner that this call delivers
         * to. */
    } while (!rouse_u64_cas_acq_rel_(&a->state_, &seen, seen - holds));
    if (((seen - holds) & ROUSE_ANY_HOLDS_) != 0) {
        return ROUSE_PENDING;
    }
    status = rouse_any_winner_(seen) != 0 ? a->status_ : answer;
    rouse_u32_store_relaxed_(&a->waiter_.status_, rouse_outcome_(status, 0)); /* relaxed: this thread's */
    return status;
}

/* Queues the arms in their order until one answers at once, or one of those queued has won. */
ROUSE_SLOW_ rouse_status rouse_any_wait_(rouse_any *a) {
    rouse_arm *arm = a->arms_;
    uint32_t left = a->count_;
    rouse_status status;
    /* Relaxed, both: no leg can come before its arm is queued, and the queueing publishes it. */
    rouse_u32_store_relaxed_(&a->waiter_.status_, (uint32_t)ROUSE_PENDING);
    rouse_u64_store_relaxed_(&a->state_, ROUSE_ANY_DECIDING_ + (left + 1) * ROUSE_ANY_HOLD_);
    do {
        status = arm->verbs_->wait(arm->object_, &arm->waiter_, arm->n_);
        if (!ROUSE_LIKELY_(status == ROUSE_PENDING)) {
            return left == a->count_ ? rouse_any_had_at_once_(a, status)
                                     : rouse_any_let_legs_come_(a, a->count_ - left, status);
        }
        arm++;
        left--;
        /* Relaxed: it only spares arms that would be cancelled again. */
    } while (left != 0 && !rouse_any_decided_(rouse_u64_load_relaxed_(&a->state_)));
    if (ROUSE_LIKELY_(left == 0)) {
        /* The guess: every leg is still to come. */
        uint64_t seen = ROUSE_ANY_DECIDING_ + (a->count_ + 1) * ROUSE_ANY_HOLD_;
        /* E50: release, for the arms as they are queued now. */
        if (ROUSE_LIKELY_(rouse_u64_cas_release_(&a->state_, &seen, a->count_ * ROUSE_ANY_HOLD_))) {
            return ROUSE_PENDING;
        }
    }
    return rouse_any_let_legs_come_(a, a->count_ - left, ROUSE_PENDING);
}

/* Waits for the first of the arms.
 *   ROUSE_OK         an arm had it at once; rouse_any_index says which. No arm is queued
 *   ROUSE_PENDING    wake will be called
 *   ROUSE_CLOSED     an arm's object is closed; rouse_any_index says which. No arm is queued
 *   ROUSE_INVALID    no arms, or more than ROUSE_MAX_ARMS
 *   another status   what an arm's call returned when no arm before it had anything; nothing changed */
ROUSE_NODISCARD_
ROUSE_INLINE_ rouse_status rouse_any_wait(rouse_any *a) {
    ROUSE_CHECK_OBJECT_(a);
    return a->count_ - 1 < ROUSE_MAX_ARMS ? rouse_any_wait_(a) : ROUSE_INVALID;
}

/* Gives up waiting.
 * Returns true: wake will never run, nothing is yours, and every arm is out of its queue. False: an arm has
 * been granted or closed, or was just being invited (throughput mode), and wake has run, is running or will
 * run. If the invited arm gets nothing, wake gets index -1 and ROUSE_CANCELLED. If the any is polled, false
 * does not mean that its outcome is there already. The arm's wake may have been deferred to the call in which
 * this thread is. The any and its arms are yours again when rouse_any_status returns something other than
 * ROUSE_PENDING. */
ROUSE_NODISCARD_
ROUSE_INLINE_ bool rouse_any_cancel(rouse_any *a) {
    uint64_t holds;
    uint64_t seen;
    ROUSE_CHECK_OBJECT_(a);
    seen = rouse_u64_load_relaxed_(&a->state_); /* relaxed: a guess for the CAS */
    do {
        if ((seen & ROUSE_ANY_DECIDING_) != 0 || rouse_any_decided_(seen) || (seen & ROUSE_ANY_HOLDS_) == 0) {
            return false;
        }
        /* E50: acquire, so that this thread sees every arm as rouse_any_wait has queued it. */
    } while (!rouse_u64_cas_acquire_(&a->state_, &seen,
                                     seen + ROUSE_ANY_DECIDING_ + ROUSE_ANY_HOLD_ + ROUSE_ANY_LEAVING_));
    a->refused_ = ROUSE_CANCELLED;
    holds = rouse_any_cancel_arms_(a, a->count_, NULL) + ROUSE_ANY_DECIDING_ + ROUSE_ANY_HOLD_;
    seen = rouse_u64_load_relaxed_(&a->state_); /* relaxed: a guess for the CAS */
    /* E50: acq_rel, for the other holds and for the winner's outcome. */
    while (!rouse_u64_cas_acq_rel_(&a->state_, &seen, seen - holds)) {
    }
    if (((seen - holds) & ROUSE_ANY_HOLDS_) != 0) {
        return false;
    }
    if (rouse_any_winner_(seen) != 0) {
        rouse_deliver_one_(&a->waiter_, rouse_any_outcome_(a, seen));
        return false;
    }
    rouse_waiter_release_(&a->waiter_);
    return true;
}

ROUSE_INLINE_ int rouse_any_index_(const rouse_any *a) {
    return (int)rouse_any_winner_(rouse_u64_load_acquire_(&a->state_)) - 1; /* E50: as rouse_waiter_status */
}

/* Returns the index of the arm that won, or -1 if none has yet. It is meaningful in wake and after it, and
 * once rouse_any_wait has returned something else than ROUSE_PENDING. */
ROUSE_INLINE_ int rouse_any_index(const rouse_any *a) {
    ROUSE_CHECK_OBJECT_(a);
    return rouse_any_index_(a);
}

/* Returns ROUSE_PENDING while it waits, then the outcome. Cost: one acquire load. */
ROUSE_INLINE_ rouse_status rouse_any_status(const rouse_any *a) {
    ROUSE_CHECK_OBJECT_(a);
    return rouse_waiter_status_(&a->waiter_);
}

/* Gives back what the winner was granted, if you do not want it. Does nothing if no arm has won or the
 * winner's object was closed. */
ROUSE_INLINE_ void rouse_any_hand_on(rouse_any *a) {
    int winner;
    ROUSE_CHECK_OBJECT_(a);
    winner = rouse_any_index_(a);
    if (winner >= 0 && rouse_waiter_status_(&a->waiter_) == ROUSE_OK) {
        rouse_arm *const arm = &a->arms_[winner];
        arm->verbs_->hand_on(arm->object_, &arm->waiter_, arm->n_);
    }
}

#endif /* ROUSE_ANY_H */
