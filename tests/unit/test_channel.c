/* The contract of channel.h: what was accepted is received once, in order. */
#include <rouse/channel.h>

#include "support.h"

#include <sched.h>
#include <stdatomic.h>
#include <string.h>

/* One that sends or receives an int, and remembers. */
typedef struct user user;
struct user {
    rouse_transfer transfer; /* first */
    int id, value;
    unsigned wakes;
    rouse_status outcome;
    void (*then)(user *u);
    void *arg;
};

static void user_wake(rouse_transfer *t, rouse_status status) {
    user *const u = (user *)rouse_transfer_data(t);
    cr_assert_eq(&u->transfer, t);
    cr_assert_eq(wakes_running, 0, "a wake ran inside another wake of its thread");
    cr_assert_eq(rouse_waiter_status(&t->waiter), status, "the outcome is stored before wake is called");
    wake_log[wake_log_length++] = u->id;
    u->wakes++;
    u->outcome = status;
    wakes_running++;
    if (u->then != NULL) {
        u->then(u);
    }
    wakes_running--;
}
static void users_init(user *u, int count) {
    memset(u, 0, sizeof *u * (size_t)count);
    for (int i = 0; i < count; i++) {
        u[i].id = i;
        u[i].outcome = ROUSE_PENDING;
        rouse_transfer_init(&u[i].transfer, NULL, user_wake, &u[i]);
    }
}
static rouse_status send(rouse_channel *ch, user *u, int value) {
    u->value = value;
    return rouse_channel_send(ch, &u->transfer, &u->value);
}
static rouse_status receive(rouse_channel *ch, user *u) {
    u->value = -1;
    return rouse_channel_receive(ch, &u->transfer, &u->value);
}
#define expect_received(ch, expected)                    \
    do {                                                 \
        int got_ = -1;                                   \
        cr_assert(rouse_channel_try_receive(ch, &got_)); \
        cr_assert_eq(got_, (expected));                  \
    } while (0)

static int fixed_slots[2];
static rouse_channel fixed = ROUSE_CHANNEL_INIT(fixed_slots, 2, sizeof(int));

Test(channel, static_and_init_are_alike_and_elements_come_in_order) {
    rouse_channel made;
    int slots[2];
    rouse_channel *const all[] = {&fixed, &made};
    memset(&made, 0xff, sizeof made); /* init leaves nothing as it was */
    cr_assert_eq(rouse_channel_init(&made, slots, 2, sizeof(int)), ROUSE_OK);
    for (int i = 0; i < 2; i++) {
        user u[4];
        users_init(u, 4);
        for (int round = 0; round < 3; round++) {
            cr_assert_eq(send(all[i], &u[0], 10), ROUSE_OK);
            cr_assert_eq(send(all[i], &u[1], 11), ROUSE_OK);
            cr_assert_eq(rouse_channel_count(all[i]), 2u);
            cr_assert_eq(send(all[i], &u[2], 12), ROUSE_PENDING);
            cr_assert_eq(send(all[i], &u[3], 13), ROUSE_PENDING);
            cr_assert_eq(rouse_channel_waiter_count(all[i]), 2u);
            cr_assert_eq(receive(all[i], &u[0]), ROUSE_OK);
            cr_assert_eq(u[0].value, 10);
            expect_wakes(2);
            cr_assert_eq(rouse_channel_count(all[i]), 2u, "12 has moved into the place");
            expect_received(all[i], 11);
            expect_wakes(3);
            expect_received(all[i], 12);
            expect_received(all[i], 13);
            cr_assert_eq(receive(all[i], &u[1]), ROUSE_PENDING);
            cr_assert_eq(send(all[i], &u[0], 14), ROUSE_OK);
            expect_wakes(1);
            cr_assert_eq(u[1].value, 14);
            cr_assert_eq(rouse_channel_count(all[i]), 0u);
        }
        rouse_channel_destroy(all[i]);
    }
}

