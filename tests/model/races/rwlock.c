/* rwlock.c: the read-write lock. A writer alone, readers together, and what a holder did is known to the
 * next. */
#include "support.h"

static rouse_rwlock lock;

static int read_back[GUESTS];

static void start(uint32_t readers) {
    guests_init(NULL);
    mc_assert(rouse_rwlock_init(&lock, readers) == ROUSE_OK);
    mc_name(&lock, sizeof lock, "rwlock");
    mc_assert(rouse_rwlock_reserve(&lock, 2) == ROUSE_OK);
}
/* Nobody holds it, and nobody waits. */
static void finish(void) {
    mc_assert(rouse_rwlock_waiter_count(&lock) == 0);
    mc_assert(rouse_rwlock_end_read(&lock) == ROUSE_INVALID);
    mc_assert(rouse_rwlock_try_write(&lock) && rouse_rwlock_end_write(&lock) == ROUSE_OK);
    rouse_rwlock_destroy(&lock);
}

static void as_writer(guest *g) {
    (void)g;
    shared++;
    mc_assert(rouse_rwlock_end_write(&lock) == ROUSE_OK);
}
static void as_reader(guest *g) {
    read_back[g - guests] = shared;
    mc_assert(rouse_rwlock_end_read(&lock) == ROUSE_OK);
}
static void as_writer_then_reader(guest *g) {
    shared++;
    mc_assert(rouse_rwlock_downgrade(&lock) == ROUSE_OK);
    as_reader(g);
}
static void as_reader_then_writer(guest *g) {
    if (rouse_rwlock_try_upgrade(&lock)) {
        as_writer(g);
    } else {
        as_reader(g);
    }
}
static void ask(guest *g, bool write, void (*hold)(guest *)) {
    g->then = hold;
    g->answer = write ? rouse_rwlock_write(&lock, &g->waiter) : rouse_rwlock_read(&lock, &g->waiter);
    if (g->answer == ROUSE_OK) {
        hold(g);
    }
}
static void write_once(void *g) {
    ask(g, true, as_writer);
}
static void read_once(void *g) {
    ask(g, false, as_reader);
}
static void write_and_read(void *g) {
    ask(g, true, as_writer_then_reader);
}
static void read_and_write(void *g) {
    ask(g, false, as_reader_then_writer);
}
static void try_write_once(void *g) {
    if (rouse_rwlock_try_write(&lock)) {
        ((guest *)g)->answer = ROUSE_OK;
        as_writer(g);
    }
}
static rouse_status ended;
static void end_read(void *unused) {
    (void)unused;
    ended = rouse_rwlock_end_read(&lock);
}
static void cancel_it(void *arg) {
    guest *const g = arg;
    g->cancelled = rouse_rwlock_cancel(&lock, &g->waiter);
}
static void close_it(void *unused) {
    (void)unused;
    woken_by_close += rouse_rwlock_close(&lock);
}

static void two_writers(void) {
    start(2);
    run(write_once, A, write_once, B, ONLY_TWO);
    mc_assert(granted(A) && granted(B) && shared == 2);
    finish();
}
static void writer_and_reader(void) {
    start(2);
    run(write_once, A, read_once, B, ONLY_TWO);
    mc_assert(granted(A) && granted(B) && shared == 1 && read_back[1] <= 1);
    finish();
}
static void writer_and_two_readers(void) {
    start(2);
    run(write_once, A, read_once, B, read_once, C);
    mc_assert(granted(A) && granted(B) && granted(C) && shared == 1);
    finish();
}
static void downgrade_and_reader(void) {
    start(2);
    run(write_and_read, A, read_once, B, ONLY_TWO);
    mc_assert(granted(A) && granted(B) && read_back[0] == 1);
    finish();
}
static void downgrade_and_writer(void) {
    start(2);
    run(write_and_read, A, write_once, B, ONLY_TWO);
    mc_assert(granted(A) && granted(B) && shared == 2 && read_back[0] >= 1);
    finish();
}
static void two_upgraders(void) {
    start(2);
    run(read_and_write, A, read_and_write, B, ONLY_TWO);
    mc_assert(granted(A) && granted(B) && shared <= 2);
    finish();
}
static void upgrader_and_writer(void) {
    start(2);
    run(read_and_write, A, write_once, B, ONLY_TWO);
    mc_assert(granted(A) && granted(B) && shared >= 1 && shared <= 2);
    finish();
}
static void try_write_and_reader(void) {
    start(2);
    run(try_write_once, A, read_once, B, ONLY_TWO);
    mc_assert(granted(B) && shared == (granted(A) ? 1 : 0));
    finish();
}
/* A reads; the writer B and the reader C behind it wait. B is cancelled while A ends. C is let in
 * whichever comes first, and B is either granted or cancelled. */
static void cancelled_writer(void) {
    start(2);
    mc_assert(rouse_rwlock_try_read(&lock));
    write_once(B);
    read_once(C);
    mc_assert(waiting(B) && waiting(C));
    run(end_read, NULL, cancel_it, B, ONLY_TWO);
    mc_assert(ended == ROUSE_OK && granted(C) && granted(B) != (B->cancelled != 0));
    finish();
}
static void close_and_end(void) {
    start(2);
    mc_assert(rouse_rwlock_try_read(&lock));
    write_once(B);
    run(end_read, NULL, close_it, NULL, ONLY_TWO);
    mc_assert(ended == ROUSE_OK && granted(B) != closed(B) && woken_by_close == (closed(B) ? 1u : 0u));
    mc_assert(rouse_rwlock_end_read(&lock) == ROUSE_INVALID);
    rouse_rwlock_destroy(&lock);
}
/* Ended twice, held once: one of them is refused, also while a reader comes. */
static rouse_status ended_too;
static void end_read_too(void *unused) {
    (void)unused;
    ended_too = rouse_rwlock_end_read(&lock);
}
static void ended_twice(void) {
    start(2);
    mc_assert(rouse_rwlock_try_read(&lock));
    run(end_read, NULL, end_read_too, NULL, ONLY_TWO);
    mc_assert((ended == ROUSE_OK) != (ended_too == ROUSE_OK));
    finish();
}
/* The last writer may destroy it. */
static void destroy_it(guest *g) {
    (void)g;
    rouse_rwlock_destroy(&lock);
    memset(&lock, 0, sizeof lock);
}
static void destroyed_by_the_granted(void) {
    start(2);
    mc_assert(rouse_rwlock_try_read(&lock) && rouse_rwlock_try_read(&lock));
    ask(A, true, destroy_it);
    run(end_read, NULL, end_read_too, NULL, ONLY_TWO);
    mc_assert(granted(A));
}

const mc_scenario mc_scenarios[] = {
    {.name = "two writers", .body = two_writers},
    {.name = "writer, reader", .body = writer_and_reader},
    {.name = "writer, two readers", .body = writer_and_two_readers, .bound = 2, .soak_bound = MC_NO_BOUND},
    {.name = "downgrade, reader", .body = downgrade_and_reader},
    {.name = "downgrade, writer", .body = downgrade_and_writer},
    {.name = "two upgraders", .body = two_upgraders},
    {.name = "upgrader, writer", .body = upgrader_and_writer},
    {.name = "try write, reader", .body = try_write_and_reader},
    {.name = "end read, cancel a writer with a reader behind it", .body = cancelled_writer},
    {.name = "end read, close", .body = close_and_end},
    {.name = "ended twice", .body = ended_twice},
    {.name = "destroyed by the granted", .body = destroyed_by_the_granted},
    {0},
};
