/* rouse/detail/queue/lockfree.h: the LOCKFREE backend: tickets and cells. Internal.
 *
 * The word's serial is the next ticket. A waiter that must queue takes as many tickets as it lacks permits,
 * in the same compare-and-swap that makes the balance negative; a wake learns from its own read-modify-write
 * which tickets it serves: with balance b < 0 the oldest unserved ticket is next + b. So who serves whom is
 * decided in one atomic step, wake_all wakes exactly those who were counted, and nobody who came later can
 * take an earlier one's place. Waiter and waker then meet in the ticket's cell (segments.h, with the
 * pictures).
 *
 * Nobody waits for anybody: a waker that comes before its waiter leaves a token and goes. Waiters allocate,
 * before they take tickets; wakers never do.
 *
 * Cancelled tickets stay counted in the balance until a waker, or a canceller that finds them at the head
 * (absorb), passes over them: they are phantoms, kept count of in phantoms_. A waker that meets one still has
 * its permit, and gives it out again. A segment of nothing but phantoms is taken out of the list wherever it
 * stands.
 *
 * Memory: one pool per queue, made at the first wait. Every segment that is not in the pool, but two (the
 * last one linked, and the one at the head) and one or two for each call in progress, stopped or not, holds
 * the cell of a living waiter. So k waiters with n = 1 keep at most k + 2 segments, whatever the history; the
 * pool doubles, so it has at most twice the most it ever needed at once. A waiter that lacks k permits has k
 * cells.
 *
 * The limit of a counter that wraps is accepted: if a thread stands still inside a call while 2^30 tickets of
 * the same queue are taken, tickets before it and behind it can no longer be told apart, and a wake may be
 * lost. */
#ifndef ROUSE_DETAIL_QUEUE_LOCKFREE_H
#define ROUSE_DETAIL_QUEUE_LOCKFREE_H

#include "../../waiter.h"
#include "../base/atomic.h"
#include "../base/check.h"
#include "../base/platform.h"
#include "../wake/chain.h"
#include "../wake/deliver.h"
#include "lockfree/segments.h"
#include "types.h"
#include "word.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct rouse_waiter_queue {
    rouse_atomic_u64_ word_;     /* word.h                                                              */
    rouse_atomic_ptr_ head_;     /* the segment that was last served from; a hint                        */
    rouse_atomic_ptr_ tail_;     /* the segment that was last queued in; a hint                          */
    rouse_atomic_ptr_ pool_;     /* NULL until the first wait                                            */
    rouse_atomic_u32_ phantoms_; /* tickets that were cancelled and not yet passed over                  */
    rouse_atomic_u32_ extra_;    /* outstanding tickets of waiters that lack several, less one for each  */
};

#define ROUSE_BACKEND_INIT_(credit)                                                     \
    {                                                                                   \
        ROUSE_ATOMIC_INIT_(credit), ROUSE_ATOMIC_INIT_(NULL), ROUSE_ATOMIC_INIT_(NULL), \
            ROUSE_ATOMIC_INIT_(NULL), ROUSE_ATOMIC_INIT_(0), ROUSE_ATOMIC_INIT_(0)      \
    }

#define ROUSE_WORD_ADD_ONE_ ((uint64_t)1)

/* In a waiter's account: some of its cells were closed. */
#define ROUSE_ACCOUNT_CLOSED_ ((uint64_t)1 << 63)

static inline uint32_t rouse_word_ticket_(uint64_t word) {
    return (uint32_t)(rouse_word_above_(word) >> 33);
}
static inline uint32_t rouse_word_head_(uint64_t word) {
    return rouse_ticket_add_(rouse_word_ticket_(word), (uint32_t)rouse_word_balance_(word));
}

/* A wake in progress. */
typedef struct rouse_serving_ {
    uintptr_t token;              /* what it leaves in an empty cell; says which kind of wake it is       */
    uint32_t credit;              /* of closed waiters: to be given out again                            */
    uint32_t woken;               /* waiters whose last cell it has visited                              */
    rouse_chain_ chain;           /* who has all now                                                     */
    rouse_segment_ *kept_segment; /* the cell kept for the very end, NULL: none                 */
    uint32_t kept_ticket;
} rouse_serving_;

static inline uintptr_t rouse_token_(uint32_t cap) {
    return ROUSE_CELL_TOKEN_ + 4 * (uintptr_t)(cap < ROUSE_MAX_PERMITS ? cap : ROUSE_MAX_PERMITS);
}

static inline rouse_serving_ rouse_serving_by_(uintptr_t token) {
    rouse_serving_ serving;
    serving.token = token;
    serving.credit = 0;
    serving.woken = 0;
    serving.chain.first = NULL;
    serving.chain.last = NULL;
    serving.kept_segment = NULL;
    serving.kept_ticket = 0;
    return serving;
}

/* ---- the waker's side ---------------------------------------------------------------------------------- */

/* The segment of a ticket at the head: that of the hint, or else it is looked for. NULL: it has been removed,
 * or has ended; *beyond is the first ticket behind it that may be linked. */
static inline rouse_segment_ *rouse_head_segment_(rouse_waiter_queue *q, rouse_pool_ *pool, uint32_t ticket,
                                                  uint64_t *state, uint32_t *beyond) {
    const uint32_t base = rouse_base_(ticket);
    /* E11: acquire; partner is the store of the hint below, and through it whoever made the segment ready. */
    rouse_segment_ *segment = (rouse_segment_ *)rouse_ptr_load_acquire_(&q->head_);
    *state = segment == NULL ? 0 : rouse_u64_load_acquire_(&segment->state_);
    if (segment == NULL || rouse_state_base_(*state) != base || !rouse_state_in_use_(*state)) {
        segment = rouse_segment_find_(pool, segment, base, state, beyond);
        if (segment == NULL) {
            return NULL;
        }
        rouse_ptr_store_release_(&q->head_, segment);
        if (!rouse_state_in_use_(*state)) {
            *beyond = rouse_ticket_add_(base, ROUSE_SEGMENT_CELLS);
            return NULL;
        }
    }
    return segment;
}

/* The segment of a ticket that this thread is to serve, entered; NULL: it has been removed, and *beyond is
 * the first ticket of the next linked one. The ticket pins the segment: as long as its cell has not been
 * visited, the segment cannot be retired, and once ENTERED it cannot be removed. */
