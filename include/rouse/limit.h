/* rouse/limit.h: at most N at a time, with a limit that may change and a bound on how many wait.
 *
 *     rouse_limit_init(&connections, 8, 1000);    // 8 at a time, 1000 wait at most
 *     ...
 *     switch (rouse_limit_acquire(&connections, &request->waiter, 1)) {
 *     case ROUSE_OK:      start(request); break;  // it has a permit
 *     case ROUSE_PENDING: break;                  // wake will call start
 *     case ROUSE_FULL:    refuse(request); break; // 1000 wait already: shed the load
 *     default:            refuse(request); break; // closed, out of range
 *     }
 *     ...
 *     rouse_limit_give_back(&connections, 1);     // in start's completion
 *     ...
 *     rouse_limit_set(&connections, 4);           // on any thread, at any time
 *
 * A semaphore counts what is free; a limit counts what is in use. So it detects when more is given back than
 * was taken, and it can shrink below what is in use. Then permits that come back pay that debt before any
 * waiter gets one, and once the number in use has fallen to the new limit it never exceeds it again.
 *
 * Guarantees. Waiters are served strictly first-in first-out, and try_acquire never overtakes them: a large
 * request at the head is served before smaller ones behind it. (Throughput mode, below, lets newcomers
 * overtake, up to a bound.) A waiter gets all that it asked for in one step; until then it holds nothing, so
 * free + in use = the limit whenever there is no debt. At no moment do more than most_waiting wait. What a
 * thread did before a give_back happens before whatever follows the acquire that it satisfied.
 *
 * Cost: one atomic read-modify-write for acquire and for give_back while nobody waits; one or two for set,
 * and for give_back to a waiter. No call allocates, with any backend. Memory: 48 bytes, 32 with LOCAL.
 *
 * While somebody waits, a call holds the queue for a few instructions. With LOCKFREE, try_acquire, give_back
 * and set never wait for that holder, and a signal handler may call them. They leave it to the holder to
 * serve the waiters, even if that is an acquire that is just queueing, and the wakes run there. With every
 * backend acquire (unless it is granted at once), cancel and close wait for the holder. */
#ifndef ROUSE_LIMIT_H
#define ROUSE_LIMIT_H

#include "config.h"
#include "detail/base/atomic.h"
#include "detail/base/check.h"
#include "detail/base/compiled.h"
#include "detail/base/owner.h"
#include "detail/base/platform.h"
#include "detail/queue/invited.h"
#include "detail/queue/linger.h"
#include "detail/queue/list.h"
#include "detail/wake/asker.h"
#include "detail/wake/chain.h"
#include "detail/wake/deliver.h"
#include "detail/wake/outcome.h"
#include "waiter.h"
#if ROUSE_BACKEND != ROUSE_BACKEND_LOCAL
#    include "blocking.h"
#endif

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* word_ = in use + limit * 2^29 + the bits below. Debt needs no field: it is by how much the number in use
 * exceeds the limit.
 *
 *   bits      which call may change the word
 *   none      any call, by one compare-and-swap
 *   CLOSED    any call, but no call takes permits any more
 *   WAITING   the list is not empty: newcomers queue; give_back and set take HELD in the step that changes
 *             the number, if the oldest waiter might be served by it
 *   HELD      the holder, which owns the list. It lets go in the step that takes the permits for the waiters
 *             it has served. With LOCKFREE that step is a compare-and-swap: give_back, set and try_acquire
 *             may change the numbers meanwhile, and then it looks again
 *   INVITED   throughput mode, with WAITING: a waiter that is not in the list is invited and has to answer.
 *             give_back and set change the number, and that is their last access. Newcomers take HELD; with
 *             LOCKFREE, a try_acquire that finds it taken fails
 *   TURN      changes each time an invited waiter leaves the queue, for those who linger at the bound */
#define ROUSE_LIMIT_PERMIT_  ((uint64_t)1 << 29)
#define ROUSE_LIMIT_WAITING_ ((uint64_t)1 << 58)
#define ROUSE_LIMIT_CLOSED_  ((uint64_t)1 << 59)
#define ROUSE_LIMIT_HELD_    ((uint64_t)1 << 60)
#define ROUSE_LIMIT_INVITED_ ((uint64_t)1 << 61)
#define ROUSE_LIMIT_TURN_    (2 * ROUSE_LIMIT_INVITED_)

#if ROUSE_INVITED_EVER_
#    define ROUSE_LIMIT_OPEN_INIT_(bypass) \
        (uint32_t) ROUSE_LIMIT_AT_MOST_(bypass), 0, 0, ROUSE_ATOMIC_INIT_(0),
#else
#    define ROUSE_LIMIT_OPEN_INIT_(bypass)
#endif

#if ROUSE_BACKEND == ROUSE_BACKEND_LOCKFREE
#    define ROUSE_LIMIT_AWAITED_ ((uint64_t)0) /* bits for which try_acquire, give_back and set wait */
#else
#    define ROUSE_LIMIT_AWAITED_ ROUSE_LIMIT_HELD_
#endif

typedef struct rouse_limit {
    rouse_atomic_u64_ word_;
    ROUSE_BUILT_MEMBER_
    ROUSE_STATS_MEMBER_
    rouse_list_ list_;          /* oldest first; the holder's. In it, a waiter's ticket_ is 1 */
    rouse_atomic_u32_ waiting_; /* how many are in it; written by the holder                 */
#if ROUSE_INVITED_EVER_         /* throughput mode; the holder's                                 */
    uint32_t bypass_;           /* the bound; 0: strict                                          */
    uint32_t passed_;           /* how many permits newcomers have taken since a waiter got in   */
    uint32_t kept_;             /* INVITED: how many of the free permits are not for newcomers   */
    rouse_atomic_u32_ doubt_;   /* linger.h; anybody's                                           */
#endif
    uint32_t most_waiting_;
    ROUSE_OWNER_MEMBER_
} rouse_limit;

#define ROUSE_LIMIT_AT_MOST_(n) \
    ((n) + UINT64_C(0) < ROUSE_MAX_PERMITS ? (n) + UINT64_C(0) : UINT64_C(0) + ROUSE_MAX_PERMITS)

/* A limit of `permits` at a time, at most ROUSE_MAX_PERMITS, for which at most most_waiting wait (UINT32_MAX:
 * no bound). */
#define ROUSE_LIMIT_INIT(permits, most_waiting) ROUSE_LIMIT_INIT_THROUGHPUT(permits, most_waiting, 0)
/* A limit in throughput mode (below), with this bound. */
#define ROUSE_LIMIT_INIT_THROUGHPUT(permits, most_waiting, bypass)                                 \
    {                                                                                              \
        ROUSE_BUILT_INIT_(ROUSE_ATOMIC_INIT_(ROUSE_LIMIT_PERMIT_ *ROUSE_LIMIT_AT_MOST_(permits))), \
            {NULL, NULL}, ROUSE_ATOMIC_INIT_(0),                                                   \
            ROUSE_LIMIT_OPEN_INIT_(bypass) ROUSE_OWNER_INIT_(most_waiting)                         \
    }

