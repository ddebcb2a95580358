/* Throughput mode against a reference: a few plain variables and a list.
 *
 *   reference_throughput DEPTH    every sequence of DEPTH operations on 3 waiters, from credits 0 and 1, and of DEPTH - 1
 *                                 more where two wait and where one of them is invited; with bounds 1 and 2, for waiters
 *                                 that are told, polled, on a mailbox, mixed, and such as answer in the wake
 *
 * After each operation the two must agree on what was returned, which wakes ran, with what and in which order, the free
 * permits, the number of waiters, every waiter's status, and whether it is closed. The reference has one rule that a
 * strict semaphore has not: a newcomer takes n if they are free and, while anybody waits, if one is invited and the
 * count plus n is within the bound. The first disagreement prints the sequence and ends the program.
 *
 * With OF_LIMIT the object is a limit of which all but the credit is in use. It keeps free what the reference gives to a
 * waiter that lacks several; whoever comes sees no difference. */
#include <rouse/limit.h>
#include <rouse/mailbox.h>
#include <rouse/semaphore.h>

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* LOCKFREE grants strictly to a waiter for several. */
#define ONE_ONLY (ROUSE_BACKEND == ROUSE_BACKEND_LOCKFREE)

enum { WAITERS = 3, LOG_MAX = 64, NONE = -1 };

typedef enum op_kind { ACQUIRE, TRY, RELEASE, CANCEL, RESUME, DECLINE, REDUCE, CLOSE, DRAIN } op_kind;
static const char *const op_names[] = {"acquire", "try_acquire", "release", "cancel", "resume",
                                       "decline", "reduce",      "close",   "drain"};
typedef struct op {
    op_kind kind;
    int waiter;
    uint32_t n;
} op;

typedef enum waiter_kind { TOLD, ANSWERS, POLLED, MAILED } waiter_kind;
static waiter_kind kinds[WAITERS];

typedef struct woken {
    int waiter;
    rouse_status status;
} woken;
typedef struct wake_log {
    woken entries[LOG_MAX];
    size_t length;
} wake_log;

static void log_wake(wake_log *log, int waiter, rouse_status status) {
    if (log->length == LOG_MAX) {
        abort();
    }
    log->entries[log->length].waiter = waiter;
    log->entries[log->length++].status = status;
}

/* ---- the reference ------------------------------------------------------------------------------------------------ */

typedef struct reference {
    uint32_t bound;
    uint32_t free;
    uint32_t passed;
    bool closed;
    int invited; /* or NONE */
    int list[WAITERS];
    int listed;
    uint32_t asked[WAITERS];
    uint32_t has[WAITERS];
    rouse_status status[WAITERS];
    int mail[2 * WAITERS]; /* what drain will find */
    int mails;
    wake_log due; /* wakes that this call will run */
    wake_log log;
} reference;

