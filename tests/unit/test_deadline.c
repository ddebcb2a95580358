/* The contract of deadline.h: time-outs on the loop's thread, for every call that may wait. */
#include <rouse/deadline.h>

#include "../support/random.h"
#include "support.h"

#include <stdlib.h>
#include <string.h>

typedef struct request request;
struct request {
    rouse_timed timed;
    int id;
    unsigned wakes;
    rouse_status outcome;
    void (*then)(request *r); /* runs inside the wake */
    void *arg;
};

static rouse_deadlines deadlines;

static void note(request *r, rouse_status status) {
    wake_log[wake_log_length++ % LOG_MAX] = r->id;
    r->wakes++;
    r->outcome = status;
}
static void request_wake(rouse_timed *t, rouse_status status) {
    request *const r = rouse_timed_data(t);
    cr_assert_eq(&r->timed, t);
    cr_assert_eq(rouse_waiter_status(&t->waiter), status, "the outcome is stored before wake is called");
    note(r, status);
    if (r->then != NULL) {
        r->then(r);
    }
}
static void request_init(request *r, int id, rouse_mailbox *mb) {
    r->id = id;
    r->wakes = 0;
    r->outcome = ROUSE_PENDING;
    r->then = NULL;
    r->arg = NULL;
    rouse_timed_init(&r->timed, &deadlines, mb, request_wake, r);
}
static void requests_init(request *r, int count) {
    rouse_deadlines_init(&deadlines);
    for (int i = 0; i < count; i++) {
        request_init(&r[i], i, NULL);
    }
}

static rouse_semaphore none = ROUSE_SEMAPHORE_INIT(0);

static void must_queue(request *r, uint64_t until) {
    cr_assert_eq(rouse_semaphore_acquire_until(&none, &r->timed, 1, until), ROUSE_PENDING);
}
#define expect_next(until)     cr_assert_eq(rouse_deadlines_next(&deadlines), (uint64_t)(until))
#define expect_run(now, count) cr_assert_eq(rouse_deadlines_run(&deadlines, (now)), (size_t)(count))
static void over(void) {
    expect_next(UINT64_MAX);
    cr_assert_eq(rouse_semaphore_waiter_count(&none), 0u);
    rouse_semaphore_destroy(&none);
    rouse_deadlines_destroy(&deadlines);
}

Test(deadline, time_outs_come_in_the_order_of_their_deadlines_and_not_early) {
    static const uint64_t until[] = {50, 10, 30, 20, 40};
    request r[5];
    requests_init(r, 5);
    expect_next(UINT64_MAX);
    expect_run(UINT64_MAX, 0);
    for (int i = 0; i < 5; i++) {
        must_queue(&r[i], until[i]);
    }
    expect_next(10);
    expect_run(9, 0);
    expect_no_wakes();
    expect_run(10, 1);
    expect_wakes(1);
    cr_assert_eq(r[1].outcome, ROUSE_TIMEDOUT);
    expect_next(20);
    expect_run(40, 3);
    expect_wakes(3, 2, 4);
    expect_next(50);
    expect_run(1000, 1);
    expect_wakes(0);
    over();
}

Test(deadline, a_grant_ends_the_deadline) {
    request r[3];
    requests_init(r, 3);
    must_queue(&r[0], 10);
    must_queue(&r[1], 20);
    must_queue(&r[2], 5);
    cr_assert_eq(rouse_semaphore_release(&none, 1), ROUSE_OK);
    expect_wakes(0);
    cr_assert_eq(r[0].outcome, ROUSE_OK);
    expect_next(5);
    expect_run(5, 1);
    expect_wakes(2);
    cr_assert_eq(rouse_semaphore_release(&none, 1), ROUSE_OK);
    expect_wakes(1);
    expect_run(1000, 0);
    cr_assert_eq(rouse_semaphore_release(&none, 1), ROUSE_OK);
    cr_assert_eq(rouse_semaphore_acquire_until(&none, &r[0].timed, 1, 1), ROUSE_OK);
    over();
}

Test(deadline, cancel) {
    request r[3];
    requests_init(r, 3);
    cr_assert_not(rouse_timed_cancel(&r[0].timed), "it does not wait");
    for (int i = 0; i < 3; i++) {
        must_queue(&r[i], 10);
    }
    cr_assert(rouse_timed_cancel(&r[1].timed));
    cr_assert_not(rouse_timed_cancel(&r[1].timed));
    must_queue(&r[1], 5);
    expect_next(5);
    expect_run(10, 3);
    expect_wakes(1, 0, 2);
    cr_assert_not(rouse_timed_cancel(&r[0].timed));
    over();
}

