/* An example of static probes (rouse_usdt.h): a hundred tasks share one permit, in turn. Each is queued, and is granted
 * by the one before it, so the probe is met with "queue", "grant" and "wake" 99 times each. */
#include "rouse_usdt.h"

#include <rouse/rouse.h>

static rouse_semaphore limit = ROUSE_SEMAPHORE_INIT(1);
static rouse_waiter tasks[100];

static void done(rouse_waiter *w, rouse_status status) {
    (void)w;
    if (status == ROUSE_OK) {
        (void)rouse_semaphore_release(&limit, 1);
    }
}

int main(void) {
    int queued = 0;
    for (int i = 0; i < 100; i++) {
        rouse_waiter_init(&tasks[i], done, NULL);
        queued += rouse_semaphore_acquire(&limit, &tasks[i], 1) == ROUSE_PENDING ? 1 : 0;
    }
    (void)rouse_semaphore_release(&limit, 1);
    return queued == 99 ? 0 : 1;
}
