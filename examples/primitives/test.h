/* examples/primitives/test.h: a check that says where it failed, and threads. */
#ifndef EXAMPLE_TEST_H
#define EXAMPLE_TEST_H

#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>

#include <rouse/waiter.h>

#define CHECK(condition)                                                    \
    do {                                                                    \
        if (!(condition)) {                                                 \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition); \
            exit(1);                                                        \
        }                                                                   \
    } while (0)

/* A thread that sleeps until its waiter is woken. */
typedef struct sleeper {
    rouse_waiter waiter;
    sem_t woken;
    rouse_status status;
} sleeper;

static inline void sleeper_wake(rouse_waiter *w, rouse_status status) {
    sleeper *const s = (sleeper *)rouse_waiter_data(w);
    s->status = status;
    sem_post(&s->woken);
}

static inline void sleeper_init(sleeper *s) {
    sem_init(&s->woken, 0, 0);
    rouse_waiter_init(&s->waiter, sleeper_wake, s);
}

/* What a call has answered, or the outcome once it is there. */
static inline rouse_status sleeper_await(sleeper *s, rouse_status answer) {
    if (answer != ROUSE_PENDING) {
        return answer;
    }
    while (sem_wait(&s->woken) != 0) {
    }
    return s->status;
}

enum { MOST_THREADS = 8 };

/* Runs `run` on that many threads, and waits for them. Each gets its number. */
static inline void on_threads(int count, void *(*run)(void *number)) {
    static int numbers[MOST_THREADS];
    pthread_t threads[MOST_THREADS];
    for (int i = 0; i < count; i++) {
        numbers[i] = i;
        CHECK(pthread_create(&threads[i], NULL, run, &numbers[i]) == 0);
    }
    for (int i = 0; i < count; i++) {
        pthread_join(threads[i], NULL);
    }
}

#endif /* EXAMPLE_TEST_H */
