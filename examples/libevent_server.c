/* examples/libevent_server.c: a server on libevent. What it does: common/service.h. */
#include "common/service.h"

#include <arpa/inet.h>
#include <errno.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <event2/thread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

typedef struct connection {
    client client; /* first: a client is its connection */
    int fd;
    struct event *readable, *timer;
} connection;

static struct event_base *base;
static struct event *kicked, *terminate;
static struct evconnlistener *listener;

/* snippet: kick */
/* On any thread: needs evthread_use_pthreads() before the event base is made. */
void loop_kick(void *unused) {
    (void)unused;
    event_active(kicked, 0, 0); /* runs on_kick on the loop's thread; several may be one call */
}
/* end snippet */

/* The loop ends when no client is left. */
static void stop_if_over(void) {
    if (service_is_over()) {
        event_base_loopbreak(base);
    }
}

/* snippet: on_kick */
static void on_kick(evutil_socket_t fd, short what, void *unused) {
    (void)fd;
    (void)what;
    (void)unused;
    rouse_mailbox_drain(&service_mailbox);
    stop_if_over();
}
/* end snippet */

bool loop_send(client *c, const char *answer, size_t length) {
    return send(((connection *)c)->fd, answer, length, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)length;
}

static void on_timer(evutil_socket_t fd, short what, void *c) {
    (void)fd;
    (void)what;
    service_timed_out(c);
    stop_if_over();
}

void loop_start_timer(client *c, unsigned ms) {
    const struct timeval after = {(time_t)(ms / 1000), (suseconds_t)(ms % 1000) * 1000};
    evtimer_add(((connection *)c)->timer, &after);
}

void loop_stop_timer(client *c) {
    evtimer_del(((connection *)c)->timer);
}

static void free_connection(connection *it) {
    if (it->readable != NULL) {
        event_free(it->readable);
    }
    if (it->timer != NULL) {
        event_free(it->timer);
    }
    close(it->fd);
    free(it);
}

void loop_close(client *c) {
    free_connection((connection *)c);
}

static void on_readable(evutil_socket_t fd, short what, void *data) {
    connection *it = data;
    char bytes[512];
    const ssize_t got = recv(fd, bytes, sizeof bytes, MSG_DONTWAIT);
    (void)what;
    if (got > 0) {
        service_arrived(&it->client, bytes, (size_t)got);
    } else if (got == 0 || (errno != EAGAIN && errno != EINTR)) {
        event_del(it->readable);
        service_gone(&it->client);
    }
    stop_if_over();
}

static void on_connection(struct evconnlistener *from, evutil_socket_t fd, struct sockaddr *address,
                          int length, void *unused) {
    connection *it = calloc(1, sizeof *it);
    (void)from;
    (void)address;
    (void)length;
    (void)unused;
    if (it == NULL) {
        close(fd);
        return;
    }
    it->fd = fd;
    it->readable = event_new(base, fd, EV_READ | EV_PERSIST, on_readable, it);
    it->timer = evtimer_new(base, on_timer, it);
    if (it->readable == NULL || it->timer == NULL || !service_add(&it->client)) {
        free_connection(it);
    } else if (event_add(it->readable, NULL) != 0) {
        service_gone(&it->client);
    }
}

static void on_terminate(evutil_socket_t number, short what, void *unused) {
    (void)number;
    (void)what;
    (void)unused;
    event_del(terminate);
    evconnlistener_free(listener);
    service_shut_down();
    stop_if_over();
}

static bool start_listening(void) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    listener =
        evconnlistener_new_bind(base, on_connection, NULL, LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, 128,
                                (const struct sockaddr *)&address, (int)length);
    if (listener == NULL ||
        getsockname(evconnlistener_get_fd(listener), (struct sockaddr *)&address, &length) != 0) {
        return false;
    }
    server_announce(ntohs(address.sin_port));
    return true;
}

int main(int argc, char **argv) {
    evthread_use_pthreads(); /* event_active is called on the backend's threads */
    base = event_base_new();
    kicked = event_new(base, -1, EV_PERSIST, on_kick, NULL);
    terminate = evsignal_new(base, SIGTERM, on_terminate, NULL);
    if (kicked == NULL || terminate == NULL || event_add(terminate, NULL) != 0 ||
        !service_start(argc, argv) || !start_listening()) {
        fprintf(stderr, "libevent_server: cannot start\n");
        return 1;
    }
    event_base_loop(base, EVLOOP_NO_EXIT_ON_EMPTY);
    service_stop(); /* nobody activates `kicked` from here on */
    event_free(kicked);
    event_free(terminate);
    event_base_free(base);
    libevent_global_shutdown();
    return 0;
}
