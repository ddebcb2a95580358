/* examples/smallest/epoll.c: the least that an epoll loop needs to wait for what threads release. Requests of
 * the loop and a thread share one permit; a request that has not got it in time leaves the queue.
 *
 *     cc -std=c11 epoll.c -pthread */
#define _GNU_SOURCE /* nanosleep under -std=c11 */
#include <rouse/rouse.h>

#include <pthread.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

enum { REQUESTS = 3, PATIENT_S = 60, IMPATIENT_MS = 10 };

typedef struct request {
    rouse_waiter waiter;
    int timer;
} request;

static rouse_semaphore permits = ROUSE_SEMAPHORE_INIT(1);
static rouse_mailbox mailbox;
static int kick_fd, served, timed_out;

static void kick(void *unused) {
    const uint64_t one = 1;
    (void)unused;
    (void)!write(kick_fd, &one, sizeof one);
}

static void serve(request *r) {
    served++;
    close(r->timer);
    rouse_semaphore_release(&permits, 1);
}

static void on_permit(rouse_waiter *w, rouse_status status) {
    if (status == ROUSE_OK) {
        serve(rouse_waiter_data(w));
    }
}

static void on_timer(request *r) {
    if (rouse_semaphore_cancel(&permits, &r->waiter)) {
        timed_out++;
        close(r->timer);
    } /* else it has been granted, and on_permit comes */
}

/* Until one of the requests has left the queue. */
static void *hold_it_for_a_while(void *unused) {
    while (rouse_semaphore_waiter_count(&permits) == REQUESTS) {
        nanosleep(&(struct timespec){0, 1000000}, NULL);
    }
    rouse_semaphore_release(&permits, 1);
    return unused;
}

static bool watch(int epoll_fd, int fd, request *r) {
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = r};
    return epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event) == 0;
}

static bool ask(int epoll_fd, request *r, bool patient) {
    const struct itimerspec patience = {
        .it_value = {.tv_sec = patient ? PATIENT_S : 0, .tv_nsec = patient ? 0 : IMPATIENT_MS * 1000000}};
    r->timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    rouse_waiter_init_on(&r->waiter, &mailbox, on_permit, r);
    return rouse_semaphore_acquire(&permits, &r->waiter, 1) == ROUSE_PENDING &&
           timerfd_settime(r->timer, 0, &patience, NULL) == 0 && watch(epoll_fd, r->timer, r);
}

static void run(int epoll_fd) {
    while (served + timed_out < REQUESTS) {
        struct epoll_event event;
        uint64_t count;
        if (epoll_wait(epoll_fd, &event, 1, -1) == 1 && event.data.ptr != NULL) {
            on_timer(event.data.ptr);
        } else {
            (void)!read(kick_fd, &count, sizeof count); /* first this, then the drain */
            rouse_mailbox_drain(&mailbox);
        }
    }
}

int main(void) {
    static request requests[REQUESTS];
    pthread_t thread;
    const int epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    kick_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    rouse_mailbox_init(&mailbox, kick, NULL);
    if (!watch(epoll_fd, kick_fd, NULL) || !rouse_semaphore_try_acquire(&permits, 1)) {
        return 1;
    }
    for (int i = 0; i < REQUESTS; i++) {
        if (!ask(epoll_fd, &requests[i], i != 1)) {
            return 1;
        }
    }
    if (pthread_create(&thread, NULL, hold_it_for_a_while, NULL) != 0) {
        return 1;
    }
    run(epoll_fd);
    pthread_join(thread, NULL);
    rouse_mailbox_destroy(&mailbox);
    close(kick_fd);
    close(epoll_fd);
    printf("%d served, %d timed out, %u free\n", served, timed_out, rouse_semaphore_available(&permits));
    rouse_semaphore_destroy(&permits);
    return 0;
}
