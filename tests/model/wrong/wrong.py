#!/usr/bin/env python3
"""Breaks a copy of the headers in one place at a time; the model tests must report each.

    wrong.py --checker LIBMODEL.A [--work DIR] [--cc CC] [--jobs N] TABLE [RULE...]
    wrong.py --mutate ...      no table: in every function of the engine a branch is flipped, a statement dropped and an operator
                               changed, by rule, one at a time; the unit tests, the model tests and the others are asked until
                               one reports it, with one backend that has the code; in the end --least PERCENT must have been
                               reported

    wrong.py --orders ...      no table: each order in the headers that is stronger than relaxed is weakened by one step, alone,
                               and the model tests are asked; what they say must be what orders.md says

All changes are compiled into one copy of the headers (for a table: one for each backend), and a test program is told by its
environment which of them is in force; so it is built once for each backend, and run once unchanged (for a table: half a second of it).
With --mutate and --orders that run also tells the functions that it calls: it is asked about these only. The tests are asked in
three levels, the cheapest that are near the change first; --level N stops after that level. Programs and verdicts are kept in DIR and
used again as long as no header has changed: an interrupted run goes on where it stopped, and a run with a higher level asks only
about what was not reported. Several processes may share DIR.
    --minutes N: begin no more after that; --seed N: in another order, for a sample

A table has a line for each change, which must be reported for each backend that it names (edges.rules). rules.py reads it, and says
how it is written.
"""
import argparse
import concurrent.futures
import contextlib
import fcntl
import functools
import hashlib
import os
import pathlib
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
sys.dont_write_bytecode = True
import rules  # noqa: E402  (the table)
from rules import TableError, edges, function_spans  # noqa: E402
ALL_TOPICS = ("sequential; permits; destroy; cancel; batch; close; notify; condition; mutex; mailbox; blocking; "
              "segments; open; invited; mix; event; gate; rwlock; once; barrier; limit; channel; any; deadline; condvar; "
              "trace; stats; tickets")
# Those that are about the engine; the others have a primitive upon it.
ENGINE_TOPICS = ("sequential; permits; destroy; cancel; batch; close; notify; condition; mutex; mailbox; segments; open; invited; "
                 "tickets").split("; ")
INCONCLUSIVE = re.compile(r"not finished after|too many .* for the checker|too much memory for the checker")


def squeeze(code):
    """Old text may be written on one line though the header breaks it: any white space equals any other."""
    return r"\s+".join(re.escape(word) for word in code.split())


def place(text, change_):
    """(where the old text begins, where it ends, the definition that it is in)"""
    hits = []
    for span in function_spans(text, change_["in"]):
        hits += [(span[0] + hit.start(), span[0] + hit.end(), span)
                 for hit in re.finditer(squeeze(change_["old"]), text[span[0]:span[1]])]
    hits = hits[change_["nth"]:change_["nth"] + 1]
    if len(hits) != 1:
        raise TableError(f"the old text is there {len(hits)} times")
    return hits[0]


# Orders that the library does not use, and its weakened copies do.
MORE_ORDERS = [(" SWAP(T, type, acq_rel)", " SWAP(T, type, acquire) SWAP(T, type, release) SWAP(T, type, relaxed)"),
               (" ADD(T, type, acq_rel)", " ADD(T, type, acquire)")]


def change_atomics(headers):
    """Adds the orders; and every operation is inlined, which -O0 leaves: the checker limits how often one place reads a stale value, and
    a function that all call would be one place."""
    path = pathlib.Path(headers, "rouse", "detail", "base", "atomic.h")
    text = path.read_text()
    for old, more in MORE_ORDERS:
        text = text.replace(old, old + more)
    path.write_text(text.replace("ROUSE_INLINE_ ", "ROUSE_FAST_ "))


def changed(text, change_):
    """(where the definition begins, where it ends, what it becomes)"""
    if "break" in change_:
        return rules.broken(text, change_)
    start, end, span = place(text, change_)
    return *span, text[span[0]:start] + change_["new"] + text[end:span[1]]


