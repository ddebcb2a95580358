/* open.c: throughput mode. An invitation is never lost, and newcomers overtake no more than the bound allows.
 * The thread that has the permit last may destroy the queue. Every answer, cancel and close leaves all
 * permits in their place.
 *
 * The scenario notes a guest whose wake gets ROUSE_RETRY; its owner (come, decline) answers on another
 * thread. */
#include "support.h"

#include <stdatomic.h>

/* The segmented queue, which grants strictly to a waiter for several. */
#if !defined(OF_LIMIT) && ROUSE_BACKEND == ROUSE_BACKEND_LOCKFREE
#    define SEGMENTED 1
#else
#    define SEGMENTED 0
#endif

#ifndef BOUND
#    define BOUND (SEGMENTED ? 1 : 2)
#endif
#ifdef OF_LIMIT /* that is many executions with its look at the word */
#    define BLOCK_BOUND 1
#else
#    define BLOCK_BOUND 2
#endif

/* OF_LIMIT: the same scenarios, of a limit. */
#ifdef OF_LIMIT
enum { PERMITS = 8 };
typedef rouse_limit object;
#    define VERB(verb) rouse_limit_##verb
static void object_init(object *l, uint32_t credit, uint32_t bound) {
    mc_assert(rouse_limit_init_throughput(l, PERMITS, UINT32_MAX, bound) == ROUSE_OK);
    mc_assert(rouse_limit_try_acquire(l, PERMITS - credit));
}
static rouse_status object_put(object *l, uint32_t n) {
    return rouse_limit_give_back(l, n);
}
static int64_t object_free(const object *l) {
    return (int64_t)rouse_limit_permits(l) - (int64_t)rouse_limit_in_use(l);
}
#else
typedef rouse_semaphore object;
#    define VERB(verb) rouse_semaphore_##verb
static void object_init(object *s, uint32_t credit, uint32_t bound) {
    rouse_semaphore_init_throughput(s, credit, bound);
}
static rouse_status object_put(object *s, uint32_t n) {
    return rouse_semaphore_release(s, n);
}
static int64_t object_free(const object *s) {
    return rouse_waiter_queue_balance(&s->queue_);
}
#endif

enum { GONE = 0, TOLD = 1 };
static object *q;
static atomic_int told[GUESTS]; /* its wake has said RETRY, and nobody has answered */
static int got[GUESTS];
static rouse_status replied[GUESTS]; /* what its last resume returned */
static bool several;                 /* more than one permit: holders do not exclude each other */
static bool a_waits;                 /* from the start until it has got in */
static int in_a_row;                 /* permits that newcomers took while A waited */
static int most_in_a_row;
static bool at_once;       /* the owner answers inside the wake */
static bool keeps;         /* the owner keeps a waiter that was cancelled in its mailbox */
static bool told_destroys; /* the wake that says CLOSED or CANCELLED destroys the object */

static void answer(guest *g);
static void destroy(void);

static void on_wake(rouse_waiter *w, rouse_status status) {
    guest *const g = rouse_waiter_data(w);
    g->outcome = status;
    g->wakes++;
    if (status == ROUSE_RETRY && at_once) {
        answer(g);
    } else if (status == ROUSE_RETRY) {
        atomic_store_explicit(&told[g - guests], TOLD, memory_order_release);
    } else if (status == ROUSE_OK && g->then != NULL) {
        g->then(g);
    } else if (status == ROUSE_CANCELLED &&
               !keeps) { /* its owner's again: the canceller has touched it for the last time */
        memset(&g->waiter, 0, sizeof g->waiter);
    }
    if (told_destroys && (status == ROUSE_CLOSED || status == ROUSE_CANCELLED)) {
        destroy();
    }
}
static bool is_told(const guest *g) {
    int one = TOLD;
    return atomic_compare_exchange_strong(&told[g - guests], &one, GONE);
}

static void start(uint32_t credit, uint32_t bound) {
    guests_init(NULL);
    q = malloc(sizeof *q);
    object_init(q, credit, bound);
    mc_name(q, sizeof *q, "queue");
    most_in_a_row = (int)bound;
    for (int i = 0; i < GUESTS; i++) {
        rouse_waiter_init(&guests[i].waiter, on_wake, &guests[i]);
    }
}
static void destroy(void) {
    VERB(destroy)(q);
    free(q);
    q = NULL;
}
static void hold(guest *g, bool newcomer) {
    got[g - guests]++;
    if (several) {
        return;
    }
    shared++;
    in_a_row = newcomer && a_waits && got[0] == 0 ? in_a_row + 1 : 0;
    mc_assert(in_a_row <= most_in_a_row);
}
static void put(uint32_t n) {
    mc_assert(object_put(q, n) == ROUSE_OK);
}
static void queue_n(guest *g, uint32_t n) {
    g->answer = VERB(acquire)(q, &g->waiter, n);
    mc_assert(g->answer == ROUSE_PENDING);
    a_waits = a_waits || g == A;
}
static void answer(guest *g) {
    if (VERB(resume)(q, &g->waiter) == ROUSE_OK) {
        hold(g, false);
        put(1);
    }
}
static bool answer_if_told(guest *g) {
    if (!is_told(g)) {
        return false;
    }
    replied[g - guests] = VERB(resume)(q, &g->waiter);
    if (replied[g - guests] == ROUSE_OK) {
        hold(g, false);
        put(1);
    }
    return true;
}
/* All invited guests answer. Then nobody waits while a permit is free, and none is missing. */
static void settle(uint32_t permits) {
    bool more = true;
    while (more) {
        more = false;
        for (int i = 0; i < GUESTS; i++) {
            more = answer_if_told(&guests[i]) || more;
        }
    }
    mc_assert(VERB(waiter_count)(q) == 0);
    mc_assert(object_free(q) == (int64_t)permits);
    destroy();
}

/* ---- threads ------------------------------------------------------------------------------------------------- */

static void release(void *unused) {
    (void)unused;
    put(1);
}
static void release_2(void *unused) {
    (void)unused;
    put(2);
}
static void newcomer(void *arg) {
    guest *const g = arg;
    g->answer = VERB(acquire)(q, &g->waiter, 1);
    if (g->answer == ROUSE_OK) {
        hold(g, true);
        put(1);
    }
}
static void newcomer_tries(void *arg) {
    if (VERB(try_acquire)(q, 1)) {
        hold(arg, true);
        put(1);
    }
}
static void greedy(void *unused) {
    (void)unused;
    put(1);
    for (int i = 0; i < 3; i++) {
        newcomer_tries(D);
    }
}
static void comes(void *g) {
    (void)answer_if_told(g);
}
static void comes_twice(void *g) {
    (void)answer_if_told(g);
    (void)answer_if_told(g);
}
static void declines(void *arg) {
    guest *const g = arg;
    if (is_told(g)) {
        VERB(decline)(q, &g->waiter);
        memset(&g->waiter, 0, sizeof g->waiter);
        g->cancelled = 1;
    }
}
static void cancels(void *arg) {
    guest *const g = arg;
    if (VERB(cancel)(q, &g->waiter)) {
        memset(&g->waiter, 0, sizeof g->waiter);
        g->cancelled = 1;
    }
}
static void closes(void *unused) {
    (void)unused;
    (void)VERB(close)(q);
}
#ifndef OF_LIMIT
static uint32_t reduced;
static void reduces(void *unused) {
    (void)unused;
    reduced = rouse_semaphore_reduce(q, 1);
}
#endif

/* ---- an invitation is never lost ------------------------------------------------------------------------------- */

static void invite(void) {
    start(0, 2);
    queue_n(A, 1);
    run(release, NULL, comes, A, ONLY_TWO);
    settle(1);
    mc_assert(got[0] == 1);
}
static void invite_newcomer(void) {
    start(0, 2);
    queue_n(A, 1);
    run(release, NULL, comes_twice, A, newcomer, B);
    settle(1);
    mc_assert(got[0] == 1 && got[1] == 1);
}
static void invite_try(void) {
    start(0, 1);
    queue_n(A, 1);
    run(release, NULL, comes_twice, A, newcomer_tries, B);
    settle(1);
    mc_assert(got[0] == 1);
}
static void two_come(void) {
    start(0, 1);
    run(release, NULL, newcomer, A, newcomer, B);
    settle(1);
    mc_assert(got[0] == 1 && got[1] == 1);
}
static void two_wait(void) {
    start(0, 1);
    queue_n(A, 1);
    queue_n(B, 1);
    run(release, NULL, comes, A, newcomer, C);
    settle(1);
    mc_assert(got[0] == 1 && got[1] == 1 && got[2] == 1);
}
static void two_permits(void) {
    several = true;
    start(0, 1);
    queue_n(A, 1);
    queue_n(B, 1);
    run(release, NULL, release, NULL, comes, A);
    settle(2);
    mc_assert(got[0] == 1 && got[1] == 1);
}
static void two_at_once(void) {
    several = true;
    start(0, 1);
    queue_n(A, 1);
    queue_n(B, 1);
    run(release_2, NULL, comes, A, newcomer, C);
    settle(2);
    mc_assert(got[0] == 1 && got[1] == 1 && got[2] == 1);
}
static void in_the_wake(void) {
    start(0, 1);
    at_once = true;
    queue_n(A, 1);
    queue_n(B, 1);
    run(release, NULL, newcomer, C, ONLY_TWO);
    settle(1);
    mc_assert(got[0] == 1 && got[1] == 1 && got[2] == 1);
}

