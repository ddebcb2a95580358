/* memory.c: the memory model: RC11 on the execution graph.
 *
 * An execution is a graph of events. To add an event is to choose where it belongs, not when it happens:
 *
 *   load    reads from any write that coherence allows: none that is older, in the location's modification order,
 *           than a write that it must know of already
 *   store   takes any position in the modification order behind the writes that it must know of; so it may be put
 *           in *before* stores that were added earlier
 *   RMW     reads from a write and takes the position right behind it, if no other RMW is there
 *
 * Happens-before is kept in vector clocks: `known` grows by the thread's own events, by reading with acquire
 * from a release (or from a release sequence, or across fences), by thread start and join, by mutexes.
 * Coherence and the atomicity of RMWs hold by construction. A load reads from a write that is already there,
 * so there are no cycles of program order and reads-from. The order of seq_cst operations is checked in
 * seqcst.c.
 *
 * Whether a graph is consistent does not depend on the order in which its events were added. So the
 * checker adds stores and fences as soon as their thread comes to them. Only loads, RMWs and locks need to
 * wait for what others might write, and only they are choices for explore.c. */
#include "checker.h"

uint64_t mix(uint64_t hash, uint64_t value) {
    hash ^= value + 0x9e3779b97f4a7c15u + (hash << 6) + (hash >> 2);
    hash *= 0xff51afd7ed558ccdu;
    return hash ^ (hash >> 32);
}

static uint64_t load_bytes(const void *p, int size) {
    uint64_t value = 0;
    memcpy(&value, p, (size_t)size);
    return value;
}

/* ---- locations --------------------------------------------------------------------------------------------- */

/* The location at this address. A plain write since its last use (a new object in old memory) makes it a new one,
 * whose initial value is what the memory holds. */
int memory_place(char *address, int size) {
    const int index = race_slot(address);
    struct slot *const slot = &mc->slot[index];
    const int known = slot->place;
    if (known >= 0 && (mc->place[known].address != address || mc->place[known].size != size)) {
        fault("atomic accesses of different sizes or alignments overlap");
    }
    if (known >= 0 && (size < 8 || mc->slot[race_slot(address + 4)].place == known)) {
        return known;
    }
    if (X->places == PLACES || X->events == EVENTS) {
        fault("too many locations or events for the checker");
    }
    if (slot->unwritten != 0) {
        fault("atomic read of memory that was never written");
    }
    struct place *const place = &mc->place[X->places];
    struct event *const init = &mc->event[X->events];
    memset(init, 0, sizeof *init);
    init->kind = EVENT_INIT;
    init->size = (uint8_t)size;
    init->place = (int16_t)X->places;
    init->source = init->before_here = -1;
    init->node = -1;
    init->written = load_bytes(address, size);
    place->address = address;
    place->size = (int16_t)size;
    place->first = place->last = place->newest = (int16_t)X->events;
    mc->mo[X->events] = (struct mo_link){-1, -1, 0};
    slot_change(index);
    slot->place = (int16_t)X->places;
    if (size == 8) {
        const int half = race_slot(address + 4);
        slot_change(half);
        mc->slot[half].place = (int16_t)X->places;
    }
    X->events++;
    return X->places++;
}

/* Puts `event` into the modification order behind `before`. Memory holds the newest value. */
static void insert_write(int event, int before) {
    struct place *const place = &mc->place[mc->event[event].place];
    const int after = mc->mo[before].after;
    mc->mo[event] = (struct mo_link){(int16_t)before, (int16_t)after, 0};
    mc->mo[before].after = (int16_t)event;
    if (after >= 0) {
        mc->mo[after].before = (int16_t)event;
    } else {
        place->last = (int16_t)event;
        memcpy(place->address, &mc->event[event].written, (size_t)place->size);
    }
    for (int i = event; i >= 0; i = mc->mo[i].after) {
        mc->mo[i].rank = (uint16_t)(mc->mo[mc->mo[i].before].rank + 1);
    }
}

static bool followed_by_rmw(int write) {
    const int after = mc->mo[write].after;
    return after >= 0 && mc->event[after].kind == EVENT_RMW && mc->event[after].source == write;
}

/* ---- events ------------------------------------------------------------------------------------------------ */

