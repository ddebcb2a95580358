/* tests/support/late.h: a queue of LOCKFREE whose counters wrap soon: the life of each segment, as its cells know it (31 bits),
 * the version of each link (36) and the tag of the pool (37). Include after a header of rouse. */
#ifndef ROUSE_TESTS_SUPPORT_LATE_H
#define ROUSE_TESTS_SUPPORT_LATE_H

#if ROUSE_BACKEND == ROUSE_BACKEND_LOCKFREE
/* Makes the pool of `q`, with four segments; `before`: so many uses before the wraps. Requires that nobody has waited yet. */
static inline void late_queue(rouse_waiter_queue *q, uint32_t before) {
    rouse_pool_ *const pool = rouse_wait_pool_(q);
    const uint64_t link = ((UINT64_C(1) << 36) - 1 - before) << 28;
    rouse_segment_ *segments[4];
    for (int i = 0; i < 4; i++) {
        segments[i] = rouse_pool_take_(pool);
        segments[i]->life_ = (UINT64_C(1) << 31) - 1 - before;
        rouse_u64_init_(&segments[i]->next_, link);
    }
    rouse_u64_init_(&pool->first_, link);
    rouse_u64_init_(&pool->free_, ((UINT64_C(1) << 37) - 1 - before) << 27);
    for (int i = 0; i < 4; i++) {
        rouse_pool_push_(pool, segments[i]);
    }
}
#else
static inline void late_queue(rouse_waiter_queue *q, uint32_t before) {
    (void)q;
    (void)before;
}
#endif

#endif /* ROUSE_TESTS_SUPPORT_LATE_H */
