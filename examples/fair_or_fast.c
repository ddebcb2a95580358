/* examples/fair_or_fast.c: a pool of threads that contend for one mutex, strictly in turn (bound 0) and in
 * throughput mode with larger and larger bounds. Prints a line for each bound, which fair_or_fast.gp plots:
 * the sections per millisecond, the wait that one acquire in a thousand exceeds (p99.9), and the longest.
 *
 *     example_fair_or_fast [MS [ROUNDS]] > fair.txt     a round of MS (100) with each bound, ROUNDS (1) times
 *     gnuplot -e "data='fair.txt'; picture='fair.svg'" fair_or_fast.gp
 *
 * Checked: no section is lost, and no two run at the same time. */
#include <rouse/blocking.h>
#include <rouse/mutex.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { THREADS = 8, MOST_ROUNDS = 99, FINE = 16, LENGTHS = 64 * FINE };

static rouse_mutex mutex;
static unsigned long long sections; /* the mutex guards it */
static atomic_bool stop;

typedef struct worker {
    pthread_t thread;
    unsigned long long sections;
    uint64_t longest_ns;
    unsigned long long
        waits[LENGTHS]; /* how many waits had each length: FINE steps from one power of two to the next */
} worker;

static size_t length_of(uint64_t ns) {
    unsigned log = 0;
    if (ns < FINE) {
        return (size_t)ns;
    }
    while (ns >> log >= 2 * FINE) {
        log++;
    }
    return (size_t)log * FINE + (size_t)(ns >> log);
}
/* The longest wait that length_of puts there. */
static double ns_of(size_t length) {
    uint64_t log;
    if (length < FINE) {
        return (double)length;
    }
    log = length / FINE - 1;
    return (double)(((length - log * FINE + 1) << log) - 1);
}

static void *work(void *arg) {
    worker *const w = (worker *)arg;
    while (!atomic_load_explicit(&stop, memory_order_relaxed)) {
        const uint64_t asked = rouse_now_ns();
        uint64_t waited;
        if (rouse_mutex_lock_blocking(&mutex) != ROUSE_OK) {
            abort();
        }
        waited = rouse_now_ns() - asked;
        sections++;
        if (rouse_mutex_unlock(&mutex) != ROUSE_OK) {
            abort();
        }
        w->sections++;
        w->longest_ns = waited > w->longest_ns ? waited : w->longest_ns;
        w->waits[length_of(waited)]++;
    }
    return NULL;
}

typedef struct result {
    double per_ms, p999_us, longest_ms;
} result;

static result round_with(uint32_t bound, unsigned round_ms) {
    static worker workers[THREADS];
    rouse_thread_waiter timer; /* nobody wakes it */
    rouse_status outcome;
    result r = {0, 0, 0};
    uint64_t longest = 0;
    unsigned long long sum = 0, waits = 0;
    uint64_t start;
    memset(workers, 0, sizeof workers);
    rouse_mutex_init_throughput(&mutex, bound);
    rouse_thread_waiter_init(&timer);
    sections = 0;
    atomic_store(&stop, false);
    start = rouse_now_ns();
    for (int i = 0; i < THREADS; i++) {
        if (pthread_create(&workers[i].thread, NULL, work, &workers[i]) != 0) {
            abort();
        }
    }
    (void)rouse_thread_waiter_await_until(&timer, start + round_ms * UINT64_C(1000000), &outcome);
    atomic_store(&stop, true);
    for (int i = 0; i < THREADS; i++) {
        (void)pthread_join(workers[i].thread, NULL);
        sum += workers[i].sections;
        longest = workers[i].longest_ns > longest ? workers[i].longest_ns : longest;
    }
    r.per_ms = (double)sum / ((double)(rouse_now_ns() - start) / 1e6);
    r.longest_ms = (double)longest / 1e6;
    for (size_t length = LENGTHS; length-- > 0 && waits <= sum / 1000;) {
        for (int i = 0; i < THREADS; i++) {
            waits += workers[i].waits[length];
        }
        r.p999_us = ns_of(length) / 1e3;
    }
    if (sum != sections) {
        fprintf(stderr, "%llu sections, and %llu were counted\n", sum, sections);
        exit(1);
    }
    rouse_thread_waiter_destroy(&timer);
    rouse_mutex_destroy(&mutex);
    return r;
}

static int compare(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}
/* Prints the median, the least and the most. */
static void print(const char *format, double *of, size_t count) {
    qsort(of, count, sizeof of[0], compare);
    printf(format, of[count / 2], of[0], of[count - 1]);
}

int main(int argc, char **argv) {
    static const uint32_t bounds[] = {0, 1, 4, 16, 64, 256, 1024, ROUSE_BYPASS, 16384};
    enum { BOUNDS = sizeof bounds / sizeof bounds[0] };
    static double per_ms[BOUNDS][MOST_ROUNDS], p999_us[BOUNDS][MOST_ROUNDS], longest_ms[BOUNDS][MOST_ROUNDS];
    const unsigned round_ms = argc > 1 ? (unsigned)atoi(argv[1]) : 100;
    const size_t rounds = argc > 2 ? (size_t)atoi(argv[2]) : 1;
    if (rounds < 1 || rounds > MOST_ROUNDS) {
        return 2;
    }
    for (size_t round = 0; round < rounds; round++) {
        for (size_t i = 0; i < BOUNDS; i++) {
            const result r = round_with(bounds[i], round_ms);
            per_ms[i][round] = r.per_ms;
            p999_us[i][round] = r.p999_us;
            longest_ms[i][round] = r.longest_ms;
        }
    }
    printf("# bound; sections a ms, p99.9 of the waits in us, longest wait in ms: each median, least, most "
           "of %u rounds\n",
           (unsigned)rounds);
    for (size_t i = 0; i < BOUNDS; i++) {
        printf("%u", (unsigned)bounds[i]);
        print(" %.0f %.0f %.0f", per_ms[i], rounds);
        print(" %.1f %.1f %.1f", p999_us[i], rounds);
        print(" %.3f %.3f %.3f\n", longest_ms[i], rounds);
    }
    return 0;
}
