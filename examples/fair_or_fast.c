/* examples/fair_or_fast.c: a pool of threads that contend for one mutex, strictly in turn (bound 0) and in
 * throughput mode with larger and larger bounds. Prints a line for each bound, which fair_or_fast.gp plots:
 * the sections per millisecond, and the longest time that a thread waited.
 *
 *     example_fair_or_fast > fair.txt
 *     gnuplot -e "data='fair.txt'; picture='fair.svg'" fair_or_fast.gp
 *
 * Checked: no section is lost, and no two run at the same time. */
#include <rouse/blocking.h>
#include <rouse/mutex.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

enum { THREADS = 8, ROUND_MS = 100 };

static rouse_mutex mutex;
static unsigned long long sections; /* the mutex guards it */
static atomic_bool stop;

typedef struct worker {
    pthread_t thread;
    unsigned long long sections;
    uint64_t longest_ns;
} worker;

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
    }
    return NULL;
}

static void round_with(uint32_t bound) {
    worker workers[THREADS] = {0};
    rouse_thread_waiter timer; /* nobody wakes it */
    rouse_status outcome;
    uint64_t longest = 0;
    unsigned long long sum = 0;
    uint64_t start;
    double ms;
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
    (void)rouse_thread_waiter_await_until(&timer, start + ROUND_MS * UINT64_C(1000000), &outcome);
    atomic_store(&stop, true);
    for (int i = 0; i < THREADS; i++) {
        (void)pthread_join(workers[i].thread, NULL);
        sum += workers[i].sections;
        longest = workers[i].longest_ns > longest ? workers[i].longest_ns : longest;
    }
    ms = (double)(rouse_now_ns() - start) / 1e6;
    printf("%u %.0f %.3f\n", (unsigned)bound, (double)sum / ms, (double)longest / 1e6);
    if (sum != sections) {
        fprintf(stderr, "%llu sections, and %llu were counted\n", sum, sections);
        exit(1);
    }
    rouse_thread_waiter_destroy(&timer);
    rouse_mutex_destroy(&mutex);
}

int main(void) {
    static const uint32_t bounds[] = {0, 1, 4, 16, 64, 256, 1024, ROUSE_BYPASS, 16384};
    printf("# bound, sections a ms, longest wait in ms\n");
    for (size_t i = 0; i < sizeof bounds / sizeof bounds[0]; i++) {
        round_with(bounds[i]);
    }
    return 0;
}
