#!/usr/bin/env python3
"""ROUSE_TRACE undefined costs nothing: the object code is that of headers from which it has been deleted.

    cost_test.py SOURCE_TREE WORK COMPILER [OPTION ...]
"""
import pathlib
import re
import shutil
import subprocess
import sys

TRACE = re.compile(r"^ *ROUSE_TRACE\(.*\);$")


def compile_with(compiler, include, source, output, *more):
    subprocess.run(compiler + ["-std=c11", "-O2", f"-I{include}", *more, "-c", str(source), "-o", str(output)],
                   check=True)
    return output.read_bytes()


def main():
    tree, work, compiler = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]), sys.argv[3:]
    bare = work / "bare"
    shutil.rmtree(bare, ignore_errors=True)
    shutil.copytree(tree / "include", bare)
    deleted = 0
    for header in bare.rglob("*.h"):
        lines = header.read_text(encoding="utf-8").split("\n")
        deleted += sum(1 for line in lines if TRACE.match(line))
        header.write_text("\n".join("" if TRACE.match(line) else line for line in lines), encoding="utf-8")
    if deleted < 10:
        sys.exit(f"only {deleted} uses of ROUSE_TRACE were found")
    source = tree / "tests" / "portability" / "portable_test.c"
    for backend in ("MUTEX", "SPIN", "LOCKFREE"):
        define = f"-DROUSE_BACKEND=ROUSE_BACKEND_{backend}"
        here = compile_with(compiler, tree / "include", source, work / "here.o", define)
        without = compile_with(compiler, bare, source, work / "without.o", define)
        traced = compile_with(compiler, tree / "include", source, work / "traced.o", define,
                              "-DROUSE_TRACE(event,object,waiter)=puts(event)")
        if here != without:
            sys.exit(f"{backend}: the object code differs from that of headers without ROUSE_TRACE")
        if traced == here:
            sys.exit(f"{backend}: ROUSE_TRACE has no effect when it is defined")
    print(f"cost_test: {deleted} uses, no byte of object code while undefined")


if __name__ == "__main__":
    main()
