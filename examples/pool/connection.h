/* examples/pool/connection.h: one connection to PostgreSQL on a libuv loop. */
#ifndef CONNECTION_H
#define CONNECTION_H

#include <rouse/deadline.h>
#include <rouse/event.h>

#include <libpq-fe.h>
#include <stdbool.h>
#include <uv.h>

typedef struct connection connection;
typedef struct job job;

struct connection {
    job *job;         /* the pool's */
    connection *next; /* the pool's */
    bool succeeded;   /* the query  */
    PGconn *pg;
    uv_loop_t *loop;
    uv_poll_t *poll;
    const char *sql; /* NULL: idle                                  */
    bool connected;
    bool ended;      /* the query is over, or the connection        */
    bool cancelling; /* a thread asks the server to cancel          */
    PGcancel *key;
    uv_work_t work;
    rouse_timed again; /* until the request to cancel is repeated     */
    rouse_event never; /* a timed wait for it is a timer              */
};

/* It connects when it has its first query. */
connection *connection_open(uv_loop_t *loop, rouse_deadlines *deadlines, const char *conninfo);
void connection_close(connection *c);
bool connection_is_alive(const connection *c);
/* Begins a query; sql stays until connection_on_end. That may be called before this returns. */
void connection_query(connection *c, const char *sql);
/* Cancels the query: connection_on_end is called when the server has ended it. */
void connection_cancel(connection *c);

/* The pool's. The query has ended, or the connection is not alive any more. */
void connection_on_end(connection *c);
/* The pool's. The server has closed the idle connection. */
void connection_on_loss(connection *c);

#endif
