/* Counts, by ROUSE_TRACE, the waits that have begun and not ended, and lets a test come in in the middle of a cancel. Before
 * all headers of rouse. Relaxed: a test of many threads must not get edges from it. */
#ifndef ROUSE_TESTS_UNIT_TRACED_H
#define ROUSE_TESTS_UNIT_TRACED_H

#include <stdatomic.h>
#include <string.h>

static atomic_int open_waits;
static void (*inside_cancel)(void); /* called once, in the next cancel; NULL: nothing */

static inline void traced_event(const char *event) {
    if (strcmp(event, "queue") == 0) {
        atomic_fetch_add_explicit(&open_waits, 1, memory_order_relaxed);
    } else if (strcmp(event, "grant") == 0 || strcmp(event, "cancel") == 0 || strcmp(event, "move") == 0) {
        atomic_fetch_sub_explicit(&open_waits, 1, memory_order_relaxed);
    }
    if (inside_cancel != NULL && strcmp(event, "cancel") == 0) {
        void (*const come_in)(void) = inside_cancel;
        inside_cancel = NULL;
        come_in();
    }
}
#define ROUSE_TRACE(event, object, waiter) ((void)(object), (void)(waiter), traced_event(event))

#endif /* ROUSE_TESTS_UNIT_TRACED_H */
