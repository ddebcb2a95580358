/* The one unit that has the slow paths, of a program whose units define ROUSE_COMPILED_ONCE. */
/* snippet: once */
#define ROUSE_IMPLEMENTATION
#include <rouse/rouse.h>
/* end snippet */
