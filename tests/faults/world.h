/* tests/faults/world.h: a queue, its waiters, a ledger of permits, and a small language for what is done to
 * them.
 *
 * A script is a row of operations, each a letter and a number (missing: 1, cancel: 0):
 *
 *   Wn  wait(n), with a wake function        Rn  wake(n, ROUSE_MAX_PERMITS)      Cn  cancel the n-th waiter of the world
 *   Pn  wait(n), polled                      N   wake(1, 1), notify_one          L   cancel the waiter that queued last
 *   Yn  wait(n), whose wake releases 1       O   wake_one                        Tn  try_wait(n)
 *   Zn  wait(n), whose wake queues it again  A   wake_all                        Hn  n times: queue one, release 1
 *   I0  add_waiter_if, condition false       X   close                           Gn  n times: queue one, cancel it
 *   I1  add_waiter_if, true at second look                                       Dn  as Cn, during another cancel of it
 *   Kn  reduce by n
 *
 * The ledger: permits put in = permits held + permits free, exactly, once nothing is in progress. A
 * waiter's memory is overwritten as soon as the contract gives it back, so a late touch by the library is
 * seen. */
#ifndef ROUSE_TESTS_FAULTS_WORLD_H
#define ROUSE_TESTS_FAULTS_WORLD_H

#define CHECK_CONTEXT "in case %s", case_name
#include "../support/check.h"
#include "heap.h"
#include "seam.h"

#include <rouse/waiter_queue.h>

#include "another_thread.h"
#include "../support/late.h"

#include <ctype.h>
#include <setjmp.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define WORLD_SLOTS 256
#define WORLD_POINTS \
    4000 /* scheduling points that one call of others may pass before it counts as spinning */

enum slot_state { SLOT_UNUSED, SLOT_CALLING, SLOT_QUEUED, SLOT_DONE, SLOT_CANCELLED };

typedef struct slot {
    rouse_waiter waiter;
    enum slot_state state;
    bool polled;
    bool counted;  /* its outcome is in the ledger                              */
    int busy;      /* cancels of it that are in progress: its memory must stay  */
    bool old;      /* queued before the stopped call began                      */
    bool excepted; /* its cancel was found waiting for the thread that grants it */
    char kind;
    uint32_t n;
    unsigned wakes;
    rouse_status outcome;
    uint64_t called_at;
    uint64_t queued_at;
} slot;

/* A call that is stopped somewhere in its middle. */
typedef struct call {
    char op;
    int n;
    slot *own; /* the waiter it queues or cancels */
} call;

typedef struct world {
    rouse_waiter_queue queue;
    int used;
    uint64_t clock;
    int64_t put_in;
    int64_t held;
    int64_t
        dropped; /* at most this many permits may have vanished: capped wakes, partial credit under wake_all */
    int64_t
        gained; /* at most this many permits may be counted as held that are of a wake_all                */
    bool all_used; /* a wake_all is part of the case */
    /* All ask for one permit, nobody withdraws, and N, O and A run where nobody interrupts them: so the ledger knows what
     * each of these has given. */
    bool exact;
    bool closed;
    bool excepted; /* a cancel of several permits was given up half way (allowed): the ledger is void */
    call stopped[3];
    int stopped_count;
    int wakes_running;       /* of this thread */
    slot slots[WORLD_SLOTS]; /* the first `used` mean something */
} world;

static world the;
static char case_name[256];
static jmp_buf excepted_cancel;
static slot *cancelling_now;

#define FAIL(...)                                          \
    do {                                                   \
        fprintf(stderr, "FAILED in case %s: ", case_name); \
        fprintf(stderr, __VA_ARGS__);                      \
        fputc('\n', stderr);                               \
        exit(1);                                           \
    } while (0)
/* From now on a crash says which case it was. */
static void crashed(int number) {
    static const char text[] = "crashed, or never came back, in case ";
    if (write(2, text, sizeof text - 1) < 0 || write(2, case_name, strlen(case_name)) < 0 ||
        write(2, "\n", 1) < 0) {
        _exit(3);
    }
    _exit(number);
}
static inline void say_which_crashes(void) {
    (void)signal(SIGSEGV, crashed);
}

