/* examples/primitives/token_bucket.h: a primitive built on the waiter queue: a rate limit whose take never
 * blocks.
 *
 * A task that wants to send takes a token for each byte, message or request. Your timer puts `rate` tokens
 * in, as often as you like; the bucket holds `burst` at most, and drops the excess. The queue is first-in
 * first-out: a large request at the head gets the tokens of several ticks, and smaller ones behind it wait.
 *
 * It is a balance with a cap, and nothing else: rouse_waiter_queue. */
#ifndef EXAMPLE_TOKEN_BUCKET_H
#define EXAMPLE_TOKEN_BUCKET_H

#include <rouse/waiter_queue.h>

/* snippet: token_bucket */
typedef struct token_bucket {
    rouse_waiter_queue queue;
    uint32_t burst;
} token_bucket;

/* Starts full. */
static inline void token_bucket_init(token_bucket *b, uint32_t burst) {
    rouse_waiter_queue_init(&b->queue, burst);
    b->burst = burst;
}

/* ROUSE_OK: n tokens are yours. ROUSE_PENDING: they are when w's wake runs. Else, see
 * rouse_waiter_queue_wait. */
static inline rouse_status token_bucket_take(token_bucket *b, rouse_waiter *w, uint32_t n) {
    return rouse_waiter_queue_wait(&b->queue, w, n);
}

/* A tick: to those who wait, in their order; what is left is kept, up to `burst`. */
static inline void token_bucket_refill(token_bucket *b, uint32_t rate) {
    (void)rouse_waiter_queue_wake(&b->queue, rate, b->burst);
}
/* end snippet */

static inline bool token_bucket_try_take(token_bucket *b, uint32_t n) {
    return rouse_waiter_queue_try_wait(&b->queue, n);
}

/* True: w no longer waits; tokens that it had been given go to those behind it. False: it has all its
 * tokens. */
static inline bool token_bucket_cancel(token_bucket *b, rouse_waiter *w) {
    return rouse_waiter_queue_cancel(&b->queue, w);
}

/* Nobody waits, and no call is in progress but the one that has served the last waiter. */
static inline void token_bucket_destroy(token_bucket *b) {
    rouse_waiter_queue_destroy(&b->queue);
}

#endif /* EXAMPLE_TOKEN_BUCKET_H */
