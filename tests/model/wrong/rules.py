"""Reads a table of rules that say how a header is broken, and finds the place in the header that each names.

A table has a heading for each header, and a line for each rule:

    detail/queue/word.h
    E2 a taker takes relaxed | all | rouse_word_take_from_ | cas acquire to relaxed | permits = hold
    name | backends | function | what is broken | tests [; silent: why it cannot be told apart]

"all" are MUTEX SPIN LOCKFREE. `function #2` is its second definition in the header. What is broken, one or several joined by " and ":

    OPERATION to ORDER                 another order: `cas acq_rel of word_ to acquire`
    OPERATION to load ORDER            it only looks
    OPERATION torn                     a compare-and-swap becomes a load, a comparison and a store
    drop PLACE                         the statement; of a test or a term: it and its operator
    PLACE is VALUE                     true, false, another name, another expression
    PLACE is VALUE where CONDITION     of a test: true or false where that holds, as it is elsewhere
    move PLACE before PLACE            the statement; also: after
    before PLACE do STATEMENTS         also: after PLACE, instead of PLACE

An OPERATION is `cas acq_rel`, or `cas acq_rel of word_` where the function has several. A PLACE is one of

    OPERATION                          call of NAME            its whole call
    test of NAME, NAME                 the smallest condition that has all of these
    value of NAME                      what it is set to       answer, answer NAME     what is returned, where NAME is in it
    argument 2 of NAME                 of its call             term of NAME            of a sum, product, mask
    if of NAME                         the smallest if statement that has it
    NAME                               this word itself

and may go on: `#2`, the second of them in the function; `in PLACE`. A rule that does not name exactly one place is an error, and so is one
for an edge (E2) whose operation does not name it in its comment.
"""
import os
import pathlib
import re
import sys

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent.parent
sys.path.insert(0, str(ROOT / "tools"))
sys.dont_write_bytecode = True
import edges  # noqa: E402  (the operations of the headers)

ALL = "MUTEX SPIN LOCKFREE"
TOKEN = re.compile(r"""/\*.*?\*/|//[^\n]*|\#(?:[^\n\\]|\\.)*|\s+|(?P<token>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|\w+|->|\+\+|--|<<=|>>=|"""
                   r"""[-+*/%&|^=!<>]=|&&|\|\||<<|>>|\.\.\.|.)""", re.S)
LEVELS = [[","], ["=", "+=", "-=", "*=", "/=", "%=", "&=", "|=", "^=", "<<=", ">>="], ["?", ":"], ["||"], ["&&"], ["|"], ["^"],
          ["&"], ["==", "!="], ["<", ">", "<=", ">="], ["<<", ">>"], ["+", "-"], ["*", "/", "%"]]
ASSIGN, CHOOSE, OR, AND, EQUAL, LESS = LEVELS[1], LEVELS[2], LEVELS[3], LEVELS[4], LEVELS[8], LEVELS[9]
CAST = re.compile(r"(const )?(struct |unsigned )*(void|bool|char|int|unsigned|long|size_t|\w+_t|rouse_\w+)( const)?( \*)*( const)?")
OPERATION = r"(load|store|swap|cas|add) (relaxed|acquire|release|acq_rel|seq_cst)(?: of (\S+))?"


class TableError(Exception):
    """The table does not fit the headers (any more)."""


def function_spans(text, name):
    """Where the function's definitions begin and end: there is another one for each platform, or one."""
    spans = []
    for found in re.finditer(r"\b" + re.escape(name) + r"\(", text):
        line = text.rfind("\n", 0, found.start()) + 1
        if line < found.start() and text[line] in "#/* ":
            continue
        brace = text.find("{", found.end())
        semicolon = text.find(";", found.end())
        if brace >= 0 and (semicolon < 0 or brace < semicolon):
            spans.append((line, text.find("\n}", brace) + 2))
    if not spans:
        raise TableError(f"no function {name}")
    return spans


