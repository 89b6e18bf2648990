"""A node without Kubernetes: the real shim and the real runtime in a namespace, driven over gRPC as the kubelet would."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import grpc

TESTS = Path(__file__).parent
SOURCES = TESTS.parents[1]
PATIENCE = 20.0  # seconds until a wait is given up; nothing is measured by it


class Node:
    """folder: short path for sockets and state. Use as a context manager."""

    def __init__(self, folder: Path, tools: dict[str, str], **config: object) -> None:
        self.folder = folder
        self.tools = tools
        self.socket = folder / "cri.sock"
        settings = {
            "socket": str(self.socket),
            "shim_socket": str(folder / "shim.sock"),
            "state": str(folder / "cri"),
            "catalogue": str(SOURCES / "clusters/embedded/images.yaml"),
            "programs": {name: path for name, path in tools.items() if name != "stubs"},
            "stubs": tools["stubs"],
            "bwrap": tools["bwrap"],
            "mapped_uids": 1,
            **config,
        }
        (folder / "cri.json").write_text(json.dumps(settings))
        self._init: subprocess.Popen[str] | None = None
        self.shim = self.cri = 0

    def __enter__(self) -> Node:
        if self.tools["stubs"] not in sys.path:
            sys.path.insert(0, self.tools["stubs"])
        unshare = ["unshare", "-Urnm", "-pf", "--kill-child", "--mount-proc"]
        self._init = subprocess.Popen(
            [*unshare, sys.executable, str(TESTS / "init.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(SOURCES)},
        )
        assert self._init.stdout is not None
        assert self._init.stdout.readline().strip() == "ready"
        self.start_shim()
        self.start_cri()
        return self

    def __exit__(self, *_: object) -> None:
        assert self._init is not None
        self._init.kill()
        self._init.wait()

    def has(self, program: str) -> bool:
        return Path(self.tools[program]).exists()

    def start_shim(self) -> None:
        self.shim = self._order(
            start=[self.tools["shim"], "-socket", str(self.folder / "shim.sock")], log=str(self.folder / "shim.log")
        )

    def start_cri(self) -> None:
        argv = [sys.executable, "-m", "labkit.cluster.embedded.cri", str(self.folder / "cri.json")]
        self.cri = self._order(start=argv, log=str(self.folder / "cri.log"))
        self.connect()

    def kill_cri(self) -> None:
        self._order(kill=self.cri)

    def restart_cri(self) -> None:
        self.kill_cri()
        self.start_cri()

    def kill_shim(self) -> None:
        self._order(kill=self.shim)

    def connect(self) -> None:
        self._channel = grpc.insecure_channel(f"unix:{self.socket}")
        grpc.channel_ready_future(self._channel).result(timeout=PATIENCE)

    def _order(self, **order: object) -> int:
        assert self._init is not None
        assert self._init.stdin is not None
        assert self._init.stdout is not None
        self._init.stdin.write(json.dumps(order) + "\n")
        self._init.stdin.flush()
        return int(self._init.stdout.readline())

    def call(self, method: str, **fields: object) -> Any:
        """One CRI call by its name; the service follows from it."""
        import api_pb2 as pb

        service = "ImageService" if "Image" in method else "RuntimeService"
        described = pb.DESCRIPTOR.services_by_name[service].methods_by_name[method]
        path = f"/runtime.v1.{service}/{method}"
        coders = (getattr(pb, described.input_type.name).SerializeToString, getattr(pb, described.output_type.name).FromString)
        request = getattr(pb, described.input_type.name)(**fields)
        if described.server_streaming:
            return self._channel.unary_stream(path, *coders)(request)
        return self._channel.unary_unary(path, *coders)(request, timeout=PATIENCE * 3)

    def commands(self) -> set[str]:
        """Every word of the command lines of our own processes in the node's namespace."""
        assert self._init is not None
        family, words = {self._init.pid}, set()
        for _ in range(6):  # generations
            for path in Path("/proc").glob("[0-9]*"):
                try:
                    parent = int((path / "stat").read_text().rpartition(")")[2].split()[1])
                    if parent in family:
                        family.add(int(path.name))
                        words.update((path / "cmdline").read_text().split("\0"))
                except OSError:
                    continue
        return words

    def eventually(self, what: str, done: Callable[[], Any]) -> Any:
        """The first true answer. Only for what no event tells."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            if answer := done():
                return answer
            time.sleep(0.02)
        raise AssertionError(f"waited {PATIENCE} s for {what}")
