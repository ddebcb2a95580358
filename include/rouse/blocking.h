/* rouse/blocking.h: plain threads wait for any of the objects, by blocking.
 *
 *     rouse_semaphore_acquire_blocking(&s, 1);                 // sleeps until there is a permit
 *     if (rouse_mutex_lock_timed(&m, 5000000) == ROUSE_OK) {   // for 5 ms at most
 *         ...
 *     }
 *
 * The thread queues like any other waiter, in the same order, and sleeps until it is woken. Calls that end in
 * _blocking and _timed, and those of rouse_thread_waiter, are the only ones in which a thread waits for
 * permits. (With ROUSE_BACKEND_MUTEX any call may sleep for the few instructions in which another thread
 * holds the queue's mutex.)
 *
 * Time-outs are relative, in nanoseconds. With 0 a call never sleeps: it returns ROUSE_OK or ROUSE_TIMEDOUT
 * at once. UINT64_MAX means forever. A time-out that loses to a grant reports the grant. ROUSE_TIMEDOUT
 * changes nothing.
 *
 * With LOCKFREE these calls may return ROUSE_NOMEM, unless you have reserved memory. They return
 * ROUSE_CLOSED, ROUSE_INVALID and ROUSE_OVERFLOW as the call that does not block does. Do not call them
 * inside a wake (ROUSE_DEBUG aborts): the thread would be waiting for a wake that only it can run.
 *
 * Signal handlers. With LOCKFREE a handler may wake a thread that sleeps here, by any call that
 * docs/backends.md lists for handlers. It may have interrupted that very thread (not on macOS, see
 * detail/base/park.h).
 *
 * Ending a thread. None of these calls is a cancellation point: pthread_cancel takes effect after the call.
 * To end a thread that sleeps, close the object, or use a time-out. A signal handler (or asynchronous
 * cancellation) may end a thread while it sleeps in a call that ends in _blocking or _timed. Then the thread
 * leaves the queue, and gives back what it had just been granted. (An element that it had just received from
 * a channel is lost.) A thread must not be ended in rouse_thread_waiter_await, in its _until variant or in
 * rouse_barrier_arrive_blocking.
 *
 * Priorities. A thread that waits inside the library does not starve threads of lower priority: after a
 * bounded number of yields it sleeps. A waiting thread does not lend its priority to the holder of a permit.
 * (With ROUSE_BACKEND_MUTEX it can lend it to the holder of the queue's mutex: see ROUSE_PRIORITY_INHERIT in
 * config.h.)
 *
 * A rouse_thread_waiter lets a thread wait for any other call that takes a waiter:
 *
 *     rouse_thread_waiter t;
 *     rouse_thread_waiter_init(&t);
 *     status = rouse_thread_waiter_await(&t, rouse_notify_wait(&n, &t.waiter));
 *     rouse_thread_waiter_destroy(&t); */
#ifndef ROUSE_BLOCKING_H
#define ROUSE_BLOCKING_H

#include "config.h"
#if ROUSE_BACKEND == ROUSE_BACKEND_LOCAL
#    error "rouse/blocking.h: ROUSE_BACKEND_LOCAL has one thread, which would wait for itself: take another"
#endif

#include "barrier.h"
#include "channel.h"
#include "condvar.h"
#include "detail/base/compiled.h"
#include "detail/base/park.h"
#include "detail/base/time.h"
#include "mutex.h"
#include "notify.h"
#include "once.h"
#include "rwlock.h"
#include "semaphore.h"
#include "waiter_queue.h"

#include <stdbool.h>
#include <stdint.h>

/* ---- a thread as a waiter ------------------------------------------------------------------------------ */

/* A plain thread as a waiter: give &t.waiter to any call that takes one, and await the call's answer. On the
 * thread's stack, or wherever else it outlives the wait. */
typedef struct rouse_thread_waiter {
    rouse_waiter waiter; /* first: its wake finds the rest by its address */
    rouse_parker_ parker_;
} rouse_thread_waiter;

ROUSE_INLINE_ void rouse_thread_waiter_wake_(rouse_waiter *w, rouse_status status) {
    (void)status;
    rouse_park_tell_(&((rouse_thread_waiter *)(void *)w)->parker_);
}

