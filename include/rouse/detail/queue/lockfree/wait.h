/* rouse/detail/queue/lockfree/wait.h: the waiter's side of the LOCKFREE queue. Internal.
 *
 * A wait has four steps. It links the segment of the next ticket, if that is missing; only this step
 * allocates memory. It claims the ticket's cell, with what the waiter lacks. It issues the ticket (ticket.h).
 * It writes the waiter into the cell and makes the cell ARRIVED. A waiter that lacks one, and finds others
 * waiting, leaves out the claim. A waker may serve the cell before the waiter arrives. In that case the wait
 * returns the outcome at once. */
#ifndef ROUSE_DETAIL_QUEUE_LOCKFREE_WAIT_H
#define ROUSE_DETAIL_QUEUE_LOCKFREE_WAIT_H

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
#include <stddef.h>
#include <stdint.h>

/* Returns the pool. pool_: NULL -> a new one, if there was none. NULL: no memory. */
ROUSE_INLINE_ rouse_pool_ *rouse_wait_pool_(rouse_waiter_queue *q) {
    void *pool = rouse_ticket_pool_(q);
    if (pool == NULL) {
        /* Relaxed: it does not change until the first segment is linked. */
        const uint64_t served = rouse_u64_load_relaxed_(&q->served_);
        rouse_pool_ *const mine = rouse_pool_new_(rouse_segment_base_of_(served));
        if (mine == NULL) {
            return NULL;
        }
        mine->queue_ = q;
        /* E11: release, for rouse_ticket_pool_. Acquire, for the pool that another thread made first. */
        if (rouse_ptr_cas_acq_rel_(&q->pool_, &pool, mine)) {
            return mine;
        }
        ROUSE_FREE(mine);
    }
    return (rouse_pool_ *)pool;
}

/* Finds the segment of the spot's ticket, and links it if necessary. The ticket is the next one of a word
 * just read. ROUSE_PENDING: the caller must read the word again. */
ROUSE_SLOW_ rouse_status rouse_wait_append_(rouse_waiter_queue *q, rouse_spot_ *at) {
    rouse_pool_ *const pool = rouse_wait_pool_(q);
    rouse_walk_ walk;
    if (pool == NULL) {
        return ROUSE_NOMEM;
    }
    walk = rouse_walk_from_(pool, at->segment, at->base);
    while (!rouse_walk_reaches_(&walk, at->base)) {
        if (!rouse_walk_step_(pool, &walk)) {
            if (walk.next != at->base) {
                return ROUSE_PENDING;
            }
            if (!rouse_segment_append_(pool, &walk)) {
                return ROUSE_NOMEM;
            }
        }
    }
    if (walk.next - ROUSE_SEGMENT_CELLS != at->base) {
        return ROUSE_PENDING;
    }
    at->segment = walk.at;
    rouse_ptr_store_release_(&pool->tail_, walk.at); /* E11: release, for rouse_ticket_segment_ */
    return ROUSE_OK;
}

/* Leaves the cell before the waiter arrives.
 *
 *     FREE, CLAIMED    ->  CANCELLED    true
 *     GIVEN            ->  CANCELLED    true, if `given`
 *     anything else    ->  unchanged    false: a waker was first; the spot's word says what it left */
ROUSE_INLINE_ bool rouse_wait_leave_(rouse_spot_ *at, bool given) {
    while (rouse_cell_state_(at->word) <= (given ? ROUSE_CELL_GIVEN_ : ROUSE_CELL_CLAIMED_)) {
        /* E9: acquire and release; the partner is the waker's CAS of the cell. E10: seq_cst, because the cell
         * may be the last of its segment to become final. */
        if (rouse_u64_cas_seq_cst_(&rouse_spot_cell_(at)->word_, &at->word,
                                   rouse_cell_to_(at->word, ROUSE_CELL_CANCELLED_, 0))) {
            rouse_segment_try_end_(at->segment, at->ticket);
            return true;
        }
    }
    return false;
}

/* Issues the ticket of the spot, whose cell this waiter has claimed. False: the queue is closed, and the
 * waiter has left the cell. */
