/* explore.c: which execution comes next.
 *
 * Depth-first search. At a choice the checker copies the whole state. To try another alternative it copies
 * the state back, and the threads continue from there, so it never runs a prefix twice. Of the slots of plain
 * memory few change between two choices: it copies each when it first does, and puts those back.
 *
 * A choice says which thread does its pending load, RMW or lock, and what that reads from. Dynamic
 * partial-order reduction (Flanagan and Godefroid, POPL 2005) keeps the alternatives few. At first one thread
 * is chosen. A thread may later write to the location that was read there. If the write does not depend on
 * that read, the other order matters as well, and the writing thread becomes an alternative at that choice
 * (explore_race). Only the order "read, then write" has to be turned round, because a read that comes after a
 * write may still take an older value.
 *
 * Sleep sets avoid doing things twice. When the checker has tried all that a thread could read at a choice,
 * the thread sleeps in the other alternatives of that choice. It sleeps until there is a write newer than the
 * choice for it to read.
 *
 * With a bound on preemptions (switches away from a thread that could continue) and on weak choices, or
 * with MC_EVERY_ORDER, the search is another one. Every enabled thread is an alternative, no thread
 * sleeps, and a table of the graphs met so far cuts off what is known. The checker's own tests compare the
 * two: both must find the same number of complete executions. */
#include "checker.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>

struct node {
    size_t checkpoint, checkpoint_end, kept;
    bool local;                  /* only this thread's business: a store's place, mc_choose  */
    uint8_t enabled, todo, done; /* threads                                                 */
    int thread, option, options; /* being tried                                             */
    int events;                  /* how many there were                                     */
};

struct kept_slot {
    struct slot slot;
    int index;
};

struct explorer {
    struct node node[NODES];
    int depth;
    int acting; /* the node whose choice is being carried out, -1: there was no choice */
    bool every_order;
    char *store; /* checkpoints, one behind the other */
    size_t stored;
    struct kept_slot *kept; /* slots before they changed, the oldest change first */
    size_t kept_count;
    char *data_at_start;
    uint64_t *known;
    size_t known_count, known_size;
    struct step path[EVENTS];
    const struct step *follow;
    int follow_length;
    struct timespec started;
};

static struct explorer *ex;

enum { STORE_BYTES = 1 << 30, KEPT = 1 << 22 };
extern char __data_start[], _end[]; /* the program's static data */

static unsigned bit(int thread) {
    return 1u << thread;
}
static int lowest(unsigned set) {
    return __builtin_ctz(set);
}