static ROUSE_SLOW_ rouse_segment_ *rouse_enter_segment_(rouse_waiter_queue *q, uint32_t ticket,
                                                        uint32_t *beyond) {
    /* E11: acquire; partner is the CAS that made the pool. */
    rouse_pool_ *const pool = (rouse_pool_ *)rouse_ptr_load_acquire_(&q->pool_);
    const uint32_t base = rouse_base_(ticket);
    uint64_t state;
    rouse_segment_ *const segment = rouse_head_segment_(q, pool, ticket, &state, beyond);
    if (segment == NULL) {
        return NULL;
    }
    if (rouse_state_kind_(state) == ROUSE_SEGMENT_LIVE_) {
        /* Against removal: one of the two wins. Relaxed, for that is all; who reads ENTERED still reads from
         * the appender (E11: its release sequence goes on through read-modify-writes). */
        const uint64_t entered = rouse_segment_state_(base, ROUSE_SEGMENT_ENTERED_);
        if (rouse_u64_cas_relaxed_(&segment->state_, &state, entered)) {
            state = entered;
        }
    }
    if (rouse_state_base_(state) != base || !rouse_state_in_use_(state)) {
        *beyond = rouse_ticket_add_(base, ROUSE_SEGMENT_CELLS);
        return NULL;
    }
    return segment;
}

/* The same; in the usual case two loads: the segment of the last ticket served. */
static inline rouse_segment_ *rouse_entered_segment_(rouse_waiter_queue *q, uint32_t ticket,
                                                     uint32_t *beyond) {
    /* E11: acquire, as above. */
    rouse_segment_ *const segment = (rouse_segment_ *)rouse_ptr_load_acquire_(&q->head_);
    if (segment != NULL && rouse_u64_load_acquire_(&segment->state_) ==
                               rouse_segment_state_(rouse_base_(ticket), ROUSE_SEGMENT_ENTERED_)) {
        return segment;
    }
    return rouse_enter_segment_(q, ticket, beyond);
}

/* A cell of `segment` has become `all` by this thread: if all are, that ends a segment in state `in`. Mostly
 * a look at the two next to it, in the same line, shows that not all are. */
static inline void rouse_cell_ended_(rouse_waiter_queue *q, rouse_segment_ *segment, uint32_t ticket,
                                     uint32_t in, uintptr_t all) {
    if (rouse_cell_is_(segment, ticket + 1, all) && rouse_cell_is_(segment, ticket - 1, all)) {
        /* E11: acquire; partner is the CAS that made the pool. */
        rouse_segment_try_end_((rouse_pool_ *)rouse_ptr_load_acquire_(&q->pool_), segment, ticket, in, all);
    }
}

/* One cell of w has been visited (by its waker, or, having found tokens, by the waiter itself): `cells` of
 * them, and of these `gifts` by a wake_all or a close, whose permits are not its credit; closed: by a close.
 * True: that was the last, *account is the final one. */
static inline bool rouse_count_down_(rouse_waiter_queue *q, rouse_waiter *w, uint32_t cells, uint32_t gifts,
                                     bool closed, uint64_t *account) {
    const uint64_t change = (uint64_t)cells + ((uint64_t)gifts << 32);
    /* E14: acquire; partner is the release below, of the wakers of its other cells. */
    uint64_t seen = rouse_u64_load_acquire_(&w->account_);
    if ((uint32_t)seen == cells) {
        if (cells != 1) {
            (void)rouse_u32_add_relaxed_(&q->extra_, 1 - cells); /* relaxed: a count for snapshots */
        }
        *account = (seen - change) | (closed ? ROUSE_ACCOUNT_CLOSED_ : 0);
        return true; /* nobody else has a cell of it to visit */
    }
    /* Before the account, which lets another finish and grant; relaxed: a count for snapshots. */
    (void)rouse_u32_add_relaxed_(&q->extra_, 0 - cells);
    do {
        *account = (seen - change) | (closed ? ROUSE_ACCOUNT_CLOSED_ : 0);
        /* E14: release for the one that finishes, acquire in case it is this one. */
    } while (!rouse_u64_cas_acq_rel_(&w->account_, &seen, *account));
    if ((uint32_t)*account != 0) {
        return false;
    }
    (void)rouse_u32_add_relaxed_(&q->extra_, 1);
    return true;
}

/* w's cell `ticket` is this waker's. */
static inline void rouse_grant_(rouse_waiter_queue *q, rouse_waiter *w, uint32_t ticket,
                                rouse_serving_ *serving, bool oldest) {
    const bool closes = serving->token == ROUSE_CELL_TOKEN_CLOSED_;
    uint64_t account;
    serving->woken += rouse_u32_load_relaxed_(&w->ticket_) == ticket ? 1u : 0u;
    if (rouse_count_down_(q, w, 1, rouse_token_is_gift_(serving->token) ? 1u : 0u, closes, &account)) {
        const bool closed = (account & ROUSE_ACCOUNT_CLOSED_) != 0;
        const uint32_t outcome =
            closed ? rouse_outcome_(ROUSE_CLOSED, 0)
                   : rouse_outcome_(ROUSE_OK,
                                    serving->token == ROUSE_CELL_TOKEN_ALL_ ? ROUSE_OUTCOME_BY_ALL_ : 0);
        if (closed) {
            serving->credit += (uint32_t)((account & ~ROUSE_ACCOUNT_CLOSED_) >> 32);
        }
        ROUSE_TRACE("grant", q, w);
        if (oldest) {
            rouse_chain_push_front_(&serving->chain, w, outcome);
        } else {
            rouse_chain_add_(&serving->chain, w, outcome);
        }
    }
}

/* Visits the cell of a ticket that this thread serves. True: the permit is spent. False: the cell was
 * cancelled; the caller takes it off phantoms_. If it was still empty, the token left in it is the last
 * touch: the waiter that finds it may destroy the queue. */
static inline bool rouse_visit_(rouse_waiter_queue *q, rouse_segment_ *segment, uint32_t ticket,
                                rouse_serving_ *serving, bool oldest) {
    rouse_atomic_ptr_ *const cell = &segment->cells_[rouse_cell_(ticket)];
    void *seen = rouse_ptr_load_relaxed_(cell);
    for (;;) {
        const uintptr_t now = (uintptr_t)seen;
        const uintptr_t after = now == ROUSE_CELL_EMPTY_ ? serving->token : ROUSE_CELL_DONE_;
        /* E9: acquire: the waiter in the cell is this thread's to read. release: who finds the token sees
         * what came before this wake. E10: seq_cst, the cell may be its segment's last. */
        if (!rouse_ptr_cas_seq_cst_(cell, &seen, (void *)after)) {
            continue;
        }
        if (now == ROUSE_CELL_EMPTY_) {
            serving->woken++;
            return true;
        }
        rouse_cell_ended_(q, segment, ticket, ROUSE_SEGMENT_ENTERED_, ROUSE_CELL_DONE_);
        if (now == ROUSE_CELL_CANCELLED_) {
            return false;
        }
        rouse_grant_(q, (rouse_waiter *)seen, ticket, serving, oldest);
        return true;
    }
}

/* Wins the cell of a ticket that this thread serves in the usual case: its waiter is in it. The waiter; NULL:
 * not so, no cell visited. */
