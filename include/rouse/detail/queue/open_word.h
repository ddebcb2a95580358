/* rouse/detail/queue/open_word.h: the word of a queue in throughput mode. Internal.
 *
 * While nobody waits the word is that of word.h, and everything is as in strict mode. While somebody waits it
 * is one of these (`passed`: how many permits newcomers have taken since a waiter last got in):
 *
 *     LISTED   balance = L,         serial = passed          the list holds somebody, nobody is invited,
 *                                                            nothing is free
 *     LOCKED   balance = L + k,     serial = passed + k      k > 0: the holder of the lock sets the word
 *     OPEN     balance = O + free,  serial = passed + free   one waiter is invited and is not in the list
 *
 * A release adds 1 and one serial, whatever it finds. In OPEN that publishes a permit and leaves `passed` as
 * it is; in LISTED it makes the word LOCKED, and `passed` can still be read; in LOCKED it has no effect. */
#ifndef ROUSE_DETAIL_QUEUE_OPEN_WORD_H
#define ROUSE_DETAIL_QUEUE_OPEN_WORD_H

#include "word.h"

#include <stdbool.h>
#include <stdint.h>

/* L and O. Strict mode's MULTI and LOCKED are below both. */
#define ROUSE_OPEN_LISTED_ (INT32_MIN + (INT32_C(1) << 28))
#define ROUSE_OPEN_FREE_   (INT32_MIN + (INT32_C(1) << 29))

#define ROUSE_OPEN_STEP_ (1 + ROUSE_WORD_SERIAL_)

/* The three words: OPEN, LISTED, and LOCKED with k = 1, as the holder of the lock makes it. Only an OPEN or
 * LOCKED word can be closed, between the close and the answer of the waiter that was invited. */
ROUSE_INLINE_ uint64_t rouse_open_word_(uint32_t free, uint32_t passed, uint64_t closed) {
    return (uint64_t)(int64_t)ROUSE_OPEN_FREE_ + free * ROUSE_OPEN_STEP_ + passed * ROUSE_WORD_SERIAL_ +
           closed;
}
ROUSE_INLINE_ uint64_t rouse_open_listed_word_(uint32_t passed) {
    return (uint64_t)(int64_t)ROUSE_OPEN_LISTED_ + passed * ROUSE_WORD_SERIAL_;
}
ROUSE_INLINE_ uint64_t rouse_open_locked_word_(uint64_t closed) {
    return (uint64_t)(int64_t)ROUSE_OPEN_LISTED_ + ROUSE_OPEN_STEP_ + closed;
}

/* Of a word while somebody waits: OPEN? */
ROUSE_INLINE_ bool rouse_open_is_open_(uint64_t word) {
    return (uint32_t)word >= (uint32_t)ROUSE_OPEN_FREE_;
}
ROUSE_INLINE_ bool rouse_open_is_listed_(uint64_t word) {
    return rouse_word_balance_(word) == ROUSE_OPEN_LISTED_;
}
ROUSE_INLINE_ bool rouse_open_is_locked_(uint64_t word) {
    return rouse_word_balance_(word) > ROUSE_OPEN_LISTED_ && rouse_word_balance_(word) < ROUSE_OPEN_FREE_;
}

/* Of a word while somebody waits: 2 * serial + closed, for a negative balance has borrowed 1 from there. */
ROUSE_INLINE_ uint32_t rouse_open_above_(uint64_t word) {
    return (uint32_t)(word >> 32) + 1;
}
ROUSE_INLINE_ uint64_t rouse_open_closed_(uint64_t word) {
    return rouse_word_above_(word) & ROUSE_WORD_CLOSED_;
}
/* Of an OPEN word. */
ROUSE_INLINE_ uint32_t rouse_open_free_(uint64_t word) {
    return (uint32_t)word - (uint32_t)ROUSE_OPEN_FREE_;
}
/* Of a word while somebody waits. */
ROUSE_INLINE_ uint32_t rouse_open_passed_(uint64_t word) {
    const uint32_t base = (uint32_t)(rouse_open_is_open_(word) ? ROUSE_OPEN_FREE_ : ROUSE_OPEN_LISTED_);
    return rouse_open_above_(word) / 2 - ((uint32_t)word - base);
}
/* May a newcomer take n from an OPEN word? */
ROUSE_INLINE_ bool rouse_open_admits_(uint64_t word, uint32_t n, uint32_t bound) {
    const uint32_t free = rouse_open_free_(word);
    const uint32_t above = rouse_open_above_(word);
    return free >= n && above / 2 - free + n <= bound && (above & 1) == 0;
}

#endif /* ROUSE_DETAIL_QUEUE_OPEN_WORD_H */
