/* The self-checking program of the portability tests: needs a C library and its threads, nothing else.
 *
 *   portable_test [rounds]
 *
 * It checks the calls' contracts on one thread. Then it makes random calls against a plain model (the seed
 * is fixed, so a failure can be repeated on any machine). Then threads block, time out and post to a
 * mailbox. Compiles as C11 and as C++11, once for each backend. Exit status 0, and the closing line
 * "portable: backend B: N checks, 0 failed". */
#include <rouse/rouse.h>

#include "portable_other.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static unsigned long checks, failed;

#define CHECK(condition) check((condition), #condition, __LINE__)

static void check(bool ok, const char *what, int line) {
    checks++;
    if (!ok) {
        failed++;
        printf("portable_test.c:%d: failed: %s\n", line, what);
    }
}

/* ---- waiters that note their outcome --------------------------------------------------------------------- */

typedef struct task {
    rouse_waiter waiter;
    rouse_status told; /* ROUSE_PENDING: not yet                        */
    int turn;          /* its place in the order of the wakes since `turns` = 0 */
} task;

static int turns;

static void note(rouse_waiter *w, rouse_status status) {
    task *const t = (task *)rouse_waiter_data(w);
    t->told = status;
    t->turn = ++turns;
}

static void prepare(task *tasks, int count) {
    int i;
    turns = 0;
    for (i = 0; i < count; i++) {
        rouse_waiter_init(&tasks[i].waiter, note, &tasks[i]);
        tasks[i].told = ROUSE_PENDING;
        tasks[i].turn = 0;
    }
}

/* ---- contracts, on one thread ------------------------------------------------------------------------------ */

static void test_waiter(void) {
    static const rouse_status all[] = {ROUSE_OK,    ROUSE_PENDING,  ROUSE_CLOSED, ROUSE_TIMEDOUT,
                                       ROUSE_NOMEM, ROUSE_OVERFLOW, ROUSE_INVALID};
    size_t i, j;
    for (i = 0; i < sizeof all / sizeof all[0]; i++) {
        for (j = 0; j < i; j++) {
            CHECK(strcmp(rouse_status_string(all[i]), rouse_status_string(all[j])) != 0);
        }
    }
    CHECK(strcmp(rouse_status_string(ROUSE_TIMEDOUT), "ROUSE_TIMEDOUT") == 0);
    CHECK(sizeof(rouse_waiter) <= 64);
}

static void test_semaphore(void) {
    static rouse_semaphore s = ROUSE_SEMAPHORE_INIT(3);
    task t[4];
    prepare(t, 4);
    CHECK(rouse_semaphore_available(&s) == 3);
    CHECK(rouse_semaphore_acquire(&s, &t[0].waiter, 2) == ROUSE_OK);
    CHECK(rouse_semaphore_acquire(&s, &t[1].waiter, 3) == ROUSE_PENDING);
    CHECK(rouse_semaphore_acquire(&s, &t[2].waiter, 1) == ROUSE_PENDING);
    CHECK(rouse_semaphore_acquire(&s, &t[3].waiter, 1) == ROUSE_PENDING);
    CHECK(!rouse_semaphore_try_acquire(&s, 1)); /* one is free, and goes to the oldest */
    CHECK(rouse_semaphore_waiter_count(&s) == 3);
    CHECK(rouse_semaphore_release(&s, 1) == ROUSE_OK);
    CHECK(turns == 0);
    CHECK(rouse_semaphore_cancel(&s, &t[2].waiter));
    CHECK(rouse_semaphore_waiter_count(&s) == 2);
    CHECK(rouse_semaphore_release(&s, 2) == ROUSE_OK);
    CHECK(t[1].told == ROUSE_OK && t[1].turn == 1 && t[2].turn == 0 && t[3].told == ROUSE_OK &&
          t[3].turn == 2);
    CHECK(rouse_waiter_status(&t[1].waiter) == ROUSE_OK);
    CHECK(!rouse_semaphore_cancel(&s, &t[1].waiter));
    CHECK(rouse_semaphore_acquire(&s, &t[0].waiter, ROUSE_MAX_PERMITS + 1u) == ROUSE_INVALID);
    CHECK(rouse_semaphore_release(&s, ROUSE_MAX_PERMITS) == ROUSE_OK);
    CHECK(rouse_semaphore_release(&s, 1) == ROUSE_OVERFLOW);
    CHECK(rouse_semaphore_reduce(&s, UINT32_MAX) == ROUSE_MAX_PERMITS);
    CHECK(rouse_semaphore_available(&s) == 0);
    rouse_semaphore_destroy(&s);
}