ROUSE_INLINE_ bool rouse_wait_have_issued_(rouse_waiter_queue *q, rouse_spot_ *at) {
    while (!rouse_ticket_issue_(q, at)) {
        if (rouse_wait_leave_(at, false)) {
            return false;
        }
    }
    return true;
}

/* Throughput mode: does nobody wait before this ticket, though waiters that gave up have left a count? The
 * caller has read in the word that the ticket is the next one, and its pool is there. */
ROUSE_SLOW_ bool rouse_wait_begins_(const rouse_waiter_queue *q, uint64_t ticket) {
    rouse_pool_ *const pool = rouse_ticket_pool_(q);
    rouse_spot_ at = ROUSE_SPOT_NONE_;
    /* E9, E14: rouse_spot_seek_ acquires, so the caller's next CAS comes after the cells were resolved. They
     * stay so. */
    return rouse_open_carried_(pool) != 0 && !rouse_spot_seek_(q, pool, &at, ticket);
}
/* Makes that count void, because nobody waits. Only for the caller whose CAS has got it the ticket since:
 * until then nobody had it, so no waiter at or behind it has inherited the count. The CAS by which the waiter
 * arrives publishes this (E9). */
ROUSE_INLINE_ void rouse_wait_begin_(const rouse_waiter_queue *q, uint64_t ticket, bool begins) {
    if (begins) {
        rouse_open_enter_(rouse_ticket_pool_(q), ticket);
    }
}

/* Has the next ticket issued. Before that, it claims the cell, unless n is 1 and others wait.
 *
 *     word                            cell                  word
 *     EMPTY, n or more                                      EMPTY, n less                      OK
 *     EMPTY, less than n              FREE -> CLAIMED       QUEUE, or FIRST (issue)            PENDING
 *     QUEUE, TAKEN, n == 1            FREE                  QUEUE, next + 1                    PENDING
 *     QUEUE, TAKEN, n > 1             FREE                  the same, BY_CLAIM                 and again
 *     the same, BY_CLAIM              FREE -> CLAIMED       QUEUE, next + 1 (issue)            PENDING
 *     any                             another's             its ticket is issued               and again
 *     closed                                                unchanged                          CLOSED */
ROUSE_INLINE_ rouse_status rouse_wait_claim_(rouse_waiter_queue *q, rouse_waiter *w, uint32_t n,
                                             rouse_spot_ *at) {
    for (;;) {
        /* E4: acquire, so that the list is at least as new as the ticket. */
        uint64_t state = rouse_u64_load_acquire_(&q->word_);
        /* Relaxed: rouse_ticket_serve_to_ says why. In EMPTY, served_ is the next ticket. */
        uint64_t ticket = rouse_u64_load_relaxed_(&q->served_);
        bool begins;
        if (rouse_word_closed_(state)) {
            return ROUSE_CLOSED;
        }
        if (rouse_state_is_queue_(state)) {
            if (ticket > rouse_state_next_(state)) {
                rouse_ticket_mend_(q, state); /* or the word has changed */
                continue;
            }
            ticket = rouse_state_next_(state);
        } else if (!rouse_state_is_empty_(state)) {
            rouse_ticket_settle_(q, state);
            continue;
        } else if (rouse_word_balance_(state) >= (int32_t)n) {
            if (rouse_u64_cas_acquire_(&q->word_, &state, state - n)) { /* E2 */
                rouse_u32_store_relaxed_(&w->status_,
                                         rouse_outcome_(ROUSE_OK, 0)); /* relaxed: it is the caller's */
                return ROUSE_OK;
            }
            continue;
        } else if (rouse_state_tag_of_(ticket) != rouse_state_tag_(state)) {
            continue;
        }
        if (!rouse_spot_last_(q, at, ticket)) {
            const rouse_status status = rouse_wait_append_(q, at);
            /* There is no memory for a ticket, but it may not be the next one any more: look again. Relaxed:
             * it is only compared. */
            if (status == ROUSE_NOMEM && rouse_u64_load_relaxed_(&q->word_) == state) {
                ROUSE_STATS_REFUSED_(q);
                return ROUSE_NOMEM;
            }
            if (status != ROUSE_OK) {
                continue;
            }
        }
        if (!rouse_spot_read_(at)) {
            continue;
        }
        begins = rouse_open_on_(q) && rouse_wait_begins_(q, ticket);
        if (rouse_state_is_queue_(state) && !rouse_state_by_claim_(state) &&
            rouse_cell_state_(at->word) == ROUSE_CELL_FREE_) {
            if (n != 1) {
                /* E3: acquire and release, like every change of the word. */
                (void)rouse_u64_cas_acq_rel_(&q->word_, &state, state + ROUSE_STATE_BY_CLAIM_);
                continue;
            }
            if (rouse_state_taken_(state)) {
                (void)rouse_ticket_serve_to_(q, ticket); /* the taker needs no help */
            }
            /* E4: release, for the waker that sees the ticket. Acquire, for a second look at a condition. */
            if (rouse_u64_cas_acq_rel_(&q->word_, &state, rouse_state_issued_(ticket, n))) {
                rouse_wait_begin_(q, ticket, begins);
                return ROUSE_PENDING;
            }
            continue;
        }
        if (rouse_cell_state_(at->word) == ROUSE_CELL_FREE_) {
            const uint64_t claimed = rouse_cell_to_(at->word, ROUSE_CELL_CLAIMED_, n);
            /* E9: release, for the threads that issue the ticket or read what its waiter lacks. Acquire, for
             * the thread that was first. */
            if (rouse_u64_cas_acq_rel_(&rouse_spot_cell_(at)->word_, &at->word, claimed)) {
                at->word = claimed;
                rouse_wait_begin_(q, ticket, begins);
                return rouse_wait_have_issued_(q, at) ? ROUSE_PENDING : ROUSE_CLOSED;
            }
        }
        (void)rouse_ticket_issue_(q, at); /* another waiter's: its ticket comes first */
    }
}