static inline rouse_waiter *rouse_win_next_(rouse_waiter_queue *q, uint32_t ticket) {
    uint32_t beyond;
    rouse_segment_ *const segment = rouse_entered_segment_(q, ticket, &beyond);
    if (ROUSE_LIKELY_(segment != NULL)) {
        rouse_atomic_ptr_ *const cell = &segment->cells_[rouse_cell_(ticket)];
        void *seen = rouse_ptr_load_relaxed_(cell);
        /* E9, E10: as in rouse_visit_. */
        if (ROUSE_LIKELY_(rouse_cell_is_waiter_((uintptr_t)seen) &&
                          rouse_ptr_cas_seq_cst_(cell, &seen, (void *)ROUSE_CELL_DONE_))) {
            rouse_cell_ended_(q, segment, ticket, ROUSE_SEGMENT_ENTERED_, ROUSE_CELL_DONE_);
            return (rouse_waiter *)seen;
        }
    }
    return NULL;
}

/* Is this the one cell that w, won from it, still lacks, and was none of its others closed? Then it is
 * granted. */
static inline bool rouse_lacks_only_this_(const rouse_waiter *w) {
    /* E14: as in rouse_count_down_. */
    const uint64_t account = rouse_u64_load_acquire_(&w->account_);
    return (account & (ROUSE_ACCOUNT_CLOSED_ | UINT32_MAX)) == 1;
}

/* No segment is linked from ticket `from` up to `beyond`. If the head is in there, its tickets are phantoms,
 * for a segment with an unserved ticket is not retired, only removed: passes the head over them in one step.
 */
static inline void rouse_skip_(rouse_waiter_queue *q, uint32_t from, uint32_t beyond) {
    uint64_t seen = rouse_u64_load_relaxed_(&q->word_);
    for (;;) {
        const uint32_t head = rouse_word_head_(seen);
        const int32_t ahead = rouse_ticket_distance_(head, beyond);
        uint32_t skip;
        if (rouse_word_balance_(seen) >= 0 || ahead <= 0 || rouse_ticket_distance_(from, head) < 0) {
            return;
        }
        skip = (uint32_t)ahead < (uint32_t)-rouse_word_balance_(seen) ? (uint32_t)ahead
                                                                      : (uint32_t)-rouse_word_balance_(seen);
        /* E3: as every change of the word by a waker. */
        if (rouse_u64_cas_acq_rel_(&q->word_, &seen, seen + skip)) {
            (void)rouse_u32_add_relaxed_(&q->phantoms_, 0 - skip);
            return;
        }
    }
}

/* Serves the m tickets from `ticket` on, which this thread has taken off the head. How many permits are left
 * because their tickets were cancelled. `more`: the call has more to do with the queue after these.
 *
 * A token must be the last touch, unless somebody who is still to be told keeps the queue in use. Until there
 * is such a one, the first cell that is found empty is kept for the end: its waiter is inside its wait, or
 * queued, until then. It cannot cancel: E17, seq_cst: this thread passes the ticket and then finds the cell
 * empty; its waiter fills the cell and then, in cancel, looks whether its ticket has been passed. One of the
 * two sees the other. (It can withdraw, in add_waiter_if: see docs/design.md.) */
static ROUSE_SLOW_ uint32_t rouse_serve_(rouse_waiter_queue *q, uint32_t ticket, uint32_t m, bool more,
                                         rouse_serving_ *serving) {
    uint32_t left = 0;
    while (m != 0) {
        uint32_t beyond = 0;
        rouse_segment_ *const segment = rouse_entered_segment_(q, ticket, &beyond);
        uint32_t stretch = ROUSE_SEGMENT_CELLS - rouse_cell_(ticket);
        if (segment == NULL) {
            const uint32_t gap = (uint32_t)rouse_ticket_distance_(ticket, beyond);
            const uint32_t gone = gap < m ? gap : m;
            left += gone;
            m -= gone;
            ticket = rouse_ticket_add_(ticket, gone);
            if (m == 0) {
                rouse_skip_(q, ticket, beyond);
            }
            continue;
        }
        while (stretch != 0 && m != 0) {
            const bool held = serving->chain.first != NULL || serving->kept_segment != NULL;
            const bool final = m == 1 && !more && left == 0;
            /* E17: the waker's half. */
            if (!held && !final &&
                rouse_ptr_load_seq_cst_(&segment->cells_[rouse_cell_(ticket)]) == (void *)ROUSE_CELL_EMPTY_) {
                serving->kept_segment = segment;
                serving->kept_ticket = ticket;
            } else if (!rouse_visit_(q, segment, ticket, serving, false)) {
                left++;
            }
            ticket = rouse_ticket_add_(ticket, 1);
            stretch--;
            m--;
        }
    }
    if (left != 0) {
        /* Relaxed: a count for snapshots. Not after the last touch: with a phantom among them, no token was.
         */
        (void)rouse_u32_add_relaxed_(&q->phantoms_, 0 - left);
    }
    return left;
}

/* Gives n to the waiters and what is left to the balance, under the cap. Ends with the kept cell. */
static ROUSE_SLOW_ void rouse_hand_out_(rouse_waiter_queue *q, uint32_t n, uint32_t cap,
                                        rouse_serving_ *serving, rouse_status *status) {
    for (;;) {
        while (n != 0 && !rouse_word_give_(&q->word_, n, cap, status)) {
            uint64_t seen = rouse_u64_load_relaxed_(&q->word_);
            const uint32_t lack = (uint32_t)-rouse_word_balance_(seen);
            const uint32_t m = n < lack ? n : lack;
            /* E3; acquire to read what the waiters published (E4); seq_cst for E17, below. */
            if (rouse_word_balance_(seen) < 0 && rouse_u64_cas_seq_cst_(&q->word_, &seen, seen + m)) {
                rouse_waiter *const w = m == 1 ? rouse_win_next_(q, rouse_word_head_(seen)) : NULL;
                n -= m;
                if (w != NULL) {
                    rouse_grant_(q, w, rouse_word_head_(seen), serving, false);
                } else {
                    n += rouse_serve_(q, rouse_word_head_(seen), m, n != 0, serving);
                }
                if (cap == ROUSE_MAX_PERMITS) {
                    cap = ROUSE_WORD_UNCAPPED_; /* too late to refuse the rest */
                }
            }
        }
        if (serving->credit != 0) {
            n = serving->credit; /* of waiters whose other permits were closed: let in once already */
            serving->credit = 0;
            cap = ROUSE_WORD_UNCAPPED_;
        } else if (serving->kept_segment != NULL) {
            rouse_segment_ *const kept = serving->kept_segment;
            serving->kept_segment = NULL;
            n = 0;
            if (!rouse_visit_(q, kept, serving->kept_ticket, serving, true)) {
                /* Its waiter has withdrawn. Relaxed: a count for snapshots. */
                (void)rouse_u32_add_relaxed_(&q->phantoms_, (uint32_t)-1);
                n = rouse_token_is_gift_(serving->token) ? 0 : 1;
            }
        } else {
            return;
        }
    }
}

