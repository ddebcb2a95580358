/* rouse/detail/queue/word.h: the word that holds the balance, and what changes it while nobody waits.
 * Internal.
 *
 *     word = balance  +  closed * 2^32  +  serial * 2^33        (mod 2^64)
 *
 *   balance  signed, 32 bits; -ROUSE_MAX_LACK ... ROUSE_MAX_PERMITS. It reaches up to 2^31 - 1 between an
 *            overflowing release's add and its withdrawal
 *   closed   1 bit; close sets it for good, an event sets it until its reset. A closed word's balance is
 *            never negative
 *   serial   31 bits, the backend's: the next ticket (LOCKFREE), or its state and a counter (SPIN, MUTEX)
 *
 * The word is a sum, not three fields side by side. A negative balance borrows from the part above, and
 * adding to the balance gives the borrow back. So one fetch-and-add changes the balance whatever its sign,
 * and the all-zero word is an open queue of balance 0. */
#ifndef ROUSE_DETAIL_QUEUE_WORD_H
#define ROUSE_DETAIL_QUEUE_WORD_H

#include "../../waiter.h"
#include "../base/atomic.h"
#include "../base/platform.h"

#include <stdbool.h>
#include <stdint.h>

#define ROUSE_WORD_CLOSED_ ((uint64_t)1 << 32)
#define ROUSE_WORD_SERIAL_ ((uint64_t)1 << 33)

ROUSE_INLINE_ int32_t rouse_word_balance_(uint64_t word) {
    return (int32_t)(uint32_t)word;
}
/* Returns the part of the word above the balance, with the balance's borrow given back. */
ROUSE_INLINE_ uint64_t rouse_word_above_(uint64_t word) {
    return word - (uint64_t)(int64_t)rouse_word_balance_(word);
}
ROUSE_INLINE_ bool rouse_word_closed_(uint64_t word) {
    return (rouse_word_above_(word) & ROUSE_WORD_CLOSED_) != 0;
}
/* Is the word open, with a balance of at least n > 0? A stored balance is below 2^30, and n is below 2^29. So
 * three bits of the difference are 0: closed, the sign, and the bit below it. That bit is 1 when n borrows
 * from a sign that is set. */
ROUSE_INLINE_ bool rouse_word_covers_(uint64_t word, uint32_t n) {
    return ((word - n) & (ROUSE_WORD_CLOSED_ | 0xc0000000u)) == 0;
}
/* The cap of credit that comes back: from a cancelled or closed waiter, or left over after some of a wake has
 * been handed out. It was accepted once, so it is not refused now. */
#define ROUSE_WORD_UNCAPPED_ ((uint32_t)INT32_MAX)

/* In a cap: the call refuses credit above the cap with ROUSE_INVALID instead of dropping it. */
#define ROUSE_WORD_REFUSE_ ((uint32_t)1 << 31)

/* Returns the balance after adding n, of which at most `cap` may be stored. */
ROUSE_INLINE_ int32_t rouse_word_capped_(int32_t balance, uint32_t n, uint32_t cap) {
    const int64_t sum = (int64_t)balance + n;
    const int64_t most = balance > (int64_t)cap ? balance : (int64_t)cap;
    return (int32_t)(sum < most ? sum : most);
}

/* ---- the guess -----------------------------------------------------------------------------------------
 * A load waits for the locked instruction with which the same processor has just changed the word. A backend
 * can save this wait: it keeps a guess of the word beside it. A call notes there what it is about to make of
 * the word, and the next call starts its compare-and-swap from the guess, without a load of the word. The
 * compare-and-swap checks the guess, and what follows from the number does so whoever wrote it. So a wrong
 * guess costs a compare-and-swap that fails, or, where it says that a call cannot have what it asks for, the
 * way of the calls that wait or wake, which look at the word. All accesses to the guess are relaxed: it
 * publishes nothing. `guess` is NULL where there is none. */

ROUSE_INLINE_ uint64_t rouse_word_guess_(const rouse_atomic_u64_ *word, const rouse_atomic_u64_ *guess) {
    return rouse_u64_load_relaxed_(guess != NULL ? guess : word);
}
ROUSE_INLINE_ void rouse_word_note_(rouse_atomic_u64_ *guess, uint64_t after) {
    if (guess != NULL) {
        rouse_u64_store_relaxed_(guess, after); /* relaxed: the CAS that starts from it checks it */
    }
}

/* Takes n > 0 if the queue is open and has them. `seen` is the word, or a guess of it.
 *
 *     open, balance >= n    ->  balance - n     true
 *     anything else         ->  unchanged       false */
