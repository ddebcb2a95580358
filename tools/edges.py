#!/usr/bin/env python3
"""Lists the atomic operations of the headers by the happens-before edge that each belongs to.

    tools/edges.py            prints the list
    tools/edges.py --check    checks the comments and the explanations; exit status 1: something is missing

An operation belongs to the edges (E1, E2, ...) that the comment on it names: the nearest comment above it in its
function, or else the function's own; a comment may say "No edge:" and why. An operation stronger than relaxed whose comments name no edge is an error, and so
are an edge that the document does not explain, a relaxed operation with no comment at all in reach, and a rule of edges.rules that does
not name one place in the headers. The list itself is output and is not kept in a document.
"""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
HEADERS = ROOT / "include" / "rouse"
DOCUMENT = ROOT / "docs" / "memory-ordering.md"
VERDICTS = ROOT / "tests" / "model" / "wrong" / "orders.md"
RULES = VERDICTS.with_name("edges.rules")

OPERATION = re.compile(
    r"\brouse_(?:u32|u64|ptr)_(load|store|swap|cas|add)_(relaxed|acquire|release|acq_rel|seq_cst)_\(")
EDGE = re.compile(r"\bE(\d+)\b")
ROW = re.compile(r"^\| `([^`]+ to \w+(?: #\d+)?)` \|", re.M)
WEAKER = {"acquire": ["relaxed"], "release": ["relaxed"], "acq_rel": ["acquire", "release"], "seq_cst": ["acq_rel"],
          "seq_cst load": ["acquire"]}
FUNCTION = re.compile(r"\b(rouse_\w+)\(")


def argument(text, start):
    """The first argument of the call whose parenthesis ends at `start`."""
    depth = 0
    for i in range(start, len(text)):
        if text[i] == "(" or text[i] == "[":
            depth += 1
        elif text[i] in ")]" and depth > 0:
            depth -= 1
        elif text[i] in ",)" and depth == 0:
            return " ".join(text[start:i].split())
    raise ValueError("unbalanced call")


def member(operand):
    """What an operand names: the last member in it, or the variable."""
    return re.sub(r"\[.*", "[]", operand.lstrip("&*").split("->")[-1].split(".")[-1])


def comments_and_functions(text):
    """(position, end, comment) of every comment; (position, name) of every function defined at column 0."""
    comments = [(m.start(), m.end(), m.group()) for m in re.finditer(r"/\*.*?\*/", text, re.S)]
    functions = []
    for m in re.finditer(r"^(?:static|__attribute__|ROUSE_(?:INLINE|FAST|SLOW|COLD|LATE)_)[^;{}=]*?\{$", text, re.M | re.S):
        name = FUNCTION.search(re.sub(r"__attribute__\(\(\w+\)\)", "", m.group()))
        if name:
            functions.append((m.start(), name.group(1)))
    return comments, functions


def operations(path):
    """(function, operation, order, operand, edges, argued to need none, commented, the call as it is written) of every
    atomic operation of a header."""
    text = path.read_text()
    comments, functions = comments_and_functions(text)
    for m in OPERATION.finditer(text):
        if any(start < m.start() < end for start, end, _ in comments):
            continue
        inside = [f for f in functions if f[0] < m.start()]
        where, name = inside[-1] if inside else (0, "(initialiser)")
        above = [c for c in comments if where < c[1] <= m.start()]
        own = [c for c in comments if c[1] <= where and not text[c[1]:where].strip()]
        line = text[m.start():text.find("\n", m.start())]
        trailing = re.search(r"/\*.*?\*/", line)
        edges = []
        for comment in ([trailing.group()] if trailing else []) + [c[2] for c in above[::-1]] + [c[2] for c in own]:
            edges = sorted({int(e) for e in EDGE.findall(comment)})
            if edges:
                break
        argued = bool(above) and "No edge:" in above[-1][2]
        yield (name, m.group(1), m.group(2), member(argument(text, m.end())), [] if argued else edges, argued,
               bool(above or own or trailing), m.group())


def weakenings():
    """(name, header, function, the call as it is written, which of these in the function, the weaker order) of every way to
    weaken one order by one step."""
    names = set()
    for path in sorted(HEADERS.rglob("*.h")):
        header, seen = str(path.relative_to(HEADERS)), {}
        for function, operation, order, operand, *_, call in operations(path) if path.name != "atomic.h" else ():
            nth = seen[function, call] = seen.get((function, call), -1) + 1
            for weaker in WEAKER.get(order + " load" if order == "seq_cst" and operation == "load" else order, ()):
                name = f"{header} {function} {operation} {order} of {operand} to {weaker}"
                if name in names:
                    name += f" #{sum(other.startswith(name) for other in names) + 1}"
                names.add(name)
                yield name, header, function, call, nth, weaker


def not_reported():
    """The rows of orders.md that explain why the model tests do not report a weaker order."""
    return ROW.findall(VERDICTS.read_text().split("\n## Not reported")[1])


def collect():
    by_edge, errors, counted, relaxed = {}, [], 0, 0
    for path in sorted(HEADERS.rglob("*.h")):
        if path.name == "atomic.h":
            continue
        for name, operation, order, operand, edges, argued, commented, _ in operations(path):
            counted += 1
            relaxed += order == "relaxed"
            where = f"{path.relative_to(HEADERS)}: {name}: {operation} {order} of {operand}"
            if order != "relaxed" and not edges and not argued:
                errors.append(f"{where}: names no edge")
            if not commented and not (order == "relaxed" and path.name in ("deliver.h", "outcome.h", "locked.h", "listed.h", "list.h")):
                errors.append(f"{where}: no comment in reach")
            if order != "relaxed":
                for edge in edges:
                    by_edge.setdefault(edge, []).append((str(path.relative_to(HEADERS)), name, operation, order, operand))
    return by_edge, errors, counted, relaxed


def render(by_edge, counted, relaxed):
    lines = [f"{counted} atomic operations in the headers, {relaxed} of them relaxed. Those that are stronger, by edge:", "",
             "| edge | header | function | operation | order | on |", "|---|---|---|---|---|---|"]
    for edge in sorted(by_edge):
        rows = []
        for row in by_edge[edge]:
            if row not in rows:
                rows.append(row)
        for header, name, operation, order, operand in rows:
            lines.append(f"| E{edge} | `{header}` | `{name}` | {operation} | {order} | `{operand}` |")
    return "\n".join(lines)


def main():
    by_edge, errors, counted, relaxed = collect()
    table = render(by_edge, counted, relaxed)
    mode = sys.argv[1] if len(sys.argv) > 1 else ""
    if mode not in ("", "--check"):
        sys.exit(__doc__)
    if not mode:
        print(table)
    else:
        explained = {int(e) for e in re.findall(r"^### E(\d+)\b", DOCUMENT.read_text(), re.M)}
        for edge in sorted(set(by_edge) ^ explained):
            errors.append(f"E{edge}: " + ("not explained in docs/memory-ordering.md" if edge in by_edge
                                          else "explained, but no operation names it"))
        orders = {name for name, *_ in weakenings()}
        errors += [f"{VERDICTS.name}: no such order: {row}" for row in not_reported() if row not in orders]
        sys.path.insert(0, str(RULES.parent))
        sys.dont_write_bytecode = True
        import rules  # which reads this file for itself
        errors += [f"{RULES.name}: {error}" for error in rules.errors(RULES)]
    for error in errors:
        print(error, file=sys.stderr)
    sys.exit(1 if errors else 0)


if __name__ == "__main__":
    main()
