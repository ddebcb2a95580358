#!/usr/bin/env python3
"""Puts load on an example server, and plots the waits that its /status tells.

    examples/plot_waits.py SERVER SCRIPT NAME      writes NAME.txt and, by gnuplot and SCRIPT, NAME.svg
"""
import re
import subprocess
import sys

from drive_server import Server, check, run_tool


def main():
    command, script, name = sys.argv[1:]
    server = Server([command], work_ms=2)
    run_tool("ab", "-q", "-k", "-n", "2000", "-c", "32", "-s", "60", server.url)
    status = server.get("/status")[1]
    server.stop()
    print(status)
    rows = re.findall(r"^\d+ \d+$", status, re.M)
    waited = int(re.search(r" waited=(\d+)", status).group(1))
    check(sum(int(row.split()[1]) for row in rows) == waited > 0, "the histogram is not that of all waits")
    with open(name + ".txt", "w", encoding="utf-8") as file:
        file.write("\n".join(rows) + "\n")
    subprocess.run(["gnuplot", "-e", f"data='{name}.txt'; picture='{name}.svg'", script], check=True)
    with open(name + ".svg", encoding="utf-8") as file:
        check(">waits for a permit<" in file.read(), "no curve in the picture")
    print(name + ".svg")


main()
