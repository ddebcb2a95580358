/* The contract of limit.h: at most N at a time, resizable, bounded, double release told. */
#include <rouse/limit.h>

#include "script.h"

#include <string.h>

static void must_queue(rouse_limit *l, probe *p, uint32_t n) {
    cr_assert_eq(rouse_limit_acquire(l, &p->waiter, n), ROUSE_PENDING);
    cr_assert_eq(rouse_waiter_status(&p->waiter), ROUSE_PENDING);
}

static void check_limit(int line, const rouse_limit *l, uint32_t permits, uint32_t in_use, uint32_t waiters) {
    cr_assert_eq(rouse_limit_permits(l), permits, "line %d: the limit is %u", line, rouse_limit_permits(l));
    cr_assert_eq(rouse_limit_in_use(l), in_use, "line %d: %u are in use", line, rouse_limit_in_use(l));
    cr_assert_eq(rouse_limit_waiter_count(l), waiters, "line %d: %u wait", line, rouse_limit_waiter_count(l));
}
#define expect_limit(l, permits, in_use, waiters) check_limit(__LINE__, l, permits, in_use, waiters)

/* ---- scripts (script.h): = tells how many are in use ---------------------------------------------------------------- */

static rouse_status script_acquire(void *l, rouse_waiter *w, uint32_t n) {
    return rouse_limit_acquire((rouse_limit *)l, w, n);
}
static bool script_try_acquire(void *l, uint32_t n) {
    return rouse_limit_try_acquire((rouse_limit *)l, n);
}
static rouse_status script_give_back(void *l, uint32_t n, uint32_t cap) {
    (void)cap;
    return rouse_limit_give_back((rouse_limit *)l, n);
}
static bool script_cancel_on(void *l, rouse_waiter *w) {
    return rouse_limit_cancel((rouse_limit *)l, w);
}
static uint32_t script_close_on(void *l) {
    const uint32_t told = rouse_limit_close((rouse_limit *)l);
    cr_assert(rouse_limit_is_closed((rouse_limit *)l));
    return told;
}
static rouse_status script_set(void *l, uint32_t permits) {
    const rouse_status status = rouse_limit_set((rouse_limit *)l, permits);
    cr_assert_eq(rouse_limit_permits((rouse_limit *)l), permits);
    return status;
}
static int64_t script_in_use(const void *l) {
    return rouse_limit_in_use((const rouse_limit *)l);
}
static uint32_t script_waiters_on(const void *l) {
    return rouse_limit_waiter_count((const rouse_limit *)l);
}

static void run(uint32_t permits, uint32_t most_waiting, const char *script) {
    static const script_verbs verbs = {
        .wait = script_acquire,
        .try = script_try_acquire,
        .wake = script_give_back,
        .cancel = script_cancel_on,
        .close = script_close_on,
        .set = script_set,
        .balance = script_in_use,
        .waiters = script_waiters_on,
    };
    rouse_limit l;
    cr_assert_eq(rouse_limit_init(&l, permits, most_waiting), ROUSE_OK);
    cr_assert_not(rouse_limit_is_closed(&l));
    script_run(&verbs, &l, script);
    rouse_limit_destroy(&l);
}

Test(limit, static_and_init_are_alike) {
    static rouse_limit fixed = ROUSE_LIMIT_INIT(3, 1);
    static rouse_limit cut = ROUSE_LIMIT_INIT(UINT32_MAX, UINT32_MAX);
    rouse_limit made;
    rouse_limit *const all[] = {&fixed, &made};
    expect_limit(&cut, ROUSE_MAX_PERMITS, 0, 0);
    cr_assert_eq(rouse_limit_init(&made, ROUSE_MAX_PERMITS + 1u, 1), ROUSE_INVALID);
    expect_limit(&made, ROUSE_MAX_PERMITS, 0, 0);
    cr_assert_eq(rouse_limit_init(&made, 3, 1), ROUSE_OK);
    for (int i = 0; i < 2; i++) {
        probe p[2];
        probes_init(p, 2);
        cr_assert_eq(rouse_limit_reserve(all[i], 1000), ROUSE_OK);
        cr_assert_eq(rouse_limit_acquire(all[i], &p[0].waiter, 2), ROUSE_OK);
        expect_limit(all[i], 3, 2, 0);
        must_queue(all[i], &p[0], 2);
        cr_assert_eq(rouse_limit_acquire(all[i], &p[1].waiter, 1), ROUSE_FULL);
        expect_limit(all[i], 3, 2, 1);
        cr_assert_eq(rouse_limit_give_back(all[i], 2), ROUSE_OK);
        expect_wakes(0);
        cr_assert_eq(p[0].outcome, ROUSE_OK);
        expect_limit(all[i], 3, 2, 0);
        cr_assert_eq(rouse_limit_give_back(all[i], 2), ROUSE_OK);
        rouse_limit_destroy(all[i]);
    }
}

