/* benches/peers/pthread_mutex.h: the C library's mutex as a semaphore of one permit. It blocks threads. */
#ifndef ROUSE_BENCH_ADAPTER_H
#define ROUSE_BENCH_ADAPTER_H

#include "../bench.h"

#include <pthread.h>

#define C_TASKS 0

typedef pthread_mutex_t c_sem;

static inline void c_sem_init(c_sem *s, uint32_t permits) {
    (void)permits;
    (void)pthread_mutex_init(s, NULL);
}
static inline void c_sem_destroy(c_sem *s) {
    (void)pthread_mutex_destroy(s);
}
static inline void c_sem_block(c_sem *s) {
    (void)pthread_mutex_lock(s);
}
static inline void c_sem_unblock(c_sem *s) {
    (void)pthread_mutex_unlock(s);
}
static inline void c_sem_pairs(c_sem *s, int64_t n) {
    for (int64_t i = 0; i < n; i++) {
        (void)pthread_mutex_lock(s);
        (void)pthread_mutex_unlock(s);
    }
}
static inline void c_sem_try_pairs(c_sem *s, int64_t n) {
    for (int64_t i = 0; i < n; i++) {
        if (pthread_mutex_trylock(s) == 0) {
            (void)pthread_mutex_unlock(s);
        }
    }
}

#endif /* ROUSE_BENCH_ADAPTER_H */
