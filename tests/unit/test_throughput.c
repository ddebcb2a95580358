/* The contract of throughput mode (semaphore.h): the oldest waiter is invited, newcomers overtake up to the bound. Where
 * a backend has no such mode the same objects are strict. */
#include "traced.h"

#include <rouse/any.h>
#include <rouse/deadline.h>
#include <rouse/limit.h>
#include <rouse/mailbox.h>
#include <rouse/mutex.h>
#include <rouse/semaphore.h>
#include <rouse/several.h>
#if ROUSE_BACKEND != ROUSE_BACKEND_LOCAL
#    include <rouse/blocking.h>
#endif

#include "support.h"

#include <stdatomic.h>
#include <string.h>

enum {
    HAS_MODE = ROUSE_BACKEND != ROUSE_BACKEND_LOCAL,
    LISTS = ROUSE_BACKEND == ROUSE_BACKEND_SPIN || ROUSE_BACKEND == ROUSE_BACKEND_MUTEX
};

/* A test of what only throughput mode does. */
#define MODE_TEST(...) Test(throughput, __VA_ARGS__, .disabled = !HAS_MODE)
/* LOCKFREE grants strictly to a waiter for several, and says no more than 65,535 free permits. */
#define SEVERAL_TEST(...) Test(throughput, __VA_ARGS__, .disabled = !LISTS)

static void must_queue(rouse_semaphore *s, probe *p, uint32_t n) {
    cr_assert_eq(rouse_semaphore_acquire(s, &p->waiter, n), ROUSE_PENDING);
}
static void must_release(rouse_semaphore *s, uint32_t n) {
    cr_assert_eq(rouse_semaphore_release(s, n), ROUSE_OK);
}
/* `waiting` waiters, numbered from 0, that lack one permit each. */
static void queue_up(rouse_semaphore *s, probe *p, int waiting) {
    probes_init(p, waiting);
    for (int i = 0; i < waiting; i++) {
        must_queue(s, &p[i], 1);
    }
}
static void expect_told(const probe *p, rouse_status status) {
    cr_assert_eq(p->outcome, status);
    cr_assert_eq(rouse_waiter_status(&p->waiter), status);
}
static void expect_free(const rouse_semaphore *s, uint32_t available, uint32_t waiters) {
    cr_assert_eq(rouse_semaphore_available(s), available);
    cr_assert_eq(rouse_semaphore_waiter_count(s), waiters);
}

static rouse_semaphore static_semaphore = ROUSE_SEMAPHORE_INIT_THROUGHPUT(2, ROUSE_BYPASS);
static rouse_mutex static_mutex = ROUSE_MUTEX_INIT_THROUGHPUT(7);

Test(throughput, start_values) {
    rouse_semaphore s;
    rouse_mutex m;
    cr_assert_eq(rouse_semaphore_available(&static_semaphore), 2);
    cr_assert(rouse_mutex_try_lock(&static_mutex));
    cr_assert_not(rouse_mutex_try_lock(&static_mutex));
    cr_assert_eq(rouse_mutex_unlock(&static_mutex), ROUSE_OK);
    cr_assert_eq(rouse_mutex_unlock(&static_mutex), ROUSE_INVALID);
    cr_assert_eq(rouse_semaphore_init_throughput(&s, 5, UINT32_MAX), ROUSE_OK);
    cr_assert_eq(rouse_semaphore_available(&s), 5);
    cr_assert(rouse_semaphore_try_acquire(&s, 5));
    cr_assert_not(rouse_semaphore_try_acquire(&s, 1));
    rouse_semaphore_destroy(&s);
    cr_assert_eq(rouse_semaphore_init_throughput(&s, UINT32_MAX, 1), ROUSE_INVALID);
    cr_assert_eq(rouse_semaphore_available(&s), ROUSE_MAX_PERMITS);
    rouse_semaphore_destroy(&s);
    cr_assert_eq(rouse_semaphore_init_throughput(&s, ROUSE_MAX_PERMITS, 1), ROUSE_OK);
    rouse_semaphore_destroy(&s);
    rouse_mutex_init_throughput(&m, 1);
    cr_assert_not(rouse_mutex_is_locked(&m));
    rouse_mutex_destroy(&m);
    cr_assert_eq(ROUSE_BYPASS, 4096);
}

Test(throughput, statuses_have_names) {
    cr_assert_str_eq(rouse_status_string(ROUSE_RETRY), "ROUSE_RETRY");
    cr_assert_str_eq(rouse_status_string(ROUSE_CANCELLED), "ROUSE_CANCELLED");
    cr_assert_eq(ROUSE_RETRY, 2);
    cr_assert_eq(ROUSE_CANCELLED, -6);
}

/* And so does every bound where the backend has no mode. */
Test(throughput, a_bound_of_0_is_strict) {
    rouse_semaphore s;
    probe p[2];
    rouse_semaphore_init_throughput(&s, 0, HAS_MODE ? 0 : 5);
    queue_up(&s, p, 2);
    must_release(&s, 1);
    expect_wakes(0);
    expect_told(&p[0], ROUSE_OK);
    cr_assert_not(rouse_semaphore_try_acquire(&s, 1));
    cr_assert_eq(rouse_semaphore_resume(&s, &p[0].waiter), ROUSE_OK, "its outcome, and nothing changes");
    expect_free(&s, 0, 1);
    cr_assert(rouse_semaphore_cancel(&s, &p[1].waiter));
    rouse_semaphore_destroy(&s);
}

/* ---- the invitation ---------------------------------------------------------------------------------------------- */

MODE_TEST(the_oldest_is_invited_and_takes) {
    rouse_semaphore s;
    probe p[2];
    rouse_semaphore_init_throughput(&s, 0, 3);
    queue_up(&s, p, 2);
    expect_free(&s, 0, 2);
    must_release(&s, 1);
    expect_wakes(0);
    expect_told(&p[0], ROUSE_RETRY);
    expect_free(&s, 1, 2);
    cr_assert_eq(rouse_semaphore_resume(&s, &p[0].waiter), ROUSE_OK);
    cr_assert_eq(rouse_waiter_status(&p[0].waiter), ROUSE_OK);
    expect_free(&s, 0, 1);
    expect_no_wakes();
    must_release(&s, 1);
    expect_wakes(1);
    cr_assert_eq(rouse_semaphore_resume(&s, &p[1].waiter), ROUSE_OK);
    must_release(&s, 1);
    expect_free(&s, 1, 0);
    rouse_semaphore_destroy(&s);
}

MODE_TEST(a_newcomer_takes_what_is_free) {
    rouse_semaphore s;
    probe p[1];
    probe newcomer;
    rouse_semaphore_init_throughput(&s, 0, 3);
    queue_up(&s, p, 1);
    must_release(&s, 1);
    probe_init(&newcomer, 9);
    cr_assert_eq(rouse_semaphore_acquire(&s, &newcomer.waiter, 1), ROUSE_OK);
    expect_free(&s, 0, 1);
    cr_assert_eq(rouse_semaphore_resume(&s, &p[0].waiter), ROUSE_PENDING);
    cr_assert_eq(rouse_waiter_status(&p[0].waiter), ROUSE_PENDING);
    expect_free(&s, 0, 1);
    must_release(&s, 1);
    expect_wakes(0, 0);
    cr_assert_eq(rouse_semaphore_resume(&s, &p[0].waiter), ROUSE_OK);
    rouse_semaphore_destroy(&s);
}

MODE_TEST(a_beaten_waiter_stays_in_front) {
    rouse_semaphore s;
    probe p[3];
    rouse_semaphore_init_throughput(&s, 0, 9);
    queue_up(&s, p, 2);
    must_release(&s, 1);
    cr_assert(rouse_semaphore_try_acquire(&s, 1));
    probe_init(&p[2], 2);
    must_queue(&s, &p[2], 1);
    cr_assert_eq(rouse_semaphore_resume(&s, &p[0].waiter), ROUSE_PENDING);
    must_release(&s, 1);
    expect_wakes(0, 0);
    cr_assert_eq(rouse_semaphore_resume(&s, &p[0].waiter), ROUSE_OK);
    must_release(&s, 1);
    expect_wakes(1);
    cr_assert_eq(rouse_semaphore_resume(&s, &p[1].waiter), ROUSE_OK);
    must_release(&s, 1);
    expect_wakes(2);
    cr_assert_eq(rouse_semaphore_resume(&s, &p[2].waiter), ROUSE_OK);
    expect_free(&s, 0, 0);
    rouse_semaphore_destroy(&s);
}

