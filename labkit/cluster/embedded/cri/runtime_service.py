"""The CRI's RuntimeService: the runtime itself, sandboxes and containers. Each method is the call of the same name."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from labkit.cluster.embedded.cri import selection
from labkit.cluster.embedded.cri.api import pb
from labkit.cluster.embedded.cri.pods import Pods

_NAME, _VERSION = "labkit", "0.1.0"


class RuntimeService:
    """Checkpointing is not offered; the kubelet takes UNIMPLEMENTED for an answer."""

    def __init__(self, pods: Pods) -> None:
        self._pods = pods

    # -- the runtime itself ---------------------------------------------------------------------------------------------------

    async def version(self, _: Any) -> Any:
        """Names the runtime as `kubectl get nodes -o wide` shows it."""
        return pb.VersionResponse(version="0.1.0", runtime_name=_NAME, runtime_version=_VERSION, runtime_api_version="v1")

    async def status(self, _: Any) -> Any:
        """Ready while the shim is there; the node is NotReady as long as it is not."""
        up = self._pods.connected
        trouble = {} if up else {"reason": "ShimUnreachable", "message": "the shim, which holds the containers, does not answer"}
        conditions = [pb.RuntimeCondition(type=kind, status=up, **trouble) for kind in ("RuntimeReady", "NetworkReady")]
        return pb.StatusResponse(
            status=pb.RuntimeStatus(conditions=conditions),
            runtime_handlers=[pb.RuntimeHandler(name="", features=pb.RuntimeHandlerFeatures())],
            features=pb.RuntimeFeatures(),
        )

    async def runtime_config(self, _: Any) -> Any:
        """There are no cgroups; the kubelet wants a driver's name all the same."""
        return pb.RuntimeConfigResponse(linux=pb.LinuxRuntimeConfiguration(cgroup_driver=pb.CGROUPFS))

    async def update_runtime_config(self, _: Any) -> Any:
        """The pod network is ours; what the node's spec says of it changes nothing."""
        return pb.UpdateRuntimeConfigResponse()

    async def get_container_events(self, _: Any) -> AsyncIterator[Any]:
        """For the kubelet's evented PLEG."""
        async for event in self._pods.events.watch():
            yield event

    # -- sandboxes ------------------------------------------------------------------------------------------------------------

    async def run_pod_sandbox(self, request: Any) -> Any:
        """A new pod's network and files."""
        return pb.RunPodSandboxResponse(pod_sandbox_id=await self._pods.run_sandbox(request.config, request.runtime_handler))

    async def stop_pod_sandbox(self, request: Any) -> Any:
        """Kills what still runs and takes the network down; fine if that has been done."""
        await self._pods.stop_sandbox(request.pod_sandbox_id)
        return pb.StopPodSandboxResponse()

    async def remove_pod_sandbox(self, request: Any) -> Any:
        """Forgets the pod and all its containers; fine if that has been done."""
        await self._pods.remove_sandbox(request.pod_sandbox_id)
        return pb.RemovePodSandboxResponse()

    async def pod_sandbox_status(self, request: Any) -> Any:
        """The sandbox's status and its containers'."""
        sandbox = self._pods.sandbox(request.pod_sandbox_id)
        containers = [each.status() for each in self._pods.of(sandbox.record.id)]
        info = selection.info(sandbox.record) if request.verbose else None
        return pb.PodSandboxStatusResponse(status=sandbox.status(), containers_statuses=containers, info=info)

    async def list_pod_sandbox(self, request: Any) -> Any:
        """All that the filter lets through."""
        return pb.ListPodSandboxResponse(items=self._sandboxes(request.filter))

    async def stream_pod_sandboxes(self, request: Any) -> AsyncIterator[Any]:
        """The same list as a stream."""
        if items := self._sandboxes(request.filter):
            yield pb.StreamPodSandboxesResponse(pod_sandboxes=items)

    async def update_pod_sandbox_resources(self, request: Any) -> Any:
        """Without cgroups a pod has no limits of its own."""
        self._pods.sandbox(request.pod_sandbox_id)
        return pb.UpdatePodSandboxResourcesResponse()

    def _sandboxes(self, wanted: Any) -> list[Any]:
        found = (each.summary() for each in selection.sandboxes(self._pods, wanted))
        return [each for each in found if selection.state_fits(each, wanted)]

    # -- containers -----------------------------------------------------------------------------------------------------------

    async def create_container(self, request: Any) -> Any:
        """A container that can be started once."""
        return pb.CreateContainerResponse(container_id=self._pods.create_container(request.pod_sandbox_id, request.config))

    async def start_container(self, request: Any) -> Any:
        """Runs it; fails, and leaves it exited, if its command is not there."""
        await self._pods.start_container(request.container_id)
        return pb.StartContainerResponse()

    async def stop_container(self, request: Any) -> Any:
        """Returns as soon as it has ended, at the latest when the grace period is over and it has been killed."""
        if container := self._pods.containers.get(request.container_id):
            await container.stop(self._pods.shim, request.timeout)
        return pb.StopContainerResponse()

    async def remove_container(self, request: Any) -> Any:
        """Kills it if it runs, and forgets it; fine if that has been done."""
        await self._pods.remove_container(request.container_id)
        return pb.RemoveContainerResponse()

    async def container_status(self, request: Any) -> Any:
        """All there is to say of one container."""
        container = self._pods.container(request.container_id)
        info = selection.info(container.record) if request.verbose else None
        return pb.ContainerStatusResponse(status=container.status(), info=info)

    async def list_containers(self, request: Any) -> Any:
        """All that the filter lets through."""
        return pb.ListContainersResponse(containers=self._containers(request.filter))

    async def stream_containers(self, request: Any) -> AsyncIterator[Any]:
        """The same list as a stream."""
        if containers := self._containers(request.filter):
            yield pb.StreamContainersResponse(containers=containers)

    async def update_container_resources(self, request: Any) -> Any:
        """A new memory limit holds from the watchdog's next round; the rest is only remembered."""
        self._pods.update_resources(request.container_id, request.linux)
        return pb.UpdateContainerResourcesResponse()

    async def reopen_container_log(self, request: Any) -> Any:
        """The kubelet has renamed the log file: begin a new one."""
        container = self._pods.container(request.container_id)
        container.require_running()
        await self._pods.shim.call("POST", f"{container.path}/reopen")
        return pb.ReopenContainerLogResponse()

    def _containers(self, wanted: Any) -> list[Any]:
        found = (each.summary() for each in selection.containers(self._pods, wanted))
        return [each for each in found if selection.state_fits(each, wanted)]