ROUSE_INLINE_ rouse_status rouse_limit_begin_(rouse_limit *l, uint32_t permits, uint32_t most_waiting,
                                              uint32_t bypass) {
    const uint32_t most = permits < ROUSE_MAX_PERMITS ? permits : ROUSE_MAX_PERMITS;
    rouse_u64_init_(&l->word_, ROUSE_LIMIT_PERMIT_ * most);
    ROUSE_BUILT_BEGIN_(l);
    ROUSE_STATS_BEGIN_(l);
    l->list_.oldest = NULL;
    l->list_.newest = NULL;
    rouse_u32_init_(&l->waiting_, 0);
    l->most_waiting_ = most_waiting;
#if ROUSE_INVITED_EVER_
    l->bypass_ = bypass < ROUSE_MAX_PERMITS ? bypass : ROUSE_MAX_PERMITS;
    l->passed_ = 0;
    l->kept_ = 0;
    rouse_u32_init_(&l->doubt_, 0);
#endif
    (void)bypass;
    ROUSE_OWNER_BEGIN_(l);
    return permits == most ? ROUSE_OK : ROUSE_INVALID;
}

/* Initialises a limit of `permits` at a time, for which at most most_waiting wait (UINT32_MAX: no bound).
 *   ROUSE_OK        done
 *   ROUSE_INVALID   permits > ROUSE_MAX_PERMITS; the limit is ROUSE_MAX_PERMITS, and may be used */
ROUSE_INLINE_ rouse_status rouse_limit_init(rouse_limit *l, uint32_t permits, uint32_t most_waiting) {
    ROUSE_CHECK_OBJECT_(l);
    return rouse_limit_begin_(l, permits, most_waiting, 0);
}

/* ---- internals ----------------------------------------------------------------------------------------- */

ROUSE_INLINE_ uint32_t rouse_limit_used_(uint64_t word) {
    return (uint32_t)word & ROUSE_MAX_PERMITS;
}
ROUSE_INLINE_ uint32_t rouse_limit_permits_(uint64_t word) {
    return (uint32_t)(word >> 29) & ROUSE_MAX_PERMITS;
}
ROUSE_INLINE_ bool rouse_limit_fits_(uint64_t word, uint32_t n) {
    return rouse_limit_used_(word) + n <= rouse_limit_permits_(word);
}

/* Changes the word if it is still *seen. */
ROUSE_INLINE_ bool rouse_limit_change_(rouse_limit *l, uint64_t *seen, uint64_t after) {
    /* E42: acquire; the thread that takes HELD reads the list, and a granting one passes on what came before
     * every give_back. Release: for what came before this one, and for the list when the holder lets go. */
    return rouse_u64_cas_acq_rel_(&l->word_, seen, after);
}

/* The holder's last access: sets the word, without HELD. False: it has changed meanwhile. */
ROUSE_INLINE_ bool rouse_limit_publish_(rouse_limit *l, uint64_t *seen, uint64_t after) {
#if ROUSE_BACKEND == ROUSE_BACKEND_LOCKFREE
    return rouse_limit_change_(l, seen, after);
#else
    (void)seen;
    /* E42: release; only the holder writes the word while it is HELD. */
    rouse_u64_store_release_(&l->word_, after);
    return true;
#endif
}

/* Reads the word again; if it was HELD, after backing off. */
ROUSE_INLINE_ uint64_t rouse_limit_look_again_(const rouse_limit *l, uint64_t seen, uint32_t *step) {
    if ((seen & ROUSE_LIMIT_HELD_) != 0) {
        rouse_platform_back_off_(step);
    }
    return rouse_u64_load_relaxed_(&l->word_); /* relaxed: a guess for the CAS */
}

/* Takes the queue. Returns the word. */
ROUSE_INLINE_ uint64_t rouse_limit_hold_(rouse_limit *l) {
    uint32_t step = 1;
    uint64_t seen = rouse_u64_load_relaxed_(&l->word_); /* relaxed: a guess for the CAS */
    while ((seen & ROUSE_LIMIT_HELD_) != 0 || !rouse_limit_change_(l, &seen, seen | ROUSE_LIMIT_HELD_)) {
        seen = rouse_limit_look_again_(l, seen, &step);
    }
    return seen | ROUSE_LIMIT_HELD_;
}

/* Queues w for n. */
ROUSE_INLINE_ void rouse_limit_enlist_(rouse_limit *l, rouse_waiter *w, uint32_t n) {
    /* Relaxed, all: published when the holder lets go. */
    rouse_u64_store_relaxed_(&w->account_, rouse_account_make_(n, n));
    rouse_u32_store_relaxed_(&w->ticket_, 1);
    rouse_u32_store_relaxed_(&w->status_, (uint32_t)ROUSE_PENDING);
    ROUSE_OWN_(w, l);
    ROUSE_TRACE("queue", l, w);
    ROUSE_STATS_QUEUED_(l, w);
    rouse_list_append_(&l->list_, w);
}

/* ---- throughput mode -----------------------------------------------------------------------------------
 *
 * The permits that the oldest waiter asked for stay free, and that waiter is invited (invited.h). A newcomer
 * takes HELD, adds what it takes to passed_, and takes it in the step that lets go.
 *
 * No wake is lost: while somebody waits and enough is free for the oldest waiter, a waiter is INVITED and has
 * to answer. It answers while it holds the queue: it takes what it asked for, or it goes back to the list,
 * and then the next give_back or set takes HELD. The bound: passed_ grows only for newcomers, and never above
 * bypass_. The grant is the last access: the thread that makes a permit visible lets go in that step, and
 * after it touches only waiters that it has still to wake. */

#if ROUSE_INVITED_EVER_
ROUSE_INLINE_ bool rouse_limit_is_open_(const rouse_limit *l) {
    return l->bypass_ != 0;
}

ROUSE_LATE_ bool rouse_limit_come_(rouse_waiter *w);
ROUSE_LATE_ rouse_status rouse_limit_answer_(rouse_waiter *w);
ROUSE_LATE_ void rouse_limit_refuse_(rouse_waiter *w);
static rouse_asker_ rouse_limit_asker_ = {rouse_limit_come_, rouse_limit_answer_, rouse_limit_refuse_};

/* w, which the holder has taken out of the list, is invited to take n. */
ROUSE_INLINE_ void rouse_limit_invite_(rouse_limit *l, rouse_waiter *w, uint32_t n) {
    /* Relaxed, both: the holder's. */
    rouse_u32_store_relaxed_(&w->ticket_,
                             rouse_invited_ticket_(n, ROUSE_INVITED_ + (uint32_t)ROUSE_INVITED_BY_LIMIT_));
    rouse_ptr_store_relaxed_(&w->place_, l);
    ROUSE_TRACE("invite", l, w);
    l->kept_ = n - 1;
}

/* Lists w, which was invited for n and has not got them, before all others. */
ROUSE_INLINE_ void rouse_limit_put_back_(rouse_limit *l, rouse_waiter *w, uint32_t n) {
    ROUSE_TRACE("beaten", l, w);
    rouse_u64_store_relaxed_(&w->account_, rouse_account_make_(n, n)); /* relaxed, all: the holder's */
    rouse_u32_store_relaxed_(&w->status_, (uint32_t)ROUSE_PENDING);
    rouse_u32_store_relaxed_(&w->ticket_, 1);
    rouse_list_prepend_(&l->list_, w);
}

