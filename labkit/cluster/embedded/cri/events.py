"""The container events the kubelet watches, so that it looks at a pod at once when one of its containers has ended."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

from labkit.cluster.embedded.cri.api import pb

_BACKLOG = 1000


class Events:
    """A watcher that does not keep up is cut off; the kubelet connects again and relists by itself."""

    def __init__(self) -> None:
        self._watchers: set[asyncio.Queue[Any]] = set()

    def publish(self, id: str, kind: str, sandbox: Any, containers: list[Any]) -> None:
        """kind: CREATED, STARTED, STOPPED or DELETED; sandbox and containers: their CRI statuses."""
        if not self._watchers:
            return
        event = pb.ContainerEventResponse(
            container_id=id,
            container_event_type=pb.ContainerEventType.Value(f"CONTAINER_{kind}_EVENT"),
            created_at=time.time_ns(),
            pod_sandbox_status=sandbox,
            containers_statuses=containers,
        )
        for watcher in list(self._watchers):
            try:
                watcher.put_nowait(event)
            except asyncio.QueueFull:
                self._watchers.discard(watcher)

    async def watch(self) -> AsyncIterator[Any]:
        """Every event from now on."""
        watcher: asyncio.Queue[Any] = asyncio.Queue(_BACKLOG)
        self._watchers.add(watcher)
        try:
            while watcher in self._watchers or not watcher.empty():
                yield await watcher.get()
        finally:
            self._watchers.discard(watcher)