/* ---- the bound --------------------------------------------------------------------------------------------------- */

static void bound(void) {
    start(0, 2);
    queue_n(A, 1);
    greedy(NULL);
    mc_assert(in_a_row == 2);
    settle(1);
}
static void bound_races(void) {
    start(0, 2);
    queue_n(A, 1);
    run(greedy, NULL, comes, A, ONLY_TWO);
    settle(1);
    mc_assert(got[0] == 1);
}
static void bound_two_newcomers(void) {
    start(0, 1);
    queue_n(A, 1);
    put(1);
    run(newcomer_tries, B, newcomer_tries, C, comes_twice, A);
    settle(1);
    mc_assert(got[0] == 1);
}
static void two_newcomers(void) { /* one after the other */
    start(0, 2);
    queue_n(A, 1);
    put(1);
    run(newcomer_tries, B, newcomer_tries, C, ONLY_TWO);
    settle(1);
    mc_assert(got[0] == 1);
}
/* Beaten once: the count continues. */
static void bound_beaten(void) {
    start(0, 2);
    queue_n(A, 1);
    put(1);
    mc_assert(VERB(try_acquire)(q, 1));
    mc_assert(answer_if_told(A) && replied[0] == ROUSE_PENDING);
    put(1); /* one has passed */
    mc_assert(VERB(try_acquire)(q, 1));
    put(1); /* two */
    mc_assert(!VERB(try_acquire)(q, 1));
    settle(1);
    mc_assert(got[0] == 1);
}
static void bound_while_one_queues(void) { /* B's queueing stores OPEN again, as it was */
    start(0, 1);
    queue_n(A, 1);
    put(1);
    mc_assert(VERB(try_acquire)(q, 1));
    run(newcomer, B, release, NULL, newcomer_tries, C);
    mc_assert(got[2] == 0);
    settle(1);
    mc_assert(got[0] == 1 && got[1] == 1);
}
/* A newcomer for two counts two. */
static void bound_of_many(void) {
    start(0, 2);
    queue_n(A, 1);
    put(3);
    mc_assert(!VERB(try_acquire)(q, 3));
    mc_assert(VERB(try_acquire)(q, 2));
    mc_assert(!VERB(try_acquire)(q, 1));
    put(2);
    mc_assert(!VERB(try_acquire)(q, 1));
    settle(3);
}
static void beaten_in_front(void) {
    start(0, 9);
    queue_n(A, 1);
    queue_n(B, 1);
    put(1);
    mc_assert(VERB(try_acquire)(q, 1));
    mc_assert(answer_if_told(A) && replied[0] == ROUSE_PENDING);
    put(1);
    mc_assert(told[0] == TOLD && told[1] == GONE);
    settle(1);
    mc_assert(got[0] == 1 && got[1] == 1);
}
static void gone_keeps_the_count(void) { /* the one invited declines: the count is the next one's */
    start(0, 1);
    queue_n(A, 1);
    queue_n(B, 1);
    put(1);
    mc_assert(VERB(try_acquire)(q, 1));
    put(1);
    declines(A);
    mc_assert(!VERB(try_acquire)(q, 1));
    settle(1);
    mc_assert(got[1] == 1);
}

/* ---- several permits, polled waiters, reduce ------------------------------------------------------------------------ */

#if !SEGMENTED
static void batch(void) { /* B is given one, and is invited for the other */
    several = true;
    start(0, 1);
    queue_n(A, 1);
    queue_n(B, 2);
    run(release_2, NULL, comes, A, newcomer_tries, C);
    settle(2 - 1);
}
static void batch_release(void) {
    several = true;
    start(0, 2);
    queue_n(B, 2);
    run(release, NULL, release, NULL, newcomer_tries, C);
    settle(2 - 1);
    mc_assert(got[1] == 1);
}
#endif
static void batch_cancel(void) {
    several = true;
    start(0, 2);
    queue_n(B, 2);
    queue_n(C, 1);
    run(release, NULL, cancels, B, comes, C);
    settle(1);
    mc_assert(B->cancelled && got[2] == 1);
}
#if !SEGMENTED
static void batch_decline(void) { /* what it had been given is handed on */
    several = true;
    start(0, 2);
    queue_n(B, 2);
    queue_n(C, 1);
    put(2);
    run(declines, B, comes_twice, C, newcomer_tries, D);
    settle(2);
    mc_assert(got[2] == 1);
}
#endif
static void polled(void) {
    several = true;
    start(0, 1);
    queue_n(A, 1);
    rouse_waiter_init(&B->waiter, NULL, B);
    queue_n(B, 1);
    queue_n(C, 1);
    run(release_2, NULL, comes, A, newcomer_tries, D);
    while (answer_if_told(A)) {
    }
    mc_assert(rouse_waiter_status(&B->waiter) == ROUSE_OK);
    settle(1);
    mc_assert(got[0] == 1 && got[2] == 1);
}
static void polled_first(void) {
    several = true;
    start(0, 1);
    rouse_waiter_init(&B->waiter, NULL, B);
    queue_n(B, 1);
    queue_n(C, 1);
    run(release_2, NULL, comes, C, newcomer_tries, D);
    mc_assert(rouse_waiter_status(&B->waiter) == ROUSE_OK);
    settle(1);
    mc_assert(got[2] == 1);
}
static void polled_cancel(void) {
    start(0, 1);
    rouse_waiter_init(&A->waiter, NULL, A);
    queue_n(A, 1);
    queue_n(B, 1);
    run(release, NULL, cancels, A, ONLY_TWO);
    mc_assert(A->cancelled || rouse_waiter_status(&A->waiter) == ROUSE_OK);
    if (!A->cancelled) {
        put(1);
    }
    settle(1);
}
static void try_queues(void) {
    start(0, 1);
    queue_n(A, 1);
    put(1);
    B->answer = NOT_CALLED;
    run(cancels, A, newcomer_tries, C, ONLY_TWO);
    mc_assert(got[2] == 1 && !A->cancelled); /* told already */
    settle(1);
}
/* What is released meanwhile does not count against a newcomer. */
static void try_release(void) {
    several = true;
    start(0, 1);
    queue_n(A, 1);
    put(1);
    run(newcomer_tries, C, release, NULL, ONLY_TWO);
    mc_assert(got[2] == 1);
    settle(2);
}
/* ---- what only one of the two has ------------------------------------------------------------------------------------ */

