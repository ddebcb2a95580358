/* A loop takes its tasks back while their grants are on the way. It waits for permits that other threads
 * release and for posts that they make. It cancels, revokes what it cannot cancel, and frees it at once.
 * Every permit was held once, every post was run or revoked. A refused cancel is always followed by a
 * revoke that is true, if no drain came in between. */
#include "stress.h"

enum { TASKS = 24, LETTERS = 4 };

typedef struct task {
    rouse_waiter waiter;
    bool queued;
} task;

/* A thread's letter to the loop: its waiter is the loop's from the post to the wake or the revoke. */
typedef struct letter {
    rouse_waiter waiter;
    atomic_bool sent;
} letter;

static rouse_mailbox mailbox;
static rouse_semaphore semaphore = ROUSE_SEMAPHORE_INIT(0);
static letter letters[THREADS][LETTERS];
static task *tasks[TASKS];
static atomic_uint working = THREADS - 1;
static atomic_ullong released, posted;
static unsigned long long had, woken, revoked, read_letters, revoked_letters;

static void wake(rouse_waiter *w, rouse_status status) {
    CHECK(status == ROUSE_OK);
    ((task *)rouse_waiter_data(w))->queued = false;
    woken++;
}
static void read_letter(rouse_waiter *w, rouse_status status) {
    CHECK(status == ROUSE_CLOSED);
    read_letters++;
    atomic_store(&((letter *)rouse_waiter_data(w))->sent, false);
}

static void task_new(int i) {
    tasks[i] = (task *)must_alloc(sizeof *tasks[i]);
    tasks[i]->queued = false;
    rouse_waiter_init_on(&tasks[i]->waiter, &mailbox, wake, tasks[i]);
}

static void end_task(int i) {
    task *const t = tasks[i];
    if (!rouse_semaphore_cancel(&semaphore, &t->waiter)) {
        CHECK(rouse_mailbox_revoke(&mailbox, &t->waiter));
        CHECK(rouse_waiter_status(&t->waiter) == ROUSE_OK);
        revoked++;
    }
    memset(t, 0xee, sizeof *t);
    free(t);
    task_new(i);
}

static void loop(dice *d) {
    task *const t = tasks[roll(d, TASKS)];
    letter *const l = &letters[1 + roll(d, THREADS - 1)][roll(d, LETTERS)];
    if (!t->queued) {
        const rouse_status status = rouse_semaphore_acquire(&semaphore, &t->waiter, 1);
        CHECK(status == ROUSE_OK || status == ROUSE_PENDING);
        had += status == ROUSE_OK ? 1 : 0;
        t->queued = status == ROUSE_PENDING;
    }
    if (roll(d, 2) == 0) {
        const int i = (int)roll(d, TASKS);
        if (tasks[i]->queued) {
            end_task(i);
        }
    }
    if (roll(d, 4) == 0 && atomic_load(&l->sent) && rouse_mailbox_revoke(&mailbox, &l->waiter)) {
        revoked_letters++;
        atomic_store(&l->sent, false);
    }
    if (roll(d, 5) == 0) {
        (void)rouse_mailbox_drain(&mailbox);
    }
}

static void send(letter *l) {
    bool sent = false;
    if (atomic_compare_exchange_strong(&l->sent, &sent, true)) {
        rouse_mailbox_post(&mailbox, &l->waiter, ROUSE_CLOSED);
        atomic_fetch_add(&posted, 1);
    }
}

static void *work(void *number) {
    const uintptr_t i = (uintptr_t)number;
    dice d;
    dice_init(&d, i);
    if (i == 0) {
        while (atomic_load(&working) != 0) {
            loop(&d);
        }
        return NULL;
    }
    while (!time_is_up()) {
        if (roll(&d, 3) == 0) {
            send(&letters[i][roll(&d, LETTERS)]);
        } else if (rouse_semaphore_available(&semaphore) < 50) {
            CHECK(rouse_semaphore_release(&semaphore, 1) == ROUSE_OK);
            atomic_fetch_add(&released, 1);
        }
        dawdle(&d);
    }
    atomic_fetch_sub(&working, 1);
    return NULL;
}

int main(int argc, char **argv) {
    stress_begin(argc, argv);
    rouse_mailbox_init(&mailbox, NULL, NULL);
    for (int i = 0; i < TASKS; i++) {
        task_new(i);
    }
    for (int i = 0; i < THREADS; i++) {
        for (int k = 0; k < LETTERS; k++) {
            rouse_waiter_init(&letters[i][k].waiter, read_letter, &letters[i][k]);
        }
    }
    run_threads(work);
    (void)rouse_mailbox_drain(&mailbox);
    for (int i = 0; i < TASKS; i++) {
        CHECK(!tasks[i]->queued || rouse_semaphore_cancel(&semaphore, &tasks[i]->waiter));
        free(tasks[i]);
    }
    CHECK(atomic_load(&released) == had + woken + revoked + rouse_semaphore_available(&semaphore));
    CHECK(atomic_load(&posted) == read_letters + revoked_letters);
    CHECK(woken > 0 && revoked > 0 && read_letters > 0 && revoked_letters > 0);
    rouse_mailbox_destroy(&mailbox);
    rouse_semaphore_destroy(&semaphore);
    printf("%llu released: %llu had, %llu woken, %llu revoked; %llu posted, %llu of them revoked\n",
           atomic_load(&released), had, woken, revoked, atomic_load(&posted), revoked_letters);
    return 0;
}
