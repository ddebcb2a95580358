/* The contract of mailbox.h: woken on any thread, run on the loop's. */
#include <rouse/mailbox.h>
#include <rouse/semaphore.h>

#include "support.h"

#include <sched.h>
#include <stdatomic.h>

typedef struct loop {
    rouse_mailbox mailbox;
    atomic_int kicks;
    pthread_t kicked_on;
} loop;

static void kick(void *arg) {
    loop *const l = (loop *)arg;
    l->kicked_on = pthread_self();
    atomic_fetch_add(&l->kicks, 1);
}

static void loop_init(loop *l) {
    atomic_init(&l->kicks, 0);
    rouse_mailbox_init(&l->mailbox, kick, l);
}

static int kicks_since(loop *l) {
    return atomic_exchange(&l->kicks, 0);
}

static void must_queue(rouse_semaphore *s, probe *p) {
    cr_assert_eq(rouse_semaphore_acquire(s, &p->waiter, 1), ROUSE_PENDING);
}

/* Waiters numbered from 0, on the mailbox and queued for one permit each. */
static void queue_on(loop *l, rouse_semaphore *s, probe *p, int count) {
    for (int i = 0; i < count; i++) {
        probe_init(&p[i], i);
        rouse_waiter_init_on(&p[i].waiter, &l->mailbox, probe_wake, &p[i]);
        must_queue(s, &p[i]);
    }
}

Test(mailbox, drain_of_an_empty_one_is_nothing) {
    loop l;
    loop_init(&l);
    cr_assert_eq(rouse_mailbox_drain(&l.mailbox), (size_t)0);
    cr_assert_eq(kicks_since(&l), 0);
    rouse_mailbox_destroy(&l.mailbox);
}

Test(mailbox, a_wake_runs_in_drain_and_not_before) {
    rouse_semaphore s = ROUSE_SEMAPHORE_INIT(0);
    loop l;
    probe p;
    loop_init(&l);
    queue_on(&l, &s, &p, 1);
    cr_assert_eq(rouse_waiter_data(&p.waiter), &p);
    cr_assert_eq(rouse_semaphore_release(&s, 1), ROUSE_OK);
    expect_no_wakes();
    cr_assert_eq(rouse_waiter_status(&p.waiter), ROUSE_OK, "granted when posted");
    cr_assert_eq(kicks_since(&l), 1);
    cr_assert_eq(rouse_mailbox_drain(&l.mailbox), (size_t)1);
    expect_wakes(0);
    cr_assert_eq(p.outcome, ROUSE_OK);
    cr_assert_eq(rouse_mailbox_drain(&l.mailbox), (size_t)0);
    rouse_mailbox_destroy(&l.mailbox);
    rouse_semaphore_destroy(&s);
}

Test(mailbox, one_kick_for_many_posts_and_oldest_first) {
    rouse_semaphore s = ROUSE_SEMAPHORE_INIT(0);
    loop l;
    probe p[5];
    loop_init(&l);
    queue_on(&l, &s, p, 5);
    cr_assert_eq(rouse_semaphore_release(&s, 2), ROUSE_OK);
    cr_assert_eq(rouse_semaphore_release(&s, 1), ROUSE_OK);
    cr_assert_eq(kicks_since(&l), 1, "only the first post found it empty");
    cr_assert_eq(rouse_mailbox_drain(&l.mailbox), (size_t)3);
    expect_wakes(0, 1, 2);
    cr_assert_eq(rouse_semaphore_release(&s, 2), ROUSE_OK);
    cr_assert_eq(kicks_since(&l), 1, "it was empty again");
    cr_assert_eq(rouse_mailbox_drain(&l.mailbox), (size_t)2);
    expect_wakes(3, 4);
    rouse_mailbox_destroy(&l.mailbox);
    rouse_semaphore_destroy(&s);
}

