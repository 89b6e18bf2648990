"""Service accounts: who a pod is to the API, and that it may do nothing until somebody allows it."""

from __future__ import annotations

import json

import pytest
from kubectl import Kubectl, container, pod

FOLDER = "/var/run/secrets/kubernetes.io/serviceaccount"


@pytest.fixture
def client(kubectl: Kubectl) -> str:
    """A pod with kubectl in it, which takes the pod's own account."""
    tools = {"name": "tools", "hostPath": {"path": str(kubectl.access.kubectl.parent), "type": "Directory"}}
    main = container(command=["sleep", "infinity"], volumeMounts=[{"name": "tools", "mountPath": "/tools", "readOnly": True}])
    kubectl.apply(pod("client", main, volumes=[tools]))
    kubectl.wait("pod/client", "Ready")
    return "client"


def inside(*args: str) -> list[str]:
    return ["exec", "client", "--", "/tools/kubectl", *args]


def test_a_pod_speaks_to_the_api_as_its_account(kubectl: Kubectl, client: str) -> None:
    assert kubectl.sh(client, f"cat {FOLDER}/namespace") == kubectl.namespace
    answer = json.loads(kubectl(*inside("auth", "whoami", "-o", "json")))
    user = answer["status"]["userInfo"]
    assert user["username"] == f"system:serviceaccount:{kubectl.namespace}:default"
    assert user["extra"]["authentication.kubernetes.io/pod-name"] == ["client"]


def test_the_default_account_may_do_nothing(kubectl: Kubectl, client: str) -> None:
    assert "pods is forbidden" in kubectl.fails(*inside("get", "pods"))
    assert kubectl.run("auth", "can-i", "*", "*", f"--as=system:serviceaccount:{kubectl.namespace}:default").stdout == "no\n"


def test_an_account_may_do_what_its_role_says_and_no_more(kubectl: Kubectl, client: str) -> None:
    kubectl("create", "role", "reader", "--verb=get,list", "--resource=pods")
    kubectl("create", "rolebinding", "reader", "--role=reader", f"--serviceaccount={kubectl.namespace}:default")
    found = kubectl.eventually("the role to be known", lambda: kubectl.run(*inside("get", "pods", "-o", "name")).stdout)
    assert found == "pod/client\n"
    assert "cannot delete resource" in kubectl.fails(*inside("delete", "pod", "client"))
    assert "secrets is forbidden" in kubectl.fails(*inside("get", "secrets"))


def test_a_pod_may_go_without_an_account(kubectl: Kubectl) -> None:
    kubectl.apply(pod("anonymous", automountServiceAccountToken=False))
    kubectl.wait("pod/anonymous", "Ready")
    assert kubectl.sh("anonymous", f"ls {FOLDER} 2>/dev/null || echo none") == "none"
