/* rouse/waiter_queue.h: the engine: a balance and the waiters it owes.
 *
 * ---- The idea -------------------------------------------------------------------------------------------
 * One signed number, the balance. If it is positive, it is credit that anyone may take. If it is negative, it
 * is what the waiters in the queue still lack. wait(n) takes n from it; wake(n) adds n to it and serves the
 * waiters, strictly first-in first-out. A semaphore, a notification and a mutex are policies over this one
 * object:
 *
 *     semaphore   starts at its permits, wakes with cap ROUSE_MAX_PERMITS
 *     notify      starts at 0,           wakes with cap 1
 *     mutex       starts at 1,           wakes with cap 1, and refuses to wake from 1
 *     bare queue  starts at 0,           wakes with cap 0
 *
 * "Is anybody waiting?" is the sign of the number, so a call that finds nobody is one atomic
 * read-modify-write, with no lock and no look at a queue.
 *
 * ---- What may run at the same time -----------------------------------------------------------------------
 * All calls on one queue may run on any threads at once, except:
 *
 *                      the same waiter               the queue
 *     init             -                             alone
 *     destroy          -                             alone, nobody queued; see "destroy" below
 *     wait, add_…_if   one queueing at a time        any
 *     cancel           with anything but queueing    any
 *     the rest         -                             any
 *
 * In a signal handler: with LOCKFREE, wake, wake_one, wake_all, try_wait and close (if the wakes they run are
 * async-signal-safe themselves); with MUTEX, SPIN and LOCAL, none. In a shared library or plug-in the thread
 * that the signal interrupts must have called rouse_signal_prepare.
 *
 * With LOCAL a queue, and every object made of queues, belongs to the thread that initialised it. A
 * statically initialised one belongs to the thread that uses it first. Only that thread may call. Other
 * threads reach it through rouse_mailbox_post (mailbox.h). ROUSE_DEBUG aborts when another thread calls, and
 * names both threads.
 *
 * ---- Ordering -------------------------------------------------------------------------------------------
 * What a thread did before it called wake happens before whatever follows the wait that this wake satisfied.
 * The wait is satisfied when it returns ROUSE_OK, when the waiter's wake is called, or when its status is
 * read. docs/memory-ordering.md says how.
 *
 * ---- Cost -----------------------------------------------------------------------------------------------
 * One atomic read-modify-write for wait, try_wait and wake when nobody waits; none for any call with LOCAL.
 * Memory on 64-bit targets: 48 bytes with SPIN and LOCKFREE, 32 with LOCAL, 48 plus the platform's mutex with
 * MUTEX. docs/backends.md gives LOCKFREE's heap memory per waiter. */
#ifndef ROUSE_WAITER_QUEUE_H
#define ROUSE_WAITER_QUEUE_H

#include "config.h"
#include "detail/base/atomic.h"
#include "detail/base/check.h"
#include "detail/base/owner.h"
#include "detail/base/platform.h"
#include "detail/queue/types.h"
#include "detail/queue/word.h"
#include "waiter.h"

#include <stdbool.h>
#include <stdint.h>

/* ---- the backend (what it supplies: detail/queue/types.h) --------------------------------------- */

#if ROUSE_BACKEND == ROUSE_BACKEND_LOCKFREE
#    include "detail/queue/lockfree.h"
#elif ROUSE_BACKEND == ROUSE_BACKEND_LOCAL
#    include "detail/queue/local.h"
#    include "detail/queue/open_none.h"
#else
#    include "detail/queue/locked.h"
#endif

#define ROUSE_QUEUE_AT_MOST_(n) \
    ((n) + UINT64_C(0) < ROUSE_MAX_PERMITS ? (n) + UINT64_C(0) : UINT64_C(0) + ROUSE_MAX_PERMITS)
#define ROUSE_QUEUE_INIT_THROUGHPUT_(credit, bypass) \
    ROUSE_BACKEND_INIT_THROUGHPUT_(ROUSE_QUEUE_AT_MOST_(credit), (uint32_t)ROUSE_QUEUE_AT_MOST_(bypass))

/* ---- policies ------------------------------------------------------------------------------------------ */

/* LOCAL does with plain numbers (detail/queue/local.h) what the other backends do with the word. */
#if ROUSE_BACKEND != ROUSE_BACKEND_LOCAL