/* status_ of a waiter that got stored credit and does not want it: the credit must still be given back. */
#define ROUSE_WAIT_BACK_ ((uint32_t)ROUSE_OUTCOME_BY_ALL_)

/* Takes the token that the waiter has found. The waiter is the last visitor of its cell, and has its outcome.
 * asked: how many it keeps or gives back; 0 if it wants none.
 *
 *     TOKEN           ->  DONE    wanted: OK        not wanted: OK, and 1 is handed on, under the wake's cap
 *     TOKEN_STORED    ->  DONE    OK                OK, and rouse_queue_looked_ gives 1 back
 *     TOKEN_ALL       ->  DONE    OK                OK
 *     TOKEN_CLOSED    ->  DONE    CLOSED, and what it had been given is handed on        OK */
ROUSE_SLOW_ rouse_status rouse_wait_pick_up_(rouse_waiter_queue *q, rouse_waiter *w, const rouse_spot_ *at,
                                             uint32_t asked) {
    const uint32_t number = rouse_cell_number_(at->word);
    uint32_t rest = asked == 0 ? 1 : 0;
    uint32_t cap = ROUSE_MAX_PERMITS;
    uint32_t outcome = rouse_outcome_(ROUSE_OK, 0);
    uint32_t back = 0;
    switch (rouse_cell_state_(at->word)) {
    case ROUSE_CELL_TOKEN_:
        cap = number;
        break;
    case ROUSE_CELL_TOKEN_STORED_:
        rest = 0;
        back = ROUSE_WAIT_BACK_; /* rouse_queue_looked_ gives it back, because the caller knows the cap */
        break;
    case ROUSE_CELL_TOKEN_ALL_:
        rest = 0;
        outcome = rouse_outcome_(ROUSE_OK, ROUSE_OUTCOME_BY_ALL_);
        break;
    default: /* closed */
        rest = asked == 0 ? 0 : asked - number;
        outcome = rouse_outcome_(asked == 0 ? ROUSE_OK : ROUSE_CLOSED, 0);
        break;
    }
    ROUSE_STATS_LEFT_(q, w, asked == 0 ? ROUSE_PENDING : rouse_outcome_status_(outcome));
    /* E9: acquire, for what came before the wake that left the token. E10: seq_cst, because the cell may be
     * the last of its segment to become final. No other thread changes it. */
    (void)rouse_u64_swap_seq_cst_(&rouse_spot_cell_(at)->word_,
                                  rouse_cell_to_(at->word, ROUSE_CELL_DONE_, 0));
    rouse_segment_try_end_(at->segment, at->ticket);
    if (rouse_open_on_(q) && outcome == rouse_outcome_(ROUSE_OK, 0)) {
        rouse_open_enter_(rouse_ticket_pool_(q), at->ticket + 1);
    }
    /* Relaxed: it is the caller's again. rouse_notify_pass_on reads it; this call passes on what w does not
     * want. */
    rouse_u32_store_relaxed_(&w->status_, asked == 0 ? rouse_outcome_(ROUSE_INVALID, back) : outcome);
    if (rest != 0) {
        rouse_serving_pass_on_(q, rest, cap);
    }
    return rouse_outcome_status_(outcome);
}

