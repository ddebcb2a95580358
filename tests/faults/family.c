/* tests/faults/family.c: a signal handler makes the calls of event, gate, rwlock and once that it may make
 * (LOCKFREE), at every scheduling point of every call of the same object. So do other threads, while the thread
 * that makes the call is stopped there. Each of their calls returns without waiting and allocates nothing.
 * Every waiter gets what it is due, once, and the objects keep their guarantees. Likewise a handler that sets an
 * event, at every point of calls with a deadline and a mailbox.
 *
 *   family STRIDE    one of that many cases is tried */
#include "heap.h"

#include <rouse/deadline.h>
#include <rouse/event.h>
#include <rouse/gate.h>
#include <rouse/once.h>
#include <rouse/rwlock.h>

#include "another_thread.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WAITERS = 12, PATIENCE = 2000 };

#define CHECK_CONTEXT                                                            \
    "(%s: state %s, call %s, %s %s, point %llu+%llu)", object.name, state, call, \
        as_handler ? "handler" : "others", handler, (unsigned long long)point, (unsigned long long)again
#include "../support/check.h"

typedef enum stage { IDLE, CALLING, QUEUED, WOKEN, TAKEN_OUT } stage;

typedef struct slot {
    rouse_waiter waiter;
    stage stage;
    rouse_status outcome;
    char asks;    /* the letter of its wait                        */
    bool passes;  /* its wake gives back at once what it has got   */
    bool due;     /* a set has come while it was queued            */
    bool touched; /* a call that is not over yet is about it       */
} slot;

/* What a script does to one kind of object. */
typedef struct kind {
    const char *name;
    void (*init)(void);
    rouse_status (*wait)(slot *s);
    bool (*cancel)(slot *s);
    void (*had)(slot *s);             /* its wait has ended with s->outcome */
    bool (*act)(char op, uint32_t n); /* false: left out */
    void (*end)(void);
} kind;

static kind object;
static const char *state, *call, *handler;
static bool as_handler;
static bool inside; /* the handler, or others */
static bool came;
static uint64_t point; /* where it comes in                                */
static uint64_t again; /* so many points later it comes in again; 0: never */
static slot slots[WAITERS];
static uint32_t used;
static unsigned long long cases, calls_inside, woken_inside;

static void ended(slot *s, rouse_status status) {
    s->outcome = status;
    s->stage = WOKEN;
    if (!s->touched) {
        memset(&s->waiter, 0xdb, sizeof s->waiter); /* it is not the library's any more */
    }
    object.had(s);
}
static void on_wake(rouse_waiter *w, rouse_status status) {
    slot *const s = (slot *)rouse_waiter_data(w);
    CHECK(w == &s->waiter && (s->stage == QUEUED || s->stage == CALLING));
    CHECK(rouse_waiter_status(w) == status);
    woken_inside += inside ? 1 : 0;
    ended(s, status);
}

/* Polled waiters have no wake: has one got its outcome? */
static void look(void) {
    for (uint32_t i = 0; i < used; i++) {
        slot *const s = &slots[i];
        if (s->stage == QUEUED && s->asks == 'p' && !s->touched) {
            const seam_state before = seam;
            rouse_status status;
            seam.stop_at = 0; /* it is the ledger that looks */
            status = rouse_waiter_status(&s->waiter);
            seam = before;
            if (status != ROUSE_PENDING) {
                ended(s, status);
            }
        }
    }
}

/* A script of pairs, a letter and a digit. These are common to all kinds:
 *   w1  a wait; w2 its wake gives back at once what it has got; p1 polled;  x1 the other wait, if there is one
 *   cn  waiter n is cancelled
 * The others are the kind's. */
