/* rouse/detail/queue/lockfree/segments.h: the cells of the LOCKFREE queue: segments, their list, their pool.
 * Internal.
 *
 * Ticket t lives in cell t mod K of the segment whose base is t - t mod K (K = ROUSE_SEGMENT_CELLS). Linked
 * segments form a list in the order of their bases, each K after the last when it is appended; gaps come up
 * where segments have been taken out. Segments are type-stable: once made, a segment belongs to the pool of
 * its queue until the queue is destroyed, so a stale pointer can always be followed. It is found out by the
 * base, which stands together with the state in one atomic word; no base is used twice.
 *
 * The life of a segment:
 *
 *     FRESH ----------> LIVE ----------> marked --------> FRESH
 *      in the pool, or   every cell       in its own       cut out of the list,
 *      being linked      is final         link             in the pool
 *
 *   FRESH -> LIVE    after the compare-and-swap that links it, by the appender or by any thread that finds it
 *                    in the list. Only here does it get its base: the one behind its neighbour's
 *   LIVE -> marked   by a visitor that finds every cell final, wherever the segment stands in the list. The
 *                    last segment is never marked: the appender that gives it a successor looks again
 *   marked -> FRESH  by the thread that cuts it out of the list: it redirects past it the link that leads to
 *                    it. Every walker that comes to a marked segment does that, so nobody waits for the
 *                    thread that marked it. None is cut before the one behind it is LIVE
 *
 * FRESH names the life, in which the segment is linked once or not at all. So a thread that is late to say
 * LIVE fails, and only a segment of the list has a base.
 *
 * Sources: a list of segments with removal in the middle is Kotlin's (kotlinx.coroutines,
 * ConcurrentLinkedList.kt; Koval, Khyzha, Alistarh, "CQS", PLDI 2023); that a node is first marked in its own
 * link, and then cut by the next walker, is Harris's ("A pragmatic implementation of non-blocking
 * linked-lists", DISC 2001); retirement by the last visitor is crossbeam's (SegQueue), with a look at all
 * cells in place of a mark in each. */
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

#ifndef ROUSE_MALLOC
#    define ROUSE_MALLOC(size)  malloc(size)
#    define ROUSE_FREE(pointer) free(pointer)
#endif

ROUSE_INLINE_ uint64_t rouse_segment_base_of_(uint64_t ticket) {
    return ticket & ~(uint64_t)(ROUSE_SEGMENT_CELLS - 1);
}

typedef struct rouse_cell_ {
    rouse_atomic_u64_ word_;   /* state.h                                                          */
    rouse_atomic_ptr_ waiter_; /* from ARRIVED on; written by the waiter before it says so          */
#ifdef ROUSE_STATS
    rouse_atomic_u64_ since_; /* the same: when it queued                                          */
#endif
} rouse_cell_;

enum { ROUSE_SEGMENT_FRESH_, ROUSE_SEGMENT_LIVE_ };

typedef struct rouse_segment_ {
    rouse_atomic_u64_ state_; /* base * 2 + LIVE, or life * 2 + FRESH                             */
    rouse_atomic_u64_ next_;  /* the link to the next segment, see below                          */
    rouse_atomic_u64_ from_;  /* a ticket: the cells here before it are resolved; a hint          */
    uint64_t life_;           /* how often it has been made ready; whoever popped it owns this    */
    rouse_atomic_u32_ prev_;  /* index of the one before, 0: it is the first; a hint              */
    rouse_atomic_u32_ link_;  /* index of the next one in the pool                                */
    uint32_t index_;          /* its own, from 1; never changes                                   */
    struct rouse_pool_ *pool_;
    rouse_cell_ cells_[ROUSE_SEGMENT_CELLS];
} rouse_segment_;

/* Chunks 4 j to 4 j + 3 hold 2^j segments each: the pool grows by a quarter, so it never has more than 5/4 of
 * what it needed at most; and an index finds its segment without a search. A chunk is never given back before
 * the queue is destroyed. */