#ifdef OF_LIMIT
static uint32_t fewer = PERMITS - 1;
static uint32_t more = PERMITS + 1;
static void sets(void *permits) {
    mc_assert(rouse_limit_set(q, *(uint32_t *)permits) == ROUSE_OK);
}
static void takes_its_turn_and_stays(void *g) {
    mc_assert(VERB(resume)(q, &((guest *)g)->waiter) == ROUSE_OK);
}
/* What makes a permit free invites as giving back does. */
static void grow(void) {
    start(0, 1);
    queue_n(A, 1);
    run(sets, &more, comes, A, newcomer_tries, B);
    settle(1);
    mc_assert(got[0] == 1);
}
static void grow_release(void) {
    several = true;
    start(0, 1);
    queue_n(A, 1);
    queue_n(B, 1);
    run(sets, &more, release, NULL, comes, A);
    settle(2);
    mc_assert(got[0] == 1 && got[1] == 1);
}
/* The permit goes while the waiter is invited: its answer is that it waits on, and the next permit is its own. */
static void shrink(void) {
    start(0, 1);
    queue_n(A, 1);
    put(1);
    run(sets, &fewer, comes, A, newcomer_tries, B);
    while (answer_if_told(A)) {
    }
    put(1);
    settle(1);
    mc_assert(got[0] == 1);
}
static void shrink_release(void) {
    start(0, 1);
    queue_n(A, 1);
    put(1);
    run(sets, &fewer, release, NULL, comes, A);
    settle(1);
    mc_assert(got[0] == 1);
}
/* One is free and the head wants two: nobody overtakes it until it is invited. */
static void behind_two(void) {
    several = true;
    start(0, 9);
    queue_n(A, 2);
    put(1);
    run(newcomer, B, newcomer_tries, C, ONLY_TWO);
    mc_assert(B->answer == ROUSE_PENDING && got[2] == 0);
    put(1);
    mc_assert(VERB(try_acquire)(q, 1));
    mc_assert(!VERB(try_acquire)(q, 1)); /* one of the two is not for newcomers */
    put(1);
    settle(1);
    mc_assert(got[0] == 1 && got[1] == 1);
}
/* A guest that has taken invites the next, even if nothing ever comes back. */
static void keep(void) {
    several = true;
    start(0, 1);
    queue_n(A, 1);
    queue_n(B, 1);
    put(2);
    mc_assert(is_told(A) && !is_told(B));
    run(takes_its_turn_and_stays, A, newcomer_tries, C, ONLY_TWO);
    mc_assert(is_told(B) && VERB(resume)(q, &B->waiter) == ROUSE_OK);
    put(2);
    settle(2);
}
/* As many wait as may; the newcomer that finds the permit free takes it, and is not told that the limit is full. */
static void full(void) {
    start(0, 1);
    q->most_waiting_ = 1;
    queue_n(A, 1);
    put(1);
    mc_assert(VERB(try_acquire)(q, 1));
    run(release, NULL, newcomer, B, comes, A);
    mc_assert(B->answer == ROUSE_FULL || B->answer == ROUSE_OK || B->answer == ROUSE_PENDING);
    mc_assert(B->answer != ROUSE_PENDING || got[0] == 1);
    settle(1);
    mc_assert(got[0] == 1);
}
#else
static void reduce(void) {
    several = true;
    start(0, 2);
    queue_n(A, 1);
    run(release_2, NULL, reduces, NULL, comes, A);
    settle(2 - reduced);
    mc_assert(got[0] == 1);
}
static void reduce_keeps_the_count(void) {
    several = true;
    start(0, 2);
    queue_n(A, 1);
    put(3);
    mc_assert(rouse_semaphore_reduce(q, 1) == 1);
    mc_assert(VERB(try_acquire)(q, 1));
    mc_assert(VERB(try_acquire)(q, 1));
    mc_assert(rouse_semaphore_reduce(q, 1) == 0);
    put(2);
    mc_assert(!VERB(try_acquire)(q, 1));
    settle(2);
}
static void reduce_queues(void) { /* one is free all the time: another's queueing does not hide it */
    several = true;
    start(0, 1);
    queue_n(A, 1);
    put(2);
    mc_assert(VERB(try_acquire)(q, 1));
    run(newcomer, B, reduces, NULL, ONLY_TWO);
    mc_assert(reduced == 1);
    put(1);
    settle(1);
}
/* One too many is released, and before that is taken back all that was free has gone, and the waiter too. */
static rouse_status too_many;
static void releases_too_many(void *unused) {
    (void)unused;
    too_many = object_put(q, 1);
}
static void leaves_and_empties(void *g) {
    declines(g);
    reduced = rouse_semaphore_reduce(q, ROUSE_MAX_PERMITS);
    reduced += rouse_semaphore_reduce(q, ROUSE_MAX_PERMITS);
}
static void too_many_and_emptied(void) {
    start(0, 1);
    queue_n(A, 1);
    put(1);
    put(ROUSE_MAX_PERMITS - 1);
    run(releases_too_many, NULL, leaves_and_empties, A, ONLY_TWO);
    mc_assert(A->cancelled && (too_many == ROUSE_OK || too_many == ROUSE_OVERFLOW));
    settle(ROUSE_MAX_PERMITS + (too_many == ROUSE_OK ? 1 : 0) - reduced);
}
static void unlock_free(void) { /* a mutex: what is free cannot be unlocked */
    start(0, 1);
    queue_n(A, 1);
    mc_assert(rouse_queue_unlock_(&q->queue_) == ROUSE_OK);
    mc_assert(rouse_queue_unlock_(&q->queue_) == ROUSE_INVALID);
    mc_assert(VERB(try_acquire)(q, 1));
    mc_assert(rouse_queue_unlock_(&q->queue_) == ROUSE_OK);
    mc_assert(VERB(resume)(q, &A->waiter) == ROUSE_OK);
    mc_assert(rouse_queue_unlock_(&q->queue_) == ROUSE_OK);
    mc_assert(rouse_queue_unlock_(&q->queue_) == ROUSE_INVALID);
    told[0] = GONE;
    settle(1);
}
static void unlock_thread(void *unused) {
    (void)unused;
    mc_assert(rouse_queue_unlock_(&q->queue_) == ROUSE_OK);
}
static void lock_newcomer(void *arg) {
    guest *const g = arg;
    g->answer = VERB(acquire)(q, &g->waiter, 1);
    if (g->answer == ROUSE_OK) {
        hold(g, true);
        unlock_thread(NULL);
    }
}
static void unlock_races(void) {
    start(0, 1);
    queue_n(A, 1);
    run(unlock_thread, NULL, lock_newcomer, B, comes, A);
    settle(1);
    mc_assert(got[0] == 1 && got[1] == 1);
}
#endif

/* ---- cancel, decline, close -------------------------------------------------------------------------------------- */

static void cancel_release(void) {
    start(0, 1);
    queue_n(A, 1);
    run(release, NULL, cancels, A, ONLY_TWO);
    settle(1);
    mc_assert(A->cancelled + got[0] == 1);
}
static void cancel_first(void) {
    start(0, 1);
    queue_n(A, 1);
    queue_n(B, 1);
    a_waits = false; /* nobody knows when it leaves */
    run(release, NULL, cancels, A, newcomer, C);
    settle(1);
    mc_assert(got[1] == 1 && got[2] == 1);
}
static void decline_release(void) {
    start(0, 1);
    queue_n(A, 1);
    queue_n(B, 1);
    run(release, NULL, declines, A, newcomer, C);
    declines(A);
    settle(1);
    mc_assert(got[1] == 1 && got[2] == 1);
}
static bool left_or_got(const guest *g) {
    const bool closed_to_it =
        g->answer == ROUSE_CLOSED || g->outcome == ROUSE_CLOSED || replied[g - guests] == ROUSE_CLOSED;
    return got[g - guests] + closed_to_it == 1;
}
static void close_release(void) {
    start(0, 1);
    queue_n(A, 1);
    queue_n(B, 1);
    run(release, NULL, closes, NULL, comes, A);
    settle(1);
    mc_assert(left_or_got(A) && left_or_got(B));
}
static void close_newcomer(void) {
    start(0, 1);
    queue_n(A, 1);
    run(release, NULL, closes, NULL, newcomer, B);
    settle(1);
    mc_assert(left_or_got(A) && left_or_got(B));
}
static void close_stays(void) { /* once closed, closed, whichever thread has the lock */
    start(0, 1);
    queue_n(A, 1);
    put(1);
    mc_assert(VERB(close)(q) == 0);
    mc_thread(comes, A);
    mc_thread(newcomer, B);
    mc_assert(VERB(is_closed)(q));
    mc_join_all();
    mc_assert(replied[0] == ROUSE_CLOSED && B->answer == ROUSE_CLOSED);
    settle(1);
}

