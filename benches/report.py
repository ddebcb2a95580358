#!/usr/bin/env python3
"""Explains what rouse_bench measured: tables, bars, a recommendation, a page with plots; and compares two versions.

    report.py tables  DIR    reads DIR/results.json (and counts.json, costs.json, context.json), prints the report,
                             writes DIR/report.html
    report.py compare DIR [--list]    X against X@baseline from the same interleaved run; exit status 1: something got
                             slower beyond noise. --list prints the slower groups as a regular expression

All figures are ratios within a group: its contenders ran interleaved in one process.
"""
import argparse
import html
import json
import math
import os
import re
import statistics
import sys

BACKENDS = ["MUTEX", "SPIN", "LOCKFREE"]
FLOORS = ["floor:two-rmw", "executor"]
PEER_ORDER = ["tokio", "async-lock", "naive-vecdeque", "naive-segqueue", "pthread_mutex", "sem_t", "nsync",
              "moodycamel"]
FIFO_PEERS = ["tokio"]  # on W4: the others let newcomers overtake, and starve somebody

WORKLOADS = [
    ("W1", "acquire + release, uncontended", "pair"),
    ("W2", "try_acquire + release, uncontended", "pair"),
    ("W3handoff", "K tasks on one thread, one permit: every acquire waits its turn", "acquire"),
    ("W3spawn", "N tasks spawn, take one of 10 permits, yield, release, end", "task"),
    ("W4", "threads/tasks each/ns of own work/how an idle thread waits: one permit", "section"),
    ("W5", "notify_one ping-pong", "round trip"),
    ("W6cycle", "N waiters, notify_all, all run and wait again", "waiter"),
    ("W6call", "the notify_all call alone", "waiter"),
    ("W7", "N waiters register and cancel, in three orders", "waiter"),
    ("W7storm", "one waits on while a million register and cancel", "waiter"),
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

    def order(self):
        """Contenders: floors, backends, peers."""
        rank = FLOORS + BACKENDS + PEER_ORDER
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
        cells = []
        for backend in BACKENDS:
            row = results.counts[backend]["operations"][what]
            locks = f" + {row['locks']:g} lock" if row["locks"] else ""
            cells.append(f"{row['rmw']:.2f}{locks}")
        rows.append([what + (" (promised: 1)" if operations[what]["gated"] else "")] + cells)
    return ["atomic read-modify-writes"] + BACKENDS, rows


def size_rows(results):
    rows = [["sizeof " + what if "heap" not in what else what]
            + [f"{results.counts[b]['bytes'][what]:g}" for b in BACKENDS]
            for what in results.counts["SPIN"]["bytes"]]
    for primitive, text in results.costs.get("text", {}).items():
        rows.append([f".text of all calls, {primitive}"] + [str(text[b]) for b in BACKENDS])
    if "instructions" in results.costs:
        rows.append(["instructions, W1 pair and its loop"]
                    + [f"{results.costs['instructions'][b]:.1f}" for b in BACKENDS])
    return ["bytes; instructions"] + BACKENDS, rows


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
    Bar("W4 500 ns / best FIFO peer (tokio)", "tokio", 1.1, None,
        lambda g: g.workload == "W4" and g.parameters.split("/")[2] == "500"),
]


def flatness(results, backend):
    medians = [g.median(backend) for g in results.of("W7") if backend in g.samples]
    return max(medians) / min(medians) if medians else None


def bar_rows(results):
    rows = []
    for bar in BARS:
        limits = f"<= {bar.must:g}" + (f", stretch {bar.stretch:g}" if bar.stretch is not None else "")
        rows.append([bar.what, limits] + [bar.verdict(results, b) for b in BACKENDS])
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

def tasks(group):
    return int(group.parameters.split("/")[1])


KINDS = [
    ("uncontended", lambda r, g: g.workload in ("W1", "W2")),
    ("a queue of tasks on one thread", lambda r, g: g.workload in ("W3handoff", "W3spawn") and parameter(g) >= 50),
    ("one waiter at a time (notify_one)", lambda r, g: g.workload == "W5"),
    ("many waiters (notify_all)", lambda r, g: g.workload == "W6cycle" and parameter(g) >= 100),
    ("time-outs (register, then cancel)", lambda r, g: g.workload in ("W7", "W7storm")),
    ("threads, as many as cores", lambda r, g: g.workload == "W4" and parameter(g) <= r.processors),
    ("oversubscribed, idle threads spin",
     lambda r, g: g.workload == "W4" and parameter(g) > r.processors and g.name.endswith("spin")),
    ("oversubscribed, idle threads sleep",
     lambda r, g: g.workload == "W4" and parameter(g) > r.processors and g.name.endswith("sleep")),
    ("a mix, as in a server", lambda r, g: g.workload == "mixed"),
]


