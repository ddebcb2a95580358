/* mc.h: the model checker's interface for tests.
 *
 * A test program is a table of scenarios. The checker runs each scenario's body once for every execution that
 * the C11 memory model (RC11) allows. That is every interleaving, every stale value that a load may return,
 * and every order in which stores may become visible. The body starts threads, joins them, and asserts what
 * must hold.
 *
 *     static void body(void) {
 *         mc_thread(first, NULL);
 *         mc_thread(second, NULL);
 *         mc_join_all();
 *         mc_assert(...);
 *     }
 *     const mc_scenario mc_scenarios[] = {{.name = "first against second", .body = body}, {0}};
 *
 * The test and the headers that it includes are compiled with -fsanitize=thread and nothing else. The
 * checker takes the sanitizer's place at link time. It also supplies malloc, free, memset, memcpy,
 * memmove, sched_yield, abort, and the pthread mutex and condition variable. In every execution static
 * data is as it was at program start. */
#ifndef MODEL_MC_H
#define MODEL_MC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What a scenario asks of the checker. */
enum {
    MC_SPURIOUS =
        1, /* a weak compare-and-swap may fail, and a wait on a condition variable may end, for no reason */
    MC_C11_RELEASE =
        2,        /* C11's longer release sequences, in place of C++20's                                */
    MC_REUSE = 4, /* malloc hands out freed memory again, last freed first (ABA); else freed memory rests */
    MC_NO_LEAK_CHECK = 8,
    MC_EVERY_ORDER =
        16, /* all interleavings and a table of known states, in place of DPOR: slow, simple      */
    MC_CROSS_CHECK =
        32, /* compare the two checks of seq_cst (seqcst.c)                                        */
    MC_STACKS =
        64, /* stacks are memory that threads share (a blocked thread's waiter); else they must not be */
    MC_SOAK = 128, /* only in the long run */
    MC_NOMEM = 256 /* while several threads run, any allocation may fail */
};

typedef struct mc_scenario {
    const char *name;
    void (*body)(void);
    unsigned flags;
    int bound; /* most preemptions in one execution, and most weak choices (stale values read, stores put before
                       others); 0: no bound, the search is exhaustive */
    int soak_bound;     /* the bound in the long run; 0: the same as `bound`; MC_NO_BOUND: none */
    const char *expect; /* not NULL: the checker must report a fault whose message contains this            */
    uint64_t
        executions; /* not 0: exactly this many must be found                                           */
    const void *argument;
} mc_scenario;

enum { MC_NO_BOUND = -1 };

extern const mc_scenario mc_scenarios[]; /* ends with a name of NULL */

/* Starts a thread; its number, from 1. At most five at a time besides the body. */
int mc_thread(void (*run)(void *arg), void *arg);
void mc_join_all(void);

/* Any number from 0 to n - 1: every one is tried. */
int mc_choose(int n);

/* Says that outcome k (0 to 63) was reached in some execution. mc_outcomes: those of the last scenario. */
void mc_reached(int k);
uint64_t mc_outcomes(void);

/* The scenario's argument. */
const void *mc_argument(void);

/* A name for memory, for traces. */
void mc_name(const void *address, size_t size, const char *name);

#define mc_assert(condition) ((condition) ? (void)0 : mc_assert_failed(#condition, __FILE__, __LINE__))
_Noreturn void mc_assert_failed(const char *text, const char *file, int line);

/* For the checker's own tests, which run scenarios one by one and look at the result. */
typedef struct mc_result {
    bool faulty;
    char message[400];
    uint64_t executions, /* complete ones, each another execution graph          */
        redundant,       /* begun and found to be known                          */
        refused;         /* begun and found to contradict the order of seq_cst    */
    int threads, events; /* the most in one execution                            */
    double seconds;
} mc_result;
mc_result mc_explore(const mc_scenario *scenario);
void mc_setup(void); /* main.c does it; a program with its own main must */

#endif /* MODEL_MC_H */
