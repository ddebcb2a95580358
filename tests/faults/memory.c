/* tests/faults/memory.c: memory stays bounded whatever the history, and counts stay right up to their limits.
 *
 *   memory storm N      one waiter stays at the head while N others queue and cancel, in five orders
 *   memory timeouts N   N waiters queue and all give up, on a queue that nobody releases
 *   memory limits       ROUSE_OVERFLOW at the limits and one past them
 *   memory wrap N       N waiters pass through, starting just before the ticket's counter wraps, and those of segments, links
 *                       and the pool (LOCKFREE)
 *
 * The heap is counted through ROUSE_MALLOC. MUTEX and SPIN must not allocate at all. For LOCKFREE the
 * bound follows detail/queue/lockfree.h: k waiters alive keep at most k + 2 segments here. They never keep
 * more than hold them side by side plus one for each that is left alone. The pool has at most a quarter
 * more than was ever needed at once. */
#include "heap.h"

#include <rouse/semaphore.h>

#include <stdio.h>
#include <string.h>
#include <time.h>

#define CHECK_CONTEXT "(heap %llu, most %llu)", (unsigned long long)heap.bytes, (unsigned long long)heap.most
#include "../support/check.h"
#include "../support/late.h"
#include "../support/random.h"

#define BATCH 1024 /* waiters alive together in a storm */

#if ROUSE_BACKEND == ROUSE_BACKEND_LOCKFREE
#    define CELLS       ROUSE_SEGMENT_CELLS
#    define IS_LOCKFREE 1
#else
#    define CELLS       32 /* so that the same storms run */
#    define IS_LOCKFREE 0
#endif

static rouse_waiter batch[BATCH];
static uint32_t order[BATCH];
static dice numbers = {1};

