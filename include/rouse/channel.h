/* rouse/channel.h: a bounded channel; many send, many receive, and nobody blocks.
 *
 *     static int numbers[16];
 *     rouse_channel ch;                                         // at most 16 ints wait in it
 *     rouse_channel_init(&ch, numbers, 16, sizeof numbers[0]);
 *     rouse_transfer_init(&task->transfer, NULL, wake, task);   // once for each sender or receiver
 *     ...
 *     switch (rouse_channel_send(&ch, &task->transfer, &task->number)) {
 *     case ROUSE_OK:      sent(task); break;                    // the channel has a copy
 *     case ROUSE_PENDING: break;                                // full; wake says when it has a copy
 *     default:            refuse(task); break;                  // it is closed; the number is still yours
 *     }
 *     ...
 *     switch (rouse_channel_receive(&ch, &task->transfer, &task->number)) ...
 *
 * Elements have a fixed size and are copied, out of and into your memory. The thread that makes room makes
 * the copy. A receiver that takes an element from a full channel copies the oldest waiting sender's element
 * in. A sender that finds receivers waiting copies to the oldest of them. So when a wake runs with ROUSE_OK
 * the element has been copied. An element that was accepted is received exactly once. Until wake has been
 * called or cancel has returned true, an element to be sent must not change, and the memory to receive into
 * must stay valid.
 *
 * Everything is first-in first-out: elements come out in the order in which they were accepted, senders get
 * room and receivers get elements in the order in which they asked. The try_ calls overtake nobody.
 *
 * After rouse_channel_close, sending returns ROUSE_CLOSED. Receivers still get what was accepted; after that,
 * receiving returns ROUSE_CLOSED.
 *
 * Ordering: what a thread did before a send happens before whatever follows the receive of that element. What
 * a thread did before a receive happens before whatever follows the send that took the place it freed.
 *
 * Cost: each call takes one lock for the time of a copy, which is one atomic read-modify-write with SPIN and
 * LOCKFREE. No call allocates. With every backend a thread that is stopped in the middle of a call stops the
 * others on this channel, so no call may be made in a signal handler. */
#ifndef ROUSE_CHANNEL_H
#define ROUSE_CHANNEL_H

#include "config.h"
#include "detail/base/atomic.h"
#include "detail/base/check.h"
#include "detail/base/compiled.h"
#include "detail/base/platform.h"
#include "detail/queue/guard.h"
#include "detail/queue/list.h"
#include "detail/wake/chain.h"
#include "detail/wake/deliver.h"
#include "mailbox.h"
#include "waiter.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* ---- one that sends or receives ------------------------------------------------------------------------ */

typedef struct rouse_transfer rouse_transfer;
typedef void rouse_transfer_wake_fn(rouse_transfer *transfer, rouse_status status);

/* Your memory, as a rouse_waiter is. For one call at a time, on any channel. */
struct rouse_transfer {
    rouse_waiter waiter; /* first; its status is the transfer's, for one that is polled */
    rouse_transfer_wake_fn *wake_;
};

ROUSE_INLINE_ void rouse_transfer_wake_(rouse_waiter *w, rouse_status status) {
    rouse_transfer *const t = (rouse_transfer *)(void *)w;
    t->wake_(t, status);
}

/* Prepares a transfer, which may then be used any number of times. wake runs in the drain of `mailbox`,
 * or, if that is NULL, on the thread whose call serves the transfer. It is called once for each
 * ROUSE_PENDING. If wake is NULL, poll the transfer with rouse_waiter_status(&transfer->waiter). `data` is
 * for rouse_transfer_data. */
ROUSE_INLINE_ void rouse_transfer_init(rouse_transfer *t, rouse_mailbox *mailbox,
                                       rouse_transfer_wake_fn *wake, void *data) {
    ROUSE_CHECK_OBJECT_(t);
    ROUSE_CHECK_MADE_ON_(mailbox);
    rouse_mailbox_prepare_(mailbox, &t->waiter, wake == NULL ? NULL : rouse_transfer_wake_, data);
    t->wake_ = wake;
}

