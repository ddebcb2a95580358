/* tests/faults/stopped.c: one thread, two, or three, stopped for good at any scheduling point of any call;
 * the others continue.
 *
 * The test takes each state of the queue, each call in it and each scheduling point of that call. It stops
 * the call there, and others do their calls, each of which must return within a bounded number of atomic
 * operations. Everything except the permits that the stopped call has in hand must be within their reach.
 * Then the stopped call runs to its end, and the ledger must be exact. There is one promised exception:
 * cancel of a waiter that a stopped thread is granting may wait for it.
 *
 * "Stopped" costs no thread: the seam runs the others' script from the middle of the stopped call, with the
 * per-thread state of the library exchanged. In mode "signal" it is not exchanged: that is a signal handler.
 *
 * With MUTEX and SPIN the points at which the call holds the lock are counted and left out: nobody else can
 * do anything there, which is what these backends say of themselves. At all other points they are raced like
 * LOCKFREE.
 *
 *   stopped one       one stopped thread
 *   stopped two       two stopped threads (LOCKFREE); two-all: of more calls, in more states
 *   stopped three     three (LOCKFREE), while the others recycle segments; a sample of the points
 *   stopped recycle   one, while the others use every segment again and again
 *   stopped signal    a signal handler at every point (LOCKFREE)
 *   stopped handlers  a signal handler, once or again and again, at every point of a script that recycles segments (LOCKFREE)
 *   stopped MODE STRIDE    one of that many combinations (three: points) is tried
 *   stopped MODE STATE CALL OTHERS [SECOND CALL [THIRD CALL]]    all points of one case; handlers: STATE SCRIPT HANDLER */
#include "world.h"

/* States, each a script on an empty queue. With two cells in a segment these cover nobody, credit, partial
 * credit, and waiters in one and in several segments, at each offset. They also cover cancelled cells at
 * the head, in the middle and at the end, and segments that have been retired, removed, recycled. */
static const char *const states[] = {
    "",       "R3",         "W",     "P",       "WW",    "PPP",          "WWWWW",      "W3",
    "W3R1",   "WW3WR2",     "R1W3",  "PC0",     "WWWC1", "WWWWC1C2",     "WWWWWWC2C3", "WWWWWWC1C2C3C4",
    "WWC1C0", "WWWWC0C1C2", "H3",    "H3WWWC4", "H2W",   "H1WWP",        "PP3PC2",     "H4P3P",
    "WYW",    "ZW",         "G5",    "WG6",     "WG6W",  "WWWWWWC3C4C5", "P5R2W",      "PPPPR1C2",
    "WWWC2",  "WWWWWC4",    "YWWWW", "YYWWW",   "YZWWP",
};
static const char *const calls[] = {"W", "P", "W3", "W5", "Y",  "I0", "I1", "R1", "R2", "R3", "R7",
                                    "N", "O", "A",  "X",  "C0", "C1", "C2", "C3", "L",  "T1", "T2"};
static const char *const answers[] = {
    "",      "W",       "P3",     "R1",         "R3",    "N",    "O",     "A",      "X",
    "C0",    "C1",      "L",      "T1",         "I0",    "I1",   "WR1",   "WAW",    "H9",
    "G9",    "WWWWWWW", "R1R1R1", "C0C1C2C3C4", "PLPL",  "PLH6", "XR1W",  "C1R1",   "WWWLLR2",
    "R2C2W", "WLH5",    "K2",     "C0H6W",      "I1H2W", "I1H3", "P2LH2", "P2LH5W", "I1I1H3W",
};

/* For two stopped threads; `two` takes the first few of each, `two-all` all. */
static const char *const states_two[] = {"", "H3WWWC4", "WWWWWWC2C3", "PP", "W3R1", "R1", "WG6W", "WWWC2"};
static const char *const calls_two[] = {"W", "R3", "L", "I1", "A", "C0", "W3", "R1", "C1", "X"};
static const char *const answers_two[] = {"WR1LH6", "C1R2WA", "I1H3"};

static const char *const answers_signal[] = {"R1",    "R2",     "N",   "O",   "A", "T1",
                                             "R1T1N", "R1R1R1", "AR1", "OOO", "X", "XR1T1"};

/* For mode recycle: every segment is retired or removed, and used again, several times over. */
static const char *const answers_recycle[] = {"H40",        "H7G9H20",     "P3LH30",
                                              "I1H21I1H20", "WWWWLLLLH33", "G9G9P5LH9G9"};

