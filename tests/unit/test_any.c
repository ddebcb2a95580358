/* rouse/any.h: the first of several objects, with exactly one winner. */
#include "support.h"

#include <rouse/any.h>

#include <limits.h>
#include <string.h>

static int told_index, tellings;
static rouse_status told_status;

static void on_any(rouse_any *a, int index, rouse_status status) {
    cr_assert_eq(rouse_any_index(a), index);
    cr_assert_eq(rouse_any_status(a), status);
    told_index = index;
    told_status = status;
    tellings++;
}

#define expect_told(index, status)           \
    do {                                     \
        cr_assert_eq(tellings, 1);           \
        cr_assert_eq(told_index, (index));   \
        cr_assert_eq(told_status, (status)); \
        tellings = 0;                        \
    } while (0)

typedef struct two {
    rouse_semaphore s;
    rouse_notify n;
    rouse_arm arms[2];
    rouse_any any;
} two;

/* A semaphore with nothing free, and a notify. */
static void two_init(two *t) {
    (void)rouse_semaphore_init(&t->s, 0);
    rouse_notify_init(&t->n);
    rouse_arm_semaphore(&t->arms[0], &t->s, 2);
    rouse_arm_notify(&t->arms[1], &t->n);
    rouse_any_init(&t->any, t->arms, 2, NULL, on_any, t);
}
static void two_expect_idle(two *t) {
    cr_assert_eq(rouse_semaphore_waiter_count(&t->s), 0);
    cr_assert_eq(rouse_notify_waiter_count(&t->n), 0);
    rouse_semaphore_destroy(&t->s);
    rouse_notify_destroy(&t->n);
}

Test(any, ties_go_to_the_first_arm_that_has_it_at_once) {
    two t;
    two_init(&t);
    cr_assert_eq(rouse_semaphore_release(&t.s, 2), ROUSE_OK);
    rouse_notify_one(&t.n);
    cr_assert_eq(rouse_any_wait(&t.any), ROUSE_OK);
    cr_assert_eq(rouse_any_index(&t.any), 0);
    cr_assert_eq(rouse_semaphore_available(&t.s), 0);
    cr_assert_eq(rouse_any_wait(&t.any), ROUSE_OK, "the notification is still there");
    cr_assert_eq(rouse_any_index(&t.any), 1);
    cr_assert_eq(tellings, 0);
    two_expect_idle(&t);
}

Test(any, an_arm_at_once_takes_those_before_it_out) {
    two t;
    two_init(&t);
    rouse_notify_one(&t.n);
    cr_assert_eq(rouse_any_wait(&t.any), ROUSE_OK);
    cr_assert_eq(rouse_any_index(&t.any), 1);
    two_expect_idle(&t);
}

Test(any, the_first_grant_wins_and_the_others_are_out_when_wake_runs) {
    two t;
    two_init(&t);
    cr_assert_eq(rouse_any_wait(&t.any), ROUSE_PENDING);
    cr_assert_eq(rouse_semaphore_release(&t.s, 1), ROUSE_OK);
    cr_assert_eq(tellings, 0, "it has one of its two");
    rouse_notify_one(&t.n);
    expect_told(1, ROUSE_OK);
    cr_assert_eq(rouse_semaphore_available(&t.s), 1, "what the loser had been given is back");
    two_expect_idle(&t);
}

/* Both grants become due inside one wake, so both legs run after it: the second one is handed on. */
static void grant_both(probe *p) {
    two *const t = p->arg;
    cr_assert_eq(rouse_semaphore_release(&t->s, 2), ROUSE_OK);
    rouse_notify_one(&t->n);
}

Test(any, the_losers_wake_is_not_lost) {
    two t;
    rouse_semaphore outer;
    probe p;
    two_init(&t);
    (void)rouse_semaphore_init(&outer, 0);
    probe_init(&p, 0);
    p.then = grant_both;
    p.arg = &t;
    cr_assert_eq(rouse_semaphore_acquire(&outer, &p.waiter, 1), ROUSE_PENDING);
    cr_assert_eq(rouse_any_wait(&t.any), ROUSE_PENDING);
    cr_assert_eq(rouse_semaphore_release(&outer, 1), ROUSE_OK);
    expect_told(0, ROUSE_OK);
    cr_assert_eq(rouse_notify_wait(&t.n, &p.waiter), ROUSE_OK, "the notification has been passed on");
    two_expect_idle(&t);
    rouse_semaphore_destroy(&outer);
}

