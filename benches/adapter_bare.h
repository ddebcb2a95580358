/* benches/adapter_bare.h: a semaphore that is one word and never waits: what a pair of atomic operations takes at
 * least between the tasks of a run queue. An acquire is a load and a compare-and-swap. BARE_RELEASE says what a
 * release is:
 *
 *   BARE_ADD              one addition
 *   BARE_NEIGHBOUR_ADD    it looks at the word next to it, on the same line, before it adds
 *   BARE_LOOK_ADD         it looks at the word before it adds
 *   BARE_CAS              a load and a compare-and-swap
 *   BARE_GUESS            a compare-and-swap from a guess, which both calls keep in the word next to it
 *
 * W3spawn with no more tasks than permits, and nothing else. */
#ifndef ROUSE_BENCH_ADAPTER_H
#define ROUSE_BENCH_ADAPTER_H

#include "bench.h"
#include "executor.h"

#define C_TASKS       1
#define C_ONE_THREAD  1
#define C_NEVER_WAITS 1
#define C_SPAWN_ONLY  1

#define BARE_ADD           0
#define BARE_NEIGHBOUR_ADD 1
#define BARE_LOOK_ADD      2
#define BARE_CAS           3
#define BARE_GUESS         4

/* As large as a waiter of rouse, so that the tasks lie in memory as there. */
typedef struct c_wait {
    void *unused[7];
} c_wait;
typedef struct c_sem {
    _Atomic uint64_t word;
    _Atomic uint64_t neighbour;
} c_sem;

static inline void c_wait_init(c_wait *w, task *t) {
    (void)w;
    (void)t;
}
static inline void c_wait_destroy(c_wait *w) {
    (void)w;
}

static inline void c_sem_init(c_sem *s, uint32_t permits) {
    atomic_init(&s->word, permits);
    atomic_init(&s->neighbour, permits);
}
static inline void c_sem_destroy(c_sem *s) {
    (void)s;
}
static inline uint64_t bare_look(c_sem *s) {
    return atomic_load_explicit(BARE_RELEASE == BARE_GUESS ? &s->neighbour : &s->word, memory_order_relaxed);
}
/* seen -> after. The guess is stored before, because after a release another thread may end the semaphore. */
static inline bool bare_change(c_sem *s, uint64_t *seen, uint64_t after) {
    if (BARE_RELEASE == BARE_GUESS) {
        atomic_store_explicit(&s->neighbour, after, memory_order_relaxed);
    }
    return atomic_compare_exchange_strong_explicit(&s->word, seen, after, memory_order_acq_rel,
                                                   memory_order_relaxed);
}

static inline bool c_sem_acquire(c_sem *s, c_wait *w, uint32_t n) {
    uint64_t seen = bare_look(s);
    (void)w;
    do {
        if (seen < n) {
            bench_die("a semaphore that never waits is empty");
        }
    } while (!bare_change(s, &seen, seen - n));
    return true;
}
static inline bool c_sem_resume(c_sem *s, c_wait *w) {
    (void)s;
    (void)w;
    return true;
}
static inline void c_sem_release(c_sem *s, uint32_t n) {
    uint64_t seen = 0;
    if (BARE_RELEASE == BARE_NEIGHBOUR_ADD) {
        seen = atomic_load_explicit(&s->neighbour, memory_order_relaxed);
    } else if (BARE_RELEASE != BARE_ADD) {
        seen = bare_look(s);
    }
    do {
        if (seen > UINT32_MAX) {
            bench_die("a semaphore is too full");
        }
        if (BARE_RELEASE < BARE_CAS) {
            (void)atomic_fetch_add_explicit(&s->word, n, memory_order_acq_rel);
            return;
        }
    } while (!bare_change(s, &seen, seen + n));
}

#endif /* ROUSE_BENCH_ADAPTER_H */