ROUSE_INLINE_ bool rouse_word_take_from_(rouse_atomic_u64_ *word, rouse_atomic_u64_ *guess, uint64_t seen,
                                         uint32_t n) {
    while (ROUSE_LIKELY_(rouse_word_covers_(seen, n))) {
        rouse_word_note_(guess, seen - n);
        /* E2: acquire. The partner is the acq_rel add or CAS with which a wake stored the credit (E3). The
         * taker publishes nothing that others read through the word, so it needs no release. It is a
         * read-modify-write, so it leaves the release sequence of earlier operations intact. */
        if (ROUSE_LIKELY_(rouse_u64_cas_acquire_(word, &seen, seen - n))) {
            return true;
        }
        rouse_word_note_(guess, seen); /* the next call that cannot have its n leaves the word alone */
    }
    return false;
}
ROUSE_INLINE_ bool rouse_word_take_(rouse_atomic_u64_ *word, rouse_atomic_u64_ *guess, uint32_t n) {
    const uint64_t seen = rouse_u64_load_relaxed_(word); /* relaxed: a guess for the CAS */
    return rouse_word_take_from_(word, guess, seen, n);
}

/* Takes up to n, open or closed. Returns how many.
 *
 *     balance > 0     ->  balance - min(n, balance)
 *     balance <= 0    ->  unchanged */
ROUSE_INLINE_ uint32_t rouse_word_take_upto_(rouse_atomic_u64_ *word, rouse_atomic_u64_ *guess, uint32_t n) {
    uint64_t seen = rouse_u64_load_relaxed_(word);
    while (rouse_word_balance_(seen) > 0 && n != 0) {
        const uint32_t stored = (uint32_t)rouse_word_balance_(seen);
        const uint32_t taken = n < stored ? n : stored;
        rouse_word_note_(guess, seen - taken);
        /* E2: acquire. The partner is the add or CAS that stored the credit. */
        if (rouse_u64_cas_acquire_(word, &seen, seen - taken)) {
            return taken;
        }
    }
    return 0;
}

/* Adds n under a cap if nobody waits. True: done, with *status. False: it has seen waiters.
 *
 *     balance >= 0    ->  balance + n, but no more than the cap and no less than it was    true, OK
 *                     ->  unchanged, if the cap says that more is refused                  true, an error
 *     balance < 0     ->  unchanged                                                        false
 *
 * `closed` and the serial stay as they are. */
ROUSE_INLINE_ bool rouse_word_give_(rouse_atomic_u64_ *word, rouse_atomic_u64_ *guess, uint32_t n,
                                    uint32_t cap, rouse_status *status) {
    uint64_t seen = rouse_u64_load_relaxed_(word);
    while (ROUSE_LIKELY_(rouse_word_balance_(seen) >= 0)) {
        const int32_t balance = rouse_word_balance_(seen);
        const uint32_t most = cap & ~ROUSE_WORD_REFUSE_;
        const int32_t after = rouse_word_capped_(balance, n, most);
        const uint64_t to = seen + (uint64_t)((int64_t)after - balance);
        if ((most != cap || cap == ROUSE_MAX_PERMITS) && (int64_t)balance + n > (int64_t)most) {
            *status = most != cap ? ROUSE_INVALID : ROUSE_OVERFLOW;
            return true;
        }
        rouse_word_note_(guess, to);
        /* E3: release. The partners are E2 and the queueing (E4). It is a read-modify-write even where
         * `after` equals `balance`. A notifier writes to a condition before it, and a waiter looks at the
         * condition again after its own read-modify-write, so the two are ordered one way or the other. No
         * acquire: nobody waits, so nothing is read. What earlier notifiers released continues in their
         * release sequences to the next taker. */
        if (ROUSE_LIKELY_(rouse_u64_cas_release_(word, &seen, to))) {
            *status = ROUSE_OK;
            return true;
        }
    }
    return false;
}

/* Withdraws what an overflowing release has added. If takers have meanwhile brought the balance back into its
 * range, the release is within the limit and stays.
 *
 *     balance > ROUSE_MAX_PERMITS     ->  balance - n     OVERFLOW
 *     balance <= ROUSE_MAX_PERMITS    ->  unchanged       OK */
ROUSE_COLD_ rouse_status rouse_word_withdraw_(rouse_atomic_u64_ *word, uint32_t n) {
    uint64_t seen = rouse_u64_load_relaxed_(word);
    while (rouse_word_balance_(seen) > ROUSE_MAX_PERMITS) {
        /* E3: acquire and release, with the partners of rouse_word_give_. What stays in the word keeps its
         * release sequence either way. */
        if (rouse_u64_cas_acq_rel_(word, &seen, seen - n)) {
            return ROUSE_OVERFLOW;
        }
    }
    return ROUSE_OK;
}

/* Clears `closed`. Returns whether it was set. Acquire: what came before the close or set that this undoes
 * comes before what follows.
 *
 *     closed    ->  open, the same balance    true
 *     open      ->  unchanged                 false */
ROUSE_INLINE_ bool rouse_word_reopen_(rouse_atomic_u64_ *word) {
    uint64_t seen =
        rouse_u64_load_relaxed_(word); /* relaxed: a guess for the CAS; see E40 where it says open */
    while (rouse_word_closed_(seen)) {
        /* E40: acquire. The partner is the read-modify-write of the set. */
        if (rouse_u64_cas_acquire_(word, &seen, seen - ROUSE_WORD_CLOSED_)) {
            return true;
        }
    }
    return false;
}

#endif /* ROUSE_DETAIL_QUEUE_WORD_H */
