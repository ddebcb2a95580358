/* permits.c: wait against wake. No waiter is lost, no permit is held twice, and holders are ordered. */
#include "support.h"

/* ---- one waits, one gives ------------------------------------------------------------------------------------ */

static void wait_give(void) {
    guests_init(NULL);
    queue_start(0, 0);
    run(wait_1, A, give_1, NULL, ONLY_TWO);
    mc_assert(granted(A));
    mc_reached(A->answer == ROUSE_OK ? 0 : 1);
    conserved(1);
}

/* The last cell of a segment, then the first of the next. */
static void wait_give_last_cell(void) {
    guests_init(NULL);
    queue_start(0, 1);
    run(wait_1, A, give_1, NULL, ONLY_TWO);
    mc_assert(granted(A));
    conserved(1);
}
static void wait_give_next_segment(void) {
    guests_init(NULL);
    queue_start(0, 2);
    run(wait_1, A, give_1, NULL, ONLY_TWO);
    mc_assert(granted(A));
    conserved(1);
}

static void publish_give(void *arg) {
    (void)arg;
    shared = 1;
    give(1);
}
static void wait_polled_read(void *arg) {
    (void)arg;
    enqueue(A, 1);
    if (A->answer == ROUSE_PENDING && rouse_waiter_status(&A->waiter) == ROUSE_PENDING) {
        return;
    }
    mc_assert(shared == 1);
}
/* A polled waiter reads what came before the release that it sees. */
static void polled(void) {
    guests_init(NULL);
    guest_init_polled(A);
    queue_start(0, 0);
    run(wait_polled_read, NULL, publish_give, NULL, ONLY_TWO);
    mc_assert(granted(A));
    conserved(1);
}

/* A polled waiter is its owner's as soon as its status says so: here it is freed. */
static rouse_waiter *polled_waiter;
static void free_when_told(void *arg) {
    (void)arg;
    A->answer = rouse_waiter_queue_wait(&queue, polled_waiter, 1);
    if (A->answer != ROUSE_PENDING || rouse_waiter_status(polled_waiter) != ROUSE_PENDING) {
        free(polled_waiter);
        polled_waiter = NULL;
    }
}
static void polled_freed(void) {
    guests_init(NULL);
    queue_start(0, 0);
    polled_waiter = malloc(sizeof *polled_waiter);
    rouse_waiter_init(polled_waiter, NULL, NULL);
    run(free_when_told, NULL, give_1, NULL, ONLY_TWO);
    mc_assert(polled_waiter == NULL || rouse_waiter_status(polled_waiter) == ROUSE_OK);
    free(polled_waiter);
    mc_assert(rouse_waiter_queue_balance(&queue) == 0 && rouse_waiter_queue_waiter_count(&queue) == 0);
    rouse_waiter_queue_destroy(&queue);
}

/* ---- two wait ---------------------------------------------------------------------------------------------------- */

static void two_wait_one_gives_one(void) {
    guests_init(NULL);
    queue_start(0, 0);
    run(wait_1, A, wait_1, B, give_1, NULL);
    conserved(1);
}
static void two_wait_one_gives_two(void) {
    guests_init(NULL);
    queue_start(0, 0);
    run(wait_1, A, wait_1, B, give_2, NULL);
    mc_assert(granted(A) && granted(B));
    conserved(2);
}
static void one_queued_one_waits(void) {
    guests_init(NULL);
    queue_start(0, 1);
    enqueue(A, 1);
    run(wait_1, B, give_1, NULL, give_1, NULL);
    mc_assert(granted(A) && granted(B));
    conserved(2);
}
/* First come, first served: B is before C, so it is never C alone. */
static void order_is_kept(void) {
    guests_init(NULL);
    queue_start(0, 0);
    enqueue(B, 1);
    run(wait_1, C, give_1, NULL, ONLY_TWO);
    mc_assert(granted(B) && !granted(C));
    conserved(1);
}
static void no_overtaking(void) {
    guests_init(NULL);
    queue_start(0, 0);
    enqueue(A, 1);
    run(give_1, NULL, try_1, D, ONLY_TWO);
    mc_assert(granted(A) && !granted(D));
    conserved(1);
}
static void try_against_give(void) {
    guests_init(NULL);
    queue_start(0, 0);
    run(give_1, NULL, try_1, D, wait_1, A);
    conserved(1);
}
/* What A does not need of stored credit that goes to it is there for the next, once give has returned. */
static bool tried;
static void give_2_try_1(void *arg) {
    (void)arg;
    give(2);
    tried = rouse_waiter_queue_try_wait(&queue, 1);
}
static void try_after_give(void) {
    guests_init(NULL);
    queue_start(0, 0);
    run(wait_1, A, give_2_try_1, NULL, ONLY_TWO);
    mc_assert(granted(A) && tried);
    conserved(1);
}
static void give_2_reduce_1(void *arg) {
    (void)arg;
    give(2);
    tried = rouse_semaphore_reduce((rouse_semaphore *)&queue, 1) == 1;
}
static void reduce_after_give(void) {
    guests_init(NULL);
    queue_start(0, 0);
    run(wait_1, A, give_2_reduce_1, NULL, ONLY_TWO);
    mc_assert(granted(A) && tried);
    conserved(1);
}