CHOICE = """extern int rouse_changed_;
extern char *rouse_reached_;
__attribute__((noinline, no_sanitize_thread, unused)) static int rouse_is_changed_(int number) {
    rouse_reached_[number] = 1;
    return rouse_changed_ == number;
}
"""
# Which change is in force, and a file in which each change's byte is set when its function is called.
CHOOSER = """#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
int rouse_changed_;
static char somewhere[%(size)d];
char *rouse_reached_ = somewhere;
__attribute__((constructor(101))) static void rouse_change_(void) {
    const char *number = getenv("ROUSE_CHANGE"), *file = getenv("ROUSE_REACHED");
    rouse_changed_ = number == 0 ? 0 : atoi(number);
    if (file != 0) {
        rouse_reached_ = mmap(0, %(size)d, PROT_READ | PROT_WRITE, MAP_SHARED, open(file, O_RDWR), 0);
    }
}
"""


def change_all(headers, table):
    """Puts every change of the table into a copy of the headers: a changed function begins with its changed bodies, each of which
    takes the place of the rest if it is the one in force. They are numbered from 1 on."""
    added = {}
    for number, section in enumerate(table.values(), 1):
        text = pathlib.Path(headers, "rouse", section["file"]).read_text()
        begin, _, definition = changed(text, section)
        function = section["in"].split(" ")[0]
        brace = definition.index("{", definition.index(function + "("))
        leave = " return;" if re.search(r"\bvoid " + function, definition[:brace]) else ""
        added.setdefault(section["file"], []).append(
            (begin + brace + 1, f"\n    if (rouse_is_changed_({number})) {{ {definition[brace:]}{leave} }}"))
    for file, pieces in added.items():
        path = pathlib.Path(headers, "rouse", file)
        text = path.read_text()
        for position, bodies in sorted(pieces, reverse=True):
            text = text[:position] + bodies + text[position:]
        path.write_text(text)
    change_atomics(headers)
    pathlib.Path(headers, "choice.h").write_text(CHOICE)
    pathlib.Path(headers, "choice.c").write_text(CHOOSER % {"size": len(table) + 1})
    subprocess.run(["gcc", "-std=gnu11", "-O1", "-fPIC", "-c", headers + "/choice.c", "-o", headers + "/choice.o"], check=True)


def build(arguments, headers, topic, backend, out):
    command = [arguments.cc, "-std=gnu11", "-O0", "-g1", "-fno-pie", "-fno-builtin", "-fsanitize=thread", "-w",
               "-include", headers + "/choice.h", "-include", os.path.join(CHECKER, "redirect.h"), "-I" + CHECKER,
               "-I" + headers, "-DROUSE_BACKEND=ROUSE_BACKEND_" + backend, "-DROUSE_SEGMENT_CELLS=2",
               "-DROUSE_SPIN_LIMIT=1", "-c", os.path.join(MODEL, "races", topic + ".c"), "-o", out + ".o"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode == 0:
        command = [arguments.cc, "-no-pie", out + ".o", headers + "/choice.o", arguments.checker, "-o", out]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise TableError("does not compile: " + done.stderr.strip().split("\n")[0])


@contextlib.contextmanager
def stopped_after(seconds, process):
    timer = threading.Timer(seconds, process.send_signal, [signal.SIGALRM])
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def run(program, scenario, seconds, budget=0, number=0, **more):
    """The first line that reports a fault, at which the program is stopped; None: nothing was reported. A program that uses no
    processor's time is stopped as well, some day."""
    limit = int(4 * budget + 20) if budget else seconds * 12
    command = ["sh", "-c", f'ulimit -S -t {limit}; exec "$@"', "sh", program, "--seconds", str(seconds),
               "--budget", str(budget), "--replays", os.path.dirname(program)]
    command += [scenario] if scenario else []
    failed = False
    environment = dict(os.environ, ROUSE_CHANGE=str(number), **more)
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                          errors="replace") as process, stopped_after(60 * limit, process):
        for line in process.stdout:
            if line.startswith("FAILED"):
                failed = True
                if not INCONCLUSIVE.search(line):
                    process.kill()
                    return line[8:].rstrip("\n")
    if process.returncode in (-signal.SIGXCPU, -signal.SIGALRM):
        return "the program did not come to an end"
    if process.returncode == 2:
        raise TableError(f"no scenario '{scenario}' in {os.path.basename(program)}")
    if process.returncode < 0 or (process.returncode != 0 and not failed):
        return f"the program ended with {process.returncode}"
    return None


