#!/usr/bin/env python3
"""Tests the connection pool against its own PostgreSQL, and counts its queries from the server's side.

    examples/pool/run.py POOL

The server has a temporary data directory and listens on a Unix socket in it. As root, it runs as nobody,
because PostgreSQL refuses root. Nothing depends on how fast the machine is: queries wait for a lock that the
test holds, states are waited for (at most PATIENCE seconds), and what is asserted are counts.

Exit status 77: PostgreSQL is not installed.
"""
import ctypes
import glob
import json
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

PATIENCE = 60.0
FOREVER_MS = 600000
PR_SET_PDEATHSIG = 1
SLEEP = "select pg_sleep(0.005)"
OURS = "from pg_stat_activity where application_name = 'rouse_pool'"
# A connection that is listed as active, and was so before this statement began, was active when it began. Without
# this, a permit that is passed on while the server reads its list could be counted twice.
ACTIVE = f"select count(*) {OURS} and state = 'active' and query_start <= statement_timestamp()"


def hold(lock):
    """A query that ends when the test lets go of that lock."""
    return f"select pg_advisory_xact_lock_shared({lock})"


def check(condition, message):
    if not condition:
        raise AssertionError(message)


def wait_until(ready, seen):
    """seen(): what to say if that takes too long."""
    end = time.monotonic() + PATIENCE
    while not ready():
        check(time.monotonic() < end, f"waited in vain; {seen()}")
        time.sleep(0.005)


class Postgres:
    def __init__(self):
        found = sorted(glob.glob("/usr/lib/postgresql/*/bin/postgres")) or [shutil.which("postgres") or ""]
        self.bin = os.path.dirname(os.path.realpath(found[-1]))
        if not os.path.exists(self.bin + "/initdb"):
            print("SKIPPED: PostgreSQL is not installed (Debian: apt-get install postgresql-15)")
            sys.exit(77)
        self.directory = tempfile.mkdtemp(prefix="rouse")
        self.process = None
        self.other_user = {}
        if os.getuid() == 0:
            nobody = pwd.getpwnam("nobody")
            self.other_user = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
            os.chown(self.directory, nobody.pw_uid, nobody.pw_gid)
        self.conninfo = f"host={self.directory} user=postgres dbname=postgres gssencmode=disable sslmode=disable"

    def start(self):
        data = self.directory + "/data"
        with open(self.directory + "/log", "w") as log:
            subprocess.run([self.bin + "/initdb", "-D", data, "-U", "postgres", "--auth=trust", "--no-sync",
                            "--locale=C", "-E", "UTF8"], cwd="/", stdout=log, stderr=log, check=True,
                           **self.other_user)
            libc = ctypes.CDLL(None)
            self.process = subprocess.Popen(
                [self.bin + "/postgres", "-D", data, "-k", self.directory, "-c", "listen_addresses=",
                 "-c", "fsync=off", "-c", "shared_buffers=16MB", "-c", "autovacuum=off", "-c", "max_connections=40"],
                cwd="/", stdout=log, stderr=log, **self.other_user,
                preexec_fn=lambda: libc.prctl(PR_SET_PDEATHSIG, signal.SIGQUIT))
        socket = self.directory + "/.s.PGSQL.5432"
        ready = [self.bin + "/pg_isready", "-q", "-h", self.directory]
        wait_until(lambda: os.path.exists(socket) and subprocess.run(ready).returncode == 0, self.log)

    def log(self):
        with open(self.directory + "/log") as log:
            return log.read()

    def stop(self):
        if self.process is not None:
            self.process.send_signal(signal.SIGQUIT)
            self.process.wait(PATIENCE)
        shutil.rmtree(self.directory, ignore_errors=True)


