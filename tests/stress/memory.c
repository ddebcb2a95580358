/* The most waiters alive at once bound the memory. A waiter stays at the head while millions queue behind
 * it and cancel, from one thread and from 16. The linker replaces malloc with our allocator, which MUTEX
 * and SPIN must not call at all. With LOCKFREE the 16 threads come one at a time. There the bound is for
 * threads that are not stopped in the middle of recycling, and a busy machine stops them anywhere. */
#include "stress.h"

#include <stddef.h>

enum { ALIVE = 4 }; /* waiters of one thread at a time */

static atomic_size_t live; /* bytes */
static atomic_size_t peak;
static atomic_ullong allocations;

typedef union block {
    size_t size;
    max_align_t align;
} block;

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void __real_free(void *memory);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *memory, size_t size);
void __wrap_free(void *memory);

static void *count_block(block *b, size_t size) {
    size_t now;
    size_t most;
    if (b == NULL) {
        return NULL;
    }
    b->size = size;
    now = atomic_fetch_add(&live, size) + size;
    most = atomic_load(&peak);
    while (now > most && !atomic_compare_exchange_weak(&peak, &most, now)) {
    }
    atomic_fetch_add(&allocations, 1);
    return b + 1;
}

void *__wrap_malloc(size_t size) {
    return count_block((block *)__real_malloc(sizeof(block) + size), size);
}

/* clang makes a calloc of a malloc whose memory is zeroed at once. */
void *__wrap_calloc(size_t count, size_t size) {
    if (size != 0 && count > (SIZE_MAX - sizeof(block)) / size) {
        return NULL;
    }
    return count_block((block *)__real_calloc(1, sizeof(block) + count * size), count * size);
}

void __wrap_free(void *memory) {
    if (memory != NULL) {
        block *const b = (block *)memory - 1;
        atomic_fetch_sub(&live, b->size);
        __real_free(b);
    }
}

/* The library does not use it; a use would not be counted, so it ends the program. */
void *__wrap_realloc(void *memory, size_t size) {
    (void)memory, (void)size;
    abort();
}

static rouse_waiter_queue queue;
static atomic_ullong cancels;

static void queue_and_cancel(uint32_t count) {
    rouse_waiter w[ALIVE];
    for (uint32_t i = 0; i < count; i++) {
        rouse_waiter_init(&w[i], NULL, NULL);
        CHECK(rouse_waiter_queue_wait(&queue, &w[i], 1) == ROUSE_PENDING);
    }
    for (uint32_t i = 0; i < count; i++) {
        CHECK(rouse_waiter_queue_cancel(&queue, &w[i]));
    }
    atomic_fetch_add_explicit(&cancels, count, memory_order_relaxed);
}

static pthread_mutex_t turn = PTHREAD_MUTEX_INITIALIZER;

static void *work(void *number) {
    const bool in_turn = ROUSE_BACKEND == ROUSE_BACKEND_LOCKFREE;
    dice d;
    dice_init(&d, (uintptr_t)number);
    while (!time_is_up()) {
        if (in_turn) {
            CHECK(pthread_mutex_lock(&turn) == 0);
        }
        for (int i = 0; i < 100; i++) {
            queue_and_cancel(1 + roll(&d, ALIVE));
        }
        if (in_turn) {
            CHECK(pthread_mutex_unlock(&turn) == 0);
        }
    }
    return NULL;
}

/* LOCKFREE: room for every waiter alive to be alone in its segment, for as many segments that are on their
 * way out, and for the pool. That is far from what millions of cells would take. */
static size_t bound(size_t waiters) {
    const size_t segment = 64 + ROUSE_SEGMENT_CELLS * 16;
    return ROUSE_BACKEND == ROUSE_BACKEND_LOCKFREE ? 4 * waiters * segment + 4096 : 0;
}

int main(int argc, char **argv) {
    rouse_waiter head;
    stress_begin(argc, argv);
    rouse_waiter_init(&head, NULL, NULL);
    CHECK(rouse_waiter_queue_wait(&queue, &head, 1) == ROUSE_PENDING);
    for (int i = 0; i < 1000000; i++) {
        queue_and_cancel(1);
    }
    printf("one thread: %zu bytes at most\n", atomic_load(&peak));
    (void)fflush(stdout);
    CHECK(atomic_load(&peak) <= bound(2));
    run_threads(work);
    printf("%d threads: %zu bytes at most, %llu allocations, %llu cancels\n", THREADS, atomic_load(&peak),
           atomic_load(&allocations), atomic_load(&cancels));
    (void)fflush(stdout);
    CHECK(atomic_load(&peak) <= bound(1 + ALIVE));
    CHECK(rouse_waiter_queue_waiter_count(&queue) == 1);
    CHECK(rouse_waiter_queue_balance(&queue) == -1);
    CHECK(rouse_waiter_queue_wake_one(&queue));
    CHECK(rouse_waiter_status(&head) == ROUSE_OK);
    rouse_waiter_queue_destroy(&queue);
    CHECK(atomic_load(&live) == 0);
    CHECK(atomic_load(&allocations) == 0 || ROUSE_BACKEND == ROUSE_BACKEND_LOCKFREE);
    return 0;
}
