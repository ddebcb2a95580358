/* Read-write lock, channel and condition variable under threads of all kinds: what one writes the next sees, every element
 * arrives once, and no signal is lost. */
#include "stress.h"

/* ---- read-write lock: two plain numbers that are equal unless somebody writes -------------------------------------- */

static rouse_rwlock lock = ROUSE_RWLOCK_INIT(7);
static unsigned long long left, right;

static bool have(rouse_waiter *w, rouse_status status, dice *d) {
    if (status == ROUSE_PENDING && roll(d, 4) == 0) {
        dawdle(d);
        if (rouse_rwlock_cancel(&lock, w)) {
            return false;
        }
    }
    if (status == ROUSE_PENDING) {
        status = await_outcome(w);
    }
    CHECK(status == ROUSE_OK);
    return true;
}
static void write_both(dice *d) {
    CHECK(left == right);
    left++;
    dawdle(d);
    right++;
}
static void read_or_write(dice *d) {
    rouse_waiter w;
    rouse_waiter_init(&w, NULL, NULL);
    if (roll(d, 4) == 0) {
        if (!have(&w, rouse_rwlock_write(&lock, &w), d)) {
            return;
        }
        write_both(d);
        if (roll(d, 2) == 0) {
            CHECK(rouse_rwlock_end_write(&lock) == ROUSE_OK);
            return;
        }
        CHECK(rouse_rwlock_downgrade(&lock) == ROUSE_OK);
    } else if (roll(d, 3) == 0) {
        if (rouse_rwlock_read_timed(&lock, roll(d, 20000)) != ROUSE_OK) {
            return;
        }
    } else if (!have(&w, rouse_rwlock_read(&lock, &w), d)) {
        return;
    }
    CHECK(left == right);
    dawdle(d);
    CHECK(left == right);
    if (roll(d, 5) == 0 && rouse_rwlock_try_upgrade(&lock)) {
        write_both(d);
        CHECK(rouse_rwlock_end_write(&lock) == ROUSE_OK);
    } else {
        CHECK(rouse_rwlock_end_read(&lock) == ROUSE_OK);
    }
}

/* ---- channel: the sums of what was sent and of what was received are equal ----------------------------------------- */

enum { ROOM = 6 };
static rouse_channel channel;
static uint64_t room[ROOM];
static atomic_ullong sent, received, sends, receipts;

static void note_sent(uint64_t value) {
    (void)atomic_fetch_add(&sent, value);
    (void)atomic_fetch_add(&sends, 1);
}
static void note_received(uint64_t value) {
    (void)atomic_fetch_add(&received, value);
    (void)atomic_fetch_add(&receipts, 1);
}
static bool moved(rouse_transfer *t, rouse_status status, dice *d) {
    if (status == ROUSE_PENDING) {
        dawdle(d);
        if (rouse_channel_cancel(&channel, t)) {
            return false;
        }
        status = await_outcome(&t->waiter);
    }
    CHECK(status == ROUSE_OK);
    return true;
}
static void send_or_receive(dice *d) {
    uint64_t value[4] = {roll(d, 1000) + 1u, 0, 0, 0};
    rouse_transfer t;
    rouse_transfer_init(&t, NULL, NULL, NULL);
    switch (roll(d, 7)) {
    case 0:
        if (moved(&t, rouse_channel_send(&channel, &t, value), d)) {
            note_sent(value[0]);
        }
        break;
    case 1:
        if (rouse_channel_send_timed(&channel, value, roll(d, 20000)) == ROUSE_OK) {
            note_sent(value[0]);
        }
        break;
    case 2:
        if (rouse_channel_try_send(&channel, value)) {
            note_sent(value[0]);
        }
        break;
    case 3:
        if (moved(&t, rouse_channel_receive(&channel, &t, value), d)) {
            note_received(value[0]);
        }
        break;
    case 4:
        if (rouse_channel_receive_timed(&channel, value, roll(d, 20000)) == ROUSE_OK) {
            note_received(value[0]);
        }
        break;
    case 5:
        if (rouse_channel_try_receive(&channel, value)) {
            note_received(value[0]);
        }
        break;
    default: {
        const uint32_t many = rouse_channel_try_receive_many(&channel, value, 4);
        for (uint32_t i = 0; i < many; i++) {
            note_received(value[i]);
        }
        break;
    }
    }
}

