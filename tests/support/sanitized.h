/* Which sanitizer a test is built with: gcc says it by macros, clang by __has_feature. */
#ifndef ROUSE_TESTS_SUPPORT_SANITIZED_H
#define ROUSE_TESTS_SUPPORT_SANITIZED_H

#if defined(__has_feature)
#    if __has_feature(thread_sanitizer)
#        define UNDER_TSAN 1
#    endif
#    if __has_feature(address_sanitizer)
#        define UNDER_ASAN 1
#    endif
#endif
#if !defined(UNDER_TSAN) && defined(__SANITIZE_THREAD__)
#    define UNDER_TSAN 1
#endif
#if !defined(UNDER_ASAN) && defined(__SANITIZE_ADDRESS__)
#    define UNDER_ASAN 1
#endif
#ifndef UNDER_TSAN
#    define UNDER_TSAN 0
#endif
#ifndef UNDER_ASAN
#    define UNDER_ASAN 0
#endif

/* By how many calls a test's sequences are shorter, if it makes every sequence on a single thread. Each
 * call less takes a tenth of the time. A sanitizer slows the making of so many objects most, and
 * ThreadSanitizer has nothing to find there. */
#ifndef SHORTER_SEQUENCES
#    define SHORTER_SEQUENCES (UNDER_ASAN + 2 * UNDER_TSAN)
#endif

#endif
