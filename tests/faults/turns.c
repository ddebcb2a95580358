/* tests/faults/turns.c: two calls that are stopped in turn, while a third thread uses the queue
 * (tests/support/fibers.h).
 *
 * stopped.c stops calls inside one another: the call that was stopped last continues first. Here each of two
 * calls continues a little while the other is stopped:
 *
 *     FIRST begins, and stops at its a-th scheduling point; others do BETWEEN;
 *     SECOND begins, and stops at its b-th; others do THEN;
 *     FIRST continues for c points, SECOND runs to its end, FIRST runs to its end.
 *
 * All a, b, c are tried. The ledger must be exact at the end, the waiters served in order, and every call
 * must have returned.
 *
 *   turns all [STRIDE]                      one of that many cases is tried
 *   turns narrow [STRIDE]                   of cases that must meet in a window of a few steps, every second point: between an
 *                                           operation and the next there are two
 *   turns STATE FIRST BETWEEN SECOND THEN   all points of one */
#include "world.h"

#include "../support/fibers.h"

static const struct turns {
    const char *state, *first, *between, *second, *then;
} table[] = {
    /* Segments of two cells are appended, retired and recycled while two appenders are stopped. */
    {"", "W", "WW", "W", "WR2"},
    {"", "W", "WW", "W", "WR3"},
    {"", "W", "WW", "W3", "WR2"},
    {"", "W3", "WW", "W", "WR2"},
    {"WW", "W", "WW", "W", "WR4"},
    {"WW", "W", "WW", "W", "WR2R2R1"},
    {"WW", "W", "G2", "W", "WR3"},
    {"WW", "W", "WWR2", "W", "WR2"},
    {"", "W", "WW", "R1", "WR2"},
    /* A waker, a canceller or a withdrawal against an appender. */
    {"WW", "R1", "W", "W", "R1W"},
    {"WWW", "R2", "W", "W", "R2W"},
    {"WWW", "C1", "W", "W", "R2W"},
    {"WWWW", "C2", "C3", "W", "R2W"},
    {"WW", "I1", "W", "W", "WR3"},
    {"WW", "W", "W", "I1", "WR3"},
    /* Two wakers, two cancellers, one of each. */
    {"WWW", "R1", "R1", "R1", "WWR1"},
    {"WWWW", "R2", "W", "R2", "WW"},
    {"WWWW", "C0", "C2", "C1", "WR1"},
    {"WWWWW", "C2", "W", "C3", "WR2"},
    {"WWWW", "C1", "R1", "R1", "WR1"},
    {"PPP", "C1", "R1", "R1", "PR1"},
    {"W3WW", "C0", "R1", "R2", "W"},
    {"WWW", "A", "W", "R1", "WR1"},
    {"WWW", "X", "W", "R1", "W"},
};

static const struct turns narrow[] = {
    /* Two cancels of one waiter: one of them has it, though the head comes to it meanwhile; or its segment goes. */
    {"WWW", "C1", "R1", "D1", ""},
    {"PPP", "C1", "R1", "D1", ""},
    {"WWWWC3", "C2", "R2", "D2", ""},
    {"WWWWWC3", "C2", "R2", "D2", "R1"},
    {"W3WW", "C0", "R1", "D0", ""},
    {"WP3W", "C1", "R2", "D1", "R1"},
    /* A segment is linked, and its appender has not said so; meanwhile it is used up, and one whose link fails has it. */
    {"", "W", "", "W", "WWR2WW"},
    {"WW", "W", "", "W", "WWWR5"},
    {"WW", "W", "", "W", "WWWR5WWW"},
    /* Segments end: the last one while somebody links behind it; the one before a cell that is being taken back. */
    {"WWWWC2", "C3", "", "W", ""},
    {"WWWWC2", "C3", "WWWWW", "W", ""},
    {"W3", "R2", "", "C0", ""},
    {"W3", "R2", "WW", "C0", ""},
    /* A wait finds a permit, which somebody else takes. */
    {"", "W", "R1", "T1", ""},
    /* A wake comes before the waiter is in its cell, continues with others, and comes back to find it, or
     * to find that it has left. */
    {"", "W", "W", "R2", ""},
    {"", "W", "PC1", "R2", ""},
    {"", "I1", "W", "R2", "WW"},
    {"", "I1", "W", "A", "W"},
    {"", "I1", "W", "X", ""},
    /* A release serves the last cell of a waiter while a close serves its others. */
    {"W2", "R1", "", "X", ""},
    {"W3R1", "R1", "", "X", ""},
};

static struct tally { uint64_t runs, switches; } total;

