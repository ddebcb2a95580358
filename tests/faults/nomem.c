/* tests/faults/nomem.c: which calls allocate, and what happens when there is no memory (LOCKFREE).
 *
 *   nomem wakers N      N random operations; whatever wakes, cancels, closes or tries never calls the allocator
 *   nomem reserve N     after reserve(k), N random operations with at most k waiters at a time never call it either
 *   nomem each [N]      every allocation of N random histories (40) fails in turn: ROUSE_NOMEM, and nothing has changed;
 *                       then none succeeds, or the permit comes while one fails, or all segments that can be are in use */
#include "heap.h"

#include <rouse/blocking.h>
#include <rouse/semaphore.h>

#include <stdio.h>
#include <string.h>

#include "../support/check.h"
#include "../support/random.h"

#define MANY 1000

static rouse_semaphore s;
static rouse_waiter waiters[MANY];
static uint32_t wants[MANY]; /* 0: not queued */
static dice numbers = {1};

static bool never(void *arg) {
    (void)arg;
    return false;
}

/* The permits held, by looking at which waiters have been served. */
static int64_t collect(uint32_t count) {
    int64_t sum = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (wants[i] != 0 && rouse_waiter_status(&waiters[i]) == ROUSE_OK) {
            sum += wants[i];
            wants[i] = 0;
        }
    }
    return sum;
}

static uint32_t waiting(uint32_t count) {
    uint32_t sum = 0;
    for (uint32_t i = 0; i < count; i++) {
        sum += wants[i] != 0 ? 1 : 0;
    }
    return sum;
}

/* What the queue looks like from outside. */
typedef struct look {
    int64_t balance;
    uint32_t waiters;
    uint32_t pending;
} look;

static look look_at(uint32_t count) {
    look seen = {rouse_waiter_queue_balance(&s.queue_), rouse_semaphore_waiter_count(&s), 0};
    for (uint32_t i = 0; i < count; i++) {
        seen.pending += wants[i] != 0 && rouse_waiter_status(&waiters[i]) == ROUSE_PENDING ? 1 : 0;
    }
    return seen;
}

static void expect_same(look before, look after) {
    CHECK(before.balance == after.balance && before.waiters == after.waiters &&
          before.pending == after.pending);
}

/* ---- wakers ----------------------------------------------------------------------------------------------------- */

/* One random operation that is not a wait. */
static void one_wake(uint32_t i) {
    const uint32_t n = 1 + roll(&numbers, 6);
    switch (roll(&numbers, 6)) {
    case 0:
        CHECK(rouse_semaphore_release(&s, n) == ROUSE_OK);
        break;
    case 1:
        (void)rouse_waiter_queue_wake_one(&s.queue_);
        break;
    case 2:
        (void)rouse_semaphore_try_acquire(&s, n);
        break;
    case 3:
        CHECK(rouse_semaphore_release(&s, 1) == ROUSE_OK);
        break;
    default:
        if (wants[i] != 0 && rouse_semaphore_cancel(&s, &waiters[i])) {
            wants[i] = 0;
        }
        break;
    }
}

static void wakers(uint64_t n) {
    uint64_t wakes = 0;
    uint64_t waits = 0;
    rouse_semaphore_init(&s, 0);
    for (uint64_t done = 0; done < n; done++) {
        const uint32_t i = roll(&numbers, MANY);
        if (wants[i] == 0 && roll(&numbers, 3) != 0) {
            const uint32_t want = roll(&numbers, 8) == 0 ? 1 + roll(&numbers, 40) : 1;
            rouse_waiter_init(&waiters[i], NULL, NULL);
            wants[i] = rouse_semaphore_acquire(&s, &waiters[i], want) == ROUSE_PENDING ? want : 0;
            waits++;
            continue;
        }
        heap.shut = 1;
        one_wake(i);
        heap.shut = 0;
        CHECK(heap.refused == 0);
        wakes++;
        if (done % 16 == 0) {
            (void)collect(MANY);
            CHECK(rouse_semaphore_waiter_count(&s) == waiting(MANY));
        }
    }
    heap.shut = 1;
    (void)rouse_semaphore_close(&s);
    heap.shut = 0;
    CHECK(heap.refused == 0 && rouse_semaphore_waiter_count(&s) == 0);
    rouse_semaphore_destroy(&s);
    CHECK(heap.bytes == 0);
    printf("wakers: %llu wakes, cancels and tries among %llu waits, and a close: none called the allocator "
           "(it was called %llu "
           "times by waits)\n",
           (unsigned long long)wakes, (unsigned long long)waits, (unsigned long long)heap.calls);
}

