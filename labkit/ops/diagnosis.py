"""Why a Deployment is not where it was asked to be: what the cluster says, in the order in which a person would look."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from labkit.errors import LabError
from labkit.ops.event import Event
from labkit.ops.pod import Pod
from labkit.ops.rollout import DeploymentStatus

_MOST = 3  # reasons, pods of one reason, and warnings that are told; more would hide the first


def unfinished(what: str, status: DeploymentStatus, pods: Sequence[Pod], events: Sequence[Event]) -> LabError:
    """The LabError for a wait that ended without success.

    what: what happened, one sentence. pods, events: the Deployment's own, events oldest first.
    """
    held = [pod for pod in pods if not pod.ready and pod.status not in ("Terminating", "Completed")]
    lines = [repr(status), *_reasons(held)]
    lines += [condition for condition in status.conditions if condition.startswith(("Pods cannot", "The rollout is"))]
    lines += _warnings(held, events)
    if not status.observed:
        lines.append("The Deployment's controller has not seen the newest change yet.")
    return LabError(what, "\n".join(lines), _next(status, held))


def _reasons(held: Sequence[Pod]) -> list[str]:
    """What holds the pods up, each reason once with the pods that it holds up."""
    names = defaultdict[tuple[str, str], list[str]](list)
    for pod in held:
        names[pod.status, pod.why].append(pod.name)
    lines = []
    for (status, why), pods in list(names.items())[:_MOST]:
        shown = ", ".join(pods[:_MOST]) + (f" and {len(pods) - _MOST} more" if len(pods) > _MOST else "")
        lines.append(f"{'pod' if len(pods) == 1 else 'pods'} {shown}: {status}" + (f", {why}" if why else ""))
    return lines


def _warnings(held: Sequence[Pod], events: Sequence[Event]) -> list[str]:
    """The last warnings about what is still there, the same one told once, however many pods it struck."""
    names = {f"pod/{pod.name}" for pod in held}
    said = " ".join(f"{pod.status} {pod.why}" for pod in held)
    warnings = {}
    for event in events:
        about = event.about in names or not event.about.startswith("pod/")
        if event.type == "Warning" and about and event.message.removeprefix("Error: ") not in said:
            warnings[event.reason, event.message] = f"{event.reason} ({event.about}): {event.message}"
    return list(warnings.values())[-_MOST:]


def _next(status: DeploymentStatus, held: Sequence[Pod]) -> str:
    where = "" if status.namespace == "default" else f" -n {status.namespace}"
    if status.paused:
        return f'lab.kubectl("rollout resume deployment/{status.name}{where}")'
    if not held:
        return f'lab.kubectl("describe deployment {status.name}{where}")'
    pod = held[0]
    if pod.status in ("CrashLoopBackOff", "Error"):
        return f'lab.kubectl("logs {pod.name} --previous{where}")'
    return f'lab.kubectl("describe pod {pod.name}{where}")'