/* The first arm is granted and its leg deferred when cancel comes: then it wins. */
static void grant_then_cancel(probe *p) {
    two *const t = p->arg;
    cr_assert_eq(rouse_semaphore_release(&t->s, 2), ROUSE_OK);
    cr_assert_not(rouse_any_cancel(&t->any));
    cr_assert_eq(rouse_notify_waiter_count(&t->n), 0);
    cr_assert_not(rouse_any_cancel(&t->any));
}

Test(any, cancel_against_the_winner) {
    two t;
    rouse_semaphore outer;
    probe p;
    two_init(&t);
    (void)rouse_semaphore_init(&outer, 0);
    probe_init(&p, 0);
    p.then = grant_then_cancel;
    p.arg = &t;
    cr_assert_eq(rouse_semaphore_acquire(&outer, &p.waiter, 1), ROUSE_PENDING);
    cr_assert_eq(rouse_any_wait(&t.any), ROUSE_PENDING);
    cr_assert_eq(rouse_semaphore_release(&outer, 1), ROUSE_OK);
    expect_told(0, ROUSE_OK);
    two_expect_idle(&t);
    rouse_semaphore_destroy(&outer);
}

Test(any, cancel_takes_every_arm_out_and_abandoned_waiters_eat_no_later_signal) {
    two t;
    two_init(&t);
    cr_assert_eq(rouse_any_wait(&t.any), ROUSE_PENDING);
    cr_assert(rouse_any_cancel(&t.any));
    cr_assert_not(rouse_any_cancel(&t.any));
    rouse_notify_one(&t.n);
    cr_assert_eq(rouse_semaphore_release(&t.s, 2), ROUSE_OK);
    cr_assert_eq(tellings, 0);
    cr_assert_eq(rouse_semaphore_available(&t.s), 2);
    cr_assert_eq(rouse_any_wait(&t.any), ROUSE_OK);
    cr_assert_eq(rouse_any_index(&t.any), 0);
    cr_assert_eq(rouse_any_wait(&t.any), ROUSE_OK);
    cr_assert_eq(rouse_any_index(&t.any), 1, "the notification was stored, not eaten");
    two_expect_idle(&t);
}

Test(any, a_closed_object_wins_whether_it_is_closed_before_or_after) {
    two t;
    two_init(&t);
    cr_assert_eq(rouse_any_wait(&t.any), ROUSE_PENDING);
    cr_assert_eq(rouse_notify_close(&t.n), 1);
    expect_told(1, ROUSE_CLOSED);
    cr_assert_eq(rouse_any_wait(&t.any), ROUSE_CLOSED);
    cr_assert_eq(rouse_any_index(&t.any), 1);
    two_expect_idle(&t);
}

Test(any, all_arms_closed) {
    two t;
    two_init(&t);
    cr_assert_eq(rouse_any_wait(&t.any), ROUSE_PENDING);
    cr_assert_eq(rouse_semaphore_close(&t.s), 1);
    expect_told(0, ROUSE_CLOSED);
    cr_assert_eq(rouse_notify_close(&t.n), 0);
    cr_assert_eq(rouse_any_wait(&t.any), ROUSE_CLOSED);
    cr_assert_eq(rouse_any_index(&t.any), 0);
    two_expect_idle(&t);
}

Test(any, the_same_object_in_two_arms) {
    rouse_semaphore s;
    rouse_arm arms[2];
    rouse_any any;
    (void)rouse_semaphore_init(&s, 0);
    rouse_arm_semaphore(&arms[0], &s, 1);
    rouse_arm_semaphore(&arms[1], &s, 1);
    rouse_any_init(&any, arms, 2, NULL, on_any, NULL);
    cr_assert_eq(rouse_any_wait(&any), ROUSE_PENDING);
    cr_assert_eq(rouse_semaphore_release(&s, 2), ROUSE_OK);
    expect_told(0, ROUSE_OK);
    cr_assert_eq(rouse_semaphore_available(&s), 1);
    cr_assert_eq(rouse_semaphore_waiter_count(&s), 0);
    rouse_semaphore_destroy(&s);
}