def relative(results, pick):
    """Per backend the geometric mean, over the groups picked, of its time over the fastest backend's."""
    groups = [g for g in results.groups.values() if pick(results, g) and all(b in g.samples for b in BACKENDS)]
    if not groups:
        return None
    best = [min(g.median(b) for b in BACKENDS) for g in groups]
    return {b: math.exp(statistics.fmean(math.log(g.median(b) / f) for g, f in zip(groups, best)))
            for b in BACKENDS}


def recommendation_rows(results):
    rows = []
    for kind, pick in KINDS:
        score = relative(results, pick)
        if score is None:
            continue
        near = 1.15 if "thread" in kind and "one thread" not in kind else 1.05
        least = min(score.values())
        good = [b for b in BACKENDS if score[b] <= near * least]
        advice = "any" if len(good) == 3 else " or ".join(good)
        rows.append([kind, advice] + [f"{score[b]:.2f}" for b in BACKENDS])
    return ["kind of load", "take"] + BACKENDS, rows


PROMISES = [
    "signal handlers, real-time threads: LOCKFREE; its wakes never wait for another thread (a promise, not a figure)",
    "no heap at all: SPIN or MUTEX; LOCKFREE allocates segments when waiters queue, never when it wakes",
]


# ---- page ---------------------------------------------------------------------------------------------------------

COLOURS = {"MUTEX": "#d9822b", "SPIN": "#2f7fd6", "LOCKFREE": "#2c9c5a", "tokio": "#c0395b", "async-lock": "#8f5bc4",
           "executor": "#888888", "floor:two-rmw": "#888888", "naive-vecdeque": "#a08a2c",
           "naive-segqueue": "#3aa6a6", "pthread_mutex": "#777777", "sem_t": "#999999", "nsync": "#b06a4a",
           "moodycamel": "#5a78a0"}

