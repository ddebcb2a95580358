#!/usr/bin/env python3
"""Tests of the benches' report: what it recommends from made-up measurements, and how the screen, the targets and the
page say so."""
import contextlib
import io
import json
import os
import re
import shutil
import sys
import tempfile
import unittest
from unittest import mock

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "benches"))
sys.dont_write_bytecode = True

import report  # noqa: E402
from reporting import (
    bars,
    compare,
    contenders,
    page,
    plots,
    scaling,
    tables,
    verdicts,
    workloads,
)  # noqa: E402
from reporting.results import Results  # noqa: E402

verdicts.RESAMPLES = 100
STEADY = (1.0, 1.01, 0.99, 1.0, 1.02)
NOISY = (1.0, 3.0, 0.4, 2.0, 0.5)
FAST = {"MUTEX-fast": 0.05, "SPIN-fast": 0.04}


def three(mutex, spin, lockfree, **more):
    return dict(
        MUTEX=mutex, SPIN=spin, LOCKFREE=lockfree, **{k.replace("_", "-"): v for k, v in more.items()}
    )


def results_of(groups, noise=None, counters=None, counts=None, costs=None, load="0.1 0 0"):
    """groups: {name: {contender: ns}}; noise: {name: factors of the repetitions}; counters: {(name, contender): {..}}"""
    runs = []
    for name, times in groups.items():
        for contender, ns in times.items():
            for i, factor in enumerate((noise or {}).get(name, STEADY)):
                # The repetitions of noisy groups do not move together.
                turn = (
                    (noise or {}).get(name, STEADY)[(i + len(contender)) % 5]
                    if name in (noise or {})
                    else factor
                )
                run = {
                    "group": name,
                    "contender": contender,
                    "repetition": i,
                    "iterations": 1,
                    "ns": ns * turn,
                    "cpu_ns": 0,
                    "wall_ns": 0,
                }
                runs.append({**run, **(counters or {}).get((name, contender), {})})
    with tempfile.TemporaryDirectory() as folder:
        for file, what in (
            ("results.json", {"quick": True, "repetitions": 5, "processors": 2, "runs": runs}),
            ("counts.json", counts),
            ("costs.json", costs),
            ("context.json", {"machine": "a machine", "load at the start": load}),
        ):
            if what is not None:
                with open(os.path.join(folder, file), "w", encoding="utf-8") as out:
                    json.dump(what, out)
        return Results(folder)


SOME = {
    "W1": three(10, 10.1, 10.2, LOCAL=1),
    "W3handoff/100": three(20, 10, 15, LOCAL=8, executor=4),
    "W3handoff/1000": three(20, 10, 15, LOCAL=8, executor=4),
    "W4/2/10/500/spin": three(500, 500, 500),
    "W4/8/1/500/sleep": three(1.2, 1.2, 1.2, **FAST),
    "W4/8/10/500/sleep": three(1.2, 1.2, 1.2, **FAST),
}


