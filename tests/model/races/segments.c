/* segments.c: LOCKFREE's segments, here of two cells. They are appended, retired, removed from the middle
 * and recycled, while other threads walk through them. After each scenario the list is checked: no used-up
 * segment may be left in it. */
#include "support.h"

#if ROUSE_SEGMENT_CELLS != 2
#    error "the scenarios count on segments of two cells"
#endif

static void start(int passed) {
    guests_init(NULL);
    queue_start(0, passed);
}
static rouse_pool_ *pool_of_queue(void) {
    return rouse_ptr_load_relaxed_(&queue.pool_);
}
/* Nothing is in progress. Each linked segment except the last has a cell to which some thread will come
 * back. No marked segment is left, and every segment that is not linked is in the pool. */
static void tidy(void) {
    const rouse_pool_ *const pool = pool_of_queue();
    uint32_t segments = 0;
    uint32_t index = rouse_link_index_(rouse_u64_load_relaxed_(&pool->first_));
    while (index != 0) {
        const rouse_segment_ *const segment = rouse_segment_at_(pool, index);
        const uint64_t link = rouse_u64_load_relaxed_(&segment->next_);
        const uint32_t next = rouse_link_index_(link);
        mc_assert(!rouse_segment_fresh_(rouse_u64_load_relaxed_(&segment->state_)));
        mc_assert(!rouse_link_marked_(link));
        mc_assert(next == 0 || !(rouse_cell_final_(rouse_u64_load_relaxed_(&segment->cells_[0].word_)) &&
                                 rouse_cell_final_(rouse_u64_load_relaxed_(&segment->cells_[1].word_))));
        /* Every thread that was to come back to a cell has been there. */
        for (int i = 0; i < ROUSE_SEGMENT_CELLS; i++) {
            const uint64_t cell = rouse_u64_load_relaxed_(&segment->cells_[i].word_);
            mc_assert(!rouse_cell_resolved_(cell) || rouse_cell_final_(cell));
        }
        index = next;
        segments++;
    }
    index = (uint32_t)rouse_u64_load_relaxed_(&pool->free_) & ROUSE_LINK_INDEX_;
    while (index != 0) {
        index = rouse_u32_load_relaxed_(&rouse_segment_at_(pool, index)->link_);
        segments++;
    }
    mc_assert(segments == rouse_u32_load_relaxed_(&pool->made_));
}
/* Tidy; then everybody left can be served, in order. */
static void finish(int put_in) {
    const int left = count(waiting);
    tidy();
    mc_assert(rouse_waiter_queue_waiter_count(&queue) == (uint32_t)left);
    if (left != 0) {
        give((uint32_t)left);
    }
    mc_assert(count(waiting) == 0);
    tidy();
    conserved(put_in + left);
}

static void wait_three(void *unused) {
    (void)unused;
    enqueue(A, 1);
    enqueue(B, 1);
    enqueue(C, 1);
}
static void wait_two(void *unused) {
    (void)unused;
    enqueue(A, 1);
    enqueue(B, 1);
}

/* ---- append --------------------------------------------------------------------------------------------------- */

static void two_append(void) {
    start(2);
    run(wait_1, A, wait_1, B, ONLY_TWO);
    mc_assert(waiting(A) && waiting(B));
    finish(0);
}
/* The head moves to a segment that has just been made: another waker reads its words. */
static void wait_and_give_all(void *g) {
    enqueue(g, 1);
    give(3);
}
static void head_in_a_new_segment(void (*wake)(void *), int permits) {
    start(0);
    enqueue(A, 1);
    enqueue(B, 1);
    run(wait_and_give_all, C, wake, NULL, ONLY_TWO);
    finish(3 + permits);
}
static void head_moves_give(void) {
    head_in_a_new_segment(give_1, 1);
}
static void head_moves_give_2(void) {
    head_in_a_new_segment(give_2, 2);
}
static void append_give(void) {
    start(1);
    run(wait_two, NULL, give_2, NULL, ONLY_TWO);
    mc_assert(granted(A) && granted(B));
    finish(2);
}
static void append_two_give(void) {
    start(1);
    enqueue(C, 1);
    run(wait_1, A, give_1, NULL, give_1, NULL);
    mc_assert(granted(C) && granted(A));
    finish(2);
}

