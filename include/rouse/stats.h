/* rouse/stats.h: how long waits take, and how long the oldest waiter has been waiting. Option ROUSE_STATS.
 *
 *     static rouse_stats waits = ROUSE_STATS_INIT("database connections");
 *     ...
 *     rouse_semaphore_init(&connections, 8);
 *     rouse_semaphore_attach_stats(&connections, &waits);      // before anybody else uses it
 *     ...
 *     rouse_stats_read(&waits, &now);                          // on any thread, at any time
 *     printf("%s: %llu waited, p99 %llu ns, %llu timed out, %llu wait\n", now.name, ...
 *            rouse_stats_count(&now), rouse_stats_quantile(&now, 0.99), now.timed_out, now.waiting);
 *     if (rouse_semaphore_oldest_ns(&connections, rouse_stats_now()) > 5000000000) { alarm(); }
 *
 * The histogram shows only waits that are over, so a stuck waiter is not in it. To raise an alarm use
 * _oldest_ns, which says how long the oldest waiter has been waiting.
 *
 * What is counted. A wait begins when a call returns ROUSE_PENDING, and ends when it is granted, closed,
 * cancelled or timed out. The time that its wake then spends in a mailbox or in a thread's inbox is not part
 * of it. A wait that ends while its own call is still queueing it counts as a short one; a grant without
 * queueing does not count. If you attach one rouse_stats to several objects, it has their sum.
 *
 * Which objects. Those whose waiters are in one queue: the types below. A wait for the signal of a condition
 * variable does not count; the wait for its mutex does. Waits in a channel do not count, because idle
 * receivers wait there by design. An arm of any.h counts as a wait on its own object.
 *
 * Without ROUSE_STATS every function here compiles and reports nothing: attach returns ROUSE_INVALID, the
 * others 0.
 *
 * Threads. Every function except init and attach may run on any thread at any time. rouse_stats_read copies
 * the numbers one by one while other threads change them, so sums may be off by a few waits. Use the
 * functions on the rouse_stats that is attached; read the members only in a copy.
 *
 * Cost, with ROUSE_STATS: nothing for a call that does not queue. A wait that queues costs two clock reads
 * (ROUSE_STATS_NOW, about 20 ns each), one at its begin and one at its end, by the thread that ends it. Where
 * statistics are attached it also costs three relaxed read-modify-writes. With MUTEX and SPIN these happen
 * under the queue's lock. Memory: 8 bytes in each waiter and each queue, with LOCKFREE 8 more for each cell;
 * a rouse_stats has 568 bytes. Async-signal-safe where the object's calls are. */
#ifndef ROUSE_STATS_H
#define ROUSE_STATS_H

#include "barrier.h"
#include "config.h"
#include "detail/base/check.h"
#include "detail/base/owner.h"
#include "detail/base/time.h"
#include "detail/wake/stats.h"
#include "event.h"
#include "gate.h"
#include "limit.h"
#include "mutex.h"
#include "notify.h"
#include "once.h"
#include "rwlock.h"
#include "semaphore.h"
#include "waiter.h"
#include "waiter_queue.h"

#include <stdint.h>

/* ---- the numbers --------------------------------------------------------------------------------------- */

/* Statistics in which nothing is counted yet. name: for your own output; the string must stay valid. The
 * all-zero rouse_stats has no name. */
#define ROUSE_STATS_INIT(name) \
    { (name), {0}, 0, 0, 0, 0, 0, 0 }

/* Initialises statistics in which nothing is counted. Call it again to start from zero, when none of the
 * objects is in use. */
ROUSE_INLINE_ void rouse_stats_init(rouse_stats *s, const char *name) {
    const rouse_stats fresh = ROUSE_STATS_INIT(name);
    ROUSE_CHECK_OBJECT_(s);
    *s = fresh;
}

/* Nanoseconds on the clock of the statistics: monotonic, CLOCK_MONOTONIC where there is one, unless
 * ROUSE_STATS_NOW is defined. */
