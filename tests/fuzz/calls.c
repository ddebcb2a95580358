/* tests/fuzz/calls.c: bytes become calls on several objects, each compared with a plain model of what it
 * promises.
 *
 * A libFuzzer target, one for each backend. Objects: two bare queues, a semaphore, a notify, a mutex;
 * waiters: polled, with a wake, on a mailbox. A waiter's wake also does something: it queues itself again,
 * cancels another, releases, wakes all, or destroys the object and makes a new one. After every call the
 * results, the order of the wakes, the balances and the numbers of waiters are those of the model. Every
 * waiter's memory is freed the moment the contract gives it back.
 *
 * The model knows nothing of atomics, tickets or segments: a balance, a list, and one list of wakes that
 * are due. */
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

enum { QUEUE, SECOND_QUEUE, SEMAPHORE, NOTIFY, MUTEX, OBJECTS };
enum { WAITERS = 12, ACTIONS = 40 };

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
    rouse_status outcome;
} due;

enum waiter_state { IDLE, QUEUED, DUE };

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

/* ---- calls on both ---------------------------------------------------------------------------------------------- */

static void one_call(uint8_t what, uint8_t where, uint8_t who, uint8_t how_many);

static void woken(rouse_waiter *w, rouse_status status) {
    const int id = (int)(intptr_t)rouse_waiter_data(w);
    actor *const a = &actors[id];
    CHECK(due_count != 0 && dues[0].id == id && dues[0].outcome == status);
    CHECK(w == a->waiter && rouse_waiter_status(w) == status && a->state == DUE);
    due_count--;
    memmove(&dues[0], &dues[1], (size_t)due_count * sizeof *dues);
    a->state = IDLE;
    replace_memory(a);
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

static void queue_call(int object, int id, uint8_t b, uint8_t kind) {
    actor *const a = &actors[id];
    model *const m = &models[object];
    const uint32_t n = object == NOTIFY || object == MUTEX || kind % 4 == 3 ? 1 : few(b);
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
    if (object < SEMAPHORE && kind % 4 == 3) {
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
        a->object = object;
    } else {
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

static void wake_call(int object, uint8_t b, uint8_t kind) {
    model *const m = &models[object];
    const uint32_t n = number_of(b);
    if (object == MUTEX) {
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
    models[object].closed = true;
    expected = model_empty(&models[object], ROUSE_CLOSED, false);
    CHECK(rouse_waiter_queue_close(queue_of(object)) == expected);
}

static void take_call(int object, uint8_t b, uint8_t kind) {
    model *const m = &models[object];
    const uint32_t n = number_of(b);
    if (object == SEMAPHORE && kind % 2 == 0) {
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

/* Destroys an object on which nobody waits, perhaps from a wake that it has caused, and makes a new one. */
static void renew_call(int object, uint8_t b) {
    const uint32_t credit = object == MUTEX ? 1 : object == NOTIFY ? 0 : number_of(b);
    if (models[object].count != 0) {
        return;
    }
    for (int i = 0; i < WAITERS; i++) {
        if (actors[i].state != IDLE && actors[i].object == object) {
            return; /* its wake is due: it may still be cancelled, on the object that it was queued on */
        }
    }
    rouse_waiter_queue_destroy(queue_of(object));
    free(objects[object]);
    objects[object] = malloc(sizeof(rouse_waiter_queue));
    CHECK(objects[object] != NULL);
    rouse_waiter_queue_init(queue_of(object), credit);
    memset(&models[object], 0, sizeof models[object]);
    models[object].stored = credit < ROUSE_MAX_PERMITS ? credit : ROUSE_MAX_PERMITS;
}

static void drain_call(void) {
    const int count = posted_count;
    for (int i = 0; i < count; i++) {
        dues[due_count] = posted[i];
        due_count++;
    }
    posted_count = 0;
    CHECK(rouse_mailbox_drain(&mailbox) == (size_t)count);
}

static void one_call(uint8_t what, uint8_t where, uint8_t who, uint8_t how_many) {
    const int object = where % OBJECTS;
    const int id = who % WAITERS;
    const uint8_t kind = where / OBJECTS;
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
        wake_all_call(object);
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
        } else if (how_many % 8 == 1) {
            CHECK(rouse_waiter_queue_reserve(queue_of(object), how_many) == ROUSE_OK);
        } else {
            renew_call(object, how_many);
        }
        break;
    }
}

/* Between calls: nothing is due, and all that can be seen is as in the model. */
static void compare(void) {
    CHECK(due_count == 0);
    for (int i = 0; i < OBJECTS; i++) {
        CHECK(rouse_waiter_queue_balance(queue_of(i)) == model_balance(&models[i]));
        CHECK(rouse_waiter_queue_waiter_count(queue_of(i)) == (uint32_t)models[i].count);
        CHECK(rouse_waiter_queue_is_closed(queue_of(i)) == models[i].closed);
    }
    for (int i = 0; i < WAITERS; i++) {
        actor *const a = &actors[i];
        if (a->state == QUEUED) {
            CHECK(rouse_waiter_status(a->waiter) == ROUSE_PENDING);
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
    static const uint32_t credits[OBJECTS] = {0, 2, 3, 0, 1};
    due_count = 0;
    posted_count = 0;
    memset(models, 0, sizeof models);
    memset(actors, 0, sizeof actors);
    rouse_mailbox_init(&mailbox, kick, NULL);
    for (int i = 0; i < WAITERS; i++) {
        replace_memory(&actors[i]);
    }
    for (int i = 0; i < OBJECTS; i++) {
        objects[i] = malloc(sizeof(rouse_waiter_queue));
        CHECK(objects[i] != NULL);
        rouse_waiter_queue_init(queue_of(i), credits[i]);
        models[i].stored = credits[i];
    }
}

static void end(void) {
    actions = 0;
    for (int i = 0; i < OBJECTS; i++) {
        close_call(i);
        compare();
    }
    drain_call();
    compare();
    rouse_mailbox_destroy(&mailbox);
    for (int i = 0; i < OBJECTS; i++) {
        rouse_waiter_queue_destroy(queue_of(i));
        free(objects[i]);
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
