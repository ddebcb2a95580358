/* tests/cxx/two_loops_test.cpp: coroutines of two libuv loops, on two threads, share a semaphore, a mutex, a read-write
 * lock, a channel and a once. Each continues on its own loop's thread; some are destroyed there while they wait, or when
 * they have been granted and are not resumed yet. In the end nothing is held, and nothing was lost. */
#include "../../examples/common/task.hpp"
#include <rouse/loop/uv.h>
#include <rouse/rouse.hpp>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <thread>
#include <vector>

#include "../support/check.h"

namespace {

constexpr int WORKERS = 8; /* of a loop; half of them are destroyed on the way */
constexpr int ROUNDS = 200;

rouse::semaphore permits(2);
rouse::mutex mutex;
rouse::rwlock lock(4);
rouse::once prepared;
std::array<int, 4> slots;
rouse::channel<int> numbers(slots.data(), 4);
int sections;   /* under the mutex */
int written;    /* under the write lock */
int preparings; /* by the task that the once chooses */

struct place {
    uv_loop_t loop{};
    rouse_uv r{};
    uv_prepare_t each_turn{};
    std::thread::id thread;
    std::vector<task> workers;
    int rounds = 0;                    /* of all workers */
    std::array<bool, WORKERS> ended{}; /* workers that have come to their end */
    int finished = 0;
    int destroyed = 0;
    int received = 0;
    int times_out = 0;
};

void here(const place &p) {
    CHECK(std::this_thread::get_id() == p.thread);
}

/* Goes on in the loop's next turn. */
class next_turn {
  public:
    explicit next_turn(rouse_mailbox *mailbox) noexcept : mailbox_(mailbox) {}
    next_turn(const next_turn &) = delete;
    next_turn &operator=(const next_turn &) = delete;
    ~next_turn() { (void)(waits_ && rouse_mailbox_revoke(mailbox_, &waiter_)); }
    bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> coroutine) noexcept {
        coroutine_ = coroutine;
        waits_ = true;
        rouse_waiter_init(&waiter_, on_wake, this);
        rouse_mailbox_post(mailbox_, &waiter_, ROUSE_OK);
    }
    void await_resume() const noexcept {}

  private:
    static void on_wake(rouse_waiter *w, rouse_status) noexcept {
        next_turn *const it = static_cast<next_turn *>(rouse_waiter_data(w));
        it->waits_ = false;
        it->coroutine_.resume();
    }
    rouse_mailbox *mailbox_;
    rouse_waiter waiter_{};
    std::coroutine_handle<> coroutine_;
    bool waits_ = false;
};

task work(place &p, int i) {
    const rouse::loop on{rouse_uv_mailbox(&p.r), rouse_uv_deadlines(&p.r)};
    for (int round = 0; round < ROUNDS; round++) {
        if (co_await prepared.begin().on(on) == ROUSE_OK) {
            here(p);
            preparings++;
            CHECK(prepared.done() == ROUSE_OK);
        }
        here(p);
        {
            const rouse::permit permit = co_await permits.acquire().on(on).until(
                round % 8 == 0 ? rouse_uv_now() + 1 : rouse_uv_now() + UINT64_C(60000000000));
            here(p);
            p.times_out += !permit;
            CHECK(permit || permit.status() == ROUSE_TIMEDOUT);
            co_await next_turn(on.mailbox);
        }
        {
            const rouse::mutex_guard holding = co_await mutex.lock().on(on);
            here(p);
            CHECK(bool(holding));
            sections++;
            if (round % 2 == 0) {
                co_await next_turn(on.mailbox);
            }
        }
        if (round % 4 == 0) {
            const rouse::write_guard writes = co_await lock.write().on(on);
            here(p);
            written++;
        } else {
            const rouse::read_guard reads = co_await lock.read().on(on);
            here(p);
            CHECK(written >= 0);
            co_await next_turn(on.mailbox);
        }
        if (i == 0) {
            CHECK(co_await numbers.send(round).on(on) == ROUSE_OK);
            here(p);
        } else if (i == 1 && round < ROUNDS / 2) { /* its loop's other worker receives the rest */
            int number = -1;
            CHECK(co_await numbers.receive(number).on(on) == ROUSE_OK && number >= 0);
            here(p);
            p.received++;
        }
        p.rounds++;
    }
    if (i == 2) {
        for (int n = 0; n < ROUNDS - ROUNDS / 2; n++) {
            int number = -1;
            CHECK(co_await numbers.receive(number).on(on) == ROUSE_OK && number >= 0);
            here(p);
            p.received++;
        }
    }
    p.ended[static_cast<std::size_t>(i)] = true;
    p.finished++;
}

/* Now and then a worker ends where it is. Those that send and receive stay. */
void turn(uv_prepare_t *handle) {
    place &p = *static_cast<place *>(handle->data);
    const auto next = static_cast<std::size_t>(3 + p.destroyed);
    if (next < WORKERS - 1 && !p.ended[next] && p.rounds > 20 * (p.destroyed + 1)) {
        p.workers[next] = task();
        p.destroyed++;
    }
    if (p.finished + p.destroyed >= WORKERS) {
        p.workers.clear();
        uv_close(reinterpret_cast<uv_handle_t *>(handle), nullptr);
        rouse_uv_close(&p.r, nullptr);
    }
}

void run(place *p) {
    p->thread = std::this_thread::get_id();
    CHECK(uv_loop_init(&p->loop) == 0 && rouse_uv_init(&p->loop, &p->r) == 0);
    CHECK(uv_prepare_init(&p->loop, &p->each_turn) == 0);
    p->each_turn.data = p;
    CHECK(uv_prepare_start(&p->each_turn, turn) == 0);
    for (int i = 0; i < WORKERS; i++) {
        p->workers.push_back(work(*p, i));
    }
    CHECK(uv_run(&p->loop, UV_RUN_DEFAULT) == 0);
    CHECK(uv_loop_close(&p->loop) == 0);
}

} /* namespace */

int main() {
    static std::array<place, 2> places;
    std::thread other(run, &places[1]);
    run(&places[0]);
    other.join();
    CHECK(places[0].received + places[1].received == 2 * ROUNDS && numbers.count() == 0);
    CHECK(permits.available() == 2 && !mutex.is_locked() && preparings == 1);
    CHECK(places[0].destroyed + places[1].destroyed != 0 && places[0].times_out + places[1].times_out != 0);
    CHECK(lock.try_write() && sections >= places[0].rounds + places[1].rounds);
    std::printf("two loops: %d rounds, %d workers destroyed, %d time-outs\n",
                places[0].rounds + places[1].rounds, places[0].destroyed + places[1].destroyed,
                places[0].times_out + places[1].times_out);
    return 0;
}
