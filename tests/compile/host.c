/* A program with libraries that use rouse: linked with LINKED_ONE and LINKED_TWO, loaded from its arguments:
 *
 *   +FILE  dlopen, RTLD_LOCAL       =FILE  dlopen, RTLD_GLOBAL       -  dlclose of the oldest       !  the object of
 *                                                                       the newest is used here
 *
 * After each argument all loaded libraries run, on this thread and on a new one. HOST_ROUSE: the program
 * uses rouse itself; HOST_CROSSES: an object of the library too. Exit status 0: all ran. */
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#ifdef HOST_ROUSE
#    include <rouse/semaphore.h>
static rouse_semaphore own = ROUSE_SEMAPHORE_INIT(1);
static int own_run(void) {
    return rouse_semaphore_try_acquire(&own, 1) && rouse_semaphore_release(&own, 1) == ROUSE_OK;
}
#else
typedef struct rouse_semaphore rouse_semaphore;
static int own_run(void) {
    return 1;
}
#endif

int one_run(void);
int two_run(void);
rouse_semaphore *one_semaphore(void);
int one_release(void);

enum { MOST = 1000 };
static void *handles[MOST];
static int oldest, count;

static int run_all(void) {
    int good = own_run(), i;
#ifdef LINKED_ONE
    good = good && one_run();
#endif
#ifdef LINKED_TWO
    good = good && two_run();
#endif
#ifdef HOST_CROSSES
    good = good && rouse_semaphore_try_acquire(one_semaphore(), 1) && one_release();
#endif
    for (i = oldest; good && i < count; i++) {
        int (*run)(void);
        *(void **)&run = dlsym(handles[i], "plug_run");
        good = run != NULL && run();
    }
    return good;
}

static void *run_on_thread(void *good) {
    *(int *)good = run_all();
    return NULL;
}

static int run_twice(void) {
    int good = 0;
    pthread_t thread;
    return run_all() && pthread_create(&thread, NULL, run_on_thread, &good) == 0 &&
           pthread_join(thread, NULL) == 0 && good;
}

static int use_object(void) {
#ifdef HOST_ROUSE
    rouse_semaphore *(*semaphore)(void);
    *(void **)&semaphore = dlsym(handles[count - 1], "plug_semaphore");
    return semaphore != NULL && rouse_semaphore_try_acquire(semaphore(), 1) &&
           rouse_semaphore_release(semaphore(), 1) == ROUSE_OK;
#else
    return 0;
#endif
}

static int follow(const char *argument) {
    switch (argument[0]) {
    case '-':
        return dlclose(handles[oldest++]) == 0;
    case '!':
        return use_object();
    default:
        handles[count] = dlopen(argument + 1, RTLD_NOW | (argument[0] == '=' ? RTLD_GLOBAL : RTLD_LOCAL));
        if (handles[count] == NULL) {
            printf("%s\n", dlerror());
            return 0;
        }
        count++;
        return 1;
    }
}

int main(int argc, char **argv) {
    int i;
    if (!run_twice()) {
        printf("does not run\n");
        return 1;
    }
    for (i = 1; i < argc && count < MOST; i++) {
        if (!follow(argv[i]) || !run_twice()) {
            printf("does not run after %s, argument %d\n", argv[i], i);
            return 1;
        }
    }
    printf("%d loaded\n", count);
    return 0;
}
