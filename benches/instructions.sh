#!/bin/sh
# benches/instructions.sh: how many instructions a round of a loop takes: callgrind counts two lengths of the loop, and the
# difference is the rounds'.
#
#   instructions.sh PROGRAM [MOST [LOOP]]    prints the number; exit status 1: it is more than MOST (0: no bound). PROGRAM
#                                            is rouse_instructions_BACKEND, and LOOP an uncontended pair or one that
#                                            instructions.c names; or it is rouse_rounds, and LOOP is the
#                                            GROUP/CONTENDER of a benchmark
set -eu
program=$1
most=${2:-}
loop=${3:-pair}
command -v valgrind >/dev/null || {
    echo "instructions.sh: valgrind is missing" >&2
    exit 2
}

executed() { # rounds
    said=$(valgrind --tool=callgrind --callgrind-out-file=/dev/null "$program" "$1" "$loop" 2>&1) || {
        printf '%s\n' "$said" >&2
        return 2
    }
    printf '%s\n' "$said" | sed -n 's/.*Collected : //p'
}
few=$(executed 1000)
many=$(executed 11000)
if [ -z "$few" ] || [ -z "$many" ]; then
    echo "instructions.sh: callgrind has counted nothing in $program" >&2
    exit 2
fi
awk -v few="$few" -v many="$many" -v most="${most:-0}" 'BEGIN {
    round = (many - few) / 10000
    printf "%.2f\n", round
    exit most != 0 && (round > most || round < 2)
}'
