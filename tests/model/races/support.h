/* support.h: what the scenarios share. Guests wait, and certain things must hold of them afterwards.
 *
 * No scenario waits for anything. It notes a guest that was queued. After it has joined the threads, it
 * asserts which guests were woken and which are rightly still queued. */
#ifndef MODEL_RACES_SUPPORT_H
#define MODEL_RACES_SUPPORT_H

#include "../../support/witness.h"
#include "mc.h"

#include <rouse/rouse.h>

#include <sched.h>
#include <stdlib.h>
#include <string.h>

enum { GUESTS = 10, NOT_CALLED = 77 };

/* A bound on preemptions for LOCKFREE, whose calls have many steps; MUTEX and SPIN are searched exhaustively. */
#if ROUSE_BACKEND == ROUSE_BACKEND_LOCKFREE
#    define LOCKFREE_BOUND(n) (n)
#else
#    define LOCKFREE_BOUND(n) 0
#endif

typedef struct witness guest;

static guest guests[GUESTS];
#define A (&guests[0])
#define B (&guests[1])
#define C (&guests[2])
#define D (&guests[3])
#define E (&guests[4])
#define F (&guests[5])
#define G (&guests[6])
#define H (&guests[7])
#define I (&guests[8])

/* Plain data, written by the holder of the one permit: unordered holders are a data race. */
extern int shared;
int shared;

/* `then` runs if it has what it asked for. */
static inline void guest_wake(rouse_waiter *w, rouse_status status) {
    guest *const g = witness_woken(w, status);
    if (status == ROUSE_OK && g->then != NULL) {
        g->then(g);
    }
}

static inline void guest_init(guest *g, void (*then)(guest *)) {
    witness_init(g, 0, guest_wake, NOT_CALLED);
    g->then = then;
}
static inline void guest_init_polled(guest *g) {
    guest_init(g, NULL);
    rouse_waiter_init(&g->waiter, NULL, g);
}
static inline void guests_init(void (*then)(guest *)) {
    for (int i = 0; i < GUESTS; i++) {
        guest_init(&guests[i], then);
    }
    mc_name(guests, sizeof guests[0], "A");
    mc_name(guests + 1, sizeof guests[0], "B");
    mc_name(guests + 2, sizeof guests[0], "C");
    mc_name(guests + 3, sizeof guests[0], "D");
    mc_name(guests + 4, sizeof guests[0], "E");
    mc_name(guests + 5, sizeof guests[0], "F");
    mc_name(guests + 6, sizeof guests[0], "G");
}

/* ---- afterwards, when all threads have been joined ------------------------------------------------------------ */

/* It has what it asked for, by the call's answer or by a wake, and not twice. */
static inline bool granted(const guest *g) {
    if (g->waiter.wake_ == NULL) {
        return g->answer == ROUSE_OK ||
               (g->answer == ROUSE_PENDING && !g->cancelled && rouse_waiter_status(&g->waiter) == ROUSE_OK);
    }
    mc_assert(g->wakes <= 1);
    mc_assert(g->wakes == 0 || g->answer == ROUSE_PENDING);
    mc_assert(g->wakes == 0 || !g->cancelled);
    mc_assert(g->wakes == 0 || rouse_waiter_status(&g->waiter) == (rouse_status)g->outcome);
    return g->answer == ROUSE_OK || (g->wakes == 1 && g->outcome == ROUSE_OK);
}
static inline bool closed(const guest *g) {
    return g->answer == ROUSE_CLOSED || (g->wakes == 1 && g->outcome == ROUSE_CLOSED);
}
/* In the queue. */
static inline bool waiting(const guest *g) {
    if (g->waiter.wake_ == NULL) {
        return g->answer == ROUSE_PENDING && !g->cancelled &&
               rouse_waiter_status(&g->waiter) == ROUSE_PENDING;
    }
    return g->answer == ROUSE_PENDING && g->wakes == 0 && !g->cancelled;
}
static inline int count(bool (*what)(const guest *)) {
    int n = 0;
    for (int i = 0; i < GUESTS; i++) {
        n += what(&guests[i]) ? 1 : 0;
    }
    return n;
}

/* ---- a queue of the scenario --------------------------------------------------------------------------------- */

static rouse_waiter_queue queue;

/* Starts it with `credit`, with memory for LOCKFREE's segments at hand, and `passed` tickets used up: so a scenario
 * chooses where in a segment of two cells it begins. */
static inline void queue_start(uint32_t credit, int passed) {
    rouse_waiter_queue_init(&queue, 0);
    mc_name(&queue, sizeof queue, "queue");
    mc_assert(rouse_waiter_queue_reserve(&queue, 1) == ROUSE_OK);
    for (int i = 0; i < passed; i++) {
        mc_assert(rouse_waiter_queue_wait(&queue, &E->waiter, 1) == ROUSE_PENDING);
        mc_assert(rouse_waiter_queue_wake_one(&queue));
    }
    guest_init(E, E->then);
    if (credit != 0) {
        mc_assert(rouse_waiter_queue_wake(&queue, credit, ROUSE_MAX_PERMITS) == ROUSE_OK);
    }
}

