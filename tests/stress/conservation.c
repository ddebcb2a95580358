/* Permits are neither lost nor made. 16 threads acquire 1 to 5 of 7 permits in every way there is, cancel
 * some of the requests in mid-flight, and never hold more than 7 together. Each wake runs once, and at the
 * end all 7 are free. */
#include "stress.h"

enum { PERMITS = 7, MOST = 5 };

static rouse_semaphore semaphore = ROUSE_SEMAPHORE_INIT(PERMITS);
static atomic_uint held;
static atomic_uint outstanding; /* waiters with a wake, queued and not finished */
static atomic_ullong granted;
static atomic_ullong cancelled;

static void use(uint32_t n) {
    CHECK(atomic_fetch_add(&held, n) + n <= PERMITS);
    atomic_fetch_add_explicit(&granted, 1, memory_order_relaxed);
    atomic_fetch_sub(&held, n);
    CHECK(rouse_semaphore_release(&semaphore, n) == ROUSE_OK);
}

/* A request on the heap, which its wake frees; or its canceller, if cancel won. */
typedef struct request {
    rouse_waiter waiter;
    uint32_t n;
    atomic_uint ends;
} request;

static void request_wake(rouse_waiter *w, rouse_status status) {
    request *const r = (request *)rouse_waiter_data(w);
    const uint32_t n = r->n;
    CHECK(status == ROUSE_OK);
    CHECK(atomic_fetch_add(&r->ends, 1) == 0);
    free(r);
    use(n);
    atomic_fetch_sub(&outstanding, 1);
}

static void with_wake(uint32_t n) {
    request *const r = (request *)must_alloc(sizeof *r);
    rouse_status status;
    rouse_waiter_init(&r->waiter, request_wake, r);
    r->n = n;
    atomic_init(&r->ends, 0);
    atomic_fetch_add(&outstanding, 1);
    status = rouse_semaphore_acquire(&semaphore, &r->waiter, n);
    if (status != ROUSE_PENDING) {
        CHECK(status == ROUSE_OK);
        free(r);
        use(n);
        atomic_fetch_sub(&outstanding, 1);
    }
}

/* As a polled waiter may be freed as soon as cancel has returned, either way, its memory is on the heap too. */
static void with_polling(dice *d, uint32_t n, bool cancel) {
    rouse_waiter *const w = (rouse_waiter *)must_alloc(sizeof *w);
    rouse_status status;
    rouse_waiter_init(w, NULL, NULL);
    status = rouse_semaphore_acquire(&semaphore, w, n);
    if (status == ROUSE_PENDING && cancel) {
        dawdle(d);
        if (rouse_semaphore_cancel(&semaphore, w)) {
            free(w);
            atomic_fetch_add_explicit(&cancelled, 1, memory_order_relaxed);
            return;
        }
        status = rouse_waiter_status(w);
        CHECK(status == ROUSE_OK);
    } else if (status == ROUSE_PENDING) {
        status = await_outcome(w);
    }
    CHECK(status == ROUSE_OK);
    free(w);
    use(n);
}

/* A waiter with a wake, cancelled: after false the wake is owed, and the memory stays until it has run. */
typedef struct contested {
    rouse_waiter waiter;
    atomic_uint wakes;
} contested;

static void contested_wake(rouse_waiter *w, rouse_status status) {
    contested *const c = (contested *)rouse_waiter_data(w);
    CHECK(status == ROUSE_OK);
    CHECK(atomic_fetch_add(&c->wakes, 1) == 0);
}

static void with_wake_and_cancel(dice *d, uint32_t n) {
    contested c;
    rouse_status status;
    rouse_waiter_init(&c.waiter, contested_wake, &c);
    atomic_init(&c.wakes, 0);
    status = rouse_semaphore_acquire(&semaphore, &c.waiter, n);
    if (status == ROUSE_PENDING) {
        dawdle(d);
        if (rouse_semaphore_cancel(&semaphore, &c.waiter)) {
            CHECK(atomic_load(&c.wakes) == 0);
            atomic_fetch_add_explicit(&cancelled, 1, memory_order_relaxed);
            return;
        }
        while (atomic_load(&c.wakes) == 0) {
            sched_yield();
        }
    } else {
        CHECK(status == ROUSE_OK);
    }
    use(n);
}

static void with_blocking(uint32_t n, uint64_t timeout) {
    const rouse_status status = rouse_semaphore_acquire_timed(&semaphore, n, timeout);
    if (status == ROUSE_OK) {
        use(n);
    } else {
        CHECK(status == ROUSE_TIMEDOUT);
        atomic_fetch_add_explicit(&cancelled, 1, memory_order_relaxed);
    }
}

static void *work(void *number) {
    dice d;
    dice_init(&d, (uintptr_t)number);
    while (!time_is_up()) {
        const uint32_t n = 1 + roll(&d, MOST);
        switch (roll(&d, 7)) {
        case 0:
            if (rouse_semaphore_try_acquire(&semaphore, n)) {
                use(n);
            }
            break;
        case 1:
            with_wake(n);
            break;
        case 2:
            with_polling(&d, n, false);
            break;
        case 3:
            with_polling(&d, n, true);
            break;
        case 4:
            with_wake_and_cancel(&d, n);
            break;
        case 5:
            with_blocking(n, roll(&d, 100000));
            break;
        default:
            with_blocking(n, UINT64_MAX);
            break;
        }
    }
    return NULL;
}

int main(int argc, char **argv) {
    stress_begin(argc, argv);
    run_threads(work);
    /* All threads have returned, so every release has; but a request may have been queued last of all. */
    CHECK(atomic_load(&outstanding) == 0);
    CHECK(atomic_load(&held) == 0);
    CHECK(rouse_semaphore_available(&semaphore) == PERMITS);
    CHECK(rouse_semaphore_waiter_count(&semaphore) == 0);
    CHECK(atomic_load(&granted) > 0 && atomic_load(&cancelled) > 0);
    rouse_semaphore_destroy(&semaphore);
    printf("%llu granted, %llu cancelled or timed out\n", atomic_load(&granted), atomic_load(&cancelled));
    return 0;
}
