/* Names that system headers are known to take away, <windows.h> above all: a unit that includes the library may use
 * them. Compiled for every target, in C and C++; with WINDOWS_FIRST or WINDOWS_AFTER (which take the names) it shows
 * that <windows.h> may be included as well. */
#if defined(WINDOWS_FIRST)
#    include <windows.h>
#endif

#include <rouse/rouse.h>

#if defined(WINDOWS_AFTER)
#    include <windows.h>
#endif

int victims(void);

#if defined(WINDOWS_FIRST) || defined(WINDOWS_AFTER)

int victims(void) {
    SRWLOCK lock = SRWLOCK_INIT;
    LARGE_INTEGER count;
    HANDLE const event = CreateEventW(NULL, FALSE, FALSE, NULL);
    AcquireSRWLockExclusive(&lock);
    ReleaseSRWLockExclusive(&lock);
    Sleep(0);
    return event != NULL && SetEvent(event) && WaitForSingleObject(event, INFINITE) == WAIT_OBJECT_0 &&
           CloseHandle(event) && QueryPerformanceCounter(&count) && SwitchToThread() >= 0 &&
           GetCurrentThreadId() != 0;
}

#else

#    define NOT_A_MACRO(name) \
        enum victim_##name {  \
            name              \
        }
NOT_A_MACRO(ERROR);
NOT_A_MACRO(DELETE);
NOT_A_MACRO(IN);
NOT_A_MACRO(OUT);
NOT_A_MACRO(OPTIONAL);
NOT_A_MACRO(TRUE);
NOT_A_MACRO(FALSE);
NOT_A_MACRO(CONST);
NOT_A_MACRO(VOID);
NOT_A_MACRO(INFINITE);
NOT_A_MACRO(STRICT);
NOT_A_MACRO(ALTERNATE);
NOT_A_MACRO(NO_ERROR);
NOT_A_MACRO(IGNORE);
NOT_A_MACRO(CALLBACK);
NOT_A_MACRO(THIS);
NOT_A_MACRO(Yield);
NOT_A_MACRO(CreateEvent);
NOT_A_MACRO(CreateSemaphore);
NOT_A_MACRO(CreateMutex);
NOT_A_MACRO(GetObject);
NOT_A_MACRO(GetMessage);
NOT_A_MACRO(SendMessage);
NOT_A_MACRO(MemoryBarrier);
NOT_A_MACRO(major);
NOT_A_MACRO(minor);
NOT_A_MACRO(near);
NOT_A_MACRO(far);
NOT_A_MACRO(small);
NOT_A_MACRO(hyper);
NOT_A_MACRO(interface);
NOT_A_MACRO(pascal);
NOT_A_MACRO(cdecl);
NOT_A_MACRO(likely);
NOT_A_MACRO(unlikely);
NOT_A_MACRO(check);
NOT_A_MACRO(verify);

static int min(int a, int b) {
    return a < b ? a : b;
}
static int max(int a, int b) {
    return a > b ? a : b;
}

int victims(void) {
    return min(max(ERROR, small), max(near, interface));
}

#endif

int main(void) {
    rouse_semaphore s = ROUSE_SEMAPHORE_INIT(1);
    const bool had_one = rouse_semaphore_try_acquire(&s, 1);
    rouse_semaphore_destroy(&s);
    (void)victims();
    return had_one ? 0 : 1;
}
