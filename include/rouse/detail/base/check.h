/* rouse/detail/base/check.h: misuse, tracing, and the start-up check of a program's options. Internal.
 *
 * ROUSE_DEBUG turns misuse that no return value can report into one line on stderr and an abort. The checks
 * name the public function in which they stand by __func__. */
#ifndef ROUSE_DETAIL_BASE_CHECK_H
#define ROUSE_DETAIL_BASE_CHECK_H

#include "../../config.h"
#include "platform.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- misuse -------------------------------------------------------------------------------------------- */

/* One line that names the call and the object, then abort. Only ROUSE_DEBUG checks and the start-up check
 * come here. */
static ROUSE_COLD_ void rouse_check_die_(const char *call, const void *object, const char *what) {
    fprintf(stderr, "rouse: %s(%p): %s\n", call, object, what);
    fflush(stderr);
    abort();
}

#ifdef ROUSE_DEBUG
#    define ROUSE_CHECK_(condition, object, what) \
        ((condition) ? (void)0 : rouse_check_die_(__func__, (object), (what)))
#else
#    define ROUSE_CHECK_(condition, object, what) ((void)0)
#endif

#define ROUSE_CHECK_OBJECT_(object) ROUSE_CHECK_((object) != NULL, object, "the object is NULL")

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
                                        "ROUSE_BACKEND_LOCKFREE", "ROUSE_BACKEND_LOCAL"};
    const int theirs = rouse_options_v1_;
    if (theirs != ROUSE_OPTIONS_) {
        fprintf(stderr,
                "rouse: this program was built with two sets of options: %s%s, %d cells a segment, and %s%s, "
                "%d cells a segment; build all of it with one (or see ROUSE_MIXED_BACKENDS in config.h)\n",
                names[theirs & 7], (theirs & 16) ? " with ROUSE_DEBUG" : "", theirs / 256,
                names[ROUSE_OPTIONS_ & 7], (ROUSE_OPTIONS_ & 16) ? " with ROUSE_DEBUG" : "",
                ROUSE_OPTIONS_ / 256);
        fflush(stderr);
        abort();
    }
}
#    endif
#endif

#endif /* ROUSE_DETAIL_BASE_CHECK_H */
