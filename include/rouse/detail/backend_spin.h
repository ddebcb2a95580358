/* rouse/detail/backend_spin.h: the SPIN backend: a slot for one, a spinlock around the list for more. Internal.
 *
 * While at most one waits, no lock is taken; the idea of a slot that one waiter registers in and a waker empties
 * is AtomicWaker's (Rust's futures and tokio). Here the word decides who owns the slot, so that the slot itself
 * needs no state machine:
 *
 *     EMPTY   balance >= 0, not LISTED   the slot is nobody's, or in the hands of one thread: a waiter
 *                                        that is registering, or whoever has just ended SINGLE
 *     SINGLE  balance <  0, not LISTED   the slot holds the one waiter, which lacks -balance
 *     MULTI   LISTED                     the list holds the waiters, the slot's former owner first;
 *                                        see locked_queue.h
 *
 *     EMPTY  -> SINGLE   a waiter claims the slot (CAS from NULL), then lowers the word (CAS)
 *     SINGLE -> EMPTY    wake lifts the balance to 0 or above, cancel and close take the waiter out: whoever's
 *                        CAS (or add) on the word did it owns the slot, and clears it
 *     SINGLE -> MULTI    a second waiter, under the lock, sets LISTED and moves the first to the list
 *     EMPTY  -> MULTI    a waiter that finds the slot in somebody's hands goes to the list
 *     MULTI  -> EMPTY    the last one leaves the list
 *
 * Each EMPTY -> SINGLE adds 2 to the serial: a thread that looked at the slot and then changes the word by CAS
 * knows that it was the same waiter's stay all along (2^30 stays later it might not).
 *
 * The spinlock backs off, then yields the processor at each step, so that a preempted holder costs a time slice
 * and not a storm. Allocates nothing. Not for signal handlers. */
#ifndef ROUSE_DETAIL_BACKEND_SPIN_H
#define ROUSE_DETAIL_BACKEND_SPIN_H

#include "../waiter.h"
#include "atomic.h"
#include "balance.h"
#include "deliver.h"
#include "platform.h"
#include "wait_list.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct rouse_waiter_queue {
    rouse_atomic_u64_ word_;  /* balance.h                                                */
    rouse_atomic_ptr_ slot_;  /* the waiter, while it is alone                            */
    rouse_wait_list_ list_;   /* oldest first; under the lock, like lacks_                */
    uint32_t lacks_;          /* what the listed waiters lack together                    */
    rouse_atomic_u32_ count_; /* how many are listed; written under the lock, read freely */
    rouse_atomic_u32_ lock_;  /* 0 free, 1 held                                           */
};

#define ROUSE_BACKEND_INIT_(credit)                                                                          \
    {                                                                                                        \
        ROUSE_ATOMIC_INIT_(credit), ROUSE_ATOMIC_INIT_(NULL), {NULL, NULL}, 0, ROUSE_ATOMIC_INIT_(0),        \
            ROUSE_ATOMIC_INIT_(0)                                                                            \
    }

#define ROUSE_STAY_ (2 * ROUSE_SERIAL_)

static inline bool rouse_word_listed_(uint64_t word); /* locked_queue.h */
static inline void rouse_prepare_(struct rouse_waiter_queue *q, rouse_waiter *w, uint32_t n, uint32_t lacks);
static inline void rouse_enlist_(struct rouse_waiter_queue *q, rouse_waiter *w, uint32_t lacks);

static inline void rouse_enter_(struct rouse_waiter_queue *q) {
    uint32_t step = 1;
    uint32_t free = 0;
    /* E5: acquire; partner is the release store in rouse_leave_. The list and the waiters in it are plain. */
    while (!rouse_u32_cas_acquire_(&q->lock_, &free, 1)) {
        do {
            rouse_back_off_(&step);
        } while (rouse_u32_load_relaxed_(&q->lock_) != 0); /* relaxed: only a hint, the CAS decides */
        free = 0;
    }
}
static inline void rouse_leave_(struct rouse_waiter_queue *q) {
    rouse_u32_store_release_(&q->lock_, 0); /* E5: release; the last access of a call to the queue */
}

/* EMPTY -> SINGLE. False: not EMPTY any more, or the slot is in somebody's hands. */
static inline bool rouse_slot_queue_(struct rouse_waiter_queue *q, rouse_waiter *w, uint32_t n) {
    uint64_t seen = rouse_u64_load_relaxed_(&q->word_);
    void *nobody = NULL;
    if (rouse_word_balance_(seen) < 0 || rouse_word_listed_(seen)) {
        return false;
    }
    rouse_prepare_(q, w, n, n);
    /* Relaxed: it only keeps a second registration out. What it stores is published by the CAS on the word, and
     * it reads NULL, on which nothing depends. */
    if (!rouse_ptr_cas_relaxed_(&q->slot_, &nobody, w)) {
        return false;
    }
    while (rouse_word_balance_(seen) >= 0 && !rouse_word_listed_(seen) && !rouse_word_closed_(seen) &&
           rouse_word_balance_(seen) < (int64_t)n) {
        /* E6: release; partners are the adds and CASes that end SINGLE or import the slot: they read the slot and
         * the waiter. acquire, as E4: a waiter without credit may look at its condition next. */
        if (rouse_u64_cas_acq_rel_(&q->word_, &seen, seen + ROUSE_STAY_ - n)) {
            return true;
        }
    }
    rouse_ptr_store_relaxed_(&q->slot_, NULL); /* relaxed: given back as it was found */
    return false;
}

