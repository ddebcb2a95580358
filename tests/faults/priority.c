/* tests/faults/priority.c: a real-time thread (SCHED_FIFO) and an ordinary one on one processor. The ordinary
 * thread is preempted at each of its atomic operations in turn, in a call on an object. The real-time thread
 * then makes a call on the same object. Where it has to wait for the ordinary thread it must let that thread
 * run: a call may not use more processor time than a bounded number of yields. (A yield alone does not let a
 * thread of lower priority run.)
 *
 * With ROUSE_PRIORITY_INHERIT (MUTEX) a third thread, whose priority is between the two, keeps the processor
 * busy whenever the real-time thread does not use it. Then only the real-time thread's priority lets the
 * ordinary one finish.
 *
 * Needs root or CAP_SYS_NICE: without, it says so and ends with 77. */
#include <rouse/blocking.h>
#include <rouse/channel.h>
#include <rouse/limit.h>
#include <rouse/mailbox.h>

#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define CHECK_CONTEXT "(%s, point %u)", what, point
#define CHECK_END()   _exit(1)
#include "../support/check.h"

#define MOST_NS UINT64_C(20000000) /* of processor time, for one call */

static const char *what = "";
static unsigned point;
static bool reached;
static bool throughput;

static rouse_semaphore semaphore;
static rouse_mailbox mailbox;
static rouse_waiter keepers[2]; /* queued before everybody, throughout, or granted */
static rouse_waiter theirs;     /* the ordinary thread's  */
static rouse_waiter ours;       /* the real-time thread's */
static int wakes;

/* ---- the ordinary thread ------------------------------------------------------------------------------------ */

static sem_t job, event, done;
static void (*their_call)(void);

/* The real-time thread runs from here on, until it sleeps. */
static void let_it_run(void) {
    reached = true;
    CHECK(sem_post(&event) == 0);
}

static void *ordinary(void *unused) {
    for (;;) {
        CHECK(sem_wait(&job) == 0);
        preempt_passed = 0;
        preempt_at = point;
        their_call();
        preempt_at = 0;
        if (!reached) {
            CHECK(sem_post(&event) == 0);
        }
        CHECK(sem_post(&done) == 0);
    }
    return unused;
}

static void wait_for(sem_t *s) {
    while (sem_wait(s) != 0) {
    }
}

/* ---- the thread between -------------------------------------------------------------------------------------- */

#if defined(ROUSE_PRIORITY_INHERIT)
enum { INHERIT = 1 };
#else
enum { INHERIT = 0 };
#endif
static sem_t busy;
static atomic_bool enough;  /* the real-time thread's call has returned */
static atomic_bool in_vain; /* it has not, although all processor time was used up meanwhile */

static uint64_t used(void) {
    struct timespec t;
    CHECK(clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t) == 0);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void *between(void *unused) {
    for (;;) {
        uint64_t start;
        wait_for(&busy);
        start = used();
        while (!atomic_load(&enough) && used() - start < 5 * MOST_NS) {
        }
        atomic_store(&in_vain, !atomic_load(&enough));
    }
    return unused;
}

/* ---- the calls ------------------------------------------------------------------------------------------------- */

static void queue_and_cancel(rouse_waiter *w) {
    if (rouse_semaphore_acquire(&semaphore, w, 1) == ROUSE_PENDING) {
        (void)!rouse_semaphore_cancel(&semaphore, w);
    }
}
static void they_queue_and_cancel(void) {
    queue_and_cancel(&theirs);
}
static void they_release(void) {
    (void)rouse_semaphore_release(&semaphore, 1);
}
static void they_close(void) {
    (void)rouse_semaphore_close(&semaphore);
}
static void we_queue_and_cancel(void) {
    queue_and_cancel(&ours);
}
static void we_release(void) {
    (void)rouse_semaphore_release(&semaphore, 1);
}
/* Of a polled waiter, perhaps while it is being granted. */
static void we_cancel_the_keeper(void) {
    if (!rouse_semaphore_cancel(&semaphore, &keepers[0])) {
        CHECK(rouse_waiter_status(&keepers[0]) != ROUSE_PENDING);
    }
}
static void we_block(void) {
    (void)!rouse_semaphore_acquire_timed(&semaphore, 1, 1000);
}
/* Takes the keeper back, wherever it is, and ends the mailbox, in which a post and its kick may be in progress. */
static void we_destroy_the_mailbox(void) {
    if (!rouse_semaphore_cancel(&semaphore, &keepers[0])) {
        (void)rouse_mailbox_revoke(&mailbox, &keepers[0]);
    }
    rouse_mailbox_destroy(&mailbox);
}

