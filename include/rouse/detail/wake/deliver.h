/* rouse/detail/wake/deliver.h: how an outcome reaches its waiter. Internal.
 *
 * A call that serves waiters collects them in a chain, oldest first. After its last access to the queue it
 * delivers the chain: first it stores every outcome, then it calls the wakes. So a grant is the library's
 * last access, and the task that learns of it may destroy the object at once.
 *
 * If a wake causes another wake, that one goes to the thread's inbox, and the outermost delivery runs it. So
 * the stack stays flat. A signal handler may push to the inbox between any two instructions of the code that
 * empties it. So the inbox is a stack: a compare-and-swap pushes, and one exchange empties it. */
#ifndef ROUSE_DETAIL_WAKE_DELIVER_H
#define ROUSE_DETAIL_WAKE_DELIVER_H

#include "../../waiter.h"
#include "../base/atomic.h"
#include "../base/check.h"
#include "../base/platform.h"
#include "asker.h"
#include "chain.h"
#include "outcome.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#if defined(ROUSE_DEBUG) && defined(__cpp_exceptions)
#    include <stdio.h>
extern "C++" { /* the unit may include us inside an extern "C" */
#    include <exception>
}
#endif

/* Mailboxes: mailbox.h supplies the function. Delivery knows nothing else of them. */
typedef void rouse_post_fn_(struct rouse_mailbox *mailbox, rouse_waiter *w);
struct rouse_mailbox {
#ifdef ROUSE_DEBUG
    rouse_mailbox_check_ check_;
#endif
    rouse_post_fn_ *post_;
    void (*kick_)(void *arg);
    void *arg_;
    rouse_atomic_ptr_ posted_; /* the newest posted waiter, linked to older ones by next_             */
    rouse_atomic_u32_ kicks_;  /* posts that may kick and have not finished                          */
    rouse_chain_ taken_;       /* what revoke has moved out of posted_, oldest first; only the loop uses it */
};

/* One per thread of the program, whatever unit or language uses it. All zero: nothing runs. */
typedef struct rouse_inbox_ {
    rouse_atomic_u32_
        running_;             /* RUNNING_: a delivery of this thread is calling a wake                      */
    rouse_atomic_ptr_ inbox_; /* the wakes that became due meanwhile, newest first                          */
    rouse_chain_ due_;        /* the wakes that the running delivery calls next, oldest first               */
} rouse_inbox_;

/* Values of running_. */
enum {
    ROUSE_RUNNING_ = 1,
    ROUSE_RUNNING_LOOP_ = 2 /* the wake that runs has drained a mailbox: it may be running a loop */
};

/* Its memory has a type that C and C++ spell alike, for a link that compares types (-flto). */
typedef struct rouse_inbox_memory_ {
    ROUSE_ALIGN_(8) unsigned char bytes_[32];
} rouse_inbox_memory_;

/* ROUSE_PRIVATE: the thread's inbox for the wakes of that library alone. */
ROUSE_EXTERN_C_BEGIN_
#ifdef ROUSE_PRIVATE
#    define ROUSE_INBOX_VARIABLE_ ROUSE_PRIVATE_NAME_(rouse_inbox_v2)
extern ROUSE_MODULE_ ROUSE_THREAD_ rouse_inbox_memory_ ROUSE_INBOX_VARIABLE_;
ROUSE_MODULE_ ROUSE_THREAD_ rouse_inbox_memory_ ROUSE_INBOX_VARIABLE_ = {{0}};
#else
#    define ROUSE_INBOX_VARIABLE_ rouse_inbox_v2_
extern ROUSE_SHARED_ ROUSE_THREAD_ rouse_inbox_memory_ rouse_inbox_v2_;
ROUSE_SHARED_ ROUSE_THREAD_ rouse_inbox_memory_ rouse_inbox_v2_ = {{0}};
#endif
ROUSE_EXTERN_C_END_