static void run_script(const char *text) {
    for (; *text != '\0'; text += 2) {
        const uint32_t n = (uint32_t)(text[1] - '0');
        slot *s;
        look();
        switch (text[0]) {
        case 'w':
        case 'x':
        case 'p': {
            rouse_status status;
            CHECK(used < WAITERS && !inside);
            s = &slots[used++];
            memset(s, 0, sizeof *s);
            s->asks = text[0];
            s->passes = n == 2;
            s->stage = CALLING;
            s->touched = true;
            rouse_waiter_init(&s->waiter, s->asks == 'p' ? NULL : on_wake, s);
            status = object.wait(s);
            s->touched = false;
            if (status != ROUSE_PENDING) {
                CHECK(s->stage == CALLING);
                ended(s, status);
            } else if (s->stage == CALLING) {
                s->stage = QUEUED;
            }
            break;
        }
        case 'c':
            CHECK(!inside);
            s = &slots[n];
            if (n < used && s->stage == QUEUED) {
                bool taken;
                s->touched = true;
                taken = object.cancel(s);
                s->touched = false;
                if (taken) {
                    CHECK(s->stage == QUEUED);
                    s->stage = TAKEN_OUT;
                } else if (s->asks != 'p') {
                    CHECK(s->stage == WOKEN ||
                          as_handler); /* the handler's wakes may wait for the call's end */
                }
            }
            break;
        default:
            calls_inside += object.act(text[0], n) && inside ? 1 : 0;
            break;
        }
        look();
    }
}

/* How many are queued, by the ledger. Nothing is in progress. */
static uint32_t queued(void) {
    uint32_t count = 0;
    look();
    for (uint32_t i = 0; i < used; i++) {
        CHECK(slots[i].stage != CALLING);
        count += slots[i].stage == QUEUED ? 1 : 0;
    }
    return count;
}

/* ---- event ------------------------------------------------------------------------------------------------
 *   S1 set    R1 reset */
static rouse_event event;
static uint32_t set_woke, woken, at_once, sets, resets;

static void event_init(void) {
    rouse_event_init(&event);
    set_woke = woken = at_once = sets = resets = 0;
}
static rouse_status event_wait(slot *s) {
    const bool before = sets != 0;
    const rouse_status status = rouse_event_wait(&event, &s->waiter);
    if (status == ROUSE_OK) {
        CHECK(before || sets != 0);
        at_once++;
    }
    return status;
}
static bool event_cancel(slot *s) {
    return rouse_event_cancel(&event, &s->waiter);
}
static void event_had(slot *s) {
    CHECK(s->outcome == ROUSE_OK && sets != 0);
    woken++;
}
static bool event_act(char op, uint32_t n) {
    (void)n;
    if (op == 'S') {
        for (uint32_t i = 0; i < used; i++) {
            slots[i].due = slots[i].due || (slots[i].stage == QUEUED && !slots[i].touched);
        }
        sets++;
        set_woke += rouse_event_set(&event);
    } else {
        const bool was = rouse_event_reset(&event);
        CHECK(!was || sets != 0);
        resets += was ? 1 : 0;
    }
    return true;
}
static void event_end(void) {
    const uint32_t left = queued();
    for (uint32_t i = 0; i < used; i++) {
        /* Every set wakes those that wait, and a reset drops none of them. */
        CHECK(!slots[i].due || slots[i].stage != QUEUED);
    }
    CHECK(rouse_event_waiter_count(&event) == left);
    CHECK(rouse_event_is_set(&event) == (sets != 0 && resets == 0) || resets != 0);
    CHECK(!rouse_event_is_set(&event) || left == 0);
    /* A wait that a set has reached before it has queued is counted by that set, and returns at once. */
    CHECK(set_woke <= woken && set_woke + at_once >= woken);
    woken = 0;
    sets++;
    CHECK(rouse_event_set(&event) == left && queued() == 0 && woken == left);
    rouse_event_destroy(&event);
}

/* ---- gate -------------------------------------------------------------------------------------------------
 *   En n enter    Ln n leave    X1 close */
static rouse_gate gate;
static uint32_t in_gate;
static bool gate_closed; /* a close has begun  */
static bool gate_shut;   /* a close is over    */