static rouse_limit limit; /* of 1, which is in use */
static rouse_channel channel;
static uint32_t slots[2];

static void take_and_give_back(rouse_waiter *w) {
    if (rouse_limit_acquire(&limit, w, 1) == ROUSE_PENDING) {
        (void)!rouse_limit_cancel(&limit, w);
    }
}
static void they_take_and_give_back(void) {
    take_and_give_back(&theirs);
}
static void they_give_back(void) {
    (void)rouse_limit_give_back(&limit, 1);
}
static void we_take_and_give_back(void) {
    take_and_give_back(&ours);
}
static void we_set(void) {
    (void)rouse_limit_set(&limit, 2);
}
static void they_send(void) {
    const uint32_t element = 1;
    (void)rouse_channel_try_send(&channel, &element);
}
static void we_receive(void) {
    uint32_t element;
    (void)rouse_channel_try_receive(&channel, &element);
}

typedef struct race {
    const char *what;
    bool in_mailbox; /* the first keeper has a wake in the mailbox; else it is polled */
    void (*their_call)(void);
    void (*our_call)(void);
} race;

static const race races[] = {
    {"queue and cancel, queue and cancel", false, they_queue_and_cancel, we_queue_and_cancel},
    {"queue and cancel, release", false, they_queue_and_cancel, we_release},
    {"queue and cancel, block", false, they_queue_and_cancel, we_block},
    {"release, queue and cancel", false, they_release, we_queue_and_cancel},
    {"release, cancel of the waiter that is being granted", false, they_release, we_cancel_the_keeper},
    {"release, block", false, they_release, we_block},
    {"close, cancel of a waiter that is being told", false, they_close, we_cancel_the_keeper},
    {"release, destroy of the mailbox", true, they_release, we_destroy_the_mailbox},
    {"close, destroy of the mailbox", true, they_close, we_destroy_the_mailbox},
    {"limit: take and give back, take and give back", false, they_take_and_give_back, we_take_and_give_back},
    {"limit: give back, take and give back", false, they_give_back, we_take_and_give_back},
    {"limit: take and give back, set", false, they_take_and_give_back, we_set},
    {"channel: send, receive", false, they_send, we_receive},
};

/* ---- one run --------------------------------------------------------------------------------------------------- */

static uint64_t longest;

static void note_wake(rouse_waiter *w, rouse_status status) {
    (void)w;
    (void)status;
    wakes++;
}
static void kick(void *unused) {
    (void)unused;
}

