/* tests/faults/signals.c: a timer's signal handler calls the library while the interrupted thread is inside it (LOCKFREE).
 *
 *   signals semaphore HITS    the handler releases, tries to acquire; the thread acquires, cancels, releases, is in wakes
 *   signals notify HITS       the handler notifies one, or all; the thread waits and cancels
 *   signals mutex HITS        the handler unlocks, and tries to lock; the thread locks, cancels, unlocks
 *   signals blocking HITS     the handler wakes the very thread that it has interrupted, which blocks (blocking.h), or
 *                             is going to sleep, or waking up
 *   signals family HITS       the handler sets an event, leaves a gate, ends a write, reports that a once is done or has
 *                             failed; the thread waits for that and cancels
 *
 * Runs until the handler has come in HITS times while the thread was inside a call of the library; then the timer is stopped
 * and every count must be exact. Where in a call it comes in is chance here; faults.stopped.signal and faults.family go through
 * all places. */
#include <rouse/blocking.h>
#include <rouse/event.h>
#include <rouse/gate.h>
#include <rouse/mutex.h>
#include <rouse/notify.h>
#include <rouse/once.h>
#include <rouse/rwlock.h>
#include <rouse/semaphore.h>

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../support/check.h"
#include "../support/random.h"

#define TIMER_NS   15000
#define NEVER_MIND 2000000000u /* polls without an answer: the wake is lost */

/* Shared with the handler of the same thread. */
static atomic_uint hits;
static atomic_uint signals;
static atomic_int inside;
static volatile bool broken; /* the handler has seen something wrong */

/* The thread is inside the library during `call`. */
#define INSIDE(call)                                                                                     \
    (atomic_store_explicit(&inside, 1, memory_order_relaxed), atomic_signal_fence(memory_order_seq_cst), \
     (call))
#define OUTSIDE() \
    (atomic_signal_fence(memory_order_seq_cst), atomic_store_explicit(&inside, 0, memory_order_relaxed))

static dice numbers = {1};

static void count_signal(void) {
    atomic_fetch_add_explicit(&signals, 1, memory_order_relaxed);
    if (atomic_load_explicit(&inside, memory_order_relaxed) != 0) {
        atomic_fetch_add_explicit(&hits, 1, memory_order_relaxed);
    }
}

static timer_t start_timer(void (*handler)(int)) {
    struct sigaction action;
    struct sigevent event;
    struct itimerspec period;
    timer_t timer;
    memset(&action, 0, sizeof action);
    memset(&event, 0, sizeof event);
    action.sa_handler = handler;
    CHECK(sigaction(SIGUSR1, &action, NULL) == 0);
    event.sigev_notify = SIGEV_SIGNAL;
    event.sigev_signo = SIGUSR1;
    CHECK(timer_create(CLOCK_MONOTONIC, &event, &timer) == 0);
    period.it_interval.tv_sec = 0;
    period.it_interval.tv_nsec = TIMER_NS;
    period.it_value = period.it_interval;
    CHECK(timer_settime(timer, 0, &period, NULL) == 0);
    return timer;
}

/* No signal comes after this. */
static void stop_timer(timer_t timer) {
    sigset_t mine;
    CHECK(timer_delete(timer) == 0);
    CHECK(sigemptyset(&mine) == 0 && sigaddset(&mine, SIGUSR1) == 0);
    CHECK(sigprocmask(SIG_BLOCK, &mine, NULL) == 0);
    CHECK(!broken);
}

static uint32_t hits_so_far(void) {
    return atomic_load_explicit(&hits, memory_order_relaxed);
}

/* ---- semaphore ------------------------------------------------------------------------------------------------- */

enum { CROWD = 6 };

static rouse_semaphore semaphore;
static rouse_waiter crowd[CROWD];
static bool queued[CROWD];
static volatile uint32_t wakes[CROWD]; /* since the waiter was last queued */
static volatile uint64_t handler_released;
static volatile uint64_t handler_took;
static volatile uint64_t granted; /* by wakes */

static void semaphore_signal(int number) {
    static unsigned turn;
    (void)number;
    count_signal();
    turn++;
    if (turn % 4 == 3) {
        if (rouse_semaphore_try_acquire(&semaphore, 1)) {
            handler_took++;
        }
        return;
    }
    broken = broken || rouse_semaphore_release(&semaphore, 1 + turn % 2) != ROUSE_OK;
    handler_released += 1 + turn % 2;
}

