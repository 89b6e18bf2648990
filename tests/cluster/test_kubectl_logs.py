"""kubectl logs."""

from __future__ import annotations

import re

from kubectl import Kubectl, container, deployment, pod


def test_logs_of_both_streams_and_the_last_lines_of_them(kubectl: Kubectl) -> None:
    kubectl.apply(pod("short", container(sh="echo one; echo two >&2; echo three"), restartPolicy="Never"))
    kubectl.until("pod/short", ".status.phase", "Succeeded")
    assert sorted(kubectl("logs", "short").split()) == ["one", "three", "two"]
    assert re.fullmatch(r"\d{4}-\S+Z (two|three)\n", kubectl("logs", "short", "--tail=1", "--timestamps"))
    assert len(kubectl("logs", "short", "--limit-bytes=2")) == 2


def test_following_a_log_until_the_container_ends(kubectl: Kubectl) -> None:
    script = "echo begun; while [ ! -e /tmp/go ]; do sleep 0.05; done; echo ended"
    kubectl.apply(pod("slow", container(sh=script), restartPolicy="Never"))
    kubectl.wait("pod/slow", "Ready")
    with kubectl.background("logs", "--follow", "slow") as log:
        log.read("begun")
        kubectl.sh("slow", "touch /tmp/go")
        log.read("ended")
        assert log.end() == 0


def test_the_log_of_the_container_before_the_last_restart(kubectl: Kubectl) -> None:
    script = "if [ -e /kept/once ]; then echo second; exec sleep infinity; fi; touch /kept/once; echo first; exit 3"
    mount = [{"name": "kept", "mountPath": "/kept"}]
    kubectl.apply(pod("twice", container(sh=script, volumeMounts=mount), volumes=[{"name": "kept", "emptyDir": {}}]))
    kubectl.until("pod/twice", ".status.containerStatuses[0].restartCount", "1")
    kubectl.wait("pod/twice", "Ready")
    assert kubectl("logs", "twice", "--previous") == "first\n"
    assert kubectl("logs", "twice") == "second\n"


def test_logs_of_all_containers_and_all_pods_of_a_deployment(kubectl: Kubectl) -> None:
    kubectl.apply(
        deployment(
            "pair",
            container("left", sh="echo from left; exec sleep infinity"),
            container("right", sh="echo from right; exec sleep infinity"),
            replicas=2,
        )
    )
    kubectl.wait("deployment/pair", "Available")
    lines = kubectl("logs", "-l", "app=pair", "--all-containers", "--prefix").splitlines()
    assert sorted(line.split("] ")[1] for line in lines) == ["from left"] * 2 + ["from right"] * 2
    assert kubectl("logs", "deployment/pair", "-c", "right").strip() == "from right"
