/* rouse/rouse.hpp: rouse in C++: objects, guards, and, from C++20 on, coroutines.
 *
 *     rouse::semaphore limit(10);
 *     ...
 *     rouse::permit permit = co_await limit.acquire().on(loop).until(deadline);
 *     if (!permit) co_return;               // permit.status() says why
 *     ...                                   // released when permit goes out of scope
 *     rouse::mutex_guard guard = co_await mutex.lock().on(mailbox);              // unlocked likewise
 *     rouse_status status = co_await event.wait().on(mailbox).stop(token);
 *     rouse::any_result first = co_await rouse::any(limit.acquire(), event.wait()).on(mailbox);
 *
 * Where a coroutine continues
 *   With a mailbox it continues in the drain, on the loop's thread. Nothing is allocated, because the waiter
 *   is in the coroutine's frame (but rouse::any allocates).
 *   Without a mailbox it continues on the thread whose call woke it. A wait that queues then allocates its
 *   waiter, because the coroutine may be destroyed before its wake has run; it gets ROUSE_NOMEM if there is
 *   no memory. rouse::any allocates in every case, even if an arm answers at once.
 *
 * A coroutine may be destroyed while it waits, on the thread on which it would continue. Then it leaves the
 * queue. If it had been granted and not yet resumed, what it was granted goes back at once, so the object may
 * be destroyed next. (Not so if another thread is just waking it: then it goes back there.)
 * Until its co_await has suspended it, it runs, and nobody may destroy it: not even a wake that this co_await
 * runs, because it hands a grant on (rouse::any) or unlocks a mutex (a condition variable).
 *
 * A barrier cannot be awaited: a party that has arrived cannot leave, so its coroutine could not be
 * destroyed.
 *
 * Everything is noexcept, and works with -fno-exceptions. An exception that leaves a coroutine in a wake ends
 * the program. The guards and the calls that do not wait need C++11 only. */
#ifndef ROUSE_HPP
#define ROUSE_HPP

#include "any.h"
#include "channel.h"
#include "condvar.h"
#include "deadline.h"
#include "event.h"
#include "gate.h"
#include "limit.h"
#include "mailbox.h"
#include "mutex.h"
#include "notify.h"
#include "once.h"
#include "rwlock.h"
#include "semaphore.h"

#include <cstddef>
#include <cstdint>
#include <new>
#include <type_traits>
#include <utility>
#if defined(__cpp_impl_coroutine)
#    include <array>
#    include <coroutine>
#    include <optional>
#    include <stop_token>
#    include <tuple>
#endif