/* For three; each row of calls is stopped one inside the other. */
static const char *const states_three[] = {"", "WW", "WWWWWC2C3", "H3WWW", "WWWG2W", "WWWC0"};
static const char *const calls_three[][3] = {
    {"W", "W", "W"},    {"W", "R1", "L"},   {"R1", "W", "W"},   {"L", "W", "R1"},  {"R1", "R2", "R1"},
    {"C0", "L", "W"},   {"W3", "W", "R2"},  {"R3", "L", "W"},   {"I1", "W", "R1"}, {"A", "W", "L"},
    {"W", "C0", "W"},   {"L", "L", "L"},    {"X", "W", "R1"},   {"W", "L", "A"},   {"R1", "C1", "I1"},
    {"R7", "W3", "C1"}, {"W3", "W5", "W3"}, {"C1", "R1", "C0"},
};
static const char *const answers_three[] = {"H7", "WWWLLR3WWR2", "G5H3"};

/* For mode handlers: all ask for one permit. Scripts in which segments are linked, used up or removed, and used again. */
static const char *const states_handlers[] = {"", "W", "WWWWWC2C3", "H3WW", "PPPPG3"};
static const char *const scripts_handlers[] = {
    "WWWWWR3WWR2WWR4WWWWR3WWR2WWR4", "WWWWWLLLWWWLLWWR2WWWWLLLLWWWR3WLLL", "PPPPG3R2PPG4R3PPG3R2G2R1",
    "WWWWWWC3C2WWR4WWWC7C9C8R1WWWWWR5", "H16"};
static const char *const answers_handlers[] = {"R1", "R2T1", "O", "OO", "A", "N", "R1R1R1T3", "AR1T1"};
static const uint64_t agains[] = {0, 13, 47}; /* it comes once, or again after that many points */

typedef struct tally {
    uint64_t points;   /* stops                                                   */
    uint64_t locked;   /* points left out: the call held the lock                 */
    uint64_t cases;    /* runs                                                    */
    uint64_t excepted; /* cancels that waited for the stopped thread, as they may */
    uint64_t reused;   /* segments taken from the pool, in mode handlers          */
} tally;

static tally total;
static bool as_handler;
static bool with_reach;
static uint32_t first_serial;
static const char *others;
enum { DEPTH = 3 };

static int stopped_calls = 1;        /* how many are stopped, one inside the other */
static const char *next_call[DEPTH]; /* the second and the third of them           */
static uint64_t stop_point[DEPTH];   /* where each is stopped                      */
static bool reached[DEPTH];
static call call_at[DEPTH]; /* what is being stopped, by depth */

/* Notes what a script's one call is about, and which waiters are queued before it. False: it makes no
 * sense here. */
static bool prepare_call(const char *script, int depth) {
    call *const c = &call_at[depth];
    c->op = next_op(&script, &c->n);
    c->own = own_slot(c->op, c->n);
    if (c->op == 'C' || c->op == 'L') {
        if (c->own == NULL || c->own->state != SLOT_QUEUED || c->own->busy || c->own->excepted) {
            return false;
        }
    }
    for (int i = 0; i < the.used; i++) {
        the.slots[i].old = the.slots[i].old || the.slots[i].state == SLOT_QUEUED;
    }
    return true;
}

static void stop(int depth);

static void stop_first(void) {
    stop(0);
}
static void stop_second(void) {
    stop(1);
}
static void stop_third(void) {
    stop(2);
}
static void (*const stop_at_depth[DEPTH])(void) = {stop_first, stop_second, stop_third};

/* Runs the call that is to be stopped at this depth. */
static void run_call(int depth) {
    seam.passed = 0;
    seam.stop_at = stop_point[depth];
    seam.stopped = stop_at_depth[depth];
    (void)act(call_at[depth].op, call_at[depth].n);
    seam.stop_at = 0;
}

static void others_run(void) {
    run_script(others);
    if (with_reach) {
        check_reach();
    }
}

/* The call `depth` is stopped from here to the end of this function. */
static void stop(int depth) {
    rouse_inbox_ mine;
    const seam_state mine_seam = seam;
    const int mine_wakes = the.wakes_running;
    if (raw_locked()) {
        total.locked++;
        reached[depth] = true;
        return;
    }
    total.points++;
    reached[depth] = true;
    the.stopped[the.stopped_count++] = call_at[depth];
    seam.stop_at = 0;
    the.wakes_running = 0;
    mine = another_thread_begins(as_handler);
    if (depth + 1 == stopped_calls) {
        others_run();
    } else if (prepare_call(next_call[depth + 1], depth + 1)) {
        run_call(depth + 1);
    }
    CHECK(another_thread_ends(as_handler, mine));
    seam = mine_seam;
    the.wakes_running = mine_wakes;
    the.stopped_count--;
}

