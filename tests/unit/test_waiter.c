/* The contract of waiter.h: what happens to a waiter, where and when its wake runs. */
#include <rouse/waiter_queue.h>

#include "support.h"

#include <limits.h>
#include <sched.h>
#include <stdatomic.h>
#include <string.h>

#if !defined(ROUSE_DEBUG) || !defined(ROUSE_STATS)
_Static_assert(sizeof(void *) != 8 || sizeof(rouse_waiter) <= 64, "at most 64 bytes on 64-bit targets");
#endif

static void must_queue(rouse_waiter_queue *q, probe *p, uint32_t n) {
    cr_assert_eq(rouse_waiter_queue_wait(q, &p->waiter, n), ROUSE_PENDING);
    cr_assert_eq(rouse_waiter_status(&p->waiter), ROUSE_PENDING);
}

/* ---- status -------------------------------------------------------------------------------------------------- */

Test(waiter, the_numbers_of_the_statuses) {
    cr_assert_eq(ROUSE_OK, 0);
    cr_assert_eq(ROUSE_PENDING, 1);
    cr_assert_eq(ROUSE_CLOSED, -1);
    cr_assert_eq(ROUSE_TIMEDOUT, -2);
    cr_assert_eq(ROUSE_NOMEM, -3);
    cr_assert_eq(ROUSE_OVERFLOW, -4);
    cr_assert_eq(ROUSE_INVALID, -5);
}

Test(waiter, every_status_has_a_string_of_its_own) {
    const rouse_status all[] = {ROUSE_OK,    ROUSE_PENDING,  ROUSE_RETRY,   ROUSE_CLOSED,    ROUSE_TIMEDOUT,
                                ROUSE_NOMEM, ROUSE_OVERFLOW, ROUSE_INVALID, ROUSE_CANCELLED, ROUSE_FULL};
    const char *const unknown = rouse_status_string((rouse_status)99);
    for (int i = 0; i < 10; i++) {
        cr_assert_str_not_empty(rouse_status_string(all[i]));
        cr_assert_str_neq(rouse_status_string(all[i]), unknown);
        for (int j = 0; j < i; j++) {
            cr_assert_str_neq(rouse_status_string(all[i]), rouse_status_string(all[j]));
        }
    }
}

Test(waiter, the_string_of_a_status_is_never_null) {
    for (int i = -300; i <= 300; i++) {
        cr_assert_not_null(rouse_status_string((rouse_status)i));
    }
}

Test(waiter, data_is_given_back) {
    rouse_waiter w;
    int mine = 0;
    rouse_waiter_init(&w, NULL, &mine);
    cr_assert_eq(rouse_waiter_data(&w), &mine);
    rouse_waiter_init(&w, probe_wake, NULL);
    cr_assert_null(rouse_waiter_data(&w));
}

/* ---- ownership -------------------------------------------------------------------------------------------------- */

/* Calls that return anything but ROUSE_PENDING have kept nothing. The test fills the memory with rubbish
 * at once, and the queue still works. */
static void spoil(rouse_waiter *w) {
    memset(w, 0xA5, sizeof *w);
}

static bool always(void *arg) {
    (void)arg;
    return true;
}

Test(waiter, a_call_that_did_not_queue_has_kept_nothing) {
    rouse_waiter_queue q;
    probe p[2];
    rouse_waiter_queue_init(&q, 1);
    probes_init(p, 2);
    cr_assert_eq(rouse_waiter_queue_wait(&q, &p[0].waiter, 1), ROUSE_OK);
    spoil(&p[0].waiter);
    probe_init(&p[0], 0);
    cr_assert_eq(rouse_waiter_queue_add_waiter_if(&q, &p[0].waiter, always, NULL), ROUSE_OK);
    spoil(&p[0].waiter);
    probe_init(&p[0], 0);
    cr_assert_eq(rouse_waiter_queue_wait(&q, &p[0].waiter, UINT32_MAX), ROUSE_INVALID);
    spoil(&p[0].waiter);
    probe_init(&p[0], 0);
    must_queue(&q, &p[1], 1);
    cr_assert_eq(rouse_waiter_queue_wake(&q, 1, 0), ROUSE_OK);
    expect_wakes(1);
    cr_assert_eq(rouse_waiter_queue_close(&q), 0u);
    cr_assert_eq(rouse_waiter_queue_wait(&q, &p[0].waiter, 1), ROUSE_CLOSED);
    spoil(&p[0].waiter);
    cr_assert_eq(rouse_waiter_queue_wake(&q, 5, 5), ROUSE_OK);
    expect_no_wakes();
    rouse_waiter_queue_destroy(&q);
}

