/* rouse/detail/locked_queue.h: the list under a lock, for MUTEX and SPIN. Internal.
 *
 * The sign of the word's balance says whether anybody waits. While the list holds somebody the word is MULTI,
 * a balance far below what anybody can lack, and what is lacked stands in listed_, under the lock. So a
 * release(1) that adds 1 to a MULTI word has added nothing: it has learnt that there are waiters, and goes on
 * to give its permit under the lock.
 *
 * The backend defines struct rouse_waiter_queue with word_, list_, listed_, sweeps_ and a lock, and
 *
 *   rouse_enter_            takes the lock if the list holds somebody; false: nobody is listed
 *   rouse_enter_to_queue_   takes the lock for a waiter that wants n; or answers at once
 *   rouse_leave_            drops the lock, setting the word by what the list holds, and `bits` if it is empty;
 *                           returns how much of `credit` it could not store with that
 *   rouse_slot_queue_, _give_, _give_added_, _take_, _count_
 *                           SPIN's slot for a waiter that is alone; MUTEX has none and answers "no"
 *
 * Dropping the lock is a call's last access to the queue, or is followed only by storing credit that nobody
 * has seen. */
#ifndef ROUSE_DETAIL_LOCKED_QUEUE_H
#define ROUSE_DETAIL_LOCKED_QUEUE_H

#include "../waiter.h"
#include "atomic.h"
#include "balance.h"
#include "deliver.h"
#include "wait_list.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ---- under the lock ------------------------------------------------------------------------------------ */

/* listed_ is how many are in the list * 2^32 + what they lack together. Written under the lock and read freely,
 * for snapshots: relaxed. */
#define ROUSE_LISTED_ONE_ ((uint64_t)1 << 32)

static inline uint32_t rouse_listed_lack_(const rouse_waiter_queue *q) {
    return (uint32_t)rouse_u64_load_relaxed_(&q->listed_);
}
static inline uint32_t rouse_listed_count_(const rouse_waiter_queue *q) {
    return (uint32_t)(rouse_u64_load_relaxed_(&q->listed_) >> 32);
}
static inline void rouse_change_listed_(rouse_waiter_queue *q, uint64_t by) {
    rouse_u64_store_relaxed_(&q->listed_, rouse_u64_load_relaxed_(&q->listed_) + by);
}

/* What stands in the ticket_ of a waiter that is in the list; any other number says that it is not. It changes when
 * the list is taken as a whole, so that nobody has to be told one by one while the lock is held. (A canceller would
 * be misled if the list were taken 2^31 times while another thread is delivering its waiter.) Under the lock. */
static inline uint32_t rouse_listed_mark_(const rouse_waiter_queue *q) {
    return 2 * q->sweeps_ + 1;
}

/* Prepares a waiter for queueing, with the list's mark or (in the slot) 0. Nobody else sees it yet. */
static inline void rouse_prepare_(rouse_waiter_queue *q, rouse_waiter *w, uint32_t n, uint32_t lacks,
                                  uint32_t mark) {
    rouse_u64_store_relaxed_(&w->account_, rouse_account_(n, lacks));
    rouse_u32_store_relaxed_(&w->ticket_, mark);
    rouse_u32_store_relaxed_(&w->status_, (uint32_t)ROUSE_PENDING);
    ROUSE_OWN_(w, q);
    ROUSE_TRACE("queue", q, w);
    (void)q;
}

/* w lacks `lacks`, and has the list's mark. */
static inline void rouse_enlist_(rouse_waiter_queue *q, rouse_waiter *w, uint32_t lacks) {
    rouse_list_append_(&q->list_, w);
    rouse_change_listed_(q, ROUSE_LISTED_ONE_ + lacks);
}

static inline void rouse_delist_(rouse_waiter_queue *q, rouse_waiter *w) {
    rouse_u32_store_relaxed_(&w->ticket_, 0);
    rouse_list_remove_(&q->list_, w);
    rouse_change_listed_(q, 0 - (ROUSE_LISTED_ONE_ + rouse_lacks_(w)));
}

/* w, at the head, is given all that it lacks. */
static inline void rouse_satisfy_(rouse_waiter_queue *q, rouse_waiter *w) {
    rouse_delist_(q, w);
    ROUSE_TRACE("grant", q, w);
}

