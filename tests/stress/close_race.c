/* close against everything. In each round threads ask for the permits of a semaphore, a mutex or a limit, in
 * strict or in throughput mode and in every way there is, and one of them closes it in the middle. Every
 * request ends once: granted, closed, or cancelled. No request that comes later gets in, and no invited waiter
 * that asks later. The bound holds to the unit until then, and all permits are there at the end. */
#include "bound.h"

enum { MOST_PERMITS = 4, MOST = 3, REQUESTS = 6 };

/* ---- the object of this round -------------------------------------------------------------------------------------------- */

static struct {
    enum { SEMAPHORE, MUTEX, LIMIT, KINDS } kind;
    uint32_t permits;
    uint32_t bypass;
    bool plain; /* strict, and asked for in the plainest way: a short round */
    rouse_semaphore semaphore;
    rouse_mutex mutex;
    rouse_limit limit;
} object;

/* The same call of each kind. */
#define CALL(of_semaphore, of_mutex, of_limit) \
    (object.kind == SEMAPHORE ? of_semaphore : object.kind == MUTEX ? of_mutex : of_limit)

static rouse_status acquire(rouse_waiter *w, uint32_t n) {
    return CALL(rouse_semaphore_acquire(&object.semaphore, w, n), rouse_mutex_lock(&object.mutex, w),
                rouse_limit_acquire(&object.limit, w, n));
}
static bool try_acquire(uint32_t n) {
    return CALL(rouse_semaphore_try_acquire(&object.semaphore, n), rouse_mutex_try_lock(&object.mutex),
                rouse_limit_try_acquire(&object.limit, n));
}
static rouse_status acquire_timed(uint32_t n, uint64_t ns) {
    return CALL(rouse_semaphore_acquire_timed(&object.semaphore, n, ns),
                rouse_mutex_lock_timed(&object.mutex, ns), rouse_limit_acquire_timed(&object.limit, n, ns));
}
static rouse_status give_back(uint32_t n) {
    return CALL(rouse_semaphore_release(&object.semaphore, n), rouse_mutex_unlock(&object.mutex),
                rouse_limit_give_back(&object.limit, n));
}
static bool cancel(rouse_waiter *w) {
    return CALL(rouse_semaphore_cancel(&object.semaphore, w), rouse_mutex_cancel(&object.mutex, w),
                rouse_limit_cancel(&object.limit, w));
}
static rouse_status resume(rouse_waiter *w) {
    return CALL(rouse_semaphore_resume(&object.semaphore, w), rouse_mutex_resume(&object.mutex, w),
                rouse_limit_resume(&object.limit, w));
}
static void decline(rouse_waiter *w) {
    CALL(rouse_semaphore_decline(&object.semaphore, w), rouse_mutex_decline(&object.mutex, w),
         rouse_limit_decline(&object.limit, w));
}
static bool is_closed(void) {
    return CALL(rouse_semaphore_is_closed(&object.semaphore), rouse_mutex_is_closed(&object.mutex),
                rouse_limit_is_closed(&object.limit));
}

static void begin_object(dice *d) {
    static const uint32_t bounds[] = {0, 0, 1, 2, 5, ROUSE_BYPASS};
    object.plain = roll(d, 8) != 0;
    object.kind = roll(d, KINDS);
    object.permits = object.kind == MUTEX || roll(d, 2) == 0 ? 1 : MOST_PERMITS;
    object.bypass = object.plain ? 0 : bounds[roll(d, sizeof bounds / sizeof bounds[0])];
    CHECK(rouse_semaphore_init_throughput(&object.semaphore, object.permits, object.bypass) == ROUSE_OK);
    rouse_mutex_init_throughput(&object.mutex, object.bypass);
    CHECK(rouse_limit_init_throughput(&object.limit, object.permits, UINT32_MAX, object.bypass) == ROUSE_OK);
    bound.counting = false;
    bound.in_a_row = 0;
}
static void end_object(void) {
    CHECK(CALL(rouse_semaphore_waiter_count(&object.semaphore), rouse_mutex_waiter_count(&object.mutex),
               rouse_limit_waiter_count(&object.limit)) == 0);
    CHECK(CALL(rouse_semaphore_available(&object.semaphore) == object.permits,
               !rouse_mutex_is_locked(&object.mutex), rouse_limit_in_use(&object.limit) == 0));
    rouse_semaphore_destroy(&object.semaphore);
    rouse_mutex_destroy(&object.mutex);
    rouse_limit_destroy(&object.limit);
}

