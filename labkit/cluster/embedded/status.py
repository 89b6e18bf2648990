"""What the supervisor tells the outside: a status file that anybody may read at any time, and events for whoever started it."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path

from labkit.cluster import folders
from labkit.errors import LabError


@dataclass
class ComponentStatus:
    """state: "waiting", "starting", "running" or "restarting". pid: as the namespace sees it. since: seconds since the epoch."""

    state: str = "waiting"
    pid: int = 0
    restarts: int = 0
    since: float = 0.0
    last_exit: str = ""


@dataclass
class Status:
    """phase: "starting", "ready" or "stopping". pid: the supervisor, as the host sees it. mapped_uids: 1 or more."""

    phase: str = "starting"
    pid: int = 0
    started: float = 0.0
    mapped_uids: int = 1
    components: dict[str, ComponentStatus] = field(default_factory=dict)

    def write(self, path: Path) -> None:
        """Replace the status file."""
        folders.write_atomically(path, json.dumps(asdict(self)))


def read(path: Path) -> Status | None:
    """The status file's content, or None when there is none (yet)."""
    try:
        content = json.loads(path.read_text())
    except (OSError, ValueError):
        return None
    content["components"] = {name: ComponentStatus(**status) for name, status in content["components"].items()}
    return Status(**content)


class Events:
    """The supervisor's end of the pipe to whoever started it. Writing to a reader that has gone is no error."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def step(self, detail: str, done: int, total: int) -> None:
        """Tell that one more part is up."""
        self._send({"step": detail, "done": done, "total": total})

    def ready(self) -> None:
        """Tell that the cluster is up; the last event."""
        self._send({"ready": True})
        self._close()

    def failed(self, error: LabError) -> None:
        """Tell why the cluster cannot be brought up; the last event."""
        self._send({"error": {"what": error.what, "why": error.why, "next": error.next}})
        self._close()

    def _send(self, event: dict[str, object]) -> None:
        if self._descriptor < 0:
            return
        try:
            os.write(self._descriptor, json.dumps(event).encode() + b"\n")
        except BrokenPipeError:
            self._close()

    def _close(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
