/* rouse/detail/queue/spin.h: the SPIN backend: a slot for one waiter, a spinlock around the list for more.
 * Internal.
 *
 * While at most one waiter waits, queueing and waking take no lock. The slot that one waiter registers in and
 * a waker empties is the idea of AtomicWaker (Rust's futures, tokio). Here the word decides who owns the
 * slot, so the slot needs no state machine. The spinlock is in the word too. So one read-modify-write changes
 * the word and takes the lock, and a plain store sets the word and drops the lock.
 *
 *     word, by its balance b             which thread may touch the slot, the list
 *     EMPTY    b >= 0                    slot: a waiter that is registering (CAS from NULL), or the
 *                                        waker, canceller or second waiter that has just ended SINGLE
 *     SINGLE   -2^29 < b < 0             slot: holds the one waiter, which lacks -b
 *     MULTI    b == -2^31, serial 0      list: holds the waiters, oldest first
 *     LOCKED   b near -2^31, serial > 0  list, slot: the holder of the lock
 *
 *     EMPTY  -> SINGLE   a waiter claims the slot (CAS from NULL), then lowers the word (CAS)
 *     SINGLE -> EMPTY    a wake lifts the balance to 0 or above (add or CAS): now it owns the slot
 *                        and clears it
 *     SINGLE -> LOCKED   a second waiter (CAS), which moves the first to the list; cancel and close
 *     EMPTY  -> LOCKED   a waiter that finds the slot in another thread's hands, or has a condition to look
 *                        at (CAS)
 *     MULTI  -> LOCKED   a CAS, or a release(1): its add of 1 and one serial takes the lock
 *     LOCKED -> LOCKED   an add that finds the lock held has no effect: the holder's store wipes it out. The
 *                        thread that added saw LOCKED, so it waits and starts over
 *     LOCKED -> MULTI, EMPTY   the holder's store
 *
 * In EMPTY and SINGLE the serial means nothing and may have any value. In LOCKED it counts the adds, and the
 * balance rises with it. The word would no longer read LOCKED after 1,342,177,280 adds (2^31 -
 * ROUSE_MAX_LACK) in one critical section. A thread adds once and then waits for the lock, so that would take
 * as many threads.
 *
 * A thread that waits for the lock pauses, then yields the processor, then sleeps (base/platform.h). So a
 * preempted holder costs one time slice, and it runs even if the waiting thread has a higher priority.
 * Allocates nothing. Not for signal handlers. */
#ifndef ROUSE_DETAIL_QUEUE_SPIN_H
#define ROUSE_DETAIL_QUEUE_SPIN_H

#include "../../waiter.h"
#include "../base/atomic.h"
#include "../base/check.h"
#include "../base/owner.h"
#include "../base/platform.h"
#include "../wake/chain.h"
#include "../wake/deliver.h"
#include "listed.h"
#include "open_word.h"
#include "types.h"
#include "word.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ROUSE_HAS_SLOT_ 1

struct rouse_waiter_queue {
    rouse_atomic_u64_ word_; /* word.h, and the states above                                       */
    ROUSE_BUILT_MEMBER_
    ROUSE_STATS_MEMBER_
    rouse_atomic_ptr_ slot_; /* the waiter, while it is the only one; throughput mode: linger.h     */
    rouse_listed_ listed_;   /* oldest first; under the lock                                          */
};

#define ROUSE_BACKEND_INIT_(credit) ROUSE_BACKEND_INIT_THROUGHPUT_(credit, 0)
#define ROUSE_BACKEND_INIT_THROUGHPUT_(credit, bypass) \
    { ROUSE_BUILT_INIT_(ROUSE_ATOMIC_INIT_(credit)), ROUSE_ATOMIC_INIT_(NULL), ROUSE_LISTED_INIT_(bypass) }

#define ROUSE_WORD_MULTI_  ((uint64_t)(int64_t)INT32_MIN)
#define ROUSE_WORD_LOCKED_ (ROUSE_WORD_MULTI_ + ROUSE_WORD_SERIAL_)

/* MULTI or LOCKED? */
ROUSE_INLINE_ bool rouse_word_multi_(uint64_t word) {
    return rouse_word_balance_(word) < -ROUSE_MAX_LACK;
}
ROUSE_INLINE_ bool rouse_word_single_(uint64_t word) {
    return rouse_word_balance_(word) < 0 && !rouse_word_multi_(word);
}
#define ROUSE_WORD_ADD_ONE_ (1 + ROUSE_WORD_SERIAL_)

