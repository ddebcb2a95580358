/* rouse/detail/queue/lockfree/segments.h: the cells of the LOCKFREE queue: segments, their list, their pool.
 * Internal.
 *
 * Ticket t lives in cell t mod K of the segment whose base is t - t mod K (K = ROUSE_SEGMENT_CELLS). Linked
 * segments form a list in the order of their bases. An appended segment gets a base K after the last one, so
 * there are gaps only where segments have been taken out.
 *
 * Segments are type-stable: once made, a segment belongs to the pool of its queue until the queue is
 * destroyed. So a thread can always follow a stale pointer. The base shows it that the segment is another one
 * now. Base and state share one atomic word, and no base is used twice.
 *
 * The life of a segment:
 *
 *     FRESH ----------> LIVE ----------> marked --------> FRESH
 *      in the pool, or   every cell       in its own       cut out of the list,
 *      being linked      is final         link             in the pool
 *
 *   FRESH -> LIVE    after the compare-and-swap that links the segment, by the appender or by any thread that
 *                    finds it in the list. Only here does it get its base: the one after its neighbour's
 *   LIVE -> marked   by a visitor that finds every cell final, anywhere in the list. The last segment is
 *                    never marked: the appender that gives it a successor looks again
 *   marked -> FRESH  by the thread that cuts the segment out of the list: it redirects the preceding link
 *                    past it. Every walker that comes to a marked segment does that, so nobody waits for
 *                    the thread that marked it. No segment is cut before the one behind it is LIVE
 *
 * FRESH names the life, and a segment is linked at most once in a life. So a delayed FRESH-to-LIVE update
 * fails after the segment has been recycled, and only a segment of the list has a base.
 *
 * Sources. The list of segments with removal in the middle is from Kotlin (kotlinx.coroutines,
 * ConcurrentLinkedList.kt; Koval, Khyzha, Alistarh, "CQS", PLDI 2023). Harris marks a node in its own link
 * first and lets the next walker cut it ("A pragmatic implementation of non-blocking linked-lists", DISC
 * 2001). Retirement by the last visitor is from crossbeam (SegQueue); here the visitor looks at all cells
 * instead of a mark in each. */
#ifndef ROUSE_DETAIL_QUEUE_LOCKFREE_SEGMENTS_H
#define ROUSE_DETAIL_QUEUE_LOCKFREE_SEGMENTS_H

#include "../../../config.h"
#include "../../base/atomic.h"
#include "../../base/platform.h"
#include "state.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#ifndef ROUSE_MALLOC
#    define ROUSE_MALLOC(size)  malloc(size)
#    define ROUSE_FREE(pointer) free(pointer)
#endif

ROUSE_INLINE_ uint64_t rouse_segment_base_of_(uint64_t ticket) {
    return ticket & ~(uint64_t)(ROUSE_SEGMENT_CELLS - 1);
}

typedef struct rouse_cell_ {
    rouse_atomic_u64_ word_;   /* state.h                                                          */
    rouse_atomic_ptr_ waiter_; /* valid from ARRIVED on; the waiter writes it before it arrives     */
#ifdef ROUSE_STATS
    rouse_atomic_u64_ since_; /* likewise: when the waiter queued                                  */
#endif
} rouse_cell_;

enum { ROUSE_SEGMENT_FRESH_, ROUSE_SEGMENT_LIVE_ };

typedef struct rouse_segment_ {
    rouse_atomic_u64_ state_; /* base * 2 + LIVE, or life * 2 + FRESH                             */
    rouse_atomic_u64_ next_;  /* the link to the next segment (see "The packed words")            */
    rouse_atomic_u64_ from_;  /* a ticket: this segment's cells before it are resolved; a hint    */
    uint64_t life_;           /* how often it has been made ready; the thread that popped it owns this */
    rouse_atomic_u32_ prev_;  /* index of the segment before it, 0 if it is the first; a hint     */
    rouse_atomic_u32_ link_;  /* index of the next one in the pool                                */
    uint32_t index_;          /* its own, from 1; never changes                                   */
    struct rouse_pool_ *pool_;
    rouse_cell_ cells_[ROUSE_SEGMENT_CELLS];
} rouse_segment_;

