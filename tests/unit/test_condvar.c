/* The contract of condvar.h: signalled in the order of arrival, woken with the mutex. */
#include "traced.h"

#include <stdbool.h>
#include <stdlib.h>

/* An allocator that can be made to fail: a signal must never need memory. */
static _Thread_local bool no_memory;
void *maybe_malloc(size_t size); /* not static: only LOCKFREE calls it */

void *maybe_malloc(size_t size) {
    return no_memory ? NULL : malloc(size);
}
#define ROUSE_MALLOC(size) maybe_malloc(size)
#define ROUSE_FREE(memory) free(memory)
#include <rouse/condvar.h>

#include "support.h"

#include <sched.h>
#include <stdatomic.h>
#include <string.h>

typedef struct user user;
struct user {
    rouse_condvar_waiter waiter; /* first */
    int id;
    unsigned wakes;
    rouse_status outcome;
    void (*then)(user *u);
    void *arg;
};

static void user_wake(rouse_condvar_waiter *w, rouse_status status) {
    user *const u = (user *)rouse_condvar_waiter_data(w);
    cr_assert_eq(&u->waiter, w);
    cr_assert_eq(wakes_running, 0, "a wake ran inside another wake of its thread");
    cr_assert_eq(rouse_waiter_status(&w->waiter), status, "the outcome is stored before wake is called");
    wake_log[wake_log_length++] = u->id;
    u->wakes++;
    u->outcome = status;
    wakes_running++;
    if (u->then != NULL) {
        u->then(u);
    }
    wakes_running--;
}
static void users_init(user *u, int count, rouse_mutex *m) {
    memset(u, 0, sizeof *u * (size_t)count);
    for (int i = 0; i < count; i++) {
        u[i].id = i;
        u[i].outcome = ROUSE_PENDING;
        rouse_condvar_waiter_init(&u[i].waiter, m, NULL, user_wake, &u[i]);
    }
}
/* Locks and waits; the mutex is free before and after. */
static void lock_and_wait(rouse_condvar *c, rouse_mutex *m, user *u) {
    cr_assert(rouse_mutex_try_lock(m));
    cr_assert_eq(rouse_condvar_wait(c, &u->waiter), ROUSE_PENDING);
    cr_assert_not(rouse_mutex_is_locked(m));
    cr_assert_eq(rouse_waiter_status(&u->waiter.waiter), ROUSE_PENDING);
}
static void unlock(rouse_mutex *m) {
    cr_assert_eq(rouse_mutex_unlock(m), ROUSE_OK);
}

static rouse_condvar fixed = ROUSE_CONDVAR_INIT;

Test(condvar, static_and_init_are_alike_and_signals_go_in_the_order_of_arrival) {
    rouse_condvar made;
    rouse_condvar *const all[] = {&fixed, &made};
    rouse_condvar_init(&made);
    for (int i = 0; i < 2; i++) {
        rouse_mutex m = ROUSE_MUTEX_INIT;
        user u[3];
        users_init(u, 3, &m);
        cr_assert_not(rouse_condvar_signal(all[i]), "nobody: forgotten");
        cr_assert_eq(rouse_condvar_broadcast(all[i]), 0u);
        for (int k = 0; k < 3; k++) {
            lock_and_wait(all[i], &m, &u[k]);
            cr_assert_eq(rouse_condvar_waiter_count(all[i]), (uint32_t)k + 1);
        }
        for (int k = 0; k < 3; k++) {
            cr_assert(rouse_condvar_signal(all[i]));
            expect_wakes(k);
            cr_assert_eq(u[k].outcome, ROUSE_OK);
            cr_assert(rouse_mutex_is_locked(&m), "it is woken with the mutex");
            cr_assert_eq(rouse_condvar_waiter_count(all[i]), 2u - (uint32_t)k);
            unlock(&m);
        }
        rouse_condvar_destroy(all[i]);
        rouse_mutex_destroy(&m);
    }
}

