#!/usr/bin/env python3
"""Checks what SERVER does on a kernel that refuses io_uring, as containers' filters do: says so, exits with 77.

    examples/refuse_io_uring.py SERVER

Refused by a seccomp filter: io_uring_setup fails with EPERM.
"""
import ctypes
import errno
import struct
import subprocess
import sys

IO_URING_SETUP = 425  # on every architecture
PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 38, 22, 2
LOAD_WORD, JUMP_IF_EQUAL, RETURN = 0x20, 0x15, 0x06
ALLOW, FAIL = 0x7FFF0000, 0x00050000


class Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("filter", ctypes.c_char_p)]


def refuse():
    code = b"".join(struct.pack("HBBI", *instruction) for instruction in (
        (LOAD_WORD, 0, 0, 0),  # the number of the system call
        (JUMP_IF_EQUAL, 0, 1, IO_URING_SETUP),
        (RETURN, 0, 0, FAIL | errno.EPERM),
        (RETURN, 0, 0, ALLOW)))
    program = Program(4, code)
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 or \
            libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(program), 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl")


def main():
    ended = subprocess.run(sys.argv[1:], preexec_fn=refuse, stdout=subprocess.PIPE, text=True, timeout=100)
    print(ended.stdout.strip())
    if ended.returncode != 77 or not ended.stdout.startswith("this kernel does not let us use io_uring: "):
        sys.exit(f"exit status {ended.returncode}; 77 and a message were wanted")


if __name__ == "__main__":
    main()
