/* tests/fuzz/threads.c: bytes become calls of three threads on several objects, and a schedule. What the
 * calls did must be what the reference model could have done.
 *
 * A libFuzzer target, one for each backend. The threads are those of a deterministic scheduler
 * (tests/support/fibers.h): the input says which of them continues at which scheduling point, before and
 * after every atomic operation. A few calls come before and after, one at a time.
 *
 * The test notes each call with its beginning, its end and its answer. At the end it looks, for each object,
 * for an order of the calls in which the model gives all these answers. (The model is a balance and a list,
 * one call at a time.) Each waiter must also get its outcome and the object its balance. A call that had
 * ended before another began comes before it. If there is no such order, that is a finding.
 * Where a backend promises less than "as if one at a time", so does the order. A wake of n may act like n
 * wakes of one, and what a cancelled or closed request for several had already been given may be handed on a
 * little later.
 *
 * The input may put the semaphore and the mutex into throughput mode. Their waiters answer in their wakes, and a
 * waiter of the model takes what is free, or declines, at any moment. Such a mutex is unlocked by its holder only.
 *
 * A waiter's memory is freed the moment the contract gives it back, so a late touch is one for the address
 * sanitizer. */
#include "../support/fibers.h"

#include <pthread.h>
#include <sched.h>
#include <stdio.h>

/* A thread that must wait for another gives way. */
static int wait_for_others(void) {
    if (fibers.running >= 0) {
        fiber_give_way();
    }
    return 0;
}
static int lock_or_wait(pthread_mutex_t *m) {
    while (pthread_mutex_trylock(m) != 0) {
        (void)wait_for_others();
    }
    return 0;
}
#define sched_yield()             wait_for_others()
#define ROUSE_PLATFORM_SLEEP_(ns) ((void)(ns), (void)wait_for_others())
#define pthread_mutex_lock(m)     lock_or_wait(m)

#include <rouse/rouse.h>

#include "input.h" /* behind the library: its names are short */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHECK_CONTEXT "%s", ": the model says otherwise"
#define CHECK_END()   (print_history(), abort())
#include "../support/check.h"

enum { QUEUE, SEMAPHORE, NOTIFY, MUTEX, OBJECTS };
enum { THREADS = 3, CALLS_BEFORE = 6, CALLS_EACH = 4, CALLS_AFTER = 4, CALLS = 22 };
enum kind { WAIT, TRY, WAKE, WAKE_ONE, WAKE_ALL, CANCEL, CLOSE, KINDS };
static const char *const kind_names[] = {"wait", "try", "wake", "wake one", "wake all", "cancel", "close"};
static const char *const object_names[] = {"queue", "semaphore", "notify", "mutex"};

/* A call, and the waiter of a wait. */
typedef struct call {
    enum kind kind;
    int object;
    uint32_t n, cap;
    int target; /* CANCEL: the call that queued  */
    bool polled;
    bool declines; /* throughput mode, when it is invited */
    bool made;     /* it made sense when its turn came */
    uint64_t begin, end;
    int64_t answer;
    /* of a wait that answered ROUSE_PENDING */
    rouse_waiter *waiter; /* a separate block, freed as soon as it may be; NULL: freed */
    int busy;             /* how many calls hold on to it */
    bool queued, cancelled;
    int wakes;
    rouse_status outcome; /* ROUSE_PENDING: none yet */
} call;

static call calls[CALLS];
static int call_count;
static rouse_waiter_queue *objects[OBJECTS]; /* every object is nothing but its queue */
static uint32_t bound;                       /* throughput mode's; 0: strict */

static bool is_open(int object) {
    return bound != 0 && (object == SEMAPHORE || object == MUTEX);
}

static void print_history(void) {
    for (int i = 0; i < call_count; i++) {
        const call *const c = &calls[i];
        if (c->made) {
            fprintf(stderr,
                    "%4d %-9s %-8s n %u cap %u of %d%s: points %llu to %llu, answer %lld, outcome %d%s\n", i,
                    object_names[c->object], kind_names[c->kind], (unsigned)c->n, (unsigned)c->cap, c->target,
                    c->polled ? " polled" : "", (unsigned long long)c->begin, (unsigned long long)c->end,
                    (long long)c->answer, (int)c->outcome, c->cancelled ? " cancelled" : "");
        }
    }
}