/* ---- reserve ---------------------------------------------------------------------------------------------------- */

/* k waiters at a time at most, and all of them often; any order of leaving. */
static void reserve(uint32_t k, uint64_t n) {
    uint64_t calls;
    uint32_t queued = 0;
    uint32_t most = 0;
    memset(wants, 0, sizeof wants);
    rouse_semaphore_init(&s, 0);
    CHECK(rouse_semaphore_reserve(&s, k) == ROUSE_OK);
    calls = heap.calls;
    heap.shut = 1;
    for (uint64_t done = 0; done < n; done++) {
        const uint32_t i = roll(&numbers, k);
        const uint32_t tide =
            (uint32_t)(done / (12 * (uint64_t)k + 64)) % 2; /* full, then half empty, and so on */
        if (wants[i] == 0 && roll(&numbers, 8) < (tide == 0 ? 7u : 2u)) {
            rouse_waiter_init(&waiters[i], NULL, NULL);
            CHECK((roll(&numbers, 4) == 0
                       ? rouse_waiter_queue_add_waiter_if(&s.queue_, &waiters[i], never, NULL)
                       : rouse_semaphore_acquire(&s, &waiters[i], 1)) == ROUSE_PENDING);
            wants[i] = 1;
            queued++;
            most = queued > most ? queued : most;
        } else if (tide == 0 && queued != k) {
            continue;
        } else if (roll(&numbers, 2) == 0) {
            if (wants[i] != 0) {
                CHECK(rouse_semaphore_cancel(&s, &waiters[i]));
                wants[i] = 0;
                queued--;
            }
        } else if (queued != 0) {
            CHECK(rouse_semaphore_release(&s, 1) == ROUSE_OK);
            CHECK(collect(k) == 1);
            queued--;
        }
    }
    CHECK(heap.calls == calls && most == k);
    CHECK(rouse_semaphore_waiter_count(&s) == queued);
    heap.shut = 0;
    (void)rouse_semaphore_close(&s);
    rouse_semaphore_destroy(&s);
    CHECK(heap.bytes == 0);
}

/* The worst history for segments: one waiter is left alone in each, k of them, then all leave and it begins again. */
static void reserve_spread(uint32_t k, uint64_t rounds) {
    rouse_waiter passing;
    memset(wants, 0, sizeof wants);
    rouse_semaphore_init(&s, 0);
    CHECK(rouse_semaphore_reserve(&s, k) == ROUSE_OK);
    heap.shut = 1;
    for (uint64_t round = 0; round < rounds; round++) {
        for (uint32_t i = 0; i < k; i++) {
            rouse_waiter_init(&waiters[i], NULL, NULL);
            CHECK(rouse_semaphore_acquire(&s, &waiters[i], 1) == ROUSE_PENDING);
            /* Leaves a whole segment's way to the next one; k is not passed as long as not all stay. */
            for (uint32_t j = 0; i + 1 < k && j < ROUSE_SEGMENT_CELLS; j++) {
                rouse_waiter_init(&passing, NULL, NULL);
                CHECK(rouse_semaphore_acquire(&s, &passing, 1) == ROUSE_PENDING);
                CHECK(rouse_semaphore_cancel(&s, &passing));
            }
        }
        for (uint32_t i = 0; i < k; i++) {
            const uint32_t who = round % 2 == 0 ? i : k - 1 - i;
            CHECK(rouse_semaphore_cancel(&s, &waiters[who]));
        }
        CHECK(rouse_semaphore_waiter_count(&s) == 0);
    }
    heap.shut = 0;
    rouse_semaphore_destroy(&s);
    CHECK(heap.bytes == 0);
}

/* ---- each fails in turn -------------------------------------------------------------------------------------------- */

/* A wait of any kind; on ROUSE_NOMEM looks that nothing has changed, and tries again, which must succeed. */
static rouse_status wait_any(uint32_t i, uint32_t n, uint32_t kind, uint64_t *refused) {
    rouse_status status = ROUSE_NOMEM;
    for (int attempt = 0; attempt < 2 && status == ROUSE_NOMEM; attempt++) {
        const look before = look_at(MANY);
        rouse_waiter_init(&waiters[i], NULL, NULL);
        status = kind == 0 ? rouse_waiter_queue_add_waiter_if(&s.queue_, &waiters[i], never, NULL)
                           : rouse_semaphore_acquire(&s, &waiters[i], n);
        if (status == ROUSE_NOMEM) {
            CHECK(heap.refused != 0 && attempt == 0);
            expect_same(before, look_at(MANY));
            (*refused)++;
        }
    }
    return status;
}

