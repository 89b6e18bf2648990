from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from labkit.cluster import kubeconfig
from labkit.errors import LabError


@pytest.fixture
def source(tmp_path: Path) -> Path:
    for name in ("ca.crt", "admin.crt", "admin.key"):
        (tmp_path / name).write_text(name)
    path = tmp_path / "lab"
    files = [tmp_path / name for name in ("ca.crt", "admin.crt", "admin.key")]
    path.write_text(kubeconfig.make("https://127.0.0.1:1", "labkit-default", *files, inline=True))
    return path


OWN = {
    "apiVersion": "v1",
    "kind": "Config",
    "clusters": [{"name": "work", "cluster": {"server": "https://work.example"}}],
    "users": [{"name": "me", "user": {"token": "secret"}}],
    "contexts": [{"name": "work", "context": {"cluster": "work", "user": "me"}}],
    "current-context": "work",
}


def test_merging_keeps_what_was_there_and_a_backup(source: Path, tmp_path: Path) -> None:
    target = tmp_path / "home" / "config"
    target.parent.mkdir()
    target.write_text(yaml.safe_dump(OWN))
    backup = kubeconfig.merge(source, target)
    assert backup is not None
    assert yaml.safe_load(backup.read_text()) == OWN
    merged = yaml.safe_load(target.read_text())
    assert [entry["name"] for entry in merged["contexts"]] == ["work", "labkit-default"]
    assert merged["users"][0] == OWN["users"][0]
    assert merged["current-context"] == "labkit-default"
    assert target.stat().st_mode & 0o777 == 0o600


def test_merging_twice_adds_nothing(source: Path, tmp_path: Path) -> None:
    target = tmp_path / "config"
    assert kubeconfig.merge(source, target) is None
    once = target.read_text()
    kubeconfig.merge(source, target)
    assert target.read_text() == once


@pytest.mark.parametrize("content", ["- a\n- list\n", "key: [unclosed\n", "just words"])
def test_a_file_that_is_no_kubeconfig_is_left_alone(source: Path, tmp_path: Path, content: str) -> None:
    target = tmp_path / "config"
    target.write_text(content)
    with pytest.raises(LabError, match="not a kubeconfig"):
        kubeconfig.merge(source, target)
    assert target.read_text() == content
    assert list(tmp_path.glob("config.before*")) == []
