"""Shows rouse's objects in gdb: balance, waiters, what each of them lacks.

    (gdb) source rouse_gdb.py
    (gdb) rouse-queue &limit
    rouse_semaphore 0x555555558040, LOCKFREE: balance -2, open, 2 waiters
      1  0x7fffffffe010  asked 3, lacks 1, wake start_request, data 0x7fffffffe010
      2  0x7fffffffe050  asked 1, lacks 1, wake start_request, data 0x7fffffffe050
    (gdb) print limit
    $1 = rouse_semaphore: balance -2, open, 2 waiters

rouse-queue EXPRESSION takes a rouse_semaphore, rouse_notify, rouse_mutex or rouse_waiter_queue, or a pointer to one;
of more waiters than `set rouse-limit` says (32 unless set; 0: no limit) it shows the oldest. Works on a live process
and on a core, for all backends, C and C++. What is being changed by a thread at that very moment may look torn.

In throughput mode it shows which waiters are invited and have not answered. SPIN and MUTEX keep those in no list, so
it searches the process's memory for them.
"""
import re

import gdb
import gdb.printing

CLOSED = 1 << 32
MAX_LACK = 3 << 28
STATUS = {0: "ROUSE_OK", 1: "ROUSE_PENDING", 2: "ROUSE_RETRY", 0xFF: "ROUSE_CLOSED", 0xFE: "ROUSE_TIMEDOUT", 0xFD: "ROUSE_NOMEM",
          0xFC: "ROUSE_OVERFLOW", 0xFB: "ROUSE_INVALID", 0xFA: "ROUSE_CANCELLED", 0xF9: "ROUSE_FULL"}
OPEN_LISTED = -(1 << 31) + (1 << 28)  # throughput mode: L of detail/queue/open_word.h, and A, and how many A there are
OPEN_AREA, OPEN_AREAS = 1 << 24, 1 << 28
TURNS, MARKS = 14, 16  # detail/queue/open_turns.h
INVITED, PROMISED = 5, 6  # a cell's states
QUEUE_TYPES = ("rouse_semaphore", "rouse_notify", "rouse_mutex", "rouse_waiter_queue")


# ---- reading the headers' types ----------------------------------------------------------------------------

def atomic(wrapper):
    """The number in a rouse_atomic_…_; in C++ it is a std::atomic of libstdc++ or libc++."""
    value = wrapper["value_"]
    for path in (("_M_i",), ("_M_b", "_M_p"), ("__a_", "__a_value")):
        try:
            inner = value
            for name in path:
                inner = inner[name]
            return int(inner)
        except (gdb.error, ValueError):
            continue
    return int(value)


def at(address, type_name):
    """The object of a library type at an address."""
    return gdb.Value(address).cast(gdb.lookup_type(type_name).pointer()).dereference()


def type_name(value):
    stripped = value.type.strip_typedefs()
    return stripped.tag or stripped.name or ""


def fields(value):
    return {field.name for field in value.type.strip_typedefs().fields()}


def writable_memory():
    """(begin, end) of what the program can write to; of a core, of all that is in it."""
    regions = []
    try:
        for line in gdb.execute("info proc mappings", to_string=True).splitlines():
            match = re.match(r"\s*0x([0-9a-f]+)\s+0x([0-9a-f]+)\s.*\srw", line)
            if match:
                regions.append((int(match.group(1), 16), int(match.group(2), 16)))
    except gdb.error:
        pass
    if not regions:
        for line in gdb.execute("info files", to_string=True).splitlines():
            match = re.match(r"\s*0x([0-9a-f]+) - 0x([0-9a-f]+) is load", line)
            if match:
                regions.append((int(match.group(1), 16), int(match.group(2), 16)))
    return regions


def pointers_to(address):
    """Where in memory the address is stored."""
    inferior = gdb.selected_inferior()
    size = gdb.lookup_type("void").pointer().sizeof
    order = "big" if "big" in gdb.execute("show endian", to_string=True) else "little"
    for begin, end in writable_memory():
        while begin < end:
            try:
                found = inferior.search_memory(begin, end - begin, address.to_bytes(size, order))
            except (gdb.error, gdb.MemoryError):
                break
            if found is None:
                break
            yield found
            begin = found + size


# ---- a queue, whatever its backend ---------------------------------------------------------------------------