ROUSE_INLINE_ uint64_t rouse_stats_now(void) {
#ifdef ROUSE_STATS_NOW
    return (uint64_t)ROUSE_STATS_NOW();
#else
    return rouse_time_now_();
#endif
}

/* Copies what has been counted so far. */
ROUSE_INLINE_ void rouse_stats_read(const rouse_stats *s, rouse_stats *copy) {
    ROUSE_CHECK_OBJECT_(s);
    ROUSE_CHECK_OBJECT_(copy);
    copy->name = s->name;
    for (uint32_t i = 0; i < ROUSE_STATS_BUCKETS_; i++) {
        copy->waits[i] = rouse_stats_get_(&s->waits[i]);
    }
    copy->cancelled = rouse_stats_get_(&s->cancelled);
    copy->timed_out = rouse_stats_get_(&s->timed_out);
    copy->closed = rouse_stats_get_(&s->closed);
    copy->refused = rouse_stats_get_(&s->refused);
    copy->waiting = rouse_stats_get_(&s->waiting);
    copy->most = rouse_stats_get_(&s->most);
}

/* Returns how many waits were granted. */
ROUSE_INLINE_ uint64_t rouse_stats_count(const rouse_stats *s) {
    uint64_t count = 0;
    ROUSE_CHECK_OBJECT_(s);
    for (uint32_t i = 0; i < ROUSE_STATS_BUCKETS_; i++) {
        count += rouse_stats_get_(&s->waits[i]);
    }
    return count;
}

/* Returns how many nanoseconds the given part of the granted waits took at most: 0.5 for the median, 0.99 for
 * p99, 1 for all. It returns the end of a bucket: never less than the true quantile, and less than twice it;
 * 0 if no wait was granted. A quantile outside 0 ... 1 is replaced by the nearer end. */
ROUSE_INLINE_ uint64_t rouse_stats_quantile(const rouse_stats *s, double quantile) {
    const uint64_t count = rouse_stats_count(s);
    const double part = quantile > 0.0 ? (quantile < 1.0 ? quantile : 1.0) : 0.0;
    const double wanted = part * (double)count;
    uint64_t passed = 0;
    uint64_t end = 0;
    for (uint32_t i = 0; i < ROUSE_STATS_BUCKETS_; i++) {
        const uint64_t here = rouse_stats_get_(&s->waits[i]);
        if (here != 0) {
            passed += here;
            end = i == 63 ? UINT64_MAX : ((uint64_t)2 << i) - 1;
            if ((double)passed >= wanted) {
                break;
            }
        }
    }
    return end;
}

/* ---- the objects --------------------------------------------------------------------------------------- */

ROUSE_INLINE_ rouse_status rouse_stats_attach_(rouse_waiter_queue *q, rouse_stats *stats) {
#ifdef ROUSE_STATS
    q->stats_ = stats;
    return ROUSE_OK;
#else
    (void)q, (void)stats;
    return ROUSE_INVALID;
#endif
}
/* When the oldest waiter queued; 0: nobody waits. */
ROUSE_INLINE_ uint64_t rouse_stats_oldest_(rouse_waiter_queue *q) {
#ifdef ROUSE_STATS
    return rouse_backend_oldest_(q);
#else
    (void)q;
    return 0;
#endif
}
ROUSE_INLINE_ uint64_t rouse_stats_age_(uint64_t since, uint64_t now) {
    const uint64_t begun = since & ~UINT64_C(1);
    return since == 0 || now <= begun ? 0 : now - begun;
}

/* From now on the object's waits are counted in `stats` (NULL: nowhere).
 *
 * Return ROUSE_OK, or ROUSE_INVALID without ROUSE_STATS.
 * Require that no other call on the object is in progress and nobody waits: call it after init, before other
 * threads know the object. `stats` must live as long as the object. */
