/* rouse/detail/queue/local.h: the LOCAL backend: one thread, plain numbers, a plain list. Internal.
 *
 * A queue belongs to one thread (base/owner.h). Nothing in it is atomic, and no call costs an atomic
 * read-modify-write or a fence. The members of a waiter are atomic for the sake of the other backends; here
 * they are read and written relaxed. Not for signal handlers. Allocates nothing.
 *
 *   state     balance_                             list_
 *   FREE      0 or more: the stored credit         empty
 *   QUEUED    -LOCAL_LACK ... -1: minus what       the waiters, oldest first
 *             the waiters lack together
 *   CLOSED    the stored credit - LOCAL_CLOSED     empty
 *
 *   FREE   -> QUEUED   wait, lacking something
 *   QUEUED -> FREE     wake, wake_all and cancel, when no waiter is left
 *   any    -> CLOSED   close, set
 *   CLOSED -> FREE     reset
 *
 * So each fast path needs one comparison. "Open, nobody waits, and at least n stored" is balance_ >= n.
 * "Open, nobody waits, and room for one more" is one unsigned comparison with the limit.
 *
 * A waiter is in the list exactly while its status is PENDING. A call stores the outcomes of all waiters that
 * it has taken out before it runs the first wake. */
#ifndef ROUSE_DETAIL_QUEUE_LOCAL_H
#define ROUSE_DETAIL_QUEUE_LOCAL_H

#include "../../waiter.h"
#include "../base/atomic.h"
#include "../base/check.h"
#include "../base/owner.h"
#include "../base/platform.h"
#include "../wake/chain.h"
#include "../wake/deliver.h"
#include "../wake/outcome.h"
#include "list.h"
#include "types.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct rouse_waiter_queue {
    int64_t balance_;
    ROUSE_BUILT_MEMBER_
    ROUSE_STATS_MEMBER_
    rouse_list_ list_; /* the waiters */
    uint32_t count_;
    ROUSE_OWNER_MEMBER_
};

#define ROUSE_BACKEND_INIT_(credit) \
    { ROUSE_BUILT_INIT_((int64_t)(credit)), {NULL, NULL}, ROUSE_OWNER_INIT_(0) }

/* LACK is more than 2^32 waiters can lack together. CLOSED is larger still, so that the balance of a closed
 * queue is below that of every open one. */
#define ROUSE_LOCAL_LACK_   ((int64_t)1 << 61)
#define ROUSE_LOCAL_CLOSED_ ((int64_t)1 << 62)

/* ---- the balance --------------------------------------------------------------------------------------- */

ROUSE_INLINE_ bool rouse_queue_closed_(const rouse_waiter_queue *q) {
    return q->balance_ < -ROUSE_LOCAL_LACK_;
}

ROUSE_INLINE_ int64_t rouse_backend_balance_(const rouse_waiter_queue *q) {
    return rouse_queue_closed_(q) ? q->balance_ + ROUSE_LOCAL_CLOSED_ : q->balance_;
}

ROUSE_INLINE_ uint32_t rouse_backend_waiter_count_(const rouse_waiter_queue *q) {
    return q->count_;
}

#ifdef ROUSE_DEBUG
/* Returns how much of `most` the oldest waiter has been given, if it asked for `most`. */
ROUSE_INLINE_ uint32_t rouse_backend_given_(const rouse_waiter_queue *q, uint32_t most) {
    (void)most;
    return q->list_.oldest == NULL
               ? 0
               : rouse_account_asked_(q->list_.oldest) - rouse_account_lacks_(q->list_.oldest);
}
#endif

#ifdef ROUSE_STATS
/* Returns when the oldest waiter queued; 0: nobody waits. */
ROUSE_INLINE_ uint64_t rouse_backend_oldest_(const rouse_waiter_queue *q) {
    return q->list_.oldest == NULL ? 0 : rouse_u64_load_relaxed_(&q->list_.oldest->since_);
}
#endif

/* Takes n. FREE, n or more -> FREE, n less: true. Anything else -> unchanged: false. */
ROUSE_INLINE_ bool rouse_queue_take_(rouse_waiter_queue *q, uint32_t n) {
    if (q->balance_ < (int64_t)n) {
        return false;
    }
    q->balance_ -= (int64_t)n;
    return true;
}

/* Takes up to n. FREE, CLOSED -> the same, up to n less. QUEUED -> unchanged. Returns how many. */
ROUSE_INLINE_ uint32_t rouse_queue_reduce_(rouse_waiter_queue *q, uint32_t n) {
    const int64_t stored = rouse_backend_balance_(q);
    uint32_t taken = 0;
    if (stored > 0) {
        taken = stored < (int64_t)n ? (uint32_t)stored : n;
        q->balance_ -= (int64_t)taken;
    }
    return taken;
}

