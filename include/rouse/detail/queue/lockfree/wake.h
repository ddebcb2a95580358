/* rouse/detail/queue/lockfree/wake.h: the waker's side of the LOCKFREE queue. Internal.
 *
 * A waker goes to the oldest cell that is not resolved. If the cell's waiter lacks more than the waker has,
 * the waker lowers that number in one compare-and-swap, and is done. Otherwise it wins the cell, and
 * continues with the rest. When no cell is left, one compare-and-swap of the queue's word stores the rest and
 * says that nobody waits. That compare-and-swap fails if a ticket has been issued meanwhile.
 *
 * ---- The last touch -------------------------------------------------------------------------------------
 * If a waiter is in its cell, the waker delivers its wake after the last access to the queue
 * (wake/deliver.h). If it has not arrived yet, the waker leaves a token in the cell. That waiter may destroy
 * the queue as soon as it finds the token. So a waker leaves a token only as its very last access, or while
 * another waiter of the same call is still undelivered and keeps the queue in use. Until there is such a
 * waiter, the waker makes the first cell without its waiter RESERVED. Nobody can cancel a RESERVED cell or
 * withdraw from it, and it becomes a token at the very end. One such cell is enough, because its waiter is
 * undelivered until then. A close leaves the cell of a waiter that is invited (open.h) as it is until the
 * very end, too. It only takes out of it what is free, because that has to go to the queue's word before. */
#ifndef ROUSE_DETAIL_QUEUE_LOCKFREE_WAKE_H
#define ROUSE_DETAIL_QUEUE_LOCKFREE_WAKE_H

#include "../../../waiter.h"
#include "../../base/atomic.h"
#include "../../base/check.h"
#include "../../base/platform.h"
#include "../../wake/chain.h"
#include "../../wake/deliver.h"
#include "../../wake/outcome.h"
#include "../invited.h"
#include "../types.h"
#include "segments.h"
#include "state.h"
#include "ticket.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ---- to the oldest waiter ------------------------------------------------------------------------------ */

/* Finds the segment of the spot's ticket, or the first one behind it. False: there is none. */
ROUSE_SLOW_ bool rouse_spot_find_(const rouse_waiter_queue *q, rouse_pool_ *pool, rouse_spot_ *at) {
    /* E14: acquire; the partner is rouse_ticket_serve_to_. */
    const uint64_t served = rouse_u64_load_acquire_(&q->served_);
    uint64_t from;
    at->ticket = at->taken || at->ticket >= served ? at->ticket : served;
    at->base = rouse_segment_base_of_(at->ticket);
    /* E11: acquire; the partner is the store of the hint. */
    at->segment = (rouse_segment_ *)rouse_ptr_load_acquire_(&q->head_);
    if (at->segment == NULL || !rouse_segment_is_(rouse_u64_load_acquire_(&at->segment->state_), at->base)) {
        at->segment = rouse_segment_find_(pool, at->segment, &at->base);
        if (at->segment == NULL) {
            return false;
        }
        at->ticket = at->ticket < at->base ? at->base : at->ticket;
    }
    /* Whatever ticket it says, the cells before that ticket in its segment are resolved or taken, and stay
     * so. E14: acquire; the partners are the stores in rouse_serving_win_ and rouse_open_answer_. */
    from = rouse_u64_load_acquire_(&at->segment->from_);
    if (!at->taken && from > at->ticket && from - at->base <= ROUSE_SEGMENT_CELLS) {
        at->ticket = from;
    }
    return true;
}

/* Goes to the first cell before ticket `end` that is not resolved. False: there is none. */
ROUSE_INLINE_ bool rouse_spot_seek_(const rouse_waiter_queue *q, rouse_pool_ *pool, rouse_spot_ *at,
                                    uint64_t end) {
    while (at->segment != NULL || rouse_spot_find_(q, pool, at)) {
        for (; at->ticket < end && at->ticket - at->base < ROUSE_SEGMENT_CELLS; at->ticket++) {
            /* If the segment has been reused, the cell was resolved. */
            if (rouse_spot_read_(at) && !rouse_cell_resolved_(at->word)) {
                return true;
            }
        }
        if (at->ticket >= end) {
            return false;
        }
        at->segment = NULL;
    }
    return false;
}

/* Moves the head to the spot's segment, where the next call begins.
 *
 *     served_, of a segment before it    ->  the spot's ticket
 *     head_                              ->  the spot's segment */
ROUSE_INLINE_ void rouse_spot_settle_(rouse_waiter_queue *q, const rouse_spot_ *at) {
    if (rouse_u64_load_relaxed_(&q->served_) < at->base) { /* relaxed: only compared */
        (void)rouse_ticket_serve_to_(q, at->ticket);
    }
    if (rouse_ptr_load_relaxed_(&q->head_) != (const void *)at->segment) { /* relaxed: a hint */
        rouse_ptr_store_release_(&q->head_, at->segment); /* E11: release, for rouse_spot_find_ */
    }
}

/* ---- winning a cell ------------------------------------------------------------------------------------ */

/* A wake in progress. */
typedef struct rouse_serving_ {
    rouse_pool_ *pool;     /* of the queue; NULL: not loaded yet                                  */
    uint32_t token;        /* the state that this wake leaves in a cell whose waiter has not arrived */
    uint32_t cap;          /* TOKEN: the most that the balance may store of it                     */
    uint32_t outcome;      /* of the waiters that it wakes                                        */
    uint32_t woken;        /* how many cells it has won                                           */
    uint32_t credit;       /* what closed waiters had been given; this call hands it on           */
    rouse_chain_ chain;    /* the waiters to deliver                                              */
    rouse_spot_ kept;      /* the RESERVED cell; segment NULL: none                               */
    rouse_spot_ asks;      /* close: the cell of the waiter that is invited; segment NULL: none   */
    rouse_waiter *invited; /* throughput mode: the waiter to invite last, or NULL             */
} rouse_serving_;

