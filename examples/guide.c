/* examples/guide.c: code of docs/guide.md that is not in one of the other examples, run and checked.
 * The rest of it is in guide_more.c. */

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <rouse/rouse.h>

#define CHECK(condition)                                                    \
    do {                                                                    \
        if (!(condition)) {                                                 \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition); \
            exit(1);                                                        \
        }                                                                   \
    } while (0)

/* ---- the model ---- */

static int started, refused;

typedef struct request {
    rouse_waiter place; /* its place in the queue: your memory, no allocation */
    int id;
} request;

static rouse_semaphore limit = ROUSE_SEMAPHORE_INIT(2);

static void start(request *r) {
    (void)r;
    started++;
}

static void refuse(request *r, rouse_status status) {
    CHECK(strncmp(rouse_status_string(status), "ROUSE_", 6) == 0);
    refused++;
    free(r);
}

/* snippet: acquire */
/* Called when a request that had to wait has its permit, or never will. */
static void on_permit(rouse_waiter *place, rouse_status status) {
    request *r = rouse_waiter_data(place);
    if (status == ROUSE_OK) {
        start(r);
    } else {
        refuse(r, status); /* ROUSE_CLOSED */
    }
}

static void handle(request *r) {
    rouse_status status;
    rouse_waiter_init(&r->place, on_permit, r);
    status = rouse_semaphore_acquire(&limit, &r->place, 1);
    if (status == ROUSE_PENDING) {
        return; /* on_permit will be called, or has been by now: r is not ours any more */
    }
    if (status == ROUSE_OK) {
        start(r);
    } else {
        refuse(r, status);
    }
}

static void finish(request *r) {
    free(r);
    rouse_semaphore_release(&limit, 1); /* calls on_permit of the oldest that waits */
}
/* end snippet */

/* snippet: give-up */
/* Whether r could be stopped. False: its permit is on its way, on_permit has been called or will be. */
static bool give_up(request *r) {
    if (rouse_semaphore_cancel(&limit, &r->place)) {
        free(r); /* on_permit will never be called */
        return true;
    }
    return false;
}
/* end snippet */

static request *new_request(int id) {
    request *r = calloc(1, sizeof *r);
    CHECK(r != NULL);
    r->id = id;
    return r;
}

static void try_model(void) {
    request *r[5];
    for (int i = 0; i < 5; i++) {
        r[i] = new_request(i);
        handle(r[i]);
    }
    CHECK(started == 2 && rouse_semaphore_waiter_count(&limit) == 3);
    CHECK(give_up(r[3]));
    finish(r[0]);
    CHECK(started == 3);
    CHECK(rouse_semaphore_close(&limit) == 1 && refused == 1);
    handle(new_request(5));
    CHECK(refused == 2);
    finish(r[1]);
    finish(r[2]);
    CHECK(rouse_semaphore_available(&limit) == 2);
    rouse_semaphore_destroy(&limit);
}

/* ---- polled waiters ---- */

typedef struct poller {
    rouse_waiter waiter;
} poller;

/* Once. */
static void poller_init(poller *p) {
    rouse_waiter_init(&p->waiter, NULL, NULL); /* no wake: nobody is called */
}

/* Whenever there is something to wait for. */
static rouse_status poller_start(poller *p, rouse_notify *n) {
    return rouse_notify_wait(n, &p->waiter);
}

/* In every frame, on every tick. */
static bool poller_is_ready(const poller *p) {
    return rouse_waiter_status(&p->waiter) != ROUSE_PENDING;
}

static void try_polled(void) {
    rouse_notify n = ROUSE_NOTIFY_INIT;
    poller p;
    poller_init(&p);
    for (int i = 0; i < 3; i++) {
        CHECK(poller_start(&p, &n) == ROUSE_PENDING);
        CHECK(!poller_is_ready(&p));
        rouse_notify_one(&n);
        CHECK(poller_is_ready(&p) && rouse_waiter_status(&p.waiter) == ROUSE_OK);
    }
    rouse_notify_destroy(&n);
}

/* ---- weights ---- */

static rouse_semaphore budget = ROUSE_SEMAPHORE_INIT(64); /* MiB that downloads may hold together */

static bool start_download(rouse_waiter *w, unsigned mib) {
    return rouse_semaphore_acquire(&budget, w, mib) == ROUSE_OK; /* all of them, or it waits for all */
}

static int woken;

static void count_wake(rouse_waiter *w, rouse_status status) {
    (void)w;
    CHECK(status == ROUSE_OK);
    woken++;
}

static void try_budget(void) {
    rouse_waiter big, small;
    rouse_waiter_init(&big, count_wake, NULL);
    rouse_waiter_init(&small, count_wake, NULL);
    CHECK(start_download(&big, 40));
    CHECK(!start_download(&big, 30));
    CHECK(!start_download(&small, 1)); /* not past the big one */
    rouse_semaphore_release(&budget, 40);
    CHECK(woken == 2 && rouse_semaphore_available(&budget) == 33);
    rouse_semaphore_destroy(&budget);
}

