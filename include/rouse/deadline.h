/* rouse/deadline.h: time-outs on the loop's own thread.
 *
 *     rouse_deadlines_init(&deadlines);                                      // one a loop
 *     rouse_timed_init(&request->timed, &deadlines, &mailbox, wake, request);
 *     ...
 *     status = rouse_limit_acquire_until(&connections, &request->timed, 1, now + 5 * SECOND);
 *     ...
 *     sleep_at_most_until(rouse_deadlines_next(&deadlines));                 // in each turn of the loop
 *     rouse_mailbox_drain(&mailbox);                                         // runs the wakes of grants,
 *     rouse_deadlines_run(&deadlines, now);                                  // then those of time-outs
 *
 * wake gets the outcome, as a waiter's does, or ROUSE_TIMEDOUT. This header reads no clock: `until` and `now`
 * are times on your clock, in nanoseconds or any other unit.
 *
 * The deadlines and everything that waits with them belong to one thread, the loop's. If other threads
 * release, unlock or set, a rouse_timed needs a mailbox, and its wake runs in that mailbox's drain or in
 * rouse_deadlines_run. In a program with one thread it needs none, and its wake runs where any waiter's does.
 *
 * Guarantees. A time-out that loses to a grant reports the grant, even while the grant is still in the
 * mailbox: no permit is lost, whether drain or run comes first. Equal deadlines run out in the order in which
 * their waits began. After ROUSE_TIMEDOUT the rouse_timed is queued nowhere. For an object in throughput mode
 * the rouse_timed answers invitations itself: wake never gets ROUSE_RETRY.
 *
 * Cost: that of the wait, and an entry in a heap that is linked through the rouse_timed, with no allocation
 * and no atomic read-modify-write. Beginning a wait and being granted take constant time in the usual case
 * that later waits have later deadlines; a time-out takes amortized O(log n). */
#ifndef ROUSE_DEADLINE_H
#define ROUSE_DEADLINE_H

#include "channel.h"
#include "config.h"
#include "detail/base/atomic.h"
#include "detail/base/check.h"
#include "detail/base/owner.h"
#include "detail/wake/deliver.h"
#include "detail/wake/outcome.h"
#include "event.h"
#include "gate.h"
#include "limit.h"
#include "mailbox.h"
#include "mutex.h"
#include "notify.h"
#include "once.h"
#include "rwlock.h"
#include "semaphore.h"
#include "waiter.h"
#include "waiter_queue.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct rouse_timed rouse_timed;
typedef void rouse_timed_wake_fn(rouse_timed *t, rouse_status status);

typedef struct rouse_deadlines {
    rouse_timed *heap_;          /* the earliest; a pairing heap                                       */
    rouse_timed *due_;           /* those that run has taken out of the heap and not yet ended         */
    rouse_timed *due_end_;       /* the last of them                                                   */
    uint64_t begun_;             /* how many waits have begun                                          */
    void (*changed_)(void *arg); /* called when there is a new earliest deadline; may be NULL        */
    void *changed_arg_;
    ROUSE_OWNER_MEMBER_
} rouse_deadlines;

typedef bool rouse_timed_cancel_fn_(void *object, rouse_waiter *w);

/* Where a rouse_timed is: in no list; in the heap; among those that are due; or in no list and being
 * cancelled, for the reason in the name. */
enum {
    ROUSE_TIMED_OUTSIDE_,
    ROUSE_TIMED_IN_HEAP_,
    ROUSE_TIMED_DUE_,
    ROUSE_TIMED_TIMED_OUT_,
    ROUSE_TIMED_CANCELLED_
};

struct rouse_timed {
    rouse_waiter waiter; /* first: its wake finds the rest by its address */
    rouse_deadlines *deadlines_;
    rouse_mailbox *mailbox_;
    rouse_timed_wake_fn *wake_;
    void *object_; /* what it waits for, until its wake begins; NULL: it does not wait */
    rouse_timed_cancel_fn_ *cancel_;
    uint64_t until_;
    uint64_t order_; /* among equal deadlines */
    rouse_timed *child_;
    rouse_timed *next_; /* the sibling behind it, or the one behind it that is due                          */
    rouse_timed
        *before_;    /* the sibling before it, or the parent of the first; or the one before it that is due */
    uint32_t place_; /* ROUSE_TIMED_… */
};