/* ---- retire ----------------------------------------------------------------------------------------------------- */

/* Two wakers finish the two cells of one segment, which is not the last. */
static void two_retire(void) {
    start(0);
    enqueue(A, 1);
    enqueue(B, 1);
    enqueue(C, 1);
    run(give_1, NULL, give_1, NULL, ONLY_TWO);
    mc_assert(granted(A) && granted(B) && waiting(C));
    finish(2);
}
static void retire_and_append(void) {
    start(1);
    enqueue(A, 1);
    run(give_1, NULL, wait_1, B, ONLY_TWO);
    mc_assert(granted(A) && waiting(B));
    finish(1);
}
/* The other of the two is A, which leaves at the head as its own waker. */
static void retire_cancel_head(void) {
    start(0);
    wait_three(NULL);
    run(cancel, A, give_1, NULL, ONLY_TWO);
    mc_assert(granted(A) != (A->cancelled != 0) && granted(B) == (A->cancelled != 0) && waiting(C));
    finish(1);
}
/* Throughput mode: an invited waiter that answers is one of the last two visitors. */
static void answer_a(void *unused) {
    (void)unused;
    mc_assert(rouse_open_resume_(&queue, &A->waiter) == ROUSE_OK);
}
static void retire_invited(void) {
    start(0);
    rouse_open_init_(&queue, 1);
    wait_three(NULL);
    give(1);
    run(answer_a, NULL, cancel, B, ONLY_TWO);
    mc_assert(A->wakes == 1 && A->outcome == ROUSE_RETRY && B->cancelled && waiting(C));
    tidy();
    take_out(C);
    rouse_waiter_queue_destroy(&queue);
}
static seat first_seat, second_seat;
/* A has its ticket, and finds a token in its cell. */
static void sit_first(void *unused) {
    (void)unused;
    sit_down(&queue, &first_seat);
}
static void retire_pick_up(void) {
    start(0);
    first_seat = take_ticket(&queue, A, 1);
    enqueue(B, 1);
    enqueue(C, 1);
    give(1);
    run(sit_first, NULL, give_1, NULL, ONLY_TWO);
    mc_assert(granted(A) && granted(B) && waiting(C));
    finish(2);
}
static void sit_second(void *unused) {
    (void)unused;
    sit_down(&queue, &second_seat);
}
/* A finds its token while the waker of a batch ends the cell that it had kept for B. */
static void retire_kept(void) {
    start(0);
    first_seat = take_ticket(&queue, A, 1);
    give(1);
    second_seat = take_ticket(&queue, B, 1);
    enqueue(C, 1);
    run(sit_first, NULL, sit_second, NULL, give_2, NULL);
    mc_assert(granted(A) && granted(B) && granted(C));
    finish(3);
}
/* B comes after wake_all has taken A, into the same segment, and leaves. */
static void wait_two_and_leave(void *unused) {
    (void)unused;
    enqueue(B, 1);
    enqueue(C, 1);
    take_out(B);
}
static void retire_all(void) {
    start(0);
    enqueue(A, 1);
    run(wake_all, NULL, wait_two_and_leave, NULL, ONLY_TWO);
    mc_assert(granted(A));
    tidy();
    queue_finish();
}
/* The waiter that finds a token is the last visitor of the segment. */
static void retired_by_waiter(void) {
    start(1);
    enqueue(A, 1);
    run(wait_1, B, give_2, NULL, wait_1, C);
    finish(2);
}
static void retire_neighbours(void) {
    start(0);
    enqueue(A, 1);
    enqueue(B, 1);
    enqueue(C, 1);
    enqueue(D, 1);
    enqueue(E, 1);
    run(give_2, NULL, give_2, NULL, ONLY_TWO);
    mc_assert(granted(A) && granted(B) && granted(C) && granted(D) && waiting(E));
    finish(4);
}

