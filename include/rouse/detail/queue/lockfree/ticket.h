/* rouse/detail/queue/lockfree/ticket.h: how tickets are issued. Internal.
 *
 * A waiter that lacks one, and finds others waiting, issues the next ticket by a change of the queue's word.
 * The ticket and its cell belong to that waiter.
 *
 * Any other waiter first claims the cell of the next ticket, and then issues the ticket. It may be suspended
 * in between. In that case a thread that wants the next cell issues the ticket in its place. So every step
 * here is a compare-and-swap that any number of threads may try and exactly one of them makes.
 *
 * The word says, while a ticket is the next one, which of the two ways it is issued. In EMPTY and FIRST a
 * claim decides. In QUEUE a claim decides only with BY_CLAIM, and a waiter sets that bit before it claims. If
 * both ways were possible, one waiter could claim the cell of a ticket that another had issued for itself. A
 * waiter that lacks several leaves BY_CLAIM set for the ticket after its own, because the next waiter often
 * lacks several too.
 *
 *   the word            becomes                         when
 *   EMPTY, credit 0     QUEUE (next + 1)                -
 *   QUEUE               QUEUE (next + 1)                -
 *   QUEUE               BY_CLAIM                        a waiter lacks several
 *   EMPTY, credit > 0   FIRST, the same credit          then, in rouse_ticket_settle_, any thread:
 *                                                         cell CLAIMED, lacks more: GIVEN, and it lacks less
 *                                                         cell CLAIMED, lacks no more: TOKEN_STORED
 *   FIRST               QUEUE (next + 1)                the cell is GIVEN
 *   FIRST               EMPTY (next + 1), the rest      the cell is TOKEN_STORED, and served_ is next + 1
 *
 * ---- When 31 bits wrap ----------------------------------------------------------------------------------
 * EMPTY has 31 bits of `next`. Suppose that a thread is delayed between its look at an EMPTY word without
 * credit and its compare-and-swap, while 2^31 tickets pass. Its compare-and-swap may then succeed although it
 * should fail. It leaves a QUEUE word whose `next` is less than served_. Nothing else can leave such a word.
 * So a thread that finds one puts EMPTY back, with the same 31 bits. */
#ifndef ROUSE_DETAIL_QUEUE_LOCKFREE_TICKET_H
#define ROUSE_DETAIL_QUEUE_LOCKFREE_TICKET_H

#include "../../base/atomic.h"
#include "../../base/platform.h"
#include "../types.h"
#include "segments.h"
#include "state.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The place in the queue that a call has reached. All zero: none yet. */
typedef struct rouse_spot_ {
    rouse_segment_ *segment; /* NULL: not looked up yet            */
    uint64_t base;           /* of the segment                     */
    uint64_t ticket;         /* all before it are resolved         */
    uint64_t word;           /* of its cell, as last read          */
    bool taken;              /* the cells are this call's: TAKEN   */
} rouse_spot_;

#define ROUSE_SPOT_NONE_ \
    { NULL, 0, 0, 0, false }

ROUSE_INLINE_ rouse_cell_ *rouse_spot_cell_(const rouse_spot_ *at) {
    return rouse_segment_cell_(at->segment, at->ticket);
}

/* E11: acquire. The partner is the CAS in rouse_wait_pool_. */
ROUSE_INLINE_ rouse_pool_ *rouse_ticket_pool_(const rouse_waiter_queue *q) {
    return (rouse_pool_ *)rouse_ptr_load_acquire_(&q->pool_);
}

/* Reads the word of the spot's cell. Returns whether the segment is in the list with this base. The caller
 * has seen the same before this call. No base is used twice, so the word is of this life, and a CAS from it
 * succeeds in no other life. */
ROUSE_INLINE_ bool rouse_spot_read_(rouse_spot_ *at) {
    at->word = rouse_u64_load_acquire_(&rouse_spot_cell_(at)->word_); /* E9: what others did to it; E11 */
    /* E11: acquire. The partner is the CAS that makes a segment LIVE, or the thread that reused it. */
    return rouse_segment_is_(rouse_u64_load_acquire_(&at->segment->state_), at->base);
}

/* Returns the segment that a waiter last queued in, or NULL. */
ROUSE_INLINE_ rouse_segment_ *rouse_ticket_segment_(const rouse_waiter_queue *q) {
    rouse_pool_ *const pool = rouse_ticket_pool_(q);
    /* E11: acquire. The partner is the store of the hint, and through it the thread that made the segment
     * ready. */
    return pool != NULL ? (rouse_segment_ *)rouse_ptr_load_acquire_(&pool->tail_) : NULL;
}