/* Nanoseconds on the clock of the deadlines below: monotonic, CLOCK_MONOTONIC where there is one. */
ROUSE_INLINE_ uint64_t rouse_now_ns(void) {
    return rouse_time_now_();
}

/* Prepares t, which may then wait any number of times, for one call at a time. */
ROUSE_INLINE_ void rouse_thread_waiter_init(rouse_thread_waiter *t) {
    ROUSE_CHECK_OBJECT_(t);
    rouse_waiter_prepare_(&t->waiter, rouse_thread_waiter_wake_, NULL);
    rouse_park_init_(&t->parker_);
}

/* Ends t. Requires that t is not queued. */
ROUSE_INLINE_ void rouse_thread_waiter_destroy(rouse_thread_waiter *t) {
    ROUSE_CHECK_OBJECT_(t);
    ROUSE_CHECK_IDLE_(&t->waiter, t);
    rouse_park_destroy_(&t->parker_);
}

/* What a thread does when it has been woken. In throughput mode it may have been invited: then it asks, and
 * ROUSE_PENDING means that another thread was quicker. */
ROUSE_INLINE_ rouse_status rouse_thread_waiter_outcome_(rouse_thread_waiter *t) {
    return rouse_queue_answer_(&t->waiter);
}

ROUSE_INLINE_ bool rouse_thread_waiter_sleep_(rouse_thread_waiter *t, uint64_t deadline_ns,
                                              rouse_status *outcome) {
    rouse_status status;
    do {
        if (!rouse_park_(&t->parker_, deadline_ns)) {
            return false;
        }
        status = rouse_thread_waiter_outcome_(t);
    } while (status == ROUSE_PENDING);
    *outcome = status;
    return true;
}

/* Sleeps until t has an outcome, or until the deadline.
 *
 * Returns true: *outcome is t's outcome, as from rouse_thread_waiter_await.
 *         false: the deadline has passed, *outcome is unchanged and t is still queued. Call await or
 *         await_until again, or cancel t on its object; if cancel returns false an outcome is due:
 *         rouse_thread_waiter_await(t, ROUSE_PENDING) returns it.
 * Requires that the call to which &t->waiter was given has answered ROUSE_PENDING.
 * deadline_ns: a time on rouse_now_ns's clock. If it is in the past the call does not sleep. UINT64_MAX:
 * forever. Not a cancellation point, and the thread must not be ended in it, as in
 * rouse_thread_waiter_await. */
ROUSE_NODISCARD_
ROUSE_INLINE_ bool rouse_thread_waiter_await_until(rouse_thread_waiter *t, uint64_t deadline_ns,
                                                   rouse_status *outcome) {
    ROUSE_CHECK_OBJECT_(t);
    ROUSE_CHECK_(!rouse_deliver_inside_(), t, "blocking inside a wake");
    return rouse_thread_waiter_sleep_(t, deadline_ns, outcome);
}

/* Turns the answer of a call to which &t->waiter was given into its outcome: sleeps if the answer is
 * ROUSE_PENDING, and returns any other as it is.
 *
 * Returns the outcome of the call. ROUSE_OK means that it is yours; ROUSE_CLOSED and the other errors are
 * those of the call. Not a cancellation point. The thread must not be ended in it: t is queued and is on
 * its stack. */
ROUSE_NODISCARD_
ROUSE_INLINE_ rouse_status rouse_thread_waiter_await(rouse_thread_waiter *t, rouse_status answer) {
    ROUSE_CHECK_OBJECT_(t);
    ROUSE_CHECK_(!rouse_deliver_inside_(), t, "blocking inside a wake");
    if (answer == ROUSE_PENDING) {
        (void)rouse_thread_waiter_sleep_(t, ROUSE_PARK_FOREVER_, &answer);
    }
    return answer;
}

/* ---- blocking twins of calls that take a waiter -------------------------------------------------------- */

/* How a blocked thread leaves `object`. cancel takes it out of the queue, like the object's cancel. give_back
 * returns the n permits that it was granted and does not want; NULL: there is nothing to give back. */
typedef bool rouse_block_cancel_fn_(void *object, rouse_waiter *w);
typedef void rouse_block_give_back_fn_(void *object, rouse_waiter *w, uint32_t n);