/* Trap: `until` in the past, UINT64_MAX, a clock that does not move. */
static void wait_in_the_past(request *r) {
    must_queue(r, 1);
}
Test(deadline, until_in_the_past_and_a_clock_that_stands_still) {
    request r[2];
    requests_init(r, 2);
    must_queue(&r[0], 0);
    expect_next(0);
    expect_run(0, 1);
    expect_wakes(0);
    /* It begins again in its wake, due already: once in each run, not for ever in one. */
    r[0].then = wait_in_the_past;
    must_queue(&r[0], 1);
    must_queue(&r[1], 7);
    for (int turn = 0; turn < 5; turn++) {
        expect_run(7, turn == 0 ? 2 : 1);
        if (turn == 0) {
            expect_wakes(0, 1);
        } else {
            expect_wakes(0);
        }
        expect_next(1);
    }
    cr_assert(rouse_timed_cancel(&r[0].timed));
    over();
}
Test(deadline, until_UINT64_MAX_is_practically_never) {
    request r[2];
    requests_init(r, 2);
    must_queue(&r[0], UINT64_MAX);
    expect_next(UINT64_MAX);
    expect_run(UINT64_MAX - 1, 0);
    must_queue(&r[1], UINT64_MAX - 1);
    expect_next(UINT64_MAX - 1);
    expect_run(UINT64_MAX - 1, 1);
    expect_wakes(1);
    expect_run(UINT64_MAX, 1);
    expect_wakes(0);
    over();
}

/* Trap: 100,000 with the same `until` in first-in first-out order. */
static int last_id;
static void next_in_order(rouse_timed *t, rouse_status status) {
    cr_assert_eq(status, ROUSE_TIMEDOUT);
    cr_assert_eq(*(int *)rouse_timed_data(t), last_id + 1);
    last_id++;
}
Test(deadline, a_hundred_thousand_with_the_same_until_in_fifo_order) {
    enum { MANY = 100000 };
    rouse_timed *const t = must_alloc(MANY * sizeof *t);
    int *const id = must_alloc(MANY * sizeof *id);
    rouse_deadlines_init(&deadlines);
    for (int i = 0; i < MANY; i++) {
        id[i] = i;
        rouse_timed_init(&t[i], &deadlines, NULL, next_in_order, &id[i]);
    }
    for (int round = 0; round < 2; round++) {
        last_id = -1;
        for (int i = 0; i < MANY; i++) {
            cr_assert_eq(rouse_semaphore_acquire_until(&none, &t[i], 1, 1000), ROUSE_PENDING);
        }
        expect_run(999, 0);
        expect_run(1000, MANY);
        cr_assert_eq(last_id, MANY - 1);
    }
    over();
    free(t);
    free(id);
}

/* ---- a wake inside run that adds, cancels and re-times others ------------------------------------------------------- */

static request five[5];
static void add_cancel_and_retime(request *r) {
    r->then = NULL;
    cr_assert(rouse_timed_cancel(&five[1].timed), "due, and its turn has not come");
    cr_assert(rouse_timed_cancel(&five[2].timed));
    must_queue(&five[2], 100); /* later */
    must_queue(&five[3], 10);  /* due already: in the next run */
    cr_assert(rouse_timed_cancel(&five[4].timed));
    must_queue(&five[4], 5); /* earlier than all: in the next run too */
}
/* Trap: a wake inside run that adds, cancels and re-times others. */
Test(deadline, a_wake_inside_run_that_adds_cancels_and_retimes_others) {
    requests_init(five, 5);
    five[0].then = add_cancel_and_retime;
    must_queue(&five[0], 8);
    must_queue(&five[1], 9);
    must_queue(&five[2], 10);
    must_queue(&five[4], 50);
    expect_run(20, 1);
    expect_wakes(0);
    expect_next(5);
    expect_run(20, 2);
    expect_wakes(4, 3);
    cr_assert_eq(five[1].wakes, 0u);
    expect_next(100);
    expect_run(100, 1);
    expect_wakes(2);
    over();
}

static void release_one(request *r) {
    r->then = NULL;
    cr_assert_eq(rouse_semaphore_release(&none, 1), ROUSE_OK);
}
/* What a wake grants to one that is due as well is a grant: no permit is lost. */
Test(deadline, granted_by_a_wake_inside_run_to_one_that_is_due_as_well) {
    request r[3];
    requests_init(r, 3);
    r[0].then = release_one;
    for (int i = 0; i < 3; i++) {
        must_queue(&r[i], 10);
    }
    expect_run(10, 2);
    expect_wakes(0, 1, 2);
    cr_assert_eq(r[0].outcome, ROUSE_TIMEDOUT);
    cr_assert_eq(r[1].outcome, ROUSE_OK);
    cr_assert_eq(r[2].outcome, ROUSE_TIMEDOUT);
    over();
}

static void run_again(request *r) {
    r->arg = (void *)(uintptr_t)rouse_deadlines_run(&deadlines, 10);
}
Test(deadline, run_inside_a_wake_of_run) {
    request r[3];
    requests_init(r, 3);
    r[0].then = run_again;
    for (int i = 0; i < 3; i++) {
        must_queue(&r[i], 10);
    }
    expect_run(10, 1);
    cr_assert_eq((uintptr_t)r[0].arg, 2u, "the inner run has taken the rest");
    expect_wakes(0, 1, 2);
    over();
}