/* Long enough to be interrupted in: then the handler's own wakes must be deferred, or run whole. */
static void crowd_wake(rouse_waiter *w, rouse_status status) {
    volatile uint32_t *const mine = (volatile uint32_t *)rouse_waiter_data(w);
    broken = broken || status != ROUSE_OK;
    for (volatile int i = 0; i < 50; i = i + 1) {
    }
    *mine = *mine + 1;
    atomic_signal_fence(memory_order_seq_cst);
}

static void test_semaphore(uint32_t wanted) {
    uint64_t put_in = 1;
    uint64_t held = 0;
    uint64_t cancelled = 0;
    uint64_t immediate = 0;
    timer_t timer;
    rouse_semaphore_init(&semaphore, 1);
    for (int i = 0; i < CROWD; i++) {
        rouse_waiter_init(&crowd[i], crowd_wake, (void *)(uintptr_t)&wakes[i]);
    }
    timer = start_timer(semaphore_signal);
    while (hits_so_far() < wanted) {
        const uint32_t i = roll(&numbers, CROWD);
        CHECK(!broken);
        if (!queued[i]) {
            rouse_status status;
            wakes[i] = 0;
            status = INSIDE(rouse_semaphore_acquire(&semaphore, &crowd[i], 1));
            OUTSIDE();
            CHECK(status == ROUSE_OK || status == ROUSE_PENDING);
            queued[i] = status == ROUSE_PENDING;
            immediate += status == ROUSE_OK ? 1 : 0;
        } else if (wakes[i] != 0) {
            CHECK(wakes[i] == 1);
            granted = granted + 1;
            queued[i] = false;
        } else if (roll(&numbers, 2) == 0) {
            const bool taken = INSIDE(rouse_semaphore_cancel(&semaphore, &crowd[i]));
            OUTSIDE();
            if (taken) {
                CHECK(wakes[i] == 0);
                cancelled++;
            } else {
                CHECK(wakes[i] == 1); /* the handler ran to its end: its wakes too */
                granted = granted + 1;
            }
            queued[i] = false;
        } else {
            const uint32_t n = 1 + roll(&numbers, 3);
            CHECK(INSIDE(rouse_semaphore_release(&semaphore, n)) == ROUSE_OK);
            OUTSIDE();
            put_in += n;
        }
        if (rouse_semaphore_available(&semaphore) > 50) {
            held += INSIDE(rouse_semaphore_reduce(&semaphore, 50));
            OUTSIDE();
        }
    }
    stop_timer(timer);
    for (int i = 0; i < CROWD; i++) {
        if (queued[i] && wakes[i] == 1) {
            granted = granted + 1;
        } else if (queued[i]) {
            CHECK(wakes[i] == 0 && rouse_semaphore_cancel(&semaphore, &crowd[i]));
        }
    }
    CHECK(rouse_semaphore_waiter_count(&semaphore) == 0);
    CHECK(put_in + handler_released ==
          held + immediate + granted + handler_took + rouse_semaphore_available(&semaphore));
    printf("semaphore: %u signals, %u inside a call; %llu released by the handler, %llu by the thread; %llu "
           "granted at once, "
           "%llu by a wake, %llu taken by the handler, %llu waits cancelled: the sum is exact\n",
           atomic_load(&signals), atomic_load(&hits), (unsigned long long)handler_released,
           (unsigned long long)put_in, (unsigned long long)immediate, (unsigned long long)granted,
           (unsigned long long)handler_took, (unsigned long long)cancelled);
    rouse_semaphore_destroy(&semaphore);
}

/* ---- notify ---------------------------------------------------------------------------------------------------- */

static rouse_notify notify;
static atomic_int asked; /* 1: notify one, 2: notify all; the handler answers with 0 */
static volatile uint32_t woken_by_all;

static void notify_signal(int number) {
    const int what = atomic_load_explicit(&asked, memory_order_relaxed);
    (void)number;
    count_signal();
    if (what == 1) {
        rouse_notify_one(&notify);
    } else if (what == 2) {
        woken_by_all += rouse_notify_all(&notify);
    }
    if (what != 0) {
        atomic_store_explicit(&asked, 0, memory_order_relaxed);
    }
}

