/* reentrant_family.c: wakes that call back into what woke them, for every primitive. Random calls on one
 * object of each kind, from outside and from every wake. (reentrant.c does the same for the invitations of
 * throughput mode and for several.)
 *
 * A wake waits, gives back, signals, sends, closes, cancels, drains the mailbox, runs the deadlines, and
 * destroys whatever it may destroy. Each waiter is on the heap and is freed the moment its contract gives it
 * back, and so is each object, so a sanitizer sees a later access. Whenever no call is in progress:
 *
 *   nothing is given twice      one holder of a mutex, of the write lock, of the work of a once; an element received once
 *   nothing is lost             what a waiter waits for is not there; what was accepted by the channel was received or is in it
 *   no memory                   a wait is refused, and nothing has changed
 *   no wake is lost             every waiter that the objects do not count has had its wake
 *
 * reentrant_family [ROUNDS [SEED]] */
#include <stddef.h>

/* LOCKFREE: one call of the allocator in six fails. */
void *now_and_then(size_t size); /* not static: only LOCKFREE calls it */
#define ROUSE_MALLOC(size) now_and_then(size)
#define ROUSE_FREE(memory) free(memory)
#include <rouse/any.h>
#include <rouse/barrier.h>
#include <rouse/channel.h>
#include <rouse/condvar.h>
#include <rouse/deadline.h>
#include <rouse/event.h>
#include <rouse/gate.h>
#include <rouse/limit.h>
#include <rouse/once.h>
#include <rouse/rouse.h>
#include <rouse/rwlock.h>

#include "../support/random.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static unsigned long long seed = 1;
#define CHECK_CONTEXT "(seed %llu)", seed
#define CHECK_END()   abort()
#include "../support/check.h"

/* What a guest waits for. Those before ARMS may be an arm of an any. */
enum what {
    PERMIT,
    SHARE, /* of the limit */
    LOCK_A,
    LOCK_B,
    NEWS,
    FLAG,
    DRAINED,
    ARMS,
    WORK = ARMS, /* of the once */
    READ,
    WRITE,
    SEND,
    RECEIVE,
    CHANGE, /* of the condition variable */
    MEETING,
    FIRST, /* of several: any */
    WHATS
};
enum object {
    SEMAPHORE,
    LIMIT,
    MUTEX_A,
    MUTEX_B,
    NOTIFY,
    EVENT,
    GATE,
    ONCE,
    RWLOCK,
    CHANNEL,
    CONDVAR,
    BARRIER,
    OBJECTS
};
enum manner { PLAIN, MAILED, TIMED, MANNERS };
enum state { OUT, WAITS, IN_HAND };
enum { GUESTS = 9, MOST_ARMS = 3, SLOTS = 2, ELEMENTS = 4096 };

static const enum object object_of[WHATS] = {SEMAPHORE, LIMIT,   MUTEX_A, MUTEX_B, NOTIFY,
                                             EVENT,     GATE,    ONCE,    RWLOCK,  RWLOCK,
                                             CHANNEL,   CHANNEL, CONDVAR, BARRIER, OBJECTS};

typedef struct block {
    union {
        rouse_waiter waiter; /* each begins with one */
        rouse_timed timed;
        rouse_transfer transfer;
        rouse_condvar_waiter change;
        rouse_any any;
    } as;
    rouse_arm arms[MOST_ARMS];
    uint32_t element;
} block;

static struct guest {
    block *block;
    enum what what;
    enum manner manner;
    enum state state;
    enum what arms[MOST_ARMS];
    uint32_t arm_count;
    uint32_t n[MOST_ARMS]; /* PERMIT, SHARE: how many; of an any, for each arm */
    enum object lock;      /* CHANGE */
    bool polled;
    bool cancelled;
    unsigned long long wait;     /* which wait this is */
    unsigned long long refusals; /* before it began */
} guests[GUESTS];

static struct world {
    rouse_semaphore *semaphore;
    rouse_limit *limit;
    rouse_mutex *mutex[2];
    rouse_notify *notify;
    rouse_event *event;
    rouse_gate *gate;
    rouse_once *once;
    rouse_rwlock *rwlock;
    rouse_channel *channel;
    rouse_condvar *condvar;
    rouse_barrier *barrier;
} the;
static uint32_t slots[SLOTS];

static rouse_mailbox mailbox;
static rouse_deadlines deadlines;
static dice random_calls;
static uint64_t now;
static unsigned long long waits, refusals;
static int calls_left, depth;

/* The model: what is held; what has been closed; which waiters are in the middle of a call on several
 * objects. */