static void gate_init(void) {
    rouse_gate_init(&gate, 0);
    in_gate = 0;
    gate_closed = gate_shut = false;
}
static rouse_status gate_wait(slot *s) {
    return rouse_gate_wait(&gate, &s->waiter);
}
static bool gate_cancel(slot *s) {
    return rouse_gate_cancel(&gate, &s->waiter);
}
static void gate_had(slot *s) {
    CHECK(s->outcome == ROUSE_OK && gate_closed && in_gate == 0);
}
static bool gate_act(char op, uint32_t n) {
    if (op == 'E') {
        for (uint32_t i = 0; i < n; i++) {
            const bool was_shut = gate_shut;
            const bool entered = rouse_gate_enter(&gate);
            CHECK(!entered || !was_shut);
            CHECK(entered || gate_closed);
            in_gate += entered ? 1 : 0;
        }
    } else if (op == 'L') {
        if (in_gate < n) {
            return false;
        }
        in_gate -= n; /* before: the handler may not leave for them too */
        CHECK(rouse_gate_leave(&gate, n) == ROUSE_OK);
    } else {
        gate_closed = true;
        (void)rouse_gate_close(&gate);
        gate_shut = true;
    }
    return true;
}
static void gate_end(void) {
    CHECK(rouse_gate_count(&gate) == in_gate && rouse_gate_is_closed(&gate) == gate_closed);
    CHECK(rouse_gate_waiter_count(&gate) == queued());
    CHECK(!gate_closed || in_gate != 0 || queued() == 0);
    (void)gate_act('X', 1);
    (void)gate_act('L', in_gate);
    CHECK(queued() == 0);
    rouse_gate_destroy(&gate);
}

/* ---- rwlock -----------------------------------------------------------------------------------------------
 *   w, p: read; x: write    Rn, Wn try to    En, Fn end a read, a write    U1 upgrade    D1 downgrade    X1 close */
static rouse_rwlock rwlock;
static uint32_t most_read = 3;
static uint32_t reading, writing;
static bool lock_closed;

static void lock_holds(void) {
    CHECK(writing + (reading != 0 ? 1u : 0u) <= 1 && reading <= most_read);
}
static void rwlock_init(void) {
    CHECK(rouse_rwlock_init(&rwlock, most_read) == ROUSE_OK);
    reading = writing = 0;
    lock_closed = false;
}
static rouse_status rwlock_wait(slot *s) {
    return s->asks == 'x' ? rouse_rwlock_write(&rwlock, &s->waiter) : rouse_rwlock_read(&rwlock, &s->waiter);
}
static bool rwlock_cancel(slot *s) {
    return rouse_rwlock_cancel(&rwlock, &s->waiter);
}
static bool rwlock_act(char op, uint32_t n);
static void rwlock_had(slot *s) {
    if (s->outcome != ROUSE_OK) {
        CHECK(s->outcome == ROUSE_CLOSED && lock_closed);
        return;
    }
    *(s->asks == 'x' ? &writing : &reading) += 1;
    lock_holds();
    if (s->passes) {
        (void)rwlock_act(s->asks == 'x' ? 'F' : 'E', 1);
    }
}
/* What is ended or changed is out of the ledger before the call, so that the handler does not end it too. */
static bool rwlock_act(char op, uint32_t n) {
    (void)n;
    if ((strchr("EU", op) != NULL && reading == 0) || (strchr("FD", op) != NULL && writing == 0)) {
        return false;
    }
    switch (op) {
    case 'R':
        reading += rouse_rwlock_try_read(&rwlock) ? 1 : 0;
        break;
    case 'W':
        writing += rouse_rwlock_try_write(&rwlock) ? 1 : 0;
        break;
    case 'E':
        reading--;
        CHECK(rouse_rwlock_end_read(&rwlock) == ROUSE_OK);
        break;
    case 'F':
        writing--;
        CHECK(rouse_rwlock_end_write(&rwlock) == ROUSE_OK);
        break;
    case 'U':
        reading--;
        *(rouse_rwlock_try_upgrade(&rwlock) ? &writing : &reading) += 1;
        break;
    case 'D':
        writing--;
        CHECK(rouse_rwlock_downgrade(&rwlock) == ROUSE_OK);
        reading++;
        break;
    default:
        lock_closed = true;
        (void)rouse_rwlock_close(&rwlock);
        break;
    }
    lock_holds();
    return true;
}
static void rwlock_end(void) {
    uint32_t head = 0;
    while (head < used && slots[head].stage != QUEUED) {
        head++;
    }
    CHECK(rouse_rwlock_waiter_count(&rwlock) == queued());
    CHECK(!lock_closed || queued() == 0);
    if (queued() != 0) { /* whoever waits, waits for somebody */
        CHECK(writing != 0 || reading == most_read || (slots[head].asks == 'x' && reading != 0));
    }
    while (reading + writing != 0) {
        (void)rwlock_act(writing != 0 ? 'F' : 'E', 1);
        look();
    }
    CHECK(queued() == 0);
    CHECK(rouse_queue_balance_(ROUSE_RWLOCK_QUEUE_(&rwlock)) == most_read);
    rouse_rwlock_destroy(&rwlock);
}