/* Adds n under a cap. Requires that nobody waits.
 *
 *     FREE, CLOSED    ->  the same, n more, but no more than the cap and no less than it was    OK
 *                     ->  unchanged, if the cap is ROUSE_MAX_PERMITS and would be passed        OVERFLOW */
ROUSE_INLINE_ rouse_status rouse_local_store_(rouse_waiter_queue *q, uint32_t n, uint32_t cap) {
    const int64_t balance = rouse_backend_balance_(q);
    const int64_t sum = balance + (int64_t)n;
    if (cap == ROUSE_MAX_PERMITS && sum > ROUSE_MAX_PERMITS) {
        return ROUSE_OVERFLOW;
    }
    if (sum <= (int64_t)cap) {
        q->balance_ += (int64_t)n;
    } else if (balance < (int64_t)cap) {
        q->balance_ += (int64_t)cap - balance;
    }
    return ROUSE_OK;
}

/* ---- the list ------------------------------------------------------------------------------------------ */

/* Takes out the oldest waiter, w. The caller adds what it lacked to the balance. */
ROUSE_INLINE_ void rouse_local_pop_(rouse_waiter_queue *q, rouse_waiter *w) {
    rouse_list_pop_(&q->list_, w);
    q->count_--;
    ROUSE_TRACE("grant", q, w);
    ROUSE_STATS_LEFT_(q, w, ROUSE_OK);
}

/* Gives n, no more than the waiters lack together. Waiters that have all they asked for go to the chain. */
ROUSE_INLINE_ void rouse_local_give_(rouse_waiter_queue *q, uint32_t n, rouse_chain_ *chain) {
    q->balance_ += (int64_t)n;
    while (n != 0) {
        rouse_waiter *const w = q->list_.oldest;
        const uint32_t lacks = rouse_account_lacks_(w);
        if (n < lacks) {
            rouse_account_set_lacks_(w, lacks - n);
            return;
        }
        n -= lacks;
        rouse_local_pop_(q, w);
        rouse_chain_add_(chain, w, rouse_outcome_(ROUSE_OK, 0));
    }
}

/* Gives as much of n as the waiters lack. Returns the rest. */
ROUSE_INLINE_ uint32_t rouse_local_serve_(rouse_waiter_queue *q, uint32_t n, rouse_chain_ *chain) {
    const int64_t lack = q->list_.oldest != NULL ? -q->balance_ : 0;
    const uint32_t given = (int64_t)n < lack ? n : (uint32_t)lack;
    rouse_local_give_(q, given, chain);
    return n - given;
}

/* Takes all waiters out with `outcome`, so the list becomes empty. The caller has set the balance. Returns
 * how many. */
ROUSE_INLINE_ uint32_t rouse_local_sweep_(rouse_waiter_queue *q, uint32_t outcome) {
    rouse_waiter *const first = rouse_list_take_all_(&q->list_);
    const uint32_t count = q->count_;
    q->count_ = 0;
    ROUSE_STATS_SWEPT_(q, first, outcome);
    rouse_deliver_chain_(q, first, outcome);
    return count;
}

/* ---- the backend interface (types.h) ------------------------------------------------------------------- */

ROUSE_INLINE_ void rouse_backend_init_(rouse_waiter_queue *q, uint32_t credit) {
    q->balance_ = (int64_t)credit;
    ROUSE_BUILT_BEGIN_(q);
    ROUSE_STATS_BEGIN_(q);
    (void)rouse_list_take_all_(&q->list_);
    q->count_ = 0;
    ROUSE_OWNER_BEGIN_(q);
}

ROUSE_INLINE_ void rouse_backend_destroy_(rouse_waiter_queue *q) {
    (void)q;
}

ROUSE_INLINE_ rouse_status rouse_backend_reserve_(rouse_waiter_queue *q, uint32_t waiters) {
    (void)q;
    (void)waiters;
    return ROUSE_OK;
}

/* Queues w. Stored credit that does not cover n becomes part of what w has.
 *
 *     FREE, n > balance >= 0    ->  QUEUED, balance - n    PENDING: w lacks n - balance
 *     QUEUED                    ->  QUEUED, balance - n    PENDING: w lacks n
 *     the condition holds       ->  unchanged              OK
 *     CLOSED                    ->  unchanged              CLOSED
 *
 * It calls `ready` again, although this thread has changed nothing: `ready` may read another thread's
 * memory. */
