/* rouse/detail/deliver.h: how an outcome reaches its waiter. Internal.
 *
 * A call that serves waiters collects them, oldest first, in a chain of its own. When it has made its last
 * access to the queue it delivers the chain: first it stores every outcome, then it calls the wakes. So
 * "grant is the last touch": whoever learns that they were granted may destroy the object at once.
 *
 * A wake that falls due inside a wake goes to the thread's inbox, and the outermost delivery runs it: the
 * stack stays flat. A signal handler may push to the inbox between any two instructions of the code that
 * empties it, so the inbox is a stack that is pushed by compare-and-swap and emptied by one exchange.
 */
#ifndef ROUSE_DETAIL_DELIVER_H
#define ROUSE_DETAIL_DELIVER_H

#include "../waiter.h"
#include "atomic.h"
#include "platform.h"

#include <stdbool.h>
#include <stddef.h>

/* Bits of an outcome, in rouse_waiter.account_ while it is due and in status_ once it is stored. */
enum {
    ROUSE_BY_ALL_ = 0x100, /* woken by a wake_all                                   */
    ROUSE_ARRIVED_ = 0x200 /* came out of its mailbox: now its wake runs. Not in status_   */
};

static inline uint32_t rouse_outcome_(rouse_status status, uint32_t bits) {
    return ((uint32_t)status & 0xffu) | bits;
}

/* A queued waiter's account. Who writes it owns the waiter: before it is queued, under the lock, or
 * (LOCKFREE, by read-modify-write) having won one of its cells; so the orders here are relaxed and the edges
 * elsewhere. */
static inline uint64_t rouse_account_(uint32_t n, uint32_t lacks) {
    return ((uint64_t)n << 32) | lacks;
}
static inline uint32_t rouse_asked_(const rouse_waiter *w) {
    return (uint32_t)(rouse_u64_load_relaxed_(&w->account_) >> 32);
}
static inline uint32_t rouse_lacks_(const rouse_waiter *w) {
    return (uint32_t)rouse_u64_load_relaxed_(&w->account_);
}
static inline void rouse_set_lacks_(rouse_waiter *w, uint32_t lacks) {
    rouse_u64_store_relaxed_(&w->account_, rouse_account_(rouse_asked_(w), lacks));
}
/* A due waiter's outcome: this thread's alone. */
static inline uint32_t rouse_due_(const rouse_waiter *w) {
    return (uint32_t)rouse_u64_load_relaxed_(&w->account_);
}
static inline void rouse_set_due_(rouse_waiter *w, uint32_t outcome) {
    rouse_u64_store_relaxed_(&w->account_, outcome);
}

/* ROUSE_DEBUG: which queue a waiter is on. Relaxed: misuse is reported when it is seen, not proved absent. */
#ifdef ROUSE_DEBUG
#    define ROUSE_OWN_(w, q) rouse_ptr_store_relaxed_(&(w)->owner_, (q))
#    define ROUSE_DISOWN_(w) rouse_ptr_store_relaxed_(&(w)->owner_, NULL)
#    define ROUSE_CHECK_IDLE_(w, call, object)                                     \
        (ROUSE_CHECK_((w) != NULL, call, object, "the waiter is NULL"),            \
         ROUSE_CHECK_(rouse_ptr_load_relaxed_(&(w)->owner_) == NULL, call, object, \
                      "the waiter is queued already"))
#    define ROUSE_CHECK_OWNED_(w, q, call, object)                      \
        (ROUSE_CHECK_((w) != NULL, call, object, "the waiter is NULL"), \
         rouse_check_owner_(rouse_ptr_load_relaxed_(&(w)->owner_), (q), (call), (object)))
static inline void rouse_check_owner_(const void *owner, const void *q, const char *call,
                                      const void *object) {
    ROUSE_CHECK_(owner == NULL || owner == q, call, object, "the waiter is queued on another object");
}
#else
#    define ROUSE_OWN_(w, q)                       ((void)0)
#    define ROUSE_DISOWN_(w)                       ((void)0)
#    define ROUSE_CHECK_IDLE_(w, call, object)     ((void)0)
#    define ROUSE_CHECK_OWNED_(w, q, call, object) ((void)0)
#endif