static void spoil_and_free(probe *p) {
    memset(p, 0xA5, sizeof *p);
    free(p);
}

enum grant { GRANT_WAKE, GRANT_ALL, GRANT_CLOSE, GRANTS };

static void grant_all(rouse_waiter_queue *q, enum grant how, uint32_t count) {
    switch (how) {
    case GRANT_WAKE:
        cr_assert_eq(rouse_waiter_queue_wake(q, count, 0), ROUSE_OK);
        break;
    case GRANT_ALL:
        cr_assert_eq(rouse_waiter_queue_wake_all(q), count);
        break;
    default:
        cr_assert_eq(rouse_waiter_queue_close(q), count);
        break;
    }
}

Test(waiter, a_wake_may_free_its_waiter) {
    for (enum grant how = GRANT_WAKE; how < GRANTS; how++) {
        rouse_waiter_queue q;
        rouse_waiter_queue_init(&q, 0);
        for (int i = 0; i < 40; i++) {
            probe *const p = must_alloc(sizeof *p);
            probe_init(p, i);
            p->then = spoil_and_free;
            must_queue(&q, p, 1);
        }
        grant_all(&q, how, 40);
        cr_assert_eq(wake_log_length, (size_t)40);
        for (int i = 0; i < 40; i++) {
            cr_assert_eq(wake_log[i], i);
        }
        wake_log_length = 0;
        rouse_waiter_queue_destroy(&q);
    }
}

static void queue_on_arg(probe *p) {
    p->then = NULL;
    must_queue((rouse_waiter_queue *)p->arg, p, 1);
}

Test(waiter, a_wake_may_queue_its_waiter_again_here_or_elsewhere) {
    rouse_waiter_queue here;
    rouse_waiter_queue there;
    probe p[2];
    rouse_waiter_queue_init(&here, 0);
    rouse_waiter_queue_init(&there, 0);
    probes_init(p, 2);
    p[0].then = queue_on_arg;
    p[0].arg = &here;
    p[1].then = queue_on_arg;
    p[1].arg = &there;
    must_queue(&here, &p[0], 1);
    must_queue(&here, &p[1], 1);
    cr_assert_eq(rouse_waiter_queue_wake(&here, 2, 0), ROUSE_OK);
    expect_wakes(0, 1);
    expect_queue(&here, -1, 1);
    expect_queue(&there, -1, 1);
    cr_assert(rouse_waiter_queue_wake_one(&here));
    cr_assert(rouse_waiter_queue_wake_one(&there));
    expect_wakes(0, 1);
    rouse_waiter_queue_destroy(&here);
    rouse_waiter_queue_destroy(&there);
}

Test(waiter, each_wake_runs_once) {
    rouse_waiter_queue q;
    probe p[3];
    rouse_waiter_queue_init(&q, 0);
    probes_init(p, 3);
    for (int i = 0; i < 3; i++) {
        must_queue(&q, &p[i], 1);
    }
    cr_assert(rouse_waiter_queue_wake_one(&q));
    cr_assert_eq(rouse_waiter_queue_wake_all(&q), 2u);
    cr_assert_eq(rouse_waiter_queue_wake_all(&q), 0u);
    cr_assert_eq(rouse_waiter_queue_close(&q), 0u);
    for (int i = 0; i < 3; i++) {
        cr_assert_eq(p[i].wakes, 1u);
        cr_assert_eq(p[i].outcome, ROUSE_OK);
    }
    rouse_waiter_queue_destroy(&q);
}

