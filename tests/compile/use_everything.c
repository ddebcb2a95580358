/* Calls every public function, so that all that the headers define is in the object. Compiled, never run. */
#include <rouse/rouse.h>

void use_everything(rouse_waiter *w, void (*kick)(void *arg), bool (*ready)(void *arg), rouse_wake_fn *wake);

static void rouse_use_event_gate_limit(rouse_waiter *w) {
    rouse_event e;
    rouse_gate g;
    rouse_limit l;
    rouse_event_init(&e);
    (void)rouse_event_set(&e);
    (void)rouse_event_is_set(&e);
    (void)rouse_event_reset(&e);
    (void)rouse_event_wait(&e, w);
    (void)rouse_event_cancel(&e, w);
    (void)rouse_event_waiter_count(&e);
    (void)rouse_event_reserve(&e, 1);
    rouse_gate_init(&g, 1);
    (void)rouse_gate_enter(&g);
    (void)rouse_gate_leave(&g, 2);
    (void)rouse_gate_close(&g);
    (void)rouse_gate_is_closed(&g);
    (void)rouse_gate_count(&g);
    (void)rouse_gate_wait(&g, w);
    (void)rouse_gate_cancel(&g, w);
    (void)rouse_gate_waiter_count(&g);
    (void)rouse_gate_reserve(&g, 1);
    (void)rouse_limit_init(&l, 1, 1);
    (void)rouse_limit_init_throughput(&l, 1, 1, 1);
    (void)rouse_limit_acquire(&l, w, 1);
    (void)rouse_limit_try_acquire(&l, 1);
    (void)rouse_limit_cancel(&l, w);
    (void)rouse_limit_give_back(&l, 1);
    (void)rouse_limit_set(&l, 2);
    (void)rouse_limit_permits(&l);
    (void)rouse_limit_in_use(&l);
    (void)rouse_limit_waiter_count(&l);
    (void)rouse_limit_close(&l);
    (void)rouse_limit_is_closed(&l);
    (void)rouse_limit_reserve(&l, 1);
    (void)rouse_limit_resume(&l, w);
    rouse_limit_decline(&l, w);
#if ROUSE_BACKEND != ROUSE_BACKEND_LOCAL
    (void)rouse_event_wait_blocking(&e);
    (void)rouse_event_wait_timed(&e, 1);
    (void)rouse_gate_wait_blocking(&g);
    (void)rouse_gate_wait_timed(&g, 1);
    (void)rouse_limit_acquire_blocking(&l, 1);
    (void)rouse_limit_acquire_timed(&l, 1, 1);
#endif
    rouse_event_destroy(&e);
    rouse_gate_destroy(&g);
    rouse_limit_destroy(&l);
}

static void rouse_use_timed_told(rouse_timed *t, rouse_status status) {
    (void)t;
    (void)status;
}
static void rouse_use_several_told(rouse_several *s, rouse_status status) {
    (void)s;
    (void)status;
}
static void rouse_use_deadlines(bool (*ready)(void *arg)) {
    rouse_deadlines d;
    rouse_timed t;
    rouse_several v;
    rouse_waiter_queue q = ROUSE_WAITER_QUEUE_INIT(0);
    rouse_semaphore s = ROUSE_SEMAPHORE_INIT(0);
    rouse_mutex m = ROUSE_MUTEX_INIT;
    rouse_notify n = ROUSE_NOTIFY_INIT;
    rouse_limit l = ROUSE_LIMIT_INIT(1, 1);
    rouse_event e = ROUSE_EVENT_INIT;
    rouse_gate g = ROUSE_GATE_INIT(0);
    rouse_rwlock rw = ROUSE_RWLOCK_INIT(1);
    rouse_once o = ROUSE_ONCE_INIT;
    rouse_step step;
    step.limit = &l;
    step.n = 1;
    rouse_deadlines_init(&d);
    rouse_timed_init(&t, &d, NULL, rouse_use_timed_told, NULL);
    (void)rouse_timed_data(&t);
    (void)rouse_waiter_queue_wait_until(&q, &t, 1, 1);
    (void)rouse_waiter_queue_add_waiter_if_until(&q, &t, ready, NULL, 1);
    (void)rouse_semaphore_acquire_until(&s, &t, 1, 1);
    (void)rouse_mutex_lock_until(&m, &t, 1);
    (void)rouse_notify_wait_until(&n, &t, 1);
    (void)rouse_notify_wait_if_until(&n, &t, ready, NULL, 1);
    (void)rouse_limit_acquire_until(&l, &t, 1, 1);
    (void)rouse_event_wait_until(&e, &t, 1);
    (void)rouse_gate_wait_until(&g, &t, 1);
    (void)rouse_rwlock_read_until(&rw, &t, 1);
    (void)rouse_rwlock_write_until(&rw, &t, 1);
    (void)rouse_once_begin_until(&o, &t, 1);
    (void)rouse_deadlines_next(&d);
    (void)rouse_deadlines_run(&d, 1);
    (void)rouse_timed_cancel(&t);
    rouse_deadlines_destroy(&d);
    rouse_several_init(&v, NULL, rouse_use_several_told, NULL);
    (void)rouse_several_data(&v);
    (void)rouse_several_acquire(&v, &step, 1);
    (void)rouse_several_cancel(&v);
    rouse_several_give_back(&v);
}

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
    rouse_signal_prepare();
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
    rouse_mutex_check_relock(&m);
#if ROUSE_BACKEND != ROUSE_BACKEND_LOCAL
    (void)rouse_mutex_lock_blocking(&m);
    (void)rouse_mutex_lock_timed(&m, 1);
#endif
    rouse_mutex_destroy(&m);

    rouse_use_event_gate_limit(w);
    rouse_use_deadlines(ready);

    rouse_mailbox_init(&mb, kick, NULL);
    rouse_waiter_init_on(w, &mb, wake, NULL);
    (void)rouse_mailbox_drain(&mb);
    rouse_mailbox_destroy(&mb);
}
