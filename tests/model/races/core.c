/* core.c: the core of LOCKFREE in two hundred lines, as the example to read before
 * rouse/detail/queue/lockfree.
 *
 * A ticket is a waiter, and what the waiter lacks is in its cell. Credit is in the word only while nobody
 * waits. This example leaves out segments (the cells are an array, each used once), hints (a waker looks at
 * every cell), close and wake_all. It also leaves out the destruction of the queue by the granted thread.
 * `next` has all its bits in the word.
 *
 *   word                     from                    when
 *   EMPTY, credit, next      EMPTY                   credit is given or taken
 *                            QUEUE                   a waker finds nobody left
 *                            FIRST, next - 1         the credit was enough for that waiter
 *   FIRST, credit, next      EMPTY, credit > 0       the credit goes to the waiter that has claimed cell `next`
 *   QUEUE, next              EMPTY or QUEUE, next-1  a ticket is issued
 *                            FIRST, next - 1         its waiter has the credit, and lacks more
 *
 *   cell:   FREE --> CLAIMED --> ARRIVED --> DONE          a waker has served it, and wakes it
 *                      |  |         +------> CANCELLED     its canceller has it
 *                      |  +--> GIVEN                       as CLAIMED, with the credit of FIRST
 *                      +-----> TOKEN                       served before it arrived: its wait answers ROUSE_OK
 *
 * Every step is one compare-and-swap. If several threads try the same step, one of them makes it, because
 * the word and each cell only go forward. A thread that stops between two steps holds no permit and delays
 * no other thread. A thread that needs what it left finishes it. */
#include "mc.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum { CELLS = 4 };
enum { EMPTY, FIRST, QUEUE };
enum { FREE, CLAIMED, GIVEN, ARRIVED, TOKEN, DONE, CANCELLED }; /* from TOKEN on it is resolved */
enum answer { NOT_ASKED, PENDING, GRANTED, WITHDRAWN };

typedef struct waiter {
    uint32_t asked, ticket;
    enum answer answer;
    bool woken; /* plain: two wakes are a data race, if not seen otherwise */
} waiter;

static _Atomic uint32_t word;
static struct cell {
    _Atomic uint32_t word;
    waiter *_Atomic waiter; /* written before ARRIVED, which publishes it */
} cells[CELLS];

static uint32_t word_of(uint32_t mode, uint32_t credit, uint32_t next) {
    return mode | credit << 2 | next << 16;
}
static uint32_t mode_of(uint32_t w) {
    return w & 3;
}
static uint32_t credit_of(uint32_t w) {
    return (w >> 2) & 0x3fff;
}
static uint32_t next_of(uint32_t w) {
    return w >> 16;
}
static uint32_t cell_of(uint32_t state, uint32_t lacks) {
    return state | lacks << 3;
}
static uint32_t state_of(uint32_t cell) {
    return cell & 7;
}
static uint32_t lacks_of(uint32_t cell) {
    return cell >> 3;
}

static uint32_t look(_Atomic uint32_t *at) {
    return atomic_load_explicit(at, memory_order_acquire);
}
/* Release: a thread that reads what is written sees what this thread did. Acquire: this thread sees what
 * led to it. */
static bool change(_Atomic uint32_t *at, uint32_t *from, uint32_t to) {
    return atomic_compare_exchange_strong_explicit(at, from, to, memory_order_acq_rel, memory_order_acquire);
}

/* `seen` is FIRST. First the cell gets the credit, once, because a GIVEN cell is not CLAIMED. Then the
 * word drops it. */
static void settle(uint32_t seen) {
    const uint32_t credit = credit_of(seen), next = next_of(seen);
    uint32_t cell = look(&cells[next].word);
    while (state_of(cell) == CLAIMED) {
        const uint32_t lacks = lacks_of(cell);
        const uint32_t to = lacks > credit ? cell_of(GIVEN, lacks - credit) : cell_of(TOKEN, lacks);
        if (change(&cells[next].word, &cell, to)) {
            cell = to;
        }
    }
    if (state_of(cell) == GIVEN) {
        (void)change(&word, &seen, word_of(QUEUE, 0, next + 1));
    } else if (state_of(cell) == TOKEN) {
        (void)change(&word, &seen, word_of(EMPTY, credit - lacks_of(cell), next + 1));
    } /* else another has settled it, and its waiter has gone on */
}

/* Issues `ticket`, whose cell is claimed, unless another thread has. The waiter calls this, or a thread
 * that needs the next ticket. */