/* ---- notify ---- */

typedef struct listener listener;
static void do_work(listener *l);

/* snippet: notify */
static rouse_notify work_arrived = ROUSE_NOTIFY_INIT;

struct listener {
    rouse_waiter waiter;
    bool leaves;
};

static void on_work(rouse_waiter *w, rouse_status status) {
    listener *l = rouse_waiter_data(w);
    (void)status; /* ROUSE_OK: this one is never closed */
    if (l->leaves) {
        rouse_notify_pass_on(&work_arrived, w); /* to the next one; nothing, if notify_all had woken it */
    } else {
        do_work(l);
    }
}

static void leave(listener *l) {
    l->leaves = !rouse_notify_cancel(&work_arrived, &l->waiter); /* too late: on_work will pass it on */
}
/* end snippet */

static listener listeners[3];
static int works;

/* The first one finds work for the second, which leaves before it is called. */
static void do_work(listener *l) {
    works++;
    if (l == &listeners[0]) {
        rouse_notify_one(&work_arrived);
        leave(&listeners[1]);
        CHECK(listeners[1].leaves);
    }
}

static void try_notify(void) {
    for (int i = 0; i < 3; i++) {
        rouse_waiter_init(&listeners[i].waiter, on_work, &listeners[i]);
        CHECK(rouse_notify_wait(&work_arrived, &listeners[i].waiter) == ROUSE_PENDING);
    }
    rouse_notify_one(&work_arrived);
    CHECK(works == 2);               /* by the first and the third */
    rouse_notify_one(&work_arrived); /* nobody waits: kept */
    CHECK(rouse_notify_wait(&work_arrived, &listeners[0].waiter) == ROUSE_OK);
    CHECK(rouse_notify_wait(&work_arrived, &listeners[0].waiter) == ROUSE_PENDING);
    leave(&listeners[0]);
    CHECK(!listeners[0].leaves && rouse_notify_all(&work_arrived) == 0);
    rouse_notify_destroy(&work_arrived);
}

/* ---- mutex ---- */

static rouse_mutex cache_lock = ROUSE_MUTEX_INIT;

static void fill_cache(void);

static void on_locked(rouse_waiter *w, rouse_status status) {
    (void)w;
    if (status == ROUSE_OK) {
        fill_cache();
    }
}

static void refresh(rouse_waiter *w) {
    if (rouse_mutex_lock(&cache_lock, w) == ROUSE_OK) {
        fill_cache();
    } /* ROUSE_PENDING: on_locked will be called */
}

/* Called when what fill_cache has started is complete, on whatever thread. */
static void on_filled(void) {
    rouse_mutex_unlock(&cache_lock);
}

static int fills;

static void fill_cache(void) {
    CHECK(rouse_mutex_is_locked(&cache_lock));
    fills++;
}

static void try_mutex(void) {
    rouse_waiter a, b;
    rouse_waiter_init(&a, on_locked, NULL);
    rouse_waiter_init(&b, on_locked, NULL);
    refresh(&a);
    refresh(&b);
    CHECK(fills == 1);
    on_filled();
    CHECK(fills == 2);
    on_filled();
    CHECK(!rouse_mutex_is_locked(&cache_lock));
    rouse_mutex_destroy(&cache_lock);
}

/* ---- a loop and a mailbox ---- */

typedef struct event_loop {
    int kick_fd;
    rouse_mailbox mailbox; /* one for each loop; it stays where it is */
} event_loop;

/* On any thread, the loop's own included. */
static void kick(void *data) {
    const event_loop *loop = data;
    const uint64_t one = 1;
    (void)!write(loop->kick_fd, &one, sizeof one);
}

static bool loop_open(event_loop *loop) {
    loop->kick_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC); /* first what kick uses, */
    rouse_mailbox_init(&loop->mailbox, kick, loop);         /* then what may kick    */
    return loop->kick_fd >= 0;
}

/* Sleeps until it is kicked, and runs the wakes that have come. */
static void loop_turn(event_loop *loop) {
    struct pollfd kicks = {.fd = loop->kick_fd, .events = POLLIN};
    uint64_t count;
    (void)poll(&kicks, 1, -1);
    (void)!read(loop->kick_fd, &count, sizeof count); /* first this, so that no later kick is lost, */
    rouse_mailbox_drain(&loop->mailbox);              /* then the drain                             */
}

/* No waiter is left on the mailbox. */
static void loop_close(event_loop *loop) {
    rouse_mailbox_destroy(&loop->mailbox); /* waits for a kick that is still in progress, */
    close(loop->kick_fd);                  /* and uses this                               */
}

static rouse_semaphore shared = ROUSE_SEMAPHORE_INIT(0);

static void *release_shared(void *unused) {
    rouse_semaphore_release(&shared, 1);
    return unused;
}

