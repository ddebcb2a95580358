/* Grant is the last touch. The granted thread destroys and frees the object at once, while the call that
 * granted is still returning on another thread. AddressSanitizer sees a later access; without it the test
 * fills the memory with rubbish. */
#include "stress.h"

/* One object of each kind in one block of memory, and the waiters that the pair of threads use. */
typedef struct object {
    rouse_semaphore semaphore;
    rouse_mutex mutex;
    rouse_notify notify;
    rouse_waiter_queue queue;
    rouse_waiter head; /* BY_CANCEL: wants more than comes, and is cancelled by the granter */
} object;

typedef enum way {
    BY_RELEASE,
    BY_UNLOCK,
    BY_NOTIFY_ONE,
    BY_NOTIFY_ALL,
    BY_WAKE_ONE,
    BY_WAKE_MANY,
    BY_WAKE_ALL,
    BY_CLOSE,
    BY_CANCEL,
    WAYS
} way;

/* How the granted thread learns of it. */
typedef enum told { BY_STATUS, BY_WAKE, BY_TRYING, BY_BLOCKING, TOLDS } told;

/* A pair of threads: the owner offers an object, the granter grants. */
typedef struct pair {
    _Atomic(object *) offered;
    atomic_int how;
    atomic_bool woken;
    atomic_bool taken; /* the granter has seen the offer: `offered` is NULL again */
    atomic_bool over;
} pair;

static pair pairs[THREADS / 2];
static atomic_ullong grants;

static void grant(object *o, way how) {
    switch (how) {
    case BY_RELEASE:
        CHECK(rouse_semaphore_release(&o->semaphore, 1) == ROUSE_OK);
        break;
    case BY_UNLOCK:
        CHECK(rouse_mutex_unlock(&o->mutex) == ROUSE_OK);
        break;
    case BY_NOTIFY_ONE:
        rouse_notify_one(&o->notify);
        break;
    case BY_NOTIFY_ALL:
        while (rouse_notify_all(&o->notify) == 0) {
            sched_yield();
        }
        break;
    case BY_WAKE_ONE:
        while (!rouse_waiter_queue_wake_one(&o->queue)) {
            sched_yield();
        }
        break;
    case BY_WAKE_MANY:
        CHECK(rouse_waiter_queue_wake(&o->queue, 1, ROUSE_MAX_PERMITS) == ROUSE_OK);
        break;
    case BY_WAKE_ALL:
        while (rouse_waiter_queue_wake_all(&o->queue) == 0) {
            sched_yield();
        }
        break;
    case BY_CLOSE:
        (void)rouse_waiter_queue_close(&o->queue);
        break;
    default:
        CHECK(rouse_waiter_queue_cancel(&o->queue, &o->head));
        break;
    }
}

static void *granter(pair *p) {
    for (;;) {
        object *o;
        while ((o = atomic_load(&p->offered)) == NULL) {
            if (atomic_load(&p->over)) {
                return NULL;
            }
            sched_yield();
        }
        atomic_store(&p->offered, NULL);
        grant(o, (way)atomic_load(&p->how));
        atomic_store(&p->taken, true); /* not the object: it may be gone */
    }
}

static void set_woken(rouse_waiter *w, rouse_status status) {
    pair *const p = (pair *)rouse_waiter_data(w);
    CHECK(status == ROUSE_OK || status == ROUSE_CLOSED);
    atomic_store(&p->woken, true);
}

static object *new_object(way how) {
    object *const o = (object *)must_alloc(sizeof *o);
    rouse_semaphore_init(&o->semaphore, 0);
    rouse_mutex_init(&o->mutex);
    rouse_notify_init(&o->notify);
    rouse_waiter_queue_init(&o->queue, 0);
    CHECK(rouse_mutex_try_lock(&o->mutex));
    if (how == BY_CANCEL) {
        rouse_waiter_init(&o->head, NULL, NULL);
        CHECK(rouse_waiter_queue_wait(&o->queue, &o->head, 3) == ROUSE_PENDING);
        CHECK(!rouse_waiter_queue_wake_one(&o->queue));
    }
    return o;
}

static void destroy_object(object *o) {
    rouse_semaphore_destroy(&o->semaphore);
    rouse_mutex_destroy(&o->mutex);
    rouse_notify_destroy(&o->notify);
    rouse_waiter_queue_destroy(&o->queue);
    memset(o, 0xA5, sizeof *o);
    free(o);
}

