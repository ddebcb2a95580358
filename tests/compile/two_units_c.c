/* The C unit: the program's main. Exit status 0: the units agree. */
#include "two_units.h"

#include <stdio.h>

rouse_semaphore from_c = ROUSE_SEMAPHORE_INIT(2);

static int failures;
#define EXPECT(condition)  \
    ((condition) ? (void)0 \
                 : ((void)printf("%s:%d: not so: %s\n", __FILE__, __LINE__, #condition), (void)failures++))

static int running;
static int second_ran;

static void second_wake(rouse_waiter *w, rouse_status status) {
    (void)w;
    EXPECT(status == ROUSE_OK);
    EXPECT(running == 0); /* deferred, though its release came from the other unit */
    second_ran = 1;
}

static void first_wake(rouse_waiter *w, rouse_status status) {
    (void)w;
    EXPECT(status == ROUSE_OK);
    running = 1;
    EXPECT(release_in_cxx(&from_cxx) == 0);
    EXPECT(second_ran == 0);
    running = 0;
}

int main(void) {
    rouse_waiter first;
    rouse_waiter second;
    EXPECT(rouse_semaphore_available(&from_c) == 2);
    EXPECT(rouse_semaphore_available(&from_cxx) == 3);
    EXPECT(rouse_semaphore_try_acquire(&from_c, 2));
    EXPECT(rouse_semaphore_try_acquire(&from_cxx, 3));
    rouse_waiter_init(&first, first_wake, NULL);
    rouse_waiter_init(&second, second_wake, NULL);
    EXPECT(rouse_semaphore_acquire(&from_c, &first, 1) == ROUSE_PENDING);
    EXPECT(rouse_semaphore_acquire(&from_cxx, &second, 1) == ROUSE_PENDING);
    EXPECT(release_in_cxx(&from_c) == 0);
    EXPECT(second_ran == 1);
    rouse_notify_one(&zero_from_cxx);
    EXPECT(exercise_in_cxx() == 0);
    rouse_semaphore_destroy(&from_c);
    rouse_semaphore_destroy(&from_cxx);
    return failures != 0;
}
