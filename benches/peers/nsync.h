/* benches/peers/nsync.h: nsync's mutex as a semaphore of one permit. It blocks threads. */
#ifndef ROUSE_BENCH_ADAPTER_H
#define ROUSE_BENCH_ADAPTER_H

#include "../bench.h"

#include <nsync.h>

#define C_TASKS 0

typedef nsync_mu c_sem;

static inline void c_sem_init(c_sem *s, uint32_t permits) {
    (void)permits;
    nsync_mu_init(s);
}
static inline void c_sem_destroy(c_sem *s) {
    (void)s;
}
static inline void c_sem_block(c_sem *s) {
    nsync_mu_lock(s);
}
static inline void c_sem_unblock(c_sem *s) {
    nsync_mu_unlock(s);
}
static inline void c_sem_pairs(c_sem *s, int64_t n) {
    for (int64_t i = 0; i < n; i++) {
        nsync_mu_lock(s);
        nsync_mu_unlock(s);
    }
}
static inline void c_sem_try_pairs(c_sem *s, int64_t n) {
    for (int64_t i = 0; i < n; i++) {
        if (nsync_mu_trylock(s) != 0) {
            nsync_mu_unlock(s);
        }
    }
}

#endif /* ROUSE_BENCH_ADAPTER_H */
