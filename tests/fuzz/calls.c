/* tests/fuzz/calls.c: bytes become calls on several objects, each compared with a plain model of what it
 * promises.
 *
 * A libFuzzer target, one for each backend. Objects: two bare queues, a semaphore, a notify, a mutex, and a
 * semaphore, a mutex and a limit in throughput mode, with a bound that the input chooses; waiters: polled, with
 * a wake, on a mailbox. A waiter's wake also does something: it queues itself again, cancels another, releases,
 * wakes all, answers an invitation, or destroys the object and makes a new one. After every call the results,
 * the order of the wakes, the balances and the numbers of waiters are those of the model. Every waiter's memory
 * is freed the moment the contract gives it back.
 *
 * The model knows nothing of atomics, tickets or segments: a balance, a list, and one list of wakes that
 * are due. That of throughput mode is tests/support/throughput.h. */
#include <rouse/limit.h>
#include <rouse/mailbox.h>
#include <rouse/mutex.h>
#include <rouse/notify.h>
#include <rouse/semaphore.h>

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "input.h" /* behind the library: its names are short */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHECK_CONTEXT "%s", ": the model says otherwise"
#define CHECK_END()   abort()
#include "../support/check.h"

enum { QUEUE, SECOND_QUEUE, SEMAPHORE, NOTIFY, MUTEX, OPEN_SEMAPHORE, OPEN_MUTEX, OPEN_LIMIT, OBJECTS };
enum { WAITERS = 12, ACTIONS = 40 };
#define REFERENCE_WAITERS WAITERS
#define REFERENCE_LOG     64
#include "../support/throughput.h"

/* LOCAL has no throughput mode. */
#if ROUSE_BACKEND == ROUSE_BACKEND_LOCAL
enum { KINDS_OF_OBJECTS = OPEN_SEMAPHORE };
#else
enum { KINDS_OF_OBJECTS = OBJECTS };
#endif

/* ---- the model ------------------------------------------------------------------------------------------------ */

typedef struct place {
    int id;
    uint32_t n;
    uint32_t lacks;
} place;

typedef struct model {
    int64_t stored;
    bool closed;
    place list[WAITERS];
    int count;
} model;

/* A wake that has fallen due and has not run. */
typedef struct due {
    int id;
    rouse_status outcome; /* ROUSE_PENDING: drain asks for it, when its turn comes */
} due;

/* OWES: its wake got ROUSE_RETRY, and it has not answered. */
enum waiter_state { IDLE, QUEUED, DUE, OWES };

typedef struct actor {
    rouse_waiter *waiter; /* a separate block, freed as soon as it may be */
    enum waiter_state state;
    int object; /* that it is queued on, or was */
    bool polled, mailed;
    bool by_all; /* how it was last woken */
    rouse_status outcome;
    uint8_t then[3]; /* what its wake does */
} actor;

static void *objects[OBJECTS];
static model models[OBJECTS];
static reference opened[OBJECTS]; /* of those in throughput mode */
static uint32_t in_all;           /* the permits of the limit */
static actor actors[WAITERS];
static due dues[4 * WAITERS];
static int due_count;
static due posted[WAITERS]; /* in the mailbox, oldest first */
static int posted_count;
static rouse_mailbox mailbox;
static int actions; /* left for the wakes of this call */

static rouse_waiter_queue *queue_of(int object) {
    return (rouse_waiter_queue *)objects[object]; /* every object is nothing but its queue */
}

static int64_t model_balance(const model *m) {
    int64_t sum = m->stored;
    for (int i = 0; i < m->count; i++) {
        sum -= m->list[i].lacks;
    }
    return sum;
}

static void take_out(model *m, int index) {
    memmove(&m->list[index], &m->list[index + 1], (size_t)(m->count - index - 1) * sizeof *m->list);
    m->count--;
}

static void replace_memory(actor *a) {
    free(a->waiter);
    a->waiter = (rouse_waiter *)malloc(sizeof(rouse_waiter));
    CHECK(a->waiter != NULL);
    memset(a->waiter, 0xa5, sizeof *a->waiter);
}

