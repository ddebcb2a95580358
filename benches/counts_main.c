/* benches/counts_main.c: W8: prints the counts of every backend, and is the gate on them. Exit status 1: a
 * call costs more than it may.
 *   promised   exactly one atomic read-modify-write, no lock, no fence, no allocation: every uncontended call
 *   LOCAL      none of all that, in any call
 *   pinned     hand-over, queueing, cancelling: no more than the pins below, which were counted when they were last checked
 *   sizes      no more than the bar
 *
 *   rouse_counts           tables
 *   rouse_counts --json    for report.py */
#include "counts.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

op_counts op_count;
unsigned op_core;
bool (*op_locked)(void);

/* ---- lines ---- */

enum { LINES = 4096, LINE = 64 };

/* The cores that have a line; a core that writes is the only one that has it afterwards. */
typedef struct line {
    uintptr_t number;
    uint64_t holders;
} line;

static line lines[LINES];
static uintptr_t word_line;
static uintptr_t own_line;

static uintptr_t line_of(const volatile void *address) {
    return (uintptr_t)address / LINE;
}

void op_lines_watch_(const volatile void *word, const volatile void *own) {
    memset(lines, 0, sizeof lines);
    word_line = line_of(word);
    own_line = line_of(own);
}

static line *find_line(uintptr_t number) {
    size_t i = number % LINES;
    for (size_t tries = 0; lines[i].number != 0 && lines[i].number != number; i = (i + 1) % LINES) {
        if (++tries == LINES) {
            fprintf(stderr, "counts: too many lines\n");
            exit(2);
        }
    }
    lines[i].number = number;
    return &lines[i];
}

void op_line_(const volatile void *address, bool write) {
    const uint64_t me = (uint64_t)1 << op_core;
    line *l;
    if (word_line == 0 || address == NULL || line_of(address) == own_line) {
        return;
    }
    l = find_line(line_of(address));
    if (write ? l->holders != me : (l->holders & me) == 0) {
        const bool moved = l->holders != 0; /* or never touched before */
        op_count.line += moved;
        op_count.serial += moved && (l->number == word_line || (op_locked != NULL && op_locked()));
    }
    l->holders = write ? me : l->holders | me;
}

/* ---- the platform's mutex, and the heap ---- */

static bool mutex_held;

int __real_pthread_mutex_lock(pthread_mutex_t *mutex);
int __wrap_pthread_mutex_lock(pthread_mutex_t *mutex);
int __real_pthread_mutex_unlock(pthread_mutex_t *mutex);
int __wrap_pthread_mutex_unlock(pthread_mutex_t *mutex);

int __wrap_pthread_mutex_lock(pthread_mutex_t *mutex) {
    op_count.lock++;
    mutex_held = true;
    op_line_(mutex, true);
    return __real_pthread_mutex_lock(mutex);
}

int __wrap_pthread_mutex_unlock(pthread_mutex_t *mutex) {
    op_line_(mutex, true);
    mutex_held = false;
    return __real_pthread_mutex_unlock(mutex);
}

bool counted_mutex_held(void) {
    return mutex_held;
}

void *counted_malloc(size_t size) {
    op_count.heap += size;
    return malloc(size);
}

/* ---- the gate ---- */

enum { LOCAL = 3 }; /* among the backends, behind those that have pins */

typedef struct pin {
    const char *what;
    struct {
        double rmw;
        double locks;
    } most[3]; /* MUTEX, SPIN, LOCKFREE */
} pin;

/* LOCKFREE's fractions are the segments: one for every 32 tickets is linked, and taken out. A waiter of one permit that
 * finds others pays two to queue, its ticket and its arrival; one of several claims its cell, too. A release and a cancel
 * pay one each. The bars are 4.3 for the hand-over and 2.2 for a cancel. */
static const pin pins[] = {
    {"acquire that waits, first", {{1, 1}, {2, 0}, {6, 0}}},
    {"release to the only waiter", {{1, 1}, {1, 0}, {1, 0}}},
    {"cancel of the only waiter", {{0, 1}, {1, 0}, {1, 0}}},
    {"release that invites", {{1, 1}, {1, 0}, {1, 0}}},
    {"resume of a beaten waiter", {{1, 1}, {1, 0}, {1, 0}}},
    {"resume", {{1, 1}, {1, 0}, {1, 0}}},
    {"hand-over in a queue of ten: wait + release", {{1, 2}, {2, 0}, {3.25, 0}}},
    {"release to a waiter that releases to another", {{4, 2}, {4, 0}, {4, 0}}},
    {"wait in a crowd of 1000", {{0.001, 1}, {1.001, 0}, {2.12, 0}}},
    {"wait for 5,000 in a crowd of 1000", {{0.001, 1}, {1.001, 0}, {3.12, 0}}},
    {"release of 5,000 that grants", {{1, 1}, {1, 0}, {1.16, 0}}},
    {"notify_all to 1000, per waiter", {{0.001, 0.001}, {0.001, 0}, {1.13, 0}}},
    {"cancel in a crowd of 1000, oldest first", {{0, 1}, {1, 0}, {1.13, 0}}},
    {"cancel in a crowd of 1000, newest first", {{0, 1}, {1, 0}, {1.13, 0}}},
    {"acquire + release, nobody waits, another core before", {{2, 0}, {2, 0}, {2, 0}}},
    {"acquire + release past an invited waiter, another core before", {{2, 0}, {2, 0}, {2, 0}}},
    {"release that grants, 2 cores", {{1, 1}, {1, 0}, {1.07, 0}}},
    {"wait, 2 cores", {{1, 1}, {2, 0}, {2.22, 0}}},
    {"release that grants, 4 cores", {{1, 1}, {1, 0}, {1.17, 0}}},
    {"wait, 4 cores", {{0, 1}, {1, 0}, {2.1, 0}}},
    {"release that grants, 16 cores", {{1, 1}, {1, 0}, {1.17, 0}}},
    {"wait, 16 cores", {{0, 1}, {1, 0}, {2.1, 0}}},
    {"release that grants, 64 cores", {{1, 1}, {1, 0}, {1.17, 0}}},
    {"wait, 64 cores", {{0, 1}, {1, 0}, {2.1, 0}}},
    {"event wait, set", {{0, 0}, {0, 0}, {0, 0}}},
    {"limit give_back to a waiter", {{1, 0}, {1, 0}, {2, 0}}},
    {"once begin, done", {{0, 0}, {0, 0}, {0, 0}}},
    {"channel send, room", {{0, 1}, {1, 0}, {1, 0}}},
    {"channel receive", {{0, 1}, {1, 0}, {1, 0}}},
    {"condvar signal, nobody waits", {{0, 1}, {1, 0}, {1, 0}}},
    {"condvar wait, with its unlock", {{1, 1}, {2, 0}, {2, 0}}},
    {"condvar signal, the mutex is free", {{1, 1}, {2, 0}, {2, 0}}},
    {"condvar signal, the mutex is held", {{1, 2}, {2, 0}, {7, 0}}},
};

