/* benches/bench.h: what every *_bench.c needs: registration, the clock, calibrated work.
 *
 * Each *_bench.c is compiled once per contender: BENCH_CONTENDER is its name, BENCH_ADAPTER the header
 * that says how it is called (adapter_rouse.h documents what an adapter provides). So all contenders are
 * in one program, inlined as a user would have them, and their repetitions run interleaved. */
#ifndef ROUSE_BENCH_BENCH_H
#define ROUSE_BENCH_BENCH_H

#include "shim.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

extern bool bench_quick; /* fewer sizes and shorter runs; set before anything registers */

typedef void bench_registrar(void);
void bench_at_start(bench_registrar *registrar);

/* Runs at start-up, once the options are known, and adds this unit's benchmarks. */
#define BENCH_UNIT(registrar)                                    \
    __attribute__((constructor)) static void bench_unit_(void) { \
        bench_at_start(registrar);                               \
    }

/* The name's format gives "workload/parameters"; contenders of one such group are run interleaved. */
__attribute__((format(printf, 6, 7))) void bench_add(const char *contender, bench_fn *fn, const void *context,
                                                     bench_clock clock, int64_t iterations, const char *group,
                                                     ...);

double bench_wall(void);       /* seconds */
double bench_thread_cpu(void); /* seconds of processor time of this thread; what reading it costs is taken off
                                  a span by bench_cpu_span */
double bench_cpu_span(double from, double to);

/* Keeps the processor busy for this many nanoseconds with work that touches no memory. */
void bench_work(uint32_t ns);

/* How much longer than when the program began the same work takes at this moment; 1: no longer. A virtual machine's
 * processors may be slow for a while, whatever runs on them. */
double bench_slowness(void);

void *bench_alloc(size_t size); /* zeroed, on a separate cache line; never NULL */
void bench_heap_watch(bool on); /* start or stop counting; heap.c */
int64_t bench_heap_bytes(void); /* what the program has taken from malloc and not given back since */
__attribute__((noreturn)) void bench_die(const char *why);

/* A small generator for shuffles and operation mixes: the same sequence for every contender. */
static inline uint32_t bench_random(uint32_t *state) {
    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    return *state;
}

#endif /* ROUSE_BENCH_BENCH_H */
