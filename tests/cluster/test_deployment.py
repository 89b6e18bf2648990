"""Deployments on a real cluster: what they do, and what is said when they cannot."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from labkit.errors import LabError
from labkit.lab import Lab
from labkit.ops.deployment import Deployment

Make = Callable[..., Deployment]


@pytest.fixture
def make(lab: Lab, namespace: str) -> Make:
    """Applies a Deployment "web" and returns it; the arguments change its container or its spec."""

    def apply(container: dict[str, Any] | None = None, **spec: Any) -> Deployment:
        probe = {"httpGet": {"path": "/readyz", "port": 9898}, "periodSeconds": 1}
        web = {"name": "web", "image": "labkit/demo:blue", "readinessProbe": probe} | (container or {})
        template = {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [web], "terminationGracePeriodSeconds": 0}}
        manifest = {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": "web"},
            "spec": {"replicas": 2, "selector": {"matchLabels": {"app": "web"}}, "template": template} | spec,
        }
        lab.apply(manifest, namespace)
        return lab.deployment("web", namespace)

    return apply


def kubectl(lab: Lab, app: Deployment, *args: str) -> str:
    answer = lab.access.run_kubectl("-n", app.namespace, *args)
    assert answer.returncode == 0, answer.stderr
    return answer.stdout


def test_a_rollout_completes(make: Make) -> None:
    app = make()
    status = app.wait()
    assert status.complete
    assert repr(status) == "2/2 ready"
    assert status.conditions == ("Enough pods are available.", "The newest version is rolled out.")
    assert repr(app) == f"Deployment web in namespace {app.namespace}"


def test_scaling_up_down_and_to_nothing(make: Make) -> None:
    app = make()
    for replicas in (4, 1, 0):
        status = app.scale(replicas).wait()
        assert (status.desired, status.ready) == (replicas, replicas)


def test_waiting_for_a_number_of_ready_pods(make: Make) -> None:
    app = make()
    assert app.wait(ready=2).ready == 2
    assert app.scale(0).wait(ready=0).ready == 0


def test_pods_read_as_kubectl_lists_them(lab: Lab, make: Make) -> None:
    app = make()
    app.wait()
    kubectl(lab, app, "wait", "pods", "--all", "--for=condition=Ready", "--timeout=60s")
    table = app.pods()
    rows = [line.split() for line in kubectl(lab, app, "get", "pods", "-o", "wide", "--no-headers").splitlines()]
    assert {(pod.name, pod.status, str(pod.restarts), pod.ip, pod.node) for pod in table.itertuples()} == {
        (name, status, restarts, ip, node) for name, _, status, restarts, _, ip, node, *_ in rows
    }
    assert table["ready"].all()
    assert set(table["image"]) == {"labkit/demo:blue"}


def test_a_killed_pod_comes_back_and_its_events_stay(lab: Lab, make: Make) -> None:
    app = make()
    app.wait()
    victim = app.pods()["name"][0]
    kubectl(lab, app, "delete", "pod", victim)
    app.wait()
    assert victim not in set(app.pods()["name"])
    events = app.events()
    assert "Started" in set(events.loc[events["object"] == f"pod/{victim}", "reason"])
    assert events["time"].is_monotonic_increasing
    assert events["reason"][0] == "ScalingReplicaSet"


def test_history_tells_each_revision_once(lab: Lab, make: Make) -> None:
    app = make()
    app.wait()
    app.set_image("labkit/demo:green", cause="the green release").wait()
    history = app.history()
    assert history["revision"].to_list() == [1, 2]
    assert history["image"].to_list() == ["labkit/demo:blue", "labkit/demo:green"]
    assert history["change-cause"].to_list() == ["", "the green release"]
    assert history["replicas"].to_list() == [0, 2]
    printed = kubectl(lab, app, "rollout", "history", "deployment/web")
    assert "the green release" in printed


def test_undo_returns_to_the_previous_revision_under_a_new_number(make: Make) -> None:
    app = make()
    app.wait()
    app.set_image("labkit/demo:green", cause="green").wait()
    status = app.undo().wait()
    assert (status.image, status.revision) == ("labkit/demo:blue", 3)
    assert app.history()["revision"].to_list() == [2, 3]
    assert app.history()["change-cause"].to_list() == ["green", ""]


def test_undo_to_a_revision_does_what_kubectl_does(lab: Lab, make: Make) -> None:
    app = make()
    app.wait()
    app.set_image("labkit/demo:green").wait()
    app.set_image("labkit/demo:yellow").wait()
    assert app.undo(to_revision=1).wait().image == "labkit/demo:blue"
    ours = json.loads(kubectl(lab, app, "get", "deployment", "web", "-o", "json"))
    kubectl(lab, app, "rollout", "undo", "deployment/web", "--to-revision=3")
    app.wait()
    kubectl(lab, app, "rollout", "undo", "deployment/web", "--to-revision=4")
    kubectls = json.loads(kubectl(lab, app, "get", "deployment", "web", "-o", "json"))
    assert ours["spec"]["template"] == kubectls["spec"]["template"]
    assert ours["metadata"]["annotations"].keys() == kubectls["metadata"]["annotations"].keys()


def test_undo_says_why_it_cannot(make: Make) -> None:
    app = make()
    app.wait()
    with pytest.raises(LabError, match="no earlier revision"):
        app.undo()
    with pytest.raises(LabError, match="has no revision 7"):
        app.undo(7)
    with pytest.raises(LabError, match="at revision 1 already"):
        app.undo(1)


def test_pause_gathers_changes_and_resume_rolls_them_out(make: Make) -> None:
    app = make()
    app.wait()
    app.pause().set_image("labkit/demo:green")
    with pytest.raises(LabError, match="while it is paused") as caught:
        app.wait()
    assert "rollout resume" in caught.value.next
    for refused in (app.undo, app.restart):
        with pytest.raises(LabError, match="is paused"):
            refused()
    assert app.status().paused
    assert app.resume().wait().image == "labkit/demo:green"
    assert app.history()["revision"].to_list() == [1, 2]


def test_restart_replaces_every_pod(make: Make) -> None:
    app = make()
    app.wait()
    before = set(app.pods()["name"])
    app.restart().wait()
    table = app.pods()
    assert before.isdisjoint(table.loc[table["ready"], "name"])
    assert len(app.replicasets()) == 2


def test_set_image_needs_to_know_which_container(make: Make) -> None:
    app = make()
    with pytest.raises(LabError, match="has no container 'nginx'"):
        app.set_image("labkit/demo:green", container="nginx")
    two = [{"name": name, "image": "labkit/demo:blue"} for name in ("one", "two")]
    template = {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": two}}
    app = make(template=template, replicas=0)
    with pytest.raises(LabError, match="Which container"):
        app.set_image("labkit/demo:green")
    app.set_image("labkit/demo:green", container="two")
    assert app.status().image == "labkit/demo:blue,labkit/demo:green"


def failure(app: Deployment, **wait: Any) -> LabError:
    with pytest.raises(LabError) as caught:
        app.wait(**wait)
    return caught.value


def test_an_image_that_is_not_there_is_named_when_the_time_ends(make: Make) -> None:
    error = failure(make({"image": "labkit/nope:1"}), timeout=4)
    assert error.what.endswith("did not complete its rollout within 4 s.")
    assert "ErrImagePull" in error.why or "ImagePullBackOff" in error.why
    assert "labkit/nope:1" in error.why
    assert "describe pod web-" in error.next


def test_a_bad_update_that_readiness_stops_ends_the_wait_at_its_deadline_and_is_undone(make: Make) -> None:
    app = make(progressDeadlineSeconds=4)
    app.wait()
    error = failure(app.set_image("labkit/nope:2"), timeout=60)
    assert error.what.endswith("its progress deadline has passed.")
    assert "no progress within 4 s" in error.why
    assert app.status().ready == 2
    assert app.undo().wait().image == "labkit/demo:blue"


def test_a_crash_is_told_with_its_exit_code_and_message(make: Make) -> None:
    script = ["sh", "-c", "echo no database > /dev/termination-log; exit 3"]
    error = failure(make({"image": "busybox:1.37", "command": script, "readinessProbe": None}), timeout=5)
    assert "exit code 3" in error.why
    assert "no database" in error.why
    assert "logs web-" in error.next
    assert "--previous" in error.next


def test_a_readiness_probe_that_fails_is_told_with_its_answer(make: Make) -> None:
    probe = {"httpGet": {"path": "/status/503", "port": 9898}, "periodSeconds": 1}
    error = failure(make({"readinessProbe": probe}), timeout=5)
    assert "readiness probe has not passed" in error.why
    assert "statuscode: 503" in error.why


def test_a_pod_that_fits_nowhere_is_told(make: Make) -> None:
    error = failure(make({"resources": {"requests": {"cpu": "1000"}}}), timeout=4)
    assert "Insufficient cpu" in error.why


def test_a_quota_that_stops_the_pods_is_told(lab: Lab, make: Make, namespace: str) -> None:
    quota = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "none"}, "spec": {"hard": {"pods": "0"}}}
    lab.apply(quota, namespace)
    error = failure(make(), timeout=4)
    assert "exceeded quota: none" in error.why


def test_a_deployment_that_is_not_there(lab: Lab, namespace: str) -> None:
    app = lab.deployment("web", namespace)
    with pytest.raises(LabError, match=f'There is no deployment "web" in namespace "{namespace}"'):
        app.status()
    with pytest.raises(LabError, match="was deleted, or never applied"):
        app.wait()


def test_a_number_of_replicas_that_cannot_be(make: Make) -> None:
    with pytest.raises(LabError, match=r"spec\.replicas: Invalid value: -1"):
        make().scale(-1)
