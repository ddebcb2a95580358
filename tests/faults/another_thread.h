/* tests/faults/another_thread.h: what another thread does while this one is stopped. It has an inbox of its own, so it
 * runs its own wakes, and leaves none to this thread. Included after a public header of rouse. */
#ifndef ROUSE_TESTS_FAULTS_ANOTHER_THREAD_H
#define ROUSE_TESTS_FAULTS_ANOTHER_THREAD_H

#include <stdbool.h>
#include <stddef.h>

/* No wake runs on this thread, and none is due. */
static inline bool inbox_is_empty(void) {
    return rouse_inbox_mine_()->running_.value_ == 0 && rouse_inbox_mine_()->inbox_.value_ == NULL;
}

/* From here to another_thread_ends; a signal handler keeps the inbox of the thread that it has interrupted. */
static inline rouse_inbox_ another_thread_begins(bool is_handler) {
    const rouse_inbox_ none = {ROUSE_ATOMIC_INIT_(0), ROUSE_ATOMIC_INIT_(NULL), {NULL, NULL}};
    const rouse_inbox_ mine = *rouse_inbox_mine_();
    if (!is_handler) {
        *rouse_inbox_mine_() = none;
    }
    return mine;
}
/* Returns whether it has run all its wakes. */
static inline bool another_thread_ends(bool is_handler, rouse_inbox_ mine) {
    const bool all = is_handler || inbox_is_empty();
    if (!is_handler) {
        *rouse_inbox_mine_() = mine;
    }
    return all;
}

#endif /* ROUSE_TESTS_FAULTS_ANOTHER_THREAD_H */
