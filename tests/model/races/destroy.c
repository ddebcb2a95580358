/* destroy.c: grant is the last touch. The granted guest destroys and frees the queue at once, while the
 * call that granted it is still returning. The queue is on the heap, so a late access is use after free. */
#include "support.h"

static rouse_waiter_queue *heap_queue;
static void destroy(guest *g) {
    (void)g;
    rouse_waiter_queue_destroy(heap_queue);
    free(heap_queue);
    heap_queue = NULL;
}
static void start(uint32_t credit, int passed, void (*then)(guest *)) {
    guests_init(NULL);
    heap_queue = malloc(sizeof *heap_queue);
    rouse_waiter_queue_init(heap_queue, 0);
    mc_name(heap_queue, sizeof *heap_queue, "queue");
    mc_assert(rouse_waiter_queue_reserve(heap_queue, 1) == ROUSE_OK);
    for (int i = 0; i < passed; i++) {
        mc_assert(rouse_waiter_queue_wait(heap_queue, &E->waiter, 1) == ROUSE_PENDING);
        mc_assert(rouse_waiter_queue_wake_one(heap_queue));
    }
    guests_init(then);
    if (credit != 0) {
        mc_assert(rouse_waiter_queue_wake(heap_queue, credit, ROUSE_MAX_PERMITS) == ROUSE_OK);
    }
}
static void add(guest *g, uint32_t n) {
    g->answer = rouse_waiter_queue_wait(heap_queue, &g->waiter, n);
}

static void wait_destroy(void *g) {
    add(g, 1);
    if (((guest *)g)->answer == ROUSE_OK) {
        destroy(g);
    }
}
static void wait_poll_destroy(void *arg) {
    guest *const g = arg;
    add(g, 1);
    while (g->answer == ROUSE_PENDING && rouse_waiter_status(&g->waiter) == ROUSE_PENDING) {
        sched_yield();
    }
    destroy(g);
}
static void poll_destroy(void *arg) {
    guest *const g = arg;
    while (rouse_waiter_status(&g->waiter) == ROUSE_PENDING) {
        sched_yield();
    }
    destroy(g);
}
static void try_destroy(void *g) {
    if (rouse_waiter_queue_try_wait(heap_queue, 1)) {
        destroy(g);
    }
}
static void release(void *n) {
    mc_assert(rouse_waiter_queue_wake(heap_queue, *(uint32_t *)n, ROUSE_MAX_PERMITS) == ROUSE_OK);
}
static void notify(void *unused) {
    (void)unused;
    mc_assert(rouse_waiter_queue_wake(heap_queue, 1, 1) == ROUSE_OK);
}
static void wake_one(void *unused) {
    (void)unused;
    mc_assert(rouse_waiter_queue_wake_one(heap_queue));
}
static void wake_everybody(void *unused) {
    (void)unused;
    (void)rouse_waiter_queue_wake_all(heap_queue);
}
static void close_it(void *unused) {
    (void)unused;
    (void)rouse_waiter_queue_close(heap_queue);
}
static uint32_t one = 1, two = 2;