static double share(const count_row *row, uint64_t n) {
    return (double)n / row->per;
}

static const pin *pin_of(const count_row *row) {
    for (size_t i = 0; i < sizeof pins / sizeof *pins; i++) {
        if (strcmp(pins[i].what, row->what) == 0) {
            return &pins[i];
        }
    }
    return NULL;
}

/* What is wrong with a row; NULL: nothing. A row that is neither promised nor pinned is wrong too. */
static const char *fault(const count_row *row, size_t backend) {
    const op_counts *const c = &row->counts;
    const pin *const p = pin_of(row);
    if (backend == LOCAL) {
        return c->rmw == 0 && c->lock == 0 && c->fence == 0 && c->heap == 0
                   ? NULL
                   : "BROKEN: promised no such thing";
    }
    if (row->gated) {
        return c->rmw == row->per && c->lock == 0 && c->fence == 0 && c->heap == 0
                   ? NULL
                   : "BROKEN: promised one RMW and no more";
    }
    if (p == NULL) {
        return "BROKEN: not pinned";
    }
    return share(row, c->rmw) <= p->most[backend].rmw && share(row, c->lock) <= p->most[backend].locks
               ? NULL
               : "BROKEN: more than its pin in counts_main.c";
}

static size_t faults(const backend_counts *b, size_t backend) {
    size_t count = 0;
    for (size_t i = 0; i < b->rows; i++) {
        count += fault(&b->row[i], backend) != NULL;
    }
    for (size_t i = 0; i < b->sizes; i++) {
        count += b->size[i].bytes > b->size[i].most;
    }
    return count;
}

/* ---- output ---- */

static void print_table(const backend_counts *b, size_t backend) {
    printf("%-52s %7s %7s %7s %7s %7s %7s\n", b->backend, "RMW", "loads", "stores", "locks", "lines",
           "serial");
    for (size_t i = 0; i < b->rows; i++) {
        const count_row *const r = &b->row[i];
        const char *const wrong = fault(r, backend);
        printf("  %-50s %7.2f %7.2f %7.2f %7.2f %7.2f %7.2f  %s\n", r->what, share(r, r->counts.rmw),
               share(r, r->counts.load), share(r, r->counts.store), share(r, r->counts.lock),
               share(r, r->counts.line), share(r, r->counts.serial), wrong == NULL ? "" : wrong);
    }
    for (size_t i = 0; i < b->sizes; i++) {
        printf("  %-50s %7.1f bytes%s\n", b->size[i].what, b->size[i].bytes,
               b->size[i].bytes > b->size[i].most ? "  BROKEN: above its bar" : "");
    }
}

static void print_json(const backend_counts *b, size_t backend) {
    printf("%s\n  \"%s\": {\"operations\": {", backend == 0 ? "" : ",", b->backend);
    for (size_t i = 0; i < b->rows; i++) {
        const count_row *const r = &b->row[i];
        printf("%s\n    \"%s\": {\"rmw\": %.3f, \"locks\": %.3f, \"lines\": %.3f, \"serial\": %.3f, "
               "\"gated\": %s, \"kept\": %s}",
               i ? "," : "", r->what, share(r, r->counts.rmw), share(r, r->counts.lock),
               share(r, r->counts.line), share(r, r->counts.serial), r->gated ? "true" : "false",
               fault(r, backend) == NULL ? "true" : "false");
    }
    printf("},\n   \"bytes\": {");
    for (size_t i = 0; i < b->sizes; i++) {
        printf("%s\"%s\": %.2f", i ? ", " : "", b->size[i].what, b->size[i].bytes);
    }
    printf("}}");
}

int main(int argc, char **argv) {
    const bool json = argc > 1 && strcmp(argv[1], "--json") == 0;
    const backend_counts all[] = {count_MUTEX(), count_SPIN(), count_LOCKFREE(), count_LOCAL()};
    size_t checks = 0;
    size_t broken = 0;
    printf("%s", json ? "{" : "");
    for (size_t b = 0; b < sizeof all / sizeof *all; b++) {
        checks += all[b].rows + all[b].sizes;
        broken += faults(&all[b], b);
        if (json) {
            print_json(&all[b], b);
        } else {
            print_table(&all[b], b);
        }
    }
    printf("%s", json ? "\n}\n" : "");
    fprintf(stderr, "counts: %zu of %zu promises, pins and bars kept\n", checks - broken, checks);
    return broken == 0 ? 0 : 1;
}
