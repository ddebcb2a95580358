#!/bin/sh
# tests/run.sh: proves the library on this machine.
#
#   tests/run.sh                every test with gcc; unit, stress and compile with clang; again under the address,
#                               undefined-behaviour and thread sanitizers
#   tests/run.sh --quick        lint, unit tests and a short model run with gcc, within three minutes. Needs a compiler, cmake,
#                               make or ninja, and Python; installs nothing, needs no root, and does without Criterion,
#                               valgrind and the linters where they are missing
#   tests/run.sh --part PART    one part, as the jobs of .github/workflows/ci.yml run it: lint, unit-gcc, unit-clang, asan, tsan,
#                               model, faults, platforms, examples
#   tests/run.sh --soak         afterwards the long runs too (ctest -C soak), about half an hour on two processors, 15 minutes of it
#                               random runs and wider bounds; --minutes N: those for so long. They take the seed that is
#                               printed; ROUSE_TEST_SEED=N sets it. Also the sanitizers of the other compiler
#   tests/run.sh --soak-only    the long runs alone
#   tests/run.sh --only REGEX   only tests whose name matches
#   further: --no-install (fail and name the packages that are missing), --jobs N (default: one per processor)
#
# Installs the Debian packages of tests/packages that are missing (as root or by sudo), builds in build-gcc/,
# build-clang/, build-asan/, build-tsan/, and ends with what was explored and a table. Exit status 0: every step ran tests and all passed.
set -eu

root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root"
quick='' part='' soak='' short=yes minutes=15 only='' no_install='' jobs=$(nproc 2>/dev/null || echo 2)

usage() {
    sed -n '2,20s/^# \{0,1\}//p' "$root/tests/run.sh"
    exit "$1"
}
say() {
    printf '\n== %s\n' "$*"
}

while [ $# -gt 0 ]; do
    case $1 in
    --quick) quick=yes ;;
    --soak) soak=yes ;;
    --soak-only) soak=yes short='' ;;
    --no-install) no_install=--no-install ;;
    --only | --jobs | --minutes | --part)
        [ $# -ge 2 ] || usage 2
        case $1 in
        --only) only=$2 ;;
        --minutes) minutes=$2 ;;
        --part) part=$2 ;;
        *) jobs=$2 ;;
        esac
        shift
        ;;
    -h | --help) usage 0 ;;
    *) usage 2 ;;
    esac
    shift
done

# ---- what it needs ----

packages=$(sed 's/#.*//' tests/packages | tr -s ' \t\n' ' ')
generator=''
if [ -z "$quick" ]; then
    # shellcheck disable=SC2086 # a list of words
    tools/install-packages.sh $no_install $packages
elif ! command -v ninja >/dev/null 2>&1; then
    generator=-GUnix\ Makefiles
fi

# gcc 12's and clang 16's thread sanitizers do not start where the system randomizes more address bits than this.
no_random=''
if [ "$(cat /proc/sys/vm/mmap_rnd_bits 2>/dev/null || echo 0)" -gt 28 ]; then
    no_random='setarch -R'
fi

# ---- the steps ----

log=$(mktemp)
table=$(mktemp)
explored=$(mktemp)
trap 'rm -f "$log" "$table" "$explored"' EXIT
trap 'exit 130' INT TERM
failed=0 total=0

# Keeps one line of the table: name, tests run, seconds, verdict.
verdict() {
    printf '%-10s %7s %9s   %s\n' "$@" >>"$table"
    total=$((total + $2))
    [ "$4" = passed ] || failed=1
}

