/* tests/cxx/coroutine_test.cpp: the awaiters and guards of rouse.hpp where they could go wrong. A
 * coroutine is destroyed while it queues, or after it has been granted and before it is resumed. Then
 * moves, exceptions, refusals and threads. */
#include "../../examples/common/task.hpp"
#include <rouse/rouse.hpp>

#include <array>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <new>
#include <stop_token>
#include <thread>
#include <vector>

#include "../support/check.h"
#include "../support/sanitized.h"

static std::array<task, 3> tasks;
static int steps;

/* Takes what it waits for, counts that, and gives it back. */
static task use(rouse_semaphore &s, std::uint32_t n = 1, rouse_mailbox *mailbox = nullptr) {
    const rouse::permit permit = co_await rouse::acquire(s, n).on(mailbox);
    steps += permit ? 1 : 100;
}

static task use(rouse_mutex &m, rouse_mailbox *mailbox = nullptr) {
    const rouse::mutex_guard holding = co_await rouse::lock(m).on(mailbox);
    steps += holding ? 1 : 100;
}

static task use(rouse_notify &n, rouse_mailbox *mailbox = nullptr) {
    steps += co_await rouse::wait(n).on(mailbox) == ROUSE_OK ? 1 : 100;
}

static void test_notify() {
    rouse_notify n = ROUSE_NOTIFY_INIT;
    steps = 0;
    tasks[0] = use(n);
    tasks[1] = use(n);
    CHECK(steps == 0);
    rouse_notify_one(&n);
    CHECK(steps == 1);
    CHECK(rouse_notify_all(&n) == 1 && steps == 2);
    rouse_notify_one(&n); /* kept */
    tasks[2] = use(n);
    CHECK(steps == 3);
    tasks = {};
    rouse_notify_destroy(&n);
}

/* Those behind one that is destroyed in the queue move up. */
static void test_destroyed_in_the_queue() {
    rouse_semaphore s = ROUSE_SEMAPHORE_INIT(1);
    rouse_mutex m = ROUSE_MUTEX_INIT;
    rouse_notify n = ROUSE_NOTIFY_INIT;
    steps = 0;
    tasks[0] = use(s, 2);
    tasks[1] = use(s);
    CHECK(steps == 0);
    tasks[0] = task();
    CHECK(steps == 1 && rouse_semaphore_available(&s) == 1);
    CHECK(rouse_mutex_try_lock(&m));
    tasks[0] = use(m);
    tasks[0] = task();
    CHECK(rouse_mutex_unlock(&m) == ROUSE_OK && !rouse_mutex_is_locked(&m));
    tasks[0] = use(n);
    tasks[1] = use(n);
    tasks[0] = task();
    rouse_notify_one(&n);
    CHECK(steps == 2);
    tasks = {};
    rouse_semaphore_destroy(&s);
    rouse_mutex_destroy(&m);
    rouse_notify_destroy(&n);
}

static task notify_and_destroy_the_second(rouse_notify &n) {
    (void)co_await rouse::wait(n);
    rouse_notify_one(&n); /* for the second */
    tasks[1] = task();
}

static task unlock_and_destroy_the_second(rouse_mutex &m) {
    { const rouse::mutex_guard holding = co_await rouse::lock(m); } /* for the second */
    tasks[1] = task();
}

static task release_and_destroy_the_second(rouse_semaphore &s) {
    { const rouse::permit permit = co_await rouse::acquire(s); } /* for the second */
    tasks[1] = task();
}

/* The first, which is resumed inside a wake, destroys the second, which has been granted and whose wake is
 * still to come. The third gets what the second does not want. */