Test(limit, bad_numbers_are_told_and_change_nothing) {
    rouse_limit l = ROUSE_LIMIT_INIT(2, 8);
    probe p;
    probe_init(&p, 0);
    for (int closed = 0; closed < 2; closed++) {
        cr_assert_eq(rouse_limit_acquire(&l, &p.waiter, ROUSE_MAX_PERMITS + 1u), ROUSE_INVALID);
        cr_assert_eq(rouse_limit_acquire(&l, &p.waiter, 0), ROUSE_OK);
        cr_assert(rouse_limit_try_acquire(&l, 0));
        cr_assert_not(rouse_limit_try_acquire(&l, ROUSE_MAX_PERMITS + 1u));
        cr_assert_eq(rouse_limit_set(&l, ROUSE_MAX_PERMITS + 1u), ROUSE_INVALID);
        cr_assert_eq(rouse_limit_give_back(&l, 1), ROUSE_OVERFLOW);
        cr_assert_eq(rouse_limit_give_back(&l, UINT32_MAX), ROUSE_OVERFLOW);
        cr_assert_eq(rouse_limit_give_back(&l, 0), ROUSE_OK);
        expect_limit(&l, 2, 0, 0);
        cr_assert_eq(rouse_limit_close(&l), 0u);
    }
    cr_assert_eq(rouse_limit_acquire(&l, &p.waiter, 1), ROUSE_CLOSED);
    cr_assert_not(rouse_limit_try_acquire(&l, 1));
    rouse_limit_destroy(&l);
}

Test(limit, the_largest_numbers) {
    rouse_limit l = ROUSE_LIMIT_INIT(ROUSE_MAX_PERMITS, UINT32_MAX);
    probe p;
    probe_init(&p, 0);
    cr_assert(rouse_limit_try_acquire(&l, ROUSE_MAX_PERMITS));
    must_queue(&l, &p, ROUSE_MAX_PERMITS);
    cr_assert_eq(rouse_limit_set(&l, 0), ROUSE_OK);
    expect_limit(&l, 0, ROUSE_MAX_PERMITS, 1);
    cr_assert_eq(rouse_limit_give_back(&l, ROUSE_MAX_PERMITS), ROUSE_OK);
    expect_no_wakes();
    cr_assert_eq(rouse_limit_set(&l, ROUSE_MAX_PERMITS), ROUSE_OK);
    expect_wakes(0);
    expect_limit(&l, ROUSE_MAX_PERMITS, ROUSE_MAX_PERMITS, 0);
    rouse_limit_destroy(&l);
}

Test(limit, first_in_first_out_and_no_overtaking) {
    /* One is free for the first that waits: that is not in use, and nobody overtakes it. */
    run(3, 8, "T2! W3? W1? T1- W1? W1? R1 =1/4 R2o R1 >0 =3/3 R2 >12 R1 >3 =3/0");
}

Test(limit, cancel_of_the_head_serves_those_behind_it) {
    run(3, 8, "T1! W3? W1? W2? W1? C2! C0! >13 C0- C1- =3/0");
}

/* ---- set ------------------------------------------------------------------------------------------------------------ */

