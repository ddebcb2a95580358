/* The blocking and timed twins of rwlock.h, once.h, barrier.h, limit.h, channel.h and condvar.h. */
#include <rouse/blocking.h>
#include <rouse/limit.h>

#include "support.h"

#include <sched.h>
#include <stdatomic.h>

#define MILLISECOND UINT64_C(1000000)

/* A thread that makes one blocking call. */
typedef struct blocker {
    void *object;
    rouse_status (*call)(void *object);
    rouse_status status;
    pthread_t thread;
} blocker;

static void *block(void *arg) {
    blocker *const b = (blocker *)arg;
    b->status = b->call(b->object);
    return NULL;
}
static void start(blocker *b, rouse_status (*call)(void *), void *object) {
    b->object = object;
    b->call = call;
    b->status = ROUSE_PENDING;
    cr_assert_eq(pthread_create(&b->thread, NULL, block, b), 0);
}
static rouse_status end_of(blocker *b) {
    cr_assert_eq(pthread_join(b->thread, NULL), 0);
    return b->status;
}

/* ---- rwlock --------------------------------------------------------------------------------------------------------- */

static rouse_status read_blocking(void *l) {
    return rouse_rwlock_read_blocking((rouse_rwlock *)l);
}
static rouse_status write_blocking(void *l) {
    return rouse_rwlock_write_blocking((rouse_rwlock *)l);
}
static void await_waiters(rouse_rwlock *l, uint32_t count) {
    while (rouse_rwlock_waiter_count(l) != count) {
        sched_yield();
    }
}

Test(family_blocking, rwlock_what_can_be_had_at_once_and_a_timeout_of_zero) {
    rouse_rwlock l = ROUSE_RWLOCK_INIT(2);
    cr_assert_eq(rouse_rwlock_read_timed(&l, 0), ROUSE_OK);
    cr_assert_eq(rouse_rwlock_read_blocking(&l), ROUSE_OK);
    cr_assert_eq(rouse_rwlock_read_timed(&l, 0), ROUSE_TIMEDOUT);
    cr_assert_eq(rouse_rwlock_write_timed(&l, 0), ROUSE_TIMEDOUT);
    cr_assert_eq(rouse_rwlock_write_timed(&l, 2 * MILLISECOND), ROUSE_TIMEDOUT);
    cr_assert_eq(rouse_rwlock_end_read(&l), ROUSE_OK);
    cr_assert_eq(rouse_rwlock_end_read(&l), ROUSE_OK);
    cr_assert_eq(rouse_rwlock_write_timed(&l, 0), ROUSE_OK);
    cr_assert_eq(rouse_rwlock_read_timed(&l, 2 * MILLISECOND), ROUSE_TIMEDOUT);
#if !defined(ROUSE_DEBUG) /* which aborts */
    cr_assert_eq(rouse_rwlock_end_read(&l), ROUSE_INVALID, "a writer's");
#endif
    cr_assert_eq(rouse_rwlock_end_write(&l), ROUSE_OK);
    cr_assert_eq(rouse_rwlock_write_blocking(&l), ROUSE_OK);
    cr_assert_eq(rouse_rwlock_end_write(&l), ROUSE_OK);
    (void)rouse_rwlock_close(&l);
    cr_assert_eq(rouse_rwlock_read_timed(&l, 0), ROUSE_CLOSED);
    cr_assert_eq(rouse_rwlock_write_blocking(&l), ROUSE_CLOSED);
    rouse_rwlock_destroy(&l);
}

