/* rouse/loop/uv.h: rouse on a libuv loop: a mailbox, its kick, deadlines and their timer in one object.
 *
 *     static rouse_uv r;
 *     rouse_uv_init(loop, &r);                                            // once a loop, before uv_run
 *     rouse_waiter_init_on(&task->waiter, rouse_uv_mailbox(&r), wake, task);
 *     rouse_timed_init(&task->timed, rouse_uv_deadlines(&r), rouse_uv_mailbox(&r), wake_timed, task);
 *     rouse_semaphore_acquire_until(&limit, &task->timed, 1, rouse_uv_now() + 50000000);
 *     ...
 *     rouse_uv_close(&r, on_closed);                                      // no waiter is left on it
 *
 * Every function runs on the loop's thread. The wakes of the waiters on the mailbox run there too, in the
 * turn after the one in which any thread granted them. Deadlines are on uv_hrtime's clock (rouse_uv_now),
 * never on uv_now, which libuv reads once a turn; a time-out runs at most a millisecond and a turn late. */
#ifndef ROUSE_LOOP_UV_H
#define ROUSE_LOOP_UV_H

#include "../deadline.h"
#include "../detail/loop/timeout.h"
#include "../mailbox.h"

#include <stdbool.h>
#include <stdint.h>
#if defined(__GLIBC__) && !defined(__USE_UNIX98) && !defined(__USE_XOPEN2K) /* what glibc makes of -std=c11 */
#    error "rouse/loop/uv.h: <uv.h> needs -std=gnu11, or _GNU_SOURCE defined before the first include"
#endif
#include <uv.h>

typedef struct rouse_uv rouse_uv;
typedef void rouse_uv_closed_fn(rouse_uv *r);

struct rouse_uv {
    rouse_mailbox mailbox_;
    rouse_deadlines deadlines_;
    uv_async_t async_; /* the kick */
    uv_timer_t timer_; /* set to the first deadline */
    rouse_uv_closed_fn *closed_;
    void *data; /* yours */
};

/* Now, in nanoseconds, on the clock of this loop's deadlines. */
ROUSE_INLINE_ uint64_t rouse_uv_now(void) {
    return uv_hrtime();
}
ROUSE_INLINE_ rouse_mailbox *rouse_uv_mailbox(rouse_uv *r) {
    return &r->mailbox_;
}
ROUSE_INLINE_ rouse_deadlines *rouse_uv_deadlines(rouse_uv *r) {
    return &r->deadlines_;
}

ROUSE_INLINE_ void rouse_uv_kick_(void *r) {
    (void)uv_async_send(&((rouse_uv *)r)->async_);
}
ROUSE_INLINE_ void rouse_uv_on_timer_(uv_timer_t *timer);
/* Sets the timer to the first deadline, which has changed. */
ROUSE_INLINE_ void rouse_uv_set_timer_(void *arg) {
    rouse_uv *const r = (rouse_uv *)arg;
    const int ms = rouse_timeout_ms_(&r->deadlines_, rouse_uv_now());
    (void)uv_timer_stop(&r->timer_);
    if (ms >= 0) {
        uv_update_time(r->timer_.loop); /* the timer counts from the loop's cached time */
        (void)uv_timer_start(&r->timer_, rouse_uv_on_timer_, (uint64_t)ms, 0);
    }
}
/* Runs the wakes that have arrived and the time-outs that are due. */
ROUSE_INLINE_ void rouse_uv_run_(rouse_uv *r) {
    (void)rouse_mailbox_drain(&r->mailbox_);
    (void)rouse_deadlines_run(&r->deadlines_, rouse_uv_now());
    rouse_uv_set_timer_(r);
}
ROUSE_INLINE_ void rouse_uv_on_kick_(uv_async_t *async) {
    rouse_uv_run_((rouse_uv *)async->data);
}
ROUSE_INLINE_ void rouse_uv_on_timer_(uv_timer_t *timer) {
    rouse_uv_run_((rouse_uv *)timer->data);
}

/* Makes the loop wait for what the mailbox and the deadlines bring (true, as after init), or lets uv_run
 * return although waiters are queued (false). */
ROUSE_INLINE_ void rouse_uv_ref(rouse_uv *r, bool keep_alive) {
    (keep_alive ? uv_ref : uv_unref)((uv_handle_t *)&r->async_);
}

/* Puts rouse on the loop. Returns 0, or libuv's error: then nothing is left on the loop. */
ROUSE_INLINE_ int rouse_uv_init(uv_loop_t *loop, rouse_uv *r) {
    const int error = uv_async_init(loop, &r->async_, rouse_uv_on_kick_);
    if (error != 0) {
        return error;
    }
    (void)uv_timer_init(loop, &r->timer_); /* cannot fail */
    uv_unref((uv_handle_t *)&r->timer_);
    r->async_.data = r->timer_.data = r;
    r->closed_ = NULL;
    rouse_mailbox_init(&r->mailbox_, rouse_uv_kick_, r);
    rouse_deadlines_init(&r->deadlines_);
    rouse_deadlines_on_change_(&r->deadlines_, rouse_uv_set_timer_, r);
    return 0;
}

ROUSE_INLINE_ void rouse_uv_on_closed_(uv_handle_t *async) {
    rouse_uv *const r = (rouse_uv *)async->data;
    if (r->closed_ != NULL) {
        r->closed_(r);
    }
}
ROUSE_INLINE_ void rouse_uv_on_timer_closed_(uv_handle_t *timer) {
    rouse_uv *const r = (rouse_uv *)timer->data;
    rouse_mailbox_destroy(&r->mailbox_); /* waits for a kick in progress: from here on nobody sends */
    uv_close((uv_handle_t *)&r->async_, rouse_uv_on_closed_);
}

/* Takes rouse off the loop; in a wake too. `closed` (may be NULL) runs in a later turn: then r's memory is
 * yours. Requires that no waiter and no deadline is left on r. */
ROUSE_INLINE_ void rouse_uv_close(rouse_uv *r, rouse_uv_closed_fn *closed) {
    r->closed_ = closed;
    uv_close((uv_handle_t *)&r->timer_, rouse_uv_on_timer_closed_); /* its callback is never inside a wake */
}

#endif /* ROUSE_LOOP_UV_H */
