/* rouse/detail/segments.h: the cells of the LOCKFREE queue: segments, their list, their pool. Internal.
 *
 * Ticket t lives in cell t mod K of the segment whose base is t - t mod K (K = ROUSE_SEGMENT_CELLS; tickets
 * and bases count modulo 2^31). Linked segments form a list in the order of their bases, each K after the
 * last when it is appended; gaps come up where segments have been taken out. Segments are type-stable: once
 * made, a segment belongs to the pool of its queue until the queue is destroyed, so a stale pointer can
 * always be followed, and is found out by the base that stands, together with the state, in one atomic word.
 *
 * The life of a segment:
 *
 *     FREE ----> FRESH ----> LIVE ----> ENTERED ----> CLOSING ----> DEAD ----> FREE
 *      in the     being       |  a waker   a waker     |   every      |  unlinked by
 *      pool       linked      |  has come  has come    |   cell is    |  the sweeper
 *                             |  to its    to its last |   DONE       |
 *                             |  cells     cell                       +--> PARKED: it is the last of the list;
 *                             +---------------------------> DEAD           back to DEAD when it no longer is
 *                               every cell is CANCELLED
 *
 *   FREE -> FRESH     by whoever popped it from the pool, alone with it; not yet in the list
 *   FRESH -> LIVE     after the compare-and-swap that links it, by the appender or by anyone who finds it in the list
 *   LIVE -> ENTERED   before the first waker touches a cell. From then on only "every cell DONE" ends it
 *   LIVE -> DEAD      by the canceller that finds every cell CANCELLED. Excludes ENTERED: both start from LIVE
 *   CLOSING -> DEAD   by a visitor that finds every cell DONE. A cell is DONE when the last of its two visitors, waker
 *                     and waiter, has left it, so nobody will come back
 *   DEAD -> FREE      by the sweeper. One thread at a time sweeps, under a flag; who finds the flag taken leaves a note
 *                     for its holder and goes on. The last segment of the list is never unlinked
 *
 * Sources: the segment list with removal in the middle is Kotlin's (kotlinx.coroutines,
 * ConcurrentLinkedList.kt; Koval, Khyzha, Alistarh, "CQS", PLDI 2023), without its garbage collector; the
 * retirement by the last visitor is crossbeam's (SegQueue), with a look at all cells in place of a mark in
 * each. */
#ifndef ROUSE_DETAIL_SEGMENTS_H
#define ROUSE_DETAIL_SEGMENTS_H

#include "../config.h"
#include "atomic.h"
#include "platform.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#ifndef ROUSE_MALLOC
#    define ROUSE_MALLOC(size)  malloc(size)
#    define ROUSE_FREE(pointer) free(pointer)
#endif

/* ---- tickets ------------------------------------------------------------------------------------------- */

#define ROUSE_TICKETS_ 0x7fffffffu /* tickets count modulo 2^31 */

static inline uint32_t rouse_ticket_add_(uint32_t ticket, uint32_t n) {
    return (ticket + n) & ROUSE_TICKETS_;
}
/* How far `to` lies beyond `from`, negative if behind. Linked segments lie between a segment that a stopped
 * thread keeps from being retired and one that a request has appended: what is queued spans ROUSE_MAX_LACK, 3
 * * 2^28, and a segment, which leaves 2^28 on either side of the half circle. */
static inline int32_t rouse_ticket_distance_(uint32_t from, uint32_t to) {
    const uint32_t forward = (to - from) & ROUSE_TICKETS_;
    return forward < 0x40000000u ? (int32_t)forward
                                 : (int32_t)((int64_t)forward - (int64_t)ROUSE_TICKETS_ - 1);
}
static inline uint32_t rouse_base_(uint32_t ticket) {
    return ticket & ~(uint32_t)(ROUSE_SEGMENT_CELLS - 1);
}
static inline uint32_t rouse_cell_(uint32_t ticket) {
    return ticket & (uint32_t)(ROUSE_SEGMENT_CELLS - 1);
}

