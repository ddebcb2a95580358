/* seqcst.c: RC11's axiom for seq_cst: the relation psc has no cycle.
 *
 *   scb = sb  u  sb|other-location ; hb ; sb|other-location  u  hb|same-location  u  mo  u  rb
 *   psc = ([SC] u [F];hb?) ; scb ; ([SC] u hb?;[F])   u   [F] ; (hb u hb;eco;hb) ; [F]
 *
 * (SC: seq_cst events, F: seq_cst fences, sb: program order, mo: modification order, rb: a read before the
 * writes behind its source, eco: the transitive closure of reads-from, mo and rb.)
 *
 * The checker looks at the axiom after an event that has successors in the graph: a read of a stale value,
 * or a write that is not the newest. Any other new event ends all paths that reach it, so it closes no
 * cycle. Without fences psc has an edge only where scb has one between seq_cst events. Then a search for a
 * way back to the new event's thread suffices (search_accesses). With fences the checker computes the
 * relations as they are written above (by_definition). The checker's own tests compare the two on every
 * graph that has no fence. */
#include "checker.h"

#include <stdlib.h>

static bool writes(const struct event *e) {
    return e->kind == EVENT_WRITE || e->kind == EVENT_RMW || e->kind == EVENT_INIT;
}
static bool is_memory(const struct event *e) {
    return e->kind <= EVENT_RMW;
}
static bool happens_before(const struct event *a, const struct event *b) {
    return a != b && b->time != 0 && (a->time == 0 || a->time <= b->known.at[a->thread]);
}
static bool program_order(const struct event *a, const struct event *b) {
    return a->time != 0 && b->time != 0 && a->thread == b->thread && a->time < b->time;
}
static bool same_place(const struct event *a, const struct event *b) {
    return is_memory(a) && is_memory(b) && a->place == b->place;
}
static bool modified_before(int a, int b) {
    return writes(&mc->event[a]) && writes(&mc->event[b]) && mc->mo[a].rank < mc->mo[b].rank;
}
static bool read_before(int a, int b) {
    return a != b && mc->event[a].source >= 0 && writes(&mc->event[b]) &&
           mc->mo[mc->event[a].source].rank < mc->mo[b].rank;
}

/* ---- without fences ---------------------------------------------------------------------------------------- */

/* The nearest event of the same thread, in direction `step`, at another location. */
static const struct event *neighbour(int event, int step) {
    const struct event *const e = &mc->event[event];
    for (int i = event + step; i >= 0 && i < X->events; i += step) {
        const struct event *const other = &mc->event[i];
        if (other->time != 0 && other->thread == e->thread && !same_place(e, other)) {
            return other;
        }
    }
    return NULL;
}

static bool edge(int a, int b) {
    const struct event *const from = &mc->event[a];
    const struct event *const to = &mc->event[b];
    const struct event *leave;
    const struct event *arrive;
    if (program_order(from, to)) {
        return true;
    }
    if (same_place(from, to) && (happens_before(from, to) || modified_before(a, b) || read_before(a, b))) {
        return true;
    }
    leave = neighbour(a, 1);
    arrive = neighbour(b, -1);
    return leave != NULL && arrive != NULL && happens_before(leave, arrive);
}

/* Depth-first from the newest event: does a path lead back to it? */
static bool search_accesses(int newest) {
    int16_t stack[EVENTS];
    bool visited[EVENTS];
    int depth = 0;
    memset(visited, 0, sizeof visited[0] * (size_t)X->events);
    stack[depth++] = (int16_t)newest;
    while (depth > 0) {
        const int at = stack[--depth];
        for (int i = 0; i < X->events; i++) {
            if (mc->event[i].order != SEQ_CST || mc->event[i].time == 0 || visited[i] || i == at ||
                !is_memory(&mc->event[i]) || !edge(at, i)) {
                continue;
            }
            if (i == newest) {
                return false;
            }
            visited[i] = true;
            stack[depth++] = (int16_t)i;
        }
    }
    return true;
}

/* ---- by definition ----------------------------------------------------------------------------------------- */

enum { WORDS = (EVENTS + 63) / 64 };
typedef uint64_t row[WORDS];
typedef row relation[EVENTS];