static void test_destroyed_when_granted() {
    rouse_semaphore s = ROUSE_SEMAPHORE_INIT(0);
    rouse_mutex m = ROUSE_MUTEX_INIT;
    rouse_notify n = ROUSE_NOTIFY_INIT;
    steps = 0;
    tasks[0] = release_and_destroy_the_second(s);
    tasks[1] = use(s);
    tasks[2] = use(s);
    CHECK(rouse_semaphore_release(&s, 1) == ROUSE_OK);
    CHECK(steps == 1 && rouse_semaphore_available(&s) == 1);
    CHECK(rouse_mutex_try_lock(&m));
    tasks[0] = unlock_and_destroy_the_second(m);
    tasks[1] = use(m);
    tasks[2] = use(m);
    CHECK(rouse_mutex_unlock(&m) == ROUSE_OK);
    CHECK(steps == 2 && !rouse_mutex_is_locked(&m));
    tasks[0] = notify_and_destroy_the_second(n);
    tasks[1] = use(n);
    tasks[2] = use(n);
    rouse_notify_one(&n);
    CHECK(steps == 3);
    CHECK(rouse_semaphore_reduce(&s, 1) == 1);
    tasks[0] = release_and_destroy_the_second(s);
    tasks[1] = use(s);
    CHECK(rouse_semaphore_close(&s) == 2 && rouse_semaphore_available(&s) == 0); /* nothing to give back */
    CHECK(steps == 3);
    tasks = {};
    rouse_semaphore_destroy(&s);
    rouse_mutex_destroy(&m);
    rouse_notify_destroy(&n);
}

/* A grant that is in the mailbox, whose coroutine is destroyed before the drain. */
static void test_destroyed_with_a_mailbox() {
    rouse_semaphore s = ROUSE_SEMAPHORE_INIT(0);
    rouse_mutex m = ROUSE_MUTEX_INIT;
    rouse_notify n = ROUSE_NOTIFY_INIT;
    rouse_mailbox mailbox;
    int kicks = 0;
    rouse_mailbox_init(
        &mailbox, [](void *count) { ++*static_cast<int *>(count); }, &kicks);
    steps = 0;
    tasks[0] = use(s, 1, &mailbox);
    tasks[1] = use(s, 1, &mailbox);
    CHECK(rouse_semaphore_release(&s, 1) == ROUSE_OK && kicks == 1 && steps == 0);
    tasks[0] = task();
    CHECK(kicks == 2 && steps == 0); /* its permit has gone to the next one */
    CHECK(rouse_mailbox_drain(&mailbox) == 1 && steps == 1 && rouse_semaphore_available(&s) == 1);
    CHECK(rouse_mutex_try_lock(&m));
    tasks[0] = use(m, &mailbox);
    CHECK(rouse_mutex_unlock(&m) == ROUSE_OK);
    tasks[0] = task();
    CHECK(!rouse_mutex_is_locked(&m) && rouse_mailbox_drain(&mailbox) == 0);
    tasks[0] = use(n, &mailbox);
    rouse_notify_one(&n);
    tasks[0] = task();
    CHECK(rouse_mailbox_drain(&mailbox) == 0);
    tasks[0] = use(n, &mailbox); /* it has been passed on, and so kept */
    CHECK(steps == 2);
    tasks = {};
    rouse_mailbox_destroy(&mailbox);
    rouse_semaphore_destroy(&s);
    rouse_mutex_destroy(&m);
    rouse_notify_destroy(&n);
}

static task refused(rouse_semaphore &s, std::uint32_t n, rouse_status why) {
    const rouse::permit permit = co_await rouse::acquire(s, n);
    CHECK(!permit && permit.status() == why);
    steps++;
}

static void test_refusals() {
    rouse_semaphore s = ROUSE_SEMAPHORE_INIT(0);
    steps = 0;
    tasks[0] = refused(s, ROUSE_MAX_PERMITS + 1u, ROUSE_INVALID);
    tasks[1] = refused(s, 1, ROUSE_CLOSED);
    CHECK(steps == 1 && rouse_semaphore_close(&s) == 1 && steps == 2);
    tasks[2] = refused(s, 1, ROUSE_CLOSED);
    CHECK(steps == 3 && rouse_semaphore_available(&s) == 0);
    tasks = {};
    rouse_semaphore_destroy(&s);
}