static bool act(char op, int n);

/* Giving the processor away gains nothing in a program of one thread. */
int sched_yield(void) {
    return 0;
}

/* ---- raw looks, which are no scheduling points ------------------------------------------------------------------ */

static inline rouse_status raw_status(const slot *s) {
    return (rouse_status)(int8_t)(uint8_t)(__atomic_load_n(&s->waiter.status_.value_, __ATOMIC_ACQUIRE) &
                                           0xffu);
}
static inline bool raw_by_all(const slot *s) {
    return (__atomic_load_n(&s->waiter.status_.value_, __ATOMIC_ACQUIRE) & ROUSE_OUTCOME_BY_ALL_) != 0;
}
static inline int32_t raw_balance(void) {
    return rouse_word_balance_(the.queue.word_.value_);
}

/* Is the queue's lock held? Then no other thread can do anything to the queue at this point. */
static inline bool raw_locked(void) {
#if ROUSE_BACKEND == ROUSE_BACKEND_MUTEX
    if (pthread_mutex_trylock(&the.queue.lock_) != 0) {
        return true;
    }
    pthread_mutex_unlock(&the.queue.lock_);
    return false;
#elif ROUSE_BACKEND == ROUSE_BACKEND_SPIN
    return rouse_word_multi_(the.queue.word_.value_) && the.queue.word_.value_ != ROUSE_WORD_MULTI_;
#else
    return false;
#endif
}

/* ---- waiters ------------------------------------------------------------------------------------------------------ */

/* The waiter is its owner's again. */
static inline void give_back(slot *s) {
    if (s->busy == 0) {
        memset(&s->waiter, 0xdb, sizeof s->waiter);
    }
}

static inline void count_outcome(slot *s, rouse_status outcome) {
    if (s->counted) {
        return;
    }
    s->counted = true;
    s->outcome = outcome;
    if (outcome == ROUSE_OK) {
        if (raw_by_all(s) && !the.exact) {
            the.dropped += s->n - 1; /* of which part came from elsewhere, unknown */
        } else {
            the.held += s->n;
            the.gained += the.all_used && !the.exact ? s->n - 1 : 0;
        }
    } else {
        CHECK(outcome == ROUSE_CLOSED && the.closed);
    }
}

static inline void slot_woken(rouse_waiter *w, rouse_status status) {
    slot *const s = (slot *)rouse_waiter_data(w);
    CHECK(&s->waiter == w);
    CHECK(s->wakes == 0 && (s->state == SLOT_QUEUED || s->state == SLOT_CALLING));
    CHECK(raw_status(s) == status);
    s->wakes++;
    count_outcome(s, status);
    s->state = SLOT_DONE;
    give_back(s);
    CHECK(the.wakes_running == 0);
    the.wakes_running++;
    if (s->kind == 'Z' && status == ROUSE_OK) {
        (void)act('W', (int)s->n);
    }
    if (s->kind == 'Y' && status == ROUSE_OK) {
        (void)act('R', 1);
    }
    the.wakes_running--;
}

static inline slot *new_slot(char kind, uint32_t n) {
    slot *const s = &the.slots[the.used];
    CHECK(the.used < WORLD_SLOTS);
    the.used++;
    memset(s, 0, sizeof *s);
    s->kind = kind;
    s->polled = kind == 'P';
    s->n = n;
    s->state = SLOT_CALLING;
    s->called_at = ++the.clock;
    rouse_waiter_init(&s->waiter, s->polled ? NULL : slot_woken, s);
    return s;
}

/* What the wait of a slot has returned. `took`: an immediate ROUSE_OK took permits from the balance. */
static inline void wait_returned(slot *s, rouse_status status, bool took) {
    if (status == ROUSE_PENDING) {
        s->queued_at = ++the.clock;
        if (s->state == SLOT_CALLING) {
            s->state = SLOT_QUEUED;
        }
        return;
    }
    CHECK(s->state == SLOT_CALLING);
    s->state = SLOT_DONE;
    s->counted = true;
    s->outcome = status;
    if (status == ROUSE_OK) {
        the.held += took ? s->n : 0;
        the.gained += took && the.all_used && !the.exact ? s->n : 0;
    } else {
        CHECK(status == ROUSE_CLOSED && the.closed);
    }
    give_back(s);
}

