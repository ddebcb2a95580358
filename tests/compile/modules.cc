// A module that exports templates which call the library, and (without MODULE) the program that instantiates them.
#ifdef MODULE
module;
#    include <rouse/mutex.h>
#    include <rouse/semaphore.h>
export module limiter;

// The names are looked up where the template is defined.
export template <class F> class limiter {
    rouse_semaphore permits = ROUSE_SEMAPHORE_INIT(1);

  public:
    ~limiter() { rouse_semaphore_destroy(&permits); }
    bool run(F f) {
        rouse_waiter w;
        rouse_waiter_init(&w, nullptr, nullptr);
        if (rouse_semaphore_acquire(&permits, &w, 1) != ROUSE_OK) {
            return false;
        }
        f();
        return rouse_semaphore_release(&permits, 1) == ROUSE_OK;
    }
};

// They are looked up where it is instantiated: only a function that is not static can be found from there.
export template <class S, class F> bool limited(S *s, F f) {
    if (!rouse_semaphore_try_acquire(s, 1)) {
        return false;
    }
    f();
    return rouse_semaphore_release(s, 1) == ROUSE_OK;
}

export inline bool locked_once(rouse_mutex *m) {
    return rouse_mutex_try_lock(m) && !rouse_mutex_try_lock(m) && rouse_mutex_unlock(m) == ROUSE_OK;
}
#else
#    include <rouse/mutex.h>
#    include <rouse/semaphore.h>
import limiter;

static int calls;
static void call() {
    calls++;
}

int main() {
    static rouse_semaphore s = ROUSE_SEMAPHORE_INIT(1);
    static rouse_mutex m = ROUSE_MUTEX_INIT;
    limiter<void (*)()> l;
    return l.run(call) && limited(&s, call) && calls == 2 && locked_once(&m) ? 0 : 1;
}
#endif