static rouse_semaphore *resumed;
static void resume_in_wake(probe *p) {
    p->outcome = rouse_semaphore_resume(resumed, &p->waiter);
    cr_assert_eq(p->outcome, ROUSE_OK);
    must_release(resumed, 1);
}
/* A chain of 2000 invitations, each answered in the wake, needs no more stack than one. */
MODE_TEST(the_wake_may_answer) {
    enum { MANY = 2000 };
    rouse_semaphore s;
    probe *const p = (probe *)must_alloc(MANY * sizeof *p);
    rouse_semaphore_init_throughput(&s, 0, 1);
    resumed = &s;
    queue_up(&s, p, MANY);
    for (int i = 0; i < MANY; i++) {
        p[i].then = resume_in_wake;
    }
    must_release(&s, 1);
    cr_assert_eq(wake_log_length, (size_t)MANY);
    for (int i = 0; i < MANY; i++) {
        cr_assert_eq(wake_log[i], i);
    }
    expect_free(&s, 1, 0);
    rouse_semaphore_destroy(&s);
    free(p);
}

/* ---- the bound ------------------------------------------------------------------------------------------------------ */

static int overtakers(rouse_semaphore *s) { /* this many get in one after another, each giving back at once */
    int n = 0;
    while (rouse_semaphore_try_acquire(s, 1)) {
        n++;
        must_release(s, 1);
        cr_assert_lt(n, 100);
    }
    return n;
}

MODE_TEST(newcomers_overtake_as_often_as_the_bound_says) {
    rouse_semaphore s;
    probe p[2];
    probe newcomer;
    rouse_semaphore_init_throughput(&s, 0, 5);
    queue_up(&s, p, 2);
    must_release(&s, 1);
    cr_assert_eq(overtakers(&s), 5);
    probe_init(&newcomer, 9);
    must_queue(&s, &newcomer, 1); /* acquire keeps to it too */
    cr_assert_eq(rouse_semaphore_available(&s), 1);
    cr_assert_eq(rouse_semaphore_resume(&s, &p[0].waiter), ROUSE_OK);
    must_release(&s, 1);
    cr_assert_eq(overtakers(&s), 5, "a waiter got in: the count begins again");
    cr_assert_eq(rouse_semaphore_resume(&s, &p[1].waiter), ROUSE_OK);
    must_release(&s, 1);
    cr_assert_eq(rouse_semaphore_resume(&s, &newcomer.waiter), ROUSE_OK);
    must_release(&s, 1);
    for (int i = 0; i < 20; i++) { /* nobody waits: no bound */
        cr_assert(rouse_semaphore_try_acquire(&s, 1));
        must_release(&s, 1);
    }
    probe_init(&p[0], 0);
    cr_assert(rouse_semaphore_try_acquire(&s, 1));
    must_queue(&s, &p[0], 1);
    must_release(&s, 1);
    cr_assert_eq(overtakers(&s), 5, "and the count is 0 then");
    cr_assert_eq(rouse_semaphore_resume(&s, &p[0].waiter), ROUSE_OK);
    rouse_semaphore_destroy(&s);
}

MODE_TEST(defeat_keeps_the_count) {
    rouse_semaphore s;
    probe p[1];
    rouse_semaphore_init_throughput(&s, 0, 3);
    queue_up(&s, p, 1);
    for (int i = 0; i < 3; i++) {
        must_release(&s, 1);
        cr_assert(rouse_semaphore_try_acquire(&s, 1));
        cr_assert_eq(rouse_semaphore_resume(&s, &p[0].waiter), ROUSE_PENDING);
    }
    must_release(&s, 1);
    cr_assert_not(rouse_semaphore_try_acquire(&s, 1));
    cr_assert_eq(rouse_semaphore_resume(&s, &p[0].waiter), ROUSE_OK);
    rouse_semaphore_destroy(&s);
}

MODE_TEST(declining_and_cancelling_keep_the_count) {
    rouse_semaphore s;
    probe p[3];
    rouse_semaphore_init_throughput(&s, 0, 2);
    queue_up(&s, p, 3);
    must_release(&s, 1);
    cr_assert_eq(overtakers(&s), 2);
    rouse_semaphore_decline(&s, &p[0].waiter);
    expect_wakes(0, 1);
    cr_assert_eq(overtakers(&s), 0);
    cr_assert(rouse_semaphore_cancel(&s, &p[2].waiter));
    cr_assert_eq(overtakers(&s), 0);
    cr_assert_eq(rouse_semaphore_resume(&s, &p[1].waiter), ROUSE_OK);
    rouse_semaphore_destroy(&s);
}

MODE_TEST(a_newcomer_for_n_counts_n) {
    rouse_semaphore s;
    probe p[1];
    rouse_semaphore_init_throughput(&s, 0, 4);
    queue_up(&s, p, 1);
    must_release(&s, 5);
    cr_assert_not(rouse_semaphore_try_acquire(&s, 5));
    cr_assert(rouse_semaphore_try_acquire(&s, 3));
    cr_assert_not(rouse_semaphore_try_acquire(&s, 2));
    cr_assert(rouse_semaphore_try_acquire(&s, 1));
    cr_assert_not(rouse_semaphore_try_acquire(&s, 1));
    expect_free(&s, 1, 1);
    cr_assert_eq(rouse_semaphore_resume(&s, &p[0].waiter), ROUSE_OK);
    rouse_semaphore_destroy(&s);
}

/* ---- several permits, polled waiters ---------------------------------------------------------------------------------- */

SEVERAL_TEST(one_that_lacks_several_is_given_them_and_invited_for_the_last) {
    rouse_semaphore s;
    probe p[2];
    rouse_semaphore_init_throughput(&s, 1, 9);
    probes_init(p, 2);
    must_queue(&s, &p[0], 4); /* takes the one */
    must_queue(&s, &p[1], 1);
    must_release(&s, 1);
    expect_no_wakes();
    expect_free(&s, 0, 2);
    cr_assert_not(rouse_semaphore_try_acquire(&s, 1));
    must_release(&s, 2);
    expect_wakes(0);
    expect_told(&p[0], ROUSE_RETRY);
    expect_free(&s, 1, 2);
    cr_assert(rouse_semaphore_try_acquire(&s, 1));
    cr_assert_eq(rouse_semaphore_resume(&s, &p[0].waiter), ROUSE_PENDING);
    must_release(&s, 1);
    cr_assert_eq(rouse_semaphore_resume(&s, &p[0].waiter), ROUSE_OK);
    cr_assert(rouse_semaphore_cancel(&s, &p[1].waiter));
    must_release(&s, 4);
    expect_free(&s, 4, 0);
    rouse_semaphore_destroy(&s);
}

SEVERAL_TEST(what_a_waiter_had_been_given_goes_on) {
    rouse_semaphore s;
    probe p[3];
    rouse_semaphore_init_throughput(&s, 0, 9);
    probes_init(p, 3);
    must_queue(&s, &p[0], 3);
    must_queue(&s, &p[1], 2);
    must_queue(&s, &p[2], 1);
    must_release(&s, 3);
    expect_wakes(0);
    rouse_semaphore_decline(&s, &p[0].waiter);
    expect_wakes(1, 2); /* one to go to each */
    expect_free(&s, 2, 2);
    cr_assert_eq(rouse_semaphore_resume(&s, &p[1].waiter), ROUSE_OK);
    rouse_semaphore_decline(&s, &p[2].waiter);
    expect_free(&s, 1, 0);
    must_queue(&s, &p[0], 3); /* listed, with one */
    must_queue(&s, &p[1], 1);
    cr_assert(rouse_semaphore_cancel(&s, &p[0].waiter));
    expect_wakes(1);
    rouse_semaphore_decline(&s, &p[1].waiter);
    expect_free(&s, 1, 0);
    rouse_semaphore_destroy(&s);
}

MODE_TEST(a_polled_waiter_is_granted_in_its_turn) {
    rouse_semaphore s;
    probe p[4];
    rouse_semaphore_init_throughput(&s, 0, 9);
    probes_init(p, 4);
    for (int i = 1; i < 3; i++) {
        rouse_waiter_init(&p[i].waiter, NULL, &p[i]);
    }
    for (int i = 0; i < 4; i++) {
        must_queue(&s, &p[i], 1);
    }
    must_release(&s, 4);
    expect_wakes(0);
    cr_assert_eq(rouse_waiter_status(&p[1].waiter), ROUSE_PENDING);
    cr_assert_eq(rouse_semaphore_resume(&s, &p[0].waiter), ROUSE_OK);
    cr_assert_eq(rouse_waiter_status(&p[1].waiter), ROUSE_OK);
    cr_assert_eq(rouse_waiter_status(&p[2].waiter), ROUSE_OK);
    cr_assert_not(rouse_semaphore_cancel(&s, &p[1].waiter));
    expect_wakes(3);
    expect_free(&s, 1, 1);
    cr_assert_eq(rouse_semaphore_resume(&s, &p[3].waiter), ROUSE_OK);
    expect_free(&s, 0, 0);
    rouse_semaphore_destroy(&s);
}