ROUSE_INLINE_ rouse_serving_ rouse_serving_by_(uint32_t token, uint32_t cap, uint32_t outcome) {
    rouse_serving_ serving;
    serving.pool = NULL;
    serving.token = token;
    serving.cap = cap;
    serving.outcome = outcome;
    serving.woken = 0;
    serving.credit = 0;
    serving.chain.first = NULL;
    serving.chain.last = NULL;
    serving.kept.segment = NULL;
    serving.asks.segment = NULL;
    serving.invited = NULL;
    return serving;
}

ROUSE_INLINE_ uint64_t rouse_serving_token_(const rouse_serving_ *serving, uint64_t word) {
    return rouse_cell_to_(word, serving->token,
                          serving->token == ROUSE_CELL_TOKEN_ ? serving->cap : rouse_cell_number_(word));
}

/* A wake up to this cap is a notification, whose waiters may have conditions. */
#define ROUSE_SERVING_ANNOUNCED_ 1u

/* ---- throughput mode: open.h says what it is ----------------------------------------------------------- */

ROUSE_INLINE_ bool rouse_open_on_(const rouse_waiter_queue *q) {
    return !ROUSE_LIKELY_(q->bypass_ == 0);
}

/* The count that a ticket has left: the lower bits of the ticket, and how many newcomers had passed. */
#define ROUSE_OPEN_TICKET_ ((uint64_t)(ROUSE_CELL_PASSED_MOST_ + 1))

/* Is ticket a at or behind ticket b? Both are the lower bits only. */
ROUSE_INLINE_ bool rouse_open_from_(uint64_t a, uint64_t b) {
    return (a - b) * ROUSE_OPEN_TICKET_ < UINT64_MAX / 2;
}
/* Returns how many newcomers have passed the waiters that gave up since a waiter last got in. */
ROUSE_INLINE_ uint32_t rouse_open_carried_(rouse_pool_ *pool) {
    /* Relaxed: a thread that has seen the final cell (E9), or has passed over it (E14), sees what its waiter
     * carried. A thread may see an entry late; then the count is too high. */
    const uint64_t carried = rouse_u64_load_relaxed_(&pool->carried_);
    const uint64_t entered = rouse_u64_load_relaxed_(&pool->entered_);
    return rouse_open_from_(carried / ROUSE_OPEN_TICKET_, entered)
               ? (uint32_t)carried & ROUSE_CELL_PASSED_MOST_
               : 0;
}
/* Leaves the count of a ticket whose waiter is about to give up. carried_: an earlier ticket's -> (ticket,
 * passed). */
ROUSE_INLINE_ void rouse_open_carry_(rouse_pool_ *pool, uint64_t ticket, uint32_t passed) {
    const uint64_t carried = ticket * ROUSE_OPEN_TICKET_ + passed;
    uint64_t seen = rouse_u64_load_relaxed_(&pool->carried_); /* relaxed: a guess for the CAS */
    /* Relaxed: the CAS of the cell publishes it (E9). carried_ only moves forward, so a late thread changes
     * nothing. */
    while (passed != 0 && carried - seen < UINT64_MAX / 2 &&
           !rouse_u64_cas_relaxed_(&pool->carried_, &seen, carried)) {
    }
}
/* Makes the counts of all tickets before this one void. entered_: an earlier ticket -> ticket. */
ROUSE_INLINE_ void rouse_open_enter_(rouse_pool_ *pool, uint64_t ticket) {
    uint64_t seen = rouse_u64_load_relaxed_(&pool->entered_); /* relaxed: a guess for the CAS */
    /* Relaxed: a thread that sees it late counts too many. entered_ only moves forward. */
    while (rouse_open_carried_(pool) != 0 && seen < ticket &&
           !rouse_u64_cas_relaxed_(&pool->entered_, &seen, ticket)) {
    }
}

/* Leaves n free in the spot's cell, which is READY, INVITED or PROMISED, as read.
 *
 *     READY, passed         ->  INVITED, n free, passed       true: this call tells the waiter
 *     INVITED, free         ->  INVITED, free + n             true
 *     either, too many      ->  PROMISED, free + n            true: as above; passed is carried_
 *     PROMISED, free        ->  PROMISED, free + n            true
 *     any, above cap        ->  unchanged                     true: *status says so
 *     changed meanwhile     ->  unchanged                     false: look again
 *
 * If no newcomer has passed a READY cell, it starts with the count of the waiters that gave up (carried_).
 * PROMISED holds ROUSE_MAX_PERMITS at most. More are free only if credit comes back after too much has been
 * released. */
ROUSE_INLINE_ bool rouse_open_offer_(rouse_serving_ *serving, rouse_spot_ *at, uint32_t *n, uint32_t cap,
                                     rouse_status *status) {
    rouse_cell_ *const cell = rouse_spot_cell_(at);
    const uint64_t seen = at->word;
    const bool ready = rouse_cell_state_(seen) == ROUSE_CELL_READY_;
    const uint32_t free = rouse_cell_free_(seen); /* READY: 0 */
    const uint32_t most = cap & ~ROUSE_WORD_REFUSE_;
    const uint32_t passed = ready && rouse_cell_passed_(seen) == 0 ? rouse_open_carried_(serving->pool)
                                                                   : rouse_cell_passed_(seen);
    const uint32_t now = free + *n < ROUSE_MAX_PERMITS ? free + *n : ROUSE_MAX_PERMITS;
    const bool promised = now > ROUSE_CELL_FREE_MOST_ || rouse_cell_state_(seen) == ROUSE_CELL_PROMISED_;
    /* Relaxed: it is read before the CAS, which fails if the cell is in another life. */
    rouse_waiter *const w = (rouse_waiter *)rouse_ptr_load_relaxed_(&cell->waiter_);
    if ((most != cap || cap == ROUSE_MAX_PERMITS) && free + *n > most) {
        *status = most != cap ? ROUSE_INVALID : ROUSE_OVERFLOW;
        return true;
    }
    if (promised) {
        rouse_open_carry_(serving->pool, at->ticket, passed);
    }
    if (ready) {
        /* E11: release; the partner is rouse_open_invited_. Before the CAS: after it w may be cancelled, and
         * the queue destroyed. */
        rouse_ptr_store_release_(&serving->pool->invited_, cell);
    }
    /* E9: release, for the thread that takes what is free. Acquire, for w. */
    if (!rouse_u64_cas_acq_rel_(&cell->word_, &at->word,
                                rouse_cell_to_(seen, promised ? ROUSE_CELL_PROMISED_ : ROUSE_CELL_INVITED_,
                                               promised ? now : passed * ROUSE_CELL_PASSED_ + now))) {
        return false;
    }
    if (ready) {
        serving->invited = w;
    }
    *n = 0;
    return true;
}

