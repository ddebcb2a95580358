#!/usr/bin/env python3
"""explored.py STEP LASTTEST.LOG: what the tests of a ctest run have explored, from what they printed. One line for each kind.

ctest shows the output of tests that fail; those that pass say how far they went in its log, build-*/Testing/Temporary/LastTest.log."""
import re
import sys

MODEL = re.compile(r"^(\d+) scenarios, \d+ failed: (\d+) executions, up to (\d+) threads, (\d+) with a bound, (\d+) cut off, "
                   r"([\d.]+) s$", re.M)
LITMUS = re.compile(r"^\d+ litmus tests, .*$", re.M)
BOUND = re.compile(r"at most (\d+) preemptions and weak choices")
WRONG = re.compile(r"^(\d+) of (\d+) reported \(.*?\), (\d+) silent", re.M)
FUZZ = re.compile(r"number_of_executed_units: (\d+)")
STOPS = re.compile(r"^[a-z-]+: stopped at (\d+) scheduling points", re.M)
TURNS = re.compile(r"^turns: (\d+) runs, (\d+) switches", re.M)


def tests(text):
    """(name, seconds, output) of each test in the log."""
    for part in re.split(r"^\d+/\d+ Testing: ", text, flags=re.M)[1:]:
        seconds = re.search(r"^Test time = +([\d.]+) sec", part, re.M)
        yield part.split("\n", 1)[0], float(seconds.group(1)) if seconds else 0.0, part


def main():
    step, path = sys.argv[1:]
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            found = list(tests(file.read()))
    except OSError:
        return
    lines = []
    model = [(MODEL.search(text), text) for name, _, text in found if "model." in name]
    model = [(match, text) for match, text in model if match]
    if model:
        sums = [sum(float(match.group(i)) for match, _ in model) for i in (1, 2, 4, 5, 6)]
        bounds = sorted({int(bound) for _, text in model for bound in BOUND.findall(text)})
        lines.append("model: %d scenarios in %d programs, %d executions, 1 to %d threads; %d without a bound, %d with one of %s "
                     "preemptions and weak choices%s; %.0f s"
                     % (sums[0], len(model), sums[1], max(int(match.group(3)) for match, _ in model), sums[0] - sums[2],
                        sums[2], "/".join(map(str, bounds)) or "0",
                        ", of all these %d cut off by the clock" % sums[3] if sums[3] else "", sums[4]))
    for name, seconds, text in found:
        litmus = LITMUS.search(text)
        if litmus:
            lines.append("model: %s, %.0f s" % (litmus.group(), seconds))
    for label, pattern, form in (
            ("broken headers", WRONG, "%d of %d were reported, %d that cannot be told apart were not"),
            ("fuzz", FUZZ, "%d executions"),
            ("stopped threads", STOPS, "%d stops"),
            ("threads in turns", TURNS, "%d runs, %d switches")):
        hits = [(pattern.search(text), seconds) for _, seconds, text in found]
        hits = [(match, seconds) for match, seconds in hits if match]
        if hits:
            sums = tuple(sum(int(match.group(i + 1)) for match, _ in hits) for i in range(pattern.groups))
            lines.append("%s: %s in %d programs, %.0f s" % (label, form % sums, len(hits), sum(s for _, s in hits)))
    stress = [seconds for name, seconds, _ in found if re.match(r"(stress|soak)\.\w+\.(MUTEX|SPIN|LOCKFREE|LOCKFREE_SHORT)$", name)]
    if stress:
        lines.append("stress and random histories: %d programs, %.0f s" % (len(stress), sum(stress)))
    for line in lines:
        print("%-9s %s" % (step, line))


if __name__ == "__main__":
    main()
