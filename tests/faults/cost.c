/* tests/faults/cost.c: atomic operations, counted exactly, of the paths on which somebody queues.
 *
 * Each row is an average over ROUNDS, segment changes included, and must stay within its bounds, one for
 * read-modify-writes and one for loads. The output also shows how many read-modify-writes the usual case
 * costs, the most frequent count. A bound is what the backend costs plus a tenth. The locks of MUTEX are
 * the platform's and have a count of their own. */
#include "cost.h"

#include <rouse/limit.h>
#include <rouse/mutex.h>
#include <rouse/notify.h>
#include <rouse/rwlock.h>
#include <rouse/semaphore.h>

#define ROUNDS 4096
#define BATCH  256

#if ROUSE_BACKEND == ROUSE_BACKEND_SPIN
#    define BY_BACKEND(spin, mutex, lockfree) spin
#elif ROUSE_BACKEND == ROUSE_BACKEND_MUTEX
#    define BY_BACKEND(spin, mutex, lockfree) mutex
#else
#    define BY_BACKEND(spin, mutex, lockfree) lockfree
#endif

static rouse_waiter waiters[BATCH];

static void woken(rouse_waiter *w, rouse_status status) {
    CHECK(status == ROUSE_OK);
    (void)w;
}

static bool never(void *arg) {
    (void)arg;
    return false;
}

static void queue_one(rouse_waiter_queue *q, rouse_waiter *w) {
    rouse_waiter_init(w, woken, NULL);
    CHECK(rouse_waiter_queue_wait(q, w, 1) == ROUSE_PENDING);
}

/* `waiting` are in the queue all the time; one more queues, the oldest is woken. */
static void hand_over(row *queueing, row *waking, uint32_t waiting) {
    rouse_semaphore s;
    rouse_semaphore_init(&s, 0);
    for (uint32_t i = 0; i < waiting; i++) {
        queue_one(&s.queue_, &waiters[i]);
    }
    for (uint32_t i = 0; i < ROUNDS; i++) {
        rouse_waiter *const w = &waiters[(waiting + i) % BATCH];
        rouse_waiter_init(w, woken, NULL);
        COUNT(queueing, rouse_semaphore_acquire(&s, w, 1) == ROUSE_PENDING);
        COUNT(waking, rouse_semaphore_release(&s, 1) == ROUSE_OK);
    }
    CHECK(rouse_semaphore_release(&s, waiting) == ROUSE_OK && rouse_semaphore_available(&s) == 0);
    rouse_semaphore_destroy(&s);
}

/* The same, each for n. */
static void hand_over_several(row *queueing, row *waking, uint32_t waiting, uint32_t n) {
    rouse_semaphore s;
    rouse_semaphore_init(&s, 0);
    for (uint32_t i = 0; i < waiting + ROUNDS; i++) {
        rouse_waiter *const w = &waiters[i % BATCH];
        rouse_waiter_init(w, woken, NULL);
        if (i < waiting) {
            CHECK(rouse_semaphore_acquire(&s, w, n) == ROUSE_PENDING);
        } else {
            COUNT(queueing, rouse_semaphore_acquire(&s, w, n) == ROUSE_PENDING);
            COUNT(waking, rouse_semaphore_release(&s, n) == ROUSE_OK);
        }
    }
    CHECK(rouse_semaphore_release(&s, waiting * n) == ROUSE_OK && rouse_semaphore_available(&s) == 0);
    rouse_semaphore_destroy(&s);
}

static void told(rouse_waiter *w, rouse_status status) {
    CHECK(status == ROUSE_RETRY);
    (void)w;
}

