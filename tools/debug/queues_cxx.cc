/* queues.c as C++, whose atomics look different to a debugger. */
#include "queues.c"