/* The plan's "spurious-wake handling": nothing but its own grant wakes a waiter. */
Test(waiter, no_spurious_wake_ups) {
    rouse_waiter_queue q;
    rouse_waiter_queue other;
    probe head;
    probe p;
    probe passing;
    rouse_waiter_queue_init(&q, 0);
    rouse_waiter_queue_init(&other, 0);
    probe_init(&head, 1);
    probe_init(&p, 2);
    probe_init(&passing, 3);
    must_queue(&q, &head, 1001);
    must_queue(&q, &p, 1);
    for (int i = 0; i < 1000; i++) {
        cr_assert_not(rouse_waiter_queue_try_wait(&q, 1));
        must_queue(&q, &passing, 2);
        cr_assert(rouse_waiter_queue_cancel(&q, &passing.waiter));
        cr_assert_eq(rouse_waiter_queue_wake(&q, 0, 0), ROUSE_OK);
        cr_assert_eq(rouse_waiter_queue_wake(&q, UINT32_MAX, 0), ROUSE_INVALID);
        cr_assert_eq(rouse_waiter_queue_wake_all(&other), 0u);
        cr_assert_not(rouse_waiter_queue_wake_one(&q)); /* one more, and still not all */
        cr_assert_eq(rouse_waiter_status(&head.waiter), ROUSE_PENDING);
        cr_assert_eq(rouse_waiter_status(&p.waiter), ROUSE_PENDING);
    }
    expect_no_wakes();
    expect_queue(&q, -2, 2);
    cr_assert(rouse_waiter_queue_wake_one(&q));
    expect_wakes(1);
    cr_assert(rouse_waiter_queue_wake_one(&q));
    expect_wakes(2);
    cr_assert_eq(passing.wakes, 0u);
    rouse_waiter_queue_destroy(&q);
    rouse_waiter_queue_destroy(&other);
}

/* ---- polled waiters ------------------------------------------------------------------------------------------------ */

Test(waiter, a_polled_waiter_is_told_by_its_status_and_may_be_freed) {
    for (enum grant how = GRANT_WAKE; how < GRANTS; how++) {
        rouse_waiter_queue q;
        rouse_waiter *w[10];
        rouse_waiter_queue_init(&q, 0);
        for (int i = 0; i < 10; i++) {
            w[i] = must_alloc(sizeof *w[i]);
            rouse_waiter_init(w[i], NULL, NULL);
            cr_assert_eq(rouse_waiter_queue_wait(&q, w[i], 1), ROUSE_PENDING);
            cr_assert_eq(rouse_waiter_status(w[i]), ROUSE_PENDING);
        }
        grant_all(&q, how, 10);
        for (int i = 0; i < 10; i++) {
            cr_assert_eq(rouse_waiter_status(w[i]), how == GRANT_CLOSE ? ROUSE_CLOSED : ROUSE_OK);
            spoil(w[i]);
            free(w[i]);
        }
        expect_queue(&q, 0, 0);
        rouse_waiter_queue_destroy(&q);
    }
}

Test(waiter, a_polled_waiter_may_be_freed_after_cancel_either_way) {
    rouse_waiter_queue q;
    rouse_waiter_queue_init(&q, 0);
    for (int i = 0; i < 20; i++) {
        rouse_waiter *const w = must_alloc(sizeof *w);
        const bool granted = i % 2 == 0;
        rouse_waiter_init(w, NULL, NULL);
        cr_assert_eq(rouse_waiter_queue_wait(&q, w, 1), ROUSE_PENDING);
        cr_assert(!granted || rouse_waiter_queue_wake_one(&q));
        cr_assert_eq(rouse_waiter_queue_cancel(&q, w), !granted);
        cr_assert(!granted || rouse_waiter_status(w) == ROUSE_OK);
        spoil(w);
        free(w);
        expect_queue(&q, 0, 0);
    }
    rouse_waiter_queue_destroy(&q);
}

Test(waiter, polled_waiters_keep_their_place_among_the_others) {
    rouse_waiter_queue q;
    rouse_waiter polled[2];
    probe p[2];
    rouse_waiter_queue_init(&q, 0);
    probes_init(p, 2);
    for (int i = 0; i < 2; i++) {
        rouse_waiter_init(&polled[i], NULL, NULL);
        cr_assert_eq(rouse_waiter_queue_wait(&q, &polled[i], 1), ROUSE_PENDING);
        must_queue(&q, &p[i], 1);
    }
    cr_assert(rouse_waiter_queue_wake_one(&q), "a polled waiter counts as woken");
    cr_assert_eq(rouse_waiter_status(&polled[0]), ROUSE_OK);
    expect_no_wakes();
    cr_assert_eq(rouse_waiter_queue_wake(&q, 2, 0), ROUSE_OK);
    expect_wakes(0);
    cr_assert_eq(rouse_waiter_status(&polled[1]), ROUSE_OK);
    cr_assert(rouse_waiter_queue_wake_one(&q));
    expect_wakes(1);
    rouse_waiter_queue_destroy(&q);
}

