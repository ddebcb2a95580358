/* tests/faults/seam.h: the atomics seam (rouse/detail/atomic.h) with a scheduling point before and after every operation,
 * and a count of them. Given by ROUSE_ATOMICS_HEADER to programs of one translation unit and one thread.
 *
 * A scheduling point is a place where a thread can be stopped as far as the others can tell. When the point `stop_at` is
 * reached, `stopped` is called: what it does happens while the interrupted operation stands still, as done by other threads
 * (or by a signal handler). When `limit` is reached, `overrun` is called: somebody spins. */
#ifndef ROUSE_TESTS_FAULTS_SEAM_H
#define ROUSE_TESTS_FAULTS_SEAM_H

#include <stdbool.h>
#include <stdint.h>

typedef struct seam_state {
    uint64_t rmw, load, store, fence;
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

#define HOOKED_BEFORE(kind, address, write) (seam_point(), (void)seam.kind++)
#define HOOKED_AFTER()                      seam_point()
#include "../hooked_atomics.h"

static inline void rouse_fence_seq_cst_(void) {
    seam_point();
    seam.fence++;
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    seam_point();
}
/* Not an operation between threads, but a place where a signal handler may come in. */
static inline void rouse_fence_signal_(void) {
    seam_point();
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
}

#endif /* ROUSE_TESTS_FAULTS_SEAM_H */
