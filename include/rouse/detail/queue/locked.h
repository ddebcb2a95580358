/* rouse/detail/queue/locked.h: the list under a lock, for MUTEX and SPIN. Internal.
 *
 * The sign of the word's balance says whether anybody waits. While the list holds a waiter the word is MULTI,
 * a balance far below what waiters can lack. What they lack is in listed_, under the lock. So a release(1)
 * that adds 1 to a MULTI word has added nothing. It has learnt that there are waiters, and gives its permit
 * under the lock.
 *
 * The lock belongs to the backend (mutex.h, spin.h). The backend defines struct rouse_waiter_queue with
 * word_, listed_ and a lock, and
 *
 *   rouse_locked_enter_           takes the lock if the list holds a waiter; false: it is empty
 *   rouse_locked_enter_listed_    the same, but may return false where it is not easy to tell
 *   rouse_locked_enter_to_wait_   takes the lock for a waiter that wants n; or answers at once
 *   ROUSE_ENTERS_EARLY_           defined (SPIN) if rouse_locked_enter_listed_ is one atomic instruction and
 *                                 returns false in throughput mode. Wait and cancel then take the lock before
 *                                 they call the function that does the rest. A call stores a return address,
 *                                 and a locked instruction right behind a store to another cache line takes
 *                                 half as long again
 *   rouse_locked_leave_           drops the lock, setting the word by what the list holds, and `bits` if it
 *                                 is empty; returns how much of `credit` it could not store with that
 *   ROUSE_HAS_SLOT_               defined if there is a slot for a waiter that is alone (SPIN), with
 *                                 rouse_slot_queue_, _give_, _give_added_, _take_, _wake_all_
 *
 * Dropping the lock is a call's last access to the queue, unless credit is left that nobody has seen; the
 * call then stores it. */
#ifndef ROUSE_DETAIL_QUEUE_LOCKED_H
#define ROUSE_DETAIL_QUEUE_LOCKED_H

#include "../../config.h"
#include "../../waiter.h"
#include "../base/atomic.h"
#include "../base/check.h"
#include "../wake/chain.h"
#include "../wake/deliver.h"
#include "listed.h"
#include "open_word.h"
#include "types.h"
#include "word.h"

#if ROUSE_BACKEND == ROUSE_BACKEND_MUTEX
#    include "mutex.h"
#else
#    include "spin.h"
#endif

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

ROUSE_INLINE_ rouse_atomic_u64_ *rouse_backend_guess_(rouse_waiter_queue *q) {
    (void)q;
    return NULL;
}

/* ---- throughput mode ----------------------------------------------------------------------------------- */

ROUSE_INLINE_ bool rouse_open_on_(const rouse_waiter_queue *q) {
    return !ROUSE_LIKELY_(q->listed_.bypass == 0);
}
ROUSE_INLINE_ void rouse_open_init_(rouse_waiter_queue *q, uint32_t bypass) {
    q->listed_.bypass = bypass;
}

#if !defined(ROUSE_HAS_SLOT_)
/* No slot: every waiter is in the list from the start. */
ROUSE_INLINE_ bool rouse_slot_queue_(struct rouse_waiter_queue *q, rouse_waiter *w, uint32_t n) {
    (void)q, (void)w, (void)n;
    return false;
}
ROUSE_INLINE_ bool rouse_slot_give_(struct rouse_waiter_queue *q, uint32_t n, uint32_t cap,
                                    rouse_chain_ *chain) {
    (void)q, (void)n, (void)cap, (void)chain;
    return false;
}
ROUSE_INLINE_ bool rouse_slot_give_added_(struct rouse_waiter_queue *q, uint64_t before,
                                          rouse_waiter **served) {
    if (rouse_open_has_word_(before) || !rouse_locked_enter_(q)) {
        return false;
    }
    *served = rouse_listed_give_one_(q, &q->listed_);
    (void)rouse_locked_leave_(q, 0, 0);
    return true;
}
ROUSE_INLINE_ bool rouse_slot_take_(struct rouse_waiter_queue *q, rouse_waiter *w) {
    (void)q, (void)w;
    return false;
}
ROUSE_INLINE_ bool rouse_slot_wake_all_(struct rouse_waiter_queue *q, uint64_t bits) {
    (void)q, (void)bits;
    return false;
}
#endif

#include "open.h"

/* ---- the backend interface (waiter_queue.h) -----------------------------------------------------
 *
 * The functions that look at the mode are inline, so that they look before any register is saved for a
 * call. */

