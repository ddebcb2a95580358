/* benches/executor.c: the part of the run queue that other threads touch. */
#include "executor.h"

#include <sched.h>

enum { PAUSES_BEFORE_YIELD = 200 };

_Thread_local executor *executor_here;

/* In the inbox: its thread sleeps, and the thread that takes this mark out must wake it. */
static task sleeping;

static void pause_hint(void) {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

void executor_init(executor *ex, bool shared, executor_idle idle) {
    ex->head = NULL;
    ex->end = &ex->head;
    ex->shared = shared;
    ex->stop = false;
    ex->idle = idle;
    ex->mailbox = NULL;
    sem_init(&ex->parked, 0, 0);
    atomic_init(&ex->inbox, NULL);
}

void executor_destroy(executor *ex) {
    sem_destroy(&ex->parked);
}

void executor_post(executor *ex, task *t) {
    task *newest = atomic_load_explicit(&ex->inbox, memory_order_relaxed);
    do {
        t->next = newest == &sleeping ? NULL : newest;
    } while (!atomic_compare_exchange_weak_explicit(&ex->inbox, &newest, t, memory_order_acq_rel,
                                                    memory_order_relaxed));
    if (newest == &sleeping) {
        sem_post(&ex->parked);
    }
}

/* Moves the inbox to the queue, oldest first. */
static void take_inbox(executor *ex) {
    task *oldest = NULL;
    task *t = atomic_exchange_explicit(&ex->inbox, NULL, memory_order_acquire);
    while (t != NULL) {
        task *const older = t->next;
        t->next = oldest;
        oldest = t;
        t = older;
    }
    while (oldest != NULL) {
        task *const next = oldest->next;
        task_yield(oldest);
        oldest = next;
    }
}

static void wait_for_inbox(executor *ex) {
    task *nothing = NULL;
    if (ex->idle == IDLE_SLEEP) {
        if (atomic_compare_exchange_strong(&ex->inbox, &nothing, &sleeping)) {
            while (sem_wait(&ex->parked) != 0) {
            }
        }
        return;
    }
    for (int i = 0; atomic_load_explicit(&ex->inbox, memory_order_relaxed) == NULL; i++) {
        if (i < PAUSES_BEFORE_YIELD) {
            pause_hint();
        } else {
            sched_yield();
        }
    }
}

void executor_run_shared(executor *ex) {
    executor_here = ex;
    while (!ex->stop) {
        task *t;
        if (atomic_load_explicit(&ex->inbox, memory_order_relaxed) != NULL) {
            take_inbox(ex);
        }
        t = executor_pop(ex);
        if (t != NULL) {
            t->run(t);
        } else {
            wait_for_inbox(ex);
        }
    }
    executor_here = NULL;
}
