/* examples/primitives/rwlock_test.c: readers together, writers alone, nobody starved. */
#include "rwlock.h"
#include "test.h"

#include <sched.h>
#include <stdatomic.h>

enum { THREADS = 4, ROUNDS = 3000 };

static void count_wake(rouse_waiter *w, rouse_status status) {
    CHECK(status == ROUSE_OK);
    ++*(int *)rouse_waiter_data(w);
}

static void test_order(void) {
    static rwlock l = RWLOCK_INIT;
    rouse_waiter r1, r2, r3, w1;
    int readers = 0;
    int writers = 0;
    rouse_waiter_init(&r1, count_wake, &readers);
    rouse_waiter_init(&r2, count_wake, &readers);
    rouse_waiter_init(&r3, count_wake, &readers);
    rouse_waiter_init(&w1, count_wake, &writers);
    CHECK(rwlock_read(&l, &r1) == ROUSE_OK);
    CHECK(rwlock_read(&l, &r2) == ROUSE_OK); /* together */
    CHECK(!rwlock_try_write(&l));
    CHECK(rwlock_write(&l, &w1) == ROUSE_PENDING);
    CHECK(rwlock_read(&l, &r3) == ROUSE_PENDING); /* not past the writer */
    CHECK(!rwlock_try_read(&l));
    rwlock_end_read(&l);
    CHECK(writers == 0);
    rwlock_end_read(&l);
    CHECK(writers == 1 && readers == 0); /* alone */
    rwlock_downgrade(&l);
    CHECK(readers == 1); /* the reader behind it, beside it */
    CHECK(rouse_waiter_queue_balance(&l.queue) == RWLOCK_READERS - 2);
    CHECK(!rwlock_try_write(&l));
    CHECK(rwlock_write(&l, &w1) == ROUSE_PENDING);
    CHECK(rwlock_read(&l, &r1) == ROUSE_PENDING);
    CHECK(rwlock_cancel(&l, &w1));
    CHECK(readers == 2); /* the writer has left: the reader behind it is let in */
    rwlock_end_read(&l);
    rwlock_end_read(&l);
    rwlock_end_read(&l);
    CHECK(rwlock_try_write(&l));
    rwlock_end_write(&l);
    CHECK(rouse_waiter_queue_balance(&l.queue) == RWLOCK_READERS);
    rwlock_end_write(&l); /* of a free lock: nothing happens */
    rwlock_end_read(&l);
    CHECK(rouse_waiter_queue_balance(&l.queue) == RWLOCK_READERS);
    CHECK(rwlock_try_write(&l) && !rwlock_try_read(&l));
    rwlock_end_write(&l);
    rwlock_destroy(&l);
}

static rwlock lock = RWLOCK_INIT;
static unsigned left, right; /* equal, unless somebody is writing */
static atomic_uint together, most_together;

static void *reader_or_writer(void *number) {
    const int me = *(int *)number;
    sleeper self;
    sleeper_init(&self);
    for (int i = 0; i < ROUNDS; i++) {
        if (i % THREADS == me) {
            CHECK(sleeper_await(&self, rwlock_write(&lock, &self.waiter)) == ROUSE_OK);
            left++;
            sched_yield(); /* lets others try */
            right++;
            rwlock_end_write(&lock);
        } else {
            unsigned now;
            CHECK(sleeper_await(&self, rwlock_read(&lock, &self.waiter)) == ROUSE_OK);
            now = atomic_fetch_add(&together, 1) + 1;
            if (now > atomic_load(&most_together)) {
                atomic_store(&most_together, now);
            }
            sched_yield();
            CHECK(left == right);
            atomic_fetch_sub(&together, 1);
            rwlock_end_read(&lock);
        }
    }
    return NULL;
}

int main(void) {
    test_order();
    on_threads(THREADS, reader_or_writer);
    CHECK(left == ROUNDS && right == ROUNDS);
    CHECK(rouse_waiter_queue_balance(&lock.queue) == RWLOCK_READERS);
    rwlock_destroy(&lock);
    printf("rwlock: %u writes, at most %u readers together\n", left, atomic_load(&most_together));
    return 0;
}
