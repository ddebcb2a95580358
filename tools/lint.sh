#!/usr/bin/env bash
# Checks of the tree itself: what a compiler and the tests do not see.
#
#   tools/lint.sh [CHECK ...]        CHECK, all of them unless named:
#
#   versions   one version number everywhere
#   format     clang-format has nothing to change
#   tidy       clang-tidy over the headers, for each backend (.clang-tidy)
#   layers     what headers may know of each other (tools/layers.py)
#   guards     each header's include guard has the name that its path gives it
#   blanks     no trailing blank, no tab in C, a newline at the end of each file
#   columns    at most 110 columns in headers, 140 in other C; in a document, one sentence or clause a line, at most 200
#   links      each relative link in a document leads somewhere
#   sizes      no file is larger than 256 KiB
#   single     the single-file header is the same from two runs, and is not committed
#   scripts    shell and Python scripts parse, are executable, and shellcheck has no warning
#   docs       Doxygen makes the reference with no warning
#   names      what a document calls by a name of the library is there by that name
#   snippets   the code in the documents is code that the tests compile
#   calls      docs/calls.md is what the headers say of each call (tools/calls.py)
#
# Exit status 0: nothing found. The closing line counts the checks.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 2

all=(versions format tidy layers guards blanks columns links sizes single scripts docs names snippets calls)
found=0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# The files of the tree: what git tracks, or all but build folders where there is no git.
files() {
    if git rev-parse --is-inside-work-tree >/dev/null 2>&1; then
        git ls-files
    else
        find . -type f -not -path './.git/*' -not -path './build*' -not -path './out/*' | sed 's|^\./||'
    fi | while IFS= read -r file; do [[ -f $file ]] && printf '%s\n' "$file"; done
}

# The same without pictures and the fuzzers' corpus, which is bytes.
texts() {
    files | grep -vE '\.(svg|png|ico)$|/corpus/'
}

report() {
    echo "$check: $*"
    found=$((found + 1))
}

need() {
    command -v "$1" >/dev/null || { report "$1 is missing; see tests/packages"; return 1; }
}

