/* rouse/detail/base/options.h: checks before main that a program has one set of options. Internal.
 *
 * Objects hold what their backend needs, so a unit that was built for another backend would corrupt them. A C
 * linker cannot compare types. So two checks run when the program starts. Each aborts with a message that
 * names both sets of options:
 *
 *   the witness   a weak variable with the options of one unit, which every unit compares with its own. It
 *                 detects a mixture among all units that see the same witness: those of one executable or
 *                 library, and of libraries that export it (-fvisibility=hidden and version scripts hide it).
 *   the notes     ELF on Linux: every unit leaves its options in a note, which no version script hides. The
 *                 executable compares its own with those of every library that is loaded when it starts.
 *
 * Neither detects an object that crosses between two libraries that hide the witness. Neither detects one
 * that crosses between the executable and a library that is loaded later (dlopen) and hides it. With
 * ROUSE_DEBUG the first call on such an object aborts (ROUSE_CHECK_BUILT_, detail/base/owner.h).
 *
 * Units with ROUSE_PRIVATE are compared only with units of the same name in the same executable or library.
 * Units with ROUSE_MIXED_BACKENDS are compared with no other. */
#ifndef ROUSE_DETAIL_BASE_OPTIONS_H
#define ROUSE_DETAIL_BASE_OPTIONS_H

#include "../../config.h"
#include "platform.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef ROUSE_DEBUG
#    define ROUSE_OPTIONS_DEBUG_ 16
#else
#    define ROUSE_OPTIONS_DEBUG_ 0
#endif
#ifdef ROUSE_STATS
#    define ROUSE_OPTIONS_STATS_ 32
#else
#    define ROUSE_OPTIONS_STATS_ 0
#endif
#define ROUSE_OPTIONS_ \
    (ROUSE_BACKEND + ROUSE_OPTIONS_DEBUG_ + ROUSE_OPTIONS_STATS_ + 256 * ROUSE_SEGMENT_CELLS)

/* Returns the name of the backend in a set of options. */
ROUSE_COLD_ const char *rouse_options_backend_(int options) {
    static const char *const names[] = {"?", "ROUSE_BACKEND_MUTEX", "ROUSE_BACKEND_SPIN",
                                        "ROUSE_BACKEND_LOCKFREE", "ROUSE_BACKEND_LOCAL"};
    return names[(options & 15) <= ROUSE_BACKEND_LOCAL ? options & 15 : 0];
}

#if defined(_MSC_VER)
#    if !defined(ROUSE_MIXED_BACKENDS) && !defined(ROUSE_PRIVATE)
#        define ROUSE_QUOTE_(x)  #        x
#        define ROUSE_QUOTED_(x) ROUSE_QUOTE_(x)
#        pragma detect_mismatch("rouse_options", ROUSE_QUOTED_(ROUSE_OPTIONS_))
#    endif
#elif !defined(ROUSE_MIXED_BACKENDS)

/* Ends the program, which has two sets of options. `where` names the module that has the other set, or is
 * NULL. */
ROUSE_COLD_ void rouse_options_refuse_(int theirs, const char *where) {
    fprintf(stderr,
            "rouse: this program was built with two sets of options: %s%s%s, %d cells a segment%s%s, and "
            "%s%s%s, %d cells a segment; build all of it with one (or see ROUSE_PRIVATE and "
            "ROUSE_MIXED_BACKENDS in "
            "config.h)\n",
            rouse_options_backend_(theirs), (theirs & 16) ? " with ROUSE_DEBUG" : "",
            (theirs & 32) ? " with ROUSE_STATS" : "", theirs / 256, where != NULL ? " in " : "",
            where != NULL ? where : "", rouse_options_backend_(ROUSE_OPTIONS_),
            (ROUSE_OPTIONS_ & 16) ? " with ROUSE_DEBUG" : "",
            (ROUSE_OPTIONS_ & 32) ? " with ROUSE_STATS" : "", ROUSE_OPTIONS_ / 256);
    fflush(stderr);
    abort();
}

ROUSE_EXTERN_C_BEGIN_
/* Holds the first unit's options (the linker keeps one of the definitions). It is volatile, so that with
 * link-time optimization the compiler does not take its own unit's initialiser for the one that was kept. */
#    if defined(ROUSE_PRIVATE)
#        define ROUSE_OPTIONS_WITNESS_ ROUSE_PRIVATE_NAME_(rouse_options_v1)
extern ROUSE_MODULE_ volatile int ROUSE_OPTIONS_WITNESS_;
ROUSE_MODULE_ volatile int ROUSE_OPTIONS_WITNESS_ = ROUSE_OPTIONS_;
#    else
#        define ROUSE_OPTIONS_WITNESS_ rouse_options_v1_
extern ROUSE_WEAK_ volatile int rouse_options_v1_;
ROUSE_WEAK_ volatile int rouse_options_v1_ = ROUSE_OPTIONS_;
#    endif
ROUSE_EXTERN_C_END_

