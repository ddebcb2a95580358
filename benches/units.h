/* benches/units.h: what the two programs that run the benchmarks (main.c, rounds.c) share beside bench.h. */
#ifndef ROUSE_BENCH_UNITS_H
#define ROUSE_BENCH_UNITS_H

#include "bench.h"

/* Lets every unit add its benchmarks. */
void units_register(void);

/* Starts a thread that does nothing. glibc leaves the lock prefix out of its mutexes until a process has had a second
 * thread; a program that needs synchronization has one. */
void units_second_thread(void);
void units_end_second_thread(void);

#endif /* ROUSE_BENCH_UNITS_H */
