"""The front door, on a real cluster."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from labkit.errors import LabError
from labkit.lab import Lab

CONFIG = """\
apiVersion: v1
kind: ConfigMap
metadata:
  name: settings
data:
  colour: blue
"""
DEPLOYMENT = """\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
spec:
  replicas: 1
  selector:
    matchLabels: {app: web}
  template:
    metadata:
      labels: {app: web}
    spec:
      containers:
      - name: web
        image: labkit/demo:blue
"""


def names(lab: Lab, namespace: str, kind: str = "configmaps,deployments") -> list[str]:
    """What there is, but for what Kubernetes puts into every namespace."""
    answer = lab.access.run_kubectl("get", kind, "-n", namespace, "-o", "json")
    found = [obj["metadata"]["name"] for obj in json.loads(answer.stdout)["items"]]
    return [name for name in found if name != "kube-root-ca.crt"]


def test_up_again_finds_the_cluster_as_it_is(lab: Lab) -> None:
    again = Lab.up(name=lab.access.name)
    assert not again.changed
    assert again.access == lab.access == Lab.current(lab.access.name).access


def test_the_name_may_come_from_the_environment(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LABKIT_NAME", lab.access.name)
    assert Lab.current().access == lab.access
    monkeypatch.setenv("LABKIT_NAME", "no-such-cluster")
    with pytest.raises(LabError, match="no-such-cluster"):
        Lab.current()


def test_it_shows_itself_without_what_changes_from_run_to_run(lab: Lab) -> None:
    assert repr(lab) == f"Lab {lab.access.name}: ready"
    for changing in (lab.access.api_url, lab.gateway_url, str(lab.access.kubeconfig)):
        assert changing not in repr(lab) + lab._repr_html_()


def test_the_gateway_answers_where_it_says(lab: Lab) -> None:
    with pytest.raises(urllib.error.HTTPError) as answer:
        urllib.request.urlopen(lab.gateway_url, timeout=5)
    assert answer.value.code == 404


def test_apply_prints_what_kubectl_prints(lab: Lab, namespace: str, capsys: pytest.CaptureFixture[str]) -> None:
    for expected in ("created", "unchanged"):
        lab.apply(CONFIG, namespace)
        assert capsys.readouterr().out == f"configmap/settings {expected}\n"


def test_apply_takes_text_files_and_objects(lab: Lab, namespace: str, tmp_path: Path) -> None:
    file = tmp_path / "settings.yaml"
    file.write_text(CONFIG.replace("settings", "from-path"))
    text = tmp_path / "other.yml"
    text.write_text(CONFIG.replace("settings", "from-path-as-text"))
    config = {"apiVersion": "v1", "kind": "ConfigMap"}
    lab.apply(file, namespace)
    lab.apply(str(text), namespace)
    lab.apply(config | {"metadata": {"name": "from-object"}}, namespace)
    lab.apply([config | {"metadata": {"name": name}} for name in ("first", "second")], namespace)
    assert set(names(lab, namespace)) == {"first", "from-object", "from-path", "from-path-as-text", "second"}


def test_broken_yaml_does_not_reach_the_cluster(lab: Lab, namespace: str) -> None:
    with pytest.raises(LabError, match="line 6, column 2"):
        lab.apply(CONFIG.replace("  colour", " \tcolour"), namespace)
    assert names(lab, namespace) == []


@pytest.mark.parametrize("exists", [False, True], ids=["new", "there already"])
@pytest.mark.parametrize(
    ("right", "wrong", "what", "why", "following"),
    [
        (
            "kind: Deployment",
            "kind: Deploymnt",
            "no kind Deploymnt",
            "line 2: kind: Deploymnt",
            "Did you mean Deployment (apps/v1)?",
        ),
        ("apps/v1", "extensions/v1beta1", "no kind Deployment in extensions", "line 1: ", "apiVersion: apps/v1"),
        (
            "image:",
            "imagee:",
            "no field spec.template.spec.containers[0].imagee",
            "line 15: imagee: labkit",
            "Did you mean image?",
        ),
        (
            "replicas: 1",
            "replicas: one",
            "spec.replicas must be a whole number, but it is text",
            "line 6: replicas: one",
            "quoted",
        ),
        ("replicas: 1", "replicas: -1", '"web" is not valid', "spec.replicas: Invalid value: -1", ""),
        ("labels: {app: web}", "labels: {app: x}", '"web" is not valid', "`selector` does not match template `labels`", ""),
    ],
    ids=["kind", "version", "field", "type", "value", "labels"],
)
def test_what_the_cluster_refuses_is_explained(
    lab: Lab, namespace: str, exists: bool, right: str, wrong: str, what: str, why: str, following: str
) -> None:
    if exists:
        lab.apply(DEPLOYMENT, namespace)
    head, _, tail = DEPLOYMENT.rpartition(right)
    with pytest.raises(LabError) as caught:
        lab.apply(head + wrong + tail, namespace)
    assert what in caught.value.what
    assert why in caught.value.why
    assert following in caught.value.next
    assert names(lab, namespace) == ["web"] * exists


def test_a_missing_field_is_named(lab: Lab, namespace: str) -> None:
    with pytest.raises(LabError, match=r"spec\.selector: Required value"):
        lab.apply(DEPLOYMENT.replace("  selector:\n    matchLabels: {app: web}\n", ""), namespace)


def test_a_field_that_cannot_be_changed_is_named_and_the_advice_works(lab: Lab, namespace: str) -> None:
    lab.apply(DEPLOYMENT, namespace)
    other = DEPLOYMENT.replace("app: web", "app: other")
    with pytest.raises(LabError, match="cannot be changed") as caught:
        lab.apply(other, namespace)
    assert 'lab.delete("deployment/web")' in caught.value.next
    lab.delete("deployment/web", namespace)
    lab.apply(other, namespace)


def test_of_several_objects_none_is_applied_when_one_is_refused(lab: Lab, namespace: str) -> None:
    with pytest.raises(LabError, match=r"no field spec\.replicaz"):
        lab.apply(f"{CONFIG}---\n{DEPLOYMENT.replace('replicas', 'replicaz')}", namespace)
    assert names(lab, namespace) == []


def test_a_namespace_and_what_is_in_it_go_in_one_manifest(lab: Lab, namespace: str) -> None:
    own = f"{namespace}-own"
    manifest = f"apiVersion: v1\nkind: Namespace\nmetadata: {{name: {own}}}\n---\n"
    manifest += CONFIG.replace("name: settings", f"name: settings\n  namespace: {own}")
    lab.apply(manifest)
    assert names(lab, own) == ["settings"]
    lab.delete(manifest)
    assert own not in names(lab, "default", "namespaces")


def test_a_namespace_that_is_not_there_is_named(lab: Lab) -> None:
    with pytest.raises(LabError, match='There is no namespace "nowhere"'):
        lab.apply(CONFIG, "nowhere")


def test_delete_by_manifest_and_by_name_and_again(lab: Lab, namespace: str, capsys: pytest.CaptureFixture[str]) -> None:
    other = CONFIG.replace("settings", "other")
    lab.apply(f"{CONFIG}---\n{other}", namespace)
    lab.delete(other, namespace)
    assert names(lab, namespace) == ["settings"]
    lab.delete("configmap/settings deployment/web", namespace)
    assert names(lab, namespace) == []
    capsys.readouterr()
    lab.delete(CONFIG, namespace)
    lab.delete("configmap/settings", namespace)
    assert capsys.readouterr().out == ""
    with pytest.raises(LabError, match="zebra/settings cannot be deleted"):
        lab.delete("zebra/settings", namespace)


def test_kubectl_prints_its_output_and_its_errors(lab: Lab, namespace: str, capfd: pytest.CaptureFixture[str]) -> None:
    lab.apply(CONFIG, namespace)
    capfd.readouterr()
    lab.kubectl(f"kubectl get configmap settings -n {namespace} -o 'jsonpath={{.data.colour}}'")
    assert capfd.readouterr().out == "blue"
    lab.kubectl(f"get configmap nope -n {namespace}")
    assert capfd.readouterr().err == 'Error from server (NotFound): configmaps "nope" not found\n'
    with pytest.raises(LabError, match="Exit code 1"):
        lab.kubectl(f"get configmap nope -n {namespace}", check=True)


def test_kubectl_watches_for_a_while(lab: Lab, namespace: str, capfd: pytest.CaptureFixture[str]) -> None:
    lab.apply(CONFIG, namespace)
    capfd.readouterr()
    lab.kubectl(f"get configmaps -n {namespace} -w -o name", seconds=1)
    assert "configmap/settings" in capfd.readouterr().out.splitlines()


def test_kubectl_leaves_the_users_own_files_alone(lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "another-cluster"))
    lab.kubectl("get nodes", check=True)
    assert list(tmp_path.iterdir()) == []
