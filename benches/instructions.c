/* benches/instructions.c: loops compiled as a user would compile them, for callgrind to count the instructions of: the
 * difference between two lengths of a loop. Compiled per backend; instructions.sh drives it.
 *
 *   pair       an uncontended acquire and release
 *   handover   a wait, and the release that wakes it
 *   condvar    lock, wait; lock, signal, unlock that hands over; unlock
 *   channel    one element of 8 bytes in, and out
 *   receive    a receive that waits, and the send that serves it
 *   any        a wait for any of two semaphores, and a release to one of them
 *   anynow     the same where the first has a permit */
#include BENCH_ADAPTER

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void bench_die(const char *why) {
    fprintf(stderr, "%s\n", why);
    exit(1);
}

static long woken;

static void expect(bool holds) {
    if (!holds) {
        bench_die("a call did not answer as expected");
    }
}

static void on_wake(rouse_waiter *w, rouse_status status) {
    (void)w, (void)status;
    woken++;
}
static void on_change(rouse_condvar_waiter *w, rouse_status status) {
    (void)w, (void)status;
    woken++;
}
static void on_transfer(rouse_transfer *t, rouse_status status) {
    (void)t, (void)status;
    woken++;
}
static void on_any(rouse_any *any, int index, rouse_status status) {
    (void)any, (void)index, (void)status;
    woken++;
}

static void pairs(long n) {
    c_sem s;
    c_sem_init(&s, 1);
    c_sem_pairs(&s, n);
    c_sem_destroy(&s);
}

static void handovers(long n) {
    rouse_semaphore s;
    rouse_waiter w;
    (void)rouse_semaphore_init(&s, 0);
    rouse_waiter_init(&w, on_wake, NULL);
    for (long i = 0; i < n; i++) {
        expect(rouse_semaphore_acquire(&s, &w, 1) == ROUSE_PENDING);
        (void)rouse_semaphore_release(&s, 1);
    }
    rouse_semaphore_destroy(&s);
}

static void condvar_rounds(long n) {
    rouse_mutex m;
    rouse_condvar c;
    rouse_waiter w;
    rouse_condvar_waiter changed;
    rouse_mutex_init(&m);
    rouse_condvar_init(&c);
    rouse_waiter_init(&w, NULL, NULL);
    rouse_condvar_waiter_init(&changed, &m, NULL, on_change, NULL);
    for (long i = 0; i < n; i++) {
        expect(rouse_mutex_lock(&m, &w) == ROUSE_OK);
        expect(rouse_condvar_wait(&c, &changed) == ROUSE_PENDING);
        expect(rouse_mutex_try_lock(&m));
        (void)rouse_condvar_signal(&c);
        (void)rouse_mutex_unlock(&m);
        (void)rouse_mutex_unlock(&m);
    }
    rouse_condvar_destroy(&c);
    rouse_mutex_destroy(&m);
}

static void channel_pairs(long n) {
    uint64_t slots[16];
    uint64_t element = 1;
    rouse_channel ch;
    expect(rouse_channel_init(&ch, slots, 16, sizeof slots[0]) == ROUSE_OK);
    for (long i = 0; i < n; i++) {
        expect(rouse_channel_try_send(&ch, &element));
        expect(rouse_channel_try_receive(&ch, &element));
    }
    rouse_channel_destroy(&ch);
}

static void channel_receives(long n) {
    uint64_t slots[16];
    uint64_t in = 1;
    uint64_t out;
    rouse_channel ch;
    rouse_transfer receiver;
    rouse_transfer sender;
    expect(rouse_channel_init(&ch, slots, 16, sizeof slots[0]) == ROUSE_OK);
    rouse_transfer_init(&receiver, NULL, on_transfer, NULL);
    rouse_transfer_init(&sender, NULL, on_transfer, NULL);
    for (long i = 0; i < n; i++) {
        expect(rouse_channel_receive(&ch, &receiver, &out) == ROUSE_PENDING);
        expect(rouse_channel_send(&ch, &sender, &in) == ROUSE_OK);
    }
    rouse_channel_destroy(&ch);
}

/* at_once: the first has a permit. */
static void any_of_two(long n, bool at_once) {
    rouse_semaphore s[2];
    rouse_arm arms[2];
    rouse_any any;
    for (int i = 0; i < 2; i++) {
        (void)rouse_semaphore_init(&s[i], 0);
        rouse_arm_semaphore(&arms[i], &s[i], 1);
    }
    rouse_any_init(&any, arms, 2, NULL, on_any, NULL);
    for (long i = 0; i < n; i++) {
        if (at_once) {
            (void)rouse_semaphore_release(&s[0], 1);
        }
        expect(rouse_any_wait(&any) == (at_once ? ROUSE_OK : ROUSE_PENDING));
        if (!at_once) {
            (void)rouse_semaphore_release(&s[i % 2], 1);
        }
    }
    for (int i = 0; i < 2; i++) {
        rouse_semaphore_destroy(&s[i]);
    }
}

int main(int argc, char **argv) {
    const long n = argc > 1 ? atol(argv[1]) : 0;
    const char *const loop = argc > 2 ? argv[2] : "pair";
    if (strcmp(loop, "pair") == 0) {
        pairs(n);
    } else if (strcmp(loop, "handover") == 0) {
        handovers(n);
    } else if (strcmp(loop, "condvar") == 0) {
        condvar_rounds(n);
    } else if (strcmp(loop, "channel") == 0) {
        channel_pairs(n);
    } else if (strcmp(loop, "receive") == 0) {
        channel_receives(n);
    } else if (strcmp(loop, "any") == 0 || strcmp(loop, "anynow") == 0) {
        any_of_two(n, strcmp(loop, "anynow") == 0);
    } else {
        bench_die("no such loop");
    }
    return 0;
}
