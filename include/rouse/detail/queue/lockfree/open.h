/* rouse/detail/queue/lockfree/open.h: throughput mode of the LOCKFREE queue. Internal.
 *
 * The cell of the oldest waiter says what is free and how many newcomers have passed. So one compare-and-swap
 * of that cell gives, takes, counts, or answers. An invited waiter stays in its cell, before all others, so
 * nobody has to put it back.
 *
 *   READY ------> INVITED    a wake: its permits stay free; then the waker tells the waiter
 *   INVITED ----> INVITED    a wake adds; a newcomer takes, if that keeps the count at or below the bound
 *   INVITED ----> DONE       the waiter asks, and a permit is free: it takes one, and hands on what is left
 *   INVITED ----> READY      the waiter asks, and nothing is free: the cell keeps the count
 *   INVITED ----> CANCELLED  the waiter declines, or is cancelled in its mailbox; what is free is handed on
 *   INVITED ----> PROMISED   a wake gives more than the cell can say next to the count: no newcomer takes
 *                            until the waiter has answered. Otherwise the same as INVITED
 *   INVITED ----> TOKEN_CLOSED  close; what is free is stored. TOKEN_CLOSED -> DONE
 *
 * INVITED and PROMISED are not resolved, so wakers come no further, and the queue's word stays QUEUE. A
 * newcomer finds the cell the way a waker does. The free permits and the count are in one word, so no wake is
 * lost and the bound is exact.
 *
 * A waiter that gives up leaves its count to the next one, in carried_. The count carries the waiter's
 * ticket, so a thread that comes late changes nothing. The count is void in two cases: a waiter behind that
 * ticket has got in, or nobody waited before a later ticket was issued (entered_). A thread that reads
 * entered_ late counts too many, never too few.
 *
 * A waker invites only waiters for one permit that have a wake. It serves a waiter for several permits as in
 * strict mode, the last permit included. A waiter that has not arrived in its cell yet is running, and gets a
 * token. */
#ifndef ROUSE_DETAIL_QUEUE_LOCKFREE_OPEN_H
#define ROUSE_DETAIL_QUEUE_LOCKFREE_OPEN_H

#include "../../../waiter.h"
#include "../../base/atomic.h"
#include "../../base/check.h"
#include "../../base/platform.h"
#include "../../wake/asker.h"
#include "../../wake/outcome.h"
#include "../invited.h"
#include "../linger.h"
#include "../types.h"
#include "segments.h"
#include "state.h"
#include "ticket.h"
#include "wake.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ROUSE_BACKEND_INIT_THROUGHPUT_(credit, bypass)                                                     \
    {                                                                                                      \
        ROUSE_BUILT_INIT_(ROUSE_ATOMIC_INIT_(credit)), ROUSE_ATOMIC_INIT_(credit), ROUSE_ATOMIC_INIT_(0),  \
            ROUSE_ATOMIC_INIT_(NULL), ROUSE_ATOMIC_INIT_(NULL),                                            \
            (bypass) < ROUSE_CELL_PASSED_MOST_ ? (bypass) : ROUSE_CELL_PASSED_MOST_, ROUSE_ATOMIC_INIT_(0) \
    }

ROUSE_INLINE_ void rouse_open_init_(rouse_waiter_queue *q, uint32_t bypass) {
    q->bypass_ = bypass < ROUSE_CELL_PASSED_MOST_ ? bypass : ROUSE_CELL_PASSED_MOST_;
}

/* Returns ticket_ of a waiter with this ticket: the index of its cell in its segment. In throughput mode it
 * also has a state of invited.h, so that drain and cancel can decide there. */
ROUSE_INLINE_ uint32_t rouse_open_index_(bool open, uint64_t ticket) {
    const uint32_t index = (uint32_t)ticket & (uint32_t)(ROUSE_SEGMENT_CELLS - 1);
    return open ? rouse_invited_ticket_(index, ROUSE_INVITED_) : index;
}

ROUSE_LATE_ bool rouse_open_come_(rouse_waiter *w);
static rouse_asker_ rouse_open_asker_ = {rouse_open_come_, NULL, NULL};