/* Sets the spot to the next ticket, in the segment that a waiter last queued in. False: the ticket is not
 * there. */
ROUSE_INLINE_ bool rouse_spot_last_(const rouse_waiter_queue *q, rouse_spot_ *at, uint64_t ticket) {
    at->ticket = ticket;
    at->base = rouse_segment_base_of_(ticket);
    at->segment = rouse_ticket_segment_(q); /* E11: acquire, and so is its state, as in rouse_spot_read_ */
    return at->segment != NULL && rouse_segment_is_(rouse_u64_load_acquire_(&at->segment->state_), at->base);
}

/* Notes that the cells of all tickets before this one are resolved, or taken by a thread that needs no help.
 *
 *     served_ < ticket     ->  ticket       true
 *     served_ == ticket    ->  unchanged    true
 *     served_ > ticket     ->  unchanged    false
 *
 * E14: release; the partner is rouse_spot_find_. Nothing is read behind it, and what others released
 * continues in their release sequences. The other calls load served_ relaxed, after the word: a call raises
 * served_, or has read that it is raised, before it releases a word that says so. */
ROUSE_INLINE_ bool rouse_ticket_serve_to_(rouse_waiter_queue *q, uint64_t ticket) {
    uint64_t served = rouse_u64_load_relaxed_(&q->served_); /* relaxed: a guess for the CAS */
    while (served < ticket && !rouse_u64_cas_release_(&q->served_, &served, ticket)) {
    }
    return served <= ticket;
}

/* Has a wake_all or a close taken the cell of this ticket? Also true if the cell is resolved. */
ROUSE_INLINE_ bool rouse_ticket_taken_(const rouse_waiter_queue *q, uint64_t ticket) {
    /* E4: acquire, and the word first. A ticket that is no longer TAKEN in the word is before served_, which
     * is relaxed for that reason. */
    const uint64_t state = rouse_u64_load_acquire_(&q->word_);
    return (rouse_state_is_queue_(state) && rouse_state_taken_(state) && rouse_state_next_(state) > ticket) ||
           rouse_u64_load_relaxed_(&q->served_) > ticket;
}

/* Puts EMPTY back. `state` is QUEUE, and its `next` is less than served_ (see "When 31 bits wrap").
 *
 *     QUEUE, next, as seen    ->  EMPTY, next - 1, credit 0
 *     anything else           ->  unchanged */
ROUSE_INLINE_ void rouse_ticket_mend_(rouse_waiter_queue *q, uint64_t state) {
    /* E3: acquire and release, like every change of the word. */
    (void)rouse_u64_cas_acq_rel_(
        &q->word_, &state, rouse_state_empty_(0, rouse_state_next_(state) - 1, rouse_word_closed_(state)));
}

/* Finishes FIRST, in up to two steps that any thread may make. `state` is FIRST, as read from the word.
 *
 *     cell                              cell                       then the word
 *     CLAIMED, lacks more       ->      GIVEN, lacks less          FIRST -> QUEUE, next + 1
 *     CLAIMED, lacks no more    ->      TOKEN_STORED               FIRST -> EMPTY, next + 1, the rest
 *     CANCELLED                         unchanged                  FIRST -> EMPTY, next + 1, the same credit
 *     FREE                              unchanged                  FIRST -> EMPTY, next, the same credit
 *     anything else                     unchanged                  settled already: unchanged
 *
 * served_ becomes next + 1 before the word becomes EMPTY with next + 1. E3, E4: acquire and release, with the
 * partners of the CAS in rouse_ticket_issue_. */
