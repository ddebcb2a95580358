/* rouse/detail/queue/listed.h: the waiters in a queue's list, and how many permits they lack. Internal.
 *
 * The thread that holds the queue's lock makes all calls here, except for the two snapshots.
 *
 *   member    holds                                           written by
 *   list      the waiters, oldest first                       the holder of the lock
 *   counts    waiters * 2^40 + permits lacked in the list     the holder; any thread reads it, for snapshots
 *   sweeps_or_turns
 *             strict: how often the list was taken as a whole;
 *             throughput mode: which waiters have a turn      the holder
 *             (open_turns.h)
 *   bypass    0: strict; otherwise throughput mode's bound    init (open.h says what it means)
 *
 *   ticket_ of a waiter   where it is
 *   2 * sweeps + 1        in the list: this is the list's mark
 *   0                     in SPIN's slot, or taken out by the thread that delivers or cancels it
 *   an earlier mark       taken out with the whole list
 *   8 and more            invited, in throughput mode (open.h), where the list's mark is 1
 *
 * Every number except the list's mark says that the waiter is not in the list. Taking the list as a whole
 * changes the mark, so that no call has to change the waiters one by one under the lock. A canceller would be
 * misled only if the list were taken 2^31 times while another thread is delivering the canceller's waiter. */
#ifndef ROUSE_DETAIL_QUEUE_LISTED_H
#define ROUSE_DETAIL_QUEUE_LISTED_H

#include "../../waiter.h"
#include "../base/atomic.h"
#include "../base/check.h"
#include "../wake/chain.h"
#include "../wake/outcome.h"
#include "list.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct rouse_listed_ {
    rouse_list_ list;
    rouse_atomic_u64_ counts;
    uint32_t sweeps_or_turns;
    uint32_t bypass;
} rouse_listed_;

#define ROUSE_LISTED_INIT_(bypass) \
    { {NULL, NULL}, ROUSE_ATOMIC_INIT_(0), 0, (bypass) }
#define ROUSE_LISTED_ONE_  ((uint64_t)1 << 40)
#define ROUSE_LISTED_MOST_ ((uint64_t)0xffffff * ROUSE_LISTED_ONE_) /* 16,777,215 waiters */
#define ROUSE_LISTED_FEW_  ((uint64_t)2047 * ROUSE_LISTED_ONE_)

ROUSE_INLINE_ void rouse_listed_init_(rouse_listed_ *listed) {
    listed->list.oldest = NULL;
    listed->list.newest = NULL;
    rouse_u64_init_(&listed->counts, 0);
    listed->sweeps_or_turns = 0;
    listed->bypass = 0;
}

/* Relaxed, both: snapshots. */
ROUSE_INLINE_ uint64_t rouse_listed_lack_(const rouse_listed_ *listed) {
    return rouse_u64_load_relaxed_(&listed->counts) & (ROUSE_LISTED_ONE_ - 1);
}
ROUSE_INLINE_ uint32_t rouse_listed_count_(const rouse_listed_ *listed) {
    return (uint32_t)(rouse_u64_load_relaxed_(&listed->counts) / ROUSE_LISTED_ONE_);
}
/* Relaxed: the lock orders the writers. */
ROUSE_INLINE_ void rouse_listed_change_(rouse_listed_ *listed, uint64_t by) {
    rouse_u64_store_relaxed_(&listed->counts, rouse_u64_load_relaxed_(&listed->counts) + by);
}

/* Is there room for one more waiter, which lacks `lacks`? There is for the first ROUSE_LISTED_FEW_ waiters,
 * whatever they lack, because 2048 times ROUSE_MAX_PERMITS is less than ROUSE_LISTED_ONE_. Relaxed: under the
 * lock. */
ROUSE_INLINE_ bool rouse_listed_has_room_(const rouse_listed_ *listed, uint32_t lacks) {
    const uint64_t counts = rouse_u64_load_relaxed_(&listed->counts);
    return ROUSE_LIKELY_(counts < ROUSE_LISTED_FEW_) ||
           (counts < ROUSE_LISTED_MOST_ && (counts & (ROUSE_LISTED_ONE_ - 1)) + lacks < ROUSE_LISTED_ONE_);
}

ROUSE_INLINE_ uint32_t rouse_listed_mark_(const rouse_listed_ *listed) {
    return 2 * listed->sweeps_or_turns + 1;
}

/* Prepares a waiter that no other thread sees yet. `mark` is the list's mark, or 0 for the slot. */
ROUSE_INLINE_ void rouse_listed_prepare_(void *queue, rouse_waiter *w, uint32_t n, uint32_t lacks,
                                         uint32_t mark) {
    rouse_u64_store_relaxed_(&w->account_, rouse_account_make_(n, lacks));
    rouse_u32_store_relaxed_(&w->ticket_, mark);
    rouse_u32_store_relaxed_(&w->status_, (uint32_t)ROUSE_PENDING);
    ROUSE_OWN_QUEUED_(w, queue);
    ROUSE_TRACE("queue", queue, w);
    ROUSE_STATS_QUEUED_(queue, w);
    (void)queue;
}

