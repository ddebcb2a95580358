/* tests/hooked_atomics.h: the atomics seam (rouse/detail/atomic.h) on gcc's built-ins, with a hook before and after every
 * operation. For headers that are given by ROUSE_ATOMICS_HEADER; they define, before they include it,
 *
 *   HOOKED_BEFORE(kind, address, write)   a statement; kind is load, store or rmw
 *   HOOKED_AFTER()                        a statement
 *
 * and bring the two fences themselves. */
#ifndef ROUSE_TESTS_HOOKED_ATOMICS_H
#define ROUSE_TESTS_HOOKED_ATOMICS_H

#include <stdbool.h>
#include <stdint.h>

#define ROUSE_ATOMIC_INIT_(value) \
    { value }

#define HOOKED_LOAD(T, type, order, builtin)                                       \
    static inline type rouse_##T##_load_##order##_(const rouse_atomic_##T##_ *a) { \
        type v;                                                                    \
        HOOKED_BEFORE(load, a, false);                                             \
        v = __atomic_load_n(&a->value_, builtin);                                  \
        HOOKED_AFTER();                                                            \
        return v;                                                                  \
    }
#define HOOKED_STORE(T, type, order, builtin)                                         \
    static inline void rouse_##T##_store_##order##_(rouse_atomic_##T##_ *a, type v) { \
        HOOKED_BEFORE(store, a, true);                                                \
        __atomic_store_n(&a->value_, v, builtin);                                     \
        HOOKED_AFTER();                                                               \
    }
#define HOOKED_SWAP(T, type, order, builtin)                                         \
    static inline type rouse_##T##_swap_##order##_(rouse_atomic_##T##_ *a, type v) { \
        HOOKED_BEFORE(rmw, a, true);                                                 \
        v = __atomic_exchange_n(&a->value_, v, builtin);                             \
        HOOKED_AFTER();                                                              \
        return v;                                                                    \
    }
#define HOOKED_ADD(T, type, order, builtin)                                         \
    static inline type rouse_##T##_add_##order##_(rouse_atomic_##T##_ *a, type v) { \
        HOOKED_BEFORE(rmw, a, true);                                                \
        v = __atomic_fetch_add(&a->value_, v, builtin);                             \
        HOOKED_AFTER();                                                             \
        return v;                                                                   \
    }
#define HOOKED_CAS(T, type, order, builtin, failure)                                                \
    static inline bool rouse_##T##_cas_##order##_(rouse_atomic_##T##_ *a, type *expected, type v) { \
        bool done;                                                                                  \
        HOOKED_BEFORE(rmw, a, true);                                                                \
        done = __atomic_compare_exchange_n(&a->value_, expected, v, false, builtin, failure);       \
        HOOKED_AFTER();                                                                             \
        return done;                                                                                \
    }
#define HOOKED_TYPE(T, type)                                               \
    typedef struct rouse_atomic_##T##_ {                                   \
        type value_;                                                       \
    } rouse_atomic_##T##_;                                                 \
    static inline void rouse_##T##_init_(rouse_atomic_##T##_ *a, type v) { \
        a->value_ = v;                                                     \
    }                                                                      \
    HOOKED_LOAD(T, type, relaxed, __ATOMIC_RELAXED)                        \
    HOOKED_LOAD(T, type, acquire, __ATOMIC_ACQUIRE)                        \
    HOOKED_LOAD(T, type, seq_cst, __ATOMIC_SEQ_CST)                        \
    HOOKED_STORE(T, type, relaxed, __ATOMIC_RELAXED)                       \
    HOOKED_STORE(T, type, release, __ATOMIC_RELEASE)                       \
    HOOKED_SWAP(T, type, acq_rel, __ATOMIC_ACQ_REL)                        \
    HOOKED_SWAP(T, type, seq_cst, __ATOMIC_SEQ_CST)                        \
    HOOKED_CAS(T, type, relaxed, __ATOMIC_RELAXED, __ATOMIC_RELAXED)       \
    HOOKED_CAS(T, type, acquire, __ATOMIC_ACQUIRE, __ATOMIC_ACQUIRE)       \
    HOOKED_CAS(T, type, release, __ATOMIC_RELEASE, __ATOMIC_RELAXED)       \
    HOOKED_CAS(T, type, acq_rel, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)       \
    HOOKED_CAS(T, type, seq_cst, __ATOMIC_SEQ_CST, __ATOMIC_ACQUIRE)
#define HOOKED_COUNTER(T, type)                    \
    HOOKED_ADD(T, type, relaxed, __ATOMIC_RELAXED) \
    HOOKED_ADD(T, type, release, __ATOMIC_RELEASE) \
    HOOKED_ADD(T, type, acq_rel, __ATOMIC_ACQ_REL) \
    HOOKED_ADD(T, type, seq_cst, __ATOMIC_SEQ_CST)

HOOKED_TYPE(u32, uint32_t)
HOOKED_TYPE(u64, uint64_t)
HOOKED_TYPE(ptr, void *)
HOOKED_COUNTER(u32, uint32_t)
HOOKED_COUNTER(u64, uint64_t)

#endif /* ROUSE_TESTS_HOOKED_ATOMICS_H */
