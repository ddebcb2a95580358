/* The contract of mailbox.h: woken on any thread, run on the loop's. */
#include <rouse/mailbox.h>
#include <rouse/semaphore.h>

#include "support.h"

#include <sched.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

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

/* A wake that drain runs is a wake like any other: wakes that become due inside it are deferred. */
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

/* ---- post -------------------------------------------------------------------------------------------------------------- */

static void post_probe(loop *l, probe *p, int id, rouse_status status) {
    probe_init(p, id);
    rouse_mailbox_post(&l->mailbox, &p->waiter, status);
}

Test(mailbox, what_is_posted_runs_in_a_drain_with_its_status) {
    loop l;
    probe p[3];
    loop_init(&l);
    post_probe(&l, &p[0], 0, ROUSE_OK);
    post_probe(&l, &p[1], 1, ROUSE_CLOSED);
    post_probe(&l, &p[2], 2, ROUSE_TIMEDOUT);
    expect_no_wakes();
    cr_assert_eq(kicks_since(&l), 1);
    cr_assert_eq(rouse_waiter_status(&p[1].waiter), ROUSE_CLOSED);
    cr_assert_eq(rouse_mailbox_drain(&l.mailbox), (size_t)3);
    expect_wakes(0, 1, 2);
    cr_assert_eq(p[0].outcome, ROUSE_OK);
    cr_assert_eq(p[1].outcome, ROUSE_CLOSED);
    cr_assert_eq(p[2].outcome, ROUSE_TIMEDOUT);
    rouse_mailbox_destroy(&l.mailbox);
}

Test(mailbox, to_cancel_what_is_posted_is_false) {
    rouse_semaphore s = ROUSE_SEMAPHORE_INIT(0);
    loop l;
    probe p;
    loop_init(&l);
    post_probe(&l, &p, 0, ROUSE_OK);
    cr_assert_not(rouse_semaphore_cancel(&s, &p.waiter));
    cr_assert_eq(rouse_mailbox_drain(&l.mailbox), (size_t)1);
    expect_wakes(0);
    rouse_mailbox_destroy(&l.mailbox);
    rouse_semaphore_destroy(&s);
}

/* Its own mailbox is another one, and stays so. */
Test(mailbox, a_waiter_of_another_mailbox_may_be_posted) {
    rouse_semaphore s = ROUSE_SEMAPHORE_INIT(0);
    loop own;
    loop other;
    probe p;
    loop_init(&own);
    loop_init(&other);
    probe_init(&p, 0);
    rouse_waiter_init_on(&p.waiter, &own.mailbox, probe_wake, &p);
    rouse_mailbox_post(&other.mailbox, &p.waiter, ROUSE_OK);
    cr_assert_eq(kicks_since(&own), 0);
    cr_assert_eq(rouse_mailbox_drain(&own.mailbox), (size_t)0);
    cr_assert_eq(rouse_mailbox_drain(&other.mailbox), (size_t)1);
    must_queue(&s, &p);
    cr_assert_eq(rouse_semaphore_release(&s, 1), ROUSE_OK);
    cr_assert_eq(rouse_mailbox_drain(&other.mailbox), (size_t)0);
    cr_assert_eq(rouse_mailbox_drain(&own.mailbox), (size_t)1);
    expect_wakes(0, 0);
    rouse_mailbox_destroy(&own.mailbox);
    rouse_mailbox_destroy(&other.mailbox);
    rouse_semaphore_destroy(&s);
}

static void post_again(probe *p) {
    if (p->wakes < 5) {
        rouse_mailbox_post((rouse_mailbox *)p->arg, &p->waiter, ROUSE_OK);
    }
}

Test(mailbox, a_wake_may_post_its_own_waiter_again_for_the_next_drain) {
    loop l;
    probe p;
    loop_init(&l);
    probe_init(&p, 0);
    p.then = post_again;
    p.arg = &l.mailbox;
    rouse_mailbox_post(&l.mailbox, &p.waiter, ROUSE_OK);
    for (unsigned turn = 1; turn <= 5; turn++) {
        cr_assert_eq(kicks_since(&l), 1);
        cr_assert_eq(rouse_mailbox_drain(&l.mailbox), (size_t)1);
        cr_assert_eq(p.wakes, turn);
    }
    cr_assert_eq(rouse_mailbox_drain(&l.mailbox), (size_t)0);
    rouse_mailbox_destroy(&l.mailbox);
}

