/* examples/guide_more.c: more of the code of docs/guide.md: deadlines, limits, draining, threads,
 * throughput, any, once. Run and checked, like guide.c. */

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include <rouse/rouse.h>

#define CHECK(condition)                                                    \
    do {                                                                    \
        if (!(condition)) {                                                 \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition); \
            exit(1);                                                        \
        }                                                                   \
    } while (0)

/* ---- deadlines ---- */

typedef struct query query;
static void run_query(query *q);
static void fail_query(query *q, rouse_status status);

/* snippet: deadline */
struct query {
    rouse_timed place; /* instead of a rouse_waiter */
    int id;
};

static rouse_semaphore connections = ROUSE_SEMAPHORE_INIT(1);
static rouse_deadlines deadlines; /* one for each loop */

static void on_connection(rouse_timed *place, rouse_status status) {
    query *q = rouse_timed_data(place);
    if (status == ROUSE_OK) {
        run_query(q);
    } else {
        fail_query(q, status); /* ROUSE_TIMEDOUT, ROUSE_CLOSED */
    }
}

static void submit(query *q, uint64_t until) { /* nanoseconds, on a clock of yours */
    rouse_status status;
    rouse_timed_init(&q->place, &deadlines, NULL, on_connection, q);
    status = rouse_semaphore_acquire_until(&connections, &q->place, 1, until);
    if (status != ROUSE_PENDING) {
        on_connection(&q->place, status); /* the answer came at once */
    }
}

/* In each turn of the loop, after the drain if there is a mailbox. */
static void run_time_outs(uint64_t now) {
    (void)rouse_deadlines_run(&deadlines, now);
}
/* end snippet */

static int queries_run, queries_failed;

static void run_query(query *q) {
    (void)q;
    queries_run++;
}

static void fail_query(query *q, rouse_status status) {
    CHECK(q->id == 1 && status == ROUSE_TIMEDOUT);
    queries_failed++;
}

static void try_deadline(void) {
    query q[3] = {{.id = 0}, {.id = 1}, {.id = 2}};
    rouse_deadlines_init(&deadlines);
    submit(&q[0], 100);
    submit(&q[1], 100);
    submit(&q[2], 200);
    CHECK(queries_run == 1 && rouse_deadlines_next(&deadlines) == 100);
    run_time_outs(150);
    CHECK(queries_failed == 1);
    rouse_semaphore_release(&connections, 1);
    CHECK(queries_run == 2 && rouse_deadlines_next(&deadlines) == UINT64_MAX);
    rouse_semaphore_release(&connections, 1);
    rouse_deadlines_destroy(&deadlines);
    rouse_semaphore_destroy(&connections);
}

/* ---- changing the limit ---- */

static int complaints;

static void complain(const char *what) {
    CHECK(what != NULL);
    complaints++;
}

/* snippet: resize */
static rouse_limit pool = ROUSE_LIMIT_INIT(8, 1000); /* 8 at a time; at most 1000 wait */

/* ROUSE_FULL: 1000 wait already. Answer 503 now instead of after a minute. */
static rouse_status check_out(rouse_waiter *w) {
    return rouse_limit_acquire(&pool, w, 1);
}

static void check_in(void) {
    if (rouse_limit_give_back(&pool, 1) == ROUSE_OVERFLOW) {
        complain("a connection was given back twice");
    }
}

/* On any thread, also while more than that are in use. */
static void backend_resized(uint32_t replicas) {
    (void)rouse_limit_set(&pool, 4 * replicas);
}
/* end snippet */

static int granted;

static void count_grant(rouse_waiter *w, rouse_status status) {
    (void)w;
    granted += status == ROUSE_OK;
}

static void try_resize(void) {
    rouse_waiter w;
    rouse_waiter_init(&w, count_grant, NULL);
    for (int i = 0; i < 8; i++) {
        CHECK(check_out(&w) == ROUSE_OK);
    }
    backend_resized(1);
    CHECK(check_out(&w) == ROUSE_PENDING);
    for (int i = 0; i < 4; i++) {
        check_in();
    }
    CHECK(granted == 0 && rouse_limit_in_use(&pool) == 4);
    check_in();
    CHECK(granted == 1 && rouse_limit_in_use(&pool) == 4);
    for (int i = 0; i < 4; i++) {
        check_in();
    }
    CHECK(complaints == 0);
    check_in();
    CHECK(complaints == 1);
    rouse_limit_destroy(&pool);
}

/* ---- two limits at once ---- */

