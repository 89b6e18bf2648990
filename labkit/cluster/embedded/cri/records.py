"""What is kept on disk of a sandbox or container: the kubelet's configuration as it came, and the little state that changes."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Generic, TypeVar


@dataclass
class SandboxRecord:
    """created_at: nanoseconds since the epoch; ip: empty on the node's network."""

    id: str
    created_at: int
    ip: str = ""
    host_network: bool = False
    runtime_handler: str = ""
    ready: bool = True


@dataclass
class ContainerRecord:
    """Times in nanoseconds since the epoch, 0 for not yet. state: created, running or exited.

    pid: of the first process, seen from us. born: that process's start time in clock ticks since boot, which tells it from a
    later process of the same number. oom: the watchdog has killed it for its memory.
    """

    id: str
    sandbox: str
    image: str
    image_id: str
    created_at: int
    state: str = "created"
    started_at: int = 0
    finished_at: int = 0
    exit_code: int = 0
    reason: str = ""
    message: str = ""
    pid: int = 0
    born: int = 0
    oom: bool = False


Record = TypeVar("Record", SandboxRecord, ContainerRecord)


class Records(Generic[Record]):
    """One folder for each sandbox or container: config.pb (never changes), record.json, and files made for it."""

    def __init__(self, folder: Path, kind: type[Record]) -> None:
        self.folder = folder
        self._kind: type[Record] = kind
        folder.mkdir(parents=True, exist_ok=True)

    def path(self, id: str) -> Path:
        """One's folder."""
        return self.folder / id

    def add(self, record: Record, config: bytes) -> None:
        """Keep a new one."""
        self.path(record.id).mkdir(exist_ok=True)
        (self.path(record.id) / "config.pb").write_bytes(config)
        self.save(record)

    def save(self, record: Record) -> None:
        """Keep what has changed."""
        aside = self.path(record.id) / "record.json.new"
        aside.write_text(json.dumps(asdict(record)))
        aside.rename(self.path(record.id) / "record.json")

    def remove(self, id: str) -> None:
        """Forget one, its files too."""
        (self.path(id) / "record.json").unlink(missing_ok=True)
        shutil.rmtree(self.path(id), ignore_errors=True)

    def load(self) -> Iterator[tuple[Record, bytes]]:
        """Every complete record; what an interrupted add or remove has left is cleared away."""
        for path in list(self.folder.iterdir()):
            try:
                record = self._kind(**json.loads((path / "record.json").read_text()))
                config = (path / "config.pb").read_bytes()
            except (OSError, ValueError, TypeError):
                shutil.rmtree(path, ignore_errors=True)
                continue
            yield record, config