class Recommendation(unittest.TestCase):
    def rows(self, results):
        return {row[0]: row[1:] for row in verdicts.recommendation(results).rows}

    def test_names_the_fastest_and_how_much_longer_the_others_take(self):
        take, others, sure = self.rows(results_of(SOME))["tasks queue on one thread"]
        self.assertEqual(take, "SPIN")
        self.assertEqual(others, "LOCKFREE 1.50x, MUTEX 2.00x")
        self.assertEqual(sure, "100 of 100")

    def test_says_any_where_all_are_level(self):
        take, others, _ = self.rows(results_of(SOME))["nobody waits"]
        self.assertEqual(take, "any")
        self.assertEqual(others, "level within 2 %")

    def test_does_not_count_what_is_too_noisy(self):
        results = results_of(SOME, noise={"W4/2/10/500/spin": NOISY})
        take, others, _ = self.rows(results)["threads contend, one a core at most"]
        self.assertEqual((take, others), ("not told: too noisy", "-"))
        said = " ".join(verdicts.headline(results))
        self.assertIn("in 3 of the 3 kinds of load that could be told", said)
        self.assertIn("Too noisy to be told, and not counted: threads contend, one a core at most.", said)

    def test_all_too_noisy(self):
        results = results_of({"W1": three(10, 10, 10)}, noise={"W1": NOISY})
        self.assertIn("No kind of load could be told", verdicts.headline(results)[0])

    def test_another_backend_than_the_default_where_it_is_ahead(self):
        results = results_of(
            {"W1": three(10, 20, 15), "W3handoff/100": three(10, 20, 15), "W5/one-thread": three(2, 1, 2)}
        )
        said = verdicts.headline(results)
        self.assertTrue(said[0].startswith("Take MUTEX: "), said)
        self.assertIn("Not in: one waiter at a time: SPIN.", said)

    def test_local_for_one_thread(self):
        take, others, _ = self.rows(results_of(SOME))["one thread uses all of it"]
        self.assertEqual(take, "LOCAL")
        self.assertRegex(others, r"^SPIN \d+\.\d\dx$")

    def test_throughput_mode_where_threads_contend(self):
        results = results_of(SOME)
        take, others, _ = self.rows(results)["threads contend, overtaking is fine"]
        self.assertEqual((take, others), ("throughput mode", "strict order 30.00x"))
        self.assertIn(
            "Threads contend, overtaking is fine: throughput mode (strict order 30.00x as long).",
            verdicts.headline(results),
        )

    def test_one_mode_against_the_other_whichever_backend(self):
        level = {
            name: {**times, "MUTEX-fast": 0.04} if "MUTEX-fast" in times else times
            for name, times in SOME.items()
        }
        self.assertEqual(
            self.rows(results_of(level))["threads contend, overtaking is fine"][0], "throughput mode"
        )

    def test_peers_that_block_have_a_table_of_their_own(self):
        groups = {**SOME, "W1": {**SOME["W1"], "tokio": 20, "pthread_mutex": 15}}
        tasks, blocking = verdicts.peers(results_of(groups))
        self.assertEqual((tasks.header[1:], blocking.header[1:]), (["tokio"], ["pthread_mutex"]))
        self.assertEqual(tasks.rows, [["nobody waits", "1.98x"]])

    def test_no_row_for_a_mode_that_did_not_run(self):
        groups = {
            name: {c: v for c, v in times.items() if c in contenders.BACKENDS} for name, times in SOME.items()
        }
        rows = self.rows(results_of(groups))
        self.assertNotIn("threads contend, overtaking is fine", rows)
        self.assertNotIn("one thread uses all of it", rows)