/* ---- once -------------------------------------------------------------------------------------------------
 *   D1 done    F1 failed */
static rouse_once once;
static uint32_t doing;
static bool done;

static void once_init(void) {
    rouse_once_init(&once);
    doing = 0;
    done = false;
}
static rouse_status once_wait(slot *s) {
    return rouse_once_begin(&once, &s->waiter);
}
static bool once_cancel(slot *s) {
    return rouse_once_cancel(&once, &s->waiter);
}
static bool once_act(char op, uint32_t n);
static void once_had(slot *s) {
    if (s->outcome == ROUSE_CLOSED) {
        CHECK(done);
        return;
    }
    CHECK(s->outcome == ROUSE_OK && doing == 0 && !done);
    doing = 1;
    if (s->passes) {
        (void)once_act('F', 1);
    }
}
static bool once_act(char op, uint32_t n) {
    (void)n;
    if (doing == 0) {
        return false;
    }
    doing = 0; /* before: the handler does not report it too */
    done = op == 'D';
    CHECK((op == 'D' ? rouse_once_done(&once) : rouse_once_failed(&once)) == ROUSE_OK);
    return true;
}
static void once_end(void) {
    CHECK(rouse_once_waiter_count(&once) == queued());
    CHECK(rouse_once_is_done(&once) == done);
    CHECK(queued() == 0 || doing != 0);
    (void)once_act('D', 1);
    CHECK(queued() == 0);
    rouse_once_destroy(&once);
}

/* ---- a call, and what comes in ---------------------------------------------------------------------------- */

static void interrupted(void) {
    rouse_inbox_ mine;
    const uint64_t limit = seam.limit;
    const uint64_t allocations = heap.calls;
    came = true;
    inside = true;
    seam.stop_at = 0;
    seam.limit = seam.passed + PATIENCE; /* it may not wait for the call that it has interrupted */
    mine = another_thread_begins(as_handler);
    run_script(handler);
    CHECK(another_thread_ends(as_handler, mine));
    CHECK(heap.calls == allocations);
    seam.limit = limit;
    seam.stop_at = again == 0 ? 0 : seam.passed + again;
    inside = false;
}
static void spins(void) {
    CHECK(seam.passed != seam.limit); /* somebody waits */
}

static bool one_case(void) {
    memset(&seam, 0, sizeof seam);
    used = 0;
    came = false;
    object.init();
    run_script(state);
    seam.passed = 0;
    seam.stopped = interrupted;
    seam.overrun = spins;
    seam.stop_at = point;
    run_script(call);
    seam.stop_at = 0;
    CHECK(inbox_is_empty());
    object.end();
    CHECK(heap.bytes == 0);
    return came;
}

static unsigned long long stride, combination;

