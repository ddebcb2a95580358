/* rouse_usdt.h: a ROUSE_TRACE that is a static probe (USDT), for bpftrace, perf, gdb and SystemTap. Include it before
 * the first rouse header, in every unit. Needs <sys/sdt.h> (Debian: systemtap-sdt-dev).
 *
 * The probe is rouse:event, with three arguments: the event (a string), the object, the waiter (or NULL); see
 * docs/debugging.md. While nobody looks it is one nop. */
#ifndef ROUSE_USDT_H
#define ROUSE_USDT_H

#include <sys/sdt.h>

#define ROUSE_TRACE(what, object, waiter) DTRACE_PROBE3(rouse, event, what, object, waiter)

#endif /* ROUSE_USDT_H */