static pthread_barrier_t barrier;
static atomic_bool over;
static atomic_bool shut; /* close has returned */
static atomic_uint held;
static atomic_ullong granted;
static atomic_ullong closed;
static atomic_ullong asked; /* by the invited */
static atomic_ullong cancelled;

/* ---- requests -------------------------------------------------------------------------------------------------------------- */

/* How a request waits. Without throughput mode an invitation is a grant. */
typedef enum way { IN_WAKE, ON_THREAD, ON_MAILBOX, POLLED, TRIES, WAYS } way;
enum { NOTHING = 100 };

typedef struct request {
    rouse_waiter waiter;
    way way;
    bool gives_up; /* cancels or declines */
    bool early;    /* its wake ran before it knew that it was queued */
    bool queued;
    uint32_t n;
    patience patience;
    atomic_int begun; /* is patience there? */
    atomic_int said;  /* what its wake said last; NOTHING: not called since */
} request;

static void count(rouse_status status) {
    atomic_fetch_add_explicit(status == ROUSE_OK       ? &granted
                              : status == ROUSE_CLOSED ? &closed
                                                       : &cancelled,
                              1, memory_order_relaxed);
}
/* With n permits. Now and then others run meanwhile, and queue. */
static void section(how came, uint32_t n) {
    static _Thread_local unsigned sections;
    CHECK(atomic_fetch_add(&held, n) + n <= object.permits);
    if (!object.plain && sections++ % 32 == 0) {
        sched_yield();
    }
    if (object.permits == 1) {
        bound_alone(came, object.bypass);
    }
    bound_count(came, n);
    atomic_fetch_sub(&held, n);
    CHECK(give_back(n) == ROUSE_OK);
}
static void answered(rouse_status status, how came, uint32_t n) {
    count(status);
    if (status == ROUSE_OK) {
        section(came, n);
    } else {
        CHECK(status == ROUSE_CLOSED && is_closed());
    }
}
/* A request that was queued has its outcome; `seen`: newcomers before it asked, if that is known. */
static void finish(request *r, rouse_status status, unsigned long long seen) {
    const bool waited = !r->gives_up && !r->early;
    if (waited && status == ROUSE_OK) {
        bound_waited(&r->patience, object.permits == 1 ? bound_newcomers() : seen, object.permits,
                     object.bypass);
    } else if (waited) {
        atomic_fetch_sub(&bound.waiting, 1);
    }
    if (status == ROUSE_CANCELLED) {
        CHECK(r->gives_up);
        count(status);
    } else {
        answered(status, IN_TURN, r->n);
    }
}
/* An invited waiter asks, or declines. PENDING: it was beaten. */
static rouse_status answer(request *r) {
    const bool late = atomic_load(&shut);
    rouse_status status = ROUSE_CANCELLED;
    atomic_fetch_add_explicit(&asked, 1, memory_order_relaxed);
    if (r->gives_up && r->n % 2 == 1) {
        decline(&r->waiter);
    } else {
        status = resume(&r->waiter);
        CHECK(!late || status == ROUSE_CLOSED);
    }
    return status;
}

static void on_wake(rouse_waiter *w, rouse_status status) {
    request *const r = (request *)rouse_waiter_data(w);
    const unsigned long long seen = status == ROUSE_RETRY ? bound_newcomers() : 0;
    if (r->way == IN_WAKE) {
        r->early = !bound_is_counted(&r->begun);
        if (status == ROUSE_RETRY) {
            status = answer(r);
        }
        if (status == ROUSE_PENDING) {
            return;
        }
        finish(r, status, seen);
    }
    CHECK(atomic_exchange(&r->said, (int)status) == NOTHING); /* the last touch: its thread may continue */
}

static _Thread_local rouse_mailbox mailbox;
static void no_kick(void *arg) {
    (void)arg;
}

static void begin_request(request *r, dice *d) {
    const bool late = atomic_load(&shut);
    rouse_status status;
    r->way = object.plain ? IN_WAKE : (way)roll(d, WAYS);
    r->gives_up = !object.plain && roll(d, 4) == 0;
    r->n = 1 + roll(d, object.permits < MOST ? object.permits : MOST);
    atomic_init(&r->begun, NOT_YET);
    atomic_init(&r->said, NOTHING);
    if (r->way == TRIES) {
        r->queued = false;
        if (try_acquire(r->n)) {
            CHECK(!late);
            answered(ROUSE_OK, NEWCOMER, r->n);
        }
        return;
    }
    rouse_waiter_init_on(&r->waiter, r->way == ON_MAILBOX ? &mailbox : NULL,
                         r->way == POLLED ? NULL : on_wake, r);
    r->early = false;
    status = acquire(&r->waiter, r->n);
    CHECK(!late || status == ROUSE_CLOSED);
    r->queued = status == ROUSE_PENDING;
    if (!r->queued) {
        answered(status, NEWCOMER, r->n);
        return;
    }
    if (!r->gives_up) {
        bound_wait_unless_early(&r->begun, &r->patience);
    }
}