static inline void enqueue(guest *g, uint32_t n) {
    g->answer = rouse_waiter_queue_wait(&queue, &g->waiter, n);
}
/* LOCKFREE: the next wake looks for the oldest waiter where one was last queued, and so goes the short way. */
static inline void go_the_short_way(void) {
#if ROUSE_BACKEND == ROUSE_BACKEND_LOCKFREE
    rouse_ptr_store_relaxed_(&queue.head_, rouse_ticket_segment_(&queue));
#endif
}
/* A cancelled waiter belongs to its owner again, who may free it: here all of it is overwritten. */
static inline void take_out(guest *g) {
    if (g->answer == ROUSE_PENDING && rouse_waiter_queue_cancel(&queue, &g->waiter)) {
        rouse_wake_fn *const wake = g->waiter.wake_;
        memset(&g->waiter, 0, sizeof g->waiter);
        rouse_waiter_init(&g->waiter, wake, g);
        g->cancelled = true;
    }
}
static inline void give(uint32_t n) {
    mc_assert(rouse_waiter_queue_wake(&queue, n, ROUSE_MAX_PERMITS) == ROUSE_OK);
}

#if ROUSE_BACKEND == ROUSE_BACKEND_LOCKFREE
/* A wait in two steps, so that a scenario may begin in the middle of it: a guest that has its ticket, and its way into
 * the cell. */
typedef struct seat {
    guest *who;
    uint32_t n;
    rouse_spot_ at;
} seat;
static inline seat take_ticket(rouse_waiter_queue *q, guest *g, uint32_t n) {
    seat taken = {g, n, ROUSE_SPOT_NONE_};
    mc_assert(rouse_wait_claim_(q, &g->waiter, n, &taken.at) == ROUSE_PENDING);
    return taken;
}
static inline void sit_down(rouse_waiter_queue *q, seat *taken) {
    taken->who->answer = rouse_wait_arrive_(q, &taken->who->waiter, taken->n, true, &taken->at);
}
#endif

/* ---- threads: one call each ------------------------------------------------------------------------------------ */

static inline void wait_1(void *g) {
    enqueue(g, 1);
}
static inline void wait_2(void *g) {
    enqueue(g, 2);
}
static inline void try_1(void *g) {
    ((guest *)g)->answer = rouse_waiter_queue_try_wait(&queue, 1) ? ROUSE_OK : NOT_CALLED;
}
static inline void give_1(void *unused) {
    (void)unused;
    give(1);
}
static inline void give_2(void *unused) {
    (void)unused;
    give(2);
}
static inline void cancel(void *g) {
    take_out(g);
}
static inline void wait_and_cancel(void *g) {
    enqueue(g, 1);
    take_out(g);
}

/* With NULL they count in the variables here; a second object at the same time needs another count. */
static uint32_t woken_by_all, woken_by_close, woken_by_second;
static inline void wake_all(void *count) {
    *(count == NULL ? &woken_by_all : (uint32_t *)count) += rouse_waiter_queue_wake_all(&queue);
}
static inline void close_queue(void *count) {
    *(count == NULL ? &woken_by_close : (uint32_t *)count) += rouse_waiter_queue_close(&queue);
}

/* Runs these at the same time, then joins them. A NULL thread is none. */
static inline void run(void (*first)(void *), void *arg1, void (*second)(void *), void *arg2,
                       void (*third)(void *), void *arg3) {
    (void)woken_by_all, (void)woken_by_close, (void)woken_by_second;
    mc_thread(first, arg1);
    mc_thread(second, arg2);
    if (third != NULL) {
        mc_thread(third, arg3);
    }
    mc_join_all();
}
#define ONLY_TWO NULL, NULL

/* ---- the end ------------------------------------------------------------------------------------------------------- */

/* The queue's own count is right; guests that wait are cancelled; what is left is destroyed. */
static inline void queue_finish(void) {
    mc_assert(rouse_waiter_queue_waiter_count(&queue) == (uint32_t)count(waiting));
    for (int i = 0; i < GUESTS; i++) {
        if (waiting(&guests[i])) {
            mc_assert(rouse_waiter_queue_cancel(&queue, &guests[i].waiter));
            guests[i].cancelled = true;
        }
    }
    mc_assert(rouse_waiter_queue_waiter_count(&queue) == 0);
#if ROUSE_BACKEND == ROUSE_BACKEND_SPIN
    mc_assert(rouse_ptr_load_relaxed_(&queue.slot_) == NULL); /* else every later waiter takes the lock */
#endif
    rouse_waiter_queue_destroy(&queue);
}

/* Conservation: each permit that was put in is stored or granted, none twice. Requests are for one permit. */
static inline void conserved(int put_in) {
    mc_assert(rouse_waiter_queue_balance(&queue) == put_in - count(granted) - count(waiting));
    mc_assert(count(waiting) == 0 || put_in == count(granted));
    queue_finish();
}

#endif /* MODEL_RACES_SUPPORT_H */
