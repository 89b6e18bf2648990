"""A pod in the words of `kubectl get pods`."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from typing import Any

from labkit.ops import age
from labkit.ops.api import Object

COLUMNS = ("name", "status", "ready", "restarts", "image", "node", "ip", "age")


@dataclass(frozen=True)
class Pod:
    """status: kubectl's STATUS column. ready: whether it gets traffic. why: what the cluster says holds it up, "" when nothing
    does."""

    name: str
    status: str
    ready: bool
    restarts: int
    image: str
    node: str
    ip: str
    created: datetime.datetime
    why: str

    @classmethod
    def of(cls, obj: Object) -> Pod:
        """Read a pod's JSON."""
        state = obj.get("status", {})
        return cls(
            name=obj["metadata"]["name"],
            status=status(obj),
            ready=_condition(obj, "Ready").get("status") == "True" and "deletionTimestamp" not in obj["metadata"],
            restarts=_restarts(obj),
            image=", ".join(container["image"] for container in obj["spec"]["containers"]),
            node=obj["spec"].get("nodeName", ""),
            ip=state.get("podIP", ""),
            created=age.parse(obj["metadata"]["creationTimestamp"]),
            why=why(obj),
        )

    def row(self, now: datetime.datetime) -> tuple[Any, ...]:
        """The pod as a row under COLUMNS."""
        since = age.human(now - self.created)
        return self.name, self.status, self.ready, self.restarts, self.image, self.node, self.ip, since


def status(obj: Object) -> str:
    """The STATUS column of `kubectl get pods`, after printPod of k8s.io/kubernetes/pkg/printers/internalversion."""
    state = obj.get("status", {})
    reason = str(state.get("reason") or state.get("phase") or "Unknown")
    if _condition(obj, "PodScheduled").get("reason") == "SchedulingGated":
        reason = "SchedulingGated"
    initializing = _initializing(obj)
    reason = initializing or reason
    if not initializing or _condition(obj, "Initialized").get("status") == "True":
        reason = _containers_reason(obj) or reason
    if "deletionTimestamp" in obj["metadata"] and state.get("reason") == "NodeLost":
        return "Unknown"
    if "deletionTimestamp" in obj["metadata"] and state.get("phase") not in ("Succeeded", "Failed"):
        return "Terminating"
    return reason


def why(obj: Object) -> str:
    """What the cluster says holds the pod up: a container's reason and message, its readiness, or the scheduler's; "" when it
    is ready."""
    state = obj.get("status", {})
    for container in state.get("initContainerStatuses", []) + state.get("containerStatuses", []):
        told = _trouble(container)
        if told:
            return told
    scheduled = _condition(obj, "PodScheduled")
    if scheduled.get("status") == "False":
        return f"Not scheduled: {scheduled.get('message', scheduled.get('reason', ''))}"
    if state.get("phase") == "Failed":
        return f"{state.get('reason', 'Failed')}: {state.get('message', '')}".rstrip(": ")
    waiting = [c["name"] for c in state.get("containerStatuses", []) if _running(c) and not c["ready"]]
    if waiting:
        started = [c["name"] for c in state["containerStatuses"] if c["name"] in waiting and not c.get("started", True)]
        probe = "startup" if started else "readiness"
        return f"{', '.join(waiting)} runs, but its {probe} probe has not passed."
    return ""


def _restarts(obj: Object) -> int:
    """The RESTARTS column: of the init containers while they run, then of the containers and sidecars."""
    state = obj.get("status", {})
    if _initializing(obj) and _condition(obj, "Initialized").get("status") != "True":
        counted = state.get("initContainerStatuses", [])
    else:
        sidecars = {one["name"] for one in obj["spec"].get("initContainers", []) if one.get("restartPolicy") == "Always"}
        counted = [one for one in state.get("initContainerStatuses", []) if one["name"] in sidecars]
        counted = counted + state.get("containerStatuses", [])
    return sum(container["restartCount"] for container in counted)


def _initializing(obj: Object) -> str:
    """The status of a pod whose init containers are not done, "" when they are."""
    state = obj.get("status", {})
    specs = {container["name"]: container for container in obj["spec"].get("initContainers", [])}
    for position, container in enumerate(state.get("initContainerStatuses", [])):
        sidecar = specs.get(container["name"], {}).get("restartPolicy") == "Always"
        terminated = container.get("state", {}).get("terminated")
        if (terminated and terminated["exitCode"] == 0) or (sidecar and container.get("started")):
            continue
        if terminated:
            return f"Init:{_exit_reason(terminated)}"
        waiting = container.get("state", {}).get("waiting", {}).get("reason", "")
        if waiting and waiting != "PodInitializing":
            return f"Init:{waiting}"
        return f"Init:{position}/{len(specs)}"
    return ""


def _containers_reason(obj: Object) -> str:
    """The reason of the first container that does not run; one that has ended well yields to one that failed or still runs."""
    containers = obj.get("status", {}).get("containerStatuses", [])
    reason = next(filter(None, map(_container_reason, containers)), "")
    if reason == "Completed":
        serving = any(_running(container) and container["ready"] for container in containers)
        ready = _condition(obj, "Ready").get("status") == "True"
        failed = [_container_reason(container) for container in containers if _exit_code(container)]
        if serving and ready:
            return "Running"
        if failed:
            return failed[0]
        return "NotReady" if serving else reason
    return reason


def _container_reason(container: dict[str, Any]) -> str:
    state = container.get("state", {})
    if state.get("waiting", {}).get("reason"):
        return str(state["waiting"]["reason"])
    if "terminated" in state:
        return _exit_reason(state["terminated"])
    return ""


def _exit_reason(terminated: dict[str, Any]) -> str:
    if terminated.get("reason"):
        return str(terminated["reason"])
    if terminated.get("signal"):
        return f"Signal:{terminated['signal']}"
    return f"ExitCode:{terminated['exitCode']}"


def _trouble(container: dict[str, Any]) -> str:
    """Why a container does not run, "" when it does, has ended well, or is only being made."""
    state, name = container.get("state", {}), container["name"]
    waiting, terminated = state.get("waiting", {}), state.get("terminated", {})
    reason = waiting.get("reason", "")
    if reason == "CrashLoopBackOff":
        last = container.get("lastState", {}).get("terminated", {})
        return f"{name}: CrashLoopBackOff, {_ended(last)}" if last else f"{name}: CrashLoopBackOff"
    if reason and reason not in ("ContainerCreating", "PodInitializing"):
        return f"{name}: {reason}: {waiting.get('message', '')}".rstrip(": ")
    if _exit_code(container):
        return f"{name}: {_ended(terminated)}"
    return ""


def _ended(terminated: dict[str, Any]) -> str:
    message = terminated.get("message", "").strip()
    told = f"it ended with exit code {terminated.get('exitCode')} ({_exit_reason(terminated)})"
    return f"{told}: {message}" if message else told


def _condition(obj: Object, kind: str) -> dict[str, Any]:
    conditions: list[dict[str, Any]] = obj.get("status", {}).get("conditions", [])
    return next((condition for condition in conditions if condition["type"] == kind), {})


def _exit_code(container: dict[str, Any]) -> int:
    return int(container.get("state", {}).get("terminated", {}).get("exitCode", 0))


def _running(container: dict[str, Any]) -> bool:
    return "running" in container.get("state", {})