static void note_thread(rouse_waiter *w, rouse_status status) {
    CHECK(status == ROUSE_OK);
    *(pthread_t *)rouse_waiter_data(w) = pthread_self();
}

/* Whichever thread releases, wake runs in the drain and not before. */
static void try_mailbox(void) {
    event_loop loop;
    rouse_waiter w;
    pthread_t other, where;
    CHECK(loop_open(&loop));
    rouse_waiter_init_on(&w, &loop.mailbox, note_thread, &where);
    CHECK(pthread_create(&other, NULL, release_shared, NULL) == 0);
    where = other;
    if (rouse_semaphore_acquire(&shared, &w, 1) == ROUSE_PENDING) {
        loop_turn(&loop);
        CHECK(pthread_equal(where, pthread_self()));
    }
    pthread_join(other, NULL);
    where = other;
    CHECK(rouse_semaphore_acquire(&shared, &w, 1) == ROUSE_PENDING);
    rouse_semaphore_release(&shared, 1);
    CHECK(pthread_equal(where, other) && !rouse_semaphore_cancel(&shared, &w));
    loop_turn(&loop);
    CHECK(pthread_equal(where, pthread_self()));
    loop_close(&loop);
    rouse_semaphore_destroy(&shared);
}

/* ---- blocking ---- */

static rouse_semaphore connections = ROUSE_SEMAPHORE_INIT(1);

static bool with_connection(void (*use)(void), uint64_t timeout_ms) {
    const rouse_status status = rouse_semaphore_acquire_timed(&connections, 1, timeout_ms * 1000000);
    if (status != ROUSE_OK) {
        return false; /* ROUSE_TIMEDOUT, ROUSE_CLOSED, … */
    }
    use();
    rouse_semaphore_release(&connections, 1);
    return true;
}

static void use_connection(void) {
    CHECK(!with_connection(use_connection, 1));
}

static void try_timed(void) {
    CHECK(with_connection(use_connection, 1000));
    CHECK(rouse_semaphore_available(&connections) == 1);
    rouse_semaphore_destroy(&connections);
}

/* ---- a condition of your own ---- */

/* A number that only grows; others wait until it has reached what they want. */
typedef struct sequence {
    atomic_uint value;
    rouse_waiter_queue queue;
} sequence;

typedef struct sequence_waiter {
    rouse_waiter waiter;
    sequence *sequence;
    unsigned wanted;
} sequence_waiter;

static void on_reached(sequence_waiter *w);

static bool has_reached(void *w) {
    const sequence_waiter *it = w;
    return atomic_load(&it->sequence->value) >= it->wanted;
}

static rouse_status sequence_await(sequence_waiter *w) {
    rouse_status status;
    do {
        status = rouse_waiter_queue_add_waiter_if(&w->sequence->queue, &w->waiter, has_reached, w);
    } while (status == ROUSE_OK && !has_reached(w)); /* ROUSE_OK, as a wake, says: look again */
    return status;
}

static void on_change(rouse_waiter *waiter, rouse_status status) {
    sequence_waiter *w = rouse_waiter_data(waiter);
    if (status == ROUSE_OK && sequence_await(w) == ROUSE_OK) {
        on_reached(w);
    }
}

static void sequence_advance(sequence *s) {
    atomic_fetch_add(&s->value, 1);
    rouse_waiter_queue_wake_all(&s->queue);
}

static unsigned reached;

static void on_reached(sequence_waiter *w) {
    CHECK(atomic_load(&w->sequence->value) == w->wanted);
    reached++;
}

static void try_sequence(void) {
    sequence s = {0, ROUSE_WAITER_QUEUE_INIT(0)};
    sequence_waiter w[3];
    for (unsigned i = 0; i < 3; i++) {
        rouse_waiter_init(&w[i].waiter, on_change, &w[i]);
        w[i].sequence = &s;
        w[i].wanted = i;
    }
    CHECK(sequence_await(&w[0]) == ROUSE_OK);
    CHECK(sequence_await(&w[2]) == ROUSE_PENDING && sequence_await(&w[1]) == ROUSE_PENDING);
    sequence_advance(&s);
    CHECK(reached == 1);
    sequence_advance(&s);
    CHECK(reached == 2 && rouse_waiter_queue_waiter_count(&s.queue) == 0);
    rouse_waiter_queue_destroy(&s.queue);
}

/* ---- memory ---- */

static bool prepare(rouse_semaphore *s, uint32_t most_waiters) {
    return rouse_semaphore_reserve(s, most_waiters) ==
           ROUSE_OK; /* MUTEX, SPIN: always, and nothing happens */
}

static void try_reserve(void) {
    rouse_semaphore s = ROUSE_SEMAPHORE_INIT(1);
    CHECK(prepare(&s, 1000));
    rouse_semaphore_destroy(&s);
}

int main(void) {
    try_model();
    try_polled();
    try_budget();
    try_notify();
    try_mutex();
    try_mailbox();
    try_timed();
    try_sequence();
    try_reserve();
    printf("guide: all of it works\n");
    return 0;
}
