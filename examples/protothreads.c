/* examples/protothreads.c: downloads, two at a time, as coroutines without a stack (protothreads.h).
 *
 * Some hundred bytes each, and no allocation. The log's mutex is held across a wait. One download is
 * cancelled while it queues; a shutdown refuses the one that still queues. The clock is simulated. */
#include "protothreads.h"
#include "common/sim.h"

#include <rouse/mutex.h>
#include <rouse/semaphore.h>

#include <stdio.h>

enum { DOWNLOADS = 6 };

typedef struct download {
    protothread pt;
    rouse_waiter waiter;
    sim_event event;
    int id;
} download;

static sim loop;
static rouse_semaphore limit = ROUSE_SEMAPHORE_INIT(2);
static rouse_mutex log_lock = ROUSE_MUTEX_INIT;

static void run(void *data);

static void on_wake(rouse_waiter *waiter, rouse_status status) {
    download *d = rouse_waiter_data(waiter);
    d->pt.status = status;
    run(d);
}

static rouse_status after_ms(download *d, uint64_t ms) {
    sim_after(&loop, &d->event, ms, run, d);
    return ROUSE_PENDING;
}

static void say(int id, const char *what, const char *why) {
    printf("%2d ms: download %d %s%s\n", (int)loop.now, id, what, why);
}

static void run(void *data) {
    download *d = data;
    PT_BEGIN(d);
    PT_AWAIT(d, rouse_semaphore_acquire(&limit, &d->waiter, 1));
    if (d->pt.status != ROUSE_OK) {
        say(d->id, "is refused: ", rouse_status_string(d->pt.status));
        return;
    }
    say(d->id, "starts", "");
    PT_AWAIT(d, after_ms(d, 10));
    PT_AWAIT(d, rouse_mutex_lock(&log_lock, &d->waiter));
    if (d->pt.status == ROUSE_OK) { /* else ROUSE_NOMEM */
        say(d->id, "writes", "");
        PT_AWAIT(d, after_ms(d, 5));
        say(d->id, "is done", "");
        rouse_mutex_unlock(&log_lock);
    }
    rouse_semaphore_release(&limit, 1);
    PT_END;
}

static void cancel(void *data) {
    download *d = data;
    if (rouse_semaphore_cancel(&limit, &d->waiter)) {
        say(d->id, "leaves the queue", "");
    }
}

static void shut_down(void *unused) {
    (void)unused;
    printf("%2d ms: shutdown\n", (int)loop.now);
    rouse_semaphore_close(&limit);
}

int main(void) {
    static download downloads[DOWNLOADS];
    sim_event cancelling, closing;
    for (int i = 0; i < DOWNLOADS; i++) {
        downloads[i].id = i + 1;
        rouse_waiter_init(&downloads[i].waiter, on_wake, &downloads[i]);
        run(&downloads[i]);
    }
    sim_after(&loop, &cancelling, 12, cancel, &downloads[4]);
    sim_after(&loop, &closing, 24, shut_down, NULL);
    sim_run(&loop);
    printf("permits free: %u, waiters: %u\n", rouse_semaphore_available(&limit),
           rouse_semaphore_waiter_count(&limit));
    rouse_semaphore_destroy(&limit);
    rouse_mutex_destroy(&log_lock);
    return 0;
}
