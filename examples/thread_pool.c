/* examples/thread_pool.c: plain threads and a loop share one semaphore and one mutex.
 *
 *     the loop's tasks     wait asynchronously for a slot; hand a job to the pool; when it is done, lock
 *                          the ledger, again without blocking, and enter it
 *     the pool's workers   block until there is a job; do it; a mailbox takes the task back to the loop
 *     plain threads        block for the same slots and for the same ledger, with a time-out
 *
 * Checked: the ledger is complete, and never more than SLOTS are in use. No thread used the processor
 * while all waited. Time-outs came while nothing was free, for the slots and for the ledger. */
#include <rouse/rouse.h>

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

enum { SLOTS = 3, WORKERS = 4, PLAIN = 3, TASKS = 20, ROUNDS = 40, IDLE_MS = 500, IDLE_CPU_MS = 50 };
enum { PATIENCE_NS = 100000000 };

/* A task of the loop. */
typedef struct task {
    rouse_waiter slot;   /* waits for `slots`                  */
    rouse_waiter entry;  /* waits for `ledger`                 */
    rouse_notify done;   /* the pool has done its job          */
    rouse_waiter result; /* waits for that                     */
    struct task *next;   /* in the pool's list                 */
    int rounds_left;
} task;

static rouse_semaphore slots = ROUSE_SEMAPHORE_INIT(0); /* SLOTS of them, once everybody waits */
static rouse_mutex ledger = ROUSE_MUTEX_INIT;
static struct { unsigned by_loop, by_threads; } entries; /* under `ledger` */

static rouse_semaphore jobs = ROUSE_SEMAPHORE_INIT(0); /* as many as are in the list */
static pthread_mutex_t list_lock = PTHREAD_MUTEX_INITIALIZER;
static task *first, **end = &first;

static rouse_mailbox mailbox;
static sem_t kicks;
static unsigned tasks_left = TASKS;
static atomic_uint in_use, most_in_use, slot_timeouts, ledger_timeouts;

static void check(bool condition, const char *what) {
    if (!condition) {
        fprintf(stderr, "thread_pool: %s\n", what);
        exit(1);
    }
}

/* What a slot is for. */
static void use_slot(void) {
    const unsigned now = atomic_fetch_add(&in_use, 1) + 1;
    unsigned most = atomic_load(&most_in_use);
    while (now > most && !atomic_compare_exchange_weak(&most_in_use, &most, now)) {
    }
    nanosleep(&(struct timespec){0, 200000}, NULL);
    atomic_fetch_sub(&in_use, 1);
}

/* ---- the pool ---- */

static void add_job(task *t) {
    t->next = NULL;
    pthread_mutex_lock(&list_lock);
    *end = t;
    end = &t->next;
    pthread_mutex_unlock(&list_lock);
    rouse_semaphore_release(&jobs, 1);
}

static task *take_job(void) {
    task *t;
    pthread_mutex_lock(&list_lock);
    t = first;
    first = t->next;
    if (first == NULL) {
        end = &first;
    }
    pthread_mutex_unlock(&list_lock);
    return t;
}

static void *worker(void *unused) {
    (void)unused;
    while (rouse_semaphore_acquire_blocking(&jobs, 1) == ROUSE_OK) { /* ROUSE_CLOSED: the pool shuts down */
        task *t = take_job();
        use_slot();
        rouse_notify_one(&t->done); /* on_result runs on the loop's thread */
    }
    return NULL;
}

static void *plain_thread(void *unused) {
    (void)unused;
    for (int i = 0; i < ROUNDS; i++) {
        rouse_status status;
        while ((status = rouse_semaphore_acquire_timed(&slots, 1, PATIENCE_NS)) == ROUSE_TIMEDOUT) {
            atomic_fetch_add(&slot_timeouts, 1); /* not in the queue now; next time at its end again */
        }
        check(status == ROUSE_OK, "no slot");
        use_slot();
        rouse_semaphore_release(&slots, 1);
        while ((status = rouse_mutex_lock_timed(&ledger, PATIENCE_NS)) == ROUSE_TIMEDOUT) {
            atomic_fetch_add(&ledger_timeouts, 1);
        }
        check(status == ROUSE_OK, "no ledger");
        entries.by_threads++;
        rouse_mutex_unlock(&ledger);
    }
    return NULL;
}

/* ---- the loop: every function below runs on the main thread ---- */

static void hand_to_pool(task *t) {
    /* Nobody has notified yet: it queues, or (LOCKFREE) there is no memory. */
    check(rouse_notify_wait(&t->done, &t->result) == ROUSE_PENDING, "cannot wait for the result");
    add_job(t);
}

static void ask_for_slot(task *t) {
    const rouse_status status = rouse_semaphore_acquire(&slots, &t->slot, 1);
    check(status == ROUSE_OK || status == ROUSE_PENDING, "cannot wait for a slot");
    if (status == ROUSE_OK) {
        hand_to_pool(t);
    }
}

static void on_slot(rouse_waiter *w, rouse_status status) {
    check(status == ROUSE_OK, "woken without a slot");
    hand_to_pool(rouse_waiter_data(w));
}

