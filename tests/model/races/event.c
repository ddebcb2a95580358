/* event.c: set wakes exactly those who wait, in one step; nothing is missed between the look and the queueing. */
#include "support.h"

#define EVENT ((rouse_event *)&queue)

static uint32_t woken_by_set;

static void start(int passed) {
    guests_init(NULL);
    queue_start(0, passed);
    woken_by_set = woken_by_second = 0;
}
static void set(void *count) {
    *(count == NULL ? &woken_by_set : (uint32_t *)count) += rouse_event_set(EVENT);
}
static void reset(void *unused) {
    (void)unused;
    (void)rouse_event_reset(EVENT);
}
static void event_wait(void *g) {
    ((guest *)g)->answer = rouse_event_wait(EVENT, &((guest *)g)->waiter);
}
/* The event is not set again, so that queue_finish may look at the queue. */
static void finish(void) {
    (void)rouse_event_reset(EVENT);
    queue_finish();
}

/* Trap: is_set and registration looked at apart. */
static void set_wait(void) {
    start(0);
    run(set, NULL, event_wait, A, ONLY_TWO);
    mc_assert(granted(A) && woken_by_set <= 1 && rouse_event_is_set(EVENT));
    finish();
}
static void set_two_wait(void) {
    start(1);
    run(set, NULL, event_wait, A, event_wait, B);
    mc_assert(granted(A) && granted(B));
    finish();
}
static void set_wait_queued(void) {
    start(1);
    event_wait(A);
    run(set, NULL, event_wait, B, ONLY_TWO);
    mc_assert(granted(A) && granted(B) && woken_by_set >= 1);
    finish();
}
static void set_then_reset(void *unused) {
    set(unused);
    reset(unused);
}
/* Trap: a flag next to the queue wakes a waiter that came after reset. A guest that waited is through. A
 * guest that comes meanwhile is through or waits, and if it waits, it waits for good. */
static void set_reset_wait(void) {
    start(0);
    event_wait(A);
    run(set_then_reset, NULL, event_wait, B, ONLY_TWO);
    mc_assert(granted(A) && granted(B) != waiting(B) && !rouse_event_is_set(EVENT));
    finish();
}
static void set_reset(void) {
    start(0);
    event_wait(A);
    run(set, NULL, reset, NULL, ONLY_TWO);
    mc_assert(granted(A) && woken_by_set == 1);
    finish();
}
static void set_set(void) {
    start(0);
    event_wait(A);
    run(set, NULL, set, &woken_by_second, ONLY_TWO);
    mc_assert(granted(A) && woken_by_set + woken_by_second == 1);
    finish();
}
static void set_cancel(void) {
    start(0);
    enqueue(A, 1);
    enqueue(B, 1);
    run(set, NULL, cancel, A, ONLY_TWO);
    mc_assert(granted(B) && granted(A) != (A->cancelled != 0));
    mc_assert(woken_by_set == (A->cancelled ? 1u : 2u));
    finish();
}
static void set_cancel_wait(void) {
    start(1);
    enqueue(A, 1);
    run(set, NULL, cancel, A, event_wait, B);
    mc_assert(granted(B) && granted(A) != (A->cancelled != 0));
    finish();
}

/* ---- what came before set ------------------------------------------------------------------------------------------ */

static void write_and_set(void *unused) {
    shared = 1;
    set(unused);
}
static void wait_and_read(void *g) {
    event_wait(g);
    if (((guest *)g)->answer == ROUSE_OK) {
        mc_assert(shared == 1);
    }
}
static void set_orders_wait(void) {
    start(0);
    shared = 0;
    run(write_and_set, NULL, wait_and_read, A, ONLY_TWO);
    finish();
}
static void reset_and_read(void *unused) {
    (void)unused;
    if (rouse_event_reset(EVENT)) {
        mc_assert(shared == 1);
    }
}
static void set_orders_reset(void) {
    start(0);
    shared = 0;
    run(write_and_set, NULL, reset_and_read, NULL, ONLY_TWO);
    finish();
}

/* Of two resets one finds it set. */
static bool found_set[2];
static void reset_and_tell(void *found) {
    *(bool *)found = rouse_event_reset(EVENT);
}
static void two_reset(void) {
    start(0);
    set(NULL);
    run(reset_and_tell, &found_set[0], reset_and_tell, &found_set[1], ONLY_TWO);
    mc_assert(found_set[0] != found_set[1]);
    finish();
}

/* The loop "reset, look, wait" against "change, set", while the event is set from before. */
static rouse_atomic_u32_ work;
static bool saw_work;
static void add_work_and_set(void *unused) {
    rouse_u32_store_relaxed_(&work, 1);
    set(unused);
}
static void reset_look_wait(void *g) {
    reset(NULL);
    saw_work = rouse_u32_load_relaxed_(&work) != 0;
    if (!saw_work) {
        event_wait(g);
    }
}
static void set_again_reset_look(void) {
    start(0);
    saw_work = false;
    rouse_u32_init_(&work, 0);
    (void)rouse_event_set(EVENT);
    run(add_work_and_set, NULL, reset_look_wait, A, ONLY_TWO);
    mc_assert(saw_work || granted(A));
    finish();
}

/* ---- set is the last touch ------------------------------------------------------------------------------------------ */

static rouse_event *heap_event;
static void destroy(guest *g) {
    (void)g;
    rouse_event_destroy(heap_event);
    free(heap_event);
}
static void set_heap(void *unused) {
    (void)unused;
    (void)rouse_event_set(heap_event);
}
static void wait_destroy(void *arg) {
    guest *const g = arg;
    g->answer = rouse_event_wait(heap_event, &g->waiter);
    if (g->answer == ROUSE_OK) {
        destroy(g);
    }
}
static void told_destroys(void) {
    guests_init(destroy);
    heap_event = malloc(sizeof *heap_event);
    rouse_event_init(heap_event);
    mc_assert(rouse_event_reserve(heap_event, 1) == ROUSE_OK);
    run(set_heap, NULL, wait_destroy, A, ONLY_TWO);
    mc_assert(granted(A));
}

const mc_scenario mc_scenarios[] = {
    {.name = "set, wait", .body = set_wait},
    {.name = "set, two wait", .body = set_two_wait, .bound = LOCKFREE_BOUND(3), .soak_bound = MC_NO_BOUND},
    {.name = "set, one queued, one waits", .body = set_wait_queued},
    {.name = "set and reset, one queued, one waits", .body = set_reset_wait},
    {.name = "set, reset", .body = set_reset},
    {.name = "set, set", .body = set_set},
    {.name = "set, cancel", .body = set_cancel},
    {.name = "set, cancel, wait",
     .body = set_cancel_wait,
     .bound = LOCKFREE_BOUND(2),
     .soak_bound = MC_NO_BOUND},
    {.name = "set orders wait", .body = set_orders_wait},
    {.name = "set orders reset", .body = set_orders_reset},
    {.name = "two resets", .body = two_reset},
    {.name = "set again, reset and look", .body = set_again_reset_look},
    {.name = "told destroys", .body = told_destroys},
    {0},
};