/* Takes n permits for the holder, which keeps the queue. False: the numbers have changed (LOCKFREE). */
ROUSE_INLINE_ bool rouse_limit_take_held_(rouse_limit *l, uint64_t *seen, uint32_t n) {
#    if ROUSE_BACKEND == ROUSE_BACKEND_LOCKFREE
    if (!rouse_limit_change_(l, seen, *seen + n)) {
        return false;
    }
#    endif
    (void)l;
    *seen += n; /* otherwise the store that lets go shows them */
    return true;
}

/* Takes n permits for w, and w out of the list. False: the numbers have changed (LOCKFREE). */
ROUSE_INLINE_ bool rouse_limit_grant_held_(rouse_limit *l, uint64_t *seen, rouse_waiter *w, uint32_t n) {
    if (!rouse_limit_take_held_(l, seen, n)) {
        return false;
    }
    rouse_list_remove_(&l->list_, w);
    rouse_u32_store_relaxed_(&w->ticket_, 0); /* relaxed: the holder's, like the list */
    ROUSE_TRACE("grant", l, w);
    ROUSE_STATS_LEFT_(l, w, ROUSE_OK);
    l->passed_ = 0;
    return true;
}

/* What the holder has done for the waiters when it lets go. */
typedef struct rouse_limit_round_ {
    rouse_chain_ granted;
    rouse_waiter *invited; /* or NULL */
    bool own;              /* the waiter of this call is out of the queue */
} rouse_limit_round_;

/* The holder serves the oldest waiters from what is free, unless a waiter is INVITED, and lets go.
 *   gone      INVITED if the invited waiter has answered or has left, or 0
 *   waiting   how many wait, the invited one included
 *   own       the waiter of this call, whose wake may not run in it; or NULL */
ROUSE_SLOW_ rouse_limit_round_ rouse_limit_open_serve_(rouse_limit *l, uint64_t seen, uint64_t gone,
                                                       uint32_t waiting, const rouse_waiter *own) {
    rouse_limit_round_ round = {{NULL, NULL}, NULL, false};
    for (;;) {
        uint64_t after = (seen & ~(ROUSE_LIMIT_HELD_ | ROUSE_LIMIT_WAITING_ | gone)) ^ 2 * gone; /* TURN */
        rouse_waiter *const w = l->list_.oldest;
        if ((after & ROUSE_LIMIT_INVITED_) == 0 && round.invited == NULL && rouse_limit_fits_(after, 1) &&
            w != NULL && rouse_limit_fits_(after, rouse_account_asked_(w))) {
            const uint32_t n = rouse_account_asked_(w);
            if (w->wake_ == NULL || w == own) { /* polled: nobody could answer for it */
                if (rouse_limit_grant_held_(l, &seen, w, n)) {
                    waiting--;
                    if (w == own) {
                        round.own = true;
                    } else {
                        rouse_chain_add_(&round.granted, w, rouse_outcome_(ROUSE_OK, 0));
                    }
                }
                continue;
            }
            rouse_list_remove_(&l->list_, w);
            rouse_limit_invite_(l, w, n);
            round.invited = w;
        }
        /* LOCKFREE: it stays invited even if too little is free by now. */
        after |= round.invited != NULL ? ROUSE_LIMIT_INVITED_ : 0;
        if (waiting == 0) {
            l->passed_ = 0;
        } else {
            after |= ROUSE_LIMIT_WAITING_;
        }
        rouse_u32_store_relaxed_(&l->waiting_, waiting); /* relaxed: the holder's; snapshots read it */
        if (rouse_limit_publish_(l, &seen, after)) {
            return round;
        }
    }
}

/* Delivers what the holder has done for the waiters. */
ROUSE_INLINE_ void rouse_limit_open_tell_(rouse_limit_round_ *round) {
    rouse_deliver_(&round->granted);
    if (round->invited != NULL) {
        rouse_asker_enter_(&rouse_limit_asker_, ROUSE_ASKER_LIMIT_);
        rouse_invited_tell_(round->invited, ROUSE_ASKER_LIMIT_);
    }
}

/* Serves the waiters, lets go and delivers. gone: INVITED or 0, as above. */
ROUSE_SLOW_ void rouse_limit_open_settle_(rouse_limit *l, uint64_t seen, uint64_t gone, uint32_t waiting) {
    rouse_limit_round_ round = rouse_limit_open_serve_(l, seen, gone, waiting, NULL);
    rouse_limit_open_tell_(&round);
}
ROUSE_INLINE_ void rouse_limit_open_let_go_(rouse_limit *l, uint64_t seen, uint32_t waiting) {
    rouse_limit_open_settle_(l, seen, 0, waiting);
}

/* For the holder: may a newcomer take n? */
ROUSE_INLINE_ bool rouse_limit_admits_(const rouse_limit *l, uint64_t seen, uint32_t n) {
    if ((seen & ROUSE_LIMIT_CLOSED_) != 0) {
        return false;
    }
    if ((seen & ROUSE_LIMIT_WAITING_) == 0) {
        return rouse_limit_fits_(seen, n);
    }
    return (seen & ROUSE_LIMIT_INVITED_) != 0 && rouse_limit_fits_(seen, n + l->kept_) &&
           n <= l->bypass_ - l->passed_;
}

/* The holder takes n for a newcomer and lets go, if the newcomer may take them. False: it still holds. */
ROUSE_INLINE_ bool rouse_limit_admit_(rouse_limit *l, uint64_t *seen, uint32_t n) {
    const uint32_t passed = l->passed_;
    while (rouse_limit_admits_(l, *seen, n)) {
        l->passed_ = passed + ((*seen & ROUSE_LIMIT_WAITING_) != 0 ? n : 0);
        if (rouse_limit_publish_(l, seen, (*seen & ~ROUSE_LIMIT_HELD_) + n)) {
            return true;
        }
        l->passed_ = passed;
    }
    return false;
}

ROUSE_SLOW_ bool rouse_limit_open_try_(rouse_limit *l, uint32_t n) {
    uint32_t step = 1;
    uint64_t seen = rouse_u64_load_relaxed_(&l->word_); /* relaxed: a guess for the CAS */
    for (;;) {
        if ((seen & ROUSE_LIMIT_AWAITED_) != 0) {
            seen = rouse_limit_look_again_(l, seen, &step);
        } else if ((seen & (ROUSE_LIMIT_HELD_ | ROUSE_LIMIT_CLOSED_)) != 0 || !rouse_limit_fits_(seen, n) ||
                   (seen & (ROUSE_LIMIT_WAITING_ | ROUSE_LIMIT_INVITED_)) == ROUSE_LIMIT_WAITING_) {
            return false;
        } else if (rouse_limit_change_(l, &seen, seen | ROUSE_LIMIT_HELD_)) {
            seen |= ROUSE_LIMIT_HELD_;
            if (rouse_limit_admit_(l, &seen, n)) {
                return true;
            }
            rouse_limit_open_let_go_(l, seen,
                                     rouse_u32_load_relaxed_(&l->waiting_)); /* relaxed: the holder's */
            return false;
        }
    }
}

/* What changes when permits are given back, when the limit is set or closed, and when an invited waiter has
 * taken what was kept for it. */