/* Returns the word of a cell in which the waiter has arrived. Its waker finds the asker entered. */
ROUSE_INLINE_ uint64_t rouse_open_arrived_(const rouse_waiter_queue *q, const rouse_waiter *w, uint32_t n,
                                           uint64_t word) {
    if (rouse_open_on_(q) && n == 1 && w->wake_ != NULL) {
        rouse_asker_enter_(&rouse_open_asker_, ROUSE_ASKER_QUEUE_);
        return rouse_cell_to_(word, ROUSE_CELL_READY_, 0);
    }
    return rouse_cell_to_(word, ROUSE_CELL_ARRIVED_, rouse_cell_number_(word));
}

/* May a newcomer take n? `word` is the oldest waiter's cell. */
ROUSE_INLINE_ bool rouse_open_admits_(const rouse_waiter_queue *q, uint64_t word, uint32_t n) {
    return rouse_cell_state_(word) == ROUSE_CELL_INVITED_ &&
           (rouse_cell_number_(word) & ROUSE_CELL_FREE_MOST_) >= n &&
           rouse_cell_number_(word) / ROUSE_CELL_PASSED_ + n <= q->bypass_;
}

/* Returns how many of the free permits may be taken. `word` is the oldest waiter's cell.
 *
 *     newcomer   INVITED, free >= n, passed + n <= bound    n
 *     reduce     INVITED, PROMISED                          up to n
 *     either     anything else                              0 */
ROUSE_INLINE_ uint32_t rouse_open_share_(const rouse_waiter_queue *q, uint64_t word, uint32_t n,
                                         bool reduce) {
    const uint32_t free = rouse_cell_free_(word);
    if (reduce) {
        return !rouse_cell_invited_(word) ? 0 : n < free ? n : free;
    }
    return rouse_open_admits_(q, word, n) ? n : 0;
}
/* Takes free permits. INVITED, PROMISED as seen -> free less taken; passed + newcomers: true. Otherwise *seen
 * becomes the cell's word. */
ROUSE_INLINE_ bool rouse_open_take_from_(rouse_cell_ *cell, uint64_t *seen, uint32_t taken,
                                         uint32_t newcomers) {
    /* E9: acquire; the partner is the release in rouse_open_offer_, as E2 has it for stored credit. */
    return rouse_u64_cas_acquire_(
        &cell->word_, seen, rouse_cell_add_(*seen, (int64_t)newcomers * ROUSE_CELL_PASSED_ - (int64_t)taken));
}

/* Takes what rouse_open_share_ allows from the oldest waiter's cell, whose word is *seen. Returns how
 * many. */
ROUSE_INLINE_ uint32_t rouse_open_take_oldest_(const rouse_waiter_queue *q, rouse_cell_ *cell, uint64_t *seen,
                                               uint32_t n, bool reduce) {
    uint32_t taken;
    do {
        taken = rouse_open_share_(q, *seen, n, reduce);
    } while (taken != 0 && !rouse_open_take_from_(cell, seen, taken, reduce ? 0 : n));
    return taken;
}

/* Takes n for a newcomer, in the usual case: a waiter is invited. */
ROUSE_INLINE_ bool rouse_open_take_invited_(const rouse_waiter_queue *q, uint32_t n) {
    uint64_t seen = 0;
    /* Relaxed: what it leads to has loads of its own. A thread that knows of a close takes nothing. */
    rouse_cell_ *const cell =
        rouse_state_waits_(rouse_u64_load_relaxed_(&q->word_)) ? rouse_open_invited_(q, &seen) : NULL;
    while (cell != NULL && rouse_open_admits_(q, seen, n)) {
        if (rouse_open_take_from_(cell, &seen, n, n)) {
            return true;
        }
    }
    return false;
}

/* Takes what rouse_open_share_ allows while a waiter is invited. Returns how many. */
ROUSE_SLOW_ uint32_t rouse_open_take_(rouse_waiter_queue *q, uint32_t n, bool reduce) {
    /* E4: acquire, so that the list is at least as new as the issued tickets. */
    const uint64_t state = rouse_u64_load_acquire_(&q->word_);
    rouse_spot_ at = ROUSE_SPOT_NONE_;
    uint64_t seen;
    rouse_cell_ *const oldest = rouse_open_oldest_(q, &seen);
    if (oldest != NULL) {
        return rouse_open_take_oldest_(q, oldest, &seen, n, reduce);
    }
    while (rouse_state_waits_(state) &&
           rouse_spot_seek_(q, rouse_ticket_pool_(q), &at, rouse_state_next_(state))) {
        const uint32_t taken = rouse_open_share_(q, at.word, n, reduce);
        if (taken == 0 || rouse_open_take_from_(rouse_spot_cell_(&at), &at.word, taken, reduce ? 0 : n)) {
            return taken;
        }
    }
    return 0;
}

