/* rouse/gate.h: counts those inside, closes, and tells when the last has left.
 *
 *     rouse_gate_init(&gate, 0);
 *     ...
 *     if (!rouse_gate_enter(&gate)) {             // when a request arrives, before it queues for anything
 *         refuse(request);                        // the gate is closed: the server is shutting down
 *     }
 *     ...
 *     rouse_gate_leave(&gate, 1);                 // last, when the request has been answered
 *     ...
 *     rouse_gate_close(&gate);                    // on SIGTERM
 *     status = rouse_gate_wait(&gate, &waiter);   // ROUSE_OK, or ROUSE_PENDING and wake: everybody has left
 *
 * It also serves as a latch and a wait-group: init with the number of parts, or enter for each; each part
 * leaves; close; wait.
 *
 * Enter where the request arrives. If a request enters only when a limit or a mutex lets it in, the gate does
 * not count it while it queues there. Then the gate may drain just before the last one to leave starts that
 * request.
 *
 * Guarantees. After a wait is satisfied nobody is inside and nobody will be, and whatever anyone did before
 * its leave happens before whatever follows the wait. The waiter may then destroy the gate, even while the
 * leave that woke it is still returning. Only wait tells you that: a count of 0 does not mean that the last
 * leave is over.
 *
 * With LOCKFREE a signal handler may call enter, leave and close.
 *
 * The all-zero object is an open gate with nobody inside. Cost: enter and leave, one atomic read-modify-write
 * each. */
#ifndef ROUSE_GATE_H
#define ROUSE_GATE_H

#include "config.h"
#include "detail/base/atomic.h"
#include "detail/base/check.h"
#include "event.h"
#include "waiter.h"

#include <stdbool.h>
#include <stdint.h>

/* word_ = 2 * inside + closed. Once the gate is closed the number only falls, so the word reaches (0 inside,
 * closed) once. The call that takes it there sets drained_; no other call touches the gate after it has
 * changed the word. */
typedef struct rouse_gate {
    rouse_atomic_u64_ word_;
    rouse_event drained_;
} rouse_gate;

/* The queue inside, for the headers that look at it. */
#define ROUSE_GATE_QUEUE_(g) ROUSE_EVENT_QUEUE_(&(g)->drained_)

#define ROUSE_GATE_CLOSED_ ((uint64_t)1)
#define ROUSE_GATE_ONE_    ((uint64_t)2)

/* An open gate with `inside` inside. */
#define ROUSE_GATE_INIT(inside) \
    { ROUSE_ATOMIC_INIT_(ROUSE_GATE_ONE_ *(inside)), ROUSE_EVENT_INIT }

/* Initialises an open gate with `inside` inside. */
ROUSE_INLINE_ void rouse_gate_init(rouse_gate *g, uint32_t inside) {
    ROUSE_CHECK_OBJECT_(g);
    rouse_u64_init_(&g->word_, ROUSE_GATE_ONE_ * inside);
    (void)rouse_queue_init_(ROUSE_GATE_QUEUE_(g), 0);
}

/* Ends the object. LOCKFREE frees its heap memory.
 * Requires that no waiter is queued and no call is in progress, except the leave or close that has woken the
 * last waiter and is still returning. */
ROUSE_INLINE_ void rouse_gate_destroy(rouse_gate *g) {
    ROUSE_CHECK_USE_(g, ROUSE_GATE_QUEUE_(g));
    ROUSE_CHECK_(rouse_backend_waiter_count_(ROUSE_GATE_QUEUE_(g)) == 0, g, "waiters are queued");
    rouse_backend_destroy_(ROUSE_GATE_QUEUE_(g));
}

/* Changes the word if it is still *seen. */
ROUSE_INLINE_ bool rouse_gate_change_(rouse_gate *g, uint64_t *seen, uint64_t after) {
    /* E41: release, for what came before this leave or close. Acquire, for the call that finds nobody inside
     * any more: it passes on what came before every leave. */
    return rouse_u64_cas_acq_rel_(&g->word_, seen, after);
}

/* Counts one more inside. Returns whether it did; false: the gate is closed, and nothing changed. */
ROUSE_INLINE_ bool rouse_gate_enter(rouse_gate *g) {
    uint64_t seen;
    ROUSE_CHECK_USE_(g, ROUSE_GATE_QUEUE_(g));
    /* E41: acquire; what came before close happens before what follows the answer "closed". */
    seen = rouse_u64_load_acquire_(&g->word_);
    do {
        if ((seen & ROUSE_GATE_CLOSED_) != 0) {
            return false;
        }
    } while (!rouse_gate_change_(g, &seen, seen + ROUSE_GATE_ONE_));
    return true;
}

/* Counts n fewer inside. If the gate is closed and nobody is left inside, it wakes the waiters, on this
 * thread, before it returns; one of them may destroy the gate.
 *   ROUSE_OK         done
 *   ROUSE_OVERFLOW   fewer than n are inside; nothing changed (ROUSE_DEBUG aborts) */
ROUSE_INLINE_ rouse_status rouse_gate_leave(rouse_gate *g, uint32_t n) {
    uint64_t seen;
    uint64_t after;
    ROUSE_CHECK_USE_(g, ROUSE_GATE_QUEUE_(g));
    seen = rouse_u64_load_relaxed_(&g->word_); /* relaxed: a guess for the CAS */
    do {
        if (seen / ROUSE_GATE_ONE_ < n) {
            ROUSE_CHECK_(false, g, "more leave than are inside");
            return ROUSE_OVERFLOW;
        }
        after = seen - ROUSE_GATE_ONE_ * n;
    } while (n != 0 && !rouse_gate_change_(g, &seen, after));
    if (after == ROUSE_GATE_CLOSED_ && n != 0) {
        (void)rouse_queue_set_(ROUSE_GATE_QUEUE_(g));
    }
    return ROUSE_OK;
}

