/* rouse/detail/base/platform.h: what depends on the compiler or the operating system. Internal.
 *
 *   hints     ROUSE_LIKELY_, ROUSE_PREFETCH_, rouse_platform_pause_, rouse_platform_pauses_,
 *             rouse_platform_yield_
 *   waiting   rouse_platform_back_off_, rouse_platform_sleep_, rouse_platform_syscall_ (Linux)
 *   linkage   ROUSE_SHARED_, ROUSE_WEAK_, ROUSE_MODULE_ (variables that a header defines), ROUSE_THREAD_,
 *             ROUSE_PRIVATE_NAME_
 *
 * The layer base/ depends on the compiler and the system. Besides this header it has the atomics (atomic.h),
 * the linkage (inline.h), the start-up check (options.h), the mutex (lock.h), the parking of threads
 * (park.h), the clock (time.h) and Windows (win32.h). Above that layer only a few lines depend on them. They
 * are a built-in that counts bits (queue/lockfree/segments.h), the thread-local variable, fork and one
 * sanitizer (wake/), and what happens to a blocked thread that is cancelled (blocking.h).
 *
 * Tested: glibc and musl, gcc and clang, x86 and the cross targets of the README; Windows by mingw-w64 under
 * wine. Written for, but not tested: MSVC, macOS. */
#ifndef ROUSE_DETAIL_BASE_PLATFORM_H
#define ROUSE_DETAIL_BASE_PLATFORM_H

#include "../../config.h"
#include "atomic.h"
#include "inline.h"

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if defined(_WIN32)
#    include "win32.h"
#    if defined(_MSC_VER)
#        include <intrin.h>
#    endif
#    define ROUSE_LOCK_SRW_ 1
#elif defined(__unix__) || defined(__APPLE__) || defined(__HAIKU__)
#    include <pthread.h>
#    include <sched.h>
#    include <time.h>
#    define ROUSE_LOCK_PTHREAD_ 1
#else
#    include <threads.h>
#    include <time.h>
#    define ROUSE_LOCK_C11_ 1
#endif
#if defined(__linux__)
#    include <sys/syscall.h>
#endif

#ifdef __cplusplus
#    define ROUSE_ALIGN_(bytes)   alignas(bytes)
#    define ROUSE_EXTERN_C_BEGIN_ extern "C" {
#    define ROUSE_EXTERN_C_END_   }
#    define ROUSE_NOEXCEPT_       noexcept
#else
#    define ROUSE_ALIGN_(bytes) _Alignas(bytes)
#    define ROUSE_EXTERN_C_BEGIN_
#    define ROUSE_EXTERN_C_END_
#    define ROUSE_NOEXCEPT_
#endif

#if defined(__linux__)
/* The kernel's own interface, for sleeps that are neither cancellation points nor unsafe in a signal handler;
 * strict -std=c11 hides the C library's declaration. Its times are two longs (on x32: two 64-bit numbers). */
ROUSE_EXTERN_C_BEGIN_
extern long rouse_platform_syscall_(long number, ...) __asm__("syscall");
ROUSE_EXTERN_C_END_
#    if defined(SYS_futex) && !(defined(__x86_64__) && defined(__ILP32__))
typedef long rouse_platform_kernel_long_;
#    else
typedef int64_t rouse_platform_kernel_long_;
#    endif
typedef struct rouse_platform_kernel_time_ {
    rouse_platform_kernel_long_ seconds, nanoseconds;
} rouse_platform_kernel_time_;
#endif

/* The kernel's own interface, for sleeps that are neither cancellation points nor unsafe in a signal handler.
 * With strict -std=c11 the C library does not declare it. Its times are two longs (on x32: two 64-bit
 * numbers). */

/* Marks a function whose result must not be ignored. A cast to void says that ignoring it is on purpose.
 * (gcc's own attribute would warn about that cast too.) */
#if defined(__clang__)
#    define ROUSE_NODISCARD_ __attribute__((__warn_unused_result__))
#elif defined(__GNUC__) && defined(__cplusplus)
#    define ROUSE_NODISCARD_ [[__nodiscard__]]
#elif defined(__GNUC__) && __GNUC__ >= 10
#    define ROUSE_NODISCARD_ __extension__ [[__nodiscard__]]
#elif (defined(__cplusplus) && __cplusplus >= 201703L) || \
    (defined(__STDC_VERSION__) && __STDC_VERSION__ >= 202311L)