static void (*const enough)(void) = fiber_give_way;
static uint64_t patience = WORLD_POINTS; /* a call that has run for that many points waits for another */

/* Lets one of the three run for that many scheduling points; 0: to its end, or until it waits for another. */
static void go_on(int who, uint64_t points) {
    static int wakes_running[FIBERS];
    if (fiber_done(who)) {
        return;
    }
    seam.stop_at = points == 0 ? 0 : seam.passed + points;
    seam.limit = seam.passed + patience;
    the.wakes_running = wakes_running[who];
    fiber_resume(who);
    wakes_running[who] = the.wakes_running;
    seam.stop_at = seam.limit = 0;
    total.switches++;
}

static void script(void *text) {
    run_script((const char *)text);
}
static void others(const char *text) {
    fiber_start(2, script, (void *)(uintptr_t)text);
    go_on(2, 0);
}

/* True: FIRST came to its point. */
static bool run_case(const struct turns *t, uint32_t serial, const uint64_t *points, bool *second_reached) {
    bool first_reached;
    (void)snprintf(case_name, sizeof case_name, "[%s] [%s]@%llu [%s] [%s]@%llu [%s] +%llu serial %#x",
                   t->state, t->first, (unsigned long long)points[0], t->between, t->second,
                   (unsigned long long)points[1], t->then, (unsigned long long)points[2], (unsigned)serial);
    begin_world(0, serial);
    the.all_used = strchr(t->first, 'A') != NULL || strchr(t->second, 'A') != NULL;
    run_script(t->state);
    seam.stopped = seam.overrun = enough;
    fiber_start(0, script, (void *)(uintptr_t)t->first);
    go_on(0, points[0]);
    first_reached = !fiber_done(0);
    others(t->between);
    if (fiber_done(2)) {
        fiber_start(1, script, (void *)(uintptr_t)t->second);
        go_on(1, points[1]);
        *second_reached = !fiber_done(1);
        others(t->then);
        go_on(0, points[2]);
        go_on(1, 0);
    } else {
        *second_reached = false; /* the others wait for FIRST: a cancel may */
        fiber_start(1, script, (void *)(uintptr_t)t->second);
    }
    for (int i = 0; i < 9; i++) {
        go_on(i % 3, 0);
    }
    for (int i = 0; i < 3; i++) {
        if (!fiber_done(i)) {
            FAIL("call %d does not return", i);
        }
    }
    total.runs++;
    seam.overrun = someone_spins;
    seam.limit = seam.passed + 50 * WORLD_POINTS;
    check_end();
    return first_reached;
}

static uint64_t stride = 1;
static uint64_t step = 1;
static uint32_t serials[] = {0, 0x7ffffffe}; /* where the tickets begin: at the second, they wrap */

static void run_points(const struct turns *t) {
    bool second_reached;
    uint64_t points[3];
    uint64_t number = 0;
    for (size_t i = 0; i < 2 && (i == 0 || serials[i] != serials[0]); i++) {
        const uint32_t from = serials[i];
        for (points[0] = 1; points[0] == 1 || run_case(t, from, points, &second_reached); points[0] += step) {
            points[1] = points[2] = 1;
            /* A SECOND that waits for FIRST has no last point. */
            for (second_reached = true; second_reached && points[1] <= 240; points[1] += step) {
                for (points[2] = 1; points[2] <= 48; points[2] += step) {
                    if (number++ % stride == 0) {
                        (void)run_case(t, from, points, &second_reached);
                    }
                }
            }
            points[1] = points[2] = 1;
        }
    }
}

int main(int argc, char **argv) {
    say_which_crashes();
    fibers_setup(&rouse_inbox_v2_, sizeof rouse_inbox_v2_);
    if (argc == 1 || argc > 6) {
        fprintf(
            stderr,
            "usage: turns all [STRIDE] | turns narrow [STRIDE] | turns STATE FIRST BETWEEN SECOND THEN\n");
        return 2;
    }
    stride = argc == 3 ? strtoull(argv[2], NULL, 10) : 1;
    if (argc == 6) {
        const struct turns one = {argv[1], argv[2], argv[3], argv[4], argv[5]};
        run_points(&one);
    } else if (strcmp(argv[1], "narrow") == 0) {
        step = 2;
        patience = 500;
        serials[0] = serials[1];
        for (size_t i = 0; i < sizeof narrow / sizeof *narrow; i++) {
            run_points(&narrow[i]);
        }
    } else {
        for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
            run_points(&table[i]);
        }
    }
    printf("turns: %llu runs, %llu switches\n", (unsigned long long)total.runs,
           (unsigned long long)total.switches);
    return total.runs == 0 ? 1 : 0;
}
