/* examples/pool/connection.c: what connection.h declares. */
#include "connection.h"

#include <rouse/loop/uv.h>

#include <stdlib.h>

enum { CANCEL_AGAIN_NS = 100000000 };

static void on_ready(uv_poll_t *poll, int status, int events);

static void *get(size_t size) {
    void *const memory = calloc(1, size);
    if (memory == NULL) {
        abort();
    }
    return memory;
}

static void on_unwatched(uv_handle_t *handle) {
    free(handle);
}
static void unwatch(connection *c) {
    if (c->poll != NULL) {
        uv_close((uv_handle_t *)c->poll, on_unwatched);
        c->poll = NULL;
    }
}
static void watch(connection *c, int events) {
    if (c->poll == NULL) {
        c->poll = get(sizeof *c->poll);
        c->poll->data = c;
        if (uv_poll_init(c->loop, c->poll, PQsocket(c->pg)) != 0) {
            abort();
        }
    }
    uv_poll_start(c->poll, events, on_ready);
}

bool connection_is_alive(const connection *c) {
    return c->connected && PQstatus(c->pg) == CONNECTION_OK;
}

/* Tells the pool that the query is over. Not while a cancel request is on its way: it could meet the next
 * query on this connection. */
static void settle(connection *c) {
    if (c->ended && !c->cancelling) {
        (void)!rouse_timed_cancel(&c->again);
        c->ended = false;
        c->sql = NULL;
        if (connection_is_alive(c)) {
            watch(c, UV_READABLE); /* to learn that the server has closed it */
        }
        connection_on_end(c);
    }
}
static void end(connection *c) {
    if (c->poll != NULL) {
        uv_poll_stop(c->poll);
    }
    c->ended = true;
    settle(c);
}

/* ---- connecting, a query ------------------------------------------------------------------------------ */

static void flush(connection *c) {
    watch(c, PQflush(c->pg) == 1 ? UV_READABLE | UV_WRITABLE : UV_READABLE);
}
static void send_query(connection *c) {
    (PQsendQuery(c->pg, c->sql) == 1 ? flush : end)(c);
}

static void connect_step(connection *c) {
    PostgresPollingStatusType next;
    unwatch(c); /* each step may use another socket */
    next = PQconnectPoll(c->pg);
    if (next == PGRES_POLLING_OK) {
        c->connected = true;
        PQsetnonblocking(c->pg, 1);
        send_query(c);
    } else if (next == PGRES_POLLING_FAILED) {
        end(c);
    } else {
        watch(c, next == PGRES_POLLING_READING ? UV_READABLE : UV_WRITABLE);
    }
}

static void on_ready(uv_poll_t *poll, int status, int events) {
    connection *const c = poll->data;
    (void)status, (void)events;
    if (!c->connected) {
        connect_step(c);
    } else if (PQconsumeInput(c->pg) != 1) {
        (c->sql == NULL ? connection_on_loss : end)(c);
    } else if (c->sql != NULL) {
        while (PQisBusy(c->pg) == 0) {
            PGresult *const result = PQgetResult(c->pg);
            const ExecStatusType is = PQresultStatus(result);
            if (result == NULL) {
                end(c);
                return;
            }
            c->succeeded = is == PGRES_TUPLES_OK || is == PGRES_COMMAND_OK;
            PQclear(result);
        }
        flush(c);
    }
}

void connection_query(connection *c, const char *sql) {
    c->sql = sql;
    c->succeeded = false;
    if (c->connected) {
        send_query(c);
    } else if (PQstatus(c->pg) != CONNECTION_BAD) {
        watch(c, UV_WRITABLE);
    } else {
        end(c);
    }
}

/* ---- cancelling: libpq's call blocks, so a thread makes it -------------------------------------------- */

static void cancel_on_thread(uv_work_t *work) {
    char error[256];
    (void)PQcancel(((connection *)work->data)->key, error, sizeof error);
}
static void on_cancel_sent(uv_work_t *work, int status) {
    connection *const c = work->data;
    (void)status;
    PQfreeCancel(c->key);
    c->cancelling = false;
    /* The server ignores a request that arrives before the query: it is repeated until the query ends. */
    if (!c->ended &&
        rouse_event_wait_until(&c->never, &c->again, rouse_uv_now() + CANCEL_AGAIN_NS) != ROUSE_PENDING) {
        abort();
    }
    settle(c);
}
static void send_cancel(connection *c) {
    c->key = PQgetCancel(c->pg);
    c->cancelling = true;
    c->work.data = c;
    uv_queue_work(c->loop, &c->work, cancel_on_thread, on_cancel_sent);
}
static void on_again(rouse_timed *t, rouse_status status) {
    (void)status; /* it has timed out */
    send_cancel(rouse_timed_data(t));
}

void connection_cancel(connection *c) {
    (c->connected ? send_cancel : end)(c);
}

/* ---- from open to close ------------------------------------------------------------------------------- */

connection *connection_open(uv_loop_t *loop, rouse_deadlines *deadlines, const char *conninfo) {
    connection *const c = get(sizeof *c);
    c->loop = loop;
    c->pg = PQconnectStart(conninfo);
    rouse_event_init(&c->never);
    rouse_timed_init(&c->again, deadlines, NULL, on_again, c);
    return c;
}
void connection_close(connection *c) {
    unwatch(c);
    PQfinish(c->pg);
    rouse_event_destroy(&c->never);
    free(c);
}
