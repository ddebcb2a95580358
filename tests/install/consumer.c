/* What every way of getting rouse must be able to build: two files that share objects, C or C++. */
#ifdef CONSUMER_SINGLE_FILE
#    include "rouse_single.h"
#else
#    include <rouse/rouse.h>
#endif

#include <stdio.h>

void give_back(rouse_semaphore *limit); /* other.c */

static rouse_semaphore limit = ROUSE_SEMAPHORE_INIT(1);
static int woken;

static void on_wake(rouse_waiter *w, rouse_status status) {
    *(int *)rouse_waiter_data(w) += status == ROUSE_OK ? 1 : 100;
}

/* The second asks while the first holds the only permit: it is woken by the other file's release. */
static bool semaphore_works(void) {
    rouse_waiter first, second;
    rouse_waiter_init(&first, on_wake, &woken);
    rouse_waiter_init(&second, on_wake, &woken);
    if (rouse_semaphore_acquire(&limit, &first, 1) != ROUSE_OK ||
        rouse_semaphore_acquire(&limit, &second, 1) != ROUSE_PENDING || woken != 0) {
        return false;
    }
    give_back(&limit);
    return woken == 1 && rouse_waiter_status(&second) == ROUSE_OK && rouse_semaphore_available(&limit) == 0;
}

static bool others_work(void) {
    rouse_mutex mutex = ROUSE_MUTEX_INIT;
    rouse_notify notify = ROUSE_NOTIFY_INIT;
    bool ok;
    rouse_notify_one(&notify);
    ok = rouse_mutex_lock_blocking(&mutex) == ROUSE_OK && rouse_mutex_unlock(&mutex) == ROUSE_OK &&
         rouse_notify_wait_blocking(&notify) == ROUSE_OK &&
         rouse_notify_wait_timed(&notify, 1) == ROUSE_TIMEDOUT;
    rouse_mutex_destroy(&mutex);
    rouse_notify_destroy(&notify);
    return ok;
}

int main(void) {
    const bool ok = semaphore_works() && others_work();
    rouse_semaphore_destroy(&limit);
    printf("consumer: rouse %s, backend %d: %s\n", ROUSE_VERSION_STRING, ROUSE_BACKEND, ok ? "ok" : "FAILED");
    return ok ? 0 : 1;
}
