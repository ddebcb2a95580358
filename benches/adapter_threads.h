/* benches/adapter_threads.h: rouse for plain threads: they block. The backend comes from ROUSE_BACKEND; BENCH_BYPASS
 * defined: in throughput mode, with this bound. */
#ifndef ROUSE_BENCH_ADAPTER_H
#define ROUSE_BENCH_ADAPTER_H

#include "bench.h"

#include <rouse/blocking.h>
#include <rouse/semaphore.h>

#define C_TASKS 0

typedef rouse_semaphore c_sem;

static inline void c_sem_init(c_sem *s, uint32_t permits) {
#ifdef BENCH_BYPASS
    rouse_semaphore_init_throughput(s, permits, BENCH_BYPASS);
#else
    (void)rouse_semaphore_init(s, permits);
#endif
}
static inline void c_sem_destroy(c_sem *s) {
    rouse_semaphore_destroy(s);
}
static inline void c_sem_block(c_sem *s) {
    if (rouse_semaphore_acquire_blocking(s, 1) != ROUSE_OK) {
        bench_die("a blocking acquire was refused");
    }
}
static inline void c_sem_unblock(c_sem *s) {
    (void)rouse_semaphore_release(s, 1);
}

#endif /* ROUSE_BENCH_ADAPTER_H */
