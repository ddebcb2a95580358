/* rouse/rwlock.h: many readers or one writer; asking for it never blocks.
 *
 *     static rouse_rwlock lock = ROUSE_RWLOCK_INIT(1000);     // at most 1000 read at a time
 *     ...
 *     switch (rouse_rwlock_read(&lock, &task->waiter)) {
 *     case ROUSE_OK:      look(task); break;                  // it reads now
 *     case ROUSE_PENDING: break;                              // wake will call look
 *     default:            refuse(task); break;                // closed, or no memory
 *     }
 *     ...
 *     rouse_rwlock_end_read(&lock);                           // when look is done, on any thread
 *
 * The queue is strictly first-in first-out. A reader that arrives while a writer waits queues behind it, so
 * neither side starves the other. The holder is a task, not a thread: any thread may end what another one
 * began. Inside, the lock is a balance of `readers`: a reader takes 1 of it, a writer all of it.
 *
 * A holder must not ask for the lock again, not even to read: if a writer is waiting in between, each of the
 * two waits for the other forever.
 *
 * Ordering: what a writer did before end_write or downgrade happens before whatever the next holders do. What
 * readers did before end_read happens before whatever the next writer does.
 *
 * With LOCKFREE a signal handler may call end_read, end_write, downgrade, try_… and close.
 *
 * Cost: read, write, try_… and end_… are one atomic read-modify-write each while nobody waits. With MUTEX and
 * SPIN at most 16,777,215 can wait at the same time, and no more than about 2^40 / readers writers; one more
 * gets ROUSE_OVERFLOW. LOCKFREE and LOCAL have no limit. */
#ifndef ROUSE_RWLOCK_H
#define ROUSE_RWLOCK_H

#include "waiter_queue.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct rouse_rwlock {
    rouse_waiter_queue queue_;
    uint32_t readers_;
    rouse_atomic_u32_ writing_; /* 1: held by a writer that did not have to wait. Only for checks */
} rouse_rwlock;

/* The queue inside, for the headers that wait on it or look at it. */
#define ROUSE_RWLOCK_QUEUE_(l) (&(l)->queue_)

/* A lock that nobody holds. readers: how many may read at a time, 1 ... ROUSE_MAX_PERMITS; a value outside is
 * replaced by the nearest one inside. */
#define ROUSE_RWLOCK_INIT(readers) \
    { ROUSE_WAITER_QUEUE_INIT(ROUSE_RWLOCK_CUT_(readers)), ROUSE_RWLOCK_CUT_(readers), ROUSE_ATOMIC_INIT_(0) }
#define ROUSE_RWLOCK_CUT_(readers)                                                      \
    ((uint32_t)((readers) + UINT64_C(0) < 1                   ? UINT64_C(1)             \
                : (readers) + UINT64_C(0) < ROUSE_MAX_PERMITS ? (readers) + UINT64_C(0) \
                                                              : UINT64_C(0) + ROUSE_MAX_PERMITS))

/* Initialises a lock that nobody holds.
 *   ROUSE_OK        done
 *   ROUSE_INVALID   readers is 0 or above ROUSE_MAX_PERMITS; the lock has the nearest allowed number */
ROUSE_INLINE_ rouse_status rouse_rwlock_init(rouse_rwlock *l, uint32_t readers) {
    ROUSE_CHECK_OBJECT_(l);
    l->readers_ = ROUSE_RWLOCK_CUT_(readers);
    (void)rouse_queue_init_(&l->queue_, l->readers_);
    rouse_u32_init_(&l->writing_, 0);
    return l->readers_ == readers ? ROUSE_OK : ROUSE_INVALID;
}

/* Ends the lock. LOCKFREE frees its heap memory.
 * Requires that no waiter is queued and no call is in progress, except the one that has granted the last
 * waiter and is still returning. */
ROUSE_INLINE_ void rouse_rwlock_destroy(rouse_rwlock *l) {
    ROUSE_CHECK_USE_(l, &l->queue_);
    ROUSE_CHECK_(rouse_backend_waiter_count_(&l->queue_) == 0, l, "waiters are queued");
    rouse_backend_destroy_(&l->queue_);
}

/* How many may read at a time: what a writer takes. */
ROUSE_INLINE_ uint32_t rouse_rwlock_readers_(const rouse_rwlock *l) {
    return l->readers_;
}