/* ---- the permit as a lock ------------------------------------------------------------------------------------------ */

static void hold(guest *g) {
    (void)g;
    shared++;
    give(1);
}
static void enter(void *g) {
    enqueue(g, 1);
    if (((guest *)g)->answer == ROUSE_OK) {
        hold(g);
    }
}
static void two_hold(void) {
    guests_init(hold);
    queue_start(1, 0);
    run(enter, A, enter, B, ONLY_TWO);
    mc_assert(shared == 2 && granted(A) && granted(B));
    mc_assert(rouse_waiter_queue_balance(&queue) == 1);
    queue_finish();
}
static void three_hold(void) {
    guests_init(hold);
    queue_start(1, 0);
    run(enter, A, enter, B, enter, C);
    mc_assert(shared == 3 && granted(A) && granted(B) && granted(C));
    mc_assert(rouse_waiter_queue_balance(&queue) == 1);
    queue_finish();
}

static void try_hold(void *arg) {
    (void)arg;
    if (rouse_waiter_queue_try_wait(&queue, 1)) {
        shared++;
        give(1);
    }
}
static void try_holds(void) {
    guests_init(hold);
    queue_start(1, 0);
    run(enter, A, try_hold, NULL, ONLY_TWO);
    mc_assert(shared >= 1 && granted(A));
    mc_assert(rouse_waiter_queue_balance(&queue) == 1);
    queue_finish();
}

/* ---- the first wait of all makes LOCKFREE's pool ------------------------------------------------------------------- */

static void first_waits(void) {
    guests_init(NULL);
    mc_name(&queue, sizeof queue, "queue"); /* all zero is a queue of balance 0 */
    run(wait_1, A, wait_1, B, ONLY_TWO);
    mc_assert(waiting(A) && waiting(B));
    conserved(0);
}
/* A thread that sees the first ticket sees the pool that was made for it. */
static void wake_capped(void *unused) {
    (void)unused;
    mc_assert(rouse_waiter_queue_wake(&queue, 1, 1) == ROUSE_OK);
}
static void first_waits_served(void (*serve)(void *)) {
    guests_init(NULL);
    mc_name(&queue, sizeof queue, "queue");
    run(wait_1, A, serve, NULL, ONLY_TWO);
    mc_assert(granted(A));
    conserved(1);
}
static void first_waits_wake(void) {
    first_waits_served(wake_capped);
}
static void first_waits_give(void) {
    first_waits_served(give_1);
}
static void counts(void *unused) {
    (void)unused;
    mc_assert(rouse_waiter_queue_waiter_count(&queue) <= 1);
    give(1);
}
static void first_waits_count(void) {
    first_waits_served(counts);
}

/* Every allocation may fail, at any moment of what the others do: a wait that says so has changed nothing. */
static void no_memory_first_waits(void) {
    guests_init(NULL);
    run(wait_1, A, wait_1, B, give_1, NULL);
    mc_assert(!waiting(A) || A->answer == ROUSE_PENDING);
    conserved(1);
}
static void no_memory_next_chunk(void) {
    guests_init(NULL);
    for (int i = 0; i < 4; i++) {
        enqueue(&guests[i], 1); /* two segments of two cells; a chunk for each */
    }
    run(wait_1, E, wait_1, F, give_1, NULL);
    mc_assert(granted(A));
    conserved(1);
}

/* ---- reduce, overflow ------------------------------------------------------------------------------------------------- */

static uint32_t forgotten;
static void forget(void *arg) {
    (void)arg;
    forgotten = rouse_word_take_upto_(&queue.word_, rouse_backend_guess_(&queue), 1);
}
static void reduce(void) {
    guests_init(NULL);
    queue_start(1, 0);
    run(forget, NULL, wait_1, A, give_1, NULL);
    mc_assert(granted(A));
    conserved(2 - (int)forgotten);
}
static void publish_and_give(void *arg) {
    (void)arg;
    shared = 1;
    give(1);
}
static void forget_and_look(void *arg) {
    (void)arg;
    forgotten = rouse_word_take_upto_(&queue.word_, rouse_backend_guess_(&queue), 1);
    mc_assert(forgotten == 0 || shared == 1);
}
static void reduce_sees(void) {
    guests_init(NULL);
    queue_start(0, 0);
    run(publish_and_give, NULL, forget_and_look, NULL, ONLY_TWO);
    conserved(1 - (int)forgotten);
}
static rouse_status too_much;
static void give_too_much(void *arg) {
    (void)arg;
    too_much = rouse_waiter_queue_wake(&queue, 1, ROUSE_MAX_PERMITS);
}
static void overflow(void) {
    guests_init(NULL);
    rouse_waiter_queue_init(&queue, ROUSE_MAX_PERMITS);
    run(give_too_much, NULL, try_1, D, ONLY_TWO);
    mc_assert(granted(D));
    mc_assert(rouse_waiter_queue_balance(&queue) == ROUSE_MAX_PERMITS - (too_much == ROUSE_OK ? 0 : 1));
    queue_finish();
}

