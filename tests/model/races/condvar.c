/* condvar.c: the condition variable. No signal that follows the unlock is missed or lost; a waiter is
 * woken with the mutex; a waiter is cancelled at every stage. */
#include "support.h"

typedef struct user {
    rouse_condvar_waiter waiter; /* first */
    int answer, outcome, wakes, cancelled;
    bool keep; /* the wake leaves the mutex locked */
} user;

static rouse_mutex mutex;
static rouse_condvar condvar;
static user users[3];
#define P (&users[0])
#define Q (&users[1])
#define R (&users[2])
static int ready; /* plain, under the mutex */

static void unlock_mutex(void) {
    mc_assert(rouse_mutex_unlock(&mutex) == ROUSE_OK);
}
static void user_wake(rouse_condvar_waiter *w, rouse_status status) {
    user *const u = rouse_condvar_waiter_data(w);
    u->outcome = status;
    u->wakes++;
    if (status == ROUSE_OK) {
        shared++; /* under the mutex: two at a time are a data race */
        if (!u->keep) {
            unlock_mutex();
        }
    }
}
static void start(void) {
    guests_init(NULL);
    rouse_mutex_init(&mutex);
    mc_name(&mutex, sizeof mutex, "mutex");
    mc_assert(rouse_mutex_reserve(&mutex, 4) == ROUSE_OK);
    rouse_condvar_init(&condvar);
    mc_name(&condvar, sizeof condvar, "condvar");
    for (int i = 0; i < 3; i++) {
        users[i].answer = users[i].outcome = NOT_CALLED;
        users[i].wakes = users[i].cancelled = 0;
        users[i].keep = false;
        rouse_condvar_waiter_init(&users[i].waiter, &mutex, NULL, user_wake, &users[i]);
    }
    mc_name(users, sizeof users[0], "P");
    mc_name(users + 1, sizeof users[0], "Q");
    mc_name(users + 2, sizeof users[0], "R");
}
static bool woken(const user *u) {
    mc_assert(u->wakes <= 1 && (u->wakes == 0 || (u->answer == ROUSE_PENDING && !u->cancelled)));
    return u->wakes == 1 && u->outcome == ROUSE_OK;
}
static bool refused(const user *u) {
    return u->wakes == 1 && u->outcome == ROUSE_CLOSED;
}
static bool waits(const user *u) {
    return u->answer == ROUSE_PENDING && u->wakes == 0 && !u->cancelled;
}
/* Nobody holds the mutex; a guest that waits to be signalled is cancelled. */
static void finish(void) {
    uint32_t left = 0;
    for (int i = 0; i < 3; i++) {
        left += waits(&users[i]) ? 1 : 0;
    }
    mc_assert(rouse_condvar_waiter_count(&condvar) == left);
    for (int i = 0; i < 3; i++) {
        if (waits(&users[i])) {
            mc_assert(rouse_condvar_cancel(&condvar, &users[i].waiter));
        }
    }
    mc_assert(rouse_mutex_waiter_count(&mutex) == 0 && rouse_mutex_try_lock(&mutex));
    unlock_mutex();
    rouse_condvar_destroy(&condvar);
    rouse_mutex_destroy(&mutex);
}

/* Before the threads: the mutex is free. */
static void queue_user(user *u) {
    mc_assert(rouse_mutex_try_lock(&mutex));
    u->answer = ROUSE_PENDING; /* before the call: its wake may be the first to run */
    mc_assert(rouse_condvar_wait(&condvar, &u->waiter) == ROUSE_PENDING);
}
static void wait_if_not_ready(guest *g) {
    if (ready) {
        unlock_mutex();
        return;
    }
    P->answer = ROUSE_PENDING;
    mc_assert(rouse_condvar_wait(&condvar, &P->waiter) == ROUSE_PENDING);
    (void)g;
}
static void make_ready(guest *g) {
    (void)g;
    ready = 1;
    (void)rouse_condvar_signal(&condvar);
    unlock_mutex();
}
static void signal_then_unlock(guest *g) {
    (void)g;
    ready = 1;
    unlock_mutex();
    (void)rouse_condvar_signal(&condvar);
}
static void with_mutex(guest *g, void (*section)(guest *)) {
    g->then = section;
    g->answer = rouse_mutex_lock(&mutex, &g->waiter);
    if (g->answer == ROUSE_OK) {
        section(g);
    }
}
static void wait_thread(void *g) {
    with_mutex(g, wait_if_not_ready);
}
static void ready_thread(void *g) {
    with_mutex(g, make_ready);
}
static void late_signal_thread(void *g) {
    with_mutex(g, signal_then_unlock);
}
static void section(guest *g) {
    (void)g;
    shared++;
    unlock_mutex();
}
static void lock_thread(void *g) {
    with_mutex(g, section);
}
static bool signalled, signalled_too;
static void signal_it(void *found) {
    *(found == NULL ? &signalled : (bool *)found) = rouse_condvar_signal(&condvar);
}
static uint32_t all;
static void broadcast(void *unused) {
    (void)unused;
    all = rouse_condvar_broadcast(&condvar);
}
static void cancel_it(void *arg) {
    user *const u = arg;
    u->cancelled = rouse_condvar_cancel(&condvar, &u->waiter);
    if (u->cancelled) {
        memset(&u->waiter, 0, sizeof u->waiter); /* as if freed */
    }
}
static uint32_t closed_count;
static void close_it(void *unused) {
    (void)unused;
    closed_count = rouse_condvar_close(&condvar);
}
static void unlock_it(void *unused) {
    (void)unused;
    unlock_mutex();
}

