/* benches/peers/rust.h: how the benches call the Rust primitives of rust/src/lib.rs. PEER_RUST is the function
 * that returns the design's table. */
#ifndef ROUSE_BENCH_ADAPTER_H
#define ROUSE_BENCH_ADAPTER_H

#include "../bench.h"
#include "../executor.h"

#define C_TASKS 1

typedef struct rust_peer {
    size_t sem_size;
    size_t note_size;
    size_t acquire_size;
    size_t notified_size;
    void *(*sem_new)(uint32_t permits);
    void (*sem_free)(void *sem);
    void (*pairs)(void *sem, int64_t n);
    void (*try_pairs)(void *sem, int64_t n);
    bool (*acquire)(void *sem, uint32_t n, void *storage, const void *task);
    bool (*acquire_poll)(void *storage, const void *task);
    void (*acquire_drop)(void *storage);
    bool (*try_acquire)(void *sem);
    void (*release)(void *sem, uint32_t n);
    void *(*note_new)(void);
    void (*note_free)(void *note);
    bool (*notified)(void *note, void *storage, const void *task);
    bool (*notified_poll)(void *storage, const void *task);
    void (*notified_drop)(void *storage);
    void (*notify_one)(void *note);
    void (*notify_all)(void *note);
} rust_peer;

rust_peer PEER_RUST(void);
static rust_peer c_peer;

enum { C_STORAGE = 192 };

typedef struct c_sem {
    void *impl;
} c_sem;
typedef struct c_note {
    void *impl;
} c_note;
typedef struct c_wait {
    task *task;
    void (*drop)(void *storage); /* what the pending future in storage needs; NULL: there is none */
    bool ready;   /* it has what it asked for, but a wake was under way: it will be run once more */
    bool dropped; /* cancelled with a wake under way */
    _Alignas(16) unsigned char storage[C_STORAGE];
} c_wait;

__attribute__((constructor)) static void c_peer_load(void) {
    c_peer = PEER_RUST();
    if (c_peer.acquire_size > C_STORAGE || c_peer.notified_size > C_STORAGE) {
        bench_die("a Rust future is larger than its storage");
    }
}

static inline void c_wait_init(c_wait *w, task *t) {
    w->task = t;
    w->drop = NULL;
    w->ready = false;
    w->dropped = false;
}
static inline void c_wait_destroy(c_wait *w) {
    if (w->drop != NULL) {
        w->drop(w->storage);
        w->drop = NULL;
    }
}

/* A Rust waker may be called twice, or for a task that runs already: only one wake for each time it waits may put
 * it on the run queue. (rouse promises that, so its adapter needs none of this.) */
static inline void c_will_wait(c_wait *w) {
    if (w->task->home->shared) {
        atomic_store(&w->task->waiting, true);
    } else {
        atomic_store_explicit(&w->task->waiting, true, memory_order_relaxed);
    }
}
static inline bool c_stop_waiting(task *t) {
    if (t->home->shared) {
        return atomic_exchange(&t->waiting, false);
    }
    if (atomic_load_explicit(&t->waiting, memory_order_relaxed)) {
        atomic_store_explicit(&t->waiting, false, memory_order_relaxed);
        return true;
    }
    return false;
}

/* After a poll. True: the task has it and is on no queue. */
static inline bool c_settle(c_wait *w, bool ready, void (*drop)(void *storage)) {
    w->drop = ready ? NULL : drop;
    if (!ready) {
        return false;
    }
    w->ready = !c_stop_waiting(w->task);
    return !w->ready;
}
static inline bool c_take_ready(c_wait *w) {
    const bool ready = w->ready;
    w->ready = false;
    return ready;
}

static inline void c_sem_init(c_sem *s, uint32_t permits) {
    s->impl = c_peer.sem_new(permits);
}
static inline void c_sem_destroy(c_sem *s) {
    c_peer.sem_free(s->impl);
}
static inline bool c_sem_acquire(c_sem *s, c_wait *w, uint32_t n) {
    c_will_wait(w);
    return c_settle(w, c_peer.acquire(s->impl, n, w->storage, w->task), c_peer.acquire_drop);
}
static inline bool c_sem_resume(c_sem *s, c_wait *w) {
    if (c_take_ready(w)) {
        return true;
    }
    if (w->dropped) {
        w->dropped = false;
        return c_sem_acquire(s, w, 1);
    }
    c_will_wait(w);
    return c_settle(w, c_peer.acquire_poll(w->storage, w->task), c_peer.acquire_drop);
}
static inline bool c_sem_try(c_sem *s) {
    return c_peer.try_acquire(s->impl);
}
static inline void c_sem_release(c_sem *s, uint32_t n) {
    c_peer.release(s->impl, n);
}
static inline bool c_sem_cancel(c_sem *s, c_wait *w) {
    (void)s;
    c_wait_destroy(w);
    w->dropped = !c_stop_waiting(w->task);
    return !w->dropped;
}
static inline void c_sem_pairs(c_sem *s, int64_t n) {
    c_peer.pairs(s->impl, n);
}
static inline void c_sem_try_pairs(c_sem *s, int64_t n) {
    c_peer.try_pairs(s->impl, n);
}

static inline void c_note_init(c_note *n) {
    n->impl = c_peer.note_new();
}
static inline void c_note_destroy(c_note *n) {
    c_peer.note_free(n->impl);
}
static inline bool c_note_wait(c_note *n, c_wait *w) {
    c_will_wait(w);
    return c_settle(w, c_peer.notified(n->impl, w->storage, w->task), c_peer.notified_drop);
}
static inline bool c_note_resume(c_note *n, c_wait *w) {
    (void)n;
    if (c_take_ready(w)) {
        return true;
    }
    c_will_wait(w);
    return c_settle(w, c_peer.notified_poll(w->storage, w->task), c_peer.notified_drop);
}
static inline void c_note_one(c_note *n) {
    c_peer.notify_one(n->impl);
}
static inline void c_note_all(c_note *n) {
    c_peer.notify_all(n->impl);
}

#endif /* ROUSE_BENCH_ADAPTER_H */
