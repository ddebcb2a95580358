/* selftest.c: does the checker report what is wrong, and nothing that is right?
 *
 * Small programs, each with one defect that must be reported, next to their correct forms. */
#include "mc.h"

#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static int plain;
extern int other; /* not static: what is stored here must not be optimized away */
int other;
static _Atomic int flag, count, x, y;
static pthread_mutex_t mutex_a = PTHREAD_MUTEX_INITIALIZER, mutex_b = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;

static void pair(void (*first)(void *), void (*second)(void *)) {
    mc_thread(first, NULL);
    mc_thread(second, NULL);
    mc_join_all();
}

/* ---- data races ---------------------------------------------------------------------------------------------- */

static void write_plain(void *arg) {
    (void)arg;
    plain = 1;
}
static void read_plain(void *arg) {
    (void)arg;
    other = plain;
}
static void race(void) {
    pair(write_plain, read_plain);
}

static void publish_relaxed(void *arg) {
    (void)arg;
    plain = 1;
    atomic_store_explicit(&flag, 1, memory_order_relaxed);
}
static void publish_release(void *arg) {
    (void)arg;
    plain = 1;
    atomic_store_explicit(&flag, 1, memory_order_release);
}
static void look_acquire(void *arg) {
    (void)arg;
    if (atomic_load_explicit(&flag, memory_order_acquire)) {
        mc_assert(plain == 1);
        mc_reached(1);
    }
}
static void publish_without_release(void) {
    pair(publish_relaxed, look_acquire);
}
static void publish(void) {
    pair(publish_release, look_acquire);
}

/* The reader waits: the checker must let it continue, and must not let it spin on an old value for ever. */
static void wait_for_flag(void *arg) {
    (void)arg;
    while (!atomic_load_explicit(&flag, memory_order_acquire)) {
        sched_yield();
    }
    mc_assert(plain == 1);
}
static void spin(void) {
    pair(publish_release, wait_for_flag);
}
static void no_publisher(void *arg) {
    (void)arg;
    plain = 1;
}
static void spin_for_ever(void) {
    pair(no_publisher, wait_for_flag);
}

/* ---- lost update --------------------------------------------------------------------------------------------- */

static void add_by_halves(void *arg) {
    (void)arg;
    atomic_store(&count, atomic_load(&count) + 1);
}
static void lost_update(void) {
    pair(add_by_halves, add_by_halves);
    mc_assert(count == 2);
}
static void add(void *arg) {
    (void)arg;
    atomic_fetch_add_explicit(&count, 1, memory_order_relaxed);
}
static void update(void) {
    mc_thread(add, NULL);
    mc_thread(add, NULL);
    mc_thread(add, NULL);
    mc_join_all();
    mc_assert(count == 3);
}
static void add_weak_once(void *arg) {
    int seen = 0;
    (void)arg;
    mc_assert(atomic_compare_exchange_weak(&count, &seen, 1));
}
static void weak_outside_a_loop(void) {
    mc_thread(add_weak_once, NULL);
    mc_join_all();
}

/* ---- store buffering ------------------------------------------------------------------------------------------ */

static int seen_x, seen_y;
static void sb_left(void *arg) {
    (void)arg;
    atomic_store_explicit(&x, 1, memory_order_release);
    seen_y = atomic_load_explicit(&y, memory_order_acquire);
}
static void sb_right(void *arg) {
    (void)arg;
    atomic_store_explicit(&y, 1, memory_order_release);
    seen_x = atomic_load_explicit(&x, memory_order_acquire);
}
static void store_buffering(void) {
    pair(sb_left, sb_right);
    mc_assert(seen_x == 1 || seen_y == 1);
}
static void sb_left_sc(void *arg) {
    (void)arg;
    atomic_store(&x, 1);
    seen_y = atomic_load(&y);
}
static void sb_right_sc(void *arg) {
    (void)arg;
    atomic_store(&y, 1);
    seen_x = atomic_load(&x);
}
static void store_buffering_sc(void) {
    pair(sb_left_sc, sb_right_sc);
    mc_assert(seen_x == 1 || seen_y == 1);
}