/* Returns the `data` given to rouse_transfer_init. */
ROUSE_INLINE_ void *rouse_transfer_data(const rouse_transfer *t) {
    ROUSE_CHECK_OBJECT_(t);
    return rouse_waiter_data_(&t->waiter);
}

/* ---- the channel --------------------------------------------------------------------------------------- */

/* Senders wait only while the ring is full, receivers only while it is empty: one of the lists is empty. */
typedef struct rouse_channel {
    rouse_guard_ guard_; /* for all that follows                              */
    uint32_t capacity_;
    uint32_t oldest_;          /* index of the oldest element                 */
    rouse_atomic_u32_ count_;  /* elements in the ring; read without the guard */
    rouse_atomic_u32_ closed_; /* 1: closed; read without the guard            */
    rouse_atomic_u32_ waits_;  /* in the lists; read without the guard         */
    size_t element_size_;
    unsigned char *slots_;
    rouse_list_ senders_;
    rouse_list_ receivers_;
} rouse_channel;

/* An empty, open channel: `slots` is memory for `capacity` elements of `element_size` bytes, and remains the
 * channel's until it is destroyed. */
#if defined(ROUSE_GUARD_INIT_)
#    define ROUSE_CHANNEL_INIT(slots, capacity, element_size)                                    \
        {                                                                                        \
            ROUSE_GUARD_INIT_, (capacity), 0, ROUSE_ATOMIC_INIT_(0), ROUSE_ATOMIC_INIT_(0),      \
                ROUSE_ATOMIC_INIT_(0), (element_size), (unsigned char *)(slots), {NULL, NULL}, { \
                NULL, NULL                                                                       \
            }                                                                                    \
        }
#endif

/* Initialises an empty, open channel; the parameters are those of ROUSE_CHANNEL_INIT.
 *   ROUSE_OK        done
 *   ROUSE_INVALID   capacity is 0 or above ROUSE_MAX_PERMITS, slots is NULL (allowed for elements of 0
 *                   bytes), or the size overflows; there is nothing to destroy */
ROUSE_INLINE_ rouse_status rouse_channel_init(rouse_channel *ch, void *slots, uint32_t capacity,
                                              size_t element_size) {
    ROUSE_CHECK_OBJECT_(ch);
    if (capacity == 0 || capacity > ROUSE_MAX_PERMITS ||
        (element_size != 0 && (slots == NULL || capacity > SIZE_MAX / element_size))) {
        return ROUSE_INVALID;
    }
    rouse_guard_init_(&ch->guard_);
    ch->capacity_ = capacity;
    ch->oldest_ = 0;
    rouse_u32_init_(&ch->count_, 0);
    rouse_u32_init_(&ch->closed_, 0);
    rouse_u32_init_(&ch->waits_, 0);
    ch->element_size_ = element_size;
    ch->slots_ = (unsigned char *)slots;
    ch->senders_.oldest = ch->senders_.newest = NULL;
    ch->receivers_.oldest = ch->receivers_.newest = NULL;
    return ROUSE_OK;
}

/* Ends the channel, and drops the elements that are left in it.
 * Requires that nobody waits and no call is in progress, except the one that has served the last transfer and
 * is still returning. */
ROUSE_INLINE_ void rouse_channel_destroy(rouse_channel *ch) {
    ROUSE_CHECK_GUARDED_(ch);
    ROUSE_CHECK_(ch->senders_.oldest == NULL && ch->receivers_.oldest == NULL, ch, "waiters are queued");
    rouse_guard_destroy_(&ch->guard_);
}

/* ---- under the guard ----------------------------------------------------------------------------------- */

enum { ROUSE_CHANNEL_SENDS_ = 1, ROUSE_CHANNEL_RECEIVES_ = 2 }; /* marks (guard.h) */

/* Copies common sizes without a call to the C library. (Not inline: inside a caller's function the compiler
 * would warn about the sizes that the caller's elements do not have.) */
