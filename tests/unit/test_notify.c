/* The contract of notify.h: wake one, wake all, remember one. */
#include <rouse/notify.h>

#include "script.h"

#include <sched.h>
#include <stdatomic.h>

static rouse_notify zeroed;
static rouse_notify fixed = ROUSE_NOTIFY_INIT;

static void must_queue(rouse_notify *n, probe *p) {
    cr_assert_eq(rouse_notify_wait(n, &p->waiter), ROUSE_PENDING);
    cr_assert_eq(rouse_waiter_status(&p->waiter), ROUSE_PENDING);
}

/* One notification is stored, or none: a wait tells, and leaves it as it was. */
static void check_stored(int line, rouse_notify *n, bool stored) {
    probe p;
    probe_init(&p, 99);
    if (stored) {
        cr_assert_eq(rouse_notify_wait(n, &p.waiter), ROUSE_OK, "line %d: a notification was stored", line);
    }
    cr_assert_eq(rouse_notify_wait(n, &p.waiter), ROUSE_PENDING, "line %d: none is stored now", line);
    cr_assert(rouse_notify_cancel(n, &p.waiter));
    if (stored) {
        rouse_notify_one(n);
    }
    cr_assert_eq(p.wakes, 0u);
}
#define expect_stored(n, stored) check_stored(__LINE__, n, stored)

static rouse_status script_wait_on(void *n, rouse_waiter *w, uint32_t one) {
    (void)one;
    return rouse_notify_wait((rouse_notify *)n, w);
}
/* R1,1 is notify_one, R3,0 is notify_n(3). */
static rouse_status script_notify(void *n, uint32_t k, uint32_t cap) {
    const size_t before = wake_log_length;
    if (cap == 1) {
        rouse_notify_one((rouse_notify *)n);
    } else {
        cr_assert_eq(rouse_notify_n((rouse_notify *)n, k), wake_log_length - before);
    }
    return ROUSE_OK;
}
static bool script_cancel_on(void *n, rouse_waiter *w) {
    return rouse_notify_cancel((rouse_notify *)n, w);
}
static uint32_t script_close_on(void *n) {
    return rouse_notify_close((rouse_notify *)n);
}
static uint32_t script_notify_all(void *n) {
    return rouse_notify_all((rouse_notify *)n);
}
static uint32_t script_waiters_on(const void *n) {
    return rouse_notify_waiter_count((const rouse_notify *)n);
}

/* Whether a notification is stored is seen by "W1!", and that none is by "W1?" and the cancel behind it. */
static void run(const char *script) {
    static const script_verbs verbs = {
        .wait = script_wait_on,
        .wake = script_notify,
        .cancel = script_cancel_on,
        .close = script_close_on,
        .wake_all = script_notify_all,
        .waiters = script_waiters_on,
    };
    rouse_notify n = ROUSE_NOTIFY_INIT;
    script_run(&verbs, &n, script);
    rouse_notify_destroy(&n);
}

Test(notify, zero_static_and_init_are_alike) {
    rouse_notify made;
    rouse_notify *const all[] = {&zeroed, &fixed, &made};
    rouse_notify_init(&made);
    for (int i = 0; i < 3; i++) {
        probe p;
        probe_init(&p, i);
        expect_stored(all[i], false);
        must_queue(all[i], &p);
        rouse_notify_one(all[i]);
        expect_wakes(i);
        cr_assert_eq(p.outcome, ROUSE_OK);
        rouse_notify_destroy(all[i]);
    }
}

Test(notify, one_is_remembered_and_not_two) {
    run("R1,1 R1,1 R1,1 R1,1 R1,1 W1! W1? C1!");
}

Test(notify, one_wakes_the_oldest_and_stores_nothing) {
    run("W1? W1? W1? R1,1>0 R1,1>1 R1,1>2 W1? C3!");
}

Test(notify, all_wakes_those_waiting_and_stores_nothing) {
    rouse_notify n = ROUSE_NOTIFY_INIT;
    probe p[40];
    probes_init(p, 40);
    cr_assert_eq(rouse_notify_all(&n), 0u);
    expect_stored(&n, false);
    for (int i = 0; i < 40; i++) {
        must_queue(&n, &p[i]);
    }
    cr_assert_eq(rouse_notify_all(&n), 40u);
    for (int i = 0; i < 40; i++) {
        cr_assert_eq(wake_log[i], i);
        cr_assert_eq(p[i].outcome, ROUSE_OK);
    }
    wake_log_length = 0;
    expect_stored(&n, false);
    rouse_notify_destroy(&n);
}

