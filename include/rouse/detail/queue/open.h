/* rouse/detail/queue/open.h: throughput mode, over the list of locked.h. Internal.
 *
 * Strict mode gives a released permit to the oldest waiter, whose thread may be asleep. In throughput mode (a
 * bound B > 0) the permit stays in the word, and the oldest waiter is invited to take it. If several permits
 * are free, as many waiters are invited. A newcomer may be quicker. But newcomers take no more than B permits
 * in a row while anybody waits. After that the permits are kept for the invited waiters.
 *
 *     EMPTY  -> LISTED   a waiter, by way of LOCKED
 *     LISTED -> LOCKED   a release
 *     SHORT  -> LOCKED   a release, if more would be free than waiters are under way
 *     LOCKED -> OPEN     the release that took the lock: its last access to the queue. Then it delivers the
 *                        invitations
 *     OPEN   -> OPEN     a release adds: its last access. A newcomer takes, if enough is free and the bound
 *                        allows it
 *     OPEN   -> LOCKED   a waiter queues; an invited waiter answers; cancel; close
 *     LOCKED -> EMPTY, LISTED, OPEN    after the answer: nobody waits; nothing is free; others are under way,
 *                                      or the next is invited
 *
 * SHORT is a kind of OPEN word (open_word.h), used while the list holds a waiter that could be invited.
 *
 * I1, no wake is lost. While a permit is free and somebody waits, the word is OPEN or SHORT, so at least one
 * waiter is invited and has to answer. Its answer reads from that one word whether a permit is free. If so,
 * it takes the permit. If not, and no other waiter is under way, it leaves LISTED, and the next release has
 * to take the lock. In SHORT no more permits are free than waiters are under way.
 *
 * I2, the bound: passed <= B. Only the CAS that takes for a newcomer raises `passed`, and it reads `passed`
 * in the same word. The count belongs to the queue, so a defeat, a decline or a cancel keeps it. It becomes 0
 * when the oldest waiter gets in; a younger waiter that gets in first leaves it. At B the permits stay until
 * the invited waiters answer.
 *
 * I3, a grant is the last touch. After the store or add that shows a permit, a call touches the queue no
 * more. It only delivers to waiters that it has not delivered to yet.
 *
 * I4: only the oldest waiter has been given a part of what it asked for. So a waiter that lacks several is
 * invited only when no other is under way, and until then no waiter behind it is invited. The same holds for
 * granting a polled waiter.
 *
 * An invited waiter is in no list, because delivery uses next_ (invited.h). If it asked for 1, the number in
 * its ticket_ is its mark (open_turns.h). Otherwise it is the oldest, and the number is what it asked for
 * plus 14.
 *
 * The backend defines
 *
 *   rouse_open_lock_        takes the lock if the word is still *seen, or is LISTED, which *seen is then;
 *                           otherwise returns false, and *seen is what the word is now
 *   rouse_open_drop_        drops the lock, setting the word; returns how much credit it could not store with
 *                           that. If that is 0 this is the last access to the queue
 *   rouse_open_await_       waits while another thread holds the lock; returns the word after that
 *   rouse_open_doubt_       linger.h's number, and rouse_open_set_doubt_; relaxed, both
 *   ROUSE_OPEN_ADD_LOCKS_   whether the add of a release that makes the word LOCKED is what takes the lock */
#ifndef ROUSE_DETAIL_QUEUE_OPEN_H
#define ROUSE_DETAIL_QUEUE_OPEN_H

#include "../../waiter.h"
#include "../base/atomic.h"
#include "../base/check.h"
#include "../base/platform.h"
#include "../wake/asker.h"
#include "../wake/chain.h"
#include "../wake/deliver.h"
#include "../wake/outcome.h"
#include "invited.h"
#include "linger.h"
#include "list.h"
#include "listed.h"
#include "open_word.h"
#include "types.h"
#include "word.h"

#if ROUSE_BACKEND == ROUSE_BACKEND_MUTEX
#    include "mutex.h"
#else
#    include "spin.h"
#endif

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The ticket_ of a waiter in the list. In throughput mode only close takes the list as a whole, and after
 * that the list stays empty. */
#define ROUSE_OPEN_MARK_ 1u
ROUSE_INLINE_ bool rouse_open_lists_(const rouse_waiter_queue *q, uint32_t ticket) {
    return ticket == ROUSE_OPEN_MARK_ && q->listed_.list.oldest != NULL;
}

