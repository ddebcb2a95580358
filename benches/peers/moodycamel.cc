// benches/peers/moodycamel.cc: see moodycamel.h.
#include "moodycamel.h"

#include <concurrentqueue/blockingconcurrentqueue.h>

using semaphore = moodycamel::LightweightSemaphore;

static semaphore *unwrap(c_sem *s) {
    return static_cast<semaphore *>(s->impl);
}

extern "C" {

void moodycamel_init(c_sem *s, uint32_t permits) {
    s->impl = new semaphore(static_cast<ssize_t>(permits));
}
void moodycamel_destroy(c_sem *s) {
    delete unwrap(s);
}
void moodycamel_block(c_sem *s) {
    unwrap(s)->wait();
}
void moodycamel_unblock(c_sem *s) {
    unwrap(s)->signal();
}
void moodycamel_pairs(c_sem *s, int64_t n) {
    for (int64_t i = 0; i < n; i++) {
        unwrap(s)->wait();
        unwrap(s)->signal();
    }
}
void moodycamel_try_pairs(c_sem *s, int64_t n) {
    for (int64_t i = 0; i < n; i++) {
        if (unwrap(s)->tryWait()) {
            unwrap(s)->signal();
        }
    }
}

} // extern "C"
