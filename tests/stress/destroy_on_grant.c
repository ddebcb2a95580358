/* Grant is the last touch. The granted thread destroys and frees the object at once, while the call that
 * granted is still returning on another thread. So does, in throughput mode, a waiter that was invited and has
 * taken its permit, has declined, has found the object closed, or has been cancelled in its mailbox, here or on
 * the other thread. AddressSanitizer sees a later access; without it the test fills the memory with rubbish. */
#include "stress.h"

/* One object of each kind in one block of memory, and the waiters that the pair of threads use. */
typedef struct object {
    rouse_semaphore semaphore;
    rouse_mutex mutex;
    rouse_limit limit;
    rouse_notify notify;
    rouse_waiter_queue queue;
    uint32_t bypass;
    rouse_waiter head; /* BY_CANCEL: wants more than comes, and is cancelled by the granter */
} object;

typedef enum way {
    BY_RELEASE, /* up to BY_SHUT: these objects have throughput mode */
    BY_UNLOCK,
    BY_GIVE_BACK,
    BY_SET,
    BY_SHUT, /* the semaphore is closed */
    BY_NOTIFY_ONE,
    BY_NOTIFY_ALL,
    BY_WAKE_ONE,
    BY_WAKE_MANY,
    BY_WAKE_ALL,
    BY_CLOSE,
    BY_CANCEL,
    BY_TAKING_BACK, /* the semaphore's waiter, invited in its mailbox, is cancelled */
    WAYS
} way;

/* How the granted thread learns of it. BY_WAKE asks in its wake, if it is invited; ON_THREAD on its own thread,
 * or it declines there. BY_MAIL is asked for by drain, or is cancelled. */
typedef enum told { BY_STATUS, BY_WAKE, ON_THREAD, BY_MAIL, BY_TRYING, BY_BLOCKING, TOLDS } told;
enum { NOTHING = 100 };

/* A pair of threads: the owner offers an object, the granter grants. */
typedef struct pair {
    _Atomic(object *) offered;
    atomic_int how;
    bool asks;          /* in its wake */
    object *waits_on;   /* the owner */
    rouse_waiter *mail; /* BY_TAKING_BACK */
    atomic_int said;    /* what its wake said last; NOTHING: not called since */
    atomic_bool taken;  /* the granter has seen the offer: `offered` is NULL again */
    atomic_bool over;
} pair;

static pair pairs[THREADS / 2];
static atomic_ullong grants;
static atomic_ullong answers[3]; /* of the invited: resumed, declined, cancelled in the mailbox */
enum { RESUMED, DECLINED, CANCELLED };

static void grant(pair *p, object *o, way how) {
    switch (how) {
    case BY_TAKING_BACK:
        CHECK(!rouse_semaphore_cancel(&o->semaphore, p->mail));
        break;
    case BY_RELEASE:
        CHECK(rouse_semaphore_release(&o->semaphore, 1) == ROUSE_OK);
        break;
    case BY_UNLOCK:
        CHECK(rouse_mutex_unlock(&o->mutex) == ROUSE_OK);
        break;
    case BY_GIVE_BACK:
        CHECK(rouse_limit_give_back(&o->limit, 1) == ROUSE_OK);
        break;
    case BY_SET:
        CHECK(rouse_limit_set(&o->limit, 2) == ROUSE_OK);
        break;
    case BY_SHUT:
        (void)rouse_semaphore_close(&o->semaphore);
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
        grant(p, o, (way)atomic_load(&p->how));
        atomic_store(&p->taken, true); /* not the object: it may be gone */
    }
}

static rouse_status resume(object *o, rouse_waiter *w, way how) {
    atomic_fetch_add_explicit(&answers[RESUMED], 1, memory_order_relaxed);
    return how == BY_UNLOCK                       ? rouse_mutex_resume(&o->mutex, w)
           : how == BY_GIVE_BACK || how == BY_SET ? rouse_limit_resume(&o->limit, w)
                                                  : rouse_semaphore_resume(&o->semaphore, w);
}
static void decline(object *o, rouse_waiter *w, way how) {
    atomic_fetch_add_explicit(&answers[DECLINED], 1, memory_order_relaxed);
    if (how == BY_UNLOCK) {
        rouse_mutex_decline(&o->mutex, w);
    } else if (how == BY_GIVE_BACK || how == BY_SET) {
        rouse_limit_decline(&o->limit, w);
    } else {
        rouse_semaphore_decline(&o->semaphore, w);
    }
}
static bool cancel(object *o, rouse_waiter *w, way how) {
    return how == BY_UNLOCK                       ? rouse_mutex_cancel(&o->mutex, w)
           : how == BY_GIVE_BACK || how == BY_SET ? rouse_limit_cancel(&o->limit, w)
                                                  : rouse_semaphore_cancel(&o->semaphore, w);
}