/* Returns the cell of the oldest waiter in the usual case, and its word in *seen. The cell is READY, INVITED
 * or PROMISED, so its ticket has been issued. It is in the segment that a waker last served from. NULL: not
 * the usual case, or closed. */
ROUSE_INLINE_ rouse_cell_ *rouse_open_oldest_(const rouse_waiter_queue *q, uint64_t *seen) {
    /* Relaxed, both: all cells before `served` are resolved and stay so, however late it is read. E11:
     * acquire, for the head; the partner is that of rouse_spot_find_. */
    const uint64_t state = rouse_u64_load_relaxed_(&q->word_);
    const uint64_t served = rouse_u64_load_relaxed_(&q->served_);
    rouse_segment_ *const segment = (rouse_segment_ *)rouse_ptr_load_acquire_(&q->head_);
    const uint64_t live = rouse_segment_state_(rouse_segment_base_of_(served), ROUSE_SEGMENT_LIVE_);
    if (rouse_state_waits_(state) && segment != NULL && rouse_u64_load_acquire_(&segment->state_) == live) {
        /* Relaxed: whatever ticket it says, the cells before it in this segment are resolved or taken. */
        const uint64_t from = rouse_u64_load_relaxed_(&segment->from_);
        const uint64_t ticket = from > served ? from : served;
        rouse_cell_ *const cell = rouse_segment_cell_(segment, ticket);
        *seen = rouse_u64_load_acquire_(&cell->word_); /* E9, E11: what others did to it */
        if (rouse_cell_open_(*seen) && rouse_segment_base_of_(ticket) == rouse_segment_base_of_(served) &&
            rouse_u64_load_acquire_(&segment->state_) == live) {
            return cell;
        }
    }
    return NULL;
}

/* Returns the cell that the last invitation was for, and its word in *seen. NULL: no invitation yet. Only
 * the oldest waiter's cell is INVITED or PROMISED. So if the word says so, the cell is the oldest waiter's,
 * whatever life it is in. */
ROUSE_INLINE_ rouse_cell_ *rouse_open_invited_(const rouse_waiter_queue *q, uint64_t *seen) {
    const rouse_pool_ *const pool = rouse_ticket_pool_(q);
    /* E11: acquire; the partner is the store in rouse_open_offer_. */
    rouse_cell_ *const cell = pool == NULL ? NULL : (rouse_cell_ *)rouse_ptr_load_acquire_(&pool->invited_);
    if (cell != NULL) {
        *seen = rouse_u64_load_relaxed_(&cell->word_); /* relaxed: a guess for the CAS */
    }
    return cell;
}

/* Adds n to what is free, in the usual case of a wake while a waiter is invited.
 *
 *     INVITED, free                 ->  INVITED, free + n    true
 *     anything else, or too many    ->  unchanged            false: rouse_open_offer_ handles it
 *
 * A close that takes the cells meanwhile either changes this cell first, or finds what this call gave. */
ROUSE_INLINE_ bool rouse_open_add_(const rouse_waiter_queue *q, uint32_t n, uint32_t cap) {
    uint64_t seen;
    rouse_cell_ *const cell = rouse_open_invited_(q, &seen);
    const uint32_t most = cap & ~ROUSE_WORD_REFUSE_;
    return cell != NULL && rouse_cell_state_(seen) == ROUSE_CELL_INVITED_ && cap > ROUSE_SERVING_ANNOUNCED_ &&
           n <= ROUSE_CELL_FREE_MOST_ &&
           rouse_cell_free_(seen) + n <= (most < ROUSE_CELL_FREE_MOST_ ? most : ROUSE_CELL_FREE_MOST_) &&
           /* E9: release, for the thread that takes what is free. No acquire: it reads nothing, and what
            * earlier wakes released continues in their release sequences. */
           rouse_u64_cas_release_(&cell->word_, &seen, rouse_cell_add_(seen, n));
}

/* Returns what a closed waiter had been given. `word` is its cell's. */
ROUSE_INLINE_ uint32_t rouse_serving_refund_(const rouse_serving_ *serving, const rouse_waiter *w,
                                             uint64_t word) {
    return serving->token == ROUSE_CELL_TOKEN_CLOSED_ ? rouse_account_asked_(w) - rouse_cell_lacks_(word) : 0;
}

/* Takes what is free out of the spot's cell, whose waiter is invited. The close that calls this ends the cell
 * later (rouse_serving_shut_).
 *
 *     INVITED, PROMISED, as seen    ->  the same, 0 free; passed stays    true
 *     changed meanwhile             ->  unchanged                         false; its word is read again */
ROUSE_SLOW_ bool rouse_serving_empty_(rouse_serving_ *serving, rouse_spot_ *at) {
    const uint64_t seen = at->word;
    const uint32_t free = rouse_cell_free_(seen);
    /* E9: acquire, for what came before these permits were free. What their releasers published continues in
     * their release sequences. */
    if (free != 0 && !rouse_u64_cas_acquire_(&rouse_spot_cell_(at)->word_, &at->word,
                                             rouse_cell_add_(seen, -(int64_t)free))) {
        return false;
    }
    serving->credit += free;
    serving->asks = *at;
    at->ticket++;
    return true;
}

