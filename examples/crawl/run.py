#!/usr/bin/env python3
"""Tests the crawler against its own nginx, and counts its requests on the server's side.

    examples/crawl/run.py CRAWL

nginx listens on a Unix socket in a temporary directory and answers 503 to a request too many: more than PER_HOST of
one host, or more than IN_ALL (limit_conn). So a 503 in its log says that the crawler has exceeded a limit, and two
runs with a limit that is too large check that it would be seen.

Exit status 77: nginx, or its module "echo", is not installed.
"""
import collections
import ctypes
import hashlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

PATIENCE = 60.0
PR_SET_PDEATHSIG = 1
PER_HOST, IN_ALL = 3, 5
MODULE = "/usr/lib/nginx/modules/ngx_http_echo_module.so"
CONFIGURATION = """
load_module %(module)s;
daemon off;
master_process off;
pid %(directory)s/pid;
error_log %(directory)s/errors;
events { worker_connections 256; }
http {
    log_format each '$host $request_uri $status $msec $request_time';
    access_log %(directory)s/log each;
    client_body_temp_path %(directory)s/t1;
    proxy_temp_path %(directory)s/t2;
    fastcgi_temp_path %(directory)s/t3;
    uwsgi_temp_path %(directory)s/t4;
    scgi_temp_path %(directory)s/t5;
    limit_conn_zone $host zone=host:1m;
    limit_conn_zone $server_name zone=all:1m;
    limit_conn_status 503;
    limit_req_zone $host zone=rate:1m rate=40r/s;
    limit_req_status 429;
    server {
        listen unix:%(directory)s/socket;
        server_name all;
        root %(directory)s/files;
        limit_conn host %(per_host)d;
        limit_conn all %(in_all)d;
        location /slow/ { echo_sleep 0.08; echo_exec /now$request_uri; }
        location /now/ { internal; alias %(directory)s/files/; }
        location /limited/ { limit_req zone=rate; }
        location /closed { return 444; }
        location /hangs { proxy_pass http://unix:%(directory)s/silent; }
    }
}
"""
Request = collections.namedtuple("Request", "host path status begin end")


def check(condition, message):
    if not condition:
        raise AssertionError(message)


