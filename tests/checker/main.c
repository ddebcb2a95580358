/* main.c: the command line and the table of scenarios.
 *
 *     test [--soak] [--trace] [--seconds S] [--budget S] [--replays DIR] [NAME…]
 *                                  runs the scenarios (those whose name contains one of the NAMEs); one line each, and one
 *                                  for all together. --seconds: what has not been searched by then counts as a fault.
 *                                  --budget: for all together; what has not been searched by then is cut off, and says so.
 *                                  Both count the processor's time, so a busy machine changes no verdict
 *     test --list                  their names
 *     test --replay FILE           runs one execution that was reported, and prints its trace
 *
 * Exit status: 0 all as expected, 1 a fault was found (or an expected one was not), 2 wrong use. */
#include "checker.h"

#include <stdlib.h>

struct options {
    bool soak, trace;
    double budget; /* 0: none */
    const char *replays;
};

/* Over all scenarios. On main's stack, like the options, because static data starts from its initial value
 * in every execution. */
struct sums {
    unsigned long long executions;
    int done, failed, bounded, cut_off, threads;
    double seconds;
};

/* Prints one line; whether the result is what the scenario expects. */
static bool judge(const mc_scenario *scenario, const mc_result *result) {
    char bound[80] = "no bound";
    bool good = scenario->expect == NULL
                    ? !result->faulty
                    : result->faulty && strstr(result->message, scenario->expect) != NULL;
    if (scenario->bound > 0) {
        snprintf(bound, sizeof bound, "at most %d preemptions and weak choices", scenario->bound);
    }
    if (good && scenario->executions != 0 && scenario->executions != result->executions) {
        good = false;
        printf("FAILED  %s: %llu executions were expected\n", scenario->name,
               (unsigned long long)scenario->executions);
    }
    printf(
        "%s  %s: %llu executions (%llu redundant, %llu refused), %d threads, %d events, %s, %.2f s%s%s%s\n",
        good ? "ok    " : "FAILED", scenario->name, (unsigned long long)result->executions,
        (unsigned long long)result->redundant, (unsigned long long)result->refused, result->threads,
        result->events, bound, result->seconds,
        result->faulty ? (scenario->expect != NULL ? "; reported, as it should be: " : ": ") : "",
        result->faulty ? result->message : "", !result->faulty && !good ? ": nothing was reported" : "");
    fflush(stdout);
    return good;
}

static bool cut_off(const mc_scenario *scenario, const mc_result *result) {
    if (strstr(result->message, "not finished after") == NULL) {
        return false;
    }
    printf("cut off  %s: %llu executions without a fault, %d threads, %d events, at most %d preemptions and "
           "weak choices "
           "(0: no bound), %.2f s\n",
           scenario->name, (unsigned long long)result->executions, result->threads, result->events,
           scenario->bound, result->seconds);
    fflush(stdout);
    return true;
}

static bool run(const mc_scenario *scenario, const struct options *options, struct sums *sum, int left) {
    mc_scenario now = *scenario;
    mc_result result;
    bool good;
    if (options->soak && scenario->soak_bound != 0) {
        now.bound = scenario->soak_bound == MC_NO_BOUND ? 0 : scenario->soak_bound;
    }
    if (options->budget > 0) {
        mc->limit = (options->budget - sum->seconds) / left;
    }
    result = mc_explore(&now);
    sum->executions += result.executions;
    sum->seconds += result.seconds;
    sum->bounded += now.bound > 0 ? 1 : 0;
    sum->threads = result.threads - 1 > sum->threads ? result.threads - 1 : sum->threads;
    if (options->budget > 0 && result.faulty && cut_off(&now, &result)) {
        sum->cut_off++;
        return true;
    }
    good = judge(&now, &result);
    if (result.faulty && (!good || options->trace)) {
        char path[300];
        report_trace(stdout);
        snprintf(path, sizeof path, "%s/replay-%s.txt", options->replays, scenario->name);
        for (char *c = path + strlen(options->replays) + 1; *c != 0; c++) {
            *c = *c == ' ' || *c == '/' ? '_' : *c;
        }
        report_save(path);
        printf("  replay: --replay %s\n", path);
        fflush(stdout);
    }
    return good;
}

static bool wanted(const mc_scenario *scenario, int names, char **name, bool soak) {
    if (names == 0) {
        return soak || (scenario->flags & MC_SOAK) == 0;
    }
    for (int i = 0; i < names; i++) {
        if (strstr(scenario->name, name[i]) != NULL) {
            return true;
        }
    }
    return false;
}

static int replay(const char *path) {
    char name[200];
    if (!report_load(path, name, sizeof name)) {
        fprintf(stderr, "model: %s is no replay file\n", path);
        return 2;
    }
    for (const mc_scenario *s = mc_scenarios; s->name != NULL; s++) {
        if (strcmp(s->name, name) == 0) {
            mc->scenario = s;
            mc->result = (mc_result){.threads = 1};
            mc->active = true;
            explore();
            mc->active = false;
            printf("%s: %s\n", name, mc->result.faulty ? mc->result.message : "no fault in this execution");
            report_trace(stdout);
            return mc->result.faulty ? 1 : 0;
        }
    }
    fprintf(stderr, "model: there is no scenario '%s' here\n", name);
    return 2;
}

int main(int argc, char **argv) {
    struct options options = {.replays = "."};
    struct sums sum = {0};
    int left = 0;
    int i;
    mc_setup();
    for (i = 1; i < argc && strncmp(argv[i], "--", 2) == 0; i++) {
        if (strcmp(argv[i], "--soak") == 0) {
            options.soak = true;
        } else if (strcmp(argv[i], "--trace") == 0) {
            options.trace = true;
        } else if (strcmp(argv[i], "--seconds") == 0 && i + 1 < argc) {
            mc->limit = atof(argv[++i]);
        } else if (strcmp(argv[i], "--budget") == 0 && i + 1 < argc) {
            options.budget = atof(argv[++i]);
        } else if (strcmp(argv[i], "--replays") == 0 && i + 1 < argc) {
            options.replays = argv[++i];
        } else if (strcmp(argv[i], "--replay") == 0 && i + 1 < argc) {
            return replay(argv[i + 1]);
        } else if (strcmp(argv[i], "--list") == 0) {
            for (const mc_scenario *s = mc_scenarios; s->name != NULL; s++) {
                printf("%s\n", s->name);
            }
            return 0;
        } else {
            fprintf(stderr, "model: unknown option %s\n", argv[i]);
            return 2;
        }
    }
    for (const mc_scenario *s = mc_scenarios; s->name != NULL; s++) {
        left += wanted(s, argc - i, argv + i, options.soak) ? 1 : 0;
    }
    for (const mc_scenario *s = mc_scenarios; s->name != NULL; s++) {
        if (wanted(s, argc - i, argv + i, options.soak)) {
            sum.done++;
            sum.failed += run(s, &options, &sum, left--) ? 0 : 1;
        }
    }
    printf(
        "%d scenarios, %d failed: %llu executions, up to %d threads, %d with a bound, %d cut off, %.1f s\n",
        sum.done, sum.failed, sum.executions, sum.threads, sum.bounded, sum.cut_off, sum.seconds);
    if (sum.done == 0) {
        return 2;
    }
    return sum.failed == 0 ? 0 : 1;
}
