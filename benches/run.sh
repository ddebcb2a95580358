#!/bin/sh
# benches/run.sh: measures the backends and their modes on this machine and says which to take for which load.
#
#   benches/run.sh                    everything; some ten minutes: the recommendation, every table, the recommendation
#   benches/run.sh --quick            the recommendation alone; about a minute once it is built
#   benches/run.sh --peers            other people's primitives too
#   benches/run.sh --bars             further: the targets that were set before the code was written, what each means,
#                                     whether it is met here (with --peers: those that name a peer too)
#   benches/run.sh --save NAME        keeps this version of the library as NAME
#   benches/run.sh --compare NAME     builds version NAME, or else the git revision NAME, into the same program and
#                                     runs both interleaved; exit status 1: something got slower beyond noise
#   further: --filter REGEX (of "workload/parameters"), --repetitions N, --min-time SECONDS, --out DIR,
#            --no-install (fail and name what is missing)
#
# Installs what is missing (Debian and its kin, as root or by sudo), builds in build-bench/, writes to out/bench/.
# The page with plots is out/bench/report.html.
set -eu

root=$(cd "$(dirname "$0")/.." && pwd)
out=$root/out/bench
build=$root/build-bench
options=" $*"
quick='' peers='' bars='' save='' compare='' filter='' repetitions='' min_time='' no_install=''

usage() {
    sed -n '2,/^set /s/^# \{0,1\}//p' "$0"
    exit "$1"
}
die() {
    echo "run.sh: $*" >&2
    exit 2
}
say() {
    printf '\n== %s\n' "$*" >&2
}
while [ $# -gt 0 ]; do
    case $1 in
    --quick) quick=--quick ;;
    --peers) peers=yes ;;
    --bars) bars=yes ;;
    --no-install) no_install=--no-install ;;
    --save | --compare | --filter | --repetitions | --min-time | --out)
        [ $# -ge 2 ] || usage 2
        case $1 in
        --save) save=$2 ;;
        --compare) compare=$2 ;;
        --filter) filter=$2 ;;
        --repetitions) repetitions=$2 ;;
        --min-time) min_time=$2 ;;
        --out) out=$2 ;;
        esac
        shift
        ;;
    -h | --help) usage 0 ;;
    *) usage 2 ;;
    esac
    shift