typedef struct rouse_block_ {
    rouse_thread_waiter *t;
    void *object;
    rouse_block_cancel_fn_ *cancel;
    rouse_block_give_back_fn_ *give_back;
    uint32_t n;
} rouse_block_;

/* A signal handler has ended the thread while it slept. Its stack is still whole. */
ROUSE_INLINE_ void rouse_block_abandon_(void *block) {
    rouse_block_ *const b = (rouse_block_ *)block;
    rouse_status outcome = ROUSE_TIMEDOUT;
    if (!b->cancel(b->object, &b->t->waiter)) {
        (void)rouse_park_(&b->t->parker_, ROUSE_PARK_FOREVER_);
        outcome = rouse_waiter_status_(&b->t->waiter);
        if (outcome == ROUSE_RETRY) {
            rouse_queue_refuse_(&b->t->waiter);
        }
    }
    if (outcome == ROUSE_OK && b->give_back != NULL) {
        b->give_back(b->object, &b->t->waiter, b->n);
    }
    rouse_park_destroy_(&b->t->parker_);
}

/* Sleeps until woken, once (rouse_thread_waiter_outcome_), or until the deadline. The thread may be ended in
 * it. */
ROUSE_SLOW_ bool rouse_block_until_(rouse_block_ *b, uint64_t deadline, rouse_status *outcome) {
    bool told;
#if defined(ROUSE_LOCK_PTHREAD_)
    pthread_cleanup_push(rouse_block_abandon_, b);
#endif
    told = rouse_park_(&b->t->parker_, deadline);
#if defined(ROUSE_LOCK_PTHREAD_)
    pthread_cleanup_pop(0);
#endif
    if (told) {
        *outcome = rouse_thread_waiter_outcome_(b->t);
    }
    return told;
}

/* The rest of a blocking call: t was given to a call on `object`, which answered `answer`. Sleeps for the
 * outcome, and past the time-out takes t out again. Destroys t. So a primitive's blocking twin is
 *
 *     rouse_thread_waiter t;
 *     rouse_thread_waiter_init(&t);
 *     return rouse_block_on_(&t, rouse_thing_wait(thing, &t.waiter), timeout_ns, thing, rouse_thing_leave_,
 *     NULL, 0);
 *
 * where rouse_thing_leave_ is rouse_thing_cancel behind a void pointer. */
ROUSE_SLOW_ rouse_status rouse_block_on_(rouse_thread_waiter *t, rouse_status answer, uint64_t timeout_ns,
                                         void *object, rouse_block_cancel_fn_ *cancel_fn,
                                         rouse_block_give_back_fn_ *return_fn, uint32_t n) {
    if (answer == ROUSE_PENDING) {
        const uint64_t deadline = timeout_ns == ROUSE_PARK_FOREVER_
                                      ? ROUSE_PARK_FOREVER_
                                      : rouse_park_sum_(rouse_time_now_(), timeout_ns);
        rouse_block_ b = {t, object, cancel_fn, return_fn, n};
        while (answer == ROUSE_PENDING) {
            if (!rouse_block_until_(&b, deadline, &answer)) {
                ROUSE_STATS_TIME_UP_(&t->waiter);
                if (cancel_fn(object, &t->waiter)) {
                    answer = ROUSE_TIMEDOUT;
                } else {
                    /* The grant, or an invitation, has won: t is in use until its wake has run. */
                    (void)rouse_block_until_(&b, ROUSE_PARK_FOREVER_, &answer);
                }
            }
        }
    }
    rouse_thread_waiter_destroy(t);
    return answer;
}

#ifdef ROUSE_COMPILED_ELSEWHERE_
ROUSE_COMPILED_(rouse_status, rouse_block_on_,
                (rouse_thread_waiter * t, rouse_status answer, uint64_t timeout_ns, void *object,
                 rouse_block_cancel_fn_ *cancel_fn, rouse_block_give_back_fn_ *return_fn, uint32_t n),
                (t, answer, timeout_ns, object, cancel_fn, return_fn, n))
#    define rouse_block_on_ ROUSE_COMPILED_NAME_(rouse_block_on_)
#endif

/* ---- those of the waiter queue, and of what is nothing but one ----------------------------------------- */

