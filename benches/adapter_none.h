/* benches/adapter_none.h: the run queue with no primitive between its tasks. It is the floor of the
 * workloads that run tasks. Every acquire succeeds; a notification is a plain list. One thread only.
 *
 * NONE_WAITS    defined: an acquire never succeeds at once. Its task goes to the end of the run queue, and holds the
 *               permit when it runs again. So a task runs three times for an acquire, as often as where a permit is
 *               handed over, and not twice. W3handoff with ten tasks or more, and nothing else. */
#ifndef ROUSE_BENCH_ADAPTER_H
#define ROUSE_BENCH_ADAPTER_H

#include "adapter_tasks.h"

#ifdef NONE_WAITS
#    define C_ALWAYS_WAITS 1
#endif
#define C_NEVER_WAITS 1

typedef struct c_sem {
    uint32_t permits;
} c_sem;
typedef struct c_note {
    task *head;
    task **end;
} c_note;

static inline void c_sem_init(c_sem *s, uint32_t permits) {
    s->permits = permits;
}
static inline void c_sem_destroy(c_sem *s) {
    (void)s;
}
#ifdef NONE_WAITS
static inline bool c_sem_acquire(c_sem *s, c_wait *w, uint32_t n) {
    (void)s;
    (void)n;
    task_yield(w->owner);
    return false;
}
static inline bool c_sem_resume(c_sem *s, c_wait *w) {
    (void)w;
    s->permits -= 1;
    return true;
}
#else
static inline bool c_sem_acquire(c_sem *s, c_wait *w, uint32_t n) {
    (void)w;
    s->permits -= n;
    return true;
}
static inline bool c_sem_resume(c_sem *s, c_wait *w) {
    (void)s;
    (void)w;
    return true;
}
#endif
static inline bool c_sem_try(c_sem *s) {
    s->permits -= 1;
    return true;
}
static inline void c_sem_release(c_sem *s, uint32_t n) {
    s->permits += n;
}
static inline bool c_sem_cancel(c_sem *s, c_wait *w) {
    (void)s;
    (void)w;
    return true;
}

static inline void c_note_init(c_note *n) {
    n->head = NULL;
    n->end = &n->head;
}
static inline void c_note_destroy(c_note *n) {
    (void)n;
}
static inline bool c_note_wait(c_note *n, c_wait *w) {
    w->owner->next = NULL;
    *n->end = w->owner;
    n->end = &w->owner->next;
    return false;
}
static inline bool c_note_resume(c_note *n, c_wait *w) {
    (void)n;
    (void)w;
    return true;
}
static inline void c_note_one(c_note *n) {
    task *const t = n->head;
    n->head = t->next;
    if (n->head == NULL) {
        n->end = &n->head;
    }
    task_yield(t);
}
static inline void c_note_all(c_note *n) {
    task *t = n->head;
    c_note_init(n);
    while (t != NULL) {
        task *const next = t->next;
        task_yield(t);
        t = next;
    }
}

#endif /* ROUSE_BENCH_ADAPTER_H */