Test(mailbox, without_a_kick_the_loop_drains_in_every_turn) {
    rouse_semaphore s = ROUSE_SEMAPHORE_INIT(0);
    loop l;
    probe p[2];
    rouse_mailbox_init(&l.mailbox, NULL, NULL);
    queue_on(&l, &s, p, 1);
    post_probe(&l, &p[1], 1, ROUSE_OK);
    cr_assert_eq(rouse_semaphore_release(&s, 1), ROUSE_OK);
    cr_assert_eq(rouse_mailbox_drain(&l.mailbox), (size_t)2);
    expect_wakes(1, 0);
    rouse_mailbox_destroy(&l.mailbox);
    rouse_semaphore_destroy(&s);
}

/* ---- revoke ------------------------------------------------------------------------------------------------------------ */

Test(mailbox, revoke_takes_back_a_grant_that_lies_in_the_mailbox) {
    rouse_semaphore s = ROUSE_SEMAPHORE_INIT(0);
    loop l;
    probe p[4];
    loop_init(&l);
    queue_on(&l, &s, p, 4);
    cr_assert_not(rouse_mailbox_revoke(&l.mailbox, &p[1].waiter), "queued: none is due");
    cr_assert_eq(rouse_semaphore_release(&s, 3), ROUSE_OK);
    cr_assert_not(rouse_semaphore_cancel(&s, &p[1].waiter));
    cr_assert(rouse_mailbox_revoke(&l.mailbox, &p[1].waiter));
    cr_assert_eq(rouse_waiter_status(&p[1].waiter), ROUSE_OK, "the grant is the caller's");
    cr_assert_not(rouse_mailbox_revoke(&l.mailbox, &p[1].waiter), "nothing is in it any more");
    cr_assert_not(rouse_mailbox_revoke(&l.mailbox, &p[3].waiter), "queued still");
    memset(&p[1].waiter, 0xee, sizeof p[1].waiter);
    cr_assert_eq(rouse_semaphore_release(&s, 1), ROUSE_OK, "what was revoked is given back");
    cr_assert_eq(rouse_mailbox_drain(&l.mailbox), (size_t)3);
    expect_wakes(0, 2, 3);
    cr_assert_not(rouse_mailbox_revoke(&l.mailbox, &p[0].waiter), "its wake has run");
    rouse_mailbox_destroy(&l.mailbox);
    rouse_semaphore_destroy(&s);
}