/* ---- where and when wake runs ---------------------------------------------------------------------------------------- */

static pthread_t woken_on;
static void note_thread(probe *p) {
    (void)p;
    woken_on = pthread_self();
}

static void *wake_one_of(void *arg) {
    cr_assert(rouse_waiter_queue_wake_one((rouse_waiter_queue *)arg));
    cr_assert(pthread_equal(woken_on, pthread_self()));
    return NULL;
}

SHARED_TEST(waiter, wake_runs_on_the_thread_that_made_it_due_before_its_call_returns) {
    rouse_waiter_queue q;
    probe p[2];
    rouse_waiter_queue_init(&q, 0);
    probes_init(p, 2);
    for (int i = 0; i < 2; i++) {
        p[i].then = note_thread;
        must_queue(&q, &p[i], 1);
    }
    run_on_thread(wake_one_of, &q, 0);
    expect_wakes(0);
    (void)wake_one_of(&q);
    expect_wakes(1);
    rouse_waiter_queue_destroy(&q);
}

static rouse_waiter_queue first_queue;
static rouse_waiter_queue second_queue;

/* Wakes one of the second queue inside a wake: it must not run before this returns. */
static void wake_second(probe *p) {
    const size_t before = wake_log_length;
    (void)p;
    cr_assert(rouse_waiter_queue_wake_one(&second_queue));
    cr_assert_eq(wake_log_length, before, "a wake inside a wake is deferred");
}

/* Trap: hand-over chains run inside one another. */
Test(waiter, wakes_inside_a_wake_are_deferred_and_run_in_the_order_in_which_they_fell_due) {
    probe p[3];
    probe second[3];
    for (int i = 0; i < 3; i++) {
        probe_init(&p[i], i);
        probe_init(&second[i], 10 + i);
        p[i].then = wake_second;
        must_queue(&first_queue, &p[i], 1);
        must_queue(&second_queue, &second[i], 1);
    }
    cr_assert_eq(rouse_waiter_queue_wake_all(&first_queue), 3u);
    expect_wakes(0, 1, 2, 10, 11, 12);
}

static void wake_second_twice(probe *p) {
    (void)p;
    cr_assert_eq(rouse_waiter_queue_wake(&second_queue, 2, 0), ROUSE_OK);
    cr_assert_eq(rouse_waiter_queue_wake_all(&first_queue), 1u);
    cr_assert_eq(rouse_waiter_queue_wake_all(&second_queue), 1u);
}

Test(waiter, one_wake_that_makes_many_due_keeps_their_order) {
    probe p[2];
    probe second[3];
    probes_init(p, 2);
    for (int i = 0; i < 3; i++) {
        probe_init(&second[i], 10 + i);
        must_queue(&second_queue, &second[i], 1);
    }
    p[0].then = wake_second_twice;
    must_queue(&first_queue, &p[0], 1);
    must_queue(&first_queue, &p[1], 1);
    cr_assert(rouse_waiter_queue_wake_one(&first_queue));
    expect_wakes(0, 10, 11, 1, 12);
}

static void cancel_the_next(probe *p) {
    probe *const next = (probe *)p->arg;
    cr_assert_eq(next->wakes, 0u, "its wake has not run");
    cr_assert_eq(rouse_waiter_status(&next->waiter), p->outcome, "and yet its outcome is stored");
    cr_assert_not(rouse_waiter_queue_cancel(&first_queue, &next->waiter));
}

Test(waiter, outcomes_are_all_stored_before_the_first_wake_so_cancel_is_false) {
    for (enum grant how = GRANT_WAKE; how < GRANTS; how++) {
        probe p[20];
        probes_init(p, 20);
        for (int i = 0; i < 20; i++) {
            p[i].then = i == 19 ? NULL : cancel_the_next;
            p[i].arg = &p[i + 1 < 20 ? i + 1 : 0];
            must_queue(&first_queue, &p[i], 1);
        }
        grant_all(&first_queue, how, 20);
        cr_assert_eq(wake_log_length, (size_t)20);
        wake_log_length = 0;
        for (int i = 0; i < 20; i++) {
            cr_assert_eq(p[i].wakes, 1u, "cancel was false, so the wake was owed");
        }
    }
}