/* A had been given one of two; its cancel gives that back, and the guest that takes it destroys the queue. */
static void cancel_it(void *arg) {
    guest *const g = arg;
    g->cancelled = rouse_waiter_queue_cancel(heap_queue, &g->waiter);
}
static void given_back(void) {
    start(1, 0, NULL);
    add(A, 2);
    run(cancel_it, A, try_destroy, B, ONLY_TWO);
    mc_assert(A->cancelled);
    if (heap_queue != NULL) {
        mc_assert(rouse_waiter_queue_balance(heap_queue) == 1);
        destroy(NULL);
    }
}
static void in_wake(void) {
    start(0, 0, destroy);
    run(wait_destroy, A, release, &one, ONLY_TWO);
    mc_assert(heap_queue == NULL);
}
static void in_wake_last_cell(void) {
    start(0, 1, destroy);
    run(wait_destroy, A, release, &one, ONLY_TWO);
    mc_assert(heap_queue == NULL);
}
static void polled(void) {
    start(0, 0, NULL);
    guest_init_polled(A);
    run(wait_poll_destroy, A, release, &one, ONLY_TWO);
    mc_assert(heap_queue == NULL);
}
static void polled_last_cell(void) {
    start(0, 1, NULL);
    guest_init_polled(A);
    run(wait_poll_destroy, A, release, &one, ONLY_TWO);
    mc_assert(heap_queue == NULL);
}
static void polled_queued(void) {
    start(0, 0, NULL);
    guest_init_polled(A);
    add(A, 1);
    run(poll_destroy, A, release, &one, ONLY_TWO);
    mc_assert(heap_queue == NULL);
}
static void polled_notify(void) {
    start(0, 1, NULL);
    guest_init_polled(A);
    run(wait_poll_destroy, A, notify, NULL, ONLY_TWO);
    mc_assert(heap_queue == NULL);
}
static void polled_wake_one(void) {
    start(0, 0, NULL);
    guest_init_polled(A);
    add(A, 1);
    run(poll_destroy, A, wake_one, NULL, ONLY_TWO);
    mc_assert(heap_queue == NULL);
}
/* The younger of two is still in the list when it is woken. */
static void polled_wake_listed(void) {
    start(0, 0, NULL);
    guest_init_polled(A);
    guest_init_polled(B);
    add(A, 1);
    add(B, 1);
    wake_one(NULL);
    run(poll_destroy, B, wake_one, NULL, ONLY_TWO);
    mc_assert(heap_queue == NULL);
}
static void polled_wake_all(void) {
    start(0, 1, NULL);
    guest_init_polled(A);
    add(A, 1);
    run(poll_destroy, A, wake_everybody, NULL, ONLY_TWO);
    mc_assert(heap_queue == NULL);
}
static void polled_close(void) {
    start(0, 0, NULL);
    guest_init_polled(A);
    add(A, 1);
    run(poll_destroy, A, close_it, NULL, ONLY_TWO);
    mc_assert(heap_queue == NULL);
}
static void wait_close(void *arg) {
    guest *const g = arg;
    add(g, 1);
    while (g->answer == ROUSE_PENDING && rouse_waiter_status(&g->waiter) == ROUSE_PENDING) {
        sched_yield();
    }
}
/* Told that it is closed, by answer or by wake: the closer may still be returning. With a wake queued only, for an
 * answer may come from an earlier look. */
static void polled_close_wait(void) {
    start(0, 0, NULL);
    guest_init_polled(A);
    run(wait_close, A, close_it, NULL, ONLY_TWO);
    destroy(A);
}
static void stored(void) {
    start(0, 0, NULL);
    run(try_destroy, A, release, &one, ONLY_TWO);
    if (heap_queue != NULL) {
        destroy(A);
    }
}
static void polled_batch(void) {
    start(1, 0, NULL);
    guest_init_polled(A);
    add(A, 2);
    run(poll_destroy, A, release, &one, ONLY_TWO);
    mc_assert(heap_queue == NULL);
}
/* One release serves two; the younger one knows that the older has been told, and destroys. */
static void told(guest *g) {
    (void)g;
}
static void both_told(void *g) {
    while (rouse_waiter_status(&B->waiter) == ROUSE_PENDING ||
           rouse_waiter_status(&A->waiter) == ROUSE_PENDING) {
        sched_yield();
    }
    destroy(g);
}
static void two_polled(void) {
    start(0, 1, told);
    guest_init_polled(A);
    guest_init_polled(B);
    add(A, 1);
    add(B, 1);
    run(both_told, A, release, &two, ONLY_TWO);
    mc_assert(heap_queue == NULL);
}

/* The mutex: the guest that gets it destroys it. */
static rouse_mutex *mutex;
static void unlock(void *unused) {
    (void)unused;
    mc_assert(rouse_mutex_unlock(mutex) == ROUSE_OK);
}
static void lock_destroy(void *arg) {
    guest *const g = arg;
    g->answer = rouse_mutex_lock(mutex, &g->waiter);
    while (g->answer == ROUSE_PENDING && rouse_waiter_status(&g->waiter) == ROUSE_PENDING) {
        sched_yield();
    }
    rouse_mutex_destroy(mutex);
    free(mutex);
}
static void mutex_handed_over(void) {
    guests_init(NULL);
    guest_init_polled(A);
    mutex = malloc(sizeof *mutex);
    rouse_mutex_init(mutex);
    rouse_mutex_check_relock(mutex); /* ROUSE_DEBUG: who is granted it is noted in it */
    mc_assert(rouse_mutex_reserve(mutex, 1) == ROUSE_OK);
    mc_assert(rouse_mutex_try_lock(mutex));
    run(lock_destroy, A, unlock, NULL, ONLY_TWO);
}

