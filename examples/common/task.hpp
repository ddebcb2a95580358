/* examples/common/task.hpp: the simplest coroutine. It starts at once, and is destroyed with its task. */
#ifndef EXAMPLE_TASK_HPP
#define EXAMPLE_TASK_HPP

#include <coroutine>
#include <exception>
#include <utility>

class task {
  public:
    struct promise_type {
        task get_return_object() { return task(std::coroutine_handle<promise_type>::from_promise(*this)); }
        std::suspend_never initial_suspend() noexcept { return {}; }
        std::suspend_always final_suspend() noexcept { return {}; }
        void return_void() {}
        void unhandled_exception() { std::terminate(); }
    };
    task() = default;
    explicit task(std::coroutine_handle<promise_type> coroutine) : coroutine_(coroutine) {}
    task(task &&other) noexcept : coroutine_(std::exchange(other.coroutine_, nullptr)) {}
    task &operator=(task other) noexcept {
        std::swap(coroutine_, other.coroutine_);
        return *this;
    }
    ~task() {
        if (coroutine_) {
            coroutine_.destroy();
        }
    }

  private:
    std::coroutine_handle<promise_type> coroutine_;
};

#endif /* EXAMPLE_TASK_HPP */
