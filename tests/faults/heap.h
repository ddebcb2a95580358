/* tests/faults/heap.h: the library's allocator (ROUSE_MALLOC), counted, and failing on demand. Include it before any rouse
 * header. The counters are of this translation unit, for one thread. */
#ifndef ROUSE_TESTS_FAULTS_HEAP_H
#define ROUSE_TESTS_FAULTS_HEAP_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

typedef struct heap_state {
    uint64_t calls;          /* allocations asked for                                 */
    uint64_t fail_at;        /* this call fails; 0: none                              */
    uint64_t bytes;          /* now in use                                            */
    uint64_t most;           /* the most ever in use                                  */
    uint64_t refused;        /* allocations that were made to fail                    */
    int shut;                /* every allocation fails                                */
    void (*meanwhile)(void); /* what others do while the next one fails        */
} heap_state;

static heap_state heap;

#define HEAP_HEADER 16 /* keeps the block's size in front of it, and its alignment */

static inline void *heap_take(size_t size) {
    unsigned char *block;
    heap.calls++;
    if (heap.shut || heap.calls == heap.fail_at) {
        void (*const others)(void) = heap.meanwhile;
        heap.refused++;
        heap.meanwhile = NULL;
        if (others != NULL) {
            others();
        }
        return NULL;
    }
    block = (unsigned char *)malloc(size + HEAP_HEADER);
    if (block == NULL) {
        return NULL;
    }
    *(size_t *)(void *)block = size;
    for (size_t i = 0; i < size; i++) {
        block[HEAP_HEADER + i] =
            (unsigned char)(0xa5 + heap.calls); /* nothing may count on what it finds there */
    }
    heap.bytes += size;
    heap.most = heap.bytes > heap.most ? heap.bytes : heap.most;
    return block + HEAP_HEADER;
}

static inline void heap_give(void *pointer) {
    if (pointer != NULL) {
        unsigned char *const block = (unsigned char *)pointer - HEAP_HEADER;
        heap.bytes -= *(size_t *)(void *)block;
        free(block);
    }
}

#define ROUSE_MALLOC(size)  heap_take(size)
#define ROUSE_FREE(pointer) heap_give(pointer)

#endif /* ROUSE_TESTS_FAULTS_HEAP_H */
