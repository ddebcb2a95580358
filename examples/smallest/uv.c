/* examples/smallest/uv.c: a libuv loop that waits for what threads release. Jobs on libuv's thread pool
 * report their progress with a notify; the wake runs on the loop's thread. cc -std=c11 uv.c -luv -pthread */
#define _GNU_SOURCE /* uv.h wants it under -std=c11 */
#include <rouse/loop/uv.h>
#include <rouse/notify.h>
#include <stdio.h>

enum { JOBS = 5 };

typedef struct job {
    uv_work_t work;
    rouse_notify half_done;
    rouse_waiter waiter;
} job;

static rouse_uv r;
static int told, finished;

static void close_if_over(void) {
    if (told == JOBS && finished == JOBS) {
        rouse_uv_close(&r, NULL);
    }
}

static void on_half_done(rouse_waiter *w, rouse_status status) {
    (void)w;
    told += status == ROUSE_OK;
    close_if_over();
}

static void run(uv_work_t *work) { /* on a thread of the pool */
    rouse_notify_one(&((job *)work->data)->half_done);
}

static void on_finished(uv_work_t *work, int status) {
    (void)work;
    finished += status == 0;
    close_if_over();
}

int main(void) {
    static job jobs[JOBS];
    uv_loop_t *const loop = uv_default_loop();
    rouse_uv_init(loop, &r);
    for (job *j = jobs; j < jobs + JOBS; j++) {
        rouse_waiter_init_on(&j->waiter, rouse_uv_mailbox(&r), on_half_done, j);
        j->work.data = j;
        if (rouse_notify_wait(&j->half_done, &j->waiter) != ROUSE_PENDING ||
            uv_queue_work(loop, &j->work, run, on_finished) != 0) {
            return 1;
        }
    }
    uv_run(loop, UV_RUN_DEFAULT);
    for (job *j = jobs; j < jobs + JOBS; j++) {
        rouse_notify_destroy(&j->half_done);
    }
    printf("%d told\n", told);
    return uv_loop_close(loop);
}
