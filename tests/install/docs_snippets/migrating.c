/* The code of docs/migrating.md, compiled and run: each snippet is in a function that is called and
 * checked. */
#include <rouse/rouse.h>

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

static int works_done;

static void do_work(void) {
    works_done++;
}

/* ---- POSIX ------------------------------------------------------------------------------------------------- */

/* snippet: sem-before */
static sem_t connections; /* sem_init(&connections, 0, 10) */

static void before(void) {
    sem_wait(&connections); /* the thread sleeps here */
    do_work();
    sem_post(&connections);
}
/* end snippet */

/* snippet: sem-blocking */
static rouse_semaphore limit = ROUSE_SEMAPHORE_INIT(10);

static void after_on_a_thread(void) {
    if (rouse_semaphore_acquire_blocking(&limit, 1) == ROUSE_OK) { /* ROUSE_CLOSED: shutting down */
        do_work();
        (void)rouse_semaphore_release(&limit, 1);
    }
}
/* end snippet */

/* snippet: sem-async */
typedef struct request {
    rouse_waiter waiter;
    int number;
} request;

static void start(request *r) {
    (void)r->number;
    do_work(); /* may take as long as it likes: the permit belongs to the request, not to a thread */
    (void)rouse_semaphore_release(&limit, 1);
}

static void on_permit(rouse_waiter *w, rouse_status status) {
    request *const r = (request *)rouse_waiter_data(w);
    if (status == ROUSE_OK) {
        start(r);
    } else {
        free(r); /* ROUSE_CLOSED: nothing is owned */
    }
}

static void after_in_a_loop(request *r) {
    rouse_waiter_init(&r->waiter, on_permit, r);
    switch (rouse_semaphore_acquire(&limit, &r->waiter, 1)) {
    case ROUSE_OK:
        start(r);
        break;
    case ROUSE_PENDING:
        break; /* on_permit will be called, once */
    default:
        free(r);
    }
}
/* end snippet */

/* ---- condition variables -------------------------------------------------------------------------------------- */

/* snippet: cond-before */
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static bool job_there;

static void wait_before(void) {
    pthread_mutex_lock(&mutex);
    while (!job_there) { /* a loop: pthread_cond_wait may return for no reason */
        pthread_cond_wait(&changed, &mutex);
    }
    job_there = false;
    pthread_mutex_unlock(&mutex);
}
/* end snippet */

/* snippet: cond-permits */
static rouse_semaphore jobs = ROUSE_SEMAPHORE_INIT(0); /* one permit for each job in the queue */

static void put_job(void) {
    (void)rouse_semaphore_release(&jobs, 1);
}

static void take_job(request *r) {
    if (rouse_semaphore_acquire(&jobs, &r->waiter, 1) == ROUSE_OK) {
        do_work();
    }
}
/* end snippet */

/* snippet: cond-queue */
typedef struct tank {
    rouse_waiter_queue changed; /* all zero is a valid queue */
    _Atomic(unsigned) level;
} tank;

static bool is_full(void *arg) {
    return atomic_load(&((tank *)arg)->level) >= 100;
}

/* Called first by the task that waits, then by its wake: the condition may have changed back meanwhile. */
static void when_full(tank *t, rouse_waiter *w) {
    while (rouse_waiter_queue_add_waiter_if(&t->changed, w, is_full, t) == ROUSE_OK) {
        if (is_full(t)) {
            do_work();
            return;
        }
    }
}

static void fill(tank *t, unsigned litres) {
    (void)atomic_fetch_add(&t->level, litres);      /* first the change, */
    (void)rouse_waiter_queue_wake_all(&t->changed); /* then the wake */
}
/* end snippet */

static void full_wake(rouse_waiter *w, rouse_status status) {
    if (status == ROUSE_OK) {
        when_full((tank *)rouse_waiter_data(w), w);
    }
}

/* ---- async runtimes ---------------------------------------------------------------------------------------------- */

/* snippet: select */
typedef struct call {
    rouse_waiter waiter;
    bool finished;
} call;

/* The call has run out of time, on the loop's thread. */
static bool give_up(rouse_semaphore *s, call *c) {
    if (rouse_semaphore_cancel(s, &c->waiter)) {
        return true; /* its wake will never run */
    }
    return false; /* too late: its wake has the permit, or is about to; it decides what becomes of it */
}
/* end snippet */

static void call_wake(rouse_waiter *w, rouse_status status) {
    ((call *)rouse_waiter_data(w))->finished = status == ROUSE_OK;
}

/* ---- the checks ---------------------------------------------------------------------------------------------------- */

#define CHECK(condition)                                          \
    do {                                                          \
        if (!(condition)) {                                       \
            printf("migrating.c:%d: %s\n", __LINE__, #condition); \
            exit(1);                                              \
        }                                                         \
    } while (0)

static void check_tank(void) {
    tank t;
    rouse_waiter w;
    rouse_waiter_queue_init(&t.changed, 0);
    atomic_init(&t.level, 0);
    rouse_waiter_init(&w, full_wake, &t);
    works_done = 0;
    when_full(&t, &w);
    fill(&t, 60);
    CHECK(works_done == 0 && rouse_waiter_queue_waiter_count(&t.changed) == 1);
    fill(&t, 60);
    CHECK(works_done == 1 && rouse_waiter_queue_waiter_count(&t.changed) == 0);
    rouse_waiter_queue_destroy(&t.changed);
}

int main(void) {
    request *const r = (request *)malloc(sizeof *r);
    call c;
    CHECK(r != NULL);
    (void)sem_init(&connections, 0, 10);
    before();
    after_on_a_thread();
    after_in_a_loop(r);
    CHECK(works_done == 3 && rouse_semaphore_available(&limit) == 10);
    job_there = true;
    wait_before();
    put_job();
    take_job(r);
    CHECK(works_done == 4 && rouse_semaphore_available(&jobs) == 0);
    check_tank();
    c.finished = false;
    rouse_waiter_init(&c.waiter, call_wake, &c);
    CHECK(rouse_semaphore_acquire(&jobs, &c.waiter, 1) == ROUSE_PENDING && give_up(&jobs, &c));
    CHECK(rouse_semaphore_acquire(&jobs, &c.waiter, 1) == ROUSE_PENDING);
    put_job();
    CHECK(c.finished && !give_up(&jobs, &c));
    free(r);
    puts("migrating: ok");
    return 0;
}