static void free_it(request *r) {
    free(r);
}
Test(deadline, a_wake_may_free_its_request) {
    rouse_deadlines_init(&deadlines);
    for (int i = 0; i < 20; i++) {
        request *const r = must_alloc(sizeof *r);
        request_init(r, i, NULL);
        r->then = free_it;
        must_queue(r, (uint64_t)(i % 3));
    }
    cr_assert_eq(rouse_semaphore_release(&none, 5), ROUSE_OK);
    expect_wakes(0, 1, 2, 3, 4);
    expect_run(1, 10);
    wake_log_length = 0;
    expect_run(2, 5);
    over();
}

/* ---- with a mailbox -------------------------------------------------------------------------------------------------- */

static rouse_mailbox mailbox;

/* Trap: expiry at the moment of the grant loses the permit; the grant lies in the mailbox when the time is up. */
Test(deadline, expiry_at_the_moment_of_the_grant_reports_the_grant_in_the_mailbox) {
    request r[2];
    rouse_deadlines_init(&deadlines);
    rouse_mailbox_init(&mailbox, NULL, NULL);
    request_init(&r[0], 0, &mailbox);
    request_init(&r[1], 1, &mailbox);
    must_queue(&r[0], 10);
    must_queue(&r[1], 10);
    cr_assert_eq(rouse_semaphore_release(&none, 1), ROUSE_OK);
    expect_no_wakes();
    expect_run(20, 1);
    expect_wakes(1); /* in run itself, not in the next drain */
    cr_assert_eq(r[1].outcome, ROUSE_TIMEDOUT);
    cr_assert_not(rouse_timed_cancel(&r[0].timed));
    expect_next(UINT64_MAX);
    cr_assert_eq(rouse_mailbox_drain(&mailbox), 1u);
    expect_wakes(0);
    cr_assert_eq(r[0].outcome, ROUSE_OK);
    /* After a time-out it is on its mailbox again. */
    must_queue(&r[1], 30);
    cr_assert_eq(rouse_semaphore_release(&none, 1), ROUSE_OK);
    expect_no_wakes();
    cr_assert_eq(rouse_mailbox_drain(&mailbox), 1u);
    expect_wakes(1);
    cr_assert_eq(r[1].outcome, ROUSE_OK);
    over();
    rouse_mailbox_destroy(&mailbox);
}

static void wait_until_50(request *r) {
    r->then = NULL;
    must_queue(r, 50);
}
/* Trap: a timed-out waiter queued again while its old grant is still travelling. It has not timed out then: to queue it
 * is refused, and in the wake that brings the grant it may be queued again. */
Test(deadline, queued_again_while_its_old_grant_is_still_travelling) {
    request r;
    rouse_deadlines_init(&deadlines);
    rouse_mailbox_init(&mailbox, NULL, NULL);
    request_init(&r, 0, &mailbox);
    must_queue(&r, 10);
    cr_assert_eq(rouse_semaphore_release(&none, 1), ROUSE_OK);
    expect_run(10, 0);
    expect_no_wakes();
    cr_assert_eq(rouse_semaphore_acquire_until(&none, &r.timed, 1, 99), ROUSE_INVALID);
    expect_next(UINT64_MAX);
    r.then = wait_until_50;
    cr_assert_eq(rouse_mailbox_drain(&mailbox), 1u);
    expect_wakes(0);
    cr_assert_eq(r.outcome, ROUSE_OK);
    expect_next(50);
    expect_run(50, 1);
    expect_wakes(0);
    cr_assert_eq(r.outcome, ROUSE_TIMEDOUT);
    cr_assert_eq(rouse_mailbox_drain(&mailbox), 0u);
    over();
    rouse_mailbox_destroy(&mailbox);
}

/* ---- polled ---------------------------------------------------------------------------------------------------------- */

Test(deadline, polled) {
    rouse_timed t;
    rouse_deadlines_init(&deadlines);
    rouse_timed_init(&t, &deadlines, NULL, NULL, &none);
    cr_assert_eq(rouse_timed_data(&t), &none);
    cr_assert_eq(rouse_semaphore_acquire_until(&none, &t, 1, 10), ROUSE_PENDING);
    expect_run(9, 0);
    cr_assert_eq(rouse_waiter_status(&t.waiter), ROUSE_PENDING);
    expect_run(10, 1);
    cr_assert_eq(rouse_waiter_status(&t.waiter), ROUSE_TIMEDOUT);
    cr_assert_not(rouse_timed_cancel(&t));
    cr_assert_eq(rouse_semaphore_acquire_until(&none, &t, 1, 10), ROUSE_PENDING);
    cr_assert_eq(rouse_semaphore_release(&none, 1), ROUSE_OK);
    cr_assert_eq(rouse_waiter_status(&t.waiter), ROUSE_OK);
    cr_assert_not(rouse_timed_cancel(&t));
    over();
}

/* ---- every call that may wait ---------------------------------------------------------------------------------------- */

