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
#include "segments.h"
#include "state.h"
#include "ticket.h"
#include "wake.h"

#include <stdbool.h>
#include <stdint.h>

/* Empties the cell of w, if it still is its. *lacks: what it lacked. */
ROUSE_INLINE_ bool rouse_cancel_cell_(rouse_waiter_queue *q, rouse_segment_ *segment, uint32_t index,
                                      const rouse_waiter *w, uint32_t *lacks) {
    rouse_cell_ *const cell = rouse_segment_cell_(segment, index);
    /* E9: acquire; partner is the thread that made the segment ready, if it is in another life. */
    uint64_t seen = rouse_u64_load_acquire_(&cell->word_);
    while (rouse_cell_state_(seen) == ROUSE_CELL_ARRIVED_) {
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
        /* E9: acquire and release, as against the waker. E10: seq_cst, the cell may be its segment's last. */
        if (rouse_u64_cas_seq_cst_(&cell->word_, &seen, rouse_cell_to_(seen, ROUSE_CELL_CANCELLED_, 0))) {
            *lacks = rouse_cell_number_(seen);
            rouse_segment_try_end_(rouse_ticket_pool_(q), segment, rouse_segment_base_(state) + index);
            return true;
        }
    }
    return false;
}

ROUSE_SLOW_ bool rouse_backend_cancel_(rouse_waiter_queue *q, rouse_waiter *w) {
    /* E19: acquire; partner is the store in wake/chain.h. A delivery that links w by place_ has stored its
     * outcome before, which is then seen below. Otherwise the canceller queued w itself, or synchronised
     * with the thread that did; atomic, because a wake that has got ahead of this call may be queueing w
     * again. */
    rouse_segment_ *const segment = (rouse_segment_ *)rouse_ptr_load_acquire_(&w->place_);
    const uint32_t index = rouse_u32_load_relaxed_(&w->ticket_);
    uint32_t lacks = 0;
    uint32_t had;
    if (rouse_waiter_status(w) != ROUSE_PENDING) {
        return false;
    }
    if (!rouse_cancel_cell_(q, segment, index, w, &lacks)) {
        rouse_outcome_await_(w);
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