namespace rouse {

/* ---- guards (C++11) ---- */

namespace detail {
struct semaphore_traits {
    typedef rouse_semaphore object;
    static void give_back(object *s, std::uint32_t n) noexcept { (void)rouse_semaphore_release(s, n); }
};
struct limit_traits {
    typedef rouse_limit object;
    static void give_back(object *l, std::uint32_t n) noexcept { (void)rouse_limit_give_back(l, n); }
};
struct mutex_traits {
    typedef rouse_mutex object;
    static void give_back(object *m, std::uint32_t) noexcept { (void)rouse_mutex_unlock(m); }
};
struct read_traits {
    typedef rouse_rwlock object;
    static void give_back(object *l, std::uint32_t n) noexcept {
        for (; n != 0; n--) { /* several, if guards have been merged */
            (void)rouse_rwlock_end_read(l);
        }
    }
};
struct write_traits {
    typedef rouse_rwlock object;
    static void give_back(object *l, std::uint32_t) noexcept { (void)rouse_rwlock_end_write(l); }
};
} /* namespace detail */

/* Holds what a wait was granted, and gives it back at the end of its scope. Converts to false if it holds
 * nothing: refused (status() says why), released, forgotten, or moved from. */
template <class Traits> class guard {
  public:
    typedef typename Traits::object object;

    guard() noexcept : object_(nullptr), n_(0), status_(ROUSE_INVALID) {}
    /* Takes over n that are held already, if status is ROUSE_OK. */
    guard(object &o, std::uint32_t n, rouse_status status) noexcept
        : object_(status == ROUSE_OK && n != 0 ? &o : nullptr), n_(n), status_(status) {}
    guard(guard &&other) noexcept : object_(other.object_), n_(other.n_), status_(other.status_) {
        other.object_ = nullptr;
    }
    guard &operator=(guard &&other) noexcept {
        if (this != &other) {
            release();
            object_ = other.object_;
            n_ = other.n_;
            status_ = other.status_;
            other.object_ = nullptr;
        }
        return *this;
    }
    guard(const guard &) = delete;
    guard &operator=(const guard &) = delete;
    ~guard() { release(); }

    explicit operator bool() const noexcept { return object_ != nullptr; }
    rouse_status status() const noexcept { return status_; }
    std::uint32_t count() const noexcept { return object_ != nullptr ? n_ : 0; }
    object *held() const noexcept { return object_; }

    /* Gives everything back now. */
    void release() noexcept {
        object *const held = object_;
        object_ = nullptr;
        if (held != nullptr) {
            Traits::give_back(held, n_);
        }
    }
    /* Lets go of what it holds without giving it back: that is now yours to do. */
    void forget() noexcept { object_ = nullptr; }
    /* Takes n of the held permits into another guard; an empty guard if fewer are held. */
    guard split(std::uint32_t n) noexcept {
        if (object_ == nullptr || n == 0 || n > n_) {
            return guard();
        }
        guard part(*object_, n, ROUSE_OK);
        n_ -= n;
        if (n_ == 0) {
            object_ = nullptr;
        }
        return part;
    }
    /* Takes over what `other`, a guard of the same object, holds. Returns false if it is a guard of another
     * object; then nothing changed. */
    bool merge(guard &&other) noexcept {
        if (other.object_ == nullptr || this == &other) {
            return true;
        }
        if (object_ == nullptr) {
            *this = std::move(other);
            return true;
        }
        if (object_ != other.object_) {
            return false;
        }
        n_ += other.n_;
        other.object_ = nullptr;
        return true;
    }

  private:
    object *object_;
    std::uint32_t n_;
    rouse_status status_;
};

typedef guard<detail::semaphore_traits> permit;
typedef guard<detail::limit_traits> limit_permit;
typedef guard<detail::mutex_traits> mutex_guard;
typedef guard<detail::read_traits> read_guard;
typedef guard<detail::write_traits> write_guard;

/* A loop's mailbox and deadlines, for `on`: rouse::loop l{rouse_uv_mailbox(&r), rouse_uv_deadlines(&r)}. */
struct loop {
    rouse_mailbox *mailbox;
    rouse_deadlines *deadlines;
};

#if defined(__cpp_impl_coroutine)

/* ---- waiting (C++20) ---- */

namespace detail {

/* What each waiting call supplies. ready: takes it without waiting; give_back: returns what w was granted and
 * nobody wants; finish: the value of co_await; retry: answers ROUSE_RETRY. */
template <class Traits> struct operation {
    typename Traits::object *object;
    std::uint32_t n;
    void give_back(rouse_waiter *, rouse_status status) const noexcept {
        if (status == ROUSE_OK) {
            Traits::give_back(object, n);
        }
    }
    guard<Traits> finish(rouse_status status) const noexcept { return guard<Traits>(*object, n, status); }
    rouse_status retry(rouse_waiter *) const noexcept { return ROUSE_INVALID; }
};
struct acquire_operation : operation<semaphore_traits> {
    bool ready() const noexcept { return rouse_semaphore_try_acquire(object, n); }
    rouse_status start(rouse_waiter *w) const noexcept { return rouse_semaphore_acquire(object, w, n); }
    rouse_status start_until(rouse_timed *t, std::uint64_t until) const noexcept {
        return rouse_semaphore_acquire_until(object, t, n, until);
    }
    bool cancel(rouse_waiter *w) const noexcept { return rouse_semaphore_cancel(object, w); }
    rouse_status retry(rouse_waiter *w) const noexcept { return rouse_semaphore_resume(object, w); }
    void decline(rouse_waiter *w) const noexcept { rouse_semaphore_decline(object, w); }
    void arm(rouse_arm *a) const noexcept { rouse_arm_semaphore(a, object, n); }
};
struct limit_operation : operation<limit_traits> {
    bool ready() const noexcept { return rouse_limit_try_acquire(object, n); }
    rouse_status start(rouse_waiter *w) const noexcept { return rouse_limit_acquire(object, w, n); }
    rouse_status start_until(rouse_timed *t, std::uint64_t until) const noexcept {
        return rouse_limit_acquire_until(object, t, n, until);
    }
    bool cancel(rouse_waiter *w) const noexcept { return rouse_limit_cancel(object, w); }
    rouse_status retry(rouse_waiter *w) const noexcept { return rouse_limit_resume(object, w); }
    void decline(rouse_waiter *w) const noexcept { rouse_limit_decline(object, w); }
    void arm(rouse_arm *a) const noexcept { rouse_arm_limit(a, object, n); }
};
struct lock_operation : operation<mutex_traits> {
    bool ready() const noexcept { return rouse_mutex_try_lock(object); }
    rouse_status start(rouse_waiter *w) const noexcept { return rouse_mutex_lock(object, w); }
    rouse_status start_until(rouse_timed *t, std::uint64_t until) const noexcept {
        return rouse_mutex_lock_until(object, t, until);
    }
    bool cancel(rouse_waiter *w) const noexcept { return rouse_mutex_cancel(object, w); }
    rouse_status retry(rouse_waiter *w) const noexcept { return rouse_mutex_resume(object, w); }
    void decline(rouse_waiter *w) const noexcept { rouse_mutex_decline(object, w); }
    void arm(rouse_arm *a) const noexcept { rouse_arm_mutex(a, object); }
};
struct read_operation : operation<read_traits> {
    bool ready() const noexcept { return rouse_rwlock_try_read(object); }
    rouse_status start(rouse_waiter *w) const noexcept { return rouse_rwlock_read(object, w); }
    rouse_status start_until(rouse_timed *t, std::uint64_t until) const noexcept {
        return rouse_rwlock_read_until(object, t, until);
    }
    bool cancel(rouse_waiter *w) const noexcept { return rouse_rwlock_cancel(object, w); }
    void decline(rouse_waiter *) const noexcept {}
};
struct write_operation : operation<write_traits> {
    bool ready() const noexcept { return rouse_rwlock_try_write(object); }
    rouse_status start(rouse_waiter *w) const noexcept { return rouse_rwlock_write(object, w); }
    rouse_status start_until(rouse_timed *t, std::uint64_t until) const noexcept {
        return rouse_rwlock_write_until(object, t, until);
    }
    bool cancel(rouse_waiter *w) const noexcept { return rouse_rwlock_cancel(object, w); }
    void decline(rouse_waiter *) const noexcept {}
};
/* Waits whose result is a status. */
template <class Object> struct status_operation {
    Object *object;
    bool ready() const noexcept { return false; /* start finds what is there already */ }
    void give_back(rouse_waiter *, rouse_status) const noexcept {}
    rouse_status finish(rouse_status status) const noexcept { return status; }
    rouse_status retry(rouse_waiter *) const noexcept { return ROUSE_INVALID; }
    void decline(rouse_waiter *) const noexcept {}
};
struct notify_operation : status_operation<rouse_notify> {
    rouse_status start(rouse_waiter *w) const noexcept { return rouse_notify_wait(object, w); }
    rouse_status start_until(rouse_timed *t, std::uint64_t until) const noexcept {
        return rouse_notify_wait_until(object, t, until);
    }
    bool cancel(rouse_waiter *w) const noexcept { return rouse_notify_cancel(object, w); }
    void give_back(rouse_waiter *w, rouse_status status) const noexcept {
        if (status == ROUSE_OK) {
            rouse_notify_pass_on(object, w);
        }
    }
    void arm(rouse_arm *a) const noexcept { rouse_arm_notify(a, object); }
};
struct event_operation : status_operation<rouse_event> {
    rouse_status start(rouse_waiter *w) const noexcept { return rouse_event_wait(object, w); }
    rouse_status start_until(rouse_timed *t, std::uint64_t until) const noexcept {
        return rouse_event_wait_until(object, t, until);
    }
    bool cancel(rouse_waiter *w) const noexcept { return rouse_event_cancel(object, w); }
    void arm(rouse_arm *a) const noexcept { rouse_arm_event(a, object); }
};
struct gate_operation : status_operation<rouse_gate> {
    rouse_status start(rouse_waiter *w) const noexcept { return rouse_gate_wait(object, w); }
    rouse_status start_until(rouse_timed *t, std::uint64_t until) const noexcept {
        return rouse_gate_wait_until(object, t, until);
    }
    bool cancel(rouse_waiter *w) const noexcept { return rouse_gate_cancel(object, w); }
    void arm(rouse_arm *a) const noexcept { rouse_arm_gate(a, object); }
};
/* If a coroutine is destroyed before it has done its work, the next one does it. */
struct once_operation : status_operation<rouse_once> {
    rouse_status start(rouse_waiter *w) const noexcept { return rouse_once_begin(object, w); }
    rouse_status start_until(rouse_timed *t, std::uint64_t until) const noexcept {
        return rouse_once_begin_until(object, t, until);
    }
    bool cancel(rouse_waiter *w) const noexcept { return rouse_once_cancel(object, w); }
    void give_back(rouse_waiter *, rouse_status status) const noexcept {
        if (status == ROUSE_OK) {
            (void)rouse_once_failed(object);
        }
    }
};

/* What is sent, and the place for what is received, are the caller's; co_await keeps them. */
struct send_operation : status_operation<rouse_channel> {
    const void *element;
    bool ready() const noexcept { return rouse_channel_try_send(object, element); }
    rouse_status start(rouse_waiter *w) const noexcept { return rouse_channel_send_(object, w, element); }
    rouse_status start_until(rouse_timed *t, std::uint64_t until) const noexcept {
        return rouse_channel_send_until(object, t, element, until);
    }
    bool cancel(rouse_waiter *w) const noexcept { return rouse_channel_leave_(object, w); }
};
struct receive_operation : status_operation<rouse_channel> {
    void *element;
    bool ready() const noexcept { return rouse_channel_try_receive(object, element); }
    rouse_status start(rouse_waiter *w) const noexcept { return rouse_channel_receive_(object, w, element); }
    rouse_status start_until(rouse_timed *t, std::uint64_t until) const noexcept {
        return rouse_channel_receive_until(object, t, element, until);
    }
    bool cancel(rouse_waiter *w) const noexcept { return rouse_channel_leave_(object, w); }
};

/* While it lives, the wakes that become due on this thread wait. */
class held_wakes {
  public:
    held_wakes() noexcept : held_(rouse_deliver_hold_()) {}
    held_wakes(const held_wakes &) = delete;
    held_wakes &operator=(const held_wakes &) = delete;
    ~held_wakes() { rouse_deliver_let_go_(held_); }

