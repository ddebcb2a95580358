/* tickets.c: LOCKFREE's tickets. One thread claims and another issues; stored credit serves; a wake_all
 * takes; a waiter gives up in a closed queue; and 31 bits have wrapped. */
#include "support.h"

#include <stdatomic.h>

static void start(uint32_t credit, int passed) {
    guests_init(NULL);
    queue_start(credit, passed);
}

/* A guest that has claimed the cell of the next ticket, which is not issued yet, as if it were stopped
 * there. */
static seat claimed;
static seat claim(guest *g, uint32_t n) {
    seat taken = {g, n, ROUSE_SPOT_NONE_};
    const uint64_t state = rouse_u64_load_relaxed_(&queue.word_);
    const uint64_t ticket =
        rouse_state_is_queue_(state) ? rouse_state_next_(state) : rouse_u64_load_relaxed_(&queue.served_);
    if (rouse_state_is_queue_(state)) {
        rouse_u64_store_relaxed_(&queue.word_, state + ROUSE_STATE_BY_CLAIM_);
    }
    if (!rouse_spot_last_(&queue, &taken.at, ticket)) {
        mc_assert(rouse_wait_append_(&queue, &taken.at) == ROUSE_OK);
    }
    mc_assert(rouse_spot_read_(&taken.at) && rouse_cell_state_(taken.at.word) == ROUSE_CELL_FREE_);
    taken.at.word = rouse_cell_to_(taken.at.word, ROUSE_CELL_CLAIMED_, n);
    rouse_u64_store_relaxed_(&rouse_spot_cell_(&taken.at)->word_, taken.at.word);
    return taken;
}
/* It continues. */
static void go_on(void *unused) {
    (void)unused;
    if (!rouse_wait_have_issued_(&queue, &claimed.at)) {
        claimed.who->answer = ROUSE_CLOSED;
        return;
    }
    sit_down(&queue, &claimed);
}

/* ---- issued by another ------------------------------------------------------------------------------------------ */

static void helped(void) {
    start(0, 0);
    claimed = claim(A, 1);
    run(go_on, NULL, wait_1, B, ONLY_TWO);
    mc_assert(waiting(A) && waiting(B));
    give(1);
    mc_assert(granted(A) && waiting(B)); /* it was first */
    conserved(1);
}
static void helped_and_served(void) {
    start(0, 1);
    claimed = claim(A, 1);
    run(go_on, NULL, wait_1, B, give_1, NULL);
    mc_assert(count(granted) == 1);
    conserved(1);
}
/* The stopped one never continues: no other thread misses anything. */
static void stands_still(void) {
    start(0, 0);
    claimed = claim(A, 1);
    run(wait_1, B, give_2, NULL, ONLY_TWO);
    mc_assert(granted(B) || rouse_waiter_queue_balance(&queue) >= 1);
    go_on(NULL);
    mc_assert(granted(A) && granted(B));
    conserved(2);
}

/* ---- issued by its waiter, or claimed ------------------------------------------------------------------------------ */

/* A lacks two, and claims; B lacks one, and issues the ticket that A has seen, or claims as well. */
static void conserved_several(int put_in, uint32_t of_a);
static void both(void) {
    start(0, 1);
    run(wait_2, A, wait_1, B, ONLY_TWO);
    mc_assert(waiting(A) && waiting(B));
    give(3);
    mc_assert(granted(A) && granted(B));
    conserved_several(3, 2);
}
static void both_and_give(void) {
    start(0, 1);
    run(wait_2, A, wait_1, B, give_1, NULL);
    mc_assert(!granted(A) && waiting(A) + waiting(B) >= 1);
    conserved_several(1, 2);
}
static void both_and_taken(void) {
    start(0, 1);
    enqueue(C, 1);
    run(wait_2, A, wait_1, B, wake_all, NULL);
    mc_assert(granted(C) && woken_by_all == (uint32_t)count(granted));
    queue_finish();
}

/* A issues a ticket in a segment that another thread has linked before it was stopped: a wake_all finds
 * it. */
