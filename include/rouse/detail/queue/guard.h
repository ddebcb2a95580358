/* rouse/detail/queue/guard.h: the lock of a primitive that keeps waiters in its own lists. Internal.
 *
 * A channel changes its ring and a list of waiters in one step. A condition variable does the same with its
 * list and the queue of a mutex. They hold a guard for those few instructions, and deliver the wakes after
 * they have dropped it.
 *
 *   MUTEX             the platform's mutex
 *   SPIN, LOCKFREE    one word; a thread that finds it taken backs off (base/platform.h)
 *   LOCAL             nothing, because there is one thread. ROUSE_DEBUG: which thread owns the object
 *
 * Dropping the guard is a call's last access to the object. No signal handler may take it: it would wait for
 * the thread that it has interrupted. */
#ifndef ROUSE_DETAIL_QUEUE_GUARD_H
#define ROUSE_DETAIL_QUEUE_GUARD_H

#include "../../waiter.h"
#include "../base/atomic.h"
#include "../base/check.h"
#include "../base/lock.h"
#include "../base/owner.h"
#include "../base/platform.h"
#include "../wake/outcome.h"
#include "list.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#if ROUSE_BACKEND == ROUSE_BACKEND_MUTEX

/* E46: the mutex itself orders one holder before the next. */
typedef rouse_lock_ rouse_guard_;
#    if defined(ROUSE_LOCK_INIT_)
#        define ROUSE_GUARD_INIT_ ROUSE_LOCK_INIT_
#    endif
ROUSE_INLINE_ void rouse_guard_init_(rouse_guard_ *guard) {
    rouse_lock_init_(guard);
}
ROUSE_INLINE_ void rouse_guard_destroy_(rouse_guard_ *guard) {
    rouse_lock_destroy_(guard);
}
ROUSE_INLINE_ void rouse_guard_take_(rouse_guard_ *guard) {
    rouse_lock_take_(guard);
}
ROUSE_INLINE_ void rouse_guard_drop_(rouse_guard_ *guard) {
    rouse_lock_drop_(guard);
}

#elif ROUSE_BACKEND == ROUSE_BACKEND_LOCAL

typedef struct rouse_guard_ {
    rouse_atomic_ptr_ thread_; /* NULL: not used yet */
} rouse_guard_;
#    define ROUSE_GUARD_INIT_ \
        { ROUSE_ATOMIC_INIT_(NULL) }
ROUSE_INLINE_ void rouse_guard_init_(rouse_guard_ *guard) {
#    ifdef ROUSE_DEBUG
    rouse_ptr_init_(&guard->thread_, rouse_platform_thread_());
#    else
    rouse_ptr_init_(&guard->thread_, NULL);
#    endif
}
ROUSE_INLINE_ void rouse_guard_destroy_(rouse_guard_ *guard) {
    (void)guard;
}
ROUSE_INLINE_ void rouse_guard_take_(rouse_guard_ *guard) {
#    ifdef ROUSE_DEBUG
    /* Relaxed: rouse_owner_look_ says why. */
    rouse_ptr_store_relaxed_(&guard->thread_, rouse_platform_thread_());
#    endif
    (void)guard;
}
ROUSE_INLINE_ void rouse_guard_drop_(rouse_guard_ *guard) {
    (void)guard;
}

#else

typedef struct rouse_guard_ {
    rouse_atomic_u32_ held_; /* 0: free */
} rouse_guard_;
#    define ROUSE_GUARD_INIT_ \
        { ROUSE_ATOMIC_INIT_(0) }
ROUSE_INLINE_ void rouse_guard_init_(rouse_guard_ *guard) {
    rouse_u32_init_(&guard->held_, 0);
}
ROUSE_INLINE_ void rouse_guard_destroy_(rouse_guard_ *guard) {
    (void)guard;
}
/* Waits until the guard looks free. */
ROUSE_COLD_ void rouse_guard_await_(rouse_guard_ *guard) {
    uint32_t step = 1;
    do {
        rouse_platform_back_off_(&step);
    } while (rouse_u32_load_relaxed_(&guard->held_) != 0); /* relaxed: a guess for the CAS that follows */
}
ROUSE_INLINE_ void rouse_guard_take_(rouse_guard_ *guard) {
    uint32_t seen = 0;
    /* E46: acquire. The partner is the release store in rouse_guard_drop_; what the guard covers is plain. */
    while (!ROUSE_LIKELY_(rouse_u32_cas_acquire_(&guard->held_, &seen, 1))) {
        rouse_guard_await_(guard);
        seen = 0;
    }
}
ROUSE_INLINE_ void rouse_guard_drop_(rouse_guard_ *guard) {
    rouse_u32_store_release_(&guard->held_, 0); /* E46 */
}

#endif

/* Begins every public call on a guarded object. With LOCAL and ROUSE_DEBUG it aborts on a thread that does
 * not own the object. */
#if ROUSE_BACKEND == ROUSE_BACKEND_LOCAL && defined(ROUSE_DEBUG)
#    define ROUSE_CHECK_GUARDED_(object) \
        (ROUSE_CHECK_OBJECT_(object), (void)rouse_owner_look_(&(object)->guard_.thread_, (object), __func__))
#else
#    define ROUSE_CHECK_GUARDED_(object) ROUSE_CHECK_OBJECT_(object)
#endif

/* ---- waiters in a guarded list ------------------------------------------------------------------------- */

/* Queues w on `object`. ticket_ is `mark`, not 0, while w is in the list. All relaxed: under the guard.
 * Dropping the guard publishes w. */
ROUSE_INLINE_ void rouse_guarded_add_(rouse_list_ *list, rouse_waiter *w, uint32_t mark, void *object) {
    rouse_u32_store_relaxed_(&w->ticket_, mark);
    rouse_u32_store_relaxed_(&w->status_, (uint32_t)ROUSE_PENDING);
    ROUSE_OWN_(w, object);
    ROUSE_TRACE("queue", object, w);
    (void)object;
    rouse_list_append_(list, w);
}
ROUSE_INLINE_ uint32_t rouse_guarded_mark_(const rouse_waiter *w) {
    return rouse_u32_load_relaxed_(&w->ticket_); /* under the guard */
}
ROUSE_INLINE_ void rouse_guarded_remove_(rouse_list_ *list, rouse_waiter *w) {
    rouse_u32_store_relaxed_(&w->ticket_, 0); /* under the guard */
    rouse_list_remove_(list, w);
}
/* Takes out w, the oldest. */
ROUSE_INLINE_ void rouse_guarded_pop_(rouse_list_ *list, rouse_waiter *w) {
    rouse_u32_store_relaxed_(&w->ticket_, 0); /* under the guard */
    rouse_list_pop_(list, w);
}
/* Takes all waiters out. Returns the oldest, linked to the others by next_. */
ROUSE_INLINE_ rouse_waiter *rouse_guarded_take_all_(rouse_list_ *list) {
    rouse_waiter *const first = rouse_list_take_all_(list);
    for (rouse_waiter *w = first; w != NULL; w = w->next_) {
        rouse_u32_store_relaxed_(&w->ticket_, 0); /* under the guard */
    }
    return first;
}

#endif /* ROUSE_DETAIL_QUEUE_GUARD_H */
