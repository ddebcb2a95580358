/* A ROUSE_TRACE that keeps what happens to every waiter in memory, and writes it out as one line an event.
 *
 * Include it before the first rouse header (or: cc -include tools/trace/rouse_trace.h), call rouse_trace_write when the
 * program is done, and draw the file with tools/trace_timeline.py. The log is of the unit that includes it. Events
 * past ROUSE_TRACE_EVENTS are counted and not kept. */
#ifndef ROUSE_TRACE_TOOL_H
#define ROUSE_TRACE_TOOL_H

#include <stdatomic.h>
#include <stdio.h>
#include <time.h>

#ifndef ROUSE_TRACE_EVENTS
#    define ROUSE_TRACE_EVENTS 65536
#endif

#define ROUSE_TRACE(event, object, waiter) rouse_trace_note(event, object, waiter)

typedef struct rouse_trace_event {
    const char *event;
    const void *object, *waiter;
    const void *thread; /* the address of a thread-local variable identifies the thread */
    unsigned long long when;
} rouse_trace_event;

static rouse_trace_event rouse_trace_log[ROUSE_TRACE_EVENTS];
static _Atomic(unsigned long) rouse_trace_count;
static _Thread_local char rouse_trace_thread;

static inline void rouse_trace_note(const char *event, const void *object, const void *waiter) {
    const unsigned long place = atomic_fetch_add(&rouse_trace_count, 1);
    if (place < ROUSE_TRACE_EVENTS) {
        rouse_trace_event *const e = &rouse_trace_log[place];
        struct timespec now;
        (void)timespec_get(&now, TIME_UTC);
        e->event = event;
        e->object = object;
        e->waiter = waiter;
        e->thread = &rouse_trace_thread;
        e->when = (unsigned long long)now.tv_sec * 1000000000u + (unsigned long long)now.tv_nsec;
    }
}

/* When no traced call is in progress: "nanoseconds thread event object waiter", in the order of the log. */
static inline void rouse_trace_write(FILE *file) {
    const unsigned long count = atomic_load(&rouse_trace_count);
    const unsigned long kept = count < ROUSE_TRACE_EVENTS ? count : ROUSE_TRACE_EVENTS;
    unsigned long i;
    for (i = 0; i < kept; i++) {
        const rouse_trace_event *const e = &rouse_trace_log[i];
        fprintf(file, "%llu %p %s %p %p\n", e->when - rouse_trace_log[0].when, e->thread, e->event, e->object,
                e->waiter);
    }
    if (count > kept) {
        fprintf(file, "# %lu events were not kept\n", count - kept);
    }
}

#endif /* ROUSE_TRACE_TOOL_H */
