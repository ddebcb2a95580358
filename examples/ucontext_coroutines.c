/* examples/ucontext_coroutines.c: downloads, two at a time, as coroutines with their own stacks (ucontext).
 *
 * `download` reads like blocking code: await_permit and await_log switch to another coroutine until it is
 * their turn. The log's mutex is held across a wait. One download is cancelled while it queues; a shutdown
 * refuses the one that still queues. The clock is simulated. */
#define _GNU_SOURCE
#include "common/sim.h"

#include <rouse/mutex.h>
#include <rouse/semaphore.h>

#include <stdio.h>
#include <stdlib.h>
#include <ucontext.h>

enum { DOWNLOADS = 6, STACK = 64 * 1024 };

typedef struct coroutine {
    ucontext_t context;
    rouse_waiter waiter;
    rouse_status outcome; /* of its last wait */
    sim_event event;
    int id;
    char stack[STACK];
} coroutine;

static sim loop;
static ucontext_t loop_context;
static coroutine *current;
static rouse_semaphore limit = ROUSE_SEMAPHORE_INIT(2);
static rouse_mutex log_lock = ROUSE_MUTEX_INIT;

/* Leaves the current coroutine; returns when it is resumed. */
static void suspend(void) {
    swapcontext(&current->context, &loop_context);
}

static void resume(void *data) {
    current = data;
    swapcontext(&loop_context, &current->context);
}

/* Not resumed here but by the loop: a wake must not switch stacks, since the library is under it. */
static void on_wake(rouse_waiter *waiter, rouse_status status) {
    coroutine *co = rouse_waiter_data(waiter);
    co->outcome = status;
    sim_after(&loop, &co->event, 0, resume, co);
}

/* What a call has answered, or the outcome if it has to be waited for. */
static rouse_status await(rouse_status answer) {
    if (answer != ROUSE_PENDING) {
        return answer;
    }
    suspend();
    return current->outcome;
}

static rouse_status await_permit(void) {
    return await(rouse_semaphore_acquire(&limit, &current->waiter, 1));
}

static rouse_status await_log(void) {
    return await(rouse_mutex_lock(&log_lock, &current->waiter));
}

static void await_ms(uint64_t ms) {
    sim_after(&loop, &current->event, ms, resume, current);
    suspend();
}

static void say(int id, const char *what, const char *why) {
    printf("%2d ms: download %d %s%s\n", (int)loop.now, id, what, why);
}

static void download(void) {
    const rouse_status status = await_permit();
    const int id = current->id;
    if (status != ROUSE_OK) {
        say(id, "is refused: ", rouse_status_string(status));
        return;
    }
    say(id, "starts", "");
    await_ms(10);
    if (await_log() == ROUSE_OK) {
        say(id, "writes", "");
        await_ms(5);
        say(id, "is done", "");
        rouse_mutex_unlock(&log_lock);
    }
    rouse_semaphore_release(&limit, 1);
}

static void start(coroutine *co, int id) {
    co->id = id;
    rouse_waiter_init(&co->waiter, on_wake, co);
    getcontext(&co->context);
    co->context.uc_stack.ss_sp = co->stack;
    co->context.uc_stack.ss_size = STACK;
    co->context.uc_link = &loop_context;
    makecontext(&co->context, download, 0);
    resume(co);
}

/* Its stack is simply never resumed: it has nothing to give back but its place. */
static void cancel(void *data) {
    coroutine *co = data;
    if (rouse_semaphore_cancel(&limit, &co->waiter)) {
        say(co->id, "leaves the queue", "");
    }
}

static void shut_down(void *unused) {
    (void)unused;
    printf("%2d ms: shutdown\n", (int)loop.now);
    rouse_semaphore_close(&limit);
}

int main(void) {
    static coroutine downloads[DOWNLOADS];
    sim_event cancelling, closing;
    for (int i = 0; i < DOWNLOADS; i++) {
        start(&downloads[i], i + 1);
    }
    sim_after(&loop, &cancelling, 12, cancel, &downloads[4]);
    sim_after(&loop, &closing, 24, shut_down, NULL);
    sim_run(&loop);
    printf("permits free: %u, waiters: %u\n", rouse_semaphore_available(&limit),
           rouse_semaphore_waiter_count(&limit));
    rouse_semaphore_destroy(&limit);
    rouse_mutex_destroy(&log_lock);
    return 0;
}
