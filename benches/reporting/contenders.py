"""The contenders, the order in which they are shown, and what each cannot do."""

BACKENDS = ["MUTEX", "SPIN", "LOCKFREE"]
DEFAULT = "SPIN"
LOCAL = "LOCAL"  # for one thread; takes part in the groups of one thread
FAST = [b + "-fast" for b in BACKENDS]  # throughput mode, between tasks
THREADS = [b + "-threads" for b in BACKENDS]  # blocking.h, for plain threads
THREADS_FAST = [t + "-fast" for t in THREADS]
MAILBOX = [b + "-mailbox" for b in BACKENDS]  # tasks whose wakes run in the drain of a mailbox
MAILBOX_FAST = [m + "-fast" for m in MAILBOX]
FLOORS = [
    "floor:two-rmw",
    "executor",
    "executor-3-runs",
    "list",
    "list-cancel",
    "list-cancel-56",
    "floor:line",
    "floor:release-add",
    "floor:release-neighbour-add",
    "floor:release-look-add",
    "floor:release-cas",
    "floor:release-guess",
]
PEERS = [
    "tokio",
    "async-lock",
    "naive-vecdeque",
    "naive-segqueue",
    "pthread_mutex",
    "sem_t",
    "nsync",
    "moodycamel",
    "pthread",
    "async-channel",
]
OURS = BACKENDS + [LOCAL] + FAST + MAILBOX + MAILBOX_FAST + THREADS + THREADS_FAST
BLOCKING = THREADS + THREADS_FAST + ["pthread_mutex", "sem_t", "nsync", "moodycamel", "pthread"]

# What it is; what it cannot do. A test holds this against the contenders of CMakeLists.txt.
_FIFO = "first in, first out"
_BOUND = "overtaking up to a bound"
_ANY = "overtaking without a bound"
_CONTENDERS = {
    # name: (tasks, cancel, order, further limits)
    "MUTEX": ("yes", "yes", _FIFO, "not in signal handlers"),
    "SPIN": ("yes", "yes", _FIFO, "not in signal handlers"),
    "LOCKFREE": ("yes", "yes", _FIFO, "allocates when a waiter queues"),
    "LOCAL": ("yes", "yes", _FIFO, "one thread only; not in signal handlers"),
    "tokio": ("yes", "yes", _FIFO, ""),
    "async-lock": ("yes", "yes", _ANY, "one permit at a time"),
    "naive-vecdeque": ("yes", "slow with many waiters", _ANY, "batches of permits wake one waiter"),
    "naive-segqueue": ("yes", "loses the wake of a cancelled waiter", _ANY, "one thread only"),
    "pthread_mutex": ("no", "no", _ANY, "one permit; the thread that locks must unlock"),
    "sem_t": ("no", "no", _ANY, ""),
    "nsync": ("no", "no", _ANY, "one permit; the thread that locks must unlock"),
    "moodycamel": ("no", "no", _ANY, ""),
    "pthread": ("no", "by time-out", _ANY, ""),
    "async-channel": ("yes", "yes", _ANY, "channels only"),
}
for _backend in BACKENDS:
    _further = _CONTENDERS[_backend][3]
    _CONTENDERS[_backend + "-fast"] = ("yes", "yes", _BOUND, _further)
    _CONTENDERS[_backend + "-mailbox"] = ("yes", "yes", _FIFO, _further)
    _CONTENDERS[_backend + "-mailbox-fast"] = ("yes", "yes", _BOUND, _further)
    _CONTENDERS[_backend + "-threads"] = ("no", "by time-out", _FIFO, _further)
    _CONTENDERS[_backend + "-threads-fast"] = ("no", "by time-out", _BOUND, _further)

HEADER = ["contender", "tasks", "cancel", "order", "further limits"]


def facts(contender):
    """(tasks, cancel, order, further limits); None: nobody has said."""
    return _CONTENDERS.get(contender)


def is_reference(contender):
    """What the others are measured by: a floor, or a contender's own simpler call (X:pair)."""
    return contender in FLOORS or ":" in contender


def rank(contender):
    """Sorts floors, then ours, then peers, then unknown ones, baselines last."""
    known = FLOORS + OURS + PEERS
    if contender in known:
        return known.index(contender), contender
    return (-1 if is_reference(contender) else len(known) + ("@" in contender)), contender
