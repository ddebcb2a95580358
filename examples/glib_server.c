/* examples/glib_server.c: a server on GLib's main loop. What it does: common/service.h. */
#define _GNU_SOURCE
#include "common/sockets.h"

#include <rouse/loop/glib.h>

#include <glib-unix.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

typedef struct watched {
    connection connection; /* first */
    guint readable;        /* the source; 0: none */
} watched;

static rouse_glib r;
static int listen_fd;
static guint accepting;

uint64_t loop_now(void) {
    return rouse_glib_now();
}

void loop_close(client *c) {
    watched *const it = (watched *)c;
    if (it->readable != 0) {
        g_source_remove(it->readable);
    }
    close(it->connection.fd);
    free(it);
}

static gboolean on_readable(gint fd, GIOCondition condition, gpointer data) {
    watched *const it = data;
    const guint source = it->readable; /* the service may free it */
    (void)fd, (void)condition;
    if (connection_readable(&it->connection)) {
        return G_SOURCE_CONTINUE;
    }
    g_source_remove(source);
    it->readable = 0;
    service_gone(&it->connection.client);
    return G_SOURCE_CONTINUE; /* it is gone already */
}

static gboolean on_connection(gint from, GIOCondition condition, gpointer unused) {
    const int fd = accept4(from, NULL, NULL, SOCK_CLOEXEC);
    watched *const it = fd < 0 ? NULL : calloc(1, sizeof *it);
    (void)condition, (void)unused;
    if (it != NULL && service_add(&it->connection.client)) {
        it->connection.fd = fd;
        it->readable = g_unix_fd_add(fd, G_IO_IN, on_readable, it);
    } else if (fd >= 0) {
        free(it);
        close(fd);
    }
    return G_SOURCE_CONTINUE;
}

static gboolean on_terminate(gpointer unused) {
    (void)unused;
    g_source_remove(accepting);
    close(listen_fd);
    service_shut_down();
    return G_SOURCE_REMOVE;
}

int main(int argc, char **argv) {
    rouse_glib_init(&r, NULL);
    if (!service_start(argc, argv, rouse_glib_mailbox(&r), rouse_glib_deadlines(&r)) ||
        (listen_fd = server_listen()) < 0) {
        return 1;
    }
    accepting = g_unix_fd_add(listen_fd, G_IO_IN, on_connection, NULL);
    g_unix_signal_add(SIGTERM, on_terminate, NULL);
    while (!service_is_over()) {
        g_main_context_iteration(NULL, TRUE);
    }
    service_stop();
    rouse_glib_close(&r);
    return 0;
}
