/* Sanitizer settings that must not depend on the environment: a finding ends the process. */
#include "sanitized.h"

#include <stdlib.h>

const char *__asan_default_options(void);
const char *__tsan_default_options(void);
const char *__ubsan_default_options(void);

const char *__asan_default_options(void) {
    return "abort_on_error=1:detect_stack_use_after_return=1";
}

const char *__tsan_default_options(void) {
    return "halt_on_error=1:abort_on_error=1:second_deadlock_stack=1";
}

const char *__ubsan_default_options(void) {
    return "print_stacktrace=1";
}

#if UNDER_TSAN && defined(__x86_64__)
/* Criterion's sandbox (BoxFort) maps its arena at an address that it draws from rand_r. ThreadSanitizer
 * refuses to start when that address is outside the ranges it knows, so keep it inside them. */
int rand_r(unsigned int *seed) {
    *seed = *seed * 1103515245u + 12345u;
    return (int)(0x350000u + ((*seed >> 8) & 0x3fffu));
}
#endif
