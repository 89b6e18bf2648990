from __future__ import annotations

import datetime

from test_rollout import condition, deployment

from labkit.ops import diagnosis
from labkit.ops.event import Event
from labkit.ops.pod import Pod
from labkit.ops.rollout import DeploymentStatus

NOW = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
HALF = DeploymentStatus.of(deployment(readyReplicas=2, updatedReplicas=1))


def pod(name: str, status: str, why: str = "", *, ready: bool = False) -> Pod:
    return Pod(name, status, ready, 0, "web:1", "node", "", NOW, why)


def warning(about: str, message: str, reason: str = "Failed", kind: str = "Warning") -> Event:
    return Event(NOW, kind, reason, about, "", message, 1, 1)


def test_the_pod_its_reason_and_the_next_command_are_told() -> None:
    pods = [pod("web-1", "Running", ready=True), pod("web-2", "ErrImagePull", "app: no such image"), pod("web-3", "Terminating")]
    error = diagnosis.unfinished("web did not finish.", HALF, pods, [])
    assert error.what == "web did not finish."
    assert error.why.splitlines() == ["2/3 ready, 1/3 updated", "pod web-2: ErrImagePull, app: no such image"]
    assert error.next == 'lab.kubectl("describe pod web-2")'


def test_a_reason_that_many_pods_share_is_told_once() -> None:
    error = diagnosis.unfinished("", HALF, [pod(f"web-{number}", "Pending", "no room") for number in range(5)], [])
    assert error.why.splitlines()[1:] == ["pods web-0, web-1, web-2 and 2 more: Pending, no room"]


def test_a_crashing_pods_log_is_the_next_thing_to_read() -> None:
    error = diagnosis.unfinished("", HALF, [pod("web-1", "CrashLoopBackOff")], [])
    assert error.next == 'lab.kubectl("logs web-1 --previous")'


def test_the_last_warnings_about_what_is_still_there() -> None:
    events = [
        warning("pod/web-1", "Readiness probe failed: 503", "Unhealthy"),
        warning("pod/web-1", "Readiness probe failed: 503", "Unhealthy"),
        warning("pod/web-gone", "Readiness probe failed: refused", "Unhealthy"),
        warning("pod/web-1", "Started container", "Started", "Normal"),
        warning("pod/web-1", "Error: ErrImagePull"),
        warning("replicaset/web", "exceeded quota", "FailedCreate"),
    ]
    error = diagnosis.unfinished("", HALF, [pod("web-1", "ErrImagePull", "app: ErrImagePull: no such image")], events)
    assert error.why.splitlines()[2:] == [
        "Unhealthy (pod/web-1): Readiness probe failed: 503",
        "FailedCreate (replicaset/web): exceeded quota",
    ]


def test_a_failure_to_make_pods_and_a_controller_that_lags_are_told() -> None:
    quota = condition("ReplicaFailure", "True", "FailedCreate", "exceeded quota")
    lagging = DeploymentStatus.of(deployment(seen=1, conditions=[quota]))
    error = diagnosis.unfinished("", lagging, [], [])
    assert "Pods cannot be made: exceeded quota" in error.why
    assert "has not seen the newest change" in error.why
    assert error.next == 'lab.kubectl("describe deployment web")'


def test_a_paused_deployment_elsewhere_is_to_be_resumed_there() -> None:
    obj = deployment(paused=True)
    obj["metadata"]["namespace"] = "shop"
    error = diagnosis.unfinished("", DeploymentStatus.of(obj), [], [])
    assert error.next == 'lab.kubectl("rollout resume deployment/web -n shop")'