ROUSE_INLINE_ bool rouse_block_leave_queue_(void *queue, rouse_waiter *w) {
    return rouse_backend_cancel_((rouse_waiter_queue *)queue, w);
}
ROUSE_INLINE_ void rouse_block_give_to_queue_(void *queue, rouse_waiter *w, uint32_t n) {
    if (rouse_outcome_is_ones_(w)) { /* what a wake_all gave is for nobody else */
        (void)rouse_queue_release_((rouse_waiter_queue *)queue, n);
    }
}
ROUSE_INLINE_ void rouse_block_notify_next_(void *notify, rouse_waiter *w, uint32_t n) {
    (void)n;
    rouse_notify_pass_on_((rouse_notify *)notify, w);
}
ROUSE_INLINE_ void rouse_block_unlock_(void *mutex, rouse_waiter *w, uint32_t n) {
    (void)w;
    (void)n;
    (void)rouse_mutex_unlock_((rouse_mutex *)mutex);
}

ROUSE_SLOW_ rouse_status rouse_block_on_queue_(rouse_waiter_queue *q, uint32_t n, uint64_t timeout_ns,
                                               rouse_block_give_back_fn_ *return_fn) {
    rouse_thread_waiter t;
    if (timeout_ns == 0) {
        return rouse_queue_closed_(q) ? ROUSE_CLOSED : ROUSE_TIMEDOUT;
    }
    rouse_thread_waiter_init(&t);
    return rouse_block_on_(&t, rouse_queue_wait_(q, &t.waiter, n), timeout_ns, q, rouse_block_leave_queue_,
                           return_fn, n);
}

#ifdef ROUSE_COMPILED_ELSEWHERE_
ROUSE_COMPILED_(rouse_status, rouse_block_on_queue_,
                (rouse_waiter_queue * q, uint32_t n, uint64_t timeout_ns,
                 rouse_block_give_back_fn_ *return_fn),
                (q, n, timeout_ns, return_fn))
#    define rouse_block_on_queue_ ROUSE_COMPILED_NAME_(rouse_block_on_queue_)
#endif

/* Takes what is free without a waiter; waits for the rest. */
ROUSE_INLINE_ rouse_status rouse_block_wait_(rouse_waiter_queue *q, uint32_t n, uint64_t timeout_ns,
                                             rouse_block_give_back_fn_ *return_fn) {
    if (n > ROUSE_MAX_PERMITS) {
        return ROUSE_INVALID;
    }
    if (rouse_queue_try_wait_(q, n)) {
        return ROUSE_OK;
    }
    return rouse_block_on_queue_(q, n, timeout_ns, return_fn);
}

/* rouse_waiter_queue_wait, rouse_semaphore_acquire, rouse_notify_wait and rouse_mutex_lock for a thread that
 * sleeps until it has what it asks for.
 *
 * Return ROUSE_OK: it is yours; ROUSE_TIMEDOUT (_timed only): the time was up, nothing changed; ROUSE_CLOSED,
 *         ROUSE_INVALID, ROUSE_OVERFLOW, ROUSE_NOMEM as the call without _blocking and _timed.
 * timeout_ns: relative. 0: does not sleep. UINT64_MAX: forever.
 * Cost: that of the try_ call if it need not sleep; otherwise also two system calls, its own and its
 * waker's. */
