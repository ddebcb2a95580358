#!/usr/bin/env bash
# Builds the library's test program for a target and runs it there: natively, under qemu-user or under wine.
#
#   tests/portability/run.sh [--allow-missing] [--rounds N] [--limit SECONDS] [--work FOLDER]
#                            [--include FOLDER] [TARGET ...]
#
# TARGET: gcc clang musl i386 aarch64 armhf riscv64 s390x windows; none: all of them.
# For each target and backend: C11, C17, C23 and C++11 to C++20 compile without a warning; as strict C11, as GNU C17
# and (where the target has a C++ compiler) as C++11 the program runs, on a C and a C++ half as well; and a program
# whose halves were built for two backends refuses to start. Names such as min, ERROR and near are free after the include.
# LOCAL, which has one thread, runs the unit tests' sequential reference.
#
# A tool that is missing is a failure. With --allow-missing its target is printed as SKIPPED, and counted as such.
# Exit status 0 when no target failed. The closing line counts: "portability: 9 passed, 0 failed, 0 skipped".
set -uo pipefail

here=$(cd "$(dirname "$0")" && pwd)
include=$(cd "$here/../../include" && pwd)
work=$here/../../out/portability
rounds=1000
limit=100 # seconds that one run of a program may take
allow_missing=no
targets=()
while [[ $# -gt 0 ]]; do
    case $1 in
    --allow-missing) allow_missing=yes ;;
    --rounds) rounds=$2; shift ;;
    --limit) limit=$2; shift ;;
    --work) work=$2; shift ;;
    --include) include=$(cd "$2" && pwd); shift ;;
    -*) echo "unknown option $1" >&2; exit 2 ;;
    *) targets+=("$1") ;;
    esac
    shift
done
[[ ${#targets[@]} -gt 0 ]] || targets=(gcc clang musl i386 aarch64 armhf riscv64 s390x windows)

warnings=(-Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wundef -Werror)
passed=0 failed=0 skipped=0

# Sets cc, cxx (empty: none), link (what a program is linked with) and runner (the command that runs it).
choose() {
    cxx=() link=(-pthread) runner=()
    case $1 in
    gcc) cc=(gcc) cxx=(g++) ;;
    clang) cc=(clang) cxx=(clang++) ;;
    musl) cc=(musl-gcc) link=(-static -pthread) ;;
    i386)
        # Debian's multilib leaves the kernel's asm/ headers, the same for both, in the 64-bit folder.
        cc=(gcc -m32 -idirafter /usr/include/x86_64-linux-gnu) cxx=(g++ "${cc[@]:1}")
        ;;
    aarch64) cross aarch64-linux-gnu aarch64 ;;
    armhf) cross arm-linux-gnueabihf arm ;;
    riscv64) cross riscv64-linux-gnu riscv64 ;;
    s390x) cross s390x-linux-gnu s390x ;;
    windows)
        cc=(x86_64-w64-mingw32-gcc) cxx=(x86_64-w64-mingw32-g++) link=(-static) runner=(/usr/lib/wine/wine64)
        export WINEPREFIX=$work/windows/wine WINEDEBUG=-all
        ;;
    *) echo "unknown target $1" >&2; exit 2 ;;
    esac
}

cross() {
    cc=("$1-gcc")
    runner=("qemu-$2" -L "/usr/$1")
}

# Says what is missing, if anything: a compiler that cannot make a program counts as missing too.
missing() {
    local tool
    for tool in "${cc[0]}" ${cxx[0]:+"${cxx[0]}"} ${runner[0]:+"${runner[0]}"}; do
        command -v "$tool" >/dev/null || { echo "no $tool"; return 0; }
    done
    echo 'int main(void) { return 0; }' >probe.c
    "${cc[@]}" probe.c "${link[@]}" -o probe.exe 2>probe.log || { echo "${cc[*]} makes no program"; return 0; }
    return 1
}

complain() {
    echo "  $target: $*"
    [[ -s log ]] && head -n 12 log
    bad=$((bad + 1))
}

# Runs a program and looks at its exit status and at its closing line.
run() {
    local name=$1 number=$2 last
    timeout "$limit" "${runner[@]}" "./$name.exe" "$rounds" >log 2>&1 || { complain "$name failed"; return; }
    last=$(tail -n 1 log | tr -d '\r')
    [[ $last =~ ^"portable: backend $number: "[1-9][0-9]*" checks, 0 failed"$ ]] ||
        { complain "$name did not end as it should"; return; }
    ran=$((ran + 1))
}

# Compiles $3 (with language option $2) to an object $1. The rest: options.
object() {
    local name=$1 language=$2 file=$3
    shift 3
    if [[ $language == c++ ]]; then
        "${cxx[@]}" -x c++ "${warnings[@]}" "-I$include" "$@" -c "$here/$file" -o "$name" >log 2>&1
    else
        "${cc[@]}" "${warnings[@]}" "-I$include" "$@" -c "$here/$file" -o "$name" >log 2>&1
    fi || { complain "$language $* $file does not compile"; return 1; }
    compiled=$((compiled + 1))
}

