/* examples/common/service.h: what the example servers do, whatever their event loop.
 *
 * At most `limit` requests are in the slow backend at a time; the others queue for a permit. A client that
 * goes away gives its place in the queue back. A client that has waited for `deadline_ms` gets a 503.
 * Shutting down closes the semaphore: clients that still wait get a 503, and requests in the backend are
 * served.
 *
 * Permits are released on the backend's threads; the loop's mailbox carries the wakes to the loop's
 * thread. So everything here runs on the loop's thread, except on_backend_done, and needs no lock. */
#ifndef EXAMPLE_SERVICE_H
#define EXAMPLE_SERVICE_H

#include "backend.h"
#include "http.h"

#include <rouse/deadline.h>
#include <rouse/rouse.h>

/* One connection; a loop puts it at the start of its own struct. */
typedef struct client {
    http_input in;
    bool keep_alive, gone;
    enum { READING, QUEUED, WORKING } state;
    rouse_timed place;     /* QUEUED: in line for a permit      */
    rouse_notify finished; /* WORKING: the backend has answered */
    rouse_waiter finish;   /* WORKING: waits for that           */
    backend_call call;
    struct client *before, *after; /* in the list of all clients */
} client;

/* ---- what the loop supplies ---- */
/* Writes straight into the socket's buffer; false: it did not all fit. */
bool loop_send(client *c, const char *answer, size_t length);
/* The last word about c: closes the socket, frees c when the loop lets go of it. Until then service_arrived and
 * service_gone of it do nothing. */
void loop_close(client *c);
/* Now, on the clock of the loop's deadlines. */
uint64_t loop_now(void);

/* ---- what the loop calls, on its thread ---- */
bool service_start(int argc, char **argv, rouse_mailbox *mailbox, rouse_deadlines *deadlines);
bool service_add(client *c); /* a zeroed client has connected; false: no memory, the loop keeps it   */
void service_arrived(client *c, const char *bytes, size_t count); /* may call loop_close                    */
void service_gone(client *c); /* it has closed its connection, or broken it; may call loop_close       */
void service_shut_down(void); /* stop listening first, then run the loop until service_is_over         */
bool service_is_over(void);   /* shut down, and loop_close has been called for every client            */
void service_stop(void);      /* prints the report                                                     */

#endif /* EXAMPLE_SERVICE_H */