static uint32_t permits[OBJECTS], held[OBJECTS], readers, inside, parties, capacity;
static bool writer, closed[OBJECTS];
static uint32_t several;
/* Each element that was offered: accepted, received. */
static enum { NEW, ACCEPTED, REFUSED } fate[ELEMENTS];
static bool received[ELEMENTS];
static uint32_t offered;

void *now_and_then(size_t size) {
    if (roll(&random_calls, 6) == 0) {
        refusals++;
        return NULL;
    }
    return malloc(size);
}

static void call(void);
static void calls(void) {
    for (uint32_t n = roll(&random_calls, 3); n != 0 && calls_left > 0; n--) {
        calls_left--;
        depth++;
        call();
        depth--;
    }
}

/* ---- objects -------------------------------------------------------------------------------------- */

static void *fresh(size_t size) {
    void *const memory = malloc(size);
    CHECK(memory != NULL);
    memset(memory, 0xa5, size);
    return memory;
}
static void make_mutex(rouse_mutex **m) {
    *m = fresh(sizeof **m);
    if (roll(&random_calls, 3) == 0) {
        rouse_mutex_init_throughput(*m, roll(&random_calls, 3));
    } else {
        rouse_mutex_init(*m);
    }
}
static void make(enum object o) {
    const uint32_t bypass = roll(&random_calls, 3);
    closed[o] = false;
    held[o] = 0;
    permits[o] = (o == LIMIT ? 2 : 1) + roll(&random_calls, 3);
    switch (o) {
    case SEMAPHORE:
        the.semaphore = fresh(sizeof *the.semaphore);
        CHECK(rouse_semaphore_init_throughput(the.semaphore, permits[o], bypass) == ROUSE_OK);
        break;
    case LIMIT:
        the.limit = fresh(sizeof *the.limit);
        CHECK(rouse_limit_init_throughput(the.limit, permits[o], UINT32_MAX, bypass) == ROUSE_OK);
        break;
    case MUTEX_A:
    case MUTEX_B:
        make_mutex(&the.mutex[o - MUTEX_A]);
        break;
    case NOTIFY:
        rouse_notify_init(the.notify = fresh(sizeof *the.notify));
        break;
    case EVENT:
        rouse_event_init(the.event = fresh(sizeof *the.event));
        break;
    case GATE:
        inside = roll(&random_calls, 3);
        rouse_gate_init(the.gate = fresh(sizeof *the.gate), inside);
        break;
    case ONCE:
        rouse_once_init(the.once = fresh(sizeof *the.once));
        break;
    case RWLOCK:
        readers = 0;
        writer = false;
        the.rwlock = fresh(sizeof *the.rwlock);
        CHECK(rouse_rwlock_init(the.rwlock, permits[o]) == ROUSE_OK);
        break;
    case CHANNEL:
        capacity = 1 + roll(&random_calls, SLOTS);
        the.channel = fresh(sizeof *the.channel);
        CHECK(rouse_channel_init(the.channel, slots, capacity, sizeof slots[0]) == ROUSE_OK);
        break;
    case CONDVAR:
        rouse_condvar_init(the.condvar = fresh(sizeof *the.condvar));
        break;
    case BARRIER:
    case OBJECTS:
        parties = 1 + roll(&random_calls, 3);
        the.barrier = fresh(sizeof *the.barrier);
        while (rouse_barrier_init(the.barrier, parties) != ROUSE_OK) {
        }
        break;
    }
}
static uint32_t waiters(enum object o) {
    uint32_t count = 0;
    for (const struct guest *g = guests; g != guests + GUESTS; g++) {
        bool there = g->state != OUT && object_of[g->what] == o;
        there = there || (g->state != OUT && g->what == CHANGE && g->lock == o);
        for (uint32_t i = 0; g->state != OUT && g->what == FIRST && i < g->arm_count; i++) {
            there = there || object_of[g->arms[i]] == o;
        }
        count += there ? 1 : 0;
    }
    return count;
}
/* Elements that are dropped with the channel have been received, as far as this program goes. */
static void drop(uint32_t element) {
    CHECK(element < offered && !received[element] && fate[element] != REFUSED);
    received[element] = true;
}
static void drop_channel(void) {
    uint32_t element;
    while (rouse_channel_try_receive(the.channel, &element)) {
        drop(element);
    }
}
static void end(enum object o) {
    switch (o) {
    case SEMAPHORE:
        rouse_semaphore_destroy(the.semaphore);
        free(the.semaphore);
        break;
    case LIMIT:
        rouse_limit_destroy(the.limit);
        free(the.limit);
        break;
    case MUTEX_A:
    case MUTEX_B:
        rouse_mutex_destroy(the.mutex[o - MUTEX_A]);
        free(the.mutex[o - MUTEX_A]);
        break;
    case NOTIFY:
        rouse_notify_destroy(the.notify);
        free(the.notify);
        break;
    case EVENT:
        rouse_event_destroy(the.event);
        free(the.event);
        break;
    case GATE:
        rouse_gate_destroy(the.gate);
        free(the.gate);
        break;
    case ONCE:
        rouse_once_destroy(the.once);
        free(the.once);
        break;
    case RWLOCK:
        rouse_rwlock_destroy(the.rwlock);
        free(the.rwlock);
        break;
    case CHANNEL:
        drop_channel();
        rouse_channel_destroy(the.channel);
        free(the.channel);
        break;
    case CONDVAR:
        rouse_condvar_destroy(the.condvar);
        free(the.condvar);
        break;
    case BARRIER:
    case OBJECTS:
        rouse_barrier_destroy(the.barrier);
        free(the.barrier);
        break;
    }
}
/* A new object in place of one for which nobody waits. (A waiter in a call on several objects will touch
 * them all.) */