/* ---- the calls ---------------------------------------------------------------------------------------------------- */

/* An invited waiter's answer. */
static rouse_status answer(call *c) {
    rouse_semaphore *const s = (rouse_semaphore *)(void *)objects[c->object];
    rouse_status status = ROUSE_CANCELLED;
    c->busy++;
    if (c->declines) {
        rouse_semaphore_decline(s, c->waiter);
    } else {
        status = rouse_semaphore_resume(s, c->waiter);
    }
    c->busy--;
    return status;
}

static void woken(rouse_waiter *w, rouse_status status) {
    call *const c = (call *)rouse_waiter_data(w);
    CHECK(w == c->waiter && c->wakes == 0 && !c->cancelled && rouse_waiter_status(w) == status);
    CHECK(status != ROUSE_RETRY || is_open(c->object));
    if (status == ROUSE_RETRY) {
        status = answer(c);
    }
    if (status == ROUSE_PENDING) {
        if (c->wakes != 0 && c->busy == 0) { /* invited again meanwhile, and served on another thread */
            free(w);
            c->waiter = NULL;
        }
        return;
    }
    c->wakes++;
    c->outcome = status;
    if (!c->busy) {
        free(w);
        c->waiter = NULL;
    }
}

static void do_wait(call *c) {
    c->waiter = (rouse_waiter *)malloc(sizeof *c->waiter);
    CHECK(c->waiter != NULL);
    memset(c->waiter, 0xa5, sizeof *c->waiter);
    rouse_waiter_init(c->waiter, c->polled ? NULL : woken, c);
    c->busy++; /* this call holds on to it */
    c->outcome = ROUSE_PENDING;
    c->answer = rouse_waiter_queue_wait(objects[c->object], c->waiter, c->n);
    c->busy--;
    c->queued = c->answer == ROUSE_PENDING;
    CHECK(c->queued || c->wakes == 0);
    if (!c->queued || c->wakes != 0) {
        free(c->waiter);
        c->waiter = NULL;
    }
}

static void do_cancel(call *c) {
    call *const of = &calls[c->target];
    of->busy++;
    c->answer = rouse_waiter_queue_cancel(objects[of->object], of->waiter);
    if (c->answer) {
        CHECK(of->wakes == 0);
        of->cancelled = true;
    } else if (of->polled) {
        of->outcome = rouse_waiter_status(of->waiter);
        CHECK(of->outcome != ROUSE_PENDING);
    }
    if (c->answer || of->polled || of->wakes != 0) {
        free(of->waiter);
        of->waiter = NULL;
    }
    of->busy--; /* not before: the look at the status is a scheduling point */
}

/* Does somebody hold the mutex who has not begun to unlock it? */
static bool mutex_is_held(void) {
    int held = 0;
    for (int i = 0; i < call_count; i++) {
        const call *const c = &calls[i];
        if (c->made && c->object == MUTEX) {
            held +=
                c->kind == WAIT && c->end != 0 && (c->queued ? (int64_t)c->outcome : c->answer) == ROUSE_OK;
            held += c->kind == TRY && c->answer != 0;
            held -= c->kind == WAKE;
        }
    }
    return held > 0;
}

