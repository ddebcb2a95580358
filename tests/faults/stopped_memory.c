/* tests/faults/stopped_memory.c: memory stays bounded while a thread is stopped for good, at any scheduling
 * point of a call that ends a segment, uses one up or links one (LOCKFREE). The others' segments are recycled
 * all the same.
 *
 *   stopped_memory ROUNDS     rounds of the others at each point
 *
 * "Stopped" costs no thread: the seam runs the others from the middle of the stopped call (see stopped.c). */
#include "heap.h"

#include <rouse/semaphore.h>

#include "another_thread.h"

#include <stdio.h>
#include <string.h>

#define CHECK_CONTEXT                                                                      \
    "(%s, point %llu: heap %llu, most %llu)", calls[call].name, (unsigned long long)point, \
        (unsigned long long)heap.bytes, (unsigned long long)heap.most
#include "../support/check.h"

enum { MOST_ALIVE = 12 };

static rouse_semaphore s;
static rouse_waiter waiters[MOST_ALIVE];
static int call;
static uint64_t point;
static long rounds;
static bool stopped_once;

static void enter(int i) {
    const rouse_status status = rouse_semaphore_acquire(&s, &waiters[i], 1);
    if (status != ROUSE_PENDING) {
        fprintf(stderr, "FAILED: a wait was answered %s\n", rouse_status_string(status));
        exit(1);
    }
}

/* Six waiters in segments of two: [0 1] [2 3] [4 5]. */
static void cancel_ends_a_segment(void) {
    (void)rouse_semaphore_cancel(&s, &waiters[3]); /* 2 has gone */
}
static void cancel_of_the_head(void) {
    (void)rouse_semaphore_cancel(&s, &waiters[0]);
}
static void release_ends_a_segment(void) {
    (void)rouse_semaphore_release(&s, 1); /* to 1; 0 has gone */
}
static void release_over_a_gap(void) {
    (void)rouse_semaphore_release(&s, 3); /* to 0, 1 and, over those that have gone, 4 */
}
static void wait_links_a_segment(void) {
    enter(6);
}

static const struct {
    const char *name;
    void (*run)(void);
    const char *gone; /* which waiter has been cancelled before */
} calls[] = {
    {"cancel ends a segment", cancel_ends_a_segment, "2"},
    {"cancel ends the neighbour of an ended one", cancel_ends_a_segment, "245"},
    {"cancel of the head", cancel_of_the_head, "123"},
    {"release ends a segment", release_ends_a_segment, "0"},
    {"release over a gap", release_over_a_gap, "23"},
    {"wait links a segment", wait_links_a_segment, ""},
    {"wait links a segment behind an ended one", wait_links_a_segment, "45"},
};

/* Others queue and cancel, two by two, in both orders, behind the waiters that are there. */
static void others(void) {
    const rouse_inbox_ mine = another_thread_begins(false);
    const seam_state mine_seam = seam;
    stopped_once = true;
    seam.stop_at = 0;
    for (long i = 0; i < rounds; i++) {
        const int first = 8 + (int)(i & 1);
        enter(8);
        enter(9);
        enter(10);
        (void)rouse_semaphore_cancel(&s, &waiters[first]);
        (void)rouse_semaphore_cancel(&s, &waiters[17 - first]);
        (void)rouse_semaphore_cancel(&s, &waiters[10]);
    }
    CHECK(another_thread_ends(false, mine));
    seam = mine_seam;
}

int main(int argc, char **argv) {
    /* All alive alone in their segments, the last and the head's, two for the stopped call, two for the other. */
    const uint64_t segments = MOST_ALIVE + 2 + 2 + 2;
    uint64_t points = 0;
    uint64_t most = 0;
    rounds = argc > 1 ? atol(argv[1]) : 1000;
    for (call = 0; call < (int)(sizeof calls / sizeof *calls); call++) {
        for (point = 1;; point++) {
            memset(&heap, 0, sizeof heap);
            stopped_once = false;
            rouse_semaphore_init(&s, 0);
            for (int i = 0; i < MOST_ALIVE; i++) {
                rouse_waiter_init(&waiters[i], NULL, NULL);
            }
            for (int i = 0; i < 6; i++) {
                enter(i);
            }
            for (const char *gone = calls[call].gone; *gone != '\0'; gone++) {
                CHECK(rouse_semaphore_cancel(&s, &waiters[*gone - '0']));
            }
            seam.passed = 0;
            seam.stopped = others;
            seam.stop_at = point;
            calls[call].run();
            seam.stop_at = 0;
            CHECK(heap.most <= 5 * segments / 4 * sizeof(rouse_segment_) + sizeof(rouse_pool_));
            most = heap.most > most ? heap.most : most;
            for (int i = 0; i < MOST_ALIVE; i++) {
                (void)rouse_semaphore_cancel(&s, &waiters[i]);
            }
            CHECK(rouse_semaphore_waiter_count(&s) == 0);
            rouse_semaphore_destroy(&s);
            CHECK(heap.bytes == 0);
            if (!stopped_once) {
                break;
            }
            points++;
        }
    }
    printf("stopped at %llu points, %ld rounds of three waiters at each: at most %llu bytes\n",
           (unsigned long long)points, rounds, (unsigned long long)most);
    printf("%llu passed, 0 failed\n", (unsigned long long)points);
    return 0;
}
