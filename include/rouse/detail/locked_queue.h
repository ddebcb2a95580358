/* rouse/detail/locked_queue.h: the list under a lock, for MUTEX and SPIN. Internal.
 *
 * The backend defines struct rouse_waiter_queue with word_, list_, lacks_, count_ and a lock, and
 *   rouse_enter_, rouse_leave_   take and drop the lock
 *   rouse_slot_queue_, _import_, _give_, _give_added_, _take_, _count_
 *                                SPIN's slot for a waiter that is alone; MUTEX has none and answers "no"
 *
 * Bit 33 of the word, LISTED, says that the list holds somebody. Every transition that puts a waiter into the
 * list, serves one or takes one out happens under the lock, together with its change of the word: the order
 * of the list is the order of the word.
 *
 * One thing happens outside: release(1) adds 1 to the word first and then, having seen a negative balance,
 * comes for the lock. Between the two its permit is on its way. With L = what the listed waiters lack,
 *
 *     balance = stored + on_its_way - L,      stored > 0 only if on_its_way == L
 *     on_its_way = L + min(balance, 0)
 *
 * The permit on its way can be had by nobody else. If cancel or wake_all take the waiters away that it was
 * meant for, they leave the word as if it had not been added (rouse_settle_), and the releaser, finding
 * nothing on its way, starts over. So no one can hold a permit, and destroy the object, while the release that
 * it came from is still to take the lock. */
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

#define ROUSE_LISTED_ ROUSE_SERIAL_
#define ROUSE_ADD_LIMIT_ 1 /* more could show a surplus before the lock is taken */

static inline bool rouse_word_listed_(uint64_t word) {
    return (rouse_word_above_(word) & ROUSE_LISTED_) != 0;
}

/* Prepares a waiter for queueing. Nobody else sees it yet. */
static inline void rouse_prepare_(rouse_waiter_queue *q, rouse_waiter *w, uint32_t n, uint32_t lacks) {
    rouse_u64_store_relaxed_(&w->account_, rouse_account_(n, lacks));
    rouse_u32_store_relaxed_(&w->ticket_, 0);
    rouse_u32_store_relaxed_(&w->status_, (uint32_t)ROUSE_PENDING);
    ROUSE_OWN_(w, q);
    ROUSE_TRACE("queue", q, w);
    (void)q;
}

static inline void rouse_enlist_(rouse_waiter_queue *q, rouse_waiter *w, uint32_t lacks) {
    rouse_set_lacks_(w, lacks);
    rouse_u32_store_relaxed_(&w->ticket_, 1);
    rouse_list_append_(&q->list_, w);
    rouse_u32_store_relaxed_(&q->count_, rouse_u32_load_relaxed_(&q->count_) + 1);
    q->lacks_ += lacks;
}

static inline void rouse_delist_(rouse_waiter_queue *q, rouse_waiter *w) {
    q->lacks_ -= rouse_lacks_(w);
    rouse_u32_store_relaxed_(&w->ticket_, 0);
    rouse_list_remove_(&q->list_, w);
    rouse_u32_store_relaxed_(&q->count_, rouse_u32_load_relaxed_(&q->count_) - 1);
}

/* Under the lock: the list has lost waiters, or they got permits, that together lacked `gone`. Brings the word
 * in line: the balance rises by as much, but not above 0 on account of permits that are on their way, and
 * LISTED falls with the last waiter. `bits`: more to set. */
static inline void rouse_settle_(rouse_waiter_queue *q, uint32_t gone, uint64_t bits) {
    const uint64_t unlisted = q->list_.oldest == NULL ? ROUSE_LISTED_ : 0;
    uint64_t seen = rouse_u64_load_relaxed_(&q->word_);
    uint64_t after;
    do {
        const int64_t balance = rouse_word_balance_(seen);
        int64_t rise = balance + gone < 0 ? gone : -balance;
        if (balance >= 0) {
            rise = 0;
        }
        after = ((rouse_word_above_(seen) - unlisted) | bits) + (uint64_t)(balance + rise);
        /* E3: release, for whoever takes or queues next; acquire, as it passes on what it read. */
    } while (!rouse_u64_cas_acq_rel_(&q->word_, &seen, after));
}

