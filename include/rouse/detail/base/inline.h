/* rouse/detail/base/inline.h: the linkage of the functions that the headers define. Internal.
 *
 *   ROUSE_INLINE_   a short function
 *   ROUSE_FAST_     a longer one that is inlined wherever it is called: the fast path of several calls
 *   ROUSE_SLOW_     one that is called, not inlined: what a fast path leaves to another function
 *   ROUSE_COLD_     the same, hardly ever called
 *   ROUSE_LATE_     like ROUSE_SLOW_, for one that is declared before its definition: always static,
 *                   because gcc warns of an inline one
 *
 * Each unit has its own copy (static), so units may differ in the options that a unit sets for itself. In
 * C++20 they are inline functions instead, so that a template in a module can call them. Then each executable
 * or shared library has its own copy (hidden). A C++20 unit that sets such an option has static ones, and
 * cannot export such a template. */
#ifndef ROUSE_DETAIL_BASE_INLINE_H
#define ROUSE_DETAIL_BASE_INLINE_H

#include "../../config.h"

#if defined(__cplusplus) && __cplusplus >= 202002L && defined(__GNUC__) && !defined(ROUSE_MIXED_BACKENDS) && \
    !defined(ROUSE_PRIVATE) && !defined(ROUSE_TRACE) && !defined(ROUSE_ATOMIC_HOOKS_HEADER) &&               \
    !defined(ROUSE_STATS_NOW) && ROUSE_SPIN_LIMIT == ROUSE_SPIN_LIMIT_DEFAULT_
#    if defined(__ELF__) || defined(__APPLE__)
#        define ROUSE_INLINE_ inline __attribute__((__visibility__("hidden")))
#    else
#        define ROUSE_INLINE_ inline
#    endif
#    define ROUSE_OUTLINE_ ROUSE_INLINE_
#else
#    define ROUSE_INLINE_  static inline
#    define ROUSE_OUTLINE_ static
#endif

#if defined(__GNUC__)
#    define ROUSE_FAST_ ROUSE_INLINE_ __attribute__((__always_inline__))
#    define ROUSE_SLOW_ ROUSE_OUTLINE_ __attribute__((__noinline__, __unused__))
#    define ROUSE_COLD_ ROUSE_OUTLINE_ __attribute__((__noinline__, __cold__, __unused__))
#    define ROUSE_LATE_ static __attribute__((__noinline__, __unused__))
#else
#    define ROUSE_FAST_ ROUSE_INLINE_
#    define ROUSE_SLOW_ ROUSE_INLINE_
#    define ROUSE_COLD_ ROUSE_INLINE_
#    define ROUSE_LATE_ static
#endif

#endif /* ROUSE_DETAIL_BASE_INLINE_H */