# The other tests, shortened: (source below tests/, backends or all, options, arguments of each run).
SEAM = '-DROUSE_ATOMIC_HOOKS_HEADER="%s"' % os.path.join(TESTS, "faults", "seam.h")
SHORT = "-DROUSE_SEGMENT_CELLS=2"
STANDIN = "-I" + os.path.join(TESTS, "support")  # a Criterion that is compiled and run in a third of the time
BLOCKING = "MUTEX SPIN LOCKFREE"
UNIT = {body: ("unit/test_%s.c" % body, BLOCKING if "blocking" in body or body == "throughput" else "", [STANDIN],
               ["--fail-fast"])
        for body in ("waiter_queue", "mutex", "waiter", "event", "gate", "once", "barrier", "limit", "any", "deadline",
                     "several", "mailbox", "semaphore", "notify", "channel", "throughput", "blocking", "family_blocking",
                     "condvar", "rwlock")}
UNIT["misuse"] = ("unit/test_misuse.c", "", [STANDIN, "-DROUSE_DEBUG"], ["--fail-fast"])
UNIT["stats"] = ("unit/test_stats.c", "", [STANDIN, "-DROUSE_STATS"], ["--fail-fast"])
# At first without threads, which wait for each other longer than they compute; and each sequence of calls shorter by one.
LONG = [test for body, test in UNIT.items() if "blocking" not in body]
for body, test in UNIT.items():
    if test in LONG:
        UNIT[body] = (*test[:2], [*test[2], "-DSHORTER_SEQUENCES=1", "-DWITH_THREADS=0"], test[3])
SEQUENCES = ("unit/reference.c", "", [SHORT], ["exhaustive 4", "random 100000"])
THROUGHPUT = ("unit/reference_throughput.c", BLOCKING, [SHORT], ["4"])
CHEAP = [
    *UNIT.values(),
    SEQUENCES,
    ("faults/cost.c", BLOCKING, [SEAM], [""]),
    ("faults/identity.c", BLOCKING, [SEAM, SHORT], [""]),
    ("faults/timed.c", BLOCKING, [SEAM, SHORT], [""]),
    ("faults/memory.c", BLOCKING, [], ["storm 200000", "timeouts 200000", "limits"]),
    ("faults/memory.c", "LOCKFREE", [], ["wrap 200000"]),
    ("faults/nomem.c", "LOCKFREE", [], ["wakers 100000", "reserve 30000"]),
    ("faults/stopped.c", "LOCKFREE", [SEAM, SHORT], ["one R3 W5 T1", "one R3 W5 K2"]),
    ("faults/turns.c", "SPIN LOCKFREE", [SEAM, SHORT], ["all 53"]),
    ("faults/balance.c", BLOCKING, [SEAM], [""]),
    ("faults/ended.c", BLOCKING, [os.path.join(TESTS, "faults", "sleeps.c")], ["exits"]),
    ("faults/open.c", "LOCKFREE", [SEAM, SHORT], ["stopped 11", "signal 11"]),
    ("faults/inbox.c", "LOCKFREE", [SEAM, SHORT], [""]),
    ("faults/limit.c", "LOCKFREE", [SEAM], [""]),
    ("unit/test_owner.c", "LOCAL", [STANDIN, "-DROUSE_DEBUG"], ["--fail-fast"]),
]
DEAR = [
    *LONG,
    ("unit/reference.c", "", [], ["exhaustive 5", "random 300000"]),
    ("unit/reference_throughput.c", BLOCKING, [SHORT], ["5"]),
    ("faults/nomem.c", "LOCKFREE", [], ["each"]),
    ("faults/stopped.c", BLOCKING, [SEAM, SHORT], ["one 11"]),
    ("faults/stopped.c", "LOCKFREE", [SEAM, SHORT], ["recycle 11", "two 11", "signal 11", "handlers 11"]),
    ("faults/open.c", "LOCKFREE", [SEAM, SHORT], ["stopped 1", "signal 1"]),
    ("faults/stopped_memory.c", "LOCKFREE", [SEAM, SHORT], ["200"]),
    ("faults/turns.c", "SPIN LOCKFREE", [SEAM, SHORT], ["narrow 7"]),
    ("stress/conservation.c", BLOCKING, [SHORT], ["2"]),
    ("stress/cancel_storm.c", BLOCKING, [SHORT], ["2"]),
    ("stress/destroy_on_grant.c", BLOCKING, [SHORT], ["2"]),
]
# The model tests that are nearest to a header of the engine; a primitive's has its own name.
NEAR = {"cancel": "cancel; batch; segments", "wait": "permits; condition; close; tickets; segments",
        "wake": "batch; permits; condition; close; notify", "ticket": "tickets; permits; segments",
        "segments": "segments; tickets", "lockfree": "permits; cancel", "state": "permits; batch; cancel",
        "spin": "permits; batch; cancel; close; condition", "locked": "permits; batch; cancel; close",
        "listed": "batch; cancel; close", "list": "batch; cancel; close", "word": "permits; batch; cancel; notify",
        "open": "open; invited", "open_turns": "open", "open_word": "open; invited", "invited": "invited; open",
        "deliver": "mailbox; permits; destroy; trace", "outcome": "any; permits; cancel; deadline", "chain": "batch; close",
        "stats": "stats", "mutex": "mutex; permits; batch; cancel; condition", "guard": "channel; condvar",
        "waiter_queue": "condition; permits; close; notify", "semaphore": "permits", "waiter": "mailbox; destroy",
        "several": "any", "limit": "limit"}