#define ROUSE_CHUNKS_        100
#define ROUSE_SEGMENTS_MOST_ (4 * (((uint64_t)1 << (ROUSE_CHUNKS_ / 4)) - 1))

typedef struct rouse_pool_ {
    rouse_atomic_u64_ first_; /* the link to the first segment                              */
    rouse_atomic_u64_ free_;  /* the pool, a stack: index + 2^27 * a tag against ABA        */
    uint64_t origin_;         /* the base of the first segment ever                         */
    rouse_atomic_u32_ made_;  /* how many segments have ever been used: indices 1 ... made_ */
    struct rouse_waiter_queue *queue_;
    rouse_atomic_u64_ carried_; /* throughput mode: open.h                                    */
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
/* LIVE, with this base: in the list, or just cut out of it. Whether its link is marked tells. */
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
 * Index 0: there is no next one. Marked: the segment whose link it is leaves the list, and the link is not
 * changed any more. The version changes with every change of a link,
 * and continues from one life of a segment to the next: a thread that has read a link twice the same knows
 * that it was the same all the time, and a compare-and-swap of it fails if it was not. (It has 36 bits.) */
#define ROUSE_LINK_INDEX_ 0x7ffffffu

ROUSE_INLINE_ uint32_t rouse_link_index_(uint64_t link) {
    return (uint32_t)(link >> 1) & ROUSE_LINK_INDEX_;
}
ROUSE_INLINE_ bool rouse_link_marked_(uint64_t link) {
    return (link & 1) != 0;
}
/* What `link` becomes when it is to lead to `index`. */
ROUSE_INLINE_ uint64_t rouse_link_to_(uint64_t link, uint32_t index) {
    return (((link >> 28) + 1) << 28) | ((uint64_t)index << 1);
}

ROUSE_INLINE_ uint32_t rouse_chunk_size_(uint32_t chunk) {
    return (uint32_t)1 << (chunk / 4);
}

/* index + 3 has its highest bit at j + 2; the two below it tell the four chunks of the same size apart. */
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
    /* E16: acquire; partner is the CAS in rouse_pool_reserve_. */
    return (rouse_segment_ *)rouse_ptr_load_acquire_(&pool->chunks_[chunk]) +
           ((index + 3) & (rouse_chunk_size_(chunk) - 1));
}

/* ---- the pool ------------------------------------------------------------------------------------------ */

/* free_: (tag, top) -> (tag, segment), and segment's link_ is top. */
ROUSE_INLINE_ void rouse_pool_push_(rouse_pool_ *pool, rouse_segment_ *segment) {
    uint64_t seen = rouse_u64_load_relaxed_(&pool->free_);
    do {
        rouse_u32_store_relaxed_(&segment->link_, (uint32_t)seen & ROUSE_LINK_INDEX_);
        /* E12: release; partner is the pop: its thread sees the segment as the last user left it. */
    } while (!rouse_u64_cas_release_(&pool->free_, &seen,
                                     (seen & ~(uint64_t)ROUSE_LINK_INDEX_) | segment->index_));
}

/* free_: (tag, top) -> (tag + 1, what is below top), which is returned. Empty: unchanged, NULL. */
ROUSE_INLINE_ rouse_segment_ *rouse_pool_pop_(rouse_pool_ *pool) {
    uint64_t seen = rouse_u64_load_acquire_(&pool->free_); /* E12: to read the top's link_ */
    while (((uint32_t)seen & ROUSE_LINK_INDEX_) != 0) {
        rouse_segment_ *const top = rouse_segment_at_(pool, (uint32_t)seen & ROUSE_LINK_INDEX_);
        /* It may have been popped, and be linked elsewhere: then the tag has moved and the CAS fails. */
        const uint64_t below = rouse_u32_load_relaxed_(&top->link_);
        const uint64_t tag = (seen >> 27) + 1;
        /* E12: acquire, as said in push. release is more than is needed: the push of what stays below heads a
         * release sequence, which continues. */
        if (rouse_u64_cas_acq_rel_(&pool->free_, &seen, (tag << 27) | below)) {
            return top;
        }
    }
    return NULL;
}

