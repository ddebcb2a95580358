"""The page: the recommendation first, then the targets, the plots and the tables. It opens from disk."""
import html

from reporting import bars, plots, tables, verdicts

STYLE = """
:root { color-scheme: light dark; --ink: #1c1e21; --paper: #ffffff; --line: #d5d8dc; --soft: #5c6470; --bad: #c22f2f; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e4e6e9; --paper: #16181b; --line: #3a3f46; --soft: #9aa3ae; --bad: #ff7b72; } }
body { font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); margin: 1em auto; max-width: 66em;
       padding: 0 .8em; }
h1 { font-size: 1.5em; } h2 { font-size: 1.2em; margin-top: 1.6em; } .headline { font-size: 1.1em; }
.wide { overflow-x: auto; } ul { padding-left: 1.2em; } li { overflow-wrap: anywhere; }
table { border-collapse: collapse; font-size: 14px; font-variant-numeric: tabular-nums; margin: .6em 0; }
th, td { border-bottom: 1px solid var(--line); padding: 3px 9px; text-align: right; }
.words { text-align: left; min-width: 5em; }
.plots { display: flex; flex-wrap: wrap; gap: 1em; } figure { margin: 0; width: min(100%, 30em); } figure svg { width: 100%; }
figcaption, .note { color: var(--soft); font-size: 14px; }
.bad { color: var(--bad); font-weight: 600; } details { margin: .6em 0; } summary { cursor: pointer; }
@media (max-width: 40em) { table { font-size: 13px; } th, td { padding: 3px 5px; } h1 { font-size: 1.3em; } }
"""


def _folded(title, sections):
    inner = "".join(section.html("h3") for section in sections)
    return f"<details><summary><b>{html.escape(title)}</b></summary>{inner}</details>"


def page(results):
    screen = verdicts.recommendation(results)
    said, screen.note = screen.note, ""
    drawn, excuse = plots.draw(results)
    context = " · ".join(verdicts.measured_where(results).lines)
    out = [
        "<!doctype html><html lang='en'><meta charset='utf-8'><title>rouse: which backend?</title>"
        "<meta name='viewport' content='width=device-width, initial-scale=1'>"
        f"<style>{STYLE}{plots.STYLE}</style><body>",
        f"<h1>{html.escape(screen.title)}</h1><p class='headline'>{html.escape(said)}</p>",
        screen.html(None),
        f"<p class='note'>{html.escape(context)}</p>",
    ]
    out += [
        section.html()
        for section in verdicts.behind(results) + verdicts.peers(results) + [tables.cannot(results)]
    ]
    out.append(
        "<h2>Plots</h2>"
        + (
            f"<p>{html.escape(excuse)}</p>"
            if excuse
            else "<p class='note'>Medians, with a bar "
            "from the least to the most.</p><div class='plots'>" + "".join(f.html() for f in drawn) + "</div>"
        )
    )
    out.append(
        "<h2>Tables</h2><p class='note'>Times are nanoseconds, medians of interleaved repetitions with min..max. Only "
        "figures of one group of rows may be compared: they ran interleaved in one process.</p>"
    )
    out += [_folded(section.title, [section]) for section in tables.measured(results)]
    out.append(
        _folded(
            "Targets that were set before the code was written, and whether they are met",
            bars.sections(results),
        )
    )
    return "".join(out) + "</body></html>\n"
