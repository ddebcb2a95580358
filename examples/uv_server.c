/* examples/uv_server.c: a server on libuv. What it does: common/service.h. */
#include "common/service.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <uv.h>

typedef struct connection {
    client client; /* first: a client is its connection */
    uv_tcp_t socket;
    uv_timer_t timer;
    unsigned open_handles;
} connection;

static uv_loop_t loop;
static uv_async_t async;
static uv_signal_t terminate;
static uv_tcp_t listener;

/* snippet: kick */
/* On any thread: runs on_kick on the loop's thread. Ten sends may be one call: drain takes all. */
void loop_kick(void *unused) {
    (void)unused;
    uv_async_send(&async);
}

static void on_kick(uv_async_t *handle) {
    (void)handle;
    rouse_mailbox_drain(&service_mailbox);
}
/* end snippet */

bool loop_send(client *c, const char *answer, size_t length) {
    const uv_buf_t buffer = uv_buf_init((char *)answer, (unsigned)length);
    return uv_try_write((uv_stream_t *)&((connection *)c)->socket, &buffer, 1) == (int)length;
}

static void on_timer(uv_timer_t *timer) {
    service_timed_out(timer->data);
}

void loop_start_timer(client *c, unsigned ms) {
    uv_update_time(&loop);
    uv_timer_start(&((connection *)c)->timer, on_timer, ms, 0);
}

void loop_stop_timer(client *c) {
    uv_timer_stop(&((connection *)c)->timer);
}

static void on_closed(uv_handle_t *handle) {
    connection *it = handle->data;
    if (--it->open_handles == 0) {
        free(it);
    }
}

void loop_close(client *c) {
    connection *it = (connection *)c;
    uv_close((uv_handle_t *)&it->socket, on_closed);
    uv_close((uv_handle_t *)&it->timer, on_closed);
}

static void on_space(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer) {
    static char bytes[512]; /* on_read follows at once, so one is enough */
    (void)handle;
    (void)suggested;
    *buffer = uv_buf_init(bytes, sizeof bytes);
}

static void on_read(uv_stream_t *stream, ssize_t count, const uv_buf_t *buffer) {
    if (count > 0) {
        service_arrived(stream->data, buffer->base, (size_t)count);
    } else if (count < 0) {
        uv_read_stop(stream);
        service_gone(stream->data);
    }
}

static void on_connection(uv_stream_t *server, int status) {
    connection *it = status == 0 ? calloc(1, sizeof *it) : NULL;
    if (it == NULL) {
        return;
    }
    uv_tcp_init(&loop, &it->socket);
    uv_timer_init(&loop, &it->timer);
    it->open_handles = 2;
    it->socket.data = it;
    it->timer.data = it;
    if (uv_accept(server, (uv_stream_t *)&it->socket) != 0 || !service_add(&it->client)) {
        loop_close(&it->client);
    } else {
        uv_read_start((uv_stream_t *)&it->socket, on_space, on_read);
    }
}

static void on_terminate(uv_signal_t *handle, int number) {
    (void)number;
    uv_signal_stop(handle);
    uv_close((uv_handle_t *)&listener, NULL);
    service_shut_down();
}

/* Before the loop waits for events: when no client is left, closes the handles that keep it running. */
static void on_prepare(uv_prepare_t *handle) {
    if (service_is_over()) {
        service_stop(); /* nobody sends to `async` from here on */
        uv_close((uv_handle_t *)&async, NULL);
        uv_close((uv_handle_t *)&terminate, NULL);
        uv_close((uv_handle_t *)handle, NULL);
    }
}

static bool start_listening(void) {
    struct sockaddr_in address;
    int length = sizeof address;
    uv_ip4_addr("127.0.0.1", 0, &address);
    uv_tcp_init(&loop, &listener);
    if (uv_tcp_bind(&listener, (const struct sockaddr *)&address, 0) != 0 ||
        uv_listen((uv_stream_t *)&listener, 128, on_connection) != 0 ||
        uv_tcp_getsockname(&listener, (struct sockaddr *)&address, &length) != 0) {
        return false;
    }
    server_announce(ntohs(address.sin_port));
    return true;
}

int main(int argc, char **argv) {
    static uv_prepare_t prepare;
    signal(SIGPIPE, SIG_IGN); /* libuv writes without MSG_NOSIGNAL */
    uv_loop_init(&loop);
    uv_async_init(&loop, &async, on_kick); /* before anything that may kick */
    uv_signal_init(&loop, &terminate);
    uv_prepare_init(&loop, &prepare);
    uv_signal_start(&terminate, on_terminate, SIGTERM);
    uv_prepare_start(&prepare, on_prepare);
    if (!service_start(argc, argv) || !start_listening()) {
        fprintf(stderr, "uv_server: cannot start\n");
        return 1;
    }
    uv_run(&loop, UV_RUN_DEFAULT);
    uv_loop_close(&loop);
    return 0;
}
