/* heap.c: malloc and free.
 *
 * Each thread has its own arena, so that addresses do not depend on how threads interleave. A red zone
 * separates blocks. Freed memory is not handed out again, so the checker sees every late access to it.
 * With MC_REUSE it is handed out again, last freed first, if the thread that allocates knows of the free.
 * That is what an ABA needs. */
#include "checker.h"

enum { RED_ZONE = 32 };

const struct block *heap_block(const char *p) {
    for (int i = X->blocks - 1; i >= 0; i--) {
        if (p >= mc->block[i].start && p < mc->block[i].start + mc->block[i].size) {
            return &mc->block[i];
        }
    }
    return NULL;
}

static struct block *reusable(size_t size) {
    struct block *found = NULL;
    for (int i = 0; i < X->blocks && (mc->scenario->flags & MC_REUSE) != 0; i++) {
        struct block *const b = &mc->block[i];
        if (b->freed && b->size == size && b->freed_time <= SELF->known.at[b->freed_by] &&
            (found == NULL || found->freed_by != b->freed_by || found->freed_time <= b->freed_time)) {
            found = b;
        }
    }
    return found;
}

void *heap_allocate(size_t size, bool zeroed) {
    const size_t rounded = size == 0 ? 16 : (size + 15) & ~(size_t)15;
    struct block *block = reusable(rounded);
    if (block == NULL) {
        char *const start = arena_of(X->current) + SELF->heap_used + RED_ZONE;
        if (X->blocks == BLOCKS || SELF->heap_used + rounded + 2 * RED_ZONE > ARENA_BYTES) {
            fault("the scenario allocates too much for the checker");
        }
        SELF->heap_used += rounded + RED_ZONE;
        block = &mc->block[X->blocks++];
        block->start = start;
        block->size = (uint32_t)rounded;
    }
    block->owner = (uint8_t)X->current;
    block->freed = false;
    block->pc = mc->pc;
    race_heap(block->start, rounded, true);
    race_access(block->start, rounded, PLAIN_WRITE); /* a user must know that it was allocated */
    race_heap(block->start, rounded, true);
    memset(block->start, zeroed ? 0 : 0xa5, rounded);
    if (zeroed) {
        race_access(block->start, rounded, PLAIN_WRITE);
    }
    return block->start;
}

void heap_free(void *p) {
    struct block *const block = (struct block *)(uintptr_t)heap_block(p);
    if (p == NULL) {
        return;
    }
    if (block == NULL || block->start != (char *)p) {
        fault("free of a pointer that malloc did not give");
    }
    if (block->freed) {
        fault("double free: freed before at %s", report_where(block->pc_free));
    }
    race_access(block->start, block->size, PLAIN_WRITE); /* free conflicts with every use */
    block->freed = true;
    block->freed_by = (uint16_t)X->current;
    block->freed_time = (uint16_t)(SELF->known.at[X->current] + 1);
    block->pc_free = mc->pc;
    race_heap(block->start, block->size, false);
}

void heap_check_leaks(void) {
    for (int i = 0; i < X->blocks && (mc->scenario->flags & MC_NO_LEAK_CHECK) == 0; i++) {
        if (!mc->block[i].freed) {
            fault("leak: %u bytes allocated by thread %d at %s", (unsigned)mc->block[i].size,
                  mc->block[i].owner, report_where(mc->block[i].pc));
        }
    }
}
