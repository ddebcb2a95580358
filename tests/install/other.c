/* The consumer's second file: releases what the first one acquired. */
#if defined(CONSUMER_SINGLE_FILE) && !defined(CONSUMER_MIXED)
#    include "rouse_single.h"
#else
#    include <rouse/semaphore.h>
#endif

void give_back(rouse_semaphore *limit);

void give_back(rouse_semaphore *limit) {
    (void)rouse_semaphore_release(limit, 1);
}
