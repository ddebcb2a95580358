/* tests/faults/balance.c: calls that need nothing but the balance come in at every scheduling point of a call that changes it.
 * Permits: a release of one, a take of one or of all there can be. While nobody waits these ask for no lock, and so come in
 * under the call's own lock as well. The mutex: a lock, a second unlock. Wherever they come in, no permit is lost or made. */
#include "seam.h"

#include <rouse/mutex.h>
#include <rouse/semaphore.h>

#include <stdio.h>
#include <stdlib.h>

#define CHECK_CONTEXT "(%s, \"%s\" at point %llu)", case_name, others, (unsigned long long)point
#include "../support/check.h"

static const char *case_name;
static const char *others; /* what comes in */
static uint64_t point;
static bool reached;
static struct tally { uint64_t points, overflows, stands, taken, queued, handed, twice; } total;

/* ---- permits ------------------------------------------------------------------------------------------------------------ */

static rouse_semaphore s;
static rouse_waiter w;
static int64_t put_in;
static int64_t held;

static void come_in(void) {
    reached = true;
    seam.stop_at = 0;
    for (const char *op = others; *op != '\0'; op++) {
        const int64_t balance = rouse_word_balance_(s.queue_.word_.value_);
        if (*op == 't' && rouse_semaphore_try_acquire(&s, 1)) {
            held++;
        } else if (*op == 'T' && rouse_semaphore_try_acquire(&s, ROUSE_MAX_PERMITS)) {
            held += ROUSE_MAX_PERMITS;
        } else if (*op == 'r' && balance >= 0 && balance < ROUSE_MAX_PERMITS) {
            CHECK(rouse_semaphore_release(&s, 1) == ROUSE_OK);
            put_in++;
        }
    }
}

static void release_one(void) {
    const rouse_status status = rouse_semaphore_release(&s, 1);
    CHECK(status == ROUSE_OK || status == ROUSE_OVERFLOW);
    put_in += status == ROUSE_OK ? 1 : 0;
    total.overflows += status == ROUSE_OVERFLOW ? 1 : 0;
    total.stands += status == ROUSE_OK ? 1 : 0;
}
static void release_two(void) {
    const rouse_status status = rouse_semaphore_release(&s, 2);
    CHECK(status == ROUSE_OK || status == ROUSE_OVERFLOW);
    put_in += status == ROUSE_OK ? 2 : 0;
}
static void reduce_five(void) {
    put_in -= rouse_semaphore_reduce(&s, 5);
}
static void acquire(uint32_t n) {
    const rouse_status status = rouse_semaphore_acquire(&s, &w, n);
    CHECK(status == ROUSE_OK || status == ROUSE_PENDING);
    total.taken += status == ROUSE_OK ? 1 : 0;
    total.queued += status == ROUSE_PENDING ? 1 : 0;
    held += status == ROUSE_OK ? n : 0;
    if (status == ROUSE_PENDING) {
        CHECK(rouse_semaphore_waiter_count(&s) == 1 && rouse_waiter_status(&w) == ROUSE_PENDING);
        CHECK(rouse_semaphore_cancel(&s, &w));
    }
}
static void acquire_one(void) {
    acquire(1);
}
static void acquire_two(void) {
    acquire(2);
}

/* False: the call has no such point. */
static bool permits_at(uint32_t credit, void (*call)(void)) {
    rouse_semaphore_init(&s, credit);
    rouse_waiter_init(&w, NULL, NULL);
    put_in = credit;
    held = 0;
    reached = false;
    seam.passed = 0;
    seam.stopped = come_in;
    seam.stop_at = point;
    call();
    seam.stop_at = 0;
    CHECK(rouse_semaphore_waiter_count(&s) == 0);
    CHECK(rouse_semaphore_available(&s) == put_in - held);
    rouse_semaphore_destroy(&s);
    total.points += reached ? 1 : 0;
    return reached;
}

static void permits(const char *name, uint32_t credit, void (*call)(void)) {
    static const char *const rows[] = {"t", "r", "tr", "rt", "tt", "ttr", "rr", "Tt"};
    case_name = name;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        others = rows[i];
        for (point = 1; permits_at(credit, call); point++) {
        }
    }
}

/* ---- the mutex ------------------------------------------------------------------------------------------------------------ */

static rouse_mutex m;
static rouse_status other_status;

static void lock_comes_in(void) {
    reached = true;
    seam.stop_at = 0;
    other_status = rouse_mutex_lock(&m, &w);
}
static void unlock_comes_in(void) {
    reached = true;
    seam.stop_at = 0;
    other_status = rouse_mutex_unlock(&m);
}

static bool unlock_at(void (*other)(void)) {
    rouse_status status;
    rouse_mutex_init(&m);
    rouse_waiter_init(&w, NULL, NULL);
    CHECK(rouse_mutex_try_lock(&m));
    reached = false;
    seam.passed = 0;
    seam.stopped = other;
    seam.stop_at = point;
    status = rouse_mutex_unlock(&m);
    seam.stop_at = 0;
    if (reached && other == lock_comes_in) {
        /* Whether it was free when the other came, or is handed over: the other has it, alone. */
        CHECK(status == ROUSE_OK && (other_status == ROUSE_OK || rouse_waiter_status(&w) == ROUSE_OK));
        CHECK(rouse_mutex_is_locked(&m) && !rouse_mutex_try_lock(&m));
        CHECK(rouse_mutex_unlock(&m) == ROUSE_OK);
        total.handed += other_status == ROUSE_PENDING ? 1 : 0;
    } else if (reached) {
        CHECK((status == ROUSE_OK) != (other_status == ROUSE_OK));
        CHECK(status == ROUSE_INVALID || other_status == ROUSE_INVALID);
        total.twice += status == ROUSE_INVALID ? 1 : 0;
    }
    CHECK(rouse_mutex_try_lock(&m) && !rouse_mutex_try_lock(&m) && rouse_mutex_unlock(&m) == ROUSE_OK);
    rouse_mutex_destroy(&m);
    total.points += reached ? 1 : 0;
    return reached;
}

static void mutex(const char *name, void (*other)(void)) {
    case_name = name;
    others = "";
    for (point = 1; unlock_at(other); point++) {
    }
}

int main(void) {
    permits("release 1 at the limit", ROUSE_MAX_PERMITS, release_one);
    permits("release 1 below the limit", ROUSE_MAX_PERMITS - 1, release_one);
    permits("release 2 below the limit", ROUSE_MAX_PERMITS - 1, release_two);
    permits("reduce 5 of 3", 3, reduce_five);
    permits("reduce 5 of 7", 7, reduce_five);
    permits("acquire 1 of none", 0, acquire_one);
    permits("acquire 1 of one", 1, acquire_one);
    permits("acquire 2 of one", 1, acquire_two);
    mutex("unlock, lock", lock_comes_in);
    mutex("unlock, unlock", unlock_comes_in);
    CHECK(total.overflows != 0 && total.stands != 0 && total.taken != 0 && total.queued != 0);
    CHECK(total.handed != 0 && total.twice != 0);
    printf("balance: others came in at %llu points\n", (unsigned long long)total.points);
    return 0;
}