ROUSE_NODISCARD_
ROUSE_INLINE_ rouse_status rouse_waiter_queue_wait_timed(rouse_waiter_queue *q, uint32_t n,
                                                         uint64_t timeout_ns) {
    ROUSE_CHECK_USE_(q, q);
    ROUSE_CHECK_(!rouse_deliver_inside_(), q, "blocking inside a wake");
    return rouse_block_wait_(q, n, timeout_ns, rouse_block_give_to_queue_);
}
ROUSE_NODISCARD_
ROUSE_INLINE_ rouse_status rouse_waiter_queue_wait_blocking(rouse_waiter_queue *q, uint32_t n) {
    ROUSE_CHECK_USE_(q, q);
    ROUSE_CHECK_(!rouse_deliver_inside_(), q, "blocking inside a wake");
    return rouse_block_wait_(q, n, ROUSE_PARK_FOREVER_, rouse_block_give_to_queue_);
}
ROUSE_NODISCARD_
ROUSE_INLINE_ rouse_status rouse_semaphore_acquire_timed(rouse_semaphore *s, uint32_t n,
                                                         uint64_t timeout_ns) {
    ROUSE_CHECK_USE_(s, ROUSE_SEMAPHORE_QUEUE_(s));
    ROUSE_CHECK_(!rouse_deliver_inside_(), s, "blocking inside a wake");
    return rouse_block_wait_(ROUSE_SEMAPHORE_QUEUE_(s), n, timeout_ns, rouse_block_give_to_queue_);
}
ROUSE_NODISCARD_
ROUSE_INLINE_ rouse_status rouse_semaphore_acquire_blocking(rouse_semaphore *s, uint32_t n) {
    ROUSE_CHECK_USE_(s, ROUSE_SEMAPHORE_QUEUE_(s));
    ROUSE_CHECK_(!rouse_deliver_inside_(), s, "blocking inside a wake");
    return rouse_block_wait_(ROUSE_SEMAPHORE_QUEUE_(s), n, ROUSE_PARK_FOREVER_, rouse_block_give_to_queue_);
}
ROUSE_NODISCARD_
ROUSE_INLINE_ rouse_status rouse_notify_wait_timed(rouse_notify *n, uint64_t timeout_ns) {
    ROUSE_CHECK_USE_(n, ROUSE_NOTIFY_QUEUE_(n));
    ROUSE_CHECK_(!rouse_deliver_inside_(), n, "blocking inside a wake");
    return rouse_block_wait_(ROUSE_NOTIFY_QUEUE_(n), 1, timeout_ns, rouse_block_notify_next_);
}
ROUSE_NODISCARD_
ROUSE_INLINE_ rouse_status rouse_notify_wait_blocking(rouse_notify *n) {
    ROUSE_CHECK_USE_(n, ROUSE_NOTIFY_QUEUE_(n));
    ROUSE_CHECK_(!rouse_deliver_inside_(), n, "blocking inside a wake");
    return rouse_block_wait_(ROUSE_NOTIFY_QUEUE_(n), 1, ROUSE_PARK_FOREVER_, rouse_block_notify_next_);
}
ROUSE_NODISCARD_
ROUSE_INLINE_ rouse_status rouse_mutex_lock_timed(rouse_mutex *m, uint64_t timeout_ns) {
    ROUSE_CHECK_USE_(m, ROUSE_MUTEX_QUEUE_(m));
    ROUSE_CHECK_(!rouse_deliver_inside_(), m, "blocking inside a wake");
    return rouse_block_wait_(ROUSE_MUTEX_QUEUE_(m), 1, timeout_ns, rouse_block_unlock_);
}
ROUSE_NODISCARD_
ROUSE_INLINE_ rouse_status rouse_mutex_lock_blocking(rouse_mutex *m) {
    ROUSE_CHECK_USE_(m, ROUSE_MUTEX_QUEUE_(m));
    ROUSE_CHECK_(!rouse_deliver_inside_(), m, "blocking inside a wake");
    return rouse_block_wait_(ROUSE_MUTEX_QUEUE_(m), 1, ROUSE_PARK_FOREVER_, rouse_block_unlock_);
}

/* ---- read-write lock, once, barrier -------------------------------------------------------------------- */

ROUSE_INLINE_ void rouse_block_end_read_(void *lock, rouse_waiter *w, uint32_t n) {
    (void)w;
    (void)n;
    (void)rouse_rwlock_end_read((rouse_rwlock *)lock);
}
ROUSE_INLINE_ void rouse_block_end_write_(void *lock, rouse_waiter *w, uint32_t n) {
    (void)w;
    (void)n;
    (void)rouse_rwlock_end_write((rouse_rwlock *)lock);
}
ROUSE_INLINE_ void rouse_block_fail_(void *once, rouse_waiter *w, uint32_t n) {
    (void)w;
    (void)n;
    (void)rouse_once_failed((rouse_once *)once);
}

ROUSE_INLINE_ rouse_status rouse_block_read_(rouse_rwlock *l, uint64_t timeout_ns) {
    return rouse_block_wait_(ROUSE_RWLOCK_QUEUE_(l), 1, timeout_ns, rouse_block_end_read_);
}
ROUSE_INLINE_ rouse_status rouse_block_write_(rouse_rwlock *l, uint64_t timeout_ns) {
    const rouse_status status = rouse_block_wait_(ROUSE_RWLOCK_QUEUE_(l), rouse_rwlock_readers_(l),
                                                  timeout_ns, rouse_block_end_write_);
    if (status == ROUSE_OK) {
        rouse_rwlock_entered_(l);
    }
    return status;
}