/* Throughput mode: one queues behind 100, the oldest is invited, asks, and has the permit. */
static void invite(row *queueing, row *releasing, row *resuming) {
    enum { WAITING = 100 };
    rouse_semaphore s;
    rouse_semaphore_init_throughput(&s, 0, 1);
    for (uint32_t i = 0; i < WAITING + ROUNDS; i++) {
        rouse_waiter *const w = &waiters[i % BATCH];
        rouse_waiter_init(w, told, NULL);
        if (i < WAITING) {
            CHECK(rouse_semaphore_acquire(&s, w, 1) == ROUSE_PENDING);
        } else {
            COUNT(queueing, rouse_semaphore_acquire(&s, w, 1) == ROUSE_PENDING);
            COUNT(releasing, rouse_semaphore_release(&s, 1) == ROUSE_OK);
            COUNT(resuming, rouse_semaphore_resume(&s, &waiters[(i - WAITING) % BATCH]) == ROUSE_OK);
        }
    }
    for (uint32_t i = ROUNDS; i < WAITING + ROUNDS; i++) {
        CHECK(rouse_semaphore_cancel(&s, &waiters[i % BATCH]));
    }
    rouse_semaphore_destroy(&s);
}

/* Throughput mode: a newcomer takes past an invited waiter, and releases. */
static void past(row *each) {
    rouse_semaphore s;
    uint64_t stores;
    rouse_semaphore_init_throughput(&s, 0, ROUNDS);
    for (int i = 0; i < 2; i++) {
        rouse_waiter_init(&waiters[i], told, NULL);
    }
    CHECK(rouse_semaphore_acquire(&s, &waiters[0], 1) == ROUSE_PENDING);
    CHECK(rouse_semaphore_release(&s, 1) == ROUSE_OK);
    stores = seam.store;
    for (uint32_t i = 0; i < ROUNDS; i++) {
        COUNT(each, rouse_semaphore_acquire(&s, &waiters[1], 1) == ROUSE_OK);
        COUNT(each, rouse_semaphore_release(&s, 1) == ROUSE_OK);
    }
    CHECK(each->frequency[1] == each->calls && each->locks == 0);
    CHECK(seam.store ==
          stores); /* a store would take the line of the queue away from threads that only look at it */
    CHECK(rouse_semaphore_resume(&s, &waiters[0]) == ROUSE_OK);
    rouse_semaphore_destroy(&s);
}

static void notify_and_unlock(row *one, row *unlocking) {
    rouse_notify n;
    rouse_mutex m;
    rouse_notify_init(&n);
    rouse_mutex_init(&m);
    CHECK(rouse_mutex_try_lock(&m));
    for (uint32_t i = 0; i < ROUNDS; i++) {
        queue_one(&n.queue_, &waiters[0]);
        COUNT(one, (rouse_notify_one(&n), true));
        queue_one(&m.queue_, &waiters[1]);
        COUNT(unlocking, rouse_mutex_unlock(&m) == ROUSE_OK);
    }
    rouse_notify_destroy(&n);
    rouse_mutex_destroy(&m);
}

/* One notify_all for BATCH waiters: what each costs. */
static void all(row *waking) {
    rouse_notify n;
    rouse_notify_init(&n);
    for (uint32_t round = 0; round < ROUNDS / BATCH; round++) {
        cost_moment queued;
        for (uint32_t i = 0; i < BATCH; i++) {
            queue_one(&n.queue_, &waiters[i]);
        }
        queued = cost_now();
        CHECK(rouse_notify_all(&n) == BATCH);
        note_many(waking, &queued, BATCH);
    }
    rouse_notify_destroy(&n);
}

/* BATCH queue, all cancel in steps of `step` (1 oldest first, BATCH - 1 newest first, others in between). */
static void cancel_all(row *cancelling, uint32_t step, bool head_stays) {
    rouse_semaphore s;
    rouse_waiter head;
    rouse_semaphore_init(&s, 0);
    if (head_stays) {
        queue_one(&s.queue_, &head);
    }
    for (uint32_t round = 0; round < ROUNDS / BATCH; round++) {
        for (uint32_t i = 0; i < BATCH; i++) {
            queue_one(&s.queue_, &waiters[i]);
        }
        for (uint32_t i = 0; i < BATCH; i++) {
            COUNT(cancelling, rouse_semaphore_cancel(&s, &waiters[(i + 1) * step % BATCH]));
        }
    }
    CHECK(!head_stays || rouse_semaphore_cancel(&s, &head));
    CHECK(rouse_semaphore_waiter_count(&s) == 0);
    rouse_semaphore_destroy(&s);
}