static task move_about(rouse_semaphore &s, rouse_mutex &m) {
    rouse::permit one = co_await rouse::acquire(s, 1);
    rouse::permit two = co_await rouse::acquire(s, 2);
    CHECK(one && two && rouse_semaphore_available(&s) == 1);
    one = std::move(two); /* the first one is given back */
    CHECK(one && !two && rouse_semaphore_available(&s) == 2);
    rouse::permit &same = one;
    one = std::move(same);
    CHECK(one && rouse_semaphore_available(&s) == 2);
    {
        const rouse::permit inner(std::move(one));
        CHECK(inner && !one && rouse_semaphore_available(&s) == 2);
    }
    CHECK(rouse_semaphore_available(&s) == 4);
    rouse::mutex_guard held = co_await rouse::lock(m);
    {
        const rouse::mutex_guard inner(std::move(held));
        CHECK(inner && !held && rouse_mutex_is_locked(&m));
    }
    CHECK(!rouse_mutex_is_locked(&m));
    held = co_await rouse::lock(m);
    CHECK(held);
    steps++;
}

#if defined(__cpp_exceptions)
static task throw_and_catch(rouse_semaphore &s, rouse_mutex &m) {
    try {
        const rouse::permit permit = co_await rouse::acquire(s, 4);
        const rouse::mutex_guard holding = co_await rouse::lock(m);
        throw steps;
    } catch (int) {
        CHECK(rouse_semaphore_available(&s) == 4 && !rouse_mutex_is_locked(&m));
        steps++;
    }
}

#else
static task throw_and_catch(rouse_semaphore &s, rouse_mutex &m) {
    const rouse::permit permit = co_await rouse::acquire(s, 4);
    const rouse::mutex_guard holding = co_await rouse::lock(m);
    steps++;
}
#endif

static void test_moves_and_exceptions() {
    rouse_semaphore s = ROUSE_SEMAPHORE_INIT(4);
    rouse_mutex m = ROUSE_MUTEX_INIT;
    steps = 0;
    tasks[0] = move_about(s, m);
    CHECK(steps == 1 && rouse_semaphore_available(&s) == 4 && !rouse_mutex_is_locked(&m));
    CHECK(rouse_mutex_try_lock(&m));
    tasks[0] = throw_and_catch(s, m);
    CHECK(steps == 1 && rouse_mutex_unlock(&m) == ROUSE_OK && steps == 2); /* inside a wake */
    tasks = {};
    rouse_semaphore_destroy(&s);
    rouse_mutex_destroy(&m);
}

/* ---- threads: a coroutine continues on the thread that releases ---- */

enum { THREADS = 4, PER_THREAD = 4, ROUNDS = 5000, LIMIT = 3 };

static rouse_semaphore limit = ROUSE_SEMAPHORE_INIT(LIMIT);
static rouse_mutex total_lock = ROUSE_MUTEX_INIT;
static unsigned total; /* under total_lock */
static std::atomic<int> inside;

static task work() {
    for (int i = 0; i < ROUNDS; i++) {
        rouse::permit permit = co_await rouse::acquire(limit);
        CHECK(permit && ++inside <= LIMIT);
        const rouse::mutex_guard holding = co_await rouse::lock(total_lock);
        CHECK(holding);
        total++;
        inside--;
    }
}

static void test_threads() {
    std::array<std::vector<task>, THREADS> works;
    std::vector<std::thread> threads;
    for (std::vector<task> &mine : works) {
        threads.emplace_back([&mine] {
            for (int i = 0; i < PER_THREAD; i++) {
                mine.push_back(work());
            }
        });
    }
    for (std::thread &thread : threads) {
        thread.join();
    }
    CHECK(total == THREADS * PER_THREAD * ROUNDS && rouse_semaphore_available(&limit) == LIMIT);
    rouse_mutex_destroy(&total_lock);
    rouse_semaphore_destroy(&limit);
}

/* ---- until, stop, any, guards ---- */

static void no_kick(void *) {}

struct one_loop {
    rouse_mailbox mailbox;
    rouse_deadlines deadlines;
    one_loop() : mailbox(), deadlines() {
        rouse_mailbox_init(&mailbox, no_kick, nullptr);
        rouse_deadlines_init(&deadlines);
    }
    ~one_loop() {
        rouse_mailbox_destroy(&mailbox);
        rouse_deadlines_destroy(&deadlines);
    }
    rouse::loop terms() { return {&mailbox, &deadlines}; }
};

static rouse_status outcome;

static task acquire_until(rouse::semaphore &s, rouse::loop loop, std::uint64_t until) {
    const rouse::permit permit = co_await s.acquire().on(loop).until(until);
    outcome = permit.status();
}

