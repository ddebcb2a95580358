/* mutex.c: one holder at a time, what a holder did is known to the next, unlock of a free mutex is
 * refused. */
#include "support.h"

static rouse_mutex mutex;

static void start(bool held) {
    guests_init(NULL);
    rouse_mutex_init(&mutex);
    mc_name(&mutex, sizeof mutex, "mutex");
    mc_assert(rouse_mutex_reserve(&mutex, 1) == ROUSE_OK);
    mc_assert(!held || rouse_mutex_try_lock(&mutex));
}
static void finish(bool locked) {
    mc_assert(rouse_mutex_is_locked(&mutex) == locked);
    rouse_mutex_destroy(&mutex);
}

static void hold(guest *g) {
    (void)g;
    shared++;
    mc_assert(rouse_mutex_unlock(&mutex) == ROUSE_OK);
}
static void lock_unlock(void *arg) {
    guest *const g = arg;
    g->then = hold;
    g->answer = rouse_mutex_lock(&mutex, &g->waiter);
    if (g->answer == ROUSE_OK) {
        hold(g);
    }
}
static void lock(void *g) {
    ((guest *)g)->answer = rouse_mutex_lock(&mutex, &((guest *)g)->waiter);
}
static void try_lock_unlock(void *g) {
    if (rouse_mutex_try_lock(&mutex)) {
        ((guest *)g)->answer = ROUSE_OK;
        hold(g);
    }
}
static rouse_status first_unlock, second_unlock;
static void unlock(void *status) {
    *(rouse_status *)status = rouse_mutex_unlock(&mutex);
}
static void cancel_lock(void *arg) {
    guest *const g = arg;
    if (g->answer == ROUSE_PENDING) {
        g->cancelled = rouse_mutex_cancel(&mutex, &g->waiter);
    }
}

static void two_lock(void) {
    start(false);
    run(lock_unlock, A, lock_unlock, B, ONLY_TWO);
    mc_assert(granted(A) && granted(B) && shared == 2);
    finish(false);
}
static void three_lock(void) {
    start(false);
    run(lock_unlock, A, lock_unlock, B, lock_unlock, C);
    mc_assert(granted(A) && granted(B) && granted(C) && shared == 3);
    finish(false);
}
static void lock_try(void) {
    start(false);
    run(lock_unlock, A, try_lock_unlock, B, ONLY_TWO);
    mc_assert(granted(A) && shared == 1 + count(granted) - 1);
    finish(false);
}
static void two_try(void) {
    start(false);
    run(try_lock_unlock, A, try_lock_unlock, B, ONLY_TWO);
    mc_assert(shared == count(granted) && shared >= 1);
    finish(false);
}
static void unlock_lock(void) {
    start(true);
    run(unlock, &first_unlock, lock, A, ONLY_TWO);
    mc_assert(first_unlock == ROUSE_OK && granted(A));
    finish(true);
}
static void unlock_two_lock(void) {
    start(true);
    run(unlock, &first_unlock, lock, A, lock, B);
    mc_assert(first_unlock == ROUSE_OK && count(granted) == 1 && count(waiting) == 1);
    mc_assert(rouse_mutex_unlock(&mutex) == ROUSE_OK && count(granted) == 2);
    finish(true);
}
static void unlock_cancel(void) {
    start(true);
    lock(A);
    run(unlock, &first_unlock, cancel_lock, A, ONLY_TWO);
    mc_assert(first_unlock == ROUSE_OK && granted(A) != (A->cancelled != 0));
    finish(granted(A));
}
static void unlock_cancel_lock(void) {
    start(true);
    lock(A);
    run(unlock, &first_unlock, cancel_lock, A, lock, B);
    mc_assert(first_unlock == ROUSE_OK && count(granted) == 1);
    mc_assert(granted(A) == waiting(B));
    mc_assert(rouse_mutex_unlock(&mutex) == ROUSE_OK);
    finish(granted(A));
}
/* Unlocked twice, held once: one of them is refused. */
static void two_unlock(void) {
    start(true);
    run(unlock, &first_unlock, unlock, &second_unlock, ONLY_TWO);
    mc_assert((first_unlock == ROUSE_OK) != (second_unlock == ROUSE_OK));
    mc_assert(first_unlock == ROUSE_INVALID || second_unlock == ROUSE_INVALID);
    finish(false);
}

/* Held by one, with one behind: the third unlock is one too many, whichever comes first. */
static void unlock_twice(void *unused) {
    (void)unused;
    unlock(&first_unlock);
    unlock(&second_unlock);
}
static rouse_status third_unlock;
static void three_unlock(void) {
    start(true);
    lock(A);
    run(unlock_twice, NULL, unlock, &third_unlock, ONLY_TWO);
    mc_assert(granted(A));
    mc_assert((first_unlock == ROUSE_OK) + (second_unlock == ROUSE_OK) + (third_unlock == ROUSE_OK) == 2);
    mc_assert((first_unlock == ROUSE_INVALID) + (second_unlock == ROUSE_INVALID) +
                  (third_unlock == ROUSE_INVALID) ==
              1);
    finish(false);
}
/* The same while the one behind gives up. */
static void three_unlock_cancel(void) {
    int ok;
    start(true);
    lock(A);
    run(unlock_twice, NULL, unlock, &third_unlock, cancel_lock, A);
    ok = (first_unlock == ROUSE_OK) + (second_unlock == ROUSE_OK) + (third_unlock == ROUSE_OK);
    mc_assert(ok == 1 + (granted(A) ? 1 : 0));
    mc_assert((first_unlock == ROUSE_INVALID) + (second_unlock == ROUSE_INVALID) +
                  (third_unlock == ROUSE_INVALID) ==
              3 - ok);
    finish(false);
}

const mc_scenario mc_scenarios[] = {
    {.name = "two lock", .body = two_lock},
    {.name = "three lock", .body = three_lock, .bound = 2, .soak_bound = MC_NO_BOUND},
    {.name = "lock, try", .body = lock_try},
    {.name = "two try", .body = two_try},
    {.name = "unlock, lock", .body = unlock_lock},
    {.name = "unlock, two lock",
     .body = unlock_two_lock,
     .bound = LOCKFREE_BOUND(2),
     .soak_bound = MC_NO_BOUND},
    {.name = "unlock, cancel", .body = unlock_cancel},
    {.name = "unlock, cancel, lock",
     .body = unlock_cancel_lock,
     .bound = LOCKFREE_BOUND(2),
     .soak_bound = MC_NO_BOUND},
    {.name = "two unlock", .body = two_unlock},
    {.name = "three unlock", .body = three_unlock},
    {.name = "three unlock, cancel", .body = three_unlock_cancel, .bound = 2},
    {0},
};
