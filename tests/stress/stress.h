/* What the stress programs share: threads that start together and stop when the time is up, random numbers from a
 * printed seed, checks that end the program.
 *
 *   PROGRAM [SECONDS]     default 2. ROUSE_TEST_SEED sets the seed (default 1; "time": the clock). */
#ifndef ROUSE_TESTS_STRESS_H
#define ROUSE_TESTS_STRESS_H

#include <rouse/rouse.h>

#include <inttypes.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { THREADS = 16 };

static uint64_t stress_seed;
static uint64_t stress_deadline;

#define CHECK_CONTEXT "(ROUSE_TEST_SEED=%" PRIu64 ")", stress_seed
#define CHECK_END()   abort()
#include "../support/check.h"
#include "../support/random.h"

static inline uint64_t now_ns(void) {
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static inline void *must_alloc(size_t size) {
    void *const memory = malloc(size);
    CHECK(memory != NULL);
    return memory;
}

static inline bool time_is_up(void) {
    return now_ns() >= stress_deadline;
}

/* One for each thread. */
static inline void dice_init(dice *d, uint64_t thread) {
    dice_seed(d, stress_seed, thread);
}

/* A few moments of no fixed length, so that threads meet each other everywhere. */
static inline void dawdle(dice *d) {
    const uint32_t what = roll(d, 8);
    if (what == 0) {
        sched_yield();
    } else {
        for (volatile uint32_t i = 0; i < what * what; i++) {
        }
    }
}

static inline void stuck(int signal_number) {
    static const char text[] = "stuck: somebody was not woken\n";
    (void)signal_number;
    (void)!write(STDERR_FILENO, text, sizeof text - 1);
    abort();
}

#include <signal.h>

/* Reads the arguments, prints the seed, sets the watchdog. */
static inline void stress_begin(int argc, char **argv) {
    const char *const seed = getenv("ROUSE_TEST_SEED");
    const double seconds = argc > 1 ? atof(argv[1]) : 2;
    stress_seed = 1;
    if (seed != NULL) {
        stress_seed = strcmp(seed, "time") == 0 ? (uint64_t)time(NULL) : strtoull(seed, NULL, 0);
    }
    CHECK(seconds > 0 && argc <= 2);
    printf("ROUSE_TEST_SEED=%" PRIu64 ", %g seconds\n", stress_seed, seconds);
    (void)fflush(stdout);
    stress_deadline = now_ns() + (uint64_t)(seconds * 1e9);
    (void)signal(SIGALRM, stuck);
    (void)alarm((unsigned)seconds + 40);
}

/* Runs `body` on THREADS threads, each with its number, and waits for all. */
static inline void run_threads(void *(*body)(void *number)) {
    pthread_t threads[THREADS];
    for (uintptr_t i = 0; i < THREADS; i++) {
        CHECK(pthread_create(&threads[i], NULL, body, (void *)i) == 0);
    }
    for (int i = 0; i < THREADS; i++) {
        CHECK(pthread_join(threads[i], NULL) == 0);
    }
}

/* Waits until a polled waiter has its outcome. */
static inline rouse_status await_outcome(const rouse_waiter *w) {
    rouse_status status;
    while ((status = rouse_waiter_status(w)) == ROUSE_PENDING) {
        sched_yield();
    }
    return status;
}

#endif /* ROUSE_TESTS_STRESS_H */