/* ---- remove ------------------------------------------------------------------------------------------------------- */

/* A and B wait in the first segment; C and D in the second, E in the third. */
static void five(void) {
    start(0);
    enqueue(A, 1);
    enqueue(B, 1);
    enqueue(C, 1);
    enqueue(D, 1);
    enqueue(E, 1);
}
static void two_remove(void) {
    five();
    run(cancel, C, cancel, D, ONLY_TWO);
    mc_assert(C->cancelled && D->cancelled);
    finish(0);
}
/* Two guests that have their tickets, and leave by the second look of add_waiter_if. */
static void withdraw(void *taken) {
    seat *const from = taken;
    from->who->answer = rouse_wait_leave_(&from->at, true) ? ROUSE_OK : NOT_CALLED;
}
static void two_withdraw(void) {
    start(0);
    enqueue(C, 1);
    enqueue(D, 1);
    first_seat = take_ticket(&queue, A, 1);
    second_seat = take_ticket(&queue, B, 1);
    enqueue(E, 1);
    run(withdraw, &first_seat, withdraw, &second_seat, ONLY_TWO);
    mc_assert(A->answer == ROUSE_OK && B->answer == ROUSE_OK);
    A->answer = B->answer = NOT_CALLED; /* they took no permit */
    finish(0);
}
static void remove_give(void) {
    five();
    take_out(C);
    run(cancel, D, give_2, NULL, ONLY_TWO);
    mc_assert(granted(A) && granted(B) && D->cancelled);
    finish(2);
}
/* The waker comes for D while it is being cancelled, and then has E. */
static void remove_give_there(void) {
    five();
    take_out(A);
    take_out(B);
    take_out(C);
    run(cancel, D, give_1, NULL, ONLY_TWO);
    mc_assert(granted(D) != granted(E));
    finish(1);
}
static void remove_skip(void) {
    five();
    take_out(B);
    take_out(C);
    run(cancel, D, cancel, A, give_1, NULL);
    mc_assert(granted(E) || granted(A) || granted(D));
    finish(1);
}
static void remove_neighbours(void) {
    five();
    enqueue(F, 1);
    enqueue(G, 1);
    take_out(C);
    take_out(E);
    run(cancel, D, cancel, F, ONLY_TWO);
    finish(0);
}
/* Three dead segments at once, neighbours: each is cut out by one of three. */
static void remove_three(void) {
    five();
    enqueue(F, 1);
    enqueue(G, 1);
    enqueue(H, 1);
    enqueue(I, 1);
    take_out(C);
    take_out(E);
    take_out(G);
    run(cancel, D, cancel, F, cancel, H);
    finish(0);
}
static void remove_neighbours_give(void) {
    five();
    enqueue(F, 1);
    enqueue(G, 1);
    take_out(C);
    take_out(E);
    run(cancel, D, cancel, F, give_2, NULL);
    mc_assert(granted(A) && granted(B));
    finish(2);
}
/* The last segment is all cancelled while somebody appends behind it. */
static void park_append(void) {
    start(0);
    enqueue(A, 1);
    enqueue(B, 1);
    enqueue(C, 1);
    enqueue(D, 1);
    take_out(C);
    run(cancel, D, wait_1, E, ONLY_TWO);
    mc_assert(D->cancelled && waiting(E));
    finish(0);
}
static void park_append_give(void) {
    start(0);
    enqueue(B, 1);
    enqueue(C, 1);
    run(cancel, C, wait_1, E, give_1, NULL);
    finish(1);
}
static void retire_last_append(void) {
    start(0);
    enqueue(A, 1);
    enqueue(B, 1);
    run(give_2, NULL, wait_1, C, ONLY_TWO);
    mc_assert(granted(A) && granted(B) && waiting(C));
    finish(2);
}
static void remove_walk(void) {
    five();
    take_out(C);
    run(cancel, D, wait_1, F, ONLY_TWO);
    mc_assert(D->cancelled && waiting(F));
    finish(0);
}

