/* The waiter queue against a reference: a plain array of waiters and two numbers, with no atomics and no
 * backends.
 *
 *   reference exhaustive DEPTH    every sequence of DEPTH operations on 3 waiters, from credits 0, 1 and 2
 *   reference random OPERATIONS   sequences of 60 operations on 8 waiters whose wakes call the library themselves
 *
 * After each operation the two must agree on what was returned, which waiters were woken with what and in
 * which order, the balance, the number of waiters and every waiter's status. The seed of `random` is
 * printed; ROUSE_TEST_SEED sets it, ROUSE_TEST_SEED=time takes the clock. The first disagreement prints
 * the sequence and ends the program. */
#include "../support/random.h"

#include <rouse/notify.h>
#include <rouse/waiter_queue.h>

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { WAITERS = 8, STEPS = 60, LOG_LENGTH = 4096, NOT_ASKED = -100 };

/* ---- operations -------------------------------------------------------------------------------------------------- */

typedef enum op_kind {
    WAIT,
    ADD_IF, /* n: the look at which the condition is true; 0: never */
    TRY_WAIT,
    WAKE,
    WAKE_ONE,
    WAKE_ALL,
    CANCEL,
    CLOSE,
    NOTIFY_N,  /* n: how many at most                                     */
    GIVE_BACK, /* cap: what may be stored; mutex and limit are made of it */
    SET,       /* event: wake_all and close in one step                   */
    RESET,
    NOTHING
} op_kind;

typedef struct op {
    op_kind kind;
    int waiter;
    uint32_t n;
    uint32_t cap;
} op;

static const char *const op_names[] = {"wait",     "add_waiter_if", "try_wait", "wake",
                                       "wake_one", "wake_all",      "cancel",   "close",
                                       "notify_n", "give_back",     "set",      "reset"};

typedef struct woken {
    int waiter;
    rouse_status status;
} woken;

/* What an operation showed: its answer, the wakes that ran, in order, and the state after it. */
typedef struct outcome {
    int64_t answer;
    int64_t balance;
    uint32_t waiters;
    size_t log_length;
    woken log[LOG_LENGTH];
} outcome;

/* What a waiter's next wake does, once. Both sides learn it before they queue the waiter. */
static op in_wake[WAITERS];

/* ---- the reference ------------------------------------------------------------------------------------------------ */

typedef struct reference {
    int64_t credit;
    bool closed;
    int queued;
    int queue[WAITERS]; /* oldest first */
    uint32_t asked[WAITERS];
    uint32_t lacks[WAITERS];
    rouse_status status[WAITERS]; /* PENDING: queued */
    bool meaningful[WAITERS];     /* a user may look at its status, and cancel it */
} reference;

/* Waiters that have been woken and whose wakes have not run; oldest first. */
typedef struct due_list {
    size_t next;
    size_t length;
    woken due[LOG_LENGTH];
} due_list;

static void ref_unqueue(reference *r, int place) {
    r->queued--;
    for (int i = place; i < r->queued; i++) {
        r->queue[i] = r->queue[i + 1];
    }
}

static void ref_grant(reference *r, int place, rouse_status status, due_list *due) {
    const int w = r->queue[place];
    ref_unqueue(r, place);
    r->status[w] = status;
    due->due[due->length++] = (woken){w, status};
}

static uint32_t ref_give(reference *r, uint32_t n, due_list *due) {
    while (n != 0 && r->queued != 0) {
        uint32_t *const lacks = &r->lacks[r->queue[0]];
        const uint32_t given = n < *lacks ? n : *lacks;
        *lacks -= given;
        n -= given;
        if (*lacks == 0) {
            ref_grant(r, 0, ROUSE_OK, due);
        }
    }
    return n;
}

static int64_t ref_balance(const reference *r) {
    int64_t balance = r->credit;
    for (int i = 0; i < r->queued; i++) {
        balance -= r->lacks[r->queue[i]];
    }
    return balance;
}

