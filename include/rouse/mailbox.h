/* rouse/mailbox.h: wakes run on the loop's thread, whichever thread releases.
 *
 * For an event loop whose waiters are released, unlocked or notified by other threads. A program with one
 * thread needs none. With ROUSE_BACKEND_LOCAL rouse_mailbox_post is the only call of the library that a
 * thread other than the loop's may make.
 *
 *     fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);               // first what kick uses
 *     rouse_mailbox_init(&mailbox, kick, &fd);                   // one a loop; it stays where it is
 *     rouse_waiter_init_on(&task->waiter, &mailbox, wake, task); // once, instead of rouse_waiter_init
 *     ...
 *     (void)read(fd, &count, sizeof count);                      // when fd is readable: first this,
 *     rouse_mailbox_drain(&mailbox);                             // then drain; otherwise a kick is lost
 *     ...
 *     rouse_mailbox_destroy(&mailbox);                           // no waiter is left on it
 *     close(fd);                                                 // last what kick uses
 *
 * A waiter made by rouse_waiter_init_on is granted on the thread that releases, like any other, but that
 * thread posts its wake to the mailbox. Only rouse_mailbox_drain, which the loop's thread calls, runs that
 * wake. If the loop's own thread releases, the wake also runs in the next drain.
 *
 * The mailbox calls `kick` when it goes from empty to non-empty, on the posting thread, which may be the
 * loop's own. kick wakes the loop, for example by writing to an eventfd or calling uv_async_send. One kick
 * may announce many posts, and drain takes all of them. kick must not drain or revoke, and should not block.
 * It may still be called after a drain has emptied the mailbox. In a loop that drains in every turn, kick may
 * be NULL.
 *
 * A waiter in the mailbox has been granted, and cancel returns false for it. So a loop may drain before or
 * after it looks at its time-outs: what is in the mailbox was granted in time. On the loop's thread,
 * rouse_mailbox_revoke takes a granted waiter out again before its wake has begun. If a wake inside drain
 * posts to the same mailbox, a new kick announces that.
 *
 * In throughput mode (semaphore.h) a waiter in the mailbox may be invited and not yet granted: drain asks for
 * its permit. revoke returns false for it; cancel it first, then revoke it.
 *
 * A loop may run inside a wake (a modal dialog, a helper that turns the loop until it has an answer). The
 * first drain in a wake leaves what it finds to the outermost call, like every wake inside a wake, and kicks.
 * If the same wake drains again, it must be running a loop. So that drain and every later one in the same
 * wake run the wakes at once, together with all that this thread has deferred. Each such level costs the
 * stack of the loop and of its wakes. A loop without a mailbox calls rouse_run_deferred_wakes.
 *
 * Cost: nothing allocates and nothing takes a lock. A post is one compare-and-swap, plus two adds, a fence
 * and the kick if the mailbox was empty. A drain is one exchange. A revoke is at most one exchange, and takes
 * constant time unless it has to search the wakes that were deferred inside a wake.
 *
 * Ordering: everything that a thread did before the release that granted the waiter happens before its wake
 * in drain. */
#ifndef ROUSE_MAILBOX_H
#define ROUSE_MAILBOX_H

#include "config.h"
#include "detail/base/atomic.h"
#include "detail/base/check.h"
#include "detail/base/platform.h"
#include "detail/wake/deliver.h"
#include "waiter.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct rouse_mailbox rouse_mailbox;

/* ROUSE_DEBUG: the mailbox is in use, and (drain, revoke) always from one thread. */
#ifdef ROUSE_DEBUG
#    define ROUSE_CHECK_MAILBOX_(mb)                   \
        (ROUSE_CHECK_OBJECT_(mb),                      \
         ROUSE_CHECK_((mb)->check_.self == (mb), (mb), \
                      "the mailbox was never initialised, was destroyed, or was moved"))
/* The same for a function that makes a waiter on mb, or on none. */
#    define ROUSE_CHECK_MADE_ON_(mb)                                  \
        ROUSE_CHECK_((mb) == NULL || (mb)->check_.self == (mb), (mb), \
                     "the mailbox was never initialised, was destroyed, or was moved")
