/* tests/support/random.h: random numbers, the same on every machine (xorshift64*). */
#ifndef ROUSE_TESTS_SUPPORT_RANDOM_H
#define ROUSE_TESTS_SUPPORT_RANDOM_H

#include <stdint.h>

typedef struct dice {
    uint64_t state;
} dice;

/* Different seeds, and different threads of one seed, have different numbers. */
static inline void dice_seed(dice *d, uint64_t seed, uint64_t thread) {
    d->state = (seed * 1000003u + thread + 1) * UINT64_C(0x9E3779B97F4A7C15) | 1u;
}

/* From 0 to below - 1. */
static inline uint32_t roll(dice *d, uint32_t below) {
    d->state ^= d->state >> 12;
    d->state ^= d->state << 25;
    d->state ^= d->state >> 27;
    return (uint32_t)((d->state * UINT64_C(2685821657736338717)) >> 33) % below;
}

#endif /* ROUSE_TESTS_SUPPORT_RANDOM_H */
