/* rouse/detail/base/owner.h: ROUSE_DEBUG: which thread owns an object, and which options made it. Internal.
 *
 * With ROUSE_BACKEND_LOCAL an object belongs to the thread that initialises it or, if it is initialised
 * statically, to the first thread that uses it. ROUSE_DEBUG keeps that thread in the object, and aborts when
 * another one uses it.
 *
 * With every backend an object made with ROUSE_DEBUG keeps the options (detail/base/options.h) of the unit
 * that initialised it; an all-zero object keeps those of the first unit that uses it. They are at the same
 * place for every backend, so the first call by a unit with other options aborts. Without ROUSE_DEBUG nothing
 * here costs a byte or an instruction.
 *
 * rouse_mutex_check_relock makes a mutex detect that its holder locks it again. Its queue then keeps the data
 * of the waiter that holds it.
 *
 *   ROUSE_BUILT_MEMBER_             the second and third member of the object, behind one of eight bytes
 *   ROUSE_BUILT_INIT_(first)        begins its static initialiser, and that of the next member; first: that
 *                                   of the member before
 *   ROUSE_BUILT_BEGIN_(owned)       in its init function
 *   ROUSE_STATS_MEMBER_             with ROUSE_STATS: the member behind that, what counts its waits
 *   ROUSE_STATS_BEGIN_(owned)       in its init function
 *   ROUSE_OWNER_MEMBER_             the last member of the object
 *   ROUSE_OWNER_INIT_(last)         ends its static initialiser; last: that of the member before
 *   ROUSE_OWNER_BEGIN_(owned)       in its init function
 *   ROUSE_CHECK_USE_(object, owned) begins every public call on an object. owned: the part of it that has the
 *                                   member, the object itself or its queue
 *   ROUSE_CHECK_LOOK_(object, owned)  the same for a call that only looks: the object is const
 *   ROUSE_CHECK_MINE_(object)       begins a call on an object that has the owner's member alone, and that an
 *                                   init function has made
 *   ROUSE_ASK_HOLDER_(owned)        a mutex's queue wants to know the data of its holder
 *   ROUSE_HELD_BY_(owned, data)     the waiter with this data holds the mutex now; NULL: an unknown holder
 *   ROUSE_CHECK_HELD_(owned, data, object)  aborts if it is held by this data */
#ifndef ROUSE_DETAIL_BASE_OWNER_H
#define ROUSE_DETAIL_BASE_OWNER_H

#include "../../config.h"
#include "atomic.h"
#include "check.h"
#include "platform.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#ifdef ROUSE_STATS
struct rouse_stats;
#    define ROUSE_STATS_MEMBER_       struct rouse_stats *stats_; /* NULL: no statistics */
#    define ROUSE_STATS_INIT_         , NULL
#    define ROUSE_STATS_BEGIN_(owned) ((owned)->stats_ = NULL)
#else
#    define ROUSE_STATS_MEMBER_
#    define ROUSE_STATS_INIT_
#    define ROUSE_STATS_BEGIN_(owned) ((void)0)
#endif

#ifdef ROUSE_DEBUG

/* The upper half shows that the member is one. */
#    define ROUSE_BUILT_MARK_ UINT64_C(0x726F757365)
#    define ROUSE_BUILT_TAG_  (ROUSE_BUILT_MARK_ << 24 | (uint64_t)ROUSE_OPTIONS_)

/* Aborts if the object was made with other options. Relaxed: misuse is reported when it is seen, not proved
 * absent. */
ROUSE_INLINE_ bool rouse_owner_built_(const rouse_atomic_u64_ *built, const void *object, const char *call) {
    const uint64_t tag = rouse_u64_load_relaxed_(built);
    if (tag == 0) {
        return false;
    }
    if (tag != ROUSE_BUILT_TAG_) {
        char what[200];
        if (tag >> 24 == ROUSE_BUILT_MARK_) {
            (void)snprintf(
                what, sizeof what,
                "made by a unit with %s, %d cells a segment; used by one with %s, %d cells a segment",
                rouse_options_backend_((int)(tag & 0xffffff)), (int)(tag & 0xffffff) / 256,
                rouse_options_backend_(ROUSE_OPTIONS_), ROUSE_OPTIONS_ / 256);
        } else {
            (void)snprintf(what, sizeof what,
                           "never initialised, or made by a unit with other options, such as no ROUSE_DEBUG");
        }
        rouse_check_die_(call, object, what);
    }
    return true;
}

/* Where holder_ lies in an object. */
#    define ROUSE_HOLDER_AT_ 16

/* Returns the value of a queue's holder_ while the mutex is free or its holder is unknown. NULL in holder_:
 * no check was requested. */
ROUSE_INLINE_ void *rouse_owner_nobody_(rouse_atomic_ptr_ *holder) {
    return (char *)holder + 1;
}
ROUSE_INLINE_ bool rouse_owner_asks_(const rouse_atomic_ptr_ *holder) {
    return rouse_ptr_load_relaxed_(holder) != NULL; /* set before others know the mutex */
}
/* Relaxed, all. The holder writes it, or the call that makes a thread the holder. A thread that reads its own
 * data there wrote it, or was granted by the call that did. */