Test(mailbox, cancel_after_the_post_is_false_and_the_wake_is_owed) {
    rouse_semaphore s = ROUSE_SEMAPHORE_INIT(0);
    loop l;
    probe p[2];
    loop_init(&l);
    queue_on(&l, &s, p, 2);
    cr_assert_eq(rouse_semaphore_release(&s, 1), ROUSE_OK);
    cr_assert_not(rouse_semaphore_cancel(&s, &p[0].waiter));
    cr_assert(rouse_semaphore_cancel(&s, &p[1].waiter), "not posted");
    cr_assert_eq(rouse_mailbox_drain(&l.mailbox), (size_t)1);
    expect_wakes(0);
    rouse_mailbox_destroy(&l.mailbox);
    rouse_semaphore_destroy(&s);
}

Test(mailbox, close_is_posted_too) {
    rouse_semaphore s = ROUSE_SEMAPHORE_INIT(0);
    loop l;
    probe p[2];
    loop_init(&l);
    queue_on(&l, &s, p, 2);
    cr_assert_eq(rouse_semaphore_close(&s), 2u);
    expect_no_wakes();
    cr_assert_eq(rouse_mailbox_drain(&l.mailbox), (size_t)2);
    expect_wakes(0, 1);
    cr_assert_eq(p[0].outcome, ROUSE_CLOSED);
    cr_assert_eq(p[1].outcome, ROUSE_CLOSED);
    rouse_mailbox_destroy(&l.mailbox);
    rouse_semaphore_destroy(&s);
}

Test(mailbox, a_polled_waiter_does_not_use_it) {
    rouse_semaphore s = ROUSE_SEMAPHORE_INIT(0);
    loop l;
    rouse_waiter w;
    loop_init(&l);
    rouse_waiter_init_on(&w, &l.mailbox, NULL, NULL);
    cr_assert_eq(rouse_semaphore_acquire(&s, &w, 1), ROUSE_PENDING);
    cr_assert_eq(rouse_semaphore_release(&s, 1), ROUSE_OK);
    cr_assert_eq(rouse_waiter_status(&w), ROUSE_OK);
    cr_assert_eq(kicks_since(&l), 0);
    cr_assert_eq(rouse_mailbox_drain(&l.mailbox), (size_t)0);
    rouse_mailbox_destroy(&l.mailbox);
    rouse_semaphore_destroy(&s);
}

static void release_one(probe *p) {
    const size_t before = wake_log_length;
    cr_assert_eq(rouse_semaphore_release((rouse_semaphore *)p->arg, 1), ROUSE_OK);
    cr_assert_eq(wake_log_length, before, "deferred, or posted");
}

Test(mailbox, a_post_made_in_drain_is_served_by_it_or_announced) {
    rouse_semaphore s = ROUSE_SEMAPHORE_INIT(0);
    loop l;
    probe p[50];
    int drains = 0;
    loop_init(&l);
    queue_on(&l, &s, p, 50);
    for (int i = 0; i < 50; i++) {
        p[i].then = release_one;
        p[i].arg = &s;
    }
    cr_assert_eq(rouse_semaphore_release(&s, 1), ROUSE_OK);
    while (kicks_since(&l) != 0) { /* what a loop does */
        (void)rouse_mailbox_drain(&l.mailbox);
        drains++;
    }
    cr_assert_leq(drains, 51);
    cr_assert_eq(wake_log_length, (size_t)50, "no post was left behind");
    for (int i = 0; i < 50; i++) {
        cr_assert_eq(wake_log[i], i);
    }
    cr_assert_eq(rouse_semaphore_available(&s), 1u);
    rouse_mailbox_destroy(&l.mailbox);
    rouse_semaphore_destroy(&s);
}