class Screen(unittest.TestCase):
    def printed(self, command, results, *more):
        text = io.StringIO()
        with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(text), mock.patch.object(
            plots, "draw", return_value=([], "not drawn")
        ):
            command(results, folder, *more)
        return text.getvalue()

    def test_quick_shows_the_recommendation_and_no_table(self):
        text = self.printed(report.command_screen, results_of(SOME), False)
        self.assertEqual(text.count("Which backend, on this machine?"), 1)
        self.assertNotIn("min..max", text)
        self.assertNotIn("target", text)

    def test_the_whole_report_has_it_first_and_last(self):
        text = self.printed(report.command_tables, results_of(SOME), True)
        first, *_ = text.strip().splitlines()
        self.assertEqual(first, "Which backend, on this machine?")
        self.assertEqual(text.count("Which backend, on this machine?"), 2)
        self.assertGreater(text.rindex("Which backend"), text.rindex("Targets of"))
        self.assertGreater(text.rindex("Which backend"), text.rindex("min..max"))

    def test_every_code_on_the_screen_has_a_legend(self):
        text = self.printed(report.command_screen, results_of(SOME), False)
        for code in set(re.findall(r"\b(?:W\d\w*|mixed)\b", text)):
            self.assertRegex(text, rf"\* {code}(/[^:]*)?: ", code)

    def test_fits_a_screen(self):
        text = report.screen(results_of(SOME))
        self.assertEqual([line for line in text.splitlines() if len(line) > 112], [])

    def test_says_that_the_machine_was_busy(self):
        self.assertNotIn("The machine was busy", report.screen(results_of(SOME)))
        self.assertIn("The machine was busy", report.screen(results_of(SOME, load="1.5 0 0")))

    def test_each_contender_says_what_it_cannot_do(self):
        rows = {
            row[0]: row[1:]
            for row in tables.cannot(
                results_of({"W1": {"pthread_mutex": 1, "nsync": 1, "LOCAL": 1, "new": 1}})
            ).rows
        }
        self.assertEqual(rows["pthread_mutex, nsync"][:3], ["no", "no", "overtaking without a bound"])
        self.assertIn("one thread only", rows["LOCAL"][3])
        self.assertEqual(rows["new"][0], "not described")

    def test_every_contender_of_the_build_is_described(self):
        with open(os.path.join(ROOT, "benches", "CMakeLists.txt"), encoding="utf-8") as file:
            names = re.findall(r"^ *add_contender\((\S+)", file.read(), re.M)
        written = {n.replace("${backend}", b) for n in names for b in contenders.BACKENDS if "@" not in n}
        for name in written - set(contenders.FLOORS):
            self.assertIsNotNone(contenders.facts(name), name)