Test(notify, all_takes_nothing_stored) {
    run("R1,1 A0 W1! W1? C1!");
    run("A0 W1? W1? A2>01 W1? C2!");
}

static void wait_again(probe *p) {
    p->then = NULL;
    must_queue((rouse_notify *)p->arg, p);
}

/* Trap: notify_all that serves those who queue again from their wakes. */
Test(notify, all_wakes_no_one_who_waits_again_in_their_wake) {
    rouse_notify n = ROUSE_NOTIFY_INIT;
    probe p[3];
    probes_init(p, 3);
    for (int i = 0; i < 3; i++) {
        p[i].then = wait_again;
        p[i].arg = &n;
        must_queue(&n, &p[i]);
    }
    cr_assert_eq(rouse_notify_all(&n), 3u);
    expect_wakes(0, 1, 2);
    cr_assert_eq(rouse_notify_all(&n), 3u);
    expect_wakes(0, 1, 2);
    cr_assert_eq(rouse_notify_all(&n), 0u);
    rouse_notify_destroy(&n);
}

/* Trap: a wake spent on a cancelled waiter is lost. */
Test(notify, a_cancelled_waiter_takes_no_notification) {
    run("W1? W1? W1? C0! C1! R1,1>2 C2- R1,1 W1! W1? C4!");
}

/* ---- pass_on ----------------------------------------------------------------------------------------------------- */

Test(notify, pass_on_of_one_wakes_the_next_waiter) {
    rouse_notify n = ROUSE_NOTIFY_INIT;
    probe p[3];
    probes_init(p, 3);
    for (int i = 0; i < 3; i++) {
        must_queue(&n, &p[i]);
    }
    rouse_notify_one(&n);
    expect_wakes(0);
    rouse_notify_pass_on(&n, &p[0].waiter);
    expect_wakes(1);
    rouse_notify_pass_on(&n, &p[1].waiter);
    expect_wakes(2);
    expect_stored(&n, false);
    rouse_notify_destroy(&n);
}

Test(notify, pass_on_of_one_with_nobody_behind_is_stored) {
    rouse_notify n = ROUSE_NOTIFY_INIT;
    probe p;
    probe_init(&p, 1);
    must_queue(&n, &p);
    rouse_notify_one(&n);
    expect_wakes(1);
    rouse_notify_pass_on(&n, &p.waiter);
    expect_stored(&n, true);
    rouse_notify_destroy(&n);
}

Test(notify, pass_on_of_all_does_nothing) {
    rouse_notify n = ROUSE_NOTIFY_INIT;
    probe p[3];
    probes_init(p, 3);
    must_queue(&n, &p[0]);
    must_queue(&n, &p[1]);
    cr_assert_eq(rouse_notify_all(&n), 2u);
    expect_wakes(0, 1);
    must_queue(&n, &p[2]);
    rouse_notify_pass_on(&n, &p[0].waiter);
    rouse_notify_pass_on(&n, &p[1].waiter);
    expect_no_wakes();
    rouse_notify_one(&n);
    expect_wakes(2);
    expect_stored(&n, false);
    rouse_notify_destroy(&n);
}

/* Trap: one stage keeps a flag that another clears. The library notes how a waiter was woken again each
 * time. */
Test(notify, pass_on_goes_by_the_latest_wake) {
    rouse_notify n = ROUSE_NOTIFY_INIT;
    probe p;
    probe_init(&p, 1);
    for (int i = 0; i < 3; i++) {
        must_queue(&n, &p);
        cr_assert_eq(rouse_notify_all(&n), 1u);
        rouse_notify_pass_on(&n, &p.waiter);
        expect_stored(&n, false);
        must_queue(&n, &p);
        rouse_notify_one(&n);
        rouse_notify_pass_on(&n, &p.waiter);
        cr_assert_eq(rouse_notify_wait(&n, &p.waiter), ROUSE_OK, "what was passed on is stored");
    }
    rouse_notify_destroy(&n);
}

static void pass_on_in_wake(probe *p) {
    rouse_notify_pass_on((rouse_notify *)p->arg, &p->waiter);
}

Test(notify, pass_on_inside_the_wake) {
    rouse_notify n = ROUSE_NOTIFY_INIT;
    probe p[3];
    probes_init(p, 3);
    for (int i = 0; i < 3; i++) {
        p[i].then = pass_on_in_wake;
        p[i].arg = &n;
        must_queue(&n, &p[i]);
    }
    rouse_notify_one(&n);
    expect_wakes(0, 1, 2);
    expect_stored(&n, true);
    rouse_notify_destroy(&n);
}

/* ---- the rest ---------------------------------------------------------------------------------------------------------- */

