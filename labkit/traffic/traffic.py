"""Traffic as a notebook sees it: started, stopped, and looked at."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import tempfile
import threading
from dataclasses import asdict
from typing import IO, TYPE_CHECKING

from labkit.errors import LabError
from labkit.traffic.plan import Plan
from labkit.traffic.request import Request
from labkit.traffic.summary import TrafficSummary

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from pandas import DataFrame

_END = 5.0  # s for the generator's process to finish


class Traffic:
    """A steady stream of requests, from a process of its own so that the notebook's kernel stays free.

    with Traffic(plan) as traffic: ...   or start() and stop(). What was recorded stays after the end.
    """

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self._requests: list[Request] = []
        self._process: subprocess.Popen[bytes] | None = None
        self._reader: threading.Thread | None = None
        self._complaints: IO[bytes] | None = None

    def __repr__(self) -> str:
        return f"Traffic to {self.plan.host}, {self.plan.rps:g} requests/s, {'running' if self.running else 'stopped'}"

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()

    @property
    def running(self) -> bool:
        """Whether requests are being sent."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> Self:
        """Begin to send; returns when the first request is on its way. Nothing changes when it runs already.

        Raises LabError when the generator's process cannot be started.
        """
        if self.running:
            return self
        self._complaints = tempfile.TemporaryFile()  # noqa: SIM115 - it lives as long as the process
        # A process group of its own: the notebook's interrupt is for the cell, not for the generator.
        process = self._process = subprocess.Popen(
            [sys.executable, "-m", "labkit.traffic.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._complaints,
            process_group=0,
        )
        assert process.stdin
        assert process.stdout
        with contextlib.suppress(BrokenPipeError):
            process.stdin.write(json.dumps(asdict(self.plan)).encode() + b"\n")
            process.stdin.flush()
        if not process.stdout.readline():
            raise self._broken()
        self._reader = threading.Thread(target=_collect, args=(process.stdout, self._requests), daemon=True)
        self._reader.start()
        return self

    def stop(self) -> None:
        """Send no more, wait for the last answers, and end the process. Nothing happens when it is stopped already.

        Raises LabError when the generator had failed in the meantime.
        """
        process, self._process = self._process, None
        if process is None:
            return
        assert process.stdin
        assert process.stdout
        assert self._reader
        try:
            with contextlib.suppress(BrokenPipeError):
                process.stdin.close()
            process.wait(_END)
        except subprocess.TimeoutExpired:
            pass
        finally:
            killed = process.poll() is None
            process.kill()
            process.wait()
            self._reader.join(_END)
            process.stdout.close()
        if process.returncode and not killed:
            raise self._broken()

    def frame(self) -> DataFrame:
        """Every request so far, a row each: time (UTC), latency_ms, status (0: no answer), version, pod, error."""
        import pandas

        table = pandas.DataFrame(list(self._requests), columns=list(Request._fields))
        table["time"] = pandas.to_datetime((table["time"] * 1000).round(), unit="ms", utc=True)
        return table.sort_values("time", ignore_index=True)

    def summary(self) -> TrafficSummary:
        """The requests so far, counted: all, failed, and by the version that answered."""
        return TrafficSummary.of(list(self._requests))

    def _broken(self) -> LabError:
        assert self._complaints
        self._complaints.seek(0)
        return LabError("The traffic generator failed.", self._complaints.read().decode(errors="replace").strip()[-2000:])


def _collect(lines: IO[bytes], requests: list[Request]) -> None:
    """Read the generator's lines until its output ends. A thread that prints nothing: a notebook would show it in the wrong
    cell."""
    for line in lines:
        with contextlib.suppress(ValueError):  # the last line of a process that was killed
            requests.extend(Request(*row) for row in json.loads(line))
