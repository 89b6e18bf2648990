"""What goes wrong looks as it looks anywhere: the reasons, events and columns that a learner must be able to read."""

from __future__ import annotations

from kubectl import Kubectl, container, pod

WAITING = ".status.containerStatuses[0].state.waiting.reason"


def test_what_fails_every_time_is_tried_less_and_less(kubectl: Kubectl) -> None:
    """Side by side, since each waits for 10 s: a container, an init container, an image without this tag, no such image."""
    tag, name = "ghcr.io/stefanprodan/podinfo:0.0.1", "example.com/nobody/knows:1"
    with kubectl.background("get", "pods", "--watch") as watch:
        kubectl.apply(
            pod("crashing", container(sh="exit 2")),
            pod("stuck", initContainers=[container("broken", sh="exit 4")]),
            pod("tag", container(image=tag)),
            pod("name", container(image=name)),
        )
        watch.read_all(
            "^crashing .* Error",
            "^crashing .* CrashLoopBackOff",
            "^stuck .* Init:Error",
            "^stuck .* Init:CrashLoopBackOff",
            *(rf"^{each} .* {reason}" for each in ("tag", "name") for reason in ("ErrImagePull", "ImagePullBackOff")),
        )
    ended = kubectl.container("crashing")["lastState"]["terminated"]
    assert (ended["exitCode"], ended["reason"]) == (2, "Error")
    assert kubectl.container("stuck", "broken")["lastState"]["terminated"]["exitCode"] == 4
    assert kubectl.container("stuck")["state"]["waiting"]["reason"] == "PodInitializing"
    events = kubectl("events")
    for expected in (
        "Back-off restarting failed container main",
        f'Failed to pull image "{tag}"',
        "has no tag 0.0.1 here; it has: 6.9.2",
        f'Failed to pull image "{name}"',
        "is not in this cluster's catalogue, which has:",
    ):
        assert expected in events


def test_an_image_name_that_cannot_be_one(kubectl: Kubectl) -> None:
    kubectl.apply(pod("lost", container(image="no such:name")))
    kubectl.until("pod/lost", WAITING, "InvalidImageName")


def test_an_image_that_may_not_be_pulled_and_is_there(kubectl: Kubectl) -> None:
    kubectl.apply(pod("local", container(command=["sleep", "infinity"], imagePullPolicy="Never")))
    kubectl.wait("pod/local", "Ready")


def test_a_container_that_takes_more_memory_than_its_limit(kubectl: Kubectl) -> None:
    grow = "echo growing; tail /dev/zero"
    resources = {"limits": {"memory": "32Mi"}}
    kubectl.apply(pod("greedy", container(sh=grow, resources=resources), restartPolicy="Never"))
    kubectl.until("pod/greedy", ".status.phase", "Failed")
    ended = kubectl.container("greedy")["state"]["terminated"]
    assert (ended["reason"], ended["exitCode"]) == ("OOMKilled", 137)


def test_a_command_that_is_not_there(kubectl: Kubectl) -> None:
    kubectl.apply(pod("mistyped", container(command=["slep", "infinity"])))
    kubectl.until("pod/mistyped", ".status.containerStatuses[0].lastState.terminated.reason", "StartError")
    ended = kubectl.container("mistyped")["lastState"]["terminated"]
    assert ended["exitCode"] == 128
    assert 'exec: "slep": executable file not found in $PATH' in ended["message"]
    assert "RunContainerError" in kubectl("describe", "pod", "mistyped") or "CrashLoopBackOff" in kubectl("get", "pods")


def test_a_missing_key_for_the_environment(kubectl: Kubectl) -> None:
    env = [{"name": "COLOR", "valueFrom": {"configMapKeyRef": {"name": "settings", "key": "color"}}}]
    kubectl.apply(pod("unset", container(command=["sleep", "infinity"], env=env)))
    kubectl.until("pod/unset", WAITING, "CreateContainerConfigError")
    assert 'configmap "settings" not found' in kubectl.container("unset")["state"]["waiting"]["message"]


def test_root_where_the_pod_forbids_it(kubectl: Kubectl) -> None:
    kubectl.apply(pod("rooted", container(command=["sleep", "infinity"]), securityContext={"runAsNonRoot": True}))
    kubectl.until("pod/rooted", WAITING, "CreateContainerConfigError")
    message = kubectl.container("rooted")["state"]["waiting"]["message"]
    assert "container has runAsNonRoot and image will run as root" in message


def test_a_pod_past_its_deadline(kubectl: Kubectl) -> None:
    kubectl.apply(pod("late", activeDeadlineSeconds=1, restartPolicy="Never"))
    kubectl.until("pod/late", ".status.phase", "Failed")
    assert kubectl.get("pod", "late")["status"]["reason"] == "DeadlineExceeded"