/* Under the lock: gives up to n to the oldest waiters; those who have all go to the chain. What was given. */
static inline uint32_t rouse_give_(rouse_waiter_queue *q, uint32_t n, uint32_t outcome, rouse_chain_ *chain) {
    uint32_t left = n;
    while (left != 0 && q->list_.oldest != NULL) {
        rouse_waiter *const w = q->list_.oldest;
        const uint32_t lacks = rouse_lacks_(w);
        const uint32_t gift = left < lacks ? left : lacks;
        left -= gift;
        q->lacks_ -= gift;
        rouse_set_lacks_(w, lacks - gift);
        if (gift == lacks) {
            rouse_delist_(q, w);
            ROUSE_TRACE("grant", q, w);
            rouse_chain_add_(chain, w, outcome);
        }
    }
    return n - left;
}

/* Queues w under the lock; or takes credit, or refuses. */
static inline rouse_status rouse_locked_wait_(rouse_waiter_queue *q, rouse_waiter *w, uint32_t n,
                                              rouse_ready_fn_ *ready, void *arg) {
    rouse_status status = ROUSE_PENDING;
    uint32_t credit;
    uint64_t seen;
    uint64_t after;
    rouse_enter_(q);
    seen = rouse_u64_load_relaxed_(&q->word_);
    do {
        const int64_t balance = rouse_word_balance_(seen);
        after = seen - n;
        credit = balance > 0 ? (uint32_t)balance : 0;
        if (rouse_word_closed_(seen)) {
            status = ROUSE_CLOSED;
            break;
        }
        if (balance >= (int64_t)n) {
            status = ROUSE_OK;
        } else if (balance - (int64_t)n < -(int64_t)ROUSE_MAX_LACK) {
            status = ROUSE_OVERFLOW;
            break;
        } else {
            status = ROUSE_PENDING;
            after = (rouse_word_above_(seen) | ROUSE_LISTED_) + (uint64_t)(balance - (int64_t)n);
        }
        /* E4: release, so that a waker that sees the balance negative sees what came before the wait;
         * acquire, so that the second look at `ready` sees what a waker wrote whose wake came first. */
    } while (!rouse_u64_cas_acq_rel_(&q->word_, &seen, after));
    if (status == ROUSE_PENDING) {
        rouse_slot_import_(q, seen);
        rouse_prepare_(q, w, n, n - credit);
        rouse_enlist_(q, w, n - credit);
        if (ready != NULL && ready(arg)) {
            rouse_delist_(q, w);
            rouse_settle_(q, n, 0);
            ROUSE_DISOWN_(w);
            status = ROUSE_OK;
        }
    }
    rouse_leave_(q);
    return status;
}

/* Gives up to n to listed waiters. What was given. */
static inline uint32_t rouse_locked_wake_(rouse_waiter_queue *q, uint32_t n, rouse_chain_ *chain) {
    uint32_t given;
    rouse_enter_(q);
    given = rouse_give_(q, n, rouse_outcome_(ROUSE_OK, 0), chain);
    if (given != 0) {
        rouse_settle_(q, given, 0);
    }
    rouse_leave_(q);
    return given;
}

/* Hands over the one permit that this thread has added to the word and that is on its way. False: it no longer
 * is; whoever took its waiter away has taken it out of the word. */
