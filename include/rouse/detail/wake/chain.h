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

static inline void rouse_chain_add_(rouse_chain_ *chain, rouse_waiter *w, uint32_t outcome) {
    rouse_outcome_set_due_(w, outcome);
    w->next_ = NULL;
    if (chain->first == NULL) {
        chain->first = w;
    } else {
        chain->last->next_ = w;
    }
    chain->last = w;
}

static inline void rouse_chain_push_front_(rouse_chain_ *chain, rouse_waiter *w, uint32_t outcome) {
    rouse_outcome_set_due_(w, outcome);
    w->next_ = chain->first;
    if (chain->first == NULL) {
        chain->last = w;
    }
    chain->first = w;
}

#endif /* ROUSE_DETAIL_WAKE_CHAIN_H */