static void do_call(call *c) {
    rouse_waiter_queue *const q = objects[c->object];
    if (c->kind == WAKE && c->object == MUTEX && is_open(MUTEX) && !mutex_is_held()) {
        return; /* mutex.h says what one unlock too many may do in throughput mode */
    }
    if (c->kind == CANCEL) {
        const call *const of = &calls[c->target];
        if (!of->queued || of->waiter == NULL || of->busy) {
            return; /* nothing to cancel, or its memory has been given back */
        }
        c->object = of->object;
    }
    c->made = true;
    c->begin = seam.passed;
    switch (c->kind) {
    case WAIT:
        do_wait(c);
        break;
    case TRY:
        c->answer = rouse_waiter_queue_try_wait(q, c->n);
        break;
    case WAKE:
        c->answer = c->object == MUTEX   ? rouse_mutex_unlock((rouse_mutex *)(void *)q)
                    : is_open(c->object) ? rouse_semaphore_release((rouse_semaphore *)(void *)q, 1)
                                         : rouse_waiter_queue_wake(q, c->n, c->cap);
        break;
    case WAKE_ONE:
        c->answer = rouse_waiter_queue_wake_one(q);
        break;
    case WAKE_ALL:
        c->answer = rouse_waiter_queue_wake_all(q);
        break;
    case CANCEL:
        do_cancel(c);
        break;
    default:
        c->answer = rouse_waiter_queue_close(q);
        break;
    }
    c->end = ++seam.passed;
}

static void read_call(void) {
    static const enum kind kinds[] = {WAIT, WAIT, WAIT, WAIT, WAIT,   WAKE,   WAKE,   WAKE,
                                      WAKE, TRY,  WAKE, WAIT, CANCEL, CANCEL, CANCEL, WAKE_ONE};
    const uint8_t what = next_byte();
    const uint8_t how = next_byte();
    call *const c = &calls[call_count++];
    memset(c, 0, sizeof *c);
    c->kind = kinds[what % 16];
    if (c->kind == WAKE_ONE && how % 4 == 1) {
        c->kind = WAKE_ALL;
    } else if (c->kind == WAKE_ONE && how % 16 == 2) {
        c->kind = CLOSE;
    }
    c->object = what / 16 % OBJECTS;
    c->n = c->object >= NOTIFY || how % 4 != 0 ? 1 : 2 + how / 4 % 2;
    c->cap = c->object == SEMAPHORE                      ? ROUSE_MAX_PERMITS
             : c->object == NOTIFY || c->object == MUTEX ? 1
                                                         : how / 8 % 3 * 2;
    c->polled = how % 32 >= 16;
    c->declines = how / 32 == 7;
    c->target = c->kind == CANCEL ? how % call_count : -1;
    c->outcome = ROUSE_PENDING;
    if ((c->object == MUTEX || is_open(c->object)) && (c->kind == WAKE_ONE || c->kind == WAKE_ALL)) {
        c->kind = WAKE;
    }
    if (is_open(c->object)) {
        c->n = 1;
    }
}

/* ---- the model ---------------------------------------------------------------------------------------------------- */

typedef struct model {
    int64_t stored;
    bool closed;
    int count;
    uint8_t list[CALLS];
    uint8_t lacks[CALLS];  /* by call */
    int8_t outcome[CALLS]; /* by call */
    uint8_t parts[CALLS];  /* WAKE: permits not given yet; other calls: 1, then 0 */
    uint32_t floating;     /* credit of requests that were cancelled or closed */
    uint32_t passed;       /* throughput mode: newcomers since the oldest waiter got in */
} model;

static void model_take_out(model *m, int index) {
    memmove(&m->list[index], &m->list[index + 1], (size_t)(m->count - index - 1));
    m->count--;
}

/* One permit. True: somebody has all that it lacked now. */
static bool model_give(model *m, int64_t cap) {
    if (m->count != 0) {
        const int id = m->list[0];
        if (--m->lacks[id] == 0) {
            model_take_out(m, 0);
            m->outcome[id] = ROUSE_OK;
            return true;
        }
    } else if (m->stored < cap) {
        m->stored++;
    }
    return false;
}

static int64_t model_empty(model *m, rouse_status outcome) {
    const int all = m->count;
    while (m->count != 0) {
        const int id = m->list[0];
        m->floating += outcome == ROUSE_CLOSED ? calls[id].n - m->lacks[id] : 0;
        m->outcome[id] = (int8_t)outcome;
        model_take_out(m, 0);
    }
    return all;
}