/* Chunks 4 j to 4 j + 3 hold 2^j segments each. So the pool grows by a quarter at a time, and never has more
 * than 5/4 of the most it needed. An index finds its segment without a search. A chunk stays allocated until
 * the queue is destroyed. */
#define ROUSE_CHUNKS_        100
#define ROUSE_SEGMENTS_MOST_ (4 * (((uint64_t)1 << (ROUSE_CHUNKS_ / 4)) - 1))

typedef struct rouse_pool_ {
    rouse_atomic_u64_ first_; /* the link to the first segment                              */
    rouse_atomic_u64_ free_;  /* the pool, a stack: index + 2^27 * a tag against ABA        */
    uint64_t origin_;         /* the base of the first segment ever                         */
    rouse_atomic_u32_ made_;  /* how many segments have ever been used: indices 1 ... made_ */
    struct rouse_waiter_queue *queue_;
    rouse_atomic_ptr_ tail_;    /* the segment that a waiter last queued in; a hint          */
    rouse_atomic_ptr_ invited_; /* throughput mode: the cell whose waiter was invited last; a hint */
    rouse_atomic_u64_ carried_; /* likewise: open.h                                          */
    rouse_atomic_u64_ entered_;
    rouse_atomic_ptr_ chunks_[ROUSE_CHUNKS_];
} rouse_pool_;

ROUSE_INLINE_ uint64_t rouse_segment_state_(uint64_t base, uint32_t kind) {
    return base * 2 + kind;
}
ROUSE_INLINE_ uint64_t rouse_segment_base_(uint64_t state) {
    return state / 2;
}
ROUSE_INLINE_ bool rouse_segment_fresh_(uint64_t state) {
    return (state & 1) == ROUSE_SEGMENT_FRESH_;
}
/* LIVE, with this base: the segment is in the list, or has just been cut out of it. Its link tells which: a
 * marked link has left the list. */
ROUSE_INLINE_ bool rouse_segment_is_(uint64_t state, uint64_t base) {
    return state == rouse_segment_state_(base, ROUSE_SEGMENT_LIVE_);
}
ROUSE_INLINE_ rouse_cell_ *rouse_segment_cell_(rouse_segment_ *segment, uint64_t ticket) {
    return &segment->cells_[(uint32_t)ticket & (uint32_t)(ROUSE_SEGMENT_CELLS - 1)];
}

/* The packed words:
 *
 *   word                        bits 63 ...                  then                     the lowest
 *   next_, first_: a link       28-63 version                1-27 index               0 mark
 *   free_: the pool's top       27-63 tag                    0-26 index
 *   state_                      1-63 base; FRESH: life                                0 kind
 *
 * Index 0: there is no next segment. Marked: the segment that holds this link leaves the list, and the link
 * no longer changes. The version (36 bits) changes with every change of a link, and continues from one life
 * of a segment to the next. A thread that has read the same link twice knows that it did not change in
 * between. A compare-and-swap of a link that has changed fails. */
#define ROUSE_LINK_INDEX_ 0x7ffffffu

ROUSE_INLINE_ uint32_t rouse_link_index_(uint64_t link) {
    return (uint32_t)(link >> 1) & ROUSE_LINK_INDEX_;
}
ROUSE_INLINE_ bool rouse_link_marked_(uint64_t link) {
    return (link & 1) != 0;
}
/* The value of `link` after it has been redirected to `index`. */
ROUSE_INLINE_ uint64_t rouse_link_to_(uint64_t link, uint32_t index) {
    return (((link >> 28) + 1) << 28) | ((uint64_t)index << 1);
}

ROUSE_INLINE_ uint32_t rouse_chunk_size_(uint32_t chunk) {
    return (uint32_t)1 << (chunk / 4);
}

/* The highest bit of index + 3 is at j + 2. The two bits below it tell the four chunks of the same size
 * apart. */
ROUSE_INLINE_ uint32_t rouse_chunk_of_(uint32_t index) {
#if defined(__GNUC__)
    const uint32_t j = 29 - (uint32_t)__builtin_clz(index + 3);
#else
    uint32_t j = 0;
    while ((index + 3) >> j >= 8) {
        j++;
    }
#endif
    return 4 * j + ((index + 3) >> j) - 4;
}

