/* examples/primitives/condvar_test.c: signals reach those who wait, with the mutex, in order. */
#include "condvar.h"
#include "test.h"

enum { THREADS = 4, ITEMS = 3000 };

static int woken[4];
static int woken_count;
static rouse_mutex mutex = ROUSE_MUTEX_INIT;
static condvar_waiter waiters[4];

static void note_wake(condvar_waiter *w, rouse_status status) {
    CHECK(status == ROUSE_OK);
    CHECK(rouse_mutex_is_locked(&mutex));
    woken[woken_count++] = (int)(w - waiters);
}

static void wait_as(condvar *c, int number) {
    condvar_waiter_init(&waiters[number], &mutex, note_wake);
    CHECK(rouse_mutex_try_lock(&mutex));
    CHECK(condvar_wait(c, &waiters[number]) == ROUSE_PENDING);
    CHECK(!rouse_mutex_is_locked(&mutex));
}

static void test_order(void) {
    static condvar c = CONDVAR_INIT;
    CHECK(!condvar_signal(&c)); /* nobody waits: forgotten */
    for (int i = 0; i < 4; i++) {
        wait_as(&c, i);
    }
    CHECK(condvar_signal(&c));
    CHECK(woken_count == 1 && woken[0] == 0); /* and it holds the mutex */
    CHECK(condvar_cancel(&c, &waiters[2]));
    CHECK(condvar_broadcast(&c) == 2);
    CHECK(woken_count == 1); /* the mutex is held */
    rouse_mutex_unlock(&mutex);
    CHECK(woken_count == 2 && woken[1] == 1);
    rouse_mutex_unlock(&mutex);
    CHECK(woken_count == 3 && woken[2] == 3);
    rouse_mutex_unlock(&mutex);
    CHECK(!rouse_mutex_is_locked(&mutex) && !condvar_signal(&c));
    condvar_destroy(&c);
}

static rouse_status last_status;

static void note_status(condvar_waiter *w, rouse_status status) {
    (void)w;
    last_status = status;
}

/* One waiter has been signalled and waits for the mutex, one waits for a signal. */
static void test_too_late_and_close(void) {
    condvar c = CONDVAR_INIT;
    condvar_waiter signalled, waiting;
    condvar_waiter_init(&signalled, &mutex, note_status);
    condvar_waiter_init(&waiting, &mutex, note_status);
    CHECK(rouse_mutex_try_lock(&mutex) && condvar_wait(&c, &signalled) == ROUSE_PENDING);
    CHECK(rouse_mutex_try_lock(&mutex) && condvar_wait(&c, &waiting) == ROUSE_PENDING);
    CHECK(rouse_mutex_try_lock(&mutex));
    last_status = ROUSE_PENDING;
    CHECK(condvar_signal(&c) && !condvar_cancel(&c, &signalled));
    CHECK(last_status == ROUSE_PENDING);
    CHECK(condvar_close(&c) == 1 && last_status == ROUSE_CLOSED);
    CHECK(condvar_wait(&c, &waiting) == ROUSE_CLOSED && rouse_mutex_is_locked(&mutex)); /* still held */
    rouse_mutex_unlock(&mutex);
    CHECK(last_status == ROUSE_OK && rouse_mutex_is_locked(&mutex)); /* by who has been signalled */
    rouse_mutex_unlock(&mutex);
    CHECK(!rouse_mutex_is_locked(&mutex));
    condvar_destroy(&c);
}

/* Half of the threads put items on a pile of one, the others take them: two conditions under one mutex. */
static condvar not_full = CONDVAR_INIT, not_empty = CONDVAR_INIT;
static unsigned pile, taken;

typedef struct condvar_sleeper {
    condvar_waiter waiter; /* first */
    sem_t woken;
} condvar_sleeper;

static void on_wake(condvar_waiter *w, rouse_status status) {
    CHECK(status == ROUSE_OK);
    sem_post(&((condvar_sleeper *)w)->woken);
}

static void wait_for(condvar *c, condvar_sleeper *self) {
    CHECK(condvar_wait(c, &self->waiter) == ROUSE_PENDING);
    while (sem_wait(&self->woken) != 0) {
    }
}

static void *put_or_take(void *number) {
    const bool puts = *(int *)number % 2 == 0;
    condvar_sleeper self;
    sleeper locking;
    sleeper_init(&locking);
    sem_init(&self.woken, 0, 0);
    condvar_waiter_init(&self.waiter, &mutex, on_wake);
    for (int i = 0; i < ITEMS; i++) {
        CHECK(sleeper_await(&locking, rouse_mutex_lock(&mutex, &locking.waiter)) == ROUSE_OK);
        while (puts ? pile == 1 : pile == 0) {
            wait_for(puts ? &not_full : &not_empty, &self);
        }
        pile += puts ? 1u : -1u;
        taken += puts ? 0 : 1;
        condvar_signal(puts ? &not_empty : &not_full);
        rouse_mutex_unlock(&mutex);
    }
    return NULL;
}

int main(void) {
    test_order();
    test_too_late_and_close();
    on_threads(THREADS, put_or_take);
    CHECK(taken == THREADS / 2 * ITEMS && pile == 0);
    condvar_destroy(&not_full);
    condvar_destroy(&not_empty);
    rouse_mutex_destroy(&mutex);
    printf("condvar: %u items passed on\n", taken);
    return 0;
}
