/* tests/faults/cost_family.c: atomic operations and the platform's locks, counted exactly, of a channel, a
 * condition variable, and a wait for any of two semaphores.
 *
 * Each row is an average over ROUNDS. With SPIN, MUTEX and LOCAL every call of a row costs the same, and the
 * bounds are what it costs. LOCKFREE also changes segments, and its bounds are a twentieth above the average
 * (loads: a fifth). With LOCAL nothing is a read-modify-write. */
#include "cost.h"

#include <rouse/any.h>
#include <rouse/channel.h>
#include <rouse/condvar.h>
#include <rouse/mutex.h>
#include <rouse/semaphore.h>

#define ROUNDS 4096

/* ---- channel ------------------------------------------------------------------------------------------- */

static unsigned woken;

static void on_transfer(rouse_transfer *t, rouse_status status) {
    CHECK(status == ROUSE_OK);
    (void)t;
    woken++;
}

static void channel_with_room(row *sending, row *receiving, row *trying) {
    uint64_t slots[4];
    rouse_channel ch;
    rouse_transfer t;
    CHECK(rouse_channel_init(&ch, slots, 4, sizeof slots[0]) == ROUSE_OK);
    rouse_transfer_init(&t, NULL, on_transfer, NULL);
    for (uint64_t i = 0; i < ROUNDS; i++) {
        uint64_t element = i;
        COUNT(sending, rouse_channel_send(&ch, &t, &element) == ROUSE_OK);
        COUNT(receiving, rouse_channel_receive(&ch, &t, &element) == ROUSE_OK && element == i);
        COUNT(trying, rouse_channel_try_send(&ch, &element));
        COUNT(trying, rouse_channel_try_receive(&ch, &element) && element == i);
    }
    rouse_channel_destroy(&ch);
}

/* A receiver waits, then a sender. */
static void channel_that_waits(row *queueing, row *serving) {
    uint64_t slot;
    rouse_channel ch;
    rouse_transfer waiting;
    rouse_transfer t;
    CHECK(rouse_channel_init(&ch, &slot, 1, sizeof slot) == ROUSE_OK);
    rouse_transfer_init(&waiting, NULL, on_transfer, NULL);
    rouse_transfer_init(&t, NULL, on_transfer, NULL);
    woken = 0;
    for (uint64_t i = 0; i < ROUNDS; i++) {
        uint64_t in = i;
        uint64_t out = ROUNDS;
        COUNT(queueing, rouse_channel_receive(&ch, &waiting, &out) == ROUSE_PENDING);
        COUNT(serving, rouse_channel_send(&ch, &t, &in) == ROUSE_OK && out == i);
        CHECK(rouse_channel_send(&ch, &t, &in) == ROUSE_OK);
        COUNT(queueing, rouse_channel_send(&ch, &waiting, &in) == ROUSE_PENDING);
        COUNT(serving, rouse_channel_receive(&ch, &t, &out) == ROUSE_OK);
        CHECK(rouse_channel_receive(&ch, &t, &out) == ROUSE_OK);
    }
    CHECK(woken == 2 * ROUNDS);
    rouse_channel_destroy(&ch);
}

/* ---- condition variable -------------------------------------------------------------------------------- */

static void on_change(rouse_condvar_waiter *w, rouse_status status) {
    CHECK(status == ROUSE_OK);
    (void)w;
    woken++;
}

/* Lock, wait, unlock; the other side locks, signals, and hands the mutex over. */
static void condvar_rounds(row *nobody, row *waiting, row *signalling, row *handing_over, row *whole) {
    rouse_mutex m;
    rouse_condvar c;
    rouse_waiter w;
    rouse_condvar_waiter changed;
    rouse_mutex_init(&m);
    rouse_condvar_init(&c);
    rouse_waiter_init(&w, NULL, NULL);
    rouse_condvar_waiter_init(&changed, &m, NULL, on_change, NULL);
    woken = 0;
    for (uint32_t i = 0; i < ROUNDS; i++) {
        cost_moment start;
        COUNT(nobody, !rouse_condvar_signal(&c));
        start = cost_now();
        CHECK(rouse_mutex_lock(&m, &w) == ROUSE_OK);
        COUNT(waiting, rouse_condvar_wait(&c, &changed) == ROUSE_PENDING);
        CHECK(rouse_mutex_try_lock(&m));
        COUNT(signalling, rouse_condvar_signal(&c) && woken == i);
        COUNT(handing_over, rouse_mutex_unlock(&m) == ROUSE_OK && woken == i + 1);
        CHECK(rouse_mutex_unlock(&m) == ROUSE_OK);
        note_many(whole, &start, 1);
    }
    rouse_condvar_destroy(&c);
    rouse_mutex_destroy(&m);
}

/* The mutex is free: the signalled waiter has it at once. */
static void condvar_at_once(row *signalling) {
    rouse_mutex m;
    rouse_condvar c;
    rouse_condvar_waiter changed;
    rouse_mutex_init(&m);
    rouse_condvar_init(&c);
    rouse_condvar_waiter_init(&changed, &m, NULL, on_change, NULL);
    CHECK(rouse_mutex_try_lock(&m));
    woken = 0;
    for (uint32_t i = 0; i < ROUNDS; i++) {
        CHECK(rouse_condvar_wait(&c, &changed) == ROUSE_PENDING);
        COUNT(signalling, rouse_condvar_signal(&c) && woken == i + 1);
    }
    CHECK(rouse_mutex_unlock(&m) == ROUSE_OK);
    rouse_condvar_destroy(&c);
    rouse_mutex_destroy(&m);
}

