/* add_waiter_if loses no wake. A producer makes an item and wakes one waiter. A consumer looks for an item
 * and otherwise waits with the condition "there is one". A producer makes an item only after the one
 * before it has been taken. So a lost wake leaves the consumers asleep, the item where it is and the
 * program stuck. There are six pairs of threads, where no other thread can make up for a lost wake. In one
 * group of two and two, wakes also meet waiters that find their item at the second look. */
#include "stress.h"

enum { PAIRS = (THREADS - 4) / 2, GROUPS = PAIRS + 1 };

typedef struct group {
    rouse_waiter_queue queue;
    atomic_uint item;      /* 1: there is one */
    atomic_uint producers; /* still at work   */
} group;

static group groups[GROUPS];
static atomic_ullong made;
static atomic_ullong eaten;
static atomic_ullong slept;

/* All accesses to the condition are relaxed: the queue alone orders them with the second look. After a look that says
 * no it lingers, now and then for a time slice, so that the item comes between the looks. */
static bool ready(void *arg) {
    group *const g = (group *)arg;
    const bool yes = atomic_load_explicit(&g->item, memory_order_relaxed) == 1 ||
                     atomic_load_explicit(&g->producers, memory_order_relaxed) == 0;
    if (!yes) {
        static _Thread_local unsigned looks;
        for (volatile unsigned i = 0; i < looks % 64; i++) {
        }
        if (++looks % 16 == 0) {
            sched_yield();
        }
    }
    return yes;
}

static bool change_item(group *g, unsigned from, unsigned to) {
    return atomic_compare_exchange_strong_explicit(&g->item, &from, to, memory_order_relaxed,
                                                   memory_order_relaxed);
}

static void consume(group *g, dice *d) {
    rouse_waiter w;
    rouse_waiter_init(&w, NULL, NULL);
    for (;;) {
        rouse_status status;
        if (change_item(g, 1, 0)) {
            atomic_fetch_add_explicit(&eaten, 1, memory_order_relaxed);
            dawdle(d);
            continue;
        }
        if (atomic_load_explicit(&g->producers, memory_order_relaxed) == 0) {
            return;
        }
        status = rouse_waiter_queue_add_waiter_if(&g->queue, &w, ready, g);
        CHECK(status == ROUSE_OK || status == ROUSE_PENDING);
        if (status == ROUSE_PENDING) {
            atomic_fetch_add_explicit(&slept, 1, memory_order_relaxed);
            CHECK(await_outcome(&w) == ROUSE_OK);
        }
    }
}

static void produce(group *g, dice *d) {
    while (!time_is_up()) {
        if (change_item(g, 0, 1)) {
            (void)rouse_waiter_queue_wake_one(&g->queue);
            atomic_fetch_add_explicit(&made, 1, memory_order_relaxed);
        } else {
            sched_yield();
        }
        dawdle(d);
    }
    while (atomic_load_explicit(&g->item, memory_order_relaxed) != 0) {
        sched_yield(); /* somebody has been woken for it */
    }
    atomic_fetch_sub_explicit(&g->producers, 1, memory_order_relaxed);
    (void)rouse_waiter_queue_wake_all(&g->queue);
}

static void *work(void *number) {
    const uintptr_t i = (uintptr_t)number;
    group *const g = &groups[i / 2 < PAIRS ? i / 2 : PAIRS];
    dice d;
    dice_init(&d, i);
    if (i % 2 == 0) {
        produce(g, &d);
    } else {
        consume(g, &d);
    }
    return NULL;
}

int main(int argc, char **argv) {
    stress_begin(argc, argv);
    for (int i = 0; i < GROUPS; i++) {
        atomic_init(&groups[i].producers, i < PAIRS ? 1 : 2);
    }
    run_threads(work);
    for (int i = 0; i < GROUPS; i++) {
        CHECK(rouse_waiter_queue_waiter_count(&groups[i].queue) == 0);
        CHECK(rouse_waiter_queue_balance(&groups[i].queue) == 0);
        rouse_waiter_queue_destroy(&groups[i].queue);
    }
    CHECK(atomic_load(&made) == atomic_load(&eaten));
    CHECK(atomic_load(&eaten) > 0 && atomic_load(&slept) > 0);
    printf("%llu items, consumers slept %llu times\n", atomic_load(&made), atomic_load(&slept));
    return 0;
}
