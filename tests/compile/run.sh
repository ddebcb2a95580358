#!/bin/sh
# tests/compile/run.sh: what the compiler and the linker must take, and what they must refuse.
#
#   tests/compile/run.sh alone CC...     each public header alone, in each language version, for each backend
#   tests/compile/run.sh loops CC...     each header of loop/, in C and C++
#   tests/compile/run.sh together CC...  two units of one program, C and C++: they share all there is one of
#   tests/compile/run.sh refused CC...   wrong options: refused by the compiler, or when the program starts, with a
#                                        message that says what is right
#   tests/compile/run.sh ignored CC...   a unit that ignores a result that carries a grant gets a warning
#   tests/compile/run.sh libraries CC... shared libraries and plug-ins: in any number, on musl, with other backends,
#                                        private ones, unloaded ones; which mixtures are refused, and by what
#   tests/compile/run.sh modules CC...   templates in a C++20 module call the library (clang 16 or later, if there is one)
#   tests/compile/run.sh once CC...      ROUSE_COMPILED_ONCE: the slow paths in one unit; how much smaller the others are
#   tests/compile/run.sh symbols CC...   what a unit adds to a program's names
#
# CC: gcc, clang. Needs no build folder; works in a temporary one. Prints what it compiled; the exit status is 0 only
# if all went as it must, and something was compiled.
set -u

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
include=${ROUSE_INCLUDE:-$root/include}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM

warnings='-Wall -Wextra -Wpedantic -Wconversion -Wsign-conversion -Wshadow -Wundef -Wcast-qual -Wcast-align'
warnings="$warnings -Wpointer-arith -Wwrite-strings -Wredundant-decls -Werror"
# What C alone has.
c_warnings='-Wdeclaration-after-statement -Wbad-function-cast -Wstrict-prototypes -Wmissing-prototypes'
# Every header, the internal ones too: each compiles alone. Those of a loop: see loops.
headers=$(cd "$include/rouse" && find . -name '*.h' -not -path '*/loop/*' | sed 's|^\./||; s|\.h$||' | sort)
backends='MUTEX SPIN LOCKFREE LOCAL'
passed=0 failed=0

ok() {
    passed=$((passed + 1))
}
bad() {
    echo "FAILED: $*"
    sed 's/^/    /' "$work/log"
    failed=$((failed + 1))
}
# must_work WHAT COMMAND...
must_work() {
    what=$1
    shift
    if "$@" >"$work/log" 2>&1; then ok; else bad "$what"; fi
}
# must_fail WHAT TEXT COMMAND...: fails, and says TEXT.
must_fail() {
    what=$1 text=$2
    shift 2
    if "$@" >"$work/log" 2>&1; then
        bad "$what: was not refused"
    elif grep -q -- "$text" "$work/log"; then
        ok
    else
        bad "$what: refused, but not with \"$text\""
    fi
}
cxx_of() {
    case $1 in gcc*) echo "g++${1#gcc}" ;; *) echo "clang++${1#clang}" ;; esac
}
in_work() {
    (cd "$work" && exec "$@")
}

# ---- alone ---------------------------------------------------------------------------------------------------------------