/* The head has some of what it asked for; when it is cancelled, those behind it are served with that. */
static void test_cancel_hands_on(void) {
    rouse_semaphore s;
    task t[3];
    rouse_semaphore_init(&s, 2);
    prepare(t, 3);
    CHECK(rouse_semaphore_acquire(&s, &t[0].waiter, 5) == ROUSE_PENDING);
    CHECK(rouse_semaphore_acquire(&s, &t[1].waiter, 1) == ROUSE_PENDING);
    CHECK(rouse_semaphore_acquire(&s, &t[2].waiter, 1) == ROUSE_PENDING);
    CHECK(rouse_semaphore_release(&s, 1) == ROUSE_OK && turns == 0);
    CHECK(rouse_semaphore_cancel(&s, &t[0].waiter));
    CHECK(t[1].turn == 1 && t[2].turn == 2 && rouse_semaphore_available(&s) == 1);
    rouse_semaphore_destroy(&s);
}

static void test_close(void) {
    rouse_semaphore s;
    task t[2];
    rouse_semaphore_init(&s, 1);
    prepare(t, 2);
    CHECK(rouse_semaphore_acquire(&s, &t[0].waiter, 3) == ROUSE_PENDING);
    CHECK(rouse_semaphore_acquire(&s, &t[1].waiter, 1) == ROUSE_PENDING);
    CHECK(!rouse_semaphore_is_closed(&s) && rouse_semaphore_close(&s) == 2 && rouse_semaphore_is_closed(&s));
    CHECK(t[0].told == ROUSE_CLOSED && t[1].told == ROUSE_CLOSED && t[0].turn == 1);
    CHECK(rouse_semaphore_available(&s) == 1 && !rouse_semaphore_try_acquire(&s, 1));
    CHECK(rouse_semaphore_acquire(&s, &t[0].waiter, 1) == ROUSE_CLOSED);
    CHECK(rouse_semaphore_acquire_blocking(&s, 1) == ROUSE_CLOSED);
    CHECK(rouse_semaphore_release(&s, 1) == ROUSE_OK && rouse_semaphore_available(&s) == 2);
    rouse_semaphore_destroy(&s);
}

static void test_notify(void) {
    static rouse_notify n; /* all zero is valid */
    task t[3];
    prepare(t, 3);
    rouse_notify_one(&n);
    rouse_notify_one(&n);
    CHECK(rouse_notify_wait(&n, &t[0].waiter) == ROUSE_OK);
    CHECK(rouse_notify_wait(&n, &t[0].waiter) == ROUSE_PENDING);
    CHECK(rouse_notify_wait(&n, &t[1].waiter) == ROUSE_PENDING);
    rouse_notify_one(&n);
    CHECK(t[0].turn == 1 && t[1].turn == 0);
    rouse_notify_pass_on(&n, &t[0].waiter);
    CHECK(t[1].turn == 2);
    CHECK(rouse_notify_wait(&n, &t[2].waiter) == ROUSE_PENDING);
    CHECK(rouse_notify_all(&n) == 1 && t[2].turn == 3);
    rouse_notify_pass_on(&n, &t[2].waiter); /* from notify_all: nothing to pass on */
    CHECK(rouse_notify_wait_timed(&n, 0) == ROUSE_TIMEDOUT);
    rouse_notify_destroy(&n);
}

