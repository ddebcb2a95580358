/* rouse/detail/base/check.h: misuse and tracing. Internal.
 *
 * ROUSE_DEBUG turns misuse that no return value can report into one line on stderr and an abort. Each check
 * names its public function, by __func__. */
#ifndef ROUSE_DETAIL_BASE_CHECK_H
#define ROUSE_DETAIL_BASE_CHECK_H

#include "../../config.h"
#include "options.h"
#include "platform.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- misuse -------------------------------------------------------------------------------------------- */

/* Prints one line that names the call and the object, then aborts. Only ROUSE_DEBUG checks and the start-up
 * check call it. */
ROUSE_COLD_ void rouse_check_die_(const char *call, const void *object, const char *what) {
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

#endif /* ROUSE_DETAIL_BASE_CHECK_H */
