/* tests/faults/ended.c: threads that are ended while they block (blocking.h), by pthread_cancel, and by pthread_exit in a
 * signal handler. Nothing stays queued, no permit is lost, no lock stays held.
 *
 *   ended cancelled     a cancellation request waits until the call has returned
 *   ended exits         a handler ends the thread while it sleeps, nothing granted; or just after it was granted
 *   ended killed        the same, by a real signal and by asynchronous cancellation of a thread that the kernel has put to sleep
 *
 * Built as C and, by ended_cxx.cc, as C++, where ending a thread unwinds its stack. */
#include <rouse/blocking.h>
#include <rouse/channel.h>
#include <rouse/condvar.h>
#include <rouse/event.h>
#include <rouse/limit.h>
#include <rouse/once.h>
#include <rouse/rwlock.h>

#ifdef __cplusplus
extern "C" {
#endif
#include "sleeps.h"
#ifdef __cplusplus
}
#endif

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CHECK_CONTEXT "(%s)", what_now
#include "../support/check.h"

enum {
    SEMAPHORE,
    QUEUE,
    NOTIFY,
    MUTEX,
    THROUGHPUT,
    READER,
    WRITER,
    ONCE,
    EVENT,
    LIMIT,
    OPEN_LIMIT,
    RECEIVER,
    CONDVAR,
    OBJECTS
};
static const char *const names[OBJECTS] = {"semaphore",
                                           "waiter queue",
                                           "notify",
                                           "mutex",
                                           "semaphore, throughput",
                                           "reader",
                                           "writer",
                                           "once",
                                           "event",
                                           "limit",
                                           "limit, throughput",
                                           "receiver",
                                           "condition variable"};
static char what_now[100];

static rouse_semaphore semaphore;
static rouse_semaphore throughput;
static rouse_waiter_queue queue;
static rouse_notify notify;
static rouse_mutex mutex;
static rouse_rwlock rwlock;
static rouse_once once;
static rouse_event event;
static rouse_limit limit;
static rouse_limit open_limit;
static rouse_channel channel;
static int slots[2];
static rouse_condvar condvar;
static int object;
static bool timed;
static bool by_all; /* notify: all are notified, in place of one */
static bool asynchronous;
static rouse_status answer;
static int received;

static const uint64_t AN_HOUR = UINT64_C(3600000000000);

/* ---- the objects, alike ----------------------------------------------------------------------------------- */

static void begin(void) {
    (void)rouse_semaphore_init(&semaphore, 1); /* a waiter for 2 has been given 1 when it sleeps */
    rouse_semaphore_init_throughput(&throughput, 0, ROUSE_BYPASS);
    rouse_waiter_queue_init(&queue, 0);
    rouse_notify_init(&notify);
    rouse_mutex_init(&mutex);
    CHECK(rouse_mutex_try_lock(&mutex));
    CHECK(rouse_rwlock_init(&rwlock, 3) == ROUSE_OK && rouse_rwlock_try_write(&rwlock));
    rouse_once_init(&once);
    CHECK(rouse_once_begin_blocking(&once) == ROUSE_OK);
    rouse_event_init(&event);
    CHECK(rouse_limit_init(&limit, 1, 9) == ROUSE_OK && rouse_limit_try_acquire(&limit, 1));
    CHECK(rouse_limit_init_throughput(&open_limit, 1, 9, ROUSE_BYPASS) == ROUSE_OK &&
          rouse_limit_try_acquire(&open_limit, 1));
    CHECK(rouse_channel_init(&channel, slots, 2, sizeof slots[0]) == ROUSE_OK);
    rouse_condvar_init(&condvar);
    answer = ROUSE_PENDING;
    (void)snprintf(what_now, sizeof what_now, "%s%s%s%s", names[object], timed ? ", timed" : "",
                   by_all ? ", notify_all" : "", asynchronous ? ", asynchronously" : "");
}