/* A wake that drain runs is a wake like any other: what falls due inside it is deferred. */
Test(mailbox, wakes_that_fall_due_in_drain_are_deferred) {
    rouse_semaphore s = ROUSE_SEMAPHORE_INIT(0);
    rouse_semaphore plain = ROUSE_SEMAPHORE_INIT(0);
    loop l;
    probe p[2];
    probe other[2];
    loop_init(&l);
    queue_on(&l, &s, p, 2);
    for (int i = 0; i < 2; i++) {
        p[i].then = release_one;
        p[i].arg = &plain;
        probe_init(&other[i], 10 + i);
        must_queue(&plain, &other[i]);
    }
    cr_assert_eq(rouse_semaphore_release(&s, 2), ROUSE_OK);
    cr_assert_eq(rouse_mailbox_drain(&l.mailbox), (size_t)2);
    expect_wakes(0, 1, 10, 11);
    rouse_mailbox_destroy(&l.mailbox);
    rouse_semaphore_destroy(&s);
    rouse_semaphore_destroy(&plain);
}

static void drain_in_wake(probe *p) {
    cr_assert_eq(rouse_mailbox_drain((rouse_mailbox *)p->arg), (size_t)2);
    cr_assert_eq(wake_log_length, (size_t)1, "handed to the outermost call");
}

Test(mailbox, drain_inside_a_wake_defers_to_the_outermost_call) {
    rouse_semaphore s = ROUSE_SEMAPHORE_INIT(0);
    rouse_semaphore plain = ROUSE_SEMAPHORE_INIT(0);
    loop l;
    probe p[2];
    probe drainer;
    loop_init(&l);
    queue_on(&l, &s, p, 2);
    cr_assert_eq(rouse_semaphore_release(&s, 2), ROUSE_OK);
    probe_init(&drainer, 10);
    drainer.then = drain_in_wake;
    drainer.arg = &l.mailbox;
    must_queue(&plain, &drainer);
    cr_assert_eq(rouse_semaphore_release(&plain, 1), ROUSE_OK);
    expect_wakes(10, 0, 1);
    rouse_mailbox_destroy(&l.mailbox);
    rouse_semaphore_destroy(&s);
    rouse_semaphore_destroy(&plain);
}

static void queue_again_once(probe *p) {
    rouse_semaphore *const s = (rouse_semaphore *)p->arg;
    if (p->wakes == 1) {
        cr_assert_eq(rouse_semaphore_acquire(s, &p->waiter, 1), ROUSE_PENDING);
    }
}

Test(mailbox, a_waiter_may_queue_again_in_its_drained_wake) {
    rouse_semaphore s = ROUSE_SEMAPHORE_INIT(0);
    loop l;
    probe p[2];
    loop_init(&l);
    queue_on(&l, &s, p, 2);
    for (int i = 0; i < 2; i++) {
        p[i].then = queue_again_once;
        p[i].arg = &s;
    }
    cr_assert_eq(rouse_semaphore_release(&s, 2), ROUSE_OK);
    cr_assert_eq(rouse_mailbox_drain(&l.mailbox), (size_t)2);
    cr_assert_eq(rouse_semaphore_release(&s, 2), ROUSE_OK);
    cr_assert_eq(rouse_mailbox_drain(&l.mailbox), (size_t)2);
    expect_wakes(0, 1, 0, 1);
    rouse_mailbox_destroy(&l.mailbox);
    rouse_semaphore_destroy(&s);
}

/* ---- threads --------------------------------------------------------------------------------------------------------- */

static void *release_on_thread(void *arg) {
    cr_assert_eq(rouse_semaphore_release((rouse_semaphore *)arg, 1), ROUSE_OK);
    return NULL;
}

static pthread_t ran_on;
static void note_thread(probe *p) {
    (void)p;
    ran_on = pthread_self();
}

