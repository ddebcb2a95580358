/* The contract of gate.h: entering, closing, and the last one out. */
#include <rouse/gate.h>

#include <rouse/semaphore.h>

#include "script.h"

#include <stdatomic.h>

static rouse_gate zeroed;
static rouse_gate fixed = ROUSE_GATE_INIT(2);

static void must_queue(rouse_gate *g, probe *p) {
    cr_assert_eq(rouse_gate_wait(g, &p->waiter), ROUSE_PENDING);
}

/* ---- scripts (script.h): T1 enters, R1 leaves, W1 waits until all have left, = tells how many are inside ------------------ */

static rouse_status script_wait_on(void *g, rouse_waiter *w, uint32_t one) {
    (void)one;
    return rouse_gate_wait((rouse_gate *)g, w);
}
static bool script_enter(void *g, uint32_t one) {
    (void)one;
    return rouse_gate_enter((rouse_gate *)g);
}
static rouse_status script_leave(void *g, uint32_t n, uint32_t cap) {
    (void)cap;
    return rouse_gate_leave((rouse_gate *)g, n);
}
static uint32_t script_close_on(void *g) {
    const uint32_t told = rouse_gate_close((rouse_gate *)g);
    cr_assert(rouse_gate_is_closed((rouse_gate *)g));
    return told;
}
static int64_t script_inside(const void *g) {
    return rouse_gate_count((const rouse_gate *)g);
}
static uint32_t script_waiters_on(const void *g) {
    return rouse_gate_waiter_count((const rouse_gate *)g);
}

static void run(uint32_t inside, const char *script) {
    static const script_verbs verbs = {
        .wait = script_wait_on,
        .try = script_enter,
        .wake = script_leave,
        .close = script_close_on,
        .balance = script_inside,
        .waiters = script_waiters_on,
    };
    rouse_gate g;
    rouse_gate_init(&g, inside);
    cr_assert_not(rouse_gate_is_closed(&g));
    script_run(&verbs, &g, script);
    rouse_gate_destroy(&g);
}

Test(gate, zero_static_and_init_are_alike) {
    rouse_gate made;
    probe p;
    cr_assert_eq(rouse_gate_count(&zeroed), 0u);
    cr_assert_eq(rouse_gate_count(&fixed), 2u);
    rouse_gate_init(&made, UINT32_MAX);
    cr_assert_eq(rouse_gate_count(&made), UINT32_MAX);
    cr_assert(rouse_gate_enter(&made));
    cr_assert_eq(rouse_gate_leave(&made, 1), ROUSE_OK);
    cr_assert_eq(rouse_gate_leave(&made, UINT32_MAX), ROUSE_OK);
    rouse_gate_destroy(&made);
    probe_init(&p, 0);
    cr_assert_eq(rouse_gate_reserve(&fixed, 1), ROUSE_OK);
    must_queue(&fixed, &p);
    cr_assert_eq(rouse_gate_close(&fixed), 0u);
    cr_assert_eq(rouse_gate_leave(&fixed, 2), ROUSE_OK);
    expect_wakes(0);
    cr_assert_eq(rouse_gate_close(&zeroed), 0u);
    cr_assert_eq(rouse_gate_wait(&zeroed, &p.waiter), ROUSE_OK);
    rouse_gate_destroy(&zeroed);
    rouse_gate_destroy(&fixed);
}

Test(gate, wait_needs_both_closed_and_empty) {
    /* Waiter 0 finds it empty, but open; waiter 1 closed, but somebody is inside. */
    run(0, "W1? T1! T1! =2/1 R1 R1 T1! X0 W1? T1- =1/2 R1 >01 W1!");
}

/* Trap: close twice. */
Test(gate, close_twice_tells_once) {
    run(1, "W1? X0 X0 R1 >0 X0");
    run(0, "W1? W1? X2 >01 X0");
}

/* ---- the last that leaves starts the next waiting request --------------------------------------------------------- */

static rouse_gate gate;
static rouse_semaphore one = ROUSE_SEMAPHORE_INIT(1);
static int answered;

static void answer(void) {
    answered++;
    cr_assert_eq(rouse_semaphore_release(&one, 1), ROUSE_OK); /* starts the next waiting request */
    cr_assert_eq(rouse_gate_leave(&gate, 1), ROUSE_OK);
}
static void start(probe *p) {
    (void)p;
    answer();
}

