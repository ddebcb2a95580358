#!/usr/bin/env python3
"""Writes docs/calls.md: each public call, what it returns, and from where it may be called.

    tools/calls.py            writes the page
    tools/calls.py --check    exit status 1: the page differs, or the headers' comments do not say enough

Statuses come from the comments of the headers: from the list that stands there, from the call that the comment names
("the same statuses as"), or from the call that the name is derived from (_until, _timed, _blocking). It is an error if a
comment, or a call's own lines of code, name a status that the call does not have by these rules, and if a call has none.
"""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
HEADERS = ROOT / "include" / "rouse"
PAGE = ROOT / "docs" / "calls.md"
CALL = re.compile(r"^(?:ROUSE_NODISCARD_ )?ROUSE_INLINE_ ([\w *]*?)\b(rouse_\w*[a-z])\(")
STATUSES = re.findall(r"\bROUSE_([A-Z]+) = -?\d", (HEADERS / "waiter.h").read_text(encoding="utf-8"))

# What a wait's wake gets after ROUSE_PENDING: by the beginning of its name.
WAKES = {
    "rouse_event_": "OK", "rouse_gate_": "OK", "rouse_barrier_": "OK", "rouse_condvar_": "OK CLOSED NOMEM OVERFLOW",
    "rouse_several_": "OK CLOSED CANCELLED FULL", "rouse_any_": "OK CLOSED CANCELLED",
    "rouse_semaphore_": "OK RETRY CLOSED CANCELLED", "rouse_mutex_": "OK RETRY CLOSED CANCELLED",
    "rouse_limit_": "OK RETRY CLOSED CANCELLED", "rouse_": "OK CLOSED",
}
# Calls whose comment says it in a sentence.
SAID = {
    "rouse_any_wait": "OK PENDING CLOSED NOMEM OVERFLOW INVALID FULL", "rouse_any_status": "*",
    "rouse_waiter_status": "*", "rouse_thread_waiter_await": "*", "rouse_limit_reserve": "OK",
    "rouse_limit_init_throughput": "OK INVALID", "rouse_semaphore_resume": "OK PENDING CLOSED CANCELLED",
    "rouse_mutex_resume": "OK PENDING CLOSED CANCELLED", "rouse_limit_resume": "OK PENDING CLOSED CANCELLED",
}
# In a signal handler, with LOCKFREE: what docs/backends.md and the headers promise.
HANDLER = {
    "rouse_waiter_queue_wake", "rouse_waiter_queue_wake_one", "rouse_waiter_queue_wake_all", "rouse_waiter_queue_try_wait",
    "rouse_waiter_queue_close", "rouse_semaphore_release", "rouse_semaphore_try_acquire", "rouse_semaphore_close",
    "rouse_mutex_unlock", "rouse_mutex_try_lock", "rouse_mutex_close",
    "rouse_notify_one", "rouse_notify_n", "rouse_notify_all", "rouse_notify_close",
    "rouse_limit_try_acquire", "rouse_limit_give_back", "rouse_limit_set", "rouse_event_set", "rouse_event_reset",
    "rouse_gate_enter", "rouse_gate_leave", "rouse_gate_close",
    "rouse_rwlock_end_read", "rouse_rwlock_end_write", "rouse_rwlock_downgrade", "rouse_rwlock_try_read",
    "rouse_rwlock_try_write", "rouse_rwlock_try_upgrade", "rouse_rwlock_close", "rouse_once_done", "rouse_once_failed",
}
# On which thread. The first that matches.
THREADS = [
    (r"_(thread_waiter_\w+|run_deferred_wakes|signal_prepare)$", "its own"),
    (r"_(mailbox_(init|drain|revoke|destroy)|deadlines_\w+|timed_\w+|several_\w+|\w+_until)$", "loop"),
    (r"_(init|init_on|init_throughput|destroy|attach_stats|check_relock)$|_arm_\w+$", "alone"),
    (r"", "any"),
]
NOT_IN_A_WAKE = re.compile(r"_(blocking|timed)$|_thread_waiter_await(_until)?$|_deadlines_destroy$")

HEAD = """# Every call

What each call returns, and from where it may be called.
`tools/calls.py` makes this page from the comments of the headers, and a test fails when it differs.
The [headers](../include/rouse/) say what each status means.

* **returns**: statuses without their `ROUSE_`.
  `NOMEM` comes from LOCKFREE only, and not where memory is reserved.
  `OVERFLOW` of a wait comes from MUTEX and SPIN only, when too many wait.
* **its wake gets**: what a wait that returned `PENDING` ends with.
  `RETRY` is no outcome; it and `CANCELLED` come only from objects in throughput mode (`CANCELLED` also from `several.h`).
* **thread**: *any* thread at any time; *loop*, the thread of the loop; *alone*, any thread, while no other uses the object; *its own*, the thread that it is about.
  With LOCAL, *any* means the thread that owns the object; `rouse_mailbox_post` alone is for every thread.
* **in a wake**: *no*, a `wake` must not call it; it may call all others.
* **handler**: *yes*, a signal handler may call it, with LOCKFREE ([conditions](backends.md#signal-handlers)).
  Otherwise, and with the other backends, it must not.

The calls of `rouse/loop/` belong to the loop's thread; their headers have the exceptions.
"""


def comment_lines(source, at):
    """The comment that begins at this line, without its marks; and the line behind it."""
    end = at
    while "*/" not in source[end]:
        end += 1
    return [re.sub(r"^(/\*| \*)|\*/\s*$", "", line) for line in source[at:end + 1]], end + 1


