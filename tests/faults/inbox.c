/* tests/faults/inbox.c: a signal handler at every point of calls that run, defer and take back wakes (LOCKFREE).
 *
 * The handler makes wakes due of its own. It must run no wake that the interrupted thread has deferred or drained, and
 * every wake runs once, unless revoke has taken it back. */
#include <rouse/mailbox.h>
#include <rouse/semaphore.h>

#include <stdio.h>

#include "../support/check.h"

enum { THREADS = 3, HANDLERS = 2, ALL = THREADS + HANDLERS };

static rouse_mailbox mailbox;
static rouse_semaphore of_thread[THREADS];
static rouse_semaphore of_handler;
static rouse_waiter waiters[ALL];
static int woken[ALL];
static bool in_handler;
static bool handled;
static bool revoked;
static void (*in_first_wake)(void);

static void on_wake(rouse_waiter *w, rouse_status status) {
    const int i = (int)(w - waiters);
    CHECK(status == ROUSE_OK);
    CHECK(i >= THREADS || !in_handler);
    woken[i]++;
    if (i == 0 && in_first_wake != NULL) {
        in_first_wake();
    }
}
static void handler(void) {
    in_handler = true;
    CHECK(rouse_semaphore_release(&of_handler, HANDLERS) == ROUSE_OK);
    in_handler = false;
    handled = true;
}

static void release(int i) {
    CHECK(rouse_semaphore_release(&of_thread[i], 1) == ROUSE_OK);
}
static void release_others(void) {
    release(1);
    release(2);
}
/* The first drain in a wake leaves what it finds to that wake: the newest of them is taken back. */
static void drain_and_revoke(void) {
    release_others();
    CHECK(rouse_mailbox_drain(&mailbox) == 2);
    revoked = rouse_mailbox_revoke(&mailbox, &waiters[2]);
    CHECK(revoked);
}

static void runs_a_drain(void) {
    (void)rouse_mailbox_drain(&mailbox);
}
static void runs_a_wake(void) {
    release(0);
}

typedef struct script {
    const char *name;
    bool mailed;           /* the waiters but the first are on the mailbox */
    void (*before)(void);  /* or NULL                                     */
    void (*in_wake)(void); /* in the first waiter's wake, or NULL         */
    void (*run)(void);
} script;
static const script scripts[] = {
    {"drain", true, release_others, NULL, runs_a_drain},
    {"wakes inside a wake", false, NULL, release_others, runs_a_wake},
    {"revoke inside a wake", true, NULL, drain_and_revoke, runs_a_wake},
};

static uint64_t run(const script *s, uint64_t stop_at) {
    uint64_t points;
    rouse_mailbox_init(&mailbox, NULL, NULL);
    rouse_semaphore_init(&of_handler, 0);
    for (int i = 0; i < ALL; i++) {
        woken[i] = 0;
        rouse_waiter_init_on(&waiters[i], s->mailed && i > 0 && i < THREADS ? &mailbox : NULL, on_wake, NULL);
        if (i < THREADS) {
            rouse_semaphore_init(&of_thread[i], 0);
        }
        CHECK(rouse_semaphore_acquire(i < THREADS ? &of_thread[i] : &of_handler, &waiters[i], 1) ==
              ROUSE_PENDING);
    }
    in_first_wake = s->in_wake;
    handled = false;
    revoked = false;
    if (s->before != NULL) {
        s->before();
    }
    seam.stopped = handler;
    seam.passed = 0;
    seam.stop_at = stop_at;
    s->run();
    points = seam.passed;
    seam.stop_at = 0;
    if (!handled) {
        handler();
    }
    (void)rouse_mailbox_drain(&mailbox);
    for (int i = 0; i < ALL; i++) {
        const bool due = i >= THREADS || i > 0 || s->before == NULL;
        CHECK(woken[i] == (due && !(i == 2 && revoked) ? 1 : 0));
        if (!due) {
            CHECK(rouse_semaphore_cancel(&of_thread[i], &waiters[i]));
        }
    }
    for (int i = 0; i < THREADS; i++) {
        rouse_semaphore_destroy(&of_thread[i]);
    }
    rouse_semaphore_destroy(&of_handler);
    rouse_mailbox_destroy(&mailbox);
    return points;
}

int main(void) {
    for (size_t i = 0; i < sizeof scripts / sizeof scripts[0]; i++) {
        const uint64_t points = run(&scripts[i], 0);
        for (uint64_t stop_at = 1; stop_at <= points; stop_at++) {
            (void)run(&scripts[i], stop_at);
        }
        printf("inbox: %s: a handler at each of %llu points\n", scripts[i].name, (unsigned long long)points);
    }
    return 0;
}