static void renew(enum object o) {
    if (several == 0 && waiters(o) == 0 && (o != BARRIER || depth == 0)) {
        end(o);
        make(o);
    }
}

/* ---- what is given, and given back ---------------------------------------------------------------- */

static void have(enum what what, uint32_t n, enum object lock) {
    switch (what) {
    case PERMIT:
    case SHARE:
        held[object_of[what]] += n;
        CHECK(held[object_of[what]] <= permits[object_of[what]]);
        break;
    case LOCK_A:
    case LOCK_B:
    case WORK:
        held[object_of[what]]++;
        CHECK(held[object_of[what]] == 1);
        break;
    case CHANGE:
        held[lock]++;
        CHECK(held[lock] == 1);
        break;
    case READ:
        readers++;
        CHECK(!writer && readers <= permits[RWLOCK]);
        break;
    case WRITE:
        CHECK(!writer && readers == 0);
        writer = true;
        break;
    case DRAINED:
        CHECK(closed[GATE] && inside == 0);
        break;
    default:
        break;
    }
}
static void give_back(enum object o) {
    if (o == RWLOCK && (readers != 0 || writer)) {
        if (!writer) {
            readers--;
            CHECK(rouse_rwlock_end_read(the.rwlock) == ROUSE_OK);
        } else {
            writer = false;
            if (roll(&random_calls, 2) == 0) {
                readers = 1;
                CHECK(rouse_rwlock_downgrade(the.rwlock) == ROUSE_OK);
            } else {
                CHECK(rouse_rwlock_end_write(the.rwlock) == ROUSE_OK);
            }
        }
    } else if (held[o] != 0) {
        const uint32_t n = (o == SEMAPHORE || o == LIMIT) && held[o] > 1 ? 1 + roll(&random_calls, 2) : 1;
        held[o] -= n;
        if (o == SEMAPHORE) {
            CHECK(rouse_semaphore_release(the.semaphore, n) == ROUSE_OK);
        } else if (o == LIMIT) {
            CHECK(rouse_limit_give_back(the.limit, n) == ROUSE_OK);
        } else if (o == ONCE && roll(&random_calls, 3) == 0) {
            closed[ONCE] = true;
            CHECK(rouse_once_done(the.once) == ROUSE_OK);
        } else if (o == ONCE) {
            CHECK(rouse_once_failed(the.once) == ROUSE_OK);
        } else {
            CHECK(rouse_mutex_unlock(the.mutex[o - MUTEX_A]) == ROUSE_OK);
        }
    }
}

/* ---- one that waits ------------------------------------------------------------------------------- */

