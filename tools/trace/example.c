/* An example of ROUSE_TRACE: three requests share one permit, a fourth is cancelled, a fifth finds the door closed.
 * Writes the log to standard output:  ./trace-example | tools/trace_timeline.py */
#include "rouse_trace.h"

#include <rouse/rouse.h>

static rouse_semaphore limit = ROUSE_SEMAPHORE_INIT(1);
static rouse_waiter requests[5];

static void done(rouse_waiter *w, rouse_status status) {
    (void)w;
    if (status == ROUSE_OK) {
        (void)rouse_semaphore_release(&limit, 1);
    }
}

int main(void) {
    int i;
    for (i = 0; i < 5; i++) {
        rouse_waiter_init(&requests[i], done, NULL);
        if (i < 4) {
            (void)rouse_semaphore_acquire(&limit, &requests[i], 1);
        }
    }
    (void)rouse_semaphore_cancel(&limit, &requests[2]);
    (void)rouse_semaphore_release(&limit, 1);
    (void)rouse_semaphore_acquire(&limit, &requests[4], 2);
    (void)rouse_semaphore_close(&limit);
    rouse_trace_write(stdout);
    return 0;
}
