/* rouse/detail/queue/mutex.h: the MUTEX backend: the platform's mutex around the list. Internal.
 *
 * This is the plainest backend. It is also the friendliest of the locks when threads outnumber cores: the
 * system knows which thread holds the mutex, and lets waiting threads sleep. Allocates nothing. Not for
 * signal handlers.
 *
 *     FREE    balance >= 0   nobody waits; every transition is one atomic operation on the word
 *     MULTI   balance <  0   the list holds a waiter, or the mutex's holder has just emptied it
 *
 *     FREE  -> MULTI   a waiter, holding the mutex, takes what credit there is (CAS)
 *     MULTI -> FREE    the thread that empties the list stores a balance of 0 before it drops the mutex. It
 *                      adds credit that is left over after that, because the thread that takes the credit may
 *                      destroy the queue
 *
 * In MULTI the number in the balance means nothing. A release(1) that has added to it continues at the
 * mutex. */
#ifndef ROUSE_DETAIL_QUEUE_MUTEX_H
#define ROUSE_DETAIL_QUEUE_MUTEX_H

#include "../../waiter.h"
#include "../base/atomic.h"
#include "../base/check.h"
#include "../base/lock.h"
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

struct rouse_waiter_queue {
    rouse_atomic_u64_ word_; /* word.h                                                                */
    ROUSE_BUILT_MEMBER_
    ROUSE_STATS_MEMBER_
    rouse_listed_ listed_;    /* oldest first; under the lock                                          */
    rouse_lock_ lock_;        /* E5: the mutex orders one critical section before the next             */
    rouse_atomic_u32_ doubt_; /* throughput mode: linger.h                                           */
};

#if defined(ROUSE_LOCK_INIT_)
#    define ROUSE_BACKEND_INIT_(credit) ROUSE_BACKEND_INIT_THROUGHPUT_(credit, 0)
#    define ROUSE_BACKEND_INIT_THROUGHPUT_(credit, bypass)                                               \
        {                                                                                                \
            ROUSE_BUILT_INIT_(ROUSE_ATOMIC_INIT_(credit)), ROUSE_LISTED_INIT_(bypass), ROUSE_LOCK_INIT_, \
                ROUSE_ATOMIC_INIT_(0)                                                                    \
        }
#endif

#define ROUSE_WORD_MULTI_ ((uint64_t)(int64_t)INT32_MIN)

ROUSE_INLINE_ bool rouse_word_multi_(uint64_t word) {
    return rouse_word_balance_(word) < 0;
}
/* The serial is for throughput mode. In strict mode it means nothing. */
#define ROUSE_WORD_ADD_ONE_ (1 + ROUSE_WORD_SERIAL_)

/* Takes the mutex if the list holds a waiter. The word stays as it is. */
ROUSE_INLINE_ bool rouse_locked_enter_(struct rouse_waiter_queue *q) {
    rouse_lock_take_(&q->lock_);
    if (q->listed_.list.oldest == NULL) {
        rouse_lock_drop_(&q->lock_);
        return false;
    }
    return true;
}

/* Does the same if the word says so. Otherwise it does not touch the mutex. */
ROUSE_INLINE_ bool rouse_locked_enter_listed_(struct rouse_waiter_queue *q) {
    return rouse_word_multi_(rouse_u64_load_relaxed_(&q->word_)) && rouse_locked_enter_(q); /* a guess */
}

/* Takes the mutex for a waiter that wants n, or answers at once without keeping it.
 *
 *     FREE, closed         ->  unchanged        CLOSED
 *     FREE, n or more      ->  FREE, n less     OK
 *     FREE, less than n    ->  MULTI            PENDING; *credit is what there was
 *     MULTI                ->  unchanged        PENDING; OVERFLOW if the list is full */
ROUSE_INLINE_ rouse_status rouse_locked_enter_to_wait_(struct rouse_waiter_queue *q, uint32_t n,
                                                       uint32_t *credit) {
    rouse_status status = ROUSE_PENDING;
    uint64_t seen;
    rouse_lock_take_(&q->lock_);
    /* E3: acquire, for a thread that finds it closed. Otherwise a guess for the CAS. */
    seen = rouse_u64_load_acquire_(&q->word_);
    if (rouse_word_balance_(seen) < 0) {
        /* Relaxed: under the mutex. */
        if (!rouse_listed_has_room_(&q->listed_, n)) {
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
            after = stored >= n ? seen - n : ROUSE_WORD_MULTI_;
            *credit = stored;
            /* E4: release, so that a waker that sees MULTI sees what came before the wait. Acquire, so that
             * the second look at `ready` sees what an earlier waker wrote. */
        } while (!rouse_u64_cas_acq_rel_(&q->word_, &seen, after));
    }
    if (status != ROUSE_PENDING) {
        rouse_lock_drop_(&q->lock_);
    }
    return status;
}

/* Drops the mutex. Returns the credit, which nobody has seen yet: the caller stores it.
 *
 *     MULTI, the list holds a waiter    ->  MULTI, the number in it as at first
 *     MULTI, the list is empty          ->  FREE: 0 + bits */
ROUSE_INLINE_ uint32_t rouse_locked_leave_(struct rouse_waiter_queue *q, uint32_t credit, uint64_t bits) {
    /* E3: release, for takers and notifiers that find the word again. The word is MULTI, and only the holder
     * of the mutex ends MULTI. Every thread that has added to it takes the mutex. So the store loses nothing,
     * and the adds do not pile up. */
    rouse_u64_store_release_(&q->word_, q->listed_.list.oldest != NULL ? ROUSE_WORD_MULTI_ : bits);
    rouse_lock_drop_(&q->lock_);
    return credit;
}

