"""A titled table as text, Markdown or HTML, and the tables of what was measured and counted."""
import html
import re
import textwrap

from reporting import contenders, workloads
from reporting.results import nanoseconds, natural

SCREEN = 100  # columns


def _folded(row):
    """A first cell that is wider than half a screen continues in lines below."""
    first, *more = textwrap.wrap(str(row[0]), SCREEN // 2, break_on_hyphens=False) or [""]
    return [[first] + list(row[1:])] + [[line] + [""] * (len(row) - 1) for line in more]


def text_table(header, rows, left=1):
    """Aligned columns, the first `left` of them to the left."""
    rows = [line for row in [header] + rows for line in _folded(row)]
    width = [max(len(str(row[i])) for row in rows) for i in range(len(header))]
    out = []
    for row in rows:
        cells = [str(c).ljust(w) if i < left else str(c).rjust(w) for i, (c, w) in enumerate(zip(row, width))]
        out.append("  " + "  ".join(cells).rstrip())
    return out


def wrap(line, first="  * ", then="    "):
    return textwrap.wrap(line, SCREEN, initial_indent=first, subsequent_indent=then, break_on_hyphens=False)


def _clauses(text, then=""):
    """For Markdown: a sentence a line, and long ones folded between clauses."""
    out = []
    for sentence in re.split(r"(?<=[a-z)]\.) +(?=[A-Z])", text):
        out.append("")
        for clause in re.split(r"(?<=;) ", sentence):
            if out[-1] and len(out[-1]) + len(clause) > 160:
                out.append("")
            out[-1] += (" " if out[-1] else "") + clause
    return ("\n" + then).join(out)


class Section:
    """left: how many columns are words."""

    def __init__(self, title, note, table=None, lines=(), left=1):
        self.title, self.note, self.lines, self.left = title, note, list(lines), left
        self.header, self.rows = table or ([], [])

    def text(self):
        out = ["", self.title]
        if self.note:
            out += wrap(self.note, "  ", "  ")
        if self.rows:
            out += text_table(self.header, self.rows, self.left)
        for line in self.lines:
            out += wrap(line)
        return "\n".join(out)

    def markdown(self):
        out = [f"\n### {self.title}"]
        if self.note:
            out += ["", _clauses(self.note)]
        if self.rows:
            align = "|---" * self.left + "|---:" * (len(self.header) - self.left) + "|"
            rows = ["| " + " | ".join(str(c) for c in row) + " |" for row in [self.header] + self.rows]
            out += ["", rows[0], align] + rows[1:]
        if self.lines:
            out += [""] + ["* " + _clauses(line, "  ") for line in self.lines]
        return "\n".join(out)

    def html(self, heading="h2"):
        out = [f"<{heading}>{html.escape(self.title)}</{heading}>"] if heading else []
        if self.note:
            out.append(f"<p class='note'>{html.escape(self.note)}</p>")
        if self.rows:
            out.append(html_table(self.header, self.rows, self.left))
        if self.lines:
            out.append("<ul>" + "".join(f"<li>{html.escape(line)}</li>" for line in self.lines) + "</ul>")
        return "".join(out)


def html_table(header, rows, left):
    def cell(tag, value, column):
        names = (["words"] if column < left else []) + (
            ["bad"] if str(value).endswith("NOT met") or value == "starved" else []
        )
        return (
            f"<{tag} class='{' '.join(names)}'>{html.escape(str(value))}</{tag}>"
            if names
            else f"<{tag}>{html.escape(str(value))}</{tag}>"
        )

    def line(tag, values):
        return "<tr>" + "".join(cell(tag, v, i) for i, v in enumerate(values)) + "</tr>"

    return (
        "<div class='wide'><table>"
        + line("th", header)
        + "".join(line("td", r) for r in rows)
        + "</table></div>"
    )


# ---- what was measured and counted ----


def times(ratio):
    return "-" if ratio is None else f"{ratio:.2f}x"


def _workload_table(results, groups):
    peers = [p for p in results.peers() if any(p in g.samples for g in groups)]
    floor = any(g.floor() for g in groups)
    header = (
        ["", "contender", "median ns", "min..max"] + (["/floor"] if floor else []) + ["/" + p for p in peers]
    )
    rows = []
    for group in groups:
        shown = group.parameters
        for contender in group.order():
            values = group.samples[contender]
            rows.append(
                [shown, contender, f"{group.median(contender):.1f}", f"{min(values):.1f}..{max(values):.1f}"]
                + ([times(group.ratio(contender, group.floor()))] if floor else [])
                + [times(group.ratio(contender, p)) if contender in contenders.OURS else "" for p in peers]
            )
            shown = ""
    return header, rows


# A counter of the contests, how it is computed from the repetitions, its heading.
_SHARES = [("share_min", min, "{:.2f}", "unluckiest"), ("share_max", max, "{:.2f}", "luckiest")]
_OVERTAKING = [
    ("passed_by", max, "{:,.0f}", "passed by"),
    ("bypass", max, "{:,.0f}", "bound"),
    ("wait_max_us", max, "{:,.0f}", "longest wait, us"),
    ("switches", max, "{:.4f}", "switches a section"),
]


def _share_table(results):
    groups = results.of("W4")
    columns = [c for c in _SHARES + _OVERTAKING if any(g.has(k, c[0]) for g in groups for k in g.samples)]
    header = ["W4", "contender"] + [c[3] for c in columns] + ["luckiest/unluckiest"]
    rows = []
    for group in groups:
        shown = group.parameters
        for contender in group.order():
            values = {
                key: told(group.counters[contender][key])
                for key, told, _, _ in columns
                if group.has(contender, key)
            }
            if not values:
                continue
            unfair = "-"
            if "share_min" in values:
                unfair = (
                    f"{values['share_max'] / values['share_min']:.2f}"
                    if values["share_min"] > 0
                    else "starved"
                )
            rows.append(
                [shown, contender]
                + [form.format(values[key]) if key in values else "-" for key, _, form, _ in columns]
                + [unfair]
            )
            shown = ""
    return header, rows


def _heap_table(results):
    storm = results.groups["W7storm"]
    stages = sorted(
        {k for c in storm.counters.values() for k in c if k.startswith("heap_after_")}, key=natural
    )
    rows = [
        [c] + [f"{storm.counter(c, s):,.0f}" for s in stages]
        for c in storm.order()
        if storm.has(c, stages[0])
    ]
    return ["heap growth, bytes"] + [s.replace("heap_after_", "after ") for s in stages], rows


def _sizes_table(results):
    header = ["ns per waiter", "contender", "10", "100", "1,000", "10,000", "slowest/fastest", "min..max"]
    rows = []
    for group in results.of("W7sizes"):
        shown = group.parameters
        for contender in (c for c in group.order() if group.has(c, "growth")):
            growths = group.counters[contender]["growth"]
            rows.append(
                [shown, contender]
                + [nanoseconds(group.counter(contender, f"ns_{n}")) for n in (10, 100, 1000, 10000)]
                + [f"{group.counter(contender, 'growth'):.2f}", f"{min(growths):.2f}..{max(growths):.2f}"]
            )
            shown = ""
    return header, rows


COUNTED = contenders.BACKENDS + [contenders.LOCAL]


def _operations(results, cores):
    names = {}
    for backend in COUNTED:
        names.update(
            dict.fromkeys(w for w in results.counts[backend]["operations"] if ("core" in w) == cores)
        )
    return list(names)


def _row_of(results, backend, what):
    return results.counts[backend]["operations"].get(what)


def _count_table(results):
    rows = []
    for what in _operations(results, cores=False):
        found = [_row_of(results, b, what) for b in COUNTED]
        promised = any(row and row["gated"] for row in found)
        rows.append(
            [what + (" (promised: 1)" if promised else "")]
            + [
                "-"
                if row is None
                else f"{row['rmw']:.2f}" + (f" + {row['locks']:g} lock" if row["locks"] else "")
                for row in found
            ]
        )
    return ["atomic read-modify-writes"] + COUNTED, rows


def _line_table(results):
    rows = [
        [what]
        + [
            "-" if row is None else f"{row['lines']:.1f} ({row['serial']:.1f})"
            for row in (_row_of(results, b, what) for b in contenders.BACKENDS)
        ]
        for what in _operations(results, cores=True)
    ]
    return ["cache lines"] + contenders.BACKENDS, rows


def _size_table(results):
    rows = [
        ["sizeof " + what if "heap" not in what else what]
        + [f"{results.counts[b]['bytes'][what]:g}" for b in COUNTED]
        for what in results.counts["SPIN"]["bytes"]
    ]
    for primitive, text in results.costs.get("text", {}).items():
        rows.append([f".text of all calls, {primitive}"] + [str(text[b]) for b in COUNTED])
    return ["bytes"] + COUNTED, rows


def _instruction_table(results):
    counted = results.costs["instructions"]
    groups = sorted(counted, key=natural)
    rows = [
        [name] + [f"{counted[g][name]:.1f}" if name in counted[g] else "-" for g in groups]
        for name in sorted({c for g in groups for c in counted[g]}, key=contenders.rank)
    ]
    return ["instructions"] + [f"{g}, {workloads.per(g.split('/')[0])}" for g in groups], rows


def cannot(results):
    """What each contender of this run cannot do; those of which the same is true share a row."""
    alike = {}
    for contender in results.contenders():
        alike.setdefault(contenders.facts(contender) or ("not described", "", "", ""), []).append(contender)
    rows = [[", ".join(names)] + list(facts) for facts, names in alike.items()]
    return Section("What each contender can and cannot do", "", (contenders.HEADER, rows), left=5)


def measured(results):
    """A table for each workload, and those of what was counted."""
    out = []
    for name in workloads.order({g.workload for g in results.groups.values()}):
        out.append(
            Section(
                f"{name}: ns per {workloads.per(name)}",
                workloads.what(name),
                _workload_table(results, results.of(name)),
                left=2,
            )
        )
    if _share_table(results)[1]:
        out.append(
            Section(
                "W4: share per task",
                "1 is the fair share; passed by: the most sections that others had while "
                "one task waited, those before it included. The worst of the repetitions; every fifth counts them, "
                "and lasts longer. No share is shown where the threads are too many for each to have run several times",
                _share_table(results),
                left=2,
            )
        )
    if _sizes_table(results)[1]:
        out.append(
            Section(
                "W7sizes: how many wait",
                "the sizes take turns within each repetition, and the ratio is taken within one",
                _sizes_table(results),
                left=2,
            )
        )
    if "W7storm" in results.groups:
        out.append(Section("W7storm: memory", "counted at malloc", _heap_table(results)))
    if results.counts:
        out += [
            Section("W8: operations", "counted through the library's atomics", _count_table(results)),
            Section(
                "W8: cache lines",
                "that come from another core; in brackets: others wait meanwhile, because it "
                "is the queue's word or a lock is held",
                _line_table(results),
            ),
            Section("W8: sizes", "LOCKFREE's heap is its segments", _size_table(results)),
        ]
    if results.costs.get("instructions"):
        out.append(
            Section(
                "W8: instructions",
                "of a round, with the bench's loop and tasks: callgrind, two numbers of rounds subtracted; "
                "X@baseline is the version compared with",
                _instruction_table(results),
            )
        )
    return out
