/* rouse/detail/wake/asker.h: throughput mode: how a mailbox's drain asks for an invited waiter. Internal.
 *
 * The unit of the program that drains a mailbox may have another backend than the waiter's queue
 * (ROUSE_MIXED_BACKENDS). So the outcome of an invited waiter names its queue's backend, and whether the
 * object is a limit. The program has one table of the functions that ask. */
#ifndef ROUSE_DETAIL_WAKE_ASKER_H
#define ROUSE_DETAIL_WAKE_ASKER_H

#include "../../config.h"
#include "../../waiter.h"
#include "../base/atomic.h"
#include "../base/platform.h"
#include "outcome.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct rouse_asker_ {
    bool (*ask)(rouse_waiter *w);            /* did its wake run? No: it is queued again  */
    rouse_status (*resume)(rouse_waiter *w); /* limits: rouse_limit_resume, and decline */
    void (*decline)(rouse_waiter *w);
} rouse_asker_;

/* Which asker of a backend. Plus the backend, it is the index in the table. */
enum { ROUSE_ASKER_QUEUE_ = 0, ROUSE_ASKER_LIMIT_ = 4 };

/* A pointer to an asker at each index; all zero: none has been needed. C and C++ spell the type alike, for a
 * link that compares types (-flto). */
typedef struct rouse_asker_memory_ {
    ROUSE_ALIGN_(8) unsigned char bytes_[64];
} rouse_asker_memory_;

ROUSE_EXTERN_C_BEGIN_
#ifdef ROUSE_PRIVATE
#    define ROUSE_ASKERS_VARIABLE_ ROUSE_PRIVATE_NAME_(rouse_askers_v1)
extern ROUSE_MODULE_ rouse_asker_memory_ ROUSE_ASKERS_VARIABLE_;
ROUSE_MODULE_ rouse_asker_memory_ ROUSE_ASKERS_VARIABLE_ = {{0}};
#else
#    define ROUSE_ASKERS_VARIABLE_ rouse_askers_v1_
extern ROUSE_SHARED_ rouse_asker_memory_ rouse_askers_v1_;
ROUSE_SHARED_ rouse_asker_memory_ rouse_askers_v1_ = {{0}};
#endif
ROUSE_EXTERN_C_END_

ROUSE_INLINE_ rouse_atomic_ptr_ *rouse_asker_place_(uint32_t index) {
    void *const first = ROUSE_ASKERS_VARIABLE_.bytes_;
    return (rouse_atomic_ptr_ *)first + index;
}
/* Relaxed: the store of the waiter's outcome (E1), or the mailbox (E7), orders the store below before this
 * load. All units of one backend store functions that do the same. */
ROUSE_INLINE_ const rouse_asker_ *rouse_asker_at_(uint32_t index) {
    return (const rouse_asker_ *)rouse_ptr_load_relaxed_(rouse_asker_place_(index));
}

/* Enters this backend's asker, before a waiter is posted for it. Relaxed, for the same reason. */
ROUSE_INLINE_ void rouse_asker_enter_(rouse_asker_ *asker, uint32_t kind) {
    const uint32_t index = ROUSE_BACKEND + kind;
    if (rouse_asker_at_(index) != asker) {
        rouse_ptr_store_relaxed_(rouse_asker_place_(index), asker);
    }
}
/* Returns the outcome with which an invited waiter is posted. */
ROUSE_INLINE_ uint32_t rouse_asker_outcome_(uint32_t kind) {
    const uint32_t index = ROUSE_BACKEND + kind;
    return rouse_outcome_(ROUSE_RETRY, ROUSE_OUTCOME_INVITED_ | index * (uint32_t)ROUSE_OUTCOME_ASKER_);
}
ROUSE_COLD_ bool rouse_asker_ask_(rouse_waiter *w, uint32_t outcome) {
    return rouse_asker_at_(outcome / ROUSE_OUTCOME_ASKER_)->ask(w);
}

#endif /* ROUSE_DETAIL_WAKE_ASKER_H */
