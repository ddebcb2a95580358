/* examples/common/sockets.h: loop_send, loop_close and reading for loops that have nothing but file descriptors
 * (epoll, io_uring, libevent), and SIGTERM as a descriptor. */
#ifndef EXAMPLE_SOCKETS_H
#define EXAMPLE_SOCKETS_H

#include "service.h"

#include <sys/socket.h>

/* A client and its socket; a loop may put it at the start of its own struct, made by calloc. */
typedef struct connection {
    client client; /* first: a client is its connection */
    int fd;
    unsigned users; /* the loop's */
} connection;

/* Reads what has arrived and tells the service. False: the client has gone, and the loop must not watch it. */
bool connection_readable(connection *it);

/* ---- for loops that accept and terminate by descriptors too: epoll, io_uring ---- */
extern int sockets_listen_fd; /* -1 after sockets_terminate */
extern int sockets_signal_fd; /* readable at SIGTERM        */

/* Starts the service, and opens both. */
bool sockets_start(int argc, char **argv, rouse_mailbox *mailbox, rouse_deadlines *deadlines);

/* A new connection that the service knows. NULL: none has come, or it was refused. */
connection *sockets_accept(void);

/* Closes the socket and frees it. */
void sockets_free(connection *it);

/* How many have been accepted and not freed. */
unsigned sockets_open(void);

/* Closes both and shuts the service down; may call loop_close. */
void sockets_terminate(void);

#endif /* EXAMPLE_SOCKETS_H */