static void writes_closes(void *unused) {
    shared = 1;
    closes(unused);
}
static void learns_closed(void *arg) {
    guest *const g = arg;
    g->answer = VERB(acquire)(q, &g->waiter, 1);
    if (g->answer == ROUSE_CLOSED) {
        mc_assert(shared == 1);
    } else if (g->answer == ROUSE_OK) {
        put(1);
    }
}
static void close_tells(void) { /* a thread that finds it closed sees what came before */
    several = true;
    start(0, 1);
    queue_n(A, 1);
    put(1);
    run(writes_closes, NULL, learns_closed, B, ONLY_TWO);
    settle(1);
}
static void close_tells_alone(void) {
    several = true;
    start(0, 1);
    run(writes_closes, NULL, learns_closed, B, ONLY_TWO);
    settle(0);
}
static void knows_closed(void *arg) {
    guest *const g = arg;
    const bool closed = VERB(is_closed)(q);
    g->answer = VERB(acquire)(q, &g->waiter, 1);
    mc_assert(!closed || g->answer == ROUSE_CLOSED);
    if (g->answer == ROUSE_OK) {
        put(1);
    }
}
/* A thread that has seen it closed gets nothing, even before the invited waiter has answered. */
static void close_known(void) {
    several = true;
    start(0, 1);
    queue_n(A, 1);
    put(1);
    run(closes, NULL, knows_closed, B, ONLY_TWO);
    settle(1);
}
static void writes_releases(void *unused) {
    (void)unused;
    shared = 1;
    put(1);
}
static void takes_and_reads(void *unused) {
    (void)unused;
    if (VERB(try_acquire)(q, 1)) {
        mc_assert(shared == 1);
        put(1);
    }
}
static void offer_tells(void) { /* a newcomer sees what came before the release that invited another */
    several = true;
    start(0, 2);
    queue_n(A, 1);
    run(writes_releases, NULL, takes_and_reads, NULL, ONLY_TWO);
    settle(1);
}
static void add_tells(void) { /* or that came when another was invited */
    several = true;
    start(0, 2);
    queue_n(A, 1);
    put(1);
    mc_assert(VERB(try_acquire)(q, 1));
    run(writes_releases, NULL, takes_and_reads, NULL, ONLY_TWO);
    put(1);
    settle(2);
}
static void takes_its_turn(void *arg) {
    guest *const g = arg;
    if (is_told(g)) {
        replied[g - guests] = VERB(resume)(q, &g->waiter);
    }
}
static void looks_on(void *arg) {
    if (rouse_waiter_status(&((guest *)arg)->waiter) == ROUSE_OK) {
        mc_assert(shared == 1);
    }
}
static void status_tells(void) { /* so does a thread that reads a waiter's status */
    start(0, 1);
    queue_n(A, 1);
    run(writes_releases, NULL, takes_its_turn, A, looks_on, A);
    takes_its_turn(A);
    put(1);
    settle(1);
}

/* ---- the last touch ------------------------------------------------------------------------------------------------ */

static void come_destroy(void *arg) {
    guest *const g = arg;
    if (is_told(g)) {
        mc_assert(VERB(resume)(q, &g->waiter) == ROUSE_OK);
        destroy();
    }
}
static void destroy_after_resume(void) {
    start(0, 1);
    queue_n(A, 1);
    run(release, NULL, come_destroy, A, ONLY_TWO);
    come_destroy(A);
    mc_assert(q == NULL);
}
/* A release past an invited waiter, which then takes the permit. */
static void resume_destroy(void *arg) {
    guest *const g = arg;
    if (is_told(g) && VERB(resume)(q, &g->waiter) == ROUSE_OK) {
        destroy();
    }
}
static void destroy_after(void (*releases)(void *)) {
    start(0, 1);
    queue_n(A, 1);
    put(1);
    mc_assert(VERB(try_acquire)(q, 1));
    run(releases, NULL, resume_destroy, A, ONLY_TWO);
    if (q != NULL) { /* beaten, and invited again */
        resume_destroy(A);
    }
    mc_assert(q == NULL);
}
static void destroy_after_release(void) {
    destroy_after(release);
}
static void decline_destroy(void *arg) {
    guest *const g = arg;
    if (is_told(g)) {
        VERB(decline)(q, &g->waiter);
        destroy();
    }
}
static void destroy_after_decline(void) {
    start(0, 1);
    queue_n(A, 1);
    run(release, NULL, decline_destroy, A, ONLY_TWO);
    decline_destroy(A);
    mc_assert(q == NULL);
}
/* Closed while it is invited: it is told when it asks, or by its wake. The close may still be returning. */
static void come_closed_destroy(void *arg) {
    guest *const g = arg;
    if (is_told(g)) {
        replied[g - guests] = VERB(resume)(q, &g->waiter);
        if (replied[g - guests] == ROUSE_CLOSED) {
            destroy();
        }
    }
}
static void destroy_after_close(uint32_t permits, uint32_t left) {
    told_destroys = true;
    start(0, 3);
    queue_n(A, 1);
    put(permits);
    mc_assert(VERB(try_acquire)(q, permits - left));
    run(closes, NULL, come_closed_destroy, A, ONLY_TWO);
    if (q != NULL && replied[0] != ROUSE_OK) { /* the close came first */
        come_closed_destroy(A);
    }
    if (q != NULL) {
        destroy();
    }
}
static void destroy_after_close_none(void) {
    destroy_after_close(1, 0);
}
static void destroy_after_close_one(void) {
    destroy_after_close(1, 1);
}
static void destroy_after_close_two(void) {
    destroy_after_close(2, 2);
}
static void cancel_destroy(void *arg) {
    cancels(arg);
    if (((guest *)arg)->cancelled && VERB(try_acquire)(q, 1)) { /* nobody waits, and the permit is here */
        destroy();
    }
}
#if SEGMENTED
/* More than a cell can say, to one that is invited already. */
static void release_many(void *unused) {
    (void)unused;
    put(2 * ROUSE_CELL_FREE_MOST_);
}
/* The waiter that is invited is in a segment that has just been made. */
static void queues_and_invites(void *arg) {
    queue_n(arg, 1);
    mc_assert(VERB(cancel)(q, &A->waiter) && VERB(cancel)(q, &B->waiter));
    put(1);
}
static void invited_in_a_new_segment(void) {
    several = true;
    start(0, 1);
    queue_n(A, 1);
    queue_n(B, 1);
    run(queues_and_invites, C, newcomer_tries, D, ONLY_TWO);
    settle(1);
}
/* A leaves two permits. B has its ticket and has not arrived, so one of them waits in its cell. */
static void leaves_to_a_late_one(void) {
    seat late;
    several = true;
    start(0, 9);
    queue_n(A, 1);
    put(3);
    late = take_ticket(&q->queue_, B, 1);
    mc_assert(is_told(A) && VERB(resume)(q, &A->waiter) == ROUSE_OK);
    sit_down(&q->queue_, &late);
    mc_assert(B->answer == ROUSE_OK);
    put(2);
    settle(3);
}
/* Two wakes read that A waits. One invites A, which is beaten meanwhile: then the other invites it anew. */
static void release_reduce_come(void *unused) {
    (void)unused;
    put(1);
    if (rouse_semaphore_reduce(q, 1) == 1) {
        comes(A);
        put(1);
    }
}
static void invited_twice(void) {
    start(0, 1);
    queue_n(A, 1);
    run(release, NULL, release_reduce_come, NULL, ONLY_TWO);
    settle(2);
    mc_assert(got[0] == 1);
}
/* What the close finds free, it has from the thread that released it. */
static void reduces_writes_releases(void *unused) {
    (void)unused;
    if (rouse_semaphore_reduce(q, 1) == 1) {
        shared++;
        put(1);
    }
}
static void close_and_take(void *unused) {
    closes(unused);
    if (rouse_semaphore_reduce(q, 1) == 1) {
        shared++;
        put(1);
    }
}
static void close_passes_on(void) {
    several = true;
    start(0, 1);
    queue_n(A, 1);
    put(1);
    run(reduces_writes_releases, NULL, close_and_take, NULL, ONLY_TWO);
    settle(1);
}
/* One newcomer passes A, which declines. A release that has not seen A's invitation invites B, with that
 * count. */
static void invite_pass_decline(void *unused) {
    release(unused);
    if (VERB(try_acquire)(q, 1)) {
        declines(A);
    }
}
static void declined_unseen(void) {
    several = true;
    start(0, 1);
    queue_n(A, 1);
    queue_n(B, 1);
    run(invite_pass_decline, NULL, release, NULL, ONLY_TWO);
    mc_assert(!VERB(try_acquire)(q, 1));
    put(1);
    settle(2);
}
/* The same of C, in the segment behind: B has its ticket, gets a permit, and has not arrived. The cell that was
 * invited is not noted, so that a release does not look there. */