ROUSE_INLINE_ bool rouse_queue_closed_(const rouse_waiter_queue *q) {
    /* E3: acquire; a thread that sees the queue closed sees what came before close. */
    return rouse_word_closed_(rouse_u64_load_acquire_(&q->word_));
}

/* Takes n > 0 if the queue is open and has them. False: the caller must look at the word. */
ROUSE_INLINE_ bool rouse_queue_take_(rouse_waiter_queue *q, uint32_t n) {
    rouse_atomic_u64_ *const guess = rouse_backend_guess_(q);
    return rouse_word_take_from_(&q->word_, guess, rouse_word_guess_(&q->word_, guess), n);
}

/* Takes up to n from the stored balance. Returns how many. */
ROUSE_INLINE_ uint32_t rouse_queue_reduce_(rouse_waiter_queue *q, uint32_t n) {
    const uint32_t taken = rouse_open_on_(q) ? rouse_open_reduce_(q, n)
                                             : rouse_word_take_upto_(&q->word_, rouse_backend_guess_(q), n);
#    if ROUSE_BACKEND == ROUSE_BACKEND_LOCKFREE
    if (taken == 0 && n != 0) {
        return rouse_queue_reduce_late_(q, n);
    }
#    endif
    return taken;
}

#    if ROUSE_BACKEND != ROUSE_BACKEND_LOCKFREE /* whose word has a ticket where the others have a balance */
/* wake(1, cap ROUSE_MAX_PERMITS): one add, no load before it. (More than 1 could show a surplus before the
 * waiters have been looked at.) */
ROUSE_INLINE_ rouse_status rouse_queue_give_one_(rouse_waiter_queue *q) {
    /* E3: release, for the thread that takes the credit. Acquire, because a thread that finds waiters then
     * reads what they published (E4). */
    const uint64_t before = rouse_u64_add_acq_rel_(&q->word_, ROUSE_WORD_ADD_ONE_);
    if (ROUSE_LIKELY_((uint32_t)before < ROUSE_MAX_PERMITS)) {
        return ROUSE_OK; /* 0 <= balance < ROUSE_MAX_PERMITS, as one unsigned comparison */
    }
    if (rouse_word_balance_(before) < 0) {
        return rouse_backend_wake_added_(q, before);
    }
    return rouse_word_withdraw_(&q->word_, 1);
}
#    endif

/* wake(n, cap) for 0 < n, both in range. *woken: how many this call has woken. */
ROUSE_INLINE_ rouse_status rouse_queue_wake_(rouse_waiter_queue *q, uint32_t n, uint32_t cap,
                                             uint32_t *woken) {
    rouse_status status = ROUSE_OK;
    if (!rouse_word_give_(&q->word_, rouse_backend_guess_(q), n, cap, &status)) {
        status = rouse_backend_wake_(q, n, cap, woken);
    }
    return status;
}

/* Gives n to a queue that stores `most` at most. ROUSE_INVALID: it would store more, and nothing changed.
 * `seen` is the word, or a guess of it, which is at most `most` - n if n is 0. */
ROUSE_INLINE_ rouse_status rouse_queue_give_back_from_(rouse_waiter_queue *q, uint64_t seen, uint32_t n,
                                                       uint32_t most) {
    rouse_atomic_u64_ *const guess = rouse_backend_guess_(q);
    while (rouse_word_balance_(seen) >= 0 && (uint32_t)rouse_word_balance_(seen) + n <= most) {
        rouse_word_note_(guess, seen + n);
        /* E3: release, for the thread that takes the credit. */
        if (ROUSE_LIKELY_(rouse_u64_cas_release_(&q->word_, &seen, seen + n))) {
            return ROUSE_OK;
        }
        rouse_word_note_(guess, seen);
    }
    if (n == 0) {
        return rouse_word_balance_(seen) < 0 ? ROUSE_OK : ROUSE_INVALID;
    }
    return rouse_backend_give_back_(q, n, most);
}

/* Gives 1 to a queue that is to store 1 at most; ROUSE_INVALID: it had one. */
ROUSE_INLINE_ rouse_status rouse_queue_unlock_(rouse_waiter_queue *q) {
    return rouse_queue_give_back_from_(q, rouse_word_guess_(&q->word_, rouse_backend_guess_(q)), 1, 1);
}

/* Without a guess of the word the first guess is that no other task holds any. A load of the word right
 * before a read-modify-write of it takes a quarter of the time of a pair; a wrong guess takes a twentieth. */