/* ---- the heap: the earliest deadline at the root, the order of beginning among equal ones -------------- */

/* Makes the later of two roots the first child of the earlier one. */
ROUSE_INLINE_ rouse_timed *rouse_timed_meld_(rouse_timed *a, rouse_timed *b) {
    const bool a_first = a->until_ < b->until_ || (a->until_ == b->until_ && a->order_ < b->order_);
    rouse_timed *const root = a_first ? a : b;
    rouse_timed *const child = a_first ? b : a;
    child->before_ = root;
    child->next_ = root->child_;
    if (child->next_ != NULL) {
        child->next_->before_ = child;
    }
    root->child_ = child;
    return root;
}

/* Makes one root of a list of siblings: melds them in pairs, then the pairs from the last to the first. */
ROUSE_INLINE_ rouse_timed *rouse_timed_meld_all_(rouse_timed *t) {
    rouse_timed *pairs = NULL;
    rouse_timed *root = NULL;
    while (t != NULL) {
        rouse_timed *pair = t;
        rouse_timed *const second = t->next_;
        t = second == NULL ? NULL : second->next_;
        if (second != NULL) {
            pair = rouse_timed_meld_(pair, second);
        }
        pair->next_ = pairs;
        pairs = pair;
    }
    while (pairs != NULL) {
        rouse_timed *const pair = pairs;
        pairs = pair->next_;
        root = root == NULL ? pair : rouse_timed_meld_(root, pair);
    }
    if (root != NULL) {
        root->next_ = NULL;
        root->before_ = NULL;
    }
    return root;
}

ROUSE_INLINE_ void rouse_deadlines_add_(rouse_deadlines *d, rouse_timed *t, uint64_t until) {
    t->until_ = until;
    t->order_ = d->begun_++;
    t->child_ = NULL;
    t->next_ = NULL;
    t->before_ = NULL;
    t->place_ = ROUSE_TIMED_IN_HEAP_;
    d->heap_ = d->heap_ == NULL ? t : rouse_timed_meld_(d->heap_, t);
    if (d->heap_ == t && d->changed_ != NULL) {
        d->changed_(d->changed_arg_);
    }
}

/* Takes t out of the heap, or out of those that are due, if it is in either. */
ROUSE_INLINE_ void rouse_deadlines_remove_(rouse_deadlines *d, rouse_timed *t) {
    const bool in_heap = t->place_ == ROUSE_TIMED_IN_HEAP_;
    rouse_timed *children;
    if (!in_heap && t->place_ != ROUSE_TIMED_DUE_) {
        return;
    }
    t->place_ = ROUSE_TIMED_OUTSIDE_;
    if (t->next_ != NULL) {
        t->next_->before_ = t->before_;
    } else if (!in_heap) {
        d->due_end_ = t->before_;
    }
    if (t->before_ == NULL) {
        *(in_heap ? &d->heap_ : &d->due_) = t->next_;
    } else if (in_heap && t->before_->child_ == t) {
        t->before_->child_ = t->next_;
    } else {
        t->before_->next_ = t->next_;
    }
    if (in_heap) {
        children = rouse_timed_meld_all_(t->child_);
        if (d->heap_ == NULL) {
            d->heap_ = children;
        } else if (children != NULL) {
            d->heap_ = rouse_timed_meld_(d->heap_, children);
        }
    }
}

/* ---- the deadlines ------------------------------------------------------------------------------------- */

/* Initialises deadlines with which nothing waits. */
ROUSE_INLINE_ void rouse_deadlines_init(rouse_deadlines *d) {
    ROUSE_CHECK_OBJECT_(d);
    d->heap_ = NULL;
    d->due_ = NULL;
    d->due_end_ = NULL;
    d->begun_ = 0;
    d->changed_ = NULL;
    d->changed_arg_ = NULL;
    ROUSE_OWNER_BEGIN_(d);
}

/* For a loop that has no hook before it sleeps (loop/event.h): calls changed(arg) when a wait begins whose
 * deadline is the earliest. */