Test(any, an_error_at_arm_k_leaves_nobody_queued) {
    rouse_semaphore s;
    rouse_arm arms[2];
    rouse_any any;
    (void)rouse_semaphore_init(&s, 0);
    rouse_arm_semaphore(&arms[0], &s, 1);
    rouse_arm_semaphore(&arms[1], &s, UINT32_MAX);
    rouse_any_init(&any, arms, 2, NULL, on_any, NULL);
    cr_assert_eq(rouse_any_wait(&any), ROUSE_INVALID);
    cr_assert_eq(rouse_semaphore_waiter_count(&s), 0);
    cr_assert_eq(rouse_any_index(&any), -1);
    rouse_semaphore_destroy(&s);
}

Test(any, no_arms_or_too_many_are_refused) {
    static rouse_arm arms[1];
    rouse_any any;
    rouse_any_init(&any, arms, 0, NULL, on_any, NULL);
    cr_assert_eq(rouse_any_wait(&any), ROUSE_INVALID);
    rouse_any_init(&any, arms, ROUSE_MAX_ARMS + 1, NULL, on_any, NULL);
    cr_assert_eq(rouse_any_wait(&any), ROUSE_INVALID);
}

Test(any, as_many_arms_as_there_may_be) {
    rouse_semaphore s;
    rouse_any any;
    rouse_arm *const arms = must_alloc(ROUSE_MAX_ARMS * sizeof *arms);
    (void)rouse_semaphore_init(&s, 0);
    for (int i = 0; i < ROUSE_MAX_ARMS; i++) {
        rouse_arm_semaphore(&arms[i], &s, 1);
    }
    rouse_any_init(&any, arms, ROUSE_MAX_ARMS, NULL, on_any, NULL);
    cr_assert_eq(rouse_any_wait(&any), ROUSE_PENDING);
    cr_assert_eq(rouse_semaphore_waiter_count(&s), ROUSE_MAX_ARMS);
    cr_assert_eq(rouse_semaphore_release(&s, 1), ROUSE_OK);
    expect_told(0, ROUSE_OK);
    cr_assert_eq(rouse_semaphore_waiter_count(&s), 0);
    rouse_semaphore_destroy(&s);
    free(arms);
}

Test(any, every_kind_of_arm_wins_and_hands_on) {
    rouse_semaphore s;
    rouse_limit l;
    rouse_mutex m;
    rouse_notify n;
    rouse_event e;
    rouse_gate g;
    rouse_waiter_queue q;
    rouse_arm arms[7];
    rouse_any any;
    for (int winner = 0; winner < 7; winner++) {
        (void)rouse_semaphore_init(&s, 0);
        (void)rouse_limit_init(&l, 1, UINT32_MAX);
        rouse_mutex_init(&m);
        rouse_notify_init(&n);
        rouse_event_init(&e);
        rouse_gate_init(&g, 1);
        rouse_waiter_queue_init(&q, 0);
        cr_assert(rouse_limit_try_acquire(&l, 1));
        cr_assert(rouse_mutex_try_lock(&m));
        rouse_arm_semaphore(&arms[0], &s, 1);
        rouse_arm_limit(&arms[1], &l, 1);
        rouse_arm_mutex(&arms[2], &m);
        rouse_arm_notify(&arms[3], &n);
        rouse_arm_event(&arms[4], &e);
        rouse_arm_gate(&arms[5], &g);
        rouse_arm_queue(&arms[6], &q, 1);
        rouse_any_init(&any, arms, 7, NULL, on_any, &s);
        cr_assert_eq(rouse_any_data(&any), &s);
        cr_assert_eq(rouse_any_wait(&any), ROUSE_PENDING);
        switch (winner) {
        case 0:
            cr_assert_eq(rouse_semaphore_release(&s, 1), ROUSE_OK);
            break;
        case 1:
            cr_assert_eq(rouse_limit_give_back(&l, 1), ROUSE_OK);
            break;
        case 2:
            cr_assert_eq(rouse_mutex_unlock(&m), ROUSE_OK);
            break;
        case 3:
            rouse_notify_one(&n);
            break;
        case 4:
            cr_assert_eq(rouse_event_set(&e), 1);
            break;
        case 5:
            cr_assert_eq(rouse_gate_close(&g), 0);
            cr_assert_eq(rouse_gate_leave(&g, 1), ROUSE_OK);
            break;
        default:
            cr_assert_eq(rouse_waiter_queue_wake(&q, 1, ROUSE_MAX_PERMITS), ROUSE_OK);
            break;
        }
        expect_told(winner, ROUSE_OK);
        cr_assert_eq(rouse_semaphore_waiter_count(&s), 0);
        cr_assert_eq(rouse_limit_waiter_count(&l), 0);
        cr_assert_eq(rouse_mutex_waiter_count(&m), 0);
        cr_assert_eq(rouse_notify_waiter_count(&n), 0);
        cr_assert_eq(rouse_event_waiter_count(&e), 0);
        cr_assert_eq(rouse_waiter_queue_waiter_count(&q), 0);
        rouse_semaphore_destroy(&s);
        rouse_limit_destroy(&l);
        rouse_mutex_destroy(&m);
        rouse_notify_destroy(&n);
        rouse_event_destroy(&e);
        rouse_gate_destroy(&g);
        rouse_waiter_queue_destroy(&q);
    }
}