check_versions() {
    local version place
    version=$(sed -nE 's/^#define ROUSE_VERSION_STRING +"(.*)"/\1/p' include/rouse/config.h)
    [[ $version =~ ^[0-9]+\.[0-9]+\.[0-9]+$ ]] || report "config.h: no version: '$version'"
    local parts=()
    for place in MAJOR MINOR PATCH; do
        parts+=("$(sed -nE "s/^#define ROUSE_VERSION_$place +([0-9]+)/\1/p" include/rouse/config.h)")
    done
    [[ "${parts[0]}.${parts[1]}.${parts[2]}" == "$version" ]] || report "config.h: parts and string differ"
    same() { # file, what it says
        [[ $2 == "$version" ]] || report "$1 says '$2', config.h $version"
    }
    same CHANGELOG.md "$(sed -nE 's/^## \[?([0-9]+\.[0-9]+\.[0-9]+)\]?.*/\1/p' CHANGELOG.md | head -n 1)"
    same meson.build "$(sed -nE "s/^  version: '(.*)',.*/\1/p" meson.build)"
    same packaging/vcpkg/rouse/vcpkg.json "$(sed -nE 's/^  "version": "(.*)",/\1/p' packaging/vcpkg/rouse/vcpkg.json)"
    same docs/Doxyfile "$(sed -nE 's/^PROJECT_NUMBER *= *(.*)/\1/p' docs/Doxyfile)"
}

check_format() {
    need clang-format || return
    local file
    while IFS= read -r file; do
        clang-format --dry-run -Werror "$file" >/dev/null 2>&1 || report "$file: clang-format -i $file"
    # Left out: a table of data, one test a line.
    done < <(files | grep -E '^(include|tests|benches|examples|tools)/.*\.(c|h|cc)$' |
        grep -v '^tests/checker/litmus_table.h$')
}

check_tidy() {
    need clang-tidy || return
    local backend
    for backend in MUTEX SPIN LOCKFREE; do
        clang-tidy --quiet tests/portability/portable_test.c -- -std=c11 -Iinclude \
            "-DROUSE_BACKEND=ROUSE_BACKEND_$backend" >"$work/tidy" 2>"$work/tidy.err" ||
            { report "$backend"; grep -E 'error|warning' "$work/tidy" "$work/tidy.err" | sort -u | head -n 40; }
    done
}

check_layers() {
    need python3 || return
    tools/layers.py || report "a header knows too much"
}

check_guards() {
    local file guard
    while IFS= read -r file; do
        guard=$(tr a-z A-Z <<<"${file#include/}" | tr -c 'A-Z0-9\n' _)
        [[ $file == include/rouse/rouse.h ]] && guard=ROUSE_H
        [[ $(grep -m1 '^#ifndef' "$file") == "#ifndef $guard" && $(grep -m1 '^# *define' "$file" | sed 's/^# *//') == "define $guard" &&
            $(tail -n 1 "$file") == "#endif /* $guard */" ]] || report "$file: its guard is not $guard"
    done < <(files | grep '^include/.*\.h$')
}

check_blanks() {
    local file
    while IFS= read -r file; do
        grep -nHE '[[:blank:]]+$' "$file" && report "$file: trailing blanks"
        [[ $file =~ \.(c|h|cc)$ ]] && grep -nH $'\t' "$file" && report "$file: tabs"
        [[ -s $file && $(tail -c 1 "$file" | wc -l) -eq 0 ]] && report "$file: no newline at the end"
    done < <(texts)
}

check_columns() {
    need python3 || return
    # Left out: tables of data; and in documents tables, blocks of code, and what a link leads to.
    files | grep -v -e '^tests/checker/litmus_table.h$' -e '^\.github/' | python3 -c '
import re, sys
bad = 0
for name in sys.stdin.read().split("\n"):
    limit = 110 if name.startswith("include/") else 140
    if re.search(r"\.(c|h|cc|cpp|hpp)$", name):
        lines = [(n, line, len(line) > limit) for n, line in enumerate(open(name, encoding="utf-8").read().split("\n"), 1)]
    elif name.endswith(".md"):
        lines, code = [], False
        for n, line in enumerate(open(name, encoding="utf-8").read().split("\n"), 1):
            text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", re.sub(r"`[^`]*`", lambda m: "`" + "x" * (len(m.group()) - 2) + "`", line))
            code ^= text.strip().startswith("```")
            if not (code or re.match(r"    | *(\||#|\[[^\]]+\]:)", text)):
                two = re.search(r"^.{12,}[a-z0-9)`*]\. +[A-Z][a-z]", re.sub(r"\([^()]*\)", "()", text))
                lines.append((n, line, len(text) > 200 or two))
    else:
        continue
    for n, line, wrong in lines:
        if wrong:
            print(f"{name}:{n}: {line[:100]}")
            bad += 1
sys.exit(bad != 0)' || report "lines that are too long, or of several sentences"
}

check_links() {
    files | grep '\.md$' | python3 -c '
import os, re, sys
bad = 0
for name in sys.stdin.read().split("\n"):
    if not name:
        continue
    text = open(name, encoding="utf-8").read()
    text = re.sub(r"(?s)```.*?```|`[^`\n]*`", "", text)
    for target in re.findall(r"\]\(([^)\s]+)\)", text) + re.findall(r"(?m)^\[[^\]]+\]: (\S+)", text):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        full = os.path.normpath(os.path.join(os.path.dirname(name), path)) if path else name
        if not os.path.exists(full):
            print(f"{name}: {target} is not there")
            bad += 1
        elif anchor and full.endswith(".md"):
            heads = re.findall(r"(?m)^#+ (.*)$", open(full, encoding="utf-8").read())
            slugs = {re.sub(r"[^\w\- ]", "", h.lower()).replace(" ", "-") for h in heads}
            if anchor not in slugs:
                print(f"{name}: {target}: no such heading")
                bad += 1
sys.exit(bad != 0)' || report "broken links"
}

