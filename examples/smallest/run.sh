#!/bin/sh
# examples/smallest/run.sh [WORK]: as a newcomer does it: copies the headers into an empty folder WORK (by
# default a temporary one), compiles each program there with all warnings, for each backend, plain and under
# the address sanitizer, and compares what it prints. CC is respected.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
work=${1:-}
[ -n "$work" ] || { work=$(mktemp -d) && trap 'rm -rf "$work"' EXIT; }
rm -rf "$work"
mkdir -p "$work"
cp -R "$here/../../include/rouse" "$here"/*.c "$work"
cd "$work"

try() { # program, what it prints, further options
    program=$1
    wanted=$2
    shift 2
    for backend in MUTEX SPIN LOCKFREE; do
        for sanitizer in '' -fsanitize=address,undefined; do
            # shellcheck disable=SC2086 # none or one
            ${CC:-cc} -std=c11 -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wundef -Werror -I. $sanitizer \
                "-DROUSE_BACKEND=ROUSE_BACKEND_$backend" "$program.c" -o "$program" -pthread "$@"
            said=$("./$program")
            [ "$said" = "$wanted" ] || { echo "$program, $backend: printed '$said', not '$wanted'" && exit 1; }
        done
    done
    echo "$program: $wanted"
}

try epoll '2 served, 1 timed out, 1 free'
try uv '5 told' -luv
# shellcheck disable=SC2046 # a list of options
try glib 'counted to 103' $(pkg-config --cflags --libs glib-2.0)
