/* rouse/detail/wake/chain.h: the waiters that one call has served and not yet woken. Internal.
 *
 * It is a first-in first-out list through next_. It belongs to the calling thread, so nothing in it is
 * atomic. */
#ifndef ROUSE_DETAIL_WAKE_CHAIN_H
#define ROUSE_DETAIL_WAKE_CHAIN_H

#include "../../waiter.h"
#include "outcome.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct rouse_chain_ {
    rouse_waiter *first;
    rouse_waiter *last;
} rouse_chain_;

ROUSE_INLINE_ void rouse_chain_append_(rouse_chain_ *chain, rouse_waiter *w) {
    w->next_ = NULL;
    if (chain->first == NULL) {
        chain->first = w;
    } else {
        chain->last->next_ = w;
    }
    chain->last = w;
}

ROUSE_INLINE_ void rouse_chain_add_(rouse_chain_ *chain, rouse_waiter *w, uint32_t outcome) {
    rouse_outcome_set_due_(w, outcome);
    rouse_chain_append_(chain, w);
}

ROUSE_INLINE_ void rouse_chain_push_front_(rouse_chain_ *chain, rouse_waiter *w, uint32_t outcome) {
    rouse_outcome_set_due_(w, outcome);
    w->next_ = chain->first;
    if (chain->first == NULL) {
        chain->last = w;
    }
    chain->first = w;
}

ROUSE_INLINE_ uint32_t rouse_chain_length_(const rouse_chain_ *chain) {
    uint32_t length = 0;
    for (const rouse_waiter *w = chain->first; w != NULL; w = w->next_) {
        length++;
    }
    return length;
}

/* Links w backwards, unless it is invited: then its place_ is its queue. */
ROUSE_INLINE_ void rouse_chain_link_(rouse_waiter *w, rouse_waiter *before) {
    if (!rouse_outcome_invites_(rouse_outcome_due_(w))) {
        /* E19: release. The partner is the load in LOCKFREE's cancel. */
        rouse_ptr_store_release_(&w->place_, before);
    }
}

/* Appends the chain from `first` to `last`. */
ROUSE_INLINE_ void rouse_chain_join_(rouse_chain_ *chain, rouse_waiter *first, rouse_waiter *last) {
    rouse_chain_link_(first, chain->last);
    if (chain->first == NULL) {
        chain->first = first;
    } else {
        chain->last->next_ = first;
    }
    chain->last = last;
}

/* Appends a stack, oldest waiter first, and adds `bits` to each outcome. `newest` is the newest waiter of the
 * stack. Returns how many. It also links these waiters backwards, by place_, for rouse_chain_remove_. */
ROUSE_INLINE_ size_t rouse_chain_join_stack_(rouse_chain_ *chain, rouse_waiter *newest, uint32_t bits) {
    rouse_waiter *behind = NULL;
    rouse_waiter *w = newest;
    size_t count = 0;
    while (w != NULL) {
        rouse_waiter *const older = w->next_;
        rouse_outcome_set_due_(w, rouse_outcome_due_(w) | bits);
        w->next_ = behind;
        rouse_chain_link_(w, older);
        behind = w;
        w = older;
        count++;
    }
    if (behind != NULL) {
        rouse_chain_join_(chain, behind, newest);
    }
    return count;
}

/* Adds `bits` to each outcome. Returns how many. */
ROUSE_INLINE_ size_t rouse_chain_mark_(rouse_chain_ *chain, uint32_t bits) {
    size_t count = 0;
    for (rouse_waiter *w = chain->first; w != NULL; w = w->next_) {
        rouse_outcome_set_due_(w, rouse_outcome_due_(w) | bits);
        count++;
    }
    return count;
}

/* Returns the waiter before w in this chain; NULL: there is none. If w is invited, this call searches for
 * it. */
ROUSE_INLINE_ rouse_waiter *rouse_chain_before_(const rouse_chain_ *chain, const rouse_waiter *w) {
    rouse_waiter *before = chain->first;
    if (before == w) {
        return NULL;
    }
    if (!rouse_outcome_invites_(rouse_outcome_due_(w))) {
        return (rouse_waiter *)rouse_ptr_load_relaxed_(&w->place_);
    }
    while (before != NULL && before->next_ != w) {
        before = before->next_;
    }
    return before;
}

/* Must w, which is in one of two chains, be taken out of this one? For a waiter in the middle the answer does
 * not matter, unless it is invited. */
ROUSE_INLINE_ bool rouse_chain_holds_(const rouse_chain_ *chain, const rouse_waiter *w) {
    return chain->first == w || chain->last == w ||
           (rouse_outcome_invites_(rouse_outcome_due_(w)) && rouse_chain_before_(chain, w) != NULL);
}

/* Takes w, which is behind `before` (NULL: the first), out of the chain. */
ROUSE_INLINE_ void rouse_chain_cut_(rouse_chain_ *chain, rouse_waiter *before, const rouse_waiter *w) {
    if (before == NULL) {
        chain->first = w->next_;
    } else {
        before->next_ = w->next_;
    }
    if (chain->last == w) {
        chain->last = before;
    } else {
        rouse_chain_link_(w->next_, before);
    }
}

/* Takes out w, which rouse_chain_join_stack_ appended. w is in this chain; or it is in another one, and
 * neither the first nor the last of it. */
ROUSE_INLINE_ void rouse_chain_remove_(rouse_chain_ *chain, const rouse_waiter *w) {
    rouse_chain_cut_(chain, rouse_chain_before_(chain, w), w);
}

/* Takes w out of the chain if it is in it, however it came. Searches for it. */
ROUSE_INLINE_ bool rouse_chain_search_(rouse_chain_ *chain, const rouse_waiter *w) {
    rouse_waiter *before = NULL;
    rouse_waiter *at = chain->first;
    while (at != NULL && at != w) {
        before = at;
        at = at->next_;
    }
    if (at != NULL) {
        rouse_chain_cut_(chain, before, w);
    }
    return at != NULL;
}

#endif /* ROUSE_DETAIL_WAKE_CHAIN_H */