/* Closes the gate: every later enter returns false. Closing it again changes nothing. If nobody is inside it
 * wakes the waiters, on this thread. Returns how many it woke. */
ROUSE_INLINE_ uint32_t rouse_gate_close(rouse_gate *g) {
    uint64_t seen;
    ROUSE_CHECK_USE_(g, ROUSE_GATE_QUEUE_(g));
    seen = rouse_u64_load_relaxed_(&g->word_); /* relaxed: a guess for the CAS, or it was closed before */
    do {
        if ((seen & ROUSE_GATE_CLOSED_) != 0) {
            return 0;
        }
    } while (!rouse_gate_change_(g, &seen, seen + ROUSE_GATE_CLOSED_));
    return seen == 0 ? rouse_queue_set_(ROUSE_GATE_QUEUE_(g)) : 0;
}

/* Returns whether the gate is closed. What came before close happens before what follows a true answer. */
ROUSE_INLINE_ bool rouse_gate_is_closed(const rouse_gate *g) {
    ROUSE_CHECK_LOOK_(g, ROUSE_GATE_QUEUE_(g));
    /* E41: acquire, as in enter. */
    return (rouse_u64_load_acquire_(&g->word_) & ROUSE_GATE_CLOSED_) != 0;
}

/* Returns how many are inside; a snapshot. */
ROUSE_INLINE_ uint32_t rouse_gate_count(const rouse_gate *g) {
    uint64_t inside;
    ROUSE_CHECK_LOOK_(g, ROUSE_GATE_QUEUE_(g));
    inside = rouse_u64_load_relaxed_(&g->word_) / ROUSE_GATE_ONE_; /* relaxed: a snapshot */
    return inside < UINT32_MAX ? (uint32_t)inside : UINT32_MAX;
}

/* rouse_gate_wait without checks. */
ROUSE_INLINE_ rouse_status rouse_gate_wait_(rouse_gate *g, rouse_waiter *w) {
    return rouse_event_wait_(&g->drained_, w);
}

/* Waits until the gate is closed and nobody is inside. You may call it before close.
 *   ROUSE_OK        the gate is closed and nobody is or will be inside
 *   ROUSE_PENDING   queued; the last leave (or the close) wakes w with ROUSE_OK
 *   ROUSE_OVERFLOW  16,777,215 wait already (MUTEX, SPIN)
 *   ROUSE_NOMEM     no memory to queue w (LOCKFREE only); nothing changed
 * Wakes: w's wake runs on the thread that leaves or closes, or in its mailbox's drain. */
ROUSE_NODISCARD_
ROUSE_INLINE_ rouse_status rouse_gate_wait(rouse_gate *g, rouse_waiter *w) {
    ROUSE_CHECK_USE_(g, ROUSE_GATE_QUEUE_(g));
    ROUSE_CHECK_IDLE_(w, g);
    return rouse_gate_wait_(g, w);
}

/* Takes `w` out of the queue.
 * Returns true: w is yours again, and its wake will never run. False: w has been woken or is being woken.
 * Requires that w was last queued on this gate. */
ROUSE_NODISCARD_
ROUSE_INLINE_ bool rouse_gate_cancel(rouse_gate *g, rouse_waiter *w) {
    ROUSE_CHECK_USE_(g, ROUSE_GATE_QUEUE_(g));
    ROUSE_CHECK_OWNED_(w, ROUSE_GATE_QUEUE_(g), g);
    return rouse_backend_cancel_(ROUSE_GATE_QUEUE_(g), w);
}

/* Returns how many waiters are queued; a snapshot. */
ROUSE_INLINE_ uint32_t rouse_gate_waiter_count(const rouse_gate *g) {
    ROUSE_CHECK_LOOK_(g, ROUSE_GATE_QUEUE_(g));
    return rouse_backend_waiter_count_(ROUSE_GATE_QUEUE_(g));
}

/* Reserves memory so that up to `waiters` waits can queue at the same time without allocating. Returns
 * ROUSE_OK, or ROUSE_NOMEM (LOCKFREE only) if it could not get the memory; then it has reserved none. */
ROUSE_INLINE_ rouse_status rouse_gate_reserve(rouse_gate *g, uint32_t waiters) {
    ROUSE_CHECK_USE_(g, ROUSE_GATE_QUEUE_(g));
    return rouse_backend_reserve_(ROUSE_GATE_QUEUE_(g), waiters);
}

#if ROUSE_BACKEND != ROUSE_BACKEND_LOCAL
/* Block a plain thread until the gate is closed and nobody is inside, _timed for at most timeout_ns
 * (blocking.h says what both promise). ROUSE_TIMEDOUT: somebody is still inside, or the gate is open; nothing
 * changed. */
ROUSE_NODISCARD_
ROUSE_INLINE_ rouse_status rouse_gate_wait_timed(rouse_gate *g, uint64_t timeout_ns) {
    ROUSE_CHECK_USE_(g, ROUSE_GATE_QUEUE_(g));
    ROUSE_CHECK_(!rouse_deliver_inside_(), g, "blocking inside a wake");
    return rouse_event_block_(&g->drained_, timeout_ns);
}
ROUSE_NODISCARD_
ROUSE_INLINE_ rouse_status rouse_gate_wait_blocking(rouse_gate *g) {
    ROUSE_CHECK_USE_(g, ROUSE_GATE_QUEUE_(g));
    ROUSE_CHECK_(!rouse_deliver_inside_(), g, "blocking inside a wake");
    return rouse_event_block_(&g->drained_, UINT64_MAX);
}
#endif

#endif /* ROUSE_GATE_H */
