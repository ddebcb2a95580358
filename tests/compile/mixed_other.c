/* The other of two units that are built with different options. */
#include <rouse/mailbox.h>
#include <rouse/semaphore.h>

int other_unit(rouse_mailbox *mailbox, int (*drain)(rouse_mailbox *mailbox));

static rouse_semaphore mine = ROUSE_SEMAPHORE_INIT(0);
static rouse_semaphore throughput = ROUSE_SEMAPHORE_INIT_THROUGHPUT(0, 5);

static void count_ok(rouse_waiter *w, rouse_status status) {
    *(int *)rouse_waiter_data(w) += status == ROUSE_OK ? 1 : 100;
}
/* The unit that drains asks this unit's backend for an invited waiter. */
static int asked_by_the_other(rouse_mailbox *mailbox, int (*drain)(rouse_mailbox *mailbox)) {
    rouse_waiter w;
    int woken = 0;
    int good;
    rouse_waiter_init_on(&w, mailbox, count_ok, &woken);
    good = rouse_semaphore_acquire(&throughput, &w, 1) == ROUSE_PENDING &&
           rouse_semaphore_release(&throughput, 1) == ROUSE_OK;
    good = good && woken == 0 && drain(mailbox) == 1 && woken == 1;
    good = good && rouse_semaphore_available(&throughput) == 0;
    rouse_semaphore_destroy(&throughput);
    return good;
}

int other_unit(rouse_mailbox *mailbox, int (*drain)(rouse_mailbox *mailbox)) {
    rouse_waiter w;
    int good;
    rouse_waiter_init(&w, NULL, NULL);
    good = rouse_semaphore_acquire(&mine, &w, 1) == ROUSE_PENDING &&
           rouse_semaphore_release(&mine, 1) == ROUSE_OK;
    good = good && rouse_waiter_status(&w) == ROUSE_OK;
    rouse_semaphore_destroy(&mine);
    return good && asked_by_the_other(mailbox, drain);
}