/* Hands n out: to the waiters, and what is left to the balance, under the cap.
 *
 *     FREE (EMPTY)           ->  FREE, n more, up to the cap      rouse_word_give_
 *     SINGLE                 ->  rouse_slot_give_ or, if more than it lacks, by way of the list
 *     MULTI, lack > n        ->  MULTI, the oldest lack n less
 *     MULTI, lack <= n       ->  FREE, what is left, up to the cap; all that waited are in the chain
 *
 * A call that may be refused gives back no more than `cap` allows to be stored. So there is nothing to refuse
 * while somebody waits.
 *
 * With the list it is one step: the store that drops the lock. MUTEX may store credit in that step only while
 * a waiter of this call is undelivered. Otherwise the thread that takes the credit may destroy the queue
 * before the mutex is dropped. */
ROUSE_INLINE_ rouse_status rouse_locked_hand_out_(rouse_waiter_queue *q, uint32_t n, uint32_t cap,
                                                  rouse_chain_ *chain) {
    rouse_status status = ROUSE_OK;
    while (n != 0 && !rouse_word_give_(&q->word_, NULL, n, cap, &status)) {
        if (rouse_slot_give_(q, n, cap, chain)) {
            break;
        }
        if (rouse_locked_enter_(q)) {
            const uint32_t most = cap & ~ROUSE_WORD_REFUSE_;
            n = rouse_listed_give_(q, &q->listed_, n, chain);
            n = n < most ? n : most;
            if (chain->first != NULL) {
                (void)rouse_locked_leave_(q, 0, n);
                break;
            }
            n = rouse_locked_leave_(q, n, 0);
            if (most != cap || cap == ROUSE_MAX_PERMITS) {
                cap = ROUSE_WORD_UNCAPPED_; /* some of it is given: too late to refuse the rest */
            }
        }
    }
    return status;
}

/* Takes w out of the list with this outcome. w belongs to its owner again. Under the lock. */
ROUSE_INLINE_ void rouse_locked_take_out_(rouse_waiter_queue *q, rouse_waiter *w, rouse_status outcome) {
    rouse_listed_remove_(&q->listed_, w);
    ROUSE_TRACE("cancel", q, w);
    ROUSE_STATS_LEFT_(q, w, outcome);
    rouse_waiter_release_(w);
    (void)outcome;
}

/* Queues w in the list, or answers at once.
 *
 *     any, credit covers n       ->  n less       OK
 *     any                        ->  MULTI        PENDING: w is in the list and lacks n less the credit
 *     any, the condition holds   ->  as it was    OK: w was in the list for its second look
 *     closed, or the list full   ->  unchanged    CLOSED, OVERFLOW */
ROUSE_INLINE_ rouse_status rouse_locked_list_(rouse_waiter_queue *q, rouse_waiter *w, uint32_t n,
                                              rouse_ready_fn_ *ready, void *arg) {
    uint32_t credit = 0;
    rouse_status status;
    status = rouse_locked_enter_to_wait_(q, n, &credit);
    if (status == ROUSE_PENDING) {
        rouse_listed_prepare_(q, w, n, n - credit, rouse_listed_mark_(&q->listed_));
        rouse_listed_add_(&q->listed_, w, n - credit);
        if (ready != NULL && ready(arg)) {
            /* n is 1, so there was no credit, and there is none to give back. */
            rouse_locked_take_out_(q, w, ROUSE_PENDING);
            (void)rouse_locked_leave_(q, 0, 0);
            return ROUSE_OK;
        }
        rouse_locked_leave_listed_(q);
    } else if (status == ROUSE_OK) {
        rouse_outcome_at_once_(w, 0);
    } else if (status == ROUSE_OVERFLOW) {
        ROUSE_STATS_REFUSED_(q);
    }
    return status;
}
/* Queues w in the slot or in the list, or answers at once.
 *
 *     EMPTY, no condition        ->  SINGLE       PENDING (SPIN: rouse_slot_queue_)
 *     otherwise like rouse_locked_list_ */
ROUSE_SLOW_ rouse_status rouse_locked_wait_other_(rouse_waiter_queue *q, rouse_waiter *w, uint32_t n,
                                                  rouse_ready_fn_ *ready, void *arg) {
    return ready == NULL && rouse_slot_queue_(q, w, n) ? ROUSE_PENDING
                                                       : rouse_locked_list_(q, w, n, ready, arg);
}

