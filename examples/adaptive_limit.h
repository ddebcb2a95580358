/* examples/adaptive_limit.h: a limit on concurrency that finds itself, from the latency it sees.
 *
 * As long as a backend has room, latency does not depend on how many requests it has; from then on requests
 * queue in it, and latency grows in proportion. With `best` the lowest latency seen, limit * (1 - best /
 * latency) estimates how many of the requests queue there (TCP Vegas does this for packets). Fewer than one:
 * one permit more. More than three: one less. Looked at once for every `limit` answers.
 *
 * Growing and shrinking are rouse_limit_set; what is in use above a smaller limit pays for it when it comes back.
 *
 * For one loop: answers are counted on its thread. Acquire, cancel and give back on `permits`, as on any limit. */
#ifndef EXAMPLE_ADAPTIVE_LIMIT_H
#define EXAMPLE_ADAPTIVE_LIMIT_H

#include <rouse/limit.h>

typedef struct adaptive_limit {
    rouse_limit permits;
    uint32_t least, most;
    uint64_t best;    /* the lowest latency so far            */
    uint64_t sum;     /* of the latencies since the last look */
    uint32_t answers; /* since the last look                  */
} adaptive_limit;

/* 1 <= least <= start <= most <= ROUSE_MAX_PERMITS. */
static inline void adaptive_limit_init(adaptive_limit *a, uint32_t start, uint32_t least, uint32_t most) {
    (void)rouse_limit_init(&a->permits, start, UINT32_MAX);
    a->least = least;
    a->most = most;
    a->best = UINT64_MAX;
    a->sum = 0;
    a->answers = 0;
}

static inline void adaptive_limit_look_(adaptive_limit *a) {
    enum { QUEUE_LOW = 10, QUEUE_HIGH = 30 }; /* tenths of a request */
    const uint32_t limit = rouse_limit_permits(&a->permits);
    const uint64_t latency = a->sum / a->answers;
    const uint64_t queued = 10 * limit * (latency - a->best) / latency;
    a->sum = 0;
    a->answers = 0;
    if (queued < QUEUE_LOW && limit < a->most) {
        (void)rouse_limit_set(&a->permits, limit + 1);
    } else if (queued > QUEUE_HIGH && limit > a->least) {
        (void)rouse_limit_set(&a->permits, limit - 1);
    }
}

/* An answer has come: gives its permit back. latency: more than 0, in any unit. */
static inline void adaptive_limit_answered(adaptive_limit *a, uint64_t latency) {
    if (latency < a->best) {
        a->best = latency;
    }
    a->sum += latency;
    a->answers++;
    if (a->answers >= rouse_limit_permits(&a->permits)) {
        adaptive_limit_look_(a);
    }
    (void)rouse_limit_give_back(&a->permits, 1);
}

/* Nobody waits for `permits`. */
static inline void adaptive_limit_destroy(adaptive_limit *a) {
    rouse_limit_destroy(&a->permits);
}

#endif /* EXAMPLE_ADAPTIVE_LIMIT_H */