Test(condvar, a_signal_under_the_mutex_wakes_when_it_is_unlocked) {
    rouse_mutex m = ROUSE_MUTEX_INIT;
    rouse_condvar c = ROUSE_CONDVAR_INIT;
    user u[2];
    probe p;
    users_init(u, 2, &m);
    probe_init(&p, 9);
    lock_and_wait(&c, &m, &u[0]);
    lock_and_wait(&c, &m, &u[1]);
    cr_assert(rouse_mutex_try_lock(&m));
    cr_assert(rouse_condvar_signal(&c));
    expect_no_wakes();
    cr_assert_eq(rouse_mutex_waiter_count(&m), 1u, "it has joined the mutex's queue");
    cr_assert_eq(rouse_condvar_waiter_count(&c), 1u, "not yet signalled: one");
    cr_assert_eq(rouse_mutex_lock(&m, &p.waiter), ROUSE_PENDING);
    cr_assert(rouse_condvar_signal(&c));
    unlock(&m);
    expect_wakes(0);
    unlock(&m);
    expect_wakes(9);
    unlock(&m);
    expect_wakes(1);
    unlock(&m);
    rouse_condvar_destroy(&c);
    rouse_mutex_destroy(&m);
}

/* Trap: broadcast to k wakes no user code k times before the mutex is free. */
Test(condvar, broadcast_to_k_wakes_no_user_code_before_the_mutex_is_free) {
    enum { K = 50 };
    rouse_mutex m = ROUSE_MUTEX_INIT;
    rouse_condvar c = ROUSE_CONDVAR_INIT;
    user u[K];
    users_init(u, K, &m);
    for (int i = 0; i < K; i++) {
        lock_and_wait(&c, &m, &u[i]);
    }
    cr_assert(rouse_mutex_try_lock(&m));
    cr_assert_eq(rouse_condvar_broadcast(&c), (uint32_t)K);
    expect_no_wakes();
    cr_assert_eq(rouse_mutex_waiter_count(&m), (uint32_t)K);
    for (int i = 0; i < K; i++) {
        unlock(&m);
        expect_wakes(i);
    }
    unlock(&m);
    cr_assert_not(rouse_mutex_is_locked(&m));
    /* With the mutex free the first has it, and only the first is woken. */
    for (int i = 0; i < 3; i++) {
        lock_and_wait(&c, &m, &u[i]);
    }
    cr_assert_eq(rouse_condvar_broadcast(&c), 3u);
    expect_wakes(0);
    for (int i = 1; i < 3; i++) {
        unlock(&m);
        expect_wakes(i);
    }
    unlock(&m);
    rouse_condvar_destroy(&c);
    rouse_mutex_destroy(&m);
}

/* Trap: notified and cancelled is lost. */
Test(condvar, notified_and_cancelled_the_signal_is_passed_on) {
    rouse_mutex m = ROUSE_MUTEX_INIT;
    rouse_condvar c = ROUSE_CONDVAR_INIT;
    user u[3];
    users_init(u, 3, &m);
    for (int i = 0; i < 3; i++) {
        lock_and_wait(&c, &m, &u[i]);
    }
    cr_assert(rouse_mutex_try_lock(&m));
    cr_assert(rouse_condvar_signal(&c));
    cr_assert(rouse_condvar_cancel(&c, &u[0].waiter), "it waits for the mutex");
    cr_assert_not(rouse_condvar_cancel(&c, &u[0].waiter));
    cr_assert_eq(rouse_condvar_waiter_count(&c), 1u);
    unlock(&m);
    expect_wakes(1);
    unlock(&m);
    cr_assert_not(rouse_mutex_is_locked(&m));
    /* Nobody is behind it: forgotten, as a signal to nobody. */
    cr_assert(rouse_mutex_try_lock(&m));
    cr_assert(rouse_condvar_signal(&c));
    cr_assert(rouse_condvar_cancel(&c, &u[2].waiter));
    unlock(&m);
    expect_no_wakes();
    cr_assert_not(rouse_mutex_is_locked(&m), "the mutex is nobody's");
    rouse_condvar_destroy(&c);
    rouse_mutex_destroy(&m);
}

