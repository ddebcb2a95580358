/* examples/common/timers.c: a list of deadlines, in order. */
#include "timers.h"

#include <time.h>

static TAILQ_HEAD(, timed_client) timers = TAILQ_HEAD_INITIALIZER(timers);

static uint64_t now_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

void loop_start_timer(client *c, unsigned ms) {
    timed_client *const it = (timed_client *)c;
    it->deadline = now_ms() + ms;
    it->runs = true;
    TAILQ_INSERT_TAIL(&timers, it, by_time);
}

void loop_stop_timer(client *c) {
    timed_client *const it = (timed_client *)c;
    if (it->runs) {
        it->runs = false;
        TAILQ_REMOVE(&timers, it, by_time);
    }
}

int timers_run(void) {
    timed_client *it;
    const uint64_t now = now_ms();
    while ((it = TAILQ_FIRST(&timers)) != NULL) {
        if (it->deadline > now) {
            return (int)(it->deadline - now);
        }
        loop_stop_timer(&it->client);
        service_timed_out(&it->client);
    }
    return -1;
}
