/* litmus.c: is the checker's memory model RC11, no more and no less?
 *
 * For each litmus test of litmus_table.h the checker must find the outcome if RC11 allows it, and must not
 * find it if RC11 forbids it. Each test is explored in two ways: by DPOR, and over every order of adding
 * events with a table of the graphs met. Both must find the same number of complete executions. One more
 * would be redundant, one less would be missed. Both checks of the seq_cst axiom must agree on every
 * graph. The number of executions of all tests is pinned. */
#include "mc.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

enum action { END, STORE, LOAD, EXCHANGE, ADD, CAS, FENCE };
enum location { w, x, y, z };
enum reg { r0, r1, r2, r3 };
enum verdict { forbidden, allowed };

struct step {
    enum action action;
    enum location location;
    int value, expected;
    memory_order order;
    enum reg reg;
};
struct condition {
    int thread; /* from 1; 0 if unused, -1 for the location's final value */
    int index, value;
};
struct litmus {
    const char *name;
    struct step thread[4][6];
    struct condition condition[6];
    enum verdict verdict;
};

#define rlx memory_order_relaxed
#define acq memory_order_acquire
#define rel memory_order_release
#define ar  memory_order_acq_rel
#define sc  memory_order_seq_cst
#define W(l, v, o) \
    { STORE, l, v, 0, o, r0 }
#define R(r, l, o) \
    { LOAD, l, 0, 0, o, r }
#define X(r, l, v, o) \
    { EXCHANGE, l, v, 0, o, r }
#define A(r, l, v, o) \
    { ADD, l, v, 0, o, r }
#define C(r, l, e, v, o) \
    { CAS, l, v, e, o, r }
#define F(o) \
    { FENCE, w, 0, 0, o, r0 }
#define REG(t, r, v) \
    { (t) + 1, r, v }
#define FINAL(l, v) \
    { -1, l, v }
#include "litmus_table.h"

static _Atomic int memory[4];
static int registers[4][4];

/* The compiler must see each order as a constant. */
#define WITH_ORDER(o, use) \
    switch (o) {           \
    case rlx:              \
        use(rlx, rlx);     \
        break;             \
    case acq:              \
        use(acq, acq);     \
        break;             \
    case rel:              \
        use(rel, rlx);     \
        break;             \
    case ar:               \
        use(ar, acq);      \
        break;             \
    default:               \
        use(sc, sc);       \
        break;             \
    }

static void do_step(const struct step *s, int *reg) {
    _Atomic int *const at = &memory[s->location];
    int expected = s->expected;
    switch (s->action) {
    case STORE:
#define USE(o, failure) atomic_store_explicit(at, s->value, (o) == acq || (o) == ar ? sc : (o))
        WITH_ORDER(s->order, USE)
        break;
#undef USE
    case LOAD:
#define USE(o, failure) reg[s->reg] = atomic_load_explicit(at, (o) == rel || (o) == ar ? sc : (o))
        WITH_ORDER(s->order, USE)
        break;
#undef USE
    case EXCHANGE:
#define USE(o, failure) reg[s->reg] = atomic_exchange_explicit(at, s->value, o)
        WITH_ORDER(s->order, USE)
        break;
#undef USE
    case ADD:
#define USE(o, failure) reg[s->reg] = atomic_fetch_add_explicit(at, s->value, o)
        WITH_ORDER(s->order, USE)
        break;
#undef USE
    case CAS:
#define USE(o, failure) \
    reg[s->reg] = atomic_compare_exchange_strong_explicit(at, &expected, s->value, o, failure)
        WITH_ORDER(s->order, USE)
        break;
#undef USE
    case FENCE:
#define USE(o, failure) atomic_thread_fence(o)
        WITH_ORDER(s->order, USE)
        break;
#undef USE
    case END:
        break;
    }
}

static void run_thread(void *arg) {
    const long self = (long)arg;
    const struct litmus *const test = mc_argument();
    for (int i = 0; i < 6; i++) {
        do_step(&test->thread[self][i], registers[self]);
    }
}

static void body(void) {
    const struct litmus *const test = mc_argument();
    bool reached = true;
    for (long i = 0; i < 4 && test->thread[i][0].action != END; i++) {
        mc_thread(run_thread, (void *)i);
    }
    mc_join_all();
    for (int i = 0; i < 6; i++) {
        const struct condition *const c = &test->condition[i];
        if (c->thread != 0) {
            reached &= (c->thread < 0 ? memory[c->index] : registers[c->thread - 1][c->index]) == c->value;
        }
    }
    if (reached) {
        mc_reached(0);
    }
}

static int complain(const struct litmus *test, const char *what) {
    printf("FAILED  %s: %s\n", test->name, what);
    return 1;
}

/* With C++20's shorter release sequences one verdict differs. */
static enum verdict verdict_cxx20(const struct litmus *test) {
    return strcmp(test->name, "RelSeq+same-thread-rlx-write") == 0 ? allowed : test->verdict;
}

static int check(const struct litmus *test, uint64_t *executions) {
    mc_scenario scenario = {.name = test->name, .body = body, .argument = test};
    mc_result result;
    uint64_t by_dpor;
    int bad = 0;
    scenario.flags = MC_CROSS_CHECK;
    result = mc_explore(&scenario);
    by_dpor = result.executions;
    *executions += by_dpor;
    bad += result.faulty ? complain(test, result.message) : 0;
    bad += (mc_outcomes() & 1) != verdict_cxx20(test) ? complain(test, "wrong verdict") : 0;
    scenario.flags = MC_EVERY_ORDER;
    result = mc_explore(&scenario);
    bad += (mc_outcomes() & 1) != verdict_cxx20(test) ? complain(test, "wrong verdict over every order") : 0;
    if (result.executions != by_dpor) {
        printf("        %llu executions by DPOR, %llu over every order\n", (unsigned long long)by_dpor,
               (unsigned long long)result.executions);
        bad += complain(test, "DPOR finds another number of executions");
    }
    scenario.flags = MC_C11_RELEASE;
    result = mc_explore(&scenario);
    bad += (mc_outcomes() & 1) != test->verdict ? complain(test, "wrong verdict with C11's release sequences")
                                                : 0;
    return bad;
}

/* Of all tests, with C++20's release sequences. An independent checker finds as many, test by test. */
enum { EXECUTIONS = 1156 };

int main(void) {
    const size_t count = sizeof litmus / sizeof litmus[0];
    uint64_t executions = 0;
    int bad = 0;
    mc_setup();
    for (size_t i = 0; i < count; i++) {
        bad += check(&litmus[i], &executions);
    }
    printf("%zu litmus tests, %llu executions, %d faults\n", count, (unsigned long long)executions, bad);
    if (executions != EXECUTIONS) {
        printf("FAILED  %d executions were expected\n", EXECUTIONS);
        bad++;
    }
    return bad == 0 ? 0 : 1;
}
