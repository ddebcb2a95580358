/* examples/own_loop.c: a loop of one's own (own_loop.h) and a thread. Two requests want the permit that the
 * thread holds; one gives up at its deadline, the other gets the permit. The thread also writes to a pipe
 * that the loop polls for the program. Checked: what happens, and on which thread. */
#include "own_loop.h"

#include <rouse/rouse.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

static rouse_semaphore permits = ROUSE_SEMAPHORE_INIT(0); /* the thread has the only one */
static rouse_event gave_up = ROUSE_EVENT_INIT;
static own_loop loop;
static pthread_t loop_thread;
static int input[2];
static int served, timed_out, bytes_read;

static void check(bool condition, const char *what) {
    if (!condition) {
        fprintf(stderr, "own_loop: %s\n", what);
        exit(1);
    }
}

static void on_permit(rouse_timed *t, rouse_status status) {
    (void)t;
    check(pthread_equal(pthread_self(), loop_thread), "a wake on another thread");
    if (status == ROUSE_TIMEDOUT) {
        timed_out++;
        rouse_event_set(&gave_up);
    } else {
        served++;
    }
}

static void *other_thread(void *unused) {
    check(write(input[1], "abc", 3) == 3, "no pipe");
    check(rouse_event_wait_blocking(&gave_up) == ROUSE_OK, "never set");
    rouse_semaphore_release(&permits, 1); /* on_permit runs on the loop's thread */
    return unused;
}

int main(void) {
    static const uint64_t patience_ms[] = {10, 60000};
    static rouse_timed requests[2];
    pthread_t other;
    loop_thread = pthread_self();
    check(pipe(input) == 0 && own_loop_init(&loop) == 0, "no pipe");
    check(pthread_create(&other, NULL, other_thread, NULL) == 0, "no thread");
    for (int i = 0; i < 2; i++) {
        const uint64_t until = own_loop_now() + patience_ms[i] * 1000000u;
        rouse_timed_init(&requests[i], &loop.deadlines, &loop.mailbox, on_permit, NULL);
        check(rouse_semaphore_acquire_until(&permits, &requests[i], 1, until) == ROUSE_PENDING, "not queued");
    }
    while (served + timed_out < 2 || bytes_read < 3) {
        struct pollfd fds[] = {own_loop_pollfd(&loop), {.fd = input[0], .events = POLLIN}};
        char bytes[8];
        (void)poll(fds, 2, own_loop_sleep_ms(&loop));
        if (fds[1].revents != 0) {
            bytes_read += (int)read(input[0], bytes, sizeof bytes);
        }
        own_loop_ready(&loop, &fds[0]);
    }
    pthread_join(other, NULL);
    printf("%d served, %d timed out, %d bytes\n", served, timed_out, bytes_read);
    check(served == 1 && timed_out == 1 && rouse_semaphore_available(&permits) == 0, "wrong outcome");
    own_loop_destroy(&loop);
    rouse_semaphore_destroy(&permits);
    rouse_event_destroy(&gave_up);
    return 0;
}
