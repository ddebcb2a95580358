/* rouse/detail/base/atomic.h: the atomics seam. Internal.
 *
 * A small closed vocabulary over three wrapper types. Each operation has its memory order in its name, and a
 * wrapper has no plain access: `x++` on it does not compile. Everything in rouse that threads share without a
 * lock goes through these functions. Two hooks, empty unless ROUSE_ATOMIC_HOOKS_HEADER defines them, run
 * before and after each operation, so that tests count or stop the very operations that ship:
 *
 *   ROUSE_ATOMIC_BEFORE_(kind, address, write)   kind: load, store, rmw, fence or signal_fence; write: bool
 *   ROUSE_ATOMIC_AFTER_()
 *
 *   types       rouse_atomic_u32_, rouse_atomic_u64_, rouse_atomic_ptr_ (holds a void *)
 *   static init ROUSE_ATOMIC_INIT_(value)
 *   for T in u32, u64, ptr:
 *     rouse_T_init_(a, v)                        not atomic: nobody else sees `a` yet
 *     rouse_T_load_{relaxed,acquire,seq_cst}_(a)
 *     rouse_T_store_{relaxed,release}_(a, v)
 *     rouse_T_swap_{acq_rel,seq_cst}_(a, v)      exchange, returns the old value
 *     rouse_T_cas_{relaxed,acquire,release,acq_rel,seq_cst}_(a, &expected, v)
 *                                                strong; a failure loads relaxed (acquire for acquire,
 *                                                acq_rel and seq_cst) into expected
 *   for T in u32, u64:
 *     rouse_T_add_{relaxed,release,acq_rel,seq_cst}_(a, v)     returns the old value
 *   rouse_fence_seq_cst_()                         between threads
 *   rouse_fence_signal_()                          between a thread and its signal handlers
 *
 * With ROUSE_BACKEND_LOCAL all objects but mailboxes belong to one thread. So the read-modify-writes that
 * mailboxes do not use, the add, swap and cas of u64 and ptr that are not seq_cst, are a load and a store.
 *
 * Compare-and-swap is strong throughout. Every use loops over a state machine where a spurious failure would
 * only repeat the load. On x86-64 and with ARMv8.1 atomics the two forms are the same instruction. */
#ifndef ROUSE_DETAIL_BASE_ATOMIC_H
#define ROUSE_DETAIL_BASE_ATOMIC_H

#include "../../config.h"
#include "inline.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#if defined(ROUSE_ATOMIC_HOOKS_HEADER)
#    include ROUSE_ATOMIC_HOOKS_HEADER
#else
#    define ROUSE_ATOMIC_BEFORE_(kind, address, write) ((void)0)
#    define ROUSE_ATOMIC_AFTER_()                      ((void)0)
#endif

#if defined(__GNUC__)
/* gcc and clang: their built-ins on plain numbers, so that C and C++ have the same type. (-flto compares
 * types, and would warn about two types of the same layout.) Aligned explicitly, because gcc for i386 aligns
 * a 64-bit number in a struct to 4 bytes. */
#    define ROUSE_ATOMIC_OF_(type) __attribute__((__aligned__(sizeof(type)))) type
#    define ROUSE_ATOMIC_INIT_(value) \
        { value }
