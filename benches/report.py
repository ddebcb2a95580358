#!/usr/bin/env python3
"""Explains what rouse_bench measured: tables, bars, a recommendation, a page with plots; and compares two versions.

    report.py tables  DIR    reads DIR/results.json (and counts.json, costs.json, context.json), prints the report,
                             writes DIR/report.html
    report.py publish DIR TARGET   writes the same tables, the plots and the medians for docs/benchmarks
    report.py scaling DIR    the model of docs/benchmarks/scaling.md, from what was counted and measured
    report.py compare DIR [--list]    X against X@baseline from the same interleaved run; exit status 1: something got
                             slower beyond noise. --list prints the slower groups as a regular expression

All figures are ratios within a group: its contenders ran interleaved in one process.
"""
import argparse
import html
import json
import math
import os
import random
import re
import statistics
import sys

BACKENDS = ["MUTEX", "SPIN", "LOCKFREE"]
LOCAL = "LOCAL"  # for one thread: a contender in the groups of one thread, with bars of its own
FLOORS = ["floor:two-rmw", "executor", "floor:line"]
PEER_ORDER = ["tokio", "async-lock", "naive-vecdeque", "naive-segqueue", "pthread_mutex", "sem_t", "nsync",
              "moodycamel"]
BLOCKING = ["pthread_mutex", "sem_t", "nsync", "moodycamel"]

WORKLOADS = [
    ("W1", "acquire + release, uncontended", "pair"),
    ("W2", "try_acquire + release, uncontended", "pair"),
    ("W3handoff", "K tasks on one thread, one permit: every acquire waits its turn", "acquire"),
    ("W3pass", "ten waiters: a release hands over, and its waiter queues again", "hand-over"),
    ("W3spawn", "N tasks spawn, take one of 10 permits, yield, release, end", "task"),
    ("W4", "threads/tasks each/ns of own work/how an idle thread waits: one permit", "section"),
    ("W5", "notify_one ping-pong", "round trip"),
    ("W6cycle", "N waiters, notify_all, all run and wait again", "waiter"),
    ("W6call", "the notify_all call alone", "waiter"),
    ("W7", "N waiters register and cancel, in three orders", "waiter"),
    ("W7storm", "one waits on while a million register and cancel", "waiter"),
    ("W9limit", "limit: acquire + give back, uncontended", "pair"),
    ("W9limit_handoff", "limit: give back to one that waits, and queue again", "hand-off"),
    ("W9gate", "gate: enter + leave", "pair"),
    ("W9event", "N wait for an event, set wakes them, reset", "waiter"),
    ("W9deadline", "N waits with deadlines: half are granted, half time out", "wait"),
    ("mixed", "80 % acquire, 10 % try, 5 % cancel, 5 % batches of 3; on T threads", "operation"),
]


class Group:
    """One workload with its parameters: the contenders' repetitions."""

    def __init__(self, name):
        self.name = name
        self.workload, _, self.parameters = name.partition("/")
        self.samples = {}
        self.counters = {}

    def add(self, run):
        contender = run["contender"]
        self.samples.setdefault(contender, []).append(run["ns"])
        for key, value in run.items():
            if key.startswith(("heap_after_", "share_")):
                self.counters.setdefault(contender, {}).setdefault(key, []).append(value)

    def median(self, contender):
        return statistics.median(self.samples[contender])

    def ratio(self, contender, other):
        """Median over median; None if one of them did not run."""
        if contender not in self.samples or other not in self.samples:
            return None
        return self.median(contender) / self.median(other)

    def floor(self):
        return next((f for f in FLOORS if f in self.samples), None)

    def counter(self, contender, key):
        return statistics.median(self.counters[contender][key])

    def has(self, contender, key):
        return key in self.counters.get(contender, {})

    def order(self):
        """Contenders: floors, backends, peers."""
        rank = FLOORS + BACKENDS + [LOCAL] + PEER_ORDER
        return sorted(self.samples, key=lambda c: (rank.index(c) if c in rank else -1 if "floor" in c else 99, c))


