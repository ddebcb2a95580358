#!/usr/bin/env python3
"""Drives an example server: real load, clients that leave, deadlines, shutdown.

    examples/drive_server.py [--valgrind] SERVER [SCENARIO...]

Every scenario starts a new server, which chooses its port, and reads the report that it prints at
exit. Nothing depends on how fast the machine is: the backend is made to hang where the order of things
matters, states are waited for (at most PATIENCE seconds), and what is asserted are counts.

Exit status 77: the server said that this kernel cannot run it.
"""
import os
import re
import signal
import socket
import struct
import subprocess
import sys
import time

PATIENCE = 100.0
LIMIT = 4
FOREVER_MS = 600000
UNSUPPORTED = 77


def check(condition, message):
    if not condition:
        raise AssertionError(message)


class Server:
    """A running server."""

    running = []

    def __init__(self, command, work_ms=0, deadline_ms=FOREVER_MS):
        self.process = subprocess.Popen(
            command + ["--limit", str(LIMIT), "--work-ms", str(work_ms), "--deadline-ms", str(deadline_ms)],
            stdout=subprocess.PIPE, text=True)
        Server.running.append(self.process)
        line = self.process.stdout.readline()
        found = re.fullmatch(r"listening on 127\.0\.0\.1:(\d+)\n", line)
        if not found:
            status = self.process.wait(PATIENCE)
            if status == UNSUPPORTED:
                print("SKIPPED:", line.strip())
                sys.exit(UNSUPPORTED)
            raise AssertionError(f"no port but {line!r}, exit status {status}")
        self.port = int(found.group(1))
        self.url = f"http://127.0.0.1:{self.port}/work"

    def stop(self):
        """SIGTERM; the report as a dictionary."""
        self.process.send_signal(signal.SIGTERM)
        return self.wait()

    def wait(self):
        output, _ = self.process.communicate(timeout=PATIENCE)
        check(self.process.returncode == 0, f"exit status {self.process.returncode}, output {output!r}")
        print("   ", output.strip())
        report = {name: int(value) for name, value in re.findall(r"(\w+)=(\d+)", output)}
        check(report["high_water"] <= LIMIT, "more requests in the backend than the limit allows")
        check(report["free"] == LIMIT, "a permit was lost, or made up")
        check(report["waiting"] == 0, "somebody still waits")
        return report

    def get(self, path):
        with Client(self.port) as client:
            client.send(path)
            return client.receive()

    def status(self):
        return {name: int(value) for name, value in re.findall(r"(\w+)=(\d+)", self.get("/status")[1])}

    def await_status(self, **wanted):
        """Waits until /status says so."""
        end = time.monotonic() + PATIENCE
        while True:
            status = self.status()
            if all(status[name] == value for name, value in wanted.items()):
                return
            check(time.monotonic() < end, f"the server stays at {status}; wanted {wanted}")
            time.sleep(0.01)