/* The last holder takes all permits back and destroys: a release that served somebody and stored the rest is over. */
static void take_all_destroy(void *arg) {
    guest *const g = arg;
    add(g, 1);
    while (g->answer == ROUSE_PENDING && rouse_waiter_status(&g->waiter) == ROUSE_PENDING) {
        sched_yield();
    }
    if (rouse_waiter_queue_try_wait(heap_queue, 1)) {
        destroy(g);
    }
}
static void surplus(void) {
    start(0, 0, NULL);
    guest_init_polled(A);
    run(take_all_destroy, A, release, &two, ONLY_TWO);
    if (heap_queue != NULL) {
        destroy(A);
    }
}
/* One release of two finds two waiters on their way into their cells. One is granted, the other cancels; both being done,
 * the queue goes. */
static _Atomic int done;
static void one_is_done(guest *g) {
    if (__atomic_add_fetch((int *)&done, 1, __ATOMIC_ACQ_REL) == 2) {
        destroy(g);
    }
}
static void wait_cancel_done(void *arg) {
    guest *const g = arg;
    add(g, 1);
    if (g->answer == ROUSE_PENDING && !rouse_waiter_queue_cancel(heap_queue, &g->waiter)) {
        mc_assert(rouse_waiter_status(&g->waiter) == ROUSE_OK);
    }
    one_is_done(g);
}
static void wait_poll_done(void *arg) {
    guest *const g = arg;
    add(g, 1);
    while (g->answer == ROUSE_PENDING && rouse_waiter_status(&g->waiter) == ROUSE_PENDING) {
        sched_yield();
    }
    one_is_done(g);
}
static void kept_cell(void) {
    start(0, 0, NULL);
    guest_init_polled(A);
    guest_init_polled(B);
    run(wait_cancel_done, A, wait_poll_done, B, release, &two);
    mc_assert(heap_queue == NULL);
}
/* C is served, and D's ticket behind it was cancelled. */
static void phantom_at_the_head(void) {
    add(C, 1);
    add(D, 1);
    mc_assert(rouse_waiter_queue_cancel(heap_queue, &D->waiter));
    release(&one);
}
/* The same behind a cancelled ticket at the head: the release keeps the cell of the first and continues
 * with the second. */
static void kept_cell_behind_a_phantom(void) {
    start(0, 0, NULL);
    guest_init_polled(A);
    guest_init_polled(B);
    phantom_at_the_head();
    run(wait_cancel_done, A, wait_poll_done, B, release, &two);
    mc_assert(heap_queue == NULL);
}
/* A release of 2 passes a phantom's ticket and A's, keeps A's cell, which is empty still, and stores what the phantom did not
 * need. A sits down and cancels. Answered yes, it is in no queue, takes the stored permit, and destroys: nobody may come back
 * to its cell (E17). */
static void wait_cancel_take_destroy(void *arg) {
    guest *const g = arg;
    add(g, 1);
    if (g->answer == ROUSE_PENDING && rouse_waiter_queue_cancel(heap_queue, &g->waiter) &&
        rouse_waiter_queue_try_wait(heap_queue, 1)) {
        destroy(g);
    }
}
static void kept_cell_cancelled(int passed) {
    start(0, passed, NULL);
    guest_init_polled(A);
    phantom_at_the_head();
    run(wait_cancel_take_destroy, A, release, &two, ONLY_TWO);
    if (heap_queue != NULL) {
        destroy(A);
    }
}
static void kept_cell_cancelled_next_segment(void) {
    kept_cell_cancelled(0);
}
static void kept_cell_cancelled_last_cell(void) {
    kept_cell_cancelled(1);
}
/* The same with wake_all, which stores nothing: B, which finds a token in its cell, tells that the wake has come. */
static void wait_told_done(void *g) {
    add(g, 1);
    if (((guest *)g)->answer == ROUSE_OK) {
        one_is_done(g);
    }
}
static void kept_cell_wake_all(void) {
    start(0, 1, NULL);
    guest_init_polled(A);
    guest_init_polled(B);
    phantom_at_the_head();
    run(wait_cancel_done, A, wait_told_done, B, wake_everybody, NULL);
    if (heap_queue != NULL) {
        if (B->answer == ROUSE_PENDING && rouse_waiter_status(&B->waiter) == ROUSE_PENDING) {
            mc_assert(rouse_waiter_queue_cancel(heap_queue, &B->waiter));
        }
        destroy(A);
    }
}
#if ROUSE_BACKEND == ROUSE_BACKEND_LOCKFREE
/* The same with fewer choices, so that all are searched. A, which wants n, and B have their tickets
 * already. One thread puts first A and then B into their cells. */
