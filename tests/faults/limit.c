/* tests/faults/limit.c: a signal handler gives back, sets and tries at every scheduling point of every
 * call of limit.h (LOCKFREE), in both modes, also of those that hold the queue. So do other threads, while the thread
 * that makes the call is stopped there. Each of their calls returns without waiting, nothing is lost, and
 * at the end no waiter waits that could be served. */
#include <rouse/deadline.h>
#include <rouse/limit.h>

#include "another_thread.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { WAITERS = 5, PATIENCE = 2000 };

#define CHECK_CONTEXT                                                                                  \
    "(state %s, call %s, %s %s, point %llu)", state, call, as_handler ? "handler" : "others", handler, \
        (unsigned long long)seam.stop_at
#include "../support/check.h"

/* A call that lingers yields; there is no other thread to run, and on a busy machine each yield is a turn lost. */
int sched_yield(void) {
    return 0;
}

static const char *state, *call, *handler;
static bool as_handler;
static rouse_limit limit;
static rouse_waiter waiter[WAITERS];
static int told[WAITERS]; /* since it was queued */
static bool queued[WAITERS];
static bool invited[WAITERS]; /* throughput mode: it has to answer */
static uint32_t bypass;
static long arriving = -1; /* the waiter whose acquire is running: its wake may not run in it */
static uint32_t in_use;    /* by the ledger */
static bool came;

static uint32_t asked(uint32_t i) {
    return (uint32_t)(uintptr_t)rouse_waiter_data(&waiter[i]);
}

static void on_wake(rouse_waiter *w, rouse_status status) {
    const long i = w - waiter;
    const uint32_t n = (uint32_t)(uintptr_t)rouse_waiter_data(w);
    CHECK(queued[i] && told[i] == 0 && !invited[i] && i != arriving);
    if (status == ROUSE_RETRY) {
        CHECK(bypass != 0);
        invited[i] = true;
        return;
    }
    told[i]++;
    queued[i] = false;
    in_use += status == ROUSE_OK ? n : 0;
}

/* A script of single letters, each with a digit:
 *   An  the next waiter asks for n    Gn  n are given back    Sn  the limit becomes n    Tn  n are tried for
 *   Cn  waiter n is cancelled         X0  close
 *   Rn  waiter n answers, if it is invited: it asks; Dn  it declines */
static int next_waiter;
static void run_script(const char *text) {
    for (; *text != '\0'; text += 2) {
        const uint32_t n = (uint32_t)(text[1] - '0');
        int i;
        switch (text[0]) {
        case 'A':
            i = next_waiter++;
            rouse_waiter_init(&waiter[i], on_wake, (void *)(uintptr_t)n);
            queued[i] = true; /* its wake may run before the call returns */
            told[i] = 0;
            invited[i] = false;
            arriving = i;
            switch (rouse_limit_acquire(&limit, &waiter[i], n)) {
            case ROUSE_PENDING:
                break;
            case ROUSE_OK:
                CHECK(queued[i]);
                queued[i] = false;
                in_use += n;
                break;
            default:
                queued[i] = false;
                break;
            }
            arriving = -1;
            break;
        case 'G':
            if (in_use >= n) {
                in_use -= n; /* before: the waiter that gets it is woken inside */
                CHECK(rouse_limit_give_back(&limit, n) == ROUSE_OK);
            }
            break;
        case 'S':
            CHECK(rouse_limit_set(&limit, n) == ROUSE_OK);
            break;
        case 'T':
            in_use += rouse_limit_try_acquire(&limit, n) ? n : 0;
            break;
        case 'C':
            if (queued[n] && rouse_limit_cancel(&limit, &waiter[n])) {
                CHECK(queued[n]);
                queued[n] = false;
            }
            break;
        case 'R':
            if (invited[n]) {
                rouse_status status;
                invited[n] = false; /* it may be invited again before the call returns */
                status = rouse_limit_resume(&limit, &waiter[n]);
                queued[n] = status == ROUSE_PENDING;
                in_use += status == ROUSE_OK ? asked(n) : 0;
            }
            break;
        case 'D':
            if (invited[n]) {
                invited[n] = queued[n] = false;
                rouse_limit_decline(&limit, &waiter[n]);
            }
            break;
        default:
            (void)rouse_limit_close(&limit);
            break;
        }
    }
}

static void interrupted(void) {
    rouse_inbox_ mine;
    const uint64_t before = seam.limit;
    const long arriving_before = arriving;
    came = true;
    arriving = -1;
    seam.limit = seam.passed + PATIENCE; /* it may not wait for the call that it has interrupted */
    mine = another_thread_begins(as_handler);
    run_script(handler);
    CHECK(another_thread_ends(as_handler, mine));
    seam.limit = before;
    arriving = arriving_before;
}
static void spins(void) {
    CHECK(false && "somebody waits");
}

static void nothing(void) {}

