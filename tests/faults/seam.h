/* tests/faults/seam.h: the atomics seam (rouse/detail/atomic.h) with a scheduling point before and after every operation,
 * and a count of them. Given by ROUSE_ATOMICS_HEADER to programs of one translation unit and one thread.
 *
 * A scheduling point is a place where a thread can be stopped as far as the others can tell. When the point `stop_at` is
 * reached, `stopped` is called: what it does happens while the interrupted operation stands still, as done by other threads
 * (or by a signal handler). When `limit` is reached, `overrun` is called: somebody spins. */
#ifndef ROUSE_TESTS_FAULTS_SEAM_H
#define ROUSE_TESTS_FAULTS_SEAM_H

#include <stdbool.h>
#include <stdint.h>

typedef struct seam_state {
    uint64_t rmw, load, store, fence;
    uint64_t passed;  /* scheduling points so far */
    uint64_t stop_at; /* 0: never                 */
    uint64_t limit;   /* 0: none                  */
    void (*stopped)(void);
    void (*overrun)(void);
} seam_state;

static seam_state seam;

static inline void seam_point(void) {
    seam.passed++;
    if (seam.passed == seam.stop_at) {
        seam.stopped();
    }
    if (seam.passed == seam.limit) {
        seam.overrun();
    }
}

#define ROUSE_ATOMIC_INIT_(value) \
    { value }

#define SEAM_LOAD(T, type, order, builtin)                                         \
    static inline type rouse_##T##_load_##order##_(const rouse_atomic_##T##_ *a) { \
        type v;                                                                    \
        seam_point();                                                              \
        seam.load++;                                                               \
        v = __atomic_load_n(&a->value_, builtin);                                  \
        seam_point();                                                              \
        return v;                                                                  \
    }
#define SEAM_STORE(T, type, order, builtin)                                           \
    static inline void rouse_##T##_store_##order##_(rouse_atomic_##T##_ *a, type v) { \
        seam_point();                                                                 \
        seam.store++;                                                                 \
        __atomic_store_n(&a->value_, v, builtin);                                     \
        seam_point();                                                                 \
    }
#define SEAM_SWAP(T, type, order, builtin)                                           \
    static inline type rouse_##T##_swap_##order##_(rouse_atomic_##T##_ *a, type v) { \
        seam_point();                                                                \
        seam.rmw++;                                                                  \
        v = __atomic_exchange_n(&a->value_, v, builtin);                             \
        seam_point();                                                                \
        return v;                                                                    \
    }
#define SEAM_ADD(T, type, order, builtin)                                           \
    static inline type rouse_##T##_add_##order##_(rouse_atomic_##T##_ *a, type v) { \
        seam_point();                                                               \
        seam.rmw++;                                                                 \
        v = __atomic_fetch_add(&a->value_, v, builtin);                             \
        seam_point();                                                               \
        return v;                                                                   \
    }
#define SEAM_CAS(T, type, order, builtin, failure)                                                  \
    static inline bool rouse_##T##_cas_##order##_(rouse_atomic_##T##_ *a, type *expected, type v) { \
        bool done;                                                                                  \
        seam_point();                                                                               \
        seam.rmw++;                                                                                 \
        done = __atomic_compare_exchange_n(&a->value_, expected, v, false, builtin, failure);       \
        seam_point();                                                                               \
        return done;                                                                                \
    }
#define SEAM_TYPE(T, type)                                                 \
    typedef struct rouse_atomic_##T##_ {                                   \
        type value_;                                                       \
    } rouse_atomic_##T##_;                                                 \
    static inline void rouse_##T##_init_(rouse_atomic_##T##_ *a, type v) { \
        a->value_ = v;                                                     \
    }                                                                      \
    SEAM_LOAD(T, type, relaxed, __ATOMIC_RELAXED)                          \
    SEAM_LOAD(T, type, acquire, __ATOMIC_ACQUIRE)                          \
    SEAM_LOAD(T, type, seq_cst, __ATOMIC_SEQ_CST)                          \
    SEAM_STORE(T, type, relaxed, __ATOMIC_RELAXED)                         \
    SEAM_STORE(T, type, release, __ATOMIC_RELEASE)                         \
    SEAM_SWAP(T, type, acq_rel, __ATOMIC_ACQ_REL)                          \
    SEAM_SWAP(T, type, seq_cst, __ATOMIC_SEQ_CST)                          \
    SEAM_CAS(T, type, relaxed, __ATOMIC_RELAXED, __ATOMIC_RELAXED)         \
    SEAM_CAS(T, type, acquire, __ATOMIC_ACQUIRE, __ATOMIC_ACQUIRE)         \
    SEAM_CAS(T, type, release, __ATOMIC_RELEASE, __ATOMIC_RELAXED)         \
    SEAM_CAS(T, type, acq_rel, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)         \
    SEAM_CAS(T, type, seq_cst, __ATOMIC_SEQ_CST, __ATOMIC_ACQUIRE)
#define SEAM_COUNTER(T, type)                    \
    SEAM_ADD(T, type, relaxed, __ATOMIC_RELAXED) \
    SEAM_ADD(T, type, release, __ATOMIC_RELEASE) \
    SEAM_ADD(T, type, acq_rel, __ATOMIC_ACQ_REL) \
    SEAM_ADD(T, type, seq_cst, __ATOMIC_SEQ_CST)

SEAM_TYPE(u32, uint32_t)
SEAM_TYPE(u64, uint64_t)
SEAM_TYPE(ptr, void *)
SEAM_COUNTER(u32, uint32_t)
SEAM_COUNTER(u64, uint64_t)

static inline void rouse_fence_seq_cst_(void) {
    seam_point();
    seam.fence++;
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    seam_point();
}
/* Not an operation between threads, but a place where a signal handler may come in. */
static inline void rouse_fence_signal_(void) {
    seam_point();
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
}

#endif /* ROUSE_TESTS_FAULTS_SEAM_H */