#    define ROUSE_LIMIT_CHANGES_ (ROUSE_LIMIT_WAITING_ - 1 + ROUSE_LIMIT_CLOSED_ + ROUSE_LIMIT_TURN_)

/* Lingers (linger.h), until the word is not `seen` any more. */
ROUSE_SLOW_ void rouse_limit_linger_(rouse_limit *l, uint64_t seen) {
    const uint32_t doubt = rouse_u32_load_relaxed_(&l->doubt_); /* relaxed: a guess about what pays */
    const uint32_t after = rouse_linger_(doubt, &l->word_, &seen, ROUSE_LIMIT_CHANGES_);
    if (after != doubt) {
        rouse_u32_store_relaxed_(&l->doubt_, after); /* relaxed: the same */
    }
}

/* Takes the queue; lingers before, if fewer than n permits are free. If another thread holds the limit, this
 * call waits for it first, because that thread may be about to take them. */
ROUSE_INLINE_ uint64_t rouse_limit_open_hold_(rouse_limit *l, uint32_t n) {
    uint64_t seen = rouse_u64_load_relaxed_(&l->word_); /* relaxed: only compared */
    uint32_t step = 1;
    while ((seen & ROUSE_LIMIT_HELD_) != 0) {
        seen = rouse_limit_look_again_(l, seen, &step);
    }
    if ((seen & ROUSE_LIMIT_CLOSED_) == 0 && !rouse_limit_fits_(seen, n)) {
        rouse_limit_linger_(l, seen);
    }
    return rouse_limit_hold_(l);
}

/* The same for a newcomer, which also lingers if n are free, and kept for the waiter that is invited. */
ROUSE_INLINE_ uint64_t rouse_limit_newcomer_holds_(rouse_limit *l, uint32_t n) {
    uint64_t seen = rouse_limit_open_hold_(l, n);
    if ((seen & (ROUSE_LIMIT_INVITED_ | ROUSE_LIMIT_CLOSED_)) == ROUSE_LIMIT_INVITED_ &&
        rouse_limit_fits_(seen, n) && n > l->bypass_ - l->passed_) {
        while (!rouse_limit_publish_(l, &seen, seen & ~ROUSE_LIMIT_HELD_)) {
        }
        rouse_limit_linger_(l, seen);
        seen = rouse_limit_hold_(l);
    }
    return seen;
}

/* Queues w, unless it can take its permits now. */
ROUSE_SLOW_ rouse_status rouse_limit_open_queue_(rouse_limit *l, rouse_waiter *w, uint32_t n) {
    uint64_t seen = w->wake_ == NULL ? rouse_limit_hold_(l) : rouse_limit_newcomer_holds_(l, n);
    rouse_status status = ROUSE_PENDING;
    rouse_limit_round_ round;
    uint32_t waiting;
    if (rouse_limit_admit_(l, &seen, n)) {
        return ROUSE_OK;
    }
    waiting = rouse_u32_load_relaxed_(&l->waiting_); /* relaxed: the holder's */
    if ((seen & ROUSE_LIMIT_CLOSED_) != 0) {
        status = ROUSE_CLOSED;
    } else if (waiting >= l->most_waiting_) {
        ROUSE_STATS_REFUSED_(l);
        status = ROUSE_FULL;
    } else {
        waiting++;
        rouse_limit_enlist_(l, w, n);
    }
    round = rouse_limit_open_serve_(l, seen, 0, waiting, w);
    if (round.own) {
        rouse_waiter_release_(w);
        status = ROUSE_OK;
    }
    rouse_limit_open_tell_(&round);
    return status;
}

/* An invited waiter asks. OK and CLOSED: it is out of the queue. PENDING: others were quicker, and it keeps
 * its place before all others. */
ROUSE_SLOW_ rouse_status rouse_limit_resume_(rouse_limit *l, rouse_waiter *w) {
    /* Relaxed: n does not change while w has to answer. */
    const uint32_t n = rouse_invited_asked_(rouse_u32_load_relaxed_(&w->ticket_));
    rouse_limit_round_ round;
    uint64_t seen;
    uint32_t waiting;
    rouse_status status;
    seen = rouse_limit_open_hold_(l, n);
    waiting = rouse_u32_load_relaxed_(&l->waiting_) - 1; /* relaxed: the holder's */
    for (;;) {
        if ((seen & ROUSE_LIMIT_CLOSED_) != 0) {
            status = ROUSE_CLOSED;
            break;
        }
        if (!rouse_limit_fits_(seen, n)) {
            rouse_limit_put_back_(l, w, n);
            if (rouse_limit_publish_(l, &seen, seen & ~(ROUSE_LIMIT_HELD_ | ROUSE_LIMIT_INVITED_))) {
                return ROUSE_PENDING;
            }
            rouse_list_remove_(&l->list_, w); /* LOCKFREE: the numbers have changed */
        } else if (rouse_limit_take_held_(l, &seen, n)) {
            l->passed_ = 0;
            status = ROUSE_OK;
            break;
        }
    }
    ROUSE_TRACE("grant", l, w);
    ROUSE_STATS_LEFT_(l, w, status);
    round = rouse_limit_open_serve_(l, seen, ROUSE_LIMIT_INVITED_, waiting, NULL);
    rouse_invited_settle_(w, status);
    rouse_limit_open_tell_(&round);
    return status;
}

/* An invited waiter gives up: the turn goes to the next. */
ROUSE_SLOW_ void rouse_limit_decline_(rouse_limit *l, rouse_waiter *w) {
    const uint64_t seen = rouse_limit_hold_(l);
    const uint32_t waiting = rouse_u32_load_relaxed_(&l->waiting_) - 1; /* relaxed, both: the holder's */
    ROUSE_TRACE("cancel", l, w);
    ROUSE_STATS_LEFT_(l, w, ROUSE_CANCELLED);
    rouse_u32_store_relaxed_(&w->ticket_, 0);
    rouse_waiter_release_(w);
    rouse_limit_open_settle_(l, seen, ROUSE_LIMIT_INVITED_, waiting);
}

/* The limit's entries in the table of askers, whose callers know only the waiter. */
ROUSE_INLINE_ rouse_limit *rouse_limit_inviter_(const rouse_waiter *w) {
    return (rouse_limit *)rouse_ptr_load_relaxed_(&w->place_); /* relaxed: shown with the invitation */
}
ROUSE_LATE_ bool rouse_limit_come_(rouse_waiter *w) {
    return rouse_invited_came_(w, rouse_invited_claim_(w) ? rouse_limit_resume_(rouse_limit_inviter_(w), w)
                                                          : ROUSE_CANCELLED);
}
ROUSE_LATE_ rouse_status rouse_limit_answer_(rouse_waiter *w) {
    return rouse_limit_resume_(rouse_limit_inviter_(w), w);
}
ROUSE_LATE_ void rouse_limit_refuse_(rouse_waiter *w) {
    rouse_limit_decline_(rouse_limit_inviter_(w), w);
}

