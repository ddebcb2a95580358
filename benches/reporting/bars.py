"""The targets that were set before the code was written, and what this run says of each."""
import random
import statistics

from reporting.contenders import BACKENDS, FAST, LOCAL, MAILBOX_FAST, THREADS_FAST
from reporting.results import geometric_mean, percentile
from reporting.tables import Section

RESAMPLES = 300
NOT_MEASURED = "not measured"
WITHOUT_THE_MODE = "4039971"  # a commit without throughput mode
RUN_KEYS = ("date", "commit", "command", "load at the start")


class Bar:
    """code: its row; means: in words; limit; verdict(results, contender): what the run says; floor: the same of the
    contender that shows what the work takes at least, if there is one."""

    def __init__(self, code, means, limit, verdict, floor=None):
        self.code, self.means, self.limit, self.verdict, self.floor = code, means, limit, verdict, floor

    def least(self, results):
        """What the floor takes, beside the same limit. It is no target."""
        said = NOT_MEASURED if self.floor is None else self.verdict(results, self.floor)
        return "-" if said == NOT_MEASURED else f"{said.split()[0]} ({self.floor})"


def _met(value, must, form="{:.2f}", stretch=None):
    if value is None:
        return NOT_MEASURED
    if stretch is not None and value <= stretch:
        return form.format(value) + " met, stretch too"
    return form.format(value) + (" met" if value <= must else " NOT met")


def _ratio(code, means, against, must, pick, stretch=None, floor=None):
    """The worst ratio over the groups."""

    def verdict(results, contender):
        ratios = [g.ratio(contender, against) for g in results.groups.values() if pick(g)]
        return _met(max((r for r in ratios if r is not None), default=None), must, stretch=stretch)

    return Bar(
        code, means, f"<= {must:g}" + (f", stretch {stretch:g}" if stretch is not None else ""), verdict, floor
    )


def _mean(code, means, against, must, pick, names):
    """The geometric mean over the groups; asked of some contenders only."""

    def verdict(results, contender):
        if contender not in names:
            return "-"
        ratios = [
            r
            for r in (g.ratio(contender, against) for g in results.groups.values() if pick(g))
            if r is not None
        ]
        return _met(geometric_mean(ratios) if ratios else None, must)

    return Bar(code, means, f"<= {must:g} in the mean", verdict)


def _beside_own(code, means, own, must, pick):
    """The worst ratio over the contender's own simpler call."""

    def verdict(results, contender):
        ratios = [g.ratio(contender, contender + own) for g in results.groups.values() if pick(g)]
        return _met(max((r for r in ratios if r is not None), default=None), must)

    return Bar(code, means, f"<= {must:g}", verdict)


def _beside_faster(code, means, others, must, pick):
    """The worst ratio over the faster of some peers."""

    def verdict(results, contender):
        ratios = []
        for group in (g for g in results.groups.values() if pick(g) and contender in g.samples):
            ratios += [
                group.median(contender) / min(group.median(o) for o in others if o in group.samples)
                for _ in range(any(o in group.samples for o in others))
            ]
        return _met(max(ratios, default=None), must)

    return Bar(code, means, f"<= {must:g}", verdict)


def _count(code, means, must, rows):
    """The read-modify-writes of counted rows; a platform lock has two."""

    def verdict(results, contender):
        operations = (results.counts or {}).get(contender.split("-")[0], {}).get("operations", {})
        if any(row not in operations for row in rows):
            return NOT_MEASURED
        return _met(sum(operations[row]["rmw"] + 2 * operations[row].get("locks", 0) for row in rows), must)

    return Bar(code, means, f"<= {must:g}", verdict)