/* The ledger is locked. */
static void make_entry(task *t) {
    entries.by_loop++;
    rouse_mutex_unlock(&ledger);
    if (--t->rounds_left > 0) {
        ask_for_slot(t);
    } else {
        tasks_left--;
    }
}

static void on_ledger(rouse_waiter *w, rouse_status status) {
    check(status == ROUSE_OK, "woken without the ledger");
    make_entry(rouse_waiter_data(w));
}

static void on_result(rouse_waiter *w, rouse_status unused) {
    task *t = rouse_waiter_data(w);
    rouse_status status;
    (void)unused;
    rouse_semaphore_release(&slots, 1);
    status = rouse_mutex_lock(&ledger, &t->entry);
    check(status == ROUSE_OK || status == ROUSE_PENDING, "cannot wait for the ledger");
    if (status == ROUSE_OK) {
        make_entry(t);
    }
}

static void kick(void *unused) {
    (void)unused;
    sem_post(&kicks);
}

/* snippet: sleep */
static void run_loop(void) {
    while (tasks_left > 0) {
        while (sem_wait(&kicks) != 0) { /* interrupted by a signal */
        }
        rouse_mailbox_drain(&mailbox);
    }
}
/* end snippet */

/* ---- the checks ---- */

static long cpu_ms(void) {
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000 +
           (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1000;
}

static void sleep_ms(long ms) {
    nanosleep(&(struct timespec){0, ms * 1000000}, NULL);
}

/* Opens the slots when everybody has waited for a while, and the ledger when it has been waited for in
 * vain. */
static void *opener(void *unused) {
    const unsigned waiters = TASKS + PLAIN;
    long used;
    (void)unused;
    check(rouse_mutex_try_lock(&ledger), "the ledger is not free");
    while (rouse_semaphore_waiter_count(&slots) < waiters || rouse_semaphore_waiter_count(&jobs) < WORKERS) {
        sleep_ms(1);
    }
    sleep_ms(50); /* a thread that spins before it sleeps is asleep now */
    used = cpu_ms();
    sleep_ms(IDLE_MS);
    used = cpu_ms() - used;
    printf("%u asynchronous and %u blocked waiters used %ld ms of the processor in %d ms\n", TASKS,
           PLAIN + WORKERS, used, IDLE_MS);
    check(used <= IDLE_CPU_MS, "somebody waits busily");
    while (atomic_load(&slot_timeouts) < PLAIN) {
        sleep_ms(1);
    }
    rouse_semaphore_release(&slots, SLOTS);
    while (atomic_load(&ledger_timeouts) < PLAIN) {
        sleep_ms(1);
    }
    rouse_mutex_unlock(&ledger);
    return NULL;
}

int main(void) {
    static task tasks[TASKS];
    pthread_t workers[WORKERS], plain[PLAIN], opening;
    sem_init(&kicks, 0, 0);
    rouse_mailbox_init(&mailbox, kick, NULL);
    for (int i = 0; i < WORKERS; i++) {
        check(pthread_create(&workers[i], NULL, worker, NULL) == 0, "no thread");
    }
    for (int i = 0; i < PLAIN; i++) {
        check(pthread_create(&plain[i], NULL, plain_thread, NULL) == 0, "no thread");
    }
    for (int i = 0; i < TASKS; i++) {
        task *t = &tasks[i];
        rouse_waiter_init_on(&t->slot, &mailbox, on_slot, t);
        rouse_waiter_init_on(&t->entry, &mailbox, on_ledger, t);
        rouse_waiter_init_on(&t->result, &mailbox, on_result, t);
        rouse_notify_init(&t->done);
        check(rouse_notify_reserve(&t->done, 1) == ROUSE_OK, "no memory");
        t->rounds_left = ROUNDS;
        ask_for_slot(t);
    }
    check(pthread_create(&opening, NULL, opener, NULL) == 0, "no thread");
    run_loop();
    pthread_join(opening, NULL);
    for (int i = 0; i < PLAIN; i++) {
        pthread_join(plain[i], NULL);
    }
    rouse_semaphore_close(&jobs); /* the workers' acquire returns ROUSE_CLOSED */
    for (int i = 0; i < WORKERS; i++) {
        pthread_join(workers[i], NULL);
    }
    printf("ledger: %u entries by the loop, %u by threads; at most %u slots in use; %u and %u time-outs\n",
           entries.by_loop, entries.by_threads, atomic_load(&most_in_use), atomic_load(&slot_timeouts),
           atomic_load(&ledger_timeouts));
    check(entries.by_loop == TASKS * ROUNDS && entries.by_threads == PLAIN * ROUNDS, "entries are missing");
    check(atomic_load(&most_in_use) <= SLOTS, "more slots in use than there are");
    check(rouse_semaphore_available(&slots) == SLOTS, "slots were lost");
    for (int i = 0; i < TASKS; i++) {
        rouse_notify_destroy(&tasks[i].done);
    }
    rouse_mailbox_destroy(&mailbox);
    rouse_semaphore_destroy(&slots);
    rouse_semaphore_destroy(&jobs);
    rouse_mutex_destroy(&ledger);
    sem_destroy(&kicks);
    return 0;
}
