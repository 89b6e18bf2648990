from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from labkit.cluster.embedded import nft


@pytest.mark.skipif(shutil.which("apt-get") is None, reason="a system without apt-get: nft has to be installed by hand there")
def test_an_ordinary_user_gets_nft_out_of_the_packages(own_folders: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nft, "find_on_path", lambda name: None)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    folder = nft.ensure(lambda step: None)
    assert folder.is_relative_to(own_folders)
    listed = subprocess.run(["unshare", "-Urn", folder / "nft", "list", "ruleset"], capture_output=True, text=True)
    assert listed.returncode == 0, listed.stderr
    assert nft.ensure(lambda step: None) == folder
