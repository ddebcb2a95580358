/* blocking.c: a thread that blocks is woken by a grant, and a time-out that loses to one reports the grant. */
#include "support.h"

static rouse_semaphore *semaphore;
static rouse_status first, second;

/* The part of the stack on which the blocking call's waiter lay is used for something else. */
static __attribute__((noinline)) void use_stack(void) {
    char other[1024];
    memset(other, 0xdb, sizeof other);
}

static void start(uint32_t permits) {
    guests_init(NULL);
    semaphore = (rouse_semaphore *)&queue;
    queue_start(permits, 0);
}
static void release(void *unused) {
    (void)unused;
    shared = 1;
    give(1);
}
static void release_only(void *unused) {
    (void)unused;
    give(1);
}
static void acquire(void *unused) {
    (void)unused;
    first = rouse_semaphore_acquire_blocking(semaphore, 1);
    use_stack();
    mc_assert(first == ROUSE_OK && shared == 1);
}
static void acquire_timed(void *unused) {
    (void)unused;
    first = rouse_semaphore_acquire_timed(semaphore, 1, 1000);
    use_stack();
    mc_assert(first == ROUSE_OK || first == ROUSE_TIMEDOUT);
    mc_assert(first != ROUSE_OK || shared == 1);
}
static void acquire_again(void *unused) {
    (void)unused;
    second = rouse_semaphore_acquire_blocking(semaphore, 1);
}
static void close_semaphore(void *unused) {
    (void)unused;
    (void)rouse_semaphore_close(semaphore);
}
static void acquire_closed(void *unused) {
    (void)unused;
    first = rouse_semaphore_acquire_blocking(semaphore, 1);
}

/* The same waiter for two waits, one after the other. */
static void await_twice(void *unused) {
    rouse_thread_waiter t;
    (void)unused;
    rouse_thread_waiter_init(&t);
    first = rouse_thread_waiter_await(&t, rouse_semaphore_acquire(semaphore, &t.waiter, 1));
    second = rouse_thread_waiter_await(&t, rouse_semaphore_acquire(semaphore, &t.waiter, 1));
    rouse_thread_waiter_destroy(&t);
    mc_assert(first == ROUSE_OK && second == ROUSE_OK);
}
/* Looks, then sleeps for a while, then gives up; a grant that was quicker is awaited. */
static void await_until(void *unused) {
    rouse_thread_waiter t;
    (void)unused;
    rouse_thread_waiter_init(&t);
    first = rouse_semaphore_acquire(semaphore, &t.waiter, 1);
    if (first == ROUSE_PENDING && !rouse_thread_waiter_await_until(&t, 0, &first) &&
        !rouse_thread_waiter_await_until(&t, rouse_now_ns() + 1000, &first)) {
        first = rouse_semaphore_cancel(semaphore, &t.waiter) ? ROUSE_TIMEDOUT
                                                             : rouse_thread_waiter_await(&t, ROUSE_PENDING);
    }
    rouse_thread_waiter_destroy(&t);
    use_stack();
    mc_assert(first == ROUSE_OK || first == ROUSE_TIMEDOUT);
    mc_assert(first != ROUSE_OK || shared == 1);
}
/* The thread that is granted knows that no other thread will use the semaphore. */
static void acquire_and_destroy(void *unused) {
    (void)unused;
    first = rouse_semaphore_acquire_blocking(semaphore, 1);
    mc_assert(first == ROUSE_OK);
    rouse_semaphore_destroy(semaphore);
    memset((void *)semaphore, 0xdb, sizeof *semaphore);
}

static void blocks_twice(void) {
    start(0);
    run(await_twice, NULL, release_only, NULL, release_only, NULL);
    mc_assert(rouse_semaphore_available(semaphore) == 0);
    queue_finish();
}
static void looks_and_gives_up(void) {
    start(0);
    run(await_until, NULL, release, NULL, ONLY_TWO);
    mc_assert(rouse_semaphore_available(semaphore) == (first == ROUSE_OK ? 0 : 1));
    mc_reached(first == ROUSE_OK ? 0 : 1);
    queue_finish();
}
static void destroys(void) {
    start(0);
    run(acquire_and_destroy, NULL, release, NULL, ONLY_TWO);
}