class Function:
    """The words of a definition, its statements and the parts of its expressions, each as (first word, word behind it)."""

    def __init__(self, text, start, end):
        self.tokens = [(m.group("token"), start + m.start(), start + m.end())
                       for m in TOKEN.finditer(text[start:end]) if m.group("token")]
        self.words = [token[0] for token in self.tokens]
        self.text, self.pair, opened = text, {}, []
        for i, word in enumerate(self.words):
            if word in ("(", "[", "{"):
                opened.append(i)
            elif word in (")", "]", "}"):
                self.pair[opened.pop()] = i
        self.tests, self.terms, self.values, self.answers = set(), set(), [], []  # what expressions consist of
        self.statements, self.ifs = [], []
        self.statement(self.words.index("{"))

    def cut(self, lo, hi):
        return self.text[self.tokens[lo][1]:self.tokens[hi - 1][2]]

    def statement(self, i):
        """Reads the statement that begins here; where the next one begins."""
        word, begin = self.words[i], i
        if word == "{":
            i += 1
            while self.words[i] != "}":
                i = self.statement(i)
            return i + 1
        if word in ("if", "while", "switch", "for"):
            close = self.pair[i + 1]
            if word == "for":
                cuts = [i + 1] + [k for k in range(i + 2, close) if self.words[k] == ";"] + [close]
                for k, (lo, hi) in enumerate(zip(cuts, cuts[1:])):
                    self.expression(lo + 1, hi, k == 1)
            else:
                self.expression(i + 2, close, True)
            i = self.statement(close + 1)
            if word == "if" and self.words[i] == "else":
                i = self.statement(i + 1)
            if word == "if":
                self.ifs.append((begin, i))
            self.statements.append((begin, i))
            return i
        if word == "do":
            i = self.statement(i + 1)
            self.expression(i + 2, self.pair[i + 1], True)
            self.statements.append((begin, self.pair[i + 1] + 2))
            return self.pair[i + 1] + 2
        if word in ("case", "default"):
            return self.words.index(":", i) + 1
        while self.words[i] != ";":
            i = self.pair.get(i, i) + 1
        if word == "return":
            self.answers.append((begin + 1, i))
        self.expression(begin + (word == "return"), i, False)
        self.statements.append((begin, i + 1))
        return i + 1

    def binary(self, k, lo):
        """Does an operator here have something before it?"""
        before = self.words[k - 1] if k > lo else ""
        if before == ")":
            opening = next(o for o, c in self.pair.items() if c == k - 1)
            return not (CAST.fullmatch(" ".join(self.words[opening + 1:k - 1])) and (opening == lo or self.words[opening - 1] in
                        "( , = return & | + - * ! ~ ? : && || == !=".split()))
        return bool(before) and (before in ("]", "}", "++", "--") or re.match(r"[\w\"']", before) is not None)

    def expression(self, lo, hi, test):
        """The parts of the expression; test: it is a condition."""
        if lo >= hi:
            return
        if self.words[lo] == "(" and self.pair[lo] == hi - 1:
            self.expression(lo + 1, hi - 1, test)
            return
        if test:
            self.tests.add((lo, hi))
        depth0, k = [], lo
        while k < hi:
            depth0.append(k)
            k = self.pair.get(k, k) + 1
        for level in LEVELS:
            at = [k for k in depth0 if self.words[k] in level and (level is LEVELS[0] or self.binary(k, lo))]
            if not at:
                continue
            if level is ASSIGN:
                at = at[:1]
                name = next(word for word in reversed(self.words[lo:at[0]]) if re.match(r"[A-Za-z_]", word))
                self.values.append((name, at[0] + 1, hi))
            if level in (EQUAL, LESS, OR, AND):
                self.tests.add((lo, hi))
            for n, (a, b) in enumerate(zip([lo] + [k + 1 for k in at], at + [hi])):
                self.expression(a, b, level in (OR, AND) or level is CHOOSE and n == 0)
                if level not in (LEVELS[0], ASSIGN, CHOOSE):
                    self.terms.add((a, b))
            return
        if self.words[lo] in "!~-*&":
            self.expression(lo + 1, hi, False)
            return
        for k in depth0:
            if k in self.pair:
                self.expression(k + 1, self.pair[k], False)

    def names_in(self, lo, hi, names):
        return all(name in self.words[lo:hi] for name in names)

    def smallest(self, parts, names):
        """Those that have all the names and no smaller part that has them."""
        parts = [part for part in parts if self.names_in(*part, names)]
        return sorted(a for a in parts if not any(b != a and a[0] <= b[0] and b[1] <= a[1] for b in parts))

    def call(self, k):
        return (k, self.pair[k + 1] + 1)

    def operations(self, kind, order, operand):
        """The calls of an atomic operation."""
        found = []
        for k, word in enumerate(self.words[:-1]):
            if re.fullmatch(rf"rouse_(u32|u64|ptr)_{kind}_{order}_", word) and self.words[k + 1] == "(":
                if not operand or edges.member(edges.argument(self.text, self.tokens[k + 1][2])) == operand:
                    found.append(self.call(k))
        return found

    def arguments(self, k):
        cuts, i = [k + 1], k + 2
        while i < self.pair[k + 1]:
            if self.words[i] == ",":
                cuts.append(i)
            i = self.pair.get(i, i) + 1
        return [(a + 1, b) for a, b in zip(cuts, cuts[1:] + [self.pair[k + 1]])]

    def places(self, said):
        """All places that are called so."""
        within = None
        if " in " in said:
            said, _, outer = said.partition(" in ")
            within = self.places(outer)
        nth = re.fullmatch(r"(.*) #(\d+)", said)
        said, nth = (nth.group(1), int(nth.group(2))) if nth else (said, 0)
        kind, _, names = said.partition(" of ")
        names = names.split(", ")
        operation = re.fullmatch(OPERATION, said)
        if operation:
            found = self.operations(*operation.groups())
        elif kind == "call":
            found = [self.call(k) for k, word in enumerate(self.words[:-1]) if word == names[0] and self.words[k + 1] == "(" and
                     k > self.words.index("{")]
        elif kind in ("test", "term", "if"):
            found = self.smallest({"test": self.tests, "term": self.terms, "if": self.ifs}[kind], names)
        elif kind == "value":
            found = [(lo, hi) for name, lo, hi in self.values if name == names[0]]
        elif kind.split(" ")[0] == "answer":
            found = [part for part in self.answers if self.names_in(*part, kind.split(" ")[1:])]
        elif kind.split(" ")[0] == "argument":
            found = [self.arguments(k)[int(kind.split(" ")[1]) - 1] for k, _ in self.places("call of " + names[0])]
        else:
            found = [(k, k + 1) for k, word in enumerate(self.words) if word == said and k > self.words.index("{")]
        if within is not None:
            found = [part for part in found if any(a <= part[0] and part[1] <= b for a, b in within)]
        return found[nth - 1:nth] if nth else found

    def around(self, lo, hi):
        """The smallest statement that has this."""
        return min((part for part in self.statements if part[0] <= lo and hi <= part[1]), key=lambda part: part[1] - part[0])

    def unwrapped(self, lo, hi):
        """With the parentheses around it."""
        while self.words[lo - 1] == "(" and self.pair[lo - 1] == hi and not re.match(r"\w", self.words[lo - 2]):
            lo, hi = lo - 1, hi + 1
        return lo, hi


