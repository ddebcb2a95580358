/* examples/common/timers.h: loop_start_timer and loop_stop_timer for loops that have no timers but a time-out
 * when they wait. All timers of a server take equally long, so the first to start is the first to run out: a
 * list does. */
#ifndef EXAMPLE_TIMERS_H
#define EXAMPLE_TIMERS_H

#include "service.h"

#include <sys/queue.h>

/* A client with a timer; a loop puts it at the start of its connection. */
typedef struct timed_client {
    client client;
    bool runs;
    uint64_t deadline;
    TAILQ_ENTRY(timed_client) by_time;
} timed_client;

/* Runs the timers that are due; the milliseconds until the next one, -1: there is none. */
int timers_run(void);

#endif /* EXAMPLE_TIMERS_H */