static seat first_seat, second_seat;
static void sit_cancel_sit_destroy(void *unused) {
    (void)unused;
    sit_down(heap_queue, &first_seat);
    if (A->answer == ROUSE_PENDING && rouse_waiter_queue_cancel(heap_queue, &A->waiter)) {
        A->cancelled = 1;
        sit_down(heap_queue, &second_seat);
        if (B->answer == ROUSE_OK) {
            destroy(B);
        }
    }
}
static void kept_cell_passed(uint32_t n) {
    start(0, 1, NULL);
    guest_init_polled(A);
    guest_init_polled(B);
    phantom_at_the_head();
    first_seat = take_ticket(heap_queue, A, n);
    second_seat = take_ticket(heap_queue, B, 1);
    run(sit_cancel_sit_destroy, NULL, wake_everybody, NULL, ONLY_TWO);
    if (heap_queue != NULL) {
        mc_assert(A->cancelled || granted(A));
        if (!A->cancelled) {
            sit_down(heap_queue, &second_seat);
        }
        mc_assert(granted(B));
        destroy(A);
    }
}
static void kept_cell_wake_all_passed(void) {
    kept_cell_passed(1);
}
static void kept_cell_wake_all_passed_several(void) {
    kept_cell_passed(2);
}
#endif
static void cancel_then_release(void) {
    start(0, 1, NULL);
    guest_init_polled(A);
    add(A, 1);
    add(B, 1);
    mc_assert(rouse_waiter_queue_cancel(heap_queue, &B->waiter));
    run(poll_destroy, A, release, &one, ONLY_TWO);
    mc_assert(heap_queue == NULL);
}
static void behind_cancelled(void) {
    start(0, 0, NULL);
    guest_init_polled(C);
    add(A, 1);
    add(B, 1);
    add(C, 1);
    mc_assert(rouse_waiter_queue_cancel(heap_queue, &B->waiter));
    run(poll_destroy, C, release, &two, ONLY_TWO);
    mc_assert(heap_queue == NULL);
}

/* ---- the family: whoever is told frees the object -------------------------------------------------------------- */

static void *object;
static void make(size_t size) {
    guests_init(NULL);
    guest_init_polled(A);
    guest_init_polled(B);
    object = malloc(size);
    mc_name(object, size, "object");
}
static rouse_status outcome_of(const guest *g) {
    while (rouse_waiter_status(&g->waiter) == ROUSE_PENDING) {
        sched_yield();
    }
    return rouse_waiter_status(&g->waiter);
}
static rouse_status expected;

static void once_over(void *failed) {
    mc_assert((failed != NULL ? rouse_once_failed(object) : rouse_once_done(object)) == ROUSE_OK);
}
static void once_destroy(void *g) {
    mc_assert(outcome_of(g) == expected);
    rouse_once_destroy(object);
    free(object);
}
static void once_told(void *failed) {
    make(sizeof(rouse_once));
    expected = failed != NULL ? ROUSE_OK : ROUSE_CLOSED;
    rouse_once_init(object);
    mc_assert(rouse_once_begin(object, &B->waiter) == ROUSE_OK);
    mc_assert(rouse_once_begin(object, &A->waiter) == ROUSE_PENDING);
    run(once_over, failed, once_destroy, A, ONLY_TWO);
}
static void once_done_told(void) {
    once_told(NULL);
}
static void once_failed_told(void) {
    once_told(&one);
}

