/* limit, event, gate and deadlines under 16 threads. Permits are conserved, and never more are out than any
 * limit that was set. A set lets every waiter through. A drained gate stays drained. A time-out and a grant
 * never both come.
 *
 *   12 workers   acquire of a limit (polled, blocking, timed, tried), give back, inside a gate
 *    1 resizer   sets the limit, 1 ... 8
 *    1 pulse     sets and resets an event for which workers wait
 *    2 loops     waits with deadlines, each on its own mailbox
 *
 * In the end the gate closes, and the thread that waits for it finds everything given back. */
#include "stress.h"

enum { MOST = 8, WORKERS = THREADS - 4, REQUESTS = 24 };

static rouse_limit limit = ROUSE_LIMIT_INIT(4, UINT32_MAX);
static rouse_event pulse = ROUSE_EVENT_INIT;
static rouse_gate gate = ROUSE_GATE_INIT(0);
static atomic_uint out;
static atomic_bool workers_over;
static atomic_ullong sections, timeouts, grants;

static void use(uint32_t n) {
    const uint32_t before = atomic_fetch_add_explicit(&out, n, memory_order_relaxed);
    CHECK(before + n <= MOST);
    (void)atomic_fetch_sub_explicit(&out, n, memory_order_relaxed);
    CHECK(rouse_limit_give_back(&limit, n) == ROUSE_OK);
    (void)atomic_fetch_add_explicit(&sections, 1, memory_order_relaxed);
}

static void polled(dice *d, uint32_t n) {
    rouse_waiter w;
    rouse_status status;
    rouse_waiter_init(&w, NULL, NULL);
    status = rouse_limit_acquire(&limit, &w, n);
    if (status == ROUSE_PENDING) {
        for (uint32_t i = roll(d, 8); i != 0 && rouse_waiter_status(&w) == ROUSE_PENDING; i--) {
            (void)sched_yield();
        }
        if (rouse_limit_cancel(&limit, &w)) {
            return;
        }
        status = rouse_waiter_status(&w);
    }
    CHECK(status == ROUSE_OK);
    use(n);
}

static void *work(void *arg) {
    dice d;
    dice_init(&d, (uint64_t)(uintptr_t)arg);
    while (!time_is_up()) {
        const uint32_t n = 1 + roll(&d, 3);
        CHECK(rouse_gate_enter(&gate));
        switch (roll(&d, 6)) {
        case 0:
            CHECK(rouse_limit_acquire_blocking(&limit, n) == ROUSE_OK);
            use(n);
            break;
        case 1:
            if (rouse_limit_acquire_timed(&limit, n, 20000) == ROUSE_OK) {
                use(n);
            }
            break;
        case 2:
            if (rouse_limit_try_acquire(&limit, n)) {
                use(n);
            }
            break;
        case 3:
            CHECK(rouse_event_wait_blocking(&pulse) == ROUSE_OK);
            break;
        default:
            polled(&d, n);
            break;
        }
        CHECK(rouse_gate_leave(&gate, 1) == ROUSE_OK);
    }
    return NULL;
}

static void *resize(void *unused) {
    dice d;
    dice_init(&d, 1000);
    while (!atomic_load_explicit(&workers_over, memory_order_relaxed)) {
        CHECK(rouse_limit_set(&limit, 3 + roll(&d, MOST - 2)) == ROUSE_OK);
        CHECK(rouse_limit_in_use(&limit) <= MOST);
        (void)sched_yield();
    }
    CHECK(rouse_limit_set(&limit, MOST) == ROUSE_OK);
    return unused;
}

static void *set_and_reset(void *unused) {
    while (!atomic_load_explicit(&workers_over, memory_order_relaxed)) {
        (void)rouse_event_set(&pulse);
        (void)rouse_event_reset(&pulse);
        (void)sched_yield();
    }
    (void)rouse_event_set(&pulse);
    return unused;
}

/* ---- a loop ---------------------------------------------------------------------------------------------------------- */