/* Allocates chunks until the pool has `segments` segments, counting the linked ones. Returns false if there
 * is no memory; then it keeps none of the new chunks. */
ROUSE_COLD_ bool rouse_pool_reserve_(rouse_pool_ *pool, uint64_t segments) {
    void *chunks[ROUSE_CHUNKS_];
    uint32_t count = 0;
    bool all = segments <= ROUSE_SEGMENTS_MOST_;
    for (uint64_t total = 0; all && total < segments; count++) {
        const uint64_t bytes = (uint64_t)rouse_chunk_size_(count) * sizeof(rouse_segment_);
        total += rouse_chunk_size_(count);
        chunks[count] = NULL;
        /* Relaxed: only whether it is there; a user loads it again (E16). */
        if (rouse_ptr_load_relaxed_(&pool->chunks_[count]) == NULL) {
            chunks[count] = bytes <= SIZE_MAX / 2 ? ROUSE_MALLOC((size_t)bytes) : NULL;
            all = chunks[count] != NULL;
        }
    }
    while (count-- != 0) {
        void *none = NULL;
        /* E16: release, for rouse_segment_at_. False: another thread was first. */
        if (chunks[count] != NULL &&
            (!all || !rouse_ptr_cas_release_(&pool->chunks_[count], &none, chunks[count]))) {
            ROUSE_FREE(chunks[count]);
        }
    }
    return all;
}

/* A segment that is this thread's alone: from the pool, or a new one. NULL: no memory. */
ROUSE_INLINE_ rouse_segment_ *rouse_pool_take_(rouse_pool_ *pool) {
    rouse_segment_ *segment = rouse_pool_pop_(pool);
    uint32_t index = rouse_u32_load_relaxed_(&pool->made_);
    while (segment == NULL) {
        /* Relaxed: as in rouse_pool_reserve_. */
        if (index >= ROUSE_SEGMENTS_MOST_ ||
            (rouse_ptr_load_relaxed_(&pool->chunks_[rouse_chunk_of_(index + 1)]) == NULL &&
             !rouse_pool_reserve_(pool, index + 1))) {
            return NULL;
        }
        /* Relaxed: a number nobody else gets; the segment is published when it is linked. */
        if (rouse_u32_cas_relaxed_(&pool->made_, &index, index + 1)) {
            segment = rouse_segment_at_(pool, index + 1);
            segment->index_ = index + 1;
            segment->pool_ = pool;
            segment->life_ = 0;
            rouse_u64_init_(&segment->state_, rouse_segment_state_(0, ROUSE_SEGMENT_FRESH_));
            rouse_u64_init_(&segment->next_, 0);
            rouse_u64_init_(&segment->from_, 0);
            rouse_u32_init_(&segment->prev_, 0);
            rouse_u32_init_(&segment->link_, 0);
            for (uint32_t i = 0; i < ROUSE_SEGMENT_CELLS; i++) {
                rouse_u64_init_(&segment->cells_[i].word_, rouse_cell_fresh_(0));
                rouse_ptr_init_(&segment->cells_[i].waiter_, NULL);
            }
        } else {
            segment = rouse_pool_pop_(pool);
        }
    }
    return segment;
}

ROUSE_INLINE_ rouse_pool_ *rouse_pool_new_(uint64_t origin) {
    rouse_pool_ *const pool = (rouse_pool_ *)ROUSE_MALLOC(sizeof(rouse_pool_));
    if (pool != NULL) {
        rouse_u64_init_(&pool->first_, 0);
        rouse_u64_init_(&pool->free_, 0);
        pool->origin_ = origin;
        rouse_u64_init_(&pool->carried_, 0);
        rouse_u64_init_(&pool->entered_, 0);
        rouse_u32_init_(&pool->made_, 0);
        for (uint32_t chunk = 0; chunk < ROUSE_CHUNKS_; chunk++) {
            rouse_ptr_init_(&pool->chunks_[chunk], NULL);
        }
    }
    return pool;
}

