/* rouse/detail/base/platform.h: what depends on the compiler or the operating system. Internal.
 *
 *   hints     ROUSE_LIKELY_, ROUSE_COLD_, ROUSE_SLOW_, rouse_platform_pause_, rouse_platform_yield_
 *   linkage   ROUSE_SHARED_ (one variable in the whole program, defined in a header), ROUSE_THREAD_
 *
 * The floor base/ is the only one that asks which compiler or system it is built for: the atomics (atomic.h),
 * the checks (check.h), the platform's mutex (lock.h) and the parking of threads (park.h) have their own
 * questions, and nothing above this floor has any.
 *
 * Tested: glibc and musl, gcc and clang, x86 and the cross targets of the README; Windows by mingw-w64 under
 * wine. Kept in mind and untested: MSVC, macOS.
 */
#ifndef ROUSE_DETAIL_BASE_PLATFORM_H
#define ROUSE_DETAIL_BASE_PLATFORM_H

#include "../../config.h"
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

static inline void rouse_platform_yield_(void) {
#if defined(ROUSE_LOCK_SRW_)
    (void)SwitchToThread();
#elif defined(ROUSE_LOCK_PTHREAD_)
    (void)sched_yield();
#else
    thrd_yield();
#endif
}

static inline void rouse_platform_pause_(void) {
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
static inline void rouse_platform_back_off_(uint32_t *step) {
    if (*step > ROUSE_SPIN_LIMIT) {
        rouse_platform_yield_();
        return;
    }
    for (uint32_t i = 0; i < *step; i++) {
        rouse_platform_pause_();
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

#endif /* ROUSE_DETAIL_BASE_PLATFORM_H */
