/* tests/faults/stopped.c: one thread, or two, stopped for good at any scheduling point of any call; the others go on.
 *
 * For each state of the queue, each call in it and each scheduling point of that call: the call is stopped there, others do
 * their calls, each of which must return within a bounded number of atomic operations, and everything but the permits that
 * the stopped call has in hand must be within their reach. Then the stopped call goes on to its end, and the ledger must be
 * exact. The one exception promised: cancel of a waiter that a stopped thread is granting may wait for it.
 *
 * "Stopped" costs no thread: the seam runs the others' script from the middle of the stopped call, with the per-thread
 * state of the library exchanged. In mode "signal" it is not exchanged: that is a signal handler.
 *
 * With MUTEX and SPIN the points at which the call holds the lock are counted and left out: nobody else can do anything
 * there, which is what these backends say of themselves. At all other points they are raced like LOCKFREE.
 *
 *   stopped one       one stopped thread
 *   stopped two       two stopped threads (LOCKFREE); two-all: of more calls, in more states
 *   stopped recycle   one, while the others use every segment again and again
 *   stopped signal    a signal handler at every point (LOCKFREE)
 *   stopped MODE STRIDE    of so many combinations one is tried
 *   stopped MODE STATE CALL OTHERS [SECOND CALL]    all points of one case */
#include "world.h"

#include <signal.h>
#include <unistd.h>

/* States, each a script on an empty queue. With two cells in a segment these cover: nobody, credit, waiters in one and in
 * several segments, at each offset, partial credit, phantoms at the head, in the middle, at the end, and segments that have
 * been retired, removed, recycled. */
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
    "",      "W",       "P3",     "R1",         "R3",   "N",     "O",      "A",       "X",
    "C0",    "C1",      "L",      "T1",         "I0",   "I1",    "WR1",    "WAW",     "H9",
    "G9",    "WWWWWWW", "R1R1R1", "C0C1C2C3C4", "PLPL", "PLH6",  "XR1W",   "C1R1",    "WWWLLR2",
    "R2C2W", "WLH5",    "C0H6W",  "I1H2W",      "I1H3", "P2LH2", "P2LH5W", "I1I1H3W",
};

/* For two stopped threads; `two` takes the first few of each, `two-all` all. */
static const char *const states_two[] = {"", "H3WWWC4", "WWWWWWC2C3", "PP", "W3R1", "R1", "WG6W", "WWWC2"};
static const char *const calls_two[] = {"W", "R3", "L", "I1", "A", "C0", "W3", "R1", "C1", "X"};
static const char *const answers_two[] = {"WR1LH6", "C1R2WA", "I1H3"};

static const char *const answers_signal[] = {"R1", "R2",    "N",      "O",   "A",
                                             "T1", "R1T1N", "R1R1R1", "AR1", "OOO"};

/* For mode recycle: every segment is retired or removed, and used again, several times over. */
static const char *const answers_recycle[] = {"H40",        "H7G9H20",     "P3LH30",
                                              "I1H21I1H20", "WWWWLLLLH33", "G9G9P5LH9G9"};

typedef struct tally {
    uint64_t points;   /* stops                                                   */
    uint64_t locked;   /* points left out: the call held the lock                 */
    uint64_t cases;    /* runs                                                    */
    uint64_t excepted; /* cancels that waited for the stopped thread, as they may */
} tally;

static tally total;
static bool as_handler;
static bool with_reach;
static uint32_t first_serial;
static const char *others;
static const char *second; /* the call that is stopped second; NULL: none */
static uint64_t second_point;
static bool reached[2];
static call call_at[2]; /* what is being stopped, by depth */

/* Notes what a script's one call is about, and who is queued before it. False: it makes no sense here. */
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

static void others_run(void) {
    run_script(others);
    if (with_reach) {
        check_reach();
    }
}

/* The call `depth` stands still from here to the end of this function. */
static void stop(int depth) {
    const rouse_deferral_ none = {ROUSE_ATOMIC_INIT_(0), ROUSE_ATOMIC_INIT_(NULL)};
    const rouse_deferral_ mine = *rouse_my_deferral_();
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
    if (!as_handler) {
        *rouse_my_deferral_() = none;
    }
    if (depth == 1 || second == NULL) {
        others_run();
    } else if (prepare_call(second, 1)) {
        seam.passed = 0;
        seam.stop_at = second_point;
        seam.stopped = stop_second;
        (void)act(call_at[1].op, call_at[1].n);
        seam.stop_at = 0;
    }
    if (!as_handler) {
        EXPECT(rouse_my_deferral_()->running_.value_ == 0 && rouse_my_deferral_()->inbox_.value_ == NULL);
        *rouse_my_deferral_() = mine;
    }
    seam = mine_seam;
    the.wakes_running = mine_wakes;
    the.stopped_count--;
}