def _beside_fifo_peer(results, contender):
    """These groups swing too much for their worst one to mean anything: the geometric mean, and in how many of them the
    contender is above 1.1 in 95 of 100 resamplings."""
    groups = [
        g for g in results.of("W4") if g.parameters.split("/")[2] == "500" and g.ratio(contender, "tokio")
    ]
    if not groups:
        return NOT_MEASURED
    chance = random.Random(1)

    def drawn(group, name):
        return statistics.median(chance.choices(group.samples[name], k=len(group.samples[name])))

    above = sum(
        percentile([drawn(g, contender) / drawn(g, "tokio") for _ in range(RESAMPLES)], 5) > 1.1
        for g in groups
    )
    mean = geometric_mean([g.ratio(contender, "tokio") for g in groups])
    return (
        f"{mean:.2f}, above in {above} of {len(groups)}: {'met' if above == 0 and mean <= 1.1 else 'NOT met'}"
    )


def _flat_cancel(results, contender):
    """The slowest size over the fastest within a repetition of W7sizes, in which they take turns; the worst of the three
    orders."""
    growths = [g.counter(contender, "growth") for g in results.of("W7sizes") if g.has(contender, "growth")]
    return _met(max(growths, default=None), 1.25)


def _flat_permits(results, contender):
    medians = [g.median(contender) for g in results.of("W9") if contender in g.samples]
    return _met(max(medians) / min(medians) if len(medians) > 1 else None, 1.25)


def _storm(results, contender):
    storm = results.groups.get("W7storm")
    if storm is None or contender not in storm.samples:
        return NOT_MEASURED
    grown = max(
        v
        for key, values in storm.counters[contender].items()
        if key.startswith("heap_after_")
        for v in values
    )
    return _met(grown, 65536 if contender == "LOCKFREE" else 0, "{:.0f}")


def _bytes(most):
    """most(costs, contender): of the primitive."""

    def verdict(results, contender):
        if not results.counts:
            return NOT_MEASURED
        size = results.counts[contender]["bytes"]
        good = size["semaphore"] <= most(results, contender) and size["waiter"] <= 56
        return f"{size['semaphore']:g}/{size['waiter']:g} {'met' if good else 'NOT met'}"

    return verdict


def _heap(results, contender):
    if not results.counts:
        return NOT_MEASURED
    return _met(results.counts[contender]["bytes"]["heap per waiter, 1000 waiting"], 0, "{:g}")


def _counted(results, group, contender):
    """The instructions of a round, whole ones; None: not counted."""
    found = results.costs.get("instructions", {}).get(group, {}).get(contender)
    return None if found is None else round(found)


def _instructions(results, contender):
    return _met(_counted(results, "W1", contender), 30, "{:.0f}")


def _least_share(results, contender):
    shares = [
        v
        for g in results.of("W4")
        if g.parameter() == 8 and g.parameter(1) == 1 and g.has(contender, "share_min")
        for v in g.counters[contender]["share_min"]
    ]
    if not shares:
        return NOT_MEASURED
    return f"{min(shares):.2f} {'met' if min(shares) >= 0.6 else 'NOT met'}"


def _bound(results, contender):
    """Among n tasks at most n - 1 were queued before one; each of them, and the one, is overtaken at most `bypass` times."""
    if contender in THREADS_FAST:
        return "not seen: when a thread queues"
    seen = []
    for group in results.of("W4"):
        if group.has(contender, "passed_by") and group.has(contender, "bypass"):
            most = group.parameter() * group.parameter(1) * (max(group.counters[contender]["bypass"]) + 1) - 1
            seen.append((max(group.counters[contender]["passed_by"]) / most))
    return _met(max(seen, default=None), 1)


def _beside_baseline(code, means, group, must):
    """The instructions of a round, over the same backend's of the baseline."""

    def verdict(results, contender):
        now, then = (_counted(results, group, c) for c in (contender, contender + "@baseline"))
        if now is None:
            return NOT_MEASURED
        if then is None:
            return f"{now}, nothing to compare"
        return f"{now} / {then} = {_met(now / then, must)}"

    return Bar(code, means, f"<= {must:g}", verdict)


