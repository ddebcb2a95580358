/* rouse/detail/platform.h: what depends on the compiler or the operating system. Internal.
 *
 * Nothing else in the library asks which compiler or system it is built for. Four things are decided here:
 *   - small hints:   ROUSE_LIKELY_, ROUSE_COLD_, rouse_pause_, rouse_yield_
 *   - linkage:       ROUSE_SHARED_ (one variable in the whole program, defined in a header), ROUSE_THREAD_
 *   - the lock:      rouse_lock_ (MUTEX backend, blocking.h): pthread_mutex_t, SRWLOCK, else C11 mtx_t
 *   - the start-up check that refuses a program whose units were built with different options
 *
 * Tested: glibc and musl, gcc and clang, x86 and the cross targets of the README; Windows by mingw-w64 under
 * wine. Kept in mind and untested: MSVC, macOS.
 */
#ifndef ROUSE_DETAIL_PLATFORM_H
#define ROUSE_DETAIL_PLATFORM_H

#include "../config.h"
#include "atomic.h"

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#if defined(_WIN32)
#    ifndef WIN32_LEAN_AND_MEAN
#        define WIN32_LEAN_AND_MEAN
#    endif
#    include <windows.h>
#    define ROUSE_LOCK_SRW_ 1
#elif defined(__unix__) || defined(__APPLE__) || defined(__HAIKU__)
#    include <pthread.h>
#    include <sched.h>
#    define ROUSE_LOCK_PTHREAD_ 1
#else
#    include <threads.h>
#    define ROUSE_LOCK_C11_ 1
#endif

/* ---- hints --------------------------------------------------------------------------------------------- */

#if defined(__GNUC__)
#    define ROUSE_LIKELY_(condition) __builtin_expect(!!(condition), 1)
#    define ROUSE_COLD_              __attribute__((__noinline__, __cold__, __unused__))
#    define ROUSE_SLOW_              __attribute__((__noinline__, __unused__))
#else
#    define ROUSE_LIKELY_(condition) (condition)
#    define ROUSE_COLD_              inline
#    define ROUSE_SLOW_              inline
#endif

static inline void rouse_yield_(void) {
#if defined(ROUSE_LOCK_SRW_)
    (void)SwitchToThread();
#elif defined(ROUSE_LOCK_PTHREAD_)
    (void)sched_yield();
#else
    thrd_yield();
#endif
}

static inline void rouse_pause_(void) {
#if defined(__GNUC__) && (defined(__i386__) || defined(__x86_64__))
    __builtin_ia32_pause();
#elif defined(__GNUC__) && (defined(__aarch64__) || (defined(__ARM_ARCH) && __ARM_ARCH >= 7))
    __asm__ __volatile__("yield");
#elif defined(_MSC_VER)
    YieldProcessor();
#endif
}

/* One step of waiting for another thread's few instructions: pause twice as often at each step, and from
 * ROUSE_SPIN_LIMIT pauses on give the processor away, so that a preempted holder costs a time slice and not
 * a storm. Start with *step = 1. */
static inline void rouse_back_off_(uint32_t *step) {
    if (*step > ROUSE_SPIN_LIMIT) {
        rouse_yield_();
        return;
    }
    for (uint32_t i = 0; i < *step; i++) {
        rouse_pause_();
    }
    *step *= 2;
}

/* ---- linkage ------------------------------------------------------------------------------------------- */

/* A variable that a header defines and the program has once: ELF and Mach-O by a weak symbol, PE by a COMDAT.
 * Hidden visibility would give every shared library its own, so the default is asked for.
 * ROUSE_THREAD_: thread storage, spelt alike in C and C++, without C++'s lazy initialisation; in ELF of the
 * initial-exec model, whose access is one instruction and async-signal-safe. */
#if defined(_MSC_VER) && !defined(__clang__)
#    define ROUSE_SHARED_ __declspec(selectany)
#    define ROUSE_THREAD_ __declspec(thread)
#elif defined(_WIN32)
#    define ROUSE_SHARED_ __attribute__((__selectany__))
#    define ROUSE_THREAD_ __thread
#elif defined(__ELF__)
#    define ROUSE_SHARED_ __attribute__((__weak__, __visibility__("default")))
#    define ROUSE_THREAD_ __attribute__((__tls_model__("initial-exec"))) __thread
#else
#    define ROUSE_SHARED_ __attribute__((__weak__, __visibility__("default")))
#    define ROUSE_THREAD_ __thread
#endif

#ifdef __cplusplus
#    define ROUSE_ALIGN_(bytes)   alignas(bytes)
#    define ROUSE_EXTERN_C_BEGIN_ extern "C" {
#    define ROUSE_EXTERN_C_END_   }
#else
#    define ROUSE_ALIGN_(bytes) _Alignas(bytes)
#    define ROUSE_EXTERN_C_BEGIN_
#    define ROUSE_EXTERN_C_END_
#endif

/* ---- misuse -------------------------------------------------------------------------------------------- */

/* One line that names the call and the object, then abort. Only ROUSE_DEBUG checks and the start-up check
 * come here. */
