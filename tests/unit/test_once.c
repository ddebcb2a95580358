/* The contract of once.h: done once, and everybody knows. */
#include <rouse/mailbox.h>
#include <rouse/once.h>

#include "support.h"

#include <sched.h>

static rouse_once fixed = ROUSE_ONCE_INIT;

static void must_queue(rouse_once *o, probe *p) {
    cr_assert_eq(rouse_once_begin(o, &p->waiter), ROUSE_PENDING);
}

Test(once, static_and_init_are_alike) {
    rouse_once made;
    rouse_once *const all[] = {&fixed, &made};
    rouse_once_init(&made);
    for (int i = 0; i < 2; i++) {
        probe p[3];
        probes_init(p, 3);
        cr_assert_not(rouse_once_is_done(all[i]));
        cr_assert_eq(rouse_once_begin(all[i], &p[0].waiter), ROUSE_OK);
        must_queue(all[i], &p[1]);
        must_queue(all[i], &p[2]);
        cr_assert_eq(rouse_once_waiter_count(all[i]), 2u);
        cr_assert_eq(rouse_once_done(all[i]), ROUSE_OK);
        expect_wakes(1, 2);
        cr_assert_eq(p[1].outcome, ROUSE_CLOSED);
        cr_assert_eq(p[2].outcome, ROUSE_CLOSED);
        cr_assert(rouse_once_is_done(all[i]));
        for (int k = 0; k < 3; k++) {
            cr_assert_eq(rouse_once_begin(all[i], &p[0].waiter), ROUSE_CLOSED);
        }
        expect_no_wakes();
        rouse_once_destroy(all[i]);
    }
}

Test(once, after_failed_exactly_one_next_gets_it) {
    rouse_once o = ROUSE_ONCE_INIT;
    probe p[4];
    probes_init(p, 4);
    cr_assert_eq(rouse_once_begin(&o, &p[0].waiter), ROUSE_OK);
    for (int i = 1; i < 4; i++) {
        must_queue(&o, &p[i]);
    }
    cr_assert_eq(rouse_once_failed(&o), ROUSE_OK);
    expect_wakes(1);
    cr_assert_eq(p[1].outcome, ROUSE_OK, "it is the next to try");
    must_queue(&o, &p[0]);
    cr_assert_eq(rouse_once_failed(&o), ROUSE_OK);
    expect_wakes(2);
    cr_assert_eq(p[2].outcome, ROUSE_OK);
    cr_assert_eq(rouse_once_done(&o), ROUSE_OK);
    expect_wakes(3, 0);
    cr_assert_eq(p[3].outcome, ROUSE_CLOSED);
    cr_assert_eq(p[0].outcome, ROUSE_CLOSED);
    rouse_once_destroy(&o);
}

Test(once, after_failed_with_nobody_waiting_the_next_to_begin_gets_it) {
    rouse_once o = ROUSE_ONCE_INIT;
    probe p[2];
    probes_init(p, 2);
    cr_assert_eq(rouse_once_begin(&o, &p[0].waiter), ROUSE_OK);
    cr_assert_eq(rouse_once_failed(&o), ROUSE_OK);
    cr_assert_eq(rouse_once_begin(&o, &p[1].waiter), ROUSE_OK);
    must_queue(&o, &p[0]);
    cr_assert_eq(rouse_once_done(&o), ROUSE_OK);
    expect_wakes(0);
    rouse_once_destroy(&o);
}

Test(once, done_or_failed_by_nobody_is_invalid_and_changes_nothing) {
    rouse_once o = ROUSE_ONCE_INIT;
    probe p;
    probe_init(&p, 1);
    cr_assert_eq(rouse_once_done(&o), ROUSE_INVALID);
    cr_assert_not(rouse_once_is_done(&o));
    cr_assert_eq(rouse_once_failed(&o), ROUSE_INVALID);
    cr_assert_eq(rouse_once_begin(&o, &p.waiter), ROUSE_OK);
    cr_assert_eq(rouse_once_failed(&o), ROUSE_OK);
    cr_assert_eq(rouse_once_failed(&o), ROUSE_INVALID, "twice");
    cr_assert_eq(rouse_once_begin(&o, &p.waiter), ROUSE_OK, "one turn, not two");
    cr_assert_eq(rouse_once_done(&o), ROUSE_OK);
    cr_assert_eq(rouse_once_done(&o), ROUSE_INVALID);
    cr_assert_eq(rouse_once_failed(&o), ROUSE_INVALID, "done stays done");
    cr_assert_eq(rouse_once_begin(&o, &p.waiter), ROUSE_CLOSED);
    rouse_once_destroy(&o);
}

