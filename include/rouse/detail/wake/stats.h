/* rouse/detail/wake/stats.h: where waits are counted (stats.h). Internal, for waiter.h and stats.h.
 *
 *   ROUSE_STATS_QUEUED_(object, w)          w queues on the object, and no other thread sees it yet
 *   ROUSE_STATS_LEFT_(object, w, status)    w is out of the queue: granted, closed, cancelled; PENDING: it
 *                                           has changed its mind before the call that queued it answers
 *   ROUSE_STATS_SWEPT_(object, w, outcome)  the same for w and all behind it
 *   ROUSE_STATS_REFUSED_(object)            a call that would have queued is refused
 *   ROUSE_STATS_TIME_UP_(w)                 if w is cancelled next, the reason is its time-out
 *
 * The first four read the object. So a call uses them before its last access to the object, and before it
 * delivers to any waiter that they name. Without ROUSE_STATS they are nothing. */
#include "../../waiter.h" /* includes this file, where the waiter is known */

#ifndef ROUSE_DETAIL_WAKE_STATS_H
#    define ROUSE_DETAIL_WAKE_STATS_H

#    include "../base/platform.h"

#    include <stdint.h>

#    define ROUSE_STATS_BUCKETS_ 64

/* What stats.h counts, for one object or for several. Everything except the name changes atomically. */
typedef struct rouse_stats {
    const char *name; /* yours: the library does not read it                                               */
    ROUSE_ALIGN_(8)
    uint64_t waits[ROUSE_STATS_BUCKETS_]; /* waits that were granted, by their length: waits[k]
                                                             has those of 2^k ... 2^(k+1) - 1 ns; waits[0],
                                                             those of 0 and 1                              */
    ROUSE_ALIGN_(8) uint64_t cancelled; /* waits that ended by cancel                                      */
    ROUSE_ALIGN_(8) uint64_t timed_out; /* waits that ended by a time-out: a _timed call, or deadline.h    */
    ROUSE_ALIGN_(8) uint64_t closed;    /* waits that ended with ROUSE_CLOSED                              */
    ROUSE_ALIGN_(8) uint64_t refused;   /* calls that would have waited: ROUSE_FULL, _NOMEM, _OVERFLOW     */
    ROUSE_ALIGN_(8) uint64_t waiting;   /* waiters that wait now                                           */
    ROUSE_ALIGN_(8) uint64_t most;      /* the most that ever waited at the same time                      */
} rouse_stats;

#    include "../base/atomic.h"

/* The members of rouse_stats are plain numbers to a thread that reads a copy of them. Here they are atomic.
 * Relaxed, all: numbers for people, and nothing depends on them. */
ROUSE_INLINE_ rouse_atomic_u64_ *rouse_stats_atomic_(const uint64_t *number) {
    return (rouse_atomic_u64_ *)(uintptr_t)number;
}
ROUSE_INLINE_ uint64_t rouse_stats_get_(const uint64_t *number) {
    /* Relaxed: nothing depends on it. */
    return rouse_u64_load_relaxed_(rouse_stats_atomic_(number));
}
#    ifdef ROUSE_STATS

#        include "../base/owner.h"
#        include "../base/time.h"

#        include <stdbool.h>
#        include <stddef.h>

#        ifdef ROUSE_STATS_NOW
#            define ROUSE_STATS_CLOCK_() (uint64_t) ROUSE_STATS_NOW()
#        else
#            define ROUSE_STATS_CLOCK_() rouse_time_now_()
#        endif

ROUSE_INLINE_ uint64_t rouse_stats_add_(uint64_t *number, uint64_t by) {
    /* Relaxed: nothing depends on it. */
    return rouse_u64_add_relaxed_(rouse_stats_atomic_(number), by);
}

/* Returns the statistics of an object, which begins with eight bytes. With ROUSE_DEBUG built_ and holder_
 * follow, and then stats_. */
ROUSE_INLINE_ rouse_stats *rouse_stats_of_(const void *object) {
#        ifdef ROUSE_DEBUG
    const void *const place = (const char *)object + ROUSE_HOLDER_AT_ + sizeof(void *);
#        else
    const void *const place = (const char *)object + 8;
#        endif
    return *(struct rouse_stats *const *)place;
}