#    if defined(__clang__)
#        define ROUSE_DO_INIT_(a, v) ((void)(*(a) = (v)))
#    else /* what its atomic_init is; so the model checker sees no plain store */
#        define ROUSE_DO_INIT_(a, v) __atomic_store_n((a), (v), __ATOMIC_RELAXED)
#    endif
#    define ROUSE_ORDER_relaxed_         __ATOMIC_RELAXED
#    define ROUSE_ORDER_acquire_         __ATOMIC_ACQUIRE
#    define ROUSE_ORDER_release_         __ATOMIC_RELEASE
#    define ROUSE_ORDER_acq_rel_         __ATOMIC_ACQ_REL
#    define ROUSE_ORDER_seq_cst_         __ATOMIC_SEQ_CST
#    define ROUSE_DO_LOAD_(a, order)     __atomic_load_n((a), ROUSE_ORDER_##order##_)
#    define ROUSE_DO_STORE_(a, v, order) __atomic_store_n((a), (v), ROUSE_ORDER_##order##_)
#    define ROUSE_DO_SWAP_(a, v, order)  __atomic_exchange_n((a), (v), ROUSE_ORDER_##order##_)
#    define ROUSE_DO_ADD_(a, v, order)   __atomic_fetch_add((a), (v), ROUSE_ORDER_##order##_)
#    define ROUSE_DO_CAS_(a, e, v, order, failure) \
        __atomic_compare_exchange_n((a), (e), (v), false, ROUSE_ORDER_##order##_, ROUSE_ORDER_##failure##_)
#    define ROUSE_DO_FENCE_()        __atomic_thread_fence(__ATOMIC_SEQ_CST)
#    define ROUSE_DO_SIGNAL_FENCE_() __atomic_signal_fence(__ATOMIC_SEQ_CST)
#else
#    if defined(__cplusplus)
extern "C++" { /* the unit may include us inside an extern "C", like a C library's headers */
#        include <atomic>
}
#        define ROUSE_ATOMIC_OF_(type) std::atomic<type>
#        define ROUSE_ATOMIC_INIT_(value) \
            {                             \
                { value }                 \
            }
#        define ROUSE_STD_(name)     std::name
#        define ROUSE_DO_INIT_(a, v) std::atomic_store_explicit((a), (v), std::memory_order_relaxed)
#    else
#        include <stdatomic.h>
#        define ROUSE_ATOMIC_OF_(type) _Alignas(sizeof(type)) _Atomic(type)
#        define ROUSE_ATOMIC_INIT_(value) \
            { value }
#        define ROUSE_STD_(name)     name
#        define ROUSE_DO_INIT_(a, v) atomic_init((a), (v))
#    endif
#    define ROUSE_ORDER_(order)          ROUSE_STD_(memory_order_##order)
#    define ROUSE_DO_LOAD_(a, order)     ROUSE_STD_(atomic_load_explicit)((a), ROUSE_ORDER_(order))
#    define ROUSE_DO_STORE_(a, v, order) ROUSE_STD_(atomic_store_explicit)((a), (v), ROUSE_ORDER_(order))
#    define ROUSE_DO_SWAP_(a, v, order)  ROUSE_STD_(atomic_exchange_explicit)((a), (v), ROUSE_ORDER_(order))
#    define ROUSE_DO_ADD_(a, v, order)   ROUSE_STD_(atomic_fetch_add_explicit)((a), (v), ROUSE_ORDER_(order))
#    define ROUSE_DO_CAS_(a, e, v, order, failure)          \
        ROUSE_STD_(atomic_compare_exchange_strong_explicit) \
        ((a), (e), (v), ROUSE_ORDER_(order), ROUSE_ORDER_(failure))
#    define ROUSE_DO_FENCE_()        ROUSE_STD_(atomic_thread_fence)(ROUSE_ORDER_(seq_cst))
#    define ROUSE_DO_SIGNAL_FENCE_() ROUSE_STD_(atomic_signal_fence)(ROUSE_ORDER_(seq_cst))
#endif

#define ROUSE_LOAD_(T, type, order)                                                \
    ROUSE_INLINE_ type rouse_##T##_load_##order##_(const rouse_atomic_##T##_ *a) { \
        type v;                                                                    \
        ROUSE_ATOMIC_BEFORE_(load, a, false);                                      \
        v = ROUSE_DO_LOAD_(&a->value_, order);                                     \
        ROUSE_ATOMIC_AFTER_();                                                     \
        return v;                                                                  \
    }
#define ROUSE_STORE_(T, type, order)                                                  \
    ROUSE_INLINE_ void rouse_##T##_store_##order##_(rouse_atomic_##T##_ *a, type v) { \
        ROUSE_ATOMIC_BEFORE_(store, a, true);                                         \
        ROUSE_DO_STORE_(&a->value_, v, order);                                        \
        ROUSE_ATOMIC_AFTER_();                                                        \
    }
#define ROUSE_SWAP_(T, type, order)                                                  \
    ROUSE_INLINE_ type rouse_##T##_swap_##order##_(rouse_atomic_##T##_ *a, type v) { \
        type old;                                                                    \
        ROUSE_ATOMIC_BEFORE_(rmw, a, true);                                          \
        old = ROUSE_DO_SWAP_(&a->value_, v, order);                                  \
        ROUSE_ATOMIC_AFTER_();                                                       \
        return old;                                                                  \
    }
#define ROUSE_ADD_(T, type, order)                                                  \
    ROUSE_INLINE_ type rouse_##T##_add_##order##_(rouse_atomic_##T##_ *a, type v) { \
        type old;                                                                   \
        ROUSE_ATOMIC_BEFORE_(rmw, a, true);                                         \
        old = ROUSE_DO_ADD_(&a->value_, v, order);                                  \
        ROUSE_ATOMIC_AFTER_();                                                      \
        return old;                                                                 \
    }
#define ROUSE_CAS_(T, type, order, failure)                                                         \
    ROUSE_INLINE_ bool rouse_##T##_cas_##order##_(rouse_atomic_##T##_ *a, type *expected, type v) { \
        bool done;                                                                                  \
        ROUSE_ATOMIC_BEFORE_(rmw, a, true);                                                         \
        done = ROUSE_DO_CAS_(&a->value_, expected, v, order, failure);                              \
        ROUSE_ATOMIC_AFTER_();                                                                      \
        return done;                                                                                \
    }
/* The same operations for objects that belong to one thread with LOCAL. */
#if ROUSE_BACKEND == ROUSE_BACKEND_LOCAL
#    define ROUSE_OWN_SWAP_(T, type, order)                                              \
        ROUSE_INLINE_ type rouse_##T##_swap_##order##_(rouse_atomic_##T##_ *a, type v) { \
            type const old = rouse_##T##_load_relaxed_(a);                               \
            rouse_##T##_store_relaxed_(a, v);                                            \
            return old;                                                                  \
        }
