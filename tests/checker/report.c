/* report.c: messages, traces, replay files.
 *
 * A fault stops the search. The event table then holds the execution that has the fault. The trace lists
 * its events in the order in which the checker added them, with their source lines (addr2line, from the
 * debugging information). */
#include "checker.h"

#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

enum { LINES = 4 }; /* of a stack of inlined calls */

/* ---- source lines ------------------------------------------------------------------------------------------------ */

/* Runs addr2line for a list of addresses; out[i] is "function file:line < caller file:line …", to be freed. */
static void look_up(const void *const *pcs, int count, char **out) {
    char *command = malloc((size_t)count * 20 + 200);
    char line[512];
    FILE *pipe;
    int at = -1;
    int lines = 0;
    int length = sprintf(command, "addr2line -e /proc/%d/exe -a -f -i -s -p", (int)getpid());
    for (int i = 0; i < count; i++) {
        length += sprintf(command + length, " 0x%lx", (unsigned long)(uintptr_t)pcs[i]);
        out[i] = calloc(1, 1);
    }
    pipe = popen(command, "r");
    while (pipe != NULL && fgets(line, sizeof line, pipe) != NULL) {
        char *text = line;
        char *where = strstr(line, " at ");
        line[strcspn(line, "\n(")] = 0;
        if (strncmp(line, "0x", 2) == 0) {
            at++;
            lines = 0;
            text = strchr(line, ' ');
            text = text == NULL ? line : text + 1;
        } else if ((text = strstr(line + strlen(line) + 1, ") ")) != NULL) {
            text += 2;
            text[strcspn(text, "\n(")] = 0;
            where = strstr(text, " at ");
        }
        if (at >= 0 && at < count && text != NULL && where != NULL && lines++ < LINES) {
            const size_t used = strlen(out[at]);
            *where = 0;
            out[at] = realloc(out[at], used + strlen(text) + strlen(where + 4) + 8);
            sprintf(out[at] + used, "%s%s %s", used == 0 ? "" : " < ", text, where + 4);
        }
    }
    if (pipe != NULL) {
        (void)pclose(pipe);
    }
    free(command);
}

/* The source line of one address. The text stays valid until the next call. */
const char *report_where(const void *pc) {
    static char text[400];
    char *found;
    look_up(&pc, 1, &found);
    snprintf(text, sizeof text, "%s", found[0] != 0 ? found : "an unknown place");
    free(found);
    return text;
}

/* ---- faults -------------------------------------------------------------------------------------------------------- */

void fault(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(mc->result.message, sizeof mc->result.message, format, arguments);
    va_end(arguments);
    mc->result.faulty = true;
    _longjmp(mc->failed, 1);
}

void mc_assert_failed(const char *text, const char *file, int line) {
    const char *const slash = strrchr(file, '/');
    mc->pc = __builtin_return_address(0);
    fault("assertion failed: %s, at %s:%d", text, slash == NULL ? file : slash + 1, line);
}

/* ---- traces --------------------------------------------------------------------------------------------------------- */

static void name_place(char *text, size_t size, const char *address) {
    const struct block *const block = heap_block(address);
    for (int i = 0; i < mc->named; i++) {
        if (address >= mc->names[i].start && address < mc->names[i].start + mc->names[i].size) {
            snprintf(text, size, "%s+%d", mc->names[i].name, (int)(address - mc->names[i].start));
            return;
        }
    }
    if (block != NULL) {
        snprintf(text, size, "block%d+%d", (int)(block - mc->block), (int)(address - block->start));
    } else {
        snprintf(text, size, "%p", (const void *)address);
    }
}

