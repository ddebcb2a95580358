/* tests/faults/cost.c: atomic read-modify-writes, counted exactly, of the paths on which somebody queues.
 *
 * Each row is an average over ROUNDS, segment changes included, and must stay within its bound; what the usual case costs,
 * the most frequent count, is shown beside it. The locks of MUTEX are the platform's and are not counted. */
#include "seam.h"

#include <rouse/mutex.h>
#include <rouse/notify.h>
#include <rouse/semaphore.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROUNDS 4096
#define BATCH  256
#define MOST   64

typedef struct row {
    const char *what;
    double bound;
    uint64_t calls;
    uint64_t rmw;
    uint64_t frequency[MOST]; /* how many calls cost so many */
} row;

#include "../support/check.h"

/* Counts what `call` costs. */
#define COUNT(r, call)                     \
    do {                                   \
        const uint64_t before_ = seam.rmw; \
        CHECK(call);                       \
        note((r), seam.rmw - before_);     \
    } while (0)

static void note(row *r, uint64_t rmw) {
    CHECK(rmw < MOST);
    r->calls++;
    r->rmw += rmw;
    r->frequency[rmw]++;
}

static bool show(const row *r) {
    const double average = (double)r->rmw / (double)r->calls;
    unsigned usual = 0;
    for (unsigned i = 0; i < MOST; i++) {
        usual = r->frequency[i] > r->frequency[usual] ? i : usual;
    }
    printf("  %-52s usually %2u, average %6.3f, bound %.2f%s\n", r->what, usual, average, r->bound,
           average <= r->bound ? "" : "   <-- too many");
    return average <= r->bound;
}

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

/* `waiting` stand in the queue all the time; one more queues, the oldest is woken. */
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
        const uint64_t before = seam.rmw;
        uint64_t queued;
        for (uint32_t i = 0; i < BATCH; i++) {
            queue_one(&n.queue_, &waiters[i]);
        }
        queued = seam.rmw;
        CHECK(rouse_notify_all(&n) == BATCH);
        waking->calls += BATCH;
        waking->rmw += seam.rmw - queued;
        waking->frequency[(seam.rmw - queued) / BATCH]++;
        CHECK(queued > before);
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
    CHECK(each->frequency[1] == each->calls);
    rouse_semaphore_destroy(&s);
    rouse_notify_destroy(&n);
    rouse_mutex_destroy(&m);
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

int main(void) {
    static row plain = {"a call that finds nobody waiting (exactly)", 1.0, 0, 0, {0}};
    static row queue_alone = {"queue, alone", 3.25, 0, 0, {0}};
    static row wake_alone = {"release to one who waits alone", 2.5, 0, 0, {0}};
    static row queue_many = {"queue behind 100", 3.25, 0, 0, {0}};
    static row wake_many = {"release to the oldest of 100", 2.5, 0, 0, {0}};
    static row one = {"notify_one to one who waits", 2.5, 0, 0, {0}};
    static row unlocking = {"unlock to one who waits", 2.5, 0, 0, {0}};
    static row everybody = {"notify_all to 256, for each", 1.5, 0, 0, {0}};
    static row adding = {"add_waiter_if that queues", 3.25, 0, 0, {0}};
    static row leave_alone = {"cancel, alone", 3.0, 0, 0, {0}};
    static row leave_oldest = {"cancel 256, oldest first", 3.0, 0, 0, {0}};
    static row leave_newest = {"cancel 256, newest first", 3.0, 0, 0, {0}};
    static row leave_any = {"cancel 256, in steps of 101", 3.0, 0, 0, {0}};
    static row leave_behind = {"cancel 256 behind a head that stays, in steps of 101", 3.0, 0, 0, {0}};
    const row *const rows[] = {&plain,        &queue_alone,  &wake_alone, &queue_many,  &wake_many,
                               &one,          &unlocking,    &everybody,  &adding,      &leave_alone,
                               &leave_oldest, &leave_newest, &leave_any,  &leave_behind};
    bool within = true;
    uncontended(&plain);
    hand_over(&queue_alone, &wake_alone, 0);
    hand_over(&queue_many, &wake_many, 100);
    notify_and_unlock(&one, &unlocking);
    all(&everybody);
    add_if(&adding);
    cancel_alone(&leave_alone);
    cancel_all(&leave_oldest, 1, false);
    cancel_all(&leave_newest, BATCH - 1, false);
    cancel_all(&leave_any, 101, false);
    cancel_all(&leave_behind, 101, true);
    printf("atomic read-modify-writes (queue and release together: at most 5)\n");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        within = show(rows[i]) && within;
    }
    within = behind_many(1, 200) && within;
    within = behind_many(64, 800) && within;
    return within ? 0 : 1;
}
