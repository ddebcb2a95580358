/* tests/faults/sleeps.c: see sleeps.h. In C, for in C++ `syscall` could not be unwound. */
#include "sleeps.h"

#include <dlfcn.h>
#include <linux/futex.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>

void (*sleeps_hook)(void);
static atomic_int begun;

int sleeps_begun(void) {
    return atomic_load(&begun);
}

static long (*real)(long, ...);

__attribute__((constructor)) static void find_real(void) {
    void *const found = dlsym(RTLD_NEXT, "syscall");
    memcpy(&real, &found, sizeof real);
}

long syscall(long number, ...) {
    va_list more;
    long a[6];
    va_start(more, number);
    for (int i = 0; i < 6; i++) {
        a[i] = va_arg(more, long);
    }
    va_end(more);
    if (number == SYS_futex && ((int)a[1] & FUTEX_CMD_MASK) == FUTEX_WAIT_BITSET) {
        if (sleeps_hook != NULL) {
            sleeps_hook();
        }
        atomic_fetch_add(&begun, 1);
    }
    return real(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}
