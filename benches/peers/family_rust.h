/* benches/peers/family_rust.h: how family_peers_bench.c calls the Rust primitives of rust/src/family.rs. PEER_FAMILY
 * and PEER_CHANNEL, either may be left out, are the functions that return their tables. */
#ifndef ROUSE_BENCH_FAMILY_ADAPTER_H
#define ROUSE_BENCH_FAMILY_ADAPTER_H

#include "../bench.h"
#include "../executor.h"

typedef struct rust_verb {
    size_t size;
    bool (*begin)(void *object, void *argument, void *storage, const void *task);
    bool (*poll)(void *storage, const void *task);
    void (*discard)(void *storage);
} rust_verb;

enum { F_STORAGE = 512 };

typedef struct f_wait {
    task *task;
    const rust_verb *verb;
    _Alignas(16) unsigned char storage[F_STORAGE];
} f_wait;

static inline void f_wait_init(f_wait *w, task *t) {
    w->task = t;
    w->verb = NULL;
}
/* A Rust waker may be called twice, or for a task that runs already; peers/rust.c heeds the flag. One thread. */
static inline void f_will_wait(f_wait *w) {
    atomic_store_explicit(&w->task->waiting, true, memory_order_relaxed);
}
static inline bool f_settle(f_wait *w, bool over) {
    if (over && !atomic_exchange_explicit(&w->task->waiting, false, memory_order_relaxed)) {
        bench_die("woken although it need not wait");
    }
    return over;
}
static inline bool f_begin(f_wait *w, const rust_verb *verb, void *object, void *argument) {
    if (verb->size > F_STORAGE) {
        bench_die("a Rust future is larger than its storage");
    }
    w->verb = verb;
    f_will_wait(w);
    return f_settle(w, verb->begin(object, argument, w->storage, w->task));
}
static inline bool f_resume(f_wait *w) {
    f_will_wait(w);
    return f_settle(w, w->verb->poll(w->storage, w->task));
}

#ifdef PEER_CHANNEL
#    define F_CHANNEL 1
#    define F_ONESHOT 1

typedef struct rust_channel {
    void *(*make)(uint32_t capacity);
    void (*free)(void *channel);
    void (*pairs)(void *channel, int64_t n);
    rust_verb send;
    rust_verb receive;
    void *(*oneshot_place)(void);
    void (*oneshot_make)(void *place);
    rust_verb oneshot_wait;
    void (*oneshot_send)(void *place, uint64_t value);
} rust_channel;

rust_channel PEER_CHANNEL(void);
static rust_channel f_channels;

__attribute__((constructor)) static void f_channels_load(void) {
    f_channels = PEER_CHANNEL();
}

static inline void *f_channel_new(uint32_t capacity) {
    return f_channels.make(capacity);
}
static inline void f_channel_pairs(void *channel, int64_t n) {
    f_channels.pairs(channel, n);
}
static inline bool f_send(void *channel, f_wait *w, uint64_t *element) {
    return f_begin(w, &f_channels.send, channel, (void *)(uintptr_t)*element);
}
static inline bool f_receive(void *channel, f_wait *w, uint64_t *to) {
    return f_begin(w, &f_channels.receive, channel, to);
}
static inline void *f_oneshot_place(void) {
    return f_channels.oneshot_place();
}
static inline void f_oneshot_make(void *place) {
    f_channels.oneshot_make(place);
}
static inline bool f_oneshot_wait(void *place, f_wait *w, uint64_t *value) {
    return f_begin(w, &f_channels.oneshot_wait, place, value);
}
static inline void f_oneshot_send(void *place, uint64_t value) {
    f_channels.oneshot_send(place, value);
}
/* Both of its ends are gone. */
static inline uint64_t f_oneshot_end(void *place, uint64_t value) {
    (void)place;
    return value;
}
#endif

#ifdef PEER_FAMILY
#    define F_RWLOCK  1
#    define F_ONCE    1
#    define F_BARRIER 1
#    define F_CONDVAR 1
#    define F_ANY     1

typedef struct rust_family {
    void *(*rwlock_new)(void);
    void (*read_pairs)(void *rwlock, int64_t n);
    void (*write_pairs)(void *rwlock, int64_t n);
    void *(*once_new)(void);
    void (*once_looks)(void *once, int64_t n);
    void *(*barrier_new)(uint32_t parties);
    rust_verb arrive;
    void *(*condvar_new)(void);
    rust_verb condvar_wait;
    void (*condvar_signal)(void *condvar);
    void *(*sems_new)(void);
    rust_verb wait_first;
    rust_verb wait_either;
    void (*release_second)(void *sems);
    void (*release_first)(void *sems);
} rust_family;

rust_family PEER_FAMILY(void);
static rust_family f_family;

__attribute__((constructor)) static void f_family_load(void) {
    f_family = PEER_FAMILY();
}

static inline void *f_rwlock_new(void) {
    return f_family.rwlock_new();
}
static inline void f_read_pairs(void *rwlock, int64_t n) {
    f_family.read_pairs(rwlock, n);
}
static inline void f_write_pairs(void *rwlock, int64_t n) {
    f_family.write_pairs(rwlock, n);
}
static inline void *f_once_new(void) {
    return f_family.once_new();
}
static inline void f_once_looks(void *once, int64_t n) {
    f_family.once_looks(once, n);
}
static inline void *f_barrier_new(uint32_t parties) {
    return f_family.barrier_new(parties);
}
static inline bool f_arrive(void *barrier, f_wait *w) {
    return f_begin(w, &f_family.arrive, barrier, NULL);
}
static inline void *f_condvar_new(void) {
    return f_family.condvar_new();
}
static inline bool f_wait_change(void *condvar, f_wait *w) {
    return f_begin(w, &f_family.condvar_wait, condvar, NULL);
}
static inline void f_signal(void *condvar) {
    f_family.condvar_signal(condvar);
}
static inline void *f_sems_new(void) {
    return f_family.sems_new();
}
static inline bool f_wait_first(void *sems, f_wait *w) {
    return f_begin(w, &f_family.wait_first, sems, NULL);
}
static inline bool f_wait_either(void *sems, f_wait *w) {
    return f_begin(w, &f_family.wait_either, sems, NULL);
}
static inline void f_release(void *sems, int which) {
    if (which == 0) {
        f_family.release_first(sems);
    } else {
        f_family.release_second(sems);
    }
}
#endif

#endif /* ROUSE_BENCH_FAMILY_ADAPTER_H */