/* Wins the cell of the spot, as read. `last`: this call does not access the queue again.
 *
 *     ARRIVED, READY                 ->  DONE         true: the waiter joins the chain
 *     INVITED, PROMISED (close)      ->  rouse_serving_empty_
 *     FREE, CLAIMED, GIVEN           ->  TOKEN, TOKEN_ALL, TOKEN_CLOSED    true
 *     the same, the chain is empty   ->  RESERVED     true: kept until the end
 *     changed meanwhile              ->  unchanged    false; its word is read again */
ROUSE_INLINE_ bool rouse_serving_win_(rouse_waiter_queue *q, rouse_serving_ *serving, rouse_spot_ *at,
                                      bool last) {
    rouse_cell_ *const cell = rouse_spot_cell_(at);
    const uint64_t seen = at->word;
    if (rouse_cell_invited_(seen)) {
        return rouse_serving_empty_(serving, at);
    }
    if (rouse_cell_state_(seen) == ROUSE_CELL_ARRIVED_ || rouse_cell_state_(seen) == ROUSE_CELL_READY_) {
        /* Relaxed: it is read before the CAS, which fails if the cell is in another life. */
        rouse_waiter *const w = (rouse_waiter *)rouse_ptr_load_relaxed_(&cell->waiter_);
        /* E9: acquire, so that this thread may read the waiter. E10: seq_cst, because the cell may be the
         * last of its segment to become final. */
        if (!rouse_u64_cas_seq_cst_(&cell->word_, &at->word, rouse_cell_to_(seen, ROUSE_CELL_DONE_, 0))) {
            return false;
        }
        serving->credit += rouse_serving_refund_(serving, w, seen);
        ROUSE_TRACE("grant", q, w);
        ROUSE_STATS_LEFT_(q, w, rouse_outcome_status_(serving->outcome));
        rouse_chain_add_(&serving->chain, w, serving->outcome);
        rouse_u64_store_release_(&at->segment->from_, at->ticket + 1); /* E14: for rouse_spot_find_ */
        rouse_segment_try_end_(at->segment, at->ticket);
        if (rouse_open_on_(q) && serving->token == ROUSE_CELL_TOKEN_) {
            rouse_open_enter_(serving->pool, at->ticket + 1);
        }
    } else {
        const bool keep = !last && serving->chain.first == NULL && serving->kept.segment == NULL;
        const uint64_t to = keep ? rouse_cell_to_(seen, ROUSE_CELL_RESERVED_, rouse_cell_number_(seen))
                                 : rouse_serving_token_(serving, seen);
        /* E9: release, so that the waiter that finds it sees what came before this wake. Acquire, for what
         * others gave the waiter. */
        if (!rouse_u64_cas_acq_rel_(&cell->word_, &at->word, to)) {
            return false;
        }
        if (keep) {
            serving->kept = *at;
        }
    }
    serving->woken++;
    at->ticket++;
    (void)q;
    return true;
}

/* Makes the RESERVED cell a token. This is the last access to the queue, unless serving->credit is not 0.
 *
 *     RESERVED            ->  TOKEN, TOKEN_ALL, TOKEN_CLOSED
 *     RESERVED_ARRIVED    ->  DONE: its waiter joins the chain */
ROUSE_INLINE_ void rouse_serving_let_go_(rouse_waiter_queue *q, rouse_serving_ *serving) {
    const rouse_spot_ *const kept = &serving->kept;
    rouse_cell_ *const cell = kept->segment == NULL ? NULL : rouse_spot_cell_(kept);
    rouse_waiter *w;
    uint64_t seen;
    if (cell == NULL) {
        return;
    }
    /* E9: acquire, to see that its waiter has arrived. The cell is not final, so it is in the same life. */
    seen = rouse_u64_load_acquire_(&cell->word_);
    /* E9: release, so that the waiter that finds the token sees what came before this wake. */
    if (rouse_cell_state_(seen) == ROUSE_CELL_RESERVED_ &&
        rouse_u64_cas_acq_rel_(&cell->word_, &seen, rouse_serving_token_(serving, seen))) {
        return;
    }
    /* RESERVED_ARRIVED. Relaxed: the waiter wrote it before it arrived (E9). */
    w = (rouse_waiter *)rouse_ptr_load_relaxed_(&cell->waiter_);
    serving->credit = rouse_serving_refund_(serving, w, seen);
    ROUSE_TRACE("grant", q, w);
    ROUSE_STATS_LEFT_(q, w, rouse_outcome_status_(serving->outcome));
    rouse_chain_push_front_(&serving->chain, w, serving->outcome);
    /* E10: seq_cst, because the cell may be the last of its segment to become final. No other thread changes
     * it. */
    (void)rouse_u64_swap_seq_cst_(&cell->word_, rouse_cell_to_(seen, ROUSE_CELL_DONE_, 0));
    rouse_segment_try_end_(kept->segment, kept->ticket);
    (void)q;
}

/* If it has served some waiters and invites another, no wake runs before that one is posted: a wake might
 * cancel and revoke it. */
ROUSE_INLINE_ void rouse_serving_deliver_(const rouse_serving_ *serving) {
    rouse_inbox_ *const held =
        serving->invited != NULL && serving->chain.first != NULL ? rouse_deliver_hold_() : NULL;
    if (serving->chain.first != NULL && serving->chain.first == serving->chain.last) {
        rouse_deliver_one_(serving->chain.first, serving->outcome);
    } else {
        rouse_deliver_(&serving->chain);
    }
    if (serving->invited != NULL) {
        rouse_invited_tell_(serving->invited, ROUSE_ASKER_QUEUE_); /* entered when it arrived */
    }
    rouse_deliver_let_go_(held);
}

/* ---- giving credit ------------------------------------------------------------------------------------- */

