"""One container: its record, the kubelet's configuration of it, and what the shim is asked to do with it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from labkit.cluster.embedded.cri import processes, signals
from labkit.cluster.embedded.cri.api import pb
from labkit.cluster.embedded.cri.errors import CRIError, NotFoundError, RefusedError
from labkit.cluster.embedded.cri.records import ContainerRecord
from labkit.cluster.embedded.cri.shim import Shim

# what containerd reports of a container that could not be started, and of one whose end nobody saw
START_ERROR = 128
LOST = 255

_STATES = {"created": pb.CONTAINER_CREATED, "running": pb.CONTAINER_RUNNING, "exited": pb.CONTAINER_EXITED}


class Container:
    """save is called with the record whenever it has changed. namespace: of the process ids of a running container."""

    def __init__(self, record: ContainerRecord, config: Any, log_folder: str, save: Callable[[ContainerRecord], None]) -> None:
        self.record = record
        self.config = config
        self.identity: tuple[int, int, tuple[int, ...]] = (0, 0, ())
        self.stop_signal = "SIGTERM"
        self.namespace = ""
        self.log_path = f"{log_folder}/{config.log_path}" if config.log_path else ""
        self._save = save
        self._ended = asyncio.Event()
        self.path = f"/v1/containers/{record.id}"
        if record.state == "exited":
            self._ended.set()

    @property
    def running(self) -> bool:
        """It has been started and has not ended."""
        return self.record.state == "running"

    async def start(self, shim: Shim, spec: dict[str, Any]) -> None:
        """Raises CRIError when it cannot be started; the container has then exited with the reason StartError."""
        if self.record.state != "created":
            raise RefusedError(f"container {self.record.id} is {self.record.state}, not created")
        if self.log_path:
            Path(self.log_path).parent.mkdir(parents=True, exist_ok=True)
        streams = {"log": self.log_path, "stdin": self.config.stdin, "stdin_once": self.config.stdin_once, "tty": self.config.tty}
        state = await shim.call("PUT", self.path, {**spec, **streams, "sandbox": self.record.sandbox})
        if self.record.state == "created":
            self.adopt(state)

    def adopt(self, state: dict[str, Any]) -> bool:
        """Take over what the shim says of this container; true if it has ended by that."""
        if self.record.state == "created":
            self.record.state, self.record.started_at, self.record.pid = "running", state["started_at"], state["pid"]
            self.record.born = processes.born(state["pid"])
            if state["running"]:
                self._save(self.record)
        if not state["running"]:
            return self._end(state["exit_code"], state["finished_at"])
        self.namespace = processes.pid_namespace(self.record.pid)
        return False

    def fail(self, message: str) -> None:
        """It could not be started."""
        self.record.reason, self.record.message = "StartError", message
        self._end(START_ERROR, time.time_ns())

    def lose(self) -> bool:
        """The shim has died, and all its containers with it; make sure of this one. True if it was running until now."""
        if not self.running:
            return False
        pid = self.record.pid
        foreign = processes.pid_namespace(pid) not in ("", processes.pid_namespace(os.getpid()))
        if foreign and processes.born(pid) == self.record.born:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.record.reason, self.record.message = "Unknown", "the process that held this container has ended"
        return self._end(LOST, time.time_ns())

    def _end(self, code: int, finished_at: int) -> bool:
        if self.record.state == "exited":
            return False
        self.record.state, self.record.exit_code, self.record.finished_at = "exited", code, finished_at
        if not self.record.reason:
            self.record.reason = "OOMKilled" if self.record.oom else "Completed" if code == 0 else "Error"
        self._save(self.record)
        self._ended.set()
        return True

    async def stop(self, shim: Shim, grace: float) -> None:
        """Ask it to end, wait for at most `grace` seconds, then kill it. Returns when it has ended."""
        if grace > 0 and self.running:
            await self._signal(shim, signals.number(self.stop_signal))
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._ended.wait(), grace)
        if self.running:
            await self._signal(shim, signal.SIGKILL)
            await self._ended.wait()

    async def kill_for_memory(self, shim: Shim) -> None:
        """Kill it for having outgrown its memory limit, which its reason will say."""
        self.record.oom = True
        self._save(self.record)
        await self._signal(shim, signal.SIGKILL)

    async def _signal(self, shim: Shim, number: int) -> None:
        with contextlib.suppress(NotFoundError):
            await shim.call("POST", f"{self.path}/signal", {"signal": int(number)})

    @property
    def memory_limit(self) -> int:
        """Bytes; 0 for none."""
        return int(self.config.linux.resources.memory_limit_in_bytes)

    def summary(self) -> Any:
        """What a list shows of it."""
        record = self.record
        return pb.Container(
            id=record.id,
            pod_sandbox_id=record.sandbox,
            metadata=self.config.metadata,
            image=self.config.image,
            image_ref=record.image_id,
            image_id=record.image_id,
            state=_STATES[record.state],
            created_at=record.created_at,
            labels=self.config.labels,
            annotations=self.config.annotations,
        )

    def status(self) -> Any:
        """Its CRI status."""
        record = self.record
        uid, gid, groups = self.identity
        return pb.ContainerStatus(
            id=record.id,
            metadata=self.config.metadata,
            state=_STATES[record.state],
            created_at=record.created_at,
            started_at=record.started_at,
            finished_at=record.finished_at,
            exit_code=record.exit_code,
            image=pb.ImageSpec(image=record.image, user_specified_image=self.config.image.user_specified_image),
            image_ref=record.image_id,
            image_id=record.image_id,
            reason=record.reason,
            message=record.message,
            labels=self.config.labels,
            annotations=self.config.annotations,
            mounts=self.config.mounts,
            log_path=self.log_path,
            resources=pb.ContainerResources(linux=self.config.linux.resources),
            user=pb.ContainerUser(linux=pb.LinuxContainerUser(uid=uid, gid=gid, supplemental_groups=groups)),
            stop_signal=pb.Signal.Value(f"SIGNAL_{self.stop_signal}"),
        )

    def require_running(self) -> None:
        """Raises CRIError if it does not run."""
        if not self.running:
            raise CRIError(f"container {self.record.id} is not running")