/* Trap: the last that leaves starts the next waiting request. Entered where they arrived, all are waited for. */
Test(gate, the_last_that_leaves_starts_the_next_waiting_request_which_has_entered) {
    probe p[3], drained;
    probes_init(p, 3);
    probe_init(&drained, 9);
    cr_assert(rouse_gate_enter(&gate));
    cr_assert_eq(rouse_semaphore_acquire(&one, &p[0].waiter, 1), ROUSE_OK);
    for (int i = 1; i < 3; i++) {
        p[i].then = start;
        cr_assert(rouse_gate_enter(&gate));
        cr_assert_eq(rouse_semaphore_acquire(&one, &p[i].waiter, 1), ROUSE_PENDING);
    }
    (void)rouse_gate_close(&gate);
    must_queue(&gate, &drained);
    answer();
    cr_assert_eq(answered, 3);
    expect_wakes(1, 2, 9);
    rouse_gate_destroy(&gate);
}
static void start_late(probe *p) {
    p->arg = rouse_gate_enter(&gate) ? p : NULL;
}
/* The same request that enters only when it starts is refused, not let in behind a drained gate. */
Test(gate, the_last_that_leaves_starts_the_next_waiting_request_which_is_refused) {
    probe p, drained;
    rouse_waiter first;
    rouse_waiter_init(&first, NULL, NULL);
    probe_init(&p, 0);
    probe_init(&drained, 9);
    p.then = start_late;
    p.arg = &p;
    cr_assert(rouse_gate_enter(&gate));
    cr_assert_eq(rouse_semaphore_acquire(&one, &first, 1), ROUSE_OK);
    cr_assert_eq(rouse_semaphore_acquire(&one, &p.waiter, 1), ROUSE_PENDING);
    must_queue(&gate, &drained);
    (void)rouse_gate_close(&gate);
    answer();
    expect_wakes(0, 9);
    cr_assert_null(p.arg);
    cr_assert_eq(rouse_gate_count(&gate), 0u);
    rouse_gate_destroy(&gate);
}

/* Trap: leave below zero. With ROUSE_DEBUG it aborts: test_misuse.c. */
Test(gate, leave_below_zero_changes_nothing) {
    run(2, "W1? R3o =2/1 R0 X0 R4294967295o R2 >0 R1o R0 =0/0");
}

#if ROUSE_BACKEND != ROUSE_BACKEND_LOCAL
/* Trap: drain with a time-out. */
Test(gate, drain_with_a_time_out) {
    rouse_gate g = ROUSE_GATE_INIT(1);
    (void)rouse_gate_close(&g);
    cr_assert_eq(rouse_gate_wait_timed(&g, 0), ROUSE_TIMEDOUT);
    cr_assert_eq(rouse_gate_wait_timed(&g, 1000), ROUSE_TIMEDOUT);
    cr_assert_eq(rouse_gate_waiter_count(&g), 0u);
    cr_assert_eq(rouse_gate_leave(&g, 1), ROUSE_OK);
    cr_assert_eq(rouse_gate_wait_timed(&g, 0), ROUSE_OK);
    cr_assert_eq(rouse_gate_wait_blocking(&g), ROUSE_OK);
    rouse_gate_destroy(&g);
}
#endif

static void destroy_gate(probe *p) {
    rouse_gate_destroy(p->arg);
    free(p->arg);
}
Test(gate, destroyed_by_the_one_it_told) {
    for (int by_close = 0; by_close < 2; by_close++) {
        rouse_gate *const g = must_alloc(sizeof *g);
        probe p;
        rouse_gate_init(g, by_close ? 0 : 1);
        probe_init(&p, 0);
        p.then = destroy_gate;
        p.arg = g;
        must_queue(g, &p);
        (void)rouse_gate_close(g);
        if (!by_close) {
            (void)rouse_gate_leave(g, 1);
        }
        expect_wakes(0);
    }
}

#if ROUSE_BACKEND != ROUSE_BACKEND_LOCAL
/* Trap: close, wait and the last leave on three threads. Each turn the waiter frees the gate as soon as it
 * is woken. */
