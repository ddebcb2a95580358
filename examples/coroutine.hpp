/* examples/coroutine.hpp: rouse in C++20 coroutines. Copy it into your project.
 *
 *     rouse::permit permit = co_await rouse::acquire(semaphore);  // released when `permit` goes out of scope
 *     rouse::holding holding = co_await rouse::lock(mutex);       // unlocked likewise
 *     rouse_status status = co_await rouse::wait(notify);
 *
 * A permit (holding) that was refused converts to false; status() says why: ROUSE_CLOSED, ROUSE_NOMEM, …
 *
 * The coroutine goes on where `wake` runs: on the thread that released. Given a mailbox as the last argument
 * it goes on in that mailbox's drain, on its loop's thread.
 *
 * A coroutine may be destroyed while it waits: its place in the queue is given back. As with any waiter, that
 * needs a moment at which no other thread is granting it; a grant that cannot be taken back ends the
 * program. */
#ifndef EXAMPLE_COROUTINE_HPP
#define EXAMPLE_COROUTINE_HPP

#include <rouse/rouse.h>

#include <coroutine>
#include <cstdint>
#include <exception>
#include <utility>

namespace rouse {

/* snippet: permit */
/* n permits of a semaphore, given back when it goes out of scope. */
class permit {
  public:
    permit(rouse_semaphore &semaphore, std::uint32_t n, rouse_status status) noexcept
        : semaphore_(&semaphore), n_(n), status_(status) {}
    permit(permit &&other) noexcept
        : semaphore_(other.semaphore_), n_(std::exchange(other.n_, 0)), status_(other.status_) {}
    permit &operator=(permit other) noexcept {
        std::swap(semaphore_, other.semaphore_);
        std::swap(n_, other.n_);
        std::swap(status_, other.status_);
        return *this;
    }
    ~permit() {
        if (status_ == ROUSE_OK && n_ != 0) {
            (void)rouse_semaphore_release(semaphore_, n_);
        }
    }
    explicit operator bool() const noexcept { return status_ == ROUSE_OK; }
    rouse_status status() const noexcept { return status_; }

  private:
    rouse_semaphore *semaphore_;
    std::uint32_t n_;
    rouse_status status_;
};
/* end snippet */

/* A mutex that is held until this goes out of scope. */
class holding {
  public:
    holding(rouse_mutex &mutex, rouse_status status) noexcept
        : mutex_(status == ROUSE_OK ? &mutex : nullptr), status_(status) {}
    holding(holding &&other) noexcept
        : mutex_(std::exchange(other.mutex_, nullptr)), status_(other.status_) {}
    holding &operator=(holding other) noexcept {
        std::swap(mutex_, other.mutex_);
        std::swap(status_, other.status_);
        return *this;
    }
    ~holding() {
        if (mutex_ != nullptr) {
            (void)rouse_mutex_unlock(mutex_);
        }
    }
    explicit operator bool() const noexcept { return status_ == ROUSE_OK; }
    rouse_status status() const noexcept { return status_; }

  private:
    rouse_mutex *mutex_;
    rouse_status status_;
};

/* snippet: awaiter */
/* What all three have in common. Operation supplies
 *     rouse_status start(rouse_waiter *)
 *     bool cancel(rouse_waiter *)
 *     finish(rouse_status), the value of co_await */
template <class Operation> class awaiter {
  public:
    awaiter(Operation operation, rouse_mailbox *mailbox) : operation_(operation) {
        if (mailbox != nullptr) {
            rouse_waiter_init_on(&waiter_, mailbox, on_wake, this);
        } else {
            rouse_waiter_init(&waiter_, on_wake, this);
        }
    }
    awaiter(const awaiter &) = delete;
    awaiter &operator=(const awaiter &) = delete;
    ~awaiter() {
        if (status_ == ROUSE_PENDING && !operation_.cancel(&waiter_)) {
            std::terminate(); /* destroyed while it was being granted */
        }
    }

    bool await_ready() const noexcept { return false; }
    bool await_suspend(std::coroutine_handle<> coroutine) {
        coroutine_ = coroutine;
        status_ = ROUSE_PENDING;
        const rouse_status status = operation_.start(&waiter_);
        if (status == ROUSE_PENDING) {
            return true; /* it may be running again on another thread: nothing of it may be touched */
        }
        status_ = status;
        return false;
    }
    auto await_resume() { return operation_.finish(status_); }

  private:
    static void on_wake(rouse_waiter *waiter, rouse_status status) {
        awaiter *self = static_cast<awaiter *>(rouse_waiter_data(waiter));
        self->status_ = status;
        self->coroutine_.resume();
    }

    Operation operation_;
    rouse_waiter waiter_;
    std::coroutine_handle<> coroutine_;
    rouse_status status_ = ROUSE_OK; /* nothing to cancel */
};
/* end snippet */

struct acquire_operation {
    rouse_semaphore *semaphore;
    std::uint32_t n;
    rouse_status start(rouse_waiter *w) const { return rouse_semaphore_acquire(semaphore, w, n); }
    bool cancel(rouse_waiter *w) const { return rouse_semaphore_cancel(semaphore, w); }
    permit finish(rouse_status status) const { return permit(*semaphore, n, status); }
};

struct lock_operation {
    rouse_mutex *mutex;
    rouse_status start(rouse_waiter *w) const { return rouse_mutex_lock(mutex, w); }
    bool cancel(rouse_waiter *w) const { return rouse_mutex_cancel(mutex, w); }
    holding finish(rouse_status status) const { return holding(*mutex, status); }
};

struct wait_operation {
    rouse_notify *notify;
    rouse_status start(rouse_waiter *w) const { return rouse_notify_wait(notify, w); }
    bool cancel(rouse_waiter *w) const { return rouse_notify_cancel(notify, w); }
    rouse_status finish(rouse_status status) const { return status; }
};

inline awaiter<acquire_operation> acquire(rouse_semaphore &semaphore, std::uint32_t n = 1,
                                          rouse_mailbox *mailbox = nullptr) {
    return {acquire_operation{&semaphore, n}, mailbox};
}
inline awaiter<lock_operation> lock(rouse_mutex &mutex, rouse_mailbox *mailbox = nullptr) {
    return {lock_operation{&mutex}, mailbox};
}
inline awaiter<wait_operation> wait(rouse_notify &notify, rouse_mailbox *mailbox = nullptr) {
    return {wait_operation{&notify}, mailbox};
}

} /* namespace rouse */

#endif /* EXAMPLE_COROUTINE_HPP */
