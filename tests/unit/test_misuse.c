/* ROUSE_DEBUG: misuse aborts, with one line on stderr that names the call and the object. Built with ROUSE_DEBUG.
 *
 * Each case runs in a child, whose stderr is a pipe. */
#include <rouse/rouse.h>

#include "aborts.h"
#include "support.h"

#ifndef ROUSE_DEBUG
#    error "these are the tests of ROUSE_DEBUG"
#endif

static rouse_waiter_queue queue;
static rouse_waiter_queue other_queue;
static rouse_semaphore semaphore = ROUSE_SEMAPHORE_INIT(0);
static rouse_semaphore other_semaphore = ROUSE_SEMAPHORE_INIT(0);
static rouse_notify notify;
static rouse_notify other_notify;
static rouse_mutex mutex = ROUSE_MUTEX_INIT;
static rouse_mutex other_mutex = ROUSE_MUTEX_INIT;
static rouse_mailbox mailbox;

static void nothing(rouse_waiter *w, rouse_status status) {
    (void)w, (void)status;
}

static void no_kick(void *arg) {
    (void)arg;
}

static bool never(void *arg) {
    (void)arg;
    return false;
}

/* ---- queueing a waiter that is queued -------------------------------------------------------------------------------- */

static void wait_twice(void) {
    rouse_waiter w;
    rouse_waiter_init(&w, nothing, NULL);
    (void)rouse_waiter_queue_wait(&queue, &w, 1);
    (void)rouse_waiter_queue_wait(&other_queue, &w, 1);
}
static void add_if_twice(void) {
    rouse_waiter w;
    rouse_waiter_init(&w, nothing, NULL);
    (void)rouse_waiter_queue_add_waiter_if(&queue, &w, never, NULL);
    (void)rouse_waiter_queue_add_waiter_if(&queue, &w, never, NULL);
}
static void acquire_twice(void) {
    rouse_waiter w;
    rouse_waiter_init(&w, nothing, NULL);
    (void)rouse_semaphore_acquire(&semaphore, &w, 1);
    (void)rouse_semaphore_acquire(&semaphore, &w, 1);
}
static void notify_wait_twice(void) {
    rouse_waiter w;
    rouse_waiter_init(&w, nothing, NULL);
    (void)rouse_notify_wait(&notify, &w);
    (void)rouse_notify_wait(&notify, &w);
}
static void lock_twice(void) {
    rouse_waiter w;
    rouse_waiter_init(&w, nothing, NULL);
    (void)rouse_mutex_lock(&mutex, &w);
    (void)rouse_mutex_lock(&mutex, &w);
    (void)rouse_mutex_lock(&mutex, &w);
}

Test(misuse, queueing_a_waiter_that_is_queued) {
    expect_abort(wait_twice, "rouse_waiter_queue_wait", &other_queue);
    expect_abort(add_if_twice, "rouse_waiter_queue_add_waiter_if", &queue);
    expect_abort(acquire_twice, "rouse_semaphore_acquire", &semaphore);
    expect_abort(notify_wait_twice, "rouse_notify_wait", &notify);
    expect_abort(lock_twice, "rouse_mutex_lock", &mutex);
}

/* ---- cancelling on another object ------------------------------------------------------------------------------------- */

static void cancel_on_other_queue(void) {
    rouse_waiter w;
    rouse_waiter_init(&w, nothing, NULL);
    (void)rouse_waiter_queue_wait(&queue, &w, 1);
    (void)rouse_waiter_queue_cancel(&other_queue, &w);
}
static void cancel_on_other_semaphore(void) {
    rouse_waiter w;
    rouse_waiter_init(&w, nothing, NULL);
    (void)rouse_semaphore_acquire(&semaphore, &w, 1);
    (void)rouse_semaphore_cancel(&other_semaphore, &w);
}
static void cancel_on_other_notify(void) {
    rouse_waiter w;
    rouse_waiter_init(&w, nothing, NULL);
    (void)rouse_notify_wait(&notify, &w);
    (void)rouse_notify_cancel(&other_notify, &w);
}
static void cancel_on_other_mutex(void) {
    rouse_waiter w;
    rouse_waiter_init(&w, nothing, NULL);
    (void)rouse_mutex_try_lock(&mutex);
    (void)rouse_mutex_lock(&mutex, &w);
    (void)rouse_mutex_cancel(&other_mutex, &w);
}

/* Granted, but its wake has not run: it is the library's still. */
static rouse_waiter owed;
static void queue_owed(rouse_waiter *w, rouse_status status) {
    (void)w, (void)status;
    (void)rouse_semaphore_acquire(&semaphore, &owed, 1);
}
static void queue_before_its_wake(void) {
    rouse_waiter first;
    rouse_waiter_init(&first, queue_owed, NULL);
    rouse_waiter_init(&owed, nothing, NULL);
    (void)rouse_waiter_queue_wait(&queue, &first, 1);
    (void)rouse_waiter_queue_wait(&queue, &owed, 1);
    (void)rouse_waiter_queue_wake_all(&queue);
}

Test(misuse, queueing_a_waiter_whose_wake_is_owed) {
    expect_abort(queue_before_its_wake, "rouse_semaphore_acquire", &semaphore);
}

Test(misuse, cancelling_on_another_object) {
    expect_abort(cancel_on_other_queue, "rouse_waiter_queue_cancel", &other_queue);
    expect_abort(cancel_on_other_semaphore, "rouse_semaphore_cancel", &other_semaphore);
    expect_abort(cancel_on_other_notify, "rouse_notify_cancel", &other_notify);
    expect_abort(cancel_on_other_mutex, "rouse_mutex_cancel", &other_mutex);
}

/* ---- no waiter ---------------------------------------------------------------------------------------------------------- */

static void wait_with_none(void) {
    (void)rouse_waiter_queue_wait(&queue, NULL, 1);
}
static void add_if_with_none(void) {
    (void)rouse_waiter_queue_add_waiter_if(&queue, NULL, never, NULL);
}
static void acquire_with_none(void) {
    (void)rouse_semaphore_acquire(&semaphore, NULL, 1);
}
static void notify_wait_with_none(void) {
    (void)rouse_notify_wait(&notify, NULL);
}
static void lock_with_none(void) {
    (void)rouse_mutex_lock(&mutex, NULL);
}
static void cancel_none(void) {
    (void)rouse_waiter_queue_cancel(&queue, NULL);
}
static void semaphore_cancel_none(void) {
    (void)rouse_semaphore_cancel(&semaphore, NULL);
}
static void notify_cancel_none(void) {
    (void)rouse_notify_cancel(&notify, NULL);
}
static void mutex_cancel_none(void) {
    (void)rouse_mutex_cancel(&mutex, NULL);
}