static void decline_release_twice(void *unused) {
    declines(A);
    release(unused);
    release(unused);
}
static void declined_unseen_behind(void) {
    seat late;
    several = true;
    start(0, 1);
    queue_n(A, 1);
    late = take_ticket(&q->queue_, B, 1);
    queue_n(C, 1);
    put(1);
    mc_assert(VERB(try_acquire)(q, 1));
    rouse_ptr_store_relaxed_(&rouse_ticket_pool_(&q->queue_)->invited_, NULL);
    run(decline_release_twice, NULL, release, NULL, ONLY_TWO);
    mc_assert(!VERB(try_acquire)(q, 1));
    sit_down(&q->queue_, &late);
    mc_assert(B->answer == ROUSE_OK);
    put(2);
    settle(4);
}
static void many(void) { /* all are free, newcomers keep out, and the answer hands on the rest */
    several = true;
    start(0, 3);
    queue_n(A, 1);
    queue_n(B, 1);
    put(1);
    put(200000);
    mc_assert(rouse_semaphore_available(q) == 200001 && VERB(waiter_count)(q) == 2);
    mc_assert(!VERB(try_acquire)(q, 1));
    put(200000);
    mc_assert(rouse_semaphore_reduce(q, 1) == 1 && rouse_semaphore_available(q) == 400000);
    mc_assert(object_put(q, ROUSE_MAX_PERMITS) == ROUSE_OVERFLOW);
    settle(400000);
    mc_assert(got[0] == 1 && got[1] == 1);
}
static void many_closed(void) {
    several = true;
    start(0, 3);
    queue_n(A, 1);
    queue_n(B, 1);
    put(200000);
    mc_assert(VERB(close)(q) == 1);
    settle(200000);
    mc_assert(replied[0] == ROUSE_CLOSED && B->outcome == ROUSE_CLOSED);
}
static void many_keep_the_count(void) {
    several = true;
    start(0, 1);
    queue_n(A, 1);
    put(1);
    mc_assert(VERB(try_acquire)(q, 1)); /* one has passed */
    put(200000);
    mc_assert(rouse_semaphore_reduce(q, 200000) == 200000);
    mc_assert(answer_if_told(A) && replied[0] == ROUSE_PENDING);
    put(1);
    mc_assert(!VERB(try_acquire)(q, 1));
    settle(1);
}
static void destroy_after_many(void) {
    several = true;
    destroy_after(release_many);
}
#endif
static void destroy_after_cancel(void) {
    start(0, 1);
    queue_n(A, 1);
    run(release, NULL, cancel_destroy, A, ONLY_TWO);
    if (q != NULL) {
        settle(1);
    }
}
/* B takes what A's decline shows, and is the last. */
static void take_destroy(void *unused) {
    (void)unused;
    if (VERB(waiter_count)(q) == 0 && VERB(try_acquire)(q, 1)) {
        destroy();
    }
}
static void destroy_after_taking(void) {
    start(0, 1);
    queue_n(A, 1);
    put(1);
    mc_assert(VERB(try_acquire)(q, 1));
    put(1); /* the bound is reached: only A, or a guest after A, gets in */
    run(declines, A, take_destroy, NULL, ONLY_TWO);
    if (q != NULL) {
        settle(1);
    }
}

/* ---- mailboxes ------------------------------------------------------------------------------------------------------- */

static rouse_mailbox *mailbox[2];
static atomic_int kicked[2];
static void kick(void *arg) {
    atomic_store_explicit((atomic_int *)arg, 1, memory_order_release);
}
static void start_mailboxes(int boxes, int n, uint32_t most) {
    start(0, most);
    for (int i = 0; i < boxes; i++) {
        mailbox[i] = malloc(sizeof *mailbox[i]);
        rouse_mailbox_init(mailbox[i], kick, &kicked[i]);
    }
    for (int i = 0; i < n; i++) {
        rouse_waiter_init_on(&guests[i].waiter, mailbox[i % boxes], on_wake, &guests[i]);
        queue_n(&guests[i], 1);
    }
}
static void loop_once(void *which) {
    const int i = which == NULL ? 0 : 1;
    if (atomic_exchange_explicit(&kicked[i], 0, memory_order_acquire) != 0) {
        (void)rouse_mailbox_drain(mailbox[i]);
    }
}
#define SECOND_LOOP (&kicked[1])
static void hold_put(guest *g) {
    hold(g, false);
    put(1);
}
static void hold_destroy(guest *g) {
    hold(g, false);
    destroy();
}
static void end_mailboxes(void) {
    while (kicked[0] != 0 || kicked[1] != 0) {
        loop_once(NULL);
        loop_once(SECOND_LOOP);
    }
    for (int i = 0; i < 2; i++) {
        if (mailbox[i] != NULL) {
            rouse_mailbox_destroy(mailbox[i]);
            free(mailbox[i]);
        }
    }
}
static void mailbox_newcomer(void) {
    start_mailboxes(1, 2, 1);
    A->then = B->then = hold_put;
    run(release, NULL, loop_once, NULL, newcomer, C);
    end_mailboxes();
    settle(1);
    mc_assert(got[0] == 1 && got[1] == 1 && got[2] == 1);
}
static void two_mailboxes(void) {
    start_mailboxes(2, 2, 1);
    A->then = B->then = hold_put;
    run(release, NULL, loop_once, NULL, loop_once, SECOND_LOOP);
    end_mailboxes();
    settle(1);
    mc_assert(got[0] == 1 && got[1] == 1);
}
static void mailbox_destroy(void) {
    start_mailboxes(1, 1, 1);
    A->then = hold_destroy;
    run(release, NULL, loop_once, NULL, ONLY_TWO);
    end_mailboxes();
    mc_assert(q == NULL && A->wakes == 1);
}
static void mailbox_close(void) {
    start_mailboxes(1, 2, 1);
    A->then = B->then = hold_put;
    run(release, NULL, loop_once, NULL, closes, NULL);
    end_mailboxes();
    settle(1);
    mc_assert(A->wakes == 1 && B->wakes == 1);
    mc_assert(left_or_got(A) && left_or_got(B));
}
static void cancels_mailbox(void *arg) {
    guest *const g = arg;
    g->cancelled = VERB(cancel)(q, &g->waiter);
}
static void mailbox_cancel(void) {
    start_mailboxes(1, 2, 1);
    A->then = B->then = hold_put;
    run(release, NULL, loop_once, NULL, cancels_mailbox, A);
    end_mailboxes();
    settle(1);
    mc_assert(A->cancelled ? A->wakes == 0 : A->wakes == 1);
    mc_assert(A->wakes == 0 || A->outcome == ROUSE_CANCELLED || A->outcome == ROUSE_OK);
    mc_assert(A->outcome != ROUSE_OK || rouse_waiter_status(&A->waiter) == ROUSE_OK);
    mc_assert(got[1] == 1);
}
static void mailbox_cancel_newcomer(void) {
    start_mailboxes(1, 1, 2);
    A->then = hold_put;
    run(release, NULL, newcomer, C, cancels_mailbox, A);
    end_mailboxes();
    settle(1);
    mc_assert(A->cancelled ? A->wakes == 0 : A->wakes == 1);
}
/* Cancelled in its mailbox: the queue may go at once, the waiter from its wake on. */
static void cancel_free(void *arg) {
    guest *const g = arg;
    g->cancelled = VERB(cancel)(q, &g->waiter);
    if (!g->cancelled && rouse_waiter_status(&g->waiter) == ROUSE_CANCELLED) {
        destroy();
    }
}
static void mailbox_cancel_destroy(void) {
    start_mailboxes(1, 1, 1);
    A->then = hold_put;
    run(release, NULL, cancel_free, A, ONLY_TWO);
    end_mailboxes();
    if (q != NULL) {
        settle(1);
    }
}
/* The wake that says so may destroy it as well: the cancel may still be returning. */
static void mailbox_cancelled_destroys(uint32_t permits) {
    several = told_destroys = true;
    start_mailboxes(1, 1, 1);
    put(permits);
    run(cancels_mailbox, A, loop_once, NULL, ONLY_TWO);
    end_mailboxes();
    mc_assert((q == NULL) == (A->outcome == ROUSE_CANCELLED));
    if (q != NULL) {
        destroy();
    }
}
static void mailbox_cancelled_destroys_1(void) {
    mailbox_cancelled_destroys(1);
}
static void mailbox_cancelled_destroys_2(void) {
    mailbox_cancelled_destroys(2);
}
/* Another has the permit: drain's answer is a defeat, and the waiter is queued again, from where cancel takes it. */
static void mailbox_cancel_beaten(void) {
    start_mailboxes(1, 1, 1);
    put(1);
    mc_assert(VERB(try_acquire)(q, 1));
    run(loop_once, NULL, cancels_mailbox, A, ONLY_TWO);
    end_mailboxes();
    mc_assert(A->cancelled || (A->wakes == 1 && A->outcome == ROUSE_CANCELLED));
    mc_assert(VERB(waiter_count)(q) == 0);
    put(1);
    settle(1);
}
static void mailbox_cancel_drain(void) { /* drain asks while the other cancels */
    start_mailboxes(1, 1, 1);
    A->then = hold_put;
    put(1);
    run(loop_once, NULL, cancels_mailbox, A, ONLY_TWO);
    end_mailboxes();
    settle(1);
    mc_assert(A->wakes == 1 && (A->outcome == ROUSE_OK || A->outcome == ROUSE_CANCELLED));
}
/* Cancelled too late: drain has asked, and got it. A thread that learns that from the status may destroy
 * the queue while drain's call is still returning. */