/* Stores n. `state` is EMPTY, or it is QUEUE or TAKEN and no waiter is left.
 *
 *     EMPTY, credit         ->  EMPTY, credit + n, up to the cap    true, OK
 *     QUEUE, TAKEN, next    ->  EMPTY, next, n, up to the cap       true, OK
 *     either, above cap     ->  unchanged                           true, OVERFLOW or INVALID
 *     changed meanwhile     ->  unchanged                           false */
ROUSE_INLINE_ bool rouse_serving_store_(rouse_waiter_queue *q, uint64_t state, uint64_t next, uint32_t n,
                                        uint32_t cap, rouse_status *status) {
    const int32_t stored = rouse_state_is_empty_(state) ? rouse_word_balance_(state) : 0;
    const uint32_t most = cap & ~ROUSE_WORD_REFUSE_;
    uint64_t to;
    if ((most != cap || cap == ROUSE_MAX_PERMITS) && (int64_t)stored + n > (int64_t)most) {
        *status = most != cap ? ROUSE_INVALID : ROUSE_OVERFLOW;
        return true;
    }
    to = rouse_state_empty_((uint32_t)rouse_word_capped_(stored, n, most), next, rouse_word_closed_(state));
    rouse_word_note_(&q->guess_, to);
    /* E3: release, for the thread that takes the credit; a read-modify-write even if nothing changes. No
     * acquire: nobody waits, so nothing is read. */
    return rouse_u64_cas_release_(&q->word_, &state, to);
}

/* Gives n to the waiters, and what is left to the balance, under the cap.
 *
 *     the oldest cell lacks more than is left     ->  the same state, lacks that much less; done
 *     it lacks no more                            ->  rouse_serving_win_, then the rest
 *     READY, INVITED, PROMISED                    ->  rouse_open_offer_
 *     no cell is left                             ->  the word: rouse_serving_store_ */
ROUSE_INLINE_ rouse_status rouse_serving_give_(rouse_waiter_queue *q, rouse_serving_ *serving, uint32_t n,
                                               uint32_t cap) {
    rouse_status status = ROUSE_OK;
    rouse_spot_ at = ROUSE_SPOT_NONE_;
    uint64_t settled = UINT64_MAX;
    bool announced = false;
    while (n != 0) {
        /* E4: acquire, so that the list is at least as new as the issued tickets. */
        const uint64_t state = rouse_u64_load_acquire_(&q->word_);
        uint64_t next;
        if (rouse_state_is_empty_(state)) {
            if (rouse_serving_store_(q, state, rouse_state_tag_(state), n, cap, &status)) {
                break;
            }
            continue;
        }
        if (!rouse_state_is_queue_(state)) {
            rouse_ticket_settle_(q, state);
            continue;
        }
        if (cap <= ROUSE_SERVING_ANNOUNCED_ && !announced) {
            /* E3: a condition may have changed before this wake. A waiter whose ticket is issued after this
             * CAS sees the change in its second look, even if this wake goes to another waiter. Release is
             * enough: the word is read again. */
            uint64_t same = state;
            announced = rouse_u64_cas_release_(&q->word_, &same, state);
            continue;
        }
        next = rouse_state_next_(state);
        serving->pool = serving->pool == NULL ? rouse_ticket_pool_(q) : serving->pool;
        if (!rouse_state_taken_(state) && rouse_spot_seek_(q, serving->pool, &at, next)) {
            const uint32_t lacks = rouse_cell_lacks_(at.word);
            /* The cell was the oldest before a wake_all or a close took it. Otherwise no cell there is this
             * call's to serve. */
            if (rouse_ticket_taken_(q, at.ticket)) {
                at.segment = NULL;
                continue;
            }
            if (settled != at.base) {
                rouse_spot_settle_(q, &at);
                settled = at.base;
            }
            if (rouse_cell_open_(at.word)) {
                if (rouse_open_offer_(serving, &at, &n, cap, &status)) {
                    break;
                }
            } else if (lacks > n) {
                /* E9: release, for the waker that serves it in the end, and through that waker for the
                 * waiter. No acquire: what others gave continues in their release sequences. */
                if (rouse_u64_cas_release_(&rouse_spot_cell_(&at)->word_, &at.word,
                                           rouse_cell_to_(at.word, rouse_cell_state_(at.word), lacks - n))) {
                    break;
                }
            } else if (rouse_serving_win_(q, serving, &at, lacks == n)) {
                n -= lacks;
                /* It is too late to refuse the rest. */
                cap = cap == ROUSE_MAX_PERMITS ? ROUSE_STATE_MOST_ : cap & ~ROUSE_WORD_REFUSE_;
            }
        } else if (!rouse_ticket_serve_to_(q, next)) {
            rouse_ticket_mend_(q, state); /* or the word has changed */
        } else if (rouse_serving_store_(q, state, next, n, cap, &status)) {
            break;
        }
    }
    return status;
}

/* Gives out n that a waiter had been given before it left. Works like a wake under `cap`, but it is too late
 * to refuse anything. */
ROUSE_SLOW_ void rouse_serving_pass_on_(rouse_waiter_queue *q, uint32_t n, uint32_t cap) {
    rouse_serving_ serving = rouse_serving_by_(ROUSE_CELL_TOKEN_, cap, rouse_outcome_(ROUSE_OK, 0));
    (void)rouse_serving_give_(q, &serving, n, cap == ROUSE_MAX_PERMITS ? ROUSE_STATE_MOST_ : cap);
    rouse_serving_let_go_(q, &serving);
    rouse_serving_deliver_(&serving);
}

ROUSE_SLOW_ rouse_status rouse_serving_wake_(rouse_waiter_queue *q, uint32_t n, uint32_t cap,
                                             uint32_t *woken) {
    rouse_serving_ serving =
        rouse_serving_by_(ROUSE_CELL_TOKEN_, cap & ~ROUSE_WORD_REFUSE_, rouse_outcome_(ROUSE_OK, 0));
    const rouse_status status = rouse_serving_give_(q, &serving, n, cap);
    *woken = serving.woken;
    rouse_serving_let_go_(q, &serving);
    rouse_serving_deliver_(&serving);
    return status;
}