typedef struct fetch fetch;
static void start_fetch(fetch *f);
static void fetch_over(fetch *f, rouse_status status);

/* snippet: two-limits */
struct fetch {
    rouse_several place;
    int id;
};

static rouse_limit at_host = ROUSE_LIMIT_INIT(3, UINT32_MAX);    /* connections to one host */
static rouse_limit in_all = ROUSE_LIMIT_INIT(1, UINT32_MAX);     /* connections of the program */
static const rouse_step steps[] = {{&at_host, 1}, {&in_all, 1}}; /* every fetch takes them in this order */

static void on_both(rouse_several *place, rouse_status status) {
    fetch *f = rouse_several_data(place);
    if (status == ROUSE_OK) {
        start_fetch(f); /* it has a permit of each */
    } else {
        fetch_over(f, status); /* it has none; nothing is owed */
    }
}

static void begin_fetch(fetch *f) {
    rouse_status status;
    rouse_several_init(&f->place, NULL, on_both, f);
    status = rouse_several_acquire(&f->place, steps, 2);
    if (status != ROUSE_PENDING) {
        on_both(&f->place, status);
    }
}

/* The client has gone, and f may be anywhere on its way through the steps. */
static void stop_fetch(fetch *f) {
    if (rouse_several_cancel(&f->place)) {
        fetch_over(f, ROUSE_CANCELLED); /* what it held has been given back */
    }
}

static void fetch_is_done(fetch *f) {
    fetch_over(f, ROUSE_OK);            /* must not free f yet: its place holds the permits */
    rouse_several_give_back(&f->place); /* last: anything may have run when it returns */
}
/* end snippet */

static int fetches_started, fetches_over;

static void start_fetch(fetch *f) {
    (void)f;
    fetches_started++;
}

static void fetch_over(fetch *f, rouse_status status) {
    CHECK(status == (f->id == 1 ? ROUSE_CANCELLED : ROUSE_OK));
    fetches_over++;
}

static void try_two_limits(void) {
    fetch f[3] = {{.id = 0}, {.id = 1}, {.id = 2}};
    for (int i = 0; i < 3; i++) {
        begin_fetch(&f[i]);
    }
    CHECK(fetches_started == 1 && rouse_limit_in_use(&at_host) == 3);
    stop_fetch(&f[1]);
    CHECK(fetches_over == 1 && rouse_limit_in_use(&at_host) == 2);
    fetch_is_done(&f[0]);
    CHECK(fetches_started == 2 && fetches_over == 2);
    fetch_is_done(&f[2]);
    CHECK(rouse_limit_in_use(&at_host) == 0 && rouse_limit_in_use(&in_all) == 0);
    rouse_limit_destroy(&at_host);
    rouse_limit_destroy(&in_all);
}

/* ---- wait for N, draining ---- */

static bool over;

static void stop_loop(void) {
    over = true;
}

static rouse_gate parts;
static rouse_waiter all_parts;

static void on_all_parts(rouse_waiter *w, rouse_status status) {
    (void)w;
    (void)status;
    stop_loop();
}

/* snippet: wait-for-n */
static rouse_status wait_for_parts(uint32_t n) {
    rouse_waiter_init(&all_parts, on_all_parts, NULL);
    rouse_gate_init(&parts, n);     /* n are inside: each calls rouse_gate_leave(&parts, 1) when it is done */
    (void)rouse_gate_close(&parts); /* nobody else will be */
    return rouse_gate_wait(&parts, &all_parts);
}
/* end snippet */

static void try_wait_for_n(void) {
    CHECK(wait_for_parts(3) == ROUSE_PENDING);
    rouse_gate_leave(&parts, 2);
    CHECK(!over);
    rouse_gate_leave(&parts, 1);
    CHECK(over);
    over = false;
    rouse_gate_destroy(&parts);
}

/* snippet: drain */
static rouse_gate in_flight; /* all zero: open, and nobody is inside */
static rouse_semaphore workers = ROUSE_SEMAPHORE_INIT(2);
static rouse_waiter drained;

/* When a request arrives, before it queues for anything. */
static bool request_begins(void) {
    return rouse_gate_enter(&in_flight); /* false: the server is shutting down; refuse it */
}

/* Last, when the request has been answered or refused. */
static void request_ends(void) {
    (void)rouse_gate_leave(&in_flight, 1);
}

static void on_drained(rouse_waiter *w, rouse_status status) {
    (void)w;
    (void)status;
    rouse_semaphore_destroy(&workers); /* nobody is inside, and nobody will be */
    rouse_gate_destroy(&in_flight);
    stop_loop();
}

