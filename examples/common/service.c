/* examples/common/service.c: the life of a request: READING, QUEUED for a permit, WORKING in the backend. */
#include "service.h"

#include <string.h>

rouse_mailbox service_mailbox;
static rouse_semaphore limit;
static server_options options;
static server_report report;
static client *clients;
static bool stopping;

static void refresh_report(void) {
    report.free = rouse_semaphore_available(&limit);
    report.waiting = rouse_semaphore_waiter_count(&limit);
}

static void destroy(client *c) {
    if (c->after != NULL) {
        c->after->before = c->before;
    }
    *(c->before != NULL ? &c->before->after : &clients) = c->after;
    rouse_notify_destroy(&c->finished);
    loop_close(c);
}

static void send_answer(client *c, const char *text, size_t length) {
    /* Who does not read its answers is let go. */
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

/* snippet: work */
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
/* end snippet */

/* snippet: acquire */
static void ask_for_permit(client *c) {
    switch (rouse_semaphore_acquire(&limit, &c->place, 1)) {
    case ROUSE_OK: /* one was free */
        start_work(c);
        break;
    case ROUSE_PENDING: /* on_permit will be called, on the loop's thread */
        c->state = QUEUED;
        loop_start_timer(c, options.deadline_ms);
        break;
    default: /* closed, or out of memory */
        answer(c, 503, &report.refused);
        break;
    }
}
/* end snippet */

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

/* snippet: on_permit */
/* In rouse_mailbox_drain: the permit is there, or the semaphore has been closed. */
static void on_permit(rouse_waiter *place, rouse_status status) {
    client *c = rouse_waiter_data(place);
    loop_stop_timer(c);
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
        answer(c, 503, &report.refused);
    }
    serve(c); /* if it has been answered: what it has asked for meanwhile */
}
/* end snippet */

/* In rouse_mailbox_drain: the backend has answered. */
static void on_finished(rouse_waiter *finish, rouse_status status) {
    client *c = rouse_waiter_data(finish);
    (void)status; /* ROUSE_OK: nobody closes a notify */
    answer(c, 200, &report.answered);
    serve(c);
}

/* snippet: cancel */
void service_gone(client *c) {
    if (c->gone) {
        return;
    }
    c->gone = true;
    if (c->state == READING) {
        destroy(c);
    } else if (c->state == QUEUED && rouse_semaphore_cancel(&limit, &c->place)) {
        loop_stop_timer(c);
        report.left++;
        destroy(c);
    } /* else its permit or its answer is on the way: on_permit or on_finished will see that it is gone */
}

void service_timed_out(client *c) {
    if (rouse_semaphore_cancel(&limit, &c->place)) {
        answer(c, 503, &report.timed_out);
        serve(c);
    } /* else the permit came in time, and on_permit will be called */
}
/* end snippet */

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
    rouse_waiter_init_on(&c->place, &service_mailbox, on_permit, c);
    rouse_waiter_init_on(&c->finish, &service_mailbox, on_finished, c);
    c->after = clients;
    if (clients != NULL) {
        clients->before = c;
    }
    clients = c;
    return true;
}

bool service_start(int argc, char **argv) {
    options = server_parse(argc, argv);
    rouse_semaphore_init(&limit, options.limit);
    rouse_mailbox_init(&service_mailbox, loop_kick, NULL);
    return backend_start(2 * options.limit, options.work_ms);
}

/* snippet: shutdown */
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
    backend_stop();                          /* from here on nobody posts, */
    rouse_mailbox_destroy(&service_mailbox); /* so the mailbox can go      */
    refresh_report();
    server_print(&options, &report);
    rouse_semaphore_destroy(&limit);
}
/* end snippet */
