/* The other of two units that are built with different options. */
#include <rouse/semaphore.h>

int other_unit(void);

static rouse_semaphore mine = ROUSE_SEMAPHORE_INIT(0);

int other_unit(void) {
    rouse_waiter w;
    int good;
    rouse_waiter_init(&w, NULL, NULL);
    good = rouse_semaphore_acquire(&mine, &w, 1) == ROUSE_PENDING &&
           rouse_semaphore_release(&mine, 1) == ROUSE_OK;
    good = good && rouse_waiter_status(&w) == ROUSE_OK;
    rouse_semaphore_destroy(&mine);
    return good;
}
