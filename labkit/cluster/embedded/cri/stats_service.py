"""The part of the CRI's RuntimeService that measures."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from labkit.cluster.embedded.cri import selection, stats
from labkit.cluster.embedded.cri.api import pb
from labkit.cluster.embedded.cri.pods import Pods
from labkit.cluster.embedded.cri.processes import Usage
from labkit.cluster.embedded.cri.stats import Stats


class StatsService:
    """The kubelet's summary API, and so `kubectl top` and the autoscaler, live on these figures."""

    def __init__(self, pods: Pods) -> None:
        self._pods = pods
        self._stats = Stats(pods)

    async def container_stats(self, request: Any) -> Any:
        """One container's; zero when it does not run."""
        container = self._pods.container(request.container_id)
        usage = self._stats.measure([container]).get(container.record.id, Usage())
        return pb.ContainerStatsResponse(stats=self._stats.container(container, usage))

    async def list_container_stats(self, request: Any) -> Any:
        """Of the running containers that the filter lets through."""
        return pb.ListContainerStatsResponse(stats=self._containers(request.filter))

    async def stream_container_stats(self, request: Any) -> AsyncIterator[Any]:
        """The same list as a stream."""
        if found := self._containers(request.filter):
            yield pb.StreamContainerStatsResponse(container_stats=found)

    async def pod_sandbox_stats(self, request: Any) -> Any:
        """One pod's, which are the sum of its containers'."""
        sandbox = self._pods.sandbox(request.pod_sandbox_id)
        measured = self._stats.measure(list(self._pods.of(sandbox.record.id)))
        return pb.PodSandboxStatsResponse(stats=self._stats.sandbox(sandbox, measured, stats.links()))

    async def list_pod_sandbox_stats(self, request: Any) -> Any:
        """Of the pods that run and the filter lets through."""
        return pb.ListPodSandboxStatsResponse(stats=self._sandboxes(request.filter))

    async def stream_pod_sandbox_stats(self, request: Any) -> AsyncIterator[Any]:
        """The same list as a stream."""
        if found := self._sandboxes(request.filter):
            yield pb.StreamPodSandboxStatsResponse(pod_sandbox_stats=found)

    async def list_metric_descriptors(self, _: Any) -> Any:
        """No metrics in cAdvisor's style; the summary API has what a lab needs."""
        return pb.ListMetricDescriptorsResponse()

    async def list_pod_sandbox_metrics(self, _: Any) -> Any:
        """None, as the descriptors say."""
        return pb.ListPodSandboxMetricsResponse()

    def _containers(self, wanted: Any) -> list[Any]:
        containers = selection.containers(self._pods, wanted)
        measured = self._stats.measure(containers)
        return [self._stats.container(each, measured[each.record.id]) for each in containers if each.record.id in measured]

    def _sandboxes(self, wanted: Any) -> list[Any]:
        sandboxes = [each for each in selection.sandboxes(self._pods, wanted) if each.record.ready]
        measured = self._stats.measure(list(self._pods.containers.values()))
        links = stats.links()
        return [self._stats.sandbox(each, measured, links) for each in sandboxes]
