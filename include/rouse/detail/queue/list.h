/* rouse/detail/queue/list.h: an intrusive doubly linked list of waiters, oldest first. Internal.
 *
 * The list takes no lock: the caller holds it. The backward link is the waiter's place_, which is atomic for
 * the sake of LOCKFREE; here it is read and written relaxed, under the lock. The place_ of the oldest waiter
 * means nothing, so taking that waiter out does not touch the one behind it. */
#ifndef ROUSE_DETAIL_QUEUE_LIST_H
#define ROUSE_DETAIL_QUEUE_LIST_H

#include "../../waiter.h"
#include "../base/atomic.h"
#include "../base/platform.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Zero-initialised: empty. */
typedef struct rouse_list_ {
    rouse_waiter *oldest;
    rouse_waiter *newest;
} rouse_list_;

/* Appends w behind the newest, `before`. */
ROUSE_INLINE_ void rouse_list_append_behind_(rouse_list_ *list, rouse_waiter *before, rouse_waiter *w) {
    w->next_ = NULL;
    rouse_ptr_store_relaxed_(&w->place_, before);
    before->next_ = w;
    list->newest = w;
}

/* Puts w into a list that is empty. */
ROUSE_INLINE_ void rouse_list_begin_(rouse_list_ *list, rouse_waiter *w) {
    w->next_ = NULL;
    list->oldest = w;
    list->newest = w;
}

ROUSE_INLINE_ void rouse_list_append_(rouse_list_ *list, rouse_waiter *w) {
    if (list->newest != NULL) {
        rouse_list_append_behind_(list, list->newest, w);
    } else {
        rouse_list_begin_(list, w);
    }
}

ROUSE_INLINE_ void rouse_list_prepend_(rouse_list_ *list, rouse_waiter *w) {
    rouse_waiter *const first = list->oldest;
    w->next_ = first;
    if (first == NULL) {
        list->newest = w;
    } else {
        rouse_ptr_store_relaxed_(&first->place_, w);
    }
    list->oldest = w;
}

/* Empties the list. Returns the oldest waiter that was in it; next_ links it to the others. */
ROUSE_INLINE_ rouse_waiter *rouse_list_take_all_(rouse_list_ *list) {
    rouse_waiter *const first = list->oldest;
    list->oldest = NULL;
    list->newest = NULL;
    return first;
}

/* Takes out w, the oldest waiter. */
ROUSE_INLINE_ void rouse_list_pop_(rouse_list_ *list, rouse_waiter *w) {
    rouse_waiter *const behind = w->next_;
    list->oldest = behind;
    if (behind == NULL) {
        list->newest = NULL;
    }
}

/* Inserts w behind the first `others` waiters. Requires that the list has at least that many. */
ROUSE_INLINE_ void rouse_list_insert_(rouse_list_ *list, uint32_t others, rouse_waiter *w) {
    rouse_waiter *before = NULL;
    rouse_waiter *behind = list->oldest;
    for (; others != 0; others--) {
        before = behind;
        behind = behind->next_;
    }
    if (before == NULL) {
        rouse_list_prepend_(list, w);
    } else if (behind == NULL) {
        rouse_list_append_(list, w);
    } else {
        w->next_ = behind;
        rouse_ptr_store_relaxed_(&w->place_, before);
        before->next_ = w;
        rouse_ptr_store_relaxed_(&behind->place_, w);
    }
}

/* Takes out w. Stores reach the cache one after the other, and each may have to wait for its cache line. A
 * prefetch waits for none, so the neighbours' lines come while earlier stores are under way. */
ROUSE_INLINE_ void rouse_list_remove_(rouse_list_ *list, rouse_waiter *w) {
    rouse_waiter *const behind = w->next_;
    rouse_waiter *before;
    if (w == list->oldest) {
        rouse_list_pop_(list, w);
        return;
    }
    before = (rouse_waiter *)rouse_ptr_load_relaxed_(&w->place_);
    ROUSE_PREFETCH_(before->next_);
    before->next_ = behind;
    if (behind == NULL) {
        list->newest = before;
    } else {
        ROUSE_PREFETCH_(behind->place_);
        rouse_ptr_store_relaxed_(&behind->place_, before);
    }
}

#endif /* ROUSE_DETAIL_QUEUE_LIST_H */
