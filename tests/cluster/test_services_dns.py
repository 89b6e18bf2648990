"""Cluster DNS, seen from in a pod: Services, headless ones, pods by name, SRV records, and what is not there."""

from __future__ import annotations

import base64
import struct

from kubectl import Kubectl, deployment, pod, podinfo, service

SRV = 33


def addresses(kubectl: Kubectl, name: str) -> set[str]:
    """What the pod `client` takes the name for."""
    lines = kubectl.sh("client", f"getent ahostsv4 {name} || true").splitlines()
    return {line.split()[0] for line in lines}


def test_names_of_a_service(kubectl: Kubectl) -> None:
    kubectl.apply(service("web"), pod("client"))
    kubectl.wait("pod/client", "Ready")
    address = kubectl.get("service", "web")["spec"]["clusterIP"]
    kubectl.eventually("the service to have a name", lambda: addresses(kubectl, "web") == {address})
    for name in (f"web.{kubectl.namespace}", f"web.{kubectl.namespace}.svc", f"web.{kubectl.namespace}.svc.cluster.local."):
        assert addresses(kubectl, name) == {address}
    assert addresses(kubectl, "kubernetes.default") == {"10.96.0.1"}
    assert kubectl.sh("client", f"getent hosts {address}").split()[1] == f"web.{kubectl.namespace}.svc.cluster.local"


def test_a_name_that_is_not_there(kubectl: Kubectl) -> None:
    kubectl.apply(pod("client"))
    kubectl.wait("pod/client", "Ready")
    assert addresses(kubectl, "nobody") == set()
    assert addresses(kubectl, "kubernetes.default") == {"10.96.0.1"}


def test_a_headless_service_is_its_ready_pods(kubectl: Kubectl) -> None:
    kubectl.apply(deployment("web", podinfo(), replicas=2), service("web", clusterIP="None"), pod("client"))
    kubectl.until("deployment/web", ".status.readyReplicas", "2")
    kubectl.wait("pod/client", "Ready")
    pods = {each["status"]["podIP"] for each in kubectl.items("pods", "-l", "app=web")}
    kubectl.eventually("both pods to be named", lambda: addresses(kubectl, "web") == pods)
    kubectl("scale", "deployment/web", "--replicas=1")
    kubectl.eventually("one pod to be left", lambda: len(addresses(kubectl, "web")) == 1)


def test_an_srv_record_names_port_and_pod(kubectl: Kubectl) -> None:
    named = pod("first", podinfo(), labels={"app": "db"}, hostname="first", subdomain="db")
    kubectl.apply(named, service("db", port=5432, clusterIP="None"), pod("client"))
    kubectl.wait("pod/first", "Ready")
    kubectl.wait("pod/client", "Ready")
    domain = f"db.{kubectl.namespace}.svc.cluster.local."
    kubectl.eventually("the pod to have a name", lambda: addresses(kubectl, "first.db"))
    # a headless service's port is the pod's own
    assert srv(kubectl, f"_http._tcp.{domain}") == [(9898, f"first.{domain}")]


def test_an_external_name_is_an_alias(kubectl: Kubectl) -> None:
    alias = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "alias"},
        "spec": {"type": "ExternalName", "externalName": "kubernetes.default.svc.cluster.local"},
    }
    kubectl.apply(alias, pod("client"))
    kubectl.wait("pod/client", "Ready")
    kubectl.eventually("the alias to have a name", lambda: addresses(kubectl, "alias") == {"10.96.0.1"})


def test_a_pods_own_dns_settings(kubectl: Kubectl) -> None:
    settings = {
        "nameservers": ["10.96.0.10"],
        "searches": ["kube-system.svc.cluster.local"],
        "options": [{"name": "ndots", "value": "2"}],
    }
    aliases = [{"ip": "192.0.2.7", "hostnames": ["legacy"]}]
    kubectl.apply(pod("client", dnsPolicy="None", dnsConfig=settings, hostAliases=aliases))
    kubectl.wait("pod/client", "Ready")
    lines = set(kubectl.sh("client", "cat /etc/resolv.conf").splitlines())
    assert lines == {"nameserver 10.96.0.10", "search kube-system.svc.cluster.local", "options ndots:2"}
    assert addresses(kubectl, "kube-dns") == {"10.96.0.10"}
    assert addresses(kubectl, "legacy") == {"192.0.2.7"}


def srv(kubectl: Kubectl, name: str) -> list[tuple[int, str]]:
    """Ports and targets, asked of the cluster's DNS by the pod `client`, as RFC 1035 and RFC 2782 have it."""
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split("."))
    query = struct.pack(">6H", 1, 0x0100, 1, 0, 0, 0) + labels + struct.pack(">2H", SRV, 1)
    written = "".join(f"\\x{byte:02x}" for byte in query)
    script = f"exec 3<>/dev/udp/10.96.0.10/53; printf '{written}' >&3; dd bs=4096 count=1 <&3 2>/dev/null | base64 -w0"
    answer = base64.b64decode(kubectl("exec", "client", "--", "timeout", "10", "bash", "-c", script))
    count, position = struct.unpack_from(">H", answer, 6)[0], len(query)
    found = []
    for _ in range(count):
        _, position = _name(answer, position)
        kind, _, _, length = struct.unpack_from(">HHIH", answer, position)
        if kind == SRV:
            found.append((struct.unpack_from(">H", answer, position + 14)[0], _name(answer, position + 16)[0]))
        position += 10 + length
    return found


def _name(message: bytes, position: int) -> tuple[str, int]:
    """The name at a position, which may end with a pointer to an earlier one; and the position after it."""
    length = message[position]
    if length == 0:
        return "", position + 1
    if length >= 0xC0:
        return _name(message, struct.unpack_from(">H", message, position)[0] & 0x3FFF)[0], position + 2
    rest, after = _name(message, position + 1 + length)
    return f"{message[position + 1 : position + 1 + length].decode()}.{rest}", after