  private:
    rouse_inbox_ *held_;
};

/* Where and how long a wait waits. */
struct terms {
    rouse_mailbox *mailbox = nullptr;
    rouse_deadlines *deadlines = nullptr;
    std::uint64_t until = UINT64_MAX;
    std::stop_token token;
};

/* The waiter of a wait that has queued: in the coroutine's frame (mailbox), or on the heap, where it outlives
 * the frame. */
template <class Operation> struct place {
    rouse_timed timed; /* its waiter alone if there is no deadline */
    Operation operation;
    void (*done)(void *owner, rouse_status status);
    void *owner; /* nullptr: the coroutine has been destroyed */
    bool on_heap;

    rouse_status start(const terms &how) noexcept {
        if (how.until == UINT64_MAX) {
            rouse_waiter_init_on(&timed.waiter, how.mailbox, on_wake, this);
            return operation.start(&timed.waiter);
        }
        if (how.deadlines == nullptr) {
            return ROUSE_INVALID;
        }
        rouse_timed_init(&timed, how.deadlines, how.mailbox, on_timed, this);
        return operation.start_until(&timed, how.until);
    }
    bool cancel(const terms &how) noexcept {
        return how.until == UINT64_MAX ? operation.cancel(&timed.waiter) : rouse_timed_cancel(&timed);
    }
    void woken(rouse_status status) noexcept {
        if (status == ROUSE_RETRY) {
            if (owner == nullptr) {
                operation.decline(&timed.waiter);
                delete this;
                return;
            }
            status = operation.retry(&timed.waiter);
            if (status == ROUSE_PENDING) {
                return;
            }
        }
        void *const to = owner;
        void (*const tell)(void *, rouse_status) = done;
        if (to == nullptr) {
            operation.give_back(&timed.waiter, status);
        }
        if (on_heap) {
            delete this;
        }
        if (to != nullptr) {
            tell(to, status);
        }
    }
    static void on_wake(rouse_waiter *w, rouse_status status) noexcept {
        static_cast<place *>(rouse_waiter_data(w))->woken(status);
    }
    static void on_timed(rouse_timed *t, rouse_status status) noexcept {
        static_cast<place *>(rouse_timed_data(t))->woken(status);
    }
};

template <class Operation> class awaiter {
  public:
    awaiter(const Operation &operation, const terms &how) noexcept : how_(how), operation_(operation) {}
    awaiter(const awaiter &) = delete;
    awaiter &operator=(const awaiter &) = delete;
    ~awaiter() {
        stop_.reset(); /* waits for a callback in progress on another thread */
        if (place_ == nullptr) {
            return;
        }
        const held_wakes held; /* one might drain the mailbox before this is out of it */
        if (place_->cancel(how_)) {
            if (place_->on_heap) {
                delete place_;
            }
        } else if (how_.mailbox == nullptr) {
            place_->owner = nullptr; /* its wake gives back what it brings */
            (void)rouse_deliver_early_(&place_->timed.waiter);
        } else if (rouse_mailbox_revoke(how_.mailbox, &place_->timed.waiter)) {
            operation_.give_back(&place_->timed.waiter, rouse_waiter_status(&place_->timed.waiter));
        }
    }

    bool await_ready() noexcept { return operation_.ready(); }
    bool await_suspend(std::coroutine_handle<> coroutine) noexcept {
        const bool stops = how_.token.stop_possible();
        coroutine_ = coroutine;
        if (how_.mailbox != nullptr) {
            place_ = &frame_.emplace();
        } else if (!stops) {
            place_ = new (std::nothrow) place<Operation>();
        }
        status_ = stops && how_.mailbox == nullptr ? ROUSE_INVALID : ROUSE_NOMEM;
        if (place_ == nullptr) {
            return false;
        }
        place<Operation> *const it = place_;
        it->operation = operation_;
        it->done = done;
        it->owner = this;
        it->on_heap = how_.mailbox == nullptr;
        const rouse_status status = it->start(how_);
        if (status != ROUSE_PENDING) {
            if (it->on_heap) {
                delete it;
            }
            place_ = nullptr;
            status_ = status;
            return false;
        }
        /* Without a mailbox it may be running again on another thread by now: nothing of it may be touched.
         * With one it continues in a drain of this thread. */
        if (stops) {
            stop_.emplace(how_.token, canceller{this});
        }
        return true;
    }
    auto await_resume() noexcept { return operation_.finish(status_); }

  private:
    struct canceller {
        awaiter *owner;
        /* On any thread, also inside the registration: leaves the queue, and lets the mailbox bring the
         * news. */
        void operator()() const noexcept {
            rouse_waiter *const w = &owner->place_->timed.waiter;
            const held_wakes held; /* one might destroy the coroutine before w is posted */
            if (owner->operation_.cancel(w)) {
                rouse_mailbox_post(owner->how_.mailbox, w, ROUSE_CANCELLED);
            }
        }
    };
    static void done(void *owner, rouse_status status) noexcept {
        awaiter *const it = static_cast<awaiter *>(owner);
        it->stop_.reset();
        it->place_ = nullptr;
        it->status_ = status;
        it->coroutine_.resume();
    }

    terms how_;
    Operation operation_;
    rouse_status status_ = ROUSE_OK;
    place<Operation> *place_ = nullptr; /* while it waits */
    std::optional<place<Operation>> frame_;
    std::coroutine_handle<> coroutine_;
    std::optional<std::stop_callback<canceller>> stop_;
};

} /* namespace detail */

/* A wait that has not begun: co_await begins it. */
template <class Operation> class waiting {
  public:
    explicit waiting(const Operation &operation) noexcept : operation_(operation) {}
    /* Continues in this mailbox's drain; nullptr: where it is woken. */
    waiting on(rouse_mailbox *mailbox) &&noexcept {
        how_.mailbox = mailbox;
        return std::move(*this);
    }
    waiting on(rouse_mailbox &mailbox) &&noexcept { return std::move(*this).on(&mailbox); }
    waiting on(const loop &l) &&noexcept {
        how_.mailbox = l.mailbox;
        how_.deadlines = l.deadlines;
        return std::move(*this);
    }
    /* Gives up with ROUSE_TIMEDOUT at `until`, on the clock of the deadlines that `on` has named. */
    waiting until(std::uint64_t until) &&noexcept {
        how_.until = until;
        return std::move(*this);
    }
    waiting until(rouse_deadlines &deadlines, std::uint64_t until) &&noexcept {
        how_.deadlines = &deadlines;
        how_.until = until;
        return std::move(*this);
    }
    /* Gives up with ROUSE_CANCELLED when a stop is requested, on any thread.
     * Requires: a mailbox, or the answer is ROUSE_INVALID; and that the thread that awaits is the one that
     * drains it. */
    waiting stop(std::stop_token token) &&noexcept {
        how_.token = std::move(token);
        return std::move(*this);
    }
    detail::awaiter<Operation> operator co_await() &&noexcept { return {operation_, how_}; }
    const Operation &operation() const noexcept { return operation_; }

  private:
    Operation operation_;
    detail::terms how_;
};

/* The same for objects of the C interface. */
inline waiting<detail::acquire_operation> acquire(rouse_semaphore &s, std::uint32_t n = 1) noexcept {
    return waiting<detail::acquire_operation>(detail::acquire_operation{{&s, n}});
}
inline waiting<detail::limit_operation> acquire(rouse_limit &l, std::uint32_t n = 1) noexcept {
    return waiting<detail::limit_operation>(detail::limit_operation{{&l, n}});
}
inline waiting<detail::lock_operation> lock(rouse_mutex &m) noexcept {
    return waiting<detail::lock_operation>(detail::lock_operation{{&m, 1}});
}
inline waiting<detail::read_operation> read(rouse_rwlock &l) noexcept {
    return waiting<detail::read_operation>(detail::read_operation{{&l, 1}});
}
inline waiting<detail::write_operation> write(rouse_rwlock &l) noexcept {
    return waiting<detail::write_operation>(detail::write_operation{{&l, 1}});
}
inline waiting<detail::notify_operation> wait(rouse_notify &n) noexcept {
    return waiting<detail::notify_operation>(detail::notify_operation{{&n}});
}
inline waiting<detail::event_operation> wait(rouse_event &e) noexcept {
    return waiting<detail::event_operation>(detail::event_operation{{&e}});
}
inline waiting<detail::gate_operation> wait(rouse_gate &g) noexcept {
    return waiting<detail::gate_operation>(detail::gate_operation{{&g}});
}
inline waiting<detail::once_operation> begin(rouse_once &o) noexcept {
    return waiting<detail::once_operation>(detail::once_operation{{&o}});
}

namespace detail {
/* A wait on a condition variable. The guard holds the mutex before, and after ROUSE_OK; else it is empty. */
class condvar_awaiter {
  public:
    condvar_awaiter(rouse_condvar &c, mutex_guard &guard, rouse_mailbox *mailbox) noexcept
        : condvar_(c), guard_(guard), mailbox_(mailbox) {}
    condvar_awaiter(const condvar_awaiter &) = delete;
    condvar_awaiter &operator=(const condvar_awaiter &) = delete;
    ~condvar_awaiter() {
        place *const it = place_;
        if (it == nullptr) {
            return;
        }
        if (rouse_condvar_cancel(&condvar_, &it->waiter)) {
            guard_.forget(); /* the mutex is not its own */
            if (mailbox_ == nullptr) {
                delete it;
            }
        } else if (mailbox_ == nullptr) {
            guard_.forget();
            it->owner = nullptr; /* its wake unlocks */
            (void)rouse_deliver_early_(&it->waiter.waiter);
        } else if (!rouse_mailbox_revoke(mailbox_, &it->waiter.waiter) ||
                   rouse_waiter_status(&it->waiter.waiter) != ROUSE_OK) {
            guard_.forget(); /* else the guard unlocks what it was granted */
        }
    }
    bool await_ready() const noexcept { return false; }
    bool await_suspend(std::coroutine_handle<> coroutine) noexcept {
        coroutine_ = coroutine;
        mutex_ = guard_.held();
        if (mutex_ == nullptr) {
            status_ = ROUSE_INVALID;
            return false;
        }
        place *const it = mailbox_ != nullptr ? &frame_.emplace() : new (std::nothrow) place();
        if (it == nullptr) {
            status_ = ROUSE_NOMEM;
            guard_.release();
            return false;
        }
        it->owner = this;
        it->on_heap = mailbox_ == nullptr;
        place_ = it; /* before the wait: nothing may be touched when it has queued */
        rouse_condvar_waiter_init(&it->waiter, mutex_, mailbox_, on_wake, it);
        const rouse_status status = rouse_condvar_wait(&condvar_, &it->waiter);
        if (status == ROUSE_PENDING) {
            return true;
        }
        if (it->on_heap) {
            delete it;
        }
        place_ = nullptr;
        status_ = status; /* the mutex is held still */
        guard_.release();
        return false;
    }
    rouse_status await_resume() const noexcept { return status_; }