static void put(reference *r, int place, int waiter) {
    memmove(&r->list[place + 1], &r->list[place], (size_t)(r->listed - place) * sizeof r->list[0]);
    r->list[place] = waiter;
    r->listed++;
}
static void take(reference *r, int place) {
    r->listed--;
    memmove(&r->list[place], &r->list[place + 1], (size_t)(r->listed - place) * sizeof r->list[0]);
}
/* An outcome or an invitation reaches its waiter. */
static void tell(reference *r, int w, rouse_status status) {
    if (kinds[w] == MAILED) {
        r->mail[r->mails++] = w;
        if (status != ROUSE_RETRY) {
            r->status[w] = status;
        }
    } else {
        r->status[w] = status;
        if (kinds[w] != POLLED) {
            log_wake(&r->due, w, status);
        }
    }
}
/* Nobody is invited: who gets what. */
static void settle(reference *r) {
    while (r->free != 0 && r->invited == NONE && r->listed != 0) {
        const int w = r->list[0];
        const uint32_t lacks = r->asked[w] - r->has[w];
        if (lacks > r->free) {
            r->has[w] += r->free;
            r->free = 0;
        } else if (kinds[w] == POLLED || (ONE_ONLY && r->asked[w] != 1)) {
            take(r, 0);
            r->free -= lacks;
            r->passed = 0;
            tell(r, w, ROUSE_OK);
        } else {
            take(r, 0);
            r->free -= lacks - 1;
            r->has[w] = r->asked[w] - 1;
            r->invited = w;
            tell(r, w, ROUSE_RETRY);
        }
    }
    if (r->invited == NONE && r->listed == 0) {
        r->passed = 0;
    }
}
static bool newcomer_takes(reference *r, uint32_t n) {
    const bool waited_for = r->invited != NONE || r->listed != 0;
    if (r->closed || r->free < n || (waited_for && r->passed + n > r->bound)) {
        return false;
    }
    r->free -= n;
    r->passed += waited_for ? n : 0;
    return true;
}
static rouse_status answer(reference *r, int w) {
    r->invited = NONE;
    if (r->closed) {
        r->free += r->has[w];
        r->passed = 0;
        r->status[w] = ROUSE_CLOSED;
    } else if (r->free == 0) {
        put(r, 0, w);
        r->status[w] = ROUSE_PENDING;
    } else {
        r->free--;
        r->passed = 0;
        r->status[w] = ROUSE_OK;
        settle(r);
    }
    return r->status[w];
}
static void leave(reference *r, int w) {
    r->invited = NONE;
    r->free += r->has[w];
    settle(r);
}
static bool is_listed(const reference *r, int w, int *place) {
    for (*place = 0; *place < r->listed; ++*place) {
        if (r->list[*place] == w) {
            return true;
        }
    }
    return false;
}
static int64_t refer(reference *r, op o) {
    int64_t result = 0;
    int place;
    switch (o.kind) {
    case ACQUIRE:
        if (r->closed) {
            result = ROUSE_CLOSED;
        } else if (newcomer_takes(r, o.n)) {
            result = ROUSE_OK;
        } else {
            const bool alone = r->invited == NONE && r->listed == 0;
            r->asked[o.waiter] = o.n;
            r->has[o.waiter] = alone ? r->free : 0;
            r->free = alone ? 0 : r->free;
            put(r, r->listed, o.waiter);
            r->status[o.waiter] = result = ROUSE_PENDING;
        }
        break;
    case TRY:
        result = newcomer_takes(r, o.n);
        break;
    case RELEASE:
        r->free += o.n;
        settle(r);
        break;
    case CANCEL:
        if (is_listed(r, o.waiter, &place)) {
            take(r, place);
            r->free += r->has[o.waiter];
            r->status[o.waiter] = ROUSE_INVALID;
            settle(r);
            result = true;
        } else if (r->invited == o.waiter && kinds[o.waiter] == MAILED) {
            r->status[o.waiter] = ROUSE_CANCELLED;
            leave(r, o.waiter);
        }
        break;
    case RESUME:
        result = answer(r, o.waiter);
        break;
    case DECLINE:
        r->status[o.waiter] = ROUSE_INVALID;
        leave(r, o.waiter);
        break;
    case REDUCE:
        result = o.n < r->free ? o.n : r->free;
        r->free -= (uint32_t)result;
        break;
    case CLOSE:
        r->closed = true;
        result = r->listed;
        for (int i = 0; i < r->listed; i++) {
            r->free += r->has[r->list[i]];
            tell(r, r->list[i], ROUSE_CLOSED);
        }
        r->listed = 0;
        break;
    case DRAIN: {
        int mail[2 * WAITERS];
        const int mails = r->mails;
        memcpy(mail, r->mail, sizeof mail);
        r->mails = 0;
        for (int i = 0; i < mails; i++) {
            const int w = mail[i];
            if (r->status[w] != ROUSE_PENDING || answer(r, w) != ROUSE_PENDING) {
                log_wake(&r->log, w, r->status[w]);
                result++;
            }
        }
        break;
    }
    }
    for (size_t i = 0; i < r->due.length; i++) { /* grows */
        const woken due = r->due.entries[i];
        log_wake(&r->log, due.waiter, due.status);
        if (due.status == ROUSE_RETRY && kinds[due.waiter] == ANSWERS) {
            (void)answer(r, due.waiter);
        }
    }
    r->due.length = 0;
    return result;
}

/* ---- rouse ----------------------------------------------------------------------------------------------------------- */

#ifdef OF_LIMIT
#    define VERB(verb) rouse_limit_##verb
typedef rouse_limit object;
enum { PERMITS = 100 };
#else
#    define VERB(verb) rouse_semaphore_##verb
typedef rouse_semaphore object;
#endif

typedef struct world {
    object object;
    rouse_waiter waiters[WAITERS];
    rouse_mailbox mailbox;
    wake_log log;
    reference reference;
    bool given[WAITERS]; /* in the queue, or its wake is owed */
} world;
static world now;

static void on_wake(rouse_waiter *w, rouse_status status) {
    const int i = (int)(w - now.waiters);
    log_wake(&now.log, i, status);
    if (status == ROUSE_RETRY && kinds[i] == ANSWERS) {
        (void)!VERB(resume)(&now.object, w);
    }
}
static void no_kick(void *arg) {
    (void)arg;
}