static ROUSE_COLD_ void rouse_die_(const char *call, const void *object, const char *what) {
    fprintf(stderr, "rouse: %s(%p): %s\n", call, object, what);
    fflush(stderr);
    abort();
}

#ifdef ROUSE_DEBUG
#    define ROUSE_CHECK_(condition, call, object, what) \
        ((condition) ? (void)0 : rouse_die_((call), (object), (what)))
#else
#    define ROUSE_CHECK_(condition, call, object, what) ((void)0)
#endif

#define ROUSE_CHECK_OBJECT_(object, call) ROUSE_CHECK_((object) != NULL, call, object, "the object is NULL")

#ifndef ROUSE_TRACE
#    define ROUSE_TRACE(event, object, waiter) ((void)0)
#endif

/* ---- one set of options per program -------------------------------------------------------------------- */

#ifdef ROUSE_DEBUG
#    define ROUSE_OPTIONS_ (ROUSE_BACKEND + 16 + 256 * ROUSE_SEGMENT_CELLS)
#else
#    define ROUSE_OPTIONS_ (ROUSE_BACKEND + 256 * ROUSE_SEGMENT_CELLS)
#endif

#if !defined(ROUSE_MIXED_BACKENDS)
#    if defined(_MSC_VER)
#        define ROUSE_QUOTE_(x)  #        x
#        define ROUSE_QUOTED_(x) ROUSE_QUOTE_(x)
#        pragma detect_mismatch("rouse_options", ROUSE_QUOTED_(ROUSE_OPTIONS_))
#    else
ROUSE_EXTERN_C_BEGIN_
/* The first unit's options (the linker keeps one of the definitions). volatile: with link-time optimization
 * the compiler must not take its own unit's initialiser for the one that was kept. */
extern ROUSE_SHARED_ volatile int rouse_options_v1_;
ROUSE_SHARED_ volatile int rouse_options_v1_ = ROUSE_OPTIONS_;
ROUSE_EXTERN_C_END_

/* Objects hold what their backend needs, so a unit that was built for another one would corrupt them. A C
 * linker cannot compare types; this runs before main in every unit and compares one number. */
__attribute__((__constructor__)) static void rouse_check_options_(void) {
    static const char *const names[] = {"?", "ROUSE_BACKEND_MUTEX", "ROUSE_BACKEND_SPIN",
                                        "ROUSE_BACKEND_LOCKFREE"};
    const int theirs = rouse_options_v1_;
    if (theirs != ROUSE_OPTIONS_) {
        fprintf(stderr,
                "rouse: this program was built with two sets of options: %s%s, %d cells a segment, and %s%s, "
                "%d cells a segment; build all of it with one (or see ROUSE_MIXED_BACKENDS in config.h)\n",
                names[theirs & 3], (theirs & 16) ? " with ROUSE_DEBUG" : "", theirs / 256,
                names[ROUSE_OPTIONS_ & 3], (ROUSE_OPTIONS_ & 16) ? " with ROUSE_DEBUG" : "",
                ROUSE_OPTIONS_ / 256);
        fflush(stderr);
        abort();
    }
}
#    endif
#endif

/* ---- the platform's mutex ------------------------------------------------------------------------------ */

#if defined(ROUSE_LOCK_PTHREAD_)
typedef pthread_mutex_t rouse_lock_;
#    define ROUSE_LOCK_INIT_ PTHREAD_MUTEX_INITIALIZER
static inline void rouse_lock_init_(rouse_lock_ *lock) {
    (void)pthread_mutex_init(lock, NULL);
}
static inline void rouse_lock_destroy_(rouse_lock_ *lock) {
    (void)pthread_mutex_destroy(lock);
}
static inline void rouse_lock_take_(rouse_lock_ *lock) {
    (void)pthread_mutex_lock(lock);
}
static inline void rouse_lock_drop_(rouse_lock_ *lock) {
    (void)pthread_mutex_unlock(lock);
}
#elif defined(ROUSE_LOCK_SRW_)
typedef SRWLOCK rouse_lock_;
#    define ROUSE_LOCK_INIT_ SRWLOCK_INIT
static inline void rouse_lock_init_(rouse_lock_ *lock) {
    InitializeSRWLock(lock);
}
static inline void rouse_lock_destroy_(rouse_lock_ *lock) {
    (void)lock;
}
static inline void rouse_lock_take_(rouse_lock_ *lock) {
    AcquireSRWLockExclusive(lock);
}
static inline void rouse_lock_drop_(rouse_lock_ *lock) {
    ReleaseSRWLockExclusive(lock);
}
#else
/* C11's mutex has no static initialiser: with ROUSE_BACKEND_MUTEX on such a system use the init functions. */
typedef mtx_t rouse_lock_;
static inline void rouse_lock_init_(rouse_lock_ *lock) {
    (void)mtx_init(lock, mtx_plain);
}
static inline void rouse_lock_destroy_(rouse_lock_ *lock) {
    mtx_destroy(lock);
}
static inline void rouse_lock_take_(rouse_lock_ *lock) {
    (void)mtx_lock(lock);
}
static inline void rouse_lock_drop_(rouse_lock_ *lock) {
    (void)mtx_unlock(lock);
}
#endif

#endif /* ROUSE_DETAIL_PLATFORM_H */