ROUSE_INLINE_ rouse_segment_ *rouse_segment_at_(const rouse_pool_ *pool, uint32_t index) {
    const uint32_t chunk = rouse_chunk_of_(index);
    /* E16: acquire. The partner is the CAS in rouse_pool_reserve_. */
    return (rouse_segment_ *)rouse_ptr_load_acquire_(&pool->chunks_[chunk]) +
           ((index + 3) & (rouse_chunk_size_(chunk) - 1));
}

/* ---- the pool ------------------------------------------------------------------------------------------ */

/* free_: (tag, top) -> (tag, segment). The segment's link_ becomes top. */
ROUSE_INLINE_ void rouse_pool_push_(rouse_pool_ *pool, rouse_segment_ *segment) {
    uint64_t seen = rouse_u64_load_relaxed_(&pool->free_);
    do {
        rouse_u32_store_relaxed_(&segment->link_, (uint32_t)seen & ROUSE_LINK_INDEX_);
        /* E12: release. The partner is the pop, whose thread sees the segment as its last user left it. */
    } while (!rouse_u64_cas_release_(&pool->free_, &seen,
                                     (seen & ~(uint64_t)ROUSE_LINK_INDEX_) | segment->index_));
}

/* free_: (tag, top) -> (tag + 1, the segment below top). Returns top. Empty: unchanged, NULL. */
ROUSE_INLINE_ rouse_segment_ *rouse_pool_pop_(rouse_pool_ *pool) {
    uint64_t seen = rouse_u64_load_acquire_(&pool->free_); /* E12: acquire, to read the top's link_ */
    while (((uint32_t)seen & ROUSE_LINK_INDEX_) != 0) {
        rouse_segment_ *const top = rouse_segment_at_(pool, (uint32_t)seen & ROUSE_LINK_INDEX_);
        /* Another thread may have popped it and linked it elsewhere. Then the tag has changed and the CAS
         * fails. */
        const uint64_t below = rouse_u32_load_relaxed_(&top->link_);
        const uint64_t tag = (seen >> 27) + 1;
        /* E12: acquire; the partner is the push. Release is more than is needed: the push of the segment
         * below top heads a release sequence, and this CAS continues it. */
        if (rouse_u64_cas_acq_rel_(&pool->free_, &seen, (tag << 27) | below)) {
            return top;
        }
    }
    return NULL;
}

/* Allocates chunks until the pool has `segments` segments, the linked ones included. Returns false if there
 * is no memory; then it keeps none of the new chunks. A chunk is stored after those before it, so where one
 * is there, those are as well. */
ROUSE_COLD_ bool rouse_pool_reserve_(rouse_pool_ *pool, uint64_t segments) {
    void *chunks[ROUSE_CHUNKS_];
    uint32_t count = 0;
    bool all = segments <= ROUSE_SEGMENTS_MOST_;
    for (uint64_t total = 0; all && total < segments; count++) {
        const uint64_t bytes = (uint64_t)rouse_chunk_size_(count) * sizeof(rouse_segment_);
        total += rouse_chunk_size_(count);
        chunks[count] = NULL;
        /* Relaxed: this asks only whether the chunk is there. A user loads the pointer again (E16). */
        if (rouse_ptr_load_relaxed_(&pool->chunks_[count]) == NULL) {
            chunks[count] = bytes <= SIZE_MAX / 2 ? ROUSE_MALLOC((size_t)bytes) : NULL;
            all = chunks[count] != NULL;
        }
    }
    for (uint32_t i = 0; i < count; i++) {
        void *none = NULL;
        /* E16: release; the partners are rouse_segment_at_ and rouse_pool_has_. False: another thread was
         * first. */
        if (chunks[i] != NULL && (!all || !rouse_ptr_cas_release_(&pool->chunks_[i], &none, chunks[i]))) {
            ROUSE_FREE(chunks[i]);
        }
    }
    return all;
}

