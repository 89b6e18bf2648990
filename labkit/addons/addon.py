"""An add-on as its file describes it: version, upstream manifests, what the lab sets, and when it is ready."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

from labkit.cluster import folders
from labkit.errors import LabError

FOLDER = folders.SOURCES / "addons"

# Nearly all of the time to load an add-on is parsing; libyaml does it ten times faster than Python.
_Loader: type[yaml.SafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True)
class Addon:
    """name, version: of the software. namespace: where it runs. objects: the Kubernetes objects to apply, in order.

    gateway_path: the path that answers at the gateway once the add-on is ready, or "" when it has none.
    """

    name: str
    version: str
    namespace: str
    objects: tuple[dict[str, Any], ...]
    gateway_path: str = ""

    @cached_property
    def manifest(self) -> str:
        """The objects as kubectl takes them: documents, not one List, for which kubectl would fetch the whole schema first."""
        return "\n---\n".join(json.dumps(obj) for obj in self.objects)

    @cached_property
    def digest(self) -> str:
        """Names this content: the same objects, the same digest."""
        return hashlib.sha256(self.manifest.encode()).hexdigest()[:16]


def load(name: str, folder: Path = FOLDER) -> Addon:
    """Read the add-on `name` from `folder`.

    Raises LabError when there is no such add-on.
    """
    file = folder / f"{name}.yaml"
    if not file.is_file():
        there = ", ".join(sorted(path.stem for path in folder.glob("*.yaml")))
        raise LabError(f"There is no add-on {name!r}.", f"There are: {there}")
    header, *own = _documents(file)
    upstream = header.get("upstream", {})
    objects = {_identity(obj): obj for path in upstream.get("files", []) for obj in _documents(folder / name / path)}
    objects |= {_identity(obj): obj for obj in own}
    for obj in objects.values():
        obj["metadata"].setdefault("labels", {})["app.kubernetes.io/managed-by"] = "labkit"
    return Addon(
        name=header["name"],
        version=header["version"],
        namespace=header["namespace"],
        objects=tuple(sorted(objects.values(), key=_order)),
        gateway_path=header.get("ready", {}).get("gateway", ""),
    )


def _documents(file: Path) -> list[dict[str, Any]]:
    return [document for document in yaml.load_all(file.read_text(), _Loader) if document]


def _identity(obj: dict[str, Any]) -> tuple[str, str, str]:
    return obj["kind"], obj["metadata"].get("namespace", ""), obj["metadata"]["name"]


def _order(obj: dict[str, Any]) -> int:
    """Namespaces first, then what pods need and the pods' owners: custom resource definitions take a second to apply, in which
    the pods are already starting. Objects of the defined kinds come last.
    """
    first = ["Namespace", "ServiceAccount", "ConfigMap", "Secret", "ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding"]
    order = [*first, "Service", "Deployment", "StatefulSet", "CustomResourceDefinition"]
    return order.index(obj["kind"]) if obj["kind"] in order else len(order)
