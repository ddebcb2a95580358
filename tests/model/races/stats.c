/* stats.c: every wait is counted once, whatever ends it. A thread that looks for the oldest waiter loses
 * no wake and touches no waiter that has gone. The statistics are not touched any more when the granted
 * guest gets its outcome. */
#define ROUSE_STATS
#define ROUSE_STATS_NOW() 1000
#include "support.h"

typedef struct counted {
    rouse_waiter_queue queue;
    rouse_stats stats;
} counted;
static counted *it;
static rouse_stats seen; /* copied by the last one that has it */

static void start(int passed) {
    guests_init(NULL);
    it = malloc(sizeof *it);
    memset(&seen, 0, sizeof seen);
    rouse_stats_init(&it->stats, "model");
    rouse_waiter_queue_init(&it->queue, 0);
    mc_name(&it->queue, sizeof it->queue, "queue");
    mc_assert(rouse_waiter_queue_reserve(&it->queue, 1) == ROUSE_OK);
    for (int i = 0; i < passed; i++) {
        mc_assert(rouse_waiter_queue_wait(&it->queue, &E->waiter, 1) == ROUSE_PENDING);
        mc_assert(rouse_waiter_queue_wake_one(&it->queue));
    }
    guests_init(NULL);
    mc_assert(rouse_waiter_queue_attach_stats(&it->queue, &it->stats) == ROUSE_OK);
}
static void destroy(void) {
    rouse_stats_read(&it->stats, &seen);
    rouse_waiter_queue_destroy(&it->queue);
    free(it);
    it = NULL;
}
static void finish(uint64_t granted_ones, uint64_t cancelled_ones) {
    mc_assert(rouse_waiter_queue_oldest_ns(&it->queue, 1001) == 0);
    destroy();
    mc_assert(rouse_stats_count(&seen) == granted_ones && seen.cancelled == cancelled_ones);
    mc_assert(seen.waiting == 0 && seen.closed == 0);
}

static void wait_one(void *g) {
    ((guest *)g)->answer = rouse_waiter_queue_wait(&it->queue, &((guest *)g)->waiter, 1);
}
static void release_one(void *unused) {
    (void)unused;
    mc_assert(rouse_waiter_queue_wake(&it->queue, 1, ROUSE_MAX_PERMITS) == ROUSE_OK);
}
static void look(void *age) {
    *(uint64_t *)age = rouse_waiter_queue_oldest_ns(&it->queue, 1001);
}
static void leave(void *arg) {
    guest *const g = arg;
    if (rouse_waiter_queue_cancel(&it->queue, &g->waiter)) {
        memset(&g->waiter, 0, sizeof g->waiter);
        g->cancelled = true;
    }
}
static uint64_t age;

static void look_release(void) {
    start(0);
    wait_one(A);
    run(look, &age, release_one, NULL, ONLY_TWO);
    mc_assert(granted(A) && (age == 0 || age == 1));
    finish(1, 0);
}
static void look_wait_release(void) {
    start(1);
    wait_one(A);
    run(look, &age, wait_one, B, release_one, NULL);
    mc_assert(granted(A) && waiting(B) && age <= 1);
    leave(B);
    finish(1, 1);
}
static void look_cancel(void) {
    start(0);
    wait_one(A);
    wait_one(B);
    run(look, &age, leave, A, ONLY_TWO);
    mc_assert(A->cancelled && waiting(B) && age == 1);
    leave(B);
    finish(0, 2);
}
static void release_cancel(void) {
    start(1);
    wait_one(A);
    run(release_one, NULL, leave, A, ONLY_TWO);
    mc_assert(A->cancelled != granted(A));
    finish(A->cancelled ? 0 : 1, A->cancelled ? 1 : 0);
}

/* ---- the last touch ------------------------------------------------------------------------------------------------ */

static void poll_destroy(void *arg) {
    while (rouse_waiter_status(&((guest *)arg)->waiter) == ROUSE_PENDING) {
        sched_yield();
    }
    destroy();
}
static void all(void *unused) {
    (void)unused;
    (void)rouse_waiter_queue_wake_all(&it->queue);
}
static void freed_by(void (*who)(void *)) {
    start(0);
    guest_init_polled(A);
    guest_init_polled(B);
    wait_one(A);
    wait_one(B);
    if (who == release_one) {
        release_one(NULL);
    }
    run(who, NULL, poll_destroy, B, ONLY_TWO);
    mc_assert(rouse_stats_count(&seen) == 2 && seen.waiting == 0);
}
static void release_freed(void) {
    freed_by(release_one);
}
static void wake_all_freed(void) {
    freed_by(all);
}

const mc_scenario mc_scenarios[] = {
    {.name = "look, release", .body = look_release},
    {.name = "look, wait, release",
     .body = look_wait_release,
     .bound = ROUSE_BACKEND == ROUSE_BACKEND_LOCKFREE ? 1 : 2,
     .soak_bound = MC_NO_BOUND},
    {.name = "look, cancel", .body = look_cancel},
    {.name = "release, cancel", .body = release_cancel},
    {.name = "release, told destroys all", .body = release_freed, .bound = LOCKFREE_BOUND(3)},
    {.name = "wake all, told destroys all", .body = wake_all_freed, .bound = LOCKFREE_BOUND(3)},
    {0},
};
