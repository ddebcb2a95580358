/* examples/unit_test.c: how to test code that uses rouse, on one thread, with the same result every time. First the
 * code under test, then its tests, as in docs/unit-testing.md. Run with each backend, with and without ROUSE_DEBUG. */

/* snippet: options */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static uint64_t test_now;         /* nanoseconds; a test moves it */
static int allocations_left = -1; /* -1: any number */
static char test_log[256];

void *test_malloc(size_t size); /* only LOCKFREE calls it */
void *test_malloc(size_t size) {
    if (allocations_left == 0) {
        return NULL;
    }
    allocations_left -= allocations_left > 0;
    return malloc(size);
}
static void note(const char *event) {
    strncat(test_log, event, sizeof test_log - strlen(test_log) - 1);
    strncat(test_log, " ", sizeof test_log - strlen(test_log) - 1);
}

#define ROUSE_TRACE(event, object, waiter) note(event)
#define ROUSE_STATS
#define ROUSE_STATS_NOW()  test_now
#define ROUSE_MALLOC(size) test_malloc(size)
#define ROUSE_FREE(memory) free(memory)
#include <rouse/rouse.h>
/* end snippet */

#include <stdio.h>

#if defined(ROUSE_DEBUG) && defined(__unix__)
#    include <signal.h>
#    include <sys/wait.h>
#    include <unistd.h>
#endif

#define CHECK(condition)                                                    \
    do {                                                                    \
        if (!(condition)) {                                                 \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition); \
            exit(1);                                                        \
        }                                                                   \
    } while (0)

/* ---- the code under test ---- */

/* snippet: under-test */
enum { CONNECTIONS = 1, PATIENCE_NS = 5000 };

typedef struct service {
    rouse_semaphore connections;
    rouse_deadlines *deadlines; /* of the loop; a test has its own */
    rouse_mailbox *mailbox;     /* likewise */
} service;

typedef struct request {
    rouse_timed place;
    service *at;
    enum { NEW, WAITS, RUNS, REFUSED, OVER } state;
    bool gone; /* the client has left while its connection was on the way */
} request;

static void on_connection(rouse_timed *t, rouse_status status) {
    request *const r = rouse_timed_data(t);
    r->state = status != ROUSE_OK ? REFUSED : r->gone ? OVER : RUNS;
    if (status == ROUSE_OK && r->gone) {
        (void)rouse_semaphore_release(&r->at->connections, 1);
    }
}

/* `now` comes from the caller, so that a test can say what time it is. */
static void request_begins(request *r, service *s, uint64_t now) {
    rouse_status status;
    r->at = s;
    r->state = WAITS;
    r->gone = false;
    rouse_timed_init(&r->place, s->deadlines, s->mailbox, on_connection, r);
    status = rouse_semaphore_acquire_until(&s->connections, &r->place, 1, now + PATIENCE_NS);
    if (status != ROUSE_PENDING) {
        on_connection(&r->place, status);
    }
}

static void request_ends(request *r) {
    r->state = OVER;
    (void)rouse_semaphore_release(&r->at->connections, 1);
}

static void client_leaves(request *r) {
    if (rouse_timed_cancel(&r->place)) {
        r->state = OVER;
    } else {
        r->gone = true; /* on_connection will give the connection back */
    }
}
/* end snippet */

/* ---- the tests ---- */

/* snippet: fixture */
static rouse_deadlines deadlines;
static rouse_mailbox mailbox;
static rouse_stats waits;
static service s;

static void set_up(void) {
    test_now = 1000; /* not 0: there the statistics would see nobody */
    rouse_deadlines_init(&deadlines);
    rouse_mailbox_init(&mailbox, NULL, NULL); /* no kick: the test says when the loop turns */
    rouse_stats_init(&waits, "connections");
    (void)rouse_semaphore_init(&s.connections, CONNECTIONS);
    (void)rouse_semaphore_attach_stats(&s.connections, &waits);
    s.deadlines = &deadlines;
    s.mailbox = &mailbox;
}

static void tear_down(void) { /* of every test: nobody waits, and no permit is lost or given twice */
    CHECK(rouse_semaphore_waiter_count(&s.connections) == 0);
    CHECK(rouse_semaphore_available(&s.connections) == CONNECTIONS);
    CHECK(rouse_mailbox_drain(&mailbox) == 0);
    CHECK(rouse_deadlines_next(&deadlines) == UINT64_MAX);
    rouse_semaphore_destroy(&s.connections);
    rouse_mailbox_destroy(&mailbox);
    rouse_deadlines_destroy(&deadlines);
}
/* end snippet */

/* snippet: time */
static void test_a_request_gives_up_after_5000_ns(void) {
    request a, b;
    request_begins(&a, &s, test_now);
    request_begins(&b, &s, test_now);
    CHECK(a.state == RUNS && b.state == WAITS);
    CHECK(rouse_deadlines_next(&deadlines) == test_now + 5000);
    CHECK(rouse_deadlines_run(&deadlines, test_now + 4999) == 0 && b.state == WAITS);
    CHECK(rouse_deadlines_run(&deadlines, test_now + 5000) == 1 && b.state == REFUSED);
    request_ends(&a);
}
/* end snippet */

