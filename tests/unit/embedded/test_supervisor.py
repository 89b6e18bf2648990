"""The real supervisor in a real namespace, with small programs for components."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from labkit.cluster.embedded import status as statuses
from labkit.cluster.embedded.state import State

HARNESS = """
import itertools, os, sys, time
from pathlib import Path
from labkit.cluster import locks
from labkit.cluster.embedded import namespace, supervisor
from labkit.cluster.embedded.components import Component
from labkit.cluster.embedded.status import ComponentStatus, Events, Status
from labkit.errors import LabError

state, events = Path(sys.argv[1]), Events(int(sys.argv[2]))
alive = locks.acquire(state / "alive.lock")
pid, mapped = namespace.enter(state)
root = Path("/run/labkit")

def touched(name):
    return lambda: (root / name).exists()

wanted = [
    Component("second", ("sh", "-c", "test -e first && touch second; sleep 1000"), touched("second"), after=("first",)),
    Component("first", ("sh", "-c", sys.argv[3]), touched("first")),
]
status = Status(pid=pid, started=time.time(), mapped_uids=mapped, components={c.name: ComponentStatus() for c in wanted})
if os.environ.get("JUMPING_CLOCK"):
    days = itertools.cycle([0, 1e7, -1e7])
    time.time = lambda: 1.8e9 + next(days)
supervisor.Supervisor._finish_start = lambda self: None
supervisor.Supervisor(wanted, status, events, "/usr/bin:/bin").run()
"""


class Running:
    def __init__(self, state: State, first: str) -> None:
        state.prepare()
        self.state = state
        reader, writer = os.pipe()
        command = [sys.executable, "-c", HARNESS, str(state.folder), str(writer), first]
        with (state.logs / "supervisor.log").open("wb") as log:
            subprocess.run(command, pass_fds=(writer,), stdout=log, stderr=log, check=True)
        os.close(writer)
        self.events = os.fdopen(reader)

    def status(self) -> statuses.Status:
        return self.until(lambda: statuses.read(self.state.folder / "status.json"))

    def until(self, wanted: Callable[[], Any]) -> Any:
        """Poll until `wanted` is truthy. The bound is generous: it only ends a test that has failed."""
        deadline = time.monotonic() + 30
        while not (found := wanted()):
            assert time.monotonic() < deadline, (self.state.logs / "supervisor.log").read_text()
            time.sleep(0.01)
        return found

    def family(self) -> list[psutil.Process]:
        top = psutil.Process(self.status().pid)
        return [top, *top.children(recursive=True)]

    def both_run(self) -> bool:
        return all(component.state == "running" for component in self.status().components.values())


@pytest.fixture
def start(own_folders: Path) -> Iterator[Callable[[str], Running]]:
    started: list[Running] = []

    def start(first: str) -> Running:
        started.append(Running(State("test"), first))
        return started[-1]

    yield start
    for running in started:
        if running.state.running:
            os.kill(running.status().pid, signal.SIGKILL)
        running.events.close()


def test_starts_in_order_of_dependency(start: Callable[[str], Running]) -> None:
    running = start("touch first; sleep 1000")
    running.until(running.both_run)
    assert (running.state.folder / "second").exists()


def test_killing_it_ends_every_process(start: Callable[[str], Running]) -> None:
    running = start("touch first; sleep 1000 & setsid sleep 1000 & sleep 1000")
    running.until(running.both_run)
    family = running.until(lambda: [p for p in [running.family()] if len(p) >= 6])[0]
    os.kill(running.status().pid, signal.SIGKILL)
    _, alive = psutil.wait_procs(family, timeout=30)
    assert alive == []
    assert not running.state.running
    assert str(running.state.folder) not in Path("/proc/mounts").read_text()


def test_what_dies_is_restarted_and_the_reason_is_kept(start: Callable[[str], Running]) -> None:
    running = start("touch first; echo out of luck; test -e twice || { touch twice; exit 7; }; sleep 1000")
    first = running.until(lambda: (c := running.status().components["first"]) and c.state == "running" and c.restarts and c)
    assert first.restarts == 1
    assert first.last_exit == "exit code 7: out of luck"


def test_a_killed_component_is_restarted(start: Callable[[str], Running]) -> None:
    running = start("touch first; exec sleep 1000")
    running.until(running.both_run)
    victim = next(p for p in running.family() if p.cmdline() == ["sleep", "1000"])
    victim.kill()
    first = running.until(lambda: (c := running.status().components["first"]) and c.restarts and c.state == "running" and c)
    assert first.last_exit.startswith("killed by SIGKILL")


def test_a_component_that_never_starts_ends_the_attempt_with_the_reason(start: Callable[[str], Running]) -> None:
    running = start("echo no such luck; exit 3")
    last = [json.loads(line) for line in running.events][-1]
    assert last["error"]["what"] == "first does not start."
    assert last["error"]["why"] == "exit code 3: no such luck"
    assert last["error"]["next"] == "labkit logs first"
    running.until(lambda: not running.state.running)


def test_a_clock_that_jumps_changes_nothing(start: Callable[[str], Running], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JUMPING_CLOCK", "1")
    running = start("touch first; test -e twice || { touch twice; exit 7; }; sleep 1000")
    running.until(lambda: running.status().components["first"].restarts == 1 and running.both_run())


def test_sigterm_ends_everything(start: Callable[[str], Running]) -> None:
    running = start("touch first; sleep 1000")
    running.until(running.both_run)
    family = running.family()
    os.kill(running.status().pid, signal.SIGTERM)
    assert psutil.wait_procs(family, timeout=30)[1] == []