/* ---- the heap --------------------------------------------------------------------------------------------------- */

static int *shared_block;
static void allocate(void *arg) {
    (void)arg;
    shared_block = malloc(sizeof *shared_block);
    *shared_block = 1;
    free(shared_block);
    atomic_store_explicit(&flag, 1, memory_order_release);
}
static void use_freed(void *arg) {
    (void)arg;
    if (atomic_load_explicit(&flag, memory_order_acquire)) {
        other = *shared_block;
    }
}
static void use_after_free(void) {
    pair(allocate, use_freed);
}
static void free_again(void *arg) {
    (void)arg;
    if (atomic_load_explicit(&flag, memory_order_acquire)) {
        free(shared_block);
    }
}
static void double_free(void) {
    pair(allocate, free_again);
}
static void leak(void) {
    shared_block = malloc(1);
}
static void never_written(void) {
    shared_block = malloc(sizeof *shared_block);
    other = *shared_block;
}
static void out_of_bounds(void) {
    shared_block = malloc(16);
    shared_block[4] = 1;
}
static void null_pointer(void) {
    shared_block = NULL;
    *(volatile int *)shared_block = 1;
}
static int *volatile pointer;
static void foreign_free(void) {
    pointer = &plain;
    free(pointer);
}

/* ---- ABA: a stack whose pop compares pointers only --------------------------------------------------------------- */

struct item {
    struct item *_Atomic next;
};
static struct item *_Atomic top;
static void push(struct item *item) {
    struct item *seen = atomic_load(&top);
    do {
        atomic_store(&item->next, seen);
    } while (!atomic_compare_exchange_strong(&top, &seen, item));
}
static struct item *pop(void) {
    struct item *seen = atomic_load(&top);
    while (seen != NULL) {
        struct item *const next = atomic_load(&seen->next);
        if (atomic_compare_exchange_strong(&top, &seen, next)) {
            return seen;
        }
    }
    return NULL;
}
static struct item items[3];
static void pop_one(void *arg) {
    (void)arg;
    (void)pop();
}
static struct item *second;
static void pop_two_push_first(void *arg) {
    struct item *const first = pop();
    (void)arg;
    second = pop();
    if (first != NULL && second != NULL) {
        push(first);
    }
}
static void aba(void) {
    for (int i = 0; i < 3; i++) {
        push(&items[i]);
    }
    pair(pop_one, pop_two_push_first);
    mc_assert(second == NULL || top != second); /* what was popped last is not in the stack */
}

static void reuse_left(void *arg) {
    struct item *const seen = atomic_load(&top);
    struct item *mine;
    (void)arg;
    mine = malloc(sizeof *mine);
    free(mine);
    mc_assert(seen == NULL || mine != seen);
}
static void reuse(void) {
    struct item *const item = malloc(sizeof *item);
    atomic_store(&top, item);
    free(item);
    mc_thread(reuse_left, NULL);
    mc_join_all();
}

/* ---- mutexes, conditions ------------------------------------------------------------------------------------------ */