def family(process):
    """{id: (its threads' states, the processor's time that it has had)} of a process and all that it has begun."""
    parents, found = {}, {process}
    for path in pathlib.Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
            states = {thread.read_text().rpartition(")")[2].split()[0] for thread in path.parent.glob("task/*/stat")}
        except OSError:
            continue
        parents[int(path.parent.name)] = int(fields[1]), (states, int(fields[11]) + int(fields[12]))
    for _ in range(3):
        found |= {one for one, (parent, _) in parents.items() if parent in found}
    return {one: parents[one][1] for one in found if one in parents}


def output(process):
    """What it prints; None: it sleeps for ever, or wakes only to look and sleep again, and is killed."""
    idle, before, begun = 0, -100, time.monotonic()
    while idle < 4 and time.monotonic() - begun < 600:
        try:
            return process.communicate(timeout=4)[0]
        except subprocess.TimeoutExpired:
            now = family(process.pid)
            used = sum(ticks for _, ticks in now.values())
            idle = idle + 1 if used < before + 80 and all(states <= {"S", "Z"} for states, _ in now.values()) else 0
            before = used
    for one in now:
        try:
            os.kill(one, signal.SIGKILL)
        except ProcessLookupError:
            pass
    return None


def digest(*folders, more=b""):
    """Of all C sources and headers below these."""
    sum_ = hashlib.sha1(pathlib.Path(__file__).read_bytes() + more)
    for path in sorted(path for folder in folders for path in pathlib.Path(folder).rglob("*.[ch]")):
        sum_.update(path.read_bytes())
    return sum_.hexdigest()[:12]


