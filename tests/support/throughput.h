/* tests/support/throughput.h: throughput mode as a few plain variables and a list, one call at a time.
 *
 * It has two rules that a strict semaphore has not. A newcomer takes n if they are free and, while anybody
 * waits, if one is invited and the count plus n is within the bound. And as many waiters are invited as there
 * are permits. Of a limit it gives to a waiter that lacks several what the limit keeps free; a newcomer sees no
 * difference.
 *
 * Define REFERENCE_WAITERS, how many there are, and REFERENCE_LOG, how many wakes a call may cause. */
#ifndef ROUSE_TESTS_SUPPORT_THROUGHPUT_H
#define ROUSE_TESTS_SUPPORT_THROUGHPUT_H

#include <rouse/waiter.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

typedef enum waiter_kind { TOLD, ANSWERS, POLLED, MAILED } waiter_kind;

typedef struct logged_wake {
    int waiter;
    rouse_status status;
} logged_wake;
typedef struct wake_log {
    logged_wake entries[REFERENCE_LOG];
    size_t length;
} wake_log;

static inline void log_wake(wake_log *log, int waiter, rouse_status status) {
    if (log->length == REFERENCE_LOG) {
        abort();
    }
    log->entries[log->length].waiter = waiter;
    log->entries[log->length++].status = status;
}

typedef struct reference {
    waiter_kind kinds[REFERENCE_WAITERS];
    bool several;  /* as many are invited as there are permits; else one at a time */
    bool one_only; /* who asks for several is granted, and never invited */
    uint32_t bound;
    uint32_t free;
    uint32_t passed;
    bool closed;
    int under_way;
    bool invited[REFERENCE_WAITERS];
    bool beaten[REFERENCE_WAITERS];
    uint32_t turn[REFERENCE_WAITERS]; /* of those that are or have been invited */
    uint32_t came[REFERENCE_WAITERS]; /* its place in the order in which they queued */
    uint32_t comers;
    bool short_of;               /* a release that makes more free than waiters are under way invites */
    int list[REFERENCE_WAITERS]; /* in that order */
    int listed;
    uint32_t asked[REFERENCE_WAITERS];
    uint32_t has[REFERENCE_WAITERS];
    rouse_status status[REFERENCE_WAITERS];
    int mail[2 * REFERENCE_WAITERS]; /* what drain will find */
    int mails;
    wake_log due; /* wakes that this call will run */
} reference;

static inline void reference_put(reference *r, int place, int waiter) {
    memmove(&r->list[place + 1], &r->list[place], (size_t)(r->listed - place) * sizeof r->list[0]);
    r->list[place] = waiter;
    r->listed++;
}
static inline void reference_take(reference *r, int place) {
    r->listed--;
    memmove(&r->list[place], &r->list[place + 1], (size_t)(r->listed - place) * sizeof r->list[0]);
}
/* An outcome or an invitation reaches its waiter. */
static inline void reference_tell(reference *r, int w, rouse_status status) {
    if (r->kinds[w] == MAILED) {
        r->mail[r->mails++] = w;
        if (status != ROUSE_RETRY) {
            r->status[w] = status;
        }
    } else {
        r->status[w] = status;
        if (r->kinds[w] != POLLED) {
            log_wake(&r->due, w, status);
        }
    }
}
static inline bool reference_is_listed(const reference *r, int w, int *place) {
    for (*place = 0; *place < r->listed; ++*place) {
        if (r->list[*place] == w) {
            return true;
        }
    }
    return false;
}
static inline bool reference_is_oldest(const reference *r, int w) {
    for (int i = 0; i < REFERENCE_WAITERS; i++) {
        if (r->invited[i] && r->came[i] < r->came[w]) {
            return false;
        }
    }
    return r->listed == 0 || r->came[r->list[0]] >= r->came[w];
}
static inline bool reference_has_turn(const reference *r, int w) {
    int place;
    return r->invited[w] || (r->beaten[w] && reference_is_listed(r, w, &place));
}
/* Behind the youngest that has a turn, unless the oldest is too far before it. */
enum { NO_TURN = -1, TURNS = 14 }; /* of a queue under a lock */
static inline int64_t reference_next_turn(const reference *r) {
    int64_t first = INT64_MAX;
    int64_t last = -1;
    for (int i = 0; i < REFERENCE_WAITERS; i++) {
        if (reference_has_turn(r, i)) {
            first = r->turn[i] < first ? r->turn[i] : first;
            last = r->turn[i] > last ? r->turn[i] : last;
        }
    }
    return last >= 0 && last + 1 - first >= TURNS ? NO_TURN : last + 1;
}
/* May the first in the list be invited while others are under way? A waiter that has been invited before
 * may. So may a waiter that wants one and can answer, because no waiter behind the oldest is given a part. */