class Session:
    """A connection of the test's own."""

    def __init__(self, postgres):
        self.process = subprocess.Popen([postgres.bin + "/psql", "-AtqX", postgres.conninfo], text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def ask(self, sql):
        """The answer, which has one line."""
        self.process.stdin.write(sql + ";\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline().strip()
        check(answer != "" or "lock" in sql, f"no answer to {sql}")
        return answer

    def count(self, sql):
        return int(self.ask(sql))

    def lock(self, lock):
        self.ask(f"select pg_advisory_lock({lock})")

    def unlock(self, lock):
        self.ask(f"select pg_advisory_unlock({lock})")

    def close(self):
        self.process.communicate(timeout=PATIENCE)


class Watcher(threading.Thread):
    """Counts again and again how many queries of the pool the server runs at once. `most`: the largest number
    since restart."""

    def __init__(self, postgres):
        super().__init__(daemon=True)
        self.session = Session(postgres)
        self.guard = threading.Lock()
        self.period = self.most = 0
        self.over = False
        self.start()

    def run(self):
        while not self.over:
            period = self.period
            active = self.session.count(ACTIVE)
            with self.guard:
                if period == self.period:
                    self.most = max(self.most, active)
            time.sleep(0.002)
        self.session.close()

    def restart(self):
        with self.guard:
            self.period += 1
            self.most = 0

    def close(self):
        self.over = True
        self.join(PATIENCE)


class Pool:
    """The program."""

    def __init__(self, program, postgres, limit, most_waiting, grace_ms):
        conninfo = postgres.conninfo + " application_name=rouse_pool"
        self.process = subprocess.Popen([program, conninfo, str(limit), str(most_waiting), str(grace_ms)],
                                        text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def tell(self, command):
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()

    def run(self, count, sql, deadline_ms=FOREVER_MS):
        self.tell(f"run {count} {deadline_ms} {sql}")

    def status(self):
        self.tell("status")
        return json.loads(self.process.stdout.readline())

    def wait(self, **wanted):
        """Waits until the status says all of that."""
        wait_until(lambda: wanted.items() <= self.status().items(), lambda: f"{self.status()}, wanted {wanted}")

    def shut_down(self):
        self.process.send_signal(signal.SIGTERM)

    def last_report(self):
        output, _ = self.process.communicate(timeout=PATIENCE)
        check(self.process.returncode == 0, f"exit status {self.process.returncode}, output {output!r}")
        return json.loads(output)


class Test:
    def __init__(self, program, postgres):
        self.program = program
        self.postgres = postgres
        self.server = Session(postgres)
        self.locker = Session(postgres)
        self.watcher = Watcher(postgres)
        self.pool = Pool(program, postgres, 8, 100, FOREVER_MS)

    def wait_active(self, count):
        wait_until(lambda: self.server.count(ACTIVE) == count, lambda: f"{count} active are wanted")

    def wait_connections(self, count):
        """Until the server has that many: one that has been closed takes a moment to end."""
        wait_until(lambda: self.server.count("select count(*) " + OURS) == count, lambda: f"{count} are wanted")

    def wait_seen(self, count):
        """Until the watcher has seen that many at once; more are an error."""
        wait_until(lambda: self.watcher.most >= count, lambda: f"{count} at once are wanted")
        check(self.watcher.most == count, f"{self.watcher.most} at once, {count} are allowed")

    def at_rest(self, **wanted):
        self.pool.wait(in_use=0, waiting=0, inside=0, **wanted)
        check(self.server.count(ACTIVE) == 0, "a permit came back before the server had ended the query")

    def at_most_n(self):
        self.locker.lock(1)
        self.pool.run(30, hold(1))
        self.pool.wait(in_use=8, waiting=22, connections=8)
        self.wait_seen(8)
        self.locker.unlock(1)
        self.pool.run(70, SLEEP)
        self.at_rest(done=100, opened=8)
        self.wait_seen(8)

    def resize(self):
        self.locker.lock(1)
        self.locker.lock(2)
        self.pool.run(8, hold(1))
        self.pool.run(12, hold(2))
        self.wait_active(8)
        self.pool.tell("limit 4")
        self.pool.wait(limit=4, in_use=8, waiting=12)
        self.locker.unlock(1)
        self.pool.wait(in_use=4, waiting=8, connections=4)
        self.watcher.restart()
        self.wait_seen(4)
        self.wait_connections(4)
        self.locker.unlock(2)
        self.at_rest(done=120)
        self.wait_seen(4)

        self.locker.lock(1)
        self.pool.run(10, hold(1))
        self.pool.wait(in_use=4, waiting=6)
        self.pool.tell("limit 6")
        self.pool.wait(in_use=6, waiting=4)
        self.wait_seen(6)
        self.locker.unlock(1)
        self.at_rest(done=130)
        self.pool.tell("limit 4")  # closes two idle ones
        self.pool.wait(connections=4)
        self.wait_connections(4)
        self.watcher.restart()

    def deadlines(self):
        self.locker.lock(1)
        self.pool.run(4, hold(1))
        self.pool.run(10, hold(1), 50)
        self.pool.wait(timed_out=10, in_use=4, waiting=0)
        self.locker.unlock(1)
        self.at_rest(done=134)
        self.locker.lock(1)
        self.pool.run(6, hold(1), 100)  # two of them never get a permit
        self.at_rest(timed_out=16)
        self.locker.unlock(1)
        self.pool.run(20, SLEEP)
        self.at_rest(done=154, timed_out=16)

    def cancel(self):
        self.locker.lock(1)
        self.pool.run(10, hold(1))
        self.wait_active(4)
        self.pool.tell("cancel")
        self.at_rest(cancelled=10)
        self.pool.run(10, hold(1))
        self.pool.tell("cancel")  # before the server has seen a query
        self.at_rest(cancelled=20)
        self.locker.unlock(1)
        self.pool.run(20, SLEEP)
        self.at_rest(done=174, cancelled=20)

    def terminate(self):
        """How many connections that was."""
        return self.server.count(f"select count(pg_terminate_backend(pid)) {OURS}")

    def killed(self):
        self.locker.lock(1)
        self.pool.run(8, hold(1))
        self.wait_active(4)
        opened = self.pool.status()["opened"]
        check(self.terminate() == 4, "4 connections are wanted")
        self.pool.wait(opened=opened + 4)
        self.wait_active(4)
        self.locker.unlock(1)
        self.at_rest(done=182, connections=4)
        check(self.terminate() == 4, "4 idle connections are wanted")
        self.pool.wait(connections=0)
        self.pool.run(100, SLEEP)
        for done in (190, 220):  # twice: a query has three attempts
            wait_until(lambda: self.pool.status()["done"] >= done, self.pool.status)
            self.terminate()
        self.at_rest(done=282, failed=0)
        self.locker.lock(1)
        self.pool.run(1, hold(1))
        wait_until(lambda: self.terminate() >= 0 and self.pool.status()["failed"] == 1, self.pool.status)
        self.locker.unlock(1)
        self.at_rest(done=282, failed=1)

    def bound(self):
        self.locker.lock(1)
        self.pool.run(109, hold(1))
        self.pool.wait(in_use=4, waiting=100, refused=5)
        self.locker.unlock(1)
        self.at_rest(done=386)
        self.wait_seen(4)

    def shutdown(self):
        self.locker.lock(1)
        self.pool.run(10, hold(1))
        self.wait_active(4)
        self.pool.shut_down()
        wait_until(lambda: self.pool.run(1, SLEEP) or self.pool.status()["refused"] >= 6, self.pool.status)
        check(self.pool.status()["inside"] >= 10, "the pool did not wait")
        self.locker.unlock(1)
        # What came before the signal was seen has been served too.
        left = self.pool.last_report()
        check(left["in_use"] == left["waiting"] == left["inside"] == left["connections"] == 0, left)
        check(left["done"] >= 396 and left["failed"] == 1 and left["closed"] == 0, left)
        self.wait_connections(0)

    def shutdown_without_patience(self):
        self.pool = Pool(self.program, self.postgres, 4, 100, 50)
        self.locker.lock(1)
        self.pool.run(10, hold(1))
        self.wait_active(4)
        self.pool.shut_down()
        left = self.pool.last_report()
        check(left["closed"] == 10 and left["in_use"] == left["connections"] == 0, left)
        check(self.server.count(ACTIVE) == 0, "a query runs on")

    def run(self):
        for part in (self.at_most_n, self.resize, self.deadlines, self.cancel, self.killed, self.bound,
                     self.shutdown, self.shutdown_without_patience):
            began = time.monotonic()
            part()
            print(f"{part.__name__}: {time.monotonic() - began:.1f} s", flush=True)
        self.watcher.close()


def main():
    postgres = Postgres()
    try:
        began = time.monotonic()
        postgres.start()
        print(f"the server: {time.monotonic() - began:.1f} s", flush=True)
        Test(sys.argv[1], postgres).run()
    except BaseException:
        print(postgres.log(), file=sys.stderr)
        raise
    finally:
        postgres.stop()


if __name__ == "__main__":
    main()
