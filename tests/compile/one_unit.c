/* A unit that includes everything, for options that must be taken or refused. */
#include <rouse/rouse.h>

extern rouse_mutex one_mutex;
rouse_mutex one_mutex = ROUSE_MUTEX_INIT;