/* Has the pool as many segments, the linked ones included? */
ROUSE_INLINE_ bool rouse_pool_has_(const rouse_pool_ *pool, uint64_t segments) {
    /* E16: acquire, so that this thread finds the chunks before it as well. The partner is the CAS in
     * rouse_pool_reserve_. */
    return segments <= ROUSE_SEGMENTS_MOST_ &&
           rouse_ptr_load_acquire_(&pool->chunks_[rouse_chunk_of_((uint32_t)segments)]) != NULL;
}

/* Returns a segment that belongs to this thread alone: one from the pool, or a new one. NULL: no memory. */
ROUSE_INLINE_ rouse_segment_ *rouse_pool_take_(rouse_pool_ *pool) {
    uint32_t index = rouse_u32_load_relaxed_(&pool->made_);
    rouse_segment_ *segment;
    while ((segment = rouse_pool_pop_(pool)) == NULL) {
        /* Relaxed: this asks only whether the chunk is there. */
        if (index >= ROUSE_SEGMENTS_MOST_ ||
            (rouse_ptr_load_relaxed_(&pool->chunks_[rouse_chunk_of_(index + 1)]) == NULL &&
             !rouse_pool_reserve_(pool, index + 1))) {
            return NULL;
        }
        /* Relaxed: no other thread gets this number, and the CAS that links the segment publishes it. */
        if (rouse_u32_cas_relaxed_(&pool->made_, &index, index + 1)) {
            segment = rouse_segment_at_(pool, index + 1);
            memset((void *)segment, 0, sizeof *segment); /* FRESH, life 0; its cells come with life 1 */
            segment->index_ = index + 1;
            segment->pool_ = pool;
            break;
        }
    }
    return segment;
}

ROUSE_INLINE_ rouse_pool_ *rouse_pool_new_(uint64_t origin) {
    rouse_pool_ *const pool = (rouse_pool_ *)ROUSE_MALLOC(sizeof(rouse_pool_));
    if (pool != NULL) {
        memset((void *)pool, 0, sizeof *pool);
        pool->origin_ = origin;
    }
    return pool;
}

/* Relaxed: no other thread uses the pool. The chunks that it has are the first ones (rouse_pool_reserve_). */
ROUSE_INLINE_ void rouse_pool_delete_(rouse_pool_ *pool) {
    for (uint32_t i = 0; i < ROUSE_CHUNKS_ && rouse_ptr_load_relaxed_(&pool->chunks_[i]) != NULL; i++) {
        ROUSE_FREE(rouse_ptr_load_relaxed_(&pool->chunks_[i]));
    }
    ROUSE_FREE(pool);
}

/* ---- through the list ---------------------------------------------------------------------------------- */

/* The place that a walk has reached: a segment that is linked and not marked. */
typedef struct rouse_walk_ {
    rouse_segment_ *at; /* NULL: the walk is before the first segment                  */
    uint64_t next;      /* the base of a segment that is appended here                 */
    uint64_t link;      /* the link of `at`, or first_, read while `at` was in the list */
} rouse_walk_;

ROUSE_INLINE_ rouse_atomic_u64_ *rouse_walk_link_(rouse_pool_ *pool, const rouse_walk_ *walk) {
    return walk->at == NULL ? &pool->first_ : &walk->at->next_;
}
/* Is the walk at `base` or behind it? */
ROUSE_INLINE_ bool rouse_walk_reaches_(const rouse_walk_ *walk, uint64_t base) {
    return walk->at != NULL && walk->next > base;
}

/* Begins at `from`, if that is in the list and before `base`. Otherwise begins before the first segment.
 * `from` is a hint: NULL, or any segment ever linked. The state is read again after the link. If it is
 * unchanged, the link belongs to the life that the state names. */
ROUSE_INLINE_ rouse_walk_ rouse_walk_from_(rouse_pool_ *pool, rouse_segment_ *from, uint64_t base) {
    rouse_walk_ walk;
    walk.at = from;
    if (from != NULL) {
        const uint64_t state = rouse_u64_load_acquire_(&from->state_); /* E11: acquire, as below */
        walk.next = rouse_segment_base_(state) + ROUSE_SEGMENT_CELLS;
        /* E11: acquire. The partner is the release store of a new life's link. A thread that reads the new
         * link also sees the segment's new state. */
        walk.link = rouse_u64_load_acquire_(&from->next_);
        if (!rouse_segment_fresh_(state) && walk.next <= base && !rouse_link_marked_(walk.link) &&
            rouse_u64_load_acquire_(&from->state_) == state) {
            return walk;
        }
    }
    walk.at = NULL;
    walk.next = pool->origin_;
    walk.link = rouse_u64_load_acquire_(&pool->first_); /* E11: acquire; the CAS that links is the partner */
    return walk;
}