/* Alone: queue, cancel. */
static void cancel_alone(row *cancelling) {
    rouse_semaphore s;
    rouse_semaphore_init(&s, 0);
    for (uint32_t i = 0; i < ROUNDS; i++) {
        queue_one(&s.queue_, &waiters[0]);
        COUNT(cancelling, rouse_semaphore_cancel(&s, &waiters[0]));
    }
    rouse_semaphore_destroy(&s);
}

static void add_if(row *adding) {
    rouse_waiter_queue q;
    rouse_waiter_queue_init(&q, 0);
    for (uint32_t i = 0; i < ROUNDS; i++) {
        rouse_waiter_init(&waiters[0], woken, NULL);
        COUNT(adding, rouse_waiter_queue_add_waiter_if(&q, &waiters[0], never, NULL) == ROUSE_PENDING);
        CHECK(rouse_waiter_queue_wake_one(&q));
    }
    rouse_waiter_queue_destroy(&q);
}

/* Nobody waits: one each, always. */
static void uncontended(row *each) {
    rouse_semaphore s;
    rouse_notify n;
    rouse_mutex m;
    rouse_semaphore_init(&s, 4);
    rouse_notify_init(&n);
    rouse_mutex_init(&m);
    rouse_waiter_init(&waiters[0], woken, NULL);
    for (uint32_t i = 0; i < ROUNDS / 8; i++) {
        COUNT(each, rouse_semaphore_acquire(&s, &waiters[0], 1) == ROUSE_OK);
        COUNT(each, rouse_semaphore_try_acquire(&s, 2));
        COUNT(each, rouse_semaphore_release(&s, 1) == ROUSE_OK);
        COUNT(each, rouse_semaphore_release(&s, 2) == ROUSE_OK);
        COUNT(each, (rouse_notify_one(&n), true));
        COUNT(each, rouse_notify_wait(&n, &waiters[0]) == ROUSE_OK);
        COUNT(each, rouse_mutex_lock(&m, &waiters[0]) == ROUSE_OK);
        COUNT(each, rouse_mutex_unlock(&m) == ROUSE_OK);
        COUNT(each, rouse_mutex_try_lock(&m));
        COUNT(each, rouse_mutex_unlock(&m) == ROUSE_OK);
        COUNT(each, rouse_notify_all(&n) == 0);
    }
    CHECK(each->frequency[1] == each->calls && each->locks == 0);
    rouse_semaphore_destroy(&s);
    rouse_notify_destroy(&n);
    rouse_mutex_destroy(&m);
}

/* Calls that cannot have their permits, though many were free before: one waits for more than that, then the
 * semaphore is closed. */
static void refused(row *each) {
    rouse_semaphore s;
    rouse_semaphore_init(&s, ROUNDS);
    rouse_waiter_init(&waiters[0], woken, NULL);
    rouse_waiter_init(&waiters[1], woken, NULL);
    CHECK(rouse_semaphore_acquire(&s, &waiters[0], ROUNDS + 1) == ROUSE_PENDING);
    for (uint32_t i = 0; i < ROUNDS / 8; i++) {
        COUNT(each, !rouse_semaphore_try_acquire(&s, 1));
    }
    CHECK(rouse_semaphore_cancel(&s, &waiters[0]) && rouse_semaphore_available(&s) == ROUNDS);
    CHECK(rouse_semaphore_close(&s) == 0);
    for (uint32_t i = 0; i < ROUNDS / 8; i++) {
        COUNT(each, rouse_semaphore_acquire(&s, &waiters[1], 1) == ROUSE_CLOSED);
        COUNT(each, !rouse_semaphore_try_acquire(&s, 1));
    }
    rouse_semaphore_destroy(&s);
}

