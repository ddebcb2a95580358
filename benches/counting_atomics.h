/* benches/counting_atomics.h: hooks (rouse/detail/base/atomic.h) that count every atomic operation. Given by
 * ROUSE_ATOMIC_HOOKS_HEADER to the program that counts what each call costs; one thread, so plain counters
 * do.
 *
 * It also keeps track of cache lines, for a machine of many cores. op_core says which core the next
 * operations pretend to run on, and op_line_ notes which core holds which line. So it counts the lines
 * that a call has to fetch from other cores without having those cores, with the same result each time. */
#ifndef ROUSE_BENCH_COUNTING_ATOMICS_H
#define ROUSE_BENCH_COUNTING_ATOMICS_H

#include <stdbool.h>
#include <stdint.h>

typedef struct op_counts {
    uint64_t rmw;
    uint64_t load;
    uint64_t store;
    uint64_t fence;
    uint64_t signal_fence;
    uint64_t lock; /* of the platform's mutex: two read-modify-writes with its unlock, not counted in rmw */
    uint64_t heap; /* bytes asked for */
    uint64_t line; /* cache lines that had to come from another core, or be taken from others to be written */
    uint64_t
        serial; /* those of them for which others wait: the line of the queue's word, or any under a lock */
} op_counts;

extern op_counts op_count;
extern unsigned op_core;        /* 0 ... 63: the core that the next operations pretend to run on */
extern bool (*op_locked)(void); /* whether the queue's lock is held, NULL: there is none */

/* Begins to keep track of lines; word NULL: stops. own: a line of which each core has one. */
void op_lines_watch_(const volatile void *word, const volatile void *own);
void op_line_(const volatile void *address, bool write);

#define ROUSE_ATOMIC_BEFORE_(kind, address, write) (op_count.kind++, op_line_((address), (write)))
#define ROUSE_ATOMIC_AFTER_()                      ((void)0)

#endif /* ROUSE_BENCH_COUNTING_ATOMICS_H */
