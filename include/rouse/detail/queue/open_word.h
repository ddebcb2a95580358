/* rouse/detail/queue/open_word.h: the word of a queue in throughput mode. Internal.
 *
 * While nobody waits, the word is that of word.h, and everything is as in strict mode. While somebody waits,
 * it is one of the following. `passed` is how many permits newcomers have taken since the oldest waiter last
 * got in. `way` is how many waiters are under way. A is 2^24.
 *
 *     LISTED   balance = L                    the list holds a waiter, none is invited, nothing is free
 *     SHORT    balance = L + way * A + free   way > 0, free <= way; the list holds one that could be invited
 *     OPEN     balance = O + free             way > 0; the list holds no such waiter, or no call has looked
 *     LOCKED   of LISTED or SHORT, with more added than may be free: the holder of the lock sets the word
 *
 * The serial is passed + free. In LOCKED it also counts what has been added.
 *
 * A release adds 1 and one serial, whatever it finds. In OPEN, and in SHORT while free < way, the add
 * publishes a permit and leaves `passed` unchanged. In LISTED, and in SHORT with free == way, the add makes
 * the word LOCKED, and the thread can still read what it was. In LOCKED the add has no effect. While other
 * threads can add to the word, the holder of the lock must store it before 2^24 of them have. */
#ifndef ROUSE_DETAIL_QUEUE_OPEN_WORD_H
#define ROUSE_DETAIL_QUEUE_OPEN_WORD_H

#include "open_turns.h"
#include "word.h"

#include <stdbool.h>
#include <stdint.h>

/* L and O. MULTI and LOCKED of strict mode are below both. */
#define ROUSE_OPEN_LISTED_ (INT32_MIN + (INT32_C(1) << 28))
#define ROUSE_OPEN_FREE_   (INT32_MIN + (INT32_C(1) << 29))
#define ROUSE_OPEN_AREA_   (UINT32_C(1) << 24)
#define ROUSE_OPEN_AREAS_  ((uint32_t)ROUSE_OPEN_FREE_ - (uint32_t)ROUSE_OPEN_LISTED_)

#define ROUSE_OPEN_STEP_ (1 + ROUSE_WORD_SERIAL_)

/* Returns an OPEN word. Only an OPEN or LOCKED word can be closed, between the close and the answer of the
 * invited waiter. */
ROUSE_INLINE_ uint64_t rouse_open_word_(uint32_t free, uint32_t passed, uint64_t closed) {
    return (uint64_t)(int64_t)ROUSE_OPEN_FREE_ + free * ROUSE_OPEN_STEP_ + passed * ROUSE_WORD_SERIAL_ +
           closed;
}
/* Returns a SHORT word, or LISTED if way is 0. */
ROUSE_INLINE_ uint64_t rouse_open_short_word_(uint32_t way, uint32_t free, uint32_t passed) {
    return (uint64_t)(int64_t)ROUSE_OPEN_LISTED_ + (uint64_t)way * ROUSE_OPEN_AREA_ +
           free * ROUSE_OPEN_STEP_ + passed * ROUSE_WORD_SERIAL_;
}
ROUSE_INLINE_ uint64_t rouse_open_locked_word_(uint64_t closed) {
    return (uint64_t)(int64_t)ROUSE_OPEN_LISTED_ + ROUSE_OPEN_STEP_ + closed;
}

/* How far above L? Of a word while somebody waits. */
ROUSE_INLINE_ uint32_t rouse_open_above_listed_(uint64_t word) {
    return (uint32_t)word - (uint32_t)ROUSE_OPEN_LISTED_;
}
/* How many permits are free? Of a LOCKED word: how many have been added? */
ROUSE_INLINE_ uint32_t rouse_open_free_(uint64_t word) {
    const uint32_t above = rouse_open_above_listed_(word);
    return above < ROUSE_OPEN_AREAS_ ? above % ROUSE_OPEN_AREA_ : above - ROUSE_OPEN_AREAS_;
}
/* How many permits may be free before another waiter has to be invited? */
ROUSE_INLINE_ uint32_t rouse_open_most_free_(uint64_t word) {
    const uint32_t above = rouse_open_above_listed_(word);
    return above < ROUSE_OPEN_AREAS_ ? above / ROUSE_OPEN_AREA_ : UINT32_MAX;
}
ROUSE_INLINE_ bool rouse_open_is_listed_(uint64_t word) {
    return rouse_word_balance_(word) == ROUSE_OPEN_LISTED_;
}
ROUSE_INLINE_ bool rouse_open_is_locked_(uint64_t word) {
    return (uint32_t)word > (uint32_t)ROUSE_OPEN_LISTED_ &&
           rouse_open_free_(word) > rouse_open_most_free_(word);
}
/* OPEN or SHORT? Of any word. */
ROUSE_INLINE_ bool rouse_open_is_open_(uint64_t word) {
    return (uint32_t)word > (uint32_t)ROUSE_OPEN_LISTED_ &&
           rouse_open_free_(word) <= rouse_open_most_free_(word);
}

/* Is the word, whose balance is negative, one of throughput mode? Those of strict mode are below L (MULTI and
 * LOCKED), or at least -ROUSE_MAX_LACK (SINGLE). */
ROUSE_INLINE_ bool rouse_open_has_word_(uint64_t word) {
    return rouse_open_above_listed_(word) < (uint32_t)-ROUSE_MAX_LACK - (uint32_t)ROUSE_OPEN_LISTED_;
}

/* Returns 2 * serial + closed, of a word while somebody waits. The negative balance has borrowed 1 from
 * it. */
ROUSE_INLINE_ uint32_t rouse_open_above_(uint64_t word) {
    return (uint32_t)(word >> 32) + 1;
}
ROUSE_INLINE_ uint64_t rouse_open_closed_(uint64_t word) {
    return rouse_word_above_(word) & ROUSE_WORD_CLOSED_;
}
/* How many have passed? Of a word while somebody waits. */
ROUSE_INLINE_ uint32_t rouse_open_passed_(uint64_t word) {
    return rouse_open_above_(word) / 2 - rouse_open_free_(word);
}
/* May a newcomer take n from an OPEN or SHORT word? */
ROUSE_INLINE_ bool rouse_open_admits_(uint64_t word, uint32_t n, uint32_t bound) {
    const uint32_t free = rouse_open_free_(word);
    const uint32_t above = rouse_open_above_(word);
    return free >= n && above / 2 - free + n <= bound && (above & 1) == 0;
}

#endif /* ROUSE_DETAIL_QUEUE_OPEN_WORD_H */