def natural(text):
    return [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", text)]


def load(directory, name):
    path = os.path.join(directory, name)
    if not os.path.exists(path):
        return None
    with open(path, encoding="utf-8") as file:
        return json.load(file)


class Results:
    def __init__(self, directory):
        raw = load(directory, "results.json")
        if raw is None:
            sys.exit(f"report.py: no results.json in {directory}")
        self.quick = raw["quick"]
        self.repetitions = raw["repetitions"]
        self.processors = raw["processors"]
        self.groups = {}
        for run in raw["runs"]:
            self.groups.setdefault(run["group"], Group(run["group"])).add(run)
        self.counts = load(directory, "counts.json")
        self.costs = load(directory, "costs.json") or {}
        self.context = load(directory, "context.json") or {}

    def of(self, workload):
        found = [g for g in self.groups.values() if g.workload == workload]
        return sorted(found, key=lambda g: natural(g.name))

    def peers(self):
        present = {c for g in self.groups.values() for c in g.samples}
        return [p for p in PEER_ORDER if p in present]


# ---- text ------------------------------------------------------------------------------------------------------

def table(header, rows):
    """Aligned columns, the first to the left."""
    width = [max(len(str(row[i])) for row in [header] + rows) for i in range(len(header))]
    out = []
    for row in [header] + rows:
        cells = [str(row[0]).ljust(width[0])] + [str(c).rjust(w) for c, w in zip(row[1:], width[1:])]
        out.append("  " + "  ".join(cells).rstrip())
    return out


def times(ratio):
    return "-" if ratio is None else f"{ratio:.2f}x"


def workload_rows(results, groups):
    peers = [p for p in results.peers() if any(p in g.samples for g in groups)]
    header = ["", "contender", "median ns", "min..max", "/floor"] + ["/" + p for p in peers]
    rows = []
    for group in groups:
        shown = group.parameters
        for contender in group.order():
            values = group.samples[contender]
            to_peers = [times(group.ratio(contender, p)) if contender in BACKENDS else "" for p in peers]
            rows.append([shown, contender, f"{group.median(contender):.1f}",
                         f"{min(values):.1f}..{max(values):.1f}", times(group.ratio(contender, group.floor()))]
                        + to_peers)
            shown = ""
    if all(g.floor() is None for g in groups):
        header.pop(4)
        for row in rows:
            row.pop(4)
    return header, rows


def share_rows(results):
    header = ["W4", "contender", "unluckiest", "luckiest", "max/min"]
    rows = []
    for group in results.of("W4"):
        shown = group.parameters
        for contender in group.order():
            if group.has(contender, "share_min"):
                least = min(group.counters[contender]["share_min"])
                most = max(group.counters[contender]["share_max"])
                rows.append([shown, contender, f"{least:.2f}", f"{most:.2f}",
                             f"{most / least:.2f}" if least > 0 else "starved"])
                shown = ""
    return header, rows


def heap_rows(results):
    storm = results.groups.get("W7storm")
    stages = sorted({k for c in storm.counters.values() for k in c}, key=natural)
    rows = [[c] + [f"{storm.counter(c, s):,.0f}" for s in stages] for c in storm.order()]
    return ["heap growth, bytes"] + [s.replace("heap_after_", "after ") for s in stages], rows


def count_rows(results):
    operations = results.counts["SPIN"]["operations"]
    rows = []
    for what in operations:
        if "core" in what:
            continue
        cells = []
        for backend in BACKENDS + [LOCAL]:
            row = results.counts[backend]["operations"].get(what)
            if row is None: # throughput mode: not every backend has it
                cells.append("–")
                continue
            locks = f" + {row['locks']:g} lock" if row["locks"] else ""
            cells.append(f"{row['rmw']:.2f}{locks}")
        rows.append([what + (" (promised: 1)" if operations[what]["gated"] else "")] + cells)
    return ["atomic read-modify-writes"] + BACKENDS + [LOCAL], rows


def line_rows(results):
    what = [w for w, row in results.counts["SPIN"]["operations"].items() if "core" in w]
    rows = []
    for name in what:
        cells = [results.counts[b]["operations"][name] for b in BACKENDS]
        rows.append([name] + [f"{c['lines']:.1f} ({c['serial']:.1f})" for c in cells])
    return ["cache lines"] + BACKENDS, rows


def size_rows(results):
    rows = [["sizeof " + what if "heap" not in what else what]
            + [f"{results.counts[b]['bytes'][what]:g}" for b in BACKENDS + [LOCAL]]
            for what in results.counts["SPIN"]["bytes"]]
    for primitive, text in results.costs.get("text", {}).items():
        rows.append([f".text of all calls, {primitive}"] + [str(text[b]) for b in BACKENDS + [LOCAL]])
    if "instructions" in results.costs:
        rows.append(["instructions, W1 pair and its loop"]
                    + [f"{results.costs['instructions'][b]:.1f}" for b in BACKENDS + [LOCAL]])
    return ["bytes; instructions"] + BACKENDS + [LOCAL], rows


# ---- bars ------------------------------------------------------------------------------------------------------

class Bar:
    """A ratio that must not, or better not, be passed: the worst over the workload's groups."""

    def __init__(self, what, against, must, stretch, pick):
        self.what, self.against, self.must, self.stretch, self.pick = what, against, must, stretch, pick

    def worst(self, results, backend):
        ratios = [g.ratio(backend, self.against) for g in results.groups.values() if self.pick(g)]
        ratios = [r for r in ratios if r is not None]
        return max(ratios) if ratios else None

    def verdict(self, results, backend):
        worst = self.worst(results, backend)
        if worst is None:
            return "not measured"
        if self.stretch is not None and worst <= self.stretch:
            return f"{worst:.2f} met, stretch too"
        return f"{worst:.2f} {'met' if worst <= self.must else 'NOT met'}"


def parameter(group, index=0):
    return int(group.parameters.split("/")[index])


BARS = [
    Bar("W1, W2 / two bare RMWs", "floor:two-rmw", 1.45, 1.1, lambda g: g.workload in ("W1", "W2")),
    Bar("W1, W2 / pthread_mutex", "pthread_mutex", 1.0, None, lambda g: g.workload in ("W1", "W2")),
    Bar("W3handoff 10..1000 / executor", "executor", 5, 4,
        lambda g: g.workload == "W3handoff" and parameter(g) >= 10),
    Bar("W3handoff 10..1000 / tokio", "tokio", 0.3, None,
        lambda g: g.workload == "W3handoff" and parameter(g) >= 10),
    Bar("W3spawn 50.. / tokio", "tokio", 0.33, 0.25, lambda g: g.workload == "W3spawn" and parameter(g) >= 50),
    Bar("W5 one thread / tokio", "tokio", 0.55, None, lambda g: g.name == "W5/one-thread"),
    Bar("W6cycle 100.. / tokio", "tokio", 0.55, 0.45, lambda g: g.workload == "W6cycle" and parameter(g) >= 100),
    Bar("W6call 100.. / tokio", "tokio", 1.0, None, lambda g: g.workload == "W6call" and parameter(g) >= 100),
    Bar("W7 register + cancel / tokio", "tokio", 0.35, None, lambda g: g.workload == "W7"),
]

# One thread: what LOCAL is held to, beside SPIN in the same run.
LOCAL_BARS = [
    Bar("W1, W2 / SPIN", "SPIN", 0.2, None, lambda g: g.workload in ("W1", "W2")),
    Bar("W3pass / SPIN", "SPIN", 0.6, None, lambda g: g.workload == "W3pass"),
    Bar("W3handoff 10..1000 / executor", "executor", 2, None,
        lambda g: g.workload == "W3handoff" and parameter(g) >= 10),
    Bar("W7 register + cancel / SPIN", "SPIN", 0.5, None, lambda g: g.workload == "W7"),
]


def local_rows(results):
    return ["bar (worst group)", "limit", LOCAL], [[b.what, f"<= {b.must:g}", b.verdict(results, LOCAL)] for b in LOCAL_BARS]


def local_share(results):
    """LOCAL's time over SPIN's, geometric mean over the groups of one thread; None if it did not run."""
    ratios = [g.ratio(LOCAL, "SPIN") for g in results.groups.values()]
    ratios = [r for r in ratios if r is not None]
    return geometric_mean(ratios) if ratios else None


def beside_fifo_peer(results, backend):
    """W4 with 500 ns of work against tokio, the one other design there that is first-in first-out. These groups swing
    too much for their worst one to mean anything: the geometric mean, and in how many of them the backend is above 1.1
    in 95 of 100 resamplings."""
    groups = [g for g in results.of("W4") if g.parameters.split("/")[2] == "500" and g.ratio(backend, "tokio")]
    if not groups:
        return "not measured"
    chance = random.Random(1)

    def drawn(group, contender):
        return statistics.median(chance.choices(group.samples[contender], k=len(group.samples[contender])))

    above = sum(percentile([drawn(g, backend) / drawn(g, "tokio") for _ in range(RESAMPLES)], 5) > 1.1 for g in groups)
    mean = geometric_mean([g.ratio(backend, "tokio") for g in groups])
    return f"{mean:.2f}, above in {above} of {len(groups)}: {'met' if above == 0 and mean <= 1.1 else 'NOT met'}"


def flatness(results, backend):
    """W7's slowest size over its fastest, the worst of the three orders."""
    worst = []
    for order in ("fifo", "lifo", "random"):
        medians = [g.median(backend) for g in results.of("W7") if g.name.endswith(order) and backend in g.samples]
        if medians:
            worst.append(max(medians) / min(medians))
    return max(worst, default=None)


def bar_rows(results):
    rows = []
    for bar in BARS:
        limits = f"<= {bar.must:g}" + (f", stretch {bar.stretch:g}" if bar.stretch is not None else "")
        rows.append([bar.what, limits] + [bar.verdict(results, b) for b in BACKENDS])
    rows.append(["W4 500 ns / tokio, mean of all T, k", "<= 1.1 in each"]
                + [beside_fifo_peer(results, b) for b in BACKENDS])
    flat = [flatness(results, b) for b in BACKENDS]
    rows.append(["W7 flat from 10 to 10,000 (max/min)", "<= 1.25"]
                + ["not measured" if f is None else f"{f:.2f} {'met' if f <= 1.25 else 'NOT met'}" for f in flat])
    storm = results.groups.get("W7storm")
    if storm is not None:
        limit = {"MUTEX": 0, "SPIN": 0, "LOCKFREE": 65536}
        grown = {b: max(v for values in storm.counters[b].values() for v in values) for b in BACKENDS}
        rows.append(["W7storm heap growth, bytes", "0; LOCKFREE 65536"]
                    + [f"{grown[b]:.0f} {'met' if grown[b] <= limit[b] else 'NOT met'}" for b in BACKENDS])
    if results.counts:
        cells = []
        for b in BACKENDS:
            size = results.counts[b]["bytes"]
            most = 48 if b != "MUTEX" else 48 + results.costs.get("mutex_size", 40)
            good = size["semaphore"] <= most and size["waiter"] <= 56
            cells.append(f"{size['semaphore']:g}/{size['waiter']:g} {'met' if good else 'NOT met'}")
        rows.append(["W8 bytes: primitive/waiter", "<= 48 (+ mutex)/56"] + cells)
    if "instructions" in results.costs:
        spent = results.costs["instructions"]
        rows.append(["W1 instructions a pair", "<= 30"]
                    + [f"{spent[b]:.0f} {'met' if spent[b] <= 30 else 'NOT met'}" for b in BACKENDS])
    return ["bar (worst group)", "limit"] + BACKENDS, rows


# ---- recommendation ----------------------------------------------------------------------------------------------

DEFAULT = "SPIN"
RESAMPLES = 300


def tasks(group):
    return int(group.parameters.split("/")[1])


# kind of load, its groups, the group whose figures are quoted (the first of them that ran)
KINDS = [
    ("uncontended", lambda r, g: g.workload in ("W1", "W2"), ["W1"]),
    ("tasks queue on one thread", lambda r, g: g.workload in ("W3handoff", "W3spawn") and parameter(g) >= 50,
     ["W3handoff/100"]),
    ("one waiter at a time", lambda r, g: g.workload == "W5", ["W5/one-thread"]),
    ("many waiters, notify_all", lambda r, g: g.workload == "W6cycle" and parameter(g) >= 100, ["W6cycle/1000"]),
    ("time-outs: wait, cancel", lambda r, g: g.workload in ("W7", "W7storm"), ["W7/1000/random"]),
    ("threads <= cores", lambda r, g: g.workload == "W4" and parameter(g) <= r.processors,
     ["W4/2/10/500/spin"]),
    ("oversubscribed, idle threads spin",
     lambda r, g: g.workload == "W4" and parameter(g) > r.processors and g.name.endswith("spin"),
     ["W4/16/10/500/spin", "W4/8/10/500/spin"]),
    ("oversubscribed, idle threads sleep",
     lambda r, g: g.workload == "W4" and parameter(g) > r.processors and g.name.endswith("sleep"),
     ["W4/16/10/500/sleep", "W4/8/10/500/sleep"]),
    ("a mix, as in a server", lambda r, g: g.workload == "mixed", ["mixed/2"]),
]


def geometric_mean(values):
    return math.exp(statistics.fmean(math.log(v) for v in values))


def scores(groups, middle):
    """Per backend the geometric mean over the groups of its time over the fastest backend's; and the factor by which
    the fastest of these means is above 1 is taken out, so that the best backend of the kind has 1."""
    mean = {b: geometric_mean([middle(g, b) for g in groups]) for b in BACKENDS}
    least = min(mean.values())
    return {b: mean[b] / least for b in BACKENDS}


class Verdict:
    """What a kind of load says about the backends. A backend is as good as the best unless it is slower by more than
    5 % in 95 of 100 resamplings of the repetitions."""

    def __init__(self, results, kind, pick, quoted):
        self.kind = kind
        self.groups = [g for g in results.groups.values()
                       if pick(results, g) and all(b in g.samples for b in BACKENDS)]
        if not self.groups:
            return
        chance = random.Random(1)
        self.score = scores(self.groups, lambda g, b: g.median(b))
        drawn = [scores(self.groups,
                        lambda g, b: statistics.median(chance.choices(g.samples[b], k=len(g.samples[b]))))
                 for _ in range(RESAMPLES)]
        self.range = {b: (percentile([d[b] for d in drawn], 5), percentile([d[b] for d in drawn], 95))
                      for b in BACKENDS}
        self.good = [b for b in sorted(BACKENDS, key=self.score.get) if self.range[b][0] <= 1.05]
        self.quoted = next((results.groups[q] for q in quoted if q in results.groups), self.groups[0])

    def told(self):
        """Whether the figures say anything: one backend is ahead, or those that are level are so within a quarter."""
        return len(self.good) == 1 or not any(self.range[b][1] > 1.25 for b in self.good)

    def advice(self):
        if len(self.good) == 1:
            return self.good[0]
        return (("any" if len(self.good) == len(BACKENDS) else " or ".join(self.good))
                + ("" if self.told() else ": too noisy to tell"))

    def sentence(self):
        figures = ", ".join(f"{b} {nanoseconds(self.quoted.median(b))}" for b in sorted(BACKENDS, key=self.score.get))
        return f"{self.kind}: {self.advice()} ({self.quoted.name}: {figures} ns)"


def nanoseconds(value):
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}"