static double seconds(void) {
    struct timespec now;
    (void)timespec_get(&now, TIME_UTC);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* The most bytes that LOCKFREE may hold if never more than `segments` were in use at once. That is those
 * segments and two for calls in progress, a quarter on top because the pool grows by that, and the pool
 * itself. */
static uint64_t bytes_for(uint64_t segments) {
#if IS_LOCKFREE
    return 5 * (segments + 2) / 4 * sizeof(rouse_segment_) + sizeof(rouse_pool_);
#else
    (void)segments;
    return 0;
#endif
}

/* ---- the orders of a storm ----------------------------------------------------------------------------------------- */

static void forwards(uint32_t n) {
    for (uint32_t i = 0; i < n; i++) {
        order[i] = i;
    }
}
static void backwards(uint32_t n) {
    for (uint32_t i = 0; i < n; i++) {
        order[i] = n - 1 - i;
    }
}
static void shuffled(uint32_t n) {
    forwards(n);
    for (uint32_t i = n - 1; i > 0; i--) {
        const uint32_t j = roll(&numbers, i + 1);
        const uint32_t other = order[j];
        order[j] = order[i];
        order[i] = other;
    }
}

static void queue_all(rouse_semaphore *s, uint32_t n) {
    for (uint32_t i = 0; i < n; i++) {
        rouse_waiter_init(&batch[i], NULL, NULL);
        CHECK(rouse_semaphore_acquire(s, &batch[i], 1) == ROUSE_PENDING);
    }
}
static void cancel_all(rouse_semaphore *s, uint32_t n, void (*arrange)(uint32_t n)) {
    arrange(n);
    for (uint32_t i = 0; i < n; i++) {
        CHECK(rouse_semaphore_cancel(s, &batch[order[i]]));
    }
}

/* One waiter stays in every CELLS; when 64 have stayed, they go. */
static void storm_with_survivors(rouse_semaphore *s, uint64_t n) {
    enum { STAY = 64 };
    static rouse_waiter staying[STAY];
    uint32_t stays = 0;
    for (uint64_t done = 0; done < n; done += CELLS) {
        rouse_waiter_init(&staying[stays], NULL, NULL);
        CHECK(rouse_semaphore_acquire(s, &staying[stays], 1) == ROUSE_PENDING);
        stays++;
        queue_all(s, CELLS - 1);
        cancel_all(s, CELLS - 1, shuffled);
        CHECK(rouse_semaphore_waiter_count(s) == 1 + stays);
        if (stays == STAY) {
            for (uint32_t i = 0; i < STAY; i++) {
                CHECK(rouse_semaphore_cancel(s, &staying[i]));
            }
            stays = 0;
        }
    }
    for (uint32_t i = 0; i < stays; i++) {
        CHECK(rouse_semaphore_cancel(s, &staying[i]));
    }
}

static void storm(const char *name, uint64_t n, uint32_t together, void (*arrange)(uint32_t)) {
    const double begin = seconds();
    const uint64_t bound = bytes_for(arrange != NULL ? (together + 1) / CELLS + 3 : 64 + 4);
    rouse_semaphore s;
    rouse_waiter head;
    heap.most = 0;
    rouse_semaphore_init(&s, 0);
    rouse_waiter_init(&head, NULL, NULL);
    CHECK(rouse_semaphore_acquire(&s, &head, 1) == ROUSE_PENDING);
    if (arrange == NULL) {
        storm_with_survivors(&s, n);
    }
    for (uint64_t done = 0; arrange != NULL && done < n; done += together) {
        queue_all(&s, together);
        cancel_all(&s, together, arrange);
    }
    CHECK(rouse_semaphore_waiter_count(&s) == 1);
    CHECK(rouse_waiter_queue_balance(&s.queue_) == -1);
    CHECK(heap.most <= bound);
    CHECK(rouse_semaphore_release(&s, 1) == ROUSE_OK && rouse_waiter_status(&head) == ROUSE_OK);
    CHECK(rouse_semaphore_available(&s) == 0 && rouse_semaphore_waiter_count(&s) == 0);
    rouse_semaphore_destroy(&s);
    CHECK(heap.bytes == 0);
    printf("storm behind a waiter, %-26s %llu waiters: most heap %6llu bytes, bound %6llu (%.1f s)\n", name,
           (unsigned long long)n, (unsigned long long)heap.most, (unsigned long long)bound,
           seconds() - begin);
}

/* Nobody is ever woken, nobody stays: the queue returns to its start each time. */
static void timeouts(const char *name, uint64_t n, uint32_t together, void (*arrange)(uint32_t)) {
    const double begin = seconds();
    const uint64_t bound = bytes_for(together / CELLS + 3);
    rouse_semaphore s;
    heap.most = 0;
    rouse_semaphore_init(&s, 0);
    for (uint64_t done = 0; done < n; done += together) {
        queue_all(&s, together);
        CHECK(rouse_waiter_queue_balance(&s.queue_) == -(int64_t)together);
        cancel_all(&s, together, arrange);
        CHECK(rouse_waiter_queue_balance(&s.queue_) == 0);
    }
    CHECK(rouse_semaphore_waiter_count(&s) == 0);
    CHECK(heap.most <= bound);
    rouse_semaphore_destroy(&s);
    CHECK(heap.bytes == 0);
    printf("all give up, %-36s %llu waiters: most heap %6llu bytes, bound %6llu (%.1f s)\n", name,
           (unsigned long long)n, (unsigned long long)heap.most, (unsigned long long)bound,
           seconds() - begin);
}

/* ---- limits ----------------------------------------------------------------------------------------------------------- */

#if IS_LOCKFREE
/* What its waiters lack together has no limit: each is a ticket, whatever it asks for. */
static void no_limit_of_lack(void) {
    static rouse_waiter many[64];
    rouse_semaphore s;
    heap.most = 0;
    rouse_semaphore_init(&s, 0);
    for (uint32_t i = 0; i < 64; i++) {
        rouse_waiter_init(&many[i], NULL, NULL);
        CHECK(rouse_semaphore_acquire(&s, &many[i], i == 0 ? 1 : ROUSE_MAX_PERMITS) == ROUSE_PENDING);
    }
    CHECK(rouse_semaphore_waiter_count(&s) == 64);
    CHECK(rouse_waiter_queue_balance(&s.queue_) == -1 - 63 * (int64_t)ROUSE_MAX_PERMITS);
    CHECK(heap.most <= bytes_for(64 / CELLS + 1));
    CHECK(rouse_semaphore_release(&s, 3) == ROUSE_OK && rouse_waiter_status(&many[0]) == ROUSE_OK);
    CHECK(rouse_waiter_queue_balance(&s.queue_) == 2 - 63 * (int64_t)ROUSE_MAX_PERMITS);
    for (uint32_t i = 1; i < 32; i++) {
        CHECK(rouse_semaphore_release(&s, ROUSE_MAX_PERMITS) == ROUSE_OK);
        CHECK(rouse_waiter_status(&many[i]) == ROUSE_OK &&
              rouse_waiter_status(&many[i + 1]) == ROUSE_PENDING);
    }
    /* The 2 move from one that leaves to the next. */
    for (uint32_t i = 32; i < 64; i++) {
        CHECK(rouse_semaphore_cancel(&s, &many[i]));
    }
    CHECK(rouse_semaphore_available(&s) == 2 && rouse_semaphore_waiter_count(&s) == 0);
    rouse_semaphore_destroy(&s);
}
#else
/* What all may lack together, and room for as many waiters. */
#    define MOST_LACK ((UINT64_C(1) << 40) - 1)
enum { SOME = 2100 };

/* Leaves room for one more permit to be lacked. */
static uint32_t fill_to_last(rouse_semaphore *s, rouse_waiter *some) {
    uint32_t used = 0;
    uint64_t lack = MOST_LACK - 1;
    while (lack != 0) {
        const uint32_t n = lack < ROUSE_MAX_PERMITS ? (uint32_t)lack : ROUSE_MAX_PERMITS;
        rouse_waiter_init(&some[used], NULL, NULL);
        CHECK(rouse_semaphore_acquire(s, &some[used], n) == ROUSE_PENDING);
        lack -= n;
        used++;
    }
    return used;
}

/* Up to the limit, one past it, and back: the last waiter leaves, or is served behind all others' cancels. */
static void limit_of_lack(bool leaves, bool throughput) {
    rouse_semaphore s;
    static rouse_waiter some[SOME];
    rouse_waiter last;
    rouse_waiter excess;
    uint32_t used;
    CHECK((throughput ? rouse_semaphore_init_throughput(&s, 0, ROUSE_BYPASS) : rouse_semaphore_init(&s, 0)) ==
          ROUSE_OK);
    used = fill_to_last(&s, some);
    rouse_waiter_init(&last, NULL, NULL);
    rouse_waiter_init(&excess, NULL, NULL);
    CHECK(rouse_semaphore_acquire(&s, &excess, 2) == ROUSE_OVERFLOW);
    CHECK(rouse_semaphore_acquire(&s, &excess, ROUSE_MAX_PERMITS) == ROUSE_OVERFLOW);
    CHECK(rouse_semaphore_waiter_count(&s) == used);
    CHECK(rouse_semaphore_acquire(&s, &last, 1) == ROUSE_PENDING);
    CHECK(rouse_semaphore_acquire(&s, &excess, 1) == ROUSE_OVERFLOW);
    CHECK(rouse_semaphore_acquire(&s, &excess, ROUSE_MAX_PERMITS + 1u) == ROUSE_INVALID);
    CHECK(!rouse_semaphore_try_acquire(&s, 1));
    CHECK(rouse_semaphore_waiter_count(&s) == used + 1);
    if (leaves) {
        CHECK(rouse_semaphore_cancel(&s, &last));
        CHECK(rouse_semaphore_waiter_count(&s) == used);
    }
    for (uint32_t i = 0; i < used; i++) {
        CHECK(rouse_waiter_status(&some[i]) == ROUSE_PENDING);
        CHECK(rouse_semaphore_cancel(&s, &some[i]));
    }
    if (!leaves) {
        CHECK(rouse_waiter_status(&last) == ROUSE_PENDING);
        CHECK(rouse_semaphore_release(&s, 1) == ROUSE_OK && rouse_waiter_status(&last) == ROUSE_OK);
    }
    CHECK(rouse_waiter_queue_balance(&s.queue_) == 0 && rouse_semaphore_waiter_count(&s) == 0);
    CHECK(rouse_semaphore_acquire(&s, &last, 1) == ROUSE_PENDING && rouse_semaphore_cancel(&s, &last));
    rouse_semaphore_destroy(&s);
}
#endif

static void limits(void) {
    rouse_semaphore s;
#if IS_LOCKFREE
    no_limit_of_lack();
#else
    limit_of_lack(true, false);
    limit_of_lack(true, true);
    limit_of_lack(false, false);
    limit_of_lack(false, true);
#endif
    rouse_semaphore_init(&s, 0);
    CHECK(rouse_semaphore_release(&s, ROUSE_MAX_PERMITS - 1) == ROUSE_OK);
    CHECK(rouse_semaphore_release(&s, 2) == ROUSE_OVERFLOW);
    CHECK(rouse_semaphore_available(&s) == ROUSE_MAX_PERMITS - 1);
    CHECK(rouse_semaphore_release(&s, 1) == ROUSE_OK);
    CHECK(rouse_semaphore_release(&s, 1) == ROUSE_OVERFLOW);
    CHECK(rouse_semaphore_release(&s, ROUSE_MAX_PERMITS) == ROUSE_OVERFLOW);
    CHECK(rouse_semaphore_release(&s, ROUSE_MAX_PERMITS + 1u) == ROUSE_INVALID);
    CHECK(rouse_semaphore_available(&s) == ROUSE_MAX_PERMITS);
    CHECK(rouse_semaphore_try_acquire(&s, ROUSE_MAX_PERMITS) && rouse_semaphore_available(&s) == 0);
    rouse_semaphore_destroy(&s);
    CHECK(heap.bytes == 0);
    printf("limits: %d permits stored and one more\n", ROUSE_MAX_PERMITS);
}

/* ---- wrap ----------------------------------------------------------------------------------------------------------------- */

/* n tickets, beginning with `first`: some are served, some cancelled in between, always a few in the queue. Every segment and
 * link is `before` uses from the wrap of its own count. */
static void wrap(uint64_t n, uint64_t first, uint32_t before, bool report) {
    enum { DEEP = 64 };
    const double begin = seconds();
    rouse_semaphore s;
    uint64_t served = 0;
    uint64_t queued = 0;
    uint64_t cancelled = 0;
    heap.most = 0;
    rouse_semaphore_init(&s, 0);
#if IS_LOCKFREE
    rouse_u64_init_(&s.queue_.word_, rouse_state_empty_(0, first, false));
    rouse_u64_init_(&s.queue_.served_, first);
    late_queue(&s.queue_, before);
    (void)rouse_semaphore_reserve(&s,
                                  1); /* the first segment begins at the ticket, whatever its place in it */
#else
    (void)before;
#endif
    while (queued < n) {
        const uint32_t many = 1 + roll(&numbers, DEEP - 1);
        for (uint32_t i = 0; i < many; i++) {
            rouse_waiter_init(&batch[i], NULL, NULL);
            CHECK(rouse_semaphore_acquire(&s, &batch[i], 1) == ROUSE_PENDING);
            queued++;
        }
        for (uint32_t i = 0; i < many; i++) {
            if (i % 3 == 1) {
                CHECK(rouse_semaphore_cancel(&s, &batch[i]));
                cancelled++;
            }
        }
        for (uint32_t i = 0; i < many; i++) {
            if (i % 3 != 1) {
                CHECK(rouse_waiter_status(&batch[i]) == ROUSE_PENDING);
                CHECK(rouse_semaphore_release(&s, 1) == ROUSE_OK);
                CHECK(rouse_waiter_status(&batch[i]) == ROUSE_OK);
                served++;
            }
        }
        CHECK(rouse_semaphore_waiter_count(&s) == 0);
    }
    CHECK(served + cancelled == queued);
    CHECK(rouse_waiter_queue_balance(&s.queue_) == 0);
    CHECK(heap.most <= bytes_for(DEEP / CELLS + 3));
    rouse_semaphore_destroy(&s);
    CHECK(heap.bytes == 0);
    if (!report) {
        return;
    }
    printf("wrap: %llu tickets from %#llx on: %llu served in order, %llu cancelled, most "
           "heap %llu bytes "
           "(%.1f s)\n",
           (unsigned long long)queued, (unsigned long long)first, (unsigned long long)served,
           (unsigned long long)cancelled, (unsigned long long)heap.most, seconds() - begin);
}

int main(int argc, char **argv) {
    const char *const mode = argc > 1 ? argv[1] : "";
    const uint64_t n = argc > 2 ? strtoull(argv[2], NULL, 10) : 1000000;
    if (strcmp(mode, "storm") == 0) {
        storm("one at a time", n, 1, forwards);
        storm("1024 together, oldest first", n, BATCH, forwards);
        storm("1024 together, newest first", n, BATCH, backwards);
        storm("1024 together, at random", n, BATCH, shuffled);
        storm("one in each segment stays", n, 0, NULL);
    } else if (strcmp(mode, "timeouts") == 0) {
        timeouts("one at a time", n, 1, forwards);
        timeouts("1024 together, oldest first", n, BATCH, forwards);
        timeouts("1024 together, newest first", n, BATCH, backwards);
        timeouts("1000 together, at random", n, 1000, shuffled);
    } else if (strcmp(mode, "limits") == 0) {
        limits();
    } else if (strcmp(mode, "wrap") == 0) {
        /* Over the end of each part of the word that counts tickets, from every distance; and with nearly all bits set. */
        static const uint64_t ends[] = {UINT64_C(1) << 28, UINT64_C(1) << 31, UINT64_C(7) << 31,
                                        (UINT64_C(1) << 59) - (UINT64_C(1) << 31)};
        for (size_t end = 0; end < sizeof ends / sizeof *ends; end++) {
            for (uint32_t before = 0; before <= 64; before++) {
                wrap(n / 64, ends[end] - before * 13, before, before == 64);
            }
        }
    } else {
        fprintf(stderr, "usage: memory storm N | timeouts N | limits | wrap N\n");
        return 2;
    }
    return 0;
}
