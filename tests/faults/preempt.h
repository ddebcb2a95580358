/* tests/faults/preempt.h: hooks (rouse/detail/base/atomic.h) that preempt a thread at one of its atomic
 * operations. Given by ROUSE_ATOMIC_HOOKS_HEADER. */
#ifndef ROUSE_TESTS_FAULTS_PREEMPT_H
#define ROUSE_TESTS_FAULTS_PREEMPT_H

#include <stdint.h>

static _Thread_local uint64_t preempt_passed; /* points of this thread so far */
static _Thread_local uint64_t preempt_at;     /* 0: never                     */
static void (*preempt_now)(void);

static inline void preempt_point(void) {
    if (++preempt_passed == preempt_at) {
        preempt_now();
    }
}

#define ROUSE_ATOMIC_BEFORE_(kind, address, write) preempt_point()
#define ROUSE_ATOMIC_AFTER_()                      preempt_point()

#endif /* ROUSE_TESTS_FAULTS_PREEMPT_H */