Test(channel, init_tells_what_makes_no_sense) {
    rouse_channel ch;
    int slots[1];
    cr_assert_eq(rouse_channel_init(&ch, slots, 0, sizeof(int)), ROUSE_INVALID);
    cr_assert_eq(rouse_channel_init(&ch, NULL, 1, sizeof(int)), ROUSE_INVALID);
    cr_assert_eq(rouse_channel_init(&ch, slots, ROUSE_MAX_PERMITS + 1u, 1), ROUSE_INVALID);
    cr_assert_eq(rouse_channel_init(&ch, slots, 2, SIZE_MAX), ROUSE_INVALID);
    cr_assert_eq(rouse_channel_init(&ch, NULL, 2, 0), ROUSE_OK);
    cr_assert(rouse_channel_try_send(&ch, NULL));
    cr_assert(rouse_channel_try_send(&ch, NULL));
    cr_assert_not(rouse_channel_try_send(&ch, NULL));
    cr_assert(rouse_channel_try_receive(&ch, NULL));
    rouse_channel_destroy(&ch);
}

/* Trap: capacity 1. */
Test(channel, capacity_1) {
    rouse_channel ch;
    int slot;
    user u[3];
    users_init(u, 3);
    cr_assert_eq(rouse_channel_init(&ch, &slot, 1, sizeof slot), ROUSE_OK);
    for (int i = 0; i < 5; i++) {
        cr_assert_eq(send(&ch, &u[0], i), ROUSE_OK);
        cr_assert_not(rouse_channel_try_send(&ch, &i));
        cr_assert_eq(send(&ch, &u[1], 100 + i), ROUSE_PENDING);
        cr_assert_eq(receive(&ch, &u[2]), ROUSE_OK);
        cr_assert_eq(u[2].value, i);
        expect_wakes(1);
        expect_received(&ch, 100 + i);
        cr_assert_not(rouse_channel_try_receive(&ch, &slot));
    }
    rouse_channel_destroy(&ch);
}

Test(channel, elements_of_every_size_arrive_whole) {
    for (size_t size = 1; size <= 40; size++) {
        unsigned char slots[3 * 40], in[40], out[40];
        rouse_channel ch;
        cr_assert_eq(rouse_channel_init(&ch, slots, 3, size), ROUSE_OK);
        for (int round = 0; round < 10; round++) {
            for (int k = 0; k < 2; k++) {
                memset(in, round * 2 + k, sizeof in);
                cr_assert(rouse_channel_try_send(&ch, in));
            }
            for (int k = 0; k < 2; k++) {
                memset(out, 0xee, sizeof out);
                cr_assert(rouse_channel_try_receive(&ch, out));
                memset(in, round * 2 + k, sizeof in);
                cr_assert_arr_eq(out, in, size);
                cr_assert(size == sizeof out || out[size] == 0xee);
            }
        }
        rouse_channel_destroy(&ch);
    }
}

Test(channel, receivers_are_served_in_the_order_of_asking) {
    rouse_channel ch;
    int slots[2];
    user u[4];
    users_init(u, 4);
    cr_assert_eq(rouse_channel_init(&ch, slots, 2, sizeof(int)), ROUSE_OK);
    for (int i = 0; i < 3; i++) {
        cr_assert_eq(receive(&ch, &u[i]), ROUSE_PENDING);
    }
    cr_assert(rouse_channel_cancel(&ch, &u[1].transfer));
    cr_assert_not(rouse_channel_cancel(&ch, &u[1].transfer));
    cr_assert_eq(send(&ch, &u[3], 5), ROUSE_OK);
    cr_assert_eq(send(&ch, &u[3], 6), ROUSE_OK);
    expect_wakes(0, 2);
    cr_assert_eq(u[0].value, 5);
    cr_assert_eq(u[2].value, 6);
    cr_assert_eq(u[1].value, -1, "nothing was received into its place");
    rouse_channel_destroy(&ch);
}