/* In every order, the last one first, and what comes later is neither lost nor overtaken. */
Test(mailbox, revoke_any_of_several_in_any_order) {
    static const int orders[6][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
    for (int order = 0; order < 6; order++) {
        for (int count = 0; count <= 3; count++) {
            loop l;
            probe p[5];
            size_t expected = 0;
            loop_init(&l);
            wake_log_length = 0;
            for (int i = 0; i < 3; i++) {
                post_probe(&l, &p[i], i, ROUSE_OK);
            }
            for (int i = 0; i < count; i++) {
                cr_assert(rouse_mailbox_revoke(&l.mailbox, &p[orders[order][i]].waiter));
                if (i == 0) {
                    post_probe(&l, &p[3], 3, ROUSE_OK);
                }
            }
            post_probe(&l, &p[4], 4, ROUSE_OK);
            cr_assert_eq(rouse_mailbox_drain(&l.mailbox), (size_t)(4 - count + (count > 0 ? 1 : 0)));
            for (int i = 0; i < 5; i++) {
                bool out = i == 3 && count == 0;
                for (int k = 0; k < count; k++) {
                    out = out || orders[order][k] == i;
                }
                if (!out) {
                    cr_assert_eq(wake_log[expected++], i);
                }
            }
            cr_assert_eq(wake_log_length, expected);
            rouse_mailbox_destroy(&l.mailbox);
        }
    }
}

typedef struct killer {
    loop *l;
    probe *victims[2];
    bool revoked[2];
} killer;

static void revoke_victims(probe *p) {
    killer *const k = (killer *)p->arg;
    for (int i = 0; i < 2; i++) {
        if (k->victims[i] != NULL) {
            k->revoked[i] = rouse_mailbox_revoke(&k->l->mailbox, &k->victims[i]->waiter);
            free(k->victims[i]);
        }
    }
}

/* Wake 1 frees the connection of wake 2: it is in the batch that the running drain has taken. */
Test(mailbox, a_wake_may_revoke_and_free_the_next_of_its_batch) {
    rouse_semaphore s = ROUSE_SEMAPHORE_INIT(0);
    loop l;
    probe p[2];
    killer k = {&l, {must_alloc(sizeof(probe)), must_alloc(sizeof(probe))}, {false, false}};
    loop_init(&l);
    queue_on(&l, &s, p, 1);
    queue_on(&l, &s, k.victims[0], 1);
    probe_init(&p[1], 1);
    rouse_waiter_init_on(&p[1].waiter, &l.mailbox, probe_wake, &p[1]);
    must_queue(&s, &p[1]);
    queue_on(&l, &s, k.victims[1], 1);
    p[0].then = revoke_victims;
    p[0].arg = &k;
    cr_assert_eq(rouse_semaphore_release(&s, 4), ROUSE_OK);
    cr_assert_eq(rouse_mailbox_drain(&l.mailbox), (size_t)2, "those that were revoked did not run");
    cr_assert(k.revoked[0] && k.revoked[1]);
    expect_wakes(0, 1);
    rouse_mailbox_destroy(&l.mailbox);
    rouse_semaphore_destroy(&s);
}

static void release_and_revoke(probe *p) {
    killer *const k = (killer *)p->arg;
    for (int i = 0; i < 2; i++) {
        rouse_mailbox_post(&k->l->mailbox, &k->victims[i]->waiter, ROUSE_OK);
    }
    cr_assert_eq(rouse_mailbox_drain(&k->l->mailbox), (size_t)2, "left to the outermost call");
    revoke_victims(p);
}

Test(mailbox, revoke_what_a_drain_inside_a_wake_has_deferred) {
    rouse_semaphore s = ROUSE_SEMAPHORE_INIT(0);
    loop l;
    probe p;
    killer k = {&l, {must_alloc(sizeof(probe)), must_alloc(sizeof(probe))}, {false, false}};
    loop_init(&l);
    probe_init(&p, 0);
    probe_init(k.victims[0], 1);
    probe_init(k.victims[1], 2);
    p.then = release_and_revoke;
    p.arg = &k;
    must_queue(&s, &p);
    cr_assert_eq(rouse_semaphore_release(&s, 1), ROUSE_OK);
    cr_assert(k.revoked[0] && k.revoked[1]);
    expect_wakes(0);
    cr_assert_eq(rouse_mailbox_drain(&l.mailbox), (size_t)0);
    rouse_mailbox_destroy(&l.mailbox);
    rouse_semaphore_destroy(&s);
}

/* The revoke takes the other one out of the mailbox's stack as well. */
static void revoke_one_and_drain(probe *p) {
    killer *const k = (killer *)p->arg;
    for (int i = 0; i < 2; i++) {
        rouse_mailbox_post(&k->l->mailbox, &k->victims[i]->waiter, ROUSE_OK);
    }
    cr_assert(rouse_mailbox_revoke(&k->l->mailbox, &k->victims[0]->waiter));
    cr_assert_eq(rouse_mailbox_drain(&k->l->mailbox), (size_t)1);
}

Test(mailbox, a_wake_that_a_drain_inside_a_wake_has_left_is_counted_once) {
    loop l;
    probe p[3];
    killer k = {&l, {&p[1], &p[2]}, {false, false}};
    loop_init(&l);
    for (int i = 0; i < 3; i++) {
        probe_init(&p[i], i);
    }
    p[0].then = revoke_one_and_drain;
    p[0].arg = &k;
    rouse_mailbox_post(&l.mailbox, &p[0].waiter, ROUSE_OK);
    cr_assert_eq(rouse_mailbox_drain(&l.mailbox), (size_t)1, "the other was the inner drain's");
    expect_wakes(0, 2);
    rouse_mailbox_destroy(&l.mailbox);
}

/* Each revoke takes out all that was posted before it, behind what the others took. */
Test(mailbox, revoke_the_first_of_what_a_revoke_took_out_behind_others) {
    loop l;
    probe p[4];
    loop_init(&l);
    for (int i = 0; i < 4; i++) {
        probe_init(&p[i], i);
        rouse_mailbox_post(&l.mailbox, &p[i].waiter, ROUSE_OK);
        if (i % 2 == 1) {
            cr_assert(rouse_mailbox_revoke(&l.mailbox, &p[i].waiter));
        }
    }
    cr_assert(rouse_mailbox_revoke(&l.mailbox, &p[2].waiter));
    cr_assert_eq(rouse_mailbox_drain(&l.mailbox), (size_t)1);
    expect_wakes(0);
    rouse_mailbox_destroy(&l.mailbox);
}

static void grant_in_wake_and_revoke(probe *p) {
    killer *const k = (killer *)p->arg;
    cr_assert_eq(rouse_semaphore_release((rouse_semaphore *)k->victims[0]->arg, 1), ROUSE_OK);
    revoke_victims(p);
}

Test(mailbox, revoke_what_a_release_inside_a_wake_has_granted) {
    rouse_semaphore s = ROUSE_SEMAPHORE_INIT(0);
    rouse_semaphore t = ROUSE_SEMAPHORE_INIT(0);
    loop l;
    probe p;
    killer k = {&l, {must_alloc(sizeof(probe)), NULL}, {false, false}};
    loop_init(&l);
    queue_on(&l, &t, k.victims[0], 1);
    k.victims[0]->arg = &t;
    probe_init(&p, 0);
    p.then = grant_in_wake_and_revoke;
    p.arg = &k;
    must_queue(&s, &p);
    cr_assert_eq(rouse_semaphore_release(&s, 1), ROUSE_OK);
    cr_assert(k.revoked[0]);
    expect_wakes(0);
    rouse_mailbox_destroy(&l.mailbox);
    rouse_semaphore_destroy(&s);
    rouse_semaphore_destroy(&t);
}

Test(mailbox, revoke_what_was_closed) {
    rouse_semaphore s = ROUSE_SEMAPHORE_INIT(0);
    loop l;
    probe p;
    loop_init(&l);
    queue_on(&l, &s, &p, 1);
    cr_assert_eq(rouse_semaphore_close(&s), 1u);
    cr_assert(rouse_mailbox_revoke(&l.mailbox, &p.waiter));
    cr_assert_eq(rouse_waiter_status(&p.waiter), ROUSE_CLOSED);
    rouse_mailbox_destroy(&l.mailbox);
    rouse_semaphore_destroy(&s);
}

static void destroy_mailbox(probe *p) {
    loop *const l = (loop *)p->arg;
    rouse_mailbox_destroy(&l->mailbox);
    free(l);
}

/* The last wake of a drain may destroy the mailbox and free it; so may the first, when it has revoked the rest. */
Test(mailbox, the_last_wake_of_a_drain_may_destroy_the_mailbox) {
    loop *const l = must_alloc(sizeof *l);
    probe p[2];
    loop_init(l);
    post_probe(l, &p[0], 0, ROUSE_OK);
    post_probe(l, &p[1], 1, ROUSE_OK);
    p[1].then = destroy_mailbox;
    p[1].arg = l;
    cr_assert_eq(rouse_mailbox_drain(&l->mailbox), (size_t)2);
    expect_wakes(0, 1);
}

/* Threads release while the loop revokes: each permit is woken for or revoked, and none twice. */
enum { RACERS = 3, RACES = 2000 };

typedef struct race {
    rouse_mailbox mailbox;
    rouse_semaphore semaphore;
    int woken;
} race;

static void race_wake(rouse_waiter *w, rouse_status status) {
    cr_assert_eq(status, ROUSE_OK);
    ((race *)rouse_waiter_data(w))->woken++;
}

static void *release_races(void *arg) {
    for (int i = 0; i < RACES; i++) {
        cr_assert_eq(rouse_semaphore_release(&((race *)arg)->semaphore, 1), ROUSE_OK);
        if (i % 16 == 0) {
            (void)sched_yield();
        }
    }
    return NULL;
}

SHARED_TEST(mailbox, revoke_against_threads_that_release, .timeout = 120) {
    static race r = {.semaphore = ROUSE_SEMAPHORE_INIT(0)};
    pthread_t threads[RACERS];
    int had = 0;
    int revoked = 0;
    rouse_mailbox_init(&r.mailbox, NULL, NULL);
    for (int i = 0; i < RACERS; i++) {
        cr_assert_eq(pthread_create(&threads[i], NULL, release_races, &r), 0);
    }
    while (had + revoked + r.woken < RACERS * RACES) {
        rouse_waiter *const w = must_alloc(sizeof *w);
        const int woken = r.woken;
        rouse_status status;
        rouse_waiter_init_on(w, &r.mailbox, race_wake, &r);
        status = rouse_semaphore_acquire(&r.semaphore, w, 1);
        if (status == ROUSE_OK) {
            had++;
        } else if (!rouse_semaphore_cancel(&r.semaphore, w)) {
            if (had % 2 == 0 && rouse_mailbox_revoke(&r.mailbox, w)) {
                cr_assert_eq(rouse_waiter_status(w), ROUSE_OK);
                revoked++;
            } else {
                while (r.woken == woken) {
                    (void)rouse_mailbox_drain(&r.mailbox);
                }
            }
        }
        free(w);
    }
    for (int i = 0; i < RACERS; i++) {
        cr_assert_eq(pthread_join(threads[i], NULL), 0);
    }
    cr_assert_eq(rouse_semaphore_available(&r.semaphore), 0u);
    cr_assert_eq(rouse_mailbox_drain(&r.mailbox), (size_t)0);
    rouse_mailbox_destroy(&r.mailbox);
    rouse_semaphore_destroy(&r.semaphore);
}

/* ---- a loop inside a wake ------------------------------------------------------------------------------------------------ */

typedef struct dialog {
    loop *l;
    bool only_when_kicked;
    bool closed;
    int turns;
    int level;
    int deepest;
} dialog;

static void close_dialog(rouse_waiter *w, rouse_status status) {
    (void)status;
    ((dialog *)rouse_waiter_data(w))->closed = true;
}

/* What a modal dialog does: turns the loop until somebody has pressed the button. */
static void run_dialog(rouse_waiter *w, rouse_status status) {
    dialog *const d = (dialog *)rouse_waiter_data(w);
    rouse_waiter done;
    (void)status;
    d->closed = false;
    rouse_waiter_init(&done, close_dialog, d);
    for (d->turns = 0; !d->closed && d->turns < 100; d->turns++) {
        if (d->turns == 3) {
            rouse_mailbox_post(&d->l->mailbox, &done, ROUSE_OK);
        }
        if (!d->only_when_kicked || kicks_since(d->l) != 0) {
            (void)rouse_mailbox_drain(&d->l->mailbox);
        }
    }
}

static void dialog_in_a_drain(bool only_when_kicked) {
    loop l;
    dialog d = {&l, only_when_kicked, false, 0, 0, 0};
    rouse_waiter w;
    loop_init(&l);
    rouse_waiter_init(&w, run_dialog, &d);
    rouse_mailbox_post(&l.mailbox, &w, ROUSE_OK);
    (void)kicks_since(&l);
    (void)rouse_mailbox_drain(&l.mailbox);
    cr_assert(d.closed, "the loop inside the wake got its wake");
    cr_assert_leq(d.turns, 6);
    rouse_mailbox_destroy(&l.mailbox);
}

static void dialog_in_a_release(bool only_when_kicked) {
    rouse_semaphore s = ROUSE_SEMAPHORE_INIT(0);
    loop l;
    dialog d = {&l, only_when_kicked, false, 0, 0, 0};
    rouse_waiter w;
    loop_init(&l);
    rouse_waiter_init(&w, run_dialog, &d);
    cr_assert_eq(rouse_semaphore_acquire(&s, &w, 1), ROUSE_PENDING);
    cr_assert_eq(rouse_semaphore_release(&s, 1), ROUSE_OK);
    cr_assert(d.closed, "the loop inside the wake got its wake");
    rouse_mailbox_destroy(&l.mailbox);
    rouse_semaphore_destroy(&s);
}

Test(mailbox, a_loop_inside_a_wake_gets_its_wakes) {
    dialog_in_a_drain(false);
    dialog_in_a_drain(true);
    dialog_in_a_release(false);
    dialog_in_a_release(true);
}

/* The rest of the batch runs in the dialog too, once, and in order. */
static void nested_dialog(probe *p) {
    wakes_running--; /* the loop's wakes run inside this one, as it wants */
    run_dialog(&((probe *)p->arg)->waiter, ROUSE_OK);
    wakes_running++;
}

Test(mailbox, the_rest_of_the_batch_runs_in_the_loop_inside_a_wake) {
    loop l;
    dialog d = {&l, false, false, 0, 0, 0};
    probe p[4];
    probe carrier;
    loop_init(&l);
    for (int i = 0; i < 4; i++) {
        post_probe(&l, &p[i], i, ROUSE_OK);
    }
    probe_init(&carrier, 9);
    rouse_waiter_init(&carrier.waiter, probe_wake, &d);
    p[1].then = nested_dialog;
    p[1].arg = &carrier;
    (void)rouse_mailbox_drain(&l.mailbox);
    cr_assert(d.closed);
    expect_wakes(0, 1, 2, 3);
    rouse_mailbox_destroy(&l.mailbox);
}

/* Drains inside wakes do not nest by themselves: a chain of wakes that each drain once is flat. */
static int deepest;
static int depth;
static void drain_once(rouse_waiter *w, rouse_status status) {
    dialog *const d = (dialog *)rouse_waiter_data(w);
    (void)status;
    depth++;
    deepest = depth > deepest ? depth : deepest;
    if (d->turns++ < 100000) {
        rouse_mailbox_post(&d->l->mailbox, w, ROUSE_OK);
        (void)rouse_mailbox_drain(&d->l->mailbox);
    }
    depth--;
}

Test(mailbox, a_long_chain_of_wakes_that_drain_is_flat) {
    loop l;
    dialog d = {&l, false, false, 0, 0, 0};
    rouse_waiter w;
    loop_init(&l);
    rouse_waiter_init(&w, drain_once, &d);
    rouse_mailbox_post(&l.mailbox, &w, ROUSE_OK);
    (void)rouse_mailbox_drain(&l.mailbox);
    cr_assert_eq(d.turns, 100001);
    cr_assert_eq(deepest, 1);
    rouse_mailbox_destroy(&l.mailbox);
}

static void run_deferred(probe *p) {
    const size_t before = wake_log_length;
    cr_assert_eq(rouse_semaphore_release((rouse_semaphore *)p->arg, 1), ROUSE_OK);
    cr_assert_eq(wake_log_length, before, "deferred");
    wakes_running--;
    cr_assert_eq(rouse_run_deferred_wakes(), (size_t)2, "the one that it made due, and the one behind it");
    cr_assert_eq(rouse_run_deferred_wakes(), (size_t)0);
    wakes_running++;
    cr_assert_eq(wake_log_length, before + 2);
}

Test(mailbox, deferred_wakes_can_be_run_inside_a_wake) {
    rouse_semaphore s = ROUSE_SEMAPHORE_INIT(0);
    rouse_semaphore t = ROUSE_SEMAPHORE_INIT(0);
    probe p[3];
    probes_init(p, 3);
    p[0].then = run_deferred;
    p[0].arg = &t;
    must_queue(&s, &p[0]);
    must_queue(&s, &p[1]);
    must_queue(&t, &p[2]);
    cr_assert_eq(rouse_run_deferred_wakes(), (size_t)0);
    cr_assert_eq(rouse_semaphore_release(&s, 2), ROUSE_OK);
    expect_wakes(0, 1, 2);
    rouse_semaphore_destroy(&s);
    rouse_semaphore_destroy(&t);
}

/* It stays a loop inside a wake: its next drain runs wakes at once. */
static void run_deferred_and_drain(probe *p) {
    loop *const l = (loop *)p->arg;
    probe q[2];
    rouse_semaphore s = ROUSE_SEMAPHORE_INIT(0);
    probe_init(&q[0], 1);
    must_queue(&s, &q[0]);
    (void)rouse_mailbox_drain(&l->mailbox);
    (void)rouse_mailbox_drain(&l->mailbox); /* a loop, then */
    cr_assert_eq(rouse_semaphore_release(&s, 1), ROUSE_OK);
    wakes_running--;
    cr_assert_eq(rouse_run_deferred_wakes(), (size_t)1);
    post_probe(l, &q[1], 2, ROUSE_OK);
    cr_assert_eq(rouse_mailbox_drain(&l->mailbox), (size_t)1);
    wakes_running++;
    cr_assert_eq(q[1].wakes, 1, "at once");
    rouse_semaphore_destroy(&s);
}

Test(mailbox, a_loop_inside_a_wake_that_has_run_deferred_wakes_stays_a_loop) {
    loop l;
    probe p;
    loop_init(&l);
    post_probe(&l, &p, 0, ROUSE_OK);
    p.then = run_deferred_and_drain;
    p.arg = &l;
    cr_assert_eq(rouse_mailbox_drain(&l.mailbox), (size_t)1);
    expect_wakes(0, 1, 2);
    rouse_mailbox_destroy(&l.mailbox);
}

/* What a kick makes due runs when all have been posted. */
static void kick_and_release(void *arg) {
    cr_assert_eq(rouse_semaphore_release((rouse_semaphore *)arg, 1), ROUSE_OK);
}
static void see_the_other_kick(probe *p) {
    cr_assert_eq(kicks_since((loop *)p->arg), 1);
}

Test(mailbox, a_wake_that_a_kick_makes_due_runs_when_all_are_posted) {
    rouse_semaphore s = ROUSE_SEMAPHORE_INIT(0);
    rouse_semaphore plain = ROUSE_SEMAPHORE_INIT(0);
    rouse_mailbox first;
    loop second;
    probe p[3];
    probes_init(p, 3);
    rouse_mailbox_init(&first, kick_and_release, &plain);
    loop_init(&second);
    rouse_waiter_init_on(&p[0].waiter, &first, probe_wake, &p[0]);
    rouse_waiter_init_on(&p[1].waiter, &second.mailbox, probe_wake, &p[1]);
    must_queue(&s, &p[0]);
    must_queue(&s, &p[1]);
    must_queue(&plain, &p[2]);
    p[2].then = see_the_other_kick;
    p[2].arg = &second;
    cr_assert_eq(rouse_semaphore_release(&s, 2), ROUSE_OK);
    expect_wakes(2);
    cr_assert_eq(rouse_mailbox_drain(&first), (size_t)1);
    cr_assert_eq(rouse_mailbox_drain(&second.mailbox), (size_t)1);
    expect_wakes(0, 1);
    rouse_mailbox_destroy(&first);
    rouse_mailbox_destroy(&second.mailbox);
    rouse_semaphore_destroy(&s);
    rouse_semaphore_destroy(&plain);
}

/* ---- fork inside a wake ---------------------------------------------------------------------------------------------------- */

static void fork_in_wake(probe *p) {
    rouse_semaphore mine = ROUSE_SEMAPHORE_INIT(0);
    probe q;
    int state;
    const pid_t child = fork();
    cr_assert_neq(child, -1);
    if (child == 0) {
        wakes_running = 0;
        probe_init(&q, 7);
        if (rouse_semaphore_acquire(&mine, &q.waiter, 1) != ROUSE_PENDING ||
            rouse_semaphore_release(&mine, 1) != ROUSE_OK) {
            _exit(2);
        }
        /* Its own wake, and not the one that the parent has deferred. */
        _exit(q.wakes == 1 && wake_log_length == 2 ? 0 : 1);
    }
    cr_assert_eq(waitpid(child, &state, 0), child);
    cr_assert(WIFEXITED(state) && WEXITSTATUS(state) == 0, "state %x", (unsigned)state);
    (void)p;
}

Test(mailbox, wakes_run_in_a_child_that_was_forked_inside_a_wake) {
    rouse_semaphore s = ROUSE_SEMAPHORE_INIT(0);
    probe p[2];
    probes_init(p, 2);
    p[0].then = fork_in_wake;
    must_queue(&s, &p[0]);
    must_queue(&s, &p[1]);
    cr_assert_eq(rouse_semaphore_release(&s, 2), ROUSE_OK);
    expect_wakes(0, 1);
    rouse_semaphore_destroy(&s);
}

/* ---- worker threads post, one loop runs everything else -------------------------------------------------------------- */

enum { WORKERS = 4, REPORTS = 20000 };

typedef struct workshop {
    pthread_mutex_t lock;
    pthread_cond_t kicked;
    bool kick;
    pthread_t loop_thread;
    rouse_mailbox mailbox;
    rouse_semaphore semaphore; /* the loop's */
    long reports;
} workshop;

typedef struct report {
    rouse_waiter waiter;
    workshop *shop;
    unsigned done; /* plain: published by the post */
} report;

static void kick_workshop(void *arg) {
    workshop *const s = arg;
    (void)pthread_mutex_lock(&s->lock);
    s->kick = true;
    (void)pthread_cond_signal(&s->kicked);
    (void)pthread_mutex_unlock(&s->lock);
}

static void take_report(rouse_waiter *w, rouse_status status) {
    report *const r = rouse_waiter_data(w);
    cr_assert(pthread_equal(pthread_self(), r->shop->loop_thread));
    cr_assert_eq(status, ROUSE_OK);
    cr_assert_eq(r->done, 1u);
    r->shop->reports++;
    cr_assert_eq(rouse_semaphore_release(&r->shop->semaphore, 1), ROUSE_OK);
}

static void *post_reports(void *arg) {
    report *const mine = arg;
    for (int i = 0; i < REPORTS; i++) {
        mine[i].done = 1;
        rouse_mailbox_post(&mine[i].shop->mailbox, &mine[i].waiter, ROUSE_OK);
    }
    return NULL;
}

/* With LOCAL this is the only way in from another thread. */
Test(mailbox, worker_threads_reach_the_loop_by_post, .timeout = 120) {
    static report reports[WORKERS][REPORTS];
    static workshop s = {.lock = PTHREAD_MUTEX_INITIALIZER, .kicked = PTHREAD_COND_INITIALIZER};
    pthread_t workers[WORKERS];
    s.loop_thread = pthread_self();
    rouse_mailbox_init(&s.mailbox, kick_workshop, &s);
    rouse_semaphore_init(&s.semaphore, 0);
    for (int i = 0; i < WORKERS; i++) {
        for (int j = 0; j < REPORTS; j++) {
            reports[i][j].shop = &s;
            rouse_waiter_init(&reports[i][j].waiter, take_report, &reports[i][j]);
        }
        cr_assert_eq(pthread_create(&workers[i], NULL, post_reports, reports[i]), 0);
    }
    while (s.reports < (long)WORKERS * REPORTS) {
        (void)pthread_mutex_lock(&s.lock);
        while (!s.kick) {
            (void)pthread_cond_wait(&s.kicked, &s.lock);
        }
        s.kick = false;
        (void)pthread_mutex_unlock(&s.lock);
        (void)rouse_mailbox_drain(&s.mailbox);
    }
    for (int i = 0; i < WORKERS; i++) {
        cr_assert_eq(pthread_join(workers[i], NULL), 0);
    }
    cr_assert_eq(rouse_semaphore_available(&s.semaphore), (uint32_t)(WORKERS * REPORTS));
    rouse_mailbox_destroy(&s.mailbox);
    rouse_semaphore_destroy(&s.semaphore);
}
