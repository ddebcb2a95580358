/* tests/fuzz/family.c: bytes become calls on the objects of the family, each compared with a plain model of
 * what it promises.
 *
 * A libFuzzer target. Objects: two limits, an event, a gate, a condition variable and its mutex, a
 * reader-writer lock, a channel, a once, a barrier. Waiters: plain ones, ones with a deadline, and those of
 * the condition variable, the channel, the any (of a limit and the event) and the several (of the two
 * limits). They are polled, with a wake, on a mailbox, or posted to it. A wake makes a call too. After every
 * call the answers, the order of the wakes and all that can be seen of the objects are those of the model.
 * Every waiter's memory is freed the moment the contract gives it back.
 *
 * The model knows nothing of atomics: numbers and lists, one list of wakes that are due, one of deadlines. */
#include <rouse/any.h>
#include <rouse/barrier.h>
#include <rouse/condvar.h>
#include <rouse/deadline.h>
#include <rouse/rouse.h>
#include <rouse/several.h>

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "input.h" /* behind the library: its names are short */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHECK_CONTEXT "%s", ": the model says otherwise"
#define CHECK_END()   abort()
#include "../support/check.h"

enum { LIMIT, EVENT, GATE, CONDVAR, MUTEX, RWLOCK, CHANNEL, ONCE, BARRIER, SECOND, OBJECTS };
enum { WAITERS = 10, ACTIONS = 30, READERS = 3, PARTIES = 3, CAPACITY = 2 };

static rouse_limit limit;
static rouse_limit second; /* only for those who have a permit of the first one */
static const rouse_step steps[] = {{&limit, 1}, {&second, 1}};
static rouse_event event;
static rouse_gate gate;
static rouse_condvar condvar;
static rouse_mutex mutex;
static rouse_rwlock rwlock;
static rouse_channel channel;
static uint32_t slots[CAPACITY];
static rouse_once once;
static rouse_barrier barrier;
static rouse_deadlines deadlines;
static rouse_mailbox mailbox;

/* ---- the model ------------------------------------------------------------------------------------------------ */

/* n: permits; of the rwlock: 1 reads, 0 writes; of the channel: the element. arm: of an any, and which. */
typedef struct place {
    int id;
    uint32_t n;
    bool arm;
} place;

typedef struct list {
    place at[WAITERS];
    int count;
} list;

static struct {
    list queues[OBJECTS];
    bool closed[OBJECTS];                                            /* the event: it is set */
    uint32_t permits[OBJECTS], used[OBJECTS], most_waiting[OBJECTS]; /* of the two limits */
    uint32_t inside;
    bool held; /* the mutex */
    uint32_t reading;
    bool writing;
    uint32_t elements[CAPACITY];
    uint32_t element_count;
    bool sending; /* the waiters at the channel are senders */
    enum { NOT_BEGUN, BEGUN, DONE } once;
} model;

enum state { IDLE, QUEUED, DUE };
enum type { PLAIN, TIMED, OF_CONDVAR, TRANSFER, ANY, SEVERAL };
enum { STEP = 2 }; /* besides the two arms of an any */

typedef union block {
    rouse_waiter plain; /* each begins with one */
    rouse_timed timed;
    rouse_condvar_waiter condvar;
    struct {
        rouse_transfer transfer;
        uint32_t element;
    } transfer;
    struct {
        rouse_any any;
        rouse_arm arms[2]; /* the limit, the event */
    } any;
    rouse_several several;
} block;

static struct {
    block *block; /* a separate block, freed as soon as it may be */
    enum state state;
    enum type type;
    int object; /* the any: the limit */
    bool busy;  /* the call that began its wait has not returned */
    bool polled, mailed, receives;
    bool signalled; /* not by broadcast: a cancel passes that on */
    uint64_t until;
    rouse_status outcome;
    uint32_t element; /* to be received */
    int winner, legs; /* of an any: -1; how many are due */
    uint8_t then[4];  /* what its wake does */
} actors[WAITERS];

typedef struct due {
    int id;
    rouse_status outcome;
    int arm; /* -1: the wake itself */
} due;

static due dues[8 * WAITERS];
static int due_count;
static int posted[WAITERS]; /* in the mailbox, oldest first */
static int posted_count;
static int timed[WAITERS]; /* in the deadlines, by beginning */
static int timed_count;
static int running[WAITERS]; /* taken out by a run, and not yet looked at */
static int running_count;
static size_t timeouts;
static size_t revoked; /* out of a drain's batch */
static int depth;      /* inside how many wakes */
static int actions;    /* left for the wakes of this call */

static void take_out(int *ids, int *count, int id) {
    for (int i = 0; i < *count; i++) {
        if (ids[i] == id) {
            memmove(&ids[i], &ids[i + 1], (size_t)(*count - i - 1) * sizeof *ids);
            (*count)--;
            return;
        }
    }
}

static void replace_memory(int id) {
    free(actors[id].block);
    actors[id].block = (block *)malloc(sizeof(block));
    CHECK(actors[id].block != NULL);
    memset(actors[id].block, 0xa5, sizeof(block));
}

static void add_due(int id, rouse_status outcome, int arm) {
    CHECK(due_count < 8 * WAITERS);
    dues[due_count].id = id;
    dues[due_count].outcome = outcome;
    dues[due_count].arm = arm;
    due_count++;
}