class Queue:
    def __init__(self, queue):
        self.queue = queue
        names = fields(queue)
        self.notes = []  # what is neither a waiter nor credit
        self.under_way = 0  # throughput mode: invited
        if "word_" not in names:
            self.backend = "LOCAL"
            self.balance = int(queue["balance_"])
            self.closed = self.balance < -(1 << 61)
            self.balance += (1 << 62) if self.closed else 0
            self.count = int(queue["count_"])
            return
        self.backend = "LOCKFREE" if "pool_" in names else "SPIN" if "slot_" in names else "MUTEX"
        word = atomic(queue["word_"])
        low = word & 0xFFFFFFFF
        self.raw = low - (1 << 32) if low >= 1 << 31 else low
        above = (word - self.raw) & ((1 << 64) - 1)
        self.closed = above & CLOSED != 0
        self.ticket = above >> 33
        if self.backend == "LOCKFREE":
            self.next = (self.ticket << 28) | (low & ((1 << 28) - 1))  # of QUEUE and TAKEN
            self.oldest = None  # what is free, and how many have passed, if the oldest is invited
            waits = low >> 30 == 3 and low >> 29 & 1 == 0
            cells = list(self.cells()) if waits else []
            self.balance = -sum(number for _, _, number in cells) if low >> 30 == 3 else low & ((1 << 30) - 1)
            self.count = len(cells)
            if cells and cells[0][0] in (INVITED, PROMISED):
                self.under_way = 1
                self.note_bound(*self.oldest, int(queue["bypass_"]))
        elif self.raw < -MAX_LACK or (self.backend == "MUTEX" and self.raw < 0):
            self.balance = -(atomic(queue["listed_"]["counts"]) & ((1 << 40) - 1))
            self.count = atomic(queue["listed_"]["counts"]) >> 40
            if int(queue["listed_"]["bypass"]) != 0:
                self.turns = int(queue["listed_"]["sweeps_or_turns"])
                self.under_way = bin(self.turns & ((1 << TURNS) - 1)).count("1")
                free = (low - OPEN_LISTED) & 0xFFFFFFFF
                free = free % OPEN_AREA if free < OPEN_AREAS else free - OPEN_AREAS
                passed = ((word >> 32) + 1) // 2 - free
                self.note_bound(free, passed, int(queue["listed_"]["bypass"]))
        else:
            self.balance = self.raw
            self.count = 1 if self.raw < 0 else 0

    def summary(self):
        who = "nobody waits" if self.count == 0 else "1 waiter" if self.count == 1 else f"{self.count} waiters"
        who += f", {self.under_way} invited" if self.under_way else ""
        return f"balance {self.balance}, {'closed' if self.closed else 'open'}, {who}"

    def note_bound(self, free, passed, bypass):
        self.notes.append(f"throughput mode: {free} free, newcomers have taken {passed} of at most {bypass} in a row")

    def invited(self):
        """The waiters that are invited, oldest first. They are in no list; each points to its queue."""
        queue = int(self.queue.address)
        offset = next(f.bitpos // 8 for f in gdb.lookup_type("rouse_waiter").fields() if f.name == "place_")
        found = []
        for place in pointers_to(queue):
            try:
                waiter = at(place - offset, "rouse_waiter")
                ticket, status = atomic(waiter["ticket_"]), atomic(waiter["status_"]) & 0xFF
                told = status == 2 or (status == 1 and atomic(waiter["account_"]) & 0xFF == 2)
                mark = ticket >> 3
                turn = (mark - (self.turns >> (2 * TURNS))) % MARKS if mark < MARKS else 0
                if told and ticket & 7 in (2, 4) and int(waiter["wake_"]) != 0 and self.turns >> turn & 1 and turn < TURNS:
                    found.append((turn, place - offset))
            except gdb.MemoryError:
                continue
        if len(found) < self.under_way:
            self.notes.append(f"{self.under_way - len(found)} more invited, not found in memory")
        return [address for _, address in sorted(found)]

    def waiters(self):
        """(address, what it lacks; None: as its account says; or "invited"), oldest first."""
        if self.under_way and self.backend != "LOCKFREE":
            for address in self.invited():
                yield address, "invited"
        if self.backend == "LOCKFREE":
            yield from self.in_cells()
            return
        if self.backend == "SPIN" and -MAX_LACK <= self.raw < 0:
            alone = atomic(self.queue["slot_"])
            if alone != 0:
                yield alone, -self.raw
            return
        listed = self.queue["list_"] if self.backend == "LOCAL" else self.queue["listed_"]["list"]
        address = int(listed["oldest"])
        while address != 0:
            yield address, None
            address = int(at(address, "rouse_waiter")["next_"])

    def segments(self):
        """(base, segment) of each linked segment, in their order."""
        pool = atomic(self.queue["pool_"])
        if pool == 0:
            return
        pool = at(pool, "rouse_pool_")
        index = (atomic(pool["first_"]) >> 1) & 0x7FFFFFF
        seen = 0
        while index != 0 and seen <= atomic(pool["made_"]):
            j = (index + 3).bit_length() - 3
            chunk = 4 * j + ((index + 3) >> j) - 4
            first = gdb.Value(atomic(pool["chunks_"][chunk]))
            segment = (first.cast(gdb.lookup_type("rouse_segment_").pointer()) + ((index + 3) & ((1 << j) - 1))).dereference()
            yield atomic(segment["state_"]) >> 3, segment
            index = (atomic(segment["next_"]) >> 1) & 0x7FFFFFF
            seen += 1

    def cells(self):
        """(state, address of the waiter, what it lacks) of each cell that is not resolved, oldest first."""
        served = atomic(self.queue["served_"])
        for base, segment in self.segments():
            low, high = segment["cells_"].type.range()
            for i in range(high - low + 1):
                cell = segment["cells_"][i]
                word = atomic(cell["word_"])
                state, number = word & 15, word >> 4 & 0x1FFFFFFF
                if served <= base + i < self.next and 1 <= state <= PROMISED:
                    self.oldest = self.oldest or ((number & 0xFFFF, number >> 16) if state == INVITED else (number, 0))
                    yield state, atomic(cell["waiter_"]), 0 if state >= INVITED else 1 if state > 3 else number

    def in_cells(self):
        coming = 0
        if self.count == 0:
            return
        for state, waiter, lacks in self.cells():
            if state >= INVITED:
                yield waiter, "invited"
            elif state >= 3:
                yield waiter, lacks
            else:
                coming += 1
        if coming:
            self.notes.append(f"{coming} tickets whose waiters are on their way")


def function_name(pointer):
    match = re.search(r"<([^>(+]+)", pointer.format_string(symbols=True))
    return match.group(1) if match else hex(int(pointer))


def describe_waiter(waiter, lacks=None):
    account = atomic(waiter["account_"])
    asked = (account >> 32) & 0x7FFFFFFF
    parts = [f"asked {asked}", f"lacks {account & 0xFFFFFFFF if lacks is None else lacks}"]
    if lacks == "invited":
        parts = ["invited, has not answered"]
    parts.append("polled" if int(waiter["wake_"]) == 0 else f"wake {function_name(waiter['wake_'])}")
    if int(waiter["mailbox_"]) != 0:
        parts.append(f"mailbox {hex(int(waiter['mailbox_']))}")
    parts.append(f"data {hex(int(waiter['data_']))}")
    return ", ".join(parts)


def queue_of(value):
    return Queue(value if type_name(value) == "rouse_waiter_queue" else value["queue_"])


# ---- the command, and the printers ----------------------------------------------------------------------------

class RouseLimit(gdb.Parameter):
    """How many waiters rouse-queue shows; 0: all."""
    set_doc = "Set how many waiters rouse-queue shows; 0: all."
    show_doc = "Show how many waiters rouse-queue shows; 0: all."

    def __init__(self):
        super().__init__("rouse-limit", gdb.COMMAND_DATA, gdb.PARAM_ZUINTEGER)
        self.value = 32

    def get_show_string(self, value):
        return f"rouse-queue shows {value} waiters (0: all)."


class RouseQueue(gdb.Command):
    """Show a rouse semaphore, notify, mutex or waiter queue: its balance, and which waiters wait for what.
Usage: rouse-queue EXPRESSION        (the object, or a pointer to it)"""

    def __init__(self, limit):
        super().__init__("rouse-queue", gdb.COMMAND_DATA, gdb.COMPLETE_EXPRESSION)
        self.limit = limit

    def invoke(self, argument, from_tty):
        if not argument:
            raise gdb.GdbError("rouse-queue needs an expression")
        value = gdb.parse_and_eval(argument)
        if value.type.strip_typedefs().code == gdb.TYPE_CODE_PTR:
            value = value.dereference()
        if type_name(value) not in QUEUE_TYPES:
            raise gdb.GdbError(f"{argument} is a {value.type}, not one of: {', '.join(QUEUE_TYPES)}")
        queue = queue_of(value)
        print(f"{type_name(value)} {hex(int(value.address))}, {queue.backend}: {queue.summary()}")
        shown = 0
        for address, lacks in queue.waiters():
            if self.limit.value and shown == self.limit.value:
                queue.notes.append(f"{queue.count - shown} more waiters")
                break
            shown += 1
            print(f"  {shown}  {hex(address)}  {describe_waiter(at(address, 'rouse_waiter'), lacks)}")
        for note in queue.notes:
            print(f"  ({note})")


class QueuePrinter:
    def __init__(self, value):
        self.value = value

    def to_string(self):
        return f"{type_name(self.value)}: {queue_of(self.value).summary()}"


class WaiterPrinter:
    def __init__(self, value):
        self.value = value

    def to_string(self):
        status = atomic(self.value["status_"])
        told = STATUS.get(status & 0xFF, f"status {status}") + (" from a wake_all" if status & 0x100 else "")
        if told == "ROUSE_RETRY":
            told += ", has not answered"
        if told == "ROUSE_PENDING":
            return f"rouse_waiter: {told}, {describe_waiter(self.value)}"
        return f"rouse_waiter: {told}, data {hex(int(self.value['data_']))}"


def printers():
    collection = gdb.printing.RegexpCollectionPrettyPrinter("rouse")
    for name in QUEUE_TYPES:
        collection.add_printer(name, f"^{name}$", QueuePrinter)
    collection.add_printer("rouse_waiter", "^rouse_waiter$", WaiterPrinter)
    return collection


RouseQueue(RouseLimit())
gdb.printing.register_pretty_printer(None, printers(), replace=True)