static void issue(uint32_t ticket) {
    uint32_t seen = look(&word);
    while (next_of(seen) == ticket) {
        if (mode_of(seen) == FIRST) {
            settle(seen);
        } else if (mode_of(seen) == EMPTY && credit_of(seen) != 0) {
            (void)change(&word, &seen, word_of(FIRST, credit_of(seen), ticket));
        } else {
            (void)change(&word, &seen, word_of(QUEUE, 0, ticket + 1));
        }
        seen = look(&word);
    }
}

/* True: it has n at once. False: it has claimed the cell of w->ticket. A cell is FREE only until its ticket is issued,
 * so the claim fails if the word has moved on. */
static bool take_or_claim(waiter *w, uint32_t n) {
    w->asked = n;
    w->answer = PENDING;
    for (;;) {
        uint32_t seen = look(&word);
        uint32_t cell;
        if (mode_of(seen) == FIRST) {
            settle(seen);
        } else if (mode_of(seen) == EMPTY && credit_of(seen) >= n) {
            if (change(&word, &seen, word_of(EMPTY, credit_of(seen) - n, next_of(seen)))) {
                w->answer = GRANTED;
                return true;
            }
        } else {
            w->ticket = next_of(seen);
            cell = look(&cells[w->ticket].word);
            if (state_of(cell) == FREE && change(&cells[w->ticket].word, &cell, cell_of(CLAIMED, n))) {
                return false;
            }
            issue(w->ticket); /* another's: first it gets its ticket */
        }
    }
}
/* The rest of a wait. */
static void arrive(waiter *w) {
    struct cell *const c = &cells[w->ticket];
    uint32_t cell;
    issue(w->ticket); /* from here on it is queued */
    atomic_store_explicit(&c->waiter, w, memory_order_relaxed);
    cell = look(&c->word);
    while (state_of(cell) != TOKEN) {
        if (change(&c->word, &cell, cell_of(ARRIVED, lacks_of(cell)))) {
            return;
        }
    }
    w->answer = GRANTED;
}
static void wait_for(waiter *w, uint32_t n) {
    if (!take_or_claim(w, n)) {
        arrive(w);
    }
}

/* Gives n to the oldest, and what is left to the word. */
static void give(uint32_t n) {
    while (n != 0) {
        uint32_t seen = look(&word);
        uint32_t ticket = 0, cell = 0;
        if (mode_of(seen) == FIRST) {
            settle(seen);
            continue;
        }
        for (; mode_of(seen) == QUEUE && ticket < next_of(seen); ticket++) {
            cell = look(&cells[ticket].word);
            if (state_of(cell) < TOKEN) {
                break;
            }
        }
        if (mode_of(seen) == EMPTY || ticket == next_of(seen)) {
            /* Fails if a ticket has been issued since: nobody is missed, and credit is nowhere else. */
            if (change(&word, &seen, word_of(EMPTY, credit_of(seen) + n, next_of(seen)))) {
                return;
            }
        } else if (lacks_of(cell) > n) {
            if (change(&cells[ticket].word, &cell, cell_of(state_of(cell), lacks_of(cell) - n))) {
                return;
            }
        } else {
            const bool arrived = state_of(cell) == ARRIVED;
            waiter *const w = atomic_load_explicit(&cells[ticket].waiter, memory_order_relaxed);
            if (change(&cells[ticket].word, &cell, cell_of(arrived ? DONE : TOKEN, lacks_of(cell)))) {
                n -= lacks_of(cell);
                if (arrived) {
                    mc_assert(!w->woken);
                    w->woken = true;
                }
            }
        }
    }
}

/* What it had been given goes to the waiters behind it. */
static void cancel(waiter *w) {
    uint32_t cell = look(&cells[w->ticket].word);
    while (w->answer == PENDING && state_of(cell) == ARRIVED) {
        if (change(&cells[w->ticket].word, &cell, cell_of(CANCELLED, 0))) {
            w->answer = WITHDRAWN;
            give(w->asked - lacks_of(cell));
        }
    }
}

/* ---- scenarios ------------------------------------------------------------------------------------------------------ */

static waiter guests[3];
#define A (&guests[0])
#define B (&guests[1])
#define C (&guests[2])

