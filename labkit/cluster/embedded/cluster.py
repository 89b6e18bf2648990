"""The embedded provider: up, stop, start, down and status of a cluster that lives in one namespace of this machine."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from labkit.cluster import folders, locks
from labkit.cluster.access import Access, Meanwhile
from labkit.cluster.embedded import build, layout, nft, programs
from labkit.cluster.embedded import status as statuses
from labkit.cluster.embedded.state import State
from labkit.cluster.embedded.supervisor import Launch
from labkit.cluster.progress import Report, Step, silent
from labkit.errors import LabError

_POLL = 0.02
_STOP_TIMEOUT = 10.0
_SPACE = 200_000_000
STAGE = "cluster"


class EmbeddedCluster:
    """The cluster `name`."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.state = State(name)

    def up(self, report: Report, meanwhile: Meanwhile, api_port: int = 0, gateway_port: int = 0) -> bool:
        """Build what is missing, make the cluster if there is none, start it if it does not run, wait until it is ready.

        meanwhile: called once the API answers, while the node is still starting; `up` returns after both. api_port,
        gateway_port: wanted on 127.0.0.1; 0 keeps the last one, or takes a free one. Returns False when it was running
        already. Raises LabError; what was running is then stopped, and nothing that was made before is lost.
        """
        self.state.record()
        with self.at_work(report):
            if self.state.running:
                self.wait_ready(report)
                meanwhile(self.access())
                return False
            wanted = programs.select([STAGE])
            build.build(wanted, report)
            stubs = build.runtime_stubs(report)
            nft_folder = nft.ensure(report)
            _require_space(folders.make_private(self.state.folder))
            self.state.prepare()
            self._launch(report, meanwhile, stubs, nft_folder, (api_port, gateway_port))
            return True

    def stop(self) -> bool:
        """End the processes and keep the state. Returns False when nothing ran."""
        self.interrupt_work()
        with self.at_work(silent):
            return self.end_supervisor()

    def down(self) -> bool:
        """End the processes and remove the state. Returns False when there was neither."""
        self.interrupt_work()
        if not self.state.folder.exists():
            return False
        with self.at_work(silent):
            self.end_supervisor(signal.SIGKILL)
            self.state.remove()
        return True

    def status(self) -> statuses.Status | None:
        """What the supervisor says, or None while the cluster does not run."""
        return statuses.read(self.state.folder / "status.json") if self.state.running else None

    def access(self) -> Access:
        """How to reach it. Raises LabError when it does not run."""
        if not self.state.exists:
            raise LabError(f"There is no cluster called {self.name!r}.", next=f"labkit up{self.option()}")
        if not self.state.running:
            raise LabError(f"The cluster {self.name!r} is stopped.", next=f"labkit start{self.option()}")
        record = self.state.record()
        return Access(
            name=self.name,
            kubeconfig=self.state.kubeconfig,
            context=f"labkit-{self.name}",
            api_url=f"https://127.0.0.1:{record.api_port}",
            gateway_url=f"http://127.0.0.1:{record.gateway_port}",
            kubectl=programs.kubectl(),
        )

    def option(self) -> str:
        """The --name option that names this cluster, "" for the default one."""
        return "" if self.name == "default" else f" --name {self.name}"

    @contextmanager
    def at_work(self, report: Report) -> Iterator[None]:
        """One labkit at a time changes a cluster: wait for the other one, and say so."""
        folders.make_private(self.state.folder.parent)
        path = self.work_lock
        while (lock := locks.acquire(path)) is None:
            report(self._others_work())
            time.sleep(_POLL)
        try:
            os.truncate(lock, 0)
            os.write(lock, str(os.getpid()).encode())
            yield
        finally:
            os.close(lock)

    def _others_work(self) -> Step:
        status = self.status()
        if status is not None and status.phase == "starting":
            return _starting(status)
        return build.under_way() or Step("Waiting for another labkit that is at work on this cluster")

    @property
    def work_lock(self) -> Path:
        """Beside the folder, not in it: it outlives the folder."""
        return self.state.folder.with_name(f".{self.name}.lock")

    def interrupt_work(self) -> None:
        """Ask another labkit that is bringing this cluster up to give it up."""
        if not locks.is_held(self.work_lock):
            return
        try:
            os.kill(int(self.work_lock.read_text()), signal.SIGINT)
        except (OSError, ValueError):
            return

    def _launch(self, report: Report, meanwhile: Meanwhile, stubs: Path, nft_folder: Path, ports: tuple[int, int]) -> None:
        record = self.state.record()
        api = _listen(ports[0], record.api_port, "--api-port")
        gateway = _listen(ports[1], record.gateway_port, "--gateway-port")
        record.api_port, record.gateway_port = api.getsockname()[1], gateway.getsockname()[1]
        record.kubernetes = programs.kubernetes_version()
        (self.state.folder / "status.json").unlink(missing_ok=True)
        reader, writer = os.pipe()
        targets = {
            f"{layout.NODE_IP}:{layout.API_PORT}": api.fileno(),
            f"{layout.NODE_IP}:{layout.GATEWAY_NODE_PORT}": gateway.fileno(),
        }
        launch = Launch(
            state=str(self.state.folder),
            listeners=targets,
            events=writer,
            programs=programs.paths(),
            stubs=str(stubs),
            catalogue=str(programs.CATALOGUE),
            path=os.pathsep.join(["/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", str(nft_folder)]),
        )
        with api, gateway, (self.state.logs / "supervisor.log").open("ab") as log:
            subprocess.Popen(
                [sys.executable, "-m", "labkit.cluster.embedded.supervisor", launch.encode()],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=(writer, api.fileno(), gateway.fileno()),
                start_new_session=True,
                cwd="/",
            )
        os.close(writer)
        self.state.save(record)
        try:
            self._follow(reader, report, meanwhile)
        except BaseException:
            self.end_supervisor(signal.SIGKILL)
            raise

    def _follow(self, events: int, report: Report, meanwhile: Meanwhile) -> None:
        """Pass the supervisor's events on until the cluster is ready."""
        with os.fdopen(events) as lines, ThreadPoolExecutor(1) as other_hand:
            job: Future[None] | None = None
            for line in lines:
                event = json.loads(line)
                if "error" in event:
                    raise LabError(**event["error"])
                if "ready" in event:
                    (job or other_hand.submit(meanwhile, self.access())).result()
                    return
                if event["step"] == "kube-apiserver is running" and job is None:
                    job = other_hand.submit(meanwhile, self.access())
                report(Step("Starting the cluster", event["step"], event["done"], event["total"]))
        raise LabError(
            "The cluster's supervisor ended before the cluster was ready.",
            _tail(self.state.logs / "supervisor.log"),
            f"labkit up{self.option()}",
        )

    def wait_ready(self, report: Report) -> None:
        """Wait for a start that somebody else began."""
        while (status := self.status()) is None or status.phase != "ready":
            if not self.state.running:
                raise LabError("The cluster stopped while it was starting.", next=f"labkit up{self.option()}")
            if status is not None:
                report(_starting(status))
            time.sleep(_POLL)

    def end_supervisor(self, number: int = signal.SIGTERM) -> bool:
        """End the supervisor and with it every process of the cluster. Returns False when it did not run."""
        deadline = time.monotonic() + _STOP_TIMEOUT
        told: set[int] = set()
        ran = False
        while self.state.running:
            ran = True
            late = time.monotonic() > deadline
            for pid in _supervisors(self.state.folder):
                if late or pid not in told:
                    os.kill(pid, signal.SIGKILL if late else number)
                    told.add(pid)
            time.sleep(_POLL)
        return ran


