/* sequential.c: one thread, no races. What each call answers and leaves behind. Cheap, so it comes first
 * when headers are broken on purpose (wrong/). */
#include "support.h"

static int order[GUESTS], ran;
static void note(guest *g) {
    order[ran++] = (int)(g - guests);
}
static void start(uint32_t credit) {
    guests_init(note);
    queue_start(credit, 0);
}

static void first_in_first_out(void) {
    start(0);
    for (int i = 0; i < 4; i++) {
        enqueue(&guests[i], 1);
        mc_assert(waiting(&guests[i]));
        mc_assert(rouse_waiter_queue_waiter_count(&queue) == (uint32_t)i + 1);
        mc_assert(rouse_waiter_queue_balance(&queue) == -i - 1);
    }
    give(3);
    mc_assert(ran == 3 && order[0] == 0 && order[1] == 1 && order[2] == 2 && waiting(D));
    mc_assert(rouse_waiter_queue_wake_one(&queue) && ran == 4 && granted(D));
    mc_assert(!rouse_waiter_queue_wake_one(&queue));
    conserved(4);
}
static void credit(void) {
    start(2);
    mc_assert(rouse_waiter_queue_balance(&queue) == 2);
    mc_assert(!rouse_waiter_queue_try_wait(&queue, 3) && rouse_waiter_queue_try_wait(&queue, 2));
    mc_assert(rouse_waiter_queue_try_wait(&queue, 0) && !rouse_waiter_queue_try_wait(&queue, 1));
    mc_assert(rouse_waiter_queue_wake(&queue, 5, 3) == ROUSE_OK && rouse_waiter_queue_balance(&queue) == 3);
    mc_assert(rouse_waiter_queue_wake(&queue, 1, 1) == ROUSE_OK && rouse_waiter_queue_balance(&queue) == 3);
    mc_assert(rouse_waiter_queue_wake(&queue, 0, 0) == ROUSE_OK && rouse_waiter_queue_balance(&queue) == 3);
    mc_assert(rouse_word_take_upto_(&queue.word_, rouse_backend_guess_(&queue), 2) == 2 &&
              rouse_word_take_upto_(&queue.word_, rouse_backend_guess_(&queue), 2) == 1);
    mc_assert(rouse_word_take_upto_(&queue.word_, rouse_backend_guess_(&queue), 2) == 0 &&
              rouse_waiter_queue_balance(&queue) == 0);
    queue_finish();
}
static void limits(void) {
    start(0);
    mc_assert(rouse_waiter_queue_wait(&queue, &A->waiter, 0) == ROUSE_OK);
    mc_assert(rouse_waiter_queue_wait(&queue, &A->waiter, ROUSE_MAX_PERMITS + 1u) == ROUSE_INVALID);
    mc_assert(!rouse_waiter_queue_try_wait(&queue, ROUSE_MAX_PERMITS + 1u));
    mc_assert(rouse_waiter_queue_wake(&queue, ROUSE_MAX_PERMITS + 1u, 0) == ROUSE_INVALID);
    mc_assert(rouse_waiter_queue_wake(&queue, 1, ROUSE_MAX_PERMITS + 1u) == ROUSE_INVALID);
#if ROUSE_BACKEND != ROUSE_BACKEND_LOCKFREE /* which would need a cell for each permit */
    enqueue(A, ROUSE_MAX_PERMITS);
    enqueue(B, ROUSE_MAX_PERMITS);
    mc_assert(waiting(A) && waiting(B));
    mc_assert(rouse_waiter_queue_balance(&queue) == -2 * (int64_t)ROUSE_MAX_PERMITS);
    take_out(A);
    take_out(B);
    mc_assert(A->cancelled && B->cancelled && rouse_waiter_queue_balance(&queue) == 0);
#endif
    give(ROUSE_MAX_PERMITS);
    mc_assert(rouse_waiter_queue_wake(&queue, 1, ROUSE_MAX_PERMITS) == ROUSE_OVERFLOW);
    mc_assert(rouse_waiter_queue_wake(&queue, 2, ROUSE_MAX_PERMITS) == ROUSE_OVERFLOW);
    mc_assert(rouse_waiter_queue_balance(&queue) == ROUSE_MAX_PERMITS);
    mc_assert(rouse_waiter_queue_try_wait(&queue, ROUSE_MAX_PERMITS));
    queue_finish();
}
static void batches(void) {
    start(1);
    enqueue(A, 3);
    enqueue(B, 1);
    mc_assert(waiting(A) && waiting(B) && rouse_waiter_queue_balance(&queue) == -3);
    mc_assert(rouse_waiter_queue_waiter_count(&queue) == 2);
    mc_assert(!rouse_waiter_queue_try_wait(&queue, 1));
    mc_assert(!rouse_waiter_queue_wake_one(&queue) && waiting(A));
    give(1);
    mc_assert(granted(A) && waiting(B) && order[0] == 0);
    give(2);
    mc_assert(granted(B) && rouse_waiter_queue_balance(&queue) == 1);
    queue_finish();
}
static void cancels(void) {
    start(1);
    enqueue(A, 2);
    enqueue(B, 2);
    enqueue(C, 1);
    enqueue(D, 1);
    take_out(C);
    mc_assert(C->cancelled && rouse_waiter_queue_waiter_count(&queue) == 3);
    take_out(A);
    mc_assert(A->cancelled && waiting(B) && rouse_waiter_queue_balance(&queue) == -2);
    take_out(B);
    mc_assert(B->cancelled && granted(D) && rouse_waiter_queue_balance(&queue) == 0);
    mc_assert(!rouse_waiter_queue_cancel(&queue, &D->waiter));
    queue_finish();
}
/* A guest that is not queued (any more) is not cancelled, and cancel does not wait for it. */
static void cancels_twice(void) {
    start(0);
    guest_init_polled(A);
    enqueue(A, 1);
    mc_assert(rouse_waiter_queue_cancel(&queue, &A->waiter) &&
              !rouse_waiter_queue_cancel(&queue, &A->waiter));
    enqueue(B, 1);
    enqueue(A, 1);
    mc_assert(rouse_waiter_queue_cancel(&queue, &A->waiter) &&
              !rouse_waiter_queue_cancel(&queue, &A->waiter));
    A->cancelled = 1;
    queue_finish();
}
static void closes(void) {
    start(1);
    enqueue(A, 2);
    enqueue(B, 1);
    mc_assert(!rouse_waiter_queue_is_closed(&queue));
    mc_assert(rouse_waiter_queue_close(&queue) == 2 && rouse_waiter_queue_close(&queue) == 0);
    mc_assert(closed(A) && closed(B) && rouse_waiter_queue_is_closed(&queue));
    mc_assert(rouse_waiter_queue_balance(&queue) == 1 && !rouse_waiter_queue_try_wait(&queue, 1));
    enqueue(C, 1);
    mc_assert(C->answer == ROUSE_CLOSED);
    give(1);
    mc_assert(rouse_waiter_queue_balance(&queue) == 2);
    queue_finish();
}
static void all(void) {
    start(0);
    mc_assert(rouse_waiter_queue_wake_all(&queue) == 0);
    enqueue(A, 2);
    enqueue(B, 1);
    mc_assert(rouse_waiter_queue_wake_all(&queue) == 2 && granted(A) && granted(B));
    mc_assert(order[0] == 0 && order[1] == 1 && rouse_waiter_queue_balance(&queue) == 0);
    enqueue(C, 1);
    mc_assert(rouse_waiter_queue_wake_all(&queue) == 1 && granted(C));
    queue_finish();
}

