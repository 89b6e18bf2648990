"""The part of the CRI's RuntimeService that reaches into what runs: commands, and streams, which the shim serves."""

from __future__ import annotations

import binascii
from typing import Any

from labkit.cluster.embedded.cri.api import pb
from labkit.cluster.embedded.cri.container import Container
from labkit.cluster.embedded.cri.errors import TimedOutError
from labkit.cluster.embedded.cri.pods import Pods


class ExecService:
    """The kubelet proxies a client to the address that a stream call returns."""

    def __init__(self, pods: Pods) -> None:
        self._pods = pods

    async def exec_sync(self, request: Any) -> Any:
        """Runs a command to its end; past its time limit it is killed with all it has started."""
        container = self._running(request.container_id)
        body = {"cmd": list(request.cmd), "timeout": request.timeout}
        answer = await self._pods.shim.call("POST", f"{container.path}/exec", body)
        if answer["timed_out"]:
            raise TimedOutError(f"command {' '.join(request.cmd)!r} timed out after {request.timeout}s")
        output, errors = (binascii.a2b_base64(answer[stream] or "") for stream in ("stdout", "stderr"))
        return pb.ExecSyncResponse(stdout=output, stderr=errors, exit_code=answer["exit_code"])

    async def exec(self, request: Any) -> Any:
        """Where to run a command with its streams."""
        container = self._running(request.container_id)
        body = {"container_id": container.record.id, "cmd": list(request.cmd), **_streams(request)}
        return pb.ExecResponse(url=await self._address("exec", body))

    async def attach(self, request: Any) -> Any:
        """Where to join the streams of a container's first process."""
        container = self._running(request.container_id)
        return pb.AttachResponse(url=await self._address("attach", {"container_id": container.record.id, **_streams(request)}))

    async def port_forward(self, request: Any) -> Any:
        """Where to reach ports of a pod's loopback."""
        sandbox = self._pods.sandbox(request.pod_sandbox_id)
        body = {"pod_sandbox_id": sandbox.record.id, "port": list(request.port)}
        return pb.PortForwardResponse(url=await self._address("portforward", body))

    def _running(self, id: str) -> Container:
        container = self._pods.container(id)
        container.require_running()
        return container

    async def _address(self, kind: str, body: dict[str, Any]) -> str:
        answer = await self._pods.shim.call("POST", f"/v1/streams/{kind}", body)
        return str(answer["url"])


def _streams(request: Any) -> dict[str, bool]:
    return {"tty": request.tty, "stdin": request.stdin, "stdout": request.stdout, "stderr": request.stderr}
