#!/bin/sh
# examples/plot.sh PROGRAM SCRIPT NAME CURVE...: runs PROGRAM into NAME.txt and plots that by SCRIPT as NAME.svg, which
# must have these curves.
set -eu
program=$1
script=$2
name=$3
shift 3
"$program" >"$name.txt"
rm -f "$name.svg"
gnuplot -e "data='$name.txt'; picture='$name.svg'" "$script"
for curve; do
    grep -q ">$curve<" "$name.svg" || {
        echo "plot.sh: no curve '$curve' in $name.svg" >&2
        exit 1
    }
done
echo "$name.svg"
