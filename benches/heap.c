/* benches/heap.c: how many bytes the program holds from malloc, exactly, while somebody watches. The linker sends
 * every allocation of the program here (--wrap), the Rust peers' too; unwatched it costs one predicted branch. The
 * allocator's own statistics would not do: they count what it keeps for itself as in use. */
#include "bench.h"

#include <malloc.h>
#include <stdatomic.h>
#include <stdlib.h>

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *old, size_t size);
void *__real_aligned_alloc(size_t alignment, size_t size);
int __real_posix_memalign(void **memory, size_t alignment, size_t size);
void __real_free(void *memory);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *old, size_t size);
void *__wrap_aligned_alloc(size_t alignment, size_t size);
int __wrap_posix_memalign(void **memory, size_t alignment, size_t size);
void __wrap_free(void *memory);

static bool watching;
static atomic_int_least64_t held;

void bench_heap_watch(bool on) {
    watching = on;
    atomic_store(&held, 0);
}

int64_t bench_heap_bytes(void) {
    return atomic_load(&held);
}

static void *got(void *memory) {
    if (watching) {
        atomic_fetch_add_explicit(&held, (int64_t)malloc_usable_size(memory), memory_order_relaxed);
    }
    return memory;
}

static void gives(void *memory) {
    if (watching) {
        atomic_fetch_sub_explicit(&held, (int64_t)malloc_usable_size(memory), memory_order_relaxed);
    }
}

void *__wrap_malloc(size_t size) {
    return got(__real_malloc(size));
}

void *__wrap_calloc(size_t n, size_t size) {
    return got(__real_calloc(n, size));
}

void *__wrap_realloc(void *old, size_t size) {
    gives(old);
    return got(__real_realloc(old, size));
}

void *__wrap_aligned_alloc(size_t alignment, size_t size) {
    return got(__real_aligned_alloc(alignment, size));
}

int __wrap_posix_memalign(void **memory, size_t alignment, size_t size) {
    const int error = __real_posix_memalign(memory, alignment, size);
    if (error == 0) {
        (void)got(*memory);
    }
    return error;
}

void __wrap_free(void *memory) {
    gives(memory);
    __real_free(memory);
}