/* Trap: value handed over and taker cancelled. */
Test(channel, a_value_handed_over_and_its_taker_cancelled_is_the_takers) {
    rouse_channel ch;
    rouse_mailbox mb;
    int slots[1];
    user u[3];
    users_init(u, 3);
    rouse_mailbox_init(&mb, (void (*)(void *))free, NULL); /* free(NULL): a kick that does nothing */
    rouse_transfer_init(&u[0].transfer, &mb, user_wake, &u[0]);
    cr_assert_eq(rouse_channel_init(&ch, slots, 1, sizeof(int)), ROUSE_OK);
    cr_assert_eq(receive(&ch, &u[0]), ROUSE_PENDING);
    cr_assert_eq(send(&ch, &u[1], 77), ROUSE_OK);
    cr_assert_not(rouse_channel_cancel(&ch, &u[0].transfer), "handed over, its wake is in the mailbox");
    expect_no_wakes();
    cr_assert_eq(rouse_mailbox_drain(&mb), 1u);
    expect_wakes(0);
    cr_assert_eq(u[0].outcome, ROUSE_OK);
    cr_assert_eq(u[0].value, 77);
    cr_assert_eq(rouse_channel_count(&ch), 0u, "not twice");
    rouse_mailbox_destroy(&mb);
    rouse_channel_destroy(&ch);
}

Test(channel, a_cancelled_sender_has_sent_nothing) {
    rouse_channel ch;
    int slots[1];
    user u[3];
    users_init(u, 3);
    cr_assert_eq(rouse_channel_init(&ch, slots, 1, sizeof(int)), ROUSE_OK);
    cr_assert_eq(send(&ch, &u[0], 1), ROUSE_OK);
    cr_assert_eq(send(&ch, &u[1], 2), ROUSE_PENDING);
    cr_assert_eq(send(&ch, &u[2], 3), ROUSE_PENDING);
    cr_assert(rouse_channel_cancel(&ch, &u[1].transfer));
    expect_received(&ch, 1);
    expect_wakes(2);
    cr_assert_not(rouse_channel_cancel(&ch, &u[2].transfer), "it has been sent");
    expect_received(&ch, 3);
    cr_assert_not(rouse_channel_try_receive(&ch, slots));
    rouse_channel_destroy(&ch);
}

Test(channel, close_refuses_senders_and_receivers_get_all_that_was_accepted) {
    rouse_channel ch;
    int slots[2];
    user u[5];
    users_init(u, 5);
    cr_assert_eq(rouse_channel_init(&ch, slots, 2, sizeof(int)), ROUSE_OK);
    cr_assert_eq(send(&ch, &u[0], 1), ROUSE_OK);
    cr_assert_eq(send(&ch, &u[0], 2), ROUSE_OK);
    cr_assert_eq(send(&ch, &u[1], 3), ROUSE_PENDING);
    cr_assert_eq(send(&ch, &u[2], 4), ROUSE_PENDING);
    cr_assert_not(rouse_channel_is_closed(&ch));
    cr_assert_eq(rouse_channel_close(&ch), 2u);
    cr_assert(rouse_channel_is_closed(&ch));
    expect_wakes(1, 2);
    cr_assert_eq(u[1].outcome, ROUSE_CLOSED);
    cr_assert_eq(u[1].value, 3, "untouched");
    cr_assert_eq(u[2].outcome, ROUSE_CLOSED);
    cr_assert_eq(rouse_channel_close(&ch), 0u);
    cr_assert_eq(send(&ch, &u[3], 5), ROUSE_CLOSED);
    cr_assert_not(rouse_channel_try_send(&ch, slots));
    cr_assert_eq(receive(&ch, &u[3]), ROUSE_OK);
    cr_assert_eq(u[3].value, 1);
    expect_received(&ch, 2);
    cr_assert_eq(receive(&ch, &u[3]), ROUSE_CLOSED);
    cr_assert_not(rouse_channel_try_receive(&ch, slots));
    cr_assert_eq(rouse_channel_try_receive_many(&ch, slots, 2), 0u);
    expect_no_wakes();
    rouse_channel_destroy(&ch);
}