Test(once, cancel) {
    rouse_once o = ROUSE_ONCE_INIT;
    probe p[3];
    probes_init(p, 3);
    cr_assert_eq(rouse_once_begin(&o, &p[0].waiter), ROUSE_OK);
    must_queue(&o, &p[1]);
    must_queue(&o, &p[2]);
    cr_assert(rouse_once_cancel(&o, &p[1].waiter));
    cr_assert_not(rouse_once_cancel(&o, &p[1].waiter));
    cr_assert_eq(rouse_once_failed(&o), ROUSE_OK);
    expect_wakes(2);
    cr_assert_not(rouse_once_cancel(&o, &p[2].waiter), "it is its turn");
    cr_assert_eq(rouse_once_done(&o), ROUSE_OK);
    expect_no_wakes();
    rouse_once_destroy(&o);
}

static void fail_again(probe *p) {
    if (p->outcome == ROUSE_OK) {
        cr_assert_eq(p->id == 3 ? rouse_once_done((rouse_once *)p->arg)
                                : rouse_once_failed((rouse_once *)p->arg),
                     ROUSE_OK);
    }
}

Test(once, failed_and_done_in_the_wakes) {
    rouse_once o = ROUSE_ONCE_INIT;
    probe p[5];
    probes_init(p, 5);
    cr_assert_eq(rouse_once_begin(&o, &p[0].waiter), ROUSE_OK);
    for (int i = 1; i < 5; i++) {
        p[i].then = fail_again;
        p[i].arg = &o;
        must_queue(&o, &p[i]);
    }
    cr_assert_eq(rouse_once_failed(&o), ROUSE_OK);
    expect_wakes(1, 2, 3, 4);
    cr_assert_eq(p[3].outcome, ROUSE_OK);
    cr_assert_eq(p[4].outcome, ROUSE_CLOSED);
    rouse_once_destroy(&o);
}

static void count_kick(void *arg) {
    ++*(int *)arg;
}

Test(once, polled_and_on_a_mailbox) {
    rouse_once o = ROUSE_ONCE_INIT;
    rouse_mailbox mb;
    rouse_waiter polled;
    probe p;
    int kicks = 0;
    rouse_mailbox_init(&mb, count_kick, &kicks);
    probe_init(&p, 6);
    rouse_waiter_init_on(&p.waiter, &mb, probe_wake, &p);
    rouse_waiter_init(&polled, NULL, NULL);
    cr_assert_eq(rouse_once_begin(&o, &polled), ROUSE_OK);
    must_queue(&o, &p);
    cr_assert_eq(rouse_once_begin(&o, &polled), ROUSE_PENDING);
    cr_assert_eq(rouse_once_done(&o), ROUSE_OK);
    cr_assert_eq(rouse_waiter_status(&polled), ROUSE_CLOSED);
    expect_no_wakes();
    cr_assert_eq(rouse_mailbox_drain(&mb), 1u);
    expect_wakes(6);
    cr_assert_eq(p.outcome, ROUSE_CLOSED);
    rouse_mailbox_destroy(&mb);
    rouse_once_destroy(&o);
}

static void destroy_once(probe *p) {
    rouse_once_destroy((rouse_once *)p->arg);
    free(p->arg);
}

Test(once, whoever_is_woken_last_may_destroy_it) {
    for (int fails = 0; fails < 2; fails++) {
        rouse_once *const o = must_alloc(sizeof *o);
        probe p;
        rouse_once_init(o);
        probe_init(&p, 1);
        cr_assert_eq(rouse_once_begin(o, &p.waiter), ROUSE_OK);
        p.then = destroy_once;
        p.arg = o;
        must_queue(o, &p);
        cr_assert_eq(fails ? rouse_once_failed(o) : rouse_once_done(o), ROUSE_OK);
        expect_wakes(1);
    }
}

Test(once, reserve) {
    rouse_once o = ROUSE_ONCE_INIT;
    cr_assert_eq(rouse_once_reserve(&o, 20), ROUSE_OK);
    rouse_once_destroy(&o);
}

/* ---- many threads --------------------------------------------------------------------------------------------------- */

enum { THREADS = 8, ROUNDS = 300 };

static rouse_once rounds[ROUNDS];
static int made[ROUNDS]; /* plain: ThreadSanitizer looks for the edges */
static int tries[ROUNDS];