def percentile(values, percent):
    return sorted(values)[min(len(values) - 1, len(values) * percent // 100)]


def verdicts(results):
    found = [Verdict(results, *kind) for kind in KINDS]
    return [v for v in found if v.groups]


def recommendation_rows(results):
    rows = [[v.kind, v.advice()] + [f"{v.score[b]:.2f} ({v.range[b][0]:.2f}..{v.range[b][1]:.2f})" for b in BACKENDS]
            for v in verdicts(results)]
    return ["kind of load", "take"] + BACKENDS, rows


def sentences(results):
    found = verdicts(results)
    told = [v for v in found if v.told()]
    good = [v for v in told if DEFAULT in v.good]
    rest = [v.kind for v in told if DEFAULT not in v.good]
    out = [v.sentence() for v in found]
    share = local_share(results)
    if share is not None:
        out.append(f"one thread: LOCAL, {share:.2f} of SPIN's time (geometric mean over the groups of one thread)")
    out += ["signal handlers, real-time threads: LOCKFREE; its wakes never wait for another thread, which is a promise "
            "and not a figure",
            "no heap: SPIN or MUTEX; LOCKFREE allocates segments when waiters queue, never when it wakes"]
    if told:
        out.append(f"so, by default, {DEFAULT}: the fastest, or within the noise of it, in {len(good)} of the {len(told)} "
                   "kinds of load that could be told" + (f"; not in: {', '.join(rest)}" if rest else ""))
    return out


def peer_rows(results):
    """How many times the default's time each peer takes."""
    peers = results.peers()
    rows = []
    for v in verdicts(results):
        cells = []
        for peer in peers:
            both = [g.ratio(peer, DEFAULT) for g in v.groups if peer in g.samples]
            cells.append(f"{geometric_mean(both):.2f}x" if both else "cannot")
        rows.append([v.kind] + cells)
    return [f"time over {DEFAULT}'s"] + peers, rows


def peer_notes(results):
    """What the times do not say."""
    out = []
    storm = results.groups.get("W7storm")
    for peer in results.peers():
        notes = []
        shares = [(min(g.counters[peer]["share_min"]), max(g.counters[peer]["share_max"]))
                  for g in results.of("W4") if g.has(peer, "share_min") and tasks(g) > 1]
        starved = [s for s in shares if s[0] < 0.1]
        if starved:
            notes.append(f"starves: in {len(starved)} of {len(shares)} contests of tasks somebody had less than a tenth "
                         "of the fair share")
        if storm is not None and storm.has(peer, "heap_after_1000000"):
            heap = storm.counter(peer, "heap_after_1000000")
            if heap > 1e6:
                notes.append(f"grows by {heap / 1e6:.0f} MB under the cancel storm")
        slow = results.groups.get("W7/10000/lifo")
        if slow is not None and (slow.ratio(peer, DEFAULT) or 0) > 20:
            notes.append(f"cancels 10,000 waiters {slow.ratio(peer, DEFAULT):.0f} times as slowly as {DEFAULT}")
        if peer in BLOCKING:
            notes.append("blocks the thread: no tasks, no cancel, no notify")
        if peer == "naive-segqueue":
            notes.append("loses a wake that is spent on a cancelled waiter, and so is not run by threads")
        if notes:
            out.append(f"{peer}: " + "; ".join(notes))
    return out


# ---- page ---------------------------------------------------------------------------------------------------------

COLOURS = {"MUTEX": "#d9822b", "SPIN": "#2f7fd6", "LOCKFREE": "#2c9c5a", "LOCAL": "#7a7a7a", "tokio": "#c0395b", "async-lock": "#8f5bc4",
           "executor": "#888888", "floor:two-rmw": "#888888", "naive-vecdeque": "#a08a2c",
           "naive-segqueue": "#3aa6a6", "pthread_mutex": "#777777", "sem_t": "#999999", "nsync": "#b06a4a",
           "moodycamel": "#5a78a0"}

STYLE = """
:root { color-scheme: light dark; --ink: #1c1e21; --paper: #ffffff; --line: #d5d8dc; --soft: #5c6470; }
@media (prefers-color-scheme: dark) { :root { --ink: #e4e6e9; --paper: #16181b; --line: #3a3f46; --soft: #9aa3ae; } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); margin: 2em auto;
       max-width: 76em; padding: 0 1em; }
table { border-collapse: collapse; font-size: 13px; font-variant-numeric: tabular-nums; margin: 1em 0; }
th, td { border-bottom: 1px solid var(--line); padding: 2px 9px; text-align: right; }
th:first-child, td:first-child, th:nth-child(2), td:nth-child(2) { text-align: left; }
figure { display: inline-block; margin: 0 1em 1em 0; vertical-align: top; }
figcaption, .note { color: var(--soft); font-size: 13px; }
svg text { fill: var(--ink); font: 11px system-ui, sans-serif; }
svg .grid { stroke: var(--line); } svg .frame { stroke: var(--soft); fill: none; }
.bad { color: #d03b3b; font-weight: 600; } details { margin: .6em 0; } summary { cursor: pointer; }
"""

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 520, 300, 58, 118, 14, 40


def ticks(low, high):
    """Round values on a logarithmic axis."""
    out = []
    for exponent in range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1):
        out += [m * 10.0 ** exponent for m in (1, 2, 5) if low <= m * 10.0 ** exponent <= high]
    return out if len(out) <= 8 else [t for t in out if f"{t:e}"[0] == "1"]


def short(value):
    for limit, suffix in ((1e6, "M"), (1e3, "k")):
        if value >= limit:
            return f"{value / limit:g}{suffix}"
    return f"{value:g}"


def spread(labels, gap):
    """Moves labels apart so that they can be read: down from the top, and up again from the bottom as far as needed."""
    labels = sorted(labels)
    heights = [y for y, _ in labels]
    for i in range(1, len(heights)):
        heights[i] = max(heights[i], heights[i - 1] + gap)
    limit = HEIGHT - BOTTOM + 4
    for i in reversed(range(len(heights))):
        heights[i] = min(heights[i], limit)
        limit = heights[i] - gap
    return [(height, name) for height, (_, name) in zip(heights, labels)]


def plot(caption, x_label, y_label, series, zero=None):
    """series: {name: [(x, low, middle, high)]}. Logarithmic axes; zero: where on the y axis to show 0."""
    points = [p for line in series.values() for p in line]
    if len({p[0] for p in points}) < 2:
        return ""
    shown = (lambda y: max(y, zero)) if zero else (lambda y: y)
    x_low, x_high = min(p[0] for p in points), max(p[0] for p in points)
    y_low = 0.8 * min(shown(p[1]) for p in points)
    y_high = 1.25 * max(shown(p[3]) for p in points)

    def x_at(x):
        return LEFT + (WIDTH - LEFT - RIGHT) * math.log(x / x_low) / math.log(x_high / x_low)

    def y_at(y):
        return TOP + (HEIGHT - TOP - BOTTOM) * math.log(y_high / shown(y)) / math.log(y_high / y_low)

    out = [f'<figure><svg width="{WIDTH}" height="{HEIGHT}" viewBox="0 0 {WIDTH} {HEIGHT}" role="img">']
    for y in ticks(y_low, y_high):
        name = "0" if zero and y <= zero else short(y)
        out.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y_at(y):.1f}" y2="{y_at(y):.1f}"/>'
                   f'<text x="{LEFT - 6}" y="{y_at(y) + 4:.1f}" text-anchor="end">{name}</text>')
    for x in sorted({p[0] for p in points}):
        out.append(f'<text x="{x_at(x):.1f}" y="{HEIGHT - BOTTOM + 15}" text-anchor="middle">{short(x)}</text>')
    out.append(f'<rect class="frame" x="{LEFT}" y="{TOP}" width="{WIDTH - LEFT - RIGHT}" '
               f'height="{HEIGHT - TOP - BOTTOM}"/>')
    labels = []
    for name, line in series.items():
        colour = COLOURS.get(name, "#888888")
        path = " ".join(f"{x_at(x):.1f},{y_at(m):.1f}" for x, _, m, _ in line)
        heavy = 2.6 if name in BACKENDS else 1.3
        dash = ' stroke-dasharray="4 3"' if name in FLOORS else ""
        out.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="{heavy}"{dash}/>')
        for x, low, middle, high in line:
            out.append(f'<line x1="{x_at(x):.1f}" x2="{x_at(x):.1f}" y1="{y_at(low):.1f}" y2="{y_at(high):.1f}" '
                       f'stroke="{colour}" stroke-width="1.2"/><circle cx="{x_at(x):.1f}" cy="{y_at(middle):.1f}" '
                       f'r="2.6" fill="{colour}"><title>{html.escape(name)}: {middle:.4g}</title></circle>')
        labels.append((y_at(line[-1][2]), name))
    for y, name in spread(labels, 13):
        out.append(f'<text x="{WIDTH - RIGHT + 7}" y="{y + 4:.1f}" style="fill:{COLOURS.get(name, "#888888")}">'
                   f"{html.escape(name)}</text>")
    out.append(f'<text x="{(LEFT + WIDTH - RIGHT) / 2}" y="{HEIGHT - 6}" text-anchor="middle">{x_label}</text>'
               f'<text transform="translate(13 {(TOP + HEIGHT - BOTTOM) / 2}) rotate(-90)" text-anchor="middle">'
               f"{y_label}</text></svg><figcaption>{html.escape(caption)}</figcaption></figure>")
    return "".join(out)


