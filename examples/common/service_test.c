/* examples/common/service_test.c: the service on a loop, a backend and an allocator that do what the test
 * says, and when it says so. What drive_server.py leaves to chance happens here in one order. */
#include <stdbool.h>
#include <stdlib.h>

static unsigned allocations_until_failure; /* 0: none fails */

void *test_malloc(size_t size); /* not static: MUTEX and SPIN never call it */

void *test_malloc(size_t size) {
    return allocations_until_failure != 0 && --allocations_until_failure == 0 ? NULL : malloc(size);
}
#define ROUSE_MALLOC(size) test_malloc(size)
#define ROUSE_FREE(memory) free(memory)

#include <rouse/rouse.h>

static bool reserves = true; /* false: as if nobody had thought of it, so that waits may fail */
#define rouse_notify_reserve(notify, waiters) (reserves ? rouse_notify_reserve(notify, waiters) : ROUSE_OK)

#include "service.c"

#include <stdio.h>

#define CHECK(condition)                                                    \
    do {                                                                    \
        if (!(condition)) {                                                 \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition); \
            exit(1);                                                        \
        }                                                                   \
    } while (0)

enum { CLIENTS = 6, LIMIT = 2 };

typedef struct connection {
    client client; /* first */
    int answers_200, answers_503;
    bool closed, reads_nothing;
} connection;

static connection connections[CLIENTS];
static backend_call *calls[CLIENTS]; /* what the backend has, oldest first */
static unsigned calls_count, most_calls;
static bool kicked;
static rouse_mailbox test_mailbox;
static rouse_deadlines test_deadlines;
static uint64_t now, asked_at[CLIENTS];

/* ---- the loop ---- */

bool loop_send(client *c, const char *answer, size_t length) {
    connection *const it = (connection *)c;
    CHECK(length > 0 && !it->closed && !c->gone);
    it->answers_200 += strncmp(answer, "HTTP/1.1 200 ", 13) == 0;
    it->answers_503 += strncmp(answer, "HTTP/1.1 503 ", 13) == 0;
    return !it->reads_nothing;
}

uint64_t loop_now(void) {
    return now;
}

void loop_close(client *c) {
    connection *const it = (connection *)c;
    CHECK(!it->closed);
    it->closed = true;
}

static void on_kick(void *unused) {
    (void)unused;
    kicked = true;
}

static void drain(void) {
    while (kicked) {
        kicked = false;
        rouse_mailbox_drain(&test_mailbox);
    }
}

/* ---- the backend ---- */

bool backend_start(unsigned threads, unsigned work_ms) {
    (void)work_ms;
    return threads > 0;
}

void backend_submit(backend_call *call, void (*done)(void *data), void *data) {
    call->done = done;
    call->data = data;
    calls[calls_count++] = call;
    if (calls_count > most_calls) {
        most_calls = calls_count;
    }
}

void backend_set_hanging(bool hanging) {
    (void)hanging;
}

unsigned backend_in_progress(void) {
    return calls_count;
}

unsigned backend_high_water(void) {
    return most_calls;
}

void backend_stop(void) {
    CHECK(calls_count == 0);
}

/* The oldest call is done. Its effects are in the mailbox. */
static void backend_finishes_one(void) {
    backend_call *const call = calls[0];
    CHECK(calls_count > 0);
    calls_count--;
    memmove(calls, calls + 1, calls_count * sizeof calls[0]);
    call->done(call->data);
}

/* ---- what the tests are made of ---- */

static void ask(int number) {
    static const char request[] = "GET /work HTTP/1.1\r\n\r\n";
    asked_at[number] = ++now;
    service_arrived(&connections[number].client, request, sizeof request - 1);
}

/* The time of this client, and of those that asked before it, has run out. */
static void time_out(int number) {
    rouse_deadlines_run(&test_deadlines, asked_at[number] + options.deadline_ms * UINT64_C(1000000));
    drain();
}

static void begin(void) {
    static char name[] = "service_test", option[] = "--limit", value[] = "2";
    char *arguments[] = {name, option, value, NULL};
    memset(connections, 0, sizeof connections);
    stopping = false;
    report = (server_report){0};
    most_calls = 0;
    rouse_mailbox_init(&test_mailbox, on_kick, NULL);
    rouse_deadlines_init(&test_deadlines);
    now = 0;
    CHECK(service_start(3, arguments, &test_mailbox, &test_deadlines));
    for (int i = 0; i < CLIENTS; i++) {
        connections[i].closed = !service_add(&connections[i].client);
    }
}

static void run_until_idle(void) {
    drain();
    while (calls_count > 0) {
        backend_finishes_one();
        drain();
    }
}

