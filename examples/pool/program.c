/* examples/pool/program.c: a program that uses the pool; run.py drives it.
 *
 *     pool CONNINFO LIMIT MOST_WAITING GRACE_MS
 *
 * Commands come on stdin, one a line:
 *
 *     run COUNT DEADLINE_MS SQL    starts COUNT queries
 *     limit N                      changes the limit
 *     cancel                       cancels every query
 *     status                       prints the pool's report
 *
 * SIGTERM or the end of stdin shuts the pool down; then the program prints the report once more. */
#include "pool.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uv_loop_t loop;
static rouse_uv r;
static uv_signal_t terminate;
static uv_pipe_t input;
static uint64_t grace_ms;

static void on_over(void) {
    pool_report();
    uv_close((uv_handle_t *)&terminate, NULL);
    uv_close((uv_handle_t *)&input, NULL);
    rouse_uv_close(&r, NULL);
}
static void on_terminate(uv_signal_t *handle, int number) {
    (void)handle, (void)number;
    pool_shut_down(grace_ms, on_over);
}

static void command(const char *line) {
    unsigned number, deadline_ms;
    int sql = 0;
    if (sscanf(line, "run %u %u %n", &number, &deadline_ms, &sql) == 2 && sql != 0) {
        while (number-- != 0) {
            pool_run(line + sql, deadline_ms);
        }
    } else if (sscanf(line, "limit %u", &number) == 1) {
        pool_resize(number);
    } else if (strcmp(line, "cancel") == 0) {
        pool_cancel_all();
    } else if (strcmp(line, "status") == 0) {
        pool_report();
    }
}
static void on_space(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer) {
    static char bytes[256];
    (void)handle, (void)suggested;
    *buffer = uv_buf_init(bytes, sizeof bytes);
}
static void on_input(uv_stream_t *stream, ssize_t count, const uv_buf_t *buffer) {
    static char line[256];
    static size_t length;
    if (count < 0) {
        uv_read_stop(stream);
        pool_shut_down(grace_ms, on_over);
    }
    for (ssize_t i = 0; i < count; i++) {
        if (buffer->base[i] == '\n') {
            line[length] = '\0';
            length = 0;
            command(line);
        } else if (length < sizeof line - 1) {
            line[length++] = buffer->base[i];
        }
    }
}

int main(int argc, char **argv) {
    if (argc != 5 || uv_loop_init(&loop) != 0 || rouse_uv_init(&loop, &r) != 0) {
        fprintf(stderr, "usage: pool CONNINFO LIMIT MOST_WAITING GRACE_MS\n");
        return 2;
    }
    grace_ms = strtoul(argv[4], NULL, 10);
    pool_start(&loop, &r, argv[1], (uint32_t)strtoul(argv[2], NULL, 10),
               (uint32_t)strtoul(argv[3], NULL, 10));
    uv_signal_init(&loop, &terminate);
    uv_signal_start(&terminate, on_terminate, SIGTERM);
    uv_pipe_init(&loop, &input, 0);
    if (uv_pipe_open(&input, 0) != 0 || uv_read_start((uv_stream_t *)&input, on_space, on_input) != 0) {
        return 1;
    }
    uv_run(&loop, UV_RUN_DEFAULT);
    return uv_loop_close(&loop) == 0 ? 0 : 1;
}