/* Lingers (detail/queue/linger.h). `word` is that of the oldest waiter's cell, or the queue's. *seen becomes
 * the word as last seen. Returns whether it has changed. */
ROUSE_SLOW_ bool rouse_open_linger_(rouse_waiter_queue *q, const rouse_atomic_u64_ *word, uint64_t *seen) {
    const uint64_t first = *seen;
    const uint32_t doubt = rouse_u32_load_relaxed_(&q->doubt_); /* relaxed: a guess about what pays */
    const uint32_t after = rouse_linger_(doubt, word, seen, UINT64_MAX);
    if (after != doubt) {
        rouse_u32_store_relaxed_(&q->doubt_, after); /* relaxed: the same */
    }
    return *seen != first;
}

/* Tries once for a newcomer. False: nothing has changed, and the next release changes *word, which was
 * *seen. */
ROUSE_INLINE_ bool rouse_open_try_once_(rouse_waiter_queue *q, uint32_t n, uint64_t *seen,
                                        const rouse_atomic_u64_ **word) {
    rouse_cell_ *const cell = rouse_open_oldest_(q, seen);
    *word = &q->word_;
    if (cell == NULL) {
        *seen = rouse_u64_load_relaxed_(&q->word_); /* relaxed: only compared */
        return rouse_word_take_(&q->word_, &q->guess_, n) || rouse_open_take_(q, n, false) != 0;
    }
    *word = &cell->word_;
    return rouse_open_take_oldest_(q, cell, seen, n, false) != 0;
}
/* Tries for a newcomer before it queues w. If w has a wake, it lingers between two tries. */
ROUSE_SLOW_ bool rouse_open_newcomer_(rouse_waiter_queue *q, const rouse_waiter *w, uint32_t n) {
    const rouse_atomic_u64_ *word;
    uint64_t seen;
    if (rouse_open_try_once_(q, n, &seen, &word)) {
        return true;
    }
    return w->wake_ != NULL && !(word == &q->word_ && rouse_word_closed_(seen)) &&
           rouse_open_linger_(q, word, &seen) && rouse_open_try_once_(q, n, &seen, &word);
}

ROUSE_INLINE_ uint32_t rouse_open_reduce_(rouse_waiter_queue *q, uint32_t n) {
    return rouse_word_take_upto_(&q->word_, &q->guess_,
                                 n); /* while somebody waits: rouse_queue_reduce_late_ */
}

/* Returns the queue of a waiter that is in its cell. Relaxed: published with the waiter. */
ROUSE_INLINE_ rouse_waiter_queue *rouse_open_queue_(const rouse_waiter *w) {
    return ((rouse_segment_ *)rouse_ptr_load_relaxed_(&w->place_))->pool_->queue_;
}

/* Answers for an invited waiter. The waiter is then out of its cell, unless the answer is PENDING.
 *
 *     it wants      INVITED, free > 0    ->  DONE                   OK; *rest is free - 1
 *                   INVITED, free == 0   ->  READY, passed stays    PENDING: beaten, it keeps waiting
 *                   PROMISED             ->  the same as INVITED
 *     it declines   INVITED, PROMISED    ->  CANCELLED              OK; *rest is what was free
 *     either        TOKEN_CLOSED         ->  DONE                   CLOSED */
