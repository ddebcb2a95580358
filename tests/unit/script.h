/* Tests as scripts: a row of calls on one object, each with what it must answer, and the wakes that it must
 * run.
 *
 *   W3?  the next waiter (0, 1, 2, ...) waits for 3 and is queued     W3!  ... has them at once     W3x  ... hears: closed
 *                                                                     W3f  ... hears: full
 *   T3!  tries for 3 and has them                                     T3-  ... has not
 *   R3   releases 3                                                   R3,5 wakes with 3, of which at most 5 may be stored
 *   R3o  releases 3, which are too many                               R3i  ... which were not held
 *   O!   wakes one waiter                                             O-   ... finds nobody to wake
 *   A3   wakes all, which are 3                                       X3   closes, and 3 hear of it
 *   C1!  cancels waiter 1                                             C1-  ... comes too late
 *   D5/2 reduces by up to 5, and gets 2                               =-3/2  the balance is -3, and 2 wait
 *   S4   sets the limit to 4
 *   U!   upgrades                                                     U-   ... and may not
 *   G!   downgrades                                                   G-   ... which it did not hold so
 *   >01  the call before has woken waiters 0 and 1, in this order     >01x ... with ROUSE_CLOSED
 *
 * A call that is not followed by > wakes nobody. After each call the object counts as many waiters as the
 * script, and each of those has the status ROUSE_PENDING; at the end nobody waits, and the object is
 * destroyed. */
#ifndef ROUSE_TESTS_UNIT_SCRIPT_H
#define ROUSE_TESTS_UNIT_SCRIPT_H

#include "support.h"

#include <ctype.h>
#include <string.h>

/* What a script may do with an object; NULL: not with this one. */
typedef struct script_verbs {
    rouse_status (*wait)(void *object, rouse_waiter *w, uint32_t n);
    bool (*try)(void *object, uint32_t n);
    rouse_status (*wake)(void *object, uint32_t n, uint32_t cap);
    bool (*cancel)(void *object, rouse_waiter *w);
    uint32_t (*close)(void *object);
    bool (*wake_one)(void *object);
    uint32_t (*wake_all)(void *object);
    uint32_t (*reduce)(void *object, uint32_t n);
    rouse_status (*set)(void *object, uint32_t n);
    bool (*upgrade)(void *object);
    rouse_status (*downgrade)(void *object);
    int64_t (*balance)(const void *object);
    uint32_t (*waiters)(const void *object);
} script_verbs;

enum { SCRIPT_WAITERS = 10 };

typedef struct script_state {
    const script_verbs *verbs;
    void *object;
    probe waiters[SCRIPT_WAITERS];
    bool waits[SCRIPT_WAITERS];
    int used;
} script_state;

static inline int64_t script_number(const char **at) {
    char *end;
    const long long number = strtoll(*at, &end, 10);
    cr_assert_neq(end, *at, "a number is missing at \"%s\"", *at);
    *at = end;
    return number;
}
/* The sign behind the number, which is a call's answer. */
static inline char script_answer(const char **at) {
    cr_assert_neq(**at, '\0', "an answer is missing");
    return *(*at)++;
}

static inline void script_wait(script_state *s, const char **at, const char *step) {
    const uint32_t n = (uint32_t)script_number(at);
    const char answer = script_answer(at);
    probe *const p = &s->waiters[s->used];
    cr_assert_lt(s->used, (int)SCRIPT_WAITERS);
    probe_init(p, s->used);
    s->waits[s->used] = answer == '?';
    s->used++;
    cr_assert_eq(s->verbs->wait(s->object, &p->waiter, n),
                 answer == '?'   ? ROUSE_PENDING
                 : answer == '!' ? ROUSE_OK
                 : answer == 'f' ? ROUSE_FULL
                                 : ROUSE_CLOSED,
                 "at \"%s\"", step);
}

static inline void script_cancel(script_state *s, const char **at, const char *step) {
    const int i = (int)script_number(at);
    const bool taken = script_answer(at) == '!';
    probe *const p = &s->waiters[i];
    cr_assert_lt(i, s->used);
    cr_assert_eq(s->verbs->cancel(s->object, &p->waiter), taken, "at \"%s\"", step);
    if (taken) {
        s->waits[i] = false;
        p->outcome = ROUSE_CANCELLED;
    } else if (p->outcome != ROUSE_CANCELLED) {
        cr_assert_eq(rouse_waiter_status(&p->waiter), p->outcome, "at \"%s\"", step);
    }
}