/* One case. True: the points were reached. */
static bool run_case(const char *state, const char *first, uint64_t point, const char *answer) {
    (void)snprintf(case_name, sizeof case_name, "[%s] [%s]@%llu [%s]@%llu [%s]%s%s serial %#x", state, first,
                   (unsigned long long)point, second == NULL ? "" : second, (unsigned long long)second_point,
                   answer, with_reach ? " reach" : "", as_handler ? " handler" : "", (unsigned)first_serial);
    begin_world(0, first_serial);
    the.all_used = strchr(answer, 'A') != NULL || first[0] == 'A' || (second != NULL && second[0] == 'A');
    run_script(state);
    others = answer;
    reached[0] = reached[1] = false;
    if (prepare_call(first, 0)) {
        seam.passed = 0;
        seam.stop_at = point;
        seam.limit = 20 * WORLD_POINTS;
        seam.stopped = stop_first;
        (void)act(call_at[0].op, call_at[0].n);
        seam.stop_at = 0;
        seam.limit = 0;
    }
    EXPECT(rouse_my_deferral_()->running_.value_ == 0 && rouse_my_deferral_()->inbox_.value_ == NULL);
    for (int i = 0; i < the.used; i++) {
        total.excepted += the.slots[i].excepted ? 1 : 0;
    }
    total.cases++;
    check_end();
    return reached[0] && (second == NULL || reached[1]);
}

static uint64_t stride = 1; /* of so many combinations one is tried */
static uint64_t combination;

/* All points of one combination, with and without the look at what is within reach. */
static void run_points(const char *state, const char *first, const char *answer) {
    if (combination++ % stride != 0) {
        return;
    }
    for (int reach = 0; reach < 2; reach++) {
        with_reach = reach == 1;
        for (uint64_t point = 1;; point++) {
            if (second == NULL) {
                if (!run_case(state, first, point, answer)) {
                    break;
                }
                continue;
            }
            for (second_point = 1; run_case(state, first, point, answer); second_point++) {
            }
            if (!reached[0]) {
                break;
            }
        }
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
                    second = calls_two[k];
                    run_points(states_two[i], calls_two[j], answers_two[m]);
                }
            }
        }
    }
    second = NULL;
}

/* Says which case it was. */
static void crashed(int number) {
    static const char text[] = "crashed in case ";
    if (write(2, text, sizeof text - 1) < 0 || write(2, case_name, strlen(case_name)) < 0 ||
        write(2, "\n", 1) < 0) {
        _exit(3);
    }
    _exit(number);
}

int main(int argc, char **argv) {
    const char *const mode = argc > 1 ? argv[1] : "";
    as_handler = strcmp(mode, "signal") == 0;
    (void)signal(SIGSEGV, crashed);
    if (argc == 3) {
        stride = strtoull(argv[2], NULL, 10);
    }
    if (argc >= 5) {
        second = argc > 5 ? argv[5] : NULL;
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
    } else if (strcmp(mode, "recycle") == 0) {
        first_serial = 0x7ffffff0; /* the tickets wrap meanwhile */
        run_one(answers_recycle, COUNT(answers_recycle));
    } else if (as_handler && ROUSE_BACKEND == ROUSE_BACKEND_LOCKFREE) {
        run_one(answers_signal, COUNT(answers_signal));
    } else {
        fprintf(stderr,
                "usage: stopped one|recycle|two|two-all|signal [STRIDE | STATE CALL OTHERS [SECOND CALL]] "
                "(two, signal: LOCKFREE)\n");
        return 2;
    }
    printf("%s: stopped at %llu scheduling points, %llu more were under the lock, %llu runs, %llu cancels "
           "waited for the "
           "thread that granted their waiter\n",
           mode, (unsigned long long)total.points, (unsigned long long)total.locked,
           (unsigned long long)total.cases, (unsigned long long)total.excepted);
    return total.points == 0 ? 1 : 0;
}
