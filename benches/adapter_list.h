/* benches/adapter_list.h: the shortest list of waiting tasks that keeps their order. It shows what a
 * hand-over between tasks of one thread costs at least. It has no cancel, no close, no mailbox, no count
 * and no status, and it must not be called from a wake. */
#ifndef ROUSE_BENCH_ADAPTER_H
#define ROUSE_BENCH_ADAPTER_H

#include "adapter_tasks.h"

typedef struct c_sem {
    uint32_t permits;
    c_wait *head;
    c_wait **end;
} c_sem;

static inline void c_sem_init(c_sem *s, uint32_t permits) {
    s->permits = permits;
    s->head = NULL;
    s->end = &s->head;
}
static inline void c_sem_destroy(c_sem *s) {
    (void)s;
}
/* One permit at a time. */
static inline bool c_sem_acquire(c_sem *s, c_wait *w, uint32_t n) {
    if (s->permits >= n) {
        s->permits -= n;
        return true;
    }
    w->next = NULL;
    *s->end = w;
    s->end = &w->next;
    return false;
}
static inline bool c_sem_resume(c_sem *s, c_wait *w) {
    (void)s;
    (void)w;
    return true;
}
static inline void c_sem_release(c_sem *s, uint32_t n) {
    for (; n != 0; n--) {
        c_wait *const w = s->head;
        if (w == NULL) {
            s->permits++;
            continue;
        }
        s->head = w->next;
        if (s->head == NULL) {
            s->end = &s->head;
        }
        task_wake(w->owner);
    }
}

#endif /* ROUSE_BENCH_ADAPTER_H */
