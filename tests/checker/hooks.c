/* hooks.c: the calls that instrumented code makes.
 *
 * gcc and clang turn every plain access, atomic operation and fence of code compiled with
 * -fsanitize=thread into a call of a function __tsan_…; here these functions ask the checker. Library
 * calls come through redirect.h. Before main, and outside a model thread, they do what their names say. */
#include "checker.h"

#include <errno.h>
#include <linux/futex.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>

static bool modelled(void) {
    return mc != NULL && mc->active && X->current >= 0;
}

#define HERE() (mc->pc = (const char *)__builtin_return_address(0) - 1)
/* What hooks export is called by name from generated code only. */
#pragma GCC diagnostic ignored "-Wmissing-prototypes"

/* ---- nothing to do ----------------------------------------------------------------------------------------- */

void __tsan_init(void) {}
void __tsan_func_entry(void *pc) {
    (void)pc;
}
void __tsan_func_exit(void) {}
void __tsan_atomic_signal_fence(int order) {
    (void)order; /* no signals here, and the compiler has obeyed it already */
}

/* ---- plain accesses ------------------------------------------------------------------------------------------ */

#define PLAIN(name, size, kind)         \
    void __tsan_##name(void *p) {       \
        if (modelled()) {               \
            HERE();                     \
            race_access(p, size, kind); \
        }                               \
    }
