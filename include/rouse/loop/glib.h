/* rouse/loop/glib.h: rouse on a GLib main context: a mailbox, its kick and deadlines in one GSource.
 *
 *     static rouse_glib r;
 *     rouse_glib_init(&r, NULL);                                          // NULL: the default context
 *     rouse_waiter_init_on(&task->waiter, rouse_glib_mailbox(&r), wake, task);
 *     ...
 *     rouse_glib_close(&r);                                               // no waiter is left on it
 *
 * Every function runs on the thread that runs the context, init excepted. The source may recurse: a nested
 * main loop inside a wake (a dialog) runs wakes too. Deadlines are on g_get_monotonic_time's clock, in
 * nanoseconds (rouse_glib_now); a time-out runs at most a millisecond late. */
#ifndef ROUSE_LOOP_GLIB_H
#define ROUSE_LOOP_GLIB_H

#include "../deadline.h"
#include "../detail/loop/timeout.h"
#include "../mailbox.h"

#include <glib.h>
#include <stddef.h>
#include <stdint.h>

typedef struct rouse_glib {
    rouse_mailbox mailbox_;
    rouse_deadlines deadlines_;
    GSource *source_;
} rouse_glib;

/* The source that GLib allocates; r outlives it or is NULL. */
typedef struct rouse_glib_source_ {
    GSource source;
    rouse_glib *r;
} rouse_glib_source_;

/* Now, in nanoseconds, on the clock of this loop's deadlines. */
ROUSE_INLINE_ uint64_t rouse_glib_now(void) {
    return (uint64_t)g_get_monotonic_time() * 1000u;
}
ROUSE_INLINE_ rouse_mailbox *rouse_glib_mailbox(rouse_glib *r) {
    return &r->mailbox_;
}
ROUSE_INLINE_ rouse_deadlines *rouse_glib_deadlines(rouse_glib *r) {
    return &r->deadlines_;
}

/* On any thread: makes the source ready, and wakes the context if it sleeps. */
ROUSE_INLINE_ void rouse_glib_kick_(void *r) {
    g_source_set_ready_time(((rouse_glib *)r)->source_, 0);
}
ROUSE_INLINE_ gboolean rouse_glib_prepare_(GSource *source, gint *timeout_ms) {
    *timeout_ms = rouse_timeout_ms_(&((rouse_glib_source_ *)source)->r->deadlines_, rouse_glib_now());
    return *timeout_ms == 0;
}
ROUSE_INLINE_ gboolean rouse_glib_check_(GSource *source) {
    gint ms;
    return rouse_glib_prepare_(source, &ms);
}
ROUSE_INLINE_ gboolean rouse_glib_dispatch_(GSource *source, GSourceFunc callback, gpointer data) {
    rouse_glib_source_ *const mine = (rouse_glib_source_ *)source;
    (void)callback;
    (void)data;
    g_source_set_ready_time(source,
                            -1); /* first this, then the drain: a kick from here on dispatches again */
    (void)rouse_mailbox_drain(&mine->r->mailbox_);
    (void)rouse_deadlines_run(&mine->r->deadlines_, rouse_glib_now());
    return G_SOURCE_CONTINUE;
}

/* Puts rouse on `context`; NULL: the default one. Any thread; the context may be running elsewhere. */
ROUSE_INLINE_ void rouse_glib_init(rouse_glib *r, GMainContext *context) {
    static GSourceFuncs functions = {
        rouse_glib_prepare_, rouse_glib_check_, rouse_glib_dispatch_, NULL, NULL, NULL};
    r->source_ = g_source_new(&functions, sizeof(rouse_glib_source_));
    ((rouse_glib_source_ *)r->source_)->r = r;
    g_source_set_can_recurse(r->source_, TRUE);
    rouse_mailbox_init(&r->mailbox_, rouse_glib_kick_, r);
    rouse_deadlines_init(&r->deadlines_);
    (void)g_source_attach(r->source_, context);
}

/* Takes rouse off its context. Requires that no waiter and no deadline is left on r. Not inside a wake that
 * the source runs: use g_idle_add there. */
ROUSE_INLINE_ void rouse_glib_close(rouse_glib *r) {
    rouse_mailbox_destroy(
        &r->mailbox_); /* waits for a kick in progress: nobody touches the source from here on */
    g_source_destroy(r->source_);
    g_source_unref(r->source_);
    r->source_ = NULL;
}

#endif /* ROUSE_LOOP_GLIB_H */
