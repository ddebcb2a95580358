#!/usr/bin/env python3
"""Draws a log of tools/trace/rouse_trace.h: which waiter waited for what, how long, and which thread woke it.

    trace_timeline.py [LOG]              as text: a line for each wait
    trace_timeline.py --svg OUT [LOG]    as a picture: a lane for each waiter, a bar for each wait

LOG is standard input when it is not given. A wait begins with "queue" and ends with "grant" or "cancel"; what lies
between grant and wake is the time in which the releasing thread was busy with other wakes. In throughput mode a wait
that is invited and not answered says so, and how long before the last event that was.
"""
import argparse
import html
import sys


class Wait:
    def __init__(self, waiter, queue, begin):
        self.waiter, self.queue, self.begin = waiter, queue, begin
        self.end = self.woken = self.outcome = None
        self.invited = None  # and has not answered


def names(letter, known, address):
    """Short names in the order in which things turn up: addresses differ from run to run."""
    return known.setdefault(address, f"{letter}{len(known) + 1}")


def read(lines):
    """Waits in the order in which they began, the closings, and the number of threads."""
    waits, open_waits, closings = [], {}, []
    when = 0
    queues, waiters, threads = {}, {}, {}
    for line in lines:
        if line.startswith("#"):
            print(line.strip(), file=sys.stderr)
            continue
        when, thread, event, queue, waiter = line.split()
        thread = names("T", threads, thread)
        when = int(when) / 1000
        if event == "close":
            closings.append((when, names("Q", queues, queue)))
        elif event == "queue":
            wait = Wait(names("W", waiters, waiter), names("Q", queues, queue), when)
            before = open_waits.get(waiter)
            if before is not None and before.end is None:
                waits.remove(before)  # the call began again, or had its permit without waiting
            waits.append(wait)
            open_waits[waiter] = wait
        elif event in ("grant", "cancel") and waiter in open_waits:
            wait = open_waits[waiter]
            wait.end, wait.outcome = when, f"{event} by {thread}"
        elif event in ("invite", "beaten") and waiter in open_waits:
            open_waits[waiter].invited = when if event == "invite" else None
        elif event == "wake" and waiter in open_waits and open_waits[waiter].end is not None:  # not an invitation's
            open_waits[waiter].woken = when
    for wait in waits:
        if wait.end is None and wait.invited is not None:
            wait.outcome = f"invited, not answered for {when - wait.invited:.1f} us"
    return waits, closings, len(threads)


def print_text(waits, closings, threads, out):
    for wait in waits:
        length = "" if wait.end is None else f"  {wait.end - wait.begin:.1f} us"
        woken = "" if wait.woken is None else f", wake {wait.woken - wait.end:.1f} us later"
        print(f"{wait.begin:10.1f} us  {wait.waiter} waits for {wait.queue}: {wait.outcome or 'still waiting'}"
              f"{woken}{length}", file=out)
    for when, queue in closings:
        print(f"{when:10.1f} us  {queue} closed", file=out)
    print(f"{len(waits)} waits, {len(closings)} closings, {threads} threads", file=out)


def draw(waits, closings, out):
    lanes = list(dict.fromkeys(wait.waiter for wait in waits))
    last = max([w.woken or w.end or w.begin for w in waits] + [when for when, _ in closings] + [1])
    width, left, lane_height = 1000, 60, 22
    colours = ["#4472a8", "#b5622e", "#4f8a4f", "#7d5a9e", "#8a7a35", "#3a8a8a"]

    def x(when):
        return left + when / last * (width - left - 20)

    height = lane_height * (len(lanes) + 2)
    out.write(f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
              'font-family="sans-serif" font-size="12">\n<rect width="100%" height="100%" fill="white"/>\n')
    for number, lane in enumerate(lanes):
        out.write(f'<text x="8" y="{lane_height * (number + 1)}">{lane}</text>\n')
    for wait in waits:
        y = lane_height * (lanes.index(wait.waiter) + 1) - 11
        end = last if wait.end is None else wait.end
        colour = colours[(int(wait.queue[1:]) - 1) % len(colours)]
        title = html.escape(f"{wait.waiter} waits for {wait.queue}: {wait.outcome or 'still waiting'}")
        opacity = "0.35" if wait.outcome is None or wait.outcome.startswith(("cancel", "invited")) else "1"
        out.write(f'<rect x="{x(wait.begin):.1f}" y="{y}" width="{max(1.5, x(end) - x(wait.begin)):.1f}" '
                  f'height="13" fill="{colour}" opacity="{opacity}"><title>{title}</title></rect>\n')
        if wait.woken is not None:
            out.write(f'<line x1="{x(wait.woken):.1f}" x2="{x(wait.woken):.1f}" y1="{y - 3}" y2="{y + 16}" '
                      'stroke="black"/>\n')
    for when, queue in closings:
        out.write(f'<line x1="{x(when):.1f}" x2="{x(when):.1f}" y1="0" y2="{height - 25}" stroke="red" '
                  f'stroke-dasharray="4 3"><title>{queue} closed</title></line>\n')
    out.write(f'<text x="{left}" y="{height - 8}">0</text>'
              f'<text x="{width - 20}" y="{height - 8}" text-anchor="end">{last:.1f} us</text>\n</svg>\n')


def main():
    parser = argparse.ArgumentParser(description="Draws a log of tools/trace/rouse_trace.h.")
    parser.add_argument("--svg", metavar="OUT")
    parser.add_argument("log", nargs="?")
    arguments = parser.parse_args()
    if arguments.log:
        with open(arguments.log, encoding="utf-8") as file:
            waits, closings, threads = read(file)
    else:
        waits, closings, threads = read(sys.stdin)
    if arguments.svg:
        with open(arguments.svg, "w", encoding="utf-8") as file:
            draw(waits, closings, file)
    else:
        print_text(waits, closings, threads, sys.stdout)


if __name__ == "__main__":
    main()
