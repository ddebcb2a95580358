/* deadline.c: the time is up on the loop's thread while another thread grants. One of the two wins, never
 * both or neither, and no permit is lost. */
#include "support.h"

#define SEMAPHORE ((rouse_semaphore *)&queue)

typedef struct timed_guest {
    rouse_timed timed;
    int answer, outcome, wakes;
} timed_guest;

static rouse_deadlines deadlines;
static rouse_mailbox mailbox;
static timed_guest one, two;
static size_t timed_out;

static void timed_wake(rouse_timed *t, rouse_status status) {
    timed_guest *const g = rouse_timed_data(t);
    g->outcome = status;
    g->wakes++;
}
static void begin(timed_guest *g, uint64_t until) {
    g->outcome = NOT_CALLED;
    g->wakes = 0;
    rouse_timed_init(&g->timed, &deadlines, &mailbox, timed_wake, g);
    g->answer = rouse_semaphore_acquire_until(SEMAPHORE, &g->timed, 1, until);
}
static void start(void) {
    guests_init(NULL);
    queue_start(0, 0);
    rouse_deadlines_init(&deadlines);
    rouse_mailbox_init(&mailbox, NULL, NULL);
    timed_out = 0;
}
static void run_out(void *unused) {
    (void)unused;
    timed_out += rouse_deadlines_run(&deadlines, 10);
}
static void drain_and_run_out(void *unused) {
    (void)rouse_mailbox_drain(&mailbox);
    run_out(unused);
}
static void begin_and_run_out(void *g) {
    begin(g, 5);
    run_out(NULL);
}
static void release(void *unused) {
    (void)unused;
    mc_assert(rouse_semaphore_release(SEMAPHORE, 1) == ROUSE_OK);
}
static bool has_permit(const timed_guest *g) {
    return g->answer == ROUSE_OK || g->outcome == ROUSE_OK;
}
/* The loop's next turns; then each has been told once, and the permits are all there. */
static void finish(int put_in, const timed_guest *a, const timed_guest *b) {
    int granted_now = 0, times = 0;
    run_out(NULL);
    (void)rouse_mailbox_drain(&mailbox);
    for (int i = 0; i < 2; i++) {
        const timed_guest *const g = i == 0 ? a : b;
        if (g != NULL) {
            mc_assert(g->wakes == (g->answer == ROUSE_PENDING ? 1 : 0));
            granted_now += has_permit(g) ? 1 : 0;
            times += g->outcome == ROUSE_TIMEDOUT ? 1 : 0;
        }
    }
    mc_assert((int)timed_out == times);
    mc_assert((int)rouse_semaphore_available(SEMAPHORE) == put_in - granted_now);
    mc_assert(rouse_deadlines_next(&deadlines) == UINT64_MAX);
    rouse_mailbox_destroy(&mailbox);
    rouse_deadlines_destroy(&deadlines);
    queue_finish();
}

static void release_run(void) {
    start();
    begin(&one, 10);
    run(release, NULL, run_out, NULL, ONLY_TWO);
    finish(1, &one, NULL);
}
static void release_drain_run(void) {
    start();
    begin(&one, 10);
    run(release, NULL, drain_and_run_out, NULL, ONLY_TWO);
    finish(1, &one, NULL);
}
static void release_run_two(void) {
    start();
    begin(&one, 10);
    begin(&two, 3);
    run(release, NULL, run_out, NULL, ONLY_TWO);
    finish(1, &one, &two);
}
static void release_begin_run(void) {
    start();
    run(release, NULL, begin_and_run_out, &one, ONLY_TWO);
    finish(1, &one, NULL);
}
static void two_release_run_two(void) {
    start();
    begin(&one, 10);
    begin(&two, 10);
    run(release, NULL, drain_and_run_out, NULL, release, NULL);
    finish(2, &one, &two);
}

const mc_scenario mc_scenarios[] = {
    {.name = "release, run", .body = release_run},
    {.name = "release, drain and run", .body = release_drain_run},
    {.name = "release, run, two wait", .body = release_run_two},
    {.name = "release, begin and run", .body = release_begin_run},
    {.name = "two release, run, two wait",
     .body = two_release_run_two,
     .bound = 2,
     .soak_bound = MC_NO_BOUND},
    {0},
};
