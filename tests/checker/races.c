/* races.c: plain memory: data races, use of freed or never written memory.
 *
 * For each four bytes the checker keeps when each thread last read and wrote them, plainly and atomically, in
 * the thread's own clock. Two accesses race if they conflict, one of them at least is plain, and the later
 * one's thread does not know of the earlier one. This holds of the execution graph, whichever of the two came
 * first in this search.
 *
 * A thread's own stack is left out. The checker refuses an access to another thread's stack, so it misses
 * nothing. With MC_STACKS, stacks are memory like any other. */
#include "checker.h"

extern char __etext[], __data_start[]; /* where the linker puts code, constants, data */

/* The slot of the four bytes at this address. */
int race_slot(char *address) {
    char *const start = (char *)((uintptr_t)address & ~(uintptr_t)3);
    const unsigned mask = (1u << 13) - 1;
    unsigned at = (unsigned)(((uintptr_t)start >> 2) * 2654435761u >> 7) & mask;
    int index;
    while (mc->slot_index[at] != 0 && mc->slot_address[mc->slot_index[at] - 1] != start) {
        at = (at + 1) & mask;
    }
    if (mc->slot_index[at] == 0) {
        if (mc->slots_made == SLOTS) {
            fault("too much memory for the checker");
        }
        mc->slot_address[mc->slots_made] = start;
        mc->slot_index[at] = (int16_t)++mc->slots_made;
    }
    index = mc->slot_index[at] - 1;
    while (X->slots <= index) {
        memset(&mc->slot[X->slots], 0, sizeof mc->slot[0]);
        mc->slot[X->slots].place = -1;
        if (mc->slot_address[X->slots] >= mc->arenas &&
            mc->slot_address[X->slots] < mc->arenas + (size_t)THREADS * ARENA_BYTES) {
            mc->slot[X->slots].dead = 0xf; /* no block yet */
        }
        X->slots++;
    }
    return index;
}

/* The same; `before` is that of the address before, or anything. Most accesses go on where the last one ended. */
static int slot_behind(int before, char *address) {
    const int next = before + 1;
    return next < X->slots && mc->slot_address[next] == address ? next : race_slot(address);
}

/* The kinds of access that conflict with one: one of the two writes, and one is plain. Laid out as `bytes` of a slot. */
static const uint8_t conflicts[ACCESS_KINDS][ACCESS_KINDS] = {
    [PLAIN_READ] = {[PLAIN_WRITE] = 0xf, [ATOMIC_WRITE] = 0xf},
    [PLAIN_WRITE] = {[PLAIN_READ] = 0xf, [PLAIN_WRITE] = 0xf, [ATOMIC_READ] = 0xf, [ATOMIC_WRITE] = 0xf},
    [ATOMIC_READ] = {[PLAIN_WRITE] = 0xf},
    [ATOMIC_WRITE] = {[PLAIN_READ] = 0xf, [PLAIN_WRITE] = 0xf},
};

static void check_alive(struct slot *slot, char *address, uint8_t bytes, enum access kind) {
    if ((slot->dead & bytes) != 0) {
        const struct block *const block = heap_block(address);
        if (block != NULL && block->freed) {
            fault("use after free: %ld bytes into memory that thread %d has freed at %s",
                  (long)(address - block->start), block->freed_by, report_where(block->pc_free));
        }
        fault("access outside any block of the heap");
    }
    if ((slot->unwritten & bytes) != 0) {
        if (kind == PLAIN_READ) {
            fault("read of memory that was never written");
        }
        slot->unwritten &= (uint8_t)~bytes;
    }
}

static void access_slot(int index, char *address, uint8_t bytes, enum access kind) {
    static const char *const names[] = {"plain read", "plain write", "atomic read", "atomic write"};
    struct slot *const slot = &mc->slot[index];
    struct thread *const t = SELF;
    const int self = X->current;
    /* An atomic access is an event already; a plain one comes before the thread's next event. */
    const uint16_t now = (uint16_t)(t->known.at[self] + (kind <= PLAIN_WRITE ? 1 : 0));
    uint32_t wanted, seen;
    memcpy(&wanted, conflicts[kind], sizeof wanted);
    wanted &= bytes * 0x01010101u;
    slot_change(index);
    if ((slot->dead | slot->unwritten) != 0) {
        check_alive(slot, address, bytes, kind);
    }
    for (int other = 0; other < X->threads; other++) {
        memcpy(&seen, slot->by[other].bytes, sizeof seen);
        if ((seen & wanted) == 0 || other == self) {
            continue;
        }
        for (int k = 0; k < ACCESS_KINDS; k++) {
            if ((slot->by[other].bytes[k] & conflicts[kind][k] & bytes) != 0 &&
                slot->by[other].time[k] > t->known.at[other]) {
                const uint32_t pc = k == PLAIN_WRITE ? slot->pc_write : slot->pc_read;
                fault("data race: %s by thread %d, %s by thread %d%s%s", names[k], other, names[kind], self,
                      k <= PLAIN_WRITE ? " at " : "",
                      k <= PLAIN_WRITE ? report_where((void *)(uintptr_t)pc) : "");
            }
        }
    }
    if (slot->by[self].time[kind] != now) {
        slot->by[self].bytes[kind] = 0;
    }
    slot->by[self].time[kind] = now;
    slot->by[self].bytes[kind] |= bytes;
    if (kind == PLAIN_WRITE) {
        slot->place = -1;
        slot->pc_write = (uint32_t)(uintptr_t)mc->pc;
    } else if (kind == PLAIN_READ) {
        slot->pc_read = (uint32_t)(uintptr_t)mc->pc;
    }
}

void race_access(char *address, size_t size, enum access kind) {
    if (address < (char *)4096) {
        fault("access through a null pointer");
    }
    const bool stacks = (mc->scenario->flags & MC_STACKS) != 0;
    if (++mc->accesses > 2000000) {
        fault("thread %d runs on without end", X->current);
    }
    if ((!stacks && on_stack(X->current, address)) || in_tls(address) ||
        (address >= __etext && address < __data_start)) {
        return; /* the last: constants */
    }
    if (!stacks && on_any_stack(address)) {
        fault("access to the stack of thread %d", (int)((address - mc->stacks) / STACK_BYTES));
    }
    for (int index = -1; size > 0;) {
        const unsigned offset = (unsigned)((uintptr_t)address & 3);
        const size_t here = 4 - offset < size ? 4 - offset : size;
        index = slot_behind(index, address - offset);
        access_slot(index, address, (uint8_t)(((1u << here) - 1) << offset), kind);
        address += here;
        size -= here;
    }
}

/* Memory that malloc has given (alive) or free has taken. */
void race_heap(char *address, size_t size, bool alive) {
    int index = -1;
    for (size_t i = 0; i < size; i += 4) {
        index = slot_behind(index, address + i);
        struct slot *const slot = &mc->slot[index];
        slot_change(index);
        slot->dead = alive ? 0 : 0xf;
        slot->unwritten = alive ? 0xf : 0;
        slot->place = -1;
    }
}

/* Is this the first write ever to memory of the heap? Then a relaxed store is an initialisation (gcc's atomic_init is
 * a relaxed store), which is not atomic: it counts as a plain write. */
bool race_first_write(char *address, size_t size) {
    bool first = !on_stack(X->current, address);
    for (size_t i = 0; i < size && first; i += 4) {
        first = mc->slot[race_slot(address + i)].unwritten == 0xf;
    }
    return first;
}