static void lock_ab(void *arg) {
    (void)arg;
    pthread_mutex_lock(&mutex_a);
    pthread_mutex_lock(&mutex_b);
    plain++;
    pthread_mutex_unlock(&mutex_b);
    pthread_mutex_unlock(&mutex_a);
}
static void lock_ba(void *arg) {
    (void)arg;
    pthread_mutex_lock(&mutex_b);
    pthread_mutex_lock(&mutex_a);
    plain++;
    pthread_mutex_unlock(&mutex_a);
    pthread_mutex_unlock(&mutex_b);
}
static void deadlock(void) {
    pair(lock_ab, lock_ba);
}
static void locks(void) {
    mc_thread(lock_ab, NULL);
    mc_thread(lock_ab, NULL);
    mc_thread(lock_ab, NULL);
    mc_join_all();
    mc_assert(plain == 3);
}
static void unlock_not_held(void) {
    pthread_mutex_unlock(&mutex_a);
}
static void destroy_in_use(void *arg) {
    (void)arg;
    pthread_mutex_destroy(&mutex_a);
}
static void lock_a(void *arg) {
    (void)arg;
    pthread_mutex_lock(&mutex_a);
    pthread_mutex_unlock(&mutex_a);
}
static void early_destroy(void) {
    pair(lock_a, destroy_in_use);
}
static void wait_signal(void *arg) {
    (void)arg;
    pthread_mutex_lock(&mutex_a);
    while (plain == 0) {
        pthread_cond_wait(&changed, &mutex_a);
    }
    pthread_mutex_unlock(&mutex_a);
}
static void signal_wait(void *arg) {
    (void)arg;
    pthread_mutex_lock(&mutex_a);
    plain = 1;
    pthread_cond_signal(&changed);
    pthread_mutex_unlock(&mutex_a);
}
static void condition(void) {
    pair(wait_signal, signal_wait);
}
static void forget_signal(void *arg) {
    (void)arg;
    pthread_mutex_lock(&mutex_a);
    plain = 1;
    pthread_mutex_unlock(&mutex_a);
}
static void forgotten_signal(void) {
    pair(wait_signal, forget_signal);
}

static int waiting_for_two;
static void wait_for_plain(void *arg) {
    (void)arg;
    pthread_mutex_lock(&mutex_a);
    waiting_for_two++;
    while (plain == 0) {
        pthread_cond_wait(&changed, &mutex_a);
    }
    pthread_mutex_unlock(&mutex_a);
}
static void broadcast_wait(void *arg) {
    (void)arg;
    pthread_mutex_lock(&mutex_a);
    plain = 1;
    pthread_mutex_unlock(&mutex_a);
    pthread_cond_broadcast(&changed);
}
static void signal_for_two(void) {
    mc_thread(wait_for_plain, NULL);
    mc_thread(wait_for_plain, NULL);
    mc_thread(signal_wait, NULL);
    mc_join_all();
}
static void broadcast_for_two(void) {
    mc_thread(wait_for_plain, NULL);
    mc_thread(wait_for_plain, NULL);
    mc_thread(broadcast_wait, NULL);
    mc_join_all();
    mc_assert(waiting_for_two == 2);
}
static void wait_once(void *arg) {
    (void)arg;
    pthread_mutex_lock(&mutex_a);
    if (plain == 0) {
        pthread_cond_wait(&changed, &mutex_a);
    }
    mc_assert(plain == 1);
    pthread_mutex_unlock(&mutex_a);
}
static void wait_without_a_loop(void) {
    pair(wait_once, signal_wait);
}
/* What is signalled without the mutex may come between the look and the wait. */
static void signal_unlocked(void *arg) {
    (void)arg;
    atomic_store(&flag, 1);
    pthread_cond_signal(&changed);
}
static void wait_for_atomic(void *arg) {
    (void)arg;
    pthread_mutex_lock(&mutex_a);
    if (!atomic_load(&flag)) {
        pthread_cond_wait(&changed, &mutex_a);
        mc_reached(1);
    }
    pthread_mutex_unlock(&mutex_a);
}
static void signal_too_early(void) {
    pair(wait_for_atomic, signal_unlocked);
}
static void read_after_signal(void *arg) {
    (void)arg;
    pthread_mutex_lock(&mutex_a);
    if (!atomic_load_explicit(&flag, memory_order_relaxed)) {
        pthread_cond_wait(&changed, &mutex_a);
    }
    pthread_mutex_unlock(&mutex_a);
    other = plain;
}
static void write_and_signal(void *arg) {
    (void)arg;
    plain = 1;
    atomic_store_explicit(&flag, 1, memory_order_relaxed);
    pthread_cond_signal(&changed);
}
static void signal_publishes_nothing(void) {
    pair(read_after_signal, write_and_signal);
}

