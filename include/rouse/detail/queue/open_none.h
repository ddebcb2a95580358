/* rouse/detail/queue/open_none.h: for a backend without throughput mode: it ignores the bound. Internal. */
#ifndef ROUSE_DETAIL_QUEUE_OPEN_NONE_H
#define ROUSE_DETAIL_QUEUE_OPEN_NONE_H

#include "../../waiter.h"
#include "invited.h"
#include "types.h"

#include <stdbool.h>
#include <stdint.h>

#define ROUSE_BACKEND_INIT_THROUGHPUT_(credit, bypass) ROUSE_BACKEND_INIT_(credit)

ROUSE_INLINE_ bool rouse_open_on_(const rouse_waiter_queue *q) {
    (void)q;
    return false;
}
ROUSE_INLINE_ void rouse_open_init_(rouse_waiter_queue *q, uint32_t bypass) {
    (void)q, (void)bypass;
}

/* No waiter is ever invited, so none of these is called. */
ROUSE_INLINE_ bool rouse_open_try_(rouse_waiter_queue *q, uint32_t n) {
    (void)q, (void)n;
    return false;
}
ROUSE_INLINE_ uint32_t rouse_open_reduce_(rouse_waiter_queue *q, uint32_t n) {
    (void)q, (void)n;
    return 0;
}
ROUSE_INLINE_ rouse_status rouse_open_resume_(rouse_waiter_queue *q, rouse_waiter *w) {
    (void)q, (void)w;
    return ROUSE_INVALID;
}
ROUSE_INLINE_ void rouse_open_decline_(rouse_waiter_queue *q, rouse_waiter *w) {
    (void)q, (void)w;
}

#endif /* ROUSE_DETAIL_QUEUE_OPEN_NONE_H */