/* Returns this thread's inbox. */
ROUSE_INLINE_ rouse_inbox_ *rouse_inbox_mine_(void) {
    void *mine = ROUSE_INBOX_VARIABLE_.bytes_;
#if defined(__GNUC__) && !defined(__clang__) && defined(__ELF__)
    /* gcc's -fsanitize=null takes the address of a weak thread-local variable for NULL. It does not see
     * through this. */
    __asm__("" : "+r"(mine));
#endif
    return (rouse_inbox_ *)mine;
}

ROUSE_INLINE_ bool rouse_deliver_inside_(void) {
    return rouse_u32_load_relaxed_(&rouse_inbox_mine_()->running_) != 0;
}

#if defined(ROUSE_LOCK_PTHREAD_) && defined(__GNUC__)
/* Empties the inbox in the child of a fork inside a wake. The calls that would run the waiting wakes are the
 * parent's, and so are those wakes. The child begins with none, and is not inside a wake. */
static void rouse_inbox_forked_(void) {
    rouse_inbox_ *const mine = rouse_inbox_mine_();
    rouse_u32_store_relaxed_(&mine->running_, 0);
    rouse_ptr_store_relaxed_(&mine->inbox_, NULL);
    mine->due_.first = NULL;
    mine->due_.last = NULL;
}
__attribute__((__constructor__)) static void rouse_inbox_watch_forks_(void) {
    (void)pthread_atfork(NULL, NULL, rouse_inbox_forked_);
}
#endif

/* Pushes a chain to the inbox. Only this thread and its signal handlers touch the inbox, so every order here
 * is relaxed. Only the program order of this thread must hold, and rouse_fence_signal_ makes the compiler
 * keep it. */
