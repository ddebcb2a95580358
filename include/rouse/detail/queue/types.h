/* rouse/detail/queue/types.h: the words that the engine uses, and what a backend must supply. Internal.
 *
 * ---- Glossary -------------------------------------------------------------------------------------------
 *   permit     one unit of credit: what a semaphore counts
 *   credit     permits that are stored in a balance, or travel from a waker to a waiter
 *   balance    the signed number in a queue's word: stored credit if positive, what its waiters lack if
 *              negative
 *   cap        the most credit that a call lets the balance store
 *   lack       what a queued waiter still needs to have all that it asked for
 *   waiter     the caller's memory in a queue (rouse_waiter), or the thread that queues it
 *   waker      the thread inside release, unlock, notify, wake, close, or a cancel that hands credit on
 *   canceller  the thread inside cancel
 *   taker      a thread that takes stored credit without queueing
 *   grant      give a waiter the last of what it asked for, and take it out of the queue
 *   hand-off   credit that goes from a waker to a waiter without being stored
 *   due        out of the queue, its outcome decided, its wake still to run
 *   deliver    store the outcome of a granted or closed waiter, and run, defer or post its wake
 *   chain      the waiters that one call has granted and not yet delivered
 *   inbox      the wakes that a thread must run after the wake that it is in
 *   mailbox    the wakes that a loop's thread is to run: a post adds one, drain runs them, kick wakes the
 *              loop
 *   stand-in   a waiter that is queued in another one's place (wake/outcome.h)
 *   guard      the lock of a primitive that keeps waiters in its own lists (guard.h)
 *   list       where MUTEX and SPIN keep waiters
 *   mark       the number in a waiter that says that it is in the list
 *   slot       the place of a waiter that is alone (SPIN)
 *   ticket     a place in the order of a LOCKFREE queue
 *   cell       where the waiter of a ticket is; resolved: no waker takes it any more; final: no thread
 *              uses it any more
 *   segment    an array of cells; the pool keeps those that are not in use
 *   token      what a LOCKFREE waker leaves in the cell of a waiter that has not arrived yet
 *   invite     tell a waiter that it is its turn to ask (throughput mode); under way: invited, and has not
 *              answered; beaten: others were quicker
 *   newcomer   a taker, or a waiter before it queues, while others wait (throughput mode)
 *   passed     how many permits newcomers have taken since the oldest waiter got in (throughput mode)
 *
 * ---- What a backend supplies ----------------------------------------------------------------------------
 * A backend supplies struct rouse_waiter_queue, whose first member is `rouse_atomic_u64_ word_` (word.h), and
 * what follows. LOCAL has plain numbers instead of the word, and also supplies the policies of
 * waiter_queue.h.
 *
 *   ROUSE_BACKEND_INIT_(credit)   static initialiser
 *   ROUSE_WORD_ADD_ONE_           what a release(1) adds to the word before it looks (LOCKFREE has
 *                                 rouse_queue_give_one_ instead of this and wake_added_)
 *   rouse_backend_guess_          where the guess of the word is, or NULL (word.h)
 *   rouse_backend_init_ (with the credit to start from), _destroy_
 *   rouse_backend_wait_           queue the waiter, or take credit that has come up meanwhile. ROUSE_OK: it
 *                                 has called rouse_outcome_at_once_, or, for a condition that already
 *                                 holds, left a status that is not ROUSE_OK
 *   rouse_backend_join_           wait for 1, for a waiter that a condition variable moves (SPIN; MUTEX,
 *                                 after a first look at the word; the others: rouse_queue_wait_)
 *   rouse_backend_wake_           hand out n when the balance was seen negative; *woken: how many
 *   rouse_backend_give_back_      the same where no more than `most` may be stored: ROUSE_INVALID otherwise
 *   rouse_backend_wake_added_     the same for the 1 that release has added to a negative word already
 *   rouse_backend_wake_all_, _close_, _cancel_, _waiter_count_, _balance_, _reserve_
 *   ROUSE_BACKEND_INIT_THROUGHPUT_(credit, bypass), rouse_open_init_, _on_, _try_, _reduce_, _resume_,
 *   _decline_                     throughput mode (open.h; open_none.h for a backend that has none)
 *   rouse_queue_set_              close and wake_all in one step: wakes with ROUSE_OK exactly the waiters
 *                                 that are queued at that moment
 *   rouse_queue_reset_            undoes the closing. Returns whether it was closed
 *
 * Every backend keeps two rules. It delivers wakes (wake/deliver.h) after the call's last access to the
 * queue. Before that access it publishes nothing that another thread may take (a granted waiter, stored
 * credit), unless the call still has a waiter to wake. */
#ifndef ROUSE_DETAIL_QUEUE_TYPES_H
#define ROUSE_DETAIL_QUEUE_TYPES_H

#include <stdbool.h>

typedef struct rouse_waiter_queue rouse_waiter_queue;

/* The condition of add_waiter_if. */
typedef bool rouse_ready_fn_(void *arg);

#endif /* ROUSE_DETAIL_QUEUE_TYPES_H */
