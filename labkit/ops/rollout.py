"""Where a Deployment's rollout stands, in plain words."""

from __future__ import annotations

import html
from dataclasses import dataclass

from labkit.ops.api import Object
from labkit.ops.replicaset import images, revision


@dataclass(frozen=True, repr=False)
class DeploymentStatus:
    """A Deployment's status as the controller last wrote it.

    desired: replicas asked for. current, updated, ready, available: pods there are, of the newest template, passing readiness,
    ready for minReadySeconds. observed: the controller has seen the newest spec. stuck: the progress deadline has passed.
    conditions: in plain words.
    """

    name: str
    namespace: str
    image: str
    revision: int
    desired: int
    current: int
    updated: int
    ready: int
    available: int
    observed: bool
    paused: bool
    stuck: bool
    conditions: tuple[str, ...]

    @classmethod
    def of(cls, obj: Object) -> DeploymentStatus:
        """Read a Deployment's JSON."""
        spec, status = obj["spec"], obj.get("status", {})
        observed = status.get("observedGeneration", 0) >= obj["metadata"]["generation"]
        conditions = status.get("conditions", [])
        return cls(
            name=obj["metadata"]["name"],
            namespace=obj["metadata"]["namespace"],
            image=images(spec["template"]),
            revision=revision(obj),
            desired=spec["replicas"],
            current=status.get("replicas", 0),
            updated=status.get("updatedReplicas", 0),
            ready=status.get("readyReplicas", 0),
            available=status.get("availableReplicas", 0),
            observed=observed,
            paused=spec.get("paused", False),
            stuck=observed and any(condition.get("reason") == "ProgressDeadlineExceeded" for condition in conditions),
            conditions=tuple(_plain(condition, spec) for condition in conditions),
        )

    @property
    def complete(self) -> bool:
        """Whether the rollout is over, as `kubectl rollout status` sees it: only pods of the newest template, all available."""
        return self.observed and self.current == self.updated == self.desired and self.available >= self.updated

    def __repr__(self) -> str:
        parts = [f"{self.ready}/{self.desired} ready"]
        if self.updated != self.desired or self.current != self.desired:
            parts.append(f"{self.updated}/{self.desired} updated")
        if self.paused:
            parts.append("paused")
        if self.stuck:
            parts.append("stuck")
        return ", ".join(parts)

    def _repr_html_(self) -> str:
        rows = [("Deployment", self.name), ("Replicas", repr(self)), ("Image", self.image), ("Revision", str(self.revision))]
        rows += [("", condition) for condition in self.conditions]
        cells = "".join(f"<tr><th>{html.escape(left)}</th><td>{html.escape(right)}</td></tr>" for left, right in rows)
        return f"<table>{cells}</table>"


def _plain(condition: Object, spec: Object) -> str:
    """A condition of a Deployment as a sentence."""
    holds, reason, message = condition["status"] == "True", condition.get("reason", ""), condition.get("message", "")
    match condition["type"], reason:
        case "Available", _:
            return "Enough pods are available." if holds else "Fewer pods are available than the update strategy asks for."
        case "Progressing", "NewReplicaSetAvailable":
            return "The newest version is rolled out."
        case "Progressing", "ProgressDeadlineExceeded":
            return f"The rollout is stuck: no progress within {spec.get('progressDeadlineSeconds', 600)} s."
        case "Progressing", "DeploymentPaused":
            return "The rollout is paused."
        case "Progressing", "DeploymentResumed":
            return "The rollout was resumed."
        case "Progressing", _ if holds:
            return "The rollout makes progress."
        case "ReplicaFailure", _:
            return f"Pods cannot be made: {message}"
        case kind, _:
            return f"{kind} is {condition['status']}: {message or reason}"