/* Gives out n that somebody had been given and leaves, as a wake under `cap` that it is too late to refuse.
 */
static ROUSE_SLOW_ void rouse_pass_on_(rouse_waiter_queue *q, uint32_t n, uint32_t cap) {
    rouse_serving_ serving = rouse_serving_by_(rouse_token_(cap));
    rouse_status status = ROUSE_OK;
    rouse_hand_out_(q, n, cap == ROUSE_MAX_PERMITS ? ROUSE_WORD_UNCAPPED_ : cap, &serving, &status);
    rouse_deliver_(&serving.chain);
}

/* Serves one ticket, which this thread has taken off the head, for a wake under `cap`; w: its waiter, if its
 * cell is won already. */
static ROUSE_SLOW_ rouse_status rouse_serve_one_(rouse_waiter_queue *q, uint32_t ticket, rouse_waiter *w,
                                                 uint32_t cap, uint32_t *woken) {
    rouse_serving_ serving = rouse_serving_by_(rouse_token_(cap & ~ROUSE_WORD_REFUSE_));
    rouse_status status = ROUSE_OK;
    uint32_t left = 0;
    if (w != NULL) {
        rouse_grant_(q, w, ticket, &serving, false);
    } else {
        left = rouse_serve_(q, ticket, 1, false, &serving);
    }
    if (left != 0 || serving.credit != 0) {
        rouse_hand_out_(q, left, cap == ROUSE_MAX_PERMITS ? ROUSE_WORD_UNCAPPED_ : cap, &serving, &status);
    }
    *woken = serving.woken;
    rouse_deliver_(&serving.chain);
    return status;
}

/* The same; usually the waiter is in its cell, and lacks no other. */
static inline rouse_status rouse_serve_next_(rouse_waiter_queue *q, uint32_t ticket, uint32_t cap,
                                             uint32_t *woken) {
    rouse_waiter *const w = rouse_win_next_(q, ticket);
    if (ROUSE_LIKELY_(w != NULL && rouse_lacks_only_this_(w))) {
        *woken = rouse_u32_load_relaxed_(&w->ticket_) == ticket ? 1 : 0; /* relaxed: as in rouse_grant_ */
        ROUSE_TRACE("grant", q, w);
        rouse_deliver_one_(w, rouse_outcome_(ROUSE_OK, 0));
        return ROUSE_OK;
    }
    return rouse_serve_one_(q, ticket, w, cap, woken);
}

static ROUSE_SLOW_ rouse_status rouse_backend_wake_(rouse_waiter_queue *q, uint32_t n, uint32_t cap,
                                                    uint32_t *woken) {
    rouse_status status = ROUSE_OK;
    /* Relaxed: a guess for the CAS. E3; acquire to read what the waiter published (E4). */
    uint64_t seen = rouse_u64_load_relaxed_(&q->word_);
    if (n == 1 && rouse_word_balance_(seen) < 0 && rouse_u64_cas_acq_rel_(&q->word_, &seen, seen + 1)) {
        status = rouse_serve_next_(q, rouse_word_head_(seen), cap, woken);
    } else {
        rouse_serving_ serving = rouse_serving_by_(rouse_token_(cap & ~ROUSE_WORD_REFUSE_));
        rouse_hand_out_(q, n, cap, &serving, &status);
        *woken = serving.woken;
        rouse_deliver_(&serving.chain);
    }
    return status;
}

static ROUSE_SLOW_ rouse_status rouse_backend_give_back_(rouse_waiter_queue *q, uint32_t n, uint32_t most) {
    uint32_t woken;
    return rouse_backend_wake_(q, n, most | ROUSE_WORD_REFUSE_, &woken);
}

/* The permit is in the balance already. */
static ROUSE_SLOW_ rouse_status rouse_backend_wake_added_(rouse_waiter_queue *q, uint64_t before) {
    uint32_t woken;
    (void)rouse_serve_next_(q, rouse_word_head_(before), ROUSE_MAX_PERMITS, &woken);
    return ROUSE_OK;
}

/* Takes every outstanding ticket in one read-modify-write, setting `bits`, and serves them. Those that were
 * cancelled are nobody's: nothing is handed on for them. */
static inline void rouse_serve_all_(rouse_waiter_queue *q, uint64_t bits, rouse_serving_ *serving) {
    uint64_t seen = rouse_u64_load_relaxed_(&q->word_);
    uint32_t lack;
    uint64_t after;
    do {
        lack = rouse_word_balance_(seen) < 0 ? (uint32_t)-rouse_word_balance_(seen) : 0;
        after = (seen + lack) | bits; /* the balance is not negative then: no borrow to mind */
        /* E3: a read-modify-write even if nothing changes, as in rouse_word_give_. seq_cst for E17. */
    } while (!rouse_u64_cas_seq_cst_(&q->word_, &seen, after));
    if (lack != 0) {
        (void)rouse_serve_(q, rouse_word_head_(seen), lack, true, serving);
    }
}

/* Gives back what closed waiters had, visits the kept cell, and delivers. */
static inline uint32_t rouse_finish_all_(rouse_waiter_queue *q, rouse_serving_ *serving) {
    rouse_status status = ROUSE_OK;
    rouse_hand_out_(q, 0, ROUSE_WORD_UNCAPPED_, serving, &status);
    rouse_deliver_(&serving->chain);
    return serving->woken;
}

static ROUSE_SLOW_ uint32_t rouse_backend_wake_all_(rouse_waiter_queue *q) {
    rouse_serving_ serving = rouse_serving_by_(ROUSE_CELL_TOKEN_ALL_);
    rouse_serve_all_(q, 0, &serving);
    return rouse_finish_all_(q, &serving);
}

static ROUSE_SLOW_ uint32_t rouse_queue_set_(rouse_waiter_queue *q) {
    rouse_serving_ serving = rouse_serving_by_(ROUSE_CELL_TOKEN_ALL_);
    rouse_serve_all_(q, ROUSE_WORD_CLOSED_, &serving);
    return rouse_finish_all_(q, &serving);
}

static inline bool rouse_queue_reset_(rouse_waiter_queue *q) {
    return rouse_word_reopen_(&q->word_);
}

static ROUSE_SLOW_ uint32_t rouse_backend_close_(rouse_waiter_queue *q) {
    rouse_serving_ serving = rouse_serving_by_(ROUSE_CELL_TOKEN_CLOSED_);
    rouse_serve_all_(q, ROUSE_WORD_CLOSED_, &serving);
    ROUSE_TRACE("close", q, NULL);
    return rouse_finish_all_(q, &serving);
}