/* The segment that a waker has found is removed, recycled and entered again before it gets there. */
static void cancel_wait_give(void *unused) {
    (void)unused;
    take_out(C);
    take_out(D);
    enqueue(F, 1);
    enqueue(G, 1);
    give(1);
}
static void recycled_under_the_waker(void) {
    five();
    take_out(A);
    take_out(B);
    run(cancel_wait_give, NULL, give_1, NULL, ONLY_TWO);
    finish(2);
}

/* ---- recycle -------------------------------------------------------------------------------------------------------- */

/* One thread uses up segments, another is somewhere in its wait. */
static void rounds(void *unused) {
    (void)unused;
    for (int i = 0; i < 2; i++) {
        give(1);
        guest_init(&guests[3 + i], NULL);
        enqueue(&guests[3 + i], 1);
    }
}
static void recycle_wait(void) {
    start(1);
    enqueue(A, 1);
    enqueue(B, 1);
    run(rounds, NULL, wait_1, C, ONLY_TWO);
    finish(2);
}
static void recycle_cancel(void) {
    start(1);
    enqueue(A, 1);
    enqueue(B, 1);
    run(rounds, NULL, cancel, B, ONLY_TWO);
    finish(2);
}
static void recycle_give(void) {
    start(1);
    enqueue(A, 1);
    enqueue(B, 1);
    run(rounds, NULL, give_1, NULL, ONLY_TWO);
    finish(3);
}
static void recycle_three_wait(void) {
    start(0);
    run(wait_three, NULL, give_2, NULL, ONLY_TWO);
    finish(2);
}

/* A waiter has found the end of the list. Before it links there, that segment is used up, cut out and
 * recycled. Then it is linked at another place, where it is the end again. */
static void churn(void *unused) {
    (void)unused;
    enqueue(B, 1);
    give(1);
    enqueue(D, 1);
    give(1);
    enqueue(E, 1);
}
static void stale_end(void) {
    start(1);
    enqueue(A, 1);
    run(churn, NULL, wait_1, C, ONLY_TWO);
    finish(2);
}

/* A waiter is about to claim a cell. Before that the segment is used up, and linked again for later tickets. */
static void churn_and_link(void *unused) {
    rouse_spot_ at = ROUSE_SPOT_NONE_;
    uint64_t state;
    churn(unused);
    give(1);
    state = rouse_u64_load_acquire_(&queue.word_);
    if (!rouse_spot_last_(&queue, &at,
                          rouse_state_is_queue_(state) ? rouse_state_next_(state)
                                                       : rouse_u64_load_relaxed_(&queue.served_))) {
        (void)rouse_wait_append_(&queue, &at);
    }
}
static void recycled_under_a_claim(void) {
    start(1);
    give(1); /* nobody waits any more */
    mc_assert(rouse_waiter_queue_try_wait(&queue, 1));
    run(wait_1, A, churn_and_link, NULL, ONLY_TWO);
    finish(3);
}

/* A slow waiter has left the hint where to queue. It leads to a segment that is in the pool, and that
 * another waiter is about to link again. A thread that finds it there finds its cells empty. */