static void on_wake(rouse_waiter *w, rouse_status status) {
    pair *const p = (pair *)rouse_waiter_data(w);
    if (status == ROUSE_RETRY && p->asks) {
        status = resume(p->waits_on, w, (way)atomic_load(&p->how));
    }
    atomic_store(&p->said, (int)status);
}

static object *new_object(way how, dice *d) {
    static const uint32_t bounds[] = {0, 0, 1, ROUSE_BYPASS};
    const uint32_t bypass = bounds[roll(d, sizeof bounds / sizeof bounds[0])];
    object *const o = (object *)must_alloc(sizeof *o);
    o->bypass = bypass;
    CHECK(rouse_semaphore_init_throughput(&o->semaphore, 0, bypass) == ROUSE_OK);
    rouse_mutex_init_throughput(&o->mutex, bypass);
    rouse_mutex_check_relock(&o->mutex); /* ROUSE_DEBUG: who is granted it is noted in it */
    CHECK(rouse_limit_init_throughput(&o->limit, 1, 1, bypass) == ROUSE_OK);
    rouse_notify_init(&o->notify);
    rouse_waiter_queue_init(&o->queue, 0);
    CHECK(rouse_mutex_try_lock(&o->mutex) && rouse_limit_try_acquire(&o->limit, 1));
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
    rouse_limit_destroy(&o->limit);
    rouse_notify_destroy(&o->notify);
    rouse_waiter_queue_destroy(&o->queue);
    memset(o, 0xA5, sizeof *o);
    free(o);
}

static rouse_status queue_up(object *o, rouse_waiter *w, way how) {
    switch (how) {
    case BY_RELEASE:
    case BY_SHUT:
        return rouse_semaphore_acquire(&o->semaphore, w, 1);
    case BY_UNLOCK:
        return rouse_mutex_lock(&o->mutex, w);
    case BY_GIVE_BACK:
    case BY_SET:
        return rouse_limit_acquire(&o->limit, w, 1);
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
        case BY_GIVE_BACK:
        case BY_SET:
            had = rouse_limit_try_acquire(&o->limit, 1);
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
    case BY_GIVE_BACK:
    case BY_SET:
        CHECK(rouse_limit_acquire_blocking(&o->limit, 1) == ROUSE_OK);
        return true;
    case BY_SHUT:
        CHECK(rouse_semaphore_acquire_blocking(&o->semaphore, 1) == ROUSE_CLOSED);
        return true;
    case BY_NOTIFY_ONE:
    case BY_NOTIFY_ALL:
        CHECK(rouse_notify_wait_blocking(&o->notify) == ROUSE_OK);
        return true;
    default:
        return false;
    }
}

static _Thread_local rouse_mailbox mailbox;
static void no_kick(void *arg) {
    (void)arg;
}
static rouse_status await_wake(pair *p) {
    int said;
    while ((said = atomic_exchange(&p->said, NOTHING)) == NOTHING) {
        (void)rouse_mailbox_drain(&mailbox);
        sched_yield();
    }
    return (rouse_status)said;
}
/* Cancels w, which is on the mailbox, and returns when the object may be destroyed. */
static rouse_status cancel_mail(pair *p, object *o, rouse_waiter *w, way how) {
    if (cancel(o, w, how)) {
        while (!atomic_load(&p->taken)) { /* the granter is still to come */
            sched_yield();
        }
        return ROUSE_CANCELLED;
    }
    if (rouse_waiter_status(w) != ROUSE_CANCELLED) {
        return await_wake(p);
    }
    atomic_fetch_add_explicit(&answers[CANCELLED], 1, memory_order_relaxed);
    return ROUSE_CANCELLED;
}

static bool is_free(const object *o, way how) {
    return how == BY_UNLOCK      ? !rouse_mutex_is_locked(&o->mutex)
           : how == BY_GIVE_BACK ? rouse_limit_in_use(&o->limit) == 0
                                 : rouse_semaphore_available(&o->semaphore) != 0;
}
/* Invites w, takes the permit past it, and offers the object. So the granter's call finds w invited; w asks once
 * the permit is there. */
static rouse_status pass_and_offer(pair *p, object *o, rouse_waiter *w, way how, told by) {
    grant(p, o, how);
    CHECK(trying(o, how));
    atomic_store(&p->offered, o);
    while (!is_free(o, how)) {
        sched_yield();
    }
    if (by == BY_MAIL) {
        return await_wake(p);
    }
    CHECK(await_wake(p) == ROUSE_RETRY);
    return resume(o, w, how);
}

