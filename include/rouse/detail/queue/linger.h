/* rouse/detail/queue/linger.h: throughput mode: what a thread does before it queues. Internal.
 *
 * A thread that finds nothing free lingers: it pauses, and looks again. Queueing costs two task switches, and
 * most sections are over sooner. If nothing changes, the holder of the permit probably has no processor, so
 * this thread yields its own and looks again.
 *
 * Lingering fails while the holder of the permit does not run. On one thread it always fails. So each queue
 * remembers how it went, in a number, its doubt.
 *
 *     fails                    lingering has not paid yet, or not lately: that many in a row have lingered
 *                              without effect
 *     PAID + fails             a thread that lingered has seen the word change, and that many in a row since
 *                              have not. Threads yield only in this state
 *     fails + 256 * skips      the next `skips` threads do not linger
 *
 * From ROUSE_LINGER_TRIES_ fails on, each further one doubles the skips that follow it, up to
 * ROUSE_LINGER_SKIPS_. Then one thread lingers, to see whether it pays again.
 *
 * Threads change the doubt without regard to each other: a lost change costs a few pauses. */
#ifndef ROUSE_DETAIL_QUEUE_LINGER_H
#define ROUSE_DETAIL_QUEUE_LINGER_H

#include "../base/atomic.h"
#include "../base/platform.h"

#include <stdbool.h>
#include <stdint.h>

/* How often a thread pauses before a look, and how often it yields. docs/benchmarks/throughput-mode.md says
 * how they were chosen. */
#define ROUSE_LINGER_PAUSES_ (ROUSE_SPIN_LIMIT < 16 ? ROUSE_SPIN_LIMIT : 16)
#define ROUSE_LINGER_YIELDS_ (ROUSE_SPIN_LIMIT < 16 ? 0 : 4)

enum { ROUSE_LINGER_TRIES_ = 16, ROUSE_LINGER_SKIPS_ = 64, ROUSE_LINGER_PAID_ = 128 };

/* Is lingering skipped this time? */
ROUSE_INLINE_ bool rouse_linger_skips_(uint32_t doubt) {
    return doubt >= 256;
}
/* Has lingering paid, at most ROUSE_LINGER_TRIES_ fails ago? It is not skipped. */
ROUSE_INLINE_ bool rouse_linger_pays_(uint32_t doubt) {
    return doubt >= ROUSE_LINGER_PAID_;
}
/* Returns the doubt after one skip. */
ROUSE_INLINE_ uint32_t rouse_linger_skip_(uint32_t doubt) {
    return doubt - 256;
}
/* Returns the doubt after a thread has lingered. changed: whether it has seen a change. */
ROUSE_INLINE_ uint32_t rouse_linger_after_(uint32_t doubt, bool changed) {
    const uint32_t fails = doubt % ROUSE_LINGER_PAID_;
    if (changed) {
        return ROUSE_LINGER_PAID_;
    }
    if (fails < ROUSE_LINGER_TRIES_) {
        return doubt + 1;
    }
    return (UINT32_C(1) << (fails - ROUSE_LINGER_TRIES_)) < ROUSE_LINGER_SKIPS_
               ? fails + 1 + (UINT32_C(256) << (fails - ROUSE_LINGER_TRIES_))
               : fails + 256 * (uint32_t)ROUSE_LINGER_SKIPS_;
}

/* Pauses, and looks once whether one of the bits of `mask` differs from *seen, which becomes the word as last
 * seen. Each look takes the word's cache line away from a thread that is working with it. */
ROUSE_SLOW_ bool rouse_linger_look_(const rouse_atomic_u64_ *word, uint64_t *seen, uint64_t mask) {
    const uint64_t first = *seen & mask;
    rouse_platform_pauses_(ROUSE_LINGER_PAUSES_);
    *seen = rouse_u64_load_acquire_(word); /* E3: for whether it is closed; otherwise a guess */
    return (*seen & mask) != first;
}

/* Lingers, unless that has been in vain lately. Returns the doubt after it; the caller stores it if it is
 * another. *seen becomes the word as last seen. `mask`: the bits that change when a permit comes free, and
 * when an invited waiter takes one that was kept for it.
 *
 * This thread yields while nothing changes, because the holder or the invited waiter then needs a processor.
 * If this thread queued instead, so would every other thread that runs, and only one of them is invited at a
 * time. It does not yield where lingering has not paid: the holder or the invited waiter may be this thread's
 * own. */
ROUSE_FAST_ uint32_t rouse_linger_(uint32_t doubt, const rouse_atomic_u64_ *word, uint64_t *seen,
                                   uint64_t mask) {
    bool changed;
    if (rouse_linger_skips_(doubt)) {
        return rouse_linger_skip_(doubt);
    }
    changed = rouse_linger_look_(word, seen, mask);
    if (rouse_linger_pays_(doubt)) {
        for (int yields = 0; yields < ROUSE_LINGER_YIELDS_ && !changed; yields++) {
            rouse_platform_yield_();
            changed = rouse_linger_look_(word, seen, mask);
        }
    }
    return rouse_linger_after_(doubt, changed);
}

#endif /* ROUSE_DETAIL_QUEUE_LINGER_H */