/* Looks whether it has its outcome. */
static void look_at(request *r) {
    if (r->way == POLLED) {
        const rouse_status status = rouse_waiter_status(&r->waiter);
        if (status != ROUSE_PENDING) {
            r->queued = false;
            finish(r, status, 0);
        }
        return;
    }
    if (atomic_load(&r->said) != NOTHING) {
        rouse_status status = (rouse_status)atomic_exchange(&r->said, NOTHING);
        unsigned long long seen = 0;
        if (status == ROUSE_RETRY) {
            seen = bound_newcomers();
            status = answer(r);
        }
        if (status == ROUSE_PENDING) {
            return;
        }
        r->queued = false;
        if (r->way != IN_WAKE) {
            finish(r, status, seen);
        }
    }
}

/* A thread that waits in a call. */
static void ask_blocking(dice *d) {
    const bool late = atomic_load(&shut);
    const rouse_status status = acquire_timed(1, roll(d, 2) == 0 ? UINT64_MAX : roll(d, 50000));
    CHECK(!late || status == ROUSE_CLOSED);
    if (status != ROUSE_TIMEDOUT) {
        answered(status, UNKNOWN, 1);
    }
}

static void one_round(dice *d, bool closes) {
    request requests[REQUESTS];
    const uint32_t when = roll(d, REQUESTS);
    if (!object.plain && !closes && roll(d, 3) == 0) { /* the one that closes must come to it */
        ask_blocking(d);
    }
    for (uint32_t i = 0; i < REQUESTS; i++) {
        begin_request(&requests[i], d);
        if (closes && i == when) {
            for (uint32_t j = object.plain ? 0 : roll(d, 4); j != 0; j--) {
                sched_yield();
            }
            CALL((void)rouse_semaphore_close(&object.semaphore), (void)rouse_mutex_close(&object.mutex),
                 (void)rouse_limit_close(&object.limit));
            CHECK(is_closed() && !try_acquire(1));
            atomic_store(&shut, true);
        }
    }
    for (int i = 0; i < REQUESTS; i++) {
        request *const r = &requests[i];
        if (r->queued && r->gives_up && roll(d, 2) == 0 && cancel(&r->waiter)) {
            r->queued = false;
            count(ROUSE_CANCELLED);
        }
    }
    for (int i = 0; i < REQUESTS;) {
        if (!requests[i].queued) {
            i++;
            continue;
        }
        (void)rouse_mailbox_drain(&mailbox);
        for (int j = i; j < REQUESTS; j++) { /* also those that others wait for */
            if (requests[j].queued) {
                look_at(&requests[j]);
            }
        }
        sched_yield();
    }
}

static void *work(void *number) {
    dice d;
    dice_init(&d, (uintptr_t)number);
    rouse_mailbox_init(&mailbox, no_kick, NULL);
    for (unsigned round = 0;; round++) {
        if (number == NULL) {
            begin_object(&d);
            atomic_store(&shut, false);
            atomic_store(&over, time_is_up());
        }
        (void)pthread_barrier_wait(&barrier);
        if (atomic_load(&over)) {
            rouse_mailbox_destroy(&mailbox);
            return NULL;
        }
        one_round(&d, (uintptr_t)number == round % THREADS);
        (void)pthread_barrier_wait(&barrier);
        if (number == NULL) {
            CHECK(atomic_load(&held) == 0 && atomic_load(&bound.waiting) == 0 && is_closed());
            end_object();
        }
    }
}

int main(int argc, char **argv) {
    stress_begin(argc, argv);
    CHECK(pthread_barrier_init(&barrier, NULL, THREADS) == 0);
    run_threads(work);
    end_object();
    printf("%llu granted, %llu closed, %llu cancelled, %llu newcomers, %llu invited waiters answered\n",
           atomic_load(&granted), atomic_load(&closed), atomic_load(&cancelled), bound_newcomers(),
           atomic_load(&asked));
    CHECK(granted > 0 && closed > 0 && cancelled > 0 && bound_turns() > 0 && asked > 0);
    return 0;
}