/* snippet: late */
/* The client leaves when the connection is already in the mailbox. In production this takes two threads and luck. */
static void test_a_client_that_leaves_too_late_loses_no_connection(void) {
    request a, b;
    request_begins(&a, &s, test_now);
    request_begins(&b, &s, test_now);
    request_ends(&a); /* grants b: its wake is in the mailbox */
    CHECK(b.state == WAITS);
    client_leaves(&b);
    CHECK(b.gone);
    CHECK(rouse_mailbox_drain(&mailbox) == 1); /* now the loop turns */
    CHECK(b.state == OVER);
}
/* end snippet */

/* snippet: counts */
/* A waiter for a test: it counts its wakes, and keeps the last status. */
typedef struct probe {
    rouse_waiter waiter;
    int wakes;
    rouse_status last;
} probe;

static void on_probe(rouse_waiter *w, rouse_status status) {
    probe *const p = rouse_waiter_data(w);
    p->wakes++;
    p->last = status;
}

static void test_a_close_refuses_all_that_wait(void) {
    probe counted = {.last = ROUSE_PENDING};
    rouse_waiter polled;
    CHECK(rouse_semaphore_try_acquire(&s.connections, 1));
    rouse_waiter_init(&counted.waiter, on_probe, &counted);
    rouse_waiter_init(&polled, NULL, NULL); /* no wake: the test looks at its status */
    CHECK(rouse_semaphore_acquire(&s.connections, &counted.waiter, 1) == ROUSE_PENDING);
    CHECK(rouse_semaphore_acquire(&s.connections, &polled, 1) == ROUSE_PENDING);
    CHECK(rouse_waiter_status(&polled) == ROUSE_PENDING && counted.wakes == 0);
    (void)rouse_semaphore_close(&s.connections);
    CHECK(rouse_waiter_status(&polled) == ROUSE_CLOSED);
    CHECK(counted.wakes == 1 && counted.last == ROUSE_CLOSED);
    (void)rouse_semaphore_release(&s.connections, 1);
}
/* end snippet */

/* snippet: trace-and-statistics */
static void test_what_happened_and_how_long_it_took(void) {
    request a, b;
    rouse_stats read;
    request_begins(&a, &s, test_now);
    test_log[0] = '\0';
    request_begins(&b, &s, test_now);
    test_now += 700; /* the clock of the statistics, too */
    CHECK(rouse_semaphore_oldest_ns(&s.connections, rouse_stats_now()) == 700);
    request_ends(&a);
    CHECK(strcmp(test_log, "queue grant ") == 0); /* b has it, and has not been told */
    (void)rouse_mailbox_drain(&mailbox);
    CHECK(strcmp(test_log, "queue grant wake ") == 0);
    rouse_stats_read(&waits, &read);
    CHECK(rouse_stats_count(&read) == 1 && read.timed_out == 0);
    request_ends(&b);
}
/* end snippet */

/* snippet: no-memory */
static void test_a_request_is_refused_when_there_is_no_memory(void) {
    request a, b;
    request_begins(&a, &s, test_now);
    allocations_left = 0;
    request_begins(&b, &s, test_now); /* LOCKFREE allocates when a waiter queues; the others never do */
    CHECK(b.state == (ROUSE_BACKEND == ROUSE_BACKEND_LOCKFREE ? REFUSED : WAITS));
    allocations_left = -1;
    if (b.state == WAITS) {
        client_leaves(&b);
    }
    request_ends(&a);
}
/* end snippet */

#if defined(ROUSE_DEBUG) && defined(__unix__)
/* snippet: misuse */
/* ROUSE_DEBUG: misuse aborts. The test lets a child of its own do it. */
static void test_a_waiter_that_is_queued_twice_aborts(void) {
    int status = 0;
    const pid_t child = fork();
    if (child == 0) {
        rouse_waiter w;
        rouse_waiter_init(&w, NULL, NULL);
        CHECK(rouse_semaphore_try_acquire(&s.connections, 1));
        CHECK(rouse_semaphore_acquire(&s.connections, &w, 1) == ROUSE_PENDING);
        (void)rouse_semaphore_acquire(&s.connections, &w, 1);
        _exit(0);
    }
    CHECK(waitpid(child, &status, 0) == child);
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
}
/* end snippet */
#endif

int main(void) {
    static void (*const tests[])(void) = {
        test_a_request_gives_up_after_5000_ns,
        test_a_client_that_leaves_too_late_loses_no_connection,
        test_a_close_refuses_all_that_wait,
        test_what_happened_and_how_long_it_took,
        test_a_request_is_refused_when_there_is_no_memory,
#if defined(ROUSE_DEBUG) && defined(__unix__)
        test_a_waiter_that_is_queued_twice_aborts,
#endif
    };
    for (size_t i = 0; i < sizeof tests / sizeof tests[0]; i++) {
        set_up();
        tests[i]();
        tear_down();
    }
    printf("unit_test: %zu tests passed\n", sizeof tests / sizeof tests[0]);
    return 0;
}
