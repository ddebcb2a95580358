/* examples/primitives/barrier.h: a barrier whose wait never blocks: all parties arrive, then all go on; again
 * and again.
 *
 * The last to arrive puts one credit for each of the others into the phase's gate: also for those who have
 * been counted and do not wait yet, which wake_all would miss. The phases take turns at two gates, so that a
 * fast party of the next phase cannot take the credit of a slow one of this phase; the phase after that
 * cannot begin before the slow one has been through.
 *
 * There is no cancel: who has arrived has been counted. Not more than `parties` arrive for one phase: each
 * arrives anew only after it has been let through. */
#ifndef EXAMPLE_BARRIER_H
#define EXAMPLE_BARRIER_H

#include <rouse/waiter_queue.h>

#include <stdatomic.h>

typedef struct barrier {
    rouse_waiter_queue gate[2];
    atomic_uint_least64_t arrivals; /* since the beginning: 64 bits do not wrap around */
    uint32_t parties;
} barrier;

/* Every party of the last phase has been let through, and none is still arriving. */
static inline void barrier_destroy(barrier *b) {
    rouse_waiter_queue_destroy(&b->gate[0]);
    rouse_waiter_queue_destroy(&b->gate[1]);
}

/* ROUSE_INVALID: parties is 0 or above ROUSE_MAX_PERMITS; nothing was done. ROUSE_NOMEM: no memory for so
 * many waiters (LOCKFREE); the barrier is as if destroyed. */
static inline rouse_status barrier_init(barrier *b, uint32_t parties) {
    if (parties == 0 || parties > ROUSE_MAX_PERMITS) {
        return ROUSE_INVALID;
    }
    b->parties = parties;
    atomic_init(&b->arrivals, 0);
    for (int i = 0; i < 2; i++) {
        rouse_waiter_queue_init(&b->gate[i], 0);
    }
    for (int i = 0; i < 2; i++) {
        if (rouse_waiter_queue_reserve(&b->gate[i], parties) != ROUSE_OK) {
            barrier_destroy(b);
            return ROUSE_NOMEM;
        }
    }
    return ROUSE_OK;
}

/* snippet: barrier */
/* How many had arrived before. Release: what a party did before. Acquire: the last one has all of it, and
 * hands it on by its wake. */
static inline uint64_t barrier_count_(barrier *b) {
    return atomic_fetch_add_explicit(&b->arrivals, 1, memory_order_acq_rel);
}

static inline rouse_status barrier_pass_(barrier *b, uint64_t before, rouse_waiter *w) {
    rouse_waiter_queue *const gate = &b->gate[before / b->parties % 2];
    if (before % b->parties == b->parties - 1) {
        return rouse_waiter_queue_wake(gate, b->parties - 1, b->parties);
    }
    return rouse_waiter_queue_wait(gate, w, 1);
}

/* ROUSE_OK: all have arrived. ROUSE_PENDING: they have when w's wake runs. */
static inline rouse_status barrier_arrive(barrier *b, rouse_waiter *w) {
    return barrier_pass_(b, barrier_count_(b), w);
}
/* end snippet */

#endif /* EXAMPLE_BARRIER_H */