/* Throughput mode: may a newcomer take 1? */
static bool model_admits(const model *m) {
    return !m->closed && m->stored > 0 && (m->count == 0 || m->passed < bound);
}
static void model_take(model *m) {
    m->stored--;
    m->passed = m->count == 0 ? 0 : m->passed + 1;
}
/* May it refuse a newcomer? While somebody waits, LOCKFREE's count may be too high; and with MUTEX and LOCKFREE
 * the call with which the last waiter goes has what is free in its hands for a moment. */
static bool model_refuses(const model *m) {
    return !model_admits(m) || (ROUSE_BACKEND != ROUSE_BACKEND_SPIN && m->count != 0);
}
static void model_answered(model *m, int index, rouse_status outcome) {
    m->outcome[m->list[index]] = (int8_t)outcome;
    m->passed = index == 0 && outcome == ROUSE_OK ? 0 : m->passed;
    m->stored -= outcome == ROUSE_OK ? 1 : 0;
    model_take_out(m, index);
    m->passed = m->count == 0 ? 0 : m->passed;
}
/* A call of throughput mode. False: it would have answered something else. */
static bool model_open_step(model *m, int id) {
    const call *const c = &calls[id];
    switch (c->kind) {
    case WAIT:
        if (c->answer == ROUSE_CLOSED) {
            m->outcome[id] = ROUSE_CLOSED;
            return m->closed;
        }
        if (c->answer == ROUSE_OK && model_admits(m)) {
            m->outcome[id] = ROUSE_OK;
            model_take(m);
            return true;
        }
        if (m->closed || !model_refuses(m)) {
            return false;
        }
        m->outcome[id] = ROUSE_PENDING;
        m->lacks[id] = 1;
        m->list[m->count++] = (uint8_t)id;
        return true;
    case TRY:
        if (c->answer == 0) {
            return model_refuses(m);
        }
        if (!model_admits(m)) {
            return false;
        }
        model_take(m);
        return true;
    case WAKE:
        if (c->object == MUTEX && m->stored > 0) {
            return true; /* as in model_step */
        }
        m->stored++;
        return c->answer == ROUSE_OK;
    case CANCEL:
        for (int i = 0; i < m->count; i++) {
            if (m->list[i] == c->target) {
                if (c->answer != 0) {
                    model_take_out(m, i);
                    m->passed = m->count == 0 ? 0 : m->passed;
                }
                return true; /* false while it is invited */
            }
        }
        return c->answer == 0;
    default:
        m->closed = true;
        while (m->count != 0) {
            m->outcome[m->list[0]] = ROUSE_CLOSED;
            model_take_out(m, 0);
        }
        return true;
    }
}

static int64_t model_wait(model *m, int id) {
    const uint32_t n = calls[id].n;
    if (m->closed) {
        m->outcome[id] = ROUSE_CLOSED;
        return ROUSE_CLOSED;
    }
    if (m->count == 0 && m->stored >= n) {
        m->stored -= n;
        m->outcome[id] = ROUSE_OK;
        return ROUSE_OK;
    }
    m->outcome[id] = ROUSE_PENDING;
    m->list[m->count++] = (uint8_t)id;
    m->lacks[id] = (uint8_t)(n - (uint32_t)m->stored);
    m->stored = 0;
    return ROUSE_PENDING;
}

static int64_t model_cancel(model *m, int id) {
    for (int i = 0; i < m->count; i++) {
        if (m->list[i] == id) {
            m->floating += calls[id].n - m->lacks[id];
            model_take_out(m, i);
            return true;
        }
    }
    return false;
}

/* The number that wake_one, wake_all and close answer may count a request for several that is on its way by its permits. */
static bool counts_are_exact(int object) {
    for (int i = 0; i < call_count; i++) {
        if (calls[i].made && calls[i].object == object && calls[i].kind == WAIT && calls[i].n != 1) {
            return false;
        }
    }
    return true;
}