static void test_until() {
    one_loop loop;
    rouse::semaphore s(0);
    outcome = ROUSE_PENDING;
    tasks[0] = acquire_until(s, loop.terms(), 100);
    CHECK(rouse_deadlines_run(&loop.deadlines, 99) == 0 && outcome == ROUSE_PENDING);
    CHECK(rouse_deadlines_run(&loop.deadlines, 100) == 1 && outcome == ROUSE_TIMEDOUT &&
          s.waiter_count() == 0);
    tasks[0] = acquire_until(s, loop.terms(), 200);
    CHECK(s.release() == ROUSE_OK);
    CHECK(rouse_deadlines_run(&loop.deadlines, 200) == 0); /* the grant has won */
    CHECK(rouse_mailbox_drain(&loop.mailbox) == 1 && outcome == ROUSE_OK && s.available() == 1);
    /* Destroyed while its grant lies in the mailbox. */
    rouse::permit held = s.try_acquire();
    tasks[0] = acquire_until(s, loop.terms(), 300);
    held.release();
    tasks[0] = task();
    CHECK(rouse_mailbox_drain(&loop.mailbox) == 0 && s.available() == 1);
    CHECK(rouse_deadlines_next(&loop.deadlines) == UINT64_MAX);
    /* Without deadlines no test can say when. */
    held = s.try_acquire();
    tasks[0] = acquire_until(s, rouse::loop{&loop.mailbox, nullptr}, 300);
    CHECK(outcome == ROUSE_INVALID);
    tasks = {};
}

static task wait_stop(rouse::event &e, rouse_mailbox &mailbox, std::stop_token token) {
    outcome = co_await e.wait().on(mailbox).stop(std::move(token));
}

static void test_stop() {
    one_loop loop;
    rouse::event e;
    std::stop_source source;
    outcome = ROUSE_PENDING;
    tasks[0] = wait_stop(e, loop.mailbox, source.get_token());
    std::thread([&source] { source.request_stop(); }).join();
    CHECK(outcome == ROUSE_PENDING);
    CHECK(rouse_mailbox_drain(&loop.mailbox) == 1 && outcome == ROUSE_CANCELLED);
    /* Requested before: the callback runs inside the registration. */
    outcome = ROUSE_PENDING;
    tasks[0] = wait_stop(e, loop.mailbox, source.get_token());
    CHECK(rouse_mailbox_drain(&loop.mailbox) == 1 && outcome == ROUSE_CANCELLED);
    /* Granted first: the request comes too late. */
    std::stop_source late;
    outcome = ROUSE_PENDING;
    tasks[0] = wait_stop(e, loop.mailbox, late.get_token());
    CHECK(e.set() == 1 && late.request_stop());
    CHECK(rouse_mailbox_drain(&loop.mailbox) == 1 && outcome == ROUSE_OK);
    /* Destroyed after the request, before the drain. */
    e.reset();
    std::stop_source again;
    tasks[0] = wait_stop(e, loop.mailbox, again.get_token());
    again.request_stop();
    tasks[0] = task();
    CHECK(rouse_mailbox_drain(&loop.mailbox) == 0);
    tasks = {};
}

static rouse::any_result first;

static task any_of(rouse::semaphore &s, rouse::event &e, rouse_mailbox *mailbox) {
    if (mailbox != nullptr) {
        first = co_await rouse::any(s.acquire(), e.wait()).on(mailbox);
    } else {
        first = co_await rouse::any(s.acquire(), e.wait());
    }
    if (first.index == 0 && first.status == ROUSE_OK) {
        const rouse::permit permit(*s.native(), 1, first.status);
    }
}

static void test_any() {
    one_loop loop;
    rouse::semaphore s(0);
    rouse::event e;
    first = {-1, ROUSE_PENDING};
    tasks[0] = any_of(s, e, nullptr);
    CHECK(first.index == -1 && s.release() == ROUSE_OK && first.index == 0 && s.available() == 1);
    rouse::permit held = s.try_acquire();
    tasks[0] = any_of(s, e, &loop.mailbox);
    CHECK(e.set() == 1 && s.waiter_count() == 0);
    CHECK(rouse_mailbox_drain(&loop.mailbox) == 1 && first.index == 1);
    e.reset();
    tasks[0] = any_of(s, e, &loop.mailbox);
    tasks[0] = task(); /* destroyed in both queues */
    CHECK(s.waiter_count() == 0);
    tasks[0] = any_of(s, e, &loop.mailbox);
    held.release();
    tasks[0] = task(); /* destroyed with its permit on the way: that goes back */
    CHECK(s.available() == 1 && rouse_mailbox_drain(&loop.mailbox) == 0);
    tasks = {};
}