/* A waiter that asks for more is granted, never invited. */
#define ROUSE_OPEN_MOST_INVITED_ (ROUSE_MAX_PERMITS - ROUSE_TURNS_MOST_)

/* The ticket_ of an invited waiter. */
ROUSE_INLINE_ uint32_t rouse_open_ticket_(uint32_t asked, uint32_t mark) {
    return rouse_invited_ticket_(asked == 1 ? mark : asked + ROUSE_TURNS_MOST_, ROUSE_INVITED_);
}
/* Returns what an invited waiter has been given: all it asked for but one. */
ROUSE_INLINE_ uint32_t rouse_open_given_(uint32_t ticket) {
    const uint32_t number = rouse_invited_asked_(ticket);
    return number < ROUSE_TURNS_MARKS_ ? 0 : number - ROUSE_TURNS_MOST_ - 1;
}
/* Returns the turn of an invited waiter. Under the lock. */
ROUSE_INLINE_ uint32_t rouse_open_turn_(const rouse_waiter_queue *q, uint32_t ticket) {
    const uint32_t number = rouse_invited_asked_(ticket);
    return number < ROUSE_TURNS_MARKS_ ? rouse_turns_of_(q->listed_.sweeps_or_turns, number) : 0;
}

/* Can the oldest waiter in the list be invited while others are under way? Under the lock. */
ROUSE_INLINE_ bool rouse_open_follows_(const rouse_waiter_queue *q) {
    const rouse_waiter *const w = q->listed_.list.oldest;
    const uint32_t turns = q->listed_.sweeps_or_turns;
    return w != NULL && rouse_turns_room_(turns) &&
           (rouse_turns_beaten_(turns) != 0 || (rouse_account_asked_(w) == 1 && w->wake_ != NULL));
}
/* Returns the word for a queue in which somebody waits. Under the lock. */
ROUSE_INLINE_ uint64_t rouse_open_waited_word_(const rouse_waiter_queue *q, uint32_t free, uint32_t passed,
                                               uint64_t closed) {
    const uint32_t way = rouse_turns_under_way_(q->listed_.sweeps_or_turns);
    return way == 0 || (free <= way && rouse_open_follows_(q)) ? rouse_open_short_word_(way, free, passed)
                                                               : rouse_open_word_(free, passed, closed);
}

/* Takes the lock if somebody waits.
 *
 *     LISTED, OPEN    ->  LOCKED       true; *seen is the word from which it was taken
 *     LOCKED          ->  waits
 *     EMPTY           ->  unchanged    false */
ROUSE_INLINE_ bool rouse_open_enter_(rouse_waiter_queue *q, uint64_t *seen) {
    *seen = rouse_u64_load_relaxed_(&q->word_); /* relaxed: a guess for the CAS that takes the lock */
    while (rouse_word_balance_(*seen) < 0) {
        if (rouse_open_lock_(q, seen)) {
            return true;
        }
    }
    return false;
}

ROUSE_LATE_ rouse_status rouse_open_release_(rouse_waiter_queue *q, uint32_t n, uint32_t cap);

/* Drops the lock: LOCKED -> word. This is the last access to the queue, unless credit is left that nobody has
 * seen; the call then stores it. */
/* NOLINTNEXTLINE(misc-no-recursion): a further round needs a waiter that has queued in the meantime */
ROUSE_INLINE_ void rouse_open_unlock_(rouse_waiter_queue *q, uint64_t word) {
    const uint32_t credit = rouse_open_drop_(q, word);
    if (credit != 0) {
        (void)rouse_open_release_(q, credit, ROUSE_WORD_UNCAPPED_);
    }
}

ROUSE_LATE_ bool rouse_open_come_(rouse_waiter *w);
static rouse_asker_ rouse_open_asker_ = {rouse_open_come_, NULL, NULL};

/* ---- what each waiter gets --------------------------------------------------------------- */

/* Invites the oldest waiter in the list, which lacks 1. Under the lock. */
ROUSE_INLINE_ void rouse_open_invite_(rouse_waiter_queue *q, rouse_waiter *w) {
    const uint32_t mark = rouse_turns_invite_(&q->listed_.sweeps_or_turns);
    rouse_u32_store_relaxed_(&w->ticket_, rouse_open_ticket_(rouse_account_asked_(w), mark));
    rouse_list_remove_(&q->listed_.list, w);
    rouse_listed_change_(&q->listed_, 0 - (uint64_t)1); /* still counted until it has answered */
    rouse_ptr_store_relaxed_(&w->place_, q);
    ROUSE_TRACE("invite", q, w);
}