/* Queues w where others are listed, and drops the lock, which this thread has taken.
 *
 *     MULTI, the list has room    ->  MULTI        true: w is in the list and lacks n
 *     MULTI, the list is full     ->  unchanged    false */
ROUSE_INLINE_ bool rouse_locked_wait_listed_(rouse_waiter_queue *q, rouse_waiter *w, uint32_t n) {
    const bool room = rouse_listed_has_room_(&q->listed_, n);
    if (room) {
        rouse_listed_prepare_(q, w, n, n, rouse_listed_mark_(&q->listed_));
        rouse_listed_add_behind_(&q->listed_, w, n);
    }
    rouse_locked_leave_listed_(q);
    return room;
}

/* Waits for 1, for a condition variable, which holds a lock anyway. The list takes one read-modify-write, the
 * slot two. */
ROUSE_SLOW_ rouse_status rouse_backend_join_(rouse_waiter_queue *q, rouse_waiter *w) {
    return rouse_open_on_(q) ? rouse_open_wait_(q, w, 1) : rouse_locked_list_(q, w, 1, NULL, NULL);
}

/* Queues w, or answers at once. Tries the usual case first: others are listed. */
#if defined(ROUSE_ENTERS_EARLY_)
ROUSE_SLOW_ rouse_status rouse_locked_wait_unusual_(rouse_waiter_queue *q, rouse_waiter *w, uint32_t n,
                                                    rouse_ready_fn_ *ready, void *arg) {
    return ready == NULL && rouse_open_on_(q) ? rouse_open_wait_(q, w, n)
                                              : rouse_locked_wait_other_(q, w, n, ready, arg);
}
ROUSE_SLOW_ rouse_status rouse_locked_wait_entered_(rouse_waiter_queue *q, rouse_waiter *w, uint32_t n) {
    return rouse_locked_wait_listed_(q, w, n) ? ROUSE_PENDING : rouse_locked_wait_other_(q, w, n, NULL, NULL);
}
ROUSE_INLINE_ rouse_status rouse_backend_wait_(rouse_waiter_queue *q, rouse_waiter *w, uint32_t n,
                                               rouse_ready_fn_ *ready, void *arg) {
    return ready == NULL && ROUSE_LIKELY_(rouse_locked_enter_listed_(q))
               ? rouse_locked_wait_entered_(q, w, n)
               : rouse_locked_wait_unusual_(q, w, n, ready, arg);
}
#else
ROUSE_SLOW_ rouse_status rouse_locked_wait_(rouse_waiter_queue *q, rouse_waiter *w, uint32_t n,
                                            rouse_ready_fn_ *ready, void *arg) {
    if (ready == NULL && ROUSE_LIKELY_(rouse_locked_enter_listed_(q)) && rouse_locked_wait_listed_(q, w, n)) {
        return ROUSE_PENDING;
    }
    return rouse_locked_wait_other_(q, w, n, ready, arg);
}
ROUSE_INLINE_ rouse_status rouse_backend_wait_(rouse_waiter_queue *q, rouse_waiter *w, uint32_t n,
                                               rouse_ready_fn_ *ready, void *arg) {
    if (ready == NULL && rouse_open_on_(q)) {
        return rouse_open_wait_(q, w, n);
    }
    return rouse_locked_wait_(q, w, n, ready, arg);
}
#endif

/* Delivers the chain, which usually holds one waiter. */
ROUSE_INLINE_ void rouse_locked_deliver_(const rouse_chain_ *chain) {
    if (chain->first != NULL && chain->first == chain->last) {
        rouse_deliver_one_(chain->first, rouse_outcome_(ROUSE_OK, 0));
    } else {
        rouse_deliver_(chain);
    }
}

#if defined(ROUSE_ENTERS_EARLY_)
#    define ROUSE_LOCKED_ENTERED_ ROUSE_SLOW_
#else
#    define ROUSE_LOCKED_ENTERED_ ROUSE_INLINE_
#endif
/* Gives 1 to the oldest waiter, and drops the lock, which this thread has taken. Returns how many it woke.
 *
 *     MULTI, the oldest lacks 1       ->  MULTI, or FREE: 0            1
 *     MULTI, the oldest lacks more    ->  MULTI, it lacks one less     0 */
