/* checker.h: what the parts of the checker share.
 *
 *   hooks.c    the calls that instrumented code makes: plain accesses, atomics, fences, malloc, pthread
 *   threads.c  model threads: stacks, switching, thread-local storage, start and join, mutexes, spinning
 *   memory.c   the memory model: events, modification order, what a load may read, happens-before
 *   seqcst.c   the memory model's last axiom: seq_cst operations have an order
 *   races.c    plain memory: data races, use of freed or never written memory
 *   heap.c     malloc and free
 *   explore.c  which execution comes next: DPOR with checkpoints, or a preemption bound
 *   report.c   messages, traces, replay files
 *   api.c      the functions that tests call
 *   main.c     the command line, the table of scenarios
 *
 * There are two kinds of state. `struct execution` is the execution in progress. The search copies it at
 * every choice and copies it back to try the next alternative, together with the stacks, the heap and the
 * static data of the test. `struct checker` survives from execution to execution. Neither lies in the
 * program's own data. */
#ifndef MODEL_CHECKER_H
#define MODEL_CHECKER_H

#include "mc.h"

#include <setjmp.h>
#include <stdio.h>
#include <string.h>
#include <ucontext.h>

enum {
    THREADS = 6, /* thread 0 is the scenario's body */
    EVENTS = 1500,
    PLACES = 500,
    MUTEXES = 12, /* condition variables use one each */
    BLOCKS = 96,
    SLOTS = 3000,
    NODES = 4000,
    SEEN = 64,
    STACK_BYTES = 1 << 16,
    ARENA_BYTES = 1 << 15,
    TLS_BYTES = 256,
    OPTIONS = 96
};

/* ---- vector clocks: one number a thread, how many of its events are known ------------------------------- */

typedef struct vclock {
    uint16_t at[THREADS];
} vclock;

static inline void clock_join(vclock *to, const vclock *from) {
    for (int i = 0; i < THREADS; i++) {
        if (from->at[i] > to->at[i]) {
            to->at[i] = from->at[i];
        }
    }
}

/* ---- events ------------------------------------------------------------------------------------------------ */

enum order { RELAXED, CONSUME, ACQUIRE, RELEASE, ACQ_REL, SEQ_CST }; /* the numbers of the ABI */

static inline bool acquires(int order) {
    return order == CONSUME || order == ACQUIRE || order == ACQ_REL || order == SEQ_CST;
}
static inline bool releases(int order) {
    return order == RELEASE || order == ACQ_REL || order == SEQ_CST;
}

enum event_kind { EVENT_INIT, EVENT_READ, EVENT_WRITE, EVENT_RMW, EVENT_FENCE, EVENT_LOCK, EVENT_UNLOCK };

/* An event of the execution graph. Never changed once it is there, so checkpoints need not copy them. */
struct event {
    uint8_t kind, thread, order, size;
    int16_t place;       /* memory location, or mutex; -1: a fence                              */
    int16_t source;      /* the event that it read from; -1: it is no read                      */
    int16_t before_here; /* the event added before it at the same place, -1: none               */
    uint16_t time;       /* its number in its own thread's clock, from 1; 0: initial value      */
    int32_t node;        /* the choice that put it here (explore.c); -1: there was none         */
    uint64_t read, written;
    vclock known;    /* what happens before it, itself included                             */
    vclock released; /* writes: what an acquirer that reads it gets to know                 */
    vclock caused;   /* like `known`, but through every read-from edge: (sb u rf)+          */
    const void *pc;
};

/* An atomic memory location, from its (re-)initialisation on. */
struct place {
    char *address;
    int16_t size, newest; /* newest: the event added last                */
    int16_t first, last;  /* ends of the modification order              */
};

/* A write's neighbours in the modification order, and its rank there. */
struct mo_link {
    int16_t before, after;
    uint16_t rank;
};

/* ---- threads ----------------------------------------------------------------------------------------------- */

