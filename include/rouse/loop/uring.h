/* rouse/loop/uring.h: rouse on an io_uring: a mailbox, its eventfd and deadlines in one object.
 *
 *     static rouse_uring r;
 *     rouse_uring_init(&r, &ring);                                        // once a ring
 *     rouse_waiter_init_on(&task->waiter, rouse_uring_mailbox(&r), wake, task);
 *     for (;;) {
 *         struct __kernel_timespec time;
 *         io_uring_submit_and_wait_timeout(&ring, &cqe, 1, rouse_uring_timeout(&r, &time), NULL);
 *         ...                                   // your completions; kicked = one has the user data &r
 *         rouse_uring_ready(&r, kicked);        // last in each turn
 *     }
 *     rouse_uring_close(&r);                    // then turn the loop until rouse_uring_is_closed(&r)
 *
 * Every function runs on the ring's thread. Call rouse_uring_ready last in a turn, because a wake may free
 * what a completion of the same turn points to. Deadlines are on CLOCK_MONOTONIC, in nanoseconds
 * (rouse_uring_now). */
#ifndef ROUSE_LOOP_URING_H
#define ROUSE_LOOP_URING_H

#include "../deadline.h"
#include "../detail/base/time.h"
#include "../detail/loop/eventfd.h"
#include "../mailbox.h"

#include <errno.h>
#include <liburing.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <unistd.h>

typedef struct rouse_uring {
    rouse_mailbox mailbox_;
    rouse_deadlines deadlines_;
    struct io_uring *ring_;
    int eventfd_; /* -1: closing */
    bool closed_;
} rouse_uring;

/* Now, in nanoseconds, on the clock of this loop's deadlines. */
ROUSE_INLINE_ uint64_t rouse_uring_now(void) {
    return rouse_time_now_();
}
ROUSE_INLINE_ rouse_mailbox *rouse_uring_mailbox(rouse_uring *r) {
    return &r->mailbox_;
}
ROUSE_INLINE_ rouse_deadlines *rouse_uring_deadlines(rouse_uring *r) {
    return &r->deadlines_;
}

ROUSE_INLINE_ void rouse_uring_kick_(void *r) {
    rouse_eventfd_set_(((rouse_uring *)r)->eventfd_);
}
/* One poll is always under way, until r is closed. */
ROUSE_INLINE_ void rouse_uring_watch_(rouse_uring *r) {
    struct io_uring_sqe *sqe;
    while ((sqe = io_uring_get_sqe(r->ring_)) == NULL) {
        (void)io_uring_submit(r->ring_);
    }
    io_uring_prep_poll_add(sqe, r->eventfd_, POLLIN);
    io_uring_sqe_set_data(sqe, r);
}

/* Puts rouse on the ring: queues a submission, which the loop's next io_uring_submit carries. Returns 0, or a
 * negative errno. */
ROUSE_INLINE_ int rouse_uring_init(rouse_uring *r, struct io_uring *ring) {
    r->ring_ = ring;
    r->closed_ = false;
    r->eventfd_ = rouse_eventfd_new_();
    if (r->eventfd_ < 0) {
        return -errno;
    }
    rouse_mailbox_init(&r->mailbox_, rouse_uring_kick_, r);
    rouse_deadlines_init(&r->deadlines_);
    rouse_uring_watch_(r);
    return 0;
}

/* Returns how long io_uring_wait_cqe_timeout may sleep, in *time; NULL: there is no deadline. */
ROUSE_INLINE_ struct __kernel_timespec *rouse_uring_timeout(rouse_uring *r, struct __kernel_timespec *time) {
    const uint64_t next = rouse_deadlines_next(&r->deadlines_);
    const uint64_t now = next == UINT64_MAX ? 0 : rouse_uring_now();
    const uint64_t left = next > now ? next - now : 0;
    time->tv_sec = (int64_t)(left / 1000000000u);
    time->tv_nsec = (long long)(left % 1000000000u);
    return next == UINT64_MAX ? NULL : time;
}

/* Runs the wakes that have arrived and the time-outs that are due. `kicked`: this turn had a completion whose
 * user data is r. */
ROUSE_INLINE_ void rouse_uring_ready(rouse_uring *r, bool kicked) {
    if (kicked && r->eventfd_ < 0) {
        r->closed_ = true;
    } else if (kicked) {
        /* First the eventfd, then the drain: a kick from here on completes the next poll. */
        rouse_eventfd_clear_(r->eventfd_);
        rouse_uring_watch_(r);
        (void)rouse_mailbox_drain(&r->mailbox_);
    }
    if (rouse_deadlines_next(&r->deadlines_) != UINT64_MAX) {
        (void)rouse_deadlines_run(&r->deadlines_, rouse_uring_now());
    }
}

/* Takes rouse off the ring: completes its poll, and the loop must still see that and call rouse_uring_ready.
 * r's memory is yours when rouse_uring_is_closed. Requires that no waiter and no deadline is left on r; not
 * inside a wake. */
ROUSE_INLINE_ void rouse_uring_close(rouse_uring *r) {
    rouse_mailbox_destroy(&r->mailbox_); /* waits for a kick in progress: from here on nobody kicks */
    rouse_uring_kick_(r);
    (void)io_uring_submit(r->ring_); /* the poll, which needs the eventfd to begin, and not to continue */
    (void)close(r->eventfd_);
    r->eventfd_ = -1;
}
ROUSE_INLINE_ bool rouse_uring_is_closed(const rouse_uring *r) {
    return r->closed_;
}

#endif /* ROUSE_LOOP_URING_H */
