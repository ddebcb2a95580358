/* examples/adaptive_limit.h: a limit on concurrency that finds itself, from the latency it sees.
 *
 * As long as a backend has room, latency does not depend on how many requests it has; from then on requests
 * queue in it, and latency grows in proportion. With `best` the lowest latency seen, limit * (1 - best /
 * latency) estimates how many of the requests queue there (TCP Vegas does this for packets). Fewer than one:
 * one permit more. More than three: one less. Looked at once for every `limit` answers.
 *
 * Growing is rouse_semaphore_release. Shrinking is rouse_semaphore_reduce for a permit that is free; if all
 * are in use, the next one that comes back is kept instead of released.
 *
 * For one loop: answers are counted on its thread. Acquire and cancel on `permits` as on any semaphore. */
#ifndef EXAMPLE_ADAPTIVE_LIMIT_H
#define EXAMPLE_ADAPTIVE_LIMIT_H

#include <rouse/semaphore.h>

typedef struct adaptive_limit {
    rouse_semaphore permits;
    uint32_t limit, least, most;
    uint32_t excess;  /* permits in use that are to be kept when they come back */
    uint64_t best;    /* the lowest latency so far                              */
    uint64_t sum;     /* of the latencies since the last look                   */
    uint32_t answers; /* since the last look                                    */
} adaptive_limit;

/* 1 <= least <= start <= most <= ROUSE_MAX_PERMITS. */
static inline void adaptive_limit_init(adaptive_limit *a, uint32_t start, uint32_t least, uint32_t most) {
    rouse_semaphore_init(&a->permits, start);
    a->limit = start;
    a->least = least;
    a->most = most;
    a->excess = 0;
    a->best = UINT64_MAX;
    a->sum = 0;
    a->answers = 0;
}

/* snippet: resize */
static inline void adaptive_limit_grow_(adaptive_limit *a) {
    a->limit++;
    if (a->excess > 0) {
        a->excess--; /* one that was to be kept may come back after all */
    } else {
        (void)rouse_semaphore_release(&a->permits, 1);
    }
}

static inline void adaptive_limit_shrink_(adaptive_limit *a) {
    a->limit--;
    if (rouse_semaphore_reduce(&a->permits, 1) == 0) {
        a->excess++; /* all are in use */
    }
}

/* Also for who has a permit and no latency to tell: the request failed, or its cancel came too late. */
static inline void adaptive_limit_give_back(adaptive_limit *a) {
    if (a->excess > 0) {
        a->excess--;
    } else {
        (void)rouse_semaphore_release(&a->permits, 1);
    }
}
/* end snippet */

static inline void adaptive_limit_look_(adaptive_limit *a) {
    enum { QUEUE_LOW = 10, QUEUE_HIGH = 30 }; /* tenths of a request */
    const uint64_t latency = a->sum / a->answers;
    const uint64_t queued = 10 * a->limit * (latency - a->best) / latency;
    a->sum = 0;
    a->answers = 0;
    if (queued < QUEUE_LOW && a->limit < a->most) {
        adaptive_limit_grow_(a);
    } else if (queued > QUEUE_HIGH && a->limit > a->least) {
        adaptive_limit_shrink_(a);
    }
}

/* An answer has come: gives its permit back. latency: more than 0, in any unit. */
static inline void adaptive_limit_answered(adaptive_limit *a, uint64_t latency) {
    if (latency < a->best) {
        a->best = latency;
    }
    a->sum += latency;
    a->answers++;
    if (a->answers >= a->limit) {
        adaptive_limit_look_(a);
    }
    adaptive_limit_give_back(a);
}

/* Nobody waits for `permits`. */
static inline void adaptive_limit_destroy(adaptive_limit *a) {
    rouse_semaphore_destroy(&a->permits);
}

#endif /* EXAMPLE_ADAPTIVE_LIMIT_H */
