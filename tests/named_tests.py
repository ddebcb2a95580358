#!/usr/bin/env python3
"""Checks that every test that the documents name exists: unit tests as suite/test, model tests as model.topic "scenario", rules of
tests/model/wrong/edges.rules as "P how the name begins". Also that every happens-before edge of docs/memory-ordering.md is broken by a
rule there; and that the stand-in for Criterion (tests/support/criterion) has all that the unit tests use. Exit status 1: not so."""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent


def main():
    existing = set()
    for path in (ROOT / "tests" / "unit").glob("*.c*"):
        existing.update("/".join(m) for m in re.findall(r"^(?:SHARED_TEST|Test)\((\w+), (\w+)", path.read_text(), re.M))
    scenarios = {path.stem: set(re.findall(r'\.name = "([^"]+)"', path.read_text()))
                 for path in (ROOT / "tests" / "model" / "races").glob("*.c")}
    suites = {name.split("/")[0] for name in existing}
    edges = re.findall(r"^### (E\d+) ", (ROOT / "docs" / "memory-ordering.md").read_text(), re.M)
    table = (ROOT / "tests" / "model" / "wrong" / "edges.rules").read_text()
    broken = set(re.findall(r"^(E\d+) ", table, re.M))
    rules = {line.split(" | ")[0] for line in table.splitlines()}
    named, missing = 0, []
    for path in [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]:
        for name in re.findall(r"`(\w+/\w+)`", path.read_text()):
            if name.split("/")[0] in suites:
                named += 1
                if name not in existing:
                    missing.append(f"{path.relative_to(ROOT)}: no test {name}")
        for name in re.findall(r'"((?:E\d+|P) [^"\n]+)"', path.read_text()):
            named += 1
            if not any(rule.startswith(name) for rule in rules):
                missing.append(f"{path.relative_to(ROOT)}: no rule {name} in edges.rules")
        for topic, name in re.findall(r'`model\.(\w+)` "([^"]+)"', path.read_text()):
            named += 1
            if name not in scenarios.get(topic, ()):
                missing.append(f"{path.relative_to(ROOT)}: no scenario {name} in {topic}.c")
    # In its tables docs/design.md has the ends of rules' names, and the beginnings of scenarios'.
    every = set().union(*scenarios.values())
    for row in re.findall(r"^\|.*\|$", (ROOT / "docs" / "design.md").read_text(), re.M):
        for name in re.findall(r'"(?:\.\.\. )?([^"]+)"', row.split("|")[-2]):
            named += 1
            if not any(rule.endswith(name) or rule.startswith(name) for rule in rules) and \
                    not any(scenario.startswith(name) for scenario in every):
                missing.append(f"docs/design.md: no rule and no scenario {name}")
    missing += [f"edges.rules: no rule breaks {edge}" for edge in edges if edge not in broken]
    unit = "".join(path.read_text() for path in (ROOT / "tests" / "unit").glob("*.[ch]"))
    stand_in = (ROOT / "tests" / "support" / "criterion" / "criterion.h").read_text()
    missing += [f"tests/support/criterion: no {macro}" for macro in sorted(set(re.findall(r"\bcr_\w+", unit)))
                if f"define {macro}(" not in stand_in]
    print(f"{named} tests named in the documents, {len(existing)} exist", *missing, sep="\n")
    sys.exit(1 if missing or named == 0 else 0)


main()
