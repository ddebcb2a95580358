/* LOCAL with ROUSE_DEBUG: an object on another thread than its own aborts, with one line that names both threads. */
#include <rouse/rouse.h>

#include "aborts.h"
#include "support.h"

static rouse_semaphore owned;
static rouse_semaphore used_first = ROUSE_SEMAPHORE_INIT(1);
static rouse_mutex owned_mutex;
static rouse_notify owned_notify;
static rouse_waiter_queue owned_queue;
static rouse_event owned_event;
static rouse_gate owned_gate;
static rouse_rwlock owned_rwlock;
static rouse_once owned_once;
static rouse_limit owned_limit;
static rouse_channel owned_channel;
static rouse_condvar owned_condvar;
static rouse_deadlines owned_deadlines;
static int slot;
static rouse_limit limit_used_first = ROUSE_LIMIT_INIT(1, 1);

static void *release_owned(void *arg) {
    (void)rouse_semaphore_release(&owned, 1);
    return arg;
}
static void *look_at_owned(void *arg) {
    (void)rouse_semaphore_available(&owned);
    return arg;
}
static void *acquire_used_first(void *arg) {
    (void)rouse_semaphore_try_acquire(&used_first, 1);
    return arg;
}
static void *unlock_owned(void *arg) {
    (void)rouse_mutex_unlock(&owned_mutex);
    return arg;
}
static void *notify_owned(void *arg) {
    rouse_notify_one(&owned_notify);
    return arg;
}
static void *close_owned(void *arg) {
    (void)rouse_waiter_queue_close(&owned_queue);
    return arg;
}

static void *set_owned(void *arg) {
    (void)rouse_event_set(&owned_event);
    return arg;
}
static void *enter_owned(void *arg) {
    (void)rouse_gate_enter(&owned_gate);
    return arg;
}
static void *read_owned(void *arg) {
    (void)rouse_rwlock_try_read(&owned_rwlock);
    return arg;
}
static void *look_at_once(void *arg) {
    (void)rouse_once_is_done(&owned_once);
    return arg;
}
static void *take_of_owned(void *arg) {
    (void)rouse_limit_try_acquire(&owned_limit, 1);
    return arg;
}
static void *take_of_used_first(void *arg) {
    (void)rouse_limit_try_acquire(&limit_used_first, 1);
    return arg;
}

static void *close_channel(void *arg) {
    (void)rouse_channel_close(&owned_channel);
    return arg;
}
static void *signal_owned(void *arg) {
    (void)rouse_condvar_signal(&owned_condvar);
    return arg;
}

static void *(*stranger)(void *);
static void on_another_thread(void) {
    rouse_semaphore_init(&owned, 1);
    cr_assert(rouse_semaphore_try_acquire(&used_first, 1));
    cr_assert_eq(rouse_semaphore_release(&used_first, 1), ROUSE_OK);
    rouse_mutex_init(&owned_mutex);
    (void)rouse_mutex_try_lock(&owned_mutex);
    rouse_notify_init(&owned_notify);
    rouse_waiter_queue_init(&owned_queue, 0);
    rouse_event_init(&owned_event);
    rouse_gate_init(&owned_gate, 1);
    cr_assert_eq(rouse_rwlock_init(&owned_rwlock, 1), ROUSE_OK);
    rouse_once_init(&owned_once);
    cr_assert_eq(rouse_limit_init(&owned_limit, 1, 1), ROUSE_OK);
    cr_assert(rouse_limit_try_acquire(&limit_used_first, 1));
    cr_assert_eq(rouse_channel_init(&owned_channel, &slot, 1, sizeof slot), ROUSE_OK);
    rouse_condvar_init(&owned_condvar);
    rouse_deadlines_init(&owned_deadlines);
    run_on_thread(stranger, NULL, 0);
}

static void *run_deadlines(void *arg) {
    return rouse_deadlines_run(&owned_deadlines, 0) == 0 ? arg : NULL;
}
static void *look_at_deadlines(void *arg) {
    return rouse_deadlines_next(&owned_deadlines) == UINT64_MAX ? arg : NULL;
}

Test(owner, an_object_on_another_thread) {
    static const struct {
        void *(*use)(void *);
        const char *name;
        const void *object;
    } uses[] = {
        {release_owned, "rouse_semaphore_release", &owned},
        {look_at_owned, "rouse_semaphore_available", &owned},
        {acquire_used_first, "rouse_semaphore_try_acquire", &used_first},
        {unlock_owned, "rouse_mutex_unlock", &owned_mutex},
        {notify_owned, "rouse_notify_one", &owned_notify},
        {close_owned, "rouse_waiter_queue_close", &owned_queue},
        {set_owned, "rouse_event_set", &owned_event},
        {enter_owned, "rouse_gate_enter", &owned_gate},
        {read_owned, "rouse_rwlock_try_read", &owned_rwlock},
        {look_at_once, "rouse_once_is_done", &owned_once},
        {take_of_owned, "rouse_limit_try_acquire", &owned_limit},
        {close_channel, "rouse_channel_close", &owned_channel},
        {signal_owned, "rouse_condvar_signal", &owned_condvar},
        {take_of_used_first, "rouse_limit_try_acquire", &limit_used_first},
        {run_deadlines, "rouse_deadlines_run", &owned_deadlines},
        {look_at_deadlines, "rouse_deadlines_next", &owned_deadlines},
    };
    for (size_t i = 0; i < sizeof uses / sizeof *uses; i++) {
        stranger = uses[i].use;
        expect_abort(on_another_thread, uses[i].name, uses[i].object);
    }
}

/* Both threads are named, by the numbers that a debugger shows. */
Test(owner, both_threads_are_named) {
    char text[1024];
    char owner[64];
    (void)snprintf(owner, sizeof owner, "belongs to thread %p", rouse_platform_thread_());
    stranger = release_owned;
    capture("rouse_semaphore_release", on_another_thread, text, sizeof text);
    cr_assert_not_null(strstr(text, owner), "\"%s\" does not say \"%s\"", text, owner);
    cr_assert_not_null(strstr(text, "used on thread "), "\"%s\"", text);
    cr_assert_not_null(strstr(text, "ROUSE_BACKEND_LOCAL"), "\"%s\"", text);
}

static void *own_an_object(void *arg) {
    rouse_semaphore own;
    rouse_semaphore_init(&own, 1);
    cr_assert(rouse_semaphore_try_acquire(&own, 1));
    rouse_semaphore_destroy(&own);
    return arg;
}

/* Each thread may have its own objects, and an unused object belongs to the thread that uses it first. */
Test(owner, a_thread_with_objects_of_its_own_is_left_alone) {
    rouse_semaphore mine;
    rouse_semaphore_init(&mine, 1);
    cr_assert(rouse_semaphore_try_acquire(&mine, 1));
    run_on_thread(own_an_object, NULL, 0);
    run_on_thread(acquire_used_first, NULL, 0);
    rouse_semaphore_destroy(&mine);
}