static bool never(void *arg) {
    (void)arg;
    return false;
}
/* Times out, then waits again and is granted, or closed. */
#define EACH(call, grant, expected)                            \
    do {                                                       \
        cr_assert_eq(call, ROUSE_PENDING, #call);              \
        cr_assert_eq(call, ROUSE_INVALID, "it waits already"); \
        expect_run(10, 1);                                     \
        expect_wakes(0);                                       \
        cr_assert_eq(r.outcome, ROUSE_TIMEDOUT);               \
        cr_assert_eq(call, ROUSE_PENDING, #call);              \
        (void)(grant);                                         \
        expect_wakes(0);                                       \
        cr_assert_eq(r.outcome, expected, #call);              \
        expect_next(UINT64_MAX);                               \
    } while (0)

Test(deadline, every_call_that_may_wait) {
    rouse_waiter_queue q = ROUSE_WAITER_QUEUE_INIT(0);
    rouse_mutex m = ROUSE_MUTEX_INIT;
    rouse_notify n = ROUSE_NOTIFY_INIT;
    rouse_limit l = ROUSE_LIMIT_INIT(1, 1);
    rouse_event e = ROUSE_EVENT_INIT;
    rouse_gate g = ROUSE_GATE_INIT(1);
    rouse_rwlock rw;
    rouse_once o;
    rouse_waiter w;
    request r;
    requests_init(&r, 1);
    rouse_waiter_init(&w, NULL, NULL);
    EACH(rouse_waiter_queue_wait_until(&q, &r.timed, 2, 10), rouse_waiter_queue_wake(&q, 2, 0), ROUSE_OK);
    EACH(rouse_waiter_queue_add_waiter_if_until(&q, &r.timed, never, NULL, 10),
         rouse_waiter_queue_wake_one(&q), ROUSE_OK);
    EACH(rouse_waiter_queue_wait_until(&q, &r.timed, 1, 10), rouse_waiter_queue_close(&q), ROUSE_CLOSED);
    EACH(rouse_semaphore_acquire_until(&none, &r.timed, 3, 10), rouse_semaphore_release(&none, 3), ROUSE_OK);
    cr_assert(rouse_mutex_try_lock(&m));
    EACH(rouse_mutex_lock_until(&m, &r.timed, 10), rouse_mutex_unlock(&m), ROUSE_OK);
    EACH(rouse_notify_wait_until(&n, &r.timed, 10), rouse_notify_all(&n), ROUSE_OK);
    EACH(rouse_notify_wait_if_until(&n, &r.timed, never, NULL, 10), (rouse_notify_one(&n), 0), ROUSE_OK);
    cr_assert(rouse_limit_try_acquire(&l, 1));
    EACH(rouse_limit_acquire_until(&l, &r.timed, 1, 10), rouse_limit_give_back(&l, 1), ROUSE_OK);
    EACH(rouse_event_wait_until(&e, &r.timed, 10), rouse_event_set(&e), ROUSE_OK);
    cr_assert_eq(rouse_event_wait_until(&e, &r.timed, 10), ROUSE_OK);
    (void)rouse_gate_close(&g);
    EACH(rouse_gate_wait_until(&g, &r.timed, 10), rouse_gate_leave(&g, 1), ROUSE_OK);
    cr_assert_eq(rouse_rwlock_init(&rw, 4), ROUSE_OK);
    cr_assert(rouse_rwlock_try_write(&rw));
    EACH(rouse_rwlock_read_until(&rw, &r.timed, 10), rouse_rwlock_end_write(&rw), ROUSE_OK);
    EACH(rouse_rwlock_write_until(&rw, &r.timed, 10), rouse_rwlock_end_read(&rw), ROUSE_OK);
    (void)rouse_rwlock_end_write(&rw);
    rouse_once_init(&o);
    cr_assert_eq(rouse_once_begin(&o, &w), ROUSE_OK);
    EACH(rouse_once_begin_until(&o, &r.timed, 10), rouse_once_failed(&o), ROUSE_OK);
    cr_assert_eq(rouse_limit_acquire_until(&l, &r.timed, ROUSE_MAX_PERMITS + 1u, 10), ROUSE_INVALID);
    cr_assert_eq(rouse_limit_acquire_until(&l, &r.timed, 1, 10), ROUSE_PENDING);
    cr_assert(rouse_timed_cancel(&r.timed));
    rouse_waiter_queue_destroy(&q);
    rouse_mutex_destroy(&m);
    rouse_notify_destroy(&n);
    rouse_limit_destroy(&l);
    rouse_event_destroy(&e);
    rouse_gate_destroy(&g);
    rouse_rwlock_destroy(&rw);
    rouse_once_destroy(&o);
    over();
}

/* ---- throughput mode: the invitation is answered here ----------------------------------------------------------------- */

static rouse_semaphore quick;

static void release_steal_and_run(request *r) {
    (void)r;
    cr_assert_eq(rouse_semaphore_release(&quick, 1), ROUSE_OK); /* invites five[0], behind this wake */
    if (r->arg != NULL) {
        r->id =
            rouse_semaphore_try_acquire(&quick, 1) ? 71 : 70; /* a newcomer is quicker; not with LOCKFREE */
    } else {
        (void)rouse_deadlines_run(&deadlines, 10); /* its time is up while it is invited */
    }
}
Test(deadline, throughput_mode_resumed_beaten_and_out_of_time) {
    requests_init(five, 3);
    rouse_semaphore_init_throughput(&quick, 0, 4);
    cr_assert_eq(rouse_semaphore_acquire_until(&quick, &five[0].timed, 1, 10), ROUSE_PENDING);
    cr_assert_eq(rouse_semaphore_release(&quick, 1), ROUSE_OK);
    expect_wakes(0);
    cr_assert_eq(five[0].outcome, ROUSE_OK);
    expect_next(UINT64_MAX);
    /* Beaten: it waits on, with its deadline. */
    cr_assert_eq(rouse_semaphore_acquire_until(&quick, &five[0].timed, 1, 10), ROUSE_PENDING);
    must_queue(&five[1], 1);
    five[1].then = release_steal_and_run;
    five[1].arg = &five[1];
    expect_run(1, 1);
    if (five[1].id == 71) {
        expect_wakes(1);
        expect_next(10);
        expect_run(10, 1);
        expect_wakes(0);
        cr_assert_eq(five[0].outcome, ROUSE_TIMEDOUT);
    } else {
        expect_wakes(1, 0);
        cr_assert_eq(five[0].outcome, ROUSE_OK);
    }
    cr_assert_eq(rouse_semaphore_available(&quick), 0u);
    /* Out of time while its wake runs: the permit is handed on. (LOCKFREE: granted before.) */
    cr_assert_eq(rouse_semaphore_acquire_until(&quick, &five[0].timed, 1, 10), ROUSE_PENDING);
    must_queue(&five[2], 1);
    five[2].then = release_steal_and_run;
    expect_run(1, 1);
    expect_wakes(2, 0);
    cr_assert_eq(rouse_semaphore_available(&quick), five[0].outcome == ROUSE_OK ? 0u : 1u);
    cr_assert(five[0].outcome == ROUSE_OK || five[0].outcome == ROUSE_TIMEDOUT);
    cr_assert_eq(rouse_semaphore_waiter_count(&quick), 0u, "the invitation has been answered");
    cr_assert_eq(rouse_waiter_status(&five[0].timed.waiter), five[0].outcome);
    rouse_semaphore_destroy(&quick);
    over();
}
/* Invited, and in its mailbox when the time is up or when it is cancelled: it is taken out, and the permit
 * is handed on. */
Test(deadline, throughput_mode_invited_in_the_mailbox) {
    request r;
    rouse_deadlines_init(&deadlines);
    rouse_mailbox_init(&mailbox, NULL, NULL);
    rouse_semaphore_init_throughput(&quick, 0, 4);
    request_init(&r, 0, &mailbox);
    for (int cancelled = 0; cancelled < 2; cancelled++) {
        cr_assert_eq(rouse_semaphore_acquire_until(&quick, &r.timed, 1, 10), ROUSE_PENDING);
        cr_assert_eq(rouse_semaphore_release(&quick, 1), ROUSE_OK);
        if (cancelled ? rouse_timed_cancel(&r.timed) : rouse_deadlines_run(&deadlines, 10) == 1) {
            cr_assert_eq(rouse_mailbox_drain(&mailbox), 0u);
            cr_assert_eq(rouse_semaphore_available(&quick), 1u);
            cr_assert(rouse_semaphore_try_acquire(&quick, 1));
            if (!cancelled) {
                cr_assert_eq(r.outcome, ROUSE_TIMEDOUT);
                expect_wakes(0);
            }
            expect_no_wakes();
        } else {
            cr_assert_eq(rouse_mailbox_drain(&mailbox), 1u);
            cr_assert_eq(r.outcome, ROUSE_OK, "granted, as with LOCKFREE");
            expect_wakes(0);
        }
    }
    rouse_semaphore_destroy(&quick);
    rouse_mailbox_destroy(&mailbox);
    over();
}

/* ---- against a model: random calls on 40 requests --------------------------------------------------------------------- */

enum { REQUESTS = 40 };

static dice numbers = {1};

/* The waiting one with the earliest deadline, in order of beginning; -1: none until `now`. */
static int earliest(const bool *waits, const uint64_t *until, const uint64_t *order, uint64_t now) {
    int best = -1;
    for (int i = 0; i < REQUESTS; i++) {
        if (waits[i] && until[i] <= now &&
            (best < 0 || until[i] < until[best] || (until[i] == until[best] && order[i] < order[best]))) {
            best = i;
        }
    }
    return best;
}

Test(deadline, random_calls_agree_with_a_sorted_list) {
    static request r[REQUESTS];
    bool waits[REQUESTS] = {false};
    uint64_t until[REQUESTS] = {0};
    uint64_t order[REQUESTS] = {0};
    uint64_t now = 0;
    requests_init(r, REQUESTS);
    for (uint64_t step = 0; step < 200000; step++) {
        const int i = (int)roll(&numbers, REQUESTS);
        const uint32_t what = roll(&numbers, 8);
        int best;
        if (what < 5) {
            if (!waits[i]) {
                until[i] = now + roll(&numbers, 12);
                order[i] = step;
                waits[i] = true;
                must_queue(&r[i], until[i]);
            }
        } else if (what == 5) {
            cr_assert_eq(rouse_timed_cancel(&r[i].timed), waits[i]);
            waits[i] = false;
        } else if (what == 6) {
            int oldest = -1;
            for (int j = 0; j < REQUESTS; j++) {
                oldest = waits[j] && (oldest < 0 || order[j] < order[oldest]) ? j : oldest;
            }
            if (oldest >= 0) {
                (void)rouse_semaphore_release(&none, 1);
                expect_wakes(oldest);
                waits[oldest] = false;
            }
        } else {
            size_t expected = 0;
            now += roll(&numbers, 6);
            const size_t timed_out = rouse_deadlines_run(&deadlines, now);
            cr_assert_eq(timed_out, wake_log_length);
            while ((best = earliest(waits, until, order, now)) >= 0) {
                cr_assert_eq(wake_log[expected++], best);
                cr_assert_eq(r[best].outcome, ROUSE_TIMEDOUT);
                waits[best] = false;
            }
            cr_assert_eq(wake_log_length, expected);
            wake_log_length = 0;
        }
        best = earliest(waits, until, order, UINT64_MAX);
        expect_next(best < 0 ? UINT64_MAX : until[best]);
    }
    for (int i = 0; i < REQUESTS; i++) {
        cr_assert_eq(rouse_timed_cancel(&r[i].timed), waits[i]);
    }
    over();
}

/* ---- channel -------------------------------------------------------------------------------------------------------- */

Test(deadline, channel_a_transfer_times_out_or_moves_its_element) {
    rouse_channel ch;
    int slot[1];
    int values[3] = {1, 2, 0};
    int got = 0;
    request r[3];
    requests_init(r, 3);
    cr_assert_eq(rouse_channel_init(&ch, slot, 1, sizeof(int)), ROUSE_OK);
    cr_assert_eq(rouse_channel_send_until(&ch, &r[0].timed, &values[0], 10), ROUSE_OK);
    cr_assert_eq(rouse_channel_send_until(&ch, &r[0].timed, &values[0], 10), ROUSE_PENDING);
    cr_assert_eq(rouse_channel_send_until(&ch, &r[1].timed, &values[1], 20), ROUSE_PENDING);
    cr_assert_eq(rouse_channel_send_until(&ch, &r[1].timed, &values[1], 20), ROUSE_INVALID,
                 "it waits already");
    expect_next(10);
    cr_assert_eq(rouse_deadlines_run(&deadlines, 10), 1u);
    expect_wakes(0);
    cr_assert_eq(r[0].outcome, ROUSE_TIMEDOUT);
    cr_assert(rouse_channel_try_receive(&ch, &got));
    cr_assert_eq(got, 1);
    expect_wakes(1);
    cr_assert_eq(r[1].outcome, ROUSE_OK);
    cr_assert(rouse_channel_try_receive(&ch, &got));
    cr_assert_eq(got, 2, "what timed out was not sent");
    cr_assert_eq(rouse_channel_receive_until(&ch, &r[2].timed, &values[2], 30), ROUSE_PENDING);
    cr_assert_eq(rouse_channel_receive_until(&ch, &r[2].timed, &values[2], 30), ROUSE_INVALID,
                 "it waits already");
    cr_assert_eq(rouse_channel_receive_until(&ch, &r[0].timed, &got, 40), ROUSE_PENDING);
    cr_assert_eq(rouse_deadlines_run(&deadlines, 29), 0u);
    cr_assert_eq(rouse_deadlines_run(&deadlines, 30), 1u);
    expect_wakes(2);
    cr_assert(rouse_channel_try_send(&ch, &values[1]));
    expect_wakes(0);
    cr_assert_eq(r[0].outcome, ROUSE_OK);
    cr_assert_eq(got, 2);
    cr_assert_eq(values[2], 0);
    cr_assert_eq(rouse_channel_receive_until(&ch, &r[0].timed, &got, 50), ROUSE_PENDING);
    cr_assert(rouse_timed_cancel(&r[0].timed));
    cr_assert_eq(rouse_channel_waiter_count(&ch), 0u);
    expect_next(UINT64_MAX);
    rouse_channel_destroy(&ch);
    over();
}

static rouse_semaphore *gone;
static rouse_timed told_late;
static rouse_deadlines told_deadlines;
static int told_late_wakes;
static void on_told_late(rouse_timed *t, rouse_status status) {
    cr_assert_eq(t, &told_late);
    cr_assert_eq(status, ROUSE_TIMEDOUT);
    told_late_wakes++;
}
static void run_destroy_cancel(rouse_waiter *w, rouse_status status) {
    (void)w;
    cr_assert_eq(status, ROUSE_OK);
    cr_assert_eq(rouse_deadlines_run(&told_deadlines, 10), 1);
    rouse_semaphore_destroy(gone);
    free(gone);
    cr_assert_not(rouse_timed_cancel(&told_late), "its wake is due");
    cr_assert_eq(told_late_wakes, 0);
}
/* run inside a wake: the time-out's wake is due, nobody waits any more, and the object goes. */
Test(deadline, cancel_of_one_that_has_timed_out_leaves_the_object_alone) {
    rouse_semaphore outer;
    rouse_waiter w;
    gone = malloc(sizeof *gone);
    (void)rouse_semaphore_init(gone, 0);
    (void)rouse_semaphore_init(&outer, 0);
    rouse_deadlines_init(&told_deadlines);
    rouse_timed_init(&told_late, &told_deadlines, NULL, on_told_late, NULL);
    rouse_waiter_init(&w, run_destroy_cancel, NULL);
    cr_assert_eq(rouse_semaphore_acquire_until(gone, &told_late, 1, 10), ROUSE_PENDING);
    cr_assert_eq(rouse_semaphore_acquire(&outer, &w, 1), ROUSE_PENDING);
    cr_assert_eq(rouse_semaphore_release(&outer, 1), ROUSE_OK);
    cr_assert_eq(told_late_wakes, 1);
    rouse_semaphore_destroy(&outer);
}

/* What cancel leaves in the mailbox and revoke takes out can wait again; so can a polled one that was granted. */
Test(deadline, waits_again_after_revoke_and_after_a_polled_grant) {
    rouse_semaphore s;
    rouse_deadlines d;
    rouse_mailbox box;
    rouse_timed t, polled;
    (void)rouse_semaphore_init(&s, 0);
    rouse_deadlines_init(&d);
    rouse_mailbox_init(&box, NULL, NULL);
    rouse_timed_init(&t, &d, &box, on_told_late, NULL);
    cr_assert_eq(rouse_semaphore_acquire_until(&s, &t, 1, 10), ROUSE_PENDING);
    cr_assert_eq(rouse_semaphore_release(&s, 1), ROUSE_OK);
    cr_assert_not(rouse_timed_cancel(&t));
    cr_assert_eq(rouse_semaphore_acquire_until(&s, &t, 1, 10), ROUSE_INVALID, "its wake is due");
    cr_assert(rouse_mailbox_revoke(&box, &t.waiter));
    cr_assert_eq(rouse_semaphore_acquire_until(&s, &t, 1, 20), ROUSE_PENDING);
    cr_assert_eq(rouse_deadlines_next(&d), 20);
    cr_assert(rouse_timed_cancel(&t));
    rouse_timed_init(&polled, &d, NULL, NULL, NULL);
    cr_assert_eq(rouse_semaphore_acquire_until(&s, &polled, 1, 10), ROUSE_PENDING);
    cr_assert_eq(rouse_semaphore_acquire_until(&s, &polled, 1, 10), ROUSE_INVALID, "it waits");
    cr_assert_eq(rouse_semaphore_release(&s, 1), ROUSE_OK);
    cr_assert_eq(rouse_waiter_status(&polled.waiter), ROUSE_OK);
    cr_assert_eq(rouse_semaphore_acquire_until(&s, &polled, 1, 30), ROUSE_PENDING);
    cr_assert_eq(rouse_deadlines_next(&d), 30);
    cr_assert_eq(rouse_deadlines_run(&d, 30), 1);
    cr_assert_eq(rouse_waiter_status(&polled.waiter), ROUSE_TIMEDOUT);
    rouse_mailbox_destroy(&box);
    rouse_deadlines_destroy(&d);
    rouse_semaphore_destroy(&s);
}

/* ---- out of time, and not told yet --------------------------------------------------------------------------------- */

static rouse_mailbox late_box;
static request late[3];

/* The two have run out of time inside a wake: their wakes come when it returns. The second does not want to know any more. */
static void run_and_take_back_the_second(rouse_waiter *w, rouse_status status) {
    (void)w, (void)status;
    cr_assert_eq(rouse_deadlines_run(&deadlines, 10), 2u);
    expect_no_wakes();
    cr_assert_not(rouse_timed_cancel(&late[1].timed), "its wake is due");
    cr_assert(rouse_mailbox_revoke(&late_box, &late[1].timed.waiter));
    cr_assert_eq(rouse_waiter_status(&late[1].timed.waiter), ROUSE_TIMEDOUT);
    cr_assert_not(rouse_mailbox_revoke(&late_box, &late[1].timed.waiter));
}
Test(deadline, revoked_when_it_has_timed_out_and_its_wake_has_not_begun) {
    rouse_waiter w;
    rouse_deadlines_init(&deadlines);
    rouse_mailbox_init(&late_box, NULL, NULL);
    for (int i = 0; i < 2; i++) {
        request_init(&late[i], i, &late_box);
        must_queue(&late[i], 10);
    }
    rouse_waiter_init(&w, run_and_take_back_the_second, NULL);
    rouse_mailbox_post(&late_box, &w, ROUSE_OK);
    cr_assert_eq(rouse_mailbox_drain(&late_box), 1u, "time-outs did not come out of the mailbox");
    expect_wakes(0);
    cr_assert_eq(late[0].outcome, ROUSE_TIMEDOUT);
    must_queue(&late[1], 20);
    expect_run(20, 1);
    expect_wakes(1);
    rouse_mailbox_destroy(&late_box);
    over();
}

/* Trap: an invited waiter leaves its turn to the next, whose wake drains the mailbox in which the invitation still lies. */
static rouse_semaphore turns;

static void take_the_turn_and_drain(rouse_waiter *w, rouse_status status) {
    if (status == ROUSE_RETRY) {
        status = rouse_semaphore_resume(&turns, w);
    }
    cr_assert_eq(status, ROUSE_OK);
    (void)rouse_mailbox_drain(&late_box);
}
Test(deadline, its_invitation_lies_in_a_mailbox_that_is_drained_when_the_turn_is_passed_on) {
    rouse_waiter behind;
    for (int by_cancel = 0; by_cancel < 2; by_cancel++) {
        rouse_deadlines_init(&deadlines);
        rouse_mailbox_init(&late_box, NULL, NULL);
        cr_assert_eq(rouse_semaphore_init_throughput(&turns, 0, 4), ROUSE_OK);
        request_init(&late[0], 0, &late_box);
        rouse_waiter_init(&behind, take_the_turn_and_drain, NULL);
        cr_assert_eq(rouse_semaphore_acquire_until(&turns, &late[0].timed, 1, 10), ROUSE_PENDING);
        cr_assert_eq(rouse_semaphore_acquire(&turns, &behind, 1), ROUSE_PENDING);
        cr_assert_eq(rouse_semaphore_release(&turns, 1), ROUSE_OK);
        if (by_cancel) {
            if (!rouse_timed_cancel(&late[0].timed)) { /* LOCAL: granted */
                cr_assert(rouse_mailbox_revoke(&late_box, &late[0].timed.waiter));
            }
            cr_assert_eq(late[0].wakes, 0u);
        } else {
            (void)rouse_deadlines_run(&deadlines, 10);
            (void)rouse_mailbox_drain(&late_box);
            cr_assert_eq(late[0].wakes, 1u);
            cr_assert_eq(late[0].outcome, ROUSE_BACKEND == ROUSE_BACKEND_LOCAL ? ROUSE_OK : ROUSE_TIMEDOUT);
        }
        if (ROUSE_BACKEND == ROUSE_BACKEND_LOCAL) {
            cr_assert_eq(rouse_semaphore_release(&turns, 1), ROUSE_OK);
        }
        cr_assert_eq(rouse_semaphore_waiter_count(&turns), 0u);
        rouse_semaphore_destroy(&turns);
        rouse_mailbox_destroy(&late_box);
        rouse_deadlines_destroy(&deadlines);
    }
}

static uint64_t next_in_wake;
static void look_at_next(request *r) {
    (void)r;
    next_in_wake = rouse_deadlines_next(&deadlines);
}
Test(deadline, inside_a_wake_of_run_next_is_the_deadline_of_those_whose_turn_is_still_to_come) {
    requests_init(five, 3);
    five[0].then = look_at_next;
    must_queue(&five[0], 8);
    must_queue(&five[1], 9);
    must_queue(&five[2], 30);
    expect_run(20, 2);
    expect_wakes(0, 1);
    cr_assert_eq(next_in_wake, 9u);
    expect_next(30);
    expect_run(30, 1);
    expect_wakes(2);
    over();
}

static void release_and_cancel(request *r) {
    (void)r;
    cr_assert_eq(rouse_semaphore_release(&quick, 1), ROUSE_OK); /* invites five[0], behind this wake */
    cr_assert_not(rouse_timed_cancel(&five[0].timed));
}
Test(deadline, throughput_mode_cancelled_while_its_invitation_waits_for_the_wake_to_return) {
    requests_init(five, 2);
    rouse_semaphore_init_throughput(&quick, 0, 4);
    cr_assert_eq(rouse_semaphore_acquire_until(&quick, &five[0].timed, 1, 10), ROUSE_PENDING);
    must_queue(&five[1], 1);
    five[1].then = release_and_cancel;
    expect_run(1, 1);
    expect_wakes(1, 0);
    cr_assert(five[0].outcome == ROUSE_CANCELLED || five[0].outcome == ROUSE_OK, "granted before: LOCKFREE");
    cr_assert_eq(rouse_semaphore_available(&quick), five[0].outcome == ROUSE_OK ? 0u : 1u);
    cr_assert_eq(rouse_semaphore_waiter_count(&quick), 0u);
    rouse_semaphore_destroy(&quick);
    over();
}