class Bars(unittest.TestCase):
    def verdict(self, code, results, contender):
        every = (
            bars.OF_BACKENDS
            + bars.OF_LOCKFREE
            + bars.OF_THROUGHPUT
            + bars.OF_STRICT
            + bars.OF_LOCAL
            + bars.OF_FAMILY
        )
        of_local = [b for b in bars.OF_LOCAL if contender == "LOCAL"]
        return [b for b in of_local + every if b.code == code][0].verdict(results, contender)

    def row(self, title, code, results, strict=None):
        """{column: cell}"""
        section = [s for s in bars.sections(results, strict) if s.title == title][0]
        return dict(zip(section.header, [row for row in section.rows if row[0] == code][0]))

    def test_takes_the_worst_group(self):
        results = results_of(
            {"W1": {"SPIN": 10, "floor:two-rmw": 10}, "W2": {"SPIN": 15, "floor:two-rmw": 10}}
        )
        self.assertEqual(self.verdict("W1, W2 / two bare atomic operations", results, "SPIN"), "1.50 NOT met")
        self.assertEqual(
            self.verdict("W1, W2 / two bare atomic operations", results, "MUTEX"), "not measured"
        )

    def test_throughput_mode_beside_peers(self):
        results = results_of(
            {
                "W4/8/1/500/sleep": {"SPIN-fast": 110, "pthread_mutex": 100, "async-lock": 120},
                "W4/8/10/500/sleep": {"SPIN-fast": 110, "async-lock": 100},
            },
            counters={
                ("W4/8/1/500/sleep", "SPIN-fast"): {
                    "share_min": 0.7,
                    "share_max": 1.2,
                    "passed_by": 8 * 4097 - 1,
                    "bypass": 4096,
                }
            },
        )
        self.assertEqual(self.verdict("W4 k = 1 / pthread_mutex", results, "SPIN-fast"), "1.10 met")
        self.assertEqual(self.verdict("W4 / async-lock", results, "SPIN-fast"), "1.10 NOT met")
        self.assertEqual(self.verdict("W4 passed by / its bound", results, "SPIN-fast"), "1.00 met")
        self.assertEqual(self.verdict("W4 8 threads, k = 1: least share", results, "SPIN-fast"), "0.70 met")

    def test_passed_by_more_than_the_bound_allows(self):
        results = results_of(
            {"W4/8/1/0/spin": {"SPIN-fast": 1}},
            counters={("W4/8/1/0/spin", "SPIN-fast"): {"passed_by": 9 * 4097, "bypass": 4096}},
        )
        self.assertEqual(self.verdict("W4 passed by / its bound", results, "SPIN-fast"), "1.13 NOT met")

    def test_counted_ones(self):
        rows = {"channel send, room": {"rmw": 3}, "channel receive": {"rmw": 4}}
        results = results_of(SOME, counts={"SPIN": {"operations": rows}})
        self.assertEqual(self.verdict("W8 channel send + receive", results, "SPIN"), "7.00 NOT met")
        self.assertEqual(self.verdict("W8 channel send + receive", results, "MUTEX"), "not measured")

    def test_beside_simpler_calls_and_the_faster_peer(self):
        results = results_of(
            {
                "W9rwlock/read": {"SPIN": 12, "SPIN:pair": 10, "tokio": 1},
                "W9condvar/tasks": {"SPIN": 10, "tokio": 50, "async-lock": 16},
            }
        )
        self.assertEqual(self.verdict("W9rwlock read / pair", results, "SPIN"), "1.20 met")
        self.assertEqual(self.verdict("W9condvar tasks / tokio, async-lock", results, "SPIN"), "0.62 NOT met")
        self.assertEqual(
            self.verdict("W9condvar tasks / tokio, async-lock", results, "MUTEX"), "not measured"
        )
        self.assertEqual(results.contenders(), ["SPIN", "tokio", "async-lock"])

    def test_growth_is_taken_within_a_repetition(self):
        sizes = {"ns_10": 24, "ns_100": 25, "ns_1000": 25, "ns_10000": 30}
        results = results_of(
            {"W7/10/fifo": {"SPIN": 10}, "W7/10000/fifo": {"SPIN": 20}, "W7sizes/fifo": {"SPIN": 25}},
            counters={("W7sizes/fifo", "SPIN"): {**sizes, "growth": 1.25}},
        )
        self.assertEqual(self.verdict("W7 flat from 10 to 10,000", results, "SPIN"), "1.25 met")
        self.assertEqual(self.verdict("W7 flat from 10 to 10,000", results, "MUTEX"), "not measured")
        table = [s for s in tables.measured(results) if s.title.startswith("W7sizes: how")][0]
        self.assertEqual(table.rows, [["fifo", "SPIN", "24.0", "25.0", "25.0", "30.0", "1.25", "1.25..1.25"]])

    def test_hand_over_beside_a_run_queue_that_runs_its_tasks_as_often(self):
        groups = {"W3handoff/1": {"SPIN": 99, "LOCAL": 99, "executor-3-runs": 1}}
        for k in (10, 1000):
            groups[f"W3handoff/{k}"] = {
                "SPIN": 30,
                "MUTEX": 60,
                "LOCAL": 15,
                "executor": 6,
                "executor-3-runs": 10,
                "list": 12,
            }
        results = results_of(groups)
        twice, thrice = "W3handoff 10..1000 / executor", "W3handoff 10..1000 / executor-3-runs"
        self.assertEqual(self.verdict(twice, results, "SPIN"), "5.00 met")
        self.assertEqual(self.verdict(thrice, results, "SPIN"), "3.00 met, stretch too")
        self.assertEqual(self.verdict(thrice, results, "MUTEX"), "6.00 NOT met")
        self.assertEqual(self.verdict(twice, results, "LOCAL"), "2.50 NOT met")
        self.assertEqual(self.verdict(thrice, results, "LOCAL"), "1.50 met")
        row = self.row("Targets of LOCAL", thrice, results)
        self.assertEqual((row["limit"], row["at least"]), ("<= 2", "1.20 (list)"))
        self.assertNotIn("executor-3-runs", results.contenders())

    def test_what_the_shortest_list_takes_stands_beside_the_limit(self):
        row = self.row(
            "Targets of LOCAL",
            "W7 register + cancel / SPIN",
            results_of(
                {
                    "W7/10/fifo": {"SPIN": 20, "LOCAL": 8, "list-cancel": 3},
                    "W7/10000/random": {"SPIN": 20, "LOCAL": 12, "list-cancel": 6},
                }
            ),
        )
        self.assertEqual((row["LOCAL"], row["at least"]), ("0.60 NOT met", "0.30 (list-cancel)"))
        self.assertEqual(
            self.row("Targets of LOCAL", "W1, W2 / SPIN", results_of(SOME))["at least"],
            "-",
        )

    STRICT = "Targets of strict order beside throughput mode"
    COUNTED = {
        "instructions": {
            "W1": {"SPIN": 12.02, "SPIN@baseline": 14.03, "MUTEX": 12, "MUTEX@baseline": 12.04, "LOCKFREE": 16},
            "W2": {"SPIN": 12.01, "SPIN@baseline": 14.02},
            "W3pass": {
                "SPIN": 102,
                "SPIN@baseline": 100,
                "MUTEX": 103,
                "MUTEX@baseline": 100,
            },
        }
    }

    def test_strict_order_beside_a_baseline(self):
        groups = {
            "W3pass": {"SPIN": 10, "SPIN@baseline": 10},
            "W3handoff/1": {"SPIN": 20, "SPIN@baseline": 10},
            "W3handoff/100": {"SPIN": 10.3, "SPIN@baseline": 10},
        }
        results = results_of(groups, costs=self.COUNTED)
        results.context["baseline"] = "4039971"
        pair = self.row(self.STRICT, "W1 instructions a pair", results)
        self.assertEqual(
            (pair["SPIN"], pair["MUTEX"], pair["LOCKFREE"]),
            ("12 / 14 = 0.86 met", "12 / 12 = 1.00 met", "16, nothing to compare"),
        )
        pair = self.row(self.STRICT, "W2 instructions a try pair", results)
        self.assertEqual((pair["SPIN"], pair["MUTEX"]), ("12 / 14 = 0.86 met", "not measured"))
        pair = self.row(self.STRICT, "W3pass instructions a hand-over", results)
        self.assertEqual(
            (pair["SPIN"], pair["MUTEX"]), ("102 / 100 = 1.02 met", "103 / 100 = 1.03 NOT met")
        )
        time = self.row(self.STRICT, "W3pass, W3handoff 10..1000, time", results)
        self.assertEqual((time["SPIN"], time["MUTEX"]), ("1.03 NOT met", "not measured"))
        note = [s.note for s in bars.sections(results) if s.title == self.STRICT][0]
        self.assertTrue(note.startswith("this version over 4039971, which has no throughput mode"), note)
        results.context["baseline"] = "before"
        note = [s.note for s in bars.sections(results) if s.title == self.STRICT][0]
        self.assertTrue(note.startswith("this version over before, where the target is set beside"), note)

    def test_a_pair_of_one_instruction_more_is_not_the_same(self):
        costs = {"instructions": {"W1": {"SPIN": 101, "SPIN@baseline": 100}}}
        row = self.row(self.STRICT, "W1 instructions a pair", results_of(SOME, costs=costs))
        self.assertEqual(row["SPIN"], "101 / 100 = 1.01 NOT met")

    def test_strict_order_without_a_baseline_says_what_to_run(self):
        costs = {"instructions": {"W1": {"SPIN": 12.02}}}
        results = results_of(SOME, costs=costs)
        row = self.row(self.STRICT, "W1 instructions a pair", results)
        self.assertEqual((row["SPIN"], row["MUTEX"]), ("12, nothing to compare", "not measured"))
        note = [s.note for s in bars.sections(results) if s.title == self.STRICT][0]
        self.assertIn("benches/run.sh --bars --compare 4039971", note)

    def test_strict_order_from_a_run_of_its_own(self):
        strict = results_of(SOME, costs=self.COUNTED)
        strict.context.update({"baseline": "4039971", "commit": "abc1234"})
        results = results_of(SOME)
        row = self.row(self.STRICT, "W1 instructions a pair", results, strict)
        self.assertEqual(row["SPIN"], "12 / 14 = 0.86 met")
        section = [s for s in bars.sections(results, strict) if s.title == self.STRICT][0]
        self.assertIn("a run of its own: commit: abc1234", section.lines)

    def test_what_the_targets_want_counted_is_counted(self):
        with open(os.path.join(ROOT, "benches", "run.sh"), encoding="utf-8") as file:
            wanted = re.search("^to_count='(.*)'$", file.read(), re.M).group(1)
        for group in ("W1", "W2", "W3pass"):
            for contender in contenders.BACKENDS + ["LOCAL", "SPIN@baseline"]:
                self.assertRegex(f"{group}/{contender}", wanted)
        for name in ("W3handoff/10/executor", "W3handoff/10/executor-3-runs", "W7/10000/random/list-cancel"):
            self.assertRegex(name, wanted)

    def test_counted_instructions_have_a_table(self):
        results = results_of(SOME, costs=self.COUNTED)
        table = [s for s in tables.measured(results) if s.title == "W8: instructions"][0]
        self.assertEqual(table.header, ["instructions", "W1, pair", "W2, pair", "W3pass, hand-over"])
        self.assertEqual(table.rows[1], ["SPIN", "12.0", "12.0", "102.0"])
        self.assertEqual(table.rows[2], ["LOCKFREE", "16.0", "-", "-"])
        self.assertEqual([row[0] for row in table.rows[3:]], ["MUTEX@baseline", "SPIN@baseline"])
        self.assertEqual(self.verdict("W1 instructions a pair", results, "SPIN"), "12 met")
        self.assertNotIn("W8: instructions", [s.title for s in tables.measured(results_of(SOME))])

    def test_each_says_what_it_means(self):
        for section in bars.sections(results_of(SOME)):
            for row in section.rows:
                self.assertTrue(any(line.startswith(row[0] + ": ") for line in section.lines), row[0])