static void start(uint32_t credit) {
    atomic_init(&word, word_of(EMPTY, credit, 0));
    for (int i = 0; i < CELLS; i++) {
        atomic_init(&cells[i].word, cell_of(FREE, 0));
        atomic_init(&cells[i].waiter, NULL);
    }
    memset(guests, 0, sizeof guests);
    mc_name(&word, sizeof word, "word");
    mc_name(cells, sizeof cells, "cells");
}
static bool granted(const waiter *w) {
    mc_assert(!w->woken || w->answer == PENDING);
    return w->woken || w->answer == GRANTED;
}
static bool waiting(const waiter *w) {
    return w->answer == PENDING && !w->woken;
}
/* Each permit is held, or part of what the oldest waiter has been given, or stored while nobody waits. */
static void conserved(uint32_t put_in) {
    const uint32_t seen = look(&word);
    uint32_t have = mode_of(seen) == EMPTY ? credit_of(seen) : 0, queued = 0;
    mc_assert(mode_of(seen) != FIRST);
    for (uint32_t ticket = 0; ticket < next_of(seen); ticket++) {
        const uint32_t cell = look(&cells[ticket].word);
        if (state_of(cell) < TOKEN) {
            const waiter *const w = atomic_load_explicit(&cells[ticket].waiter, memory_order_relaxed);
            mc_assert(state_of(cell) == ARRIVED && waiting(w) && lacks_of(cell) > 0);
            mc_assert(queued == 0 || lacks_of(cell) == w->asked);
            have += w->asked - lacks_of(cell);
            queued++;
        }
    }
    mc_assert(queued == 0 || mode_of(seen) == QUEUE);
    for (int i = 0; i < 3; i++) {
        have += granted(&guests[i]) ? guests[i].asked : 0;
        queued -= waiting(&guests[i]) ? 1 : 0;
    }
    mc_assert(queued == 0 && have == put_in);
}

static void wait_1(void *w) {
    wait_for(w, 1);
}
static void wait_2(void *w) {
    wait_for(w, 2);
}
static void give_1(void *unused) {
    (void)unused;
    give(1);
}
static void give_2(void *unused) {
    (void)unused;
    give(2);
}
static void cancel_it(void *w) {
    cancel(w);
}
static void go_on(void *w) {
    arrive(w);
}
static void run(void (*first)(void *), void *a, void (*second)(void *), void *b, void (*third)(void *),
                void *c) {
    mc_thread(first, a);
    mc_thread(second, b);
    if (third != NULL) {
        mc_thread(third, c);
    }
    mc_join_all();
}

static void two_wait_give(void) {
    start(0);
    run(wait_1, A, wait_1, B, give_2, NULL);
    conserved(2);
    mc_assert(granted(A) && granted(B));
}
static void several(void) {
    start(0);
    run(wait_2, A, wait_1, B, give_2, NULL);
    conserved(2);
}
static void two_give(void) {
    start(0);
    wait_2(A);
    run(give_1, NULL, give_1, NULL, wait_1, B);
    conserved(2);
    mc_assert(granted(A) && waiting(B));
}
static void part_is_stored(void) {
    start(1);
    run(wait_2, A, wait_1, B, give_1, NULL);
    conserved(2);
}
static void cancel_give(void) {
    start(0);
    wait_1(A);
    wait_1(B);
    run(cancel_it, A, give_1, NULL, NULL, NULL);
    conserved(1);
    mc_assert(granted(A) != granted(B));
}
static void cancel_part(void) {
    start(0);
    wait_2(A);
    wait_1(B);
    give(1);
    run(cancel_it, A, give_1, NULL, wait_1, C);
    conserved(2);
    mc_assert(granted(A) != granted(B));
}
/* A has claimed its cell and is stopped: no other thread misses anything. */
static void stands_still(void) {
    start(0);
    mc_assert(!take_or_claim(A, 1));
    run(wait_1, B, give_2, NULL, NULL, NULL);
    mc_assert(granted(B) || credit_of(look(&word)) != 0);
    arrive(A);
    conserved(2);
    mc_assert(granted(B));
}
/* The same; what it lacks has come before its ticket. */
static void credit_is_enough(void) {
    start(1);
    mc_assert(!take_or_claim(A, 2));
    run(go_on, A, wait_1, B, give_2, NULL);
    conserved(3);
    mc_assert(granted(A) && granted(B));
}

const mc_scenario mc_scenarios[] = {
    {.name = "two wait, give 2", .body = two_wait_give},
    {.name = "one waits for two, one for one, give 2", .body = several},
    {.name = "a part and a part, wait", .body = two_give},
    {.name = "a part is stored", .body = part_is_stored},
    {.name = "cancel, give", .body = cancel_give},
    {.name = "cancel of one that has a part, give, wait", .body = cancel_part},
    {.name = "one stands still", .body = stands_still},
    {.name = "the credit is enough by now", .body = credit_is_enough},
    {0},
};
