/* threads.c: model threads.
 *
 * All model threads run on one thread of the system, each on its own stack at a fixed address; a switch is a
 * _setjmp and a _longjmp. A thread runs until it comes to an operation that needs a choice (a load or RMW of
 * a shared location, a lock). It notes the operation and goes back to the explorer. It does operations with
 * one possible effect at once.
 *
 * The program's thread-local variables are in one block, which each switch copies in and out. Accesses to
 * it concern no other thread. */
#define _GNU_SOURCE /* dl_iterate_phdr */
#include "checker.h"

#include <link.h>
#include <stdlib.h>
#include <sys/mman.h>

/* ---- memory for threads -------------------------------------------------------------------------------------- */

static int find_tls(struct dl_phdr_info *info, size_t size, void *data) {
    (void)size, (void)data;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *const segment = &info->dlpi_phdr[i];
        if (segment->p_type == PT_TLS && info->dlpi_tls_data != NULL) {
            mc->tls_start = info->dlpi_tls_data;
            mc->tls_size = segment->p_memsz;
            mc->tls_image = (const void *)(info->dlpi_addr + segment->p_vaddr);
            mc->tls_image_size = segment->p_filesz;
        }
    }
    return 1; /* the program itself comes first, and is all we want */
}

void threads_setup(void) {
    const size_t bytes = (size_t)THREADS * (STACK_BYTES + ARENA_BYTES);
    mc->stacks = mmap((void *)0x200000000000, bytes, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
    mc->arenas = mc->stacks + (size_t)THREADS * STACK_BYTES;
    (void)dl_iterate_phdr(find_tls, NULL);
    if (mc->stacks == MAP_FAILED || mc->tls_size > TLS_BYTES) {
        fprintf(stderr, "model: no memory for threads, or too much thread-local data\n");
        exit(2);
    }
}

static void new_thread(int i, void (*run)(void *), void *arg) {
    struct thread *const t = &X->thread[i];
    memset(t, 0, sizeof *t);
    t->run = run;
    t->arg = arg;
    t->stack_low = mc->stacks + (size_t)(i + 1) * STACK_BYTES;
    t->history = (uint64_t)i + 1;
    t->want_place = -1;
    if (mc->tls_size != 0) {
        memcpy(t->tls, mc->tls_image, mc->tls_image_size);
    }
}

static void run_body(void *arg) {
    (void)arg;
    mc->scenario->body();
}

void threads_reset(void) {
    memset(X, 0, offsetof(struct execution, thread));
    X->threads = X->joined = 1;
    X->current = -1;
    X->last_thread = 0;
    new_thread(0, run_body, NULL);
    X->thread[0].known.at[0] = X->thread[0].caused.at[0] = 1;
}

/* ---- switching ----------------------------------------------------------------------------------------------- */

/* Everything above this frame is kept in checkpoints; the margin covers what _longjmp's caller leaves below. */
static void __attribute__((noinline)) stop(void) {
    SELF->stack_low = (char *)__builtin_frame_address(0) - 512;
    if (SELF->stack_low < mc->stacks + (size_t)X->current * STACK_BYTES) {
        fault("the stack of thread %d is full", X->current);
    }
    if (_setjmp(SELF->context) == 0) {
        _longjmp(mc->explorer, 1);
    }
}

static void thread_main(void) {
    struct thread *const t = SELF;
    t->run(t->arg);
    t->finished = true;
    t->known.at[X->current]++; /* its last plain accesses come before this */
    t->caused.at[X->current]++;
    _longjmp(mc->explorer, 1);
}

void thread_resume(int thread) {
    struct thread *const t = &X->thread[thread];
    X->current = thread;
    mc->accesses = 0;
    if (t->op.kind == OP_YIELD) {
        memory_yielded(thread);
    } else if (t->op.kind == OP_JOIN) {
        X->joined = X->threads;
        for (int i = 1; i < X->threads; i++) {
            clock_join(&t->known, &X->thread[i].known);
            clock_join(&t->caused, &X->thread[i].caused);
        }
    }
    t->op.kind = OP_NONE;
    memcpy(mc->tls_start, t->tls, mc->tls_size);
    if (_setjmp(mc->explorer) == 0) {
        if (t->started) {
            _longjmp(t->context, 1);
        }
        t->started = true;
        getcontext(&mc->start_context);
        mc->start_context.uc_stack.ss_sp = mc->stacks + (size_t)thread * STACK_BYTES;
        mc->start_context.uc_stack.ss_size = STACK_BYTES;
        mc->start_context.uc_link = NULL;
        makecontext(&mc->start_context, thread_main, 0);
        setcontext(&mc->start_context);
    }
    memcpy(X->thread[X->current].tls, mc->tls_start, mc->tls_size);
    X->current = -1;
}

/* By the thread itself: does `op`, at once if it leaves no choice. */
void thread_do(struct op op) {
    int16_t options[OPTIONS];
    const int self = X->current;
    bool at_once = false;
    op.pc = mc->pc;
    SELF->op = op;
    if (op.kind == OP_FENCE) {
        memory_fence(self, op.order);
        at_once = true;
    } else if (op.kind == OP_READ || op.kind == OP_WRITE || op.kind == OP_RMW) {
        SELF->op.place = (int16_t)memory_place(op.address, op.size);
        if (memory_is_private(self, &op) || op.kind == OP_WRITE) {
            if (memory_options(self, options) == 1) {
                memory_perform(self, options[0]);
                at_once = true;
            }
        }
    }
    if (at_once) {
        SELF->op.kind = OP_NONE;
    } else {
        stop();
    }
}

int thread_start(void (*run)(void *), void *arg) {
    const int i = X->threads;
    if (i == THREADS) {
        fault("too many threads for the checker");
    }
    X->threads++;
    new_thread(i, run, arg);
    SELF->known.at[X->current]++; /* what came before the start is known to the new thread, no more */
    X->thread[i].known = SELF->known;
    X->thread[i].caused = SELF->caused;
    X->thread[i].caused.at[X->current] = SELF->known.at[X->current];
    X->thread[i].known.at[i] = X->thread[i].caused.at[i] = 1;
    if (X->threads > mc->result.threads) {
        mc->result.threads = X->threads;
    }
    return i;
}

/* The scenario's body, before it has started anybody or after it has joined them all: nothing runs at the same time. */
bool thread_alone(void) {
    return X->current == 0 && X->joined == X->threads;
}

bool thread_ready(int thread) {
    const struct thread *const t = &X->thread[thread];
    switch (t->finished ? OP_LOCK : t->op.kind) {
    case OP_NONE:
        return true;
    case OP_YIELD:
        return memory_newer_seen(thread);
    case OP_JOIN:
        for (int i = 1; i < X->threads; i++) {
            if (!X->thread[i].finished) {
                return false;
            }
        }
        return true;
    case OP_WAIT:
        return t->signalled || t->late;
    default:
        return false;
    }
}

/* ---- mutexes and condition variables ---------------------------------------------------------------------------
 *
 * A lock is a read-modify-write that reads from the last unlock; an unlock is a write. Which critical section comes
 * first is a choice, made at the lock; an unlock may come as soon as its thread is there. */

static struct mutex *mutex_at(void *address) {
    for (int i = 0; i < X->mutexes; i++) {
        if (X->mutex[i].address == address) {
            return &X->mutex[i];
        }
    }
    if (X->mutexes == MUTEXES) {
        fault("too many mutexes for the checker");
    }
    memset(&X->mutex[X->mutexes], 0, sizeof X->mutex[0]);
    X->mutex[X->mutexes].address = address;
    X->mutex[X->mutexes].holder = X->mutex[X->mutexes].newest_lock = X->mutex[X->mutexes].last_unlock = -1;
    return &X->mutex[X->mutexes++];
}

static void lock(int thread) {
    struct thread *const t = &X->thread[thread];
    struct mutex *const m = mutex_at(t->op.address);
    const vclock caused = t->caused;
    const int event = memory_new_event(thread, EVENT_LOCK, ACQUIRE, -1);
    struct event *const e = &mc->event[event];
    if (!m->kernel) {
        race_access(t->op.address, 4, ATOMIC_WRITE);
    }
    m->holder = (int16_t)thread;
    e->source = m->last_unlock;
    e->before_here = m->newest_lock;
    e->node = explore_node();
    m->newest_lock = (int16_t)event;
    if (!m->silent) {
        clock_join(&t->known, &m->known);
    }
    clock_join(&t->caused, &m->caused);
    e->known = t->known;
    e->caused = t->caused;
    t->history = mix(t->history, (uintptr_t)m->address);
    if (e->source >= 0) {
        t->history = mix(t->history, mc->event[e->source].thread * 65536u + mc->event[e->source].time);
    }
    for (int i = e->before_here; i >= 0; i = mc->event[i].before_here) {
        explore_race(thread, &caused, &mc->event[i]);
    }
}

void mutex_unlock(void *address) {
    struct mutex *const m = mutex_at(address);
    int event;
    if (m->holder != X->current) {
        fault("unlock of a mutex that thread %d does not hold", X->current);
    }
    SELF->op.pc = mc->pc;
    event = memory_new_event(X->current, EVENT_UNLOCK, RELEASE, -1);
    if (!m->kernel) {
        race_access(address, 4, ATOMIC_WRITE);
    }
    m->holder = -1;
    m->last_unlock = (int16_t)event;
    m->known = mc->event[event].known = SELF->known;
    m->caused = mc->event[event].caused = SELF->caused;
    SELF->history = mix(SELF->history, 5);
}

/* Conflicts with every use that the thread does not know to be over. */
void mutex_destroy(void *address) {
    if (mutex_at(address)->holder >= 0) {
        fault("destroy of a mutex that is held");
    }
    race_access(address, 4, PLAIN_WRITE);
}

/* A condition variable is the set of threads that wait on it. Its own lock makes entering it, leaving it
 * and signalling exclude each other, so their order is a choice like that of any lock. But
 * pthread_cond_signal creates no happens-before edge. */
static void condition_lock(void *condition) {
    struct mutex *const m = mutex_at((char *)condition + 8);
    m->silent = true;
    thread_do((struct op){.kind = OP_LOCK, .address = m->address});
}
static void condition_unlock(void *condition) {
    mutex_unlock((char *)condition + 8);
}

/* Wakes all waiting threads, or any one of them. */
void condition_signal(void *condition, bool all) {
    int waiting[THREADS];
    int count = 0;
    race_access(condition, 4, ATOMIC_WRITE);
    condition_lock(condition);
    for (int i = 0; i < X->threads; i++) {
        if (X->thread[i].waits_on == condition && !X->thread[i].signalled) {
            waiting[count++] = i;
        }
    }
    if (!all && count > 1) {
        waiting[0] = waiting[mc_choose(count)];
        count = 1;
    }
    for (int i = 0; i < count; i++) {
        X->thread[waiting[i]].signalled = true;
    }
    condition_unlock(condition);
}

/* False: timed out, which a timed wait may do at any moment. With MC_SPURIOUS one wait of each thread may end for no reason. */
bool condition_wait(void *condition, void *mutex, bool timed) {
    const bool spurious = (mc->scenario->flags & MC_SPURIOUS) != 0 && !SELF->woken_for_nothing;
    bool in_time = true;
    race_access(condition, 4, ATOMIC_WRITE);
    condition_lock(condition);
    SELF->waits_on = condition;
    SELF->signalled = false;
    condition_unlock(condition);
    mutex_unlock(mutex);
    SELF->late = (timed || spurious) && mc_choose(2) == 1;
    if (!SELF->late) {
        thread_do((struct op){.kind = OP_WAIT, .address = condition, .n = timed ? 1 : 0});
    }
    if (SELF->late) {
        condition_lock(condition);
        in_time = SELF->signalled || !timed;
        SELF->woken_for_nothing = true;
        SELF->waits_on = NULL; /* a signal is for the others now */
        condition_unlock(condition);
    }
    SELF->waits_on = NULL;
    thread_do((struct op){.kind = OP_LOCK, .address = mutex});
    return in_time;
}

/* ---- futexes -----------------------------------------------------------------------------------------------------
 *
 * The kernel looks at the futex's value and enters the thread into the set of sleepers, under a lock that
 * a wake takes too. A thread that takes that lock later knows what the earlier ones knew. A woken thread
 * learns nothing by being woken. A wake does not touch the memory at the address, which may be gone. */

static void futex_lock(char *address) {
    mutex_at(address)->kernel = true;
    thread_do((struct op){.kind = OP_LOCK, .address = address});
}

/* Sleeps while the value is `value`. It may be woken for another thread that slept at that address, and
 * may time out at any moment. With MC_SPURIOUS it may also be woken once for no reason. The caller has to
 * check what is true. */
void futex_wait(char *address, uint32_t value, bool timed) {
    const bool spurious = (mc->scenario->flags & MC_SPURIOUS) != 0 && !SELF->woken_for_nothing;
    uint32_t seen;
    futex_lock(address);
    thread_do((struct op){.kind = OP_READ, .order = RELAXED, .address = address, .size = 4});
    seen = (uint32_t)SELF->op.result;
    if (seen == value) {
        SELF->waits_on = address;
        SELF->signalled = false;
    }
    mutex_unlock(address);
    if (seen != value) {
        return;
    }
    SELF->late = (timed || spurious) && mc_choose(2) == 1;
    if (!SELF->late) {
        thread_do((struct op){.kind = OP_WAIT, .address = address, .n = timed ? 1 : 0});
    }
    if (SELF->late) {
        futex_lock(address);
        SELF->woken_for_nothing = true;
        SELF->waits_on = NULL;
        mutex_unlock(address);
    }
    SELF->waits_on = NULL;
}

/* Wakes one who sleeps there, any. */
void futex_wake(char *address) {
    int waiting[THREADS];
    int count = 0;
    futex_lock(address);
    for (int i = 0; i < X->threads; i++) {
        if (X->thread[i].waits_on == address && !X->thread[i].signalled) {
            waiting[count++] = i;
        }
    }
    if (count != 0) {
        X->thread[waiting[count > 1 ? mc_choose(count) : 0]].signalled = true;
    }
    mutex_unlock(address);
}

/* No thread can continue: a timed wait that has not timed out does so now. False: there is none. */
bool threads_time_out(void) {
    for (int i = 0; i < X->threads; i++) {
        struct thread *const t = &X->thread[i];
        if (!t->finished && t->op.kind == OP_WAIT && t->op.n == 1 && !t->late) {
            t->late = true;
            return true;
        }
    }
    return false;
}

/* ---- operations that need a choice ---------------------------------------------------------------------------- */

int thread_options(int thread, int16_t *options) {
    const struct thread *const t = &X->thread[thread];
    int count = 0;
    switch (t->finished ? OP_NONE : t->op.kind) {
    case OP_READ:
    case OP_WRITE:
    case OP_RMW:
        return memory_options(thread, options);
    case OP_LOCK:
        X->current = thread; /* for messages */
        if (mutex_at(t->op.address)->holder < 0) {
            options[count++] = mutex_at(t->op.address)->last_unlock;
        }
        X->current = -1;
        return count;
    case OP_CHOOSE:
        for (int i = 0; i < t->op.n; i++) {
            options[count++] = (int16_t)i;
        }
        return count;
    default:
        return 0;
    }
}

void thread_perform(int thread, int16_t option) {
    struct thread *const t = &X->thread[thread];
    X->current = thread;
    mc->pc = t->op.pc;
    if (t->op.kind == OP_LOCK) {
        lock(thread);
    } else if (t->op.kind == OP_CHOOSE) {
        t->op.result = (uint64_t)option;
        t->history = mix(t->history, (uint64_t)option);
    } else {
        memory_perform(thread, option);
    }
    t->sleep_from = 0;
    X->current = -1;
}
