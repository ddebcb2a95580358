/* examples/common/backend.c: threads that take calls from a list, and sleep. */
#include "backend.h"

#include <pthread.h>
#include <stddef.h>
#include <time.h>

enum { MAX_THREADS = 64 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static pthread_t threads[MAX_THREADS];
static unsigned thread_count, milliseconds, in_progress, high_water;
static bool hangs, stops;
static backend_call *first, **end = &first;

static void sleep_ms(unsigned ms) {
    struct timespec left = {(time_t)(ms / 1000), (long)(ms % 1000) * 1000000};
    while (nanosleep(&left, &left) != 0) {
    }
}

/* The next call, as soon as there is one and the backend does not hang; NULL: it is over. */
static backend_call *take(void) {
    backend_call *call = NULL;
    pthread_mutex_lock(&lock);
    while ((first == NULL || hangs) && !stops) {
        pthread_cond_wait(&changed, &lock);
    }
    if (first != NULL) {
        call = first;
        first = call->next;
        if (first == NULL) {
            end = &first;
        }
    }
    pthread_mutex_unlock(&lock);
    return call;
}

static void *serve(void *unused) {
    backend_call *call;
    (void)unused;
    while ((call = take()) != NULL) {
        sleep_ms(milliseconds);
        pthread_mutex_lock(&lock);
        in_progress--;
        pthread_mutex_unlock(&lock);
        call->done(call->data);
    }
    return NULL;
}

bool backend_start(unsigned count, unsigned work_ms) {
    milliseconds = work_ms;
    while (thread_count < count && thread_count < MAX_THREADS) {
        if (pthread_create(&threads[thread_count], NULL, serve, NULL) != 0) {
            return false;
        }
        thread_count++;
    }
    return true;
}

void backend_submit(backend_call *call, void (*done)(void *data), void *data) {
    call->next = NULL;
    call->done = done;
    call->data = data;
    pthread_mutex_lock(&lock);
    *end = call;
    end = &call->next;
    in_progress++;
    if (in_progress > high_water) {
        high_water = in_progress;
    }
    pthread_cond_signal(&changed);
    pthread_mutex_unlock(&lock);
}

void backend_set_hanging(bool hanging) {
    pthread_mutex_lock(&lock);
    hangs = hanging;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
}

static unsigned read_locked(const unsigned *value) {
    unsigned result;
    pthread_mutex_lock(&lock);
    result = *value;
    pthread_mutex_unlock(&lock);
    return result;
}

unsigned backend_in_progress(void) {
    return read_locked(&in_progress);
}

unsigned backend_high_water(void) {
    return read_locked(&high_water);
}

void backend_stop(void) {
    pthread_mutex_lock(&lock);
    stops = true;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
    while (thread_count > 0) {
        pthread_join(threads[--thread_count], NULL);
    }
}