Test(limit, set_larger_serves_waiters_and_a_request_for_more_than_the_limit_waits_for_it) {
    run(1, 8, "W4? W1? W2? S3 S6 >01 =5/1 S7 >2");
}

/* With 1000 queued, going from 8 to 4 takes effect with the next four that are given back. */
Test(limit, from_8_to_4_with_1000_queued_takes_effect_with_the_next_four_given_back) {
    enum { QUEUED = 1000 };
    rouse_limit l = ROUSE_LIMIT_INIT(8, UINT32_MAX);
    probe *const p = must_alloc(QUEUED * sizeof *p);
    probes_init(p, QUEUED);
    cr_assert(rouse_limit_try_acquire(&l, 8));
    for (int i = 0; i < QUEUED; i++) {
        must_queue(&l, &p[i], 1);
    }
    cr_assert_eq(rouse_limit_set(&l, 4), ROUSE_OK);
    for (uint32_t i = 1; i <= 4; i++) {
        cr_assert_eq(rouse_limit_give_back(&l, 1), ROUSE_OK);
        expect_no_wakes();
        expect_limit(&l, 4, 8 - i, QUEUED);
    }
    for (int i = 0; i < QUEUED; i++) {
        cr_assert_eq(rouse_limit_give_back(&l, 1), ROUSE_OK);
        expect_wakes(i);
        cr_assert_leq(rouse_limit_in_use(&l), 4u);
    }
    expect_limit(&l, 4, 4, 0);
    rouse_limit_destroy(&l);
    free(p);
}

/* Trap: reduce finds 0, others give back 4, then the debt is raised by 3 (limit 1, 4 in use). */
Test(limit, set_from_4_to_1_with_4_in_use_that_are_given_back_leaves_a_limit_of_1) {
    run(4, 8, "T4! S1 =4/0 R4 =0/0 T1! T1-");
    run(4, 8, "T4! R1 S1 =3/0 R3 =0/0 T1! T1-");
    run(4, 8, "T4! R2 S1 =2/0 R2 =0/0 T1! T1-");
    run(4, 8, "T4! R3 S1 =1/0 R1 =0/0 T1! T1-");
    run(4, 8, "T4! R4 S1 =0/0 T1! T1-");
}

Test(limit, a_debt_is_forgiven_by_a_larger_limit) {
    run(5, 8, "T5! W1? S0 R1 S4 S5 >0 =5/0");
}

/* Trap: the same permit given back twice. */
Test(limit, the_same_permit_given_back_twice_is_told) {
    run(2, 8, "T1! R1 R1o W3? R1o =0/1 C0!");
}

/* Trap: close with debt. */
Test(limit, close_with_debt) {
    run(4, 8, "T4! W1? W2? S1 X2 >01x C0- =4/0 R4 R1o S2 =0/0 W1x X0");
}

static void shrink_then_grow(probe *p) {
    rouse_limit *const l = p->arg;
    cr_assert_eq(rouse_limit_set(l, 1), ROUSE_OK);
    cr_assert_eq(rouse_limit_give_back(l, 1), ROUSE_OK); /* mine: pays */
    cr_assert_eq(rouse_limit_set(l, 3), ROUSE_OK);
}
/* Trap: resize from inside a wake. */
Test(limit, resize_from_inside_a_wake) {
    rouse_limit l = ROUSE_LIMIT_INIT(2, 8);
    probe p[4];
    probes_init(p, 4);
    cr_assert(rouse_limit_try_acquire(&l, 2));
    p[0].then = shrink_then_grow;
    p[0].arg = &l;
    for (int i = 0; i < 4; i++) {
        must_queue(&l, &p[i], 1);
    }
    cr_assert_eq(rouse_limit_give_back(&l, 1), ROUSE_OK);
    expect_wakes(0, 1, 2);
    expect_limit(&l, 3, 3, 1);
    cr_assert_eq(rouse_limit_give_back(&l, 1), ROUSE_OK);
    expect_wakes(3);
    rouse_limit_destroy(&l);
}

/* ---- how many wait -------------------------------------------------------------------------------------------------- */