static void tell(int id, rouse_status outcome) {
    actors[id].state = DUE;
    actors[id].outcome = outcome;
    if (actors[id].mailed && outcome != ROUSE_TIMEDOUT) {
        posted[posted_count++] = id;
    } else if (!actors[id].polled) {
        add_due(id, outcome, -1);
    }
}

static void add(int object, int id, uint32_t n, bool arm) {
    list *const q = &model.queues[object];
    q->at[q->count].id = id;
    q->at[q->count].n = n;
    q->at[q->count].arm = arm;
    q->count++;
}

static bool remove_from(int object, int id) {
    list *const q = &model.queues[object];
    for (int i = 0; i < q->count; i++) {
        if (q->at[i].id == id) {
            memmove(&q->at[i], &q->at[i + 1], (size_t)(q->count - i - 1) * sizeof *q->at);
            q->count--;
            return true;
        }
    }
    return false;
}

/* The oldest has what it waits for. */
static void grant(int object, rouse_status outcome) {
    const place first = model.queues[object].at[0];
    (void)remove_from(object, first.id);
    if (first.arm) {
        actors[first.id].state = DUE;
        actors[first.id].legs++;
        add_due(first.id, outcome, actors[first.id].type == SEVERAL ? STEP : object == LIMIT ? 0 : 1);
    } else {
        tell(first.id, outcome);
    }
}
static uint32_t grant_all(int object, rouse_status outcome) {
    const uint32_t all = (uint32_t)model.queues[object].count;
    while (model.queues[object].count != 0) {
        grant(object, outcome);
    }
    return all;
}

/* Serves those who can be served. */
static void serve(int object) {
    const list *const q = &model.queues[object];
    while (q->count != 0) {
        const uint32_t n = q->at[0].n;
        if ((object == LIMIT || object == SECOND) && model.used[object] + n <= model.permits[object]) {
            model.used[object] += n;
        } else if (object == MUTEX && !model.held) {
            model.held = true;
        } else if (object == RWLOCK && n == 1 && !model.writing && model.reading < READERS) {
            model.reading++;
        } else if (object == RWLOCK && n == 0 && !model.writing && model.reading == 0) {
            model.writing = true;
        } else {
            return;
        }
        grant(object, ROUSE_OK);
    }
}

/* A permit that somebody has; unless other calls have given back what is not theirs. */
static void give_one_back(void) {
    model.used[LIMIT] -= model.used[LIMIT] != 0 ? 1 : 0;
    serve(LIMIT);
}

/* Gives the oldest that waits for a signal to the mutex. */
static bool model_signal(bool by_signal) {
    list *const q = &model.queues[CONDVAR];
    const int id = q->count == 0 ? -1 : q->at[0].id;
    if (id >= 0) {
        (void)remove_from(CONDVAR, id);
        actors[id].object = MUTEX;
        actors[id].signalled = by_signal;
        add(MUTEX, id, 1, false);
        serve(MUTEX);
    }
    return id >= 0;
}

/* Takes a waiter that is queued out. */
static void model_cancel(int id) {
    const int object = actors[id].object;
    CHECK(remove_from(object, id));
    if (actors[id].type == ANY) {
        serve(object);
        CHECK(remove_from(EVENT, id));
        return;
    }
    if (actors[id].type == SEVERAL && object == SECOND) {
        give_one_back();
    }
    if (actors[id].type == OF_CONDVAR && object == MUTEX && actors[id].signalled) {
        (void)model_signal(true);
    }
    serve(object);
}

static rouse_status model_acquire(int object, int id, uint32_t n);

/* A several has a permit more, or its wake gets CLOSED: it asks for the next one, or gives back what it
 * has and is woken. */
static void step(due d) {
    rouse_status status = d.outcome;
    if (status == ROUSE_OK && actors[d.id].object == LIMIT) {
        actors[d.id].object = SECOND;
        status = model_acquire(SECOND, d.id, 1);
    }
    if (status == ROUSE_PENDING) {
        return;
    }
    if (status != ROUSE_OK && actors[d.id].object == SECOND) {
        give_one_back();
    }
    actors[d.id].outcome = status;
    add_due(d.id, status, -1); /* and before all others */
    for (int i = due_count - 1; i > 0; i--) {
        const due last = dues[i];
        dues[i] = dues[i - 1];
        dues[i - 1] = last;
    }
}

/* The wake of an arm: it wins and the other arm is cancelled, or it hands on what it got. */
static void leg(due d) {
    actors[d.id].legs--;
    if (actors[d.id].winner < 0) {
        actors[d.id].winner = d.arm;
        actors[d.id].outcome = d.outcome;
        if (remove_from(d.arm == 0 ? EVENT : LIMIT, d.id) && d.arm == 1) {
            serve(LIMIT);
        }
    } else if (d.arm == 0 && d.outcome == ROUSE_OK) {
        give_one_back();
    }
    if (actors[d.id].legs == 0) {
        add_due(d.id, actors[d.id].outcome, -1);
    }
}