static int64_t put_in;
static int64_t held;

/* The history. Ends with everything given back and an exact ledger. */
static void history(uint64_t seed, uint64_t *refused) {
    memset(wants, 0, sizeof wants);
    dice_seed(&numbers, seed, 0);
    put_in = held = 0;
    rouse_semaphore_init(&s, 3);
    put_in = 3;
    if (seed % 2 == 0 && rouse_semaphore_reserve(&s, 20) == ROUSE_NOMEM) {
        (*refused)++;
        CHECK(rouse_semaphore_available(&s) == 3 && rouse_semaphore_waiter_count(&s) == 0);
    }
    for (int step = 0; step < 600; step++) {
        const uint32_t i = roll(&numbers, MANY);
        const uint32_t what = roll(&numbers, 10);
        if (what < 6 && wants[i] == 0) {
            const uint32_t kind = roll(&numbers, 5);
            const uint32_t n = kind == 1 ? 2 + roll(&numbers, 30) : 1;
            const rouse_status status = wait_any(i, n, kind, refused);
            CHECK(status == ROUSE_OK || status == ROUSE_PENDING);
            wants[i] = status == ROUSE_PENDING ? n : 0;
            held += status == ROUSE_OK ? n : 0;
        } else if (what < 8) {
            const uint32_t n = 1 + roll(&numbers, 9);
            CHECK(rouse_semaphore_release(&s, n) == ROUSE_OK);
            put_in += n;
            held += collect(MANY);
        } else if (wants[i] != 0) {
            CHECK(rouse_semaphore_cancel(&s, &waiters[i]));
            wants[i] = 0;
            held += collect(MANY);
        }
        if (step % 97 == 0 && rouse_semaphore_acquire_timed(&s, 1, 1) == ROUSE_OK) {
            held++;
        }
    }
    while (waiting(MANY) != 0) {
        CHECK(rouse_semaphore_release(&s, 1) == ROUSE_OK);
        put_in++;
        held += collect(MANY);
    }
    CHECK(put_in == held + (int64_t)rouse_semaphore_available(&s));
    CHECK(rouse_waiter_queue_balance(&s.queue_) == rouse_semaphore_available(&s));
    rouse_semaphore_destroy(&s);
    CHECK(heap.bytes == 0);
}

static void each(uint64_t histories) {
    uint64_t runs = 0;
    uint64_t refused = 0;
    for (uint64_t seed = 1; seed <= histories; seed++) {
        uint64_t allocations;
        memset(&heap, 0, sizeof heap);
        history(seed * 7919, &refused);
        allocations = heap.calls;
        CHECK(allocations > 2);
        for (uint64_t at = 1; at <= allocations; at++) {
            memset(&heap, 0, sizeof heap);
            heap.fail_at = at;
            history(seed * 7919, &refused);
            CHECK(heap.refused == 1);
            runs++;
        }
    }
    CHECK(refused != 0);
    printf("each: in %llu runs one allocation failed; %llu calls said ROUSE_NOMEM, changed nothing, and "
           "succeeded when tried "
           "again\n",
           (unsigned long long)runs, (unsigned long long)refused);
}

/* Not one allocation to be had: what needs none works, waits say so. */
static void none_at_all(void) {
    rouse_waiter w;
    memset(&heap, 0, sizeof heap);
    heap.shut = 1;
    rouse_semaphore_init(&s, 2);
    rouse_waiter_init(&w, NULL, NULL);
    CHECK(rouse_semaphore_reserve(&s, 1) == ROUSE_NOMEM);
    CHECK(rouse_semaphore_acquire(&s, &w, 3) == ROUSE_NOMEM && rouse_semaphore_available(&s) == 2);
    CHECK(rouse_semaphore_acquire_timed(&s, 3, 1000000) == ROUSE_NOMEM && rouse_semaphore_available(&s) == 2);
    CHECK(rouse_semaphore_acquire(&s, &w, 2) == ROUSE_OK);
    CHECK(rouse_semaphore_acquire(&s, &w, 1) == ROUSE_NOMEM);
    CHECK(rouse_waiter_queue_add_waiter_if(&s.queue_, &w, never, NULL) == ROUSE_NOMEM);
    CHECK(rouse_semaphore_waiter_count(&s) == 0 && rouse_waiter_queue_balance(&s.queue_) == 0);
    CHECK(rouse_semaphore_release(&s, 1) == ROUSE_OK && rouse_semaphore_try_acquire(&s, 1));
    CHECK(rouse_waiter_queue_wake_all(&s.queue_) == 0 && rouse_semaphore_close(&s) == 0);
    rouse_semaphore_destroy(&s);
    heap.shut = 0;
    CHECK(heap.bytes == 0);
}

