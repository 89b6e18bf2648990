"""The supervisor: pid 1 of the cluster's namespace. Starts the components, keeps them running, and ends everything with it.

Run as `python -m labkit.cluster.embedded.supervisor LAUNCH`, where LAUNCH is the JSON of a `Launch`.
"""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import threading
import time
import traceback
from dataclasses import asdict, dataclass
from pathlib import Path

import yaml

from labkit.cluster import locks
from labkit.cluster.embedded import components, layout, namespace
from labkit.cluster.embedded.components import Component
from labkit.cluster.embedded.readiness import ApiClient
from labkit.cluster.embedded.status import ComponentStatus, Events, Status
from labkit.errors import LabError

_POLL = 0.02
_FIRST_PAUSE, _LONGEST_PAUSE, _STABLE = 0.25, 30.0, 60.0
_GIVE_UP_AFTER = 4
_START_TIMEOUT = 120.0
_STOP_TIMEOUT = 2.0
_LOG_LIMIT = 20 << 20
_LOG_CHECK = 30.0
_LEAN = {"GOGC": "20"}
"""Go's heaps may grow by a fifth before they are collected: a little more work, a good deal less memory."""


@dataclass(frozen=True)
class Launch:
    """What the supervisor is told. state: the cluster's folder. listeners: descriptor by target address. events: a pipe's end.

    programs: absolute path by name. stubs, catalogue, path: for the CRI runtime and for finding nft.
    """

    state: str
    listeners: dict[str, int]
    events: int
    programs: dict[str, str]
    stubs: str
    catalogue: str
    path: str

    def encode(self) -> str:
        """As the one argument of the supervisor's command line."""
        return json.dumps(asdict(self))