class Publish(unittest.TestCase):
    def published(self, results, strict):
        with tempfile.TemporaryDirectory() as folder, mock.patch.object(plots, "draw", return_value=([], "")):
            report.command_publish(results, folder, folder, strict)
            with open(os.path.join(folder, "figures.json"), encoding="utf-8") as file:
                kept = json.load(file)
            with open(os.path.join(folder, "figures.md"), encoding="utf-8") as file:
                return kept, file.read()

    def test_keeps_figures_and_instructions(self):
        kept, text = self.published(results_of(SOME, costs=Bars.COUNTED), None)
        self.assertEqual(kept["min, median, max"]["W1"]["MUTEX"], [9.9, 10, 10.2])
        self.assertEqual(kept["instructions"]["W1"]["SPIN@baseline"], 14.03)
        self.assertNotIn("strict order", kept)
        self.assertNotIn("The run with a baseline", text)

    def test_strict_order_may_come_from_another_run(self):
        strict = results_of({"W1": three(7, 7, 7)}, costs=Bars.COUNTED)
        strict.context["baseline"] = "4039971"
        kept, text = self.published(results_of(SOME), strict)
        self.assertEqual(kept["instructions"], {})
        self.assertEqual(kept["strict order"]["context"]["baseline"], "4039971")
        self.assertEqual(kept["strict order"]["min, median, max"]["W1"]["SPIN"], [6.9, 7, 7.1])
        self.assertEqual(kept["strict order"]["instructions"]["W1"]["SPIN"], 12.02)
        self.assertIn("| 12 / 14 = 0.86 met |", text)
        self.assertEqual(text.count("### Targets of strict order"), 1)
        self.assertIn("### The run with a baseline: W8: instructions", text)