/* rouse_rwlock_read and rouse_rwlock_write for a thread that sleeps until it has the lock. Returns and
 * timeout_ns: as above. */
ROUSE_NODISCARD_
ROUSE_INLINE_ rouse_status rouse_rwlock_read_timed(rouse_rwlock *l, uint64_t timeout_ns) {
    ROUSE_CHECK_USE_(l, ROUSE_RWLOCK_QUEUE_(l));
    ROUSE_CHECK_(!rouse_deliver_inside_(), l, "blocking inside a wake");
    return rouse_block_read_(l, timeout_ns);
}
ROUSE_NODISCARD_
ROUSE_INLINE_ rouse_status rouse_rwlock_read_blocking(rouse_rwlock *l) {
    ROUSE_CHECK_USE_(l, ROUSE_RWLOCK_QUEUE_(l));
    ROUSE_CHECK_(!rouse_deliver_inside_(), l, "blocking inside a wake");
    return rouse_block_read_(l, ROUSE_PARK_FOREVER_);
}
ROUSE_NODISCARD_
ROUSE_INLINE_ rouse_status rouse_rwlock_write_timed(rouse_rwlock *l, uint64_t timeout_ns) {
    ROUSE_CHECK_USE_(l, ROUSE_RWLOCK_QUEUE_(l));
    ROUSE_CHECK_(!rouse_deliver_inside_(), l, "blocking inside a wake");
    return rouse_block_write_(l, timeout_ns);
}
ROUSE_NODISCARD_
ROUSE_INLINE_ rouse_status rouse_rwlock_write_blocking(rouse_rwlock *l) {
    ROUSE_CHECK_USE_(l, ROUSE_RWLOCK_QUEUE_(l));
    ROUSE_CHECK_(!rouse_deliver_inside_(), l, "blocking inside a wake");
    return rouse_block_write_(l, ROUSE_PARK_FOREVER_);
}

ROUSE_INLINE_ rouse_status rouse_block_begin_(rouse_once *o, uint64_t timeout_ns) {
    if (rouse_queue_closed_(ROUSE_ONCE_QUEUE_(o))) {
        return ROUSE_CLOSED;
    }
    return rouse_block_wait_(ROUSE_ONCE_QUEUE_(o), 1, timeout_ns, rouse_block_fail_);
}

/* rouse_once_begin for a thread that sleeps while another one is doing it. Return ROUSE_CLOSED: the work is
 * done; ROUSE_OK: the work is yours; other statuses and timeout_ns: as above. */
ROUSE_NODISCARD_
ROUSE_INLINE_ rouse_status rouse_once_begin_timed(rouse_once *o, uint64_t timeout_ns) {
    ROUSE_CHECK_USE_(o, ROUSE_ONCE_QUEUE_(o));
    ROUSE_CHECK_(!rouse_deliver_inside_(), o, "blocking inside a wake");
    return rouse_block_begin_(o, timeout_ns);
}
ROUSE_NODISCARD_
ROUSE_INLINE_ rouse_status rouse_once_begin_blocking(rouse_once *o) {
    ROUSE_CHECK_USE_(o, ROUSE_ONCE_QUEUE_(o));
    ROUSE_CHECK_(!rouse_deliver_inside_(), o, "blocking inside a wake");
    return rouse_block_begin_(o, ROUSE_PARK_FOREVER_);
}

/* rouse_barrier_arrive for a thread that sleeps until all have arrived. There is no time-out, because a party
 * that has arrived has been counted. */
ROUSE_NODISCARD_
ROUSE_INLINE_ rouse_status rouse_barrier_arrive_blocking(rouse_barrier *b) {
    rouse_thread_waiter t;
    rouse_status status;
    ROUSE_CHECK_USE_(b, ROUSE_BARRIER_QUEUE_(b, 0));
    ROUSE_CHECK_(!rouse_deliver_inside_(), b, "blocking inside a wake");
    rouse_thread_waiter_init(&t);
    status = rouse_barrier_arrive_(b, &t.waiter);
    if (status == ROUSE_PENDING) {
        (void)rouse_thread_waiter_sleep_(&t, ROUSE_PARK_FOREVER_, &status);
    }
    rouse_thread_waiter_destroy(&t);
    return status;
}