check_sizes() {
    local file
    while IFS= read -r file; do
        [[ $(wc -c <"$file") -le 262144 ]] || report "$file: $(wc -c <"$file") bytes"
    done < <(files)
}

check_single() {
    need python3 || return
    tools/amalgamate -o "$work/one.h" && (cd "$work" && "$OLDPWD/tools/amalgamate" -o two.h) &&
        cmp "$work/one.h" "$work/two.h" || report "two runs differ"
    [[ -z $(files | grep 'rouse_single\.h$') ]] || report "rouse_single.h is committed"
}

check_scripts() {
    need shellcheck || return
    local file
    while IFS= read -r file; do
        case $(head -n 1 "$file") in
        # SC1007: `local a= b=` is meant. SC3058: Debian's sh cuts prefixes off $*, too.
        '#!/bin/sh'* | '#!'*bash*) shellcheck -S warning -e SC1007,SC3058 "$file" || report "$file" ;;
        '#!'*python3*) python3 -c 'import ast, sys; ast.parse(open(sys.argv[1]).read())' "$file" || report "$file" ;;
        *) continue ;;
        esac
        [[ -x $file ]] || report "$file: has an interpreter and is not executable"
    done < <(texts | grep -vE '\.(c|h|cc|md)$')
}

check_docs() {
    need doxygen || return
    tools/docs.sh "$work/docs" || report "Doxygen"
}

# Also the short forms of migrating.md: `rouse_rwlock_read`, `write` names rouse_rwlock_write as well.
check_names() {
    need python3 || return
    files | python3 -c '
import re, sys
names = sys.stdin.read().split()
known = {"ROUSE_ATOMICS_HEADER"} # an option of 0.1.0, in the upgrade note
for name in names:
    if not name.endswith((".md", ".png", ".svg")) and "/corpus/" not in name:
        known |= set(re.findall(r"\b(?:rouse|ROUSE)_\w+", open(name, encoding="utf-8", errors="replace").read()))
known |= {word for name in names for word in re.findall(r"rouse_\w+", name)}
kinds = ["waiter_queue", "semaphore", "limit", "mutex", "rwlock", "notify", "event", "gate", "condvar", "channel"]
kinds += ["once", "barrier", "any", "mailbox", "several"]
bad = 0
for name in names:
    if not re.fullmatch(r"README\.md|CHANGELOG\.md|docs/\w[\w-]*\.md|packaging/README\.md", name):
        continue
    text = re.sub(r"\([\w./-]*#[^)]*\)", "", open(name, encoding="utf-8").read())
    text = text.replace("_in_spin_", "_") # the end that compiled.h gives a name
    for word in sorted(set(re.findall(r"\b(?:rouse|ROUSE)_\w+", text)) - known):
        print(f"{name}: {word} is nowhere")
        bad += 1
    for cell in [c for line in text.splitlines() if name.endswith("migrating.md") and line.startswith("|")
                 for c in line.split("|")[2:]]:
        kind = None
        for code in re.findall(r"`([a-z_]+)(?![a-z_:])[^`]*`", cell):
            if code.startswith("rouse_"):
                kind = next((k for k in kinds if (code[6:] + "_").startswith(k + "_")), None)
            elif kind and f"rouse_{kind}_{code}" not in known:
                print(f"{name}: rouse_{kind}_{code} is nowhere: {cell.strip()}")
                bad += 1
sys.exit(bad != 0)' || report "names that are not there"
}

check_snippets() {
    need python3 || return
    python3 tools/snippets.py --check || report "documents and code differ"
}

check_calls() {
    need python3 || return
    tools/calls.py --check || report "the table of calls"
}

[[ $# -gt 0 ]] || set -- "${all[@]}"
for check in "$@"; do
    before=$found
    case " ${all[*]} " in
    *" $check "*) "check_$check" ;;
    *) echo "unknown check $check" >&2; exit 2 ;;
    esac
    [[ $found -ne $before ]] || echo "$check: ok"
done
echo "lint: $# checks, $found findings"
[[ $found -eq 0 ]]
