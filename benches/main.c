/* benches/main.c: the bench program: options, groups, progress, raw results as JSON.
 *
 * A group is a workload with its parameters. Its contenders' repetitions are shuffled among each other, so
 * that other load on the machine affects all of them alike. Only ratios within a group mean anything. */
#include "units.h"

#include <regex.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { NAME_SIZE = 128 };

typedef struct group {
    struct group *next;
    int contenders;
    bench_clock clock;
    char name[NAME_SIZE];
} group;

bool bench_quick;

static group *groups;
static double clock_cost;
static double turns_per_ns;

void bench_die(const char *why) {
    fprintf(stderr, "rouse_bench: %s\n", why);
    exit(1);
}

static group *find_group(const char *name) {
    group **link = &groups;
    while (*link != NULL && strcmp((*link)->name, name) != 0) {
        link = &(*link)->next;
    }
    if (*link == NULL) {
        *link = calloc(1, sizeof **link);
        if (*link == NULL) {
            bench_die("out of memory");
        }
        snprintf((*link)->name, NAME_SIZE, "%s", name);
    }
    return *link;
}

void bench_add(const char *contender, bench_fn *fn, const void *context, bench_clock clock,
               int64_t iterations, const char *format, ...) {
    char name[NAME_SIZE];
    char full[2 * NAME_SIZE];
    group *g;
    va_list args;
    va_start(args, format);
    vsnprintf(name, sizeof name, format, args);
    va_end(args);
    snprintf(full, sizeof full, "%s/%s", name, contender);
    g = find_group(name);
    g->contenders++;
    g->clock = clock;
    bench_register(full, fn, context, clock, iterations);
}

