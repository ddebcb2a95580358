/* examples/pool/pool.h: a pool of PostgreSQL connections on a libuv loop, with libpq's non-blocking calls.
 *
 * A query has one deadline, for its turn and its run together. Its permit comes back when the server has
 * ended the query, not when somebody has lost patience with it: the server never runs more than the limit. */
#ifndef POOL_H
#define POOL_H

#include <rouse/loop/uv.h>

#include <stdint.h>

/* At most `permits` queries run at once, most_waiting wait for their turn, and the others are refused. All
 * calls are on the loop's thread. */
void pool_start(uv_loop_t *loop, rouse_uv *r, const char *conninfo, uint32_t permits, uint32_t most_waiting);
/* A query whose connection is lost has two more attempts. */
void pool_run(const char *sql, uint64_t deadline_ms);
/* Cancels every query, queued or running. */
void pool_cancel_all(void);
/* Also to less than run now: then none starts until fewer run, and the connections in excess are closed. */
void pool_resize(uint32_t permits);
/* Refuses new queries and serves those it has accepted, for grace_ms at most; then it refuses the queued ones
 * and cancels the running ones. Calls on_over when no query and no connection is left. */
void pool_shut_down(uint64_t grace_ms, void (*on_over)(void));
/* One line of JSON on stdout. Until on_over has returned. */
void pool_report(void);

#endif
