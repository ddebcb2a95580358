"""The model of docs/benchmarks/scaling.md, from what was counted and measured.

Lines that a hand-over moves between cores: counted for the backends (and one plain store per queueing, into the waiter
before, that the seam does not see); for the peers read off their sources."""
import statistics
import sys

from reporting.contenders import BACKENDS, LOCAL
from reporting.tables import Section

PEER_LINES = {
    "tokio": (4, 4, 8),
    "naive-vecdeque": (3, 3, 6),
    "naive-segqueue": (4, 4, 4),
}  # release, wait, serial
PLAIN_STORES = {"MUTEX": 1, "SPIN": 1, "LOCKFREE": 0}
EXECUTOR_LINES = 4  # the inbox pushed, the inbox taken, the task, and what the permit protects
PROTECTED_LINES = 1  # of those, what is left where nobody is woken
# A line from another core costs this many times what it costs within a group of 8 cores that share a cache.
GROUP, SOCKET, FAR, FARTHER = 8, 64, 2.5, 4.5
MOST_FOR_A_LINE = 500  # ns; more is not a line but a task switch
CORES = (1, 2, 4, 8, 16, 32, 64, 128)
PAST = "acquire + release past an invited waiter, another core before"


def line_factor(cores):
    """Mean cost of a line, over all pairs of `cores` cores that fill groups, then sockets."""
    pairs = [(a, b) for a in range(cores) for b in range(cores) if a != b]
    far = [
        1 if a // GROUP == b // GROUP else FAR if a // SOCKET == b // SOCKET else FARTHER for a, b in pairs
    ]
    return statistics.fmean(far) if far else 0


def lines_of(counts, design, cores):
    """(of a release that hands over, of a wait, of both: for which others wait)"""
    if design in PEER_LINES:
        return PEER_LINES[design]
    rows = counts[design]["operations"]
    known = max(c for c in (2, 4, 16, 64) if c <= cores)
    release, wait = rows[f"release that grants, {known} cores"], rows[f"wait, {known} cores"]
    plain = PLAIN_STORES[design] if cores > 2 else 0
    return (
        release["lines"],
        wait["lines"] + plain,
        release["serial"] + wait["serial"] + (plain if design != "LOCKFREE" else 0),
    )


class _Strict:
    """First in, first out: every section is handed over."""

    def __init__(self, results, design):
        self.name, self.counts, self.design = design, results.counts, design
        one_core = results.groups["W3handoff/100"]
        self.own, self.executor = one_core.median(design), one_core.median("executor")

    def cell(self, cores, line):
        if cores == 1:
            return f"{self.own:.0f} / {self.own - self.executor:.0f}"
        release, _, serial = lines_of(self.counts, self.design, cores)
        return f"{self.own + (release + EXECUTOR_LINES) * line:.0f} / {serial * line:.0f}"


class _Throughput:
    """Throughput mode, at its dearest: every section is another core's, which takes the permit as it passes. One
    section in `bypass` is an invitation, which is left out."""

    def __init__(self, results, backend):
        self.name = backend + ", throughput mode"
        self.own = results.groups["W1"].median(backend)
        self.past = results.counts[backend]["operations"].get(PAST)

    def cell(self, cores, line):
        if cores == 1:
            return f"{self.own:.0f} / {self.own:.0f}"
        return f"{self.own + (self.past['lines'] + PROTECTED_LINES) * line:.0f} / {self.past['serial'] * line:.0f}"


class _Local:
    """One core, and no other."""

    def __init__(self, results):
        self.name = LOCAL
        one_core = results.groups["W3handoff/100"]
        self.own, self.executor = one_core.median(LOCAL), one_core.median("executor")

    def cell(self, cores, line):
        del line
        return f"{self.own:.0f} / {self.own - self.executor:.0f}" if cores == 1 else "one thread only"


def designs(results):
    one_core = results.groups["W3handoff/100"].samples
    out = [_Strict(results, d) for d in BACKENDS if d in one_core]
    if "W1" in results.groups:
        out += [_Throughput(results, b) for b in BACKENDS if PAST in results.counts[b]["operations"]]
    if LOCAL in one_core:
        out.append(_Local(results))
    return out + [_Strict(results, d) for d in PEER_LINES if d in one_core]


def measured_line(results):
    """ns of a line from another core; None if the two threads of this run did not run side by side."""
    line = results.groups["W5/two-threads"].median("floor:line") / 4  # read, written; read, written
    return line if line < MOST_FOR_A_LINE else None


def scaling(results, line=None):
    """ns per section with one permit, and the least ns between two sections with many, against cores. line: ns of a
    line, where the run could not measure it."""
    line = line or measured_line(results)
    if line is None:
        sys.exit(
            "report.py: two threads did not run side by side in this run: say what a cache line takes, --line NS"
        )
    taking_part = designs(results)
    rows = []
    for cores in CORES:
        cost = line * line_factor(cores)
        rows.append([str(cores), f"{cost:.0f}"] + [d.cell(cores, cost) for d in taking_part])
    return Section(
        "ns per section with one permit / least ns between two with many",
        "",
        (["cores", "a line"] + [d.name for d in taking_part], rows),
    )