Test(misuse, a_null_waiter) {
    expect_abort(wait_with_none, "rouse_waiter_queue_wait", &queue);
    expect_abort(add_if_with_none, "rouse_waiter_queue_add_waiter_if", &queue);
    expect_abort(acquire_with_none, "rouse_semaphore_acquire", &semaphore);
    expect_abort(notify_wait_with_none, "rouse_notify_wait", &notify);
    expect_abort(lock_with_none, "rouse_mutex_lock", &mutex);
    expect_abort(cancel_none, "rouse_waiter_queue_cancel", &queue);
    expect_abort(semaphore_cancel_none, "rouse_semaphore_cancel", &semaphore);
    expect_abort(notify_cancel_none, "rouse_notify_cancel", &notify);
    expect_abort(mutex_cancel_none, "rouse_mutex_cancel", &mutex);
}

/* ---- no object -------------------------------------------------------------------------------------------------------- */

/* volatile, so that no compiler reasons about what happens after the check. */
static rouse_semaphore *volatile no_semaphore;
static rouse_notify *volatile no_notify;
static rouse_mutex *volatile no_mutex;
static rouse_waiter_queue *volatile no_queue;
static rouse_mailbox *volatile no_mailbox;
static rouse_waiter *volatile no_waiter;
static rouse_timed *volatile no_timed;
static rouse_arm *volatile no_arm;
static rouse_limit some_limit = ROUSE_LIMIT_INIT(0, 8);
static rouse_event some_event = ROUSE_EVENT_INIT;
static rouse_gate some_gate = ROUSE_GATE_INIT(1);
static rouse_waiter idle;

/* Every function that takes an object, and a call of it. */
/* clang-format off */
#if ROUSE_BACKEND == ROUSE_BACKEND_LOCAL
#    define BLOCKING_NULL_CALLS(X)
#else
#    define BLOCKING_NULL_CALLS(X) \
        X(rouse_semaphore_acquire_blocking, rouse_semaphore_acquire_blocking(no_semaphore, 1)) \
        X(rouse_semaphore_acquire_timed, rouse_semaphore_acquire_timed(no_semaphore, 1, 1)) \
        X(rouse_notify_wait_blocking, rouse_notify_wait_blocking(no_notify)) \
        X(rouse_notify_wait_timed, rouse_notify_wait_timed(no_notify, 1)) \
        X(rouse_mutex_lock_blocking, rouse_mutex_lock_blocking(no_mutex)) \
        X(rouse_mutex_lock_timed, rouse_mutex_lock_timed(no_mutex, 1))
#endif
#define NULL_CALLS(X) \
    BLOCKING_NULL_CALLS(X) \
    X(rouse_semaphore_init, rouse_semaphore_init(no_semaphore, 1)) \
    X(rouse_semaphore_destroy, rouse_semaphore_destroy(no_semaphore)) \
    X(rouse_semaphore_acquire, rouse_semaphore_acquire(no_semaphore, &idle, 1)) \
    X(rouse_semaphore_try_acquire, rouse_semaphore_try_acquire(no_semaphore, 1)) \
    X(rouse_semaphore_release, rouse_semaphore_release(no_semaphore, 1)) \
    X(rouse_semaphore_cancel, rouse_semaphore_cancel(no_semaphore, &idle)) \
    X(rouse_semaphore_reduce, rouse_semaphore_reduce(no_semaphore, 1)) \
    X(rouse_semaphore_available, rouse_semaphore_available(no_semaphore)) \
    X(rouse_semaphore_waiter_count, rouse_semaphore_waiter_count(no_semaphore)) \
    X(rouse_semaphore_close, rouse_semaphore_close(no_semaphore)) \
    X(rouse_semaphore_is_closed, rouse_semaphore_is_closed(no_semaphore)) \
    X(rouse_semaphore_reserve, rouse_semaphore_reserve(no_semaphore, 1)) \
    X(rouse_notify_init, rouse_notify_init(no_notify)) \
    X(rouse_notify_destroy, rouse_notify_destroy(no_notify)) \
    X(rouse_notify_wait, rouse_notify_wait(no_notify, &idle)) \
    X(rouse_notify_one, rouse_notify_one(no_notify)) \
    X(rouse_notify_all, rouse_notify_all(no_notify)) \
    X(rouse_notify_cancel, rouse_notify_cancel(no_notify, &idle)) \
    X(rouse_notify_pass_on, rouse_notify_pass_on(no_notify, &idle)) \
    X(rouse_notify_n, rouse_notify_n(no_notify, 1)) \
    X(rouse_notify_wait_if, rouse_notify_wait_if(no_notify, &idle, never, NULL)) \
    X(rouse_notify_waiter_count, rouse_notify_waiter_count(no_notify)) \
    X(rouse_notify_close, rouse_notify_close(no_notify)) \
    X(rouse_notify_is_closed, rouse_notify_is_closed(no_notify)) \
    X(rouse_notify_reserve, rouse_notify_reserve(no_notify, 1)) \
    X(rouse_mutex_init, rouse_mutex_init(no_mutex)) \
    X(rouse_mutex_destroy, rouse_mutex_destroy(no_mutex)) \
    X(rouse_mutex_lock, rouse_mutex_lock(no_mutex, &idle)) \
    X(rouse_mutex_try_lock, rouse_mutex_try_lock(no_mutex)) \
    X(rouse_mutex_unlock, rouse_mutex_unlock(no_mutex)) \
    X(rouse_mutex_cancel, rouse_mutex_cancel(no_mutex, &idle)) \
    X(rouse_mutex_is_locked, rouse_mutex_is_locked(no_mutex)) \
    X(rouse_mutex_waiter_count, rouse_mutex_waiter_count(no_mutex)) \
    X(rouse_mutex_close, rouse_mutex_close(no_mutex)) \
    X(rouse_mutex_is_closed, rouse_mutex_is_closed(no_mutex)) \
    X(rouse_mutex_reserve, rouse_mutex_reserve(no_mutex, 1)) \
    X(rouse_waiter_queue_init, rouse_waiter_queue_init(no_queue, 1)) \
    X(rouse_waiter_queue_destroy, rouse_waiter_queue_destroy(no_queue)) \
    X(rouse_waiter_queue_wait, rouse_waiter_queue_wait(no_queue, &idle, 1)) \
    X(rouse_waiter_queue_try_wait, rouse_waiter_queue_try_wait(no_queue, 1)) \
    X(rouse_waiter_queue_wake, rouse_waiter_queue_wake(no_queue, 1, 1)) \
    X(rouse_waiter_queue_wake_one, rouse_waiter_queue_wake_one(no_queue)) \
    X(rouse_waiter_queue_wake_all, rouse_waiter_queue_wake_all(no_queue)) \
    X(rouse_waiter_queue_cancel, rouse_waiter_queue_cancel(no_queue, &idle)) \
    X(rouse_waiter_queue_add_waiter_if, rouse_waiter_queue_add_waiter_if(no_queue, &idle, never, NULL)) \
    X(rouse_waiter_queue_close, rouse_waiter_queue_close(no_queue)) \
    X(rouse_waiter_queue_is_closed, rouse_waiter_queue_is_closed(no_queue)) \
    X(rouse_waiter_queue_balance, rouse_waiter_queue_balance(no_queue)) \
    X(rouse_waiter_queue_waiter_count, rouse_waiter_queue_waiter_count(no_queue)) \
    X(rouse_waiter_queue_reserve, rouse_waiter_queue_reserve(no_queue, 1)) \
    X(rouse_mailbox_init, rouse_mailbox_init(no_mailbox, no_kick, NULL)) \
    X(rouse_mailbox_drain, rouse_mailbox_drain(no_mailbox)) \
    X(rouse_mailbox_post, rouse_mailbox_post(no_mailbox, &idle, ROUSE_OK)) \
    X(rouse_mailbox_revoke, rouse_mailbox_revoke(no_mailbox, &idle)) \
    X(rouse_mailbox_destroy, rouse_mailbox_destroy(no_mailbox)) \
    X(rouse_waiter_init, rouse_waiter_init(no_waiter, nothing, NULL)) \
    X(rouse_waiter_init_on, rouse_waiter_init_on(no_waiter, &mailbox, nothing, NULL)) \
    X(rouse_waiter_data, rouse_waiter_data(no_waiter)) \
    X(rouse_waiter_status, rouse_waiter_status(no_waiter)) \
    X(rouse_waiter_queue_wait_until, rouse_waiter_queue_wait_until(&queue, no_timed, 1, 1)) \
    X(rouse_semaphore_acquire_until, rouse_semaphore_acquire_until(&semaphore, no_timed, 1, 1)) \
    X(rouse_mutex_lock_until, rouse_mutex_lock_until(&mutex, no_timed, 1)) \
    X(rouse_notify_wait_until, rouse_notify_wait_until(&notify, no_timed, 1)) \
    X(rouse_limit_acquire_until, rouse_limit_acquire_until(&some_limit, no_timed, 1, 1)) \
    X(rouse_event_wait_until, rouse_event_wait_until(&some_event, no_timed, 1)) \
    X(rouse_gate_wait_until, rouse_gate_wait_until(&some_gate, no_timed, 1)) \
    X(rouse_arm_semaphore, rouse_arm_semaphore(no_arm, &semaphore, 1)) \
    X(rouse_arm_event, rouse_arm_event(no_arm, &some_event)) \
    X(rouse_arm_queue, rouse_arm_queue(no_arm, &queue, 1))