static int64_t ref_wait(reference *r, int w, uint32_t n) {
    r->meaningful[w] = false;
    if (n > ROUSE_MAX_PERMITS) {
        return ROUSE_INVALID;
    }
    if (n == 0) {
        return ROUSE_OK;
    }
    if (r->closed) {
        return ROUSE_CLOSED;
    }
    if (r->queued == 0 && r->credit >= n) {
        r->credit -= n;
        return ROUSE_OK;
    }
    r->asked[w] = n;
    r->lacks[w] = n - (uint32_t)r->credit;
    r->credit = 0;
    r->status[w] = ROUSE_PENDING;
    r->meaningful[w] = true;
    r->queue[r->queued++] = w;
    return ROUSE_PENDING;
}

static int64_t ref_add_if(reference *r, int w, uint32_t true_at) {
    int64_t status = ROUSE_OK;
    r->meaningful[w] = false;
    if (true_at != 1) {
        status = ref_wait(r, w, 1);
        if (status == ROUSE_PENDING && true_at == 2) {
            r->queued--;
            r->meaningful[w] = false;
            status = ROUSE_OK;
        }
    }
    return status;
}

static int64_t ref_wake(reference *r, uint32_t n, uint32_t cap, due_list *due) {
    uint32_t rest;
    if (n > ROUSE_MAX_PERMITS || cap > ROUSE_MAX_PERMITS) {
        return ROUSE_INVALID;
    }
    if (cap == ROUSE_MAX_PERMITS && ref_balance(r) + n > ROUSE_MAX_PERMITS) {
        return ROUSE_OVERFLOW;
    }
    rest = ref_give(r, n, due);
    if (r->queued == 0 && r->credit < cap) {
        r->credit = r->credit + rest < cap ? r->credit + rest : cap;
    }
    return ROUSE_OK;
}

static int64_t ref_cancel(reference *r, int w, due_list *due) {
    if (!r->meaningful[w]) {
        return NOT_ASKED;
    }
    for (int place = 0; place < r->queued; place++) {
        if (r->queue[place] == w) {
            ref_unqueue(r, place);
            r->meaningful[w] = false;
            r->credit += ref_give(r, r->asked[w] - r->lacks[w], due);
            return true;
        }
    }
    return false;
}

/* wake_all and close: everybody goes. How many. */
static int64_t ref_sweep(reference *r, rouse_status status, due_list *due) {
    int64_t all = 0;
    while (r->queued != 0) {
        const int w = r->queue[0];
        if (status == ROUSE_CLOSED) {
            r->credit += r->asked[w] - r->lacks[w];
        }
        ref_grant(r, 0, status, due);
        all++;
    }
    r->closed = r->closed || status == ROUSE_CLOSED;
    return all;
}

static int64_t ref_give_back(reference *r, uint32_t n, uint32_t most, due_list *due) {
    if (ref_balance(r) + n > (int64_t)most) {
        return ROUSE_INVALID;
    }
    r->credit += ref_give(r, n, due);
    return ROUSE_OK;
}

static int64_t ref_one(reference *r, op o, due_list *due) {
    const size_t before = due->length;
    const bool closed = r->closed;
    int64_t all;
    switch (o.kind) {
    case WAIT:
        return ref_wait(r, o.waiter, o.n);
    case ADD_IF:
        return ref_add_if(r, o.waiter, o.n);
    case TRY_WAIT:
        if (o.n == 0) {
            return true;
        }
        if (r->closed || r->queued != 0 || r->credit < o.n) {
            return false;
        }
        r->credit -= o.n;
        return true;
    case WAKE:
        return ref_wake(r, o.n, o.cap, due);
    case WAKE_ONE:
        (void)ref_wake(r, 1, 0, due);
        return due->length != before;
    case WAKE_ALL:
        return ref_sweep(r, ROUSE_OK, due);
    case CANCEL:
        return ref_cancel(r, o.waiter, due);
    case CLOSE:
        return ref_sweep(r, ROUSE_CLOSED, due);
    case NOTIFY_N:
        (void)ref_give(r, o.n, due);
        return (int64_t)(due->length - before);
    case GIVE_BACK:
        return ref_give_back(r, o.n, o.cap, due);
    case SET:
        all = ref_sweep(r, ROUSE_OK, due);
        r->closed = true;
        return all;
    case RESET:
        r->closed = false;
        return closed;
    default:
        return 0;
    }
}