/* One step of a run of the deadlines. */
static void run_step(void) {
    const int id = running[0];
    take_out(running, &running_count, id);
    if (actors[id].state == QUEUED) {
        model_cancel(id); /* the wakes that it causes come first */
        tell(id, ROUSE_TIMEDOUT);
        timeouts++;
    }
}

/* What the library does by itself before it calls the next wake. */
static void go_on(void) {
    while (due_count != 0 ? dues[0].arm >= 0 : depth <= 1 && running_count != 0) {
        if (due_count == 0) {
            run_step();
        } else {
            const due first = dues[0];
            due_count--;
            memmove(&dues[0], &dues[1], (size_t)due_count * sizeof *dues);
            (first.arm == STEP ? step : leg)(first);
        }
    }
}

/* ---- the wakes -------------------------------------------------------------------------------------------------- */

static void one_call(uint8_t what, uint8_t who, uint8_t number, uint8_t how);

static void is_idle(int id) {
    take_out(timed, &timed_count, id);
    take_out(running, &running_count, id);
    actors[id].state = IDLE;
    replace_memory(id);
}

static void woken(int id, rouse_status status) {
    depth++;
    go_on();
    CHECK(due_count != 0 && dues[0].id == id && dues[0].outcome == status && actors[id].state == DUE);
    CHECK(!actors[id].receives || status != ROUSE_OK ||
          actors[id].block->transfer.element == actors[id].element);
    due_count--;
    memmove(&dues[0], &dues[1], (size_t)due_count * sizeof *dues);
    is_idle(id);
    if (actions > 0) {
        const uint8_t *const then = actors[id].then;
        actions--;
        one_call(then[0], then[1], then[2], then[3]);
    }
    depth--;
}
static void on_wake(rouse_waiter *w, rouse_status status) {
    woken((int)(intptr_t)rouse_waiter_data(w), status);
}
static void on_timed(rouse_timed *t, rouse_status status) {
    woken((int)(intptr_t)rouse_timed_data(t), status);
}
static void on_condvar(rouse_condvar_waiter *w, rouse_status status) {
    woken((int)(intptr_t)rouse_condvar_waiter_data(w), status);
}
static void on_transfer(rouse_transfer *t, rouse_status status) {
    woken((int)(intptr_t)rouse_transfer_data(t), status);
}
static void on_any(rouse_any *a, int index, rouse_status status) {
    const int id = (int)(intptr_t)rouse_any_data(a);
    depth++;
    go_on();
    depth--;
    CHECK(index == actors[id].winner);
    woken(id, status);
}
static void on_several(rouse_several *several, rouse_status status) {
    woken((int)(intptr_t)rouse_several_data(several), status);
}
static void kick(void *arg) {
    (void)arg;
}

/* ---- calls on both: those that wait ----------------------------------------------------------------------------- */

static void choose(int id, enum type type, int object, uint8_t how) {
    rouse_mailbox *const on = how % 8 >= 6 && type < ANY ? &mailbox : NULL;
    const bool polled = how % 8 == 4 && type == PLAIN && object != BARRIER;
    void *const data = (void *)(intptr_t)id;
    block *const b = actors[id].block;
    actors[id].busy = true;
    actors[id].type = type;
    actors[id].object = object;
    actors[id].polled = polled;
    actors[id].mailed = on != NULL;
    actors[id].receives = false;
    actors[id].winner = -1;
    actors[id].legs = 0;
    for (int i = 0; i < 4; i++) {
        actors[id].then[i] = next_byte();
    }
    switch (type) {
    case PLAIN:
        rouse_waiter_init_on(&b->plain, on, polled ? NULL : on_wake, data);
        break;
    case TIMED:
        rouse_timed_init(&b->timed, &deadlines, on, on_timed, data);
        break;
    case OF_CONDVAR:
        rouse_condvar_waiter_init(&b->condvar, &mutex, on, on_condvar, data);
        break;
    case TRANSFER:
        rouse_transfer_init(&b->transfer.transfer, on, on_transfer, data);
        break;
    case SEVERAL:
        rouse_several_init(&b->several, NULL, on_several, data);
        break;
    default:
        rouse_arm_limit(&b->any.arms[0], &limit, 1);
        rouse_arm_event(&b->any.arms[1], &event);
        rouse_any_init(&b->any.any, b->any.arms, 2, NULL, on_any, data);
        break;
    }
}

/* The model has answered, and so has the library. */
static void begun(int id, rouse_status expected, rouse_status status) {
    CHECK(status == expected);
    actors[id].busy = false;
    if (status == ROUSE_PENDING) {
        if (actors[id].type == TIMED && actors[id].state != IDLE) {
            timed[timed_count++] = id;
        }
    } else {
        actors[id].state = IDLE;
        replace_memory(id);
    }
}

static rouse_status queue(int object, int id, uint32_t n) {
    actors[id].state = QUEUED;
    add(object, id, n, actors[id].type >= ANY);
    return ROUSE_PENDING;
}

static rouse_status model_acquire(int object, int id, uint32_t n) {
    if (n == 0) {
        return ROUSE_OK;
    }
    if (n > ROUSE_MAX_PERMITS) {
        return ROUSE_INVALID;
    }
    if (model.closed[object]) {
        return ROUSE_CLOSED;
    }
    if (model.queues[object].count == 0 && model.used[object] + n <= model.permits[object]) {
        model.used[object] += n;
        return ROUSE_OK;
    }
    return (uint32_t)model.queues[object].count >= model.most_waiting[object] ? ROUSE_FULL
                                                                              : queue(object, id, n);
}

