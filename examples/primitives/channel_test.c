/* examples/primitives/channel_test.c: every message arrives once, in order; the channel is never longer than
 * allowed. */
#include "channel.h"
#include "test.h"

enum { SENDERS = 3, RECEIVERS = 2, MESSAGES = 3000, LENGTH = 5 };

typedef struct number {
    message link; /* first: a message is its number */
    int sender, value;
} number;

static int wakes;
static rouse_status last_status;

static void note_wake(channel_user *u, rouse_status status) {
    (void)u;
    wakes++;
    last_status = status;
}

static int value_of(const channel_user *u) {
    return ((const number *)(const void *)u->message)->value;
}

static void test_order(void) {
    channel ch;
    channel_user senders[3], receivers[2];
    number numbers[3] = {{.value = 1}, {.value = 2}, {.value = 3}};
    channel_init(&ch, 1);
    for (int i = 0; i < 3; i++) {
        channel_user_init(&senders[i], &ch, NULL, note_wake);
    }
    channel_user_init(&receivers[0], &ch, NULL, note_wake);
    channel_user_init(&receivers[1], &ch, NULL, note_wake);
    CHECK(channel_send(&senders[0], &numbers[0].link) == ROUSE_OK);
    CHECK(channel_send(&senders[1], &numbers[1].link) == ROUSE_PENDING); /* full */
    CHECK(channel_send(&senders[2], &numbers[2].link) == ROUSE_PENDING);
    CHECK(channel_cancel(&senders[2]));
    CHECK(channel_receive(&receivers[0]) == ROUSE_OK && value_of(&receivers[0]) == 1);
    CHECK(wakes == 1 && last_status == ROUSE_OK);                        /* the second sender has its place */
    CHECK(channel_send(&senders[2], &numbers[2].link) == ROUSE_PENDING); /* so it is full again */
    CHECK(channel_cancel(&senders[2]));
    CHECK(channel_receive(&receivers[0]) == ROUSE_OK && value_of(&receivers[0]) == 2);
    CHECK(channel_receive(&receivers[0]) == ROUSE_PENDING); /* empty */
    CHECK(channel_send(&senders[2], &numbers[2].link) == ROUSE_OK);
    CHECK(wakes == 2 && value_of(&receivers[0]) == 3);
    CHECK(channel_receive(&receivers[1]) == ROUSE_PENDING);
    CHECK(channel_cancel(&receivers[1]));
    CHECK(channel_send(&senders[0], &numbers[0].link) == ROUSE_OK);
    CHECK(channel_send(&senders[1], &numbers[1].link) == ROUSE_PENDING);
    channel_close(&ch);
    CHECK(wakes == 3 && last_status == ROUSE_CLOSED);                   /* the sender in the queue */
    CHECK(channel_send(&senders[2], &numbers[2].link) == ROUSE_CLOSED); /* later ones */
    CHECK(channel_receive(&receivers[0]) == ROUSE_OK && value_of(&receivers[0]) == 1);
    CHECK(channel_receive(&receivers[0]) == ROUSE_CLOSED);
    channel_destroy(&ch);
}

static void set_flag(void *flag) {
    *(bool *)flag = true;
}

/* A sender's place is in its mailbox when the channel is closed: it still sends. */
static void test_mailbox(void) {
    channel ch;
    rouse_mailbox mailbox;
    bool kicked = false;
    channel_user sender, receiver;
    number one = {.value = 1}, two = {.value = 2};
    wakes = 0;
    channel_init(&ch, 1);
    rouse_mailbox_init(&mailbox, set_flag, &kicked);
    channel_user_init(&sender, &ch, &mailbox, note_wake);
    channel_user_init(&receiver, &ch, &mailbox, note_wake);
    CHECK(channel_send(&sender, &one.link) == ROUSE_OK);
    CHECK(channel_send(&sender, &two.link) == ROUSE_PENDING);
    CHECK(channel_receive(&receiver) == ROUSE_OK && value_of(&receiver) == 1);
    CHECK(kicked && wakes == 0);
    CHECK(!channel_cancel(&sender));
    channel_close(&ch);
    CHECK(rouse_mailbox_drain(&mailbox) == 1 && wakes == 1 && last_status == ROUSE_OK);
    CHECK(channel_receive(&receiver) == ROUSE_OK && value_of(&receiver) == 2);
    CHECK(channel_receive(&receiver) == ROUSE_CLOSED);
    rouse_mailbox_destroy(&mailbox);
    channel_destroy(&ch);
}

static channel shared;
static number numbers[SENDERS][MESSAGES];
static int last_seen[RECEIVERS][SENDERS];
static unsigned received[RECEIVERS];
static pthread_barrier_t all_sent;

typedef struct channel_sleeper {
    channel_user user; /* first */
    sem_t woken;
    rouse_status status;
} channel_sleeper;

static void on_wake(channel_user *u, rouse_status status) {
    channel_sleeper *const s = (channel_sleeper *)u;
    s->status = status;
    sem_post(&s->woken);
}

static rouse_status await(channel_sleeper *s, rouse_status answer) {
    if (answer != ROUSE_PENDING) {
        return answer;
    }
    while (sem_wait(&s->woken) != 0) {
    }
    return s->status;
}

static void send_all(channel_sleeper *self, int sender) {
    for (int i = 0; i < MESSAGES; i++) {
        numbers[sender][i].sender = sender;
        numbers[sender][i].value = i + 1;
        CHECK(await(self, channel_send(&self->user, &numbers[sender][i].link)) == ROUSE_OK);
    }
}

static void receive_all(channel_sleeper *self, int receiver) {
    while (await(self, channel_receive(&self->user)) == ROUSE_OK) {
        const number *const n = (const number *)(const void *)self->user.message;
        CHECK(n->value > last_seen[receiver][n->sender]); /* what one sender sends comes in order */
        last_seen[receiver][n->sender] = n->value;
        received[receiver]++;
    }
}

/* The last sender to finish closes the channel. */
static void *send_or_receive(void *index) {
    const int me = *(int *)index;
    channel_sleeper self;
    sem_init(&self.woken, 0, 0);
    channel_user_init(&self.user, &shared, NULL, on_wake);
    if (me >= SENDERS) {
        receive_all(&self, me - SENDERS);
        return NULL;
    }
    send_all(&self, me);
    if (pthread_barrier_wait(&all_sent) == PTHREAD_BARRIER_SERIAL_THREAD) {
        channel_close(&shared);
    }
    return NULL;
}

int main(void) {
    test_order();
    test_mailbox();
    channel_init(&shared, LENGTH);
    pthread_barrier_init(&all_sent, NULL, SENDERS);
    on_threads(SENDERS + RECEIVERS, send_or_receive);
    CHECK(received[0] + received[1] == SENDERS * MESSAGES);
    pthread_barrier_destroy(&all_sent);
    channel_destroy(&shared);
    printf("channel: %u messages from %d senders to %d receivers\n", received[0] + received[1], SENDERS,
           RECEIVERS);
    return 0;
}