Test(notify, reserve) {
    rouse_notify n = ROUSE_NOTIFY_INIT;
    probe p[100];
    probes_init(p, 100);
    cr_assert_eq(rouse_notify_reserve(&n, 100), ROUSE_OK);
    expect_stored(&n, false);
    for (int i = 0; i < 100; i++) {
        must_queue(&n, &p[i]);
    }
    cr_assert_eq(rouse_notify_all(&n), 100u);
    rouse_notify_destroy(&n);
}

static void destroy_notify(probe *p) {
    rouse_notify_destroy((rouse_notify *)p->arg);
    free(p->arg);
}

Test(notify, the_notified_may_destroy_it_in_its_wake) {
    for (int all = 0; all < 2; all++) {
        rouse_notify *const n = must_alloc(sizeof *n);
        probe p;
        rouse_notify_init(n);
        probe_init(&p, 1);
        p.then = destroy_notify;
        p.arg = n;
        must_queue(n, &p);
        if (all) {
            cr_assert_eq(rouse_notify_all(n), 1u);
        } else {
            rouse_notify_one(n);
        }
        expect_wakes(1);
    }
}

/* Two threads take turns; the plain counter is passed to and fro by notifications, which ThreadSanitizer checks. */
enum { TURNS = 2000 };
typedef struct table {
    rouse_notify turn[2];
    int count;
} table;

typedef struct player {
    table *table;
    int side;
} player;

static void wait_for_turn(rouse_notify *n, rouse_waiter *w) {
    const rouse_status status = rouse_notify_wait(n, w);
    if (status == ROUSE_PENDING) {
        while (rouse_waiter_status(w) == ROUSE_PENDING) {
            sched_yield();
        }
        cr_assert_eq(rouse_waiter_status(w), ROUSE_OK);
    } else {
        cr_assert_eq(status, ROUSE_OK);
    }
}

static void *play(void *arg) {
    const player *const me = (const player *)arg;
    rouse_waiter w;
    rouse_waiter_init(&w, NULL, NULL);
    for (int i = 0; i < TURNS; i++) {
        wait_for_turn(&me->table->turn[me->side], &w);
        cr_assert_eq(me->table->count++, 2 * i + me->side);
        rouse_notify_one(&me->table->turn[1 - me->side]);
    }
    return NULL;
}

SHARED_TEST(notify, two_threads_take_turns, .timeout = 120) {
    static table t;
    player players[2] = {{&t, 0}, {&t, 1}};
    pthread_t thread;
    rouse_notify_one(&t.turn[0]);
    cr_assert_eq(pthread_create(&thread, NULL, play, &players[1]), 0);
    (void)play(&players[0]);
    cr_assert_eq(pthread_join(thread, NULL), 0);
    cr_assert_eq(t.count, 2 * TURNS);
    expect_stored(&t.turn[0], true);
    expect_stored(&t.turn[1], false);
    rouse_notify_destroy(&t.turn[0]);
    rouse_notify_destroy(&t.turn[1]);
}

/* ---- notify_n, counts, close, conditions ------------------------------------------------------------------------------- */

Test(notify, n_wakes_the_oldest_and_stores_nothing) {
    run("R3,0 W1? C0!");
    run("R1,1 R4294967295,0 W1! W1? C1!");
    run("W1? W1? W1? W1? W1? R0,0 R2,0>01 C3! R7,0>24 W1? C5!");
    run("W1? R4294967295,0>0");
}

/* What notify_n woke is a notification like notify_one's: it can be passed on. */
Test(notify, pass_on_of_n_wakes_the_next_waiter) {
    rouse_notify n;
    probe p[3];
    rouse_notify_init(&n);
    probes_init(p, 3);
    for (int i = 0; i < 3; i++) {
        must_queue(&n, &p[i]);
    }
    cr_assert_eq(rouse_notify_n(&n, 2), 2u);
    rouse_notify_pass_on(&n, &p[1].waiter);
    expect_wakes(0, 1, 2);
    rouse_notify_destroy(&n);
}

Test(notify, n_wakes_no_one_who_waits_again_in_their_wake) {
    rouse_notify n;
    probe p[2];
    rouse_notify_init(&n);
    probes_init(p, 2);
    for (int i = 0; i < 2; i++) {
        p[i].then = wait_again;
        p[i].arg = &n;
        must_queue(&n, &p[i]);
    }
    cr_assert_eq(rouse_notify_n(&n, 10), 2u);
    expect_wakes(0, 1);
    cr_assert_eq(rouse_notify_waiter_count(&n), 2u);
    cr_assert_eq(rouse_notify_close(&n), 2u);
    rouse_notify_destroy(&n);
}