void explore_setup(void) {
    ex = mmap(NULL, sizeof *ex, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ex->store =
        mmap(NULL, STORE_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    ex->kept = mmap(NULL, KEPT * sizeof *ex->kept, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    ex->data_at_start = malloc((size_t)(_end - __data_start));
    memcpy(ex->data_at_start, __data_start, (size_t)(_end - __data_start));
}

/* ---- checkpoints ----------------------------------------------------------------------------------------------- */

/* Calls `copy` for every piece of the state but the slots. The sizes are in the execution itself, which must come first. */
static char *each_piece(char *at, char *(*copy)(char *at, void *piece, size_t size)) {
    at = copy(at, X, sizeof *X);
    at = copy(at, mc->mo, sizeof mc->mo[0] * (size_t)X->events);
    at = copy(at, mc->place, sizeof mc->place[0] * (size_t)X->places);
    at = copy(at, mc->block, sizeof mc->block[0] * (size_t)X->blocks);
    at = copy(at, __data_start, (size_t)(_end - __data_start));
    for (int i = 0; i < X->threads; i++) {
        const struct thread *const t = &X->thread[i];
        char *const top = mc->stacks + (size_t)(i + 1) * STACK_BYTES;
        if (!t->finished) {
            at = copy(at, t->stack_low, (size_t)(top - t->stack_low));
        }
        at = copy(at, arena_of(i), t->heap_used);
    }
    return at;
}
static char *copy_out(char *at, void *piece, size_t size) {
    memcpy(at, piece, size);
    return at + size;
}
static char *copy_in(char *at, void *piece, size_t size) {
    memcpy(piece, at, size);
    return at + size;
}

void explore_keep(int index) {
    if (ex->kept_count == KEPT) {
        fault("an execution has too many choices for the checker");
    }
    ex->kept[ex->kept_count].slot = mc->slot[index];
    ex->kept[ex->kept_count++].index = index;
}

static void save(struct node *node) {
    mc->era++;
    node->kept = ex->kept_count;
    node->checkpoint = ex->stored;
    ex->stored = (size_t)(each_piece(ex->store + ex->stored, copy_out) - ex->store);
    node->checkpoint_end = ex->stored;
    if (ex->stored > STORE_BYTES - (1u << 22)) {
        fault("an execution has too many choices for the checker");
    }
}

static void restore(const struct node *node) {
    (void)each_piece(ex->store + node->checkpoint, copy_in);
    while (ex->kept_count > node->kept) {
        const struct kept_slot *const kept = &ex->kept[--ex->kept_count];
        mc->slot[kept->index] = kept->slot;
    }
    mc->era++;
    ex->stored = node->checkpoint_end;
    if (!ex->every_order && !node->local) {
        for (int i = 0; i < THREADS; i++) {
            if ((node->done & bit(i)) != 0) {
                X->thread[i].sleep_from = node->events;
            }
        }
    }
}

/* ---- known graphs ------------------------------------------------------------------------------------------------ */

static bool insert_known(uint64_t hash) {
    size_t at = (size_t)hash & (ex->known_size - 1);
    while (ex->known[at] != 0 && ex->known[at] != hash) {
        at = (at + 1) & (ex->known_size - 1);
    }
    if (ex->known[at] == hash) {
        return false;
    }
    ex->known[at] = hash;
    ex->known_count++;
    return true;
}

/* Was this graph met before? Now it is known. */
static bool is_known(void) {
    uint64_t hash = memory_hash();
    if (mc->scenario->bound != 0) {
        hash = mix(hash,
                   ((uint64_t)X->preemptions * THREADS + (uint64_t)X->last_thread) * 64 + (uint64_t)X->weak);
    }
    if (ex->known_count * 2 >= ex->known_size) {
        uint64_t *const old = ex->known;
        const size_t old_size = ex->known_size;
        ex->known_size = old_size == 0 ? 1 << 16 : old_size * 2;
        ex->known = calloc(ex->known_size, sizeof *ex->known);
        ex->known_count = 0;
        for (size_t i = 0; i < old_size; i++) {
            if (old[i] != 0) {
                (void)insert_known(old[i]);
            }
        }
        free(old);
    }
    return !insert_known(hash | 1);
}

static void forget_known(void) {
    free(ex->known);
    ex->known = NULL;
    ex->known_count = ex->known_size = 0;
}

/* ---- choices ----------------------------------------------------------------------------------------------------- */

/* A choice that only a weak memory allows: to read a value that is not the newest, to put a store before another. */
static bool is_weak(int thread, int16_t option) {
    const int kind = X->thread[thread].op.kind;
    const int write = option < -1 ? -2 - option : option;
    return (kind == OP_READ || kind == OP_RMW || kind == OP_WRITE) && mc->mo[write].after >= 0;
}

/* A thread's options, without those that were explored before it was put to sleep, and without those that the bound
 * forbids. `all`: how many with the former. */
static int awake_options(int thread, int16_t *options, int *all) {
    const struct thread *const t = &X->thread[thread];
    int count = 0;
    *all = thread_options(thread, options);
    for (int i = 0; i < *all; i++) {
        const int source = options[i] < -1 ? -2 - options[i] : options[i];
        if (mc->scenario->bound > 0 && X->weak >= mc->scenario->bound && is_weak(thread, options[i])) {
            continue;
        }
        if (t->sleep_from == 0 || source >= t->sleep_from) {
            options[count++] = options[i];
        }
    }
    return count;
}

/* The node that the event being added belongs to. */
int explore_node(void) {
    return ex->acting;
}

/* `thread` writes what `earlier` read, without depending on it: let it come first, too. */
void explore_race(int thread, const vclock *caused, const struct event *earlier) {
    if (earlier->thread != thread && earlier->node >= 0 && !ex->every_order &&
        caused->at[earlier->thread] < earlier->time) {
        struct node *const node = &ex->node[earlier->node];
        node->todo |= (node->enabled & bit(thread)) != 0 ? (uint8_t)bit(thread) : node->enabled;
    }
}

static void describe_stuck(char *text, size_t size) {
    static const char *const why[] = {[OP_LOCK] = "for a mutex",
                                      [OP_WAIT] = "for a signal",
                                      [OP_JOIN] = "for the others",
                                      [OP_YIELD] = "for a value to change"};
    size_t used = 0;
    for (int i = 0; i < X->threads; i++) {
        const struct thread *const t = &X->thread[i];
        if (!t->finished && used < size) {
            used += (size_t)snprintf(text + used, size - used, "%s thread %d waits %s", used == 0 ? "" : ",",
                                     i, why[t->op.kind]);
        }
    }
}

/* No thread can continue. */
static void ended(void) {
    for (int i = 0; i < X->threads; i++) {
        if (!X->thread[i].finished) {
            char text[200];
            describe_stuck(text, sizeof text);
            fault("deadlock:%s", text);
        }
    }
    heap_check_leaks();
    mc->result.executions++;
}

static void run_ready(void) {
    for (int i = 0; i < X->threads; i++) {
        if (thread_ready(i)) {
            thread_resume(i);
            i = -1;
        }
    }
}

/* Sets up the next choice in `next`. False: this execution has come to its end, one way or another. */
static bool choose(struct node *next) {
    int16_t options[OPTIONS];
    unsigned awake = 0;
    int all;
    memset(next, 0, sizeof *next);
    for (int i = 0; i < X->threads && !next->local; i++) {
        const struct op *const op = &X->thread[i].op;
        const int count = awake_options(i, options, &all);
        if (!X->thread[i].finished && (op->kind == OP_WRITE || op->kind == OP_CHOOSE)) {
            next->local = true;
            next->enabled = 0;
            awake = 0;
        }
        next->enabled |= (uint8_t)(all != 0 ? bit(i) : 0);
        awake |= count != 0 ? bit(i) : 0;
    }
    if (next->enabled == 0 && threads_time_out()) {
        run_ready();
        return choose(next);
    }
    if (next->enabled == 0) {
        ended();
        return false;
    }
    if (awake == 0) {
        mc->result.redundant++;
        return false;
    }
    if (mc->scenario->bound > 0 && X->preemptions >= mc->scenario->bound &&
        (next->enabled & bit(X->last_thread)) != 0) {
        awake &= bit(X->last_thread);
        next->enabled = (uint8_t)bit(X->last_thread);
    }
    next->thread = (awake & bit(X->last_thread)) != 0 ? X->last_thread : lowest(awake);
    next->todo = ex->every_order ? next->enabled : (uint8_t)bit(next->thread);
    next->events = X->events;
    next->options = awake_options(next->thread, options, &all);
    return true;
}

/* Carries out option `index` of a thread, and lets it run on. False: that leads nowhere new. */
static bool take(const struct node *node, int index, int acting) {
    int16_t options[OPTIONS];
    const int thread = node->thread;
    int all;
    (void)awake_options(thread, options, &all);
    if (ex->follow != NULL) {
        options[index] = ex->follow[X->steps].option;
    }
    ex->path[X->steps++] = (struct step){(int16_t)thread, options[index]};
    X->preemptions += thread != X->last_thread && !node->local && (node->enabled & bit(X->last_thread)) != 0;
    X->last_thread = node->local ? X->last_thread : thread;
    X->weak += is_weak(thread, options[index]);
    ex->acting = acting;
    thread_perform(thread, options[index]);
    if (!seqcst_consistent()) {
        mc->result.refused++;
        return false;
    }
    thread_resume(thread);
    if (ex->every_order && ex->follow == NULL && is_known()) {
        mc->result.redundant++;
        return false;
    }
    return true;
}

/* From the present state to the end of the execution. */
static void run_on(void) {
    struct node next;
    int acting;
    do {
        acting = -1;
        run_ready();
        if (!choose(&next)) {
            return;
        }
        if (ex->follow != NULL) {
            if (X->steps == ex->follow_length) {
                return;
            }
            next.thread = ex->follow[X->steps].thread;
        } else if (next.options > 1 || next.enabled != bit(next.thread)) {
            if (ex->depth == NODES) {
                fault("an execution has too many choices for the checker");
            }
            ex->node[ex->depth] = next;
            save(&ex->node[ex->depth]);
            acting = ex->depth++;
        }
    } while (take(&next, 0, acting));
}

/* Goes back to the youngest choice with an alternative left, and takes it. False: there is none. */
static bool next_branch(void) {
    while (ex->depth > 0) {
        struct node *const node = &ex->node[ex->depth - 1];
        restore(node);
        while (++node->option >= node->options) {
            int16_t options[OPTIONS];
            unsigned left;
            int all;
            node->done |= (uint8_t)bit(node->thread);
            left = node->todo & ~(unsigned)node->done;
            if (left == 0) {
                break;
            }
            if (!ex->every_order && !node->local) {
                X->thread[node->thread].sleep_from = node->events;
            }
            node->thread = lowest(left);
            node->option = -1;
            node->options = awake_options(node->thread, options, &all);
        }
        if (node->option >= node->options) {
            ex->stored = node->checkpoint;
            ex->depth--;
        } else if (take(node, node->option, ex->depth - 1)) {
            return true;
        }
    }
    return false;
}

const struct step *explore_path(int *length) {
    *length = X->steps;
    return ex->path;
}
void explore_follow(const struct step *path, int length) {
    ex->follow = path;
    ex->follow_length = length;
}

static void begin(void) {
    memcpy(__data_start, ex->data_at_start, (size_t)(_end - __data_start));
    forget_known();
    ex->depth = 0;
    ex->stored = 0;
    ex->kept_count = 0;
    mc->era++;
    mc->sharing_changed = false;
    mc->result.executions = mc->result.redundant = mc->result.refused = 0;
    mc->reached = 0;
    threads_reset();
}

static double seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)(now.tv_sec - ex->started.tv_sec) + (double)(now.tv_nsec - ex->started.tv_nsec) / 1e9;
}

static void search(void) {
    unsigned long ends = 0;
    unsigned long restart_at = 0;
    do {
        run_on();
        ends++;
        if ((ends & 255) == 0 && seconds() > mc->limit) {
            mc->sharing_changed = false;
            fault("not finished after %.0f seconds", mc->limit);
        }
        if (mc->sharing_changed && restart_at == 0) {
            restart_at = 2 * ends + 16; /* to learn more at once */
        }
    } while ((restart_at == 0 || ends < restart_at) && ex->follow == NULL && next_branch());
}

/* What counts as shared is learnt on the way (memory.c): each time that it grows, the search starts over. */
void explore(void) {
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ex->started);
    ex->every_order = mc->scenario->bound > 0 || (mc->scenario->flags & MC_EVERY_ORDER) != 0;
    do {
        mc->result.faulty = false;
        if (_setjmp(mc->failed) == 0) {
            begin();
            search();
        }
    } while (mc->sharing_changed && ex->follow == NULL);
    mc->result.seconds = seconds();
}
