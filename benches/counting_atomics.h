/* benches/counting_atomics.h: the atomics seam (rouse/detail/atomic.h) with a count beside every operation. Given
 * by ROUSE_ATOMICS_HEADER to the program that counts what each call costs; one thread, so plain counters do. */
#ifndef ROUSE_BENCH_COUNTING_ATOMICS_H
#define ROUSE_BENCH_COUNTING_ATOMICS_H

#include <stdbool.h>
#include <stdint.h>

typedef struct op_counts {
    uint64_t rmw;
    uint64_t load;
    uint64_t store;
    uint64_t fence;
    uint64_t lock; /* of the platform's mutex: two read-modify-writes with its unlock, not counted in rmw */
    uint64_t heap; /* bytes asked for */
} op_counts;

extern op_counts op_count;

#define ROUSE_ATOMIC_INIT_(value) \
    { value }

#define COUNTED_LOAD(T, type, order, builtin)                                      \
    static inline type rouse_##T##_load_##order##_(const rouse_atomic_##T##_ *a) { \
        op_count.load++;                                                           \
        return __atomic_load_n(&a->value_, builtin);                               \
    }
#define COUNTED_STORE(T, type, order, builtin)                                        \
    static inline void rouse_##T##_store_##order##_(rouse_atomic_##T##_ *a, type v) { \
        op_count.store++;                                                             \
        __atomic_store_n(&a->value_, v, builtin);                                     \
    }
#define COUNTED_SWAP(T, type, order, builtin)                                        \
    static inline type rouse_##T##_swap_##order##_(rouse_atomic_##T##_ *a, type v) { \
        op_count.rmw++;                                                              \
        return __atomic_exchange_n(&a->value_, v, builtin);                          \
    }
#define COUNTED_ADD(T, type, order, builtin)                                        \
    static inline type rouse_##T##_add_##order##_(rouse_atomic_##T##_ *a, type v) { \
        op_count.rmw++;                                                             \
        return __atomic_fetch_add(&a->value_, v, builtin);                          \
    }
#define COUNTED_CAS(T, type, order, builtin, failure)                                               \
    static inline bool rouse_##T##_cas_##order##_(rouse_atomic_##T##_ *a, type *expected, type v) { \
        op_count.rmw++;                                                                             \
        return __atomic_compare_exchange_n(&a->value_, expected, v, false, builtin, failure);       \
    }
#define COUNTED_TYPE(T, type)                                              \
    typedef struct rouse_atomic_##T##_ {                                   \
        type value_;                                                       \
    } rouse_atomic_##T##_;                                                 \
    static inline void rouse_##T##_init_(rouse_atomic_##T##_ *a, type v) { \
        a->value_ = v;                                                     \
    }                                                                      \
    COUNTED_LOAD(T, type, relaxed, __ATOMIC_RELAXED)                       \
    COUNTED_LOAD(T, type, acquire, __ATOMIC_ACQUIRE)                       \
    COUNTED_LOAD(T, type, seq_cst, __ATOMIC_SEQ_CST)                       \
    COUNTED_STORE(T, type, relaxed, __ATOMIC_RELAXED)                      \
    COUNTED_STORE(T, type, release, __ATOMIC_RELEASE)                      \
    COUNTED_SWAP(T, type, acq_rel, __ATOMIC_ACQ_REL)                       \
    COUNTED_SWAP(T, type, seq_cst, __ATOMIC_SEQ_CST)                       \
    COUNTED_CAS(T, type, relaxed, __ATOMIC_RELAXED, __ATOMIC_RELAXED)      \
    COUNTED_CAS(T, type, acquire, __ATOMIC_ACQUIRE, __ATOMIC_ACQUIRE)      \
    COUNTED_CAS(T, type, release, __ATOMIC_RELEASE, __ATOMIC_RELAXED)      \
    COUNTED_CAS(T, type, acq_rel, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)      \
    COUNTED_CAS(T, type, seq_cst, __ATOMIC_SEQ_CST, __ATOMIC_ACQUIRE)
#define COUNTED_COUNTER(T, type)                    \
    COUNTED_ADD(T, type, relaxed, __ATOMIC_RELAXED) \
    COUNTED_ADD(T, type, release, __ATOMIC_RELEASE) \
    COUNTED_ADD(T, type, acq_rel, __ATOMIC_ACQ_REL) \
    COUNTED_ADD(T, type, seq_cst, __ATOMIC_SEQ_CST)

COUNTED_TYPE(u32, uint32_t)
COUNTED_TYPE(u64, uint64_t)
COUNTED_TYPE(ptr, void *)
COUNTED_COUNTER(u32, uint32_t)
COUNTED_COUNTER(u64, uint64_t)

static inline void rouse_fence_seq_cst_(void) {
    op_count.fence++;
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
}
static inline void rouse_fence_signal_(void) {
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
}

#endif /* ROUSE_BENCH_COUNTING_ATOMICS_H */