ROUSE_INLINE_ rouse_status rouse_waiter_queue_attach_stats(rouse_waiter_queue *q, rouse_stats *stats) {
    ROUSE_CHECK_USE_(q, q);
    return rouse_stats_attach_(q, stats);
}
ROUSE_INLINE_ rouse_status rouse_semaphore_attach_stats(rouse_semaphore *s, rouse_stats *stats) {
    ROUSE_CHECK_USE_(s, ROUSE_SEMAPHORE_QUEUE_(s));
    return rouse_stats_attach_(ROUSE_SEMAPHORE_QUEUE_(s), stats);
}
ROUSE_INLINE_ rouse_status rouse_mutex_attach_stats(rouse_mutex *m, rouse_stats *stats) {
    ROUSE_CHECK_USE_(m, ROUSE_MUTEX_QUEUE_(m));
    return rouse_stats_attach_(ROUSE_MUTEX_QUEUE_(m), stats);
}
ROUSE_INLINE_ rouse_status rouse_notify_attach_stats(rouse_notify *n, rouse_stats *stats) {
    ROUSE_CHECK_USE_(n, ROUSE_NOTIFY_QUEUE_(n));
    return rouse_stats_attach_(ROUSE_NOTIFY_QUEUE_(n), stats);
}
ROUSE_INLINE_ rouse_status rouse_event_attach_stats(rouse_event *e, rouse_stats *stats) {
    ROUSE_CHECK_USE_(e, ROUSE_EVENT_QUEUE_(e));
    return rouse_stats_attach_(ROUSE_EVENT_QUEUE_(e), stats);
}
ROUSE_INLINE_ rouse_status rouse_gate_attach_stats(rouse_gate *g, rouse_stats *stats) {
    ROUSE_CHECK_USE_(g, ROUSE_GATE_QUEUE_(g));
    return rouse_stats_attach_(ROUSE_GATE_QUEUE_(g), stats);
}
ROUSE_INLINE_ rouse_status rouse_rwlock_attach_stats(rouse_rwlock *l, rouse_stats *stats) {
    ROUSE_CHECK_USE_(l, ROUSE_RWLOCK_QUEUE_(l));
    return rouse_stats_attach_(ROUSE_RWLOCK_QUEUE_(l), stats);
}
ROUSE_INLINE_ rouse_status rouse_once_attach_stats(rouse_once *o, rouse_stats *stats) {
    ROUSE_CHECK_USE_(o, ROUSE_ONCE_QUEUE_(o));
    return rouse_stats_attach_(ROUSE_ONCE_QUEUE_(o), stats);
}
ROUSE_INLINE_ rouse_status rouse_barrier_attach_stats(rouse_barrier *b, rouse_stats *stats) {
    ROUSE_CHECK_USE_(b, ROUSE_BARRIER_QUEUE_(b, 0));
    (void)rouse_stats_attach_(ROUSE_BARRIER_QUEUE_(b, 1), stats);
    return rouse_stats_attach_(ROUSE_BARRIER_QUEUE_(b, 0), stats);
}
ROUSE_INLINE_ rouse_status rouse_limit_attach_stats(rouse_limit *l, rouse_stats *stats) {
    ROUSE_CHECK_USE_(l, l);
#ifdef ROUSE_STATS
    l->stats_ = stats;
    return ROUSE_OK;
#else
    (void)l, (void)stats;
    return ROUSE_INVALID;
#endif
}

/* Return how long the oldest waiter has been waiting, in nanoseconds, at the time `now` of rouse_stats_now.
 * They return 0 if nobody waits, if `now` is earlier than the wait, or without ROUSE_STATS. No statistics
 * need be attached.
 *
 * The answer is a snapshot, and may be 1 ns too large, as the times in the histogram may be. It ignores
 * invited waiters that have not answered yet (throughput mode) and, with LOCKFREE, waiters whose call has not
 * returned yet.
 * Cost: MUTEX and SPIN take the queue's lock for a few instructions; LOCKFREE looks for the oldest waiter as
 * a waker does, and waits for nobody; LOCAL needs one load. A limit is held, as by rouse_limit_cancel, so
 * wakes that another thread has left to the holder may run here. */