SHARED_TEST(mailbox, kick_on_the_waking_thread_and_wake_on_the_draining_one) {
    rouse_semaphore s = ROUSE_SEMAPHORE_INIT(0);
    loop l;
    probe p;
    loop_init(&l);
    queue_on(&l, &s, &p, 1);
    p.then = note_thread;
    l.kicked_on = pthread_self();
    run_on_thread(release_on_thread, &s, 0);
    cr_assert_eq(kicks_since(&l), 1);
    cr_assert_not(pthread_equal(l.kicked_on, pthread_self()));
    cr_assert_eq(rouse_mailbox_drain(&l.mailbox), (size_t)1);
    cr_assert(pthread_equal(ran_on, pthread_self()));
    rouse_mailbox_destroy(&l.mailbox);
    rouse_semaphore_destroy(&s);
}

/* Many threads release, the loop sleeps until it is kicked; every wake runs once, on the loop's thread. */
enum { POSTERS = 6, POSTS = 3000 };

typedef struct office {
    rouse_mailbox mailbox;
    rouse_semaphore semaphore;
    pthread_mutex_t lock;
    pthread_cond_t kicked;
    bool pending;
    pthread_t loop_thread;
    int wakes;
} office;

static void kick_office(void *arg) {
    office *const o = (office *)arg;
    (void)pthread_mutex_lock(&o->lock);
    o->pending = true;
    (void)pthread_cond_signal(&o->kicked);
    (void)pthread_mutex_unlock(&o->lock);
}

static void *post_many(void *arg) {
    office *const o = (office *)arg;
    for (int i = 0; i < POSTS; i++) {
        cr_assert_eq(rouse_semaphore_release(&o->semaphore, 1), ROUSE_OK);
    }
    return NULL;
}

static void office_wake(rouse_waiter *w, rouse_status status) {
    office *const o = (office *)rouse_waiter_data(w);
    cr_assert_eq(status, ROUSE_OK);
    cr_assert(pthread_equal(pthread_self(), o->loop_thread));
    o->wakes++;
    free(w);
}

/* Keeps one waiter queued until as many permits have been had as were posted. */
static void serve(office *o) {
    int had = 0;
    int queued = 0;
    while (had + o->wakes < POSTERS * POSTS) {
        while (queued - o->wakes < 4 && had + queued < POSTERS * POSTS) {
            rouse_waiter *const w = must_alloc(sizeof *w);
            rouse_status status;
            rouse_waiter_init_on(w, &o->mailbox, office_wake, o);
            status = rouse_semaphore_acquire(&o->semaphore, w, 1);
            if (status == ROUSE_PENDING) {
                queued++;
            } else {
                cr_assert_eq(status, ROUSE_OK);
                free(w);
                had++;
            }
        }
        if (had + o->wakes < POSTERS * POSTS) {
            (void)pthread_mutex_lock(&o->lock);
            while (!o->pending) {
                (void)pthread_cond_wait(&o->kicked, &o->lock);
            }
            o->pending = false;
            (void)pthread_mutex_unlock(&o->lock);
            (void)rouse_mailbox_drain(&o->mailbox);
        }
    }
    cr_assert_eq(queued, o->wakes);
}

SHARED_TEST(mailbox, many_posters_and_a_loop_that_sleeps, .timeout = 120) {
    static office o = {.semaphore = ROUSE_SEMAPHORE_INIT(0),
                       .lock = PTHREAD_MUTEX_INITIALIZER,
                       .kicked = PTHREAD_COND_INITIALIZER};
    pthread_t posters[POSTERS];
    o.loop_thread = pthread_self();
    rouse_mailbox_init(&o.mailbox, kick_office, &o);
    for (int i = 0; i < POSTERS; i++) {
        cr_assert_eq(pthread_create(&posters[i], NULL, post_many, &o), 0);
    }
    serve(&o);
    rouse_mailbox_destroy(
        &o.mailbox); /* waits for a kick that is still in progress, and then the mailbox is free */
    for (int i = 0; i < POSTERS; i++) {
        cr_assert_eq(pthread_join(posters[i], NULL), 0);
    }
    cr_assert_eq(rouse_semaphore_available(&o.semaphore), 0u);
    rouse_semaphore_destroy(&o.semaphore);
}