def _strict_time(results, contender):
    old = contender + "@baseline"
    groups = results.of("W3pass") + [g for g in results.of("W3handoff") if g.parameter() >= 10]
    ratios = [g.ratio(contender, old) for g in groups]
    return _met(max((r for r in ratios if r is not None), default=None), 1.02)


def _is(*names):
    return lambda g: g.workload in names


def _from(workload, least):
    return lambda g: g.workload == workload and g.parameter() >= least


def _contest(one_task=False):
    return lambda g: g.workload == "W4" and (not one_task or g.parameter(1) == 1)


_TASK_SWITCHES = "what a hand-over adds to the bare run queue, which runs a task twice for an acquire: nobody waits there"
_AS_MANY = (
    "the same beside a run queue that runs its tasks as often as one that hands over does: three times for an acquire, "
    "when the task asks, when it holds the permit, and when it releases it"
)

OF_BACKENDS = [
    _ratio(
        "W1, W2 / two bare atomic operations",
        "what the library adds to the two atomic operations that no acquire and release can do without",
        "floor:two-rmw",
        1.45,
        _is("W1", "W2"),
        1.1,
    ),
    _ratio(
        "W1, W2 / pthread_mutex",
        "a pair that nobody contends for costs no more than the system's mutex",
        "pthread_mutex",
        1.0,
        _is("W1", "W2"),
    ),
    Bar("W1 instructions a pair", "the same, in instructions", "<= 30", _instructions),
    _ratio(
        "W3handoff 10..1000 / executor",
        _TASK_SWITCHES,
        "executor",
        5,
        _from("W3handoff", 10),
        4,
    ),
    _ratio(
        "W3handoff 10..1000 / executor-3-runs",
        _AS_MANY,
        "executor-3-runs",
        5,
        _from("W3handoff", 10),
        4,
    ),
    _ratio(
        "W3handoff 10..1000 / tokio",
        "a hand-over between tasks of one thread",
        "tokio",
        0.3,
        _from("W3handoff", 10),
    ),
    _ratio(
        "W3spawn 50.. / tokio",
        "tasks that start, take one of ten permits, and end",
        "tokio",
        0.33,
        _from("W3spawn", 50),
        0.25,
    ),
    _ratio(
        "W5 one thread / tokio", "one waiter is notified", "tokio", 0.55, lambda g: g.name == "W5/one-thread"
    ),
    _ratio(
        "W6cycle 100.. / tokio",
        "all are notified, run, and wait again",
        "tokio",
        0.55,
        _from("W6cycle", 100),
        0.45,
    ),
    _ratio("W6call 100.. / tokio", "the call that notifies all, alone", "tokio", 1.0, _from("W6call", 100)),
    _ratio("W7 register + cancel / tokio", "a wait that is given up", "tokio", 0.35, _is("W7")),
    Bar(
        "W7 flat from 10 to 10,000",
        "giving up costs the same however many wait: slowest size over fastest, within one repetition",
        "<= 1.25",
        _flat_cancel,
    ),
    Bar(
        "W7storm heap growth, bytes",
        "a million waits that come and go leave no memory behind",
        "0; LOCKFREE 65536",
        _storm,
    ),
    Bar(
        "W4 500 ns / tokio, all T, K",
        "threads that contend, beside the one peer that is first in, first out too",
        "<= 1.1 in each",
        _beside_fifo_peer,
    ),
    Bar(
        "W8 bytes: primitive/waiter",
        "memory of an object and of a waiter",
        "<= 48 (+ mutex)/56",
        _bytes(lambda r, c: 48 + (r.costs.get("mutex_size", 40) if c == "MUTEX" else 0)),
    ),
]
OF_LOCKFREE = [
    _ratio(
        "W3, W5, W7 / SPIN",
        "one thread, where tasks queue: close to SPIN",
        "SPIN",
        1.3,
        lambda g: g.workload in ("W3handoff", "W3spawn", "W7")
        and g.parameter() >= 10
        or g.name == "W5/one-thread",
    ),
    _ratio(
        "W6call 100.. / SPIN",
        "the call that notifies all, alone: close to SPIN",
        "SPIN",
        1.3,
        _from("W6call", 100),
    ),
    _count(
        "W8 hand-over, atomic operations",
        "read-modify-writes of queueing and being granted, with ten waiting",
        4.3,
        ["hand-over in a queue of ten: wait + release"],
    ),
    _count(
        "W8 cancel, atomic operations",
        "read-modify-writes of a wait that is given up, its queueing not counted",
        2.2,
        ["cancel in a crowd of 1000, oldest first"],
    ),
    Bar(
        "W9 flat from 1 to 2^20 permits",
        "a waiter costs the same however many permits it asks for",
        "<= 1.25",
        _flat_permits,
    ),
]
OF_THROUGHPUT = [
    _ratio(
        "W4 k = 1 / pthread_mutex",
        "threads that contend pay what the system's mutex pays, whose overtaking has no "
        "bound: the worst of the groups with one task a thread",
        "pthread_mutex",
        1.2,
        _contest(one_task=True),
    ),
    _ratio(
        "W4 / async-lock",
        "and what the fastest mutex for tasks pays: the worst of all groups",
        "async-lock",
        1.0,
        _contest(),
    ),
    _mean(
        "W4 / nsync",
        "and, for plain threads in blocking.h, what nsync pays: the mean",
        "nsync",
        1.0,
        _contest(one_task=True),
        THREADS_FAST,
    ),
    Bar(
        "W4 passed by / its bound",
        "the most sections that others had while one task waited, over what the bound allows; "
        "to the unit it is counted in the stress tests",
        "<= 1",
        _bound,
    ),
    Bar(
        "W4 8 threads, k = 1: least share",
        "the unluckiest thread's share of its fair share",
        ">= 0.6",
        _least_share,
    ),
    _count(
        "W8 past an invited waiter",
        "read-modify-writes of a newcomer's acquire and release",
        2,
        ["acquire past an invited waiter", "release past an invited waiter"],
    ),
]
# Whether strict order pays for throughput mode. The baseline is to be a version without it.
OF_STRICT = [
    _beside_baseline(
        "W1 instructions a pair",
        "acquire and release, with the bench's loop, which takes 2: no more than in the baseline",
        "W1",
        1,
    ),
    _beside_baseline(
        "W2 instructions a try pair",
        "try_acquire and release, with the same loop: no more than in the baseline",
        "W2",
        1,
    ),
    _beside_baseline(
        "W3pass instructions a hand-over",
        "a release that hands over, and a wait behind nine others, with the bench's tasks",
        "W3pass",
        1.02,
    ),
    Bar(
        "W3pass, W3handoff 10..1000, time",
        "the same and whole tasks, in time: the worst of the four groups",
        "<= 1.02",
        _strict_time,
    ),
]
OF_LOCAL = [
    _ratio("W1, W2 / SPIN", "a pair without atomic operations", "SPIN", 0.2, _is("W1", "W2")),
    _ratio("W3pass / SPIN", "a hand-over", "SPIN", 0.6, _is("W3pass"), floor="list"),
    _ratio(
        "W3handoff 10..1000 / executor",
        _TASK_SWITCHES,
        "executor",
        2,
        _from("W3handoff", 10),
        floor="list",
    ),
    _ratio(
        "W3handoff 10..1000 / executor-3-runs",
        _AS_MANY,
        "executor-3-runs",
        2,
        _from("W3handoff", 10),
        floor="list",
    ),
    _ratio(
        "W7 register + cancel / SPIN",
        "a wait that is given up",
        "SPIN",
        0.5,
        _is("W7"),
        floor="list-cancel",
    ),
    Bar(
        "W8 bytes: primitive/waiter",
        "memory of an object and of a waiter",
        "<= 40/56",
        _bytes(lambda r, c: 40),
    ),
    Bar("W8 heap, bytes a waiter", "none", "0", _heap),
    Bar(
        "beside futures-intrusive's Local types",
        "the nearest library for one thread; the peers are built from Debian 12's packages, which do not have it",
        "none set",
        lambda results, contender: "not to be had",
    ),
]
OF_FAMILY = [
    _count(
        "W8 channel send + receive",
        "read-modify-writes of a message when there is room",
        6,
        ["channel send, room", "channel receive"],
    ),
    _beside_own(
        "W9channel now / two pairs",
        "an element in and out again on one thread, over the backend's two semaphore pairs",
        ":2pairs",
        1.3,
        lambda g: g.name == "W9channel/now",
    ),
    _ratio(
        "W9channel / tokio",
        "an element between tasks, or in and out again, beside tokio's mpsc: the worst of all capacities",
        "tokio",
        0.5,
        _is("W9channel"),
    ),
    _beside_own(
        "W9rwlock read / pair",
        "a read lock that nobody contends for, over the backend's semaphore pair",
        ":pair",
        1.2,
        lambda g: g.name == "W9rwlock/read",
    ),
    _beside_own("W9any / one", "a wait for either of two, over a wait for one", ":one", 3, _is("W9any")),
    _beside_faster(
        "W9condvar tasks / tokio, async-lock",
        "a round trip through a condition variable, beside the faster of tokio's and async-lock's ways",
        ("tokio", "async-lock"),
        0.5,
        lambda g: g.name == "W9condvar/tasks",
    ),
]