static void test_split_and_merge() {
    rouse::semaphore s(5);
    rouse::semaphore other(1);
    rouse::permit all = s.try_acquire(5);
    rouse::permit two = all.split(2);
    CHECK(all.count() == 3 && two.count() == 2 && !all.split(4) && !all.split(0));
    two.release();
    CHECK(s.available() == 2);
    two = s.try_acquire(1);
    CHECK(all.merge(std::move(two)) && all.count() == 4 && !two);
    CHECK(!all.merge(other.try_acquire()));
    rouse::rwlock lock(2);
    {
        rouse::read_guard both = lock.try_read();
        CHECK(both.merge(lock.try_read()) && both.count() == 2 && !lock.try_write());
    }
    CHECK(lock.try_write()); /* both reads are over */
    CHECK(other.available() == 1);
    rouse::permit rest = all.split(4);
    CHECK(!all && rest.count() == 4);
    rest.forget();
    CHECK(!rest && s.available() == 1);
}

static task hold(rouse::rwlock &l, bool write, int &entered) {
    if (write) {
        const rouse::write_guard guard = co_await l.write();
        entered += 10;
    } else {
        const rouse::read_guard guard = co_await l.read();
        entered += 1;
    }
}

static void test_rwlock_and_limit() {
    rouse::rwlock l;
    rouse::limit at_most(1, 0);
    int entered = 0;
    rouse::read_guard reader = l.try_read();
    tasks[0] = hold(l, true, entered);
    CHECK(entered == 0 && !l.try_read());
    reader.release();
    CHECK(entered == 10);
    tasks[0] = hold(l, false, entered);
    CHECK(entered == 11);
    rouse::limit_permit one = at_most.try_acquire();
    CHECK(one && at_most.in_use() == 1 && !at_most.try_acquire());
    one.release();
    CHECK(at_most.in_use() == 0);
    tasks = {};
}

static task send_all(rouse::channel<int> &ch, int from, int to, rouse_mailbox *mailbox) {
    for (int i = from; i <= to; i++) {
        if (co_await ch.send(i).on(mailbox) != ROUSE_OK) {
            steps += 1000;
            co_return;
        }
    }
}
static task receive_all(rouse::channel<int> &ch, int &sum, rouse_mailbox *mailbox) {
    int value = 0;
    while (co_await ch.receive(value).on(mailbox) == ROUSE_OK) {
        sum += value;
    }
    steps++;
}

static void test_channel() {
    for (int mailed = 0; mailed < 2; mailed++) {
        int slots[2];
        rouse::channel<int> ch(slots);
        rouse_mailbox mailbox;
        rouse_mailbox *const where = mailed ? &mailbox : nullptr;
        int sum = 0;
        steps = 0;
        rouse_mailbox_init(&mailbox, no_kick, nullptr);
        tasks[0] = send_all(ch, 1, 20, where);
        tasks[1] = receive_all(ch, sum, where);
        while (mailed && rouse_mailbox_drain(&mailbox) != 0) {
        }
        CHECK(sum == 210 && steps == 0 && ch.waiter_count() == 1);
        CHECK(ch.close() == 1);
        while (mailed && rouse_mailbox_drain(&mailbox) != 0) {
        }
        CHECK(steps == 1 && ch.is_closed());
        tasks = {};
        rouse_mailbox_destroy(&mailbox);
    }
    {
        /* Destroyed while it waits: nothing is sent; what is behind it moves up. */
        int slots[1];
        rouse::channel<int> ch(slots);
        int got = 0;
        CHECK(ch.try_send(1));
        tasks[0] = send_all(ch, 2, 2, nullptr);
        tasks[1] = send_all(ch, 3, 3, nullptr);
        CHECK(ch.waiter_count() == 2);
        tasks[0] = task();
        CHECK(ch.waiter_count() == 1 && ch.try_receive(got) && got == 1);
        CHECK(ch.try_receive(got) && got == 3 && !ch.try_receive(got));
        tasks = {};
    }
}

