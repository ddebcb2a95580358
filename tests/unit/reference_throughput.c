/* Throughput mode against a reference: a few plain variables and a list.
 *
 *   reference_throughput DEPTH    every sequence of DEPTH operations on 3 waiters, from credits 0 and 1, and of DEPTH - 1
 *                                 more where two wait, where one of them is invited, and where three wait and two are;
 *                                 with bounds 1 and 2, for waiters that are invited, polled, on a mailbox, mixed, and
 *                                 that answer in the wake
 *
 * After each operation the two must agree on what was returned, which wakes ran, with what and in which
 * order, the free permits, the number of waiters, every waiter's status, and whether it is closed. The
 * reference is tests/support/throughput.h. The first disagreement prints the sequence and ends the program.
 *
 *   reference_throughput SEQUENCES    built with AT_RANDOM: that many sequences of 4096 operations on 24 waiters
 *
 * With OF_LIMIT the object is a limit of which all but the credit is in use. */
#include <rouse/config.h>
#include <stddef.h>

/* The memory that LOCKFREE asks for is a part of the world to which explore() goes back. */
#if !defined(AT_RANDOM) && ROUSE_BACKEND == ROUSE_BACKEND_LOCKFREE
#    define IN_ARENA 1
static void *arena_take(size_t size);
static void arena_give(const void *memory);
#    define ROUSE_MALLOC(size)  arena_take(size)
#    define ROUSE_FREE(pointer) arena_give(pointer)
#else
#    define IN_ARENA 0
#endif

#include <rouse/limit.h>
#include <rouse/mailbox.h>
#include <rouse/semaphore.h>

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* LOCKFREE's queue grants strictly to a waiter for several. */
#if !defined(OF_LIMIT) && ROUSE_BACKEND == ROUSE_BACKEND_LOCKFREE
#    define ONE_ONLY 1
#else
#    define ONE_ONLY 0
#endif
/* A queue under a lock invites as many as there are permits; LOCKFREE and limits one at a time. */
#ifdef OF_LIMIT
#    define SEVERAL false
#else
#    define SEVERAL (!ONE_ONLY)
#endif

/* AT_RANDOM: long sequences instead, on more waiters than can be under way. */
#ifdef AT_RANDOM
enum { WAITERS = 24, SEQUENCE_MAX = 4096 };
#else
enum { WAITERS = 3, SEQUENCE_MAX = 16 };
#endif
#define REFERENCE_WAITERS WAITERS
#define REFERENCE_LOG     64
#include "../support/throughput.h"

typedef enum op_kind { ACQUIRE, TRY, RELEASE, CANCEL, RESUME, DECLINE, REDUCE, CLOSE, DRAIN } op_kind;
static const char *const op_names[] = {"acquire", "try_acquire", "release", "cancel", "resume",
                                       "decline", "reduce",      "close",   "drain"};
typedef struct op {
    op_kind kind;
    int waiter;
    uint32_t n;
} op;

static waiter_kind kinds[WAITERS];