/* Delivers the invitations of a call, which are linked by next_, after its last access to the queue. */
ROUSE_INLINE_ void rouse_open_tell_(rouse_waiter *invited) {
    rouse_asker_enter_(&rouse_open_asker_, ROUSE_ASKER_QUEUE_);
    if (invited->next_ == NULL) {
        rouse_invited_tell_(invited, ROUSE_ASKER_QUEUE_);
    } else {
        rouse_invited_tell_all_(invited, ROUSE_ASKER_QUEUE_);
    }
}

/* Hands out what is free beyond one permit for each waiter under way, and drops the lock. Then it settles the
 * waiter that has answered (NULL: none) with `status`, which is CANCELLED if it was cancelled in its mailbox,
 * and delivers. Under the lock.
 *
 *     LOCKED  ->  OPEN      waiters are under way: the earlier ones, and one more for each further permit
 *     LOCKED  ->  LISTED    none is, and the oldest lacks more: it has been given all that was free
 *     LOCKED  ->  EMPTY     no waiter is left: what is still free is stored
 *
 * On the way it grants polled waiters, because no thread could ask for them. Each of these grants sets
 * `passed` to 0. */
/* NOLINTNEXTLINE(misc-no-recursion): with MUTEX; see rouse_open_unlock_ */
ROUSE_SLOW_ void rouse_open_settle_(rouse_waiter_queue *q, uint32_t free, uint32_t passed, uint64_t closed,
                                    rouse_waiter *answered, rouse_status status) {
    rouse_chain_ granted = {NULL, NULL};
    rouse_waiter *invited = NULL;
    rouse_waiter **link = &invited;
    rouse_inbox_ *held = NULL;
    uint32_t way = rouse_turns_under_way_(q->listed_.sweeps_or_turns);
    while (free > way && (way == 0 ? q->listed_.list.oldest != NULL : rouse_open_follows_(q))) {
        rouse_waiter *const w = q->listed_.list.oldest;
        const uint32_t lacks = rouse_account_lacks_(w);
        if (lacks > free) { /* it is given what comes, and no newcomer overtakes it meanwhile */
            rouse_listed_credit_(&q->listed_, w, free);
            free = 0;
        } else if (w->wake_ == NULL || rouse_account_asked_(w) > ROUSE_OPEN_MOST_INVITED_) {
            /* No thread could answer for it. */
            rouse_listed_grant_(q, &q->listed_, w);
            rouse_chain_add_(&granted, w, rouse_outcome_(ROUSE_OK, 0));
            free -= lacks;
            passed = 0; /* it was the oldest: no waiter is under way */
        } else {
            rouse_account_set_lacks_(w, 1);
            rouse_listed_change_(&q->listed_, 0 - (uint64_t)(lacks - 1));
            free -= lacks - 1;
            rouse_open_invite_(q, w);
            w->next_ = NULL;
            *link = w;
            link = &w->next_;
            way++;
        }
    }
    if (status == ROUSE_CANCELLED || (granted.first != NULL && invited != NULL)) {
        /* A wake might drain the mailbox of the one that was cancelled, or revoke one that is invited. (With
         * MUTEX, dropping the lock may make wakes due.) */
        held = rouse_deliver_hold_();
    }
    rouse_open_unlock_(q, way != 0 || q->listed_.list.oldest != NULL
                              ? rouse_open_waited_word_(q, free, passed, closed)
                              : free + closed);
    if (answered != NULL) {
        rouse_invited_settle_(answered, status);
    }
    rouse_deliver_(&granted);
    if (invited != NULL) {
        rouse_open_tell_(invited);
    }
    rouse_deliver_let_go_(held);
}
/* NOLINTNEXTLINE(misc-no-recursion): with MUTEX; see rouse_open_unlock_ */
ROUSE_INLINE_ void rouse_open_leave_(rouse_waiter_queue *q, uint32_t free, uint32_t passed, uint64_t closed) {
    rouse_open_settle_(q, free, passed, closed, NULL, ROUSE_OK);
}

/* ---- wait, try, release, reduce -------------------------------------------------------- */