static void test_mutex(void) {
    static rouse_mutex m = ROUSE_MUTEX_INIT;
    task t[2];
    prepare(t, 2);
    CHECK(rouse_mutex_lock(&m, &t[0].waiter) == ROUSE_OK && rouse_mutex_is_locked(&m));
    CHECK(!rouse_mutex_try_lock(&m) && rouse_mutex_lock(&m, &t[1].waiter) == ROUSE_PENDING);
    CHECK(rouse_mutex_unlock(&m) == ROUSE_OK && t[1].told == ROUSE_OK && rouse_mutex_is_locked(&m));
    CHECK(rouse_mutex_unlock(&m) == ROUSE_OK && !rouse_mutex_is_locked(&m));
#ifndef ROUSE_DEBUG
    CHECK(rouse_mutex_unlock(&m) == ROUSE_INVALID);
#endif
    CHECK(rouse_mutex_lock_timed(&m, 0) == ROUSE_OK && rouse_mutex_lock_timed(&m, 1000000) == ROUSE_TIMEDOUT);
    CHECK(rouse_mutex_unlock(&m) == ROUSE_OK);
    rouse_mutex_destroy(&m);
}

static bool is_set(void *flag) {
    return *(bool *)flag;
}

static void test_waiter_queue(void) {
    static rouse_waiter_queue q = ROUSE_WAITER_QUEUE_INIT(0);
    bool flag = true;
    task t[2];
    prepare(t, 2);
    CHECK(rouse_waiter_queue_add_waiter_if(&q, &t[0].waiter, is_set, &flag) == ROUSE_OK);
    flag = false;
    CHECK(rouse_waiter_queue_add_waiter_if(&q, &t[0].waiter, is_set, &flag) == ROUSE_PENDING);
    CHECK(rouse_waiter_queue_wait(&q, &t[1].waiter, 2) == ROUSE_PENDING);
    CHECK(rouse_waiter_queue_balance(&q) == -3);
    CHECK(rouse_waiter_queue_wake_one(&q) && !rouse_waiter_queue_wake_one(&q));
    CHECK(rouse_waiter_queue_balance(&q) == -1 && rouse_waiter_queue_wake_all(&q) == 1);
    CHECK(!rouse_waiter_queue_wake_one(&q) && rouse_waiter_queue_balance(&q) == 0);
    CHECK(rouse_waiter_queue_reserve(&q, 100) == ROUSE_OK);
    rouse_waiter_queue_destroy(&q);
}

/* A mutex handed on from wake to wake, by calls of two translation units in turn. The stack stays flat, so
 * a long chain is no deeper than a short one. */
typedef struct hop {
    rouse_waiter waiter;
    rouse_mutex *mutex;
    bool by_other_unit;
} hop;

static unsigned depth, deepest;

static void unlock_when_woken(rouse_waiter *w, rouse_status status) {
    hop *const h = (hop *)rouse_waiter_data(w);
    depth++;
    deepest = depth > deepest ? depth : deepest;
    CHECK(status == ROUSE_OK);
    CHECK((h->by_other_unit ? other_unlock(h->mutex) : rouse_mutex_unlock(h->mutex)) == ROUSE_OK);
    depth--;
}

static void test_chain(void) {
    enum { HOPS = 20000 };
    rouse_mutex m;
    hop *const hops = (hop *)malloc(HOPS * sizeof *hops);
    int i;
    rouse_mutex_init(&m);
    CHECK(hops != NULL && rouse_mutex_try_lock(&m));
    for (i = 0; hops != NULL && i < HOPS; i++) {
        hops[i].mutex = &m;
        hops[i].by_other_unit = i % 2 != 0;
        rouse_waiter_init(&hops[i].waiter, unlock_when_woken, &hops[i]);
        CHECK(rouse_mutex_lock(&m, &hops[i].waiter) == ROUSE_PENDING);
    }
    CHECK(rouse_mutex_unlock(&m) == ROUSE_OK && deepest == 1 && !rouse_mutex_is_locked(&m));
    rouse_mutex_destroy(&m);
    free(hops);
}