static void *make_all(void *arg) {
    rouse_waiter w;
    (void)arg;
    rouse_waiter_init(&w, NULL, NULL);
    for (int i = 0; i < ROUNDS; i++) {
        rouse_status status = rouse_once_begin(&rounds[i], &w);
        while (status == ROUSE_PENDING) {
            sched_yield();
            status = rouse_waiter_status(&w);
        }
        if (status == ROUSE_OK) {
            if (++tries[i] % 3 != 0) {
                cr_assert_eq(rouse_once_failed(&rounds[i]), ROUSE_OK);
                i--;
                continue;
            }
            made[i] = i + 1;
            cr_assert_eq(rouse_once_done(&rounds[i]), ROUSE_OK);
        }
        cr_assert_eq(made[i], i + 1);
    }
    return NULL;
}

SHARED_TEST(once, threads_all_see_what_one_has_made, .timeout = 120) {
    pthread_t threads[THREADS];
    for (int i = 0; i < ROUNDS; i++) {
        rouse_once_init(&rounds[i]);
    }
    for (int i = 0; i < THREADS; i++) {
        cr_assert_eq(pthread_create(&threads[i], NULL, make_all, NULL), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        cr_assert_eq(pthread_join(threads[i], NULL), 0);
    }
    for (int i = 0; i < ROUNDS; i++) {
        cr_assert_eq(tries[i], 3);
        rouse_once_destroy(&rounds[i]);
    }
}

/* ---- all sequences of calls ------------------------------------------------------------------------------------------- */

enum { TASKS = 3, CALLS = 2 * TASKS + 2, DEPTH = 6 };

/* Task i begins, task i cancels, it is done, it failed: every sequence of six of these, compared with what
 * once.h says. */
Test(once, every_sequence_of_calls_agrees_with_a_plain_model) {
    int sequences = 1;
    for (int i = 0; i < DEPTH; i++) {
        sequences *= CALLS;
    }
    for (int number = 0; number < sequences; number++) {
        rouse_once o = ROUSE_ONCE_INIT;
        probe p[TASKS];
        int queue[TASKS]; /* the waiting tasks, oldest first */
        int waiting = 0, rest = number;
        bool running = false, over = false;
        probes_init(p, TASKS);
        for (int step = 0; step < DEPTH; step++, rest /= CALLS) {
            const int call = rest % CALLS, i = call % TASKS;
            int at = 0;
            rouse_status expected = ROUSE_INVALID;
            while (at < waiting && queue[at] != i) {
                at++;
            }
            wake_log_length = 0;
            if (call < TASKS) {
                if (at != waiting) {
                    continue; /* it waits already */
                }
                expected = over ? ROUSE_CLOSED : running ? ROUSE_PENDING : ROUSE_OK;
                cr_assert_eq(rouse_once_begin(&o, &p[i].waiter), expected, "%d step %d", number, step);
                if (expected == ROUSE_PENDING) {
                    queue[waiting++] = i;
                }
                running = running || expected == ROUSE_OK;
            } else if (call < 2 * TASKS) {
                cr_assert_eq(rouse_once_cancel(&o, &p[i].waiter), at != waiting, "%d step %d", number, step);
                for (waiting -= at != waiting; at < waiting; at++) {
                    queue[at] = queue[at + 1];
                }
            } else {
                const int woken = !running ? 0 : call == 2 * TASKS ? waiting : waiting != 0;
                expected = running ? ROUSE_OK : ROUSE_INVALID;
                cr_assert_eq(call == 2 * TASKS ? rouse_once_done(&o) : rouse_once_failed(&o), expected,
                             "%d step %d", number, step);
                cr_assert_eq(wake_log_length, (size_t)woken, "%d step %d", number, step);
                for (int k = 0; k < woken; k++) {
                    cr_assert_eq(wake_log[k], queue[k]);
                    cr_assert_eq(rouse_waiter_status(&p[queue[k]].waiter),
                                 call == 2 * TASKS ? ROUSE_CLOSED : ROUSE_OK);
                }
                over = over || (running && call == 2 * TASKS);
                running = running && call != 2 * TASKS && woken != 0;
                waiting -= woken;
                for (int k = 0; k < waiting; k++) {
                    queue[k] = queue[k + woken];
                }
            }
            cr_assert_eq(rouse_once_waiter_count(&o), (uint32_t)waiting, "%d step %d", number, step);
            cr_assert_eq(rouse_once_is_done(&o), over, "%d step %d", number, step);
        }
        for (int k = 0; k < waiting; k++) {
            cr_assert(rouse_once_cancel(&o, &p[queue[k]].waiter));
        }
        rouse_once_destroy(&o);
    }
    wake_log_length = 0;
}
