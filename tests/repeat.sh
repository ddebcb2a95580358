#!/bin/sh
# tests/repeat.sh: repeats one test until it fails.
#
#   tests/repeat.sh NAME                 1000 times, built with gcc
#   tests/repeat.sh --times N NAME
#   tests/repeat.sh --preset P NAME      P: gcc, clang, asan, tsan
#
# NAME: as ctest lists it (unit.semaphore.SPIN, stress.close_race.LOCKFREE); an extended regular expression, of which
# all matching tests take turns. Each run has another seed in ROUSE_TEST_SEED. Stops at the first failure and
# prints the run's number, its seed and what the test said. Exit status 0: none failed.
set -eu

root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root"
times=1000 preset=gcc name=''

usage() {
    sed -n '2,11s/^# \{0,1\}//p' "$root/tests/repeat.sh"
    exit "$1"
}
while [ $# -gt 0 ]; do
    case $1 in
    --times | --preset)
        [ $# -ge 2 ] || usage 2
        case $1 in
        --times) times=$2 ;;
        *) preset=$2 ;;
        esac
        shift
        ;;
    -h | --help) usage 0 ;;
    -*) usage 2 ;;
    *)
        [ -z "$name" ] || usage 2
        name=$1
        ;;
    esac
    shift
done
[ -n "$name" ] || usage 2
case $times in '' | *[!0-9]* | 0) usage 2 ;; esac

cmake --preset "$preset" >/dev/null
cmake --build --preset "$preset" >/dev/null
log=$(mktemp)
trap 'rm -f "$log"' EXIT
trap 'exit 130' INT TERM

base=$(date +%s)
run=1
while [ "$run" -le "$times" ]; do
    seed=$((base + run))
    if ! ROUSE_TEST_SEED=$seed ctest --test-dir "build-$preset" -R "^($name)\$" --no-tests=error \
        --output-on-failure >"$log" 2>&1; then
        cat "$log"
        echo "failed in run $run of $times; again with: ROUSE_TEST_SEED=$seed ctest --test-dir build-$preset -R '^($name)\$'"
        exit 1
    fi
    [ $((run % 50)) != 0 ] || echo "$run runs, none failed"
    run=$((run + 1))
done
sed -n 's/.*failed out of \([0-9]*\)$/\1 test(s) a run/p' "$log"
echo "$times runs, none failed"