  private:
    struct place {
        rouse_condvar_waiter waiter;
        condvar_awaiter *owner;
        bool on_heap;
    };
    static void on_wake(rouse_condvar_waiter *w, rouse_status status) noexcept {
        place *const it = static_cast<place *>(rouse_condvar_waiter_data(w));
        condvar_awaiter *const to = it->owner;
        rouse_mutex *const mutex = w->mutex_;
        if (it->on_heap) {
            delete it;
        }
        if (to == nullptr) {
            if (status == ROUSE_OK) {
                (void)rouse_mutex_unlock(mutex);
            }
            return;
        }
        to->place_ = nullptr;
        to->status_ = status;
        if (status != ROUSE_OK) {
            to->guard_.forget();
        }
        to->coroutine_.resume();
    }

    rouse_condvar &condvar_;
    mutex_guard &guard_;
    rouse_mailbox *mailbox_;
    rouse_mutex *mutex_ = nullptr;
    rouse_status status_ = ROUSE_OK;
    place *place_ = nullptr; /* while it waits */
    std::optional<place> frame_;
    std::coroutine_handle<> coroutine_;
};
class condvar_waiting {
  public:
    condvar_waiting(rouse_condvar &c, mutex_guard &guard) noexcept : condvar_(c), guard_(guard) {}
    condvar_waiting on(rouse_mailbox *mailbox) &&noexcept {
        mailbox_ = mailbox;
        return std::move(*this);
    }
    condvar_waiting on(rouse_mailbox &mailbox) &&noexcept { return std::move(*this).on(&mailbox); }
    condvar_waiting on(const loop &l) &&noexcept { return std::move(*this).on(l.mailbox); }
    condvar_awaiter operator co_await() &&noexcept { return {condvar_, guard_, mailbox_}; }