/* clang-format on */

#define NULL_FUNCTION(name, call)   \
    static void null_##name(void) { \
        (void)(call);               \
    }
NULL_CALLS(NULL_FUNCTION)

Test(misuse, a_null_object) {
    rouse_waiter_init(&idle, nothing, NULL);
    rouse_mailbox_init(&mailbox, no_kick, NULL);
#define EXPECT_NULL(name, call) expect_abort(null_##name, #name, NULL);
    NULL_CALLS(EXPECT_NULL)
}

static void add_without_condition(void) {
    (void)rouse_waiter_queue_add_waiter_if(&queue, &idle, NULL, NULL);
}
static void pass_on_null(void) {
    rouse_notify_pass_on(&notify, NULL);
}

Test(misuse, null_arguments) {
    rouse_waiter_init(&idle, nothing, NULL);
    expect_abort(add_without_condition, "rouse_waiter_queue_add_waiter_if", &queue);
    expect_abort(pass_on_null, "rouse_notify_pass_on", &notify);
}

/* ---- destroying what is in use ------------------------------------------------------------------------------------------- */

static void destroy_queue_in_use(void) {
    rouse_waiter w;
    rouse_waiter_init(&w, nothing, NULL);
    (void)rouse_waiter_queue_wait(&queue, &w, 1);
    rouse_waiter_queue_destroy(&queue);
}
static void destroy_semaphore_in_use(void) {
    rouse_waiter w;
    rouse_waiter_init(&w, nothing, NULL);
    (void)rouse_semaphore_acquire(&semaphore, &w, 1);
    rouse_semaphore_destroy(&semaphore);
}
static void destroy_notify_in_use(void) {
    rouse_waiter w;
    rouse_waiter_init(&w, nothing, NULL);
    (void)rouse_notify_wait(&notify, &w);
    rouse_notify_destroy(&notify);
}
static void destroy_mutex_in_use(void) {
    rouse_waiter w;
    rouse_waiter_init(&w, nothing, NULL);
    (void)rouse_mutex_try_lock(&mutex);
    (void)rouse_mutex_lock(&mutex, &w);
    rouse_mutex_destroy(&mutex);
}
static void destroy_mailbox_in_use(void) {
    rouse_waiter w;
    rouse_mailbox_init(&mailbox, no_kick, NULL);
    rouse_waiter_init_on(&w, &mailbox, nothing, NULL);
    (void)rouse_waiter_queue_wait(&queue, &w, 1);
    (void)rouse_waiter_queue_wake_one(&queue);
    rouse_mailbox_destroy(&mailbox);
}

Test(misuse, destroying_what_is_in_use) {
    expect_abort(destroy_queue_in_use, "rouse_waiter_queue_destroy", &queue);
    expect_abort(destroy_semaphore_in_use, "rouse_semaphore_destroy", &semaphore);
    expect_abort(destroy_notify_in_use, "rouse_notify_destroy", &notify);
    expect_abort(destroy_mutex_in_use, "rouse_mutex_destroy", &mutex);
    expect_abort(destroy_mailbox_in_use, "rouse_mailbox_destroy", &mailbox);
}

/* ---- unlocking what is free ------------------------------------------------------------------------------------------------ */

static void unlock_free(void) {
    (void)rouse_mutex_unlock(&mutex);
}

Test(misuse, unlocking_what_is_not_locked) {
    expect_abort(unlock_free, "rouse_mutex_unlock", &mutex);
}

#if ROUSE_BACKEND != ROUSE_BACKEND_LOCAL
/* ---- blocking inside a wake -------------------------------------------------------------------------------------------------- */

typedef void blocking_call(void);

static void acquire_blocking(void) {
    (void)rouse_semaphore_acquire_blocking(&semaphore, 1);
}
static void acquire_timed(void) {
    (void)rouse_semaphore_acquire_timed(&semaphore, 1, 1);
}
static void wait_blocking(void) {
    (void)rouse_notify_wait_blocking(&notify);
}
static void wait_timed(void) {
    (void)rouse_notify_wait_timed(&notify, 1);
}
static void lock_blocking(void) {
    (void)rouse_mutex_lock_blocking(&mutex);
}
static void lock_timed(void) {
    (void)rouse_mutex_lock_timed(&mutex, 1);
}
static void queue_blocking(void) {
    (void)rouse_waiter_queue_wait_blocking(&other_queue, 1);
}
static void queue_timed(void) {
    (void)rouse_waiter_queue_wait_timed(&other_queue, 1, 1);
}
static rouse_thread_waiter thread_waiter;
static void await_pending(void) {
    rouse_thread_waiter_init(&thread_waiter);
    (void)rouse_thread_waiter_await(&thread_waiter, ROUSE_PENDING);
}
static void await_until(void) {
    rouse_status outcome;
    rouse_thread_waiter_init(&thread_waiter);
    (void)rouse_thread_waiter_await_until(&thread_waiter, 0, &outcome);
}

static blocking_call *chosen;
static void call_chosen(rouse_waiter *w, rouse_status status) {
    (void)w, (void)status;
    chosen();
}
static void in_a_wake(void) {
    rouse_waiter w;
    rouse_waiter_init(&w, call_chosen, NULL);
    (void)rouse_waiter_queue_wait(&queue, &w, 1);
    (void)rouse_waiter_queue_wake_one(&queue);
}

