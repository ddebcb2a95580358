/* benches/peers/moodycamel.h: moodycamel's LightweightSemaphore, from the package of its concurrent queue. It blocks
 * threads. The loops are in moodycamel.cc, where the compiler can inline it. */
#ifndef ROUSE_BENCH_ADAPTER_H
#define ROUSE_BENCH_ADAPTER_H

#include "../bench.h"

#define C_TASKS 0

#ifdef __cplusplus
extern "C" {
#endif

typedef struct c_sem {
    void *impl;
} c_sem;

void moodycamel_init(c_sem *s, uint32_t permits);
void moodycamel_destroy(c_sem *s);
void moodycamel_block(c_sem *s);
void moodycamel_unblock(c_sem *s);
void moodycamel_pairs(c_sem *s, int64_t n);
void moodycamel_try_pairs(c_sem *s, int64_t n);

#ifdef __cplusplus
}
#endif

#define c_sem_init      moodycamel_init
#define c_sem_destroy   moodycamel_destroy
#define c_sem_block     moodycamel_block
#define c_sem_unblock   moodycamel_unblock
#define c_sem_pairs     moodycamel_pairs
#define c_sem_try_pairs moodycamel_try_pairs

#endif /* ROUSE_BENCH_ADAPTER_H */