static void cancel_late_destroy(void *arg) {
    guest *const g = arg;
    rouse_status status;
    g->cancelled = VERB(cancel)(q, &g->waiter);
    status = rouse_waiter_status(&g->waiter);
    mc_assert(g->cancelled || status == ROUSE_OK || status == ROUSE_CANCELLED);
    if (!g->cancelled && status == ROUSE_OK) {
        destroy();
    }
}
static void mailbox_late_destroy(uint32_t permits) {
    several = keeps = true;
    start_mailboxes(1, 1, 1);
    put(permits);
    run(loop_once, NULL, cancel_late_destroy, A, ONLY_TWO);
    end_mailboxes();
    mc_assert(A->wakes == 1 && (A->outcome == ROUSE_OK || A->outcome == ROUSE_CANCELLED));
    if (q != NULL) {
        destroy();
    }
}
static void mailbox_late_destroy_1(void) {
    mailbox_late_destroy(1);
}
static void mailbox_late_destroy_2(void) {
    mailbox_late_destroy(2);
}

/* ---- threads that block ------------------------------------------------------------------------------------------------ */

static void blocks(void *arg) {
    mc_assert(VERB(acquire_blocking)(q, 1) == ROUSE_OK);
    hold(arg, false);
    put(1);
}
static void blocks_timed(void *arg) {
    const rouse_status s = VERB(acquire_timed)(q, 1, 1000);
    mc_assert(s == ROUSE_OK || s == ROUSE_TIMEDOUT);
    if (s == ROUSE_OK) {
        hold(arg, false);
        put(1);
    }
}
static void two_block(void) {
    start(1, 1);
    run(blocks, A, blocks, B, ONLY_TWO);
    settle(1);
    mc_assert(got[0] == 1 && got[1] == 1);
}
static void block_try(void) {
    start(0, 1);
    run(blocks, A, release, NULL, newcomer_tries, B);
    settle(1);
    mc_assert(got[0] == 1);
}
static void block_timed(void) {
    start(0, 1);
    run(blocks_timed, A, release, NULL, ONLY_TWO);
    settle(1);
}
#if !SEGMENTED
static void block_timed_two(void) {
    start(0, 1);
    run(blocks_timed, A, release, NULL, blocks, B);
    settle(1);
    mc_assert(got[1] == 1);
}
#endif

static void waits_for_one(void *arg) {
    guest *const g = arg;
    g->answer = VERB(acquire)(q, &g->waiter, 1);
    got[g - guests] += g->answer == ROUSE_OK ? 1 : 0;
}
static void cancels_and_releases(void *g) {
    cancels(g);
    put(1);
}
/* A was overtaken as often as may be, and left. Then B got in, which may be before it had arrived in the queue. */
static void count_begins_again_behind(void) {
    several = true;
    start(0, 1);
    queue_n(A, 1);
    put(1);
    mc_assert(VERB(try_acquire)(q, 1));
    mc_assert(is_told(A) && VERB(resume)(q, &A->waiter) == ROUSE_PENDING);
    run(waits_for_one, B, cancels_and_releases, A, ONLY_TWO);
    if (is_told(B)) {
        mc_assert(VERB(resume)(q, &B->waiter) == ROUSE_OK);
        got[1]++;
    }
    mc_assert(A->cancelled && got[1] == 1);
    queue_n(C, 1);
    put(1);
    mc_assert(told[2] == TOLD && VERB(try_acquire)(q, 1));
    put(1);
    settle(1);
}

/* D was overtaken as often as may be, and left. A, which has that count, leaves too, while others queue. The count ends
 * if nobody waits then, and stays if somebody has queued before A begins to leave. */
static atomic_int a_has_left, one_has_queued;
static bool queued_before; /* A leaves */
static bool queued_after[GUESTS];
static int taken;
static void queues_at_the_end(void *arg) {
    guest *const g = arg;
    const bool after = atomic_load_explicit(&a_has_left, memory_order_acquire) != 0;
    waits_for_one(g);
    queued_after[g - guests] = after && g->answer == ROUSE_PENDING;
    if (g->answer == ROUSE_PENDING) {
        atomic_store_explicit(&one_has_queued, 1, memory_order_release);
    }
}
static void leaves_at_the_end(void *g) {
    queued_before = atomic_load_explicit(&one_has_queued, memory_order_acquire) != 0;
    declines(g);
    if (A->cancelled == 0) {
        cancels(g);
    }
    atomic_store_explicit(&a_has_left, A->cancelled, memory_order_release);
}
static void tries(void *unused) {
    (void)unused;
    if (VERB(try_acquire)(q, 1)) {
        taken++;
        put(1);
    }
}
static void releases_and_tries(void *unused) {
    put(1);
    tries(unused);
    tries(unused);
}
static void start_with_a_count(void) {
    several = true;
    start(0, 1);
    queue_n(D, 1);
    queue_n(A, 1);
    put(1);
    mc_assert(VERB(try_acquire)(q, 1));
    mc_assert(is_told(D) && VERB(resume)(q, &D->waiter) == ROUSE_PENDING);
    cancels(D);
}
static void count_ends_others_queue(void) {
    start_with_a_count();
    run(queues_at_the_end, B, leaves_at_the_end, A, queues_at_the_end, C);
    mc_assert(A->cancelled);
    put(1);
    tries(NULL);
    mc_assert(!queued_before || taken == 0);
    mc_assert(!queued_after[1] || !queued_after[2] || taken == 1);
    settle(1);
}
static void count_ends_newcomer(void) {
    start_with_a_count();
    run(queues_at_the_end, B, leaves_at_the_end, A, releases_and_tries, NULL);
    if (got[1] == 0) {
        tries(NULL);
        mc_assert((!queued_before && A->cancelled) || taken == 0);
        mc_assert(!queued_after[1] || taken != 0);
    } else {
        put(1);
    }
    settle(1);
}

/* ---- several under way ------------------------------------------------------------------------------------------------- */

#if !defined(OF_LIMIT) && !SEGMENTED /* which invite one at a time */
#    define INVITES_SEVERAL 1

static int passed; /* how many newcomers got in */
static void start_several(int n, uint32_t permits, uint32_t most) {
    several = true;
    start(0, most);
    for (int i = 0; i < n; i++) {
        queue_n(&guests[i], 1);
    }
    if (permits != 0) {
        put(permits);
    }
}
static void all_got(int n, uint32_t permits) {
    settle(permits);
    for (int i = 0; i < n; i++) {
        mc_assert(got[i] == 1);
    }
}
static void takes(uint32_t n) {
    while (n-- != 0) {
        mc_assert(VERB(try_acquire)(q, 1));
    }
}
/* Each release invites one, whichever of them comes upon the lock. */
static void as_many_as_permits(void) {
    start_several(3, 0, 1);
    run(release, NULL, release, NULL, ONLY_TWO);
    mc_assert(told[0] == TOLD && told[1] == TOLD && told[2] == GONE);
    all_got(3, 2);
}
static void as_many_in_one(void) {
    start_several(3, 0, 1);
    run(release_2, NULL, release, NULL, ONLY_TWO);
    mc_assert(told[0] == TOLD && told[1] == TOLD && told[2] == TOLD);
    all_got(3, 3);
}
static void two_come_of_three(void) {
    start_several(3, 2, 9);
    mc_assert(told[0] == TOLD && told[1] == TOLD && told[2] == GONE);
    run(comes, A, comes, B, newcomer, D);
    all_got(4, 2);
}
static void full_newcomer(void) { /* as much is free as are under way: the release takes the lock */
    start_several(2, 1, 9);
    run(release, NULL, newcomer_tries, C, comes, A);
    all_got(2, 2);
}
static void full_releases(void) {
    start_several(2, 1, 9);
    run(release, NULL, release, NULL, comes, A);
    all_got(2, 3);
}
static void full_queues(void) { /* the third has to queue, or finds more free than are under way */
    start_several(2, 1, 1);
    takes(1);
    put(1);
    run(release, NULL, newcomer, C, comes, B);
    all_got(3, 2);
}
static void full_reduces(void) {
    start_several(2, 1, 9);
    run(release, NULL, reduces, NULL, comes, A);
    all_got(2, 2 - reduced);
}
/* The guest that asks first gets in, and the two that are beaten keep waiting in the order in which they
 * came. */
