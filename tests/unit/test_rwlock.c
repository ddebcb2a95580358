/* The contract of rwlock.h: readers together, writers alone, in the order of asking. */
#include <rouse/mailbox.h>
#include <rouse/rwlock.h>

#include "script.h"

#include <sched.h>
#include <stdatomic.h>
#include <string.h>

static rouse_rwlock fixed = ROUSE_RWLOCK_INIT(3);

static void must_read(rouse_rwlock *l, probe *p) {
    cr_assert_eq(rouse_rwlock_read(l, &p->waiter), ROUSE_PENDING);
}
static void must_write(rouse_rwlock *l, probe *p) {
    cr_assert_eq(rouse_rwlock_write(l, &p->waiter), ROUSE_PENDING);
}
static void end_read(rouse_rwlock *l) {
    cr_assert_eq(rouse_rwlock_end_read(l), ROUSE_OK);
}
static void end_write(rouse_rwlock *l) {
    cr_assert_eq(rouse_rwlock_end_write(l), ROUSE_OK);
}
/* Nobody holds it, and nobody waits. */
static void expect_free(rouse_rwlock *l) {
    cr_assert_eq(rouse_rwlock_waiter_count(l), 0u);
    cr_assert(rouse_rwlock_try_write(l));
    end_write(l);
}

/* ---- scripts (script.h): 1 is a reader, 2 is a writer ------------------------------------------------------------------ */

static rouse_status script_wait_on(void *l, rouse_waiter *w, uint32_t n) {
    return n == 1 ? rouse_rwlock_read((rouse_rwlock *)l, w) : rouse_rwlock_write((rouse_rwlock *)l, w);
}
static bool script_try_on(void *l, uint32_t n) {
    return n == 1 ? rouse_rwlock_try_read((rouse_rwlock *)l) : rouse_rwlock_try_write((rouse_rwlock *)l);
}
static rouse_status script_end(void *l, uint32_t n, uint32_t cap) {
    (void)cap;
    return n == 1 ? rouse_rwlock_end_read((rouse_rwlock *)l) : rouse_rwlock_end_write((rouse_rwlock *)l);
}
static bool script_cancel_on(void *l, rouse_waiter *w) {
    return rouse_rwlock_cancel((rouse_rwlock *)l, w);
}
static uint32_t script_close_on(void *l) {
    const uint32_t told = rouse_rwlock_close((rouse_rwlock *)l);
    cr_assert(rouse_rwlock_is_closed((rouse_rwlock *)l));
    return told;
}
static bool script_upgrade(void *l) {
    return rouse_rwlock_try_upgrade((rouse_rwlock *)l);
}
static rouse_status script_downgrade(void *l) {
    return rouse_rwlock_downgrade((rouse_rwlock *)l);
}
static uint32_t script_waiters_on(const void *l) {
    return rouse_rwlock_waiter_count((const rouse_rwlock *)l);
}

/* Ends with the lock free, unless it was closed. */
static void run(uint32_t readers, const char *script) {
    static const script_verbs verbs = {
        .wait = script_wait_on,
        .try = script_try_on,
        .wake = script_end,
        .cancel = script_cancel_on,
        .close = script_close_on,
        .upgrade = script_upgrade,
        .downgrade = script_downgrade,
        .waiters = script_waiters_on,
    };
    rouse_rwlock l;
    cr_assert_eq(rouse_rwlock_init(&l, readers), ROUSE_OK);
    cr_assert_not(rouse_rwlock_is_closed(&l));
    script_run(&verbs, &l, script);
    if (!rouse_rwlock_is_closed(&l)) {
        expect_free(&l);
    }
    rouse_rwlock_destroy(&l);
}

