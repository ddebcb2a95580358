/* examples/own_loop.h: rouse on a loop of your own, with poll(2) and a pipe. To copy and change.
 *
 *     own_loop_init(&loop);                    // once, on the loop's thread
 *     for (;;) {
 *         fds[0] = own_loop_pollfd(&loop);     // your descriptors are in fds[1], fds[2], ...
 *         poll(fds, count, own_loop_sleep_ms(&loop));
 *         ...                                  // your descriptors
 *         own_loop_ready(&loop, &fds[0]);      // last in each turn: runs wakes and time-outs
 *     }
 *     own_loop_destroy(&loop);                 // no waiter and no deadline is left on it
 *
 * Other threads call nothing here. They release, send, set or post, and the mailbox calls own_loop_kick. */
#ifndef OWN_LOOP_H
#define OWN_LOOP_H

#include <rouse/deadline.h>
#include <rouse/mailbox.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <time.h>
#include <unistd.h>

/* snippet: own-loop */
typedef struct own_loop {
    rouse_mailbox mailbox;
    rouse_deadlines deadlines;
    int kicks[2]; /* a pipe: whoever posts to the empty mailbox writes a byte */
} own_loop;

/* The clock of this loop's deadlines, in nanoseconds. */
static inline uint64_t own_loop_now(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* Any thread. A full pipe is no error: the loop will wake up anyway. */
static inline void own_loop_kick(void *loop) {
    while (write(((own_loop *)loop)->kicks[1], "", 1) < 0 && errno == EINTR) {
    }
}

/* Returns 0, or -1 with errno. */
static inline int own_loop_init(own_loop *l) {
    if (pipe(l->kicks) != 0) {
        return -1;
    }
    for (int i = 0; i < 2; i++) {
        (void)fcntl(l->kicks[i], F_SETFL, O_NONBLOCK);
        (void)fcntl(l->kicks[i], F_SETFD, FD_CLOEXEC);
    }
    rouse_mailbox_init(&l->mailbox, own_loop_kick, l);
    rouse_deadlines_init(&l->deadlines);
    return 0;
}

/* How long poll may sleep: milliseconds to the first deadline, rounded up; -1: there is none. */
static inline int own_loop_sleep_ms(const own_loop *l) {
    const uint64_t next = rouse_deadlines_next(&l->deadlines), now = own_loop_now();
    const uint64_t ms = next <= now ? 0 : (next - now - 1) / 1000000u + 1;
    if (next == UINT64_MAX) {
        return -1;
    }
    return ms < INT_MAX ? (int)ms : INT_MAX;
}

static inline struct pollfd own_loop_pollfd(const own_loop *l) {
    return (struct pollfd){.fd = l->kicks[0], .events = POLLIN};
}

/* Once a turn, after poll. */
static inline void own_loop_ready(own_loop *l, const struct pollfd *fd) {
    char bytes[64];
    if (fd->revents != 0) {
        while (read(l->kicks[0], bytes, sizeof bytes) > 0) { /* first empty the pipe, */
        }
        (void)rouse_mailbox_drain(&l->mailbox); /* then drain */
    }
    (void)rouse_deadlines_run(&l->deadlines, own_loop_now());
}

/* On the loop's thread. Waits for a kick that is still running; only then is nobody left to write. */
static inline void own_loop_destroy(own_loop *l) {
    rouse_deadlines_destroy(&l->deadlines);
    rouse_mailbox_destroy(&l->mailbox);
    (void)close(l->kicks[0]);
    (void)close(l->kicks[1]);
}
/* end snippet */

#endif /* OWN_LOOP_H */