/* Invites w, and offers the object: it is closed. */
static rouse_status invite_and_shut(pair *p, object *o, rouse_waiter *w, told by, dice *d) {
    rouse_status status;
    CHECK(rouse_semaphore_release(&o->semaphore, 1) == ROUSE_OK);
    atomic_store(&p->offered, o);
    dawdle(d);
    status = await_wake(p);
    if (by != BY_MAIL && status == ROUSE_RETRY) {
        status = resume(o, w, BY_SHUT);
        status = status == ROUSE_PENDING ? await_wake(p) : status;
    }
    while (status == ROUSE_OK && !atomic_load(&p->taken)) { /* the close is still to come */
        sched_yield();
    }
    return status;
}
/* Invites w, and offers the object: the other thread cancels w in its mailbox, or finds that drain was quicker. */
static rouse_status invite_and_take_back(pair *p, object *o, rouse_waiter *w, dice *d) {
    rouse_status status;
    p->mail = w;
    rouse_waiter_init_on(w, &mailbox, on_wake, p);
    CHECK(rouse_semaphore_acquire(&o->semaphore, w, 1) == ROUSE_PENDING);
    CHECK(rouse_semaphore_release(&o->semaphore, 1) == ROUSE_OK);
    atomic_store(&p->offered, o);
    dawdle(d);
    status = await_wake(p);
    while (status == ROUSE_OK && !atomic_load(&p->taken)) { /* the cancel is still to come, and false */
        sched_yield();
    }
    if (status == ROUSE_CANCELLED) {
        atomic_fetch_add_explicit(&answers[CANCELLED], 1, memory_order_relaxed);
    }
    return status;
}

/* Queues w, offers the object, and comes back when the object may be destroyed. */
static rouse_status queue_and_offer(pair *p, object *o, rouse_waiter *w, way how, told by, dice *d) {
    const bool offer_first = how != BY_CANCEL && roll(d, 2) == 0;
    const bool gives_up = how <= BY_SHUT && roll(d, 4) == 0;
    const bool invites = o->bypass != 0 && (by == ON_THREAD || by == BY_MAIL);
    rouse_status status;
    rouse_waiter_init_on(w, by == BY_MAIL ? &mailbox : NULL, by == BY_STATUS ? NULL : on_wake, p);
    p->asks = by == BY_WAKE;
    p->waits_on = o;
    atomic_store(&p->said, NOTHING);
    if (how == BY_TAKING_BACK) {
        return invite_and_take_back(p, o, w, d);
    }
    if (offer_first) {
        atomic_store(&p->offered, o);
    }
    status = queue_up(o, w, how);
    if (!offer_first) {
        CHECK(status == ROUSE_PENDING);
        if (how <= BY_GIVE_BACK && invites) {
            return pass_and_offer(p, o, w, how, by);
        }
        if (how == BY_SHUT && invites) {
            return invite_and_shut(p, o, w, by, d);
        }
        atomic_store(&p->offered, o);
    }
    if (status != ROUSE_PENDING) {
        return status;
    }
    if (by == BY_STATUS) {
        return await_outcome(w);
    }
    if (by == BY_MAIL && gives_up) {
        dawdle(d);
        return cancel_mail(p, o, w, how);
    }
    status = await_wake(p);
    if (status == ROUSE_RETRY && gives_up) {
        decline(o, w, how);
        return ROUSE_CANCELLED;
    }
    return status == ROUSE_RETRY ? resume(o, w, how) : status;
}

static bool can(way how, told by) {
    const bool of_permits = how <= BY_SHUT;
    return by == BY_TRYING     ? (of_permits && how != BY_SHUT) || how == BY_WAKE_MANY
           : by == BY_BLOCKING ? of_permits || how == BY_NOTIFY_ONE || how == BY_NOTIFY_ALL
                               : true;
}

static void *owner(pair *p, dice *d) {
    rouse_waiter w;
    rouse_mailbox_init(&mailbox, no_kick, NULL);
    while (!time_is_up()) {
        const way how = (way)roll(d, WAYS);
        told by = (told)roll(d, TOLDS);
        object *const o = new_object(how, d);
        atomic_store(&p->taken, false);
        atomic_store(&p->how, (int)how);
        by = can(how, by) ? by : BY_STATUS;
        if (by == BY_TRYING || by == BY_BLOCKING) {
            atomic_store(&p->offered, o);
            CHECK(by == BY_TRYING ? trying(o, how) : blocking(o, how));
        } else {
            const rouse_status status = queue_and_offer(p, o, &w, how, by, d);
            CHECK(status == (how == BY_CLOSE || how == BY_SHUT ? ROUSE_CLOSED : ROUSE_OK) ||
                  (how == BY_SHUT && status == ROUSE_OK) || status == ROUSE_CANCELLED);
        }
        destroy_object(o);
        atomic_fetch_add_explicit(&grants, 1, memory_order_relaxed);
        while (!atomic_load(&p->taken)) {
            sched_yield();
        }
        (void)rouse_mailbox_drain(&mailbox); /* one that was cancelled in it */
    }
    rouse_mailbox_destroy(&mailbox);
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
    printf("%llu objects destroyed by whom they were granted to; of the invited %llu resumed, %llu declined, "
           "%llu "
           "were cancelled in their mailbox\n",
           atomic_load(&grants), atomic_load(&answers[RESUMED]), atomic_load(&answers[DECLINED]),
           atomic_load(&answers[CANCELLED]));
    CHECK(grants > 0 && answers[RESUMED] > 0);
    return 0;
}
