/* examples/primitives/barrier_test.c: nobody goes on before all have arrived, for many phases. */
#include "barrier.h"
#include "test.h"

enum { PARTIES = 4, PHASES = 2000 };

static barrier meeting;
static unsigned counts[PARTIES]; /* plain memory: the barrier must order it */

static void *party(void *number) {
    const int me = *(int *)number;
    sleeper self;
    sleeper_init(&self);
    for (unsigned phase = 1; phase <= PHASES; phase++) {
        counts[me] = phase;
        CHECK(sleeper_await(&self, barrier_arrive(&meeting, &self.waiter)) == ROUSE_OK);
        for (int i = 0; i < PARTIES; i++) {
            CHECK(counts[i] == phase);
        }
        CHECK(sleeper_await(&self, barrier_arrive(&meeting, &self.waiter)) == ROUSE_OK);
    }
    return NULL;
}

static void count_wake(rouse_waiter *w, rouse_status status) {
    CHECK(status == ROUSE_OK);
    ++*(int *)rouse_waiter_data(w);
}

/* Three parties on one thread: the third lets the two others go. */
static void test_order(void) {
    rouse_waiter w[3];
    barrier b;
    int woken = 0;
    CHECK(barrier_init(&b, 3) == ROUSE_OK);
    for (int i = 0; i < 3; i++) {
        rouse_waiter_init(&w[i], count_wake, &woken);
    }
    for (int phase = 1; phase <= 5; phase++) {
        CHECK(barrier_arrive(&b, &w[0]) == ROUSE_PENDING);
        CHECK(barrier_arrive(&b, &w[1]) == ROUSE_PENDING);
        CHECK(woken == 2 * (phase - 1));
        CHECK(barrier_arrive(&b, &w[2]) == ROUSE_OK);
        CHECK(woken == 2 * phase);
    }
    barrier_destroy(&b);
}

/* One of two is interrupted after it has been counted, before it waits. The other goes on to the next phase,
 * and must wait there: what is at the gate belongs to the slow one. */
static void test_slow_party(void) {
    rouse_waiter slow, fast;
    barrier b;
    uint64_t count;
    int woken = 0;
    CHECK(barrier_init(&b, 2) == ROUSE_OK);
    rouse_waiter_init(&slow, count_wake, &woken);
    rouse_waiter_init(&fast, count_wake, &woken);
    count = barrier_count_(&b);
    CHECK(barrier_arrive(&b, &fast) == ROUSE_OK);
    CHECK(barrier_arrive(&b, &fast) == ROUSE_PENDING);
    CHECK(barrier_pass_(&b, count, &slow) == ROUSE_OK);
    CHECK(woken == 0);
    CHECK(barrier_arrive(&b, &slow) == ROUSE_OK);
    CHECK(woken == 1);
    barrier_destroy(&b);
}

static void test_few_parties(void) {
    rouse_waiter w;
    barrier b;
    int woken = 0;
    rouse_waiter_init(&w, count_wake, &woken);
    CHECK(barrier_init(&b, 0) == ROUSE_INVALID);
    CHECK(barrier_init(&b, ROUSE_MAX_PERMITS + 1u) == ROUSE_INVALID);
    CHECK(barrier_init(&b, 1) == ROUSE_OK);
    for (int phase = 0; phase < 5; phase++) {
        CHECK(barrier_arrive(&b, &w) == ROUSE_OK); /* alone: never waits */
    }
    CHECK(woken == 0);
    barrier_destroy(&b);
}

int main(void) {
    test_few_parties();
    test_order();
    test_slow_party();
    CHECK(barrier_init(&meeting, PARTIES) == ROUSE_OK);
    on_threads(PARTIES, party);
    barrier_destroy(&meeting);
    printf("barrier: %d parties, %d phases\n", PARTIES, 2 * PHASES);
    return 0;
}
