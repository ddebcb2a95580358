/* rouse/detail/base/time.h: the clock of time-outs and statistics. Internal.
 *
 *   rouse_time_now_()   nanoseconds. Monotonic, except with C11 threads, and with strict -std=c11 on 32-bit
 *                       systems other than Linux: these offer only the wall clock */
#ifndef ROUSE_DETAIL_BASE_TIME_H
#define ROUSE_DETAIL_BASE_TIME_H

#include "platform.h"

#include <stdint.h>
#include <time.h>

#if defined(ROUSE_LOCK_SRW_)
ROUSE_INLINE_ uint64_t rouse_time_now_(void) {
    uint64_t count = 0;
    uint64_t rate = 1;
    (void)QueryPerformanceCounter((union _LARGE_INTEGER *)(void *)&count);
    (void)QueryPerformanceFrequency((union _LARGE_INTEGER *)(void *)&rate);
    return count / rate * 1000000000u + count % rate * 1000000000u / rate;
}
#elif defined(ROUSE_LOCK_PTHREAD_) && defined(CLOCK_MONOTONIC) && \
    (!defined(__linux__) || (defined(_POSIX_C_SOURCE) && _POSIX_C_SOURCE >= 199309L))
ROUSE_INLINE_ uint64_t rouse_time_now_(void) {
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}
#elif defined(__linux__) && defined(__LP64__)
/* With strict -std=c11 the headers hide clock_gettime, but the C library has it. On 64-bit Linux its types
 * are fixed, so it is declared here under one of our names. */
ROUSE_EXTERN_C_BEGIN_
extern int rouse_time_clock_gettime_(int clock, struct timespec *now) __asm__("clock_gettime");
ROUSE_EXTERN_C_END_
ROUSE_INLINE_ uint64_t rouse_time_now_(void) {
    struct timespec now;
    (void)rouse_time_clock_gettime_(1 /* CLOCK_MONOTONIC */, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}
#elif defined(__linux__)
/* For 32 bits and strict -std=c11. The C library has two functions of that name, for two sizes of time_t; the
 * kernel's call is neither. */
ROUSE_INLINE_ uint64_t rouse_time_now_(void) {
#    if defined(SYS_clock_gettime)
    rouse_platform_kernel_time_ now;
    (void)rouse_platform_syscall_(SYS_clock_gettime, 1 /* CLOCK_MONOTONIC */, &now);
    return (uint64_t)now.seconds * 1000000000u + (uint64_t)now.nanoseconds;
#    else
    int64_t now[2]; /* seconds, nanoseconds */
    (void)rouse_platform_syscall_(SYS_clock_gettime64, 1 /* CLOCK_MONOTONIC */, now);
    return (uint64_t)now[0] * 1000000000u + (uint64_t)now[1];
#    endif
}
#else
ROUSE_INLINE_ uint64_t rouse_time_now_(void) {
    struct timespec now;
    (void)timespec_get(&now, TIME_UTC);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}
#endif

#endif /* ROUSE_DETAIL_BASE_TIME_H */