/* Queues, and cancels at once. True: it was notified. */
static bool wait_and_cancel(rouse_waiter *w) {
    rouse_status status;
    bool taken;
    rouse_waiter_init(w, NULL, NULL);
    status = INSIDE(rouse_notify_wait(&notify, w));
    OUTSIDE();
    if (status == ROUSE_OK) {
        return true;
    }
    CHECK(status == ROUSE_PENDING);
    taken = INSIDE(rouse_notify_cancel(&notify, w));
    OUTSIDE();
    CHECK(taken || rouse_waiter_status(w) == ROUSE_OK);
    return !taken;
}

/* One notification is asked for, and comes at any moment of what follows: it must be in exactly one place. */
static void round_one(uint64_t *consumed) {
    rouse_waiter w;
    uint32_t got = 0;
    uint32_t tries = 0;
    atomic_store_explicit(&asked, 1, memory_order_relaxed);
    do {
        got += wait_and_cancel(&w) ? 1 : 0;
        CHECK(++tries < NEVER_MIND);
    } while (atomic_load_explicit(&asked, memory_order_relaxed) != 0);
    got += (uint32_t)rouse_waiter_queue_balance(&notify.queue_);
    CHECK(got == 1);
    CHECK(rouse_waiter_queue_waiter_count(&notify.queue_) == 0);
    (void)rouse_waiter_queue_try_wait(&notify.queue_, 1);
    CHECK(rouse_waiter_queue_balance(&notify.queue_) == 0);
    (*consumed)++;
}

/* All are notified at any moment of what follows: the handler's count is the number of those who were woken. */
static void round_all(uint64_t *woken) {
    rouse_waiter first;
    rouse_waiter second;
    uint32_t got = 0;
    uint32_t tries = 0;
    woken_by_all = 0;
    atomic_store_explicit(&asked, 2, memory_order_relaxed);
    do {
        rouse_status status;
        rouse_waiter_init(&first, NULL, NULL);
        status = INSIDE(rouse_notify_wait(&notify, &first));
        OUTSIDE();
        got += wait_and_cancel(&second) ? 1 : 0;
        if (status == ROUSE_PENDING) {
            const bool taken = INSIDE(rouse_notify_cancel(&notify, &first));
            OUTSIDE();
            got += taken ? 0 : 1;
        } else {
            got++;
        }
        CHECK(++tries < NEVER_MIND);
    } while (atomic_load_explicit(&asked, memory_order_relaxed) != 0);
    CHECK(got == woken_by_all);
    CHECK(rouse_waiter_queue_balance(&notify.queue_) == 0 &&
          rouse_waiter_queue_waiter_count(&notify.queue_) == 0);
    *woken += got;
}

static void test_notify(uint32_t wanted) {
    uint64_t ones = 0;
    uint64_t woken = 0;
    timer_t timer;
    rouse_notify_init(&notify);
    timer = start_timer(notify_signal);
    while (hits_so_far() < wanted) {
        if (roll(&numbers, 2) == 0) {
            round_one(&ones);
        } else {
            round_all(&woken);
        }
    }
    stop_timer(timer);
    CHECK(ones != 0 && woken != 0);
    printf("notify: %u signals, %u inside a call; each of %llu single notifications was in exactly one "
           "place; %llu were woken "
           "by notify_all, as it counted\n",
           atomic_load(&signals), atomic_load(&hits), (unsigned long long)ones, (unsigned long long)woken);
    rouse_notify_destroy(&notify);
}

/* ---- mutex ----------------------------------------------------------------------------------------------------- */

static rouse_mutex mutex;
static atomic_int to_unlock; /* the thread holds it and leaves the unlock to the handler */
static volatile uint64_t unlocked;
static volatile uint64_t locked_by_handler;

static void mutex_signal(int number) {
    (void)number;
    count_signal();
    if (atomic_load_explicit(&to_unlock, memory_order_relaxed) != 0) {
        atomic_store_explicit(&to_unlock, 0, memory_order_relaxed);
        broken = broken || rouse_mutex_unlock(&mutex) != ROUSE_OK;
        unlocked++;
    } else if (rouse_mutex_try_lock(&mutex)) {
        broken = broken || rouse_mutex_unlock(&mutex) != ROUSE_OK;
        locked_by_handler++;
    }
}

