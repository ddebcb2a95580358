/* rouse/loop/epoll.h: rouse on an epoll loop: a mailbox, its eventfd and deadlines in one object.
 *
 *     static rouse_epoll r;
 *     rouse_epoll_init(&r, epfd);                                         // once a loop
 *     rouse_waiter_init_on(&task->waiter, rouse_epoll_mailbox(&r), wake, task);
 *     for (;;) {
 *         int count = epoll_wait(epfd, events, 64, rouse_epoll_timeout_ms(&r));
 *         ...                                   // your events; skip the one whose data.ptr is &r
 *         rouse_epoll_ready(&r);                // last in each turn: runs wakes and time-outs
 *     }
 *     rouse_epoll_close(&r);                    // no waiter is left on it
 *
 * Every function runs on the loop's thread. Call rouse_epoll_ready last, because a wake may free what an
 * event of the same turn points to. It costs a load when nothing has happened. Deadlines are on
 * CLOCK_MONOTONIC (rouse_epoll_now); a time-out runs at most a millisecond late.
 *
 * After fork the child has neither the mailbox's waiters nor a loop: it must not use r. */
#ifndef ROUSE_LOOP_EPOLL_H
#define ROUSE_LOOP_EPOLL_H

#include "../deadline.h"
#include "../detail/base/atomic.h"
#include "../detail/base/time.h"
#include "../detail/loop/eventfd.h"
#include "../detail/loop/timeout.h"
#include "../mailbox.h"

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <unistd.h>

typedef struct rouse_epoll {
    rouse_mailbox mailbox_;
    rouse_deadlines deadlines_;
    rouse_atomic_u32_ kicked_; /* the eventfd may hold something */
    int epfd_;
    int eventfd_;
} rouse_epoll;

/* Now, in nanoseconds, on the clock of this loop's deadlines. */
ROUSE_INLINE_ uint64_t rouse_epoll_now(void) {
    return rouse_time_now_();
}
ROUSE_INLINE_ rouse_mailbox *rouse_epoll_mailbox(rouse_epoll *r) {
    return &r->mailbox_;
}
ROUSE_INLINE_ rouse_deadlines *rouse_epoll_deadlines(rouse_epoll *r) {
    return &r->deadlines_;
}

ROUSE_INLINE_ void rouse_epoll_kick_(void *arg) {
    rouse_epoll *const r = (rouse_epoll *)arg;
    rouse_eventfd_set_(r->eventfd_);
    /* Relaxed, after the write: the flag only spares rouse_epoll_ready a read in quiet turns. A turn that
     * comes in between finds the event again in the next epoll_wait. */
    rouse_u32_store_relaxed_(&r->kicked_, 1);
}

/* Puts rouse on the epoll instance, with an event whose data.ptr is r. Returns 0, or -1 with errno: then
 * nothing is left on epfd. */
ROUSE_INLINE_ int rouse_epoll_init(rouse_epoll *r, int epfd) {
    struct epoll_event event;
    event.events = EPOLLIN;
    event.data.ptr = r;
    r->epfd_ = epfd;
    r->eventfd_ = rouse_eventfd_new_();
    if (r->eventfd_ < 0) {
        return -1;
    }
    if (epoll_ctl(epfd, EPOLL_CTL_ADD, r->eventfd_, &event) != 0) {
        const int error = errno;
        (void)close(r->eventfd_);
        errno = error;
        return -1;
    }
    rouse_u32_init_(&r->kicked_, 0);
    rouse_mailbox_init(&r->mailbox_, rouse_epoll_kick_, r);
    rouse_deadlines_init(&r->deadlines_);
    return 0;
}

/* Returns how long epoll_wait may sleep: milliseconds until the next deadline, rounded up; 0: one is due; -1:
 * there is none. */
ROUSE_INLINE_ int rouse_epoll_timeout_ms(rouse_epoll *r) {
    return rouse_timeout_ms_(&r->deadlines_, rouse_epoll_now());
}

/* Runs the wakes that have arrived and the time-outs that are due. Once a turn, after epoll_wait. */
ROUSE_INLINE_ void rouse_epoll_ready(rouse_epoll *r) {
    /* Relaxed, both: the drain orders what was posted. First the flag and the read, then the drain: a kick
     * from here on makes the next epoll_wait return, or leaves the flag up for the next turn. */
    if (rouse_u32_load_relaxed_(&r->kicked_) != 0) {
        rouse_u32_store_relaxed_(&r->kicked_, 0);
        rouse_eventfd_clear_(r->eventfd_);
        (void)rouse_mailbox_drain(&r->mailbox_);
    }
    if (rouse_deadlines_next(&r->deadlines_) != UINT64_MAX) {
        (void)rouse_deadlines_run(&r->deadlines_, rouse_epoll_now());
    }
}

/* Takes rouse off the epoll instance. Requires that no waiter and no deadline is left on r. Not inside a wake
 * that rouse_epoll_ready runs: set a flag there, and close when it has returned. */
ROUSE_INLINE_ void rouse_epoll_close(rouse_epoll *r) {
    rouse_mailbox_destroy(&r->mailbox_); /* waits for a kick in progress: nobody writes from here on */
    (void)epoll_ctl(r->epfd_, EPOLL_CTL_DEL, r->eventfd_, NULL);
    (void)close(r->eventfd_);
}

#endif /* ROUSE_LOOP_EPOLL_H */
