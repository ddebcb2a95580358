/* Throughput mode: one permit (or PERMITS), asked for in every way there is, and the bound holds to the unit. */
#include "bound.h"

#ifndef PERMITS
#    define PERMITS 1
#endif
enum { BOUND = 5 };

/* OF_LIMIT: a limit in its place. */
#ifdef OF_LIMIT
#    define VERB(verb) rouse_limit_##verb
static rouse_limit object = ROUSE_LIMIT_INIT_THROUGHPUT(PERMITS, UINT32_MAX, BOUND);
static rouse_status give_back(void) {
    return rouse_limit_give_back(&object, 1);
}
static uint32_t available(void) {
    return rouse_limit_permits(&object) - rouse_limit_in_use(&object);
}
#else
#    define VERB(verb) rouse_semaphore_##verb
static rouse_semaphore object = ROUSE_SEMAPHORE_INIT_THROUGHPUT(PERMITS, BOUND);
static rouse_status give_back(void) {
    return rouse_semaphore_release(&object, 1);
}
static uint32_t available(void) {
    return rouse_semaphore_available(&object);
}
#endif

static atomic_ullong defeats;
static atomic_ullong cancelled;

static void section(how came) {
    static atomic_int inside;
    CHECK(atomic_fetch_add(&inside, 1) < PERMITS);
    if (PERMITS == 1) {
        bound_alone(came, BOUND);
    }
    bound_count(came, 1);
    atomic_fetch_sub(&inside, 1);
    CHECK(give_back() == ROUSE_OK);
}
/* `seen`: newcomers before it asked; with one permit, before it has given that back. */
static void in_turn(const patience *p, unsigned long long seen) {
    bound_waited(p, seen, PERMITS, BOUND);
    section(IN_TURN);
}

/* ---- a task that its wake invites, and that asks on its own thread ------------------------------------------------------ */

typedef struct task {
    rouse_waiter waiter;
    atomic_int said; /* what its wake said last; NOTHING: not called since */
} task;
enum { NOTHING = 100 };

static void task_wake(rouse_waiter *w, rouse_status status) {
    task *const t = (task *)rouse_waiter_data(w);
    atomic_store(&t->said, (int)status);
}
static rouse_status task_await(task *t) {
    int said;
    while ((said = atomic_exchange(&t->said, NOTHING)) == NOTHING) {
        sched_yield();
    }
    return (rouse_status)said;
}
/* From the first word of its wake to its turn. */
static unsigned long long task_ask(task *t) {
    unsigned long long seen;
    while (seen = bound_newcomers(), VERB(resume)(&object, &t->waiter) == ROUSE_PENDING) {
        atomic_fetch_add(&defeats, 1);
        (void)task_await(t);
    }
    return PERMITS == 1 ? bound_newcomers() : seen;
}
/* Of one that does not know when it was asked for. */
static unsigned long long unasked(void) {
    return PERMITS == 1 ? bound_newcomers() : 0;
}
static void wait_as_task(dice *d) {
    task t;
    atomic_init(&t.said, NOTHING);
    rouse_waiter_init(&t.waiter, task_wake, &t);
    if (VERB(acquire)(&object, &t.waiter, 1) == ROUSE_OK) {
        section(NEWCOMER);
    } else {
        const patience p = bound_wait();
        (void)task_await(&t);
        dawdle(d);
        in_turn(&p, task_ask(&t));
    }
}
static void cancel_as_task(dice *d) {
    task t;
    atomic_init(&t.said, NOTHING);
    rouse_waiter_init(&t.waiter, task_wake, &t);
    if (VERB(acquire)(&object, &t.waiter, 1) == ROUSE_OK) {
        section(NEWCOMER);
        return;
    }
    dawdle(d);
    if (VERB(cancel)(&object, &t.waiter)) {
        atomic_fetch_add(&cancelled, 1);
        return;
    }
    if (task_await(&t) == ROUSE_RETRY && roll(d, 2) == 0) {
        VERB(decline)(&object, &t.waiter);
        return;
    }
    (void)task_ask(&t);
    section(IN_TURN);
}

/* One that asks inside its wake, on whichever thread that is. */
typedef struct eager {
    rouse_waiter waiter;
    patience patience;
    atomic_int begun;
    atomic_bool done;
} eager;
static void eager_wake(rouse_waiter *w, rouse_status status) {
    eager *const e = (eager *)rouse_waiter_data(w);
    const unsigned long long seen = bound_newcomers();
    if (status == ROUSE_OK || VERB(resume)(&object, w) == ROUSE_OK) {
        if (bound_is_counted(&e->begun)) {
            in_turn(&e->patience, PERMITS == 1 ? bound_newcomers() : seen);
        } else {
            section(IN_TURN);
        }
        atomic_store(&e->done, true);
    }
}
static void wait_eagerly(dice *d) {
    eager e;
    (void)d;
    atomic_init(&e.begun, NOT_YET);
    atomic_init(&e.done, false);
    rouse_waiter_init(&e.waiter, eager_wake, &e);
    if (VERB(acquire)(&object, &e.waiter, 1) == ROUSE_OK) {
        section(NEWCOMER);
        return;
    }
    bound_wait_unless_early(&e.begun, &e.patience);
    while (!atomic_load(&e.done)) {
        sched_yield();
    }
}

