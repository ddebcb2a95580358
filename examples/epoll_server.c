/* examples/epoll_server.c: a server on epoll. What it does: common/service.h. */
#define _GNU_SOURCE
#include "common/sockets.h"

#include <rouse/loop/epoll.h>

#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

static rouse_epoll r;
static int epoll_fd, listen_fd, signal_fd;

uint64_t loop_now(void) {
    return rouse_epoll_now();
}

void loop_close(client *c) {
    close(((connection *)c)->fd);
    free(c);
}

static bool watch(int fd, void *what) {
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = what};
    return epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event) == 0;
}

static void on_accept(void) {
    int fd;
    while ((fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC)) >= 0) {
        connection *const it = connection_new(fd);
        if (it != NULL && !watch(fd, it)) {
            service_gone(&it->client);
        }
    }
}

static void on_readable(connection *it) {
    const int fd = it->fd; /* the service may free it */
    if (!connection_readable(it)) {
        epoll_ctl(epoll_fd, EPOLL_CTL_DEL, fd, NULL);
        service_gone(&it->client);
    }
}

static void run(void) {
    struct epoll_event events[64];
    bool stopping = false;
    while (!service_is_over()) {
        const int count = epoll_wait(epoll_fd, events, 64, rouse_epoll_timeout_ms(&r));
        bool terminated = false;
        for (int i = 0; i < count; i++) {
            void *const what = events[i].data.ptr;
            if (what == &listen_fd) {
                on_accept();
            } else if (what == &signal_fd) {
                terminated = true;
            } else if (what != &r) {
                on_readable(what);
            }
        }
        rouse_epoll_ready(&r); /* last: a wake may free connections that are in `events` */
        if (terminated && !stopping) {
            stopping = true;
            close(listen_fd);
            service_shut_down();
        }
    }
}

int main(int argc, char **argv) {
    signal_fd = terminate_fd();
    epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (rouse_epoll_init(&r, epoll_fd) != 0 || !watch(signal_fd, &signal_fd) ||
        !service_start(argc, argv, rouse_epoll_mailbox(&r), rouse_epoll_deadlines(&r)) ||
        (listen_fd = server_listen()) < 0 || !watch(listen_fd, &listen_fd)) {
        perror("epoll_server");
        return 1;
    }
    run();
    service_stop();
    rouse_epoll_close(&r);
    close(signal_fd);
    close(epoll_fd);
    return 0;
}