/* Stores n, in the usual case of a wake when nobody waits any more: the last waiter was served in the segment
 * that head_ names. */
ROUSE_INLINE_ bool rouse_serving_turn_back_(rouse_waiter_queue *q, uint32_t n, uint32_t cap,
                                            rouse_status *status) {
    /* Relaxed: a guess for the CAS in rouse_serving_store_. */
    const uint64_t state = rouse_u64_load_relaxed_(&q->word_);
    const uint64_t next = rouse_state_next_(state);
    const rouse_segment_ *segment;
    if (!rouse_state_is_queue_(state)) {
        return false;
    }
    /* E11: acquire; the partner is that of rouse_spot_find_. */
    segment = (rouse_segment_ *)rouse_ptr_load_acquire_(&q->head_);
    /* Relaxed: whatever ticket from_ holds, the tickets before it in its segment are resolved or taken, and
     * stay so. Those before that segment are, too, if served_ is in it or behind it. */
    return segment != NULL && rouse_u64_load_relaxed_(&segment->from_) == next &&
           rouse_segment_base_of_(next - 1) <= rouse_u64_load_relaxed_(&q->served_) &&
           rouse_ticket_serve_to_(q, next) && rouse_serving_store_(q, state, next, n, cap, status);
}
ROUSE_SLOW_ rouse_status rouse_serving_unusual_(rouse_waiter_queue *q, uint32_t n, uint32_t cap,
                                                uint32_t *woken) {
    rouse_status status = ROUSE_OK;
    if (!rouse_open_on_(q) && rouse_serving_turn_back_(q, n, cap, &status)) {
        *woken = 0;
        return status;
    }
    return rouse_serving_wake_(q, n, cap, woken);
}

ROUSE_SLOW_ void rouse_serving_last_(rouse_segment_ *segment, uint64_t ticket, rouse_waiter *w,
                                     uint32_t outcome) {
    rouse_segment_end_(segment, ticket);
    rouse_deliver_one_(w, outcome);
}

/* Is the word still the same? announced: checks with a read-modify-write, for the reason in
 * rouse_serving_give_. */
ROUSE_INLINE_ bool rouse_serving_same_(rouse_waiter_queue *q, uint64_t state, bool announced) {
    uint64_t same = state;
    /* E3: release, as in rouse_serving_give_. The load is relaxed: it comes after the cell, which was read
     * with acquire, and is only compared. */
    return announced ? rouse_u64_cas_release_(&q->word_, &same, state)
                     : rouse_u64_load_relaxed_(&q->word_) == state;
}

/* Wakes the oldest waiter in the usual case: the segment that a waker last served from holds it, it has
 * arrived, and it lacks just n. It has arrived, so its ticket is before the word's `next` if the word is
 * still the same. alone: only if it is the only waiter.
 *
 *     ARRIVED, lacks n    ->  DONE         true: its wake is delivered
 *     anything else       ->  unchanged    false */
ROUSE_FAST_ bool rouse_serving_usual_(rouse_waiter_queue *q, uint32_t n, bool announced, bool alone,
                                      uint32_t outcome) {
    /* E4, E11: acquire; the partners are those of rouse_serving_give_ and rouse_spot_find_. served_ is
     * relaxed: rouse_ticket_serve_to_ says why. */
    const uint64_t state = rouse_u64_load_acquire_(&q->word_);
    const uint64_t served = rouse_u64_load_relaxed_(&q->served_);
    rouse_segment_ *const segment = (rouse_segment_ *)rouse_ptr_load_acquire_(&q->head_);
    if (rouse_state_waits_(state) && segment != NULL) {
        /* Relaxed: whatever ticket it says, the cells before it in this segment are resolved or taken. */
        const uint64_t from = rouse_u64_load_relaxed_(&segment->from_);
        const uint64_t ticket = from > served ? from : served;
        const uint64_t live = rouse_segment_state_(rouse_segment_base_of_(ticket), ROUSE_SEGMENT_LIVE_);
        const uint64_t arrived = rouse_cell_to_(0, ROUSE_CELL_ARRIVED_, n);
        rouse_cell_ *const cell = rouse_segment_cell_(segment, ticket);
        uint64_t seen = rouse_u64_load_acquire_(&cell->word_); /* E9, E11: what others did to it */
        if ((ticket ^ served) < ROUSE_SEGMENT_CELLS && (seen & ~ROUSE_CELL_LIFE_) == arrived &&
            (!alone || ticket + 1 == rouse_state_next_(state)) &&
            rouse_u64_load_acquire_(&segment->state_) == live && rouse_serving_same_(q, state, announced)) {
            /* E9, E10: the orders of rouse_serving_win_, and its reasons for the relaxed operations. E4: the
             * word is still the same, so no other call has taken the cell. */
            rouse_waiter *const w = (rouse_waiter *)rouse_ptr_load_relaxed_(&cell->waiter_);
            if (rouse_u64_cas_seq_cst_(&cell->word_, &seen, seen - arrived + ROUSE_CELL_DONE_)) {
                ROUSE_TRACE("grant", q, w);
                ROUSE_STATS_LEFT_(q, w, ROUSE_OK);
                rouse_u64_store_relaxed_(&segment->from_, ticket + 1);
                if (rouse_segment_final_(segment, ticket + 1)) { /* rouse_segment_try_end_, written out */
                    rouse_serving_last_(segment, ticket, w, outcome);
                } else {
                    rouse_deliver_one_(w, outcome);
                }
                return true;
            }
        }
    }
    return false;
}