static rouse_status model_lock(int id) {
    if (model.queues[MUTEX].count == 0 && !model.held) {
        model.held = true;
        return ROUSE_OK;
    }
    return queue(MUTEX, id, 1);
}

static rouse_status model_rwlock(int id, bool reads) {
    if (model.closed[RWLOCK]) {
        return ROUSE_CLOSED;
    }
    if (model.queues[RWLOCK].count == 0 && !model.writing && model.reading < (reads ? READERS : 1u)) {
        model.reading += reads ? 1 : 0;
        model.writing = !reads;
        return ROUSE_OK;
    }
    return queue(RWLOCK, id, reads ? 1 : 0);
}

static rouse_status model_once(int id) {
    if (model.once == BEGUN) {
        return queue(ONCE, id, 1);
    }
    if (model.once == DONE) {
        return ROUSE_CLOSED;
    }
    model.once = BEGUN;
    return ROUSE_OK;
}

/* Sends n, or receives. */
static rouse_status model_transfer(int id, bool receives, uint32_t n) {
    list *const q = &model.queues[CHANNEL];
    if (!receives && model.closed[CHANNEL]) {
        return ROUSE_CLOSED;
    }
    if (receives) {
        if (model.element_count == 0) {
            if (id < 0 || model.closed[CHANNEL]) {
                return ROUSE_CLOSED;
            }
            model.sending = false;
            return queue(CHANNEL, id, 0);
        }
        if (id >= 0) {
            actors[id].element = model.elements[0];
        }
        model.element_count--;
        memmove(&model.elements[0], &model.elements[1], model.element_count * sizeof *model.elements);
        if (q->count != 0) {
            model.elements[model.element_count++] = q->at[0].n;
            grant(CHANNEL, ROUSE_OK);
        }
        return ROUSE_OK;
    }
    if (q->count != 0 && !model.sending) {
        actors[q->at[0].id].element = n;
        grant(CHANNEL, ROUSE_OK);
        return ROUSE_OK;
    }
    if (model.element_count < CAPACITY) {
        model.elements[model.element_count++] = n;
        return ROUSE_OK;
    }
    if (id < 0) {
        return ROUSE_CLOSED;
    }
    model.sending = true;
    return queue(CHANNEL, id, n);
}

static void wait_call(int object, int id, uint32_t n, uint8_t how) {
    block *const b = actors[id].block;
    const bool with_deadline = how % 2 == 1 && how % 8 != 3;
    const uint64_t until = how / 16;
    rouse_status expected;
    if (actors[id].busy || actors[id].state != IDLE) {
        return;
    }
    actors[id].until = until;
    choose(id, with_deadline ? TIMED : PLAIN, object, how);
    switch (object) {
    case LIMIT:
        expected = model_acquire(LIMIT, id, n);
        begun(id, expected,
              with_deadline ? rouse_limit_acquire_until(&limit, &b->timed, n, until)
                            : rouse_limit_acquire(&limit, &b->plain, n));
        break;
    case EVENT:
        expected = model.closed[EVENT] ? ROUSE_OK : queue(EVENT, id, 1);
        begun(id, expected,
              with_deadline ? rouse_event_wait_until(&event, &b->timed, until)
                            : rouse_event_wait(&event, &b->plain));
        break;
    case GATE:
        expected = model.closed[GATE] && model.inside == 0 ? ROUSE_OK : queue(GATE, id, 1);
        begun(id, expected,
              with_deadline ? rouse_gate_wait_until(&gate, &b->timed, until)
                            : rouse_gate_wait(&gate, &b->plain));
        break;
    case MUTEX:
        expected = model_lock(id);
        begun(id, expected,
              with_deadline ? rouse_mutex_lock_until(&mutex, &b->timed, until)
                            : rouse_mutex_lock(&mutex, &b->plain));
        break;
    case RWLOCK: {
        const bool reads = n % 2 == 1;
        expected = model_rwlock(id, reads);
        if (with_deadline) {
            begun(id, expected,
                  reads ? rouse_rwlock_read_until(&rwlock, &b->timed, until)
                        : rouse_rwlock_write_until(&rwlock, &b->timed, until));
        } else {
            begun(id, expected,
                  reads ? rouse_rwlock_read(&rwlock, &b->plain) : rouse_rwlock_write(&rwlock, &b->plain));
        }
        break;
    }
    case ONCE:
        expected = model_once(id);
        begun(id, expected,
              with_deadline ? rouse_once_begin_until(&once, &b->timed, until)
                            : rouse_once_begin(&once, &b->plain));
        break;
    default:
        choose(id, PLAIN, BARRIER, how); /* a barrier has no deadline */
        expected = ROUSE_OK;
        if (model.queues[BARRIER].count < PARTIES - 1) {
            expected = queue(BARRIER, id, 1);
        } else {
            (void)grant_all(BARRIER, ROUSE_OK);
        }
        begun(id, expected, rouse_barrier_arrive(&barrier, &b->plain));
        break;
    }
}