MODE_TEST(reduce_takes_what_is_free_and_keeps_the_count) {
    rouse_semaphore s;
    probe p[1];
    rouse_semaphore_init_throughput(&s, 0, 3);
    queue_up(&s, p, 1);
    cr_assert_eq(rouse_semaphore_reduce(&s, 2), 0);
    must_release(&s, 4);
    cr_assert(rouse_semaphore_try_acquire(&s, 1));
    cr_assert_eq(rouse_semaphore_reduce(&s, 2), 2);
    expect_free(&s, 1, 1);
    cr_assert_eq(overtakers(&s), 2);
    cr_assert_eq(rouse_semaphore_reduce(&s, 5), 1);
    cr_assert_eq(rouse_semaphore_resume(&s, &p[0].waiter), ROUSE_PENDING);
    must_release(&s, 1);
    cr_assert_eq(rouse_semaphore_resume(&s, &p[0].waiter), ROUSE_OK);
    must_release(&s, 3);
    cr_assert_eq(rouse_semaphore_reduce(&s, 2), 2);
    expect_free(&s, 1, 0);
    rouse_semaphore_destroy(&s);
}

SEVERAL_TEST(no_more_are_free_than_the_most) {
    rouse_semaphore s;
    probe p[1];
    rouse_semaphore_init_throughput(&s, 0, 3);
    queue_up(&s, p, 1);
    must_release(&s, ROUSE_MAX_PERMITS);
    expect_free(&s, ROUSE_MAX_PERMITS, 1);
    cr_assert_eq(rouse_semaphore_release(&s, 1), ROUSE_OVERFLOW);
    cr_assert_eq(rouse_semaphore_release(&s, 2), ROUSE_OVERFLOW);
    cr_assert_eq(rouse_semaphore_release(&s, ROUSE_MAX_PERMITS), ROUSE_OVERFLOW);
    cr_assert_eq(rouse_semaphore_release(&s, ROUSE_MAX_PERMITS + 1u), ROUSE_INVALID);
    expect_free(&s, ROUSE_MAX_PERMITS, 1);
    cr_assert_eq(overtakers(&s), 3);
    cr_assert_eq(rouse_semaphore_resume(&s, &p[0].waiter), ROUSE_OK);
    expect_free(&s, ROUSE_MAX_PERMITS - 1, 0);
    rouse_semaphore_destroy(&s);
}

MODE_TEST(waiters_may_lack_more_than_one_may_ask_for) {
    rouse_semaphore s;
    probe p[20];
    rouse_semaphore_init_throughput(&s, 0, 3);
    probes_init(p, 20);
    for (int i = 0; i < 20; i++) {
        must_queue(&s, &p[i], ROUSE_MAX_PERMITS);
    }
    cr_assert_eq(rouse_semaphore_acquire(&s, &p[2].waiter, ROUSE_MAX_PERMITS + 1u), ROUSE_INVALID);
    expect_free(&s, 0, 20);
    for (int i = 0; i < 20; i++) {
        cr_assert(rouse_semaphore_cancel(&s, &p[i].waiter));
    }
    expect_free(&s, 0, 0);
    rouse_semaphore_destroy(&s);
}

/* ---- cancel: each line of the table ------------------------------------------------------------------------------------ */

MODE_TEST(cancel_of_a_queued_waiter) {
    rouse_semaphore s;
    probe p[3];
    rouse_semaphore_init_throughput(&s, 0, 2);
    queue_up(&s, p, 3);
    cr_assert(rouse_semaphore_cancel(&s, &p[0].waiter));
    must_release(&s, 1);
    expect_wakes(1);
    cr_assert(rouse_semaphore_cancel(&s, &p[2].waiter), "while another is invited");
    cr_assert_not(rouse_semaphore_cancel(&s, &p[2].waiter));
    expect_free(&s, 1, 1);
    cr_assert(rouse_semaphore_try_acquire(&s, 1));
    cr_assert_eq(rouse_semaphore_resume(&s, &p[1].waiter), ROUSE_PENDING);
    cr_assert(rouse_semaphore_cancel(&s, &p[1].waiter), "beaten, it is queued again");
    must_release(&s, 1);
    expect_no_wakes();
    expect_free(&s, 1, 0);
    rouse_semaphore_destroy(&s);
}

MODE_TEST(cancel_of_a_waiter_that_was_told) {
    rouse_semaphore s;
    probe p[2];
    rouse_semaphore_init_throughput(&s, 0, 2);
    queue_up(&s, p, 2);
    must_release(&s, 1);
    expect_wakes(0);
    cr_assert_not(rouse_semaphore_cancel(&s, &p[0].waiter));
    expect_free(&s, 1, 2);
    expect_no_wakes();
    rouse_semaphore_decline(&s, &p[0].waiter);
    expect_wakes(1);
    cr_assert_not(rouse_semaphore_cancel(&s, &p[1].waiter));
    cr_assert_eq(rouse_semaphore_resume(&s, &p[1].waiter), ROUSE_OK, "or resume");
    cr_assert_not(rouse_semaphore_cancel(&s, &p[1].waiter));
    must_queue(&s, &p[0], 1); /* declined, it was its owner's */
    cr_assert(rouse_semaphore_cancel(&s, &p[0].waiter));
    rouse_semaphore_destroy(&s);
}

typedef struct loop {
    rouse_mailbox mailbox;
    atomic_int kicks;
} loop;
static void kick(void *arg) {
    atomic_fetch_add(&((loop *)arg)->kicks, 1);
}
static void loop_init(loop *l) {
    atomic_init(&l->kicks, 0);
    rouse_mailbox_init(&l->mailbox, kick, l);
}
static void queue_on(loop *l, rouse_semaphore *s, probe *p, int waiting) {
    probes_init(p, waiting);
    for (int i = 0; i < waiting; i++) {
        rouse_waiter_init_on(&p[i].waiter, &l->mailbox, probe_wake, &p[i]);
        must_queue(s, &p[i], 1);
    }
}

MODE_TEST(cancel_of_a_waiter_in_its_mailbox) {
    loop l;
    rouse_semaphore *const s = (rouse_semaphore *)must_alloc(sizeof *s);
    probe p[2];
    loop_init(&l);
    rouse_semaphore_init_throughput(s, 0, 2);
    queue_on(&l, s, p, 2);
    must_release(s, 1);
    expect_no_wakes();
    cr_assert_eq(rouse_waiter_status(&p[0].waiter), ROUSE_PENDING);
    cr_assert_not(rouse_semaphore_cancel(s, &p[0].waiter));
    cr_assert_eq(rouse_waiter_status(&p[0].waiter), ROUSE_CANCELLED);
    expect_free(s, 1, 1);
    cr_assert_not(rouse_semaphore_cancel(s, &p[0].waiter), "and again");
    cr_assert_not(rouse_semaphore_cancel(s, &p[1].waiter),
                  "the turn has gone to the next, which is posted too");
    cr_assert_eq(rouse_waiter_status(&p[1].waiter), ROUSE_CANCELLED);
    expect_free(s, 1, 0);
    rouse_semaphore_destroy(s); /* at once */
    memset(s, 0xa5, sizeof *s);
    free(s);
    expect_no_wakes();
    cr_assert_eq(rouse_mailbox_drain(&l.mailbox), 2);
    expect_wakes(0, 1);
    expect_told(&p[0], ROUSE_CANCELLED);
    expect_told(&p[1], ROUSE_CANCELLED);
    rouse_mailbox_destroy(&l.mailbox);
}

MODE_TEST(a_waiter_cancelled_in_its_mailbox_can_be_revoked) {
    loop l;
    rouse_semaphore s;
    probe p[3];
    loop_init(&l);
    rouse_semaphore_init_throughput(&s, 0, 2);
    queue_on(&l, &s, p, 3);
    must_release(&s, 1);
    cr_assert_not(rouse_mailbox_revoke(&l.mailbox, &p[0].waiter), "it is queued");
    for (int i = 0; i < 3; i++) {
        cr_assert_not(rouse_semaphore_cancel(&s, &p[i].waiter));
    }
    cr_assert(rouse_mailbox_revoke(&l.mailbox, &p[1].waiter), "from the middle");
    cr_assert_eq(rouse_waiter_status(&p[1].waiter), ROUSE_CANCELLED);
    memset(&p[1], 0xa5, sizeof p[1]);
    cr_assert(rouse_mailbox_revoke(&l.mailbox, &p[2].waiter), "the newest");
    cr_assert_eq(rouse_mailbox_drain(&l.mailbox), 1);
    expect_wakes(0);
    expect_told(&p[0], ROUSE_CANCELLED);
    expect_free(&s, 1, 0);
    rouse_semaphore_destroy(&s);
    rouse_mailbox_destroy(&l.mailbox);
}

/* ---- mailboxes --------------------------------------------------------------------------------------------------------- */