/* Relaxed: nobody else is here. */
ROUSE_INLINE_ void rouse_pool_delete_(rouse_pool_ *pool) {
    for (uint32_t chunk = 0; chunk < ROUSE_CHUNKS_; chunk++) {
        ROUSE_FREE(rouse_ptr_load_relaxed_(&pool->chunks_[chunk]));
    }
    ROUSE_FREE(pool);
}

/* ---- through the list ---------------------------------------------------------------------------------- */

/* Where a walk stands: on a segment of the list, that is, one that is linked and not marked. */
typedef struct rouse_walk_ {
    rouse_segment_ *at; /* NULL: before the first                                      */
    uint64_t next;      /* the base of a segment that is appended here                 */
    uint64_t link;      /* of `at`, or first_; read while it was in the list           */
} rouse_walk_;

ROUSE_INLINE_ rouse_atomic_u64_ *rouse_walk_link_(rouse_pool_ *pool, const rouse_walk_ *walk) {
    return walk->at == NULL ? &pool->first_ : &walk->at->next_;
}
/* Does it stand on `base` or behind it? */
ROUSE_INLINE_ bool rouse_walk_reaches_(const rouse_walk_ *walk, uint64_t base) {
    return walk->at != NULL && walk->next > base;
}

/* Begins at `from`, if that is in the list and stands before `base`, or else before the first segment.
 * `from`: NULL or any segment ever linked, a hint. The state is read again after the link: the link is of
 * the life that it says. */
ROUSE_INLINE_ rouse_walk_ rouse_walk_from_(rouse_pool_ *pool, rouse_segment_ *from, uint64_t base) {
    rouse_walk_ walk;
    walk.at = from;
    if (from != NULL) {
        const uint64_t state = rouse_u64_load_acquire_(&from->state_); /* E11: as in a step */
        walk.next = rouse_segment_base_(state) + ROUSE_SEGMENT_CELLS;
        /* E11: acquire; partner is the release store of a new life's link: a thread that reads that
         * reads, after it, a state that is not this one any more. */
        walk.link = rouse_u64_load_acquire_(&from->next_);
        if (!rouse_segment_fresh_(state) && walk.next <= base && !rouse_link_marked_(walk.link) &&
            rouse_u64_load_acquire_(&from->state_) == state) {
            return walk;
        }
    }
    walk.at = NULL;
    walk.next = pool->origin_;
    walk.link = rouse_u64_load_acquire_(&pool->first_); /* E11: as in a step */
    return walk;
}

/* `next` is in the list, where the link of a segment that is not yet cut leads to it.
 *
 *     FRESH, this life     ->  LIVE with `base`    true
 *     LIVE, `base`         ->  unchanged           true: another thread has said so
 *     anything else        ->  unchanged           false: it has lived on, in this life or another
 *
 * E11: release, for those that find
 * the state; acquire, to learn what it is otherwise. FRESH names the life, so it fails in every other. */
ROUSE_INLINE_ bool rouse_segment_live_(rouse_segment_ *next, uint64_t state, uint64_t base) {
    return rouse_u64_cas_acq_rel_(&next->state_, &state, rouse_segment_state_(base, ROUSE_SEGMENT_LIVE_)) ||
           rouse_segment_is_(state, base);
}

/* Redirects the link under the walk past the marked segment that it leads to, as read.
 *
 *     the one behind            FRESH                      ->  LIVE
 *     the link under the walk   leads to the marked one    ->  leads to the one behind, version + 1
 *     the marked one            in nobody's hands          ->  pushed to the pool
 *
 * True: all of that. False: another thread has cut it, or the segment under the walk has been marked. */
