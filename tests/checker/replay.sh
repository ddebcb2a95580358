#!/bin/sh
# replay.sh SELFTEST DIR: a fault that was reported is reported again, with the same trace, from its replay file.
set -eu
program=$1 dir=$2
rm -rf "$dir"
mkdir -p "$dir"
cd "$dir"
"$program" --trace 'store buffering' >found.txt
code=0
"$program" --replay replay-store_buffering.txt >again.txt || code=$?
[ "$code" = 1 ] || {
    echo "--replay ended with $code"
    exit 1
}
grep -q 'assertion failed: seen_x == 1 || seen_y == 1' again.txt || {
    echo "--replay found no fault"
    exit 1
}
# The trace of the one is in the output of the other, with source lines.
sed 1d again.txt >trace.txt
grep -q 'sb_left selftest.c:[0-9]' trace.txt || {
    echo "the trace names no source line"
    exit 1
}
while IFS= read -r line; do
    grep -qxF -e "$line" found.txt || {
        echo "not in the first trace: $line"
        exit 1
    }
done <trace.txt
