/* A shared library or plug-in that uses rouse. LIBRARY: the beginning of its functions' names. */
#include <rouse/semaphore.h>

#define JOIN(a, b)   a##b
#define NAME(a, b)   JOIN(a, b)
#define EXPORTED     __attribute__((__visibility__("default")))
#define FUNCTION(of) NAME(LIBRARY, of)

#ifdef __cplusplus
extern "C" {
#endif
EXPORTED int FUNCTION(_run)(void);
EXPORTED rouse_semaphore *FUNCTION(_semaphore)(void);
EXPORTED int FUNCTION(_release)(void);
EXPORTED void FUNCTION(_prepare)(void);
EXPORTED int FUNCTION(_queue)(void);
EXPORTED void FUNCTION(_serve)(int signal);
EXPORTED int FUNCTION(_woken)(void);
#ifdef __cplusplus
}
#endif

static rouse_semaphore own = ROUSE_SEMAPHORE_INIT(0);
static int woken;

/* The second wake comes due inside the first, so the thread's own state is used. */
static void on_wake(rouse_waiter *w, rouse_status status) {
    woken += status == ROUSE_OK ? 1 : 100;
    if (rouse_waiter_data(w) != NULL) {
        (void)rouse_semaphore_release(&own, 1);
    }
}

int FUNCTION(_run)(void) {
    rouse_waiter first, second;
    woken = 0;
    rouse_waiter_init(&first, on_wake, &own);
    rouse_waiter_init(&second, on_wake, NULL);
    return rouse_semaphore_acquire(&own, &first, 1) == ROUSE_PENDING &&
           rouse_semaphore_acquire(&own, &second, 1) == ROUSE_PENDING &&
           rouse_semaphore_release(&own, 1) == ROUSE_OK && woken == 2;
}

/* An object that crosses. */
static rouse_semaphore handed_out = ROUSE_SEMAPHORE_INIT(1);

rouse_semaphore *FUNCTION(_semaphore)(void) {
    return &handed_out;
}

int FUNCTION(_release)(void) {
    return rouse_semaphore_release(&handed_out, 1) == ROUSE_OK;
}

/* A waiter that a signal handler wakes. */
static rouse_waiter served;

void FUNCTION(_prepare)(void) {
    rouse_signal_prepare();
}

int FUNCTION(_queue)(void) {
    woken = 0;
    rouse_waiter_init(&served, on_wake, NULL);
    return rouse_semaphore_acquire(&own, &served, 1) == ROUSE_PENDING;
}

void FUNCTION(_serve)(int signal) {
    (void)signal;
    (void)rouse_semaphore_release(&own, 1);
}

int FUNCTION(_woken)(void) {
    return woken;
}
