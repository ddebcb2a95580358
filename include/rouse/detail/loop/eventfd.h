/* rouse/detail/loop/eventfd.h: the eventfd by which a mailbox wakes epoll and io_uring. Internal. */
#ifndef ROUSE_DETAIL_LOOP_EVENTFD_H
#define ROUSE_DETAIL_LOOP_EVENTFD_H

#include "../../config.h"
#include "../base/platform.h"

#include <errno.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* Returns a new one, or -1 with errno. */
ROUSE_INLINE_ int rouse_eventfd_new_(void) {
    return eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
}

/* Makes it readable. Any thread. */
ROUSE_INLINE_ void rouse_eventfd_set_(int fd) {
    const uint64_t one = 1;
    while (write(fd, &one, sizeof one) < 0 && errno == EINTR) {
    }
}

/* Makes it unreadable, until it is set again. */
ROUSE_INLINE_ void rouse_eventfd_clear_(int fd) {
    uint64_t count;
    while (read(fd, &count, sizeof count) < 0 && errno == EINTR) {
    }
}

#endif /* ROUSE_DETAIL_LOOP_EVENTFD_H */