/* Takes n for a newcomer, if the bound allows it.
 *
 *     OPEN, free >= n, passed + n <= B    ->  OPEN, n less free, passed n more    true
 *     anything else                       ->  unchanged                           false; *seen is the word
 *
 * The balance falls and the serial stays. `passed` is their difference, so it rises by n. */
ROUSE_INLINE_ bool rouse_open_take_(rouse_waiter_queue *q, uint64_t *seen, uint32_t n) {
    while (ROUSE_LIKELY_(rouse_open_is_open_(*seen)) && rouse_open_admits_(*seen, n, q->listed_.bypass)) {
        if (ROUSE_LIKELY_(
                rouse_u64_cas_acquire_(&q->word_, seen, *seen - n))) { /* E2: what the release published */
            return true;
        }
    }
    return false;
}

/* Takes n if it can. EMPTY, OPEN -> the same, n less (rouse_word_take_, rouse_open_take_): true. LISTED ->
 * unchanged: false. LOCKED: waits. */
ROUSE_SLOW_ bool rouse_open_try_(rouse_waiter_queue *q, uint32_t n) {
    uint64_t seen = rouse_u64_load_relaxed_(&q->word_); /* relaxed: a guess for the CAS */
    for (;;) {
        if (ROUSE_LIKELY_(rouse_open_take_(q, &seen, n))) {
            return true;
        }
        if (rouse_word_balance_(seen) >= 0) {
            if (!rouse_word_covers_(seen, n)) {
                return false;
            }
            if (rouse_word_take_(&q->word_, NULL, n)) {
                return true;
            }
            seen = rouse_u64_load_relaxed_(&q->word_);
        } else if (!rouse_open_is_locked_(seen)) {
            return false;
        } else {
            seen = rouse_open_await_(q);
        }
    }
}

/* Queues w. `seen` is the word from which this thread took the lock.
 *
 *     seen               word                      w
 *     EMPTY, credit      LOCKED -> LISTED          in the list, lacks n less the credit    PENDING
 *     LISTED, OPEN       LOCKED -> as seen, SHORT  in the list, lacks n                    PENDING
 *     any, list full     LOCKED -> as seen         not queued                              OVERFLOW */
ROUSE_SLOW_ rouse_status rouse_open_queue_(rouse_waiter_queue *q, rouse_waiter *w, uint32_t n,
                                           uint64_t seen) {
    const uint32_t credit = rouse_word_balance_(seen) > 0 ? (uint32_t)rouse_word_balance_(seen) : 0;
    const uint32_t lacks = n - credit;
    if (!rouse_listed_has_room_(&q->listed_, lacks)) {
        rouse_open_unlock_(q, seen);
        ROUSE_STATS_REFUSED_(q);
        return ROUSE_OVERFLOW;
    }
    rouse_listed_prepare_(q, w, n, lacks, ROUSE_OPEN_MARK_);
    rouse_listed_add_(&q->listed_, w, lacks);
    if (rouse_word_balance_(seen) >= 0) {
        seen = rouse_open_short_word_(0, 0, 0);
    } else if (q->listed_.list.oldest == w) {
        seen = rouse_open_waited_word_(q, rouse_open_free_(seen), rouse_open_passed_(seen), 0);
    }
    rouse_open_unlock_(q, seen);
    return ROUSE_PENDING;
}

/* Every release changes the serial, so nothing is free until the upper half of the word changes. At the bound
 * it changes when the invited waiter has answered. */
#define ROUSE_OPEN_CHANGES_ ((uint64_t)UINT32_MAX << 32)

/* Lingers (linger.h). Returns the word as last seen. */
ROUSE_SLOW_ uint64_t rouse_open_linger_(rouse_waiter_queue *q, uint64_t seen) {
    const uint32_t doubt = rouse_open_doubt_(q);
    const uint32_t after = rouse_linger_(doubt, &q->word_, &seen, ROUSE_OPEN_CHANGES_);
    if (after != doubt) {
        rouse_open_set_doubt_(q, after);
    }
    return seen;
}

/* Takes n if it can, like rouse_open_try_ (OK). If the queue is closed, returns CLOSED. Otherwise lingers
 * once, if w has a wake, and then takes the lock and queues w. */
