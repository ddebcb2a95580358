/* channel.c: the bounded channel. What was accepted is received once, in order, with all that came before
 * it. */
#include "support.h"

/* One that sends or receives. A guest notes what happened to it. */
typedef struct user {
    rouse_transfer transfer; /* first */
    int value;               /* plain: a copy that is made too early or too late is a data race */
    int answer, outcome, wakes, cancelled;
} user;

static rouse_channel channel;
static int slots[2];
static user users[4];
#define P (&users[0])
#define Q (&users[1])
#define R (&users[2])
#define S (&users[3])

static void user_wake(rouse_transfer *t, rouse_status status) {
    user *const u = rouse_transfer_data(t);
    u->outcome = status;
    u->wakes++;
}
static void start(uint32_t capacity) {
    guests_init(NULL);
    mc_assert(rouse_channel_init(&channel, slots, capacity, sizeof slots[0]) == ROUSE_OK);
    mc_name(&channel, sizeof channel, "channel");
    for (int i = 0; i < 4; i++) {
        users[i].answer = users[i].outcome = NOT_CALLED;
        users[i].wakes = users[i].cancelled = 0;
        rouse_transfer_init(&users[i].transfer, NULL, user_wake, &users[i]);
    }
    mc_name(users, sizeof users[0], "P");
    mc_name(users + 1, sizeof users[0], "Q");
    mc_name(users + 2, sizeof users[0], "R");
    mc_name(users + 3, sizeof users[0], "S");
}
static bool done(const user *u) {
    mc_assert(u->wakes <= 1 && (u->wakes == 0 || (u->answer == ROUSE_PENDING && !u->cancelled)));
    return u->answer == ROUSE_OK || (u->wakes == 1 && u->outcome == ROUSE_OK);
}
static bool refused(const user *u) {
    return u->answer == ROUSE_CLOSED || (u->wakes == 1 && u->outcome == ROUSE_CLOSED);
}
static bool waits(const user *u) {
    return u->answer == ROUSE_PENDING && u->wakes == 0 && !u->cancelled;
}
static void finish(uint32_t left) {
    mc_assert(rouse_channel_count(&channel) == left);
    for (int i = 0; i < 4; i++) {
        if (waits(&users[i])) {
            mc_assert(rouse_channel_cancel(&channel, &users[i].transfer));
        }
    }
    mc_assert(rouse_channel_waiter_count(&channel) == 0);
    rouse_channel_destroy(&channel);
}

static void send_value(user *u, int value) {
    u->value = value;
    u->answer = rouse_channel_send(&channel, &u->transfer, &u->value);
}
static void send(void *u) {
    send_value(u, (int)((user *)u - users) + 1);
}
static void receive(void *arg) {
    user *const u = arg;
    u->answer = rouse_channel_receive(&channel, &u->transfer, &u->value);
}
static int got_by_try;
static void try_receive(void *unused) {
    (void)unused;
    if (!rouse_channel_try_receive(&channel, &got_by_try)) {
        got_by_try = 0;
    }
}
static void cancel_it(void *arg) {
    user *const u = arg;
    u->cancelled = rouse_channel_cancel(&channel, &u->transfer);
    if (u->cancelled) {
        memset(&u->transfer, 0, sizeof u->transfer); /* as if freed */
        u->value = -1;
    }
}
static void close_it(void *unused) {
    (void)unused;
    woken_by_close = rouse_channel_close(&channel);
}

static void send_and_receive(void) {
    start(1);
    run(send, P, receive, Q, ONLY_TWO);
    mc_assert(done(P) && done(Q) && Q->value == 1);
    finish(0);
}
static void two_send_one_receives(void) {
    start(1);
    run(send, P, send, Q, receive, R);
    mc_assert(done(P) && done(Q) && done(R) && (R->value == 1 || R->value == 2));
    mc_assert(rouse_channel_try_receive(&channel, &got_by_try) && got_by_try == 3 - R->value);
    finish(0);
}
static void one_sends_two_receive(void) {
    start(2);
    run(send, P, receive, Q, receive, R);
    mc_assert(done(P) && done(Q) != done(R) && (done(Q) ? Q : R)->value == 1);
    finish(0);
}
/* Full, P waits: its place comes while it is cancelled. */
static void place_and_cancel(void) {
    start(1);
    send_value(S, 9);
    send(P);
    run(receive, Q, cancel_it, P, ONLY_TWO);
    mc_assert(done(Q) && Q->value == 9 && done(P) != (P->cancelled != 0));
    mc_assert(rouse_channel_try_receive(&channel, &got_by_try) == done(P) && (!done(P) || got_by_try == 1));
    finish(0);
}
/* Trap: value handed over and taker cancelled: one of the two, and the value is not lost. */
static void value_and_cancel(void) {
    start(1);
    receive(Q);
    run(send, P, cancel_it, Q, ONLY_TWO);
    mc_assert(done(P) && done(Q) != (Q->cancelled != 0));
    mc_assert(rouse_channel_try_receive(&channel, &got_by_try) == !done(Q));
    mc_assert((done(Q) ? Q->value : got_by_try) == 1);
    finish(0);
}
/* Trap: closed and idle: the last place comes back while the channel is closed, with a receiver behind. */
static void closed_and_idle(void) {
    start(1);
    send_value(S, 9);
    run(receive, Q, receive, R, close_it, NULL);
    mc_assert((done(Q) && refused(R)) || (done(R) && refused(Q)));
    finish(0);
}
static void close_and_send(void) {
    start(1);
    run(send, P, close_it, NULL, receive, Q);
    mc_assert(done(P) != refused(P) && done(Q) != refused(Q));
    /* What was accepted is received, by Q or still there. */
    mc_assert(!done(Q) || (done(P) && Q->value == 1));
    finish(done(P) && !done(Q) ? 1 : 0);
}
static void close_with_a_sender_waiting(void) {
    start(1);
    send_value(S, 9);
    send(P);
    run(close_it, NULL, receive, Q, ONLY_TWO);
    mc_assert(done(Q) && Q->value == 9 && done(P) != refused(P) && woken_by_close == (refused(P) ? 1u : 0u));
    finish(done(P) ? 1 : 0);
}
static void first_in_first_out(void) {
    start(1);
    send_value(S, 9);
    send(P);
    send(Q);
    run(try_receive, NULL, receive, R, ONLY_TWO);
    mc_assert(done(R) && done(P) && done(Q));
    mc_assert((got_by_try == 9 && R->value == 1) || (got_by_try == 1 && R->value == 9));
    finish(1);
}
static int many[3];
static void receive_many(void *unused) {
    (void)unused;
    got_by_try = (int)rouse_channel_try_receive_many(&channel, many, 3);
}
static void many_and_send(void) {
    start(1);
    send_value(S, 9);
    send(P);
    run(receive_many, NULL, send, Q, ONLY_TWO);
    mc_assert(done(P) && done(Q) && got_by_try >= 2 && many[0] == 9 && many[1] == 1);
    mc_assert(got_by_try == 2 || many[2] == 2);
    finish(got_by_try == 2 ? 1 : 0);
}
/* The thread that received the last element may destroy the channel while its sender's call is still
 * returning. */
