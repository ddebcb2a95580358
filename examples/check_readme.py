#!/usr/bin/env python3
"""Checks that README.md's first C block is the snippet of examples/limit.c and its first text block what that prints.

    examples/check_readme.py            fails where they differ
    examples/check_readme.py --update   writes the files' text into README.md
"""
import difflib
import pathlib
import re
import sys

EXAMPLES = pathlib.Path(__file__).resolve().parent
README = EXAMPLES.parent / "README.md"
sys.path.insert(0, str(EXAMPLES.parent / "tools"))
sys.dont_write_bytecode = True
import snippets  # noqa: E402

WANTED = {"c": snippets.snippet("examples/limit.c", "limit"), "text": (EXAMPLES / "limit.expected").read_text()}


def first_block(text, language):
    """The span of the first fenced block of that language, without its fences."""
    found = re.search(rf"^```{language}\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    if not found:
        sys.exit(f"README.md has no ```{language} block")
    return found.span(1)


def main():
    update = sys.argv[1:] == ["--update"]
    differ = False
    text = README.read_text()
    for language, wanted in WANTED.items():
        start, end = first_block(text, language)
        if text[start:end] != wanted:
            differ = True
            sys.stdout.writelines(difflib.unified_diff(
                text[start:end].splitlines(True), wanted.splitlines(True), "README.md", "examples/limit"))
            text = text[:start] + wanted + text[end:]
    if update:
        README.write_text(text)
    elif differ:
        sys.exit("README.md differs from what is compiled and run: examples/check_readme.py --update")
    else:
        print("README.md shows what is compiled and run")


if __name__ == "__main__":
    main()
