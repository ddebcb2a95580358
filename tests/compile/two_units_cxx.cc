// The C++ unit.
#include "two_units.h"

#include <cstddef>

rouse_semaphore from_cxx = ROUSE_SEMAPHORE_INIT(3);
rouse_notify zero_from_cxx;

extern "C" int release_in_cxx(rouse_semaphore *s) {
    return rouse_semaphore_release(s, 1) == ROUSE_OK ? 0 : 1;
}

static void count_kick(void *arg) {
    ++*static_cast<int *>(arg);
}

static void count_wake(rouse_waiter *w, rouse_status) {
    ++*static_cast<int *>(rouse_waiter_data(w));
}

extern "C" int exercise_in_cxx(void) {
    rouse_mutex mutex = ROUSE_MUTEX_INIT;
    rouse_waiter_queue queue = ROUSE_WAITER_QUEUE_INIT(0);
    rouse_mailbox mailbox;
    rouse_waiter waiter;
    int kicks = 0;
    int wakes = 0;
    bool good = true;
    rouse_waiter_init(&waiter, nullptr, nullptr);
    good = good && rouse_notify_wait(&zero_from_cxx, &waiter) == ROUSE_OK; // stored by the C unit
    good = good && rouse_mutex_try_lock(&mutex) && rouse_mutex_unlock(&mutex) == ROUSE_OK;
#if ROUSE_BACKEND != ROUSE_BACKEND_LOCAL
    good = good && rouse_mutex_lock_blocking(&mutex) == ROUSE_OK && rouse_mutex_unlock(&mutex) == ROUSE_OK;
#endif
    good = good && rouse_waiter_queue_wait(&queue, &waiter, 1) == ROUSE_PENDING;
    good = good && rouse_waiter_queue_cancel(&queue, &waiter);
    rouse_mailbox_init(&mailbox, count_kick, &kicks);
    rouse_waiter_init_on(&waiter, &mailbox, count_wake, &wakes);
    good = good && rouse_waiter_queue_wait(&queue, &waiter, 1) == ROUSE_PENDING;
    good = good && rouse_waiter_queue_wake_one(&queue) && kicks == 1 && wakes == 0;
    good = good && rouse_mailbox_drain(&mailbox) == 1 && wakes == 1;
    rouse_mailbox_destroy(&mailbox);
    rouse_waiter_queue_destroy(&queue);
    rouse_mutex_destroy(&mutex);
    rouse_notify_destroy(&zero_from_cxx);
    return good ? 0 : 1;
}