ROUSE_INLINE_ void rouse_owner_hold_(rouse_atomic_ptr_ *holder, void *data) {
    if (rouse_owner_asks_(holder)) {
        rouse_ptr_store_relaxed_(holder, data != NULL ? data : rouse_owner_nobody_(holder));
    }
}
ROUSE_INLINE_ void rouse_owner_check_held_(const rouse_atomic_ptr_ *holder, void *data, const void *object,
                                           const char *call) {
    /* Relaxed: only this thread's own data matters. */
    if (data != NULL && rouse_ptr_load_relaxed_(holder) == data) {
        char what[96];
        (void)snprintf(what, sizeof what, "locked again by its holder, whose waiter's data is %p", data);
        rouse_check_die_(call, object, what);
    }
}

#    define ROUSE_BUILT_MEMBER_                         \
        rouse_atomic_u64_ built_; /* 0: not used yet */ \
        rouse_atomic_ptr_ holder_;
#    define ROUSE_BUILT_INIT_(first) \
        first, ROUSE_ATOMIC_INIT_(ROUSE_BUILT_TAG_), ROUSE_ATOMIC_INIT_(NULL) ROUSE_STATS_INIT_
#    define ROUSE_BUILT_BEGIN_(owned) \
        (rouse_u64_init_(&(owned)->built_, ROUSE_BUILT_TAG_), rouse_ptr_init_(&(owned)->holder_, NULL))
#    define ROUSE_ASK_HOLDER_(owned) \
        rouse_ptr_store_relaxed_(&(owned)->holder_, rouse_owner_nobody_(&(owned)->holder_))
#    define ROUSE_HELD_BY_(owned, data) rouse_owner_hold_(&(owned)->holder_, (data))
#    define ROUSE_CHECK_HELD_(owned, data, object) \
        rouse_owner_check_held_(&(owned)->holder_, (data), (object), __func__)
#    define ROUSE_CHECK_BUILT_(object, owned)                     \
        (rouse_owner_built_(&(owned)->built_, (object), __func__) \
             ? (void)0                                            \
             : rouse_u64_store_relaxed_(&(owned)->built_, ROUSE_BUILT_TAG_))
#    define ROUSE_CHECK_SEEN_BUILT_(object, owned) \
        ((void)rouse_owner_built_(&(owned)->built_, (object), __func__))

#else

#    define ROUSE_BUILT_MEMBER_
#    define ROUSE_BUILT_INIT_(first)               first ROUSE_STATS_INIT_
#    define ROUSE_BUILT_BEGIN_(owned)              ((void)0)
#    define ROUSE_ASK_HOLDER_(owned)               ((void)0)
#    define ROUSE_HELD_BY_(owned, data)            ((void)0)
#    define ROUSE_CHECK_HELD_(owned, data, object) ((void)0)
#    define ROUSE_CHECK_BUILT_(object, owned)      ((void)0)
#    define ROUSE_CHECK_SEEN_BUILT_(object, owned) ((void)0)

#endif

#if ROUSE_BACKEND == ROUSE_BACKEND_LOCAL && defined(ROUSE_DEBUG)

/* Aborts if `thread` is not the calling thread. Returns the calling thread. Relaxed: misuse is reported when
 * it is seen, not proved absent. */
ROUSE_INLINE_ void *rouse_owner_look_(const rouse_atomic_ptr_ *thread, const void *object, const char *call) {
    void *const me = rouse_platform_thread_();
    void *const owner = rouse_ptr_load_relaxed_(thread);
    if (owner != NULL && owner != me) {
        char what[128];
        (void)snprintf(what, sizeof what,
                       "used on thread %p, but it belongs to thread %p (ROUSE_BACKEND_LOCAL)", me, owner);
        rouse_check_die_(call, object, what);
    }
    return me;
}

#    define ROUSE_OWNER_MEMBER_       rouse_atomic_ptr_ thread_; /* NULL: not used yet */
#    define ROUSE_OWNER_INIT_(last)   (last), ROUSE_ATOMIC_INIT_(NULL)
#    define ROUSE_OWNER_BEGIN_(owned) rouse_ptr_init_(&(owned)->thread_, rouse_platform_thread_())
#    define ROUSE_CHECK_USE_(object, owned)                              \
        (ROUSE_CHECK_OBJECT_(object), ROUSE_CHECK_BUILT_(object, owned), \
         rouse_ptr_store_relaxed_(&(owned)->thread_,                     \
                                  rouse_owner_look_(&(owned)->thread_, (object), __func__)))
#    define ROUSE_CHECK_LOOK_(object, owned)                                  \
        (ROUSE_CHECK_OBJECT_(object), ROUSE_CHECK_SEEN_BUILT_(object, owned), \
         (void)rouse_owner_look_(&(owned)->thread_, (object), __func__))
#    define ROUSE_CHECK_MINE_(object) \
        (ROUSE_CHECK_OBJECT_(object), (void)rouse_owner_look_(&(object)->thread_, (object), __func__))

#else

#    define ROUSE_OWNER_MEMBER_
#    define ROUSE_OWNER_INIT_(last)         (last)
#    define ROUSE_OWNER_BEGIN_(owned)       ((void)0)
#    define ROUSE_CHECK_USE_(object, owned) (ROUSE_CHECK_OBJECT_(object), ROUSE_CHECK_BUILT_(object, owned))
#    define ROUSE_CHECK_LOOK_(object, owned) \
        (ROUSE_CHECK_OBJECT_(object), ROUSE_CHECK_SEEN_BUILT_(object, owned))
#    define ROUSE_CHECK_MINE_(object) ROUSE_CHECK_OBJECT_(object)

#endif

#endif /* ROUSE_DETAIL_BASE_OWNER_H */