/* ---- cells -------------------------------------------------------------------------------------------------
 *
 * One waiter, at most one waker and at most one canceller ever meet in a cell:
 *
 *     EMPTY --- waiter ---> w ---------- waker ---> DONE        the waker owns w: it stores the outcome, calls wake
 *       |                   |
 *       |                   +-- cancel --> CANCELLED - waker -> DONE   the waker served nobody: it serves the next
 *       |
 *       +------ waker ---> TOKEN ------- waiter --> DONE        served before it could sleep: the wait returns at once
 *       |
 *       +------ waiter withdraws ---> CANCELLED                 add_waiter_if, its second look said yes
 *
 * Who wins the cell owns the waiter, and nobody looks into a waiter without having won its cell: a cancelled waiter's
 * memory is free at once. A pointer to a waiter has its two low bits clear. */
#define ROUSE_CELL_EMPTY_        ((uintptr_t)0)
#define ROUSE_CELL_CANCELLED_    ((uintptr_t)1)
#define ROUSE_CELL_DONE_         ((uintptr_t)5)
#define ROUSE_CELL_TOKEN_        ((uintptr_t)2) /* + 4 * cap: by a wake that may store up to cap */
#define ROUSE_CELL_TOKEN_ALL_    ((uintptr_t)3)
#define ROUSE_CELL_TOKEN_CLOSED_ ((uintptr_t)7)

static inline bool rouse_cell_is_waiter_(uintptr_t cell) {
    return cell != ROUSE_CELL_EMPTY_ && (cell & 3) == 0;
}
/* The token of a wake_all or a close, whose permits are gifts: not the waiter's credit, and not handed on. */
static inline bool rouse_token_is_gift_(uintptr_t token) {
    return (token & 3) == ROUSE_CELL_TOKEN_ALL_;
}

enum {
    ROUSE_SEGMENT_FREE_,
    ROUSE_SEGMENT_FRESH_,
    ROUSE_SEGMENT_LIVE_,
    ROUSE_SEGMENT_ENTERED_,
    ROUSE_SEGMENT_CLOSING_,
    ROUSE_SEGMENT_DEAD_,
    ROUSE_SEGMENT_PARKED_
};

typedef struct rouse_segment_ {
    rouse_atomic_u64_ state_; /* base * 8 + one of the above                                      */
    rouse_atomic_u64_ next_;  /* own base * 2^32 + index of the next segment, 0: it is the last   */
    rouse_atomic_u32_ prev_;  /* index of the one before, 0: it is the first; the sweeper's       */
    rouse_atomic_u32_ link_;  /* index of the next one in the pool, or among the dead             */
    uint32_t index_;          /* its own, from 1; never changes                                   */
    rouse_atomic_ptr_ cells_[ROUSE_SEGMENT_CELLS];
} rouse_segment_;

/* Chunk j holds 2^(j+1) segments, indices 2^(j+1) - 1 and on: growing doubles, and an index finds its segment
 * without a search. A chunk is never given back before the queue is destroyed. */
#define ROUSE_CHUNKS_ 26

typedef struct rouse_pool_ {
    rouse_atomic_u32_ first_; /* index of the first linked segment, 0: none was ever linked */
    rouse_atomic_u32_ dead_;  /* dead segments that nobody has begun to sweep, a stack      */
    rouse_atomic_u32_ sweep_; /* 0 nobody sweeps, 1 somebody does, 2 and has a note to look again */
    rouse_atomic_u32_ made_;  /* how many segments have ever been used: indices 1 ... made_ */
    rouse_atomic_u64_ free_;  /* the pool, a stack: index + 2^32 * a tag against ABA        */
    rouse_atomic_ptr_ chunks_[ROUSE_CHUNKS_];
} rouse_pool_;

static inline uint64_t rouse_segment_state_(uint32_t base, uint32_t state) {
    return (uint64_t)base * 8 + state;
}
static inline uint32_t rouse_state_base_(uint64_t state) {
    return (uint32_t)(state >> 3);
}
static inline uint32_t rouse_state_kind_(uint64_t state) {
    return (uint32_t)(state & 7);
}
/* In the list. */
static inline bool rouse_state_linked_(uint64_t state) {
    return rouse_state_kind_(state) >= ROUSE_SEGMENT_LIVE_;
}
/* In the list, and some cell of it is still to be visited. */
static inline bool rouse_state_in_use_(uint64_t state) {
    return rouse_state_linked_(state) && rouse_state_kind_(state) <= ROUSE_SEGMENT_CLOSING_;
}
static inline uint64_t rouse_segment_link_(uint32_t base, uint32_t index) {
    return ((uint64_t)base << 32) | index;
}