/* Writes down which case it is. */
static void name_case(const char *state, const char *answer) {
    int end = snprintf(case_name, sizeof case_name, "[%s]", state);
    for (int i = 0; i < stopped_calls; i++) {
        end += snprintf(case_name + end, sizeof case_name - (size_t)end, " [%s]@%llu", next_call[i],
                        (unsigned long long)stop_point[i]);
    }
    (void)snprintf(case_name + end, sizeof case_name - (size_t)end, " [%s]%s%s serial %#x", answer,
                   with_reach ? " reach" : "", as_handler ? " handler" : "", (unsigned)first_serial);
}

/* One case. True: the points were reached. */
static bool run_case(const char *state, const char *answer) {
    name_case(state, answer);
    begin_world(0, first_serial);
    the.all_used = strchr(answer, 'A') != NULL;
    for (int i = 0; i < stopped_calls; i++) {
        the.all_used = the.all_used || next_call[i][0] == 'A';
        reached[i] = false;
    }
    run_script(state);
    others = answer;
    if (prepare_call(next_call[0], 0)) {
        seam.limit = 20 * WORLD_POINTS;
        run_call(0);
        seam.limit = 0;
    }
    CHECK(inbox_is_empty());
    for (int i = 0; i < the.used; i++) {
        total.excepted += the.slots[i].excepted ? 1 : 0;
    }
    total.cases++;
    check_end();
    return reached[stopped_calls - 1];
}

static uint64_t stride = 1; /* one of that many combinations is tried */
static uint64_t combination;

/* One of that many points of each call is tried, not the same ones each time. */
static uint64_t point_stride = 1;
static uint64_t any_point(void) {
    static uint64_t state = 88172645463325252u;
    if (point_stride == 1) {
        return 1;
    }
    state = state * 6364136223846793005u + 1442695040888963407u;
    return 1 + (state >> 33) % (2 * point_stride - 1); /* point_stride on average */
}

/* All points of the calls from `depth` on. */
static void run_depth(const char *state, const char *answer, int depth) {
    for (stop_point[depth] = any_point();; stop_point[depth] += any_point()) {
        if (depth + 1 < DEPTH && depth + 1 < stopped_calls) {
            run_depth(state, answer, depth + 1);
        } else {
            (void)run_case(state, answer);
        }
        if (!reached[depth]) {
            return;
        }
    }
}

/* All points of one combination, with and without the look at what is within reach. */
static void run_points(const char *state, const char *first, const char *answer) {
    if (combination++ % stride != 0) {
        return;
    }
    next_call[0] = first;
    for (int reach = 0; reach < 2; reach++) {
        with_reach = reach == 1;
        run_depth(state, answer, 0);
    }
}

#define COUNT(table) (sizeof(table) / sizeof *(table))

static void run_one(const char *const *answer, size_t count) {
    for (size_t i = 0; i < COUNT(states); i++) {
        for (size_t j = 0; j < COUNT(calls); j++) {
            for (size_t k = 0; k < count; k++) {
                run_points(states[i], calls[j], answer[k]);
            }
        }
    }
}

static void run_two(size_t state_count, size_t call_count, size_t answer_count) {
    for (size_t i = 0; i < state_count; i++) {
        for (size_t j = 0; j < call_count; j++) {
            for (size_t k = 0; k < call_count; k++) {
                for (size_t m = 0; m < answer_count; m++) {
                    stopped_calls = 2;
                    next_call[1] = calls_two[k];
                    run_points(states_two[i], calls_two[j], answers_two[m]);
                }
            }
        }
    }
}

static void run_three(void) {
    stopped_calls = 3;
    for (size_t i = 0; i < COUNT(states_three); i++) {
        for (size_t j = 0; j < COUNT(calls_three); j++) {
            for (size_t k = 0; k < COUNT(answers_three); k++) {
                next_call[1] = calls_three[j][1];
                next_call[2] = calls_three[j][2];
                run_points(states_three[i], calls_three[j][0], answers_three[k]);
            }
        }
    }
}

/* ---- a script that is interrupted ---------------------------------------------------------------------------- */

static uint64_t again_after; /* after that many points the handler comes once more; 0: never */

static void handle(void) {
    const seam_state mine_seam = seam;
    const int mine_wakes = the.wakes_running;
    total.points++;
    reached[0] = true;
    the.stopped_count = 1; /* the handler's calls must return */
    the.wakes_running = 0;
    seam.stop_at = 0;
    run_script(others);
    the.stopped_count = 0;
    the.wakes_running = mine_wakes;
    seam = mine_seam;
    seam.stop_at = again_after == 0 ? 0 : seam.passed + again_after;
}

static uint64_t segments_reused(void) {
#if ROUSE_BACKEND == ROUSE_BACKEND_LOCKFREE
    const rouse_pool_ *const pool = (const rouse_pool_ *)the.queue.pool_.value_;
    return pool == NULL ? 0 : pool->free_.value_ >> 27;
#else
    return 0;
#endif
}