#define PLAINS(size)                                       \
    PLAIN(read##size, size, PLAIN_READ)                    \
    PLAIN(write##size, size, PLAIN_WRITE)                  \
    PLAIN(unaligned_read##size, size, PLAIN_READ)          \
    PLAIN(unaligned_write##size, size, PLAIN_WRITE)        \
    PLAIN(volatile_read##size, size, PLAIN_READ)           \
    PLAIN(volatile_write##size, size, PLAIN_WRITE)         \
    PLAIN(unaligned_volatile_read##size, size, PLAIN_READ) \
    PLAIN(unaligned_volatile_write##size, size, PLAIN_WRITE)
PLAINS(1)
PLAINS(2)
PLAINS(4)
PLAINS(8)
PLAINS(16)

void __tsan_read_range(void *p, size_t size) {
    if (modelled()) {
        HERE();
        race_access(p, size, PLAIN_READ);
    }
}
void __tsan_write_range(void *p, size_t size) {
    if (modelled()) {
        HERE();
        race_access(p, size, PLAIN_WRITE);
    }
}

/* ---- atomics ------------------------------------------------------------------------------------------------- */

/* Thread-local atomics, and those used before main, are plain memory. */
static struct op alone(struct op op) {
    uint64_t old = 0;
    uint64_t value = op.value;
    memcpy(&old, op.address, op.size);
    op.result = old;
    op.succeeded = op.kind != OP_RMW || op.rmw < RMW_CAS || old == op.expected;
    switch (op.kind == OP_RMW ? op.rmw : RMW_SWAP) {
    case RMW_ADD:
        value = old + value;
        break;
    case RMW_SUB:
        value = old - value;
        break;
    case RMW_AND:
        value &= old;
        break;
    case RMW_OR:
        value |= old;
        break;
    case RMW_XOR:
        value ^= old;
        break;
    case RMW_NAND:
        value = ~(old & value);
        break;
    default:
        break;
    }
    if (op.kind != OP_READ && op.succeeded) {
        memcpy(op.address, &value, op.size);
    }
    return op;
}

static struct op atomic(struct op op) {
    if (!modelled()) {
        return alone(op);
    }
    if (in_tls(op.address)) {
        race_access(op.address, op.size, PLAIN_READ); /* counts it, no more */
        return alone(op);
    }
    if ((uintptr_t)op.address % op.size != 0) {
        fault("misaligned atomic access");
    }
    if (op.address < (char *)4096) {
        fault("atomic access through a null pointer");
    }
    if (thread_alone()) {
        /* All that ever happened is known to it: it reads the newest value. No event is needed. */
        race_access(op.address, op.size, op.kind == OP_READ ? PLAIN_READ : PLAIN_WRITE);
        return alone(op);
    }
    if (op.kind == OP_WRITE && op.order == RELAXED && race_first_write(op.address, op.size)) {
        race_access(op.address, op.size, PLAIN_WRITE);
        return alone(op);
    }
    /* Dead memory is a fault here and now, not when the operation is carried out. */
    if (heap_block(op.address) != NULL && heap_block(op.address)->freed) {
        race_access(op.address, op.size, ATOMIC_READ);
    }
    thread_do(op);
    return SELF->op;
}

#define OP(kind_, order_, type, p)                                                                           \
    struct op op = {                                                                                         \
        .kind = kind_, .order = (uint8_t)(order_), .size = sizeof(type), .address = (char *)(uintptr_t)(p)}; \
    if (modelled()) {                                                                                        \
        HERE();                                                                                              \
    }

#define ATOMIC_RMW(bits, type, name, kind_)                                      \
    type __tsan_atomic##bits##_##name(volatile type *p, type value, int order) { \
        OP(OP_RMW, order, type, p)                                               \
        op.rmw = kind_;                                                          \
        op.value = value;                                                        \
        return (type)atomic(op).result;                                          \
    }
#define ATOMIC_CAS(bits, type, name, kind_)                                                                  \
    int __tsan_atomic##bits##_##name(volatile type *p, type *expected, type value, int order, int failure) { \
        OP(OP_RMW, order, type, p)                                                                           \
        op.rmw = kind_;                                                                                      \
        op.value = value;                                                                                    \
        op.expected = *expected;                                                                             \
        op.failure_order = (uint8_t)failure;                                                                 \
        op = atomic(op);                                                                                     \
        if (!op.succeeded) {                                                                                 \
            *expected = (type)op.result;                                                                     \
        }                                                                                                    \
        return op.succeeded;                                                                                 \
    }
#define ATOMICS(bits, type)                                                                                 \
    type __tsan_atomic##bits##_load(const volatile type *p, int order) {                                    \
        OP(OP_READ, order, type, p)                                                                         \
        return (type)atomic(op).result;                                                                     \
    }                                                                                                       \
    void __tsan_atomic##bits##_store(volatile type *p, type value, int order) {                             \
        OP(OP_WRITE, order, type, p)                                                                        \
        op.value = value;                                                                                   \
        (void)atomic(op);                                                                                   \
    }                                                                                                       \
    ATOMIC_RMW(bits, type, exchange, RMW_SWAP)                                                              \
    ATOMIC_RMW(bits, type, fetch_add, RMW_ADD)                                                              \
    ATOMIC_RMW(bits, type, fetch_sub, RMW_SUB)                                                              \
    ATOMIC_RMW(bits, type, fetch_and, RMW_AND)                                                              \
    ATOMIC_RMW(bits, type, fetch_or, RMW_OR)                                                                \
    ATOMIC_RMW(bits, type, fetch_xor, RMW_XOR)                                                              \
    ATOMIC_RMW(bits, type, fetch_nand, RMW_NAND)                                                            \
    ATOMIC_CAS(bits, type, compare_exchange_strong, RMW_CAS)                                                \
    ATOMIC_CAS(bits, type, compare_exchange_weak, RMW_CAS_WEAK)                                             \
    type __tsan_atomic##bits##_compare_exchange_val(volatile type *p, type expected, type value, int order, \
                                                    int failure) {                                          \
        OP(OP_RMW, order, type, p)                                                                          \
        op.rmw = RMW_CAS;                                                                                   \
        op.value = value;                                                                                   \
        op.expected = expected;                                                                             \
        op.failure_order = (uint8_t)failure;                                                                \
        return (type)atomic(op).result;                                                                     \
    }
ATOMICS(8, uint8_t)
ATOMICS(16, uint16_t)
ATOMICS(32, uint32_t)
ATOMICS(64, uint64_t)

void __tsan_atomic_thread_fence(int order) {
    if (modelled()) {
        HERE();
        thread_do((struct op){.kind = OP_FENCE, .order = (uint8_t)order});
    }
}

/* ---- the C library -------------------------------------------------------------------------------------------- */

/* MC_NOMEM: while several threads run, any allocation may fail. */
static bool no_memory(void) {
    return (mc->scenario->flags & MC_NOMEM) != 0 && !thread_alone() && mc_choose(2) == 1;
}
void *model_malloc(size_t size) {
    if (!modelled()) {
        return malloc(size);
    }
    HERE();
    return no_memory() ? NULL : heap_allocate(size, false);
}
void *model_calloc(size_t count, size_t size) {
    if (!modelled()) {
        return calloc(count, size);
    }
    HERE();
    return no_memory() ? NULL : heap_allocate(count * size, true);
}
void model_free(void *p) {
    if (!modelled()) {
        free(p);
        return;
    }
    HERE();
    heap_free(p);
}

void *model_memset(void *to, int byte, size_t size) {
    if (modelled()) {
        HERE();
        race_access(to, size, PLAIN_WRITE);
    }
    return memset(to, byte, size);
}
void *model_memcpy(void *to, const void *from, size_t size) {
    if (modelled()) {
        HERE();
        race_access((char *)(uintptr_t)from, size, PLAIN_READ);
        race_access(to, size, PLAIN_WRITE);
    }
    return memcpy(to, from, size);
}
void *model_memmove(void *to, const void *from, size_t size) {
    if (modelled()) {
        HERE();
        race_access((char *)(uintptr_t)from, size, PLAIN_READ);
        race_access(to, size, PLAIN_WRITE);
    }
    return memmove(to, from, size);
}

void model_abort(void) {
    if (modelled()) {
        HERE();
        fault("abort was called");
    }
    abort();
}

/* "I am waiting for another thread": continues when something has changed that this thread has read. */
int model_sched_yield(void) {
    if (modelled()) {
        HERE();
        if (thread_alone()) {
            fault("deadlock: the scenario's body waits for a value to change, and nobody else runs");
        }
        thread_do((struct op){.kind = OP_YIELD});
    }
    return 0;
}

/* The C library's syscall, which the program is linked with this in place of: the kernel's calls by which the library sleeps. */
long syscall(long number, ...) {
    va_list more;
    long a[6];
    long result;
    va_start(more, number);
    for (int i = 0; i < 6; i++) {
        a[i] = va_arg(more, long);
    }
    va_end(more);
    if (!modelled()) {
        register long r10 __asm__("r10") = a[3];
        register long r8 __asm__("r8") = a[4];
        register long r9 __asm__("r9") = a[5];
        __asm__ volatile("syscall"
                         : "=a"(result)
                         : "a"(number), "D"(a[0]), "S"(a[1]), "d"(a[2]), "r"(r10), "r"(r8), "r"(r9)
                         : "rcx", "r11", "memory");
        return result;
    }
    HERE();
    if (number == SYS_nanosleep) {
        return model_sched_yield();
    }
    if (number != SYS_futex) {
        fault("system call %ld is not modelled", number);
    }
    if ((a[1] & 127) == FUTEX_WAKE) {
        futex_wake((char *)a[0]);
    } else if ((a[1] & 127) == FUTEX_WAIT_BITSET) {
        if (thread_alone()) {
            fault("deadlock: the scenario's body sleeps, and nobody else runs");
        }
        futex_wait((char *)a[0], (uint32_t)a[2], a[3] != 0);
    } else {
        fault("futex operation %ld is not modelled", a[1]);
    }
    return 0;
}

/* Every look at the clock finds that much time has passed: a deadline is over when a thread looks again. */
int model_clock_gettime(clockid_t clock, struct timespec *now) {
    (void)clock;
    now->tv_sec = 1 << 20;
    now->tv_nsec = 0;
    if (modelled()) {
        HERE();
        race_access((char *)now, sizeof *now, PLAIN_WRITE);
        now->tv_sec *= ++SELF->clock_looks;
    }
    return 0;
}

int model_mutex_init(pthread_mutex_t *m, const pthread_mutexattr_t *attributes) {
    (void)attributes;
    if (modelled()) {
        HERE();
        race_access((char *)m, sizeof *m, PLAIN_WRITE);
    }
    memset(m, 0, sizeof *m);
    return 0;
}
int model_mutex_destroy(pthread_mutex_t *m) {
    HERE();
    mutex_destroy(m);
    return 0;
}
int model_mutex_lock(pthread_mutex_t *m) {
    HERE();
    thread_do((struct op){.kind = OP_LOCK, .address = (char *)m});
    return 0;
}
int model_mutex_unlock(pthread_mutex_t *m) {
    HERE();
    mutex_unlock(m);
    return 0;
}

int model_cond_init(pthread_cond_t *c, const pthread_condattr_t *attributes) {
    (void)attributes;
    HERE();
    race_access((char *)c, sizeof *c, PLAIN_WRITE);
    memset(c, 0, sizeof *c);
    return 0;
}
int model_cond_destroy(pthread_cond_t *c) {
    HERE();
    race_access((char *)c, 4, PLAIN_WRITE);
    return 0;
}
int model_cond_signal(pthread_cond_t *c) {
    HERE();
    condition_signal(c, false);
    return 0;
}
int model_cond_broadcast(pthread_cond_t *c) {
    HERE();
    condition_signal(c, true);
    return 0;
}
int model_cond_wait(pthread_cond_t *c, pthread_mutex_t *m) {
    HERE();
    (void)condition_wait(c, m, false);
    return 0;
}
int model_cond_timedwait(pthread_cond_t *c, pthread_mutex_t *m, const struct timespec *until) {
    (void)until;
    HERE();
    return condition_wait(c, m, true) ? 0 : ETIMEDOUT;
}