/* Each state, call and handler of the three lists, which end with NULL. */
static void every_case(const kind *of, const char *const *states, const char *const *calls,
                       const char *const *handlers) {
    cases = calls_inside = woken_inside = 0;
    object = *of;
    for (; *states != NULL; states++) {
        for (const char *const *c = calls; *c != NULL; c++) {
            for (const char *const *h = handlers; *h != NULL; h++) {
                state = *states;
                call = *c;
                handler = *h;
                for (int i = 0; i < 4 && combination % stride == 0; i++) {
                    as_handler = i % 2 == 0;
                    again = i < 2 ? 0 : 7;
                    for (point = 1; one_case(); point++) {
                        cases++;
                    }
                }
                combination++;
            }
        }
    }
    (void)printf("%s: a handler, or other threads, at %llu points: %llu calls, %llu waiters woken there\n",
                 of->name, cases, calls_inside, woken_inside);
    CHECK(cases > 5000 / stride && calls_inside > cases / 3 && woken_inside > cases / 10);
}

/* ---- waits with a deadline, on a mailbox ------------------------------------------------------------------ */

enum { TIMED = 3 };
static rouse_timed timed[TIMED];
static int timed_told[TIMED];
static uint32_t timed_set_woke;

static void on_timed(rouse_timed *t, rouse_status status) {
    CHECK(!inside && (status == ROUSE_OK || status == ROUSE_TIMEDOUT));
    timed_told[t - timed]++;
}
static void set_timed(void) {
    came = inside = true;
    seam.stop_at = 0;
    timed_set_woke += rouse_event_set(&event);
    inside = false;
}
/* The handler sets the event while a call waits, cancels, drains, or lets the deadlines run out. Each wait ends once. */
static bool timed_case(char what) {
    rouse_deadlines deadlines;
    rouse_mailbox mailbox;
    int ends = 0;
    came = false;
    timed_set_woke = 0;
    memset(&seam, 0, sizeof seam);
    memset(timed_told, 0, sizeof timed_told);
    rouse_deadlines_init(&deadlines);
    rouse_mailbox_init(&mailbox, NULL, NULL);
    rouse_event_init(&event);
    for (int i = 0; i < TIMED; i++) {
        rouse_timed_init(&timed[i], &deadlines, &mailbox, on_timed, NULL);
        if (i < TIMED - 1) {
            CHECK(rouse_event_wait_until(&event, &timed[i], 10 + (uint64_t)i) == ROUSE_PENDING);
        }
    }
    seam.passed = 0;
    seam.stopped = set_timed;
    seam.stop_at = point;
    switch (what) {
    case 'w':
        ends += rouse_event_wait_until(&event, &timed[TIMED - 1], 5) == ROUSE_OK ? 1 : 0;
        break;
    case 'c':
        ends += rouse_timed_cancel(&timed[0]) ? 1 : 0;
        break;
    default:
        (void)rouse_deadlines_run(&deadlines, 10);
        break;
    }
    (void)rouse_mailbox_drain(&mailbox);
    seam.stop_at = 0;
    if (!came) {
        timed_set_woke += rouse_event_set(&event);
    }
    (void)rouse_mailbox_drain(&mailbox);
    (void)rouse_deadlines_run(&deadlines, 9); /* for those that were granted while it ran */
    for (int i = 0; i < TIMED; i++) {
        CHECK(timed_told[i] <= 1);
        ends += timed_told[i];
    }
    CHECK(ends == (what == 'w' ? TIMED : TIMED - 1));
    CHECK(rouse_event_waiter_count(&event) == 0 && rouse_deadlines_next(&deadlines) == UINT64_MAX);
    CHECK(timed_set_woke <= TIMED);
    rouse_deadlines_destroy(&deadlines);
    rouse_mailbox_destroy(&mailbox);
    rouse_event_destroy(&event);
    CHECK(heap.bytes == 0);
    return came;
}

static void every_timed_case(void) {
    static const char *const calls_timed[] = {"w", "c", "r", NULL};
    object.name = "event, timed";
    state = "two wait";
    handler = "S1";
    as_handler = true;
    again = cases = 0;
    for (int i = 0; calls_timed[i] != NULL; i++) {
        call = calls_timed[i];
        for (point = 1; timed_case(call[0]); point++) {
            cases++;
        }
    }
    (void)printf("event, with deadlines and a mailbox: a handler at %llu points\n", cases);
    CHECK(cases > 100);
}