int memory_new_event(int thread, int kind, int order, int place) {
    struct thread *const t = &X->thread[thread];
    struct event *const e = &mc->event[X->events];
    if (X->events == EVENTS) {
        fault("an execution does not end: more than %d events (livelock?)", EVENTS);
    }
    memset(e, 0, sizeof *e);
    t->known.at[thread]++;
    t->caused.at[thread] = t->known.at[thread];
    e->kind = (uint8_t)kind;
    e->thread = (uint8_t)thread;
    e->order = (uint8_t)order;
    e->place = (int16_t)place;
    e->source = e->before_here = -1;
    e->time = t->known.at[thread];
    e->node = -1;
    e->pc = t->op.pc;
    if (kind == EVENT_READ || kind == EVENT_WRITE || kind == EVENT_RMW) {
        e->size = (uint8_t)mc->place[place].size;
        e->before_here = mc->place[place].newest;
        mc->place[place].newest = (int16_t)X->events;
    }
    if (X->events >= mc->result.events) {
        mc->result.events = X->events + 1;
    }
    return X->events++;
}

static void finish_event(int thread, int event) {
    struct thread *const t = &X->thread[thread];
    struct event *const e = &mc->event[event];
    e->known = t->known;
    e->caused = t->caused;
    t->history = mix(t->history, e->kind * 8u + e->order);
    t->history = mix(t->history, e->place < 0 ? 0 : (uintptr_t)mc->place[e->place].address);
    t->history = mix(t->history, e->written);
    if (e->source >= 0) {
        const struct event *const source = &mc->event[e->source];
        t->history = mix(t->history, source->thread * 65536u + source->time);
    }
}

/* The thread has read from `write`. */
static void read_from(int thread, int event, int write, int order) {
    struct thread *const t = &X->thread[thread];
    struct event *const e = &mc->event[event];
    e->source = (int16_t)write;
    e->read = mc->event[write].written;
    clock_join(acquires(order) ? &t->known : &t->to_acquire, &mc->event[write].released);
    clock_join(&t->caused, &mc->event[write].caused);
    if (t->want_place == e->place) {
        t->want_place = -1;
    }
    if (t->seen_count == SEEN) {
        memmove(&t->seen[0], &t->seen[1], sizeof t->seen[0] * (SEEN - 1));
        t->seen_count--;
    }
    t->seen[t->seen_count].place = e->place;
    t->seen[t->seen_count++].event = (int16_t)write;
}

/* What an acquirer that reads this write gets to know. C++20: a release sequence continues through RMWs
 * only. C11: it continues through later stores of the same thread too. */
static void set_released(int thread, int event, int rmw_source) {
    struct thread *const t = &X->thread[thread];
    struct event *const e = &mc->event[event];
    e->released = releases(e->order) ? t->known : t->fence_release;
    if (rmw_source >= 0) {
        clock_join(&e->released, &mc->event[rmw_source].released);
    }
    if ((mc->scenario->flags & MC_C11_RELEASE) != 0) {
        for (int i = e->before_here; i >= 0; i = mc->event[i].before_here) {
            const struct event *const older = &mc->event[i];
            if (older->time != 0 && older->thread == thread && older->kind != EVENT_READ) {
                clock_join(&e->released, &older->released);
            }
        }
    }
}

void memory_fence(int thread, int order) {
    struct thread *const t = &X->thread[thread];
    const int event = memory_new_event(thread, EVENT_FENCE, order, -1);
    if (acquires(order)) {
        clock_join(&t->known, &t->to_acquire);
    }
    if (releases(order)) {
        t->fence_release = t->known;
    }
    finish_event(thread, event);
}

/* ---- private locations -------------------------------------------------------------------------------------- */

static struct sharing *sharing_of(char *address) {
    for (int i = 0; i < mc->sharings; i++) {
        if (mc->sharing[i].address == address) {
            return &mc->sharing[i];
        }
    }
    if (mc->sharings == PLACES) {
        fault("too many locations for the checker");
    }
    mc->sharing[mc->sharings] = (struct sharing){address, 0, 0};
    return &mc->sharing[mc->sharings++];
}