done
case $save$compare in */*) die "a name has no slash" ;; esac
saved=$root/out/bench-saved
# The recommendation alone does without counts.
counted=''
if [ -z "$quick" ] || [ -n "$bars" ]; then
    counted=yes
fi

# ---- what it needs ----
packages='gcc g++ cmake make libbenchmark-dev python3 gnuplot-nox valgrind binutils'
if [ -n "$peers" ]; then
    packages="$packages libnsync-dev libconcurrentqueue-dev cargo rustc librust-tokio-dev librust-async-lock-dev
        librust-futures-lite-dev librust-event-listener-dev librust-crossbeam-queue-dev librust-parking-lot-dev
        librust-atomic-waker-dev librust-async-channel-dev"
fi
# shellcheck disable=SC2086 # a list of words
"$root/tools/install-packages.sh" $no_install $packages

# ---- the versions ----
# Both are copied before anything is measured, because the tree may change meanwhile.
mkdir -p "$out" "$build"
baseline=
if [ -n "$compare" ]; then
    baseline=$build/baseline
    rm -rf "$baseline"
    mkdir -p "$baseline"
    if [ -d "$saved/$compare/include" ]; then
        cp -r "$saved/$compare/include" "$baseline/"
    elif git -C "$root" rev-parse -q --verify "$compare^{commit}" >/dev/null 2>&1; then
        git -C "$root" archive "$compare" include | tar -x -m -C "$baseline"
    else
        die "nothing saved as '$compare' (benches/run.sh --save $compare), and no such revision"
    fi
fi
if [ -n "$save" ]; then
    rm -rf "${saved:?}/$save"
    mkdir -p "$saved/$save"
    cp -r "$root/include" "$saved/$save/"
fi

# ---- build ----
say "building every backend into one program"
cmake -S "$root" -B "$build" -DCMAKE_BUILD_TYPE=Release -DROUSE_BUILD_BENCHES=ON -DROUSE_BUILD_TESTS=OFF \
    -DROUSE_BUILD_EXAMPLES=OFF -DROUSE_BENCH_PEERS="${peers:-no}" \
    -DROUSE_BENCH_BASELINE="${baseline:+$baseline/include}" >"$out/cmake.log" 2>&1 || {
    cat "$out/cmake.log" >&2
    die "cmake failed"
}
grep -A1 'CMake Warning' "$out/cmake.log" >&2 || true
grep 'left out' "$out/cmake.log" >&2 || true
cmake --build "$build" -j "$(nproc)" >"$out/build.log" 2>&1 || {
    tail -40 "$out/build.log" >&2
    die "the build failed"
}
bin=$build/benches

# ---- counts ----
# What callgrind counts of: the groups that the targets name, of the backends, the baseline's and the floors.
to_count='^(W1|W2|W3pass|W3handoff/10|W7/10000/random)/(executor.*|list.*|(MUTEX|SPIN|LOCKFREE|LOCAL)(@baseline)?)$'
instructions() { # {"W1": {"MUTEX": …, …}, …}
    "$bin/rouse_rounds" | grep -E "$to_count" |
        xargs -P "$(nproc)" -I NAME sh -c 'printf "%s %s\n" "$2" "$("$0" "$1" 0 "$2")"' \
            "$root/benches/instructions.sh" "$bin/rouse_rounds" NAME | sort |
        awk 'NF == 2 {
            at = match($1, "/[^/]*$")
            group = substr($1, 1, at - 1)
            printf "%s", group == last ? ", " : (last == "" ? "{" : "}, ") "\"" group "\": {"
            printf "\"%s\": %s", substr($1, at + 1), $2
            last = group
        } END { print last == "" ? "{}" : "}}" }'
}
text_size() { # backend, primitive
    gcc -O2 -std=c11 -I "$root/include" -DROUSE_BACKEND="ROUSE_BACKEND_$1" -DROUSE_MIXED_BACKENDS "-DTEXT_$2" \
        -c "$root/benches/text_size.c" -o "$build/text_size.o"
    size -A "$build/text_size.o" | awk '$1 ~ /^\.text/ { sum += $2 } END { print sum }'
}
each_backend() { # command [argument]: {"MUTEX": …, …}
    printf '{"MUTEX": %s, "SPIN": %s, "LOCKFREE": %s, "LOCAL": %s}' "$("$1" MUTEX ${2:-})" "$("$1" SPIN ${2:-})" \
        "$("$1" LOCKFREE ${2:-})" "$("$1" LOCAL ${2:-})"
}
rm -f "$out/counts.json" "$out/costs.json"
if [ -n "$counted" ]; then
    say "counting operations, instructions and bytes"
    "$bin/rouse_counts" --json >"$out/counts.json" || say "a call costs more than it may: $bin/rouse_counts shows which"
    {
        printf '{"text": {"semaphore": %s, "notify": %s, "mutex": %s}' "$(each_backend text_size SEMAPHORE)" \
            "$(each_backend text_size NOTIFY)" "$(each_backend text_size MUTEX)"
        if command -v valgrind >/dev/null; then
            printf ', "instructions": %s' "$(instructions)"
        fi
        printf '}\n'
    } >"$out/costs.json"
fi

peer_versions() {
    for crate in tokio async-lock async-channel event-listener; do
        for folder in /usr/share/cargo/registry/"$crate"-[0-9]*; do
            [ ! -d "$folder" ] || printf '%s, ' "${folder##*/}"
        done
    done
    dpkg-query -W -f '${Package} ${Version}, ' libnsync-dev libconcurrentqueue-dev libc6 2>/dev/null
}
context() { # key, value
    printf '"%s": "%s"' "$1" "$(printf '%s' "$2" | tr -d '"\\' | tr '\n\t' '  ')"
}
commit=$(git -C "$root" describe --always --dirty 2>/dev/null || echo 'not a checkout')
{
    printf '{'
    context date "$(date -u +'%Y-%m-%d %H:%M UTC')"
    printf ', '
    context machine "$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1), $(nproc) processors"
    printf ', '
    context system "$(uname -sr), $(. /etc/os-release && echo "$PRETTY_NAME")"
    printf ', '
    context compiler "$(gcc --version | head -n 1), -O2"
    printf ', '
    context commit "$commit"
    printf ', '
    context command "benches/run.sh$options"
    printf ', '
    if [ -n "$peers" ]; then
        context peers "$(peer_versions | sed 's/, $//')"
        printf ', '
    fi
    if [ -n "$compare" ]; then
        context baseline "$compare"
        printf ', '
    fi
    context "load at the start" "$(cut -d' ' -f1-3 /proc/loadavg)"
    printf '}\n'
} >"$out/context.json"

# ---- measure ----
# The recommendation does without the call of notify_all alone and without few waiters; the tables and targets have them.
[ -n "$counted$filter$compare" ] || filter='^(W1|W2|W3pass|W3(handoff|spawn)/[1-9]0+|W[45]|W6cycle/100+|W7|W9|mixed)'
awk -v processors="$(nproc)" '$1 > processors / 2 {
    printf "\n== this machine is busy (load %s): what several threads take will swing, and ratios with it\n", $1
}' /proc/loadavg >&2
measure() { # results file, filter, repetitions
    "$bin/rouse_bench" $quick --out "$1" ${2:+--filter "$2"} ${3:+--repetitions "$3"} \
        ${min_time:+--min-time "$min_time"}
}
if [ -n "$compare" ]; then
    say "measuring this version and '$compare', interleaved"
else
    say "measuring"
fi
measure "$out/results.json" "$filter" "$repetitions"
report=tables
[ -z "$quick" ] || report=screen
python3 "$root/benches/report.py" "$report" "$out" ${bars:+--bars}

if [ -n "$save" ]; then
    cp "$out/results.json" "$out/context.json" "$saved/$save/"
    say "saved as '$save': this version ($commit) and its results"
fi

# What looks slower is measured again, longer, on its own: a regression shows twice.
if [ -n "$compare" ]; then
    status=0
    python3 "$root/benches/report.py" compare "$out" || status=$?
    if [ "$status" = 1 ]; then
        again=$(python3 "$root/benches/report.py" compare "$out" --list)
        mkdir -p "$out/again"
        say "measuring once more what looked slower"
        measure "$out/again/results.json" "$again" 21
        status=0
        python3 "$root/benches/report.py" compare "$out/again" || status=$?
    fi
    exit "$status"
fi
