#!/usr/bin/env python3
"""Breaks a copy of the headers in one place at a time; the model tests must report each.

    wrong.py --checker LIBMODEL.A [--work DIR] [--cc CC] [--jobs N] TABLE [SECTION...]
    wrong.py --mutate ...      no table: for every function of the engine an order is weakened, a branch flipped, a statement
                               dropped and an operator changed, by rule, one at a time; what the model tests do not report goes on to the unit and fault tests; in
                               the end --least PERCENT must have been reported. Verdicts are kept in DIR/verdicts.tsv and used
                               again for headers that have not changed, so an interrupted run goes on where it stopped.
                               --minutes N: begin no more after that; --seed N: in another order, for a sample

    wrong.py --orders ...      no table: each order in the headers that is stronger than relaxed is weakened by one step, alone,
                               and the model tests are asked; what they say must be what orders.md says. --seconds, --minutes and
                               --seed as above; verdicts are kept likewise

A table is an ini file. Each section is one change:

    [name]
    backend: SPIN                   or several, separated by spaces: each must report it
    file:    detail/wake/deliver.h       below include/rouse/
    in:      rouse_deliver_         the function in which the text stands (a macro or none: leave it out)
    old:     exact text             it must be there exactly once (in the function), or the table is wrong
    new:     what it becomes        "-": nothing
    tests:   permits; batch = both  programs of races/, each with or without part of a scenario's name
    silent:  why                    the change is real but cannot be told apart: it must compile and NOT be reported
"""
import argparse
import concurrent.futures
import configparser
import hashlib
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
MODEL = os.path.dirname(HERE)
TESTS = os.path.dirname(MODEL)
CHECKER = os.path.join(TESTS, "checker")
INCLUDE = os.path.join(os.path.dirname(TESTS), "include")
sys.path.insert(0, os.path.join(os.path.dirname(TESTS), "tools"))
sys.dont_write_bytecode = True
import edges  # noqa: E402  (the operations of the headers)
ALL_TOPICS = ("sequential; permits; destroy; cancel; batch; close; notify; condition; mutex; mailbox; blocking; "
              "segments; open; invited; mix; event; gate; rwlock; once; barrier; limit; channel; any; deadline; condvar; "
              "trace; stats; tickets")
INCONCLUSIVE = re.compile(r"not finished after|too many .* for the checker|too much memory for the checker")


class TableError(Exception):
    """The table does not fit the headers (any more)."""


def function_span(text, name):
    """Where the function's definition begins and ends."""
    for found in re.finditer(r"^(?:[^\n#/* ][^\n]*\b)?" + re.escape(name) + r"\(", text, re.M):
        brace = text.find("{", found.end())
        semicolon = text.find(";", found.end())
        if brace >= 0 and (semicolon < 0 or brace < semicolon):
            end = text.find("\n}", brace)
            return found.start(), end + 2
    raise TableError(f"no function {name}")


def squeeze(code):
    """Old text may be written on one line though the header breaks it: any white space equals any other."""
    return r"\s+".join(re.escape(word) for word in code.split())


def change(headers, change_):
    """Applies one change to a copy of the headers."""
    path = os.path.join(headers, "rouse", change_["file"])
    with open(path, encoding="utf-8") as file:
        text = file.read()
    start, end = (0, len(text))
    if "in" in change_:
        start, end = function_span(text, change_["in"])
    hits = list(re.finditer(squeeze(change_["old"]), text[start:end]))
    if "nth" in change_:
        hits = hits[change_["nth"]:change_["nth"] + 1]
    if len(hits) != 1:
        raise TableError(f"the old text is there {len(hits)} times")
    new = "" if change_["new"] == "-" else change_["new"]
    text = text[:start + hits[0].start()] + new + text[start + hits[0].end():]
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    if "nth" in change_:
        atomic = os.path.join(headers, "rouse", "detail", "base", "atomic.h")
        with open(atomic, encoding="utf-8") as file:
            text = file.read()
        for old, added in MORE_ORDERS:
            text = text.replace(old, old + added)
        with open(atomic, "w", encoding="utf-8") as file:
            file.write(text)