# step NAME PRESET CTEST-ARGUMENTS...: configures, builds, tests.
step() {
    name=$1 preset=$2
    shift 2
    start=$(date +%s)
    say "$name: configuring and building"
    if ! cmake --preset "${preset#soak-}" ${generator:+"$generator"} -DROUSE_SOAK_MINUTES="$minutes" >"$log" 2>&1; then
        cat "$log"
        verdict "$name" 0 "$(($(date +%s) - start))" 'FAILED to configure'
        return
    fi
    if ! cmake --build --preset "${preset#soak-}" -j "$jobs"; then
        verdict "$name" 0 "$(($(date +%s) - start))" 'FAILED to build'
        return
    fi
    say "$name: testing"
    status=$(mktemp)
    # One test more than there are processors: some wait, for the clock or for another program.
    # Not `ctest | tee` alone: the pipe would hide ctest's exit status.
    {
        code=0
        # shellcheck disable=SC2086 # a command of several words, or none
        $prefix ctest --preset "$preset" --no-tests=error -j "$((jobs + 1))" "$@" 2>&1 || code=$?
        echo "$code" >"$status"
    } | tee "$log"
    code=$(cat "$status")
    rm -f "$status"
    tests/explored.py "$name" "build-${preset#soak-}/Testing/Temporary/LastTest.log" >>"$explored"
    count=$(sed -n 's/.*tests passed, .* tests* failed out of \([0-9]*\).*/\1/p' "$log" | tail -1)
    seconds=$(($(date +%s) - start))
    if [ -n "$only" ] && grep -q '^No tests were found' "$log"; then
        printf '%-10s %7s %9s   %s\n' "$name" 0 "$seconds" 'no test of that name' >>"$table"
    elif [ "$code" != 0 ]; then
        verdict "$name" "${count:-0}" "$seconds" "FAILED"
    elif [ "${count:-0}" = 0 ]; then
        verdict "$name" 0 "$seconds" "FAILED: no test ran"
    else
        verdict "$name" "$count" "$seconds" passed
    fi
}

begin=$(date +%s)
set --
[ -z "$only" ] || set -- -R "$only"
prefix=''
if [ -n "$quick" ]; then
    step quick quick "$@"
elif [ -n "$part" ]; then
    case $part in
    lint) step gcc gcc -L '^lint$' "$@" ;;
    unit-gcc) step gcc gcc -L '^(unit|counts)$' "$@" ;;
    unit-clang) step clang clang "$@" ;;
    asan) step asan asan "$@" ;;
    tsan) prefix=$no_random && step tsan tsan "$@" && prefix='' ;;
    model) step gcc gcc -L '^model$' "$@" ;;
    faults) step gcc gcc -L '^(faults|fuzz|stress)$' "$@" ;;
    platforms) step gcc gcc -L '^(compile|install|portability)$' "$@" ;;
    examples) step gcc gcc -L '^(examples|debug)$' "$@" ;;
    *) usage 2 ;;
    esac
elif [ -n "$short" ]; then
    step gcc gcc "$@"
    step clang clang "$@"
    step asan asan "$@"
    prefix=$no_random
    step tsan tsan "$@"
    prefix=''
fi
if [ -n "$soak" ]; then
    ROUSE_TEST_SEED=${ROUSE_TEST_SEED:-$(date +%s)}
    export ROUSE_TEST_SEED
    say "soak: $minutes minutes, ROUSE_TEST_SEED=$ROUSE_TEST_SEED"
    step soak-gcc soak-gcc "$@"
    step soak-asan soak-asan "$@"
    step asan-clang asan-clang "$@"
    prefix=$no_random
    step soak-tsan soak-tsan "$@"
    step tsan-gcc tsan-gcc "$@"
fi

[ "$total" != 0 ] || failed=1
verdict=passed
[ "$failed" = 0 ] || verdict=FAILED
say 'explored'
cat "$explored"
[ -z "$soak" ] || printf 'soak: ROUSE_TEST_SEED=%s\n' "$ROUSE_TEST_SEED"
printf '\n%-10s %7s %9s   %s\n' step tests seconds verdict
cat "$table"
printf '%-10s %7s %9s   %s\n' all "$total" "$(($(date +%s) - begin))" "$verdict"
exit "$failed"
