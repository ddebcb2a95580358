/* rouse/detail/base/park.h: a thread that sleeps until another tells it to continue, or until a time.
 * Internal, for blocking.h only.
 *
 *   rouse_park_init_(p), rouse_park_destroy_(p)
 *   rouse_park_tell_(p)         tells the parked thread to continue. Any thread may call it, once for each
 *                               time that the thread is to continue. p may be gone as soon as the parked
 *                               thread can know, which may be before this call has returned
 *   rouse_park_(p, deadline)    sleeps until told (true; p can be told again) or until the deadline on
 *                               rouse_time_now_'s clock (false; p can still be told)
 *
 * There are four parkers. A system gets the first one that it supports:
 *
 *   futex        Linux. Telling is one exchange and at most one system call, without a lock. A signal handler
 *                may do it, whatever it interrupted.
 *   event        Windows.
 *   semaphore    other systems with POSIX semaphores. A signal handler may call sem_post.
 *   condition    macOS (whose POSIX semaphores are not usable) and C11 threads: a mutex and a condition
 *                variable. A signal handler must not tell here: it may have interrupted the holder of that
 *                mutex.
 *
 * Parking is not a cancellation point. The clock is monotonic, except with C11 threads, and with strict
 * -std=c11 on 32-bit systems other than Linux. These offer only the wall clock, and changing it shifts a
 * pending time-out. */
#ifndef ROUSE_DETAIL_BASE_PARK_H
#define ROUSE_DETAIL_BASE_PARK_H

#include "atomic.h"
#include "lock.h"
#include "platform.h"
#include "time.h"

#include <stdbool.h>
#include <stdint.h>

#define ROUSE_PARK_FOREVER_ UINT64_MAX

