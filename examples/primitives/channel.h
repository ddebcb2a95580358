/* examples/primitives/channel.h: a channel of bounded length; neither sending nor receiving ever blocks.
 *
 * Two balances: free places, and messages. A sender takes a place, links its message in, and gives a message;
 * a receiver the other way round. Who finds nothing queues. After channel_close nobody can begin to send;
 * what is in the channel can still be received, then receiving is ROUSE_CLOSED. */
#ifndef EXAMPLE_CHANNEL_H
#define EXAMPLE_CHANNEL_H

#include <rouse/mailbox.h>
#include <rouse/waiter_queue.h>

#include <pthread.h>
#include <stddef.h>

/* What is sent: the caller's memory; put it at the start of a struct of yours. */
typedef struct message {
    struct message *next;
} message;

typedef struct channel {
    rouse_waiter_queue places, messages;
    uint32_t length;
    pthread_mutex_t lock; /* for the list, for a few instructions */
    message *first, **end;
} channel;

/* One who sends or receives; the caller's memory until wake has been called. */
typedef struct channel_user channel_user;
struct channel_user {
    rouse_waiter waiter;
    channel *channel;
    message *message; /* to be sent; or NULL, then the one received */
    bool sends;
    void (*wake)(channel_user *u, rouse_status status);
};

/* length: 1 ... ROUSE_MAX_PERMITS. */
static inline void channel_init(channel *ch, uint32_t length) {
    rouse_waiter_queue_init(&ch->places, length);
    rouse_waiter_queue_init(&ch->messages, 0);
    ch->length = length;
    pthread_mutex_init(&ch->lock, NULL);
    ch->first = NULL;
    ch->end = &ch->first;
}

/* snippet: channel */
/* The sender has a place. */
static inline void channel_put_(channel *ch, message *m) {
    m->next = NULL;
    pthread_mutex_lock(&ch->lock);
    *ch->end = m;
    ch->end = &m->next;
    pthread_mutex_unlock(&ch->lock);
    (void)rouse_waiter_queue_wake(&ch->messages, 1, ch->length);
}

/* The receiver has a message, or (NULL is possible then) the channel is closed. */
static inline message *channel_take_(channel *ch) {
    message *m;
    pthread_mutex_lock(&ch->lock);
    m = ch->first;
    if (m != NULL) {
        ch->first = m->next;
        if (m->next == NULL) {
            ch->end = &ch->first;
        }
    }
    pthread_mutex_unlock(&ch->lock);
    if (m != NULL) {
        (void)rouse_waiter_queue_wake(&ch->places, 1, ch->length);
    }
    return m;
}

/* Does what the user waited for. */
static inline rouse_status channel_finish_(channel_user *u, rouse_status status) {
    if (!u->sends && (status == ROUSE_OK || status == ROUSE_CLOSED)) {
        u->message = channel_take_(u->channel);
        return u->message != NULL ? ROUSE_OK : ROUSE_CLOSED;
    }
    if (status == ROUSE_OK) {
        channel_put_(u->channel, u->message);
    }
    return status;
}

static inline void channel_on_wake_(rouse_waiter *waiter, rouse_status status) {
    channel_user *const u = (channel_user *)rouse_waiter_data(waiter);
    u->wake(u, channel_finish_(u, status));
}
/* end snippet */

/* wake is called after ROUSE_PENDING. mailbox: where, or NULL: on the thread that made it due. */
static inline void channel_user_init(channel_user *u, channel *ch, rouse_mailbox *mailbox,
                                     void (*wake)(channel_user *u, rouse_status status)) {
    if (mailbox != NULL) {
        rouse_waiter_init_on(&u->waiter, mailbox, channel_on_wake_, u);
    } else {
        rouse_waiter_init(&u->waiter, channel_on_wake_, u);
    }
    u->channel = ch;
    u->wake = wake;
}

/* ROUSE_OK: the channel has it. ROUSE_PENDING: it has when wake runs with ROUSE_OK. Anything else
 * (ROUSE_CLOSED, ROUSE_NOMEM), there or here: m is still yours. */
static inline rouse_status channel_send(channel_user *u, message *m) {
    rouse_status status;
    u->sends = true;
    u->message = m;
    status = rouse_waiter_queue_wait(&u->channel->places, &u->waiter, 1);
    return status == ROUSE_PENDING ? status : channel_finish_(u, status);
}

/* ROUSE_OK: u->message is it. ROUSE_PENDING: it is when wake runs. ROUSE_CLOSED: there will be none. */
static inline rouse_status channel_receive(channel_user *u) {
    rouse_status status;
    u->sends = false;
    u->message = NULL;
    status = rouse_waiter_queue_wait(&u->channel->messages, &u->waiter, 1);
    return status == ROUSE_PENDING ? status : channel_finish_(u, status);
}

/* True: u no longer waits. False: too late, it sends or receives; its wake is called, or owed. */
static inline bool channel_cancel(channel_user *u) {
    return rouse_waiter_queue_cancel(u->sends ? &u->channel->places : &u->channel->messages, &u->waiter);
}

/* A sender that has its place already still sends: on another thread, or when its mailbox is drained. So
 * before the channel is destroyed: let the senders end, then receive until ROUSE_CLOSED. */
static inline void channel_close(channel *ch) {
    (void)rouse_waiter_queue_close(&ch->places);
    (void)rouse_waiter_queue_close(&ch->messages);
}

/* Nobody waits, and no call is in progress. */
static inline void channel_destroy(channel *ch) {
    rouse_waiter_queue_destroy(&ch->places);
    rouse_waiter_queue_destroy(&ch->messages);
    pthread_mutex_destroy(&ch->lock);
}

#endif /* EXAMPLE_CHANNEL_H */