static int words_used(void) {
    return (X->events + 63) / 64;
}
static void put(row r, int i) {
    r[i / 64] |= (uint64_t)1 << (i % 64);
}
static bool has(const row r, int i) {
    return (r[i / 64] >> (i % 64) & 1) != 0;
}
static void add_row(row to, const row from) {
    for (int i = 0; i < words_used(); i++) {
        to[i] |= from[i];
    }
}
/* to += the union of the rows of r that `from` names: the image of a set under a relation. */
static void add_image(row to, const row from, row *r) {
    for (int i = 0; i < X->events; i++) {
        if (has(from, i)) {
            add_row(to, r[i]);
        }
    }
}
static void keep(row r, const row mask) {
    for (int i = 0; i < words_used(); i++) {
        r[i] &= mask[i];
    }
}
static void close_transitively(row *r) {
    for (int k = 0; k < X->events; k++) {
        for (int i = 0; i < X->events; i++) {
            if (has(r[i], k)) {
                add_row(r[i], r[k]);
            }
        }
    }
}

void seqcst_setup(void) {
    mc->scratch = malloc(5 * sizeof(relation));
}

static bool by_definition(void) {
    relation *const space = mc->scratch;
    row *const hb = space[0], *const eco = space[1], *const scb = space[2], *const leave = space[3],
               *const psc = space[4];
    row sc = {0}, fences = {0};
    const int n = X->events;
    for (int i = 0; i < n; i++) {
        memset(hb[i], 0, sizeof(row));
        memset(eco[i], 0, sizeof(row));
        memset(scb[i], 0, sizeof(row));
        memset(leave[i], 0, sizeof(row));
        memset(psc[i], 0, sizeof(row));
    }
    for (int i = 0; i < n; i++) {
        const struct event *const a = &mc->event[i];
        if (a->order == SEQ_CST && a->time != 0) {
            put(sc, i);
            if (a->kind == EVENT_FENCE) {
                put(fences, i);
            }
        }
        for (int j = 0; j < n; j++) {
            const struct event *const b = &mc->event[j];
            if (happens_before(a, b)) {
                put(hb[i], j);
            }
            if (program_order(a, b)) {
                put(scb[i], j);
                if (!same_place(a, b)) {
                    put(leave[i], j);
                }
            }
            if (i == j || !same_place(a, b)) {
                continue;
            }
            if (modified_before(i, j) || read_before(i, j)) {
                put(eco[i], j);
                put(scb[i], j);
            }
            if (b->source == i) {
                put(eco[i], j);
            }
            if (happens_before(a, b)) {
                put(scb[i], j);
            }
        }
    }
    close_transitively(eco);
    for (int i = 0; i < n; i++) {
        row inner = {0};
        add_image(inner, leave[i], hb);
        add_image(scb[i], inner, leave);
    }
    for (int i = 0; i < n; i++) {
        row start = {0}, reached = {0}, onward = {0};
        if (!has(sc, i)) {
            continue;
        }
        put(start, i);
        if (has(fences, i)) {
            add_row(start, hb[i]);
        }
        add_image(reached, start, scb);
        add_image(onward, reached, hb);
        keep(onward, fences);
        keep(reached, sc);
        add_row(psc[i], reached);
        add_row(psc[i], onward);
        if (has(fences, i)) {
            row communicated = {0}, end = {0};
            add_image(communicated, hb[i], eco);
            add_image(end, communicated, hb);
            add_row(end, hb[i]);
            keep(end, fences);
            add_row(psc[i], end);
        }
    }
    close_transitively(psc);
    for (int i = 0; i < n; i++) {
        if (has(psc[i], i)) {
            return false;
        }
    }
    return true;
}

/* Is the graph consistent, if it was before its newest event? */
bool seqcst_consistent(void) {
    const int newest = X->events - 1;
    const struct event *const e = &mc->event[newest];
    bool fences = false;
    bool ok;
    if (!is_memory(e) || e->time == 0) {
        return true;
    }
    if (mc->mo[e->kind == EVENT_READ ? e->source : newest].after < 0) {
        return true;
    }
    for (int i = 0; i < X->events && !fences; i++) {
        fences = mc->event[i].kind == EVENT_FENCE && mc->event[i].order == SEQ_CST;
    }
    if (fences) {
        return by_definition();
    }
    ok = e->order != SEQ_CST || search_accesses(newest);
    if ((mc->scenario->flags & MC_CROSS_CHECK) != 0 && ok != by_definition()) {
        fprintf(stderr, "model: the two checks of seq_cst disagree\n");
        abort();
    }
    return ok;
}