static void on_sigterm(void) {
    rouse_status status;
    rouse_waiter_init(&drained, on_drained, NULL);
    (void)rouse_gate_close(&in_flight);    /* no new requests */
    (void)rouse_semaphore_close(&workers); /* those that queue: ROUSE_CLOSED; those that run, finish */
    status = rouse_gate_wait(&in_flight, &drained);
    if (status != ROUSE_PENDING) {
        on_drained(&drained, status);
    }
}
/* end snippet */

static void refused_request(rouse_waiter *w, rouse_status status) {
    (void)w;
    CHECK(status == ROUSE_CLOSED);
    request_ends();
}

static void try_drain(void) {
    rouse_waiter w[3];
    for (int i = 0; i < 3; i++) {
        rouse_waiter_init(&w[i], refused_request, NULL);
        CHECK(request_begins());
        CHECK(rouse_semaphore_acquire(&workers, &w[i], 1) == (i < 2 ? ROUSE_OK : ROUSE_PENDING));
    }
    on_sigterm();
    CHECK(!request_begins() && !over && rouse_gate_count(&in_flight) == 2);
    for (int i = 0; i < 2; i++) {
        rouse_semaphore_release(&workers, 1);
        request_ends();
    }
    CHECK(over);
}

/* ---- run this on the loop ---- */

/* snippet: post */
typedef struct hashing {
    rouse_waiter done; /* carries the result home; it queues for nothing */
    rouse_mailbox *loop;
    uint32_t input, result;
} hashing;

/* On a worker thread. */
static void *hash(void *data) {
    hashing *h = data;
    h->result = h->input * UINT32_C(2654435761);
    rouse_mailbox_post(h->loop, &h->done, ROUSE_OK); /* from here on h is the loop's */
    return NULL;
}

/* On the loop's thread: the client has gone, and its result is not wanted. True: on_hashed will never run. */
static bool forget_result(hashing *h) {
    return rouse_mailbox_revoke(h->loop, &h->done);
}
/* end snippet */

static int hashes;

static void on_hashed(rouse_waiter *w, rouse_status status) {
    const hashing *h = rouse_waiter_data(w);
    CHECK(status == ROUSE_OK && h->result == h->input * UINT32_C(2654435761));
    hashes++;
}

static void try_post(void) {
    rouse_mailbox loop;
    hashing h[2];
    rouse_mailbox_init(&loop, NULL, NULL); /* no kick: this loop drains in every turn */
    for (uint32_t i = 0; i < 2; i++) {
        pthread_t worker;
        h[i].loop = &loop;
        h[i].input = i + 1;
        rouse_waiter_init(&h[i].done, on_hashed, &h[i]);
        CHECK(pthread_create(&worker, NULL, hash, &h[i]) == 0);
        pthread_join(worker, NULL);
    }
    CHECK(hashes == 0 && forget_result(&h[1]));
    CHECK(rouse_mailbox_drain(&loop) == 1 && hashes == 1);
    rouse_mailbox_destroy(&loop);
}

/* ---- threads ---- */

/* snippet: thread-waiter */
static bool await_started(rouse_event *started, uint64_t timeout_ns) {
    rouse_thread_waiter t;
    rouse_status status;
    rouse_thread_waiter_init(&t);
    status = rouse_event_wait(started, &t.waiter);
    if (status == ROUSE_PENDING &&
        !rouse_thread_waiter_await_until(&t, rouse_now_ns() + timeout_ns, &status)) {
        status = rouse_event_cancel(started, &t.waiter)
                     ? ROUSE_TIMEDOUT
                     : rouse_thread_waiter_await(&t, ROUSE_PENDING); /* too late: it has just been set */
    }
    rouse_thread_waiter_destroy(&t);
    return status == ROUSE_OK;
}
/* end snippet */

static void *set_event(void *event) {
    (void)rouse_event_set(event);
    return NULL;
}

static void try_thread_waiter(void) {
    rouse_event started = ROUSE_EVENT_INIT;
    pthread_t other;
    CHECK(!await_started(&started, 1000));
    CHECK(pthread_create(&other, NULL, set_event, &started) == 0);
    CHECK(await_started(&started, UINT64_C(60000000000)));
    pthread_join(other, NULL);
    rouse_event_destroy(&started);
}

/* snippet: condvar */
static rouse_mutex stock_lock = ROUSE_MUTEX_INIT;
static rouse_condvar stock_changed = ROUSE_CONDVAR_INIT;
static unsigned stock;