typedef struct request {
    rouse_timed timed;
    bool waits;
} request;

static void told(rouse_timed *t, rouse_status status) {
    request *const r = rouse_timed_data(t);
    CHECK(r->waits);
    r->waits = false;
    if (status == ROUSE_OK) {
        (void)atomic_fetch_add_explicit(&grants, 1, memory_order_relaxed);
        use(1);
    } else {
        CHECK(status == ROUSE_TIMEDOUT);
        (void)atomic_fetch_add_explicit(&timeouts, 1, memory_order_relaxed);
    }
}
static void *loop(void *arg) {
    request *const r = must_alloc(REQUESTS * sizeof *r);
    rouse_deadlines deadlines;
    rouse_mailbox mailbox;
    dice d;
    bool waiting = true;
    dice_init(&d, 2000 + (uint64_t)(uintptr_t)arg);
    rouse_deadlines_init(&deadlines);
    rouse_mailbox_init(&mailbox, NULL, NULL);
    for (int i = 0; i < REQUESTS; i++) {
        r[i].waits = false;
        rouse_timed_init(&r[i].timed, &deadlines, &mailbox, told, &r[i]);
    }
    while (!time_is_up() || waiting) {
        request *const one = &r[roll(&d, REQUESTS)];
        if (!one->waits && !time_is_up()) {
            const rouse_status status =
                rouse_limit_acquire_until(&limit, &one->timed, 1, now_ns() + roll(&d, 100000));
            if (status == ROUSE_OK) {
                use(1);
            } else {
                CHECK(status == ROUSE_PENDING);
                one->waits = true;
            }
        } else if (one->waits && roll(&d, 8) == 0 && rouse_timed_cancel(&one->timed)) {
            one->waits = false;
        }
        if (roll(&d, 2) == 0) {
            (void)rouse_mailbox_drain(&mailbox);
        }
        (void)rouse_deadlines_run(&deadlines, now_ns());
        (void)rouse_mailbox_drain(&mailbox);
        waiting = false;
        for (int i = 0; i < REQUESTS; i++) {
            waiting = waiting || r[i].waits;
        }
    }
    CHECK(rouse_deadlines_next(&deadlines) == UINT64_MAX);
    rouse_mailbox_destroy(&mailbox);
    rouse_deadlines_destroy(&deadlines);
    free(r);
    return NULL;
}

int main(int argc, char **argv) {
    pthread_t thread[THREADS];
    stress_begin(argc, argv);
    CHECK(pthread_create(&thread[0], NULL, resize, NULL) == 0);
    CHECK(pthread_create(&thread[1], NULL, set_and_reset, NULL) == 0);
    for (int i = 2; i < THREADS; i++) {
        CHECK(pthread_create(&thread[i], NULL, i < 4 ? loop : work, (void *)(uintptr_t)(unsigned)i) == 0);
    }
    while (!time_is_up()) {
        (void)usleep(1000);
    }
    for (int i = 2; i < THREADS; i++) {
        CHECK(pthread_join(thread[i], NULL) == 0);
    }
    (void)rouse_gate_close(&gate);
    CHECK(!rouse_gate_enter(&gate));
    CHECK(rouse_gate_wait_blocking(&gate) == ROUSE_OK);
    atomic_store(&workers_over, true);
    CHECK(pthread_join(thread[0], NULL) == 0 && pthread_join(thread[1], NULL) == 0);
    CHECK(rouse_limit_in_use(&limit) == 0 && rouse_limit_waiter_count(&limit) == 0);
    CHECK(rouse_limit_try_acquire(&limit, MOST) && rouse_limit_give_back(&limit, MOST) == ROUSE_OK);
    rouse_limit_destroy(&limit);
    rouse_event_destroy(&pulse);
    rouse_gate_destroy(&gate);
    (void)printf("%llu sections; %llu grants, %llu time-outs of the loops\n", (unsigned long long)sections,
                 (unsigned long long)grants, (unsigned long long)timeouts);
    return 0;
}
