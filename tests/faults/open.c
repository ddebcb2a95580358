/* tests/faults/open.c: LOCKFREE's throughput mode while a call is stopped, at any of its scheduling points.
 *
 *   open stopped [STRIDE]    the call's thread is stopped; others do their calls, each of which must return within a bounded
 *                            number of atomic operations
 *   open signal [STRIDE]     a signal handler releases and tries to acquire there
 *
 * Then the call runs to its end, every invited waiter answers, and every permit and every waiter must be
 * accounted for. No more newcomers may have passed than the bound allows. release and try_acquire ask for no
 * memory. STRIDE: one of that many combinations is tried.
 *
 * A script is a row of operations, each a letter:
 *
 *   W  a waiter for one        R  release 1       M  the longest invited resumes     C  cancel the first that waits
 *   B  a waiter for two        S  release 3       D  it declines                     L  cancel the last
 *   P  a polled waiter         T  try_acquire 1   A  a waiter that resumes in its wake
 *   U  reduce by 1             X  close */
#define CHECK_CONTEXT "in case %s", case_name
static char case_name[128];
#include "../support/check.h"
#include "heap.h"
#include "seam.h"

#include <rouse/semaphore.h>

#include "another_thread.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WAITERS = 40, POINTS = 2000, BOUND = 2 };

static const char *const states[] = {"",      "R",      "W",      "WR",     "WRT",    "WRRT",  "WWR",
                                     "WRWW",  "WWWR",   "WWWRMR", "WRTMRT", "WRWRTM", "BWR",   "BR",
                                     "PWR",   "WBR",    "WPR",    "WWWRDW", "WS",     "WWWSM", "WRTT",
                                     "WRTWM", "WWWWRL", "WWWCR",  "WWWWRM", "WRSST",  "AWW"};
static const char *const calls[] = {"W", "B", "P", "A", "R", "S", "T", "M", "D", "C", "L", "U", "X"};
static const char *const answers[] = {"R",    "T",   "RT",   "W",   "WR",     "WRM", "M",   "D",
                                      "C",    "L",   "U",    "X",   "ST",     "RRR", "TT",  "WW",
                                      "RTRT", "MRT", "DRTM", "CRT", "WWWRMS", "BRR", "PRR", "AR"};
static const char *const answers_signal[] = {"R", "S", "T", "TR", "RT", "RTRT", "SST", "TTT", "X", "RXT"};

typedef enum state { UNUSED, CALLING, QUEUED, DONE, CANCELLED } state;

typedef struct slot {
    rouse_waiter waiter;
    state state;
    bool told;    /* RETRY, and no answer yet */
    bool answers; /* in its wake */
    bool busy;    /* a call about it is in progress */
    uint32_t n;
    unsigned turn; /* its number in the order of the wakes */
} slot;

static struct {
    rouse_semaphore s;
    slot slots[WAITERS];
    int used;
    int64_t put_in;
    int64_t held;
    bool closed;
    unsigned turns;
    bool only_ones; /* nobody waits for two, or is polled: then the newcomers are counted */
    int64_t passed; /* newcomers while somebody waited */
    int64_t left;   /* waiters that got in meanwhile */
} the;

static bool as_handler;
static bool stopped_now;
static const char *others;
static uint64_t stops;
static uint64_t runs;
static uint64_t newcomers;

/* A call that lingers yields; there is no other thread to run, and on a busy machine each yield is a turn lost. */
int sched_yield(void) {
    return 0;
}

static void overrun(void) {
    fprintf(stderr, "FAILED in case %s: a call passed %d scheduling points and has not returned\n", case_name,
            POINTS);
    exit(1);
}

static void got_in(slot *w) {
    w->state = DONE;
    the.held += w->n;
    the.left++;
}

static void answer(slot *w);

static void on_wake(rouse_waiter *waiter, rouse_status status) {
    slot *const w = rouse_waiter_data(waiter);
    CHECK(w->state == CALLING || w->state == QUEUED);
    CHECK(!w->told);
    if (status == ROUSE_RETRY) {
        w->told = true;
        w->turn = ++the.turns;
        if (w->answers) {
            answer(w);
        }
    } else if (status == ROUSE_OK) {
        got_in(w);
    } else {
        CHECK(status == ROUSE_CLOSED && the.closed);
        w->state = DONE;
    }
}