ROUSE_LOCKED_ENTERED_ uint32_t rouse_locked_wake_entered_(rouse_waiter_queue *q) {
    rouse_waiter *const served = rouse_listed_give_one_(q, &q->listed_);
    (void)rouse_locked_leave_(q, 0, 0);
    if (served == NULL) {
        return 0;
    }
    rouse_deliver_one_(served, rouse_outcome_(ROUSE_OK, 0));
    return 1;
}
/* The usual wake: 1 for a waiter that is listed. Returns false for any other. */
ROUSE_INLINE_ bool rouse_locked_wake_one_(rouse_waiter_queue *q, uint32_t n, uint32_t *woken) {
    if (n != 1 || !rouse_locked_enter_listed_(q)) {
        return false;
    }
    *woken = rouse_locked_wake_entered_(q);
    return true;
}

ROUSE_SLOW_ rouse_status rouse_locked_wake_(rouse_waiter_queue *q, uint32_t n, uint32_t cap,
                                            uint32_t *woken) {
    rouse_chain_ chain = {NULL, NULL};
    const rouse_status status = rouse_locked_hand_out_(q, n, cap, &chain);
    *woken = rouse_chain_length_(&chain);
    rouse_locked_deliver_(&chain);
    return status;
}

#if defined(ROUSE_ENTERS_EARLY_)
ROUSE_INLINE_ rouse_status rouse_backend_wake_(rouse_waiter_queue *q, uint32_t n, uint32_t cap,
                                               uint32_t *woken) {
    if (rouse_locked_wake_one_(q, n, woken)) {
        return ROUSE_OK;
    }
    return rouse_open_on_(q) ? rouse_open_release_(q, n, cap) : rouse_locked_wake_(q, n, cap, woken);
}
#else
ROUSE_SLOW_ rouse_status rouse_locked_wake_usual_(rouse_waiter_queue *q, uint32_t n, uint32_t cap,
                                                  uint32_t *woken) {
    return rouse_locked_wake_one_(q, n, woken) ? ROUSE_OK : rouse_locked_wake_(q, n, cap, woken);
}
ROUSE_INLINE_ rouse_status rouse_backend_wake_(rouse_waiter_queue *q, uint32_t n, uint32_t cap,
                                               uint32_t *woken) {
    return rouse_open_on_(q) ? rouse_open_release_(q, n, cap) : rouse_locked_wake_usual_(q, n, cap, woken);
}
#endif
ROUSE_INLINE_ rouse_status rouse_backend_give_back_(rouse_waiter_queue *q, uint32_t n, uint32_t most) {
    uint32_t woken;
    return rouse_backend_wake_(q, n, most | ROUSE_WORD_REFUSE_, &woken);
}

/* Gives the 1 that a release has added without effect. */
ROUSE_SLOW_ rouse_status rouse_locked_wake_again_(rouse_waiter_queue *q) {
    rouse_chain_ chain = {NULL, NULL};
    (void)rouse_locked_hand_out_(q, 1, ROUSE_WORD_UNCAPPED_, &chain);
    rouse_deliver_(&chain);
    return ROUSE_OK;
}

/* The mode is read from `before` and not from q. In an OPEN word the add has published the permit, so q may
 * be gone. */
ROUSE_SLOW_ rouse_status rouse_backend_wake_added_(rouse_waiter_queue *q, uint64_t before) {
    rouse_waiter *served = NULL;
    if (!rouse_slot_give_added_(q, before, &served)) {
        return rouse_open_has_word_(before) ? rouse_open_added_(q, before) : rouse_locked_wake_again_(q);
    }
    if (served != NULL) {
        rouse_deliver_one_(served, rouse_outcome_(ROUSE_OK, 0));
    }
    return ROUSE_OK;
}

/* Takes w out, and hands on what it had been given.
 *
 *     w in the slot     SINGLE  ->  EMPTY: what it had          true
 *     w in the list     MULTI   ->  MULTI, or FREE: what it had and no other waiter lacks    true
 *     neither                   ->  unchanged                   false: another thread is delivering it */
ROUSE_SLOW_ bool rouse_locked_cancel_other_(rouse_waiter_queue *q, rouse_waiter *w) {
    rouse_chain_ chain = {NULL, NULL};
    bool found = false;
    if (rouse_slot_take_(q, w)) {
        return true;
    }
    if (rouse_locked_enter_(q)) {
        uint32_t credit = 0;
        found = rouse_u32_load_relaxed_(&w->ticket_) == rouse_listed_mark_(&q->listed_);
        if (found) {
            credit = rouse_account_asked_(w) - rouse_account_lacks_(w);
            rouse_locked_take_out_(q, w, ROUSE_CANCELLED);
            credit = rouse_listed_give_(q, &q->listed_, credit, &chain);
        }
        if (chain.first != NULL) {
            (void)rouse_locked_leave_(q, 0, credit); /* one step, like in rouse_locked_hand_out_ */
        } else {
            credit = rouse_locked_leave_(q, credit, 0);
            (void)rouse_locked_hand_out_(q, credit, ROUSE_WORD_UNCAPPED_, &chain);
        }
    }
    if (!found) {
        rouse_outcome_await_(w);
    }
    if (chain.first != NULL) {
        rouse_deliver_(&chain);
    }
    return found;
}