static void condvar_call(int id, uint8_t how) {
    rouse_status expected = ROUSE_CLOSED;
    if (actors[id].busy || actors[id].state != IDLE || !model.held) {
        return;
    }
    choose(id, OF_CONDVAR, CONDVAR, how);
    if (!model.closed[CONDVAR]) {
        expected = queue(CONDVAR, id, 1);
        model.held = false;
        serve(MUTEX);
    }
    begun(id, expected, rouse_condvar_wait(&condvar, &actors[id].block->condvar));
}

static void transfer_call(int id, uint8_t how, bool receives) {
    block *const b = actors[id].block;
    static uint32_t value;
    rouse_status expected;
    rouse_status status;
    if (actors[id].busy || actors[id].state != IDLE) {
        return;
    }
    choose(id, TRANSFER, CHANNEL, how);
    actors[id].receives = receives;
    b->transfer.element = receives ? 0 : ++value;
    expected = model_transfer(id, receives, value);
    status = receives ? rouse_channel_receive(&channel, &b->transfer.transfer, &b->transfer.element)
                      : rouse_channel_send(&channel, &b->transfer.transfer, &b->transfer.element);
    CHECK(!receives || status != ROUSE_OK || b->transfer.element == actors[id].element);
    begun(id, expected, status);
}

static void any_call(int id, uint8_t how) {
    rouse_status expected;
    if (actors[id].busy || actors[id].state != IDLE) {
        return;
    }
    choose(id, ANY, LIMIT, how);
    expected = model_acquire(LIMIT, id, 1);
    if (expected == ROUSE_PENDING) {
        if (model.closed[EVENT]) { /* it has the event at once, and leaves the limit's queue */
            expected = ROUSE_OK;
            (void)remove_from(LIMIT, id);
            serve(LIMIT);
        } else {
            add(EVENT, id, 1, true);
        }
    }
    begun(id, expected, rouse_any_wait(&actors[id].block->any.any));
}

static void several_call(int id, uint8_t how) {
    rouse_status expected;
    if (actors[id].busy || actors[id].state != IDLE) {
        return;
    }
    choose(id, SEVERAL, LIMIT, how);
    expected = model_acquire(LIMIT, id, 1);
    if (expected == ROUSE_OK) {
        actors[id].object = SECOND;
        expected = model_acquire(SECOND, id, 1);
        if (expected != ROUSE_OK && expected != ROUSE_PENDING) {
            give_one_back();
        }
    }
    begun(id, expected,
          rouse_several_acquire(&actors[id].block->several, steps, 2)); /* given back limit by limit */
}

static void cancel_call(int id) {
    block *const b = actors[id].block;
    const bool expected = actors[id].state == QUEUED;
    bool taken;
    if (actors[id].busy || actors[id].state == IDLE ||
        (actors[id].state == DUE && (actors[id].polled || actors[id].type >= ANY)) ||
        (actors[id].type == PLAIN && actors[id].object >= BARRIER)) {
        return;
    }
    if (expected) {
        model_cancel(id);
        actors[id].state = DUE; /* neither queued nor to be queued by a wake that this cancel runs */
    }
    switch (actors[id].type) {
    case TIMED:
        taken = rouse_timed_cancel(&b->timed);
        break;
    case OF_CONDVAR:
        taken = rouse_condvar_cancel(&condvar, &b->condvar);
        break;
    case TRANSFER:
        taken = rouse_channel_cancel(&channel, &b->transfer.transfer);
        break;
    case SEVERAL:
        taken = rouse_several_cancel(&b->several);
        break;
    case ANY:
        taken = rouse_any_cancel(&b->any.any);
        break;
    default:
        switch (actors[id].object) {
        case LIMIT:
            taken = rouse_limit_cancel(&limit, &b->plain);
            break;
        case EVENT:
            taken = rouse_event_cancel(&event, &b->plain);
            break;
        case GATE:
            taken = rouse_gate_cancel(&gate, &b->plain);
            break;
        case MUTEX:
            taken = rouse_mutex_cancel(&mutex, &b->plain);
            break;
        case RWLOCK:
            taken = rouse_rwlock_cancel(&rwlock, &b->plain);
            break;
        default:
            taken = rouse_once_cancel(&once, &b->plain);
            break;
        }
    }
    CHECK(taken == expected);
    if (expected) {
        is_idle(id);
    } else if (actors[id].type == TIMED) {
        take_out(timed, &timed_count, id);
        take_out(running, &running_count, id);
    }
}

/* ---- calls on both: those that wake ------------------------------------------------------------------------------ */

static void limit_call(uint32_t n, uint8_t how) {
    const int object = how % 8 < 4 ? LIMIT : SECOND;
    rouse_limit *const l = object == LIMIT ? &limit : &second;
    rouse_status expected = ROUSE_OK;
    bool taken;
    switch (how % 4) {
    case 0:
    case 1:
        if (n > model.used[object]) {
            expected = ROUSE_OVERFLOW;
        } else {
            model.used[object] -= n;
            serve(object);
        }
        CHECK(rouse_limit_give_back(l, n) == expected);
        break;
    case 2:
        if (n > ROUSE_MAX_PERMITS) {
            expected = ROUSE_INVALID;
        } else {
            model.permits[object] = n;
            serve(object);
        }
        CHECK(rouse_limit_set(l, n) == expected);
        break;
    default:
        taken =
            n == 0 || (n <= ROUSE_MAX_PERMITS && !model.closed[object] && model.queues[object].count == 0 &&
                       model.used[object] + n <= model.permits[object]);
        model.used[object] += taken ? n : 0;
        CHECK(rouse_limit_try_acquire(l, n) == taken);
        break;
    }
}

