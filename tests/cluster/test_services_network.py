"""Services and the pod network, seen from in a pod: ClusterIP, NodePort, headless, source addresses."""

from __future__ import annotations

from kubectl import Kubectl, container, deployment, pod, podinfo, service

NGINX = container(
    image="nginx:stable", readinessProbe={"httpGet": {"path": "/", "port": 80}, "periodSeconds": 1}, ports=[{"containerPort": 80}]
)


def host_name(kubectl: Kubectl, address: str, port: int = 80) -> str:
    """Which pod of podinfo's answers there; empty if nobody does."""
    run = kubectl.fetch("client", address, port, "/env")
    return next((line.strip(' ",').removeprefix("HOSTNAME=") for line in run.splitlines() if "HOSTNAME=" in line), "")


def test_a_cluster_ip_spreads_connections_over_the_ready_pods(kubectl: Kubectl) -> None:
    kubectl.apply(deployment("web", podinfo(), replicas=2), service("web"), pod("client"))
    kubectl.wait("deployment/web", "Available")
    kubectl.until("deployment/web", ".status.readyReplicas", "2")
    kubectl.wait("pod/client", "Ready")
    names = {each["metadata"]["name"] for each in kubectl.items("pods", "-l", "app=web")}
    for name in names:
        kubectl.eventually("this pod to answer, too", lambda name=name: host_name(kubectl, "web") == name)
    kubectl("scale", "deployment/web", "--replicas=0")
    kubectl.eventually("the service to refuse", lambda: "refused" in kubectl.fetch("client", "web", 80, "/env"))


def test_a_node_port_answers_on_the_node(kubectl: Kubectl) -> None:
    kubectl.apply(pod("web", podinfo()), service("web", type="NodePort"), pod("client"))
    kubectl.wait("pod/web", "Ready")
    kubectl.wait("pod/client", "Ready")
    port = kubectl.get("service", "web")["spec"]["ports"][0]["nodePort"]
    kubectl.eventually("the node to answer", lambda: host_name(kubectl, "10.244.0.1", port) == "web")


def test_session_affinity_keeps_a_client_with_one_pod(kubectl: Kubectl) -> None:
    kubectl.apply(deployment("web", podinfo(), replicas=3), service("web", sessionAffinity="ClientIP"), pod("client"))
    kubectl.until("deployment/web", ".status.readyReplicas", "3")
    kubectl.wait("pod/client", "Ready")
    first = kubectl.eventually("the service to answer", lambda: host_name(kubectl, "web"))
    assert {host_name(kubectl, "web") for _ in range(8)} == {first}


def test_the_source_address_of_a_pod_is_kept_on_every_way_to_another(kubectl: Kubectl) -> None:
    kubectl.apply(pod("server", NGINX), pod("client"), service("server", target=80))
    kubectl.wait("pod/server", "Ready")
    kubectl.wait("pod/client", "Ready")
    server, client = (kubectl.get("pod", name)["status"]["podIP"] for name in ("server", "client"))
    kubectl.eventually("the pod to answer", lambda: "Welcome to nginx" in kubectl.fetch("client", server, 80, "/"))
    kubectl.eventually("the service to answer", lambda: "404" in kubectl.fetch("client", "server", 80, "/through-the-service"))
    log = kubectl("logs", "server").splitlines()
    assert {line.split()[0] for line in log if '] "GET /through-the-service' in line} == {client}
    assert client in {line.split()[0] for line in log if '] "GET / ' in line}


def test_a_pod_reaches_itself_through_its_service(kubectl: Kubectl) -> None:
    kubectl.apply(pod("client", podinfo(), labels={"app": "own"}), service("own"))
    kubectl.wait("pod/client", "Ready")
    kubectl.eventually("the pod to answer itself", lambda: host_name(kubectl, "own") == "client")


def test_two_containers_of_a_pod_share_its_network(kubectl: Kubectl) -> None:
    kubectl.apply(pod("client", container(command=["sleep", "infinity"]), NGINX | {"name": "web"}))
    kubectl.wait("pod/client", "Ready")
    assert "Welcome to nginx" in kubectl.fetch("client", "127.0.0.1", 80, "/")


def test_a_service_without_a_selector_leads_where_its_endpoints_say(kubectl: Kubectl) -> None:
    kubectl.apply(pod("web", podinfo()), pod("client"))
    kubectl.wait("pod/web", "Ready")
    kubectl.wait("pod/client", "Ready")
    manual = service("manual")
    del manual["spec"]["selector"]
    endpoints = {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {"name": "manual-1", "labels": {"kubernetes.io/service-name": "manual"}},
        "addressType": "IPv4",
        "ports": [{"name": "http", "port": 9898}],
        "endpoints": [{"addresses": [kubectl.get("pod", "web")["status"]["podIP"]]}],
    }
    kubectl.apply(manual, endpoints)
    kubectl.eventually("the endpoint to answer", lambda: host_name(kubectl, "manual") == "web")