Test(misuse, blocking_inside_a_wake) {
    static const struct {
        blocking_call *call;
        const char *name;
        const void *object;
    } calls[] = {
        {acquire_blocking, "rouse_semaphore_acquire_blocking", &semaphore},
        {acquire_timed, "rouse_semaphore_acquire_timed", &semaphore},
        {wait_blocking, "rouse_notify_wait_blocking", &notify},
        {wait_timed, "rouse_notify_wait_timed", &notify},
        {lock_blocking, "rouse_mutex_lock_blocking", &mutex},
        {lock_timed, "rouse_mutex_lock_timed", &mutex},
        {queue_blocking, "rouse_waiter_queue_wait_blocking", &other_queue},
        {queue_timed, "rouse_waiter_queue_wait_timed", &other_queue},
        {await_pending, "rouse_thread_waiter_await", &thread_waiter},
        {await_until, "rouse_thread_waiter_await_until", &thread_waiter},
    };
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
        chosen = calls[i].call;
        expect_abort(in_a_wake, calls[i].name, calls[i].object);
    }
}

static void destroy_a_queued_thread_waiter(void) {
    rouse_thread_waiter_init(&thread_waiter);
    (void)rouse_notify_wait(&notify, &thread_waiter.waiter);
    rouse_thread_waiter_destroy(&thread_waiter);
}

Test(misuse, a_thread_waiter_that_is_destroyed_while_it_is_queued) {
    expect_abort(destroy_a_queued_thread_waiter, "rouse_thread_waiter_destroy", &thread_waiter);
}
#endif

/* ---- what is no misuse ---------------------------------------------------------------------------------------------------------- */

static void queue_again(probe *p) {
    p->then = NULL;
    cr_assert_eq(rouse_waiter_queue_wait(&queue, &p->waiter, 1), ROUSE_PENDING);
}

/* The checks must not fire on what the contract allows. */
Test(misuse, lawful_use_is_left_alone) {
    rouse_waiter polled;
    probe p;
    probe_init(&p, 1);
    p.then = queue_again;
    cr_assert_eq(rouse_waiter_queue_wait(&queue, &p.waiter, 1), ROUSE_PENDING);
    cr_assert(rouse_waiter_queue_wake_one(&queue));
    cr_assert(rouse_waiter_queue_cancel(&queue, &p.waiter));
    cr_assert_eq(rouse_waiter_queue_wait(&other_queue, &p.waiter, 1), ROUSE_PENDING);
    cr_assert_eq(rouse_waiter_queue_wake_all(&other_queue), 1u);
    cr_assert_not(rouse_waiter_queue_cancel(&other_queue, &p.waiter));
    rouse_waiter_init(&polled, NULL, NULL);
    for (int i = 0; i < 3; i++) {
        cr_assert_eq(rouse_waiter_queue_add_waiter_if(&queue, &polled, never, NULL), ROUSE_PENDING);
        cr_assert(rouse_waiter_queue_wake_one(&queue));
    }
    cr_assert(rouse_mutex_try_lock(&mutex));
    cr_assert_eq(rouse_mutex_unlock(&mutex), ROUSE_OK);
#if ROUSE_BACKEND != ROUSE_BACKEND_LOCAL
    cr_assert_eq(rouse_semaphore_acquire_timed(&semaphore, 1, 1), ROUSE_TIMEDOUT);
#endif
    cr_assert_eq(rouse_waiter_queue_close(&queue), 0u);
    cr_assert_eq(rouse_waiter_queue_wait(&queue, &polled, 1), ROUSE_CLOSED);
    cr_assert_eq(rouse_waiter_queue_wait(&other_queue, &polled, 1), ROUSE_PENDING);
    cr_assert(rouse_waiter_queue_cancel(&other_queue, &polled));
    rouse_waiter_queue_destroy(&queue);
    rouse_waiter_queue_destroy(&other_queue);
    rouse_semaphore_destroy(&semaphore);
    rouse_mutex_destroy(&mutex);
}

/* ---- event, gate -------------------------------------------------------------------------------------------------------- */

static rouse_event event;
static rouse_gate gate = ROUSE_GATE_INIT(1);

static void leave_below_zero(void) {
    (void)rouse_gate_leave(&gate, 2);
}
static void gate_wait_twice(void) {
    rouse_waiter w;
    rouse_waiter_init(&w, nothing, NULL);
    (void)rouse_gate_wait(&gate, &w);
    (void)rouse_gate_wait(&gate, &w);
}
static void destroy_gate_with_waiters(void) {
    rouse_waiter w;
    rouse_waiter_init(&w, nothing, NULL);
    (void)rouse_gate_wait(&gate, &w);
    rouse_gate_destroy(&gate);
}
static void destroy_event_with_waiters(void) {
    rouse_waiter w;
    rouse_waiter_init(&w, nothing, NULL);
    (void)rouse_event_wait(&event, &w);
    rouse_event_destroy(&event);
}
static void event_cancel_on_other(void) {
    rouse_waiter w;
    rouse_waiter_init(&w, nothing, NULL);
    (void)rouse_gate_wait(&gate, &w);
    (void)rouse_event_cancel(&event, &w);
}
Test(misuse, event_and_gate) {
    expect_abort(leave_below_zero, "rouse_gate_leave", &gate);
    expect_abort(gate_wait_twice, "rouse_gate_wait", &gate);
    expect_abort(destroy_gate_with_waiters, "rouse_gate_destroy", &gate);
    expect_abort(destroy_event_with_waiters, "rouse_event_destroy", &event);
    expect_abort(event_cancel_on_other, "rouse_event_cancel", &event);
}

/* ---- rwlock, once, barrier --------------------------------------------------------------------------------------------- */

static rouse_rwlock rwlock = ROUSE_RWLOCK_INIT(4);
static rouse_once once = ROUSE_ONCE_INIT;
static rouse_barrier barrier;

static void end_read_of_a_free_one(void) {
    (void)rouse_rwlock_end_read(&rwlock);
}
static void end_write_of_a_free_one(void) {
    (void)rouse_rwlock_end_write(&rwlock);
}
static void end_read_by_a_writer(void) {
    (void)rouse_rwlock_try_write(&rwlock);
    (void)rouse_rwlock_end_read(&rwlock);
}
static void end_write_by_a_reader(void) {
    (void)rouse_rwlock_try_read(&rwlock);
    (void)rouse_rwlock_end_write(&rwlock);
}
/* And a writer waits for the two readers. */
static void two_read_and_one_waits_to_write(void) {
    static rouse_waiter w;
    rouse_waiter_init(&w, nothing, NULL);
    (void)rouse_rwlock_try_read(&rwlock);
    (void)rouse_rwlock_try_read(&rwlock);
    (void)rouse_rwlock_write(&rwlock, &w);
}
static void end_write_by_a_reader_while_one_waits(void) {
    two_read_and_one_waits_to_write();
    (void)rouse_rwlock_end_write(&rwlock);
}
static void downgrade_by_a_reader_while_one_waits(void) {
    two_read_and_one_waits_to_write();
    (void)rouse_rwlock_downgrade(&rwlock);
}
static void downgrade_twice(void) {
    (void)rouse_rwlock_try_write(&rwlock);
    (void)rouse_rwlock_downgrade(&rwlock);
    (void)rouse_rwlock_downgrade(&rwlock);
}
static void destroy_with_a_reader_waiting(void) {
    rouse_waiter w;
    rouse_waiter_init(&w, nothing, NULL);
    (void)rouse_rwlock_try_write(&rwlock);
    (void)rouse_rwlock_read(&rwlock, &w);
    rouse_rwlock_destroy(&rwlock);
}