/* Appends w, which lacks `lacks` and has the list's mark. */
ROUSE_INLINE_ void rouse_listed_add_(rouse_listed_ *listed, rouse_waiter *w, uint32_t lacks) {
    rouse_list_append_(&listed->list, w);
    rouse_listed_change_(listed, ROUSE_LISTED_ONE_ + lacks);
}
/* Appends w where the list is not empty. */
ROUSE_INLINE_ void rouse_listed_add_behind_(rouse_listed_ *listed, rouse_waiter *w, uint32_t lacks) {
    rouse_list_append_behind_(&listed->list, listed->list.newest, w);
    rouse_listed_change_(listed, ROUSE_LISTED_ONE_ + lacks);
}

ROUSE_INLINE_ void rouse_listed_remove_(rouse_listed_ *listed, rouse_waiter *w) {
    rouse_u32_store_relaxed_(&w->ticket_, 0);
    rouse_list_remove_(&listed->list, w);
    rouse_listed_change_(listed, 0 - (ROUSE_LISTED_ONE_ + rouse_account_lacks_(w)));
}

/* Gives the oldest waiter n, which is less than it lacks. */
ROUSE_INLINE_ void rouse_listed_credit_(rouse_listed_ *listed, rouse_waiter *w, uint32_t n) {
    rouse_account_set_lacks_(w, rouse_account_lacks_(w) - n);
    rouse_listed_change_(listed, 0 - (uint64_t)n);
}

/* Takes the oldest waiter out of the list. It has all that it asked for. `queue` is only passed on to the
 * trace. */
ROUSE_INLINE_ void rouse_listed_grant_(const void *queue, rouse_listed_ *listed, rouse_waiter *w) {
    rouse_listed_remove_(listed, w);
    ROUSE_TRACE("grant", queue, w);
    ROUSE_STATS_LEFT_(queue, w, ROUSE_OK);
    (void)queue;
}

/* Gives 1 to the oldest waiter. Returns the waiter if it has all that it asked for now, otherwise NULL. */
ROUSE_INLINE_ rouse_waiter *rouse_listed_give_one_(const void *queue, rouse_listed_ *listed) {
    rouse_waiter *const w = listed->list.oldest;
    if (!ROUSE_LIKELY_(rouse_account_lacks_(w) == 1)) {
        rouse_listed_credit_(listed, w, 1);
        return NULL;
    }
    rouse_u32_store_relaxed_(&w->ticket_, 0); /* relaxed: under the lock */
    rouse_listed_change_(listed, 0 - (ROUSE_LISTED_ONE_ + 1));
    /* Last, so that the compiler still knows whether the list is empty when the caller drops the lock. */
    rouse_list_pop_(&listed->list, w);
    ROUSE_TRACE("grant", queue, w);
    ROUSE_STATS_LEFT_(queue, w, ROUSE_OK);
    (void)queue;
    return w;
}

/* Gives up to n to the oldest waiters, and adds those that have all they asked for to the chain. Returns what
 * is left. */
ROUSE_INLINE_ uint32_t rouse_listed_give_(const void *queue, rouse_listed_ *listed, uint32_t n,
                                          rouse_chain_ *chain) {
    while (n != 0 && listed->list.oldest != NULL) {
        rouse_waiter *const w = listed->list.oldest;
        const uint32_t lacks = rouse_account_lacks_(w);
        if (n < lacks) {
            rouse_listed_credit_(listed, w, n);
            return 0;
        }
        n -= lacks;
        rouse_listed_grant_(queue, listed, w);
        rouse_chain_add_(chain, w, rouse_outcome_(ROUSE_OK, 0));
    }
    return n;
}

/* Returns what the listed waiters have been given so far. */
ROUSE_INLINE_ uint32_t rouse_listed_given_(const rouse_listed_ *listed) {
    uint32_t given = 0;
    for (const rouse_waiter *w = listed->list.oldest; w != NULL; w = w->next_) {
        given += rouse_account_asked_(w) - rouse_account_lacks_(w);
    }
    return given;
}

/* Takes the list as a whole, in its order. */
ROUSE_INLINE_ rouse_waiter *rouse_listed_take_(rouse_listed_ *listed) {
    listed->sweeps_or_turns++;
    rouse_u64_store_relaxed_(&listed->counts, 0);
    return rouse_list_take_all_(&listed->list);
}

#endif /* ROUSE_DETAIL_QUEUE_LISTED_H */