/* ---- on a mailbox -------------------------------------------------------------------------------------------------------- */

static _Thread_local rouse_mailbox mailbox;
static void no_kick(void *arg) {
    (void)arg;
}
static rouse_status mail_await(task *t) {
    while (atomic_load(&t->said) == NOTHING) {
        (void)rouse_mailbox_drain(&mailbox);
        sched_yield();
    }
    return (rouse_status)atomic_load(&t->said);
}
static void wait_on_mailbox(dice *d) {
    task t;
    atomic_init(&t.said, NOTHING);
    rouse_waiter_init_on(&t.waiter, &mailbox, task_wake, &t);
    if (VERB(acquire)(&object, &t.waiter, 1) == ROUSE_OK) {
        section(NEWCOMER);
        return;
    }
    if (roll(d, 2) == 0) {
        const patience p = bound_wait();
        CHECK(mail_await(&t) == ROUSE_OK);
        in_turn(&p, unasked());
        return;
    }
    dawdle(d);
    if (VERB(cancel)(&object, &t.waiter)) {
        atomic_fetch_add(&cancelled, 1);
    } else if (roll(d, 2) == 0 && rouse_mailbox_revoke(&mailbox, &t.waiter)) {
        if (rouse_waiter_status(&t.waiter) == ROUSE_OK) {
            section(IN_TURN);
        } else {
            CHECK(rouse_waiter_status(&t.waiter) == ROUSE_CANCELLED);
        }
    } else if (mail_await(&t) == ROUSE_OK) {
        section(IN_TURN);
    } else {
        CHECK(t.said == ROUSE_CANCELLED);
    }
}

/* ---- threads that block, polled waiters, newcomers that try ---------------------------------------------------------------- */

static void wait_blocked(dice *d) {
    rouse_thread_waiter t;
    (void)d;
    rouse_thread_waiter_init(&t);
    if (VERB(acquire)(&object, &t.waiter, 1) == ROUSE_OK) {
        section(NEWCOMER);
    } else {
        const patience p = bound_wait();
        CHECK(rouse_thread_waiter_await(&t, ROUSE_PENDING) == ROUSE_OK);
        in_turn(&p, unasked());
    }
    rouse_thread_waiter_destroy(&t);
}
static void wait_timed(dice *d) {
    const rouse_status status = VERB(acquire_timed)(&object, 1, roll(d, 50000));
    CHECK(status == ROUSE_OK || status == ROUSE_TIMEDOUT);
    if (status == ROUSE_OK) {
        section(UNKNOWN);
    }
}
static void wait_polled(dice *d) {
    rouse_waiter w;
    (void)d;
    rouse_waiter_init(&w, NULL, NULL);
    if (VERB(acquire)(&object, &w, 1) == ROUSE_OK) {
        section(NEWCOMER);
    } else {
        const patience p = bound_wait();
        CHECK(await_outcome(&w) == ROUSE_OK);
        in_turn(&p, unasked());
    }
}
static void try_it(dice *d) {
    if (VERB(try_acquire)(&object, 1)) {
        section(NEWCOMER);
    } else {
        dawdle(d);
    }
}

static void *work(void *number) {
    static void (*const ways[THREADS])(dice *) = {
        wait_as_task,    wait_as_task,    wait_as_task, wait_eagerly, wait_eagerly, wait_on_mailbox,
        wait_on_mailbox, wait_on_mailbox, wait_blocked, wait_blocked, wait_polled,  wait_timed,
        cancel_as_task,  cancel_as_task,  try_it,       try_it};
    dice d;
    dice_init(&d, (uintptr_t)number);
    rouse_mailbox_init(&mailbox, no_kick, NULL);
    while (!time_is_up()) {
        ways[(uintptr_t)number](&d);
    }
    rouse_mailbox_destroy(&mailbox);
    return NULL;
}

int main(int argc, char **argv) {
    stress_begin(argc, argv);
    run_threads(work);
    CHECK(available() == PERMITS && VERB(waiter_count)(&object) == 0);
    VERB(destroy)(&object);
    printf("%llu newcomers, %llu turns, %llu defeats, %llu cancelled\n", bound_newcomers(), bound_turns(),
           (unsigned long long)defeats, (unsigned long long)cancelled);
    CHECK(bound_newcomers() != 0 && bound_turns() != 0 && cancelled != 0);
    return 0;
}
