/* close against everything: in each round threads acquire 1 to 3 of 2 permits, and one of them closes the
 * semaphore in the middle. Every request ends once, as granted or closed. No request that comes later gets
 * in, and all permits are there at the end. */
#include "stress.h"

enum { PERMITS = 4, MOST = 3, REQUESTS = 6 };

static rouse_semaphore semaphore;
static pthread_barrier_t barrier;
static atomic_bool over;
static atomic_uint held;
static atomic_ullong granted;
static atomic_ullong closed;

static void finish(rouse_status status, uint32_t n) {
    if (status == ROUSE_OK) {
        CHECK(atomic_fetch_add(&held, n) + n <= PERMITS);
        atomic_fetch_sub(&held, n);
        atomic_fetch_add_explicit(&granted, 1, memory_order_relaxed);
        CHECK(rouse_semaphore_release(&semaphore, n) == ROUSE_OK);
    } else {
        CHECK(status == ROUSE_CLOSED);
        CHECK(rouse_semaphore_is_closed(&semaphore));
        atomic_fetch_add_explicit(&closed, 1, memory_order_relaxed);
    }
}

typedef struct request {
    rouse_waiter waiter;
    uint32_t n;
    atomic_uint wakes;
} request;

static void request_wake(rouse_waiter *w, rouse_status status) {
    request *const r = (request *)rouse_waiter_data(w);
    const uint32_t n = r->n;
    finish(status, n);
    CHECK(atomic_fetch_add(&r->wakes, 1) == 0); /* the last touch: its thread may continue */
}

static void one_round(dice *d, bool closes) {
    request requests[REQUESTS];
    bool queued[REQUESTS];
    const uint32_t when = roll(d, REQUESTS);
    for (uint32_t i = 0; i < REQUESTS; i++) {
        request *const r = &requests[i];
        rouse_status status;
        rouse_waiter_init(&r->waiter, request_wake, r);
        r->n = 1 + roll(d, MOST);
        atomic_init(&r->wakes, 0);
        status = rouse_semaphore_acquire(&semaphore, &r->waiter, r->n);
        queued[i] = status == ROUSE_PENDING;
        if (!queued[i]) {
            finish(status, r->n);
        }
        if (closes && i == when) {
            (void)rouse_semaphore_close(&semaphore);
            CHECK(rouse_semaphore_is_closed(&semaphore));
            CHECK(!rouse_semaphore_try_acquire(&semaphore, 1));
        }
    }
    for (int i = 0; i < REQUESTS; i++) {
        while (queued[i] && atomic_load(&requests[i].wakes) == 0) {
            sched_yield();
        }
    }
}

static void *work(void *number) {
    dice d;
    dice_init(&d, (uintptr_t)number);
    for (unsigned round = 0;; round++) {
        if (number == NULL) {
            rouse_semaphore_init(&semaphore, PERMITS);
            atomic_store(&over, time_is_up());
        }
        (void)pthread_barrier_wait(&barrier);
        if (atomic_load(&over)) {
            return NULL;
        }
        one_round(&d, (uintptr_t)number == round % THREADS);
        (void)pthread_barrier_wait(&barrier);
        if (number == NULL) {
            CHECK(atomic_load(&held) == 0);
            CHECK(rouse_semaphore_waiter_count(&semaphore) == 0);
            CHECK(rouse_semaphore_available(&semaphore) == PERMITS);
            CHECK(rouse_semaphore_is_closed(&semaphore));
            rouse_semaphore_destroy(&semaphore);
        }
    }
}

int main(int argc, char **argv) {
    stress_begin(argc, argv);
    CHECK(pthread_barrier_init(&barrier, NULL, THREADS) == 0);
    run_threads(work);
    rouse_semaphore_destroy(&semaphore);
    CHECK(atomic_load(&granted) > 0 && atomic_load(&closed) > 0);
    printf("%llu granted, %llu closed\n", atomic_load(&granted), atomic_load(&closed));
    return 0;
}