/* ---- the canceller's side ------------------------------------------------------------------------------ */

/* How many cells in a row are cancelled, from a ticket on, in its segment, at most `most`. Relaxed: a guess;
 * who passes the tickets looks again as their waker. */
static inline uint32_t rouse_phantoms_at_(const rouse_segment_ *segment, uint32_t ticket, uint32_t most) {
    const uint32_t first = rouse_cell_(ticket);
    uint32_t run = 0;
    while (run < most && first + run < ROUSE_SEGMENT_CELLS &&
           rouse_ptr_load_relaxed_(&segment->cells_[first + run]) == (void *)ROUSE_CELL_CANCELLED_) {
        run++;
    }
    return run;
}

/* Passes the head over phantoms, so that a queue on which everybody gives up returns to balance. Best effort:
 * a phantom that is left costs memory and range, not correctness. */
static ROUSE_SLOW_ void rouse_absorb_(rouse_waiter_queue *q) {
    /* E11: acquire, as in rouse_enter_segment_. */
    rouse_pool_ *const pool = (rouse_pool_ *)rouse_ptr_load_acquire_(&q->pool_);
    /* E4: acquire, so that the list is at least as new as the tickets that the word counts. */
    uint64_t seen = rouse_u64_load_acquire_(&q->word_);
    while (rouse_word_balance_(seen) < 0) {
        const uint32_t ticket = rouse_word_head_(seen);
        uint32_t beyond = 0;
        uint64_t state;
        const rouse_segment_ *const segment = rouse_head_segment_(q, pool, ticket, &state, &beyond);
        if (segment == NULL) {
            rouse_skip_(q, ticket, beyond);
        } else {
            const uint32_t run = rouse_phantoms_at_(segment, ticket, (uint32_t)-rouse_word_balance_(seen));
            if (run == 0) {
                return;
            }
            /* E3. A ticket whose cell is CANCELLED stays so until its waker comes: this thread is that now.
             */
            if (rouse_u64_cas_acq_rel_(&q->word_, &seen, seen + run)) {
                rouse_serving_ serving = rouse_serving_by_(rouse_token_(0));
                (void)rouse_serve_(q, ticket, run, false, &serving);
            }
        }
        seen = rouse_u64_load_acquire_(&q->word_); /* E4 */
    }
}

/* Absorbs, if the head may stand on a phantom: it does, or the hint does not say. Relaxed, but for the
 * pointer: a guess; absorb looks again. */
static inline void rouse_absorb_at_need_(rouse_waiter_queue *q) {
    const uint64_t seen = rouse_u64_load_relaxed_(&q->word_);
    const uint32_t head = rouse_word_head_(seen);
    /* E11: acquire, as in rouse_entered_segment_. */
    const rouse_segment_ *const segment = (rouse_segment_ *)rouse_ptr_load_acquire_(&q->head_);
    if (rouse_word_balance_(seen) < 0 &&
        (segment == NULL ||
         rouse_state_base_(rouse_u64_load_relaxed_(&segment->state_)) != rouse_base_(head) ||
         rouse_ptr_load_relaxed_(&segment->cells_[rouse_cell_(head)]) == (void *)ROUSE_CELL_CANCELLED_)) {
        rouse_absorb_(q);
    }
}

/* A cell of a segment has become CANCELLED by this thread. */
static inline void rouse_cancelled_(rouse_waiter_queue *q, rouse_segment_ *segment, uint32_t ticket) {
    rouse_cell_ended_(q, segment, ticket, ROUSE_SEGMENT_LIVE_, ROUSE_CELL_CANCELLED_);
}

/* At the head: the canceller of w has taken its ticket as its own waker, and empties the cell. False: another
 * cancel of w was first there, and has made it a phantom; then that is passed over. */
static inline bool rouse_leave_head_(rouse_waiter_queue *q, rouse_waiter *w, uint32_t ticket) {
    uint32_t beyond;
    rouse_segment_ *const segment = rouse_entered_segment_(q, ticket, &beyond);
    bool found = false;
    if (segment != NULL) { /* not removed */
        rouse_atomic_ptr_ *const cell = &segment->cells_[rouse_cell_(ticket)];
        void *mine = w;
        /* E10: as in rouse_visit_, either way. */
        found = rouse_ptr_cas_seq_cst_(cell, &mine, (void *)ROUSE_CELL_DONE_);
        if (!found) {
            (void)rouse_ptr_swap_seq_cst_(cell, (void *)ROUSE_CELL_DONE_);
        }
        rouse_cell_ended_(q, segment, ticket, ROUSE_SEGMENT_ENTERED_, ROUSE_CELL_DONE_);
    }
    if (!found) {
        (void)rouse_u32_add_relaxed_(&q->phantoms_, (uint32_t)-1); /* relaxed: a count for snapshots */
    }
    return found;
}

/* Takes back the only cell that w lacks. At the head it serves its own ticket, and leaves no phantom;
 * anywhere else it is CANCELLED. False: the ticket has been passed, or another cancel of w was first. */
static inline bool rouse_take_back_one_(rouse_waiter_queue *q, rouse_waiter *w, rouse_segment_ *segment,
                                        uint32_t ticket) {
    rouse_atomic_ptr_ *const cell = &segment->cells_[rouse_cell_(ticket)];
    /* E17: seq_cst; the canceller's half. E4: as in rouse_absorb_. */
    uint64_t seen = rouse_u64_load_seq_cst_(&q->word_);
    int32_t ahead;
    while (rouse_word_balance_(seen) < 0 &&
           (ahead = rouse_ticket_distance_(rouse_word_head_(seen), ticket)) >= 0) {
        if (ahead > 0) {
            void *mine = w;
            /* E9, E10: acq_rel as against the waker; seq_cst as the cell may be its segment's last to be
             * cancelled. */
            if (!rouse_ptr_cas_seq_cst_(cell, &mine, (void *)ROUSE_CELL_CANCELLED_)) {
                return false;
            }
            (void)rouse_u32_add_relaxed_(&q->phantoms_, 1); /* relaxed: a count for snapshots */
            rouse_cancelled_(q, segment, ticket);
            return true;
        }
        /* E11: acquire, for what the segment is now; recycled: w left it long ago. Of the cell, relaxed: a
         * guess, for who is its waker looks again. */
        if (rouse_state_base_(rouse_u64_load_acquire_(&segment->state_)) != rouse_base_(ticket) ||
            rouse_ptr_load_relaxed_(cell) != (const void *)w) {
            return false;
        }
        /* E3: this thread is its own waker now. */
        if (rouse_u64_cas_acq_rel_(&q->word_, &seen, seen + 1)) {
            return rouse_leave_head_(q, w, ticket);
        }
    }
    return false;
}

