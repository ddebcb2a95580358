#!/bin/sh
# benches/instructions.sh: how many instructions an uncontended pair (acquire + release) and its loop take: callgrind
# counts two lengths of the loop in rouse_instructions_BACKEND, and the difference is the pairs'.
#
#   instructions.sh PROGRAM [MOST]    prints the number; exit status 1: it is more than MOST
set -eu
program=$1
most=${2:-}
command -v valgrind >/dev/null || {
    echo "instructions.sh: valgrind is missing" >&2
    exit 2
}

executed() { # pairs
    valgrind --tool=callgrind --callgrind-out-file=/dev/null "$program" "$1" 2>&1 | sed -n 's/.*Collected : //p'
}
few=$(executed 1000)
many=$(executed 11000)
if [ -z "$few" ] || [ -z "$many" ]; then
    echo "instructions.sh: callgrind has counted nothing in $program" >&2
    exit 2
fi
awk -v few="$few" -v many="$many" -v most="${most:-0}" 'BEGIN {
    pair = (many - few) / 10000
    printf "%.2f\n", pair
    exit most != 0 && (pair > most || pair < 2)
}'
