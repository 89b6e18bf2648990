from __future__ import annotations

from typing import Any

from labkit.ops.replicaset import ReplicaSet, rollback

TEMPLATE = {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "web", "image": "web:2"}]}}


def old(image: str = "web:1", **annotations: str) -> ReplicaSet:
    template = {
        "metadata": {"labels": {"app": "web", "pod-template-hash": "abc"}},
        "spec": {"containers": [{"name": "web", "image": image}]},
    }
    metadata = {"name": "web-abc", "uid": "1", "annotations": {"deployment.kubernetes.io/revision": "4"} | annotations}
    return ReplicaSet.of({"metadata": metadata, "spec": {"replicas": 0, "template": template}, "status": {"replicas": 0}})


def deployment(**annotations: str) -> dict[str, Any]:
    return {"metadata": {"annotations": annotations}, "spec": {"template": TEMPLATE}}


def test_a_rollback_takes_the_old_template_without_its_hash() -> None:
    template = rollback(deployment(), old())[0]
    assert template["path"] == "/spec/template"
    assert template["value"]["metadata"]["labels"] == {"app": "web"}
    assert template["value"]["spec"]["containers"][0]["image"] == "web:1"


def test_a_rollback_takes_the_old_change_cause_and_keeps_the_deployments_own_annotations() -> None:
    current = deployment(
        **{
            "kubernetes.io/change-cause": "new",
            "deployment.kubernetes.io/revision": "5",
            "kubectl.kubernetes.io/last-applied-configuration": "{}",
            "team": "shop",
        }
    )
    target = old(**{"kubernetes.io/change-cause": "old", "deployment.kubernetes.io/desired-replicas": "3"})
    assert rollback(current, target)[1]["value"] == {
        "kubernetes.io/change-cause": "old",
        "deployment.kubernetes.io/revision": "5",
        "kubectl.kubernetes.io/last-applied-configuration": "{}",
    }


def test_there_is_nothing_to_roll_back_to_the_same_template() -> None:
    assert rollback(deployment(), old("web:2")) == []