def build(arguments, headers, topic, backend, out):
    command = [arguments.cc, "-std=gnu11", "-O1", "-g1", "-fno-pie", "-fno-builtin", "-fsanitize=thread", "-w",
               "-include", os.path.join(CHECKER, "redirect.h"), "-I" + CHECKER,
               "-I" + headers, "-DROUSE_BACKEND=ROUSE_BACKEND_" + backend, "-DROUSE_SEGMENT_CELLS=2",
               "-DROUSE_SPIN_LIMIT=1", "-c", os.path.join(MODEL, "races", topic + ".c"), "-o", out + ".o"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode == 0:
        command = [arguments.cc, "-no-pie", out + ".o", arguments.checker, "-o", out]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise TableError("does not compile: " + done.stderr.strip().split("\n")[0])


def run(program, scenario, seconds):
    """The first line that reports a fault, at which the program is stopped; None: nothing was reported."""
    command = ["sh", "-c", f'ulimit -S -t {seconds * 12}; exec "$@"', "sh", program, "--seconds", str(seconds),
               "--replays", os.path.dirname(program)]
    command += [scenario] if scenario else []
    failed = False
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, errors="replace") as process:
        for line in process.stdout:
            if line.startswith("FAILED"):
                failed = True
                if not INCONCLUSIVE.search(line):
                    process.kill()
                    return line[8:].rstrip("\n")
    if process.returncode == -signal.SIGXCPU:
        return "the program did not come to an end"
    if process.returncode == 2:
        raise TableError(f"no scenario '{scenario}' in {os.path.basename(program)}")
    if process.returncode < 0 or (process.returncode != 0 and not failed):
        return f"the program ended with {process.returncode}"
    return None


# The rest of the suite, shortened: (source below tests/, backends or all, options, arguments of each run).
SEAM = '-DROUSE_ATOMIC_HOOKS_HEADER="%s"' % os.path.join(TESTS, "faults", "seam.h")
SHORT = "-DROUSE_SEGMENT_CELLS=2"
CRITERION = "-lcriterion"
FIRST = [("unit/reference.c", "", [SHORT], ["exhaustive 4", "random 100000"])]
# Throughput mode's, in place of these.
FIRST_OPEN = [("unit/reference_throughput.c", "SPIN MUTEX", [], ["5"]),
              ("unit/reference_throughput.c", "LOCKFREE", [SHORT], ["4"]),
              ("unit/test_throughput.c", "SPIN MUTEX LOCKFREE", [CRITERION], ["-j1"])]
BLOCKING = "MUTEX SPIN LOCKFREE"
UNIT = {body: ("unit/test_%s.c" % body, BLOCKING if "blocking" in body else "", [CRITERION], ["-j1"])
        for body in ("waiter_queue", "semaphore", "notify", "mutex", "mailbox", "waiter", "throughput", "event", "gate", "rwlock",
                     "once", "barrier", "limit", "channel", "any", "deadline", "condvar", "several", "blocking",
                     "family_blocking")}