/* Trap: cancelling while re-locking. Of those that a broadcast has moved each may leave, and nothing is passed on. */
Test(condvar, cancelling_while_re_locking_after_a_broadcast) {
    rouse_mutex m = ROUSE_MUTEX_INIT;
    rouse_condvar c = ROUSE_CONDVAR_INIT;
    user u[4];
    users_init(u, 4, &m);
    for (int i = 0; i < 3; i++) {
        lock_and_wait(&c, &m, &u[i]);
    }
    cr_assert(rouse_mutex_try_lock(&m));
    cr_assert_eq(rouse_condvar_broadcast(&c), 3u);
    unlock(&m);
    expect_wakes(0);
    cr_assert_eq(rouse_condvar_wait(&c, &u[3].waiter), ROUSE_PENDING);
    expect_wakes(1);
    cr_assert(rouse_condvar_cancel(&c, &u[2].waiter));
    cr_assert_eq(rouse_condvar_waiter_count(&c), 1u, "a broadcast is not passed on to one that came later");
    unlock(&m);
    expect_no_wakes();
    cr_assert_not(rouse_mutex_is_locked(&m));
    cr_assert_not(rouse_condvar_cancel(&c, &u[0].waiter), "it was woken");
    cr_assert(rouse_condvar_cancel(&c, &u[3].waiter));
    rouse_condvar_destroy(&c);
    rouse_mutex_destroy(&m);
}

Test(condvar, cancel_before_a_signal) {
    rouse_mutex m = ROUSE_MUTEX_INIT;
    rouse_condvar c = ROUSE_CONDVAR_INIT;
    user u[3];
    users_init(u, 3, &m);
    for (int i = 0; i < 3; i++) {
        lock_and_wait(&c, &m, &u[i]);
    }
    cr_assert(rouse_condvar_cancel(&c, &u[1].waiter));
    cr_assert_eq(rouse_condvar_waiter_count(&c), 2u);
    cr_assert(rouse_condvar_signal(&c));
    expect_wakes(0);
    unlock(&m);
    cr_assert(rouse_condvar_signal(&c));
    expect_wakes(2);
    unlock(&m);
    lock_and_wait(&c, &m, &u[1]);
    cr_assert(rouse_condvar_signal(&c));
    expect_wakes(1);
    unlock(&m);
    rouse_condvar_destroy(&c);
    rouse_mutex_destroy(&m);
}

/* Trap: several condvars on one mutex. */
Test(condvar, several_condvars_on_one_mutex) {
    rouse_mutex m = ROUSE_MUTEX_INIT;
    rouse_condvar c[3] = {ROUSE_CONDVAR_INIT, ROUSE_CONDVAR_INIT, ROUSE_CONDVAR_INIT};
    user u[6];
    users_init(u, 6, &m);
    for (int i = 0; i < 6; i++) {
        lock_and_wait(&c[i % 3], &m, &u[i]);
    }
    cr_assert(rouse_mutex_try_lock(&m));
    cr_assert(rouse_condvar_signal(&c[2]));
    cr_assert_eq(rouse_condvar_broadcast(&c[0]), 2u);
    cr_assert(rouse_condvar_signal(&c[1]));
    unlock(&m);
    expect_wakes(2);
    unlock(&m);
    expect_wakes(0);
    unlock(&m);
    expect_wakes(3);
    unlock(&m);
    expect_wakes(1);
    unlock(&m);
    expect_no_wakes();
    cr_assert_eq(rouse_condvar_close(&c[1]) + rouse_condvar_close(&c[2]), 2u);
    expect_wakes(4, 5);
    for (int i = 0; i < 3; i++) {
        rouse_condvar_destroy(&c[i]);
    }
    rouse_mutex_destroy(&m);
}

/* Trap: the woken thread destroys the mutex, and the condition variable with it. */
typedef struct pair {
    rouse_mutex mutex;
    rouse_condvar condvar;
} pair;
static void destroy_pair(user *u) {
    pair *const p = (pair *)u->arg;
    cr_assert_eq(rouse_mutex_unlock(&p->mutex), ROUSE_OK);
    rouse_condvar_destroy(&p->condvar);
    rouse_mutex_destroy(&p->mutex);
    free(p);
}
Test(condvar, the_mutex_destroyed_by_who_is_woken) {
    for (int held = 0; held < 2; held++) {
        pair *const p = must_alloc(sizeof *p);
        user u;
        rouse_mutex_init(&p->mutex);
        rouse_condvar_init(&p->condvar);
        users_init(&u, 1, &p->mutex);
        u.then = destroy_pair;
        u.arg = p;
        lock_and_wait(&p->condvar, &p->mutex, &u);
        cr_assert(!held || rouse_mutex_try_lock(&p->mutex));
        cr_assert(rouse_condvar_signal(&p->condvar));
        if (held) {
            unlock(&p->mutex);
        }
        expect_wakes(0);
    }
}