/* One operation and, in the order in which they become due, all the wakes that it leads to. */
static void ref_run(reference *r, op o, const op *wakes_do, outcome *seen) {
    static due_list due;
    op then[WAITERS];
    memcpy(then, wakes_do, sizeof then);
    due.next = 0;
    due.length = 0;
    seen->answer = ref_one(r, o, &due);
    while (due.next != due.length) {
        const int w = due.due[due.next++].waiter;
        const op next = then[w];
        then[w].kind = NOTHING;
        (void)ref_one(r, next, &due);
    }
    seen->balance = ref_balance(r);
    seen->waiters = (uint32_t)r->queued;
    seen->log_length = due.length;
    memcpy(seen->log, due.due, due.length * sizeof *due.due);
}

/* ---- the library --------------------------------------------------------------------------------------------------- */

static rouse_waiter_queue queue;
static rouse_waiter waiters[WAITERS];
static bool may_cancel[WAITERS];
static outcome real;

static uint32_t looks;
static bool look(void *arg) {
    return ++looks == *(const uint32_t *)arg;
}

static rouse_status real_queue(op o) {
    rouse_waiter *const w = &waiters[o.waiter];
    rouse_status status;
    looks = 0;
    status = o.kind == WAIT ? rouse_waiter_queue_wait(&queue, w, o.n)
                            : rouse_waiter_queue_add_waiter_if(&queue, w, look, &o.n);
    may_cancel[o.waiter] = status == ROUSE_PENDING;
    return status;
}

/* A waiter that is not queued, and has not been woken since it was, must not be cancelled. */
static int64_t real_cancel(int w) {
    bool out;
    if (!may_cancel[w]) {
        return NOT_ASKED;
    }
    out = rouse_waiter_queue_cancel(&queue, &waiters[w]);
    may_cancel[w] = !out;
    return out;
}

static uint32_t turn;

/* LOCKFREE keeps a guess of its word (detail/queue/word.h). Whatever it says, the answers are the same. Every
 * eighth operation finds the library's own. */
static void mislead(void) {
#if ROUSE_BACKEND == ROUSE_BACKEND_LOCKFREE
    static const uint64_t guesses[] = {
        0, 1, 2, ROUSE_MAX_PERMITS, UINT64_MAX, ROUSE_WORD_CLOSED_, 5 * ROUSE_WORD_SERIAL_ + 1};
    if (turn % 8 != 7) {
        rouse_u64_store_relaxed_(&queue.guess_, guesses[turn % 8]);
    }
#endif
    turn++;
}

/* A wake of one and one given back have each a shorter way, which the semaphore and the mutex take. */
static int64_t real_give(op o) {
    const bool shorter = turn % 3 == 0;
    if (o.kind == WAKE) {
        return shorter && o.n == 1 && o.cap == ROUSE_MAX_PERMITS
                   ? rouse_queue_give_one_(&queue)
                   : rouse_waiter_queue_wake(&queue, o.n, o.cap);
    }
    return shorter && o.n == 1 && o.cap == 1 ? rouse_queue_unlock_(&queue)
                                             : rouse_queue_give_back_(&queue, o.n, o.cap);
}