#    if defined(__linux__) && defined(__ELF__) && !defined(ROUSE_PRIVATE)
#        define ROUSE_OPTIONS_NOTES_     1

/* An ELF note with the name "rouse". It is written in assembly, because the section of a variable would not
 * have the type that the linker announces to the loader. */
#        define ROUSE_OPTIONS_TEXT_(x)   #        x
#        define ROUSE_OPTIONS_STRING_(x) ROUSE_OPTIONS_TEXT_(x)
__asm__(".pushsection .note.rouse, \"a\", %note\n"
        ".balign 4\n"
        ".long 6, 4, 1\n"
        ".asciz \"rouse\"\n"
        ".balign 4\n"
        ".long " ROUSE_OPTIONS_STRING_(ROUSE_OPTIONS_) "\n"
                                                       ".popsection\n");

/* What the C library's <link.h> calls ElfW(Phdr) and struct dl_phdr_info. It declares them for GNU only. */
typedef struct rouse_options_segment_ {
    uint32_t type_;
#        if defined(__LP64__)
    uint32_t flags_;
#        endif
    uintptr_t offset_, address_, physical_, file_size_, size_;
#        if !defined(__LP64__)
    uint32_t flags_;
#        endif
    uintptr_t align_;
} rouse_options_segment_;
typedef struct rouse_options_module_ {
    uintptr_t base_;
    const char *name_;
    const rouse_options_segment_ *segments_;
    uint16_t count_;
} rouse_options_module_;

ROUSE_EXTERN_C_BEGIN_
extern int rouse_options_each_module_(int (*look)(rouse_options_module_ *module, size_t size, void *arg),
                                      void *arg) __asm__("dl_iterate_phdr");
/* One unit of the executable looks for all units in it. */
extern ROUSE_MODULE_ volatile int rouse_options_looked_v1_;
ROUSE_MODULE_ volatile int rouse_options_looked_v1_ = 0;
ROUSE_EXTERN_C_END_

/* Compares the notes in one segment of a module with this unit's options. */
ROUSE_COLD_ void rouse_options_look_at_notes_(const char *note, size_t size, size_t align,
                                              const char *where) {
    uint32_t head[4]; /* the sizes of the name and of the contents, the type; the contents */
    while (size >= 12) {
        size_t name;
        size_t contents;
        memcpy(head, note, 12);
        name = (12 + (size_t)head[0] + align - 1) / align * align;
        contents = ((size_t)head[1] + align - 1) / align * align;
        if (name > size || contents > size - name) {
            return;
        }
        if (head[0] == 6 && head[1] == 4 && memcmp(note + 12, "rouse", 6) == 0) {
            memcpy(&head[3], note + name, 4);
            if (head[3] != ROUSE_OPTIONS_) {
                rouse_options_refuse_((int)head[3], where[0] != '\0' ? where : NULL);
            }
        }
        note += name + contents;
        size -= name + contents;
    }
}

/* The first module is the executable. Ends the walk there (not 0) if this unit is not in the executable. */
ROUSE_COLD_ int rouse_options_look_at_(rouse_options_module_ *module, size_t size, void *arg) {
    int *const modules = (int *)arg;
    int holds = 0;
    uint16_t i;
    for (i = 0; i < module->count_; i++) {
        const rouse_options_segment_ *const s = &module->segments_[i];
        const uintptr_t start = module->base_ + s->address_;
        holds =
            holds || (s->type_ == 1 /* PT_LOAD */ && (uintptr_t)&rouse_options_looked_v1_ - start < s->size_);
        if (*modules != 0 && s->type_ == 4 /* PT_NOTE */) {
            rouse_options_look_at_notes_((const char *)start, s->size_, s->align_ == 8 ? 8 : 4,
                                         module->name_ != NULL ? module->name_ : "");
        }
    }
    (void)size;
    return (*modules)++ == 0 && !holds;
}
#    endif

__attribute__((__constructor__)) static void rouse_options_check_(void) {
    if (ROUSE_OPTIONS_WITNESS_ != ROUSE_OPTIONS_) {
        rouse_options_refuse_(ROUSE_OPTIONS_WITNESS_, NULL);
    }
#    if defined(ROUSE_OPTIONS_NOTES_)
    if (rouse_options_looked_v1_ == 0) {
        int modules = 0;
        rouse_options_looked_v1_ = 1;
        (void)rouse_options_each_module_(rouse_options_look_at_, &modules);
    }
#    endif
}

#endif

#endif /* ROUSE_DETAIL_BASE_OPTIONS_H */
