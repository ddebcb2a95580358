/* rouse/rouse.h: everything, and which primitive do I want?
 *
 *   at most N at a time                                   semaphore.h
 *   at most N, where N changes or few may wait            limit.h
 *   permits of two or more limits, all or nothing         several.h
 *   only one at a time, held across callbacks             mutex.h
 *   many may read at a time, or one writes                rwlock.h
 *   something has happened; the waiters should look       notify.h
 *   let everybody through once it is set, until reset     event.h
 *   nobody new comes in; tell me when all have left       gate.h
 *   wait, with a mutex, until a condition holds           condvar.h
 *   the first task does it once, the others wait          once.h
 *   all arrive, then all continue                         barrier.h
 *   hand items over, at most N in flight                  channel.h
 *   whichever of several objects comes first              any.h
 *   a primitive of your own                               waiter_queue.h
 *   a plain thread must wait for any of them              blocking.h (not with ROUSE_BACKEND_LOCAL)
 *   give up on any of them at a time of my loop's clock   deadline.h
 *   how long they wait, how long the oldest has waited    stats.h (option ROUSE_STATS)
 *   woken on one thread, must run on my loop's thread     mailbox.h
 *
 * The contract with your scheduler is in waiter.h, every option in config.h. */
#ifndef ROUSE_H
#define ROUSE_H

#include "any.h"
#include "barrier.h"
#include "channel.h"
#include "condvar.h"
#include "config.h"
#include "deadline.h"
#include "event.h"
#include "gate.h"
#include "limit.h"
#include "mailbox.h"
#include "mutex.h"
#include "notify.h"
#include "once.h"
#include "rwlock.h"
#include "semaphore.h"
#include "several.h"
#include "stats.h"
#include "waiter.h"
#include "waiter_queue.h"
#if ROUSE_BACKEND != ROUSE_BACKEND_LOCAL
#    include "blocking.h"
#endif

#endif /* ROUSE_H */
