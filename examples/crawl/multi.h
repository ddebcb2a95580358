/* examples/crawl/multi.h: libcurl's multi interface on epoll. Everything runs on the loop's thread. */
#ifndef MULTI_H
#define MULTI_H

#include <rouse/loop/epoll.h>

#include <curl/curl.h>

bool multi_start(rouse_epoll *r, int epfd);
void multi_stop(void);
/* Begins a transfer; multi_on_done is called when it is over. */
void multi_add(CURL *easy);
/* Ends it, over or not. */
void multi_remove(CURL *easy);
/* An event that is not rouse's. */
void multi_ready(const struct epoll_event *event);

/* The program's: the transfer is over, with libcurl's result. It removes `easy`. */
void multi_on_done(CURL *easy, CURLcode result);

#endif