/* Makes `next` LIVE. `next` is in the list: the link of a segment that is not cut yet leads to it.
 *
 *     FRESH, this life     ->  LIVE with `base`    true
 *     LIVE, `base`         ->  unchanged           true: another thread was first
 *     anything else        ->  unchanged           false: the segment is marked and cut, or in another life
 *
 * E11: release, for the threads that read the state. Acquire, to learn what the state is if the CAS fails.
 * FRESH names the life, so the CAS fails in every other life. */
ROUSE_INLINE_ bool rouse_segment_live_(rouse_segment_ *next, uint64_t state, uint64_t base) {
    return rouse_u64_cas_acq_rel_(&next->state_, &state, rouse_segment_state_(base, ROUSE_SEGMENT_LIVE_)) ||
           rouse_segment_is_(state, base);
}

/* Redirects the link under the walk past the marked segment that it leads to. `marked` is that segment, as
 * read.
 *
 *     the one behind            FRESH                      ->  LIVE
 *     the link under the walk   leads to the marked one    ->  leads to the one behind, version + 1
 *     the marked one            in nobody's hands          ->  pushed to the pool
 *
 * True: all three. False: another thread has cut it, or the segment under the walk has been marked. */
ROUSE_INLINE_ bool rouse_walk_cut_(rouse_pool_ *pool, rouse_walk_ *walk, const rouse_walk_ *marked) {
    rouse_segment_ *const behind = rouse_segment_at_(pool, rouse_link_index_(marked->link));
    const uint64_t cut = rouse_link_to_(walk->link, behind->index_);
    uint64_t expected = walk->link;
    /* E11: acquire, twice. The base of the segment behind is known only from the marked one, so it must be
     * LIVE first. If the link under the walk is still the same, neither the marked segment nor the one behind
     * it has been cut. */
    const uint64_t state = rouse_u64_load_acquire_(&behind->state_);
    if (rouse_segment_fresh_(state) && (rouse_u64_load_acquire_(rouse_walk_link_(pool, walk)) != walk->link ||
                                        !rouse_segment_live_(behind, state, marked->next))) {
        return false;
    }
    /* E11: release. The partners are the walkers, which then read the segment behind. */
    if (!rouse_u64_cas_release_(rouse_walk_link_(pool, walk), &expected, cut)) {
        return false;
    }
    walk->link = cut;
    /* Relaxed: a hint. */
    rouse_u32_store_relaxed_(&behind->prev_, walk->at == NULL ? 0 : walk->at->index_);
    /* Relaxed: a hint that the segment holds nothing. A thread that does not see it yet finds final cells. */
    rouse_u64_store_relaxed_(&marked->at->state_, rouse_segment_state_(0, ROUSE_SEGMENT_FRESH_));
    rouse_pool_push_(pool, marked->at);
    return true;
}

/* Goes to the next segment, and cuts marked ones out on the way. Returns false if there is no next one. If
 * what it read does not fit together any more, it starts again before the first segment: then another thread
 * has made progress. It reads the link under the walk again, after the next segment's link and state. If the
 * version is unchanged, that link led there all the time, so the next segment was in the list when its words
 * were read. */
