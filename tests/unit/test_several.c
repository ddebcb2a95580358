/* The contract of several.h: permits of several limits, all or nothing. */
#include <rouse/several.h>

#include "support.h"

static rouse_limit host = ROUSE_LIMIT_INIT(1, 1);
static rouse_limit total = ROUSE_LIMIT_INIT(2, 8);
static const rouse_step both[] = {{&host, 1}, {&total, 2}};

typedef struct task task;
struct task {
    rouse_several several;
    int id;
    unsigned wakes;
    rouse_status outcome;
    void (*then)(task *t);
};

static void task_wake(rouse_several *s, rouse_status status) {
    task *const t = rouse_several_data(s);
    cr_assert_eq(&t->several, s);
    wake_log[wake_log_length++] = t->id;
    t->wakes++;
    t->outcome = status;
    if (t->then != NULL) {
        t->then(t);
    }
}
static void task_init(task *t, int id, rouse_mailbox *mb) {
    t->id = id;
    t->wakes = 0;
    t->outcome = ROUSE_PENDING;
    t->then = NULL;
    rouse_several_init(&t->several, mb, task_wake, t);
}
static void expect_in_use(uint32_t of_host, uint32_t of_total) {
    cr_assert_eq(rouse_limit_in_use(&host), of_host);
    cr_assert_eq(rouse_limit_in_use(&total), of_total);
}

Test(several, at_once_and_step_by_step) {
    task t[2];
    task_init(&t[0], 0, NULL);
    task_init(&t[1], 1, NULL);
    cr_assert_eq(rouse_several_acquire(&t[0].several, both, 0), ROUSE_OK);
    cr_assert_eq(rouse_several_acquire(&t[0].several, both, 2), ROUSE_OK);
    cr_assert_eq(rouse_several_acquire(&t[0].several, both, 2), ROUSE_INVALID, "it has permits");
    expect_in_use(1, 2);
    cr_assert_eq(rouse_several_acquire(&t[1].several, both, 2), ROUSE_PENDING);
    cr_assert_eq(rouse_several_acquire(&t[1].several, both, 2), ROUSE_INVALID, "it waits");
    rouse_several_give_back(&t[0].several);
    expect_wakes(1);
    cr_assert_eq(t[1].outcome, ROUSE_OK);
    expect_in_use(1, 2);
    /* It waits at the second step, holding the first. */
    rouse_several_give_back(&t[1].several);
    cr_assert(rouse_limit_try_acquire(&total, 1));
    cr_assert_eq(rouse_several_acquire(&t[0].several, both, 2), ROUSE_PENDING);
    expect_in_use(1, 1);
    cr_assert_eq(rouse_limit_give_back(&total, 1), ROUSE_OK);
    expect_wakes(0);
    expect_in_use(1, 2);
    rouse_several_give_back(&t[0].several);
    rouse_several_give_back(&t[0].several); /* nothing more */
    expect_in_use(0, 0);
}

Test(several, cancel_in_the_middle_gives_back_what_it_had) {
    task t[2];
    task_init(&t[0], 0, NULL);
    task_init(&t[1], 1, NULL);
    cr_assert_not(rouse_several_cancel(&t[0].several));
    cr_assert(rouse_limit_try_acquire(&total, 1));
    cr_assert_eq(rouse_several_acquire(&t[0].several, both, 2), ROUSE_PENDING);
    cr_assert_eq(rouse_several_acquire(&t[1].several, both, 2), ROUSE_PENDING);
    cr_assert(rouse_several_cancel(&t[0].several));
    cr_assert_not(rouse_several_cancel(&t[0].several));
    expect_in_use(1, 1); /* the host's permit has gone to the other, which waits at the second step now */
    cr_assert(rouse_several_cancel(&t[1].several));
    expect_in_use(0, 1);
    expect_no_wakes();
    cr_assert_eq(rouse_limit_give_back(&total, 1), ROUSE_OK);
}

