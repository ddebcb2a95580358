#!/usr/bin/env python3
"""Merges gcov's counts of all programs, prints the coverage of include/rouse, compares it with explained.txt.

report.py BUILD ROOT EXPLAINED OUT

gcov's own JSON is read. Lines are kept apart by function, because a macro of detail/base/atomic.h makes many functions on one
line; a line's branches also by their number, because a line with a ROUSE_DEBUG check compiles to more branches
with it than without, and these must not be taken for one another.
"""
import fnmatch
import json
import os
import re
import subprocess
import sys
import tempfile
from collections import defaultdict


class Counts:
    """What was executed, over all programs."""

    def __init__(self, root):
        self.include = os.path.join(root, "include", "rouse") + os.sep
        self.lines = defaultdict(int)  # (file, line, function): executions
        self.branches = {}  # (file, line, function, how many): [executions]
        self.functions = defaultdict(int)  # (file, function): calls
        self.text = {}  # file: its lines

    def add(self, data):
        for source in data["files"]:
            path = os.path.normpath(os.path.join(data["current_working_directory"], source["file"]))
            if not path.startswith(self.include):
                continue
            name = path[len(self.include):]
            if name not in self.text:
                with open(path, encoding="utf-8") as file:
                    self.text[name] = file.read().split("\n")
            for function in source["functions"]:
                self.functions[name, function["name"]] += function["execution_count"]
            for line in source["lines"]:
                self.add_line(name, line)

    def add_line(self, name, line):
        key = (name, line["line_number"], line.get("function_name", ""))
        self.lines[key] += line["count"]
        counts = [branch["count"] for branch in line["branches"] if not branch["throw"]]
        # No branch of the source: what the compiler adds at the end of a scope.
        if not counts or not re.search(r"[A-Za-z]", self.text[name][key[1] - 1]):
            return
        so_far = self.branches.setdefault(key + (len(counts),), [0] * len(counts))
        for i, count in enumerate(counts):
            so_far[i] += count

    def code(self, name, number):
        return self.text[name][number - 1].strip()


def read_counts(build, root):
    counts = Counts(root)
    notes = [os.path.join(folder, file) for folder, _, files in os.walk(build) for file in files
             if file.endswith(".gcno") and os.sep + "tests" + os.sep in folder]
    with tempfile.TemporaryDirectory() as scratch:
        for note in sorted(notes):
            said = subprocess.run(["gcov", "--json-format", "--stdout", "--branch-probabilities", note],
                                  cwd=scratch, check=True, capture_output=True, text=True)
            if "newer than notes" in said.stderr:
                sys.exit("report.py: the headers were changed after the build: run it again")
            for document in said.stdout.splitlines():
                if document.startswith("{"):
                    counts.add(json.loads(document))
    if not counts.lines or not any(counts.lines.values()):
        sys.exit("report.py: no counts in " + build)
    return counts, len(notes)


def percent(part, whole):
    return 100.0 * part / whole if whole else 100.0


def table(counts):
    """Rows of header, lines, functions, branches; the last is the sum."""
    sums = defaultdict(lambda: [0] * 6)
    for (name, _, _), executed in counts.lines.items():
        sums[name][0] += executed > 0
        sums[name][1] += 1
    for (name, _), calls in counts.functions.items():
        sums[name][2] += calls > 0
        sums[name][3] += 1
    for (name, *_), executed in counts.branches.items():
        sums[name][4] += sum(count > 0 for count in executed)
        sums[name][5] += len(executed)
    rows = sorted(sums.items())
    rows.append(("all", [sum(column) for column in zip(*(row[1] for row in rows))]))
    out = ["%-26s %22s %22s %22s" % ("header", "lines", "functions", "branches")]
    for name, row in rows:
        cells = ["%d / %d %6.1f %%" % (row[i], row[i + 1], percent(row[i], row[i + 1])) for i in (0, 2, 4)]
        out.append("%-26s %22s %22s %22s" % (name, *cells))
    return out


class Explanation:
    """One quoted line of explained.txt."""

    def __init__(self, where, name, function, kind, code):
        self.where, self.name, self.function, self.kind, self.code = where, name, function, kind, code
        self.used = self.exists = False

    def fits(self, name, function, code):
        return (fnmatch.fnmatchcase(name, self.name) and fnmatch.fnmatchcase(function, self.function)
                and (self.code is None or self.code in code))


