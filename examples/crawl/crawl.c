/* examples/crawl/crawl.c: fetches many files from few hosts: libcurl on epoll, and threads that hash.
 *
 *     crawl SOCKET PER_HOST IN_ALL ATTEMPTS TIMEOUT_MS <URLS
 *
 * Reads URLs, one a line, and fetches them from the server on the Unix socket SOCKET. At most PER_HOST
 * fetches of one host run at a time, and IN_ALL of all hosts. A fetch that fails and may succeed later is
 * tried again, at most ATTEMPTS times, after a time that doubles. Prints "SHA256 URL" or "failed URL" for
 * each, and a line of JSON at the end.
 *
 * A fetch has a permit of its host and one of the program while its request is in progress, but not while
 * it waits to try again or is hashed. */
#include "multi.h"

#include <rouse/rouse.h>
#include <rouse/several.h>

#include <glib.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { HASHERS = 2, BACK_OFF_MS = 20, MOST_URLS = 10000 };

typedef struct host {
    struct host *next;
    char name[128];
    rouse_limit limit;
    rouse_step
        steps[2]; /* its host's limit, then the program's, so a wait for a slow host holds no permit of all */
} host;

typedef struct fetch {
    char url[256];
    host *host;
    rouse_several place; /* the permits                                              */
    rouse_timed timer;   /* the time-out of an attempt, or the time until the next   */
    rouse_waiter hashed; /* a thread posts it to the loop                            */
    CURL *easy;          /* a request is under way                                   */
    unsigned attempts;
    GByteArray *body;
    char *hash;
} fetch;

static rouse_epoll r;
static const char *server;
static uint32_t per_host;
static unsigned most_attempts, timeout_ms;
static rouse_limit in_all;
static host *hosts;
static rouse_event never = ROUSE_EVENT_INIT; /* a timed wait for it is a timer */
static rouse_channel bodies; /* of pointers to fetches, to the threads that hash; it has room for all */
static unsigned left, fetched, failed, retries;

static void set_timer(fetch *f, uint64_t ms) {
    if (rouse_event_wait_until(&never, &f->timer, rouse_epoll_now() + ms * 1000000) != ROUSE_PENDING) {
        abort();
    }
}

static void over(fetch *f) {
    printf("%s %s\n", f->hash != NULL ? f->hash : "failed", f->url);
    (*(f->hash != NULL ? &fetched : &failed))++;
    left--;
    g_byte_array_free(f->body, TRUE);
    g_free(f->hash);
    g_free(f);
}

/* ---- threads that hash ---- */

static void *hash(void *unused) {
    fetch *f;
    while (rouse_channel_receive_blocking(&bodies, &f) == ROUSE_OK) {
        f->hash = g_compute_checksum_for_data(G_CHECKSUM_SHA256, f->body->data, f->body->len);
        rouse_mailbox_post(rouse_epoll_mailbox(&r), &f->hashed, ROUSE_OK); /* f is the loop's again */
    }
    return unused;
}
static void on_hashed(rouse_waiter *w, rouse_status status) {
    (void)status;
    over(rouse_waiter_data(w));
}

/* ---- a fetch, on the loop's thread ---- */

static size_t on_bytes(char *bytes, size_t one, size_t count, void *data) {
    g_byte_array_append(((fetch *)data)->body, (guint8 *)bytes, (guint)(one * count));
    return one * count;
}

/* It has both permits. */
static void request(fetch *f) {
    f->attempts++;
    g_byte_array_set_size(f->body, 0);
    f->easy = curl_easy_init();
    if (f->easy == NULL) {
        abort();
    }
    curl_easy_setopt(f->easy, CURLOPT_URL, f->url);
    curl_easy_setopt(f->easy, CURLOPT_UNIX_SOCKET_PATH, server);
    curl_easy_setopt(f->easy, CURLOPT_WRITEFUNCTION, on_bytes);
    curl_easy_setopt(f->easy, CURLOPT_WRITEDATA, f);
    curl_easy_setopt(f->easy, CURLOPT_PRIVATE, f);
    set_timer(f, timeout_ms);
    multi_add(f->easy);
}
static void on_place(rouse_several *place, rouse_status status) {
    if (status != ROUSE_OK) { /* nobody closes the limits, and they have no bound */
        abort();
    }
    request(rouse_several_data(place));
}
static void begin(fetch *f) {
    const rouse_status status = rouse_several_acquire(&f->place, f->host->steps, 2);
    if (status != ROUSE_PENDING) {
        on_place(&f->place, status);
    }
}