Test(any, polled) {
    two t;
    two_init(&t);
    rouse_any_init(&t.any, t.arms, 2, NULL, NULL, NULL);
    cr_assert_eq(rouse_any_wait(&t.any), ROUSE_PENDING);
    cr_assert_eq(rouse_any_status(&t.any), ROUSE_PENDING);
    rouse_notify_one(&t.n);
    cr_assert_eq(rouse_any_status(&t.any), ROUSE_OK);
    cr_assert_eq(rouse_any_index(&t.any), 1);
    two_expect_idle(&t);
}

static void no_kick(void *unused) {
    (void)unused;
}

Test(any, told_in_its_mailbox) {
    two t;
    rouse_mailbox mailbox;
    two_init(&t);
    rouse_mailbox_init(&mailbox, no_kick, NULL);
    rouse_any_init(&t.any, t.arms, 2, &mailbox, on_any, NULL);
    cr_assert_eq(rouse_any_wait(&t.any), ROUSE_PENDING);
    rouse_notify_one(&t.n);
    cr_assert_eq(tellings, 0);
    cr_assert_eq(rouse_semaphore_waiter_count(&t.s), 0, "the losers are out at once");
    cr_assert_not(rouse_any_cancel(&t.any));
    cr_assert_eq(rouse_mailbox_drain(&mailbox), 1);
    expect_told(1, ROUSE_OK);
    rouse_mailbox_destroy(&mailbox);
    two_expect_idle(&t);
}

/* Throughput mode: the arm answers its invitation itself. */
Test(any, an_invited_arm_resumes_or_declines) {
    rouse_semaphore s;
    rouse_notify n;
    rouse_arm arms[2];
    rouse_any any;
    rouse_semaphore_init_throughput(&s, 0, 4);
    rouse_notify_init(&n);
    rouse_arm_semaphore(&arms[0], &s, 1);
    rouse_arm_notify(&arms[1], &n);
    rouse_any_init(&any, arms, 2, NULL, on_any, NULL);
    cr_assert_eq(rouse_any_wait(&any), ROUSE_PENDING);
    cr_assert_eq(rouse_semaphore_release(&s, 1), ROUSE_OK);
    expect_told(0, ROUSE_OK);
    cr_assert_eq(rouse_semaphore_available(&s), 0);
    cr_assert_eq(rouse_any_wait(&any), ROUSE_PENDING);
    rouse_notify_one(&n);
    expect_told(1, ROUSE_OK);
    cr_assert_eq(rouse_semaphore_release(&s, 1), ROUSE_OK);
    cr_assert_eq(rouse_semaphore_available(&s), 1);
    rouse_semaphore_destroy(&s);
    rouse_notify_destroy(&n);
}