Test(notify, close_wakes_all_and_refuses_from_then_on) {
    rouse_notify n;
    probe p[3];
    rouse_notify_init(&n);
    probes_init(p, 3);
    must_queue(&n, &p[0]);
    must_queue(&n, &p[1]);
    cr_assert_not(rouse_notify_is_closed(&n));
    cr_assert_eq(rouse_notify_close(&n), 2u);
    cr_assert(rouse_notify_is_closed(&n));
    expect_wakes(0, 1);
    cr_assert_eq(p[0].outcome, ROUSE_CLOSED);
    cr_assert_eq(p[1].outcome, ROUSE_CLOSED);
    rouse_notify_pass_on(&n, &p[0].waiter); /* nothing to pass on */
    rouse_notify_one(&n);
    cr_assert_eq(rouse_notify_wait(&n, &p[2].waiter), ROUSE_CLOSED);
    cr_assert_eq(rouse_notify_close(&n), 0u);
    rouse_notify_destroy(&n);
}

static bool holds(void *arg) {
    return *(const bool *)arg;
}
static int looks;
static bool holds_at_the_second_look(void *arg) {
    (void)arg;
    return ++looks == 2;
}

Test(notify, wait_if_waits_only_while_the_condition_does_not_hold) {
    rouse_notify n;
    probe p;
    bool condition = true;
    rouse_notify_init(&n);
    probe_init(&p, 0);
    cr_assert_eq(rouse_notify_wait_if(&n, &p.waiter, holds, &condition), ROUSE_OK);
    condition = false;
    cr_assert_eq(rouse_notify_wait_if(&n, &p.waiter, holds, &condition), ROUSE_PENDING);
    rouse_notify_one(&n);
    expect_wakes(0);
    cr_assert_eq(rouse_notify_wait_if(&n, &p.waiter, holds_at_the_second_look, NULL), ROUSE_OK);
    cr_assert_eq(looks, 2);
    cr_assert_eq(rouse_notify_waiter_count(&n), 0u);
    rouse_notify_one(&n);
    cr_assert_eq(rouse_notify_wait_if(&n, &p.waiter, holds, &condition), ROUSE_OK, "a stored notification");
    cr_assert_eq(rouse_notify_close(&n), 0u);
    cr_assert_eq(rouse_notify_wait_if(&n, &p.waiter, holds, &condition), ROUSE_CLOSED);
    condition = true;
    cr_assert_eq(rouse_notify_wait_if(&n, &p.waiter, holds, &condition), ROUSE_OK, "closed or not");
    rouse_notify_destroy(&n);
}

/* An answer at once is passed on like a wake: a stored notification is handed on, a condition that held is
 * none. */
Test(notify, pass_on_of_an_answer_at_once) {
    rouse_notify n;
    probe p[2];
    bool condition = true;
    rouse_notify_init(&n);
    probes_init(p, 2);
    for (int queued_before = 0; queued_before < 2; queued_before++) {
        if (queued_before) { /* whatever its status says from before */
            must_queue(&n, &p[0]);
            cr_assert_eq(rouse_notify_all(&n), 1u);
            expect_wakes(0);
        }
        rouse_notify_one(&n);
        cr_assert_eq(rouse_notify_wait(&n, &p[0].waiter), ROUSE_OK);
        rouse_notify_pass_on(&n, &p[0].waiter);
        expect_stored(&n, true);
        cr_assert_eq(rouse_notify_wait(&n, &p[0].waiter), ROUSE_OK);
        must_queue(&n, &p[1]);
        rouse_notify_pass_on(&n, &p[0].waiter);
        expect_wakes(1);
        cr_assert_eq(rouse_notify_wait_if(&n, &p[0].waiter, holds, &condition), ROUSE_OK);
        rouse_notify_pass_on(&n, &p[0].waiter);
        looks = 0;
        cr_assert_eq(rouse_notify_wait_if(&n, &p[0].waiter, holds_at_the_second_look, NULL), ROUSE_OK);
        rouse_notify_pass_on(&n, &p[0].waiter);
        expect_stored(&n, false);
        rouse_notify_one(&n);
        condition = false;
        cr_assert_eq(rouse_notify_wait_if(&n, &p[0].waiter, holds, &condition), ROUSE_OK);
        rouse_notify_pass_on(&n, &p[0].waiter);
        expect_stored(&n, true);
        cr_assert_eq(rouse_notify_wait(&n, &p[0].waiter), ROUSE_OK);
        condition = true;
    }
    rouse_notify_destroy(&n);
}