def read_explained(path):
    """The explanations, and what is wrong with the file's form."""
    found, wrong = [], []
    head, reasoned = None, True  # entries that follow each other without an empty line share a reason
    with open(path, encoding="utf-8") as file:
        for number, raw in enumerate([*file, ""], 1):
            line = raw.rstrip()
            where = "%s:%d" % (os.path.basename(path), number)
            if line.startswith("#"):
                continue
            quote = re.match(r"\s+(function|race|(line|branch|race): (.+))$", line)
            if not line:
                if not reasoned:
                    wrong.append(where + ": the entry before has no reason")
                head, reasoned = None, True
            elif not line.startswith(" "):
                head, reasoned = line.split(), False
                if len(head) != 2:
                    wrong.append(where + ": not `FILE FUNCTION`")
                    head = None
            elif quote and head is not None:
                found.append(Explanation(where, head[0], head[1], quote.group(2) or quote.group(1), quote.group(3)))
            else:
                reasoned = True
    return found, wrong


def compare(counts, explained):
    """What is not executed and not explained; also marks the explanations that are used."""
    uncovered = []
    dead_functions = set()
    for key, calls in counts.functions.items():
        for entry in explained:
            entry.exists |= entry.code is None and entry.fits(*key, "")
        if calls == 0:
            dead_functions.add(key)
            if not mark(explained, *key, "", ("function", "race")):
                uncovered.append("%s: %s is never called" % key)
    dead_lines = set()
    for (name, number, function), executed in sorted(counts.lines.items()):
        code = counts.code(name, number)
        for entry in explained:
            entry.exists |= entry.fits(name, function, code)
        if executed == 0 and (name, function) not in dead_functions:
            dead_lines.add((name, number, function))
            if not mark(explained, name, function, code, ("line", "race")):
                uncovered.append("%s:%d: %s: line never executed: %s" % (name, number, function, code))
    for (name, number, function, many), executed in sorted(counts.branches.items()):
        if (name, function) in dead_functions or (name, number, function) in dead_lines or all(executed):
            continue
        code = counts.code(name, number)
        if not mark(explained, name, function, code, ("branch", "race")):
            never = ",".join(str(i) for i, count in enumerate(executed) if count == 0)
            uncovered.append("%s:%d: %s: branch %s of %d never taken: %s"
                             % (name, number, function, never, many, code))
    return uncovered


def mark(explained, name, function, code, kinds):
    hits = [entry for entry in explained if entry.kind in kinds and entry.fits(name, function, code)]
    for entry in hits:
        entry.used = True
    return bool(hits)


def main():
    build, root, path, out = sys.argv[1:]
    counts, programs = read_counts(build, os.path.realpath(root))
    rows = table(counts)
    explained, wrong = read_explained(path)
    uncovered = compare(counts, explained)
    for entry in explained:
        if not entry.exists:
            wrong.append(entry.where + ": no such code: " + (entry.code or entry.function))
        elif not entry.used and entry.kind != "race":
            wrong.append(entry.where + ": is executed now, no explanation needed: " + (entry.code or entry.function))
    lines = ["", *rows, "", "%d explained, %d not, %d explanations wrong (%d units merged)"
             % (sum(entry.used for entry in explained), len(uncovered), len(wrong), programs)]
    lines += ["not explained: " + line for line in uncovered] + ["wrong: " + line for line in wrong]
    print("\n".join(lines))
    with open(os.path.join(out, "summary.txt"), "w", encoding="utf-8") as file:
        file.write("\n".join(lines[1:]) + "\n")
    write_headers(counts, os.path.join(out, "headers.txt"))
    sys.exit(1 if uncovered or wrong else 0)


def write_headers(counts, path):
    """The headers with the number of executions before each line (the sum over its functions)."""
    sums = defaultdict(int)
    for (name, number, _), executed in counts.lines.items():
        sums[name, number] += executed
    with open(path, "w", encoding="utf-8") as file:
        for name in sorted(counts.text):
            file.write("==== %s\n" % name)
            for number, line in enumerate(counts.text[name], 1):
                file.write("%12s  %4d  %s\n" % (sums.get((name, number), ""), number, line))


if __name__ == "__main__":
    main()