static void event_call(uint8_t how) {
    if (how % 2 == 0) {
        const uint32_t all = grant_all(EVENT, ROUSE_OK);
        model.closed[EVENT] = true;
        CHECK(rouse_event_set(&event) == all);
    } else {
        const bool was = model.closed[EVENT];
        model.closed[EVENT] = false;
        CHECK(rouse_event_reset(&event) == was);
    }
}

static void close_gate(void) {
    const uint32_t all = model.inside == 0 ? grant_all(GATE, ROUSE_OK) : 0;
    model.closed[GATE] = true;
    CHECK(rouse_gate_close(&gate) == all);
}
static void gate_call(uint32_t n, uint8_t how) {
    if (how % 4 < 2) {
        model.inside += model.closed[GATE] ? 0 : 1;
        CHECK(rouse_gate_enter(&gate) == !model.closed[GATE]);
    } else {
        const bool can = n <= model.inside;
        model.inside -= can ? n : 0;
        if (can && model.closed[GATE] && model.inside == 0) {
            (void)grant_all(GATE, ROUSE_OK);
        }
        CHECK(rouse_gate_leave(&gate, n) == (can ? ROUSE_OK : ROUSE_OVERFLOW));
    }
}

static void signal_call(uint8_t how) {
    if (how % 4 != 0) {
        const bool expected = model_signal(true);
        CHECK(rouse_condvar_signal(&condvar) == expected);
    } else {
        uint32_t all = 0;
        while (model_signal(false)) {
            all++;
        }
        CHECK(rouse_condvar_broadcast(&condvar) == all);
    }
}

static void unlock_call(void) {
    const rouse_status expected = model.held ? ROUSE_OK : ROUSE_INVALID;
    model.held = false;
    serve(MUTEX);
    CHECK(rouse_mutex_unlock(&mutex) == expected);
}

static void rwlock_call(uint8_t how) {
    const bool quiet = model.queues[RWLOCK].count == 0 && !model.closed[RWLOCK];
    if (model
            .writing) { /* of the lock that is held the right end is called: the wrong one is not always told */
        model.writing = false;
        model.reading = how % 2;
        serve(RWLOCK);
        CHECK((how % 2 == 1 ? rouse_rwlock_downgrade(&rwlock) : rouse_rwlock_end_write(&rwlock)) == ROUSE_OK);
    } else if (how % 4 == 1) {
        const bool can = quiet && model.reading < READERS;
        model.reading += can ? 1 : 0;
        CHECK(rouse_rwlock_try_read(&rwlock) == can);
    } else if (how % 4 == 2) {
        model.writing = quiet && model.reading == 0;
        CHECK(rouse_rwlock_try_write(&rwlock) == model.writing);
    } else if (model.reading != 0 && how % 4 == 3) {
        model.writing = quiet && model.reading == 1;
        model.reading -= model.writing ? 1 : 0;
        CHECK(rouse_rwlock_try_upgrade(&rwlock) == model.writing);
    } else if (model.reading != 0) {
        model.reading--;
        serve(RWLOCK);
        CHECK(rouse_rwlock_end_read(&rwlock) == ROUSE_OK);
    }
}

static void channel_call(uint32_t n, uint8_t how) {
    uint32_t elements[CAPACITY] = {0, 0};
    const uint32_t oldest = model.elements[0];
    if (how % 2 == 0) {
        const bool expected = model_transfer(-1, false, n) == ROUSE_OK;
        CHECK(rouse_channel_try_send(&channel, &n) == expected);
    } else if (how % 4 == 1) {
        const bool expected = model_transfer(-1, true, 0) == ROUSE_OK;
        CHECK(rouse_channel_try_receive(&channel, &elements[0]) == expected);
        CHECK(!expected || elements[0] == oldest);
    } else {
        uint32_t expected = 0;
        while (expected < CAPACITY && model_transfer(-1, true, 0) == ROUSE_OK) {
            expected++;
        }
        CHECK(rouse_channel_try_receive_many(&channel, elements, CAPACITY) == expected);
        CHECK(expected == 0 || elements[0] == oldest);
    }
}

static void once_call(uint8_t how) {
    const rouse_status expected = model.once == BEGUN ? ROUSE_OK : ROUSE_INVALID;
    if (model.once == BEGUN && how % 4 == 0) {
        model.once = DONE;
        (void)grant_all(ONCE, ROUSE_CLOSED);
    } else if (model.once == BEGUN && model.queues[ONCE].count != 0) {
        grant(ONCE, ROUSE_OK);
    } else if (model.once == BEGUN) {
        model.once = NOT_BEGUN;
    }
    CHECK((how % 4 == 0 ? rouse_once_done(&once) : rouse_once_failed(&once)) == expected);
}

