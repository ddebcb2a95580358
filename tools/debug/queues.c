/* A program for the debugger's test (gdb_test.py): objects in known states, and a place to stop. C or C++. */
#include <rouse/rouse.h>

#include <stdlib.h>

static rouse_semaphore limit = ROUSE_SEMAPHORE_INIT(1);
static rouse_semaphore idle = ROUSE_SEMAPHORE_INIT(7);
static rouse_semaphore alone = ROUSE_SEMAPHORE_INIT(1);
static rouse_notify event = ROUSE_NOTIFY_INIT;
static rouse_mutex mutex = ROUSE_MUTEX_INIT;
static rouse_waiter_queue closed = ROUSE_WAITER_QUEUE_INIT(0);
static rouse_semaphore crowd = ROUSE_SEMAPHORE_INIT(0);
static rouse_semaphore hurried = ROUSE_SEMAPHORE_INIT_THROUGHPUT(1, 3);
static rouse_mutex posted = ROUSE_MUTEX_INIT_THROUGHPUT(5);
static rouse_waiter waiters[8], many[100], hurrying[3];
static rouse_waiter *on_mailbox; /* on the heap */
static rouse_mailbox mailbox;

static void start_request(rouse_waiter *w, rouse_status status) {
    (void)w, (void)status;
}

static void refuse_request(rouse_waiter *w, rouse_status status) {
    (void)w, (void)status;
}

static void kick(void *arg) {
    (void)arg;
}

/* Throughput mode. hurried: the oldest waiter is invited and does not answer, and newcomers have taken all that the
 * bound allows. posted: one is invited in its mailbox, and a newcomer has the mutex. */
static void invite(void) {
    int i;
    (void)!rouse_semaphore_try_acquire(&hurried, 1);
    for (i = 0; i < 3; i++) {
        rouse_waiter_init(&hurrying[i], i == 1 ? refuse_request : start_request, NULL);
        (void)rouse_semaphore_acquire(&hurried, &hurrying[i], i == 2 ? 2 : 1);
    }
    for (i = 0; i < 4; i++) {
        (void)rouse_semaphore_release(&hurried, 1);
        (void)!rouse_semaphore_try_acquire(&hurried, 1);
    }
    rouse_mailbox_init(&mailbox, kick, NULL);
    on_mailbox = (rouse_waiter *)malloc(sizeof *on_mailbox);
    if (on_mailbox == NULL) {
        abort();
    }
    rouse_waiter_init_on(on_mailbox, &mailbox, start_request, NULL);
    (void)!rouse_mutex_try_lock(&posted);
    (void)rouse_mutex_lock(&posted, on_mailbox);
    (void)rouse_mutex_unlock(&posted);
    (void)!rouse_mutex_try_lock(&posted);
}

void stop_here(void);
void stop_here(void) {
    __asm__ __volatile__("");
}

int main(void) {
    int i;
    for (i = 0; i < 8; i++) {
        rouse_waiter_init(&waiters[i], i == 1 ? refuse_request : start_request, NULL);
    }
    rouse_waiter_init(&waiters[6], NULL, &limit); /* polled */
    /* limit: five asked for, one of them there, one more given; a second is cancelled; a third asks for one. */
    (void)rouse_semaphore_acquire(&limit, &waiters[0], 5);
    (void)rouse_semaphore_acquire(&limit, &waiters[2], 2);
    (void)rouse_semaphore_acquire(&limit, &waiters[1], 1);
    (void)rouse_semaphore_release(&limit, 1);
    (void)rouse_semaphore_cancel(&limit, &waiters[2]);
    (void)rouse_semaphore_acquire(&alone, &waiters[3], 4);
    rouse_notify_one(&event);
    (void)rouse_mutex_try_lock(&mutex);
    (void)rouse_mutex_lock(&mutex, &waiters[6]);
    (void)rouse_waiter_queue_wait(&closed, &waiters[7], 1);
    (void)rouse_waiter_queue_close(&closed);
    for (i = 0; i < 100; i++) {
        rouse_waiter_init(&many[i], start_request, &many[i]);
        (void)rouse_semaphore_acquire(&crowd, &many[i], 1);
    }
    for (i = 10; i < 90; i++) {
        (void)rouse_semaphore_cancel(&crowd, &many[i]);
    }
    (void)rouse_semaphore_release(&crowd, 5);
    invite();
    stop_here();
    return rouse_semaphore_available(&idle) == 7 ? 0 : 1;
}