/* A reader that waits at the head has been given nothing: the writer goes. */
Test(misuse, a_writer_may_end_while_a_reader_waits) {
    static rouse_rwlock lock = ROUSE_RWLOCK_INIT(4);
    rouse_waiter w;
    rouse_waiter_init(&w, nothing, NULL);
    cr_assert(rouse_rwlock_try_write(&lock));
    cr_assert_eq(rouse_rwlock_read(&lock, &w), ROUSE_PENDING);
    cr_assert_eq(rouse_rwlock_end_write(&lock), ROUSE_OK);
    cr_assert_eq(rouse_waiter_status(&w), ROUSE_OK);
    cr_assert_eq(rouse_rwlock_end_read(&lock), ROUSE_OK);
    rouse_rwlock_destroy(&lock);
}

Test(misuse, rwlock_that_is_not_held_so) {
    expect_abort(end_read_of_a_free_one, "rouse_rwlock_end_read", &rwlock);
    expect_abort(end_write_of_a_free_one, "rouse_rwlock_end_write", &rwlock);
    expect_abort(end_read_by_a_writer, "rouse_rwlock_end_read", &rwlock);
    expect_abort(end_write_by_a_reader, "rouse_rwlock_end_write", &rwlock);
    expect_abort(end_write_by_a_reader_while_one_waits, "rouse_rwlock_end_write", &rwlock);
    expect_abort(downgrade_by_a_reader_while_one_waits, "rouse_rwlock_downgrade", &rwlock);
    expect_abort(downgrade_twice, "rouse_rwlock_downgrade", &rwlock);
    expect_abort(destroy_with_a_reader_waiting, "rouse_rwlock_destroy", &rwlock);
}

static void done_by_nobody(void) {
    (void)rouse_once_done(&once);
}
static void failed_by_nobody(void) {
    (void)rouse_once_failed(&once);
}
static void arrive_while_waiting(void) {
    rouse_waiter w;
    rouse_waiter_init(&w, nothing, NULL);
    (void)rouse_barrier_init(&barrier, 3);
    (void)rouse_barrier_arrive(&barrier, &w);
    (void)rouse_barrier_arrive(&barrier, &w);
}

Test(misuse, once_that_nobody_has_begun_and_a_party_that_waits_already) {
    expect_abort(done_by_nobody, "rouse_once_done", &once);
    expect_abort(failed_by_nobody, "rouse_once_failed", &once);
    expect_abort(arrive_while_waiting, "rouse_barrier_arrive", &barrier);
}

/* ---- mailboxes and waiters that are not what they seem ------------------------------------------------------------------ */

static rouse_mailbox unborn;

/* The line names the object, the waiter, and what is wrong. */
static void expect_words(void (*misuse)(void), const char *call, const void *object, const void *waiter,
                         const char *words) {
    char text[1024];
    char start[256];
    char about[64];
    (void)snprintf(start, sizeof start, "rouse: %s(%p): ", call, object);
    (void)snprintf(about, sizeof about, "waiter %p", waiter);
    capture(call, misuse, text, sizeof text);
    cr_assert_eq(strncmp(text, start, strlen(start)), 0, "\"%s\" does not begin with \"%s\"", text, start);
    cr_assert_neq(strstr(text, words), NULL, "\"%s\" does not say \"%s\"", text, words);
    cr_assert(waiter == NULL || strstr(text, about) != NULL, "\"%s\" does not name %s", text, about);
}

static rouse_waiter guest;
static rouse_waiter copy;

static void make_waiter_on_unborn(void) {
    rouse_waiter_init_on(&guest, &unborn, nothing, NULL);
}
static void drain_unborn(void) {
    (void)rouse_mailbox_drain(&unborn);
}
static void post_to_unborn(void) {
    rouse_waiter_init(&guest, nothing, NULL);
    rouse_mailbox_post(&unborn, &guest, ROUSE_OK);
}
static void destroy_unborn(void) {
    rouse_mailbox_destroy(&unborn);
}
static void drain_destroyed(void) {
    rouse_mailbox_init(&mailbox, no_kick, NULL);
    rouse_mailbox_destroy(&mailbox);
    (void)rouse_mailbox_drain(&mailbox);
}

Test(misuse, a_mailbox_never_initialised) {
    const char *const words = "the mailbox was never initialised";
    expect_words(make_waiter_on_unborn, "rouse_waiter_init_on", &unborn, NULL, words);
    expect_words(drain_unborn, "rouse_mailbox_drain", &unborn, NULL, words);
    expect_words(post_to_unborn, "rouse_mailbox_post", &unborn, NULL, words);
    expect_words(destroy_unborn, "rouse_mailbox_destroy", &unborn, NULL, words);
    expect_words(drain_destroyed, "rouse_mailbox_drain", &mailbox, NULL, words);
}

static void destroy_mailbox_under_queued(void) {
    rouse_mailbox_init(&mailbox, no_kick, NULL);
    rouse_waiter_init_on(&guest, &mailbox, nothing, NULL);
    (void)rouse_semaphore_acquire(&semaphore, &guest, 1);
    rouse_mailbox_destroy(&mailbox);
}

Test(misuse, a_mailbox_destroyed_under_a_queued_waiter) {
    expect_words(destroy_mailbox_under_queued, "rouse_mailbox_destroy", &mailbox, &guest, "queued still");
}

static void *drain_elsewhere(void *unused) {
    (void)unused;
    (void)rouse_mailbox_drain(&mailbox);
    return NULL;
}
static void drain_on_two_threads(void) {
    rouse_mailbox_init(&mailbox, no_kick, NULL);
    (void)rouse_mailbox_drain(&mailbox);
    run_on_thread(drain_elsewhere, NULL, 0);
}

Test(misuse, a_mailbox_drained_on_two_threads) {
    expect_words(drain_on_two_threads, "rouse_mailbox_drain", &mailbox, NULL, "another thread has drained");
}

