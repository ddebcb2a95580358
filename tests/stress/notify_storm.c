/* notify_all against waiters that queue again in their wake, notify_one, cancels and pass_on. Each waiter
 * is woken once for each time that it queued. notify_all wakes no more than were waiting. No two waiters
 * get the same notification of notify_one. */
#include "stress.h"

enum { LOOPERS = 64 };

static rouse_notify notify;
static atomic_ullong waits;        /* queued                                              */
static atomic_ullong wakes;        /* wakes that ran                                      */
static atomic_ullong woken_by_all; /* as notify_all counted them                         */
static atomic_ullong ones;         /* notify_one called, by itself or by pass_on          */
static atomic_ullong at_once;      /* waits that found a stored notification              */
static atomic_ullong cancelled;
static atomic_bool stop;

/* A waiter that queues again whenever it is woken. */
typedef struct looper {
    rouse_waiter waiter;
    atomic_uint queued;
} looper;

static looper loopers[LOOPERS];

static void loop_again(looper *l) {
    while (!atomic_load(&stop)) {
        CHECK(atomic_fetch_add(&l->queued, 1) == 0);
        atomic_fetch_add(&waits, 1);
        if (rouse_notify_wait(&notify, &l->waiter) == ROUSE_PENDING) {
            return;
        }
        atomic_fetch_sub(&l->queued, 1);
        atomic_fetch_sub(&waits, 1);
        atomic_fetch_add(&at_once, 1);
    }
}

static void looper_wake(rouse_waiter *w, rouse_status status) {
    looper *const l = (looper *)rouse_waiter_data(w);
    CHECK(status == ROUSE_OK);
    CHECK(atomic_fetch_sub(&l->queued, 1) == 1);
    atomic_fetch_add(&wakes, 1);
    loop_again(l);
}

/* A polled waiter that gives up after a moment, and passes on what it did not want. */
static void wait_briefly(dice *d) {
    rouse_waiter w;
    rouse_waiter_init(&w, NULL, NULL);
    if (rouse_notify_wait(&notify, &w) != ROUSE_PENDING) {
        atomic_fetch_add(&at_once, 1);
        return;
    }
    dawdle(d);
    atomic_fetch_add(&waits, 1);
    if (rouse_notify_cancel(&notify, &w)) {
        atomic_fetch_add(&cancelled, 1);
        return;
    }
    CHECK(rouse_waiter_status(&w) == ROUSE_OK);
    atomic_fetch_add(&wakes, 1);
    atomic_fetch_add(&ones, 1);
    rouse_notify_pass_on(&notify, &w);
}

static void *work(void *number) {
    dice d;
    dice_init(&d, (uintptr_t)number);
    while (!time_is_up()) {
        switch (roll(&d, 4)) {
        case 0:
            atomic_fetch_add(&woken_by_all, rouse_notify_all(&notify));
            break;
        case 1:
            atomic_fetch_add(&ones, 1);
            rouse_notify_one(&notify);
            break;
        default:
            wait_briefly(&d);
            break;
        }
    }
    return NULL;
}

int main(int argc, char **argv) {
    unsigned long long left;
    stress_begin(argc, argv);
    for (int i = 0; i < LOOPERS; i++) {
        rouse_waiter_init(&loopers[i].waiter, looper_wake, &loopers[i]);
        atomic_init(&loopers[i].queued, 0);
        loop_again(&loopers[i]);
    }
    run_threads(work);
    atomic_store(&stop, true);
    left = rouse_notify_all(&notify);
    CHECK(left == LOOPERS);
    CHECK(rouse_notify_all(&notify) == 0);
    for (int i = 0; i < LOOPERS; i++) {
        CHECK(atomic_load(&loopers[i].queued) == 0);
    }
    atomic_fetch_add(&woken_by_all, left);
    CHECK(atomic_load(&waits) == atomic_load(&wakes) + atomic_load(&cancelled));
    CHECK(atomic_load(&wakes) >= atomic_load(&woken_by_all));
    /* Every wake or stored notification that was not notify_all's was paid for by a notify_one. */
    CHECK(atomic_load(&wakes) - atomic_load(&woken_by_all) + atomic_load(&at_once) <= atomic_load(&ones));
    CHECK(atomic_load(&cancelled) > 0 && atomic_load(&woken_by_all) > left);
    rouse_notify_destroy(&notify);
    printf("%llu wakes, %llu of them by notify_all, %llu cancelled\n", atomic_load(&wakes),
           atomic_load(&woken_by_all), atomic_load(&cancelled));
    return 0;
}