/* A writer has the lock, and no other task. Relaxed: the lock itself orders a thread that reads it, while
 * this writer holds the lock or later, behind this write. */
ROUSE_INLINE_ void rouse_rwlock_entered_(rouse_rwlock *l) {
    rouse_u32_store_relaxed_(&l->writing_, 1);
}

/* rouse_rwlock_write without checks. */
ROUSE_INLINE_ rouse_status rouse_rwlock_write_(rouse_rwlock *l, rouse_waiter *w) {
    const rouse_status status = rouse_queue_wait_(&l->queue_, w, l->readers_);
    if (status == ROUSE_OK) {
        rouse_rwlock_entered_(l);
    }
    return status;
}

/* Take the lock to read, or to write; or queue `w` for it.
 * Return
 *   ROUSE_OK        you hold the lock
 *   ROUSE_PENDING   queued; you hold the lock when wake runs with ROUSE_OK
 *   ROUSE_CLOSED    the lock is closed
 *   ROUSE_OVERFLOW  too many wait (MUTEX, SPIN)
 *   ROUSE_NOMEM     no memory to queue w (LOCKFREE only, unless reserved)
 * Require that w is initialised and not queued.
 * Wakes: w's wake runs on the thread that grants or closes it, or in its mailbox's drain. */
ROUSE_NODISCARD_
ROUSE_INLINE_ rouse_status rouse_rwlock_read(rouse_rwlock *l, rouse_waiter *w) {
    ROUSE_CHECK_USE_(l, &l->queue_);
    ROUSE_CHECK_IDLE_(w, l);
    return rouse_queue_wait_(&l->queue_, w, 1);
}
ROUSE_NODISCARD_
ROUSE_INLINE_ rouse_status rouse_rwlock_write(rouse_rwlock *l, rouse_waiter *w) {
    ROUSE_CHECK_USE_(l, &l->queue_);
    ROUSE_CHECK_IDLE_(w, l);
    return rouse_rwlock_write_(l, w);
}

/* Take the lock if it is free for them and nobody waits. Return whether they did. Never queue. */
ROUSE_NODISCARD_
ROUSE_INLINE_ bool rouse_rwlock_try_read(rouse_rwlock *l) {
    ROUSE_CHECK_USE_(l, &l->queue_);
    return rouse_queue_try_wait_(&l->queue_, 1);
}
ROUSE_NODISCARD_
ROUSE_INLINE_ bool rouse_rwlock_try_write(rouse_rwlock *l) {
    ROUSE_CHECK_USE_(l, &l->queue_);
    if (!rouse_queue_try_wait_(&l->queue_, l->readers_)) {
        return false;
    }
    rouse_rwlock_entered_(l);
    return true;
}

/* Turns a reader into the writer, with no other writer in between. Returns true if the caller is the only
 * reader and nobody waits. False: the caller still reads; if two try at the same time, neither succeeds.
 * Requires that the caller reads. */
ROUSE_NODISCARD_
ROUSE_INLINE_ bool rouse_rwlock_try_upgrade(rouse_rwlock *l) {
    uint32_t others;
    ROUSE_CHECK_USE_(l, &l->queue_);
    others = l->readers_ - 1;
    if (others == 0 ? rouse_backend_waiter_count_(&l->queue_) != 0 || rouse_queue_closed_(&l->queue_)
                    : !rouse_queue_try_wait_(&l->queue_, others)) {
        return false;
    }
    rouse_rwlock_entered_(l);
    return true;
}

/* End a read, or a write, and let the next waiters in: the oldest, and if that is a reader, the readers that
 * follow it. Their wakes run on this thread.
 *   ROUSE_OK        done
 *   ROUSE_INVALID   nobody reads, or nobody writes; nothing changed, and ROUSE_DEBUG aborts
 * They detect misuse only as far as the balance shows it. While others wait, or all `readers` read, they
 * cannot tell a reader from a writer that had to wait for the lock. ROUSE_DEBUG detects one more case: if the
 * writer at the head of the queue has already been given something, nobody writes (with LOCKFREE, not if it
 * lacks 1). */