/* Clears the slot, slot: w -> NULL. This thread has ended SINGLE, so the slot is its own. Relaxed: E6 has
 * shown it what the slot holds. The next waiter to register reads NULL, and nothing depends on that. */
ROUSE_INLINE_ rouse_waiter *rouse_slot_clear_(struct rouse_waiter_queue *q) {
    rouse_waiter *const w = (rouse_waiter *)rouse_ptr_load_relaxed_(&q->slot_);
    rouse_ptr_store_relaxed_(&q->slot_, NULL);
    return w;
}

/* Moves the single waiter to the list. `seen` is the SINGLE word from which this thread took the lock.
 *
 *     slot: w     ->  slot: NULL, list: w
 *     ticket_: 0  ->  the list's mark
 *     account_    ->  holds what w lacks, which was in the word */
ROUSE_INLINE_ void rouse_slot_to_list_(struct rouse_waiter_queue *q, uint64_t seen) {
    rouse_waiter *const w = rouse_slot_clear_(q);
    const uint32_t lacks = (uint32_t)-rouse_word_balance_(seen);
    rouse_account_set_lacks_(w, lacks);
    rouse_u32_store_relaxed_(&w->ticket_, rouse_listed_mark_(&q->listed_));
    rouse_listed_add_(&q->listed_, w, lacks);
}

/* Waits while the word is LOCKED. Returns what it became. */
ROUSE_COLD_ uint64_t rouse_spin_await_unlock_(struct rouse_waiter_queue *q) {
    uint32_t step = 1;
    uint64_t seen;
    do {
        rouse_platform_back_off_(&step);
        seen = rouse_u64_load_acquire_(&q->word_); /* E3: for whether it is closed; otherwise a guess */
    } while (rouse_word_multi_(seen) && seen != ROUSE_WORD_MULTI_);
    return seen;
}

/* Takes the lock if somebody waits, in the slot or in the list. False: nobody does.
 *
 *     MULTI     ->  LOCKED       true
 *     SINGLE    ->  LOCKED       true, the slot's waiter is in the list now
 *     LOCKED    ->  waits
 *     EMPTY     ->  unchanged    false */
ROUSE_INLINE_ bool rouse_locked_enter_(struct rouse_waiter_queue *q) {
    uint64_t seen = ROUSE_WORD_MULTI_;
    for (;;) {
        /* E5: acquire. The partner is the release store in rouse_locked_leave_; the list and the waiters in
         * it are plain. E6: acquire, for the slot, if the word was SINGLE. */
        if (rouse_u64_cas_acquire_(&q->word_, &seen, ROUSE_WORD_LOCKED_)) {
            if (seen != ROUSE_WORD_MULTI_) {
                rouse_slot_to_list_(q, seen);
            }
            return true;
        }
        if (rouse_word_multi_(seen) && seen != ROUSE_WORD_MULTI_) {
            seen = rouse_spin_await_unlock_(q);
        }
        if (rouse_word_balance_(seen) >= 0) {
            return false;
        }
    }
}

/* Takes the lock if the list holds a waiter. False: it does not, or another thread has the lock.
 *
 *     MULTI    ->  LOCKED       true
 *     other    ->  unchanged    false */
#define ROUSE_ENTERS_EARLY_ 1
ROUSE_INLINE_ bool rouse_locked_enter_listed_(struct rouse_waiter_queue *q) {
    uint64_t seen = ROUSE_WORD_MULTI_;
    /* Relaxed: a guess. E5: acquire; the partner is the release store in rouse_locked_leave_. E4: the store
     * that drops the lock. */
    return rouse_u64_load_relaxed_(&q->word_) == seen &&
           rouse_u64_cas_acquire_(&q->word_, &seen, ROUSE_WORD_LOCKED_);
}

/* Drops the lock.
 *
 *     LOCKED, the list holds a waiter    ->  MULTI
 *     LOCKED, the list is empty          ->  EMPTY: credit + bits */
ROUSE_INLINE_ uint32_t rouse_locked_leave_(struct rouse_waiter_queue *q, uint32_t credit, uint64_t bits) {
    /* E5, E3: release; the holder has acquired all that came before. The store that drops the lock also
     * publishes the credit: it is the last access to the queue. */
    rouse_u64_store_release_(&q->word_, q->listed_.list.oldest != NULL ? ROUSE_WORD_MULTI_ : credit + bits);
    return 0;
}