static inline uint32_t rouse_chunk_size_(uint32_t chunk) {
    return (uint32_t)2 << chunk;
}

static inline uint32_t rouse_chunk_of_(uint32_t index) {
#if defined(__GNUC__)
    return 30 - (uint32_t)__builtin_clz(index + 1);
#else
    uint32_t chunk = 0;
    while (index + 1 >= 2 * rouse_chunk_size_(chunk)) {
        chunk++;
    }
    return chunk;
#endif
}

static inline rouse_segment_ *rouse_segment_at_(const rouse_pool_ *pool, uint32_t index) {
    const uint32_t chunk = rouse_chunk_of_(index);
    /* E16: acquire; partner is the CAS in rouse_pool_grow_. */
    return (rouse_segment_ *)rouse_ptr_load_acquire_(&pool->chunks_[chunk]) +
           (index + 1 - rouse_chunk_size_(chunk));
}

/* ---- the pool ------------------------------------------------------------------------------------------ */

/* Pushes the stack top ... bottom, already linked among themselves. */
static inline void rouse_pool_push_(rouse_pool_ *pool, const rouse_segment_ *top, rouse_segment_ *bottom) {
    uint64_t seen = rouse_u64_load_relaxed_(&pool->free_);
    do {
        rouse_u32_store_relaxed_(&bottom->link_, (uint32_t)seen);
        /* E12: release; partner is the pop: who gets the segment sees it as its last user left it. */
    } while (!rouse_u64_cas_release_(&pool->free_, &seen, (seen & ~(uint64_t)UINT32_MAX) | top->index_));
}

static inline rouse_segment_ *rouse_pool_pop_(rouse_pool_ *pool) {
    uint64_t seen = rouse_u64_load_acquire_(&pool->free_); /* E12: to read the top's link_ */
    while ((uint32_t)seen != 0) {
        rouse_segment_ *const top = rouse_segment_at_(pool, (uint32_t)seen);
        /* It may have been popped, and be linked elsewhere: then the tag has moved and the CAS fails. */
        const uint64_t below = rouse_u32_load_relaxed_(&top->link_);
        const uint64_t tag = (seen >> 32) + 1;
        /* E12: acquire, as said in push; release, because what stays below was pushed by others before. */
        if (rouse_u64_cas_acq_rel_(&pool->free_, &seen, (tag << 32) | below)) {
            return top;
        }
    }
    return NULL;
}

/* Makes chunk `chunk`, if it is missing. False: no memory. */
static ROUSE_COLD_ bool rouse_pool_grow_(rouse_pool_ *pool, uint32_t chunk) {
    /* Relaxed: only whether it is there; who uses it loads it again (E16). */
    if (rouse_ptr_load_relaxed_(&pool->chunks_[chunk]) == NULL) {
        const uint64_t bytes = (uint64_t)rouse_chunk_size_(chunk) * sizeof(rouse_segment_);
        void *const segments = bytes <= SIZE_MAX / 2 ? ROUSE_MALLOC((size_t)bytes) : NULL;
        void *none = NULL;
        if (segments == NULL) {
            return false;
        }
        /* E16: release, for rouse_segment_at_. */
        if (!rouse_ptr_cas_release_(&pool->chunks_[chunk], &none, segments)) {
            ROUSE_FREE(segments); /* another thread was first */
        }
    }
    return true;
}

/* The pool is empty and about to grow by chunk `chunk`. If a thread is sweeping, gives it the processor before more
 * memory is asked for: it may have been preempted with segments in hand. A bounded number of times, the more the
 * larger the chunk; for it may be stopped for good: nobody waits for it. */