/* A waiter has all it lacks, or is closed. */
static void model_grant(int id, rouse_status outcome, bool by_all) {
    actor *const a = &actors[id];
    a->outcome = outcome;
    a->by_all = by_all;
    a->state = DUE;
    if (a->mailed) {
        CHECK(posted_count < WAITERS);
        posted[posted_count].id = id;
        posted[posted_count].outcome = outcome;
        posted_count++;
    } else if (!a->polled) {
        CHECK(due_count < 4 * WAITERS);
        dues[due_count].id = id;
        dues[due_count].outcome = outcome;
        due_count++;
    }
}

/* Gives n to the list; what is left. */
static uint32_t model_give(model *m, uint32_t n) {
    while (n != 0 && m->count != 0) {
        place *const head = &m->list[0];
        const uint32_t part = n < head->lacks ? n : head->lacks;
        head->lacks -= part;
        n -= part;
        if (head->lacks == 0) {
            const int id = head->id;
            take_out(m, 0);
            model_grant(id, ROUSE_OK, false);
        }
    }
    return n;
}

static rouse_status model_wait(model *m, int id, uint32_t n) {
    if (n == 0) {
        return ROUSE_OK;
    }
    if (n > ROUSE_MAX_PERMITS) {
        return ROUSE_INVALID;
    }
    if (m->closed) {
        return ROUSE_CLOSED;
    }
    if (m->count == 0 && m->stored >= n) {
        m->stored -= n;
        return ROUSE_OK;
    }
    m->list[m->count].id = id;
    m->list[m->count].n = n;
    m->list[m->count].lacks = n - (uint32_t)m->stored;
    m->stored = 0;
    m->count++;
    return ROUSE_PENDING;
}

static rouse_status model_wake(model *m, uint32_t n, uint32_t cap) {
    if (n > ROUSE_MAX_PERMITS || cap > ROUSE_MAX_PERMITS) {
        return ROUSE_INVALID;
    }
    if (cap == ROUSE_MAX_PERMITS && m->count == 0 && m->stored + n > ROUSE_MAX_PERMITS) {
        return ROUSE_OVERFLOW;
    }
    n = model_give(m, n);
    if (m->stored + n <= cap) {
        m->stored += n;
    } else if (m->stored < cap) {
        m->stored = cap;
    }
    return ROUSE_OK;
}

static uint32_t model_empty(model *m, rouse_status outcome, bool by_all) {
    const uint32_t all = (uint32_t)m->count;
    uint32_t credit = 0;
    while (m->count != 0) {
        const place first = m->list[0];
        credit += first.n - first.lacks;
        take_out(m, 0);
        model_grant(first.id, outcome, by_all);
    }
    m->stored += outcome == ROUSE_CLOSED ? credit : 0;
    return all;
}

static bool model_cancel(model *m, int id) {
    for (int i = 0; i < m->count; i++) {
        if (m->list[i].id == id) {
            const uint32_t credit = m->list[i].n - m->list[i].lacks;
            take_out(m, i);
            m->stored += model_give(m, credit);
            return true;
        }
    }
    return false;
}

/* ---- the model of throughput mode ------------------------------------------------------------------------------- */

static bool is_open(int object) {
    return object >= OPEN_SEMAPHORE;
}

/* What the call on the model has caused: wakes that are due, mail, and polled waiters that have their outcome. */
static void open_caused(int object) {
    reference *const r = &opened[object];
    for (size_t i = 0; i < r->due.length; i++) {
        const logged_wake w = r->due.entries[i];
        CHECK(due_count < 4 * WAITERS);
        actors[w.waiter].state = DUE;
        actors[w.waiter].outcome = w.status;
        dues[due_count].id = w.waiter;
        dues[due_count].outcome = w.status;
        due_count++;
    }
    r->due.length = 0;
    for (int i = 0; i < r->mails; i++) {
        const int id = r->mail[i];
        CHECK(posted_count < WAITERS);
        posted[posted_count].id = id;
        posted[posted_count].outcome = r->status[id];
        posted_count++;
        if (!r->invited[id]) {
            actors[id].state = DUE;
            actors[id].outcome = r->status[id];
        }
    }
    r->mails = 0;
    for (int id = 0; id < WAITERS; id++) {
        if (actors[id].polled && actors[id].state == QUEUED && actors[id].object == object &&
            r->status[id] != ROUSE_PENDING) {
            actors[id].state = DUE;
            actors[id].outcome = r->status[id];
        }
    }
}

