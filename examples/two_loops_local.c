/* examples/two_loops_local.c: the unit of two_loops.c that is built with ROUSE_BACKEND_LOCAL. Each thread has a
 * semaphore of its own, which no other thread touches, so it needs no atomic operation. */
#undef ROUSE_BACKEND /* the tests give the whole program another one */
/* snippet: local-slots */
#define ROUSE_BACKEND        ROUSE_BACKEND_LOCAL /* of this unit alone */
#define ROUSE_MIXED_BACKENDS                     /* so the program starts all the same */
#include <rouse/semaphore.h>

#include "two_loops.h"

static _Thread_local rouse_semaphore slots;
static _Thread_local struct {
    rouse_waiter waiter;
    void (*go)(int job);
} places[JOBS];

static void on_slot(rouse_waiter *w, rouse_status status) {
    const int *const job = rouse_waiter_data(w);
    (void)status; /* never closed */
    places[*job].go(*job);
}

void slots_take(int job, void (*go)(int job)) {
    static const int numbers[JOBS] = {0, 1, 2, 3};
    places[job].go = go;
    rouse_waiter_init(&places[job].waiter, on_slot, (void *)&numbers[job]);
    if (rouse_semaphore_acquire(&slots, &places[job].waiter, 1) == ROUSE_OK) {
        go(job);
    }
}
/* end snippet */

void slots_give(void) {
    (void)rouse_semaphore_release(&slots, 1);
}

void slots_open(unsigned count) {
    (void)rouse_semaphore_init(&slots, count);
}

void slots_close(void) {
    rouse_semaphore_destroy(&slots);
}
