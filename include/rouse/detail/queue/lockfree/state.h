/* rouse/detail/queue/lockfree/state.h: the two words of the LOCKFREE queue: the queue's and a cell's.
 * Internal.
 *
 * ---- The queue's word -----------------------------------------------------------------------------------
 * The word has the layout of word.h: an upper part (closed, bit 32; 31 bits above) plus a signed lower part.
 * A negative lower part means that somebody waits. So the calls that find nobody waiting are the same as
 * those of every other backend.
 *
 *   mode    lower part        upper 31 bits        meaning
 *   EMPTY   credit            low bits of next     nobody waits; `next` is the next ticket
 *   FIRST   2^31 + credit     low bits of next     the credit is for the waiter that has claimed the cell of
 *                                                  `next`; any thread that finds FIRST finishes the step
 *   QUEUE   2^31 + 2^30       high bits of next    somebody waits, or did; no credit is stored
 *           + low 28 bits
 *   TAKEN   the same + 2^29   high bits of next    a wake_all or a close has taken every waiter there was
 *   BY_CLAIM: QUEUE or TAKEN, + 2^28               ticket `next` goes to the waiter that claims its cell.
 *                                                  Without this bit it goes to the waiter that issues it, and
 *                                                  nobody claims the cell
 *
 *   EMPTY -> EMPTY          a call gives or takes credit
 *   EMPTY -> QUEUE          a ticket is issued, and no credit is stored
 *   EMPTY -> FIRST          a ticket is issued while some credit is stored
 *   FIRST -> QUEUE          the waiter has the credit, and lacks more
 *   FIRST -> EMPTY          the credit was enough for the waiter
 *   QUEUE -> QUEUE          a ticket is issued
 *   QUEUE -> EMPTY          nobody waits any more: the waker stores what is left of its credit
 *   QUEUE -> BY_CLAIM       a waiter lacks several. The bit is cleared in EMPTY, and when a ticket is issued
 *                           to a waiter that lacks one
 *   QUEUE -> TAKEN          wake_all, close: the cells of all tickets before next are this call's. Only this
 *                           step closes a QUEUE, and no ticket is issued while the queue is closed: so
 *                           QUEUE is open
 *   TAKEN -> EMPTY, QUEUE   the same steps as from QUEUE, once served_ is next
 *
 * QUEUE and TAKEN have all 59 bits of `next`. EMPTY and FIRST have 31 of them. The queue's served_ has the
 * rest: it equals `next` in EMPTY, and is never beyond it in QUEUE.
 *
 * ---- A cell's word --------------------------------------------------------------------------------------
 * life * 2^33 + number * 2^4 + state. The life changes each time the segment is used again, so a stale
 * compare-and-swap fails. The number is what the waiter still lacks, except in TOKEN, where it is the cap of
 * the wake.
 *
 *   FREE -------> CLAIMED ----> ARRIVED ----> DONE       served: the waker owns the waiter
 *                    |   |         |
 *                    |   |         +--------> CANCELLED  taken out: the canceller owns it
 *                    |   +-------> CANCELLED             withdrawn before it arrived
 *                    |   +-------> GIVEN                 the same as CLAIMED, with the credit of FIRST
 *                    +-----------> TOKEN, ... -> DONE    served before it arrived; the waiter makes it DONE
 *                    +-----------> RESERVED              served too, but the waiter must not know yet
 *
 *   CLAIMED -----> READY ------> INVITED, ...            throughput mode, in place of ARRIVED: open.h
 *
 *   RESERVED ----> TOKEN, ...                            the waker has made its last access to the queue
 *   RESERVED ----> RESERVED_ARRIVED ----> DONE           it arrived meanwhile; the waker delivers its wake
 *
 * The cell of a waiter that lacks one may still be FREE when its ticket is issued. A FREE cell says 1, and
 * makes every transition that a CLAIMED cell makes. Any other waiter claims its cell before the ticket is
 * issued. So a thread that reads a ticket in the queue's word finds in the cell what its waiter lacks. From
 * RESERVED on the cell is resolved: no waker and no canceller takes it any more. In DONE and CANCELLED it is
 * final: no thread uses it again in this life. */
#ifndef ROUSE_DETAIL_QUEUE_LOCKFREE_STATE_H
#define ROUSE_DETAIL_QUEUE_LOCKFREE_STATE_H

#include "../../../config.h"
#include "../../base/atomic.h"
#include "../../base/owner.h"
#include "../types.h"
#include "../word.h"

#include <stdbool.h>
#include <stdint.h>

struct rouse_waiter_queue {
    rouse_atomic_u64_ word_; /* above                                                                 */
    ROUSE_BUILT_MEMBER_
    ROUSE_STATS_MEMBER_
    rouse_atomic_u64_ guess_;  /* of the word: word.h                                                   */
    rouse_atomic_u64_ served_; /* the cells of all tickets before this one are resolved or taken         */
    rouse_atomic_ptr_ head_;   /* the segment that a waker last served from; a hint                     */
    rouse_atomic_ptr_ pool_;   /* NULL until the first wait                                             */
    uint32_t bypass_;          /* 0: strict; otherwise the bound of throughput mode (open.h)            */
    rouse_atomic_u32_ doubt_;  /* throughput mode: linger.h                                           */
};

