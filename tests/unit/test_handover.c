/* Long chains of hand-overs: each wake hands on, and the stack does not grow.
 *
 * Every chain runs on a thread with a stack of 64 KiB: a million wakes that ran inside one another would need a
 * thousand times that. */
#include "handover.h"

#include "support.h"

enum { LINKS = 1000000, SMALL_STACK = 64 * 1024 };

/* The sanitizers want stack for themselves. */
static const size_t stack = UNDER_TSAN || UNDER_ASAN ? 4 * SMALL_STACK : SMALL_STACK;

typedef struct chain {
    rouse_semaphore semaphore;
    rouse_waiter waiters[2];
    long links;
    int depth;
    bool through_cxx; /* every other hand-over is made by the C++ unit */
} chain;

/* Queues itself behind the other waiter, then hands the permit on to that one. */
static void pass_the_permit(rouse_waiter *w, rouse_status status) {
    chain *const c = (chain *)rouse_waiter_data(w);
    cr_assert_eq(status, ROUSE_OK);
    cr_assert_eq(c->depth, 0, "a wake ran inside another");
    c->depth++;
    c->links++;
    if (c->links < LINKS) {
        cr_assert_eq(rouse_semaphore_acquire(&c->semaphore, w, 1), ROUSE_PENDING);
        cr_assert_eq(c->through_cxx && c->links % 2 == 0 ? hand_over_in_cxx(&c->semaphore)
                                                         : rouse_semaphore_release(&c->semaphore, 1),
                     ROUSE_OK);
    }
    c->depth--;
}

static void *run_chain(void *arg) {
    chain *const c = (chain *)arg;
    rouse_semaphore_init(&c->semaphore, 0);
    for (int i = 0; i < 2; i++) {
        rouse_waiter_init(&c->waiters[i], pass_the_permit, c);
        cr_assert_eq(rouse_semaphore_acquire(&c->semaphore, &c->waiters[i], 1), ROUSE_PENDING);
    }
    cr_assert_eq(rouse_semaphore_release(&c->semaphore, 1), ROUSE_OK);
    cr_assert_eq(c->links, (long)LINKS, "all have run when the outermost call returns");
    cr_assert_eq(rouse_semaphore_waiter_count(&c->semaphore), 1u);
    for (int i = 0; i < 2; i++) {
        if (rouse_waiter_status(&c->waiters[i]) == ROUSE_PENDING) {
            cr_assert(rouse_semaphore_cancel(&c->semaphore, &c->waiters[i]));
        }
    }
    cr_assert_eq(rouse_semaphore_waiter_count(&c->semaphore), 0u);
    rouse_semaphore_destroy(&c->semaphore);
    return NULL;
}

Test(handover, a_million_links_on_a_small_stack, .timeout = 120) {
    static chain c;
    run_on_thread(run_chain, &c, stack);
}

Test(handover, a_million_links_through_two_units_on_a_small_stack, .timeout = 120) {
    static chain c;
    c.through_cxx = true;
    run_on_thread(run_chain, &c, stack);
}