/* ---- random calls against a model ---------------------------------------------------------------------------- */

static uint32_t dice_state = 20251123u;

static uint32_t dice(uint32_t sides) {
    dice_state = dice_state * 1664525u + 1013904223u;
    return (dice_state >> 8) % sides;
}

enum { TASKS = 12 };

/* The model: tasks in the queue, oldest first, what each lacks and had asked for, and the stored permits. */
typedef struct model {
    int queue[TASKS];
    uint32_t lacks[TASKS], asked[TASKS];
    int length;
    uint32_t stored;
    int served[TASKS]; /* since the last clear, in order */
    int served_count;
} model;

static void model_drop(model *m, int place) {
    m->length--;
    memmove(&m->queue[place], &m->queue[place + 1], (size_t)(m->length - place) * sizeof m->queue[0]);
}

static void model_give(model *m, uint32_t n) {
    m->stored += n;
    while (m->length > 0 && m->stored > 0) {
        const int head = m->queue[0];
        const uint32_t part = m->stored < m->lacks[head] ? m->stored : m->lacks[head];
        m->lacks[head] -= part;
        m->stored -= part;
        if (m->lacks[head] == 0) {
            m->served[m->served_count++] = head;
            model_drop(m, 0);
        }
    }
}

static int model_place(const model *m, int id) {
    int place;
    for (place = 0; place < m->length && m->queue[place] != id; place++) {
    }
    return place;
}

static void random_acquire(rouse_semaphore *s, model *m, task *t, int id) {
    const uint32_t n = 1 + dice(4);
    const bool covered = m->length == 0 && m->stored >= n;
    t[id].told = ROUSE_PENDING;
    CHECK(rouse_semaphore_acquire(s, &t[id].waiter, n) == (covered ? ROUSE_OK : ROUSE_PENDING));
    if (covered) {
        m->stored -= n;
    } else {
        m->asked[id] = m->lacks[id] = n;
        m->queue[m->length++] = id;
        model_give(m, 0);
    }
}

static void random_cancel(rouse_semaphore *s, model *m, task *t, int id) {
    const int place = model_place(m, id);
    const uint32_t had = m->asked[id] - m->lacks[id];
    model_drop(m, place);
    CHECK(rouse_semaphore_cancel(s, &t[id].waiter));
    model_give(m, had);
}

/* Which waiters were woken, in which order, and what is stored and lacked, according to the model. */
static void compare(const rouse_semaphore *s, model *m, const task *t) {
    int64_t lacked = 0;
    int i;
    for (i = 0; i < m->length; i++) {
        lacked += m->lacks[m->queue[i]];
        CHECK(t[m->queue[i]].told == ROUSE_PENDING);
    }
    CHECK(turns == m->served_count);
    for (i = 0; i < m->served_count; i++) {
        CHECK(t[m->served[i]].told == ROUSE_OK && t[m->served[i]].turn == i + 1);
    }
    CHECK(rouse_semaphore_waiter_count(s) == (uint32_t)m->length);
    CHECK(rouse_waiter_queue_balance(&s->queue_) == (m->length != 0 ? -lacked : (int64_t)m->stored));
    m->served_count = 0;
    turns = 0;
}

static void test_random(unsigned rounds) {
    rouse_semaphore s;
    model m;
    task t[TASKS];
    unsigned i;
    memset(&m, 0, sizeof m);
    rouse_semaphore_init(&s, 0);
    prepare(t, TASKS);
    for (i = 0; i < rounds; i++) {
        const int id = (int)dice(TASKS);
        const bool queued = model_place(&m, id) < m.length;
        switch (dice(3)) {
        case 0:
            if (!queued) {
                random_acquire(&s, &m, t, id);
            }
            break;
        case 1:
            if (queued) {
                random_cancel(&s, &m, t, id);
            } else if (dice(2) == 0) {
                const uint32_t forgotten = rouse_semaphore_reduce(&s, 2);
                CHECK(forgotten == (m.stored < 2 ? m.stored : 2));
                m.stored -= forgotten;
            }
            break;
        default: {
            const uint32_t n = 1 + dice(3);
            model_give(&m, n);
            CHECK(rouse_semaphore_release(&s, n) == ROUSE_OK);
        }
        }
        compare(&s, &m, t);
    }
    CHECK(rouse_semaphore_close(&s) == (uint32_t)m.length);
    rouse_semaphore_destroy(&s);
}

