/* api.c: what tests call, and the checker's own start. */
#include "checker.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

struct checker *mc;

static void on_signal(int number) {
    if (mc != NULL && mc->active && X->current >= 0) {
        fault("%s in thread %d",
              number == SIGSEGV || number == SIGBUS ? "access to invalid memory" : "a trap", X->current);
    }
    _exit(2);
}

void mc_setup(void) {
    const stack_t stack = {.ss_sp = malloc(1 << 15), .ss_size = 1 << 15};
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_ONSTACK | SA_NODEFER};
    mc = mmap(NULL, sizeof *mc, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    X->current = -1;
    mc->limit = 900;
    threads_setup();
    seqcst_setup();
    sigaltstack(&stack, NULL);
    sigaction(SIGSEGV, &action, NULL);
    sigaction(SIGBUS, &action, NULL);
    sigaction(SIGILL, &action, NULL);
    sigaction(SIGTRAP, &action, NULL);
    explore_setup();
}

mc_result mc_explore(const mc_scenario *scenario) {
    mc_result result;
    mc->scenario = scenario;
    memset(&mc->result, 0, sizeof mc->result);
    mc->result.threads = 1;
    mc->sharings = 0;
    mc->named = 0;
    mc->slots_made = 0;
    memset(mc->slot_index, 0, sizeof mc->slot_index);
    mc->active = true;
    explore();
    mc->active = false;
    result = mc->result;
    return result;
}

const void *mc_argument(void) {
    return mc->scenario->argument;
}
uint64_t mc_outcomes(void) {
    return mc->reached;
}
void mc_reached(int k) {
    mc->reached |= (uint64_t)1 << k;
}
int mc_thread(void (*run)(void *arg), void *arg) {
    return thread_start(run, arg);
}
void mc_join_all(void) {
    thread_do((struct op){.kind = OP_JOIN});
}
int mc_choose(int n) {
    thread_do((struct op){.kind = OP_CHOOSE, .n = n});
    return (int)SELF->op.result;
}
void mc_name(const void *address, size_t size, const char *name) {
    for (int i = 0; i < mc->named; i++) {
        if (mc->names[i].start == (const char *)address) {
            mc->names[i].name = name;
            return;
        }
    }
    if (mc->named < 32) {
        mc->names[mc->named].start = address;
        mc->names[mc->named].size = size;
        mc->names[mc->named++].name = name;
    }
}