static void receive_and_destroy(void *arg) {
    user *const u = arg;
    if (rouse_channel_try_receive(&channel, &u->value)) {
        u->answer = ROUSE_OK;
        rouse_channel_destroy(&channel);
        memset(&channel, 0, sizeof channel);
    }
}
static void destroyed_by_the_receiver(void) {
    start(1);
    run(send, P, receive_and_destroy, Q, ONLY_TWO);
    mc_assert(done(P) && (!done(Q) || Q->value == 1));
    if (!done(Q)) {
        finish(1);
    }
}
static void try_nothing(void *unused) {
    (void)unused;
}
static void destroying_wake(rouse_transfer *t, rouse_status status) {
    user_wake(t, status);
    rouse_channel_destroy(&channel);
    memset(&channel, 0xff, sizeof channel); /* somebody else's now */
}
static void destroyed_in_the_wake(void) {
    start(1);
    rouse_transfer_init(&Q->transfer, NULL, destroying_wake, Q);
    receive(Q);
    run(send, P, try_nothing, NULL, ONLY_TWO);
    mc_assert(done(P) && done(Q) && Q->value == 1);
    for (size_t i = 0; i < sizeof channel; i++) {
        mc_assert(((unsigned char *)&channel)[i] == 0xff);
    }
}
/* A polled receiver looks, and then the place is its own. */
static void poll_it(void *arg) {
    user *const u = arg;
    if (rouse_waiter_status(&u->transfer.waiter) == ROUSE_OK) {
        mc_assert(u->value == 1 && shared == 1);
        memset(u, 0, sizeof *u);
    }
}
static void publish_and_send(void *u) {
    shared = 1;
    send(u);
}
static void polled(void) {
    start(1);
    rouse_transfer_init(&Q->transfer, NULL, NULL, NULL);
    receive(Q);
    run(publish_and_send, P, poll_it, Q, ONLY_TWO);
    mc_assert(done(P));
    Q->answer = ROUSE_OK;
    finish(0);
}
static void see_closed(void *unused) {
    (void)unused;
    if (rouse_channel_is_closed(&channel)) {
        mc_assert(shared == 1);
    }
}
static void publish_and_close(void *unused) {
    shared = 1;
    close_it(unused);
}
/* A send and a receive that do not wait, against those that may. */
static bool sent_by_try;
static void try_send(void *unused) {
    static const int value = 7;
    (void)unused;
    sent_by_try = rouse_channel_try_send(&channel, &value);
}
static void try_send_and_receive(void) {
    start(1);
    run(try_send, NULL, receive, Q, ONLY_TWO);
    mc_assert(sent_by_try && done(Q) && Q->value == 7);
    finish(0);
}
static void send_and_try_receive(void) {
    start(1);
    run(send, P, try_receive, NULL, ONLY_TWO);
    mc_assert(done(P) && (got_by_try == 0 || got_by_try == 1));
    finish(got_by_try == 0 ? 1 : 0);
}
static void close_publishes(void) {
    start(1);
    run(publish_and_close, NULL, see_closed, NULL, ONLY_TWO);
    finish(0);
}

const mc_scenario mc_scenarios[] = {
    {.name = "send, receive", .body = send_and_receive},
    {.name = "two send, one receives", .body = two_send_one_receives},
    {.name = "one sends, two receive", .body = one_sends_two_receive},
    {.name = "a place, cancel", .body = place_and_cancel},
    {.name = "a value, cancel", .body = value_and_cancel},
    {.name = "closed and idle", .body = closed_and_idle},
    {.name = "close, send, receive", .body = close_and_send},
    {.name = "close, receive, with a sender waiting", .body = close_with_a_sender_waiting},
    {.name = "first in, first out", .body = first_in_first_out},
    {.name = "receive many, send", .body = many_and_send},
    {.name = "destroyed by the receiver", .body = destroyed_by_the_receiver},
    {.name = "destroyed in the wake", .body = destroyed_in_the_wake},
    {.name = "polled", .body = polled},
    {.name = "try send, receive", .body = try_send_and_receive},
    {.name = "send, try receive", .body = send_and_try_receive},
    {.name = "close publishes", .body = close_publishes},
    {0},
};
