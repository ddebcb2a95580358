/* tests/faults/timed.c: a blocking call whose time is up races with everything else, at every scheduling point of its waiting
 * and cancelling. Whoever wins, the ledger is exact: a time-out that lost to a grant has reported ROUSE_OK, one that won has
 * left nothing behind, and who queued behind it is served.
 *
 * Points at which the call holds the queue's lock (MUTEX, SPIN) are left out and counted. */
#include "world.h"

#include <rouse/blocking.h>

typedef struct tally {
    uint64_t points, locked, granted, late, closed;
} tally;

static tally total;
static const char *injected;
static bool reached;

static void inject(void) {
    const rouse_inbox_ none = {ROUSE_ATOMIC_INIT_(0), ROUSE_ATOMIC_INIT_(NULL), {NULL, NULL}};
    const rouse_inbox_ mine = *rouse_inbox_mine_();
    const seam_state mine_seam = seam;
    reached = true;
    if (raw_locked()) {
        total.locked++;
        return;
    }
    total.points++;
    seam.stop_at = 0;
    the.stopped[0].op = 'C'; /* who may keep others' cancels waiting, if it grants them */
    the.stopped_count = 1;
    *rouse_inbox_mine_() = none;
    run_script(injected);
    *rouse_inbox_mine_() = mine;
    the.stopped_count = 0;
    seam = mine_seam;
}

static bool run_case(const char *state, uint32_t n, const char *script, uint64_t point) {
    rouse_status status;
    injected = script;
    (void)snprintf(case_name, sizeof case_name, "[%s] timed %u@%llu [%s]", state, (unsigned)n,
                   (unsigned long long)point, script);
    begin_world(0, 0x7ffffffe);
    the.all_used = strchr(script, 'A') != NULL;
    run_script(state);
    reached = false;
    seam.passed = 0;
    seam.stop_at = point;
    seam.stopped = inject;
    seam.limit = 20 * WORLD_POINTS;
    /* The semaphore is nothing but its queue. */
    status = rouse_semaphore_acquire_timed((rouse_semaphore *)(void *)&the.queue, n, 1);
    seam.stop_at = 0;
    seam.limit = 0;
    if (status == ROUSE_OK) {
        the.held += n;
        the.gained += the.all_used ? n : 0;
        total.granted++;
    } else if (status == ROUSE_CLOSED) {
        EXPECT(the.closed);
        total.closed++;
    } else {
        EXPECT(status == ROUSE_TIMEDOUT);
        total.late++;
    }
    check_end();
    return reached;
}

int main(void) {
    static const char *const states[] = {"", "R2", "W", "P", "WW", "WWC0", "H1", "H1PPC1"};
    static const char *const scripts[] = {"R1",  "R2",    "R3",    "R1R1R1", "N",  "O",  "A",    "X",
                                          "PR1", "PR3R1", "WR1R1", "PX",     "PA", "C0", "C0R1", "T1"};
    for (size_t i = 0; i < sizeof states / sizeof *states; i++) {
        for (size_t j = 0; j < sizeof scripts / sizeof *scripts; j++) {
            for (uint32_t n = 1; n <= 3; n += 2) {
                for (uint64_t point = 1; run_case(states[i], n, scripts[j], point); point++) {
                }
            }
        }
    }
    EXPECT(total.granted != 0 && total.late != 0 && total.closed != 0);
    printf("timed: %llu points (%llu more under the lock): %llu granted, %llu timed out, %llu closed\n",
           (unsigned long long)total.points, (unsigned long long)total.locked,
           (unsigned long long)total.granted, (unsigned long long)total.late,
           (unsigned long long)total.closed);
    return 0;
}
