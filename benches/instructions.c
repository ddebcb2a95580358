/* benches/instructions.c: one uncontended pair in a loop, compiled as a user would, for callgrind to count the
 * instructions of: the difference between two lengths of the loop. Compiled per backend; run.sh drives it. */
#include BENCH_ADAPTER

#include <stdio.h>
#include <stdlib.h>

void bench_die(const char *why) {
    fprintf(stderr, "%s\n", why);
    exit(1);
}

int main(int argc, char **argv) {
    c_sem s;
    const long pairs = argc > 1 ? atol(argv[1]) : 0;
    c_sem_init(&s, 1);
    c_sem_pairs(&s, pairs);
    c_sem_destroy(&s);
    return 0;
}