#    define ROUSE_CHECK_LOOP_(mb)  \
        (ROUSE_CHECK_MAILBOX_(mb), \
         ROUSE_CHECK_(rouse_mailbox_mine_(mb), (mb), "another thread has drained this mailbox before"))
/* Relaxed: misuse is reported when it is seen, not proved absent. */
ROUSE_INLINE_ bool rouse_mailbox_mine_(rouse_mailbox *mb) {
    void *const me = rouse_platform_thread_();
    void *loop = NULL;
    return rouse_ptr_cas_relaxed_(&mb->check_.loop, &loop, me) || loop == me;
}
#else
#    define ROUSE_CHECK_MAILBOX_(mb) ((void)0)
#    define ROUSE_CHECK_MADE_ON_(mb) ((void)0)
#    define ROUSE_CHECK_LOOP_(mb)    ((void)0)
#endif

/* Delivery hands a waiter over. Runs on the waking thread. */
ROUSE_INLINE_ void rouse_mailbox_post_(rouse_mailbox *mb, rouse_waiter *w) {
    void *newest = rouse_ptr_load_relaxed_(&mb->posted_); /* relaxed: a guess for the CAS */
    bool counted = false;
    ROUSE_CHECK_MAILBOX_(mb);
    do {
        if (newest == NULL && !counted) {
            /* E8: announces a kick before the waiter can be seen, so that destroy, on a thread that has
             * drained the waiter, sees it. Relaxed: the CAS below publishes it. */
            (void)rouse_u32_add_relaxed_(&mb->kicks_, 1);
            counted = true;
        }
        w->next_ = (rouse_waiter *)newest;
        /* E7: release; partner is the exchange in drain. seq_cst for the loop's sake. A post that then looks
         * whether a wake-up is pending, and a loop that clears "pending" and then drains, cannot both miss
         * the other. */
    } while (!rouse_ptr_cas_seq_cst_(&mb->posted_, &newest, w));
    if (newest == NULL && mb->kick_ != NULL) {
        /* uv_async_send reads its pending flag with a plain load: keep it behind the post. */
        rouse_fence_seq_cst_();
        mb->kick_(mb->arg_);
    }
    if (counted) {
        (void)rouse_u32_add_release_(&mb->kicks_, (uint32_t)-1); /* E8: the last touch of the mailbox */
    }
}

/* Initialises an empty mailbox. kick(arg) tells the loop's thread to call rouse_mailbox_drain; NULL if the
 * loop drains without being told. Call it before you make waiters on the mailbox; it may kick as soon as one
 * is queued. */
ROUSE_INLINE_ void rouse_mailbox_init(rouse_mailbox *mb, void (*kick)(void *arg), void *arg) {
    ROUSE_CHECK_OBJECT_(mb);
    mb->post_ = rouse_mailbox_post_;
    mb->kick_ = kick;
    mb->arg_ = arg;
    rouse_ptr_init_(&mb->posted_, NULL);
    rouse_u32_init_(&mb->kicks_, 0);
    mb->taken_.first = NULL;
    mb->taken_.last = NULL;
#ifdef ROUSE_DEBUG
    mb->check_.self = mb;
    rouse_ptr_init_(&mb->check_.loop, NULL);
    rouse_ptr_init_(&mb->check_.last, NULL);
    rouse_u32_init_(&mb->check_.queued, 0);
#endif
}

/* rouse_waiter_init_on without checks. */
ROUSE_INLINE_ void rouse_mailbox_prepare_(rouse_mailbox *mb, rouse_waiter *w, rouse_wake_fn *wake,
                                          void *data) {
    rouse_waiter_prepare_(w, wake, data);
    w->mailbox_ = wake == NULL ? NULL : mb; /* polled and on a mailbox: a stand-in (wake/outcome.h) */
}

/* Prepares a waiter whose wake runs in mb's drain; otherwise like rouse_waiter_init. If wake is NULL the
 * waiter is polled and the mailbox is not used; if mb is NULL, wake runs on the waking thread. */
