/* tests/support/criterion/criterion.h: a stand-in for Criterion where it is not installed. It is the part
 * that the unit tests use, in one header. Each test is a separate process, as with Criterion.
 * tests/unit/CMakeLists.txt takes the real one if there is one. */
#ifndef ROUSE_TESTS_SUPPORT_CRITERION_H
#define ROUSE_TESTS_SUPPORT_CRITERION_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

typedef struct criterion_test {
    const char *suite, *name;
    void (*body)(void);
    double timeout; /* seconds; 0: none */
    int signal;     /* that must end it */
    int exit_code;  /* that it must end with */
    bool disabled;
    struct criterion_test *next;
} criterion_test;

static criterion_test *criterion_tests;
enum { CRITERION_SKIPPED = 77 };

#define Test(suite_, name_, ...)                                                           \
    static void suite_##_##name_##_body(void);                                             \
    static criterion_test suite_##_##name_##_test = {                                      \
        .suite = #suite_, .name = #name_, .body = suite_##_##name_##_body, ##__VA_ARGS__}; \
    __attribute__((constructor)) static void suite_##_##name_##_register(void) {           \
        criterion_test **end = &criterion_tests;                                           \
        while (*end != NULL) {                                                             \
            end = &(*end)->next;                                                           \
        }                                                                                  \
        *end = &suite_##_##name_##_test;                                                   \
    }                                                                                      \
    static void suite_##_##name_##_body(void)

/* The message is optional: a format and its arguments. */
#define CRITERION_CHECK(condition, text, ...)                                   \
    do {                                                                        \
        if (!(condition)) {                                                     \
            fprintf(stderr, "%s:%d: %s is not so. ", __FILE__, __LINE__, text); \
            fprintf(stderr, "" __VA_ARGS__);                                    \
            fputc('\n', stderr);                                                \
            fflush(NULL);                                                       \
            _exit(1);                                                           \
        }                                                                       \
    } while (0)

#define cr_assert(condition, ...)     CRITERION_CHECK((condition), #condition, ##__VA_ARGS__)
#define cr_assert_not(condition, ...) CRITERION_CHECK(!(condition), "not " #condition, ##__VA_ARGS__)
#define cr_assert_eq(a, b, ...)       CRITERION_CHECK((a) == (b), #a " == " #b, ##__VA_ARGS__)
#define cr_assert_neq(a, b, ...)      CRITERION_CHECK((a) != (b), #a " != " #b, ##__VA_ARGS__)
#define cr_assert_lt(a, b, ...)       CRITERION_CHECK((a) < (b), #a " < " #b, ##__VA_ARGS__)
#define cr_assert_leq(a, b, ...)      CRITERION_CHECK((a) <= (b), #a " <= " #b, ##__VA_ARGS__)
#define cr_assert_gt(a, b, ...)       CRITERION_CHECK((a) > (b), #a " > " #b, ##__VA_ARGS__)
#define cr_assert_geq(a, b, ...)      CRITERION_CHECK((a) >= (b), #a " >= " #b, ##__VA_ARGS__)
#define cr_assert_null(a, ...)        CRITERION_CHECK((a) == NULL, #a " == NULL", ##__VA_ARGS__)
#define cr_assert_not_null(a, ...)    CRITERION_CHECK((a) != NULL, #a " != NULL", ##__VA_ARGS__)
#define cr_assert_str_eq(a, b, ...)   CRITERION_CHECK(strcmp((a), (b)) == 0, #a " equals " #b, ##__VA_ARGS__)
#define cr_assert_str_neq(a, b, ...) \
    CRITERION_CHECK(strcmp((a), (b)) != 0, #a " differs from " #b, ##__VA_ARGS__)
#define cr_assert_str_not_empty(a, ...) CRITERION_CHECK((a)[0] != 0, #a " is not empty", ##__VA_ARGS__)
#define cr_assert_arr_eq(a, b, size, ...) \
    CRITERION_CHECK(memcmp((a), (b), (size)) == 0, #a " equals " #b, ##__VA_ARGS__)
#define cr_assert_fail(...) CRITERION_CHECK(0, "this", ##__VA_ARGS__)
#define cr_skip(...)        (printf("skipped: " __VA_ARGS__), putchar('\n'), fflush(NULL), _exit(CRITERION_SKIPPED))
#define cr_log_info(...)    (printf(__VA_ARGS__), putchar('\n'))
#define cr_skip_test        cr_skip

/* Runs one test in a child. 0: passed, 1: failed, 2: skipped. */
static inline int criterion_run(const criterion_test *test) {
    int status = 0;
    bool as_wanted;
    const pid_t child = test->disabled ? 0 : fork();
    if (test->disabled) {
        return 2;
    }
    if (child == 0) {
        alarm(test->timeout > 0 ? (unsigned)test->timeout + 1 : 120);
        test->body();
        fflush(NULL);
        exit(0);
    }
    if (child < 0 || waitpid(child, &status, 0) != child) {
        return 1;
    }
    if (WIFEXITED(status) && WEXITSTATUS(status) == CRITERION_SKIPPED) {
        return 2;
    }
    as_wanted = test->signal != 0 ? WIFSIGNALED(status) && WTERMSIG(status) == test->signal
                                  : WIFEXITED(status) && WEXITSTATUS(status) == test->exit_code;
    if (!as_wanted) {
        printf("[FAIL] %s::%s: ended with %s %d\n", test->suite, test->name,
               WIFSIGNALED(status) ? "signal" : "status",
               WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
    }
    return as_wanted ? 0 : 1;
}

/* --fail-fast: ends with the first test that fails. */
int main(int argc, char **argv) {
    const bool fail_fast = argc > 1 && strcmp(argv[1], "--fail-fast") == 0;
    int count[3] = {0, 0, 0};
    for (const criterion_test *test = criterion_tests; test != NULL && !(fail_fast && count[1] != 0);
         test = test->next) {
        fflush(NULL);
        count[criterion_run(test)]++;
    }
    printf("[====] Synthesis: Tested: %d | Passing: %d | Failing: %d | Crashing: 0\n", count[0] + count[1],
           count[0], count[1]);
    return count[1] != 0 || count[0] == 0;
}

#endif /* ROUSE_TESTS_SUPPORT_CRITERION_H */