@contextlib.contextmanager
def alone(path):
    """No other process is at this path meanwhile."""
    with open(path + ".lock", "w", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


class Programs:
    """The test programs that hold all changes, each built when it is first asked and seen to pass unchanged, for as many seconds as
    `unchanged`. They are kept for the next run."""

    def __init__(self, arguments, table, unchanged):
        self.arguments, self.unchanged, self.built, self.reached, self.lock = arguments, unchanged, {}, {}, threading.Lock()
        self.numbers = {name: number for number, name in enumerate(table, 1)}
        self.headers = os.path.join(arguments.work, "programs-" + digest(INCLUDE, TESTS, more=repr(table).encode()))
        with alone(self.headers):
            if not os.path.exists(self.headers):
                shutil.rmtree(self.headers + "-new", ignore_errors=True)
                shutil.copytree(os.path.join(INCLUDE, "rouse"), os.path.join(self.headers + "-new", "rouse"))
                change_all(self.headers + "-new", table)
                os.rename(self.headers + "-new", self.headers)

    def get(self, test, backend):
        """The program of a model test, or of another test."""
        source, options = (test, []) if isinstance(test, str) else (test[0], test[2])
        key = re.sub(r"\W+", "-", " ".join([source, backend, *(os.path.basename(option) for option in options)]))
        with self.lock:
            lock, failed = self.built.setdefault(key, (threading.Lock(), []))
        program = os.path.join(self.headers, key)
        with lock, alone(program):
            if not failed:
                failed.append(None if os.path.exists(program) else self.make(program, test, source, backend, options))
            if failed[0] is not None:
                raise TableError(f"{source} {backend}, unchanged: {failed[0]}")
        return program

    def make(self, program, test, source, backend, options):
        """Builds it; what is wrong with it."""
        new = program + "-new"
        if isinstance(test, str):
            build(self.arguments, self.headers, test, backend, new)
        else:
            command = [shutil.which("clang") or self.arguments.cc, "-std=gnu11", "-O0", "-w", "-pthread",
                       "-include", self.headers + "/choice.h", "-I" + self.headers,
                       "-DROUSE_BACKEND=ROUSE_BACKEND_" + backend, *options, os.path.join(TESTS, source),
                       self.headers + "/choice.o", "-o", new]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode != 0:
                return "does not compile: " + done.stderr.strip().split("\n")[0]
        pathlib.Path(program + ".reached").write_bytes(bytes(len(self.numbers) + 1))
        report = self.ask(new, test, 0, self.unchanged, ROUSE_REACHED=program + ".reached")
        if report is None:
            os.rename(new, program)
        return report

    def reaches(self, program, number):
        """Did it call the function that is to be changed? If not, it is not asked."""
        with self.lock:
            if program not in self.reached:
                self.reached[program] = pathlib.Path(program + ".reached").read_bytes()
        return self.reached[program][number] != 0

    def ask(self, program, test, number, budget, **environment):
        """What it says of a change; None: nothing."""
        if isinstance(test, str):
            report = run(program, "", self.arguments.seconds, budget, number, **environment)
            return report and test + ": " + report
        for words in test[3]:
            name = " ".join(f"{test[0]} {words}".split())
            command = ["sh", "-c", f'ulimit -S -t {100 if test in DEAR else 20}; exec "$@"', "sh", program, *words.split()]
            with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
                                  cwd=self.headers,
                                  env=dict(os.environ, ROUSE_CHANGE=str(number), **environment)) as process:
                said = output(process)
            if said is None or process.returncode == -signal.SIGXCPU:
                return name + ": does not come to an end"
            if process.returncode != 0 and "ended with signal 14" not in said:  # by the clock, which a busy machine outruns
                return name + ": " + (said.strip() or "exit %d" % process.returncode).split("\n")[0]
        return None


def tests_of(section, backend):
    for item in section.get("tests", ALL_TOPICS).split(";"):
        topic, _, scenario = (word.strip() for word in item.partition("="))
        if topic and backend != "LOCAL" and {"segments": backend == "LOCKFREE", "tickets": backend == "LOCKFREE",
                                             "invited": backend != "MUTEX"}.get(topic, True):
            yield topic, scenario


def topics_of(file):
    header = os.path.basename(file)[:-2]
    topics = [topic.strip() for topic in ALL_TOPICS.split(";")]
    return "; ".join(sorted(topics, key=lambda topic: topic != header))