Test(rwlock, static_and_init_are_alike) {
    rouse_rwlock made;
    rouse_rwlock *const all[] = {&fixed, &made};
    cr_assert_eq(rouse_rwlock_init(&made, 3), ROUSE_OK);
    for (int i = 0; i < 2; i++) {
        probe p[4];
        probes_init(p, 4);
        for (int k = 0; k < 3; k++) {
            cr_assert_eq(rouse_rwlock_read(all[i], &p[k].waiter), ROUSE_OK);
        }
        cr_assert_not(rouse_rwlock_try_read(all[i]), "a fourth reader waits");
        cr_assert_not(rouse_rwlock_try_write(all[i]));
        must_read(all[i], &p[3]);
        cr_assert_eq(rouse_rwlock_waiter_count(all[i]), 1u);
        end_read(all[i]);
        expect_wakes(3);
        for (int k = 0; k < 3; k++) {
            end_read(all[i]);
        }
        cr_assert_eq(rouse_rwlock_write(all[i], &p[0].waiter), ROUSE_OK);
        cr_assert_not(rouse_rwlock_try_read(all[i]));
        end_write(all[i]);
        expect_free(all[i]);
        rouse_rwlock_destroy(all[i]);
    }
}

Test(rwlock, init_tells_a_number_of_readers_that_is_out_of_range) {
    rouse_rwlock l;
    cr_assert_eq(rouse_rwlock_init(&l, 0), ROUSE_INVALID);
    cr_assert(rouse_rwlock_try_read(&l));
    cr_assert_not(rouse_rwlock_try_read(&l), "it has one");
    end_read(&l);
    rouse_rwlock_destroy(&l);
    cr_assert_eq(rouse_rwlock_init(&l, ROUSE_MAX_PERMITS + 1u), ROUSE_INVALID);
    expect_free(&l);
    rouse_rwlock_destroy(&l);
}

Test(rwlock, readers_up_to_max_permits) {
    run(ROUSE_MAX_PERMITS, "T1! U! W2? W1? R2 >0 G! >1 W2? R1 R1 >2 R2");
}

Test(rwlock, many_writers_wait_for_max_permits_each) {
    enum { WRITERS = 200 };
    static probe p[WRITERS];
    rouse_rwlock l = ROUSE_RWLOCK_INIT(ROUSE_MAX_PERMITS);
    probes_init(p, WRITERS);
    cr_assert(rouse_rwlock_try_read(&l));
    for (int i = 0; i < WRITERS; i++) {
        must_write(&l, &p[i]);
    }
    for (int i = 0; i < WRITERS; i += 2) {
        cr_assert(rouse_rwlock_cancel(&l, &p[i].waiter));
    }
    end_read(&l);
    for (int i = 1; i < WRITERS; i += 2) {
        expect_wakes(i);
        end_write(&l);
    }
    expect_free(&l);
    rouse_rwlock_destroy(&l);
}

Test(rwlock, a_reader_behind_a_waiting_writer_waits_and_neither_side_starves) {
    run(10, "T1! W2? T1- W1? W1? W2? W1? R1 >0 R2 >12 R1 W2? R1 >3 R2 >4 R1 >5 R2");
}

/* Trap: a cancelled writer keeps readers out. */
Test(rwlock, a_cancelled_writer_lets_the_readers_behind_it_in) {
    run(4, "T1! W2? W1? W1? W2? C0! >12 C3! T1! R1 R1 R1 R1");
}

/* Trap: downgrade gives twice. */
Test(rwlock, downgrade_gives_once_and_its_end_is_end_read) {
    /* Of a writer that did not wait, of one that did, a second time, and of a free lock. */
    run(3, "T2! W1? W2? W1? G! >0 R1 R1 >1 G! >2 G- R2i T1! T1- R1 R1 R1 G-");
}

Test(rwlock, downgrade_of_a_lock_for_one_reader) {
    run(1, "T2! G! T1- U! G! R1 R1i");
}

/* Trap: two upgraders. */
Test(rwlock, of_two_upgraders_neither_waits_and_neither_gets_it) {
    run(5, "T1! T1! U- U- R1 U! T1- R2");
}

Test(rwlock, upgrade_only_with_nobody_waiting) {
    run(1, "T1! W2? U- C0! U! R2 T2! R2 T1! X0 U- R1");
    run(2, "T1! W2? U- C0! U! R2 T2! R2 T1! X0 U- R1");
}

/* Trap: a reader that reads again behind a writer waits for itself; rwlock.h says so. */
Test(rwlock, a_reader_that_reads_again_behind_a_writer_waits_for_itself) {
    run(8, "T1! W2? W1? T1- C1! R1 >0 R2");
}