static void wait_for_a_while(void *arg) {
    const struct timespec until = {0, 0};
    (void)arg;
    pthread_mutex_lock(&mutex_a);
    if (pthread_cond_timedwait(&changed, &mutex_a, &until) != 0) {
        mc_reached(1);
    }
    pthread_mutex_unlock(&mutex_a);
}
static void timed_wait(void) {
    pair(wait_for_a_while, wait_for_a_while);
    mc_assert((mc_outcomes() & 2) != 0);
}

/* ---- futexes --------------------------------------------------------------------------------------------------------- */

static void sleep_while(int value, const struct timespec *until) {
    (void)syscall(SYS_futex, &flag, FUTEX_WAIT_BITSET_PRIVATE, value, until, NULL, -1);
}
static void wake_one(void) {
    (void)syscall(SYS_futex, &flag, FUTEX_WAKE_PRIVATE, 1);
}

static void sleep_until_set(void *arg) {
    (void)arg;
    while (atomic_load_explicit(&flag, memory_order_acquire) == 0) {
        sleep_while(0, NULL);
    }
    mc_assert(plain == 1);
}
static void sleep_once(void *arg) {
    (void)arg;
    sleep_while(0, NULL);
    mc_assert(atomic_load_explicit(&flag, memory_order_acquire) == 1);
}
static void sleep_and_read_relaxed(void *arg) {
    (void)arg;
    while (atomic_load_explicit(&flag, memory_order_relaxed) == 0) {
        sleep_while(0, NULL);
    }
    mc_assert(plain == 1);
}
static void sleep_for_a_while(void *arg) {
    const struct timespec until = {1, 0};
    (void)arg;
    sleep_while(0, &until);
    mc_reached(atomic_load_explicit(&flag, memory_order_acquire));
}
static void set_and_wake(void *arg) {
    (void)arg;
    plain = 1;
    atomic_store_explicit(&flag, 1, memory_order_release);
    wake_one();
}
static void wake_and_set(void *arg) {
    (void)arg;
    plain = 1;
    wake_one();
    atomic_store_explicit(&flag, 1, memory_order_release);
}
static void futex(void) {
    pair(sleep_until_set, set_and_wake);
}
static void futex_woken_too_early(void) {
    pair(sleep_until_set, wake_and_set);
}
static void futex_without_a_loop(void) {
    pair(sleep_once, set_and_wake);
}
static void futex_publishes_nothing(void) {
    pair(sleep_and_read_relaxed, set_and_wake);
}
static void futex_timed(void) {
    pair(sleep_for_a_while, set_and_wake);
}

/* ---- no memory ------------------------------------------------------------------------------------------------------ */

static void allocate_unchecked(void *arg) {
    int *const block = malloc(sizeof *block);
    (void)arg;
    mc_assert(block != NULL);
    free(block);
}
static void out_of_memory(void) {
    pair(allocate_unchecked, allocate_unchecked);
}

/* ---- threads -------------------------------------------------------------------------------------------------------- */

static __thread int mine;
static void use_tls(void *arg) {
    (void)arg;
    mc_assert(mine == 0);
    mine++;
    atomic_fetch_add(&count, 1);
    mc_assert(mine == 1);
}
static void tls(void) {
    pair(use_tls, use_tls);
    mc_assert(mine == 0);
}
static void point(void *arg) {
    int local = 0;
    (void)arg;
    pointer = &local;
    atomic_store_explicit(&flag, 1, memory_order_release);
    __asm__ volatile("" : : "r"(&local) : "memory");
}
static void follow(void *arg) {
    (void)arg;
    if (atomic_load_explicit(&flag, memory_order_acquire)) {
        *pointer = 1;
    }
}
static void foreign_stack(void) {
    pair(point, follow);
}
static void choices(void) {
    const int a = mc_choose(3);
    const int b = mc_choose(2);
    mc_reached(a * 2 + b);
}

