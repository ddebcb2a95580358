#!/bin/sh
# examples/check_lines.sh: the loops' headers and the one to copy have fewer than 120 lines each, the servers fewer than 90,
# the smallest programs fewer than 60, the primitive fewer than 150, and the guide links to those that are to copy.
set -eu
cd "$(dirname "$0")"
found=0

check() { # limit, files
    limit=$1
    shift
    for file; do
        lines=$(wc -l <"$file")
        [ "$lines" -lt "$limit" ] || { echo "$file: $lines lines; fewer than $limit are wanted" && found=1; }
    done
}
explained() {
    for file; do
        grep -qF "examples/$file)" ../docs/guide.md || { echo "$file: not in docs/guide.md" && found=1; }
    done
}

check 120 ../include/rouse/loop/*.h own_loop.h
check 90 ./*_server.c
check 60 smallest/*.c
check 150 primitives/token_bucket.h
explained primitives/token_bucket.h own_loop.h
exit $found