static task wait_until_ready(rouse::mutex &m, rouse::condvar &c, bool &ready, rouse_mailbox *mailbox) {
    rouse::mutex_guard guard = co_await m.lock().on(mailbox);
    while (!ready) {
        if (co_await c.wait(guard).on(mailbox) != ROUSE_OK) {
            CHECK(!guard);
            steps += 100;
            co_return;
        }
        CHECK(guard && m.is_locked());
    }
    steps++;
}

static void test_condvar() {
    for (int mailed = 0; mailed < 2; mailed++) {
        rouse::mutex m;
        rouse::condvar c;
        rouse_mailbox mailbox;
        rouse_mailbox *const where = mailed ? &mailbox : nullptr;
        bool ready = false;
        steps = 0;
        rouse_mailbox_init(&mailbox, no_kick, nullptr);
        for (task &t : tasks) {
            t = wait_until_ready(m, c, ready, where);
        }
        CHECK(c.waiter_count() == 3 && !m.is_locked());
        CHECK(c.signal());
        while (mailed && rouse_mailbox_drain(&mailbox) != 0) {
        }
        CHECK(steps == 0 && c.waiter_count() == 3 && !m.is_locked()); /* it has looked, and waits again */
        {
            const rouse::mutex_guard guard = m.try_lock();
            CHECK(guard);
            ready = true;
            CHECK(c.broadcast() == 3 && steps == 0);
            tasks[1] = task(); /* destroyed while it waits for the mutex */
        }
        if (mailed) {
            tasks[0] = task(); /* destroyed when it has the mutex, and is not yet resumed */
        }
        while (mailed && rouse_mailbox_drain(&mailbox) != 0) {
        }
        CHECK(steps == (mailed ? 1 : 2) && !m.is_locked());
        ready = false;
        tasks[0] = wait_until_ready(m, c, ready, where);
        CHECK(c.close() == 1);
        while (mailed && rouse_mailbox_drain(&mailbox) != 0) {
        }
        CHECK(steps == (mailed ? 101 : 102) && !m.is_locked());
        tasks = {};
        rouse_mailbox_destroy(&mailbox);
    }
}

/* ---- once, and what a coroutine that is gone was to do ---- */

static rouse_status begun[3];

static task do_once(rouse::once &o, int i, rouse_mailbox *mailbox) {
    begun[i] = co_await o.begin().on(mailbox);
}

static void test_once() {
    one_loop loop;
    for (rouse_mailbox *mailbox : {static_cast<rouse_mailbox *>(nullptr), &loop.mailbox}) {
        rouse::once o;
        begun[1] = begun[2] = ROUSE_PENDING;
        tasks[0] = do_once(o, 0, mailbox);
        tasks[1] = do_once(o, 1, mailbox);
        tasks[2] = do_once(o, 2, mailbox);
        CHECK(begun[0] == ROUSE_OK && o.waiter_count() == 2);
        CHECK(o.failed() == ROUSE_OK);
        if (mailbox != nullptr) {
            tasks[1] = task(); /* it was given the turn, and is not resumed yet: the next one has it */
            CHECK(rouse_mailbox_drain(mailbox) == 1 && begun[1] == ROUSE_PENDING && begun[2] == ROUSE_OK);
        } else {
            CHECK(begun[1] == ROUSE_OK && o.failed() == ROUSE_OK && begun[2] == ROUSE_OK);
        }
        CHECK(o.done() == ROUSE_OK && o.is_done());
        tasks[0] = do_once(o, 0, mailbox);
        CHECK(begun[0] == ROUSE_CLOSED);
        tasks = {};
    }
}

/* ---- destroyed while the library has it in hand ---- */

struct run_out {
    rouse_waiter waiter;
    rouse_deadlines *deadlines;
};
static void run_out_and_destroy(rouse_waiter *w, rouse_status) {
    (void)rouse_deadlines_run(static_cast<run_out *>(rouse_waiter_data(w))->deadlines, 100);
    tasks[0] = task(); /* its wake, with ROUSE_TIMEDOUT, is to come when this one has returned */
}
static task acquire_two_stop(rouse::semaphore &s, rouse_mailbox &mailbox, std::stop_token token) {
    const rouse::permit permit = co_await s.acquire(2).on(mailbox).stop(std::move(token));
    outcome = permit.status();
}
static task acquire_and_destroy_the_first(rouse::semaphore &s) {
    const rouse::permit permit = co_await s.acquire();
    tasks[0] = task();
}

