/* benches/peers/family_nsync.h: nsync's mutex, which is a read-write lock too, and its condition variable. They block
 * threads. */
#ifndef ROUSE_BENCH_FAMILY_ADAPTER_H
#define ROUSE_BENCH_FAMILY_ADAPTER_H

#include "../bench.h"

#include <nsync.h>

#define F_RWLOCK   1
#define F_BLOCKING 1

typedef struct f_condvar {
    nsync_mu mutex;
    nsync_cv changed;
} f_condvar;

static inline void *f_rwlock_new(void) {
    nsync_mu *const l = bench_alloc(sizeof *l);
    nsync_mu_init(l);
    return l;
}
static inline void f_read_pairs(void *rwlock, int64_t n) {
    for (int64_t i = 0; i < n; i++) {
        nsync_mu_rlock(rwlock);
        nsync_mu_runlock(rwlock);
    }
}
static inline void f_write_pairs(void *rwlock, int64_t n) {
    for (int64_t i = 0; i < n; i++) {
        nsync_mu_lock(rwlock);
        nsync_mu_unlock(rwlock);
    }
}

static inline void *f_condvar_new(void) {
    f_condvar *const c = bench_alloc(sizeof *c);
    nsync_mu_init(&c->mutex);
    nsync_cv_init(&c->changed);
    return c;
}
static inline void f_lock(void *condvar) {
    nsync_mu_lock(&((f_condvar *)condvar)->mutex);
}
static inline void f_unlock(void *condvar) {
    nsync_mu_unlock(&((f_condvar *)condvar)->mutex);
}
static inline void f_wait_here(void *condvar) {
    f_condvar *const c = condvar;
    nsync_cv_wait(&c->changed, &c->mutex);
}
static inline void f_signal_here(void *condvar) {
    nsync_cv_signal(&((f_condvar *)condvar)->changed);
}

#endif /* ROUSE_BENCH_FAMILY_ADAPTER_H */