static int64_t real_one(op o) {
    mislead();
    switch (o.kind) {
    case WAIT:
    case ADD_IF:
        return real_queue(o);
    case TRY_WAIT:
        return rouse_waiter_queue_try_wait(&queue, o.n);
    case WAKE:
    case GIVE_BACK:
        return real_give(o);
    case WAKE_ONE:
        return rouse_waiter_queue_wake_one(&queue);
    case WAKE_ALL:
        return rouse_waiter_queue_wake_all(&queue);
    case CANCEL:
        return real_cancel(o.waiter);
    case CLOSE:
        return rouse_waiter_queue_close(&queue);
    case NOTIFY_N:
        return rouse_notify_n((rouse_notify *)&queue, o.n);
    case SET:
        return rouse_queue_set_(&queue);
    case RESET:
        return rouse_queue_reset_(&queue);
    default:
        return 0;
    }
}

static void woke(rouse_waiter *w, rouse_status status) {
    const ptrdiff_t i = w - waiters;
    const op next = in_wake[i];
    real.log[real.log_length++] = (woken){(int)i, status};
    in_wake[i].kind = NOTHING;
    (void)real_one(next);
}

static void real_run(op o) {
    real.log_length = 0;
    real.answer = real_one(o);
    real.balance = rouse_waiter_queue_balance(&queue);
    real.waiters = rouse_waiter_queue_waiter_count(&queue);
}

static void real_start(uint32_t credit) {
    rouse_waiter_queue_init(&queue, credit);
    for (int i = 0; i < WAITERS; i++) {
        rouse_waiter_init(&waiters[i], woke, NULL);
        in_wake[i].kind = NOTHING;
        may_cancel[i] = false;
    }
}

/* Newest first: what the oldest has been given goes to nobody. */
static void real_end(const reference *r) {
    for (int i = r->queued - 1; i >= 0; i--) {
        if (!rouse_waiter_queue_cancel(&queue, &waiters[r->queue[i]])) {
            fputs("a queued waiter cannot be cancelled\n", stderr);
            exit(1);
        }
    }
    rouse_waiter_queue_destroy(&queue);
}

/* ---- comparison ---------------------------------------------------------------------------------------------------- */

static op done[STEPS];
static op done_in_wake[STEPS][WAITERS];
static int steps_done;
static uint32_t start_credit;

static void print_op(op o) {
    if (o.kind == NOTHING) {
        return;
    }
    printf("%s(", op_names[o.kind]);
    if (o.kind == WAIT || o.kind == ADD_IF || o.kind == CANCEL) {
        printf("w%d, ", o.waiter);
    }
    printf("%" PRIu32 ", %" PRIu32 ")", o.n, o.cap);
}

static void print_outcome(const char *whose, const outcome *o) {
    printf("%s: answer %" PRId64 ", balance %" PRId64 ", %" PRIu32 " waiters, woken:", whose, o->answer,
           o->balance, o->waiters);
    for (size_t i = 0; i < o->log_length; i++) {
        printf(" w%d=%d", o->log[i].waiter, (int)o->log[i].status);
    }
    printf("\n");
}

static void disagree(const char *about, const outcome *expected) {
    printf("disagreement about %s after, from credit %" PRIu32 ":\n", about, start_credit);
    for (int i = 0; i < steps_done; i++) {
        print_op(done[i]);
        for (int w = 0; w < WAITERS; w++) {
            if (done_in_wake[i][w].kind != NOTHING) {
                printf("  in the wake of w%d: ", w);
                print_op(done_in_wake[i][w]);
            }
        }
        printf("\n");
    }
    print_outcome("reference", expected);
    print_outcome("library  ", &real);
    exit(1);
}

static void compare(const reference *r, const outcome *expected) {
    if (real.answer != expected->answer) {
        disagree("the answer", expected);
    }
    if (real.balance != expected->balance || real.waiters != expected->waiters) {
        disagree("the state", expected);
    }
    if (real.log_length != expected->log_length) {
        disagree("how many were woken", expected);
    }
    for (size_t i = 0; i < real.log_length; i++) {
        if (real.log[i].waiter != expected->log[i].waiter || real.log[i].status != expected->log[i].status) {
            disagree("who was woken", expected);
        }
    }
    for (int w = 0; w < WAITERS; w++) {
        if (r->meaningful[w] && rouse_waiter_status(&waiters[w]) != r->status[w]) {
            disagree("a waiter's status", expected);
        }
    }
    if (rouse_waiter_queue_is_closed(&queue) != r->closed) {
        disagree("whether it is closed", expected);
    }
}

