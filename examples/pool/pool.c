/* examples/pool/pool.c: what pool.h declares. */
#include "pool.h"

#include "connection.h"

#include <rouse/deadline.h>
#include <rouse/event.h>
#include <rouse/gate.h>
#include <rouse/limit.h>

#include <stdio.h>
#include <stdlib.h>

enum { ATTEMPTS = 3 };
typedef enum outcome { DONE, FAILED, TIMED_OUT, CANCELLED, REFUSED, CLOSED, OUTCOMES } outcome;
static const char *const names[OUTCOMES] = {"done", "failed", "timed_out", "cancelled", "refused", "closed"};

struct job {
    rouse_timed permit; /* waits for its turn, until the deadline                   */
    rouse_timed run;    /* while the query runs: waits for stop_all or the deadline */
    uint64_t until;
    connection *connection;
    struct job *older;
    outcome stopped; /* why the query was stopped; DONE: it was not */
    unsigned attempts;
    char sql[128];
};

static uv_loop_t *loop;
static rouse_deadlines *deadlines;
static void (*over)(void);
static const char *conninfo;
/* A request that runs a query has a permit, until the server has ended the query. */
static rouse_limit limit;
/* The jobs that have been accepted and not answered. */
static rouse_gate inside = ROUSE_GATE_INIT(0);
/* Set: running queries are to be cancelled. */
static rouse_event stop_all = ROUSE_EVENT_INIT;
static rouse_timed drained;
static job *jobs;        /* all, the newest first */
static connection *idle; /* the last used first   */
static unsigned open_now, opened, told[OUTCOMES];

static void start(job *j);

static uint64_t after_ms(uint64_t ms) {
    return rouse_uv_now() + ms * 1000000;
}

void pool_report(void) {
    printf("{\"limit\": %u, \"in_use\": %u, \"waiting\": %u, \"inside\": %u, \"connections\": %u, "
           "\"opened\": %u",
           rouse_limit_permits(&limit), rouse_limit_in_use(&limit), rouse_limit_waiter_count(&limit),
           rouse_gate_count(&inside), open_now, opened);
    for (int i = 0; i < OUTCOMES; i++) {
        printf(", \"%s\": %u", names[i], told[i]);
    }
    printf("}\n");
    fflush(stdout);
}

/* The end of a job. The gate comes last: when nobody is inside, everything is taken down. */
static void answer(job *j, outcome o, bool has_permit) {
    job **link = &jobs;
    while (*link != j) {
        link = &(*link)->older;
    }
    *link = j->older;
    free(j);
    told[o]++;
    if (has_permit) {
        rouse_limit_give_back(&limit, 1);
    }
    rouse_gate_leave(&inside, 1);
}

/* ---- connections -------------------------------------------------------------------------------------- */

static void drop(connection *c) {
    connection_close(c);
    open_now--;
}
static void drop_idle(connection *c) {
    connection **link = &idle;
    while (*link != c) {
        link = &(*link)->next;
    }
    *link = c->next;
    drop(c);
}
void connection_on_loss(connection *c) {
    drop_idle(c);
}

/* The connection goes back, then the permit. A connection in excess, after the limit has shrunk, is closed. A
 * job whose connection was lost keeps its permit and has another attempt. */
void connection_on_end(connection *c) {
    job *const j = c->job;
    const bool alive = connection_is_alive(c);
    const bool succeeded = alive && c->succeeded;
    if (!alive || open_now > rouse_limit_permits(&limit)) {
        drop(c);
    } else {
        c->next = idle;
        idle = c;
    }
    if (!alive && j->stopped == DONE && ++j->attempts < ATTEMPTS) {
        start(j);
        return;
    }
    (void)!rouse_timed_cancel(&j->run);
    answer(j, succeeded ? DONE : j->stopped != DONE ? j->stopped : FAILED, true);
}

/* ---- jobs --------------------------------------------------------------------------------------------- */