Test(rwlock, ending_a_lock_that_is_not_held_so_changes_nothing) {
    run(3, "R1i R2i G- T1! R2i G- T2- T1! R2i G- T2- R1 R1 R1i"); /* a reader's, as a writer's */
    run(3, "T2! R1i T1- W1? W2? R1i R2 >0 R1 >1 R2");             /* a writer's, as a reader's; others wait */
}

Test(rwlock, close_wakes_all_and_the_holders_end_as_ever) {
    run(2, "T1! W2? W1? X2 >01x X0 W1x W2x T1- R1 R1i T2-");
}

static void count_kick(void *arg) {
    ++*(int *)arg;
}

Test(rwlock, polled_and_on_a_mailbox) {
    rouse_rwlock l = ROUSE_RWLOCK_INIT(2);
    rouse_mailbox mb;
    probe p;
    rouse_waiter polled;
    int kicks = 0;
    rouse_mailbox_init(&mb, count_kick, &kicks);
    probe_init(&p, 4);
    rouse_waiter_init_on(&p.waiter, &mb, probe_wake, &p);
    rouse_waiter_init(&polled, NULL, NULL);
    cr_assert(rouse_rwlock_try_read(&l));
    cr_assert_eq(rouse_rwlock_write(&l, &polled), ROUSE_PENDING);
    must_read(&l, &p);
    end_read(&l);
    cr_assert_eq(rouse_waiter_status(&polled), ROUSE_OK);
    end_write(&l);
    expect_no_wakes();
    cr_assert_eq(kicks, 1);
    cr_assert_not(rouse_rwlock_cancel(&l, &p.waiter), "granted");
    cr_assert_eq(rouse_mailbox_drain(&mb), 1u);
    expect_wakes(4);
    end_read(&l);
    expect_free(&l);
    rouse_mailbox_destroy(&mb);
    rouse_rwlock_destroy(&l);
}
static void destroy_lock(probe *p) {
    rouse_rwlock_destroy((rouse_rwlock *)p->arg);
    free(p->arg);
}

Test(rwlock, whoever_is_granted_may_destroy_it_in_its_wake) {
    for (int writes = 0; writes < 2; writes++) {
        rouse_rwlock *const l = must_alloc(sizeof *l);
        probe p;
        cr_assert_eq(rouse_rwlock_init(l, 2), ROUSE_OK);
        probe_init(&p, 1);
        p.then = destroy_lock;
        p.arg = l;
        cr_assert(rouse_rwlock_try_write(l));
        if (writes) {
            must_write(l, &p);
        } else {
            must_read(l, &p);
        }
        end_write(l);
        expect_wakes(1);
    }
}

Test(rwlock, reserve) {
    rouse_rwlock l = ROUSE_RWLOCK_INIT(2);
    cr_assert_eq(rouse_rwlock_reserve(&l, 10), ROUSE_OK);
    expect_free(&l);
    rouse_rwlock_destroy(&l);
}

/* ---- every short sequence of calls, against a plain model ------------------------------------------------------------ */

enum { DEPTH = 6 - SHORTER_SEQUENCES };
enum { ACTORS = 2, CALLS = 7 + 3 * ACTORS };

typedef struct plain_lock {
    uint32_t readers, reading;
    bool writing, had_it_at_once, closed;
    int queued, queue[ACTORS];
    bool writes[ACTORS];
    rouse_status status[ACTORS]; /* PENDING: queued */
} plain_lock;

static bool plain_can(const plain_lock *m, bool write) {
    return !m->writing && (write ? m->reading == 0 : m->reading < m->readers);
}
static void plain_enter(plain_lock *m, bool write) {
    m->writing = write;
    m->reading += write ? 0 : 1;
}
static void plain_leave(plain_lock *m, int place) {
    m->queued--;
    for (int i = place; i < m->queued; i++) {
        m->queue[i] = m->queue[i + 1];
    }
}
static void plain_serve(plain_lock *m) {
    while (m->queued != 0 && plain_can(m, m->writes[m->queue[0]])) {
        const int first = m->queue[0];
        plain_enter(m, m->writes[first]);
        m->had_it_at_once = false;
        m->status[first] = ROUSE_OK;
        plain_leave(m, 0);
    }
}
static rouse_status plain_ask(plain_lock *m, int who, bool write) {
    rouse_status status = ROUSE_OK;
    if (m->closed) {
        status = ROUSE_CLOSED;
    } else if (m->queued != 0 || !plain_can(m, write)) {
        status = ROUSE_PENDING;
        m->writes[who] = write;
        m->queue[m->queued++] = who;
    } else {
        plain_enter(m, write);
        m->had_it_at_once = true;
    }
    m->status[who] = status;
    return status;
}

