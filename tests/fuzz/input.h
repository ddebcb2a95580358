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

/* Makes calls of the input, four bytes each. */
static inline void calls_of_input(const uint8_t *data, size_t size,
                                  void (*call)(uint8_t, uint8_t, uint8_t, uint8_t)) {
    bytes = data;
    bytes_left = size;
    while (bytes_left != 0) {
        const uint8_t first = next_byte();
        const uint8_t second = next_byte();
        const uint8_t third = next_byte();
        const uint8_t fourth = next_byte();
        call(first, second, third, fourth);
    }
}

#endif /* ROUSE_TESTS_FUZZ_INPUT_H */
