#!/usr/bin/env python3
"""Builds usdt_example.c, and checks that its probes are seen: by readelf, and by gdb, which stops at them.

    usdt_test.py CC GDB INCLUDE BACKEND
"""
import collections
import os
import re
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
STOP = ('printf "%s %d %d\\n", (char *)$_probe_arg0, $_probe_arg1 == (unsigned long)&limit, '
        '$_probe_arg2 >= (unsigned long)tasks && $_probe_arg2 < (unsigned long)(tasks + 100)')


def output(*command):
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True).stdout


def main():
    cc, gdb, include, backend = sys.argv[1:]
    with tempfile.TemporaryDirectory() as folder:
        program = os.path.join(folder, "usdt_example")
        output(cc, "-std=gnu11", "-O2", "-g", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-I" + include,
               "-DROUSE_BACKEND=ROUSE_BACKEND_" + backend, os.path.join(HERE, "usdt_example.c"), "-o", program,
               "-pthread")
        probes = len(re.findall(r"Provider: rouse\s+Name: event", output("readelf", "-n", program)))
        commands = os.path.join(folder, "commands")
        with open(commands, "w", encoding="utf-8") as file:
            file.write("set pagination off\nbreak -probe-stap rouse:event\n"
                       f"commands\nsilent\n{STOP}\ncontinue\nend\nrun\n")
        seen = output(gdb, "-q", "-batch", "-nx", "-x", commands, program)
    events = collections.Counter(re.findall(r"^(\w+ [01] [01])$", seen, re.M))
    print(f"{backend}: {probes} probes; gdb saw {dict(events)}")
    # event, whether the object is the semaphore, whether the waiter is one of the tasks
    wrong = [event for event in events if event not in ("queue 1 1", "cancel 1 1", "grant 1 1", "wake 0 1")]
    again = events["queue 1 1"] - events["cancel 1 1"]  # SPIN: a wait that begins again is withdrawn first
    if probes == 0 or wrong or events["grant 1 1"] != 99 or events["wake 0 1"] != 99 or again != 99:
        print(seen)
        sys.exit(f"not as expected: {wrong}")


main()
