#!/usr/bin/env python3
"""Writes tests/fuzz/corpus/calls, corpus/threads and corpus/family: a few histories to start from, in the encodings that calls.c,
threads.c and family.c read. Run it after a change of those."""
import pathlib

QUEUE, SECOND, SEMAPHORE, NOTIFY, MUTEX, OPEN_SEMAPHORE, OPEN_MUTEX, OPEN_LIMIT = range(8)
NOTHING = (13, 3, 0)  # a wake that tries to take from the notify


def call(what, thing, who=0, number=1, kind=0):
    return bytes([what, thing + 8 * kind, who, number])


def wait(thing, who, number=1, then=NOTHING, kind=0):
    return call(0, thing, who, number, kind) + bytes(then)


def cancel(who):
    return call(6, 0, who)


def wake(thing, number=1, kind=0):
    return call(9, thing, 0, number, kind)


ALL, TAKE, DRAIN, OTHER = 12, 13, 14, 15
POLLED, MAILED, THREE, FIVE = 6, 13, 8, 12


def open_seeds(thing):
    """Histories of an object in throughput mode, with bound b after renew(b)."""
    def renew(bound):
        return call(OTHER, thing, 0, {1: 10, 2: 26, 3: 2, 4096: 18, "most": 4}[bound])

    def answer(who, number=1):
        return call(0, thing, who, number)

    def take():
        return call(TAKE, thing, 0, 1, 1)

    def waiting(*kinds):
        return take() * 3 + b"".join(wait(thing, i, kind) for i, kind in enumerate(kinds))

    return {
        "invited": waiting(1, 1, 1) + wake(thing) + answer(0) + wake(thing) + answer(1) + wake(thing) + answer(2),
        "bound": renew(2) + waiting(1, 1) + (wake(thing) + take()) * 3 + answer(0) * 2,
        "beaten": renew("most") + waiting(1, 1) + wake(thing) + take() + answer(0) + wake(thing) + answer(0) + wake(thing) + answer(1),
        "declined": renew(4096) + waiting(1, 1, 1) + wake(thing) + answer(0, 4) + answer(1, 4) + wake(thing) + answer(2),
        "in_mailbox": waiting(MAILED, MAILED, MAILED) + wake(thing) + take() + call(DRAIN, 0) + wake(thing) + cancel(0) + call(DRAIN, 0) * 2,
        "closed_invited": waiting(1, MAILED, POLLED) + wake(thing) * 2 + call(OTHER, thing, 0, 8) + answer(0) + call(DRAIN, 0),
        "several": waiting(4, 8, POLLED, 1) + wake(thing, 12) + answer(0) + wake(thing) + answer(1) + call(TAKE, thing, 0, 4) + answer(3),
        "in_wakes": b"".join(wait(thing, i, 1, (0, thing, i)) for i in range(6)) + wake(thing) * 7,
    }


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
    # Throughput mode. A wake that resumes (RESUME) or declines (DECLINE) its own waiter.
    **{name + "_" + of: seed for of, thing in (("semaphore", OPEN_SEMAPHORE), ("mutex", OPEN_MUTEX), ("limit", OPEN_LIMIT))
       for name, seed in open_seeds(thing).items()},
    "reserve": call(OTHER, QUEUE, 0, 9) + b"".join(wait(QUEUE, i, POLLED) for i in range(9)) + call(ALL, QUEUE),
}

# ---- threads.c: calls before, of three threads, after; then which one continues for how long ----


def made(kind, thing, how=0):
    """thing: 0 queue, 1 semaphore, 2 notify, 3 mutex. how of a wait: 16 polled, multiples of 4 ask for several."""
    return bytes([{"wait": 0, "wake": 5, "try": 9, "cancel": 12, "other": 15}[kind] + 16 * thing, how])


def threads(before, first, second, third, after, schedule, mode=0):
    """mode: 0 strict; throughput mode with a bound of 1 (1), 2 (2), ROUSE_BYPASS (3)."""
    history = bytes([len(before) + 7 * mode]) + b"".join(before)
    for calls in (first, second, third):
        history += bytes([len(calls) - 1]) + b"".join(calls)
    return history + bytes([len(after)]) + b"".join(after) + schedule


def turns(*lengths):
    """One thread after the other, each for that many of threads.c's lengths."""
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
D = made("wait", 1, 225)  # declines
for bound in 1, 2, 3:
    SEEDS_THREADS |= {
        f"newcomers_{bound}": threads([T, W], [R], [T, R, T, R], [T, T], [R, R], turns(5, 14, 0, 14) + turns(14, 14, 14), bound),
        f"newcomers_at_once_{bound}": threads([T, W, W], [R, R], [T, R, T, R], [T, R], [R, R], FINE, bound),
        f"decline_cancel_{bound}": threads([T, D, W], [R, R], [made("cancel", 1, 1), T], [made("cancel", 1, 2), R], [R, R], FINE, bound),
        f"close_invited_{bound}": threads([T, W, V], [R], [made("other", 1, 2)], [T, R, W], [R], FINE, bound),
    }


# ---- family.c ----

LIMIT, EVENT, GATE, LOCK, RWLOCK, ONCE, BARRIER, CONDVAR, RECEIVE, SEND, ANY, SEVERAL = 0, 1, 2, 3, 4, 5, 6, 10, 12, 13, 14, 15
IDLE = (31, 0, 0, 1)  # a wake that does nothing


