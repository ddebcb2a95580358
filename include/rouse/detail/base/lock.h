/* rouse/detail/base/lock.h: the platform's mutex. Internal.
 *
 * It is the first of pthread_mutex_t, an SRWLOCK on Windows, and C11's mtx_t that platform.h finds. The MUTEX
 * backend is built on it. */
#ifndef ROUSE_DETAIL_BASE_LOCK_H
#define ROUSE_DETAIL_BASE_LOCK_H

#include "platform.h"

#include <stdbool.h>

#if defined(ROUSE_LOCK_PTHREAD_)
typedef pthread_mutex_t rouse_lock_;
#    define ROUSE_LOCK_INIT_ PTHREAD_MUTEX_INITIALIZER
/* Initialises the mutex, without priority inheritance unless the user asks for that. A static initialiser
 * cannot ask for it. A mutex with priority inheritance passes from thread to thread on every contended
 * unlock, so each section costs a task switch. With eight threads on two processors that is 6200 ns instead
 * of 160. */
ROUSE_INLINE_ void rouse_lock_init_(rouse_lock_ *lock) {
#    if defined(ROUSE_PRIORITY_INHERIT)
    pthread_mutexattr_t attributes;
    bool done = false;
    if (pthread_mutexattr_init(&attributes) == 0) {
        done = pthread_mutexattr_setprotocol(&attributes, PTHREAD_PRIO_INHERIT) == 0 &&
               pthread_mutex_init(lock, &attributes) == 0;
        (void)pthread_mutexattr_destroy(&attributes);
    }
    if (!done) { /* a kernel that does not have it */
        (void)pthread_mutex_init(lock, NULL);
    }
#    else
    (void)pthread_mutex_init(lock, NULL);
#    endif
}
ROUSE_INLINE_ void rouse_lock_destroy_(rouse_lock_ *lock) {
    (void)pthread_mutex_destroy(lock);
}
ROUSE_INLINE_ void rouse_lock_take_(rouse_lock_ *lock) {
    (void)pthread_mutex_lock(lock);
}
ROUSE_INLINE_ void rouse_lock_drop_(rouse_lock_ *lock) {
    (void)pthread_mutex_unlock(lock);
}
#elif defined(ROUSE_LOCK_SRW_)
typedef struct rouse_lock_ {
    void *srw_; /* an SRWLOCK; NULL: SRWLOCK_INIT */
} rouse_lock_;
#    define ROUSE_LOCK_INIT_ \
        { NULL }
ROUSE_INLINE_ void rouse_lock_init_(rouse_lock_ *lock) {
    lock->srw_ = NULL;
}
ROUSE_INLINE_ void rouse_lock_destroy_(rouse_lock_ *lock) {
    (void)lock;
}
ROUSE_INLINE_ void rouse_lock_take_(rouse_lock_ *lock) {
    AcquireSRWLockExclusive((struct _RTL_SRWLOCK *)(void *)lock);
}
ROUSE_INLINE_ void rouse_lock_drop_(rouse_lock_ *lock) {
    ReleaseSRWLockExclusive((struct _RTL_SRWLOCK *)(void *)lock);
}
#else
/* C11's mutex has no static initialiser. With ROUSE_BACKEND_MUTEX on such a system, use the init
 * functions. */
typedef mtx_t rouse_lock_;
ROUSE_INLINE_ void rouse_lock_init_(rouse_lock_ *lock) {
    (void)mtx_init(lock, mtx_plain);
}
ROUSE_INLINE_ void rouse_lock_destroy_(rouse_lock_ *lock) {
    mtx_destroy(lock);
}
ROUSE_INLINE_ void rouse_lock_take_(rouse_lock_ *lock) {
    (void)mtx_lock(lock);
}
ROUSE_INLINE_ void rouse_lock_drop_(rouse_lock_ *lock) {
    (void)mtx_unlock(lock);
}
#endif

#endif /* ROUSE_DETAIL_BASE_LOCK_H */
