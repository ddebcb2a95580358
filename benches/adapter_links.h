/* benches/adapter_links.h: the shortest list out of which every waiter can be taken: linked both ways, and closed to a
 * ring, so that neither end is a special case. Queueing links a waiter in at the end, a cancel links it out; nothing
 * else is stored or tested: no permits, no status, no count, no owner. It shows what a wait that is given up costs at
 * least. W7 and nothing else. */
#ifndef ROUSE_BENCH_ADAPTER_H
#define ROUSE_BENCH_ADAPTER_H

#include "bench.h"
#include "executor.h"

#define C_TASKS      1
#define C_ONE_THREAD 1

typedef struct c_wait {
    struct c_wait *next;
    struct c_wait *before;
#ifdef LINKS_AS_LARGE_AS
    char unused[LINKS_AS_LARGE_AS - 2 * sizeof(void *)];
#endif
} c_wait;
typedef struct c_sem {
    c_wait ring;
} c_sem;

static inline void c_wait_init(c_wait *w, task *t) {
    (void)w;
    (void)t;
}
static inline void c_wait_destroy(c_wait *w) {
    (void)w;
}

static inline void c_sem_init(c_sem *s, uint32_t permits) {
    (void)permits;
    s->ring.next = &s->ring;
    s->ring.before = &s->ring;
}
static inline void c_sem_destroy(c_sem *s) {
    (void)s;
}
static inline bool c_sem_acquire(c_sem *s, c_wait *w, uint32_t n) {
    c_wait *const newest = s->ring.before;
    (void)n;
    w->next = &s->ring;
    w->before = newest;
    newest->next = w;
    s->ring.before = w;
    return false;
}
static inline bool c_sem_cancel(c_sem *s, c_wait *w) {
    c_wait *const next = w->next;
    c_wait *const before = w->before;
    (void)s;
    before->next = next;
    next->before = before;
    return true;
}

#endif /* ROUSE_BENCH_ADAPTER_H */