/* Trap: closed and idle. A place that comes back after the close, or with it, must not leave a receiver asleep. */
Test(channel, closed_and_idle_no_receiver_is_left_asleep) {
    rouse_channel ch;
    int slots[1];
    user u[4];
    for (int with_element = 0; with_element < 2; with_element++) {
        users_init(u, 4);
        cr_assert_eq(rouse_channel_init(&ch, slots, 1, sizeof(int)), ROUSE_OK);
        if (with_element) {
            cr_assert_eq(send(&ch, &u[0], 9), ROUSE_OK);
            expect_received(&ch, 9);
        }
        cr_assert_eq(receive(&ch, &u[1]), ROUSE_PENDING);
        cr_assert_eq(receive(&ch, &u[2]), ROUSE_PENDING);
        cr_assert_eq(rouse_channel_close(&ch), 2u);
        expect_wakes(1, 2);
        cr_assert_eq(u[1].outcome, ROUSE_CLOSED);
        cr_assert_eq(u[2].outcome, ROUSE_CLOSED);
        cr_assert_eq(receive(&ch, &u[1]), ROUSE_CLOSED);
        rouse_channel_destroy(&ch);
        /* Closed first, then the last element goes: the next call answers CLOSED. */
        users_init(u, 4);
        cr_assert_eq(rouse_channel_init(&ch, slots, 1, sizeof(int)), ROUSE_OK);
        cr_assert_eq(send(&ch, &u[0], 9), ROUSE_OK);
        cr_assert_eq(send(&ch, &u[3], 10), ROUSE_PENDING);
        if (with_element) {
            expect_received(&ch, 9);
            expect_wakes(3);
        } else {
            cr_assert(rouse_channel_cancel(&ch, &u[3].transfer));
        }
        (void)rouse_channel_close(&ch);
        cr_assert_eq(receive(&ch, &u[1]), ROUSE_OK);
        cr_assert_eq(receive(&ch, &u[1]), ROUSE_CLOSED);
        rouse_channel_destroy(&ch);
        expect_no_wakes();
    }
}

/* Trap: close between hand-over and resume. */
static void close_it(user *u) {
    (void)rouse_channel_close((rouse_channel *)u->arg);
}
Test(channel, close_between_hand_over_and_resume_keeps_what_was_handed_over) {
    rouse_channel ch;
    int slots[1];
    user u[4];
    users_init(u, 4);
    cr_assert_eq(rouse_channel_init(&ch, slots, 1, sizeof(int)), ROUSE_OK);
    /* Two receivers are served inside one wake; the first of them closes before the second's wake has run. */
    cr_assert_eq(send(&ch, &u[0], 1), ROUSE_OK);
    cr_assert_eq(send(&ch, &u[1], 2), ROUSE_PENDING);
    cr_assert_eq(send(&ch, &u[2], 3), ROUSE_PENDING);
    u[1].then = close_it;
    u[1].arg = &ch;
    {
        int got[3] = {0, 0, 0};
        cr_assert_eq(rouse_channel_try_receive_many(&ch, got, 2), 2u);
        cr_assert(got[0] == 1 && got[1] == 2);
    }
    expect_wakes(1, 2);
    cr_assert_eq(u[2].outcome, ROUSE_OK, "its element had moved before the close");
    cr_assert_eq(receive(&ch, &u[3]), ROUSE_OK);
    cr_assert_eq(u[3].value, 3);
    cr_assert_eq(receive(&ch, &u[3]), ROUSE_CLOSED);
    rouse_channel_destroy(&ch);
}

/* Trap: count underflow. */
Test(channel, count_never_underflows) {
    rouse_channel ch;
    int slots[2];
    int one = 1;
    user u[2];
    users_init(u, 2);
    cr_assert_eq(rouse_channel_init(&ch, slots, 2, sizeof(int)), ROUSE_OK);
    for (int i = 0; i < 4; i++) {
        cr_assert_not(rouse_channel_try_receive(&ch, &one));
        cr_assert_eq(rouse_channel_count(&ch), 0u);
        cr_assert_eq(receive(&ch, &u[0]), ROUSE_PENDING);
        cr_assert_eq(rouse_channel_count(&ch), 0u, "a receiver that waits is not a negative element");
        cr_assert(rouse_channel_try_send(&ch, &one));
        expect_wakes(0);
        cr_assert_eq(rouse_channel_count(&ch), 0u);
        cr_assert_eq(receive(&ch, &u[0]), ROUSE_PENDING);
        cr_assert(rouse_channel_cancel(&ch, &u[0].transfer));
        cr_assert_eq(rouse_channel_count(&ch), 0u);
    }
    (void)rouse_channel_close(&ch);
    cr_assert_eq(rouse_channel_count(&ch), 0u);
    rouse_channel_destroy(&ch);
}