ROUSE_INLINE_ rouse_status rouse_queue_give_back_(rouse_waiter_queue *q, uint32_t n, uint32_t most) {
    rouse_atomic_u64_ *const guess = rouse_backend_guess_(q);
    return rouse_queue_give_back_from_(
        q, guess != NULL && n != 0 ? rouse_word_guess_(&q->word_, guess) : most - n, n, most);
}
#endif

/* rouse_waiter_queue_wait without checks, for the primitives. */
ROUSE_INLINE_ rouse_status rouse_queue_wait_(rouse_waiter_queue *q, rouse_waiter *w, uint32_t n) {
    /* n - 1 wraps for 0: one comparison finds both "nothing asked for" and "too many". */
    if (n - 1 >= ROUSE_MAX_PERMITS) {
        return n == 0 ? ROUSE_OK : ROUSE_INVALID;
    }
    if (ROUSE_LIKELY_(rouse_queue_take_(q, n))) {
        return ROUSE_OK;
    }
    return rouse_backend_wait_(q, w, n, NULL, NULL);
}
/* Waits for 1, for a waiter that a condition variable moves here. */
ROUSE_INLINE_ rouse_status rouse_queue_join_(rouse_waiter_queue *q, rouse_waiter *w) {
#if ROUSE_BACKEND == ROUSE_BACKEND_SPIN
    return rouse_backend_join_(q, w);
#elif ROUSE_BACKEND == ROUSE_BACKEND_MUTEX
    return rouse_queue_take_(q, 1) ? ROUSE_OK : rouse_backend_join_(q, w);
#else
    return rouse_queue_wait_(q, w, 1);
#endif
}
/* With the other backends stored credit never reaches a waiter before its second check. */
#if ROUSE_BACKEND != ROUSE_BACKEND_LOCKFREE
ROUSE_INLINE_ rouse_status rouse_queue_looked_(rouse_waiter_queue *q, rouse_waiter *w, rouse_status status,
                                               uint32_t cap) {
    (void)q, (void)w, (void)cap;
    return status;
}
#endif
ROUSE_INLINE_ rouse_status rouse_queue_wait_if_(rouse_waiter_queue *q, rouse_waiter *w,
                                                rouse_ready_fn_ *ready, void *arg) {
    if (ready(arg) || rouse_queue_take_(q, 1)) {
        return ROUSE_OK;
    }
    return rouse_queue_looked_(q, w, rouse_backend_wait_(q, w, 1, ready, arg), ROUSE_MAX_PERMITS);
}
ROUSE_INLINE_ bool rouse_queue_try_wait_(rouse_waiter_queue *q, uint32_t n) {
    if (n - 1 >= ROUSE_MAX_PERMITS) {
        return n == 0;
    }
    if (ROUSE_LIKELY_(rouse_queue_take_(q, n))) {
        return true;
    }
#if ROUSE_BACKEND == ROUSE_BACKEND_LOCKFREE
    return rouse_queue_try_late_(q, n);
#else
    return rouse_open_on_(q) ? rouse_open_try_(q, n) : false;
#endif
}

/* wake with cap ROUSE_MAX_PERMITS. */
ROUSE_INLINE_ rouse_status rouse_queue_release_(rouse_waiter_queue *q, uint32_t n) {
    uint32_t woken = 0;
    if (n == 1) {
        return rouse_queue_give_one_(q);
    }
    if (n - 1 >= ROUSE_MAX_PERMITS) {
        return n == 0 ? ROUSE_OK : ROUSE_INVALID;
    }
    return rouse_queue_wake_(q, n, ROUSE_MAX_PERMITS, &woken);
}

/* rouse_waiter_queue_init and rouse_waiter_queue_balance without checks. */
ROUSE_INLINE_ rouse_status rouse_queue_init_(rouse_waiter_queue *q, uint32_t credit) {
    rouse_backend_init_(q, credit < ROUSE_MAX_PERMITS ? credit : ROUSE_MAX_PERMITS);
    return credit <= ROUSE_MAX_PERMITS ? ROUSE_OK : ROUSE_INVALID;
}
ROUSE_INLINE_ int64_t rouse_queue_balance_(const rouse_waiter_queue *q) {
    const int64_t balance = rouse_backend_balance_(q);
    return balance < ROUSE_MAX_PERMITS ? balance : ROUSE_MAX_PERMITS; /* a refused release is never seen */
}

/* ---- throughput mode ----------------------------------------------------------------------------------- */