Test(several, refused_half_way_it_has_none) {
    rouse_limit narrow = ROUSE_LIMIT_INIT(0, 0);
    const rouse_step steps[] = {{&host, 1}, {&narrow, 1}};
    task t[2];
    task_init(&t[0], 0, NULL);
    task_init(&t[1], 1, NULL);
    cr_assert_eq(rouse_several_acquire(&t[0].several, steps, 2), ROUSE_FULL);
    expect_in_use(0, 0);
    cr_assert(rouse_limit_try_acquire(&host, 1));
    cr_assert_eq(rouse_several_acquire(&t[0].several, steps, 2), ROUSE_PENDING);
    cr_assert_eq(rouse_several_acquire(&t[1].several, steps, 2), ROUSE_FULL, "at the first step");
    cr_assert_eq(rouse_limit_give_back(&host, 1), ROUSE_OK);
    expect_wakes(0);
    cr_assert_eq(t[0].outcome, ROUSE_FULL, "at the second, in the wake of the first");
    expect_in_use(0, 0);
    rouse_limit_destroy(&narrow);
}

Test(several, closed_half_way_it_has_none) {
    task t;
    task_init(&t, 0, NULL);
    cr_assert(rouse_limit_try_acquire(&total, 1));
    cr_assert_eq(rouse_several_acquire(&t.several, both, 2), ROUSE_PENDING);
    cr_assert_eq(rouse_limit_close(&total), 1u);
    expect_wakes(0);
    cr_assert_eq(t.outcome, ROUSE_CLOSED);
    expect_in_use(0, 1);
    cr_assert_eq(rouse_several_acquire(&t.several, both, 2), ROUSE_CLOSED);
    expect_in_use(0, 1);
}

static task inner, outer;
static void grant_and_cancel(task *t) {
    (void)t;
    cr_assert_eq(rouse_limit_give_back(&host, 1), ROUSE_OK); /* inner's wake is deferred to this one */
    cr_assert_not(rouse_several_cancel(&inner.several));
}
Test(several, cancelled_inside_a_wake_while_the_grant_of_a_step_is_on_its_way) {
    static rouse_limit gate = ROUSE_LIMIT_INIT(0, 1);
    static const rouse_step one[] = {{&gate, 1}};
    task_init(&inner, 0, NULL);
    task_init(&outer, 1, NULL);
    outer.then = grant_and_cancel;
    cr_assert(rouse_limit_try_acquire(&host, 1));
    cr_assert_eq(rouse_several_acquire(&inner.several, both, 2), ROUSE_PENDING);
    cr_assert_eq(rouse_several_acquire(&outer.several, one, 1), ROUSE_PENDING);
    cr_assert_eq(rouse_limit_set(&gate, 1), ROUSE_OK);
    expect_wakes(1, 0);
    cr_assert_eq(inner.outcome, ROUSE_CANCELLED);
    expect_in_use(0, 0);
}

Test(several, cancelled_while_the_grant_of_a_step_lies_in_the_mailbox) {
    rouse_mailbox mailbox;
    task t;
    rouse_mailbox_init(&mailbox, NULL, NULL);
    task_init(&t, 0, &mailbox);
    cr_assert(rouse_limit_try_acquire(&host, 1));
    cr_assert_eq(rouse_several_acquire(&t.several, both, 2), ROUSE_PENDING);
    cr_assert_eq(rouse_limit_give_back(&host, 1), ROUSE_OK);
    expect_in_use(1, 0);
    cr_assert(rouse_several_cancel(&t.several));
    expect_in_use(0, 0);
    cr_assert_eq(rouse_mailbox_drain(&mailbox), 0u);
    cr_assert(rouse_limit_try_acquire(&host, 1));
    cr_assert_eq(rouse_several_acquire(&t.several, both, 2), ROUSE_PENDING);
    cr_assert_eq(rouse_limit_give_back(&host, 1), ROUSE_OK);
    cr_assert_eq(rouse_mailbox_drain(&mailbox), 1u);
    expect_wakes(0);
    cr_assert_eq(t.outcome, ROUSE_OK);
    rouse_several_give_back(&t.several);
    expect_in_use(0, 0);
    rouse_mailbox_destroy(&mailbox);
}