#    define ROUSE_NODISCARD_ [[nodiscard]]
#else
#    define ROUSE_NODISCARD_
#endif

#if defined(__GNUC__)
#    define ROUSE_LIKELY_(condition) __builtin_expect(!!(condition), 1)
/* Asks for the cache line of a member that is about to be written. */
#    define ROUSE_PREFETCH_(member) __builtin_prefetch(&(member), 1)
#else
#    define ROUSE_LIKELY_(condition) (condition)
#    define ROUSE_PREFETCH_(member)  ((void)0)
#endif

ROUSE_INLINE_ void rouse_platform_yield_(void) {
#if defined(ROUSE_LOCK_SRW_)
    (void)SwitchToThread();
#elif defined(ROUSE_LOCK_PTHREAD_)
    (void)sched_yield();
#else
    thrd_yield();
#endif
}

ROUSE_INLINE_ void rouse_platform_pause_(void) {
#if defined(__GNUC__) && (defined(__i386__) || defined(__x86_64__))
    __builtin_ia32_pause();
#elif defined(__GNUC__) && (defined(__aarch64__) || (defined(__ARM_ARCH) && __ARM_ARCH >= 7))
    __asm__ __volatile__("yield");
#elif defined(_M_IX86) || defined(_M_X64)
    _mm_pause();
#elif defined(_M_ARM64)
    __yield();
#endif
}

#ifdef ROUSE_DEBUG
/* Returns which thread this is: the number that a debugger shows. */
ROUSE_INLINE_ void *rouse_platform_thread_(void) {
    void *id = NULL;
#    if defined(ROUSE_LOCK_SRW_)
    const unsigned long self = GetCurrentThreadId();
#    elif defined(ROUSE_LOCK_PTHREAD_)
    const pthread_t self = pthread_self();
#    else
    const thrd_t self = thrd_current();
#    endif
    memcpy(&id, &self, sizeof self < sizeof id ? sizeof self : sizeof id);
    return id;
}
#endif

/* Sleeps for about that long, less than a second. Not a cancellation point, because callers hold locks or
 * permits. */
ROUSE_INLINE_ void rouse_platform_sleep_(uint32_t nanoseconds) {
#if defined(__linux__)
    const rouse_platform_kernel_time_ length = {0, (rouse_platform_kernel_long_)nanoseconds};
#    if defined(SYS_nanosleep)
    (void)rouse_platform_syscall_(SYS_nanosleep, &length, (void *)NULL);
#    else
    (void)rouse_platform_syscall_(SYS_clock_nanosleep_time64, 1 /* CLOCK_MONOTONIC */, 0, &length,
                                  (void *)NULL);
#    endif
#elif defined(ROUSE_LOCK_SRW_)
    Sleep((unsigned long)(nanoseconds / 1000000 + 1));
#elif defined(ROUSE_LOCK_PTHREAD_)
    struct timespec length;
    int before;
    length.tv_sec = 0;
    length.tv_nsec = (long)nanoseconds;
    (void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &before);
    (void)nanosleep(&length, NULL);
    (void)pthread_setcancelstate(before, &before);
#else
    struct timespec length;
    length.tv_sec = 0;
    length.tv_nsec = (long)nanoseconds;
    (void)thrd_sleep(&length, NULL);
#endif
}

enum {
    ROUSE_PLATFORM_YIELDS_ = 32,         /* yields before the first sleep                               */
    ROUSE_PLATFORM_SHORTEST_ = 50000,    /* nanoseconds of that sleep; each one after it is twice as long */
    ROUSE_PLATFORM_DOUBLINGS_ = 4,       /* up to 0.8 ms                                                */
    ROUSE_PLATFORM_YIELDING_ = 0x1000000 /* a step from here on counts yields and sleeps, not pauses    */
};

/* Tests in which one thread plays all parts define it in another way. */
#ifndef ROUSE_PLATFORM_SLEEP_
#    define ROUSE_PLATFORM_SLEEP_(nanoseconds) rouse_platform_sleep_(nanoseconds)
#endif

/* Gives the processor away, as part of a back-off. A yield lets threads of the same priority run. But if the
 * thread that the caller waits for has a lower priority (SCHED_OTHER under SCHED_FIFO), it runs only while
 * the caller sleeps. So the yields are bounded, and sleeps follow. */
