/* The contract of event.h: everybody through while it is set; set and wake in one step. */
#include <rouse/event.h>

#include "support.h"

#include <stdatomic.h>

static rouse_event zeroed;
static rouse_event fixed = ROUSE_EVENT_INIT;

static void must_queue(rouse_event *e, probe *p) {
    cr_assert_eq(rouse_event_wait(e, &p->waiter), ROUSE_PENDING);
    cr_assert_eq(rouse_waiter_status(&p->waiter), ROUSE_PENDING);
}

Test(event, zero_static_and_init_are_alike_and_not_set) {
    rouse_event made;
    rouse_event *const all[] = {&zeroed, &fixed, &made};
    rouse_event_init(&made);
    for (int i = 0; i < 3; i++) {
        probe p;
        probe_init(&p, i);
        cr_assert_not(rouse_event_is_set(all[i]));
        cr_assert_eq(rouse_event_reserve(all[i], 1), ROUSE_OK);
        must_queue(all[i], &p);
        cr_assert_eq(rouse_event_waiter_count(all[i]), 1u);
        cr_assert_eq(rouse_event_set(all[i]), 1u);
        expect_wakes(i);
        cr_assert_eq(p.outcome, ROUSE_OK);
        cr_assert(rouse_event_is_set(all[i]));
        rouse_event_destroy(all[i]);
    }
}

Test(event, set_wakes_all_in_order_and_lets_later_ones_through) {
    rouse_event e = ROUSE_EVENT_INIT;
    probe p[40];
    probes_init(p, 40);
    for (int i = 0; i < 39; i++) {
        must_queue(&e, &p[i]);
    }
    cr_assert_eq(rouse_event_waiter_count(&e), 39u);
    cr_assert_eq(rouse_event_set(&e), 39u);
    for (int i = 0; i < 39; i++) {
        cr_assert_eq(wake_log[i], i);
        cr_assert_eq(p[i].outcome, ROUSE_OK);
    }
    cr_assert_eq(rouse_event_set(&e), 0u, "it is set already");
    cr_assert_eq(rouse_event_wait(&e, &p[39].waiter), ROUSE_OK);
    cr_assert_eq(rouse_event_wait(&e, &p[39].waiter), ROUSE_OK);
    cr_assert_eq(rouse_event_waiter_count(&e), 0u);
    rouse_event_destroy(&e);
}

/* Trap: a flag next to the queue wakes a waiter that came after reset. */
Test(event, set_then_reset_lets_through_who_waited_and_nobody_who_came_after_reset) {
    rouse_event e = ROUSE_EVENT_INIT;
    probe p[4];
    probes_init(p, 4);
    must_queue(&e, &p[0]);
    must_queue(&e, &p[1]);
    cr_assert_eq(rouse_event_set(&e), 2u);
    cr_assert(rouse_event_reset(&e));
    cr_assert_not(rouse_event_is_set(&e));
    must_queue(&e, &p[2]);
    expect_wakes(0, 1);
    cr_assert_not(rouse_event_reset(&e));
    cr_assert_eq(rouse_event_set(&e), 1u);
    expect_wakes(2);
    cr_assert(rouse_event_reset(&e));
    must_queue(&e, &p[3]);
    cr_assert(rouse_event_cancel(&e, &p[3].waiter));
    expect_no_wakes();
    rouse_event_destroy(&e);
}

static void wait_again(probe *p) {
    rouse_event *const e = p->arg;
    p->then = NULL;
    cr_assert(rouse_event_reset(e));
    must_queue(e, p);
}

/* Reset and wait in a wake of set: the others that set let through are let through all the same. */
Test(event, reset_and_wait_inside_a_wake_of_set) {
    rouse_event e = ROUSE_EVENT_INIT;
    probe p[3];
    probes_init(p, 3);
    p[0].then = wait_again;
    p[0].arg = &e;
    for (int i = 0; i < 3; i++) {
        must_queue(&e, &p[i]);
    }
    cr_assert_eq(rouse_event_set(&e), 3u);
    expect_wakes(0, 1, 2);
    cr_assert_not(rouse_event_is_set(&e));
    cr_assert_eq(rouse_event_waiter_count(&e), 1u);
    cr_assert_eq(rouse_event_set(&e), 1u);
    expect_wakes(0);
    rouse_event_destroy(&e);
}