/* Drops the lock where the list holds a waiter: LOCKED -> MULTI. */
ROUSE_INLINE_ void rouse_locked_leave_listed_(struct rouse_waiter_queue *q) {
    rouse_u64_store_release_(&q->word_, ROUSE_WORD_MULTI_); /* E5: the next holder acquires it */
}

/* Takes the lock for a waiter that wants n, or answers at once.
 *
 *     EMPTY, closed         ->  unchanged            CLOSED
 *     EMPTY, n or more      ->  EMPTY, n less        OK
 *     EMPTY, less than n    ->  LOCKED               PENDING; *credit is what there was
 *     SINGLE                ->  LOCKED               PENDING, the slot's waiter is in the list now
 *     MULTI                 ->  LOCKED               PENDING
 *     SINGLE, MULTI         ->  LOCKED -> MULTI      OVERFLOW: the list is full
 *     LOCKED                ->  waits */
ROUSE_INLINE_ rouse_status rouse_locked_enter_to_wait_(struct rouse_waiter_queue *q, uint32_t n,
                                                       uint32_t *credit) {
    /* E3: acquire, for a thread that finds it closed. Otherwise a guess for the CAS. */
    uint64_t seen = rouse_u64_load_acquire_(&q->word_);
    for (;;) {
        const int32_t balance = rouse_word_balance_(seen);
        const bool covered = balance >= (int64_t)n;
        if (rouse_word_multi_(seen) && seen != ROUSE_WORD_MULTI_) {
            seen = rouse_spin_await_unlock_(q);
            continue;
        }
        if (balance >= 0 && rouse_word_closed_(seen)) {
            return ROUSE_CLOSED;
        }
        /* E4: release, so that a waker that sees the word sees what came before the wait. Acquire, so that
         * the second look at `ready` sees what an earlier waker wrote. E5, E6: acquire, for the list and the
         * slot, which are plain. */
        if (rouse_u64_cas_acq_rel_(&q->word_, &seen, covered ? seen - n : ROUSE_WORD_LOCKED_)) {
            if (covered) {
                return ROUSE_OK;
            }
            break;
        }
    }
    if (rouse_word_balance_(seen) >= 0) {
        *credit = (uint32_t)rouse_word_balance_(seen);
    } else if (seen != ROUSE_WORD_MULTI_) {
        rouse_slot_to_list_(q, seen);
    }
    if (!rouse_listed_has_room_(&q->listed_, n - *credit)) {
        (void)rouse_locked_leave_(q, 0, 0);
        return ROUSE_OVERFLOW;
    }
    return ROUSE_PENDING;
}

/* Queues w in the slot, if nobody waits. False: the word is not EMPTY any more, or the slot is in another
 * thread's hands.
 *
 *     word     slot                        word      slot
 *     EMPTY    NULL      ->                EMPTY     w           registered
 *     EMPTY    w         ->                SINGLE    w           true: it lacks n less the credit
 *     other    w         ->                other     NULL        false: taken back */
ROUSE_INLINE_ bool rouse_slot_queue_(struct rouse_waiter_queue *q, rouse_waiter *w, uint32_t n) {
    uint64_t seen = rouse_u64_load_relaxed_(&q->word_);
    void *nobody = NULL;
    if (rouse_word_balance_(seen) < 0 || rouse_ptr_load_relaxed_(&q->slot_) != NULL) {
        return false;
    }
    rouse_listed_prepare_(q, w, n, n, 0);
    /* Relaxed: this only keeps a second registration out. The CAS on the word publishes what it stores. It
     * reads NULL, and nothing depends on that. */
    if (rouse_ptr_cas_relaxed_(&q->slot_, &nobody, w)) {
        /* The loop runs while the word is EMPTY, open, and lacks credit. Compared unsigned, a negative
         * balance is more than n. */
        while ((uint32_t)seen < n && (seen & ROUSE_WORD_CLOSED_) == 0) {
            /* E6: release. The partners are the adds and CASes that end SINGLE: they then read the slot and
             * the waiter. E4: release, for what came before the wait. No acquire: this takes part of the
             * credit (E3), and what that credit carries continues in its release sequence to the thread that
             * gives the rest. */
            if (rouse_u64_cas_release_(&q->word_, &seen, seen - n)) {
                return true;
            }
        }
        rouse_ptr_store_relaxed_(&q->slot_, NULL); /* relaxed: given back as it was found */
    }
    ROUSE_TRACE("cancel", q, w);
    ROUSE_STATS_LEFT_(q, w, ROUSE_PENDING);
    rouse_waiter_release_(w);
    return false;
}