STYLE = """
:root { color-scheme: light dark; --ink: #1c1e21; --paper: #ffffff; --line: #d5d8dc; --soft: #5c6470; }
@media (prefers-color-scheme: dark) { :root { --ink: #e4e6e9; --paper: #16181b; --line: #3a3f46; --soft: #9aa3ae; } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); margin: 2em auto;
       max-width: 70em; padding: 0 1em; }
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
    """Moves labels, sorted by height, apart so that they can be read."""
    placed = []
    for y, name in sorted(labels):
        placed.append((max(y, placed[-1][0] + gap) if placed else y, name))
    excess = placed[-1][0] - (HEIGHT - BOTTOM) if placed else 0
    return [(y - max(0, excess), name) for y, name in placed]


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
    out = []
    for workload, caption in (("W3handoff", "hand-off: time per acquire against tasks"),
                              ("W6cycle", "notify_all, whole cycle: time per waiter against waiters"),
                              ("W6call", "notify_all, the call: time per waiter against waiters")):
        out.append(plot(caption, "waiters", "ns", series_over(results.of(workload), 0)))
    for order in ("fifo", "random"):
        groups = [g for g in results.of("W7") if g.name.endswith(order)]
        out.append(plot(f"register + cancel, {order}: time per waiter", "waiters", "ns", series_over(groups, 0)))
    for k in (1, 10, 100):
        for idle in ("spin", "sleep"):
            groups = [g for g in results.of("W4") if g.parameters.split("/")[1:] == [str(k), "500", idle]]
            out.append(plot(f"{k} tasks a thread, 500 ns of own work, idle threads {idle}: time per section",
                            "threads", "ns", series_over(groups, 0)))
    widest = [g for g in results.of("W4") if parameter(g) > results.processors and tasks(g) == 10]
    out += [share_plot(g) for g in widest[:2]]
    out.append(storm_plot(results))
    return out


def html_table(header, rows):
    def cell(tag, value):
        bad = ' class="bad"' if "NOT met" in str(value) or value == "starved" else ""
        return f"<{tag}{bad}>{html.escape(str(value))}</{tag}>"

    body = "".join("<tr>" + "".join(cell("td", c) for c in row) + "</tr>" for row in rows)
    return "<table><tr>" + "".join(cell("th", c) for c in header) + f"</tr>{body}</table>"


def page(results, sections):
    context = " · ".join(f"{k}: {v}" for k, v in results.context.items())
    out = [f"<!doctype html><html lang='en'><meta charset='utf-8'><title>rouse: benches</title>"
           f"<meta name='viewport' content='width=device-width'><style>{STYLE}</style><body>"
           f"<h1>rouse: which backend?</h1><p class='note'>{html.escape(context)}</p>"
           "<p>Times are nanoseconds, medians of interleaved repetitions with min..max; only ratios within one "
           "table row group mean anything.</p>"]
    for title, note, header, rows in sections[:2]:
        out.append(f"<h2>{html.escape(title)}</h2><p class='note'>{html.escape(note)}</p>" + html_table(header, rows))
    out.append("<h2>plots</h2>" + "".join(plots(results)) + "<h2>tables</h2>")
    for title, note, header, rows in sections[2:]:
        out.append(f"<details open><summary><b>{html.escape(title)}</b> <span class='note'>{html.escape(note)}</span>"
                   f"</summary>{html_table(header, rows)}</details>")
    return "".join(out) + "</body></html>\n"


# ---- commands -----------------------------------------------------------------------------------------------------

def sections_of(results):
    """[(title, note, header, rows)]: the recommendation and the bars first."""
    out = [("recommendation", "time relative to the fastest backend, geometric mean over the workloads of that kind; "
            + "; ".join(PROMISES), *recommendation_rows(results)),
           ("bars", "each is the worst ratio over its groups, from this run", *bar_rows(results))]
    for name, what, per in WORKLOADS:
        groups = results.of(name)
        if groups:
            out.append((f"{name}: ns per {per}", what, *workload_rows(results, groups)))
    if results.of("W4"):
        out.append(("W4: share per task", "1 is the fair share; worst repetition", *share_rows(results)))
    if "W7storm" in results.groups:
        out.append(("W7storm: memory", "counted at malloc", *heap_rows(results)))
    if results.counts:
        out.append(("W8: operations", "counted through the library's atomics", *count_rows(results)))
        out.append(("W8: sizes", "LOCKFREE's heap is its segments", *size_rows(results)))
    return out


def command_tables(directory):
    results = Results(directory)
    sections = sections_of(results)
    for title, note, header, rows in sections[2:] + [sections[1], sections[0]]:
        print(f"\n{title}\n  {note}")
        print("\n".join(table(header, rows)))
    missing = [p for p in PEER_ORDER if p not in results.peers()]
    if missing:
        print(f"\nnot in this run: {', '.join(missing)} (benches/run.sh --peers)")
    path = os.path.join(directory, "report.html")
    with open(path, "w", encoding="utf-8") as file:
        file.write(page(results, sections))
    print(f"\npage with plots: {path}\nraw results:     {os.path.join(directory, 'results.json')}")
    return 0


def compare_group(group):
    """[(backend, ratio of medians, slower beyond noise?, faster beyond noise?)]"""
    out = []
    for backend in BACKENDS:
        new, old = group.samples.get(backend), group.samples.get(backend + "@baseline")
        if not new or not old:
            continue
        new_low, _, new_high = statistics.quantiles(new, n=4)
        old_low, _, old_high = statistics.quantiles(old, n=4)
        ratio = statistics.median(new) / statistics.median(old)
        # Threads on a shared machine repeat within 15 % at best.
        limit = 1.25 if group.workload in ("W4", "mixed") or group.name == "W5/two-threads" else 1.05
        out.append((backend, ratio, ratio > limit and new_low > old_high, ratio < 1 / limit and new_high < old_low))
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
        sys.exit("report.py: no baseline in these results")
    print(f"\ncompared {pairs} workloads with the baseline, interleaved in one process")
    if rows:
        print("\n".join(table(["beyond noise", "ratio", "", "now ns", "then ns"], rows)))
    print(f"  {len(slower)} slower beyond noise" if slower else "  nothing slower beyond noise")
    return 1 if slower else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", choices=["tables", "compare"])
    parser.add_argument("directory")
    parser.add_argument("--list", action="store_true")
    arguments = parser.parse_args()
    if arguments.command == "tables":
        return command_tables(arguments.directory)
    return command_compare(arguments.directory, arguments.list)


if __name__ == "__main__":
    sys.exit(main())
