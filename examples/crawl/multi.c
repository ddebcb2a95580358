/* examples/crawl/multi.c: what multi.h declares. */
#include "multi.h"

#include <rouse/event.h>

#include <stdlib.h>

static CURLM *multi;
static int epoll_fd;
static rouse_timed timer;                    /* libcurl's one timer            */
static rouse_event never = ROUSE_EVENT_INIT; /* a timed wait for it is a timer */

static void act(curl_socket_t fd, int what) {
    int running, left;
    CURLMsg *message;
    curl_multi_socket_action(multi, fd, what, &running);
    while ((message = curl_multi_info_read(multi, &left)) != NULL) {
        if (message->msg == CURLMSG_DONE) {
            multi_on_done(message->easy_handle, message->data.result);
        }
    }
}

static void on_timer(rouse_timed *t, rouse_status status) {
    (void)t, (void)status; /* it has timed out */
    act(CURL_SOCKET_TIMEOUT, 0);
}

/* libcurl wants its timer set. With 0 ms it runs in the next turn: libcurl must not be called from here. */
static int on_new_timeout(CURLM *m, long ms, void *unused) {
    (void)m, (void)unused;
    (void)!rouse_timed_cancel(&timer);
    if (ms >= 0) {
        const uint64_t until = rouse_epoll_now() + (uint64_t)ms * 1000000;
        (void)!rouse_event_wait_until(&never, &timer, until);
    }
    return 0;
}

/* libcurl wants a socket watched. `known`: not NULL from the second time on. */
static int on_new_interest(CURL *easy, curl_socket_t fd, int what, void *unused, void *known) {
    struct epoll_event event = {.data.u64 = (uint64_t)fd};
    (void)easy, (void)unused;
    if (what == CURL_POLL_REMOVE) {
        return epoll_ctl(epoll_fd, EPOLL_CTL_DEL, fd, NULL);
    }
    event.events = ((what & CURL_POLL_IN) != 0 ? EPOLLIN : 0) | ((what & CURL_POLL_OUT) != 0 ? EPOLLOUT : 0);
    curl_multi_assign(multi, fd, &multi);
    return epoll_ctl(epoll_fd, known == NULL ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, fd, &event);
}

void multi_ready(const struct epoll_event *event) {
    const unsigned is = event->events;
    act((curl_socket_t)event->data.u64, ((is & EPOLLIN) != 0 ? CURL_CSELECT_IN : 0) |
                                            ((is & EPOLLOUT) != 0 ? CURL_CSELECT_OUT : 0) |
                                            ((is & (EPOLLERR | EPOLLHUP)) != 0 ? CURL_CSELECT_ERR : 0));
}

void multi_add(CURL *easy) {
    if (curl_multi_add_handle(multi, easy) != CURLM_OK) {
        abort();
    }
}

void multi_remove(CURL *easy) {
    curl_multi_remove_handle(multi, easy);
}

bool multi_start(rouse_epoll *r, int epfd) {
    epoll_fd = epfd;
    rouse_timed_init(&timer, rouse_epoll_deadlines(r), NULL, on_timer, NULL);
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK || (multi = curl_multi_init()) == NULL) {
        return false;
    }
    curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, on_new_interest);
    curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, on_new_timeout);
    return true;
}

void multi_stop(void) {
    curl_multi_cleanup(multi);
    curl_global_cleanup();
    (void)!rouse_timed_cancel(&timer);
    rouse_event_destroy(&never);
}