/* Empties the slot after this thread has given its waiter all that it lacked. slot: w -> NULL. */
ROUSE_INLINE_ rouse_waiter *rouse_slot_grant_(struct rouse_waiter_queue *q) {
    rouse_waiter *const w = rouse_slot_clear_(q);
    ROUSE_TRACE("grant", q, w);
    ROUSE_STATS_LEFT_(q, w, ROUSE_OK);
    return w;
}

/* Gives n under the cap, all of it to the word.
 *
 *     SINGLE, lacks more than n    ->  SINGLE, lacks n less
 *     SINGLE, lacks n              ->  EMPTY, 0: the slot's waiter joins the chain
 *     SINGLE, lacks less           ->  unchanged    false
 *
 * False: the word is not SINGLE, or credit would be left. The caller then stores what is left under the lock,
 * as its last access to the queue, because the thread that takes it may destroy the queue. */
ROUSE_INLINE_ bool rouse_slot_give_(struct rouse_waiter_queue *q, uint32_t n, uint32_t cap,
                                    rouse_chain_ *chain) {
    uint64_t seen = rouse_u64_load_relaxed_(&q->word_);
    while (rouse_word_single_(seen)) {
        const int32_t after = rouse_word_capped_(rouse_word_balance_(seen), n, cap);
        if (after > 0) {
            return false;
        }
        /* E3, E6: release, for the takers. Acquire, to read the slot. */
        if (rouse_u64_cas_acq_rel_(&q->word_, &seen, rouse_word_above_(seen) + (uint64_t)(int64_t)after)) {
            if (after == 0) {
                rouse_chain_add_(chain, rouse_slot_grant_(q), rouse_outcome_(ROUSE_OK, 0));
            }
            return true;
        }
    }
    return false;
}

/* Finishes a release that has added 1 to the word `before`, which was not EMPTY.
 *
 *     before              after the add
 *     MULTI               LOCKED -> MULTI or EMPTY     given to the oldest in the list
 *     SINGLE, lacks 1     EMPTY, 0                     *served is the slot's waiter
 *     SINGLE              SINGLE, lacks 1 less
 *     LOCKED              wiped out by the holder      false
 *
 * True: the permit is given; *served, if not NULL, now has all that it asked for. False: another thread held
 * the lock, and the add had no effect. */
ROUSE_INLINE_ bool rouse_slot_give_added_(struct rouse_waiter_queue *q, uint64_t before,
                                          rouse_waiter **served) {
    if (before == ROUSE_WORD_MULTI_) { /* the add took the lock */
        *served = rouse_listed_give_one_(q, &q->listed_);
        (void)rouse_locked_leave_(q, 0, 0);
        return true;
    }
    if (rouse_word_single_(before)) {
        *served = rouse_word_balance_(before) == -1 ? rouse_slot_grant_(q) : NULL;
        return true;
    }
    return false;
}

/* Takes w out of the slot. False: it is not there.
 *
 *     SINGLE, the slot holds w      ->  LOCKED -> EMPTY: what w had been given    true
 *     SINGLE, it holds another      ->  LOCKED -> SINGLE, as it was               false
 *     other                         ->  unchanged                                 false
 *
 * The word is LOCKED meanwhile, so a permit that another thread gives to w at this moment is not lost. The
 * last access to the queue publishes what w had been given. */
ROUSE_INLINE_ bool rouse_slot_take_(struct rouse_waiter_queue *q, rouse_waiter *w) {
    uint64_t seen = rouse_u64_load_relaxed_(&q->word_);
    while (rouse_word_single_(seen)) {
        /* E6: acquire, to read the slot. */
        if (rouse_u64_cas_acquire_(&q->word_, &seen, ROUSE_WORD_LOCKED_)) {
            const bool mine = rouse_ptr_load_relaxed_(&q->slot_) == (void *)w;
            uint64_t after = seen;
            if (mine) {
                (void)rouse_slot_clear_(q);
                after = rouse_account_asked_(w) - (uint32_t)-rouse_word_balance_(seen);
                ROUSE_TRACE("cancel", q, w);
                ROUSE_STATS_LEFT_(q, w, ROUSE_CANCELLED);
                rouse_waiter_release_(w);
            }
            rouse_u64_store_release_(&q->word_, after); /* E5: the next holder acquires it */
            return mine;
        }
    }
    return false;
}

