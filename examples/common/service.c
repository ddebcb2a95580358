/* examples/common/service.c: the life of a request: READING, QUEUED for a permit, WORKING in the backend. */
#include "service.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static rouse_semaphore limit;
static rouse_stats waits = ROUSE_STATS_INIT("permits");
static rouse_mailbox *mailbox;
static rouse_deadlines *deadlines;
static server_options options;
static server_report report;
static client *clients;
static bool stopping;

/* The statistics of the semaphore: one line of numbers, and a line for each length of a wait that there was. */
static void describe_waits(char *text, size_t size) {
    const uint64_t oldest = rouse_semaphore_oldest_ns(&limit, rouse_stats_now());
    rouse_stats now;
    size_t used;
    rouse_stats_read(&waits, &now);
    used = (size_t)snprintf(text, size,
                            "oldest_us=%" PRIu64 " most=%" PRIu64 " waited=%" PRIu64 " p50_us=%" PRIu64
                            " p99_us=%" PRIu64 "\n# %s: waits of up to ns, how many",
                            oldest / 1000, now.most, rouse_stats_count(&now),
                            rouse_stats_quantile(&now, 0.5) / 1000, rouse_stats_quantile(&now, 0.99) / 1000,
                            now.name);
    for (int i = 0; i < 63 && used < size; i++) {
        if (now.waits[i] != 0) {
            used += (size_t)snprintf(text + used, size - used, "\n%" PRIu64 " %" PRIu64,
                                     (UINT64_C(2) << i) - 1, now.waits[i]);
        }
    }
}

static void refresh_report(void) {
    describe_waits(report.waits, sizeof report.waits);
    report.free = rouse_semaphore_available(&limit);
    report.waiting = rouse_semaphore_waiter_count(&limit);
}

static void destroy(client *c) {
    if (c->after != NULL) {
        c->after->before = c->before;
    }
    *(c->before != NULL ? &c->before->after : &clients) = c->after;
    rouse_notify_destroy(&c->finished);
    c->gone = true;
    loop_close(c);
}

static void send_answer(client *c, const char *text, size_t length) {
    /* Drops a client that does not read its answers. */
    c->gone = c->gone || !loop_send(c, text, length) || !c->keep_alive;
}

/* The end of a request for work. */
static void answer(client *c, int code, unsigned *count) {
    char text[HTTP_ANSWER];
    c->state = READING;
    c->keep_alive = c->keep_alive && !stopping;
    (*count)++;
    send_answer(c, text, http_answer(text, code, c->keep_alive, code == 200 ? "done\n" : "busy\n"));
}

/* On one of the backend's threads. */
static void on_backend_done(void *data) {
    client *c = data;
    rouse_semaphore_release(&limit, 1); /* posts the next in line to the mailbox */
    rouse_notify_one(&c->finished);     /* posts c: from here on it is the loop's again */
}

/* c has a permit. */
static void start_work(client *c) {
    /* Nobody has notified yet, so it is ROUSE_PENDING; or ROUSE_NOMEM, which is for LOCKFREE only, and rare,
     * since service_add has reserved. */
    if (rouse_notify_wait(&c->finished, &c->finish) != ROUSE_PENDING) {
        rouse_semaphore_release(&limit, 1);
        answer(c, 503, &report.refused);
        return;
    }
    c->state = WORKING;
    backend_submit(&c->call, on_backend_done, c);
}

static void ask_for_permit(client *c) {
    const uint64_t until = loop_now() + options.deadline_ms * UINT64_C(1000000);
    switch (rouse_semaphore_acquire_until(&limit, &c->place, 1, until)) {
    case ROUSE_OK: /* one was free */
        start_work(c);
        break;
    case ROUSE_PENDING: /* on_permit will be called, on the loop's thread */
        c->state = QUEUED;
        break;
    default: /* closed, or out of memory */
        answer(c, 503, &report.refused);
        break;
    }
}