/* w, at the head, is given n, less than it lacks. */
static inline void rouse_credit_(rouse_waiter_queue *q, rouse_waiter *w, uint32_t n) {
    rouse_set_lacks_(w, rouse_lacks_(w) - n);
    rouse_change_listed_(q, 0 - (uint64_t)n);
}

/* Gives 1 to the oldest waiter. It, if it has all now; NULL: it lacks more. */
static inline rouse_waiter *rouse_give_one_(rouse_waiter_queue *q) {
    rouse_waiter *const w = q->list_.oldest;
    if (rouse_lacks_(w) != 1) {
        rouse_credit_(q, w, 1);
        return NULL;
    }
    rouse_satisfy_(q, w);
    return w;
}

/* Gives up to n to the oldest waiters; those who have all go to the chain. What is left. */
static inline uint32_t rouse_give_(rouse_waiter_queue *q, uint32_t n, rouse_chain_ *chain) {
    while (n != 0 && q->list_.oldest != NULL) {
        rouse_waiter *const w = q->list_.oldest;
        const uint32_t lacks = rouse_lacks_(w);
        if (n < lacks) {
            rouse_credit_(q, w, n);
            return 0;
        }
        n -= lacks;
        rouse_satisfy_(q, w);
        rouse_chain_add_(chain, w, rouse_outcome_(ROUSE_OK, 0));
    }
    return n;
}

/* ---- the backend interface (waiter_queue.h) ------------------------------------------------------------ */

/* Hands n out: to the waiters, and what is left to the balance, under the cap. */
static inline rouse_status rouse_hand_out_(rouse_waiter_queue *q, uint32_t n, uint32_t cap,
                                           rouse_chain_ *chain) {
    rouse_status status = ROUSE_OK;
    while (n != 0 && !rouse_store_(&q->word_, n, cap, &status)) {
        if (rouse_slot_give_(q, n, cap, chain)) {
            break;
        }
        if (rouse_enter_(q)) {
            n = rouse_give_(q, n, chain);
            n = rouse_leave_(q, n < cap ? n : cap, 0);
            if (cap == ROUSE_MAX_PERMITS) {
                cap = ROUSE_UNCAPPED_; /* some of it is given: too late to refuse the rest */
            }
        }
    }
    return status;
}

static ROUSE_SLOW_ rouse_status rouse_backend_wait_(rouse_waiter_queue *q, rouse_waiter *w, uint32_t n,
                                                    rouse_ready_fn_ *ready, void *arg) {
    uint32_t credit = 0;
    rouse_status status;
    if (ready == NULL && rouse_slot_queue_(q, w, n)) {
        return ROUSE_PENDING;
    }
    status = rouse_enter_to_queue_(q, n, &credit);
    if (status == ROUSE_PENDING) {
        rouse_prepare_(q, w, n, n - credit, rouse_listed_mark_(q));
        rouse_enlist_(q, w, n - credit);
        if (ready != NULL && ready(arg)) {
            /* n is 1: there was no credit, and so there is none to give back. */
            rouse_delist_(q, w);
            rouse_let_go_(w);
            status = ROUSE_OK;
        }
        (void)rouse_leave_(q, 0, 0);
    }
    return status;
}

static ROUSE_SLOW_ rouse_status rouse_backend_wake_(rouse_waiter_queue *q, uint32_t n, uint32_t cap,
                                                    bool *woken) {
    rouse_chain_ chain = {NULL, NULL};
    const rouse_status status = rouse_hand_out_(q, n, cap, &chain);
    *woken = chain.first != NULL;
    rouse_deliver_(&chain);
    return status;
}

static ROUSE_SLOW_ void rouse_backend_wake_added_(rouse_waiter_queue *q, uint64_t before) {
    rouse_waiter *served = NULL;
    if (!rouse_slot_give_added_(q, before, &served)) {
        rouse_chain_ chain = {NULL, NULL};
        (void)rouse_hand_out_(q, 1, ROUSE_UNCAPPED_, &chain);
        rouse_deliver_(&chain);
    } else if (served != NULL) {
        rouse_deliver_one_(served, rouse_outcome_(ROUSE_OK, 0));
    }
}

