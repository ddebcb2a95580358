/* mix.c: acquire, release, cancel in all pairs and triples, and in fours. Whatever two to four threads do,
 * permits are conserved, a guest that waits is rightly queued, and no guest overtakes.
 *
 * One scenario for each state in which they begin; which calls the threads make is a choice like any
 * other, so all are tried. A thread makes one to three calls. */
#include "support.h"

/* What a thread does. */
enum call {
    ACQUIRE,   /* waits for 1                                      */
    GIVE_UP,   /* waits for 1, then cancels                        */
    ACQUIRE_2, /* waits for 2                                      */
    RELEASE,   /* gives 1                                          */
    TRY,       /* takes 1 if it is there                           */
    CANCEL,    /* cancels one who was queued before                */
    RELEASE_2, /* gives 2                                          */
    PASS,      /* waits for 1, and gives it back if it has it      */
    ROUND,     /* gives 1, waits for 1, cancels                    */
    ALL_CALLS,
    SOME_CALLS = CANCEL + 1 /* the first of them: for threes and fours */
};

struct mix {
    uint32_t credit;
    int queued; /* one by one: A, B                    */
    int passed; /* tickets used up before: LOCKFREE's place in a segment */
    int threads;
    int calls;
};

static uint32_t wants[GUESTS];
static int given, old, next_cancelled;

static void acquire(guest *g, uint32_t n) {
    wants[g - guests] = n;
    enqueue(g, n);
}
static void acquire_1(void *g) {
    acquire(g, 1);
}
static void acquire_2(void *g) {
    acquire(g, 2);
}
static void give_up(void *g) {
    acquire(g, 1);
    take_out(g);
}
static void pass(void *g) {
    acquire(g, 1);
    if (((guest *)g)->answer == ROUSE_OK) {
        ((guest *)g)->answer = NOT_CALLED;
        give(1);
    }
}
static void round_trip(void *g) {
    give(1);
    give_up(g);
}
static void try_one(void *g) {
    wants[(guest *)g - guests] = 1;
    try_1(g);
}

/* False: there is nobody left to cancel. */
static bool start_one(enum call call, guest *g) {
    static void (*const run_it[])(void *) = {
        [ACQUIRE] = acquire_1, [GIVE_UP] = give_up, [ACQUIRE_2] = acquire_2,
        [RELEASE] = give_1,    [TRY] = try_one,     [CANCEL] = cancel,
        [RELEASE_2] = give_2,  [PASS] = pass,       [ROUND] = round_trip};
    if (call == CANCEL) {
        if (next_cancelled == old) {
            return false;
        }
        g = &guests[next_cancelled++];
    }
    given += call == RELEASE || call == ROUND ? 1 : call == RELEASE_2 ? 2 : 0;
    mc_thread(run_it[call], g);
    return true;
}

static void mix(void) {
    const struct mix *const m = mc_argument();
    int held = 0;
    int lack = 0;
    int chosen = 0;
    guests_init(NULL);
    queue_start(m->credit, m->passed);
    given = (int)m->credit;
    old = m->queued;
    next_cancelled = 0;
    for (int i = 0; i < old; i++) {
        acquire(&guests[i], 1);
    }
    for (int i = 0; i < m->threads; i++) {
        chosen += mc_choose(m->calls - chosen); /* not less than the one before: threads are alike */
        if (!start_one((enum call)chosen, &guests[5 + i])) {
            break;
        }
    }
    mc_join_all();
    mc_assert(old < 2 || !waiting(A) || !granted(B)); /* first come, first served */
    for (int i = 0; i < GUESTS; i++) {
        held += granted(&guests[i]) ? (int)wants[i] : 0;
    }
    for (int i = 0; i < GUESTS; i++) {
        lack += waiting(&guests[i]) ? (int)wants[i] : 0;
    }
    mc_assert(rouse_waiter_queue_waiter_count(&queue) == (uint32_t)count(waiting));
    mc_assert(rouse_waiter_queue_balance(&queue) == given - held - lack);
    mc_assert(lack == 0 ||
              given - held < 2); /* only the oldest keeps anybody waiting, for its second permit */
    for (int i = 0; i < GUESTS; i++) {
        if (waiting(&guests[i])) {
            mc_assert(rouse_waiter_queue_cancel(&queue, &guests[i].waiter));
            guests[i].cancelled = 1;
        }
    }
    held = 0;
    for (int i = 0; i < GUESTS; i++) {
        held += granted(&guests[i]) ? (int)wants[i] : 0;
    }
    mc_assert(rouse_waiter_queue_balance(&queue) == given - held);
    queue_finish();
}

#define MIX(...)                                   \
    .body = mix, .argument = &(const struct mix) { \
        __VA_ARGS__                                \
    }
/* Two waiting guests and two calls are many executions with SPIN, too. */
#if ROUSE_BACKEND == ROUSE_BACKEND_SPIN
#    define TWO_QUEUED_BOUND 2
#else
#    define TWO_QUEUED_BOUND LOCKFREE_BOUND(1)
#endif
#define PAIRS(...)      MIX(__VA_ARGS__, 2, ALL_CALLS), .bound = LOCKFREE_BOUND(1), .soak_bound = MC_NO_BOUND
#define PAIRS_MORE(...) MIX(__VA_ARGS__, 2, ALL_CALLS), .bound = TWO_QUEUED_BOUND, .soak_bound = MC_NO_BOUND
#define TRIPLES(credit, queued, passed) \
    MIX(credit, queued, passed, 3, SOME_CALLS), .bound = 1, .soak_bound = 2
#define FOURS(credit, queued, passed) MIX(credit, queued, passed, 4, SOME_CALLS), .bound = 1, .flags = MC_SOAK

const mc_scenario mc_scenarios[] = {
    {.name = "pairs, nobody queued", PAIRS(0, 0, 0)},
    {.name = "pairs, nobody queued: the last cell", PAIRS(0, 0, 1)},
    {.name = "pairs, a permit stored", PAIRS(1, 0, 0)},
    {.name = "pairs, one queued", PAIRS(0, 1, 0)},
    {.name = "pairs, one queued: the last cell", PAIRS(0, 1, 1)},
    {.name = "pairs, two queued", PAIRS_MORE(0, 2, 0)},
    {.name = "pairs, two queued: two segments", PAIRS_MORE(0, 2, 1)},
    {.name = "triples, nobody queued", TRIPLES(0, 0, 0)},
    {.name = "triples, a permit stored", TRIPLES(1, 0, 1)},
    {.name = "triples, one queued", TRIPLES(0, 1, 0)},
    {.name = "triples, two queued", TRIPLES(0, 2, 0)},
    {.name = "triples, two queued: two segments", TRIPLES(0, 2, 1)},
    {.name = "fours, nobody queued", FOURS(0, 0, 0)},
    {.name = "fours, two queued", FOURS(0, 2, 0)},
    {0},
};
