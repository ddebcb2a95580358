#!/usr/bin/env python3
"""Checks that every test that the documents name as suite/test exists. Exit status 1: one does not."""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent


def main():
    existing = set()
    for path in (ROOT / "tests" / "unit").glob("*.c*"):
        existing.update("/".join(m) for m in re.findall(r"^Test\((\w+), (\w+)", path.read_text(), re.M))
    suites = {name.split("/")[0] for name in existing}
    named, missing = 0, []
    for path in [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]:
        for name in re.findall(r"`(\w+/\w+)`", path.read_text()):
            if name.split("/")[0] in suites:
                named += 1
                if name not in existing:
                    missing.append(f"{path.relative_to(ROOT)}: no test {name}")
    print(f"{named} tests named in the documents, {len(existing)} exist", *missing, sep="\n")
    sys.exit(1 if missing or named == 0 else 0)


main()