ROUSE_SLOW_ rouse_status rouse_open_wait_(rouse_waiter_queue *q, rouse_waiter *w, uint32_t n) {
    uint64_t seen = rouse_u64_load_acquire_(&q->word_); /* E3: for whether it is closed; otherwise a guess */
    bool lingered = false;
    for (;;) {
        if (ROUSE_LIKELY_(rouse_open_take_(q, &seen, n))) {
            return ROUSE_OK;
        }
        /* Looks at closed again after each failure, before it queues. */
        if (!rouse_open_is_locked_(seen) && rouse_word_closed_(seen)) {
            return ROUSE_CLOSED;
        }
        if (rouse_word_balance_(seen) >= 0 && rouse_word_covers_(seen, n)) {
            if (rouse_word_take_(&q->word_, NULL, n)) {
                return ROUSE_OK;
            }
            seen = rouse_u64_load_acquire_(&q->word_); /* E3: the same */
        } else if (!lingered && w->wake_ != NULL && !rouse_open_is_locked_(seen)) {
            lingered = true;
            seen = rouse_open_linger_(q, seen);
        } else if (!(rouse_open_is_open_(seen) && rouse_open_admits_(seen, n, q->listed_.bypass)) &&
                   rouse_open_lock_(q, &seen)) {
            return rouse_open_queue_(q, w, n, seen);
        }
    }
}

/* Gives n.
 *
 *     EMPTY                    ->  EMPTY, n more (rouse_word_give_)
 *     OPEN, SHORT with room    ->  the same, n more free; passed stays
 *     OPEN, above the cap      ->  unchanged    OVERFLOW (the cap is ROUSE_MAX_PERMITS), INVALID (REFUSE)
 *     LISTED, SHORT without    ->  LOCKED -> OPEN, LISTED or EMPTY (rouse_open_leave_)
 *     LOCKED                   ->  waits */
/* NOLINTNEXTLINE(misc-no-recursion): with MUTEX; see rouse_open_unlock_ */
ROUSE_LATE_ rouse_status rouse_open_release_(rouse_waiter_queue *q, uint32_t n, uint32_t cap) {
    uint64_t seen = rouse_u64_load_relaxed_(&q->word_); /* relaxed: a guess for the CAS */
    for (;;) {
        if (rouse_word_balance_(seen) >= 0) {
            rouse_status status = ROUSE_OK;
            if (rouse_word_give_(&q->word_, NULL, n, cap, &status)) {
                return status;
            }
            seen = rouse_u64_load_relaxed_(&q->word_);
            continue;
        }
        if (rouse_open_is_open_(seen)) {
            if (cap != ROUSE_WORD_UNCAPPED_ && rouse_open_free_(seen) + n > (cap & ~ROUSE_WORD_REFUSE_)) {
                return cap == ROUSE_MAX_PERMITS ? ROUSE_OVERFLOW : ROUSE_INVALID;
            }
            if (rouse_open_most_free_(seen) - rouse_open_free_(seen) >= n) {
                /* E3: release, for the thread that takes a permit. */
                if (rouse_u64_cas_release_(&q->word_, &seen, seen + n * ROUSE_OPEN_STEP_)) {
                    return ROUSE_OK;
                }
                continue;
            }
        }
        if (rouse_open_lock_(q, &seen)) { /* from LISTED or SHORT */
            rouse_open_leave_(q, rouse_open_free_(seen) + n, rouse_open_passed_(seen), 0);
            return ROUSE_OK;
        }
    }
}

/* Withdraws the 1 that a release has added to an OPEN word in which ROUSE_MAX_PERMITS were free. If another
 * thread has taken some meanwhile, the release is within the limit and stays.
 *
 *     OPEN, free > ROUSE_MAX_PERMITS    ->  OPEN, 1 less free    OVERFLOW
 *     OPEN, LISTED otherwise            ->  unchanged            OK
 *     EMPTY                             ->  rouse_word_withdraw_
 *     LOCKED                            ->  waits */
ROUSE_COLD_ rouse_status rouse_open_withdraw_(rouse_waiter_queue *q) {
    uint64_t seen = rouse_u64_load_relaxed_(&q->word_); /* relaxed: a guess for the CAS */
    for (;;) {
        if (rouse_word_balance_(seen) >= 0) {
            return rouse_word_withdraw_(&q->word_, 1);
        }
        if (rouse_open_is_locked_(seen)) {
            seen = rouse_open_await_(q);
        } else if (rouse_open_is_listed_(seen) || rouse_open_free_(seen) <= ROUSE_MAX_PERMITS) {
            return ROUSE_OK;
        } else if (rouse_u64_cas_relaxed_(&q->word_, &seen, seen - ROUSE_OPEN_STEP_)) {
            return ROUSE_OVERFLOW; /* relaxed: nothing is taken, and release sequences continue through it */
        }
    }
}