# $1 the program; $2, $3 its two objects; linked with the C++ compiler if it has C++ in it.
program() {
    local linker=("${cc[@]}")
    [[ $1 == *c++* ]] && linker=("${cxx[@]}")
    "${linker[@]}" "$2" "$3" "${link[@]}" -o "$1.exe" >log 2>&1 || { complain "$1 does not link"; return 1; }
}

test_backend() {
    local number=$1 define=-DROUSE_BACKEND=$1 standard
    for standard in c17 c2x; do
        object /dev/null c portable_test.c "-std=$standard" -fsyntax-only "$define"
    done
    for standard in c11 gnu17; do
        object "$standard-$number.o" c portable_test.c "-std=$standard" -O2 "$define" &&
            object "$standard-other-$number.o" c portable_other.c "-std=$standard" -O2 "$define" &&
            program "$standard-$number" "$standard-$number.o" "$standard-other-$number.o" &&
            run "$standard-$number" "$number"
    done
    [[ ${#cxx[@]} -gt 0 ]] || return 0
    for standard in c++14 c++17 c++20; do
        object /dev/null c++ portable_test.c "-std=$standard" -fsyntax-only "$define"
    done
    object "c++11-$number.o" c++ portable_test.c -std=c++11 -O2 "$define" || return
    object "c++11-other-$number.o" c++ portable_other.c -std=c++11 -O2 "$define" &&
        program "c++11-$number" "c++11-$number.o" "c++11-other-$number.o" && run "c++11-$number" "$number"
    program "c++11-c11-$number" "c++11-$number.o" "c11-other-$number.o" && run "c++11-c11-$number" "$number"
}

# The names that the usual system headers take away are free after ours; on Windows, <windows.h> may come as well.
test_names() {
    local language define defines=(-DNAMES) linker
    [[ $target != windows ]] || defines+=(-DWINDOWS_FIRST -DWINDOWS_AFTER)
    for language in c ${cxx[0]:+c++}; do
        linker=("${cc[@]}")
        [[ $language == c ]] || linker=("${cxx[@]}")
        for define in "${defines[@]}"; do
            object victims.o "$language" victims.c -O2 "$define" || continue
            if "${linker[@]}" victims.o "${link[@]}" -o victims.exe >log 2>&1 &&
                timeout "$limit" "${runner[@]}" ./victims.exe >log 2>&1; then
                ran=$((ran + 1))
            else
                complain "victims.c, $language $define, does not run"
            fi
        done
    done
}

# LOCAL, for one thread: the sequential reference of the unit tests.
test_local() {
    object local.o c ../unit/reference.c -std=c11 -O2 -DROUSE_BACKEND=ROUSE_BACKEND_LOCAL || return
    "${cc[@]}" local.o "${link[@]}" -o local.exe >log 2>&1 || { complain "local does not link"; return; }
    if timeout "$limit" "${runner[@]}" ./local.exe random 60000 >log 2>&1 && grep -q 'operations agree' log; then
        ran=$((ran + 1))
    else
        complain "local failed"
    fi
}

# Two backends in one program: it must say so, and not start.
test_refusal() {
    program refused c11-2.o c11-other-3.o || return
    if { timeout "$limit" "${runner[@]}" ./refused.exe 1 >log 2>&1; } 2>/dev/null; then
        complain "a program of two backends ran"
    elif ! grep -q 'two sets of options' log; then
        complain "a program of two backends stopped without saying why"
    else
        ran=$((ran + 1))
    fi
}

test_target() {
    local backend
    for backend in 1 2 3; do
        test_backend "$backend"
    done
    test_names
    test_local
    test_refusal
    if [[ $bad -eq 0 && $ran -gt 0 ]]; then
        passed=$((passed + 1))
        echo "$target: ok ($compiled files compiled, $ran programs run)"
    else
        failed=$((failed + 1))
        echo "$target: FAILED ($bad checks)"
    fi
}

for target in "${targets[@]}"; do
    bad=0 ran=0 compiled=0
    choose "$target"
    rm -rf "${work:?}/$target"
    mkdir -p "$work/$target"
    cd "$work/$target" || exit 2
    if why=$(missing); then
        if [[ $allow_missing == yes ]]; then
            skipped=$((skipped + 1))
            echo "$target: SKIPPED ($why)"
        else
            failed=$((failed + 1))
            echo "$target: FAILED ($why; see tests/packages)"
        fi
    else
        test_target
    fi
    cd "$here" || exit 2
done
echo "portability: $passed passed, $failed failed, $skipped skipped"
[[ $failed -eq 0 ]]
