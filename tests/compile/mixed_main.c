/* One of two units that are built with different options; each uses its own objects. */
#include <rouse/mailbox.h>
#include <rouse/semaphore.h>

int other_unit(rouse_mailbox *mailbox, int (*drain)(rouse_mailbox *mailbox));

/* Wakes of the other unit's waiters run in this unit's drain, with whatever backend. */
static int drain(rouse_mailbox *mailbox) {
    return (int)rouse_mailbox_drain(mailbox);
}

static rouse_semaphore mine = ROUSE_SEMAPHORE_INIT(1);

int main(void) {
    rouse_mailbox mailbox;
    const int good = rouse_semaphore_try_acquire(&mine, 1) && rouse_semaphore_release(&mine, 1) == ROUSE_OK;
    rouse_semaphore_destroy(&mine);
    rouse_mailbox_init(&mailbox, NULL, NULL);
    return good && other_unit(&mailbox, drain) ? 0 : 1;
}
