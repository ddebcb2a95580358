/* tests/faults/identity.c: a wake is for the waiters that waited when it was counted, and for no other.
 *
 * At every scheduling point of wake_all, waiters queue. Those that queue before its read-modify-write are
 * woken, those that queue after it are not, none is woken twice, and the call returns exactly how many. At
 * every scheduling point of a wait, wake_all is called: the waiter is woken if and only if it was counted.
 * And at every point of wake(1) a newcomer queues, which must not get what is due to the oldest waiter.
 * Likewise wake(1) is called at every point of a newcomer's wait.
 *
 * Points at which a call of MUTEX or SPIN holds the lock are left out and counted: nobody can come in
 * there. */
#include "world.h"

typedef struct tally {
    uint64_t points, locked, counted, not_counted;
} tally;

static tally total;
static const char *injected;
static bool reached;
static bool came_in; /* the point was reached, and not under the lock */
static bool
    was_counted; /* the wake_all had not been counted yet, or: the waiter had been, when the other came in */
static uint32_t old_waiters;
static uint32_t injected_woken; /* what an injected wake_all returned */
static int first_new;

static void look_and_inject(void) {
    rouse_inbox_ mine;
    const seam_state mine_seam = seam;
    const int mine_wakes = the.wakes_running;
    if (raw_locked()) {
        total.locked++;
        reached = true;
        return;
    }
    total.points++;
    reached = true;
    came_in = true;
    seam.stop_at = 0;
    the.stopped_count = 1;
    the.wakes_running = 0;
    mine = another_thread_begins(false);
    was_counted = rouse_waiter_queue_waiter_count(&the.queue) != 0;
    first_new = the.used;
    if (injected[0] == 'A') {
        was_counted = rouse_waiter_queue_waiter_count(&the.queue) > old_waiters;
        injected_woken = rouse_waiter_queue_wake_all(&the.queue);
    } else {
        run_script(injected);
    }
    CHECK(another_thread_ends(false, mine));
    the.wakes_running = mine_wakes;
    the.stopped_count = 0;
    seam = mine_seam;
}

static void begin_case(const char *state, const char *first, uint64_t point) {
    (void)snprintf(case_name, sizeof case_name, "[%s] [%s]@%llu [%s]", state, first,
                   (unsigned long long)point, injected);
    begin_world(0, 0x7ffffffe);
    run_script(state);
    settle();
    old_waiters = rouse_waiter_queue_waiter_count(&the.queue);
    the.all_used = true;
    reached = false;
    came_in = false;
    first_new = the.used;
    seam.passed = 0;
    seam.stop_at = point;
    seam.stopped = look_and_inject;
    seam.limit = 20 * WORLD_POINTS;
}

static void end_case(void) {
    rouse_waiter_queue_destroy(&the.queue);
    CHECK(heap.bytes == 0);
}

/* How many of the slots [from, to) have been woken; each once. */
static uint32_t woken(int from, int to) {
    uint32_t sum = 0;
    for (int i = from; i < to; i++) {
        const slot *const s = &the.slots[i];
        if (s->state == SLOT_CANCELLED) {
            continue;
        }
        if (s->counted) {
            CHECK(s->outcome == ROUSE_OK);
            CHECK(s->polled || s->queued_at == 0 || s->wakes == 1); /* not queued: the wait said so itself */
            sum++;
        }
    }
    return sum;
}

/* Newcomers at a point of wake_all. False: it has no such point. */
static bool into_wake_all(const char *state, uint64_t point) {
    uint32_t result;
    uint32_t old;
    uint32_t fresh;
    begin_case(state, "A", point);
    result = rouse_waiter_queue_wake_all(&the.queue);
    seam.stop_at = 0;
    seam.limit = 0;
    settle();
    old = woken(0, first_new);
    fresh = woken(first_new, the.used);
    CHECK(old == old_waiters);
    CHECK(result == old + fresh);
    if (came_in && old_waiters != 0) {
        CHECK(fresh == (was_counted ? (uint32_t)(the.used - first_new) : 0));
        total.counted += was_counted ? 1 : 0;
        total.not_counted += was_counted ? 0 : 1;
    }
    CHECK(rouse_waiter_queue_waiter_count(&the.queue) == (uint32_t)(the.used - first_new) - fresh);
    CHECK(rouse_waiter_queue_wake_all(&the.queue) == (uint32_t)(the.used - first_new) - fresh);
    CHECK(rouse_waiter_queue_balance(&the.queue) == 0);
    end_case();
    return reached;
}