def near_of(file):
    """The quickest tests that a change in this header may fail."""
    header = os.path.basename(file)[:-2]
    if header.startswith("open") or header == "invited":
        return [UNIT["throughput"], THROUGHPUT]
    if header in ("channel", "condvar", "rwlock", "guard"):
        return []  # seconds, with threads: the model test is quicker
    if header == "stats" or "/" not in file and header in UNIT:
        return [UNIT[header]]
    return [SEQUENCES]


def sanitized(test):
    """The same test, which then sees memory that nobody frees, or that is used later, and behaviour that is not defined."""
    return (*test[:2], [*test[2], "-fsanitize=address,undefined", "-fno-sanitize-recover=all"], test[3])


def asked(level, mutate, section, backend):
    """What a level asks: other tests, and model tests, each with its processor's seconds."""
    file = section["file"]
    every = list(dict.fromkeys(topic for topic, _ in tests_of(section, backend)))
    near = [topic for topic in NEAR.get(os.path.basename(file)[:-2], os.path.basename(file)[:-2]).split("; ") if topic in every]
    near = [topic for topic in every if topic in section["hints"]] + [topic for topic in near if topic not in section["hints"]]
    if level == 1:
        return [(test, 0) for test in near_of(file) if mutate] + \
            [(topic, 1) for topic in near[:1 if mutate else max(1, len(section["hints"])) + 2]]
    other = {2: [sanitized(test) for test in near_of(file)[:1]] + CHEAP, 3: DEAR}[level] if mutate else []
    return ([(test, 0) for test in other if test not in near_of(file)] +
            [(topic, {2: 2, 3: 10}[level]) for topic in near] +
            [(topic, 1) for topic in every if topic not in near and (level == 3) != (topic in ENGINE_TOPICS)])


def examine(arguments, programs, name, section, backend):
    """What is reported of a table's change, or None."""
    for topic, scenario in tests_of(section, backend):
        program, report = programs.get(topic, backend), None
        for budget in [0] if scenario else [2, 0]:  # of a whole topic, a part of each scenario first
            report = report or run(program, scenario, arguments.seconds, budget, programs.numbers[name])
        if report is not None:
            return topic + ": " + report
    return None


# Which backends use it; the quick ones first.
BACKENDS = [("detail/queue/mutex", "MUTEX"), ("detail/queue/spin", "SPIN"), ("detail/queue/lockfree", "LOCKFREE"),
            ("detail/queue/local", "LOCAL"), ("detail/queue/open_none", "LOCKFREE"), ("detail/queue/open", "SPIN MUTEX"),
            ("detail/queue/guard", "MUTEX SPIN"), ("detail/queue/list", "SPIN MUTEX"), ("detail/queue/lock", "SPIN MUTEX")]


def backends_of(file, others):
    return next((backends for begin, backends in BACKENDS if file.startswith(begin)), others)


@functools.lru_cache(maxsize=None)
def orders():
    """A table with a section for each order that can be weakened. What edges.rules has for it is tried first."""
    table, known = {}, rules.read(os.path.join(HERE, "edges.rules"))
    for name, file, function, call, nth, weaker in edges.weakenings():
        table[name] = {"backend": backends_of(file, "SPIN LOCKFREE MUTEX"), "file": file, "in": function, "nth": nth,
                       "old": call, "new": re.sub(r"_(acquire|release|acq_rel|seq_cst)_\($", f"_{weaker}_(", call)}
        kind, order = edges.OPERATION.match(call).groups()
        hints = [rule["tests"] for rule in known.values() if (rule["file"], rule["in"].split(" ")[0]) == (file, function) and
                 "silent" not in rule and re.match(f"{kind} {order}( of .*)? to {weaker}$", rule["break"])]
        table[name]["hints"] = [hint.split("=")[0].strip() for hint in "; ".join(hints).split(";")]
    return table