/* Runs one operation on both sides. */
static void step(reference *r, op o) {
    static outcome expected;
    done[steps_done] = o;
    memcpy(done_in_wake[steps_done], in_wake, sizeof in_wake);
    steps_done++;
    ref_run(r, o, in_wake, &expected);
    real_run(o);
    compare(r, &expected);
}

/* ---- every short sequence -------------------------------------------------------------------------------------------- */

enum { FEW = 3 };

/* WAIT and ADD_IF are made with the idle waiter of the lowest number: which of several idle ones it is makes no
 * difference. CANCEL's are by place in the queue, and one of a waiter that has been woken. */
static const op choices[] = {
    {WAIT, 0, 1, 0},      {WAIT, 0, 2, 0},     {ADD_IF, 0, 0, 0},
    {ADD_IF, 0, 2, 0},    {TRY_WAIT, 0, 1, 0}, {WAKE, 0, 1, ROUSE_MAX_PERMITS},
    {WAKE, 0, 2, 1},      {WAKE_ONE, 0, 0, 0}, {WAKE_ALL, 0, 0, 0},
    {CLOSE, 0, 0, 0},     {CANCEL, 0, 0, 0},   {CANCEL, 1, 0, 0},
    {CANCEL, 2, 0, 0},    {CANCEL, FEW, 0, 0}, {NOTIFY_N, 0, 2, 0},
    {GIVE_BACK, 0, 1, 1}, {SET, 0, 0, 0},      {RESET, 0, 0, 0},
};

static bool is_queued(const reference *r, int w) {
    for (int i = 0; i < r->queued; i++) {
        if (r->queue[i] == w) {
            return true;
        }
    }
    return false;
}

/* Turns a choice into an operation on the state r. False: it cannot be made there. */
static bool concrete(const reference *r, op *o) {
    int w = 0;
    switch (o->kind) {
    case WAIT:
    case ADD_IF:
        while (w < FEW && is_queued(r, w)) {
            w++;
        }
        o->waiter = w;
        return w < FEW;
    case CANCEL:
        if (o->waiter < FEW) {
            if (o->waiter >= r->queued) {
                return false;
            }
            o->waiter = r->queue[o->waiter];
            return true;
        }
        while (w < FEW && !(r->meaningful[w] && r->status[w] != ROUSE_PENDING)) {
            w++;
        }
        o->waiter = w;
        return w < FEW;
    default:
        return true;
    }
}

static uint64_t sequences;

static void replay(const op *sequence, int depth) {
    reference r = {0};
    r.credit = start_credit;
    real_start(start_credit);
    steps_done = 0;
    for (int i = 0; i < depth; i++) {
        step(&r, sequence[i]);
    }
    real_end(&r);
    sequences++;
}

static void explore(const reference *r, op *sequence, int depth, int left) {
    static outcome unused;
    if (left == 0) {
        replay(sequence, depth);
        return;
    }
    for (size_t i = 0; i < sizeof choices / sizeof *choices; i++) {
        reference after = *r;
        op o = choices[i];
        if (concrete(r, &o)) {
            sequence[depth] = o;
            ref_run(&after, o, in_wake, &unused);
            explore(&after, sequence, depth + 1, left - 1);
        }
    }
}

static void run_exhaustive(int depth) {
    for (start_credit = 0; start_credit <= 2; start_credit++) {
        reference r = {0};
        op sequence[STEPS];
        r.credit = start_credit;
        for (int w = 0; w < WAITERS; w++) {
            in_wake[w].kind = NOTHING;
        }
        explore(&r, sequence, 0, depth);
    }
    printf("%" PRIu64 " sequences of %d operations agree\n", sequences, depth);
}