def series_over(groups, position):
    """{contender: [(parameter, min, median, max)]}"""
    out = {}
    for group in groups:
        for contender in group.order():
            values = group.samples[contender]
            out.setdefault(contender, []).append(
                (parameter(group, position), min(values), group.median(contender), max(values)))
    return out


def share_plot(group):
    """Bars from the unluckiest to the luckiest task's share."""
    rows = group.order()
    height = 40 + 24 * len(rows)
    floor, ceiling = 0.01, 100.0

    def x_at(share):
        return 120 + 360 * math.log(min(max(share, floor), ceiling) / floor) / math.log(ceiling / floor)

    out = [f'<figure><svg width="{WIDTH}" height="{height}" viewBox="0 0 {WIDTH} {height}" role="img">']
    for share, name in ((0.01, "starved"), (0.1, "1/10"), (1, "fair"), (10, "10"), (100, "100")):
        out.append(f'<line class="grid" x1="{x_at(share):.1f}" x2="{x_at(share):.1f}" y1="8" y2="{height - 26}"/>'
                   f'<text x="{x_at(share):.1f}" y="{height - 10}" text-anchor="middle">{name}</text>')
    for i, contender in enumerate(rows):
        if not group.has(contender, "share_min"):
            continue
        least = min(group.counters[contender]["share_min"])
        most = max(group.counters[contender]["share_max"])
        left, right = x_at(least), x_at(most)
        out.append(f'<text x="112" y="{24 + 24 * i}" text-anchor="end">{html.escape(contender)}</text>'
                   f'<rect x="{left - 2:.1f}" y="{13 + 24 * i}" width="{right - left + 4:.1f}" height="13" rx="2" '
                   f'fill="{COLOURS.get(contender, "#888888")}"><title>{least:.2f} .. {most:.2f}</title></rect>')
    caption = f"share per task, W4 {group.parameters}: from the unluckiest task to the luckiest, all repetitions"
    out.append(f"</svg><figcaption>{html.escape(caption)}</figcaption></figure>")
    return "".join(out)


