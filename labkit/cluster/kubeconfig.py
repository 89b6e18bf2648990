"""kubeconfig files: making one for a cluster, and merging it into the user's own, with a backup."""

from __future__ import annotations

import base64
import datetime
import os
from pathlib import Path
from typing import Any

import yaml

from labkit.cluster import folders
from labkit.errors import LabError


def make(server: str, name: str, authority: Path, certificate: Path, key: Path, *, inline: bool) -> str:
    """A kubeconfig with one context `name`.

    inline: the certificates' content goes into the file (it can be moved); otherwise their paths do.
    """

    def field(label: str, path: Path) -> dict[str, str]:
        if inline:
            return {f"{label}-data": base64.b64encode(path.read_bytes()).decode()}
        return {label: str(path)}

    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": name, "cluster": {"server": server} | field("certificate-authority", authority)}],
        "users": [{"name": name, "user": field("client-certificate", certificate) | field("client-key", key)}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
        "current-context": name,
    }
    return yaml.safe_dump(config, sort_keys=False)


def user_path() -> Path:
    """The user's kubeconfig: the first file of KUBECONFIG, else ~/.kube/config."""
    first = os.environ.get("KUBECONFIG", "").split(os.pathsep)[0]
    return Path(first) if first else Path.home() / ".kube" / "config"


def merge(source: Path, target: Path) -> Path | None:
    """Put the context of `source` into `target` and make it the current one; returns the backup's path, if there was a file.

    Raises LabError when `target` is not a kubeconfig; it is then left as it was.
    """
    new = yaml.safe_load(source.read_text())
    old, backup = _read(target), None
    if target.exists():
        stamp = datetime.datetime.now().strftime("%Y%m%d-%H%M%S")
        backup = target.with_name(f"{target.name}.before-labkit-{stamp}")
        folders.write_atomically(backup, target.read_text())
    for section in ("clusters", "users", "contexts"):
        names = {entry["name"] for entry in new[section]}
        kept = [entry for entry in old.get(section) or [] if entry.get("name") not in names]
        old[section] = kept + new[section]
    old["current-context"] = new["current-context"]
    folders.make_private(target.parent)
    folders.write_atomically(target, yaml.safe_dump({"apiVersion": "v1", "kind": "Config"} | old, sort_keys=False))
    return backup


def _read(target: Path) -> dict[str, Any]:
    if not target.exists():
        return {}
    try:
        config = yaml.safe_load(target.read_text()) or {}
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        config, why = None, str(error)
    else:
        why = f"It holds a {type(config).__name__}, not a mapping."
    if not isinstance(config, dict):
        raise LabError(f"{target} is not a kubeconfig, so nothing was merged into it.", why, f"Repair or move {target}.")
    return config
