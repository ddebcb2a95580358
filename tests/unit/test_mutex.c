/* The contract of mutex.h: one holder at a time, handed over in the order of asking. */
#include <rouse/mutex.h>

#include "support.h"

#include <sched.h>
#include <stdatomic.h>

static rouse_mutex fixed = ROUSE_MUTEX_INIT;

static void must_queue(rouse_mutex *m, probe *p) {
    cr_assert_eq(rouse_mutex_lock(m, &p->waiter), ROUSE_PENDING);
    cr_assert_eq(rouse_waiter_status(&p->waiter), ROUSE_PENDING);
}

Test(mutex, static_and_init_are_alike) {
    rouse_mutex made;
    rouse_mutex *const all[] = {&fixed, &made};
    rouse_mutex_init(&made);
    for (int i = 0; i < 2; i++) {
        probe p;
        probe_init(&p, i);
        cr_assert_not(rouse_mutex_is_locked(all[i]));
        cr_assert_eq(rouse_mutex_lock(all[i], &p.waiter), ROUSE_OK);
        cr_assert(rouse_mutex_is_locked(all[i]));
        cr_assert_not(rouse_mutex_try_lock(all[i]));
        cr_assert_eq(rouse_mutex_unlock(all[i]), ROUSE_OK);
        cr_assert(rouse_mutex_try_lock(all[i]));
        cr_assert_eq(rouse_mutex_unlock(all[i]), ROUSE_OK);
        cr_assert_eq(p.wakes, 0u);
        rouse_mutex_destroy(all[i]);
    }
}

Test(mutex, unlock_of_a_free_one_is_invalid_and_changes_nothing) {
    rouse_mutex m = ROUSE_MUTEX_INIT;
    for (int i = 0; i < 3; i++) {
        cr_assert_eq(rouse_mutex_unlock(&m), ROUSE_INVALID);
        cr_assert_not(rouse_mutex_is_locked(&m));
        cr_assert(rouse_mutex_try_lock(&m));
        cr_assert_not(rouse_mutex_try_lock(&m), "one lock, whatever the unlocks before it");
        cr_assert_eq(rouse_mutex_unlock(&m), ROUSE_OK);
    }
    rouse_mutex_destroy(&m);
}

Test(mutex, handed_over_in_order_and_never_overtaken) {
    rouse_mutex m = ROUSE_MUTEX_INIT;
    probe p[5];
    probes_init(p, 5);
    cr_assert(rouse_mutex_try_lock(&m));
    for (int i = 0; i < 5; i++) {
        must_queue(&m, &p[i]);
    }
    for (int i = 0; i < 5; i++) {
        expect_no_wakes();
        cr_assert_eq(rouse_mutex_unlock(&m), ROUSE_OK);
        expect_wakes(i);
        cr_assert_eq(p[i].outcome, ROUSE_OK);
        cr_assert(rouse_mutex_is_locked(&m), "handed over, not freed");
        cr_assert_not(rouse_mutex_try_lock(&m));
    }
    cr_assert_eq(rouse_mutex_unlock(&m), ROUSE_OK);
    cr_assert_not(rouse_mutex_is_locked(&m));
    cr_assert_eq(rouse_mutex_unlock(&m), ROUSE_INVALID);
    rouse_mutex_destroy(&m);
}

Test(mutex, cancel) {
    rouse_mutex m = ROUSE_MUTEX_INIT;
    probe p[3];
    probes_init(p, 3);
    cr_assert(rouse_mutex_try_lock(&m));
    for (int i = 0; i < 3; i++) {
        must_queue(&m, &p[i]);
    }
    cr_assert(rouse_mutex_cancel(&m, &p[0].waiter));
    cr_assert(rouse_mutex_cancel(&m, &p[1].waiter));
    cr_assert(rouse_mutex_is_locked(&m));
    cr_assert_eq(rouse_mutex_unlock(&m), ROUSE_OK);
    expect_wakes(2);
    cr_assert_not(rouse_mutex_cancel(&m, &p[2].waiter), "it holds the mutex");
    cr_assert(rouse_mutex_is_locked(&m));
    cr_assert_eq(rouse_mutex_unlock(&m), ROUSE_OK);
    cr_assert_not(rouse_mutex_is_locked(&m));
    rouse_mutex_destroy(&m);
}

Test(mutex, cancel_of_the_only_waiter_leaves_it_held) {
    rouse_mutex m = ROUSE_MUTEX_INIT;
    probe p;
    probe_init(&p, 1);
    cr_assert(rouse_mutex_try_lock(&m));
    for (int i = 0; i < 100; i++) {
        must_queue(&m, &p);
        cr_assert(rouse_mutex_cancel(&m, &p.waiter));
        cr_assert(rouse_mutex_is_locked(&m));
    }
    cr_assert_eq(rouse_mutex_unlock(&m), ROUSE_OK);
    expect_no_wakes();
    rouse_mutex_destroy(&m);
}

static void *unlock_it(void *arg) {
    cr_assert_eq(rouse_mutex_unlock((rouse_mutex *)arg), ROUSE_OK);
    return NULL;
}

SHARED_TEST(mutex, any_thread_may_unlock) {
    rouse_mutex m = ROUSE_MUTEX_INIT;
    cr_assert(rouse_mutex_try_lock(&m));
    run_on_thread(unlock_it, &m, 0);
    cr_assert_not(rouse_mutex_is_locked(&m));
    rouse_mutex_destroy(&m);
}

