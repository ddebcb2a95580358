"""The codes of the workloads, in words."""

# code: (its parameters, what it measures, what a time is charged to)
WORKLOADS = {
    "W1": ("", "acquire + release, nobody else", "pair"),
    "W2": ("", "try_acquire + release, nobody else", "pair"),
    "W3handoff": ("/K", "K tasks on one thread, one permit: every acquire waits its turn", "acquire"),
    "W3pass": ("", "ten waiters: a release hands over, and its waiter queues again", "hand-over"),
    "W3spawn": ("/N", "N tasks start, take one of 10 permits, yield, release, end", "task"),
    "W4": (
        "/T/K/W/idle",
        "T threads with K tasks each contend for one permit, and work W ns on their own between "
        "sections; a thread without a task that can run spins or sleeps",
        "section",
    ),
    "W5": ("", "two tasks notify each other in turn, on one thread or on two", "round trip"),
    "W6cycle": ("/N", "N waiters, notify_all, all run and wait again", "waiter"),
    "W6call": ("/N", "the notify_all call alone", "waiter"),
    "W7": ("/N/order", "N waiters register and cancel, oldest first, newest first or at random", "waiter"),
    "W7sizes": (
        "/order",
        "the same for 10 to 10,000 waiters, which take turns within each repetition",
        "waiter",
    ),
    "W7storm": ("", "one waits on while a million others register and cancel", "waiter"),
    "W8": ("", "what is counted and not timed: atomic operations, instructions, bytes", "call"),
    "W9limit": ("", "limit: acquire + give back, nobody else", "pair"),
    "W9limit_handoff": ("", "limit: give back to one that waits, and queue again", "hand-off"),
    "W9gate": ("", "gate: enter + leave", "pair"),
    "W9post": ("", "a second thread posts, this one drains its mailbox", "post"),
    "W9event": ("/N", "N wait for an event, set wakes them, reset", "waiter"),
    "W9deadline": ("/N", "N waits with deadlines: half are granted, half time out", "wait"),
    "W9channel": (
        "/now, /C",
        "an element in and out again by one thread; from one task to another, C places",
        "element",
    ),
    "W9rwlock": ("/read, /write", "read-write lock: read or write, and end it, nobody else", "pair"),
    "W9condvar": (
        "/tasks, /threads",
        "two take turns through a condition variable and its mutex",
        "round trip",
    ),
    "W9once": ("", "once: a look at what has been done", "call"),
    "W9oneshot": ("", "one value through an object made for it: made, waited for, sent, gone", "value"),
    "W9barrier": ("/N", "N tasks of one thread arrive, all go on", "arrival"),
    "W9": ("/N", "acquire N permits at once, wait for them, be granted", "acquire"),
    "W9any": ("", "wait for either of two semaphores, one of them comes", "wait"),
    "mixed": ("/T", "on T threads 80 % acquire, 10 % try, 5 % cancel, 5 % take three at once", "operation"),
}


def what(workload):
    return WORKLOADS.get(workload, ("", "", ""))[1]


def per(workload):
    return WORKLOADS.get(workload, ("", "", "operation"))[2]


def order(names):
    known = list(WORKLOADS)
    return sorted(names, key=lambda n: (known.index(n) if n in known else len(known), n))


def legend(names):
    """What the codes mean, in words: [(code with its parameters, words)]."""
    return [
        (name + WORKLOADS[name][0], f"{what(name)}; ns per {per(name)}")
        for name in order(names)
        if name in WORKLOADS
    ]