ROUSE_COLD_ void rouse_platform_give_way_(uint32_t *step) {
    const uint32_t turn = *step < ROUSE_PLATFORM_YIELDING_ ? 0 : *step - ROUSE_PLATFORM_YIELDING_;
    if (turn < ROUSE_PLATFORM_YIELDS_) {
        rouse_platform_yield_();
    } else {
        ROUSE_PLATFORM_SLEEP_((uint32_t)ROUSE_PLATFORM_SHORTEST_ << (turn - ROUSE_PLATFORM_YIELDS_));
    }
    if (turn < ROUSE_PLATFORM_YIELDS_ + ROUSE_PLATFORM_DOUBLINGS_) {
        *step = ROUSE_PLATFORM_YIELDING_ + turn + 1;
    }
}

ROUSE_INLINE_ void rouse_platform_pauses_(uint32_t n) {
    for (; n != 0; n--) {
        rouse_platform_pause_();
    }
}

/* Makes one step of waiting for another thread's few instructions. At first it pauses, twice as often at each
 * step. From ROUSE_SPIN_LIMIT pauses on it yields, so that a preempted holder costs one time slice. After
 * ROUSE_PLATFORM_YIELDS_ yields it sleeps, so that a real-time thread does not keep the holder from running.
 * Start with *step = 1. */
ROUSE_INLINE_ void rouse_platform_back_off_(uint32_t *step) {
    if (*step > ROUSE_SPIN_LIMIT) {
        rouse_platform_give_way_(step);
        return;
    }
    rouse_platform_pauses_(*step);
    *step *= 2;
}

/* ---- linkage ------------------------------------------------------------------------------------------- */

/* A variable that a header defines: ELF and Mach-O by a weak symbol, PE by a COMDAT.
 *   ROUSE_SHARED_   the program has it once. It has default visibility, because hidden would give each shared
 *                   library its own copy; a version script can still hide it. (PE: each DLL has its own)
 *   ROUSE_WEAK_     it has the visibility that the unit is compiled with
 *   ROUSE_MODULE_   each executable or shared library has its own
 * ROUSE_THREAD_ is thread storage, spelt alike in C and C++, without C++'s lazy initialisation. In an ELF
 * executable its access is one instruction. A shared object (-fPIC) leaves the model to the compiler. With
 * initial-exec, dlopen would refuse it on musl, and on glibc once the spare static storage is used up. */
#if defined(_MSC_VER) && !defined(__clang__)
#    define ROUSE_WEAK_   __declspec(selectany)
#    define ROUSE_SHARED_ ROUSE_WEAK_
#    define ROUSE_MODULE_ ROUSE_WEAK_
#elif defined(_WIN32)
#    define ROUSE_WEAK_   __attribute__((__selectany__))
#    define ROUSE_SHARED_ ROUSE_WEAK_
#    define ROUSE_MODULE_ ROUSE_WEAK_
#else
#    define ROUSE_WEAK_   __attribute__((__weak__))
#    define ROUSE_SHARED_ __attribute__((__weak__, __visibility__("default")))
#    define ROUSE_MODULE_ __attribute__((__weak__, __visibility__("hidden")))
#endif
#if defined(_MSC_VER) && !defined(__clang__)
#    define ROUSE_THREAD_ __declspec(thread)
#elif defined(__ELF__) && (!defined(__PIC__) || defined(__PIE__))
#    define ROUSE_THREAD_ __attribute__((__tls_model__("initial-exec"))) __thread
#else
#    define ROUSE_THREAD_ __thread
#endif

/* ROUSE_PRIVATE_NAME_(x): x_of_NAME_, with the name that ROUSE_PRIVATE gives. */
#ifdef ROUSE_PRIVATE
#    define ROUSE_PRIVATE_PASTE_(x, name)  x##_of_##name##_
#    define ROUSE_PRIVATE_EXPAND_(x, name) ROUSE_PRIVATE_PASTE_(x, name)
#    define ROUSE_PRIVATE_NAME_(x)         ROUSE_PRIVATE_EXPAND_(x, ROUSE_PRIVATE)
#endif

#endif /* ROUSE_DETAIL_BASE_PLATFORM_H */