UNIT["misuse"] = ("unit/test_misuse.c", "", [CRITERION, "-DROUSE_DEBUG"], ["-j1"])
UNIT["stats"] = ("unit/test_stats.c", "", [CRITERION, "-DROUSE_STATS"], ["-j1"])
REST = [
    ("unit/reference.c", "", [], ["exhaustive 5", "random 300000"]),
    *UNIT.values(),
    ("faults/cost.c", "", [SEAM], [""]),
    ("faults/identity.c", "", [SEAM, SHORT], [""]),
    ("faults/timed.c", "", [SEAM, SHORT], [""]),
    ("faults/memory.c", "", [], ["storm 200000", "timeouts 200000", "limits"]),
    ("faults/memory.c", "LOCKFREE", [], ["wrap 200000"]),
    ("faults/nomem.c", "LOCKFREE", [], ["wakers 100000", "reserve 30000", "each"]),
    ("faults/stopped.c", "", [SEAM, SHORT], ["one 11"]),
    ("faults/stopped.c", "LOCKFREE", [SEAM, SHORT], ["recycle 11", "two 11", "signal 11"]),
    ("faults/turns.c", "SPIN LOCKFREE", [SEAM, SHORT], ["all 53", "narrow 7"]),
    ("faults/balance.c", "", [SEAM], [""]),
    ("stress/conservation.c", "", [SHORT], ["2"]),
    ("stress/cancel_storm.c", "", [SHORT], ["2"]),
    ("stress/destroy_on_grant.c", "", [SHORT], ["2"]),
]


def suite(arguments, headers, backend, tests):
    """What the unit, fault and stress tests say; None: nothing."""
    for source, backends, options, runs in tests:
        path = os.path.join(TESTS, source)
        if (backends and backend not in backends.split()) or not os.path.exists(path):
            continue
        program = os.path.join(headers, re.sub(r"\W", "-", source))
        command = [arguments.cc, "-std=gnu11", "-O1", "-w", "-pthread", "-I" + headers,
                   "-DROUSE_BACKEND=ROUSE_BACKEND_" + backend, *(o for o in options if not o.startswith("-l")), path, "-o",
                   program, *(o for o in options if o.startswith("-l"))]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise TableError("does not compile: " + done.stderr.strip().split("\n")[0])
        for words in runs:
            name = source + (" " + words if words else "")
            try:
                done = subprocess.run([program, *words.split()], capture_output=True, text=True, check=False, timeout=60,
                                      errors="replace", cwd=headers)
            except subprocess.TimeoutExpired:
                return name + ": does not come to an end"
            if done.returncode != 0:
                said = (done.stderr.strip() or done.stdout.strip() or "exit %d" % done.returncode).split("\n")
                return name + ": " + said[0]
    return None


def tests_of(section, backend):
    for item in section.get("tests", ALL_TOPICS).split(";"):
        topic, _, scenario = (word.strip() for word in item.partition("="))
        if topic and backend != "LOCAL" and {"segments": backend == "LOCKFREE", "tickets": backend == "LOCKFREE",
                                             "invited": backend == "SPIN"}.get(topic, True):
            yield topic, scenario


def concerns(path, file, function):
    """Can the program tell that the function has changed? Of a primitive's header: does it call the primitive?"""
    header = os.path.basename(file)[:-2]
    if "/" in file or header in ("waiter_queue", "waiter", "mailbox", "blocking"):
        return True
    with open(path, encoding="utf-8") as source:
        return re.search(r"\brouse_(%s|%s)_" % (function.split("_")[1], header), source.read()) is not None


def topics_of(file, function):
    header = os.path.basename(file)[:-2]
    topics = [topic.strip() for topic in ALL_TOPICS.split(";")]
    return "; ".join(topic for topic in sorted(topics, key=lambda topic: topic != header)
                     if concerns(os.path.join(MODEL, "races", topic + ".c"), file, function))


def rest_of(file, function):
    return [test for test in REST if concerns(os.path.join(TESTS, test[0]), file, function)]


def first_of(file):
    """The quickest tests that a change in this header may fail."""
    header = os.path.basename(file)[:-2]
    if header.startswith("open"):
        return FIRST_OPEN
    return [UNIT[header]] if "/" not in file and header in UNIT else FIRST