static bool may_be_closed(const struct guest *g) {
    if (g->what == CHANGE) {
        return closed[CONDVAR] || closed[g->lock];
    }
    return closed[object_of[g->what]];
}
/* g has its outcome, and its memory is its own again. */
static void over(struct guest *g, rouse_status outcome, int arm) {
    const uint32_t element = g->block->element;
    if (g->what == FIRST && (outcome == ROUSE_OK || outcome == ROUSE_CLOSED)) {
        CHECK(arm >= 0 && arm < (int)g->arm_count);
        CHECK(outcome == ROUSE_OK || closed[object_of[g->arms[arm]]]);
    } else {
        CHECK(outcome == ROUSE_OK || (outcome == ROUSE_TIMEDOUT && g->manner == TIMED) ||
              (outcome == ROUSE_CANCELLED && g->cancelled) || (outcome == ROUSE_CLOSED && may_be_closed(g)) ||
              (outcome == ROUSE_NOMEM && g->refusals != refusals));
    }
    free(g->block);
    g->block = NULL;
    g->state = OUT;
    if (g->what == SEND) {
        CHECK(fate[element] == NEW && (outcome == ROUSE_OK || !received[element]));
        fate[element] = outcome == ROUSE_OK ? ACCEPTED : REFUSED;
    } else if (outcome == ROUSE_OK && g->what == RECEIVE) {
        drop(element);
    } else if (outcome == ROUSE_OK) {
        have(g->what == FIRST ? g->arms[arm] : g->what, g->n[g->what == FIRST ? arm : 0], g->lock);
    }
}
static void told(struct guest *g, rouse_status status, int arm) {
    CHECK(g->state != OUT && (status != ROUSE_NOMEM || g->what == FIRST)); /* else the wait itself says so */
    while (status == ROUSE_RETRY) {
        g->cancelled = g->cancelled || roll(&random_calls, 2) == 0;
        if (g->what == PERMIT) {
            status = g->cancelled
                         ? (rouse_semaphore_decline(the.semaphore, &g->block->as.waiter), ROUSE_CANCELLED)
                         : rouse_semaphore_resume(the.semaphore, &g->block->as.waiter);
        } else if (g->what == SHARE) {
            status = g->cancelled ? (rouse_limit_decline(the.limit, &g->block->as.waiter), ROUSE_CANCELLED)
                                  : rouse_limit_resume(the.limit, &g->block->as.waiter);
        } else {
            rouse_mutex *const m = the.mutex[object_of[g->what] - MUTEX_A];
            status = g->cancelled ? (rouse_mutex_decline(m, &g->block->as.waiter), ROUSE_CANCELLED)
                                  : rouse_mutex_resume(m, &g->block->as.waiter);
        }
        if (status == ROUSE_PENDING) {
            return;
        }
    }
    over(g, status, arm);
    calls();
}
static void wake(rouse_waiter *w, rouse_status status) {
    told(rouse_waiter_data(w), status, -1);
}
static void timed_wake(rouse_timed *t, rouse_status status) {
    told(rouse_timed_data(t), status, -1);
}
static void transfer_wake(rouse_transfer *t, rouse_status status) {
    told(rouse_transfer_data(t), status, -1);
}
static void change_wake(rouse_condvar_waiter *w, rouse_status status) {
    told(rouse_condvar_waiter_data(w), status, -1);
}
static void any_wake(rouse_any *a, int index, rouse_status status) {
    CHECK(index == rouse_any_index(a));
    told(rouse_any_data(a), status, index);
}

