/* benches/rounds.c: runs one benchmark for a number of rounds and nothing else, so that callgrind can count the
 * instructions of a round: instructions.sh subtracts two numbers of rounds. The benchmarks are the objects that
 * rouse_bench times.
 *
 *   rouse_rounds                            prints what there is: GROUP/CONTENDER, a line each
 *   rouse_rounds ROUNDS GROUP/CONTENDER     runs it for so many rounds, or as many more as fill its last batch */
#include "units.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NAME_SIZE = 256 };

struct bench_state {
    int64_t rounds;
    int64_t left;
};

bool bench_quick;

static const char *wanted; /* NULL: all are printed */
static bench_fn *wanted_fn;
static const void *wanted_context;

void bench_die(const char *why) {
    fprintf(stderr, "rouse_rounds: %s\n", why);
    exit(1);
}

void bench_add(const char *contender, bench_fn *fn, const void *context, bench_clock clock,
               int64_t iterations, const char *format, ...) {
    char group[NAME_SIZE];
    char name[2 * NAME_SIZE];
    va_list args;
    (void)clock;
    (void)iterations;
    va_start(args, format);
    vsnprintf(group, sizeof group, format, args);
    va_end(args);
    snprintf(name, sizeof name, "%s/%s", group, contender);
    if (wanted == NULL) {
        puts(name);
    } else if (strcmp(name, wanted) == 0) {
        wanted_fn = fn;
        wanted_context = context;
    }
}

bool bench_keep_running(bench_state *state, int64_t batch) {
    const bool more = state->left > 0;
    state->left -= batch;
    return more;
}
int64_t bench_iterations(const bench_state *state) {
    return state->rounds;
}

/* Time, heap and counters are for rouse_bench. */
double bench_wall(void) {
    return 0;
}
double bench_thread_cpu(void) {
    return 0;
}
double bench_cpu_span(double from, double to) {
    return to - from;
}
double bench_slowness(void) {
    return 1;
}
void bench_work(uint32_t ns) {
    (void)ns;
}
void bench_heap_watch(bool on) {
    (void)on;
}
int64_t bench_heap_bytes(void) {
    return 0;
}
void bench_pause(bench_state *state) {
    (void)state;
}
void bench_resume(bench_state *state) {
    (void)state;
}
void bench_set_seconds(bench_state *state, double seconds) {
    (void)state;
    (void)seconds;
}
void bench_counter(bench_state *state, const char *name, double value) {
    (void)state;
    (void)name;
    (void)value;
}
void bench_fail(bench_state *state, const char *why) {
    (void)state;
    bench_die(why);
}

int main(int argc, char **argv) {
    bench_state state = {0, 0};
    if (argc != 1 && argc != 3) {
        bench_die("usage: rouse_rounds [ROUNDS GROUP/CONTENDER]");
    }
    wanted = argc == 3 ? argv[2] : NULL;
    units_register();
    if (wanted == NULL) {
        return 0;
    }
    if (wanted_fn == NULL) {
        bench_die("no such benchmark");
    }
    units_second_thread();
    state.rounds = state.left = atoll(argv[1]);
    wanted_fn(&state, wanted_context);
    units_end_second_thread();
    return 0;
}