ROUSE_INLINE_ bool rouse_walk_step_(rouse_pool_ *pool, rouse_walk_ *walk) {
    while (rouse_link_index_(walk->link) != 0) {
        uint64_t state;
        rouse_walk_ next;
        next.at = rouse_segment_at_(pool, rouse_link_index_(walk->link));
        /* E13: acquire, for the mark. The segment behind a marked one is LIVE. E11: acquire; the partners are
         * the CAS that appends, the CAS that cuts and the CAS that makes a segment LIVE. */
        next.link = rouse_u64_load_acquire_(&next.at->next_);
        state = rouse_u64_load_acquire_(&next.at->state_);
        next.next =
            (rouse_segment_fresh_(state) ? walk->next : rouse_segment_base_(state)) + ROUSE_SEGMENT_CELLS;
        if (rouse_u64_load_acquire_(rouse_walk_link_(pool, walk)) == walk->link) {
            if (rouse_link_marked_(next.link)) {
                if (rouse_walk_cut_(pool, walk, &next)) {
                    continue;
                }
            } else if (!rouse_segment_fresh_(state) || rouse_segment_live_(next.at, state, walk->next)) {
                *walk = next;
                return true;
            }
        }
        *walk = rouse_walk_from_(pool, NULL, 0);
    }
    return false;
}

/* Returns the first linked segment at *base or behind it, and stores its base in *base. NULL: there is none.
 * `from` is a hint where to begin. */
ROUSE_SLOW_ rouse_segment_ *rouse_segment_find_(rouse_pool_ *pool, rouse_segment_ *from, uint64_t *base) {
    rouse_walk_ walk = rouse_walk_from_(pool, from, *base);
    while (!rouse_walk_reaches_(&walk, *base)) {
        if (!rouse_walk_step_(pool, &walk)) {
            return NULL;
        }
    }
    *base = walk.next - ROUSE_SEGMENT_CELLS;
    return walk.at;
}

/* ---- out of the list ----------------------------------------------------------------------------------- */

/* Is the cell of this ticket final? The index wraps around: the neighbour of the segment's last cell is its
 * first. E10: seq_cst; rouse_segment_end_ says why. */
ROUSE_INLINE_ bool rouse_segment_final_(rouse_segment_ *segment, uint64_t ticket) {
    return rouse_cell_final_(rouse_u64_load_seq_cst_(&rouse_segment_cell_(segment, ticket)->word_));
}

/* Takes a segment out of the list if all its cells are final. The caller is one of two threads: it has just
 * made the cell of `ticket` final with a seq_cst read-modify-write, or it has linked another segment behind
 * this one.
 *
 *     LIVE, another behind it    ->  its own link marked, version + 1; then rouse_walk_cut_, by any thread
 *     LIVE, the last             ->  unchanged: the thread that appends calls this again
 *     a cell is not final        ->  unchanged
 *
 * The segment may have been recycled already. Then its base has changed, or its link has a new version.
 *
 * E10: seq_cst. A visitor writes its own cell, then reads the others. The visitor whose write is last in the
 * total order must see all of them. Of two visitors that finish together, at least one sees the other's cell.
 * With acquire and release both may miss. */
ROUSE_SLOW_ void rouse_segment_end_(rouse_segment_ *segment, uint64_t ticket) {
    rouse_pool_ *const pool = segment->pool_;
    const uint64_t base = rouse_segment_base_of_(ticket);
    uint32_t before;
    rouse_walk_ marked;
    rouse_walk_ walk;
    /* E15: seq_cst on both sides. This thread makes the cell final, then looks for a successor. The appender
     * links the successor, then looks at the cells. So at least one of the two sees what the other did. With
     * weaker orders both may miss it, and the segment would stay for ever. */
    uint64_t link = rouse_u64_load_seq_cst_(&segment->next_);
    if (rouse_link_index_(link) == 0 ||
        !rouse_segment_final_(segment, ticket - 1)) { /* usually at least one holds */
        return;
    }
    for (uint32_t i = 0; i < ROUSE_SEGMENT_CELLS; i++) {
        if (!rouse_segment_final_(segment, i)) {
            return;
        }
    }
    /* Relaxed: a hint. It is read before the mark, because any thread may cut and reuse a marked segment. */
    before = rouse_u32_load_relaxed_(&segment->prev_);
    do {
        /* E11: acquire. The state is read after the link, so it shows that the link is of this life. */
        if (rouse_link_marked_(link) || !rouse_segment_is_(rouse_u64_load_acquire_(&segment->state_), base)) {
            return;
        }
        marked.link = rouse_link_to_(link, rouse_link_index_(link)) | 1;
        /* E13: release. The partner is the thread that cuts the segment and gives it to the pool: this thread
         * has acquired what every visitor did to the cells. E11: acquire, for the link that a failed CAS
         * returns while segments behind this one are being cut. */
    } while (!rouse_u64_cas_acq_rel_(&segment->next_, &link, marked.link));
    /* From here on every walker that comes to the segment cuts it. This thread is one of them. */
    walk = rouse_walk_from_(pool, before == 0 ? NULL : rouse_segment_at_(pool, before), base);
    marked.at = segment;
    marked.next = base + ROUSE_SEGMENT_CELLS;
    /* The usual case: the walk has stopped right before the segment. E11: acquire. A link in the list leads
     * to the segment, and the segment's own link is still the marked one. So the segment is still in the same
     * life. */
    if (rouse_link_index_(walk.link) != segment->index_ ||
        rouse_u64_load_acquire_(&segment->next_) != marked.link || !rouse_walk_cut_(pool, &walk, &marked)) {
        (void)rouse_segment_find_(pool, walk.at, &marked.next);
    }
}
ROUSE_INLINE_ void rouse_segment_try_end_(rouse_segment_ *segment, uint64_t ticket) {
    if (rouse_segment_final_(segment, ticket + 1)) { /* usually not, if this cell was the oldest */
        rouse_segment_end_(segment, ticket);
    }
}

