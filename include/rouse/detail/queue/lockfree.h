/* rouse/detail/queue/lockfree.h: the LOCKFREE backend: a ticket is a waiter. Internal.
 *
 * A waiter that lacks several claims the cell of the next ticket, with what it lacks, before the ticket is
 * issued. A cell that nobody has claimed says 1. So a waker that reads a ticket in the queue's word finds all
 * that it needs to know in the cell, whether or not the waiter has arrived. A cell says what its waiter
 * lacks, and the queue's word holds credit only while nobody waits. So one compare-and-swap gives a waiter
 * part of what it lacks, serves it, or takes it out, however many permits it asked for. One compare-and-swap
 * stores what is left when nobody waits.
 *
 * No thread waits for another. A waker that comes before its waiter leaves a token and goes. If a thread has
 * begun a step, any other thread that needs the step finishes it. Waiters allocate, before they have a
 * ticket; wakers never do.
 *
 *   lockfree/state.h      the queue's word and a cell's word
 *   lockfree/segments.h   where the cells are
 *   lockfree/ticket.h     how a ticket is issued, by its waiter or another thread
 *   lockfree/wake.h       wake, wake_all, close
 *   lockfree/cancel.h     cancel
 *   lockfree/open.h       throughput mode
 *   lockfree/wait.h       wait, add_waiter_if
 *
 * Memory. Each queue has one pool, made at the first wait. A segment outside the pool holds the cell of a
 * living waiter. The exceptions are the last segment linked, and one for each call in progress, stopped or
 * not. So k waiters keep at most k + 1 segments, whatever the history and whatever they ask for. The pool
 * grows by a quarter, so it has at most 5/4 of the most that it ever needed at once.
 *
 * Tickets have 59 bits: 180 years at 100 million a second. A cell's life has 31 bits. A thread that is
 * delayed before its compare-and-swap of a cell can be mistaken. For that, the segment must have been reused
 * exactly a multiple of 2^31 times, and the cell must be in the very same state. With segments of 32 cells
 * that is 2^36 tickets, an hour at 20 million hand-offs a second. */
#ifndef ROUSE_DETAIL_QUEUE_LOCKFREE_H
#define ROUSE_DETAIL_QUEUE_LOCKFREE_H

#include "../base/atomic.h"
#include "../base/platform.h"
#include "lockfree/cancel.h"
#include "lockfree/open.h"
#include "lockfree/segments.h"
#include "lockfree/state.h"
#include "lockfree/ticket.h"
#include "lockfree/wait.h"
#include "lockfree/wake.h"
#include "types.h"
#include "word.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ROUSE_BACKEND_INIT_(credit)                                                                       \
    {                                                                                                     \
        ROUSE_BUILT_INIT_(ROUSE_ATOMIC_INIT_(credit)), ROUSE_ATOMIC_INIT_(credit), ROUSE_ATOMIC_INIT_(0), \
            ROUSE_ATOMIC_INIT_(NULL), ROUSE_ATOMIC_INIT_(NULL), 0, ROUSE_ATOMIC_INIT_(0)                  \
    }

ROUSE_INLINE_ rouse_atomic_u64_ *rouse_backend_guess_(rouse_waiter_queue *q) {
    return &q->guess_;
}

/* Finishes the answer of a wait for a condition. If stored credit reached w while its second look said yes,
 * the credit goes back, under the object's cap. */
ROUSE_INLINE_ rouse_status rouse_queue_looked_(rouse_waiter_queue *q, rouse_waiter *w, rouse_status status,
                                               uint32_t cap) {
    /* Relaxed: this thread wrote it. */
    if (status == ROUSE_OK &&
        rouse_u32_load_relaxed_(&w->status_) == rouse_outcome_(ROUSE_INVALID, ROUSE_WAIT_BACK_)) {
        rouse_waiter_release_(w);
        rouse_serving_pass_on_(q, 1, cap);
    }
    return status;
}

/* Takes n, or up to n, for try_wait and reduce, after a first look has shown too little credit. Returns how
 * many. In FIRST the word may hold more than the waiter lacks that the credit is for, so this call finishes
 * FIRST before. */