typedef struct condition {
    int looks;
    int true_from;
} condition;

static inline bool condition_ready(void *arg) {
    condition *const c = (condition *)arg;
    c->looks++;
    return c->looks >= c->true_from;
}

/* Takes note of outcomes that are stored, whether or not their wakes have run. */
static inline void settle(void) {
    for (int i = 0; i < the.used; i++) {
        slot *const s = &the.slots[i];
        /* INVALID: a cancel has taken it out and is still on its way back. */
        if (s->state == SLOT_QUEUED && raw_status(s) != ROUSE_PENDING && raw_status(s) != ROUSE_INVALID) {
            count_outcome(s, raw_status(s));
            if (s->polled) {
                s->state = SLOT_DONE;
                give_back(s);
            }
        }
    }
}

static inline bool is_waiting(const slot *s) {
    return s->state == SLOT_QUEUED && !s->counted;
}

/* What all waiting waiters asked for, together: they lack no more than that. count: how many they are. */
static inline uint32_t asked_by_waiters(int *count) {
    uint32_t sum = 0;
    settle();
    *count = 0;
    for (int i = 0; i < the.used; i++) {
        if (is_waiting(&the.slots[i])) {
            sum += the.slots[i].n;
            *count += the.slots[i].busy != 0 ? 0 : 1; /* one being cancelled may be out already */
        }
    }
    return sum;
}

/* ---- operations ---------------------------------------------------------------------------------------------------- */

/* May the cancel of s wait for a stopped thread, because that one may be granting s? */
static inline bool cancel_may_wait(const slot *s) {
    for (int i = 0; i < the.stopped_count; i++) {
        if (strchr("RNOAXCLIY", the.stopped[i].op) != NULL && s->old) {
            return true;
        }
    }
    return false;
}

static inline void someone_spins(void) {
    if (cancelling_now != NULL && cancel_may_wait(cancelling_now)) {
        longjmp(excepted_cancel, 1);
    }
    FAIL("a call passed %d scheduling points and has not returned", WORLD_POINTS);
}

/* `beside`: another cancel of it may be in progress. One of the two has it. */
static inline bool cancel_slot(slot *s, bool beside) {
    volatile bool taken = false;
    slot *const outer = cancelling_now;
    jmp_buf outer_cancel; /* of a cancel that is stopped while this one runs */
    memcpy(&outer_cancel, &excepted_cancel, sizeof outer_cancel);
    if (s->state != SLOT_QUEUED || (s->busy != 0 && !beside) || s->excepted) {
        return false;
    }
    settle();
    if (s->state != SLOT_QUEUED) {
        return false;
    }
    s->busy++;
    if (the.stopped_count == 0) {
        taken = rouse_waiter_queue_cancel(&the.queue, &s->waiter);
    } else if (setjmp(excepted_cancel) == 0) {
        cancelling_now = s;
        taken = rouse_waiter_queue_cancel(&the.queue, &s->waiter);
    } else {
        s->excepted = true;
        the.excepted = the.excepted || s->n > 1;
    }
    cancelling_now = outer;
    memcpy(&excepted_cancel, &outer_cancel, sizeof outer_cancel);
    if (s->excepted) {
        return true; /* it stays busy: its owner is inside cancel */
    }
    s->busy--;
    if (taken) {
        CHECK(s->wakes == 0 && !s->counted && s->state == SLOT_QUEUED);
        s->state = SLOT_CANCELLED;
    } else if (s->polled) {
        CHECK(raw_status(s) != ROUSE_PENDING);
    }
    settle();
    if (s->state != SLOT_QUEUED) {
        give_back(s);
    }
    return true;
}

