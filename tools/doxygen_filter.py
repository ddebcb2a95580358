#!/usr/bin/env python3
"""Doxygen's input filter: makes the headers' plain comments documentation comments. Line numbers stay.

  * A file's first comment becomes its page: the first line its title, the rest as it stands, for it holds tables.
  * A comment that begins a line and stands directly above a declaration or a macro documents it; indented lines in
    it (tables, examples) stay as they are.
  * A comment behind an enumerator documents it.
"""
import re
import sys

OPEN = re.compile(r"^/\* ?(.*)$")


def verbatim(lines):
    """Body lines of a comment, with runs of indented ones set as they are."""
    out, inside = [], False
    for line in lines:
        indented = line.startswith("  ")
        if indented and not inside:
            out.append("@verbatim " + line)
        elif inside and not indented:
            out[-1] += " @endverbatim"
            out.append(line)
        else:
            out.append(line)
        inside = indented
    if inside:
        out[-1] += " @endverbatim"
    return out


def text_of(comment):
    """The comment's lines without its marks."""
    comment = comment[:-1] + [re.sub(r" ?\*/\s*$", "", comment[-1])]
    lines = [OPEN.match(comment[0]).group(1)] + [re.sub(r"^ ?\*? ?", "", line) for line in comment[1:]]
    return [re.sub(r" ?-{4,} ?", "", line) for line in lines]  # rules around headings


def escaped(line):
    return re.sub(r"([@\\<>#])", r"\\\1", line)


def file_page(lines):
    name, title = re.match(r"(rouse/[\w/]+\.h(?:pp)?): (.*)", lines[0]).groups()
    body = lines[1:]
    if not body:
        return [f"/** @file {name} @brief {escaped(title)} */"]
    return [f"/** @file {name} @brief {escaped(title)} @verbatim"] + body[:-1] + [body[-1] + " @endverbatim */"]


def declaration_comment(lines):
    body = verbatim([line if line.startswith("  ") else escaped(line) for line in lines])
    body[0] = "/** " + body[0]
    body[-1] += " */"
    return body


def convert(source):
    out, at, first = [], 0, True
    while at < len(source):
        line = source[at]
        if not OPEN.match(line) or re.match(r"^/\* ----", line):
            line = re.sub(r"^(\s+ROUSE_\w+ = -?\d+,?\s*)/\*", r"\1/**<", line)
            out.append(line)
            at += 1
            continue
        end = at
        while "*/" not in source[end]:
            end += 1
        comment = source[at:end + 1]
        after = source[end + 1] if end + 1 < len(source) else ""
        if first:
            out += file_page(text_of(comment))
        elif re.match(r"(static|inline|typedef|using|struct|class|template|enum|#define|ROUSE_INLINE_|ROUSE_NODISCARD_)\b", after):
            out += declaration_comment(text_of(comment))
        else:
            out += comment
        first = False
        at = end + 1
    return out


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        sys.stdout.write("\n".join(convert(file.read().split("\n"))))


if __name__ == "__main__":
    main()
