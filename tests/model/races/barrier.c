/* barrier.c: all parties arrive before any continues, and each knows what all did before. */
#include "support.h"

static rouse_barrier meeting;
static int before[2][3]; /* plain: phase and party; written before arriving, read after */
static int parties;

static void start(int n) {
    guests_init(NULL);
    parties = n;
    mc_assert(rouse_barrier_init(&meeting, (uint32_t)n) == ROUSE_OK);
    mc_name(&meeting, sizeof meeting, "barrier");
}
static void finish(void) {
    mc_assert(rouse_barrier_waiter_count(&meeting) == 0);
    rouse_barrier_destroy(&meeting);
}
static void all_arrived(int phase) {
    for (int i = 0; i < parties; i++) {
        mc_assert(before[phase][i] == 1);
    }
}
static void passed(guest *g) {
    (void)g;
    all_arrived(0);
}
static void arrive(void *arg) {
    guest *const g = arg;
    g->then = passed;
    before[0][g - guests] = 1;
    g->answer = rouse_barrier_arrive(&meeting, &g->waiter);
    if (g->answer == ROUSE_OK) {
        passed(g);
    }
}
/* Two phases: a party that is let through arrives again, in its wake or after an immediate answer. */
static int phases[2];
static void arrive_until_done(guest *g);
static void next_phase(guest *g) {
    all_arrived(phases[g - guests]);
    if (++phases[g - guests] < 2) {
        arrive_until_done(g);
    }
}
static void arrive_until_done(guest *g) {
    rouse_status answer; /* not in g, which may be woken before arrive has returned */
    g->then = next_phase;
    before[phases[g - guests]][g - guests] = 1;
    answer = rouse_barrier_arrive(&meeting, &g->waiter);
    mc_assert(answer == ROUSE_OK || answer == ROUSE_PENDING);
    if (answer == ROUSE_OK) {
        next_phase(g);
    }
}
static void two_phases_each(void *g) {
    arrive_until_done(g);
}

static void two_arrive(void) {
    start(2);
    run(arrive, A, arrive, B, ONLY_TWO);
    mc_assert(granted(A) && granted(B));
    finish();
}
static void three_arrive(void) {
    start(3);
    run(arrive, A, arrive, B, arrive, C);
    mc_assert(granted(A) && granted(B) && granted(C));
    finish();
}
static void two_arrive_twice(void) {
    start(2);
    run(two_phases_each, A, two_phases_each, B, ONLY_TWO);
    mc_assert(phases[0] == 2 && phases[1] == 2);
    finish();
}

const mc_scenario mc_scenarios[] = {
    {.name = "two arrive", .body = two_arrive},
    {.name = "three arrive",
     .body = three_arrive,
     .bound = ROUSE_BACKEND == ROUSE_BACKEND_LOCKFREE ? 1 : 2,
     .soak_bound = MC_NO_BOUND},
    {.name = "two arrive twice",
     .body = two_arrive_twice,
     .bound = LOCKFREE_BOUND(2),
     .soak_bound = MC_NO_BOUND},
    {0},
};
