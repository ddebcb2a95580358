/* redirect.h is included before a test's first line. It sends the C library's calls that the checker
 * models to hooks.c, by giving them other names for the linker. The code under test is not changed, and
 * the checker itself, which is compiled without this, still calls the C library. */
#ifndef MODEL_REDIRECT_H
#define MODEL_REDIRECT_H

#include <stddef.h>
#include <sys/types.h>

struct timespec;

extern void *malloc(size_t) __asm__("model_malloc");
extern void *calloc(size_t, size_t) __asm__("model_calloc");
extern void free(void *) __asm__("model_free");
extern void *memset(void *, int, size_t) __asm__("model_memset");
extern void *memcpy(void *, const void *, size_t) __asm__("model_memcpy");
extern void *memmove(void *, const void *, size_t) __asm__("model_memmove");
extern void abort(void) __asm__("model_abort");
extern int sched_yield(void) __asm__("model_sched_yield");
extern int clock_gettime(clockid_t, struct timespec *) __asm__("model_clock_gettime");
extern int pthread_mutex_init(pthread_mutex_t *, const pthread_mutexattr_t *) __asm__("model_mutex_init");
extern int pthread_mutex_destroy(pthread_mutex_t *) __asm__("model_mutex_destroy");
extern int pthread_mutex_lock(pthread_mutex_t *) __asm__("model_mutex_lock");
extern int pthread_mutex_unlock(pthread_mutex_t *) __asm__("model_mutex_unlock");
extern int pthread_cond_init(pthread_cond_t *, const pthread_condattr_t *) __asm__("model_cond_init");
extern int pthread_cond_destroy(pthread_cond_t *) __asm__("model_cond_destroy");
extern int pthread_cond_signal(pthread_cond_t *) __asm__("model_cond_signal");
extern int pthread_cond_broadcast(pthread_cond_t *) __asm__("model_cond_broadcast");
extern int pthread_cond_wait(pthread_cond_t *, pthread_mutex_t *) __asm__("model_cond_wait");
extern int pthread_cond_timedwait(pthread_cond_t *, pthread_mutex_t *,
                                  const struct timespec *) __asm__("model_cond_timedwait");

#endif /* MODEL_REDIRECT_H */
