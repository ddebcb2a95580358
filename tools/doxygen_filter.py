#!/usr/bin/env python3
"""Doxygen's input filter: makes the headers' plain comments documentation comments. Line numbers stay.

  * A file's first comment becomes its page, and its first line the title.
  * A comment that begins a line directly above a declaration or a macro documents it; indented lines in
    it (tables, examples) stay as they are. What is returned, required, woken, and what it costs, begin paragraphs.
  * The public functions that follow such a function without a blank line share its comment, and get it too.
  * A comment behind an enumerator documents it.
  * A line that is a macro's call, as of one that makes internal functions, is left out.
"""
import re
import sys
import textwrap

OPEN = re.compile(r"^/\* ?(.*)$")
PARAGRAPH = re.compile(r"^(Returns?\b|Requires?\b|Wakes:|Cost:|Ordering:|Races:)")
NAME = re.compile(r"\b(rouse_\w+)\(")
PUBLIC = re.compile(r"^ROUSE_INLINE_ [\w *]*?\brouse_\w*[a-z]\(")


def verbatim(lines):
    """Body lines of a comment, with runs of indented ones set as they are, less the indentation that they share."""
    out, at = [], 0
    while at < len(lines):
        end = at
        while end < len(lines) and lines[end].startswith("  "):
            end += 1
        if end == at:
            out.append(lines[at])
            at += 1
            continue
        run = textwrap.dedent("\n".join(lines[at:end])).split("\n")
        run[0] = "@verbatim " + run[0]
        run[-1] += " @endverbatim"
        out += run
        at = end
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
    return [f"/** @file {name} @brief {escaped(title)}"] + declaration_comment(body, "")


def declaration_comment(lines, begin="/** "):
    lines = [line if line.startswith("  ") else escaped(line) for line in lines]
    body = verbatim(lines[:1] + [PARAGRAPH.sub(r"<p>\1", line) for line in lines[1:]])
    body[0] = begin + body[0]
    body[-1] += " */"
    return body


def function_at(source, at):
    """Does a public function begin at this line? (Its attribute may have the line to itself.)"""
    return bool(PUBLIC.match(source[at].replace("ROUSE_NODISCARD_ ", "")) or
                (source[at] == "ROUSE_NODISCARD_" and PUBLIC.match(source[at + 1])))


def convert(source):
    out, at, first, shared = [], 0, True, ""
    while at < len(source):
        line = source[at]
        if re.match(r"ROUSE_\w+_\(", line):
            while line.count("(") != line.count(")"):
                out.append("")
                at += 1
                line += source[at]
            out.append("")
            at += 1
            continue
        if not line or line.startswith("#"):
            shared = ""
        elif shared and source[at - 1] == "}" and function_at(source, at):
            out.append(shared + " " + line)
            at += 1
            continue
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
            shared = ""
            if function_at(source, end + 1):
                shared = f"/** @copydoc {NAME.search(' '.join(source[end + 1:end + 3]))[1]} */"
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