static ROUSE_COLD_ rouse_segment_ *rouse_pool_pop_later_(rouse_pool_ *pool, uint32_t chunk) {
    const uint32_t patience = chunk < 5 ? 16 : chunk < 15 ? (uint32_t)16 << (chunk - 5) : 16384;
    rouse_segment_ *segment = NULL;
    /* Relaxed: a hint. */
    for (uint32_t i = 0; segment == NULL && i < patience && rouse_u32_load_relaxed_(&pool->sweep_) != 0;
         i++) {
        rouse_yield_();
        segment = rouse_pool_pop_(pool);
    }
    return segment;
}

/* A segment that is this thread's alone: from the pool, or a new one. NULL: no memory. */
static inline rouse_segment_ *rouse_pool_take_(rouse_pool_ *pool) {
    rouse_segment_ *segment = rouse_pool_pop_(pool);
    uint32_t index = rouse_u32_load_relaxed_(&pool->made_);
    while (segment == NULL) {
        const uint32_t chunk = rouse_chunk_of_(index + 1);
        if (chunk >= ROUSE_CHUNKS_) {
            return NULL;
        }
        /* Relaxed: only whether it is there; who uses it loads it again (E16). */
        if (rouse_ptr_load_relaxed_(&pool->chunks_[chunk]) == NULL) {
            segment = rouse_pool_pop_later_(pool, chunk);
            if (segment != NULL) {
                return segment;
            }
            if (!rouse_pool_grow_(pool, chunk)) {
                return NULL;
            }
        }
        /* Relaxed: a number nobody else gets; the segment is published when it is linked. */
        if (rouse_u32_cas_relaxed_(&pool->made_, &index, index + 1)) {
            segment = rouse_segment_at_(pool, index + 1);
            segment->index_ = index + 1;
            rouse_u64_init_(&segment->state_, rouse_segment_state_(0, ROUSE_SEGMENT_FREE_));
            rouse_u64_init_(&segment->next_, 0);
            rouse_u32_init_(&segment->prev_, 0);
            rouse_u32_init_(&segment->link_, 0);
            for (uint32_t i = 0; i < ROUSE_SEGMENT_CELLS; i++) {
                rouse_ptr_init_(&segment->cells_[i], NULL);
            }
        } else {
            segment = rouse_pool_pop_(pool);
        }
    }
    return segment;
}

static inline rouse_pool_ *rouse_pool_new_(void) {
    rouse_pool_ *const pool = (rouse_pool_ *)ROUSE_MALLOC(sizeof(rouse_pool_));
    if (pool != NULL) {
        rouse_u32_init_(&pool->first_, 0);
        rouse_u32_init_(&pool->dead_, 0);
        rouse_u32_init_(&pool->sweep_, 0);
        rouse_u32_init_(&pool->made_, 0);
        rouse_u64_init_(&pool->free_, 0);
        for (uint32_t chunk = 0; chunk < ROUSE_CHUNKS_; chunk++) {
            rouse_ptr_init_(&pool->chunks_[chunk], NULL);
        }
    }
    return pool;
}

/* Relaxed: nobody else is here. */
static inline void rouse_pool_delete_(rouse_pool_ *pool) {
    for (uint32_t chunk = 0; chunk < ROUSE_CHUNKS_; chunk++) {
        ROUSE_FREE(rouse_ptr_load_relaxed_(&pool->chunks_[chunk]));
    }
    ROUSE_FREE(pool);
}

/* So many segments in all, linked ones included. False: no memory. */
static inline bool rouse_pool_reserve_(rouse_pool_ *pool, uint64_t segments) {
    uint64_t total = 0;
    if (segments > 2 * (uint64_t)rouse_chunk_size_(ROUSE_CHUNKS_ - 1) - 2) {
        return false; /* more than there can be */
    }
    for (uint32_t chunk = 0; chunk < ROUSE_CHUNKS_ && total < segments; chunk++) {
        if (!rouse_pool_grow_(pool, chunk)) {
            return false;
        }
        total += rouse_chunk_size_(chunk);
    }
    return total >= segments;
}

/* ---- out of the list ----------------------------------------------------------------------------------- */