static rouse_status wait_plain(struct guest *g, rouse_waiter *w) {
    switch (g->what) {
    case PERMIT:
        return rouse_semaphore_acquire(the.semaphore, w, g->n[0]);
    case SHARE:
        return rouse_limit_acquire(the.limit, w, g->n[0]);
    case LOCK_A:
    case LOCK_B:
        return rouse_mutex_lock(the.mutex[object_of[g->what] - MUTEX_A], w);
    case NEWS:
        return rouse_notify_wait(the.notify, w);
    case FLAG:
        return rouse_event_wait(the.event, w);
    case DRAINED:
        return rouse_gate_wait(the.gate, w);
    case WORK:
        return rouse_once_begin(the.once, w);
    case READ:
        return rouse_rwlock_read(the.rwlock, w);
    case WRITE:
        return rouse_rwlock_write(the.rwlock, w);
    default:
        return rouse_barrier_arrive(the.barrier, w);
    }
}
static rouse_status wait_timed(struct guest *g, rouse_timed *t, uint64_t until) {
    switch (g->what) {
    case PERMIT:
        return rouse_semaphore_acquire_until(the.semaphore, t, g->n[0], until);
    case SHARE:
        return rouse_limit_acquire_until(the.limit, t, g->n[0], until);
    case LOCK_A:
    case LOCK_B:
        return rouse_mutex_lock_until(the.mutex[object_of[g->what] - MUTEX_A], t, until);
    case NEWS:
        return rouse_notify_wait_until(the.notify, t, until);
    case FLAG:
        return rouse_event_wait_until(the.event, t, until);
    case DRAINED:
        return rouse_gate_wait_until(the.gate, t, until);
    case WORK:
        return rouse_once_begin_until(the.once, t, until);
    case READ:
        return rouse_rwlock_read_until(the.rwlock, t, until);
    case WRITE:
        return rouse_rwlock_write_until(the.rwlock, t, until);
    case SEND:
        return rouse_channel_send_until(the.channel, t, &g->block->element, until);
    default:
        return rouse_channel_receive_until(the.channel, t, &g->block->element, until);
    }
}
/* That many are there, however the limit changes. */
static uint32_t how_many(enum object o) {
    return o == SEMAPHORE && permits[o] > 1 ? 1 + roll(&random_calls, 2)
                                            : 1 + roll(&random_calls, o == LIMIT ? 2 : 1);
}
static void add_arm(struct guest *g, uint32_t i) {
    rouse_arm *const arm = &g->block->arms[i];
    g->arms[i] = (enum what)roll(&random_calls, ARMS);
    g->n[i] = how_many(object_of[g->arms[i]]);
    switch (g->arms[i]) {
    case PERMIT:
        rouse_arm_semaphore(arm, the.semaphore, g->n[i]);
        break;
    case SHARE:
        rouse_arm_limit(arm, the.limit, g->n[i]);
        break;
    case LOCK_A:
    case LOCK_B:
        rouse_arm_mutex(arm, the.mutex[g->arms[i] - LOCK_A]);
        break;
    case NEWS:
        rouse_arm_notify(arm, the.notify);
        break;
    case FLAG:
        rouse_arm_event(arm, the.event);
        break;
    default:
        rouse_arm_gate(arm, the.gate);
        break;
    }
}
static rouse_status wait_any(struct guest *g, int *arm) {
    rouse_any *const a = &g->block->as.any;
    const unsigned long long wait = g->wait;
    rouse_status status;
    g->arm_count = 1 + roll(&random_calls, MOST_ARMS);
    for (uint32_t i = 0; i < g->arm_count; i++) {
        add_arm(g, i);
    }
    rouse_any_init(a, g->block->arms, g->arm_count, g->manner == MAILED ? &mailbox : NULL,
                   g->polled ? NULL : any_wake, g);
    several++;
    status = rouse_any_wait(a);
    several--;
    if (status != ROUSE_PENDING) {
        CHECK(g->wait == wait && g->state == IN_HAND);
        *arm = rouse_any_index(a);
    }
    return status;
}
/* Begins a wait, if it makes sense now. */
static void begin(struct guest *g) {
    rouse_mailbox *mb;
    rouse_status status;
    int arm = -1;
    unsigned long long wait;
    g->what = (enum what)roll(&random_calls, WHATS);
    g->manner = (enum manner)roll(&random_calls, MANNERS);
    g->lock = roll(&random_calls, 2) == 0 ? MUTEX_A : MUTEX_B;
    g->polled = roll(&random_calls, 4) == 0;
    g->n[0] = how_many(object_of[g->what]);
    if ((g->what == CHANGE && held[g->lock] == 0) || (g->what == MEETING && waiters(BARRIER) >= parties) ||
        (g->what == SEND && offered == ELEMENTS)) {
        return;
    }
    if (g->manner == TIMED && (g->what == CHANGE || g->what == MEETING || g->what == FIRST)) {
        g->manner = PLAIN;
    }
    mb = g->manner == MAILED ? &mailbox : NULL;
    g->block = fresh(sizeof *g->block);
    g->block->element = g->what == SEND ? offered++ : UINT32_MAX;
    if (g->what == SEND) {
        fate[g->block->element] = NEW;
        received[g->block->element] = false;
    }
    g->cancelled = false;
    g->refusals = refusals;
    g->wait = wait = ++waits;
    g->state = IN_HAND;
    if (g->what == FIRST) {
        status = wait_any(g, &arm);
    } else if (g->what == CHANGE) {
        held[g->lock] = 0;
        rouse_condvar_waiter_init(&g->block->as.change, the.mutex[g->lock - MUTEX_A], mb,
                                  g->polled ? NULL : change_wake, g);
        status = rouse_condvar_wait(the.condvar, &g->block->as.change);
        if (status != ROUSE_PENDING) {
            held[g->lock] = 1;
        }
    } else if (g->manner == TIMED) {
        rouse_timed_init(&g->block->as.timed, &deadlines, roll(&random_calls, 2) == 0 ? &mailbox : NULL,
                         g->polled ? NULL : timed_wake, g);
        status = wait_timed(g, &g->block->as.timed, now + roll(&random_calls, 4));
    } else if (g->what == SEND || g->what == RECEIVE) {
        rouse_transfer_init(&g->block->as.transfer, mb, g->polled ? NULL : transfer_wake, g);
        status = g->what == SEND
                     ? rouse_channel_send(the.channel, &g->block->as.transfer, &g->block->element)
                     : rouse_channel_receive(the.channel, &g->block->as.transfer, &g->block->element);
    } else {
        rouse_waiter_init_on(&g->block->as.waiter, mb, g->polled ? NULL : wake, g);
        status = wait_plain(g, &g->block->as.waiter);
    }
    if (status != ROUSE_PENDING) {
        CHECK(g->wait == wait && g->state == IN_HAND);
        over(g, status, arm);
    } else if (g->wait == wait && g->state == IN_HAND) { /* else its wake has run already */
        g->state = WAITS;
    }
}
static void look(struct guest *g) {
    if (g->state == WAITS && g->polled && rouse_waiter_status(&g->block->as.waiter) != ROUSE_PENDING) {
        if (g->manner == TIMED) {
            CHECK(!rouse_timed_cancel(&g->block->as.timed)); /* out of the deadlines */
        }
        over(g, rouse_waiter_status(&g->block->as.waiter),
             g->what == FIRST ? rouse_any_index(&g->block->as.any) : -1);
    }
}
static bool cancel_one(struct guest *g) {
    rouse_waiter *const w = &g->block->as.waiter;
    if (g->manner == TIMED) {
        return rouse_timed_cancel(&g->block->as.timed);
    }
    switch (g->what) {
    case PERMIT:
        return rouse_semaphore_cancel(the.semaphore, w);
    case SHARE:
        return rouse_limit_cancel(the.limit, w);
    case LOCK_A:
    case LOCK_B:
        return rouse_mutex_cancel(the.mutex[object_of[g->what] - MUTEX_A], w);
    case NEWS:
        return rouse_notify_cancel(the.notify, w);
    case FLAG:
        return rouse_event_cancel(the.event, w);
    case DRAINED:
        return rouse_gate_cancel(the.gate, w);
    case WORK:
        return rouse_once_cancel(the.once, w);
    case READ:
    case WRITE:
        return rouse_rwlock_cancel(the.rwlock, w);
    case CHANGE:
        return rouse_condvar_cancel(the.condvar, &g->block->as.change);
    default:
        return rouse_channel_cancel(the.channel, &g->block->as.transfer);
    }
}
/* The wakes in a cancel may end the very wait that is being cancelled. */
static void cancel(struct guest *g) {
    const unsigned long long wait = g->wait;
    bool cancelled;
    if (g->state != WAITS || g->what == MEETING) {
        return;
    }
    g->state = IN_HAND;
    g->cancelled = true;
    if (g->what == FIRST) {
        several++;
        cancelled = rouse_any_cancel(&g->block->as.any);
        several--;
    } else {
        cancelled = cancel_one(g);
    }
    if (g->wait != wait || g->state == OUT) {
        CHECK(!cancelled);
        return;
    }
    g->state = WAITS;
    if (cancelled) {
        over(g, ROUSE_CANCELLED, -1);
    } else if (g->polled) {
        look(g);
        CHECK(g->state == OUT || g->what == FIRST);
    } else if (g->what != FIRST && roll(&random_calls, 2) == 0 &&
               rouse_mailbox_revoke(&mailbox, &g->block->as.waiter)) {
        over(g, rouse_waiter_status(&g->block->as.waiter), -1);
    }
}