/* Takes the requests that have arrived, as far as they can be served now. */
static void serve(client *c) {
    char text[HTTP_ANSWER];
    http_request request;
    while (!c->gone && c->state == READING &&
           (request = http_next(&c->in, &c->keep_alive)) != HTTP_INCOMPLETE) {
        if (request == HTTP_WORK) {
            ask_for_permit(c);
        } else {
            refresh_report();
            send_answer(c, text, server_answer_other(request, text, c->keep_alive, &report));
        }
    }
    if (c->gone && c->state == READING) {
        destroy(c);
    }
}

/* On the loop's thread: the permit is there, or it did not come in time, or the semaphore has been closed. */
static void on_permit(rouse_timed *place, rouse_status status) {
    client *c = rouse_timed_data(place);
    if (c->gone) { /* it went away when the permit was on its way: pass that on */
        if (status == ROUSE_OK) {
            rouse_semaphore_release(&limit, 1);
        }
        report.left++;
        destroy(c);
        return;
    }
    if (status == ROUSE_OK) {
        start_work(c);
    } else {
        answer(c, 503, status == ROUSE_TIMEDOUT ? &report.timed_out : &report.refused);
    }
    serve(c); /* if it has been answered: what it has asked for meanwhile */
}

/* In rouse_mailbox_drain: the backend has answered. */
static void on_finished(rouse_waiter *finish, rouse_status status) {
    client *c = rouse_waiter_data(finish);
    (void)status; /* ROUSE_OK: nobody closes a notify */
    answer(c, 200, &report.answered);
    serve(c);
}

void service_gone(client *c) {
    if (c->gone) {
        return;
    }
    c->gone = true;
    if (c->state == READING) {
        destroy(c);
    } else if (c->state == QUEUED && rouse_timed_cancel(&c->place)) {
        report.left++;
        destroy(c);
    } /* else its permit or its answer is on the way: on_permit or on_finished will see that it is gone */
}

void service_arrived(client *c, const char *bytes, size_t count) {
    if (c->gone) {
        return;
    }
    if (count > HTTP_INPUT - c->in.used) { /* far too much sent ahead */
        service_gone(c);
        return;
    }
    memcpy(c->in.bytes + c->in.used, bytes, count);
    c->in.used += count;
    serve(c);
}

bool service_add(client *c) {
    rouse_notify_init(&c->finished);
    if (rouse_notify_reserve(&c->finished, 1) != ROUSE_OK) {
        rouse_notify_destroy(&c->finished);
        return false;
    }
    rouse_timed_init(&c->place, deadlines, mailbox, on_permit, c);
    rouse_waiter_init_on(&c->finish, mailbox, on_finished, c);
    c->after = clients;
    if (clients != NULL) {
        clients->before = c;
    }
    clients = c;
    return true;
}

bool service_start(int argc, char **argv, rouse_mailbox *loop_mailbox, rouse_deadlines *loop_deadlines) {
    options = server_parse(argc, argv);
    mailbox = loop_mailbox;
    deadlines = loop_deadlines;
    (void)rouse_semaphore_init(&limit, options.limit);
    (void)rouse_semaphore_attach_stats(&limit, &waits); /* built without ROUSE_STATS, it stays empty */
    return backend_start(2 * options.limit, options.work_ms);
}

void service_shut_down(void) {
    stopping = true;
    rouse_semaphore_close(
        &limit); /* those who wait: on_permit(ROUSE_CLOSED); nobody gets a permit from now on */
    backend_set_hanging(false);
    for (client *c = clients, *after; c != NULL; c = after) {
        after = c->after;
        if (c->state == READING) {
            destroy(c);
        }
    }
}

bool service_is_over(void) {
    return stopping && clients == NULL;
}

void service_stop(void) {
    backend_stop(); /* nobody posts from here on: the loop may close its mailbox */
    refresh_report();
    server_print(&options, &report);
    rouse_semaphore_destroy(&limit);
}