ROUSE_INLINE_ rouse_status rouse_rwlock_end_read(rouse_rwlock *l) {
    rouse_status status = ROUSE_INVALID;
    ROUSE_CHECK_USE_(l, &l->queue_);
    /* Relaxed: see rouse_rwlock_entered_. */
    if (rouse_u32_load_relaxed_(&l->writing_) == 0) {
        status = rouse_queue_give_back_(&l->queue_, 1, l->readers_);
    }
    ROUSE_CHECK_(status == ROUSE_OK, l, "nobody reads");
    return status;
}
ROUSE_INLINE_ rouse_status rouse_rwlock_end_write(rouse_rwlock *l) {
    rouse_status status;
    ROUSE_CHECK_USE_(l, &l->queue_);
    ROUSE_CHECK_(rouse_backend_given_(&l->queue_, l->readers_) == 0, l,
                 "nobody writes: a writer waits for readers");
    /* Relaxed, twice: see rouse_rwlock_entered_. A writer that had to wait has not set it. */
    if (rouse_u32_load_relaxed_(&l->writing_) != 0) {
        rouse_u32_store_relaxed_(&l->writing_, 0);
    }
    status = rouse_queue_give_back_(&l->queue_, l->readers_, l->readers_);
    ROUSE_CHECK_(status == ROUSE_OK, l, "nobody writes");
    return status;
}

/* Turns the writer into a reader, with no other writer in between, and lets in the readers at the head of the
 * queue. End it with end_read. Returns the same statuses as end_write. */
ROUSE_INLINE_ rouse_status rouse_rwlock_downgrade(rouse_rwlock *l) {
    rouse_status status;
    ROUSE_CHECK_USE_(l, &l->queue_);
    ROUSE_CHECK_(rouse_backend_given_(&l->queue_, l->readers_) == 0, l,
                 "nobody writes: a writer waits for readers");
    /* Relaxed, twice: as in end_write. */
    if (rouse_u32_load_relaxed_(&l->writing_) != 0) {
        rouse_u32_store_relaxed_(&l->writing_, 0);
    }
    /* One unit stays with the caller, so no more than readers - 1 can be stored, and any at all means that
     * nobody writes. */
    status = rouse_queue_give_back_(&l->queue_, l->readers_ - 1, l->readers_ - 1);
    ROUSE_CHECK_(status == ROUSE_OK, l, "nobody writes");
    return status;
}

/* Takes `w` out of the queue, and lets in the waiters behind it that need not wait any more, on this thread.
 * Returns true: w is yours again, and its wake will never run. False: w has been woken or is being woken; if
 * its outcome is ROUSE_OK it holds the lock, and you must end that.
 * Requires that w was last queued on this lock. */
ROUSE_NODISCARD_
ROUSE_INLINE_ bool rouse_rwlock_cancel(rouse_rwlock *l, rouse_waiter *w) {
    ROUSE_CHECK_USE_(l, &l->queue_);
    ROUSE_CHECK_OWNED_(w, &l->queue_, l);
    return rouse_backend_cancel_(&l->queue_, w);
}

/* Closes the lock: wakes all waiters with ROUSE_CLOSED, on this thread. Later reads and writes return
 * ROUSE_CLOSED, and later tries false. Holders keep the lock and end it as usual.
 * Returns how many it woke. */
ROUSE_INLINE_ uint32_t rouse_rwlock_close(rouse_rwlock *l) {
    ROUSE_CHECK_USE_(l, &l->queue_);
    return rouse_backend_close_(&l->queue_);
}

/* Returns whether the lock is closed. */
ROUSE_INLINE_ bool rouse_rwlock_is_closed(const rouse_rwlock *l) {
    ROUSE_CHECK_LOOK_(l, &l->queue_);
    return rouse_queue_closed_(&l->queue_);
}

/* Returns how many waiters are queued, readers and writers; a snapshot. */
ROUSE_INLINE_ uint32_t rouse_rwlock_waiter_count(const rouse_rwlock *l) {
    ROUSE_CHECK_LOOK_(l, &l->queue_);
    return rouse_backend_waiter_count_(&l->queue_);
}

/* Reserves memory so that up to `waiters` readers and writers can queue at the same time without allocating.
 * Returns ROUSE_OK, or ROUSE_NOMEM (LOCKFREE only) if it could not get the memory; then it has reserved
 * none. */
ROUSE_INLINE_ rouse_status rouse_rwlock_reserve(rouse_rwlock *l, uint32_t waiters) {
    ROUSE_CHECK_USE_(l, &l->queue_);
    return rouse_backend_reserve_(&l->queue_, waiters);
}

#endif /* ROUSE_RWLOCK_H */
