"""What containers and pods use, in the CRI's terms. There are no cgroups, so it comes from /proc."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

from labkit.cluster.embedded.cri import processes
from labkit.cluster.embedded.cri.api import pb
from labkit.cluster.embedded.cri.container import Container
from labkit.cluster.embedded.cri.pods import Pods
from labkit.cluster.embedded.cri.processes import Usage
from labkit.cluster.embedded.cri.sandbox import Sandbox


class Stats:
    """CPU time counts up for ever: what a process takes with it when it ends unwaited for is remembered."""

    def __init__(self, pods: Pods) -> None:
        self._pods = pods
        self._cpu: dict[str, tuple[int, int]] = {}  # by container: what /proc said last, and what has gone missing from it so far

    def measure(self, containers: list[Container]) -> dict[str, Usage]:
        """By container id, for those that run."""
        running = {each.record.id: each.namespace for each in containers if each.running and each.namespace}
        found = processes.usage(set(running.values()))
        result = {}
        self._cpu = {each: known for each, known in self._cpu.items() if each in self._pods.containers}
        for container, namespace in running.items():
            usage = found[namespace]
            last, gone = self._cpu.get(container, (0, 0))
            gone += max(0, last - usage.cpu)
            self._cpu[container] = (usage.cpu, gone)
            usage.cpu += gone
            result[container] = usage
        return result

    def container(self, container: Container, usage: Usage) -> Any:
        """One container's, in the CRI's terms."""
        now = time.time_ns()
        record, config = container.record, container.config
        return pb.ContainerStats(
            attributes=pb.ContainerAttributes(
                id=record.id, metadata=config.metadata, labels=config.labels, annotations=config.annotations
            ),
            cpu=pb.CpuUsage(timestamp=now, usage_core_nano_seconds=_number(usage.cpu)),
            memory=_memory(now, usage, container.memory_limit),
            writable_layer=_disk(now, self._pods.config.state, 0, 0),
        )

    def sandbox(self, sandbox: Sandbox, measured: dict[str, Usage], links: dict[str, tuple[int, ...]]) -> Any:
        """One pod's: the sum of its containers', with what has gone over its link."""
        now = time.time_ns()
        containers = [each for each in self._pods.of(sandbox.record.id) if each.record.id in measured]
        parts = [measured[each.record.id] for each in containers]
        total = (
            Usage(*(sum(values) for values in zip(*(vars(each).values() for each in parts), strict=True))) if parts else Usage()
        )
        return pb.PodSandboxStats(
            attributes=pb.PodSandboxAttributes(
                id=sandbox.record.id,
                metadata=sandbox.config.metadata,
                labels=sandbox.config.labels,
                annotations=sandbox.config.annotations,
            ),
            linux=pb.LinuxPodSandboxStats(
                cpu=pb.CpuUsage(timestamp=now, usage_core_nano_seconds=_number(total.cpu)),
                memory=_memory(now, total, 0),
                network=_network(now, links.get(f"veth{sandbox.record.id[:11]}")),
                process=pb.ProcessUsage(timestamp=now, process_count=_number(total.processes)),
                containers=[self.container(each, measured[each.record.id]) for each in containers],
            ),
        )

    def filesystem(self) -> Any:
        """The state folder's, which holds all that images and containers write."""
        info = os.statvfs(self._pods.config.state)
        used = (info.f_blocks - info.f_bfree) * info.f_frsize
        return _disk(time.time_ns(), self._pods.config.state, used, info.f_files - info.f_ffree)


def links() -> dict[str, tuple[int, ...]]:
    """By network interface of the node: the bytes and errors received, and those sent."""
    found: dict[str, tuple[int, ...]] = {}
    with Path("/proc/self/net/dev").open() as file:
        for line in file:
            name, colon, numbers = line.partition(":")
            if colon:
                fields = numbers.split()
                found[name.strip()] = (int(fields[0]), int(fields[2]), int(fields[8]), int(fields[10]))
    return found


def _network(now: int, node_side: tuple[int, ...] | None) -> Any:
    """What the node's end of a veth has received, the pod has sent."""
    if node_side is None:
        return None
    sent, sent_errors, received, received_errors = map(_number, node_side)
    interface = pb.NetworkInterfaceUsage(
        name="eth0", rx_bytes=received, rx_errors=received_errors, tx_bytes=sent, tx_errors=sent_errors
    )
    return pb.NetworkUsage(timestamp=now, default_interface=interface, interfaces=[interface])


def _memory(now: int, usage: Usage, limit: int) -> Any:
    return pb.MemoryUsage(
        timestamp=now,
        working_set_bytes=_number(usage.resident),
        usage_bytes=_number(usage.resident),
        rss_bytes=_number(usage.private),
        available_bytes=_number(max(0, limit - usage.resident)) if limit else None,
        page_faults=_number(usage.faults),
        major_page_faults=_number(usage.major_faults),
    )


def _disk(now: int, path: object, used: int, inodes: int) -> Any:
    return pb.FilesystemUsage(
        timestamp=now, fs_id=pb.FilesystemIdentifier(mountpoint=str(path)), used_bytes=_number(used), inodes_used=_number(inodes)
    )


def _number(value: int) -> Any:
    return pb.UInt64Value(value=value)
