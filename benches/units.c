/* benches/units.c: what the two programs that run the benchmarks share: the units that
 * have registered, a second thread, and memory. */
#include "units.h"

#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_UNITS = 256 };

static bench_registrar *units[MOST_UNITS];
static int unit_count;

void bench_at_start(bench_registrar *registrar) {
    if (unit_count == MOST_UNITS) {
        bench_die("too many units");
    }
    units[unit_count++] = registrar;
}
void units_register(void) {
    for (int i = 0; i < unit_count; i++) {
        units[i]();
    }
}

static sem_t at_the_end;
static pthread_t idle;

static void *idle_thread(void *unused) {
    (void)unused;
    while (sem_wait(&at_the_end) != 0) {
    }
    return NULL;
}
void units_second_thread(void) {
    sem_init(&at_the_end, 0, 0);
    if (pthread_create(&idle, NULL, idle_thread, NULL) != 0) {
        bench_die("no thread");
    }
}
void units_end_second_thread(void) {
    sem_post(&at_the_end);
    (void)pthread_join(idle, NULL);
}

void *bench_alloc(size_t size) {
    enum { LINE = 64 };
    const size_t rounded = size == 0 ? LINE : (size + LINE - 1) / LINE * LINE;
    void *const memory = aligned_alloc(LINE, rounded);
    if (memory == NULL) {
        bench_die("out of memory");
    }
    memset(memory, 0, rounded);
    return memory;
}