static void wait_again(user *u) {
    if (u->outcome == ROUSE_OK && u->wakes < 3) {
        cr_assert_eq(rouse_condvar_wait((rouse_condvar *)u->arg, &u->waiter), ROUSE_PENDING);
    } else if (u->outcome == ROUSE_OK) {
        cr_assert_eq(rouse_mutex_unlock(u->waiter.mutex_), ROUSE_OK);
    }
}
Test(condvar, waits_again_in_its_wake) {
    rouse_mutex m = ROUSE_MUTEX_INIT;
    rouse_condvar c = ROUSE_CONDVAR_INIT;
    user u[2];
    users_init(u, 2, &m);
    for (int i = 0; i < 2; i++) {
        u[i].then = wait_again;
        u[i].arg = &c;
        lock_and_wait(&c, &m, &u[i]);
    }
    cr_assert_eq(rouse_condvar_broadcast(&c), 2u);
    expect_wakes(0, 1);
    cr_assert_not(rouse_mutex_is_locked(&m));
    cr_assert_eq(rouse_condvar_waiter_count(&c), 2u, "they wait for the next one");
    cr_assert_eq(rouse_condvar_broadcast(&c), 2u);
    expect_wakes(0, 1);
    cr_assert_eq(rouse_condvar_broadcast(&c), 2u);
    expect_wakes(0, 1);
    cr_assert_not(rouse_mutex_is_locked(&m));
    rouse_condvar_destroy(&c);
    rouse_mutex_destroy(&m);
}

Test(condvar, close_wakes_without_the_mutex_and_refuses_later_waits) {
    rouse_mutex m = ROUSE_MUTEX_INIT;
    rouse_condvar c = ROUSE_CONDVAR_INIT;
    user u[4];
    users_init(u, 4, &m);
    for (int i = 0; i < 3; i++) {
        lock_and_wait(&c, &m, &u[i]);
    }
    cr_assert(rouse_mutex_try_lock(&m));
    cr_assert(rouse_condvar_signal(&c));
    cr_assert_not(rouse_condvar_is_closed(&c));
    cr_assert_eq(rouse_condvar_close(&c), 2u);
    cr_assert(rouse_condvar_is_closed(&c));
    expect_wakes(1, 2);
    cr_assert_eq(u[1].outcome, ROUSE_CLOSED);
    cr_assert_eq(rouse_condvar_close(&c), 0u);
    cr_assert_eq(rouse_condvar_wait(&c, &u[3].waiter), ROUSE_CLOSED);
    cr_assert(rouse_mutex_is_locked(&m), "refused at once: still held");
    unlock(&m);
    expect_wakes(0);
    cr_assert_eq(u[0].outcome, ROUSE_OK, "it had been signalled");
    unlock(&m);
    cr_assert_not(rouse_mutex_is_locked(&m));
    rouse_condvar_destroy(&c);
    rouse_mutex_destroy(&m);
}

Test(condvar, a_mutex_that_is_closed_closes_its_waiters) {
    rouse_mutex m = ROUSE_MUTEX_INIT;
    rouse_condvar c = ROUSE_CONDVAR_INIT;
    user u[2];
    users_init(u, 2, &m);
    lock_and_wait(&c, &m, &u[0]);
    lock_and_wait(&c, &m, &u[1]);
    cr_assert(rouse_mutex_try_lock(&m));
    cr_assert(rouse_condvar_signal(&c));
    cr_assert_eq(rouse_mutex_close(&m), 1u);
    expect_wakes(0);
    cr_assert_eq(u[0].outcome, ROUSE_CLOSED);
    unlock(&m);
    cr_assert(rouse_condvar_signal(&c));
    expect_wakes(1);
    cr_assert_eq(u[1].outcome, ROUSE_CLOSED);
    rouse_condvar_destroy(&c);
    rouse_mutex_destroy(&m);
}

