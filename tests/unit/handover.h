/* A chain of hand-overs that passes through two translation units, one of them C++. */
#ifndef ROUSE_TESTS_UNIT_HANDOVER_H
#define ROUSE_TESTS_UNIT_HANDOVER_H

#include <rouse/semaphore.h>

#ifdef __cplusplus
extern "C" {
#endif
/* Releases one permit, from a unit that was compiled as C++; what release returned. */
rouse_status hand_over_in_cxx(rouse_semaphore *s);
#ifdef __cplusplus
}
#endif

#endif /* ROUSE_TESTS_UNIT_HANDOVER_H */
