/* benches/peers/rust.c: what the Rust wakers call. */
#include "../executor.h"

void peer_task_wake(task *t);

void peer_task_wake(task *t) {
    if (t->home->shared ? atomic_exchange(&t->waiting, false)
                        : atomic_load_explicit(&t->waiting, memory_order_relaxed)) {
        if (!t->home->shared) {
            atomic_store_explicit(&t->waiting, false, memory_order_relaxed);
        }
        task_wake(t);
    }
}
