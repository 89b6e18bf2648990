"""The CRI's RuntimeService: one method for each call, by the call's own name."""

from __future__ import annotations

import binascii
from collections.abc import AsyncIterator, Iterable
from typing import Any

from labkit.cluster.embedded.cri import stats
from labkit.cluster.embedded.cri.api import pb
from labkit.cluster.embedded.cri.container import Container
from labkit.cluster.embedded.cri.errors import TimedOut
from labkit.cluster.embedded.cri.pods import Pods
from labkit.cluster.embedded.cri.processes import Usage
from labkit.cluster.embedded.cri.sandbox import Sandbox
from labkit.cluster.embedded.cri.stats import Stats

_NAME, _VERSION = "labkit", "0.1.0"


class RuntimeService:
    """Checkpointing is not offered; the kubelet takes UNIMPLEMENTED for an answer."""

    def __init__(self, pods: Pods) -> None:
        self._pods = pods
        self._stats = Stats(pods)

    # -- the runtime itself -----------------------------------------------------------------------------------------------------------

    async def Version(self, request: Any) -> Any:
        return pb.VersionResponse(version="0.1.0", runtime_name=_NAME, runtime_version=_VERSION, runtime_api_version="v1")

    async def Status(self, request: Any) -> Any:
        up = self._pods.connected
        trouble = {} if up else {"reason": "ShimUnreachable", "message": "the shim, which holds the containers, does not answer"}
        conditions = [pb.RuntimeCondition(type=kind, status=up, **trouble) for kind in ("RuntimeReady", "NetworkReady")]
        return pb.StatusResponse(
            status=pb.RuntimeStatus(conditions=conditions),
            runtime_handlers=[pb.RuntimeHandler(name="", features=pb.RuntimeHandlerFeatures())],
            features=pb.RuntimeFeatures(supplemental_groups_policy=False),
        )

    async def RuntimeConfig(self, request: Any) -> Any:
        return pb.RuntimeConfigResponse(linux=pb.LinuxRuntimeConfiguration(cgroup_driver=pb.CGROUPFS))

    async def UpdateRuntimeConfig(self, request: Any) -> Any:
        return pb.UpdateRuntimeConfigResponse()

    async def GetContainerEvents(self, request: Any) -> AsyncIterator[Any]:
        async for event in self._pods.events.watch():
            yield event

    # -- sandboxes --------------------------------------------------------------------------------------------------------------------

    async def RunPodSandbox(self, request: Any) -> Any:
        return pb.RunPodSandboxResponse(pod_sandbox_id=await self._pods.run_sandbox(request.config, request.runtime_handler))

    async def StopPodSandbox(self, request: Any) -> Any:
        await self._pods.stop_sandbox(request.pod_sandbox_id)
        return pb.StopPodSandboxResponse()

    async def RemovePodSandbox(self, request: Any) -> Any:
        await self._pods.remove_sandbox(request.pod_sandbox_id)
        return pb.RemovePodSandboxResponse()

    async def PodSandboxStatus(self, request: Any) -> Any:
        sandbox = self._pods.sandbox(request.pod_sandbox_id)
        return pb.PodSandboxStatusResponse(
            status=sandbox.status(), containers_statuses=[each.status() for each in self._pods.of(sandbox.record.id)]
        )

    async def ListPodSandbox(self, request: Any) -> Any:
        return pb.ListPodSandboxResponse(items=self._sandboxes(request.filter))

    async def StreamPodSandboxes(self, request: Any) -> AsyncIterator[Any]:
        if items := self._sandboxes(request.filter):
            yield pb.StreamPodSandboxesResponse(pod_sandboxes=items)

    async def UpdatePodSandboxResources(self, request: Any) -> Any:
        self._pods.sandbox(request.pod_sandbox_id)
        return pb.UpdatePodSandboxResourcesResponse()

    def _sandboxes(self, wanted: Any) -> list[Any]:
        state = wanted.state.state if wanted.HasField("state") else None
        return [each.summary() for each in self._matching_sandboxes(wanted) if state is None or each.state == state]

    def _matching_sandboxes(self, wanted: Any) -> list[Sandbox]:
        every = self._pods.sandboxes.values()
        return [each for each in every if wanted.id in ("", each.record.id) and _labelled(each.config, wanted)]

    # -- containers -------------------------------------------------------------------------------------------------------------------

    async def CreateContainer(self, request: Any) -> Any:
        return pb.CreateContainerResponse(container_id=self._pods.create_container(request.pod_sandbox_id, request.config))

    async def StartContainer(self, request: Any) -> Any:
        await self._pods.start_container(request.container_id)
        return pb.StartContainerResponse()

    async def StopContainer(self, request: Any) -> Any:
        if container := self._pods.containers.get(request.container_id):
            await container.stop(self._pods.shim, request.timeout)
        return pb.StopContainerResponse()

    async def RemoveContainer(self, request: Any) -> Any:
        await self._pods.remove_container(request.container_id)
        self._stats.forget(request.container_id)
        return pb.RemoveContainerResponse()

    async def ContainerStatus(self, request: Any) -> Any:
        return pb.ContainerStatusResponse(status=self._pods.container(request.container_id).status())

    async def ListContainers(self, request: Any) -> Any:
        return pb.ListContainersResponse(containers=self._summaries(request.filter))

    async def StreamContainers(self, request: Any) -> AsyncIterator[Any]:
        if containers := self._summaries(request.filter):
            yield pb.StreamContainersResponse(containers=containers)

    async def UpdateContainerResources(self, request: Any) -> Any:
        """Takes effect through the memory watchdog; the rest is only remembered."""
        self._pods.update_resources(request.container_id, request.linux)
        return pb.UpdateContainerResourcesResponse()

    async def ReopenContainerLog(self, request: Any) -> Any:
        container = self._pods.container(request.container_id)
        container.require_running()
        await self._pods.shim.call("POST", f"{container.path}/reopen")
        return pb.ReopenContainerLogResponse()

    def _summaries(self, wanted: Any) -> list[Any]:
        state = wanted.state.state if wanted.HasField("state") else None
        every = (each.summary() for each in self._matching(wanted, self._pods.containers.values()))
        return [each for each in every if state is None or each.state == state]

    @staticmethod
    def _matching(wanted: Any, containers: Iterable[Container]) -> list[Container]:
        return [
            each
            for each in containers
            if wanted.id in ("", each.record.id)
            and wanted.pod_sandbox_id in ("", each.record.sandbox)
            and _labelled(each.config, wanted)
        ]

    # -- commands and streams ---------------------------------------------------------------------------------------------------------

    async def ExecSync(self, request: Any) -> Any:
        container = self._pods.container(request.container_id)
        container.require_running()
        body = {"cmd": list(request.cmd), "timeout": request.timeout}
        answer = await self._pods.shim.call("POST", f"{container.path}/exec", body)
        if answer["timed_out"]:
            raise TimedOut(f"command {' '.join(request.cmd)!r} timed out after {request.timeout}s")
        return pb.ExecSyncResponse(
            stdout=_bytes(answer["stdout"]), stderr=_bytes(answer["stderr"]), exit_code=answer["exit_code"]
        )

    async def Exec(self, request: Any) -> Any:
        container = self._pods.container(request.container_id)
        container.require_running()
        flags = {"tty": request.tty, "stdin": request.stdin, "stdout": request.stdout, "stderr": request.stderr}
        body = {"container_id": container.record.id, "cmd": list(request.cmd), **flags}
        return pb.ExecResponse(url=(await self._pods.shim.call("POST", "/v1/streams/exec", body))["url"])

    async def Attach(self, request: Any) -> Any:
        container = self._pods.container(request.container_id)
        container.require_running()
        flags = {"tty": request.tty, "stdin": request.stdin, "stdout": request.stdout, "stderr": request.stderr}
        body = {"container_id": container.record.id, **flags}
        return pb.AttachResponse(url=(await self._pods.shim.call("POST", "/v1/streams/attach", body))["url"])

    async def PortForward(self, request: Any) -> Any:
        sandbox = self._pods.sandbox(request.pod_sandbox_id)
        body = {"pod_sandbox_id": sandbox.record.id, "port": list(request.port)}
        return pb.PortForwardResponse(url=(await self._pods.shim.call("POST", "/v1/streams/portforward", body))["url"])

    # -- statistics -------------------------------------------------------------------------------------------------------------------

    async def ContainerStats(self, request: Any) -> Any:
        container = self._pods.container(request.container_id)
        measured = self._stats.measure([container])
        usage = measured.get(container.record.id, Usage())
        return pb.ContainerStatsResponse(stats=self._stats.container(container, usage))

    async def ListContainerStats(self, request: Any) -> Any:
        return pb.ListContainerStatsResponse(stats=self._container_stats(request.filter))

    async def StreamContainerStats(self, request: Any) -> AsyncIterator[Any]:
        if found := self._container_stats(request.filter):
            yield pb.StreamContainerStatsResponse(container_stats=found)

    async def PodSandboxStats(self, request: Any) -> Any:
        sandbox = self._pods.sandbox(request.pod_sandbox_id)
        measured = self._stats.measure(list(self._pods.of(sandbox.record.id)))
        return pb.PodSandboxStatsResponse(stats=self._stats.sandbox(sandbox, measured, stats.links()))

    async def ListPodSandboxStats(self, request: Any) -> Any:
        return pb.ListPodSandboxStatsResponse(stats=self._sandbox_stats(request.filter))

    async def StreamPodSandboxStats(self, request: Any) -> AsyncIterator[Any]:
        if found := self._sandbox_stats(request.filter):
            yield pb.StreamPodSandboxStatsResponse(pod_sandbox_stats=found)

    async def ListMetricDescriptors(self, request: Any) -> Any:
        return pb.ListMetricDescriptorsResponse()

    async def ListPodSandboxMetrics(self, request: Any) -> Any:
        return pb.ListPodSandboxMetricsResponse()

    async def StreamPodSandboxMetrics(self, request: Any) -> AsyncIterator[Any]:
        no_metrics: list[Any] = []
        for message in no_metrics:
            yield message

    def _container_stats(self, wanted: Any) -> list[Any]:
        containers = self._matching(wanted, self._pods.containers.values())
        measured = self._stats.measure(containers)
        return [self._stats.container(each, measured[each.record.id]) for each in containers if each.record.id in measured]

    def _sandbox_stats(self, wanted: Any) -> list[Any]:
        sandboxes = [each for each in self._matching_sandboxes(wanted) if each.record.ready]
        measured = self._stats.measure(list(self._pods.containers.values()))
        links = stats.links()
        return [self._stats.sandbox(each, measured, links) for each in sandboxes]


def _labelled(config: Any, wanted: Any) -> bool:
    return all(config.labels.get(name) == value for name, value in wanted.label_selector.items())


def _bytes(base64: str | None) -> bytes:
    return binascii.a2b_base64(base64 or "")
