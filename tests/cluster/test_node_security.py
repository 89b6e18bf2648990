"""Who may talk to what: nothing but 127.0.0.1 on the host, no anonymous kubelet, and every component under its own name."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import pytest
import yaml
from cryptography import x509
from embedded import Node
from kubectl import Kubectl

from labkit.cluster.embedded.state import State
from labkit.lab import Lab


@pytest.fixture
def node(lab: Lab) -> Node:
    return Node(lab)


def test_the_kubeconfig_and_every_key_are_readable_by_their_owner_only(lab: Lab) -> None:
    state = State(lab.access.name)
    assert lab.access.kubeconfig.stat().st_mode & 0o777 == 0o600
    assert state.folder.stat().st_mode & 0o777 == 0o700
    keys = list((state.folder / "pki").glob("*.key"))
    assert len(keys) > 10
    assert {key.stat().st_mode & 0o077 for key in keys} == {0}


def test_on_the_host_the_cluster_listens_at_the_loopback_address_only(lab: Lab, node: Node) -> None:
    mine = {process.pid for process in node.processes()}
    listening = {
        connection.laddr
        for connection in psutil.net_connections("inet")
        if connection.pid in mine and connection.status == psutil.CONN_LISTEN
    }
    ports = {urlsplit(url).port for url in (lab.access.api_url, lab.access.gateway_url)}
    assert ports <= {port for _, port in listening}
    assert {address for address, _ in listening} == {"127.0.0.1"}


def test_the_cluster_has_a_network_of_its_own(node: Node) -> None:
    networks = {Path(f"/proc/{process.pid}/ns/net").readlink() for process in node.processes()}
    assert Path("/proc/self/ns/net").readlink() not in networks


@pytest.mark.parametrize("path", ["/pods", "/run/default/any/any", "/metrics", "/configz"])
def test_the_kubelet_refuses_who_has_no_certificate(node: Node, path: str) -> None:
    assert node.answer(f"https://10.244.0.1:10250{path}") == 401


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("https://10.244.0.1:6443/api/v1/secrets", 403),
        ("https://10.244.0.1:6443/api/v1/namespaces/default/pods", 403),
        ("https://127.0.0.1:10257/metrics", 403),
        ("https://127.0.0.1:10259/metrics", 403),
    ],
)
def test_the_control_plane_refuses_the_anonymous(node: Node, url: str, code: int) -> None:
    assert node.answer(url) == code


def test_etcd_refuses_who_has_no_certificate(node: Node) -> None:
    assert node.answer("https://127.0.0.1:2379/version") == 0


def test_each_component_has_its_own_identity(lab: Lab) -> None:
    folder = State(lab.access.name).folder
    subjects = {}
    for path in sorted((folder / "conf").glob("*.kubeconfig")):
        user = yaml.safe_load(path.read_text())["users"][0]["user"]
        certificate = x509.load_pem_x509_certificate((folder / "pki" / Path(user["client-certificate"]).name).read_bytes())
        subjects[path.stem] = {part.rfc4514_attribute_name: str(part.value) for part in certificate.subject}
    assert {name: subject["CN"] for name, subject in subjects.items()} == {
        "coredns": "system:coredns",
        "kube-controller-manager": "system:kube-controller-manager",
        "kube-proxy": "system:kube-proxy",
        "kube-scheduler": "system:kube-scheduler",
        "kubelet": "system:node:lab-node",
    }
    assert subjects["kubelet"]["O"] == "system:nodes"
    assert not any(subject.get("O") == "system:masters" for subject in subjects.values())


@pytest.mark.parametrize(
    ("user", "verb", "resource"),
    [
        ("system:kube-scheduler", "get", "secrets"),
        ("system:kube-proxy", "list", "secrets"),
        ("system:coredns", "list", "secrets"),
        ("system:coredns", "create", "pods"),
        ("system:kube-controller-manager", "delete", "nodes"),
    ],
)
def test_a_component_may_not_do_what_is_not_its_work(kubectl: Kubectl, user: str, verb: str, resource: str) -> None:
    assert kubectl.run("auth", "can-i", verb, resource, f"--as={user}", "--all-namespaces").stdout == "no\n"


def test_the_kubelet_may_read_the_secrets_of_its_pods_only(kubectl: Kubectl) -> None:
    kubectl("create", "secret", "generic", "private", "--from-literal=key=value")
    error = kubectl.fails("get", "secret", "private", "--as=system:node:lab-node", "--as-group=system:nodes")
    assert "no relationship found between node 'lab-node' and this object" in error


def test_the_kubelet_may_not_touch_another_node(kubectl: Kubectl) -> None:
    other = json.dumps({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "other"}})
    error = kubectl.fails("create", "-f", "-", "--as=system:node:lab-node", "--as-group=system:nodes", stdin=other)
    assert "is not allowed to modify node" in error


def test_nobody_else_on_the_machine_may_look_into_the_state(lab: Lab, node: Node) -> None:
    if os.geteuid() != 0 or node.status.mapped_uids == 1:
        pytest.skip("only root can take somebody else's eyes")
    program = "import sys, os; os.setgid(65534); os.setuid(65534); open(sys.argv[1])"
    run = subprocess.run([sys.executable, "-c", program, str(lab.access.kubeconfig)], capture_output=True, text=True)
    assert "PermissionError" in run.stderr
