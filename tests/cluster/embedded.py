"""The embedded cluster's own processes, seen from the host, for tests that kill them or ask them directly."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import psutil

from labkit.cluster.embedded.cluster import EmbeddedCluster
from labkit.cluster.embedded.status import Status
from labkit.lab import Lab

_LIMIT = 60

_ASK = """
import socket, ssl, sys, urllib.error, urllib.request
context = ssl._create_unverified_context()
try:
    print(urllib.request.urlopen(sys.argv[1], context=context, timeout=10).status)
except urllib.error.HTTPError as error:
    print(error.code)
except (OSError, ssl.SSLError):
    print(0)
"""


class Node:
    """Needs the embedded provider."""

    def __init__(self, lab: Lab) -> None:
        self.cluster = EmbeddedCluster(lab.access.name)

    @property
    def status(self) -> Status:
        status = self.cluster.status()
        assert status is not None, "the cluster does not run"
        return status

    def processes(self) -> list[psutil.Process]:
        """All there are, the supervisor first."""
        supervisor = psutil.Process(self.status.pid)
        return [supervisor, *supervisor.children(recursive=True)]

    def component(self, name: str) -> psutil.Process:
        """The process of a component, which the status file numbers as it is inside."""
        inside = self.status.components[name].pid
        (found,) = (each for each in psutil.Process(self.status.pid).children() if _inner(each.pid) == inside)
        return found

    def kill(self, name: str) -> None:
        """End a component with SIGKILL, and wait until the supervisor has brought up another."""
        before = self.status.components[name].restarts
        self.component(name).kill()
        deadline = time.monotonic() + _LIMIT
        while not (self.status.components[name].restarts > before and self.status.components[name].state == "running"):
            assert time.monotonic() < deadline, f"{name} does not come back: {self.status.components[name]}"
            time.sleep(0.02)

    def answer(self, url: str) -> int:
        """The HTTP status that a nobody inside the cluster's network gets; 0 for none at all."""
        enter = ["nsenter", "--target", str(self.status.pid), "--user", "--net", "--preserve-credentials", "--"]
        run = subprocess.run([*enter, sys.executable, "-c", _ASK, url], capture_output=True, text=True)
        assert run.returncode == 0, run.stderr
        return int(run.stdout)


def _inner(pid: int) -> int:
    """A process's number in the innermost pid namespace it is in."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("NSpid:"):
            return int(line.split()[-1])
    return 0
