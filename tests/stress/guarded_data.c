/* What a holder writes to plain memory, the next holder sees: a mutex guards two plain numbers, and is taken in every
 * way there is. ThreadSanitizer looks for the edges; without it, a lost update shows. */
#include "stress.h"

enum { LOOPS = 4 };

static rouse_mutex mutex = ROUSE_MUTEX_INIT;
static unsigned long long first;
static unsigned long long second;
static atomic_ullong sections;

static void section(void) {
    CHECK(first == second);
    first++;
    second++;
    atomic_fetch_add_explicit(&sections, 1, memory_order_relaxed);
    CHECK(rouse_mutex_unlock(&mutex) == ROUSE_OK);
}

/* A waiter whose wake runs on the unlocking thread, and tells its own by a flag. */
typedef struct request {
    rouse_waiter waiter;
    atomic_bool done;
} request;

static void request_wake(rouse_waiter *w, rouse_status status) {
    request *const r = (request *)rouse_waiter_data(w);
    CHECK(status == ROUSE_OK);
    section();
    atomic_store(&r->done, true);
}

static void lock_with_wake(void) {
    request r;
    rouse_waiter_init(&r.waiter, request_wake, &r);
    atomic_init(&r.done, false);
    if (rouse_mutex_lock(&mutex, &r.waiter) == ROUSE_OK) {
        section();
        return;
    }
    while (!atomic_load(&r.done)) {
        sched_yield();
    }
}

static void lock_polled(dice *d, bool cancel) {
    rouse_waiter w;
    rouse_waiter_init(&w, NULL, NULL);
    if (rouse_mutex_lock(&mutex, &w) == ROUSE_PENDING) {
        if (cancel) {
            dawdle(d);
            if (rouse_mutex_cancel(&mutex, &w)) {
                return;
            }
        }
        CHECK(await_outcome(&w) == ROUSE_OK);
    }
    section();
}

static void *work(void *number) {
    dice d;
    dice_init(&d, (uintptr_t)number);
    while (!time_is_up()) {
        switch (roll(&d, 6)) {
        case 0:
            if (rouse_mutex_try_lock(&mutex)) {
                section();
            }
            break;
        case 1:
            lock_with_wake();
            break;
        case 2:
            lock_polled(&d, false);
            break;
        case 3:
            lock_polled(&d, true);
            break;
        case 4:
            if (rouse_mutex_lock_timed(&mutex, roll(&d, 50000)) == ROUSE_OK) {
                section();
            }
            break;
        default:
            CHECK(rouse_mutex_lock_blocking(&mutex) == ROUSE_OK);
            section();
            break;
        }
    }
    return NULL;
}

int main(int argc, char **argv) {
    stress_begin(argc, argv);
    run_threads(work);
    CHECK(!rouse_mutex_is_locked(&mutex));
    CHECK(first == atomic_load(&sections) && second == first && first > 0);
    rouse_mutex_destroy(&mutex);
    printf("%llu sections\n", first);
    return 0;
}