static void queue_again(probe *p) {
    p->then = NULL;
    must_queue(p->arg, p, 1);
}
Test(limit, most_waiting_is_met_exactly) {
    rouse_limit l = ROUSE_LIMIT_INIT(1, 2);
    probe p[4];
    probes_init(p, 4);
    cr_assert(rouse_limit_try_acquire(&l, 1));
    must_queue(&l, &p[0], 1);
    must_queue(&l, &p[1], 1);
    cr_assert_eq(rouse_limit_acquire(&l, &p[2].waiter, 1), ROUSE_FULL);
    cr_assert(rouse_limit_cancel(&l, &p[0].waiter));
    must_queue(&l, &p[2], 1);
    cr_assert_eq(rouse_limit_acquire(&l, &p[3].waiter, 1), ROUSE_FULL);
    /* A waiter that has been granted does not count in its own wake. */
    p[1].then = queue_again;
    p[1].arg = &l;
    cr_assert_eq(rouse_limit_give_back(&l, 1), ROUSE_OK);
    expect_wakes(1);
    expect_limit(&l, 1, 1, 2);
    cr_assert_eq(rouse_limit_close(&l), 2u);
    expect_wakes(2, 1);
    rouse_limit_destroy(&l);
}
Test(limit, nobody_may_wait) {
    run(1, 0, "W1! W1f R1 W2f W1!");
}

static void destroy_limit(probe *p) {
    rouse_limit_destroy(p->arg);
    free(p->arg);
}
Test(limit, destroyed_by_the_one_it_woke) {
    for (int how = 0; how < 3; how++) {
        rouse_limit *const l = must_alloc(sizeof *l);
        probe p;
        (void)rouse_limit_init(l, 1, 8);
        probe_init(&p, 0);
        p.then = destroy_limit;
        p.arg = l;
        cr_assert(rouse_limit_try_acquire(l, 1));
        must_queue(l, &p, 1);
        if (how == 0) {
            (void)rouse_limit_give_back(l, 1);
        } else if (how == 1) {
            (void)rouse_limit_set(l, 2);
        } else {
            (void)rouse_limit_close(l);
        }
        expect_wakes(0);
    }
}

Test(limit, a_polled_waiter) {
    rouse_limit l = ROUSE_LIMIT_INIT(1, 8);
    rouse_waiter w;
    rouse_waiter_init(&w, NULL, NULL);
    cr_assert(rouse_limit_try_acquire(&l, 1));
    cr_assert_eq(rouse_limit_acquire(&l, &w, 1), ROUSE_PENDING);
    cr_assert_eq(rouse_waiter_status(&w), ROUSE_PENDING);
    cr_assert_eq(rouse_limit_give_back(&l, 1), ROUSE_OK);
    cr_assert_eq(rouse_waiter_status(&w), ROUSE_OK);
    cr_assert_not(rouse_limit_cancel(&l, &w));
    rouse_limit_destroy(&l);
}

/* ---- against a model: every sequence of six calls on three waiters --------------------------------------------------- */

enum { DEPTH = 6 - SHORTER_SEQUENCES, GUESTS = 3, MOST_WAITING = 2 };

typedef struct plain_limit {
    uint32_t permits;
    uint32_t in_use;
    bool closed;
    int queued;
    int queue[GUESTS];
} plain_limit;

/* The limit and its waiters stay where they are, so that a copy of their memory can be put back. */
static struct {
    rouse_limit limit;
    rouse_waiter waiter[GUESTS];
    plain_limit model;
    int woken[GUESTS]; /* in this call, in order; what with */
    rouse_status with[GUESTS];
    int wakes;
} world;

static const uint32_t asks[GUESTS] = {1, 2, 1};

static void note_wake(rouse_waiter *w, rouse_status status) {
    world.woken[world.wakes] = (int)(w - world.waiter);
    world.with[world.wakes++] = status;
}

static int model_find(int guest) {
    for (int i = 0; i < world.model.queued; i++) {
        if (world.model.queue[i] == guest) {
            return i;
        }
    }
    return -1;
}
static void model_take_out(int place) {
    world.model.queued--;
    for (int i = place; i < world.model.queued; i++) {
        world.model.queue[i] = world.model.queue[i + 1];
    }
}