/* True: the point was reached. */
static bool run_interrupted(const char *state, const char *script, const char *answer, uint64_t point) {
    (void)snprintf(case_name, sizeof case_name, "[%s] [%s]@%llu+%llu [%s] serial %#x", state, script,
                   (unsigned long long)point, (unsigned long long)again_after, answer,
                   (unsigned)first_serial);
    begin_world(0, first_serial);
    the.exact = true;
    run_script(state);
    others = answer;
    reached[0] = false;
    seam.passed = 0;
    seam.stop_at = point;
    seam.stopped = handle;
    seam.limit = 20 * WORLD_POINTS;
    run_script(script);
    seam.stop_at = 0;
    seam.limit = 0;
    CHECK(inbox_is_empty());
    total.reused += segments_reused();
    total.cases++;
    check_end();
    return reached[0];
}

static void run_interruptions(const char *state, const char *script, const char *answer) {
    if (combination++ % stride == 0) {
        for (uint64_t point = 1; run_interrupted(state, script, answer, point); point++) {
        }
    }
}

static void run_handlers(void) {
    for (size_t i = 0; i < COUNT(states_handlers); i++) {
        for (size_t j = 0; j < COUNT(scripts_handlers); j++) {
            for (size_t k = 0; k < COUNT(answers_handlers); k++) {
                for (size_t m = 0; m < COUNT(agains); m++) {
                    again_after = agains[m];
                    run_interruptions(states_handlers[i], scripts_handlers[j], answers_handlers[k]);
                }
            }
        }
    }
    printf("segments were taken from the pool %llu times\n", (unsigned long long)total.reused);
    CHECK(total.reused > 3 * total.cases);
}

int main(int argc, char **argv) {
    const char *const mode = argc > 1 ? argv[1] : "";
    as_handler = strcmp(mode, "signal") == 0;
    say_which_crashes();
    if (argc == 3) {
        stride = strtoull(argv[2], NULL, 10);
    }
    if (argc == 5 && strcmp(mode, "handlers") == 0) {
        for (size_t m = 0; m < COUNT(agains); m++) {
            again_after = agains[m];
            run_interruptions(argv[2], argv[3], argv[4]);
        }
    } else if (argc >= 5) {
        stopped_calls = argc > 6 ? 3 : argc - 4;
        next_call[1] = argc > 5 ? argv[5] : NULL;
        next_call[2] = argc > 6 ? argv[6] : NULL;
        run_points(argv[2], argv[3], argv[4]);
    } else if (strcmp(mode, "one") == 0) {
        run_one(answers, COUNT(answers));
#if ROUSE_BACKEND == ROUSE_BACKEND_LOCKFREE
        first_serial = 0x7ffffffc; /* and again with the tickets about to wrap */
        run_one(answers, COUNT(answers));
#endif
    } else if (strcmp(mode, "two") == 0 && ROUSE_BACKEND == ROUSE_BACKEND_LOCKFREE) {
        run_two(4, 5, 1);
    } else if (strcmp(mode, "two-all") == 0 && ROUSE_BACKEND == ROUSE_BACKEND_LOCKFREE) {
        run_two(COUNT(states_two), COUNT(calls_two), COUNT(answers_two));
    } else if (strcmp(mode, "three") == 0 && ROUSE_BACKEND == ROUSE_BACKEND_LOCKFREE) {
        point_stride = stride;
        stride = 1;
        first_serial = 0x7ffffff4; /* the tickets wrap meanwhile */
        run_three();
    } else if (strcmp(mode, "recycle") == 0) {
        first_serial = 0x7ffffff0; /* likewise */
        run_one(answers_recycle, COUNT(answers_recycle));
    } else if (as_handler && ROUSE_BACKEND == ROUSE_BACKEND_LOCKFREE) {
        run_one(answers_signal, COUNT(answers_signal));
    } else if (strcmp(mode, "handlers") == 0 && ROUSE_BACKEND == ROUSE_BACKEND_LOCKFREE) {
        first_serial = 0x7ffffff4;
        run_handlers();
    } else {
        fprintf(stderr,
                "usage: stopped one|two|two-all|three|recycle|signal|handlers [STRIDE | STATE CALL OTHERS "
                "[SECOND CALL [THIRD CALL]]] (two, three, signal, handlers: LOCKFREE)\n");
        return 2;
    }
    printf("%s: stopped at %llu scheduling points, %llu more were under the lock, %llu runs, %llu cancels "
           "waited for the "
           "thread that granted their waiter\n",
           mode, (unsigned long long)total.points, (unsigned long long)total.locked,
           (unsigned long long)total.cases, (unsigned long long)total.excepted);
    return total.points == 0 ? 1 : 0;
}