typedef struct three {
    rouse_gate *gate;
    int written;
    pthread_barrier_t *together;
} three;
static void *close_it(void *arg) {
    three *const t = arg;
    (void)pthread_barrier_wait(t->together);
    (void)rouse_gate_close(t->gate);
    return NULL;
}
static void *leave_it(void *arg) {
    three *const t = arg;
    (void)pthread_barrier_wait(t->together);
    t->written = 1;
    cr_assert_eq(rouse_gate_leave(t->gate, 1), ROUSE_OK);
    return NULL;
}
Test(gate, close_wait_and_the_last_leave_on_three_threads) {
    pthread_barrier_t together;
    cr_assert_eq(pthread_barrier_init(&together, NULL, 3), 0);
    for (int turn = 0; turn < 300; turn++) {
        pthread_t closer, leaver;
        three t = {must_alloc(sizeof(rouse_gate)), 0, &together};
        rouse_gate_init(t.gate, 1);
        cr_assert_eq(pthread_create(&closer, NULL, close_it, &t), 0);
        cr_assert_eq(pthread_create(&leaver, NULL, leave_it, &t), 0);
        (void)pthread_barrier_wait(&together);
        cr_assert_eq(rouse_gate_wait_blocking(t.gate), ROUSE_OK);
        cr_assert_eq(t.written, 1);
        rouse_gate_destroy(t.gate);
        free(t.gate);
        cr_assert_eq(pthread_join(closer, NULL), 0);
        cr_assert_eq(pthread_join(leaver, NULL), 0);
    }
    cr_assert_eq(pthread_barrier_destroy(&together), 0);
}
#endif

/* ---- against a model: every sequence of six calls on two waiters ---------------------------------------------------- */

enum { DEPTH = 6 - SHORTER_SEQUENCES, CALLS = 1 << 3, GUESTS = 2 };

static void one_sequence(unsigned sequence, uint32_t inside) {
    rouse_gate g;
    bool closed = false;
    int queue[GUESTS];
    int queued = 0;
    probe p[GUESTS];
    rouse_gate_init(&g, inside);
    probes_init(p, GUESTS);
    for (int step = 0; step < DEPTH; step++, sequence /= CALLS) {
        const unsigned call = sequence % CALLS;
        const int guest = (int)(call % GUESTS);
        int place = -1;
        for (int i = 0; i < queued; i++) {
            place = queue[i] == guest ? i : place;
        }
        wake_log_length = 0;
        if (call < 2) {
            if (place < 0) {
                const bool drained = closed && inside == 0;
                cr_assert_eq(rouse_gate_wait(&g, &p[guest].waiter), drained ? ROUSE_OK : ROUSE_PENDING);
                if (!drained) {
                    queue[queued++] = guest;
                }
            }
        } else if (call < 4) {
            cr_assert_eq(rouse_gate_cancel(&g, &p[guest].waiter), place >= 0);
            if (place == 0) {
                queue[0] = queue[1];
            }
            queued -= place >= 0 ? 1 : 0;
        } else if (call == 4) {
            cr_assert_eq(rouse_gate_enter(&g), !closed);
            inside += closed ? 0 : 1;
        } else if (call == 5 || call == 6) {
            const uint32_t n = call - 4;
            cr_assert_eq(rouse_gate_leave(&g, n), n <= inside ? ROUSE_OK : ROUSE_OVERFLOW);
            if (n <= inside) {
                inside -= n;
            }
        } else {
            const bool tells = !closed && inside == 0;
            cr_assert_eq(rouse_gate_close(&g), tells ? (uint32_t)queued : 0u);
            closed = true;
        }
        if (closed && inside == 0) {
            cr_assert_eq(wake_log_length, (size_t)queued);
            for (int i = 0; i < queued; i++) {
                cr_assert_eq(wake_log[i], queue[i]);
                cr_assert_eq(p[queue[i]].outcome, ROUSE_OK);
            }
            queued = 0;
        } else {
            cr_assert_eq(wake_log_length, 0u);
        }
        cr_assert_eq(rouse_gate_count(&g), inside);
        cr_assert_eq(rouse_gate_is_closed(&g), closed);
        cr_assert_eq(rouse_gate_waiter_count(&g), (uint32_t)queued);
    }
    for (int i = 0; i < queued; i++) {
        cr_assert(rouse_gate_cancel(&g, &p[queue[i]].waiter));
    }
    rouse_gate_destroy(&g);
}

Test(gate, every_sequence_of_six_calls_agrees_with_a_plain_model) {
    for (unsigned sequence = 0; sequence < 1u << 3 * DEPTH; sequence++) {
        one_sequence(sequence, sequence % 3);
    }
}