class Client:
    """A connection that sends requests by hand."""

    def __init__(self, port, receive_buffer=None):
        self.socket = socket.socket()
        if receive_buffer is not None:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(PATIENCE)
        self.socket.connect(("127.0.0.1", port))
        self.input = self.socket.makefile("rb")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def send(self, path, more=""):
        self.socket.sendall(f"GET {path} HTTP/1.1\r\nHost: example\r\n{more}\r\n".encode())

    def receive(self):
        """One answer: its code and its body."""
        line = self.input.readline().decode()
        check(line.startswith("HTTP/1.1 "), f"no answer but {line!r}")
        length = 0
        while (field := self.input.readline().decode().strip()) != "":
            if field.lower().startswith("content-length:"):
                length = int(field.split(":")[1])
        return int(line.split()[1]), self.input.read(length).decode()

    def close(self):
        self.input.close()
        self.socket.close()

    def reset(self):
        """Leaves without a farewell: the server's next write to it fails."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close()


def clients_at_work(server, count, more=""):
    """So many clients, each of which has asked for work, one after the other."""
    clients = []
    for _ in range(count):
        clients.append(Client(server.port))
        clients[-1].send("/work", more)
    return clients


def check_codes(clients, code, what):
    codes = [client.receive()[0] for client in clients]
    check(codes == [code] * len(clients), f"{what} were answered {codes}")


def run_tool(*command):
    output = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                            timeout=PATIENCE)
    check(output.returncode == 0, f"{command}: {output.stdout}")
    return output.stdout


def many_requests(command, slow):
    """ab: every request is answered once, on kept and on new connections; the limit is never passed."""
    requests = 200 if slow else 1500
    server = Server(command, work_ms=1)
    for keep in (["-k"], []):
        output = run_tool("ab", "-q", *keep, "-n", str(requests), "-c", "32", "-s", "60", server.url)
        check(re.search(rf"Complete requests: +{requests}\n", output), output)
        check(re.search(r"Failed requests: +0\n", output) and "Non-2xx" not in output, output)
    report = server.stop()
    check(report["answered"] == 2 * requests, "answers and requests differ")
    check(report["high_water"] == LIMIT, "32 clients never filled the backend")


def pressure(command, _slow):
    """wrk: two threads of clients at full speed, which leave when time is up."""
    server = Server(command, work_ms=0)
    output = run_tool("wrk", "-t2", "-c24", "-d1s", "--timeout", "60s", server.url)
    check("Socket errors" not in output and "Non-2xx" not in output, output)
    requests = int(re.search(r"(\d+) requests in", output).group(1))
    server.await_status(free=LIMIT, waiting=0, in_backend=0)  # those who left have been seen to leave
    report = server.stop()
    check(requests > 0 and report["answered"] >= requests, f"{requests} answers received, {report} sent")
    check(report["timed_out"] == 0 and report["refused"] == 0, "refused under load")


def clients_leave(command, _slow):
    """A client that leaves the queue gives its place back; those behind move up; the others are served in full."""
    server = Server(command)
    server.get("/hang")
    working = clients_at_work(server, LIMIT)
    server.await_status(in_backend=LIMIT, free=0)
    waiting = clients_at_work(server, 20)
    server.await_status(waiting=20)
    for client in waiting[::2]:
        client.close()
    server.await_status(waiting=10, in_backend=LIMIT)
    server.get("/recover")
    check_codes(working + waiting[1::2], 200, "those who stayed")
    server.await_status(free=LIMIT, waiting=0)
    report = server.stop()
    check(report["left"] == 10, "ten clients left the queue")
    check(report["answered"] == LIMIT + 10, "those who left were served, or those who stayed were not")


def deadline_passes(command, _slow):
    """Past the deadline a client is answered 503, and may ask again; those in the backend are served."""
    server = Server(command, deadline_ms=300)
    server.get("/hang")
    working = clients_at_work(server, LIMIT)
    server.await_status(in_backend=LIMIT)
    began = time.monotonic()
    waiting = clients_at_work(server, 5)
    check_codes(waiting, 503, "those past the deadline")
    waited = time.monotonic() - began
    check(waited > 0.28, f"503 after {waited:.3f} s: too early")
    server.await_status(waiting=0, in_backend=LIMIT)
    server.get("/recover")
    check_codes(working, 200, "those in the backend")
    waiting[0].send("/work")
    check_codes(waiting[:1], 200, "one who asks again on the same connection")
    report = server.stop()
    check(report["timed_out"] == 5, "five ran into the deadline")


def shutdown(command, _slow):
    """SIGTERM: waiting clients get a 503, new clients are refused, requests in the backend are served."""
    server = Server(command, work_ms=200)
    server.get("/hang")
    idle = Client(server.port)
    working = clients_at_work(server, LIMIT)
    server.await_status(in_backend=LIMIT)
    waiting = clients_at_work(server, 6)
    server.await_status(waiting=6)
    server.process.send_signal(signal.SIGTERM)
    check_codes(waiting, 503, "those in the queue")
    try:
        Client(server.port).close()
        raise AssertionError("who comes after SIGTERM is not refused")
    except ConnectionRefusedError:
        pass
    check_codes(working, 200, "those in the backend")
    check(idle.socket.recv(1) == b"", "the idle connection stays open")
    report = server.wait()
    check(report["refused"] == 6 and report["answered"] == LIMIT, "6 to refuse, 4 to serve")


def leave_and_release_race(command, slow):
    """Clients leave while permits or answers are on their way to them: none is lost (the report shows it)."""
    server = Server(command, work_ms=1)
    for i in range(4 if slow else 50):
        clients = clients_at_work(server, 16, "Connection: close\r\n" if i % 2 == 0 else "")
        check_codes(clients[:1], 200, "the first")
        for client in clients:
            client.close()
    server.await_status(free=LIMIT, waiting=0, in_backend=0)
    server.stop()


def reset_in_the_backend(command, _slow):
    """Clients break their connections while the backend works for them: their permits come back."""
    server = Server(command)
    server.get("/hang")
    for client in clients_at_work(server, LIMIT):
        server.await_status(waiting=0)
        client.reset()
    server.await_status(in_backend=LIMIT, free=0)
    server.get("/recover")
    server.await_status(free=LIMIT, waiting=0, in_backend=0)
    check(server.get("/work")[0] == 200, "the others are not served")
    server.stop()


def leave_without_reading(command, _slow):
    """Clients send requests ahead and close at once: the server's second write goes to nobody."""
    server = Server(command)
    for _ in range(50):
        with Client(server.port) as client:
            client.socket.sendall(b"GET /status HTTP/1.1\r\nHost: example\r\n\r\n" * 8)
    check(server.get("/work")[0] == 200, "the others are not served")
    server.stop()


