/* examples/coroutine.hpp: rouse in C++20 coroutines. Copy it into your project.
 *
 *     rouse::permit permit = co_await rouse::acquire(semaphore);  // released when `permit` goes out of scope
 *     rouse::holding holding = co_await rouse::lock(mutex);       // unlocked likewise
 *     rouse_status status = co_await rouse::wait(notify);
 *
 * A permit (holding) that was refused converts to false; status() says why: ROUSE_CLOSED, ROUSE_NOMEM, …
 *
 * The coroutine goes on where `wake` runs: on the thread that released. Given a mailbox as the last argument
 * it goes on in that mailbox's drain, on its loop's thread. No exception may leave it there: that ends the
 * program.
 *
 * A coroutine may be destroyed while it waits, on the thread on which it would go on: its place in the queue
 * is given back; if it has been granted already and is only still to be resumed, what it was granted is.
 * Because a grant may thus come after the coroutine is gone, the waiter is not in its frame: a wait that
 * queues allocates it. */
#ifndef EXAMPLE_COROUTINE_HPP
#define EXAMPLE_COROUTINE_HPP

#include <rouse/rouse.h>

#include <coroutine>
#include <cstdint>
#include <memory>
#include <new>
#include <utility>

namespace rouse {

/* snippet: permit */
/* n permits of a semaphore, given back when it goes out of scope. False once it has been moved from. */
class permit {
  public:
    permit(rouse_semaphore &semaphore, std::uint32_t n, rouse_status status) noexcept
        : semaphore_(status == ROUSE_OK ? &semaphore : nullptr), n_(n), status_(status) {}
    permit(permit &&other) noexcept
        : semaphore_(std::exchange(other.semaphore_, nullptr)), n_(other.n_), status_(other.status_) {}
    permit &operator=(permit other) noexcept {
        std::swap(semaphore_, other.semaphore_);
        std::swap(n_, other.n_);
        std::swap(status_, other.status_);
        return *this;
    }
    ~permit() {
        if (semaphore_ != nullptr) {
            (void)rouse_semaphore_release(semaphore_, n_);
        }
    }
    explicit operator bool() const noexcept { return semaphore_ != nullptr; }
    rouse_status status() const noexcept { return status_; }

  private:
    rouse_semaphore *semaphore_;
    std::uint32_t n_;
    rouse_status status_;
};
/* end snippet */

/* A mutex that is held until this goes out of scope. False once it has been moved from. */
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
    explicit operator bool() const noexcept { return mutex_ != nullptr; }
    rouse_status status() const noexcept { return status_; }

  private:
    rouse_mutex *mutex_;
    rouse_status status_;
};

/* snippet: awaiter */
/* What all three have in common. Operation supplies
 *     bool ready()                                 takes it, if that needs no wait
 *     rouse_status start(rouse_waiter *)
 *     bool cancel(rouse_waiter *)
 *     give_back(rouse_waiter *, rouse_status)      nobody wants what this waiter was woken with
 *     finish(rouse_status)                         the value of co_await */
template <class Operation> class awaiter {
  public:
    awaiter(Operation operation, rouse_mailbox *mailbox) : operation_(operation), mailbox_(mailbox) {}
    awaiter(const awaiter &) = delete;
    awaiter &operator=(const awaiter &) = delete;
    ~awaiter() {
        if (place_ != nullptr && operation_.cancel(&place_->waiter)) {
            delete place_;
        } else if (place_ != nullptr) {
            place_->owner = nullptr; /* its wake is owed, and gives back what it brings */
        }
    }

    bool await_ready() const { return operation_.ready(); }
    bool await_suspend(std::coroutine_handle<> coroutine) {
        place *const it = new (std::nothrow) place{{}, operation_, this, coroutine};
        status_ = ROUSE_NOMEM;
        if (it == nullptr) {
            return false;
        }
        rouse_waiter_init_on(&it->waiter, mailbox_, on_wake, it);
        place_ = it;
        const rouse_status status = operation_.start(&it->waiter);
        if (status == ROUSE_PENDING) {
            return true; /* it may be running again on another thread: nothing of it may be touched */
        }
        delete it;
        place_ = nullptr;
        status_ = status;
        return false;
    }
    auto await_resume() { return operation_.finish(status_); }

  private:
    struct place {
        rouse_waiter waiter;
        Operation operation;
        awaiter *owner; /* nullptr: the coroutine has been destroyed */
        std::coroutine_handle<> coroutine;
    };

    static void on_wake(rouse_waiter *waiter, rouse_status status) noexcept {
        std::unique_ptr<place> it(static_cast<place *>(rouse_waiter_data(waiter)));
        if (it->owner == nullptr) {
            it->operation.give_back(waiter, status);
            return;
        }
        it->owner->status_ = status;
        it->owner->place_ = nullptr;
        const std::coroutine_handle<> coroutine = it->coroutine;
        it.reset();
        coroutine.resume();
    }

    Operation operation_;
    rouse_mailbox *mailbox_; /* nullptr: goes on where it is woken */
    place *place_ = nullptr; /* while it waits */
    rouse_status status_ = ROUSE_OK;
};
/* end snippet */

struct acquire_operation {
    rouse_semaphore *semaphore;
    std::uint32_t n;
    bool ready() const { return rouse_semaphore_try_acquire(semaphore, n); }
    rouse_status start(rouse_waiter *w) const { return rouse_semaphore_acquire(semaphore, w, n); }
    bool cancel(rouse_waiter *w) const { return rouse_semaphore_cancel(semaphore, w); }
    void give_back(rouse_waiter *, rouse_status status) const { finish(status); }
    permit finish(rouse_status status) const { return permit(*semaphore, n, status); }
};

struct lock_operation {
    rouse_mutex *mutex;
    bool ready() const { return rouse_mutex_try_lock(mutex); }
    rouse_status start(rouse_waiter *w) const { return rouse_mutex_lock(mutex, w); }
    bool cancel(rouse_waiter *w) const { return rouse_mutex_cancel(mutex, w); }
    void give_back(rouse_waiter *, rouse_status status) const { finish(status); }
    holding finish(rouse_status status) const { return holding(*mutex, status); }
};

struct wait_operation {
    rouse_notify *notify;
    bool ready() const { return false; /* a notification that is kept is found by start */ }
    rouse_status start(rouse_waiter *w) const { return rouse_notify_wait(notify, w); }
    bool cancel(rouse_waiter *w) const { return rouse_notify_cancel(notify, w); }
    void give_back(rouse_waiter *w, rouse_status) const { rouse_notify_pass_on(notify, w); }
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
