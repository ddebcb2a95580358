/* any.c: one winner, in whichever order the grants come. The loser's grant is handed on, and no arm stays
 * queued. */
#include "support.h"

#include <rouse/any.h>

typedef struct two {
    rouse_semaphore s[2];
    rouse_arm arms[2];
    rouse_any any;
    int answer, tellings, index, outcome, cancelled;
} two;

static two *t;
static bool frees;

static void on_any(rouse_any *any, int index, rouse_status status) {
    mc_assert(any == &t->any && ++t->tellings == 1);
    t->index = index;
    t->outcome = status;
    if (index == 0) {
        shared++; /* ordered after the release of arm 0, whichever thread tells */
    }
    memset(t->arms, 0, sizeof t->arms); /* nobody looks at them any more */
    if (frees) {
        rouse_semaphore_destroy(&t->s[0]);
        rouse_semaphore_destroy(&t->s[1]);
        free(t);
    }
}

static void start(void) {
    guests_init(NULL);
    t = malloc(sizeof *t);
    memset(t, 0, sizeof *t);
    for (int i = 0; i < 2; i++) {
        (void)rouse_semaphore_init(&t->s[i], 0);
        mc_assert(rouse_semaphore_reserve(&t->s[i], 1) == ROUSE_OK);
        rouse_arm_semaphore(&t->arms[i], &t->s[i], 1);
    }
    rouse_any_init(&t->any, t->arms, 2, NULL, on_any, NULL);
    t->answer = NOT_CALLED;
    frees = false;
}

static void wait_any(void *unused) {
    (void)unused;
    const rouse_status answer = rouse_any_wait(&t->any);
    if (!frees) {
        t->answer = answer;
    } else if (answer == ROUSE_OK) {
        on_any(&t->any, rouse_any_index(&t->any), answer);
    }
}
static void release_0(void *unused) {
    (void)unused;
    shared++;
    mc_assert(rouse_semaphore_release(&t->s[0], 1) == ROUSE_OK);
}
/* Writes nothing itself: two releases are not ordered. */
static void release_1(void *unused) {
    (void)unused;
    mc_assert(rouse_semaphore_release(&t->s[1], 1) == ROUSE_OK);
}
static void close_1(void *unused) {
    (void)unused;
    (void)rouse_semaphore_close(&t->s[1]);
}
static void cancel_any(void *unused) {
    (void)unused;
    t->cancelled = rouse_any_cancel(&t->any);
}
static unsigned taken;
static void newcomer_0(void *unused) {
    (void)unused;
    taken = rouse_semaphore_try_acquire(&t->s[0], 1) ? 1 : 0;
}

/* So many permits were put in: one of them is the any's, or all are free. Nobody is queued, unless it still waits. */
static void finish(unsigned put_in) {
    const bool has = t->answer == ROUSE_OK || (t->tellings == 1 && t->outcome == ROUSE_OK);
    const bool waits = t->answer == ROUSE_PENDING && t->tellings == 0 && !t->cancelled;
    mc_assert(t->tellings == 0 || t->answer == ROUSE_PENDING);
    mc_assert(!(t->cancelled && t->tellings));
    mc_assert(rouse_semaphore_available(&t->s[0]) + rouse_semaphore_available(&t->s[1]) ==
              put_in - (has ? 1 : 0));
    if (waits) {
        mc_assert(put_in == 0 && rouse_any_cancel(&t->any));
    }
    for (int i = 0; i < 2; i++) {
        mc_assert(rouse_semaphore_waiter_count(&t->s[i]) == 0);
        rouse_semaphore_destroy(&t->s[i]);
    }
    free(t);
}

static void wait_release(void) {
    start();
    run(wait_any, NULL, release_0, NULL, ONLY_TWO);
    mc_assert(t->answer == ROUSE_OK || t->tellings == 1);
    finish(1);
}
static void queued_two_release(void) {
    start();
    wait_any(NULL);
    mc_assert(t->answer == ROUSE_PENDING);
    run(release_0, NULL, release_1, NULL, ONLY_TWO);
    mc_assert(t->tellings == 1);
    finish(2);
}
static void wait_two_release(void) {
    start();
    run(wait_any, NULL, release_0, NULL, release_1, NULL);
    mc_assert(t->answer == ROUSE_OK || t->tellings == 1);
    finish(2);
}
static void queued_release_cancel(void) {
    start();
    wait_any(NULL);
    run(release_0, NULL, cancel_any, NULL, ONLY_TWO);
    mc_assert(t->cancelled != t->tellings);
    finish(1);
}
static void queued_two_release_cancel(void) {
    start();
    wait_any(NULL);
    run(release_0, NULL, release_1, NULL, cancel_any, NULL);
    mc_assert(t->cancelled != t->tellings);
    finish(2);
}
static void queued_release_close(void) {
    start();
    wait_any(NULL);
    run(release_0, NULL, close_1, NULL, ONLY_TWO);
    mc_assert(t->tellings == 1 && t->outcome == (t->index == 0 ? ROUSE_OK : ROUSE_CLOSED));
    finish(1);
}
/* Arm 0 is invited, and a newcomer may be quicker. */
static void start_invited(void) {
    start();
    taken = 0;
    rouse_semaphore_destroy(&t->s[0]);
    rouse_semaphore_init_throughput(&t->s[0], 0, 4);
    mc_assert(rouse_semaphore_reserve(&t->s[0], 1) == ROUSE_OK);
    wait_any(NULL);
    mc_assert(t->answer == ROUSE_PENDING);
}
static void invited_newcomer_release(void) {
    start_invited();
    run(release_0, NULL, release_1, NULL, newcomer_0, NULL);
    mc_assert(t->tellings == 1 && t->outcome == ROUSE_OK);
    finish(2 - taken);
}
static void invited_newcomer_cancel(void) {
    start_invited();
    run(release_0, NULL, cancel_any, NULL, newcomer_0, NULL);
    mc_assert(t->cancelled != t->tellings);
    mc_assert(t->cancelled || t->outcome == ROUSE_OK || (t->outcome == ROUSE_CANCELLED && t->index == -1));
    finish(1 - taken);
}
static void told_frees_everything(void) {
    start();
    frees = true;
    run(wait_any, NULL, release_0, NULL, ONLY_TWO);
}

const mc_scenario mc_scenarios[] = {
    {.name = "wait, release", .body = wait_release, .bound = LOCKFREE_BOUND(3), .soak_bound = MC_NO_BOUND},
    {.name = "queued, two release", .body = queued_two_release, .bound = LOCKFREE_BOUND(3), .soak_bound = 5},
    {.name = "wait, two release", .body = wait_two_release, .bound = 2, .soak_bound = 3},
    {.name = "queued, release, cancel",
     .body = queued_release_cancel,
     .bound = LOCKFREE_BOUND(3),
     .soak_bound = 5},
    {.name = "queued, two release, cancel", .body = queued_two_release_cancel, .bound = 2, .soak_bound = 3},
    {.name = "queued, release, close",
     .body = queued_release_close,
     .bound = LOCKFREE_BOUND(3),
     .soak_bound = 5},
    {.name = "invited, newcomer, release", .body = invited_newcomer_release, .bound = 2, .soak_bound = 3},
    {.name = "invited, newcomer, cancel", .body = invited_newcomer_cancel, .bound = 2, .soak_bound = 3},
    {.name = "told frees everything",
     .body = told_frees_everything,
     .bound = LOCKFREE_BOUND(3),
     .soak_bound = 5},
    {0},
};