ROUSE_INLINE_ bool rouse_walk_cut_(rouse_pool_ *pool, rouse_walk_ *walk, const rouse_walk_ *marked) {
    rouse_segment_ *const behind = rouse_segment_at_(pool, rouse_link_index_(marked->link));
    const uint64_t cut = rouse_link_to_(walk->link, behind->index_);
    uint64_t expected = walk->link;
    /* E11: acquire, twice. The base of the one behind is known from the marked one, so it must be LIVE
     * first. If the link under the walk is still the same, the marked one has not been cut, nor has the one
     * behind. */
    const uint64_t state = rouse_u64_load_acquire_(&behind->state_);
    if (rouse_segment_fresh_(state) && (rouse_u64_load_acquire_(rouse_walk_link_(pool, walk)) != walk->link ||
                                        !rouse_segment_live_(behind, state, marked->next))) {
        return false;
    }
    /* E11: release; partners are the walkers, which then read the segment behind. */
    if (!rouse_u64_cas_release_(rouse_walk_link_(pool, walk), &expected, cut)) {
        return false;
    }
    walk->link = cut;
    /* Relaxed: a hint. */
    rouse_u32_store_relaxed_(&behind->prev_, walk->at == NULL ? 0 : walk->at->index_);
    /* Relaxed: a hint, that there is nothing here; until it is seen there are final cells. */
    rouse_u64_store_relaxed_(&marked->at->state_, rouse_segment_state_(0, ROUSE_SEGMENT_FRESH_));
    rouse_pool_push_(pool, marked->at);
    return true;
}

/* Goes to the next segment, cutting marked ones out on the way; or to the first, when what was read does not
 * hold together any more: then somebody else has made progress. False: there is none. The link is read again
 * after the next segment's link and state: unchanged, by its version, it has led there all the time, so the
 * next segment was in the list when they were read. */