/* ---- random calls --------------------------------------------------------------------------------- */

static void try_one(enum object o) {
    switch (o) {
    case SEMAPHORE:
        held[o] += rouse_semaphore_try_acquire(the.semaphore, 1) ? 1 : 0;
        break;
    case LIMIT:
        held[o] += rouse_limit_try_acquire(the.limit, 1) ? 1 : 0;
        break;
    case MUTEX_A:
    case MUTEX_B:
        held[o] += rouse_mutex_try_lock(the.mutex[o - MUTEX_A]) ? 1 : 0;
        break;
    case RWLOCK:
        if (roll(&random_calls, 2) == 0) {
            readers += rouse_rwlock_try_read(the.rwlock) ? 1 : 0;
        } else if (readers == 0) {
            writer = rouse_rwlock_try_write(the.rwlock) || writer;
        } else if (rouse_rwlock_try_upgrade(the.rwlock)) {
            CHECK(readers == 1);
            readers = 0;
            writer = true;
        }
        CHECK(readers == 0 || !writer);
        break;
    default:
        break;
    }
    CHECK(held[o] <= permits[o]);
}
static void try_channel(void) {
    uint32_t elements[3];
    uint32_t count;
    if (roll(&random_calls, 2) == 0 && offered != ELEMENTS) {
        const uint32_t element = offered++;
        fate[element] = ACCEPTED; /* a wake in the call may receive it */
        received[element] = false;
        if (!rouse_channel_try_send(the.channel, &element)) {
            CHECK(!received[element]);
            fate[element] = REFUSED;
        }
        return;
    }
    count = rouse_channel_try_receive_many(the.channel, elements, roll(&random_calls, 4));
    for (uint32_t i = 0; i < count; i++) {
        drop(elements[i]);
    }
}
static void close_one(enum object o) {
    const uint32_t rare = roll(&random_calls, 3);
    if (rare != 0 || several != 0) {
        return;
    }
    closed[o] = closed[o] || (o != EVENT && o != ONCE && o != BARRIER);
    switch (o) {
    case SEMAPHORE:
        (void)rouse_semaphore_close(the.semaphore);
        break;
    case LIMIT:
        (void)rouse_limit_close(the.limit);
        break;
    case MUTEX_A:
    case MUTEX_B:
        (void)rouse_mutex_close(the.mutex[o - MUTEX_A]);
        break;
    case NOTIFY:
        (void)rouse_notify_close(the.notify);
        break;
    case RWLOCK:
        (void)rouse_rwlock_close(the.rwlock);
        break;
    case CHANNEL:
        (void)rouse_channel_close(the.channel);
        break;
    case CONDVAR:
        (void)rouse_condvar_close(the.condvar);
        break;
    case GATE:
        (void)rouse_gate_close(the.gate);
        break;
    default:
        break;
    }
}
static void tell(enum object o) {
    const uint32_t how = roll(&random_calls, 3);
    switch (o) {
    case NOTIFY:
        if (how == 0) {
            rouse_notify_one(the.notify);
        } else {
            (void)(how == 1 ? rouse_notify_n(the.notify, 2) : rouse_notify_all(the.notify));
        }
        break;
    case EVENT:
        if (how != 0) {
            (void)rouse_event_set(the.event);
        } else {
            (void)rouse_event_reset(the.event);
        }
        break;
    case GATE:
        if (how == 0 && rouse_gate_enter(the.gate)) {
            inside++;
        } else if (inside != 0) {
            inside--;
            CHECK(rouse_gate_leave(the.gate, 1) == ROUSE_OK);
        }
        break;
    case CONDVAR:
        (void)(how != 0 ? rouse_condvar_signal(the.condvar) : rouse_condvar_broadcast(the.condvar) != 0);
        break;
    case LIMIT:
        permits[LIMIT] = 2 + roll(&random_calls, 3);
        if (permits[LIMIT] < rouse_limit_in_use(the.limit)) { /* some of them may not have been told yet */
            permits[LIMIT] = rouse_limit_in_use(the.limit);
        }
        CHECK(rouse_limit_set(the.limit, permits[LIMIT]) == ROUSE_OK);
        break;
    case CHANNEL:
        try_channel();
        break;
    default:
        give_back(o);
        break;
    }
}
static void call(void) {
    struct guest *const g = &guests[roll(&random_calls, GUESTS)];
    const enum object o = (enum object)roll(&random_calls, OBJECTS);
    switch (roll(&random_calls, 12)) {
    case 0:
    case 1:
    case 2:
    case 3:
        if (g->state == OUT) {
            begin(g);
        }
        break;
    case 4:
        give_back(o);
        break;
    case 5:
    case 6:
        tell(o);
        break;
    case 7:
        cancel(g);
        break;
    case 8:
        if (roll(&random_calls, 4) == 0) {
            (void)rouse_run_deferred_wakes();
        } else {
            (void)rouse_mailbox_drain(&mailbox);
        }
        break;
    case 9:
        now += roll(&random_calls, 3);
        (void)rouse_deadlines_run(&deadlines, now);
        break;
    case 10:
        if (roll(&random_calls, 2) == 0) {
            close_one(o);
        } else {
            renew(o);
        }
        break;
    default:
        look(g);
        try_one(o);
        break;
    }
}