class Page(unittest.TestCase):
    def test_recommendation_first_and_nothing_left_unescaped(self):
        with mock.patch.object(plots, "draw", return_value=([], "no <plots>")):
            text = page.page(results_of(SOME))
        self.assertLess(text.index("Which backend"), text.index("Plots"))
        self.assertLess(text.index("tasks queue on one thread"), text.index("min..max"))
        self.assertIn("no &lt;plots&gt;", text)

    def test_says_which_package_is_missing(self):
        with mock.patch("shutil.which", return_value=None), contextlib.redirect_stderr(io.StringIO()) as told:
            text = page.page(results_of(SOME))
        self.assertIn("gnuplot-nox", told.getvalue())
        self.assertIn("gnuplot-nox", text)

    @unittest.skipUnless(shutil.which("gnuplot"), "gnuplot is not installed")
    def test_gnuplot_draws_what_follows_the_theme(self):
        shares = {("W4/8/10/500/sleep", c): {"share_min": 0, "share_max": 3} for c in ("SPIN", "MUTEX")}
        storm = {"W7storm": three(10, 10, 10)}
        stages = {
            ("W7storm", c): {"heap_after_1000": 0, "heap_after_1000000": 5000} for c in contenders.BACKENDS
        }
        figures, excuse = plots.draw(results_of({**SOME, **storm}, counters={**shares, **stages}))
        self.assertEqual(excuse, "")
        self.assertEqual({f.name for f in figures}, {"hand-off", "share-8-10-500-sleep", "storm"})
        for figure in figures:
            self.assertIn("</svg>", figure.svg)
            self.assertIn("prefers-color-scheme: dark", figure.standalone())
            self.assertIn("viewBox", figure.html())
            self.assertNotIn("<?xml", figure.html())