Test(family_blocking, rwlock_threads_wait_in_order, .timeout = 60) {
    rouse_rwlock l = ROUSE_RWLOCK_INIT(4);
    blocker writer, reader;
    cr_assert(rouse_rwlock_try_read(&l));
    start(&writer, write_blocking, &l);
    await_waiters(&l, 1);
    start(&reader, read_blocking, &l);
    await_waiters(&l, 2);
    cr_assert_eq(rouse_rwlock_end_read(&l), ROUSE_OK);
    cr_assert_eq(end_of(&writer), ROUSE_OK);
    cr_assert_eq(rouse_rwlock_waiter_count(&l), 1u);
    cr_assert_eq(rouse_rwlock_downgrade(&l), ROUSE_OK);
    cr_assert_eq(end_of(&reader), ROUSE_OK);
    cr_assert_eq(rouse_rwlock_end_read(&l), ROUSE_OK);
    cr_assert_eq(rouse_rwlock_end_read(&l), ROUSE_OK);
#if !defined(ROUSE_DEBUG) /* which aborts */
    cr_assert_eq(rouse_rwlock_end_read(&l), ROUSE_INVALID);
#endif
    rouse_rwlock_destroy(&l);
}

/* Trap: a cancelled writer keeps readers out; here it times out. */
Test(family_blocking, rwlock_a_writer_that_times_out_lets_the_readers_behind_it_in, .timeout = 60) {
    rouse_rwlock l = ROUSE_RWLOCK_INIT(4);
    rouse_waiter behind;
    blocker writer;
    rouse_waiter_init(&behind, NULL, NULL);
    cr_assert(rouse_rwlock_try_read(&l));
    start(&writer, write_blocking, &l);
    await_waiters(&l, 1);
    cr_assert_eq(rouse_rwlock_read_timed(&l, 2 * MILLISECOND), ROUSE_TIMEDOUT);
    cr_assert_eq(rouse_rwlock_read(&l, &behind), ROUSE_PENDING);
    cr_assert_eq(rouse_rwlock_close(&l), 2u);
    cr_assert_eq(end_of(&writer), ROUSE_CLOSED);
    cr_assert_eq(rouse_waiter_status(&behind), ROUSE_CLOSED);
    cr_assert_eq(rouse_rwlock_end_read(&l), ROUSE_OK);
    rouse_rwlock_destroy(&l);
}

/* ---- once ----------------------------------------------------------------------------------------------------------- */

static rouse_status begin_blocking(void *o) {
    return rouse_once_begin_blocking((rouse_once *)o);
}

Test(family_blocking, once_the_others_sleep_until_it_is_done, .timeout = 60) {
    rouse_once o = ROUSE_ONCE_INIT;
    blocker b[3];
    int next = 0;
    cr_assert_eq(rouse_once_begin_timed(&o, 0), ROUSE_OK);
    cr_assert_eq(rouse_once_begin_timed(&o, 0), ROUSE_TIMEDOUT);
    cr_assert_eq(rouse_once_begin_timed(&o, 2 * MILLISECOND), ROUSE_TIMEDOUT);
    for (int i = 0; i < 3; i++) {
        start(&b[i], begin_blocking, &o);
    }
    while (rouse_once_waiter_count(&o) != 3) {
        sched_yield();
    }
    cr_assert_eq(rouse_once_failed(&o), ROUSE_OK);
    while (rouse_once_waiter_count(&o) != 2) {
        sched_yield();
    }
    cr_assert_eq(rouse_once_done(&o), ROUSE_OK);
    for (int i = 0; i < 3; i++) {
        const rouse_status status = end_of(&b[i]);
        cr_assert(status == ROUSE_OK || status == ROUSE_CLOSED);
        next += status == ROUSE_OK ? 1 : 0;
    }
    cr_assert_eq(next, 1, "exactly one next");
    cr_assert_eq(rouse_once_begin_timed(&o, 0), ROUSE_CLOSED);
    cr_assert_eq(rouse_once_begin_blocking(&o), ROUSE_CLOSED);
    rouse_once_destroy(&o);
}

/* ---- barrier -------------------------------------------------------------------------------------------------------- */

enum { PARTIES = 4, PHASES = 500 };
static rouse_barrier meeting;
static int phase_of[PARTIES];
static atomic_int party_numbers;

