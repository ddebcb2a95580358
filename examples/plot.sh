#!/bin/sh
# examples/plot.sh PROGRAM SCRIPT NAME: runs PROGRAM into NAME.txt and plots that by SCRIPT as NAME.svg.
set -eu
"$1" >"$3.txt"
rm -f "$3.svg"
gnuplot -e "data='$3.txt'; picture='$3.svg'" "$2"
for curve in capacity limit latency; do
    grep -q ">$curve<" "$3.svg" || {
        echo "plot.sh: no curve '$curve' in $3.svg" >&2
        exit 1
    }
done
echo "$3.svg"