ROUSE_INLINE_ uint64_t rouse_park_sum_(uint64_t a, uint64_t b) {
    return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

/* ---- the parkers --------------------------------------------------------------------------------------- */

/* The tests choose a parker that is not the system's by defining one of these. */
#if !defined(ROUSE_PARK_SEMAPHORE_) && !defined(ROUSE_PARK_CONDITION_)
#    if defined(__linux__)
#        define ROUSE_PARK_FUTEX_ 1
#    elif defined(ROUSE_LOCK_SRW_)
#        define ROUSE_PARK_EVENT_ 1
#    elif defined(ROUSE_LOCK_PTHREAD_) && !defined(__APPLE__)
#        define ROUSE_PARK_SEMAPHORE_ 1
#    else
#        define ROUSE_PARK_CONDITION_ 1
#    endif
#endif

#if defined(ROUSE_PARK_FUTEX_) || defined(ROUSE_PARK_EVENT_)
/* told_ of the first two parkers, and the thread that may change it:
 *   AWAKE   -> ASLEEP   the parked thread, before it sleeps
 *   AWAKE   -> TOLD     the teller, which is then done
 *   ASLEEP  -> TOLD     the teller, which then wakes the thread
 *   TOLD    -> AWAKE    the parked thread, which has seen it */
enum { ROUSE_PARK_AWAKE_ = 0, ROUSE_PARK_TOLD_ = 1, ROUSE_PARK_ASLEEP_ = 2 };

/* Rearms the parker, on its thread, after it was told. Relaxed: this thread gives the waiter to the next
 * teller after this. */
ROUSE_INLINE_ void rouse_park_rearm_(rouse_atomic_u32_ *told) {
    rouse_u32_store_relaxed_(told, ROUSE_PARK_AWAKE_);
}

/* True: told before the thread could fall asleep. */
ROUSE_INLINE_ bool rouse_park_told_already_(rouse_atomic_u32_ *told) {
    uint32_t seen = ROUSE_PARK_AWAKE_;
    /* E18: acquire. The partner is the exchange in rouse_park_tell_: the teller's last access to the waiter
     * is over. The CAS fails on ASLEEP after a time-out. */
    return !rouse_u32_cas_acquire_(told, &seen, ROUSE_PARK_ASLEEP_) && seen == ROUSE_PARK_TOLD_;
}
#endif

#if defined(ROUSE_PARK_SEMAPHORE_) || defined(ROUSE_PARK_CONDITION_)
/* Returns the deadline on the wall clock, the only clock that these two parkers know. It is an hour from now
 * at most, so that no time_t overflows. If the clock is set meanwhile, rouse_park_ looks again. */
ROUSE_INLINE_ void rouse_park_on_wall_clock_(uint64_t deadline, struct timespec *until) {
    const uint64_t most = UINT64_C(3600000000000);
    const uint64_t now = rouse_time_now_();
    uint64_t left = now < deadline ? deadline - now : 0;
    left = left < most ? left : most;
#    if defined(ROUSE_LOCK_PTHREAD_) && defined(CLOCK_REALTIME) && !defined(__linux__)
    (void)clock_gettime(CLOCK_REALTIME, until);
#    else
    (void)timespec_get(until, TIME_UTC);
#    endif
    left += (uint64_t)until->tv_nsec;
    until->tv_sec += (time_t)(left / 1000000000u);
    until->tv_nsec = (long)(left % 1000000000u);
}
#endif

#if defined(ROUSE_PARK_FUTEX_)

typedef struct rouse_parker_ {
    rouse_atomic_u32_ told_;
} rouse_parker_;

#    if defined(SYS_futex)
#        define ROUSE_PARK_FUTEX_CALL_ SYS_futex
#    else
#        define ROUSE_PARK_FUTEX_CALL_ SYS_futex_time64
#    endif
enum {
    ROUSE_PARK_FUTEX_WAKE_ = 1 | 128, /* FUTEX_WAKE_PRIVATE */
    ROUSE_PARK_FUTEX_WAIT_ =
        9 | 128 /* FUTEX_WAIT_BITSET_PRIVATE: its deadline is absolute and on the monotonic clock */
};

ROUSE_INLINE_ void rouse_park_init_(rouse_parker_ *p) {
    rouse_u32_init_(&p->told_, ROUSE_PARK_AWAKE_);
}
ROUSE_INLINE_ void rouse_park_destroy_(rouse_parker_ *p) {
    (void)p;
}
ROUSE_INLINE_ void rouse_park_tell_(rouse_parker_ *p) {
    /* E18: release, the last access to the parker and to its waiter. From here on the stack that holds them
     * may be gone, and this call uses only its address. The kernel looks up a private futex by its address
     * alone. If another futex is at that address by now, the thread that sleeps on it takes this for a
     * spurious wake-up. */
    if (rouse_u32_swap_acq_rel_(&p->told_, ROUSE_PARK_TOLD_) == ROUSE_PARK_ASLEEP_) {
        (void)rouse_platform_syscall_(ROUSE_PARK_FUTEX_CALL_, (void *)p, ROUSE_PARK_FUTEX_WAKE_, 1);
    }
}
ROUSE_INLINE_ bool rouse_park_(rouse_parker_ *p, uint64_t deadline) {
    /* 32 bits of seconds end after 68 years of uptime: sleep as long as they can say, then look again. */
    const uint64_t most = sizeof(rouse_platform_kernel_long_) > 4 ? UINT64_MAX : (uint64_t)INT32_MAX;
    const uint64_t seconds = deadline / 1000000000u;
    rouse_platform_kernel_time_ until;
    if (!rouse_park_told_already_(&p->told_)) {
        until.seconds = (rouse_platform_kernel_long_)(seconds < most ? seconds : most);
        until.nanoseconds = (rouse_platform_kernel_long_)(deadline % 1000000000u);
        for (;;) {
            (void)rouse_platform_syscall_(
                ROUSE_PARK_FUTEX_CALL_, (void *)p, ROUSE_PARK_FUTEX_WAIT_, ROUSE_PARK_ASLEEP_,
                deadline == ROUSE_PARK_FOREVER_ ? NULL : (void *)&until, (void *)NULL, -1);
            /* E18: acquire; the partner is the exchange in rouse_park_tell_. The call may return for no
             * reason, so only this load shows whether the thread was told. */
            if (rouse_u32_load_acquire_(&p->told_) == ROUSE_PARK_TOLD_) {
                break;
            }
            if (deadline != ROUSE_PARK_FOREVER_ && rouse_time_now_() >= deadline) {
                return false;
            }
        }
    }
    rouse_park_rearm_(&p->told_);
    return true;
}

#elif defined(ROUSE_PARK_EVENT_)

typedef struct rouse_parker_ {
    rouse_atomic_u32_ told_;
    void *event_; /* resets itself. NULL: the system had none, and the thread looks again and again */
} rouse_parker_;

ROUSE_INLINE_ void rouse_park_init_(rouse_parker_ *p) {
    rouse_u32_init_(&p->told_, ROUSE_PARK_AWAKE_);
    p->event_ = CreateEventW(NULL, 0, 0, NULL);
}
ROUSE_INLINE_ void rouse_park_destroy_(rouse_parker_ *p) {
    if (p->event_ != NULL) {
        (void)CloseHandle(p->event_);
    }
}
ROUSE_INLINE_ void rouse_park_tell_(rouse_parker_ *p) {
    void *const event = p->event_;
    /* E18: release, the last access to the parker and to its waiter. The event outlives them: a thread that
     * was ASLEEP does not return before it is set. */
    if (rouse_u32_swap_acq_rel_(&p->told_, ROUSE_PARK_TOLD_) == ROUSE_PARK_ASLEEP_ && event != NULL) {
        (void)SetEvent(event);
    }
}
/* Returns the most that a wait can last, in milliseconds, rounded up. */
ROUSE_INLINE_ unsigned long rouse_park_length_(uint64_t deadline) {
    const uint64_t now = deadline == ROUSE_PARK_FOREVER_ ? 0 : rouse_time_now_();
    const uint64_t left = now < deadline ? (deadline - now - 1) / 1000000u + 1 : 0;
    if (deadline == ROUSE_PARK_FOREVER_) {
        return ROUSE_WIN32_FOREVER_;
    }
    return left < ROUSE_WIN32_FOREVER_ ? (unsigned long)left : ROUSE_WIN32_FOREVER_ - 1;
}
ROUSE_INLINE_ bool rouse_park_(rouse_parker_ *p, uint64_t deadline) {
    uint32_t seen = ROUSE_PARK_ASLEEP_;
    if (!rouse_park_told_already_(&p->told_)) {
        for (;;) {
            const unsigned long length = rouse_park_length_(deadline);
            if (p->event_ == NULL) {
                Sleep(length == 0 ? 0 : 1);
                /* E18: acquire; the partner is the exchange in rouse_park_tell_. */
                if (rouse_u32_load_acquire_(&p->told_) == ROUSE_PARK_TOLD_) {
                    break;
                }
            } else if (WaitForSingleObject(p->event_, length) == 0 /* WAIT_OBJECT_0 */) {
                break;
            }
            if (length == 0) {
                /* E18: acquire, for the same partner. It fails when the teller was quicker: its event
                 * follows. */
                if (rouse_u32_cas_acquire_(&p->told_, &seen, ROUSE_PARK_AWAKE_)) {
                    return false;
                }
                if (p->event_ != NULL) {
                    (void)WaitForSingleObject(p->event_, ROUSE_WIN32_FOREVER_);
                }
                break;
            }
        }
        /* E18: acquire, for the same partner, if this thread learnt of it from the event. */
        (void)rouse_u32_load_acquire_(&p->told_);
    }
    rouse_park_rearm_(&p->told_);
    return true;
}

#elif defined(ROUSE_PARK_SEMAPHORE_)

#    include <semaphore.h>

typedef struct rouse_parker_ {
    sem_t told_;
} rouse_parker_;

ROUSE_INLINE_ void rouse_park_init_(rouse_parker_ *p) {
    (void)sem_init(&p->told_, 0, 0);
}
ROUSE_INLINE_ void rouse_park_destroy_(rouse_parker_ *p) {
    (void)sem_destroy(&p->told_);
}
/* The C library makes sure that sem_post has made its last access when sem_wait returns. */
ROUSE_INLINE_ void rouse_park_tell_(rouse_parker_ *p) {
    (void)sem_post(&p->told_);
}
/* Sleeps once, which may end for no reason. */
ROUSE_INLINE_ bool rouse_park_once_(rouse_parker_ *p, uint64_t deadline) {
    struct timespec until;
    if (deadline == ROUSE_PARK_FOREVER_) {
        return sem_wait(&p->told_) == 0;
    }
    rouse_park_on_wall_clock_(deadline, &until);
    return sem_timedwait(&p->told_, &until) == 0;
}
ROUSE_INLINE_ bool rouse_park_(rouse_parker_ *p, uint64_t deadline) {
    int before;
    bool told;
    (void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &before);
    do {
        told = rouse_park_once_(p, deadline);
    } while (!told && (deadline == ROUSE_PARK_FOREVER_ || rouse_time_now_() < deadline));
    (void)pthread_setcancelstate(before, &before);
    return told;
}

#else /* ROUSE_PARK_CONDITION_: POSIX and C11 threads, the same shape under two spellings */

#    if defined(ROUSE_LOCK_PTHREAD_)
typedef pthread_cond_t rouse_park_cond_;
#        define ROUSE_PARK_COND_INIT_(c)             ((void)pthread_cond_init((c), NULL))
#        define ROUSE_PARK_COND_WAIT_(c, l)          ((void)pthread_cond_wait((c), (l)))
#        define ROUSE_PARK_COND_WAIT_UNTIL_(c, l, t) ((void)pthread_cond_timedwait((c), (l), (t)))
#        define ROUSE_PARK_COND_SIGNAL_(c)           ((void)pthread_cond_signal(c))
#        define ROUSE_PARK_COND_DESTROY_(c)          ((void)pthread_cond_destroy(c))
#    else
typedef cnd_t rouse_park_cond_;
#        define ROUSE_PARK_COND_INIT_(c)             ((void)cnd_init(c))
#        define ROUSE_PARK_COND_WAIT_(c, l)          ((void)cnd_wait((c), (l)))
#        define ROUSE_PARK_COND_WAIT_UNTIL_(c, l, t) ((void)cnd_timedwait((c), (l), (t)))
#        define ROUSE_PARK_COND_SIGNAL_(c)           ((void)cnd_signal(c))
#        define ROUSE_PARK_COND_DESTROY_(c)          cnd_destroy(c)
#    endif

typedef struct rouse_parker_ {
    rouse_lock_ lock_;
    rouse_park_cond_ told_changed_;
    bool told_;
} rouse_parker_;

ROUSE_INLINE_ void rouse_park_init_(rouse_parker_ *p) {
    rouse_lock_init_(&p->lock_);
    ROUSE_PARK_COND_INIT_(&p->told_changed_);
    p->told_ = false;
}
ROUSE_INLINE_ void rouse_park_destroy_(rouse_parker_ *p) {
    ROUSE_PARK_COND_DESTROY_(&p->told_changed_);
    rouse_lock_destroy_(&p->lock_);
}
/* Tells under the lock: the parked thread may destroy the parker as soon as it has the lock back. */
ROUSE_INLINE_ void rouse_park_tell_(rouse_parker_ *p) {
    rouse_lock_take_(&p->lock_);
    p->told_ = true;
    ROUSE_PARK_COND_SIGNAL_(&p->told_changed_);
    rouse_lock_drop_(&p->lock_);
}
/* Sleeps once, which may end for no reason. */
ROUSE_INLINE_ void rouse_park_once_(rouse_parker_ *p, uint64_t deadline) {
    struct timespec until;
    if (deadline == ROUSE_PARK_FOREVER_) {
        ROUSE_PARK_COND_WAIT_(&p->told_changed_, &p->lock_);
        return;
    }
    rouse_park_on_wall_clock_(deadline, &until);
    ROUSE_PARK_COND_WAIT_UNTIL_(&p->told_changed_, &p->lock_, &until);
}
ROUSE_INLINE_ bool rouse_park_(rouse_parker_ *p, uint64_t deadline) {
    bool told;
#    if defined(ROUSE_LOCK_PTHREAD_)
    int before;
    (void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &before);
#    endif
    rouse_lock_take_(&p->lock_);
    while (!p->told_ && (deadline == ROUSE_PARK_FOREVER_ || rouse_time_now_() < deadline)) {
        rouse_park_once_(p, deadline);
    }
    told = p->told_;
    p->told_ = false;
    rouse_lock_drop_(&p->lock_);
#    if defined(ROUSE_LOCK_PTHREAD_)
    (void)pthread_setcancelstate(before, &before);
#    endif
    return told;
}

#endif

#endif /* ROUSE_DETAIL_BASE_PARK_H */
