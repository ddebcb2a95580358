/* rouse/detail/queue/invited.h: throughput mode: a waiter that is invited. Internal.
 *
 * An invited waiter is in no list, because delivery uses next_. Its place_ is the object that has invited it.
 * Its ticket_ is n * 8, plus 1 if that object is a limit, plus a state. n is what the waiter asked for (for a
 * queue, see open.h).
 *
 *     INVITED    its invitation is delivered, or about to be
 *     CLAIMED    its mailbox's drain is asking for it
 *     DECLINED   cancelled while it was in its mailbox: drain must not touch the object any more
 *
 *     the list's mark  ->  INVITED     the waker, under the lock (rouse_open_settle_)
 *     INVITED          ->  CLAIMED     drain (rouse_invited_claim_)
 *     INVITED          ->  DECLINED    a canceller, under the lock (rouse_invited_revoke_)
 *     INVITED, CLAIMED ->  0           the answer: granted or closed (rouse_invited_settle_)
 *     INVITED, CLAIMED ->  the list's mark    the answer: beaten, under the lock (rouse_open_put_back_)
 *
 * A queue of LOCKFREE has no lock. Its waiters' tickets hold the index of the cell instead of n
 * (lockfree/open.h). */
#ifndef ROUSE_DETAIL_QUEUE_INVITED_H
#define ROUSE_DETAIL_QUEUE_INVITED_H

#include "../../waiter.h"
#include "../base/atomic.h"
#include "../base/check.h"
#include "../base/platform.h"
#include "../wake/asker.h"
#include "../wake/chain.h"
#include "../wake/deliver.h"
#include "../wake/outcome.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Has the backend throughput mode? */
#define ROUSE_INVITED_EVER_ (ROUSE_BACKEND != ROUSE_BACKEND_LOCAL)

enum {
    ROUSE_INVITED_BY_LIMIT_ = 1,
    ROUSE_INVITED_ = 2,
    ROUSE_INVITED_CLAIMED_ = 4,
    ROUSE_INVITED_DECLINED_ = 6
};

ROUSE_INLINE_ uint32_t rouse_invited_ticket_(uint32_t n, uint32_t state) {
    return n * 8 + state;
}
ROUSE_INLINE_ uint32_t rouse_invited_asked_(uint32_t ticket) {
    return ticket / 8;
}
ROUSE_INLINE_ uint32_t rouse_invited_state_(uint32_t ticket) {
    return ticket & 6;
}

/* Delivers the invitation, and does not touch the object any more. Requires that the asker of this kind has
 * been entered.
 *
 *     no mailbox    status_: PENDING -> RETRY               its wake runs
 *     a mailbox     account_: -> RETRY, INVITED, ASKER      it is posted; status_ stays PENDING until drain
 *                                                           has asked */
ROUSE_INLINE_ void rouse_invited_tell_(rouse_waiter *w, uint32_t kind) {
    const rouse_chain_ none = {NULL, NULL};
    const uint32_t outcome = rouse_asker_outcome_(kind);
    if (w->mailbox_ == NULL) {
        rouse_deliver_one_(w, rouse_outcome_(ROUSE_RETRY, 0));
    } else {
        rouse_outcome_set_due_(w, outcome);
        w->next_ = NULL;
        rouse_deliver_run_(w, &none);
    }
}

/* Delivers several invitations, linked by next_. Posts to all mailboxes before it runs the first wake. */
ROUSE_SLOW_ void rouse_invited_tell_all_(rouse_waiter *first, uint32_t kind) {
    rouse_chain_ posts = {NULL, NULL};
    rouse_chain_ wakes = {NULL, NULL};
    while (first != NULL) {
        rouse_waiter *const w = first;
        first = w->next_;
        if (w->mailbox_ != NULL) {
            rouse_chain_add_(&posts, w, rouse_asker_outcome_(kind));
        } else {
            rouse_chain_add_(&wakes, w, rouse_outcome_(ROUSE_RETRY, 0));
            rouse_outcome_store_(w, rouse_outcome_(ROUSE_RETRY, 0));
        }
    }
    rouse_deliver_run_(posts.first, &wakes);
}

/* Ends the wait of w, whose invitation a canceller has taken back. The caller has made its last access to the
 * object: w's wake, which may run from here on, may destroy it. The caller runs no wake before this, because
 * a drain inside that wake would wait for this store.
 *
 *     status_: PENDING   ->  CANCELLED and MAILED     E1: release; the last access to w */