/* w is its owner's again, and was not woken. Its status is not PENDING, so that to cancel it (again) is false
 * at once, and not OK, so that nobody takes it for granted. Relaxed: it says nothing about anything else. */
static inline void rouse_let_go_(rouse_waiter *w) {
    ROUSE_DISOWN_(w);
    rouse_u32_store_relaxed_(&w->status_, rouse_outcome_(ROUSE_INVALID, 0));
}

/* A first-in first-out chain of waiters through next_. */
typedef struct rouse_chain_ {
    rouse_waiter *first;
    rouse_waiter *last;
} rouse_chain_;

static inline void rouse_chain_add_(rouse_chain_ *chain, rouse_waiter *w, uint32_t outcome) {
    rouse_set_due_(w, outcome);
    w->next_ = NULL;
    if (chain->first == NULL) {
        chain->first = w;
    } else {
        chain->last->next_ = w;
    }
    chain->last = w;
}

static inline void rouse_chain_push_front_(rouse_chain_ *chain, rouse_waiter *w, uint32_t outcome) {
    rouse_set_due_(w, outcome);
    w->next_ = chain->first;
    if (chain->first == NULL) {
        chain->last = w;
    }
    chain->first = w;
}

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
typedef struct rouse_deferral_ {
    rouse_atomic_u32_ running_; /* 1: a delivery of this thread is calling wakes */
    rouse_atomic_ptr_ inbox_;   /* what fell due meanwhile, newest first         */
} rouse_deferral_;

/* Its memory has a type that C and C++ spell alike, for a link that compares them (-flto). */
typedef struct rouse_deferral_memory_ {
    ROUSE_ALIGN_(8) unsigned char bytes_[16];
} rouse_deferral_memory_;

ROUSE_EXTERN_C_BEGIN_
extern ROUSE_SHARED_ ROUSE_THREAD_ rouse_deferral_memory_ rouse_deferral_v1_;
ROUSE_SHARED_ ROUSE_THREAD_ rouse_deferral_memory_ rouse_deferral_v1_ = {{0}};
ROUSE_EXTERN_C_END_

/* This thread's. */
static inline rouse_deferral_ *rouse_my_deferral_(void) {
    void *mine = rouse_deferral_v1_.bytes_;
#if defined(__GNUC__) && !defined(__clang__) && defined(__ELF__)
    /* gcc's -fsanitize=null takes the address of a weak thread-local variable for NULL; it does not see
     * through this. */
    __asm__("" : "+r"(mine));
#endif
    return (rouse_deferral_ *)mine;
}

static inline bool rouse_inside_wake_(void) {
    return rouse_u32_load_relaxed_(&rouse_my_deferral_()->running_) != 0;
}

/* Only this thread and its signal handlers touch the inbox, so every order here is relaxed; what must hold is
 * the program order of this thread, which rouse_fence_signal_ keeps the compiler to. */