def never_reads(command, _slow):
    """The server drops a client that never reads its answers, instead of sending it half an answer."""
    server = Server(command)
    requests = b"GET /status HTTP/1.1\r\nHost: example\r\n\r\n" * 100
    with Client(server.port, receive_buffer=4096) as client:
        try:
            for _ in range(2000):  # their answers are more than any socket's buffer takes
                client.socket.sendall(requests)
            raise AssertionError("it is still answered")
        except ConnectionError:
            pass
    check(server.get("/work")[0] == 200, "the others are not served")
    server.stop()


def waits_are_told(command, _slow):
    """/status says how long the oldest waits while it waits, and how long they waited when they have been served."""
    server = Server(command)
    server.get("/hang")
    working = clients_at_work(server, LIMIT)
    server.await_status(in_backend=LIMIT)
    status = server.status()
    check(status["oldest_us"] == 0 and status["waited"] == 0, f"nobody has waited yet: {status}")
    waiting = clients_at_work(server, 3)
    server.await_status(waiting=3)
    first = server.status()["oldest_us"]
    while server.status()["oldest_us"] <= first:  # it goes on; the test's own time-out ends this
        pass
    server.get("/recover")
    check_codes(working + waiting, 200, "all of them")
    status = server.status()
    check(status["waited"] == 3 and status["most"] == 3 and status["oldest_us"] == 0, f"3 have waited: {status}")
    check(status["p99_us"] >= first, f"they waited longer than {first} us: {status}")
    server.stop()


SCENARIOS = [many_requests, pressure, clients_leave, deadline_passes, shutdown, leave_and_release_race,
             reset_in_the_backend, leave_without_reading, never_reads,
             waits_are_told]


def main():
    arguments = sys.argv[1:]
    slow = "--valgrind" in arguments
    if slow:
        arguments.remove("--valgrind")
    command = [arguments[0]]
    if slow:
        command = ["valgrind", "-q", "--error-exitcode=99", "--leak-check=full",
                   "--show-leak-kinds=definite,possible", "--errors-for-leak-kinds=definite,possible",
                   *command]
    os.environ.setdefault("ASAN_OPTIONS", "detect_stack_use_after_return=1")
    failed = 0
    for scenario in SCENARIOS:
        if len(arguments) == 1 or scenario.__name__ in arguments[1:]:
            print(f"{scenario.__name__}: {scenario.__doc__}", flush=True)
            try:
                scenario(command, slow)
            except (AssertionError, OSError, subprocess.SubprocessError) as error:
                failed += 1
                print(f"    FAILED: {error}", flush=True)
            while Server.running:
                Server.running.pop().kill()  # does nothing to one that has ended
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
