/* trace.c: every "queue" that ROUSE_TRACE tells has one end, "grant" or "cancel", also where a wait is answered at once. */
static void note(const char *event);
#define ROUSE_TRACE(event, object, waiter) ((void)(object), (void)(waiter), note(event))
#include "support.h"

/* Not the scenario's memory: the checker does not look at it. */
static int queued, ended;
__attribute__((no_sanitize("thread"), noinline)) static void note(const char *event) {
    queued += event[0] == 'q' ? 1 : 0;
    ended += event[0] == 'g' || (event[0] == 'c' && event[1] == 'a') ? 1 : 0;
}
__attribute__((no_sanitize("thread"), noinline)) static void told_from_here(void) {
    queued = ended = 0;
}
__attribute__((no_sanitize("thread"), noinline)) static int open_ends(void) {
    return queued - ended;
}

static void start(void) {
    guests_init(NULL);
    queue_start(0, 0);
    told_from_here();
}
static void finish(void) {
    mc_assert(open_ends() == count(waiting));
    queue_finish();
    mc_assert(open_ends() == 0);
}
static bool never(void *arg) {
    (void)arg;
    return false;
}
static int looks;
static bool at_the_second_look(void *arg) {
    (void)arg;
    return ++looks == 2;
}
static void wait_if_twice(void *g) {
    looks = 0;
    ((guest *)g)->answer =
        rouse_waiter_queue_add_waiter_if(&queue, &((guest *)g)->waiter, at_the_second_look, NULL);
}
static void wait_if(void *g) {
    ((guest *)g)->answer = rouse_waiter_queue_add_waiter_if(&queue, &((guest *)g)->waiter, never, NULL);
}
static void wait_give(void) {
    start();
    run(wait_1, A, give_1, NULL, ONLY_TWO);
    finish();
}
static void two_wait_give(void) {
    start();
    run(wait_1, A, wait_1, B, give_1, NULL);
    finish();
}
static void wait_close(void) {
    start();
    run(wait_1, A, close_queue, NULL, ONLY_TWO);
    finish();
}
static void wait_all(void) {
    start();
    run(wait_1, A, wake_all, NULL, ONLY_TWO);
    finish();
}
static void wait_two_give_two(void) {
    start();
    run(wait_2, A, give_2, NULL, ONLY_TWO);
    finish();
}
static void wait_cancel_give(void) {
    start();
    run(wait_and_cancel, A, give_1, NULL, ONLY_TWO);
    finish();
}
static void condition_give(void) {
    start();
    run(wait_if, A, give_1, NULL, ONLY_TWO);
    finish();
}
static void condition_holds(void) {
    start();
    run(wait_if_twice, A, give_1, NULL, ONLY_TWO);
    finish();
}

/* A limit: also where the permit comes back while the waiter is on its way into the list. */
static rouse_limit limit;
static void limit_acquire(void *g) {
    ((guest *)g)->answer = rouse_limit_acquire(&limit, &((guest *)g)->waiter, 1);
}
static void limit_back(void *unused) {
    (void)unused;
    mc_assert(rouse_limit_give_back(&limit, 1) == ROUSE_OK);
}
static void limit_acquire_back(void) {
    guests_init(NULL);
    (void)rouse_limit_init(&limit, 1, 8);
    mc_assert(rouse_limit_try_acquire(&limit, 1));
    told_from_here();
    run(limit_acquire, A, limit_back, NULL, ONLY_TWO);
    mc_assert(granted(A) && open_ends() == 0);
    limit_acquire(B);
    mc_assert(open_ends() == 1);
    (void)rouse_limit_close(&limit);
    mc_assert(open_ends() == 0);
    rouse_limit_destroy(&limit);
}

const mc_scenario mc_scenarios[] = {
    {.name = "wait, give", .body = wait_give},
    {.name = "two wait, give", .body = two_wait_give, .bound = 2, .soak_bound = MC_NO_BOUND},
    {.name = "wait, close", .body = wait_close},
    {.name = "wait, all", .body = wait_all},
    {.name = "wait for two, give two", .body = wait_two_give_two},
    {.name = "wait and cancel, give", .body = wait_cancel_give},
    {.name = "condition, give", .body = condition_give},
    {.name = "condition that holds, give", .body = condition_holds},
    {.name = "limit: acquire, back", .body = limit_acquire_back},
    {0},
};