/* A look that is no scheduling point. */
static rouse_status raw_status(const slot *w) {
    return rouse_outcome_status_(__atomic_load_n(&w->waiter.status_.value_, __ATOMIC_ACQUIRE));
}

/* Polled waiters learn it here. */
static void settle(void) {
    for (int i = 0; i < the.used; i++) {
        slot *const w = &the.slots[i];
        if (w->state == QUEUED && w->waiter.wake_ == NULL && raw_status(w) != ROUSE_PENDING) {
            CHECK(raw_status(w) == ROUSE_OK || the.closed);
            if (raw_status(w) == ROUSE_OK) {
                got_in(w);
            } else {
                w->state = DONE;
            }
        }
    }
}

/* Does anybody wait, whatever becomes of the calls in progress? */
static bool somebody_waits(void) {
    for (int i = 0; i < the.used; i++) {
        if (the.slots[i].state == QUEUED && !the.slots[i].busy) {
            return true;
        }
    }
    return false;
}

/* A newcomer has got in past `before`: somebody waited all the time. */
static void came(bool before) {
    if (before && somebody_waits() && the.only_ones) {
        the.passed++;
        newcomers++;
        /* A stopped call may have let one in, and let another pass. */
        CHECK(the.passed <= BOUND * (1 + the.left + (stopped_now ? 1 : 0)) + (stopped_now ? 1 : 0));
    } else if (!before) {
        the.passed = 0;
        the.left = 0;
    }
}

static void wait_for(uint32_t n, bool polled, bool answers_at_once) {
    slot *const w = &the.slots[the.used++];
    const bool before = somebody_waits();
    rouse_status status;
    CHECK(the.used <= WAITERS);
    the.only_ones = the.only_ones && n == 1 && !polled;
    w->n = n;
    w->answers = answers_at_once;
    w->state = CALLING;
    rouse_waiter_init(&w->waiter, polled ? NULL : on_wake, w);
    status = rouse_semaphore_acquire(&the.s, &w->waiter, n);
    if (status == ROUSE_PENDING) {
        w->state = w->state == CALLING ? QUEUED : w->state; /* its wake may have run */
    } else if (status == ROUSE_OK) {
        CHECK(w->state == CALLING);
        w->state = DONE;
        the.held += n;
        came(before);
    } else {
        CHECK(status == ROUSE_CLOSED && the.closed);
        w->state = DONE;
    }
}

static void answer(slot *w) {
    rouse_status status;
    w->told = false; /* its wake may run again before resume is back */
    w->busy = true;
    status = rouse_semaphore_resume(&the.s, &w->waiter);
    w->busy = false;
    if (status == ROUSE_OK) {
        got_in(w);
    } else if (status == ROUSE_CLOSED) {
        CHECK(the.closed);
        w->state = DONE;
    } else {
        CHECK(status == ROUSE_PENDING);
    }
}

static slot *longest_told(void) {
    slot *found = NULL;
    for (int i = 0; i < the.used; i++) {
        slot *const w = &the.slots[i];
        if (w->told && !w->busy && (found == NULL || w->turn < found->turn)) {
            found = w;
        }
    }
    return found;
}

static void cancel(bool last) {
    slot *found = NULL;
    for (int i = 0; i < the.used && (found == NULL || last); i++) {
        slot *const w = &the.slots[i];
        /* Not a polled one, whose cancel may wait for the call that grants it; faults.stopped has that. */
        if (w->state == QUEUED && !w->busy && !w->told && w->waiter.wake_ != NULL) {
            found = w;
        }
    }
    if (found != NULL) {
        bool taken;
        found->busy = true;
        taken = rouse_semaphore_cancel(&the.s, &found->waiter);
        found->busy = false;
        if (taken) {
            CHECK(found->state == QUEUED && !found->told);
            found->state = CANCELLED;
        }
    }
}