/* The sweeper's: takes a dead segment out of the list and gives it to the pool. */
static inline void rouse_segment_unlink_(rouse_pool_ *pool, rouse_segment_ *dead) {
    const uint32_t base = rouse_state_base_(rouse_u64_load_relaxed_(&dead->state_));
    /* E11: acquire; the segment behind was published by the CAS that linked it. */
    uint64_t next = rouse_u64_load_acquire_(&dead->next_);
    uint32_t before;
    if ((uint32_t)next == 0) {
        /* E15: seq_cst on both sides. Here: "say PARKED, then look for a successor"; the appender: "link the
         * successor, then look for PARKED". One of the two sees the other; with less, neither need, and the
         * segment would stay for ever. */
        uint64_t parked = rouse_segment_state_(base, ROUSE_SEGMENT_DEAD_);
        (void)rouse_u64_cas_seq_cst_(&dead->state_, &parked,
                                     rouse_segment_state_(base, ROUSE_SEGMENT_PARKED_));
        next = rouse_u64_load_seq_cst_(&dead->next_);
        if ((uint32_t)next == 0) {
            return;
        }
        parked = rouse_segment_state_(base, ROUSE_SEGMENT_PARKED_);
        if (!rouse_u64_cas_seq_cst_(&dead->state_, &parked,
                                    rouse_segment_state_(base, ROUSE_SEGMENT_DEAD_))) {
            return; /* the appender has it, and will bury it again */
        }
    }
    before = rouse_u32_load_relaxed_(&dead->prev_); /* written under the flag, or before it was linked */
    /* E11: release; partners are the walkers, who go on to read the successor. */
    if (before == 0) {
        rouse_u32_store_release_(&pool->first_, (uint32_t)next);
    } else {
        rouse_segment_ *const prev = rouse_segment_at_(pool, before);
        const uint32_t prev_base = rouse_state_base_(rouse_u64_load_relaxed_(&prev->state_));
        rouse_u64_store_release_(&prev->next_, rouse_segment_link_(prev_base, (uint32_t)next));
    }
    rouse_u32_store_relaxed_(&rouse_segment_at_(pool, (uint32_t)next)->prev_, before);
    /* E11: release; a walker that reads FREE, or a later base, sees that the list has left this segment out.
     */
    rouse_u64_store_release_(&dead->state_, rouse_segment_state_(base, ROUSE_SEGMENT_FREE_));
    rouse_pool_push_(pool, dead, dead);
}

/* Hands a dead segment to the sweeper, or becomes it. */
static ROUSE_SLOW_ void rouse_segment_bury_(rouse_pool_ *pool, rouse_segment_ *dead) {
    uint32_t sweeping = 0;
    /* E13: acquire what the flag's last holder did to the list. */
    if (rouse_u32_cas_acq_rel_(&pool->sweep_, &sweeping, 1)) {
        rouse_segment_unlink_(pool, dead);
    } else {
        uint32_t seen = rouse_u32_load_relaxed_(&pool->dead_);
        do {
            rouse_u32_store_relaxed_(&dead->link_, seen);
            /* E13: release; partner is the sweeper's exchange, which goes on to read link_. */
        } while (!rouse_u32_cas_release_(&pool->dead_, &seen, dead->index_));
        /* E13: acq_rel. The note carries the push before it to the flag's holder; or this takes the flag
         * after all. */
        if (rouse_u32_swap_acq_rel_(&pool->sweep_, 2) != 0) {
            return;
        }
    }
    for (;;) {
        uint32_t index;
        sweeping = 1;
        /* E13: release, for the next holder; fails if a note has come. */
        if (rouse_u32_cas_acq_rel_(&pool->sweep_, &sweeping, 0)) {
            return;
        }
        (void)rouse_u32_swap_acq_rel_(&pool->sweep_, 1); /* E13: reads the notes that it wipes out */
        index = rouse_u32_swap_acq_rel_(&pool->dead_, 0);
        while (index != 0) {
            rouse_segment_ *const segment = rouse_segment_at_(pool, index);
            index = rouse_u32_load_relaxed_(&segment->link_); /* before it goes to the pool */
            rouse_segment_unlink_(pool, segment);
        }
    }
}