static void test_mutex(uint32_t wanted) {
    uint64_t held = 0;
    uint64_t gave_up = 0;
    timer_t timer;
    rouse_mutex_init(&mutex);
    timer = start_timer(mutex_signal);
    while (hits_so_far() < wanted) {
        rouse_waiter w;
        uint32_t tries = 0;
        bool mine = false;
        CHECK(!broken);
        rouse_waiter_init(&w, NULL, NULL);
        CHECK(INSIDE(rouse_mutex_lock(&mutex, &w)) == ROUSE_OK); /* the handler gives back what it takes */
        OUTSIDE();
        atomic_store_explicit(&to_unlock, 1, memory_order_relaxed);
        do { /* it has to be had again, at once or by the handler's unlock, once and not before */
            rouse_status status;
            rouse_waiter_init(&w, NULL, NULL);
            status = INSIDE(rouse_mutex_lock(&mutex, &w));
            OUTSIDE();
            mine = status == ROUSE_OK;
            if (status == ROUSE_PENDING) {
                mine = !INSIDE(rouse_mutex_cancel(&mutex, &w));
                OUTSIDE();
                gave_up += mine ? 0 : 1;
            }
            CHECK(!mine || atomic_load_explicit(&to_unlock, memory_order_relaxed) == 0);
            CHECK(++tries < NEVER_MIND);
        } while (!mine && atomic_load_explicit(&to_unlock, memory_order_relaxed) != 0);
        CHECK(rouse_mutex_is_locked(&mutex) == mine);
        if (mine) {
            held++;
            CHECK(INSIDE(rouse_mutex_unlock(&mutex)) == ROUSE_OK);
            OUTSIDE();
        }
    }
    stop_timer(timer);
    CHECK(!rouse_mutex_is_locked(&mutex));
    printf("mutex: %u signals, %u inside a call; the handler unlocked %llu times and locked %llu times; the "
           "thread had it "
           "handed over %llu times and gave up %llu times\n",
           atomic_load(&signals), atomic_load(&hits), (unsigned long long)unlocked,
           (unsigned long long)locked_by_handler, (unsigned long long)held, (unsigned long long)gave_up);
    rouse_mutex_destroy(&mutex);
}

/* ---- event, gate, read-write lock, once ------------------------------------------------------------------------ */

enum { NOTHING, SET, LEAVE, END_WRITE, DONE, FAILED, ASKS };

static rouse_event event;
static rouse_gate gate;
static rouse_rwlock rwlock;
static rouse_once once;
static volatile uint32_t set_woke;

/* Does what `asked` says, and answers with NOTHING. */
static void family_signal(int number) {
    const int what = atomic_load_explicit(&asked, memory_order_relaxed);
    (void)number;
    count_signal();
    switch (what) {
    case SET:
        set_woke += rouse_event_set(&event);
        break;
    case LEAVE:
        broken = broken || rouse_gate_leave(&gate, 1) != ROUSE_OK;
        break;
    case END_WRITE:
        broken = broken || rouse_rwlock_end_write(&rwlock) != ROUSE_OK;
        break;
    case DONE:
        broken = broken || rouse_once_done(&once) != ROUSE_OK;
        break;
    case FAILED:
        broken = broken || rouse_once_failed(&once) != ROUSE_OK;
        break;
    default:
        break;
    }
    if (what != NOTHING) {
        atomic_store_explicit(&asked, NOTHING, memory_order_relaxed);
    }
}

static rouse_status family_wait(int what, rouse_waiter *w) {
    return what == SET         ? rouse_event_wait(&event, w)
           : what == LEAVE     ? rouse_gate_wait(&gate, w)
           : what == END_WRITE ? rouse_rwlock_write(&rwlock, w)
                               : rouse_once_begin(&once, w);
}
static bool family_cancel(int what, rouse_waiter *w) {
    return what == SET         ? rouse_event_cancel(&event, w)
           : what == LEAVE     ? rouse_gate_cancel(&gate, w)
           : what == END_WRITE ? rouse_rwlock_cancel(&rwlock, w)
                               : rouse_once_cancel(&once, w);
}

/* The handler is asked for one thing. Waits for it, and cancels at once, until it is there. */
static void round_family(int what) {
    rouse_status status;
    uint32_t tries = 0;
    bool early;
    atomic_store_explicit(&asked, what, memory_order_relaxed);
    do {
        rouse_waiter w;
        early = atomic_load_explicit(&asked, memory_order_relaxed) != NOTHING;
        rouse_waiter_init(&w, NULL, NULL);
        status = INSIDE(family_wait(what, &w));
        OUTSIDE();
        if (status == ROUSE_PENDING) {
            const bool taken = INSIDE(family_cancel(what, &w));
            OUTSIDE();
            status = taken ? ROUSE_PENDING : rouse_waiter_status(&w);
            CHECK(taken || status != ROUSE_PENDING);
        }
        CHECK(status == ROUSE_PENDING || atomic_load_explicit(&asked, memory_order_relaxed) == NOTHING);
        CHECK(status != ROUSE_PENDING || early); /* once it has been done, nobody waits */
        CHECK(++tries < NEVER_MIND);
    } while (status == ROUSE_PENDING);
    CHECK(status == (what == DONE ? ROUSE_CLOSED : ROUSE_OK));
}