/* The linked segment before one that holds, or has just held, a cell of this thread's waiter. E11: its state,
 * as in a walk. */
static inline rouse_segment_ *rouse_segment_before_(rouse_pool_ *pool, const rouse_segment_ *segment,
                                                    uint32_t base) {
    const uint32_t index =
        rouse_u32_load_relaxed_(&segment->prev_); /* relaxed: a hint, checked by the base */
    rouse_segment_ *const before = index == 0 ? NULL : rouse_segment_at_(pool, index);
    uint64_t state = before == NULL ? 0 : rouse_u64_load_acquire_(&before->state_);
    uint32_t beyond;
    if (before != NULL && rouse_state_base_(state) == base && rouse_state_linked_(state)) {
        return before;
    }
    return rouse_segment_find_(pool, NULL, base, &state, &beyond);
}

/* Takes back w's cells from the last one down to the head. How many; 0: its last ticket has been passed, so
 * all have. */
static inline uint32_t rouse_take_back_(rouse_waiter_queue *q, rouse_waiter *w, rouse_segment_ *segment,
                                        uint32_t ticket) {
    /* E11: as in rouse_enter_segment_. */
    rouse_pool_ *const pool = (rouse_pool_ *)rouse_ptr_load_acquire_(&q->pool_);
    /* E17: seq_cst; the canceller's half. */
    const uint64_t seen = rouse_u64_load_seq_cst_(&q->word_);
    const uint32_t head = rouse_word_head_(seen);
    uint32_t cells = 0;
    bool more = true;
    while (more && rouse_word_balance_(seen) < 0 && rouse_ticket_distance_(head, ticket) >= 0) {
        void *mine = w;
        rouse_segment_ *const here = segment;
        const uint32_t before = rouse_ticket_add_(ticket, ROUSE_TICKETS_);
        const bool first = rouse_cell_(ticket) == 0;
        /* E9, E10: acq_rel as against the waker; seq_cst as the cell may be its segment's last to be
         * cancelled. */
        if (!rouse_ptr_cas_seq_cst_(&here->cells_[rouse_cell_(ticket)], &mine,
                                    (void *)ROUSE_CELL_CANCELLED_)) {
            break;
        }
        cells++;
        more = rouse_account_lacks_(w) != cells; /* no: the others have been served */
        if (more && first) {
            segment = rouse_segment_before_(pool, here, rouse_base_(before));
            more = segment != NULL;
        }
        if (!more || first) {
            rouse_cancelled_(q, here, ticket);
        }
        ticket = before;
    }
    /* Relaxed: a count for snapshots. */
    (void)rouse_u32_add_relaxed_(&q->phantoms_, cells);
    return cells;
}

/* What a waiter that was taken out had been given, when `cells` of its cells were unserved. */
static inline uint32_t rouse_credit_of_(const rouse_waiter *w, uint32_t cells) {
    return (rouse_account_asked_(w) & ~(uint32_t)(ROUSE_ACCOUNT_CLOSED_ >> 32)) - cells;
}

/* rouse_take_back_one_ for a waiter that lacks several: *credit is what it had been given. */
static ROUSE_SLOW_ bool rouse_take_back_several_(rouse_waiter_queue *q, rouse_waiter *w,
                                                 rouse_segment_ *segment, uint32_t ticket, uint32_t *credit) {
    const uint32_t cells = rouse_take_back_(q, w, segment, ticket);
    uint32_t step = 1;
    if (cells == 0) {
        return false;
    }
    if (cells != 1) {
        (void)rouse_u32_add_relaxed_(&q->extra_, 1 - cells); /* relaxed: a count for snapshots */
    }
    /* E14: acquire; a waker that has won one of its cells is about to count it. With less than all cells
     * back, nobody can finish, so w stays until they have. */
    while ((uint32_t)rouse_u64_load_acquire_(&w->account_) != cells) {
        rouse_platform_back_off_(&step);
    }
    *credit = rouse_credit_of_(w, cells);
    return true;
}

static ROUSE_SLOW_ bool rouse_backend_cancel_(rouse_waiter_queue *q, rouse_waiter *w) {
    /* E19: acquire; partner is the store in wake/chain.h. A delivery that links w by place_ has stored its
     * outcome before, which is then seen below. Otherwise the canceller has queued w, or synchronised with the
     * thread that did; atomic, because a wake that has got ahead of this call may be queueing w again. */
    rouse_segment_ *const segment = (rouse_segment_ *)rouse_ptr_load_acquire_(&w->place_);
    const uint32_t ticket = rouse_u32_load_relaxed_(&w->ticket_);
    uint32_t credit = 0;
    bool found;
    if (rouse_waiter_status(w) != ROUSE_PENDING) {
        return false;
    }
    /* E14: acquire; with one cell left, the wakers of the others have made their last access to w. */
    if ((uint32_t)rouse_u64_load_acquire_(&w->account_) == 1) {
        found = rouse_take_back_one_(q, w, segment, ticket);
        credit = found ? rouse_credit_of_(w, 1) : 0;
    } else {
        found = rouse_take_back_several_(q, w, segment, ticket, &credit);
    }
    if (!found) {
        rouse_outcome_await_(w);
        return false;
    }
    ROUSE_TRACE("cancel", q, w);
    rouse_waiter_release_(w);
    /* Relaxed: a hint. Two cancels may miss each other's phantom; it then stays for the next call that comes
     * by. */
    if (rouse_u32_load_relaxed_(&q->phantoms_) != 0) {
        rouse_absorb_at_need_(q);
    }
    if (credit != 0) {
        rouse_pass_on_(q, credit, ROUSE_MAX_PERMITS); /* who gets it may destroy the queue */
    }
    return true;
}

/* ---- the waiter's side --------------------------------------------------------------------------------- */

/* The pool, made at need. NULL: no memory. */
static inline rouse_pool_ *rouse_need_pool_(rouse_waiter_queue *q) {
    /* E11: acquire; partner is the CAS below. */
    void *pool = rouse_ptr_load_acquire_(&q->pool_);
    if (pool == NULL) {
        rouse_pool_ *const mine = rouse_pool_new_();
        if (mine == NULL) {
            return NULL;
        }
        if (rouse_ptr_cas_acq_rel_(&q->pool_, &pool, mine)) {
            return mine;
        }
        ROUSE_FREE(mine);
    }
    return (rouse_pool_ *)pool;
}

/* Sees to it that the segments of the tickets [ticket, ticket + count) are linked, `ticket` being the next
 * one of a word just read. Returns the first of them. NULL: *status is ROUSE_NOMEM, or ROUSE_PENDING if the
 * word must be read again. A segment for a ticket that is not issued yet cannot die, so it is still there
 * when the CAS on the word succeeds. */
