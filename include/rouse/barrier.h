/* rouse/barrier.h: all parties arrive, then all continue; again and again. Arriving never blocks.
 *
 *     rouse_barrier meeting;
 *     if (rouse_barrier_init(&meeting, 4) != ROUSE_OK) ...
 *     ...
 *     if (rouse_barrier_arrive(&meeting, &party->waiter) == ROUSE_OK) {
 *         next_phase(party);                      // it was the last to arrive
 *     }                                           // ROUSE_PENDING: wake will call next_phase
 *
 * The last party to arrive lets the others through, including those that have been counted but have not
 * queued yet. Each party may arrive again only after it has been let through, so at most `parties` arrive in
 * one phase. With MUTEX and SPIN at most 16,777,216 parties can meet, which is how many may wait, and one.
 *
 * There is no cancel, no close and no time-out: once a party has arrived it has been counted, and the others
 * may already have been let through because of it. If parties may leave, use rouse_gate or a count of your
 * own. Arriving may queue, so it is not for signal handlers, with any backend.
 *
 * Ordering: what every party did before it arrived happens before what every party does after it is let
 * through.
 *
 * Cost: arriving is one atomic read-modify-write for the count, and one to wait or to let the others
 * through. With LOCKFREE init allocates the memory for all parties, so arriving cannot fail. */
#ifndef ROUSE_BARRIER_H
#define ROUSE_BARRIER_H

#include "waiter_queue.h"

#include <stdbool.h>
#include <stdint.h>

/* The phases alternate between two gates. So a fast party of the next phase cannot take the credit of a slow
 * one of this phase. The phase after that cannot begin before the slow one has passed. */
typedef struct rouse_barrier {
    rouse_waiter_queue gate_[2];
    rouse_atomic_u64_ arrivals_; /* since init: 64 bits do not wrap around */
    uint32_t parties_;
} rouse_barrier;

/* The two queues inside, for stats.h. */
#define ROUSE_BARRIER_QUEUE_(b, i) (&(b)->gate_[i])

ROUSE_INLINE_ void rouse_barrier_end_(rouse_barrier *b) {
    rouse_backend_destroy_(&b->gate_[0]);
    rouse_backend_destroy_(&b->gate_[1]);
}

/* Ends the barrier. LOCKFREE frees its heap memory.
 * Requires that every party of the last phase has been let through and no call is in progress. One exception:
 * the call that let the last party through may still be returning. */
ROUSE_INLINE_ void rouse_barrier_destroy(rouse_barrier *b) {
    ROUSE_CHECK_USE_(b, &b->gate_[0]);
    ROUSE_CHECK_(rouse_backend_waiter_count_(&b->gate_[0]) == 0 &&
                     rouse_backend_waiter_count_(&b->gate_[1]) == 0,
                 b, "waiters are queued");
    rouse_barrier_end_(b);
}

/* Initialises a barrier at which no party has arrived.
 *   ROUSE_OK        done
 *   ROUSE_INVALID   parties is 0 or above ROUSE_MAX_PERMITS; there is nothing to destroy
 *   ROUSE_NOMEM     no memory for that many waiters (LOCKFREE only); there is nothing to destroy */
ROUSE_INLINE_ rouse_status rouse_barrier_init(rouse_barrier *b, uint32_t parties) {
    ROUSE_CHECK_OBJECT_(b);
    if (parties == 0 || parties > ROUSE_MAX_PERMITS) {
        return ROUSE_INVALID;
    }
    b->parties_ = parties;
    rouse_u64_init_(&b->arrivals_, 0);
    (void)rouse_queue_init_(&b->gate_[0], 0);
    (void)rouse_queue_init_(&b->gate_[1], 0);
    if (rouse_backend_reserve_(&b->gate_[0], parties - 1) != ROUSE_OK ||
        rouse_backend_reserve_(&b->gate_[1], parties - 1) != ROUSE_OK) {
        rouse_barrier_end_(b);
        return ROUSE_NOMEM;
    }
    return ROUSE_OK;
}

/* Counts one party. Returns how many had arrived before it. */
ROUSE_INLINE_ uint64_t rouse_barrier_count_(rouse_barrier *b) {
    /* E45: release, for what this party did before; acquire, because the last one to arrive hands on what all
     * of them did, by its wake. */
    return rouse_u64_add_acq_rel_(&b->arrivals_, 1);
}

ROUSE_INLINE_ rouse_status rouse_barrier_pass_(rouse_barrier *b, uint64_t before, rouse_waiter *w) {
    rouse_waiter_queue *const gate = &b->gate_[before / b->parties_ % 2];
    if (before % b->parties_ == b->parties_ - 1) {
        uint32_t woken = 0;
        return b->parties_ == 1 ? ROUSE_OK : rouse_queue_wake_(gate, b->parties_ - 1, b->parties_, &woken);
    }
    return rouse_queue_wait_(gate, w, 1);
}

/* rouse_barrier_arrive without checks. */
ROUSE_INLINE_ rouse_status rouse_barrier_arrive_(rouse_barrier *b, rouse_waiter *w) {
    return rouse_barrier_pass_(b, rouse_barrier_count_(b), w);
}

/* Arrives at the barrier. The last party of a phase lets all others through, and their wakes run on its
 * thread.
 *   ROUSE_OK        all have arrived: this was the last party, or the last one came before w was queued
 *   ROUSE_PENDING   wake will be called when all have arrived
 * Requires that w is initialised and not queued. */
ROUSE_NODISCARD_
ROUSE_INLINE_ rouse_status rouse_barrier_arrive(rouse_barrier *b, rouse_waiter *w) {
    ROUSE_CHECK_USE_(b, &b->gate_[0]);
    ROUSE_CHECK_IDLE_(w, b);
    return rouse_barrier_arrive_(b, w);
}

/* Returns how many waiters are queued; a snapshot. */
ROUSE_INLINE_ uint32_t rouse_barrier_waiter_count(const rouse_barrier *b) {
    ROUSE_CHECK_LOOK_(b, &b->gate_[0]);
    return rouse_backend_waiter_count_(&b->gate_[0]) + rouse_backend_waiter_count_(&b->gate_[1]);
}

#endif /* ROUSE_BARRIER_H */
