// The headers inside somebody's extern "C", as a C library's headers are included.
extern "C" {
#include <rouse/rouse.h>
}

int main() {
    rouse_semaphore s = ROUSE_SEMAPHORE_INIT(1);
    return rouse_semaphore_try_acquire(&s, 1) && rouse_semaphore_release(&s, 1) == ROUSE_OK ? 0 : 1;
}