static rouse_status party(void *unused) {
    const int me = atomic_fetch_add(&party_numbers, 1);
    (void)unused;
    for (int phase = 1; phase <= PHASES; phase++) {
        phase_of[me] = phase;
        cr_assert_eq(rouse_barrier_arrive_blocking(&meeting), ROUSE_OK);
        for (int i = 0; i < PARTIES; i++) {
            cr_assert_eq(phase_of[i], phase);
        }
        cr_assert_eq(rouse_barrier_arrive_blocking(&meeting), ROUSE_OK);
    }
    return ROUSE_OK;
}

Test(family_blocking, barrier_threads_meet_phase_after_phase, .timeout = 120) {
    blocker b[PARTIES];
    cr_assert_eq(rouse_barrier_init(&meeting, PARTIES), ROUSE_OK);
    for (int i = 0; i < PARTIES; i++) {
        start(&b[i], party, NULL);
    }
    for (int i = 0; i < PARTIES; i++) {
        cr_assert_eq(end_of(&b[i]), ROUSE_OK);
    }
    rouse_barrier_destroy(&meeting);
}

/* ---- limit ---------------------------------------------------------------------------------------------------------- */

enum { LIMIT_WORKERS = 4, LIMIT_SECTIONS = 3000, LIMIT_MOST = 6 };

static rouse_limit shared_limit = ROUSE_LIMIT_INIT(3, UINT32_MAX);
static atomic_uint inside_limit;
static atomic_bool sections_over;

static void *section(void *arg) {
    const uint32_t n = *(const uint32_t *)arg;
    for (int i = 0; i < LIMIT_SECTIONS; i++) {
        if (i % 16 == 7) {
            const rouse_status status = rouse_limit_acquire_timed(&shared_limit, n, 1000);
            if (status == ROUSE_TIMEDOUT) {
                continue;
            }
            cr_assert_eq(status, ROUSE_OK);
        } else {
            cr_assert_eq(rouse_limit_acquire_blocking(&shared_limit, n), ROUSE_OK);
        }
        cr_assert_leq(atomic_fetch_add(&inside_limit, n) + n, (unsigned)LIMIT_MOST);
        (void)atomic_fetch_sub(&inside_limit, n);
        cr_assert_eq(rouse_limit_give_back(&shared_limit, n), ROUSE_OK);
    }
    return NULL;
}
static void *resize(void *arg) {
    for (uint32_t i = 0; !atomic_load(&sections_over); i++) {
        cr_assert_eq(rouse_limit_set(&shared_limit, i % 2 == 0 ? *(const uint32_t *)arg : 2u), ROUSE_OK);
    }
    return NULL;
}
/* Trap: grow racing shrink. Nobody has asked for more than 6, so there are never more than 6 inside. */
Test(family_blocking, limit_grow_racing_shrink, .timeout = 120) {
    static const uint32_t n[LIMIT_WORKERS] = {1, 2, 1, 2};
    static const uint32_t large[2] = {4, LIMIT_MOST};
    pthread_t worker[LIMIT_WORKERS], resizer[2];
    for (int i = 0; i < 2; i++) {
        cr_assert_eq(pthread_create(&resizer[i], NULL, resize, (void *)(uintptr_t)&large[i]), 0);
    }
    for (int i = 0; i < LIMIT_WORKERS; i++) {
        cr_assert_eq(pthread_create(&worker[i], NULL, section, (void *)(uintptr_t)&n[i]), 0);
    }
    for (int i = 0; i < LIMIT_WORKERS; i++) {
        cr_assert_eq(pthread_join(worker[i], NULL), 0);
    }
    atomic_store(&sections_over, true);
    for (int i = 0; i < 2; i++) {
        cr_assert_eq(pthread_join(resizer[i], NULL), 0);
    }
    cr_assert_eq(rouse_limit_in_use(&shared_limit), 0u);
    cr_assert_eq(rouse_limit_waiter_count(&shared_limit), 0u);
    rouse_limit_destroy(&shared_limit);
}