/* A read of a location that no other thread writes while several run has one outcome and is no choice. The
 * search learns on the way which threads write a location. When a read that it took for private turns out
 * not to be, it starts over with what it has learnt. In the end it took no read for private wrongly,
 * because the first wrong access would have been reachable. */
bool memory_is_private(int thread, const struct op *op) {
    struct sharing *sharing;
    const unsigned self = 1u << thread;
    bool private;
    sharing = sharing_of(op->address);
    private = (sharing->writers & ~self) == 0;
    if (op->kind != OP_READ && (sharing->writers & self) == 0) {
        for (int t = 0; t < THREADS; t++) {
            const unsigned reader = 1u << t;
            if ((sharing->readers & reader) != 0 && t != thread && (sharing->writers & ~reader) == 0) {
                mc->sharing_changed = true;
            }
        }
        sharing->writers |= (uint8_t)self;
    }
    if (op->kind != OP_WRITE) {
        sharing->readers |= (uint8_t)self;
    }
    return private;
}

/* ---- spinning ---------------------------------------------------------------------------------------------- */

static bool has_newer(int place, int event) {
    return mc->place[place].last != event;
}

/* A thread that has yielded continues when something that it read since its last yield has a newer value. */
bool memory_newer_seen(int thread) {
    const struct thread *const t = &X->thread[thread];
    for (int i = 0; i < t->seen_count; i++) {
        if (has_newer(t->seen[i].place, t->seen[i].event)) {
            return true;
        }
    }
    return t->seen_count == 0;
}

/* The thread continues, and next reads the value that it waited for, or a newer one. Without that, a loop
 * could read the same stale value for ever. */
void memory_yielded(int thread) {
    struct thread *const t = &X->thread[thread];
    t->want_place = -1;
    for (int i = t->seen_count - 1; i >= 0 && t->want_place < 0; i--) {
        if (has_newer(t->seen[i].place, t->seen[i].event)) {
            t->want_place = t->seen[i].place;
            t->want_event = t->seen[i].event;
        }
    }
    t->seen_count = 0;
    t->history = mix(t->history, 3);
}

/* ---- options ----------------------------------------------------------------------------------------------- */

/* Coherence: the newest write of the location that the thread's next event must know of. */
static int oldest_allowed(int thread, int place, bool reading) {
    const struct thread *const t = &X->thread[thread];
    int found = mc->place[place].first;
    for (int i = mc->place[place].newest; i >= 0; i = mc->event[i].before_here) {
        const struct event *const e = &mc->event[i];
        const int write = e->kind == EVENT_READ ? e->source : i;
        if (e->time != 0 && e->time <= t->known.at[e->thread] && mc->mo[write].rank > mc->mo[found].rank) {
            found = write;
        }
    }
    if (reading && t->want_place == place && mc->mo[found].rank <= mc->mo[t->want_event].rank &&
        mc->mo[t->want_event].after >= 0) {
        found = mc->mo[t->want_event].after;
    }
    return found;
}

/* Fairness: stores become visible in finite time, so a loop does not read one stale value for ever. One instruction of
 * one thread reads the same stale value STALE_READS times at most. */
enum { STALE_READS = 2 };

static bool too_stale(int thread, const struct op *op, int write) {
    int times = 0;
    if (mc->mo[write].after < 0) {
        return false;
    }
    for (int i = mc->place[op->place].newest; i >= 0 && times < STALE_READS; i = mc->event[i].before_here) {
        const struct event *const e = &mc->event[i];
        times += e->kind == EVENT_READ && e->thread == thread && e->source == write && e->pc == op->pc;
    }
    return times == STALE_READS;
}

/* A weak compare-and-swap that fails although it read what it expected. */
static int16_t spurious(int source) {
    return (int16_t)(-2 - source);
}

/* What the thread's pending atomic operation may do: for a store, the write that it goes behind; for a load or RMW,
 * the write that it reads from. */
