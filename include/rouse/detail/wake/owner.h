/* rouse/detail/wake/owner.h: ROUSE_DEBUG: what a waiter is queued on. Internal, for waiter.h only.
 *
 *   owner_                   the waiter is
 *   NONE                     not queued
 *   key(w) ^ object          queued on the object, or granted by it and its wake has not begun
 *   key(w) ^ (queue | 2)     the same for the queue of a mutex that checks for a second lock by its holder
 *   key(w) ^ (mailbox | 1)   in a mailbox, by rouse_mailbox_post
 *   anything else            not initialised, or it was moved while it was queued
 *
 * The key depends on the waiter's address, and its upper bits stay visible because those of an address are 0.
 * So the check tells a copy of a queued waiter from the original, and tells both from memory that never was a
 * waiter. All orders are relaxed: the checks report the misuse that they see, and do not prove its absence.
 *
 * A mailbox counts the queued waiters that were made on it, because it must not be destroyed while it has
 * any. */
#include "../../waiter.h" /* includes this file, where the waiter is known */

#ifndef ROUSE_DETAIL_WAKE_OWNER_H
#    define ROUSE_DETAIL_WAKE_OWNER_H

#    include "../base/atomic.h"
#    include "../base/check.h"
#    include "../base/owner.h"
#    include "../base/platform.h"

#    include <stdbool.h>
#    include <stddef.h>
#    include <stdint.h>
#    include <stdio.h>

#    ifdef ROUSE_DEBUG

#        define ROUSE_OWNER_NONE_    UINT64_C(0xb1a7ed5e6f2c93d4)
#        define ROUSE_OWNER_ADDRESS_ UINT64_C(0x0000ffffffffffff) /* an address; above it may be a tag */

/* The head of a mailbox. */
typedef struct rouse_mailbox_check_ {
    const void *self;       /* its own address from init to destroy                            */
    rouse_atomic_ptr_ loop; /* the thread that drains it; NULL: none has yet                   */
    rouse_atomic_ptr_ last; /* the waiter that was queued last                                 */
    rouse_atomic_u32_ queued;
} rouse_mailbox_check_;

ROUSE_INLINE_ uint64_t rouse_owner_key_(const rouse_waiter *w) {
    return ((uintptr_t)w & ROUSE_OWNER_ADDRESS_) * UINT64_C(0x9e3779b97f4a7c15) ^
           UINT64_C(0x5dc31a0b86f7e429);
}

/* Returns the object, with the bits above. 0: NONE. All ones: neither. */
ROUSE_INLINE_ uint64_t rouse_owner_get_(const rouse_waiter *w) {
    const uint64_t raw = rouse_u64_load_relaxed_(&w->owner_);
    const uint64_t owner = raw ^ rouse_owner_key_(w);
    if (raw == ROUSE_OWNER_NONE_) {
        return 0;
    }
    return (owner & ~ROUSE_OWNER_ADDRESS_) == 0 && owner != 0 ? owner : UINT64_MAX;
}

ROUSE_INLINE_ bool rouse_owner_counts_(const rouse_waiter *w, uint64_t owner) {
    return w->wake_ != NULL && w->mailbox_ != NULL && (owner & 1) == 0;
}

/* Notes the object. Relaxed: the count is read only when no waiter is queued. */
ROUSE_INLINE_ void rouse_owner_set_(rouse_waiter *w, const void *object, uint64_t tag) {
    const uint64_t owner = ((uintptr_t)object & ROUSE_OWNER_ADDRESS_) | tag;
    if (rouse_owner_get_(w) == 0 && rouse_owner_counts_(w, owner)) {
        rouse_mailbox_check_ *const check = (rouse_mailbox_check_ *)(void *)w->mailbox_;
        (void)rouse_u32_add_relaxed_(&check->queued, 1);
        rouse_ptr_store_relaxed_(&check->last, w);
    }
    rouse_u64_store_relaxed_(&w->owner_, owner ^ rouse_owner_key_(w));
}
/* Notes that w queues on a waiter queue. */
ROUSE_INLINE_ void rouse_owner_queued_(rouse_waiter *w, const void *q) {
    const char *const holder = (const char *)q + ROUSE_HOLDER_AT_;
    rouse_owner_set_(w, q, rouse_owner_asks_((const rouse_atomic_ptr_ *)(const void *)holder) ? 2 : 0);
}
/* Notes that w has been given what it queued for, before it is woken. If w queued for a mutex that checks its
 * holder, this call stores `data` in the mutex's queue: the data of w, or of the waiter that w queued for.
 * The mutex still exists, because a thread may destroy it only after it knows that w does not wait. */