/* j has a permit. */
static void start(job *j) {
    connection *c = idle;
    if (c != NULL) {
        idle = c->next;
    } else {
        c = connection_open(loop, deadlines, conninfo);
        open_now++;
        opened++;
    }
    c->job = j;
    j->connection = c;
    connection_query(c, j->sql);
}

/* Ends the query of j, which has a permit. Its permit comes back when the server has ended the query. */
static void stop(job *j, outcome why) {
    j->stopped = why;
    connection_cancel(j->connection);
}
static outcome outcome_of(rouse_status status) {
    return status == ROUSE_TIMEDOUT ? TIMED_OUT : status == ROUSE_FULL ? REFUSED : CLOSED;
}
static void on_interrupt(rouse_timed *t, rouse_status status) {
    stop(rouse_timed_data(t), outcome_of(status)); /* OK: stop_all */
}
static void on_permit(rouse_timed *t, rouse_status status) {
    job *const j = rouse_timed_data(t);
    const bool has_permit = status == ROUSE_OK;
    if (has_permit) {
        status = rouse_event_wait_until(&stop_all, &j->run, j->until);
    }
    if (status == ROUSE_PENDING) {
        start(j);
    } else {
        answer(j, outcome_of(status), has_permit);
    }
}

void pool_run(const char *sql, uint64_t deadline_ms) {
    rouse_status status;
    job *j;
    if (!rouse_gate_enter(&inside)) {
        told[REFUSED]++;
        return;
    }
    j = calloc(1, sizeof *j);
    if (j == NULL) {
        abort();
    }
    snprintf(j->sql, sizeof j->sql, "%s", sql);
    rouse_timed_init(&j->permit, deadlines, NULL, on_permit, j);
    rouse_timed_init(&j->run, deadlines, NULL, on_interrupt, j);
    j->until = after_ms(deadline_ms);
    j->older = jobs;
    jobs = j;
    status = rouse_limit_acquire_until(&limit, &j->permit, 1, j->until);
    if (status != ROUSE_PENDING) {
        on_permit(&j->permit, status);
    }
}

/* The newest first: nobody is queued any more when the permits of running jobs come back. */
void pool_cancel_all(void) {
    job *older;
    for (job *j = jobs; j != NULL; j = older) {
        older = j->older;
        if (rouse_timed_cancel(&j->permit)) {
            answer(j, CANCELLED, false);
        } else if (rouse_timed_cancel(&j->run)) {
            stop(j, CANCELLED);
        }
    }
}

void pool_resize(uint32_t permits) {
    if (rouse_limit_set(&limit, permits) == ROUSE_OK) {
        while (idle != NULL && open_now > permits) {
            drop_idle(idle);
        }
    }
}

/* ---- the pool as a whole ------------------------------------------------------------------------------ */

static void on_drained(rouse_timed *t, rouse_status status) {
    if (status == ROUSE_TIMEDOUT) { /* the grace is over */
        rouse_limit_close(&limit);
        rouse_event_set(&stop_all);
        if (rouse_gate_wait_until(&inside, t, UINT64_MAX) == ROUSE_PENDING) {
            return;
        }
    }
    while (idle != NULL) {
        drop_idle(idle);
    }
    over();
    rouse_limit_destroy(&limit);
    rouse_gate_destroy(&inside);
    rouse_event_destroy(&stop_all);
}
void pool_shut_down(uint64_t grace_ms, void (*on_over)(void)) {
    if (rouse_gate_is_closed(&inside)) {
        return;
    }
    over = on_over;
    rouse_gate_close(&inside);
    if (rouse_gate_wait_until(&inside, &drained, after_ms(grace_ms)) == ROUSE_OK) {
        on_drained(&drained, ROUSE_OK);
    }
}

void pool_start(uv_loop_t *on, rouse_uv *r, const char *info, uint32_t permits, uint32_t most_waiting) {
    loop = on;
    deadlines = rouse_uv_deadlines(r);
    conninfo = info;
    rouse_limit_init(&limit, permits, most_waiting);
    rouse_timed_init(&drained, deadlines, NULL, on_drained, NULL);
}