/* One at a time, of several: each call knows what the last one left. */
static void in_turn(row *each) {
    rouse_semaphore s;
    rouse_mutex m;
    rouse_rwlock l;
    rouse_semaphore_init(&s, 4);
    rouse_mutex_init(&m);
    rouse_rwlock_init(&l, 8);
    rouse_waiter_init(&waiters[0], woken, NULL);
    for (uint32_t i = 0; i < ROUNDS / 8; i++) {
        for (int j = 0; j < 3; j++) {
            COUNT(each, rouse_semaphore_acquire(&s, &waiters[0], 1) == ROUSE_OK);
        }
        for (int j = 0; j < 3; j++) {
            COUNT(each, rouse_semaphore_release(&s, 1) == ROUSE_OK);
        }
        COUNT(each, rouse_semaphore_reduce(&s, 2) == 2);
        COUNT(each, rouse_semaphore_release(&s, 1) == ROUSE_OK);
        COUNT(each, rouse_semaphore_release(&s, 1) == ROUSE_OK);
        COUNT(each, rouse_mutex_lock(&m, &waiters[0]) == ROUSE_OK);
        COUNT(each, rouse_mutex_unlock(&m) == ROUSE_OK);
        COUNT(each, rouse_rwlock_write(&l, &waiters[0]) == ROUSE_OK);
        COUNT(each, rouse_rwlock_end_write(&l) == ROUSE_OK);
        COUNT(each, rouse_rwlock_read(&l, &waiters[0]) == ROUSE_OK);
        COUNT(each, rouse_rwlock_end_read(&l) == ROUSE_OK);
    }
    CHECK(each->frequency[1] == each->calls && each->locks == 0);
    rouse_semaphore_destroy(&s);
    rouse_mutex_destroy(&m);
    rouse_rwlock_destroy(&l);
}

/* One queues where nobody waited before. The release that serves it, one that is stored, and those who take
 * it. */
static void first_wait(row *waking, row *storing, row *taking) {
    rouse_semaphore s;
    rouse_semaphore_init(&s, 0);
    for (uint32_t i = 0; i < ROUNDS; i++) {
        queue_one(&s.queue_, &waiters[0]);
        COUNT(waking, rouse_semaphore_release(&s, 1) == ROUSE_OK);
        COUNT(storing, rouse_semaphore_release(&s, 1) == ROUSE_OK);
        COUNT(taking, rouse_semaphore_try_acquire(&s, 1));
    }
    rouse_semaphore_destroy(&s);
}

/* A wait and its cancel behind many that stay, each alone in its segment (LOCKFREE): no call walks over them. Loads are
 * counted here, the most in one call. */
static bool behind_many(uint32_t n, uint64_t bound) {
    enum { STAY = 2000, OTHERS = 31 };
    static rouse_waiter stay[STAY];
    rouse_semaphore s;
    rouse_waiter w;
    uint64_t most = 0;
    rouse_semaphore_init(&s, 0);
    rouse_waiter_init(&w, NULL, NULL);
    for (int i = 0; i < STAY; i++) {
        rouse_waiter_init(&stay[i], NULL, NULL);
        CHECK(rouse_semaphore_acquire(&s, &stay[i], 1) == ROUSE_PENDING);
        for (int j = 0; j < OTHERS; j++) {
            CHECK(rouse_semaphore_acquire(&s, &w, 1) == ROUSE_PENDING && rouse_semaphore_cancel(&s, &w));
        }
    }
    for (int i = 0; i < ROUNDS; i++) {
        const uint64_t before = seam.load;
        CHECK(rouse_semaphore_acquire(&s, &w, n) == ROUSE_PENDING && rouse_semaphore_cancel(&s, &w));
        most = seam.load - before > most ? seam.load - before : most;
    }
    for (int i = 0; i < STAY; i++) {
        CHECK(rouse_semaphore_cancel(&s, &stay[i]));
    }
    rouse_semaphore_destroy(&s);
    printf("  wait for %2u and cancel, behind %d that stay: at most %llu loads, bound %llu%s\n", (unsigned)n,
           (int)STAY, (unsigned long long)most, (unsigned long long)bound,
           most <= bound ? "" : "   <-- too many");
    return most <= bound;
}