/* ---- at rest -------------------------------------------------------------------------------------- */

static uint32_t waits_for(enum what what) {
    uint32_t count = 0;
    for (int i = 0; i < GUESTS; i++) {
        count += guests[i].state == WAITS && guests[i].what == what ? 1 : 0;
    }
    return count;
}
/* No wake is on its way: what must be true then. */
static void rest(void) {
    uint32_t in_condvar;
    for (int again = 0; again < 2 * GUESTS; again++) {
        (void)rouse_mailbox_drain(&mailbox);
        for (int i = 0; i < GUESTS; i++) {
            look(&guests[i]);
        }
    }
    in_condvar = rouse_condvar_waiter_count(the.condvar);
    CHECK(waits_for(CHANGE) >= in_condvar);
    CHECK(waits_for(CHANGE) == in_condvar || held[MUTEX_A] != 0 || held[MUTEX_B] != 0);
    CHECK(waiters(SEMAPHORE) == rouse_semaphore_waiter_count(the.semaphore) || waits_for(FIRST) != 0);
    CHECK(waiters(SEMAPHORE) == 0 || rouse_semaphore_available(the.semaphore) == 0);
    CHECK(waiters(SEMAPHORE) != 0 ||
          rouse_semaphore_available(the.semaphore) + held[SEMAPHORE] == permits[SEMAPHORE]);
    CHECK(waiters(SEMAPHORE) == 0 || held[SEMAPHORE] != 0);
    CHECK(waiters(LIMIT) == 0 || held[LIMIT] + 1 >= permits[LIMIT]);
    CHECK(rouse_limit_in_use(the.limit) == held[LIMIT]);
    CHECK((waits_for(LOCK_A) == 0 && waits_for(CHANGE) != 0) || waiters(MUTEX_A) == 0 || held[MUTEX_A] == 1);
    CHECK((waits_for(LOCK_B) == 0 && waits_for(CHANGE) != 0) || waiters(MUTEX_B) == 0 || held[MUTEX_B] == 1);
    CHECK(rouse_mutex_is_locked(the.mutex[0]) == (held[MUTEX_A] == 1));
    CHECK(rouse_mutex_is_locked(the.mutex[1]) == (held[MUTEX_B] == 1));
    CHECK(waiters(EVENT) == 0 || !rouse_event_is_set(the.event));
    CHECK(waiters(GATE) == 0 || !closed[GATE] || inside != 0);
    CHECK(waiters(ONCE) == 0 || held[ONCE] == 1);
    CHECK(rouse_once_waiter_count(the.once) == waiters(ONCE));
    CHECK(waiters(RWLOCK) == 0 || readers != 0 || writer);
    CHECK(rouse_rwlock_waiter_count(the.rwlock) == waiters(RWLOCK));
    CHECK(waits_for(SEND) == 0 || (rouse_channel_count(the.channel) == capacity && !closed[CHANNEL]));
    CHECK(waits_for(RECEIVE) == 0 || (rouse_channel_count(the.channel) == 0 && !closed[CHANNEL]));
    CHECK(rouse_channel_waiter_count(the.channel) == waiters(CHANNEL));
    CHECK(rouse_barrier_waiter_count(the.barrier) == waiters(BARRIER) && waiters(BARRIER) < parties);
    for (enum object o = SEMAPHORE; o < OBJECTS; o = (enum object)(o + 1)) {
        CHECK(!closed[o] || o == CONDVAR || o == MUTEX_A || o == MUTEX_B || o == GATE || waiters(o) == 0);
    }
}
static void count_elements(void) {
    uint32_t there = rouse_channel_count(the.channel);
    for (uint32_t i = 0; i < offered; i++) {
        CHECK(fate[i] != NEW || waits_for(SEND) != 0);
        there -= fate[i] == ACCEPTED && !received[i] ? 1 : 0;
    }
    CHECK(there == 0);
}
static void leave(void) {
    for (bool busy = true; busy;) {
        busy = false;
        rest();
        for (enum object o = SEMAPHORE; o < OBJECTS; o = (enum object)(o + 1)) {
            while (held[o] != 0 || (o == RWLOCK && (readers != 0 || writer))) {
                give_back(o);
                busy = true;
            }
        }
    }
    count_elements();
    for (int i = 0; i < GUESTS; i++) {
        cancel(&guests[i]);
    }
    rest();
    while (waiters(BARRIER) != 0) {
        rouse_waiter last;
        rouse_status status;
        rouse_waiter_init(&last, NULL, NULL);
        status = rouse_barrier_arrive(the.barrier, &last);
        if (status == ROUSE_PENDING) {
            rouse_waiter other;
            rouse_waiter_init(&other, NULL, NULL);
            CHECK(rouse_barrier_arrive(the.barrier, &other) == ROUSE_OK);
        }
        rest();
    }
    for (enum object o = SEMAPHORE; o < OBJECTS; o = (enum object)(o + 1)) {
        while (held[o] != 0 || (o == RWLOCK && (readers != 0 || writer))) {
            give_back(o);
        }
    }
    rest();
    for (int i = 0; i < GUESTS; i++) {
        CHECK(guests[i].state == OUT);
    }
}
static void play(void) {
    now = 0;
    offered = 0;
    rouse_mailbox_init(&mailbox, NULL, NULL);
    rouse_deadlines_init(&deadlines);
    for (enum object o = SEMAPHORE; o < OBJECTS; o = (enum object)(o + 1)) {
        make(o);
    }
    for (int n = 0; n < 80; n++) {
        calls_left = 12;
        call();
        if (n % 8 == 7) {
            calls_left = 0;
            rest();
        }
    }
    calls_left = 0;
    leave();
    CHECK(rouse_deadlines_next(&deadlines) == UINT64_MAX);
    for (enum object o = SEMAPHORE; o < OBJECTS; o = (enum object)(o + 1)) {
        end(o);
    }
    rouse_mailbox_destroy(&mailbox);
    rouse_deadlines_destroy(&deadlines);
}

int main(int argc, char **argv) {
    const unsigned long long rounds = argc > 1 ? strtoull(argv[1], NULL, 10) : 5000;
    const unsigned long long first = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
    for (seed = first; seed - first < rounds; seed++) {
        dice_seed(&random_calls, seed, 0);
        play();
    }
    printf("reentrant_family: %llu rounds from seed %llu\n", rounds, first);
    return 0;
}
