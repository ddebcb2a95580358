/* tests/faults/sleeps.h: a program that is linked with sleeps.c sees where blocking.h goes to sleep. The
 * library's system calls pass through it, because the program's own `syscall` hides the C library's.
 * Linux. */
#ifndef ROUSE_TESTS_FAULTS_SLEEPS_H
#define ROUSE_TESTS_FAULTS_SLEEPS_H

/* Runs on the thread that is about to sleep, as if a signal handler had come in while it slept. NULL: nothing. */
extern void (*sleeps_hook)(void);
/* Sleeps that have been begun, counted after the hook. */
extern int sleeps_begun(void);

#endif /* ROUSE_TESTS_FAULTS_SLEEPS_H */