/* Takes w out of the list, if it is there and has been given nothing, and drops the lock, which this thread
 * has taken.
 *
 *     MULTI, w in the list    ->  MULTI, or FREE: 0    true
 *     MULTI                   ->  unchanged            false */
ROUSE_INLINE_ bool rouse_locked_cancel_listed_(rouse_waiter_queue *q, rouse_waiter *w) {
    const bool found = rouse_u32_load_relaxed_(&w->ticket_) == rouse_listed_mark_(&q->listed_) &&
                       rouse_account_asked_(w) == rouse_account_lacks_(w);
    if (ROUSE_LIKELY_(found)) {
        rouse_locked_take_out_(q, w, ROUSE_CANCELLED);
    }
    (void)rouse_locked_leave_(q, 0, 0);
    return found;
}

/* Takes w out, and hands on what it had been given. Tries the usual case first: w is listed and has been
 * given nothing. */
#if defined(ROUSE_ENTERS_EARLY_)
ROUSE_SLOW_ bool rouse_locked_cancel_entered_(rouse_waiter_queue *q, rouse_waiter *w) {
    return rouse_locked_cancel_listed_(q, w) || rouse_locked_cancel_other_(q, w);
}
ROUSE_SLOW_ bool rouse_locked_cancel_unusual_(rouse_waiter_queue *q, rouse_waiter *w, bool pending) {
    if (rouse_open_on_(q)) {
        return rouse_open_cancel_(q, w);
    }
    return pending && rouse_locked_cancel_other_(q, w);
}
ROUSE_INLINE_ bool rouse_backend_cancel_(rouse_waiter_queue *q, rouse_waiter *w) {
    const bool pending = rouse_waiter_status_(w) == ROUSE_PENDING;
    return ROUSE_LIKELY_(pending) && ROUSE_LIKELY_(rouse_locked_enter_listed_(q))
               ? rouse_locked_cancel_entered_(q, w)
               : rouse_locked_cancel_unusual_(q, w, pending);
}
#else
ROUSE_SLOW_ bool rouse_locked_cancel_(rouse_waiter_queue *q, rouse_waiter *w) {
    if (rouse_waiter_status_(w) != ROUSE_PENDING) {
        return false;
    }
    return (ROUSE_LIKELY_(rouse_locked_enter_listed_(q)) && rouse_locked_cancel_listed_(q, w)) ||
           rouse_locked_cancel_other_(q, w);
}
ROUSE_INLINE_ bool rouse_backend_cancel_(rouse_waiter_queue *q, rouse_waiter *w) {
    return rouse_open_on_(q) ? rouse_open_cancel_(q, w) : rouse_locked_cancel_(q, w);
}
#endif

/* Takes all waiters out with `outcome`, and sets `bits`. Returns how many.
 *
 *     FREE (EMPTY)      ->  the same, with the bits
 *     SINGLE, MULTI     ->  FREE, with the bits: 0 (ROUSE_OK), or what the waiters had been given
 *
 * With ROUSE_OK the lock is held for a few instructions, however many wait. */
ROUSE_INLINE_ uint32_t rouse_locked_sweep_(rouse_waiter_queue *q, uint32_t outcome, uint64_t bits) {
    rouse_chain_ none = {NULL, NULL};
    rouse_waiter *first;
    uint32_t credit;
    uint32_t all;
    uint64_t seen = rouse_u64_load_relaxed_(&q->word_);
    for (;;) {
        if (rouse_word_balance_(seen) >= 0) {
            /* E3: a read-modify-write even if nothing changes, so that later calls see what came before
             * it. */
            if (rouse_u64_cas_acq_rel_(&q->word_, &seen, seen | bits)) {
                return 0;
            }
        } else if (rouse_locked_enter_(q)) {
            break;
        } else {
            seen = rouse_u64_load_relaxed_(&q->word_);
        }
    }
    /* The whole list, in its order, is the chain. */
    all = rouse_listed_count_(&q->listed_);
    credit = (outcome & 0xffu) == (uint32_t)ROUSE_OK ? 0 : rouse_listed_given_(&q->listed_);
    first = rouse_listed_take_(&q->listed_);
    credit = rouse_locked_leave_(q, credit, bits);
    (void)rouse_locked_hand_out_(q, credit, ROUSE_WORD_UNCAPPED_,
                                 &none); /* the queue is closed then: it wakes nobody */
    ROUSE_STATS_SWEPT_(q, first, outcome);
    rouse_deliver_chain_(q, first, outcome);
    return all;
}

