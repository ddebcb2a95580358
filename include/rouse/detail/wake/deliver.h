/* rouse/detail/wake/deliver.h: how an outcome reaches its waiter. Internal.
 *
 * A call that serves waiters collects them, oldest first, in a chain of its own. When it has made its last
 * access to the queue it delivers the chain: first it stores every outcome, then it calls the wakes. So
 * "grant is the last touch": whoever learns that they were granted may destroy the object at once.
 *
 * A wake that falls due inside a wake goes to the thread's inbox, and the outermost delivery runs it: the
 * stack stays flat. A signal handler may push to the inbox between any two instructions of the code that
 * empties it, so the inbox is a stack that is pushed by compare-and-swap and emptied by one exchange.
 */
#ifndef ROUSE_DETAIL_WAKE_DELIVER_H
#define ROUSE_DETAIL_WAKE_DELIVER_H

#include "../../waiter.h"
#include "../base/atomic.h"
#include "../base/check.h"
#include "../base/platform.h"
#include "chain.h"
#include "outcome.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Mailboxes: mailbox.h supplies the function; this is all that delivery knows of them. */
typedef void rouse_post_fn_(struct rouse_mailbox *mailbox, rouse_waiter *w);
struct rouse_mailbox {
    rouse_post_fn_ *post_;
    void (*kick_)(void *arg);
    void *arg_;
    rouse_atomic_ptr_ posted_; /* the newest posted waiter, linked to older ones by next_ */
    rouse_atomic_u32_ kicks_;  /* posts that may kick and have not finished              */
};

/* One per thread of the program, whatever unit or language it is used from. All zero: nothing runs. */
typedef struct rouse_inbox_ {
    rouse_atomic_u32_ running_; /* 1: a delivery of this thread is calling wakes */
    rouse_atomic_ptr_ inbox_;   /* what fell due meanwhile, newest first         */
} rouse_inbox_;

/* Its memory has a type that C and C++ spell alike, for a link that compares them (-flto). */
typedef struct rouse_inbox_memory_ {
    ROUSE_ALIGN_(8) unsigned char bytes_[16];
} rouse_inbox_memory_;

ROUSE_EXTERN_C_BEGIN_
extern ROUSE_SHARED_ ROUSE_THREAD_ rouse_inbox_memory_ rouse_inbox_v1_;
ROUSE_SHARED_ ROUSE_THREAD_ rouse_inbox_memory_ rouse_inbox_v1_ = {{0}};
ROUSE_EXTERN_C_END_

/* This thread's. */
static inline rouse_inbox_ *rouse_inbox_mine_(void) {
    void *mine = rouse_inbox_v1_.bytes_;
#if defined(__GNUC__) && !defined(__clang__) && defined(__ELF__)
    /* gcc's -fsanitize=null takes the address of a weak thread-local variable for NULL; it does not see
     * through this. */
    __asm__("" : "+r"(mine));
#endif
    return (rouse_inbox_ *)mine;
}

static inline bool rouse_deliver_inside_(void) {
    return rouse_u32_load_relaxed_(&rouse_inbox_mine_()->running_) != 0;
}

/* Only this thread and its signal handlers touch the inbox, so every order here is relaxed; what must hold is
 * the program order of this thread, which rouse_fence_signal_ keeps the compiler to. */
static inline void rouse_inbox_push_(rouse_inbox_ *mine, rouse_waiter *first) {
    while (first != NULL) {
        rouse_waiter *const w = first;
        void *newest = rouse_ptr_load_relaxed_(&mine->inbox_);
        first = w->next_;
        do {
            w->next_ = (rouse_waiter *)newest;
            rouse_fence_signal_();
        } while (!rouse_ptr_cas_relaxed_(&mine->inbox_, &newest, w));
    }
}

/* Empties the inbox, oldest first. */
static inline rouse_waiter *rouse_inbox_take_(rouse_inbox_ *mine) {
    rouse_waiter *oldest = NULL;
    /* No edge: one thread's program order would do; the seam has no weaker exchange. */
    rouse_waiter *w = (rouse_waiter *)rouse_ptr_swap_acq_rel_(&mine->inbox_, NULL);
    rouse_fence_signal_();
    while (w != NULL) {
        rouse_waiter *const older = w->next_;
        w->next_ = oldest;
        oldest = w;
        w = older;
    }
    return oldest;
}

