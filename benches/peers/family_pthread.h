/* benches/peers/family_pthread.h: the C library's read-write lock and condition variable. They block threads. */
#ifndef ROUSE_BENCH_FAMILY_ADAPTER_H
#define ROUSE_BENCH_FAMILY_ADAPTER_H

#include "../bench.h"

#include <pthread.h>

#define F_RWLOCK   1
#define F_BLOCKING 1

static inline void *f_rwlock_new(void) {
    pthread_rwlock_t *const l = bench_alloc(sizeof *l);
    (void)pthread_rwlock_init(l, NULL);
    return l;
}
static inline void f_read_pairs(void *rwlock, int64_t n) {
    for (int64_t i = 0; i < n; i++) {
        (void)pthread_rwlock_rdlock(rwlock);
        (void)pthread_rwlock_unlock(rwlock);
    }
}
static inline void f_write_pairs(void *rwlock, int64_t n) {
    for (int64_t i = 0; i < n; i++) {
        (void)pthread_rwlock_wrlock(rwlock);
        (void)pthread_rwlock_unlock(rwlock);
    }
}

typedef struct f_condvar {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
} f_condvar;

static inline void *f_condvar_new(void) {
    f_condvar *const c = bench_alloc(sizeof *c);
    (void)pthread_mutex_init(&c->mutex, NULL);
    (void)pthread_cond_init(&c->changed, NULL);
    return c;
}
static inline void f_lock(void *condvar) {
    (void)pthread_mutex_lock(&((f_condvar *)condvar)->mutex);
}
static inline void f_unlock(void *condvar) {
    (void)pthread_mutex_unlock(&((f_condvar *)condvar)->mutex);
}
static inline void f_wait_here(void *condvar) {
    f_condvar *const c = condvar;
    (void)pthread_cond_wait(&c->changed, &c->mutex);
}
static inline void f_signal_here(void *condvar) {
    (void)pthread_cond_signal(&((f_condvar *)condvar)->changed);
}

#endif /* ROUSE_BENCH_FAMILY_ADAPTER_H */