def storm_plot(results):
    storm = results.groups.get("W7storm")
    if storm is None:
        return ""
    series = {}
    for contender in storm.order():
        stages = sorted(storm.counters[contender], key=natural)
        series[contender] = [(int(s.rsplit("_", 1)[1]), v, v, v)
                             for s in stages for v in [storm.counter(contender, s)]]
    return plot("heap growth under the cancel storm: one waiter stays, others register and cancel",
                "waiters that came and went", "bytes", series, zero=10)


def plots(results):
    """[(name, figure)]"""
    out = []
    for workload, name, caption in (
            ("W3handoff", "hand-off", "hand-off: time per acquire against tasks"),
            ("W6cycle", "notify-all-cycle", "notify_all, whole cycle: time per waiter against waiters"),
            ("W6call", "notify-all-call", "notify_all, the call: time per waiter against waiters")):
        out.append((name, plot(caption, "waiters", "ns", series_over(results.of(workload), 0))))
    for order in ("fifo", "random"):
        groups = [g for g in results.of("W7") if g.name.endswith(order)]
        out.append((f"cancel-{order}", plot(f"register + cancel, {order}: time per waiter", "waiters", "ns",
                                            series_over(groups, 0))))
    for k in (1, 10, 100):
        for idle in ("spin", "sleep"):
            groups = [g for g in results.of("W4") if g.parameters.split("/")[1:] == [str(k), "500", idle]]
            out.append((f"threads-{k}-{idle}",
                        plot(f"{k} task{'s' * (k > 1)} a thread, 500 ns of own work, idle threads {idle}: "
                             "time per section", "threads", "ns", series_over(groups, 0))))
    shared = [g for g in results.of("W4") if parameter(g) > results.processors and tasks(g) == 10
              and "/500/" in g.name and any(g.has(c, "share_min") for c in g.samples)]
    out += [("share-" + g.parameters.replace("/", "-"), share_plot(g)) for g in shared[-2:]]
    out.append(("storm", storm_plot(results)))
    return [(name, figure) for name, figure in out if figure]