static inline void rouse_deliver_call_(rouse_waiter *w, uint32_t outcome) {
    ROUSE_TRACE("wake", NULL, w);
    ROUSE_DISOWN_(w);
    w->wake_(w, (rouse_status)(int8_t)(uint8_t)(outcome & 0xffu));
}

/* Calls the wakes of a chain, or posts those that run elsewhere. */
static inline void rouse_deliver_call_all_(rouse_waiter *first) {
    while (first != NULL) {
        rouse_waiter *const w = first;
        const uint32_t outcome = rouse_outcome_due_(w);
        first = w->next_; /* before the call: w is its owner's from then on */
        if (w->mailbox_ != NULL && (outcome & ROUSE_OUTCOME_ARRIVED_) == 0) {
            w->mailbox_->post_(w->mailbox_, w);
        } else {
            rouse_deliver_call_(w, outcome);
        }
    }
}

/* The flag up: from here on, what falls due on this thread goes to the inbox. */
static inline void rouse_deliver_begin_(rouse_inbox_ *mine) {
    rouse_u32_store_relaxed_(&mine->running_, 1);
    rouse_fence_signal_();
}

/* Runs what has been deferred, and takes the flag down. The inbox is emptied while the flag is up: a handler
 * that finds it down runs its own wakes, and at most what an earlier handler has left, never a wake that the
 * interrupted thread had deferred. One that ran just before the flag fell has left its wakes in the inbox. */
static inline void rouse_deliver_end_(rouse_inbox_ *mine) {
    for (;;) {
        /* Relaxed, twice: the inbox is this thread's and its handlers'. */
        while (rouse_ptr_load_relaxed_(&mine->inbox_) != NULL) {
            rouse_deliver_call_all_(rouse_inbox_take_(mine));
        }
        rouse_fence_signal_();
        rouse_u32_store_relaxed_(&mine->running_, 0);
        rouse_fence_signal_();
        if (ROUSE_LIKELY_(rouse_ptr_load_relaxed_(&mine->inbox_) == NULL)) {
            return;
        }
        rouse_deliver_begin_(mine);
    }
}

/* Runs the wakes of a chain whose outcomes are stored, or leaves them to the wake that this thread is in. */
static inline void rouse_deliver_run_(rouse_waiter *first) {
    rouse_inbox_ *const mine = rouse_inbox_mine_();
    if (first == NULL) {
        return;
    }
    if (rouse_u32_load_relaxed_(&mine->running_) != 0) {
        rouse_inbox_push_(mine, first);
        return;
    }
    rouse_deliver_begin_(mine);
    rouse_deliver_call_all_(first);
    rouse_deliver_end_(mine);
}

/* Stores the outcomes of a chain, each its own or (not 0) all the same, then runs its wakes. The queue is not
 * touched from here on; a trace is told its address. */
static inline void rouse_deliver_chain_(const void *queue, rouse_waiter *first, uint32_t same) {
    rouse_waiter **link = &first;
    while (*link != NULL) {
        rouse_waiter *const w = *link;
        if (same != 0) {
            ROUSE_TRACE("grant", queue, w);
            rouse_outcome_set_due_(w, same);
        }
        if (w->wake_ == NULL) {
            *link = w->next_; /* out of the chain before the store */
        } else {
            link = &w->next_;
        }
        rouse_outcome_store_(w, rouse_outcome_due_(w));
    }
    rouse_deliver_run_(first);
    (void)queue;
}
static inline void rouse_deliver_(const rouse_chain_ *chain) {
    rouse_deliver_chain_(NULL, chain->first, 0);
}

/* The same for one waiter, without a chain where its wake runs at once. */
static inline void rouse_deliver_one_(rouse_waiter *w, uint32_t outcome) {
    rouse_inbox_ *const mine = rouse_inbox_mine_();
    const bool polled = w->wake_ == NULL; /* before the store */
    rouse_outcome_store_(w, outcome);
    if (polled) {
        return;
    }
    if (ROUSE_LIKELY_(rouse_u32_load_relaxed_(&mine->running_) == 0 && w->mailbox_ == NULL)) {
        rouse_deliver_begin_(mine);
        rouse_deliver_call_(w, outcome);
        rouse_deliver_end_(mine);
    } else {
        w->next_ = NULL;
        rouse_outcome_set_due_(w, outcome);
        rouse_deliver_run_(w);
    }
}

#endif /* ROUSE_DETAIL_WAKE_DELIVER_H */