ROUSE_INLINE_ void rouse_waiter_init_on(rouse_waiter *w, rouse_mailbox *mb, rouse_wake_fn *wake, void *data) {
    ROUSE_CHECK_OBJECT_(w);
    ROUSE_CHECK_MADE_ON_(mb);
    rouse_mailbox_prepare_(mb, w, wake, data);
}

/* Posts w: its wake runs in mb's next drain, with `status`. Never fails. Any thread may call it, including
 * the loop's own, to give the loop something to do: a result from a worker thread, the next step of a task.
 *
 * Requires that w is initialised, has a wake, and is neither queued nor in a mailbox. It need not have been
 * made on mb. w is the mailbox's until its wake begins or rouse_mailbox_revoke returns true; cancel returns
 * false for it. What came before the post happens before the wake. */
ROUSE_INLINE_ void rouse_mailbox_post(rouse_mailbox *mb, rouse_waiter *w, rouse_status status) {
    ROUSE_CHECK_MAILBOX_(mb);
    ROUSE_CHECK_IDLE_(w, mb);
    ROUSE_CHECK_(w->wake_ != NULL, mb, "the waiter has no wake");
    ROUSE_OWN_MAILED_(w, mb);
    rouse_outcome_set_due_(w, rouse_outcome_(status, 0));
    rouse_outcome_store_(w, rouse_outcome_(status, ROUSE_MAILED_));
    rouse_mailbox_post_(mb, w);
}

/* Runs the wakes that have arrived, oldest first. Returns how many. Requires that the loop's thread calls it.
 * Inside a wake it may leave them to the outermost call (see "A loop may run inside a wake" above); the
 * number includes those. */
ROUSE_INLINE_ size_t rouse_mailbox_drain(rouse_mailbox *mb) {
    rouse_inbox_ *const mine = rouse_inbox_mine_();
    const uint32_t running = rouse_u32_load_relaxed_(&mine->running_);
    const uint32_t bits =
        running == ROUSE_RUNNING_ ? ROUSE_OUTCOME_ARRIVED_ | ROUSE_COUNTED_ : ROUSE_OUTCOME_ARRIVED_;
    const uint32_t mask = ROUSE_OUTCOME_ARRIVED_ | ROUSE_COUNTED_;
    rouse_chain_ arrived;
    size_t count;
    ROUSE_CHECK_LOOP_(mb);
    arrived = mb->taken_;
    mb->taken_.first = NULL;
    mb->taken_.last = NULL;
    count = running == ROUSE_RUNNING_ ? rouse_chain_mark_(&arrived, ROUSE_COUNTED_) : 0;
    /* E7: acquire, for the waiters and what their releasers did; seq_cst as in post. From here on the mailbox
     * is not touched, but for the kick of a drain that runs no wakes: a wake may destroy it. */
    count +=
        rouse_chain_join_stack_(&arrived, (rouse_waiter *)rouse_ptr_swap_seq_cst_(&mb->posted_, NULL), bits);
    if (running == 0) {
        if (arrived.first == NULL) {
            return 0;
        }
        rouse_deliver_begin_(mine);
        rouse_chain_join_(&mine->due_, arrived.first, arrived.last);
        count = rouse_deliver_due_(mine, mask);
        rouse_deliver_end_(mine);
        return count;
    }
    rouse_inbox_push_(mine, arrived.first);
    if (running == ROUSE_RUNNING_) {
        if (count != 0 && mb->kick_ != NULL) {
            mb->kick_(mb->arg_);
        }
    } else {
        count = rouse_deliver_due_(mine, mask);
    }
    rouse_u32_store_relaxed_(&mine->running_, ROUSE_RUNNING_LOOP_);
    return count;
}

/* For a loop that runs inside a wake: runs the wakes that this thread has deferred until that wake returns,
 * and all that follow from them. Call it once in each turn. Returns how many wakes it ran; outside of a wake
 * nothing is deferred, and it returns 0. Each level costs the stack of the loop and of its wakes. */
