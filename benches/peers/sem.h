/* benches/peers/sem.h: the C library's semaphore. It blocks threads. */
#ifndef ROUSE_BENCH_ADAPTER_H
#define ROUSE_BENCH_ADAPTER_H

#include "../bench.h"

#include <semaphore.h>

#define C_TASKS 0

typedef sem_t c_sem;

static inline void c_sem_init(c_sem *s, uint32_t permits) {
    (void)sem_init(s, 0, permits);
}
static inline void c_sem_destroy(c_sem *s) {
    (void)sem_destroy(s);
}
static inline void c_sem_block(c_sem *s) {
    while (sem_wait(s) != 0) {
    }
}
static inline void c_sem_unblock(c_sem *s) {
    (void)sem_post(s);
}
static inline void c_sem_pairs(c_sem *s, int64_t n) {
    for (int64_t i = 0; i < n; i++) {
        while (sem_wait(s) != 0) {
        }
        (void)sem_post(s);
    }
}
static inline void c_sem_try_pairs(c_sem *s, int64_t n) {
    for (int64_t i = 0; i < n; i++) {
        if (sem_trywait(s) == 0) {
            (void)sem_post(s);
        }
    }
}

#endif /* ROUSE_BENCH_ADAPTER_H */