/* True: the point was reached. */
static bool run(const race *r) {
    uint64_t start;
    what = r->what;
    reached = false;
    their_call = r->their_call;
    if (throughput) {
        rouse_semaphore_init_throughput(&semaphore, 0, ROUSE_BYPASS);
    } else {
        (void)rouse_semaphore_init(&semaphore, 0);
    }
    (void)rouse_limit_init(&limit, 1, UINT32_MAX);
    CHECK(rouse_limit_try_acquire(&limit, 1));
    CHECK(rouse_channel_init(&channel, slots, 2, sizeof slots[0]) == ROUSE_OK);
    rouse_mailbox_init(&mailbox, kick, NULL);
    rouse_waiter_init_on(&keepers[0], r->in_mailbox ? &mailbox : NULL, r->in_mailbox ? note_wake : NULL,
                         NULL);
    rouse_waiter_init(&keepers[1], NULL, NULL);
    rouse_waiter_init(&theirs, NULL, NULL);
    rouse_waiter_init(&ours, NULL, NULL);
    for (int i = 0; i < 2; i++) {
        CHECK(rouse_semaphore_acquire(&semaphore, &keepers[i], 1) == ROUSE_PENDING);
    }
    CHECK(sem_post(&job) == 0);
    wait_for(&event);
    atomic_store(&enough, false);
    if (INHERIT) {
        CHECK(sem_post(&busy) == 0);
    }
    start = used();
    r->our_call();
    start = used() - start;
    longest = start > longest ? start : longest;
    CHECK(start <= MOST_NS);
    CHECK(!atomic_load(&in_vain));
    atomic_store(&enough, true);
    wait_for(&done);
    for (int i = 0; i < 2; i++) {
        (void)!rouse_semaphore_cancel(&semaphore, &keepers[i]);
    }
    if (!r->in_mailbox) {
        rouse_mailbox_destroy(&mailbox);
    }
    CHECK(rouse_semaphore_waiter_count(&semaphore) == 0);
    rouse_semaphore_destroy(&semaphore);
    rouse_limit_destroy(&limit);
    rouse_channel_destroy(&channel);
    return reached;
}

static void too_long(int number) {
    static const char text[] = "FAILED: a call of the real-time thread has not slept for 3 s\n";
    (void)number;
    (void)!write(2, text, sizeof text - 1);
    _exit(1);
}

/* On one processor, the ordinary thread before this one has its priority. */
static void start(void) {
    const struct rlimit seconds = {3000000, 4000000};
    struct sched_param priority;
    pthread_t thread;
    cpu_set_t all, one;
    size_t processor = 0;
    CHECK(sched_getaffinity(0, sizeof all, &all) == 0);
    while (!CPU_ISSET(processor, &all)) {
        processor++;
    }
    CPU_ZERO(&one);
    CPU_SET(processor, &one);
    CHECK(sched_setaffinity(0, sizeof one, &one) == 0);
    CHECK(pthread_create(&thread, NULL, ordinary, NULL) == 0);
    CHECK(signal(SIGXCPU, too_long) != SIG_ERR);
    (void)setrlimit(RLIMIT_RTTIME, &seconds); /* processor time without a sleep */
    memset(&priority, 0, sizeof priority);
    if (INHERIT) {
        CHECK(pthread_create(&thread, NULL, between, NULL) == 0);
        priority.sched_priority = 5;
        (void)pthread_setschedparam(thread, SCHED_FIFO, &priority);
    }
    priority.sched_priority = 10;
    if (pthread_setschedparam(pthread_self(), SCHED_FIFO, &priority) != 0) {
        puts("SKIPPED: this user may not have a real-time priority (root or CAP_SYS_NICE)");
        exit(77);
    }
}

int main(void) {
    unsigned points = 0;
    preempt_now = let_it_run;
    CHECK(sem_init(&job, 0, 0) == 0 && sem_init(&event, 0, 0) == 0 && sem_init(&done, 0, 0) == 0);
    CHECK(sem_init(&busy, 0, 0) == 0);
    start();
    for (size_t j = 0; j < 2 * (sizeof races / sizeof *races); j++) {
        const size_t i = j / 2;
        throughput = j % 2 == 1;
        if (INHERIT && races[i].our_call != we_queue_and_cancel && races[i].our_call != we_release) {
            continue; /* what they wait for is not the mutex */
        }
        for (point = 1; run(&races[i]); point++) {
            points++;
        }
    }
    printf("priority: preempted at %u points; the longest call of the real-time thread took %.3f ms of the "
           "processor\n",
           points, (double)longest * 1e-6);
    return points == 0;
}