ROUSE_INLINE_ void rouse_queue_init_throughput_(rouse_waiter_queue *q, uint32_t credit, uint32_t bypass) {
    rouse_backend_init_(q, credit < ROUSE_MAX_PERMITS ? credit : ROUSE_MAX_PERMITS);
    rouse_open_init_(q, bypass < ROUSE_MAX_PERMITS ? bypass : ROUSE_MAX_PERMITS);
}

/* How a waiter answers ROUSE_RETRY. A waiter with any other status already has its outcome. */
ROUSE_INLINE_ rouse_status rouse_queue_resume_(rouse_waiter_queue *q, rouse_waiter *w) {
    const rouse_status status = rouse_waiter_status_(w);
    return status == ROUSE_RETRY ? rouse_open_resume_(q, w) : status;
}
ROUSE_INLINE_ void rouse_queue_decline_(rouse_waiter_queue *q, rouse_waiter *w) {
    if (rouse_waiter_status_(w) == ROUSE_RETRY) {
        rouse_open_decline_(q, w);
    }
}

/* The same for callers that do not know whether a queue or a limit has invited w. */
ROUSE_INLINE_ rouse_waiter_queue *rouse_queue_inviter_(const rouse_waiter *w) {
#if ROUSE_BACKEND == ROUSE_BACKEND_LOCKFREE
    return rouse_open_queue_(w);
#else
    return (rouse_waiter_queue *)rouse_ptr_load_relaxed_(&w->place_);
#endif
}
ROUSE_INLINE_ bool rouse_queue_limit_invites_(const rouse_waiter *w) {
    /* Relaxed: E1 has shown the invitation, and w's owner answers. */
    return ROUSE_INVITED_EVER_ && (rouse_u32_load_relaxed_(&w->ticket_) & ROUSE_INVITED_BY_LIMIT_) != 0;
}
ROUSE_INLINE_ rouse_status rouse_queue_answer_(rouse_waiter *w) {
    const rouse_status status = rouse_waiter_status_(w);
    if (status != ROUSE_RETRY) {
        return status;
    }
    if (rouse_queue_limit_invites_(w)) {
        return rouse_asker_at_(ROUSE_BACKEND + ROUSE_ASKER_LIMIT_)->resume(w);
    }
    return rouse_open_resume_(rouse_queue_inviter_(w), w);
}
ROUSE_INLINE_ void rouse_queue_refuse_(rouse_waiter *w) {
    if (rouse_waiter_status_(w) != ROUSE_RETRY) {
        return;
    }
    if (rouse_queue_limit_invites_(w)) {
        rouse_asker_at_(ROUSE_BACKEND + ROUSE_ASKER_LIMIT_)->decline(w);
    } else {
        rouse_open_decline_(rouse_queue_inviter_(w), w);
    }
}

/* ---- the public calls ---------------------------------------------------------------------------------- */

/* An open queue with `credit` in its balance. More than ROUSE_MAX_PERMITS is cut to that. The all-zero object
 * is a queue of balance 0. */
#define ROUSE_WAITER_QUEUE_INIT(credit) ROUSE_BACKEND_INIT_(ROUSE_QUEUE_AT_MOST_(credit))

/* Initialises an open queue with `credit` in its balance. It may be used whatever this returns.
 *   ROUSE_OK        done
 *   ROUSE_INVALID   credit > ROUSE_MAX_PERMITS; the balance is ROUSE_MAX_PERMITS */
ROUSE_INLINE_ rouse_status rouse_waiter_queue_init(rouse_waiter_queue *q, uint32_t credit) {
    ROUSE_CHECK_OBJECT_(q);
    return rouse_queue_init_(q, credit);
}

/* Ends the queue. LOCKFREE frees its heap memory.
 * Requires that no waiter is queued (ROUSE_DEBUG aborts if one is) and no call is in progress, except a call
 * that has granted its last waiter and is still returning. */
ROUSE_INLINE_ void rouse_waiter_queue_destroy(rouse_waiter_queue *q) {
    ROUSE_CHECK_USE_(q, q);
    ROUSE_CHECK_(rouse_backend_waiter_count_(q) == 0, q, "waiters are queued");
    rouse_backend_destroy_(q);
}