/* However much a release that is refused has added for a moment, nobody gets more than may be stored. */
static bool got_too_much;
static void try_too_much(void *arg) {
    (void)arg;
    got_too_much = rouse_waiter_queue_try_wait(&queue, ROUSE_MAX_PERMITS + 1u);
}
static void overflow_taken(void) {
    rouse_waiter_queue_init(&queue, ROUSE_MAX_PERMITS);
    run(give_too_much, NULL, try_too_much, NULL, ONLY_TWO);
    mc_assert(!got_too_much && too_much == ROUSE_OVERFLOW);
    mc_assert(rouse_waiter_queue_balance(&queue) == ROUSE_MAX_PERMITS);
    queue_finish();
}

/* One waits, two give back two each where no more than two may be stored. A call that answers
 * ROUSE_INVALID has given nothing. */
static rouse_status gave_back[2];
static void give_back_2(void *status) {
    *(rouse_status *)status = rouse_queue_give_back_(&queue, 2, 2);
}
static void give_back_too_much(void) {
    int64_t given = 0;
    guests_init(NULL);
    queue_start(0, 1);
    enqueue(A, 1);
    run(give_back_2, &gave_back[0], give_back_2, &gave_back[1], ONLY_TWO);
    for (int i = 0; i < 2; i++) {
        mc_assert(gave_back[i] == ROUSE_OK || gave_back[i] == ROUSE_INVALID);
        given += gave_back[i] == ROUSE_OK ? 2 : 0;
    }
    mc_assert(granted(A) && given >= 2);
    /* Of four, one had to be dropped. */
    mc_assert(rouse_waiter_queue_balance(&queue) == (given == 4 ? 2 : 1));
    queue_finish();
}

const mc_scenario mc_scenarios[] = {
    {.name = "wait, give", .body = wait_give},
    {.name = "wait, give: the last cell", .body = wait_give_last_cell},
    {.name = "wait, give: the next segment", .body = wait_give_next_segment},
    {.name = "polled", .body = polled},
    {.name = "polled: freed when it is told", .body = polled_freed},
    {.name = "two wait, one gives 1",
     .body = two_wait_one_gives_one,
     .bound = LOCKFREE_BOUND(2),
     .soak_bound = MC_NO_BOUND},
    {.name = "two wait, one gives 2",
     .body = two_wait_one_gives_two,
     .bound = LOCKFREE_BOUND(2),
     .soak_bound = MC_NO_BOUND},
    {.name = "one queued, one waits, two give",
     .body = one_queued_one_waits,
     .bound = LOCKFREE_BOUND(2),
     .soak_bound = MC_NO_BOUND},
    {.name = "order is kept", .body = order_is_kept},
    {.name = "no overtaking", .body = no_overtaking},
    {.name = "try, wait, give", .body = try_against_give},
    {.name = "give 2 and try, wait", .body = try_after_give},
    {.name = "give 2 and reduce, wait", .body = reduce_after_give},
    {.name = "two hold in turn", .body = two_hold},
    {.name = "three hold in turn", .body = three_hold, .bound = LOCKFREE_BOUND(2), .soak_bound = MC_NO_BOUND},
    {.name = "try holds", .body = try_holds},
    {.name = "first waits", .body = first_waits},
    {.name = "first waits, wake", .body = first_waits_wake},
    {.name = "first waits, give", .body = first_waits_give},
    {.name = "first waits, count", .body = first_waits_count},
    {.name = "first waits, no memory",
     .body = no_memory_first_waits,
     .flags = MC_NOMEM,
     .bound = LOCKFREE_BOUND(2),
     .soak_bound = MC_NO_BOUND},
    {.name = "the next chunk, no memory",
     .body = no_memory_next_chunk,
     .flags = MC_NOMEM,
     .bound = LOCKFREE_BOUND(1),
     .soak_bound = 3},
    {.name = "reduce", .body = reduce},
    {.name = "reduce sees what the releaser did", .body = reduce_sees},
    {.name = "overflow", .body = overflow},
    {.name = "overflow, a try for more", .body = overflow_taken},
    {.name = "give back too much", .body = give_back_too_much},
    {0},
};