/* Wakes the slot's waiter, whatever it lacks, and sets `bits`. False: the slot is empty.
 *
 *     SINGLE    ->  EMPTY, 0, with the bits    true
 *     other     ->  unchanged                  false */
ROUSE_INLINE_ bool rouse_slot_wake_all_(struct rouse_waiter_queue *q, uint64_t bits) {
    uint64_t seen = rouse_u64_load_relaxed_(&q->word_); /* relaxed: a guess for the CAS */
    while (rouse_word_single_(seen)) {
        /* E3, E6: release, for the takers. Acquire, to read the slot. */
        if (rouse_u64_cas_acq_rel_(&q->word_, &seen, rouse_word_above_(seen) | bits)) {
            rouse_deliver_one_(rouse_slot_grant_(q), rouse_outcome_(ROUSE_OK, ROUSE_OUTCOME_BY_ALL_));
            return true;
        }
    }
    return false;
}

/* ---- throughput mode (open.h) ------------------------------------------------------------ */

#define ROUSE_OPEN_ADD_LOCKS_ 1

/* Throughput mode does not use the slot, so linger.h's doubt is kept there. Relaxed, both: a guess about what
 * pays, which passes nothing on. */
ROUSE_INLINE_ uint32_t rouse_open_doubt_(const struct rouse_waiter_queue *q) {
    void *const slot = rouse_ptr_load_relaxed_(&q->slot_);
    return (uint32_t)(uintptr_t)slot;
}
ROUSE_INLINE_ void rouse_open_set_doubt_(struct rouse_waiter_queue *q, uint32_t doubt) {
    rouse_ptr_store_relaxed_(&q->slot_, (void *)(uintptr_t)doubt); /* relaxed: as above */
}

/* Waits while the word is LOCKED. Returns what it became, and changes nothing. */
ROUSE_COLD_ uint64_t rouse_open_await_(struct rouse_waiter_queue *q) {
    uint32_t step = 1;
    uint64_t seen;
    do {
        rouse_platform_back_off_(&step);
        seen = rouse_u64_load_acquire_(&q->word_); /* E3: for whether it is closed; otherwise a guess */
    } while (rouse_open_is_locked_(seen));
    return seen;
}
/* Takes the lock, if the word is still *seen.
 *
 *     LOCKED                              ->  waits, then false: *seen is the word after that
 *     EMPTY, LISTED or OPEN, as seen      ->  LOCKED       true
 *     anything else                       ->  unchanged    false: *seen is the word */
ROUSE_INLINE_ bool rouse_open_lock_(struct rouse_waiter_queue *q, uint64_t *seen) {
    if (rouse_open_is_locked_(*seen)) {
        *seen = rouse_open_await_(q);
        return false;
    }
    /* E5: acquire. The partner is the release store in rouse_open_drop_. */
    return rouse_u64_cas_acquire_(&q->word_, seen, rouse_open_locked_word_(rouse_open_closed_(*seen)));
}
/* Drops the lock: LOCKED -> word. */
ROUSE_INLINE_ uint32_t rouse_open_drop_(struct rouse_waiter_queue *q, uint64_t word) {
    rouse_u64_store_release_(&q->word_, word); /* E5, E3: release, for the next holder and the takers */
    return 0;
}

ROUSE_INLINE_ void rouse_backend_init_(struct rouse_waiter_queue *q, uint32_t credit) {
    rouse_u64_init_(&q->word_, credit);
    ROUSE_BUILT_BEGIN_(q);
    ROUSE_STATS_BEGIN_(q);
    rouse_ptr_init_(&q->slot_, NULL);
    rouse_listed_init_(&q->listed_);
}

ROUSE_INLINE_ void rouse_backend_destroy_(struct rouse_waiter_queue *q) {
    (void)q;
}

#endif /* ROUSE_DETAIL_QUEUE_SPIN_H */