static void init_while_queued(void) {
    rouse_waiter_init(&guest, nothing, NULL);
    (void)rouse_semaphore_acquire(&semaphore, &guest, 1);
    rouse_waiter_init(&guest, nothing, NULL);
}
static void init_while_posted(void) {
    rouse_mailbox_init(&mailbox, no_kick, NULL);
    rouse_waiter_init(&guest, nothing, NULL);
    rouse_mailbox_post(&mailbox, &guest, ROUSE_OK);
    rouse_waiter_init(&guest, nothing, NULL);
}
static void move_and_cancel(void) {
    rouse_waiter_init(&guest, nothing, NULL);
    (void)rouse_semaphore_acquire(&semaphore, &guest, 1);
    memcpy(&copy, &guest, sizeof copy);
    (void)rouse_semaphore_cancel(&semaphore, &copy);
}
static void move_and_release(void) {
    rouse_waiter_init(&guest, nothing, NULL);
    (void)rouse_semaphore_acquire(&semaphore, &guest, 1);
    memcpy(&copy, &guest, sizeof copy);
    memset((char *)&guest + offsetof(rouse_waiter, owner_), 0, sizeof guest.owner_);
    (void)rouse_semaphore_release(&semaphore, 1);
}

Test(misuse, a_waiter_initialised_again_or_moved_while_queued) {
    expect_words(init_while_queued, "rouse_waiter_init", &guest, NULL, "the waiter is queued on");
    expect_words(init_while_posted, "rouse_waiter_init", &guest, NULL, "the waiter is queued on");
    expect_words(move_and_cancel, "rouse_semaphore_cancel", &semaphore, &copy, "moved while it was queued");
    expect_words(move_and_release, "wake", &guest, &guest, "moved or overwritten");
}

static void queue_unborn_waiter(void) {
    memset(&guest, 0, sizeof guest);
    (void)rouse_semaphore_acquire(&semaphore, &guest, 1);
}
static void queue_rubbish(void) {
    memset(&guest, 0xa5, sizeof guest);
    (void)rouse_mutex_lock(&mutex, &guest);
}
static void post_twice(void) {
    rouse_mailbox_init(&mailbox, no_kick, NULL);
    rouse_waiter_init(&guest, nothing, NULL);
    rouse_mailbox_post(&mailbox, &guest, ROUSE_OK);
    rouse_mailbox_post(&mailbox, &guest, ROUSE_OK);
}
static void queue_what_is_posted(void) {
    rouse_mailbox_init(&mailbox, no_kick, NULL);
    rouse_waiter_init(&guest, nothing, NULL);
    rouse_mailbox_post(&mailbox, &guest, ROUSE_OK);
    (void)rouse_semaphore_acquire(&semaphore, &guest, 1);
}
static void post_without_wake(void) {
    rouse_mailbox_init(&mailbox, no_kick, NULL);
    rouse_waiter_init(&guest, NULL, NULL);
    rouse_mailbox_post(&mailbox, &guest, ROUSE_OK);
}

Test(misuse, a_waiter_never_initialised) {
    expect_words(queue_unborn_waiter, "rouse_semaphore_acquire", &semaphore, &guest, "never initialised");
    expect_words(queue_rubbish, "rouse_mutex_lock", &mutex, &guest, "never initialised");
}

Test(misuse, a_waiter_in_a_mailbox) {
    expect_words(post_twice, "rouse_mailbox_post", &mailbox, &guest, "is in a mailbox");
    expect_words(queue_what_is_posted, "rouse_semaphore_acquire", &semaphore, &guest, "is in a mailbox");
    expect_words(post_without_wake, "rouse_mailbox_post", &mailbox, NULL, "has no wake");
}

/* A waiter may be copied while it is nobody's, and lie where another one was; a mailbox's waiters come and go. */
Test(misuse, lawful_use_of_mailboxes_is_left_alone) {
    rouse_mailbox_init(&mailbox, no_kick, NULL);
    for (int i = 0; i < 3; i++) {
        rouse_waiter_init_on(&guest, &mailbox, nothing, NULL);
        copy = guest;
        cr_assert_eq(rouse_semaphore_acquire(&semaphore, &copy, 1), ROUSE_PENDING);
        cr_assert_eq(rouse_semaphore_acquire(&semaphore, &guest, 1), ROUSE_PENDING);
        cr_assert(rouse_semaphore_cancel(&semaphore, &guest));
        cr_assert_eq(rouse_semaphore_release(&semaphore, 1), ROUSE_OK);
        cr_assert_not(rouse_semaphore_cancel(&semaphore, &copy));
        if (i == 1) {
            cr_assert(rouse_mailbox_revoke(&mailbox, &copy));
        }
        cr_assert_eq(rouse_mailbox_drain(&mailbox), (size_t)(i == 1 ? 0 : 1));
        rouse_mailbox_post(&mailbox, &copy, ROUSE_OK);
        cr_assert_not(rouse_semaphore_cancel(&semaphore, &copy));
        cr_assert_eq(rouse_mailbox_drain(&mailbox), (size_t)1);
        memset(&guest, i, sizeof guest);
        memset(&copy, 0xff - i, sizeof copy);
    }
    rouse_mailbox_destroy(&mailbox);
    rouse_semaphore_destroy(&semaphore);
}

/* ---- channel, condvar --------------------------------------------------------------------------------------------------- */

static rouse_channel channel;
static int channel_slots[1];
static rouse_condvar condvar = ROUSE_CONDVAR_INIT;
static rouse_condvar other_condvar = ROUSE_CONDVAR_INIT;
static rouse_mutex condvar_mutex = ROUSE_MUTEX_INIT;

static void receive_twice(void) {
    rouse_transfer t;
    int value;
    (void)rouse_channel_init(&channel, channel_slots, 1, sizeof(int));
    rouse_transfer_init(&t, NULL, NULL, NULL);
    (void)rouse_channel_receive(&channel, &t, &value);
    (void)rouse_channel_receive(&channel, &t, &value);
}
static void destroy_channel_with_a_receiver(void) {
    rouse_transfer t;
    int value;
    (void)rouse_channel_init(&channel, channel_slots, 1, sizeof(int));
    rouse_transfer_init(&t, NULL, NULL, NULL);
    (void)rouse_channel_receive(&channel, &t, &value);
    rouse_channel_destroy(&channel);
}
static void condvar_wait_with_the_mutex_free(void) {
    rouse_condvar_waiter w;
    rouse_condvar_waiter_init(&w, &condvar_mutex, NULL, NULL, NULL);
    (void)rouse_condvar_wait(&condvar, &w);
}
static void condvar_wait_twice(void) {
    rouse_condvar_waiter w;
    rouse_condvar_waiter_init(&w, &condvar_mutex, NULL, NULL, NULL);
    (void)rouse_mutex_try_lock(&condvar_mutex);
    (void)rouse_condvar_wait(&condvar, &w);
    (void)rouse_mutex_try_lock(&condvar_mutex);
    (void)rouse_condvar_wait(&other_condvar, &w);
}
static void condvar_cancel_on_other(void) {
    rouse_condvar_waiter w;
    rouse_condvar_waiter_init(&w, &condvar_mutex, NULL, NULL, NULL);
    (void)rouse_mutex_try_lock(&condvar_mutex);
    (void)rouse_condvar_wait(&condvar, &w);
    (void)rouse_condvar_cancel(&other_condvar, &w);
}
static void destroy_condvar_with_a_waiter(void) {
    rouse_condvar_waiter w;
    rouse_condvar_waiter_init(&w, &condvar_mutex, NULL, NULL, NULL);
    (void)rouse_mutex_try_lock(&condvar_mutex);
    (void)rouse_condvar_wait(&condvar, &w);
    rouse_condvar_destroy(&condvar);
}
Test(misuse, channel_and_condvar) {
    expect_abort(receive_twice, "rouse_channel_receive", &channel);
    expect_abort(destroy_channel_with_a_receiver, "rouse_channel_destroy", &channel);
    expect_abort(condvar_wait_with_the_mutex_free, "rouse_condvar_wait", &condvar);
    expect_abort(condvar_wait_twice, "rouse_condvar_wait", &other_condvar);
    expect_abort(condvar_cancel_on_other, "rouse_condvar_cancel", &other_condvar);
    expect_abort(destroy_condvar_with_a_waiter, "rouse_condvar_destroy", &condvar);
}

