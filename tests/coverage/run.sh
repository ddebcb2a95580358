#!/bin/sh
# tests/coverage/run.sh: line and branch coverage of include/rouse by the unit, stress and fault tests.
#
#   tests/coverage/run.sh [--build DIR] [--only-report] [--jobs N]
#
# Builds those tests with gcc's --coverage for the three backends (DIR: build-coverage/), runs them, the long ones
# shortened, and merges what all of them executed: a header is compiled in many programs with many options. Prints
# a table per header, compares with explained.txt (see there), and writes out/coverage/summary.txt and headers.txt (the
# headers with counts). Exit status 0: all tests passed, and what they do not execute is explained.
# --only-report: of the counts that an earlier run left.
#
# The unit tests are built a second time with ROUSE_DEBUG and ROUSE_STATS: the checks are branches with two sides, too,
# of which lawful use takes one, and statistics are lines that are nothing without them.
# -fkeep-inline-functions: a function that no test calls is counted, too. Without always_inline: else each caller has
# the branches of such a function once more. The C++ unit is not measured: the text is the same, and the compiler adds
# branches for exceptions.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
build=$root/build-coverage
jobs=$(nproc 2>/dev/null || echo 2)
measure=yes

while [ $# -gt 0 ]; do
    case $1 in
    --only-report) measure='' ;;
    --build | --jobs)
        [ $# -ge 2 ] || exit 2
        case $1 in
        --build) build=$2 ;;
        *) jobs=$2 ;;
        esac
        shift
        ;;
    *)
        sed -n '4s/^# \{0,1\}//p' "$0" >&2
        exit 2
        ;;
    esac
    shift
done

failed=0

# One command of the shortened tests: prints it, and what it said if it failed.
run() {
    if timeout 600 "$@" >"$build/said.txt" 2>&1; then
        printf 'passed  %s\n' "${*##"$build"/tests/}"
    else
        printf 'FAILED  %s\n' "${*##"$build"/tests/}"
        cat "$build/said.txt"
        failed=1
    fi
}

flags='-O0 -g0 --coverage -fprofile-update=atomic -fkeep-inline-functions -D__always_inline__=__unused__'
# make_in DIR DEFINITION PARTS: builds these parts of the tests there.
make_in() {
    mkdir -p "$1"
    cmake -S "$root" -B "$1" -G Ninja -DCMAKE_BUILD_TYPE=Debug \
        -DCMAKE_C_COMPILER=gcc -DCMAKE_CXX_COMPILER=g++ \
        -DCMAKE_C_FLAGS="$flags $2" \
        -DCMAKE_C_FLAGS_DEBUG= -DCMAKE_CXX_FLAGS="-O0 -g0 $2" -DCMAKE_CXX_FLAGS_DEBUG= \
        -DCMAKE_EXE_LINKER_FLAGS="--coverage -Wl,--wrap=abort $build/dump_on_abort.o" \
        -DROUSE_BUILD_EXAMPLES=OFF -DROUSE_BUILD_BENCHES=OFF -DROUSE_TEST_PARTS="$3" \
        >"$1/configure.txt" 2>&1 || {
        cat "$1/configure.txt"
        exit 1
    }
    cmake --build "$1" -j "$jobs"
}

# The unit tests that have them, and their names.
misused='config gate mutex once throughput'
misuse='the_sizes_on_*|without_the_option_*|leave_below_zero_*|every_sequence_of_*'
misuse="$misuse|handed_over_in*|unlock_of_a_free_one*|waiter_count_and_close|done_or_failed_by_nobody_*"
misuse="$misuse|close_wakes_all_and_the_holders_*|downgrade_*|ending_a_lock_*|a_mutex_that_is_free_*|start_values"
misuse="$misuse|waiters_may_lack_more_*"
# Those that also try every sequence of calls: minutes here, and no line or branch that the others leave out.
sequences='channel condvar rwlock'

# without DIR NAMES TESTS: these unit tests there, without the tests of these names.
without() {
    for name in $2; do
        for program in "$1/tests/unit/unit_${name}"_[A-Z]*; do
            run "$program" -j1 --filter "$name/!($3)"
        done
    done
}
either() {
    echo "$*" | tr ' ' '|'
}

# registered DIR [REGEX]: the tests there as registered, but for the long ones and valgrind's, and for REGEX.
long="unit\\.(memcheck|exhaustive|random|reference_throughput\\.(limit|[A-Z])|($(either "$sequences"))\\.)"
long="$long|faults\\.(stopped|nomem|memory\\.(storm|timeouts|wrap)|signals)"
registered() {
    (cd "$1" && ctest -j "$jobs" -L '^(unit|stress|faults)$' -E "$long${2:+|$2}" --timeout 600 --no-tests=error \
        --output-on-failure) || failed=1
}

if [ -n "$measure" ]; then
    mkdir -p "$build"
    # A program that aborts on purpose (ROUSE_DEBUG's checks) must leave its counts, too.
    gcc -std=c11 -Wall -Wextra -Werror -c "$here/dump_on_abort.c" -o "$build/dump_on_abort.o"
    make_in "$build" '' 'unit;stress;faults'
    make_in "$build/debug" "-DROUSE_DEBUG -DROUSE_STATS" unit
    find "$build" -name '*.gcda' -exec rm -f {} +

    registered "$build"
    without "$build" "$sequences" 'every_sequence_of_*'
    # All but those that look at sizes, which are larger with ROUSE_DEBUG, those of misuse, on which it aborts, and the
    # longest, every sequence of throughput mode.
    registered "$build/debug" "unit\\.(($(either "$misused"))\\.|reference_throughput\\.[A-Zl])"
    without "$build/debug" "$misused $sequences" "$misuse"
    for program in "$build"/tests/unit/unit_reference_[A-Z]*; do
        run "$program" exhaustive 4
        run "$program" random 100000
    done
    for program in "$build"/tests/unit/unit_reference_throughput_[A-Zl]*; do
        run "$program" 5
    done
    for program in "$build"/tests/faults/faults_stopped_[A-Z]*; do
        run "$program" one 37
    done
    run "$build/tests/faults/faults_stopped_LOCKFREE" recycle 37
    run "$build/tests/faults/faults_stopped_LOCKFREE" two 37
    run "$build/tests/faults/faults_stopped_LOCKFREE" signal 37
    run "$build/tests/faults/faults_stopped_memory_LOCKFREE" 100
    for program in "$build"/tests/faults/faults_memory_*; do
        run "$program" storm 100000
        run "$program" timeouts 100000
    done
    run "$build/tests/faults/faults_nomem_LOCKFREE" wakers 100000
    run "$build/tests/faults/faults_nomem_LOCKFREE" each 10
    run "$build/tests/faults/faults_nomem_short" each 3
    for program in "$build"/tests/faults/faults_nomem_*; do
        run "$program" reserve 30000
    done
    run "$build/tests/faults/faults_memory_LOCKFREE" wrap 100000
    for object in semaphore notify mutex; do
        run "$build/tests/faults/faults_signals_LOCKFREE" "$object" 3000
    done
fi

mkdir -p "$root/out/coverage"
python3 "$here/report.py" "$build" "$root" "$here/explained.txt" "$root/out/coverage" || failed=1
exit "$failed"