static void link_next(void *unused) {
    rouse_spot_ at = ROUSE_SPOT_NONE_;
    (void)unused;
    if (!rouse_spot_last_(&queue, &at, rouse_state_next_(rouse_u64_load_relaxed_(&queue.word_)))) {
        (void)rouse_wait_append_(&queue, &at);
    }
}
static void linked_by_another(void) {
    seat late;
    start(0, 0);
    enqueue(C, 1);
    late = take_ticket(&queue, D, 1); /* so its segment does not end */
    run(link_next, NULL, wait_1, A, wake_all, NULL);
    sit_down(&queue, &late);
    mc_assert(woken_by_all == (uint32_t)count(granted));
    queue_finish();
}

/* ---- with stored credit ------------------------------------------------------------------------------------------ */

static void conserved_several(int put_in, uint32_t of_a) {
    const int64_t held = (granted(A) ? (int)of_a : 0) + (granted(B) ? 1 : 0) + (granted(C) ? 1 : 0);
    const int64_t lack = (waiting(A) ? (int)of_a : 0) + (waiting(B) ? 1 : 0) + (waiting(C) ? 1 : 0);
    mc_assert(rouse_waiter_queue_balance(&queue) == put_in - held - lack);
    queue_finish();
}
static void first_gets_part(void) {
    start(1, 0);
    run(wait_2, A, wait_1, B, ONLY_TWO);
    mc_assert(granted(B) || waiting(B));
    conserved_several(1, 2);
}
static void first_gets_part_and_more(void) {
    start(1, 0);
    run(wait_2, A, give_1, NULL, ONLY_TWO);
    mc_assert(granted(A));
    conserved_several(2, 2);
}
static void first_against_try(void) {
    start(1, 0);
    run(wait_2, A, try_1, B, ONLY_TWO);
    conserved_several(1, 2);
}
static void first_claimed(void) {
    start(1, 0);
    claimed = claim(A, 2);
    run(go_on, NULL, wait_1, B, give_1, NULL);
    conserved_several(2, 2);
}
static void first_is_enough(void) {
    start(2, 1);
    claimed = claim(A, 2);
    run(go_on, NULL, give_1, NULL, wait_2, D);
    mc_assert(granted(A) || granted(D));
    if (granted(D)) { /* it had its two before A's ticket */
        mc_assert(waiting(A));
        give(1);
    }
    mc_assert(granted(A));
    rouse_waiter_queue_destroy(&queue);
}

/* ---- taken ----------------------------------------------------------------------------------------------------------- */

static void taken_wait_give(void) {
    start(0, 0);
    enqueue(A, 1);
    run(wake_all, NULL, wait_1, B, give_1, NULL);
    mc_assert(granted(A));
    mc_assert((int64_t)woken_by_all + 1 - (rouse_waiter_queue_balance(&queue) > 0 ? 1 : 0) == count(granted));
    queue_finish();
}
/* Whatever the order, both are served: what the wake_all has taken is not given again. */
static void wait_and_give(void *g) {
    enqueue(g, 1);
    give(1);
}
static void taken_then_give_from(int passed) {
    start(0, passed);
    enqueue(A, 1);
    run(wake_all, NULL, wait_and_give, B, ONLY_TWO);
    mc_assert(granted(A) && granted(B));
    queue_finish();
}
/* B waits in the segment that it finds linked, so it goes the short way. */
static void taken_then_give(void) {
    taken_then_give_from(0);
}
static void taken_then_give_next_segment(void) {
    taken_then_give_from(1);
}
static void taken_taken(void) {
    start(0, 1);
    enqueue(A, 1);
    enqueue(B, 1);
    run(wake_all, NULL, wake_all, &woken_by_second, wait_1, C);
    mc_assert(granted(A) && granted(B));
    mc_assert(woken_by_all + woken_by_second == (granted(C) ? 3u : 2u));
    queue_finish();
}

/* ---- a second look -------------------------------------------------------------------------------------------------- */