def ask(thing, who, number=1, how=0, then=IDLE):
    """number: 1, 3 (means 2), or a multiple of 4. how: 1 + 16 * the deadline; 4 polled, 6 on the mailbox, 7 both with a deadline."""
    return bytes([thing, who, number, how]) + bytes(then) * (2 if thing == BARRIER else 1)


def do(what, number=1, how=0, who=0):
    return bytes([what, who, number, how])


def leave(who):
    return do(16, who=who)


GIVE, SET_LIMIT, TRY, SET, RESET, ENTER, LEAVE = do(19), do(19, 1, 2), do(19, 3, 3), do(21), do(21, 1, 1), do(22), do(22, 1, 2)
SIGNAL, BROADCAST, UNLOCK, FAILED, READY, DRAIN_ALL = do(23, 1, 1), do(23), do(24), do(28, 1, 1), do(28), do(30)
END_LOCK, DOWNGRADE, UPGRADE, TAKE_MANY, CLOSE_CHANNEL, CLOSE_GATE = do(26), do(26, 1, 1), do(26, 1, 3), do(27, 1, 3), do(31, 1, 0, 6), do(31, 1, 0, 2)
HELD = ask(LOCK, 9)
SEEDS_FAMILY = {
    "full": b"".join(ask(LIMIT, i) for i in range(8)) + GIVE * 6,
    "debt": TRY + ask(LIMIT, 0, 3) + ask(LIMIT, 1) + SET_LIMIT + GIVE * 2 + leave(0) + GIVE + do(19, 16, 2),
    "resized_in_wake": TRY + ask(LIMIT, 0, 1, 0, (19, 0, 16, 2)) + b"".join(ask(LIMIT, i) for i in range(1, 4)) + GIVE,
    "set_reset": b"".join(ask(EVENT, i, 1, i) for i in range(5)) + SET + RESET + ask(EVENT, 6) + do(30) + SET,
    "drained": ask(GATE, 0) + ask(GATE, 1, 1, 6) + ENTER + CLOSE_GATE + ENTER + LEAVE * 3 + DRAIN_ALL + ask(GATE, 2),
    "signal_passed_on": HELD + ask(CONDVAR, 0) + HELD + ask(CONDVAR, 1) + ask(LOCK, 2) + SIGNAL + leave(0) + UNLOCK * 3,
    "broadcast": b"".join(ask(LOCK, i) + ask(CONDVAR, i, 1, i) for i in range(4)) + ask(LOCK, 5) + BROADCAST + leave(1) + UNLOCK * 5,
    "readers_writer": b"".join(ask(RWLOCK, i, n) for i, n in enumerate((1, 0, 1, 1, 0))) + leave(1) + END_LOCK * 4 + DOWNGRADE + UPGRADE + END_LOCK,
    "channel": b"".join(ask(SEND, i) for i in range(4)) + TAKE_MANY + b"".join(ask(RECEIVE, i) for i in range(4, 8)) + do(27) + ask(SEND, 8)
    + ask(SEND, 9) + CLOSE_CHANNEL,
    "once": b"".join(ask(ONCE, i) for i in range(4)) + FAILED + leave(2) + READY + ask(ONCE, 5),
    "barrier": b"".join(ask(BARRIER, i) for i in range(7)),
    "equal_deadlines": b"".join(ask(EVENT, i, 1, 1 + 16 * (3 if i else 5)) for i in range(5)) + do(29, 1, 3) + do(29, 1, 5),
    "granted_and_late": ask(EVENT, 0, 1, 7 + 16) + ask(LIMIT, 1, 3) + ask(LIMIT, 2, 3, 1 + 32) + ask(LIMIT, 3) + SET + do(29, 1, 9) + DRAIN_ALL,
    "any": TRY + ask(ANY, 0) + ask(ANY, 1) + GIVE + SET + RESET + ask(ANY, 2) + leave(2),
    "handed_on": TRY + ask(EVENT, 1, 1, 0, (19, 0, 1, 0)) + ask(ANY, 0) + ask(LIMIT, 2) + SET,
    "several": b"".join(ask(SEVERAL, i) for i in range(4)) + leave(1) + do(19, 1, 4) + GIVE + ask(SEVERAL, 4) + do(31, 1, 0, 9) + GIVE * 2,
    "revoked": ask(EVENT, 0, 1, 6) + ask(EVENT, 1, 1, 6) + SET + do(31, 1, 3, 0) + do(31, 1, 3, 1) + RESET + ask(EVENT, 2, 1, 6) + do(31, 1, 3, 2),
    "posted": do(31, 1, 2, 0) + bytes((31, 1, 0, 3)) + do(31, 1, 2, 1) + bytes(IDLE) + do(31, 1, 2, 2) + bytes((31, 2, 0, 2)) + DRAIN_ALL * 2,
    "wakes_that_call": b"".join(ask(EVENT, i, 1, 0, (ANY if i % 2 else 29, i + 1, 1, 9)) for i in range(6)) + TRY + SET + GIVE * 2,
}


def main():
    for folder_name, seeds in (("calls", SEEDS), ("threads", SEEDS_THREADS), ("family", SEEDS_FAMILY)):
        folder = pathlib.Path(__file__).parent / "corpus" / folder_name
        folder.mkdir(parents=True, exist_ok=True)
        for name, data in seeds.items():
            (folder / name).write_bytes(data)
        print(f"{len(seeds)} seeds in {folder}")


if __name__ == "__main__":
    main()
