/* benches/adapter_tasks.h: how adapter_none.h and adapter_list.h begin: a waiter that knows its task, for one thread
 * that runs tasks. */
#ifndef ROUSE_BENCH_ADAPTER_TASKS_H
#define ROUSE_BENCH_ADAPTER_TASKS_H

#include "bench.h"
#include "executor.h"

#define C_TASKS      1
#define C_ONE_THREAD 1

typedef struct c_wait {
    task *owner;
    struct c_wait *next;
} c_wait;

static inline void c_wait_init(c_wait *w, task *t) {
    w->owner = t;
}
static inline void c_wait_destroy(c_wait *w) {
    (void)w;
}

#endif /* ROUSE_BENCH_ADAPTER_TASKS_H */