/* ---- into the list ------------------------------------------------------------------------------------- */

/* Links a segment at the end of the list, where the walk is, and moves the walk to it.
 *
 *     the new segment     in the pool          ->  FRESH, linked  ->  LIVE
 *     its cells           final                ->  FREE, of the next life
 *     link of the last    leads nowhere        ->  leads to the new one, version + 1
 *     the last            every cell final     ->  out of the list
 *
 * If another thread was first, the new segment goes back to the pool, FRESH, and the walk begins again where
 * it was. False: no memory. */
ROUSE_SLOW_ bool rouse_segment_append_(rouse_pool_ *pool, rouse_walk_ *end) {
    const uint64_t base = end->next;
    rouse_segment_ *const last = end->at;
    rouse_segment_ *const fresh = rouse_pool_take_(pool);
    uint64_t expected = end->link;
    uint64_t life;
    uint64_t link;
    uint64_t state;
    if (fresh == NULL) {
        return false;
    }
    life = ++fresh->life_;
    state = rouse_segment_state_(life, ROUSE_SEGMENT_FRESH_);
    /* E11: release, three times; the state first. A thread may reach this segment by a stale pointer. If it
     * reads a new cell or the new link, it then reads a state that differs from the one it read before. A
     * stale walker that meets the new link or the new state sees that the segment had left the list. */
    rouse_u64_store_release_(&fresh->state_, state);
    for (uint32_t i = 0; i < ROUSE_SEGMENT_CELLS; i++) {
        rouse_u64_store_release_(&fresh->cells_[i].word_, rouse_cell_fresh_(life));
    }
    /* Relaxed: a hint. */
    rouse_u32_store_relaxed_(&fresh->prev_, last == NULL ? 0 : last->index_);
    link = rouse_link_to_(rouse_u64_load_relaxed_(&fresh->next_), 0); /* relaxed: only this thread has it */
    rouse_u64_store_release_(&fresh->next_, link);
    /* E11: release, so that a thread that finds the segment finds it ready. The CAS fails if the link has
     * changed, whatever has become of `last`. seq_cst: E15. */
    if (!rouse_u64_cas_seq_cst_(rouse_walk_link_(pool, end), &expected,
                                rouse_link_to_(end->link, fresh->index_))) {
        rouse_pool_push_(pool, fresh);
        *end = rouse_walk_from_(pool, last, base);
        return true;
    }
    (void)rouse_segment_live_(fresh, state, base);
    if (last != NULL) {
        rouse_segment_end_(last, base - 1); /* E15: the appender's side */
    }
    end->at = fresh;
    end->next = base + ROUSE_SEGMENT_CELLS;
    end->link = link;
    return true;
}

#endif /* ROUSE_DETAIL_QUEUE_LOCKFREE_SEGMENTS_H */