ROUSE_SLOW_ rouse_status rouse_backend_wake_(rouse_waiter_queue *q, uint32_t n, uint32_t cap,
                                             uint32_t *woken) {
    if (rouse_open_on_(q)) {
        if (rouse_open_add_(q, n, cap)) {
            *woken = 0;
            return ROUSE_OK;
        }
    } else if (rouse_serving_usual_(q, n, cap <= ROUSE_SERVING_ANNOUNCED_, false,
                                    rouse_outcome_(ROUSE_OK, 0))) {
        *woken = 1;
        return ROUSE_OK;
    }
    return rouse_serving_unusual_(q, n, cap, woken);
}

ROUSE_SLOW_ rouse_status rouse_serving_one_(rouse_waiter_queue *q) {
    uint32_t woken;
    return rouse_serving_unusual_(q, 1, ROUSE_MAX_PERMITS, &woken);
}
/* wake(1, cap ROUSE_MAX_PERMITS), mostly when somebody waits. */
ROUSE_SLOW_ rouse_status rouse_queue_hand_off_(rouse_waiter_queue *q) {
    return (rouse_open_on_(q) ? rouse_open_add_(q, 1, ROUSE_MAX_PERMITS)
                              : rouse_serving_usual_(q, 1, false, false, rouse_outcome_(ROUSE_OK, 0)))
               ? ROUSE_OK
               : rouse_serving_one_(q);
}

ROUSE_SLOW_ rouse_status rouse_backend_give_back_(rouse_waiter_queue *q, uint32_t n, uint32_t most) {
    uint32_t woken;
    return rouse_backend_wake_(q, n, most | ROUSE_WORD_REFUSE_, &woken);
}

/* ---- waking all ---------------------------------------------------------------------------------------- */

/* Wins the spot's cell and those behind it in its segment, before ticket `end`, as long as their waiters have
 * arrived. This is the usual case of rouse_serving_win_, repeated. All cells are final when the last one has
 * been won, so one look at the neighbours is enough (E10). */
ROUSE_INLINE_ void rouse_serving_run_(rouse_waiter_queue *q, rouse_serving_ *serving, rouse_spot_ *at,
                                      uint64_t end) {
    rouse_segment_ *const segment = at->segment;
    const uint64_t live = rouse_segment_state_(at->base, ROUSE_SEGMENT_LIVE_);
    const uint64_t begin = at->ticket;
    const uint64_t stop = end < at->base + ROUSE_SEGMENT_CELLS ? end : at->base + ROUSE_SEGMENT_CELLS;
    const uint32_t outcome = serving->outcome;
    rouse_chain_ chain = serving->chain;
    uint64_t ticket = begin;
    for (; ticket < stop; ticket++) {
        rouse_cell_ *const cell = rouse_segment_cell_(segment, ticket);
        uint64_t seen = rouse_u64_load_acquire_(&cell->word_); /* E9, E11: what others did to it */
        rouse_waiter *const w =
            (rouse_waiter *)rouse_ptr_load_relaxed_(&cell->waiter_); /* relaxed: read before the CAS */
        const uint64_t before = seen;
        /* E9, E10: the orders of rouse_serving_win_. */
        if (rouse_cell_state_(seen) != ROUSE_CELL_ARRIVED_ ||
            rouse_u64_load_acquire_(&segment->state_) != live ||
            !rouse_u64_cas_seq_cst_(&cell->word_, &seen, rouse_cell_to_(seen, ROUSE_CELL_DONE_, 0))) {
            break;
        }
        serving->credit += rouse_serving_refund_(serving, w, before);
        ROUSE_TRACE("grant", q, w);
        ROUSE_STATS_LEFT_(q, w, rouse_outcome_status_(serving->outcome));
        rouse_chain_add_(&chain, w, outcome);
    }
    if (ticket != begin) {
        serving->woken += (uint32_t)(ticket - begin);
        serving->chain = chain;
        at->ticket = ticket;
        rouse_segment_try_end_(segment, ticket - 1);
    } else {
        (void)rouse_serving_win_(q, serving, at, false);
    }
    (void)q;
}

/* Prepares for setting bits in the word. `state` is QUEUE. False: the caller must read the word again.
 *
 * If nobody waits, setting the bits is to be the last access, so *after turns the word back to EMPTY.
 *
 * If somebody waits for an event, a thread that sees the event set may conclude that nobody waits any more,
 * and destroy the queue. So this call wins the oldest waiter before it sets the event. That waiter keeps the
 * queue in use until it is delivered, at the very end. A close does not do that: it would close the oldest
 * waiter, and a wake_all might then wake the others. */
ROUSE_INLINE_ bool rouse_serving_begin_(rouse_waiter_queue *q, rouse_serving_ *serving, uint64_t state,
                                        uint64_t *after) {
    const uint64_t next = rouse_state_next_(state);
    rouse_spot_ at = ROUSE_SPOT_NONE_;
    serving->pool = rouse_ticket_pool_(q);
    if (!rouse_spot_seek_(q, serving->pool, &at, next)) {
        *after = rouse_state_empty_(0, next, true);
        return rouse_ticket_serve_to_(q, next);
    }
    if (serving->token != ROUSE_CELL_TOKEN_ALL_) {
        return true;
    }
    if (!rouse_ticket_taken_(q, at.ticket)) {
        (void)rouse_serving_win_(q, serving, &at, false);
    }
    return false;
}

/* Ends the cell of the invited waiter that a close has found. This is the last access to the queue, unless
 * the chain or the RESERVED cell has a waiter.
 *
 *     INVITED, PROMISED, 0 free    ->  TOKEN_CLOSED: the waiter finds it when it asks
 *     the same, n free             ->  0 free, and n is handed on; then as above
 *     READY (it was beaten)        ->  DONE: the waiter joins the chain
 *     anything else                ->  unchanged: the waiter has got in, or has given up */