static void test_destroyed_in_hand() {
    one_loop loop;
    rouse::semaphore s(0);
    run_out now = {{}, &loop.deadlines};
    rouse_waiter_init(&now.waiter, run_out_and_destroy, &now);
    outcome = ROUSE_PENDING;
    tasks[0] = acquire_until(s, loop.terms(), 100);
    rouse_mailbox_post(&loop.mailbox, &now.waiter, ROUSE_OK);
    CHECK(rouse_mailbox_drain(&loop.mailbox) == 1 && outcome == ROUSE_PENDING && s.waiter_count() == 0);
    /* The stop takes it out of the queue; what it had been given goes to one that destroys it. */
    std::stop_source source;
    tasks[0] = acquire_two_stop(s, loop.mailbox, source.get_token());
    tasks[1] = acquire_and_destroy_the_first(s);
    CHECK(s.release() == ROUSE_OK && s.waiter_count() == 2);
    CHECK(source.request_stop());
    CHECK(rouse_mailbox_drain(&loop.mailbox) == 0 && outcome == ROUSE_PENDING && s.available() == 1);
    tasks = {};
}

/* ---- objects that are destroyed right after the coroutines that waited for them ---- */

static task wait_for_any(rouse_semaphore &s, rouse_event &e, rouse_mailbox *mailbox) {
    const rouse::any_result won = co_await rouse::any(rouse::acquire(s), rouse::wait(e)).on(mailbox);
    const rouse::permit permit(s, 1, won.index == 0 ? won.status : ROUSE_CLOSED);
    steps += 100;
}
static task wait_for_change(rouse_condvar &c, rouse_mutex &m) {
    rouse::mutex_guard holding = co_await rouse::lock(m);
    (void)co_await rouse::wait(c, holding);
    steps += 100;
}
static task wait_until(rouse_semaphore &s, rouse_deadlines &d) {
    const rouse::permit permit = co_await rouse::acquire(s).until(d, 10);
    steps += 100;
}

enum class stage { mailed, mailed_arm, arm, any, plain, change, timed, invited, stages };

struct scene {
    rouse_semaphore s;
    rouse_event e;
    rouse_mutex m;
    rouse_condvar c;
    rouse_deadlines d;
    rouse_mailbox mailbox;
    rouse_semaphore begin[2];
    rouse_waiter waiter[2];
    stage when;

    scene(stage when_, std::uint32_t bypass) : when(when_) {
        (void)rouse_semaphore_init_throughput(&s, 0, bypass);
        rouse_event_init(&e);
        rouse_mutex_init(&m);
        rouse_condvar_init(&c);
        rouse_deadlines_init(&d);
        rouse_mailbox_init(&mailbox, nullptr, nullptr);
        for (int i = 0; i < 2; i++) {
            rouse_semaphore_init(&begin[i], 0);
            rouse_waiter_init(&waiter[i], i == 0 ? grant : end, this);
            CHECK(rouse_semaphore_acquire(&begin[i], &waiter[i], 1) == ROUSE_PENDING);
        }
    }
    ~scene() {
        rouse_semaphore_destroy(&s);
        rouse_event_destroy(&e);
        rouse_mutex_destroy(&m);
        rouse_condvar_destroy(&c);
        rouse_deadlines_destroy(&d);
        rouse_mailbox_destroy(&mailbox);
        rouse_semaphore_destroy(&begin[0]);
        rouse_semaphore_destroy(&begin[1]);
    }
    /* A wake that grants, and then lets the wakes run that this makes due, or does not. */
    static void grant(rouse_waiter *w, rouse_status) {
        scene *const it = static_cast<scene *>(rouse_waiter_data(w));
        if (it->when == stage::change) {
            CHECK(rouse_mutex_try_lock(&it->m) && rouse_condvar_signal(&it->c));
            CHECK(rouse_mutex_unlock(&it->m) == ROUSE_OK && rouse_mutex_is_locked(&it->m));
        } else {
            CHECK(rouse_semaphore_release(&it->s, 1) == ROUSE_OK);
        }
        if (it->when == stage::any) {
            CHECK(rouse_semaphore_release(&it->begin[1], 1) == ROUSE_OK); /* the arm's wake comes first */
        } else {
            CHECK(rouse_semaphore_cancel(&it->begin[1], &it->waiter[1]));
            end(&it->waiter[1], ROUSE_OK);
        }
    }
    /* Destroys the coroutine, and what it waited for. */
    static void end(rouse_waiter *w, rouse_status) {
        scene *const it = static_cast<scene *>(rouse_waiter_data(w));
        tasks[0] = task();
        CHECK(!rouse_mutex_is_locked(&it->m));
        CHECK(rouse_semaphore_available(&it->s) == (it->when == stage::change ? 0u : 1u));
        delete it;
    }
};