/* Cancelled while its invitation waits for the wake to return: a newcomer takes the permit, and the any ends. */
static rouse_semaphore cancelled_s;
static rouse_any cancelled_any;
static void release_and_cancel(rouse_waiter *w, rouse_status status) {
    (void)w;
    cr_assert_eq(status, ROUSE_OK);
    cr_assert_eq(rouse_semaphore_release(&cancelled_s, 1), ROUSE_OK);
    cr_assert_not(rouse_any_cancel(&cancelled_any));
    cr_assert_not(rouse_any_cancel(&cancelled_any));
    if (rouse_semaphore_try_acquire(&cancelled_s, 1)) {
        told_index = -1;
    }
}
Test(any, an_invited_arm_leaves_when_it_was_cancelled) {
    rouse_semaphore other, outer;
    rouse_arm arms[2];
    rouse_waiter w;
    rouse_semaphore_init_throughput(&cancelled_s, 0, 4);
    (void)rouse_semaphore_init(&other, 0);
    (void)rouse_semaphore_init(&outer, 0);
    rouse_arm_semaphore(&arms[0], &cancelled_s, 1);
    rouse_arm_semaphore(&arms[1], &other, 1);
    rouse_any_init(&cancelled_any, arms, 2, NULL, on_any, NULL);
    cr_assert_eq(rouse_any_wait(&cancelled_any), ROUSE_PENDING);
    rouse_waiter_init(&w, release_and_cancel, NULL);
    cr_assert_eq(rouse_semaphore_acquire(&outer, &w, 1), ROUSE_PENDING);
    told_index = 0;
    cr_assert_eq(rouse_semaphore_release(&outer, 1), ROUSE_OK);
    if (told_index == -1) {
        expect_told(-1, ROUSE_CANCELLED);
    } else { /* strict: it had been granted */
        expect_told(0, ROUSE_OK);
    }
    cr_assert_eq(rouse_semaphore_waiter_count(&cancelled_s), 0);
    cr_assert_eq(rouse_semaphore_waiter_count(&other), 0);
    cr_assert_eq(rouse_semaphore_available(&cancelled_s), 0);
    rouse_semaphore_destroy(&cancelled_s);
    rouse_semaphore_destroy(&other);
    rouse_semaphore_destroy(&outer);
}

/* ---- the order of wakes ---------------------------------------------------------------------------------------------- */

/* The any's wake becomes due when its arm's does, inside it. */
static void note_any(rouse_any *a, int index, rouse_status status) {
    (void)a, (void)index, (void)status;
    wake_log[wake_log_length++] = 100;
}
Test(any, its_wake_runs_after_those_that_fell_due_before_and_before_later_ones) {
    rouse_waiter_queue q = ROUSE_WAITER_QUEUE_INIT(0);
    rouse_waiter_queue other = ROUSE_WAITER_QUEUE_INIT(0);
    rouse_arm arms[2];
    rouse_any any;
    probe p[3];
    probes_init(p, 3);
    rouse_arm_queue(&arms[0], &q, 1);
    rouse_arm_queue(&arms[1], &other, 1);
    rouse_any_init(&any, arms, 2, NULL, note_any, NULL);
    cr_assert_eq(rouse_waiter_queue_wait(&q, &p[0].waiter, 1), ROUSE_PENDING);
    cr_assert_eq(rouse_any_wait(&any), ROUSE_PENDING);
    cr_assert_eq(rouse_waiter_queue_wait(&q, &p[1].waiter, 1), ROUSE_PENDING);
    cr_assert_eq(rouse_waiter_queue_wake_all(&q), 3u);
    expect_wakes(0, 1, 100);
    rouse_waiter_queue_destroy(&q);
    rouse_waiter_queue_destroy(&other);
}