static void count_kick(void *arg) {
    ++*(int *)arg;
}
Test(condvar, polled_and_on_a_mailbox) {
    rouse_mutex m = ROUSE_MUTEX_INIT;
    rouse_condvar c = ROUSE_CONDVAR_INIT;
    rouse_mailbox mb;
    rouse_condvar_waiter polled;
    user u;
    int kicks = 0;
    rouse_mailbox_init(&mb, count_kick, &kicks);
    users_init(&u, 1, &m);
    rouse_condvar_waiter_init(&u.waiter, &m, &mb, user_wake, &u);
    rouse_condvar_waiter_init(&polled, &m, NULL, NULL, &u);
    cr_assert_eq(rouse_condvar_waiter_data(&polled), (void *)&u);
    cr_assert(rouse_mutex_try_lock(&m));
    cr_assert_eq(rouse_condvar_wait(&c, &polled), ROUSE_PENDING);
    lock_and_wait(&c, &m, &u);
    cr_assert(rouse_mutex_try_lock(&m));
    cr_assert_eq(rouse_condvar_broadcast(&c), 2u);
    cr_assert_eq(rouse_waiter_status(&polled.waiter), ROUSE_PENDING);
    unlock(&m);
    cr_assert_eq(rouse_waiter_status(&polled.waiter), ROUSE_OK);
    cr_assert_not(rouse_condvar_cancel(&c, &polled));
    cr_assert_eq(kicks, 0);
    unlock(&m);
    cr_assert_eq(kicks, 1);
    expect_no_wakes();
    cr_assert(rouse_mutex_is_locked(&m), "granted when it was posted");
    cr_assert_not(rouse_condvar_cancel(&c, &u.waiter));
    cr_assert_eq(rouse_mailbox_drain(&mb), 1u);
    expect_wakes(0);
    unlock(&m);
    rouse_mailbox_destroy(&mb);
    rouse_condvar_destroy(&c);
    rouse_mutex_destroy(&m);
}

/* Trap: NOMEM inside a wake. What the mutex's queue needs is taken when a waiter queues, so neither signal nor broadcast
 * wants memory, also with several condition variables and plain waiters on the mutex. */
Test(condvar, a_signal_never_meets_nomem) {
    enum { K = 300 };
    static user u[K];
    rouse_mutex m = ROUSE_MUTEX_INIT;
    rouse_condvar c[2] = {ROUSE_CONDVAR_INIT, ROUSE_CONDVAR_INIT};
    probe p[5];
    probes_init(p, 5);
    users_init(u, K, &m);
    for (int i = 0; i < K; i++) {
        lock_and_wait(&c[i % 2], &m, &u[i]);
    }
    cr_assert(rouse_mutex_try_lock(&m));
    for (int i = 0; i < 5; i++) {
        cr_assert_eq(rouse_mutex_lock(&m, &p[i].waiter), ROUSE_PENDING);
    }
    no_memory = true;
    cr_assert(rouse_condvar_signal(&c[0]));
    cr_assert_eq(rouse_condvar_broadcast(&c[1]), (uint32_t)K / 2);
    cr_assert_eq(rouse_condvar_broadcast(&c[0]), (uint32_t)K / 2 - 1);
    expect_no_wakes();
    for (int i = 0; i < K + 5; i++) {
        unlock(&m);
    }
    cr_assert_eq(wake_log_length, (size_t)K + 5);
    for (int i = 0; i < K; i++) {
        cr_assert_eq(u[i].outcome, ROUSE_OK);
    }
    unlock(&m);
    no_memory = false;
    rouse_condvar_destroy(&c[0]);
    rouse_condvar_destroy(&c[1]);
    rouse_mutex_destroy(&m);
}

#if ROUSE_BACKEND == ROUSE_BACKEND_LOCKFREE
Test(condvar, wait_that_has_no_memory_changes_nothing) {
    rouse_mutex m = ROUSE_MUTEX_INIT;
    rouse_condvar c = ROUSE_CONDVAR_INIT;
    user u;
    users_init(&u, 1, &m);
    cr_assert(rouse_mutex_try_lock(&m));
    no_memory = true;
    cr_assert_eq(rouse_condvar_wait(&c, &u.waiter), ROUSE_NOMEM);
    no_memory = false;
    cr_assert(rouse_mutex_is_locked(&m));
    cr_assert_eq(rouse_condvar_waiter_count(&c), 0u);
    cr_assert_eq(rouse_condvar_wait(&c, &u.waiter), ROUSE_PENDING);
    cr_assert(rouse_condvar_cancel(&c, &u.waiter));
    rouse_condvar_destroy(&c);
    rouse_mutex_destroy(&m);
}
#endif

