/* reentrant.c: wakes that call back into the objects that woke them, in throughput mode. Random calls on a
 * semaphore and a limit, from outside and from every wake.
 *
 * A wake takes, gives back, cancels, drains the mailbox, runs the deadlines, answers an invitation or leaves
 * it for later. Each waiter is on the heap and is freed the moment its contract gives it back, so a sanitizer
 * sees a later access. Whenever no call is in progress:
 *
 *   permits     in use + free = all there are
 *   no wake is lost: while somebody waits for one, and all invitations are answered, nothing is free
 *   a time-out  gives ROUSE_TIMEDOUT, a cancel ROUSE_CANCELLED, and only to waiters that ran out of time or were cancelled
 *
 * reentrant [ROUNDS [SEED]] */
#include <rouse/deadline.h>
#include <rouse/rouse.h>
#include <rouse/several.h>

#include "../support/random.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static unsigned long long seed = 1;
#define CHECK_CONTEXT "(seed %llu)", seed
#define CHECK_END()   abort()
#include "../support/check.h"

enum { SEMAPHORE, LIMIT, OBJECTS };
enum { GUESTS = 8, MOST = 3 };
enum kind { PLAIN, MAILED, POLLED, TIMED, SEVERAL, KINDS };
enum state { OUT, WAITS, INVITED, IN_HAND };

typedef union block {
    rouse_waiter waiter; /* each begins with one */
    rouse_timed timed;
    rouse_several several;
} block;

static struct guest {
    block *block;
    enum kind kind;
    enum state state;
    int object;
    bool cancelled;
    unsigned long long wait; /* which wait this is */
} guests[GUESTS];

static rouse_semaphore semaphore;
static rouse_limit limit;
static const rouse_step step[] = {{&limit, 1}};
static rouse_mailbox mailbox;
static rouse_deadlines deadlines;
static dice random_calls;
static uint32_t permits[OBJECTS], held[OBJECTS];
static uint64_t now;
static unsigned long long waits;
static int calls_left;

static void call(int depth);
static int depth_of_wakes;

static void calls(void) {
    for (uint32_t n = roll(&random_calls, 3); n != 0 && calls_left > 0; n--) {
        calls_left--;
        depth_of_wakes++;
        call(depth_of_wakes);
        depth_of_wakes--;
    }
}

static void give_back(int object) {
    held[object]--;
    CHECK((object == SEMAPHORE ? rouse_semaphore_release(&semaphore, 1) : rouse_limit_give_back(&limit, 1)) ==
          ROUSE_OK);
}
/* g has its outcome, and its memory is its own again. */
static void over(struct guest *g, rouse_status outcome) {
    CHECK(outcome == ROUSE_OK || (outcome == ROUSE_TIMEDOUT && g->kind == TIMED) ||
          (outcome == ROUSE_CANCELLED && g->cancelled));
    held[g->object] += outcome == ROUSE_OK ? 1 : 0;
    CHECK(g->object == LIMIT || held[SEMAPHORE] <= permits[SEMAPHORE]);
    free(g->block);
    g->block = NULL;
    g->state = OUT;
}
static void answer(struct guest *g, bool wants) {
    rouse_waiter *const w = &g->block->waiter;
    rouse_status status = ROUSE_CANCELLED;
    g->state = IN_HAND;
    if (wants) {
        status =
            g->object == SEMAPHORE ? rouse_semaphore_resume(&semaphore, w) : rouse_limit_resume(&limit, w);
    } else if (g->object == SEMAPHORE) {
        rouse_semaphore_decline(&semaphore, w);
    } else {
        rouse_limit_decline(&limit, w);
    }
    if (status == ROUSE_PENDING) {
        g->state = WAITS;
    } else {
        g->cancelled = g->cancelled || !wants;
        over(g, status);
    }
}
static void told(struct guest *g, rouse_status status) {
    if (status != ROUSE_RETRY) {
        over(g, status);
    } else {
        CHECK(g->kind == PLAIN && g->state == WAITS);
        g->state = INVITED;
        if (roll(&random_calls, 2) == 0) {
            answer(g, roll(&random_calls, 2) == 0);
        }
    }
    calls();
}
static void wake(rouse_waiter *w, rouse_status status) {
    told(rouse_waiter_data(w), status);
}
static void timed_wake(rouse_timed *t, rouse_status status) {
    told(rouse_timed_data(t), status);
}
static void several_wake(rouse_several *s, rouse_status status) {
    told(rouse_several_data(s), status);
}

