/* examples/common/sockets.c: connections that are file descriptors. */
#define _GNU_SOURCE
#include "sockets.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

bool loop_send(client *c, const char *answer, size_t length) {
    return send(((connection *)c)->fd, answer, length, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)length;
}

bool connection_readable(connection *it) {
    char bytes[512];
    const ssize_t got = recv(it->fd, bytes, sizeof bytes, MSG_DONTWAIT);
    if (got > 0) {
        service_arrived(&it->client, bytes, (size_t)got);
    }
    return got > 0 || (got < 0 && (errno == EAGAIN || errno == EINTR));
}

connection *connection_new(int fd) {
    connection *const it = calloc(1, sizeof *it);
    if (it == NULL || !service_add(&it->client)) {
        free(it);
        close(fd);
        return NULL;
    }
    it->fd = fd;
    return it;
}

int terminate_fd(void) {
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigprocmask(SIG_BLOCK, &signals, NULL);
    return signalfd(-1, &signals, SFD_CLOEXEC);
}