/* The request is over. `code`: HTTP's, or 0. */
static void on_answer(fetch *f, long code) {
    multi_remove(f->easy);
    curl_easy_cleanup(f->easy);
    f->easy = NULL;
    rouse_several_give_back(&f->place); /* others may have begun when it returns; f is still ours */
    if (code == 200) {
        if (!rouse_channel_try_send(&bodies, &f)) {
            abort();
        }
    } else if ((code == 0 || code == 429 || code >= 500) && f->attempts < most_attempts) {
        const unsigned ms = (unsigned)BACK_OFF_MS << (f->attempts < 10 ? f->attempts - 1 : 9);
        retries++;
        set_timer(f, ms + (unsigned)rand() % ms); /* not all at once */
    } else {
        over(f);
    }
}
void multi_on_done(CURL *easy, CURLcode result) {
    fetch *f;
    char *data;
    long code = 0;
    curl_easy_getinfo(easy, CURLINFO_PRIVATE, &data);
    f = (fetch *)(void *)data;
    (void)!rouse_timed_cancel(&f->timer);
    if (result == CURLE_OK) {
        curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &code);
    }
    on_answer(f, code);
}
static void on_timer(rouse_timed *t, rouse_status status) {
    fetch *const f = rouse_timed_data(t);
    (void)status; /* it has timed out */
    if (f->easy != NULL) {
        on_answer(f, 0);
    } else {
        begin(f);
    }
}

/* ---- the program ---- */

static host *host_of(const char *url) {
    char name[sizeof hosts->name] = "";
    host *h;
    sscanf(url, "http://%127[^/]", name);
    for (h = hosts; h != NULL && strcmp(h->name, name) != 0; h = h->next) {
    }
    if (h == NULL) {
        h = g_new0(host, 1);
        strcpy(h->name, name);
        rouse_limit_init(&h->limit, per_host, UINT32_MAX);
        h->steps[0] = (rouse_step){&h->limit, 1};
        h->steps[1] = (rouse_step){&in_all, 1};
        h->next = hosts;
        hosts = h;
    }
    return h;
}

static void run(int epfd) {
    struct epoll_event events[64];
    while (left > 0) {
        const int count = epoll_wait(epfd, events, 64, rouse_epoll_timeout_ms(&r));
        for (int i = 0; i < count; i++) {
            if (events[i].data.ptr != &r) {
                multi_ready(&events[i]);
            }
        }
        rouse_epoll_ready(&r);
    }
}

int main(int argc, char **argv) {
    static fetch *slots[MOST_URLS];
    pthread_t hashers[HASHERS];
    char url[sizeof((fetch *)NULL)->url];
    const int epfd = epoll_create1(EPOLL_CLOEXEC);
    if (argc != 6 || rouse_epoll_init(&r, epfd) != 0 || !multi_start(&r, epfd) ||
        rouse_channel_init(&bodies, slots, MOST_URLS, sizeof slots[0]) != ROUSE_OK) {
        fprintf(stderr, "usage: crawl SOCKET PER_HOST IN_ALL ATTEMPTS TIMEOUT_MS <URLS\n");
        return 2;
    }
    server = argv[1];
    per_host = (uint32_t)strtoul(argv[2], NULL, 10);
    rouse_limit_init(&in_all, (uint32_t)strtoul(argv[3], NULL, 10), UINT32_MAX);
    most_attempts = (unsigned)strtoul(argv[4], NULL, 10);
    timeout_ms = (unsigned)strtoul(argv[5], NULL, 10);
    for (int i = 0; i < HASHERS; i++) {
        if (pthread_create(&hashers[i], NULL, hash, NULL) != 0) {
            return 1;
        }
    }
    while (left < MOST_URLS && scanf("%255s", url) == 1) {
        fetch *const f = g_new0(fetch, 1);
        strcpy(f->url, url);
        f->host = host_of(url);
        f->body = g_byte_array_new();
        rouse_several_init(&f->place, NULL, on_place, f);
        rouse_timed_init(&f->timer, rouse_epoll_deadlines(&r), NULL, on_timer, f);
        rouse_waiter_init_on(&f->hashed, rouse_epoll_mailbox(&r), on_hashed, f);
        left++;
        begin(f);
    }
    run(epfd);
    rouse_channel_close(&bodies);
    for (int i = 0; i < HASHERS; i++) {
        pthread_join(hashers[i], NULL);
    }
    printf("{\"fetched\": %u, \"failed\": %u, \"retries\": %u, \"in_use\": %u}\n", fetched, failed, retries,
           rouse_limit_in_use(&in_all));
    multi_stop();
    for (host *h = hosts, *next; h != NULL; h = next) {
        next = h->next;
        rouse_limit_destroy(&h->limit);
        g_free(h);
    }
    rouse_limit_destroy(&in_all);
    rouse_channel_destroy(&bodies);
    rouse_event_destroy(&never);
    rouse_epoll_close(&r);
    close(epfd);
    return 0;
}
