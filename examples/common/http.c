/* examples/common/http.c: requests without a body, answers with a short one. */
#include "http.h"

#include "backend.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

/* Whether a head has a header field that begins so; fields follow a line end. */
static bool has_field(const char *head, const char *field) {
    const size_t length = strlen(field);
    for (const char *line = strchr(head, '\n'); line != NULL; line = strchr(line + 1, '\n')) {
        if (strncasecmp(line + 1, field, length) == 0) {
            return true;
        }
    }
    return false;
}

static http_request classify(const char *head) {
    static const struct {
        const char *start;
        http_request request;
    } known[] = {{"GET /work ", HTTP_WORK},
                 {"GET /status ", HTTP_STATUS},
                 {"GET /hang ", HTTP_HANG},
                 {"GET /recover ", HTTP_RECOVER}};
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (strncmp(head, known[i].start, strlen(known[i].start)) == 0) {
            return known[i].request;
        }
    }
    return HTTP_BAD;
}

/* The length of the head, its empty line included; 0: it has not all arrived. */
static size_t head_length(const http_input *in) {
    for (size_t i = 3; i < in->used; i++) {
        if (memcmp(in->bytes + i - 3, "\r\n\r\n", 4) == 0) {
            return i + 1;
        }
    }
    return 0;
}

http_request http_next(http_input *in, bool *keep_alive) {
    const size_t length = head_length(in);
    http_request request;
    if (length == 0) {
        *keep_alive = false;
        return in->used < HTTP_INPUT ? HTTP_INCOMPLETE : HTTP_BAD;
    }
    in->bytes[length - 1] = '\0';
    *keep_alive = strstr(in->bytes, " HTTP/1.1\r") != NULL ? !has_field(in->bytes, "Connection: close")
                                                           : has_field(in->bytes, "Connection: keep-alive");
    request = classify(in->bytes);
    *keep_alive = *keep_alive && request != HTTP_BAD;
    in->used -= length;
    memmove(in->bytes, in->bytes + length, in->used);
    return request;
}

size_t http_answer(char *out, int code, bool keep_alive, const char *body) {
    const char *reason = code == 200 ? "OK" : code == 503 ? "Service Unavailable" : "Bad Request";
    const int length =
        snprintf(out, HTTP_ANSWER, "HTTP/1.1 %d %s\r\nContent-Length: %zu\r\nConnection: %s\r\n\r\n%s", code,
                 reason, strlen(body), keep_alive ? "keep-alive" : "close", body);
    return length > 0 && length < HTTP_ANSWER ? (size_t)length : 0;
}

server_options server_parse(int argc, char **argv) {
    server_options options = {4, 10, 1000};
    for (int i = 1; i < argc; i += 2) {
        unsigned *option = strcmp(argv[i], "--limit") == 0         ? &options.limit
                           : strcmp(argv[i], "--work-ms") == 0     ? &options.work_ms
                           : strcmp(argv[i], "--deadline-ms") == 0 ? &options.deadline_ms
                                                                   : NULL;
        if (option == NULL || i + 1 == argc || sscanf(argv[i + 1], "%u", option) != 1) {
            fprintf(stderr, "usage: %s [--limit N] [--work-ms N] [--deadline-ms N]\n", argv[0]);
            exit(2);
        }
    }
    return options;
}

void server_announce(int port) {
    printf("listening on 127.0.0.1:%d\n", port);
    fflush(stdout);
}

int server_listen(void) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    const int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd < 0 || bind(fd, (const struct sockaddr *)&address, length) != 0 || listen(fd, 128) != 0 ||
        fcntl(fd, F_SETFL, O_NONBLOCK) != 0 || getsockname(fd, (struct sockaddr *)&address, &length) != 0) {
        perror("server_listen");
        return -1;
    }
    server_announce(ntohs(address.sin_port));
    return fd;
}

size_t server_answer_other(http_request request, char *out, bool keep_alive, const server_report *report) {
    char body[sizeof report->waits + 128];
    switch (request) {
    case HTTP_STATUS:
        snprintf(body, sizeof body, "free=%u waiting=%u in_backend=%u %s\n", report->free, report->waiting,
                 backend_in_progress(), report->waits);
        return http_answer(out, 200, keep_alive, body);
    case HTTP_HANG:
    case HTTP_RECOVER:
        backend_set_hanging(request == HTTP_HANG);
        return http_answer(out, 200, keep_alive, request == HTTP_HANG ? "hangs\n" : "has recovered\n");
    default:
        return http_answer(out, 400, false, "what?\n");
    }
}

void server_print(const server_options *options, const server_report *report) {
    printf("limit=%u high_water=%u free=%u waiting=%u answered=%u timed_out=%u refused=%u left=%u\n",
           options->limit, backend_high_water(), report->free, report->waiting, report->answered,
           report->timed_out, report->refused, report->left);
}
