/* A C unit and a C++ unit that share objects, inline functions and the list of deferred wakes. */
#ifndef ROUSE_TESTS_COMPILE_TWO_UNITS_H
#define ROUSE_TESTS_COMPILE_TWO_UNITS_H

#include <rouse/rouse.h>

#ifdef __cplusplus
extern "C" {
#endif
extern rouse_semaphore from_c;     /* initialized in the C unit   */
extern rouse_semaphore from_cxx;   /* initialized in the C++ unit */
extern rouse_notify zero_from_cxx; /* all zero, in the C++ unit   */
/* Releases one permit from the C++ unit, inside whatever wake this thread is in. */
int release_in_cxx(rouse_semaphore *s);
/* Queues, cancels, blocks and drains in the C++ unit; 0: all well. */
int exercise_in_cxx(void);
#ifdef __cplusplus
}
#endif

#endif /* ROUSE_TESTS_COMPILE_TWO_UNITS_H */