ROUSE_SLOW_ void rouse_ticket_settle_(rouse_waiter_queue *q, uint64_t state) {
    const uint32_t credit = rouse_state_credit_(state);
    /* Relaxed: rouse_ticket_serve_to_ says why. In FIRST, served_ is the ticket, or one more just before the
     * end. */
    uint64_t ticket = rouse_u64_load_relaxed_(&q->served_);
    uint64_t after = 0;
    rouse_spot_ at;
    ticket -= rouse_state_tag_of_(ticket) != rouse_state_tag_(state) ? 1u : 0u;
    if (rouse_state_tag_of_(ticket) != rouse_state_tag_(state)) {
        return; /* settled already */
    }
    if (!rouse_spot_last_(q, &at, ticket)) {
        at.segment = rouse_segment_find_(rouse_ticket_pool_(q), at.segment, &at.base);
    }
    if (at.segment == NULL || at.base > ticket || !rouse_spot_read_(&at)) {
        return; /* settled already: until then the segment stays */
    }
    while (rouse_cell_state_(at.word) == ROUSE_CELL_CLAIMED_) {
        const uint32_t lacks = rouse_cell_number_(at.word);
        const uint64_t to = lacks > credit ? rouse_cell_to_(at.word, ROUSE_CELL_GIVEN_, lacks - credit)
                                           : rouse_cell_to_(at.word, ROUSE_CELL_TOKEN_STORED_, lacks);
        /* E9: release, so that the waiter sees what came before the credit was stored (E3). Acquire, for what
         * the waiter lacks. */
        if (rouse_u64_cas_acq_rel_(&rouse_spot_cell_(&at)->word_, &at.word, to)) {
            at.word = to;
        }
    }
    switch (rouse_cell_state_(at.word)) {
    case ROUSE_CELL_GIVEN_:
        after = rouse_state_queue_(ticket + 1, false);
        break;
    case ROUSE_CELL_TOKEN_STORED_:
    case ROUSE_CELL_CANCELLED_: /* number 0: closed when the waiter came, and opened since */
        (void)rouse_ticket_serve_to_(q, ticket + 1);
        after = rouse_state_empty_(credit - rouse_cell_number_(at.word), ticket + 1, false);
        break;
    case ROUSE_CELL_FREE_: /* nobody has claimed it: 31 bits have wrapped */
        after = rouse_state_empty_(credit, ticket, false);
        break;
    default:
        return;
    }
    (void)rouse_u64_cas_acq_rel_(&q->word_, &state, after);
}

/* Issues the spot's ticket t, unless another thread has. The ticket's cell has been claimed.
 *
 *     EMPTY, next == t, credit 0     ->  QUEUE, t + 1; BY_CLAIM if the waiter lacks several    true
 *     EMPTY, next == t, credit       ->  FIRST; then rouse_ticket_settle_                      true
 *     QUEUE, TAKEN, next == t        ->  QUEUE, t + 1; BY_CLAIM likewise                       true
 *     any, next > t                  ->  unchanged: it has been issued                         true
 *     closed                         ->  unchanged                                             false */
ROUSE_INLINE_ bool rouse_ticket_issue_(rouse_waiter_queue *q, const rouse_spot_ *at) {
    const uint64_t ticket = at->ticket;
    for (;;) {
        /* E4: acquire. The partner is the CAS below, in another thread that issues the ticket. */
        uint64_t state = rouse_u64_load_acquire_(&q->word_);
        uint64_t after;
        if (rouse_state_is_queue_(state)) {
            const uint64_t next = rouse_state_next_(state);
            if (next > ticket) {
                return true;
            }
            if (next < ticket) {
                rouse_ticket_mend_(q, state);
                continue;
            }
            if (rouse_state_taken_(state)) {
                (void)rouse_ticket_serve_to_(q, ticket); /* the taker needs no help */
            }
            after = rouse_state_issued_(ticket, rouse_cell_number_(at->word));
        } else if (rouse_state_tag_(state) != rouse_state_tag_of_(ticket)) {
            return true; /* issued, and served */
        } else if (!rouse_state_is_empty_(state)) {
            rouse_ticket_settle_(q, state);
            continue;
        } else {
            /* If the ticket was served long ago, 31 bits have wrapped. Relaxed: the word, which is read
             * before (E4), came after that. */
            const uint64_t now = rouse_u64_load_relaxed_(&rouse_spot_cell_(at)->word_);
            if (!rouse_cell_same_life_(now, at->word) ||
                (rouse_cell_resolved_(now) && rouse_cell_state_(now) != ROUSE_CELL_CANCELLED_)) {
                return true;
            }
            after = rouse_state_credit_(state) == 0
                        ? rouse_state_issued_(ticket, rouse_cell_number_(at->word))
                        : rouse_state_first_(rouse_state_credit_(state), ticket);
        }
        if (rouse_word_closed_(state)) {
            return false;
        }
        rouse_word_note_(&q->guess_, after);
        /* E4: release, for the waker that sees the ticket. Acquire, for a second look at a condition (E3). */
        if (rouse_u64_cas_acq_rel_(&q->word_, &state, after) && rouse_state_is_queue_(after)) {
            return true;
        }
    }
}

#endif /* ROUSE_DETAIL_QUEUE_LOCKFREE_TICKET_H */