/* Writes down where w waits, which asked for n. open: in throughput mode? Relaxed: the CAS that makes the
 * cell ARRIVED publishes it (E9). */
ROUSE_INLINE_ void rouse_wait_prepare_(rouse_waiter_queue *q, rouse_waiter *w, uint32_t n,
                                       rouse_segment_ *segment, uint64_t ticket, bool open) {
    rouse_u64_store_relaxed_(&w->account_, rouse_account_make_(n, n));
    rouse_u32_store_relaxed_(&w->status_, (uint32_t)ROUSE_PENDING);
    rouse_ptr_store_relaxed_(&w->place_, segment);
    rouse_u32_store_relaxed_(&w->ticket_, rouse_open_index_(open, ticket));
    rouse_ptr_store_relaxed_(&rouse_segment_cell_(segment, ticket)->waiter_, w);
    ROUSE_OWN_QUEUED_(w, q);
    ROUSE_TRACE("queue", q, w);
    ROUSE_STATS_QUEUED_(q, w);
#ifdef ROUSE_STATS
    /* Relaxed, both: for rouse_backend_oldest_. */
    rouse_u64_store_relaxed_(&rouse_segment_cell_(segment, ticket)->since_,
                             rouse_u64_load_relaxed_(&w->since_));
#endif
    (void)q;
}

/* Makes the cell ARRIVED. w is already written in it. wanted: would w keep what it is served with before it
 * sleeps?
 *
 *     FREE, CLAIMED, GIVEN    ->  ARRIVED, or READY    PENDING
 *     RESERVED                ->  RESERVED_ARRIVED     PENDING: its waker delivers it
 *     a token                 ->  rouse_wait_pick_up_ */
ROUSE_INLINE_ rouse_status rouse_wait_say_(rouse_waiter_queue *q, rouse_waiter *w, uint32_t n, bool wanted,
                                           rouse_spot_ *at) {
    while (rouse_cell_state_(at->word) < ROUSE_CELL_TOKEN_) {
        const uint64_t arrived =
            rouse_cell_resolved_(at->word)
                ? rouse_cell_to_(at->word, ROUSE_CELL_RESERVED_ARRIVED_, rouse_cell_number_(at->word))
                : rouse_open_arrived_(q, w, n, at->word);
        /* E9: release, so that the waker may read w. If it fails, rouse_wait_pick_up_ acquires. */
        if (rouse_u64_cas_release_(&rouse_spot_cell_(at)->word_, &at->word, arrived)) {
            return ROUSE_PENDING;
        }
    }
    ROUSE_DISOWN_(w);
    ROUSE_TRACE("grant", q, w);
    return rouse_wait_pick_up_(q, w, at, wanted ? n : 0);
}
ROUSE_INLINE_ rouse_status rouse_wait_arrive_(rouse_waiter_queue *q, rouse_waiter *w, uint32_t n, bool wanted,
                                              rouse_spot_ *at) {
    rouse_wait_prepare_(q, w, n, at->segment, at->ticket, rouse_open_on_(q));
    return rouse_wait_say_(q, w, n, wanted, at);
}

