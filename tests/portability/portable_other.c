/* The portability test's second translation unit: unlocks what the first one locked. */
#include "portable_other.h"

rouse_status other_unlock(rouse_mutex *m) {
    return rouse_mutex_unlock(m);
}
