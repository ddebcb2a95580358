/* examples/primitives/token_bucket_test.c: no more than the rate and the burst, in order, and no token is lost. */
#include "test.h"
#include "token_bucket.h"

#include <stdatomic.h>

enum { THREADS = 4, TAKES = 2000, BURST = 5 };

static void count_wake(rouse_waiter *w, rouse_status status) {
    CHECK(status == ROUSE_OK);
    ++*(int *)rouse_waiter_data(w);
}

static void test_order(void) {
    token_bucket b;
    rouse_waiter large, small;
    int larges = 0;
    int smalls = 0;
    rouse_waiter_init(&large, count_wake, &larges);
    rouse_waiter_init(&small, count_wake, &smalls);
    token_bucket_init(&b, BURST);
    CHECK(token_bucket_try_take(&b, 3) && !token_bucket_try_take(&b, 3));
    CHECK(token_bucket_take(&b, &large, 8) == ROUSE_PENDING); /* more than the burst: it has 2 of them */
    CHECK(token_bucket_take(&b, &small, 1) == ROUSE_PENDING);
    token_bucket_refill(&b, 3);
    CHECK(larges == 0 && smalls == 0);
    token_bucket_refill(&b, 4); /* 3 for the large one, 1 for the small one */
    CHECK(larges == 1 && smalls == 1);
    token_bucket_refill(&b, 100);
    CHECK(!token_bucket_try_take(&b, BURST + 1) && token_bucket_try_take(&b, BURST));
    CHECK(token_bucket_take(&b, &large, 8) == ROUSE_PENDING);
    CHECK(token_bucket_take(&b, &small, 1) == ROUSE_PENDING);
    token_bucket_refill(&b, 7);
    CHECK(token_bucket_cancel(&b, &large)); /* its 7 are handed on: one to the small one, the rest is kept */
    CHECK(larges == 1 && smalls == 2);
    token_bucket_destroy(&b);
}

static token_bucket shared;
static atomic_uint taken;

static void *take(void *number) {
    sleeper self;
    (void)number;
    sleeper_init(&self);
    for (int i = 0; i < TAKES; i++) {
        const uint32_t n = (uint32_t)i % 3 + 1;
        CHECK(sleeper_await(&self, token_bucket_take(&shared, &self.waiter, n)) == ROUSE_OK);
        atomic_fetch_add(&taken, n);
        token_bucket_refill(&shared, n);
    }
    return NULL;
}

int main(void) {
    test_order();
    token_bucket_init(&shared, BURST);
    on_threads(THREADS, take);
    CHECK(rouse_waiter_queue_balance(&shared.queue) == BURST);
    token_bucket_destroy(&shared);
    printf("token bucket: %u tokens\n", atomic_load(&taken));
    return 0;
}