/* Trap: waiters dropped at reset. */
Test(event, reset_drops_no_waiters) {
    rouse_event e = ROUSE_EVENT_INIT;
    probe p[3];
    probes_init(p, 3);
    for (int i = 0; i < 3; i++) {
        must_queue(&e, &p[i]);
        cr_assert_not(rouse_event_reset(&e));
    }
    cr_assert_eq(rouse_event_waiter_count(&e), 3u);
    expect_no_wakes();
    cr_assert_eq(rouse_event_set(&e), 3u);
    expect_wakes(0, 1, 2);
    rouse_event_destroy(&e);
}

/* Trap: a latched event in a loop spins. It is latched: only reset ends that. */
Test(event, a_latched_event_in_a_loop_spins_until_it_is_reset) {
    rouse_event e = ROUSE_EVENT_INIT;
    probe p;
    probe_init(&p, 0);
    (void)rouse_event_set(&e);
    for (int turn = 0; turn < 100; turn++) {
        cr_assert_eq(rouse_event_wait(&e, &p.waiter), ROUSE_OK);
    }
    cr_assert(rouse_event_reset(&e));
    must_queue(&e, &p);
    cr_assert(rouse_event_cancel(&e, &p.waiter));
    rouse_event_destroy(&e);
}

Test(event, cancel_from_the_middle_and_after_set) {
    rouse_event e = ROUSE_EVENT_INIT;
    probe p[3];
    probes_init(p, 3);
    for (int i = 0; i < 3; i++) {
        must_queue(&e, &p[i]);
    }
    cr_assert(rouse_event_cancel(&e, &p[1].waiter));
    cr_assert_not(rouse_event_cancel(&e, &p[1].waiter));
    cr_assert_eq(rouse_event_waiter_count(&e), 2u);
    cr_assert_eq(rouse_event_set(&e), 2u);
    expect_wakes(0, 2);
    cr_assert_not(rouse_event_cancel(&e, &p[0].waiter));
    rouse_event_destroy(&e);
}

Test(event, a_polled_waiter) {
    rouse_event e = ROUSE_EVENT_INIT;
    rouse_waiter w;
    rouse_waiter_init(&w, NULL, NULL);
    cr_assert_eq(rouse_event_wait(&e, &w), ROUSE_PENDING);
    cr_assert_eq(rouse_waiter_status(&w), ROUSE_PENDING);
    cr_assert_eq(rouse_event_set(&e), 1u);
    cr_assert_eq(rouse_waiter_status(&w), ROUSE_OK);
    cr_assert_not(rouse_event_cancel(&e, &w));
    rouse_event_destroy(&e);
}

static void destroy_event(probe *p) {
    rouse_event_destroy(p->arg);
    free(p->arg);
}
Test(event, destroyed_by_the_one_it_woke) {
    rouse_event *const e = must_alloc(sizeof *e);
    probe p;
    rouse_event_init(e);
    probe_init(&p, 0);
    p.then = destroy_event;
    p.arg = e;
    must_queue(e, &p);
    cr_assert_eq(rouse_event_set(e), 1u);
    expect_wakes(0);
}

#if ROUSE_BACKEND != ROUSE_BACKEND_LOCAL
/* ---- plain threads ----------------------------------------------------------------------------------------------- */

static rouse_event started = ROUSE_EVENT_INIT;
static int written;

