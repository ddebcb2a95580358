/* What every unit test shares: a waiter that remembers what happened to it, and a log of all wakes in the
 * order in which they ran. Each Criterion test is a separate process, so the globals start with their
 * initial values every time. */
#ifndef ROUSE_TESTS_UNIT_SUPPORT_H
#define ROUSE_TESTS_UNIT_SUPPORT_H

#include "../support/sanitized.h"
#include "../support/witness.h"

#include <criterion/criterion.h>

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

typedef struct witness probe;

#define LOG_MAX 4096
static int wake_log[LOG_MAX];
static size_t wake_log_length;
static _Thread_local int wakes_running;

static inline void probe_wake(rouse_waiter *w, rouse_status status) {
    probe *const p = witness_woken(w, status);
    cr_assert_eq(&p->waiter, w);
    cr_assert_eq(wakes_running, 0, "a wake ran inside another wake of its thread");
    cr_assert_eq(rouse_waiter_status(w), status, "the outcome is stored before wake is called");
    cr_assert_lt(wake_log_length, (size_t)LOG_MAX);
    wake_log[wake_log_length++] = p->id;
    wakes_running++;
    if (p->then != NULL) {
        p->then(p);
    }
    wakes_running--;
}

static inline void probe_init(probe *p, int id) {
    witness_init(p, id, probe_wake, ROUSE_PENDING);
}

/* Numbers them 0, 1, 2, … */
static inline void probes_init(probe *p, int count) {
    for (int i = 0; i < count; i++) {
        probe_init(&p[i], i);
    }
}

static inline void check_wakes(int line, const int *expected, size_t count) {
    cr_assert_eq(wake_log_length, count, "line %d: %zu wakes ran, not %zu", line, wake_log_length, count);
    for (size_t i = 0; i < count; i++) {
        cr_assert_eq(wake_log[i], expected[i], "line %d: wake %zu was of %d, not of %d", line, i, wake_log[i],
                     expected[i]);
    }
    wake_log_length = 0;
}

/* These waiters, in this order, have been woken since the last look; or nobody has. */
#define expect_wakes(...) \
    check_wakes(__LINE__, (const int[]){__VA_ARGS__}, sizeof((const int[]){__VA_ARGS__}) / sizeof(int))
#define expect_no_wakes() check_wakes(__LINE__, NULL, 0)

/* The balance and the number of waiters of a queue at rest. */
#define expect_queue(q, balance, waiters)                                      \
    do {                                                                       \
        cr_assert_eq(rouse_waiter_queue_balance(q), (int64_t)(balance));       \
        cr_assert_eq(rouse_waiter_queue_waiter_count(q), (uint32_t)(waiters)); \
    } while (0)

static inline void *must_alloc(size_t size) {
    void *const memory = malloc(size);
    cr_assert_not_null(memory);
    return memory;
}

/* A test whose threads share an object: LOCAL's are one thread's. */
#ifndef WITH_THREADS
#    define WITH_THREADS (ROUSE_BACKEND != ROUSE_BACKEND_LOCAL)
#endif
#define SHARED_TEST(...) Test(__VA_ARGS__, .disabled = !WITH_THREADS)

/* Runs `body` on a new thread and waits for it. stack: its size, 0 for the default. */
static inline void run_on_thread(void *(*body)(void *), void *arg, size_t stack) {
    pthread_t thread;
    pthread_attr_t attributes;
    cr_assert_eq(pthread_attr_init(&attributes), 0);
    if (stack != 0) {
        cr_assert_eq(pthread_attr_setstacksize(&attributes, stack), 0);
    }
    cr_assert_eq(pthread_create(&thread, &attributes, body, arg), 0);
    cr_assert_eq(pthread_join(thread, NULL), 0);
    cr_assert_eq(pthread_attr_destroy(&attributes), 0);
}

#endif /* ROUSE_TESTS_UNIT_SUPPORT_H */
