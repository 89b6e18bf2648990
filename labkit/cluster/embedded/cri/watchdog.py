"""Kills containers that have outgrown their memory limit, as the kernel's OOM killer does where there are cgroups."""

from __future__ import annotations

import asyncio
import logging

from labkit.cluster.embedded.cri import processes
from labkit.cluster.embedded.cri.errors import ShimGoneError
from labkit.cluster.embedded.cri.pods import Pods

log = logging.getLogger(__name__)

PERIOD = 1.0  # seconds


async def guard(pods: Pods) -> None:
    """Never returns. Only memory that the kernel could not drop is counted: a program's file pages do not get it killed."""
    while True:
        await asyncio.sleep(PERIOD)
        limited = [each for each in pods.containers.values() if each.running and each.namespace and each.memory_limit]
        if not limited:
            continue
        used = processes.usage({each.namespace for each in limited})
        for container in limited:
            bytes_used = used[container.namespace].private
            if bytes_used > container.memory_limit and container.running:
                log.info("container %s uses %d bytes of %d: killed", container.record.id, bytes_used, container.memory_limit)
                try:
                    await container.kill_for_memory(pods.shim)
                except ShimGoneError as error:
                    log.error("%s", error)