static void begin(struct guest *g) {
    rouse_status status;
    g->block = malloc(sizeof *g->block);
    CHECK(g->block != NULL);
    g->kind = (enum kind)roll(&random_calls, KINDS);
    g->object = g->kind == SEVERAL ? LIMIT : (int)roll(&random_calls, OBJECTS);
    g->cancelled = false;
    g->wait = ++waits;
    g->state = WAITS;
    if (g->kind == SEVERAL) {
        rouse_several_init(&g->block->several, &mailbox, several_wake, g);
        status = rouse_several_acquire(&g->block->several, step, 1);
    } else if (g->kind == TIMED) {
        const uint64_t until = now + roll(&random_calls, 4);
        rouse_timed_init(&g->block->timed, &deadlines, &mailbox, timed_wake, g);
        status = g->object == SEMAPHORE
                     ? rouse_semaphore_acquire_until(&semaphore, &g->block->timed, 1, until)
                     : rouse_limit_acquire_until(&limit, &g->block->timed, 1, until);
    } else {
        rouse_waiter_init_on(&g->block->waiter, g->kind == MAILED ? &mailbox : NULL,
                             g->kind == POLLED ? NULL : wake, g);
        status = g->object == SEMAPHORE ? rouse_semaphore_acquire(&semaphore, &g->block->waiter, 1)
                                        : rouse_limit_acquire(&limit, &g->block->waiter, 1);
    }
    if (status != ROUSE_PENDING) {
        over(g, status);
    }
}
static void look(struct guest *g) {
    if (g->state == WAITS && g->kind == POLLED && rouse_waiter_status(&g->block->waiter) != ROUSE_PENDING) {
        over(g, rouse_waiter_status(&g->block->waiter));
    }
}
/* What others do in the wakes of a cancel may end the very wait that is being cancelled. */
static void cancel(struct guest *g) {
    const unsigned long long wait = g->wait;
    bool cancelled;
    if (g->state != WAITS) {
        return;
    }
    g->state = IN_HAND;
    g->cancelled = true;
    if (g->kind == SEVERAL) {
        cancelled = rouse_several_cancel(&g->block->several);
    } else if (g->kind == TIMED) {
        cancelled = rouse_timed_cancel(&g->block->timed);
    } else if (g->object == SEMAPHORE) {
        cancelled = rouse_semaphore_cancel(&semaphore, &g->block->waiter);
    } else {
        cancelled = rouse_limit_cancel(&limit, &g->block->waiter);
    }
    if (g->wait != wait || g->state == OUT) {
        CHECK(!cancelled && g->kind == MAILED);
        return;
    }
    g->state = WAITS;
    if (cancelled) {
        over(g, ROUSE_CANCELLED);
    } else if (g->kind == POLLED) {
        look(g);
        CHECK(g->state == OUT);
    } else if ((g->kind == TIMED || g->kind == MAILED) && roll(&random_calls, 2) == 0) {
        CHECK(rouse_mailbox_revoke(&mailbox, &g->block->waiter));
        over(g, rouse_waiter_status(&g->block->waiter));
    }
}