Test(condvar, a_waiter_may_be_copied_while_it_does_not_wait) {
    rouse_mutex m = ROUSE_MUTEX_INIT;
    rouse_condvar c = ROUSE_CONDVAR_INIT;
    rouse_condvar_waiter w, copy;
    rouse_condvar_waiter_init(&w, &m, NULL, NULL, NULL);
    for (int i = 0; i < 2; i++) {
        copy = w;
        memset(&w, 0xee, sizeof w);
        cr_assert(rouse_mutex_try_lock(&m));
        cr_assert_eq(rouse_condvar_wait(&c, &copy), ROUSE_PENDING);
        cr_assert(rouse_condvar_signal(&c));
        cr_assert_eq(rouse_waiter_status(&copy.waiter), ROUSE_OK);
        unlock(&m);
        w = copy;
    }
    rouse_condvar_destroy(&c);
    rouse_mutex_destroy(&m);
}

/* A mutex in throughput mode: a moved waiter is granted in its turn, never asked. */
Test(condvar, a_mutex_in_throughput_mode_is_never_offered_to_a_moved_waiter) {
    rouse_mutex m = ROUSE_MUTEX_INIT_THROUGHPUT(2);
    rouse_condvar c = ROUSE_CONDVAR_INIT;
    user u[3];
    users_init(u, 3, &m);
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 3; i++) {
            lock_and_wait(&c, &m, &u[i]);
        }
        cr_assert(rouse_mutex_try_lock(&m));
        cr_assert_eq(rouse_condvar_broadcast(&c), 3u);
        expect_no_wakes();
        for (int i = 0; i < 3; i++) {
            unlock(&m);
            expect_wakes(i);
            cr_assert_eq(u[i].outcome, ROUSE_OK);
            cr_assert(rouse_mutex_is_locked(&m));
        }
        unlock(&m);
        cr_assert_not(rouse_mutex_is_locked(&m));
    }
    for (int i = 0; i < 2; i++) {
        lock_and_wait(&c, &m, &u[i]);
    }
    cr_assert(rouse_mutex_try_lock(&m));
    cr_assert(rouse_condvar_signal(&c));
    cr_assert(rouse_condvar_cancel(&c, &u[0].waiter));
    unlock(&m);
    expect_wakes(1);
    unlock(&m);
    rouse_condvar_destroy(&c);
    rouse_mutex_destroy(&m);
}

/* ---- every short sequence of calls, against a plain model ------------------------------------------------------------ */

enum { DEPTH = 7 - SHORTER_SEQUENCES };
enum { ACTORS = 3, CALLS = 5 + 2 * ACTORS };

/* Actors 0 to 2 wait on the condition variable; the mutex is locked by a call (4: a plain waiter queues for it). */
enum { PLAIN = ACTORS };
typedef struct plain_condvar {
    bool locked, closed;
    int waiting, wait_queue[ACTORS];
    int joining, lock_queue[ACTORS + 1];
    bool by_signal[ACTORS];
    rouse_status status[ACTORS + 1];
} plain_condvar;

static void plain_lock(plain_condvar *m, int who) {
    if (m->locked) {
        m->lock_queue[m->joining++] = who;
        m->status[who] = ROUSE_PENDING;
    } else {
        m->locked = true;
        m->status[who] = ROUSE_OK;
    }
}
static void plain_unlock(plain_condvar *m) {
    if (m->joining == 0) {
        m->locked = false;
        return;
    }
    m->status[m->lock_queue[0]] = ROUSE_OK;
    m->joining--;
    for (int i = 0; i < m->joining; i++) {
        m->lock_queue[i] = m->lock_queue[i + 1];
    }
}
static int plain_out(int *queue, int *length, int who) {
    for (int i = 0; i < *length; i++) {
        if (queue[i] == who) {
            --*length;
            for (; i < *length; i++) {
                queue[i] = queue[i + 1];
            }
            return 1;
        }
    }
    return 0;
}
static bool plain_signal(plain_condvar *m, bool by_signal) {
    int first;
    if (m->waiting == 0) {
        return false;
    }
    first = m->wait_queue[0];
    (void)plain_out(m->wait_queue, &m->waiting, first);
    m->by_signal[first] = by_signal;
    plain_lock(m, first);
    return true;
}

