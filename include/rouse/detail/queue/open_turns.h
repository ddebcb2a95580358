/* rouse/detail/queue/open_turns.h: throughput mode: which waiters are invited, and in which order they came.
 * Internal.
 *
 * An invited waiter is in no list, so its place in the order is kept here, in one number per queue, under the
 * lock. Every waiter that is or has been invited, and still waits, has a turn. The oldest of them has turn 0,
 * the next turn 1, and so on. A waiter without a turn is younger than all of them.
 *
 *     bits 0-13     turn i is invited: its waiter is under way
 *     bits 14-27    turn i was beaten: its waiter is in the list, which begins with these, oldest first
 *     bits 28-31    turn 0 has this mark, turn 1 the next one (mod 16)
 *
 * Turns move up when the oldest ends; marks stay with their waiters. So while the oldest is under way, at
 * most 13 younger waiters have been invited since. */
#ifndef ROUSE_DETAIL_QUEUE_OPEN_TURNS_H
#define ROUSE_DETAIL_QUEUE_OPEN_TURNS_H

#include "../base/platform.h"

#include <stdbool.h>
#include <stdint.h>

enum { ROUSE_TURNS_MOST_ = 14, ROUSE_TURNS_MARKS_ = 16 };
#define ROUSE_TURNS_MASK_ ((UINT32_C(1) << ROUSE_TURNS_MOST_) - 1)

ROUSE_INLINE_ uint32_t rouse_turns_invited_(uint32_t turns) {
    return turns & ROUSE_TURNS_MASK_;
}
ROUSE_INLINE_ uint32_t rouse_turns_beaten_(uint32_t turns) {
    return (turns >> ROUSE_TURNS_MOST_) & ROUSE_TURNS_MASK_;
}
/* The mark of turn 0. */
ROUSE_INLINE_ uint32_t rouse_turns_first_(uint32_t turns) {
    return turns >> (2 * ROUSE_TURNS_MOST_);
}
ROUSE_INLINE_ uint32_t rouse_turns_of_(uint32_t turns, uint32_t mark) {
    return (mark - rouse_turns_first_(turns)) % ROUSE_TURNS_MARKS_;
}
ROUSE_INLINE_ uint32_t rouse_turns_ones_(uint32_t bits) {
    uint32_t ones = 0;
    for (; bits != 0; bits &= bits - 1) {
        ones++;
    }
    return ones;
}
/* How many waiters are under way? */
ROUSE_INLINE_ uint32_t rouse_turns_under_way_(uint32_t turns) {
    return rouse_turns_ones_(rouse_turns_invited_(turns));
}
/* Is there a turn for the oldest waiter in the list? */
ROUSE_INLINE_ bool rouse_turns_room_(uint32_t turns) {
    return rouse_turns_beaten_(turns) != 0 || rouse_turns_invited_(turns) >> (ROUSE_TURNS_MOST_ - 1) == 0;
}

/* Moves the turns up until turn 0 belongs to a waiter. */
ROUSE_INLINE_ uint32_t rouse_turns_move_up_(uint32_t invited, uint32_t beaten, uint32_t first) {
    while ((invited | beaten) != 0 && ((invited | beaten) & 1) == 0) {
        invited >>= 1;
        beaten >>= 1;
        first++;
    }
    return invited | beaten << ROUSE_TURNS_MOST_ | first << (2 * ROUSE_TURNS_MOST_);
}

/* Notes that the oldest waiter in the list is invited. Returns its mark. Requires room. */
ROUSE_INLINE_ uint32_t rouse_turns_invite_(uint32_t *turns) {
    const uint32_t beaten = rouse_turns_beaten_(*turns);
    uint32_t turn = 0;
    if (beaten != 0) {
        while ((beaten >> turn & 1) == 0) {
            turn++;
        }
        *turns -= UINT32_C(1) << (ROUSE_TURNS_MOST_ + turn);
    } else {
        while (rouse_turns_invited_(*turns) >> turn != 0) {
            turn++;
        }
    }
    *turns += UINT32_C(1) << turn;
    return (rouse_turns_first_(*turns) + turn) % ROUSE_TURNS_MARKS_;
}
/* Notes that a waiter under way was beaten. Returns how many of the list's first waiters are older. */
ROUSE_INLINE_ uint32_t rouse_turns_beat_(uint32_t *turns, uint32_t turn) {
    const uint32_t older = rouse_turns_beaten_(*turns) & ((UINT32_C(1) << turn) - 1);
    *turns += (UINT32_C(1) << (ROUSE_TURNS_MOST_ + turn)) - (UINT32_C(1) << turn);
    return rouse_turns_ones_(older);
}
/* Notes that a waiter under way leaves. */
ROUSE_INLINE_ uint32_t rouse_turns_end_(uint32_t turns, uint32_t turn) {
    return rouse_turns_move_up_(rouse_turns_invited_(turns) & ~(UINT32_C(1) << turn),
                                rouse_turns_beaten_(turns), rouse_turns_first_(turns));
}
/* Notes that the beaten waiter at this place of the list leaves it. */
ROUSE_INLINE_ uint32_t rouse_turns_drop_(uint32_t turns, uint32_t place) {
    uint32_t kept = rouse_turns_beaten_(turns);
    for (; place != 0; place--) {
        kept &= kept - 1;
    }
    return rouse_turns_move_up_(rouse_turns_invited_(turns),
                                rouse_turns_beaten_(turns) & ~(kept & (0 - kept)), rouse_turns_first_(turns));
}

#endif /* ROUSE_DETAIL_QUEUE_OPEN_TURNS_H */
