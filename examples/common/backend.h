/* examples/common/backend.h: a stand-in for a slow backend whose client library blocks. It has its own
 * threads, and takes work_ms for each call. It can be made to hang, to see what a server does then. */
#ifndef EXAMPLE_BACKEND_H
#define EXAMPLE_BACKEND_H

#include <stdbool.h>

typedef struct backend_call backend_call;
struct backend_call {
    backend_call *next;
    void (*done)(void *data); /* runs on one of the backend's threads */
    void *data;
};

bool backend_start(unsigned threads, unsigned work_ms);
void backend_submit(backend_call *call, void (*done)(void *data), void *data);
void backend_set_hanging(bool hanging);
unsigned backend_in_progress(void); /* calls submitted and not done */
unsigned backend_high_water(void);  /* the most there ever were at once */
void backend_stop(void);            /* no call in progress; joins the threads */

#endif /* EXAMPLE_BACKEND_H */