static void cancel_big_head(probe *p) {
    probe *const head = (probe *)p->arg;
    const size_t before = wake_log_length;
    cr_assert(rouse_waiter_queue_cancel(&second_queue, &head->waiter));
    cr_assert_eq(wake_log_length, before, "deferred");
    cr_assert_eq(rouse_waiter_queue_waiter_count(&second_queue), 1u, "but served before cancel returned");
}

Test(waiter, cancel_inside_a_wake_serves_at_once_and_defers_the_wakes) {
    probe p;
    probe second[4];
    probe_init(&p, 1);
    for (int i = 0; i < 4; i++) {
        probe_init(&second[i], 10 + i);
    }
    cr_assert_eq(rouse_waiter_queue_wake(&second_queue, 2, 2), ROUSE_OK);
    must_queue(&second_queue, &second[0], 5);
    for (int i = 1; i < 4; i++) {
        must_queue(&second_queue, &second[i], 1);
    }
    p.then = cancel_big_head;
    p.arg = &second[0];
    must_queue(&first_queue, &p, 1);
    cr_assert(rouse_waiter_queue_wake_one(&first_queue));
    expect_wakes(1, 11, 12);
    expect_queue(&second_queue, -1, 1);
}

static void call_everything(probe *p) {
    rouse_waiter_queue *const q = (rouse_waiter_queue *)p->arg;
    probe extra;
    probe_init(&extra, 99);
    cr_assert_not(rouse_waiter_queue_try_wait(q, 1));
    must_queue(q, &extra, 1);
    cr_assert(rouse_waiter_queue_cancel(q, &extra.waiter));
    cr_assert_eq(rouse_waiter_queue_wake(q, 0, 0), ROUSE_OK);
    cr_assert_eq(rouse_waiter_queue_reserve(q, 4), ROUSE_OK);
    cr_assert_eq(rouse_waiter_queue_balance(q), -1);
    cr_assert_eq(rouse_waiter_queue_waiter_count(q), 1u);
    cr_assert_not(rouse_waiter_queue_is_closed(q));
    cr_assert(rouse_waiter_queue_wake_one(q));
    cr_assert_eq(rouse_waiter_queue_wake_all(q), 0u);
    cr_assert_eq(rouse_waiter_queue_close(q), 0u);
}

/* Trap: a callback re-enters the library from a wake made under an internal lock. */
Test(waiter, a_wake_may_call_every_function_on_the_same_object, .timeout = 30) {
    rouse_waiter_queue q;
    probe p[2];
    rouse_waiter_queue_init(&q, 0);
    probes_init(p, 2);
    p[0].then = call_everything;
    p[0].arg = &q;
    must_queue(&q, &p[0], 1);
    must_queue(&q, &p[1], 1);
    cr_assert(rouse_waiter_queue_wake_one(&q));
    expect_wakes(0, 1);
    rouse_waiter_queue_destroy(&q);
}

/* ---- memory order ---------------------------------------------------------------------------------------------------- */

/* A woken thread sees what the releaser wrote to plain memory; ThreadSanitizer looks for the edge. */
typedef struct message {
    rouse_waiter_queue queue;
    rouse_waiter waiter;
    int text;
} message;

static void *send_message(void *arg) {
    message *const m = (message *)arg;
    while (rouse_waiter_queue_waiter_count(&m->queue) == 0) {
        sched_yield();
    }
    m->text = 42;
    cr_assert(rouse_waiter_queue_wake_one(&m->queue));
    return NULL;
}

SHARED_TEST(waiter, who_reads_the_outcome_sees_what_came_before_the_wake, .timeout = 60) {
    for (int i = 0; i < 200; i++) {
        static message m;
        pthread_t sender;
        m.text = 0;
        rouse_waiter_queue_init(&m.queue, 0);
        rouse_waiter_init(&m.waiter, NULL, NULL);
        cr_assert_eq(pthread_create(&sender, NULL, send_message, &m), 0);
        /* Served before it could sleep, it is ROUSE_OK at once. */
        if (rouse_waiter_queue_wait(&m.queue, &m.waiter, 1) == ROUSE_PENDING) {
            while (rouse_waiter_status(&m.waiter) == ROUSE_PENDING) {
                sched_yield();
            }
        }
        cr_assert_eq(m.text, 42);
        cr_assert_eq(pthread_join(sender, NULL), 0);
        rouse_waiter_queue_destroy(&m.queue);
    }
}