ROUSE_SLOW_ void rouse_channel_move_(void *to, const void *from, size_t size) {
    switch (size) {
    case 0:
        break;
    case 4:
        (void)memcpy(to, from, 4);
        break;
    case 8:
        (void)memcpy(to, from, 8);
        break;
    case 16:
        (void)memcpy(to, from, 16);
        break;
    default:
        (void)memcpy(to, from, size);
    }
}
ROUSE_INLINE_ void rouse_channel_copy_(const rouse_channel *ch, void *to, const void *from) {
#if defined(__GNUC__)
    if (ch->element_size_ == 8) { /* a pointer, for instance: without a call */
        /* The compiler does not see through this, and so does not warn about sizes. */
        __asm__("" : "+r"(to), "+r"(from));
        (void)memcpy(to, from, 8);
        return;
    }
#endif
    rouse_channel_move_(to, from, ch->element_size_);
}

/* Relaxed: written under the guard alone; others take snapshots. */
ROUSE_INLINE_ uint32_t rouse_channel_count_(const rouse_channel *ch) {
    return rouse_u32_load_relaxed_(&ch->count_);
}
/* Relaxed: under the guard. */
ROUSE_INLINE_ void rouse_channel_set_count_(rouse_channel *ch, uint32_t count) {
    rouse_u32_store_relaxed_(&ch->count_, count);
}
/* Relaxed, twice: under the guard. */
ROUSE_INLINE_ void rouse_channel_waits_(rouse_channel *ch, uint32_t by) {
    rouse_u32_store_relaxed_(&ch->waits_, rouse_u32_load_relaxed_(&ch->waits_) + by);
}

/* The element that is `place` places behind the oldest. */
ROUSE_INLINE_ unsigned char *rouse_channel_slot_(const rouse_channel *ch, uint32_t place) {
    const uint32_t behind = ch->oldest_ + place;
    const uint32_t index = behind < ch->capacity_ ? behind : behind - ch->capacity_;
    const size_t offset = (size_t)index * ch->element_size_;
    return offset == 0 ? ch->slots_ : ch->slots_ + offset; /* not NULL + 0: elements of 0 bytes */
}

/* Where both types have 64 bits, a cast between them would cause a warning that it is useless. */
#if UINTPTR_MAX == UINT64_MAX
ROUSE_INLINE_ void *rouse_channel_address_(uintptr_t number) {
    return (void *)number;
}
#else
ROUSE_INLINE_ void *rouse_channel_address_(uint64_t number) {
    return (void *)(uintptr_t)number;
}
#endif

/* The account of a waiter in a list holds the address of its element, or of the place for it. Relaxed: under
 * the guard. */
ROUSE_INLINE_ void rouse_channel_queue_(rouse_channel *ch, rouse_list_ *list, rouse_waiter *w,
                                        uintptr_t element, uint32_t mark) {
    rouse_u64_store_relaxed_(&w->account_, element);
    rouse_guarded_add_(list, w, mark, ch);
    rouse_channel_waits_(ch, 1);
}

/* Takes w, the oldest of its list, out of it: w is served. Returns its element, or the place for it. */
ROUSE_INLINE_ void *rouse_channel_serve_(rouse_channel *ch, rouse_list_ *list, rouse_waiter *w) {
    rouse_guarded_pop_(list, w);
    rouse_channel_waits_(ch, (uint32_t)-1);
    ROUSE_TRACE("grant", ch, w);
    return rouse_channel_address_(rouse_u64_load_relaxed_(&w->account_)); /* relaxed: as above */
}

/* Accepts an element. ROUSE_PENDING: the channel is full. *served: the receiver that has it now, or NULL. */
ROUSE_INLINE_ rouse_status rouse_channel_put_(rouse_channel *ch, const void *element, rouse_waiter **served) {
    rouse_waiter *const receiver = ch->receivers_.oldest;
    const uint32_t count = rouse_channel_count_(ch);
    *served = receiver;
    if (rouse_u32_load_relaxed_(&ch->closed_) != 0) { /* under the guard; nobody waits then */
        return ROUSE_CLOSED;
    }
    if (receiver != NULL) {
        rouse_channel_copy_(ch, rouse_channel_serve_(ch, &ch->receivers_, receiver), element);
        return ROUSE_OK;
    }
    if (count == ch->capacity_) {
        return ROUSE_PENDING;
    }
    rouse_channel_copy_(ch, rouse_channel_slot_(ch, count), element);
    rouse_channel_set_count_(ch, count + 1);
    return ROUSE_OK;
}

