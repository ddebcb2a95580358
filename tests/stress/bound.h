/* The bound of throughput mode, counted by those who get in.
 *
 * A thread that has a permit knows how it got it: as a newcomer, or as a waiter in its turn. With one permit the
 * test counts newcomers from one waiter's turn to the next, if it knows that some waiter waited all the time.
 * (That waiter was queued when the first turn began, and never gives up.) The count may not exceed the bound.
 * And a waiter that never gives up knows how many newcomers and how many other waiters got in while it
 * waited. A bound of 0 is strict mode. */
#ifndef ROUSE_TESTS_STRESS_BOUND_H
#define ROUSE_TESTS_STRESS_BOUND_H

#include "stress.h"

typedef enum how { NEWCOMER, IN_TURN, UNKNOWN } how;

static struct {
    atomic_int waiting;      /* waiters known to be queued that never give up */
    atomic_ullong newcomers; /* permits that they took */
    atomic_ullong turns;
    /* under the only permit */
    unsigned long long first;
    unsigned long long second;
    unsigned in_a_row;
    bool counting;
} bound;

static inline unsigned long long bound_newcomers(void) {
    return atomic_load(&bound.newcomers);
}
static inline unsigned long long bound_turns(void) {
    return atomic_load(&bound.turns);
}

/* By the thread that has the only permit. */
static inline void bound_alone(how came, uint32_t most) {
    CHECK(bound.first == bound.second);
    bound.first++;
    if (came == NEWCOMER) {
        bound.in_a_row++;
        CHECK(!bound.counting || bound.in_a_row <= most);
    } else {
        bound.in_a_row = 0;
        bound.counting = came == IN_TURN && atomic_load(&bound.waiting) > 0;
    }
    bound.second++;
}
/* By a thread that has n permits. */
static inline void bound_count(how came, uint32_t n) {
    if (came == NEWCOMER) {
        atomic_fetch_add(&bound.newcomers, n);
    } else {
        atomic_fetch_add(&bound.turns, 1);
    }
}

/* A waiter that waits until it has had its turn: how often was it overtaken? */
typedef struct patience {
    unsigned long long newcomers;
    unsigned long long turns;
} patience;
static inline patience bound_wait(void) {
    patience p;
    atomic_fetch_add(&bound.waiting, 1);
    p.turns = atomic_load(&bound.turns);
    p.newcomers = atomic_load(&bound.newcomers);
    return p;
}
/* A waiter that asks inside its wake may have its turn before its thread knows that it is queued, and then is not
 * counted. Its wake must not wait for that thread: with LOCKFREE a limit's acquire may run wakes, so two threads
 * could wait for each other. */
enum { NOT_YET, COUNTS, COUNTED, EARLY };
static inline void bound_wait_unless_early(atomic_int *begun, patience *p) {
    int seen = NOT_YET;
    if (atomic_compare_exchange_strong(begun, &seen, COUNTS)) {
        *p = bound_wait();
        atomic_store(begun, COUNTED);
    }
}
/* In its wake: is it counted? */
static inline bool bound_is_counted(atomic_int *begun) {
    int seen = NOT_YET;
    if (atomic_compare_exchange_strong(begun, &seen, EARLY)) {
        return false;
    }
    while ((seen = atomic_load(begun)) == COUNTS) { /* a few instructions, no call of the library */
        sched_yield();
    }
    return seen == COUNTED;
}
/* It has had its turn; `seen` newcomers got in before it asked. The holders of a permit at the moment when it
 * queues, or asks, may be counted later, hence the `permits`. */
static inline void bound_waited(const patience *p, unsigned long long seen, uint32_t permits, uint32_t most) {
    const unsigned long long before = seen - p->newcomers;
    CHECK(seen < p->newcomers || before <= (bound_turns() - p->turns + permits) * most + permits);
    atomic_fetch_sub(&bound.waiting, 1);
}

#endif /* ROUSE_TESTS_STRESS_BOUND_H */