def html_table(header, rows):
    def cell(tag, value):
        bad = ' class="bad"' if "NOT met" in str(value) or value == "starved" else ""
        return f"<{tag}{bad}>{html.escape(str(value))}</{tag}>"

    body = "".join("<tr>" + "".join(cell("td", c) for c in row) + "</tr>" for row in rows)
    return "<table><tr>" + "".join(cell("th", c) for c in header) + f"</tr>{body}</table>"


def html_list(lines):
    return "<ul>" + "".join(f"<li>{html.escape(line)}</li>" for line in lines) + "</ul>" if lines else ""


def page(results, report):
    context = " · ".join(f"{k}: {v}" for k, v in results.context.items())
    out = [f"<!doctype html><html lang='en'><meta charset='utf-8'><title>rouse: benches</title>"
           f"<meta name='viewport' content='width=device-width'><style>{STYLE}</style><body>"
           f"<h1>rouse: which backend?</h1><p class='note'>{html.escape(context)}</p>"
           "<p>Times are nanoseconds, medians of interleaved repetitions with min..max. Only figures of one group of "
           "rows may be compared: they ran interleaved in one process.</p>"]
    for section in [s for s in report if s.summary]:
        out.append(f"<h2>{html.escape(section.title)}</h2><p class='note'>{html.escape(section.note)}</p>"
                   + html_list(section.lines) + html_table(section.header, section.rows))
    out.append("<h2>Plots</h2>" + "".join(figure for _, figure in plots(results)) + "<h2>Tables</h2>")
    for section in [s for s in report if not s.summary]:
        out.append(f"<details open><summary><b>{html.escape(section.title)}</b> "
                   f"<span class='note'>{html.escape(section.note)}</span></summary>"
                   f"{html_table(section.header, section.rows)}</details>")
    return "".join(out) + "</body></html>\n"