class Supervisor:
    """Runs `wanted` until told to stop."""

    def __init__(self, wanted: list[Component], status: Status, events: Events, path: str) -> None:
        self.wanted = {component.name: component for component in wanted}
        self.status = status
        self.events = events
        self.environment = {"PATH": path, "HOME": str(layout.ROOT), "LANG": "C.UTF-8", **_LEAN}
        self.processes: dict[int, tuple[str, subprocess.Popen[bytes], float]] = {}
        self.serving = {name: threading.Event() for name in self.wanted}
        self.pauses: dict[str, float] = {}
        self.lock = threading.Lock()
        self.stopping = threading.Event()
        self.failure: LabError | None = None

    def run(self) -> None:
        """Start everything, then reap and restart until SIGTERM, or until the start is given up."""
        reader, writer = os.pipe()
        os.set_blocking(writer, False)
        signal.set_wakeup_fd(writer)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self.stopping.set())
        self._write_status()
        for name in self.wanted:
            self._launch(name)
        threading.Thread(target=self._finish_start, daemon=True).start()
        next_check = time.monotonic() + _LOG_CHECK
        while not self.stopping.is_set():
            if select.select([reader], [], [], max(0.0, next_check - time.monotonic()))[0]:
                os.read(reader, 4096)
            self._reap()
            if time.monotonic() >= next_check:
                next_check = time.monotonic() + _LOG_CHECK
                self._limit_logs()
        self._stop()

    def _launch(self, name: str, pause: float = 0.0) -> None:
        threading.Thread(target=self._start, args=(self.wanted[name], pause), daemon=True).start()

    def _start(self, component: Component, pause: float) -> None:
        if self.stopping.wait(pause):
            return
        for name in component.after:
            while not self.serving[name].wait(1):
                if self.stopping.is_set():
                    return
        while not component.needs():
            if self.stopping.wait(_POLL):
                return
        with self.lock:
            if self.stopping.is_set():
                return
            try:
                pid = self._spawn(component)
            except OSError as error:
                self._ended(component.name, str(error), 0.0)
                return
            self._set(component.name, state="starting", pid=pid)
        while pid in self.processes and not component.ready():
            if self.stopping.wait(_POLL):
                return
        with self.lock:
            if pid in self.processes:
                self.serving[component.name].set()
                self._set(component.name, state="running")

    def _spawn(self, component: Component) -> int:
        with component.log.open("ab") as log:
            process = subprocess.Popen(
                component.command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=self.environment,
                cwd=layout.ROOT,
                pass_fds=component.files,
                start_new_session=True,
            )
        self.processes[process.pid] = (component.name, process, time.monotonic())
        return process.pid

    def _reap(self) -> None:
        """Collect every process that has ended, also the orphans that are ours as pid 1, and restart components."""
        while True:
            with self.lock:
                try:
                    pid, wait_status = os.waitpid(-1, os.WNOHANG)
                except ChildProcessError:
                    return
                if pid == 0:
                    return
                if pid not in self.processes:
                    continue
                name, process, started = self.processes.pop(pid)
                process.returncode = code = os.waitstatus_to_exitcode(wait_status)
                self.serving[name].clear()
                how = f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
                line = _last_words(self.wanted[name].log)
                self._ended(name, f"{how}: {line}" if line else how, time.monotonic() - started)

    def _ended(self, name: str, how: str, lasted: float) -> None:
        known = self.status.components[name]
        self._set(name, state="restarting", pid=0, restarts=known.restarts + 1, last_exit=how)
        if self.status.phase == "starting" and known.restarts >= _GIVE_UP_AFTER:
            self._give_up(name)
            return
        if lasted > _STABLE:
            self.pauses.pop(name, None)
        pause = self.pauses.get(name, _FIRST_PAUSE)
        self.pauses[name] = min(2 * pause, _LONGEST_PAUSE)
        self._launch(name, pause)

    def _set(self, name: str, **changes: object) -> None:
        for field, value in changes.items():
            setattr(self.status.components[name], field, value)
        self.status.components[name].since = time.time()
        self._write_status()
        running = [known for known, event in self.serving.items() if event.is_set()]
        if self.status.phase == "starting":
            self.events.step(f"{name} is {self.status.components[name].state}", len(running), len(self.wanted))

    def _write_status(self) -> None:
        self.status.write(layout.ROOT / "status.json")

    def _finish_start(self) -> None:
        """Make the first objects, wait for every component and for the node, then say that the cluster is ready."""
        deadline = time.monotonic() + _START_TIMEOUT
        try:
            self.serving["kube-apiserver"].wait(_START_TIMEOUT)
            client = components.admin_client()
            for path, manifest in yaml.load((layout.CONF / "bootstrap.yaml").read_text(), yaml.CSafeLoader).items():
                client.apply(path, manifest)
            while not self.stopping.is_set() and not (self._all_serving() and _node_ready(client)):
                if time.monotonic() > deadline:
                    self._give_up(next((name for name, event in self.serving.items() if not event.is_set()), "kubelet"))
                    return
                self.stopping.wait(_POLL)
        except OSError as error:
            self.failure = LabError("The cluster's first objects could not be made.", str(error), "labkit logs kube-apiserver")
            self._abandon()
            return
        with self.lock:
            if not self.stopping.is_set():
                self.status.phase = "ready"
                self._write_status()
                self.events.ready()

    def _all_serving(self) -> bool:
        return all(event.is_set() for event in self.serving.values())

    def _give_up(self, name: str) -> None:
        known = self.status.components[name]
        self.failure = LabError(
            f"{name} does not start.",
            known.last_exit or f"It has been {known.state} for {_START_TIMEOUT:.0f} s.",
            f"labkit logs {name}",
        )
        self._abandon()

    def _abandon(self) -> None:
        self.stopping.set()
        os.kill(os.getpid(), signal.SIGCHLD)

    def _stop(self) -> None:
        """End the components: etcd last, so that everything that was acknowledged is in its files."""
        with self.lock:
            self.status.phase = "stopping"
            self._write_status()
            for name, process, _ in self.processes.values():
                if name != "etcd":
                    process.send_signal(signal.SIGKILL if name == "kube-apiserver" else signal.SIGTERM)
            etcd = [process for name, process, _ in self.processes.values() if name == "etcd"]
            for process in etcd:
                process.terminate()
        deadline = time.monotonic() + _STOP_TIMEOUT
        for process in etcd:
            try:
                process.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
        if self.failure is not None:
            self.events.failed(self.failure)

    def _limit_logs(self) -> None:
        """Keep the newest half of a log file that has grown too large. Writers append, so they do not notice."""
        for component in self.wanted.values():
            if component.log.exists() and component.log.stat().st_size > _LOG_LIMIT:
                with component.log.open("r+b") as log:
                    log.seek(-_LOG_LIMIT // 2, os.SEEK_END)
                    newest = log.read()
                    log.truncate(0)
                    log.seek(0)
                    log.write(newest)


def _node_ready(client: ApiClient) -> bool:
    node = client.get(f"/api/v1/nodes/{layout.NODE_NAME}")
    conditions = node["status"].get("conditions", []) if node else []
    return any(condition["type"] == "Ready" and condition["status"] == "True" for condition in conditions)


def _last_words(log: Path) -> str:
    """The last line of a log that says something; of a Go panic, the line that says why."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - 8192))
            lines = file.read().decode(errors="replace").strip().splitlines()
    except OSError:
        return ""
    panics = [line for line in lines if line.startswith(("panic:", "fatal error:"))]
    return (panics or lines or [""])[-1]


def main() -> None:
    """Enter the namespace and run."""
    launch = Launch(**json.loads(sys.argv[1]))
    events = Events(launch.events)
    state = Path(launch.state)
    alive = locks.acquire(state / "alive.lock")
    if alive is None:
        events.failed(LabError("The cluster is running already.", next="labkit status"))
        return
    try:
        host_pid, mapped = namespace.enter(state)
        runtime = components.runtime_config(launch.programs, mapped, launch.stubs, launch.catalogue)
        (layout.CONF / "cri.json").write_text(runtime)
        wanted = components.components(launch.programs, launch.listeners, mapped)
        known = {component.name: ComponentStatus() for component in wanted}
        status = Status(pid=host_pid, started=time.time(), mapped_uids=mapped, components=known)
        Supervisor(wanted, status, events, launch.path).run()
    except LabError as error:
        events.failed(error)
    except Exception:
        events.failed(LabError("The supervisor failed.", traceback.format_exc(), "labkit logs supervisor"))
        raise


if __name__ == "__main__":
    main()
