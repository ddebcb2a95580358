/* rouse/mailbox.h: woken on any thread, run on the loop's thread.
 *
 * For a loop beside which other threads release, unlock or notify. A program with one thread needs none.
 *
 *     fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);               // first what kick uses
 *     rouse_mailbox_init(&mailbox, kick, &fd);                   // one a loop; it stays where it is
 *     rouse_waiter_init_on(&task->waiter, &mailbox, wake, task); // once, instead of rouse_waiter_init
 *     ...
 *     (void)read(fd, &count, sizeof count);                      // the loop, when fd is readable: first
 *     this,
 *     rouse_mailbox_drain(&mailbox);                             // then the drain, or a kick goes unheard
 *     ...
 *     rouse_mailbox_destroy(&mailbox);                           // no waiter is left on it
 *     close(fd);                                                 // last what kick uses
 *
 * A waiter made by rouse_waiter_init_on is granted on the thread that releases, like any other, but its wake
 * is posted to the mailbox; rouse_mailbox_drain, called by the loop's own thread, runs it there, and nothing
 * else does: also what the loop's own thread releases is posted, and waits for the next drain.
 *
 * The mailbox calls `kick` when it goes from empty to non-empty, on the posting thread, which may be the
 * loop's own: write to an eventfd, uv_async_send, … One kick may stand for many posts: drain takes all. kick
 * must not drain and should not block; it may be called once more after a drain has emptied the mailbox.
 *
 * Once posted, a waiter is granted: cancel returns false. So a loop may drain before it looks at its
 * time-outs or after: whoever is in the mailbox has come in time. A wake inside drain that posts to the same
 * mailbox is announced by a new kick.
 *
 * Lock-free, no allocation, intrusive. Cost of a post: one compare-and-swap, plus two adds, a fence and the
 * kick when the mailbox was empty. Of a drain: one exchange.
 *
 * Ordering: everything before the release that granted the waiter happens before its wake in drain. */
#ifndef ROUSE_MAILBOX_H
#define ROUSE_MAILBOX_H

#include "config.h"
#include "detail/base/atomic.h"
#include "detail/base/check.h"
#include "detail/base/platform.h"
#include "detail/wake/deliver.h"
#include "waiter.h"

#include <stddef.h>

typedef struct rouse_mailbox rouse_mailbox;

/* Delivery hands a waiter over. Runs on the waking thread. */
static inline void rouse_mailbox_post_(rouse_mailbox *mb, rouse_waiter *w) {
    void *newest = rouse_ptr_load_relaxed_(&mb->posted_); /* relaxed: a guess for the CAS */
    bool counted = false;
    do {
        if (newest == NULL && !counted) {
            /* E8: announces a kick before the waiter can be seen, so that destroy, on a thread that has
             * drained the waiter, sees it. Relaxed: the CAS below publishes it. */
            (void)rouse_u32_add_relaxed_(&mb->kicks_, 1);
            counted = true;
        }
        w->next_ = (rouse_waiter *)newest;
        /* E7: release; partner is the exchange in drain. seq_cst for the loop's sake: with the exchange it
         * makes "post, then look whether a wake-up is pending" and "clear pending, then drain" miss each
         * other never. */
    } while (!rouse_ptr_cas_seq_cst_(&mb->posted_, &newest, w));
    if (newest == NULL) {
        /* uv_async_send reads its pending flag with a plain load: keep it behind the post. */
        rouse_fence_seq_cst_();
        mb->kick_(mb->arg_);
    }
    if (counted) {
        (void)rouse_u32_add_release_(&mb->kicks_, (uint32_t)-1); /* E8: the last touch of the mailbox */
    }
}

/* kick(arg) tells the loop's thread to call rouse_mailbox_drain. Before any waiter is made on the mailbox; it
 * may kick as soon as one is queued. */
static inline void rouse_mailbox_init(rouse_mailbox *mb, void (*kick)(void *arg), void *arg) {
    ROUSE_CHECK_OBJECT_(mb);
    ROUSE_CHECK_(kick != NULL, mb, "kick is NULL");
    mb->post_ = rouse_mailbox_post_;
    mb->kick_ = kick;
    mb->arg_ = arg;
    rouse_ptr_init_(&mb->posted_, NULL);
    rouse_u32_init_(&mb->kicks_, 0);
}

/* rouse_waiter_init, for a waiter whose wake is to run in mb's drain. With wake NULL it is a polled waiter,
 * and the mailbox is not used; with mb NULL it is rouse_waiter_init. */
static inline void rouse_waiter_init_on(rouse_waiter *w, rouse_mailbox *mb, rouse_wake_fn *wake, void *data) {
    ROUSE_CHECK_OBJECT_(w);
    rouse_waiter_init(w, wake, data);
    w->mailbox_ = mb;
}

/* Loop thread: runs the wakes that have arrived, oldest first; how many. Inside a wake it hands them to the
 * outermost call, as any other (waiter.h). */
static inline size_t rouse_mailbox_drain(rouse_mailbox *mb) {
    ROUSE_CHECK_OBJECT_(mb);
    size_t count = 0;
    rouse_waiter *oldest = NULL;
    /* E7: acquire, for the waiters and what their releasers did; seq_cst as in post. */
    rouse_waiter *w = (rouse_waiter *)rouse_ptr_swap_seq_cst_(&mb->posted_, NULL);
    while (w != NULL) {
        rouse_waiter *const older = w->next_;
        rouse_outcome_set_due_(w, rouse_outcome_due_(w) | ROUSE_OUTCOME_ARRIVED_);
        w->next_ = oldest;
        oldest = w;
        w = older;
        count++;
    }
    rouse_deliver_run_(oldest);
    return count;
}

/* Loop thread, no waiter left on it: returns when no post or kick is still in progress. What kick uses may go
 * then, and not before: the kick that announced the last wake may still be running when that wake is. */
static inline void rouse_mailbox_destroy(rouse_mailbox *mb) {
    ROUSE_CHECK_OBJECT_(mb);
    uint32_t step = 1;
    ROUSE_CHECK_(rouse_ptr_load_relaxed_(&mb->posted_) == NULL, mb, "wakes have not been drained");
    /* E8: acquire; partner is the release at the end of post: what it did to the mailbox is over. */
    while (rouse_u32_load_acquire_(&mb->kicks_) != 0) {
        rouse_platform_back_off_(&step);
    }
}

#endif /* ROUSE_MAILBOX_H */
