/* tests/support/witness.h: a waiter that remembers what happened to it, for the unit tests (probe) and the
 * model's scenarios (guest). Faults and fuzz have other records, which also hold a ledger or a model's
 * state. */
#ifndef ROUSE_TESTS_SUPPORT_WITNESS_H
#define ROUSE_TESTS_SUPPORT_WITNESS_H

#include <rouse/waiter.h>

#include <stdbool.h>
#include <stddef.h>

typedef struct witness witness;
struct witness {
    rouse_waiter waiter;
    int id;
    int answer;                /* of the call that queued it, where the test notes it */
    int outcome;               /* that wake was called with                           */
    unsigned wakes;            /* how often it was called                             */
    bool cancelled;            /* a cancel returned true                              */
    void (*then)(witness *it); /* runs inside the wake */
    void *arg;
};

/* `unknown`: what answer and outcome are until there is one. */
static inline void witness_init(witness *it, int id, rouse_wake_fn *wake, int unknown) {
    it->id = id;
    it->answer = it->outcome = unknown;
    it->wakes = 0;
    it->cancelled = false;
    it->then = NULL;
    it->arg = NULL;
    rouse_waiter_init(&it->waiter, wake, it);
}

/* For a wake function. */
static inline witness *witness_woken(rouse_waiter *w, rouse_status status) {
    witness *const it = (witness *)rouse_waiter_data(w);
    it->outcome = status;
    it->wakes++;
    return it;
}

#endif /* ROUSE_TESTS_SUPPORT_WITNESS_H */