/* A limit in throughput mode: one queues behind 100, the oldest is invited, asks, and has the permit. */
static void invite_of_limit(row *queueing) {
    enum { WAITING = 100 };
    rouse_limit l;
    CHECK(rouse_limit_init_throughput(&l, 1, UINT32_MAX, 1) == ROUSE_OK);
    CHECK(rouse_limit_try_acquire(&l, 1));
    for (uint32_t i = 0; i < WAITING + ROUNDS; i++) {
        rouse_waiter *const w = &waiters[i % BATCH];
        rouse_waiter_init(w, told, NULL);
        if (i < WAITING) {
            CHECK(rouse_limit_acquire(&l, w, 1) == ROUSE_PENDING);
        } else {
            COUNT(queueing, rouse_limit_acquire(&l, w, 1) == ROUSE_PENDING);
            CHECK(rouse_limit_give_back(&l, 1) == ROUSE_OK);
            CHECK(rouse_limit_resume(&l, &waiters[(i - WAITING) % BATCH]) == ROUSE_OK);
        }
    }
    for (uint32_t i = ROUNDS; i < WAITING + ROUNDS; i++) {
        CHECK(rouse_limit_cancel(&l, &waiters[i % BATCH]));
    }
    CHECK(rouse_limit_give_back(&l, 1) == ROUSE_OK);
    rouse_limit_destroy(&l);
}

/* Throughput mode: who runs when a thread yields. */
static rouse_semaphore yielded;
static rouse_limit limited;
static unsigned yields;
static enum { NOBODY, INVITED, HOLDER, INVITED_TO_LIMIT, HOLDER_OF_LIMIT } runs;

int sched_yield(void) {
    yields++;
    if (runs == INVITED) {
        CHECK(rouse_semaphore_resume(&yielded, &waiters[0]) == ROUSE_OK);
    } else if (runs == INVITED_TO_LIMIT) {
        CHECK(rouse_limit_resume(&limited, &waiters[0]) == ROUSE_OK);
    }
    if (runs == INVITED || runs == HOLDER) {
        CHECK(rouse_semaphore_release(&yielded, 1) == ROUSE_OK);
    } else if (runs != NOBODY) {
        CHECK(rouse_limit_give_back(&limited, 1) == ROUSE_OK);
    }
    return 0;
}

static void set_doubt(uint32_t doubt) {
#if ROUSE_BACKEND == ROUSE_BACKEND_LOCKFREE
    rouse_u32_store_relaxed_(&yielded.queue_.doubt_, doubt);
#else
    rouse_open_set_doubt_(&yielded.queue_, doubt);
#endif
}

/* At the bound: a newcomer yields to the waiter that is invited, and takes what that one releases. If it does not run, the
 * newcomer queues. */
