/* rouse/loop/event.h: rouse on a libevent base: a mailbox, its kick, deadlines and their timer in one object.
 *
 *     static rouse_libevent r;
 *     evthread_use_pthreads();                                            // before event_base_new
 *     rouse_libevent_init(&r, base);
 *     rouse_waiter_init_on(&task->waiter, rouse_libevent_mailbox(&r), wake, task);
 *     ...
 *     rouse_libevent_close(&r);                                           // no waiter is left on it
 *
 * Every function runs on the thread that runs the base. r does not keep event_base_dispatch running: use
 * EVLOOP_NO_EXIT_ON_EMPTY where nothing else does. Deadlines are on CLOCK_MONOTONIC, in nanoseconds
 * (rouse_libevent_now). Link libevent_core and libevent_pthreads.
 *
 * The names begin with rouse_libevent_, because rouse_event is a primitive (rouse/event.h). */
#ifndef ROUSE_LOOP_EVENT_H
#define ROUSE_LOOP_EVENT_H

#include "../deadline.h"
#include "../detail/base/time.h"
#include "../detail/loop/timeout.h"
#include "../mailbox.h"

#include <event2/event.h>
#include <event2/event_struct.h>
#include <event2/thread.h>
#include <stddef.h>
#include <stdint.h>

typedef struct rouse_libevent {
    rouse_mailbox mailbox_;
    rouse_deadlines deadlines_;
    struct event kicked_;
    struct event timer_;
} rouse_libevent;

/* Now, in nanoseconds, on the clock of this loop's deadlines. */
ROUSE_INLINE_ uint64_t rouse_libevent_now(void) {
    return rouse_time_now_();
}
ROUSE_INLINE_ rouse_mailbox *rouse_libevent_mailbox(rouse_libevent *r) {
    return &r->mailbox_;
}
ROUSE_INLINE_ rouse_deadlines *rouse_libevent_deadlines(rouse_libevent *r) {
    return &r->deadlines_;
}

/* On any thread; several may be one call. */
ROUSE_INLINE_ void rouse_libevent_kick_(void *r) {
    event_active(&((rouse_libevent *)r)->kicked_, 0, 0);
}
/* Sets the timer to the first deadline. libevent has no hook that runs before it sleeps, so the deadlines say
 * when their first one changes. */
ROUSE_INLINE_ void rouse_libevent_set_timer_(void *arg) {
    rouse_libevent *const r = (rouse_libevent *)arg;
    const int ms = rouse_timeout_ms_(&r->deadlines_, rouse_libevent_now());
    struct timeval after;
    if (ms < 0) {
        (void)evtimer_del(&r->timer_);
        return;
    }
    after.tv_sec = ms / 1000;
    after.tv_usec = ms % 1000 * 1000;
    (void)evtimer_add(&r->timer_, &after);
}
ROUSE_INLINE_ void rouse_libevent_run_(evutil_socket_t fd, short what, void *arg) {
    rouse_libevent *const r = (rouse_libevent *)arg;
    (void)fd;
    (void)what;
    (void)rouse_mailbox_drain(&r->mailbox_);
    (void)rouse_deadlines_run(&r->deadlines_, rouse_libevent_now());
    rouse_libevent_set_timer_(r);
}

/* Puts rouse on the base. Returns 0, or -1 if the base cannot be woken by other threads: call
 * evthread_use_pthreads (or its Windows sibling) before event_base_new. */
ROUSE_INLINE_ int rouse_libevent_init(rouse_libevent *r, struct event_base *base) {
    if (evthread_make_base_notifiable(base) != 0 ||
        event_assign(&r->kicked_, base, -1, EV_PERSIST, rouse_libevent_run_, r) != 0 ||
        evtimer_assign(&r->timer_, base, rouse_libevent_run_, r) != 0) {
        return -1;
    }
    rouse_mailbox_init(&r->mailbox_, rouse_libevent_kick_, r);
    rouse_deadlines_init(&r->deadlines_);
    rouse_deadlines_on_change_(&r->deadlines_, rouse_libevent_set_timer_, r);
    return 0;
}

/* Takes rouse off the base. Requires that no waiter and no deadline is left on r. Not inside a wake that the
 * base runs: use event_base_once there. */
ROUSE_INLINE_ void rouse_libevent_close(rouse_libevent *r) {
    rouse_mailbox_destroy(
        &r->mailbox_); /* waits for a kick in progress: nobody activates the event from here on */
    (void)event_del(&r->kicked_);
    (void)evtimer_del(&r->timer_);
}

#endif /* ROUSE_LOOP_EVENT_H */