def calls_of(header):
    """(name, type, comment, code) of each public call; those that follow one without a comment of their own share it."""
    source, found, comment, at = header.read_text(encoding="utf-8").split("\n"), [], [], 0
    while at < len(source):
        if source[at].startswith("/*"):
            comment, at = comment_lines(source, at)
            continue
        call = CALL.match(source[at])
        if call:
            end = source.index("}", at)
            found.append((call[2], call[1].strip(), comment, " ".join(source[at:end])))
        at += 1
    return found


def listed(comment):
    """The statuses in the list of a comment: those at the smallest indentation."""
    rows = [(len(line) - len(line.lstrip()), line) for line in comment if re.match(r" {2,}ROUSE_[A-Z]+(, ROUSE_[A-Z]+)* {2,}", line)]
    least = min((indent for indent, _ in rows), default=0)
    names = " ".join(re.match(r"[ROUSE_A-Z, ]+", line)[0] for indent, line in rows if indent == least)
    return named(names)


def named(text):
    return {s for s in STATUSES if re.search(rf"ROUSE_{s}\b", text)}


def wakes_of(name):
    return set(next(v for k, v in WAKES.items() if name.startswith(k)).split())


def statuses(name, calls, wrong):
    """What a call that returns a rouse_status may return."""
    comment = calls[name][1]
    text = " ".join(comment)
    said = named(text)
    derived = re.match(r"(rouse_\w+)_(until|timed|blocking)$", name)
    same = re.search(r"the same\s+statuses\s+as\s+(rouse_\w+|\w+)", text)
    if name in SAID:
        return set(STATUSES) if SAID[name] == "*" else set(SAID[name].split())
    if derived and derived[1] in calls:
        got = statuses(derived[1], calls, wrong)
        if derived[2] == "until":
            return got | {"INVALID"}
        waited = wakes_of(name) - {"RETRY", "CANCELLED"}
        got = got - {"PENDING"} | waited | ({"TIMEDOUT"} if derived[2] == "timed" else set())
        return got
    if listed(comment):
        return listed(comment)
    if same:
        noun = name.split("_")[1]
        other = same[1] if same[1].startswith("rouse_") else f"rouse_{noun}_{same[1]}"
        return statuses(other, calls, wrong)
    if re.search(r"Returns?\s+ROUSE_", text):
        return said
    wrong.append(f"{name}: its comment does not say what it returns")
    return set()


def cell(names, order=STATUSES):
    return ", ".join(s for s in order if s in names)


def page():
    wrong, calls, headers = [], {}, {}
    for header in sorted(HEADERS.glob("*.h")):
        for name, kind, comment, code in calls_of(header):
            calls[name] = (kind, comment, code)
            headers.setdefault(header.name, []).append(name)
    for name in sorted(HANDLER | set(SAID)):
        if name not in calls:
            wrong.append(f"{name}: has a rule and is not there")
    # A comment that several calls share names the statuses of all of them.
    for name, (kind, comment, code) in calls.items():
        answers = named(re.sub(r"[=!]= ROUSE_\w+", "", " ".join(re.findall(r"return[^;]*;", code))))
        if kind == "rouse_status" and not answers <= statuses(name, calls, []) | {"PENDING"}:
            wrong.append(f"{name}: returns {answers - statuses(name, calls, [])}, which its comment does not say")
        if kind == "rouse_status" and not re.search(r"as above", " ".join(comment)):
            sharing = [n for n, (_, c, _) in calls.items() if c is comment and calls[n][0] == "rouse_status"]
            got = set().union(*(statuses(n, calls, []) | wakes_of(n) for n in sharing))
            if named(" ".join(comment)) - got - {"PENDING", "TIMEDOUT", "RETRY"}:
                wrong.append(f"{name}: its comment names {named(' '.join(comment)) - got}")
    out = [HEAD]
    for header, names in headers.items():
        out.append(f"## {header}\n")
        out.append("| call | returns | its wake gets | thread | in a wake | handler |\n|---|---|---|---|---|---|")
        for name in names:
            kind = calls[name][0]
            got = statuses(name, calls, wrong) if kind == "rouse_status" else set()
            returns = cell(got) if got else {"void": "", "bool": "true, false"}.get(kind, "a value")
            if name in SAID and SAID[name] == "*":
                returns = "the outcome"
            wakes = wakes_of(name) if "PENDING" in got and returns != "the outcome" and not name.endswith("_resume") else set()
            if name.endswith("_until") and wakes:
                wakes = wakes - {"RETRY"} | {"TIMEDOUT"}
            thread = next(where for pattern, where in THREADS if re.search(pattern, name))
            out.append(f"| `{name}` | {returns} | {cell(wakes)} | {thread} | {'**no**' if NOT_IN_A_WAKE.search(name) else ''} | "
                       f"{'yes' if name in HANDLER else ''} |")
        out.append("")
    if len(calls) < 200:
        wrong.append(f"only {len(calls)} calls found")
    return "\n".join(out), wrong, len(calls)


def main():
    text, wrong, count = page()
    if sys.argv[1:] == ["--check"]:
        if not PAGE.exists() or PAGE.read_text(encoding="utf-8") != text:
            wrong.append("docs/calls.md differs: tools/calls.py")
    else:
        PAGE.write_text(text, encoding="utf-8")
    print("\n".join(wrong) if wrong else f"calls: {count} calls")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