static inline slot *last_queued(void) {
    for (int i = the.used - 1; i >= 0; i--) {
        if (the.slots[i].state == SLOT_QUEUED) {
            return &the.slots[i];
        }
    }
    return NULL;
}

/* The waiter that the operation is about, if it is there already. */
static inline slot *own_slot(char op, int n) {
    if (op == 'C' || op == 'D') {
        return n < the.used ? &the.slots[n] : NULL;
    }
    return op == 'L' ? last_queued() : NULL;
}

static inline void wait_if(int second) {
    slot *const s = new_slot('I', 1);
    condition c = {0, second != 0 ? 2 : 1000};
    const rouse_status status = rouse_waiter_queue_add_waiter_if(&the.queue, &s->waiter, condition_ready, &c);
    wait_returned(s, status, c.looks < c.true_from);
}

/* N, O and A, and what the ledger notes of them. */
static inline void notify(char op) {
    const bool stored_one = raw_balance() > 0;
    uint32_t given;
    the.all_used = the.all_used || op == 'A';
    if (op != 'A' && !the.exact) {
        the.put_in++;
        the.dropped++;
    }
    if (op == 'N') {
        CHECK(rouse_waiter_queue_wake(&the.queue, 1, 1) == ROUSE_OK);
        given = stored_one ? 0 : 1;
    } else if (op == 'O') {
        given = rouse_waiter_queue_wake_one(&the.queue) ? 1 : 0;
    } else {
        given = rouse_waiter_queue_wake_all(&the.queue);
    }
    the.put_in += the.exact ? given : 0;
}

/* Does one operation. False: it makes no sense in this state, and was left out. */
static inline bool act(char op, int n) {
    const uint32_t many = (uint32_t)n;
    slot *s;
    if (the.stopped_count != 0) {
        seam.limit = seam.passed + WORLD_POINTS;
    }
    switch (op) {
    case 'W':
    case 'P':
    case 'Y':
    case 'Z':
        s = new_slot(op, many);
        wait_returned(s, rouse_waiter_queue_wait(&the.queue, &s->waiter, many), true);
        return true;
    case 'I':
        wait_if(n);
        return true;
    case 'R':
        the.put_in += n;
        CHECK(rouse_waiter_queue_wake(&the.queue, many, ROUSE_MAX_PERMITS) == ROUSE_OK);
        return true;
    case 'N':
    case 'O':
    case 'A':
        notify(op);
        return true;
    case 'X':
        the.closed = true;
        (void)rouse_waiter_queue_close(&the.queue);
        return true;
    case 'C':
    case 'D':
    case 'L':
        s = own_slot(op, n);
        return s != NULL && cancel_slot(s, op == 'D');
    case 'T':
        if (rouse_waiter_queue_try_wait(&the.queue, many)) {
            the.held += n;
        }
        return true;
    case 'K':
        the.held += rouse_queue_reduce_(&the.queue, many);
        return true;
    case 'H':
        for (int i = 0; i < n; i++) {
            (void)act('W', 1);
            (void)act('R', 1);
        }
        return true;
    case 'G':
        for (int i = 0; i < n; i++) {
            (void)act('P', 1);
            (void)cancel_slot(&the.slots[the.used - 1], false);
        }
        return true;
    default:
        FAIL("no such operation: %c", op);
    }
}

/* The next operation of a script. */
static inline char next_op(const char **script, int *n) {
    const char op = *(*script)++;
    if (isdigit((unsigned char)**script)) {
        *n = (int)strtol(*script, (char **)(uintptr_t)script, 10);
    } else {
        *n = op == 'C' || op == 'I' ? 0 : 1;
    }
    return op;
}

static inline void run_script(const char *script) {
    while (*script != '\0') {
        int n;
        const char op = next_op(&script, &n);
        (void)act(op, n);
    }
}

/* ---- what must hold -------------------------------------------------------------------------------------------------- */

/* How many permits the stopped calls may have with them, and how many waiters wait on their account. */
typedef struct claim {
    int64_t have;    /* permits out of reach             */
    int64_t waiters; /* waiters that only they can grant */
} claim;