int memory_options(int thread, int16_t *options) {
    const struct op *const op = &X->thread[thread].op;
    const bool writing = op->kind == OP_WRITE;
    int count = 0;
    for (int w = oldest_allowed(thread, op->place, !writing); w >= 0; w = mc->mo[w].after) {
        const bool cas = op->kind == OP_RMW && op->rmw >= RMW_CAS;
        const bool fails = cas && mc->event[w].written != op->expected;
        if (count + 2 > OPTIONS) {
            fault("too many options for the checker");
        }
        if (!writing && too_stale(thread, op, w)) {
            continue;
        }
        if (op->kind == OP_READ || fails || !followed_by_rmw(w)) {
            options[count++] = (int16_t)w;
        }
        if (cas && !fails && op->rmw == RMW_CAS_WEAK && (mc->scenario->flags & MC_SPURIOUS) != 0) {
            options[count++] = spurious(w);
        }
    }
    return count;
}

/* ---- performing -------------------------------------------------------------------------------------------- */

static uint64_t rmw_result(const struct op *op, uint64_t old) {
    uint64_t value = op->value;
    switch (op->rmw) {
    case RMW_ADD:
        value = old + value;
        break;
    case RMW_SUB:
        value = old - value;
        break;
    case RMW_AND:
        value = old & value;
        break;
    case RMW_OR:
        value = old | value;
        break;
    case RMW_XOR:
        value = old ^ value;
        break;
    case RMW_NAND:
        value = ~(old & value);
        break;
    default:
        break;
    }
    return op->size == 8 ? value : value & (((uint64_t)1 << (8 * op->size)) - 1);
}

/* A write races, in the sense of the search, with each earlier read of the location that it does not depend on: the
 * read could have read it. A compare-and-swap that failed races with earlier RMWs: without them it could have
 * succeeded. */
static void note_races(int thread, int event, const vclock *caused) {
    const bool writing = mc->event[event].kind != EVENT_READ;
    for (int i = mc->event[event].before_here; i >= 0; i = mc->event[i].before_here) {
        if (mc->event[i].source >= 0 && (writing || mc->event[i].kind == EVENT_RMW)) {
            explore_race(thread, caused, &mc->event[i]);
        }
    }
}

void memory_perform(int thread, int16_t option) {
    struct thread *const t = &X->thread[thread];
    struct op *const op = &t->op;
    const vclock caused = t->caused;
    const bool spurious_failure = option < -1;
    const int write = spurious_failure ? -2 - option : option;
    const uint64_t old = mc->event[write].written;
    const bool cas = op->kind == OP_RMW && op->rmw >= RMW_CAS;
    const bool fails = cas && (spurious_failure || old != op->expected);
    int event;
    op->succeeded = !fails;
    op->result = old;
    if (op->kind == OP_READ || fails) {
        const int order = fails ? op->failure_order : op->order;
        event = memory_new_event(thread, EVENT_READ, order, op->place);
        race_access(op->address, op->size, ATOMIC_READ);
        read_from(thread, event, write, order);
        t->history = mix(t->history, fails);
    } else if (op->kind == OP_WRITE) {
        event = memory_new_event(thread, EVENT_WRITE, op->order, op->place);
        race_access(op->address, op->size, ATOMIC_WRITE);
        mc->event[event].written = op->value;
        set_released(thread, event, -1);
        insert_write(event, write);
    } else {
        event = memory_new_event(thread, EVENT_RMW, op->order, op->place);
        race_access(op->address, op->size, ATOMIC_WRITE);
        read_from(thread, event, write, op->order);
        mc->event[event].written = rmw_result(op, old);
        set_released(thread, event, write);
        insert_write(event, write);
    }
    finish_event(thread, event);
    mc->event[event].node = op->kind == OP_WRITE ? -1 : explore_node();
    if (op->kind != OP_READ) {
        note_races(thread, event, &caused);
    }
}

/* A hash of the graph, the same for every order in which its events may have been added. */
uint64_t memory_hash(void) {
    uint64_t hash = 0;
    for (int i = 0; i < X->threads; i++) {
        hash = mix(hash, X->thread[i].history + X->thread[i].finished);
    }
    for (int i = 0; i < X->places; i++) {
        uint64_t order = (uintptr_t)mc->place[i].address;
        for (int w = mc->place[i].first; w >= 0; w = mc->mo[w].after) {
            order = mix(order, mc->event[w].thread * 65536u + mc->event[w].time);
        }
        hash += order; /* places are numbered in the order of their first use: must not matter */
    }
    return hash;
}
