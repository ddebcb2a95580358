/* mailbox.c: post, kick and drain. Every posted wake runs once in a drain, every one is announced, and the
 * mailbox can be destroyed when its last waiter has come out. */
#include "support.h"

#include <stdatomic.h>

static rouse_mailbox *mailbox;
static atomic_int kicked; /* an eventfd */
static int drained;

static void kick(void *arg) {
    (void)arg;
    atomic_store_explicit(&kicked, 1, memory_order_release);
}
static void start(int guests_on_it) {
    guests_init(NULL);
    queue_start(0, 0);
    mailbox = malloc(sizeof *mailbox);
    rouse_mailbox_init(mailbox, kick, NULL);
    mc_name(mailbox, sizeof *mailbox, "mailbox");
    for (int i = 0; i < guests_on_it; i++) {
        rouse_waiter_init_on(&guests[i].waiter, mailbox, guest_wake, &guests[i]);
        enqueue(&guests[i], 1);
    }
}
static void finish(int wakes) {
    int ran = 0;
    for (int i = 0; i < GUESTS; i++) {
        ran += guests[i].wakes;
        mc_assert(guests[i].wakes <= 1);
    }
    mc_assert(ran == wakes && drained == wakes);
    if (mailbox != NULL) {
        rouse_mailbox_destroy(mailbox);
        free(mailbox);
    }
    queue_finish();
}

static void publish_give(void *arg) {
    (void)arg;
    shared = 1;
    give(1);
}
/* The loop: drains if it was told to. */
static void loop_once(void *arg) {
    (void)arg;
    if (atomic_exchange_explicit(&kicked, 0, memory_order_acquire) != 0) {
        drained += (int)rouse_mailbox_drain(mailbox);
    }
}
static void loop_twice(void *arg) {
    loop_once(arg);
    loop_once(arg);
}
/* Whatever has been posted since the last drain has been announced. */
static void last_loop(int expected) {
    mc_assert(drained == expected || kicked != 0);
    loop_once(NULL);
    mc_assert(drained == expected);
}

static void post_drain(void) {
    start(1);
    run(give_1, NULL, loop_once, NULL, ONLY_TWO);
    last_loop(1);
    finish(1);
}
static void look(guest *g) {
    (void)g;
    mc_assert(shared == 1);
}
static void post_publishes(void) {
    start(1);
    A->then = look;
    run(publish_give, NULL, loop_twice, NULL, ONLY_TWO);
    last_loop(1);
    finish(1);
}
static void two_post_drain(void) {
    start(2);
    run(give_1, NULL, give_1, NULL, loop_twice, NULL);
    last_loop(2);
    finish(2);
}
static void two_post(void) {
    start(2);
    run(give_1, NULL, give_1, NULL, ONLY_TWO);
    last_loop(2);
    finish(2);
}
static void post_two_drain(void) {
    start(2);
    run(give_2, NULL, loop_twice, NULL, ONLY_TWO);
    last_loop(2);
    finish(2);
}

/* The loop polls: it drains without being told, destroys the mailbox when all have come out, and frees it. */
static void drain_and_destroy(void *arg) {
    (void)arg;
    drained += (int)rouse_mailbox_drain(mailbox);
    if (drained == 1) {
        rouse_mailbox_destroy(mailbox);
        free(mailbox);
        mailbox = NULL;
    }
}
static void destroy_after_one(void) {
    start(1);
    run(give_1, NULL, drain_and_destroy, NULL, ONLY_TWO);
    if (mailbox != NULL) {
        last_loop(1);
    }
    finish(1);
}
static void drain_two_and_destroy(void *arg) {
    (void)arg;
    drained += (int)rouse_mailbox_drain(mailbox);
    if (drained == 2) {
        rouse_mailbox_destroy(mailbox);
        free(mailbox);
        mailbox = NULL;
    }
}
static void destroy_after_two(void) {
    start(2);
    run(give_1, NULL, give_1, NULL, drain_two_and_destroy, NULL);
    if (mailbox != NULL) {
        last_loop(2);
    }
    finish(2);
}

/* A wake in the drain makes another one due for the same mailbox. */
static void give_again(guest *g) {
    (void)g;
    give(1);
}
static void post_in_drain(void) {
    start(2);
    A->then = give_again;
    run(give_1, NULL, loop_twice, NULL, ONLY_TWO);
    while (kicked != 0) {
        loop_once(NULL);
    }
    finish(2);
}