/* Drain asks for those whose turn it is now. The others stay due, with their outcome. */
static void ask_for_mail(void) {
    while (due_count != 0 && dues[0].outcome == ROUSE_PENDING) {
        const int id = dues[0].id;
        actor *const a = &actors[id];
        reference *const r = &opened[a->object];
        if (r->invited[id]) {
            (void)reference_resume(r, id);
        }
        dues[0].outcome = r->status[id];
        if (r->status[id] == ROUSE_PENDING) {
            due_count--;
            memmove(&dues[0], &dues[1], (size_t)due_count * sizeof *dues);
        } else {
            a->state = DUE;
            a->outcome = r->status[id];
        }
        open_caused(a->object);
    }
}

/* Begins with n permits free, and a bound of throughput mode. */
static void open_begin(int object, uint32_t n, uint8_t b) {
    static const uint32_t bounds[] = {1, 2, 3, ROUSE_BYPASS, UINT32_MAX};
    const uint32_t bypass = bounds[b % 5];
    const uint32_t most =
        ROUSE_BACKEND == ROUSE_BACKEND_LOCKFREE && object != OPEN_LIMIT ? 8191 : ROUSE_MAX_PERMITS;
    reference *const r = &opened[object];
    memset(r, 0, sizeof *r);
    r->bound = bypass < most ? bypass : most;
    r->several = ROUSE_BACKEND != ROUSE_BACKEND_LOCKFREE && object != OPEN_LIMIT;
    r->one_only = ROUSE_BACKEND == ROUSE_BACKEND_LOCKFREE && object != OPEN_LIMIT;
    r->free = object == OPEN_MUTEX ? 1 : n;
    if (object == OPEN_SEMAPHORE) {
        CHECK(rouse_semaphore_init_throughput((rouse_semaphore *)objects[object], n, bypass) == ROUSE_OK);
    } else if (object == OPEN_MUTEX) {
        rouse_mutex_init_throughput((rouse_mutex *)objects[object], bypass);
    } else {
        in_all = n;
        CHECK(rouse_limit_init_throughput((rouse_limit *)objects[object], n, UINT32_MAX, bypass) == ROUSE_OK);
    }
}

