/* rouse/detail/loop/timeout.h: what the headers of loop/ share: how long a loop may sleep. Internal. */
#ifndef ROUSE_DETAIL_LOOP_TIMEOUT_H
#define ROUSE_DETAIL_LOOP_TIMEOUT_H

#include "../../deadline.h"

#include <limits.h>
#include <stdint.h>

/* Returns the milliseconds from now to the first deadline, rounded up, so that a loop that sleeps for that
 * long finds it due. 0: it is due; -1: there is none. */
ROUSE_INLINE_ int rouse_timeout_ms_(const rouse_deadlines *d, uint64_t now) {
    const uint64_t next = rouse_deadlines_next(d);
    const uint64_t ms = next <= now ? 0 : (next - now - 1) / 1000000u + 1;
    if (next == UINT64_MAX) {
        return -1;
    }
    return ms < (uint64_t)INT_MAX ? (int)ms : INT_MAX;
}

#endif /* ROUSE_DETAIL_LOOP_TIMEOUT_H */
