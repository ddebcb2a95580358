/* invited.c: the scenarios of open.c, of a limit. */
#define OF_LIMIT
#include "open.c"