Test(mutex, reserve) {
    rouse_mutex m = ROUSE_MUTEX_INIT;
    probe p[50];
    probes_init(p, 50);
    cr_assert_eq(rouse_mutex_reserve(&m, 50), ROUSE_OK);
    cr_assert(rouse_mutex_try_lock(&m));
    for (int i = 0; i < 50; i++) {
        must_queue(&m, &p[i]);
    }
    for (int i = 0; i < 50; i++) {
        cr_assert_eq(rouse_mutex_unlock(&m), ROUSE_OK);
        expect_wakes(i);
    }
    cr_assert_eq(rouse_mutex_unlock(&m), ROUSE_OK);
    rouse_mutex_destroy(&m);
}

static void unlock_in_wake(probe *p) {
    cr_assert_eq(rouse_mutex_unlock((rouse_mutex *)p->arg), ROUSE_OK);
}

Test(mutex, unlocked_in_the_wakes_one_after_another) {
    rouse_mutex m = ROUSE_MUTEX_INIT;
    probe p[4];
    probes_init(p, 4);
    cr_assert(rouse_mutex_try_lock(&m));
    for (int i = 0; i < 4; i++) {
        p[i].then = unlock_in_wake;
        p[i].arg = &m;
        must_queue(&m, &p[i]);
    }
    cr_assert_eq(rouse_mutex_unlock(&m), ROUSE_OK);
    expect_wakes(0, 1, 2, 3);
    cr_assert_not(rouse_mutex_is_locked(&m));
    rouse_mutex_destroy(&m);
}

static void destroy_mutex(probe *p) {
    rouse_mutex_destroy((rouse_mutex *)p->arg);
    free(p->arg);
}

/* Trap: the granted waiter destroys the object while the unlocker is still inside. */
Test(mutex, the_holder_may_destroy_it_in_its_wake) {
    rouse_mutex *const m = must_alloc(sizeof *m);
    probe p;
    rouse_mutex_init(m);
    probe_init(&p, 1);
    p.then = destroy_mutex;
    p.arg = m;
    cr_assert(rouse_mutex_try_lock(m));
    must_queue(m, &p);
    cr_assert_eq(rouse_mutex_unlock(m), ROUSE_OK);
    expect_wakes(1);
}

/* ---- many threads --------------------------------------------------------------------------------------------------- */

enum { THREADS = 8, ROUNDS = 5000 };

static rouse_mutex contended = ROUSE_MUTEX_INIT;
static long guarded; /* plain: ThreadSanitizer looks for the edge from unlock to lock */

static void *add_under_the_mutex(void *arg) {
    rouse_waiter w;
    (void)arg;
    rouse_waiter_init(&w, NULL, NULL);
    for (int i = 0; i < ROUNDS; i++) {
        rouse_status status = rouse_mutex_lock(&contended, &w);
        while (status == ROUSE_PENDING) {
            sched_yield();
            status = rouse_waiter_status(&w);
        }
        cr_assert_eq(status, ROUSE_OK);
        guarded++;
        cr_assert_eq(rouse_mutex_unlock(&contended), ROUSE_OK);
    }
    return NULL;
}

SHARED_TEST(mutex, high_contention_keeps_an_exact_count, .timeout = 120) {
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++) {
        cr_assert_eq(pthread_create(&threads[i], NULL, add_under_the_mutex, NULL), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        cr_assert_eq(pthread_join(threads[i], NULL), 0);
    }
    cr_assert_eq(guarded, (long)THREADS * ROUNDS);
    cr_assert_not(rouse_mutex_is_locked(&contended));
    rouse_mutex_destroy(&contended);
}

/* ---- counts and close -------------------------------------------------------------------------------------------------- */

Test(mutex, waiter_count_and_close) {
    rouse_mutex m = ROUSE_MUTEX_INIT;
    probe p[3];
    probes_init(p, 3);
    cr_assert_eq(rouse_mutex_waiter_count(&m), 0u);
    cr_assert_eq(rouse_mutex_lock(&m, &p[0].waiter), ROUSE_OK);
    cr_assert_eq(rouse_mutex_waiter_count(&m), 0u, "the holder does not wait");
    cr_assert_eq(rouse_mutex_lock(&m, &p[1].waiter), ROUSE_PENDING);
    cr_assert_eq(rouse_mutex_lock(&m, &p[2].waiter), ROUSE_PENDING);
    cr_assert_eq(rouse_mutex_waiter_count(&m), 2u);
    cr_assert_not(rouse_mutex_is_closed(&m));
    cr_assert_eq(rouse_mutex_close(&m), 2u);
    cr_assert(rouse_mutex_is_closed(&m));
    expect_wakes(1, 2);
    cr_assert_eq(p[1].outcome, ROUSE_CLOSED);
    cr_assert_eq(p[2].outcome, ROUSE_CLOSED);
    cr_assert(rouse_mutex_is_locked(&m));
    cr_assert_eq(rouse_mutex_unlock(&m), ROUSE_OK, "the holder unlocks as ever");
    cr_assert_not(rouse_mutex_is_locked(&m));
    cr_assert_not(rouse_mutex_try_lock(&m));
    cr_assert_eq(rouse_mutex_lock(&m, &p[1].waiter), ROUSE_CLOSED);
    cr_assert_eq(rouse_mutex_unlock(&m), ROUSE_INVALID);
    cr_assert_eq(rouse_mutex_close(&m), 0u);
    rouse_mutex_destroy(&m);
}