ROUSE_INLINE_ void rouse_owner_held_(const rouse_waiter *w, void *data) {
    const uint64_t owner = rouse_owner_get_(w);
    if ((owner & 3) == 2) {
        const uintptr_t holder = (owner - 2 + ROUSE_HOLDER_AT_) & UINTPTR_MAX;
        rouse_owner_hold_((rouse_atomic_ptr_ *)holder, data);
    }
}
ROUSE_INLINE_ void rouse_owner_clear_(rouse_waiter *w) {
    const uint64_t owner = rouse_owner_get_(w);
    if (owner != 0 && owner != UINT64_MAX && rouse_owner_counts_(w, owner)) {
        rouse_mailbox_check_ *const check = (rouse_mailbox_check_ *)(void *)w->mailbox_;
        (void)rouse_u32_add_relaxed_(&check->queued, (uint32_t)-1); /* relaxed, like the add above */
    }
    rouse_u64_store_relaxed_(&w->owner_, ROUSE_OWNER_NONE_);
}

ROUSE_COLD_ void rouse_owner_die_(const char *call, const void *object, const void *w, const char *what) {
    char text[128];
    (void)snprintf(text, sizeof text, "%s (waiter %p)", what, w);
    rouse_check_die_(call, object, text);
}

ROUSE_INLINE_ void rouse_owner_check_idle_(const rouse_waiter *w, const char *call, const void *object) {
    const uint64_t owner = rouse_owner_get_(w);
    if (owner == UINT64_MAX) {
        rouse_owner_die_(call, object, w,
                         "the waiter was never initialised, or was moved while it was queued");
    } else if (owner != 0) {
        rouse_owner_die_(call, object, w,
                         (owner & 1) != 0 ? "the waiter is in a mailbox" : "the waiter is queued already");
    }
}
/* Checks a waiter for cancel. It may be on no object. */
ROUSE_INLINE_ void rouse_owner_check_on_(const rouse_waiter *w, const void *queue, const char *call,
                                         const void *object) {
    const uint64_t owner = rouse_owner_get_(w);
    if (owner == UINT64_MAX) {
        rouse_owner_die_(call, object, w,
                         "the waiter was never initialised, or was moved while it was queued");
    } else if ((owner & 1) == 0 && owner != 0 &&
               (owner & ~(uint64_t)2) != ((uintptr_t)queue & ROUSE_OWNER_ADDRESS_)) {
        rouse_owner_die_(call, object, w, "the waiter is queued on another object");
    }
}
/* Checks a waiter that is about to be woken. The library also wakes waiters that were never queued (any.h,
 * deadline.h). */
ROUSE_INLINE_ void rouse_owner_check_due_(const rouse_waiter *w) {
    if (rouse_owner_get_(w) == UINT64_MAX) {
        rouse_owner_die_("wake", w, w, "the waiter was moved or overwritten while it was queued");
    }
}

/* Checks memory for init, which may never have been written. So the function is out of line, and it looks at
 * 48 bits that have these values by chance less than once in a hundred million. (valgrind may say that they
 * were never written.) */
#        if defined(__clang__)
__attribute__((__no_sanitize__("memory")))
#        endif
ROUSE_COLD_ void
rouse_owner_check_new_(rouse_waiter *w) {
    const uint64_t owner = rouse_owner_get_(w);
    /* Relaxed, like everything here. The status: PENDING, with OWED or without; or MAILED. */
    const uint32_t status = rouse_u32_load_relaxed_(&w->status_);
    const bool pending = (status & ~0x800u) == 1;
    const bool mailed = (status & 0xfffff400u) == 0x400;
    if (owner != 0 && owner != UINT64_MAX && (pending || mailed)) {
        char text[96];
        (void)snprintf(text, sizeof text, "the waiter is queued on 0x%llx",
                       (unsigned long long)owner & ~3ULL);
        rouse_check_die_("rouse_waiter_init", w, text);
    }
}
#        define ROUSE_CHECK_NEW_(w) rouse_owner_check_new_(w)

#    endif

#endif /* ROUSE_DETAIL_WAKE_OWNER_H */