static void close_call(int object) {
    uint32_t all;
    if (object == LIMIT || object == SECOND || object == CONDVAR || object == RWLOCK || object == CHANNEL) {
        model.closed[object] = true;
        all = grant_all(object, ROUSE_CLOSED);
        CHECK(all == (object == LIMIT     ? rouse_limit_close(&limit)
                      : object == SECOND  ? rouse_limit_close(&second)
                      : object == CONDVAR ? rouse_condvar_close(&condvar)
                      : object == RWLOCK  ? rouse_rwlock_close(&rwlock)
                                          : rouse_channel_close(&channel)));
    } else if (object == GATE) {
        close_gate();
    }
}

static void post_call(int id, uint8_t how) {
    if (actors[id].busy || actors[id].state != IDLE) {
        return;
    }
    choose(id, PLAIN, OBJECTS, 6);
    actors[id].busy = false;
    tell(id, how % 2 == 0 ? ROUSE_OK : ROUSE_CLOSED);
    rouse_mailbox_post(&mailbox, &actors[id].block->plain, actors[id].outcome);
}

/* Takes a waiter back out of the mailbox, or out of the batch of the drain that is running. */
static void revoke_call(int id) {
    const bool expected = actors[id].state == DUE;
    if (actors[id].busy || actors[id].state == IDLE || actors[id].type != PLAIN || !actors[id].mailed) {
        return;
    }
    take_out(posted, &posted_count, id);
    for (int i = 0; i < due_count; i++) {
        if (dues[i].id == id) {
            due_count--;
            memmove(&dues[i], &dues[i + 1], (size_t)(due_count - i) * sizeof *dues);
            revoked++;
        }
    }
    CHECK(rouse_mailbox_revoke(&mailbox, &actors[id].block->plain) == expected);
    if (expected) {
        CHECK(rouse_waiter_status(&actors[id].block->plain) == actors[id].outcome);
        is_idle(id);
    }
}

/* Those that are due, in the order of their deadlines and of their beginning. */
static void run_call(uint64_t now) {
    const size_t before = timeouts;
    for (uint64_t until = 0; until <= now; until++) {
        for (int i = 0; i < timed_count; i++) {
            const int id = timed[i];
            if (actors[id].until == until) {
                take_out(timed, &timed_count, id);
                running[running_count++] = id;
                i--;
            }
        }
    }
    if (depth == 0) {
        const size_t count = rouse_deadlines_run(&deadlines, now); /* the model continues as the wakes run */
        depth++;
        go_on();
        depth--;
        CHECK(count <= timeouts - before);
    } else {
        while (running_count != 0) {
            run_step();
        }
        CHECK(rouse_deadlines_run(&deadlines, now) <= timeouts - before);
    }
}

static void drain_call(void) {
    const size_t count = (size_t)posted_count;
    const size_t before = revoked;
    size_t drained;
    for (size_t i = 0; i < count; i++) {
        add_due(posted[i], actors[posted[i]].outcome, -1);
    }
    posted_count = 0;
    drained = rouse_mailbox_drain(&mailbox);
    CHECK(drained <= count && drained + (revoked - before) >= count);
}

static uint32_t number_of(uint8_t b) {
    static const uint32_t rare[] = {
        0, 2, 3, 4, 5, ROUSE_MAX_PERMITS, ROUSE_MAX_PERMITS - 1, ROUSE_MAX_PERMITS + 1u};
    return b % 4 != 0 ? 1 + b % 4 / 3 : rare[b / 4 % 8];
}

static void one_call(uint8_t what, uint8_t who, uint8_t number, uint8_t how) {
    static const int waits[] = {LIMIT, EVENT, GATE, MUTEX, RWLOCK, ONCE, BARRIER, LIMIT, RWLOCK, MUTEX};
    const int id = who % WAITERS;
    const uint32_t n = number_of(number);
    switch (what % 32) {
    case 10:
    case 11:
        condvar_call(id, how);
        break;
    case 12:
    case 13:
        transfer_call(id, how, what % 2 == 0);
        break;
    case 14:
        any_call(id, how);
        break;
    case 15:
        several_call(id, how);
        break;
    case 16:
    case 17:
    case 18:
        cancel_call(id);
        break;
    case 19:
    case 20:
        limit_call(n, how);
        break;
    case 21:
        event_call(how);
        break;
    case 22:
        gate_call(n, how);
        break;
    case 23:
        signal_call(how);
        break;
    case 24:
    case 25:
        unlock_call();
        break;
    case 26:
        rwlock_call(how);
        break;
    case 27:
        channel_call(number, how);
        break;
    case 28:
        once_call(how);
        break;
    case 29:
        run_call(how % 16);
        break;
    case 30:
        drain_call();
        break;
    case 31:
        if (how % 8 == 0) {
            close_call(who % OBJECTS);
        } else if (how % 8 == 2) {
            post_call(id, number);
        } else if (how % 8 > 2) {
            revoke_call(id);
        }
        break;
    default:
        wait_call(waits[what % 32], id, n, how);
        break;
    }
}

