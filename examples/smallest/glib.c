/* examples/smallest/glib.c: the least that a GLib main loop needs to wait for what threads release. Tasks of
 * the loop hold a mutex from one callback to the next; a thread competes for it.
 *
 *     cc -std=c11 glib.c $(pkg-config --cflags --libs glib-2.0) -pthread */
#include <rouse/blocking.h>
#include <rouse/mailbox.h>
#include <rouse/mutex.h>

#include <glib.h>
#include <stdio.h>

enum { TASKS = 3, BY_THREAD = 100, HOLD_MS = 5 };

static rouse_mutex mutex = ROUSE_MUTEX_INIT;
static rouse_mailbox mailbox;
static GMainLoop *loop;
static GSource *kicked;
static int tasks_left = TASKS;
static int count; /* under `mutex` */

static void kick(void *unused) {
    (void)unused;
    g_source_set_ready_time(kicked, 0);
}

static gboolean on_kick(GSource *source, GSourceFunc callback, gpointer data) {
    (void)callback;
    (void)data;
    g_source_set_ready_time(source, -1); /* first this, then the drain */
    rouse_mailbox_drain(&mailbox);
    return G_SOURCE_CONTINUE;
}

static GSourceFuncs kick_functions = {.dispatch = on_kick};

static gboolean second_half(gpointer unused) {
    (void)unused;
    count++;
    rouse_mutex_unlock(&mutex);
    if (--tasks_left == 0) {
        g_main_loop_quit(loop);
    }
    return G_SOURCE_REMOVE;
}

static void on_locked(rouse_waiter *w, rouse_status status) {
    if (status == ROUSE_OK) {
        g_timeout_add(HOLD_MS, second_half, rouse_waiter_data(w));
    }
}

static gpointer compete(gpointer unused) {
    for (int i = 0; i < BY_THREAD && rouse_mutex_lock_blocking(&mutex) == ROUSE_OK; i++) {
        count++;
        rouse_mutex_unlock(&mutex);
    }
    return unused;
}

int main(void) {
    static rouse_waiter waiters[TASKS];
    GThread *thread;
    loop = g_main_loop_new(NULL, FALSE);
    kicked = g_source_new(&kick_functions, sizeof(GSource));
    g_source_attach(kicked, NULL);
    rouse_mailbox_init(&mailbox, kick, NULL);
    thread = g_thread_new("compete", compete, NULL);
    for (int i = 0; i < TASKS; i++) {
        rouse_status status;
        rouse_waiter_init_on(&waiters[i], &mailbox, on_locked, NULL);
        status = rouse_mutex_lock(&mutex, &waiters[i]);
        if (status == ROUSE_OK) {
            on_locked(&waiters[i], status);
        } else if (status != ROUSE_PENDING) {
            return 1;
        }
    }
    g_main_loop_run(loop);
    g_thread_join(thread);
    rouse_mailbox_destroy(&mailbox);
    g_source_destroy(kicked);
    g_source_unref(kicked);
    g_main_loop_unref(loop);
    printf("counted to %d\n", count);
    rouse_mutex_destroy(&mutex);
    return 0;
}