def value(function, lo, hi, new):
    """What takes the place of a part: in parentheses where it stands beside an operator."""
    atom = re.fullmatch(r"\w+(\([^()]*\))?|\(.*\)|\d\w*", new)
    beside = {function.words[lo - 1], function.words[hi]} & {word for level in LEVELS[2:] for word in level}
    return f"({new})" if beside and not atom else new


def cas_torn(function, lo):
    """The comparison and the store, of which others may come between."""
    name = function.words[lo]
    where, expected, new = (function.cut(*part) for part in function.arguments(lo))
    load = name.replace("_cas_", "_load_").replace("_acq_rel_", "_acquire_").replace("_release_", "_relaxed_")
    store = re.sub("_cas_.*", "_store_relaxed_", name)
    return (f"(({{ bool same_ = {load}({where}) == *({expected}); if (same_) {store}({where}, {new}); "
            f"else *({expected}) = {load}({where}); same_; }}))")


def actions(said):
    """The parts of a rule."""
    return re.split(r" and (?=drop |move |before |after |instead of |[^;]* is )", said)


def edits(function, said):
    """[(from, to, new text)] of one action, or LookupError: the number of places that it names."""

    def one(place):
        found = function.places(place)
        if len(found) != 1:
            raise LookupError(place, len(found))
        return found[0]

    def at(lo, hi, new):
        return (function.tokens[lo][1], function.tokens[hi - 1][2], new)

    match = re.fullmatch(rf"({OPERATION}(?: #\d+)?(?: in .*)?) to (load )?(\w+)", said)
    if match:
        lo, _ = one(match.group(1))
        name, order = function.words[lo], match.groups()[-1]
        if match.groups()[-2]:
            where = function.cut(*function.arguments(lo)[0])
            return [at(*function.call(lo), re.sub(r"_(swap|cas|add)_.*", f"_load_{order}_({where})", name))]
        return [at(lo, lo + 1, re.sub(r"_(relaxed|acquire|release|acq_rel|seq_cst)_$", f"_{order}_", name))]
    match = re.fullmatch(r"(.*) torn", said)
    if match:
        lo, hi = one(match.group(1))
        return [at(lo, hi, cas_torn(function, lo))]
    match = re.fullmatch(r"(before|after|instead of) (.*?) do (.*)", said)
    if match:
        statement, code = function.around(*one(match.group(2))), (match.group(3) + ";").replace("};", "}")
        begin, end = function.tokens[statement[0]][1], function.tokens[statement[1] - 1][2]
        return [{"before": (begin, begin, code + " "), "after": (end, end, " " + code), "instead of": (begin, end, code)}
                [match.group(1)]]
    match = re.fullmatch(r"move (.*?) (before|after) (.*)", said)
    if match:
        moved, to = (function.around(*one(match.group(i))) for i in (1, 3))
        position = function.tokens[to[0]][1] if match.group(2) == "before" else function.tokens[to[1] - 1][2]
        return [at(*moved, ""), (position, position, " " + function.cut(*moved) + " ")]
    match = re.fullmatch(r"drop (.*)", said)
    if match:
        lo, hi = one(match.group(1))
        if not re.match(r"(test|term) of", match.group(1)):
            return [at(*function.around(lo, hi), "")]
        lo, hi = function.unwrapped(lo, hi)
        operators = {word for level in LEVELS[3:] for word in level}
        return [at(lo - 1, hi, "") if function.words[lo - 1] in operators else at(lo, hi + 1, "")]
    match = re.fullmatch(r"(.*?) is (true|false) where (.*)", said)
    if match:
        place, answer, where = match.groups()
        lo, hi = one(place)
        text = f"(({where}) || ({function.cut(lo, hi)}))" if answer == "true" else f"(!({where}) && ({function.cut(lo, hi)}))"
        return [at(lo, hi, text)]
    match = re.fullmatch(r"(.*?) is (.*)", said)
    if match:
        lo, hi = one(match.group(1))
        return [at(lo, hi, value(function, lo, hi, match.group(2)))]
    raise TableError(f"not understood: {said}")