static bool both(rouse_condvar *c, rouse_mutex *mutex, plain_condvar *m, user *u, probe *p, int call) {
    uint32_t all = 0;
    switch (call) {
    case 0:
        cr_assert_eq(rouse_condvar_signal(c), plain_signal(m, true));
        return true;
    case 1:
        while (plain_signal(m, false)) {
            all++;
        }
        cr_assert_eq(rouse_condvar_broadcast(c), all);
        return true;
    case 2:
        cr_assert_eq(rouse_condvar_close(c), (uint32_t)m->waiting);
        m->closed = true;
        for (; m->waiting != 0; (void)plain_out(m->wait_queue, &m->waiting, m->wait_queue[0])) {
            m->status[m->wait_queue[0]] = ROUSE_CLOSED;
        }
        return true;
    case 3:
        if (!m->locked) {
            return false;
        }
        plain_unlock(m);
        cr_assert_eq(rouse_mutex_unlock(mutex), ROUSE_OK);
        return true;
    case 4:
        if (m->status[PLAIN] == ROUSE_PENDING) {
            return false;
        }
        plain_lock(m, PLAIN);
        p->outcome = rouse_mutex_lock(mutex, &p->waiter);
        return true;
    default: {
        const int who = (call - 5) / 2;
        if ((call - 5) % 2 == 0) {
            if (!m->locked || m->status[who] == ROUSE_PENDING) {
                return false;
            }
            m->status[who] = m->closed ? ROUSE_CLOSED : ROUSE_PENDING;
            if (!m->closed) {
                m->wait_queue[m->waiting++] = who;
                plain_unlock(m);
            }
            u[who].outcome =
                ROUSE_PENDING; /* its wake may run before wait returns, though here it does not */
            all = (uint32_t)rouse_condvar_wait(c, &u[who].waiter);
            cr_assert_eq(all, (uint32_t)m->status[who]);
            u[who].outcome = (rouse_status)all;
        } else {
            const bool waits = plain_out(m->wait_queue, &m->waiting, who) != 0;
            const bool joins = plain_out(m->lock_queue, &m->joining, who) != 0;
            cr_assert_eq(rouse_condvar_cancel(c, &u[who].waiter), waits || joins);
            if (waits || joins) {
                m->status[who] = ROUSE_INVALID;
            }
            if (joins && m->by_signal[who]) {
                (void)plain_signal(m, true);
            }
        }
        return true;
    }
    }
}

static bool run_sequence(const int *calls, int length) {
    rouse_condvar c = ROUSE_CONDVAR_INIT;
    rouse_mutex mutex = ROUSE_MUTEX_INIT;
    plain_condvar m;
    user u[ACTORS];
    probe p;
    bool all = true;
    memset(&m, 0, sizeof m);
    users_init(u, ACTORS, &mutex);
    probe_init(&p, PLAIN);
    for (int k = 0; k <= ACTORS; k++) {
        m.status[k] = ROUSE_INVALID;
    }
    for (int i = 0; i < length && all; i++) {
        wake_log_length = 0;
        all = both(&c, &mutex, &m, u, &p, calls[i]);
        cr_assert_eq(rouse_condvar_waiter_count(&c), (uint32_t)m.waiting);
        cr_assert_eq(rouse_mutex_waiter_count(&mutex), (uint32_t)m.joining);
        cr_assert_eq(rouse_mutex_is_locked(&mutex), m.locked);
        for (int k = 0; k <= ACTORS; k++) {
            if (m.status[k] != ROUSE_INVALID) {
                cr_assert_eq(k == PLAIN ? p.outcome : u[k].outcome, m.status[k]);
            }
        }
    }
    (void)rouse_mutex_cancel(&mutex, &p.waiter);
    for (int k = 0; k < 2 * ACTORS; k++) {
        (void)rouse_condvar_cancel(&c, &u[k % ACTORS].waiter);
    }
    rouse_condvar_destroy(&c);
    rouse_mutex_destroy(&mutex);
    return all;
}

static unsigned long sequences;
static void every_sequence(int *calls, int length) {
    if (length != 0 && !run_sequence(calls, length)) {
        return;
    }
    sequences++;
    if (length < DEPTH) {
        for (int call = 0; call < CALLS; call++) {
            calls[length] = call;
            every_sequence(calls, length + 1);
        }
    }
}

Test(condvar, every_sequence_of_calls_agrees_with_a_plain_model, .timeout = 300) {
    int calls[DEPTH];
    const int before = atomic_load(&open_waits);
    every_sequence(calls, 0);
    cr_assert_eq(atomic_load(&open_waits), before, "ROUSE_TRACE: each wait has one end");
    cr_log_info("%lu sequences", sequences);
}

/* ---- many threads --------------------------------------------------------------------------------------------------- */