static ROUSE_SLOW_ bool rouse_backend_cancel_(rouse_waiter_queue *q, rouse_waiter *w) {
    rouse_chain_ chain = {NULL, NULL};
    bool found = false;
    if (rouse_waiter_status(w) != ROUSE_PENDING) {
        return false;
    }
    if (rouse_slot_take_(q, w)) {
        return true;
    }
    if (rouse_enter_(q)) {
        uint32_t credit = 0;
        found = rouse_u32_load_relaxed_(&w->ticket_) == rouse_listed_mark_(q);
        if (found) {
            credit = rouse_asked_(w) - rouse_lacks_(w);
            rouse_delist_(q, w);
            ROUSE_TRACE("cancel", q, w);
            rouse_let_go_(w);
            credit = rouse_give_(q, credit, &chain);
        }
        credit = rouse_leave_(q, credit, 0);
        (void)rouse_hand_out_(q, credit, ROUSE_UNCAPPED_, &chain);
    }
    if (!found) {
        rouse_await_outcome_(w);
    }
    rouse_deliver_(&chain);
    return found;
}

/* What the listed waiters have been given. */
static inline uint32_t rouse_given_(const rouse_waiter_queue *q) {
    uint32_t given = 0;
    for (const rouse_waiter *w = q->list_.oldest; w != NULL; w = w->next_) {
        given += rouse_asked_(w) - rouse_lacks_(w);
    }
    return given;
}

/* Takes everybody out with `outcome`, setting `bits`; what they had been given stays with them (`bits` 0) or
 * goes back to the balance. How many. With bits 0 the lock is held for a few instructions, however many wait. */
static inline uint32_t rouse_sweep_(rouse_waiter_queue *q, uint32_t outcome, uint64_t bits) {
    rouse_chain_ none = {NULL, NULL};
    rouse_waiter *first;
    uint32_t credit;
    uint32_t all;
    uint64_t seen = rouse_u64_load_relaxed_(&q->word_);
    for (;;) {
        if (rouse_word_balance_(seen) >= 0) {
            /* E3: a read-modify-write even if nothing changes, as in rouse_store_. */
            if (rouse_u64_cas_acq_rel_(&q->word_, &seen, seen | bits)) {
                return 0;
            }
        } else if (rouse_enter_(q)) {
            break;
        } else {
            seen = rouse_u64_load_relaxed_(&q->word_);
        }
    }
    /* The list, whole and in its order, is the chain. */
    first = q->list_.oldest;
    all = rouse_listed_count_(q);
    credit = bits == 0 ? 0 : rouse_given_(q);
    q->list_.oldest = NULL;
    q->list_.newest = NULL;
    q->sweeps_++;
    rouse_u64_store_relaxed_(&q->listed_, 0);
    credit = rouse_leave_(q, credit, bits);
    (void)rouse_hand_out_(q, credit, ROUSE_UNCAPPED_,
                          &none); /* the queue is closed then: nobody is woken by it */
    rouse_deliver_chain_(q, first, outcome);
    return all;
}

static ROUSE_SLOW_ uint32_t rouse_backend_wake_all_(rouse_waiter_queue *q) {
    return rouse_slot_wake_all_(q) ? 1 : rouse_sweep_(q, rouse_outcome_(ROUSE_OK, ROUSE_BY_ALL_), 0);
}

static ROUSE_SLOW_ uint32_t rouse_backend_close_(rouse_waiter_queue *q) {
    ROUSE_TRACE("close", q, NULL);
    return rouse_sweep_(q, rouse_outcome_(ROUSE_CLOSED, 0), ROUSE_CLOSED_);
}

/* Snapshots, all relaxed: nothing is read on the strength of them. */
static inline int64_t rouse_backend_balance_(const rouse_waiter_queue *q) {
    const uint64_t word = rouse_u64_load_relaxed_(&q->word_);
    return rouse_word_multi_(word) ? -(int64_t)rouse_listed_lack_(q) : rouse_word_balance_(word);
}

static inline uint32_t rouse_backend_waiter_count_(const rouse_waiter_queue *q) {
    const uint64_t word = rouse_u64_load_relaxed_(&q->word_);
    if (rouse_word_multi_(word)) {
        return rouse_listed_count_(q);
    }
    return rouse_word_balance_(word) < 0 ? 1 : 0;
}

static inline rouse_status rouse_backend_reserve_(rouse_waiter_queue *q, uint32_t waiters) {
    (void)q;
    (void)waiters;
    return ROUSE_OK;
}

#endif /* ROUSE_DETAIL_LOCKED_QUEUE_H */