/* ---- threads ------------------------------------------------------------------------------------------------------ */

#if defined(_WIN32)
#    include <windows.h> /* after the library: their declarations of one function agree */
typedef HANDLE thread;
#    define THREAD_FUNCTION static DWORD WINAPI
#    define THREAD_RETURN   0
static bool thread_start(thread *t, LPTHREAD_START_ROUTINE run, void *arg) {
    *t = CreateThread(NULL, 0, run, arg, 0, NULL);
    return *t != NULL;
}
static void thread_join(thread t) {
    (void)WaitForSingleObject(t, INFINITE);
    (void)CloseHandle(t);
}
#else
#    include <pthread.h>
typedef pthread_t thread;
#    define THREAD_FUNCTION static void *
#    define THREAD_RETURN   NULL
static bool thread_start(thread *t, void *(*run)(void *), void *arg) {
    return pthread_create(t, NULL, run, arg) == 0;
}
static void thread_join(thread t) {
    (void)pthread_join(t, NULL);
}
#endif

enum { THREADS = 4, PERMITS = 2 };

static struct {
    unsigned rounds;
    rouse_semaphore permits;
    rouse_mutex mutex;
    unsigned inside, most_inside, entered, timed_out; /* under the mutex */
    rouse_notify ping, pong;
    unsigned plain; /* handed to and fro by ping and pong: a lost update is a missing edge */
} shared;

/* Counts the tasks inside, in plain variables, under the library's own mutex. */
static void count_inside(int by) {
    (void)rouse_mutex_lock_blocking(&shared.mutex);
    shared.inside += (unsigned)by;
    shared.entered += by > 0 ? 1 : 0;
    shared.most_inside = shared.inside > shared.most_inside ? shared.inside : shared.most_inside;
    (void)rouse_mutex_unlock(&shared.mutex);
}

/* Enters `rounds` times; every third try gives up at once or after a moment, and then tries again in earnest. */
THREAD_FUNCTION contend(void *arg) {
    unsigned i;
    (void)arg;
    for (i = 0; i < shared.rounds; i++) {
        rouse_status status = ROUSE_TIMEDOUT;
        if (i % 3 == 0) {
            status = rouse_semaphore_acquire_timed(&shared.permits, 1, i % 2 == 0 ? 0 : 2000);
        }
        if (status == ROUSE_TIMEDOUT) {
            status = rouse_semaphore_acquire_blocking(&shared.permits, 1);
        }
        if (status == ROUSE_OK) {
            count_inside(1);
            count_inside(-1);
            (void)rouse_semaphore_release(&shared.permits, 1);
        }
    }
    return THREAD_RETURN;
}

THREAD_FUNCTION answer(void *arg) {
    unsigned i;
    (void)arg;
    for (i = 0; i < shared.rounds; i++) {
        (void)rouse_notify_wait_blocking(&shared.ping);
        shared.plain++;
        rouse_notify_one(&shared.pong);
    }
    return THREAD_RETURN;
}

static void test_threads(unsigned rounds) {
    thread t[THREADS];
    unsigned i;
    shared.rounds = rounds;
    rouse_semaphore_init(&shared.permits, PERMITS);
    rouse_mutex_init(&shared.mutex);
    CHECK(rouse_semaphore_reserve(&shared.permits, THREADS) == ROUSE_OK);
    CHECK(rouse_mutex_reserve(&shared.mutex, THREADS) == ROUSE_OK);
    for (i = 0; i < THREADS; i++) {
        CHECK(thread_start(&t[i], contend, NULL));
    }
    for (i = 0; i < THREADS; i++) {
        thread_join(t[i]);
    }
    CHECK(shared.entered == THREADS * rounds && shared.inside == 0);
    CHECK(shared.most_inside >= 1 && shared.most_inside <= PERMITS);
    CHECK(rouse_semaphore_available(&shared.permits) == PERMITS && !rouse_mutex_is_locked(&shared.mutex));
    rouse_semaphore_destroy(&shared.permits);
    rouse_mutex_destroy(&shared.mutex);
}