static rouse_status limit_acquire_1(void *l) {
    return rouse_limit_acquire_blocking((rouse_limit *)l, 1);
}
Test(family_blocking, limit_what_can_be_had_at_once_the_bound_and_close, .timeout = 60) {
    rouse_limit l = ROUSE_LIMIT_INIT(1, 1);
    blocker b;
    cr_assert_eq(rouse_limit_acquire_timed(&l, ROUSE_MAX_PERMITS + 1u, 0), ROUSE_INVALID);
    cr_assert_eq(rouse_limit_acquire_blocking(&l, 1), ROUSE_OK);
    cr_assert_eq(rouse_limit_acquire_timed(&l, 1, 0), ROUSE_TIMEDOUT);
    cr_assert_eq(rouse_limit_acquire_timed(&l, 1, 1000), ROUSE_TIMEDOUT);
    cr_assert_eq(rouse_limit_waiter_count(&l), 0u);
    start(&b, limit_acquire_1, &l);
    while (rouse_limit_waiter_count(&l) == 0) {
        (void)sched_yield();
    }
    cr_assert_eq(rouse_limit_acquire_timed(&l, 1, 1000), ROUSE_FULL);
    cr_assert_eq(rouse_limit_acquire_blocking(&l, 1), ROUSE_FULL);
    cr_assert_eq(rouse_limit_give_back(&l, 1), ROUSE_OK);
    cr_assert_eq(end_of(&b), ROUSE_OK);
    start(&b, limit_acquire_1, &l);
    while (rouse_limit_waiter_count(&l) == 0) {
        (void)sched_yield();
    }
    cr_assert_eq(rouse_limit_close(&l), 1u);
    cr_assert_eq(end_of(&b), ROUSE_CLOSED);
    cr_assert_eq(rouse_limit_acquire_timed(&l, 1, 0), ROUSE_CLOSED);
    cr_assert_eq(rouse_limit_acquire_blocking(&l, 1), ROUSE_CLOSED);
    cr_assert_eq(rouse_limit_give_back(&l, 1), ROUSE_OK);
    rouse_limit_destroy(&l);
}

/* ---- channel -------------------------------------------------------------------------------------------------------- */

static rouse_channel line;
static int line_slots[3];
enum { NUMBERS = 3000 };

static rouse_status send_all(void *unused) {
    (void)unused;
    for (int i = 1; i <= NUMBERS; i++) {
        rouse_status status = ROUSE_TIMEDOUT;
        if (i % 3 != 0) {
            status = rouse_channel_send_blocking(&line, &i);
            cr_assert_neq(status, ROUSE_TIMEDOUT);
        }
        while (status == ROUSE_TIMEDOUT) {
            status = rouse_channel_send_timed(&line, &i, (uint64_t)i * 100);
        }
        cr_assert_eq(status, ROUSE_OK);
    }
    return ROUSE_OK;
}
static long sums[3];
static rouse_status receive_all(void *sum) {
    int value, last = 0;
    for (int i = 0;; i++) {
        const rouse_status status = i % 4 == 0 ? rouse_channel_receive_timed(&line, &value, (uint64_t)i)
                                               : rouse_channel_receive_blocking(&line, &value);
        if (status == ROUSE_CLOSED) {
            return ROUSE_CLOSED;
        }
        cr_assert(status == ROUSE_OK || (status == ROUSE_TIMEDOUT && i % 4 == 0));
        if (status == ROUSE_OK) {
            last = value;
            *(long *)sum += last;
        }
    }
}