/* ---- long random sequences -------------------------------------------------------------------------------------------- */

static dice numbers;

static uint32_t draw(uint32_t below) {
    return roll(&numbers, below);
}

static uint32_t draw_n(void) {
    static const uint32_t some[] = {0, 1, 1, 1, 1, 2, 2, 3, 5, 40};
    return draw(200) == 0 ? (uint32_t)ROUSE_MAX_PERMITS + 1 : some[draw(10)];
}

static uint32_t draw_cap(void) {
    static const uint32_t some[] = {0, 1, 3, ROUSE_MAX_PERMITS, ROUSE_MAX_PERMITS};
    return draw(200) == 0 ? UINT32_MAX : some[draw(5)];
}

/* An operation that makes sense in state r, made with waiter w if it queues one. */
static op draw_op(bool may_queue, int w) {
    static const op_kind some[] = {WAIT,     WAIT,     WAIT,   ADD_IF, TRY_WAIT, WAKE,    WAKE,
                                   WAKE_ONE, WAKE_ALL, CANCEL, CANCEL, CANCEL,   NOTIFY_N};
    op o = {WAKE, w, 0, 0};
    if (draw(60) == 0) {
        o.kind = draw(2) == 0 ? CLOSE : SET;
        return o;
    }
    if (draw(12) == 0) {
        o.kind = draw(2) == 0 ? RESET : GIVE_BACK;
        o.n = draw(2);
        o.cap = draw(4);
        return o;
    }
    o.kind = some[draw(sizeof some / sizeof *some)];
    if (!may_queue && (o.kind == WAIT || o.kind == ADD_IF)) {
        o.kind = WAKE;
    }
    if (o.kind == CANCEL) {
        o.waiter = (int)draw(WAITERS);
    }
    o.n = o.kind == ADD_IF ? draw(3) : draw_n();
    o.cap = draw_cap();
    return o;
}

/* What a wake may do: anything, but it queues no waiter save its own. */
static void arm(int w) {
    in_wake[w] = (op){NOTHING, w, 0, 0};
    if (draw(2) == 0) {
        in_wake[w] = draw_op(true, w);
    }
}

static void run_sequence(void) {
    reference r = {0};
    start_credit = draw(4);
    r.credit = start_credit;
    real_start(start_credit);
    steps_done = 0;
    for (int i = 0; i < STEPS; i++) {
        const int w = (int)draw(WAITERS);
        const op o = draw_op(!is_queued(&r, w), w);
        if (o.kind == WAIT || o.kind == ADD_IF) {
            arm(w);
        }
        step(&r, o);
    }
    real_end(&r);
}

static void run_random(long operations) {
    const char *const given = getenv("ROUSE_TEST_SEED");
    uint64_t seed = 20240607;
    if (given != NULL) {
        seed = strcmp(given, "time") == 0 ? (uint64_t)time(NULL) : strtoull(given, NULL, 0);
    }
    printf("ROUSE_TEST_SEED=%" PRIu64 "\n", seed);
    fflush(stdout);
    dice_seed(&numbers, seed, 0);
    for (long i = 0; i < operations; i += STEPS) {
        run_sequence();
    }
    printf("%ld operations agree\n", operations);
}

int main(int argc, char **argv) {
    if (argc == 3 && strcmp(argv[1], "exhaustive") == 0) {
        const int depth = atoi(argv[2]);
        if (depth >= 1 && depth <= STEPS) {
            run_exhaustive(depth);
            return 0;
        }
    } else if (argc == 3 && strcmp(argv[1], "random") == 0 && atol(argv[2]) >= 1) {
        run_random(atol(argv[2]));
        return 0;
    }
    fputs("usage: reference exhaustive DEPTH | random OPERATIONS\n", stderr);
    return 2;
}