/* One call on both. False: it would be misuse that no check can see, or it means nothing here. */
static bool both(rouse_rwlock *l, plain_lock *m, probe *p, int call) {
    const bool holds_for_sure = m->queued == 0 && m->reading < m->readers && m->reading != 0;
    const bool free_now = !m->writing && m->reading == 0;
    switch (call) {
    case 0:
    case 1: {
        const bool can = !m->closed && m->queued == 0 && plain_can(m, call == 1);
        cr_assert_eq(call == 1 ? rouse_rwlock_try_write(l) : rouse_rwlock_try_read(l), can);
        if (can) {
            plain_enter(m, call == 1);
            m->had_it_at_once = true;
        }
        return true;
    }
    case 2: {
        const bool can = m->reading == 1 && m->queued == 0 && !m->closed;
        if (m->reading == 0) {
            return false;
        }
        cr_assert_eq(rouse_rwlock_try_upgrade(l), can);
        if (can) {
            m->reading = 0;
            plain_enter(m, true);
            m->had_it_at_once = true;
        }
        return true;
    }
    case 3:
        if (m->reading == 0 && !free_now && !(m->writing && m->had_it_at_once)) {
            return false;
        }
        cr_assert_eq(rouse_rwlock_end_read(l), m->reading != 0 ? ROUSE_OK : ROUSE_INVALID);
        if (m->reading != 0) {
            m->reading--;
            plain_serve(m);
        }
        return true;
    case 4:
    case 5:
        if (!m->writing && !free_now && !holds_for_sure) {
            return false;
        }
        cr_assert_eq(call == 4 ? rouse_rwlock_end_write(l) : rouse_rwlock_downgrade(l),
                     m->writing ? ROUSE_OK : ROUSE_INVALID);
        if (m->writing) {
            m->writing = false;
            m->reading = call == 4 ? 0 : 1;
            plain_serve(m);
        }
        return true;
    case 6:
        cr_assert_eq(rouse_rwlock_close(l), (uint32_t)m->queued);
        m->closed = true;
        for (; m->queued != 0; plain_leave(m, 0)) {
            m->status[m->queue[0]] = ROUSE_CLOSED;
        }
        return true;
    default: {
        const int who = (call - 7) / 3;
        const int what = (call - 7) % 3;
        if (what == 2) {
            bool queued = false;
            for (int i = 0; i < m->queued; i++) {
                if (m->queue[i] == who) {
                    queued = true;
                    plain_leave(m, i);
                    break;
                }
            }
            cr_assert_eq(rouse_rwlock_cancel(l, &p[who].waiter), queued);
            if (queued) {
                m->status[who] = ROUSE_INVALID;
                if (!m->closed) {
                    plain_serve(m);
                }
            }
            return true;
        }
        if (m->status[who] == ROUSE_PENDING) {
            return false;
        }
        p[who].outcome =
            what == 1 ? rouse_rwlock_write(l, &p[who].waiter) : rouse_rwlock_read(l, &p[who].waiter);
        cr_assert_eq(p[who].outcome, plain_ask(m, who, what == 1));
        return true;
    }
    }
}

