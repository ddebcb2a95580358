/* rouse/config.h: every option, its values, its default, its scope; and the version.
 *
 * Set an option on the compiler's command line, or define it before the first rouse header. Options marked
 * "program" must have one value in the whole program. A program that mixes values aborts at start-up with a
 * message that names both. Shared libraries that hide rouse's symbols, or are loaded later, escape that
 * check. There ROUSE_DEBUG aborts at the first call on an object that crosses from one to the other
 * (detail/base/options.h). Options marked "unit" may differ between translation units.
 *
 *   option                    scope    values (default first)
 *   ROUSE_BACKEND             program  ROUSE_BACKEND_SPIN | ROUSE_BACKEND_MUTEX | ROUSE_BACKEND_LOCKFREE |
 *                                      ROUSE_BACKEND_LOCAL (for one thread; it leaves out blocking.h)
 *   ROUSE_DEBUG               program  undefined | defined: misuse aborts with one line on stderr
 *   ROUSE_PRIVATE             unit     undefined | an identifier that names your library, if it uses rouse
 *                                      internally. The start-up check compares its units with each other and
 *                                      never with the rest of the program. No object may cross the border.
 *                                      A chain of wakes that crosses it grows the stack by one call each time
 *   ROUSE_MIXED_BACKENDS      unit     undefined | defined: this unit may have another backend than the
 *                                      rest; you make sure that no object crosses over
 *   ROUSE_COMPILED_ONCE       unit     undefined | defined: this unit does not compile the slow paths. It
 *                                      calls those of the unit that defines ROUSE_IMPLEMENTATION, with that
 *                                      unit's "unit" options
 *   ROUSE_IMPLEMENTATION      unit     undefined | defined: this unit compiles the slow paths, for all units
 *                                      of its executable or shared library that define ROUSE_COMPILED_ONCE
 *   ROUSE_SEGMENT_CELLS       program  32 | a power of two, 2 ... 4096: cells in a LOCKFREE segment
 *   ROUSE_SPIN_LIMIT          unit     64 | 1 ... 65536: pause instructions before a spinner yields. Below
 *                                      16, also the pauses of a call that is about to queue in
 *                                      throughput mode, which then does not yield (semaphore.h)
 *   ROUSE_PRIORITY_INHERIT    unit     undefined | defined: with ROUSE_BACKEND_MUTEX the init functions (not
 *                                      the static initialisers) make mutexes with priority inheritance, where
 *                                      POSIX threads have them (not declared with strict -std=c11). For
 *                                      real-time threads; contended calls then take many times as long
 *   ROUSE_MALLOC, ROUSE_FREE  program  malloc, free | both or neither: LOCKFREE's allocator. The start-up
 *                                      check does not compare them; they must match because one unit may
 *                                      free what another allocated
 *   ROUSE_TRACE(event, object, waiter)
 *                             unit     undefined | a statement to run at every queueing, grant, wake,
 *                                      invitation, cancel, close and so on (event: a string literal;
 *                                      docs/debugging.md has the table of events)
 *   ROUSE_STATS               program  undefined | defined: the library times waits, and stats.h counts them.
 *                                      Costs 8 bytes in each waiter and queue, and two clock reads for each
 *                                      call that queues; nothing for a call that does not
 *   ROUSE_STATS_NOW()         unit     rouse_stats_now() | an expression: nanoseconds of a monotonic clock
 *   ROUSE_ATOMIC_HOOKS_HEADER program  undefined | the path of a header that defines the hooks around every
 *                                      atomic operation (detail/base/atomic.h): for counting and testing */
#ifndef ROUSE_CONFIG_H
#define ROUSE_CONFIG_H

#define ROUSE_VERSION_MAJOR  0
#define ROUSE_VERSION_MINOR  2
#define ROUSE_VERSION_PATCH  0
#define ROUSE_VERSION_STRING "0.2.0"

/* The backends count from 1: a misspelt name reads as 0 in the preprocessor and is refused below. */
#define ROUSE_BACKEND_MUTEX    1
#define ROUSE_BACKEND_SPIN     2
#define ROUSE_BACKEND_LOCKFREE 3
#define ROUSE_BACKEND_LOCAL    4

#ifndef ROUSE_BACKEND
#    define ROUSE_BACKEND ROUSE_BACKEND_SPIN
#endif
#if (ROUSE_BACKEND + 0) != ROUSE_BACKEND_MUTEX && (ROUSE_BACKEND + 0) != ROUSE_BACKEND_SPIN && \
    (ROUSE_BACKEND + 0) != ROUSE_BACKEND_LOCKFREE && (ROUSE_BACKEND + 0) != ROUSE_BACKEND_LOCAL
#    error "ROUSE_BACKEND must be ROUSE_BACKEND_MUTEX, ROUSE_BACKEND_SPIN, ROUSE_BACKEND_LOCKFREE or \
ROUSE_BACKEND_LOCAL"
#endif

#ifndef ROUSE_SEGMENT_CELLS
#    define ROUSE_SEGMENT_CELLS 32
#endif
#if ROUSE_SEGMENT_CELLS < 2 || ROUSE_SEGMENT_CELLS > 4096 || \
    (ROUSE_SEGMENT_CELLS & (ROUSE_SEGMENT_CELLS - 1)) != 0
#    error "ROUSE_SEGMENT_CELLS must be a power of two from 2 to 4096"
#endif

#define ROUSE_SPIN_LIMIT_DEFAULT_ 64
#ifndef ROUSE_SPIN_LIMIT
#    define ROUSE_SPIN_LIMIT ROUSE_SPIN_LIMIT_DEFAULT_
#endif
#if ROUSE_SPIN_LIMIT < 1 || ROUSE_SPIN_LIMIT > 65536
#    error "ROUSE_SPIN_LIMIT must lie between 1 and 65536"
#endif

#if defined(ROUSE_MALLOC) != defined(ROUSE_FREE)
#    error "define both ROUSE_MALLOC(size) and ROUSE_FREE(pointer), or neither"
#endif

/* The most permits that one call may name and that a queue may store: 2^29 - 1. */
#define ROUSE_MAX_PERMITS 536870911

/* Throughput mode (semaphore.h, mutex.h): a bound that suits most programs. */
#define ROUSE_BYPASS 4096

/* How far below 0 a queue's balance may fall, in the backends whose word is a balance: 3 * 2^28. */
#define ROUSE_MAX_LACK 805306368

#endif /* ROUSE_CONFIG_H */
