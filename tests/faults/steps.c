/* tests/faults/steps.c: a signal handler after every single instruction of a blocking call (LOCKFREE, x86-64).
 *
 *   steps STRIDE    after every STRIDE-th only
 *
 * The processor's trap flag raises SIGTRAP after each instruction of the thread. After the k-th the handler wakes the very
 * thread that it has interrupted; for every k until the call has returned before. When the thread goes to sleep and the
 * handler has not come yet, another wake comes while it sleeps. Every permit is had once. */
#include <rouse/blocking.h>
#include <rouse/event.h>
#include <rouse/gate.h>

#include "sleeps.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>
#include <unistd.h>

#define CHECK_CONTEXT "(%s, instruction %u)", what, instruction
#define CHECK_END()   _exit(1)
#include "../support/check.h"

static const char *what = "";
static unsigned instruction;
static volatile unsigned left; /* instructions until the handler wakes */
static atomic_uint given;      /* the handler may come in while it is counted */
static unsigned slept;

static rouse_semaphore semaphore;
static rouse_notify notify;
static rouse_mutex mutex;
static rouse_event event;
static rouse_gate gate;
static void (*give)(void);

static void trap(int number, siginfo_t *info, void *context) {
    (void)number;
    (void)info;
    if (left != 0 && --left == 0) {
        ((ucontext_t *)context)->uc_mcontext.gregs[REG_EFL] &= ~0x100;
        give();
        atomic_fetch_add(&given, 1);
    }
}

/* It would sleep: somebody else wakes it. */
static void asleep(void) {
    slept++;
    CHECK(slept == 1);
    if (left != 0) {
        give();
        atomic_fetch_add(&given, 1);
    }
}

static inline void step(void) {
    __asm__ volatile("pushf\n\torq $0x100, (%%rsp)\n\tpopf" ::: "memory", "cc");
}
static inline void run(void) {
    __asm__ volatile("pushf\n\tandq $~0x100, (%%rsp)\n\tpopf" ::: "memory", "cc");
}

/* ---- what is given, and had -------------------------------------------------------------------------------------- */

static void release(void) {
    CHECK(rouse_semaphore_release(&semaphore, 1) == ROUSE_OK);
}
static void notify_one(void) {
    rouse_notify_one(&notify);
}
static void unlock(void) { /* twice: the second time nobody holds it, unless the call has got it meanwhile */
    (void)rouse_mutex_unlock(&mutex);
}
static void set(void) {
    (void)rouse_event_set(&event);
}
static void leave(void) { /* twice: the second time nobody is inside */
    (void)rouse_gate_leave(&gate, 1);
}

static rouse_status acquire(void) {
    return rouse_semaphore_acquire_blocking(&semaphore, 1);
}
static rouse_status acquire_for_an_hour(void) {
    return rouse_semaphore_acquire_timed(&semaphore, 1, UINT64_C(3600000000000));
}
static rouse_status acquire_for_no_time(void) {
    return rouse_semaphore_acquire_timed(&semaphore, 1, 1);
}
static rouse_status wait_notified(void) {
    return rouse_notify_wait_blocking(&notify);
}
static rouse_status lock(void) {
    return rouse_mutex_lock_blocking(&mutex);
}
static rouse_status wait_set(void) {
    return rouse_event_wait_blocking(&event);
}
static rouse_status wait_drained(void) {
    return rouse_gate_wait_blocking(&gate);
}

static const struct {
    const char *what;
    void (*give)(void);
    rouse_status (*call)(void);
} calls[] = {
    {"acquire", release, acquire},
    {"acquire, timed", release, acquire_for_an_hour},
    {"acquire, time is up", release, acquire_for_no_time},
    {"notify", notify_one, wait_notified},
    {"lock", unlock, lock},
    {"event", set, wait_set},
    {"gate", leave, wait_drained},
};

/* True: the handler has come in before the call returned. */
static bool once(size_t i) {
    rouse_status status;
    bool came;
    what = calls[i].what;
    give = calls[i].give;
    atomic_store(&given, 0);
    slept = 0;
    (void)rouse_semaphore_init(&semaphore, 0);
    rouse_notify_init(&notify);
    rouse_mutex_init(&mutex);
    CHECK(rouse_mutex_try_lock(&mutex));
    rouse_event_init(&event);
    rouse_gate_init(&gate, 1);
    CHECK(rouse_gate_close(&gate) == 0);
    left = instruction;
    sleeps_hook = calls[i].call == acquire_for_no_time ? NULL : asleep;
    step();
    status = calls[i].call();
    run();
    came = left == 0;
    left = 0;
    if (calls[i].call == acquire_for_no_time) {
        CHECK(status == ROUSE_OK || status == ROUSE_TIMEDOUT);
    } else {
        CHECK(status == ROUSE_OK);
    }
    CHECK(rouse_semaphore_waiter_count(&semaphore) == 0);
    if (give == release) {
        CHECK(rouse_semaphore_available(&semaphore) + (status == ROUSE_OK ? 1 : 0) == atomic_load(&given));
    } else if (give == notify_one) {
        CHECK(rouse_waiter_queue_balance(&notify.queue_) + 1 == (int64_t)atomic_load(&given));
    } else if (give == unlock) {
        CHECK(rouse_mutex_is_locked(&mutex) == (atomic_load(&given) == 1));
    } else {
        CHECK(give == set ? rouse_event_is_set(&event) && rouse_event_waiter_count(&event) == 0
                          : rouse_gate_count(&gate) == 0 && rouse_gate_waiter_count(&gate) == 0);
    }
    rouse_semaphore_destroy(&semaphore);
    rouse_notify_destroy(&notify);
    rouse_mutex_destroy(&mutex);
    rouse_event_destroy(&event);
    rouse_gate_destroy(&gate);
    return came;
}

int main(int argc, char **argv) {
    const unsigned stride = argc == 2 ? (unsigned)strtoul(argv[1], NULL, 10) : 1;
    struct sigaction action;
    unsigned total = 0;
    memset(&action, 0, sizeof action);
    action.sa_sigaction = trap;
    action.sa_flags = SA_SIGINFO;
    CHECK(sigaction(SIGTRAP, &action, NULL) == 0);
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
        unsigned came = 0;
        for (instruction = 1 + (unsigned)i % stride; once(i); instruction += stride) {
            came++;
        }
        printf("%s: a handler after each of %u of %u instructions\n", calls[i].what, came, instruction);
        total += came;
    }
    return total < 100;
}