/* Trap: queue before unlock: the change comes before the look or its signal finds the waiter. */
static void wait_and_signal(void) {
    start();
    run(wait_thread, A, ready_thread, B, ONLY_TWO);
    mc_assert(granted(A) && granted(B) && (P->answer == NOT_CALLED || woken(P)));
    finish();
}
static void wait_and_late_signal(void) {
    start();
    run(wait_thread, A, late_signal_thread, B, ONLY_TWO);
    mc_assert(granted(A) && granted(B) && (P->answer == NOT_CALLED || woken(P)));
    finish();
}
/* A signal that nothing orders with the wait finds the waiter, or is lost. */
static void wait_and_any_signal(void) {
    start();
    run(wait_thread, A, signal_it, NULL, ONLY_TWO);
    mc_assert(granted(A) && woken(P) == signalled);
    finish();
}
static void signal_and_lock(void) {
    start();
    queue_user(P);
    run(signal_it, NULL, lock_thread, A, ONLY_TWO);
    mc_assert(signalled && woken(P) && granted(A) && shared == 2);
    finish();
}
static void two_signal(void) {
    start();
    queue_user(P);
    queue_user(Q);
    run(signal_it, NULL, signal_it, &signalled_too, ONLY_TWO);
    mc_assert(signalled && signalled_too && woken(P) && woken(Q) && shared == 2);
    finish();
}
static void broadcast_and_lock(void) {
    start();
    queue_user(P);
    queue_user(Q);
    run(broadcast, NULL, lock_thread, A, ONLY_TWO);
    mc_assert(all == 2 && woken(P) && woken(Q) && granted(A) && shared == 3);
    finish();
}
/* Trap: notified and cancelled = lost: the signal is P's, or Q's, or was P's and is passed on. */
static void signal_and_cancel(void) {
    start();
    queue_user(P);
    queue_user(Q);
    run(signal_it, NULL, cancel_it, P, ONLY_TWO);
    mc_assert(signalled && woken(P) != (P->cancelled != 0) && woken(Q) == (P->cancelled != 0));
    finish();
}
/* Trap: cancelling while re-locking: P waits for the mutex, which is unlocked meanwhile. */
static void cancel_while_relocking(void) {
    start();
    queue_user(P);
    queue_user(Q);
    mc_assert(rouse_mutex_try_lock(&mutex));
    signal_it(NULL);
    mc_assert(waits(P));
    run(unlock_it, NULL, cancel_it, P, ONLY_TWO);
    mc_assert(woken(P) != (P->cancelled != 0) && woken(Q) == (P->cancelled != 0));
    finish();
}
static void signal_held_and_cancel(void) {
    start();
    queue_user(P);
    mc_assert(rouse_mutex_try_lock(&mutex));
    run(signal_it, NULL, cancel_it, P, unlock_it, NULL);
    mc_assert(woken(P) != (P->cancelled != 0) && (signalled || P->cancelled));
    finish();
}
static void broadcast_and_cancel(void) {
    start();
    queue_user(P);
    queue_user(Q);
    run(broadcast, NULL, cancel_it, P, ONLY_TWO);
    mc_assert(woken(P) != (P->cancelled != 0) && woken(Q) && all >= 1);
    finish();
}
static void close_and_signal(void) {
    start();
    queue_user(P);
    queue_user(Q);
    run(close_it, NULL, signal_it, NULL, ONLY_TWO);
    mc_assert(refused(Q) && (signalled ? woken(P) && closed_count == 1 : refused(P) && closed_count == 2));
    finish();
}
/* Both have moved to the queue of the mutex, which is closed while its holder unlocks. */
static void close_mutex(void *unused) {
    (void)unused;
    closed_count = rouse_mutex_close(&mutex);
}
static void unlocks(void *unused) {
    (void)unused;
    unlock_mutex();
}
static void mutex_is_closed(void) {
    start();
    queue_user(P);
    queue_user(Q);
    mc_assert(rouse_mutex_try_lock(&mutex));
    broadcast(NULL);
    run(close_mutex, NULL, unlocks, NULL, ONLY_TWO);
    mc_assert(woken(P) || refused(P));
    mc_assert(woken(Q) || refused(Q));
    mc_assert(closed_count == (refused(P) ? 1u : 0u) + (refused(Q) ? 1u : 0u));
    mc_assert(rouse_mutex_waiter_count(&mutex) == 0);
    rouse_condvar_destroy(&condvar);
    rouse_mutex_destroy(&mutex);
}
/* Trap: the woken thread destroys the mutex, and the condition variable with it, while signal or unlock is
 * returning. */