ROUSE_INLINE_ void rouse_invited_cancelled_(rouse_waiter *w) {
    rouse_u32_store_release_(&w->status_, rouse_outcome_(ROUSE_CANCELLED, ROUSE_MAILED_));
}
/* Ends the wait of w, which has answered and is out of the queue. The caller has made its last access to the
 * object: a canceller that comes too late reads the status, and may destroy the object.
 *
 *     status_: PENDING or RETRY   ->  status
 *     ticket_: INVITED, CLAIMED   ->  0
 *     CANCELLED                   ->  rouse_invited_cancelled_ */
ROUSE_INLINE_ void rouse_invited_settle_(rouse_waiter *w, rouse_status status) {
    if (status == ROUSE_CANCELLED) {
        rouse_invited_cancelled_(w);
        return;
    }
    if (status == ROUSE_OK) {
        ROUSE_HELD_(w, w->data_);
    }
    ROUSE_DISOWN_(w);
    rouse_u32_store_release_(&w->status_, rouse_outcome_(status, 0)); /* E1: for rouse_waiter_status */
    rouse_u32_store_release_(&w->ticket_, 0); /* E1: a canceller that waits for this reads the status next */
}

/* ---- in a mailbox -------------------------------------------------------------------------------------- */

/* May drain ask for w?
 *
 *     INVITED     ->  CLAIMED      true
 *     DECLINED    ->  unchanged    false: w is cancelled, and the canceller has made its last access */
ROUSE_INLINE_ bool rouse_invited_claim_(rouse_waiter *w) {
    uint32_t ticket = rouse_u32_load_relaxed_(&w->ticket_); /* relaxed: E7 has shown the invitation */
    uint32_t step = 1;
    /* Relaxed: it decides between this thread and a canceller, and passes nothing on. */
    if (rouse_invited_state_(ticket) == ROUSE_INVITED_ &&
        rouse_u32_cas_relaxed_(&w->ticket_, &ticket, ticket + ROUSE_INVITED_CLAIMED_ - ROUSE_INVITED_)) {
        return true;
    }
    /* E1: acquire, in rouse_waiter_status. The partner is the canceller's store, its last access to w. */
    while (rouse_waiter_status_(w) != ROUSE_CANCELLED) {
        rouse_platform_back_off_(&step);
    }
    return false;
}
/* Ends drain's part: it has asked for w, or may not. Returns whether w's wake ran. */
ROUSE_INLINE_ bool rouse_invited_came_(rouse_waiter *w, rouse_status status) {
    if (status == ROUSE_PENDING) {
        return false;
    }
    rouse_deliver_call_(w, rouse_outcome_(status, ROUSE_OUTCOME_ARRIVED_));
    return true;
}

/* Takes the invitation back, for a canceller, if w has a mailbox and drain has not claimed it.
 *
 *     INVITED           ->  DECLINED     true
 *     anything else     ->  unchanged    false
 *
 * E1: acquire. Without a lock, drain may have asked, and been beaten, since `ticket` was read. */
ROUSE_INLINE_ bool rouse_invited_revoke_(rouse_waiter *w, uint32_t ticket) {
    return rouse_invited_state_(ticket) == ROUSE_INVITED_ && w->mailbox_ != NULL &&
           rouse_u32_cas_acquire_(&w->ticket_, &ticket, ticket + ROUSE_INVITED_DECLINED_ - ROUSE_INVITED_);
}
/* Waits, for a canceller, while drain is asking for w; that takes a few instructions. The canceller has
 * dropped the lock under which it read this state. True: w has what it asked for or is listed, so look again.
 * If the canceller contended for the lock instead, it could keep drain from getting it. */
ROUSE_INLINE_ bool rouse_invited_await_claimer_(const rouse_waiter *w, uint32_t state) {
    uint32_t step = 1;
    if (w->mailbox_ == NULL || (state != ROUSE_INVITED_CLAIMED_ && state != ROUSE_INVITED_)) {
        return false;
    }
    /* Relaxed: the caller loads it again, with acquire (E1). The lock shows whether w is listed. */
    while (rouse_invited_state_(rouse_u32_load_relaxed_(&w->ticket_)) == ROUSE_INVITED_CLAIMED_) {
        rouse_platform_back_off_(&step);
    }
    return true;
}

#endif /* ROUSE_DETAIL_QUEUE_INVITED_H */