static void print_event(FILE *out, int i, const char *where) {
    static const char *const kinds[] = {"init", "load", "store", "rmw", "fence", "lock", "unlock"};
    static const char *const orders[] = {"relaxed", "consume", "acquire", "release", "acq_rel", "seq_cst"};
    const struct event *const e = &mc->event[i];
    char place[80] = "";
    char values[120] = "";
    if (e->place >= 0) {
        name_place(place, sizeof place, mc->place[e->place].address);
    }
    if (e->kind == EVENT_READ || e->kind == EVENT_RMW) {
        const struct event *const source = &mc->event[e->source];
        char from[20] = "initial";
        if (source->time != 0) {
            snprintf(from, sizeof from, "#%d", e->source);
        }
        snprintf(values, sizeof values, "= %#llx (%s%s)", (unsigned long long)e->read, from,
                 mc->mo[e->source].after >= 0 && mc->mo[e->source].after != i ? ", stale" : "");
    }
    if (e->kind == EVENT_WRITE || e->kind == EVENT_RMW) {
        const size_t used = strlen(values);
        snprintf(values + used, sizeof values - used, "%s:= %#llx", used == 0 ? "" : " ",
                 (unsigned long long)e->written);
    }
    fprintf(out, "  #%-4d %*sT%d %s %s %s %s\n          %*s%s\n", i, e->thread * 2, "", e->thread,
            kinds[e->kind], e->kind <= EVENT_FENCE ? orders[e->order] : "", place, values, e->thread * 2, "",
            where);
}

void report_trace(FILE *out) {
    const int count = X->events;
    const void **const pcs = calloc((size_t)count + 1, sizeof *pcs);
    char **const where = calloc((size_t)count + 1, sizeof *where);
    for (int i = 0; i < count; i++) {
        pcs[i] = mc->event[i].pc;
    }
    pcs[count] = mc->pc;
    look_up(pcs, count + 1, where);
    for (int i = 0; i < count; i++) {
        if (mc->event[i].time != 0) {
            print_event(out, i, where[i]);
        }
        free(where[i]);
    }
    fprintf(out, "  then  T%d at %s\n", X->current, where[count]);
    free(where[count]);
    free(where);
    free(pcs);
}

/* ---- replay files ------------------------------------------------------------------------------------------------------
 *
 * The scenario's name; then a line "shared address readers writers" for each location, for what counts as a choice
 * depends on it; then the choices, "step thread option". */

void report_save(const char *path) {
    int length;
    const struct step *const steps = explore_path(&length);
    FILE *const out = fopen(path, "w");
    if (out == NULL) {
        return;
    }
    fprintf(out, "scenario %s\n", mc->scenario->name);
    for (int i = 0; i < mc->sharings; i++) {
        fprintf(out, "shared %p %d %d\n", (void *)mc->sharing[i].address, mc->sharing[i].readers,
                mc->sharing[i].writers);
    }
    for (int i = 0; i < length; i++) {
        fprintf(out, "step %d %d\n", steps[i].thread, steps[i].option);
    }
    fclose(out);
}

bool report_load(const char *path, char *name, size_t size) {
    FILE *const in = fopen(path, "r");
    struct step *const steps = calloc(EVENTS, sizeof *steps);
    char line[200];
    int length = 0;
    name[0] = 0;
    mc->sharings = 0;
    while (in != NULL && fgets(line, sizeof line, in) != NULL) {
        void *address;
        int a, b;
        line[strcspn(line, "\n")] = 0;
        if (strncmp(line, "scenario ", 9) == 0) {
            snprintf(name, size, "%s", line + 9);
        } else if (sscanf(line, "shared %p %d %d", &address, &a, &b) == 3 && mc->sharings < PLACES) {
            mc->sharing[mc->sharings++] = (struct sharing){address, (uint8_t)a, (uint8_t)b};
        } else if (sscanf(line, "step %d %d", &a, &b) == 2 && length < EVENTS) {
            steps[length++] = (struct step){(int16_t)a, (int16_t)b};
        }
    }
    if (in != NULL) {
        fclose(in);
    }
    explore_follow(steps, length);
    return name[0] != 0;
}