/* ---- channel ------------------------------------------------------------------------------------------- */

ROUSE_INLINE_ bool rouse_block_leave_channel_(void *channel, rouse_waiter *w) {
    return rouse_channel_leave_((rouse_channel *)channel, w);
}

ROUSE_SLOW_ rouse_status rouse_block_send_(rouse_channel *ch, const void *element, uint64_t timeout_ns) {
    rouse_thread_waiter t;
    if (timeout_ns == 0) {
        const rouse_status status = rouse_channel_send_now_(ch, element);
        return status == ROUSE_PENDING ? ROUSE_TIMEDOUT : status;
    }
    rouse_thread_waiter_init(&t);
    return rouse_block_on_(&t, rouse_channel_send_(ch, &t.waiter, element), timeout_ns, ch,
                           rouse_block_leave_channel_, NULL, 0);
}
ROUSE_SLOW_ rouse_status rouse_block_receive_(rouse_channel *ch, void *element, uint64_t timeout_ns) {
    rouse_thread_waiter t;
    if (timeout_ns == 0) {
        const rouse_status status = rouse_channel_receive_now_(ch, element);
        return status == ROUSE_PENDING ? ROUSE_TIMEDOUT : status;
    }
    rouse_thread_waiter_init(&t);
    return rouse_block_on_(&t, rouse_channel_receive_(ch, &t.waiter, element), timeout_ns, ch,
                           rouse_block_leave_channel_, NULL, 0);
}

#ifdef ROUSE_COMPILED_ELSEWHERE_
ROUSE_COMPILED_(rouse_status, rouse_block_send_,
                (rouse_channel * ch, const void *element, uint64_t timeout_ns), (ch, element, timeout_ns))
#    define rouse_block_send_ ROUSE_COMPILED_NAME_(rouse_block_send_)
ROUSE_COMPILED_(rouse_status, rouse_block_receive_, (rouse_channel * ch, void *element, uint64_t timeout_ns),
                (ch, element, timeout_ns))
#    define rouse_block_receive_ ROUSE_COMPILED_NAME_(rouse_block_receive_)
#endif

/* rouse_channel_send and rouse_channel_receive for a thread that sleeps until there is room, or an element.
 * Returns ROUSE_OK: the element has moved; ROUSE_TIMEDOUT (_timed only), ROUSE_CLOSED: it has not. */
ROUSE_NODISCARD_
ROUSE_INLINE_ rouse_status rouse_channel_send_timed(rouse_channel *ch, const void *element,
                                                    uint64_t timeout_ns) {
    ROUSE_CHECK_GUARDED_(ch);
    ROUSE_CHECK_(!rouse_deliver_inside_(), ch, "blocking inside a wake");
    return rouse_block_send_(ch, element, timeout_ns);
}
ROUSE_NODISCARD_
ROUSE_INLINE_ rouse_status rouse_channel_send_blocking(rouse_channel *ch, const void *element) {
    ROUSE_CHECK_GUARDED_(ch);
    ROUSE_CHECK_(!rouse_deliver_inside_(), ch, "blocking inside a wake");
    return rouse_block_send_(ch, element, ROUSE_PARK_FOREVER_);
}
ROUSE_NODISCARD_
ROUSE_INLINE_ rouse_status rouse_channel_receive_timed(rouse_channel *ch, void *element,
                                                       uint64_t timeout_ns) {
    ROUSE_CHECK_GUARDED_(ch);
    ROUSE_CHECK_(!rouse_deliver_inside_(), ch, "blocking inside a wake");
    return rouse_block_receive_(ch, element, timeout_ns);
}
ROUSE_NODISCARD_
ROUSE_INLINE_ rouse_status rouse_channel_receive_blocking(rouse_channel *ch, void *element) {
    ROUSE_CHECK_GUARDED_(ch);
    ROUSE_CHECK_(!rouse_deliver_inside_(), ch, "blocking inside a wake");
    return rouse_block_receive_(ch, element, ROUSE_PARK_FOREVER_);
}

/* ---- condition variable -------------------------------------------------------------------------------- */

/* A thread that waits for a signal. The thread's own waiter is never queued; it gets the outcome of
 * `waiter`. */
