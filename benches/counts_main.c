/* benches/counts_main.c: W8: prints the counts of every backend and is the gate on what an uncontended call may
 * cost: exactly one atomic read-modify-write, no lock, no fence, no allocation. Exit status 1: a call costs more.
 *
 *   rouse_counts           tables
 *   rouse_counts --json    for report.py */
#include "counts.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

op_counts op_count;

int __real_pthread_mutex_lock(pthread_mutex_t *mutex);
int __wrap_pthread_mutex_lock(pthread_mutex_t *mutex);

int __wrap_pthread_mutex_lock(pthread_mutex_t *mutex) {
    op_count.lock++;
    return __real_pthread_mutex_lock(mutex);
}

void *counted_malloc(size_t size) {
    op_count.heap += size;
    return malloc(size);
}

static double share(const count_row *row, uint64_t n) {
    return (double)n / row->per;
}

static bool within_promise(const count_row *row) {
    const op_counts *const c = &row->counts;
    return !row->gated || (c->rmw == row->per && c->lock == 0 && c->fence == 0 && c->heap == 0);
}

static void print_table(const backend_counts *b) {
    printf("%-46s %8s %8s %8s %8s %8s\n", b->backend, "RMW", "loads", "stores", "fences", "locks");
    for (size_t i = 0; i < b->rows; i++) {
        const count_row *const r = &b->row[i];
        printf("  %-44s %8.2f %8.2f %8.2f %8.2f %8.2f%s\n", r->what, share(r, r->counts.rmw),
               share(r, r->counts.load), share(r, r->counts.store), share(r, r->counts.fence),
               share(r, r->counts.lock), within_promise(r) ? "" : "   BROKEN: promised one RMW and no more");
    }
    for (size_t i = 0; i < b->sizes; i++) {
        printf("  %-44s %8.1f bytes\n", b->size[i].what, b->size[i].bytes);
    }
}

static void print_json(const backend_counts *b, bool first) {
    printf("%s\n  \"%s\": {\"operations\": {", first ? "" : ",", b->backend);
    for (size_t i = 0; i < b->rows; i++) {
        const count_row *const r = &b->row[i];
        printf("%s\n    \"%s\": {\"rmw\": %.3f, \"locks\": %.3f, \"gated\": %s, \"kept\": %s}", i ? "," : "",
               r->what, share(r, r->counts.rmw), share(r, r->counts.lock), r->gated ? "true" : "false",
               within_promise(r) ? "true" : "false");
    }
    printf("},\n   \"bytes\": {");
    for (size_t i = 0; i < b->sizes; i++) {
        printf("%s\"%s\": %.2f", i ? ", " : "", b->size[i].what, b->size[i].bytes);
    }
    printf("}}");
}

int main(int argc, char **argv) {
    const bool json = argc > 1 && strcmp(argv[1], "--json") == 0;
    const backend_counts all[] = {count_MUTEX(), count_SPIN(), count_LOCKFREE()};
    size_t gates = 0;
    size_t broken = 0;
    printf("%s", json ? "{" : "");
    for (size_t b = 0; b < sizeof all / sizeof *all; b++) {
        for (size_t i = 0; i < all[b].rows; i++) {
            gates += all[b].row[i].gated;
            broken += !within_promise(&all[b].row[i]);
        }
        if (json) {
            print_json(&all[b], b == 0);
        } else {
            print_table(&all[b]);
        }
    }
    printf("%s", json ? "\n}\n" : "");
    fprintf(stderr, "counts: %zu of %zu promises of one read-modify-write kept\n", gates - broken, gates);
    return broken == 0 ? 0 : 1;
}