def _table(bars, names, results):
    names = [n for n in names if n in results.contenders() or n in BACKENDS]
    header = ["target", "limit"] + names
    rows = [[b.code, b.limit] + [b.verdict(results, n) for n in names] for b in bars]
    if any(b.floor for b in bars):
        header.append("at least")
        rows = [row + [b.least(results)] for row, b in zip(rows, bars)]
    return len(names), (header, rows)


_NOTE = "set before the code was written; from this run, the worst group unless it says otherwise"
_LEAST = (
    "at least: the same ratio of the shortest list that could do this, which has no status, no count and no close; it is "
    "no target"
)


def _strict_note(results):
    """What this version is compared with."""
    name = results.context.get("baseline")
    if name is None:
        return (
            "this version over one without throughput mode; this run has no baseline, so it says what is counted now: "
            f"benches/run.sh --bars --compare {WITHOUT_THE_MODE} compares"
        )
    which = (
        "which has no throughput mode"
        if name.startswith(WITHOUT_THE_MODE)
        else f"where the target is set beside a version without throughput mode, as {WITHOUT_THE_MODE} is"
    )
    return f"this version over {name}, {which}; callgrind's counts do not depend on the machine's load"


def sections(results, strict=None):
    """Each set of targets: its table, and below it what each of them means. strict: the run with a baseline, if that is
    another one."""
    out = []
    for title, bars, names in (
        ("Targets of the backends", OF_BACKENDS, BACKENDS),
        ("Targets of LOCKFREE", OF_LOCKFREE, ["LOCKFREE"]),
        ("Targets of throughput mode", OF_THROUGHPUT, FAST + MAILBOX_FAST + THREADS_FAST),
        ("Targets of strict order beside throughput mode", OF_STRICT, BACKENDS),
        ("Targets of LOCAL", OF_LOCAL, [LOCAL]),
        ("Targets of the primitives on top", OF_FAMILY, BACKENDS + [LOCAL]),
    ):
        of_strict = bars is OF_STRICT
        run = strict if of_strict and strict is not None else results
        columns, table = _table(bars, names, run)
        if columns == 0:
            out.append(Section(title, "not in this run: none of " + ", ".join(names)))
            continue
        lines = [f"{b.code}: {b.means}" for b in bars]
        if any(b.floor for b in bars):
            lines.append(_LEAST)
        if run is not results:
            lines += [f"a run of its own: {key}: {run.context[key]}" for key in RUN_KEYS if key in run.context]
        out.append(Section(title, _strict_note(run) if of_strict else _NOTE, table, lines, left=2))
    return out