static inline claim claims(void) {
    claim sum = {0, 0};
    int64_t old = 0;
    for (int i = 0; i < the.used; i++) {
        const slot *const s = &the.slots[i];
        old += s->old ? s->n : 0;
        if (s->kind == 'Y' || s->kind == 'Z') { /* a stopped call may be inside its wake */
            sum.have += s->n;
            sum.waiters += s->n;
        }
    }
    for (int i = 0; i < the.stopped_count; i++) {
        const call *const c = &the.stopped[i];
        switch (c->op) {
        case 'W':
        case 'P':
        case 'Y':
        case 'Z':
        case 'T':
            sum.have += c->n;
            break;
        case 'I':
            sum.have += 1;
            sum.waiters += 1; /* while it passes a wake on */
            break;
        case 'R':
        case 'N':
        case 'O':
            sum.have += c->n; /* counted as put in from its start */
            sum.waiters += c->n;
            break;
        case 'C':
        case 'L':
            sum.have += c->own->n - 1;
            sum.waiters += c->own->n - 1;
            break;
        default: /* A, X */
            sum.have += old;
            sum.waiters += old;
            break;
        }
    }
    return sum;
}

/* All others can have all permits but those of the stopped calls: releases until everybody is served, takes what is free,
 * and looks what is missing. */
static inline void check_reach(void) {
    const claim of_stopped = claims();
    int waiting;
    int64_t kept_back;
    int64_t free_now = 0;
    uint32_t rounds = asked_by_waiters(&waiting) + (uint32_t)of_stopped.have;
    while (waiting != 0 && rounds != 0) {
        (void)act('R', 1);
        rounds--;
        (void)asked_by_waiters(&waiting);
    }
    kept_back = asked_by_waiters(&waiting); /* those who are left may have had partial credit */
    if (waiting > of_stopped.waiters) {
        FAIL("%d waiters cannot be served while the stopped call may keep back only %d", waiting,
             (int)of_stopped.waiters);
    }
    for (int i = 0; i < the.used; i++) {
        if (is_waiting(&the.slots[i]) && !the.slots[i].old && the.stopped_count == 1 &&
            the.stopped[0].op == 'A') {
            FAIL("waiter %d, which came during the call, cannot be served", i);
        }
    }
    if (the.closed) {
        free_now = raw_balance() > 0 ? raw_balance() : 0;
    } else {
        while (rouse_waiter_queue_try_wait(&the.queue, 1)) {
            free_now++;
        }
        the.held += free_now;
        free_now = 0;
    }
    settle();
    if (!the.excepted) {
        const int64_t missing = the.put_in - the.held - free_now;
        if (missing > of_stopped.have + kept_back + the.dropped || missing < -the.gained) {
            FAIL("%lld permits are out of reach, of which the stopped call may have %lld", (long long)missing,
                 (long long)of_stopped.have);
        }
    }
}

/* First come, first served: nobody holds while one who had queued before its call still waits. */
static inline void check_order(void) {
    settle();
    for (int i = 0; i < the.used; i++) {
        const slot *const first = &the.slots[i];
        for (int j = 0; is_waiting(first) && !first->busy && j < the.used; j++) {
            const slot *const second = &the.slots[j];
            if (first->queued_at < second->called_at && second->counted && second->outcome == ROUSE_OK &&
                second->kind != 'I') {
                FAIL("waiter %d was served before waiter %d, which had queued before", j, i);
            }
        }
    }
}

/* Nothing is in progress any more. Every segment is in the list or in the pool, once. Each of the list
 * except the last has a cell to which some thread will come back. */