static rouse_waiter_queue *behind;
static void wake_behind(probe *p) {
    (void)p;
    cr_assert(rouse_waiter_queue_wake_one(behind));
}
Test(any, its_wake_runs_after_what_an_earlier_wake_of_the_call_has_made_due) {
    rouse_waiter_queue q = ROUSE_WAITER_QUEUE_INIT(0);
    rouse_waiter_queue other = ROUSE_WAITER_QUEUE_INIT(0);
    rouse_arm arm;
    rouse_any any;
    probe p[2];
    behind = &other;
    probes_init(p, 2);
    p[0].then = wake_behind;
    rouse_arm_queue(&arm, &q, 1);
    rouse_any_init(&any, &arm, 1, NULL, note_any, NULL);
    cr_assert_eq(rouse_waiter_queue_wait(&q, &p[0].waiter, 1), ROUSE_PENDING);
    cr_assert_eq(rouse_any_wait(&any), ROUSE_PENDING);
    cr_assert_eq(rouse_waiter_queue_wait(&other, &p[1].waiter, 1), ROUSE_PENDING);
    cr_assert_eq(rouse_waiter_queue_wake(&q, 2, 2), ROUSE_OK);
    expect_wakes(0, 1, 100);
    rouse_waiter_queue_destroy(&q);
    rouse_waiter_queue_destroy(&other);
}

/* ---- a bare queue ---------------------------------------------------------------------------------------------------- */

/* Both arms are granted before either has won: the semaphore's wins. */
static rouse_semaphore *first_object;
static rouse_waiter_queue *second_object;
static bool wakes_everybody;
static void grant_both_arms(probe *p) {
    (void)p;
    cr_assert_eq(rouse_semaphore_release(first_object, 1), ROUSE_OK);
    if (wakes_everybody) {
        cr_assert_eq(rouse_waiter_queue_wake_all(second_object), 1u);
    } else {
        cr_assert(rouse_waiter_queue_wake_one(second_object));
    }
}
Test(any, what_a_losing_arm_got_from_a_wake_all_is_not_given_to_those_who_come_later) {
    for (int all = 0; all < 2; all++) {
        rouse_semaphore s = ROUSE_SEMAPHORE_INIT(0);
        rouse_semaphore outer = ROUSE_SEMAPHORE_INIT(0);
        rouse_waiter_queue q = ROUSE_WAITER_QUEUE_INIT(0);
        rouse_arm arms[2];
        rouse_any any;
        probe p;
        first_object = &s;
        second_object = &q;
        wakes_everybody = all == 1;
        probe_init(&p, 0);
        p.then = grant_both_arms;
        rouse_arm_semaphore(&arms[0], &s, 1);
        rouse_arm_queue(&arms[1], &q, 1);
        rouse_any_init(&any, arms, 2, NULL, NULL, NULL);
        cr_assert_eq(rouse_any_wait(&any), ROUSE_PENDING);
        cr_assert_eq(rouse_semaphore_acquire(&outer, &p.waiter, 1), ROUSE_PENDING);
        cr_assert_eq(rouse_semaphore_release(&outer, 1), ROUSE_OK);
        cr_assert_eq(rouse_any_index(&any), 0);
        cr_assert_eq(rouse_waiter_queue_balance(&q), all == 1 ? 0 : 1);
        rouse_waiter_queue_destroy(&q);
        rouse_semaphore_destroy(&outer);
        rouse_semaphore_destroy(&s);
    }
}

/* ---- what nobody wants ----------------------------------------------------------------------------------------------- */

Test(any, hand_on_gives_back_what_the_winner_was_granted_and_nothing_else) {
    rouse_semaphore s[2] = {ROUSE_SEMAPHORE_INIT(0), ROUSE_SEMAPHORE_INIT(0)};
    rouse_arm arms[2];
    rouse_any any;
    rouse_arm_semaphore(&arms[0], &s[0], 2);
    rouse_arm_semaphore(&arms[1], &s[1], 1);
    memset(&any, 0xff, sizeof any); /* init leaves nothing as it was */
    rouse_any_init(&any, arms, 2, NULL, on_any, NULL);
    rouse_any_hand_on(&any);
    for (int winner = 0; winner < 2; winner++) {
        const uint32_t n = winner == 0 ? 2 : 1;
        cr_assert_eq(rouse_any_wait(&any), ROUSE_PENDING);
        rouse_any_hand_on(&any);
        cr_assert_eq(rouse_semaphore_release(&s[winner], n), ROUSE_OK);
        expect_told(winner, ROUSE_OK);
        cr_assert_eq(rouse_semaphore_available(&s[winner]), 0);
        rouse_any_hand_on(&any);
        cr_assert_eq(rouse_semaphore_available(&s[winner]), n);
        cr_assert(rouse_semaphore_try_acquire(&s[winner], n));
    }
    cr_assert_eq(rouse_any_wait(&any), ROUSE_PENDING);
    cr_assert_eq(rouse_semaphore_close(&s[0]), 1u);
    expect_told(0, ROUSE_CLOSED);
    rouse_any_hand_on(&any);
    cr_assert_eq(rouse_semaphore_available(&s[0]), 0);
    cr_assert_eq(rouse_semaphore_available(&s[1]), 0);
    rouse_semaphore_destroy(&s[0]);
    rouse_semaphore_destroy(&s[1]);
}

