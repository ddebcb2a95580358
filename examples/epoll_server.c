/* examples/epoll_server.c: a server on epoll and an eventfd, no library. What it does: common/service.h. */
#define _GNU_SOURCE
#include "common/timers.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

typedef struct connection {
    timed_client timed; /* first: a client is its connection */
    int fd;
} connection;

static int epoll_fd, listen_fd, kick_fd, signal_fd;

/* snippet: set-up */
/* Before the mailbox is initialised. NONBLOCK: a read that finds no kick must not stop the loop. */
static bool prepare_kick(void) {
    kick_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    return kick_fd >= 0;
}
/* end snippet */

static bool watch(int fd, void *what) {
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = what};
    return epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event) == 0;
}

/* snippet: kick */
/* On any thread: makes epoll_wait return on the loop's thread. */
void loop_kick(void *unused) {
    const uint64_t one = 1;
    (void)unused;
    while (write(kick_fd, &one, sizeof one) < 0 && errno == EINTR) {
    }
}

static void on_kick(void) {
    uint64_t kicks;
    while (read(kick_fd, &kicks, sizeof kicks) < 0 && errno == EINTR) {
    }
    rouse_mailbox_drain(&service_mailbox); /* after the read: a kick that comes now is seen next time */
}
/* end snippet */

bool loop_send(client *c, const char *answer, size_t length) {
    return send(((connection *)c)->fd, answer, length, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)length;
}

void loop_close(client *c) {
    close(((connection *)c)->fd);
    free(c);
}

static void on_readable(connection *it) {
    char bytes[512];
    const ssize_t got = recv(it->fd, bytes, sizeof bytes, MSG_DONTWAIT);
    if (got > 0) {
        service_arrived(&it->timed.client, bytes, (size_t)got);
    } else if (got == 0 || (errno != EAGAIN && errno != EINTR)) {
        epoll_ctl(epoll_fd, EPOLL_CTL_DEL, it->fd, NULL);
        service_gone(&it->timed.client);
    }
}

static void on_accept(void) {
    int fd;
    while ((fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC)) >= 0) {
        connection *it = calloc(1, sizeof *it);
        if (it == NULL || !service_add(&it->timed.client)) {
            free(it);
            close(fd);
            continue;
        }
        it->fd = fd;
        if (!watch(fd, it)) {
            service_gone(&it->timed.client);
        }
    }
}

/* snippet: loop */
static void run(void) {
    struct epoll_event events[64];
    bool stopping = false;
    while (!service_is_over()) {
        const int count = epoll_wait(epoll_fd, events, 64, timers_run());
        bool kicked = false;
        bool terminated = false;
        for (int i = 0; i < count; i++) {
            void *what = events[i].data.ptr;
            if (what == &listen_fd) {
                on_accept();
            } else if (what == &kick_fd) {
                kicked = true;
            } else if (what == &signal_fd) {
                terminated = true;
            } else {
                on_readable(what);
            }
        }
        if (kicked) {
            on_kick(); /* last: it may free connections that are in `events` */
        }
        if (terminated && !stopping) {
            stopping = true;
            close(listen_fd);
            service_shut_down();
        }
    }
}
/* end snippet */

int main(int argc, char **argv) {
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigprocmask(SIG_BLOCK, &signals, NULL); /* before the backend's threads, so that it comes to signal_fd */
    epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    signal_fd = signalfd(-1, &signals, SFD_CLOEXEC);
    if (!prepare_kick() || !watch(kick_fd, &kick_fd) || !watch(signal_fd, &signal_fd) ||
        !service_start(argc, argv) || (listen_fd = server_listen()) < 0 || !watch(listen_fd, &listen_fd)) {
        perror("epoll_server");
        return 1;
    }
    run();
    service_stop();
    close(signal_fd);
    close(kick_fd);
    close(epoll_fd);
    return 0;
}
