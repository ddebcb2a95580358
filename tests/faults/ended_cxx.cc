// tests/faults/ended_cxx.cc: ended.c as C++.
#include "ended.c"