Test(family_blocking, channel_threads_send_and_receive_with_and_without_timeouts, .timeout = 120) {
    blocker senders[2], receivers[3];
    cr_assert_eq(rouse_channel_init(&line, line_slots, 3, sizeof(int)), ROUSE_OK);
    for (int i = 0; i < 2; i++) {
        start(&senders[i], send_all, NULL);
    }
    for (int i = 0; i < 3; i++) {
        start(&receivers[i], receive_all, &sums[i]);
    }
    for (int i = 0; i < 2; i++) {
        cr_assert_eq(end_of(&senders[i]), ROUSE_OK);
    }
    (void)rouse_channel_close(&line);
    for (int i = 0; i < 3; i++) {
        cr_assert_eq(end_of(&receivers[i]), ROUSE_CLOSED);
    }
    cr_assert_eq(sums[0] + sums[1] + sums[2], (long)NUMBERS * (NUMBERS + 1));
    rouse_channel_destroy(&line);
}

Test(family_blocking, channel_a_timeout_of_zero_never_waits_and_changes_nothing, .timeout = 30) {
    int value = 0, slot[1];
    cr_assert_eq(rouse_channel_init(&line, slot, 1, sizeof(int)), ROUSE_OK);
    cr_assert_eq(rouse_channel_receive_timed(&line, &value, 0), ROUSE_TIMEDOUT);
    cr_assert_eq(rouse_channel_receive_timed(&line, &value, 2 * MILLISECOND), ROUSE_TIMEDOUT);
    value = 5;
    cr_assert_eq(rouse_channel_send_timed(&line, &value, 0), ROUSE_OK);
    cr_assert_eq(rouse_channel_send_timed(&line, &value, 0), ROUSE_TIMEDOUT);
    cr_assert_eq(rouse_channel_send_timed(&line, &value, 2 * MILLISECOND), ROUSE_TIMEDOUT);
    cr_assert_eq(rouse_channel_waiter_count(&line), 0u);
    (void)rouse_channel_close(&line);
    cr_assert_eq(rouse_channel_send_timed(&line, &value, 0), ROUSE_CLOSED);
    cr_assert_eq(rouse_channel_send_blocking(&line, &value), ROUSE_CLOSED);
    value = 0;
    cr_assert_eq(rouse_channel_receive_timed(&line, &value, 0), ROUSE_OK);
    cr_assert_eq(value, 5);
    cr_assert_eq(rouse_channel_receive_timed(&line, &value, 0), ROUSE_CLOSED);
    cr_assert_eq(rouse_channel_receive_blocking(&line, &value), ROUSE_CLOSED);
    rouse_channel_destroy(&line);
}

/* ---- condvar -------------------------------------------------------------------------------------------------------- */

static rouse_mutex pile_mutex = ROUSE_MUTEX_INIT;
static rouse_condvar pile_not_full = ROUSE_CONDVAR_INIT, pile_not_empty = ROUSE_CONDVAR_INIT;
static int pile, pile_taken;
enum { PILE_ITEMS = 1000 };

static rouse_status put_or_take(void *puts_arg) {
    const bool puts = puts_arg != NULL;
    for (int i = 0; i < PILE_ITEMS; i++) {
        cr_assert_eq(rouse_mutex_lock_blocking(&pile_mutex), ROUSE_OK);
        while (puts ? pile == 1 : pile == 0) {
            rouse_condvar *const c = puts ? &pile_not_full : &pile_not_empty;
            const rouse_status status = i % 3 == 0
                                            ? rouse_condvar_wait_timed(c, &pile_mutex, (uint64_t)i * 50)
                                            : rouse_condvar_wait_blocking(c, &pile_mutex);
            cr_assert(status == ROUSE_OK || (status == ROUSE_TIMEDOUT && i % 3 == 0));
            cr_assert(rouse_mutex_is_locked(&pile_mutex));
        }
        pile += puts ? 1 : -1;
        pile_taken += puts ? 0 : 1;
        (void)rouse_condvar_signal(puts ? &pile_not_empty : &pile_not_full);
        cr_assert_eq(rouse_mutex_unlock(&pile_mutex), ROUSE_OK);
    }
    return ROUSE_OK;
}
Test(family_blocking, condvar_threads_put_and_take_with_and_without_timeouts, .timeout = 120) {
    blocker b[6];
    for (int i = 0; i < 6; i++) {
        start(&b[i], put_or_take, i % 2 == 0 ? &pile : NULL);
    }
    for (int i = 0; i < 6; i++) {
        cr_assert_eq(end_of(&b[i]), ROUSE_OK);
    }
    cr_assert(pile == 0 && pile_taken == 3 * PILE_ITEMS);
    rouse_condvar_destroy(&pile_not_full);
    rouse_condvar_destroy(&pile_not_empty);
    rouse_mutex_destroy(&pile_mutex);
}