/* The party that waits is let through by the other one, whose call may still be returning. */
static void arrive_destroy(void *arg) {
    guest *const g = arg;
    g->answer = rouse_barrier_arrive(object, &g->waiter);
    if (g->answer == ROUSE_PENDING) {
        mc_assert(outcome_of(g) == ROUSE_OK);
        rouse_barrier_destroy(object);
        free(object);
    }
}
static void barrier_let_through(void) {
    make(sizeof(rouse_barrier));
    mc_assert(rouse_barrier_init(object, 2) == ROUSE_OK);
    run(arrive_destroy, A, arrive_destroy, B, ONLY_TWO);
    if (A->answer == ROUSE_OK && B->answer == ROUSE_OK) { /* the last came before the first had queued */
        rouse_barrier_destroy(object);
        free(object);
    }
}

static int element, place[1], received[1];
static void make_channel(bool full) {
    make(sizeof(rouse_channel));
    mc_assert(rouse_channel_init(object, place, 1, sizeof place[0]) == ROUSE_OK);
    if (full) {
        mc_assert(rouse_channel_try_send(object, &element));
        mc_assert(rouse_channel_send_(object, &A->waiter, &element) == ROUSE_PENDING);
    }
}
static void channel_free(void) {
    rouse_channel_destroy(object);
    free(object);
    object = NULL;
}
static void send_one(void *unused) {
    (void)unused;
    mc_assert(rouse_channel_try_send(object, &element));
}
static void receive_one(void *many) {
    mc_assert(many != NULL ? rouse_channel_try_receive_many(object, received, 1) == 1
                           : rouse_channel_try_receive(object, received));
}
static void close_channel(void *unused) {
    (void)unused;
    (void)rouse_channel_close(object);
}
static void channel_told(void *g) {
    mc_assert(outcome_of(g) == expected);
    channel_free();
}
static void receive_destroy(void *unused) {
    (void)unused;
    if (rouse_channel_try_receive(object, received)) {
        channel_free();
    }
}
static void receiver_told(void (*by)(void *), rouse_status status) {
    make_channel(false);
    expected = status;
    mc_assert(rouse_channel_receive_(object, &A->waiter, received) == ROUSE_PENDING);
    run(by, NULL, channel_told, A, ONLY_TWO);
}
static void channel_sent(void) {
    receiver_told(send_one, ROUSE_OK);
}
static void channel_closed(void) {
    receiver_told(close_channel, ROUSE_CLOSED);
}
static void channel_kept(void) {
    make_channel(false);
    run(send_one, NULL, receive_destroy, NULL, ONLY_TWO);
    if (object != NULL) {
        channel_free();
    }
}
static void sender_told(void *many) {
    make_channel(true);
    expected = ROUSE_OK;
    run(receive_one, many, channel_told, A, ONLY_TWO);
}
static void channel_received(void) {
    sender_told(NULL);
}
static void channel_received_many(void) {
    sender_told(&one);
}

static void limit_destroy(void *g) {
    mc_assert(outcome_of(g) == expected);
    rouse_limit_destroy(object);
    free(object);
}
static void limit_leave(void *g) {
    mc_assert(rouse_limit_cancel(object, &((guest *)g)->waiter));
}
static void limit_close(void *unused) {
    (void)unused;
    (void)rouse_limit_close(object);
}
static void make_limit(uint32_t n) {
    make(sizeof(rouse_limit));
    mc_assert(rouse_limit_init(object, 1, UINT32_MAX) == ROUSE_OK);
    mc_assert(rouse_limit_acquire(object, &A->waiter, n) == (n == 1 ? ROUSE_OK : ROUSE_PENDING));
    mc_assert(rouse_limit_acquire(object, &B->waiter, 1) == ROUSE_PENDING);
}
static void limit_closed(void) {
    make_limit(1);
    expected = ROUSE_CLOSED;
    run(limit_close, NULL, limit_destroy, B, ONLY_TWO);
}
static void limit_left(void) { /* a cancel serves the one behind it */
    make_limit(2);
    expected = ROUSE_OK;
    run(limit_leave, A, limit_destroy, B, ONLY_TWO);
}