/* uv_async_send: a plain look at "pending" first, an RMW if it is not set. The post must come before that look. */
static atomic_int pending;
static void kick_like_libuv(void *arg) {
    (void)arg;
    if (atomic_load_explicit(&pending, memory_order_relaxed) == 0) {
        atomic_exchange_explicit(&pending, 1, memory_order_release);
    }
}
/* libuv's loop: clears pending, then calls the callback, which drains. */
static void loop_like_libuv(void *arg) {
    (void)arg;
    if (atomic_exchange_explicit(&pending, 0, memory_order_acquire) != 0) {
        drained += (int)rouse_mailbox_drain(mailbox);
    }
}
static void libuv(void) {
    start(2);
    mailbox->kick_ = kick_like_libuv;
    run(give_1, NULL, give_1, NULL, loop_like_libuv, NULL);
    mc_assert(drained == 2 || pending != 0);
    loop_like_libuv(NULL);
    finish(2);
}

/* The loop ends a task whose grant may be on the way: what cannot be cancelled can be revoked, and is then its owner's. */
static int revoked;
static void end_task(void *arg) {
    guest *const g = arg;
    take_out(g);
    if (!g->cancelled) {
        mc_assert(rouse_mailbox_revoke(mailbox, &g->waiter));
        mc_assert(rouse_waiter_status(&g->waiter) == ROUSE_OK);
        memset(&g->waiter, 0, sizeof g->waiter);
        rouse_waiter_init(&g->waiter, guest_wake, g);
        g->answer = NOT_CALLED;
        revoked++;
        mc_assert(shared == 0 || shared == 1);
    }
}
static void post_revoke(void) {
    start(1);
    revoked = 0;
    run(publish_give, NULL, end_task, A, ONLY_TWO);
    mc_assert(revoked == 1 || A->cancelled);
    mc_assert(rouse_waiter_queue_balance(&queue) == 1 - revoked);
    finish(0);
}
#if ROUSE_BACKEND != ROUSE_BACKEND_LOCKFREE /* whose waiter has 512 cells: too much for the checker */
/* What a waiter lacks is where its outcome will be: 512 has the bit that says ARRIVED. */
static void give_512(void *unused) {
    (void)unused;
    shared = 1;
    give(512);
}
static void post_512_revoke(void) {
    start(0);
    rouse_waiter_init_on(&A->waiter, mailbox, guest_wake, A);
    enqueue(A, 512);
    revoked = 0;
    run(give_512, NULL, end_task, A, ONLY_TWO);
    finish(0);
}
#endif
/* The grants of two threads; the loop revokes the first and drains the other. */
static void end_task_and_drain(void *arg) {
    end_task(arg);
    drained += (int)rouse_mailbox_drain(mailbox);
}
static void two_post_revoke(void) {
    start(2);
    revoked = 0;
    run(give_1, NULL, give_1, NULL, end_task_and_drain, A);
    drained += (int)rouse_mailbox_drain(mailbox);
    mc_assert(rouse_waiter_queue_balance(&queue) == 1 - revoked);
    mc_assert(B->wakes == 1);
    finish(1);
}
/* Any thread's post, without an object. */
static void publish_post(void *g) {
    shared = 1;
    rouse_mailbox_post(mailbox, &((guest *)g)->waiter, ROUSE_OK);
}
static void public_post(void) {
    start(0);
    A->then = look;
    run(publish_post, A, loop_twice, NULL, ONLY_TWO);
    last_loop(1);
    finish(1);
}
static void revoke_posted(void *g) {
    if (rouse_mailbox_revoke(mailbox, &((guest *)g)->waiter)) {
        look(g);
        revoked++;
    }
}
static void public_post_revoke(void) {
    start(0);
    revoked = 0;
    run(publish_post, A, revoke_posted, A, ONLY_TWO);
    drained += (int)rouse_mailbox_drain(mailbox);
    finish(1 - revoked);
}

const mc_scenario mc_scenarios[] = {
    {.name = "post, drain", .body = post_drain},
    {.name = "post publishes", .body = post_publishes},
    {.name = "two post", .body = two_post},
    {.name = "two post, drain",
     .body = two_post_drain,
     .bound = LOCKFREE_BOUND(2),
     .soak_bound = MC_NO_BOUND},
    {.name = "post two, drain", .body = post_two_drain},
    {.name = "destroy after one", .body = destroy_after_one},
    {.name = "destroy after two",
     .body = destroy_after_two,
     .bound = LOCKFREE_BOUND(2),
     .soak_bound = MC_NO_BOUND},
    {.name = "post in a drain", .body = post_in_drain},
    {.name = "libuv", .body = libuv, .bound = LOCKFREE_BOUND(2), .soak_bound = MC_NO_BOUND},
    {.name = "post, revoke", .body = post_revoke},
#if ROUSE_BACKEND != ROUSE_BACKEND_LOCKFREE
    {.name = "post 512, revoke", .body = post_512_revoke},
#endif
    {.name = "two post, revoke", .body = two_post_revoke, .bound = 2, .soak_bound = MC_NO_BOUND},
    {.name = "public post", .body = public_post},
    {.name = "public post, revoke", .body = public_post_revoke},
    {0},
};