/* Hands out the oldest element, and gives its place to the oldest sender that waits. ROUSE_PENDING: the
 * channel is empty. *served: that sender, or NULL. */
ROUSE_INLINE_ rouse_status rouse_channel_take_(rouse_channel *ch, void *element, rouse_waiter **served) {
    rouse_waiter *const sender = ch->senders_.oldest;
    const uint32_t count = rouse_channel_count_(ch);
    *served = sender;
    if (count == 0) {
        return rouse_u32_load_relaxed_(&ch->closed_) != 0 ? ROUSE_CLOSED
                                                          : ROUSE_PENDING; /* under the guard */
    }
    rouse_channel_copy_(ch, element, rouse_channel_slot_(ch, 0));
    if (sender != NULL) { /* the ring is full: the place behind the newest is the one that is free now */
        rouse_channel_copy_(ch, rouse_channel_slot_(ch, 0), rouse_channel_serve_(ch, &ch->senders_, sender));
    } else {
        rouse_channel_set_count_(ch, count - 1);
    }
    ch->oldest_ = ch->oldest_ + 1 == ch->capacity_ ? 0 : ch->oldest_ + 1;
    return ROUSE_OK;
}

ROUSE_INLINE_ void rouse_channel_deliver_(rouse_waiter *served) {
    if (served != NULL) {
        rouse_deliver_one_(served, rouse_outcome_(ROUSE_OK, 0));
    }
}

/* ---- sending and receiving ----------------------------------------------------------------------------- */

/* Send and receive, for any waiter. */
ROUSE_INLINE_ rouse_status rouse_channel_send_(rouse_channel *ch, rouse_waiter *w, const void *element) {
    rouse_waiter *served;
    rouse_status status;
    rouse_guard_take_(&ch->guard_);
    status = rouse_channel_put_(ch, element, &served);
    if (status == ROUSE_PENDING) {
        rouse_channel_queue_(ch, &ch->senders_, w, (uintptr_t)element, ROUSE_CHANNEL_SENDS_);
    }
    rouse_guard_drop_(&ch->guard_);
    rouse_channel_deliver_(served);
    return status;
}
ROUSE_INLINE_ rouse_status rouse_channel_receive_(rouse_channel *ch, rouse_waiter *w, void *element) {
    rouse_waiter *served;
    rouse_status status;
    rouse_guard_take_(&ch->guard_);
    status = rouse_channel_take_(ch, element, &served);
    if (status == ROUSE_PENDING) {
        rouse_channel_queue_(ch, &ch->receivers_, w, (uintptr_t)element, ROUSE_CHANNEL_RECEIVES_);
    }
    rouse_guard_drop_(&ch->guard_);
    rouse_channel_deliver_(served);
    return status;
}

#ifdef ROUSE_COMPILED_ELSEWHERE_
ROUSE_COMPILED_(rouse_status, rouse_channel_send_, (rouse_channel * ch, rouse_waiter *w, const void *element),
                (ch, w, element))
#    define rouse_channel_send_ ROUSE_COMPILED_NAME_(rouse_channel_send_)
ROUSE_COMPILED_(rouse_status, rouse_channel_receive_, (rouse_channel * ch, rouse_waiter *w, void *element),
                (ch, w, element))
#    define rouse_channel_receive_ ROUSE_COMPILED_NAME_(rouse_channel_receive_)
#endif

/* Sends a copy of *element. Never blocks.
 * Returns
 *   ROUSE_OK        the channel, or a receiver, has the copy
 *   ROUSE_PENDING   the channel is full; wake will be called with ROUSE_OK once it has the copy, or with
 *                   ROUSE_CLOSED
 *   ROUSE_CLOSED    the channel is closed and has no copy, as after a wake with ROUSE_CLOSED
 * Requires that t is initialised and not in use.
 * Wakes: the receiver that it served, on this thread. */
