/* The contract of barrier.h: nobody continues before all have arrived, phase after phase. */
#include <rouse/barrier.h>
#include <rouse/mailbox.h>

#include "support.h"

#include <sched.h>
#include <string.h>

Test(barrier, the_last_to_arrive_lets_the_others_through_again_and_again) {
    rouse_barrier b;
    probe p[3];
    probes_init(p, 3);
    cr_assert_eq(rouse_barrier_init(&b, 3), ROUSE_OK);
    for (int phase = 0; phase < 5; phase++) {
        cr_assert_eq(rouse_barrier_arrive(&b, &p[0].waiter), ROUSE_PENDING);
        cr_assert_eq(rouse_barrier_arrive(&b, &p[1].waiter), ROUSE_PENDING);
        cr_assert_eq(rouse_barrier_waiter_count(&b), 2u);
        expect_no_wakes();
        cr_assert_eq(rouse_barrier_arrive(&b, &p[2].waiter), ROUSE_OK);
        expect_wakes(0, 1);
        cr_assert_eq(p[0].outcome, ROUSE_OK);
        cr_assert_eq(rouse_barrier_waiter_count(&b), 0u);
    }
    rouse_barrier_destroy(&b);
}

Test(barrier, parties_out_of_range_and_one_alone) {
    rouse_barrier b;
    probe p;
    probe_init(&p, 0);
    cr_assert_eq(rouse_barrier_init(&b, 0), ROUSE_INVALID);
    cr_assert_eq(rouse_barrier_init(&b, ROUSE_MAX_PERMITS + 1u), ROUSE_INVALID);
    cr_assert_eq(rouse_barrier_init(&b, 1), ROUSE_OK);
    for (int phase = 0; phase < 5; phase++) {
        cr_assert_eq(rouse_barrier_arrive(&b, &p.waiter), ROUSE_OK);
    }
    expect_no_wakes();
    rouse_barrier_destroy(&b);
}

/* Trap: one of two is interrupted after it has been counted, before it waits. The other continues to the next phase,
 * and must wait there: what is at the gate belongs to the slow one. */
Test(barrier, a_fast_party_does_not_take_the_place_of_a_slow_one) {
    rouse_barrier b;
    probe slow, fast;
    uint64_t count;
    probe_init(&slow, 1);
    probe_init(&fast, 2);
    cr_assert_eq(rouse_barrier_init(&b, 2), ROUSE_OK);
    for (int round = 0; round < 3; round++) {
        count = rouse_barrier_count_(&b);
        cr_assert_eq(rouse_barrier_arrive(&b, &fast.waiter), ROUSE_OK);
        cr_assert_eq(rouse_barrier_arrive(&b, &fast.waiter), ROUSE_PENDING);
        cr_assert_eq(rouse_barrier_pass_(&b, count, &slow.waiter), ROUSE_OK);
        expect_no_wakes();
        cr_assert_eq(rouse_barrier_arrive(&b, &slow.waiter), ROUSE_OK);
        expect_wakes(2);
    }
    rouse_barrier_destroy(&b);
}

static void arrive_again(probe *p) {
    if (p->wakes < 4) {
        const rouse_status status = rouse_barrier_arrive((rouse_barrier *)p->arg, &p->waiter);
        cr_assert(status == ROUSE_PENDING || status == ROUSE_OK);
        if (status == ROUSE_OK) {
            p->wakes++;
            arrive_again(p);
        }
    }
}

Test(barrier, arrives_again_in_its_wake) {
    rouse_barrier b;
    probe p[3];
    probes_init(p, 3);
    cr_assert_eq(rouse_barrier_init(&b, 3), ROUSE_OK);
    for (int i = 0; i < 2; i++) {
        p[i].then = arrive_again;
        p[i].arg = &b;
        cr_assert_eq(rouse_barrier_arrive(&b, &p[i].waiter), ROUSE_PENDING);
    }
    for (int phase = 0; phase < 4; phase++) {
        cr_assert_eq(rouse_barrier_arrive(&b, &p[2].waiter), ROUSE_OK);
        expect_wakes(0, 1);
    }
    cr_assert_eq(rouse_barrier_waiter_count(&b), 0u);
    rouse_barrier_destroy(&b);
}