def _require_space(folder: Path) -> None:
    free = shutil.disk_usage(folder).free
    if free < _SPACE:
        raise LabError(
            "The disk is full: a cluster cannot be started.",
            f"{folder} has {free / 1e6:.0f} MB of space left; a cluster needs {_SPACE / 1e6:.0f} MB.",
            "Free some space, or point LABKIT_STATE at a larger disk.",
        )


def _listen(wanted: int, last: int, option: str) -> socket.socket:
    """Listen on 127.0.0.1: at the wanted port, else at the last one if it is still free, else at any."""
    for port in [wanted] if wanted else [last, 0] if last else [0]:
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", port))
            listener.listen(1024)
        except OSError as error:
            listener.close()
            if wanted:
                raise LabError(
                    f"Port {wanted} on 127.0.0.1 cannot be used.",
                    f"{error.strerror}: most likely another program listens there.",
                    f"Choose another {option}, or leave it out: a free one is taken.",
                ) from error
            continue
        return listener
    raise LabError("There is no free port on 127.0.0.1.", next="Close some programs and try again.")


def _starting(status: statuses.Status) -> Step:
    running = sum(component.state == "running" for component in status.components.values())
    return Step("Starting the cluster", "", running, len(status.components))


def _supervisors(folder: Path) -> list[int]:
    """Process ids of the supervisor of just this folder: none, one, or for a moment two while it enters its namespace."""
    mark = json.dumps({"state": str(folder)})[1:-1].encode()
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if mark in path.read_bytes():
                found.append(int(path.parent.name))
        except OSError:
            continue
    return found


def _tail(path: Path) -> str:
    try:
        return "\n".join(path.read_text(errors="replace").splitlines()[-15:])
    except OSError:
        return ""
