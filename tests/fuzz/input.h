/* tests/fuzz/input.h: the fuzzer's bytes, taken one by one; zeros when they are used up. */
#ifndef ROUSE_TESTS_FUZZ_INPUT_H
#define ROUSE_TESTS_FUZZ_INPUT_H

#include <stddef.h>
#include <stdint.h>

static const uint8_t *bytes;
static size_t bytes_left;

static uint8_t next_byte(void) {
    if (bytes_left == 0) {
        return 0;
    }
    bytes_left--;
    return *bytes++;
}

#endif /* ROUSE_TESTS_FUZZ_INPUT_H */