static void count_kick(void *arg) {
    ++*(int *)arg;
}

Test(barrier, polled_and_on_a_mailbox) {
    rouse_barrier b;
    rouse_mailbox mb;
    rouse_waiter polled;
    probe p[2];
    int kicks = 0;
    probes_init(p, 2);
    rouse_mailbox_init(&mb, count_kick, &kicks);
    rouse_waiter_init_on(&p[0].waiter, &mb, probe_wake, &p[0]);
    rouse_waiter_init(&polled, NULL, NULL);
    cr_assert_eq(rouse_barrier_init(&b, 3), ROUSE_OK);
    cr_assert_eq(rouse_barrier_arrive(&b, &p[0].waiter), ROUSE_PENDING);
    cr_assert_eq(rouse_barrier_arrive(&b, &polled), ROUSE_PENDING);
    cr_assert_eq(rouse_barrier_arrive(&b, &p[1].waiter), ROUSE_OK);
    cr_assert_eq(rouse_waiter_status(&polled), ROUSE_OK);
    expect_no_wakes();
    cr_assert_eq(rouse_mailbox_drain(&mb), 1u);
    expect_wakes(0);
    rouse_mailbox_destroy(&mb);
    rouse_barrier_destroy(&b);
}

/* ---- many threads --------------------------------------------------------------------------------------------------- */

enum { PARTIES = 6, PHASES = 1000 };

static rouse_barrier meeting;
static int phase_of[PARTIES]; /* plain: ThreadSanitizer looks for the edges */

static void *party(void *arg) {
    const int me = (int)(intptr_t)arg;
    rouse_waiter w;
    rouse_waiter_init(&w, NULL, NULL);
    for (int phase = 1; phase <= 2 * PHASES; phase++) {
        rouse_status status;
        if (phase % 2 != 0) {
            phase_of[me] = phase;
        }
        status = rouse_barrier_arrive(&meeting, &w);
        while (status == ROUSE_PENDING) {
            sched_yield();
            status = rouse_waiter_status(&w);
        }
        cr_assert_eq(status, ROUSE_OK);
        for (int i = 0; i < PARTIES && phase % 2 != 0; i++) {
            cr_assert_eq(phase_of[i], phase);
        }
    }
    return NULL;
}

SHARED_TEST(barrier, threads_see_what_every_party_did_before, .timeout = 120) {
    pthread_t threads[PARTIES];
    cr_assert_eq(rouse_barrier_init(&meeting, PARTIES), ROUSE_OK);
    for (int i = 0; i < PARTIES; i++) {
        cr_assert_eq(pthread_create(&threads[i], NULL, party, (void *)(intptr_t)i), 0);
    }
    for (int i = 0; i < PARTIES; i++) {
        cr_assert_eq(pthread_join(threads[i], NULL), 0);
    }
    rouse_barrier_destroy(&meeting);
}

Test(barrier, init_leaves_nothing_as_it_was) {
    rouse_barrier b;
    probe p[2];
    probes_init(p, 2);
    memset(&b, 0xff, sizeof b);
    cr_assert_eq(rouse_barrier_init(&b, 2), ROUSE_OK);
    for (int phase = 0; phase < 2; phase++) {
        cr_assert_eq(rouse_barrier_arrive(&b, &p[0].waiter), ROUSE_PENDING);
        cr_assert_eq(rouse_barrier_arrive(&b, &p[1].waiter), ROUSE_OK);
    }
    cr_assert_eq(p[0].wakes, 2);
    rouse_barrier_destroy(&b);
}