/* Call i, or one part of it, as the model does it. False: it would have answered something else. */
static bool model_step(model *m, int i, bool exact) {
    const call *const c = &calls[i];
    m->parts[i]--;
    if (is_open(c->object)) {
        return model_open_step(m, i);
    }
    switch (c->kind) {
    case WAIT: {
        /* Served before it could sleep, its answer is the outcome. */
        const int64_t answer = model_wait(m, i);
        return answer == c->answer || (answer == ROUSE_PENDING && c->answer != ROUSE_PENDING);
    }
    case TRY: {
        const bool can = !m->closed && m->count == 0 && m->stored >= c->n;
        m->stored -= can ? c->n : 0;
        return can == (c->answer != 0);
    }
    case WAKE:
        if (c->object == MUTEX && m->count == 0 && m->stored > 0) {
            return true; /* refused; or too late to be, if others unlocked it meanwhile: nothing is changed either way */
        }
        (void)model_give(m, c->cap);
        return c->answer == ROUSE_OK;
    case WAKE_ONE: {
        const bool one = model_give(m, 0);
        return !exact || one == (c->answer != 0);
    }
    case WAKE_ALL: {
        const int64_t all = model_empty(m, ROUSE_OK);
        return !exact || all == c->answer;
    }
    case CANCEL:
        return model_cancel(m, c->target) == (c->answer != 0);
    default: {
        const int64_t all = model_empty(m, ROUSE_CLOSED);
        m->closed = true;
        return !exact || all == c->answer;
    }
    }
}

static uint64_t steps_left;

/* Everything is done: are the waiters and the balance as they were found? */
static bool as_found(const model *m, int object, int64_t balance) {
    int64_t lacks = 0;
    if (m->floating != 0) {
        return false;
    }
    for (int i = 0; i < m->count; i++) {
        lacks += m->lacks[m->list[i]];
    }
    for (int i = 0; i < call_count; i++) {
        const call *const c = &calls[i];
        if (c->made && c->object == object && c->kind == WAIT && !c->cancelled &&
            m->outcome[i] != (int8_t)(c->queued ? (int64_t)c->outcome : c->answer)) {
            return false;
        }
    }
    return m->stored - lacks == balance;
}

/* Is there an order of the calls that are left? */
static bool explain(const model *m, int object, int64_t balance, bool exact) {
    uint64_t first_end = UINT64_MAX;
    bool done = true;
    if (steps_left == 0) {
        return true; /* too many orders to try them all: no verdict */
    }
    steps_left--;
    for (int i = 0; i < call_count; i++) {
        if (calls[i].made && calls[i].object == object && m->parts[i] != 0) {
            done = false;
            first_end = calls[i].end < first_end ? calls[i].end : first_end;
        }
    }
    if (done && as_found(m, object, balance)) {
        return true;
    }
    for (int i = 0; i < call_count; i++) {
        if (calls[i].made && calls[i].object == object && m->parts[i] != 0 && calls[i].begin <= first_end) {
            model next = *m;
            if (model_step(&next, i, exact) && explain(&next, object, balance, exact)) {
                return true;
            }
        }
    }
    for (int i = 0; is_open(object) && i < m->count; i++) {
        const call *const c = &calls[m->list[i]];
        const rouse_status outcome = c->queued ? c->outcome : (rouse_status)c->answer;
        if ((outcome == ROUSE_OK && m->stored > 0) || (outcome == ROUSE_CANCELLED && c->declines)) {
            model next = *m;
            model_answered(&next, i, outcome);
            if (explain(&next, object, balance, exact)) {
                return true;
            }
        }
    }
    if (m->floating != 0) {
        model next = *m;
        next.floating--;
        (void)model_give(&next, INT64_MAX);
        return explain(&next, object, balance, exact);
    }
    return false;
}

static void explain_all(void) {
    static const uint32_t credits[OBJECTS] = {0, 1, 0, 1};
    for (int object = 0; object < OBJECTS; object++) {
        model m;
        memset(&m, 0, sizeof m);
        m.stored = credits[object];
        for (int i = 0; i < call_count; i++) {
            m.outcome[i] = ROUSE_PENDING;
            m.parts[i] = (uint8_t)(calls[i].kind == WAKE ? calls[i].n : 1);
        }
        steps_left = 200000;
        CHECK(explain(&m, object, rouse_waiter_queue_balance(objects[object]), counts_are_exact(object)));
    }
}

/* ---- one input -------------------------------------------------------------------------------------------------------- */

