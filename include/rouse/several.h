/* rouse/several.h: permits of several limits, one after the other, as one wait.
 *
 *     const rouse_step steps[] = {{&host->limit, 1}, {&total, 1}};           // outlives the wait and the use
 *     rouse_several_init(&request->several, &mailbox, wake, request);
 *     ...
 *     switch (rouse_several_acquire(&request->several, steps, 2)) {
 *     case ROUSE_OK:      start(request); break;                             // it has them all
 *     case ROUSE_PENDING: break;                                             // wake will call start
 *     default:            refuse(request); break;                            // full, closed; it has none
 *     }
 *     ...
 *     rouse_several_give_back(&request->several);                            // in start's completion
 *
 * The order. All waits that share limits must take them in the same order. Otherwise two of them may each
 * hold what the other waits for, forever. Put the limit with the longest wait first: host before total, so
 * that requests for a slow host queue at that host and do not hold permits of the total.
 *
 * Guarantees. All or nothing: a wait that is cancelled, refused or closed half-way gives back what it had.
 * Each limit serves its waiters first-in first-out. Nothing allocates. The only errors that a wake can get
 * are ROUSE_FULL and ROUSE_CLOSED, and ROUSE_CANCELLED after a cancel.
 *
 * A rouse_several belongs to one thread, the loop's. If other threads give permits back, it needs a mailbox.
 * Cost: that of the limits. */
#ifndef ROUSE_SEVERAL_H
#define ROUSE_SEVERAL_H

#include "config.h"
#include "detail/base/check.h"
#include "detail/wake/outcome.h"
#include "limit.h"
#include "mailbox.h"
#include "waiter.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct rouse_several rouse_several;
typedef void rouse_several_wake_fn(rouse_several *s, rouse_status status);

/* n permits of a limit. */
typedef struct rouse_step {
    rouse_limit *limit;
    uint32_t n;
} rouse_step;

struct rouse_several {
    rouse_waiter waiter; /* first: its wake finds the rest by its address */
    rouse_mailbox *mailbox_;
    rouse_several_wake_fn *wake_;
    const rouse_step *steps_;
    uint32_t count_;
    uint32_t held_;  /* how many steps' permits it has               */
    bool waits_;     /* for the step after those                     */
    bool cancelled_; /* while the grant of that step is on its way   */
};

ROUSE_INLINE_ void rouse_several_return_(rouse_several *s) {
    const rouse_step *const steps = s->steps_;
    uint32_t i = s->held_;
    s->held_ = 0; /* before the first of them: the task that gets it may free s */
    while (i-- != 0) {
        (void)rouse_limit_give_back(steps[i].limit, steps[i].n);
    }
}

/* Gives back the permits of all the steps that s has taken, the last step first. Wakes run on this thread and
 * may free s, so make it your last access to s. */
ROUSE_INLINE_ void rouse_several_give_back(rouse_several *s) {
    ROUSE_CHECK_OBJECT_(s);
    rouse_several_return_(s);
}

/* Continues with the steps. */
ROUSE_INLINE_ rouse_status rouse_several_go_on_(rouse_several *s) {
    rouse_status status = ROUSE_OK;
    while (s->held_ != s->count_) {
        const rouse_step *const step = &s->steps_[s->held_];
        s->waits_ = true; /* before the call: when it has answered ROUSE_PENDING s may be in its wake */
        status = rouse_limit_acquire(step->limit, &s->waiter, step->n);
        if (status == ROUSE_PENDING) {
            return status;
        }
        s->waits_ = false;
        if (status != ROUSE_OK) {
            rouse_several_return_(s);
            return status;
        }
        s->held_++;
    }
    return status;
}

/* A step's limit is in throughput mode and has invited s. */
ROUSE_INLINE_ rouse_status rouse_several_ask_(rouse_several *s) {
    rouse_limit *const limit = s->steps_[s->held_].limit;
    if (s->cancelled_) {
        rouse_limit_decline(limit, &s->waiter);
        return ROUSE_CANCELLED;
    }
    return rouse_limit_resume(limit, &s->waiter);
}