static void two_beaten(void) {
    start_several(3, 2, 9);
    takes(2);
    run(comes, A, comes, B, ONLY_TWO);
    mc_assert(replied[0] == ROUSE_PENDING && replied[1] == ROUSE_PENDING);
    put(1);
    mc_assert(told[0] == TOLD && told[1] == GONE && told[2] == GONE);
    put(1);
    mc_assert(told[1] == TOLD && told[2] == GONE);
    all_got(3, 2);
}
static void two_beaten_release(void) {
    start_several(2, 2, 9);
    takes(2);
    run(comes, A, comes, B, release, NULL);
    put(1);
    all_got(2, 2);
}
static void beaten_in_order(void) { /* younger first, and one of three leaves */
    start_several(4, 3, 9);
    takes(3);
    comes(C);
    comes(A);
    comes(B);
    cancels(B);
    mc_assert(B->cancelled);
    run(release, NULL, release, NULL, ONLY_TWO);
    mc_assert(told[0] == TOLD && told[2] == TOLD && told[3] == GONE);
    put(1);
    mc_assert(told[3] == TOLD);
    settle(3);
    mc_assert(got[0] == 1 && got[2] == 1 && got[3] == 1);
}
static void beaten_leave(void) { /* and what they were is not known of those who come after them */
    start_several(2, 2, 9);
    takes(2);
    comes(A);
    comes(B);
    run(cancels, A, cancels, B, ONLY_TWO);
    mc_assert(A->cancelled && B->cancelled);
    queue_n(C, 1);
    queue_n(D, 2);
    put(1);
    put(1);
    mc_assert(told[2] == TOLD && told[3] == GONE);
    mc_assert(answer_if_told(C) && got[2] == 1);
    settle(1); /* D has taken two and given one back */
    mc_assert(got[3] == 1);
}
/* The thread that takes a permit knows what its releaser did, though another's add had no effect meanwhile. */
static bool released_again;
static void releases_if_told(void *unused) {
    (void)unused;
    if (atomic_load_explicit(&told[0], memory_order_acquire) == TOLD) {
        released_again = true;
        put(1);
    }
}
static void full_tells(void) {
    start_several(2, 0, 9);
    run(writes_releases, NULL, releases_if_told, NULL, takes_and_reads, NULL);
    if (!released_again) {
        put(1);
    }
    all_got(2, 2);
}
static void beaten_and_under_way(void) { /* A is in the list again, B on its way */
    start_several(2, 2, 9);
    takes(2);
    comes(A);
    run(release, NULL, comes, B, release, NULL);
    all_got(2, 2);
}
/* A is the oldest; that B gets in leaves the count as it is. */
static void passes(void *unused) {
    (void)unused;
    for (int i = 0; i < 3; i++) {
        passed += VERB(try_acquire)(q, 1) ? 1 : 0;
    }
}
static void bound_of_the_oldest(void) {
    start_several(2, 2, 1);
    run(passes, NULL, comes, B, release, NULL);
    passes(NULL);
    put(2);
    passes(NULL);
    mc_assert(passed == 1);
    all_got(2, 4);
}
static void count_begins_again(void) { /* when the oldest has got in, though another is under way */
    start_several(2, 2, 1);
    takes(1);
    mc_assert(!VERB(try_acquire)(q, 1));
    comes(A);
    mc_assert(got[0] == 1);
    takes(1);
    put(2);
    all_got(2, 2);
}
static void bound_of_the_beaten(void) {
    start_several(2, 2, 2);
    takes(2);
    comes(A);
    put(1);
    comes(B); /* before A */
    mc_assert(got[1] == 1);
    passes(NULL);
    mc_assert(passed == 0);
    all_got(2, 1);
}
static void two_of_many_leave(void) { /* decline and cancel, and a third one that asks */
    start_several(3, 2, 1);
    run(declines, A, comes, B, cancels, C);
    all_got(0, 2);
}
static void decline_of_two(void) {
    start_several(3, 2, 1);
    run(declines, A, comes, B, release, NULL);
    settle(3);
    mc_assert(got[1] == 1 && got[2] == 1);
}
static void close_of_two(void) {
    start_several(3, 2, 1);
    run(closes, NULL, comes, A, comes, B);
    settle(2);
    mc_assert(left_or_got(A) && left_or_got(B) && left_or_got(C));
}
static void close_of_two_release(void) {
    start_several(3, 1, 1);
    run(closes, NULL, release, NULL, comes, A);
    settle(2);
    mc_assert(left_or_got(A) && left_or_got(B) && left_or_got(C));
}
static atomic_int left;
static void come_last_destroy(void *arg) {
    guest *const g = arg;
    if (is_told(g)) {
        const rouse_status status = VERB(resume)(q, &g->waiter);
        mc_assert(status == ROUSE_OK);
        if (atomic_fetch_add(&left, 1) == 1) {
            destroy();
        }
    }
}
static void destroy_after_two(void) {
    start_several(2, 0, 1);
    run(release_2, NULL, come_last_destroy, A, come_last_destroy, B);
    come_last_destroy(A);
    come_last_destroy(B);
    mc_assert(q == NULL);
}
static void destroy_after_full(void) {
    start_several(2, 1, 1);
    run(release, NULL, come_last_destroy, A, come_last_destroy, B);
    come_last_destroy(A);
    come_last_destroy(B);
    mc_assert(q == NULL);
}
static void two_in_the_wake(void) {
    at_once = true;
    start_several(3, 0, 1);
    run(release_2, NULL, newcomer, D, ONLY_TWO);
    all_got(4, 2);
}
static void polled_between(void) { /* while A is under way B is not granted, nor is C invited */
    several = true;
    start(0, 1);
    queue_n(A, 1);
    rouse_waiter_init(&B->waiter, NULL, B);
    queue_n(B, 1);
    queue_n(C, 1);
    put(2);
    mc_assert(rouse_waiter_status(&B->waiter) == ROUSE_PENDING && told[2] == GONE);
    run(release, NULL, newcomer_tries, D, comes, A);
    comes(A);
    mc_assert(rouse_waiter_status(&B->waiter) == ROUSE_OK && got[0] == 1);
    settle(2);
    mc_assert(got[2] == 1);
}
static void batch_waits(void) { /* B is given nothing while A is under way, nor is C invited */
    several = true;
    start(0, 9);
    queue_n(A, 1);
    queue_n(B, 2);
    queue_n(C, 1);
    put(2);
    run(release, NULL, newcomer_tries, D, ONLY_TWO);
    mc_assert(told[1] == GONE && told[2] == GONE && VERB(available)(q) == 3);
    mc_assert(rouse_semaphore_reduce(q, 2) == 2);
    comes(A);
    mc_assert(got[0] == 1);
    put(2);
    all_got(3, 2);
}
static void mailbox_two(void) {
    several = true;
    start_mailboxes(1, 3, 1);
    A->then = B->then = C->then = hold_put;
    run(release_2, NULL, loop_once, NULL, newcomer, D);
    end_mailboxes();
    all_got(4, 2);
}
static void mailbox_cancel_of_two(void) {
    several = true;
    start_mailboxes(1, 3, 1);
    A->then = B->then = C->then = hold_put;
    run(release_2, NULL, loop_once, NULL, cancels_mailbox, A);
    end_mailboxes();
    settle(2);
    mc_assert(A->cancelled ? A->wakes == 0 : A->wakes == 1);
    mc_assert(got[1] == 1 && got[2] == 1);
}
static void mailbox_close_of_two(void) {
    several = true;
    start_mailboxes(2, 3, 1);
    A->then = B->then = C->then = hold_put;
    put(2);
    run(closes, NULL, loop_once, NULL, loop_once, SECOND_LOOP);
    end_mailboxes();
    settle(2);
    mc_assert(left_or_got(A) && left_or_got(B) && left_or_got(C));
}
#endif