static void call(int depth) {
    struct guest *const g = &guests[roll(&random_calls, GUESTS)];
    const int object = (int)roll(&random_calls, OBJECTS);
    switch (roll(&random_calls, 10)) {
    case 0:
    case 1:
    case 2:
        if (g->state == OUT) {
            begin(g);
        }
        break;
    case 3:
    case 4:
        if (held[object] != 0) {
            give_back(object);
        }
        break;
    case 5:
        cancel(g);
        break;
    case 6:
        (void)rouse_mailbox_drain(&mailbox);
        break;
    case 7:
        now += roll(&random_calls, 3);
        (void)rouse_deadlines_run(&deadlines, now);
        break;
    case 8:
        if (g->state == INVITED) {
            answer(g, roll(&random_calls, 3) != 0);
        } else {
            look(g);
        }
        break;
    default:
        if (depth < 4 && roll(&random_calls, 4) == 0) {
            (void)rouse_run_deferred_wakes();
        } else if (object == SEMAPHORE ? rouse_semaphore_try_acquire(&semaphore, 1)
                                       : rouse_limit_try_acquire(&limit, 1)) {
            held[object]++;
        }
        break;
    }
}

/* Every invited waiter asks, and no wake is on its way: what must be true then. */
static void rest(void) {
    uint32_t waiting[OBJECTS] = {0, 0};
    for (int again = 0; again < 2 * GUESTS; again++) {
        (void)rouse_mailbox_drain(&mailbox);
        for (int i = 0; i < GUESTS; i++) {
            look(&guests[i]);
            if (guests[i].state == INVITED) {
                answer(&guests[i], true);
            }
        }
    }
    for (int i = 0; i < GUESTS; i++) {
        waiting[guests[i].object] += guests[i].state == WAITS ? 1 : 0;
    }
    CHECK(rouse_semaphore_waiter_count(&semaphore) == waiting[SEMAPHORE]);
    CHECK(rouse_limit_waiter_count(&limit) == waiting[LIMIT]);
    CHECK(rouse_limit_in_use(&limit) == held[LIMIT]);
    CHECK(waiting[SEMAPHORE] != 0 ||
          rouse_semaphore_available(&semaphore) + held[SEMAPHORE] == permits[SEMAPHORE]);
    for (int object = 0; object < OBJECTS; object++) {
        CHECK(waiting[object] == 0 || held[object] == permits[object]);
    }
}

static void play(void) {
    const uint32_t bypass = 1 + roll(&random_calls, 3);
    now = 0;
    for (int object = 0; object < OBJECTS; object++) {
        permits[object] = 1 + roll(&random_calls, MOST);
        held[object] = 0;
    }
    CHECK(rouse_semaphore_init_throughput(&semaphore, permits[SEMAPHORE], bypass) == ROUSE_OK);
    CHECK(rouse_limit_init_throughput(&limit, permits[LIMIT], UINT32_MAX, bypass) == ROUSE_OK);
    rouse_mailbox_init(&mailbox, NULL, NULL);
    rouse_deadlines_init(&deadlines);
    for (int n = 0; n < 40; n++) {
        calls_left = 12;
        call(0);
        if (n % 8 == 7) {
            calls_left = 0;
            rest();
        }
    }
    calls_left = 0;
    for (bool busy = true; busy;) {
        busy = false;
        rest();
        for (int object = 0; object < OBJECTS; object++) {
            while (held[object] != 0) {
                give_back(object);
                busy = true;
            }
        }
    }
    for (int i = 0; i < GUESTS; i++) {
        CHECK(guests[i].state == OUT);
    }
    CHECK(rouse_deadlines_next(&deadlines) == UINT64_MAX);
    rouse_semaphore_destroy(&semaphore);
    rouse_limit_destroy(&limit);
    rouse_mailbox_destroy(&mailbox);
    rouse_deadlines_destroy(&deadlines);
}

int main(int argc, char **argv) {
    const unsigned long long rounds = argc > 1 ? strtoull(argv[1], NULL, 10) : 5000;
    const unsigned long long first = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
    for (seed = first; seed - first < rounds; seed++) {
        dice_seed(&random_calls, seed, 0);
        play();
    }
    printf("reentrant: %llu rounds from seed %llu\n", rounds, first);
    return 0;
}
