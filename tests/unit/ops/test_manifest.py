from __future__ import annotations

from pathlib import Path

import pytest

from labkit.errors import LabError
from labkit.ops import manifest

WEB = """\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
spec:
  replicas: 2
  template:
    spec:
      containers:
      - name: web
        image: web:1
        ports:
        - containerPort: 80
"""
SHOP = WEB.replace("name: web", "name: shop", 1)


def refusal(text: object) -> LabError:
    with pytest.raises(LabError) as caught:
        manifest.read(text)  # type: ignore[arg-type]
    return caught.value


@pytest.mark.parametrize(
    ("broken", "line", "column", "shown"),
    [
        (WEB.replace("  replicas: 2", "   replicas: 2"), 7, 3, "  template:\n  ^"),
        (WEB.replace("name: web\nspec", "name: web: x\nspec"), 4, 12, "  name: web: x\n           ^"),
        (WEB.replace("kind: Deployment", 'kind: "Deployment'), 2, 7, 'kind: "Deployment\n      ^'),
    ],
    ids=["indentation", "two colons", "quote"],
)
def test_broken_yaml_is_shown_with_line_column_and_place(broken: str, line: int, column: int, shown: str) -> None:
    error = refusal(broken)
    assert "is not valid YAML" in error.what
    assert f"line {line}, column {column}" in error.what
    assert shown in error.why


def test_a_tab_is_made_visible() -> None:
    error = refusal(WEB.replace("  replicas", "\treplicas"))
    assert "line 6" in error.what
    assert "→replicas: 2" in error.why
    assert "spaces" in error.next


def test_a_key_that_is_given_twice_names_both_lines() -> None:
    error = refusal(WEB.replace("  replicas: 2", "  replicas: 2\n  replicas: 3"))
    assert "line 7, column 3" in error.what
    assert "'replicas' is already set in line 6" in error.why


@pytest.mark.parametrize("empty", ["", "# nothing\n", "---\n---\n"])
def test_an_empty_manifest_is_refused(empty: str) -> None:
    assert "holds no object" in refusal(empty + "\n").what


@pytest.mark.parametrize(
    ("text", "what"),
    [
        (WEB.replace("apiVersion: apps/v1\n", ""), "The YAML lacks apiVersion."),
        (
            WEB.replace("kind: Deployment\n", "").replace("  name: web\n", "  labels: {}\n", 1),
            "The YAML lacks kind and metadata.name.",
        ),
        ("- a\n- b\n", "The YAML is not a Kubernetes object."),
        (f"{WEB}---\n# empty\n---\nkind: Service\n", "Document 2 of the YAML lacks apiVersion and metadata.name."),
    ],
)
def test_what_every_object_must_say(text: str, what: str) -> None:
    assert refusal(text).what == what


def test_yaml_text_a_file_an_object_and_a_list_are_manifests(tmp_path: Path) -> None:
    file = tmp_path / "web.yaml"
    file.write_text(WEB)
    objects = manifest.read(WEB).objects
    assert manifest.read(file).objects == manifest.read(str(file)).objects == objects
    assert manifest.read(objects[0]).objects == objects
    assert manifest.read([objects[0], objects[0]]).objects == objects * 2


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    assert "nope.yaml" in refusal("nope.yaml").what
    (tmp_path / "folder.yaml").mkdir()
    assert "is a folder" in refusal(tmp_path / "folder.yaml").what
    binary = tmp_path / "binary.yaml"
    binary.write_bytes(b"\xff\xfe")
    assert "cannot be read" in refusal(binary).what


def test_a_date_stays_text_as_kubernetes_reads_it() -> None:
    assert (
        manifest.read(WEB.replace("image: web:1", "image: 2026-01-02")).objects[0]["spec"]["template"]["spec"]["containers"][0][
            "image"
        ]
        == "2026-01-02"
    )


@pytest.mark.parametrize(
    ("field", "line"),
    [
        ("spec.replicas", "line 6: replicas: 2"),
        ("spec.template.spec.containers[0].image", "line 11: image: web:1"),
        ("spec.template.spec.containers.ports.containerPort", "line 13: - containerPort: 80"),
        ("spec.template.spec.containers[0].imagee", "line 10: - name: web"),
        ("spec.selector", "line 5: spec:"),
        ("status", ""),
    ],
)
def test_a_field_is_found_in_its_line(field: str, line: str) -> None:
    assert manifest.read(WEB).line("Deployment", "web", field) == line


def test_a_field_is_found_in_the_right_document_or_not_at_all() -> None:
    both = manifest.read(f"{WEB}---\n{SHOP}")
    assert both.line("Deployment", "shop", "spec.replicas") == "line 20: replicas: 2"
    assert both.line("Deployment", "", "spec.replicas") == "", "either could be meant"
    assert both.line("Service", "", "spec.replicas") == ""