/* Takes n from the balance, or queues `w` behind all earlier waiters. Never blocks.
 * Returns
 *   ROUSE_OK        the balance had n and nobody waited (n == 0: always)
 *   ROUSE_PENDING   w is queued; credit that arrives goes to the oldest waiter until it has all of its n
 *   ROUSE_CLOSED    the queue is closed
 *   ROUSE_INVALID   n > ROUSE_MAX_PERMITS, closed or not
 *   ROUSE_OVERFLOW  the waiters together would lack 2^40 permits, or be more than 16,777,215 (MUTEX, SPIN)
 *   ROUSE_NOMEM     no memory for a segment (LOCKFREE only)
 * Requires that w is initialised and not queued. Only ROUSE_PENDING makes w the library's.
 * Wakes: w's wake runs on the thread that grants or closes it, or in its mailbox's drain. */
ROUSE_NODISCARD_
ROUSE_INLINE_ rouse_status rouse_waiter_queue_wait(rouse_waiter_queue *q, rouse_waiter *w, uint32_t n) {
    ROUSE_CHECK_USE_(q, q);
    ROUSE_CHECK_IDLE_(w, q);
    return rouse_queue_wait_(q, w, n);
}

/* Takes n from the balance if it has n and nobody waits. Returns whether it did. Never queues. */
ROUSE_NODISCARD_
ROUSE_INLINE_ bool rouse_waiter_queue_try_wait(rouse_waiter_queue *q, uint32_t n) {
    ROUSE_CHECK_USE_(q, q);
    return rouse_queue_try_wait_(q, n);
}

/* Gives n to the waiters, in order, and stores the rest. It does not raise the stored balance above `cap`: it
 * drops whatever would exceed it, and leaves the balance alone if it already does.
 * Returns
 *   ROUSE_OK        done
 *   ROUSE_OVERFLOW  cap is ROUSE_MAX_PERMITS and the balance would pass it; nothing changed
 *   ROUSE_INVALID   n or cap above ROUSE_MAX_PERMITS; nothing changed
 * Wakes: the wakes of the waiters that it grants run on this thread before it returns; inside a wake, after
 * that wake; for waiters on a mailbox, in its drain.
 * Races: a refused call may let a taker on another thread have the excess for a moment, and two calls that
 * overlap may refuse each other. While a wake of more than 1 serves waiters, other threads may see it half
 * done: some waiters granted, the rest not stored yet. */
ROUSE_INLINE_ rouse_status rouse_waiter_queue_wake(rouse_waiter_queue *q, uint32_t n, uint32_t cap) {
    uint32_t woken = 0;
    ROUSE_CHECK_USE_(q, q);
    if (n > ROUSE_MAX_PERMITS || cap > ROUSE_MAX_PERMITS) {
        return ROUSE_INVALID;
    }
    if (n == 0) {
        return ROUSE_OK;
    }
    if (cap == ROUSE_MAX_PERMITS && n == 1) {
        return rouse_queue_give_one_(q);
    }
    return rouse_queue_wake_(q, n, cap, &woken);
}

/* Gives the oldest waiter 1 and stores nothing. Returns whether that completed what the waiter asked for, and
 * so woke it. */
ROUSE_INLINE_ bool rouse_waiter_queue_wake_one(rouse_waiter_queue *q) {
    uint32_t woken = 0;
    ROUSE_CHECK_USE_(q, q);
    (void)rouse_queue_wake_(q, 1, 0, &woken);
    return woken != 0;
}

/* Gives every waiter that is queued at that moment all that it lacks, and wakes it on this thread. Does not
 * touch stored credit. Returns how many it woke. A waiter that queues again from its wake waits for the next
 * call. */
ROUSE_INLINE_ uint32_t rouse_waiter_queue_wake_all(rouse_waiter_queue *q) {
    ROUSE_CHECK_USE_(q, q);
    return rouse_backend_wake_all_(q);
}

/* Takes `w` out of the queue. Credit that w had been given goes to the waiters behind it, or is stored. This
 * call serves all waiters that can now be served before it returns, on this thread; until then other threads
 * may see it half done.
 * Returns true: w is yours again, and its wake will never run. False: it has been woken or is being woken
 * (waiter.h says what is safe then).
 * Requires that w was last queued on this queue. */
ROUSE_NODISCARD_
ROUSE_INLINE_ bool rouse_waiter_queue_cancel(rouse_waiter_queue *q, rouse_waiter *w) {
    ROUSE_CHECK_USE_(q, q);
    ROUSE_CHECK_OWNED_(w, q, q);
    return rouse_backend_cancel_(q, w);
}