/* ---- condition variable: a pile of at most two, and those who wait for it ------------------------------------------ */

enum { MOST = 2 };
static rouse_mutex mutex = ROUSE_MUTEX_INIT;
static rouse_condvar not_full = ROUSE_CONDVAR_INIT, not_empty = ROUSE_CONDVAR_INIT;
static int pile;
static unsigned long long put, taken;

/* With the mutex held, before and after; or false: it has lost patience, and the mutex is not held. */
static bool wait_on(rouse_condvar *c, dice *d) {
    rouse_condvar_waiter w;
    if (roll(d, 2) == 0) {
        const rouse_status status = rouse_condvar_wait_timed(c, &mutex, roll(d, 40000));
        CHECK(status == ROUSE_OK || status == ROUSE_TIMEDOUT);
        return true;
    }
    rouse_condvar_waiter_init(&w, &mutex, NULL, NULL, NULL);
    CHECK(rouse_condvar_wait(c, &w) == ROUSE_PENDING);
    dawdle(d);
    if (rouse_condvar_cancel(c, &w)) {
        return false;
    }
    CHECK(await_outcome(&w.waiter) == ROUSE_OK);
    return true;
}
static void put_or_take(dice *d) {
    const bool puts = roll(d, 2) == 0;
    CHECK(rouse_mutex_lock_blocking(&mutex) == ROUSE_OK);
    for (int tries = 0; puts ? pile == MOST : pile == 0; tries++) {
        if (tries == 3) {
            CHECK(rouse_mutex_unlock(&mutex) == ROUSE_OK);
            return;
        }
        if (!wait_on(puts ? &not_full : &not_empty, d)) {
            return;
        }
    }
    pile += puts ? 1 : -1;
    *(puts ? &put : &taken) += 1;
    if (roll(d, 8) == 0) {
        (void)rouse_condvar_broadcast(puts ? &not_empty : &not_full);
    } else {
        (void)rouse_condvar_signal(puts ? &not_empty : &not_full);
    }
    CHECK(rouse_mutex_unlock(&mutex) == ROUSE_OK);
}

static void *work(void *number) {
    dice d;
    dice_init(&d, (uintptr_t)number);
    while (!time_is_up()) {
        switch (roll(&d, 3)) {
        case 0:
            read_or_write(&d);
            break;
        case 1:
            send_or_receive(&d);
            break;
        default:
            put_or_take(&d);
            break;
        }
    }
    return NULL;
}

int main(int argc, char **argv) {
    uint64_t value = 0;
    stress_begin(argc, argv);
    CHECK(rouse_channel_init(&channel, room, ROOM, sizeof room[0]) == ROUSE_OK);
    run_threads(work);
    (void)rouse_channel_close(&channel);
    while (rouse_channel_try_receive(&channel, &value)) {
        note_received(value);
    }
    CHECK(atomic_load(&sent) == atomic_load(&received) && atomic_load(&sends) == atomic_load(&receipts));
    CHECK(left == right && put == taken + (unsigned)pile);
    CHECK(rouse_rwlock_try_write(&lock) && rouse_rwlock_end_write(&lock) == ROUSE_OK);
    CHECK(!rouse_mutex_is_locked(&mutex) && rouse_condvar_waiter_count(&not_full) == 0 &&
          rouse_condvar_waiter_count(&not_empty) == 0);
    rouse_rwlock_destroy(&lock);
    rouse_channel_destroy(&channel);
    rouse_condvar_destroy(&not_full);
    rouse_condvar_destroy(&not_empty);
    rouse_mutex_destroy(&mutex);
    printf("%llu writes, %llu elements, %llu taken\n", left, (unsigned long long)atomic_load(&receipts),
           taken);
    return 0;
}