static bool one_case(uint64_t point) {
    uint32_t waiting = 0;
    int head = -1;
    next_waiter = 0;
    in_use = 0;
    came = false;
    memset(queued, 0, sizeof queued);
    memset(invited, 0, sizeof invited);
    CHECK(rouse_limit_init_throughput(&limit, 2, UINT32_MAX, bypass) == ROUSE_OK);
    run_script(state);
    seam.passed = 0;
    seam.stop_at = point;
    seam.stopped = interrupted;
    seam.overrun = spins;
    seam.limit = 0;
    run_script(call);
    seam.stopped = nothing; /* for the message, if a check fails */
    for (int i = 0; i < next_waiter; i++) {
        waiting += queued[i] ? 1 : 0;
        head = queued[i] && head < 0 ? i : head;
    }
    CHECK(rouse_limit_in_use(&limit) == in_use);
    CHECK(rouse_limit_waiter_count(&limit) == waiting);
    CHECK(head < 0 || invited[head] || in_use + asked((uint32_t)head) > rouse_limit_permits(&limit));
    for (int i = 0; i < next_waiter; i++) {
        if (invited[i]) {
            invited[i] = queued[i] = false;
            rouse_limit_decline(&limit, &waiter[i]);
        } else if (queued[i]) {
            CHECK(rouse_limit_cancel(&limit, &waiter[i]));
            queued[i] = false;
        }
    }
    CHECK(rouse_limit_give_back(&limit, in_use) == ROUSE_OK);
    rouse_limit_destroy(&limit);
    seam.stop_at = 0;
    return came;
}

/* ---- a wait with a deadline -------------------------------------------------------------------------- */

static void pass_on(rouse_waiter *w, rouse_status status) {
    CHECK(w == &waiter[0] && status == ROUSE_OK);
    CHECK(rouse_limit_give_back(&limit, 1) == ROUSE_OK);
}
static void on_timed_wake(rouse_timed *t, rouse_status status) {
    CHECK(status == ROUSE_OK && rouse_limit_give_back(&limit, 1) == ROUSE_OK);
    CHECK(mprotect(t, sizeof *t, PROT_NONE) == 0); /* as if it were freed */
}
static void give_one_back(void) {
    came = true;
    CHECK(rouse_limit_give_back(&limit, 1) == ROUSE_OK);
}
/* The handler gives back while a call with a deadline queues. Then the call serves the waiter before it, whose wake gives
 * back in turn: so the wake of this wait may run before the call returns, and may free it. */
static bool timed_case(uint64_t point) {
    rouse_deadlines deadlines;
    rouse_timed *const t = mmap(NULL, sizeof *t, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(t != MAP_FAILED);
    came = false;
    rouse_deadlines_init(&deadlines);
    CHECK(rouse_limit_init(&limit, 1, UINT32_MAX) == ROUSE_OK && rouse_limit_try_acquire(&limit, 1));
    rouse_waiter_init(&waiter[0], pass_on, NULL);
    CHECK(rouse_limit_acquire(&limit, &waiter[0], 1) == ROUSE_PENDING);
    rouse_timed_init(t, &deadlines, NULL, on_timed_wake, NULL);
    seam.passed = 0;
    seam.stop_at = point;
    seam.stopped = give_one_back;
    if (rouse_limit_acquire_until(&limit, t, 1, 10) == ROUSE_OK) {
        on_timed_wake(t, ROUSE_OK);
    }
    seam.stop_at = 0;
    if (!came) {
        CHECK(rouse_limit_give_back(&limit, 1) == ROUSE_OK);
    }
    CHECK(rouse_limit_in_use(&limit) == 0 && rouse_limit_waiter_count(&limit) == 0);
    CHECK(rouse_deadlines_next(&deadlines) == UINT64_MAX);
    rouse_deadlines_destroy(&deadlines);
    rouse_limit_destroy(&limit);
    CHECK(munmap(t, sizeof *t) == 0);
    return came;
}

static unsigned long long cases;

/* Each state, call and handler of the three lists, which end with NULL. */
static void every_case(const char *const *states, const char *const *calls, const char *const *handlers) {
    for (; *states != NULL; states++) {
        for (const char *const *c = calls; *c != NULL; c++) {
            for (const char *const *h = handlers; *h != NULL; h++) {
                uint64_t point = 1;
                state = *states;
                call = *c;
                handler = *h;
                as_handler = true;
                while (one_case(point)) {
                    as_handler = !as_handler;
                    point += as_handler ? 1 : 0;
                    cases++;
                }
            }
        }
    }
}

int main(void) {
    static const char *const states[] = {"T1T1", "T1T1A1", "T1T1A2A1", "T1T1A1A1S1", "T1T1A2A1A1S3", NULL};
    static const char *const calls[] = {"A1", "A2", "G1", "S3", "S1", "C0", "C1", "T1", "X0", "A1C2G1", NULL};
    static const char *const handlers[] = {"G1", "S3", "S1", "S3G1", "G1S1", "T1", "G1T1", "S4T1S1", NULL};
    /* The oldest is invited in all but the first two. */
    static const char *const open_states[] = {"T1T1",       "T1T1A1",       "T1T1A1G1",     "T1T1A1A1G1",
                                              "T1T1A2A1S4", "T1T1A1A1G1S1", "T1T1A1A1A1S4", NULL};
    static const char *const open_calls[] = {"A1", "A2", "T1",   "G1",   "S4", "S1",   "R0", "D0",
                                             "C0", "C1", "T1R0", "R0R1", "X0", "G1R0", NULL};
    unsigned long long strict;
    bypass = 0;
    every_case(states, calls, handlers);
    state = "with a deadline";
    for (uint64_t point = 1; timed_case(point); point++) {
        cases++;
    }
    strict = cases;
    bypass = 2;
    every_case(open_states, open_calls, handlers);
    (void)printf("limit: a handler, or other threads, at %llu points; in throughput mode at %llu\n", strict,
                 cases - strict);
    return strict > 1000 && cases - strict > 1000 ? 0 : 1;
}