ROUSE_SLOW_ uint32_t rouse_backend_wake_all_(rouse_waiter_queue *q) {
    return rouse_slot_wake_all_(q, 0)
               ? 1
               : rouse_locked_sweep_(q, rouse_outcome_(ROUSE_OK, ROUSE_OUTCOME_BY_ALL_), 0);
}

ROUSE_SLOW_ uint32_t rouse_queue_set_(rouse_waiter_queue *q) {
    return rouse_slot_wake_all_(q, ROUSE_WORD_CLOSED_)
               ? 1
               : rouse_locked_sweep_(q, rouse_outcome_(ROUSE_OK, ROUSE_OUTCOME_BY_ALL_), ROUSE_WORD_CLOSED_);
}

ROUSE_INLINE_ bool rouse_queue_reset_(rouse_waiter_queue *q) {
    return rouse_word_reopen_(&q->word_);
}

ROUSE_SLOW_ uint32_t rouse_backend_close_(rouse_waiter_queue *q) {
    ROUSE_TRACE("close", q, NULL);
    if (rouse_open_on_(q)) {
        return rouse_open_close_(q);
    }
    return rouse_locked_sweep_(q, rouse_outcome_(ROUSE_CLOSED, 0), ROUSE_WORD_CLOSED_);
}

/* Snapshots, all relaxed: no pointer is read because of them. */
ROUSE_INLINE_ int64_t rouse_backend_balance_(const rouse_waiter_queue *q) {
    const uint64_t word = rouse_u64_load_relaxed_(&q->word_);
    if (!rouse_word_multi_(word)) {
        return rouse_word_balance_(word);
    }
    return rouse_open_is_open_(word) ? (int64_t)rouse_open_free_(word)
                                     : -(int64_t)rouse_listed_lack_(&q->listed_);
}

ROUSE_INLINE_ uint32_t rouse_backend_waiter_count_(const rouse_waiter_queue *q) {
    const uint64_t word = rouse_u64_load_relaxed_(&q->word_);
    if (rouse_word_multi_(word)) {
        return rouse_listed_count_(&q->listed_);
    }
    return rouse_word_balance_(word) < 0 ? 1 : 0;
}

#ifdef ROUSE_DEBUG
/* Returns how much of `most` the oldest waiter has been given, if it asked for `most`. Strict mode. */
ROUSE_SLOW_ uint32_t rouse_backend_given_(rouse_waiter_queue *q, uint32_t most) {
    uint32_t given = 0;
    if (rouse_locked_enter_(q)) {
        const rouse_waiter *const w = q->listed_.list.oldest;
        given = rouse_account_asked_(w) - rouse_account_lacks_(w);
        (void)rouse_locked_leave_(q, 0, 0);
    }
    (void)most;
    return given;
}
#endif

#ifdef ROUSE_STATS
/* Returns when the oldest waiter in the list queued; 0: the list is empty. Under the lock, so that the waiter
 * stays. */
ROUSE_SLOW_ uint64_t rouse_backend_oldest_(rouse_waiter_queue *q) {
    const bool open = rouse_open_on_(q);
    uint64_t since = 0;
    uint64_t seen = 0;
    if (open ? rouse_open_enter_(q, &seen) : rouse_locked_enter_(q)) {
        const rouse_waiter *const w = q->listed_.list.oldest;
        since = w == NULL ? 0 : rouse_u64_load_relaxed_(&w->since_);
        if (open) {
            rouse_open_unlock_(q, seen);
        } else {
            (void)rouse_locked_leave_(q, 0, 0);
        }
    }
    return since;
}
#endif

ROUSE_INLINE_ rouse_status rouse_backend_reserve_(rouse_waiter_queue *q, uint32_t waiters) {
    (void)q;
    (void)waiters;
    return ROUSE_OK;
}

#include "compiled.h"

#endif /* ROUSE_DETAIL_QUEUE_LOCKED_H */