# ---- commands -----------------------------------------------------------------------------------------------------

class Section:
    def __init__(self, title, note, table_of, lines=(), summary=False):
        self.title, self.note, self.lines, self.summary = title, note, list(lines), summary
        self.header, self.rows = table_of

    def text(self):
        return "\n".join([f"\n{self.title}", f"  {self.note}"] + table(self.header, self.rows)
                         + [f"  * {line}" for line in self.lines])

    def markdown(self):
        align = "|---|" + "---:|" * (len(self.header) - 1)
        rows = ["| " + " | ".join(str(c) for c in row) + " |" for row in [self.header] + self.rows]
        return "\n".join([f"\n### {self.title}", "", f"{self.note}", "", rows[0], align] + rows[1:]
                         + [""] + [f"* {line}" for line in self.lines])


def sections_of(results):
    """The tables first, the summaries (bars, peers, recommendation) last, as they are printed."""
    out = []
    for name, what, per in WORKLOADS:
        groups = results.of(name)
        if groups:
            out.append(Section(f"{name}: ns per {per}", what, workload_rows(results, groups)))
    if results.of("W4"):
        out.append(Section("W4: share per task", "1 is the fair share; worst of the repetitions; not shown where the "
                           "threads are too many for each to have run several times", share_rows(results)))
    if "W7storm" in results.groups:
        out.append(Section("W7storm: memory", "counted at malloc", heap_rows(results)))
    if results.counts:
        out.append(Section("W8: operations", "counted through the library's atomics", count_rows(results)))
        out.append(Section("W8: cache lines", "that come from another core, per section; in brackets: others wait "
                           "meanwhile, because it is the queue's word or a lock is held", line_rows(results)))
        out.append(Section("W8: sizes", "LOCKFREE's heap is its segments", size_rows(results)))
    out.append(Section("Bars", "each is the worst ratio over its groups, from this run", bar_rows(results),
                       summary=True))
    if local_share(results) is not None:
        out.append(Section("Bars of LOCAL", "each is the worst ratio over its groups, from this run", local_rows(results),
                           summary=True))
    if results.peers() and verdicts(results):
        out.append(Section("Why not another's?", "geometric means over the workloads of a kind that the peer can run",
                           peer_rows(results), peer_notes(results), True))
    if verdicts(results):
        out.append(Section("Recommendation", "time over the best backend's, geometric mean over the workloads of that "
                           "kind, in brackets what 90 of 100 resamplings of the repetitions give",
                           recommendation_rows(results), sentences(results), True))
    return out


# ---- scaling -------------------------------------------------------------------------------------------------------

# The model of docs/benchmarks/scaling.md. Lines that a hand-over moves between cores: counted for the backends (and one
# plain store per queueing, into the waiter before, that the seam does not see); for the peers read off their sources.
# (release, wait, of both: for which others wait)
PEER_LINES = {"tokio": (4, 4, 8), "naive-vecdeque": (3, 3, 6), "naive-segqueue": (4, 4, 4)}
PLAIN_STORES = {"MUTEX": 1, "SPIN": 1, "LOCKFREE": 0}
EXECUTOR_LINES = 4  # the inbox pushed, the inbox taken, the task, and what the permit protects
# A line from another core costs this many times what it costs within a group of 8 cores that share a cache.
GROUP, SOCKET, FAR, FARTHER = 8, 64, 2.5, 4.5


