#!/usr/bin/env python3
"""Runs the trace example, draws its log, and compares all but the times.

    trace_test.py PROGRAM TIMELINE WORK
"""
import os
import re
import subprocess
import sys
import xml.etree.ElementTree as xml

EXPECTED = """\
W1 waits for Q1: grant by T1, wake
W2 waits for Q1: cancel by T1
W3 waits for Q1: grant by T1, wake
W4 waits for Q1: grant by T1, wake
Q1 closed
4 waits, 1 closings, 1 threads
"""


def main():
    program, timeline, work = sys.argv[1:]
    log = subprocess.run([program], capture_output=True, text=True, check=True, timeout=60).stdout
    text = subprocess.run([timeline], input=log, capture_output=True, text=True, check=True, timeout=60).stdout
    shown = re.sub(r"(?m)^ *[0-9.]+ us  |( [0-9.]+ us later)?  [0-9.]+ us$", "", text)
    if shown != EXPECTED:
        sys.exit(f"the timeline is\n{text}\nand not\n{EXPECTED}")
    picture = os.path.join(work, os.path.basename(program) + ".svg")
    subprocess.run([timeline, "--svg", picture], input=log, text=True, check=True, timeout=60)
    bars = [e for e in xml.parse(picture).iter("{http://www.w3.org/2000/svg}rect") if len(e) == 1]
    if len(bars) != 4:
        sys.exit(f"the picture has {len(bars)} bars, not 4")
    print("trace_test: text and picture as expected")


if __name__ == "__main__":
    main()
