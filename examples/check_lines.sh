#!/bin/sh
# examples/check_lines.sh: the servers have fewer than 200 lines each, the primitive fewer than 150, and the
# guide explains that one.
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

check 200 epoll_server.c glib_server.c libevent_server.c uring_server.c uv_server.c
check 150 primitives/token_bucket.h
explained primitives/token_bucket.h
exit $found