/* Drops the mutex where the list holds a waiter: MULTI -> MULTI. */
ROUSE_INLINE_ void rouse_locked_leave_listed_(struct rouse_waiter_queue *q) {
    /* Relaxed: a thread that finds MULTI takes the mutex. */
    rouse_u64_store_relaxed_(&q->word_, ROUSE_WORD_MULTI_);
    rouse_lock_drop_(&q->lock_);
}

/* ---- throughput mode (open.h) -----------------------------------------------------------------------------
 *
 * The holder of the mutex makes an OPEN or EMPTY word LOCKED. Then an add or a take without the mutex has no
 * effect, and its thread goes to the mutex. A LISTED word stays, because only the holder can change it to any
 * effect. To the holder, a word that looks LOCKED is LISTED or SHORT with adds in it, whose threads are on
 * their way to the mutex. */

#define ROUSE_OPEN_ADD_LOCKS_ 0

/* Relaxed, both: a guess about what pays, which passes nothing on. */
ROUSE_INLINE_ uint32_t rouse_open_doubt_(const struct rouse_waiter_queue *q) {
    return rouse_u32_load_relaxed_(&q->doubt_);
}
ROUSE_INLINE_ void rouse_open_set_doubt_(struct rouse_waiter_queue *q, uint32_t doubt) {
    rouse_u32_store_relaxed_(&q->doubt_, doubt); /* relaxed: as above */
}

/* Returns the word without the adds that have had no effect. Under the mutex. If the word is SHORT, this call
 * stores it without them, so that other threads can take from it again; they could not while it looked
 * LOCKED. */
ROUSE_INLINE_ uint64_t rouse_open_cleared_(struct rouse_waiter_queue *q) {
    /* E3: acquire, for a thread that finds it closed, and for what the adding threads did. */
    const uint64_t word = rouse_u64_load_acquire_(&q->word_);
    uint64_t settled;
    if (!rouse_open_is_locked_(word)) {
        return word;
    }
    settled = rouse_open_short_word_(rouse_open_most_free_(word), rouse_open_most_free_(word),
                                     rouse_open_passed_(word));
    if (!rouse_open_is_listed_(settled)) {
        rouse_u64_store_release_(&q->word_, settled); /* E3: release, for takers and notifiers */
    }
    return settled;
}
/* Waits for the mutex. Returns the word, and changes nothing. */
ROUSE_COLD_ uint64_t rouse_open_await_(struct rouse_waiter_queue *q) {
    uint64_t seen;
    rouse_lock_take_(&q->lock_);
    seen = rouse_open_cleared_(q);
    rouse_lock_drop_(&q->lock_);
    return seen;
}
/* Takes the mutex, if the word is still *seen or is LISTED.
 *
 *     LISTED                    ->  unchanged    true, *seen is the word
 *     OPEN or EMPTY, as seen    ->  LOCKED       true
 *     anything else             ->  unchanged    false, *seen is the word; the mutex is dropped */
ROUSE_INLINE_ bool rouse_open_lock_(struct rouse_waiter_queue *q, uint64_t *seen) {
    uint64_t now;
    rouse_lock_take_(&q->lock_);
    now = rouse_open_cleared_(q);
    if (rouse_open_is_listed_(now)) {
        *seen = now;
        return true;
    }
    /* E3: acquire. What the word's releasers did passes on to the waiters that this thread delivers to, and
     * to the threads that read its store. */
    if (now == *seen &&
        rouse_u64_cas_acquire_(&q->word_, &now, rouse_open_locked_word_(rouse_open_closed_(now)))) {
        return true;
    }
    *seen = now;
    rouse_lock_drop_(&q->lock_);
    return false;
}
/* Drops the mutex.
 *
 *     LOCKED, LISTED    ->  word, if that is OPEN or LISTED      returns 0
 *                       ->  word with a balance of 0, if EMPTY   returns the balance that `word` has
 *
 * The caller stores the returned credit afterwards, because the thread that takes it may destroy the
 * queue. What an OPEN word shows is safe: the waiters that keep the queue in use cannot leave it without
 * the mutex. */
ROUSE_INLINE_ uint32_t rouse_open_drop_(struct rouse_waiter_queue *q, uint64_t word) {
    const uint32_t credit = rouse_word_balance_(word) > 0 ? (uint32_t)rouse_word_balance_(word) : 0;
    rouse_u64_store_release_(&q->word_, word - credit); /* E3: release, for takers and notifiers */
    rouse_lock_drop_(&q->lock_);
    return credit;
}

ROUSE_INLINE_ void rouse_backend_init_(struct rouse_waiter_queue *q, uint32_t credit) {
    rouse_u64_init_(&q->word_, credit);
    ROUSE_BUILT_BEGIN_(q);
    ROUSE_STATS_BEGIN_(q);
    rouse_listed_init_(&q->listed_);
    rouse_lock_init_(&q->lock_);
    rouse_u32_init_(&q->doubt_, 0);
}

ROUSE_INLINE_ void rouse_backend_destroy_(struct rouse_waiter_queue *q) {
    rouse_lock_destroy_(&q->lock_);
}

#endif /* ROUSE_DETAIL_QUEUE_MUTEX_H */
