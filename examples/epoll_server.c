/* examples/epoll_server.c: a server on epoll. What it does: common/service.h. */
#include "common/sockets.h"

#include <rouse/loop/epoll.h>

#include <stdio.h>

static rouse_epoll r;
static int epoll_fd;

uint64_t loop_now(void) {
    return rouse_epoll_now();
}

void loop_close(client *c) {
    sockets_free((connection *)c);
}

static bool watch(int fd, void *what) {
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = what};
    return epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event) == 0;
}

static void on_accept(void) {
    connection *const it = sockets_accept();
    if (it != NULL && !watch(it->fd, it)) {
        service_gone(&it->client);
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
    while (!service_is_over()) {
        const int count = epoll_wait(epoll_fd, events, 64, rouse_epoll_timeout_ms(&r));
        bool terminated = false;
        for (int i = 0; i < count; i++) {
            void *const what = events[i].data.ptr;
            if (what == &sockets_listen_fd) {
                on_accept();
            } else if (what == &sockets_signal_fd) {
                terminated = true;
            } else if (what != &r) {
                on_readable(what);
            }
        }
        rouse_epoll_ready(&r); /* last: a wake may free connections that are in `events` */
        if (terminated) {
            sockets_terminate();
        }
    }
}

int main(int argc, char **argv) {
    epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (rouse_epoll_init(&r, epoll_fd) != 0 ||
        !sockets_start(argc, argv, rouse_epoll_mailbox(&r), rouse_epoll_deadlines(&r)) ||
        !watch(sockets_signal_fd, &sockets_signal_fd) || !watch(sockets_listen_fd, &sockets_listen_fd)) {
        perror("epoll_server");
        return 1;
    }
    run();
    service_stop();
    rouse_epoll_close(&r);
    close(epoll_fd);
    return 0;
}