static void at_the_bound(bool invited_runs) {
    enum { BOUND = 3 };
    runs = invited_runs ? INVITED : NOBODY;
    yields = 0;
    rouse_semaphore_init_throughput(&yielded, 0, BOUND);
    rouse_waiter_init(&waiters[0], told, NULL);
    rouse_waiter_init(&waiters[1], told, NULL);
    CHECK(rouse_semaphore_acquire(&yielded, &waiters[0], 1) == ROUSE_PENDING);
    CHECK(rouse_semaphore_release(&yielded, 1) == ROUSE_OK);
    for (int i = 0; i < BOUND; i++) {
        CHECK(rouse_semaphore_acquire(&yielded, &waiters[1], 1) == ROUSE_OK);
        CHECK(rouse_semaphore_release(&yielded, 1) == ROUSE_OK);
    }
    CHECK(yields == 0);
    set_doubt(ROUSE_LINGER_PAID_);
    CHECK(rouse_semaphore_acquire(&yielded, &waiters[1], 1) == (invited_runs ? ROUSE_OK : ROUSE_PENDING));
    CHECK(yields == (invited_runs ? 1 : 4));
    if (!invited_runs) {
        CHECK(rouse_semaphore_resume(&yielded, &waiters[0]) == ROUSE_OK);
        CHECK(rouse_semaphore_cancel(&yielded, &waiters[1]));
    }
    rouse_semaphore_destroy(&yielded);
}

/* Nothing is free. A newcomer, and an invited waiter, yield to the holder of the permit, and take what it releases. If it
 * does not run, they queue; so do the next ones, and after 17 of them nobody yields any more. */
static void holder_has_no_processor(bool holder_runs) {
    enum { YIELDING = 17, QUEUED = YIELDING + 3 };
    int queued = 0;
    runs = holder_runs ? HOLDER : NOBODY;
    yields = 0;
    rouse_semaphore_init_throughput(&yielded, 0, ROUNDS);
    for (int i = 0; i < QUEUED; i++) {
        rouse_waiter_init(&waiters[i], told, NULL);
    }
    set_doubt(ROUSE_LINGER_PAID_);
    if (holder_runs) {
        CHECK(rouse_semaphore_acquire(&yielded, &waiters[0], 1) == ROUSE_OK && yields == 1);
        runs = NOBODY; /* one that is invited, and a newcomer that takes the permit before it asks */
        CHECK(rouse_semaphore_acquire(&yielded, &waiters[0], 1) == ROUSE_PENDING && yields == 5);
        CHECK(rouse_semaphore_release(&yielded, 1) == ROUSE_OK);
        CHECK(rouse_semaphore_try_acquire(&yielded, 1));
        runs = HOLDER;
        CHECK(rouse_semaphore_resume(&yielded, &waiters[0]) == ROUSE_OK && yields == 6);
    } else {
        for (; queued < QUEUED; queued++) {
            CHECK(rouse_semaphore_acquire(&yielded, &waiters[queued], 1) == ROUSE_PENDING);
            CHECK(yields == 4u * (unsigned)(queued < YIELDING ? queued + 1 : YIELDING));
        }
    }
    while (queued-- > 0) {
        CHECK(rouse_semaphore_cancel(&yielded, &waiters[queued]));
    }
    rouse_semaphore_destroy(&yielded);
}

/* The same two for a limit with the bound 1. */
static void limit_yields(void) {
    yields = 0;
    CHECK(rouse_limit_init_throughput(&limited, 1, UINT32_MAX, 1) == ROUSE_OK);
    rouse_waiter_init(&waiters[0], told, NULL);
    rouse_waiter_init(&waiters[1], told, NULL);
    CHECK(rouse_limit_try_acquire(&limited, 1));
    rouse_u32_store_relaxed_(&limited.doubt_, ROUSE_LINGER_PAID_);
    runs = HOLDER_OF_LIMIT;
    CHECK(rouse_limit_acquire(&limited, &waiters[0], 1) == ROUSE_OK && yields == 1);
    runs = NOBODY;
    CHECK(rouse_limit_acquire(&limited, &waiters[0], 1) == ROUSE_PENDING && yields == 5);
    CHECK(rouse_limit_give_back(&limited, 1) == ROUSE_OK);
    CHECK(rouse_limit_acquire(&limited, &waiters[1], 1) == ROUSE_OK && yields == 5);
    CHECK(rouse_limit_give_back(&limited, 1) == ROUSE_OK);
    runs = INVITED_TO_LIMIT;
    CHECK(rouse_limit_acquire(&limited, &waiters[1], 1) == ROUSE_OK && yields == 6);
    runs = NOBODY; /* a sanitizer yields at the end of the program */
    CHECK(rouse_limit_give_back(&limited, 1) == ROUSE_OK);
    rouse_limit_destroy(&limited);
}

