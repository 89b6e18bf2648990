"""apply, get -w, describe, events, wait, delete, scale: what kubectl shows of objects."""

from __future__ import annotations

import json

from kubectl import Kubectl, config_map, container, deployment, pod


def test_apply_creates_then_changes_then_leaves_alone(kubectl: Kubectl) -> None:
    manifest = json.dumps(config_map("settings", color="blue"))
    assert kubectl("apply", "-f", "-", stdin=manifest) == "configmap/settings created\n"
    assert kubectl("apply", "-f", "-", stdin=manifest) == "configmap/settings unchanged\n"
    changed = manifest.replace("blue", "green")
    assert "+  color: green" in kubectl.run("diff", "-f", "-", stdin=changed).stdout
    assert kubectl("apply", "-f", "-", stdin=changed) == "configmap/settings configured\n"
    assert kubectl.get("configmap", "settings")["data"] == {"color": "green"}


def test_get_watch_shows_a_pod_from_pending_to_completed(kubectl: Kubectl) -> None:
    with kubectl.background("get", "pods", "--watch") as watch:
        kubectl.apply(pod("short", container(sh="exit 0"), restartPolicy="Never"))
        for state in ("Pending", "ContainerCreating", "Completed"):
            watch.read(rf"^short\s+0/1\s+{state}\s+0\s")


def test_describe_and_events_tell_how_a_pod_came_up(kubectl: Kubectl) -> None:
    kubectl.apply(pod("plain"))
    kubectl.wait("pod/plain", "Ready")
    reasons = ["Scheduled", "Pulled", "Created", "Started"]
    seen = kubectl.eventually(
        "the pod's events",
        lambda: (
            lines
            if len(lines := kubectl("events", "--for", "pod/plain", "--no-headers", "-o", "jsonpath={.items[*].reason}").split())
            >= len(reasons)
            else None
        ),
    )
    assert sorted(seen) == sorted(reasons)
    described = kubectl("describe", "pod", "plain")
    for expected in ("Node:             lab-node/10.244.0.1", "Image:         busybox:1.37", *reasons):
        assert expected in described


def test_scaling_up_and_down(kubectl: Kubectl) -> None:
    kubectl.apply(deployment("web", container(command=["sleep", "infinity"])))
    kubectl("scale", "deployment/web", "--replicas=3")
    kubectl.until("deployment/web", ".status.readyReplicas", "3")
    kubectl("scale", "deployment/web", "--replicas=1", "--current-replicas=3")
    kubectl.until("deployment/web", ".status.replicas", "1")
    assert "Expected replicas to be 3, was 1" in kubectl.fails("scale", "deployment/web", "--replicas=2", "--current-replicas=3")


def test_deleting_a_deployment_takes_its_pods_with_it(kubectl: Kubectl) -> None:
    kubectl.apply(deployment("web", container(command=["sleep", "infinity"]), replicas=2))
    kubectl.wait("deployment/web", "Available")
    kubectl("delete", "deployment", "web", "--cascade=foreground")
    assert kubectl.items("replicasets,pods") == []


def test_a_pod_that_nobody_can_run_says_why(kubectl: Kubectl) -> None:
    kubectl.apply(pod("misplaced", nodeSelector={"disk": "ssd"}))
    kubectl.until("pod/misplaced", '.status.conditions[?(@.type=="PodScheduled")].reason', "Unschedulable")
    assert "node affinity/selector" in kubectl("describe", "pod", "misplaced")


def test_an_ephemeral_container_joins_a_running_pod(kubectl: Kubectl) -> None:
    kubectl.apply(pod("plain"))
    kubectl.wait("pod/plain", "Ready")
    kubectl("debug", "plain", "--image=busybox", "--container=probe", "--", "sh", "-c", "hostname")
    kubectl.until("pod/plain", ".status.ephemeralContainerStatuses[0].state.terminated.reason", "Completed")
    assert kubectl("logs", "plain", "-c", "probe") == "plain\n"