static uint32_t waiting(void) {
    switch (object) {
    case SEMAPHORE:
        return rouse_semaphore_waiter_count(&semaphore);
    case THROUGHPUT:
        return rouse_semaphore_waiter_count(&throughput);
    case QUEUE:
        return rouse_waiter_queue_waiter_count(&queue);
    case NOTIFY:
        return rouse_notify_waiter_count(&notify);
    case MUTEX:
        return rouse_mutex_waiter_count(&mutex);
    case READER:
    case WRITER:
        return rouse_rwlock_waiter_count(&rwlock);
    case ONCE:
        return rouse_once_waiter_count(&once);
    case EVENT:
        return rouse_event_waiter_count(&event);
    case LIMIT:
        return rouse_limit_waiter_count(&limit);
    case OPEN_LIMIT:
        return rouse_limit_waiter_count(&open_limit);
    case RECEIVER:
        return rouse_channel_waiter_count(&channel);
    default:
        return rouse_condvar_waiter_count(&condvar) + rouse_mutex_waiter_count(&mutex);
    }
}

static rouse_status block(void) {
    switch (object) {
    case SEMAPHORE:
        return timed ? rouse_semaphore_acquire_timed(&semaphore, 2, AN_HOUR)
                     : rouse_semaphore_acquire_blocking(&semaphore, 2);
    case THROUGHPUT:
        return timed ? rouse_semaphore_acquire_timed(&throughput, 1, AN_HOUR)
                     : rouse_semaphore_acquire_blocking(&throughput, 1);
    case QUEUE:
        return timed ? rouse_waiter_queue_wait_timed(&queue, 3, AN_HOUR)
                     : rouse_waiter_queue_wait_blocking(&queue, 3);
    case NOTIFY:
        return timed ? rouse_notify_wait_timed(&notify, AN_HOUR) : rouse_notify_wait_blocking(&notify);
    case MUTEX:
        return timed ? rouse_mutex_lock_timed(&mutex, AN_HOUR) : rouse_mutex_lock_blocking(&mutex);
    case READER:
        return timed ? rouse_rwlock_read_timed(&rwlock, AN_HOUR) : rouse_rwlock_read_blocking(&rwlock);
    case WRITER:
        return timed ? rouse_rwlock_write_timed(&rwlock, AN_HOUR) : rouse_rwlock_write_blocking(&rwlock);
    case ONCE:
        return timed ? rouse_once_begin_timed(&once, AN_HOUR) : rouse_once_begin_blocking(&once);
    case EVENT:
        return timed ? rouse_event_wait_timed(&event, AN_HOUR) : rouse_event_wait_blocking(&event);
    case LIMIT:
        return timed ? rouse_limit_acquire_timed(&limit, 1, AN_HOUR)
                     : rouse_limit_acquire_blocking(&limit, 1);
    case OPEN_LIMIT:
        return timed ? rouse_limit_acquire_timed(&open_limit, 1, AN_HOUR)
                     : rouse_limit_acquire_blocking(&open_limit, 1);
    case RECEIVER:
        return timed ? rouse_channel_receive_timed(&channel, &received, AN_HOUR)
                     : rouse_channel_receive_blocking(&channel, &received);
    default: /* the mutex was locked for it */
        return timed ? rouse_condvar_wait_timed(&condvar, &mutex, AN_HOUR)
                     : rouse_condvar_wait_blocking(&condvar, &mutex);
    }
}

static void grant(void) {
    switch (object) {
    case SEMAPHORE:
        CHECK(rouse_semaphore_release(&semaphore, 1) == ROUSE_OK);
        break;
    case THROUGHPUT:
        CHECK(rouse_semaphore_release(&throughput, 1) == ROUSE_OK);
        break;
    case QUEUE:
        CHECK(rouse_waiter_queue_wake(&queue, 3, ROUSE_MAX_PERMITS) == ROUSE_OK);
        break;
    case NOTIFY:
        if (by_all) {
            CHECK(rouse_notify_all(&notify) == 1);
        } else {
            rouse_notify_one(&notify);
        }
        break;
    case MUTEX:
        CHECK(rouse_mutex_unlock(&mutex) == ROUSE_OK);
        break;
    case READER:
    case WRITER:
        CHECK(rouse_rwlock_end_write(&rwlock) == ROUSE_OK);
        break;
    case ONCE:
        CHECK(rouse_once_failed(&once) == ROUSE_OK);
        break;
    case EVENT:
        CHECK(rouse_event_set(&event) == 1);
        break;
    case LIMIT:
        CHECK(rouse_limit_give_back(&limit, 1) == ROUSE_OK);
        break;
    case OPEN_LIMIT:
        CHECK(rouse_limit_give_back(&open_limit, 1) == ROUSE_OK);
        break;
    case RECEIVER:
        CHECK(rouse_channel_try_send(&channel, &object));
        break;
    default:
        CHECK(rouse_condvar_signal(&condvar));
        break;
    }
}

