"""The recommendation: for each kind of load what to take, by how much, and how sure that is."""
import math
import random
import statistics

from reporting import contenders, workloads
from reporting.contenders import BACKENDS, DEFAULT, FAST, LOCAL, MAILBOX, MAILBOX_FAST, THREADS, THREADS_FAST
from reporting.results import geometric_mean, nanoseconds
from reporting.tables import Section

RESAMPLES = 300
LEVEL = 1.05  # within this factor of the fastest a contender is as good
WITHIN = 1.25  # and several are level if none is above this
SURE = 90  # of 100 resamplings
THROUGHPUT, STRICT = "throughput mode", "strict order"


class Kind:
    """A kind of load: its groups, the contenders to choose from, and the group whose figures are quoted."""

    def __init__(self, words, pick, quoted, choice=None, needs=()):
        self.words, self.pick, self.quoted = words, pick, quoted
        self.choice = BACKENDS if choice is None else choice
        self.needs = needs  # of these one must have run, and the choice is between them, as one, and the rest

    def answer(self, contender):
        """What taking this contender is called."""
        if not self.needs:
            return contender
        return THROUGHPUT if contender in self.needs else STRICT


def _threads(more_than_cores, idle=""):
    return lambda r, g: (
        g.workload == "W4" and (g.parameter() > r.processors) == more_than_cores and g.name.endswith(idle)
    )


_W4_QUOTED = ["W4/16/10/500/sleep", "W4/8/10/500/sleep"]
KINDS = [
    Kind("nobody waits", lambda r, g: g.workload in ("W1", "W2"), ["W1"]),
    Kind(
        "tasks queue on one thread",
        lambda r, g: g.workload in ("W3handoff", "W3spawn") and g.parameter() >= 50,
        ["W3handoff/100"],
    ),
    Kind("one waiter at a time", lambda r, g: g.workload == "W5", ["W5/one-thread"]),
    Kind(
        "many waiters, all are notified",
        lambda r, g: g.workload == "W6cycle" and g.parameter() >= 100,
        ["W6cycle/1000"],
    ),
    Kind("time-outs: waits are cancelled", lambda r, g: g.workload in ("W7", "W7storm"), ["W7/1000/random"]),
    Kind(
        "limits, gates, events, channels ...", lambda r, g: g.workload.startswith("W9"), ["W9limit_handoff"]
    ),
    Kind("a mix, as in a server", lambda r, g: g.workload == "mixed", ["mixed/2"]),
    Kind("threads contend, one a core at most", _threads(False), ["W4/2/10/500/spin"]),
    Kind(
        "more threads than cores, idle ones spin",
        _threads(True, "spin"),
        ["W4/16/10/500/spin", "W4/8/10/500/spin"],
    ),
    Kind("more threads than cores, idle ones sleep", _threads(True, "sleep"), _W4_QUOTED),
]
# The same choice for a program with one thread, and for those who do not mind that a newcomer overtakes.
MODES = [
    Kind(
        "one thread uses all of it",
        lambda r, g: LOCAL in g.samples and "SPIN" in g.samples and not g.workload.startswith("W6call"),
        ["W3handoff/100"],
        [DEFAULT, LOCAL],
    ),
    Kind(
        "threads contend, overtaking is fine",
        lambda r, g: g.workload == "W4",
        _W4_QUOTED,
        BACKENDS + FAST,
        needs=FAST,
    ),
    Kind(
        "the same, tasks run by a mailbox",
        lambda r, g: g.workload == "W4",
        _W4_QUOTED,
        MAILBOX + MAILBOX_FAST,
        needs=MAILBOX_FAST,
    ),
    Kind(
        "the same, plain threads (blocking.h)",
        lambda r, g: g.workload == "W4" and g.parameters.split("/")[1] == "1",
        ["W4/16/1/500/sleep", "W4/8/1/500/sleep"],
        THREADS + THREADS_FAST,
        needs=THREADS_FAST,
    ),
]