int main(int argc, char **argv) {
    static const kind of_event = {"event",   event_init, event_wait, event_cancel,
                                  event_had, event_act,  event_end};
    static const char *const event_states[] = {
        "", "S1", "w1", "p1", "w1w1w1", "w1p1w1p1w1", "w1w1w1c1", "w1w1w1w1c0c1", "w1S1R1w1w1", "S1R1", NULL};
    static const char *const event_calls[] = {"w1", "p1",     "c0",     "c2",   "c0c2", "S1",
                                              "R1", "S1R1w1", "w1w1w1", "w1c0", NULL};
    static const char *const event_handlers[] = {"S1", "R1", "S1R1", "S1R1S1", "S1S1", NULL};
    static const kind of_gate = {"gate", gate_init, gate_wait, gate_cancel, gate_had, gate_act, gate_end};
    static const char *const gate_states[] = {"E1",           "E2w1",     "E1w1X1", "E2w1p1w1X1",
                                              "E3w1w1w1c1X1", "w1E1L1X1", NULL};
    static const char *const gate_calls[] = {"E1", "L1", "L2",     "X1",   "w1",
                                             "p1", "c0", "w1X1L1", "L1w1", NULL};
    static const char *const gate_handlers[] = {"L1",   "L2",   "X1",     "X1L1", "L1X1",
                                                "E1L1", "X1L2", "E1X1L2", NULL};
    static const kind of_rwlock = {"rwlock",   rwlock_init, rwlock_wait, rwlock_cancel,
                                   rwlock_had, rwlock_act,  rwlock_end};
    static const char *const rwlock_states[] = {
        "",         "R1",       "W1",           "R1R1x1",         "W1w1w1p1",
        "W1x1w1x2", "R1R1R1w1", "R1x1w1w2x1w1", "W1w1x1w1c0w1c2", "R1x2w1x1",
        NULL};
    static const char *const rwlock_calls[] = {"w1", "x1", "R1", "W1",   "E1", "F1",   "U1",
                                               "D1", "c0", "c1", "E1x1", "X1", "x1c0", NULL};
    static const char *const rwlock_handlers[] = {"E1",   "F1", "R1E1", "W1F1", "E1E1", "U1",   "D1",
                                                  "F1R1", "X1", "E1W1", "R1",   "W1",   "U1F1", NULL};
    static const char *const one_reader_states[] = {"", "R1", "R1w1x1", "W1w1w2x1", NULL};
    static const char *const one_reader_calls[] = {"w1", "x1", "E1", "F1", "U1", "D1", "c0", "X1", NULL};
    static const kind of_once = {"once", once_init, once_wait, once_cancel, once_had, once_act, once_end};
    static const char *const once_states[] = {"",       "w1",         "w1w1",         "w1p1w1",
                                              "w1w2w1", "w1w1w1w1c2", "w1w1w1w1c1c2", NULL};
    static const char *const once_calls[] = {"w1", "p1",   "D1",   "F1",   "c1",
                                             "c2", "w1w1", "F1w1", "c1w1", NULL};
    static const char *const once_handlers[] = {"D1", "F1", "F1F1", "F1D1", NULL};
    stride = argc == 2 ? strtoull(argv[1], NULL, 10) : 1;
    CHECK(stride != 0);
    every_case(&of_event, event_states, event_calls, event_handlers);
    every_case(&of_gate, gate_states, gate_calls, gate_handlers);
    every_case(&of_rwlock, rwlock_states, rwlock_calls, rwlock_handlers);
    most_read = 1; /* an upgrade of the only reader there may be */
    every_case(&of_rwlock, one_reader_states, one_reader_calls, rwlock_handlers);
    every_case(&of_once, once_states, once_calls, once_handlers);
    every_timed_case();
    return 0;
}
