/* examples/common/sockets.h: loop_send, loop_close and reading for loops that have nothing but file descriptors
 * (epoll, io_uring, libevent), and SIGTERM as a descriptor. */
#ifndef EXAMPLE_SOCKETS_H
#define EXAMPLE_SOCKETS_H

#include "service.h"

/* A client and its socket; a loop may put it at the start of a struct of its own, made by calloc. */
typedef struct connection {
    client client; /* first: a client is its connection */
    int fd;
} connection;

/* Reads what has arrived and tells the service. False: the client has gone, and the loop must not watch it. */
bool connection_readable(connection *it);

/* A connection that the service knows, for an accepted socket. NULL: refused, and the socket is closed. */
connection *connection_new(int fd);

/* A descriptor that becomes readable at SIGTERM. Before any thread is started. */
int terminate_fd(void);

#endif /* EXAMPLE_SOCKETS_H */