static void late_tail(void) {
    rouse_segment_ *late;
    start(1); /* one ticket is used up */
    late = rouse_ticket_segment_(&queue);
    enqueue(A, 1);
    enqueue(B, 1);
    enqueue(C, 1);
    give(3);
    mc_assert(rouse_segment_fresh_(rouse_u64_load_relaxed_(&late->state_)));
    rouse_ptr_store_relaxed_(&rouse_ticket_pool_(&queue)->tail_, late);
    guests_init(NULL);
    run(wait_1, A, wait_1, B, ONLY_TWO);
    mc_assert(waiting(A) && waiting(B));
    finish(0);
}
/* A waiter has linked a segment and must still make it LIVE; others use it up. Another waiter had found
 * the same end before, and was stopped. It now gets that segment from the pool. The segment is not in the
 * list, and must not become LIVE. */
static rouse_walk_ old_end;
static void use_up_and_append(void *unused) {
    (void)unused;
    enqueue(B, 1);
    enqueue(C, 1);
    enqueue(D, 1);
    give(3);
    mc_assert(rouse_segment_append_(pool_of_queue(), &old_end));
}
static void late_live(void) {
    start(2);
    old_end = rouse_walk_from_(pool_of_queue(), NULL, 2);
    mc_assert(rouse_walk_step_(pool_of_queue(), &old_end));
    run(wait_1, A, use_up_and_append, NULL, ONLY_TWO);
    finish(3);
}

/* A walk meets a segment that is cut out and linked again behind the one that is looked for, which must be found. */
static void find_third(void *unused) {
    uint64_t base = 4;
    (void)unused;
    mc_assert(rouse_segment_find_(pool_of_queue(), NULL, &base) != NULL && base == 4);
}
static void recycle_second(void *unused) {
    (void)unused;
    take_out(C);
    take_out(D);
    enqueue(F, 1);
    enqueue(G, 1);
}
static void recycled_under_a_walk(void) {
    five();
    run(find_third, NULL, recycle_second, NULL, ONLY_TWO);
    finish(0);
}

/* One step of a walk, to a segment that is cut out meanwhile and made ready for another place. There it is
 * linked, or it is not because another thread was first. The list no longer led to it, so the step must
 * not take it for the next one. */
static rouse_walk_ stand, list_end;
static void one_step(void *unused) {
    rouse_walk_ walk = stand;
    (void)unused;
    if (rouse_walk_step_(pool_of_queue(), &walk)) {
        mc_assert(walk.next <= 6);
    }
}
static void cut_and_append(void *unused) {
    rouse_walk_ end = list_end;
    (void)unused;
    rouse_segment_end_(rouse_segment_at_(pool_of_queue(), 2), 2);
    mc_assert(rouse_segment_append_(pool_of_queue(), &end));
}
static void start_step(bool first) {
    rouse_pool_ *pool;
    rouse_segment_ *second;
    five();
    pool = pool_of_queue();
    stand = rouse_walk_from_(pool, rouse_segment_at_(pool, 1), 2);
    mc_assert(stand.at == rouse_segment_at_(pool, 1) && rouse_link_index_(stand.link) == 2);
    list_end = stand;
    while (rouse_walk_step_(pool, &list_end)) {
    }
    list_end.link -= first ? 0 : (uint64_t)1 << 28; /* as somebody read it that links too late */
    second = rouse_segment_at_(pool, 2);
    for (int i = 0; i < ROUSE_SEGMENT_CELLS; i++) {
        rouse_u64_store_relaxed_(
            &second->cells_[i].word_,
            rouse_cell_to_(rouse_u64_load_relaxed_(&second->cells_[i].word_), ROUSE_CELL_DONE_, 0));
    }
    run(one_step, NULL, cut_and_append, NULL, ONLY_TWO);
    rouse_waiter_queue_destroy(&queue);
}
static void recycled_under_a_step(void) {
    start_step(true);
}
static void not_recycled_under_a_step(void) {
    start_step(false);
}