static inline void rouse_defer_(rouse_deferral_ *mine, rouse_waiter *first) {
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
static inline rouse_waiter *rouse_deferred_(rouse_deferral_ *mine) {
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

static inline void rouse_call_wake_(rouse_waiter *w, uint32_t outcome) {
    ROUSE_TRACE("wake", NULL, w);
    ROUSE_DISOWN_(w);
    w->wake_(w, (rouse_status)(int8_t)(uint8_t)(outcome & 0xffu));
}

/* Calls the wakes of a chain, or posts those that run elsewhere. */
static inline void rouse_call_wakes_(rouse_waiter *first) {
    while (first != NULL) {
        rouse_waiter *const w = first;
        const uint32_t outcome = rouse_due_(w);
        first = w->next_; /* before the call: w is its owner's from then on */
        if (w->mailbox_ != NULL && (outcome & ROUSE_ARRIVED_) == 0) {
            w->mailbox_->post_(w->mailbox_, w);
        } else {
            rouse_call_wake_(w, outcome);
        }
    }
}

/* The flag up: from here on, what falls due on this thread goes to the inbox. */
static inline void rouse_begin_wakes_(rouse_deferral_ *mine) {
    rouse_u32_store_relaxed_(&mine->running_, 1);
    rouse_fence_signal_();
}

/* Runs what has been deferred, and takes the flag down. The inbox is emptied while the flag is up: a handler that
 * finds it down runs its own wakes, and at most what an earlier handler has left, never a wake that the interrupted
 * thread had deferred. One that ran just before the flag fell has left its wakes in the inbox. */
static inline void rouse_end_wakes_(rouse_deferral_ *mine) {
    for (;;) {
        /* Relaxed, twice: the inbox is this thread's and its handlers'. */
        while (rouse_ptr_load_relaxed_(&mine->inbox_) != NULL) {
            rouse_call_wakes_(rouse_deferred_(mine));
        }
        rouse_fence_signal_();
        rouse_u32_store_relaxed_(&mine->running_, 0);
        rouse_fence_signal_();
        if (ROUSE_LIKELY_(rouse_ptr_load_relaxed_(&mine->inbox_) == NULL)) {
            return;
        }
        rouse_begin_wakes_(mine);
    }
}

/* Runs the wakes of a chain whose outcomes are stored, or leaves them to the wake that this thread is in. */
static inline void rouse_run_wakes_(rouse_waiter *first) {
    rouse_deferral_ *const mine = rouse_my_deferral_();
    if (first == NULL) {
        return;
    }
    if (rouse_u32_load_relaxed_(&mine->running_) != 0) {
        rouse_defer_(mine, first);
        return;
    }
    rouse_begin_wakes_(mine);
    rouse_call_wakes_(first);
    rouse_end_wakes_(mine);
}

/* From here on a polled waiter is its owner's. */
static inline void rouse_store_outcome_(rouse_waiter *w, uint32_t outcome) {
    if (w->wake_ == NULL) {
        ROUSE_DISOWN_(w);
    }
    /* E1: release; partner is the acquire load in rouse_waiter_status. All that this thread did or has
     * acquired before (the release it is serving) becomes visible to who reads the outcome. */
    rouse_u32_store_release_(&w->status_, outcome);
}

/* Stores the outcomes of a chain, each its own or (not 0) all the same, then runs its wakes. The queue is not
 * touched from here on; a trace is told its address. */
static inline void rouse_deliver_chain_(const void *queue, rouse_waiter *first, uint32_t same) {
    rouse_waiter **link = &first;
    while (*link != NULL) {
        rouse_waiter *const w = *link;
        if (same != 0) {
            ROUSE_TRACE("grant", queue, w);
            rouse_set_due_(w, same);
        }
        if (w->wake_ == NULL) {
            *link = w->next_; /* out of the chain before the store */
        } else {
            link = &w->next_;
        }
        rouse_store_outcome_(w, rouse_due_(w));
    }
    rouse_run_wakes_(first);
    (void)queue;
}
static inline void rouse_deliver_(const rouse_chain_ *chain) {
    rouse_deliver_chain_(NULL, chain->first, 0);
}

/* The same for one waiter, without a chain where its wake runs at once. */
static inline void rouse_deliver_one_(rouse_waiter *w, uint32_t outcome) {
    rouse_deferral_ *const mine = rouse_my_deferral_();
    const bool polled = w->wake_ == NULL; /* before the store */
    rouse_store_outcome_(w, outcome);
    if (polled) {
        return;
    }
    if (ROUSE_LIKELY_(rouse_u32_load_relaxed_(&mine->running_) == 0 && w->mailbox_ == NULL)) {
        rouse_begin_wakes_(mine);
        rouse_call_wake_(w, outcome);
        rouse_end_wakes_(mine);
    } else {
        w->next_ = NULL;
        rouse_set_due_(w, outcome);
        rouse_run_wakes_(w);
    }
}

/* For cancel, of a polled waiter that another thread is granting: its last store is due any moment. */
static inline void rouse_await_outcome_(const rouse_waiter *w) {
    uint32_t step = 1;
    while (w->wake_ == NULL && rouse_waiter_status(w) == ROUSE_PENDING) {
        rouse_back_off_(&step);
    }
}

#endif /* ROUSE_DETAIL_DELIVER_H */