static rouse_status queue_up(object *o, rouse_waiter *w, way how) {
    switch (how) {
    case BY_RELEASE:
        return rouse_semaphore_acquire(&o->semaphore, w, 1);
    case BY_UNLOCK:
        return rouse_mutex_lock(&o->mutex, w);
    case BY_NOTIFY_ONE:
    case BY_NOTIFY_ALL:
        return rouse_notify_wait(&o->notify, w);
    default:
        return rouse_waiter_queue_wait(&o->queue, w, 1);
    }
}

/* False: this object has nothing that can be tried, or blocked on, for this way. */
static bool trying(object *o, way how) {
    bool had = false;
    do {
        switch (how) {
        case BY_RELEASE:
            had = rouse_semaphore_try_acquire(&o->semaphore, 1);
            break;
        case BY_UNLOCK:
            had = rouse_mutex_try_lock(&o->mutex);
            break;
        case BY_WAKE_MANY:
            had = rouse_waiter_queue_try_wait(&o->queue, 1);
            break;
        default:
            return false;
        }
    } while (!had);
    return true;
}

static bool blocking(object *o, way how) {
    switch (how) {
    case BY_RELEASE:
        CHECK(rouse_semaphore_acquire_blocking(&o->semaphore, 1) == ROUSE_OK);
        return true;
    case BY_UNLOCK:
        CHECK(rouse_mutex_lock_blocking(&o->mutex) == ROUSE_OK);
        return true;
    case BY_NOTIFY_ONE:
    case BY_NOTIFY_ALL:
        CHECK(rouse_notify_wait_blocking(&o->notify) == ROUSE_OK);
        return true;
    default:
        return false;
    }
}

/* Queues w, offers the object, and comes back when w is granted. */
static void queue_and_offer(pair *p, object *o, rouse_waiter *w, way how, told by, bool offer_first) {
    rouse_status status;
    rouse_waiter_init(w, by == BY_WAKE ? set_woken : NULL, p);
    atomic_store(&p->woken, false);
    if (offer_first && how != BY_CANCEL) {
        atomic_store(&p->offered, o);
    }
    status = queue_up(o, w, how);
    if (!offer_first || how == BY_CANCEL) {
        CHECK(status == ROUSE_PENDING);
        atomic_store(&p->offered, o);
    }
    if (status == ROUSE_PENDING && by == BY_WAKE) {
        while (!atomic_load(&p->woken)) {
            sched_yield();
        }
    } else if (status == ROUSE_PENDING) {
        status = await_outcome(w);
        CHECK(status == (how == BY_CLOSE ? ROUSE_CLOSED : ROUSE_OK));
    } else {
        CHECK(status == ROUSE_OK || (how == BY_CLOSE && status == ROUSE_CLOSED));
    }
}

static void *owner(pair *p, dice *d) {
    rouse_waiter w;
    while (!time_is_up()) {
        const way how = (way)roll(d, WAYS);
        told by = (told)roll(d, TOLDS);
        object *const o = new_object(how);
        atomic_store(&p->taken, false);
        atomic_store(&p->how, (int)how);
        if (by == BY_TRYING || by == BY_BLOCKING) {
            if (how == BY_RELEASE || how == BY_UNLOCK || (how == BY_WAKE_MANY && by == BY_TRYING) ||
                ((how == BY_NOTIFY_ONE || how == BY_NOTIFY_ALL) && by == BY_BLOCKING)) {
                atomic_store(&p->offered, o);
                CHECK(by == BY_TRYING ? trying(o, how) : blocking(o, how));
            } else {
                by = BY_STATUS;
            }
        }
        if (by == BY_STATUS || by == BY_WAKE) {
            queue_and_offer(p, o, &w, how, by, roll(d, 2) == 0);
        }
        destroy_object(o);
        atomic_fetch_add_explicit(&grants, 1, memory_order_relaxed);
        while (!atomic_load(&p->taken)) {
            sched_yield();
        }
    }
    atomic_store(&p->over, true);
    return NULL;
}

static void *work(void *number) {
    pair *const p = &pairs[(uintptr_t)number / 2];
    dice d;
    dice_init(&d, (uintptr_t)number);
    return (uintptr_t)number % 2 == 0 ? owner(p, &d) : granter(p);
}

int main(int argc, char **argv) {
    stress_begin(argc, argv);
    run_threads(work);
    CHECK(atomic_load(&grants) > 0);
    printf("%llu objects destroyed by whom they were granted to\n", atomic_load(&grants));
    return 0;
}