enum op_kind { OP_NONE, OP_READ, OP_WRITE, OP_RMW, OP_FENCE, OP_LOCK, OP_WAIT, OP_JOIN, OP_YIELD, OP_CHOOSE };
enum rmw_kind { RMW_SWAP, RMW_ADD, RMW_SUB, RMW_AND, RMW_OR, RMW_XOR, RMW_NAND, RMW_CAS, RMW_CAS_WEAK };

/* What a thread is about to do. */
struct op {
    uint8_t kind, order, failure_order, rmw, size;
    bool succeeded;
    int16_t place;
    int n; /* OP_CHOOSE: how many; OP_WAIT: 1 if it may time out */
    char *address;
    uint64_t value, expected, result;
    const void *pc;
};

struct thread {
    jmp_buf context;
    char *stack_low; /* what lies below on its stack is dead */
    void (*run)(void *);
    void *arg;
    bool started, finished;
    struct op op; /* OP_NONE: it can simply continue */
    vclock known, caused;
    vclock to_acquire;    /* what an acquire fence would make known          */
    vclock fence_release; /* what was known at the last release fence        */
    uint64_t history;     /* hash of its events                              */
    int sleep_from;       /* DPOR: options older than this event are explored elsewhere */
    int seen_count, clock_looks;
    struct {
        int16_t place, event;
    } seen[SEEN];                   /* what it has read since it last yielded */
    int16_t want_place, want_event; /* fairness: the next read of that place must be newer; or -1 */
    void *waits_on;                 /* a condition variable or futex, NULL: none */
    bool signalled, late, woken_for_nothing;
    size_t heap_used;
    unsigned char tls[TLS_BYTES];
};

struct mutex {
    void *address;
    bool silent;                      /* orders, but makes nothing known: a condition variable's own */
    bool kernel;                      /* the address is only a name: its memory is not touched       */
    int16_t holder;                   /* -1: free */
    int16_t newest_lock, last_unlock; /* events */
    vclock known, caused;
};

/* ---- plain memory ------------------------------------------------------------------------------------------ */

enum access { PLAIN_READ, PLAIN_WRITE, ATOMIC_READ, ATOMIC_WRITE, ACCESS_KINDS };

/* Four bytes of memory: the last accesses to them. */
struct slot {
    int16_t place;     /* the atomic location that it is part of, -1: none */
    uint8_t unwritten; /* bytes of it that malloc gave and nobody wrote    */
    uint8_t dead;      /* bytes of it that free took                       */
    struct {
        uint16_t time[ACCESS_KINDS];
        uint8_t bytes[ACCESS_KINDS];
    } by[THREADS];
    uint32_t pc_read, pc_write; /* of the last plain accesses, low half */
};

struct block {
    char *start;
    uint32_t size;
    uint8_t owner;
    bool freed;
    uint16_t freed_by, freed_time;
    const void *pc, *pc_free;
};

/* ---- the execution in progress ------------------------------------------------------------------------------ */

struct execution {
    int events, places, mutexes, blocks, slots, threads;
    int preemptions, weak, last_thread, steps, joined;
    int current; /* the thread whose code or operation is running, -1: none */
    struct thread thread[THREADS];
    struct mutex mutex[MUTEXES];
};

/* A location's users, over all executions so far: see memory_is_private. */
struct sharing {
    char *address;
    uint8_t readers, writers;
};

struct checker {
    const mc_scenario *scenario;
    struct execution x;
    struct event event[EVENTS];
    /* parts of the execution that are copied only as far as they are used */
    struct mo_link mo[EVENTS];
    struct place place[PLACES];
    struct block block[BLOCKS];
    struct slot slot[SLOTS];

    char *slot_address[SLOTS]; /* which slot is for which address: kept for good */
    int16_t slot_index[1 << 13];
    int slots_made;
    uint64_t slot_kept[SLOTS], era; /* see slot_change */
    struct sharing sharing[PLACES];
    int sharings;
    bool sharing_changed;

