/* Every waiter gives up soon: half of the threads hand out credit one by one, the others wait and cancel. What was
 * handed out was had by exactly one waiter or is stored at the end. Waiters go to the same queue behind a head that
 * wants a great deal, so that cancels happen at the head, in the middle and at the tail. */
#include "stress.h"

enum { DEEP = 6 };

static rouse_waiter_queue queue;
static atomic_ullong given;
static atomic_ullong had;
static atomic_ullong cancelled;
static atomic_uint waiting_threads = THREADS / 2;

static void give(dice *d) {
    const uint32_t n = 1 + roll(d, 3);
    if (rouse_waiter_queue_balance(&queue) < 100) {
        atomic_fetch_add(&given, n);
        CHECK(rouse_waiter_queue_wake(&queue, n, ROUSE_MAX_PERMITS) == ROUSE_OK);
    } else {
        sched_yield();
    }
}

/* Queues several waiters, then takes them back in a random order. */
static void wait_and_cancel(dice *d) {
    rouse_waiter *w[DEEP];
    uint32_t n[DEEP];
    const uint32_t count = 1 + roll(d, DEEP);
    for (uint32_t i = 0; i < count; i++) {
        rouse_status status;
        w[i] = (rouse_waiter *)must_alloc(sizeof *w[i]);
        n[i] = roll(d, 4) == 0 ? 1 + roll(d, 9) : 1;
        rouse_waiter_init(w[i], NULL, NULL);
        status = rouse_waiter_queue_wait(&queue, w[i], n[i]);
        if (status == ROUSE_OK) {
            atomic_fetch_add(&had, n[i]);
            free(w[i]);
            w[i] = NULL;
        } else {
            CHECK(status == ROUSE_PENDING);
        }
    }
    dawdle(d);
    for (uint32_t i = roll(d, count), left = count; left != 0; left--, i = (i + 1) % count) {
        if (w[i] != NULL) {
            if (rouse_waiter_queue_cancel(&queue, w[i])) {
                atomic_fetch_add_explicit(&cancelled, 1, memory_order_relaxed);
            } else {
                CHECK(rouse_waiter_status(w[i]) == ROUSE_OK);
                atomic_fetch_add(&had, n[i]);
            }
            free(w[i]);
        }
    }
}

static void *work(void *number) {
    dice d;
    dice_init(&d, (uintptr_t)number);
    if ((uintptr_t)number % 2 == 0) {
        while (atomic_load(&waiting_threads) != 0) {
            give(&d);
        }
    } else {
        while (!time_is_up()) {
            wait_and_cancel(&d);
        }
        atomic_fetch_sub(&waiting_threads, 1);
    }
    return NULL;
}

int main(int argc, char **argv) {
    stress_begin(argc, argv);
    run_threads(work);
    CHECK(rouse_waiter_queue_waiter_count(&queue) == 0);
    CHECK(rouse_waiter_queue_balance(&queue) >= 0);
    CHECK(atomic_load(&given) == atomic_load(&had) + (uint64_t)rouse_waiter_queue_balance(&queue));
    CHECK(atomic_load(&had) > 0 && atomic_load(&cancelled) > 0);
    rouse_waiter_queue_destroy(&queue);
    printf("%llu given, %llu had, %llu waiters cancelled\n", atomic_load(&given), atomic_load(&had),
           atomic_load(&cancelled));
    return 0;
}
