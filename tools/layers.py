#!/usr/bin/env python3
"""Checks what the headers of the library may know of each other.

    tools/layers.py                exit status 1: a header breaks a rule
    tools/layers.py --long [40]    prints the functions of the C headers that have more lines than that

* A header's internal functions begin with its noun, or with one of those in NOUNS.
* No header declares a function that another one defines. (It includes that one.)
* A public header names a member that ends in an underscore only if it declares that member. Exceptions are in MEMBERS.
* Benchmarks include nothing of the tests.
"""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
HEADERS = ROOT / "include" / "rouse"
FUNCTION = re.compile(r"^(?:ROUSE_(?:INLINE|SLOW|COLD|LATE|NODISCARD)_\s+)+[\w *]*?\b(rouse_\w+)\([^;{}]*\)\s*([;{])", re.M)
# What each backend defines under the names that waiter_queue.h, locked.h and open.h call (types.h lists them).
BACKEND = {"backend", "queue", "locked", "slot", "open", "word"}
NOUNS = {
    "base/atomic.h": {"fence"}, "queue/guard.h": {"guarded"}, "queue/local.h": BACKEND, "queue/locked.h": BACKEND,
    "queue/lockfree.h": BACKEND, "queue/mutex.h": BACKEND, "queue/spin.h": BACKEND, "queue/open_none.h": {"open"},
    "queue/open_turns.h": {"turns"}, "queue/open_word.h": {"open"}, "wake/deliver.h": {"inbox"},
    "wake/outcome.h": {"account", "standin", "waiter"},
    "queue/lockfree/cancel.h": {"backend"}, "queue/lockfree/wait.h": {"backend"},
    "queue/lockfree/segments.h": {"segment", "link", "chunk", "pool", "walk"}, "queue/lockfree/state.h": {"cell"},
    "queue/lockfree/ticket.h": {"spot"}, "queue/lockfree/wake.h": BACKEND | {"serving", "spot"},
}
# Members of a waiter, for the objects that keep waiters in their own lists.
LISTED = {"account_", "next_", "place_", "since_", "status_", "ticket_", "wake_"}
# A mailbox and a thread's inbox are declared where delivery needs them: wake/deliver.h.
MEMBERS = {
    "channel.h": {"account_"}, "condvar.h": {"next_"}, "limit.h": LISTED,
    "mailbox.h": {"arg_", "check_", "due_", "kick_", "kicks_", "mailbox_", "next_", "post_", "posted_", "running_", "status_",
                  "taken_", "wake_"},
    "stats.h": {"stats_"}, # of the queue, with ROUSE_STATS
    "waiter_queue.h": {"place_", "running_", "ticket_", "word_"},
}


def code(path):
    return re.sub(r"/\*.*?\*/", "", path.read_text(encoding="utf-8"), flags=re.S)


def long_functions(most):
    """Prints the functions whose body has more than `most` lines, the longest first."""
    lengths = []
    for path in sorted(HEADERS.rglob("*.h")):
        text = path.read_text(encoding="utf-8")
        for function in re.finditer(r"^(?:ROUSE_\w+_\s+)+[^;{}()#]*?\b(rouse_\w+)\([^;{}]*\)\s*\{\n(.*?)^\}", text, re.M | re.S):
            lengths.append((function[2].count("\n"), str(path.relative_to(ROOT)), function[1]))
    for length, path, function in sorted(lengths, reverse=True):
        if length > most:
            print(f"{length:4} {path} {function}")


def main():
    if sys.argv[1:2] == ["--long"]:
        return long_functions(int((sys.argv[2:] or ["40"])[0]))
    found, defined, declared = [], {}, []
    for path in sorted(HEADERS.rglob("*.h")):
        name, text = str(path.relative_to(HEADERS)), code(path)
        for function, end in FUNCTION.findall(text):
            if end == ";":
                declared.append((name, function))
                continue
            defined.setdefault(function, set()).add(name)
            nouns = NOUNS.get(name[7:], set()) | {path.stem}
            if name.startswith("detail/") and not any(function.startswith(f"rouse_{noun}_") for noun in nouns):
                found.append(f"{name}: {function} does not begin with {' or '.join(sorted(nouns))}")
        if "/" not in name:
            own = set(re.findall(r"\b(\w+_)(?:\[[^\]]*\]|\)\([^;]*\))?;", " ".join(re.findall(r"struct\s+\w*\s*\{(.*?)\n\}", text, re.S))))
            for member in sorted(set(re.findall(r"(?:->|\.)(\w+_)\b(?!\()", text)) - own - MEMBERS.get(name, set())):
                found.append(f"{name}: {member} is another header's")
    found += [f"{name}: declares {function} of {sorted(defined[function])[0]}" for name, function in declared
              if function in defined and name not in defined[function]]
    for path in (p for p in sorted((ROOT / "benches").rglob("*.[ch]*")) if p.is_file()):
        if re.search(r'#\s*include\s*"[^"]*tests/', path.read_text(encoding="utf-8")):
            found.append(f"{path.relative_to(ROOT)}: includes something of the tests")
    print("\n".join(found) if found else f"layers: {len(defined)} functions")
    return bool(found)


if __name__ == "__main__":
    sys.exit(main())