Test(channel, try_receive_many_takes_the_oldest_and_lets_senders_in) {
    rouse_channel ch;
    int slots[3];
    int got[10];
    user u[8];
    users_init(u, 8);
    cr_assert_eq(rouse_channel_init(&ch, slots, 3, sizeof(int)), ROUSE_OK);
    for (int i = 0; i < 8; i++) {
        cr_assert_eq(send(&ch, &u[i], i), i < 3 ? ROUSE_OK : ROUSE_PENDING);
    }
    cr_assert_eq(rouse_channel_try_receive_many(&ch, got, 0), 0u);
    expect_no_wakes();
    cr_assert_eq(rouse_channel_try_receive_many(&ch, got, 2), 2u);
    expect_wakes(3, 4);
    cr_assert_eq(rouse_channel_try_receive_many(&ch, got + 2, 8), 6u, "also those that were waiting");
    expect_wakes(5, 6, 7);
    for (int i = 0; i < 8; i++) {
        cr_assert_eq(got[i], i);
    }
    cr_assert_eq(rouse_channel_try_receive_many(&ch, got, 10), 0u);
    rouse_channel_destroy(&ch);
}

/* Trap: drain loops that never end. A sender whose wake sends again is not drained for ever: `most` bounds a call. */
static void send_again(user *u) {
    if (u->outcome == ROUSE_OK) {
        const rouse_status status = rouse_channel_send((rouse_channel *)u->arg, &u->transfer, &u->value);
        cr_assert(status == ROUSE_OK || status == ROUSE_PENDING);
    }
}
Test(channel, drain_loops_end) {
    rouse_channel ch;
    int slots[2];
    int got[8];
    user u[3];
    users_init(u, 3);
    cr_assert_eq(rouse_channel_init(&ch, slots, 2, sizeof(int)), ROUSE_OK);
    for (int i = 0; i < 3; i++) {
        u[i].then = send_again;
        u[i].arg = &ch;
        cr_assert_eq(send(&ch, &u[i], i), i < 2 ? ROUSE_OK : ROUSE_PENDING);
    }
    for (int round = 0; round < 5; round++) {
        cr_assert_eq(rouse_channel_try_receive_many(&ch, got, 8), 3u, "what was there when it was called");
        expect_wakes(2);
        cr_assert_eq(rouse_channel_count(&ch), 1u);
        cr_assert(rouse_channel_try_send(&ch, &round));
        cr_assert_eq(send(&ch, &u[2], round), ROUSE_PENDING);
    }
    (void)rouse_channel_close(&ch);
    wake_log_length = 0;
    {
        uint32_t drained = 0;
        while (rouse_channel_try_receive(&ch, got)) {
            drained++;
        }
        cr_assert_eq(drained, 2u);
    }
    rouse_channel_destroy(&ch);
}

/* Inside a wake the element moves at once; only the other wakes wait. */
static void receive_inside(user *u) {
    rouse_channel *const ch = (rouse_channel *)u->arg;
    int got = -1;
    cr_assert(rouse_channel_try_receive(ch, &got));
    cr_assert_eq(got, 2);
    cr_assert_eq(rouse_channel_count(ch), 1u, "the waiting sender's element is in its place already");
}
Test(channel, inside_a_wake_a_place_is_free_when_the_element_has_moved) {
    rouse_channel ch;
    int slots[1];
    user u[3];
    users_init(u, 3);
    cr_assert_eq(rouse_channel_init(&ch, slots, 1, sizeof(int)), ROUSE_OK);
    cr_assert_eq(send(&ch, &u[0], 1), ROUSE_OK);
    cr_assert_eq(send(&ch, &u[1], 2), ROUSE_PENDING);
    cr_assert_eq(send(&ch, &u[2], 3), ROUSE_PENDING);
    u[1].then = receive_inside;
    u[1].arg = &ch;
    expect_received(&ch, 1);
    expect_wakes(1, 2);
    expect_received(&ch, 3);
    rouse_channel_destroy(&ch);
}