/* What the thread gives back when it ends by itself. */
static void give_back(void) {
    switch (object) {
    case SEMAPHORE:
        CHECK(rouse_semaphore_release(&semaphore, 2) == ROUSE_OK);
        break;
    case THROUGHPUT:
        CHECK(rouse_semaphore_release(&throughput, 1) == ROUSE_OK);
        break;
    case QUEUE:
        CHECK(rouse_waiter_queue_wake(&queue, 3, ROUSE_MAX_PERMITS) == ROUSE_OK);
        break;
    case NOTIFY:
        rouse_notify_one(&notify);
        break;
    case MUTEX:
    case CONDVAR:
        CHECK(rouse_mutex_unlock(&mutex) == ROUSE_OK);
        break;
    case READER:
        CHECK(rouse_rwlock_end_read(&rwlock) == ROUSE_OK);
        break;
    case WRITER:
        CHECK(rouse_rwlock_end_write(&rwlock) == ROUSE_OK);
        break;
    case ONCE:
        CHECK(rouse_once_failed(&once) == ROUSE_OK);
        break;
    case LIMIT:
        CHECK(rouse_limit_give_back(&limit, 1) == ROUSE_OK);
        break;
    case OPEN_LIMIT:
        CHECK(rouse_limit_give_back(&open_limit, 1) == ROUSE_OK);
        break;
    case RECEIVER:
        CHECK(received == object);
        break;
    default: /* an event */
        break;
    }
}

/* Nobody is queued, and everything that was put in is there: with what the grant brought, or without. */
static void check_end(bool granted) {
    CHECK(waiting() == 0);
    switch (object) {
    case SEMAPHORE:
        CHECK(rouse_semaphore_available(&semaphore) == (granted ? 2u : 1u));
        break;
    case THROUGHPUT:
        CHECK(rouse_semaphore_available(&throughput) == (granted ? 1u : 0u));
        break;
    case QUEUE:
        CHECK(rouse_waiter_queue_balance(&queue) == (granted ? 3 : 0));
        break;
    case NOTIFY:
        CHECK(rouse_waiter_queue_balance(&notify.queue_) == (granted && !by_all ? 1 : 0));
        break;
    case MUTEX:
        CHECK(rouse_mutex_is_locked(&mutex) == !granted);
        break;
    case READER:
    case WRITER:
        CHECK(rouse_rwlock_try_write(&rwlock) == granted);
        break;
    case ONCE:
        CHECK(!rouse_once_is_done(&once));
        CHECK(rouse_once_begin_timed(&once, 0) == (granted ? ROUSE_OK : ROUSE_TIMEDOUT));
        break;
    case EVENT:
        CHECK(rouse_event_is_set(&event) == granted);
        break;
    case LIMIT:
        CHECK(rouse_limit_in_use(&limit) == (granted ? 0u : 1u));
        break;
    case OPEN_LIMIT:
        CHECK(rouse_limit_in_use(&open_limit) == (granted ? 0u : 1u));
        break;
    case RECEIVER: /* what was granted was received, and went with the thread */
        CHECK(rouse_channel_count(&channel) == 0);
        break;
    default: /* it was unlocked for the wait, and locked again only for a thread that has returned */
        CHECK(!rouse_mutex_is_locked(&mutex));
        break;
    }
    rouse_semaphore_destroy(&semaphore);
    rouse_semaphore_destroy(&throughput);
    rouse_waiter_queue_destroy(&queue);
    rouse_notify_destroy(&notify);
    rouse_condvar_destroy(&condvar);
    rouse_mutex_destroy(&mutex);
    rouse_rwlock_destroy(&rwlock);
    rouse_once_destroy(&once);
    rouse_event_destroy(&event);
    rouse_limit_destroy(&limit);
    rouse_limit_destroy(&open_limit);
    rouse_channel_destroy(&channel);
}