static void test_objects_end_with_their_coroutines() {
    steps = 0;
    for (int i = 0; i < static_cast<int>(stage::stages); i++) {
        const stage when = static_cast<stage>(i);
        scene *const it = new scene(when, when == stage::invited ? 1 : 0);
        rouse_mailbox *const mailbox =
            when == stage::mailed || when == stage::mailed_arm ? &it->mailbox : nullptr;
        if (when == stage::plain || when == stage::invited) {
            tasks[0] = use(it->s);
        } else if (when == stage::change) {
            tasks[0] = wait_for_change(it->c, it->m);
        } else if (when == stage::timed) {
            tasks[0] = wait_until(it->s, it->d);
        } else {
            tasks[0] = wait_for_any(it->s, it->e, mailbox);
        }
        if (when == stage::mailed) { /* outside of a wake */
            CHECK(rouse_semaphore_cancel(&it->begin[0], &it->waiter[0]));
            scene::grant(&it->waiter[0], ROUSE_OK);
        } else {
            CHECK(rouse_semaphore_release(&it->begin[0], 1) == ROUSE_OK);
        }
    }
    CHECK(steps == 0);
}

/* ---- no memory ---- */

/* Clang's thread sanitizer has an operator new that a program cannot replace. This test has one thread. */
#if !(defined(__clang__) && UNDER_TSAN)
#    define WITHOUT_MEMORY 1

static bool no_memory; /* for what rouse.hpp allocates */
void *operator new(std::size_t size, const std::nothrow_t &) noexcept {
    return no_memory ? nullptr : ::operator new(size);
}

static task wait_without_memory(rouse::semaphore &s, rouse::event &e, rouse::mutex &m, rouse::condvar &c) {
    const rouse::permit permit = co_await s.acquire();
    CHECK(!permit && permit.status() == ROUSE_NOMEM);
    const rouse::any_result won = co_await rouse::any(s.acquire(), e.wait());
    CHECK(won.index == -1 && won.status == ROUSE_NOMEM);
    rouse::mutex_guard guard = co_await m.lock();
    CHECK(guard);
    CHECK(co_await c.wait(guard) == ROUSE_NOMEM);
    CHECK(!guard && !m.is_locked()); /* as after every status but ROUSE_OK */
    steps++;
}
static void test_no_memory() {
    rouse::semaphore s(0);
    rouse::event e;
    rouse::mutex m;
    rouse::condvar c;
    steps = 0;
    no_memory = true;
    tasks[0] = wait_without_memory(s, e, m, c);
    no_memory = false;
    CHECK(steps == 1 && s.waiter_count() == 0 && c.waiter_count() == 0);
    tasks = {};
}
#endif

int main() {
    test_notify();
    test_destroyed_in_the_queue();
    test_destroyed_when_granted();
    test_destroyed_with_a_mailbox();
    test_refusals();
    test_moves_and_exceptions();
    test_threads();
    test_until();
    test_stop();
    test_any();
    test_split_and_merge();
    test_rwlock_and_limit();
    test_channel();
    test_condvar();
    test_once();
    test_destroyed_in_hand();
    test_objects_end_with_their_coroutines();
#if defined(WITHOUT_MEMORY)
    test_no_memory();
#endif
    std::printf("rouse.hpp: all of it works\n");
    return 0;
}