#ifdef OF_LIMIT
static rouse_status release(object *l, uint32_t n) {
    return rouse_limit_give_back(l, n);
}
static uint32_t reduce(object *l, uint32_t n) {
    const uint32_t taken = n < now.reference.free ? n : now.reference.free;
    return rouse_limit_set(l, rouse_limit_permits(l) - taken) == ROUSE_OK ? taken : UINT32_MAX;
}
static uint32_t not_in_use(const object *l) {
    return rouse_limit_permits(l) - rouse_limit_in_use(l);
}
static void init(object *l, uint32_t credit, uint32_t bound) {
    if (rouse_limit_init_throughput(l, PERMITS, UINT32_MAX, bound) != ROUSE_OK ||
        !rouse_limit_try_acquire(l, PERMITS - credit)) {
        abort();
    }
}
#else
static rouse_status release(object *s, uint32_t n) {
    return rouse_semaphore_release(s, n);
}
static uint32_t reduce(object *s, uint32_t n) {
    return rouse_semaphore_reduce(s, n);
}
static void init(object *s, uint32_t credit, uint32_t bound) {
    rouse_semaphore_init_throughput(s, credit, bound);
}
#endif

static int64_t perform(op o) {
    object *const it = &now.object;
    rouse_waiter *const w = &now.waiters[o.waiter];
    switch (o.kind) {
    case ACQUIRE:
        return VERB(acquire)(it, w, o.n);
    case TRY:
        return VERB(try_acquire)(it, o.n);
    case RELEASE:
        return release(it, o.n);
    case CANCEL:
        return VERB(cancel)(it, w);
    case RESUME:
        return VERB(resume)(it, w);
    case DECLINE:
        VERB(decline)(it, w);
        return 0;
    case REDUCE:
        return reduce(it, o.n);
    case CLOSE:
        return VERB(close)(it);
    case DRAIN:
        return (int64_t)rouse_mailbox_drain(&now.mailbox);
    }
    return 0;
}

static op sequence[16];
static int length;
static uint32_t start_credit;
static uint64_t sequences;

static void disagree(const char *what, int64_t theirs, int64_t ours) {
    printf("credit %" PRIu32 ", bound %" PRIu32 ", waiters", start_credit, now.reference.bound);
    for (int i = 0; i < WAITERS; i++) {
        printf(" %s", kinds[i] == TOLD      ? "told"
                      : kinds[i] == ANSWERS ? "answers"
                      : kinds[i] == POLLED  ? "polled"
                                            : "mailed");
    }
    printf("\n");
    for (int i = 0; i < length; i++) {
        printf("  %s(%d, %" PRIu32 ")\n", op_names[sequence[i].kind], sequence[i].waiter, sequence[i].n);
    }
    printf("%s: %" PRId64 ", and the reference says %" PRId64 "\n", what, theirs, ours);
    exit(1);
}
static void same(const char *what, int64_t theirs, int64_t ours) {
    if (theirs != ours) {
        disagree(what, theirs, ours);
    }
}

/* Is so much free? Of a limit, what a waiter has been given of what it asked for is free too. */
static void same_free(const reference *r) {
#ifdef OF_LIMIT
    int64_t free = r->free + (r->invited != NONE ? r->has[r->invited] : 0);
    for (int i = 0; i < r->listed; i++) {
        free += r->has[r->list[i]];
    }
    same("free", not_in_use(&now.object), free);
#else
    same("available", rouse_semaphore_available(&now.object), r->free);
#endif
}

/* Does it make sense, and is it no misuse? */
static bool possible(op o) {
    const reference *const r = &now.reference;
    switch (o.kind) {
    case ACQUIRE:
        return !now.given[o.waiter];
    case CANCEL:
        return now.given[o.waiter];
    case RESUME:
    case DECLINE:
        return r->invited == o.waiter && kinds[o.waiter] == TOLD;
    case DRAIN:
        return r->mails != 0;
    default:
        return true;
    }
}

