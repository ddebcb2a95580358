/* rouse/detail/base/win32.h: the functions of Windows that base/ calls, declared here. Internal.
 *
 * <windows.h> would bring its macros into every unit that includes rouse: min, max, ERROR, small, near,
 * interface and hundreds more. These declarations agree with its own, so a unit may include it as well,
 * before or after. */
#ifndef ROUSE_DETAIL_BASE_WIN32_H
#define ROUSE_DETAIL_BASE_WIN32_H

#include <stddef.h>

#if defined(_WIN32)

#    define ROUSE_WIN32_FOREVER_ 0xFFFFFFFFul /* INFINITE */

#    if !defined(_WINDOWS_) /* or else <windows.h> has declared them */
#        if defined(__MINGW32__)
#            define ROUSE_WIN32_LOCK_API_ /* its <windows.h> has these two without dllimport */
#        else
#            define ROUSE_WIN32_LOCK_API_ __declspec(dllimport)
#        endif
#        ifdef __cplusplus
extern "C" {
#        endif
struct _RTL_SRWLOCK;
struct _SECURITY_ATTRIBUTES;
union _LARGE_INTEGER;
ROUSE_WIN32_LOCK_API_ void __stdcall AcquireSRWLockExclusive(struct _RTL_SRWLOCK *lock);
ROUSE_WIN32_LOCK_API_ void __stdcall ReleaseSRWLockExclusive(struct _RTL_SRWLOCK *lock);
__declspec(dllimport) void *__stdcall CreateEventW(struct _SECURITY_ATTRIBUTES *attributes, int manual,
                                                   int set, const wchar_t *name);
__declspec(dllimport) int __stdcall SetEvent(void *event);
__declspec(dllimport) int __stdcall CloseHandle(void *handle);
__declspec(dllimport) unsigned long __stdcall WaitForSingleObject(void *handle, unsigned long milliseconds);
__declspec(dllimport) void __stdcall Sleep(unsigned long milliseconds);
__declspec(dllimport) int __stdcall SwitchToThread(void);
__declspec(dllimport) unsigned long __stdcall GetCurrentThreadId(void);
__declspec(dllimport) int __stdcall QueryPerformanceCounter(union _LARGE_INTEGER *count);
__declspec(dllimport) int __stdcall QueryPerformanceFrequency(union _LARGE_INTEGER *rate);
#        ifdef __cplusplus
}
#        endif
#        undef ROUSE_WIN32_LOCK_API_
#    endif

#endif
#endif /* ROUSE_DETAIL_BASE_WIN32_H */