/* The wake of its waiter: a step has been granted, or closed. */
ROUSE_INLINE_ void rouse_several_woken_(rouse_waiter *w, rouse_status status) {
    rouse_several *const s = (rouse_several *)(void *)w;
    if (status == ROUSE_RETRY) {
        status = rouse_several_ask_(s);
        if (status == ROUSE_PENDING) {
            return;
        }
    }
    s->waits_ = false;
    if (status == ROUSE_OK) {
        s->held_++;
        if (s->cancelled_ && s->held_ != s->count_) {
            status = ROUSE_CANCELLED;
        } else {
            status = rouse_several_go_on_(s);
        }
    }
    if (status == ROUSE_PENDING) {
        return;
    }
    if (status != ROUSE_OK) {
        rouse_several_return_(s);
    }
    s->wake_(s, status);
}

/* Prepares s, which may then acquire any number of times, each time after it has given back.
 *
 * mailbox: where wake runs; NULL if the program has one thread. wake: called once for each ROUSE_PENDING,
 * with ROUSE_OK if s has all permits, with another status if it has none. data: for rouse_several_data. */
ROUSE_INLINE_ void rouse_several_init(rouse_several *s, rouse_mailbox *mailbox, rouse_several_wake_fn *wake,
                                      void *data) {
    ROUSE_CHECK_OBJECT_(s);
    ROUSE_CHECK_(wake != NULL, s, "wake is NULL");
    ROUSE_CHECK_MADE_ON_(mailbox);
    rouse_mailbox_prepare_(mailbox, &s->waiter, rouse_several_woken_, data);
    s->mailbox_ = mailbox;
    s->wake_ = wake;
    s->steps_ = NULL;
    s->count_ = 0;
    s->held_ = 0;
    s->waits_ = false;
    s->cancelled_ = false;
}

/* Returns the `data` given to rouse_several_init. */
ROUSE_INLINE_ void *rouse_several_data(const rouse_several *s) {
    ROUSE_CHECK_OBJECT_(s);
    return rouse_waiter_data_(&s->waiter);
}

/* Takes the permits of `count` steps, in their order, or queues s at the first limit that has too few.
 * Returns
 *   ROUSE_OK        s has all permits
 *   ROUSE_PENDING   s waits; wake is called when it has all permits, or has none and never will
 *   ROUSE_FULL, ROUSE_CLOSED, ROUSE_INVALID   what rouse_limit_acquire returned at a step; s has none
 *   ROUSE_INVALID   also if s is waiting or has permits already; nothing changed */
ROUSE_NODISCARD_ ROUSE_INLINE_ rouse_status rouse_several_acquire(rouse_several *s, const rouse_step *steps,
                                                                  uint32_t count) {
    ROUSE_CHECK_OBJECT_(s);
    if (s->waits_ || s->held_ != 0) {
        return ROUSE_INVALID;
    }
    s->steps_ = steps;
    s->count_ = count;
    s->cancelled_ = false;
    return rouse_several_go_on_(s);
}

/* Ends the wait.
 * Returns true: wake will never run, and s has given back what it had. False: s does not wait, or its wake
 * will run: with ROUSE_OK if s has all permits; otherwise with an error, and s has none. That error is
 * ROUSE_CANCELLED if a grant was on its way to s inside the wake that makes this call. */
ROUSE_NODISCARD_ ROUSE_INLINE_ bool rouse_several_cancel(rouse_several *s) {
    rouse_inbox_ *held;
    bool cancelled;
    ROUSE_CHECK_OBJECT_(s);
    if (!s->waits_) {
        return false;
    }
    held = rouse_deliver_hold_(); /* a wake might drain the mailbox before s is out of it */
    s->cancelled_ = true;
    cancelled = rouse_limit_cancel(s->steps_[s->held_].limit, &s->waiter);
    if (!cancelled && s->mailbox_ != NULL && rouse_mailbox_revoke(s->mailbox_, &s->waiter)) {
        cancelled = true; /* granted, or closed, and taken out of the mailbox */
        if (rouse_waiter_status_(&s->waiter) == ROUSE_OK) {
            s->held_++;
        }
    }
    if (cancelled) {
        s->waits_ = false;
        rouse_several_return_(s);
    }
    rouse_deliver_let_go_(held);
    return cancelled;
}

#endif /* ROUSE_SEVERAL_H */
