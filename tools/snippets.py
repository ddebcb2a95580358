#!/usr/bin/env python3
"""Keeps the code in the documents equal to code that is compiled.

    tools/snippets.py            writes each block of code into its document
    tools/snippets.py --check    exit status 1: a document differs from the code

In a document, the line `<!-- code: FILE NAME -->` is above a fenced block. The block is what is in FILE
between the lines `/* snippet: NAME */` and `/* end snippet */` (in a script `#` in place of the comment marks),
less its indentation. A fenced block marked as c, cpp or cmake without such a line above it is an error in the
documents listed below.
"""
import pathlib
import re
import sys
import textwrap

ROOT = pathlib.Path(__file__).resolve().parent.parent
DOCUMENTS = ["docs/faq.md", "docs/migrating.md", "docs/debugging.md", "docs/portability.md",
             "docs/loops.md", "docs/unit-testing.md", "packaging/README.md"]
BLOCK = re.compile(r"<!-- code: (\S+) (\S+) -->\n```(\w*)\n(.*?)```\n", re.S)
LANGUAGES = ("c", "cpp", "cmake", "meson")


def snippet(file, name):
    text = (ROOT / file).read_text(encoding="utf-8")
    found = re.findall(rf"(?m)^[ \t]*(?:/\* |# )snippet: {re.escape(name)}(?: \*/)?\n(.*?)^[ \t]*(?:/\* |# )end snippet",
                       text, re.S)
    if len(found) != 1:
        sys.exit(f"snippets: {file} has {len(found)} snippets {name}")
    return textwrap.dedent(found[0])


def main():
    check = sys.argv[1:] == ["--check"]
    wrong = blocks = 0
    for document in DOCUMENTS:
        path = ROOT / document
        text = path.read_text(encoding="utf-8")
        made = BLOCK.sub(lambda m: f"<!-- code: {m[1]} {m[2]} -->\n```{m[3]}\n{snippet(m[1], m[2])}```\n", text)
        blocks += len(BLOCK.findall(text))
        bare = [m for m in re.findall(r"(?m)^```(\w+)$", BLOCK.sub("", text)) if m in LANGUAGES]
        if bare:
            print(f"{document}: {len(bare)} blocks of code that come from no file")
            wrong += 1
        if made != text:
            wrong += 1
            print(f"{document}: differs from the code" if check else f"{document}: written")
            if not check:
                path.write_text(made, encoding="utf-8")
    print(f"snippets: {blocks} blocks")
    return 1 if check and wrong else 0


if __name__ == "__main__":
    sys.exit(main())
