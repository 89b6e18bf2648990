"""Parts of the node are killed: what runs goes on, or the cluster heals. At last everything is killed at once."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest
from embedded import Node
from kubectl import Kubectl, Manifest, config_map, container, deployment, pod, podinfo, service

from labkit import cluster
from labkit.lab import Lab


@pytest.fixture
def node(lab: Lab) -> Iterator[Node]:
    yield Node(lab)
    cluster.up(lab.access.name)  # whatever a test has left, the next one finds it running


def running(kubectl: Kubectl) -> dict[str, tuple[str, str, int]]:
    """By pod: its uid, its container's id and restarts."""
    pods = [each for each in kubectl.items("pods") if "deletionTimestamp" not in each["metadata"]]
    return {each["metadata"]["name"]: (each["metadata"]["uid"], *_container(each)) for each in pods}


def _container(found: Manifest) -> tuple[str, int]:
    status = found["status"]["containerStatuses"][0]
    return status["containerID"], status["restartCount"]


@pytest.mark.parametrize("component", ["cri", "kubelet", "kube-apiserver", "etcd", "kube-proxy", "coredns"])
def test_killing_a_component_restarts_no_pod(kubectl: Kubectl, node: Node, component: str) -> None:
    kubectl.apply(deployment("web", podinfo(), replicas=2), service("web"), pod("client"))
    kubectl.until("deployment/web", ".status.readyReplicas", "2")
    kubectl.wait("pod/client", "Ready")
    before = running(kubectl)
    node.kill(component)
    kubectl.eventually("the API to answer", lambda: kubectl.run("get", "--raw", "/readyz").stdout == "ok")
    kubectl("scale", "deployment/web", "--replicas=3")  # takes all of them: nothing new can run without the node being whole
    kubectl.until("deployment/web", ".status.readyReplicas", "3")
    kubectl.eventually("the service to answer", lambda: "HOSTNAME=web-" in kubectl.fetch("client", "web", 80, "/env"))
    after = running(kubectl)
    assert {name: after[name] for name in before} == before
    assert len(after) == len(before) + 1


def test_what_ends_while_the_runtime_is_away_is_noticed(kubectl: Kubectl, node: Node) -> None:
    script = "while [ ! -e /shared/go ]; do sleep 0.05; done; exit 9"
    mounts = {"volumeMounts": [{"name": "shared", "mountPath": "/shared"}]}
    waiting = container(sh=script, **mounts)
    helper = container("helper", sh="sleep 2; touch /shared/go; exec sleep infinity", **mounts)
    volumes = [{"name": "shared", "emptyDir": {}}]
    kubectl.apply(pod("pair", waiting, helper, restartPolicy="Never", volumes=volumes))
    kubectl.wait("pod/pair", "Ready")
    node.component("cri").suspend()
    kubectl.eventually("the container to have ended", lambda: not ended(node, script))
    node.component("cri").resume()
    node.kill("cri")
    kubectl.until("pod/pair", '.status.containerStatuses[?(@.name=="main")].state.terminated.exitCode', "9")


def ended(node: Node, script: str) -> bool:
    return any(script in each.cmdline() for each in node.processes() if each.status() != "zombie")


def test_killing_the_shim_takes_the_containers_along_and_the_cluster_heals(kubectl: Kubectl, node: Node) -> None:
    kubectl.apply(deployment("web", podinfo(), replicas=2), service("web"))
    kubectl.until("deployment/web", ".status.readyReplicas", "2")
    before = running(kubectl)
    old = {each[1] for each in before.values()}
    node.kill("shim")
    kubectl.eventually("new containers", lambda: not old & {each[1] for each in running(kubectl).values()})
    kubectl.until("deployment/web", ".status.readyReplicas", "2")
    assert {name: each[0] for name, each in running(kubectl).items()} == {name: each[0] for name, each in before.items()}
    kubectl.apply(pod("client"))
    kubectl.wait("pod/client", "Ready")
    kubectl.eventually("the service to answer", lambda: "HOSTNAME=web-" in kubectl.fetch("client", "web", 80, "/env"))


@pytest.mark.parametrize("how", ["stop", "SIGKILL"])
def test_everything_is_there_after_an_end_and_a_start(lab: Lab, kubectl: Kubectl, node: Node, how: str) -> None:
    keep = {"volumeMounts": [{"name": "kept", "mountPath": "/kept"}]}
    kubectl.apply(
        deployment("web", podinfo(), replicas=2),
        service("web"),
        pod("keeper", container(command=["sleep", "infinity"], **keep), volumes=[{"name": "kept", "emptyDir": {}}]),
    )
    kubectl.until("deployment/web", ".status.readyReplicas", "2")
    kubectl.wait("pod/keeper", "Ready")
    kubectl.sh("keeper", "echo data > /kept/file")
    before = {each["metadata"]["name"]: each["metadata"]["uid"] for each in kubectl.items("pods")}
    kubectl.apply(config_map("last", word="acknowledged"))
    if how == "stop":
        assert cluster.stop(lab.access.name)
    else:
        supervisor = node.processes()[0]
        supervisor.send_signal(signal.SIGKILL)
        supervisor.wait(60)
    again = cluster.up(lab.access.name)
    assert (again.api_url, again.gateway_url) == (lab.access.api_url, lab.access.gateway_url)
    assert kubectl.get("configmap", "last")["data"] == {"word": "acknowledged"}
    kubectl.eventually("the kubelet to have looked", lambda: all(each[2] > 0 for each in running(kubectl).values()))
    kubectl.until("deployment/web", ".status.readyReplicas", "2")
    kubectl.wait("pod/keeper", "Ready")
    assert {each["metadata"]["name"]: each["metadata"]["uid"] for each in kubectl.items("pods")} == before
    assert kubectl.sh("keeper", "cat /kept/file") == "data"
    kubectl.eventually("the service to answer", lambda: "HOSTNAME=web-" in kubectl.fetch("keeper", "web", 80, "/env"))
