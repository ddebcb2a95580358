/* benches/adapter_rouse.h: how the benches call rouse; the backend comes from ROUSE_BACKEND. Also the place that
 * says what an adapter provides:
 *
 *   C_TASKS      1: it suspends tasks; 0: it blocks threads, and has only c_sem_init, _destroy, _block, _unblock
 *                and the pairs
 *   C_ONE_THREAD defined: its objects belong to one thread, so the groups of several threads leave it out
 *   c_sem        a semaphore      c_sem_init, _destroy
 *                c_sem_pairs, c_sem_try_pairs    n uncontended pairs in a loop
 *                c_sem_acquire                   true: held; false: the task will be woken
 *                c_sem_resume                    a woken task asks again: true: held; false: it waits on
 *                c_sem_try, c_sem_release
 *                c_sem_cancel                    false: too late, the wake comes and it holds
 *   c_note       a notification   c_note_init, _destroy, _wait, _resume, _one, _all, _cancel
 *   c_wait       what a task needs for waiting   c_wait_init, _destroy; in a job, behind its task
 *   C_MAILBOX    defined: wakes are posted to a mailbox that each executor has: c_mailbox_init, _destroy
 *
 * BENCH_BYPASS    defined: semaphores are in throughput mode, with this bound
 * BENCH_MAILBOX   defined: a task runs in the drain of its thread's mailbox */
#ifndef ROUSE_BENCH_ADAPTER_H
#define ROUSE_BENCH_ADAPTER_H

#include "bench.h"
#include "executor.h"

#include <rouse/rouse.h>

#include <stdlib.h>

#define C_TASKS 1
#if ROUSE_BACKEND == ROUSE_BACKEND_LOCAL
#    define C_ONE_THREAD 1
#endif

typedef rouse_semaphore c_sem;
typedef rouse_notify c_note;
typedef rouse_waiter c_wait;

#ifdef BENCH_MAILBOX
#    define C_MAILBOX 1

/* An executor's mailbox and the task that drains it: a kick makes the task run. */
typedef struct c_mailbox {
    task drain;
    rouse_mailbox box;
} c_mailbox;

static inline void c_drain(task *t) {
    (void)rouse_mailbox_drain(&((c_mailbox *)t)->box);
}
static inline void c_kick(void *mailbox) {
    task_wake(&((c_mailbox *)mailbox)->drain);
}
static inline void c_mailbox_init(executor *ex) {
    c_mailbox *const m = bench_alloc(sizeof *m);
    task_init(&m->drain, ex, c_drain);
    rouse_mailbox_init(&m->box, c_kick, m);
    ex->mailbox = m;
}
static inline void c_mailbox_destroy(executor *ex) {
    c_mailbox *const m = ex->mailbox;
    rouse_mailbox_destroy(&m->box);
    free(m);
}
/* On the task's own thread. */
static inline void c_on_wake(rouse_waiter *w, rouse_status status) {
    task *const t = rouse_waiter_data(w);
    (void)status;
    t->run(t);
}
static inline void c_wait_init(c_wait *w, task *t) {
    rouse_waiter_init_on(w, &((c_mailbox *)t->home->mailbox)->box, c_on_wake, t);
}
#else
static inline void c_on_wake(rouse_waiter *w, rouse_status status) {
    (void)status;
    task_wake((task *)rouse_waiter_data(w));
}
static inline void c_wait_init(c_wait *w, task *t) {
    rouse_waiter_init(w, c_on_wake, t);
}
#endif
static inline void c_wait_destroy(c_wait *w) {
    (void)w;
}

static inline bool c_granted(rouse_status status) {
    if (status < 0) {
        bench_die(rouse_status_string(status));
    }
    return status == ROUSE_OK;
}

static inline void c_sem_init(c_sem *s, uint32_t permits) {
#ifdef BENCH_BYPASS
    rouse_semaphore_init_throughput(s, permits, BENCH_BYPASS);
#else
    (void)rouse_semaphore_init(s, permits);
#endif
}
static inline void c_sem_destroy(c_sem *s) {
    rouse_semaphore_destroy(s);
}
static inline bool c_sem_acquire(c_sem *s, c_wait *w, uint32_t n) {
    return c_granted(rouse_semaphore_acquire(s, w, n));
}
static inline bool c_sem_resume(c_sem *s, c_wait *w) {
#if defined BENCH_BYPASS && !defined BENCH_MAILBOX
    return c_granted(rouse_semaphore_resume(s, w));
#else
    (void)s;
    (void)w;
    return true;
#endif
}
static inline bool c_sem_try(c_sem *s) {
    return rouse_semaphore_try_acquire(s, 1);
}
static inline void c_sem_release(c_sem *s, uint32_t n) {
    (void)rouse_semaphore_release(s, n);
}
static inline bool c_sem_cancel(c_sem *s, c_wait *w) {
    return rouse_semaphore_cancel(s, w);
}
static inline void c_sem_pairs(c_sem *s, int64_t n) {
    rouse_waiter w;
    rouse_waiter_init(&w, NULL, NULL);
    for (int64_t i = 0; i < n; i++) {
        if (rouse_semaphore_acquire(s, &w, 1) != ROUSE_OK) {
            bench_die("an uncontended acquire was refused");
        }
        (void)rouse_semaphore_release(s, 1);
    }
}
static inline void c_sem_try_pairs(c_sem *s, int64_t n) {
    for (int64_t i = 0; i < n; i++) {
        if (!rouse_semaphore_try_acquire(s, 1)) {
            bench_die("an uncontended try_acquire was refused");
        }
        (void)rouse_semaphore_release(s, 1);
    }
}

static inline void c_note_init(c_note *n) {
    rouse_notify_init(n);
}
static inline void c_note_destroy(c_note *n) {
    rouse_notify_destroy(n);
}
static inline bool c_note_wait(c_note *n, c_wait *w) {
    return c_granted(rouse_notify_wait(n, w));
}
static inline bool c_note_resume(c_note *n, c_wait *w) {
    (void)n;
    (void)w;
    return true;
}
static inline void c_note_one(c_note *n) {
    rouse_notify_one(n);
}
static inline void c_note_all(c_note *n) {
    (void)rouse_notify_all(n);
}
static inline bool c_note_cancel(c_note *n, c_wait *w) {
    return rouse_notify_cancel(n, w);
}

#endif /* ROUSE_BENCH_ADAPTER_H */
