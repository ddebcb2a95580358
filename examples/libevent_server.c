/* examples/libevent_server.c: a server on libevent. What it does: common/service.h. */
#include "common/sockets.h"

#include <rouse/loop/event.h>

#include <event2/listener.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

typedef struct watched {
    connection connection; /* first */
    struct event *readable;
} watched;

static rouse_libevent r;
static struct event_base *base;
static struct event *terminate;
static struct evconnlistener *listener;

uint64_t loop_now(void) {
    return rouse_libevent_now();
}

void loop_close(client *c) {
    event_free(((watched *)c)->readable);
    close(((connection *)c)->fd);
    free(c);
}

static void on_readable(evutil_socket_t fd, short what, void *data) {
    watched *const it = data;
    (void)fd;
    (void)what;
    if (!connection_readable(&it->connection)) {
        event_del(it->readable);
        service_gone(&it->connection.client);
    }
}

static void on_connection(struct evconnlistener *from, evutil_socket_t fd, struct sockaddr *address,
                          int length, void *unused) {
    watched *const it = calloc(1, sizeof *it);
    (void)from, (void)address, (void)length, (void)unused;
    if (it == NULL || (it->readable = event_new(base, fd, EV_READ | EV_PERSIST, on_readable, it)) == NULL) {
        free(it);
        close(fd);
        return;
    }
    it->connection.fd = fd;
    if (!service_add(&it->connection.client)) {
        loop_close(&it->connection.client);
    } else if (event_add(it->readable, NULL) != 0) {
        service_gone(&it->connection.client);
    }
}

static void on_terminate(evutil_socket_t number, short what, void *unused) {
    (void)number, (void)what, (void)unused;
    event_del(terminate);
    evconnlistener_free(listener);
    service_shut_down();
}

int main(int argc, char **argv) {
    evthread_use_pthreads(); /* before event_base_new: the backend's threads wake the base */
    base = event_base_new();
    terminate = evsignal_new(base, SIGTERM, on_terminate, NULL);
    if (terminate == NULL || event_add(terminate, NULL) != 0 || rouse_libevent_init(&r, base) != 0 ||
        !service_start(argc, argv, rouse_libevent_mailbox(&r), rouse_libevent_deadlines(&r)) ||
        (listener = evconnlistener_new(base, on_connection, NULL, LEV_OPT_CLOSE_ON_FREE, 0,
                                       server_listen())) == NULL) {
        fprintf(stderr, "libevent_server: cannot start\n");
        return 1;
    }
    while (!service_is_over()) {
        event_base_loop(base, EVLOOP_ONCE | EVLOOP_NO_EXIT_ON_EMPTY);
    }
    service_stop();
    rouse_libevent_close(&r);
    event_free(terminate);
    event_base_free(base);
    libevent_global_shutdown();
    return 0;
}