static void blocks(void) {
    start(0);
    run(acquire, NULL, release, NULL, ONLY_TWO);
    mc_assert(rouse_semaphore_available(semaphore) == 0);
    queue_finish();
}
static void times_out(void) {
    start(0);
    run(acquire_timed, NULL, release, NULL, ONLY_TWO);
    mc_assert(rouse_semaphore_available(semaphore) == (first == ROUSE_OK ? 0 : 1));
    mc_reached(first == ROUSE_OK ? 0 : 1);
    queue_finish();
}
static void times_out_behind(void) {
    start(0);
    run(acquire_timed, NULL, acquire_again, NULL, ONLY_TWO);
    queue_finish();
}
/* The time-out of one races with a permit that the other one can have. */
static void acquire_timed_second(void *unused) {
    (void)unused;
    second = rouse_semaphore_acquire_timed(semaphore, 1, 1000);
    mc_assert(second == ROUSE_OK || second == ROUSE_TIMEDOUT);
}
static void two_time_out(void) {
    start(0);
    run(acquire_timed, NULL, acquire_timed_second, NULL, release, NULL);
    mc_assert(first != ROUSE_OK || second != ROUSE_OK);
    mc_assert(rouse_semaphore_available(semaphore) == (first == ROUSE_OK || second == ROUSE_OK ? 0 : 1));
    queue_finish();
}
static void acquire_timed_closed(void *unused) {
    (void)unused;
    first = rouse_semaphore_acquire_timed(semaphore, 1, 1000);
    mc_assert(first == ROUSE_CLOSED || first == ROUSE_TIMEDOUT);
}
static void time_out_closed(void) {
    start(0);
    run(acquire_timed_closed, NULL, close_semaphore, NULL, ONLY_TWO);
    queue_finish();
}
static void acquire_timed_2(void *unused) {
    (void)unused;
    first = rouse_semaphore_acquire_timed(semaphore, 2, 1000);
    mc_assert(first == ROUSE_OK || first == ROUSE_TIMEDOUT);
}
static void time_out_of_two(void) {
    start(1);
    run(acquire_timed_2, NULL, release, NULL, ONLY_TWO);
    mc_assert(rouse_semaphore_available(semaphore) == (first == ROUSE_OK ? 0 : 2));
    queue_finish();
}
static void block_closed(void) {
    start(0);
    run(acquire_closed, NULL, close_semaphore, NULL, ONLY_TWO);
    mc_assert(first == ROUSE_CLOSED);
    queue_finish();
}

/* A thread that is ended while it sleeps, as its clean-up sees it: a thread that is waking it has finished
 * with its stack. */
static void acquire_and_end(void *unused) {
    rouse_thread_waiter t;
    rouse_block_ b = {&t, semaphore, rouse_block_leave_queue_, rouse_block_give_to_queue_, 1};
    (void)unused;
    rouse_thread_waiter_init(&t);
    first = rouse_semaphore_acquire(semaphore, &t.waiter, 1);
    if (first == ROUSE_PENDING) {
        rouse_block_abandon_(&b);
        memset(&t, 0xdb, sizeof t);
    }
}
static void ends_asleep(void) {
    start(0);
    run(acquire_and_end, NULL, release_only, NULL, ONLY_TWO);
    mc_assert(rouse_semaphore_available(semaphore) == (first == ROUSE_PENDING ? 1 : 0));
    queue_finish();
}

const mc_scenario mc_scenarios[] = {
    {.name = "block, release", .body = blocks, .flags = MC_STACKS},
    {.name = "time-out, release", .body = times_out, .flags = MC_STACKS},
    {.name = "block, release, woken for no reason", .body = blocks, .flags = MC_STACKS | MC_SPURIOUS},
    {.name = "time-out, release, woken for no reason", .body = times_out, .flags = MC_STACKS | MC_SPURIOUS},
    {.name = "two time-outs, release", .body = two_time_out, .flags = MC_STACKS, .bound = 1, .soak_bound = 2},
    {.name = "time-out, close", .body = time_out_closed, .flags = MC_STACKS},
    {.name = "time-out of a request for 2, release", .body = time_out_of_two, .flags = MC_STACKS},
    {.name = "nobody releases", .body = times_out_behind, .flags = MC_STACKS, .expect = "deadlock"},
    {.name = "block, close", .body = block_closed, .flags = MC_STACKS},
    {.name = "ended asleep, release", .body = ends_asleep, .flags = MC_STACKS},
    {.name = "block twice, two release",
     .body = blocks_twice,
     .flags = MC_STACKS,
     .bound = 2,
     .soak_bound = 3},
    {.name = "look, wait, give up, release", .body = looks_and_gives_up, .flags = MC_STACKS},
    {.name = "block and destroy, release", .body = destroys, .flags = MC_STACKS},
    {0},
};
