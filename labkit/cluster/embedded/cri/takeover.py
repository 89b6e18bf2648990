"""How records and shim are brought together: when the runtime starts, when a container ends, and when the shim has died."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import Any

from labkit.cluster.embedded.cri.errors import ShimGoneError
from labkit.cluster.embedded.cri.pods import Pods

log = logging.getLogger(__name__)

_RETRY = 0.02  # seconds between two tries to reach a shim that is not there


async def follow(pods: Pods, ready: asyncio.Event) -> None:
    """Take over the shim's state, then every exit it reports; begin again when there is a new shim. Never returns."""
    while True:
        with contextlib.suppress(ShimGoneError):
            states = pods.shim.events()
            async for state in states:
                if "instance" in state:
                    await _reconcile(pods, state)
                    pods.connected = True
                    ready.set()
                    log.info("following shim %s", state["instance"])
                else:
                    _take(pods, state)
        if pods.connected:
            log.error("the shim has ended, and the containers with it")
            pods.connected = False
            pods.shim.hang_up()
            _lose(pods, set(), set())
        await asyncio.sleep(_RETRY)


async def _reconcile(pods: Pods, state: dict[str, Any]) -> None:
    containers = {each["id"]: each for each in state["containers"]}
    sandboxes = {each["id"] for each in state["sandboxes"]}
    _lose(pods, sandboxes, set(containers))
    for container_id, each in containers.items():
        if container_id in pods.containers:
            _take(pods, each)
        else:
            await pods.shim.call("DELETE", f"/v1/containers/{container_id}")
    for sandbox_id in sandboxes - pods.sandboxes.keys():
        await pods.shim.call("DELETE", f"/v1/sandboxes/{sandbox_id}")


def _take(pods: Pods, state: dict[str, Any]) -> None:
    container = pods.containers.get(state["id"])
    if container and container.adopt(state):
        pods.publish(state["id"], "STOPPED", container.record.sandbox)


def _lose(pods: Pods, sandboxes: set[str], containers: set[str]) -> None:
    """All but these are gone with the shim that held them."""
    for container_id, container in pods.containers.items():
        if container_id not in containers and container.lose():
            pods.publish(container_id, "STOPPED", container.record.sandbox)
    for sandbox_id, sandbox in pods.sandboxes.items():
        if sandbox_id not in sandboxes:
            pods.unready(sandbox)
