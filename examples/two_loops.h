/* examples/two_loops.h: what two_loops.c calls of two_loops_local.c: slots that belong to one loop. */
#ifndef TWO_LOOPS_H
#define TWO_LOOPS_H

enum { JOBS = 4 }; /* of each loop */

/* All on the loop's own thread, which has its own slots. */
void slots_open(unsigned count);
void slots_take(int job, void (*go)(int job)); /* calls go when the job has a slot, perhaps at once */
void slots_give(void);
void slots_close(void); /* all are back */

#endif /* TWO_LOOPS_H */
