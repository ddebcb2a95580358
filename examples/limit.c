/* examples/limit.c: the README's first example: five jobs in a libuv loop, two at a time. */
#define _GNU_SOURCE /* uv.h wants it under -std=c11 */
#include <rouse/semaphore.h>

#include <stdio.h>
#include <uv.h>

typedef struct job {
    rouse_waiter waiter; /* its place in the queue */
    uv_timer_t work;
    int id;
} job;

/* snippet: limit */
static rouse_semaphore limit = ROUSE_SEMAPHORE_INIT(2);

static void on_done(uv_timer_t *work) {
    printf("job %d is done\n", ((job *)work->data)->id);
    rouse_semaphore_release(&limit, 1); /* calls start of the oldest waiter */
}

static void start(rouse_waiter *waiter, rouse_status status) {
    job *const j = rouse_waiter_data(waiter);
    printf("job %d starts: %s\n", j->id, rouse_status_string(status));
    uv_timer_start(&j->work, on_done, 10, 0);
}

static void submit(job *j) {
    rouse_waiter_init(&j->waiter, start, j);
    if (rouse_semaphore_acquire(&limit, &j->waiter, 1) == ROUSE_OK) {
        start(&j->waiter, ROUSE_OK); /* a permit was free; otherwise start will be called */
    }
}
/* end snippet */

int main(void) {
    static job jobs[5];
    for (int i = 0; i < 5; i++) {
        uv_timer_init(uv_default_loop(), &jobs[i].work);
        jobs[i].work.data = &jobs[i];
        jobs[i].id = i + 1;
        submit(&jobs[i]);
    }
    uv_run(uv_default_loop(), UV_RUN_DEFAULT);
    for (int i = 0; i < 5; i++) {
        uv_close((uv_handle_t *)&jobs[i].work, NULL);
    }
    uv_run(uv_default_loop(), UV_RUN_DEFAULT); /* the handles close */
    rouse_semaphore_destroy(&limit);
    return uv_loop_close(uv_default_loop());
}