static double seconds(clockid_t clock) {
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

double bench_wall(void) {
    return seconds(CLOCK_MONOTONIC);
}

double bench_thread_cpu(void) {
    return seconds(CLOCK_THREAD_CPUTIME_ID);
}

double bench_cpu_span(double from, double to) {
    const double span = to - from - clock_cost;
    return span > 0 ? span : 0;
}

/* A chain of multiplications: each waits for the one before, so its length is time. */
static void turn(uint64_t turns) {
    uint64_t x = 88172645463325252u;
    for (uint64_t i = 0; i < turns; i++) {
        x *= 6364136223846793005u;
        __asm__ volatile("" : "+r"(x));
    }
}

void bench_work(uint32_t ns) {
    turn((uint64_t)(turns_per_ns * ns));
}

static void calibrate(void) {
    enum { TRIALS = 200, TURNS = 100000 };
    double least_clock = 1;
    double least_turns = 1;
    for (int i = 0; i < TRIALS; i++) {
        const double t0 = bench_thread_cpu();
        const double t1 = bench_thread_cpu();
        turn(TURNS);
        const double t2 = bench_thread_cpu();
        least_clock = t1 - t0 < least_clock ? t1 - t0 : least_clock;
        least_turns = t2 - t1 < least_turns ? t2 - t1 : least_turns;
    }
    clock_cost = least_clock;
    turns_per_ns = TURNS / (least_turns * 1e9);
}

double bench_slowness(void) {
    enum { TURNS = 1000000 };
    const double start = bench_thread_cpu();
    turn(TURNS);
    return bench_cpu_span(start, bench_thread_cpu()) * 1e9 * turns_per_ns / TURNS;
}

/* ---- results ---- */

static FILE *results;
static bool first_result = true;
static int failures;

/* "cpu_ns" and "wall_ns" are both there; "ns" is the one that counts. */
static void write_result(const bench_result *r, void *arg) {
    const group *const g = arg;
    if (r->error != NULL) {
        fprintf(stderr, "%s: %s\n", r->name, r->error);
        failures++;
        return;
    }
    fprintf(results,
            "%s\n  {\"group\": \"%s\", \"contender\": \"%s\", \"repetition\": %lld, \"iterations\": %lld, "
            "\"ns\": %.4f, \"cpu_ns\": %.4f, \"wall_ns\": %.4f",
            first_result ? "" : ",", g->name, r->name + strlen(g->name) + 1, (long long)r->repetition,
            (long long)r->iterations, g->clock == BENCH_CPU ? r->cpu_ns : r->wall_ns, r->cpu_ns, r->wall_ns);
    for (size_t i = 0; i < r->counters; i++) {
        fprintf(results, ", \"%s\": %.6g", r->counter_names[i], r->counter_values[i]);
    }
    fprintf(results, "}");
    first_result = false;
}

static void run_group(group *g, int at, int of) {
    char regex[NAME_SIZE + 64];
    const double start = bench_wall();
    fprintf(stderr, "[%3d/%d] %-28s", at, of, g->name);
    snprintf(regex, sizeof regex, "^%s/[^/]*(/iterations:[0-9]+)?(/(manual|real)_time)?$", g->name);
    if (bench_run(regex, write_result, g) == 0) {
        bench_die("a group without benchmarks");
    }
    fprintf(stderr, "%2d contenders, %5.1f s\n", g->contenders, bench_wall() - start);
}

static int run_groups(const regex_t *filter) {
    int count = 0;
    int at = 0;
    for (const group *g = groups; g != NULL; g = g->next) {
        count += regexec(filter, g->name, 0, NULL, 0) == 0;
    }
    for (group *g = groups; g != NULL; g = g->next) {
        if (regexec(filter, g->name, 0, NULL, 0) == 0) {
            run_group(g, ++at, count);
        }
    }
    return count;
}

/* ---- options ---- */

typedef struct options {
    const char *filter;
    const char *out;
    int repetitions;
    double min_seconds;
} options;

static _Noreturn void usage(const char *program) {
    fprintf(stderr,
            "usage: %s [--quick] [--filter REGEX] [--repetitions N] [--min-time SECONDS] --out FILE\n",
            program);
    exit(2);
}

static options parse(int argc, char **argv) {
    options o = {"", NULL, 0, 0};
    for (int i = 1; i < argc; i++) {
        const char *const value = i + 1 < argc ? argv[i + 1] : NULL;
        if (strcmp(argv[i], "--quick") == 0) {
            bench_quick = true;
            continue;
        }
        if (value == NULL) {
            usage(argv[0]);
        }
        if (strcmp(argv[i], "--filter") == 0) {
            o.filter = value;
        } else if (strcmp(argv[i], "--out") == 0) {
            o.out = value;
        } else if (strcmp(argv[i], "--repetitions") == 0) {
            o.repetitions = atoi(value);
        } else if (strcmp(argv[i], "--min-time") == 0) {
            o.min_seconds = atof(value);
        } else {
            usage(argv[0]);
        }
        i++;
    }
    if (o.out == NULL) {
        usage(argv[0]);
    }
    if (o.repetitions <= 0) {
        o.repetitions = bench_quick ? 5 : 11;
    }
    if (o.min_seconds <= 0) {
        o.min_seconds = bench_quick ? 0.01 : 0.04;
    }
    return o;
}

int main(int argc, char **argv) {
    const options o = parse(argc, argv);
    regex_t filter;
    units_second_thread();
    if (regcomp(&filter, o.filter, REG_EXTENDED | REG_NOSUB) != 0) {
        bench_die("bad --filter");
    }
    results = fopen(o.out, "w");
    if (results == NULL) {
        bench_die("cannot write the results");
    }
    calibrate();
    bench_init(argv[0], o.repetitions, o.min_seconds);
    units_register();
    fprintf(results,
            "{\"quick\": %s, \"repetitions\": %d, \"min_seconds\": %g, \"processors\": %ld, \"runs\": [",
            bench_quick ? "true" : "false", o.repetitions, o.min_seconds, sysconf(_SC_NPROCESSORS_ONLN));
    if (run_groups(&filter) == 0) {
        bench_die("no workload matches --filter");
    }
    fprintf(results, "\n]}\n");
    if (fclose(results) != 0 || failures != 0) {
        bench_die("the results are not complete");
    }
    units_end_second_thread();
    return 0;
}
