/* tests/support/check.h: what a test program does when a condition does not hold. For all tests but the unit
 * tests (Criterion), the model checker's programs (mc_assert), and those that must compile alone.
 *
 *   CHECK(condition)   says where it failed, and ends the program
 *
 * A program that has more to say defines, before this header,
 *
 *   CHECK_CONTEXT      a printf format and its arguments: what the program was doing
 *   CHECK_END()        what to do then; it does not return */
#ifndef ROUSE_TESTS_SUPPORT_CHECK_H
#define ROUSE_TESTS_SUPPORT_CHECK_H

#include <stdio.h>
#include <stdlib.h>

#ifndef CHECK_CONTEXT
#    define CHECK_CONTEXT "%s", ""
#endif
#ifndef CHECK_END
#    define CHECK_END() exit(1)
#endif

#define CHECK(condition)                                                                \
    do {                                                                                \
        if (!(condition)) {                                                             \
            (void)fprintf(stderr, "FAILED %s:%d: %s ", __FILE__, __LINE__, #condition); \
            (void)fprintf(stderr, CHECK_CONTEXT);                                       \
            (void)fputc('\n', stderr);                                                  \
            CHECK_END();                                                                \
        }                                                                               \
    } while (0)

#endif /* ROUSE_TESTS_SUPPORT_CHECK_H */