/* Half of the threads put on a pile of one, the others take: two condition variables under one mutex. Some wait and
 * lose patience. */
enum { THREADS = 6, ITEMS = 1500 };
static rouse_mutex mutex = ROUSE_MUTEX_INIT;
static rouse_condvar not_full = ROUSE_CONDVAR_INIT, not_empty = ROUSE_CONDVAR_INIT;
static int pile, taken; /* plain: ThreadSanitizer looks for the edges */

static void lock_polled(void) {
    rouse_waiter w;
    rouse_status status;
    rouse_waiter_init(&w, NULL, NULL);
    status = rouse_mutex_lock(&mutex, &w);
    while (status == ROUSE_PENDING) {
        sched_yield();
        status = rouse_waiter_status(&w);
    }
    cr_assert_eq(status, ROUSE_OK);
}
static void wait_for(rouse_condvar *c, rouse_condvar_waiter *w, bool impatient) {
    cr_assert_eq(rouse_condvar_wait(c, w), ROUSE_PENDING);
    for (int i = 0; rouse_waiter_status(&w->waiter) == ROUSE_PENDING; i++) {
        sched_yield();
        if (impatient && i == 2 && rouse_condvar_cancel(c, w)) {
            lock_polled();
            return;
        }
    }
    cr_assert_eq(rouse_waiter_status(&w->waiter), ROUSE_OK);
}
static void *put_or_take(void *arg) {
    const int me = (int)(intptr_t)arg;
    const bool puts = me % 2 == 0;
    rouse_condvar_waiter w;
    rouse_condvar_waiter_init(&w, &mutex, NULL, NULL, NULL);
    for (int i = 0; i < ITEMS; i++) {
        lock_polled();
        for (int round = 0; puts ? pile == 1 : pile == 0; round++) {
            wait_for(puts ? &not_full : &not_empty, &w, (i + me + round) % 3 == 0);
        }
        pile += puts ? 1 : -1;
        taken += puts ? 0 : 1;
        if (i % 7 == 0) {
            (void)rouse_condvar_broadcast(puts ? &not_empty : &not_full);
        } else {
            (void)rouse_condvar_signal(puts ? &not_empty : &not_full);
        }
        cr_assert_eq(rouse_mutex_unlock(&mutex), ROUSE_OK);
    }
    return NULL;
}

SHARED_TEST(condvar, threads_that_put_take_and_lose_patience_lose_no_signal, .timeout = 120) {
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++) {
        cr_assert_eq(pthread_create(&threads[i], NULL, put_or_take, (void *)(intptr_t)i), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        cr_assert_eq(pthread_join(threads[i], NULL), 0);
    }
    cr_assert(taken == THREADS / 2 * ITEMS && pile == 0);
    rouse_condvar_destroy(&not_full);
    rouse_condvar_destroy(&not_empty);
    rouse_mutex_destroy(&mutex);
}

static void see_the_cancelled(user *u) {
    const user *const cancelled = (const user *)u->arg;
    cr_assert_neq(rouse_waiter_status(&cancelled->waiter.waiter), ROUSE_PENDING);
}

/* The signal that a cancelled waiter had is handed on to one whose mutex is free. Its wake finds the
 * cancelled one out of everything. */
Test(condvar, a_cancelled_waiter_is_out_before_its_signal_wakes_another) {
    rouse_condvar c = ROUSE_CONDVAR_INIT;
    rouse_mutex held = ROUSE_MUTEX_INIT;
    rouse_mutex is_free = ROUSE_MUTEX_INIT;
    user first[1];
    user second[1];
    users_init(first, 1, &held);
    users_init(second, 1, &is_free);
    lock_and_wait(&c, &held, first);
    lock_and_wait(&c, &is_free, second);
    second->then = see_the_cancelled;
    second->arg = first;
    cr_assert(rouse_mutex_try_lock(&held));
    cr_assert(rouse_condvar_signal(&c));
    cr_assert(rouse_condvar_cancel(&c, &first->waiter));
    cr_assert_eq(second->outcome, ROUSE_OK);
    cr_assert_eq(first->wakes, 0);
    cr_assert_eq(rouse_mutex_unlock(&held), ROUSE_OK);
    cr_assert_eq(rouse_mutex_unlock(&is_free), ROUSE_OK);
    rouse_condvar_destroy(&c);
    rouse_mutex_destroy(&held);
    rouse_mutex_destroy(&is_free);
}