typedef struct rouse_block_condvar_ {
    rouse_thread_waiter thread; /* first */
    rouse_condvar_waiter waiter;
} rouse_block_condvar_;

ROUSE_INLINE_ void rouse_block_signalled_(rouse_condvar_waiter *w, rouse_status status) {
    rouse_block_condvar_ *const b = (rouse_block_condvar_ *)rouse_condvar_waiter_data(w);
    rouse_outcome_store_(&b->thread.waiter, rouse_outcome_(status, 0));
    rouse_park_tell_(&b->thread.parker_);
}
ROUSE_INLINE_ bool rouse_block_leave_condvar_(void *condvar, rouse_waiter *w) {
    return rouse_condvar_cancel((rouse_condvar *)condvar, &((rouse_block_condvar_ *)(void *)w)->waiter);
}
ROUSE_INLINE_ void rouse_block_unlock_again_(void *condvar, rouse_waiter *w, uint32_t n) {
    (void)condvar;
    (void)n;
    (void)rouse_mutex_unlock(rouse_condvar_waiter_mutex_(&((rouse_block_condvar_ *)(void *)w)->waiter));
}

ROUSE_SLOW_ rouse_status rouse_block_condvar_wait_(rouse_condvar *c, rouse_mutex *m, uint64_t timeout_ns) {
    rouse_block_condvar_ b;
    rouse_status status;
    if (timeout_ns == 0 && !rouse_condvar_is_closed(c)) {
        (void)rouse_mutex_unlock(m);
        status = ROUSE_TIMEDOUT;
    } else {
        rouse_thread_waiter_init(&b.thread);
        rouse_condvar_waiter_init(&b.waiter, m, NULL, rouse_block_signalled_, &b);
        status = rouse_condvar_wait(c, &b.waiter);
        if (status != ROUSE_PENDING) {
            (void)rouse_mutex_unlock(m); /* refused at once: as if woken with that status */
        }
        status = rouse_block_on_(&b.thread, status, timeout_ns, c, rouse_block_leave_condvar_,
                                 rouse_block_unlock_again_, 1);
    }
    if (status == ROUSE_TIMEDOUT) {
        const rouse_status locked = rouse_mutex_lock_blocking(m);
        status = locked == ROUSE_OK ? ROUSE_TIMEDOUT : locked;
    }
    return status;
}

#ifdef ROUSE_COMPILED_ELSEWHERE_
ROUSE_COMPILED_(rouse_status, rouse_block_condvar_wait_,
                (rouse_condvar * c, rouse_mutex *m, uint64_t timeout_ns), (c, m, timeout_ns))
#    define rouse_block_condvar_wait_ ROUSE_COMPILED_NAME_(rouse_block_condvar_wait_)
#endif

/* rouse_condvar_wait for a thread that sleeps until it is signalled. Unlocks m, and locks it again, in its
 * turn, before it returns.
 *
 * Returns ROUSE_OK: signalled; look at the condition again. ROUSE_TIMEDOUT (_timed only): not signalled in
 *         time. In both cases m is held. ROUSE_CLOSED, ROUSE_NOMEM (LOCKFREE): m is not held.
 * Requires that m is held.
 * timeout_ns: how long to wait for the signal; the call then waits for m as long as it takes. 0:
 * ROUSE_TIMEDOUT, once those that wait for m have had it. UINT64_MAX: forever. */
ROUSE_NODISCARD_
ROUSE_INLINE_ rouse_status rouse_condvar_wait_timed(rouse_condvar *c, rouse_mutex *m, uint64_t timeout_ns) {
    ROUSE_CHECK_GUARDED_(c);
    ROUSE_CHECK_(!rouse_deliver_inside_(), c, "blocking inside a wake");
    return rouse_block_condvar_wait_(c, m, timeout_ns);
}
ROUSE_NODISCARD_
ROUSE_INLINE_ rouse_status rouse_condvar_wait_blocking(rouse_condvar *c, rouse_mutex *m) {
    ROUSE_CHECK_GUARDED_(c);
    ROUSE_CHECK_(!rouse_deliver_inside_(), c, "blocking inside a wake");
    return rouse_block_condvar_wait_(c, m, ROUSE_PARK_FOREVER_);
}

#endif /* ROUSE_BLOCKING_H */