enum {
    PLAIN,
    IN_TURN,
    REFUSED,
    WAKE_FIRST,
    STORE_FIRST,
    TAKE_FIRST,
    QUEUE_ALONE,
    WAKE_ALONE,
    QUEUE_MANY,
    WAKE_MANY,
    QUEUE_SEVERAL,
    WAKE_SEVERAL,
    QUEUE_OPEN,
    RELEASE_OPEN,
    RESUME_OPEN,
    PAST,
    ONE,
    UNLOCKING,
    EVERYBODY,
    ADDING,
    LEAVE_ALONE,
    LEAVE_OLDEST,
    LEAVE_NEWEST,
    LEAVE_ANY,
    LEAVE_BEHIND,
    QUEUE_LIMIT,
    ROWS
};
/* Every call that finds somebody waiting takes MUTEX's lock once at most. */
#define ROW(name, rmw, loads) \
    { .what = name, .most_rmw = rmw, .most_loads = loads, .most_locks = BY_BACKEND(0, 1, 0) }
static row rows[ROWS] = {
    [PLAIN] =
        ROW("a call that finds nobody waiting (exactly)", BY_BACKEND(1.0, 1.0, 1.0), BY_BACKEND(2, 2, 2)),
    [IN_TURN] =
        ROW("one at a time, nobody waiting (exactly)", BY_BACKEND(1.0, 1.0, 1.0), BY_BACKEND(1, 1, 1.14)),
    [REFUSED] = ROW("a call that is refused", BY_BACKEND(0.4, 0.0, 0.01), BY_BACKEND(3, 2, 4)),
    [WAKE_FIRST] = ROW("release to the first waiter", BY_BACKEND(1.1, 1.1, 1.2), BY_BACKEND(5, 6, 19)),
    [STORE_FIRST] = ROW("a release behind it, stored", BY_BACKEND(1.1, 1.1, 2.1), BY_BACKEND(5, 6, 19)),
    [TAKE_FIRST] = ROW("who takes that (exactly)", BY_BACKEND(1.0, 1.0, 1.0), BY_BACKEND(1, 1, 1)),
    [QUEUE_ALONE] = ROW("queue, alone", BY_BACKEND(2.2, 1.1, 2.5), BY_BACKEND(5, 4, 8)),
    [WAKE_ALONE] = ROW("release to one who waits alone", BY_BACKEND(1.1, 1.1, 1.2), BY_BACKEND(5, 6, 19)),
    [QUEUE_MANY] = ROW("queue behind 100", BY_BACKEND(1.1, 0.0, 2.4), BY_BACKEND(5, 5, 8)),
    [WAKE_MANY] = ROW("release to the oldest of 100", BY_BACKEND(1.1, 1.1, 1.3), BY_BACKEND(6, 6, 19)),
    [QUEUE_SEVERAL] = ROW("queue for 4 behind 100", BY_BACKEND(1.1, 0.0, 3.5), BY_BACKEND(5, 5, 9)),
    [WAKE_SEVERAL] = ROW("release 4 to the oldest of 100", BY_BACKEND(1.1, 0.0, 1.3), BY_BACKEND(12, 10, 19)),
    [QUEUE_OPEN] =
        ROW("throughput mode: queue behind 100", BY_BACKEND(1.1, 0.0, 2.4), BY_BACKEND(6.7, 6.7, 27)),
    [RELEASE_OPEN] = ROW("throughput mode: release to the oldest of 100", BY_BACKEND(1.1, 1.1, 1.2),
                         BY_BACKEND(14, 16, 25)),
    [RESUME_OPEN] = ROW("throughput mode: resume", BY_BACKEND(1.1, 1.1, 1.3), BY_BACKEND(5, 6, 12)),
    [PAST] = ROW("throughput mode: past an invited waiter (exactly)", BY_BACKEND(1.0, 1.0, 1.0),
                 BY_BACKEND(2, 2, 5)),
    [ONE] = ROW("notify_one to one who waits", BY_BACKEND(1.1, 0.0, 2.3), BY_BACKEND(8, 8, 18)),
    [UNLOCKING] = ROW("unlock to one who waits", BY_BACKEND(1.1, 0.0, 1.2), BY_BACKEND(8, 8, 19)),
    [EVERYBODY] = ROW("notify_all to 256, for each", BY_BACKEND(0.1, 0.0, 1.3), BY_BACKEND(3, 3, 8)),
    [ADDING] = ROW("add_waiter_if that queues", BY_BACKEND(1.1, 1.1, 2.5), BY_BACKEND(5, 4, 8)),
    [LEAVE_ALONE] = ROW("cancel, alone", BY_BACKEND(1.1, 0.0, 1.2), BY_BACKEND(7, 8, 14)),
    [LEAVE_OLDEST] = ROW("cancel 256, oldest first", BY_BACKEND(1.1, 0.0, 1.3), BY_BACKEND(9, 8, 14)),
    [LEAVE_NEWEST] = ROW("cancel 256, newest first", BY_BACKEND(1.1, 0.0, 1.3), BY_BACKEND(9, 8, 15)),
    [LEAVE_ANY] = ROW("cancel 256, in steps of 101", BY_BACKEND(1.1, 0.0, 1.3), BY_BACKEND(9, 8, 17)),
    [LEAVE_BEHIND] = ROW("cancel 256 behind a head that stays, in steps of 101", BY_BACKEND(1.1, 0.0, 1.3),
                         BY_BACKEND(9, 8, 17)),
    [QUEUE_LIMIT] = ROW("throughput mode of a limit: queue behind 100", BY_BACKEND(1.1, 1.1, 2.2),
                        BY_BACKEND(5.6, 5.6, 5.6)),
};