# A unit for each header, all in one call of the compiler. Included twice: the guard must hold.
alone_in() {
    compiler=$1 extension=$2
    shift 2
    units='' public=''
    case $extension,$compiler in
    c,*) own_warnings=$c_warnings ;;
    cc,g++*) own_warnings='-Wuseless-cast' ;;
    *) own_warnings='' ;;
    esac
    for header in $headers; do
        name=$(echo "$header" | tr / _)
        printf '#include <rouse/%s.h>\n#include <rouse/%s.h>\nextern int test_%s;\nint test_%s = 0;\n' \
            "$header" "$header" "$name" "$name" >"$work/$name.$extension"
        units="$units $work/$name.$extension"
        case $header in detail/*) ;; *) public="$public $work/$name.$extension" ;; esac
    done
    for standard in "$@"; do
        # The internal headers, and the checks of the optimizer's passes: once for each language. No unit calls a function, so all
        # that is compiled is what the library has once, and rouse.h's unit has that whole.
        those=$public
        [ "$standard" != "$1" ] || those=$units
        for backend in $backends; do
            these=$those
            [ "$backend" != LOCAL ] || these=$(echo " $those " | sed "s# $work/blocking.$extension # #")
            # shellcheck disable=SC2086 # lists of words
            must_work "$compiler -std=$standard $backend:$headers" \
                in_work "$compiler" "-std=$standard" $warnings $own_warnings -fsyntax-only "-I$include" \
                "-DROUSE_BACKEND=ROUSE_BACKEND_$backend" $these
            # shellcheck disable=SC2086
            [ "$standard" != "$1" ] || must_work "$compiler -std=$standard $backend, optimized" \
                in_work "$compiler" "-std=$standard" $warnings $own_warnings -O2 -S "-I$include" \
                "-DROUSE_BACKEND=ROUSE_BACKEND_$backend" "$work/rouse.$extension"
            # shellcheck disable=SC2086
            must_work "$compiler -std=$standard $backend, ROUSE_DEBUG" \
                in_work "$compiler" "-std=$standard" $warnings $own_warnings -fsyntax-only "-I$include" -DROUSE_DEBUG \
                "-DROUSE_BACKEND=ROUSE_BACKEND_$backend" "$work/rouse.$extension"
        done
        if [ "$extension" = cc ]; then
            printf '#include <rouse/rouse.hpp>\n#include <rouse/rouse.hpp>\nextern int test;\nint test = 0;\n' >"$work/hpp.cc"
            # shellcheck disable=SC2086
            must_work "$compiler -std=$standard rouse.hpp" \
                in_work "$compiler" "-std=$standard" $warnings $own_warnings -fsyntax-only "-I$include" "$work/hpp.cc"
        fi
        echo "$compiler -std=$standard: each header alone, $backends, with and without ROUSE_DEBUG"
    done
}
alone() {
    alone_in "$1" c c11 c17 c2x
    alone_in "$(cxx_of "$1")" cc c++11 c++14 c++17 c++20
}

# ---- loops --------------------------------------------------------------------------------------------------------------

# The headers of loop/, together with the loop's own: C11 and C++11. liburing's header is none of -Wpedantic's business.
loops() {
    flags=$(pkg-config --cflags libuv liburing libevent glib-2.0) || { echo "FAILED: a loop's library is missing"; failed=$((failed + 1)); return; }
    flags=$(echo " $flags" | sed 's/ -I/ -isystem /g')
    for loop in uv epoll uring event glib ../detail/loop/timeout ../detail/loop/eventfd; do
        path=$loop loop=${loop##*/}
        printf '#include <rouse/loop/%s.h>\n#include <rouse/rouse.h>\nextern int test;\nint test = 0;\n' "$path" >"$work/$loop.c"
        cp "$work/$loop.c" "$work/$loop.cc"
        for backend in MUTEX SPIN LOCKFREE LOCAL; do
            # shellcheck disable=SC2086 # lists of words
            must_work "$1: loop/$loop.h, $backend" "$1" -std=c11 -D_GNU_SOURCE $warnings -fsyntax-only "-I$include" $flags \
                "-DROUSE_BACKEND=ROUSE_BACKEND_$backend" "$work/$loop.c"
            # shellcheck disable=SC2086
            must_work "$1: loop/$loop.h, $backend, C++" "$(cxx_of "$1")" -std=c++11 $warnings -fsyntax-only "-I$include" $flags \
                "-DROUSE_BACKEND=ROUSE_BACKEND_$backend" "$work/$loop.cc"
        done
    done
    # Strict C11 hides what <uv.h> and <liburing.h> need; the latter's own error says so. The others do without.
    printf '#include <rouse/loop/uv.h>\n' >"$work/strict.c"
    # shellcheck disable=SC2086
    must_fail "$1: loop/uv.h with strict C11" 'needs -std=gnu11, or _GNU_SOURCE' "$1" -std=c11 -fsyntax-only "-I$include" $flags \
        "$work/strict.c"
    for loop in epoll event glib; do
        printf '#include <rouse/loop/%s.h>\n' "$loop" >"$work/strict.c"
        # shellcheck disable=SC2086
        must_work "$1: loop/$loop.h with strict C11" "$1" -std=c11 $warnings -fsyntax-only "-I$include" $flags "$work/strict.c"
    done
    echo "$1: the headers of loop/, C11 and C++11"
}

# ---- together -------------------------------------------------------------------------------------------------------------

# both CC CXX STANDARD-OF-C STANDARD-OF-CXX FLAGS...: builds and runs the program of two units. $cxx_only: flags for C++.
both() {
    cc=$1 cxx=$2 c=$3 cpp=$4
    shift 4
    # shellcheck disable=SC2086 # a list of words
    "$cc" "-std=$c" "$@" -c "$here/two_units_c.c" -o "$work/c.o" &&
        "$cxx" "-std=$cpp" $cxx_only "$@" -c "$here/two_units_cxx.cc" -o "$work/cxx.o" &&
        "$cxx" "$@" "$work/c.o" "$work/cxx.o" -o "$work/both" -lpthread && "$work/both"
}
together() {
    compiler=$1 cxx_only='' compares=''
    case $compiler in gcc*) compares='-Wlto-type-mismatch -Wodr' ;; esac
    for backend in $backends; do
        flags="$warnings -O1 -I$include -DROUSE_BACKEND=ROUSE_BACKEND_$backend"
        # shellcheck disable=SC2086
        {
            must_work "$compiler c11, c++11, $backend" both "$compiler" "$(cxx_of "$compiler")" c11 c++11 $flags
            # One type for both languages: a link that compares them has nothing to say.
            must_work "$compiler c11, c++11, $backend -flto" \
                both "$compiler" "$(cxx_of "$compiler")" c11 c++11 $flags $compares -O2 -flto
            cxx_only='-fno-exceptions -fno-rtti'
            must_work "$compiler, $backend $cxx_only -fno-plt -fvisibility=hidden" \
                both "$compiler" "$(cxx_of "$compiler")" c11 c++17 $flags -fno-plt -fvisibility=hidden
            cxx_only=''
            must_work "$compiler c2x, c++20, $backend" both "$compiler" "$(cxx_of "$compiler")" c2x c++20 $flags
        }
        echo "$compiler: a program of a C and a C++ unit, $backend, with and without -flto"
    done
}

