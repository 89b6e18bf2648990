from __future__ import annotations

from pathlib import Path

import pytest
from recorded_kubectl import MakeAccess

from labkit.cluster.access import Access


@pytest.fixture
def make_access(tmp_path: Path) -> MakeAccess:
    """Makes an Access whose kubectl is a shell script."""

    def make(script: str = "exit 1", api_url: str = "https://127.0.0.1:1", gateway_url: str = "http://127.0.0.1:1") -> Access:
        folder = tmp_path / "bin"
        folder.mkdir(exist_ok=True)
        kubectl = folder / "kubectl"
        kubectl.write_text(f"#!/bin/sh\n{script}\n")
        kubectl.chmod(0o755)
        return Access("test", tmp_path / "kubeconfig", "test", api_url, gateway_url, kubectl)

    return make