/* One arm wins; when that is told, the other one is out of its object. */
static struct {
    rouse_semaphore semaphore;
    rouse_event event;
    rouse_any any;
    rouse_arm arms[2];
} * choice;
static void choice_release(void *unused) {
    (void)unused;
    mc_assert(rouse_semaphore_release(&choice->semaphore, 1) == ROUSE_OK);
}
static void choice_destroy(void *unused) {
    (void)unused;
    while (rouse_any_status(&choice->any) == ROUSE_PENDING) {
        sched_yield();
    }
    rouse_semaphore_destroy(&choice->semaphore);
    rouse_event_destroy(&choice->event);
    free(choice);
}
static void any_told(void) {
    choice = malloc(sizeof *choice);
    memset(choice, 0, sizeof *choice); /* ROUSE_DEBUG looks whether a waiter that is initialised is queued */
    mc_assert(rouse_semaphore_init(&choice->semaphore, 0) == ROUSE_OK);
    rouse_event_init(&choice->event);
    rouse_any_init(&choice->any, choice->arms, 2, NULL, NULL, NULL);
    rouse_arm_semaphore(&choice->arms[0], &choice->semaphore, 1);
    rouse_arm_event(&choice->arms[1], &choice->event);
    mc_assert(rouse_any_wait(&choice->any) == ROUSE_PENDING);
    run(choice_release, NULL, choice_destroy, NULL, ONLY_TWO);
}

const mc_scenario mc_scenarios[] = {
    {.name = "in the wake", .body = in_wake},
    {.name = "in the wake: the last cell", .body = in_wake_last_cell},
    {.name = "polled", .body = polled},
    {.name = "polled: the last cell", .body = polled_last_cell},
    {.name = "polled: queued", .body = polled_queued},
    {.name = "polled: notify", .body = polled_notify},
    {.name = "polled: wake one", .body = polled_wake_one},
    {.name = "polled: wake the last of two", .body = polled_wake_listed},
    {.name = "polled: wake all", .body = polled_wake_all},
    {.name = "polled: close", .body = polled_close},
    {.name = "polled: close, wait", .body = polled_close_wait},
    {.name = "a stored permit", .body = stored},
    {.name = "polled: the second of 2", .body = polled_batch},
    {.name = "two polled, one release", .body = two_polled},
    {.name = "mutex", .body = mutex_handed_over},
    {.name = "a surplus", .body = surplus},
    {.name = "a kept cell", .body = kept_cell, .bound = 1, .soak_bound = 3},
    {.name = "a kept cell behind a phantom", .body = kept_cell_behind_a_phantom, .bound = 1, .soak_bound = 3},
    {.name = "a kept cell, cancelled: the next segment",
     .body = kept_cell_cancelled_next_segment,
     .flags = MC_SOAK},
    {.name = "a kept cell, cancelled: the last cell", .body = kept_cell_cancelled_last_cell},
    {.name = "a kept cell, wake all",
     .body = kept_cell_wake_all,
     .bound = LOCKFREE_BOUND(1),
     .soak_bound = 3},
#if ROUSE_BACKEND == ROUSE_BACKEND_LOCKFREE
    {.name = "a kept cell: its ticket passed by wake all", .body = kept_cell_wake_all_passed},
    {.name = "a kept cell: two tickets passed by wake all", .body = kept_cell_wake_all_passed_several},
#endif
    {.name = "behind it was one who cancelled", .body = cancel_then_release},
    {.name = "before it was one who cancelled", .body = behind_cancelled},
    {.name = "a cancel gives back", .body = given_back},
    {.name = "once: done", .body = once_done_told},
    {.name = "once: failed", .body = once_failed_told},
    {.name = "barrier", .body = barrier_let_through},
    {.name = "channel: sent to one that waits", .body = channel_sent},
    {.name = "channel: sent", .body = channel_kept},
    {.name = "channel: received from one that waits", .body = channel_received},
    {.name = "channel: received from one that waits, many", .body = channel_received_many},
    {.name = "channel: closed", .body = channel_closed},
    {.name = "limit: closed", .body = limit_closed},
    {.name = "limit: a cancel serves another", .body = limit_left},
    {.name = "any", .body = any_told},
    {0},
};
