/* rouse/detail/backend_mutex.h: the MUTEX backend: the platform's mutex around the list. Internal.
 *
 * The plainest of the three, and the friendliest of the locks when threads outnumber cores: the system knows
 * who holds the mutex and lets waiters sleep. Allocates nothing. Not for signal handlers.
 *
 * States of the word: balance >= 0 and not LISTED: nobody waits, every transition is one compare-and-swap.
 * LISTED: the list holds somebody; see locked_queue.h. */
#ifndef ROUSE_DETAIL_BACKEND_MUTEX_H
#define ROUSE_DETAIL_BACKEND_MUTEX_H

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
    rouse_atomic_u64_ word_;  /* balance.h                                               */
    rouse_wait_list_ list_;   /* oldest first; under the lock, like lacks_               */
    uint32_t lacks_;          /* what the listed waiters lack together                   */
    rouse_atomic_u32_ count_; /* how many are listed; written under the lock, read freely */
    rouse_lock_ lock_;
};

#if defined(ROUSE_LOCK_INIT_)
#    define ROUSE_BACKEND_INIT_(credit)                                                                      \
        { ROUSE_ATOMIC_INIT_(credit), {NULL, NULL}, 0, ROUSE_ATOMIC_INIT_(0), ROUSE_LOCK_INIT_ }
#endif

static inline void rouse_enter_(struct rouse_waiter_queue *q) {
    /* E5: the mutex itself orders one critical section before the next. */
    rouse_lock_take_(&q->lock_);
}
static inline void rouse_leave_(struct rouse_waiter_queue *q) {
    rouse_lock_drop_(&q->lock_);
}

/* No slot: every waiter is in the list from the start, so the word is never negative without LISTED. */
static inline bool rouse_slot_queue_(struct rouse_waiter_queue *q, rouse_waiter *w, uint32_t n) {
    (void)q, (void)w, (void)n;
    return false;
}
static inline void rouse_slot_import_(struct rouse_waiter_queue *q, uint64_t seen) {
    (void)q, (void)seen;
}
static inline bool rouse_slot_give_(struct rouse_waiter_queue *q, uint32_t n, uint32_t cap,
                                    rouse_chain_ *chain) {
    (void)q, (void)n, (void)cap, (void)chain;
    return false;
}
static inline void rouse_slot_give_added_(struct rouse_waiter_queue *q, uint32_t n, uint64_t before,
                                          rouse_chain_ *chain) {
    (void)q, (void)n, (void)before, (void)chain;
}
static inline rouse_waiter *rouse_slot_take_(struct rouse_waiter_queue *q, const rouse_waiter *only,
                                             uint64_t bits, uint32_t *credit) {
    (void)q, (void)only, (void)bits, (void)credit;
    return NULL;
}
static inline uint32_t rouse_slot_count_(const struct rouse_waiter_queue *q) {
    (void)q;
    return 0;
}

static inline void rouse_backend_init_(struct rouse_waiter_queue *q) {
    q->list_.oldest = NULL;
    q->list_.newest = NULL;
    q->lacks_ = 0;
    rouse_u32_init_(&q->count_, 0);
    rouse_lock_init_(&q->lock_);
}

static inline void rouse_backend_destroy_(struct rouse_waiter_queue *q) {
    rouse_lock_destroy_(&q->lock_);
}

#include "locked_queue.h"

#endif /* ROUSE_DETAIL_BACKEND_MUTEX_H */