/* The rest of a wait, after the ticket has been issued. */
ROUSE_INLINE_ rouse_status rouse_wait_issued_(rouse_waiter_queue *q, rouse_waiter *w, uint32_t n,
                                              rouse_ready_fn_ *ready, void *arg, rouse_spot_ *at) {
    if (ready != NULL && ready(arg)) {
        /* A RESERVED cell has been served by a batch, and w is woken like any other waiter. A token is passed
         * on. */
        return rouse_wait_leave_(at, true) ? ROUSE_OK : rouse_wait_arrive_(q, w, n, false, at);
    }
    return rouse_wait_arrive_(q, w, n, true, at);
}
ROUSE_SLOW_ rouse_status rouse_wait_slowly_(rouse_waiter_queue *q, rouse_waiter *w, uint32_t n,
                                            rouse_ready_fn_ *ready, void *arg) {
    rouse_spot_ at;
    rouse_status status = ROUSE_OK;
    if (!rouse_open_on_(q) || !rouse_open_newcomer_(q, w, n)) {
        status = rouse_wait_claim_(q, w, n, &at);
    }
    return status != ROUSE_PENDING ? status : rouse_wait_issued_(q, w, n, ready, arg, &at);
}
ROUSE_SLOW_ rouse_status rouse_wait_looks_(rouse_waiter_queue *q, rouse_waiter *w, uint32_t n,
                                           rouse_ready_fn_ *ready, void *arg, rouse_segment_ *segment,
                                           uint64_t ticket, uint64_t word) {
    rouse_spot_ at = {segment, rouse_segment_base_of_(ticket), ticket, word, false};
    return rouse_wait_issued_(q, w, n, ready, arg, &at);
}
ROUSE_SLOW_ rouse_status rouse_wait_served_(rouse_waiter_queue *q, rouse_waiter *w, uint32_t n,
                                            rouse_segment_ *segment, uint64_t ticket, uint64_t word) {
    rouse_spot_ at = {segment, rouse_segment_base_of_(ticket), ticket, word, false};
    return rouse_wait_say_(q, w, n, true, &at);
}

/* The cell is claimed, and the word has changed since. */
ROUSE_SLOW_ rouse_status rouse_wait_overtaken_(rouse_waiter_queue *q, rouse_waiter *w, uint32_t n,
                                               rouse_ready_fn_ *ready, void *arg, rouse_segment_ *segment,
                                               uint64_t ticket, uint64_t word) {
    rouse_spot_ at = {segment, rouse_segment_base_of_(ticket), ticket, word, false};
    return rouse_wait_have_issued_(q, &at) ? rouse_wait_issued_(q, w, n, ready, arg, &at) : ROUSE_CLOSED;
}

/* The usual case of a wait that claims its cell, in strict mode: nobody waits and no credit is stored, or the
 * queue is BY_CLAIM; and the last segment has room. state, segment: as the caller has read them. */
ROUSE_SLOW_ rouse_status rouse_wait_claims_(rouse_waiter_queue *q, rouse_waiter *w, uint32_t n,
                                            rouse_segment_ *segment, uint64_t state, rouse_ready_fn_ *ready,
                                            void *arg) {
    const bool queue = rouse_state_waits_(state) && rouse_state_by_claim_(state);
    uint64_t served;
    uint64_t ticket;
    uint64_t live;
    if (segment == NULL || (!queue && (state & (ROUSE_WORD_CLOSED_ | UINT32_MAX)) != 0)) {
        return rouse_wait_slowly_(q, w, n, ready, arg);
    }
    served = rouse_u64_load_relaxed_(&q->served_); /* relaxed: rouse_ticket_serve_to_ says why */
    ticket = queue ? rouse_state_next_(state) : served;
    live = rouse_segment_state_(rouse_segment_base_of_(ticket), ROUSE_SEGMENT_LIVE_);
    /* E11: acquire; the partner is that of rouse_spot_read_. */
    if ((queue ? served <= ticket : state == rouse_state_empty_(0, served, false)) &&
        rouse_u64_load_acquire_(&segment->state_) == live) {
        rouse_cell_ *const cell = rouse_segment_cell_(segment, ticket);
        uint64_t word = rouse_u64_load_acquire_(&cell->word_); /* E9, E11: like rouse_spot_read_ */
        const uint64_t claimed = rouse_cell_add_(word, n - 1) + (ROUSE_CELL_CLAIMED_ - ROUSE_CELL_FREE_);
        /* E9: the orders of rouse_wait_claim_. */
        if (rouse_cell_state_(word) == ROUSE_CELL_FREE_ &&
            rouse_u64_load_acquire_(&segment->state_) == live &&
            rouse_u64_cas_acq_rel_(&cell->word_, &word, claimed)) {
            word = claimed;
            rouse_word_note_(&q->guess_, rouse_state_issued_(ticket, n));
            /* E4: the orders of rouse_ticket_issue_. */
            if (!rouse_u64_cas_acq_rel_(&q->word_, &state, rouse_state_issued_(ticket, n))) {
                return rouse_wait_overtaken_(q, w, n, ready, arg, segment, ticket, word);
            }
            if (ready != NULL) {
                return rouse_wait_looks_(q, w, n, ready, arg, segment, ticket, word);
            }
            rouse_wait_prepare_(q, w, n, segment, ticket, false);
            /* E9: release, like in rouse_wait_say_. */
            return rouse_u64_cas_release_(&cell->word_, &word,
                                          word + (ROUSE_CELL_ARRIVED_ - ROUSE_CELL_CLAIMED_))
                       ? ROUSE_PENDING
                       : rouse_wait_served_(q, w, n, segment, ticket, word);
        }
    }
    return rouse_wait_slowly_(q, w, n, ready, arg);
}

