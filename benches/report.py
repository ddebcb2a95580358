#!/usr/bin/env python3
"""Explains what rouse_bench measured, and compares two versions.

    report.py screen  DIR [--bars]   which backend to take: the recommendation alone; writes DIR/report.html
    report.py tables  DIR [--bars]   the recommendation, every table, and the recommendation again; writes
                             DIR/report.html. --bars: the targets too
    report.py bars    DIR    the targets that were set before the code was written: what each means, whether it is met
    report.py publish DIR TARGET [--strict DIR2]   writes the plots and the medians for docs/benchmarks, and every table to
                             DIR/figures.md. DIR2: a run with --compare, from which the targets of strict order are taken
    report.py scaling DIR [--line NS]   the model of docs/benchmarks/scaling.md, from what was counted and measured
    report.py compare DIR [--list]    X against X@baseline from the same interleaved run; exit status 1: something got
                             slower beyond noise. --list prints the slower groups as a regular expression

DIR holds results.json and, if they were made, counts.json, costs.json and context.json.
All figures are ratios within a group: its contenders ran interleaved in one process.
"""
import argparse
import json
import os
import re
import statistics
import sys

from reporting import bars, compare, contenders, page, plots, scaling, tables, verdicts
from reporting.results import Results


def screen(results):
    """The recommendation, the figures behind it, and what its codes mean."""
    out = [verdicts.recommendation(results)] + verdicts.behind(results)
    return "\n".join(
        section.text() for section in out + [tables.cannot(results), verdicts.measured_where(results)]
    )


def write_page(results, directory):
    path = os.path.join(directory, "report.html")
    with open(path, "w", encoding="utf-8") as file:
        file.write(page.page(results))
    print(f"\npage with plots: {path}\nraw results:     {os.path.join(directory, 'results.json')}")


def print_bars(results):
    for section in bars.sections(results):
        print(section.text())


def command_screen(results, directory, with_bars):
    print(screen(results))
    if with_bars:
        print_bars(results)
        print(verdicts.recommendation(results).text())
    write_page(results, directory)


def command_tables(results, directory, with_bars):
    print(screen(results))
    for section in tables.measured(results) + verdicts.peers(results):
        print(section.text())
    missing = [p for p in contenders.PEERS if p not in results.peers()]
    if missing:
        print(f"\nnot in this run: {', '.join(missing)} (benches/run.sh --peers)")
    if with_bars:
        print_bars(results)
    print(screen(results))
    write_page(results, directory)


def figures(results, strict=None):
    """What docs/benchmarks/figures.json keeps of a run, and of the one for the targets of strict order."""
    groups = {
        g.name: {c: [round(f(v), 1) for f in (min, statistics.median, max)] for c, v in g.samples.items()}
        for g in results.groups.values()
    }

    def lines(rows):
        return "{\n" + ",\n".join(f"  {json.dumps(n)}: {json.dumps(v)}" for n, v in rows.items()) + "\n}"

    return (
        f'{{"context": {json.dumps(results.context)},\n "min, median, max": {lines(groups)},\n'
        f' "instructions": {lines(results.costs.get("instructions", {}))}'
        + (f',\n "strict order": {figures(strict)}' if strict is not None else "")
        + "}"
    )


def of_strict_run(strict):
    """The tables of the run for the targets of strict order."""
    out = [verdicts.measured_where(strict)] + tables.measured(strict)
    for section in out:
        section.title = "The run with a baseline: " + section.title
    return out


def command_publish(results, directory, target, strict=None):
    """Writes what docs/benchmarks keeps of a run: the plots, and of each group min, median and max, and instructions. The
    tables are output: they go to the run's own folder. strict: the run for the targets of strict order."""
    os.makedirs(os.path.join(target, "plots"), exist_ok=True)
    sections = (
        [verdicts.measured_where(results), verdicts.recommendation(results)]
        + verdicts.behind(results)
        + verdicts.peers(results)
        + [tables.cannot(results)]
        + bars.sections(results, strict)
        + tables.measured(results)
        + (of_strict_run(strict) if strict is not None else [])
    )
    with open(os.path.join(directory, "figures.md"), "w", encoding="utf-8") as file:
        file.write("# Figures\n\ndocs/benchmarks/README.md says how to read them.\n")
        for section in sections:
            file.write(re.sub(r"\n+$", "\n", section.markdown() + "\n"))
    for figure in plots.draw(results)[0]:
        with open(os.path.join(target, "plots", figure.name + ".svg"), "w", encoding="utf-8") as file:
            file.write(figure.standalone())
    with open(os.path.join(target, "figures.json"), "w", encoding="utf-8") as file:
        file.write(figures(results, strict) + "\n")


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("command", choices=["screen", "tables", "bars", "publish", "scaling", "compare"])
    parser.add_argument("directory")
    parser.add_argument("target", nargs="?", default="docs/benchmarks")
    parser.add_argument("--bars", action="store_true")
    parser.add_argument("--strict", metavar="DIR2")
    parser.add_argument("--line", type=float)
    parser.add_argument("--list", action="store_true")
    arguments = parser.parse_args()
    results = Results(arguments.directory)
    if arguments.command == "compare":
        return compare.compare(results, arguments.list)
    if arguments.command == "screen":
        command_screen(results, arguments.directory, arguments.bars)
    elif arguments.command == "tables":
        command_tables(results, arguments.directory, arguments.bars)
    elif arguments.command == "bars":
        print_bars(results)
    elif arguments.command == "publish":
        strict = Results(arguments.strict) if arguments.strict else None
        command_publish(results, arguments.directory, arguments.target, strict)
    else:
        print(scaling.scaling(results, arguments.line).markdown())
    return 0


if __name__ == "__main__":
    sys.exit(main())