ROUSE_INLINE_ void rouse_deadlines_on_change_(rouse_deadlines *d, void (*changed)(void *arg), void *arg) {
    d->changed_ = changed;
    d->changed_arg_ = arg;
}

/* Ends the object. Requires that nothing waits with it, and that rouse_deadlines_run is not in progress: not
 * inside a wake that it runs. */
ROUSE_INLINE_ void rouse_deadlines_destroy(rouse_deadlines *d) {
    ROUSE_CHECK_MINE_(d);
    ROUSE_CHECK_(d->heap_ == NULL && d->due_ == NULL, d, "waiters are queued");
    (void)d;
}

/* Returns the earliest deadline, until which the loop may sleep, or UINT64_MAX if there is none. */
ROUSE_INLINE_ uint64_t rouse_deadlines_next(const rouse_deadlines *d) {
    const rouse_timed *first;
    ROUSE_CHECK_MINE_(d);
    first = d->due_ != NULL ? d->due_ : d->heap_;
    return first == NULL ? UINT64_MAX : first->until_;
}

/* Takes t out of the queue that it waits in, and an invitation (throughput mode) out of its mailbox. False: t
 * has been woken, or is being woken. Touches the object only while t has no outcome: after that it may be
 * gone. The caller holds back the wakes that this makes due: one of them might drain the mailbox. */
ROUSE_INLINE_ bool rouse_timed_leave_(rouse_timed *t, uint32_t why) {
    t->place_ = why;
    if (why == ROUSE_TIMED_TIMED_OUT_) {
        ROUSE_STATS_TIME_UP_(&t->waiter);
    }
    return (rouse_waiter_status_(&t->waiter) == ROUSE_PENDING && t->cancel_(t->object_, &t->waiter)) ||
           (t->mailbox_ != NULL && rouse_waiter_status_(&t->waiter) == ROUSE_CANCELLED &&
            rouse_mailbox_revoke(t->mailbox_, &t->waiter));
}

/* t is out of what it waited for: its outcome, and its wake behind those that this thread holds back. Until
 * that begins, rouse_mailbox_revoke takes it back, as if the running drain had taken it out of the mailbox
 * (no drain counts it). */
ROUSE_INLINE_ void rouse_timed_expire_(rouse_timed *t) {
    rouse_waiter *const w = &t->waiter;
    const bool mailed = rouse_outcome_has_mailbox_(w);
    if (t->wake_ == NULL) {
        t->object_ = NULL;
        rouse_outcome_store_(w, rouse_outcome_(ROUSE_TIMEDOUT, 0));
        return;
    }
    w->next_ = NULL;
    rouse_outcome_set_due_(
        w, rouse_outcome_(ROUSE_TIMEDOUT, mailed ? ROUSE_OUTCOME_ARRIVED_ | ROUSE_COUNTED_ : 0));
    rouse_outcome_store_(w, rouse_outcome_(ROUSE_TIMEDOUT, mailed ? ROUSE_MAILED_ : 0));
    rouse_inbox_push_(rouse_inbox_mine_(), w);
}

/* Ends every wait whose deadline is `now` or earlier, and calls the wake of each that has not been granted
 * with ROUSE_TIMEDOUT, in the order of the deadlines. Returns how many timed out.
 *
 * A wake may begin waits, cancel others and begin them again with other deadlines. A wait that it cancels
 * before that one's turn does not time out. A wait that begins inside run with a deadline in the past times
 * out in the next run. Inside a wake, run leaves the wakes to the outermost call, as every call does
 * (waiter.h). */
