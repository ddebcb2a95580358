#!/usr/bin/env python3
"""Runs gdb with tools/rouse_gdb.py on the program of queues.c and compares what it shows.

    gdb_test.py GDB SCRIPT PROGRAM BACKEND
"""
import re
import subprocess
import sys

ADDRESS = "0x[0-9a-f]+"
COMMANDS = ["rouse-queue &limit", "print idle", "rouse-queue alone", "rouse-queue &event", "rouse-queue mutex",
            "print closed", "print waiters[7]", "print waiters[1]", "rouse-queue crowd", "set rouse-limit 3",
            "rouse-queue crowd.queue_", "rouse-queue waiters[0]"]
INVITED = ["rouse-queue hurried", "print hurried", "print hurrying[0]", "rouse-queue posted"]


def expected(backend):
    """Lines, as regular expressions. {a} stands for an address."""
    lines = [
        "rouse_semaphore {a}, {b}: balance -4, open, 2 waiters",
        "  1  {a}  asked 5, lacks 3, wake start_request, data 0x0",
        "  2  {a}  asked 1, lacks 1, wake refuse_request, data 0x0",
    ]
    lines += [
        "\\$1 = rouse_semaphore: balance 7, open, nobody waits",
        "rouse_semaphore {a}, {b}: balance -3, open, 1 waiter",
        "  1  {a}  asked 4, lacks 3, wake start_request, data 0x0",
        "rouse_notify {a}, {b}: balance 1, open, nobody waits",
        "rouse_mutex {a}, {b}: balance -1, open, 1 waiter",
        "  1  {a}  asked 1, lacks 1, polled, data {a}",
        "\\$2 = rouse_waiter_queue: balance 0, closed, nobody waits",
        "\\$3 = rouse_waiter: ROUSE_CLOSED, data 0x0",
        "\\$4 = rouse_waiter: ROUSE_PENDING, asked 1, lacks 1, wake refuse_request, data 0x0",
        "rouse_semaphore {a}, {b}: balance -15, open, 15 waiters",
    ]
    lines += [f"  {i}  {{a}}  asked 1, lacks 1, wake start_request, data {{a}}" for i in range(1, 16)]
    lines.append("rouse_waiter_queue {a}, {b}: balance -15, open, 15 waiters")
    lines += [f"  {i}  {{a}}  asked 1, lacks 1, wake start_request, data {{a}}" for i in range(1, 4)]
    lines.append("  \\(12 more waiters\\)")
    if backend != "LOCAL":  # which has no throughput mode
        lines += [
            "rouse_semaphore {a}, {b}: balance -3, open, 3 waiters, 1 invited",
            "  1  {a}  invited, has not answered, wake start_request, data 0x0",
            "  2  {a}  asked 1, lacks 1, wake refuse_request, data 0x0",
            "  3  {a}  asked 2, lacks 2, wake start_request, data 0x0",
            "  \\(throughput mode: 1 free, newcomers have taken 3 of at most 3 in a row\\)",
            "\\$5 = rouse_semaphore: balance -3, open, 3 waiters, 1 invited",
            "\\$6 = rouse_waiter: ROUSE_RETRY, has not answered, data 0x0",
            "rouse_mutex {a}, {b}: balance 0, open, 1 waiter, 1 invited",
            "  1  {a}  invited, has not answered, wake start_request, mailbox {a}, data 0x0",
            "  \\(throughput mode: 0 free, newcomers have taken 1 of at most 5 in a row\\)",
        ]
    return [line.replace("{a}", ADDRESS).replace("{b}", backend) for line in lines]


def main():
    gdb, script, program, backend = sys.argv[1:]
    command = [gdb, "-batch", "-nx", "-ex", f"source {script}", "-ex", "break stop_here", "-ex", "run", "-ex", "up",
               "-ex", "echo begin\\n"]
    for line in COMMANDS + (INVITED if backend != "LOCAL" else []):
        command += ["-ex", line]
    # The program starts again in its own shell-less process; nothing of it is left when gdb ends.
    result = subprocess.run(command + [program], capture_output=True, text=True, timeout=90)
    lines = result.stdout.splitlines()
    shown = lines[lines.index("begin") + 1:] if "begin" in lines else []
    wanted = expected(backend)
    wrong = [f"line {i + 1}: {got!r} does not match {want!r}"
             for i, (got, want) in enumerate(zip(shown, wanted)) if not re.fullmatch(want, got)]
    if len(shown) != len(wanted):
        wrong.append(f"{len(shown)} lines, not {len(wanted)}")
    if "is a rouse_waiter, not one of: rouse_semaphore" not in result.stderr:
        wrong.append("an object of another type was not refused")
    if wrong:
        sys.exit("\n".join(wrong[:5] + ["---- gdb said:", result.stdout, result.stderr]))
    print(f"gdb_test: {backend}: {len(shown)} lines as expected")


if __name__ == "__main__":
    main()