const mc_scenario mc_scenarios[] = {
    {.name = "invite, come", .body = invite},
    {.name = "invite, come, newcomer", .body = invite_newcomer, .bound = BOUND},
    {.name = "invite, come, try", .body = invite_try, .bound = BOUND},
    {.name = "two come, release", .body = two_come, .bound = BOUND},
    {.name = "two wait, newcomer", .body = two_wait, .bound = BOUND},
    {.name = "two permits", .body = two_permits, .bound = BOUND},
    {.name = "two at once, newcomer", .body = two_at_once, .bound = BOUND},
    {.name = "answers inside the wake", .body = in_the_wake, .bound = BOUND},
    {.name = "bound", .body = bound},
    {.name = "bound, races", .body = bound_races},
    {.name = "bound, two newcomers", .body = bound_two_newcomers, .bound = BOUND},
    {.name = "two newcomers", .body = two_newcomers},
    {.name = "bound, beaten", .body = bound_beaten},
    {.name = "bound, another queues", .body = bound_while_one_queues, .bound = BOUND},
    {.name = "bound, of many", .body = bound_of_many},
    {.name = "beaten stays in front", .body = beaten_in_front},
    {.name = "declined keeps the count", .body = gone_keeps_the_count},
    {.name = "batch, cancel", .body = batch_cancel, .bound = BOUND},
#if !SEGMENTED
    {.name = "batch", .body = batch, .bound = BOUND},
    {.name = "batch, two release", .body = batch_release, .bound = BOUND},
    {.name = "batch, decline", .body = batch_decline, .bound = BOUND},
#endif
    {.name = "polled", .body = polled, .bound = BOUND},
    {.name = "polled first", .body = polled_first, .bound = BOUND},
    {.name = "polled, cancel", .body = polled_cancel},
#ifdef OF_LIMIT
    {.name = "grow", .body = grow, .bound = BOUND},
    {.name = "grow, release", .body = grow_release, .bound = BOUND},
    {.name = "shrink", .body = shrink, .bound = BOUND},
    {.name = "shrink, release", .body = shrink_release, .bound = BOUND},
    {.name = "behind two", .body = behind_two},
    {.name = "keep", .body = keep},
    {.name = "full", .body = full, .bound = BOUND},
#else
    {.name = "reduce", .body = reduce, .bound = BOUND},
    {.name = "reduce keeps the count", .body = reduce_keeps_the_count},
    {.name = "reduce, another queues", .body = reduce_queues},
    {.name = "one too many, all gone", .body = too_many_and_emptied, .bound = BOUND},
    {.name = "unlock what is free", .body = unlock_free},
    {.name = "unlock, lock, come", .body = unlock_races, .bound = BOUND},
#endif
    {.name = "try, another cancels", .body = try_queues},
    {.name = "try, release", .body = try_release},
    {.name = "cancel, release", .body = cancel_release},
    {.name = "cancel first, release, newcomer", .body = cancel_first, .bound = BOUND},
    {.name = "decline, release, newcomer", .body = decline_release, .bound = BOUND},
    {.name = "close, release, come", .body = close_release, .bound = BOUND},
    {.name = "close, release, newcomer", .body = close_newcomer, .bound = BOUND},
    {.name = "close stays", .body = close_stays, .bound = BOUND},
    {.name = "close tells", .body = close_tells},
    {.name = "close tells, nobody waits", .body = close_tells_alone},
    {.name = "close known", .body = close_known},
    {.name = "status tells", .body = status_tells},
    {.name = "offer tells", .body = offer_tells},
    {.name = "add tells", .body = add_tells},
    {.name = "destroy after resume", .body = destroy_after_resume},
    {.name = "destroy after release", .body = destroy_after_release},
    {.name = "destroy after decline", .body = destroy_after_decline},
    {.name = "destroy after close", .body = destroy_after_close_one},
    {.name = "destroy after close, beaten", .body = destroy_after_close_none},
    {.name = "destroy after close, one left", .body = destroy_after_close_two},
#if SEGMENTED
    {.name = "invited in a new segment", .body = invited_in_a_new_segment},
    {.name = "leaves permits to a late one", .body = leaves_to_a_late_one},
    {.name = "two wakes, one beaten", .body = invited_twice},
    {.name = "close passes on", .body = close_passes_on},
    {.name = "declined unseen", .body = declined_unseen, .bound = 2},
    {.name = "declined unseen, behind", .body = declined_unseen_behind, .bound = 1},
    {.name = "many", .body = many},
    {.name = "many, closed", .body = many_closed},
    {.name = "many keep the count", .body = many_keep_the_count},
    {.name = "destroy after many", .body = destroy_after_many},
#endif
    {.name = "destroy after cancel", .body = destroy_after_cancel},
    {.name = "destroy after taking", .body = destroy_after_taking},
    {.name = "count begins again behind one who left", .body = count_begins_again_behind},
    {.name = "count ends with the last one, others queue", .body = count_ends_others_queue, .bound = BOUND},
    {.name = "count ends with the last one, newcomer", .body = count_ends_newcomer, .bound = BOUND},
    {.name = "mailbox, newcomer", .body = mailbox_newcomer, .bound = BOUND},
    {.name = "mailbox, two", .body = two_mailboxes, .bound = BOUND},
    {.name = "mailbox, destroy", .body = mailbox_destroy},
    {.name = "mailbox, close", .body = mailbox_close, .bound = BOUND},
    {.name = "mailbox, cancel", .body = mailbox_cancel, .bound = BOUND},
    {.name = "mailbox, cancel, newcomer", .body = mailbox_cancel_newcomer, .bound = BOUND},
    {.name = "mailbox, cancel, destroy", .body = mailbox_cancel_destroy},
    {.name = "mailbox, cancel, its wake destroys", .body = mailbox_cancelled_destroys_1},
    {.name = "mailbox, cancel, its wake destroys, one left", .body = mailbox_cancelled_destroys_2},
    {.name = "mailbox, cancel, beaten", .body = mailbox_cancel_beaten},
    {.name = "mailbox, cancel, drain", .body = mailbox_cancel_drain},
    {.name = "mailbox, cancelled too late, destroy", .body = mailbox_late_destroy_1},
    {.name = "mailbox, cancelled too late, destroy, one left", .body = mailbox_late_destroy_2},
    {.name = "two block", .body = two_block, .flags = MC_STACKS, .bound = BOUND},
    {.name = "block, release, try", .body = block_try, .flags = MC_STACKS, .bound = BOUND},
    {.name = "block timed", .body = block_timed, .flags = MC_STACKS},
#if !SEGMENTED
    {.name = "block timed, two", .body = block_timed_two, .flags = MC_STACKS, .bound = BLOCK_BOUND},
#endif
#ifdef INVITES_SEVERAL
    {.name = "several, two release", .body = as_many_as_permits},
    {.name = "several, one releases two", .body = as_many_in_one},
    {.name = "several, two come, newcomer", .body = two_come_of_three, .bound = BOUND},
    {.name = "several, release, try", .body = full_newcomer, .bound = BOUND},
    {.name = "several, releases", .body = full_releases, .bound = BOUND},
    {.name = "several, another queues", .body = full_queues, .bound = BOUND},
    {.name = "several, reduce", .body = full_reduces, .bound = BOUND},
    {.name = "several, beaten", .body = two_beaten},
    {.name = "several, beaten, release", .body = two_beaten_release, .bound = BOUND},
    {.name = "several, beaten in order", .body = beaten_in_order},
    {.name = "several, beaten leave", .body = beaten_leave},
    {.name = "several, tells", .body = full_tells, .bound = BOUND},
    {.name = "several, one beaten", .body = beaten_and_under_way, .bound = BOUND},
    {.name = "several, bound of the oldest", .body = bound_of_the_oldest, .bound = BOUND},
    {.name = "several, counts begin again", .body = count_begins_again},
    {.name = "several, bound of the beaten", .body = bound_of_the_beaten},
    {.name = "several, decline, cancel", .body = two_of_many_leave, .bound = BOUND},
    {.name = "several, decline, release", .body = decline_of_two, .bound = BOUND},
    {.name = "several, close", .body = close_of_two, .bound = BOUND},
    {.name = "several, close, release", .body = close_of_two_release, .bound = BOUND},
    {.name = "several, destroy", .body = destroy_after_two, .bound = BOUND},
    {.name = "several, destroy, release", .body = destroy_after_full, .bound = BOUND},
    {.name = "several, in the wake", .body = two_in_the_wake, .bound = BOUND},
    {.name = "several, polled", .body = polled_between, .bound = BOUND},
    {.name = "several, batch", .body = batch_waits, .bound = BOUND},
    {.name = "several, mailbox, newcomer", .body = mailbox_two, .bound = BOUND},
    {.name = "several, mailbox, cancel", .body = mailbox_cancel_of_two, .bound = BOUND},
    {.name = "several, mailbox, close", .body = mailbox_close_of_two, .bound = BOUND},
#endif
    {0}};