ROUSE_NODISCARD_
ROUSE_INLINE_ rouse_status rouse_channel_send(rouse_channel *ch, rouse_transfer *t, const void *element) {
    ROUSE_CHECK_GUARDED_(ch);
    ROUSE_CHECK_(t != NULL, ch, "the transfer is NULL");
    ROUSE_CHECK_IDLE_(&t->waiter, ch);
    return rouse_channel_send_(ch, &t->waiter, element);
}

/* Receives the oldest element into *element. Never blocks.
 * Returns
 *   ROUSE_OK        *element has it
 *   ROUSE_PENDING   the channel is empty; *element has it when wake runs with ROUSE_OK
 *   ROUSE_CLOSED    the channel is closed, and all that it accepted has been received
 * Requires that t is initialised and not in use.
 * Wakes: the sender whose element took the place that became free, on this thread. */
ROUSE_NODISCARD_
ROUSE_INLINE_ rouse_status rouse_channel_receive(rouse_channel *ch, rouse_transfer *t, void *element) {
    ROUSE_CHECK_GUARDED_(ch);
    ROUSE_CHECK_(t != NULL, ch, "the transfer is NULL");
    ROUSE_CHECK_IDLE_(&t->waiter, ch);
    return rouse_channel_receive_(ch, &t->waiter, element);
}

/* Send and receive without a waiter. ROUSE_PENDING: the channel is full, or empty. */
ROUSE_INLINE_ rouse_status rouse_channel_send_now_(rouse_channel *ch, const void *element) {
    rouse_waiter *served;
    rouse_status status;
    rouse_guard_take_(&ch->guard_);
    status = rouse_channel_put_(ch, element, &served);
    rouse_guard_drop_(&ch->guard_);
    rouse_channel_deliver_(served);
    return status;
}
ROUSE_INLINE_ rouse_status rouse_channel_receive_now_(rouse_channel *ch, void *element) {
    rouse_waiter *served;
    rouse_status status;
    rouse_guard_take_(&ch->guard_);
    status = rouse_channel_take_(ch, element, &served);
    rouse_guard_drop_(&ch->guard_);
    rouse_channel_deliver_(served);
    return status;
}

#ifdef ROUSE_COMPILED_ELSEWHERE_
ROUSE_COMPILED_(rouse_status, rouse_channel_send_now_, (rouse_channel * ch, const void *element),
                (ch, element))
#    define rouse_channel_send_now_ ROUSE_COMPILED_NAME_(rouse_channel_send_now_)
ROUSE_COMPILED_(rouse_status, rouse_channel_receive_now_, (rouse_channel * ch, void *element), (ch, element))
#    define rouse_channel_receive_now_ ROUSE_COMPILED_NAME_(rouse_channel_receive_now_)
#endif

/* Send, or receive, without waiting. Return whether they did; false: the channel is full, or empty, or
 * closed. Wake as rouse_channel_send and rouse_channel_receive do. */
ROUSE_NODISCARD_
ROUSE_INLINE_ bool rouse_channel_try_send(rouse_channel *ch, const void *element) {
    ROUSE_CHECK_GUARDED_(ch);
    return rouse_channel_send_now_(ch, element) == ROUSE_OK;
}
ROUSE_NODISCARD_
ROUSE_INLINE_ bool rouse_channel_try_receive(rouse_channel *ch, void *element) {
    ROUSE_CHECK_GUARDED_(ch);
    return rouse_channel_receive_now_(ch, element) == ROUSE_OK;
}

/* Receives up to `most` elements into an array, oldest first, including those of waiting senders for which it
 * makes room. Returns how many. Wakes those senders, on this thread. Holds the channel's lock for all the
 * copies. */
ROUSE_NODISCARD_
ROUSE_INLINE_ uint32_t rouse_channel_try_receive_many(rouse_channel *ch, void *elements, uint32_t most) {
    unsigned char *to = (unsigned char *)elements;
    rouse_chain_ chain = {NULL, NULL};
    rouse_waiter *served;
    uint32_t received = 0;
    ROUSE_CHECK_GUARDED_(ch);
    rouse_guard_take_(&ch->guard_);
    while (received < most && rouse_channel_take_(ch, to, &served) == ROUSE_OK) {
        if (served != NULL) {
            rouse_chain_add_(&chain, served, rouse_outcome_(ROUSE_OK, 0));
        }
        to += ch->element_size_;
        received++;
    }
    rouse_guard_drop_(&ch->guard_);
    rouse_deliver_(&chain);
    return received;
}