/* Finishes a release that has added 1 to the word `before`, whose balance was negative.
 *
 *     before      after the add
 *     OPEN        OPEN, 1 more free     done; withdrawn if that is too many
 *     LISTED,     LOCKED                SPIN: this thread has the lock, and hands the 1 out
 *     full SHORT  looks LOCKED          MUTEX: no effect; it gives the 1 under the mutex
 *     LOCKED      LOCKED                no effect; it gives the 1 again */
ROUSE_SLOW_ rouse_status rouse_open_added_(rouse_waiter_queue *q, uint64_t before) {
    if (rouse_open_free_(before) < rouse_open_most_free_(before)) {
        /* The add has published the permit: that was the last access. */
        return rouse_open_free_(before) < ROUSE_MAX_PERMITS ? ROUSE_OK : rouse_open_withdraw_(q);
    }
    if (ROUSE_OPEN_ADD_LOCKS_ && !rouse_open_is_locked_(before)) { /* LISTED or SHORT */
        rouse_open_leave_(q, rouse_open_free_(before) + 1, rouse_open_passed_(before), 0);
        return ROUSE_OK;
    }
    return rouse_open_release_(q, 1, ROUSE_WORD_UNCAPPED_); /* the add had no effect */
}

/* Forgets up to n of what is free. Returns how many.
 *
 *     OPEN      ->  LOCKED -> OPEN, that many less free; passed stays
 *     LISTED    ->  LOCKED -> LISTED     0
 *     EMPTY     ->  rouse_word_take_upto_ */
ROUSE_SLOW_ uint32_t rouse_open_reduce_(rouse_waiter_queue *q, uint32_t n) {
    uint64_t seen;
    uint32_t taken = 0;
    if (rouse_open_enter_(q, &seen)) {
        if (rouse_open_is_open_(seen)) {
            const uint32_t free = rouse_open_free_(seen);
            taken = n < free ? n : free;
        }
        rouse_open_unlock_(q, seen - taken * ROUSE_OPEN_STEP_);
        return taken;
    }
    return rouse_word_take_upto_(&q->word_, NULL, n);
}

/* ---- the answer ------------------------------------------------------------------------ */

/* Takes the lock for an invited waiter: OPEN -> LOCKED. *seen is the OPEN word. If the waiter wants a permit
 * and none is free, this call lingers first. */
ROUSE_INLINE_ void rouse_open_answer_(rouse_waiter_queue *q, uint64_t *seen, bool wants) {
    /* Relaxed: a guess for the CAS that takes the lock. */
    *seen = rouse_u64_load_relaxed_(&q->word_);
    if (wants && rouse_open_is_open_(*seen) && rouse_open_free_(*seen) == 0 &&
        rouse_open_closed_(*seen) == 0) {
        *seen = rouse_open_linger_(q, *seen);
    }
    while (!rouse_open_lock_(q, seen)) {
    }
}

/* Puts a beaten waiter back. It waits before all others, except older ones that were beaten too. Under the
 * lock.
 *
 *     status_: RETRY, PENDING     ->  PENDING
 *     ticket_: INVITED, CLAIMED   ->  the list's mark
 *     account_                    ->  it lacks 1, the last one */
ROUSE_INLINE_ void rouse_open_put_back_(rouse_waiter_queue *q, rouse_waiter *w, uint32_t ticket) {
    const uint32_t turn = rouse_open_turn_(q, ticket);
    const uint32_t older = rouse_turns_beat_(&q->listed_.sweeps_or_turns, turn);
    rouse_u64_store_relaxed_(&w->account_, rouse_account_make_(rouse_open_given_(ticket) + 1, 1));
    rouse_u32_store_relaxed_(&w->status_, (uint32_t)ROUSE_PENDING);
    rouse_u32_store_relaxed_(&w->ticket_, ROUSE_OPEN_MARK_);
    rouse_list_insert_(&q->listed_.list, older, w);
    rouse_listed_change_(&q->listed_, 1);
}

/* Ends the turn of an invited waiter that leaves. Under the lock. */
ROUSE_INLINE_ void rouse_open_end_turn_(rouse_waiter_queue *q, uint32_t turn) {
    q->listed_.sweeps_or_turns = rouse_turns_end_(q->listed_.sweeps_or_turns, turn);
    rouse_listed_change_(&q->listed_, 0 - ROUSE_LISTED_ONE_);
}