/* As an_invited_arm_leaves_when_it_was_cancelled, of a limit and of a mutex. */
static rouse_limit declined_l;
static rouse_mutex declined_m;
static bool of_limit;
static void give_back_and_cancel(rouse_waiter *w, rouse_status status) {
    (void)w;
    cr_assert_eq(status, ROUSE_OK);
    cr_assert_eq(of_limit ? rouse_limit_give_back(&declined_l, 1) : rouse_mutex_unlock(&declined_m),
                 ROUSE_OK);
    cr_assert_not(rouse_any_cancel(&cancelled_any));
}
Test(any, an_invited_arm_of_a_limit_or_a_mutex_leaves_when_it_was_cancelled) {
    for (int i = 0; i < 2; i++) {
        rouse_semaphore other = ROUSE_SEMAPHORE_INIT(0), outer = ROUSE_SEMAPHORE_INIT(0);
        rouse_arm arms[2];
        rouse_waiter w;
        of_limit = i == 0;
        cr_assert_eq(rouse_limit_init_throughput(&declined_l, 1, UINT32_MAX, 4), ROUSE_OK);
        rouse_mutex_init_throughput(&declined_m, 4);
        cr_assert(rouse_limit_try_acquire(&declined_l, 1) && rouse_mutex_try_lock(&declined_m));
        rouse_arm_limit(&arms[0], &declined_l, 1);
        if (!of_limit) {
            rouse_arm_mutex(&arms[0], &declined_m);
        }
        rouse_arm_semaphore(&arms[1], &other, 1);
        rouse_any_init(&cancelled_any, arms, 2, NULL, on_any, NULL);
        cr_assert_eq(rouse_any_wait(&cancelled_any), ROUSE_PENDING);
        rouse_waiter_init(&w, give_back_and_cancel, NULL);
        cr_assert_eq(rouse_semaphore_acquire(&outer, &w, 1), ROUSE_PENDING);
        cr_assert_eq(rouse_semaphore_release(&outer, 1), ROUSE_OK);
        cr_assert_eq(tellings, 1);
        tellings = 0;
        if (told_index == 0) { /* it had been granted: nobody wants it */
            rouse_any_hand_on(&cancelled_any);
        }
        cr_assert_eq(rouse_limit_waiter_count(&declined_l), 0);
        cr_assert_eq(rouse_mutex_waiter_count(&declined_m), 0);
        cr_assert(of_limit ? rouse_limit_try_acquire(&declined_l, 1) : rouse_mutex_try_lock(&declined_m));
        rouse_limit_destroy(&declined_l);
        rouse_mutex_destroy(&declined_m);
        rouse_semaphore_destroy(&other);
        rouse_semaphore_destroy(&outer);
    }
}

Test(any, an_arm_may_be_set_again_between_two_waits) {
    two t;
    rouse_event e = ROUSE_EVENT_INIT;
    two_init(&t);
    cr_assert_eq(rouse_any_wait(&t.any), ROUSE_PENDING);
    rouse_notify_one(&t.n);
    expect_told(1, ROUSE_OK);
    rouse_arm_semaphore(&t.arms[0], &t.s, 1);
    rouse_arm_event(&t.arms[1], &e);
    cr_assert_eq(rouse_any_wait(&t.any), ROUSE_PENDING);
    cr_assert_eq(rouse_event_set(&e), 1u);
    expect_told(1, ROUSE_OK);
    cr_assert_eq(rouse_event_reset(&e), true);
    cr_assert_eq(rouse_any_wait(&t.any), ROUSE_PENDING);
    cr_assert_eq(rouse_semaphore_release(&t.s, 1), ROUSE_OK);
    expect_told(0, ROUSE_OK);
    cr_assert_eq(rouse_event_waiter_count(&e), 0u);
    rouse_event_destroy(&e);
    two_expect_idle(&t);
}