def broken(text, rule):
    """(where the definition begins, where it ends, what it becomes)"""
    name, _, which = rule["in"].partition(" #")
    spans = function_spans(text, name)
    found, counts = [], []
    for start, end in spans[int(which) - 1:int(which)] if which else spans:
        function = Function(text, start, end)
        try:
            found.append((start, end, [edit for said in actions(rule["break"]) for edit in edits(function, said)]))
        except LookupError as error:
            counts.append(f"{error.args[0]}: {error.args[1]} places")
    if len(found) != 1:
        raise TableError("; ".join(counts) if not found else f"{len(found)} definitions of {name} have that")
    begin, behind, all_edits = found[0]
    definition = text[begin:behind]
    for start, end, new in sorted(all_edits, reverse=True):
        definition = definition[:start - begin] + new + definition[end - begin:]
    return begin, behind, definition


def edge_is_named(path, rule):
    """If it weakens an operation: does the comment on that name the edge?"""
    edge = re.match(r"E(\d+) ", rule["name"])
    weakened = re.match(rf"{OPERATION}( #\d+)? ", rule["break"])
    if not edge or not weakened:
        return True
    kind, order, operand, nth = weakened.groups()
    named = [named for function, kind_, order_, operand_, named, *_ in edges.operations(path)
             if (function, kind_, order_) == (rule["in"].split(" ")[0], kind, order) and operand in (None, operand_)]
    named = named[int(nth[2:]) - 1:int(nth[2:])] if nth else named
    return any(int(edge.group(1)) in one for one in named)


def read(path):
    """{name: rule} of a table."""
    table, header = {}, None
    for number, line in enumerate(pathlib.Path(path).read_text().splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        if " | " not in line:
            header = line.strip()
            continue
        try:
            name, backends, function, rest = line.split(" | ", 3)
            what, tests = rest.rsplit(" | ", 1)
        except ValueError:
            raise TableError(f"{path}:{number}: not a rule") from None
        if name in table:
            raise TableError(f"{path}:{number}: {name} is there twice")
        tests, _, why = tests.partition("; silent: ")
        table[name] = {"name": name, "backend": ALL if backends == "all" else backends, "file": header, "in": function,
                       "break": what, "tests": tests, **({"silent": why} if why else {})}
    return table


def errors(path):
    """What is wrong with a table, without running anything."""
    found = []
    for name, rule in read(path).items():
        header = edges.HEADERS / rule["file"]
        try:
            broken(header.read_text(), rule)
            if not edge_is_named(header, rule):
                found.append(f"{name}: {rule['file']}: {rule['in']}: that operation does not name the edge")
        except (TableError, OSError) as error:
            found.append(f"{name}: {rule['file']}: {rule['in']}: {error}")
    return found
