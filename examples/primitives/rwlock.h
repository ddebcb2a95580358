/* examples/primitives/rwlock.h: a read-write lock whose lock never blocks: many readers, or one writer.
 *
 * A balance of RWLOCK_READERS: a reader takes one, a writer all of them. Because the queue is first-in
 * first-out, a writer that waits keeps later readers out, and a stream of readers cannot starve it. Two locks
 * that one caller holds at a time can deadlock, reads too: a writer may stand between them.
 *
 * With the LOCKFREE backend a writer that waits costs a cell for each reader it waits for: keep
 * RWLOCK_READERS small. */
#ifndef EXAMPLE_RWLOCK_H
#define EXAMPLE_RWLOCK_H

#include <rouse/waiter_queue.h>

enum { RWLOCK_READERS = 64 }; /* so many read at a time; further ones wait */

typedef struct rwlock {
    rouse_waiter_queue queue;
} rwlock;

#define RWLOCK_INIT \
    { ROUSE_WAITER_QUEUE_INIT(RWLOCK_READERS) }

/* snippet: rwlock */
/* ROUSE_OK: locked. ROUSE_PENDING: locked when w's wake runs. Else, see rouse_waiter_queue_wait. */
static inline rouse_status rwlock_read(rwlock *l, rouse_waiter *w) {
    return rouse_waiter_queue_wait(&l->queue, w, 1);
}
static inline rouse_status rwlock_write(rwlock *l, rouse_waiter *w) {
    return rouse_waiter_queue_wait(&l->queue, w, RWLOCK_READERS);
}

/* By who holds it. Of a free lock: nothing happens. By who does not hold it, or twice: not noticed, and a
 * writer may get in beside somebody. */
static inline void rwlock_end_read(rwlock *l) {
    (void)rouse_waiter_queue_wake(&l->queue, 1, RWLOCK_READERS);
}
static inline void rwlock_end_write(rwlock *l) {
    (void)rouse_waiter_queue_wake(&l->queue, RWLOCK_READERS, RWLOCK_READERS);
}

/* A writer becomes a reader; nobody writes in between. */
static inline void rwlock_downgrade(rwlock *l) {
    (void)rouse_waiter_queue_wake(&l->queue, RWLOCK_READERS - 1, RWLOCK_READERS);
}
/* end snippet */

static inline bool rwlock_try_read(rwlock *l) {
    return rouse_waiter_queue_try_wait(&l->queue, 1);
}
static inline bool rwlock_try_write(rwlock *l) {
    return rouse_waiter_queue_try_wait(&l->queue, RWLOCK_READERS);
}

/* True: w no longer waits; readers behind a writer that leaves are let in at once. False: it has the lock, or
 * is about to. */
static inline bool rwlock_cancel(rwlock *l, rouse_waiter *w) {
    return rouse_waiter_queue_cancel(&l->queue, w);
}

/* Nobody waits, and no call is in progress but that which has granted the last waiter. */
static inline void rwlock_destroy(rwlock *l) {
    rouse_waiter_queue_destroy(&l->queue);
}

#endif /* EXAMPLE_RWLOCK_H */
