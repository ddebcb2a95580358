/* benches/counts.h: W8: what one call of each backend costs in atomic operations, locks and bytes. */
#ifndef ROUSE_BENCH_COUNTS_H
#define ROUSE_BENCH_COUNTS_H

#include "counting_atomics.h"

#include <stddef.h>

typedef struct count_row {
    const char *what;
    bool gated;   /* promised: one read-modify-write (LOCAL none), no lock, no fence, no allocation */
    uint32_t per; /* how many calls, or waiters, the counts are shared by */
    op_counts counts;
} count_row;

typedef struct size_row {
    const char *what;
    double bytes;
    double most; /* the bar */
} size_row;

typedef struct backend_counts {
    const char *backend;
    size_t rows;
    const count_row *row;
    size_t sizes;
    const size_row *size;
} backend_counts;

backend_counts count_MUTEX(void);
backend_counts count_SPIN(void);
backend_counts count_LOCKFREE(void);
backend_counts count_LOCAL(void);

void *counted_malloc(size_t size);
bool counted_mutex_held(void);

#endif /* ROUSE_BENCH_COUNTS_H */