/* Trap (throughput mode): s, which is invited, leaves its turn to the next one, whose wake drains the mailbox in which the
 * invitation of s still lies. */
static rouse_mailbox drained;
static void take_and_drain(rouse_waiter *w, rouse_status status) {
    rouse_limit *const limit = rouse_waiter_data(w);
    if (status == ROUSE_RETRY) {
        status = rouse_limit_resume(limit, w);
    }
    cr_assert_eq(status, ROUSE_OK);
    (void)rouse_mailbox_drain(&drained);
}
Test(several, cancelled_while_its_invitation_lies_in_a_mailbox_that_the_next_one_drains) {
    rouse_limit turns;
    const rouse_step one[] = {{&turns, 1}};
    rouse_waiter behind;
    task t;
    rouse_mailbox_init(&drained, NULL, NULL);
    cr_assert_eq(rouse_limit_init_throughput(&turns, 1, 8, 4), ROUSE_OK);
    task_init(&t, 0, &drained);
    rouse_waiter_init(&behind, take_and_drain, &turns);
    cr_assert(rouse_limit_try_acquire(&turns, 1));
    cr_assert_eq(rouse_several_acquire(&t.several, one, 1), ROUSE_PENDING);
    cr_assert_eq(rouse_limit_acquire(&turns, &behind, 1), ROUSE_PENDING);
    cr_assert_eq(rouse_limit_give_back(&turns, 1), ROUSE_OK);
    cr_assert(rouse_several_cancel(&t.several));
    cr_assert_eq(t.wakes, 0u);
    cr_assert_eq(rouse_limit_in_use(&turns), 1u, "the next one has it");
    cr_assert_eq(rouse_limit_give_back(&turns, 1), ROUSE_OK);
    rouse_limit_destroy(&turns);
    rouse_mailbox_destroy(&drained);
}

/* Throughput mode: a newcomer takes the permit before the invited one asks. */
static rouse_limit contended;
static bool taken;
static void give_back_and_take(task *t) {
    (void)t;
    cr_assert_eq(rouse_limit_give_back(&contended, 1), ROUSE_OK);
    taken = rouse_limit_try_acquire(&contended, 1); /* not with LOCAL, which grants */
}
Test(several, invited_it_waits_on_if_others_were_quicker) {
    static rouse_limit gate = ROUSE_LIMIT_INIT(0, 1);
    static const rouse_step gated[] = {{&gate, 1}};
    static const rouse_step one[] = {{&contended, 1}};
    cr_assert_eq(rouse_limit_init_throughput(&contended, 1, 8, 4), ROUSE_OK);
    task_init(&inner, 0, NULL);
    task_init(&outer, 1, NULL);
    outer.then = give_back_and_take;
    cr_assert(rouse_limit_try_acquire(&contended, 1));
    cr_assert_eq(rouse_several_acquire(&inner.several, one, 1), ROUSE_PENDING);
    cr_assert_eq(rouse_several_acquire(&outer.several, gated, 1), ROUSE_PENDING);
    cr_assert_eq(rouse_limit_set(&gate, 1), ROUSE_OK);
    cr_assert_eq(taken, ROUSE_BACKEND != ROUSE_BACKEND_LOCAL);
    if (taken) {
        cr_assert_eq(rouse_limit_waiter_count(&contended), 1u);
        cr_assert_eq(rouse_limit_give_back(&contended, 1), ROUSE_OK);
    }
    expect_wakes(1, 0);
    cr_assert_eq(inner.outcome, ROUSE_OK);
    rouse_several_give_back(&inner.several);
    cr_assert_eq(rouse_limit_in_use(&contended), 0u);
    rouse_limit_destroy(&contended);
}
