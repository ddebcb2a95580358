/* rouse/detail/base/park.h: a thread that sleeps until it is told, or until a time. Internal, for blocking.h
 * only.
 *
 * The platform's half of blocking.h: POSIX threads, Windows, or C11 threads, in the order of
 * detail/base/platform.h. The clock is monotonic, save with strict -std=c11 on 32-bit systems (whose headers
 * then hide the monotonic clock) and with C11 threads (which know only the wall clock): there a time-out
 * moves when somebody sets it. */
#ifndef ROUSE_DETAIL_BASE_PARK_H
#define ROUSE_DETAIL_BASE_PARK_H

#include "lock.h"
#include "platform.h"

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#define ROUSE_FOREVER_ UINT64_MAX

static inline uint64_t rouse_sum_(uint64_t a, uint64_t b) {
    return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

#if defined(ROUSE_LOCK_SRW_)

typedef struct rouse_parker_ {
    SRWLOCK lock;
    CONDITION_VARIABLE told_changed;
    bool told;
} rouse_parker_;

static inline void rouse_parker_init_(rouse_parker_ *p) {
    InitializeSRWLock(&p->lock);
    InitializeConditionVariable(&p->told_changed);
    p->told = false;
}
static inline void rouse_parker_destroy_(rouse_parker_ *p) {
    (void)p;
}
static inline uint64_t rouse_now_(void) {
    LARGE_INTEGER count;
    LARGE_INTEGER rate;
    uint64_t seconds;
    (void)QueryPerformanceCounter(&count);
    (void)QueryPerformanceFrequency(&rate);
    seconds = (uint64_t)(count.QuadPart / rate.QuadPart);
    return seconds * 1000000000u + (uint64_t)(count.QuadPart % rate.QuadPart * 1000000000 / rate.QuadPart);
}
static inline void rouse_unpark_(rouse_parker_ *p) {
    AcquireSRWLockExclusive(&p->lock);
    p->told = true;
    WakeConditionVariable(&p->told_changed);
    ReleaseSRWLockExclusive(&p->lock);
}
/* Sleeps until told (true) or until the deadline on rouse_now_'s clock. */
static inline bool rouse_park_(rouse_parker_ *p, uint64_t deadline) {
    bool told;
    AcquireSRWLockExclusive(&p->lock);
    while (!p->told) {
        DWORD ms = INFINITE;
        if (deadline != ROUSE_FOREVER_) {
            const uint64_t now = rouse_now_();
            const uint64_t left = now < deadline ? (deadline - now + 999999u) / 1000000u : 0;
            if (left == 0) {
                break;
            }
            ms = left < INFINITE - 1 ? (DWORD)left : INFINITE - 1;
        }
        (void)SleepConditionVariableSRW(&p->told_changed, &p->lock, ms, 0);
    }
    told = p->told;
    ReleaseSRWLockExclusive(&p->lock);
    return told;
}

#else /* POSIX and C11 threads: the same shape under two spellings */

#    if defined(ROUSE_LOCK_PTHREAD_)
#        if defined(__APPLE__)
#            define ROUSE_WALL_CLOCK_ 1 /* no pthread_condattr_setclock */
#        elif defined(CLOCK_MONOTONIC) && defined(_POSIX_C_SOURCE) && _POSIX_C_SOURCE >= 200112L
#            define ROUSE_CLOCK_             CLOCK_MONOTONIC
#            define rouse_clock_gettime_     clock_gettime
#            define rouse_condattr_setclock_ pthread_condattr_setclock
#        elif defined(__linux__) && defined(__LP64__)
/* Strict -std=c11: the headers hide these two, the C library has them. On 64-bit Linux their types are fixed,
 * so they are declared here under names of our own. */
#            define ROUSE_CLOCK_ 1 /* CLOCK_MONOTONIC */
ROUSE_EXTERN_C_BEGIN_
extern int rouse_clock_gettime_(int clock, struct timespec *now) __asm__("clock_gettime");
extern int rouse_condattr_setclock_(pthread_condattr_t *attributes,
                                    int clock) __asm__("pthread_condattr_setclock");
ROUSE_EXTERN_C_END_
#        else
#            define ROUSE_WALL_CLOCK_ 1
#        endif
typedef pthread_cond_t rouse_cond_;
#        define ROUSE_COND_WAIT_(c, l)          ((void)pthread_cond_wait((c), (l)))
#        define ROUSE_COND_WAIT_UNTIL_(c, l, t) (pthread_cond_timedwait((c), (l), (t)) == 0)
#        define ROUSE_COND_SIGNAL_(c)           ((void)pthread_cond_signal(c))
#        define ROUSE_COND_DESTROY_(c)          ((void)pthread_cond_destroy(c))
#    else
#        define ROUSE_WALL_CLOCK_               1
typedef cnd_t rouse_cond_;
#        define ROUSE_COND_WAIT_(c, l)          ((void)cnd_wait((c), (l)))
#        define ROUSE_COND_WAIT_UNTIL_(c, l, t) (cnd_timedwait((c), (l), (t)) == thrd_success)
#        define ROUSE_COND_SIGNAL_(c)           ((void)cnd_signal(c))
#        define ROUSE_COND_DESTROY_(c)          cnd_destroy(c)
#    endif

typedef struct rouse_parker_ {
    rouse_lock_ lock;
    rouse_cond_ told_changed;
    bool told;
} rouse_parker_;

static inline void rouse_parker_init_(rouse_parker_ *p) {
    rouse_lock_init_(&p->lock);
#    if !defined(ROUSE_WALL_CLOCK_)
    {
        pthread_condattr_t attributes;
        (void)pthread_condattr_init(&attributes);
        (void)rouse_condattr_setclock_(&attributes, ROUSE_CLOCK_);
        (void)pthread_cond_init(&p->told_changed, &attributes);
        (void)pthread_condattr_destroy(&attributes);
    }
#    elif defined(ROUSE_LOCK_PTHREAD_)
    (void)pthread_cond_init(&p->told_changed, NULL);
#    else
    (void)cnd_init(&p->told_changed);
#    endif
    p->told = false;
}
static inline void rouse_parker_destroy_(rouse_parker_ *p) {
    ROUSE_COND_DESTROY_(&p->told_changed);
    rouse_lock_destroy_(&p->lock);
}
static inline uint64_t rouse_now_(void) {
    struct timespec now;
#    if defined(ROUSE_WALL_CLOCK_)
    (void)timespec_get(&now, TIME_UTC);
#    else
    (void)rouse_clock_gettime_(ROUSE_CLOCK_, &now);
#    endif
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}
/* Tells under the lock: the parked thread may destroy the parker as soon as it has the lock back. */
static inline void rouse_unpark_(rouse_parker_ *p) {
    rouse_lock_take_(&p->lock);
    p->told = true;
    ROUSE_COND_SIGNAL_(&p->told_changed);
    rouse_lock_drop_(&p->lock);
}
/* Sleeps until told (true) or until the deadline on rouse_now_'s clock. */
static inline bool rouse_park_(rouse_parker_ *p, uint64_t deadline) {
    struct timespec until;
    bool told;
    /* A 32-bit time_t ends in 2038 (or after 68 years of uptime): sleep as long as it can say, then look
     * again. */
    const uint64_t most = sizeof(time_t) > 4 ? UINT64_MAX : (uint64_t)INT32_MAX;
    const uint64_t seconds = deadline / 1000000000u;
    until.tv_sec = (time_t)(seconds < most ? seconds : most);
    until.tv_nsec = (long)(deadline % 1000000000u);
    rouse_lock_take_(&p->lock);
    while (!p->told) {
        if (deadline == ROUSE_FOREVER_) {
            ROUSE_COND_WAIT_(&p->told_changed, &p->lock);
        } else if (!ROUSE_COND_WAIT_UNTIL_(&p->told_changed, &p->lock, &until) && rouse_now_() >= deadline) {
            break;
        }
    }
    told = p->told;
    rouse_lock_drop_(&p->lock);
    return told;
}

#endif

#endif /* ROUSE_DETAIL_BASE_PARK_H */
