from __future__ import annotations

from typing import Any

import pytest

from labkit.ops.rollout import DeploymentStatus


def deployment(
    *, generation: int = 2, seen: int = 2, paused: bool = False, conditions: Any = (), **status: int
) -> dict[str, Any]:
    replicas = {"replicas": 3, "updatedReplicas": 3, "readyReplicas": 3, "availableReplicas": 3}
    return {
        "metadata": {
            "name": "web",
            "namespace": "default",
            "generation": generation,
            "annotations": {"deployment.kubernetes.io/revision": "7"},
        },
        "spec": {
            "replicas": 3,
            "paused": paused,
            "progressDeadlineSeconds": 9,
            "template": {"spec": {"containers": [{"name": "web", "image": "web:1"}, {"name": "log", "image": "log:2"}]}},
        },
        "status": {"observedGeneration": seen, "conditions": list(conditions)} | replicas | status,
    }


def condition(kind: str, status: str, reason: str, message: str = "") -> dict[str, str]:
    return {"type": kind, "status": status, "reason": reason, "message": message}


def test_a_finished_rollout() -> None:
    status = DeploymentStatus.of(deployment())
    assert repr(status) == "3/3 ready"
    assert status.complete
    assert (status.revision, status.image) == (7, "web:1,log:2")


@pytest.mark.parametrize(
    ("obj", "text"),
    [
        (deployment(updatedReplicas=1), "3/3 ready, 1/3 updated"),
        (deployment(replicas=4), "3/3 ready, 3/3 updated"),
        (deployment(readyReplicas=2, availableReplicas=2), "2/3 ready"),
        (deployment(availableReplicas=2), "3/3 ready"),
        (deployment(seen=1), "3/3 ready"),
    ],
    ids=["old pods serve", "an old pod is left", "not ready", "not yet available", "not yet seen"],
)
def test_an_unfinished_rollout(obj: dict[str, Any], text: str) -> None:
    status = DeploymentStatus.of(obj)
    assert repr(status) == text
    assert not status.complete


def test_paused_and_stuck_are_said() -> None:
    late = condition("Progressing", "False", "ProgressDeadlineExceeded")
    assert repr(DeploymentStatus.of(deployment(paused=True, conditions=[late]))) == "3/3 ready, paused, stuck"


def test_a_deadline_that_an_older_spec_missed_is_not_held_against_the_new_one() -> None:
    late = condition("Progressing", "False", "ProgressDeadlineExceeded")
    assert not DeploymentStatus.of(deployment(seen=1, conditions=[late])).stuck


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (condition("Available", "True", "MinimumReplicasAvailable"), "Enough pods are available."),
        (
            condition("Available", "False", "MinimumReplicasUnavailable"),
            "Fewer pods are available than the update strategy asks for.",
        ),
        (condition("Progressing", "True", "NewReplicaSetAvailable"), "The newest version is rolled out."),
        (condition("Progressing", "True", "ReplicaSetUpdated"), "The rollout makes progress."),
        (condition("Progressing", "Unknown", "DeploymentPaused"), "The rollout is paused."),
        (condition("Progressing", "Unknown", "DeploymentResumed"), "The rollout was resumed."),
        (condition("Progressing", "False", "ProgressDeadlineExceeded"), "The rollout is stuck: no progress within 9 s."),
        (condition("ReplicaFailure", "True", "FailedCreate", "exceeded quota"), "Pods cannot be made: exceeded quota"),
        (condition("New", "True", "Because", ""), "New is True: Because"),
    ],
)
def test_conditions_in_plain_words(given: dict[str, str], sentence: str) -> None:
    assert DeploymentStatus.of(deployment(conditions=[given])).conditions == (sentence,)


def test_html_escapes_what_the_cluster_says() -> None:
    shown = DeploymentStatus.of(deployment(conditions=[condition("ReplicaFailure", "True", "x", "<b>")]))._repr_html_()
    assert "&lt;b&gt;" in shown
    assert "3/3 ready" in shown