ROUSE_SLOW_ uint32_t rouse_queue_take_late_(rouse_waiter_queue *q, uint32_t n, bool reduce) {
    if (rouse_open_on_(q) && !reduce && rouse_open_take_invited_(q, n)) {
        return n;
    }
    for (;;) {
        /* E4: acquire, so that the list is at least as new as the issued tickets. */
        const uint64_t state = rouse_u64_load_acquire_(&q->word_);
        if (!rouse_state_is_empty_(state) && !rouse_state_is_queue_(state)) {
            rouse_ticket_settle_(q, state);
        } else if (reduce ? rouse_word_balance_(state) > 0 : rouse_word_covers_(state, n)) {
            const uint32_t taken = reduce ? rouse_word_take_upto_(&q->word_, &q->guess_, n)
                                          : (rouse_word_take_(&q->word_, &q->guess_, n) ? n : 0);
            if (taken != 0) {
                return taken;
            }
        } else {
            return rouse_open_on_(q) ? rouse_open_take_(q, n, reduce) : 0;
        }
    }
}
ROUSE_INLINE_ bool rouse_queue_try_late_(rouse_waiter_queue *q, uint32_t n) {
    return rouse_queue_take_late_(q, n, false) != 0;
}
ROUSE_INLINE_ uint32_t rouse_queue_reduce_late_(rouse_waiter_queue *q, uint32_t n) {
    return rouse_queue_take_late_(q, n, true);
}

/* Sets the spot to the oldest cell that waits, and *next to the next ticket. False: nobody waits. */
ROUSE_INLINE_ bool rouse_queue_first_spot_(const rouse_waiter_queue *q, rouse_spot_ *at, uint64_t *next) {
    /* E4: acquire, so that the list is at least as new as the issued tickets. */
    const uint64_t state = rouse_u64_load_acquire_(&q->word_);
    const rouse_spot_ none = ROUSE_SPOT_NONE_;
    *at = none;
    *next = rouse_state_next_(state);
    return rouse_state_waits_(state) && rouse_spot_seek_(q, rouse_ticket_pool_(q), at, *next);
}
/* Goes to the next cell that waits. False: there is none. */
ROUSE_INLINE_ bool rouse_queue_next_spot_(const rouse_waiter_queue *q, rouse_spot_ *at, uint64_t next) {
    at->ticket++;
    return rouse_spot_seek_(q, rouse_ticket_pool_(q), at, next);
}

/* Counts the cells that wait, and sums what they lack. If a waiter is invited, *lack is minus what is free.
 * These are snapshots, and nothing depends on them; only loads that lead to a pointer are stronger than
 * relaxed. */
ROUSE_SLOW_ uint32_t rouse_backend_count_(const rouse_waiter_queue *q, int64_t *lack) {
    rouse_spot_ at;
    uint64_t next;
    uint32_t waiters = 0;
    uint32_t free = 0;
    bool invited = false;
    *lack = 0;
    for (bool more = rouse_queue_first_spot_(q, &at, &next); more;
         more = rouse_queue_next_spot_(q, &at, next)) {
        waiters++;
        *lack += rouse_cell_lacks_(at.word);
        if (rouse_cell_invited_(at.word)) {
            invited = true;
            free = rouse_cell_free_(at.word);
        }
    }
    *lack = invited ? -(int64_t)free : *lack;
    return waiters;
}
ROUSE_INLINE_ int64_t rouse_backend_balance_(const rouse_waiter_queue *q) {
    /* Relaxed: a snapshot. */
    const uint64_t state = rouse_u64_load_relaxed_(&q->word_);
    int64_t lack;
    if (!rouse_state_is_queue_(state)) {
        return rouse_state_credit_(state);
    }
    (void)rouse_backend_count_(q, &lack);
    return -lack;
}
ROUSE_INLINE_ uint32_t rouse_backend_waiter_count_(const rouse_waiter_queue *q) {
    int64_t lack;
    return rouse_backend_count_(q, &lack);
}

#ifdef ROUSE_DEBUG
/* Returns how much of `most` the oldest waiter has been given, if it asked for `most`. Its cell says only
 * what it lacks: 1 may be all that it asked for. */
