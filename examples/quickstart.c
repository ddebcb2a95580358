/* Five jobs, at most two of them at a time, on a toy run queue. */
#include <rouse/semaphore.h>
#include <stdio.h>

/* snippet: jobs */
typedef struct job {
    rouse_waiter waiter; /* its place in the queue for a permit: no allocation */
    int id, steps_left;
} job;

static rouse_semaphore limit = ROUSE_SEMAPHORE_INIT(2);
static job *run_queue[64]; /* your event loop, in this example an array */
static size_t first, last;

static void run_later(job *j) {
    run_queue[last++] = j;
}

/* Called when a job that had to wait has its permit. */
static void on_permit(rouse_waiter *waiter, rouse_status status) {
    if (status == ROUSE_OK) {
        run_later(rouse_waiter_data(waiter));
    }
}

int main(void) {
    job jobs[5];
    for (int i = 0; i < 5; i++) {
        jobs[i].id = i + 1;
        jobs[i].steps_left = 2;
        rouse_waiter_init(&jobs[i].waiter, on_permit, &jobs[i]);
        if (rouse_semaphore_acquire(&limit, &jobs[i].waiter, 1) == ROUSE_OK) {
            run_later(&jobs[i]); /* a permit was free; otherwise on_permit will be called */
        }
    }
    while (first != last) {
        job *j = run_queue[first++];
        printf("job %d works, %u wait\n", j->id, rouse_semaphore_waiter_count(&limit));
        if (--j->steps_left > 0) {
            run_later(j);
        } else {
            rouse_semaphore_release(&limit, 1); /* calls on_permit of the oldest waiter */
        }
    }
    rouse_semaphore_destroy(&limit);
    return 0;
}
/* end snippet */