def examine(arguments, name, section, backend):
    """What is reported, or None."""
    work = os.path.join(arguments.work, re.sub(r"[^A-Za-z0-9]+", "-", name) + "-" + backend)
    shutil.rmtree(work, ignore_errors=True)
    shutil.copytree(os.path.join(INCLUDE, "rouse"), os.path.join(work, "rouse"))
    change(work, section)
    weakened = name.endswith("weaken")  # that takes several threads to tell
    report = suite(arguments, work, backend, first_of(section["file"])) if arguments.mutate and not weakened else None
    for topic, scenario in tests_of(section, backend) if report is None else ():
        program = os.path.join(work, topic)
        if not os.path.exists(program):
            build(arguments, work, topic, backend, program)
        report = run(program, scenario, arguments.seconds)
        if report is not None:
            report = topic + ": " + report
            break
    if report is None and arguments.mutate:
        report = suite(arguments, work, backend, rest_of(section["file"], section["in"]))
    shutil.rmtree(work, ignore_errors=True)
    return report


# Which backends use it; the quick ones first.
BACKENDS = [("detail/queue/mutex", "MUTEX"), ("detail/queue/spin", "SPIN"), ("detail/queue/lockfree", "LOCKFREE"),
            ("detail/queue/local", "LOCAL"), ("detail/queue/open_none", "LOCKFREE"), ("detail/queue/open", "SPIN MUTEX"),
            ("detail/queue/guard", "SPIN MUTEX"), ("detail/queue/list", "SPIN MUTEX"), ("detail/queue/lock", "SPIN MUTEX")]


def backends_of(file, others):
    return next((backends for begin, backends in BACKENDS if file.startswith(begin)), others)


# Orders that the library does not use, and its weakened copies do.
MORE_ORDERS = [(" SWAP(T, type, acq_rel)", " SWAP(T, type, acquire) SWAP(T, type, release)"),
               (" ADD(T, type, acq_rel)", " ADD(T, type, acquire)")]


def orders():
    """A table with a section for each order that can be weakened. What edges.ini has for it is tried first."""
    table, known = {}, configparser.RawConfigParser(delimiters=(":",), comment_prefixes=("#",))
    known.read(os.path.join(HERE, "edges.ini"), encoding="utf-8")
    for name, file, function, call, nth, weaker in edges.weakenings():
        table[name] = {"backend": backends_of(file, "SPIN LOCKFREE MUTEX"), "file": file, "in": function, "nth": nth,
                       "old": call, "new": re.sub(r"_(acquire|release|acq_rel|seq_cst)_\($", f"_{weaker}_(", call)}
        hints = [section["tests"] for section in known.values() if section.get("in") == function and "silent" not in section and
                 section["file"] == file and call[:-1] in section["old"] and f"_{weaker}_" in section["new"]]
        table[name]["tests"] = "; ".join(dict.fromkeys("; ".join([*hints, ALL_TOPICS]).split("; ")))
    return table


# How a function is mutated: (kind, what is looked for, what it becomes). The first hit in a function counts.
MUTATIONS = [
    ("weaken", r"\b(rouse_(?:u32|u64|ptr)_(\w+?))_(acq_rel|acquire|release|seq_cst)_\(",
     lambda m: f"{m.group(1)}_{ {'load': 'acquire', 'store': 'release'}.get(m.group(2), 'acq_rel') if m.group(3) == 'seq_cst' else WEAKEN[m.group(3)]}_("),
    ("flip", r"\bif \(([^\n]*)\) \{$", lambda m: f"if (!({m.group(1)})) {{"),
    ("drop", r"(?<=[;{}:/]\n) +(?:\(void\))?rouse_\w+\([^;{}]*\);$", lambda m: ";"),
    ("operator", r" (==|!=|<|>=|>|<=) ", lambda m: f" {OPPOSITE[m.group(1)]} "),
]
NO_CODE = r"/\*.*?\*/|\bROUSE_(?:CHECK|TRACE)\w*\(.*?\);$"
WEAKEN = {"acq_rel": "release", "acquire": "relaxed", "release": "relaxed"}
OPPOSITE = {"==": "!=", "!=": "==", "<": "<=", "<=": "<", ">": ">=", ">=": ">"}