ROUSE_SLOW_ rouse_status rouse_backend_wait_(rouse_waiter_queue *q, rouse_waiter *w, uint32_t n,
                                             rouse_ready_fn_ *ready, void *arg) {
    const int64_t after = q->balance_ - (int64_t)n;
    rouse_waiter *const before = q->list_.newest;
    uint32_t lacks = n;
    if (before == NULL && !ROUSE_LIKELY_(after >= -ROUSE_LOCAL_LACK_)) { /* while somebody waits it is open */
        return ROUSE_CLOSED;
    }
    if (ready != NULL && ready(arg)) {
        return ROUSE_OK;
    }
    if (before == NULL) {
        lacks = (uint32_t)-after;
    }
    /* First what is in w, then the list and the queue: a store to another cache line than the last one takes
     * longer. */
    rouse_u64_store_relaxed_(&w->account_, rouse_account_make_(n, lacks));
    rouse_u32_store_relaxed_(&w->status_, (uint32_t)ROUSE_PENDING);
    if (before == NULL) {
        rouse_list_begin_(&q->list_, w);
    } else {
        rouse_list_append_behind_(&q->list_, before, w);
    }
    q->count_++;
    q->balance_ = after;
    ROUSE_OWN_QUEUED_(w, q);
    ROUSE_TRACE("queue", q, w);
    ROUSE_STATS_QUEUED_(q, w);
    return ROUSE_PENDING;
}

/* Gives 1 to the oldest waiter, w.
 *
 *     w lacks 1       QUEUED, b  ->  QUEUED or FREE, b + 1: w is taken out    true: the caller delivers
 *     w lacks more    QUEUED, b  ->  QUEUED, b + 1                            false */
ROUSE_INLINE_ bool rouse_local_give_one_(rouse_waiter_queue *q, rouse_waiter *w) {
    const uint32_t lacks = rouse_account_lacks_(w);
    if (!ROUSE_LIKELY_(lacks == 1)) {
        rouse_account_set_lacks_(w, lacks - 1);
        q->balance_++;
        return false;
    }
    rouse_local_pop_(q, w);
    q->balance_++;
    return true;
}

/* Gives n. FREE, CLOSED -> rouse_local_store_. QUEUED -> QUEUED, n more, or FREE: what no waiter lacks, up to
 * the cap. */
ROUSE_SLOW_ rouse_status rouse_backend_wake_(rouse_waiter_queue *q, uint32_t n, uint32_t cap,
                                             uint32_t *woken) {
    rouse_chain_ chain = {NULL, NULL};
    rouse_waiter *const w = q->list_.oldest;
    uint32_t rest;
    if (w == NULL) {
        return rouse_local_store_(q, n, cap);
    }
    if (n == 1) {
        *woken = rouse_local_give_one_(q, w);
        if (*woken != 0) {
            rouse_deliver_one_(w, rouse_outcome_(ROUSE_OK, 0));
        }
        return ROUSE_OK;
    }
    rest = rouse_local_serve_(q, n, &chain);
    if (rest != 0) { /* no waiter is left, and the balance is 0 */
        q->balance_ = rest < cap ? rest : cap;
    }
    *woken = rouse_chain_length_(&chain);
    rouse_deliver_(&chain);
    return ROUSE_OK;
}

/* Releases one permit when somebody waits, or when the queue is closed or full; that case is out of line
 * too. */
ROUSE_COLD_ rouse_status rouse_local_store_one_(rouse_waiter_queue *q) {
    return rouse_local_store_(q, 1, ROUSE_MAX_PERMITS);
}
ROUSE_SLOW_ rouse_status rouse_local_hand_off_(rouse_waiter_queue *q) {
    rouse_waiter *const w = q->list_.oldest;
    if (!ROUSE_LIKELY_(w != NULL)) {
        return rouse_local_store_one_(q);
    }
    if (rouse_local_give_one_(q, w)) {
        rouse_deliver_one_(w, rouse_outcome_(ROUSE_OK, 0));
    }
    return ROUSE_OK;
}

/* Gives what a cancelled waiter had to the next ones, and what none of them lacks to the balance. */
ROUSE_COLD_ void rouse_local_hand_on_(rouse_waiter_queue *q, uint32_t credit) {
    rouse_chain_ chain = {NULL, NULL};
    q->balance_ += (int64_t)rouse_local_serve_(q, credit, &chain);
    rouse_deliver_(&chain);
}