static void test_ping_pong(unsigned rounds) {
    thread t;
    unsigned i;
    shared.rounds = rounds;
    shared.plain = 0;
    rouse_notify_init(&shared.ping);
    rouse_notify_init(&shared.pong);
    CHECK(thread_start(&t, answer, NULL));
    for (i = 0; i < rounds; i++) {
        shared.plain++;
        rouse_notify_one(&shared.ping);
        CHECK(rouse_notify_wait_blocking(&shared.pong) == ROUSE_OK && shared.plain == 2 * (i + 1));
    }
    thread_join(t);
    rouse_notify_destroy(&shared.ping);
    rouse_notify_destroy(&shared.pong);
}

/* A loop that sleeps on a notification: the kick is notify_one. The wakes run here, whichever thread
 * released. */
static struct {
    rouse_semaphore work;
    rouse_notify wake_up;
    rouse_mailbox mailbox;
    rouse_waiter waiter;
    unsigned arrived;
    bool in_drain, elsewhere;
} loop;

static void kick(void *arg) {
    rouse_notify_one((rouse_notify *)arg);
}

static void arrive(rouse_waiter *w, rouse_status status) {
    do {
        loop.arrived++;
        loop.elsewhere = loop.elsewhere || !loop.in_drain;
        status = rouse_semaphore_acquire(&loop.work, w, 1);
    } while (status == ROUSE_OK);
}

THREAD_FUNCTION produce(void *arg) {
    unsigned i;
    (void)arg;
    for (i = 0; i < shared.rounds; i++) {
        (void)rouse_semaphore_release(&loop.work, 1);
    }
    return THREAD_RETURN;
}

static void test_mailbox(unsigned rounds) {
    thread t[2];
    shared.rounds = rounds;
    rouse_semaphore_init(&loop.work, 0);
    rouse_notify_init(&loop.wake_up);
    rouse_mailbox_init(&loop.mailbox, kick, &loop.wake_up);
    rouse_waiter_init_on(&loop.waiter, &loop.mailbox, arrive, NULL);
    CHECK(rouse_semaphore_acquire(&loop.work, &loop.waiter, 1) == ROUSE_PENDING);
    CHECK(thread_start(&t[0], produce, NULL) && thread_start(&t[1], produce, NULL));
    while (loop.arrived < 2 * rounds) {
        CHECK(rouse_notify_wait_blocking(&loop.wake_up) == ROUSE_OK);
        loop.in_drain = true;
        (void)rouse_mailbox_drain(&loop.mailbox);
        loop.in_drain = false;
    }
    thread_join(t[0]);
    thread_join(t[1]);
    CHECK(!loop.elsewhere && rouse_semaphore_cancel(&loop.work, &loop.waiter));
    rouse_mailbox_destroy(&loop.mailbox);
    rouse_semaphore_destroy(&loop.work);
    rouse_notify_destroy(&loop.wake_up);
}

int main(int argc, char **argv) {
    const unsigned rounds = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 1000;
    test_waiter();
    test_semaphore();
    test_cancel_hands_on();
    test_close();
    test_notify();
    test_mutex();
    test_waiter_queue();
    test_chain();
    test_random(20 * rounds);
    test_threads(rounds);
    test_ping_pong(rounds);
    test_mailbox(rounds);
    printf("portable: backend %d: %lu checks, %lu failed\n", ROUSE_BACKEND, checks, failed);
    return failed == 0 && checks > rounds ? 0 : 1;
}
