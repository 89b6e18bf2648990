from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from labkit.ops.pod import Pod

RECORDED = json.loads((Path(__file__).parent / "recorded" / "pods.json").read_text())["pods"]
BY_NAME = {entry["pod"]["metadata"]["name"]: entry["pod"] for entry in RECORDED}


@pytest.mark.parametrize("entry", RECORDED, ids=list(BY_NAME))
def test_reads_as_kubectl_prints_it(entry: dict[str, Any]) -> None:
    pod = Pod.of(entry["pod"])
    assert pod.status == entry["kubectl"]["status"]
    assert pod.restarts == entry["kubectl"]["restarts"]
    ready, containers = entry["kubectl"]["ready"].split("/")
    assert pod.ready == (ready == containers)


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("crash", "app: CrashLoopBackOff, it ended with exit code 3 (Error): no database"),
        ("init-crash", "one: CrashLoopBackOff, it ended with exit code 2 (Error)"),
        ("failed", "app: it ended with exit code 4 (Error)"),
        ("config", 'app: CreateContainerConfigError: configmap "nope" not found'),
        ("unready", "app runs, but its readiness probe has not passed."),
        ("done", ""),
        ("sidecar", ""),
    ],
)
def test_says_what_holds_a_pod_up(name: str, told: str) -> None:
    assert Pod.of(BY_NAME[name]).why == told


def test_names_the_image_that_cannot_be_pulled_and_the_resource_that_lacks() -> None:
    assert "image labkit/nope:1 is not in this cluster's catalogue" in Pod.of(BY_NAME["image"]).why
    assert Pod.of(BY_NAME["big"]).why.startswith("Not scheduled: 0/1 nodes are available: 1 Insufficient cpu")


def container(name: str, **changes: Any) -> dict[str, Any]:
    """A recorded pod with its first container's status changed."""
    pod: dict[str, Any] = copy.deepcopy(BY_NAME[name])
    pod["status"]["containerStatuses"][0] |= changes
    return pod


def test_a_crash_loop_tells_how_the_last_run_ended() -> None:
    waiting = {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 10s restarting failed container"}}
    last = {"terminated": {"exitCode": 137, "reason": "OOMKilled"}}
    pod = Pod.of(container("crash", state=waiting, lastState=last))
    assert pod.status == "CrashLoopBackOff"
    assert pod.why == "app: CrashLoopBackOff, it ended with exit code 137 (OOMKilled)"


def test_an_exit_without_a_reason_shows_its_signal_or_code() -> None:
    assert Pod.of(container("crash", state={"terminated": {"exitCode": 137, "signal": 9}})).status == "Signal:9"
    assert Pod.of(container("crash", state={"terminated": {"exitCode": 3}})).status == "ExitCode:3"


def test_a_pod_that_is_being_deleted_is_terminating_and_gets_no_traffic() -> None:
    pod = copy.deepcopy(BY_NAME["sidecar"])
    pod["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    assert Pod.of(pod).status == "Terminating"
    assert not Pod.of(pod).ready


def test_a_pod_with_one_container_done_and_one_serving() -> None:
    pod = container("sidecar", state={"terminated": {"exitCode": 0, "reason": "Completed"}})
    assert Pod.of(pod).status == "Running"
    not_ready = copy.deepcopy(pod)
    for condition in not_ready["status"]["conditions"]:
        condition["status"] = "False"
    not_ready["status"]["initContainerStatuses"] = []
    assert Pod.of(not_ready).status == "NotReady"


def test_a_startup_probe_is_named_as_such() -> None:
    pod = container("unready", started=False)
    assert Pod.of(pod).why == "app runs, but its startup probe has not passed."


def test_a_pod_without_a_status_yet_is_pending() -> None:
    pod = {"metadata": BY_NAME["done"]["metadata"], "spec": BY_NAME["done"]["spec"], "status": {"phase": "Pending"}}
    assert Pod.of(pod).status == "Pending"
    assert not Pod.of(pod).ready