static inline bool reference_follows(const reference *r) {
    const int w = r->list[0];
    if (!r->several || r->listed == 0) {
        return false;
    }
    return r->beaten[w] || (r->asked[w] == 1 && r->kinds[w] != POLLED && reference_next_turn(r) != NO_TURN);
}
/* Now somebody has looked. */
static inline void reference_look(reference *r) {
    r->short_of = r->under_way != 0 && reference_follows(r) && r->free <= (uint32_t)r->under_way;
    if (r->under_way == 0 && r->listed == 0) {
        r->passed = 0;
    }
}
/* What each waiter gets. */
static inline void reference_settle(reference *r) {
    while (r->free > (uint32_t)r->under_way && r->listed != 0 &&
           (r->under_way == 0 || reference_follows(r))) {
        const int w = r->list[0];
        const uint32_t lacks = r->asked[w] - r->has[w];
        if (lacks > r->free) {
            r->has[w] += r->free;
            r->free = 0;
        } else if (r->kinds[w] == POLLED || (r->one_only && r->asked[w] != 1)) {
            r->passed = 0;
            reference_take(r, 0);
            r->free -= lacks;
            reference_tell(r, w, ROUSE_OK);
        } else {
            reference_take(r, 0);
            r->free -= lacks - 1;
            r->has[w] = r->asked[w] - 1;
            r->turn[w] = r->beaten[w] ? r->turn[w] : (uint32_t)reference_next_turn(r);
            r->invited[w] = true;
            r->under_way++;
            reference_tell(r, w, ROUSE_RETRY);
        }
    }
    reference_look(r);
}
static inline void reference_put_back(reference *r, int w) {
    int place = 0;
    while (place < r->listed && r->came[r->list[place]] < r->came[w]) {
        place++;
    }
    reference_put(r, place, w);
}

/* ---- its calls --------------------------------------------------------------------------------------------------------- */

static inline bool reference_try(reference *r, uint32_t n) {
    const bool waited_for = r->under_way != 0 || r->listed != 0;
    if (r->closed || r->free < n || (waited_for && r->passed + n > r->bound)) {
        return false;
    }
    r->free -= n;
    r->passed += waited_for ? n : 0;
    return true;
}
static inline rouse_status reference_acquire(reference *r, int w, uint32_t n) {
    const bool alone = r->under_way == 0 && r->listed == 0;
    if (r->closed) {
        return ROUSE_CLOSED;
    }
    if (reference_try(r, n)) {
        return ROUSE_OK;
    }
    r->asked[w] = n;
    r->has[w] = alone ? r->free : 0;
    r->free = alone ? 0 : r->free;
    r->came[w] = r->comers++;
    r->beaten[w] = false;
    reference_put(r, r->listed, w);
    if (r->listed == 1) {
        reference_look(r);
    }
    r->status[w] = ROUSE_PENDING;
    return ROUSE_PENDING;
}
static inline void reference_release(reference *r, uint32_t n) {
    r->free += n;
    if (r->under_way == 0 || (r->short_of && r->free > (uint32_t)r->under_way)) {
        reference_settle(r);
    }
}
static inline uint32_t reference_reduce(reference *r, uint32_t n) {
    const uint32_t taken = n < r->free ? n : r->free;
    r->free -= taken;
    return taken;
}
static inline rouse_status reference_resume(reference *r, int w) {
    const bool oldest = reference_is_oldest(r, w);
    r->invited[w] = false;
    r->under_way--;
    if (r->closed) {
        r->free += r->has[w];
        r->passed = 0;
        r->status[w] = ROUSE_CLOSED;
    } else if (r->free == 0) {
        reference_put_back(r, w);
        r->beaten[w] = true;
        r->status[w] = ROUSE_PENDING;
        reference_look(r);
    } else {
        r->free--;
        r->passed = oldest ? 0 : r->passed;
        r->status[w] = ROUSE_OK;
        reference_settle(r);
    }
    return r->status[w];
}
static inline void reference_leave(reference *r, int w) {
    r->invited[w] = false;
    r->under_way--;
    r->free += r->has[w];
    reference_settle(r);
}
static inline void reference_decline(reference *r, int w) {
    r->status[w] = ROUSE_INVALID;
    reference_leave(r, w);
}
static inline bool reference_cancel(reference *r, int w) {
    int place;
    if (reference_is_listed(r, w, &place)) {
        reference_take(r, place);
        r->free += r->has[w];
        r->status[w] = ROUSE_INVALID;
        reference_settle(r);
        return true;
    }
    if (r->invited[w] && r->kinds[w] == MAILED) {
        r->status[w] = ROUSE_CANCELLED;
        reference_leave(r, w);
    }
    return false;
}
static inline uint32_t reference_close(reference *r) {
    const int all = r->listed;
    r->closed = true;
    for (int i = 0; i < all; i++) {
        r->free += r->has[r->list[i]];
        reference_tell(r, r->list[i], ROUSE_CLOSED);
    }
    r->listed = 0;
    r->short_of = false;
    return (uint32_t)all;
}

#endif /* ROUSE_TESTS_SUPPORT_THROUGHPUT_H */