static inline bool rouse_locked_wake_added_(rouse_waiter_queue *q, rouse_chain_ *chain) {
    bool mine = false;
    rouse_enter_(q);
    if (q->list_.oldest != NULL) {
        /* Relaxed: every change that can lower what is on its way is made under this lock. */
        const int64_t balance = rouse_word_balance_(rouse_u64_load_relaxed_(&q->word_));
        mine = (int64_t)q->lacks_ + (balance < 0 ? balance : 0) > 0;
    }
    if (mine) {
        (void)rouse_give_(q, 1, rouse_outcome_(ROUSE_OK, 0), chain);
        if (q->list_.oldest == NULL) {
            /* E3: as in rouse_settle_; the balance has its permit already. */
            (void)rouse_u64_add_acq_rel_(&q->word_, (uint64_t)0 - ROUSE_LISTED_);
        }
    }
    rouse_leave_(q);
    return mine;
}

/* Takes w out of the list if it is there; *credit is what it had been given, less what others got of it. */
static inline bool rouse_locked_cancel_(rouse_waiter_queue *q, rouse_waiter *w, uint32_t *credit,
                                        rouse_chain_ *chain) {
    bool listed;
    rouse_enter_(q);
    listed = rouse_u32_load_relaxed_(&w->ticket_) == 1;
    if (listed) {
        const uint32_t lacks = rouse_lacks_(w);
        uint32_t given;
        rouse_delist_(q, w);
        given = rouse_give_(q, rouse_asked_(w) - lacks, rouse_outcome_(ROUSE_OK, 0), chain);
        *credit = rouse_asked_(w) - lacks - given;
        rouse_settle_(q, lacks + given, 0);
    }
    rouse_leave_(q);
    return listed;
}

/* Empties the list into the chain. How many; *credit: what they had been given. */
static inline uint32_t rouse_locked_sweep_(rouse_waiter_queue *q, uint32_t outcome, uint64_t bits,
                                       uint32_t *credit, rouse_chain_ *chain) {
    uint32_t gone;
    uint32_t all = 0;
    rouse_enter_(q);
    gone = q->lacks_;
    while (q->list_.oldest != NULL) {
        rouse_waiter *const w = q->list_.oldest;
        all++;
        *credit += rouse_asked_(w) - rouse_lacks_(w);
        rouse_delist_(q, w);
        ROUSE_TRACE("grant", q, w);
        rouse_chain_add_(chain, w, outcome);
    }
    if (gone != 0) {
        rouse_settle_(q, gone, bits);
    }
    rouse_leave_(q);
    return all;
}

/* ---- the backend interface (waiter_queue.h) -------------------------------------------------------------- */

/* Hands n out: to the waiters, and what is left to the balance, under the cap. */
static inline rouse_status rouse_hand_out_(rouse_waiter_queue *q, uint32_t n, uint32_t cap,
                                           rouse_chain_ *chain) {
    rouse_status status = ROUSE_OK;
    while (n != 0 && !rouse_store_(&q->word_, n, cap, &status)) {
        uint32_t given;
        if (rouse_slot_give_(q, n, cap, chain)) {
            break;
        }
        given = rouse_locked_wake_(q, n, chain);
        n -= given;
        if (given != 0 && cap == ROUSE_MAX_PERMITS) {
            cap = ROUSE_UNCAPPED_; /* too late to refuse the rest */
        }
    }
    return status;
}

static ROUSE_SLOW_ rouse_status rouse_backend_wait_(rouse_waiter_queue *q, rouse_waiter *w, uint32_t n,
                                                    rouse_ready_fn_ *ready, void *arg) {
    if (ready == NULL && rouse_slot_queue_(q, w, n)) {
        return ROUSE_PENDING;
    }
    return rouse_locked_wait_(q, w, n, ready, arg);
}

static ROUSE_SLOW_ rouse_status rouse_backend_wake_(rouse_waiter_queue *q, uint32_t n, uint32_t cap,
                                                    bool *woken) {
    rouse_chain_ chain = {NULL, NULL};
    const rouse_status status = rouse_hand_out_(q, n, cap, &chain);
    *woken = chain.first != NULL;
    rouse_deliver_(&chain);
    return status;
}