/* Waits for a condition of your own. If ready(arg) is true it returns ROUSE_OK and queues nothing, even if
 * the queue is closed. Otherwise it is wait(1). It misses no wake_one or wake_all that follows the change
 * which makes `ready` true, because it calls `ready` again once wakers can see `w`.
 * Returns the same statuses as rouse_waiter_queue_wait. ROUSE_OK and a wake both mean: check the condition
 * again.
 * Requires that `ready` does not call the library. It may be called twice, and under an internal lock.
 * If a wake reaches `w` during a second check that succeeds, the wake goes to the next waiter, or is stored
 * up to its cap. With LOCKFREE `w` may meet credit that was stored earlier; that is stored again in full,
 * because its cap is not known. */
ROUSE_NODISCARD_
ROUSE_INLINE_ rouse_status rouse_waiter_queue_add_waiter_if(rouse_waiter_queue *q, rouse_waiter *w,
                                                            bool (*ready)(void *arg), void *arg) {
    ROUSE_CHECK_USE_(q, q);
    ROUSE_CHECK_(ready != NULL, q, "ready is NULL");
    ROUSE_CHECK_IDLE_(w, q);
    return rouse_queue_wait_if_(q, w, ready, arg);
}

/* Closes the queue: wakes every waiter with ROUSE_CLOSED, on this thread, and puts what waiters had been
 * given back into the balance. (With LOCKFREE, if a waiter's wait has not returned yet, its part comes back
 * when it does.) From then on wait returns ROUSE_CLOSED and try_wait false, whether or not credit is stored;
 * wake still stores.
 * Returns how many it woke. */
ROUSE_INLINE_ uint32_t rouse_waiter_queue_close(rouse_waiter_queue *q) {
    ROUSE_CHECK_USE_(q, q);
    return rouse_backend_close_(q);
}

/* Returns whether the queue is closed. What came before the close happens before what follows a true
 * answer. */
ROUSE_INLINE_ bool rouse_waiter_queue_is_closed(const rouse_waiter_queue *q) {
    ROUSE_CHECK_LOOK_(q, q);
    return rouse_queue_closed_(q);
}

/* Return the balance, and how many waiters are queued. These are snapshots, exact only when no call is in
 * progress. Cost: LOCKFREE visits every waiter. */
ROUSE_INLINE_ int64_t rouse_waiter_queue_balance(const rouse_waiter_queue *q) {
    ROUSE_CHECK_LOOK_(q, q);
    return rouse_queue_balance_(q);
}
ROUSE_INLINE_ uint32_t rouse_waiter_queue_waiter_count(const rouse_waiter_queue *q) {
    ROUSE_CHECK_LOOK_(q, q);
    return rouse_backend_waiter_count_(q);
}

/* Reserves memory so that up to `waiters` waits with n == 1 can queue at the same time without allocating.
 * Returns ROUSE_OK, or ROUSE_NOMEM (LOCKFREE only) if it could not get the memory; then it has reserved none,
 * and keeps at most one block of fixed size, which destroy frees. The other backends never allocate. With
 * LOCKFREE the promise holds while at most 4 threads are stopped inside a call on this queue, as by a
 * debugger, without waiting in it. */
ROUSE_INLINE_ rouse_status rouse_waiter_queue_reserve(rouse_waiter_queue *q, uint32_t waiters) {
    ROUSE_CHECK_USE_(q, q);
    return rouse_backend_reserve_(q, waiters);
}

/* Makes sure that this thread has the library's thread-local variable, so that a signal handler in a shared
 * library or plug-in may call the library (with LOCKFREE, as above). The C library may allocate that variable
 * at its first use in a thread, which is not safe in a handler.
 *   Requires: call it on each thread that may be interrupted, from the same library as the handler. With
 *   glibc, call it again after a dlopen on any thread, which can move that memory. Or build the library with
 *   -ftls-model=initial-exec and call nothing; but then musl refuses to load it with dlopen, and so does
 *   glibc once some hundred such libraries are loaded.
 *   Not needed in an executable's own code, nor on musl. Cost: a few instructions. */
ROUSE_INLINE_ void rouse_signal_prepare(void) {
    rouse_inbox_ *const mine = rouse_inbox_mine_();
    /* Relaxed: it is this thread's, and a handler in between leaves it as it was. Written, so that the
     * compiler keeps the access. */
    rouse_u32_store_relaxed_(&mine->running_, rouse_u32_load_relaxed_(&mine->running_));
}

#endif /* ROUSE_WAITER_QUEUE_H */