static bool take_from_stock(void) {
    if (rouse_mutex_lock_blocking(&stock_lock) != ROUSE_OK) {
        return false;
    }
    while (stock == 0) {
        if (rouse_condvar_wait_blocking(&stock_changed, &stock_lock) != ROUSE_OK) {
            return false; /* closed: the mutex is not held */
        }
    }
    stock--;
    rouse_mutex_unlock(&stock_lock);
    return true;
}
/* end snippet */

static void add_to_stock(void) {
    if (rouse_mutex_lock_blocking(&stock_lock) == ROUSE_OK) {
        stock++;
        (void)rouse_condvar_signal(&stock_changed);
        rouse_mutex_unlock(&stock_lock);
    }
}

static void *take_ten(void *unused) {
    for (int i = 0; i < 10; i++) {
        CHECK(take_from_stock());
    }
    return unused;
}

static void try_condvar(void) {
    pthread_t taker;
    CHECK(pthread_create(&taker, NULL, take_ten, NULL) == 0);
    for (int i = 0; i < 10; i++) {
        add_to_stock();
    }
    pthread_join(taker, NULL);
    CHECK(stock == 0);
    rouse_condvar_destroy(&stock_changed);
    rouse_mutex_destroy(&stock_lock);
}

/* snippet: channel */
static int slots[16];
static rouse_channel numbers; /* rouse_channel_init(&numbers, slots, 16, sizeof slots[0]) */

static void *produce(void *unused) {
    for (int i = 1; i <= 100; i++) {
        if (rouse_channel_send_blocking(&numbers, &i) != ROUSE_OK) {
            break; /* closed: nobody wants them any more */
        }
    }
    (void)rouse_channel_close(&numbers); /* what has been accepted is still received */
    return unused;
}

static int consume(void) {
    int sum = 0, number;
    while (rouse_channel_receive_blocking(&numbers, &number) == ROUSE_OK) {
        sum += number;
    }
    return sum; /* ROUSE_CLOSED: closed, and empty */
}
/* end snippet */

static void try_channel(void) {
    pthread_t producer;
    CHECK(rouse_channel_init(&numbers, slots, 16, sizeof slots[0]) == ROUSE_OK);
    CHECK(pthread_create(&producer, NULL, produce, NULL) == 0);
    CHECK(consume() == 5050);
    pthread_join(producer, NULL);
    rouse_channel_destroy(&numbers);
}

/* ---- fair or fast ---- */

typedef struct task task;
static void run_later(task *t);
static void run(task *t);

struct task {
    rouse_waiter waiter;
};

/* snippet: throughput */
static rouse_semaphore fast = ROUSE_SEMAPHORE_INIT_THROUGHPUT(1, ROUSE_BYPASS);

/* ROUSE_RETRY: it is this task's turn to ask. Any other status is the outcome, as ever. */
static void on_turn(rouse_waiter *w, rouse_status status) {
    (void)status;
    run_later(rouse_waiter_data(w));
}

/* The run queue calls this when the task's turn there has come. */
static void task_turn(task *t) {
    const rouse_status status = rouse_semaphore_resume(&fast, &t->waiter);
    if (status == ROUSE_OK) {
        run(t);
    } /* ROUSE_PENDING: another was quicker, and on_turn will be called again; ROUSE_CLOSED: refuse it */
}
/* end snippet */

static task *to_run;
static int tasks_run;

static void run_later(task *t) {
    to_run = t;
}

static void run(task *t) {
    (void)t;
    tasks_run++;
}

static void try_throughput(void) {
    task a = {0}, b = {0};
    rouse_waiter_init(&a.waiter, on_turn, &a);
    rouse_waiter_init(&b.waiter, on_turn, &b);
    CHECK(rouse_semaphore_acquire(&fast, &a.waiter, 1) == ROUSE_OK);
    CHECK(rouse_semaphore_acquire(&fast, &b.waiter, 1) == ROUSE_PENDING);
    rouse_semaphore_release(&fast, 1);
    CHECK(to_run == &b && tasks_run == 0);
    task_turn(to_run);
    CHECK(tasks_run == 1);
    rouse_semaphore_release(&fast, 1);
    rouse_semaphore_destroy(&fast);
}

/* ---- the first of several ---- */

typedef struct upload upload;
static void begin_upload(upload *u);
static void abandon_upload(upload *u);

/* snippet: any */
struct upload {
    rouse_any any;
    rouse_arm arms[2];
};