    double limit;     /* seconds for one scenario                       */
    jmp_buf explorer; /* where a thread that stops returns to           */
    jmp_buf failed;   /* where a fault is reported                      */
    ucontext_t start_context;
    mc_result result;
    uint64_t reached;
    unsigned long accesses; /* plain ones since the last switch: catches endless loops */
    bool active;
    const void *pc;
    char *stacks, *arenas;
    char *tls_start;
    const void *tls_image;
    size_t tls_size, tls_image_size;
    void *scratch; /* seqcst.c's relations */
    struct {
        const char *start, *name;
        size_t size;
    } names[32];
    int named;
};

extern struct checker *mc;
#define X    (&mc->x)
#define SELF (&mc->x.thread[mc->x.current])

static inline bool on_stack(int thread, const char *p) {
    return p >= mc->stacks + (size_t)thread * STACK_BYTES &&
           p < mc->stacks + (size_t)(thread + 1) * STACK_BYTES;
}
static inline bool on_any_stack(const char *p) {
    return p >= mc->stacks && p < mc->stacks + (size_t)THREADS * STACK_BYTES;
}
static inline char *arena_of(int thread) {
    return mc->arenas + (size_t)thread * ARENA_BYTES;
}
static inline bool in_tls(const void *p) {
    return (const char *)p >= mc->tls_start && (const char *)p < mc->tls_start + mc->tls_size;
}

/* report.c */
_Noreturn void fault(const char *format, ...) __attribute__((format(printf, 1, 2)));
void report_trace(FILE *out);
const char *report_where(const void *pc);
void report_save(const char *path);
bool report_load(const char *path, char *name, size_t size);

/* threads.c */
void threads_setup(void);
void threads_reset(void);
int thread_start(void (*run)(void *), void *arg);
void thread_resume(int thread); /* until its next operation that needs a choice */
void thread_do(struct op op);   /* by the thread itself */
bool thread_ready(int thread);  /* can continue without a choice */
int thread_options(int thread, int16_t *options);
void thread_perform(int thread, int16_t option);
bool thread_alone(void);
void mutex_unlock(void *address);
void mutex_destroy(void *address);
void condition_signal(void *address, bool all);
bool condition_wait(void *condition, void *mutex, bool timed);
void futex_wait(char *address, uint32_t value, bool timed);
void futex_wake(char *address);
bool threads_time_out(void);

/* memory.c */
int memory_place(char *address, int size);
bool memory_is_private(int thread, const struct op *op);
int memory_options(int thread, int16_t *options);
void memory_perform(int thread, int16_t option);
void memory_fence(int thread, int order);
int memory_new_event(int thread, int kind, int order, int place);
bool memory_newer_seen(int thread);
void memory_yielded(int thread);
uint64_t memory_hash(void);
uint64_t mix(uint64_t hash, uint64_t value);

/* seqcst.c */
void seqcst_setup(void);
bool seqcst_consistent(void);

/* races.c */
int race_slot(char *address);
void race_access(char *address, size_t size, enum access kind);
void race_heap(char *address, size_t size, bool alive);
bool race_first_write(char *address, size_t size);

/* heap.c */
void *heap_allocate(size_t size, bool zeroed);
void heap_free(void *p);
const struct block *heap_block(const char *p);
void heap_check_leaks(void);

/* explore.c */
void explore_race(int thread, const vclock *caused, const struct event *earlier);
int explore_node(void);
void explore_keep(int slot);

/* Before a slot changes: what it was is kept, once since the last checkpoint was made or taken up again. */
static inline void slot_change(int index) {
    if (mc->slot_kept[index] != mc->era) {
        mc->slot_kept[index] = mc->era;
        explore_keep(index);
    }
}
void explore(void);
void explore_setup(void);
struct step {
    int16_t thread, option;
};
const struct step *explore_path(int *length); /* of the execution in progress             */
void explore_follow(const struct step *path,
                    int length); /* the next search is only this execution; NULL: all */

#endif /* MODEL_CHECKER_H */
