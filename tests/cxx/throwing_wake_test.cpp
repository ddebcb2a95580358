// tests/cxx/throwing_wake_test.cpp: an exception that leaves a wake ends the program, whichever call runs the wake; with ROUSE_DEBUG
// one line comes first. Each case throws in a child process.
#include <rouse/any.h>
#include <rouse/condvar.h>
#include <rouse/deadline.h>
#include <rouse/limit.h>
#include <rouse/mailbox.h>
#include <rouse/mutex.h>
#include <rouse/semaphore.h>
#include <rouse/several.h>

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <string>

#include <sys/wait.h>
#include <unistd.h>

namespace {

enum { TERMINATED = 7, WENT_ON = 8 };

void on_wake(rouse_waiter *, rouse_status) {
    throw 1;
}
void on_timed(rouse_timed *, rouse_status) {
    throw 1;
}
void on_any(rouse_any *, int, rouse_status) {
    throw 1;
}
void on_several(rouse_several *, rouse_status) {
    throw 1;
}
void on_signal(rouse_condvar_waiter *, rouse_status) {
    throw 1;
}

void by_release() {
    rouse_semaphore s = ROUSE_SEMAPHORE_INIT(0);
    rouse_waiter w;
    rouse_waiter_init(&w, on_wake, nullptr);
    (void)rouse_semaphore_acquire(&s, &w, 1);
    (void)rouse_semaphore_release(&s, 1);
}
void by_close() {
    rouse_mutex m = ROUSE_MUTEX_INIT;
    rouse_waiter w;
    rouse_waiter_init(&w, on_wake, nullptr);
    (void)rouse_mutex_try_lock(&m);
    (void)rouse_mutex_lock(&m, &w);
    (void)rouse_mutex_close(&m);
}
void by_drain() {
    rouse_mailbox mailbox;
    rouse_waiter w;
    rouse_mailbox_init(&mailbox, nullptr, nullptr);
    rouse_waiter_init_on(&w, &mailbox, on_wake, nullptr);
    rouse_mailbox_post(&mailbox, &w, ROUSE_OK);
    (void)rouse_mailbox_drain(&mailbox);
}
void by_time_out() {
    rouse_semaphore s = ROUSE_SEMAPHORE_INIT(0);
    rouse_deadlines deadlines;
    rouse_timed t;
    rouse_deadlines_init(&deadlines);
    rouse_timed_init(&t, &deadlines, nullptr, on_timed, nullptr);
    (void)rouse_semaphore_acquire_until(&s, &t, 1, 5);
    (void)rouse_deadlines_run(&deadlines, 10);
}
void by_any() {
    rouse_semaphore s = ROUSE_SEMAPHORE_INIT(0);
    rouse_arm arm;
    rouse_any any;
    rouse_arm_semaphore(&arm, &s, 1);
    rouse_any_init(&any, &arm, 1, nullptr, on_any, nullptr);
    (void)rouse_any_wait(&any);
    (void)rouse_semaphore_release(&s, 1);
}
void by_several() {
    rouse_limit limit;
    rouse_several several;
    (void)rouse_limit_init(&limit, 0, UINT32_MAX);
    const rouse_step step = {&limit, 1};
    rouse_several_init(&several, nullptr, on_several, nullptr);
    (void)rouse_several_acquire(&several, &step, 1);
    (void)rouse_limit_set(&limit, 1);
}
void by_unlock_after_signal() {
    rouse_mutex m = ROUSE_MUTEX_INIT;
    rouse_condvar condvar;
    rouse_condvar_waiter w;
    rouse_condvar_init(&condvar);
    rouse_condvar_waiter_init(&w, &m, nullptr, on_signal, nullptr);
    (void)rouse_mutex_try_lock(&m);
    (void)rouse_condvar_wait(&condvar, &w);
    (void)rouse_condvar_signal(&condvar);
}

int failures;

void must_terminate(const char *name, void (*act)()) {
    int pipe_ends[2];
    if (pipe(pipe_ends) != 0) {
        std::abort();
    }
    const pid_t child = fork();
    if (child == 0) {
        (void)dup2(pipe_ends[1], STDERR_FILENO);
        std::set_terminate([] { _exit(TERMINATED); });
        try {
            act();
        } catch (int) {
            _exit(WENT_ON);
        }
        _exit(WENT_ON);
    }
    (void)close(pipe_ends[1]);
    std::string said;
    char some[256];
    for (ssize_t n = 0; (n = read(pipe_ends[0], some, sizeof some)) > 0;) {
        said.append(some, static_cast<std::size_t>(n));
    }
    (void)close(pipe_ends[0]);
    int status = 0;
    (void)waitpid(child, &status, 0);
    bool right = WIFEXITED(status) && WEXITSTATUS(status) == TERMINATED;
#ifdef ROUSE_DEBUG
    right = right && said.find("an exception left the wake of this waiter") != std::string::npos;
#endif
    if (!right) {
        std::printf("FAILED: %s: status %#x, said '%s'\n", name, static_cast<unsigned>(status), said.c_str());
        failures++;
    }
}

} // namespace

int main() {
    must_terminate("release", by_release);
    must_terminate("close", by_close);
    must_terminate("drain", by_drain);
    must_terminate("time-out", by_time_out);
    must_terminate("any", by_any);
    must_terminate("several", by_several);
    must_terminate("signal", by_unlock_after_signal);
    if (failures == 0) {
        std::printf("an exception that leaves a wake ends the program\n");
    }
    return failures != 0;
}
