/* rouse/detail/queue/compiled.h: the parts of the engine that are in one unit, with ROUSE_COMPILED_ONCE.
 * Internal.
 *
 * The backend includes it after its slow paths and before its fast ones. */
#ifndef ROUSE_DETAIL_QUEUE_COMPILED_H
#define ROUSE_DETAIL_QUEUE_COMPILED_H

#include "../../waiter.h"
#include "../base/compiled.h"
#include "../wake/deliver.h"
#include "types.h"

#include <stdbool.h>
#include <stdint.h>

#ifdef ROUSE_COMPILED_ELSEWHERE_

ROUSE_COMPILED_(rouse_status, rouse_backend_wait_,
                (rouse_waiter_queue * q, rouse_waiter *w, uint32_t n, rouse_ready_fn_ *ready, void *arg),
                (q, w, n, ready, arg))
#    define rouse_backend_wait_ ROUSE_COMPILED_NAME_(rouse_backend_wait_)
ROUSE_COMPILED_(rouse_status, rouse_backend_wake_,
                (rouse_waiter_queue * q, uint32_t n, uint32_t cap, uint32_t *woken), (q, n, cap, woken))
#    define rouse_backend_wake_ ROUSE_COMPILED_NAME_(rouse_backend_wake_)
ROUSE_COMPILED_(uint32_t, rouse_backend_wake_all_, (rouse_waiter_queue * q), (q))
#    define rouse_backend_wake_all_ ROUSE_COMPILED_NAME_(rouse_backend_wake_all_)
ROUSE_COMPILED_(uint32_t, rouse_queue_set_, (rouse_waiter_queue * q), (q))
#    define rouse_queue_set_ ROUSE_COMPILED_NAME_(rouse_queue_set_)
ROUSE_COMPILED_(uint32_t, rouse_backend_close_, (rouse_waiter_queue * q), (q))
#    define rouse_backend_close_ ROUSE_COMPILED_NAME_(rouse_backend_close_)
ROUSE_COMPILED_(bool, rouse_backend_cancel_, (rouse_waiter_queue * q, rouse_waiter *w), (q, w))
#    define rouse_backend_cancel_ ROUSE_COMPILED_NAME_(rouse_backend_cancel_)
ROUSE_COMPILED_VOID_(rouse_deliver_one_, (rouse_waiter * w, uint32_t outcome), (w, outcome))
#    define rouse_deliver_one_ ROUSE_COMPILED_NAME_(rouse_deliver_one_)
ROUSE_COMPILED_VOID_(rouse_deliver_chain_, (const void *queue, rouse_waiter *first, uint32_t same),
                     (queue, first, same))
#    define rouse_deliver_chain_ ROUSE_COMPILED_NAME_(rouse_deliver_chain_)
ROUSE_COMPILED_VOID_(rouse_deliver_, (const rouse_chain_ *chain), (chain))
#    define rouse_deliver_ ROUSE_COMPILED_NAME_(rouse_deliver_)
#    if ROUSE_BACKEND != ROUSE_BACKEND_LOCAL
ROUSE_COMPILED_(rouse_status, rouse_backend_give_back_, (rouse_waiter_queue * q, uint32_t n, uint32_t most),
                (q, n, most))
#        define rouse_backend_give_back_ ROUSE_COMPILED_NAME_(rouse_backend_give_back_)
#    endif
#    if ROUSE_BACKEND == ROUSE_BACKEND_MUTEX || ROUSE_BACKEND == ROUSE_BACKEND_SPIN
ROUSE_COMPILED_(rouse_status, rouse_backend_wake_added_, (rouse_waiter_queue * q, uint64_t before),
                (q, before))