ROUSE_INLINE_ size_t rouse_deadlines_run(rouse_deadlines *d, uint64_t now) {
    size_t count = 0;
    rouse_inbox_ *held;
    rouse_timed *t;
    ROUSE_CHECK_MINE_(d);
    while ((t = d->heap_) != NULL && t->until_ <= now) {
        rouse_deadlines_remove_(d, t);
        t->place_ = ROUSE_TIMED_DUE_;
        t->next_ = NULL;
        t->before_ = d->due_end_;
        *(d->due_end_ == NULL ? &d->due_ : &d->due_end_->next_) = t;
        d->due_end_ = t;
    }
    if (d->due_ == NULL) {
        return 0;
    }
    held = rouse_deliver_hold_();
    while ((t = d->due_) != NULL) {
        rouse_deadlines_remove_(d, t);
        if (rouse_timed_leave_(t, ROUSE_TIMED_TIMED_OUT_)) {
            count++;
            rouse_timed_expire_(t);
        } else if (rouse_waiter_status_(&t->waiter) == ROUSE_RETRY) {
            count++; /* its wake is due, and finds that the time is up (rouse_timed_ask_) */
        }
        /* Otherwise the grant has won, and the wake will come with it. */
        if (held != NULL) {
            (void)rouse_deliver_due_(held, 0);
        }
    }
    rouse_deliver_let_go_(held);
    return count;
}

/* ---- what waits ---------------------------------------------------------------------------------------- */

/* Throughput mode, on one thread: t is invited, and asks. Returns its outcome; ROUSE_PENDING: it still
 * waits. */
ROUSE_COLD_ rouse_status rouse_timed_ask_(rouse_timed *t) {
    if (t->place_ == ROUSE_TIMED_TIMED_OUT_ || t->place_ == ROUSE_TIMED_CANCELLED_) {
        const rouse_status status = t->place_ == ROUSE_TIMED_TIMED_OUT_ ? ROUSE_TIMEDOUT : ROUSE_CANCELLED;
        rouse_queue_refuse_(&t->waiter);
        rouse_outcome_store_(&t->waiter, rouse_outcome_(status, 0));
        return status;
    }
    return rouse_queue_answer_(&t->waiter);
}

/* The wake of its waiter. On the loop's thread. */
ROUSE_INLINE_ void rouse_timed_woken_(rouse_waiter *w, rouse_status status) {
    rouse_timed *const t = (rouse_timed *)(void *)w;
    if (status == ROUSE_RETRY) {
        status = rouse_timed_ask_(t);
        if (status == ROUSE_PENDING) {
            return;
        }
    }
    rouse_deadlines_remove_(t->deadlines_, t);
    t->object_ = NULL;
    t->wake_(t, status);
}

/* Prepares t, which may then wait any number of times, for one thing at a time.
 *
 * mailbox: where wake runs when t is granted; NULL if the program has one thread. wake: called with the
 * outcome, once for each ROUSE_PENDING; t is yours again from that call on. If wake is NULL, poll
 * rouse_waiter_status(&t->waiter). When it has the outcome, let t wait again or call rouse_timed_cancel,
 * because until then t is in the deadlines. data: for rouse_timed_data. */
ROUSE_INLINE_ void rouse_timed_init(rouse_timed *t, rouse_deadlines *d, rouse_mailbox *mailbox,
                                    rouse_timed_wake_fn *wake, void *data) {
    ROUSE_CHECK_OBJECT_(t);
    ROUSE_CHECK_(d != NULL, t, "the deadlines are NULL");
    ROUSE_CHECK_MADE_ON_(mailbox);
    rouse_mailbox_prepare_(mailbox, &t->waiter, wake == NULL ? NULL : rouse_timed_woken_, data);
    t->deadlines_ = d;
    t->mailbox_ = mailbox;
    t->wake_ = wake;
    t->object_ = NULL;
    t->cancel_ = NULL;
    t->until_ = 0;
    t->order_ = 0;
    t->child_ = NULL;
    t->next_ = NULL;
    t->before_ = NULL;
    t->place_ = ROUSE_TIMED_OUTSIDE_;
}

/* Returns the `data` given to rouse_timed_init. */
ROUSE_INLINE_ void *rouse_timed_data(const rouse_timed *t) {
    ROUSE_CHECK_OBJECT_(t);
    return rouse_waiter_data_(&t->waiter);
}

/* Ends t's wait.
 * Returns true: t is yours again, and its wake will never run. False: t does not wait; or it has been granted
 * or has timed out, and its wake will run (granted, on a mailbox: in the next drain). On a mailbox,
 * rouse_mailbox_revoke then takes it back, granted or timed out. Without one, a t that was just being invited
 * (throughput mode) gets ROUSE_CANCELLED. A polled t then has its outcome in its status, and is yours
 * again. */
