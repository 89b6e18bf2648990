"""Every test has a cache and a state folder of its own, unless it asks for the user's (the cluster tests do)."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def _no_name_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LABKIT_NAME", raising=False)


@pytest.fixture
def own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LABKIT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("LABKIT_STATE", str(tmp_path / "state"))
    return tmp_path