ROUSE_INLINE_ uint64_t rouse_waiter_queue_oldest_ns(rouse_waiter_queue *q, uint64_t now) {
    ROUSE_CHECK_USE_(q, q);
    return rouse_stats_age_(rouse_stats_oldest_(q), now);
}
ROUSE_INLINE_ uint64_t rouse_semaphore_oldest_ns(rouse_semaphore *s, uint64_t now) {
    ROUSE_CHECK_USE_(s, ROUSE_SEMAPHORE_QUEUE_(s));
    return rouse_stats_age_(rouse_stats_oldest_(ROUSE_SEMAPHORE_QUEUE_(s)), now);
}
ROUSE_INLINE_ uint64_t rouse_mutex_oldest_ns(rouse_mutex *m, uint64_t now) {
    ROUSE_CHECK_USE_(m, ROUSE_MUTEX_QUEUE_(m));
    return rouse_stats_age_(rouse_stats_oldest_(ROUSE_MUTEX_QUEUE_(m)), now);
}
ROUSE_INLINE_ uint64_t rouse_notify_oldest_ns(rouse_notify *n, uint64_t now) {
    ROUSE_CHECK_USE_(n, ROUSE_NOTIFY_QUEUE_(n));
    return rouse_stats_age_(rouse_stats_oldest_(ROUSE_NOTIFY_QUEUE_(n)), now);
}
ROUSE_INLINE_ uint64_t rouse_event_oldest_ns(rouse_event *e, uint64_t now) {
    ROUSE_CHECK_USE_(e, ROUSE_EVENT_QUEUE_(e));
    return rouse_stats_age_(rouse_stats_oldest_(ROUSE_EVENT_QUEUE_(e)), now);
}
ROUSE_INLINE_ uint64_t rouse_gate_oldest_ns(rouse_gate *g, uint64_t now) {
    ROUSE_CHECK_USE_(g, ROUSE_GATE_QUEUE_(g));
    return rouse_stats_age_(rouse_stats_oldest_(ROUSE_GATE_QUEUE_(g)), now);
}
ROUSE_INLINE_ uint64_t rouse_rwlock_oldest_ns(rouse_rwlock *l, uint64_t now) {
    ROUSE_CHECK_USE_(l, ROUSE_RWLOCK_QUEUE_(l));
    return rouse_stats_age_(rouse_stats_oldest_(ROUSE_RWLOCK_QUEUE_(l)), now);
}
ROUSE_INLINE_ uint64_t rouse_once_oldest_ns(rouse_once *o, uint64_t now) {
    ROUSE_CHECK_USE_(o, ROUSE_ONCE_QUEUE_(o));
    return rouse_stats_age_(rouse_stats_oldest_(ROUSE_ONCE_QUEUE_(o)), now);
}
ROUSE_INLINE_ uint64_t rouse_barrier_oldest_ns(rouse_barrier *b, uint64_t now) {
    uint64_t first;
    uint64_t second;
    ROUSE_CHECK_USE_(b, ROUSE_BARRIER_QUEUE_(b, 0));
    first = rouse_stats_age_(rouse_stats_oldest_(ROUSE_BARRIER_QUEUE_(b, 0)), now);
    second = rouse_stats_age_(rouse_stats_oldest_(ROUSE_BARRIER_QUEUE_(b, 1)), now);
    return first > second ? first : second;
}
ROUSE_INLINE_ uint64_t rouse_limit_oldest_ns(rouse_limit *l, uint64_t now) {
    ROUSE_CHECK_USE_(l, l);
#ifdef ROUSE_STATS
    return rouse_stats_age_(rouse_limit_oldest_(l), now);
#else
    (void)l, (void)now;
    return 0;
#endif
}

#endif /* ROUSE_STATS_H */