# What the system or ROUSE_DEBUG needs, which these tests are not about.
NOT_MUTATED = ("atomic.h", "check.h", "park.h", "lock.h", "platform.h", "config.h", "inline.h", "win32.h", "options.h", "owner.h")


def mutants():
    """A table with at most one mutation of each kind for every function of the engine, chosen by rule."""
    table = {}
    for path in sorted(edges.HEADERS.rglob("*.h")):
        file = str(path.relative_to(edges.HEADERS))
        text = path.read_text()
        if "loop/" in file or path.name in NOT_MUTATED:
            continue
        for _, name in edges.comments_and_functions(text)[1]:
            start, end = function_span(text, name)
            code = re.sub(NO_CODE, lambda m: re.sub(r"[^\n/]", "_", m.group()), text[start:end], flags=re.M | re.S)
            for kind, wanted, become in MUTATIONS:
                found = re.search(wanted, code, re.M)
                if found:
                    nth = len(re.findall(squeeze(found.group()), text[start:start + found.start()]))
                    table[f"{name} {kind}"] = {"backend": backends_of(file, "SPIN LOCKFREE"), "file": file, "in": name,
                                               "nth": nth, "old": found.group().strip(), "new": become(found).strip(),
                                               "tests": topics_of(file, name)}
    for line in open(os.path.join(HERE, "survivors.md"), encoding="utf-8"):
        found = re.match(r"\| `(\w+ \w+)` \| (.*) \|$", line)
        if found and found.group(1) in table:
            table[found.group(1)]["silent"] = found.group(2)
    return table


class Verdicts:
    """With --mutate, kept in a file under the changed headers' hash."""

    def __init__(self, arguments, table):
        self.arguments, self.table = arguments, table
        self.path = os.path.join(arguments.work, "verdicts.tsv")
        self.lock = threading.Lock()
        self.kept = {}
        if (arguments.mutate or arguments.orders) and os.path.exists(self.path):
            with open(self.path, encoding="utf-8") as file:
                for line in file:
                    key, backend, report = line.rstrip("\n").split("\t")
                    self.kept[key, backend] = report or None

    def key(self, section):
        headers = os.path.join(self.arguments.work, "hash-%d" % threading.get_ident())
        shutil.rmtree(headers, ignore_errors=True)
        shutil.copytree(os.path.join(INCLUDE, "rouse"), os.path.join(headers, "rouse"))
        change(headers, section)
        digest = hashlib.sha1()
        for folder, folders, files in os.walk(headers):
            folders.sort()
            for name in sorted(files):
                with open(os.path.join(folder, name), "rb") as file:
                    digest.update(file.read())
        shutil.rmtree(headers, ignore_errors=True)
        return digest.hexdigest()

    def of(self, name):
        section = dict(self.table[name])
        if not self.arguments.mutate and not self.arguments.orders:
            return [(backend, examine(self.arguments, name, section, backend)) for backend in section["backend"].split()]
        key = self.key(section)
        found = []
        for backend in section["backend"].split():
            if (key, backend) not in self.kept:
                self.kept[key, backend] = examine(self.arguments, name, section, backend)
                with self.lock, open(self.path, "a", encoding="utf-8") as file:
                    file.write("%s\t%s\t%s\n" % (key, backend, re.sub(r"\s+", " ", self.kept[key, backend] or "")))
            found.append((backend, self.kept[key, backend]))
            if self.arguments.orders and found[-1][1] is not None:
                return found[-1:]  # one backend that needs it is enough
        return [(section["backend"], None)] if self.arguments.orders else found


