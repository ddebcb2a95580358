/* examples/common/sockets.c: connections that are file descriptors. */
#define _GNU_SOURCE
#include "sockets.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

int sockets_listen_fd = -1, sockets_signal_fd = -1;
static unsigned open_now;

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

connection *sockets_accept(void) {
    const int fd = accept4(sockets_listen_fd, NULL, NULL, SOCK_CLOEXEC);
    connection *const it = fd < 0 ? NULL : calloc(1, sizeof *it);
    if (it != NULL && service_add(&it->client)) {
        it->fd = fd;
        open_now++;
        return it;
    }
    free(it);
    if (fd >= 0) {
        close(fd);
    }
    return NULL;
}

void sockets_free(connection *it) {
    close(it->fd);
    free(it);
    open_now--;
}

unsigned sockets_open(void) {
    return open_now;
}

bool sockets_start(int argc, char **argv, rouse_mailbox *mailbox, rouse_deadlines *deadlines) {
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigprocmask(SIG_BLOCK, &signals, NULL); /* before the service starts its threads, which inherit this */
    sockets_signal_fd = signalfd(-1, &signals, SFD_CLOEXEC);
    return sockets_signal_fd >= 0 && service_start(argc, argv, mailbox, deadlines) &&
           (sockets_listen_fd = server_listen()) >= 0;
}

void sockets_terminate(void) {
    shutdown(sockets_listen_fd, SHUT_RDWR); /* a poll under way would keep it open */
    close(sockets_listen_fd);
    close(sockets_signal_fd);
    sockets_listen_fd = sockets_signal_fd = -1;
    service_shut_down();
}