/* What the reference does, and the wakes it causes. */
static int64_t refer(reference *r, wake_log *log, op o) {
    int64_t result = 0;
    switch (o.kind) {
    case ACQUIRE:
        result = reference_acquire(r, o.waiter, o.n);
        break;
    case TRY:
        result = reference_try(r, o.n);
        break;
    case RELEASE:
        reference_release(r, o.n);
        break;
    case CANCEL:
        result = reference_cancel(r, o.waiter);
        break;
    case RESUME:
        result = reference_resume(r, o.waiter);
        break;
    case DECLINE:
        reference_decline(r, o.waiter);
        break;
    case REDUCE:
        result = reference_reduce(r, o.n);
        break;
    case CLOSE:
        result = reference_close(r);
        break;
    case DRAIN: {
        int mail[2 * WAITERS];
        const int mails = r->mails;
        memcpy(mail, r->mail, sizeof mail);
        r->mails = 0;
        for (int i = 0; i < mails; i++) {
            const int w = mail[i];
            if (r->status[w] != ROUSE_PENDING || reference_resume(r, w) != ROUSE_PENDING) {
                log_wake(log, w, r->status[w]);
                result++;
            }
        }
        break;
    }
    }
    for (size_t i = 0; i < r->due.length; i++) { /* grows */
        const logged_wake due = r->due.entries[i];
        log_wake(log, due.waiter, due.status);
        if (due.status == ROUSE_RETRY && kinds[due.waiter] == ANSWERS) {
            (void)reference_resume(r, due.waiter);
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
    int blocks;          /* of the arena, that have not been given back */
    size_t used;
    _Alignas(max_align_t) unsigned char arena[IN_ARENA ? 4096 : 1]; /* last: only what is used is copied */
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

#if IN_ARENA
static void *arena_take(size_t size) {
    void *const memory = &now.arena[now.used];
    now.used += (size + sizeof(max_align_t) - 1) / sizeof(max_align_t) * sizeof(max_align_t);
    if (now.used > sizeof now.arena) {
        abort();
    }
    now.blocks++;
    return memory;
}
static void arena_give(const void *memory) {
    now.blocks -= memory != NULL ? 1 : 0;
}
#endif

static op sequence[SEQUENCE_MAX + WAITERS + 2]; /* and how it ends */
static int length;
static uint32_t start_credit;
static uint64_t sequences;
#ifdef AT_RANDOM
static int most_under_way;
#endif

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
    int64_t free = r->free;
    for (int i = 0; i < WAITERS; i++) {
        free += r->invited[i] ? r->has[i] : 0;
    }
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
        return r->invited[o.waiter] && kinds[o.waiter] == TOLD;
    case DRAIN:
        return r->mails != 0;
    default:
        return true;
    }
}

static void step(op o) {
    reference *const r = &now.reference;
    wake_log log = {.length = 0};
    int64_t theirs;
    int64_t ours;
    int place;
    now.log.length = 0;
    theirs = perform(o);
    ours = refer(r, &log, o);
    same("the answer", theirs, ours);
    same("the wakes", (int64_t)now.log.length, (int64_t)log.length);
    for (size_t i = 0; i < now.log.length; i++) {
        same("the waiter of a wake", now.log.entries[i].waiter, log.entries[i].waiter);
        same("what a wake was called with", now.log.entries[i].status, log.entries[i].status);
    }
    same_free(r);
    if (!ONE_ONLY || !r->closed) { /* there it does not count the waiters that close has left invited */
        same("waiters", VERB(waiter_count)(&now.object), r->listed + r->under_way);
    }
    same("closed", VERB(is_closed)(&now.object), r->closed);
    for (int i = 0; i < WAITERS; i++) {
        bool posted = false;
        for (int j = 0; j < r->mails; j++) {
            posted = posted || r->mail[j] == i;
        }
        now.given[i] = r->invited[i] || reference_is_listed(r, i, &place) || posted;
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
    memcpy(now.reference.kinds, kinds, sizeof kinds);
    now.reference.several = SEVERAL;
    now.reference.one_only = ONE_ONLY;
    now.reference.bound = bound;
    now.reference.free = credit;
    for (int i = 0; i < WAITERS; i++) {
        rouse_waiter_init_on(&now.waiters[i], kinds[i] == MAILED ? &now.mailbox : NULL,
                             kinds[i] == POLLED ? NULL : on_wake, NULL);
        now.reference.status[i] = ROUSE_OK;
    }
}

static void step_also(op_kind kind, int waiter) {
    const op o = {kind, waiter, 0};
    if (possible(o)) {
        sequence[length++] = o;
        step(o);
    }
}
/* Everybody who waits learns that it is closed, so that nobody is queued when it is destroyed. */
static void end(void) {
    step_also(CLOSE, 0);
    for (int i = 0; i < WAITERS; i++) {
        step_also(RESUME, i);
    }
    step_also(DRAIN, 0);
    VERB(destroy)(&now.object);
}

#ifdef AT_RANDOM
static uint32_t random_number(uint32_t below) {
    static uint64_t state = 1;
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(state >> 33) % below;
}
/* Mostly waiters for one, so that many are under way. */
static void go_at_random(void) {
    const uint32_t eager = random_number(4);
    static const op_kind often[] = {ACQUIRE, ACQUIRE, ACQUIRE, RELEASE, RELEASE, RESUME,
                                    RESUME,  TRY,     CANCEL,  DECLINE, DRAIN,   REDUCE};
    begin(random_number(3), 1 + random_number(3));
    for (length = 0; length < SEQUENCE_MAX;) {
        op o;
        o.kind = random_number(8) < eager ? RESUME : often[random_number(sizeof often / sizeof often[0])];
        o.waiter = (int)random_number(WAITERS);
        o.n = random_number(8) == 0 ? 2 + random_number(3) : 1;
        if (o.kind == REDUCE && random_number(4) != 0) {
            continue;
        }
        if (possible(o)) {
            sequence[length++] = o;
            step(o);
            most_under_way =
                now.reference.under_way > most_under_way ? now.reference.under_way : most_under_way;
        }
    }
    end();
    sequences++;
}

int main(int argc, char **argv) {
    const int times = argc > 1 ? atoi(argv[1]) : 0;
    if (times < 1) {
        fprintf(stderr, "usage: reference_throughput_random SEQUENCES\n");
        return 2;
    }
    for (int i = 0; i < times; i++) {
        for (int w = 0; w < WAITERS; w++) {
            static const waiter_kind mostly[] = {TOLD, TOLD, TOLD, TOLD, MAILED, MAILED, ANSWERS, POLLED};
            kinds[w] = mostly[random_number(i % 2 == 0 ? 5 : 8)];
        }
        go_at_random();
    }
    printf("%" PRIu64 " sequences of %d calls, up to %d under way: the reference agrees\n", sequences,
           SEQUENCE_MAX, most_under_way);
    return most_under_way == (SEVERAL ? TURNS : 1) ? 0 : 1;
}
#else
static void copy_world(world *to, const world *from) {
    memcpy(to, from, offsetof(world, arena) + from->used);
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
    copy_world(&before, &now);
    for (size_t i = 0; i < sizeof ops / sizeof ops[0]; i++) {
        if (possible(ops[i])) {
            sequence[length++] = ops[i];
            step(ops[i]);
            explore(depth - 1);
            length--;
            copy_world(&now, &before);
        }
    }
}

static void explore_from(int depth, uint32_t credit, uint32_t bound, const op *first, int first_steps) {
    begin(credit, bound);
    for (int i = 0; i < first_steps; i++) {
        sequence[i] = first[i];
        length = i + 1;
        step(first[i]);
    }
    explore(depth);
    end();
    length = 0;
    same("memory that is not given back", now.blocks, 0);
}

int main(int argc, char **argv) {
    static const waiter_kind all[][WAITERS] = {
        {TOLD, TOLD, TOLD},     {TOLD, POLLED, TOLD},        {POLLED, TOLD, POLLED}, {MAILED, MAILED, MAILED},
        {MAILED, TOLD, POLLED}, {ANSWERS, ANSWERS, ANSWERS}, {ANSWERS, TOLD, MAILED}};
    static const op one_invited[] = {{ACQUIRE, 0, 1}, {ACQUIRE, 1, 1}, {RELEASE, 0, 1}};
    static const op two_invited[] = {{ACQUIRE, 0, 1}, {ACQUIRE, 1, 1}, {ACQUIRE, 2, 1}, {RELEASE, 0, 2}};
    const int depth = argc > 1 ? atoi(argv[1]) : 0;
    if (depth < 1 || depth > 12) {
        fprintf(stderr, "usage: reference_throughput DEPTH\n");
        return 2;
    }
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        memcpy(kinds, all[i], sizeof kinds);
        for (uint32_t bound = 1; bound < 3; bound++) {
            explore_from(depth, 0, bound, NULL, 0);
            explore_from(depth, 1, bound, NULL, 0);
            explore_from(depth - 1, 0, bound, one_invited, 2);
            explore_from(depth - 1, 0, bound, one_invited, 3);
            explore_from(depth - 1, 0, bound, two_invited, 4);
        }
    }
    printf("%" PRIu64 " sequences: the reference agrees\n", sequences);
    return 0;
}
#endif