/* QUEUED -> QUEUED or FREE: takes w out, adds what it lacked, and gives what it had to the next waiter. */
ROUSE_SLOW_ bool rouse_backend_cancel_(rouse_waiter_queue *q, rouse_waiter *w) {
    uint32_t lacks;
    uint32_t credit;
    if (rouse_waiter_status_(w) != ROUSE_PENDING) {
        return false;
    }
    lacks = rouse_account_lacks_(w);
    credit = rouse_account_asked_(w) - lacks;
    rouse_list_remove_(&q->list_, w);
    q->count_--;
    q->balance_ += (int64_t)lacks;
    ROUSE_TRACE("cancel", q, w);
    ROUSE_STATS_LEFT_(q, w, ROUSE_CANCELLED);
    rouse_waiter_release_(w);
    if (!ROUSE_LIKELY_(credit == 0)) {
        rouse_local_hand_on_(q, credit);
    }
    return true;
}

/* QUEUED -> FREE, 0. FREE, CLOSED -> unchanged. */
ROUSE_SLOW_ uint32_t rouse_backend_wake_all_(rouse_waiter_queue *q) {
    if (q->list_.oldest == NULL) {
        return 0;
    }
    q->balance_ = 0;
    return rouse_local_sweep_(q, rouse_outcome_(ROUSE_OK, ROUSE_OUTCOME_BY_ALL_));
}

/* FREE -> CLOSED, the same credit. QUEUED -> CLOSED, no credit. CLOSED -> unchanged. */
ROUSE_SLOW_ uint32_t rouse_queue_set_(rouse_waiter_queue *q) {
    if (rouse_queue_closed_(q)) {
        return 0;
    }
    q->balance_ = (q->balance_ > 0 ? q->balance_ : 0) - ROUSE_LOCAL_CLOSED_;
    return rouse_local_sweep_(q, rouse_outcome_(ROUSE_OK, ROUSE_OUTCOME_BY_ALL_));
}

/* CLOSED -> FREE, the same credit: true. Anything else -> unchanged: false. */
ROUSE_INLINE_ bool rouse_queue_reset_(rouse_waiter_queue *q) {
    const bool closed = rouse_queue_closed_(q);
    if (closed) {
        q->balance_ += ROUSE_LOCAL_CLOSED_;
    }
    return closed;
}

/* FREE -> CLOSED, the same credit. QUEUED -> CLOSED, what the waiters had been given. CLOSED -> unchanged. */
ROUSE_SLOW_ uint32_t rouse_backend_close_(rouse_waiter_queue *q) {
    ROUSE_TRACE("close", q, NULL);
    if (rouse_queue_closed_(q)) {
        return 0;
    }
    if (q->list_.oldest != NULL) { /* what the waiters have been given goes back */
        q->balance_ = 0;
        for (const rouse_waiter *w = q->list_.oldest; w != NULL; w = w->next_) {
            q->balance_ += (int64_t)(rouse_account_asked_(w) - rouse_account_lacks_(w));
        }
    }
    q->balance_ -= ROUSE_LOCAL_CLOSED_;
    return rouse_local_sweep_(q, rouse_outcome_(ROUSE_CLOSED, 0));
}

#include "compiled.h"

/* ---- policies ------------------------------------------------------------------------------------------ */

ROUSE_INLINE_ rouse_status rouse_queue_give_one_(rouse_waiter_queue *q) {
    if (ROUSE_LIKELY_((uint64_t)q->balance_ < ROUSE_MAX_PERMITS)) { /* not negative, and room for one */
        q->balance_++;
        return ROUSE_OK;
    }
    return rouse_local_hand_off_(q);
}

ROUSE_INLINE_ rouse_status rouse_queue_wake_(rouse_waiter_queue *q, uint32_t n, uint32_t cap,
                                             uint32_t *woken) {
    return ROUSE_LIKELY_(q->balance_ >= 0) ? rouse_local_store_(q, n, cap)
                                           : rouse_backend_wake_(q, n, cap, woken);
}

ROUSE_INLINE_ rouse_status rouse_queue_unlock_(rouse_waiter_queue *q) {
    if (ROUSE_LIKELY_(q->balance_ == 0)) {
        q->balance_ = 1;
        return ROUSE_OK;
    }
    return rouse_backend_balance_(q) > 0 ? ROUSE_INVALID : rouse_local_hand_off_(q);
}

ROUSE_INLINE_ rouse_status rouse_queue_give_back_(rouse_waiter_queue *q, uint32_t n, uint32_t most) {
    const int64_t balance = rouse_backend_balance_(q);
    uint32_t woken = 0;
    if (balance < 0) {
        return n == 0 ? ROUSE_OK : rouse_backend_wake_(q, n, most, &woken);
    }
    if (balance + (int64_t)n > (int64_t)most) {
        return ROUSE_INVALID;
    }
    q->balance_ += (int64_t)n;
    return ROUSE_OK;
}

#endif /* ROUSE_DETAIL_QUEUE_LOCAL_H */
