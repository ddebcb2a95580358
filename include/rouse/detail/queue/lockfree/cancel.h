/* rouse/detail/queue/lockfree/cancel.h: the canceller's side of the LOCKFREE queue. Internal.
 *
 * One compare-and-swap takes a waiter out of its cell, wherever that is in the queue. Nothing counts
 * cancelled cells: wakers pass over them, and a segment of nothing but final cells leaves the list. */
#ifndef ROUSE_DETAIL_QUEUE_LOCKFREE_CANCEL_H
#define ROUSE_DETAIL_QUEUE_LOCKFREE_CANCEL_H

#include "../../../waiter.h"
#include "../../base/atomic.h"
#include "../../base/check.h"
#include "../../base/platform.h"
#include "../../wake/outcome.h"
#include "../types.h"
#include "open.h"
#include "segments.h"
#include "state.h"
#include "ticket.h"
#include "wake.h"

#include <stdbool.h>
#include <stdint.h>

/* Empties the cell of w, if that is still its own. *lacks: what it lacked.
 *
 *     ARRIVED, READY, w's    ->  CANCELLED    true
 *     anything else, TAKEN   ->  unchanged    false */
ROUSE_INLINE_ bool rouse_cancel_cell_(rouse_waiter_queue *q, rouse_segment_ *segment, uint32_t index,
                                      const rouse_waiter *w, uint32_t *lacks) {
    rouse_cell_ *const cell = rouse_segment_cell_(segment, index);
    /* E9: acquire; partner is the thread that made the segment ready, if it is in another life. */
    uint64_t seen = rouse_u64_load_acquire_(&cell->word_);
    while (rouse_cell_state_(seen) == ROUSE_CELL_ARRIVED_ || rouse_cell_state_(seen) == ROUSE_CELL_READY_) {
        /* E11: acquire, to be read after the cell: if the CAS succeeds, both are of one life. */
        const uint64_t state = rouse_u64_load_acquire_(&segment->state_);
        /* Relaxed: as in rouse_serving_win_. Another's: w has left it long ago. */
        if (rouse_ptr_load_relaxed_(&cell->waiter_) != (const void *)w) {
            return false;
        }
        /* Taken by a wake_all or a close before this: it is being granted. */
        if (rouse_ticket_taken_(q, rouse_segment_base_(state) + index)) {
            return false;
        }
        if (rouse_cell_state_(seen) == ROUSE_CELL_READY_) {
            rouse_open_carry_(rouse_ticket_pool_(q), rouse_segment_base_(state) + index,
                              rouse_cell_passed_(seen));
        }
        /* E9: acquire and release, as against the waker. E10: seq_cst, the cell may be its segment's last. */
        if (rouse_u64_cas_seq_cst_(&cell->word_, &seen, rouse_cell_to_(seen, ROUSE_CELL_CANCELLED_, 0))) {
            *lacks = rouse_cell_lacks_(seen);
            rouse_segment_try_end_(segment, rouse_segment_base_(state) + index);
            return true;
        }
    }
    return false;
}

/* Throughput mode, w is on a mailbox: keeps drain from asking.
 *
 *     ticket_: INVITED     ->  DECLINED     true
 *              CLAIMED     ->  waits: drain is asking
 *              other       ->  unchanged    false: w has its outcome, or is getting it */
ROUSE_INLINE_ bool rouse_cancel_claim_(rouse_waiter *w) {
    for (;;) {
        /* E1: acquire; partner is the release in rouse_open_come_. */
        const uint32_t ticket = rouse_u32_load_acquire_(&w->ticket_);
        if (rouse_invited_revoke_(w, ticket)) {
            return true;
        }
        if (!rouse_invited_await_claimer_(w, rouse_invited_state_(ticket))) {
            rouse_outcome_await_(w);
            return false;
        }
    }
}

/* Throughput mode, w is not to be taken out of its cell.
 *
 *     cell                               ticket_                  status_
 *     INVITED, PROMISED ->  CANCELLED    DECLINED stays           PENDING -> CANCELLED, MAILED    true
 *     TOKEN_CLOSED      ->  DONE         the same                 the same                        true
 *     anything else                      DECLINED -> INVITED      unchanged                       false
 *     no mailbox: unchanged              unchanged                unchanged                       false
 *
 * True: w is drain's. */
ROUSE_SLOW_ bool rouse_cancel_invited_(rouse_waiter_queue *q, rouse_segment_ *segment, uint32_t index,
                                       rouse_waiter *w) {
    rouse_cell_ *const cell = rouse_segment_cell_(segment, index);
    uint32_t state;
    uint32_t rest = 0;
    if (w->mailbox_ == NULL || w->wake_ == NULL) {
        return false;
    }
    /* E9: acquire, as in rouse_cancel_cell_. */
    state = rouse_cell_state_(rouse_u64_load_acquire_(&cell->word_));
    /* Relaxed: as in rouse_cancel_cell_. */
    if (rouse_ptr_load_relaxed_(&cell->waiter_) != (const void *)w ||
        (state != ROUSE_CELL_INVITED_ && state != ROUSE_CELL_PROMISED_ &&
         state != ROUSE_CELL_TOKEN_CLOSED_)) {
        uint32_t ticket = rouse_u32_load_relaxed_(&w->ticket_);
        /* Relaxed: this thread's claim, given up. */
        (void)rouse_u32_cas_relaxed_(&w->ticket_, &ticket, ticket - ROUSE_INVITED_DECLINED_ + ROUSE_INVITED_);
        return false;
    }
    (void)rouse_open_answer_(w, false, &rest);
    ROUSE_TRACE("cancel", q, w);
    ROUSE_STATS_LEFT_(q, w, ROUSE_CANCELLED);
    rouse_invited_cancelled_(w);
    if (rest != 0) {
        rouse_serving_pass_on_(q, rest, ROUSE_MAX_PERMITS);
    }
    return true;
}

ROUSE_SLOW_ bool rouse_backend_cancel_(rouse_waiter_queue *q, rouse_waiter *w) {
    /* E19: acquire; partner is the store in wake/chain.h. A delivery that links w by place_ has stored its
     * outcome before, which is then seen below. Otherwise the canceller queued w itself, or synchronised
     * with the thread that did; atomic, because a wake that has got ahead of this call may be queueing w
     * again. */
    rouse_segment_ *const segment = (rouse_segment_ *)rouse_ptr_load_acquire_(&w->place_);
    uint32_t index = rouse_u32_load_relaxed_(&w->ticket_);
    uint32_t lacks = 0;
    uint32_t had;
    if (rouse_waiter_status_(w) != ROUSE_PENDING) {
        return false;
    }
    if (rouse_open_on_(q)) {
        index = rouse_invited_asked_(index);
        if (w->mailbox_ != NULL && w->wake_ != NULL && !rouse_cancel_claim_(w)) {
            return false;
        }
    }
    if (!rouse_cancel_cell_(q, segment, index, w, &lacks)) {
        if (!rouse_open_on_(q) || !rouse_cancel_invited_(q, segment, index, w)) {
            rouse_outcome_await_(w);
        }
        return false;
    }
    ROUSE_TRACE("cancel", q, w);
    ROUSE_STATS_LEFT_(q, w, ROUSE_CANCELLED);
    had = rouse_account_asked_(w) - lacks;
    rouse_waiter_release_(w);
    if (had != 0) {
        rouse_serving_pass_on_(q, had, ROUSE_MAX_PERMITS); /* whoever gets it may destroy the queue */
    }
    return true;
}

#endif /* ROUSE_DETAIL_QUEUE_LOCKFREE_CANCEL_H */