# How a function is mutated: (kind, what is looked for, what it becomes). The first hit in a function counts.
# The orders are another table.
MUTATIONS = [
    ("flip", r"\bif \(([^\n]*)\) \{$", lambda m: f"if (!({m.group(1)})) {{"),
    ("drop", r"(?<=[;{}:/]\n) +(?:\(void\))?rouse_(?!platform_back_off_)\w+\([^;{}]*\);$", lambda m: ";"),
    ("operator", r" (==|!=|<|>=|>|<=) ", lambda m: f" {OPPOSITE[m.group(1)]} "),
]
NO_CODE = r"/\*.*?\*/|^#[^\n]*|\bROUSE_(?:CHECK|TRACE)\w*\(.*?\);$"
OPPOSITE = {"==": "!=", "!=": "==", "<": "<=", "<=": "<", ">": ">=", ">=": ">"}


# What the system or ROUSE_DEBUG needs, which these tests are not about.
NOT_MUTATED = ("atomic.h", "check.h", "park.h", "lock.h", "platform.h", "config.h", "inline.h", "win32.h", "options.h", "owner.h")


def begins(before):
    """Does a statement begin here, and not the rest of an expression? Comments are underscores and slashes."""
    return re.sub(r"/[_/\n]*/\s*$", "", before.rstrip()).rstrip()[-1:] in ";{}:"


@functools.lru_cache(maxsize=None)
def mutants():
    """A table with at most one mutation of each kind for every function of the engine, chosen by rule."""
    table = {}
    for path in sorted(edges.HEADERS.rglob("*.h")):
        file = str(path.relative_to(edges.HEADERS))
        text = path.read_text()
        if "loop/" in file or path.name in NOT_MUTATED:
            continue
        for name in dict.fromkeys(name for _, name in edges.comments_and_functions(text)[1]):
            start, end = function_spans(text, name)[0]
            code = re.sub(NO_CODE, lambda m: re.sub(r"[^\n/]", "_", m.group()), text[start:end], flags=re.M | re.S)
            for kind, wanted, become in MUTATIONS:
                found = next((hit for hit in re.finditer(wanted, code, re.M) if kind != "drop" or begins(code[:hit.start()])),
                             None)
                if found:
                    nth = len(re.findall(squeeze(found.group()), text[start:start + found.start()]))
                    key = f"{name} {kind}"  # a backend may have another function of that name
                    key += f" in {file}" if key in table else ""
                    table[key] = {"backend": backends_of(file, "SPIN LOCKFREE"), "file": file, "in": name, "nth": nth,
                                  "old": found.group().strip(), "new": become(found).strip(), "hints": [],
                                  "tests": topics_of(file)}
    rows, elsewhere = pathlib.Path(HERE, "survivors.md").read_text().split("\n## Reported")[0].split("\n## Asked in C++")
    for name in re.findall(r"^\| `(\w+)` \|", elsewhere, re.M):
        asked = [key for key in table if key.split()[0] == name]
        if not asked:
            sys.exit(f"survivors.md names {name}, which has no mutation any more")
        for key in asked:
            del table[key]
    for name, why in re.findall(r"^\| `(\w+ \w+(?: in \S+)?)` \| (.*) \|$", rows, re.M):
        if name not in table:
            sys.exit(f"survivors.md names {name}, which is no mutation any more")
        table[name]["silent"] = why
    return table


class Verdicts:
    """Of the changes by rule; kept in a file under the name of the change, as long as the headers are the same."""

    def __init__(self, arguments, table):
        self.arguments, self.table = arguments, table
        self.path = os.path.join(arguments.work, f"verdicts-{digest(INCLUDE)}.tsv")
        self.lock = threading.Lock()
        self.kept = {}
        self.programs = Programs(arguments, {**mutants(), **orders()}, 2)
        if os.path.exists(self.path):
            with open(self.path, encoding="utf-8") as file:
                for line in file:
                    name, backend, level, report = line.rstrip("\n").split("\t")
                    self.kept[name, backend] = int(level), report or None

    def examine(self, name, backend, level):
        """The levels after this one."""
        for level in range(level + 1, self.arguments.level + 1):
            number = self.programs.numbers[name]
            for test, budget in asked(level, self.arguments.mutate, self.table[name], backend):
                if isinstance(test, str) or not test[1] or backend in test[1].split():
                    program = self.programs.get(test, backend)
                    report = self.programs.ask(program, test, number, budget) if self.programs.reaches(program, number) else None
                    if report is not None:
                        return report
        return None

    def of(self, name):
        backends = self.table[name]["backend"].split()
        for backend in backends[:1] if self.arguments.level == 1 else backends:
            level, report = self.kept.get((name, backend), (0, None))
            if level < self.arguments.level and report is None:
                report = self.examine(name, backend, level)
                self.kept[name, backend] = self.arguments.level, report
                with self.lock, open(self.path, "a", encoding="utf-8") as file:
                    file.write("%s\t%s\t%d\t%s\n" % (name, backend, self.arguments.level, re.sub(r"\s+", " ", report or "")))
            if report is not None:
                return [(backend, report)]  # one backend that needs it is enough
        return [(" ".join(backends), None)]


