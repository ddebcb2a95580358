#!/bin/sh
# Installs the Debian packages that are missing; what tests/run.sh, benches/run.sh and examples/run.sh begin with.
#
#   tools/install-packages.sh [--no-install] PACKAGE...
#
# As root, or by sudo. --no-install: names what is missing and fails. On a system without dpkg it only says what is
# needed. Exit status 0: all are there, or nobody can tell; 2: not.
set -eu

die() {
    echo "install-packages.sh: $*" >&2
    exit 2
}
install=yes
if [ "${1-}" = --no-install ]; then
    install=''
    shift
fi
if ! command -v dpkg-query >/dev/null 2>&1; then
    echo "install-packages.sh: not a Debian system: it is up to you to install $* or their like" >&2
    exit 0
fi

missing=''
for package; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing="$missing $package"
done
[ -n "$missing" ] || exit 0
[ -n "$install" ] || die "missing:$missing"
as_root=''
if [ "$(id -u)" != 0 ]; then
    command -v sudo >/dev/null 2>&1 || die "must be root, or have sudo, to install:$missing"
    as_root=sudo
fi
printf '\n== installing:%s\n' "$missing" >&2
# The lists of packages may be absent (a fresh container) or old; then they are fetched first.
# shellcheck disable=SC2086 # a list of words
$as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null 2>&1 || {
    $as_root apt-get update -qq
    $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
}
