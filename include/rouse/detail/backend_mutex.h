/* rouse/detail/backend_mutex.h: the MUTEX backend: the platform's mutex around the list. Internal.
 *
 * The plainest of the three, and the friendliest of the locks when threads outnumber cores: the system knows
 * who holds the mutex and lets waiters sleep. Allocates nothing. Not for signal handlers.
 *
 *     FREE    balance >= 0   nobody waits; every transition is one atomic operation on the word
 *     MULTI   balance <  0   the list holds somebody, or has just been emptied by who holds the mutex
 *
 *     FREE  -> MULTI   a waiter, holding the mutex, takes what credit there is (CAS)
 *     MULTI -> FREE    whoever empties the list stores a balance of 0 before dropping the mutex; credit that is left over
 *                      is added after that, because whoever takes it may destroy the queue
 *
 * In MULTI the number in the balance means nothing: a release(1) that has added to it goes on to the mutex.
 */
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
    rouse_atomic_u64_ word_;   /* balance.h                                                             */
    rouse_wait_list_ list_;    /* oldest first; under the mutex                                         */
    rouse_atomic_u64_ listed_; /* locked_queue.h; written under the mutex                               */
    uint32_t sweeps_;          /* how many times the list was taken as a whole; under the mutex         */
    rouse_lock_ lock_;         /* E5: the mutex itself orders one critical section before the next      */
};

#if defined(ROUSE_LOCK_INIT_)
#    define ROUSE_BACKEND_INIT_(credit) \
        { ROUSE_ATOMIC_INIT_(credit), {NULL, NULL}, ROUSE_ATOMIC_INIT_(0), 0, ROUSE_LOCK_INIT_ }
#endif

#define ROUSE_MULTI_ ((uint64_t)(int64_t)INT32_MIN)

static inline bool rouse_word_multi_(uint64_t word) {
    return rouse_word_balance_(word) < 0;
}
#define ROUSE_ADD_ONE_ ((uint64_t)1)

static inline uint32_t rouse_listed_lack_(const struct rouse_waiter_queue *q);

static inline bool rouse_enter_(struct rouse_waiter_queue *q) {
    rouse_lock_take_(&q->lock_);
    if (q->list_.oldest == NULL) {
        rouse_lock_drop_(&q->lock_);
        return false;
    }
    return true;
}

static inline rouse_status rouse_enter_to_queue_(struct rouse_waiter_queue *q, uint32_t n, uint32_t *credit) {
    rouse_status status = ROUSE_PENDING;
    uint64_t seen;
    rouse_lock_take_(&q->lock_);
    /* E3: acquire, for who finds it closed; else a guess for the CAS. */
    seen = rouse_u64_load_acquire_(&q->word_);
    if (rouse_word_balance_(seen) < 0) {
        /* Relaxed: under the mutex. */
        if (rouse_listed_lack_(q) + n > ROUSE_MAX_LACK) {
            status = ROUSE_OVERFLOW;
        }
    } else {
        uint64_t after;
        do {
            const uint32_t stored = (uint32_t)rouse_word_balance_(seen);
            if (rouse_word_closed_(seen)) {
                status = ROUSE_CLOSED;
                break;
            }
            status = stored >= n ? ROUSE_OK : ROUSE_PENDING;
            after = stored >= n ? seen - n : ROUSE_MULTI_;
            *credit = stored;
            /* E4: release, so that a waker that sees MULTI sees what came before the wait; acquire, so that
             * the second look at `ready` sees what a waker wrote whose wake came first. */
        } while (!rouse_u64_cas_acq_rel_(&q->word_, &seen, after));
    }
    if (status != ROUSE_PENDING) {
        rouse_lock_drop_(&q->lock_);
    }
    return status;
}

static inline uint32_t rouse_leave_(struct rouse_waiter_queue *q, uint32_t credit, uint64_t bits) {
    /* E3: release, for takers and notifiers that find the word again. It is MULTI, which only the holder of
     * the mutex ends, and who has added to it comes to the mutex: nothing is lost by the store, and the adds
     * do not pile up. */
    rouse_u64_store_release_(&q->word_, q->list_.oldest != NULL ? ROUSE_MULTI_ : bits);
    rouse_lock_drop_(&q->lock_);
    return credit;
}

/* No slot: every waiter is in the list from the start. */
static inline bool rouse_slot_queue_(struct rouse_waiter_queue *q, rouse_waiter *w, uint32_t n) {
    (void)q, (void)w, (void)n;
    return false;
}
static inline bool rouse_slot_give_(struct rouse_waiter_queue *q, uint32_t n, uint32_t cap,
                                    rouse_chain_ *chain) {
    (void)q, (void)n, (void)cap, (void)chain;
    return false;
}
static inline bool rouse_slot_give_added_(struct rouse_waiter_queue *q, uint64_t before,
                                          rouse_waiter **served) {
    (void)q, (void)before, (void)served;
    return false;
}
static inline bool rouse_slot_take_(struct rouse_waiter_queue *q, rouse_waiter *w) {
    (void)q, (void)w;
    return false;
}
static inline bool rouse_slot_wake_all_(struct rouse_waiter_queue *q) {
    (void)q;
    return false;
}

static inline void rouse_backend_init_(struct rouse_waiter_queue *q) {
    q->list_.oldest = NULL;
    q->list_.newest = NULL;
    rouse_u64_init_(&q->listed_, 0);
    q->sweeps_ = 0;
    rouse_lock_init_(&q->lock_);
}

static inline void rouse_backend_destroy_(struct rouse_waiter_queue *q) {
    rouse_lock_destroy_(&q->lock_);
}

#include "locked_queue.h"

#endif /* ROUSE_DETAIL_BACKEND_MUTEX_H */