ROUSE_SLOW_ bool rouse_limit_open_cancel_(rouse_limit *l, rouse_waiter *w) {
    while (rouse_waiter_status_(w) == ROUSE_PENDING) {
        uint64_t seen = rouse_limit_hold_(l);
        const uint32_t ticket = rouse_u32_load_acquire_(&w->ticket_); /* E1: partner: rouse_invited_settle_ */
        const uint32_t waiting = rouse_u32_load_relaxed_(&l->waiting_); /* relaxed: the holder's */
        rouse_limit_round_ round;
        if ((seen & ROUSE_LIMIT_CLOSED_) == 0 && ticket == 1) { /* closed: the list is empty */
            rouse_u32_store_relaxed_(&w->ticket_, 0);
            rouse_list_remove_(&l->list_, w);
            ROUSE_TRACE("cancel", l, w);
            ROUSE_STATS_LEFT_(l, w, ROUSE_CANCELLED);
            rouse_waiter_release_(w);
            rouse_limit_open_let_go_(l, seen, waiting - 1);
            return true;
        }
        if (rouse_invited_revoke_(w, ticket)) {
            ROUSE_TRACE("cancel", l, w);
            ROUSE_STATS_LEFT_(l, w, ROUSE_CANCELLED);
            round = rouse_limit_open_serve_(l, seen, ROUSE_LIMIT_INVITED_, waiting - 1, NULL);
            rouse_invited_cancelled_(w);
            rouse_limit_open_tell_(&round);
            return false;
        }
        rouse_limit_open_let_go_(l, seen, waiting);
        if (!rouse_invited_await_claimer_(w, rouse_invited_state_(ticket))) {
            break;
        }
    }
    rouse_outcome_await_(w);
    return false;
}

#else /* no limit of this backend ever invites */
ROUSE_INLINE_ bool rouse_limit_is_open_(const rouse_limit *l) {
    (void)l;
    return false;
}
ROUSE_INLINE_ void rouse_limit_open_let_go_(rouse_limit *l, uint64_t seen, uint32_t waiting) {
    (void)l, (void)seen, (void)waiting;
}
ROUSE_INLINE_ bool rouse_limit_open_try_(rouse_limit *l, uint32_t n) {
    (void)l, (void)n;
    return false;
}
ROUSE_INLINE_ rouse_status rouse_limit_open_queue_(rouse_limit *l, rouse_waiter *w, uint32_t n) {
    (void)l, (void)w, (void)n;
    return ROUSE_INVALID;
}
ROUSE_INLINE_ rouse_status rouse_limit_resume_(rouse_limit *l, rouse_waiter *w) {
    (void)l, (void)w;
    return ROUSE_INVALID;
}
ROUSE_INLINE_ void rouse_limit_decline_(rouse_limit *l, rouse_waiter *w) {
    (void)l, (void)w;
}
ROUSE_INLINE_ bool rouse_limit_open_cancel_(rouse_limit *l, rouse_waiter *w) {
    (void)l, (void)w;
    return false;
}
#endif

/* ---- strict mode --------------------------------------------------------------------------------------- */

/* Serves the oldest waiters from what is free, and drops HELD. Returns the oldest of those it has served,
 * linked to the others by next_; NULL: none. The caller delivers them; the limit may be gone as soon as
 * the first of them is woken. `seen` is the word, and `waiting` is how many are in the list. */
ROUSE_SLOW_ rouse_waiter *rouse_limit_let_go_(rouse_limit *l, uint64_t seen, uint32_t waiting) {
    rouse_waiter *const first = l->list_.oldest;
    rouse_waiter *const newest = l->list_.newest;
    rouse_waiter *last;
    rouse_waiter *w;
    for (;;) {
        uint64_t after = seen & ~(ROUSE_LIMIT_HELD_ | ROUSE_LIMIT_WAITING_);
        uint32_t served = 0;
        last = NULL;
        for (w = first; w != NULL && rouse_limit_fits_(after, rouse_account_asked_(w)); w = w->next_) {
            after += rouse_account_asked_(w);
            rouse_u32_store_relaxed_(&w->ticket_, 0); /* relaxed: the holder's, like the list */
            last = w;
            served++;
        }
        l->list_.oldest = w;
        l->list_.newest = w == NULL ? NULL : newest;
        if (w != NULL) {
            rouse_ptr_store_relaxed_(&w->place_, NULL); /* relaxed: the list's */
            after |= ROUSE_LIMIT_WAITING_;
        }
        rouse_u32_store_relaxed_(&l->waiting_,
                                 waiting - served); /* relaxed: the holder's; snapshots read it */
        if (rouse_limit_publish_(l, &seen, after)) {
            break;
        }
        /* LOCKFREE: the numbers have changed, so other waiters may be served now. Start again. */
        if (w != NULL) {
            rouse_ptr_store_relaxed_(&w->place_, last); /* relaxed: the list's */
        }
        for (last = first; last != w; last = last->next_) {
            rouse_u32_store_relaxed_(&last->ticket_, 1); /* relaxed: the holder's */
        }
    }
    if (last == NULL) {
        return NULL;
    }
    last->next_ = NULL;
    return first;
}

/* Wakes those who have been served. */
ROUSE_INLINE_ void rouse_limit_tell_(const rouse_limit *l, rouse_waiter *served) {
    rouse_waiter *w;
    if (served == NULL) {
        return;
    }
    for (w = served; w != NULL; w = w->next_) {
        ROUSE_TRACE("grant", l, w);
        ROUSE_STATS_LEFT_(l, w, ROUSE_OK);
        rouse_outcome_set_due_(w, rouse_outcome_(ROUSE_OK, 0));
    }
    if (ROUSE_LIKELY_(served->next_ == NULL)) {
        rouse_deliver_one_(served, rouse_outcome_(ROUSE_OK, 0));
    } else {
        rouse_deliver_chain_(l, served, 0);
    }
    (void)l;
}

/* Takes n if they are free and nobody waits. */
ROUSE_INLINE_ bool rouse_limit_take_(rouse_limit *l, uint32_t n) {
    uint64_t seen = rouse_u64_load_relaxed_(&l->word_); /* relaxed: a guess for the CAS */
    while (ROUSE_LIKELY_((seen & (ROUSE_LIMIT_WAITING_ | ROUSE_LIMIT_CLOSED_ | ROUSE_LIMIT_AWAITED_)) == 0 &&
                         rouse_limit_fits_(seen, n))) {
        if (ROUSE_LIKELY_(rouse_limit_change_(l, &seen, seen + n))) {
            return true;
        }
    }
    return false;
}

/* Queues w, unless it can take its permits now. */
ROUSE_SLOW_ rouse_status rouse_limit_queue_(rouse_limit *l, rouse_waiter *w, uint32_t n) {
    uint64_t seen;
    uint32_t waiting;
    rouse_status status = ROUSE_PENDING;
    rouse_waiter *served;
    rouse_waiter **link;
    if (rouse_limit_is_open_(l)) {
        return rouse_limit_open_queue_(l, w, n);
    }
    seen = rouse_limit_hold_(l);
    waiting = rouse_u32_load_relaxed_(&l->waiting_); /* relaxed: the holder's */
    if ((seen & ROUSE_LIMIT_CLOSED_) != 0) {
        status = ROUSE_CLOSED;
    } else if (waiting >= l->most_waiting_ && (waiting != 0 || !rouse_limit_fits_(seen, n))) {
        status = ROUSE_FULL;
        ROUSE_STATS_REFUSED_(l);
    } else {
        rouse_limit_enlist_(l, w, n);
        waiting++;
    }
    served = rouse_limit_let_go_(l, seen, waiting);
    if (ROUSE_LIKELY_(served == NULL)) {
        return status;
    }
    /* w itself may be among those served, as the last. If it is not, it may be gone by now. */
    for (link = &served; *link != NULL; link = &(*link)->next_) {
        if (*link == w) {
            *link = NULL;
            ROUSE_TRACE("grant", l, w);
            ROUSE_STATS_LEFT_(l, w, ROUSE_OK);
            rouse_waiter_release_(w);
            status = ROUSE_OK;
            break;
        }
    }
    rouse_limit_tell_(l, served);
    return status;
}

