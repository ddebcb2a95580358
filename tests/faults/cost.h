/* tests/faults/cost.h: what a call costs, in atomic operations and in calls of the platform's lock. Include it
 * before the library. */
#ifndef ROUSE_TESTS_FAULTS_COST_H
#define ROUSE_TESTS_FAULTS_COST_H

#include "seam.h"

#include <pthread.h>

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "../support/check.h"

/* How often MUTEX has locked. Its lock and unlock are a read-modify-write each, which the seam does not see. */
static uint64_t cost_locks;

static inline int cost_lock(pthread_mutex_t *mutex) {
    cost_locks++;
    return pthread_mutex_lock(mutex);
}
#define pthread_mutex_lock(mutex) cost_lock(mutex)

#define COST_MOST 64

typedef struct row {
    const char *what;
    double most_rmw, most_loads, most_locks;
    uint64_t calls;
    uint64_t rmw, loads, locks;
    uint64_t frequency[COST_MOST]; /* how many calls cost that many read-modify-writes */
} row;

typedef struct cost_moment {
    seam_state seam;
    uint64_t locks;
} cost_moment;

static inline cost_moment cost_now(void) {
    const cost_moment now = {seam, cost_locks};
    return now;
}

/* Adds what has been counted since `before`, for `calls` calls. */
static inline void note_many(row *r, const cost_moment *before, uint32_t calls) {
    const uint64_t rmw = seam.rmw - before->seam.rmw;
    CHECK(rmw / calls < COST_MOST);
    r->calls += calls;
    r->rmw += rmw;
    r->loads += seam.load - before->seam.load;
    r->locks += cost_locks - before->locks;
    r->frequency[rmw / calls]++;
}

/* Counts what `call` costs. */
#define COUNT(r, call)                          \
    do {                                        \
        const cost_moment before_ = cost_now(); \
        CHECK(call);                            \
        note_many((r), &before_, 1);            \
    } while (0)

static inline bool show(const row *r) {
    const double calls = (double)r->calls;
    const double rmw = (double)r->rmw / calls;
    const double loads = (double)r->loads / calls;
    const double locks = (double)r->locks / calls;
    const bool within = rmw <= r->most_rmw && loads <= r->most_loads && locks <= r->most_locks;
    unsigned usual = 0;
    for (unsigned i = 0; i < COST_MOST; i++) {
        usual = r->frequency[i] > r->frequency[usual] ? i : usual;
    }
    printf("  %-52s usually %2u, average %6.3f, bound %.2f; loads %7.3f, bound %.2f; locks %5.3f, bound "
           "%.2f%s\n",
           r->what, usual, rmw, r->most_rmw, loads, r->most_loads, locks, r->most_locks,
           within ? "" : "   <-- too many");
    return within;
}

#endif /* ROUSE_TESTS_FAULTS_COST_H */
