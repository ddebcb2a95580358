/* examples/uring_server.c: a server on io_uring. What it does: common/service.h.
 * Exit status 77, with a message: the kernel has no io_uring, or does not let this process use it. */
#define _GNU_SOURCE
#include "common/timers.h"

#include <errno.h>
#include <fcntl.h>
#include <liburing.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

/* An operation under way: its completion runs on_done(op, result). */
typedef struct operation {
    void (*on_done)(struct operation *op, int result);
    bool under_way;
} operation;

typedef struct connection {
    timed_client timed; /* first: a client is its connection */
    operation receive;  /* into `bytes`                      */
    int fd;
    bool closed;
    char bytes[512];
} connection;

static struct io_uring ring;
static int listen_fd, kick_fd, signal_fd;
static uint64_t kicks;
static struct signalfd_siginfo signal_info;
static unsigned connections;
static bool stopping; /* SIGTERM has come */
static operation accepting, kicked, terminated;

static struct io_uring_sqe *submission(void) {
    struct io_uring_sqe *sqe;
    while ((sqe = io_uring_get_sqe(&ring)) == NULL) {
        io_uring_submit(&ring);
    }
    return sqe;
}

static void start(operation *op, struct io_uring_sqe *sqe) {
    op->under_way = true;
    io_uring_sqe_set_data(sqe, op);
}

static void start_read(operation *op, int fd, void *buffer, unsigned size) {
    struct io_uring_sqe *sqe = submission();
    io_uring_prep_read(sqe, fd, buffer, size, 0);
    start(op, sqe);
}

static void cancel(operation *op) {
    if (op->under_way) {
        struct io_uring_sqe *sqe = submission();
        io_uring_prep_cancel(sqe, op, 0);
        io_uring_sqe_set_data(sqe, NULL); /* nobody waits for the completion of the cancel itself */
    }
}

/* snippet: kick */
/* On any thread: completes the ring's read of the eventfd. */
void loop_kick(void *unused) {
    const uint64_t one = 1;
    (void)unused;
    while (write(kick_fd, &one, sizeof one) < 0 && errno == EINTR) {
    }
}

static void on_kicked(operation *op, int result) {
    (void)result;
    start_read(op, kick_fd, &kicks, sizeof kicks);
    rouse_mailbox_drain(&service_mailbox);
}
/* end snippet */

bool loop_send(client *c, const char *answer, size_t length) {
    return send(((connection *)c)->fd, answer, length, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)length;
}

/* The kernel may write to a connection until its operation is done. */
static void free_if_done(connection *it) {
    if (it->closed && !it->receive.under_way) {
        close(it->fd);
        free(it);
        connections--;
    }
}

void loop_close(client *c) {
    connection *it = (connection *)c;
    it->closed = true;
    cancel(&it->receive);
    free_if_done(it);
}

static void on_received(operation *op, int result) {
    connection *it = (connection *)(void *)((char *)op - offsetof(connection, receive));
    char bytes[sizeof it->bytes];
    if (it->closed) {
        free_if_done(it);
    } else if (result > 0) {
        memcpy(bytes, it->bytes, (size_t)result);
        /* Reads on first, so that loop_close finds what it must cancel. */
        start_read(&it->receive, it->fd, it->bytes, sizeof it->bytes);
        service_arrived(&it->timed.client, bytes, (size_t)result);
    } else if (result == -EINTR || result == -EAGAIN) {
        start_read(&it->receive, it->fd, it->bytes, sizeof it->bytes);
    } else {
        service_gone(&it->timed.client);
    }
}

static void await_connection(operation *op) {
    struct io_uring_sqe *sqe = submission();
    io_uring_prep_accept(sqe, listen_fd, NULL, NULL, SOCK_CLOEXEC);
    start(op, sqe);
}

static void on_accepted(operation *op, int fd) {
    if (fd >= 0 && stopping) {
        close(fd);
    } else if (fd >= 0) {
        connection *it = calloc(1, sizeof *it);
        if (it != NULL && service_add(&it->timed.client)) {
            connections++;
            it->fd = fd;
            it->receive.on_done = on_received;
            start_read(&it->receive, it->fd, it->bytes, sizeof it->bytes);
        } else {
            free(it);
            close(fd);
        }
    }
    if (!stopping) {
        await_connection(op);
    }
}

static void on_terminated(operation *op, int result) {
    (void)op, (void)result;
    stopping = true;
    shutdown(listen_fd, SHUT_RDWR); /* ends the accept under way; who comes now is refused */
    service_shut_down();
}

/* snippet: loop */
static void run(void) {
    while (!service_is_over() || connections > 0) {
        const int ms = timers_run();
        struct __kernel_timespec wait = {ms / 1000, (long long)(ms % 1000) * 1000000};
        struct io_uring_cqe *cqe;
        io_uring_submit_and_wait_timeout(&ring, &cqe, 1, ms < 0 ? NULL : &wait, NULL);
        while (io_uring_peek_cqe(&ring, &cqe) == 0) {
            operation *op = io_uring_cqe_get_data(cqe);
            const int result = cqe->res;
            io_uring_cqe_seen(&ring, cqe);
            if (op != NULL) {
                op->under_way = false;
                op->on_done(op, result);
            }
        }
    }
}
/* end snippet */

int main(int argc, char **argv) {
    sigset_t signals;
    const int refused = io_uring_queue_init(256, &ring, 0);
    if (refused != 0) {
        printf("this kernel does not let us use io_uring: %s\n", strerror(-refused));
        return 77;
    }
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigprocmask(SIG_BLOCK, &signals, NULL); /* before the backend's threads, so that it comes to signal_fd */
    kick_fd = eventfd(0, EFD_CLOEXEC);      /* not EFD_NONBLOCK: the ring's read is to wait for a kick */
    signal_fd = signalfd(-1, &signals, SFD_CLOEXEC);
    if (kick_fd < 0 || signal_fd < 0 || !service_start(argc, argv) || (listen_fd = server_listen()) < 0) {
        return 1;
    }
    fcntl(listen_fd, F_SETFL, 0); /* io_uring waits for what would block, but not on a non-blocking socket */
    accepting.on_done = on_accepted;
    kicked.on_done = on_kicked;
    terminated.on_done = on_terminated;
    start_read(&terminated, signal_fd, &signal_info, sizeof signal_info);
    start_read(&kicked, kick_fd, &kicks, sizeof kicks);
    await_connection(&accepting);
    run();
    service_stop();
    io_uring_queue_exit(&ring);
    return 0;
}