static void begin(void) {
    static const uint32_t credits[OBJECTS] = {0, 1, 0, 1};
    memset(&seam, 0, sizeof seam);
    call_count = 0;
    for (int i = 0; i < OBJECTS; i++) {
        objects[i] = (rouse_waiter_queue *)malloc(sizeof *objects[i]);
        if (objects[i] == NULL) {
            abort();
        }
        if (is_open(i)) {
            CHECK(rouse_semaphore_init_throughput((rouse_semaphore *)(void *)objects[i], credits[i], bound) ==
                  ROUSE_OK);
        } else {
            rouse_waiter_queue_init(objects[i], credits[i]);
        }
    }
}

static void gave_up(void) {
    fprintf(stderr, "a call does not come to its end\n");
    print_history();
    abort();
}

/* What the calls of thread t are: from where to where. */
static int first_call[THREADS + 1];
static void one_thread(void *number) {
    const int t = (int)(intptr_t)number;
    for (int i = first_call[t]; i < first_call[t + 1]; i++) {
        do_call(&calls[i]);
    }
}

static void threads_run(void) {
    static const uint8_t lengths[] = {1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 15, 19, 24, 30, 40, 60};
    unsigned turn = 0;
    for (int t = 0; t < THREADS; t++) {
        fiber_start(t, one_thread, (void *)(intptr_t)t);
    }
    seam.stopped = fiber_give_way;
    seam.overrun = gave_up;
    seam.limit = seam.passed + 200000;
    while (!fiber_done(0) || !fiber_done(1) || !fiber_done(2)) {
        const uint8_t b = next_byte();
        const bool chosen = bytes_left != 0;
        const int t = (int)((chosen ? b : turn++) % THREADS);
        if (!fiber_done(t)) {
            seam.stop_at = seam.passed + (chosen ? lengths[b / THREADS % 16] : 200);
            fiber_resume(t);
        }
    }
    seam.stop_at = seam.limit = 0;
}

static void look_at_polled(void) {
    for (int i = 0; i < call_count; i++) {
        call *const c = &calls[i];
        if (c->kind == WAIT && c->waiter != NULL && c->polled &&
            rouse_waiter_status(c->waiter) != ROUSE_PENDING) {
            c->outcome = rouse_waiter_status(c->waiter);
            free(c->waiter);
            c->waiter = NULL;
        }
    }
}

static void end(void) {
    for (int i = 0; i < OBJECTS; i++) {
        uint32_t queued = 0;
        for (int j = 0; j < call_count; j++) {
            queued += calls[j].queued && calls[j].object == i && calls[j].waiter != NULL ? 1 : 0;
        }
        CHECK(rouse_waiter_queue_waiter_count(objects[i]) == queued);
        (void)rouse_waiter_queue_close(objects[i]);
        look_at_polled();
        rouse_waiter_queue_destroy(objects[i]);
        free(objects[i]);
    }
    for (int j = 0; j < call_count; j++) {
        CHECK(calls[j].waiter == NULL);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const uint32_t bounds[] = {0, 1, 2, ROUSE_BYPASS};
    int before;
    int after;
    bytes = data;
    bytes_left = size;
    fibers_setup(&rouse_inbox_v2_, sizeof rouse_inbox_v2_);
    before = next_byte();
    bound = bounds[before / (CALLS_BEFORE + 1) % 4];
    before %= CALLS_BEFORE + 1;
    begin();
    for (int i = 0; i < before; i++) {
        read_call();
        do_call(&calls[i]);
    }
    for (int t = 0; t < THREADS; t++) {
        const int count = 1 + next_byte() % CALLS_EACH;
        first_call[t] = call_count;
        for (int i = 0; i < count; i++) {
            read_call();
        }
    }
    first_call[THREADS] = call_count;
    after = next_byte() % (CALLS_AFTER + 1);
    for (int i = 0; i < after; i++) {
        read_call();
    }
    threads_run();
    for (int i = 0; i < after; i++) {
        do_call(&calls[first_call[THREADS] + i]);
    }
    look_at_polled();
    explain_all();
    end();
    return 0;
}