int main(void) {
    bool within = true;
    at_the_bound(true);
    at_the_bound(false);
    holder_has_no_processor(true);
    holder_has_no_processor(false);
    limit_yields();
    invite_of_limit(&rows[QUEUE_LIMIT]);
    uncontended(&rows[PLAIN]);
    in_turn(&rows[IN_TURN]);
    refused(&rows[REFUSED]);
    first_wait(&rows[WAKE_FIRST], &rows[STORE_FIRST], &rows[TAKE_FIRST]);
    hand_over(&rows[QUEUE_ALONE], &rows[WAKE_ALONE], 0);
    hand_over(&rows[QUEUE_MANY], &rows[WAKE_MANY], 100);
    hand_over_several(&rows[QUEUE_SEVERAL], &rows[WAKE_SEVERAL], 100, 4);
    invite(&rows[QUEUE_OPEN], &rows[RELEASE_OPEN], &rows[RESUME_OPEN]);
    past(&rows[PAST]);
    notify_and_unlock(&rows[ONE], &rows[UNLOCKING]);
    all(&rows[EVERYBODY]);
    add_if(&rows[ADDING]);
    cancel_alone(&rows[LEAVE_ALONE]);
    cancel_all(&rows[LEAVE_OLDEST], 1, false);
    cancel_all(&rows[LEAVE_NEWEST], BATCH - 1, false);
    cancel_all(&rows[LEAVE_ANY], 101, false);
    cancel_all(&rows[LEAVE_BEHIND], 101, true);
    printf("atomic read-modify-writes, loads, and locks\n");
    for (size_t i = 0; i < ROWS; i++) {
        within = show(&rows[i]) && within;
    }
    within = behind_many(1, 200) && within;
    within = behind_many(64, 800) && within;
    return within ? 0 : 1;
}
