/* examples/uv_server.c: a server on libuv. What it does: common/service.h. */
#include "common/service.h"

#include <rouse/loop/uv.h>

#include <signal.h>
#include <stdlib.h>

typedef struct connection {
    client client; /* first: a client is its connection */
    uv_tcp_t socket;
} connection;

static rouse_uv r;
static uv_signal_t terminate;
static uv_tcp_t listener;

uint64_t loop_now(void) {
    return rouse_uv_now();
}

bool loop_send(client *c, const char *answer, size_t length) {
    const uv_buf_t buffer = uv_buf_init((char *)answer, (unsigned)length);
    return uv_try_write((uv_stream_t *)&((connection *)c)->socket, &buffer, 1) == (int)length;
}

/* When the last client is closed, closes the handles that keep the loop running. */
static void on_closed(uv_handle_t *handle) {
    free(handle->data); /* the listener has none */
    if (service_is_over() && !uv_is_closing((uv_handle_t *)&terminate)) {
        service_stop();
        rouse_uv_close(&r, NULL);
        uv_close((uv_handle_t *)&terminate, NULL);
    }
}

void loop_close(client *c) {
    uv_close((uv_handle_t *)&((connection *)c)->socket, on_closed);
}

static void on_space(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer) {
    static char bytes[512]; /* on_read follows at once, so one is enough */
    (void)handle, (void)suggested;
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
    connection *const it = status == 0 ? calloc(1, sizeof *it) : NULL;
    if (it != NULL) {
        uv_tcp_init(server->loop, &it->socket);
        it->socket.data = it;
        if (uv_accept(server, (uv_stream_t *)&it->socket) != 0 || !service_add(&it->client)) {
            loop_close(&it->client);
        } else {
            uv_read_start((uv_stream_t *)&it->socket, on_space, on_read);
        }
    }
}

static void on_terminate(uv_signal_t *handle, int number) {
    (void)handle, (void)number;
    uv_close((uv_handle_t *)&listener, on_closed);
    service_shut_down();
}

int main(int argc, char **argv) {
    uv_loop_t *const loop = uv_default_loop();
    signal(SIGPIPE, SIG_IGN); /* libuv writes without MSG_NOSIGNAL */
    uv_signal_init(loop, &terminate);
    uv_signal_start_oneshot(&terminate, on_terminate, SIGTERM);
    uv_tcp_init(loop, &listener);
    if (rouse_uv_init(loop, &r) != 0 ||
        !service_start(argc, argv, rouse_uv_mailbox(&r), rouse_uv_deadlines(&r)) ||
        uv_tcp_open(&listener, server_listen()) != 0 ||
        uv_listen((uv_stream_t *)&listener, 128, on_connection) != 0) {
        return 1;
    }
    uv_run(loop, UV_RUN_DEFAULT);
    return uv_loop_close(loop);
}
