/* rouse/detail/queue/open_word.h: the word of a queue in throughput mode. Internal.
 *
 * While nobody waits the word is that of word.h, and everything is as in strict mode. While somebody waits it
 * is one of these. `passed`: how many permits newcomers have taken since the oldest waiter last got in.
 * `way`: how many waiters are invited, and under way. A: 2^24.
 *
 *     LISTED   balance = L                    the list holds somebody, nobody is invited, nothing is free
 *     SHORT    balance = L + way * A + free   way > 0, free <= way; the list holds one that could be invited
 *     OPEN     balance = O + free             way > 0; the list holds no such waiter, or nobody has looked
 *     LOCKED   of LISTED or SHORT, with more added than may be free: the holder of the lock sets the word
 *
 * The serial is passed + free (LOCKED: and what has been added).
 *
 * A release adds 1 and one serial, whatever it finds. In OPEN, and in SHORT while free < way, that publishes
 * a permit and leaves `passed` as it is. In LISTED, and in SHORT with free == way, it makes the word LOCKED,
 * and what it was can still be read; in LOCKED it has no effect. A holder of the lock that has others add to
 * the word must store it before 2^24 threads have. */
#ifndef ROUSE_DETAIL_QUEUE_OPEN_WORD_H
#define ROUSE_DETAIL_QUEUE_OPEN_WORD_H

#include "open_turns.h"
#include "word.h"

#include <stdbool.h>
#include <stdint.h>

/* L and O. Strict mode's MULTI and LOCKED are below both. */
#define ROUSE_OPEN_LISTED_ (INT32_MIN + (INT32_C(1) << 28))
#define ROUSE_OPEN_FREE_   (INT32_MIN + (INT32_C(1) << 29))
#define ROUSE_OPEN_AREA_   (UINT32_C(1) << 24)
#define ROUSE_OPEN_AREAS_  ((uint32_t)ROUSE_OPEN_FREE_ - (uint32_t)ROUSE_OPEN_LISTED_)

#define ROUSE_OPEN_STEP_ (1 + ROUSE_WORD_SERIAL_)

/* The words: OPEN, SHORT, and LOCKED with k = 1, as the holder of the lock makes it. Only an OPEN or
 * LOCKED word can be closed, between the close and the answer of the waiter that was invited. */
ROUSE_INLINE_ uint64_t rouse_open_word_(uint32_t free, uint32_t passed, uint64_t closed) {
    return (uint64_t)(int64_t)ROUSE_OPEN_FREE_ + free * ROUSE_OPEN_STEP_ + passed * ROUSE_WORD_SERIAL_ +
           closed;
}
/* LISTED, if nobody is under way. */
ROUSE_INLINE_ uint64_t rouse_open_short_word_(uint32_t way, uint32_t free, uint32_t passed) {
    return (uint64_t)(int64_t)ROUSE_OPEN_LISTED_ + (uint64_t)way * ROUSE_OPEN_AREA_ +
           free * ROUSE_OPEN_STEP_ + passed * ROUSE_WORD_SERIAL_;
}
ROUSE_INLINE_ uint64_t rouse_open_locked_word_(uint64_t closed) {
    return (uint64_t)(int64_t)ROUSE_OPEN_LISTED_ + ROUSE_OPEN_STEP_ + closed;
}

/* Of a word while somebody waits: how far above L. */
ROUSE_INLINE_ uint32_t rouse_open_above_listed_(uint64_t word) {
    return (uint32_t)word - (uint32_t)ROUSE_OPEN_LISTED_;
}
/* How many are free; of a LOCKED word: how many have been added. */
ROUSE_INLINE_ uint32_t rouse_open_free_(uint64_t word) {
    const uint32_t above = rouse_open_above_listed_(word);
    return above < ROUSE_OPEN_AREAS_ ? above % ROUSE_OPEN_AREA_ : above - ROUSE_OPEN_AREAS_;
}
/* How many may be free before somebody has to be invited. */
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

/* Of a word while somebody waits: 2 * serial + closed, for a negative balance has borrowed 1 from there. */
ROUSE_INLINE_ uint32_t rouse_open_above_(uint64_t word) {
    return (uint32_t)(word >> 32) + 1;
}
ROUSE_INLINE_ uint64_t rouse_open_closed_(uint64_t word) {
    return rouse_word_above_(word) & ROUSE_WORD_CLOSED_;
}
/* Of a word while somebody waits. */
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