/* ---- throughput mode ------------------------------------------------------------------------------------------------- */

#if ROUSE_BACKEND == ROUSE_BACKEND_SPIN || ROUSE_BACKEND == ROUSE_BACKEND_MUTEX
static rouse_semaphore throughput = ROUSE_SEMAPHORE_INIT_THROUGHPUT(0, 5);

/* The wake of `guest` gets ROUSE_RETRY. */
static void invite_guest(void) {
    rouse_waiter_init(&guest, nothing, NULL);
    (void)rouse_semaphore_acquire(&throughput, &guest, 1);
    (void)rouse_semaphore_release(&throughput, 1);
}
static void acquire_instead_of_resume(void) {
    invite_guest();
    (void)rouse_semaphore_acquire(&throughput, &guest, 1);
}
static void resume_on_another(void) {
    invite_guest();
    (void)rouse_semaphore_resume(&other_semaphore, &guest);
}
static void decline_on_another(void) {
    invite_guest();
    rouse_semaphore_decline(&other_semaphore, &guest);
}
static void destroy_with_an_answer_owed(void) {
    invite_guest();
    rouse_semaphore_destroy(&throughput);
}
Test(misuse, of_an_invited_waiter) {
    expect_abort(acquire_instead_of_resume, "rouse_semaphore_acquire", &throughput);
    expect_abort(resume_on_another, "rouse_semaphore_resume", &other_semaphore);
    expect_abort(decline_on_another, "rouse_semaphore_decline", &other_semaphore);
    expect_abort(destroy_with_an_answer_owed, "rouse_semaphore_destroy", &throughput);
}

Test(misuse, lawful_answers_are_left_alone) {
    rouse_mailbox_init(&mailbox, no_kick, NULL);
    for (int i = 0; i < 3; i++) {
        invite_guest();
        if (i == 0) {
            rouse_semaphore_decline(&throughput, &guest);
        } else {
            cr_assert_eq(rouse_semaphore_resume(&throughput, &guest), ROUSE_OK);
            cr_assert_eq(rouse_semaphore_release(&throughput, 1), ROUSE_OK);
        }
        cr_assert(rouse_semaphore_try_acquire(&throughput, 1));
        rouse_waiter_init_on(&guest, &mailbox, nothing, NULL);
        cr_assert_eq(rouse_semaphore_acquire(&throughput, &guest, 1), ROUSE_PENDING);
        cr_assert_eq(rouse_semaphore_release(&throughput, 1), ROUSE_OK);
        if (i == 2) {
            cr_assert_not(rouse_semaphore_cancel(&throughput, &guest));
            cr_assert(rouse_semaphore_try_acquire(&throughput, 1));
        }
        cr_assert_eq(rouse_mailbox_drain(&mailbox), (size_t)1);
    }
    rouse_semaphore_destroy(&throughput);
    rouse_mailbox_destroy(&mailbox);
}
#endif

/* ---- limit, deadlines -------------------------------------------------------------------------------------------------- */

static rouse_limit limit = ROUSE_LIMIT_INIT(0, 8);
static rouse_limit other_limit = ROUSE_LIMIT_INIT(0, 8);
static rouse_deadlines deadlines;

static void limit_acquire_twice(void) {
    (void)rouse_limit_acquire(&limit, &idle, 1);
    (void)rouse_limit_acquire(&limit, &idle, 1);
}
static void limit_cancel_on_other(void) {
    (void)rouse_limit_acquire(&limit, &idle, 1);
    (void)rouse_limit_cancel(&other_limit, &idle);
}
static void destroy_limit_with_waiters(void) {
    (void)rouse_limit_acquire(&limit, &idle, 1);
    rouse_limit_destroy(&limit);
}
static void timed_nothing(rouse_timed *t, rouse_status status) {
    (void)t, (void)status;
}
static void destroy_deadlines_with_waiters(void) {
    static rouse_timed t;
    rouse_deadlines_init(&deadlines);
    rouse_timed_init(&t, &deadlines, NULL, timed_nothing, NULL);
    (void)rouse_limit_acquire_until(&limit, &t, 1, 10);
    rouse_deadlines_destroy(&deadlines);
}
Test(misuse, limit_and_deadlines) {
    rouse_waiter_init(&idle, nothing, NULL);
    expect_abort(limit_acquire_twice, "rouse_limit_acquire", &limit);
    expect_abort(limit_cancel_on_other, "rouse_limit_cancel", &other_limit);
    expect_abort(destroy_limit_with_waiters, "rouse_limit_destroy", &limit);
    expect_abort(destroy_deadlines_with_waiters, "rouse_deadlines_destroy", &deadlines);
}

/* ---- a mutex that is locked again by its holder's own data ------------------------------------------------ */

static rouse_mutex asked = ROUSE_MUTEX_INIT;
static rouse_condvar asked_condvar = ROUSE_CONDVAR_INIT;
static int task_a;
static int task_b;