/* Asks for a permit for an invited waiter.
 *
 *     OPEN, free > 0     ->  LOCKED -> OPEN, LISTED, EMPTY: free - 1 is handed on, passed is 0 *    OK
 *     OPEN, free == 0    ->  LOCKED -> OPEN, LISTED; passed stays; w is listed                     PENDING
 *     OPEN, closed       ->  LOCKED -> OPEN, EMPTY; closed: all that is free, and w's             CLOSED
 *
 * (*) if w is the oldest; otherwise passed stays. */
ROUSE_SLOW_ rouse_status rouse_open_resume_(rouse_waiter_queue *q, rouse_waiter *w) {
    uint64_t seen;
    uint32_t ticket;
    uint32_t turn;
    uint32_t free;
    rouse_open_answer_(q, &seen, true);
    ticket = rouse_u32_load_relaxed_(&w->ticket_);
    turn = rouse_open_turn_(q, ticket);
    free = rouse_open_free_(seen);
    if (rouse_open_closed_(seen) != 0) {
        ROUSE_TRACE("grant", q, w);
        ROUSE_STATS_LEFT_(q, w, ROUSE_CLOSED);
        rouse_open_end_turn_(q, turn);
        rouse_open_settle_(q, free + rouse_open_given_(ticket), 0, ROUSE_WORD_CLOSED_, w, ROUSE_CLOSED);
        return ROUSE_CLOSED;
    }
    if (free == 0) {
        ROUSE_TRACE("beaten", q, w);
        rouse_open_put_back_(q, w, ticket);
        rouse_open_unlock_(q, rouse_open_waited_word_(q, 0, rouse_open_passed_(seen), 0));
        return ROUSE_PENDING;
    }
    ROUSE_TRACE("grant", q, w);
    ROUSE_STATS_LEFT_(q, w, ROUSE_OK);
    rouse_open_end_turn_(q, turn);
    rouse_open_settle_(q, free - 1, turn == 0 ? 0 : rouse_open_passed_(seen), 0, w, ROUSE_OK);
    return ROUSE_OK;
}

/* Takes back an invitation that the waiter does not want any more, and gives the turn to the next waiter.
 *
 *     OPEN      ->  LOCKED -> OPEN, LISTED, EMPTY: what is free, and what w had, is handed on; passed stays
 *     ticket_   ->  0 */
ROUSE_SLOW_ void rouse_open_decline_(rouse_waiter_queue *q, rouse_waiter *w) {
    uint64_t seen;
    uint32_t ticket;
    rouse_open_answer_(q, &seen, false);
    ticket = rouse_u32_load_relaxed_(&w->ticket_);
    ROUSE_TRACE("cancel", q, w);
    ROUSE_STATS_LEFT_(q, w, ROUSE_CANCELLED);
    rouse_u32_store_relaxed_(&w->ticket_, 0);
    rouse_waiter_release_(w);
    rouse_open_end_turn_(q, rouse_open_turn_(q, ticket));
    rouse_open_leave_(q, rouse_open_free_(seen) + rouse_open_given_(ticket), rouse_open_passed_(seen),
                      rouse_open_closed_(seen));
}

/* Asks for an invited waiter that has come out of its mailbox. Returns whether its wake ran. */
ROUSE_LATE_ bool rouse_open_come_(rouse_waiter *w) {
    rouse_status status = ROUSE_CANCELLED;
    if (rouse_invited_claim_(w)) {
        status = rouse_open_resume_((rouse_waiter_queue *)rouse_ptr_load_relaxed_(&w->place_), w);
    }
    return rouse_invited_came_(w, status);
}

/* ---- cancel, close --------------------------------------------------------------------- */

/* Takes w out of the list. Under the lock. */
ROUSE_INLINE_ void rouse_open_unlist_(rouse_waiter_queue *q, rouse_waiter *w) {
    const uint32_t beaten = rouse_turns_ones_(rouse_turns_beaten_(q->listed_.sweeps_or_turns));
    const rouse_waiter *other = q->listed_.list.oldest;
    for (uint32_t place = 0; place < beaten; place++) {
        if (other == w) {
            q->listed_.sweeps_or_turns = rouse_turns_drop_(q->listed_.sweeps_or_turns, place);
            break;
        }
        other = other->next_;
    }
    rouse_listed_remove_(&q->listed_, w);
}