/* The limit was kept, every permit has come back, and everybody has been let go. */
static void end(void) {
    run_until_idle();
    CHECK(most_calls <= LIMIT);
    CHECK(rouse_semaphore_available(&limit) == LIMIT && rouse_semaphore_waiter_count(&limit) == 0);
    if (!stopping) {
        service_shut_down();
        drain();
    }
    CHECK(service_is_over());
    for (int i = 0; i < CLIENTS; i++) {
        CHECK(connections[i].closed);
    }
    service_stop();
    rouse_mailbox_destroy(&test_mailbox);
}

static void begin_with_all_asking(void) {
    begin();
    for (int i = 0; i < CLIENTS; i++) {
        ask(i);
    }
    CHECK(calls_count == LIMIT && report.answered == 0);
}

/* ---- the tests ---- */

static void test_everybody_is_served(void) {
    begin_with_all_asking();
    end();
    for (int i = 0; i < CLIENTS; i++) {
        CHECK(connections[i].answers_200 == 1);
    }
}

static void test_leaving_the_queue(void) {
    begin_with_all_asking();
    service_gone(&connections[2].client);
    CHECK(connections[2].closed);
    backend_finishes_one();
    drain();
    CHECK(connections[3].client.state == WORKING);
    end();
    CHECK(report.left == 1 && report.answered == CLIENTS - 1);
}

/* The permit is in the mailbox when its client leaves: the next one gets it. */
static void test_leaving_when_the_permit_is_on_its_way(void) {
    begin_with_all_asking();
    backend_finishes_one();
    service_gone(&connections[2].client);
    CHECK(!connections[2].closed);
    drain();
    CHECK(connections[2].closed && connections[3].client.state == WORKING);
    end();
    CHECK(report.left == 1 && report.answered == CLIENTS - 1);
}

static void test_leaving_the_backend(void) {
    begin_with_all_asking();
    service_gone(&connections[0].client);
    service_gone(&connections[0].client); /* some loops say so twice */
    CHECK(!connections[0].closed);
    backend_finishes_one();
    drain();
    CHECK(connections[0].closed && calls_count == LIMIT);
    end();
}

static void test_time_out(void) {
    begin_with_all_asking();
    time_out(2);
    CHECK(connections[2].answers_503 == 1);
    ask(2); /* it may ask again, and is the last now */
    end();
    CHECK(report.timed_out == 1 && report.answered == CLIENTS);
}

/* The permit is in the mailbox when the timer runs out: it came in time. */
static void test_time_out_when_the_permit_is_on_its_way(void) {
    begin_with_all_asking();
    backend_finishes_one();
    time_out(2);
    CHECK(connections[2].answers_503 == 0);
    drain();
    CHECK(connections[2].client.state == WORKING);
    end();
    CHECK(report.timed_out == 0 && report.answered == CLIENTS);
}

/* A request that waits is refused; a request that has a permit, even only in the mailbox, is served. */
static void test_shutdown(void) {
    begin_with_all_asking();
    backend_finishes_one();
    service_shut_down();
    drain();
    CHECK(connections[2].client.state == WORKING);
    CHECK(report.refused == CLIENTS - LIMIT - 1);
    end();
    CHECK(report.answered == LIMIT + 1);
}

static void test_who_does_not_read_is_let_go(void) {
    begin_with_all_asking();
    connections[0].reads_nothing = true;
    connections[2].reads_nothing = true;
    time_out(2);
    CHECK(connections[2].closed);
    backend_finishes_one();
    drain();
    CHECK(connections[0].closed);
    end();
}

/* Each allocation of the library fails in turn (only LOCKFREE has any): clients or requests are refused,
 * nothing is lost, and every request is answered. */
static void test_no_memory(void) {
    unsigned failed = 0;
    do {
        allocations_until_failure = ++failed;
        begin();
        for (int round = 0; round < 2; round++) {
            for (int i = 0; i < CLIENTS; i++) {
                if (!connections[i].closed) {
                    ask(i);
                    ask(i); /* one ahead */
                }
            }
            run_until_idle();
        }
        for (int i = 0; i < CLIENTS; i++) {
            CHECK(connections[i].closed || connections[i].answers_200 + connections[i].answers_503 == 4);
        }
        end();
    } while (allocations_until_failure == 0);
    allocations_until_failure = 0;
    printf("%u allocations have failed, one at a time\n", failed - 1);
}

int main(void) {
    test_everybody_is_served();
    test_leaving_the_queue();
    test_leaving_when_the_permit_is_on_its_way();
    test_leaving_the_backend();
    test_time_out();
    test_time_out_when_the_permit_is_on_its_way();
    test_shutdown();
    test_who_does_not_read_is_let_go();
    test_no_memory();
    reserves = false;
    test_no_memory();
    return 0;
}
