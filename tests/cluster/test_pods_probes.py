"""Liveness, readiness and startup probes, of every kind. podinfo can be told to be unwell."""

from __future__ import annotations

import pytest
from kubectl import PODINFO, Kubectl, Manifest, container, pod, podinfo, service

GRPC = container(image=PODINFO, command=["./podinfo", "--port=9898", "--grpc-port=9999"])
SOON = {"periodSeconds": 1, "failureThreshold": 1}

HEALTHY = {
    "http": podinfo() | {"livenessProbe": {"httpGet": {"path": "/healthz", "port": 9898}, **SOON}},
    "tcp": podinfo() | {"livenessProbe": {"tcpSocket": {"port": 9898}, "initialDelaySeconds": 1, **SOON}},
    "exec": container(command=["sleep", "infinity"], livenessProbe={"exec": {"command": ["true"]}, **SOON}),
    "grpc": GRPC | {"livenessProbe": {"grpc": {"port": 9999}, "initialDelaySeconds": 1, **SOON}},
}
SICK = {
    "http": podinfo() | {"livenessProbe": {"httpGet": {"path": "/status/500", "port": 9898}, **SOON}},
    "tcp": podinfo() | {"livenessProbe": {"tcpSocket": {"port": 81}, **SOON}},
    "exec": container(command=["sleep", "infinity"], livenessProbe={"exec": {"command": ["false"]}, **SOON}),
    "grpc": GRPC | {"livenessProbe": {"grpc": {"port": 9999, "service": "nonsense"}, "initialDelaySeconds": 1, **SOON}},
}


@pytest.mark.parametrize("kind", SICK)
def test_liveness_restarts_the_sick_and_leaves_the_healthy(kubectl: Kubectl, kind: str) -> None:
    kubectl.apply(pod("healthy", HEALTHY[kind]), pod("sick", SICK[kind]))
    kubectl.until("pod/sick", ".status.containerStatuses[0].restartCount", "1")
    kubectl.wait("pod/healthy", "Ready")
    assert kubectl.container("healthy")["restartCount"] == 0
    events = kubectl("events", "--for", "pod/sick", "-o", "jsonpath={.items[*].message}")
    assert "Liveness probe failed" in events
    assert "Container main failed liveness probe, will be restarted" in events


def test_readiness_takes_a_pod_out_of_its_service_and_back(kubectl: Kubectl) -> None:
    kubectl.apply(pod("web", podinfo()), service("web"))
    kubectl.wait("pod/web", "Ready")
    ready = "endpointslice -l kubernetes.io/service-name=web -o jsonpath={.items[*].endpoints[*].conditions.ready}"
    kubectl.eventually("the service to have the pod", lambda: kubectl("get", *ready.split()) == "true")
    with kubectl.forward("pod/web", 9898) as url:
        post(url, "/readyz/disable")
        kubectl.wait("pod/web", "condition=Ready=false")
        kubectl.eventually("the service to leave the pod out", lambda: kubectl("get", *ready.split()) == "false")
        post(url, "/readyz/enable")
        kubectl.wait("pod/web", "Ready")
    kubectl.eventually("the service to have the pod again", lambda: kubectl("get", *ready.split()) == "true")
    assert kubectl.container("web")["restartCount"] == 0


def test_a_startup_probe_holds_the_others_back(kubectl: Kubectl) -> None:
    begun = {"exec": {"command": ["test", "-e", "/tmp/begun"]}, "periodSeconds": 1, "failureThreshold": 60}
    kubectl.apply(pod("slow", container(command=["sleep", "infinity"], startupProbe=begun, livenessProbe=begun | SOON)))
    kubectl.until("pod/slow", ".status.containerStatuses[0].started", "false")
    kubectl.eventually("the startup probe to have failed", lambda: "Startup probe failed" in kubectl("describe", "pod", "slow"))
    kubectl.sh("slow", "touch /tmp/begun")
    kubectl.wait("pod/slow", "Ready")
    status: Manifest = kubectl.container("slow")
    assert status["started"]
    assert status["restartCount"] == 0
    kubectl.sh("slow", "rm /tmp/begun")
    kubectl.until("pod/slow", ".status.containerStatuses[0].restartCount", "1")


def post(url: str, path: str) -> None:
    import urllib.request

    with urllib.request.urlopen(urllib.request.Request(url + path, method="POST")) as answer:
        assert answer.status == 202
