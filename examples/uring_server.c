/* examples/uring_server.c: a server on io_uring. What it does: common/service.h.
 * Exit status 77, with a message: the kernel has no io_uring, or does not let this process use it. */
#define _GNU_SOURCE
#include "common/sockets.h"

#include <rouse/loop/uring.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

typedef struct watched {
    connection connection; /* first */
    bool polling, closed;  /* freed when the ring has let go of it */
} watched;

static rouse_uring r;
static struct io_uring ring;
static int listen_fd, signal_fd;
static unsigned polls; /* of clients, under way */
static bool stopping;

uint64_t loop_now(void) {
    return rouse_uring_now();
}

static void watch(int fd, void *what) {
    struct io_uring_sqe *sqe;
    while ((sqe = io_uring_get_sqe(&ring)) == NULL) {
        io_uring_submit(&ring);
    }
    if (fd >= 0) {
        io_uring_prep_poll_add(sqe, fd, POLLIN);
        io_uring_sqe_set_data(sqe, what);
    } else {
        io_uring_prep_cancel(sqe, what, 0);
        io_uring_sqe_set_data(sqe, NULL); /* nobody waits for the completion of the cancel itself */
    }
}

static void watch_client(watched *it) {
    polls++;
    it->polling = true;
    watch(it->connection.fd, it);
}

void loop_close(client *c) {
    watched *const it = (watched *)c;
    it->closed = true;
    close(it->connection.fd);
    if (it->polling) {
        watch(-1, it);
    } else {
        free(it);
    }
}

static void on_accept(void) {
    const int fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC);
    watched *const it = fd < 0 ? NULL : calloc(1, sizeof *it);
    if (it != NULL && service_add(&it->connection.client)) {
        it->connection.fd = fd;
        watch_client(it);
    } else if (fd >= 0) {
        free(it);
        close(fd);
    }
    if (!stopping) {
        watch(listen_fd, &listen_fd);
    }
}

static void on_readable(watched *it) {
    polls--;
    it->polling = false;
    if (it->closed) {
        free(it);
        return;
    }
    watch_client(it); /* first, so that loop_close finds what it must cancel */
    if (!connection_readable(&it->connection)) {
        service_gone(&it->connection.client);
    }
}

static void run(void) {
    while (!service_is_over() || polls > 0) {
        struct __kernel_timespec time;
        struct io_uring_cqe *cqe;
        bool kicked = false;
        io_uring_submit_and_wait_timeout(&ring, &cqe, 1, rouse_uring_timeout(&r, &time), NULL);
        while (io_uring_peek_cqe(&ring, &cqe) == 0) {
            void *const what = io_uring_cqe_get_data(cqe);
            kicked = kicked || what == &r;
            io_uring_cqe_seen(&ring, cqe);
            if (what == &listen_fd && !stopping) {
                on_accept();
            } else if (what == &signal_fd) {
                stopping = true;
                shutdown(listen_fd, SHUT_RDWR); /* its poll, still under way, would keep it open */
                close(listen_fd);
                service_shut_down();
            } else if (what != NULL && what != &r && what != &listen_fd) {
                on_readable(what);
            }
        }
        rouse_uring_ready(&r, kicked); /* last: a wake may free connections */
    }
}

int main(int argc, char **argv) {
    const int refused = io_uring_queue_init(256, &ring, 0);
    if (refused != 0) {
        printf("this kernel does not let us use io_uring: %s\n", strerror(-refused));
        return 77;
    }
    signal_fd = terminate_fd();
    if (rouse_uring_init(&r, &ring) != 0 ||
        !service_start(argc, argv, rouse_uring_mailbox(&r), rouse_uring_deadlines(&r)) ||
        (listen_fd = server_listen()) < 0) {
        return 1;
    }
    watch(signal_fd, &signal_fd);
    watch(listen_fd, &listen_fd);
    run();
    service_stop();
    rouse_uring_close(&r);
    io_uring_queue_exit(&ring); /* ends what is still under way */
    return 0;
}
