"""The plots, drawn by gnuplot as SVG that follows the reader's light or dark theme."""
import html
import os
import re
import shutil
import subprocess
import sys
import tempfile

from reporting.contenders import MAILBOX, MAILBOX_FAST, OURS, is_reference
from reporting.results import natural

MISSING = "no plots: gnuplot is not installed (Debian: gnuplot-nox)"
COLOURS = {
    "MUTEX": "#d9822b",
    "SPIN": "#2f7fd6",
    "LOCKFREE": "#2c9c5a",
    "LOCAL": "#7a6fd0",
    "tokio": "#c0395b",
    "async-lock": "#8f5bc4",
    "naive-vecdeque": "#a08a2c",
    "naive-segqueue": "#3aa6a6",
    "pthread_mutex": "#777777",
    "sem_t": "#999999",
    "nsync": "#b06a4a",
    "moodycamel": "#5a78a0",
}
GREY = "#888888"
# Gnuplot writes ink as "black" and grid lines as "gray"; both follow the theme.
STYLE = """
svg { --ink: #1c1e21; --paper: #ffffff; --line: #c9cdd2; }
@media (prefers-color-scheme: dark) { svg { --ink: #e4e6e9; --paper: #16181b; --line: #454b53; } }
svg [color="black"] { color: var(--ink); } svg [stroke="black"] { stroke: var(--ink); }
svg [fill="black"] { fill: var(--ink); } svg [stroke="gray"] { stroke: var(--line); }
"""
START = """set terminal svg size {size} dynamic font "sans-serif,15" name "{word}"
set output "{name}.svg"
set grid lc rgb "gray" lt 1 lw 0.5
set key outside bottom center horizontal samplen 1.5 maxcols 2 font "sans-serif,13"
set tics nomirror
"""


class Figure:
    def __init__(self, name, caption, size, script):
        self.name, self.caption, self.script = (
            name,
            caption,
            START.format(size=size, name=name, word=name.replace("-", "_")) + script,
        )
        self.svg = ""

    def standalone(self):
        """The figure as a separate SVG file."""
        return re.sub(
            "(<svg [^>]*>)",
            lambda m: f'{m.group(1)}<style>{STYLE}</style>'
            '<rect width="100%" height="100%" fill="var(--paper)"/>',
            self.svg,
            count=1,
        )

    def html(self):
        svg = re.sub(
            "^.*?<svg ", f'<svg role="img" aria-label="{html.escape(self.caption)}" ', self.svg, flags=re.S
        )
        return f"<figure>{svg}<figcaption>{html.escape(self.caption)}</figcaption></figure>"


def _base(name):
    """The backend a contender is a mode of."""
    return re.sub("(-threads|-mailbox)?(-fast)?(@.*)?$", "", name)


def _line_style(name):
    """Colour by backend or peer; ours are thick, a mode of ours is dashed, floors are dotted."""
    dash = 3 if is_reference(name) or name == "executor" else 1 if _base(name) == name else 2
    return (
        f'lc rgb "{COLOURS.get(_base(name), GREY)}" dt {dash} lw {2.5 if name in OURS else 1.6} '
        f"pt {5 + 2 * (OURS + sorted(COLOURS)).index(name) % 8 if name in OURS or name in COLOURS else 1} ps 0.4"
    )


def _quoted(text):
    return '"' + text.replace("_", r"\\_") + '"'


def _block(number, rows):
    return f"$d{number} << EOD\n" + "\n".join(" ".join(f"{v:.6g}" for v in row) for row in rows) + "\nEOD\n"


def _ticks(values):
    """Labels such as 10k, at the values that were measured."""

    def short(v):
        return f"{v / 1e6:.3g}M" if v >= 1e6 else f"{v / 1e3:.3g}k" if v >= 1e3 else f"{v:g}"

    return "(" + ", ".join(f'"{short(v)}" {v}' for v in values) + ")"


def _lines(name, caption, x_label, y_label, series, zero=None):
    """series: {contender: [(x, median, least, most)]}; both axes logarithmic; zero: where on the y axis to show 0."""
    xs = sorted({point[0] for points in series.values() for point in points})
    if len(xs) < 2:
        return None
    script = f'set logscale xy\nset format y "%.0s%c"\nset xtics {_ticks(xs)}\nset xrange [{0.8 * xs[0]}:{1.25 * xs[-1]}]\n'
    script += f'set xlabel "{x_label}"\nset ylabel "{y_label}"\n'
    if zero:
        script += f'set ytics add ("0" {zero})\n'
        series = {
            c: [(p[0],) + tuple(max(v, zero) for v in p[1:]) for p in points] for c, points in series.items()
        }
    script += "".join(_block(i, points) for i, points in enumerate(series.values()))
    script += (
        "plot "
        + ", \\\n    ".join(
            f"$d{i} using 1:2:3:4 with yerrorlines {_line_style(c)} title {_quoted(c)}"
            for i, c in enumerate(series)
        )
        + "\n"
    )
    return Figure(name, caption, f"480,{310 + 11 * len(series)}", script)


