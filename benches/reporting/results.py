"""What a run left in its folder: the repetitions by group, the counts, and on which machine."""
import json
import math
import os
import re
import statistics
import sys

from reporting import contenders


class Group:
    """One workload with its parameters: the contenders' repetitions, which ran interleaved."""

    def __init__(self, name):
        self.name = name
        self.workload, _, self.parameters = name.partition("/")
        self.samples = {}
        self.counters = {}

    def add(self, run):
        contender = run["contender"]
        self.samples.setdefault(contender, []).append(run["ns"])
        for key, value in run.items():
            if key not in ("group", "contender", "repetition", "iterations", "ns", "cpu_ns", "wall_ns"):
                self.counters.setdefault(contender, {}).setdefault(key, []).append(value)

    def median(self, contender):
        return statistics.median(self.samples[contender])

    def ratio(self, contender, other):
        """Median over median; None if one of them did not run."""
        if contender not in self.samples or other not in self.samples:
            return None
        return self.median(contender) / self.median(other)

    def floor(self):
        return next((f for f in contenders.FLOORS if f in self.samples), None)

    def counter(self, contender, key):
        return statistics.median(self.counters[contender][key])

    def has(self, contender, key):
        return key in self.counters.get(contender, {})

    def order(self):
        return sorted(self.samples, key=contenders.rank)

    def parameter(self, index=0):
        return int(self.parameters.split("/")[index])


def natural(text):
    return [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", text)]


def geometric_mean(values):
    return math.exp(statistics.fmean(math.log(v) for v in values))


def percentile(values, percent):
    return sorted(values)[min(len(values) - 1, len(values) * percent // 100)]


def nanoseconds(value):
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}"


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

    def contenders(self):
        """All contenders that ran, without floors and baselines."""
        present = {c for g in self.groups.values() for c in g.samples}
        return sorted(
            (c for c in present if not contenders.is_reference(c) and "@" not in c), key=contenders.rank
        )

    def peers(self):
        return [c for c in self.contenders() if c not in contenders.OURS]