/* A wake that becomes due inside a wake runs after it, in order. */
static bool inside;
static void chain(guest *g) {
    mc_assert(!inside);
    inside = true;
    note(g);
    give(1);
    inside = false;
}
static void deferred(void) {
    start(0);
    A->then = B->then = C->then = chain;
    enqueue(A, 1);
    enqueue(B, 1);
    enqueue(C, 1);
    give(1);
    mc_assert(ran == 3 && order[0] == 0 && order[1] == 1 && order[2] == 2);
    mc_assert(rouse_waiter_queue_balance(&queue) == 1);
    queue_finish();
}

/* Two that become due inside one wake. */
static void give_twice(guest *g) {
    note(g);
    give(1);
    give(1);
}
static void deferred_pair(void) {
    start(0);
    A->then = give_twice;
    enqueue(A, 1);
    enqueue(B, 1);
    enqueue(C, 1);
    give(1);
    mc_assert(ran == 3 && order[0] == 0 && order[1] == 1 && order[2] == 2);
    queue_finish();
}

static rouse_mailbox mailbox;
static int kicks;
static void kick(void *arg) {
    (void)arg;
    kicks++;
}
static void mailboxes(void) {
    start(0);
    rouse_mailbox_init(&mailbox, kick, NULL);
    for (int i = 0; i < 3; i++) {
        rouse_waiter_init_on(&guests[i].waiter, &mailbox, guest_wake, &guests[i]);
        enqueue(&guests[i], 1);
    }
    give(2);
    mc_assert(ran == 0 && kicks == 1 && !rouse_waiter_queue_cancel(&queue, &A->waiter));
    mc_assert(rouse_mailbox_drain(&mailbox) == 2 && ran == 2 && order[0] == 0 && order[1] == 1);
    give(1);
    mc_assert(kicks == 2 && rouse_mailbox_drain(&mailbox) == 1 && order[2] == 2);
    mc_assert(rouse_mailbox_drain(&mailbox) == 0);
    rouse_mailbox_destroy(&mailbox);
    queue_finish();
}