static rouse_condvar lonely = ROUSE_CONDVAR_INIT;
static rouse_status wait_lonely(void *m) {
    rouse_status status;
    cr_assert_eq(rouse_mutex_lock_blocking((rouse_mutex *)m), ROUSE_OK);
    status = rouse_condvar_wait_blocking(&lonely, (rouse_mutex *)m);
    if (status == ROUSE_OK) {
        cr_assert_eq(rouse_mutex_unlock((rouse_mutex *)m), ROUSE_OK);
    }
    return status;
}
Test(family_blocking, condvar_after_a_timeout_the_mutex_is_held_after_a_close_not, .timeout = 60) {
    rouse_mutex m = ROUSE_MUTEX_INIT;
    blocker b[3];
    cr_assert(rouse_mutex_try_lock(&m));
    cr_assert_eq(rouse_condvar_wait_timed(&lonely, &m, 0), ROUSE_TIMEDOUT);
    cr_assert_eq(rouse_condvar_wait_timed(&lonely, &m, 2 * MILLISECOND), ROUSE_TIMEDOUT);
    cr_assert(rouse_mutex_is_locked(&m));
    cr_assert_eq(rouse_mutex_unlock(&m), ROUSE_OK);
    for (uint32_t i = 0; i < 3; i++) {
        start(&b[i], wait_lonely, &m);
        while (rouse_condvar_waiter_count(&lonely) != i + 1) {
            sched_yield();
        }
    }
    cr_assert(rouse_condvar_signal(&lonely));
    cr_assert_eq(end_of(&b[0]), ROUSE_OK, "the oldest");
    cr_assert_eq(rouse_condvar_close(&lonely), 2u);
    cr_assert_eq(end_of(&b[1]), ROUSE_CLOSED);
    cr_assert_eq(end_of(&b[2]), ROUSE_CLOSED);
    cr_assert_not(rouse_mutex_is_locked(&m));
    cr_assert(rouse_mutex_try_lock(&m));
    cr_assert_eq(rouse_condvar_wait_timed(&lonely, &m, 0), ROUSE_CLOSED);
    cr_assert_not(rouse_mutex_is_locked(&m));
    cr_assert(rouse_mutex_try_lock(&m));
    cr_assert_eq(rouse_condvar_wait_blocking(&lonely, &m), ROUSE_CLOSED);
    cr_assert_not(rouse_mutex_is_locked(&m));
    rouse_condvar_destroy(&lonely);
    rouse_mutex_destroy(&m);
}

Test(family_blocking, condvar_the_mutex_is_closed_when_a_timeout_comes_back_for_it) {
    rouse_mutex m = ROUSE_MUTEX_INIT;
    rouse_condvar c = ROUSE_CONDVAR_INIT;
    cr_assert(rouse_mutex_try_lock(&m));
    cr_assert_eq(rouse_mutex_close(&m), 0u);
    cr_assert_eq(rouse_condvar_wait_timed(&c, &m, 0), ROUSE_CLOSED);
    cr_assert_not(rouse_mutex_is_locked(&m));
    rouse_condvar_destroy(&c);
    rouse_mutex_destroy(&m);
}
