/* The portability test's second translation unit, which may be of the other language. */
#ifndef PORTABLE_OTHER_H
#define PORTABLE_OTHER_H

#include <rouse/mutex.h>

#ifdef __cplusplus
extern "C" {
#endif
rouse_status other_unlock(rouse_mutex *m);
#ifdef __cplusplus
}
#endif

#endif /* PORTABLE_OTHER_H */