static inline void check_segments(void) {
#if ROUSE_BACKEND == ROUSE_BACKEND_LOCKFREE
    const rouse_pool_ *const pool = (const rouse_pool_ *)the.queue.pool_.value_;
    uint32_t segments = 0;
    uint32_t index = pool == NULL ? 0 : rouse_link_index_(pool->first_.value_);
    while (index != 0) {
        const rouse_segment_ *const segment = rouse_segment_at_(pool, index);
        CHECK(!rouse_segment_fresh_(segment->state_.value_) && !rouse_link_marked_(segment->next_.value_));
        index = rouse_link_index_(segment->next_.value_);
        if (index != 0) {
            bool in_use = false;
            for (int i = 0; i < ROUSE_SEGMENT_CELLS; i++) {
                in_use = in_use || !rouse_cell_final_(segment->cells_[i].word_.value_);
            }
            CHECK(in_use);
        }
        segments++;
        CHECK(segments <= pool->made_.value_);
    }
    index = pool == NULL ? 0 : (uint32_t)pool->free_.value_ & ROUSE_LINK_INDEX_;
    while (index != 0) {
        const rouse_segment_ *const segment = rouse_segment_at_(pool, index);
        CHECK(rouse_segment_fresh_(segment->state_.value_));
        index = segment->link_.value_;
        segments++;
        CHECK(segments <= pool->made_.value_);
    }
    CHECK(pool == NULL || segments == pool->made_.value_);
#endif
}

/* Nothing is in progress any more: serves the waiters, takes all, compares, destroys. */
static inline void check_end(void) {
    int waiting;
    int64_t free_now = 0;
    settle();
    for (int i = 0; i < the.used; i++) {
        slot *const s = &the.slots[i];
        if (s->excepted && s->n == 1 && is_waiting(s)) {
            FAIL("the cancel of waiter %d waited for a thread that did not grant it", i);
        }
        if (s->state == SLOT_QUEUED && s->counted) {
            FAIL("waiter %d has its outcome, and its wake has not run", i);
        }
        CHECK(s->state != SLOT_CALLING);
    }
    check_order();
    if (!the.excepted) {
        const uint32_t lack = asked_by_waiters(&waiting);
        check_segments();
        CHECK(rouse_waiter_queue_waiter_count(&the.queue) == (uint32_t)waiting);
        CHECK(rouse_waiter_queue_balance(&the.queue) >= -(int64_t)lack);
        CHECK(waiting == 0 || rouse_waiter_queue_balance(&the.queue) <= -waiting);
        for (uint32_t i = 0; i < lack + WORLD_SLOTS && waiting != 0; i++) { /* some queue again */
            (void)act('R', 1);
            (void)asked_by_waiters(&waiting);
        }
        CHECK(waiting == 0);
        free_now = rouse_waiter_queue_balance(&the.queue);
        for (int64_t i = 0; i < free_now && !the.closed; i++) {
            CHECK(rouse_waiter_queue_try_wait(&the.queue, 1));
        }
        CHECK(the.closed || rouse_waiter_queue_balance(&the.queue) == 0);
        CHECK(!rouse_waiter_queue_try_wait(&the.queue, 1));
        CHECK(rouse_waiter_queue_waiter_count(&the.queue) == 0);
        if (free_now > the.put_in - the.held + the.gained || free_now < the.put_in - the.held - the.dropped) {
            FAIL("%lld permits are free; %lld were put in, %lld are held", (long long)free_now,
                 (long long)the.put_in, (long long)the.held);
        }
    }
    rouse_waiter_queue_destroy(&the.queue);
    CHECK(heap.bytes == 0);
}

/* ---- the world's beginning -------------------------------------------------------------------------------------------- */

/* serial: where the tickets begin (LOCKFREE). If it is not 0, segments, links and the pool are at their second use before the
 * wrap of their counts, too. */
static inline void begin_world(uint32_t credit, uint32_t serial) {
    memset(&the, 0, offsetof(world, slots));
    memset(&seam, 0, sizeof seam);
    rouse_waiter_queue_init(&the.queue, credit);
#if ROUSE_BACKEND == ROUSE_BACKEND_LOCKFREE
    the.queue.word_.value_ = rouse_state_empty_(credit, serial, false);
    the.queue.served_.value_ = serial;
    if (serial != 0) {
        late_queue(&the.queue, 2);
    }
#else
    (void)serial;
#endif
    memset(&seam, 0, sizeof seam);
    seam.overrun = someone_spins;
    the.put_in = credit;
}

#endif /* ROUSE_TESTS_FAULTS_WORLD_H */
