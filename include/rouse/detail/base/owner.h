/* rouse/detail/base/owner.h: whose an object is, where one thread alone may use it. Internal.
 *
 * With ROUSE_BACKEND_LOCAL an object belongs to the thread that initialises it or, initialised statically, to
 * the first thread that uses it. ROUSE_DEBUG keeps that thread in the object, and aborts when another one uses
 * it.
 * With every other backend, and without ROUSE_DEBUG, nothing here costs a byte or an instruction.
 *
 *   ROUSE_OWNER_MEMBER_             the last member of the object
 *   ROUSE_OWNER_INIT_(last)         ends its static initialiser; last: that of the member before
 *   ROUSE_OWNER_BEGIN_(owned)       in its init function
 *   ROUSE_CHECK_USE_(object, owned) begins every public call on an object. owned: the part of it that has the
 *                                   member, the object itself or its queue
 *   ROUSE_CHECK_LOOK_(object, owned)  the same for a call that only looks: the object is const */
#ifndef ROUSE_DETAIL_BASE_OWNER_H
#define ROUSE_DETAIL_BASE_OWNER_H

#include "../../config.h"
#include "atomic.h"
#include "check.h"
#include "platform.h"

#include <stddef.h>
#include <stdio.h>

#if ROUSE_BACKEND == ROUSE_BACKEND_LOCAL && defined(ROUSE_DEBUG)

/* Aborts if `thread` is another than the calling one. Returns the calling one. Relaxed: misuse is reported when
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
#    define ROUSE_CHECK_USE_(object, owned)          \
        (ROUSE_CHECK_OBJECT_(object),                \
         rouse_ptr_store_relaxed_(&(owned)->thread_, \
                                  rouse_owner_look_(&(owned)->thread_, (object), __func__)))
#    define ROUSE_CHECK_LOOK_(object, owned) \
        (ROUSE_CHECK_OBJECT_(object), (void)rouse_owner_look_(&(owned)->thread_, (object), __func__))

#else

#    define ROUSE_OWNER_MEMBER_
#    define ROUSE_OWNER_INIT_(last)          (last)
#    define ROUSE_OWNER_BEGIN_(owned)        ((void)0)
#    define ROUSE_CHECK_USE_(object, owned)  ROUSE_CHECK_OBJECT_(object)
#    define ROUSE_CHECK_LOOK_(object, owned) ROUSE_CHECK_OBJECT_(object)

#endif

#endif /* ROUSE_DETAIL_BASE_OWNER_H */
