/* rouse/detail/base/compiled.h: the slow paths in one unit, called from all others. Internal.
 *
 * With ROUSE_COMPILED_ONCE a unit has only the fast paths, which are inline, and calls external functions
 * instead of the slow ones. The unit that defines ROUSE_IMPLEMENTATION has those functions. They are hidden,
 * so each executable and each shared library needs one such unit. If it has none, the linker names the
 * missing functions.
 *
 *   ROUSE_COMPILED_(result, name, parameters, arguments)
 *                              declares the external twin of a function `name` that is known here; with
 *                              ROUSE_IMPLEMENTATION defines it
 *   ROUSE_COMPILED_VOID_(name, parameters, arguments)
 *                              the same for one that returns nothing
 *   ROUSE_COMPILED_NAME_(name) the twin's name. `#define name ROUSE_COMPILED_NAME_(name)`, behind the
 *                              function, makes it the one that is called from there on
 *
 * The name contains the backend, for programs of mixed backends, and ROUSE_PRIVATE's name. */
#ifndef ROUSE_DETAIL_BASE_COMPILED_H
#define ROUSE_DETAIL_BASE_COMPILED_H

#include "../../config.h"
#include "platform.h"

#if defined(ROUSE_COMPILED_ONCE) || defined(ROUSE_IMPLEMENTATION)
#    define ROUSE_COMPILED_ELSEWHERE_ 1

#    if ROUSE_BACKEND == ROUSE_BACKEND_MUTEX
#        define ROUSE_COMPILED_TWIN_(name) name##in_mutex
#    elif ROUSE_BACKEND == ROUSE_BACKEND_SPIN
#        define ROUSE_COMPILED_TWIN_(name) name##in_spin
#    elif ROUSE_BACKEND == ROUSE_BACKEND_LOCKFREE
#        define ROUSE_COMPILED_TWIN_(name) name##in_lockfree
#    else
#        define ROUSE_COMPILED_TWIN_(name) name##in_local
#    endif
#    ifdef ROUSE_PRIVATE
#        define ROUSE_COMPILED_NAME_(name) ROUSE_PRIVATE_NAME_(ROUSE_COMPILED_TWIN_(name))
#    else
#        define ROUSE_COMPILED_EXPAND_(name) name##_
#        define ROUSE_COMPILED_WHOLE_(name)  ROUSE_COMPILED_EXPAND_(name)
#        define ROUSE_COMPILED_NAME_(name)   ROUSE_COMPILED_WHOLE_(ROUSE_COMPILED_TWIN_(name))
#    endif

#    if defined(__GNUC__) && (defined(__ELF__) || defined(__APPLE__))
#        define ROUSE_COMPILED_HIDDEN_ __attribute__((__visibility__("hidden")))
#    else
#        define ROUSE_COMPILED_HIDDEN_
#    endif

#    ifdef ROUSE_IMPLEMENTATION
#        define ROUSE_COMPILED_(result, name, parameters, arguments)                    \
            ROUSE_EXTERN_C_BEGIN_                                                       \
            ROUSE_COMPILED_HIDDEN_ extern result ROUSE_COMPILED_NAME_(name) parameters; \
            ROUSE_COMPILED_HIDDEN_ result ROUSE_COMPILED_NAME_(name) parameters {       \
                return name arguments;                                                  \
            }                                                                           \
            ROUSE_EXTERN_C_END_
#        define ROUSE_COMPILED_VOID_(name, parameters, arguments)                     \
            ROUSE_EXTERN_C_BEGIN_                                                     \
            ROUSE_COMPILED_HIDDEN_ extern void ROUSE_COMPILED_NAME_(name) parameters; \
            ROUSE_COMPILED_HIDDEN_ void ROUSE_COMPILED_NAME_(name) parameters {       \
                name arguments;                                                       \
            }                                                                         \
            ROUSE_EXTERN_C_END_
#    else
#        define ROUSE_COMPILED_(result, name, parameters, arguments)                    \
            ROUSE_EXTERN_C_BEGIN_                                                       \
            ROUSE_COMPILED_HIDDEN_ extern result ROUSE_COMPILED_NAME_(name) parameters; \
            ROUSE_EXTERN_C_END_
#        define ROUSE_COMPILED_VOID_(name, parameters, arguments) \
            ROUSE_COMPILED_(void, name, parameters, arguments)
#    endif
#endif

#endif /* ROUSE_DETAIL_BASE_COMPILED_H */