/* Returns the base-2 logarithm, rounded down; of 0: 0. */
ROUSE_INLINE_ uint32_t rouse_stats_log2_(uint64_t number) {
#        if defined(__GNUC__)
    return 63u - (uint32_t)__builtin_clzll((unsigned long long)(number | 1));
#        else
    uint32_t log2 = 0;
    while ((number >>= 1) != 0) {
        log2++;
    }
    return log2;
#        endif
}

/* Notes that a waiter's time is up: its since_ is an even number of nanoseconds, and this call adds 1.
 * Relaxed, like every use of since_: the waiter's thread writes it before the waiter is published. The 1 is a
 * note from the owner to the cancel that it calls next; a waker that is quicker ignores it. */
ROUSE_INLINE_ void rouse_stats_time_up_(rouse_waiter *w) {
    rouse_u64_store_relaxed_(&w->since_, rouse_u64_load_relaxed_(&w->since_) | 1);
}

ROUSE_SLOW_ void rouse_stats_queued_(rouse_stats *stats, rouse_waiter *w) {
    /* Relaxed: published with w. */
    rouse_u64_store_relaxed_(&w->since_, ROUSE_STATS_CLOCK_() & ~UINT64_C(1));
    if (stats != NULL) {
        const uint64_t waiting = rouse_stats_add_(&stats->waiting, 1) + 1;
        uint64_t most = rouse_stats_get_(&stats->most);
        /* Relaxed: nothing depends on it. */
        while (most < waiting && !rouse_u64_cas_relaxed_(rouse_stats_atomic_(&stats->most), &most, waiting)) {
        }
    }
}

ROUSE_SLOW_ void rouse_stats_ended_(rouse_stats *stats, const rouse_waiter *w, rouse_status status) {
    const uint64_t since = rouse_u64_load_relaxed_(&w->since_); /* relaxed: published with w */
    if (status == ROUSE_OK) {
        const uint64_t now = ROUSE_STATS_CLOCK_();
        const uint64_t begun = since & ~UINT64_C(1);
        (void)rouse_stats_add_(&stats->waits[rouse_stats_log2_(now > begun ? now - begun : 0)], 1);
    } else if (status == ROUSE_CLOSED) {
        (void)rouse_stats_add_(&stats->closed, 1);
    } else if (status == ROUSE_CANCELLED) {
        (void)rouse_stats_add_((since & 1) != 0 ? &stats->timed_out : &stats->cancelled, 1);
    }
    (void)rouse_stats_add_(&stats->waiting, 0 - (uint64_t)1);
}
ROUSE_INLINE_ void rouse_stats_left_(rouse_stats *stats, const rouse_waiter *w, rouse_status status) {
    if (stats != NULL) {
        rouse_stats_ended_(stats, w, status);
    }
}
ROUSE_INLINE_ void rouse_stats_swept_(const void *object, const rouse_waiter *w, rouse_status status) {
    /* The list was empty: the object may be gone. */
    rouse_stats *const stats = w == NULL ? NULL : rouse_stats_of_(object);
    for (; stats != NULL && w != NULL; w = w->next_) {
        rouse_stats_ended_(stats, w, status);
    }
}
ROUSE_COLD_ void rouse_stats_refused_(rouse_stats *stats) {
    if (stats != NULL) {
        (void)rouse_stats_add_(&stats->refused, 1);
    }
}

#        define ROUSE_STATS_QUEUED_(object, w)       rouse_stats_queued_(rouse_stats_of_(object), (w))
#        define ROUSE_STATS_LEFT_(object, w, status) rouse_stats_left_(rouse_stats_of_(object), (w), (status))
#        define ROUSE_STATS_SWEPT_(object, w, outcome) \
            rouse_stats_swept_((object), (w), (rouse_status)(int8_t)(uint8_t)((outcome)&0xffu))
#        define ROUSE_STATS_REFUSED_(object) rouse_stats_refused_(rouse_stats_of_(object))
#        define ROUSE_STATS_TIME_UP_(w)      rouse_stats_time_up_(w)

#    else

#        define ROUSE_STATS_QUEUED_(object, w)         ((void)0)
#        define ROUSE_STATS_LEFT_(object, w, status)   ((void)0)
#        define ROUSE_STATS_SWEPT_(object, w, outcome) ((void)0)
#        define ROUSE_STATS_REFUSED_(object)           ((void)0)
#        define ROUSE_STATS_TIME_UP_(w)                ((void)0)

#    endif

#endif /* ROUSE_DETAIL_WAKE_STATS_H */
