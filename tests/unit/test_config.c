/* The contract of config.h: the version, the limits, the choice of a backend. */
#include <rouse/rouse.h>

#include "support.h"

#include <stdio.h>
#include <string.h>

Test(config, the_version_is_one) {
    char text[64];
    (void)snprintf(text, sizeof text, "%d.%d.%d", ROUSE_VERSION_MAJOR, ROUSE_VERSION_MINOR,
                   ROUSE_VERSION_PATCH);
    cr_assert_str_eq(text, ROUSE_VERSION_STRING);
}

Test(config, the_backends_count_from_one) {
    cr_assert_eq(ROUSE_BACKEND_MUTEX, 1);
    cr_assert_eq(ROUSE_BACKEND_SPIN, 2);
    cr_assert_eq(ROUSE_BACKEND_LOCKFREE, 3);
    cr_assert_eq(ROUSE_BACKEND_LOCAL, 4);
}

Test(config, the_backend_asked_for_is_the_one_built) {
    const int numbers[] = {ROUSE_BACKEND_MUTEX, ROUSE_BACKEND_SPIN, ROUSE_BACKEND_LOCKFREE,
                           ROUSE_BACKEND_LOCAL};
    const char *const names[] = {"MUTEX", "SPIN", "LOCKFREE", "LOCAL"};
    int found = 0;
    for (int i = 0; i < 4; i++) {
        if (strcmp(names[i], TEST_BACKEND) == 0) {
            cr_assert_eq(ROUSE_BACKEND, numbers[i]);
            found++;
        }
    }
    cr_assert_eq(found, 1);
}

Test(config, the_limits) {
    cr_assert_geq((int64_t)ROUSE_MAX_PERMITS, ((int64_t)1 << 29) - 1);
    cr_assert_gt((int64_t)ROUSE_MAX_LACK, (int64_t)ROUSE_MAX_PERMITS);
}

/* The sizes that the documents name. */
Test(config, the_sizes_on_64_bit_targets) {
#if UINTPTR_MAX == UINT64_MAX
    cr_assert_leq(sizeof(rouse_waiter), (size_t)64);
    cr_assert_leq(sizeof(rouse_semaphore), sizeof(rouse_waiter_queue));
    cr_assert_leq(sizeof(rouse_mutex), sizeof(rouse_waiter_queue));
    cr_assert_leq(sizeof(rouse_notify), sizeof(rouse_waiter_queue));
#    if ROUSE_BACKEND != ROUSE_BACKEND_MUTEX
    cr_assert_leq(sizeof(rouse_waiter_queue), (size_t)48);
#    endif
#    if ROUSE_BACKEND == ROUSE_BACKEND_LOCAL
    cr_assert_leq(sizeof(rouse_waiter_queue), (size_t)40);
#    endif
#else
    cr_skip("the promise is for 64-bit targets");
#endif
}

Test(config, without_the_option_statistics_answer_that_there_are_none) {
    rouse_stats stats = ROUSE_STATS_INIT("none");
    rouse_semaphore s = ROUSE_SEMAPHORE_INIT(1);
    rouse_limit l = ROUSE_LIMIT_INIT(1, 1);
    cr_assert_eq(rouse_semaphore_attach_stats(&s, &stats), ROUSE_INVALID);
    cr_assert_eq(rouse_limit_attach_stats(&l, &stats), ROUSE_INVALID);
    cr_assert_eq(rouse_semaphore_oldest_ns(&s, rouse_stats_now()), 0u);
    cr_assert_eq(rouse_limit_oldest_ns(&l, rouse_stats_now()), 0u);
    cr_assert_eq(rouse_stats_count(&stats), 0u);
}
