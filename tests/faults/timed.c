/* tests/faults/timed.c: blocking calls against everything else, at every scheduling point of their waiting,
 * sleeping and cancelling.
 *
 *   timed            a call whose time is up. The ledger is exact in any case: a time-out that lost to a grant has
 *                    reported ROUSE_OK, one that won has left nothing behind, and waiters behind it are served
 *   timed blocking   a call without a time-out. It gets its permits in the end, and sleeps no longer than that
 *   timed handler    both, with a signal handler on the call's own thread in place of other threads (LOCKFREE)
 *
 * Points at which the call holds the queue's lock (MUTEX, SPIN) are left out and counted. */
#include "world.h"

#include "sleeps.c" /* this program is one unit */

#include <rouse/blocking.h>

typedef struct tally {
    uint64_t points, locked, granted, late, closed, sleeps;
} tally;

static tally total;
static bool as_handler;
static bool without_end; /* the call has no time-out */
static int sleeps;       /* of this call             */
static const char *injected;
static bool reached;

/* What others do while the call is stopped, or a handler on its thread. */
static void meanwhile(const char *script) {
    const rouse_inbox_ mine = another_thread_begins(as_handler);
    const seam_state mine_seam = seam;
    seam.stop_at = 0;
    the.stopped[0].op = 'C'; /* this call may keep others' cancels waiting, if it grants their waiters */
    the.stopped_count = 1;
    run_script(script);
    CHECK(another_thread_ends(as_handler, mine));
    the.stopped_count = 0;
    seam = mine_seam;
}

static void inject(void) {
    reached = true;
    if (raw_locked()) {
        total.locked++;
        return;
    }
    total.points++;
    meanwhile(injected);
}

/* It sleeps. Without a time-out somebody must wake it. */
static void asleep(void) {
    total.sleeps++;
    if (without_end) {
        CHECK(++sleeps <= 3);
        meanwhile("R7");
    }
}

static bool run_case(const char *state, uint32_t n, const char *script, uint64_t point) {
    rouse_status status;
    injected = script;
    (void)snprintf(case_name, sizeof case_name, "[%s] %s %u@%llu [%s]%s", state,
                   without_end ? "blocking" : "timed", (unsigned)n, (unsigned long long)point, script,
                   as_handler ? " handler" : "");
    begin_world(0, 0x7ffffffe);
    the.all_used = strchr(script, 'A') != NULL;
    run_script(state);
    reached = false;
    sleeps = 0;
    seam.passed = 0;
    seam.stop_at = point;
    seam.stopped = inject;
    seam.limit = 20 * WORLD_POINTS;
    /* The semaphore is nothing but its queue. */
    status = without_end ? rouse_semaphore_acquire_blocking((rouse_semaphore *)(void *)&the.queue, n)
                         : rouse_semaphore_acquire_timed((rouse_semaphore *)(void *)&the.queue, n, 1);
    seam.stop_at = 0;
    seam.limit = 0;
    if (status == ROUSE_OK) {
        the.held += n;
        the.gained += the.all_used ? n : 0;
        total.granted++;
    } else if (status == ROUSE_CLOSED) {
        CHECK(the.closed);
        total.closed++;
    } else {
        CHECK(status == ROUSE_TIMEDOUT && !without_end);
        total.late++;
    }
    check_end();
    return reached;
}

static const char *const states[] = {"", "R2", "W", "P", "WW", "WWC0", "H1", "H1PPC1"};
static const char *const scripts[] = {"R1",  "R2",    "R3",    "R1R1R1", "N",  "O",  "A",    "X",
                                      "PR1", "PR3R1", "WR1R1", "PX",     "PA", "C0", "C0R1", "T1"};
static const char *const scripts_handler[] = {"R1", "R2", "R3",    "R1R1R1", "N", "O",
                                              "A",  "T1", "R1T1N", "AR1",    "OO"};

static void run(const char *const *script, size_t count) {
    for (size_t i = 0; i < sizeof states / sizeof *states; i++) {
        for (size_t j = 0; j < count; j++) {
            for (uint32_t n = 1; n <= 3; n += 2) {
                for (uint64_t point = 1; run_case(states[i], n, script[j], point); point++) {
                }
            }
        }
    }
}

int main(int argc, char **argv) {
    const char *const mode = argc > 1 ? argv[1] : "timed";
    sleeps_hook = asleep;
    as_handler = strcmp(mode, "handler") == 0;
    without_end = strcmp(mode, "blocking") == 0;
    if (as_handler) {
        run(scripts_handler, sizeof scripts_handler / sizeof *scripts_handler);
        without_end = true;
        run(scripts_handler, sizeof scripts_handler / sizeof *scripts_handler);
    } else {
        run(scripts, sizeof scripts / sizeof *scripts);
        CHECK(total.closed != 0);
    }
    CHECK(total.granted != 0 && total.sleeps != 0 && (total.late != 0) == (strcmp(mode, "blocking") != 0));
    printf("%s: %llu points (%llu more under the lock): %llu granted, %llu timed out, %llu closed, %llu "
           "sleeps\n",
           mode, (unsigned long long)total.points, (unsigned long long)total.locked,
           (unsigned long long)total.granted, (unsigned long long)total.late,
           (unsigned long long)total.closed, (unsigned long long)total.sleeps);
    return 0;
}