/* wake_all at a point of a wait. */
static bool into_wait(const char *state, char kind, uint64_t point) {
    const char name[2] = {kind, '\0'};
    slot *mine;
    begin_case(state, name, point);
    injected_woken = 0;
    mine = &the.slots[the.used];
    (void)act(kind, 1);
    seam.stop_at = 0;
    seam.limit = 0;
    settle();
    if (came_in) {
        CHECK(injected_woken == old_waiters + (was_counted ? 1 : 0));
        CHECK(woken(0, first_new) - (mine->counted ? 1 : 0) == old_waiters);
        CHECK(mine->counted == was_counted);
        total.counted += was_counted ? 1 : 0;
        total.not_counted += was_counted ? 0 : 1;
    }
    CHECK(rouse_waiter_queue_wake_all(&the.queue) == (came_in ? (was_counted ? 0u : 1u) : old_waiters + 1));
    CHECK(rouse_waiter_queue_balance(&the.queue) == 0);
    end_case();
    return reached;
}

/* A newcomer at a point of wake(1), or wake(1) at a point of a newcomer's wait: the oldest waiter is the one woken. */
static bool oldest_first(const char *state, char op, uint64_t point) {
    const char name[2] = {op, '\0'};
    int oldest = 0;
    begin_case(state, name, point);
    while (!is_waiting(&the.slots[oldest])) {
        oldest++;
    }
    (void)act(op, 1);
    seam.stop_at = 0;
    seam.limit = 0;
    if (!came_in && (op == 'W' || op == 'P')) {
        (void)act('R', 1);
    }
    settle();
    CHECK(the.slots[oldest].counted);
    CHECK(woken(0, the.used) == 1);
    CHECK(the.held == 1);
    (void)rouse_waiter_queue_wake_all(&the.queue);
    CHECK(rouse_waiter_queue_balance(&the.queue) == 0);
    end_case();
    return reached;
}

int main(void) {
    /* None of these has been served before, so that the test can tell the counted waiters from the woken
     * ones. */
    static const char *const states[] = {
        "",     "W",     "P",        "WW",         "PW",     "WWW",           "PPPP", "WWWWW",
        "WWC0", "WWWC1", "PPPPC1C2", "WWWWWWC2C3", "WWWWC3", "WWWWWWWC1C3C5", "WC0",  "WWC1C0P"};
    static const char *const newcomers[] = {"W", "P", "WWW"};
    for (size_t i = 0; i < sizeof states / sizeof *states; i++) {
        for (size_t j = 0; j < sizeof newcomers / sizeof *newcomers; j++) {
            injected = newcomers[j];
            for (uint64_t point = 1; into_wake_all(states[i], point); point++) {
            }
        }
        injected = "A";
        for (uint64_t point = 1; into_wait(states[i], 'W', point); point++) {
        }
        for (uint64_t point = 1; into_wait(states[i], 'P', point); point++) {
        }
        if (states[i][0] == '\0' || strcmp(states[i], "WC0") == 0) {
            continue;
        }
        for (size_t j = 0; j < 2; j++) {
            injected = newcomers[j];
            for (uint64_t point = 1; oldest_first(states[i], "RNO"[j], point); point++) {
            }
        }
        injected = "R1";
        for (uint64_t point = 1; oldest_first(states[i], 'W', point); point++) {
        }
        for (uint64_t point = 1; oldest_first(states[i], 'P', point); point++) {
        }
    }
    CHECK(total.counted != 0 && total.not_counted != 0);
    printf("identity: %llu points (%llu more under the lock): %llu times who came in was counted and woken, "
           "%llu times it came "
           "after the count and waits\n",
           (unsigned long long)total.points, (unsigned long long)total.locked,
           (unsigned long long)total.counted, (unsigned long long)total.not_counted);
    return 0;
}