static void step(op o) {
    reference *const r = &now.reference;
    int64_t theirs;
    int64_t ours;
    int place;
    now.log.length = 0;
    r->log.length = 0;
    theirs = perform(o);
    ours = refer(r, o);
    same("the answer", theirs, ours);
    same("the wakes", (int64_t)now.log.length, (int64_t)r->log.length);
    for (size_t i = 0; i < now.log.length; i++) {
        same("the waiter of a wake", now.log.entries[i].waiter, r->log.entries[i].waiter);
        same("what a wake was called with", now.log.entries[i].status, r->log.entries[i].status);
    }
    same_free(r);
    if (!ONE_ONLY || !r->closed) { /* there it does not count whom close has left invited */
        same("waiters", VERB(waiter_count)(&now.object), r->listed + (r->invited != NONE));
    }
    same("closed", VERB(is_closed)(&now.object), r->closed);
    for (int i = 0; i < WAITERS; i++) {
        bool posted = false;
        for (int j = 0; j < r->mails; j++) {
            posted = posted || r->mail[j] == i;
        }
        now.given[i] = r->invited == i || is_listed(r, i, &place) || posted;
        if (now.given[i] || (o.kind != DECLINE && o.kind != CANCEL && o.waiter == i)) {
            same("a status", rouse_waiter_status(&now.waiters[i]), r->status[i]);
        }
    }
}

static void begin(uint32_t credit, uint32_t bound) {
    memset(&now, 0, sizeof now);
    start_credit = credit;
    init(&now.object, credit, bound);
    rouse_mailbox_init(&now.mailbox, no_kick, NULL);
    now.reference.bound = bound;
    now.reference.free = credit;
    now.reference.invited = NONE;
    for (int i = 0; i < WAITERS; i++) {
        rouse_waiter_init_on(&now.waiters[i], kinds[i] == MAILED ? &now.mailbox : NULL,
                             kinds[i] == POLLED ? NULL : on_wake, NULL);
        now.reference.status[i] = ROUSE_OK;
    }
}
/* As it was before the last operation of the sequence. LOCKFREE has memory elsewhere: from the beginning. */
static void go_back(const world *before) {
#if ROUSE_BACKEND == ROUSE_BACKEND_LOCKFREE
    const int steps = length;
    VERB(destroy)(&now.object);
    begin(start_credit, before->reference.bound);
    for (length = 0; length < steps;) {
        length++;
        step(sequence[length - 1]);
    }
#else
    now = *before;
#endif
}

static void explore(int depth) {
    static const op ops[] = {
        {ACQUIRE, 0, 1}, {ACQUIRE, 0, 2}, {ACQUIRE, 1, 1}, {ACQUIRE, 1, 2}, {ACQUIRE, 2, 1}, {TRY, 0, 1},
        {TRY, 0, 2},     {RELEASE, 0, 1}, {RELEASE, 0, 2}, {CANCEL, 0, 0},  {CANCEL, 1, 0},  {CANCEL, 2, 0},
        {RESUME, 0, 0},  {RESUME, 1, 0},  {RESUME, 2, 0},  {DECLINE, 0, 0}, {DECLINE, 1, 0}, {DECLINE, 2, 0},
        {REDUCE, 0, 1},  {CLOSE, 0, 0},   {DRAIN, 0, 0}};
    world before;
    if (depth == 0) {
        sequences++;
        return;
    }
    before = now;
    for (size_t i = 0; i < sizeof ops / sizeof ops[0]; i++) {
        if (possible(ops[i])) {
            sequence[length++] = ops[i];
            step(ops[i]);
            explore(depth - 1);
            length--;
            go_back(&before);
        }
    }
}

static void explore_from(int depth, uint32_t credit, uint32_t bound, int first_steps) {
    static const op first[] = {{ACQUIRE, 0, 1}, {ACQUIRE, 1, 1}, {RELEASE, 0, 1}};
    begin(credit, bound);
    for (int i = 0; i < first_steps; i++) {
        sequence[i] = first[i];
        length = i + 1;
        step(first[i]);
    }
    explore(depth);
    length = 0;
    VERB(destroy)(&now.object);
}

int main(int argc, char **argv) {
    static const waiter_kind all[][WAITERS] = {
        {TOLD, TOLD, TOLD},     {TOLD, POLLED, TOLD},        {POLLED, TOLD, POLLED}, {MAILED, MAILED, MAILED},
        {MAILED, TOLD, POLLED}, {ANSWERS, ANSWERS, ANSWERS}, {ANSWERS, TOLD, MAILED}};
    const int depth = argc > 1 ? atoi(argv[1]) : 0;
    if (depth < 1 || depth > 12) {
        fprintf(stderr, "usage: reference_throughput DEPTH\n");
        return 2;
    }
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        memcpy(kinds, all[i], sizeof kinds);
        for (uint32_t bound = 1; bound < 3; bound++) {
            explore_from(depth, 0, bound, 0);
            explore_from(depth, 1, bound, 0);
            explore_from(depth - 1, 0, bound, 2);
            explore_from(depth - 1, 0, bound, 3);
        }
    }
    printf("%" PRIu64 " sequences: the reference agrees\n", sequences);
    return 0;
}