#define AGREE(condition) cr_assert(condition, "depth %d, call %d: %s", depth, call, #condition)

static void one_call(int depth, int call) {
    plain_limit *const m = &world.model;
    const int guest = call % GUESTS;
    const int place = model_find(guest);
    int due[GUESTS];
    int due_count = 0;
    rouse_status with = ROUSE_OK;
    world.wakes = 0;
    if (call < 3) {
        const uint32_t n = asks[guest];
        if (place < 0) {
            const rouse_status status = rouse_limit_acquire(&world.limit, &world.waiter[guest], n);
            if (m->closed) {
                AGREE(status == ROUSE_CLOSED);
            } else if (m->queued == 0 && m->in_use + n <= m->permits) {
                AGREE(status == ROUSE_OK);
                m->in_use += n;
            } else if (m->queued == MOST_WAITING) {
                AGREE(status == ROUSE_FULL);
            } else {
                AGREE(status == ROUSE_PENDING);
                m->queue[m->queued++] = guest;
            }
        }
    } else if (call < 6) {
        AGREE(rouse_limit_cancel(&world.limit, &world.waiter[guest]) == (place >= 0));
        if (place >= 0) {
            model_take_out(place);
        }
    } else if (call < 8) {
        const uint32_t n = (uint32_t)call - 5;
        AGREE(rouse_limit_give_back(&world.limit, n) == (n <= m->in_use ? ROUSE_OK : ROUSE_OVERFLOW));
        m->in_use -= n <= m->in_use ? n : 0;
    } else if (call < 12) {
        m->permits = (uint32_t)call - 8;
        AGREE(rouse_limit_set(&world.limit, m->permits) == ROUSE_OK);
    } else if (call == 12) {
        const bool can = !m->closed && m->queued == 0 && m->in_use < m->permits;
        AGREE(rouse_limit_try_acquire(&world.limit, 1) == can);
        m->in_use += can ? 1 : 0;
    } else {
        AGREE(rouse_limit_close(&world.limit) == (uint32_t)m->queued);
        with = ROUSE_CLOSED;
        m->closed = true;
        while (m->queued != 0) {
            due[due_count++] = m->queue[0];
            model_take_out(0);
        }
    }
    while (m->queued != 0 && m->in_use + asks[m->queue[0]] <= m->permits) {
        m->in_use += asks[m->queue[0]];
        due[due_count++] = m->queue[0];
        model_take_out(0);
    }
    AGREE(world.wakes == due_count);
    for (int i = 0; i < due_count; i++) {
        AGREE(world.woken[i] == due[i] && world.with[i] == with);
        AGREE(rouse_waiter_status(&world.waiter[due[i]]) == with);
    }
    AGREE(rouse_limit_permits(&world.limit) == m->permits && rouse_limit_in_use(&world.limit) == m->in_use);
    AGREE(rouse_limit_waiter_count(&world.limit) == (uint32_t)m->queued);
    AGREE(rouse_limit_is_closed(&world.limit) == m->closed);
}

static unsigned long long sequences;

static void every_call(int depth) {
    unsigned char before[sizeof world];
    if (depth == DEPTH) {
        sequences++;
        return;
    }
    memcpy(before, &world, sizeof world);
    for (int call = 0; call < 14; call++) {
        one_call(depth, call);
        every_call(depth + 1);
        memcpy(&world, before, sizeof world);
    }
}

Test(limit, every_sequence_of_six_calls_agrees_with_a_plain_model) {
    unsigned long long expected = 1;
    memset(&world, 0, sizeof world);
    world.model.permits = 2;
    (void)rouse_limit_init(&world.limit, 2, MOST_WAITING);
    for (int i = 0; i < GUESTS; i++) {
        rouse_waiter_init(&world.waiter[i], note_wake, NULL);
    }
    every_call(0);
    for (int i = 0; i < DEPTH; i++) {
        expected *= 14;
    }
    cr_assert_eq(sequences, expected);
}
