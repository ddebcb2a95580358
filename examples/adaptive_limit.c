/* examples/adaptive_limit.c: a hundred clients, a backend whose capacity changes, and a limit that follows it
 * (adaptive_limit.h). The clock is simulated and the jitter comes from a generator with a fixed seed, so
 * every run is the same. Prints a line for every 100 ms, which adaptive_limit.gp plots:
 *
 *     example_adaptive_limit > limit.txt
 *     gnuplot -e "data='limit.txt'; picture='limit.svg'" adaptive_limit.gp
 *
 * Checked: from three seconds after each change on, the limit is between the capacity and a few more, the
 * backend is kept busy, and latency stays near its best. */
#include "adaptive_limit.h"
#include "common/sim.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    CLIENTS = 100,
    SERVICE_US = 10000,
    TICK_US = 100000,
    PHASE_US = 10000000,
    SETTLED_US = 3000000, /* after a change of capacity */
    MARGIN = 4            /* the three that may queue, and one */
};

static const uint32_t capacities[] = {12, 4, 30};
enum { PHASES = sizeof capacities / sizeof capacities[0] };

typedef struct request {
    rouse_waiter waiter;
    sim_event event;
    uint64_t sent_at;
} request;

static sim loop;
static adaptive_limit limit;
static uint32_t capacity, in_backend, answers_in_tick;
static uint64_t latency_in_tick;
static sim_event tick_event;

static void check(bool condition, const char *what) {
    if (!condition) {
        fprintf(stderr, "adaptive_limit: at %.1f s: %s (limit %u, capacity %u)\n", (double)loop.now / 1e6,
                what, rouse_limit_permits(&limit.permits), capacity);
        exit(1);
    }
}

/* 0 … below */
static uint32_t jitter(uint32_t below) {
    static uint32_t state = 1;
    state = state * 1664525 + 1013904223;
    return (state >> 8) % below;
}

static void on_answer(void *data);

/* What the backend takes: the service time, as long as it has capacity; beyond that its requests share it. */
static void send_request(request *r) {
    uint64_t latency = SERVICE_US;
    in_backend++;
    if (in_backend > capacity) {
        latency = latency * in_backend / capacity;
    }
    r->sent_at = loop.now;
    sim_after(&loop, &r->event, latency + jitter(SERVICE_US / 20), on_answer, r);
}

static void ask(request *r) {
    const rouse_status status = rouse_limit_acquire(&limit.permits, &r->waiter, 1);
    check(status == ROUSE_OK || status == ROUSE_PENDING, "no permit and no place in the queue");
    if (status == ROUSE_OK) {
        send_request(r);
    }
}

static void on_permit(rouse_waiter *w, rouse_status status) {
    if (status == ROUSE_OK) { /* else the limit has been closed: it is over */
        send_request(rouse_waiter_data(w));
    }
}

static void on_answer(void *data) {
    request *r = data;
    const uint64_t latency = loop.now - r->sent_at;
    in_backend--;
    answers_in_tick++;
    latency_in_tick += latency;
    adaptive_limit_answered(&limit, latency);
    if (!rouse_limit_is_closed(&limit.permits)) {
        ask(r);
    }
}

static void on_tick(void *unused) {
    const uint64_t in_phase = loop.now % PHASE_US;
    const uint64_t latency = answers_in_tick > 0 ? latency_in_tick / answers_in_tick : 0;
    (void)unused;
    printf("%.1f %u %u %.1f %u\n", (double)loop.now / 1e6, rouse_limit_permits(&limit.permits), capacity,
           (double)latency / 1e3, answers_in_tick * (1000000 / TICK_US));
    if (in_phase > SETTLED_US) {
        const uint32_t busy = capacity * (TICK_US / SERVICE_US);
        const uint32_t permits = rouse_limit_permits(&limit.permits);
        check(permits >= capacity && permits <= capacity + MARGIN, "the limit has not found the capacity");
        check(answers_in_tick * 100 >= busy * 80, "the backend is not kept busy");
        check(latency * capacity < (uint64_t)SERVICE_US * (capacity + MARGIN + 1),
              "requests queue in the backend");
    }
    answers_in_tick = 0;
    latency_in_tick = 0;
    if (loop.now >= (uint64_t)PHASES * PHASE_US) {
        (void)rouse_limit_close(&limit.permits);
        return;
    }
    capacity = capacities[loop.now / PHASE_US];
    sim_after(&loop, &tick_event, TICK_US, on_tick, NULL);
}

/* The limit shrinks while both permits are in use, grows, and shrinks again: what comes back pays. */
static void check_give_back(void) {
    adaptive_limit_init(&limit, 2, 1, 2);
    check(rouse_limit_try_acquire(&limit.permits, 2), "two permits are not free");
    (void)rouse_limit_set(&limit.permits, 1);
    (void)rouse_limit_set(&limit.permits, 2);
    check(!rouse_limit_try_acquire(&limit.permits, 1), "a permit was made up");
    (void)rouse_limit_set(&limit.permits, 1);
    (void)rouse_limit_give_back(&limit.permits, 1);
    check(!rouse_limit_try_acquire(&limit.permits, 1), "the limit did not shrink");
    (void)rouse_limit_give_back(&limit.permits, 1);
    check(rouse_limit_try_acquire(&limit.permits, 1), "a permit was lost");
    (void)rouse_limit_give_back(&limit.permits, 1);
    adaptive_limit_destroy(&limit);
}

int main(void) {
    static request requests[CLIENTS];
    check_give_back();
    adaptive_limit_init(&limit, 1, 1, CLIENTS);
    capacity = capacities[0];
    printf("# seconds limit capacity latency_ms answers_per_second\n");
    for (int i = 0; i < CLIENTS; i++) {
        rouse_waiter_init(&requests[i].waiter, on_permit, &requests[i]);
        ask(&requests[i]);
    }
    sim_after(&loop, &tick_event, TICK_US, on_tick, NULL);
    sim_run(&loop);
    check(in_backend == 0 && rouse_limit_waiter_count(&limit.permits) == 0, "somebody is left");
    check(rouse_limit_in_use(&limit.permits) == 0, "permits were lost");
    adaptive_limit_destroy(&limit);
    return 0;
}