/* A walk comes to a segment that another thread has marked, having linked a new one behind it: cuts it out, or finds it. */
static void append_and_remove(void *unused) {
    (void)unused;
    enqueue(G, 1);
    take_out(F);
}
static void find_or_cut(void *unused) {
    uint64_t base = 4;
    (void)unused;
    mc_assert(rouse_segment_find_(pool_of_queue(), NULL, &base) != NULL && (base == 4 || base == 6));
}
static void cut_behind_an_append(void) {
    five();
    enqueue(F, 1);
    take_out(E);
    run(find_or_cut, NULL, append_and_remove, NULL, ONLY_TWO);
    mc_assert(F->cancelled && waiting(G));
    finish(0);
}

/* Two visitors finish a segment. A walker cuts it out and reuses it: it must have seen what both wrote.
 * The cells are visited here as a waker does; the word is left alone. */
static rouse_segment_ *first_segment;
static bool recycled;
static void visit_cell(void *cell) {
    const uint64_t ticket = cell == NULL ? 0 : 1;
    rouse_atomic_u64_ *const word = &rouse_segment_cell_(first_segment, ticket)->word_;
    (void)rouse_u64_swap_seq_cst_(word, rouse_cell_to_(rouse_u64_load_relaxed_(word), ROUSE_CELL_DONE_, 0));
    rouse_segment_try_end_(first_segment, ticket);
}
static void cut_and_clear(void *unused) {
    uint64_t base = 2;
    rouse_segment_ *segment;
    (void)unused;
    (void)rouse_segment_find_(pool_of_queue(), NULL, &base);
    segment = rouse_pool_pop_(pool_of_queue());
    recycled = segment != NULL;
    for (int i = 0; recycled && i < 2; i++) {
        rouse_u64_store_relaxed_(&segment->cells_[i].word_, 0);
    }
}
static void mark_publishes(void) {
    five();
    first_segment = rouse_segment_at_(pool_of_queue(), 1);
    run(visit_cell, NULL, visit_cell, &recycled, cut_and_clear, NULL);
    mc_assert(!recycled || (rouse_u64_load_relaxed_(&first_segment->cells_[0].word_) == 0 &&
                            rouse_u64_load_relaxed_(&first_segment->cells_[1].word_) == 0));
    rouse_waiter_queue_destroy(&queue);
}

/* ---- the pool ---------------------------------------------------------------------------------------------------------- */

static rouse_segment_ *popped[3];
static void pop_one(void *unused) {
    (void)unused;
    popped[0] = rouse_pool_pop_(pool_of_queue());
}
static void pop_pop_push(void *unused) {
    rouse_pool_ *const pool = pool_of_queue();
    rouse_segment_ *const first = rouse_pool_pop_(pool);
    (void)unused;
    popped[1] = rouse_pool_pop_(pool);
    if (first != NULL) {
        rouse_pool_push_(pool, first);
    }
}
/* A segment that was popped and not pushed back is nobody else's: the tag against ABA. */
static void pool_tag(void) {
    rouse_segment_ *made[3];
    rouse_pool_ *pool;
    rouse_segment_ *segment;
    start(0);
    pool = pool_of_queue();
    for (int i = 0; i < 3; i++) {
        made[i] = rouse_pool_take_(pool);
    }
    for (int i = 0; i < 3; i++) {
        rouse_pool_push_(pool, made[i]);
    }
    run(pop_one, NULL, pop_pop_push, NULL, ONLY_TWO);
    mc_assert(popped[0] == NULL || popped[0] != popped[1]);
    while ((segment = rouse_pool_pop_(pool)) != NULL) {
        mc_assert(segment != popped[0] && segment != popped[1]);
    }
    rouse_waiter_queue_destroy(&queue);
}
/* Two make a chunk at the same time; neither is lost or leaked. */
static void take_two(void *unused) {
    rouse_pool_ *const pool = pool_of_queue();
    (void)unused;
    popped[1] = rouse_pool_take_(pool);
}
static void take_one(void *unused) {
    (void)unused;
    popped[0] = rouse_pool_take_(pool_of_queue());
}
static void pool_grows(void) {
    rouse_pool_ *pool;
    guests_init(NULL);
    rouse_waiter_queue_init(&queue, 0);
    pool = rouse_wait_pool_(&queue);
    run(take_one, NULL, take_two, NULL, ONLY_TWO);
    mc_assert(popped[0] != NULL && popped[1] != NULL && popped[0] != popped[1]);
    mc_assert(popped[0]->index_ + popped[1]->index_ == 3 && rouse_segment_at_(pool, 1)->index_ == 1);
    rouse_waiter_queue_destroy(&queue);
}