class Scaling(unittest.TestCase):
    def test_knows_the_modes(self):
        line = {"lines": 2, "serial": 2}
        strict = {
            f"{what}, {c} cores": line for what in ("release that grants", "wait") for c in (2, 4, 16, 64)
        }
        past = {scaling.PAST: line}
        counts = {
            "MUTEX": {"operations": strict},
            "LOCKFREE": {"operations": strict},
            "SPIN": {"operations": {**strict, **past}},
            "LOCAL": {"operations": {}},
        }
        groups = {**SOME, "W5/two-threads": {"floor:line": 40}}
        section = scaling.scaling(results_of(groups, counts=counts))
        at = section.header.index("SPIN, throughput mode")
        self.assertEqual([row[at] for row in section.rows[:2]], ["10 / 10", "40 / 20"])
        slow = results_of({**groups, "W5/two-threads": {"floor:line": 4e6}}, counts=counts)
        with self.assertRaises(SystemExit):
            scaling.scaling(slow)
        self.assertEqual(scaling.scaling(slow, 10).rows, section.rows)
        local = section.header.index("LOCAL")
        self.assertEqual([row[local] for row in section.rows[:2]], ["8 / 4", "one thread only"])


class Compare(unittest.TestCase):
    def test_slower_beyond_noise(self):
        results = results_of(
            {"W1": {"SPIN": 12, "SPIN@baseline": 10}, "W2": {"SPIN": 10.1, "SPIN@baseline": 10}}
        )
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            self.assertEqual(compare.compare(results, False), 1)
            self.assertEqual(compare.compare(results, True), 1 - 1)
        self.assertIn("1 slower beyond noise", out.getvalue())
        self.assertTrue(out.getvalue().endswith("^(W1)$\n"))

    def test_no_baseline(self):
        with contextlib.redirect_stderr(io.StringIO()):
            self.assertEqual(compare.compare(results_of(SOME), False), 2)


class Workloads(unittest.TestCase):
    def test_every_workload_of_the_benches_has_words(self):
        folder = os.path.join(ROOT, "benches")
        codes = set()
        for name in os.listdir(folder):
            if name.endswith("_bench.c"):
                with open(os.path.join(folder, name), encoding="utf-8") as file:
                    for call in re.findall(r"bench_add\([^;]*;", file.read()):
                        codes.update(re.findall(r'"(W\d\w*|mixed)(?:/[^"]*)?"', call))
        self.assertIn("W1", codes)
        self.assertEqual(codes - set(workloads.WORKLOADS), set())


if __name__ == "__main__":
    unittest.main()