ROUSE_NODISCARD_
ROUSE_INLINE_ bool rouse_timed_cancel(rouse_timed *t) {
    bool cancelled;
    bool polled;
    rouse_inbox_ *held;
    ROUSE_CHECK_OBJECT_(t);
    if (t->object_ == NULL) {
        return false;
    }
    polled = t->wake_ == NULL;
    rouse_deadlines_remove_(t->deadlines_, t);
    held = rouse_deliver_hold_();
    cancelled = rouse_timed_leave_(t, ROUSE_TIMED_CANCELLED_);
    if (cancelled || polled) {
        t->object_ = NULL;
    }
    rouse_deliver_let_go_(held);
    return cancelled;
}

/* t has the outcome of its last wait and no wake will run: it is polled, or was revoked from its mailbox. */
ROUSE_INLINE_ bool rouse_timed_is_over_(const rouse_timed *t) {
    return rouse_outcome_is_in_(&t->waiter) && (t->wake_ == NULL || rouse_outcome_has_mailbox_(&t->waiter));
}

/* Begins a wait for `object`. False: t is waiting already, or its wake is still to run. */
ROUSE_INLINE_ bool rouse_timed_begin_(rouse_timed *t, void *object, rouse_timed_cancel_fn_ *cancel) {
    if (t->object_ != NULL) {
        if (!rouse_timed_is_over_(t)) {
            return false;
        }
        rouse_deadlines_remove_(t->deadlines_, t);
    }
    t->object_ = object;
    t->cancel_ = cancel;
    t->place_ = ROUSE_TIMED_OUTSIDE_;
    return true;
}

/* The call that began t's wait has returned `answer`. */
ROUSE_INLINE_ rouse_status rouse_timed_wait_(rouse_timed *t, rouse_status answer, uint64_t until) {
    if (answer != ROUSE_PENDING) {
        t->object_ = NULL;
    } else if (t->object_ != NULL && t->place_ == ROUSE_TIMED_OUTSIDE_) {
        rouse_deadlines_add_(t->deadlines_, t, until);
    }
    return answer;
}

/* ---- one for each call that may wait ------------------------------------------------------------------- */

/* How a rouse_timed leaves a queue, that of a limit, or a channel. */
ROUSE_INLINE_ bool rouse_timed_leave_queue_(void *object, rouse_waiter *w) {
    return rouse_backend_cancel_((rouse_waiter_queue *)object, w);
}
ROUSE_INLINE_ bool rouse_timed_leave_limit_(void *object, rouse_waiter *w) {
    return rouse_limit_cancel_((rouse_limit *)object, w);
}
ROUSE_INLINE_ bool rouse_timed_leave_channel_(void *object, rouse_waiter *w) {
    return rouse_channel_leave_((rouse_channel *)object, w);
}

/* The body of each: t waits for `object` by `call`, which checks nothing, until the deadline. */
#define ROUSE_TIMED_WAIT_(t, object, owned, leave, call, until)                                 \
    (rouse_timed_begin_((t), (owned), (leave))                                                  \
         ? (ROUSE_CHECK_IDLE_(&(t)->waiter, (object)), rouse_timed_wait_((t), (call), (until))) \
         : ROUSE_INVALID)
#define ROUSE_TIMED_WAIT_ON_QUEUE_(t, object, queue, call, until) \
    ROUSE_TIMED_WAIT_(t, object, queue, rouse_timed_leave_queue_, call, until)

/* Each waits as the call without _until does, with t in place of the waiter, until a deadline.
 *
 * Return what that call returns. After ROUSE_PENDING, t's wake will be called with the outcome, or with
 * ROUSE_TIMEDOUT if rouse_deadlines_run is called with a time of `until` or later first. An `until` in the
 * past means the next run, unless a grant comes before it; UINT64_MAX means practically never. They also
 * return ROUSE_INVALID if t is waiting already or its wake is still to run; then nothing changed. */