ROUSE_SLOW_ void rouse_serving_shut_(rouse_waiter_queue *q, rouse_serving_ *serving) {
    rouse_spot_ at = serving->asks;
    rouse_cell_ *const cell = rouse_spot_cell_(&at);
    for (;;) {
        /* Relaxed: a guess for the CASes. This thread has seen the waiter arrive (E9). */
        const uint64_t seen = rouse_u64_load_relaxed_(&cell->word_);
        if (!rouse_cell_same_life_(seen, at.word) || !rouse_cell_open_(seen)) {
            return;
        }
        at.word = seen;
        if (rouse_cell_state_(seen) == ROUSE_CELL_READY_) {
            if (rouse_serving_win_(q, serving, &at, false)) {
                return;
            }
        } else if (rouse_cell_free_(seen) != 0) {
            if (rouse_serving_empty_(serving, &at)) {
                at = serving->asks;
                rouse_serving_pass_on_(q, serving->credit, ROUSE_MAX_PERMITS);
                serving->credit = 0;
            }
        } else {
            /* E9: release, so that the waiter sees what came before the close. */
            if (rouse_u64_cas_release_(&cell->word_, &at.word, rouse_serving_token_(serving, seen))) {
                return;
            }
        }
    }
}

/* Takes the cells of all tickets issued so far, then wins each of them.
 *
 *     EMPTY     ->  EMPTY, with the bits, the same credit
 *     QUEUE     ->  TAKEN, with the bits: the cells before next are this call's
 *               ->  EMPTY, with the bits, if bits are set and nobody waits
 *     TAKEN     ->  TAKEN, with the bits: another call has them
 *     closed    ->  the same
 *     FIRST     ->  rouse_ticket_settle_, and again */
ROUSE_INLINE_ uint32_t rouse_serving_all_(rouse_waiter_queue *q, rouse_serving_ *serving, uint64_t bits) {
    rouse_spot_ at = ROUSE_SPOT_NONE_;
    uint64_t state;
    uint64_t after;
    bool takes;
    for (;;) {
        bool queue;
        /* E4: acquire, so that the list is at least as new as the issued tickets. */
        state = rouse_u64_load_acquire_(&q->word_);
        queue = rouse_state_is_queue_(state);
        takes = queue && !rouse_state_taken_(state);
        after = (rouse_word_closed_(state) ? state : state + bits) + (takes ? ROUSE_STATE_TAKEN_ : 0);
        /* Relaxed: rouse_ticket_serve_to_ says why. It is read after the word, so it is not before cells that
         * other calls took. */
        at.ticket = rouse_u64_load_relaxed_(&q->served_);
        if (queue && at.ticket > rouse_state_next_(state)) {
            rouse_ticket_mend_(q, state); /* or the word has changed */
        } else if (!rouse_state_is_empty_(state) && !queue) {
            rouse_ticket_settle_(q, state);
        } else if ((!takes || bits == 0 || serving->woken != 0 ||
                    rouse_serving_begin_(q, serving, state, &after)) &&
                   /* E3: release, and a read-modify-write even if nothing changes, so that later calls see
                    * what came before it. No acquire: the word that it finds was acquired above. */
                   rouse_u64_cas_release_(&q->word_, &state, after)) {
            break;
        }
    }
    if (takes && rouse_state_is_queue_(after)) {
        (void)rouse_ticket_serve_to_(q, rouse_state_next_(state));
        serving->pool = rouse_ticket_pool_(q);
        at.taken = true;
        while (rouse_spot_seek_(q, serving->pool, &at, rouse_state_next_(state))) {
            rouse_spot_settle_(q, &at);
            rouse_serving_run_(q, serving, &at, rouse_state_next_(state));
        }
    }
    if (serving->credit != 0) {
        rouse_serving_pass_on_(q, serving->credit, ROUSE_MAX_PERMITS);
        serving->credit = 0;
    }
    if (serving->asks.segment != NULL) {
        rouse_serving_shut_(q, serving);
    }
    rouse_serving_let_go_(q, serving);
    if (serving->credit != 0) {
        rouse_serving_pass_on_(q, serving->credit, ROUSE_MAX_PERMITS);
    }
    rouse_serving_deliver_(serving);
    return serving->woken;
}

ROUSE_SLOW_ uint32_t rouse_serving_wake_all_(rouse_waiter_queue *q) {
    rouse_serving_ serving =
        rouse_serving_by_(ROUSE_CELL_TOKEN_ALL_, 0, rouse_outcome_(ROUSE_OK, ROUSE_OUTCOME_BY_ALL_));
    return rouse_serving_all_(q, &serving, 0);
}

/* Wakes all waiters. If one waiter is alone, it is woken like by a wake. If another thread is quicker, this
 * call begins again, because it has woken nobody yet. */
ROUSE_SLOW_ uint32_t rouse_backend_wake_all_(rouse_waiter_queue *q) {
    return rouse_serving_usual_(q, 1, true, true, rouse_outcome_(ROUSE_OK, ROUSE_OUTCOME_BY_ALL_))
               ? 1
               : rouse_serving_wake_all_(q);
}

ROUSE_SLOW_ uint32_t rouse_queue_set_(rouse_waiter_queue *q) {
    rouse_serving_ serving =
        rouse_serving_by_(ROUSE_CELL_TOKEN_ALL_, 0, rouse_outcome_(ROUSE_OK, ROUSE_OUTCOME_BY_ALL_));
    return rouse_serving_all_(q, &serving, ROUSE_WORD_CLOSED_);
}

ROUSE_INLINE_ bool rouse_queue_reset_(rouse_waiter_queue *q) {
    return rouse_word_reopen_(&q->word_);
}

ROUSE_SLOW_ uint32_t rouse_backend_close_(rouse_waiter_queue *q) {
    rouse_serving_ serving = rouse_serving_by_(ROUSE_CELL_TOKEN_CLOSED_, 0, rouse_outcome_(ROUSE_CLOSED, 0));
    ROUSE_TRACE("close", q, NULL);
    return rouse_serving_all_(q, &serving, ROUSE_WORD_CLOSED_);
}

#endif /* ROUSE_DETAIL_QUEUE_LOCKFREE_WAKE_H */