/* ---- cancelled ----------------------------------------------------------------------------------------------------- */

static void *cancelled_thread(void *unused) {
    answer = block();
    give_back();
    pthread_testcancel();
    return unused;
}

static void cancelled(void) {
    pthread_t thread;
    void *result;
    begin();
    CHECK(pthread_create(&thread, NULL, cancelled_thread, NULL) == 0);
    while (waiting() == 0) {
        sched_yield();
    }
    CHECK(pthread_cancel(thread) == 0);
    grant();
    CHECK(pthread_join(thread, &result) == 0);
    CHECK(result == PTHREAD_CANCELED && answer == ROUSE_OK);
    check_end(true);
}

/* ---- ended by a handler ---------------------------------------------------------------------------------------------- */

static bool grant_first;

static void end_thread(int number) {
    (void)number;
    pthread_exit(NULL);
}

/* As if a signal had come while it slept. */
static void asleep(void) {
    if (grant_first) {
        grant();
    }
    (void)raise(SIGUSR1);
}

static void *ended_thread(void *unused) {
    int before;
    if (asynchronous) {
        CHECK(pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, &before) == 0);
    }
    answer = block();
    CHECK(answer == ROUSE_PENDING); /* it has returned */
    return unused;
}

static void exits(void) {
    pthread_t thread;
    begin();
    sleeps_hook = asleep;
    CHECK(pthread_create(&thread, NULL, ended_thread, NULL) == 0);
    CHECK(pthread_join(thread, NULL) == 0);
    sleeps_hook = NULL;
    check_end(grant_first);
}

/* ---- ended while the kernel has it asleep ----------------------------------------------------------------------------- */

static pid_t sleeper;

static void note_sleeper(void) {
    sleeper = gettid();
}

static char state_of(pid_t thread) {
    char name[64];
    char line[400];
    FILE *file;
    const char *end;
    (void)snprintf(name, sizeof name, "/proc/self/task/%d/stat", (int)thread);
    file = fopen(name, "r");
    CHECK(file != NULL && fgets(line, sizeof line, file) != NULL);
    (void)fclose(file);
    end = strrchr(line, ')');
    CHECK(end != NULL);
    return end[2];
}

static void killed(void) {
    const int before = sleeps_begun();
    pthread_t thread;
    begin();
    sleeps_hook = note_sleeper;
    CHECK(pthread_create(&thread, NULL, ended_thread, NULL) == 0);
    while (sleeps_begun() == before || state_of(sleeper) != 'S') {
        sched_yield();
    }
    CHECK((asynchronous ? pthread_cancel(thread) : pthread_kill(thread, SIGUSR1)) == 0);
    CHECK(pthread_join(thread, NULL) == 0);
    sleeps_hook = NULL;
    check_end(false);
}

int main(int argc, char **argv) {
    const char *const mode = argc > 1 ? argv[1] : "";
    struct sigaction action;
    int runs = 0;
    memset(&action, 0, sizeof action);
    action.sa_handler = end_thread;
    CHECK(sigaction(SIGUSR1, &action, NULL) == 0);
    for (int i = 0; i < 2 * OBJECTS * 4; i++) {
        object = i % OBJECTS;
        timed = i / OBJECTS % 2 == 1;
        asynchronous = i / OBJECTS / 2 % 2 == 1 && strcmp(mode, "killed") == 0;
        grant_first = i / OBJECTS / 2 % 2 == 1 && strcmp(mode, "exits") == 0;
        by_all = i / OBJECTS / 4 == 1 && (strcmp(mode, "cancelled") != 0);
        if (by_all && (object != NOTIFY || (strcmp(mode, "exits") == 0 && !grant_first))) {
            continue;
        }
        if (strcmp(mode, "cancelled") == 0) {
            cancelled();
        } else if (strcmp(mode, "exits") == 0) {
            exits();
        } else if (strcmp(mode, "killed") == 0) {
            killed();
        } else {
            fprintf(stderr, "usage: ended cancelled|exits|killed\n");
            return 2;
        }
        runs++;
    }
    printf("%s: %d threads ended in a blocking call, nothing was lost\n", mode, runs);
    return 0;
}
