#!/usr/bin/env python3
"""Writes tests/fuzz/corpus/calls and corpus/threads: a few histories to start from, in the encodings that calls.c and threads.c
read. Run it after a change of those."""
import pathlib

QUEUE, SECOND, SEMAPHORE, NOTIFY, MUTEX = range(5)
NOTHING = (13, 3, 0)  # a wake that tries to take from the notify


def call(what, thing, who=0, number=1, kind=0):
    return bytes([what, thing + 5 * kind, who, number])


def wait(thing, who, number=1, then=NOTHING, kind=0):
    return call(0, thing, who, number, kind) + bytes(then)


def cancel(who):
    return call(6, 0, who)


def wake(thing, number=1, kind=0):
    return call(9, thing, 0, number, kind)


ALL, TAKE, DRAIN, OTHER = 12, 13, 14, 15
POLLED, MAILED, THREE, FIVE = 6, 13, 8, 12

SEEDS = {
    "handover": b"".join(wait(MUTEX, i) for i in range(8)) + b"".join(wake(MUTEX) for _ in range(9)),
    "batch": wait(QUEUE, 0, THREE) + wait(QUEUE, 1) + wait(QUEUE, 2, FIVE) + wake(QUEUE, 2, 9) * 3 + cancel(2) + wake(QUEUE, 3, 9),
    "cancel_middle": b"".join(wait(SEMAPHORE, i, 1 if i % 2 else POLLED) for i in range(12))
    + b"".join(cancel(i) for i in (5, 4, 6, 7, 3, 2)) + wake(SEMAPHORE, 16) * 2,
    "cancel_all": b"".join(wait(NOTIFY, i) for i in range(12)) + b"".join(cancel(i) for i in range(12)),
    "credit_to_those_behind": wait(QUEUE, 0, THREE) + wait(QUEUE, 1) + wait(QUEUE, 2) + wake(QUEUE, 2, 9) + cancel(0),
    "all_and_again": b"".join(wait(NOTIFY, i, 1, (0, NOTIFY, i)) for i in range(5)) + call(ALL, NOTIFY) * 3,
    "chain": b"".join(wait(SEMAPHORE, i, 1, (9, SEMAPHORE, 1)) for i in range(8)) + wake(SEMAPHORE, 1) * 5,
    "cancel_in_wake": wait(QUEUE, 0, 1, (7, QUEUE, 1)) + wait(QUEUE, 1) + wait(QUEUE, 2, 1, (7, QUEUE, 1)) + wake(QUEUE, 2, 9) * 2,
    "mailbox": b"".join(wait(NOTIFY, i, MAILED) for i in range(4)) + wake(NOTIFY) * 3 + call(DRAIN, 0) + wake(NOTIFY) + call(DRAIN, 0),
    "conditions": b"".join(wait(QUEUE, i, 1, NOTHING, 3 + 4 * i) for i in range(4)) + wake(QUEUE, 1, 0) * 3,
    "close": b"".join(wait(SEMAPHORE, i, FIVE) for i in range(4)) + wake(SEMAPHORE, 3) + call(OTHER, SEMAPHORE, 0, 8) + wait(SEMAPHORE, 5),
    "renew_in_wake": wait(QUEUE, 0, 1, (15, QUEUE, 2)) + wake(QUEUE, 1, 1) + wait(QUEUE, 1) + wake(QUEUE, 1, 1),
    "limits": wake(SEMAPHORE, 24) + wake(SEMAPHORE, 1) * 5 + call(TAKE, SEMAPHORE, 0, 20, 1) + wake(SEMAPHORE, 20) + call(TAKE, SEMAPHORE, 0, 20),
    "reserve": call(OTHER, QUEUE, 0, 9) + b"".join(wait(QUEUE, i, POLLED) for i in range(9)) + call(ALL, QUEUE),
}

# ---- threads.c: calls before, of three threads, after; then who goes on for how long ----


def made(kind, thing, how=0):
    """thing: 0 queue, 1 semaphore, 2 notify, 3 mutex. how of a wait: 16 polled, multiples of 4 ask for several."""
    return bytes([{"wait": 0, "wake": 5, "try": 9, "cancel": 12, "other": 15}[kind] + 16 * thing, how])


def threads(before, first, second, third, after, schedule):
    history = bytes([len(before)]) + b"".join(before)
    for calls in (first, second, third):
        history += bytes([len(calls) - 1]) + b"".join(calls)
    return history + bytes([len(after)]) + b"".join(after) + schedule


def turns(*lengths):
    """One thread after the other, each for so many of threads.c's lengths."""
    return bytes(i % 3 + 3 * length for i, length in enumerate(lengths)) + bytes(4)


W, V, R, C, T = made("wait", 1, 1), made("wait", 1, 17), made("wake", 1, 1), made("cancel", 1, 1), made("try", 1, 1)
ONE, EVERYBODY, SHUT = made("other", 0, 3), made("other", 0, 1), made("other", 0, 2)
FINE, COARSE = turns(*[1, 3, 2] * 20), turns(*[9, 12, 14] * 8)
SEEDS_THREADS = {
    "wait_give": threads([W], [W, W], [R, R], [V, C], [R, R], FINE),
    "cancel_give": threads([W, V, W], [made("cancel", 1, 1)], [R, R], [made("cancel", 1, 2)], [R, R], FINE),
    "segments": threads([W, W, W, W], [W, W], [R, R, R], [W, V], [R, R], COARSE),
    "batches": threads([made("wait", 1, 4)], [made("wait", 1, 20), R], [R, R, R], [W, made("cancel", 1, 0)], [R, R], FINE),
    "mutex": threads([made("wait", 3, 1)], [made("wait", 3, 1), made("wake", 3)], [made("wake", 3)], [made("wait", 3, 17)], [made("wake", 3)] * 2, FINE),
    "notify": threads([made("wait", 2, 1)] * 2, [made("other", 2, 1)], [made("wake", 2)], [made("wait", 2, 17), made("wake", 2)], [made("wake", 2)], FINE),
    "all_and_close": threads([made("wait", 0, 1)] * 3, [EVERYBODY], [SHUT], [made("wait", 0, 1), ONE], [], COARSE),
    "stored": threads([], [R, T], [T, R], [W, T], [T], FINE),
}


def main():
    for folder_name, seeds in (("calls", SEEDS), ("threads", SEEDS_THREADS)):
        folder = pathlib.Path(__file__).parent / "corpus" / folder_name
        folder.mkdir(parents=True, exist_ok=True)
        for name, data in seeds.items():
            (folder / name).write_bytes(data)
        print(f"{len(seeds)} seeds in {folder}")


if __name__ == "__main__":
    main()