def _over(groups):
    """The contenders' times against the first parameter; mailboxes are left to the tables."""
    out = {}
    for group in groups:
        for contender in (c for c in group.order() if c not in MAILBOX + MAILBOX_FAST):
            values = group.samples[contender]
            out.setdefault(contender, []).append(
                (group.parameter(), group.median(contender), min(values), max(values))
            )
    return out


def _shares(group):
    """A bar for each contender, from the unluckiest to the luckiest task's share."""
    names = [c for c in group.order() if group.has(c, "share_min")][::-1]
    rows = []
    for i, name in enumerate(names):
        least = max(min(group.counters[name]["share_min"]), 0.01)
        most = min(max(group.counters[name]["share_max"]), 100)
        colour = int(COLOURS.get(_base(name), GREY)[1:], 16)
        rows.append((i, least / 1.04, most * 1.04, i - 0.3, i + 0.3, colour))
    labels = ", ".join(f"{_quoted(n)} {i}" for i, n in enumerate(names))
    script = 'set logscale x\nset xrange [0.008:125]\nunset key\nset style fill solid noborder\n'
    script += 'set xtics ("starved" 0.01, "1/10" 0.1, "fair" 1, "10x" 10, "100x" 100)\n'
    script += f"set yrange [-0.7:{len(names) - 0.3}]\nset ytics ({labels})\n"
    script += "$d0 << EOD\n" + "\n".join(" ".join(f"{v:.9g}" for v in row) for row in rows) + "\nEOD\n"
    script += "plot $d0 using (sqrt($2*$3)):1:2:3:4:5:6 with boxxyerror lc rgb variable\n"
    return Figure(
        "share-" + group.parameters.replace("/", "-"),
        f"share per task, W4 {group.parameters}: from the unluckiest task to the luckiest",
        f"480,{90 + 24 * len(names)}",
        script,
    )


def _storm(results):
    storm = results.groups.get("W7storm")
    if storm is None:
        return None
    series = {}
    for contender in storm.order():
        stages = sorted(
            (k for k in storm.counters.get(contender, {}) if k.startswith("heap_after_")), key=natural
        )
        series[contender] = [(int(s.rsplit("_", 1)[1]),) + (storm.counter(contender, s),) * 3 for s in stages]
    return _lines(
        "storm",
        "heap growth under the cancel storm: one waiter stays, others register and cancel",
        "waiters that came and went",
        "bytes",
        {c: s for c, s in series.items() if s},
        zero=10,
    )


def figures(results):
    """What there is to draw, not yet drawn."""
    out = []
    for workload, name, caption in (
        ("W3handoff", "hand-off", "hand-off: ns an acquire against tasks on one thread"),
        ("W6cycle", "notify-all-cycle", "notify_all, whole cycle: ns a waiter against waiters"),
        ("W6call", "notify-all-call", "notify_all, the call: ns a waiter against waiters"),
    ):
        out.append(
            _lines(
                name,
                caption,
                "tasks" if workload == "W3handoff" else "waiters",
                "ns",
                _over(results.of(workload)),
            )
        )
    for order in ("fifo", "random"):
        out.append(
            _lines(
                f"cancel-{order}",
                f"register + cancel, {order}: ns a waiter against waiters",
                "waiters",
                "ns",
                _over([g for g in results.of("W7") if g.name.endswith(order)]),
            )
        )
    for k in (1, 10, 100):
        for idle in ("spin", "sleep"):
            groups = [g for g in results.of("W4") if g.parameters.split("/")[1:] == [str(k), "500", idle]]
            out.append(
                _lines(
                    f"threads-{k}-{idle}",
                    f"{k} task{'s' * (k > 1)} a thread, 500 ns of own work, idle threads "
                    f"{idle}: ns a section against threads",
                    "threads",
                    "ns",
                    _over(groups),
                )
            )
    out.append(
        _lines(
            "several-permits",
            "ns of a wait for several permits at once, against permits",
            "permits",
            "ns",
            _over(results.of("W9")),
        )
    )
    shared = [
        g
        for g in results.of("W4")
        if g.parameter() > results.processors
        and g.parameter(1) == 10
        and "/500/" in g.name
        and any(g.has(c, "share_min") for c in g.samples)
    ]
    out += [_shares(g) for g in shared[-2:]]
    out.append(_storm(results))
    return [figure for figure in out if figure is not None]


def draw(results):
    """(figures with their SVG, what to tell the reader if there are none)"""
    program = shutil.which("gnuplot")
    if program is None:
        print("report.py: " + MISSING, file=sys.stderr)
        return [], MISSING
    out = figures(results)
    if not out:
        return [], "no plots: this run has no workload at several sizes"
    with tempfile.TemporaryDirectory() as folder:
        script = "reset session\n".join(figure.script for figure in out)
        run = subprocess.run([program], input=script, cwd=folder, text=True, capture_output=True, check=False)
        if run.returncode != 0:
            print("report.py: gnuplot failed:\n" + run.stderr, file=sys.stderr)
            return [], "no plots: gnuplot failed"
        for figure in out:
            with open(os.path.join(folder, figure.name + ".svg"), encoding="utf-8") as file:
                figure.svg = file.read()
    return out, ""
