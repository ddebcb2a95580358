/* examples/two_loops.c: two threads with an event loop each (own_loop.h) in one process.
 *
 *     both share         a semaphore (connections), a channel (results), a gate (how many jobs there are)
 *     each has           a mailbox and deadlines (own_loop), and slots that only it uses, built with
 *                        ROUSE_BACKEND_LOCAL (two_loops_local.c)
 *     a job              takes a slot of its loop, then a connection, works, gives both back, sends a result; again
 *     the second loop    also receives the results
 *
 * When enough results have come, main shuts down. Checked: each wake runs on the thread of its own loop, no
 * result and no permit is lost, nothing is left. */
#include "own_loop.h"
#include "two_loops.h"

#include <rouse/rouse.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

enum { LOOPS = 2, SLOTS = 3, CONNECTIONS = 2, ENOUGH = 2000, PATIENCE_NS = 1000000 };

/* snippet: shared */
static rouse_semaphore connections = ROUSE_SEMAPHORE_INIT(CONNECTIONS);
static int ring[2];
static rouse_channel results; /* rouse_channel_init(&results, ring, 2, sizeof ring[0]) */
static rouse_gate jobs;       /* rouse_gate_init(&jobs, LOOPS * JOBS) */
static rouse_event enough = ROUSE_EVENT_INIT;

typedef struct job {
    rouse_timed place;      /* for a connection; on its own loop's mailbox and deadlines */
    rouse_waiter work;      /* is posted to its own loop */
    rouse_transfer sending; /* on its own loop's mailbox */
    int one;
} job;

typedef struct server {
    own_loop loop; /* mailbox and deadlines: one of each for each loop */
    pthread_t thread;
    job jobs[JOBS];
    int jobs_left;
    unsigned sent, time_outs;
} server;

static _Thread_local server *here; /* the server of this thread */
/* end snippet */

static server servers[LOOPS];

static void check(bool condition, const char *what) {
    if (!condition) {
        fprintf(stderr, "two_loops: %s\n", what);
        exit(1);
    }
}
/* The job is on its own loop's thread. */
static job *at_home(void *data) {
    job *const j = data;
    check(here != NULL && j >= here->jobs && j < here->jobs + JOBS, "a wake on another loop's thread");
    return j;
}

/* snippet: job */
static void ask_for_connection(int number);

static void job_ends(void) {
    slots_give(); /* the next job of this loop is told here, too */
    here->jobs_left--;
    (void)rouse_gate_leave(&jobs, 1); /* last: main may go on */
}

/* The channel has the result. */
static void on_sent(rouse_transfer *t, rouse_status status) {
    job *const j = at_home(rouse_transfer_data(t));
    check(status == ROUSE_OK, "the channel was closed too early");
    here->sent++;
    slots_give();
    slots_take((int)(j - here->jobs), ask_for_connection);
}

static void on_worked(rouse_waiter *w, rouse_status status) {
    job *const j = at_home(rouse_waiter_data(w));
    (void)rouse_semaphore_release(&connections,
                                  1); /* wakes the oldest, on whichever loop it waits; j lives on */
    status = rouse_channel_send(&results, &j->sending, &j->one);
    if (status != ROUSE_PENDING) {
        on_sent(&j->sending, status);
    }
}

static void on_connection(rouse_timed *t, rouse_status status) {
    job *const j = at_home(rouse_timed_data(t));
    if (status == ROUSE_OK) {
        rouse_mailbox_post(&here->loop.mailbox, &j->work, ROUSE_OK); /* the work: others run meanwhile */
    } else if (status == ROUSE_TIMEDOUT) {
        here->time_outs++;
        ask_for_connection((int)(j - here->jobs));
    } else {
        job_ends(); /* ROUSE_CLOSED: the program shuts down */
    }
}

static void ask_for_connection(int number) {
    job *const j = &here->jobs[number];
    const rouse_status status =
        rouse_semaphore_acquire_until(&connections, &j->place, 1, own_loop_now() + PATIENCE_NS);
    if (status != ROUSE_PENDING) {
        on_connection(&j->place, status);
    }
}
/* end snippet */