#define LONG .bound = 2, .soak_bound = MC_NO_BOUND

const mc_scenario mc_scenarios[] = {
    {.name = "two append", .body = two_append, .bound = 3, .soak_bound = MC_NO_BOUND},
    {.name = "append, give", .body = append_give, LONG},
    {.name = "head moves, give", .body = head_moves_give, .bound = 1, .soak_bound = 2},
    {.name = "head moves, give two", .body = head_moves_give_2, .bound = 1, .soak_bound = 2},
    {.name = "append, two give", .body = append_two_give, LONG},
    {.name = "two retire", .body = two_retire},
    {.name = "two retire, one by a cancel at the head", .body = retire_cancel_head},
    {.name = "two retire, one by a token", .body = retire_pick_up},
    {.name = "two retire, one was invited", .body = retire_invited},
    {.name = "two retire, one was kept", .body = retire_kept, .bound = 3, .soak_bound = MC_NO_BOUND},
    {.name = "two retire, one by a wake_all", .body = retire_all, LONG},
    {.name = "retire, append", .body = retire_and_append},
    {.name = "retired by a waiter", .body = retired_by_waiter, .bound = 1, .soak_bound = 2},
    {.name = "retire neighbours", .body = retire_neighbours, LONG},
    {.name = "two remove", .body = two_remove},
    {.name = "two withdraw", .body = two_withdraw},
    {.name = "remove, give", .body = remove_give},
    {.name = "remove, give to the same", .body = remove_give_there},
    {.name = "remove, cancel the head, give", .body = remove_skip, .bound = 1, .soak_bound = 2},
    {.name = "remove neighbours", .body = remove_neighbours},
    {.name = "remove three", .body = remove_three, .bound = 1, .soak_bound = 2},
    {.name = "remove neighbours, give", .body = remove_neighbours_give, .bound = 1, .soak_bound = 2},
    {.name = "park, append", .body = park_append},
    {.name = "park, append, give", .body = park_append_give, LONG},
    {.name = "retire the last, append", .body = retire_last_append},
    {.name = "remove, walk", .body = remove_walk},
    {.name = "recycled under a claim", .body = recycled_under_a_claim, .bound = 1, .soak_bound = 2},
    {.name = "recycled under the waker", .body = recycled_under_the_waker, LONG},
    {.name = "recycle, wait", .body = recycle_wait, LONG},
    {.name = "recycle, cancel", .body = recycle_cancel, LONG},
    {.name = "recycle, give", .body = recycle_give, LONG},
    {.name = "three wait, give", .body = recycle_three_wait, LONG},
    {.name = "a stale end", .body = stale_end, .bound = 1, .soak_bound = 2},
    {.name = "a late tail", .body = late_tail, LONG},
    {.name = "late to say LIVE", .body = late_live, .bound = 1},
    {.name = "recycled under a walk", .body = recycled_under_a_walk, LONG},
    {.name = "recycled under a step", .body = recycled_under_a_step},
    {.name = "recycled in vain under a step", .body = not_recycled_under_a_step},
    {.name = "cut behind an append", .body = cut_behind_an_append},
    {.name = "the mark publishes", .body = mark_publishes},
    {.name = "the pool's tag", .body = pool_tag},
    {.name = "the pool grows", .body = pool_grows},
    {0},
};