def shorten(report):
    found = re.match(r"(.*?): \d+ executions.*? s: (.*)", report)
    return f"{found.group(1)}: {found.group(2)}"[:150] if found else report[:150]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("table", nargs="?")
    parser.add_argument("--orders", action="store_true")
    parser.add_argument("sections", nargs="*")
    parser.add_argument("--checker", required=True)
    parser.add_argument("--work", default="wrong-work")
    parser.add_argument("--cc", default="gcc")
    parser.add_argument("--seconds", type=int, default=60, help="of processor time, for one scenario")
    parser.add_argument("--part", default="0/1", help="i/n: only every n-th section, from the i-th on")
    parser.add_argument("--mutate", action="store_true")
    parser.add_argument("--least", type=float, default=95.0)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--minutes", type=float, default=0)
    parser.add_argument("--seed", type=int)
    parser.add_argument("--files", default="", help="of the rules' changes only those whose file begins so (an expression)")
    arguments = parser.parse_args()
    arguments.work = os.path.abspath(arguments.work)
    os.makedirs(arguments.work, exist_ok=True)
    table = configparser.RawConfigParser(delimiters=(":",), comment_prefixes=("#",), strict=True)
    table.optionxform = str
    if arguments.orders or arguments.mutate:
        table = orders() if arguments.orders else mutants()
        names = list(table)
        arguments.sections = ([arguments.table] if arguments.table else []) + arguments.sections
    else:
        with open(arguments.table, encoding="utf-8") as file:
            table.read_file(file)
        names = table.sections()
    part, parts = (int(number) for number in arguments.part.split("/"))
    names = [name for name in names[part::parts]
             if (not arguments.sections or any(wanted in name for wanted in arguments.sections)) and
             re.match(arguments.files, table[name]["file"])]
    if arguments.seed is not None:
        random.Random(arguments.seed).shuffle(names)
    verdicts = Verdicts(arguments, table)
    expected = edges.not_reported() if arguments.orders else ()
    reported, silent, bad, survivors, done = 0, 0, 0, [], 0
    begun = time.monotonic()

    def judge(name):
        if arguments.minutes and time.monotonic() - begun > 60 * arguments.minutes:
            return None
        try:
            return verdicts.of(name)
        except TableError as error:
            return str(error)

    with concurrent.futures.ThreadPoolExecutor(arguments.jobs) as pool:
        for name, found in zip(names, pool.map(judge, names)):
            done += found is not None
            if (arguments.mutate or arguments.orders) and found is not None:
                print("%3d/%d %5.1f min  " % (done, len(names), (time.monotonic() - begun) / 60), end="")
            if isinstance(found, str):
                bad += 1
                print(f"WRONG    {name}: {found}")
                continue
            for backend, report in found or ():
                if "silent" in table[name]:
                    silent += 1
                    bad += report is not None
                    print(f"{'silent  ' if report is None else 'WRONG   '} {backend:8} {name}"
                          + ("" if report is None else ": was to be silent: " + shorten(report)))
                elif arguments.orders and (report is None) != (name in expected):
                    bad += 1
                    print(f"WRONG    {backend:8} {name}: not as orders.md says: {shorten(report or 'not reported')}")
                elif report is None:
                    survivors.append(f"{name} ({backend})")
                    print(f"{'silent  ' if arguments.orders else 'MISSED  '} {backend:8} {name}")
                else:
                    reported += 1
                    print(f"reported {backend:8} {name}: {shorten(report)}")
            sys.stdout.flush()
    total = reported + len(survivors)
    share = 100.0 * reported / total if total else 0.0
    if done < len(names):
        print(f"{len(names) - done} of {len(names)} were not begun in {arguments.minutes:g} minutes")
    print(f"{reported} of {total} reported ({share:.1f} %), {silent} silent, {bad} errors in the table")
    if arguments.mutate:
        for survivor in survivors:
            print(f"survivor: {survivor}")
        return 0 if bad == 0 and share >= arguments.least else 1
    return 0 if bad == 0 and (not survivors or arguments.orders) and total > 0 else 1


if __name__ == "__main__":
    sys.exit(main())