/* ---- the receiver, on the second loop ---- */

static rouse_transfer receiving;
static int element;
static unsigned received;
static bool receiver_is_over;

static void receive(void);

static void on_received(rouse_transfer *t, rouse_status status) {
    (void)t;
    check(here == &servers[1], "a result on another loop's thread");
    if (status == ROUSE_CLOSED) {
        receiver_is_over = true; /* closed, and everything has been received */
        return;
    }
    received += (unsigned)element;
    if (received == ENOUGH) {
        rouse_event_set(&enough);
    }
    receive();
}

static void on_turn(rouse_waiter *w, rouse_status status) {
    on_received(rouse_waiter_data(w), status);
}
static rouse_waiter
    next_turn; /* an element that was there at once: handled in the next turn, so that no stack grows */

static void receive(void) {
    const rouse_status status = rouse_channel_receive(&results, &receiving, &element);
    if (status != ROUSE_PENDING) {
        rouse_mailbox_post(&here->loop.mailbox, &next_turn, status);
    }
}

/* ---- a loop, and the program ---- */

/* snippet: run */
static void *run(void *data) {
    own_loop *const l = &((server *)data)->loop;
    const bool receives = data == &servers[1];
    here = data;
    check(own_loop_init(l) == 0, "no pipe");
    slots_open(SLOTS);
    if (receives) {
        rouse_transfer_init(&receiving, &l->mailbox, on_received, NULL);
        rouse_waiter_init(&next_turn, on_turn, &receiving);
        receive();
    }
    for (int i = 0; i < JOBS; i++) {
        job *const j = &here->jobs[i];
        rouse_timed_init(&j->place, &l->deadlines, &l->mailbox, on_connection, j);
        rouse_waiter_init(&j->work, on_worked, j);
        rouse_transfer_init(&j->sending, &l->mailbox, on_sent, j);
        j->one = 1;
        slots_take(i, ask_for_connection);
    }
    while (here->jobs_left > 0 || (receives && !receiver_is_over)) {
        struct pollfd fd = own_loop_pollfd(l);
        (void)poll(&fd, 1, own_loop_sleep_ms(l));
        own_loop_ready(l, &fd);
    }
    slots_close();
    own_loop_destroy(l); /* no waiter is left on it */
    return NULL;
}

static void shut_down(void) {
    (void)rouse_semaphore_close(&connections);                  /* 1. no job gets any further */
    check(rouse_gate_wait_blocking(&jobs) == ROUSE_OK, "jobs"); /* 2. all jobs are over, so nobody sends */
    (void)rouse_channel_close(&results); /* 3. the receiver gets the rest, then CLOSED */
    for (int i = 0; i < LOOPS; i++) {
        pthread_join(servers[i].thread, NULL); /* 4. each loop destroys its own mailbox, and ends */
    }
    rouse_semaphore_destroy(&connections); /* 5. nobody uses what they shared */
    rouse_channel_destroy(&results);
    rouse_gate_destroy(&jobs);
    rouse_event_destroy(&enough);
}
/* end snippet */

int main(void) {
    unsigned sent = 0;
    (void)rouse_channel_init(&results, ring, sizeof ring / sizeof ring[0], sizeof ring[0]);
    rouse_gate_init(&jobs, LOOPS * JOBS);
    (void)rouse_gate_close(&jobs); /* there will be no others */
    for (int i = 0; i < LOOPS; i++) {
        servers[i].jobs_left = JOBS;
        check(pthread_create(&servers[i].thread, NULL, run, &servers[i]) == 0, "no thread");
    }
    check(rouse_event_wait_blocking(&enough) == ROUSE_OK, "never enough");
    check(rouse_gate_count(&jobs) == LOOPS * JOBS, "a job is over too early");
    shut_down();
    for (int i = 0; i < LOOPS; i++) {
        printf("loop %d: %u results sent, %u time-outs\n", i, servers[i].sent, servers[i].time_outs);
        sent += servers[i].sent;
    }
    printf("%u results received\n", received);
    check(sent == received && received >= ENOUGH, "results are missing");
    return 0;
}
