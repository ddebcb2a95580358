/* Calls every public function, so that all that the headers define is in the object. Compiled, never run. */
#include <rouse/rouse.h>

void use_everything(rouse_waiter *w, void (*kick)(void *arg), bool (*ready)(void *arg), rouse_wake_fn *wake);

void use_everything(rouse_waiter *w, void (*kick)(void *arg), bool (*ready)(void *arg), rouse_wake_fn *wake) {
    rouse_waiter_queue q;
    rouse_semaphore s;
    rouse_notify n;
    rouse_mutex m;
    rouse_mailbox mb;
    rouse_waiter_init(w, wake, NULL);
    (void)rouse_waiter_data(w);
    (void)rouse_waiter_status(w);
    (void)rouse_status_string(ROUSE_OK);

    rouse_waiter_queue_init(&q, 1);
    (void)rouse_waiter_queue_wait(&q, w, 1);
    (void)rouse_waiter_queue_try_wait(&q, 1);
    (void)rouse_waiter_queue_wake(&q, 1, 1);
    (void)rouse_waiter_queue_wake_one(&q);
    (void)rouse_waiter_queue_wake_all(&q);
    (void)rouse_waiter_queue_cancel(&q, w);
    (void)rouse_waiter_queue_add_waiter_if(&q, w, ready, NULL);
    (void)rouse_waiter_queue_close(&q);
    (void)rouse_waiter_queue_is_closed(&q);
    (void)rouse_waiter_queue_balance(&q);
    (void)rouse_waiter_queue_waiter_count(&q);
    (void)rouse_waiter_queue_reserve(&q, 1);
    rouse_waiter_queue_destroy(&q);

    rouse_semaphore_init(&s, 1);
    (void)rouse_semaphore_acquire(&s, w, 1);
    (void)rouse_semaphore_try_acquire(&s, 1);
    (void)rouse_semaphore_release(&s, 1);
    (void)rouse_semaphore_cancel(&s, w);
    (void)rouse_semaphore_reduce(&s, 1);
    (void)rouse_semaphore_available(&s);
    (void)rouse_semaphore_waiter_count(&s);
    (void)rouse_semaphore_close(&s);
    (void)rouse_semaphore_is_closed(&s);
    (void)rouse_semaphore_reserve(&s, 1);
#if ROUSE_BACKEND != ROUSE_BACKEND_LOCAL
    (void)rouse_semaphore_acquire_blocking(&s, 1);
    (void)rouse_semaphore_acquire_timed(&s, 1, 1);
#endif
    rouse_semaphore_destroy(&s);

    rouse_notify_init(&n);
    (void)rouse_notify_wait(&n, w);
    rouse_notify_one(&n);
    (void)rouse_notify_all(&n);
    (void)rouse_notify_cancel(&n, w);
    rouse_notify_pass_on(&n, w);
    (void)rouse_notify_reserve(&n, 1);
#if ROUSE_BACKEND != ROUSE_BACKEND_LOCAL
    (void)rouse_notify_wait_blocking(&n);
    (void)rouse_notify_wait_timed(&n, 1);
#endif
    rouse_notify_destroy(&n);

    rouse_mutex_init(&m);
    (void)rouse_mutex_lock(&m, w);
    (void)rouse_mutex_try_lock(&m);
    (void)rouse_mutex_unlock(&m);
    (void)rouse_mutex_cancel(&m, w);
    (void)rouse_mutex_is_locked(&m);
    (void)rouse_mutex_reserve(&m, 1);
#if ROUSE_BACKEND != ROUSE_BACKEND_LOCAL
    (void)rouse_mutex_lock_blocking(&m);
    (void)rouse_mutex_lock_timed(&m, 1);
#endif
    rouse_mutex_destroy(&m);

    rouse_mailbox_init(&mb, kick, NULL);
    rouse_waiter_init_on(w, &mb, wake, NULL);
    (void)rouse_mailbox_drain(&mb);
    rouse_mailbox_destroy(&mb);
}