/* SINGLE has ended by this thread's doing: the slot is its own. Relaxed throughout: E6 has shown it the slot, and
 * the next to register reads NULL, on which nothing depends. */
static inline rouse_waiter *rouse_slot_clear_(struct rouse_waiter_queue *q) {
    rouse_waiter *const w = (rouse_waiter *)rouse_ptr_load_relaxed_(&q->slot_);
    rouse_ptr_store_relaxed_(&q->slot_, NULL);
    return w;
}

/* SINGLE -> MULTI, under the lock: `seen` is the word from which LISTED was set. */
static inline void rouse_slot_import_(struct rouse_waiter_queue *q, uint64_t seen) {
    if (rouse_word_balance_(seen) < 0 && !rouse_word_listed_(seen)) {
        rouse_enlist_(q, rouse_slot_clear_(q), (uint32_t)-rouse_word_balance_(seen));
    }
}

static inline void rouse_slot_grant_(struct rouse_waiter_queue *q, rouse_chain_ *chain) {
    rouse_waiter *const w = rouse_slot_clear_(q);
    ROUSE_TRACE("grant", q, w);
    rouse_chain_add_(chain, w, rouse_outcome_(ROUSE_OK, 0));
}

/* Gives n under the cap, all of it to the word. False: not SINGLE. */
static inline bool rouse_slot_give_(struct rouse_waiter_queue *q, uint32_t n, uint32_t cap,
                                    rouse_chain_ *chain) {
    uint64_t seen = rouse_u64_load_relaxed_(&q->word_);
    while (rouse_word_balance_(seen) < 0 && !rouse_word_listed_(seen)) {
        const int32_t after = rouse_capped_(rouse_word_balance_(seen), n, cap);
        /* E3, E6: release for the waiter's side, acquire to read the slot. A surplus shows before the slot is
         * cleared; its taker cannot know the queue unused, for the waiter is still to be told. */
        if (rouse_u64_cas_acq_rel_(&q->word_, &seen, rouse_word_above_(seen) + (uint64_t)(int64_t)after)) {
            if (after >= 0) {
                rouse_slot_grant_(q, chain);
            }
            return true;
        }
    }
    return false;
}

/* Release has added n to a word that was SINGLE. */
static inline void rouse_slot_give_added_(struct rouse_waiter_queue *q, uint32_t n, uint64_t before,
                                          rouse_chain_ *chain) {
    if (rouse_word_balance_(before) + (int64_t)n >= 0) {
        rouse_slot_grant_(q, chain);
    }
}

/* Takes the waiter out of SINGLE, if it is `only` (NULL: whoever it is), and sets `bits`. *credit grows by what it
 * had been given; that is not in the word yet. NULL: not so. */
static inline rouse_waiter *rouse_slot_take_(struct rouse_waiter_queue *q, const rouse_waiter *only,
                                             uint64_t bits, uint32_t *credit) {
    /* E6: acquire, to look at the slot; the CAS repeats it for what came since. */
    uint64_t seen = rouse_u64_load_acquire_(&q->word_);
    while (rouse_word_balance_(seen) < 0 && !rouse_word_listed_(seen)) {
        if (only != NULL && rouse_ptr_load_relaxed_(&q->slot_) != (const void *)only) {
            return NULL;
        }
        /* E3: as in rouse_slot_give_. */
        if (rouse_u64_cas_acq_rel_(&q->word_, &seen, rouse_word_above_(seen) | bits)) {
            rouse_waiter *const w = rouse_slot_clear_(q);
            *credit += rouse_asked_(w) - (uint32_t)-rouse_word_balance_(seen);
            return w;
        }
    }
    return NULL;
}

static inline uint32_t rouse_slot_count_(const struct rouse_waiter_queue *q) {
    const uint64_t seen = rouse_u64_load_relaxed_(&q->word_);
    return rouse_word_balance_(seen) < 0 && !rouse_word_listed_(seen) ? 1 : 0;
}

static inline void rouse_backend_init_(struct rouse_waiter_queue *q) {
    rouse_ptr_init_(&q->slot_, NULL);
    q->list_.oldest = NULL;
    q->list_.newest = NULL;
    q->lacks_ = 0;
    rouse_u32_init_(&q->count_, 0);
    rouse_u32_init_(&q->lock_, 0);
}

static inline void rouse_backend_destroy_(struct rouse_waiter_queue *q) {
    (void)q;
}

#include "locked_queue.h"

#endif /* ROUSE_DETAIL_BACKEND_SPIN_H */