static ROUSE_SLOW_ rouse_segment_ *rouse_need_segments_(rouse_waiter_queue *q, rouse_pool_ *pool,
                                                        uint32_t ticket, uint32_t count,
                                                        rouse_status *status) {
    const uint32_t base = rouse_base_(ticket);
    const uint32_t last = rouse_base_(rouse_ticket_add_(ticket, count - 1));
    rouse_segment_ *first = NULL;
    /* E11: acquire, as with the head's hint. Begins there, `base` included. */
    rouse_walk_ walk = rouse_walk_from_(pool, (rouse_segment_ *)rouse_ptr_load_acquire_(&q->tail_),
                                        rouse_ticket_add_(base, 1));
    *status = ROUSE_PENDING;
    for (;;) {
        bool again;
        if (walk.at != NULL) {
            const uint32_t here = rouse_state_base_(walk.state);
            if (here == base) {
                first = walk.at;
            }
            if (here == last) {
                rouse_ptr_store_release_(&q->tail_, walk.at); /* E11 */
                return first;
            }
            if (rouse_ticket_distance_(last, here) > 0) {
                return NULL; /* the word has moved on */
            }
        }
        if (!rouse_walk_step_(pool, &walk, &again)) {
            const uint32_t next = walk.at == NULL
                                      ? base
                                      : rouse_ticket_add_(rouse_state_base_(walk.state), ROUSE_SEGMENT_CELLS);
            if (again) {
                return NULL;
            }
            if (!rouse_segment_append_(pool, &walk, next)) {
                *status = ROUSE_NOMEM;
                return NULL;
            }
        }
    }
}

/* The usual case of it: the segment that was last queued in, for one ticket. NULL: not so. */
static inline rouse_segment_ *rouse_last_segment_(rouse_waiter_queue *q, uint32_t ticket) {
    /* E11: acquire, as above. */
    rouse_segment_ *const segment = (rouse_segment_ *)rouse_ptr_load_acquire_(&q->tail_);
    if (segment != NULL) {
        const uint64_t state = rouse_u64_load_acquire_(&segment->state_);
        if (rouse_state_base_(state) == rouse_base_(ticket) && rouse_state_linked_(state)) {
            return segment;
        }
    }
    return NULL;
}

/* The waiter has found a token in its cell: it is the last visitor. */
static inline void rouse_pick_up_(rouse_waiter_queue *q, rouse_segment_ *segment, uint32_t ticket) {
    /* E10: as in rouse_visit_. */
    (void)rouse_ptr_swap_seq_cst_(&segment->cells_[rouse_cell_(ticket)], (void *)ROUSE_CELL_DONE_);
    rouse_cell_ended_(q, segment, ticket, ROUSE_SEGMENT_ENTERED_, ROUSE_CELL_DONE_);
}

/* Prepares a waiter for its cells. Relaxed: published by the CAS on the first cell (E9). */
static inline void rouse_prepare_(rouse_waiter_queue *q, rouse_waiter *w, uint64_t account,
                                  rouse_segment_ *segment, uint32_t ticket) {
    rouse_u64_store_relaxed_(&w->account_, account);
    rouse_u32_store_relaxed_(&w->status_, (uint32_t)ROUSE_PENDING);
    rouse_ptr_store_relaxed_(&w->place_, segment);
    rouse_u32_store_relaxed_(&w->ticket_, ticket);
    ROUSE_OWN_(w, q);
    ROUSE_TRACE("queue", q, w);
    (void)q;
}

/* All that w lacked was there before it could sleep. */
static inline rouse_status rouse_up_again_(rouse_waiter_queue *q, rouse_waiter *w, uint64_t account,
                                           uint32_t bits) {
    ROUSE_TRACE("grant", q, w);
    rouse_waiter_release_(w);
    if ((account & ROUSE_ACCOUNT_CLOSED_) != 0) {
        rouse_pass_on_(q, (uint32_t)((account & ~ROUSE_ACCOUNT_CLOSED_) >> 32), ROUSE_MAX_PERMITS);
        return ROUSE_CLOSED;
    }
    rouse_outcome_at_once_(w, bits);
    return ROUSE_OK;
}

/* Puts w into the cell of its only ticket. ROUSE_PENDING, or, if a token was there, the outcome. */
static inline rouse_status rouse_sit_down_(rouse_waiter_queue *q, rouse_waiter *w, uint32_t n,
                                           rouse_segment_ *segment, uint32_t ticket) {
    void *seen = NULL;
    rouse_prepare_(q, w, rouse_account_make_(n, 1), segment, ticket);
    /* E9: release, so that the waker may read w; acquire on failure, to see what came before the wake. E17:
     * seq_cst. */
    if (rouse_ptr_cas_seq_cst_(&segment->cells_[rouse_cell_(ticket)], &seen, w)) {
        return ROUSE_PENDING;
    }
    rouse_pick_up_(q, segment, ticket);
    return rouse_up_again_(q, w,
                           (uintptr_t)seen == ROUSE_CELL_TOKEN_CLOSED_
                               ? ROUSE_ACCOUNT_CLOSED_ | rouse_account_make_(n - 1, 0)
                               : 0,
                           (uintptr_t)seen == ROUSE_CELL_TOKEN_ALL_ ? ROUSE_OUTCOME_BY_ALL_ : 0);
}

/* The segment behind one that holds tickets of a waiter who has tickets in the next as well: they stay
 * neighbours. */
static inline rouse_segment_ *rouse_segment_behind_(const rouse_pool_ *pool, const rouse_segment_ *segment) {
    return rouse_segment_at_(pool, rouse_link_index_(rouse_u64_load_acquire_(&segment->next_))); /* E11 */
}

/* The same for a waiter that lacks several. */
static ROUSE_SLOW_ rouse_status rouse_spread_out_(rouse_waiter_queue *q, rouse_pool_ *pool, rouse_waiter *w,
                                                  uint32_t n, uint32_t lacks, rouse_segment_ *segment,
                                                  uint32_t ticket) {
    const uint32_t last = rouse_ticket_add_(ticket, lacks - 1);
    rouse_segment_ *last_segment = segment;
    uint64_t account = rouse_account_make_(n, lacks);
    uint32_t tokens = 0;
    uint32_t gifts = 0;
    bool closed = false;
    for (uint32_t base = rouse_base_(ticket); base != rouse_base_(last);
         base = rouse_ticket_add_(base, ROUSE_SEGMENT_CELLS)) {
        last_segment = rouse_segment_behind_(pool, last_segment);
    }
    rouse_prepare_(q, w, account, last_segment, last);
    (void)rouse_u32_add_relaxed_(&q->extra_, lacks - 1);
    for (uint32_t i = 0; i < lacks; i++) {
        const uint32_t here = rouse_ticket_add_(ticket, i);
        rouse_segment_ *behind = segment;
        void *seen = NULL;
        if (rouse_cell_(here) == ROUSE_SEGMENT_CELLS - 1 && here != last) {
            behind =
                rouse_segment_behind_(pool, segment); /* before its last cell is given up: then it may go */
        }
        /* E9, E17: as in rouse_sit_down_. */
        if (!rouse_ptr_cas_seq_cst_(&segment->cells_[rouse_cell_(here)], &seen, w)) {
            tokens++;
            closed = closed || (uintptr_t)seen == ROUSE_CELL_TOKEN_CLOSED_;
            gifts += rouse_token_is_gift_((uintptr_t)seen) ? 1u : 0u;
            rouse_pick_up_(q, segment, here);
        }
        segment = behind;
    }
    if (tokens == 0 || !rouse_count_down_(q, w, tokens, gifts, closed, &account)) {
        return ROUSE_PENDING;
    }
    return rouse_up_again_(q, w, account, 0);
}

