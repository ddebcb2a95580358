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
# In throughput mode: one that takes its permit, one that is beaten and invited again, and does not answer.
INVITED = """\
0 1 queue 0x10 0xa
1000 1 queue 0x10 0xb
2000 2 invite 0x10 0xa
2000 2 wake 0x0 0xa
3000 1 grant 0x10 0xa
4000 2 invite 0x10 0xb
4000 2 wake 0x0 0xb
5000 1 beaten 0x10 0xb
6000 2 invite 0x10 0xb
6000 2 wake 0x0 0xb
9000 2 queue 0x10 0xc
"""
INVITED_SHOWN = """\
       0.0 us  W1 waits for Q1: grant by T1  3.0 us
       1.0 us  W2 waits for Q1: invited, not answered for 3.0 us
       9.0 us  W3 waits for Q1: still waiting
3 waits, 0 closings, 2 threads
"""


def main():
    program, timeline, work = sys.argv[1:]
    log = subprocess.run([program], capture_output=True, text=True, check=True, timeout=60).stdout
    text = subprocess.run([timeline], input=log, capture_output=True, text=True, check=True, timeout=60).stdout
    shown = re.sub(r"(?m)^ *[0-9.]+ us  |( [0-9.]+ us later)?  [0-9.]+ us$", "", text)
    if shown != EXPECTED:
        sys.exit(f"the timeline is\n{text}\nand not\n{EXPECTED}")
    text = subprocess.run([timeline], input=INVITED, capture_output=True, text=True, check=True, timeout=60).stdout
    if text != INVITED_SHOWN:
        sys.exit(f"the timeline is\n{text}\nand not\n{INVITED_SHOWN}")
    picture = os.path.join(work, os.path.basename(program) + ".svg")
    subprocess.run([timeline, "--svg", picture], input=log, text=True, check=True, timeout=60)
    bars = [e for e in xml.parse(picture).iter("{http://www.w3.org/2000/svg}rect") if len(e) == 1]
    if len(bars) != 4:
        sys.exit(f"the picture has {len(bars)} bars, not 4")
    print("trace_test: text and picture as expected")


if __name__ == "__main__":
    main()
