/* mailbox.c: post, kick and drain: every posted wake runs once in a drain, every one is announced, and the mailbox can be
 * destroyed when its last waiter has come out. */
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

/* A wake in the drain makes another fall due for the same mailbox. */
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
    {0},
};
