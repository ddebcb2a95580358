/* examples/smallest/glib.c: tasks of a GLib main loop hold a mutex from one callback to the next; a thread
 * competes for it. cc -std=c11 glib.c $(pkg-config --cflags --libs glib-2.0) -pthread */
#include <rouse/blocking.h>
#include <rouse/loop/glib.h>
#include <rouse/mutex.h>

#include <stdio.h>

enum { TASKS = 3, BY_THREAD = 100, HOLD_MS = 5 };

static rouse_mutex mutex = ROUSE_MUTEX_INIT;
static rouse_glib r;
static GMainLoop *loop;
static int tasks_left = TASKS, count; /* count: under `mutex` */

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
    (void)w;
    if (status == ROUSE_OK) {
        g_timeout_add(HOLD_MS, second_half, NULL);
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
    rouse_glib_init(&r, NULL);
    thread = g_thread_new("compete", compete, NULL);
    for (int i = 0; i < TASKS; i++) {
        rouse_waiter_init_on(&waiters[i], rouse_glib_mailbox(&r), on_locked, NULL);
        if (rouse_mutex_lock(&mutex, &waiters[i]) == ROUSE_OK) {
            on_locked(&waiters[i], ROUSE_OK);
        }
    }
    g_main_loop_run(loop);
    g_thread_join(thread);
    rouse_glib_close(&r);
    g_main_loop_unref(loop);
    printf("counted to %d\n", count);
    return 0;
}
