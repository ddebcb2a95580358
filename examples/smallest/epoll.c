/* examples/smallest/epoll.c: an epoll loop whose requests share one permit with a thread. A request that has not
 * got it in time leaves the queue. cc -std=c11 epoll.c -pthread */
#define _GNU_SOURCE
#include <rouse/loop/epoll.h>
#include <rouse/rouse.h>

#include <pthread.h>
#include <stdio.h>

enum { REQUESTS = 3 };
static const uint64_t patient = 60000000000, impatient = 10000000; /* ns */

static rouse_semaphore permits = ROUSE_SEMAPHORE_INIT(1);
static rouse_event gave_up = ROUSE_EVENT_INIT;
static rouse_epoll r;
static int served, timed_out;

static void on_permit(rouse_timed *t, rouse_status status) {
    (void)t;
    served += status == ROUSE_OK;
    if (status == ROUSE_TIMEDOUT) {
        timed_out++;
        rouse_event_set(&gave_up);
    }
    (void)rouse_semaphore_release(&permits, status == ROUSE_OK ? 1 : 0);
}

/* On a thread: has the permit until the impatient request has left the queue. */
static void *hold_it_for_a_while(void *unused) {
    if (rouse_event_wait_blocking(&gave_up) == ROUSE_OK) {
        rouse_semaphore_release(&permits, 1);
    }
    return unused;
}

int main(void) {
    static rouse_timed requests[REQUESTS];
    struct epoll_event events[8];
    pthread_t thread;
    const int epfd = epoll_create1(EPOLL_CLOEXEC);
    if (rouse_epoll_init(&r, epfd) != 0 || !rouse_semaphore_try_acquire(&permits, 1) ||
        pthread_create(&thread, NULL, hold_it_for_a_while, NULL) != 0) {
        return 1;
    }
    for (int i = 0; i < REQUESTS; i++) {
        const uint64_t until = rouse_epoll_now() + (i != 1 ? patient : impatient);
        rouse_timed_init(&requests[i], rouse_epoll_deadlines(&r), rouse_epoll_mailbox(&r), on_permit, NULL);
        (void)rouse_semaphore_acquire_until(&permits, &requests[i], 1, until); /* the thread has it */
    }
    while (served + timed_out < REQUESTS) {
        (void)epoll_wait(epfd, events, 8, rouse_epoll_timeout_ms(&r)); /* only rouse has events here */
        rouse_epoll_ready(&r);
    }
    pthread_join(thread, NULL);
    rouse_epoll_close(&r);
    printf("%d served, %d timed out, %u free\n", served, timed_out, rouse_semaphore_available(&permits));
    rouse_semaphore_destroy(&permits);
    return 0;
}