class Verdict:
    """What a kind of load says. A contender is as good as the fastest unless it is slower by more than 5 % in 95 of
    100 resamplings of the repetitions. The verdict counts if 90 of 100 resamplings agree with it."""

    def __init__(self, results, kind):
        self.kind = kind
        picked = [g for g in results.groups.values() if kind.pick(results, g)]
        self.choice = [c for c in kind.choice if any(c in g.samples for g in picked)]
        self.groups = [g for g in picked if all(c in g.samples for c in self.choice)]
        self.ran = (
            bool(self.groups)
            and len(self.choice) > 1
            and (not kind.needs or any(n in self.choice for n in kind.needs))
        )
        if not self.ran:
            return
        chance = random.Random(1)
        self.score = self._scores(lambda g, c: g.median(c))
        drawn = [
            self._scores(lambda g, c: statistics.median(chance.choices(g.samples[c], k=len(g.samples[c]))))
            for _ in range(RESAMPLES)
        ]
        least = {a: sorted(d[a] for d in drawn)[RESAMPLES * 5 // 100] for a in self.score}
        ranked = sorted(self.score, key=self.score.get)
        self.good = [a for a in ranked if least[a] <= LEVEL]
        self.rest = [a for a in ranked if a not in self.good]
        limit = LEVEL if len(self.good) == 1 else WITHIN
        self.sure = 100 * sum(all(d[a] <= limit for a in self.good) for d in drawn) // RESAMPLES
        self.told = self.sure >= SURE
        self.quoted = next((results.groups[q] for q in kind.quoted if q in results.groups), self.groups[0])

    def _scores(self, middle):
        """For each answer the geometric mean of its times (of those of its fastest contender), over that of the best."""
        mean = {}
        for contender in self.choice:
            answer = self.kind.answer(contender)
            mean[answer] = min(
                geometric_mean([middle(g, contender) for g in self.groups]), mean.get(answer, math.inf)
            )
        return {a: m / min(mean.values()) for a, m in mean.items()}

    def takes(self):
        if not self.told:
            return "not told: too noisy"
        if len(self.good) == len(self.score) > 2:
            return "any"
        return " or ".join(self.good)

    def by_how_much(self):
        """How much longer the others take."""
        if not self.told:
            return "-"
        if not self.rest:
            return f"level within {100 * (max(self.score.values()) - 1):.0f} %"
        return ", ".join(f"{a} {self.score[a]:.2f}x" for a in self.rest)

    def row(self):
        return [self.kind.words, self.takes(), self.by_how_much(), f"{self.sure} of 100"]

    def figures(self):
        """The figures of one of its groups."""
        values = ", ".join(
            f"{c} {nanoseconds(self.quoted.median(c))}" for c in sorted(self.choice, key=self.quoted.median)
        )
        return f"{self.kind.words}: {self.quoted.name}: {values}"

    def code(self):
        return self.quoted.workload


def verdicts(results, kinds=None):
    return [v for v in (Verdict(results, k) for k in (KINDS if kinds is None else kinds)) if v.ran]


def overall(found):
    """(the backend that is good in most of the kinds that are told, in which, how many are told)"""
    told = [v for v in found if v.told]
    best = max(BACKENDS, key=lambda b: (sum(b in v.good for v in told), b == DEFAULT))
    return best, [v for v in told if best in v.good], told


def headline(results):
    """The recommendation in sentences."""
    found = verdicts(results)
    if not found:
        return []
    best, good, told = overall(found)
    if not told:
        out = ["No kind of load could be told: this machine is too noisy now. Take SPIN, the default."]
    else:
        out = [
            f"Take {best}{', the default' if best == DEFAULT else ''}: the fastest, or level with the fastest, in "
            f"{len(good)} of the {len(told)} kinds of load that could be told."
        ]
    others = [f"{v.kind.words}: {v.takes()}" for v in told if best not in v.good]
    if others:
        out.append("Not in: " + "; ".join(others) + ".")
    for v in verdicts(results, MODES):
        if not v.told:
            continue
        words = "one thread" if not v.kind.needs else v.kind.words
        out.append(f"{words[0].upper()}{words[1:]}: {v.takes()} ({v.by_how_much()} as long).")
    noisy = [v.kind.words for v in found + verdicts(results, MODES) if not v.told]
    if noisy:
        out.append("Too noisy to be told, and not counted: " + "; ".join(noisy) + ".")
    return out


PROMISES = [
    "promised, whatever the figures: in signal handlers, or where a thread may be stopped anywhere: LOCKFREE; its wakes "
    "wait for no other thread",
    "promised: no heap: SPIN, MUTEX or LOCAL; LOCKFREE allocates when a waiter queues, never when it wakes",
    "the longest wait matters: strict order, the default; where it does not and threads contend: throughput mode",
]


def recommendation(results):
    """The one screen."""
    found = verdicts(results) + verdicts(results, MODES)
    if not found:
        return Section("Which backend? This run holds no kind of load that compares them", "")
    return Section(
        "Which backend, on this machine?",
        " ".join(headline(results)),
        (["kind of load", "take", "the others take", "how sure"], [v.row() for v in found]),
        PROMISES,
        left=3,
    )


def behind(results):
    """One group's figures for each kind, and what the codes and columns mean."""
    found = verdicts(results) + verdicts(results, MODES)
    return [
        Section(
            "Figures behind it", "medians, ns, of one group of each kind", lines=[v.figures() for v in found]
        ),
        Section(
            "What the codes and columns mean",
            "",
            lines=[f"{code}: {words}" for code, words in workloads.legend({v.code() for v in found})]
            + [
                "the others take: their time over that of the one to take, geometric mean of the kind's groups",
                f"how sure: in how many of 100 resamplings of the repetitions it comes out so: one within "
                f"{100 * (LEVEL - 1):.0f} % of the fastest, or several within {100 * (WITHIN - 1):.0f} %; below "
                f"{SURE} it is not told",
            ],
        ),
    ]


def measured_where(results):
    """The machine, the command, and whether the machine was busy."""
    load = float(str(results.context.get("load at the start", "0")).split()[0])
    busy = (
        ["The machine was busy: what several threads take swings, and ratios with it."]
        if load > results.processors / 2
        else []
    )
    return Section(
        "Measured", "", lines=[f"{key}: {value.strip()}" for key, value in results.context.items()] + busy
    )


# ---- other people's ----


def _times(ratio):
    return f"{ratio:.2f}x" if ratio >= 0.1 else f"{ratio:.2g}x"


def _beside(found, peers_shown, ours, words):
    """A row for each kind that one of the peers can run: their time over ours."""
    rows = []
    for v in found:
        both = [
            [g.ratio(peer, ours) for g in v.groups if peer in g.samples and ours in g.samples]
            for peer in peers_shown
        ]
        if any(both):
            rows.append([words(v)] + [_times(geometric_mean(b)) if b else "cannot" for b in both])
    return rows


def peers(results):
    """How many times the default's time each peer takes: one table for those that suspend tasks, one for the others."""
    out = []
    found = verdicts(results)
    for title, names, fast, mode in (
        (
            "Why not another's? Those that suspend tasks",
            [p for p in results.peers() if p not in contenders.BLOCKING],
            DEFAULT + "-fast",
            MODES[1:2],
        ),
        (
            "Why not another's? Those that block threads",
            [p for p in results.peers() if p in contenders.BLOCKING],
            DEFAULT + "-threads-fast",
            MODES[3:],
        ),
    ):
        rows = _beside(found, names, DEFAULT, lambda v: v.kind.words)
        rows += _beside(verdicts(results, mode), names, fast, lambda v: f"{v.kind.words}: over {fast}")
        if names and rows:
            out.append(
                Section(
                    title,
                    f"their time over {DEFAULT}'s, geometric mean of the groups of a kind that they can run",
                    (["kind of load"] + names, rows),
                    peer_notes(results, names),
                )
            )
    return out


STARVED = 0.1  # of the fair share


def peer_notes(results, names):
    """What the times do not say."""
    out = []
    storm = results.groups.get("W7storm")
    for peer in names:
        notes = []
        contests = [g for g in results.of("W4") if g.parameter(1) > 1]
        passed = [
            (max(g.counters[peer]["passed_by"]), g.parameter(0) * g.parameter(1) - 1)
            for g in contests
            if g.has(peer, "passed_by")
        ]
        if any(most > fair for most, fair in passed):
            notes.append(
                f"overtakes: others had up to {max(passed)[0]:,.0f} sections while one task waited "
                f"({max(passed)[1]:,.0f} at most, if served in turn)"
            )
            # Where the machine did not let the strict one serve everybody, nobody can be blamed.
            shares = [
                min(g.counters[peer]["share_min"])
                for g in contests
                if g.has(peer, "share_min")
                and g.has(DEFAULT, "share_min")
                and min(g.counters[DEFAULT]["share_min"]) >= STARVED
            ]
            starved = sum(share < STARVED for share in shares)
            if starved:
                notes.append(
                    f"in {starved} of the {len(shares)} contests in which {DEFAULT} served every task, somebody "
                    "had less than a tenth of the fair share"
                )
        if storm is not None and storm.has(peer, "heap_after_1000000"):
            heap = storm.counter(peer, "heap_after_1000000")
            if heap > 1e6:
                notes.append(f"grows by {heap / 1e6:.0f} MB under the cancel storm")
        slow = results.groups.get("W7/10000/lifo")
        if slow is not None and (slow.ratio(peer, DEFAULT) or 0) > 20:
            notes.append(
                f"cancels 10,000 waiters {slow.ratio(peer, DEFAULT):.0f} times as slowly as {DEFAULT}"
            )
        if notes:
            out.append(f"{peer}: " + "; ".join(notes))
    return out