/* Can a waiter be served if the word becomes `after`? */
ROUSE_INLINE_ bool rouse_limit_needs_hand_out_(uint64_t after) {
    return (after & (ROUSE_LIMIT_WAITING_ | ROUSE_LIMIT_INVITED_)) == ROUSE_LIMIT_WAITING_ &&
           rouse_limit_fits_(after, 1);
}

/* The holder serves those whom it can serve, and lets go. `seen`: the word. */
ROUSE_INLINE_ void rouse_limit_serve_(rouse_limit *l, uint64_t seen) {
    const uint32_t waiting = rouse_u32_load_relaxed_(&l->waiting_); /* relaxed: the holder's */
    if (rouse_limit_is_open_(l)) {
        rouse_limit_open_let_go_(l, seen, waiting);
    } else {
        rouse_limit_tell_(l, rouse_limit_let_go_(l, seen, waiting));
    }
}

/* give_back or set has changed the word from `seen` to `after`: serves the waiters if that step took the
 * queue. */
ROUSE_INLINE_ void rouse_limit_served_(rouse_limit *l, uint64_t seen, uint64_t after) {
    if ((after & ~seen & ROUSE_LIMIT_HELD_) != 0) {
        rouse_limit_serve_(l, after);
    }
}

/* rouse_limit_give_back, while somebody waits or holds the queue. */
ROUSE_SLOW_ rouse_status rouse_limit_hand_back_(rouse_limit *l, uint32_t n) {
    uint32_t step = 1;
    uint64_t seen = rouse_u64_load_relaxed_(&l->word_); /* relaxed: a guess for the CAS */
    uint64_t after;
    for (;;) {
        if ((seen & ROUSE_LIMIT_AWAITED_) != 0) {
            seen = rouse_limit_look_again_(l, seen, &step);
            continue;
        }
        if (rouse_limit_used_(seen) < n) {
            return ROUSE_OVERFLOW;
        }
        after = seen - n;
        if (rouse_limit_needs_hand_out_(after)) {
            after |= ROUSE_LIMIT_HELD_;
        }
        if (rouse_limit_change_(l, &seen, after)) {
            break;
        }
    }
    rouse_limit_served_(l, seen, after);
    return ROUSE_OK;
}

ROUSE_SLOW_ bool rouse_limit_cancel_(rouse_limit *l, rouse_waiter *w) {
    rouse_waiter *served;
    uint64_t seen;
    uint32_t waiting;
    bool found;
    if (rouse_waiter_status_(w) != ROUSE_PENDING) {
        return false;
    }
    if (rouse_limit_is_open_(l)) {
        return rouse_limit_open_cancel_(l, w);
    }
    seen = rouse_limit_hold_(l);
    waiting = rouse_u32_load_relaxed_(&l->waiting_); /* relaxed: the holder's */
    /* Relaxed: the holder's. Closed: nobody is in the list, although their tickets say so. */
    found = (seen & ROUSE_LIMIT_CLOSED_) == 0 && rouse_u32_load_relaxed_(&w->ticket_) == 1;
    if (found) {
        rouse_u32_store_relaxed_(&w->ticket_, 0);
        rouse_list_remove_(&l->list_, w);
        ROUSE_TRACE("cancel", l, w);
        ROUSE_STATS_LEFT_(l, w, ROUSE_CANCELLED);
        rouse_waiter_release_(w);
        waiting--;
    }
    served = rouse_limit_let_go_(l, seen, waiting);
    if (!found) {
        rouse_outcome_await_(w);
    }
    rouse_limit_tell_(l, served);
    return found;
}

ROUSE_SLOW_ uint32_t rouse_limit_close_(rouse_limit *l) {
    uint64_t seen = rouse_limit_hold_(l);
    rouse_waiter *const first = rouse_list_take_all_(&l->list_);
    const uint32_t waiting = rouse_u32_load_relaxed_(&l->waiting_); /* relaxed: the holder's */
    /* An invited waiter stays until it has answered. */
    const uint32_t invited = (seen & ROUSE_LIMIT_INVITED_) != 0 ? 1 : 0;
    const uint64_t gone = ROUSE_LIMIT_HELD_ | (invited != 0 ? 0 : ROUSE_LIMIT_WAITING_);
    rouse_u32_store_relaxed_(&l->waiting_, invited);
    ROUSE_TRACE("close", l, NULL);
    while (!rouse_limit_publish_(l, &seen, (seen & ~gone) | ROUSE_LIMIT_CLOSED_)) {
    }
    ROUSE_STATS_SWEPT_(l, first, rouse_outcome_(ROUSE_CLOSED, 0));
    rouse_deliver_chain_(l, first, rouse_outcome_(ROUSE_CLOSED, 0));
    return waiting - invited;
}

#ifdef ROUSE_STATS
/* When the oldest waiter queued; 0: nobody waits. */
ROUSE_SLOW_ uint64_t rouse_limit_oldest_(rouse_limit *l) {
    uint64_t since = 0;
    if (rouse_u32_load_relaxed_(&l->waiting_) != 0) { /* relaxed: a snapshot */
        const uint64_t seen = rouse_limit_hold_(l);
        if (l->list_.oldest != NULL) {
            since = rouse_u64_load_relaxed_(&l->list_.oldest->since_);
        }
        rouse_limit_serve_(l, seen);
    }
    return since;
}
#endif

#ifdef ROUSE_COMPILED_ELSEWHERE_
ROUSE_COMPILED_(rouse_status, rouse_limit_queue_, (rouse_limit * l, rouse_waiter *w, uint32_t n), (l, w, n))
#    define rouse_limit_queue_ ROUSE_COMPILED_NAME_(rouse_limit_queue_)
ROUSE_COMPILED_(rouse_status, rouse_limit_hand_back_, (rouse_limit * l, uint32_t n), (l, n))
#    define rouse_limit_hand_back_ ROUSE_COMPILED_NAME_(rouse_limit_hand_back_)
ROUSE_COMPILED_VOID_(rouse_limit_served_, (rouse_limit * l, uint64_t seen, uint64_t after), (l, seen, after))
#    define rouse_limit_served_ ROUSE_COMPILED_NAME_(rouse_limit_served_)
ROUSE_COMPILED_(bool, rouse_limit_cancel_, (rouse_limit * l, rouse_waiter *w), (l, w))
#    define rouse_limit_cancel_ ROUSE_COMPILED_NAME_(rouse_limit_cancel_)
ROUSE_COMPILED_(uint32_t, rouse_limit_close_, (rouse_limit * l), (l))
#    define rouse_limit_close_ ROUSE_COMPILED_NAME_(rouse_limit_close_)
#    ifdef ROUSE_STATS
ROUSE_COMPILED_(uint64_t, rouse_limit_oldest_, (rouse_limit * l), (l))
#        define rouse_limit_oldest_ ROUSE_COMPILED_NAME_(rouse_limit_oldest_)
#    endif
#endif