/* add_waiter_if's second look said yes: leaves the ticket, or passes on the wake that was spent on it. */
static inline rouse_status rouse_withdraw_ticket_(rouse_waiter_queue *q, rouse_segment_ *segment,
                                                  uint32_t ticket) {
    void *seen = NULL;
    /* E9, E10: as in rouse_take_back_. */
    if (rouse_ptr_cas_seq_cst_(&segment->cells_[rouse_cell_(ticket)], &seen, (void *)ROUSE_CELL_CANCELLED_)) {
        (void)rouse_u32_add_relaxed_(&q->phantoms_, 1);
        rouse_cancelled_(q, segment, ticket);
        rouse_absorb_(q);
        return ROUSE_OK;
    }
    rouse_pick_up_(q, segment, ticket);
    if (!rouse_token_is_gift_((uintptr_t)seen)) {
        rouse_pass_on_(q, 1, (uint32_t)((uintptr_t)seen >> 2)); /* its cap */
    }
    return ROUSE_OK;
}

static ROUSE_SLOW_ rouse_status rouse_backend_wait_(rouse_waiter_queue *q, rouse_waiter *w, uint32_t n,
                                                    rouse_ready_fn_ *ready, void *arg) {
    rouse_pool_ *pool = NULL;
    /* E4: acquire, so that the list is at least as new as the tickets that the word counts. */
    uint64_t seen = rouse_u64_load_acquire_(&q->word_);
    for (;;) {
        const int32_t balance = rouse_word_balance_(seen);
        rouse_status status = ROUSE_NOMEM;
        rouse_segment_ *segment = NULL;
        uint32_t lacks;
        if (rouse_word_closed_(seen)) {
            return ROUSE_CLOSED;
        }
        if (balance >= (int64_t)n) {
            if (rouse_u64_cas_acquire_(&q->word_, &seen, seen - n)) { /* E2 */
                rouse_outcome_at_once_(w, 0);
                return ROUSE_OK;
            }
            continue;
        }
        if (balance - (int64_t)n < -(int64_t)ROUSE_MAX_LACK) {
            return ROUSE_OVERFLOW;
        }
        lacks = balance > 0 ? n - (uint32_t)balance : n;
        if (lacks == 1) {
            segment = rouse_last_segment_(q, rouse_word_ticket_(seen));
        }
        if (segment == NULL && pool == NULL) {
            pool = rouse_need_pool_(q);
        }
        if (segment == NULL && pool != NULL) {
            segment = rouse_need_segments_(q, pool, rouse_word_ticket_(seen), lacks, &status);
        }
        if (segment == NULL) {
            const uint64_t before = seen;
            seen = rouse_u64_load_acquire_(&q->word_); /* E4 */
            if (status == ROUSE_NOMEM && seen == before) {
                return ROUSE_NOMEM;
            }
            continue;
        }
        /* E4: release, for the waker that sees the ticket; acquire, for the second look. */
        if (rouse_u64_cas_acq_rel_(&q->word_, &seen, seen - n + lacks * ROUSE_WORD_SERIAL_)) {
            const uint32_t ticket = rouse_word_ticket_(seen);
            if (ready != NULL && ready(arg)) {
                return rouse_withdraw_ticket_(q, segment, ticket);
            }
            return lacks == 1 ? rouse_sit_down_(q, w, n, segment, ticket)
                              : rouse_spread_out_(q, pool, w, n, lacks, segment, ticket);
        }
    }
}

/* ---- the rest ------------------------------------------------------------------------------------------ */

/* Snapshots, all relaxed: nothing is read on the strength of them. */
static inline int64_t rouse_backend_balance_(const rouse_waiter_queue *q) {
    const int64_t balance = rouse_word_balance_(rouse_u64_load_relaxed_(&q->word_));
    return balance < 0 ? balance + (int32_t)rouse_u32_load_relaxed_(&q->phantoms_) : balance;
}
/* Relaxed, likewise. */
static inline uint32_t rouse_backend_waiter_count_(const rouse_waiter_queue *q) {
    const int64_t waiters = -(int64_t)rouse_word_balance_(rouse_u64_load_relaxed_(&q->word_)) -
                            (int32_t)rouse_u32_load_relaxed_(&q->phantoms_) -
                            (int32_t)rouse_u32_load_relaxed_(&q->extra_);
    return waiters > 0 ? (uint32_t)waiters : 0;
}

/* A segment for each waiter is the worst that history can do, and one more for each that its call has in
 * hand; then the last one, the one at the head, and two for wakers that are about to finish with theirs. */
static ROUSE_COLD_ rouse_status rouse_backend_reserve_(rouse_waiter_queue *q, uint32_t waiters) {
    rouse_pool_ *const pool = rouse_need_pool_(q);
    return pool != NULL && rouse_pool_reserve_(pool, 2 * (uint64_t)waiters + 4) ? ROUSE_OK : ROUSE_NOMEM;
}

static inline void rouse_backend_init_(rouse_waiter_queue *q, uint32_t credit) {
    rouse_u64_init_(&q->word_, credit);
    rouse_ptr_init_(&q->head_, NULL);
    rouse_ptr_init_(&q->tail_, NULL);
    rouse_ptr_init_(&q->pool_, NULL);
    rouse_u32_init_(&q->phantoms_, 0);
    rouse_u32_init_(&q->extra_, 0);
}

/* Relaxed: nobody else is here. */
static inline void rouse_backend_destroy_(rouse_waiter_queue *q) {
    rouse_pool_ *const pool = (rouse_pool_ *)rouse_ptr_load_relaxed_(&q->pool_);
    if (pool != NULL) {
        rouse_pool_delete_(pool);
        rouse_ptr_store_relaxed_(&q->pool_, NULL);
    }
}

#endif /* ROUSE_DETAIL_QUEUE_LOCKFREE_H */