/* ---- the queue's word ---------------------------------------------------------------------------------- */

#define ROUSE_STATE_WAITS_    0x80000000u
#define ROUSE_STATE_QUEUE_    0x40000000u
#define ROUSE_STATE_TAKEN_    0x20000000u
#define ROUSE_STATE_BY_CLAIM_ 0x10000000u
/* The most credit that the word ever stores. Credit that comes back may lift the balance above
 * ROUSE_MAX_PERMITS. */
#define ROUSE_STATE_MOST_ 0x3fffffffu

ROUSE_INLINE_ bool rouse_state_is_empty_(uint64_t state) {
    return rouse_word_balance_(state) >= 0;
}
/* QUEUE or TAKEN? */
ROUSE_INLINE_ bool rouse_state_is_queue_(uint64_t state) {
    return (uint32_t)state >= (ROUSE_STATE_WAITS_ | ROUSE_STATE_QUEUE_);
}
/* `state` is QUEUE or TAKEN. Is it TAKEN? */
ROUSE_INLINE_ bool rouse_state_taken_(uint64_t state) {
    return ((uint32_t)state & ROUSE_STATE_TAKEN_) != 0;
}
/* QUEUE, and not TAKEN? Then the queue is open, and a wake serves the oldest cell. */
ROUSE_INLINE_ bool rouse_state_waits_(uint64_t state) {
    return (uint32_t)state - (ROUSE_STATE_WAITS_ | ROUSE_STATE_QUEUE_) < ROUSE_STATE_TAKEN_;
}
/* `state` is QUEUE or TAKEN. Is it BY_CLAIM? */
ROUSE_INLINE_ bool rouse_state_by_claim_(uint64_t state) {
    return ((uint32_t)state & ROUSE_STATE_BY_CLAIM_) != 0;
}
/* `state` is EMPTY or FIRST. */
ROUSE_INLINE_ uint32_t rouse_state_credit_(uint64_t state) {
    return (uint32_t)state & ROUSE_STATE_MOST_;
}
/* The low bits of `next`. `state` is EMPTY or FIRST. */
ROUSE_INLINE_ uint32_t rouse_state_tag_(uint64_t state) {
    return (uint32_t)(rouse_word_above_(state) >> 33);
}
ROUSE_INLINE_ uint32_t rouse_state_tag_of_(uint64_t ticket) {
    return (uint32_t)ticket & 0x7fffffffu;
}
/* The whole of `next`. `state` is QUEUE or TAKEN. */
ROUSE_INLINE_ uint64_t rouse_state_next_(uint64_t state) {
    const uint64_t low = ROUSE_STATE_BY_CLAIM_ - 1;
    return ((state + ROUSE_WORD_CLOSED_) >> 5 & ~low) | (state & low); /* gives back the borrow */
}

ROUSE_INLINE_ uint64_t rouse_state_make_(uint32_t lower, uint64_t upper, bool closed) {
    return (uint64_t)(int64_t)(int32_t)lower + upper * ROUSE_WORD_SERIAL_ + (closed ? ROUSE_WORD_CLOSED_ : 0);
}
ROUSE_INLINE_ uint64_t rouse_state_empty_(uint32_t credit, uint64_t next, bool closed) {
    return rouse_state_make_(credit, rouse_state_tag_of_(next), closed);
}
ROUSE_INLINE_ uint64_t rouse_state_first_(uint32_t credit, uint64_t next) {
    return rouse_state_make_(ROUSE_STATE_WAITS_ | credit, rouse_state_tag_of_(next), false);
}
ROUSE_INLINE_ uint64_t rouse_state_queue_(uint64_t next, bool closed) {
    return rouse_state_make_(ROUSE_STATE_WAITS_ | ROUSE_STATE_QUEUE_ |
                                 ((uint32_t)next & (ROUSE_STATE_BY_CLAIM_ - 1)),
                             rouse_state_tag_of_(next >> 28), closed);
}
/* QUEUE, after `ticket` has been issued to a waiter that lacks n. */
ROUSE_INLINE_ uint64_t rouse_state_issued_(uint64_t ticket, uint32_t n) {
    return rouse_state_queue_(ticket + 1, false) + (n == 1 ? 0 : ROUSE_STATE_BY_CLAIM_);
}

/* Is the word QUEUE or TAKEN, open, and not BY_CLAIM, both now and after 1 is added? Then the next ticket
 * goes to the waiter that issues it, and issuing it does not wrap the 28 low bits of `next`. */