/* Is every cell `all`? seq_cst, E10: see the callers. */
static inline bool rouse_segment_full_of_(const rouse_segment_ *segment, uintptr_t all) {
    for (uint32_t i = 0; i < ROUSE_SEGMENT_CELLS; i++) {
        if ((uintptr_t)rouse_ptr_load_seq_cst_(&segment->cells_[i]) != all) {
            return false;
        }
    }
    return true;
}

/* A cell of this segment has just become `all` by a seq_cst read-modify-write of this thread, who then has read its
 * state: if all are, and the segment is still in the state where that ends it, end it.
 *   DONE, in CLOSING:     retired. Every cell has had its last visitor.
 *   CANCELLED, in LIVE:   removed. No waker has entered, and none can any more.
 * The segment may be recycled already: then its base has moved on, and the CAS fails whatever the cells said.
 *
 * E10: seq_cst. Visitors write their cell, then read the state and the other cells; the last of them must see
 * all. Of two visitors that finish together, one at least sees the other's cell; and a visitor that read the
 * state before CLOSING wrote its cell before that, so who came after CLOSING sees it. With acquire and
 * release both may miss. */
static ROUSE_SLOW_ void rouse_segment_try_end_(rouse_pool_ *pool, rouse_segment_ *segment, uint64_t state,
                                               uintptr_t all) {
    const uint64_t dead = rouse_segment_state_(rouse_state_base_(state), ROUSE_SEGMENT_DEAD_);
    if (rouse_segment_full_of_(segment, all) && rouse_u64_cas_seq_cst_(&segment->state_, &state, dead)) {
        rouse_segment_bury_(pool, segment);
    }
}

/* ---- into the list ------------------------------------------------------------------------------------- */

/* Links a segment for `base` behind `last` (NULL: as the first). False: no memory. True: it, or another
 * thread's, is there, or the list has moved on. */
static ROUSE_SLOW_ bool rouse_segment_append_(rouse_pool_ *pool, rouse_segment_ *last, uint32_t base) {
    const uint32_t last_base = base - ROUSE_SEGMENT_CELLS;
    rouse_segment_ *const fresh = rouse_pool_take_(pool);
    uint64_t state = rouse_segment_state_(base, ROUSE_SEGMENT_FRESH_);
    bool linked;
    if (fresh == NULL) {
        return false;
    }
    for (uint32_t i = 0; i < ROUSE_SEGMENT_CELLS; i++) {
        rouse_ptr_store_relaxed_(&fresh->cells_[i], NULL);
    }
    rouse_u32_store_relaxed_(&fresh->prev_, last == NULL ? 0 : last->index_);
    rouse_u64_store_relaxed_(&fresh->next_, rouse_segment_link_(base, 0));
    /* E11: release; a stale walker that meets the new base here sees that the segment had left the list. */
    rouse_u64_store_release_(&fresh->state_, state);
    /* E11: release in the CAS that links: who finds the segment finds it ready. The expected value names its
     * owner, so it fails if `last` has a successor, or has been recycled. seq_cst: E15. */
    if (last == NULL) {
        uint32_t none = 0;
        linked = rouse_u32_cas_seq_cst_(&pool->first_, &none, fresh->index_);
    } else {
        uint64_t end = rouse_segment_link_(last_base & ROUSE_TICKETS_, 0);
        linked = rouse_u64_cas_seq_cst_(&last->next_, &end,
                                        rouse_segment_link_(last_base & ROUSE_TICKETS_, fresh->index_));
    }
    if (!linked) {
        rouse_u64_store_relaxed_(&fresh->state_, rouse_segment_state_(base, ROUSE_SEGMENT_FREE_));
        rouse_pool_push_(pool, fresh, fresh);
        return true;
    }
    (void)rouse_u64_cas_acq_rel_(&fresh->state_, &state, rouse_segment_state_(base, ROUSE_SEGMENT_LIVE_));
    if (last != NULL) {
        uint64_t parked = rouse_segment_state_(last_base & ROUSE_TICKETS_, ROUSE_SEGMENT_PARKED_);
        /* E15: the appender's half. */
        if (rouse_u64_load_seq_cst_(&last->state_) == parked &&
            rouse_u64_cas_seq_cst_(&last->state_, &parked,
                                   parked - ROUSE_SEGMENT_PARKED_ + ROUSE_SEGMENT_DEAD_)) {
            rouse_segment_bury_(pool, last);
        }
    }
    return true;
}