/* Relaxed on purpose: the ordering must come from the queue. */
static atomic_int changed;
static bool has_changed(void *unused) {
    (void)unused;
    return atomic_load_explicit(&changed, memory_order_relaxed) != 0;
}
static void add(void *g) {
    ((guest *)g)->answer = rouse_waiter_queue_add_waiter_if(&queue, &((guest *)g)->waiter, has_changed, NULL);
}
static void change_all(void *unused) {
    (void)unused;
    atomic_store_explicit(&changed, 1, memory_order_relaxed);
    woken_by_all += rouse_waiter_queue_wake_all(&queue);
}
static void change_one(void *unused) {
    (void)unused;
    atomic_store_explicit(&changed, 1, memory_order_relaxed);
    (void)rouse_waiter_queue_wake_one(&queue);
}
/* The stopped one continues, and looks. */
static void go_on_and_look(void *unused) {
    (void)unused;
    claimed.who->answer =
        rouse_wait_have_issued_(&queue, &claimed.at)
            ? rouse_wait_issued_(&queue, &claimed.who->waiter, 1, has_changed, NULL, &claimed.at)
            : ROUSE_CLOSED;
}
static void claims_and_looks(void) {
    start(0, 1);
    give(1); /* nobody waits any more */
    mc_assert(rouse_waiter_queue_try_wait(&queue, 1));
    run(add, A, change_all, NULL, ONLY_TWO);
    mc_assert(!waiting(A));
    queue_finish();
}
static void claimed_and_looks(void) {
    start(0, 0);
    claimed = claim(A, 1);
    run(go_on_and_look, NULL, change_all, NULL, ONLY_TWO);
    mc_assert(!waiting(A));
    queue_finish();
}
/* B issues A's ticket. */
static void helped_and_looks(void) {
    start(0, 0);
    claimed = claim(A, 1);
    run(go_on_and_look, NULL, change_all, NULL, wait_1, B);
    mc_assert(!waiting(A));
    queue_finish();
}
/* A wake_all that has taken A and B, and was stopped then. Afterwards it continues. */
static uint64_t taken;
static void take_and_stop(void) {
    const uint64_t state = rouse_u64_load_relaxed_(&queue.word_);
    taken = rouse_state_next_(state);
    rouse_u64_store_relaxed_(&queue.word_, state + ROUSE_STATE_TAKEN_);
}
static void serve_taken(void) {
    rouse_serving_ serving = rouse_serving_by_(ROUSE_CELL_TOKEN_ALL_, 0, rouse_outcome_(ROUSE_OK, 0));
    rouse_spot_ at = ROUSE_SPOT_NONE_;
    at.taken = true;
    serving.pool = rouse_ticket_pool_(&queue);
    while (rouse_spot_seek_(&queue, serving.pool, &at, taken)) {
        rouse_serving_run_(&queue, &serving, &at, taken);
    }
    rouse_serving_deliver_(&serving);
}
static void taken_and_looks(void (*change)(void *)) {
    start(0, 0);
    enqueue(A, 1);
    enqueue(B, 1);
    go_the_short_way();
    take_and_stop();
    run(add, C, change, NULL, ONLY_TWO);
    serve_taken();
    mc_assert(granted(A) && granted(B) && !waiting(C));
    queue_finish();
}
static void taken_change_all(void) {
    taken_and_looks(change_all);
}
static void taken_change_one(void) {
    taken_and_looks(change_one);
}

/* ---- closed, and opened again ----------------------------------------------------------------------------------------- */

static void reset_and_wait(void *g) {
    (void)rouse_queue_reset_(&queue);
    enqueue(g, 1);
}
static void given_up(void) {
    start(0, 0);
    (void)rouse_waiter_queue_close(&queue);
    claimed = claim(A, 1);
    run(go_on, NULL, reset_and_wait, B, ONLY_TWO);
    mc_assert(closed(A) || waiting(A));
    mc_assert(waiting(B));
    give((uint32_t)count(waiting));
    mc_assert(granted(B));
    queue_finish();
}
static void given_up_with_credit(void) {
    start(1, 0);
    (void)rouse_waiter_queue_close(&queue);
    claimed = claim(A, 2);
    run(go_on, NULL, reset_and_wait, B, ONLY_TWO);
    mc_assert(closed(A) || waiting(A));
    conserved_several(1, 2);
}