ROUSE_NODISCARD_
ROUSE_INLINE_ rouse_status rouse_waiter_queue_wait_until(rouse_waiter_queue *q, rouse_timed *t, uint32_t n,
                                                         uint64_t until) {
    ROUSE_CHECK_USE_(q, q);
    ROUSE_CHECK_OBJECT_(t);
    return ROUSE_TIMED_WAIT_ON_QUEUE_(t, q, q, rouse_queue_wait_(q, &t->waiter, n), until);
}
ROUSE_NODISCARD_
ROUSE_INLINE_ rouse_status rouse_waiter_queue_add_waiter_if_until(rouse_waiter_queue *q, rouse_timed *t,
                                                                  bool (*ready)(void *arg), void *arg,
                                                                  uint64_t until) {
    ROUSE_CHECK_USE_(q, q);
    ROUSE_CHECK_OBJECT_(t);
    ROUSE_CHECK_(ready != NULL, q, "ready is NULL");
    return ROUSE_TIMED_WAIT_ON_QUEUE_(t, q, q, rouse_queue_wait_if_(q, &t->waiter, ready, arg), until);
}
ROUSE_NODISCARD_
ROUSE_INLINE_ rouse_status rouse_semaphore_acquire_until(rouse_semaphore *s, rouse_timed *t, uint32_t n,
                                                         uint64_t until) {
    ROUSE_CHECK_USE_(s, ROUSE_SEMAPHORE_QUEUE_(s));
    ROUSE_CHECK_OBJECT_(t);
    return ROUSE_TIMED_WAIT_ON_QUEUE_(t, s, ROUSE_SEMAPHORE_QUEUE_(s),
                                      rouse_queue_wait_(ROUSE_SEMAPHORE_QUEUE_(s), &t->waiter, n), until);
}
ROUSE_NODISCARD_
ROUSE_INLINE_ rouse_status rouse_mutex_lock_until(rouse_mutex *m, rouse_timed *t, uint64_t until) {
    ROUSE_CHECK_USE_(m, ROUSE_MUTEX_QUEUE_(m));
    ROUSE_CHECK_OBJECT_(t);
    ROUSE_CHECK_HELD_(ROUSE_MUTEX_QUEUE_(m), rouse_waiter_data_(&t->waiter), m);
    return ROUSE_TIMED_WAIT_ON_QUEUE_(t, m, ROUSE_MUTEX_QUEUE_(m), rouse_mutex_lock_(m, &t->waiter), until);
}
ROUSE_NODISCARD_
ROUSE_INLINE_ rouse_status rouse_notify_wait_until(rouse_notify *n, rouse_timed *t, uint64_t until) {
    ROUSE_CHECK_USE_(n, ROUSE_NOTIFY_QUEUE_(n));
    ROUSE_CHECK_OBJECT_(t);
    return ROUSE_TIMED_WAIT_ON_QUEUE_(t, n, ROUSE_NOTIFY_QUEUE_(n), rouse_notify_wait_(n, &t->waiter), until);
}
ROUSE_NODISCARD_
ROUSE_INLINE_ rouse_status rouse_notify_wait_if_until(rouse_notify *n, rouse_timed *t,
                                                      bool (*ready)(void *arg), void *arg, uint64_t until) {
    ROUSE_CHECK_USE_(n, ROUSE_NOTIFY_QUEUE_(n));
    ROUSE_CHECK_OBJECT_(t);
    ROUSE_CHECK_(ready != NULL, n, "ready is NULL");
    return ROUSE_TIMED_WAIT_ON_QUEUE_(t, n, ROUSE_NOTIFY_QUEUE_(n),
                                      rouse_notify_wait_if_(n, &t->waiter, ready, arg), until);
}
ROUSE_NODISCARD_
ROUSE_INLINE_ rouse_status rouse_limit_acquire_until(rouse_limit *l, rouse_timed *t, uint32_t n,
                                                     uint64_t until) {
    rouse_inbox_ *held;
    rouse_status status;
    ROUSE_CHECK_USE_(l, l);
    ROUSE_CHECK_OBJECT_(t);
    /* LOCKFREE: an acquire that queues may serve others. One of their wakes could give back what t waits for,
     * and t's wake could free t before it is in the heap. */
    held = ROUSE_BACKEND == ROUSE_BACKEND_LOCKFREE ? rouse_deliver_hold_() : NULL;
    status =
        ROUSE_TIMED_WAIT_(t, l, l, rouse_timed_leave_limit_, rouse_limit_acquire_(l, &t->waiter, n), until);
    rouse_deliver_let_go_(held);
    return status;
}
ROUSE_NODISCARD_
ROUSE_INLINE_ rouse_status rouse_event_wait_until(rouse_event *e, rouse_timed *t, uint64_t until) {
    ROUSE_CHECK_USE_(e, ROUSE_EVENT_QUEUE_(e));
    ROUSE_CHECK_OBJECT_(t);
    return ROUSE_TIMED_WAIT_ON_QUEUE_(t, e, ROUSE_EVENT_QUEUE_(e), rouse_event_wait_(e, &t->waiter), until);
}
ROUSE_NODISCARD_
ROUSE_INLINE_ rouse_status rouse_gate_wait_until(rouse_gate *g, rouse_timed *t, uint64_t until) {
    ROUSE_CHECK_USE_(g, ROUSE_GATE_QUEUE_(g));
    ROUSE_CHECK_OBJECT_(t);
    return ROUSE_TIMED_WAIT_ON_QUEUE_(t, g, ROUSE_GATE_QUEUE_(g), rouse_gate_wait_(g, &t->waiter), until);
}
ROUSE_NODISCARD_
ROUSE_INLINE_ rouse_status rouse_rwlock_read_until(rouse_rwlock *l, rouse_timed *t, uint64_t until) {
    ROUSE_CHECK_USE_(l, ROUSE_RWLOCK_QUEUE_(l));
    ROUSE_CHECK_OBJECT_(t);
    return ROUSE_TIMED_WAIT_ON_QUEUE_(t, l, ROUSE_RWLOCK_QUEUE_(l),
                                      rouse_queue_wait_(ROUSE_RWLOCK_QUEUE_(l), &t->waiter, 1), until);
}
ROUSE_NODISCARD_
ROUSE_INLINE_ rouse_status rouse_rwlock_write_until(rouse_rwlock *l, rouse_timed *t, uint64_t until) {
    ROUSE_CHECK_USE_(l, ROUSE_RWLOCK_QUEUE_(l));
    ROUSE_CHECK_OBJECT_(t);
    return ROUSE_TIMED_WAIT_ON_QUEUE_(t, l, ROUSE_RWLOCK_QUEUE_(l), rouse_rwlock_write_(l, &t->waiter),
                                      until);
}
ROUSE_NODISCARD_
ROUSE_INLINE_ rouse_status rouse_once_begin_until(rouse_once *o, rouse_timed *t, uint64_t until) {
    ROUSE_CHECK_USE_(o, ROUSE_ONCE_QUEUE_(o));
    ROUSE_CHECK_OBJECT_(t);
    return ROUSE_TIMED_WAIT_ON_QUEUE_(t, o, ROUSE_ONCE_QUEUE_(o), rouse_once_begin_(o, &t->waiter), until);
}
ROUSE_NODISCARD_
ROUSE_INLINE_ rouse_status rouse_channel_send_until(rouse_channel *ch, rouse_timed *t, const void *element,
                                                    uint64_t until) {
    ROUSE_CHECK_GUARDED_(ch);
    ROUSE_CHECK_OBJECT_(t);
    return ROUSE_TIMED_WAIT_(t, ch, ch, rouse_timed_leave_channel_,
                             rouse_channel_send_(ch, &t->waiter, element), until);
}
ROUSE_NODISCARD_
ROUSE_INLINE_ rouse_status rouse_channel_receive_until(rouse_channel *ch, rouse_timed *t, void *element,
                                                       uint64_t until) {
    ROUSE_CHECK_GUARDED_(ch);
    ROUSE_CHECK_OBJECT_(t);
    return ROUSE_TIMED_WAIT_(t, ch, ch, rouse_timed_leave_channel_,
                             rouse_channel_receive_(ch, &t->waiter, element), until);
}

#endif /* ROUSE_DEADLINE_H */