/* ---- through the list ---------------------------------------------------------------------------------- */

/* A step of a walk. */
typedef struct rouse_walk_ {
    rouse_segment_ *at; /* NULL: before the first */
    uint64_t state;     /* of `at`, as read        */
} rouse_walk_;

static inline uint32_t rouse_walk_link_(const rouse_pool_ *pool, const rouse_walk_ *walk, uint64_t *link) {
    /* E11: acquire; partners are append and unlink. */
    *link =
        walk->at == NULL ? rouse_u32_load_acquire_(&pool->first_) : rouse_u64_load_acquire_(&walk->at->next_);
    return (uint32_t)*link;
}

/* Goes to the next segment. False: nothing there (at the end), or what was read does not hold together any
 * more (*again: start over). The link is read again after the next segment's state: if it is unchanged and
 * `at` still in the list, the two stood side by side in between, whatever was recycled before or after. A
 * dead segment that is still linked is walked through, so a stopped sweeper stops nobody. */
static inline bool rouse_walk_step_(const rouse_pool_ *pool, rouse_walk_ *walk, bool *again) {
    uint64_t link;
    uint64_t check;
    const uint32_t index = rouse_walk_link_(pool, walk, &link);
    rouse_walk_ next;
    *again = false;
    if (walk->at != NULL && (uint32_t)(link >> 32) != rouse_state_base_(walk->state)) {
        *again = true;
        return false;
    }
    if (index == 0) {
        return false;
    }
    next.at = rouse_segment_at_(pool, index);
    next.state = rouse_u64_load_acquire_(&next.at->state_); /* E11 */
    (void)rouse_walk_link_(pool, walk, &check);
    if (check != link) {
        *again = true;
        return false;
    }
    if (walk->at != NULL) {
        /* E11: acquire, as above. */
        const uint64_t state = rouse_u64_load_acquire_(&walk->at->state_);
        if (rouse_state_base_(state) != rouse_state_base_(walk->state) ||
            rouse_state_kind_(state) == ROUSE_SEGMENT_FREE_) {
            *again = true;
            return false;
        }
    }
    if (rouse_state_kind_(next.state) == ROUSE_SEGMENT_FRESH_) {
        /* It is linked, so it is LIVE; its appender has not said so yet. */
        const uint64_t live = rouse_segment_state_(rouse_state_base_(next.state), ROUSE_SEGMENT_LIVE_);
        if (rouse_u64_cas_acq_rel_(&next.at->state_, &next.state, live)) {
            next.state = live;
        }
    }
    if (!rouse_state_linked_(next.state)) {
        *again = true;
        return false;
    }
    *walk = next;
    return true;
}

/* The linked segment for `base`; NULL: it has been taken out, *beyond is the base of the first linked one
 * behind. `from`: where to begin if it stands before that (NULL, or any segment ever linked: a hint). */
static ROUSE_SLOW_ rouse_segment_ *rouse_segment_find_(const rouse_pool_ *pool, rouse_segment_ *from,
                                                       uint32_t base, uint64_t *state, uint32_t *beyond) {
    rouse_walk_ walk = {from, 0};
    bool again;
    if (from != NULL) {
        /* E11: acquire, as in a step. */
        walk.state = rouse_u64_load_acquire_(&from->state_);
        if (!rouse_state_linked_(walk.state) ||
            rouse_ticket_distance_(rouse_state_base_(walk.state), base) <= 0) {
            walk.at = NULL;
        }
    }
    for (;;) {
        while (rouse_walk_step_(pool, &walk, &again)) {
            const uint32_t here = rouse_state_base_(walk.state);
            if (here == base) {
                *state = walk.state;
                return walk.at;
            }
            if (rouse_ticket_distance_(base, here) > 0) {
                *beyond = here;
                return NULL;
            }
        }
        walk.at = NULL;
    }
}

#endif /* ROUSE_DETAIL_SEGMENTS_H */