class Nginx:
    def __init__(self):
        self.program = shutil.which("nginx", path="/usr/sbin:" + os.environ["PATH"])
        if self.program is None or not os.path.exists(MODULE):
            print("SKIPPED: nginx is not installed (Debian: apt-get install nginx-light)")
            sys.exit(77)
        self.directory = tempfile.mkdtemp(prefix="rouse")
        self.socket = self.directory + "/socket"
        self.seen = 0
        self.silent = socket.socket(socket.AF_UNIX)  # connections are accepted, and nobody reads from them
        self.silent.bind(self.directory + "/silent")
        self.silent.listen()
        with open(self.directory + "/conf", "w") as conf:
            conf.write(CONFIGURATION % {"directory": self.directory, "module": MODULE, "per_host": PER_HOST,
                                        "in_all": IN_ALL})
        libc = ctypes.CDLL(None)
        self.process = subprocess.Popen(
            [self.program, "-c", self.directory + "/conf", "-e", self.directory + "/errors"],
            preexec_fn=lambda: libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL))
        end = time.monotonic() + PATIENCE
        while not self.answers():
            check(time.monotonic() < end and self.process.poll() is None, "nginx does not start")
            time.sleep(0.01)

    def answers(self):
        with socket.socket(socket.AF_UNIX) as s:
            return s.connect_ex(self.socket) == 0

    def file(self, path):
        """The content of that path, which is written."""
        content = (path * (1 + 7000 // len(path))).encode()
        name = self.directory + "/files/" + path
        os.makedirs(os.path.dirname(name), exist_ok=True)
        with open(name, "wb") as file:
            file.write(content)
        return content

    def requests(self):
        """Those that have ended since the last call."""
        with open(self.directory + "/log") as log:
            lines = log.read().splitlines()
        fresh, self.seen = lines[self.seen:], len(lines)
        result = []
        for line in fresh:
            host, path, status, end, took = line.split()
            result.append(Request(host, path, int(status), float(end) - float(took), float(end)))
        return result

    def errors(self):
        with open(self.directory + "/errors") as errors:
            return errors.read()

    def stop(self):
        self.process.kill()
        self.process.wait(PATIENCE)
        self.silent.close()
        shutil.rmtree(self.directory, ignore_errors=True)


def most_at_once(requests):
    """The log's times are exact to a millisecond."""
    steps = sorted([(r.begin + 0.002, 1) for r in requests] + [(r.end - 0.002, -1) for r in requests])
    now = most = 0
    for _, step in steps:
        now += step
        most = max(most, now)
    return most


class Test:
    def __init__(self, program, nginx):
        self.program = program
        self.nginx = nginx

    def crawl(self, wanted, per_host=PER_HOST, in_all=IN_ALL, attempts=10, timeout_ms=60000):
        """Fetches the URLs of wanted, which has their content (None: it cannot be fetched). Returns the report."""
        command = [self.program, self.nginx.socket, str(per_host), str(in_all), str(attempts), str(timeout_ms)]
        ended = subprocess.run(command, input="\n".join(wanted) + "\n", stdout=subprocess.PIPE, text=True,
                               timeout=PATIENCE)
        check(ended.returncode == 0, f"exit status {ended.returncode}, output {ended.stdout!r}")
        *lines, last = ended.stdout.splitlines()
        found = {url: said for said, url in (line.split() for line in lines)}
        for url, content in wanted.items():
            said = "failed" if content is None else hashlib.sha256(content).hexdigest()
            check(found.pop(url) == said, f"{url}: {said} is wanted")
        check(found == {}, f"not wanted: {found}")
        report = json.loads(last)
        check(report["in_use"] == 0, report)
        check(report["failed"] == list(wanted.values()).count(None), report)
        return report

    def files(self, kind, hosts, count):
        return {f"http://{host}.test/{kind}/{host}{i}": self.nginx.file(f"{kind}/{host}{i}")
                for i in range(count) for host in hosts}

    def limits(self):
        report = self.crawl(self.files("slow", "abc", 8))
        requests = self.nginx.requests()
        check([r.status for r in requests] == [200] * 24 and report["retries"] == 0, requests)
        check(most_at_once(requests) == IN_ALL, f"{most_at_once(requests)} at once, {IN_ALL} are wanted")
        self.crawl(self.files("slow", "a", 6))
        requests = self.nginx.requests()
        check([r.status for r in requests] == [200] * 6, requests)
        check(most_at_once(requests) == PER_HOST, f"{most_at_once(requests)} at once, {PER_HOST} are wanted")

    def limits_too_large(self):
        self.crawl(self.files("slow", "a", 4), per_host=PER_HOST + 1)
        check(503 in [r.status for r in self.nginx.requests()], "a limit for a host that is too large is not seen")
        self.crawl(self.files("slow", "abc", 2), in_all=IN_ALL + 1)
        check(503 in [r.status for r in self.nginx.requests()], "a limit for all that is too large is not seen")

    def back_off(self):
        """nginx answers 429 to what comes too fast: the crawler comes back later, until it has everything."""
        report = self.crawl(self.files("limited", "d", 8))
        requests = self.nginx.requests()
        refused = [r.status for r in requests].count(429)
        check(refused > 0 and report["retries"] == refused and len(requests) == 8 + refused, requests)

    def what_fails(self):
        report = self.crawl({"http://e.test/closed": None}, attempts=4)
        statuses = [r.status for r in self.nginx.requests()]
        check(statuses == [444] * 4 and report["retries"] == 3, statuses)
        report = self.crawl({"http://e.test/missing": None}, attempts=4)
        statuses = [r.status for r in self.nginx.requests()]
        check(statuses == [404] and report["retries"] == 0, statuses)

    def time_out(self):
        """An attempt that takes too long ends, and its permits come back: others get them."""
        wanted = {f"http://f.test/hangs{i}": None for i in range(IN_ALL + 2)}
        report = self.crawl(wanted, attempts=2, timeout_ms=60)
        check(report["retries"] == IN_ALL + 2, report)
        self.crawl(self.files("limited", "f", 1))

    def run(self):
        for part in (self.limits, self.limits_too_large, self.back_off, self.what_fails, self.time_out):
            began = time.monotonic()
            part()
            print(f"{part.__name__}: {time.monotonic() - began:.1f} s", flush=True)


def main():
    nginx = Nginx()
    try:
        Test(sys.argv[1], nginx).run()
    except BaseException:
        print(nginx.errors(), file=sys.stderr)
        raise
    finally:
        nginx.stop()


if __name__ == "__main__":
    main()