ROUSE_INLINE_ bool rouse_state_is_usual_(uint64_t state) {
    /* A negative lower part has borrowed from the upper one, so the closed bit is 1 when the queue is
     * open. */
    const uint64_t queue = ROUSE_STATE_WAITS_ | ROUSE_STATE_QUEUE_ | ROUSE_WORD_CLOSED_;
    return ((state | (state + 1)) >> 28 & (queue | ROUSE_STATE_BY_CLAIM_) >> 28) == queue >> 28;
}

/* ---- a cell's word ------------------------------------------------------------------------------------- */

enum {
    ROUSE_CELL_FREE_,
    ROUSE_CELL_CLAIMED_,
    ROUSE_CELL_GIVEN_,
    ROUSE_CELL_ARRIVED_,
    ROUSE_CELL_READY_,    /* throughput mode: ARRIVED, and lacks one; the number is open */
    ROUSE_CELL_INVITED_,  /* the same, and its turn to ask; the number is open           */
    ROUSE_CELL_PROMISED_, /* INVITED, and no newcomer takes; the number is what is free  */
    ROUSE_CELL_RESERVED_,
    ROUSE_CELL_RESERVED_ARRIVED_,
    ROUSE_CELL_TOKEN_,        /* left by a wake; the number is its cap  */
    ROUSE_CELL_TOKEN_STORED_, /* left by stored credit; the number is n */
    ROUSE_CELL_TOKEN_ALL_,    /* left by a wake_all                     */
    ROUSE_CELL_TOKEN_CLOSED_, /* left by a close; the number is what it lacks */
    ROUSE_CELL_DONE_,
    ROUSE_CELL_CANCELLED_
};

#define ROUSE_CELL_LIFE_ (~UINT64_C(0) << 33)

ROUSE_INLINE_ uint64_t rouse_cell_fresh_(uint64_t life) {
    return (life << 33) | (1u << 4) | ROUSE_CELL_FREE_; /* lacks 1, if a ticket is issued for it */
}
ROUSE_INLINE_ uint32_t rouse_cell_state_(uint64_t cell) {
    return (uint32_t)cell & 15u;
}
ROUSE_INLINE_ uint32_t rouse_cell_number_(uint64_t cell) {
    return (uint32_t)(cell >> 4) & ROUSE_MAX_PERMITS;
}
/* READY, INVITED or PROMISED? */
ROUSE_INLINE_ bool rouse_cell_open_(uint64_t cell) {
    return rouse_cell_state_(cell) >= ROUSE_CELL_READY_ && rouse_cell_state_(cell) <= ROUSE_CELL_PROMISED_;
}
/* INVITED or PROMISED? */
ROUSE_INLINE_ bool rouse_cell_invited_(uint64_t cell) {
    return rouse_cell_open_(cell) && rouse_cell_state_(cell) != ROUSE_CELL_READY_;
}
/* What the cell's waiter lacks. The cell is not resolved. */
ROUSE_INLINE_ uint32_t rouse_cell_lacks_(uint64_t cell) {
    return rouse_cell_open_(cell) ? 1 : rouse_cell_number_(cell);
}
/* An open number has two parts: how many permits are free (the waiter does not own them), and how many
 * newcomers have taken. */
#define ROUSE_CELL_FREE_MOST_   0xffffu
#define ROUSE_CELL_PASSED_      0x10000u
#define ROUSE_CELL_PASSED_MOST_ 0x1fffu
ROUSE_INLINE_ uint32_t rouse_cell_free_(uint64_t cell) {
    return rouse_cell_state_(cell) == ROUSE_CELL_PROMISED_ ? rouse_cell_number_(cell)
                                                           : rouse_cell_number_(cell) & ROUSE_CELL_FREE_MOST_;
}
ROUSE_INLINE_ uint32_t rouse_cell_passed_(uint64_t cell) {
    return rouse_cell_state_(cell) == ROUSE_CELL_PROMISED_ ? 0
                                                           : rouse_cell_number_(cell) / ROUSE_CELL_PASSED_;
}
/* The cell when its number is so much more, or less: it does not leave its bits. */
ROUSE_INLINE_ uint64_t rouse_cell_add_(uint64_t cell, int64_t more) {
    return cell + ((uint64_t)more << 4);
}
ROUSE_INLINE_ bool rouse_cell_same_life_(uint64_t one, uint64_t other) {
    return ((one ^ other) & ROUSE_CELL_LIFE_) == 0;
}
ROUSE_INLINE_ uint64_t rouse_cell_to_(uint64_t cell, uint32_t state, uint32_t number) {
    return (cell & ROUSE_CELL_LIFE_) | ((uint64_t)number << 4) | state;
}
ROUSE_INLINE_ bool rouse_cell_resolved_(uint64_t cell) {
    return rouse_cell_state_(cell) >= ROUSE_CELL_RESERVED_;
}
ROUSE_INLINE_ bool rouse_cell_final_(uint64_t cell) {
    return rouse_cell_state_(cell) >= ROUSE_CELL_DONE_;
}

#endif /* ROUSE_DETAIL_QUEUE_LOCKFREE_STATE_H */