ROUSE_INLINE_ void rouse_inbox_push_(rouse_inbox_ *mine, rouse_waiter *first) {
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

/* Takes w out of the inbox. False: it is not there. */
ROUSE_INLINE_ bool rouse_inbox_remove_(rouse_inbox_ *mine, rouse_waiter *w) {
    void *newest = rouse_ptr_load_relaxed_(&mine->inbox_);
    rouse_waiter *before;
    while (newest == (void *)w) {
        /* Relaxed: a signal handler may have pushed; then w is not the newest any more. */
        if (rouse_ptr_cas_relaxed_(&mine->inbox_, &newest, w->next_)) {
            return true;
        }
    }
    before = (rouse_waiter *)newest;
    while (before != NULL && before->next_ != w) {
        before = before->next_;
    }
    if (before == NULL) {
        return false;
    }
    before->next_ = w->next_;
    return true;
}

/* Calls w's wake. An exception that leaves a wake ends the program, because the wakes behind it would be
 * lost. */
ROUSE_INLINE_ void rouse_deliver_call_(rouse_waiter *w, uint32_t outcome) ROUSE_NOEXCEPT_ {
    ROUSE_TRACE("wake", NULL, w);
    /* Invited, it is still queued. What a mailbox brings invites nobody: its drain has asked. */
    if (!rouse_outcome_invites_(outcome) || (outcome & ROUSE_OUTCOME_ARRIVED_) != 0) {
        ROUSE_DISOWN_(w);
    }
    if ((outcome & ROUSE_OUTCOME_ARRIVED_) != 0) {
        /* E1: release; the partner is the load in rouse_waiter_status. revoke is false from here on. */
        rouse_u32_store_release_(&w->status_, outcome & ~(uint32_t)(ROUSE_OUTCOME_ARRIVED_ | ROUSE_COUNTED_));
    }
#if defined(ROUSE_DEBUG) && defined(__cpp_exceptions)
    try {
        w->wake_(w, rouse_outcome_status_(outcome));
    } catch (...) {
        fprintf(stderr, "rouse: wake(%p): an exception left the wake of this waiter\n",
                static_cast<void *>(w));
        fflush(stderr);
        std::terminate();
    }
#else
    w->wake_(w, rouse_outcome_status_(outcome));
#endif
}

/* Runs w's wake now, if this thread has deferred it. Returns whether it has. w has no mailbox; the caller is
 * in a wake, or holds the wakes back. */
ROUSE_INLINE_ bool rouse_deliver_early_(rouse_waiter *w) {
    rouse_inbox_ *const mine = rouse_inbox_mine_();
    if (!rouse_inbox_remove_(mine, w) && !rouse_chain_search_(&mine->due_, w)) {
        return false;
    }
    rouse_deliver_call_(w, rouse_outcome_due_(w) & 0xffu);
    return true;
}

/* Sets the flag. From here on, wakes that become due on this thread go to the inbox. */
ROUSE_INLINE_ void rouse_deliver_begin_(rouse_inbox_ *mine) {
    rouse_u32_store_relaxed_(&mine->running_, ROUSE_RUNNING_);
    rouse_fence_signal_();
}

/* Calls the wakes that are due on this thread, and those that become due meanwhile. Requires that the flag is
 * set. Returns how many of them had, of the bits of `mask`, ARRIVED and no other in their outcome; with mask
 * 0, all. */
ROUSE_INLINE_ size_t rouse_deliver_due_(rouse_inbox_ *mine, uint32_t mask) {
    size_t count = 0;
    for (;;) {
        rouse_waiter *const w = mine->due_.first;
        if (w != NULL) {
            const uint32_t outcome = rouse_outcome_due_(w);
            mine->due_.first = w->next_; /* before the call: from then on w belongs to its owner */
            if (w->next_ == NULL) {
                mine->due_.last = NULL;
            }
            rouse_u32_store_relaxed_(&mine->running_, ROUSE_RUNNING_);
            if (ROUSE_LIKELY_((outcome & (ROUSE_OUTCOME_ARRIVED_ | ROUSE_OUTCOME_INVITED_)) == 0)) {
                rouse_deliver_call_(w, outcome & 0xffu);
                count += mask == 0 ? 1 : 0;
                continue;
            }
            if ((outcome & ROUSE_OUTCOME_INVITED_) == 0) {
                rouse_deliver_call_(w, outcome);
            } else if (!rouse_asker_ask_(w, outcome)) {
                continue;
            }
            count += (outcome & mask) == (mask & ROUSE_OUTCOME_ARRIVED_) ? 1 : 0;
        } else if (rouse_ptr_load_relaxed_(&mine->inbox_) != NULL) {
            /* No edge: one thread's program order would be enough; the seam has no weaker exchange. */
            rouse_waiter *const newest = (rouse_waiter *)rouse_ptr_swap_acq_rel_(&mine->inbox_, NULL);
            rouse_fence_signal_();
            (void)rouse_chain_join_stack_(&mine->due_, newest, 0);
        } else {
            return count;
        }
    }
}

/* Clears the flag. False: a signal handler that ran just before that has left its wakes in the inbox. */
ROUSE_INLINE_ bool rouse_deliver_rests_(rouse_inbox_ *mine) {
    rouse_fence_signal_();
    rouse_u32_store_relaxed_(&mine->running_, 0);
    rouse_fence_signal_();
    return rouse_ptr_load_relaxed_(&mine->inbox_) == NULL; /* relaxed: only this thread's handlers push */
}

/* Runs the deferred wakes, and clears the flag. It empties the inbox while the flag is set. A signal handler
 * that runs while the flag is clear delivers its own wakes directly. It may also deliver wakes that an
 * earlier handler left, but never those that the interrupted thread deferred. */
ROUSE_INLINE_ void rouse_deliver_end_(rouse_inbox_ *mine) {
    for (;;) {
        /* Relaxed, twice: the inbox is this thread's and its handlers'. */
        if (rouse_ptr_load_relaxed_(&mine->inbox_) != NULL) {
            (void)rouse_deliver_due_(mine, 0);
        }
        if (ROUSE_LIKELY_(rouse_deliver_rests_(mine))) {
            return;
        }
        rouse_deliver_begin_(mine);
    }
}

/* Holds back the wakes that become due on this thread, so that a call has finished with a waiter before the
 * first of them runs. NULL: the thread is in a wake, which already holds them back. */
ROUSE_INLINE_ rouse_inbox_ *rouse_deliver_hold_(void) {
    rouse_inbox_ *const mine = rouse_inbox_mine_();
    if (rouse_u32_load_relaxed_(&mine->running_) != 0) {
        return NULL;
    }
    rouse_deliver_begin_(mine);
    return mine;
}
/* Runs the wakes that rouse_deliver_hold_ has held back. */
ROUSE_INLINE_ void rouse_deliver_let_go_(rouse_inbox_ *held) {
    if (held != NULL) {
        rouse_deliver_end_(held);
    }
}

/* Hands `posts` to their mailboxes, then runs the wakes of a chain. If this thread is in a wake, it leaves
 * them to that wake. Requires that all outcomes are stored. The flag is set while a mailbox kicks, so that
 * wakes that a kick makes due run when all are posted. */
ROUSE_SLOW_ void rouse_deliver_run_(rouse_waiter *posts, const rouse_chain_ *chain) {
    rouse_inbox_ *const mine = rouse_inbox_mine_();
    const bool outermost = rouse_u32_load_relaxed_(&mine->running_) == 0;
    if (outermost) {
        rouse_deliver_begin_(mine);
    }
    while (posts != NULL) {
        rouse_waiter *const w = posts;
        posts = w->next_;
        w->mailbox_->post_(w->mailbox_, w);
    }
    if (!outermost) {
        rouse_inbox_push_(mine, chain->first);
        return;
    }
    if (chain->first != NULL) {
        rouse_chain_join_(&mine->due_, chain->first, chain->last);
    }
    (void)rouse_deliver_due_(mine, 0);
    rouse_deliver_end_(mine);
}

/* Returns the waiter for which a stand-in was queued, and which gets its outcome. This is the last access to
 * the stand-in. */
ROUSE_INLINE_ rouse_waiter *rouse_deliver_stood_for_(rouse_waiter *standin, uint32_t outcome) {
    rouse_waiter *const w = rouse_standin_for_(standin);
    if (rouse_outcome_status_(outcome) == ROUSE_OK) {
        ROUSE_HELD_(standin, w->data_);
    }
    ROUSE_DISOWN_(standin);
    return w;
}
/* *link is a stand-in: puts the waiter there for which it was queued, with the same outcome. */
ROUSE_SLOW_ void rouse_deliver_substitute_(rouse_waiter **link) {
    rouse_waiter *const standin = *link;
    rouse_waiter *const behind = standin->next_;
    const uint32_t outcome = rouse_outcome_due_(standin);
    rouse_waiter *const w = rouse_deliver_stood_for_(standin, outcome);
    rouse_outcome_set_due_(w, outcome);
    w->next_ = behind;
    *link = w;
}

/* Stores the outcomes of a chain: each waiter's own, or `same` for all if that is not 0. Then it posts or
 * runs their wakes. It does not touch the queue; `queue` is only passed on to ROUSE_TRACE. */
ROUSE_INLINE_ void rouse_deliver_chain_(const void *queue, rouse_waiter *first, uint32_t same) {
    rouse_chain_ here = {first, NULL};
    rouse_chain_ posts = {NULL, NULL};
    rouse_waiter **link = &here.first;
    while (*link != NULL) {
        rouse_waiter *w = *link;
        uint32_t mailed = 0;
        if (same != 0) {
            ROUSE_TRACE("grant", queue, w);
            rouse_outcome_set_due_(w, same);
        }
        if (rouse_standin_is_(w)) {
            rouse_deliver_substitute_(link);
            w = *link;
        }
        if (w->wake_ != NULL && w->mailbox_ == NULL) {
            here.last = w;
            link = &w->next_;
        } else {
            *link = w->next_; /* out of the chain before the store */
            if (w->wake_ != NULL) {
                rouse_chain_append_(&posts, w);
                mailed = ROUSE_MAILED_;
            }
        }
        rouse_outcome_store_(w, rouse_outcome_due_(w) | mailed);
    }
    if (here.first != NULL || posts.first != NULL) {
        rouse_deliver_run_(posts.first, &here);
    }
    (void)queue;
}
ROUSE_INLINE_ void rouse_deliver_(const rouse_chain_ *chain) {
    rouse_deliver_chain_(NULL, chain->first, 0);
}

ROUSE_SLOW_ void rouse_deliver_rest_(rouse_inbox_ *mine) {
    rouse_deliver_end_(mine);
}
/* Can w's wake be called at once? It has one, w is not on a mailbox, and this thread is not in a wake. */
ROUSE_FAST_ bool rouse_deliver_at_once_(const rouse_inbox_ *mine, const rouse_waiter *w) {
    return w->wake_ != NULL && w->mailbox_ == NULL && rouse_u32_load_relaxed_(&mine->running_) == 0;
}
/* Delivers to w at once. */
ROUSE_FAST_ void rouse_deliver_now_(rouse_inbox_ *mine, rouse_waiter *w, uint32_t outcome) {
    rouse_outcome_store_(w, outcome);
    rouse_deliver_begin_(mine);
    rouse_deliver_call_(w, outcome);
    /* rouse_deliver_end_, for the case that nothing is due. Relaxed: only this thread's handlers push. */
    if (ROUSE_LIKELY_(rouse_ptr_load_relaxed_(&mine->inbox_) == NULL)) {
        if (ROUSE_LIKELY_(rouse_deliver_rests_(mine))) {
            return;
        }
        rouse_deliver_begin_(mine);
    }
    rouse_deliver_rest_(mine);
}

/* Delivers to one waiter whose wake cannot be called at once: it has none or is on a mailbox, or this thread
 * is in a wake. */
ROUSE_INLINE_ void rouse_deliver_deferred_(rouse_waiter *w, uint32_t outcome) {
    const bool polled = w->wake_ == NULL; /* before the store */
    if (w->mailbox_ == NULL) {
        rouse_outcome_store_(w, outcome);
        if (!polled) {
            w->next_ = NULL;
            rouse_outcome_set_due_(w, outcome);
            rouse_inbox_push_(rouse_inbox_mine_(), w);
        }
    } else {
        w->next_ = NULL;
        rouse_outcome_set_due_(w, outcome);
        rouse_deliver_chain_(NULL, w, 0);
    }
}
/* The same, or w is a stand-in: then it delivers to the waiter for which that was queued. */
ROUSE_SLOW_ void rouse_deliver_later_(rouse_waiter *w, uint32_t outcome) {
    if (rouse_standin_is_(w)) {
        rouse_inbox_ *const mine = rouse_inbox_mine_();
        w = rouse_deliver_stood_for_(w, outcome);
        if (ROUSE_LIKELY_(rouse_deliver_at_once_(mine, w))) {
            rouse_deliver_now_(mine, w, outcome);
            return;
        }
    }
    rouse_deliver_deferred_(w, outcome);
}
/* Delivers to one waiter, without a chain if its wake runs at once. */
ROUSE_FAST_ void rouse_deliver_one_(rouse_waiter *w, uint32_t outcome) {
    rouse_inbox_ *const mine = rouse_inbox_mine_();
    if (ROUSE_LIKELY_(rouse_deliver_at_once_(mine, w))) {
        rouse_deliver_now_(mine, w, outcome);
    } else {
        rouse_deliver_later_(w, outcome);
    }
}

/* Delivers to one waiter at the end of one of the library's own wakes, which touches nothing after it. If
 * nothing else is due on this thread, the waiter is the next in order, and its wake runs at once. */
ROUSE_INLINE_ void rouse_deliver_last_(rouse_waiter *w, uint32_t outcome) {
    rouse_inbox_ *const mine = rouse_inbox_mine_();
    /* Relaxed: only this thread and its handlers use the inbox. What a handler pushes from here on is due
     * after w. */
    if (w->wake_ != NULL && w->mailbox_ == NULL && mine->due_.first == NULL &&
        rouse_ptr_load_relaxed_(&mine->inbox_) == NULL) {
        rouse_outcome_store_(w, outcome);
        rouse_deliver_call_(w, outcome);
    } else {
        rouse_deliver_one_(w, outcome);
    }
}

#endif /* ROUSE_DETAIL_WAKE_DELIVER_H */