static bool yes(void *arg) {
    (void)arg;
    return true;
}
static bool no(void *arg) {
    (void)arg;
    return false;
}
static int asked;
static bool second_time(void *arg) {
    (void)arg;
    return ++asked == 2;
}
static void conditions(void) {
    start(0);
    mc_assert(rouse_waiter_queue_add_waiter_if(&queue, &A->waiter, yes, NULL) == ROUSE_OK);
    mc_assert(rouse_waiter_queue_add_waiter_if(&queue, &A->waiter, second_time, NULL) == ROUSE_OK &&
              asked == 2);
    mc_assert(rouse_waiter_queue_waiter_count(&queue) == 0 && rouse_waiter_queue_balance(&queue) == 0);
    A->answer = rouse_waiter_queue_add_waiter_if(&queue, &A->waiter, no, NULL);
    mc_assert(waiting(A) && rouse_waiter_queue_wake_one(&queue) && granted(A));
    queue_finish();
}
static void mutexes(void) {
    rouse_mutex mutex;
    start(0);
    rouse_mutex_init(&mutex);
    mc_assert(rouse_mutex_unlock(&mutex) == ROUSE_INVALID && !rouse_mutex_is_locked(&mutex));
    mc_assert(rouse_mutex_try_lock(&mutex) && !rouse_mutex_try_lock(&mutex) && rouse_mutex_is_locked(&mutex));
    A->answer = rouse_mutex_lock(&mutex, &A->waiter);
    B->answer = rouse_mutex_lock(&mutex, &B->waiter);
    mc_assert(rouse_mutex_unlock(&mutex) == ROUSE_OK && granted(A) && waiting(B));
    B->cancelled = rouse_mutex_cancel(&mutex, &B->waiter);
    mc_assert(B->cancelled && rouse_mutex_unlock(&mutex) == ROUSE_OK);
    mc_assert(rouse_mutex_unlock(&mutex) == ROUSE_INVALID);
    rouse_mutex_destroy(&mutex);
    queue_finish();
}

const mc_scenario mc_scenarios[] = {
    {.name = "first in, first out", .body = first_in_first_out},
    {.name = "credit", .body = credit},
    {.name = "limits", .body = limits},
    {.name = "batches", .body = batches},
    {.name = "cancels", .body = cancels},
    {.name = "cancels twice", .body = cancels_twice},
    {.name = "close", .body = closes},
    {.name = "wake all", .body = all},
    {.name = "deferred wakes", .body = deferred},
    {.name = "deferred wakes, two at once", .body = deferred_pair},
    {.name = "mailbox", .body = mailboxes},
    {.name = "conditions", .body = conditions},
    {.name = "mutex", .body = mutexes},
    {0},
};
