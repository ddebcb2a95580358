/* add_waiter_if loses no wake: producers make items and wake one, consumers look for an item and otherwise wait with
 * the condition "there is one". A lost wake leaves a consumer asleep with items there, and the program stuck. */
#include "stress.h"

static rouse_waiter_queue queue;
static atomic_long items;
static atomic_ullong made;
static atomic_ullong eaten;
static atomic_uint producers = THREADS / 2;

static bool ready(void *arg) {
    (void)arg;
    return atomic_load_explicit(&items, memory_order_relaxed) > 0 ||
           atomic_load_explicit(&producers, memory_order_relaxed) == 0;
}

static bool take_item(void) {
    long seen = atomic_load_explicit(&items, memory_order_relaxed);
    while (seen > 0) {
        if (atomic_compare_exchange_weak_explicit(&items, &seen, seen - 1, memory_order_relaxed,
                                                  memory_order_relaxed)) {
            return true;
        }
    }
    return false;
}

static void consume(dice *d) {
    rouse_waiter w;
    rouse_waiter_init(&w, NULL, NULL);
    for (;;) {
        rouse_status status;
        if (take_item()) {
            atomic_fetch_add(&eaten, 1);
            dawdle(d);
            continue;
        }
        if (atomic_load_explicit(&producers, memory_order_relaxed) == 0) {
            return;
        }
        status = rouse_waiter_queue_add_waiter_if(&queue, &w, ready, NULL);
        CHECK(status == ROUSE_OK || status == ROUSE_PENDING);
        if (status == ROUSE_PENDING) {
            CHECK(await_outcome(&w) == ROUSE_OK);
        }
    }
}

/* The condition is changed by relaxed operations: the queue alone orders them with the second look. Each item is
 * announced once, so that every single wake counts. */
static void produce(dice *d) {
    while (!time_is_up()) {
        if (atomic_load_explicit(&items, memory_order_relaxed) < 3) {
            atomic_fetch_add_explicit(&items, 1, memory_order_relaxed);
            (void)rouse_waiter_queue_wake_one(&queue);
            atomic_fetch_add(&made, 1);
        } else {
            sched_yield();
        }
        dawdle(d);
    }
    atomic_fetch_sub_explicit(&producers, 1, memory_order_relaxed);
    (void)rouse_waiter_queue_wake_all(&queue);
}

static void *work(void *number) {
    dice d;
    dice_init(&d, (uintptr_t)number);
    if ((uintptr_t)number % 2 == 0) {
        produce(&d);
    } else {
        consume(&d);
    }
    return NULL;
}

int main(int argc, char **argv) {
    stress_begin(argc, argv);
    run_threads(work);
    CHECK(rouse_waiter_queue_waiter_count(&queue) == 0);
    CHECK(rouse_waiter_queue_balance(&queue) == 0);
    CHECK(atomic_load(&made) == atomic_load(&eaten) + (unsigned long long)atomic_load(&items));
    CHECK(atomic_load(&items) == 0);
    CHECK(atomic_load(&eaten) > 0);
    rouse_waiter_queue_destroy(&queue);
    printf("%llu items\n", atomic_load(&made));
    return 0;
}
