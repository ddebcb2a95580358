/* tests/support/fibers.h: threads of a deterministic scheduler. They all run on one thread of the system,
 * each on its own stack. One gives way to another only where the program says so, at a scheduling point of
 * faults/seam.h, before or after an atomic operation. So every run is the same again, and a test can ask for
 * every interleaving.
 *
 *     fibers_setup(&own, sizeof own)     what of the library's data each thread has for itself (the deferred wakes)
 *     fiber_start(i, run, arg)           number i, from 0, begins again
 *     fiber_resume(i)                    lets it run until it gives way or ends; from outside only
 *     fiber_done(i)                      has it ended?
 *     fiber_give_way()                   by the fiber
 *
 * Interleavings only: what one has written all others see at once. Weak memory is for tests/model. */
#ifndef ROUSE_TESTS_SUPPORT_FIBERS_H
#define ROUSE_TESTS_SUPPORT_FIBERS_H

#include "sanitized.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>

/* The address sanitizer must know of each switch. */
#if UNDER_ASAN
#    include <sanitizer/common_interface_defs.h>
#    define FIBERS_SWITCH_FROM(fake, stack, size) __sanitizer_start_switch_fiber(fake, stack, size)
#    define FIBERS_SWITCHED_TO(fake, stack, size) __sanitizer_finish_switch_fiber(fake, stack, size)
#else
#    define FIBERS_SWITCH_FROM(fake, stack, size) ((void)(fake), (void)(stack), (void)(size))
#    define FIBERS_SWITCHED_TO(fake, stack, size) ((void)(fake), (void)(stack), (void)(size))
#endif

enum { FIBERS = 4, FIBER_STACK = 1 << 16, FIBER_OWN = 64 };

typedef struct fiber {
    ucontext_t context;
    char *stack;
    void (*run)(void *arg);
    void *arg;
    bool done;
    char own[FIBER_OWN]; /* its own data, while it does not run */
    void *fake_stack;    /* the sanitizer's                     */
} fiber;

static struct {
    fiber fiber[FIBERS];
    ucontext_t scheduler;
    int running; /* -1: none */
    void *own;
    size_t own_size;
    void *fake_stack;
    const void *stack;
    size_t stack_size;
} fibers = {.running = -1};

static inline void fibers_setup(void *own, size_t size) {
    fibers.own = own;
    fibers.own_size = size;
    if (size > FIBER_OWN) {
        abort();
    }
}

static inline void fibers_exchange_own(fiber *f) {
    char kept[FIBER_OWN];
    memcpy(kept, fibers.own, fibers.own_size);
    memcpy(fibers.own, f->own, fibers.own_size);
    memcpy(f->own, kept, fibers.own_size);
}

static inline void fiber_leave(bool for_good) {
    fiber *const f = &fibers.fiber[fibers.running];
    FIBERS_SWITCH_FROM(for_good ? NULL : &f->fake_stack, fibers.stack, fibers.stack_size);
    (void)swapcontext(&f->context, &fibers.scheduler);
    FIBERS_SWITCHED_TO(f->fake_stack, &fibers.stack, &fibers.stack_size);
}
static inline void fiber_give_way(void) {
    fiber_leave(false);
}

static void fiber_main(void) {
    fiber *const f = &fibers.fiber[fibers.running];
    FIBERS_SWITCHED_TO(NULL, &fibers.stack, &fibers.stack_size);
    f->run(f->arg);
    f->done = true;
    fiber_leave(true);
}

static inline void fiber_start(int i, void (*run)(void *), void *arg) {
    fiber *const f = &fibers.fiber[i];
    if (f->stack == NULL) {
        f->stack = (char *)malloc(FIBER_STACK);
    }
    if (f->stack == NULL || getcontext(&f->context) != 0) {
        abort();
    }
    f->context.uc_stack.ss_sp = f->stack;
    f->context.uc_stack.ss_size = FIBER_STACK;
    f->context.uc_link = NULL;
    f->run = run;
    f->arg = arg;
    f->done = false;
    memset(f->own, 0, sizeof f->own);
    makecontext(&f->context, fiber_main, 0);
}

static inline bool fiber_done(int i) {
    return fibers.fiber[i].done;
}

static inline void fiber_resume(int i) {
    fiber *const f = &fibers.fiber[i];
    fibers.running = i;
    fibers_exchange_own(f);
    FIBERS_SWITCH_FROM(&fibers.fake_stack, f->stack, FIBER_STACK);
    (void)swapcontext(&fibers.scheduler, &f->context);
    FIBERS_SWITCHED_TO(fibers.fake_stack, NULL, NULL);
    fibers_exchange_own(f);
    fibers.running = -1;
}

#endif /* ROUSE_TESTS_SUPPORT_FIBERS_H */
