/* examples/uring_server.c: a server on io_uring. What it does: common/service.h.
 * Exit status 77, with a message: the kernel has no io_uring, or does not let this process use it. */
#include "common/sockets.h"

#include <rouse/loop/uring.h>

#include <stdio.h>
#include <string.h>

static rouse_uring r;
static struct io_uring ring;

uint64_t loop_now(void) {
    return rouse_uring_now();
}

static void watch(int fd, void *what) {
    struct io_uring_sqe *sqe;
    while ((sqe = io_uring_get_sqe(&ring)) == NULL) {
        io_uring_submit(&ring);
    }
    io_uring_prep_poll_add(sqe, fd, POLLIN);
    io_uring_sqe_set_data(sqe, what);
}

/* A connection has two users, the service and its poll; the second to leave frees it. */
void loop_close(client *c) {
    connection *const it = (connection *)c;
    shutdown(it->fd, SHUT_RDWR); /* completes the poll */
    if (--it->users == 0) {
        sockets_free(it);
    }
}

static void on_readable(connection *it) {
    if (connection_readable(it)) {
        watch(it->fd, it);
    } else {
        service_gone(&it->client);
        loop_close(&it->client); /* the poll leaves */
    }
}

static void on_acceptable(void) {
    connection *const it = sockets_accept();
    if (it != NULL) {
        it->users = 2;
        watch(it->fd, it);
    }
    if (sockets_listen_fd >= 0) {
        watch(sockets_listen_fd, &sockets_listen_fd);
    }
}

int main(int argc, char **argv) {
    const int refused = io_uring_queue_init(256, &ring, 0);
    if (refused != 0) {
        printf("this kernel does not let us use io_uring: %s\n", strerror(-refused));
        return 77;
    }
    if (rouse_uring_init(&r, &ring) != 0 ||
        !sockets_start(argc, argv, rouse_uring_mailbox(&r), rouse_uring_deadlines(&r))) {
        return 1;
    }
    watch(sockets_signal_fd, &sockets_signal_fd);
    on_acceptable();
    while (!service_is_over() || sockets_open() > 0) {
        struct __kernel_timespec time;
        struct io_uring_cqe *cqe;
        bool kicked = false;
        io_uring_submit_and_wait_timeout(&ring, &cqe, 1, rouse_uring_timeout(&r, &time), NULL);
        for (; io_uring_peek_cqe(&ring, &cqe) == 0; io_uring_cqe_seen(&ring, cqe)) {
            void *const what = io_uring_cqe_get_data(cqe);
            kicked = kicked || what == &r;
            if (what == &sockets_signal_fd) {
                sockets_terminate();
            } else if (what == &sockets_listen_fd) {
                on_acceptable();
            } else if (what != &r) {
                on_readable(what);
            }
        }
        rouse_uring_ready(&r, kicked); /* last: a wake may free connections */
    }
    service_stop();
    rouse_uring_close(&r);
    io_uring_queue_exit(&ring); /* ends what is still under way */
    return 0;
}