ROUSE_SLOW_ uint32_t rouse_backend_given_(const rouse_waiter_queue *q, uint32_t most) {
    rouse_spot_ at;
    uint64_t next;
    const uint32_t lacks = rouse_queue_first_spot_(q, &at, &next) ? rouse_cell_number_(at.word) : most;
    return lacks > 1 && lacks < most ? most - lacks : 0;
}
#endif

#ifdef ROUSE_STATS
/* Returns when the oldest waiter queued; 0: nobody waits. A snapshot: if the cell is reused meanwhile, it may
 * be the next waiter's time. A waiter with a ticket that has not arrived yet is passed over. */
ROUSE_SLOW_ uint64_t rouse_backend_oldest_(rouse_waiter_queue *q) {
    rouse_spot_ at;
    uint64_t next;
    for (bool more = rouse_queue_first_spot_(q, &at, &next); more;
         more = rouse_queue_next_spot_(q, &at, next)) {
        if (rouse_cell_state_(at.word) == ROUSE_CELL_ARRIVED_ ||
            rouse_cell_state_(at.word) == ROUSE_CELL_READY_) {
            return rouse_u64_load_relaxed_(&rouse_spot_cell_(&at)->since_);
        }
    }
    return 0;
}
#endif

/* The worst history needs a segment for each waiter, and one more for each waiter whose call is using it.
 * Added to that are the last segment, and one for each other call that was stopped after it cut a segment
 * out. */
#define ROUSE_RESERVE_CALLS_ 4

ROUSE_COLD_ rouse_status rouse_backend_reserve_(rouse_waiter_queue *q, uint32_t waiters) {
    const uint64_t segments = 2 * (uint64_t)waiters + 1 + ROUSE_RESERVE_CALLS_;
    rouse_pool_ *const pool = rouse_wait_pool_(q);
    return pool != NULL && (rouse_pool_has_(pool, segments) || rouse_pool_reserve_(pool, segments))
               ? ROUSE_OK
               : ROUSE_NOMEM;
}

ROUSE_INLINE_ void rouse_backend_init_(rouse_waiter_queue *q, uint32_t credit) {
    rouse_u64_init_(&q->word_, credit);
    ROUSE_BUILT_BEGIN_(q);
    ROUSE_STATS_BEGIN_(q);
    rouse_u64_init_(&q->guess_, credit);
    rouse_u64_init_(&q->served_, 0);
    rouse_ptr_init_(&q->head_, NULL);
    rouse_ptr_init_(&q->pool_, NULL);
    q->bypass_ = 0;
    rouse_u32_init_(&q->doubt_, 0);
}

/* Relaxed: no other thread uses the queue. */
ROUSE_INLINE_ void rouse_backend_destroy_(rouse_waiter_queue *q) {
    rouse_pool_ *const pool = (rouse_pool_ *)rouse_ptr_load_relaxed_(&q->pool_);
    if (pool != NULL) {
        rouse_pool_delete_(pool);
        rouse_ptr_store_relaxed_(&q->pool_, NULL);
    }
}

#include "compiled.h"

/* wake(1, cap ROUSE_MAX_PERMITS).
 *
 *     EMPTY, room for one    ->  EMPTY, credit + 1    OK
 *     anything else          ->  rouse_queue_hand_off_
 *
 * The lower part of a QUEUE word is a ticket, so the word must be known before anything is added. */
ROUSE_INLINE_ rouse_status rouse_queue_give_one_(rouse_waiter_queue *q) {
    uint64_t seen = rouse_word_guess_(&q->word_, &q->guess_);
    while (ROUSE_LIKELY_((uint32_t)seen < ROUSE_MAX_PERMITS)) { /* 0 <= balance < ROUSE_MAX_PERMITS */
        rouse_word_note_(&q->guess_, seen + 1);
        /* E3: release, for the thread that takes the credit, like rouse_word_give_. */
        if (ROUSE_LIKELY_(rouse_u64_cas_release_(&q->word_, &seen, seen + 1))) {
            return ROUSE_OK;
        }
        rouse_word_note_(&q->guess_, seen);
    }
    return rouse_queue_hand_off_(q);
}

#endif /* ROUSE_DETAIL_QUEUE_LOCKFREE_H */