/* Between calls: no wake is due, and all that can be seen is as in the model. */
static void compare(void) {
    uint64_t next = UINT64_MAX;
    depth++;
    go_on();
    depth--;
    CHECK(due_count == 0 && running_count == 0 && depth == 0);
    CHECK(rouse_limit_permits(&limit) == model.permits[LIMIT] &&
          rouse_limit_in_use(&limit) == model.used[LIMIT]);
    CHECK(rouse_limit_waiter_count(&limit) == (uint32_t)model.queues[LIMIT].count);
    CHECK(rouse_limit_permits(&second) == model.permits[SECOND]);
    CHECK(rouse_limit_in_use(&second) == model.used[SECOND]);
    CHECK(rouse_limit_waiter_count(&second) == (uint32_t)model.queues[SECOND].count);
    CHECK(rouse_event_is_set(&event) == model.closed[EVENT]);
    CHECK(rouse_event_waiter_count(&event) == (uint32_t)model.queues[EVENT].count);
    CHECK(rouse_gate_count(&gate) == model.inside && rouse_gate_is_closed(&gate) == model.closed[GATE]);
    CHECK(rouse_gate_waiter_count(&gate) == (uint32_t)model.queues[GATE].count);
    CHECK(rouse_condvar_waiter_count(&condvar) == (uint32_t)model.queues[CONDVAR].count);
    CHECK(rouse_mutex_waiter_count(&mutex) == (uint32_t)model.queues[MUTEX].count);
    CHECK(rouse_rwlock_waiter_count(&rwlock) == (uint32_t)model.queues[RWLOCK].count);
    CHECK(rouse_channel_count(&channel) == model.element_count);
    CHECK(rouse_channel_waiter_count(&channel) == (uint32_t)model.queues[CHANNEL].count);
    CHECK(rouse_once_is_done(&once) == (model.once == DONE));
    CHECK(rouse_once_waiter_count(&once) == (uint32_t)model.queues[ONCE].count);
    CHECK(rouse_barrier_waiter_count(&barrier) == (uint32_t)model.queues[BARRIER].count);
    for (int i = 0; i < timed_count; i++) {
        next = actors[timed[i]].until < next ? actors[timed[i]].until : next;
    }
    CHECK(rouse_deadlines_next(&deadlines) == next);
    for (int i = 0; i < WAITERS; i++) {
        if (actors[i].state == QUEUED) {
            CHECK(rouse_waiter_status(&actors[i].block->plain) == ROUSE_PENDING);
        } else if (actors[i].state == DUE) {
            CHECK(rouse_waiter_status(&actors[i].block->plain) == actors[i].outcome);
            if (actors[i].polled) { /* seen, so it is its owner's again */
                is_idle(i);
            }
        }
    }
}

static void begin(void) {
    memset(&model, 0, sizeof model);
    memset(actors, 0, sizeof actors);
    due_count = posted_count = timed_count = running_count = depth = 0;
    model.permits[LIMIT] = 2;
    model.most_waiting[LIMIT] = 4;
    model.inside = 1;
    model.permits[SECOND] = 1;
    model.most_waiting[SECOND] = 2;
    CHECK(rouse_limit_init(&limit, 2, 4) == ROUSE_OK);
    CHECK(rouse_limit_init(&second, 1, 2) == ROUSE_OK);
    rouse_event_init(&event);
    rouse_gate_init(&gate, 1);
    rouse_condvar_init(&condvar);
    rouse_mutex_init(&mutex);
    CHECK(rouse_rwlock_init(&rwlock, READERS) == ROUSE_OK);
    CHECK(rouse_channel_init(&channel, slots, CAPACITY, sizeof slots[0]) == ROUSE_OK);
    rouse_once_init(&once);
    CHECK(rouse_barrier_init(&barrier, PARTIES) == ROUSE_OK);
    rouse_deadlines_init(&deadlines);
    rouse_mailbox_init(&mailbox, kick, NULL);
    for (int i = 0; i < WAITERS; i++) {
        replace_memory(i);
    }
}

static void end(void) {
    actions = 0;
    for (int i = 0; i < OBJECTS; i++) {
        close_call(i);
        compare();
    }
    event_call(0);
    gate_call(model.inside, 2);
    once_call(0);
    compare();
    while (model.held || model.queues[MUTEX].count != 0) {
        unlock_call();
        compare();
    }
    for (int i = 0; model.queues[BARRIER].count != 0; i++) {
        wait_call(BARRIER, i, 1, 0);
        compare();
    }
    drain_call();
    compare();
    for (int i = 0; i < WAITERS; i++) {
        CHECK(actors[i].state == IDLE);
        free(actors[i].block);
    }
    rouse_mailbox_destroy(&mailbox);
    rouse_deadlines_destroy(&deadlines);
    rouse_barrier_destroy(&barrier);
    rouse_once_destroy(&once);
    rouse_channel_destroy(&channel);
    rouse_rwlock_destroy(&rwlock);
    rouse_mutex_destroy(&mutex);
    rouse_condvar_destroy(&condvar);
    rouse_gate_destroy(&gate);
    rouse_event_destroy(&event);
    rouse_limit_destroy(&second);
    rouse_limit_destroy(&limit);
}

static void call_and_compare(uint8_t what, uint8_t who, uint8_t number, uint8_t how) {
    actions = ACTIONS;
    one_call(what, who, number, how);
    compare();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    begin();
    calls_of_input(data, size, call_and_compare);
    end();
    return 0;
}