/* ---- 31 bits have wrapped ----------------------------------------------------------------------------------------------- */

/* A thread that was stopped for 2^31 tickets has issued the ticket that it had read; another has claimed
 * the next one. */
static void late_issue(guest *claims) {
    uint64_t served;
    start(0, 0);
    served = rouse_u64_load_relaxed_(&queue.served_);
    mc_assert(rouse_u64_load_relaxed_(&queue.word_) == rouse_state_empty_(0, served, false));
    rouse_u64_store_relaxed_(&queue.served_, served + ((uint64_t)1 << 31));
    rouse_u64_store_relaxed_(&rouse_segment_at_(rouse_wait_pool_(&queue), 1)->state_, 0);
    rouse_wait_pool_(&queue)->origin_ = served + ((uint64_t)1 << 31);
    if (claims != NULL) {
        claimed = claim(claims, 1);
    }
    rouse_u64_store_relaxed_(&queue.word_, rouse_state_queue_(served + 1, false));
}
static void late_issue_claimed(void) {
    late_issue(A);
    go_on(NULL);
    mc_assert(waiting(A));
    give(1);
    mc_assert(granted(A));
    conserved(1);
}
static void late_issue_wait_give(void) {
    late_issue(NULL);
    run(wait_1, A, give_1, NULL, ONLY_TWO);
    mc_assert(granted(A));
    conserved(1);
}
static void late_issue_all_wait(void) {
    late_issue(NULL);
    run(wake_all, NULL, wait_1, A, ONLY_TWO);
    mc_assert(granted(A) == (woken_by_all == 1) && granted(A) != waiting(A));
    queue_finish();
}

#define LONG .bound = 2, .soak_bound = MC_NO_BOUND

const mc_scenario mc_scenarios[] = {
    {.name = "issued by another", .body = helped},
    {.name = "issued by another, give", .body = helped_and_served, LONG},
    {.name = "never goes on", .body = stands_still, LONG},
    {.name = "linked by another", .body = linked_by_another, LONG},
    {.name = "both", .body = both},
    {.name = "both, give", .body = both_and_give, LONG},
    {.name = "both, taken", .body = both_and_taken, .bound = 1, .soak_bound = MC_NO_BOUND},
    {.name = "stored credit is a part", .body = first_gets_part, LONG},
    {.name = "stored credit is a part, give", .body = first_gets_part_and_more},
    {.name = "stored credit is a part, try", .body = first_against_try},
    {.name = "stored credit is a part, another waits, give", .body = first_claimed, LONG},
    {.name = "stored credit is enough", .body = first_is_enough, LONG},
    {.name = "taken, wait, give", .body = taken_wait_give, LONG},
    {.name = "taken, wait and then give", .body = taken_then_give},
    {.name = "taken, wait in the next segment and then give", .body = taken_then_give_next_segment},
    {.name = "taken twice, wait", .body = taken_taken, LONG},
    {.name = "claims, looks", .body = claims_and_looks},
    {.name = "claimed, looks", .body = claimed_and_looks},
    {.name = "issued by another, looks", .body = helped_and_looks, LONG},
    {.name = "taken, looks, all", .body = taken_change_all},
    {.name = "taken, looks, one", .body = taken_change_one},
    {.name = "given up", .body = given_up, LONG},
    {.name = "given up, stored credit", .body = given_up_with_credit, LONG},
    {.name = "a late issue, claimed", .body = late_issue_claimed},
    {.name = "a late issue, wait, give", .body = late_issue_wait_give},
    {.name = "a late issue, wake all, wait", .body = late_issue_all_wait},
    {0},
};