def shorten(report):
    found = re.match(r"(.*?): \d+ executions.*? s: (.*)", report)
    return f"{found.group(1)}: {found.group(2)}"[:150] if found else report[:150]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("table", nargs="?")
    parser.add_argument("--orders", action="store_true")
    parser.add_argument("rules", nargs="*", help="those whose name has this in it")
    parser.add_argument("--checker", required=True)
    parser.add_argument("--work", default="wrong-work")
    parser.add_argument("--cc", default="gcc")
    parser.add_argument("--seconds", type=int, default=60, help="of processor time, for one scenario")
    parser.add_argument("--part", default="0/1", help="i/n: only every n-th rule, from the i-th on")
    parser.add_argument("--mutate", action="store_true")
    parser.add_argument("--level", type=int, choices=(1, 2, 3), default=3)
    parser.add_argument("--least", type=float, default=95.0)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--minutes", type=float, default=0)
    parser.add_argument("--seed", type=int)
    parser.add_argument("--files", default="", help="of the rules' changes only those whose file begins so (an expression)")
    arguments = parser.parse_args()
    arguments.work = os.path.abspath(arguments.work)
    os.makedirs(arguments.work, exist_ok=True)
    if not arguments.orders and not arguments.mutate:
        arguments.level = 0
    if arguments.level:
        table = orders() if arguments.orders else mutants()
        names = list(table)
        arguments.rules = ([arguments.table] if arguments.table else []) + arguments.rules
    else:
        table = rules.read(arguments.table)
        names = list(table)
        programs = {backend: Programs(arguments, {name: rule for name, rule in table.items() if backend in rule["backend"].split()}, 0.5)
                    for backend in rules.ALL.split()}
    part, parts = (int(number) for number in arguments.part.split("/"))
    names = [name for name in names[part::parts]
             if (not arguments.rules or any(wanted in name for wanted in arguments.rules)) and
             re.match(arguments.files, table[name]["file"])]
    if arguments.seed is not None:
        random.Random(arguments.seed).shuffle(names)
    if arguments.minutes:
        names.sort(key=lambda name: "silent" in table[name])  # these take longest, and a sample of them alone would show nothing
    verdicts = Verdicts(arguments, table) if arguments.level else None
    expected = edges.not_reported() if arguments.orders else ()
    reported, silent, bad, survivors, done = 0, 0, 0, [], 0
    begun = time.monotonic()

    def judge(name):
        if arguments.minutes and time.monotonic() - begun > 60 * arguments.minutes:
            return None
        try:
            if arguments.level:
                return verdicts.of(name)
            section = table[name]
            return [(backend, examine(arguments, programs[backend], name, section, backend)) for backend in section["backend"].split()]
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
    print(f"{reported} of {total} reported ({share:.1f} %), {silent} silent, {bad} errors in the table; "
          f"{sum(os.times()[:4]):.0f} s of processor time")
    if arguments.mutate:
        for survivor in survivors:
            print(f"survivor: {survivor}")
        return 0 if bad == 0 and share >= arguments.least else 1
    return 0 if bad == 0 and (not survivors or arguments.orders) and total > 0 else 1


if __name__ == "__main__":
    sys.exit(main())
