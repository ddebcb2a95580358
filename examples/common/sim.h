/* examples/common/sim.h: an event loop with a simulated clock. What runs, and when, is the same on every
 * machine. Header-only, C11 and C++. */
#ifndef EXAMPLE_SIM_H
#define EXAMPLE_SIM_H

#include <stddef.h>
#include <stdint.h>

/* Something that is to run at a certain time; the caller's memory until it runs. */
typedef struct sim_event {
    uint64_t at;
    void (*run)(void *arg);
    void *arg;
    struct sim_event *next;
} sim_event;

typedef struct sim {
    uint64_t now;
    sim_event *first; /* in order of time; those of the same time in the order in which they were added */
} sim;

static inline void sim_after(sim *s, sim_event *e, uint64_t delay, void (*run)(void *arg), void *arg) {
    sim_event **place = &s->first;
    e->at = s->now + delay;
    e->run = run;
    e->arg = arg;
    while (*place != NULL && (*place)->at <= e->at) {
        place = &(*place)->next;
    }
    e->next = *place;
    *place = e;
}

/* Until nothing is left to run. */
static inline void sim_run(sim *s) {
    while (s->first != NULL) {
        sim_event *e = s->first;
        s->first = e->next;
        s->now = e->at;
        e->run(e->arg);
    }
}

#endif /* EXAMPLE_SIM_H */
