/* One of two units that are built with different options; each uses objects of its own. */
#include <rouse/semaphore.h>

int other_unit(void);

static rouse_semaphore mine = ROUSE_SEMAPHORE_INIT(1);

int main(void) {
    const int good = rouse_semaphore_try_acquire(&mine, 1) && rouse_semaphore_release(&mine, 1) == ROUSE_OK;
    rouse_semaphore_destroy(&mine);
    return good && other_unit() ? 0 : 1;
}