static void act(char op) {
    const uint64_t allocations = heap.calls;
    slot *const told = longest_told();
    const bool before = somebody_waits();
    if (stopped_now) {
        seam.limit = seam.passed + POINTS;
    }
    switch (op) {
    case 'W':
    case 'A':
        wait_for(1, false, op == 'A');
        break;
    case 'B':
        wait_for(2, false, false);
        break;
    case 'P':
        wait_for(1, true, false);
        break;
    case 'R':
    case 'S':
        the.put_in += op == 'R' ? 1 : 3;
        CHECK(rouse_semaphore_release(&the.s, op == 'R' ? 1 : 3) == ROUSE_OK);
        CHECK(heap.calls == allocations || !stopped_now);
        break;
    case 'T':
        if (rouse_semaphore_try_acquire(&the.s, 1)) {
            the.held++;
            came(before);
        }
        CHECK(heap.calls == allocations || !stopped_now);
        break;
    case 'M':
        if (told != NULL) {
            answer(told);
        }
        break;
    case 'D':
        if (told != NULL) {
            told->told = false;
            told->busy = true;
            rouse_semaphore_decline(&the.s, &told->waiter);
            told->busy = false;
            told->state = CANCELLED;
        }
        break;
    case 'U':
        the.held += rouse_semaphore_reduce(&the.s, 1);
        break;
    case 'X':
        the.closed = true;
        (void)rouse_semaphore_close(&the.s);
        break;
    default:
        cancel(op == 'L');
    }
    seam.limit = 0;
    settle();
}

static void run(const char *script) {
    for (; *script != '\0'; script++) {
        act(*script);
    }
}

/* The call is stopped from here to the end of this function. */
static void stop(void) {
    const rouse_inbox_ mine = another_thread_begins(as_handler);
    const seam_state mine_seam = seam;
    stops++;
    stopped_now = true;
    seam.stop_at = 0;
    run(others);
    CHECK(another_thread_ends(as_handler, mine));
    stopped_now = false;
    seam = mine_seam;
}

/* Nothing is in progress: everybody is served, and every permit is somewhere. */
static void check_end(void) {
    for (int rounds = 0;; rounds++) {
        slot *const told = longest_told();
        CHECK(rounds < 20 * WAITERS);
        if (told != NULL) {
            answer(told);
        } else if (!somebody_waits()) {
            break;
        } else {
            CHECK(!the.closed);
            act('R');
        }
        settle();
    }
    CHECK(rouse_semaphore_waiter_count(&the.s) == 0);
    CHECK(the.put_in == the.held + rouse_semaphore_available(&the.s));
    rouse_semaphore_destroy(&the.s);
    CHECK(heap.bytes == 0);
}

static bool run_case(const char *before, const char *call, const char *answer_, uint64_t point) {
    const uint64_t stops_before = stops;
    (void)snprintf(case_name, sizeof case_name, "[%s] [%s]@%llu [%s]%s", before, call,
                   (unsigned long long)point, answer_, as_handler ? " signal" : "");
    memset(&the, 0, sizeof the);
    memset(&seam, 0, sizeof seam);
    seam.overrun = overrun;
    rouse_semaphore_init_throughput(&the.s, 0, BOUND);
    the.only_ones = true;
    run(before);
    others = answer_;
    seam.passed = 0;
    seam.stop_at = point;
    seam.stopped = stop;
    run(call);
    seam.stop_at = 0;
    check_end();
    runs++;
    return stops != stops_before;
}

#define COUNT(table) (sizeof(table) / sizeof *(table))

int main(int argc, char **argv) {
    const char *const mode = argc > 1 ? argv[1] : "";
    const uint64_t stride = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
    const char *const *answer_;
    size_t answer_count;
    uint64_t combination = 0;
    as_handler = strcmp(mode, "signal") == 0;
    if (!as_handler && strcmp(mode, "stopped") != 0) {
        fprintf(stderr, "usage: open stopped|signal [STRIDE]\n");
        return 2;
    }
    answer_ = as_handler ? answers_signal : answers;
    answer_count = as_handler ? COUNT(answers_signal) : COUNT(answers);
    for (size_t i = 0; i < COUNT(states); i++) {
        for (size_t j = 0; j < COUNT(calls); j++) {
            for (size_t k = 0; k < answer_count; k++) {
                uint64_t point = 1;
                while (combination % stride == 0 && run_case(states[i], calls[j], answer_[k], point)) {
                    point++;
                }
                combination++;
            }
        }
    }
    printf("%s: stopped at %llu scheduling points in %llu runs; %llu newcomers passed somebody who waited\n",
           mode, (unsigned long long)stops, (unsigned long long)runs, (unsigned long long)newcomers);
    CHECK(newcomers != 0);
    return 0;
}
