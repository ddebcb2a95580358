#!/bin/sh
# mutate.sh [BUILD-DIR [OPTION...]]: mutation check: changes the headers in many small ways (by the rules in wrong/wrong.py), one at
# a time, and counts how many the tests report. Survivors are explained in wrong/survivors.md. It continues where it was interrupted.
# Options are those of wrong.py: --level 1 and --level 2 ask fewer tests.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
build=${1:-$here/../../build-model}
[ $# = 0 ] || shift
cmake -S "$here/../.." -B "$build" -DROUSE_TEST_PARTS=model -DROUSE_BUILD_EXAMPLES=OFF > /dev/null
cmake --build "$build" --target model_checker -j2 > /dev/null
exec "$here/wrong/wrong.py" --mutate --least 95 --seconds 20 --jobs 2 --work "$build/mutants" \
    --checker "$build/tests/checker/libmodel_checker.a" "$@"
