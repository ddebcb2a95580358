/* rouse/detail/queue/lockfree/cancel.h: the canceller's side of the LOCKFREE queue. Internal.
 *
 * One compare-and-swap takes a waiter out of its cell, wherever the cell is in the queue. No counter
 * keeps track of cancelled cells. Wakers pass over them, and a segment whose cells are all final leaves
 * the list. */
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

/* Takes w out of its cell, if w is still in it. *lacks: what w still lacked.
 *
 *     ARRIVED, READY, w's    ->  CANCELLED    true
 *     anything else, TAKEN   ->  unchanged    false */
ROUSE_INLINE_ bool rouse_cancel_cell_(rouse_waiter_queue *q, rouse_segment_ *segment, uint32_t index,
                                      const rouse_waiter *w, uint32_t *lacks) {
    rouse_cell_ *const cell = rouse_segment_cell_(segment, index);
    /* E9: acquire. If the segment is in another life, the partner is the thread that made it ready. */
    uint64_t seen = rouse_u64_load_acquire_(&cell->word_);
    while (rouse_cell_state_(seen) == ROUSE_CELL_ARRIVED_ || rouse_cell_state_(seen) == ROUSE_CELL_READY_) {
        /* E11: acquire, so that the state is read after the cell. If the CAS succeeds, both are of one
         * life. */
        const uint64_t state = rouse_u64_load_acquire_(&segment->state_);
        /* Relaxed: it is read before the CAS, which fails if the cell is in another life. If another waiter
         * is in the cell, w left it long ago. */
        if (rouse_ptr_load_relaxed_(&cell->waiter_) != (const void *)w) {
            return false;
        }
        /* A wake_all or a close has taken w before this: it is being granted. */
        if (rouse_ticket_taken_(q, rouse_segment_base_(state) + index)) {
            return false;
        }
        if (rouse_cell_state_(seen) == ROUSE_CELL_READY_) {
            rouse_open_carry_(rouse_ticket_pool_(q), rouse_segment_base_(state) + index,
                              rouse_cell_passed_(seen));
        }
        /* E9: acquire and release; the partner is the waker's CAS of the cell. E10: seq_cst, because the cell
         * may be the last of its segment to become final. */
        if (rouse_u64_cas_seq_cst_(&cell->word_, &seen, rouse_cell_to_(seen, ROUSE_CELL_CANCELLED_, 0))) {
            *lacks = rouse_cell_lacks_(seen);
            rouse_segment_try_end_(segment, rouse_segment_base_(state) + index);
            return true;
        }
    }
    return false;
}

/* Throughput mode: keeps drain from asking for w, which is on a mailbox.
 *
 *     ticket_: INVITED     ->  DECLINED     true
 *              CLAIMED     ->  waits: drain is asking
 *              other       ->  unchanged    false: w has its outcome, or is getting it */
ROUSE_INLINE_ bool rouse_cancel_claim_(rouse_waiter *w) {
    for (;;) {
        /* E1: acquire. The partner is the release in rouse_open_come_. */
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

/* Throughput mode: cancels w, which rouse_cancel_cell_ did not take out of its cell.
 *
 *     cell                               ticket_                  status_
 *     INVITED, PROMISED ->  CANCELLED    DECLINED stays           PENDING -> CANCELLED, MAILED    true
 *     TOKEN_CLOSED      ->  DONE         the same                 the same                        true
 *     anything else                      DECLINED -> INVITED      unchanged                       false
 *     no mailbox: unchanged              unchanged                unchanged                       false
 *
 * True: w belongs to drain. */
ROUSE_SLOW_ bool rouse_cancel_invited_(rouse_waiter_queue *q, rouse_segment_ *segment, uint32_t index,
                                       rouse_waiter *w) {
    rouse_cell_ *const cell = rouse_segment_cell_(segment, index);
    rouse_serving_ serving =
        rouse_serving_by_(ROUSE_CELL_TOKEN_, ROUSE_MAX_PERMITS, rouse_outcome_(ROUSE_OK, 0));
    uint32_t state;
    uint32_t rest = 0;
    if (w->mailbox_ == NULL || w->wake_ == NULL) {
        return false;
    }
    /* E9: acquire. The partner is the CAS of the thread that last changed the cell. */
    state = rouse_cell_state_(rouse_u64_load_acquire_(&cell->word_));
    /* Relaxed: it is compared only, and w is this thread's claim. */
    if (rouse_ptr_load_relaxed_(&cell->waiter_) != (const void *)w ||
        (state != ROUSE_CELL_INVITED_ && state != ROUSE_CELL_PROMISED_ &&
         state != ROUSE_CELL_TOKEN_CLOSED_)) {
        uint32_t ticket = rouse_u32_load_relaxed_(&w->ticket_);
        /* Relaxed: this thread gives up its claim, and nothing else depends on it. */
        (void)rouse_u32_cas_relaxed_(&w->ticket_, &ticket, ticket - ROUSE_INVITED_DECLINED_ + ROUSE_INVITED_);
        return false;
    }
    (void)rouse_open_answer_(w, false, &rest);
    ROUSE_TRACE("cancel", q, w);
    ROUSE_STATS_LEFT_(q, w, ROUSE_CANCELLED);
    (void)rouse_serving_give_(q, &serving, rest, ROUSE_STATE_MOST_); /* too late to refuse */
    rouse_serving_let_go_(q, &serving);
    rouse_invited_cancelled_(w);
    rouse_serving_deliver_(&serving);
    return true;
}

ROUSE_SLOW_ bool rouse_backend_cancel_(rouse_waiter_queue *q, rouse_waiter *w) {
    /* E19: acquire. The partner is the store in wake/chain.h: a delivery that links w by place_ has stored
     * its outcome before, and this thread then sees that outcome below. Otherwise the canceller queued w
     * itself, or synchronised with the thread that did. The load is atomic because a wake that has overtaken
     * this call may be queueing w again. */
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
        rouse_serving_pass_on_(q, had, ROUSE_MAX_PERMITS); /* the waiter that gets it may destroy the queue */
    }
    return true;
}

#endif /* ROUSE_DETAIL_QUEUE_LOCKFREE_CANCEL_H */