def line_factor(cores):
    """Mean cost of a line, over all pairs of `cores` cores that fill groups, then sockets."""
    pairs = [(a, b) for a in range(cores) for b in range(cores) if a != b]
    far = [1 if a // GROUP == b // GROUP else FAR if a // SOCKET == b // SOCKET else FARTHER for a, b in pairs]
    return statistics.fmean(far) if far else 0


def lines_of(counts, design, cores):
    if design in PEER_LINES:
        return PEER_LINES[design]
    rows = counts[design]["operations"]
    known = max(c for c in (2, 4, 16, 64) if c <= cores)
    release, wait = rows[f"release that grants, {known} cores"], rows[f"wait, {known} cores"]
    plain = PLAIN_STORES[design] if cores > 2 else 0
    return (release["lines"], wait["lines"] + plain, release["serial"] + wait["serial"]
            + (plain if design != "LOCKFREE" else 0))


def scaling_rows(results):
    """ns per section with one permit, and the least ns between two sections with many, against cores."""
    one_core = results.groups["W3handoff/100"]
    line = results.groups["W5/two-threads"].median("floor:line") / 4  # read, written; read, written
    designs = [d for d in BACKENDS + list(PEER_LINES) if d in one_core.samples]
    rows = []
    for cores in (1, 2, 4, 8, 16, 32, 64, 128):
        cost = line * line_factor(cores)
        cells = []
        for design in designs:
            own = one_core.median(design)
            if cores == 1:
                cells.append(f"{own:.0f} / {own - one_core.median('executor'):.0f}")
                continue
            release, _, serial = lines_of(results.counts, design, cores)
            cells.append(f"{own + (release + EXECUTOR_LINES) * cost:.0f} / {serial * cost:.0f}")
        rows.append([str(cores), f"{cost:.0f}"] + cells)
    return ["cores", "a line"] + designs, rows


def command_scaling(directory):
    results = Results(directory)
    print(Section("ns per section with one permit / least ns between two with many", "", scaling_rows(results)).markdown())
    return 0


def command_tables(directory):
    results = Results(directory)
    report = sections_of(results)
    for section in report:
        print(section.text())
    missing = [p for p in PEER_ORDER if p not in results.peers()]
    if missing:
        print(f"\nnot in this run: {', '.join(missing)} (benches/run.sh --peers)")
    path = os.path.join(directory, "report.html")
    with open(path, "w", encoding="utf-8") as file:
        file.write(page(results, report[::-1]))
    print(f"\npage with plots: {path}\nraw results:     {os.path.join(directory, 'results.json')}")
    return 0


def standalone(figure):
    """The figure as an SVG file of its own."""
    style = STYLE.replace("body {", "unused {").replace(":root", "svg")
    svg = re.search("<svg.*</svg>", figure, re.S).group(0)
    return re.sub("(<svg [^>]*)>", lambda m: f'{m.group(1)} xmlns="http://www.w3.org/2000/svg">'
                  f'<style>{style}</style><rect width="100%" height="100%" fill="var(--paper)"/>', svg, count=1) + "\n"


def command_publish(directory, target):
    """Writes what docs/benchmarks keeps of a run: the tables, the plots, and of each group min, median and max."""
    results = Results(directory)
    os.makedirs(os.path.join(target, "plots"), exist_ok=True)
    with open(os.path.join(target, "figures.md"), "w", encoding="utf-8") as file:
        file.write("# Figures of the reported run\n\nWritten by `benches/report.py publish`; how to read them: "
                   "[README.md](README.md).\n\n" + "\n".join(f"* {k}: {v}".rstrip() for k, v in results.context.items()) + "\n")
        for section in sections_of(results)[::-1]:
            file.write(re.sub(r"\n+$", "\n", section.markdown() + "\n"))
    for name, figure in plots(results):
        with open(os.path.join(target, "plots", name + ".svg"), "w", encoding="utf-8") as file:
            file.write(standalone(figure))
    groups = {g.name: {c: [round(f(v), 1) for f in (min, statistics.median, max)] for c, v in g.samples.items()}
              for g in results.groups.values()}
    with open(os.path.join(target, "figures.json"), "w", encoding="utf-8") as file:
        rows = ",\n".join(f"  {json.dumps(name)}: {json.dumps(values)}" for name, values in groups.items())
        file.write(f'{{"context": {json.dumps(results.context)},\n "min, median, max": {{\n{rows}\n}}}}\n')
    return 0


def noise_limit(group):
    """What the same code may differ by: bare pairs 5 %; other work of one thread 10 %, because the two versions lie at
    different places in the program and in the heap; threads on a shared machine 25 %."""
    if group.workload in ("W4", "mixed") or group.name == "W5/two-threads":
        return 1.25
    return 1.05 if group.workload in ("W1", "W2") else 1.10


def compare_group(group):
    """[(backend, ratio of medians, slower beyond noise?, faster beyond noise?)]. Beyond noise: the median and the best
    repetition both differ by more than the limit, and the middle halves of the repetitions do not overlap."""
    limit = noise_limit(group)
    out = []
    for backend in BACKENDS:
        new, old = group.samples.get(backend), group.samples.get(backend + "@baseline")
        if not new or not old:
            continue
        new_low, _, new_high = statistics.quantiles(new, n=4)
        old_low, _, old_high = statistics.quantiles(old, n=4)
        ratio, best = statistics.median(new) / statistics.median(old), min(new) / min(old)
        out.append((backend, ratio, min(ratio, best) > limit and new_low > old_high,
                    max(ratio, best) < 1 / limit and new_high < old_low))
    return out


def command_compare(directory, only_list):
    results = Results(directory)
    rows, slower = [], []
    for group in sorted(results.groups.values(), key=lambda g: natural(g.name)):
        for backend, ratio, worse, better in compare_group(group):
            if worse:
                slower.append(group.name)
            if worse or better:
                rows.append([f"{group.name} {backend}", f"{ratio:.2f}x", "SLOWER" if worse else "faster",
                             f"{group.median(backend):.1f}", f"{group.median(backend + '@baseline'):.1f}"])
    if only_list:
        print("^(" + "|".join(re.escape(name) for name in sorted(set(slower))) + ")$" if slower else "")
        return 0
    pairs = sum(len(compare_group(g)) for g in results.groups.values())
    if pairs == 0:
        print("report.py: no baseline in these results", file=sys.stderr)
        return 2
    print(f"\ncompared {pairs} workloads with the baseline, interleaved in one process")
    if rows:
        print("\n".join(table(["beyond noise", "ratio", "", "now ns", "then ns"], rows)))
    print(f"  {len(slower)} slower beyond noise" if slower else "  nothing slower beyond noise")
    return 1 if slower else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", choices=["tables", "publish", "scaling", "compare"])
    parser.add_argument("directory")
    parser.add_argument("target", nargs="?", default="docs/benchmarks")
    parser.add_argument("--list", action="store_true")
    arguments = parser.parse_args()
    if arguments.command == "tables":
        return command_tables(arguments.directory)
    if arguments.command == "publish":
        return command_publish(arguments.directory, arguments.target)
    if arguments.command == "scaling":
        return command_scaling(arguments.directory)
    return command_compare(arguments.directory, arguments.list)


if __name__ == "__main__":
    sys.exit(main())
