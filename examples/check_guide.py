#!/usr/bin/env python3
"""Checks that every block of C and C++ in docs/guide.md is code that is compiled (how: tools/snippets.py).

    examples/check_guide.py            fails where they differ
    examples/check_guide.py --update   writes the code into the guide
"""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "tools"))
sys.dont_write_bytecode = True
import snippets  # noqa: E402

if __name__ == "__main__":
    snippets.DOCUMENTS = ["docs/guide.md"]
    sys.argv[1:] = [] if sys.argv[1:] == ["--update"] else ["--check"]
    sys.exit(snippets.main())
