"""kubectl rollout and set: new versions of a Deployment, and the way back."""

from __future__ import annotations

import pytest
from kubectl import Kubectl, Manifest, deployment, podinfo

BLUE, GREEN = "labkit/demo:blue", "labkit/demo:green"


@pytest.fixture
def web(kubectl: Kubectl) -> str:
    kubectl.apply(deployment("web", podinfo() | {"image": BLUE}, replicas=2))
    assert "successfully rolled out" in kubectl("rollout", "status", "deployment/web", "--timeout=60s")
    return "deployment/web"


def images(kubectl: Kubectl) -> set[str]:
    """Of the pods that are not on their way out."""
    pods: list[Manifest] = [each for each in kubectl.items("pods") if "deletionTimestamp" not in each["metadata"]]
    return {each["spec"]["containers"][0]["image"] for each in pods}


def roll_out(kubectl: Kubectl, target: str) -> None:
    kubectl("rollout", "status", target, "--timeout=60s")
    kubectl.until(target, ".status.replicas", "2")


def test_set_image_history_and_undo(kubectl: Kubectl, web: str) -> None:
    kubectl("set", "image", web, f"main={GREEN}")
    kubectl("annotate", web, "kubernetes.io/change-cause=turn green")
    roll_out(kubectl, web)
    assert images(kubectl) == {GREEN}
    assert "2         turn green" in kubectl("rollout", "history", web)
    assert f"Image:\t{BLUE}" in kubectl("rollout", "history", web, "--revision=1")
    assert "rolled back" in kubectl("rollout", "undo", web, "--to-revision=1")
    roll_out(kubectl, web)
    assert images(kubectl) == {BLUE}
    assert [line.split()[0] for line in kubectl("rollout", "history", web).splitlines()[2:] if line] == ["2", "3"]


def test_a_paused_rollout_waits_for_resume(kubectl: Kubectl, web: str) -> None:
    kubectl("rollout", "pause", web)
    kubectl("set", "image", web, f"main={GREEN}")
    kubectl("set", "env", web, "MOOD=calm")
    kubectl.until(web, '.status.conditions[?(@.type=="Progressing")].reason', "DeploymentPaused")
    generation = kubectl.get(web)["metadata"]["generation"]
    kubectl.until(web, ".status.observedGeneration", str(generation))
    assert len(kubectl.items("replicasets")) == 1
    kubectl("rollout", "resume", web)
    roll_out(kubectl, web)
    assert images(kubectl) == {GREEN}
    assert len(kubectl.items("replicasets")) == 2


def test_restart_replaces_every_pod(kubectl: Kubectl, web: str) -> None:
    before = {each["metadata"]["uid"] for each in kubectl.items("pods")}
    kubectl("rollout", "restart", web)
    roll_out(kubectl, web)
    after = {each["metadata"]["uid"] for each in kubectl.items("pods") if "deletionTimestamp" not in each["metadata"]}
    assert len(after) == 2
    assert not before & after


def test_a_version_that_never_becomes_ready_stops_the_rollout_and_leaves_the_old_one(kubectl: Kubectl, web: str) -> None:
    kubectl("patch", web, "-p", '{"spec":{"progressDeadlineSeconds":2,"minReadySeconds":0}}')
    kubectl("set", "image", web, "main=labkit/demo:none")
    assert "exceeded its progress deadline" in kubectl.fails("rollout", "status", web, "--timeout=60s")
    assert kubectl.get(web)["status"]["availableReplicas"] == 2
