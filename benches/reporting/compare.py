"""This version against an earlier one that ran interleaved with it."""
import re
import statistics
import sys

from reporting.contenders import BACKENDS, LOCAL
from reporting.results import natural
from reporting.tables import text_table


def noise_limit(group, backend):
    """What the same code may differ by: bare pairs 5 %; other work of one thread 10 %, because the two versions lie at
    different places in the program and in the heap; threads on a shared machine 25 %, and LOCAL, whose calls are the
    shortest."""
    if backend == LOCAL or group.workload in ("W4", "mixed") or group.name == "W5/two-threads":
        return 1.25
    return 1.05 if group.workload in ("W1", "W2") else 1.10


def compare_group(group):
    """[(backend, ratio of medians, slower beyond noise?, faster beyond noise?)]. Beyond noise: the median and the best
    repetition both differ by more than the limit, and the middle halves of the repetitions do not overlap."""
    out = []
    for backend in [*BACKENDS, LOCAL]:
        limit = noise_limit(group, backend)
        new, old = group.samples.get(backend), group.samples.get(backend + "@baseline")
        if not new or not old:
            continue
        new_low, _, new_high = statistics.quantiles(new, n=4)
        old_low, _, old_high = statistics.quantiles(old, n=4)
        ratio, best = statistics.median(new) / statistics.median(old), min(new) / min(old)
        out.append(
            (
                backend,
                ratio,
                min(ratio, best) > limit and new_low > old_high,
                max(ratio, best) < 1 / limit and new_high < old_low,
            )
        )
    return out


def compare(results, only_list):
    """Prints what differs beyond noise. Exit status 1: something got slower; 2: there is no baseline."""
    rows, slower = [], []
    for group in sorted(results.groups.values(), key=lambda g: natural(g.name)):
        for backend, ratio, worse, better in compare_group(group):
            if worse:
                slower.append(group.name)
            if worse or better:
                rows.append(
                    [
                        f"{group.name} {backend}",
                        f"{ratio:.2f}x",
                        "SLOWER" if worse else "faster",
                        f"{group.median(backend):.1f}",
                        f"{group.median(backend + '@baseline'):.1f}",
                    ]
                )
    if only_list:
        print("^(" + "|".join(re.escape(name) for name in sorted(set(slower))) + ")$" if slower else "")
        return 0
    pairs = sum(len(compare_group(g)) for g in results.groups.values())
    if pairs == 0:
        print("report.py: no baseline in these results", file=sys.stderr)
        return 2
    print(f"\ncompared {pairs} workloads with the baseline, interleaved in one process")
    if rows:
        print("\n".join(text_table(["beyond noise", "ratio", "", "now ns", "then ns"], rows)))
    print(f"  {len(slower)} slower beyond noise" if slower else "  nothing slower beyond noise")
    return 1 if slower else 0
