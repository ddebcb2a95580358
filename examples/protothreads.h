/* examples/protothreads.h: coroutines without a stack in plain C: a switch that jumps to where they left off.
 *
 *     static void run(thread *t) {
 *         PT_BEGIN(t);
 *         PT_AWAIT(t, rouse_semaphore_acquire(&limit, &t->waiter, 1));   // then t->pt.status has the outcome
 *         ...
 *         PT_END;
 *     }
 *
 * `t->pt` is a protothread; its waiter's wake sets t->pt.status and calls run again. Local variables do not
 * survive a PT_AWAIT: keep them in *t. One PT_AWAIT a line. */
#ifndef EXAMPLE_PROTOTHREADS_H
#define EXAMPLE_PROTOTHREADS_H

#include <rouse/waiter.h>

typedef struct protothread {
    int line;            /* where to continue; 0: at the beginning */
    rouse_status status; /* the outcome of the last PT_AWAIT    */
} protothread;

/* The last thing that PT_AWAIT does before it returns is the call: its wake may be running the protothread
 * again, on another thread, by then. */
#define PT_BEGIN(t)         \
    switch ((t)->pt.line) { \
    case 0:

#define PT_AWAIT(t, call)               \
    do {                                \
        rouse_status answer_;           \
        (t)->pt.line = __LINE__;        \
        answer_ = (call);               \
        if (answer_ == ROUSE_PENDING) { \
            return;                     \
        }                               \
        (t)->pt.status = answer_;       \
        __attribute__((fallthrough));   \
    case __LINE__:;                     \
    } while (0)

#define PT_END \
default:       \
    break;     \
    }

#endif /* EXAMPLE_PROTOTHREADS_H */
