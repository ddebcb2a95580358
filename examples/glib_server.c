/* examples/glib_server.c: a server on GLib's main loop and GIO's sockets. What it does: common/service.h. */
#include "common/service.h"

#include <gio/gio.h>
#include <glib-unix.h>
#include <signal.h>

typedef struct connection {
    client client; /* first: a client is its connection */
    GSocket *socket;
    GSource *readable;
    guint timer; /* 0: none runs */
} connection;

static GSocket *listener;
static GSource *accepting, *kicked;

/* snippet: kick */
/* On any thread: a source whose ready time has come is dispatched on the loop's thread. */
void loop_kick(void *unused) {
    (void)unused;
    g_source_set_ready_time(kicked, 0);
}

static gboolean dispatch_kick(GSource *source, GSourceFunc callback, gpointer data) {
    (void)callback;
    (void)data;
    g_source_set_ready_time(source, -1); /* before the drain: a kick that comes now dispatches it again */
    rouse_mailbox_drain(&service_mailbox);
    return G_SOURCE_CONTINUE;
}

static GSourceFuncs kick_functions = {.dispatch = dispatch_kick};

/* Before the mailbox is initialised. A new source has no ready time: it sleeps until the first kick. */
static void prepare_kick(void) {
    kicked = g_source_new(&kick_functions, sizeof(GSource));
    g_source_attach(kicked, NULL); /* to the default context, which the main thread runs */
}
/* end snippet */

bool loop_send(client *c, const char *answer, size_t length) {
    return g_socket_send(((connection *)c)->socket, answer, length, NULL, NULL) == (gssize)length;
}

static gboolean on_timer(gpointer data) {
    ((connection *)data)->timer = 0;
    service_timed_out(data);
    return G_SOURCE_REMOVE;
}

void loop_start_timer(client *c, unsigned ms) {
    ((connection *)c)->timer = g_timeout_add(ms, on_timer, c);
}

void loop_stop_timer(client *c) {
    connection *it = (connection *)c;
    if (it->timer != 0) {
        g_source_remove(it->timer);
        it->timer = 0;
    }
}

static void remove_source(GSource **source) {
    if (*source != NULL) {
        g_source_destroy(*source);
        g_source_unref(*source);
        *source = NULL;
    }
}

static void free_connection(connection *it) {
    remove_source(&it->readable);
    g_socket_close(it->socket, NULL);
    g_object_unref(it->socket);
    g_free(it);
}

void loop_close(client *c) {
    free_connection((connection *)c);
}

static gboolean on_readable(GSocket *socket, GIOCondition condition, gpointer data) {
    connection *it = data;
    char bytes[512];
    GError *error = NULL;
    const gssize got = g_socket_receive(socket, bytes, sizeof bytes, NULL, &error);
    const bool try_again = g_error_matches(error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK);
    (void)condition;
    g_clear_error(&error);
    if (got > 0) {
        service_arrived(&it->client, bytes, (size_t)got);
    } else if (!try_again) {
        remove_source(&it->readable);
        service_gone(&it->client);
        return G_SOURCE_REMOVE;
    }
    return G_SOURCE_CONTINUE;
}

/* Calls function for a socket that has something to read; the source is the caller's. */
static GSource *watch(GSocket *socket, GSocketSourceFunc function, gpointer data) {
    GSource *source = g_socket_create_source(socket, G_IO_IN, NULL);
    g_source_set_callback(source, G_SOURCE_FUNC(function), data, NULL);
    g_source_attach(source, NULL);
    return source;
}

static gboolean on_connection(GSocket *from, GIOCondition condition, gpointer unused) {
    GSocket *socket = g_socket_accept(from, NULL, NULL);
    (void)condition;
    (void)unused;
    if (socket != NULL) {
        connection *it = g_new0(connection, 1);
        it->socket = socket;
        g_socket_set_blocking(socket, FALSE);
        if (service_add(&it->client)) {
            it->readable = watch(socket, on_readable, it);
        } else {
            free_connection(it);
        }
    }
    return G_SOURCE_CONTINUE;
}

static gboolean on_terminate(gpointer unused) {
    (void)unused;
    remove_source(&accepting);
    g_socket_close(listener, NULL);
    service_shut_down();
    return G_SOURCE_REMOVE;
}

int main(int argc, char **argv) {
    GMainContext *context;
    int fd;
    prepare_kick();
    if (!service_start(argc, argv)) {
        return 1;
    }
    fd = server_listen();
    listener = fd < 0 ? NULL : g_socket_new_from_fd(fd, NULL);
    if (listener == NULL) {
        return 1;
    }
    g_socket_set_blocking(listener, FALSE); /* a client that has left again must not make accept wait */
    accepting = watch(listener, on_connection, NULL);
    g_unix_signal_add(SIGTERM, on_terminate, NULL);
    context = g_main_context_default();
    while (!service_is_over()) {
        g_main_context_iteration(context, TRUE);
    }
    service_stop(); /* nobody sets the ready time of `kicked` from here on */
    remove_source(&kicked);
    g_object_unref(listener);
    return 0;
}