Test(channel, polled) {
    rouse_channel ch;
    int slots[1], in = 5, out = 0;
    rouse_transfer sender, receiver;
    rouse_transfer_init(&sender, NULL, NULL, &in);
    rouse_transfer_init(&receiver, NULL, NULL, &out);
    cr_assert_eq(rouse_transfer_data(&sender), (void *)&in);
    cr_assert_eq(rouse_channel_init(&ch, slots, 1, sizeof(int)), ROUSE_OK);
    cr_assert_eq(rouse_channel_receive(&ch, &receiver, &out), ROUSE_PENDING);
    cr_assert_eq(rouse_waiter_status(&receiver.waiter), ROUSE_PENDING);
    cr_assert_eq(rouse_channel_send(&ch, &sender, &in), ROUSE_OK);
    cr_assert_eq(rouse_waiter_status(&receiver.waiter), ROUSE_OK);
    cr_assert_eq(out, 5);
    cr_assert_eq(rouse_channel_send(&ch, &sender, &in), ROUSE_OK);
    cr_assert_eq(rouse_channel_send(&ch, &sender, &in), ROUSE_PENDING);
    cr_assert_eq(rouse_channel_close(&ch), 1u);
    cr_assert_eq(rouse_waiter_status(&sender.waiter), ROUSE_CLOSED);
    rouse_channel_destroy(&ch);
}

static void destroy_channel(user *u) {
    rouse_channel_destroy((rouse_channel *)u->arg);
    free(u->arg);
}
Test(channel, whoever_is_served_may_destroy_it_in_its_wake) {
    for (int sends = 0; sends < 2; sends++) {
        rouse_channel *const ch = must_alloc(sizeof *ch);
        int slots[1], value = 3;
        user u;
        users_init(&u, 1);
        cr_assert_eq(rouse_channel_init(ch, slots, 1, sizeof(int)), ROUSE_OK);
        u.then = destroy_channel;
        u.arg = ch;
        if (sends) {
            cr_assert(rouse_channel_try_send(ch, &value));
            cr_assert_eq(send(ch, &u, 4), ROUSE_PENDING);
            expect_received(ch, 3);
        } else {
            cr_assert_eq(receive(ch, &u), ROUSE_PENDING);
            cr_assert(rouse_channel_try_send(ch, &value));
        }
        expect_wakes(0);
    }
}

/* ---- every short sequence of calls, against a plain model ------------------------------------------------------------ */

enum { DEPTH = 6 - SHORTER_SEQUENCES };
enum { ACTORS = 3, CALLS = 4 + 3 * ACTORS };

typedef struct plain_channel {
    int capacity, count, held[4];
    bool closed;
    int queued, queue[ACTORS]; /* all of them send, or all of them receive */
    bool sends;
    rouse_status status[ACTORS];
    int value[ACTORS]; /* to be sent, or received */
} plain_channel;

static void plain_leave(plain_channel *m, int place) {
    m->queued--;
    for (int i = place; i < m->queued; i++) {
        m->queue[i] = m->queue[i + 1];
    }
}
static rouse_status plain_put(plain_channel *m, int value) {
    if (m->closed) {
        return ROUSE_CLOSED;
    }
    if (m->queued != 0 && !m->sends) {
        m->value[m->queue[0]] = value;
        m->status[m->queue[0]] = ROUSE_OK;
        plain_leave(m, 0);
        return ROUSE_OK;
    }
    if (m->count == m->capacity) {
        return ROUSE_PENDING;
    }
    m->held[m->count++] = value;
    return ROUSE_OK;
}
static rouse_status plain_take(plain_channel *m, int *value) {
    if (m->count == 0) {
        return m->closed ? ROUSE_CLOSED : ROUSE_PENDING;
    }
    *value = m->held[0];
    m->count--;
    for (int i = 0; i < m->count; i++) {
        m->held[i] = m->held[i + 1];
    }
    if (m->queued != 0 && m->sends) {
        m->held[m->count++] = m->value[m->queue[0]];
        m->status[m->queue[0]] = ROUSE_OK;
        plain_leave(m, 0);
    }
    return ROUSE_OK;
}

