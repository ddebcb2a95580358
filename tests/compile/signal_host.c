/* A program whose signal handler calls a plug-in that uses rouse: signal_host PLUG-IN [unprepared]
 *
 * On a new thread, prepared by rouse_signal_prepare or not, the handler releases what a waiter waits for, and its wake
 * runs there. Exit status 0: the waiter was woken, and nothing was allocated in the handler. */
#include <dlfcn.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>

static volatile sig_atomic_t in_handler, allocations;

/* What the C library allocates with, the loader included. */
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *old, size_t size);
void *malloc(size_t size) {
    allocations += in_handler;
    return __libc_malloc(size);
}
void *calloc(size_t count, size_t size) {
    allocations += in_handler;
    return __libc_calloc(count, size);
}
void *realloc(void *old, size_t size) {
    allocations += in_handler;
    return __libc_realloc(old, size);
}

static void (*prepare)(void);
static int (*queue)(void);
static void (*serve)(int);
static int (*woken)(void);

static void on_signal(int signal) {
    in_handler = 1;
    serve(signal);
    in_handler = 0;
}

static void *interrupted(void *good) {
    if (prepare != NULL) {
        prepare();
    }
    (void)raise(SIGUSR1);
    *(int *)good = woken() == 1;
    return NULL;
}

int main(int argc, char **argv) {
    int good = 0;
    pthread_t thread;
    void *const plug = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
    if (plug == NULL) {
        printf("%s\n", dlerror());
        return 1;
    }
    *(void **)&prepare = argc > 2 ? NULL : dlsym(plug, "plug_prepare");
    *(void **)&queue = dlsym(plug, "plug_queue");
    *(void **)&serve = dlsym(plug, "plug_serve");
    *(void **)&woken = dlsym(plug, "plug_woken");
    (void)signal(SIGUSR1, on_signal);
    if (!queue() || pthread_create(&thread, NULL, interrupted, &good) != 0 ||
        pthread_join(thread, NULL) != 0 || !good) {
        printf("the waiter was not woken\n");
        return 1;
    }
    printf("%d allocated in the handler\n", (int)allocations);
    return allocations != 0;
}