static void *wait_started(void *unused) {
    cr_assert_eq(rouse_event_wait_blocking(&started), ROUSE_OK);
    cr_assert_eq(written, 1);
    return unused;
}
Test(event, blocking_and_timed) {
    rouse_event e = ROUSE_EVENT_INIT;
    pthread_t thread[3];
    cr_assert_eq(rouse_event_wait_timed(&e, 0), ROUSE_TIMEDOUT);
    cr_assert_eq(rouse_event_wait_timed(&e, 1000), ROUSE_TIMEDOUT);
    cr_assert_eq(rouse_event_waiter_count(&e), 0u);
    (void)rouse_event_set(&e);
    cr_assert_eq(rouse_event_wait_timed(&e, 0), ROUSE_OK);
    cr_assert_eq(rouse_event_wait_blocking(&e), ROUSE_OK);
    rouse_event_destroy(&e);
    for (int i = 0; i < 3; i++) {
        cr_assert_eq(pthread_create(&thread[i], NULL, wait_started, NULL), 0);
    }
    written = 1;
    (void)rouse_event_set(&started);
    for (int i = 0; i < 3; i++) {
        cr_assert_eq(pthread_join(thread[i], NULL), 0);
    }
    cr_assert_eq(rouse_event_wait_timed(&started, UINT64_MAX), ROUSE_OK);
    rouse_event_destroy(&started);
}
#endif

/* ---- against a model: every sequence of six calls on three waiters ------------------------------------------------- */

enum { DEPTH = 6 - SHORTER_SEQUENCES, CALLS = 1 << 3, GUESTS = 3 };

typedef struct plain_event {
    bool set;
    int queued;
    int queue[GUESTS];
} plain_event;

static int plain_find(const plain_event *m, int guest) {
    for (int i = 0; i < m->queued; i++) {
        if (m->queue[i] == guest) {
            return i;
        }
    }
    return -1;
}

/* Runs one sequence, whose digits in base CALLS are its calls. */
static void one_sequence(unsigned sequence) {
    rouse_event e = ROUSE_EVENT_INIT;
    plain_event m = {false, 0, {0}};
    probe p[GUESTS];
    probes_init(p, GUESTS);
    wake_log_length = 0;
    for (int step = 0; step < DEPTH; step++, sequence /= CALLS) {
        const unsigned call = sequence % CALLS;
        const int guest = (int)(call % GUESTS);
        const int place = plain_find(&m, guest);
        if (call < GUESTS) {
            if (place < 0) {
                cr_assert_eq(rouse_event_wait(&e, &p[guest].waiter), m.set ? ROUSE_OK : ROUSE_PENDING);
                if (!m.set) {
                    m.queue[m.queued++] = guest;
                }
            }
        } else if (call < 2 * GUESTS) {
            cr_assert_eq(rouse_event_cancel(&e, &p[guest].waiter), place >= 0);
            for (int i = place; place >= 0 && i < m.queued - 1; i++) {
                m.queue[i] = m.queue[i + 1];
            }
            m.queued -= place >= 0 ? 1 : 0;
        } else if (call == 2 * GUESTS) {
            cr_assert_eq(rouse_event_set(&e), (uint32_t)m.queued);
            cr_assert_eq(wake_log_length, (size_t)m.queued);
            for (int i = 0; i < m.queued; i++) {
                cr_assert_eq(wake_log[i], m.queue[i]);
                cr_assert_eq(p[m.queue[i]].outcome, ROUSE_OK);
            }
            wake_log_length = 0;
            m.set = true;
            m.queued = 0;
        } else {
            cr_assert_eq(rouse_event_reset(&e), m.set);
            m.set = false;
        }
        cr_assert_eq(wake_log_length, 0u);
        cr_assert_eq(rouse_event_is_set(&e), m.set);
        cr_assert_eq(rouse_event_waiter_count(&e), (uint32_t)m.queued);
    }
    (void)rouse_event_set(&e);
    rouse_event_destroy(&e);
}

Test(event, every_sequence_of_six_calls_agrees_with_a_plain_model) {
    for (unsigned sequence = 0; sequence < 1u << 3 * DEPTH; sequence++) {
        one_sequence(sequence);
    }
}