  private:
    rouse_condvar &condvar_;
    mutex_guard &guard_;
    rouse_mailbox *mailbox_ = nullptr;
};
} /* namespace detail */

/* Waits with the mutex that `guard` holds. ROUSE_OK: signalled, and the guard holds it again: look at the
 * condition again. Anything else: the guard is empty. */
inline detail::condvar_waiting wait(rouse_condvar &c, mutex_guard &guard) noexcept {
    return detail::condvar_waiting(c, guard);
}

/* Which arm won, and its outcome. What a winner with ROUSE_OK was granted is yours: take it over with a
 * guard, as in rouse::permit p(*limit.native(), 1, first.status). index -1: none, and status says why. */
struct any_result {
    int index;
    rouse_status status;
};

namespace detail {
template <std::size_t N> class any_awaiter {
  public:
    template <class... Operations>
    explicit any_awaiter(rouse_mailbox *mailbox, const Operations &...operations) noexcept
        : mailbox_(mailbox), place_(new (std::nothrow) place) {
        if (place_ != nullptr) {
            std::size_t i = 0;
            (operations.arm(&place_->arms[i++]), ...);
        }
    }
    any_awaiter(const any_awaiter &) = delete;
    any_awaiter &operator=(const any_awaiter &) = delete;
    ~any_awaiter() {
        const held_wakes held; /* as in awaiter */
        if (place_ != nullptr && waits_ && !rouse_any_cancel(&place_->any)) {
            hurry();
        } else {
            delete place_;
        }
    }
    bool await_ready() const noexcept { return place_ == nullptr; }
    bool await_suspend(std::coroutine_handle<> coroutine) noexcept {
        place *const it = place_;
        rouse_any_init(&it->any, it->arms.data(), static_cast<std::uint32_t>(N), mailbox_, on_wake, it);
        it->owner = this;
        coroutine_ = coroutine;
        waits_ = true; /* before the wait: nothing may be touched when it has queued */
        const rouse_status status = rouse_any_wait(&it->any);
        if (status == ROUSE_PENDING) {
            return true;
        }
        waits_ = false;
        result_ = {rouse_any_index(&it->any), status};
        return false;
    }
    any_result await_resume() const noexcept { return result_; }

  private:
    struct place {
        rouse_any any;
        std::array<rouse_arm, N> arms;
        any_awaiter *owner;
        bool *over; /* set when the any is told; nullptr: nobody asks */
    };
    /* The any cannot be cancelled any more: its wake gives back what it brings, at once if this thread has
     * deferred it, or the wakes of the arms. */
    void hurry() noexcept {
        place *const it = place_;
        bool over = false;
        it->owner = nullptr;
        it->over = &over;
        for (std::size_t i = 0; i != N && !over; i++) {
            (void)rouse_deliver_early_(&it->arms[i].waiter_);
        }
        if (!over && mailbox_ != nullptr && rouse_mailbox_revoke(mailbox_, &it->any.waiter_)) {
            on_wake(&it->any, 0, ROUSE_CANCELLED);
        } else if (!over && (mailbox_ != nullptr || !rouse_deliver_early_(&it->any.waiter_))) {
            it->over = nullptr;
        }
    }
    static void on_wake(rouse_any *any, int index, rouse_status status) noexcept {
        place *const it = static_cast<place *>(rouse_any_data(any));
        any_awaiter *const owner = it->owner;
        if (owner == nullptr) {
            if (it->over != nullptr) {
                *it->over = true;
            }
            rouse_any_hand_on(any);
            delete it;
            return;
        }
        owner->waits_ = false;
        owner->result_ = {index, status};
        owner->coroutine_.resume();
    }

    rouse_mailbox *mailbox_;
    place *place_;
    std::coroutine_handle<> coroutine_;
    any_result result_ = {-1, ROUSE_NOMEM};
    bool waits_ = false;
};

template <class... Operations> class any_waiting {
  public:
    explicit any_waiting(const Operations &...operations) noexcept : operations_(operations...) {}
    any_waiting on(rouse_mailbox *mailbox) &&noexcept {
        mailbox_ = mailbox;
        return std::move(*this);
    }
    any_waiting on(rouse_mailbox &mailbox) &&noexcept { return std::move(*this).on(&mailbox); }
    any_waiting on(const loop &l) &&noexcept {
        mailbox_ = l.mailbox;
        return std::move(*this);
    }
    any_awaiter<sizeof...(Operations)> operator co_await() &&noexcept {
        return std::apply(
            [this](const Operations &...operations) {
                return any_awaiter<sizeof...(Operations)>(mailbox_, operations...);
            },
            operations_);
    }

  private:
    std::tuple<Operations...> operations_;
    rouse_mailbox *mailbox_ = nullptr;
};
} /* namespace detail */

/* Waits for the first of several: of acquires, locks, notifications, events, gates. Exactly one wins. */
template <class... Operations>
detail::any_waiting<Operations...> any(const waiting<Operations> &...waits) noexcept {
    return detail::any_waiting<Operations...>(waits.operation()...);
}

#endif /* coroutines */

/* ---- the objects ---- */

namespace detail {
template <class T> class object {
  public:
    object(const object &) = delete;
    object &operator=(const object &) = delete;
    T *native() noexcept { return &c_; }
    const T *native() const noexcept { return &c_; }

  protected:
    object() noexcept : c_() {}
    ~object() {}
    T c_;
};
} /* namespace detail */

class semaphore : public detail::object<rouse_semaphore> {
  public:
    explicit semaphore(std::uint32_t permits) noexcept { (void)rouse_semaphore_init(&c_, permits); }
    ~semaphore() { rouse_semaphore_destroy(&c_); }
    permit try_acquire(std::uint32_t n = 1) noexcept {
        return permit(c_, n, rouse_semaphore_try_acquire(&c_, n) ? ROUSE_OK : ROUSE_PENDING);
    }
    rouse_status release(std::uint32_t n = 1) noexcept { return rouse_semaphore_release(&c_, n); }
    std::uint32_t available() const noexcept { return rouse_semaphore_available(&c_); }
    std::uint32_t waiter_count() const noexcept { return rouse_semaphore_waiter_count(&c_); }
    std::uint32_t close() noexcept { return rouse_semaphore_close(&c_); }
    bool is_closed() const noexcept { return rouse_semaphore_is_closed(&c_); }
#if defined(__cpp_impl_coroutine)
    waiting<detail::acquire_operation> acquire(std::uint32_t n = 1) noexcept {
        return waiting<detail::acquire_operation>(detail::acquire_operation{{&c_, n}});
    }
#endif
};

class limit : public detail::object<rouse_limit> {
  public:
    explicit limit(std::uint32_t permits, std::uint32_t most_waiting = UINT32_MAX) noexcept {
        (void)rouse_limit_init(&c_, permits, most_waiting);
    }
    ~limit() { rouse_limit_destroy(&c_); }
    limit_permit try_acquire(std::uint32_t n = 1) noexcept {
        return limit_permit(c_, n, rouse_limit_try_acquire(&c_, n) ? ROUSE_OK : ROUSE_PENDING);
    }
    rouse_status give_back(std::uint32_t n = 1) noexcept { return rouse_limit_give_back(&c_, n); }
    rouse_status set(std::uint32_t permits) noexcept { return rouse_limit_set(&c_, permits); }
    std::uint32_t permits() const noexcept { return rouse_limit_permits(&c_); }
    std::uint32_t in_use() const noexcept { return rouse_limit_in_use(&c_); }
    std::uint32_t waiter_count() const noexcept { return rouse_limit_waiter_count(&c_); }
    std::uint32_t close() noexcept { return rouse_limit_close(&c_); }
    bool is_closed() const noexcept { return rouse_limit_is_closed(&c_); }
#if defined(__cpp_impl_coroutine)
    waiting<detail::limit_operation> acquire(std::uint32_t n = 1) noexcept {
        return waiting<detail::limit_operation>(detail::limit_operation{{&c_, n}});
    }
#endif
};

class mutex : public detail::object<rouse_mutex> {
  public:
    mutex() noexcept { rouse_mutex_init(&c_); }
    ~mutex() { rouse_mutex_destroy(&c_); }
    mutex_guard try_lock() noexcept {
        return mutex_guard(c_, 1, rouse_mutex_try_lock(&c_) ? ROUSE_OK : ROUSE_PENDING);
    }
    bool is_locked() const noexcept { return rouse_mutex_is_locked(&c_); }
    std::uint32_t close() noexcept { return rouse_mutex_close(&c_); }
    bool is_closed() const noexcept { return rouse_mutex_is_closed(&c_); }
#if defined(__cpp_impl_coroutine)
    waiting<detail::lock_operation> lock() noexcept {
        return waiting<detail::lock_operation>(detail::lock_operation{{&c_, 1}});
    }
#endif
};

class notify : public detail::object<rouse_notify> {
  public:
    notify() noexcept { rouse_notify_init(&c_); }
    ~notify() { rouse_notify_destroy(&c_); }
    void one() noexcept { rouse_notify_one(&c_); }
    std::uint32_t n(std::uint32_t k) noexcept { return rouse_notify_n(&c_, k); }
    std::uint32_t all() noexcept { return rouse_notify_all(&c_); }
    std::uint32_t close() noexcept { return rouse_notify_close(&c_); }
#if defined(__cpp_impl_coroutine)
    waiting<detail::notify_operation> wait() noexcept {
        return waiting<detail::notify_operation>(detail::notify_operation{{&c_}});
    }
#endif
};

class event : public detail::object<rouse_event> {
  public:
    event() noexcept { rouse_event_init(&c_); }
    ~event() { rouse_event_destroy(&c_); }
    std::uint32_t set() noexcept { return rouse_event_set(&c_); }
    void reset() noexcept { (void)rouse_event_reset(&c_); }
    bool is_set() const noexcept { return rouse_event_is_set(&c_); }
#if defined(__cpp_impl_coroutine)
    waiting<detail::event_operation> wait() noexcept {
        return waiting<detail::event_operation>(detail::event_operation{{&c_}});
    }
#endif
};

class gate : public detail::object<rouse_gate> {
  public:
    explicit gate(std::uint32_t inside = 0) noexcept { rouse_gate_init(&c_, inside); }
    ~gate() { rouse_gate_destroy(&c_); }
    bool enter() noexcept { return rouse_gate_enter(&c_); }
    rouse_status leave(std::uint32_t n = 1) noexcept { return rouse_gate_leave(&c_, n); }
    void close() noexcept { (void)rouse_gate_close(&c_); }
#if defined(__cpp_impl_coroutine)
    waiting<detail::gate_operation> wait() noexcept {
        return waiting<detail::gate_operation>(detail::gate_operation{{&c_}});
    }
#endif
};

/* co_await begin() returns ROUSE_CLOSED: it is done; or ROUSE_OK: do it, then call done or failed. */
class once : public detail::object<rouse_once> {
  public:
    once() noexcept { rouse_once_init(&c_); }
    ~once() { rouse_once_destroy(&c_); }
    rouse_status done() noexcept { return rouse_once_done(&c_); }
    rouse_status failed() noexcept { return rouse_once_failed(&c_); }
    bool is_done() const noexcept { return rouse_once_is_done(&c_); }
    std::uint32_t waiter_count() const noexcept { return rouse_once_waiter_count(&c_); }
#if defined(__cpp_impl_coroutine)
    waiting<detail::once_operation> begin() noexcept {
        return waiting<detail::once_operation>(detail::once_operation{{&c_}});
    }
#endif
};

class rwlock : public detail::object<rouse_rwlock> {
  public:
    explicit rwlock(std::uint32_t readers = ROUSE_MAX_PERMITS) noexcept {
        (void)rouse_rwlock_init(&c_, readers);
    }
    ~rwlock() { rouse_rwlock_destroy(&c_); }
    read_guard try_read() noexcept {
        return read_guard(c_, 1, rouse_rwlock_try_read(&c_) ? ROUSE_OK : ROUSE_PENDING);
    }
    write_guard try_write() noexcept {
        return write_guard(c_, 1, rouse_rwlock_try_write(&c_) ? ROUSE_OK : ROUSE_PENDING);
    }
#if defined(__cpp_impl_coroutine)
    waiting<detail::read_operation> read() noexcept {
        return waiting<detail::read_operation>(detail::read_operation{{&c_, 1}});
    }
    waiting<detail::write_operation> write() noexcept {
        return waiting<detail::write_operation>(detail::write_operation{{&c_, 1}});
    }
#endif
};

/* Bounded, many to many. `slots_in`: memory for `capacity` elements, the caller's. */
template <class T> class channel : public detail::object<rouse_channel> {
    static_assert(std::is_trivially_copyable<T>::value, "elements are copied byte by byte");

  public:
    channel(T *slots_in, std::uint32_t capacity_in) noexcept {
        (void)rouse_channel_init(&c_, slots_in, capacity_in, sizeof(T));
    }
    template <std::size_t N>
    explicit channel(T (&slots_in)[N]) noexcept : channel(slots_in, std::uint32_t{N}) {}
    ~channel() { rouse_channel_destroy(&c_); }
    bool try_send(const T &element) noexcept { return rouse_channel_try_send(&c_, &element); }
    bool try_receive(T &element) noexcept { return rouse_channel_try_receive(&c_, &element); }
    std::uint32_t try_receive_many(T *elements, std::uint32_t most) noexcept {
        return rouse_channel_try_receive_many(&c_, elements, most);
    }
    std::uint32_t close() noexcept { return rouse_channel_close(&c_); }
    bool is_closed() const noexcept { return rouse_channel_is_closed(&c_); }
    std::uint32_t count() const noexcept { return rouse_channel_count(&c_); }
    std::uint32_t waiter_count() const noexcept { return rouse_channel_waiter_count(&c_); }
#if defined(__cpp_impl_coroutine)
    /* co_await returns ROUSE_OK: the element has moved; or ROUSE_CLOSED and the like. `element` must stay
     * until then. A receiver that is destroyed when it has been served drops the element. */
    waiting<detail::send_operation> send(const T &element) noexcept {
        return waiting<detail::send_operation>(detail::send_operation{{&c_}, &element});
    }
    waiting<detail::receive_operation> receive(T &element) noexcept {
        return waiting<detail::receive_operation>(detail::receive_operation{{&c_}, &element});
    }
#endif
};

class condvar : public detail::object<rouse_condvar> {
  public:
    condvar() noexcept { rouse_condvar_init(&c_); }
    ~condvar() { rouse_condvar_destroy(&c_); }
    bool signal() noexcept { return rouse_condvar_signal(&c_); }
    std::uint32_t broadcast() noexcept { return rouse_condvar_broadcast(&c_); }
    std::uint32_t close() noexcept { return rouse_condvar_close(&c_); }
    bool is_closed() const noexcept { return rouse_condvar_is_closed(&c_); }
    std::uint32_t waiter_count() const noexcept { return rouse_condvar_waiter_count(&c_); }
#if defined(__cpp_impl_coroutine)
    detail::condvar_waiting wait(mutex_guard &guard) noexcept {
        return rouse::wait(c_, guard);
    }
#endif
};

} /* namespace rouse */

#endif /* ROUSE_HPP */