static void test_family(uint32_t wanted) {
    uint64_t rounds[ASKS] = {0};
    timer_t timer;
    rouse_event_init(&event);
    CHECK(rouse_rwlock_init(&rwlock, 3) == ROUSE_OK && rouse_rwlock_try_write(&rwlock));
    timer = start_timer(family_signal);
    while (hits_so_far() < wanted) {
        const int what = SET + (int)roll(&numbers, ASKS - SET);
        rouse_waiter w;
        CHECK(!broken);
        rouse_waiter_init(&w, NULL, NULL);
        if (what == LEAVE) {
            rouse_gate_init(&gate, 1);
            CHECK(rouse_gate_close(&gate) == 0);
        } else if (what >= DONE) {
            rouse_once_init(&once);
            CHECK(rouse_once_begin(&once, &w) == ROUSE_OK);
        }
        round_family(what);
        rounds[what]++;
        if (what == SET) {
            CHECK(set_woke <= rounds[SET]);
            CHECK(INSIDE(rouse_event_reset(&event)));
            OUTSIDE();
        } else if (what == LEAVE) {
            CHECK(rouse_gate_count(&gate) == 0);
            rouse_gate_destroy(&gate);
        } else if (what >= DONE) {
            CHECK(rouse_once_is_done(&once) == (what == DONE));
            rouse_once_destroy(&once);
        }
    }
    stop_timer(timer);
    CHECK(rouse_event_waiter_count(&event) == 0 && rouse_rwlock_waiter_count(&rwlock) == 0);
    CHECK(rouse_rwlock_end_write(&rwlock) == ROUSE_OK && rouse_rwlock_try_write(&rwlock));
    printf("family: %u signals, %u inside a call; the handler set %llu times and woke %llu, left %llu, ended "
           "%llu writes, reported done %llu and failed %llu: each was told once\n",
           atomic_load(&signals), atomic_load(&hits), (unsigned long long)rounds[SET],
           (unsigned long long)set_woke, (unsigned long long)rounds[LEAVE],
           (unsigned long long)rounds[END_WRITE], (unsigned long long)rounds[DONE],
           (unsigned long long)rounds[FAILED]);
    rouse_event_destroy(&event);
    rouse_rwlock_destroy(&rwlock);
}

/* ---- blocking -------------------------------------------------------------------------------------------------- */

static volatile uint64_t notified;

static void blocking_signal(int number) {
    static unsigned turn;
    (void)number;
    count_signal();
    turn++;
    if (turn % 3 == 0 && rouse_semaphore_available(&semaphore) < 50) {
        broken = broken || rouse_semaphore_release(&semaphore, 1 + turn % 2) != ROUSE_OK;
        handler_released += 1 + turn % 2;
    }
    if (turn % 3 == 1 && rouse_waiter_queue_balance(&notify.queue_) <= 0) {
        rouse_notify_one(&notify);
        notified++;
    }
    if (turn % 3 == 2 && atomic_load_explicit(&to_unlock, memory_order_relaxed) != 0) {
        atomic_store_explicit(&to_unlock, 0, memory_order_relaxed);
        broken = broken || rouse_mutex_unlock(&mutex) != ROUSE_OK;
        unlocked++;
    }
}

/* Holds the mutex, and locks it once more: the handler unlocks it, once. */
static void lock_twice(bool timed) {
    rouse_status status;
    CHECK(INSIDE(rouse_mutex_lock_blocking(&mutex)) == ROUSE_OK);
    OUTSIDE();
    atomic_store_explicit(&to_unlock, 1, memory_order_relaxed);
    do {
        status = INSIDE(timed ? rouse_mutex_lock_timed(&mutex, roll(&numbers, 40000))
                              : rouse_mutex_lock_blocking(&mutex));
        OUTSIDE();
        CHECK(status == ROUSE_OK || (timed && status == ROUSE_TIMEDOUT));
    } while (status != ROUSE_OK);
    CHECK(atomic_load_explicit(&to_unlock, memory_order_relaxed) == 0);
    CHECK(INSIDE(rouse_mutex_unlock(&mutex)) == ROUSE_OK);
    OUTSIDE();
}

