#!/bin/sh
# mutate.sh [BUILD-DIR]: mutation check: changes the headers in many small ways (wrong/mutants.ini), one at a time, and counts
# how many the model tests report. Survivors are explained in wrong/survivors.md. Takes up to an hour on two cores.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
build=${1:-$here/../../build-model}
cmake -S "$here/../.." -B "$build" -DROUSE_TEST_PARTS=model -DROUSE_BUILD_EXAMPLES=OFF > /dev/null
cmake --build "$build" --target model_checker -j2 > /dev/null
exec "$here/wrong/wrong.py" --mutate --least 95 --seconds 20 --work "$build/mutants" \
    --checker "$build/tests/model/libmodel_checker.a" "$here/wrong/mutants.ini"
