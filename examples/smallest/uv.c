/* examples/smallest/uv.c: the least that a libuv loop needs to wait for what threads release. Jobs on libuv's
 * thread pool say by a notify how far they have come; the loop's thread is told.
 *
 *     cc -std=c11 uv.c -luv -pthread */
#define _GNU_SOURCE /* uv.h wants it under -std=c11 */
#include <rouse/mailbox.h>
#include <rouse/notify.h>

#include <stdio.h>
#include <uv.h>

enum { JOBS = 5 };

typedef struct job {
    uv_work_t work;
    rouse_notify half_done;
    rouse_waiter waiter;
    bool told;
} job;

static rouse_mailbox mailbox;
static uv_async_t async;
static int told, finished;

static void kick(void *unused) {
    (void)unused;
    uv_async_send(&async);
}

/* Here and not in the last wake: the kick that announced that may still be in progress. */
static void close_if_over(void) {
    if (told == JOBS && finished == JOBS) {
        rouse_mailbox_destroy(&mailbox);
        uv_close((uv_handle_t *)&async, NULL);
    }
}

static void on_kick(uv_async_t *unused) {
    (void)unused;
    rouse_mailbox_drain(&mailbox);
    close_if_over();
}

static void on_half_done(rouse_waiter *w, rouse_status status) {
    job *const j = rouse_waiter_data(w);
    j->told = status == ROUSE_OK;
    told++;
}

/* On a thread of the pool. */
static void run(uv_work_t *work) {
    rouse_notify_one(&((job *)work->data)->half_done);
}

static void on_finished(uv_work_t *unused, int status) {
    (void)unused;
    finished += status == 0;
    close_if_over();
}

int main(void) {
    static job jobs[JOBS];
    uv_loop_t *const loop = uv_default_loop();
    int ok = 0;
    uv_async_init(loop, &async, on_kick);
    rouse_mailbox_init(&mailbox, kick, NULL);
    for (int i = 0; i < JOBS; i++) {
        rouse_notify_init(&jobs[i].half_done);
        rouse_waiter_init_on(&jobs[i].waiter, &mailbox, on_half_done, &jobs[i]);
        jobs[i].work.data = &jobs[i];
        if (rouse_notify_wait(&jobs[i].half_done, &jobs[i].waiter) != ROUSE_PENDING ||
            uv_queue_work(loop, &jobs[i].work, run, on_finished) != 0) {
            return 1;
        }
    }
    uv_run(loop, UV_RUN_DEFAULT);
    for (int i = 0; i < JOBS; i++) {
        rouse_notify_destroy(&jobs[i].half_done);
        ok += jobs[i].told;
    }
    printf("%d told\n", ok);
    return uv_loop_close(loop);
}