static void destroying_wake(rouse_condvar_waiter *w, rouse_status status) {
    user *const u = rouse_condvar_waiter_data(w);
    u->outcome = status;
    u->wakes++;
    unlock_mutex();
    rouse_condvar_destroy(&condvar);
    rouse_mutex_destroy(&mutex);
    memset(&condvar, 0xff, sizeof condvar); /* somebody else's now */
    memset(&mutex, 0xff, sizeof mutex);
}
static void destroyed(void) {
    start();
    rouse_condvar_waiter_init(&P->waiter, &mutex, NULL, destroying_wake, P);
    queue_user(P);
    mc_assert(rouse_mutex_try_lock(&mutex));
    run(signal_it, NULL, unlock_it, NULL, ONLY_TWO);
    mc_assert(signalled && woken(P));
    for (size_t i = 0; i < sizeof condvar; i++) {
        mc_assert(((unsigned char *)&condvar)[i] == 0xff);
    }
    for (size_t i = 0; i < sizeof mutex; i++) {
        mc_assert(((unsigned char *)&mutex)[i] == 0xff);
    }
}
/* A polled waiter that is moved never looks woken before it has the mutex. */
static void poll_it(void *arg) {
    user *const u = arg;
    const rouse_status status = rouse_waiter_status(&u->waiter.waiter);
    mc_assert(status == ROUSE_PENDING || status == ROUSE_OK);
    if (status == ROUSE_OK) {
        shared++;
        u->outcome = status;
        memset(&u->waiter, 0, sizeof u->waiter);
    }
}
static void lock_and_unlock(void *arg) {
    guest *const g = arg;
    if (rouse_mutex_try_lock(&mutex)) {
        g->answer = ROUSE_OK;
        shared++;
        unlock_mutex();
    }
}
static void polled(void) {
    start();
    rouse_condvar_waiter_init(&P->waiter, &mutex, NULL, NULL, P);
    queue_user(P);
    run(signal_it, NULL, poll_it, P, lock_and_unlock, A);
    mc_assert(signalled && shared == (P->outcome == ROUSE_OK ? 1 : 0) + (granted(A) ? 1 : 0));
    unlock_mutex(); /* P's */
    P->answer = ROUSE_OK;
    finish();
}
static void polled_and_cancelled(void) {
    start();
    rouse_condvar_waiter_init(&P->waiter, &mutex, NULL, NULL, P);
    queue_user(P);
    mc_assert(rouse_mutex_try_lock(&mutex));
    signal_it(NULL);
    run(unlock_it, NULL, cancel_it, P, ONLY_TWO);
    if (!P->cancelled) {
        mc_assert(rouse_waiter_status(&P->waiter.waiter) == ROUSE_OK);
        unlock_mutex();
    }
    P->answer = ROUSE_OK;
    finish();
}
static void see_closed(void *unused) {
    (void)unused;
    if (rouse_condvar_is_closed(&condvar)) {
        mc_assert(shared == 1);
    }
}
static void publish_and_close(void *unused) {
    shared = 1;
    close_it(unused);
}
static void close_publishes(void) {
    start();
    run(publish_and_close, NULL, see_closed, NULL, ONLY_TWO);
    finish();
}

const mc_scenario mc_scenarios[] = {
    {.name = "wait, change and signal",
     .body = wait_and_signal,
     .bound = LOCKFREE_BOUND(2),
     .soak_bound = MC_NO_BOUND},
    {.name = "wait, change, unlock and signal",
     .body = wait_and_late_signal,
     .bound = LOCKFREE_BOUND(2),
     .soak_bound = MC_NO_BOUND},
    {.name = "wait, any signal", .body = wait_and_any_signal},
    {.name = "signal, lock", .body = signal_and_lock},
    {.name = "two signal", .body = two_signal},
    {.name = "broadcast, lock",
     .body = broadcast_and_lock,
     .bound = LOCKFREE_BOUND(2),
     .soak_bound = MC_NO_BOUND},
    {.name = "signal, cancel",
     .body = signal_and_cancel,
     .bound = LOCKFREE_BOUND(2),
     .soak_bound = MC_NO_BOUND},
    {.name = "unlock, cancel", .body = cancel_while_relocking},
    {.name = "signal, cancel, unlock", .body = signal_held_and_cancel, .bound = 2, .soak_bound = MC_NO_BOUND},
    {.name = "broadcast, cancel",
     .body = broadcast_and_cancel,
     .bound = LOCKFREE_BOUND(2),
     .soak_bound = MC_NO_BOUND},
    {.name = "close, signal", .body = close_and_signal},
    {.name = "mutex is closed", .body = mutex_is_closed},
    {.name = "destroyed by who is woken", .body = destroyed},
    {.name = "polled", .body = polled, .bound = 2, .soak_bound = MC_NO_BOUND},
    {.name = "polled, unlock, cancel", .body = polled_and_cancelled},
    {.name = "close publishes", .body = close_publishes},
    {0},
};
