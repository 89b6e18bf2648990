"""The ReplicaSets of a Deployment: each holds the pods of one revision of the template."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from labkit.ops.api import Object

COLUMNS = ("name", "revision", "image", "desired", "current", "ready")

_REVISION = "deployment.kubernetes.io/revision"
_CHANGE_CAUSE = "kubernetes.io/change-cause"
_TEMPLATE_HASH = "pod-template-hash"

# Annotations that belong to the Deployment itself; a rollback does not take them from the old ReplicaSet.
_OWN = (
    "kubectl.kubernetes.io/last-applied-configuration",
    _REVISION,
    "deployment.kubernetes.io/revision-history",
    "deployment.kubernetes.io/desired-replicas",
    "deployment.kubernetes.io/max-replicas",
    "deprecated.deployment.rollback.to",
)


@dataclass(frozen=True)
class ReplicaSet:
    """revision: the rollout that made it, or last returned to it. desired, current, ready: numbers of pods."""

    name: str
    uid: str
    revision: int
    image: str
    change_cause: str
    desired: int
    current: int
    ready: int
    annotations: dict[str, str]
    template: Object

    @classmethod
    def of(cls, obj: Object) -> ReplicaSet:
        """Read a ReplicaSet's JSON."""
        annotations = obj["metadata"].get("annotations", {})
        template = obj["spec"]["template"]
        return cls(
            name=obj["metadata"]["name"],
            uid=obj["metadata"]["uid"],
            revision=revision(obj),
            image=images(template),
            change_cause=annotations.get(_CHANGE_CAUSE, ""),
            desired=obj["spec"]["replicas"],
            current=obj["status"]["replicas"],
            ready=obj["status"].get("readyReplicas", 0),
            annotations=annotations,
            template=template,
        )

    def row(self) -> tuple[Any, ...]:
        """The ReplicaSet as a row under COLUMNS."""
        return self.name, self.revision, self.image, self.desired, self.current, self.ready


def revision(obj: Object) -> int:
    """The revision of a Deployment or a ReplicaSet; 0 before the controller has set it."""
    return int(obj["metadata"].get("annotations", {}).get(_REVISION, 0))


def images(template: Object) -> str:
    """The images of a pod template, as `kubectl get -o wide` lists them."""
    return ",".join(container["image"] for container in template["spec"]["containers"])


def rollback(deployment: Object, target: ReplicaSet) -> list[Object]:
    """The JSON patch by which `kubectl rollout undo` returns a Deployment to a ReplicaSet's template; empty when it is there
    already."""
    labels = {key: value for key, value in target.template["metadata"].get("labels", {}).items() if key != _TEMPLATE_HASH}
    template = target.template | {"metadata": target.template["metadata"] | {"labels": labels}}
    if template == deployment["spec"]["template"]:
        return []
    own = {key: value for key, value in deployment["metadata"].get("annotations", {}).items() if key in _OWN}
    old = {key: value for key, value in target.annotations.items() if key not in _OWN}
    return [
        {"op": "replace", "path": "/spec/template", "value": template},
        {"op": "replace", "path": "/metadata/annotations", "value": old | own},
    ]