#        define rouse_backend_wake_added_ ROUSE_COMPILED_NAME_(rouse_backend_wake_added_)
ROUSE_COMPILED_(bool, rouse_open_try_, (rouse_waiter_queue * q, uint32_t n), (q, n))
#        define rouse_open_try_ ROUSE_COMPILED_NAME_(rouse_open_try_)
ROUSE_COMPILED_(uint32_t, rouse_open_reduce_, (rouse_waiter_queue * q, uint32_t n), (q, n))
#        define rouse_open_reduce_ ROUSE_COMPILED_NAME_(rouse_open_reduce_)
ROUSE_COMPILED_(rouse_status, rouse_open_resume_, (rouse_waiter_queue * q, rouse_waiter *w), (q, w))
#        define rouse_open_resume_ ROUSE_COMPILED_NAME_(rouse_open_resume_)
ROUSE_COMPILED_VOID_(rouse_open_decline_, (rouse_waiter_queue * q, rouse_waiter *w), (q, w))
#        define rouse_open_decline_ ROUSE_COMPILED_NAME_(rouse_open_decline_)
ROUSE_COMPILED_(rouse_status, rouse_backend_join_, (rouse_waiter_queue * q, rouse_waiter *w), (q, w))
#        define rouse_backend_join_ ROUSE_COMPILED_NAME_(rouse_backend_join_)
#    endif
#    if ROUSE_BACKEND == ROUSE_BACKEND_LOCKFREE
ROUSE_COMPILED_(rouse_status, rouse_queue_hand_off_, (rouse_waiter_queue * q), (q))
#        define rouse_queue_hand_off_ ROUSE_COMPILED_NAME_(rouse_queue_hand_off_)
ROUSE_COMPILED_(bool, rouse_queue_try_late_, (rouse_waiter_queue * q, uint32_t n), (q, n))
#        define rouse_queue_try_late_ ROUSE_COMPILED_NAME_(rouse_queue_try_late_)
ROUSE_COMPILED_(uint32_t, rouse_queue_reduce_late_, (rouse_waiter_queue * q, uint32_t n), (q, n))
#        define rouse_queue_reduce_late_ ROUSE_COMPILED_NAME_(rouse_queue_reduce_late_)
ROUSE_COMPILED_(rouse_status, rouse_queue_looked_,
                (rouse_waiter_queue * q, rouse_waiter *w, rouse_status status, uint32_t cap),
                (q, w, status, cap))
#        define rouse_queue_looked_ ROUSE_COMPILED_NAME_(rouse_queue_looked_)
ROUSE_COMPILED_(uint32_t, rouse_backend_waiter_count_, (const rouse_waiter_queue *q), (q))
#        define rouse_backend_waiter_count_ ROUSE_COMPILED_NAME_(rouse_backend_waiter_count_)
ROUSE_COMPILED_(int64_t, rouse_backend_balance_, (const rouse_waiter_queue *q), (q))
#        define rouse_backend_balance_ ROUSE_COMPILED_NAME_(rouse_backend_balance_)
ROUSE_COMPILED_(rouse_status, rouse_backend_reserve_, (rouse_waiter_queue * q, uint32_t waiters),
                (q, waiters))
#        define rouse_backend_reserve_ ROUSE_COMPILED_NAME_(rouse_backend_reserve_)
ROUSE_COMPILED_VOID_(rouse_backend_destroy_, (rouse_waiter_queue * q), (q))
#        define rouse_backend_destroy_ ROUSE_COMPILED_NAME_(rouse_backend_destroy_)
#    endif
#    if ROUSE_BACKEND == ROUSE_BACKEND_LOCAL
ROUSE_COMPILED_(rouse_status, rouse_local_hand_off_, (rouse_waiter_queue * q), (q))
#        define rouse_local_hand_off_ ROUSE_COMPILED_NAME_(rouse_local_hand_off_)
#    endif
#    if defined(ROUSE_STATS)
ROUSE_COMPILED_(uint64_t, rouse_backend_oldest_, (rouse_waiter_queue * q), (q))
#        define rouse_backend_oldest_ ROUSE_COMPILED_NAME_(rouse_backend_oldest_)
#    endif

#endif

#endif /* ROUSE_DETAIL_QUEUE_COMPILED_H */
