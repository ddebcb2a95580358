/* The code of docs/faq.md, compiled and run. */
#include <rouse/rouse.h>

#include <stdio.h>
#include <stdlib.h>

static rouse_semaphore limit = ROUSE_SEMAPHORE_INIT(1);
static int finished;

static void finish(void) {
    finished++;
}

/* snippet: both-ways */
typedef struct job {
    rouse_waiter waiter;
    int steps;
} job;

static void step(job *j) {
    if (--j->steps == 0) {
        finish();
    }
}

static void on_wake(rouse_waiter *w, rouse_status status) {
    if (status == ROUSE_OK) {
        step((job *)rouse_waiter_data(w)); /* may run before acquire has returned, on another thread */
    }
}

static rouse_status begin(job *j) {
    j->steps = 1; /* all that step needs is ready before the call, and nothing is touched after it */
    return rouse_semaphore_acquire(&limit, &j->waiter, 1);
}
/* end snippet */

/* snippet: owner */
static bool abandon(job *j) {
    if (rouse_semaphore_cancel(&limit, &j->waiter)) {
        free(j); /* taken out: the library has let go of it */
        return true;
    }
    return false; /* its wake has been called or is owed, and frees it: hands off */
}
/* end snippet */

/* snippet: timeout */
static bool try_for_a_second(void) {
    return rouse_semaphore_acquire_timed(&limit, 1, 1000000000u) == ROUSE_OK;
}
/* end snippet */

/* snippet: hand-back */
static void unwanted(rouse_waiter *w, rouse_status status) {
    (void)w;
    if (status == ROUSE_OK) {
        (void)rouse_semaphore_release(&limit, 1); /* it is ours, so it is ours to give back */
    }
}
/* end snippet */

#define CHECK(condition)                                    \
    do {                                                    \
        if (!(condition)) {                                 \
            printf("faq.c:%d: %s\n", __LINE__, #condition); \
            exit(1);                                        \
        }                                                   \
    } while (0)

int main(void) {
    job *const j = (job *)malloc(sizeof *j);
    rouse_waiter other;
    CHECK(j != NULL);
    rouse_waiter_init(&j->waiter, on_wake, j);
    rouse_waiter_init(&other, unwanted, NULL);
    CHECK(try_for_a_second());
    CHECK(begin(j) == ROUSE_PENDING && rouse_semaphore_acquire(&limit, &other, 1) == ROUSE_PENDING);
    CHECK(rouse_semaphore_release(&limit, 1) == ROUSE_OK && finished == 1);
    CHECK(rouse_semaphore_release(&limit, 1) == ROUSE_OK && rouse_semaphore_available(&limit) == 1);
    CHECK(try_for_a_second() && begin(j) == ROUSE_PENDING);
    CHECK(abandon(j));
    CHECK(rouse_semaphore_release(&limit, 1) == ROUSE_OK && rouse_semaphore_available(&limit) == 1);
    puts("faq: ok");
    return 0;
}
