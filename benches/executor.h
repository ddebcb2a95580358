/* benches/executor.h: the run queue that drives every contender's tasks, so that they differ in nothing but the
 * primitive. A task is a link, a home and a function; a queue runs its tasks in order on one thread. Another
 * thread wakes a task through the queue's inbox: a stack pushed by compare-and-swap and emptied at once. */
#ifndef ROUSE_BENCH_EXECUTOR_H
#define ROUSE_BENCH_EXECUTOR_H

#include <semaphore.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

typedef struct executor executor;
typedef struct task task;
typedef void task_fn(task *t);

struct task {
    task *next;
    executor *home;
    task_fn *run;
    atomic_bool waiting; /* only for contenders that may wake a task twice, or one that does not wait */
};

typedef enum executor_idle { IDLE_SPIN, IDLE_SLEEP } executor_idle;

struct executor {
    task *head;
    task **end;
    bool shared; /* woken by other threads too */
    bool stop;
    executor_idle idle;
    sem_t parked;
    void *mailbox; /* the adapter's, if its wakes are posted to one */
    _Alignas(64) _Atomic(task *) inbox;
};

/* The queue that this thread is running; NULL outside executor_run_shared. */
extern _Thread_local executor *executor_here;

void executor_init(executor *ex, bool shared, executor_idle idle);
void executor_destroy(executor *ex);
void executor_post(executor *ex, task *t); /* from another thread */
void executor_run_shared(executor *ex);    /* until one of its tasks sets stop */

static inline void task_init(task *t, executor *home, task_fn *run) {
    t->next = NULL;
    t->home = home;
    t->run = run;
    atomic_init(&t->waiting, false);
}

/* Puts a task at the end of this thread's queue. */
static inline void task_yield(task *t) {
    executor *const ex = t->home;
    t->next = NULL;
    *ex->end = t;
    ex->end = &t->next;
}

/* Makes a task run, from whatever thread. */
static inline void task_wake(task *t) {
    executor *const ex = t->home;
    if (!ex->shared || ex == executor_here) {
        task_yield(t);
    } else {
        executor_post(ex, t);
    }
}

static inline task *executor_pop(executor *ex) {
    task *const t = ex->head;
    if (t != NULL) {
        ex->head = t->next;
        if (ex->head == NULL) {
            ex->end = &ex->head;
        }
    }
    return t;
}

/* Runs what there is on one thread until a task sets stop or nothing is left. */
static inline void executor_run(executor *ex) {
    task *t;
    ex->stop = false;
    while (!ex->stop && (t = executor_pop(ex)) != NULL) {
        t->run(t);
    }
}

#endif /* ROUSE_BENCH_EXECUTOR_H */