MODE_TEST(drain_asks) {
    loop l;
    rouse_semaphore s;
    probe p[2];
    loop_init(&l);
    rouse_semaphore_init_throughput(&s, 0, 2);
    queue_on(&l, &s, p, 2);
    must_release(&s, 1);
    cr_assert_eq(l.kicks, 1);
    cr_assert_eq(rouse_mailbox_drain(&l.mailbox), 1);
    expect_wakes(0);
    expect_told(&p[0], ROUSE_OK);
    expect_free(&s, 0, 1);
    must_release(&s, 1);
    cr_assert(rouse_semaphore_try_acquire(&s, 1)); /* beats it */
    cr_assert_eq(rouse_mailbox_drain(&l.mailbox), 0, "no wake has run");
    expect_no_wakes();
    cr_assert_eq(rouse_waiter_status(&p[1].waiter), ROUSE_PENDING);
    must_release(&s, 1);
    cr_assert_eq(l.kicks, 3);
    cr_assert_eq(rouse_mailbox_drain(&l.mailbox), 1);
    expect_wakes(1);
    expect_told(&p[1], ROUSE_OK);
    rouse_semaphore_destroy(&s);
    rouse_mailbox_destroy(&l.mailbox);
}

static void release_one(probe *p) {
    must_release((rouse_semaphore *)p->arg, 1);
}
MODE_TEST(a_drain_that_is_asked_by_its_own_wakes) {
    loop l;
    rouse_semaphore s;
    probe p[3];
    loop_init(&l);
    rouse_semaphore_init_throughput(&s, 0, 1);
    queue_on(&l, &s, p, 3);
    for (int i = 0; i < 3; i++) {
        p[i].then = release_one;
        p[i].arg = &s;
    }
    must_release(&s, 1);
    for (int i = 0; i < 3; i++) {
        cr_assert_eq(rouse_mailbox_drain(&l.mailbox), 1);
        expect_wakes(i);
    }
    expect_free(&s, 1, 0);
    rouse_semaphore_destroy(&s);
    rouse_mailbox_destroy(&l.mailbox);
}

/* ---- close ---------------------------------------------------------------------------------------------------------------- */

MODE_TEST(close_wakes_the_queued_and_the_invited_learns_it) {
    rouse_semaphore s;
    probe p[3];
    rouse_semaphore_init_throughput(&s, 0, 2);
    queue_up(&s, p, 3);
    must_release(&s, 1);
    expect_wakes(0);
    cr_assert_eq(rouse_semaphore_close(&s), 2);
    expect_wakes(1, 2);
    expect_told(&p[1], ROUSE_CLOSED);
    cr_assert(rouse_semaphore_is_closed(&s));
    cr_assert_not(rouse_semaphore_try_acquire(&s, 1));
    cr_assert_eq(rouse_semaphore_acquire(&s, &p[1].waiter, 1), ROUSE_CLOSED);
    cr_assert_eq(rouse_semaphore_close(&s), 0);
    must_release(&s, 1);
    expect_free(&s, 2, LISTS ? 1 : 0); /* LOCKFREE does not count it any more */
    cr_assert_eq(rouse_semaphore_resume(&s, &p[0].waiter), ROUSE_CLOSED);
    cr_assert(rouse_semaphore_is_closed(&s));
    expect_free(&s, 2, 0);
    cr_assert_eq(rouse_semaphore_acquire(&s, &p[1].waiter, 1), ROUSE_CLOSED);
    rouse_semaphore_destroy(&s);
}

SEVERAL_TEST(close_gives_back_what_waiters_had) {
    rouse_semaphore s;
    probe p[2];
    rouse_semaphore_init_throughput(&s, 0, 2);
    probes_init(p, 2);
    must_queue(&s, &p[0], 3);
    must_release(&s, 2);
    cr_assert_eq(rouse_semaphore_close(&s), 1);
    expect_free(&s, 2, 0);
    rouse_semaphore_destroy(&s);
    rouse_semaphore_init_throughput(&s, 0, 2);
    must_queue(&s, &p[0], 3);
    must_queue(&s, &p[1], 2);
    must_release(&s, 3);
    cr_assert_eq(rouse_semaphore_close(&s), 1);
    rouse_semaphore_decline(&s, &p[0].waiter);
    expect_free(&s, 3, 0);
    cr_assert(rouse_semaphore_is_closed(&s));
    rouse_semaphore_destroy(&s);
}

MODE_TEST(close_reaches_a_mailbox) {
    loop l;
    rouse_semaphore s;
    probe p[2];
    loop_init(&l);
    rouse_semaphore_init_throughput(&s, 0, 2);
    queue_on(&l, &s, p, 2);
    must_release(&s, 1);
    cr_assert_eq(rouse_semaphore_close(&s), 1);
    expect_no_wakes();
    cr_assert_eq(rouse_mailbox_drain(&l.mailbox), 2);
    expect_wakes(0, 1);
    expect_told(&p[0], ROUSE_CLOSED);
    expect_told(&p[1], ROUSE_CLOSED);
    expect_free(&s, 1, 0);
    rouse_semaphore_destroy(&s);
    rouse_mailbox_destroy(&l.mailbox);
}

/* ---- mutex ------------------------------------------------------------------------------------------------------------------ */

MODE_TEST(a_mutex_that_is_free_cannot_be_unlocked) {
    rouse_mutex m;
    probe p[2];
    rouse_mutex_init_throughput(&m, 1);
    probes_init(p, 2);
    cr_assert(rouse_mutex_try_lock(&m));
    cr_assert_eq(rouse_mutex_lock(&m, &p[0].waiter), ROUSE_PENDING);
    cr_assert_eq(rouse_mutex_lock(&m, &p[1].waiter), ROUSE_PENDING);
    cr_assert_eq(rouse_mutex_unlock(&m), ROUSE_OK);
    expect_wakes(0);
    cr_assert_not(rouse_mutex_is_locked(&m));
    cr_assert_eq(rouse_mutex_unlock(&m), ROUSE_INVALID);
    cr_assert(rouse_mutex_try_lock(&m));
    cr_assert(rouse_mutex_is_locked(&m));
    cr_assert_eq(rouse_mutex_resume(&m, &p[0].waiter), ROUSE_PENDING);
    cr_assert_eq(rouse_mutex_unlock(&m), ROUSE_OK);
    expect_wakes(0);
    cr_assert_not(rouse_mutex_try_lock(&m), "the bound");
    rouse_mutex_decline(&m, &p[0].waiter);
    expect_wakes(1);
    cr_assert_eq(rouse_mutex_resume(&m, &p[1].waiter), ROUSE_OK);
    cr_assert(rouse_mutex_is_locked(&m));
    cr_assert_eq(rouse_mutex_unlock(&m), ROUSE_OK);
    cr_assert_eq(rouse_mutex_unlock(&m), ROUSE_INVALID);
    rouse_mutex_destroy(&m);
}

/* ---- threads that block -------------------------------------------------------------------------------------------------------- */

