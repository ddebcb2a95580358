/* examples/common/http.h: as much HTTP/1.1 as the example servers need, and their options and counts.
 *
 *     GET /work      takes a permit, asks the backend, answers 200; 503 when there was no permit in time
 *     GET /status    permits, waiters and calls at this moment, how long waits for a permit took, and how long
 *                    the oldest has been waiting; needs no permit
 *     GET /hang      from now on the backend hangs; GET /recover: it no longer does
 */
#ifndef EXAMPLE_HTTP_H
#define EXAMPLE_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { HTTP_INPUT = 2048, HTTP_ANSWER = 2048 };

/* Bytes that have arrived and are no request yet. */
typedef struct http_input {
    char bytes[HTTP_INPUT];
    size_t used;
} http_input;

typedef enum http_request {
    HTTP_INCOMPLETE,
    HTTP_WORK,
    HTTP_STATUS,
    HTTP_HANG,
    HTTP_RECOVER,
    HTTP_BAD
} http_request;

/* Takes one request out of the input. *keep_alive: whether the client wants to send another. */
http_request http_next(http_input *in, bool *keep_alive);

/* Writes an answer of at most HTTP_ANSWER bytes; how long it is. */
size_t http_answer(char *out, int code, bool keep_alive, const char *body);

typedef struct server_options {
    unsigned limit, work_ms, deadline_ms;
} server_options;

/* The state of the semaphore and of the server, for /status and for the report at exit. */
typedef struct server_report {
    unsigned free, waiting;                      /* of the semaphore            */
    unsigned answered, timed_out, refused, left; /* requests: 200, 503, 503, cancelled */
    char waits[1600];                            /* for /status: what the semaphore's statistics say */
} server_report;

/* --limit N --work-ms N --deadline-ms N; exits with a message if something else is given. */
server_options server_parse(int argc, char **argv);

/* A listening, non-blocking socket on 127.0.0.1, any port; prints "listening on 127.0.0.1:PORT". -1: no. */
int server_listen(void);

/* Prints that line: for a loop that makes the socket itself. */
void server_announce(int port);

/* Answers every request but HTTP_WORK; how long the answer is. */
size_t server_answer_other(http_request request, char *out, bool keep_alive, const server_report *report);

/* One line on stdout at exit. */
void server_print(const server_options *options, const server_report *report);

#endif /* EXAMPLE_HTTP_H */
