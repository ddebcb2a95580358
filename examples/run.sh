#!/bin/sh
# examples/run.sh: installs what the examples need, builds them in build-examples/ and runs each as a test.
#
#   examples/run.sh                  everything
#   examples/run.sh uv_server        only the tests whose name contains that (a regular expression)
#   further: --no-install            fail and name what is missing instead of installing it
#
# Debian and its kin; as root, or by sudo.
set -eu

root=$(cd "$(dirname "$0")/.." && pwd)
build=$root/build-examples
no_install=''
only=.

for argument; do
    case $argument in
    --no-install) no_install=--no-install ;;
    -h | --help)
        sed -n '2,9s/^# \{0,1\}//p' "$0"
        exit 0
        ;;
    *) only=$argument ;;
    esac
done

wanted="gcc g++ cmake ninja-build pkg-config python3 valgrind
    $(sed -n 's/^\([^ ]*\) *# examples:.*/\1/p' "$root/tests/packages")"
# shellcheck disable=SC2086 # a list of words
"$root/tools/install-packages.sh" $no_install $wanted

cmake -S "$root" -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=RelWithDebInfo -DROUSE_BUILD_TESTS=OFF \
    -DROUSE_BUILD_BENCHES=OFF -DROUSE_BUILD_EXAMPLES=ON
cmake --build "$build"
ctest --test-dir "$build" -L '^examples$' -R "$only" --no-tests=error --output-on-failure
echo "the plot of the adaptive limit: $build/examples/adaptive_limit.svg"
