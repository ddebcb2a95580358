/* benches/text_size.c: every call of one primitive as an ordinary function. It shows how much code a
 * program carries that uses all of it. TEXT_SEMAPHORE, TEXT_NOTIFY or TEXT_MUTEX chooses; run.sh reads the
 * size of the object. */
#include <rouse/rouse.h>

#define FORWARD(result, name, parameters, arguments) \
    result text_##name parameters;                   \
    result text_##name parameters {                  \
        return rouse_##name arguments;               \
    }

#if defined(TEXT_SEMAPHORE)
FORWARD(rouse_status, semaphore_init, (rouse_semaphore * s, uint32_t n), (s, n))
FORWARD(void, semaphore_destroy, (rouse_semaphore * s), (s))
FORWARD(rouse_status, semaphore_acquire, (rouse_semaphore * s, rouse_waiter *w, uint32_t n), (s, w, n))
FORWARD(bool, semaphore_try_acquire, (rouse_semaphore * s, uint32_t n), (s, n))
FORWARD(rouse_status, semaphore_release, (rouse_semaphore * s, uint32_t n), (s, n))
FORWARD(bool, semaphore_cancel, (rouse_semaphore * s, rouse_waiter *w), (s, w))
FORWARD(uint32_t, semaphore_close, (rouse_semaphore * s), (s))
#elif defined(TEXT_NOTIFY)
FORWARD(void, notify_init, (rouse_notify * n), (n))
FORWARD(void, notify_destroy, (rouse_notify * n), (n))
FORWARD(rouse_status, notify_wait, (rouse_notify * n, rouse_waiter *w), (n, w))
FORWARD(void, notify_one, (rouse_notify * n), (n))
FORWARD(uint32_t, notify_all, (rouse_notify * n), (n))
FORWARD(bool, notify_cancel, (rouse_notify * n, rouse_waiter *w), (n, w))
FORWARD(void, notify_pass_on, (rouse_notify * n, const rouse_waiter *w), (n, w))
#elif defined(TEXT_MUTEX)
FORWARD(void, mutex_init, (rouse_mutex * m), (m))
FORWARD(void, mutex_destroy, (rouse_mutex * m), (m))
FORWARD(rouse_status, mutex_lock, (rouse_mutex * m, rouse_waiter *w), (m, w))
FORWARD(bool, mutex_try_lock, (rouse_mutex * m), (m))
FORWARD(rouse_status, mutex_unlock, (rouse_mutex * m), (m))
FORWARD(bool, mutex_cancel, (rouse_mutex * m, rouse_waiter *w), (m, w))
#else
#    error "define TEXT_SEMAPHORE, TEXT_NOTIFY or TEXT_MUTEX"
#endif
