/* benches/counting_atomics.h: the atomics seam (rouse/detail/atomic.h) with a count beside every operation. Given
 * by ROUSE_ATOMICS_HEADER to the program that counts what each call costs; one thread, so plain counters do.
 *
 * It also keeps book of cache lines as a machine of many cores would: op_core says which core the next operations
 * pretend to run on, op_line_ notes who holds which line. So the lines that a call has to fetch from other cores
 * are counted without having those cores, and come out the same each time. */
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
    uint64_t line; /* cache lines that had to come from another core, or be taken from others to be written */
    uint64_t
        serial; /* those of them for which others wait: the line of the queue's word, or any under a lock */
} op_counts;

extern op_counts op_count;
extern unsigned op_core;        /* 0 ... 63: the core that the next operations pretend to run on */
extern bool (*op_locked)(void); /* whether the queue's lock is held, NULL: there is none */

/* Begins to keep book of lines; word NULL: stops. own: a line that each core has one of its own of. */
void op_lines_watch_(const volatile void *word, const volatile void *own);
void op_line_(const volatile void *address, bool write);

#define ROUSE_ATOMIC_INIT_(value) \
    { value }

#define COUNTED_LOAD(T, type, order, builtin)                                      \
    static inline type rouse_##T##_load_##order##_(const rouse_atomic_##T##_ *a) { \
        op_count.load++;                                                           \
        op_line_(a, false);                                                        \
        return __atomic_load_n(&a->value_, builtin);                               \
    }
#define COUNTED_STORE(T, type, order, builtin)                                        \
    static inline void rouse_##T##_store_##order##_(rouse_atomic_##T##_ *a, type v) { \
        op_count.store++;                                                             \
        op_line_(a, true);                                                            \
        __atomic_store_n(&a->value_, v, builtin);                                     \
    }
#define COUNTED_SWAP(T, type, order, builtin)                                        \
    static inline type rouse_##T##_swap_##order##_(rouse_atomic_##T##_ *a, type v) { \
        op_count.rmw++;                                                              \
        op_line_(a, true);                                                           \
        return __atomic_exchange_n(&a->value_, v, builtin);                          \
    }
#define COUNTED_ADD(T, type, order, builtin)                                        \
    static inline type rouse_##T##_add_##order##_(rouse_atomic_##T##_ *a, type v) { \
        op_count.rmw++;                                                             \
        op_line_(a, true);                                                          \
        return __atomic_fetch_add(&a->value_, v, builtin);                          \
    }
#define COUNTED_CAS(T, type, order, builtin, failure)                                               \
    static inline bool rouse_##T##_cas_##order##_(rouse_atomic_##T##_ *a, type *expected, type v) { \
        op_count.rmw++;                                                                             \
        op_line_(a, true);                                                                          \
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