/* Those that are named after >, if anybody is, have been woken, in this order. */
static inline void script_wakes(script_state *s, const char **at, const char *step) {
    size_t count = 0;
    while (**at == ' ') {
        (*at)++;
    }
    if (**at == '>') {
        const rouse_status outcome =
            (*at)[1 + strspn(*at + 1, "0123456789")] == 'x' ? ROUSE_CLOSED : ROUSE_OK;
        for ((*at)++; isdigit((unsigned char)**at); (*at)++) {
            const int i = **at - '0';
            cr_assert_lt(count, wake_log_length, "at \"%s\": %d was not woken", step, i);
            cr_assert_eq(wake_log[count], i, "at \"%s\": %d was woken, not %d", step, wake_log[count], i);
            cr_assert_eq(s->waiters[i].outcome, outcome, "at \"%s\"", step);
            cr_assert(s->waits[i], "at \"%s\": %d does not wait", step, i);
            s->waits[i] = false;
            count++;
        }
        *at += outcome == ROUSE_CLOSED ? 1 : 0;
    }
    cr_assert_eq(wake_log_length, count, "at \"%s\": %zu were woken, not %zu", step, wake_log_length, count);
    wake_log_length = 0;
}

static inline void script_step(script_state *s, const char **at) {
    const char *const step = *at;
    const script_verbs *const v = s->verbs;
    uint32_t n;
    switch (*(*at)++) {
    case 'W':
        script_wait(s, at, step);
        break;
    case 'T':
        n = (uint32_t)script_number(at);
        cr_assert_eq(v->try(s->object, n), script_answer(at) == '!', "at \"%s\"", step);
        break;
    case 'R':
        n = (uint32_t)script_number(at);
        if (**at == ',') {
            (*at)++;
            cr_assert_eq(v->wake(s->object, n, (uint32_t)script_number(at)), ROUSE_OK, "at \"%s\"", step);
        } else {
            const rouse_status told = **at == 'o' ? ROUSE_OVERFLOW : **at == 'i' ? ROUSE_INVALID : ROUSE_OK;
            *at += told != ROUSE_OK ? 1 : 0;
            cr_assert_eq(v->wake(s->object, n, ROUSE_MAX_PERMITS), told, "at \"%s\"", step);
        }
        break;
    case 'O':
        cr_assert_eq(v->wake_one(s->object), script_answer(at) == '!', "at \"%s\"", step);
        break;
    case 'A':
        cr_assert_eq(v->wake_all(s->object), (uint32_t)script_number(at), "at \"%s\"", step);
        break;
    case 'X':
        cr_assert_eq(v->close(s->object), (uint32_t)script_number(at), "at \"%s\"", step);
        break;
    case 'C':
        script_cancel(s, at, step);
        break;
    case 'D':
        n = (uint32_t)script_number(at);
        cr_assert_eq(script_answer(at), '/', "at \"%s\"", step);
        cr_assert_eq(v->reduce(s->object, n), (uint32_t)script_number(at), "at \"%s\"", step);
        break;
    case 'S':
        cr_assert_eq(v->set(s->object, (uint32_t)script_number(at)), ROUSE_OK, "at \"%s\"", step);
        break;
    case 'U':
        cr_assert_eq(v->upgrade(s->object), script_answer(at) == '!', "at \"%s\"", step);
        break;
    case 'G':
        cr_assert_eq(v->downgrade(s->object), script_answer(at) == '!' ? ROUSE_OK : ROUSE_INVALID,
                     "at \"%s\"", step);
        break;
    case '=':
        cr_assert_eq(v->balance(s->object), script_number(at), "at \"%s\"", step);
        cr_assert_eq(script_answer(at), '/', "at \"%s\"", step);
        cr_assert_eq(v->waiters(s->object), (uint32_t)script_number(at), "at \"%s\"", step);
        break;
    default:
        cr_assert(false, "no such step: \"%s\"", step);
    }
    script_wakes(s, at, step);
}

/* Runs the script on an object that is new; ends with nobody waiting. */
static inline void script_run(const script_verbs *verbs, void *object, const char *script) {
    script_state s = {.verbs = verbs, .object = object};
    const char *at = script;
    while (*at != '\0') {
        const char *const step = at;
        uint32_t waiting = 0;
        script_step(&s, &at);
        for (int i = 0; i < s.used; i++) {
            cr_assert(!s.waits[i] || rouse_waiter_status(&s.waiters[i].waiter) == ROUSE_PENDING,
                      "after \"%s\": waiter %d", step, i);
            waiting += s.waits[i] ? 1 : 0;
        }
        cr_assert_eq(verbs->waiters(object), waiting, "after \"%s\"", step);
        at += strspn(at, " ");
    }
    cr_assert_eq(verbs->waiters(object), 0u, "somebody waits at the end of \"%s\"", script);
}

#endif /* ROUSE_TESTS_UNIT_SCRIPT_H */