/* Takes w out, and hands on what it had been given.
 *
 *     w is                                word                                w
 *     in the list                         handed on                           out: true
 *     INVITED, in a mailbox               handed on                           DECLINED: false, drain ends it
 *     CLAIMED, in a mailbox               unchanged                           wait for the answer; look again
 *     INVITED, no mailbox                 unchanged                           false: its wake is about to run
 *     granted, closed                     unchanged                           false
 *
 * The word is LOCKED in between. */
ROUSE_SLOW_ bool rouse_open_cancel_(rouse_waiter_queue *q, rouse_waiter *w) {
    while (rouse_waiter_status_(w) == ROUSE_PENDING) {
        uint64_t seen;
        uint32_t ticket;
        uint32_t state;
        const bool entered = rouse_open_enter_(q, &seen);
        ticket = rouse_u32_load_acquire_(&w->ticket_); /* E1: the partner is the release of drain's answer */
        state = rouse_invited_state_(ticket);
        if (!entered) {
            if (!rouse_invited_await_claimer_(w, state)) {
                break;
            }
            continue;
        }
        if (rouse_open_lists_(q, ticket)) {
            const uint32_t credit = rouse_account_asked_(w) - rouse_account_lacks_(w);
            rouse_open_unlist_(q, w);
            ROUSE_TRACE("cancel", q, w);
            ROUSE_STATS_LEFT_(q, w, ROUSE_CANCELLED);
            rouse_waiter_release_(w);
            rouse_open_leave_(q, rouse_open_free_(seen) + credit, rouse_open_passed_(seen), 0);
            return true;
        }
        if (rouse_invited_revoke_(w, ticket)) {
            ROUSE_TRACE("cancel", q, w);
            ROUSE_STATS_LEFT_(q, w, ROUSE_CANCELLED);
            rouse_open_end_turn_(q, rouse_open_turn_(q, ticket));
            rouse_open_settle_(q, rouse_open_free_(seen) + rouse_open_given_(ticket),
                               rouse_open_passed_(seen), rouse_open_closed_(seen), w, ROUSE_CANCELLED);
            return false;
        }
        rouse_open_unlock_(q, seen);
        if (!rouse_invited_await_claimer_(w, state)) {
            break;
        }
    }
    rouse_outcome_await_(w);
    return false;
}

/* Takes all waiters out of the list.
 *
 *     EMPTY     ->  EMPTY, closed
 *     LISTED    ->  LOCKED -> EMPTY, closed: what they had been given
 *     OPEN      ->  LOCKED -> OPEN, closed: free is more by what they had; the answer of the invited waiter,
 *                   which is CLOSED, makes it EMPTY */
ROUSE_SLOW_ uint32_t rouse_open_close_(rouse_waiter_queue *q) {
    uint64_t seen = rouse_u64_load_relaxed_(&q->word_); /* relaxed: a guess for the CAS */
    rouse_waiter *first;
    uint32_t way;
    uint32_t all;
    uint32_t credit;
    for (;;) {
        if (rouse_word_balance_(seen) >= 0) {
            /* E3: a read-modify-write even if nothing changes, so that later calls see what came before
             * it. */
            if (rouse_u64_cas_acq_rel_(&q->word_, &seen, seen | ROUSE_WORD_CLOSED_)) {
                return 0;
            }
        } else if (rouse_open_lock_(q, &seen)) {
            break;
        }
    }
    way = rouse_turns_under_way_(q->listed_.sweeps_or_turns);
    all = rouse_listed_count_(&q->listed_) - way;
    credit = rouse_open_free_(seen) + rouse_listed_given_(&q->listed_);
    first = rouse_list_take_all_(&q->listed_.list);
    /* Relaxed: under the lock. */
    rouse_u64_store_relaxed_(&q->listed_.counts, way * ROUSE_LISTED_ONE_);
    rouse_open_unlock_(q, way != 0 ? rouse_open_word_(credit, 0, ROUSE_WORD_CLOSED_)
                                   : credit + ROUSE_WORD_CLOSED_);
    ROUSE_STATS_SWEPT_(q, first, rouse_outcome_(ROUSE_CLOSED, 0));
    rouse_deliver_chain_(q, first, rouse_outcome_(ROUSE_CLOSED, 0));
    return all;
}

#endif /* ROUSE_DETAIL_QUEUE_OPEN_H */
