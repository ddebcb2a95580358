/* examples/cpp_coroutines.cpp: downloads, two at a time, as C++20 coroutines (rouse.hpp).
 *
 * The log is written by one download at a time, under a mutex that is held across a wait. One download is
 * cancelled while it queues; a shutdown refuses the one that still queues. The clock is simulated. */
#include "common/sim.h"
#include "common/task.hpp"
#include <rouse/rouse.hpp>

#include <array>
#include <cstdio>

static sim loop;
static rouse_semaphore limit = ROUSE_SEMAPHORE_INIT(2);
static rouse_mutex log_lock = ROUSE_MUTEX_INIT;

/* co_await after_ms(ms) */
class after_ms {
  public:
    explicit after_ms(std::uint64_t ms) : ms_(ms) {}
    bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> coroutine) {
        sim_after(
            &loop, &event_, ms_,
            [](void *address) { std::coroutine_handle<>::from_address(address).resume(); },
            coroutine.address());
    }
    void await_resume() const noexcept {}

  private:
    std::uint64_t ms_;
    sim_event event_{};
};

static void say(int id, const char *what, const char *why = "") {
    std::printf("%2d ms: download %d %s%s\n", static_cast<int>(loop.now), id, what, why);
}

/* snippet: download */
static task download(int id) {
    rouse::permit permit = co_await rouse::acquire(limit);
    if (!permit) {
        say(id, "is refused: ", rouse_status_string(permit.status()));
        co_return;
    }
    say(id, "starts");
    co_await after_ms(10);
    rouse::mutex_guard log = co_await rouse::lock(log_lock);
    if (log) {
        say(id, "writes");
        co_await after_ms(5);
        say(id, "is done");
    } /* else ROUSE_NOMEM */
} /* unlocks, then releases */
/* end snippet */

static std::array<task, 6> downloads;

static void cancel_the_fifth(void *) {
    say(5, "leaves the queue");
    downloads[4] = task(); /* destroys the coroutine, which gives its place back */
}

static void shut_down(void *) {
    std::printf("%2d ms: shutdown\n", static_cast<int>(loop.now));
    (void)rouse_semaphore_close(&limit);
}

int main() {
    sim_event cancelling, closing;
    for (int i = 0; i < 6; i++) {
        downloads[static_cast<std::size_t>(i)] = download(i + 1);
    }
    sim_after(&loop, &cancelling, 12, cancel_the_fifth, nullptr);
    sim_after(&loop, &closing, 24, shut_down, nullptr);
    sim_run(&loop);
    downloads = {};
    std::printf("permits free: %u, waiters: %u\n", rouse_semaphore_available(&limit),
                rouse_semaphore_waiter_count(&limit));
    rouse_semaphore_destroy(&limit);
    rouse_mutex_destroy(&log_lock);
    return 0;
}
