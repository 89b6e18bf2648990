"""Traffic, against small HTTP servers."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from labkit.errors import LabError
from labkit.traffic import Request, Traffic, TrafficSummary
from labkit.traffic.plan import Plan
from labkit.traffic.request import who_answered

PODINFO = {"hostname": "web-1", "version": "6.9.2", "message": "greetings from podinfo v6.9.2", "color": "#34577c"}


class Server:
    """Answers with `answer(number)`: a status and a body; None closes the connection without an answer."""

    def __init__(self) -> None:
        self.answer: Callable[[int], tuple[int, bytes] | None] = lambda number: (200, b"")
        self.hosts: list[str] = []
        self.connections = 0
        lock = threading.Lock()
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self) -> None:
                super().setup()
                server.connections += 1

            def do_GET(self) -> None:
                with lock:
                    server.hosts.append(self.headers["Host"])
                    number = len(server.hosts)
                answer = server.answer(number)
                if answer is None:
                    self.connection.shutdown(socket.SHUT_RDWR)
                    self.close_connection = True
                    return
                self.send_response(answer[0])
                self.send_header("Content-Length", str(len(answer[1])))
                self.end_headers()
                self.wfile.write(answer[1])

            def log_message(self, *args: Any) -> None: ...

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.handle_error = lambda request, address: None  # a client that went away
        self.url = f"http://127.0.0.1:{self.http.server_port}/"
        threading.Thread(target=self.http.serve_forever, args=(0.01,), daemon=True).start()


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    yield server
    server.http.shutdown()
    server.http.server_close()


def until(condition: Callable[[], bool]) -> None:
    """Wait for what another process does."""
    end = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < end, "it did not happen within 30 s"
        time.sleep(0.01)


@pytest.mark.parametrize(
    ("body", "version", "pod"),
    [
        (json.dumps(PODINFO).encode(), "6.9.2", "web-1"),
        (json.dumps(PODINFO | {"message": "blue"}).encode(), "blue", "web-1"),
        (b"<html>Welcome to nginx!</html>", "", ""),
        (b"[1]", "", ""),
        (b"\xff\xfe", "", ""),
        (b"", "", ""),
    ],
)
def test_who_answered(body: bytes, version: str, pod: str) -> None:
    assert who_answered(body) == (version, pod)


@pytest.mark.parametrize("rps", [0, -1, 1_000_000, float("nan")])
def test_a_rate_that_cannot_be_sent_is_refused(rps: float) -> None:
    with pytest.raises(LabError, match="cannot be sent"):
        Plan("http://127.0.0.1/", "demo.lab", rps)


def test_a_summary_counts_failures_and_versions() -> None:
    good, error, none = (
        Request(0, 1, 200, "blue", "", ""),
        Request(0, 1, 503, "blue", "", ""),
        Request(0, 1, 0, "", "", "refused"),
    )
    summary = TrafficSummary.of([good, good, good._replace(version="green"), good._replace(version=""), error, none])
    assert summary == TrafficSummary(6, 2, {"": 1, "blue": 2, "green": 1})
    assert repr(summary) == "6 requests, 2 failed; answered by unnamed 1, blue 2, green 1"
    assert repr(TrafficSummary.of([])) == "0 requests, 0 failed"


def test_every_request_is_recorded_with_who_answered(server: Server) -> None:
    server.answer = lambda number: (200, json.dumps(PODINFO | {"message": "blue" if number <= 20 else "green"}).encode())
    with Traffic(Plan(server.url, "demo.lab", rps=200)) as traffic:
        assert repr(traffic) == "Traffic to demo.lab, 200 requests/s, running"
        until(lambda: len(server.hosts) >= 40)
    table, summary = traffic.frame(), traffic.summary()
    assert len(table) == summary.requests == len(server.hosts)
    assert summary.failed == 0
    assert summary.by_version == {"blue": 20, "green": len(server.hosts) - 20}
    assert set(server.hosts) == {"demo.lab"}
    assert list(table.columns) == ["time", "latency_ms", "status", "version", "pod", "error"]
    assert set(table["pod"]) == {"web-1"}
    assert table["time"].is_monotonic_increasing
    assert repr(traffic).endswith("stopped")
    assert server.connections < len(server.hosts), "connections are kept alive"


def test_failures_are_recorded_as_what_they_were(server: Server) -> None:
    server.answer = lambda number: {0: (503, b"no available server"), 1: None}.get(number % 3, (200, b""))
    with Traffic(Plan(server.url, "demo.lab", rps=200)) as traffic:
        until(lambda: len(server.hosts) >= 60)
    table = traffic.frame()
    assert {200, 503} <= set(table["status"])
    assert traffic.summary().failed == (table["status"] != 200).sum()
    assert (table.loc[table["status"] == 0, "error"] != "").all()
    assert (table.loc[table["status"] != 0, "error"] == "").all()


def test_nobody_listens() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        with Traffic(Plan(f"http://127.0.0.1:{taken.getsockname()[1]}/", "demo.lab", rps=100)) as traffic:
            until(lambda: traffic.summary().requests >= 5)
    summary = traffic.summary()
    assert summary.failed == summary.requests
    assert "Connect call failed" in traffic.frame()["error"][0]


def test_a_stall_is_in_the_latency_of_every_request_that_had_to_wait(server: Server) -> None:
    stalled, go_on = threading.Event(), threading.Event()

    def answer(number: int) -> tuple[int, bytes]:
        stalled.set()
        go_on.wait(30)
        return 200, b""

    server.answer = answer
    with Traffic(Plan(server.url, "demo.lab", rps=100)) as traffic:
        assert stalled.wait(30)
        until(lambda: len(server.hosts) >= 30)
        go_on.set()
        until(lambda: traffic.summary().requests >= 30)
    latency = traffic.frame()["latency_ms"][:30]
    assert latency.is_monotonic_decreasing, (
        "each of them was to be sent 10 ms after the one before, and all got their answer at once"
    )
    assert latency[0] > 290


def test_what_has_no_answer_at_the_end_is_counted_too(server: Server) -> None:
    forever = threading.Event()
    server.answer = lambda number: (200, b"") if forever.wait(60) else None
    with Traffic(Plan(server.url, "demo.lab", rps=50)) as traffic:
        until(lambda: len(server.hosts) >= 3)
    forever.set()
    table = traffic.frame()
    assert len(table) >= 3
    assert set(table["error"]) == {"no answer when the traffic was stopped"}


def test_a_request_that_takes_too_long_is_given_up(server: Server) -> None:
    forever = threading.Event()
    server.answer = lambda number: (200, b"") if forever.wait(60) else None
    with Traffic(Plan(server.url, "demo.lab", rps=50, timeout=0.1)) as traffic:
        until(lambda: traffic.summary().requests >= 1)
    forever.set()
    assert traffic.frame()["error"][0] == "no answer within 0.1 s"


def test_an_interrupted_cell_ends_the_traffic(server: Server) -> None:
    traffic = Traffic(Plan(server.url, "demo.lab", rps=50))
    with pytest.raises(KeyboardInterrupt), traffic:
        raise KeyboardInterrupt
    assert not traffic.running


def test_starting_and_stopping_twice_changes_nothing(server: Server) -> None:
    traffic = Traffic(Plan(server.url, "demo.lab", rps=50)).start()
    assert traffic.start() is traffic
    traffic.stop()
    counted = traffic.summary()
    traffic.stop()
    assert traffic.summary() == counted


def test_a_generator_that_dies_is_told_and_what_it_recorded_is_kept(server: Server) -> None:
    traffic = Traffic(Plan(server.url, "demo.lab", rps=100)).start()
    until(lambda: traffic.summary().requests >= 1)
    assert traffic._process
    os.kill(traffic._process.pid, signal.SIGKILL)
    until(lambda: not traffic.running)
    with pytest.raises(LabError, match="generator failed"):
        traffic.stop()
    assert traffic.summary().requests >= 1


KERNEL = """
import sys
from labkit.traffic import Traffic
from labkit.traffic.plan import Plan
traffic = Traffic(Plan(sys.argv[1], "demo.lab", rps=50)).start()
print(traffic._process.pid, flush=True)
sys.stdin.read()
"""


def test_the_generator_ends_with_the_notebooks_kernel(server: Server) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", KERNEL, server.url], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as kernel:
        assert kernel.stdout
        pid = int(kernel.stdout.readline())
        kernel.kill()
    until(lambda: not _alive(pid))


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False