/* A wait in throughput mode. Mostly a waiter is invited, and a permit is free. */
ROUSE_SLOW_ rouse_status rouse_wait_open_(rouse_waiter_queue *q, rouse_waiter *w, uint32_t n,
                                          rouse_ready_fn_ *ready, void *arg) {
    return rouse_open_take_invited_(q, n) ? ROUSE_OK : rouse_wait_slowly_(q, w, n, ready, arg);
}

/* The usual case of a wait, in strict mode: the queue has or had a waiter, and the last segment has room. */
ROUSE_SLOW_ rouse_status rouse_backend_wait_(rouse_waiter_queue *q, rouse_waiter *w, uint32_t n,
                                             rouse_ready_fn_ *ready, void *arg) {
    uint64_t state;
    uint64_t ticket;
    uint64_t live;
    rouse_segment_ *segment;
    if (rouse_open_on_(q)) {
        return rouse_wait_open_(q, w, n, ready, arg);
    }
    state = rouse_u64_load_acquire_(&q->word_); /* E4: acquire; the partners are those of rouse_wait_claim_ */
    segment = rouse_ticket_segment_(q);
    if (n != 1 || !rouse_state_is_usual_(state)) {
        return rouse_wait_claims_(q, w, n, segment, state, ready, arg);
    }
    ticket = rouse_state_next_(state);
    live = rouse_segment_state_(rouse_segment_base_of_(ticket), ROUSE_SEGMENT_LIVE_);
    if (segment != NULL && rouse_u64_load_acquire_(&segment->state_) == live) { /* E11 */
        rouse_cell_ *const cell = rouse_segment_cell_(segment, ticket);
        uint64_t word = rouse_u64_load_acquire_(&cell->word_); /* E9, E11: what others did to it */
        /* E4: the orders of rouse_ticket_issue_. served_ needs no change by rouse_ticket_serve_to_, which
         * says why it is relaxed. The segment stays until the ticket is issued, so if the CAS succeeds, the
         * cell's word is of this life. */
        if (rouse_cell_state_(word) == ROUSE_CELL_FREE_ &&
            (!rouse_state_taken_(state) || rouse_u64_load_relaxed_(&q->served_) >= ticket) &&
            rouse_u64_cas_acq_rel_(&q->word_, &state, (state & ~(uint64_t)ROUSE_STATE_TAKEN_) + 1)) {
            if (ready != NULL) {
                return rouse_wait_looks_(q, w, 1, ready, arg, segment, ticket, word);
            }
            rouse_wait_prepare_(q, w, 1, segment, ticket, false);
            /* E9: release, like in rouse_wait_say_. */
            return rouse_u64_cas_release_(&cell->word_, &word,
                                          word + (ROUSE_CELL_ARRIVED_ - ROUSE_CELL_FREE_))
                       ? ROUSE_PENDING
                       : rouse_wait_served_(q, w, 1, segment, ticket, word);
        }
    }
    return rouse_wait_slowly_(q, w, n, ready, arg);
}

#endif /* ROUSE_DETAIL_QUEUE_LOCKFREE_WAIT_H */