const mc_scenario mc_scenarios[] = {
    {.name = "data race", .body = race, .expect = "data race"},
    {.name = "publish without release", .body = publish_without_release, .expect = "data race"},
    {.name = "publish with release", .body = publish, .executions = 2},
    {.name = "a spinning reader", .body = spin},
    {.name = "a reader spins for ever",
     .body = spin_for_ever,
     .expect = "deadlock: thread 0 waits for the others"},
    {.name = "lost update", .body = lost_update, .expect = "count == 2"},
    {.name = "update", .body = update, .executions = 6},
    {.name = "update, every order", .body = update, .flags = MC_EVERY_ORDER, .executions = 6},
    {.name = "weak compare-and-swap outside a loop",
     .body = weak_outside_a_loop,
     .flags = MC_SPURIOUS,
     .expect = "assertion failed"},
    {.name = "weak compare-and-swap, no spurious failure", .body = weak_outside_a_loop, .executions = 1},
    {.name = "store buffering", .body = store_buffering, .expect = "seen_x == 1"},
    {.name = "store buffering, seq_cst", .body = store_buffering_sc, .executions = 3},
    {.name = "use after free", .body = use_after_free, .expect = "use after free"},
    {.name = "double free", .body = double_free, .expect = "double free"},
    {.name = "leak", .body = leak, .expect = "leak"},
    {.name = "leak, not asked for", .body = leak, .flags = MC_NO_LEAK_CHECK, .executions = 1},
    {.name = "memory that was never written", .body = never_written, .expect = "never written"},
    {.name = "out of bounds", .body = out_of_bounds, .expect = "outside any block"},
    {.name = "null pointer", .body = null_pointer, .expect = "null pointer"},
    {.name = "free of what malloc did not give", .body = foreign_free, .expect = "free of a pointer"},
    {.name = "ABA", .body = aba, .expect = "top != second"},
    {.name = "ABA, at most one preemption", .body = aba, .bound = 1, .expect = "top != second"},
    {.name = "memory is reused", .body = reuse, .flags = MC_REUSE, .expect = "mine != seen"},
    {.name = "memory is not reused", .body = reuse, .executions = 1},
    {.name = "deadlock", .body = deadlock, .expect = "waits for a mutex"},
    {.name = "locks", .body = locks, .executions = 6},
    {.name = "unlock of a mutex that is not held", .body = unlock_not_held, .expect = "does not hold"},
    {.name = "destroy of a mutex in use", .body = early_destroy, .expect = "data race"},
    {.name = "condition variable", .body = condition},
    {.name = "forgotten signal", .body = forgotten_signal, .expect = "waits for a signal"},
    {.name = "a signal where two wait", .body = signal_for_two, .expect = "waits for a signal"},
    {.name = "a broadcast where two wait", .body = broadcast_for_two},
    {.name = "a wait without a loop", .body = wait_without_a_loop},
    {.name = "a wait without a loop, woken for no reason",
     .body = wait_without_a_loop,
     .flags = MC_SPURIOUS,
     .expect = "plain == 1"},
    {.name = "a signal between the look and the wait",
     .body = signal_too_early,
     .expect = "waits for a signal"},
    {.name = "a signal publishes nothing", .body = signal_publishes_nothing, .expect = "data race"},
    {.name = "a timed wait ends by itself", .body = timed_wait},
    {.name = "futex", .body = futex},
    {.name = "futex, woken for no reason", .body = futex, .flags = MC_SPURIOUS},
    {.name = "a futex is woken before its value changes",
     .body = futex_woken_too_early,
     .expect = "waits for a signal"},
    {.name = "a futex without a loop", .body = futex_without_a_loop, .expect = "== 1"},
    {.name = "a wake of a futex publishes nothing", .body = futex_publishes_nothing, .expect = "data race"},
    {.name = "a timed sleep ends by itself", .body = futex_timed},
    {.name = "no memory", .body = out_of_memory, .flags = MC_NOMEM, .expect = "block != NULL"},
    {.name = "memory enough", .body = out_of_memory},
    {.name = "thread-local storage", .body = tls},
    {.name = "the stack of another thread", .body = foreign_stack, .expect = "the stack of thread"},
    {.name = "mc_choose", .body = choices, .executions = 6},
    {0},
};
