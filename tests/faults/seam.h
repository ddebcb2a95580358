/* tests/faults/seam.h: hooks (rouse/detail/base/atomic.h) that make a scheduling point before and after every
 * atomic operation, and count the operations. Given by ROUSE_ATOMIC_HOOKS_HEADER to programs of one
 * translation unit and one thread.
 *
 * A scheduling point is a place where a thread can be stopped as far as the others can tell. At the point
 * `stop_at` the seam calls `stopped`. What that does happens while the interrupted operation is stopped,
 * as if other threads (or a signal handler) did it. At `limit` it calls `overrun`: some thread spins. */
#ifndef ROUSE_TESTS_FAULTS_SEAM_H
#define ROUSE_TESTS_FAULTS_SEAM_H

#include <stdbool.h>
#include <stdint.h>

typedef struct seam_state {
    uint64_t rmw, load, store, fence, signal_fence;
    uint64_t passed;  /* scheduling points so far */
    uint64_t stop_at; /* 0: never                 */
    uint64_t limit;   /* 0: none                  */
    void (*stopped)(void);
    void (*overrun)(void);
} seam_state;

static seam_state seam;

static inline void seam_point(void) {
    seam.passed++;
    if (seam.passed == seam.stop_at) {
        seam.stopped();
    }
    if (seam.passed == seam.limit) {
        seam.overrun();
    }
}

#define ROUSE_ATOMIC_BEFORE_(kind, address, write) (seam_point(), (void)seam.kind++)
#define ROUSE_ATOMIC_AFTER_()                      seam_point()

/* Nobody else would run meanwhile. */
#ifndef ROUSE_PLATFORM_SLEEP_
#    define ROUSE_PLATFORM_SLEEP_(nanoseconds) ((void)(nanoseconds))
#endif

#endif /* ROUSE_TESTS_FAULTS_SEAM_H */