ROUSE_INLINE_ size_t rouse_run_deferred_wakes(void) {
    rouse_inbox_ *const mine = rouse_inbox_mine_();
    const uint32_t running = rouse_u32_load_relaxed_(&mine->running_);
    size_t count = 0;
    if (running != 0) {
        count = rouse_deliver_due_(mine, 0);
        rouse_u32_store_relaxed_(&mine->running_, running);
    }
    return count;
}

/* Takes back a waiter that was granted and whose wake has not begun. Use it for a task that ends while its
 * grant is on the way: cancel first, and revoke if that returns false. Requires that the loop's thread calls
 * it.
 *
 * Returns true: its wake will never run, w is yours again, and so is what it was granted. rouse_waiter_status
 * has the outcome; if it is ROUSE_OK, release it if you no longer want it. The call works on every waiter
 * whose wake would run in a drain of mb, even on one that the running drain has already taken. So a wake may
 * free the next waiter.
 * Returns false: there is nothing to take back. w is still queued, or invited and not cancelled (throughput
 * mode), or its wake has begun or has run, or it was never granted.
 *
 * If another thread is between the grant and the post, this waits for those few instructions. */
ROUSE_INLINE_ bool rouse_mailbox_revoke(rouse_mailbox *mb, rouse_waiter *w) {
    rouse_inbox_ *const mine = rouse_inbox_mine_();
    uint32_t step = 1;
    uint32_t status;
    ROUSE_CHECK_LOOP_(mb);
    ROUSE_CHECK_(w != NULL, mb, "the waiter is NULL");
    /* E1: acquire. The partner is the store of the outcome; the grant becomes this thread's. */
    while ((status = rouse_u32_load_acquire_(&w->status_)) == ((uint32_t)ROUSE_PENDING | ROUSE_OWED_)) {
        rouse_platform_back_off_(&step);
    }
    if ((status & ROUSE_MAILED_) == 0) {
        return false;
    }
    while ((rouse_outcome_due_(w) & ROUSE_OUTCOME_ARRIVED_) == 0) {
        /* E7: as in drain. Relaxed before it: a guess. */
        if (rouse_ptr_load_relaxed_(&mb->posted_) != NULL) {
            (void)rouse_chain_join_stack_(&mb->taken_,
                                          (rouse_waiter *)rouse_ptr_swap_seq_cst_(&mb->posted_, NULL),
                                          ROUSE_OUTCOME_ARRIVED_);
        } else {
            rouse_platform_back_off_(&step);
        }
    }
    if (!rouse_inbox_remove_(mine, w)) {
        rouse_chain_remove_(rouse_chain_holds_(&mb->taken_, w) ? &mb->taken_ : &mine->due_, w);
    }
    ROUSE_DISOWN_(w);
    /* E1: release, so that a later reader still sees what the waker did. */
    rouse_u32_store_release_(&w->status_, status & ~(uint32_t)ROUSE_MAILED_);
    return true;
}

/* Ends the mailbox. Returns once no post or kick is in progress. Only then may you free what kick uses,
 * because the kick that announced the last wake may still be running when that wake runs.
 * Requires that the loop's thread calls it and no waiter is left on the mailbox. */
ROUSE_INLINE_ void rouse_mailbox_destroy(rouse_mailbox *mb) {
    uint32_t step = 1;
    ROUSE_CHECK_MAILBOX_(mb);
    ROUSE_CHECK_(rouse_ptr_load_relaxed_(&mb->posted_) == NULL && mb->taken_.first == NULL, mb,
                 "wakes have not been drained");
#ifdef ROUSE_DEBUG
    if (rouse_u32_load_relaxed_(&mb->check_.queued) != 0) { /* relaxed: nobody is queued */
        rouse_owner_die_(__func__, mb, rouse_ptr_load_relaxed_(&mb->check_.last),
                         "waiters that were made on it are queued still; the last to queue was");
    }
    mb->check_.self = NULL;
#endif
    /* E8: acquire. The partner is the release at the end of post, so what post did to the mailbox is over. */
    while (rouse_u32_load_acquire_(&mb->kicks_) != 0) {
        rouse_platform_back_off_(&step);
    }
}

#endif /* ROUSE_MAILBOX_H */