/* A permit comes while the allocation fails: a wait that can have it says so. */
static void release_1(void) {
    CHECK(rouse_semaphore_release(&s, 1) == ROUSE_OK);
}
static void permit_comes_meanwhile(void) {
    rouse_waiter w;
    memset(&heap, 0, sizeof heap);
    heap.shut = 1;
    heap.meanwhile = release_1;
    rouse_semaphore_init(&s, 0);
    rouse_waiter_init(&w, NULL, NULL);
    CHECK(rouse_semaphore_acquire(&s, &w, 1) == ROUSE_OK && heap.refused == 1);
    CHECK(rouse_semaphore_available(&s) == 0 && rouse_semaphore_waiter_count(&s) == 0);
    heap.meanwhile = release_1;
    CHECK(rouse_semaphore_acquire(&s, &w, 2) == ROUSE_NOMEM && rouse_semaphore_available(&s) == 1);
    rouse_semaphore_destroy(&s);
    heap.shut = 0;
}

/* The pool is full: as if all the segments that its chunks can hold were in use. */
static void no_segment_left(void) {
    rouse_pool_ *pool;
    look before;
    memset(&heap, 0, sizeof heap);
    memset(wants, 0, sizeof wants);
    rouse_semaphore_init(&s, 0);
    for (uint32_t i = 0; i < ROUSE_SEGMENT_CELLS; i++) {
        rouse_waiter_init(&waiters[i], NULL, NULL);
        CHECK(rouse_semaphore_acquire(&s, &waiters[i], 1) == ROUSE_PENDING);
        wants[i] = 1;
    }
    pool = (rouse_pool_ *)rouse_ptr_load_relaxed_(&s.queue_.pool_);
    rouse_u32_init_(&pool->made_, ROUSE_SEGMENTS_MOST_);
    heap.shut = 1;
    before = look_at(ROUSE_SEGMENT_CELLS);
    rouse_waiter_init(&waiters[MANY - 1], NULL, NULL);
    CHECK(rouse_semaphore_acquire(&s, &waiters[MANY - 1], 1) == ROUSE_NOMEM && heap.refused == 0);
    expect_same(before, look_at(ROUSE_SEGMENT_CELLS));
    heap.shut = 0;
    rouse_u32_init_(&pool->made_, 1);
    CHECK(rouse_semaphore_acquire(&s, &waiters[MANY - 1], 1) == ROUSE_PENDING);
    CHECK(rouse_semaphore_release(&s, ROUSE_SEGMENT_CELLS + 1) == ROUSE_OK);
    CHECK(collect(ROUSE_SEGMENT_CELLS) == ROUSE_SEGMENT_CELLS);
    CHECK(rouse_waiter_status(&waiters[MANY - 1]) == ROUSE_OK);
    rouse_semaphore_destroy(&s);
    CHECK(heap.bytes == 0);
}

int main(int argc, char **argv) {
    const char *const mode = argc > 1 ? argv[1] : "";
    const uint64_t n = argc > 2 ? strtoull(argv[2], NULL, 10) : 0;
    dice_seed(&numbers, 1, 0);
    if (strcmp(mode, "wakers") == 0 && n != 0) {
        wakers(n);
    } else if (strcmp(mode, "reserve") == 0 && n != 0) {
        static const uint32_t sizes[] = {1, 2, 3, 4, 7, 8, 9, 31, 32, 33, 100};
        for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
            reserve(sizes[i], n);
            reserve_spread(sizes[i], n / sizes[i] / ROUSE_SEGMENT_CELLS / 8 + 4);
            reserve(sizes[i] * 10 - 3, n);
        }
        printf("reserve: for 22 sizes up to 997, %llu random operations with all reserved places in use "
               "again and again: no "
               "call of the allocator\n",
               (unsigned long long)n);
    } else if (strcmp(mode, "each") == 0) {
        each(n != 0 ? n : 40);
        none_at_all();
        permit_comes_meanwhile();
        no_segment_left();
    } else {
        fprintf(stderr, "usage: nomem wakers N | reserve N | each [N]\n");
        return 2;
    }
    return 0;
}