static rouse_waiter *waiter_of(rouse_waiter *w, void *task) {
    rouse_waiter_init(w, nothing, task);
    return w;
}
static void ask(rouse_mutex *m) {
    rouse_mutex_init(m);
    rouse_mutex_check_relock(m);
}
static void relock_what_was_had_at_once(void) {
    rouse_waiter w[2];
    ask(&asked);
    (void)rouse_mutex_lock(&asked, waiter_of(&w[0], &task_a));
    (void)rouse_mutex_lock(&asked, waiter_of(&w[1], &task_a));
}
static void relock_what_was_waited_for(void) {
    rouse_waiter w[3];
    ask(&asked);
    (void)rouse_mutex_lock(&asked, waiter_of(&w[0], &task_a));
    (void)rouse_mutex_lock(&asked, waiter_of(&w[1], &task_b));
    (void)rouse_mutex_unlock(&asked);
    (void)rouse_mutex_lock(&asked, waiter_of(&w[2], &task_b));
}
static void relock_what_lies_in_a_mailbox(void) {
    rouse_waiter w[3];
    rouse_mailbox_init(&mailbox, no_kick, NULL);
    rouse_waiter_init_on(&w[1], &mailbox, nothing, &task_b);
    ask(&asked);
    (void)rouse_mutex_lock(&asked, waiter_of(&w[0], &task_a));
    (void)rouse_mutex_lock(&asked, &w[1]);
    (void)rouse_mutex_unlock(&asked);
    (void)rouse_mutex_lock(&asked, waiter_of(&w[2], &task_b));
}
static void on_timed(rouse_timed *t, rouse_status status) {
    (void)t, (void)status;
}
static void relock_with_a_deadline(void) {
    rouse_waiter w;
    rouse_deadlines d;
    rouse_timed t;
    rouse_deadlines_init(&d);
    rouse_timed_init(&t, &d, NULL, on_timed, &task_a);
    ask(&asked);
    (void)rouse_mutex_lock(&asked, waiter_of(&w, &task_a));
    (void)rouse_mutex_lock_until(&asked, &t, 5);
}
static void on_signal(rouse_condvar_waiter *w, rouse_status status) {
    (void)w, (void)status;
}
static void wait_and_be_signalled(bool mutex_is_free) {
    static rouse_condvar_waiter changed;
    rouse_waiter w;
    rouse_condvar_waiter_init(&changed, &asked, NULL, on_signal, &task_b);
    ask(&asked);
    (void)rouse_mutex_lock(&asked, waiter_of(&w, &task_b));
    (void)rouse_condvar_wait(&asked_condvar, &changed);
    if (mutex_is_free) {
        (void)rouse_condvar_signal(&asked_condvar);
    } else {
        (void)rouse_mutex_lock(&asked, waiter_of(&w, &task_a));
        (void)rouse_condvar_signal(&asked_condvar);
        (void)rouse_mutex_unlock(&asked);
    }
}
static void relock_after_a_signal(void) {
    rouse_waiter w;
    wait_and_be_signalled(true);
    (void)rouse_mutex_lock(&asked, waiter_of(&w, &task_b));
}
static void relock_after_a_signal_and_an_unlock(void) {
    rouse_waiter w;
    wait_and_be_signalled(false);
    (void)rouse_mutex_lock(&asked, waiter_of(&w, &task_b));
}

Test(misuse, a_mutex_locked_again_by_its_own_waiters_data) {
    expect_abort(relock_what_was_had_at_once, "rouse_mutex_lock", &asked);
    expect_abort(relock_what_was_waited_for, "rouse_mutex_lock", &asked);
    expect_abort(relock_what_lies_in_a_mailbox, "rouse_mutex_lock", &asked);
    expect_abort(relock_with_a_deadline, "rouse_mutex_lock_until", &asked);
    expect_abort(relock_after_a_signal, "rouse_mutex_lock", &asked);
    expect_abort(relock_after_a_signal_and_an_unlock, "rouse_mutex_lock", &asked);
}

#if ROUSE_BACKEND != ROUSE_BACKEND_LOCAL
static void retry(rouse_waiter *w, rouse_status status) {
    if (status == ROUSE_RETRY) {
        (void)rouse_mutex_resume(&asked, w);
    }
}
static void relock_what_was_resumed(void) {
    rouse_waiter w[3];
    rouse_mutex_init_throughput(&asked, 5);
    rouse_mutex_check_relock(&asked);
    rouse_waiter_init(&w[1], retry, &task_b);
    (void)rouse_mutex_lock(&asked, waiter_of(&w[0], &task_a));
    (void)rouse_mutex_lock(&asked, &w[1]);
    (void)rouse_mutex_unlock(&asked);
    (void)rouse_mutex_lock(&asked, waiter_of(&w[2], &task_b));
}
Test(misuse, a_mutex_locked_again_in_throughput_mode) {
    expect_abort(relock_what_was_resumed, "rouse_mutex_lock", &asked);
}
#endif

/* One that was not asked, and locks that are no relocks. */
Test(misuse, lawful_locks_with_the_same_data_are_left_alone) {
    rouse_mutex quiet = ROUSE_MUTEX_INIT;
    rouse_mutex m;
    rouse_waiter w[4];
    cr_assert_eq(rouse_mutex_lock(&quiet, waiter_of(&w[0], &task_a)), ROUSE_OK);
    cr_assert_eq(rouse_mutex_lock(&quiet, waiter_of(&w[1], &task_a)), ROUSE_PENDING, "not asked");
    cr_assert_eq(rouse_mutex_unlock(&quiet), ROUSE_OK);
    cr_assert_eq(rouse_mutex_unlock(&quiet), ROUSE_OK);
    rouse_mutex_destroy(&quiet);
    ask(&m);
    cr_assert_eq(rouse_mutex_lock(&m, waiter_of(&w[0], &task_a)), ROUSE_OK);
    cr_assert_eq(rouse_mutex_unlock(&m), ROUSE_OK);
    cr_assert_eq(rouse_mutex_lock(&m, waiter_of(&w[0], &task_a)), ROUSE_OK, "after its unlock");
    cr_assert_eq(rouse_mutex_lock(&m, waiter_of(&w[1], &task_b)), ROUSE_PENDING, "another's");
    cr_assert_eq(rouse_mutex_lock(&m, waiter_of(&w[2], &task_b)), ROUSE_PENDING, "it does not hold it yet");
    cr_assert(rouse_mutex_cancel(&m, &w[2]));
    cr_assert_eq(rouse_mutex_unlock(&m), ROUSE_OK);
    cr_assert_eq(rouse_mutex_lock(&m, waiter_of(&w[0], &task_a)), ROUSE_PENDING, "handed over to the other");
    cr_assert_eq(rouse_mutex_unlock(&m), ROUSE_OK);
    cr_assert_eq(rouse_mutex_unlock(&m), ROUSE_OK);
    cr_assert_eq(rouse_mutex_lock(&m, waiter_of(&w[0], NULL)), ROUSE_OK);
    cr_assert_eq(rouse_mutex_lock(&m, waiter_of(&w[1], NULL)), ROUSE_PENDING, "NULL is nobody");
    cr_assert_eq(rouse_mutex_close(&m), 1u);
    cr_assert_eq(rouse_mutex_unlock(&m), ROUSE_OK);
    rouse_mutex_destroy(&m);
}

static rouse_arm set_arm;
static void arm_without_semaphore(void) {
    rouse_arm_semaphore(&set_arm, NULL, 1);
}
static void arm_without_gate(void) {
    rouse_arm_gate(&set_arm, NULL);
}
Test(misuse, an_arm_without_an_object) {
    expect_abort(arm_without_semaphore, "rouse_arm_semaphore", &set_arm);
    expect_abort(arm_without_gate, "rouse_arm_gate", &set_arm);
}

/* Not misuse: the status of a post is the caller's, and when its wake has run the waiter is his again. */
Test(misuse, a_waiter_that_was_posted_with_any_status_may_be_posted_again) {
    rouse_mailbox box;
    rouse_waiter w;
    rouse_mailbox_init(&box, NULL, NULL);
    rouse_waiter_init(&w, nothing, NULL);
    for (int status = ROUSE_RETRY; status >= ROUSE_FULL; status--) {
        rouse_mailbox_post(&box, &w, (rouse_status)status);
        cr_assert_eq(rouse_mailbox_drain(&box), 1u);
        cr_assert_eq(rouse_waiter_status(&w), (rouse_status)status);
    }
    rouse_mailbox_destroy(&box);
}