/* ---- the public calls ---------------------------------------------------------------------------------- */

/* Ends the limit. Requires that no waiter is queued and no call is in progress, except a give_back, set or
 * close that has woken the last waiter and is still returning. */
ROUSE_INLINE_ void rouse_limit_destroy(rouse_limit *l) {
    ROUSE_CHECK_USE_(l, l);
    ROUSE_CHECK_(rouse_u32_load_relaxed_(&l->waiting_) == 0, l,
                 "waiters are queued"); /* relaxed: nobody is here */
    (void)l;
}

/* rouse_limit_acquire, rouse_limit_try_acquire and rouse_limit_give_back without checks. */
ROUSE_INLINE_ rouse_status rouse_limit_acquire_(rouse_limit *l, rouse_waiter *w, uint32_t n) {
    if (n - 1 >= ROUSE_MAX_PERMITS) {
        return n == 0 ? ROUSE_OK : ROUSE_INVALID;
    }
    return rouse_limit_take_(l, n) ? ROUSE_OK : rouse_limit_queue_(l, w, n);
}
ROUSE_INLINE_ bool rouse_limit_try_acquire_(rouse_limit *l, uint32_t n) {
    uint32_t step = 1;
    if (n - 1 >= ROUSE_MAX_PERMITS) {
        return n == 0;
    }
    while (!rouse_limit_take_(l, n)) {
        const uint64_t seen =
            rouse_u64_load_relaxed_(&l->word_); /* relaxed: a guess, for whether to try again */
        if ((seen & (ROUSE_LIMIT_WAITING_ | ROUSE_LIMIT_CLOSED_)) != 0 || !rouse_limit_fits_(seen, n)) {
            return rouse_limit_is_open_(l) && rouse_limit_open_try_(l, n);
        }
        (void)rouse_limit_look_again_(l, seen, &step);
    }
    return true;
}
ROUSE_INLINE_ rouse_status rouse_limit_give_back_(rouse_limit *l, uint32_t n) {
    uint64_t seen = rouse_u64_load_relaxed_(&l->word_); /* relaxed: a guess for the CAS */
    while (ROUSE_LIKELY_((seen & (ROUSE_LIMIT_WAITING_ | ROUSE_LIMIT_AWAITED_)) == 0)) {
        if (rouse_limit_used_(seen) < n) {
            return ROUSE_OVERFLOW;
        }
        if (ROUSE_LIKELY_(rouse_limit_change_(l, &seen, seen - n))) {
            return ROUSE_OK;
        }
    }
    return rouse_limit_hand_back_(l, n);
}

/* Takes n permits, or queues `w` for them. A request for more than the present limit waits until the limit
 * has grown. Never blocks.
 * Returns
 *   ROUSE_OK        the n permits are yours (n == 0: always)
 *   ROUSE_PENDING   queued; wake is called once w has all n
 *   ROUSE_FULL      most_waiting waiters are queued already; nothing changed
 *   ROUSE_CLOSED    the limit is closed
 *   ROUSE_INVALID   n > ROUSE_MAX_PERMITS, closed or not
 * Requires that w is initialised and not queued.
 * Wakes: w's wake runs on the thread that gives back, sets, cancels or closes, or in its mailbox's drain.
 * With LOCKFREE a call that queues w may run the wakes of earlier waiters, and then also w's, before it
 * returns ROUSE_PENDING.
 * Cost: one atomic read-modify-write when nobody waits. Never allocates. */
ROUSE_NODISCARD_
ROUSE_INLINE_ rouse_status rouse_limit_acquire(rouse_limit *l, rouse_waiter *w, uint32_t n) {
    ROUSE_CHECK_USE_(l, l);
    ROUSE_CHECK_IDLE_(w, l);
    return rouse_limit_acquire_(l, w, n);
}

/* Takes n permits if they are free and nobody waits. Returns whether it did; n == 0: true. Never queues. */
ROUSE_NODISCARD_
ROUSE_INLINE_ bool rouse_limit_try_acquire(rouse_limit *l, uint32_t n) {
    ROUSE_CHECK_USE_(l, l);
    return rouse_limit_try_acquire_(l, n);
}

/* Gives n permits back. They pay the debt first, if more are in use than the limit allows. Then the oldest
 * waiters get them, and their wakes run on this thread. Any thread may give back, not only the one that
 * acquired.
 *   ROUSE_OK         done
 *   ROUSE_OVERFLOW   fewer than n are in use, so something was given back twice; nothing changed */
ROUSE_INLINE_ rouse_status rouse_limit_give_back(rouse_limit *l, uint32_t n) {
    ROUSE_CHECK_USE_(l, l);
    return rouse_limit_give_back_(l, n);
}

/* Changes the limit, if need be to less than is in use: then no waiter gets a permit until the number in use
 * has fallen below the new limit. Permits that a larger limit frees go to the oldest waiters, whose wakes run
 * on this thread. You may call it inside a wake.
 *   ROUSE_OK         done
 *   ROUSE_INVALID    permits > ROUSE_MAX_PERMITS; nothing changed */
ROUSE_INLINE_ rouse_status rouse_limit_set(rouse_limit *l, uint32_t permits) {
    uint32_t step = 1;
    uint64_t seen;
    uint64_t after;
    ROUSE_CHECK_USE_(l, l);
    if (permits > ROUSE_MAX_PERMITS) {
        return ROUSE_INVALID;
    }
    seen = rouse_u64_load_relaxed_(&l->word_); /* relaxed: a guess for the CAS */
    for (;;) {
        if ((seen & ROUSE_LIMIT_AWAITED_) != 0) {
            seen = rouse_limit_look_again_(l, seen, &step);
            continue;
        }
        after = seen - ROUSE_LIMIT_PERMIT_ * rouse_limit_permits_(seen) + ROUSE_LIMIT_PERMIT_ * permits;
        if (rouse_limit_needs_hand_out_(after)) {
            after |= ROUSE_LIMIT_HELD_;
        }
        if (rouse_limit_change_(l, &seen, after)) {
            break;
        }
    }
    rouse_limit_served_(l, seen, after);
    return ROUSE_OK;
}

/* Takes `w` out of the queue, and serves the waiters behind it that can now be served, on this thread.
 * Returns true: w is yours again, and its wake will never run. False: w has been woken or is being woken; if
 * its outcome is ROUSE_OK, the permits are yours to give back.
 * Requires that w was last queued on this limit. */
ROUSE_NODISCARD_
ROUSE_INLINE_ bool rouse_limit_cancel(rouse_limit *l, rouse_waiter *w) {
    ROUSE_CHECK_USE_(l, l);
    ROUSE_CHECK_OWNED_(w, l, l);
    return rouse_limit_cancel_(l, w);
}

/* Closes the limit: wakes all waiters with ROUSE_CLOSED, on this thread. Later acquires return ROUSE_CLOSED,
 * whether or not permits are free; give_back and set still work. Returns how many it woke. */