static int next_value;
static bool both(rouse_channel *ch, plain_channel *m, user *u, int call) {
    int mine = -1, its = -1;
    switch (call) {
    case 0:
        mine = ++next_value;
        cr_assert_eq(rouse_channel_try_send(ch, &mine), plain_put(m, mine) == ROUSE_OK);
        return true;
    case 1:
        cr_assert_eq(rouse_channel_try_receive(ch, &mine), plain_take(m, &its) == ROUSE_OK);
        cr_assert_eq(mine, its);
        return true;
    case 2: {
        int got[2] = {-1, -1}, expected[2] = {-1, -1};
        uint32_t many = 0;
        while (many < 2 && plain_take(m, &expected[many]) == ROUSE_OK) {
            many++;
        }
        cr_assert_eq(rouse_channel_try_receive_many(ch, got, 2), many);
        cr_assert(got[0] == expected[0] && got[1] == expected[1]);
        return true;
    }
    case 3:
        cr_assert_eq(rouse_channel_close(ch), (uint32_t)m->queued);
        m->closed = true;
        for (; m->queued != 0; plain_leave(m, 0)) {
            m->status[m->queue[0]] = ROUSE_CLOSED;
        }
        return true;
    default:
        break;
    }
    {
        const int who = (call - 4) / 3;
        const int what = (call - 4) % 3;
        if (what == 2) {
            bool queued = false;
            for (int i = 0; i < m->queued && !queued; i++) {
                if (m->queue[i] == who) {
                    queued = true;
                    plain_leave(m, i);
                }
            }
            cr_assert_eq(rouse_channel_cancel(ch, &u[who].transfer), queued);
            if (queued) {
                m->status[who] = ROUSE_INVALID;
            }
            return true;
        }
        if (m->status[who] == ROUSE_PENDING) {
            return false;
        }
        m->value[who] = what == 0 ? ++next_value : -1;
        m->status[who] = what == 0 ? plain_put(m, m->value[who]) : plain_take(m, &m->value[who]);
        if (m->status[who] == ROUSE_PENDING) {
            m->sends = what == 0;
            m->queue[m->queued++] = who;
        }
        u[who].outcome = what == 0 ? send(ch, &u[who], next_value) : receive(ch, &u[who]);
        return true;
    }
}

static bool run_sequence(const int *calls, int length, int capacity) {
    rouse_channel ch;
    plain_channel m;
    user u[ACTORS];
    int slots[2];
    bool all = true;
    memset(&m, 0, sizeof m);
    m.capacity = capacity;
    users_init(u, ACTORS);
    for (int k = 0; k < ACTORS; k++) {
        m.status[k] = ROUSE_INVALID;
    }
    cr_assert_eq(rouse_channel_init(&ch, slots, (uint32_t)capacity, sizeof(int)), ROUSE_OK);
    for (int i = 0; i < length && all; i++) {
        wake_log_length = 0;
        all = both(&ch, &m, u, calls[i]);
        cr_assert_eq(rouse_channel_count(&ch), (uint32_t)m.count);
        cr_assert_eq(rouse_channel_waiter_count(&ch), (uint32_t)m.queued);
        for (int k = 0; k < ACTORS; k++) {
            if (m.status[k] != ROUSE_INVALID) {
                cr_assert_eq(u[k].outcome, m.status[k]);
                cr_assert_eq(u[k].value, m.value[k]);
            }
        }
    }
    for (int k = 0; k < ACTORS; k++) {
        (void)rouse_channel_cancel(&ch, &u[k].transfer);
    }
    rouse_channel_destroy(&ch);
    return all;
}