/* Another thread, which no signal interrupts, wakes it too. */
static atomic_bool no_more;
static uint64_t released_beside;

static void *release_beside(void *unused) {
    while (!atomic_load(&no_more)) {
        if (rouse_semaphore_available(&semaphore) < 50) {
            CHECK(rouse_semaphore_release(&semaphore, 1) == ROUSE_OK);
            released_beside++;
        }
        sched_yield();
    }
    return unused;
}

static pthread_t start_releaser(void) {
    pthread_t thread;
    sigset_t ours, before;
    CHECK(sigemptyset(&ours) == 0 && sigaddset(&ours, SIGUSR1) == 0);
    CHECK(pthread_sigmask(SIG_BLOCK, &ours, &before) == 0);
    CHECK(pthread_create(&thread, NULL, release_beside, NULL) == 0);
    CHECK(pthread_sigmask(SIG_SETMASK, &before, NULL) == 0);
    return thread;
}

static void test_blocking(uint32_t wanted) {
    pthread_t releaser;
    uint64_t had = 0;
    uint64_t told = 0;
    uint64_t late = 0;
    timer_t timer;
    rouse_semaphore_init(&semaphore, 0);
    rouse_notify_init(&notify);
    rouse_mutex_init(&mutex);
    releaser = start_releaser();
    timer = start_timer(blocking_signal);
    while (hits_so_far() < wanted) {
        const bool timed = roll(&numbers, 2) == 0;
        const uint32_t n = 1 + roll(&numbers, 3);
        rouse_status status = ROUSE_OK;
        CHECK(!broken);
        switch (roll(&numbers, 3)) {
        case 0:
            status = INSIDE(timed ? rouse_semaphore_acquire_timed(&semaphore, n, roll(&numbers, 40000))
                                  : rouse_semaphore_acquire_blocking(&semaphore, n));
            OUTSIDE();
            had += status == ROUSE_OK ? n : 0;
            break;
        case 1:
            status = INSIDE(timed ? rouse_notify_wait_timed(&notify, roll(&numbers, 40000))
                                  : rouse_notify_wait_blocking(&notify));
            OUTSIDE();
            told += status == ROUSE_OK ? 1 : 0;
            break;
        default:
            lock_twice(timed);
            break;
        }
        CHECK(status == ROUSE_OK || (timed && status == ROUSE_TIMEDOUT));
        late += status == ROUSE_OK ? 0 : 1;
    }
    stop_timer(timer);
    atomic_store(&no_more, true);
    CHECK(pthread_join(releaser, NULL) == 0);
    CHECK(had + rouse_semaphore_available(&semaphore) == handler_released + released_beside);
    CHECK(told + (uint64_t)rouse_waiter_queue_balance(&notify.queue_) == notified);
    CHECK(!rouse_mutex_is_locked(&mutex));
    printf("blocking: %u signals, %u inside a call; %llu permits (%llu more by a thread), %llu notifications "
           "and %llu unlocks by the "
           "handler, each "
           "had once; %llu waits timed out\n",
           atomic_load(&signals), atomic_load(&hits), (unsigned long long)handler_released,
           (unsigned long long)released_beside, (unsigned long long)notified, (unsigned long long)unlocked,
           (unsigned long long)late);
    rouse_semaphore_destroy(&semaphore);
    rouse_notify_destroy(&notify);
    rouse_mutex_destroy(&mutex);
}

int main(int argc, char **argv) {
    const char *const mode = argc > 2 ? argv[1] : "";
    const uint32_t wanted = argc > 2 ? (uint32_t)strtoul(argv[2], NULL, 10) : 0;
    if (strcmp(mode, "semaphore") == 0) {
        test_semaphore(wanted);
    } else if (strcmp(mode, "notify") == 0) {
        test_notify(wanted);
    } else if (strcmp(mode, "mutex") == 0) {
        test_mutex(wanted);
    } else if (strcmp(mode, "blocking") == 0) {
        test_blocking(wanted);
    } else if (strcmp(mode, "family") == 0) {
        test_family(wanted);
    } else {
        fprintf(stderr, "usage: signals semaphore|notify|mutex|blocking|family HITS\n");
        return 2;
    }
    return 0;
}