static rouse_event stopping = ROUSE_EVENT_INIT; /* set once: stop now */
static rouse_semaphore uploads = ROUSE_SEMAPHORE_INIT(1);

static void on_first(rouse_any *any, int index, rouse_status status) {
    upload *u = rouse_any_data(any);
    if (index == 1 && status == ROUSE_OK) {
        begin_upload(u); /* it owes a release of `uploads` */
    } else {
        abandon_upload(u); /* stopping is set; nothing was taken */
    }
}

static void permit_or_stop(upload *u) {
    rouse_status status;
    rouse_arm_event(&u->arms[0], &stopping); /* the first arm wins a tie */
    rouse_arm_semaphore(&u->arms[1], &uploads, 1);
    rouse_any_init(&u->any, u->arms, 2, NULL, on_first, u);
    status = rouse_any_wait(&u->any);
    if (status != ROUSE_PENDING) {
        on_first(&u->any, rouse_any_index(&u->any), status);
    }
}
/* end snippet */

static int begun, abandoned;

static void begin_upload(upload *u) {
    (void)u;
    begun++;
}

static void abandon_upload(upload *u) {
    (void)u;
    abandoned++;
}

static void try_any(void) {
    upload u[3];
    permit_or_stop(&u[0]);
    permit_or_stop(&u[1]);
    permit_or_stop(&u[2]);
    CHECK(begun == 1);
    rouse_semaphore_release(&uploads, 1);
    CHECK(begun == 2 && abandoned == 0);
    (void)rouse_event_set(&stopping);
    CHECK(abandoned == 1 && rouse_semaphore_waiter_count(&uploads) == 0);
    rouse_semaphore_release(&uploads, 1);
    CHECK(rouse_semaphore_available(&uploads) == 1);
    rouse_semaphore_destroy(&uploads);
    rouse_event_destroy(&stopping);
}

/* ---- singleflight ---- */

typedef struct lookup lookup;
static void start_load(lookup *l);
static void answer(lookup *l, bool found);

/* snippet: singleflight */
typedef struct entry {
    rouse_once loaded;
    int value;
} entry;

struct lookup {
    rouse_waiter waiter;
    entry *entry;
};

static void on_entry(rouse_waiter *w, rouse_status status) {
    lookup *l = rouse_waiter_data(w);
    if (status == ROUSE_CLOSED) { /* it is loaded */
        answer(l, true);
    } else if (status == ROUSE_OK) { /* this one loads it; on_loaded will be called */
        start_load(l);
    } else {
        answer(l, false);
    }
}

static void look_up(lookup *l) {
    rouse_status status;
    rouse_waiter_init(&l->waiter, on_entry, l);
    status = rouse_once_begin(&l->entry->loaded, &l->waiter);
    if (status != ROUSE_PENDING) {
        on_entry(&l->waiter, status);
    }
}

static void on_loaded(lookup *l, const int *value) {
    entry *e = l->entry;
    if (value == NULL) {
        answer(l, false);
        (void)rouse_once_failed(&e->loaded); /* the oldest of the others tries */
    } else {
        e->value = *value;
        answer(l, true);
        (void)rouse_once_done(&e->loaded); /* all others get it */
    }
}
/* end snippet */

static lookup *loading;
static int loads, found, missed;

static void start_load(lookup *l) {
    loading = l;
    loads++;
}

static void answer(lookup *l, bool is_found) {
    CHECK(!is_found || l->entry->value == 7);
    found += is_found;
    missed += !is_found;
}

static void try_singleflight(void) {
    const int seven = 7;
    entry e = {ROUSE_ONCE_INIT, 0};
    lookup l[5];
    for (int i = 0; i < 4; i++) {
        l[i].entry = &e;
        look_up(&l[i]);
    }
    CHECK(loads == 1 && loading == &l[0]);
    on_loaded(loading, NULL);
    CHECK(missed == 1 && loads == 2 && loading == &l[1]);
    on_loaded(loading, &seven);
    CHECK(found == 3 && loads == 2);
    l[4].entry = &e;
    look_up(&l[4]);
    CHECK(found == 4);
    rouse_once_destroy(&e.loaded);
}

int main(void) {
    try_deadline();
    try_resize();
    try_two_limits();
    try_wait_for_n();
    try_drain();
    try_post();
    try_thread_waiter();
    try_condvar();
    try_channel();
    try_throughput();
    try_any();
    try_singleflight();
    printf("guide_more: all of it works\n");
    return 0;
}