/* ---- leaving and closing ------------------------------------------------------------------------------- */

/* Cancel, for any waiter. */
ROUSE_INLINE_ bool rouse_channel_leave_(rouse_channel *ch, rouse_waiter *w) {
    uint32_t mark;
    if (rouse_waiter_status_(w) != ROUSE_PENDING) {
        return false;
    }
    rouse_guard_take_(&ch->guard_);
    mark = rouse_guarded_mark_(w);
    if (mark != 0) {
        rouse_guarded_remove_(mark == ROUSE_CHANNEL_SENDS_ ? &ch->senders_ : &ch->receivers_, w);
        rouse_channel_waits_(ch, (uint32_t)-1);
        ROUSE_TRACE("cancel", ch, w);
        rouse_waiter_release_(w);
    }
    rouse_guard_drop_(&ch->guard_);
    if (mark == 0) {
        rouse_outcome_await_(w);
    }
    return mark != 0;
}

#ifdef ROUSE_COMPILED_ELSEWHERE_
ROUSE_COMPILED_(bool, rouse_channel_leave_, (rouse_channel * ch, rouse_waiter *w), (ch, w))
#    define rouse_channel_leave_ ROUSE_COMPILED_NAME_(rouse_channel_leave_)
#endif

/* Takes t out of the channel.
 * Returns true: t is yours again, its wake will never run, and it has neither sent nor received anything.
 * False: t has been woken or is being woken; its outcome says whether the element was copied. */
ROUSE_NODISCARD_
ROUSE_INLINE_ bool rouse_channel_cancel(rouse_channel *ch, rouse_transfer *t) {
    ROUSE_CHECK_GUARDED_(ch);
    ROUSE_CHECK_(t != NULL, ch, "the transfer is NULL");
    ROUSE_CHECK_OWNED_(&t->waiter, ch, ch);
    return rouse_channel_leave_(ch, &t->waiter);
}

/* Closes the channel: refuses new elements, and wakes all waiters with ROUSE_CLOSED, on this thread. Later
 * receivers still get what the channel accepted before. Returns how many it woke. */
ROUSE_INLINE_ uint32_t rouse_channel_close(rouse_channel *ch) {
    rouse_waiter *first;
    uint32_t all;
    ROUSE_CHECK_GUARDED_(ch);
    ROUSE_TRACE("close", ch, NULL);
    rouse_guard_take_(&ch->guard_);
    rouse_u32_store_release_(&ch->closed_, 1);  /* E47: partner is the load in rouse_channel_is_closed */
    all = rouse_u32_load_relaxed_(&ch->waits_); /* relaxed, twice: under the guard */
    rouse_u32_store_relaxed_(&ch->waits_, 0);
    first = rouse_guarded_take_all_(ch->senders_.oldest != NULL ? &ch->senders_ : &ch->receivers_);
    rouse_guard_drop_(&ch->guard_);
    rouse_deliver_chain_(ch, first, rouse_outcome_(ROUSE_CLOSED, 0));
    return all;
}

/* Returns whether the channel is closed. The close may still be using it. */
ROUSE_INLINE_ bool rouse_channel_is_closed(const rouse_channel *ch) {
    ROUSE_CHECK_GUARDED_(ch);
    /* E47: acquire. A thread that sees the channel closed sees what came before close. */
    return rouse_u32_load_acquire_(&ch->closed_) != 0;
}

/* Return how many elements are in the channel, and how many senders or receivers wait; snapshots. */
ROUSE_INLINE_ uint32_t rouse_channel_count(const rouse_channel *ch) {
    ROUSE_CHECK_GUARDED_(ch);
    return rouse_channel_count_(ch);
}
ROUSE_INLINE_ uint32_t rouse_channel_waiter_count(const rouse_channel *ch) {
    ROUSE_CHECK_GUARDED_(ch);
    return rouse_u32_load_relaxed_(&ch->waits_); /* relaxed: a snapshot */
}

#endif /* ROUSE_CHANNEL_H */