static bool run_sequence(const int *calls, int length, uint32_t readers) {
    rouse_rwlock l;
    plain_lock m;
    probe p[ACTORS];
    bool all = true;
    memset(&m, 0, sizeof m);
    m.readers = readers;
    for (int k = 0; k < ACTORS; k++) {
        m.status[k] = ROUSE_INVALID;
    }
    probes_init(p, ACTORS);
    cr_assert_eq(rouse_rwlock_init(&l, readers), ROUSE_OK);
    for (int i = 0; i < length && all; i++) {
        wake_log_length = 0;
        all = both(&l, &m, p, calls[i]);
        cr_assert_eq(rouse_rwlock_waiter_count(&l), (uint32_t)m.queued);
        for (int k = 0; k < ACTORS; k++) {
            if (m.status[k] != ROUSE_INVALID) {
                cr_assert_eq(p[k].outcome, m.status[k]);
            }
        }
    }
    for (int k = 0; k < ACTORS; k++) {
        (void)rouse_rwlock_cancel(&l, &p[k].waiter);
    }
    rouse_rwlock_destroy(&l);
    return all;
}

static unsigned long sequences;
static void every_sequence(int *calls, int length, uint32_t readers) {
    if (length != 0 && !run_sequence(calls, length, readers)) {
        return;
    }
    sequences++;
    if (length < DEPTH) {
        for (int call = 0; call < CALLS; call++) {
            calls[length] = call;
            every_sequence(calls, length + 1, readers);
        }
    }
}

Test(rwlock, every_sequence_of_calls_agrees_with_a_plain_model, .timeout = 300) {
    int calls[DEPTH];
    for (uint32_t readers = 1; readers <= 2; readers++) {
        every_sequence(calls, 0, readers);
    }
    cr_log_info("%lu sequences", sequences);
}

/* ---- many threads --------------------------------------------------------------------------------------------------- */

enum { THREADS = 8, ROUNDS = 4000 };

static rouse_rwlock contended = ROUSE_RWLOCK_INIT(5);
static long left, right; /* plain: ThreadSanitizer looks for the edges */
static atomic_int reading_now, most_reading;

static rouse_status settle(rouse_rwlock *l, rouse_waiter *w, rouse_status status, bool impatient) {
    while (status == ROUSE_PENDING) {
        if (impatient && rouse_rwlock_cancel(l, w)) {
            return ROUSE_TIMEDOUT;
        }
        impatient = false;
        sched_yield();
        status = rouse_waiter_status(w);
    }
    return status;
}

static void *reads_and_writes(void *arg) {
    const int me = (int)(intptr_t)arg;
    rouse_waiter w;
    rouse_waiter_init(&w, NULL, NULL);
    for (int i = 0; i < ROUNDS; i++) {
        const bool impatient = (i + me) % 7 == 0;
        if ((i + me) % THREADS < 2) {
            if (settle(&contended, &w, rouse_rwlock_write(&contended, &w), impatient) != ROUSE_OK) {
                continue;
            }
            left++;
            right++;
            if (i % 3 != 0) {
                cr_assert_eq(rouse_rwlock_end_write(&contended), ROUSE_OK);
                continue;
            }
            cr_assert_eq(rouse_rwlock_downgrade(&contended), ROUSE_OK);
        } else {
            int now;
            if (settle(&contended, &w, rouse_rwlock_read(&contended, &w), impatient) != ROUSE_OK) {
                continue;
            }
            now = atomic_fetch_add(&reading_now, 1) + 1;
            if (now > atomic_load(&most_reading)) {
                atomic_store(&most_reading, now);
            }
            cr_assert_leq(now, 5);
            atomic_fetch_sub(&reading_now, 1);
            if (i % 5 == 0 && rouse_rwlock_try_upgrade(&contended)) {
                left++;
                right++;
                cr_assert_eq(rouse_rwlock_end_write(&contended), ROUSE_OK);
                continue;
            }
        }
        cr_assert_eq(left, right);
        cr_assert_eq(rouse_rwlock_end_read(&contended), ROUSE_OK);
    }
    return NULL;
}

SHARED_TEST(rwlock, threads_that_read_write_upgrade_downgrade_and_cancel, .timeout = 120) {
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++) {
        cr_assert_eq(pthread_create(&threads[i], NULL, reads_and_writes, (void *)(intptr_t)i), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        cr_assert_eq(pthread_join(threads[i], NULL), 0);
    }
    cr_assert_eq(left, right);
    expect_free(&contended);
    rouse_rwlock_destroy(&contended);
}