# ---- ignored -------------------------------------------------------------------------------------------------------------

# Each call that waits, with its twins, each try_ and each cancel, in a separate statement.
ignored() {
    {
        printf '#include <rouse/rouse.h>\n'
        cat "$include"/rouse/*.h | tr '\n' ' ' |
            grep -oE 'ROUSE_INLINE_ (rouse_status|bool) rouse_[a-z_]*[a-z]\([^{]*\) [{]' | tr -s ' ' | awk '
                $3 ~ /_end_/ { next }
                $3 ~ /_(acquire|lock|wait|read|write|begin|send|receive|arrive)(_if)?(_blocking|_timed|_until)?\(/ ||
                $3 ~ /_(add_waiter_if|cancel|resume|await)(_until)?\(|_try_/ {
                    name = substr($3, 1, index($3, "(") - 1)
                    parameters = substr($0, index($0, "("), length($0) - index($0, "(") - 1)
                    arguments = parameters
                    sub(/bool \([*]ready\)\(void [*]arg\)/, "ready", arguments)
                    gsub(/[a-z0-9_]+ [*]?(const )?|const |[*]/, "", arguments)
                    printf "void ignore_%s%s;\nvoid ignore_%s%s{ %s%s; }\n", name, parameters, name, parameters, name, arguments
                }'
    } >"$work/ignored.c"
    calls=$(grep -c '{' "$work/ignored.c")
    cp "$work/ignored.c" "$work/ignored.cc"
    for how in "$1 -std=c11 $work/ignored.c" "$(cxx_of "$1") -std=c++11 $work/ignored.cc"; do
        # shellcheck disable=SC2086 # a list of words
        must_work "$how: calls that ignore a grant" $how -fsyntax-only -I"$include"
        if [ "$calls" -ge 80 ] && [ "$(grep -c 'warning: ignoring ret' "$work/log")" -eq "$calls" ]; then
            ok
        else
            bad "$how: not all of $calls calls that ignore a grant are warned of"
        fi
    done
    echo "$1: $calls calls whose result carries a grant warn when it is ignored"
}

# ---- refused --------------------------------------------------------------------------------------------------------------

compile() {
    compiler=$1
    shift
    "$compiler" -std=c11 -I"$include" "$@" -c "$here/one_unit.c" -o "$work/unit.o"
}
# What the parser refuses, no code is made of.
parse() {
    compile "$@" -fsyntax-only
}

# object COMPILER LTO UNIT FLAGS: the object file of mixed_UNIT.c with these flags; compiled once.
object() {
    object=$work/$(printf '%s' "$1$2$3$4" | tr -c 'A-Za-z0-9_' '-').o
    # shellcheck disable=SC2086
    [ -f "$object" ] || "$1" -std=c11 -O1 ${2:+"$2"} -I"$include" $4 -c "$here/mixed_$3.c" -o "$object"
}
# mixed COMPILER LTO FLAGS-OF-ONE FLAGS-OF-THE-OTHER: links a program of two units.
mixed() {
    object "$1" "$2" main "$3" && main=$object &&
        object "$1" "$2" other "$4" &&
        "$1" -O1 ${2:+"$2"} "$main" "$object" -o "$work/mixed" -lpthread
}
start_linked() {
    # It may abort: no core files. (In a subshell, whose shell does not report the signal.)
    (cd "$work" && sh -c 'ulimit -c 0 2>/dev/null; exec ./mixed')
}
start_mixed() {
    mixed "$@" && start_linked
}

refused() {
    cc=$1
    choices='ROUSE_BACKEND_MUTEX, ROUSE_BACKEND_SPIN, ROUSE_BACKEND_LOCKFREE or ROUSE_BACKEND_LOCAL'
    must_work "$cc: the default backend" compile "$cc"
    for wrong in ROUSE_BACKEND_SPINN ROUSE_BACKEND_LOCK_FREE SPIN 0 5 -1; do
        must_fail "$cc: ROUSE_BACKEND=$wrong" "$choices" parse "$cc" "-DROUSE_BACKEND=$wrong"
    done
    for wrong in 0 1 3 33 8192 -2; do
        must_fail "$cc: ROUSE_SEGMENT_CELLS=$wrong" 'ROUSE_SEGMENT_CELLS must be a power of two from 2 to 4096' \
            parse "$cc" "-DROUSE_SEGMENT_CELLS=$wrong"
    done
    for right in 2 4 64 4096; do
        must_work "$cc: ROUSE_SEGMENT_CELLS=$right" \
            compile "$cc" -DROUSE_BACKEND=ROUSE_BACKEND_LOCKFREE "-DROUSE_SEGMENT_CELLS=$right"
    done
    for wrong in 0 65537 -1; do
        must_fail "$cc: ROUSE_SPIN_LIMIT=$wrong" 'ROUSE_SPIN_LIMIT must lie between 1 and 65536' \
            parse "$cc" "-DROUSE_SPIN_LIMIT=$wrong"
    done
    for right in 1 65536; do
        must_work "$cc: ROUSE_SPIN_LIMIT=$right" compile "$cc" "-DROUSE_SPIN_LIMIT=$right"
    done
    must_fail "$cc: ROUSE_MALLOC alone" 'both ROUSE_MALLOC(size) and ROUSE_FREE(pointer), or neither' \
        parse "$cc" '-DROUSE_MALLOC(n)=malloc(n)'
    printf '#include <rouse/blocking.h>\n' >"$work/block.c"
    must_fail "$cc: blocking.h with LOCAL" 'blocking.h: ROUSE_BACKEND_LOCAL has one thread' "$cc" -std=c11 \
        -I"$include" -DROUSE_BACKEND=ROUSE_BACKEND_LOCAL -c "$work/block.c" -o "$work/block.o"
    # A result that carries a grant is not ignored by mistake; a cast to void says that it is on purpose.
    for call in 'rouse_semaphore_acquire(&s, &w, 1)' 'rouse_semaphore_try_acquire(&s, 1)' 'rouse_semaphore_cancel(&s, &w)' \
        'rouse_mutex_lock(&m, &w)' 'rouse_mutex_try_lock(&m)' 'rouse_mutex_cancel(&m, &w)' \
        'rouse_notify_wait(&n, &w)' 'rouse_notify_cancel(&n, &w)'; do
        for compiler in "$cc -std=c11" "$(cxx_of "$cc") -xc++ -std=c++11" "$(cxx_of "$cc") -xc++ -std=c++17"; do
            printf '#include <rouse/rouse.h>\n' >"$work/ignore.c"
            printf 'rouse_semaphore s; rouse_mutex m; rouse_notify n; rouse_waiter w; void g(void);\nvoid g(void) { IGNORED %s; }\n' \
                "$call" >>"$work/ignore.c"
            # shellcheck disable=SC2086
            must_fail "$compiler: $call ignored" 'unused-result' $compiler $warnings -I"$include" -DIGNORED= -fsyntax-only "$work/ignore.c"
            # shellcheck disable=SC2086
            must_work "$compiler: (void)$call" $compiler $warnings -I"$include" '-DIGNORED=(void)' -fsyntax-only "$work/ignore.c"
        done
    done
    must_fail "$cc: ROUSE_FREE alone" 'both ROUSE_MALLOC(size) and ROUSE_FREE(pointer), or neither' \
        parse "$cc" '-DROUSE_FREE(p)=free(p)'
    echo "$cc: misspelt backends and options out of range are refused, their neighbours are not"

    for lto in '' -flto; do
        for one in $backends; do
            for other in $backends; do
                flags_one=-DROUSE_BACKEND=ROUSE_BACKEND_$one
                flags_other=-DROUSE_BACKEND=ROUSE_BACKEND_$other
                if [ "$one" = "$other" ]; then
                    must_work "$cc $lto: $one with $other" start_mixed "$cc" "$lto" "$flags_one" "$flags_other"
                else
                    must_work "$cc $lto: $one and $other link" mixed "$cc" "$lto" "$flags_one" "$flags_other"
                    must_fail "$cc $lto: $one with $other" "ROUSE_BACKEND_$one.*ROUSE_BACKEND_$other\|ROUSE_BACKEND_$other.*ROUSE_BACKEND_$one" \
                        start_linked
                    must_work "$cc $lto: $one with $other, ROUSE_MIXED_BACKENDS" start_mixed "$cc" "$lto" \
                        "$flags_one -DROUSE_MIXED_BACKENDS" "$flags_other -DROUSE_MIXED_BACKENDS"
                fi
            done
        done
        must_fail "$cc $lto: ROUSE_STATS in one unit" 'two sets of options.*ROUSE_STATS' \
            start_mixed "$cc" "$lto" -DROUSE_STATS ''
        must_fail "$cc $lto: ROUSE_DEBUG in one unit" 'two sets of options.*ROUSE_DEBUG' \
            start_mixed "$cc" "$lto" -DROUSE_DEBUG ''
        must_fail "$cc $lto: two sizes of segments" 'two sets of options.* 8 cells.* 32 cells\|two sets of options.* 32 cells.* 8 cells' \
            start_mixed "$cc" "$lto" -DROUSE_SEGMENT_CELLS=8 ''
    done
    echo "$cc: a program of units with different options is refused when it starts, with and without -flto"
}

# ---- libraries ------------------------------------------------------------------------------------------------------------

# linked FILE UNIT OPTION...: a program or library of UNIT.c, compiled with the -D and -f options (once for all that have the
# same), linked with the others.
linked() {
    out=$1 unit=$2 compiled='' others=''
    shift 2
    for option in "$@"; do
        case $option in -[Df]* | -std=*) compiled="$compiled $option" ;; *) others="$others $option" ;; esac
    done
    object=$work/$(printf '%s' "$compiler$unit$compiled" | tr -c 'A-Za-z0-9_' '-').o
    # shellcheck disable=SC2086 # lists of words
    {
        [ -f "$object" ] || "$compiler" -O2 -I"$include" $compiled -c "$here/$unit.c" -o "$object" || return 1
        "$compiler" "$object" $others -o "$work/$out" "-Wl,-rpath,$work" -pthread -ldl
    }
}
# library FILE PREFIX BACKEND FLAGS...: a shared library of library.c.
library() {
    out=$1 prefix=$2 of=$3
    shift 3
    must_work "$compiler: $out" linked "$out" library -std=c11 -shared -fPIC "-DLIBRARY=$prefix" "-DROUSE_BACKEND=ROUSE_BACKEND_$of" "$@"
}
# host FILE FLAGS-AND-LIBRARIES...
host() {
    out=$1
    shift
    must_work "$compiler: $out" linked "$out" host -std=gnu11 "$@"
}
# start FILE ARGUMENT...: it may abort, see start_mixed.
start() {
    program=$1
    shift
    (cd "$work" && sh -c 'ulimit -c 0 2>/dev/null; exec "$@"' start "./$program" "$@")
}

libraries() {
    compiler=$1
    echo '{ global: one_*; two_*; plug_*; local: *; };' >"$work/map"
    script="-Wl,--version-script=$work/map"
    hidden=-fvisibility=hidden
    uses="-DHOST_ROUSE -DROUSE_BACKEND=ROUSE_BACKEND"
    for pair in SPIN:MUTEX MUTEX:LOCKFREE LOCKFREE:SPIN; do
        a=${pair%:*} b=${pair#*:}
        # shellcheck disable=SC2086
        {
            library one_a.so one "$a" && library one_b.so one "$b"
            library one_a_script.so one "$a" "$script" && library one_b_script.so one "$b" "$script"
            library one_a_hidden.so one "$a" $hidden && library two_b_hidden.so two "$b" $hidden
            library two_b_private.so two "$b" -DROUSE_PRIVATE=two && library two_b.so two "$b"
            library plug_b.so plug "$b" && library plug_b_hidden.so plug "$b" $hidden
            library plug_b_private.so plug "$b" -DROUSE_PRIVATE=plug

            # An object crosses, and the library exports the witness, or a version script hides it.
            for of in one_a one_a_script one_a_hidden; do
                host "host_$of" -DLINKED_ONE -DHOST_CROSSES ${uses}_$a "$work/$of.so"
                must_work "$compiler: a program and $of.so of one backend, $a" start "host_$of"
            done
            for of in one_b one_b_script; do
                host "host_$of" -DLINKED_ONE -DHOST_CROSSES ${uses}_$a "$work/$of.so"
                must_fail "$compiler: a program of $a and $of.so of $b" "two sets of options.*ROUSE_BACKEND_" \
                    start "host_$of"
            done
            grep -q "in .*one_b_script.so" "$work/log" && ok || bad "$compiler: the library is not named"

            # Two libraries that use rouse inside, with two backends, in a program that does not, or does.
            host host_two_hidden -DLINKED_ONE -DLINKED_TWO "$work/one_a_hidden.so" "$work/two_b_hidden.so"
            must_work "$compiler: hidden libraries of $a and $b" start host_two_hidden
            host host_two -DLINKED_ONE -DLINKED_TWO "$work/one_a.so" "$work/two_b.so"
            must_fail "$compiler: libraries of $a and $b that export the witness" 'two sets of options' start host_two
            host host_private -DLINKED_ONE -DLINKED_TWO -DHOST_CROSSES ${uses}_$a "$work/one_a.so" "$work/two_b_private.so"
            must_work "$compiler: a private library of $b beside one of $a and the program's" start host_private

            # Loaded by a program of another backend, which exports its names (-rdynamic) or not.
            host host_loads ${uses}_$a -rdynamic
            must_fail "$compiler: $a loads a plug-in of $b" 'two sets of options' start host_loads "+$work/plug_b.so"
            for of in plug_b_hidden plug_b_private; do
                must_work "$compiler: $a loads $of.so" start host_loads "+$work/$of.so"
            done
            host host_loads_local ${uses}_$a
            must_work "$compiler: $a, which exports nothing, loads $of.so" start host_loads_local "+$work/plug_b.so"

            # Nobody can see at start that an object will cross from it: ROUSE_DEBUG does at the first call.
            library plug_b_debug.so plug "$b" $hidden -DROUSE_DEBUG
            host host_debug ${uses}_$a -DROUSE_DEBUG
            must_work "$compiler: $a loads plug_b_debug.so, nothing crosses" start host_debug "+$work/plug_b_debug.so"
            must_fail "$compiler: $a uses an object of plug_b_debug.so" \
                "made by a unit with ROUSE_BACKEND_$b.*used by one with ROUSE_BACKEND_$a" \
                start host_debug "+$work/plug_b_debug.so" '!'

            # The first library that has the thread's state and the witness is closed, those that share them stay.
            library plug_1.so plug "$a" && library plug_2.so plug "$a" && library plug_3.so plug "$a"
            host host_closes
            for how in + =; do
                must_work "$compiler: $a, the first is closed ($how)" start host_closes \
                    "$how$work/plug_1.so" "$how$work/plug_2.so" - "$how$work/plug_3.so" - "$how$work/plug_1.so"
            done
        }
    done

    # Private units of two libraries that are linked statically, with two backends.
    for unit in one:SPIN two:LOCKFREE; do
        name=${unit%:*}
        must_work "$compiler: $name.o" "$compiler" -std=c11 -O2 -I"$include" "-DLIBRARY=$name" "-DROUSE_PRIVATE=$name" \
            "-DROUSE_BACKEND=ROUSE_BACKEND_${unit#*:}" -c "$here/library.c" -o "$work/$name.o"
    done
    host host_static -DLINKED_ONE -DLINKED_TWO -DHOST_ROUSE -DROUSE_BACKEND=ROUSE_BACKEND_MUTEX "$work/one.o" "$work/two.o"
    must_work "$compiler: private units of two libraries" start host_static

    # A signal handler in a plug-in: its thread-local variable is there, if the thread is prepared.
    library plug_signal.so plug LOCKFREE
    must_work "$compiler: signal_host" "$compiler" -std=gnu11 -O1 "$here/signal_host.c" -o "$work/signal_host" -pthread -ldl
    must_work "$compiler: a signal handler on a prepared thread" start signal_host "$work/plug_signal.so"
    must_fail "$compiler: a signal handler on another thread" '[1-9] allocated in the handler' \
        start signal_host "$work/plug_signal.so" unprepared

    # 400 plug-ins; and on musl.
    plug_ins=''
    for i in $(seq 400); do
        cp "$work/plug_1.so" "$work/plug_in_$i.so"
        plug_ins="$plug_ins +$work/plug_in_$i.so"
    done
    # shellcheck disable=SC2086
    must_work "$compiler: 400 plug-ins" start host_closes $plug_ins
    if command -v musl-gcc >/dev/null; then
        must_work 'musl: plug-in' musl-gcc -std=c11 -O2 -shared -fPIC -I"$include" -DLIBRARY=plug "$here/library.c" \
            -o "$work/plug_musl.so"
        must_work 'musl: host' musl-gcc -std=gnu11 -O2 "$here/host.c" -o "$work/host_musl"
        must_work 'musl loads a plug-in' start host_musl "+$work/plug_musl.so" "=$work/plug_musl.so" -
        echo 'musl: a plug-in loads'
    else
        echo 'musl: SKIPPED, no musl-gcc'
    fi
    echo "$compiler: shared libraries and plug-ins of one backend and of two, private and not, 400 plug-ins"
}

# ---- modules --------------------------------------------------------------------------------------------------------------

# module CXX FLAGS...: builds the module and the program, runs it.
module() {
    cxx=$1
    shift
    "$cxx" -std=c++20 -pthread "$@" -DMODULE --precompile -x c++-module "$here/modules.cc" -o "$work/limiter.pcm" &&
        "$cxx" -std=c++20 -pthread "$work/limiter.pcm" -c -o "$work/limiter.o" &&
        "$cxx" -std=c++20 -pthread "$@" "-fmodule-file=limiter=$work/limiter.pcm" "$here/modules.cc" "$work/limiter.o" \
            -o "$work/modules" -pthread && "$work/modules"
}
# in_extern_c CXX FLAGS...
in_extern_c() {
    "$@" "$here/in_extern_c.cc" -o "$work/in_extern_c" -pthread && "$work/in_extern_c"
}
modules() {
    compiler=$1 newest=''
    for cxx in clang++-20 clang++-19 clang++-18 clang++-17 clang++-16; do
        if [ -z "$newest" ] && command -v "$cxx" >/dev/null; then newest=$cxx; fi
    done
    for backend in MUTEX SPIN LOCKFREE; do
        flags="-O1 -Wall -Wextra -Werror -I$include -DROUSE_BACKEND=ROUSE_BACKEND_$backend"
        for standard in c++11 c++20; do
            # shellcheck disable=SC2086
            must_work "$compiler, $standard in extern \"C\", $backend" \
                in_extern_c "$(cxx_of "$compiler")" "-std=$standard" $flags
        done
        # shellcheck disable=SC2086
        [ -z "$newest" ] || must_work "$newest: a module, $backend" module "$newest" $flags
    done
    [ -n "$newest" ] || echo 'modules: SKIPPED, no clang 16 or later'
    echo "${newest:-$compiler}: templates in a module; the headers in extern \"C\""
}

# ---- once -----------------------------------------------------------------------------------------------------------------

# once_program CC CXX IMPLEMENTATION-COMPILER LANGUAGE FLAGS...: the program of two units, C and C++, and a third one that
# has the slow paths, in either language.
once_program() {
    cc=$1 cxx=$2 third=$3 language=$4
    shift 4
    # shellcheck disable=SC2086 # a list of words
    "$cc" -std=c11 -DROUSE_COMPILED_ONCE "$@" -c "$here/two_units_c.c" -o "$work/c.o" &&
        "$cxx" -std=c++11 -DROUSE_COMPILED_ONCE "$@" -c "$here/two_units_cxx.cc" -o "$work/cxx.o" || return 1
    "$third" -x "$language" -DROUSE_COMPILED_ONCE "$@" -c "$here/implementation.c" -o "$work/impl.o" &&
        "$cxx" "$@" "$work/c.o" "$work/cxx.o" "$work/impl.o" -o "$work/once" -lpthread && "$work/once"
}
# text_of CC FLAGS...: the bytes of code of a unit that uses a whole semaphore.
text_of() {
    cc=$1
    shift
    "$cc" -std=c11 -O2 "$@" -DTEXT_SEMAPHORE -c "$root/benches/text_size.c" -o "$work/text.o" &&
        size "$work/text.o" | awk 'NR == 2 {print $1}'
}
once() {
    compiler=$1
    cxx=$(cxx_of "$compiler")
    for backend in $backends; do
        flags="$warnings -O1 -I$include -DROUSE_BACKEND=ROUSE_BACKEND_$backend"
        # shellcheck disable=SC2086
        {
            must_work "$compiler compiled once, by C, $backend" once_program "$compiler" "$cxx" "$compiler" c $flags
            must_fail "$compiler compiled nowhere, $backend" 'undefined.*_in_' \
                "$cxx" "$work/c.o" "$work/cxx.o" -o "$work/once" -lpthread
        }
        before=$(text_of "$compiler" "-I$include" "-DROUSE_BACKEND=ROUSE_BACKEND_$backend")
        after=$(text_of "$compiler" "-I$include" "-DROUSE_BACKEND=ROUSE_BACKEND_$backend" -DROUSE_COMPILED_ONCE)
        echo "$compiler: a unit with a semaphore, $backend: $before bytes of code, $after with ROUSE_COMPILED_ONCE"
        echo "$before and $after" >"$work/log"
        if [ "$after" -lt $((before / 2)) ]; then ok; else bad "$compiler $backend: not half as much"; fi
    done
    # The options that change the names and the objects; the single file.
    single=$work/single
    mkdir -p "$single/rouse"
    "$root/tools/amalgamate" --include "$include" -o "$single/rouse/rouse.h" >/dev/null
    flags="$warnings -O1 -DROUSE_BACKEND=ROUSE_BACKEND_LOCKFREE"
    # shellcheck disable=SC2086
    {
        must_work "$compiler compiled once, by C++, ROUSE_PRIVATE, ROUSE_DEBUG, ROUSE_STATS" \
            once_program "$compiler" "$cxx" "$cxx" c++ $flags -I"$include" -DROUSE_PRIVATE=ours -DROUSE_DEBUG -DROUSE_STATS
        must_work "$compiler compiled once, the single file" once_program "$compiler" "$cxx" "$compiler" c $flags -I"$single"
    }
}

# ---- symbols --------------------------------------------------------------------------------------------------------------

# no_others WHAT FILE NM-FLAGS: every defined name begins with rouse_, is a function's own (x.0), or is the test's.
no_others() {
    # shellcheck disable=SC2086
    nm $3 "$2" | awk '{ print $NF }' |
        grep -v -e '^rouse_' -e '^[a-z]*[.][0-9]*$' -e '^use_everything$' -e '^\.' -e '^__func__\.' -e '^_GLOBAL__sub_I_' -e '^__odr_asan' >"$work/log"
    if [ -s "$work/log" ]; then bad "$1: names that are not ours"; else ok; fi
}

# LOCAL: no locked instruction in any function but the seam's own, a mailbox's, and a cancel that comes too late for a
# waiter that is on its way to one.
locked_instructions() {
    case $1 in gcc*) ;; *) return 0 ;; esac
    [ "$(uname -m)" = x86_64 ] || return 0
    printf '#include <rouse/rouse.h>\n' >"$work/all.c"
    must_work "$1: every function of LOCAL" "$1" -std=c11 -O2 -fkeep-static-functions -fkeep-inline-functions \
        -I"$include" -DROUSE_BACKEND=ROUSE_BACKEND_LOCAL -c "$work/all.c" -o "$work/all.o"
    objdump -d --no-show-raw-insn "$work/all.o" >"$work/code"
    awk '/^[0-9a-f]+ </ { name = $2 } /[\t ](lock |xchg .*\(|mfence)/ { print name }' "$work/code" | sort -u |
        grep -v -E '^<rouse_(u32|u64|ptr|fence)_|^<rouse_mailbox_|^<rouse_outcome_await_|^<rouse_(channel|limit|condvar)_(cancel|leave_)|^<rouse_timed_leave_|^<rouse_invited_' \
            >"$work/log"
    if [ -s "$work/log" ]; then bad "$1: locked instructions in LOCAL"; else ok; fi
    if grep -q '<rouse_semaphore_acquire>:' "$work/code" && grep -q 'lock cmpxchg' "$work/code"; then
        ok
    else
        bad "$1: the functions of LOCAL are not there to be looked at"
    fi
    echo "$1: no locked instruction in LOCAL, but in mailboxes"
}

symbols() {
    for backend in $backends; do
        for debug in '' -DROUSE_DEBUG; do
            # shellcheck disable=SC2086
            must_work "$1 $backend $debug" "$1" -std=c11 -O0 $warnings -I"$include" $debug \
                -DROUSE_BACKEND=ROUSE_BACKEND_$backend -c "$here/use_everything.c" -o "$work/all.o"
            no_others "$1 $backend $debug, all names" "$work/all.o" --defined-only
            # What other units can see: the variables that a program or a library has once, and nothing else.
            nm --defined-only --extern-only "$work/all.o" | awk '{ print $NF }' | LC_ALL=C sort >"$work/seen"
            printf '%s\n' rouse_askers_v1_ rouse_inbox_v2_ rouse_options_looked_v1_ rouse_options_v1_ use_everything | LC_ALL=C sort >"$work/expected"
            if diff "$work/expected" "$work/seen" >"$work/log"; then ok; else bad "$1 $backend $debug: external names"; fi
        done
    done
    # Macros: ours, and those of the system headers that ours include on this system.
    find "$include/rouse" -name '*.h' -not -path '*/loop/*' -exec sed -n 's/^# *include \(<.*>\).*/\1/p' {} + | sort -u |
        grep '[.]h>' | grep -v intrin.h | sed 's/^/#include /' >"$work/system.c"
    must_work "$1: the system headers" "$1" -std=c11 -dM -E "$work/system.c" -o "$work/theirs"
    for header in $headers; do
        printf '#include <rouse/%s.h>\n' "$header" >"$work/macros.c"
        must_work "$1: $header.h" "$1" -std=c11 -I"$include" -dM -E "$work/macros.c" -o "$work/ours"
        sort "$work/theirs" >"$work/sorted"
        sort "$work/ours" | comm -13 "$work/sorted" - | awk '{ print $2 }' | sed 's/(.*//' |
            grep -v -e '^ROUSE_' -e '^rouse_' >"$work/log"
        if [ -s "$work/log" ]; then bad "$1 $header.h: macros that are not ours"; else ok; fi
    done
    echo "$1: every name and macro begins with rouse_ or ROUSE_, $backends"
    locked_instructions "$1"
}

[ $# -ge 2 ] || {
    sed -n '2,17s/^# \{0,1\}//p' "$0"
    exit 2
}
part=$1
shift
case $part in alone | loops | together | ignored | refused | libraries | modules | symbols | once) ;; *) exit 2 ;; esac
for compiler in "$@"; do
    if command -v "$compiler" >/dev/null && command -v "$(cxx_of "$compiler")" >/dev/null; then
        "$part" "$compiler"
    else
        echo "FAILED: no compiler $compiler"
        failed=$((failed + 1))
    fi
done
echo "$part: $passed as they must be, $failed not"
[ "$failed" = 0 ] && [ "$passed" != 0 ]