ROUSE_INLINE_ bool rouse_walk_step_(rouse_pool_ *pool, rouse_walk_ *walk) {
    while (rouse_link_index_(walk->link) != 0) {
        uint64_t state;
        rouse_walk_ next;
        next.at = rouse_segment_at_(pool, rouse_link_index_(walk->link));
        /* E13: acquire, the mark: behind it the segment is LIVE. E11: acquire; partners are append, cut and
         * LIVE. */
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

/* The first linked segment at *base or behind it, and its base; NULL: there is none. `from`: a hint where to
 * begin. */
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

/* Is the cell of this ticket, or of one so near it that it lies in the same segment round the corner, final?
 * E10: seq_cst, see rouse_segment_try_end_. */
ROUSE_INLINE_ bool rouse_segment_final_(rouse_segment_ *segment, uint64_t ticket) {
    return rouse_cell_final_(rouse_u64_load_seq_cst_(&rouse_segment_cell_(segment, ticket)->word_));
}

/* The cell of `ticket` has just become final by a seq_cst read-modify-write of this thread, or a segment has
 * been linked behind it: if every cell of its segment is final, takes that out of the list.
 *
 *     LIVE, another behind it    ->  its own link marked, version + 1; then rouse_walk_cut_, by any thread
 *     LIVE, the last             ->  unchanged: whoever appends calls this again
 *     a cell is not final        ->  unchanged
 *
 * The segment may have been recycled already: then its base has moved on, or its link with a new version.
 *
 * E10: seq_cst. Visitors write their cell, then read the others; the one whose write is the last in the total
 * order must see all. Of two visitors that finish together, one at least sees the other's cell. With acquire
 * and release both may miss. */
ROUSE_SLOW_ void rouse_segment_end_(rouse_segment_ *segment, uint64_t ticket) {
    rouse_pool_ *const pool = segment->pool_;
    const uint64_t base = rouse_segment_base_of_(ticket);
    uint32_t before;
    rouse_walk_ marked;
    rouse_walk_ walk;
    /* E15: seq_cst on both sides. Here: "the cell is final, then look for a successor"; the appender: "link
     * the successor, then look at the cells". One of the two sees the other; with less, neither need, and the
     * segment would stay for ever. */
    uint64_t link = rouse_u64_load_seq_cst_(&segment->next_);
    if (rouse_link_index_(link) == 0 || !rouse_segment_final_(segment, ticket - 1)) { /* mostly one of both */
        return;
    }
    for (uint32_t i = 0; i < ROUSE_SEGMENT_CELLS; i++) {
        if (!rouse_segment_final_(segment, i)) {
            return;
        }
    }
    /* Relaxed: a hint. Read before the mark: once marked, anybody may cut the segment out and use it
     * again. */
    before = rouse_u32_load_relaxed_(&segment->prev_);
    do {
        /* E11: acquire; read after the link, it says that the link is of this life. */
        if (rouse_link_marked_(link) || !rouse_segment_is_(rouse_u64_load_acquire_(&segment->state_), base)) {
            return;
        }
        marked.link = rouse_link_to_(link, rouse_link_index_(link)) | 1;
        /* E13: release; partner is the thread that cuts it and gives it to the pool: this thread has acquired
         * what every visitor did to its cells. acquire: E11, the link if it fails, while those behind it are
         * being cut. */
    } while (!rouse_u64_cas_acq_rel_(&segment->next_, &link, marked.link));
    /* From here on every walker that comes to it cuts it, this thread as one of them. */
    walk = rouse_walk_from_(pool, before == 0 ? NULL : rouse_segment_at_(pool, before), base);
    marked.at = segment;
    marked.next = base + ROUSE_SEGMENT_CELLS;
    /* The usual case: it is the next one there. E11: acquire; with its own link still the marked one, behind
     * a link that leads to it, it is not another life of it that stands there. */
    if (rouse_link_index_(walk.link) != segment->index_ ||
        rouse_u64_load_acquire_(&segment->next_) != marked.link || !rouse_walk_cut_(pool, &walk, &marked)) {
        (void)rouse_segment_find_(pool, walk.at, &marked.next);
    }
}
ROUSE_INLINE_ void rouse_segment_try_end_(rouse_segment_ *segment, uint64_t ticket) {
    if (rouse_segment_final_(segment, ticket + 1)) { /* mostly not, if it was the oldest */
        rouse_segment_end_(segment, ticket);
    }
}

/* ---- into the list ------------------------------------------------------------------------------------- */

/* Links a segment at the end, where the walk stands, and goes to it.
 *
 *     the new segment     in the pool          ->  FRESH, linked  ->  LIVE
 *     its cells           final                ->  FREE, of the next life
 *     link of the last    leads nowhere        ->  leads to the new one, version + 1
 *     the last            every cell final     ->  out of the list
 *
 * If another thread was first, the new segment goes back to the pool, FRESH, and the walk is begun again from
 * where it stood. False: no memory. */
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
    /* E11: release, three times; the state first. A thread with a stale way to this segment that reads one of
     * its new cells, or the new link, then reads a state that is not the one it came by; and a stale walker
     * that meets the new link, or the new state, sees that the segment had left the list. */
    rouse_u64_store_release_(&fresh->state_, state);
    for (uint32_t i = 0; i < ROUSE_SEGMENT_CELLS; i++) {
        rouse_u64_store_release_(&fresh->cells_[i].word_, rouse_cell_fresh_(life));
    }
    /* Relaxed: a hint. */
    rouse_u32_store_relaxed_(&fresh->prev_, last == NULL ? 0 : last->index_);
    link = rouse_link_to_(rouse_u64_load_relaxed_(&fresh->next_), 0); /* relaxed: this thread's alone */
    rouse_u64_store_release_(&fresh->next_, link);
    /* E11: release in the CAS that links: whoever finds the segment finds it ready. It fails if the link has
     * changed, whatever has become of `last`. seq_cst: E15. */
    if (!rouse_u64_cas_seq_cst_(rouse_walk_link_(pool, end), &expected,
                                rouse_link_to_(end->link, fresh->index_))) {
        rouse_pool_push_(pool, fresh);
        *end = rouse_walk_from_(pool, last, base);
        return true;
    }
    (void)rouse_segment_live_(fresh, state, base);
    if (last != NULL) {
        rouse_segment_end_(last, base - 1); /* E15: the appender's half */
    }
    end->at = fresh;
    end->next = base + ROUSE_SEGMENT_CELLS;
    end->link = link;
    return true;
}

#endif /* ROUSE_DETAIL_QUEUE_LOCKFREE_SEGMENTS_H */