/* Throughput mode: a newcomer takes the permit before the invited arm asks. */
static bool taken;
static void release_and_take(rouse_waiter *w, rouse_status status) {
    (void)w, (void)status;
    cr_assert_eq(rouse_semaphore_release(&cancelled_s, 1), ROUSE_OK);
    taken = rouse_semaphore_try_acquire(&cancelled_s, 1);
}
Test(any, an_invited_arm_waits_on_if_others_were_quicker) {
    rouse_semaphore other, outer;
    rouse_arm arms[2];
    rouse_any any;
    rouse_waiter w;
    rouse_semaphore_init_throughput(&cancelled_s, 0, 4);
    (void)rouse_semaphore_init(&other, 0);
    (void)rouse_semaphore_init(&outer, 0);
    rouse_arm_semaphore(&arms[0], &cancelled_s, 1);
    rouse_arm_semaphore(&arms[1], &other, 1);
    rouse_any_init(&any, arms, 2, NULL, on_any, NULL);
    cr_assert_eq(rouse_any_wait(&any), ROUSE_PENDING);
    rouse_waiter_init(&w, release_and_take, NULL);
    cr_assert_eq(rouse_semaphore_acquire(&outer, &w, 1), ROUSE_PENDING);
    cr_assert_eq(rouse_semaphore_release(&outer, 1), ROUSE_OK);
    if (taken) {
        cr_assert_eq(tellings, 0);
        cr_assert_eq(rouse_semaphore_waiter_count(&cancelled_s), 1);
        cr_assert_eq(rouse_semaphore_waiter_count(&other), 1);
        cr_assert_eq(rouse_semaphore_release(&cancelled_s, 1), ROUSE_OK);
    }
    expect_told(0, ROUSE_OK);
    cr_assert_eq(rouse_semaphore_available(&cancelled_s), 0);
    cr_assert_eq(rouse_semaphore_waiter_count(&other), 0);
    rouse_semaphore_destroy(&cancelled_s);
    rouse_semaphore_destroy(&other);
    rouse_semaphore_destroy(&outer);
}

Test(any, the_status_says_what_a_wait_returned_at_once) {
    two t;
    two_init(&t);
    cr_assert_eq(rouse_any_wait(&t.any), ROUSE_PENDING);
    cr_assert_eq(rouse_any_status(&t.any), ROUSE_PENDING);
    cr_assert(rouse_any_cancel(&t.any));
    cr_assert_eq(rouse_semaphore_release(&t.s, 2), ROUSE_OK);
    cr_assert_eq(rouse_any_wait(&t.any), ROUSE_OK, "the first arm");
    cr_assert_eq(rouse_any_status(&t.any), ROUSE_OK);
    rouse_arm_semaphore(&t.arms[0], &t.s, ROUSE_MAX_PERMITS + 1);
    cr_assert_eq(rouse_any_wait(&t.any), ROUSE_INVALID);
    cr_assert_eq(rouse_any_status(&t.any), ROUSE_INVALID);
    cr_assert_eq(rouse_any_index(&t.any), -1);
    cr_assert_not(rouse_any_cancel(&t.any));
    rouse_arm_semaphore(&t.arms[0], &t.s, 1);
    rouse_notify_one(&t.n);
    cr_assert_eq(rouse_any_wait(&t.any), ROUSE_OK, "the second arm");
    cr_assert_eq(rouse_any_status(&t.any), ROUSE_OK);
    cr_assert_eq(rouse_semaphore_close(&t.s), 0);
    cr_assert_eq(rouse_any_wait(&t.any), ROUSE_CLOSED);
    cr_assert_eq(rouse_any_status(&t.any), ROUSE_CLOSED);
    cr_assert_eq(tellings, 0);
    two_expect_idle(&t);
}