#    define ROUSE_OWN_ADD_(T, type, order)                                              \
        ROUSE_INLINE_ type rouse_##T##_add_##order##_(rouse_atomic_##T##_ *a, type v) { \
            type const old = rouse_##T##_load_relaxed_(a);                              \
            rouse_##T##_store_relaxed_(a, old + v);                                     \
            return old;                                                                 \
        }
#    define ROUSE_OWN_CAS_(T, type, order, failure)                                                     \
        ROUSE_INLINE_ bool rouse_##T##_cas_##order##_(rouse_atomic_##T##_ *a, type *expected, type v) { \
            type const old = rouse_##T##_load_relaxed_(a);                                              \
            if (old != *expected) {                                                                     \
                *expected = old;                                                                        \
                return false;                                                                           \
            }                                                                                           \
            rouse_##T##_store_relaxed_(a, v);                                                           \
            return true;                                                                                \
        }
#else
#    define ROUSE_OWN_SWAP_ ROUSE_SWAP_
#    define ROUSE_OWN_ADD_  ROUSE_ADD_
#    define ROUSE_OWN_CAS_  ROUSE_CAS_
#endif
#define ROUSE_ATOMIC_TYPE_(T, type, SWAP, CAS)                             \
    typedef struct rouse_atomic_##T##_ {                                   \
        ROUSE_ATOMIC_OF_(type) value_;                                     \
    } rouse_atomic_##T##_;                                                 \
    ROUSE_INLINE_ void rouse_##T##_init_(rouse_atomic_##T##_ *a, type v) { \
        ROUSE_DO_INIT_(&a->value_, v);                                     \
    }                                                                      \
    ROUSE_LOAD_(T, type, relaxed)                                          \
    ROUSE_LOAD_(T, type, acquire)                                          \
    ROUSE_LOAD_(T, type, seq_cst)                                          \
    ROUSE_STORE_(T, type, relaxed)                                         \
    ROUSE_STORE_(T, type, release)                                         \
    SWAP(T, type, acq_rel)                                                 \
    CAS(T, type, relaxed, relaxed)                                         \
    CAS(T, type, acquire, acquire)                                         \
    CAS(T, type, release, relaxed)                                         \
    CAS(T, type, acq_rel, acquire)                                         \
    ROUSE_SWAP_(T, type, seq_cst)                                          \
    ROUSE_CAS_(T, type, seq_cst, acquire)
#define ROUSE_ATOMIC_COUNTER_(T, type, ADD) \
    ADD(T, type, relaxed)                   \
    ADD(T, type, release)                   \
    ADD(T, type, acq_rel)                   \
    ROUSE_ADD_(T, type, seq_cst)

ROUSE_ATOMIC_TYPE_(u32, uint32_t, ROUSE_SWAP_, ROUSE_CAS_)
ROUSE_ATOMIC_TYPE_(u64, uint64_t, ROUSE_OWN_SWAP_, ROUSE_OWN_CAS_)
ROUSE_ATOMIC_TYPE_(ptr, void *, ROUSE_OWN_SWAP_, ROUSE_OWN_CAS_)
ROUSE_ATOMIC_COUNTER_(u32, uint32_t, ROUSE_ADD_)
ROUSE_ATOMIC_COUNTER_(u64, uint64_t, ROUSE_OWN_ADD_)

/* ThreadSanitizer models no fence, and gcc warns at each one. The single use (mailbox.h) orders accesses of
 * code outside the library, and no race report depends on it. */
#if defined(__SANITIZE_THREAD__) && defined(__GNUC__) && !defined(__clang__)
#    pragma GCC diagnostic push
#    pragma GCC diagnostic ignored "-Wtsan"
#endif
ROUSE_INLINE_ void rouse_fence_seq_cst_(void) {
    ROUSE_ATOMIC_BEFORE_(fence, NULL, false);
    ROUSE_DO_FENCE_();
    ROUSE_ATOMIC_AFTER_();
}
#if defined(__SANITIZE_THREAD__) && defined(__GNUC__) && !defined(__clang__)
#    pragma GCC diagnostic pop
#endif
ROUSE_INLINE_ void rouse_fence_signal_(void) {
    ROUSE_ATOMIC_BEFORE_(signal_fence, NULL, false);
    ROUSE_DO_SIGNAL_FENCE_();
    ROUSE_ATOMIC_AFTER_();
}

#undef ROUSE_ATOMIC_COUNTER_
#undef ROUSE_ATOMIC_TYPE_
#undef ROUSE_OWN_CAS_
#undef ROUSE_OWN_ADD_
#undef ROUSE_OWN_SWAP_
#undef ROUSE_CAS_
#undef ROUSE_ADD_
#undef ROUSE_SWAP_
#undef ROUSE_STORE_
#undef ROUSE_LOAD_
#undef ROUSE_DO_SIGNAL_FENCE_
#undef ROUSE_DO_FENCE_
#undef ROUSE_DO_CAS_
#undef ROUSE_DO_ADD_
#undef ROUSE_DO_SWAP_
#undef ROUSE_DO_STORE_
#undef ROUSE_DO_LOAD_
#undef ROUSE_DO_INIT_
#undef ROUSE_ATOMIC_OF_
#endif /* ROUSE_DETAIL_BASE_ATOMIC_H */