ROUSE_INLINE_ uint32_t rouse_limit_close(rouse_limit *l) {
    ROUSE_CHECK_USE_(l, l);
    return rouse_limit_close_(l);
}

ROUSE_INLINE_ bool rouse_limit_closed_(const rouse_limit *l) {
    /* E42: acquire; partner is the release in close. */
    return (rouse_u64_load_acquire_(&l->word_) & ROUSE_LIMIT_CLOSED_) != 0;
}

/* Returns whether the limit is closed. What came before close happens before what follows a true answer. */
ROUSE_INLINE_ bool rouse_limit_is_closed(const rouse_limit *l) {
    ROUSE_CHECK_LOOK_(l, l);
    return rouse_limit_closed_(l);
}

/* Return snapshots: the limit; how many permits are in use (more than the limit while there is a debt); how
 * many waiters are queued. */
ROUSE_INLINE_ uint32_t rouse_limit_permits(const rouse_limit *l) {
    ROUSE_CHECK_LOOK_(l, l);
    return rouse_limit_permits_(rouse_u64_load_relaxed_(&l->word_)); /* relaxed: a snapshot */
}
ROUSE_INLINE_ uint32_t rouse_limit_in_use(const rouse_limit *l) {
    ROUSE_CHECK_LOOK_(l, l);
    return rouse_limit_used_(rouse_u64_load_relaxed_(&l->word_)); /* relaxed: a snapshot */
}
ROUSE_INLINE_ uint32_t rouse_limit_waiter_count(const rouse_limit *l) {
    ROUSE_CHECK_LOOK_(l, l);
    return rouse_u32_load_relaxed_(&l->waiting_); /* relaxed: a snapshot */
}

/* Does nothing and returns ROUSE_OK: a limit never allocates. */
ROUSE_INLINE_ rouse_status rouse_limit_reserve(rouse_limit *l, uint32_t waiters) {
    ROUSE_CHECK_USE_(l, l);
    (void)l;
    (void)waiters;
    return ROUSE_OK;
}

/* ---- throughput mode -----------------------------------------------------------------------------------
 *
 * It works as for a semaphore: semaphore.h says what it is, what a waiter sees, how calls linger, and what
 * cancel and close do. In addition:
 *   The invited waiter counts towards most_waiting. A newcomer that may take a permit never gets ROUSE_FULL,
 *   however many wait.
 *   A waiter for several permits is invited when all of them are free; from then on newcomers may take only
 *   the last of them. Until then nobody overtakes it.
 *   One waiter is invited at a time, with every backend. So a burst of give-backs wakes sleeping threads one
 *   after another.
 *   After a set to less, resume may find too few permits although nobody was quicker; that is also
 *   ROUSE_PENDING.
 *   With LOCKFREE, try_acquire never waits. So while somebody waits, it also returns false at a moment in
 *   which another call holds the queue.
 *
 * Cost: a newcomer that passes an invited waiter pays two compare-and-swaps and a store (LOCKFREE: three
 * compare-and-swaps). LOCAL ignores the bound and is strict. */

/* rouse_limit_init in throughput mode: newcomers may overtake waiters by `bypass` permits in a row. */
ROUSE_INLINE_ rouse_status rouse_limit_init_throughput(rouse_limit *l, uint32_t permits,
                                                       uint32_t most_waiting, uint32_t bypass) {
    ROUSE_CHECK_OBJECT_(l);
    return rouse_limit_begin_(l, permits, most_waiting, bypass);
}

/* Asks for the permits after a wake with ROUSE_RETRY. Call it once for each ROUSE_RETRY, on any thread; the
 * wake itself may call it.
 *   ROUSE_OK       the permits are yours; w is out of the queue
 *   ROUSE_PENDING  a newcomer was quicker; w keeps its place, before all others, and will be woken again
 *   ROUSE_CLOSED   the limit was closed; w is out of the queue
 * If w's wake got any other status, it returns that status and changes nothing. Wakes of other waiters may
 * run on this thread. Cost: one atomic read-modify-write and a store. */
ROUSE_NODISCARD_ ROUSE_INLINE_ rouse_status rouse_limit_resume(rouse_limit *l, rouse_waiter *w) {
    rouse_status status;
    ROUSE_CHECK_USE_(l, l);
    ROUSE_CHECK_OWNED_(w, l, l);
    status = rouse_waiter_status_(w);
    return status == ROUSE_RETRY ? rouse_limit_resume_(l, w) : status;
}

/* Gives up after a wake with ROUSE_RETRY: w is yours again, and the turn goes to the next waiter, whose wake
 * may run on this thread. */
ROUSE_INLINE_ void rouse_limit_decline(rouse_limit *l, rouse_waiter *w) {
    ROUSE_CHECK_USE_(l, l);
    ROUSE_CHECK_OWNED_(w, l, l);
    if (rouse_waiter_status_(w) == ROUSE_RETRY) {
        rouse_limit_decline_(l, w);
    }
}

/* ---- blocking ------------------------------------------------------------------------------------------ */

#if ROUSE_BACKEND != ROUSE_BACKEND_LOCAL
ROUSE_INLINE_ bool rouse_limit_leave_(void *limit, rouse_waiter *w) {
    return rouse_limit_cancel_((rouse_limit *)limit, w);
}
ROUSE_INLINE_ void rouse_limit_return_(void *limit, rouse_waiter *w, uint32_t n) {
    (void)w;
    (void)rouse_limit_give_back_((rouse_limit *)limit, n);
}

ROUSE_INLINE_ rouse_status rouse_limit_block_(rouse_limit *l, uint32_t n, uint64_t timeout_ns) {
    rouse_thread_waiter t;
    if (rouse_limit_try_acquire_(l, n)) {
        return ROUSE_OK;
    }
    if (timeout_ns == 0 && n <= ROUSE_MAX_PERMITS) {
        return rouse_limit_closed_(l) ? ROUSE_CLOSED : ROUSE_TIMEDOUT;
    }
    rouse_thread_waiter_init(&t);
    return rouse_block_on_(&t, rouse_limit_acquire_(l, &t.waiter, n), timeout_ns, l, rouse_limit_leave_,
                           rouse_limit_return_, n);
}

/* Block a plain thread until it has n permits, _timed for at most timeout_ns (blocking.h says what both
 * promise). Return ROUSE_OK, ROUSE_TIMEDOUT (nothing changed), or ROUSE_FULL, ROUSE_CLOSED, ROUSE_INVALID as
 * rouse_limit_acquire does. */
ROUSE_NODISCARD_
ROUSE_INLINE_ rouse_status rouse_limit_acquire_timed(rouse_limit *l, uint32_t n, uint64_t timeout_ns) {
    ROUSE_CHECK_USE_(l, l);
    ROUSE_CHECK_(!rouse_deliver_inside_(), l, "blocking inside a wake");
    return rouse_limit_block_(l, n, timeout_ns);
}
ROUSE_NODISCARD_
ROUSE_INLINE_ rouse_status rouse_limit_acquire_blocking(rouse_limit *l, uint32_t n) {
    ROUSE_CHECK_USE_(l, l);
    ROUSE_CHECK_(!rouse_deliver_inside_(), l, "blocking inside a wake");
    return rouse_limit_block_(l, n, UINT64_MAX);
}
#endif

#endif /* ROUSE_LIMIT_H */
