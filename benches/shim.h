/* benches/shim.h: the C face of Google Benchmark. The benches are C; only shim.cc is C++.
 *
 * A benchmark is a name of the form "workload/parameters/contender", a function and its context. The function
 * loops on bench_keep_running, which grants iterations in batches: the cost of the call is spread over the
 * batch. Results go to a callback, one per repetition, as nanoseconds per iteration and named counters. */
#ifndef ROUSE_BENCH_SHIM_H
#define ROUSE_BENCH_SHIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct bench_state bench_state;
typedef void bench_fn(bench_state *state, const void *context);

/* What an iteration is charged. */
typedef enum bench_clock {
    BENCH_CPU,   /* processor time of the calling thread: for one thread, steady on a busy machine */
    BENCH_WALL,  /* wall time */
    BENCH_MANUAL /* what the function itself reports by bench_set_seconds */
} bench_clock;

/* iterations: 0 leaves their number to the library (as many as fill the minimum time). */
void bench_register(const char *name, bench_fn *fn, const void *context, bench_clock clock,
                    int64_t iterations);

/* ---- inside a benchmark ---- */
bool bench_keep_running(bench_state *state, int64_t batch);
int64_t bench_iterations(const bench_state *state); /* how many this run is going to make */
void bench_pause(bench_state *state);
void bench_resume(bench_state *state);
void bench_set_seconds(bench_state *state, double seconds);
void bench_counter(bench_state *state, const char *name, double value);
void bench_fail(bench_state *state, const char *why);

/* ---- running ---- */
typedef struct bench_result {
    const char *name;
    const char *error; /* NULL: none */
    int64_t repetition;
    int64_t iterations;
    double cpu_ns;  /* per iteration */
    double wall_ns; /* per iteration; manual time for BENCH_MANUAL */
    size_t counters;
    const char *const *counter_names;
    const double *counter_values;
} bench_result;
typedef void bench_report_fn(const bench_result *result, void *arg);

/* Repetitions of all benchmarks that one bench_run runs are shuffled among each other. */
void bench_init(const char *program, int repetitions, double min_seconds);
size_t bench_run(const char *regex, bench_report_fn *report, void *arg);
const char *bench_library(void);

#ifdef __cplusplus
}
#endif

#endif /* ROUSE_BENCH_SHIM_H */
