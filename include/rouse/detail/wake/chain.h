/* rouse/detail/wake/chain.h: the waiters that one call has served and not yet told. Internal.
 *
 * A first-in first-out list through next_. It belongs to the calling thread, so nothing in it is atomic. */
#ifndef ROUSE_DETAIL_WAKE_CHAIN_H
#define ROUSE_DETAIL_WAKE_CHAIN_H

#include "../../waiter.h"
#include "outcome.h"

#include <stddef.h>
#include <stdint.h>

typedef struct rouse_chain_ {
    rouse_waiter *first;
    rouse_waiter *last;
} rouse_chain_;

static inline void rouse_chain_append_(rouse_chain_ *chain, rouse_waiter *w) {
    w->next_ = NULL;
    if (chain->first == NULL) {
        chain->first = w;
    } else {
        chain->last->next_ = w;
    }
    chain->last = w;
}

static inline void rouse_chain_add_(rouse_chain_ *chain, rouse_waiter *w, uint32_t outcome) {
    rouse_outcome_set_due_(w, outcome);
    rouse_chain_append_(chain, w);
}

static inline void rouse_chain_push_front_(rouse_chain_ *chain, rouse_waiter *w, uint32_t outcome) {
    rouse_outcome_set_due_(w, outcome);
    w->next_ = chain->first;
    if (chain->first == NULL) {
        chain->last = w;
    }
    chain->first = w;
}

static inline uint32_t rouse_chain_length_(const rouse_chain_ *chain) {
    uint32_t length = 0;
    for (const rouse_waiter *w = chain->first; w != NULL; w = w->next_) {
        length++;
    }
    return length;
}

/* Appends the chain from `first` to `last`. */
static inline void rouse_chain_join_(rouse_chain_ *chain, rouse_waiter *first, rouse_waiter *last) {
    /* E19: release; partner is the load in LOCKFREE's cancel. */
    rouse_ptr_store_release_(&first->place_, chain->last);
    if (chain->first == NULL) {
        chain->first = first;
    } else {
        chain->last->next_ = first;
    }
    chain->last = last;
}

/* Appends a stack, whose newest waiter is `newest`, oldest first, with `bits` added to each outcome; how
 * many. These waiters are linked backwards too, by place_, as rouse_chain_remove_ wants it. */
static inline size_t rouse_chain_join_stack_(rouse_chain_ *chain, rouse_waiter *newest, uint32_t bits) {
    rouse_waiter *behind = NULL;
    rouse_waiter *w = newest;
    size_t count = 0;
    while (w != NULL) {
        rouse_waiter *const older = w->next_;
        rouse_outcome_set_due_(w, rouse_outcome_due_(w) | bits);
        w->next_ = behind;
        rouse_ptr_store_release_(&w->place_, older); /* E19: as above */
        behind = w;
        w = older;
        count++;
    }
    if (behind != NULL) {
        rouse_chain_join_(chain, behind, newest);
    }
    return count;
}

/* Adds `bits` to each outcome; how many. */
static inline size_t rouse_chain_mark_(rouse_chain_ *chain, uint32_t bits) {
    size_t count = 0;
    for (rouse_waiter *w = chain->first; w != NULL; w = w->next_) {
        rouse_outcome_set_due_(w, rouse_outcome_due_(w) | bits);
        count++;
    }
    return count;
}

/* Takes w, which came by rouse_chain_join_stack_, out of the chain that it is in: this one, or else one that
 * it is neither the first nor the last of. */
static inline void rouse_chain_remove_(rouse_chain_ *chain, rouse_waiter *w) {
    rouse_waiter *const before =
        chain->first == w ? NULL : (rouse_waiter *)rouse_ptr_load_relaxed_(&w->place_);
    if (before == NULL) {
        chain->first = w->next_;
    } else {
        before->next_ = w->next_;
    }
    if (chain->last == w) {
        chain->last = before;
    } else {
        rouse_ptr_store_release_(&w->next_->place_, before); /* E19: as above */
    }
}

#endif /* ROUSE_DETAIL_WAKE_CHAIN_H */
