"""A Deployment: read it, change it, wait for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from labkit.errors import LabError
from labkit.ops import age, diagnosis, event, pod, replicaset, wait
from labkit.ops.api import Api, Object
from labkit.ops.event import Event
from labkit.ops.frame import frame
from labkit.ops.pod import Pod
from labkit.ops.replicaset import ReplicaSet
from labkit.ops.rollout import DeploymentStatus

if TYPE_CHECKING:
    from labkit.ops.frame import DataFrame


class Deployment:
    """One Deployment of the cluster, by name. Nothing is remembered: every call asks the cluster.

    A call that changes it returns the same Deployment, so that `app.scale(4).wait()` reads as what it does. Every call raises
    LabError when there is no such Deployment, when the cluster refuses, or when it does not answer.
    """

    def __init__(self, api: Api, name: str, namespace: str = "default") -> None:
        self.name = name
        self.namespace = namespace
        self._api = api
        self._list = f"/apis/apps/v1/namespaces/{namespace}/deployments"
        self._path = f"{self._list}/{name}"

    def __repr__(self) -> str:
        where = "" if self.namespace == "default" else f" in namespace {self.namespace}"
        return f"Deployment {self.name}{where}"

    def status(self) -> DeploymentStatus:
        """Replicas, revision and conditions as the cluster tells them now."""
        return DeploymentStatus.of(self._get())

    def set_image(self, image: str, container: str | None = None, cause: str | None = None) -> Deployment:
        """Change a container's image, which starts a rollout.

        container: its name; not needed when there is one only. cause: what `history()` shows as change-cause.
        """
        names = [spec["name"] for spec in self._get()["spec"]["template"]["spec"]["containers"]]
        if container is None and len(names) > 1:
            raise LabError(
                f"Which container of {self.name} shall get the image {image}?",
                f"It has {len(names)}: {', '.join(names)}",
                f'app.set_image("{image}", container="{names[0]}")',
            )
        name = container or names[0]
        if name not in names:
            raise LabError(f"{self.name} has no container {name!r}.", f"It has: {', '.join(names)}")
        patch: Object = {"spec": {"template": {"spec": {"containers": [{"name": name, "image": image}]}}}}
        if cause is not None:
            patch["metadata"] = {"annotations": {"kubernetes.io/change-cause": cause}}
        self._api.strategic_merge(self._path, patch)
        return self

    def scale(self, replicas: int) -> Deployment:
        """Ask for this number of pods."""
        self._api.merge(f"{self._path}/scale", {"spec": {"replicas": replicas}})
        return self

    def pause(self) -> Deployment:
        """Hold the rollout: changes to the template wait until `resume()`."""
        return self._merge({"spec": {"paused": True}})

    def resume(self) -> Deployment:
        """Go on with a rollout that was paused."""
        return self._merge({"spec": {"paused": False}})

    def restart(self) -> Deployment:
        """Replace every pod by a rollout of the same template, as `kubectl rollout restart` does."""
        self._refuse_paused(self._get(), "restarted")
        stamp = {"kubectl.kubernetes.io/restartedAt": age.now().isoformat(timespec="seconds")}
        return self._merge({"spec": {"template": {"metadata": {"annotations": stamp}}}})

    def undo(self, to_revision: int | None = None) -> Deployment:
        """Return to the template of an earlier revision, the previous one by default, as `kubectl rollout undo` does.

        The old template becomes the newest revision, under a new number.
        """
        deployment = self._get()
        self._refuse_paused(deployment, "rolled back")
        history = self._replicasets(deployment)
        there = ", ".join(str(old.revision) for old in history)
        if to_revision is None and len(history) < 2:
            raise LabError(f"{self.name} has no earlier revision to return to.", f"There is only revision {there or 'none'}.")
        found = history[-2:-1] if to_revision is None else [old for old in history if old.revision == to_revision]
        if not found:
            raise LabError(f"{self.name} has no revision {to_revision}.", f"There are: {there}", "app.history()")
        patch = replicaset.rollback(deployment, found[0])
        if not patch:
            raise LabError(
                f"{self.name} is at revision {found[0].revision} already.",
                "Its template is the same, so there is nothing to roll back.",
                "app.history()",
            )
        self._api.json_patch(self._path, patch)
        return self

    def wait(self, timeout: float = 60, ready: int | None = None) -> DeploymentStatus:
        """Wait until the rollout is complete, or until just `ready` pods are ready; returns the status.

        timeout: seconds. Raises LabError with what the cluster says: when the time has passed, and at once when nothing would
        change by itself: the Deployment is deleted, its progress deadline has passed, or it is paused before all of its pods
        are updated. A pod that crashes or whose image cannot be pulled is not the end, because the kubelet tries again.
        """
        goal = "complete its rollout" if ready is None else f"have {ready} ready pods"

        def decide(objects: list[Object]) -> DeploymentStatus | None:
            if not objects:
                raise LabError(f"{self!r} was deleted, or never applied.", next='lab.kubectl("get deployments --all-namespaces")')
            status = DeploymentStatus.of(objects[0])
            if status.complete if ready is None else status.observed and status.ready == ready:
                return status
            if status.stuck:
                raise self._unfinished(f"{self!r} did not {goal}: its progress deadline has passed.", status)
            if status.paused and status.updated < status.desired and ready is None:
                raise self._unfinished(f"{self!r} cannot {goal} while it is paused.", status)
            return None

        status = wait.until(self._api, self._list, decide, timeout, fieldSelector=f"metadata.name={self.name}")
        if status is None:
            raise self._unfinished(f"{self!r} did not {goal} within {timeout:g} s.", self.status())
        return status

    def history(self) -> DataFrame:
        """The revisions that can be returned to, oldest first: revision, image, change-cause, replicas."""
        rows = [(old.revision, old.image, old.change_cause, old.current) for old in self._replicasets(self._get())]
        return frame(("revision", "image", "change-cause", "replicas"), rows)

    def replicasets(self) -> DataFrame:
        """The ReplicaSets, by revision: name, revision, image, desired, current, ready."""
        return frame(replicaset.COLUMNS, [old.row() for old in self._replicasets(self._get())])

    def pods(self) -> DataFrame:
        """The pods, oldest first: name, status (kubectl's STATUS column), ready, restarts, image, node, ip, age."""
        now = age.now()
        return frame(pod.COLUMNS, [one.row(now) for one in self._pods(self._get())])

    def events(self) -> DataFrame:
        """What happened to the Deployment, its ReplicaSets and pods, also pods that are gone, oldest first.

        time, type (Normal or Warning), reason, object, message, count. The cluster forgets events after an hour.
        """
        return frame(event.COLUMNS, [one.row() for one in self._events(self._get())])

    def _get(self) -> Object:
        return self._api.get(self._path)

    def _merge(self, patch: Object) -> Deployment:
        self._api.merge(self._path, patch)
        return self

    def _refuse_paused(self, deployment: Object, what: str) -> None:
        if deployment["spec"].get("paused"):
            raise LabError(f"{self.name} is paused, so it cannot be {what}.", next="app.resume()")

    def _replicasets(self, deployment: Object) -> list[ReplicaSet]:
        path = f"/apis/apps/v1/namespaces/{self.namespace}/replicasets"
        sets = self._api.items(path, labelSelector=selector(deployment))
        own = [ReplicaSet.of(obj) for obj in sets if _owner(obj) == deployment["metadata"]["uid"]]
        return sorted(own, key=lambda one: one.revision)

    def _pods(self, deployment: Object) -> list[Pod]:
        sets = {one.uid for one in self._replicasets(deployment)}
        pods = self._api.items(f"/api/v1/namespaces/{self.namespace}/pods", labelSelector=selector(deployment))
        return sorted((Pod.of(obj) for obj in pods if _owner(obj) in sets), key=lambda one: (one.created, one.name))

    def _events(self, deployment: Object) -> list[Event]:
        sets = self._replicasets(deployment)
        objects = self._api.items(f"/api/v1/namespaces/{self.namespace}/events")
        uids = {deployment["metadata"]["uid"], *(one.uid for one in sets)}
        return event.of_workload(objects, uids, [one.name for one in sets])

    def _unfinished(self, what: str, status: DeploymentStatus) -> LabError:
        deployment = self._get()
        return diagnosis.unfinished(what, status, self._pods(deployment), self._events(deployment))


def selector(obj: Object) -> str:
    """A workload's label selector as the API takes it in a query, for instance "app=web,tier in (a,b)"."""
    spec: dict[str, Any] = obj["spec"]["selector"]
    terms = [f"{key}={value}" for key, value in spec.get("matchLabels", {}).items()]
    for term in spec.get("matchExpressions", []):
        key, values = term["key"], ",".join(term.get("values", []))
        match term["operator"]:
            case "Exists":
                terms.append(key)
            case "DoesNotExist":
                terms.append(f"!{key}")
            case operator:
                terms.append(f"{key} {operator.lower()} ({values})")
    return ",".join(terms)


def _owner(obj: Object) -> str:
    owners = obj["metadata"].get("ownerReferences", [])
    return next((str(owner["uid"]) for owner in owners if owner.get("controller")), "")