static ROUSE_SLOW_ void rouse_backend_wake_added_(rouse_waiter_queue *q, uint32_t n, uint64_t before) {
    rouse_chain_ chain = {NULL, NULL};
    if (rouse_word_listed_(before)) {
        if (!rouse_locked_wake_added_(q, &chain)) {
            (void)rouse_hand_out_(q, n, ROUSE_UNCAPPED_, &chain);
        }
    } else {
        rouse_slot_give_added_(q, n, before, &chain);
    }
    rouse_deliver_(&chain);
}

static ROUSE_SLOW_ bool rouse_backend_cancel_(rouse_waiter_queue *q, rouse_waiter *w) {
    rouse_chain_ chain = {NULL, NULL};
    uint32_t credit = 0;
    if (rouse_waiter_status(w) != ROUSE_PENDING) {
        return false;
    }
    if (rouse_slot_take_(q, w, 0, &credit) == NULL && !rouse_locked_cancel_(q, w, &credit, &chain)) {
        rouse_await_outcome_(w);
        return false;
    }
    ROUSE_TRACE("cancel", q, w);
    ROUSE_DISOWN_(w);
    (void)rouse_hand_out_(q, credit, ROUSE_UNCAPPED_, &chain);
    rouse_deliver_(&chain);
    return true;
}

/* Takes everybody out with `outcome`, setting `bits` in the word. How many. *credit: what they had been given. */
static inline uint32_t rouse_sweep_(rouse_waiter_queue *q, uint32_t outcome, uint64_t bits, uint32_t *credit,
                                    rouse_chain_ *chain) {
    uint64_t seen = rouse_u64_load_relaxed_(&q->word_);
    for (;;) {
        if (rouse_word_listed_(seen)) {
            const uint32_t all = rouse_locked_sweep_(q, outcome, bits, credit, chain);
            if (all != 0) {
                return all;
            }
        } else if (rouse_word_balance_(seen) < 0) {
            rouse_waiter *const w = rouse_slot_take_(q, NULL, bits, credit);
            if (w != NULL) {
                ROUSE_TRACE("grant", q, w);
                rouse_chain_add_(chain, w, outcome);
                return 1;
            }
        } else if (rouse_u64_cas_acq_rel_(&q->word_, &seen, seen | bits)) {
            return 0; /* E3: a read-modify-write even if nothing changes, as in rouse_store_ */
        }
        seen = rouse_u64_load_relaxed_(&q->word_);
    }
}

static ROUSE_SLOW_ uint32_t rouse_backend_wake_all_(rouse_waiter_queue *q) {
    rouse_chain_ chain = {NULL, NULL};
    uint32_t kept = 0;
    const uint32_t all = rouse_sweep_(q, rouse_outcome_(ROUSE_OK, ROUSE_BY_ALL_), 0, &kept, &chain);
    rouse_deliver_(&chain);
    return all;
}

static ROUSE_SLOW_ uint32_t rouse_backend_close_(rouse_waiter_queue *q) {
    rouse_chain_ chain = {NULL, NULL};
    uint32_t credit = 0;
    const uint32_t all = rouse_sweep_(q, rouse_outcome_(ROUSE_CLOSED, 0), ROUSE_CLOSED_, &credit, &chain);
    (void)rouse_hand_out_(q, credit, ROUSE_UNCAPPED_, &chain);
    ROUSE_TRACE("close", q, NULL);
    rouse_deliver_(&chain);
    return all;
}

static inline uint32_t rouse_backend_waiter_count_(const rouse_waiter_queue *q) {
    /* Relaxed: a snapshot; nothing is read on the strength of it. */
    return rouse_u32_load_relaxed_(&q->count_) + rouse_slot_count_(q);
}

static inline int64_t rouse_backend_balance_(const rouse_waiter_queue *q) {
    return rouse_word_balance_(rouse_u64_load_relaxed_(&q->word_)); /* relaxed: a snapshot */
}

static inline rouse_status rouse_backend_reserve_(rouse_waiter_queue *q, uint32_t waiters) {
    (void)q;
    (void)waiters;
    return ROUSE_OK;
}

#endif /* ROUSE_DETAIL_LOCKED_QUEUE_H */