ROUSE_INLINE_ rouse_status rouse_open_answer_(rouse_waiter *w, bool wants, uint32_t *rest) {
    rouse_segment_ *const segment = (rouse_segment_ *)rouse_ptr_load_relaxed_(&w->place_);
    rouse_pool_ *const pool = segment->pool_;
    const uint32_t index = rouse_invited_asked_(rouse_u32_load_relaxed_(&w->ticket_));
    rouse_cell_ *const cell = rouse_segment_cell_(segment, index);
    uint64_t seen = rouse_u64_load_acquire_(&cell->word_); /* E9: what others did to it */
    /* Relaxed: the cell is not final, so the segment is the one in which w queued. */
    const uint64_t ticket = rouse_segment_base_(rouse_u64_load_relaxed_(&segment->state_)) + index;
    if (wants && rouse_cell_invited_(seen) && rouse_cell_free_(seen) == 0) {
        (void)rouse_open_linger_(pool->queue_, &cell->word_, &seen);
    }
    for (;;) {
        const uint32_t state = rouse_cell_state_(seen);
        const bool shut = state == ROUSE_CELL_TOKEN_CLOSED_;
        const uint32_t free = shut ? 0 : rouse_cell_free_(seen);
        if (wants && free == 0 && !shut) {
            /* Relaxed: the CAS publishes it. After the CAS w may be invited again. */
            rouse_u64_store_relaxed_(&w->account_, rouse_account_make_(1, 1));
            rouse_u32_store_relaxed_(&w->status_, (uint32_t)ROUSE_PENDING);
            /* E9: release, for the next waker. Acquire, for the word that it returns if it fails. */
            if (rouse_u64_cas_acq_rel_(&cell->word_, &seen,
                                       rouse_cell_to_(seen, ROUSE_CELL_READY_, rouse_cell_number_(seen)))) {
                return ROUSE_PENDING;
            }
            continue;
        }
        if (!wants && !shut) {
            rouse_open_carry_(pool, ticket, rouse_cell_passed_(seen));
        }
        /* E9: acquire, for what came before the permit was free. Release, for what it carries. E10: seq_cst,
         * because the cell may be the last of its segment to become final. */
        if (rouse_u64_cas_seq_cst_(
                &cell->word_, &seen,
                rouse_cell_to_(seen, wants || shut ? ROUSE_CELL_DONE_ : ROUSE_CELL_CANCELLED_, 0))) {
            if (wants && !shut) {
                rouse_open_enter_(pool, ticket + 1);
            }
            rouse_u64_store_release_(&segment->from_, ticket + 1); /* E14: for rouse_spot_find_ */
            rouse_segment_try_end_(segment, ticket);
            *rest = free - (wants && !shut ? 1 : 0);
            return shut ? ROUSE_CLOSED : ROUSE_OK;
        }
    }
}

ROUSE_SLOW_ rouse_status rouse_open_resume_(rouse_waiter_queue *q, rouse_waiter *w) {
    rouse_serving_ serving =
        rouse_serving_by_(ROUSE_CELL_TOKEN_, ROUSE_MAX_PERMITS, rouse_outcome_(ROUSE_OK, 0));
    uint32_t rest = 0;
    const rouse_status status = rouse_open_answer_(w, true, &rest);
    if (status == ROUSE_PENDING) {
        ROUSE_TRACE("beaten", q, w);
        return status;
    }
    ROUSE_TRACE("grant", q, w);
    ROUSE_STATS_LEFT_(q, w, status);
    (void)rouse_serving_give_(q, &serving, rest, ROUSE_STATE_MOST_); /* too late to refuse */
    rouse_serving_let_go_(q, &serving);
    rouse_invited_settle_(w, status);
    rouse_serving_deliver_(&serving);
    return status;
}

ROUSE_SLOW_ void rouse_open_decline_(rouse_waiter_queue *q, rouse_waiter *w) {
    uint32_t rest = 0;
    (void)rouse_open_answer_(w, false, &rest);
    ROUSE_TRACE("cancel", q, w);
    ROUSE_STATS_LEFT_(q, w, ROUSE_CANCELLED);
    rouse_waiter_release_(w);
    if (rest != 0) {
        rouse_serving_pass_on_(q, rest, ROUSE_MAX_PERMITS);
    }
}

/* Asks for an invited waiter that has come out of its mailbox. ticket_: INVITED -> CLAIMED, then -> 0 (out of
 * the queue), or -> INVITED (beaten; a waker may invite it again). */
ROUSE_LATE_ bool rouse_open_come_(rouse_waiter *w) {
    rouse_status status = ROUSE_CANCELLED;
    if (rouse_invited_claim_(w)) {
        const uint32_t ticket = rouse_u32_load_relaxed_(&w->ticket_); /* relaxed: this thread's, claimed */
        status = rouse_open_resume_(rouse_open_queue_(w), w);
        if (status == ROUSE_PENDING) {
            /* E1: release. A canceller that waits for this owns w when it sees it. */
            rouse_u32_store_release_(&w->ticket_, ticket - ROUSE_INVITED_CLAIMED_ + ROUSE_INVITED_);
            return false;
        }
    }
    return rouse_invited_came_(w, status);
}

#endif /* ROUSE_DETAIL_QUEUE_LOCKFREE_OPEN_H */