static unsigned long sequences;
static void every_sequence(int *calls, int length, int capacity) {
    const int depth = capacity == 1 ? DEPTH : DEPTH - 1;
    if (length != 0 && !run_sequence(calls, length, capacity)) {
        return;
    }
    sequences++;
    if (length < depth) {
        for (int call = 0; call < CALLS; call++) {
            calls[length] = call;
            every_sequence(calls, length + 1, capacity);
        }
    }
}

Test(channel, every_sequence_of_calls_agrees_with_a_plain_model, .timeout = 300) {
    int calls[DEPTH];
    for (int capacity = 1; capacity <= 2; capacity++) {
        every_sequence(calls, 0, capacity);
    }
    cr_log_info("%lu sequences", sequences);
}

/* ---- many threads --------------------------------------------------------------------------------------------------- */

enum { SENDERS = 4, RECEIVERS = 3, MESSAGES = 5000, ROOM = 5 };

typedef struct message {
    int sender, number;
} message;

static rouse_channel shared;
static message room[ROOM];
static atomic_int senders_left;
static atomic_long received_sum, received_count;

static rouse_status settle(rouse_transfer *t, rouse_status status, bool impatient) {
    while (status == ROUSE_PENDING) {
        if (impatient && rouse_channel_cancel(&shared, t)) {
            return ROUSE_TIMEDOUT;
        }
        impatient = false;
        sched_yield();
        status = rouse_waiter_status(&t->waiter);
    }
    return status;
}

static void *sends(void *arg) {
    message m = {(int)(intptr_t)arg, 0};
    rouse_transfer t;
    rouse_transfer_init(&t, NULL, NULL, NULL);
    while (m.number < MESSAGES) {
        m.number++;
        if (settle(&t, rouse_channel_send(&shared, &t, &m), m.number % 5 == 0) != ROUSE_OK) {
            m.number--; /* cancelled: not sent */
        }
    }
    if (atomic_fetch_sub(&senders_left, 1) == 1) {
        (void)rouse_channel_close(&shared);
    }
    return NULL;
}

static void *receives(void *arg) {
    const int me = (int)(intptr_t)arg;
    int last[SENDERS] = {0};
    message m[4];
    rouse_transfer t;
    rouse_transfer_init(&t, NULL, NULL, NULL);
    for (int round = 0;; round++) {
        uint32_t got = 1;
        if (me == 0 && round % 3 == 0) {
            got = rouse_channel_try_receive_many(&shared, m, 4);
        } else {
            const rouse_status status = settle(&t, rouse_channel_receive(&shared, &t, m), round % 7 == 0);
            if (status == ROUSE_CLOSED) {
                return NULL;
            }
            got = status == ROUSE_OK ? 1 : 0;
        }
        for (uint32_t i = 0; i < got; i++) {
            cr_assert_gt(m[i].number, last[m[i].sender], "what one sends comes in order");
            last[m[i].sender] = m[i].number;
            atomic_fetch_add(&received_sum, m[i].number);
            atomic_fetch_add(&received_count, 1);
        }
    }
}

SHARED_TEST(channel, threads_each_message_arrives_once, .timeout = 120) {
    pthread_t threads[SENDERS + RECEIVERS];
    cr_assert_eq(rouse_channel_init(&shared, room, ROOM, sizeof room[0]), ROUSE_OK);
    atomic_store(&senders_left, SENDERS);
    for (int i = 0; i < SENDERS + RECEIVERS; i++) {
        const int number = i < SENDERS ? i : i - SENDERS;
        cr_assert_eq(
            pthread_create(&threads[i], NULL, i < SENDERS ? sends : receives, (void *)(intptr_t)number), 0);
    }
    for (int i = 0; i < SENDERS + RECEIVERS; i++) {
        cr_assert_eq(pthread_join(threads[i], NULL), 0);
    }
    cr_assert_eq(atomic_load(&received_count), (long)SENDERS * MESSAGES);
    cr_assert_eq(atomic_load(&received_sum), (long)SENDERS * MESSAGES * (MESSAGES + 1) / 2);
    cr_assert_eq(rouse_channel_count(&shared), 0u);
    rouse_channel_destroy(&shared);
}