/* ---- any ----------------------------------------------------------------------------------------------- */

static void on_any(rouse_any *any, int index, rouse_status status) {
    CHECK(status == ROUSE_OK && index == (int)(woken % 2));
    (void)any;
    woken++;
}

static void any_of_two(row *waiting, row *releasing, row *at_once) {
    rouse_semaphore s[2];
    rouse_arm arms[2];
    rouse_any any;
    for (int i = 0; i < 2; i++) {
        CHECK(rouse_semaphore_init(&s[i], 0) == ROUSE_OK);
        rouse_arm_semaphore(&arms[i], &s[i], 1);
    }
    rouse_any_init(&any, arms, 2, NULL, on_any, NULL);
    woken = 0;
    for (uint32_t i = 0; i < ROUNDS; i++) {
        COUNT(waiting, rouse_any_wait(&any) == ROUSE_PENDING);
        COUNT(releasing, rouse_semaphore_release(&s[i % 2], 1) == ROUSE_OK && woken == i + 1);
    }
    for (uint32_t i = 0; i < ROUNDS; i++) {
        CHECK(rouse_semaphore_release(&s[0], 1) == ROUSE_OK);
        COUNT(at_once, rouse_any_wait(&any) == ROUSE_OK && rouse_any_index(&any) == 0);
    }
    for (int i = 0; i < 2; i++) {
        CHECK(rouse_semaphore_waiter_count(&s[i]) == 0 && rouse_semaphore_available(&s[i]) == 0);
        rouse_semaphore_destroy(&s[i]);
    }
}

/* ---- what each may cost -------------------------------------------------------------------------------- */

enum {
    SENDING,
    RECEIVING,
    TRYING,
    QUEUEING,
    SERVING,
    NOBODY,
    WAITING,
    SIGNALLING,
    HANDING_OVER,
    ROUND,
    AT_ONCE,
    ANY_WAITING,
    ANY_RELEASING,
    ANY_AT_ONCE,
    ROWS
};

#if ROUSE_BACKEND == ROUSE_BACKEND_SPIN
#    define MOST(spin, mutex, lockfree, local) spin
#elif ROUSE_BACKEND == ROUSE_BACKEND_MUTEX
#    define MOST(spin, mutex, lockfree, local) mutex
#elif ROUSE_BACKEND == ROUSE_BACKEND_LOCKFREE
#    define MOST(spin, mutex, lockfree, local) lockfree
#else
#    define MOST(spin, mutex, lockfree, local) local
#endif

/* The last number is for MUTEX. */
#define ROW(name, rmw, loads, locks) \
    { .what = name, .most_rmw = rmw, .most_loads = loads, .most_locks = MOST(0, locks, 0, 0) }
static row rows[ROWS] = {
    [SENDING] = ROW("channel: send, with room", MOST(1, 0, 1, 0), 2, 1),
    [RECEIVING] = ROW("channel: receive, with an element", MOST(1, 0, 1, 0), 1, 1),
    [TRYING] = ROW("channel: try_send, try_receive", MOST(1, 0, 1, 0), 1.5, 1),
    [QUEUEING] = ROW("channel: send or receive that waits", MOST(1, 0, 1, 0), 3, 1),
    [SERVING] = ROW("channel: send or receive to one who waits", MOST(1, 0, 1, 0), 6.5, 1),
    [NOBODY] = ROW("condvar: signal, nobody waits", MOST(1, 0, 1, 0), 0, 1),
    [WAITING] = ROW("condvar: wait, with its unlock", MOST(2, 1, 2.1, 0), MOST(4, 4, 8, 3), 1),
    [SIGNALLING] = ROW("condvar: signal, the mutex is held", MOST(2, 1, 4.4, 0), MOST(4, 4, 13, 1), 2),
    [HANDING_OVER] = ROW("condvar: unlock to the signalled", MOST(1, 0, 1.1, 0), MOST(7, 7, 19, 4), 1),
    [ROUND] = ROW("condvar: a round", MOST(8, 5, 11.7, 0), MOST(18, 18, 50, 8), 4),
    [AT_ONCE] = ROW("condvar: signal, the mutex is free", MOST(2, 1, 2.1, 0), MOST(9, 9, 11, 8), 1),
    [ANY_WAITING] = ROW("any of two: wait", MOST(5, 3, 5.6, 0), MOST(9, 9, 18, 2), 2),
    [ANY_RELEASING] = ROW("any of two: release to one of them", MOST(3, 2, 3.2, 0), MOST(13, 15, 50, 11), 2),
    [ANY_AT_ONCE] = ROW("any of two: wait, the first has a permit", MOST(1, 1, 1, 0), MOST(2, 2, 2, 1), 0),
};

int main(void) {
    bool within = true;
    channel_with_room(&rows[SENDING], &rows[RECEIVING], &rows[TRYING]);
    channel_that_waits(&rows[QUEUEING], &rows[SERVING]);
    condvar_rounds(&rows[NOBODY], &rows[WAITING], &rows[SIGNALLING], &rows[HANDING_OVER], &rows[ROUND]);
    condvar_at_once(&rows[AT_ONCE]);
    any_of_two(&rows[ANY_WAITING], &rows[ANY_RELEASING], &rows[ANY_AT_ONCE]);
    printf("atomic read-modify-writes, loads, and locks\n");
    for (size_t i = 0; i < ROWS; i++) {
        within = show(&rows[i]) && within;
    }
    return within ? 0 : 1;
}