#if ROUSE_BACKEND != ROUSE_BACKEND_LOCAL
static void *lock_many(void *mutex) {
    for (int i = 0; i < 5000; i++) {
        cr_assert_eq(i % 3 == 0 ? rouse_mutex_lock_timed((rouse_mutex *)mutex, UINT64_MAX / 2)
                                : rouse_mutex_lock_blocking((rouse_mutex *)mutex),
                     ROUSE_OK);
        cr_assert_eq(rouse_mutex_unlock((rouse_mutex *)mutex), ROUSE_OK);
    }
    return NULL;
}
Test(throughput, threads_block, .timeout = 60) {
    enum { THREADS = 4 };
    rouse_mutex m;
    pthread_t threads[THREADS];
    rouse_mutex_init_throughput(&m, 20);
    for (int i = 0; i < THREADS; i++) {
        cr_assert_eq(pthread_create(&threads[i], NULL, lock_many, &m), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        cr_assert_eq(pthread_join(threads[i], NULL), 0);
    }
    cr_assert_not(rouse_mutex_is_locked(&m));
    rouse_mutex_destroy(&m);
}

Test(throughput, a_blocked_thread_gives_up, .timeout = 60) {
    rouse_semaphore s;
    rouse_semaphore_init_throughput(&s, 0, 5);
    cr_assert_eq(rouse_semaphore_acquire_timed(&s, 1, 0), ROUSE_TIMEDOUT);
    cr_assert_eq(rouse_semaphore_acquire_timed(&s, 2, 1000000), ROUSE_TIMEDOUT);
    expect_free(&s, 0, 0);
    must_release(&s, 1);
    cr_assert_eq(rouse_semaphore_acquire_timed(&s, 1, 0), ROUSE_OK);
    (void)rouse_semaphore_close(&s);
    cr_assert_eq(rouse_semaphore_acquire_timed(&s, 1, 1000), ROUSE_CLOSED);
    rouse_semaphore_destroy(&s);
}

/* A thread waiter is invited while its thread looks away, is beaten when it asks, and gets the next one. */
MODE_TEST(a_thread_waiter_asks_when_its_thread_looks) {
    rouse_semaphore s;
    rouse_thread_waiter t;
    rouse_status outcome = ROUSE_INVALID;
    rouse_semaphore_init_throughput(&s, 0, 5);
    rouse_thread_waiter_init(&t);
    cr_assert_eq(rouse_semaphore_acquire(&s, &t.waiter, 1), ROUSE_PENDING);
    must_release(&s, 1);
    cr_assert(rouse_semaphore_try_acquire(&s, 1));
    cr_assert_not(rouse_thread_waiter_await_until(&t, 0, &outcome), "beaten: it waits on");
    cr_assert_not(rouse_thread_waiter_await_until(&t, 0, &outcome));
    must_release(&s, 1);
    cr_assert(rouse_thread_waiter_await_until(&t, 0, &outcome));
    cr_assert_eq(outcome, ROUSE_OK);
    rouse_thread_waiter_destroy(&t);
    rouse_semaphore_destroy(&s);
}
#endif

/* ---- limit: reference_throughput.c compares it too; here is what a semaphore has not ----------------------------------- */

static rouse_limit static_limit = ROUSE_LIMIT_INIT_THROUGHPUT(2, 1, ROUSE_BYPASS);

/* All in use. */
static void full_limit(rouse_limit *l, uint32_t permits, uint32_t most_waiting, uint32_t bypass) {
    cr_assert_eq(rouse_limit_init_throughput(l, permits, most_waiting, bypass), ROUSE_OK);
    cr_assert(rouse_limit_try_acquire(l, permits));
}
static void must_give_back(rouse_limit *l, uint32_t n) {
    cr_assert_eq(rouse_limit_give_back(l, n), ROUSE_OK);
}
static void expect_in_use(const rouse_limit *l, uint32_t in_use, uint32_t waiters) {
    cr_assert_eq(rouse_limit_in_use(l), in_use);
    cr_assert_eq(rouse_limit_waiter_count(l), waiters);
}

/* Strict with a bound of 0, and with every bound where the backend has no mode. */
Test(throughput, a_strict_limit) {
    rouse_limit l;
    probe p[2];
    probes_init(p, 2);
    cr_assert_eq(rouse_limit_init_throughput(&l, ROUSE_MAX_PERMITS + 1u, 1, 9), ROUSE_INVALID);
    cr_assert_eq(rouse_limit_permits(&l), ROUSE_MAX_PERMITS);
    full_limit(&l, 1, 1, HAS_MODE ? 0 : 9);
    cr_assert_eq(rouse_limit_acquire(&l, &p[0].waiter, 1), ROUSE_PENDING);
    cr_assert_eq(rouse_limit_acquire(&l, &p[1].waiter, 1), ROUSE_FULL);
    must_give_back(&l, 1);
    expect_wakes(0);
    cr_assert_eq(p[0].outcome, ROUSE_OK);
    cr_assert_not(rouse_limit_try_acquire(&l, 1));
    cr_assert_eq(rouse_limit_resume(&l, &p[0].waiter), ROUSE_OK, "its outcome, and nothing changes");
    rouse_limit_decline(&l, &p[0].waiter);
    expect_in_use(&l, 1, 0);
    rouse_limit_destroy(&l);
}

/* A task that may take is not turned away, however many wait; the invited waiter is one of them. */
MODE_TEST(a_full_limit_and_a_newcomer) {
    probe p[2];
    probes_init(p, 2);
    cr_assert(rouse_limit_try_acquire(&static_limit, 2));
    cr_assert_eq(rouse_limit_acquire(&static_limit, &p[0].waiter, 1), ROUSE_PENDING);
    cr_assert_eq(rouse_limit_acquire(&static_limit, &p[1].waiter, 1), ROUSE_FULL);
    must_give_back(&static_limit, 1);
    expect_wakes(0);
    cr_assert_eq(rouse_limit_acquire(&static_limit, &p[1].waiter, 1), ROUSE_OK);
    cr_assert_eq(rouse_limit_acquire(&static_limit, &p[1].waiter, 1), ROUSE_FULL);
    expect_in_use(&static_limit, 2, 1);
    cr_assert_eq(rouse_limit_resume(&static_limit, &p[0].waiter), ROUSE_PENDING);
    cr_assert_eq(rouse_limit_acquire(&static_limit, &p[1].waiter, 1), ROUSE_FULL);
    must_give_back(&static_limit, 2);
    expect_wakes(0);
    cr_assert_eq(rouse_limit_resume(&static_limit, &p[0].waiter), ROUSE_OK);
    expect_in_use(&static_limit, 1, 0);
    must_give_back(&static_limit, 1);
    cr_assert_eq(rouse_limit_give_back(&static_limit, 1), ROUSE_OVERFLOW);
}

MODE_TEST(a_limit_that_changes_while_one_is_invited) {
    rouse_limit l;
    probe p[2];
    probes_init(p, 2);
    full_limit(&l, 3, 9, 9);
    cr_assert_eq(rouse_limit_acquire(&l, &p[0].waiter, 1), ROUSE_PENDING);
    cr_assert_eq(rouse_limit_acquire(&l, &p[1].waiter, 2), ROUSE_PENDING);
    must_give_back(&l, 1);
    expect_wakes(0);
    /* Less: the free one is gone, and what comes back pays first. */
    cr_assert_eq(rouse_limit_set(&l, 1), ROUSE_OK);
    cr_assert_not(rouse_limit_try_acquire(&l, 1));
    cr_assert_eq(rouse_limit_resume(&l, &p[0].waiter), ROUSE_PENDING);
    must_give_back(&l, 1);
    expect_no_wakes();
    must_give_back(&l, 1);
    expect_wakes(0);
    cr_assert_eq(rouse_limit_resume(&l, &p[0].waiter), ROUSE_OK);
    expect_in_use(&l, 1, 1);
    /* More: the next is invited, when all that it asked for is free. */
    cr_assert_eq(rouse_limit_set(&l, 2), ROUSE_OK);
    expect_no_wakes();
    cr_assert_not(rouse_limit_try_acquire(&l, 1), "nobody overtakes who is not invited");
    cr_assert_eq(rouse_limit_set(&l, 3), ROUSE_OK);
    expect_wakes(1);
    cr_assert(rouse_limit_try_acquire(&l, 1));
    cr_assert_not(rouse_limit_try_acquire(&l, 1), "newcomers may have none but the last of them");
    cr_assert_eq(rouse_limit_resume(&l, &p[1].waiter), ROUSE_PENDING);
    cr_assert_eq(rouse_limit_close(&l), 1);
    expect_wakes(1);
    cr_assert_eq(p[1].outcome, ROUSE_CLOSED);
    must_give_back(&l, 2);
    rouse_limit_destroy(&l);
}

/* With one bound for all: what `any`, deadlines, several steps and a thread do when a limit invites them. */
static int any_index;
static rouse_status any_status;
static void any_told(rouse_any *a, int index, rouse_status status) {
    (void)a;
    any_index = index;
    any_status = status;
}
Test(throughput, an_arm_of_a_limit) {
    rouse_limit l[2];
    rouse_arm arms[2];
    rouse_any any;
    for (int i = 0; i < 2; i++) {
        full_limit(&l[i], 1, 9, 4);
        rouse_arm_limit(&arms[i], &l[i], 1);
    }
    rouse_any_init(&any, arms, 2, NULL, any_told, NULL);
    cr_assert_eq(rouse_any_wait(&any), ROUSE_PENDING);
    must_give_back(&l[1], 1);
    cr_assert_eq(any_index, 1);
    cr_assert_eq(any_status, ROUSE_OK);
    expect_in_use(&l[0], 1, 0);
    expect_in_use(&l[1], 1, 0);
    rouse_limit_destroy(&l[0]);
    rouse_limit_destroy(&l[1]);
}

static rouse_status timed_status;
static void timed_told(rouse_timed *t, rouse_status status) {
    (void)t;
    timed_status = status;
}
Test(throughput, a_deadline_at_a_limit) {
    rouse_limit l;
    rouse_deadlines d;
    rouse_timed t;
    loop at;
    loop_init(&at);
    rouse_deadlines_init(&d);
    full_limit(&l, 1, 9, 4);
    rouse_timed_init(&t, &d, NULL, timed_told, NULL);
    cr_assert_eq(rouse_limit_acquire_until(&l, &t, 1, 10), ROUSE_PENDING);
    must_give_back(&l, 1);
    cr_assert_eq(timed_status, ROUSE_OK);
    expect_in_use(&l, 1, 0);
    /* In its mailbox when its time is up: taken out of it. Strict: granted. */
    rouse_timed_init(&t, &d, &at.mailbox, timed_told, NULL);
    cr_assert_eq(rouse_limit_acquire_until(&l, &t, 1, 10), ROUSE_PENDING);
    must_give_back(&l, 1);
    cr_assert_eq(rouse_deadlines_run(&d, 10), HAS_MODE ? 1 : 0);
    (void)rouse_mailbox_drain(&at.mailbox);
    cr_assert_eq(timed_status, HAS_MODE ? ROUSE_TIMEDOUT : ROUSE_OK);
    expect_in_use(&l, HAS_MODE ? 0 : 1, 0);
    rouse_deadlines_destroy(&d);
    rouse_limit_destroy(&l);
    rouse_mailbox_destroy(&at.mailbox);
}

static rouse_status several_status;
static void several_told(rouse_several *s, rouse_status status) {
    (void)s;
    several_status = status;
}
static rouse_several cancelled_several;
static rouse_limit *cancelled_at;
static void give_back_and_cancel(probe *p) {
    (void)p;
    must_give_back(cancelled_at, 1);
    cr_assert_not(rouse_several_cancel(&cancelled_several), "its wake is due, behind this one");
}
Test(throughput, several_limits) {
    rouse_limit l[2];
    rouse_limit other;
    rouse_several s;
    probe p;
    const rouse_step steps[] = {{&l[0], 1}, {&l[1], 1}};
    full_limit(&l[0], 1, 9, 4);
    full_limit(&l[1], 1, 9, 4);
    rouse_several_init(&s, NULL, several_told, NULL);
    cr_assert_eq(rouse_several_acquire(&s, steps, 2), ROUSE_PENDING);
    must_give_back(&l[0], 1);
    expect_in_use(&l[0], 1, 0);
    expect_in_use(&l[1], 1, 1);
    must_give_back(&l[1], 1);
    cr_assert_eq(several_status, ROUSE_OK);
    expect_in_use(&l[1], 1, 0);
    rouse_several_give_back(&s);
    expect_in_use(&l[0], 0, 0);
    /* Cancelled between the invitation and its wake. */
    cr_assert(rouse_limit_try_acquire(&l[1], 1));
    cancelled_at = &l[1];
    rouse_several_init(&cancelled_several, NULL, several_told, NULL);
    cr_assert_eq(rouse_several_acquire(&cancelled_several, steps, 2), ROUSE_PENDING);
    full_limit(&other, 1, 9, 0);
    probe_init(&p, 0);
    p.then = give_back_and_cancel;
    cr_assert_eq(rouse_limit_acquire(&other, &p.waiter, 1), ROUSE_PENDING);
    must_give_back(&other, 1);
    expect_wakes(0);
    if (several_status == ROUSE_OK) { /* strict: it had been granted, and was the last step */
        cr_assert_not(HAS_MODE);
        rouse_several_give_back(&cancelled_several);
    } else {
        cr_assert_eq(several_status, ROUSE_CANCELLED);
    }
    expect_in_use(&l[0], 0, 0);
    expect_in_use(&l[1], 0, 0);
    rouse_limit_destroy(&other);
    rouse_limit_destroy(&l[0]);
    rouse_limit_destroy(&l[1]);
}

#if ROUSE_BACKEND != ROUSE_BACKEND_LOCAL
MODE_TEST(a_thread_waiter_at_a_limit) {
    rouse_limit l;
    rouse_thread_waiter t;
    rouse_status outcome = ROUSE_INVALID;
    full_limit(&l, 1, 9, 5);
    rouse_thread_waiter_init(&t);
    cr_assert_eq(rouse_limit_acquire(&l, &t.waiter, 1), ROUSE_PENDING);
    must_give_back(&l, 1);
    cr_assert(rouse_limit_try_acquire(&l, 1));
    cr_assert_not(rouse_thread_waiter_await_until(&t, 0, &outcome), "beaten: it waits on");
    must_give_back(&l, 1);
    cr_assert(rouse_thread_waiter_await_until(&t, 0, &outcome));
    cr_assert_eq(outcome, ROUSE_OK);
    rouse_thread_waiter_destroy(&t);
    rouse_limit_destroy(&l);
}
#endif

/* ---- as many are invited as there are permits ------------------------------------------------------------------------- */

SEVERAL_TEST(each_release_invites_one) {
    rouse_semaphore s;
    probe p[4];
    rouse_semaphore_init_throughput(&s, 0, 2);
    queue_up(&s, p, 4);
    must_release(&s, 1);
    expect_wakes(0);
    must_release(&s, 1);
    expect_wakes(1);
    expect_free(&s, 2, 4);
    cr_assert(rouse_semaphore_try_acquire(&s, 1));
    must_release(&s, 1);
    expect_no_wakes();
    must_release(&s, 2);
    expect_wakes(2, 3);
    cr_assert_eq(rouse_semaphore_resume(&s, &p[2].waiter), ROUSE_OK, "whoever asks first");
    cr_assert(rouse_semaphore_try_acquire(&s, 1));
    cr_assert_not(rouse_semaphore_try_acquire(&s, 1), "two have passed the oldest");
    cr_assert_eq(rouse_semaphore_resume(&s, &p[0].waiter), ROUSE_OK);
    cr_assert(rouse_semaphore_try_acquire(&s, 1));
    cr_assert_eq(rouse_semaphore_resume(&s, &p[3].waiter), ROUSE_PENDING);
    cr_assert_eq(rouse_semaphore_resume(&s, &p[1].waiter), ROUSE_PENDING);
    must_release(&s, 1);
    expect_wakes(1);
    must_release(&s, 1);
    expect_wakes(3);
    cr_assert_eq(rouse_semaphore_resume(&s, &p[3].waiter), ROUSE_OK);
    cr_assert_eq(rouse_semaphore_resume(&s, &p[1].waiter), ROUSE_OK);
    expect_free(&s, 0, 0);
    rouse_semaphore_destroy(&s);
}

SEVERAL_TEST(fourteen_are_under_way_at_most) {
    enum { MANY = 20, MOST = 14 };
    rouse_semaphore s;
    probe p[MANY];
    rouse_semaphore_init_throughput(&s, 0, 1);
    queue_up(&s, p, MANY);
    must_release(&s, MANY);
    expect_free(&s, MANY, MANY);
    cr_assert_eq(rouse_waiter_status(&p[MOST - 1].waiter), ROUSE_RETRY);
    cr_assert_eq(rouse_waiter_status(&p[MOST].waiter), ROUSE_PENDING);
    cr_assert_eq(rouse_semaphore_resume(&s, &p[5].waiter), ROUSE_OK);
    cr_assert_eq(rouse_waiter_status(&p[MOST].waiter), ROUSE_PENDING, "the oldest is 14 before it");
    cr_assert_eq(rouse_semaphore_resume(&s, &p[0].waiter), ROUSE_OK);
    cr_assert_eq(rouse_waiter_status(&p[MOST].waiter), ROUSE_RETRY);
    for (int i = 1; i < MANY; i++) {
        cr_assert_eq(rouse_semaphore_resume(&s, &p[i].waiter), ROUSE_OK);
    }
    expect_free(&s, 0, 0);
    rouse_semaphore_destroy(&s);
}

SEVERAL_TEST(who_asks_for_nearly_all_is_granted) {
    rouse_semaphore s;
    probe p[2];
    rouse_semaphore_init_throughput(&s, 0, 1);
    probes_init(p, 2);
    must_queue(&s, &p[0], ROUSE_MAX_PERMITS - 14);
    must_queue(&s, &p[1], ROUSE_MAX_PERMITS - 13);
    must_release(&s, ROUSE_MAX_PERMITS - 14);
    expect_wakes(0);
    expect_told(&p[0], ROUSE_RETRY);
    cr_assert_eq(rouse_semaphore_resume(&s, &p[0].waiter), ROUSE_OK);
    must_release(&s, ROUSE_MAX_PERMITS - 13);
    expect_wakes(1);
    expect_told(&p[1], ROUSE_OK);
    expect_free(&s, 0, 0);
    rouse_semaphore_destroy(&s);
}

/* One release invites or grants the first and invites the second, and the first one's wake takes back what is in
 * the mailbox. */
static rouse_semaphore shared_semaphore;
static loop shared_loop;
static probe shared_probes[2];
static void takes_back(rouse_waiter *w, rouse_status status) {
    cr_assert(status == ROUSE_RETRY || status == ROUSE_OK);
    cr_assert_not(rouse_semaphore_cancel(&shared_semaphore, &shared_probes[1].waiter));
    cr_assert_eq(rouse_waiter_status(&shared_probes[1].waiter), ROUSE_CANCELLED);
    cr_assert(rouse_mailbox_revoke(&shared_loop.mailbox, &shared_probes[1].waiter));
    cr_assert_eq(rouse_semaphore_resume(&shared_semaphore, w), ROUSE_OK);
}
static void mailbox_before_the_wake_of(uint32_t n) {
    rouse_semaphore_init_throughput(&shared_semaphore, 0, 1);
    loop_init(&shared_loop);
    probes_init(shared_probes, 2);
    rouse_waiter_init(&shared_probes[0].waiter, takes_back, NULL);
    must_queue(&shared_semaphore, &shared_probes[0], n);
    queue_on(&shared_loop, &shared_semaphore, &shared_probes[1], 1);
    must_release(&shared_semaphore, n + 1);
    expect_free(&shared_semaphore, 1, 0);
    rouse_mailbox_destroy(&shared_loop.mailbox);
    rouse_semaphore_destroy(&shared_semaphore);
}
MODE_TEST(mailboxes_have_theirs_before_the_first_wake) {
    if (LISTS) { /* LOCKFREE invites one at a time */
        mailbox_before_the_wake_of(1);
    }
    mailbox_before_the_wake_of(2);
    mailbox_before_the_wake_of(ROUSE_MAX_PERMITS - 1); /* granted */
}

/* A waiter that was beaten gives up in its place: how many have passed counts for the one behind it. */
MODE_TEST(the_count_of_one_that_gives_up_stays) {
    rouse_semaphore s;
    probe p[2];
    rouse_semaphore_init_throughput(&s, 0, 1);
    queue_up(&s, p, 2);
    must_release(&s, 1);
    expect_told(&p[0], ROUSE_RETRY);
    cr_assert(rouse_semaphore_try_acquire(&s, 1));
    cr_assert_eq(rouse_semaphore_resume(&s, &p[0].waiter), ROUSE_PENDING);
    cr_assert(rouse_semaphore_cancel(&s, &p[0].waiter));
    must_release(&s, 1);
    expect_told(&p[1], ROUSE_RETRY);
    cr_assert_not(rouse_semaphore_try_acquire(&s, 1), "one has passed already");
    cr_assert_eq(rouse_semaphore_resume(&s, &p[1].waiter), ROUSE_OK);
    must_release(&s, 1);
    expect_free(&s, 1, 0);
    rouse_semaphore_destroy(&s);
}

/* The last waiter gives up, and nothing is free: it declines, or was beaten and is cancelled. Nobody waits then, so the
 * count begins again with the next one, which may be for several and may give up too. */
MODE_TEST(the_count_ends_when_the_last_one_gives_up) {
    for (int way = 0; way < 4; way++) {
        const bool beaten = way % 2 != 0;
        const bool for_several = way / 2 != 0;
        rouse_semaphore s;
        probe p[3];
        rouse_semaphore_init_throughput(&s, 0, 1);
        probes_init(p, 3);
        must_queue(&s, &p[0], 1);
        must_release(&s, 1);
        cr_assert(rouse_semaphore_try_acquire(&s, 1));
        if (beaten) {
            cr_assert_eq(rouse_semaphore_resume(&s, &p[0].waiter), ROUSE_PENDING);
            cr_assert(rouse_semaphore_cancel(&s, &p[0].waiter));
        } else {
            rouse_semaphore_decline(&s, &p[0].waiter);
        }
        expect_free(&s, 0, 0);
        if (for_several) {
            must_queue(&s, &p[1], 2);
        }
        must_queue(&s, &p[2], 1);
        if (for_several) {
            cr_assert(rouse_semaphore_cancel(&s, &p[1].waiter));
        }
        must_release(&s, 1);
        expect_told(&p[2], ROUSE_RETRY);
        cr_assert_eq(overtakers(&s), 1, "way %d", way);
        cr_assert_eq(rouse_semaphore_resume(&s, &p[2].waiter), ROUSE_OK);
        rouse_semaphore_destroy(&s);
    }
}

/* Two leave the list to ask, and the older one is put back: the next one is behind it in the list, and can
 * leave. */
SEVERAL_TEST(the_one_behind_one_that_was_put_back_leaves) {
    rouse_semaphore s;
    probe p[4];
    rouse_semaphore_init_throughput(&s, 0, 4);
    queue_up(&s, p, 4);
    must_release(&s, 2);
    expect_told(&p[0], ROUSE_RETRY);
    expect_told(&p[1], ROUSE_RETRY);
    cr_assert_eq(rouse_semaphore_resume(&s, &p[1].waiter), ROUSE_OK);
    cr_assert(rouse_semaphore_try_acquire(&s, 1));
    cr_assert_eq(rouse_semaphore_resume(&s, &p[0].waiter), ROUSE_PENDING);
    cr_assert(rouse_semaphore_cancel(&s, &p[2].waiter));
    memset(&p[2].waiter, 0, sizeof p[2].waiter);
    must_release(&s, 2);
    cr_assert_eq(rouse_semaphore_resume(&s, &p[0].waiter), ROUSE_OK);
    expect_told(&p[3], ROUSE_RETRY);
    cr_assert_eq(rouse_semaphore_resume(&s, &p[3].waiter), ROUSE_OK);
    must_release(&s, 3);
    expect_free(&s, 3, 0);
    rouse_semaphore_destroy(&s);
}

/* Its turn goes with it: a polled waiter still waits until nobody is under way. */
SEVERAL_TEST(a_beaten_waiter_that_is_cancelled_leaves_no_turn) {
    rouse_semaphore s;
    rouse_waiter polled;
    probe p[2];
    rouse_semaphore_init_throughput(&s, 0, 9);
    queue_up(&s, p, 2);
    must_release(&s, 2);
    cr_assert(rouse_semaphore_try_acquire(&s, 2));
    cr_assert_eq(rouse_semaphore_resume(&s, &p[0].waiter), ROUSE_PENDING);
    cr_assert(rouse_semaphore_cancel(&s, &p[0].waiter));
    rouse_waiter_init(&polled, NULL, NULL);
    cr_assert_eq(rouse_semaphore_acquire(&s, &polled, 1), ROUSE_PENDING);
    must_release(&s, 2);
    cr_assert_eq(rouse_waiter_status(&polled), ROUSE_PENDING);
    cr_assert_eq(rouse_semaphore_resume(&s, &p[1].waiter), ROUSE_OK);
    cr_assert_eq(rouse_waiter_status(&polled), ROUSE_OK);
    rouse_semaphore_destroy(&s);
}

/* Turns go round. A waiter for two has the first, wherever that is. */
SEVERAL_TEST(a_waiter_for_two_ends_its_turn_when_turns_have_moved_on) {
    for (int rounds = 0; rounds < 20; rounds++) {
        rouse_semaphore s;
        probe p[4];
        rouse_semaphore_init_throughput(&s, 0, 3);
        for (int round = 0; round <= rounds; round++) {
            queue_up(&s, p, 2);
            must_release(&s, 2);
            for (int i = 0; i < 2; i++) {
                cr_assert_eq(rouse_semaphore_resume(&s, &p[i].waiter), ROUSE_OK);
            }
        }
        probe_init(&p[2], 2);
        must_queue(&s, &p[2], 2);
        must_release(&s, 2);
        cr_assert_eq(rouse_semaphore_resume(&s, &p[2].waiter), ROUSE_OK);
        probe_init(&p[3], 3);
        must_queue(&s, &p[3], 1);
        must_release(&s, 1);
        expect_told(&p[3], ROUSE_RETRY);
        cr_assert_eq(rouse_semaphore_resume(&s, &p[3].waiter), ROUSE_OK);
        rouse_semaphore_destroy(&s);
    }
}

/* Then it is its owner's, and no longer asked. */
MODE_TEST(a_turn_of_a_limit_that_is_declined) {
    rouse_limit l;
    probe p[2];
    probes_init(p, 2);
    full_limit(&l, 1, 9, 9);
    cr_assert_eq(rouse_limit_acquire(&l, &p[0].waiter, 1), ROUSE_PENDING);
    cr_assert_eq(rouse_limit_acquire(&l, &p[1].waiter, 1), ROUSE_PENDING);
    must_give_back(&l, 1);
    expect_told(&p[0], ROUSE_RETRY);
    rouse_limit_decline(&l, &p[0].waiter);
    cr_assert_neq(rouse_waiter_status(&p[0].waiter), ROUSE_RETRY);
    expect_told(&p[1], ROUSE_RETRY);
    cr_assert_eq(rouse_limit_resume(&l, &p[1].waiter), ROUSE_OK);
    rouse_limit_destroy(&l);
}

/* A deadline that passes in the wake in which its waiter is invited: the turn goes on, and run counts it. */
static rouse_deadlines met_deadlines;
static rouse_semaphore met_semaphore;
static rouse_limit met_limit;
static bool met_at_limit;
static size_t met_count;
static void invite_when_time_is_up(probe *p) {
    (void)p;
    if (met_at_limit) {
        must_give_back(&met_limit, 1);
    } else {
        must_release(&met_semaphore, 1);
    }
    met_count = rouse_deadlines_run(&met_deadlines, 10);
}
Test(throughput, a_deadline_in_the_wake_that_invites) {
    for (int i = 0; i < 2; i++) {
        rouse_semaphore outer = ROUSE_SEMAPHORE_INIT(0);
        rouse_timed t;
        probe p;
        met_at_limit = i == 1;
        rouse_deadlines_init(&met_deadlines);
        rouse_semaphore_init_throughput(&met_semaphore, 0, 4);
        full_limit(&met_limit, 1, 9, 4);
        rouse_timed_init(&t, &met_deadlines, NULL, timed_told, NULL);
        cr_assert_eq(met_at_limit ? rouse_limit_acquire_until(&met_limit, &t, 1, 10)
                                  : rouse_semaphore_acquire_until(&met_semaphore, &t, 1, 10),
                     ROUSE_PENDING);
        probe_init(&p, 0);
        p.then = invite_when_time_is_up;
        must_queue(&outer, &p, 1);
        timed_status = ROUSE_PENDING;
        must_release(&outer, 1);
        cr_assert_eq(timed_status, HAS_MODE ? ROUSE_TIMEDOUT : ROUSE_OK);
        cr_assert_eq(met_count, HAS_MODE ? 1u : 0u);
        if (met_at_limit) {
            expect_in_use(&met_limit, HAS_MODE ? 0 : 1, 0);
        } else {
            expect_free(&met_semaphore, HAS_MODE ? 1 : 0, 0);
        }
        rouse_semaphore_destroy(&outer);
        rouse_semaphore_destroy(&met_semaphore);
        rouse_limit_destroy(&met_limit);
        rouse_deadlines_destroy(&met_deadlines);
    }
}

#if ROUSE_BACKEND != ROUSE_BACKEND_LOCAL
/* A thread whose time is up just when it is invited asks once more. If a newcomer was quicker it gives up. */
static bool newcomer_is_quicker;
static int cancels;
static bool leave_when_invited(void *object, rouse_waiter *w) {
    if (cancels++ == 0) {
        if (met_at_limit) {
            must_give_back(&met_limit, 1);
            cr_assert(!newcomer_is_quicker || rouse_limit_try_acquire(&met_limit, 1));
        } else {
            must_release(&met_semaphore, 1);
            cr_assert(!newcomer_is_quicker || rouse_semaphore_try_acquire(&met_semaphore, 1));
        }
    }
    return met_at_limit ? rouse_limit_cancel((rouse_limit *)object, w)
                        : rouse_semaphore_cancel((rouse_semaphore *)object, w);
}
Test(throughput, a_blocked_thread_is_invited_when_its_time_is_up, .timeout = 60) {
    for (int i = 0; i < 4; i++) {
        rouse_thread_waiter t;
        rouse_status status;
        met_at_limit = i % 2 == 1;
        newcomer_is_quicker = i >= 2;
        cancels = 0;
        rouse_semaphore_init_throughput(&met_semaphore, 0, 4);
        full_limit(&met_limit, 1, 9, 4);
        rouse_thread_waiter_init(&t);
        status = met_at_limit ? rouse_limit_acquire(&met_limit, &t.waiter, 1)
                              : rouse_semaphore_acquire(&met_semaphore, &t.waiter, 1);
        status = rouse_block_on_(&t, status, 1, met_at_limit ? (void *)&met_limit : (void *)&met_semaphore,
                                 leave_when_invited, NULL, 1);
        cr_assert_eq(status, newcomer_is_quicker ? ROUSE_TIMEDOUT : ROUSE_OK);
        cr_assert_eq(cancels, newcomer_is_quicker ? 2 : 1);
        if (met_at_limit) {
            expect_in_use(&met_limit, 1, 0);
        } else {
            expect_free(&met_semaphore, 0, 0);
        }
        rouse_semaphore_destroy(&met_semaphore);
        rouse_limit_destroy(&met_limit);
    }
}
#endif

/* An invited waiter that finds its object closed has ended its wait: ROUSE_TRACE tells it. */
MODE_TEST(the_wait_of_an_invited_one_ends_in_the_trace_when_it_finds_it_closed) {
    rouse_semaphore s;
    rouse_limit l;
    probe p[2];
    const int before = atomic_load(&open_waits);
    rouse_semaphore_init_throughput(&s, 0, 4);
    queue_up(&s, p, 2);
    must_release(&s, 1);
    cr_assert_eq(atomic_load(&open_waits), before + 2);
    cr_assert_eq(rouse_semaphore_close(&s), 1u);
    cr_assert_eq(rouse_semaphore_resume(&s, &p[0].waiter), ROUSE_CLOSED);
    cr_assert_eq(atomic_load(&open_waits), before);
    rouse_semaphore_destroy(&s);
    full_limit(&l, 1, 9, 4);
    probe_init(&p[0], 0);
    cr_assert_eq(rouse_limit_acquire(&l, &p[0].waiter, 1), ROUSE_PENDING);
    must_give_back(&l, 1);
    (void)rouse_limit_close(&l);
    cr_assert_eq(rouse_limit_resume(&l, &p[0].waiter), ROUSE_CLOSED);
    cr_assert_eq(atomic_load(&open_waits), before);
    rouse_limit_destroy(&l);
}

/* More permits than an invitation of LOCKFREE counts in its usual form, before and after it was sent. */
Test(throughput, many_permits_for_one_invited_waiter) {
    enum { MANY = 70000 };
    for (int at_once = 0; at_once < 2; at_once++) {
        rouse_semaphore s;
        probe p[1];
        rouse_semaphore_init_throughput(&s, 0, 3);
        queue_up(&s, p, 1);
        if (!at_once) {
            must_release(&s, 1);
        }
        must_release(&s, MANY);
        must_release(&s, MANY);
        expect_wakes(0);
        if (p[0].outcome == ROUSE_RETRY) {
            cr_assert_eq(rouse_semaphore_release(&s, ROUSE_MAX_PERMITS), ROUSE_OVERFLOW);
            cr_assert_eq(rouse_semaphore_resume(&s, &p[0].waiter), ROUSE_OK);
            rouse_semaphore_decline(&s, &p[0].waiter); /* it has its outcome: nothing changes */
        }
        cr_assert_eq(rouse_waiter_status(&p[0].waiter), ROUSE_OK);
        expect_free(&s, 2 * MANY - (at_once ? 1 : 0), 0);
        rouse_semaphore_destroy(&s);
    }
}

/* ---- more than ROUSE_MAX_PERMITS at once ------------------------------------------------------------------------------- */

/* LOCKFREE: what a cancel gives back cannot be refused. If other threads release ROUSE_MAX_PERMITS while it is under way,
 * more than that become free: in strict order up to 2^30 - 1, in throughput mode no more than ROUSE_MAX_PERMITS. The rest is
 * dropped, as semaphore.h says. Here the other threads are what comes in in the middle of the cancel. */
#define EXCESS_TEST(...) Test(throughput, __VA_ARGS__, .disabled = ROUSE_BACKEND != ROUSE_BACKEND_LOCKFREE)
enum { STRICT_MOST = (1 << 30) - 1 };

static struct excess {
    rouse_semaphore s;
    probe p[2];
    uint32_t given; /* to the second waiter, whose cancel comes in in the first one's */
    uint32_t last;  /* released in the middle of the innermost cancel */
} excess;

static void release_last(void) {
    must_release(&excess.s, excess.last);
}
static void give_and_cancel_second(void) {
    must_release(&excess.s, excess.given);
    inside_cancel = release_last;
    cr_assert(rouse_semaphore_cancel(&excess.s, &excess.p[1].waiter));
}
/* Takes all that is free. */
static uint64_t drain_excess(void) {
    uint64_t taken = 0;
    for (uint32_t n = 1u << 28; n != 0; n /= 2) {
        while (rouse_semaphore_try_acquire(&excess.s, n)) {
            taken += n;
        }
    }
    return taken;
}
/* The first waiter has all but one of ROUSE_MAX_PERMITS when it is cancelled; `come_in` runs meanwhile. */
static void cancel_the_first(uint32_t second_asks, void (*come_in)(void)) {
    probes_init(excess.p, 2);
    must_queue(&excess.s, &excess.p[0], ROUSE_MAX_PERMITS);
    must_queue(&excess.s, &excess.p[1], second_asks);
    must_release(&excess.s, ROUSE_MAX_PERMITS - 1);
    inside_cancel = come_in;
    cr_assert(rouse_semaphore_cancel(&excess.s, &excess.p[0].waiter));
    cr_assert_null(inside_cancel);
}

EXCESS_TEST(one_cancel_under_way_loses_nothing_in_strict_order) {
    rouse_semaphore_init(&excess.s, 0);
    excess.last = ROUSE_MAX_PERMITS;
    cancel_the_first(1, release_last);
    expect_told(&excess.p[1], ROUSE_OK);
    cr_assert_eq(drain_excess(), 2 * (uint64_t)ROUSE_MAX_PERMITS - 2);
    rouse_semaphore_destroy(&excess.s);
}

EXCESS_TEST(two_cancels_under_way_keep_2_to_the_30_minus_1_in_strict_order) {
    for (uint32_t past = 0; past <= 1; past++) {
        rouse_semaphore_init(&excess.s, 0);
        excess.given = STRICT_MOST - (2 * ROUSE_MAX_PERMITS - 1) + past;
        excess.last = ROUSE_MAX_PERMITS;
        cancel_the_first(ROUSE_MAX_PERMITS, give_and_cancel_second);
        cr_assert_eq(drain_excess(), STRICT_MOST);
        rouse_semaphore_destroy(&excess.s);
    }
}

EXCESS_TEST(a_cancel_under_way_keeps_the_maximum_in_throughput_mode) {
    for (uint32_t past = 0; past <= 1; past++) {
        rouse_semaphore_init_throughput(&excess.s, 0, 8);
        excess.last = 1 + past;
        cancel_the_first(1, release_last);
        expect_told(&excess.p[1], ROUSE_RETRY);
        cr_assert_eq(rouse_semaphore_resume(&excess.s, &excess.p[1].waiter), ROUSE_OK);
        cr_assert_eq(drain_excess(), ROUSE_MAX_PERMITS - 1);
        rouse_semaphore_destroy(&excess.s);
    }
}
