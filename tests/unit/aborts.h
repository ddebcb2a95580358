/* What the tests of ROUSE_DEBUG share. Each case runs in a child, whose stderr is a pipe. */
#ifndef ROUSE_TESTS_UNIT_ABORTS_H
#define ROUSE_TESTS_UNIT_ABORTS_H

#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/* Runs `misuse` in a child; what it wrote to stderr. It must have died of SIGABRT. */
static inline void capture(const char *call, void (*misuse)(void), char *text, size_t size) {
    int ends[2];
    int state;
    size_t length = 0;
    ssize_t got;
    pid_t child;
    cr_assert_eq(pipe(ends), 0);
    child = fork();
    cr_assert_neq(child, -1);
    if (child == 0) {
        const struct rlimit no_core = {0, 0};
        (void)setrlimit(RLIMIT_CORE, &no_core);
        (void)dup2(ends[1], STDERR_FILENO);
        (void)close(ends[0]);
        misuse();
        _exit(0);
    }
    (void)close(ends[1]);
    while (length + 1 < size && (got = read(ends[0], text + length, size - 1 - length)) > 0) {
        length += (size_t)got;
    }
    text[length] = '\0';
    (void)close(ends[0]);
    cr_assert_eq(waitpid(child, &state, 0), child);
    cr_assert(WIFSIGNALED(state) && WTERMSIG(state) == SIGABRT, "%s: not aborted; state %d, said \"%s\"",
              call, state, text);
}

/* The line reads "rouse: CALL(OBJECT): …" and there is no other. */
static inline void expect_abort(void (*misuse)(void), const char *call, const void *object) {
    char text[1024];
    char start[256];
    (void)snprintf(start, sizeof start, "rouse: %s(%p): ", call, object);
    capture(call, misuse, text, sizeof text);
    cr_assert_eq(strncmp(text, start, strlen(start)), 0, "\"%s\" does not begin with \"%s\"", text, start);
    cr_assert_gt(strlen(text), strlen(start) + 1, "it says nothing");
    cr_assert_eq(strchr(text, '\n'), text + strlen(text) - 1, "\"%s\" is not one line", text);
}

#endif /* ROUSE_TESTS_UNIT_ABORTS_H */