/* The same call of each. */
#define OPEN_LOOK(object, verb)                                                              \
    ((object) == OPEN_SEMAPHORE ? rouse_semaphore_##verb((rouse_semaphore *)objects[object]) \
     : (object) == OPEN_MUTEX   ? rouse_mutex_##verb((rouse_mutex *)objects[object])         \
                                : rouse_limit_##verb((rouse_limit *)objects[object]))

/* Is so much free? A limit keeps what the model gives to a waiter that lacks several. */
static void compare_open(int object) {
    const reference *const r = &opened[object];
    uint32_t free_now = r->free;
    if (object == OPEN_SEMAPHORE) {
        CHECK(rouse_semaphore_available((rouse_semaphore *)objects[object]) == free_now);
    } else if (object == OPEN_MUTEX) {
        CHECK(rouse_mutex_is_locked((rouse_mutex *)objects[object]) == (free_now == 0));
    } else {
        for (int i = 0; i < WAITERS; i++) {
            free_now += r->invited[i] ? r->has[i] : 0;
        }
        for (int i = 0; i < r->listed; i++) {
            free_now += r->has[r->list[i]];
        }
        CHECK(rouse_limit_permits((rouse_limit *)objects[object]) == in_all);
        CHECK(rouse_limit_in_use((rouse_limit *)objects[object]) == in_all - free_now);
    }
    if (!r->one_only || !r->closed) { /* there it does not count the waiters that close has left invited */
        CHECK(OPEN_LOOK(object, waiter_count) == (uint32_t)(r->listed + r->under_way));
    }
    CHECK(OPEN_LOOK(object, is_closed) == r->closed);
}

/* ---- calls on both ---------------------------------------------------------------------------------------------- */

static void one_call(uint8_t what, uint8_t where, uint8_t who, uint8_t how_many);

static void woken(rouse_waiter *w, rouse_status status) {
    const int id = (int)(intptr_t)rouse_waiter_data(w);
    actor *const a = &actors[id];
    ask_for_mail();
    CHECK(due_count != 0 && dues[0].id == id && dues[0].outcome == status);
    CHECK(w == a->waiter && rouse_waiter_status(w) == status && a->state == DUE);
    due_count--;
    memmove(&dues[0], &dues[1], (size_t)due_count * sizeof *dues);
    if (status == ROUSE_RETRY) {
        a->state = OWES;
    } else {
        a->state = IDLE;
        replace_memory(a);
    }
    if (actions > 0) {
        actions--;
        one_call(a->then[0], a->then[1], a->then[0] % 3 == 0 ? (uint8_t)id : a->then[2], a->then[2]);
    }
}

static void kick(void *arg) {
    (void)arg;
}

static int looks;
static int looks_wanted;
static bool ready(void *arg) {
    (void)arg;
    looks++;
    return looks == looks_wanted;
}

/* 1 most often, some small numbers, and those at the limits. */
static uint32_t number_of(uint8_t b) {
    static const uint32_t rare[] = {
        0, 2, 3, 5, 9, ROUSE_MAX_PERMITS, ROUSE_MAX_PERMITS - 1, ROUSE_MAX_PERMITS + 1u};
    return b % 4 != 0 ? 1 + b % 4 / 3 : rare[b / 4 % 8];
}
/* What LOCKFREE can have the cells for. */
static uint32_t few(uint8_t b) {
    const uint32_t n = number_of(b);
    return n == ROUSE_MAX_PERMITS || n == ROUSE_MAX_PERMITS - 1 ? 17 : n;
}

/* Of those in throughput mode. */
static uint32_t open_number(int object, uint8_t b) {
    return object == OPEN_MUTEX || b % 4 != 0 ? 1 : 1 + b / 4 % 4;
}

static void queue_call(int object, int id, uint8_t b, uint8_t kind) {
    actor *const a = &actors[id];
    model *const m = &models[object];
    const uint32_t n = object == NOTIFY || object == MUTEX || kind % 4 == 3 ? 1
                       : is_open(object)                                    ? open_number(object, b)
                                                                            : few(b);
    rouse_status expected;
    rouse_status status;
    if (a->state != IDLE) {
        return;
    }
    a->polled = b % 8 >= 6;
    a->mailed = !a->polled && b % 16 >= 12;
    for (int i = 0; i < 3; i++) {
        a->then[i] = next_byte();
    }
    if (a->mailed) {
        rouse_waiter_init_on(a->waiter, &mailbox, woken, (void *)(intptr_t)id);
    } else {
        rouse_waiter_init(a->waiter, a->polled ? NULL : woken, (void *)(intptr_t)id);
    }
    a->object = object;
    if (is_open(object)) {
        opened[object].kinds[id] = a->polled ? POLLED : a->mailed ? MAILED : TOLD;
        expected = reference_acquire(&opened[object], id, n);
        status = object == OPEN_SEMAPHORE
                     ? rouse_semaphore_acquire((rouse_semaphore *)objects[object], a->waiter, n)
                 : object == OPEN_MUTEX ? rouse_mutex_lock((rouse_mutex *)objects[object], a->waiter)
                                        : rouse_limit_acquire((rouse_limit *)objects[object], a->waiter, n);
    } else if (object < SEMAPHORE && kind % 4 == 3) {
        const bool credit = m->count == 0 && m->stored >= 1 && !m->closed;
        const int expected_looks = kind / 4 % 4 == 1 || credit || m->closed ? 1 : 2;
        looks = 0;
        looks_wanted = kind / 4 % 4;
        expected = looks_wanted == 1 || (looks_wanted == 2 && !credit && !m->closed) ? ROUSE_OK
                                                                                     : model_wait(m, id, 1);
        status = rouse_waiter_queue_add_waiter_if(queue_of(object), a->waiter, ready, NULL);
        CHECK(looks == expected_looks);
    } else {
        expected = model_wait(m, id, n);
        if (object == NOTIFY) {
            status = rouse_notify_wait((rouse_notify *)objects[object], a->waiter);
        } else if (object == MUTEX) {
            status = rouse_mutex_lock((rouse_mutex *)objects[object], a->waiter);
        } else if (object == SEMAPHORE) {
            status = rouse_semaphore_acquire((rouse_semaphore *)objects[object], a->waiter, n);
        } else {
            status = rouse_waiter_queue_wait(queue_of(object), a->waiter, n);
        }
    }
    CHECK(status == expected);
    if (status == ROUSE_PENDING) {
        a->state = QUEUED;
    } else {
        replace_memory(a);
    }
}

static void cancel_open_call(int id) {
    actor *const a = &actors[id];
    const int object = a->object;
    reference *const r = &opened[object];
    const bool expected = a->state == QUEUED && reference_cancel(r, id);
    bool taken;
    if (expected) {
        a->state = DUE; /* as in cancel_call */
    } else if (r->status[id] == ROUSE_CANCELLED) {
        a->state = DUE;
        a->outcome = ROUSE_CANCELLED;
    }
    open_caused(object);
    taken = object == OPEN_SEMAPHORE ? rouse_semaphore_cancel((rouse_semaphore *)objects[object], a->waiter)
            : object == OPEN_MUTEX   ? rouse_mutex_cancel((rouse_mutex *)objects[object], a->waiter)
                                     : rouse_limit_cancel((rouse_limit *)objects[object], a->waiter);
    CHECK(taken == expected);
    if (expected) {
        a->state = IDLE;
        replace_memory(a);
    }
}

/* One that is invited resumes, or declines. */
static void answer_call(int id, uint8_t b) {
    actor *const a = &actors[id];
    const int object = a->object;
    reference *const r = &opened[object];
    rouse_status expected = ROUSE_INVALID;
    if (b % 4 == 0) {
        a->state = DUE; /* its memory must not be queued again in a wake that this call runs */
        reference_decline(r, id);
        open_caused(object);
        if (object == OPEN_SEMAPHORE) {
            rouse_semaphore_decline((rouse_semaphore *)objects[object], a->waiter);
        } else if (object == OPEN_MUTEX) {
            rouse_mutex_decline((rouse_mutex *)objects[object], a->waiter);
        } else {
            rouse_limit_decline((rouse_limit *)objects[object], a->waiter);
        }
    } else {
        expected = reference_resume(r, id);
        a->state = expected == ROUSE_PENDING ? QUEUED : DUE;
        a->outcome = expected;
        open_caused(object);
        CHECK((object == OPEN_SEMAPHORE
                   ? rouse_semaphore_resume((rouse_semaphore *)objects[object], a->waiter)
               : object == OPEN_MUTEX
                   ? rouse_mutex_resume((rouse_mutex *)objects[object], a->waiter)
                   : rouse_limit_resume((rouse_limit *)objects[object], a->waiter)) == expected);
    }
    if (expected != ROUSE_PENDING) {
        a->state = IDLE;
        replace_memory(a);
    }
}

static void cancel_call(int id) {
    actor *const a = &actors[id];
    bool expected;
    bool taken;
    if (a->state == IDLE || (a->state == DUE && a->polled)) {
        return;
    }
    if (is_open(a->object)) {
        cancel_open_call(id);
        return;
    }
    expected = a->state == QUEUED && model_cancel(&models[a->object], id);
    CHECK(expected == (a->state == QUEUED));
    if (expected) {
        a->state = DUE; /* neither queued nor to be queued by a wake that this cancel runs */
    }
    taken = rouse_waiter_queue_cancel(queue_of(a->object), a->waiter);
    CHECK(taken == expected);
    if (expected) {
        a->state = IDLE;
        replace_memory(a);
    }
}

static void wake_open_call(int object, uint8_t b) {
    reference *const r = &opened[object];
    const uint32_t n = open_number(object, b);
    rouse_status expected = ROUSE_OK;
    if (object == OPEN_MUTEX && r->free != 0) {
        expected = ROUSE_INVALID;
    } else if (object == OPEN_LIMIT && n > rouse_limit_in_use((rouse_limit *)objects[object])) {
        expected = ROUSE_OVERFLOW;
    } else {
        reference_release(r, n);
        open_caused(object);
    }
    CHECK((object == OPEN_SEMAPHORE ? rouse_semaphore_release((rouse_semaphore *)objects[object], n)
           : object == OPEN_MUTEX   ? rouse_mutex_unlock((rouse_mutex *)objects[object])
                                    : rouse_limit_give_back((rouse_limit *)objects[object], n)) == expected);
}

static void wake_call(int object, uint8_t b, uint8_t kind) {
    model *const m = &models[object];
    const uint32_t n = number_of(b);
    if (is_open(object)) {
        wake_open_call(object, b);
    } else if (object == MUTEX) {
        const rouse_status expected = m->count == 0 && m->stored > 0 ? ROUSE_INVALID : model_wake(m, 1, 1);
        CHECK(rouse_mutex_unlock((rouse_mutex *)objects[object]) == expected);
    } else if (object == NOTIFY) {
        (void)model_wake(m, 1, 1);
        rouse_notify_one((rouse_notify *)objects[object]);
    } else if (object == SEMAPHORE) {
        const rouse_status expected = model_wake(m, n, ROUSE_MAX_PERMITS);
        CHECK(rouse_semaphore_release((rouse_semaphore *)objects[object], n) == expected);
    } else if (kind % 2 == 0) {
        const int before = m->count;
        (void)model_wake(m, 1, 0);
        {
            const bool expected = m->count != before;
            CHECK(rouse_waiter_queue_wake_one(queue_of(object)) == expected);
        }
    } else {
        static const uint32_t caps[] = {
            0, 1, 2, 4, ROUSE_MAX_PERMITS, ROUSE_MAX_PERMITS - 1, ROUSE_MAX_PERMITS + 1u, 7};
        const uint32_t cap = caps[kind / 2 % 8];
        const rouse_status expected = model_wake(m, n, cap);
        CHECK(rouse_waiter_queue_wake(queue_of(object), n, cap) == expected);
    }
}

static void wake_all_call(int object) {
    const uint32_t expected = model_empty(&models[object], ROUSE_OK, true);
    const uint32_t all = object == NOTIFY ? rouse_notify_all((rouse_notify *)objects[object])
                                          : rouse_waiter_queue_wake_all(queue_of(object));
    CHECK(all == expected);
}

static void close_call(int object) {
    uint32_t expected;
    if (is_open(object)) {
        expected = reference_close(&opened[object]);
        open_caused(object);
        CHECK(OPEN_LOOK(object, close) == expected);
        return;
    }
    models[object].closed = true;
    expected = model_empty(&models[object], ROUSE_CLOSED, false);
    CHECK(rouse_waiter_queue_close(queue_of(object)) == expected);
}

static void take_open_call(int object, uint8_t b, uint8_t kind) {
    reference *const r = &opened[object];
    const uint32_t n = open_number(object, b);
    if (object == OPEN_MUTEX || kind % 2 != 0) {
        const bool expected = reference_try(r, n);
        CHECK((object == OPEN_SEMAPHORE ? rouse_semaphore_try_acquire((rouse_semaphore *)objects[object], n)
               : object == OPEN_MUTEX
                   ? rouse_mutex_try_lock((rouse_mutex *)objects[object])
                   : rouse_limit_try_acquire((rouse_limit *)objects[object], n)) == expected);
    } else {
        const uint32_t expected = reference_reduce(r, n);
        if (object == OPEN_SEMAPHORE) {
            CHECK(rouse_semaphore_reduce((rouse_semaphore *)objects[object], n) == expected);
        } else {
            in_all -= expected;
            CHECK(rouse_limit_set((rouse_limit *)objects[object], in_all) == ROUSE_OK);
        }
    }
}

static void take_call(int object, uint8_t b, uint8_t kind) {
    model *const m = &models[object];
    const uint32_t n = number_of(b);
    if (is_open(object)) {
        take_open_call(object, b, kind);
    } else if (object == SEMAPHORE && kind % 2 == 0) {
        const uint32_t free_now = m->stored > 0 ? (uint32_t)m->stored : 0;
        const uint32_t expected = n < free_now ? n : free_now;
        m->stored -= expected;
        CHECK(rouse_semaphore_reduce((rouse_semaphore *)objects[object], n) == expected);
        CHECK(rouse_semaphore_available((rouse_semaphore *)objects[object]) == (uint32_t)m->stored);
    } else {
        const bool expected =
            n == 0 || (n <= ROUSE_MAX_PERMITS && !m->closed && m->count == 0 && m->stored >= n);
        m->stored -= expected ? n : 0;
        CHECK(rouse_waiter_queue_try_wait(queue_of(object), n) == expected);
    }
}

static void destroy(int object) {
    if (object == OPEN_LIMIT) {
        rouse_limit_destroy((rouse_limit *)objects[object]);
    } else {
        rouse_waiter_queue_destroy(queue_of(object));
    }
    free(objects[object]);
}
static void new_memory(int object) {
    objects[object] = malloc(object == OPEN_LIMIT ? sizeof(rouse_limit) : sizeof(rouse_waiter_queue));
    CHECK(objects[object] != NULL);
}

/* Destroys an object on which nobody waits, perhaps from a wake that it has caused, and makes a new one. */
static void renew_call(int object, uint8_t b) {
    const uint32_t credit = object == MUTEX ? 1 : object == NOTIFY ? 0 : number_of(b);
    if (models[object].count != 0 || opened[object].listed + opened[object].under_way != 0) {
        return;
    }
    for (int i = 0; i < WAITERS; i++) {
        if (actors[i].state != IDLE && actors[i].object == object) {
            return; /* its wake is due: it may still be cancelled, on the object that it was queued on */
        }
    }
    destroy(object);
    new_memory(object);
    if (is_open(object)) {
        open_begin(object, b / 8 % 4, b);
        return;
    }
    rouse_waiter_queue_init(queue_of(object), credit);
    memset(&models[object], 0, sizeof models[object]);
    models[object].stored = credit < ROUSE_MAX_PERMITS ? credit : ROUSE_MAX_PERMITS;
}

static void drain_call(void) {
    const int count = posted_count;
    int asked = 0;
    size_t drained;
    for (int i = 0; i < count; i++) {
        dues[due_count] = posted[i];
        due_count++;
        asked += posted[i].outcome == ROUSE_PENDING ? 1 : 0;
    }
    posted_count = 0;
    drained = rouse_mailbox_drain(&mailbox);
    CHECK(drained <= (size_t)count &&
          drained + (size_t)asked >= (size_t)count); /* who is beaten does not count */
}

static void one_call(uint8_t what, uint8_t where, uint8_t who, uint8_t how_many) {
    const int object = where % OBJECTS % KINDS_OF_OBJECTS;
    const int id = who % WAITERS;
    const uint8_t kind = where / OBJECTS;
    if (actors[id].state == OWES && what % 16 < 12 && how_many % 8 != 7) {
        answer_call(id, how_many);
        return;
    }
    switch (what % 16) {
    case 0:
    case 1:
    case 2:
    case 3:
    case 4:
    case 5:
        queue_call(object, id, how_many, kind);
        break;
    case 6:
    case 7:
    case 8:
        cancel_call(id);
        break;
    case 9:
    case 10:
    case 11:
        wake_call(object, how_many, kind);
        break;
    case 12:
        if (!is_open(object)) {
            wake_all_call(object);
        }
        break;
    case 13:
        take_call(object, how_many, kind);
        break;
    case 14:
        drain_call();
        break;
    default:
        if (how_many % 8 == 0) {
            close_call(object);
        } else if (how_many % 8 == 1 && object != OPEN_LIMIT) {
            CHECK(rouse_waiter_queue_reserve(queue_of(object), how_many) == ROUSE_OK);
        } else {
            renew_call(object, how_many);
        }
        break;
    }
}

/* Between calls: nothing is due, and all that can be seen is as in the model. */
static void compare(void) {
    ask_for_mail();
    CHECK(due_count == 0);
    for (int i = OPEN_SEMAPHORE; i < KINDS_OF_OBJECTS; i++) {
        compare_open(i);
    }
    for (int i = 0; i < OPEN_SEMAPHORE; i++) {
        CHECK(rouse_waiter_queue_balance(queue_of(i)) == model_balance(&models[i]));
        CHECK(rouse_waiter_queue_waiter_count(queue_of(i)) == (uint32_t)models[i].count);
        CHECK(rouse_waiter_queue_is_closed(queue_of(i)) == models[i].closed);
    }
    for (int i = 0; i < WAITERS; i++) {
        actor *const a = &actors[i];
        if (a->state == QUEUED || a->state == OWES) {
            CHECK(rouse_waiter_status(a->waiter) == (a->state == QUEUED ? ROUSE_PENDING : ROUSE_RETRY));
        } else if (a->state == DUE) {
            CHECK(rouse_waiter_status(a->waiter) == a->outcome);
            if (a->polled) { /* seen, so it is its owner's again; a notification may be passed on */
                if (a->object == NOTIFY && a->then[0] % 4 == 0) {
                    if (a->outcome == ROUSE_OK && !a->by_all) {
                        (void)model_wake(&models[NOTIFY], 1, 1);
                    }
                    rouse_notify_pass_on((rouse_notify *)objects[NOTIFY], a->waiter);
                    CHECK(due_count == 0);
                }
                a->state = IDLE;
                replace_memory(a);
            }
        }
    }
}

static void begin(void) {
    static const uint32_t credits[OPEN_SEMAPHORE] = {0, 2, 3, 0, 1};
    due_count = 0;
    posted_count = 0;
    memset(models, 0, sizeof models);
    memset(actors, 0, sizeof actors);
    rouse_mailbox_init(&mailbox, kick, NULL);
    for (int i = 0; i < WAITERS; i++) {
        replace_memory(&actors[i]);
    }
    for (int i = 0; i < KINDS_OF_OBJECTS; i++) {
        new_memory(i);
        if (is_open(i)) {
            open_begin(i, 2, 0);
        } else {
            rouse_waiter_queue_init(queue_of(i), credits[i]);
            models[i].stored = credits[i];
        }
    }
}

static void end(void) {
    actions = 0;
    for (int i = 0; i < KINDS_OF_OBJECTS; i++) {
        close_call(i);
        compare();
    }
    drain_call();
    compare();
    for (int i = 0; i < WAITERS; i++) {
        if (actors[i].state == OWES) {
            answer_call(i, (uint8_t)i);
            compare();
        }
    }
    rouse_mailbox_destroy(&mailbox);
    for (int i = 0; i < KINDS_OF_OBJECTS; i++) {
        destroy(i);
    }
    for (int i = 0; i < WAITERS; i++) {
        CHECK(actors[i].state == IDLE);
        free(actors[i].waiter);
    }
}

static void call_and_compare(uint8_t what, uint8_t where, uint8_t who, uint8_t how_many) {
    actions = ACTIONS;
    one_call(what, where, who, how_many);
    compare();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    begin();
    calls_of_input(data, size, call_and_compare);
    end();
    return 0;
}
